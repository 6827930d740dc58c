/* SPDX-License-Identifier: MIT */
/*
 * lesson.h - what every lesson uses and no lesson is about.
 *
 *     figures     five counters, printed as the last line
 *     log         one line per event; repeats are folded into one line
 *     request     connect, send one GET, read what has arrived of the response
 *     start, end  the command line, and the last line
 *
 * Each lesson is a program of one file, so everything here is static.
 *
 * Threads: log and figures: any. start and end: main. A request: its owner.
 */
#ifndef LESSON_H
#define LESSON_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../examples/program.h"

/* --- figures ----------------------------------------------------------- */

/*
 * The same five counters as those of `reveil demo`, with the same definitions,
 * so that `reveil compare` may put them side by side.
 *
 * A wake that finds the id queued already is not counted: it causes no poll.
 * So an executor polls a task once for each wake, except a wake that comes
 * after the task has finished.
 *
 * Atomic, because in the later lessons two threads count.
 */
static struct {
    atomic_ulong polls;       /* polls of the task, by the loop or executor */
    atomic_ulong would_block; /* calls of recv() that returned EAGAIN */
    atomic_ulong epoll_waits; /* calls of epoll_wait() */
    atomic_ulong wakes;       /* task ids put into the ready queue: by spawn()
                                 the first time, by wake() after that */
    atomic_ulong parks;       /* times the executor's thread slept in park() */
} figures;

/* --- log --------------------------------------------------------------- */

/* 1 under ThreadSanitizer: the lock of the log would hide who else has none. */
#ifndef LESSON_QUIET
#define LESSON_QUIET 0
#endif

enum { LESSON_PATHS = 1024, LESSON_PERIOD = 4, LESSON_LAST = 8 };

struct lesson_line {
    const char *thread;
    const char *text; /* NULL: never compared, so never a repeat */
};

static struct {
    pthread_mutex_t lock;
    struct timespec start;
    struct lesson_line last[LESSON_LAST]; /* lines logged, newest last */
    unsigned long held;   /* repeats that are counted, not written */
    unsigned long period; /* if held: how many lines repeat */
    int port;
    int path_count; /* of `paths`, from the command line */
    const char *paths[LESSON_PATHS];
} lesson_state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local const char *lesson_thread = "main";

/* Set the calling thread's name in the log, and for debuggers. */
static inline void lesson_name_thread(const char *name)
{
    /*@probe probe_thread(name); */
    lesson_thread = name;
    prctl(PR_SET_NAME, name);
}

