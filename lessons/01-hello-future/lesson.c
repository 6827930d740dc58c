/* SPDX-License-Identifier: MIT */
/*
 * Lesson 01, hello-future - what is a future?
 *
 * New here: a future. It is a struct with a function poll(). The struct
 * remembers how far the work has advanced; each poll() advances it a little and
 * says READY or NOT_READY. Nothing happens between two polls: there is no
 * thread in it.
 *
 * hello writes a text into a pipe, at most PIECE bytes at each poll. Its twin
 * sync_hello() does the same as an ordinary function: to call it is to do it.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: one.
 */
#include "../lesson.h"

#include <sys/ioctl.h>

/* --- Future: a value that is not there yet, polled --------------------- */

enum poll_state { NOT_READY, READY };

/* Lazy: it starts at its first poll. */
struct future {
    enum poll_state (*poll)(struct future *self);
    int error; /* once READY: 0, or a negative errno */
};

/* --- hello: writes a text into a pipe, a piece at each poll ------------ */

enum { PIECE = 8 }; /* bytes written at one poll, at most */

static enum poll_state hello_poll(struct future *future);

/*@probe static enum poll_state probe_hello_poll(struct future *future); */
/*@probe static size_t probe_room(const char *text, size_t length); */
/*@probe #define hello_poll probe_hello_poll */
/*@todo 1.1 hello_new | hello_new
en: Return a hello that knows all that its polls will need: its poll function,
en: the pipe `out`, the text and its length. Nothing is written here.
fr: Renvoyez un hello qui sait tout ce dont ses sondages auront besoin : sa
fr: fonction poll, le tube `out`, le texte et sa longueur. Rien ne s'écrit ici.
stub:
struct hello {
    struct future future; /+ first member: a pointer to it can be cast +/
    enum { START, WRITING, DONE } state;
    int out;
    const char *text;
    size_t length;
    size_t written; /+ of length +/
};

static struct hello hello_new(int out, const char *text)
{
    (void)out;
    (void)text;
    return (struct hello){.future.poll = hello_poll};
}
*/
struct hello {
    struct future future; /* first member: a pointer to it can be cast */
    enum { START, WRITING, DONE } state;
    int out;
    const char *text;
    size_t length;
    size_t written; /* of length */
};

static struct hello hello_new(int out, const char *text)
{
    return (struct hello){
        .future.poll = hello_poll,
        .state = START,
        .out = out,
        .text = text,
        .length = strlen(text),
    };
}
/*@end 1.1*/
/*@probe #undef hello_poll */

/*@probe #define write(fd, text, n) write(fd, text, probe_room(text, n)) */
/*@todo 1.2 hello_poll | hello_poll
en: START: lesson_log("First poll - start operation"), then as WRITING.
en: WRITING: write() the next piece, at most PIECE bytes. It may take fewer.
en: EAGAIN: the pipe is full. NOT_READY as long as something is left to write.
en: Another error: -errno into future->error, and READY. DONE: only READY.
fr: START : lesson_log("First poll - start operation"), puis comme WRITING.
fr: WRITING : write() du morceau suivant, au plus PIECE octets. Il peut en
fr: prendre moins. EAGAIN : le tube est plein. NOT_READY tant qu'il reste à
fr: écrire. Autre erreur : -errno dans future->error, et READY. DONE : READY.
stub:
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;

    (void)self;
    return READY;
}
*/
static enum poll_state hello_poll(struct future *future)
{
    struct hello *self = (struct hello *)future;
    size_t piece = self->length - self->written;
    ssize_t n;

    if (self->state == DONE)
        return READY;
    if (self->state == START)
        lesson_log("First poll - start operation");
    self->state = WRITING;

