/* SPDX-License-Identifier: MIT */
/*
 * Lesson 11, pipes-and-callables - can bytes carry work?
 *
 * New here: two pipes in packet mode, and a block of memory that carries a
 * function with its arguments and its result.
 *
 *     main                                      the pipe thread
 *     callable_new()
 *     submit: 16 bytes, address and size  --->  read: 16 bytes
 *                                               callable_call()
 *     pipe_read_poll(): 1 byte            <---  write: 1 byte
 *     the result is in the block
 *
 * First main measures pipes: how much goes in until one is full.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main; the pipe thread, which runs pipe_thread_loop() only.
 */
#include "../lesson.h"

#include <limits.h>
#include <poll.h>
/*@probe #include <stddef.h> */
/*@probe #include <sys/ioctl.h> */
/*@probe #include <sys/uio.h> */

/*@probe #include <stdint.h> */
/*@probe static ssize_t probe_read(int fd, void *to, size_t bytes); */
/*@probe static ssize_t probe_write(int fd, const void *from, size_t bytes); */
/*@probe static int probe_pipe2(int *ends, int flags); */
/*@probe static void *probe_malloc(size_t bytes); */
/*@probe static void *probe_calloc(size_t count, size_t bytes); */
/*@probe static void probe_free(void *block); */
/*@probe static int probe_close(int fd); */
/*@probe static ssize_t probe_writev(int fd, const struct iovec *parts, int count); */
/*@probe static ssize_t probe_readv(int fd, const struct iovec *parts, int count); */
/*@probe static void probe_called(const void *state, void *result); */
/*@probe static void probe_start(const int *jobs, const int *done); */
/*@probe struct callable; */
/*@probe struct pipe_thread; */
/*@probe struct pipe_read; */
/*@probe #define read(...) probe_read(__VA_ARGS__) */
/*@probe #define write(...) probe_write(__VA_ARGS__) */
/*@probe #define pipe2(...) probe_pipe2(__VA_ARGS__) */
/*@probe #define malloc(...) probe_malloc(__VA_ARGS__) */
/*@probe #define calloc(...) probe_calloc(__VA_ARGS__) */
/*@probe #define free(...) probe_free(__VA_ARGS__) */
/*@probe #define close(...) probe_close(__VA_ARGS__) */
/*@probe #define writev(...) probe_writev(__VA_ARGS__) */
/*@probe #define readv(...) probe_readv(__VA_ARGS__) */
/* --- Part one: pipes ---------------------------------------------------- */

/*@todo 11.1 packets_that_fit
en: Make a pipe with these flags (0, or O_DIRECT for packet mode), write packets
en: of so many bytes until it is full, and return how many went in. A write
en: that waits for room waits for ever, as nobody reads here: O_NONBLOCK is
en: missing.
fr: Créez un tube avec ces drapeaux (0, ou O_DIRECT pour le mode paquet),
fr: écrivez-y des paquets de tant d'octets jusqu'à ce qu'il soit plein, et
fr: renvoyez combien y sont entrés. Qui attend de la place attend pour
fr: toujours, car personne ne lit ici : il manque O_NONBLOCK.
stub:
static long packets_that_fit(int flags, size_t bytes)
{
    static const char packet[PIPE_BUF];
    long count = 0;
    int ends[2];

    lesson_unwrap(pipe2(ends, flags | O_CLOEXEC), "pipe");
    (void)packet;
    (void)bytes;
    close(ends[0]);
    close(ends[1]);
    return count;
}
*/
static long packets_that_fit(int flags, size_t bytes)
{
    static const char packet[PIPE_BUF];
    long count = 0;
    int ends[2];

    lesson_unwrap(pipe2(ends, flags | O_CLOEXEC | O_NONBLOCK), "pipe");
    while (write(ends[1], packet, bytes) == (ssize_t)bytes)
        count++;
    close(ends[0]);
    close(ends[1]);
    return count;
}
/*@end 11.1*/
/*@probe static long probe_packets_that_fit(int flags, size_t bytes); */
/*@probe #define packets_that_fit probe_packets_that_fit */

enum poll_state { NOT_READY, READY };

/* A future: `wanted` bytes out of a pipe, whose end is non-blocking. READY with
 * fewer bytes: no more can come. */
struct pipe_read {
    int end;
    char *to; /* room for all that are wanted */
    size_t wanted;
    size_t got; /* so far */
};