/* Milliseconds since lesson_start(). */
static inline double lesson_now_ms(void)
{
    const struct timespec *start = &lesson_state.start;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) * 1e3 +
           (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

static inline void lesson_put_columns(const char *thread)
{
    printf("%8.1f ms  %-8s ", lesson_now_ms(), thread);
}

static inline void lesson_remember(struct lesson_line line)
{
    memmove(lesson_state.last, lesson_state.last + 1,
            (LESSON_LAST - 1) * sizeof(line));
    lesson_state.last[LESSON_LAST - 1] = line;
}

static inline void lesson_put(struct lesson_line line)
{
    lesson_put_columns(line.thread);
    puts(line.text);
}

/* Compares pointers, not text: a busy loop logs a million repeats. */
static inline bool lesson_same(struct lesson_line a, struct lesson_line b)
{
    return a.text && a.text == b.text && a.thread == b.thread;
}

/* The line logged `back` lines ago; 1 is the last one. */
static inline struct lesson_line lesson_back(unsigned long back)
{
    return lesson_state.last[LESSON_LAST - back];
}

/* Whether the last `period` lines say the same as those before them. */
static inline bool lesson_twice(unsigned long period)
{
    unsigned long i = 1;

    while (i <= period && lesson_same(lesson_back(i), lesson_back(i + period)))
        i++;
    return i > period;
}

/*
 * How many lines repeat, if this one is the first of a repeat; 0: it is not.
 * More than two must have been logged twice, for a line that is held back is
 * not seen until another one comes.
 */
static inline unsigned long lesson_period(struct lesson_line line)
{
    for (unsigned long period = LESSON_PERIOD; period > 2; period--)
        if (lesson_same(line, lesson_back(period)) && lesson_twice(period))
            return period;
    for (unsigned long period = 1; period <= 2; period++)
        if (lesson_same(line, lesson_back(period)))
            return period;
    return 0;
}

/*
 * Count the line instead of writing it, if it repeats the last ones. Returns:
 * false if it must be written.
 */
static inline bool lesson_hold(struct lesson_line line)
{
    if (lesson_state.held == 0)
        lesson_state.period = lesson_period(line);
    if (lesson_state.period == 0 ||
        !lesson_same(line, lesson_back(lesson_state.period)))
        return false;
    lesson_state.held++;
    return true;
}

/* Write one line for the repeats that were counted. */
static inline void lesson_unfold(void)
{
    const unsigned long held = lesson_state.held;
    const unsigned long period = lesson_state.period;

    if (held == 0)
        return;
    lesson_state.held = 0;
    if (held >= period) {
        lesson_put_columns(lesson_back(1).thread);
        printf("... again, %lu time%s (lines above: %lu)\n", held / period,
               held < 2 * period ? "" : "s", period);
    }
    for (unsigned long i = held % period; i > 0; i--)
        lesson_put(lesson_back(i)); /* the begin of one more repeat */
}

/*
 * Log one line. A line that repeats, or a few lines in turn, are written once
 * (more than two: twice) and then counted; a repeat costs a comparison and no
 * clock call.
 *
 * text: a string constant, because repeats are recognized by its address.
 */
static inline void lesson_log(const char *text)
{
    const struct lesson_line line = {lesson_thread, text};

    if (LESSON_QUIET)
        return;
    /*@probe probe_quiet(true); */
    pthread_mutex_lock(&lesson_state.lock);
    if (!lesson_hold(line)) {
        lesson_unfold();
        if (!lesson_hold(line))
            lesson_put(line);
    }
    lesson_remember(line);
    pthread_mutex_unlock(&lesson_state.lock);
    /*@probe probe_quiet(false); */
}

/* Log one line with values in it; such a line is never folded. */
__attribute__((format(printf, 1, 2))) static inline void
lesson_logf(const char *format, ...)
{
    const struct lesson_line line = {lesson_thread, NULL};
    va_list values;

    if (LESSON_QUIET)
        return;
    /*@probe probe_quiet(true); */
    pthread_mutex_lock(&lesson_state.lock);
    lesson_unfold();
    lesson_put_columns(line.thread);
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
    lesson_remember(line);
    pthread_mutex_unlock(&lesson_state.lock);
    /*@probe probe_quiet(false); */
}

/*
 * Log what park() does. permit: an unpark() came first and left one, so that
 * the thread does not sleep; only a sleep counts as a park.
 */
static inline void lesson_log_park(bool permit)
{
    if (permit) {
        lesson_log("Permit found - no sleep");
        return;
    }
    figures.parks++;
    lesson_log("Sleep until notified");
}

/* Log a response, line by line. */
static inline void lesson_log_response(const char *text)
{
    while (*text) {
        const size_t length = strcspn(text, "\n");
        const bool crlf = length > 0 && text[length - 1] == '\r';

        lesson_logf("%.*s", (int)(length - crlf), text);
        text += length + (text[length] == '\n');
    }
}

/* --- request ----------------------------------------------------------- */

/* One GET: its destination, its socket, and what has arrived so far. */
struct lesson_request {
    int port;
    const char *path;
    int stream;    /* the socket; -1 until the request is sent */
    char *text;    /* owned, NUL-terminated; NULL: nothing has arrived */
    size_t length; /* of text */
    int error;     /* 0 or a negative errno */
};

/*@probe __attribute__((unused)) static const char *probe_asked[2]; */
static inline int lesson_send_get(const struct lesson_request *request)
{
    char text[256];
    const int length = snprintf(text, sizeof(text),
                                "GET %s HTTP/1.1\r\n"
                                "Host: 127.0.0.1:%d\r\n"
                                "Connection: close\r\n\r\n",
                                request->path, request->port);
    /*@probe probe_asked[0] = probe_asked[1]; */
    /*@probe probe_asked[1] = request->path; */
    const ssize_t sent =
        send(request->stream, text, (size_t)length, MSG_NOSIGNAL);

    if (sent < 0)
        return -errno;
    return sent == length ? 0 : -EIO;
}

static inline int lesson_connect(const struct lesson_request *request)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)request->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    return connect(request->stream, (const struct sockaddr *)&address,
                   sizeof(address)) < 0
               ? -errno
               : 0;
}

