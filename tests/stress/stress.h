/* SPDX-License-Identifier: MIT */
/*
 * stress.h - what the stress programs share: a count from the command line,
 * checks that stay on, a watchdog, and a counter that ThreadSanitizer does
 * not see.
 *
 * They have a plain main because Criterion does not start under
 * ThreadSanitizer. Each exits 0, or 1 with one line on fd 2.
 */
#ifndef RV_STRESS_H
#define RV_STRESS_H

#include <reveil/reveil.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* When nothing moves any more, on however slow and busy a machine. */
enum { STRESS_WATCHDOG_S = 1200 };

#define STRESS_CHECK(cond, what)                                             \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, __func__, \
                    what);                                                   \
            _exit(1);                                                        \
        }                                                                    \
    } while (0)

/*
 * A counter with a release and an acquire that ThreadSanitizer does not know
 * of. The programs use it to say "my wake has returned". If the sanitizer saw
 * that, it would take it for the ordering that the wake itself must give, and a
 * wake that publishes nothing would go unnoticed.
 */
struct stress_hidden {
    uint32_t value;
};

#ifdef __clang__ /* its no_sanitize leaves the atomic operations visible */
#define STRESS_HIDDEN \
    __attribute__((disable_sanitizer_instrumentation, noinline)) static
#else
#define STRESS_HIDDEN __attribute__((no_sanitize("thread"), noinline)) static
#endif

__attribute__((unused)) STRESS_HIDDEN uint32_t
stress_hidden_get(const struct stress_hidden *counter)
{
    return __atomic_load_n(&counter->value, __ATOMIC_ACQUIRE);
}

__attribute__((unused)) STRESS_HIDDEN void
stress_hidden_add(struct stress_hidden *counter)
{
    __atomic_fetch_add(&counter->value, 1, __ATOMIC_RELEASE);
}

static const char *stress_phase = "start";
static const char *stress_only; /* the phase that was asked for; NULL: all */

static inline void stress_hang(int signal_number)
{
    static const char text[] = "hang: nothing moves any more in: ";
    ssize_t ignored;

    (void)signal_number;
    ignored = write(2, text, sizeof text - 1);
    ignored = write(2, stress_phase, strlen(stress_phase));
    ignored = write(2, "\n", 1);
    (void)ignored;
    _exit(1);
}

/* A hang becomes exit 1 with a line; the library itself does not change
 * signals. */
static inline void stress_watchdog(void)
{
    struct sigaction action = {.sa_handler = stress_hang};

    sigaction(SIGALRM, &action, NULL);
    alarm(STRESS_WATCHDOG_S);
}

/* The first of at most `most` arguments, or `otherwise`. */
static inline uint32_t stress_count_of(int argc, char **argv, int most,
                                       uint32_t otherwise)
{
    char *end;
    unsigned long count;

    if (argc < 2)
        return otherwise;
    count = strtoul(argv[1], &end, 10);
    if (*end || count == 0 || count > 100000000 || argc > 1 + most) {
        fprintf(stderr, "usage: %s %s\n", argv[0],
                most == 1 ? "[COUNT]" : "[COUNT [PHASE]]");
        _exit(2);
    }
    return (uint32_t)count;
}

static inline uint32_t stress_count(int argc, char **argv, uint32_t otherwise)
{
    return stress_count_of(argc, argv, 1, otherwise);
}

/* For a program that can run one phase alone: [COUNT [PHASE]]. */
static inline uint32_t stress_count_and_phase(int argc, char **argv,
                                              uint32_t otherwise)
{
    if (argc > 2)
        stress_only = argv[2];
    return stress_count_of(argc, argv, 2, otherwise);
}

/* Whether the phase is to run; the watchdog names it from now on. */
static inline bool stress_enter(const char *phase)
{
    if (stress_only && strcmp(phase, stress_only) != 0)
        return false;
    stress_phase = phase;
    return true;
}

/* The exit status: an unknown phase is an error. */
static inline int stress_end(void)
{
    if (!stress_only || strcmp(stress_phase, stress_only) == 0)
        return 0;
    fprintf(stderr, "no phase '%s'\n", stress_only);
    return 2;
}

/* A small random number, different in each thread; for nothing else. */
static inline uint32_t stress_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Spend about `turns` loop iterations, so that two threads meet at varying
 * points. */
static inline void stress_dawdle(uint32_t turns)
{
    for (uint32_t i = 0; i < turns; i++)
        __asm__ volatile("" ::: "memory");
}

/* --- waiting for tasks ------------------------------------------------- */

struct stress_all {
    struct rv_future future;
    struct rv_join *joins;
    int len;
    int i;
};

static inline enum rv_poll stress_all_poll(struct rv_future *future,
                                           struct rv_cx *cx)
{
    struct stress_all *self =
        RV_CONTAINER_OF(future, struct stress_all, future);

    RV_BEGIN(future);
    for (; self->i < self->len; self->i++) {
        RV_AWAIT(future, cx, &self->joins[self->i].future);
        STRESS_CHECK(self->joins[self->i].future.result == 0, "a task failed");
        rv_join_drop(&self->joins[self->i]);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

/* Run the executor until all these tasks have ended, each with result 0. */
static inline void stress_block_on_all(struct rv_executor *executor,
                                       struct rv_join *joins, int len)
{
    static const struct rv_future_ops ops = {.name = "stress_all",
                                             .poll = stress_all_poll};
    struct stress_all all = {.joins = joins, .len = len};

    rv_future_init(&all.future, &ops);
    STRESS_CHECK(rv_block_on(executor, &all.future) == 0, "block_on failed");
}

/* Memory for a future, with its operations. */
static inline void *stress_future(size_t size_bytes,
                                  const struct rv_future_ops *ops)
{
    struct rv_future *future = rv_alloc(size_bytes);

    STRESS_CHECK(future, "no memory");
    rv_future_init(future, ops);
    return future;
}

/* --- misuse ------------------------------------------------------------ */

/*
 * Run fn(arg) in a child of fork(), and read what it writes to fd 2, up to
 * said_bytes - 1 of it. Call it while the program has one thread: the child may
 * start a runtime then.
 *
 * Returns: the child's status, as of waitpid(2); 0 if fn() has returned.
 */
__attribute__((unused)) static int
stress_in_child(void (*fn)(void *arg), void *arg, char *said, size_t said_bytes)
{
    size_t len = 0;
    int status = -1;
    int fds[2];
    pid_t child;
    ssize_t n;

    STRESS_CHECK(pipe(fds) == 0, "pipe");
    child = fork();
    STRESS_CHECK(child >= 0, "fork");
    if (child == 0) {
        dup2(fds[1], STDERR_FILENO);
        fn(arg);
        _exit(0);
    }
    close(fds[1]);
    while (len + 1 < said_bytes &&
           (n = read(fds[0], said + len, said_bytes - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(fds[0]);
    STRESS_CHECK(waitpid(child, &status, 0) == child, "waitpid");
    return status;
}

/* Whether fn(arg) ends the program with a message that has this text. */
__attribute__((unused)) static bool stress_is_loud(void (*fn)(void *arg),
                                                   void *arg, const char *text)
{
    char said[4096];
    const int status = stress_in_child(fn, arg, said, sizeof said);

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
           strstr(said, text);
}

#endif /* RV_STRESS_H */