/*@todo 11.2 pipe_read_poll
en: Read what is there, behind what has come before, until all wanted bytes are
en: there: READY. Nothing there now (EAGAIN): NOT_READY. No more can come,
en: because all write ends are closed (0), or an error: READY too.
fr: Lisez ce qui est là, à la suite de ce qui est déjà venu, jusqu'à ce que
fr: tous les octets voulus y soient : READY. Rien pour l'instant (EAGAIN) :
fr: NOT_READY. Plus rien ne peut venir, car tous les bouts d'écriture sont
fr: fermés (0), ou une erreur : READY aussi.
stub:
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    (void)self;
    return READY;
}
*/
static enum poll_state pipe_read_poll(struct pipe_read *self)
{
    while (self->got < self->wanted) {
        const ssize_t n =
            read(self->end, self->to + self->got, self->wanted - self->got);

        if (n < 0 && errno == EAGAIN)
            return NOT_READY;
        if (n <= 0)
            return READY;
        self->got += (size_t)n;
    }
    return READY;
}
/*@end 11.2*/
/*@probe static enum poll_state probe_pipe_read_poll(struct pipe_read *self); */
/*@probe #define pipe_read_poll probe_pipe_read_poll */

/* --- Part two: callables ------------------------------------------------ */

/* A function that knows its types, behind a pointer that does not. */
typedef void (*call_function)(const void *state, void *result);

/* The header of a block in the heap. Whoever has its address can call the
 * function, and need not know what it does:
 *
 *     +----------------+-------+---------+--------+
 *     | struct callable| state | (a gap) | result |
 *     +----------------+-------+---------+--------+
 *     ^ its address     ^ state            ^ state + result_at
 */
struct callable {
    call_function call;
    size_t bytes;     /* of the whole block */
    size_t result_at; /* counted from `state`, a multiple of 16 */
    _Alignas(16) char state[];
};

static void *callable_result(struct callable *self)
{
    return self->state + self->result_at;
}

/*@todo 11.3 callable_new and callable_call | callable_new et callable_call
en: callable_new(): a block with malloc(), big enough for the three parts; fill
en: in the header, and copy the state, as the caller's is gone when the call
en: comes. callable_call(): one line, the call with the two parts of the block.
fr: callable_new() : un bloc par malloc(), assez grand pour les trois parties ;
fr: remplissez l'en-tête et copiez l'état, car celui de l'appelant n'existe
fr: plus quand vient l'appel. callable_call() : une ligne, l'appel avec les deux
fr: parties du bloc.
stub:
static struct callable *callable_new(call_function call, const void *state,
                                     size_t state_bytes, size_t result_bytes)
{
    (void)call;
    (void)state;
    (void)state_bytes;
    (void)result_bytes;
    return NULL;
}

static void callable_call(struct callable *self)
{
    (void)self;
}
*/
static struct callable *callable_new(call_function call, const void *state,
                                     size_t state_bytes, size_t result_bytes)
{
    const size_t result_at = (state_bytes + 15) / 16 * 16;
    const size_t bytes = sizeof(struct callable) + result_at + result_bytes;
    struct callable *self = malloc(bytes);

    lesson_unwrap(self ? 0 : -1, "memory");
    *self = (struct callable){call, bytes, result_at};
    memcpy(self->state, state, state_bytes);
    return self;
}

static void callable_call(struct callable *self)
{
    self->call(self->state, callable_result(self));
}
/*@end 11.3*/
/*@probe static struct callable *probe_callable_new(call_function call, */
/*@probe     const void *state, size_t state_bytes, size_t result_bytes); */
/*@probe #define callable_new probe_callable_new */

/* What goes through the pipe of jobs. */
struct packet {
    struct callable *callable;
    size_t bytes;
};

enum { PACKET_BYTES = sizeof(struct packet) };

struct pipe_thread {
    int jobs[2]; /* packets: main writes to jobs[1] */
    int done[2]; /* bytes: main reads from done[0], which is non-blocking */
    pthread_t thread;
};

/*@todo 11.4 pipe_thread_submit and pipe_thread_stop | pipe_thread_submit et pipe_thread_stop
en: pipe_thread_submit(): write one packet, the callable's address and size, to
en: jobs[1]; true if it went in. pipe_thread_stop(): close jobs[1], which is how
en: the pipe thread learns that no more come; wait for its end with
en: pthread_join(); close done[0].
fr: pipe_thread_submit() : écrivez un paquet, l'adresse et la taille du
fr: callable, dans jobs[1] ; true s'il est entré. pipe_thread_stop() : fermez
fr: jobs[1], car c'est ainsi que le thread à tubes apprend qu'il n'en viendra
fr: plus ; attendez sa fin par pthread_join() ; fermez done[0].
stub:
static bool pipe_thread_submit(struct pipe_thread *self,
                               struct callable *callable)
{
    (void)self;
    (void)callable;
    return false;
}

static void pipe_thread_stop(struct pipe_thread *self)
{
    (void)self;
}
*/
static bool pipe_thread_submit(struct pipe_thread *self,
                               struct callable *callable)
{
    const struct packet packet = {callable, callable->bytes};

    return write(self->jobs[1], &packet, PACKET_BYTES) == PACKET_BYTES;
}