/*
 * Open a socket, connect to 127.0.0.1 and send the GET. On loopback neither
 * connect() nor so small a send() waits, and the lessons are about waiting for
 * the response. The socket is left as it is: recv() on it waits.
 *
 * Returns: 0, or a negative errno, also stored in request->error.
 */
static inline int lesson_send_request(struct lesson_request *request)
{
    int error;

    request->stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (request->stream < 0)
        return request->error = -errno;
    error = lesson_connect(request);
    if (!error)
        error = lesson_send_get(request);
    if (error) {
        close(request->stream);
        request->stream = -1;
    }
    return request->error = error;
}

/*
 * lesson_send_request(), and then make the socket non-blocking.
 *
 * Returns: 0, or a negative errno, also stored in request->error.
 */
static inline int lesson_write_request(struct lesson_request *request)
{
    if (lesson_send_request(request) < 0)
        return request->error;
    if (fcntl(request->stream, F_SETFL, O_NONBLOCK) < 0) {
        request->error = -errno;
        close(request->stream);
        request->stream = -1;
    }
    return request->error;
}

static inline int lesson_append(struct lesson_request *request,
                                const char *piece, size_t length)
{
    char *text = realloc(request->text, request->length + length + 1);

    if (!text)
        return -ENOMEM;
    memcpy(text + request->length, piece, length);
    request->text = text;
    request->length += length;
    text[request->length] = '\0';
    return 0;
}

/*
 * Read a piece of the response.
 *
 * Returns: the bytes read; 0 at the end; -EAGAIN if nothing has arrived yet;
 * any other negative errno, also stored in request->error.
 */
static inline ssize_t lesson_read(struct lesson_request *request)
{
    char piece[4096];
    ssize_t n;

    do
        n = recv(request->stream, piece, sizeof(piece), 0);
    while (n < 0 && errno == EINTR);

    if (n < 0 && errno == EAGAIN) {
        figures.would_block++;
        return -EAGAIN;
    }
    if (n < 0)
        request->error = -errno;
    else if (n > 0)
        request->error = lesson_append(request, piece, (size_t)n);
    return request->error ? request->error : n;
}

/*
 * Log the response, unless the request has failed, and free it.
 *
 * Returns: request->error: 0, or a negative errno.
 */
static inline int lesson_print(struct lesson_request *request)
{
    if (!request->error && request->text)
        lesson_log_response(request->text);
    free(request->text);
    request->text = NULL;
    return request->error;
}

/* --- start and end ----------------------------------------------------- */

/*
 * For calls that fail only if the machine is out of descriptors or memory:
 * return the result, or exit with one message.
 */
static inline int lesson_unwrap(int result, const char *what)
{
    if (result >= 0)
        return result;
    fprintf(stderr, "lesson: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Abort on a bug in the program itself. */
static inline void lesson_expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "lesson: %s\n", what);
    abort();
}