    n = write(self->out, self->text + self->written,
              piece < PIECE ? piece : PIECE);
    if (n > 0)
        self->written += (size_t)n;
    else if (n < 0 && errno != EAGAIN)
        future->error = -errno;
    if (self->written < self->length && !future->error)
        return NOT_READY;
    self->state = DONE;
    return READY;
}
/*@end 1.2*/
/*@probe #undef write */
/*@probe static size_t probe_limit = 1 << 20; */
/*@probe static unsigned long probe_writes; */
/*@probe static unsigned long probe_polls; */
/*@probe static struct future *probe_over; */
/*@probe static size_t probe_room(const char *text, size_t length) */
/*@probe { */
/*@probe     const long probe_below = (const char *)&length - text; */
/*@probe     if (probe_below > 0 && probe_below < 8192) */
/*@probe         probe_fail("DANGLING POINTER @1.1", "text", probe_below, 0, 0); */
/*@probe     if (++probe_writes > 10000) */
/*@probe         probe_fail("NEVER YIELDED", "writes", 10000, 0, 0); */
/*@probe     return length < probe_limit ? length : probe_limit; */
/*@probe } */
/*@probe static enum poll_state probe_hello_poll(struct future *future) */
/*@probe { */
/*@probe     enum poll_state probe_state; */
/*@probe     probe_event(PROBE_POLL, 0, -1, -1); */
/*@probe     if (future == probe_over) */
/*@probe         probe_fail("POLLED AFTER READY", "again", 0, 0, 0); */
/*@probe     if (++probe_polls > 10000) */
/*@probe         probe_fail("NEVER READY", "polls", 10000, 0, 0); */
/*@probe     probe_writes = 0; */
/*@probe     probe_state = hello_poll(future); */
/*@probe     if (probe_state == READY) */
/*@probe         probe_over = future; */
/*@probe     if (probe_state == READY) */
/*@probe         probe_event(PROBE_READY, 0, -1, -1); */
/*@probe     else */
/*@probe         probe_event(PROBE_PENDING, 0, -1, -1); */
/*@probe     return probe_state; */
/*@probe } */

/* --- The loop that polls it -------------------------------------------- */

/* A future that a loop polls is called a task. Its polls are counted. */
static enum poll_state poll_task(struct future *task)
{
    figures.polls++;
    return task->poll(task);
}

/*@todo 1.3 run_to_end | run_to_end
en: Poll the task, with poll_task(), until it is READY, and never again. After
en: each NOT_READY others could have their turn: lesson_log("Schedule other
en: tasks").
fr: Sondez la tâche, avec poll_task(), jusqu'à ce qu'elle soit READY, et plus
fr: jamais ensuite. Après chaque NOT_READY, d'autres tâches pourraient avoir
fr: leur tour : lesson_log("Schedule other tasks").
stub:
static void run_to_end(struct future *task)
{
    poll_task(task);
}
*/
static void run_to_end(struct future *task)
{
    while (poll_task(task) == NOT_READY)
        lesson_log("Schedule other tasks");
}
/*@end 1.3*/

/* --- The twin: an ordinary function ------------------------------------ */

/* Returns when all is written, and not before. */
static void sync_hello(int out, const char *text)
{
    const size_t length = strlen(text);
    size_t written = 0;

    while (written < length) {
        const ssize_t n = write(out, text + written, length - written);

        written += (size_t)lesson_unwrap((int)n, "write");
    }
}

/* --- main -------------------------------------------------------------- */

static int bytes_in(int pipe)
{
    int count = 0;

    lesson_unwrap(ioctl(pipe, FIONREAD, &count), "pipe");
    return count;
}

static void print_pipe(int pipe)
{
    char text[256];
    const ssize_t n = read(pipe, text, sizeof(text));

    if (n > 0)
        lesson_logf("the pipe gives: %.*s", (int)n, text);
}

int main(int argc, char **argv)
{
    const char *text = argc == 3 ? argv[2] : "Hello, future!";
    struct hello hello;
    int ends[2]; /* of a pipe: what goes in at 1 comes out at 0 */

    lesson_start(argc == 3 ? 2 : argc, argv,
                 "Lesson 01: a text in pieces, by a future and by a function.",
                 NULL);
    lesson_unwrap(pipe2(ends, O_NONBLOCK | O_CLOEXEC), "pipe");

    hello = hello_new(ends[1], text);
    lesson_logf("hello_new is back: %d bytes in the pipe", bytes_in(ends[0]));
    run_to_end(&hello.future);
    lesson_logf("hello is READY: %d bytes in the pipe", bytes_in(ends[0]));
    print_pipe(ends[0]);

    sync_hello(ends[1], text);
    lesson_logf("sync_hello is back: %d bytes in the pipe", bytes_in(ends[0]));
    print_pipe(ends[0]);
    return lesson_end(hello.future.error);
}