static void pipe_thread_stop(struct pipe_thread *self)
{
    close(self->jobs[1]);
    pthread_join(self->thread, NULL);
    close(self->done[0]);
}
/*@end 11.4*/
/*@probe static bool probe_submit(struct pipe_thread *self, */
/*@probe                          struct callable *callable); */
/*@probe static void probe_stop(struct pipe_thread *self); */
/*@probe #define pipe_thread_submit probe_submit */
/*@probe #define pipe_thread_stop probe_stop */

/*@todo 11.5 pipe_thread_loop
en: As long as whole packets come out of `jobs`: read one, call the callable,
en: and write one byte to `done`, which says that the result is there. Then
en: close both ends. The callable is main's: from the byte on, do not touch it.
fr: Tant qu'il sort de `jobs` des paquets entiers : lisez-en un, appelez le
fr: callable, et écrivez dans `done` un octet, qui dit que le résultat est là.
fr: Ensuite, fermez les deux bouts. Le callable est à main : dès l'octet écrit,
fr: n'y touchez plus.
stub:
static void pipe_thread_loop(int jobs, int done)
{
    (void)jobs;
    close(done);
}
*/
static void pipe_thread_loop(int jobs, int done)
{
    struct packet packet;

    while (read(jobs, &packet, PACKET_BYTES) == PACKET_BYTES) {
        callable_call(packet.callable);
        if (write(done, "", 1) != 1)
            break;
    }
    close(jobs);
    close(done);
}
/*@end 11.5*/
/*@probe static void probe_loop(int jobs, int done); */
/*@probe #define pipe_thread_loop probe_loop */

static void *pipe_thread_main(void *arg)
{
    const struct pipe_thread *self = arg;

    lesson_name_thread("pipe");
    pipe_thread_loop(self->jobs[0], self->done[1]);
    return NULL;
}

static void pipe_thread_start(struct pipe_thread *self)
{
    lesson_unwrap(pipe2(self->jobs, O_DIRECT | O_CLOEXEC), "pipe");
    lesson_unwrap(pipe2(self->done, O_DIRECT | O_CLOEXEC), "pipe");
    lesson_unwrap(fcntl(self->done[0], F_SETFL, O_NONBLOCK), "pipe");
    /*@probe probe_start(self->jobs, self->done); */
    lesson_spawn_thread(&self->thread, pipe_thread_main, self);
}

/* --- Two kinds of jobs --------------------------------------------------- */

struct sum {
    int a;
    int b;
};

static void sum_call(const void *state, void *result)
{
    const struct sum *sum = state;

    /*@probe probe_called(state, result); */
    *(int *)result = sum->a + sum->b;
}

struct letters {
    char letter;
    char text[20];
};

static void letters_call(const void *state, void *result)
{
    const struct letters *letters = state;
    int count = 0;

    /*@probe probe_called(state, result); */
    for (const char *at = letters->text; *at; at++)
        count += *at == letters->letter;
    *(int *)result = count;
}

/* --- main ---------------------------------------------------------------- */

enum { JOBS = 6 };

/* The i-th job. Its state is gone when this function returns. */
static struct callable *new_job(int i)
{
    const struct sum sum = {i, 100};
    const struct letters letters = {(char)('a' + i), "abracadabra"};

    return i % 2 ? callable_new(sum_call, &sum, sizeof(sum), sizeof(int))
                 : callable_new(letters_call, &letters, sizeof(letters),
                                sizeof(int));
}

static void run_jobs(struct pipe_thread *thread)
{
    struct callable *callables[JOBS];
    char bytes[JOBS];
    struct pipe_read done = {.end = thread->done[0], .to = bytes};

    for (int i = 0; i < JOBS; i++) {
        callables[i] = new_job(i);
        if (callables[i] && pipe_thread_submit(thread, callables[i]))
            done.wanted++;
    }
    while (pipe_read_poll(&done) == NOT_READY)
        poll(&(struct pollfd){done.end, POLLIN, 0}, 1, -1); /* sleep */
    lesson_logf("%zu of %d jobs are done", done.got, JOBS);
    for (int i = 0; i < JOBS; i++) {
        if (done.got == JOBS)
            lesson_logf("job %d: %d", i, *(int *)callable_result(callables[i]));
        free(callables[i]);
    }
}

int main(int argc, char **argv)
{
    struct pipe_thread thread;

    lesson_start(argc, argv, "Lesson 11: a function call through a pipe.",
                 NULL);
    for (size_t bytes = 1; bytes <= PIPE_BUF; bytes *= 64)
        lesson_logf("until full: %ld writes of %zu B, %ld packets",
                    packets_that_fit(0, bytes), bytes,
                    packets_that_fit(O_DIRECT, bytes));
    pipe_thread_start(&thread);
    run_jobs(&thread);
    pipe_thread_stop(&thread);
    return 0;
}