/* Start a thread. It may set its name in the log: lesson_name_thread(). */
static inline void lesson_spawn_thread(pthread_t *thread, void *(*run)(void *),
                                       void *arg)
{
    const int error = pthread_create(thread, NULL, run, arg);

    errno = error;
    lesson_unwrap(-error, "thread");
}

static inline bool lesson_number(const char *text, long low, long high,
                                 long *number)
{
    char *end;

    errno = 0;
    *number = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *number >= low &&
           *number <= high;
}

static inline void lesson_help(const char *what, bool has_sleep)
{
    printf("usage: lesson %s[--help] [PORT [PATH...]]\n%s\n"
           "Sends its GETs to the delay server on 127.0.0.1, port PORT (8080; "
           "1 to 65535).\n"
           "PATH: what to ask for, /MS/TEXT for TEXT after MS milliseconds.\n"
           "The last line has the figures: polls of the task, reads that would "
           "block,\n"
           "calls of epoll_wait, wakes (task ids put into the ready queue, by "
           "the spawn\n"
           "or a waker), parks (the executor's thread slept).\n",
           has_sleep ? "[--sleep MS] " : "", what);
    exit(0);
}

/*
 * Read the command line and start the clock of the log. Call it first.
 *
 * what: one line that describes the lesson, for --help.
 * sleep_ms: NULL if the lesson has no --sleep.
 * Returns: the port. Exits with 2 on an unknown argument.
 */
static inline int lesson_start(int argc, char **argv, const char *what,
                               long *sleep_ms)
{
    bool port_seen = false;
    long number = 8080;

    program_start(1);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            lesson_help(what, sleep_ms);
        if (sleep_ms && strcmp(argv[i], "--sleep") == 0 && i + 1 < argc &&
            lesson_number(argv[i + 1], 1, 60000, sleep_ms)) {
            i++;
        } else if (!port_seen && lesson_number(argv[i], 1, 65535, &number)) {
            port_seen = true;
        } else if (port_seen && argv[i][0] == '/' &&
                   lesson_state.path_count < LESSON_PATHS) {
            lesson_state.paths[lesson_state.path_count++] = argv[i];
        } else {
            fprintf(stderr, "lesson: unknown argument '%s'; see --help\n",
                    argv[i]);
            exit(2);
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* live, also through a pipe */
    clock_gettime(CLOCK_MONOTONIC, &lesson_state.start);
    lesson_state.port = (int)number;
    return lesson_state.port;
}

/* How many GETs to send: the PATHs of the command line, or two. */
static inline int lesson_path_count(void)
{
    return lesson_state.path_count ? lesson_state.path_count : 2;
}

/* The i-th PATH of the command line, or what is asked for without one. */
static inline const char *lesson_path(int i)
{
    static const char *const defaults[] = {"/600/HelloAsyncAwait",
                                           "/400/HelloAsyncAwait"};

    if (i < lesson_state.path_count)
        return lesson_state.paths[i];
    return defaults[i % 2];
}

/*
 * Write the figures, and the error if there was one. Call it last, when no
 * other thread runs.
 *
 * error: 0, or the negative errno that the program ends with.
 * Returns: the exit status.
 */
static inline int lesson_end(int error)
{
    const int port = lesson_state.port;

    lesson_unfold();
    printf("figures {\"polls\":%lu,\"would_block\":%lu,\"epoll_waits\":%lu,"
           "\"wakes\":%lu,\"parks\":%lu}\n",
           figures.polls, figures.would_block, figures.epoll_waits,
           figures.wakes, figures.parks);
    if (error == -ECONNREFUSED)
        fprintf(stderr,
                "lesson: no server listens on 127.0.0.1:%d; start one first: "
                "./reveil serve --port %d\n",
                port, port);
    else if (error)
        fprintf(stderr, "lesson: the request failed: %s\n", strerror(-error));
    return error ? 1 : 0;
}

#endif /* LESSON_H */
