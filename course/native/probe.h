/* SPDX-License-Identifier: MIT */
/*
 * probe.h - what the check build of a lesson says of itself.
 *
 * Used in the probe lines of lesson.c and in check.c; never by a learner. The
 * checker puts a random word into every name that begins with probe_, so that
 * no region can call these functions.
 *
 *     probe_event(PROBE_POLL, task_id, -1, 0);       one event of the trace
 *     PROBE_CASE(eight) { ... probe_expect(n == 8, "LOST WAKE", "key", n, 0,
 * 0); }
 *
 * Events go to memory that the runner shares, so they survive a crash.
 * System calls and pthread calls are recorded without a word: probe.c defines
 * connect, recv, epoll_wait, pthread_cond_wait and the like, and calls the real
 * ones. A case runs in a process of its own and ends when its body returns.
 *
 * Threads: any.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>

/* The kinds of the trace, in the order of probe_kinds in /course/trace.py. */
enum probe_kind {
    PROBE_THREAD_START,
    PROBE_THREAD_END,
    PROBE_SPAWN, /* task */
    PROBE_PUSH,  /* task: its id is in the ready queue now */
    PROBE_POP,   /* task: its id was taken out of the ready queue */
    PROBE_POLL,  /* task: a poll begins */
    PROBE_READY, /* task: the poll said READY */
    PROBE_PENDING,
    PROBE_WAKE,        /* task: wake() was called; its id is not queued */
    PROBE_WAKE_AGAIN,  /* task: wake() was called; its id is queued already */
    PROBE_UNPARK,      /* value: thread woken (0: the executor's) */
    PROBE_PARK,        /* park() is called (recorded where it sleeps, if it
                          does); PERMIT or AWAKE comes after it */
    PROBE_PERMIT,      /* park() has returned and did not sleep */
    PROBE_AWAKE,       /* park() has returned from a sleep */
    PROBE_REGISTER,    /* source, value = descriptor */
    PROBE_DEREGISTER,  /* source */
    PROBE_SET_WAKER,   /* source, task */
    PROBE_EPOLL_WAIT,  /* by itself */
    PROBE_EPOLL_DONE,  /* by itself: value = events */
    PROBE_EVENT,       /* source: an event of it is handled */
    PROBE_CONNECT,     /* by itself: value = descriptor */
    PROBE_SEND,        /* by itself: value = bytes */
    PROBE_RECV,        /* by itself: value = bytes, 0 = the end */
    PROBE_WOULD_BLOCK, /* by itself */
    PROBE_READ,        /* by itself: value = bytes */
    PROBE_WRITE,       /* by itself: value = bytes */
    PROBE_SLEEP,       /* by itself: value = ms, rounded up */
    PROBE_BLOCK,       /* by itself: a call that blocked, value = ms */
    PROBE_TICK,        /* the clock task has run */
    PROBE_LOG,         /* value = index in logs */
    PROBE_DROP,
    PROBE_TIMER,
    PROBE_JOB_QUEUED,
    PROBE_JOB_START,
    PROBE_JOB_DONE,
    PROBE_SUBMIT,
    PROBE_COMPLETE,
    PROBE_STEAL,
    PROBE_SWITCH,
    PROBE_CHAN_SEND,
    PROBE_CHAN_RECV,
    PROBE_CHAN_WAIT,
    PROBE_ANSWER,
    PROBE_END,
    PROBE_CLOSE, /* by itself: value = descriptor */

    /* Not in the trace; evidence for a verdict. */
    PROBE_GET,   /* a GET was polled; value = 1: READY */
    PROBE_ASK,   /* source, value = descriptor: it is to be registered */
    PROBE_PASS,  /* the event of this source was passed on to the reactor; value
                    = 1: the waker that was left for it is there; 2: it was and
                    is not any more; 0: not known */
    PROBE_EMPTY, /* task: its id was in the ready queue, and pop said: empty */
    PROBE_KEPT,  /* task: READY, and among the tasks when the executor parks */
    PROBE_LOCKED, /* by itself: a lock that was waited for, value = µs */

    /* In the trace again. */
    PROBE_AWAIT, /* the library's: a task of a scheduler awaits a future */
    PROBE_LEVEL, /* source: a bar of expect.toml's [bars]; value: how high */
    PROBE_NOTE,  /* source: a sentence of expect.toml's [notes]; task and value
                    are its {task} and {value} */
    PROBE_FRAME, /* task: a stack of [stacks]; source: a frame of [frames], that
                    is pushed; -1: the last one is popped. value: bytes used */
    PROBE_ENTER, /* by itself: io_uring_enter(), value = entries it took */
    PROBE_STACK, /* task: the stack that the thread's stack pointer is in now */
    PROBE_KINDS
};

/* --- events ------------------------------------------------------------ */

/* -1: no task, no source. */
void probe_event(enum probe_kind kind, long task, long source, long value);

/* How many events of this kind there were since the start or probe_reset(). */
unsigned long probe_count(enum probe_kind kind);
void probe_reset(void);

/* The same without what the library has done by itself (in a lesson that is
 * linked with it; elsewhere both are equal). */
unsigned long probe_own_count(enum probe_kind kind);

/* A figure of the lesson's own, for [figures.NAME] of expect.toml; the last
 * value counts. At most 16 names. */
void probe_figure(const char *name, long value);
void probe_figure_add(const char *name, long value);

/*
 * The delay sweep may sleep here. For a place between two steps of a learner's
 * function where no call is: a probe line, or a macro in one.
 */
void probe_point(const char *name);

/* An atomic step: `order` is one of __ATOMIC_RELAXED and so on; address NULL: a
 * fence. */
enum probe_step { PROBE_STEP_READ, PROBE_STEP_WRITE, PROBE_STEP_FENCE };
typedef void (*probe_atomic_step)(const volatile void *address, int order,
                                  enum probe_step kind);

/*
 * From now on `step` is called for each atomic step of the calling thread,
 * right behind it, and the delay sweep may sleep behind each that writes; NULL:
 * no more. Only in a lesson with `[build] atomics = true`: see atomic_points.c.
 */
void probe_watch_atomics(probe_atomic_step step);

/* The name of the calling thread: "main" is there; role is the name's. */
void probe_thread(const char *name);

/* Between 1 and 0 this thread's calls are neither recorded nor delayed. */
void probe_quiet(bool quiet);

/* Whether polls (POLL, READY, PENDING) are counted; at first they are. */
void probe_checker_polls(bool counted);

/*
 * How often the calling thread has slept so far in a call that waits: a
 * condition, a futex, a semaphore, epoll_wait, a blocking read. Compare before
 * and after park() to tell AWAKE from PERMIT.
 */
unsigned long probe_sleeps(void);

/* How many mutexes the calling thread has locked and not unlocked. */
int probe_locks_held(void);

/* From now on the first wait of each thread on a condition or a futex returns
 * without a signal, as it may. */
void probe_spurious_wakes(void);

/* Until all other threads sleep, and stay asleep. Who spins or naps instead
 * keeps the case here, and the runner ends it: probe_if_stuck() is the cause.
 */
void probe_wait_till_asleep(void);

/* Whether a descriptor is in epoll, and what for (EPOLLIN and so on). */
bool probe_is_registered(int fd);
unsigned probe_mask(int fd);

/* Whether it is registered with EPOLLONESHOT and has had its event. */
bool probe_disarmed(int fd);

/* Between true and false this thread may add a descriptor to epoll that is
 * there already: it is armed again. */
void probe_register_again(bool allowed);

/*
 * From now on, whenever the program has read from this socket, sent to it, or
 * had an event of it, how full its two buffers are is recorded: PROBE_LEVEL of
 * the bars `in` (bytes that can be read) and `out` (bytes that are not sent
 * yet). 0: no such bar. It ends when the descriptor is closed.
 */
void probe_buckets(int fd, int in, int out);

/* How many bytes of this descriptor the kernel has taken so far, by send(),
 * sendmsg() and write(). */
long probe_sent_bytes(int fd);

/* How many were taken out of it, and whether MSG_PEEK has shown some. */
long probe_taken_bytes(int fd);
bool probe_peeked(int fd);

/* --- cases ------------------------------------------------------------- */

/* A case of check.c. At the beginning of a line: PROBE_CASE(name) { ... } */
#define PROBE_CASE(name) static void probe_case_##name(void)

struct probe_case_row {
    const char *name;
    void (*run)(void);
};

int probe_port(void); /* of the run's own delay server on 127.0.0.1 */
const char *probe_nonce(void);
unsigned long probe_seed(void);
unsigned long probe_random(unsigned long n); /* 0 to n - 1, from the seed */

/* "/ms/NONCE-1": a path that answers "NONCE-1" after ms, a new one each call.
 */
const char *probe_path(int ms);

/* A path of another kind with a fresh text: "/drip/10/5/NONCE-2". */
const char *probe_path_of(const char *kind);

/*
 * End the run: this cause ("LOST WAKE" or "LOST WAKE: queued, not unparked",
 * a key of causes.toml), with this evidence ([CAUSE.evidence.key], in which
 * {a} {b} {c} are the numbers). A TODO behind it, as in "TRUNCATED @7.2", is
 * where the checker points.
 */
_Noreturn void probe_fail(const char *cause, const char *key, long a, long b,
                          long c);

/* probe_fail() unless the condition holds. */
void probe_expect(bool holds, const char *cause, const char *key, long a,
                  long b, long c);

/*
 * What a standstill (or the time limit) would mean from now on, as for
 * probe_fail(); the last call counts, of any thread. cause NULL: nothing is
 * known, the checker looks at the steps.
 */
void probe_if_stuck(const char *cause, const char *key, long a, long b, long c);

/* --- stacks ------------------------------------------------------------ */

/* A stack that the program has made, so that a crash can be told by its name:
 * `size` bytes from `base`, which is its lowest address. At most 32. */
void probe_stack(const char *name, const void *base, unsigned long size);

/* The same for a stack that clone() will start a thread on: what happens there
 * is that thread's, also before its first probe_bare_thread(). */
void probe_stack_of_thread(const char *name, const void *base,
                           unsigned long size);

/*
 * The first call of a thread that clone() has started without the C library: it
 * gets a name and a row of its own, known by the stack it runs on (which
 * probe_stack() has registered), and a signal stack, so that a crash is seen
 * even if its stack cannot be used any more. At most 8.
 */
void probe_bare_thread(const char *name);

/* Run the lesson's main() with these arguments, NULL at the end. */
int probe_run_main(const char *first, ...);

#endif /* PROBE_H */
