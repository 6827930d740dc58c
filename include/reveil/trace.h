/* SPDX-License-Identifier: MIT */
/*
 * trace.h - record what the runtime does: counters, and events with times.
 *
 *     rv_trace_start(RV_TRACE_EVENTS);
 *     ...
 *     rv_trace_count(RV_EV_WAKE);                the number of wakes
 *     for (uint64_t n = 0; rv_trace_read(&n, &event) == 1;)
 *         rv_trace_format(&event, line, sizeof line);
 *
 * The process has one trace. Every thread writes to it without locks. While it
 * is off, each possible event costs one predictable branch.
 */
#ifndef RV_TRACE_H
#define RV_TRACE_H

#include <reveil/atomic.h>
#include <reveil/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

/*
 * In most events of a task, `value` is its owner: the address of the executor's
 * ready queue; or, for a task of a scheduler, the address of a worker or of the
 * scheduler, plus 1, which makes it odd. Ids of tasks of different executors
 * may be equal. The id of a scheduler's task is its address, which another task
 * may get once it has finished.
 *
 * What happens on two threads is written in the order of cause and effect: for
 * example RV_EV_UNPARK before the RV_EV_AWAKE that it causes.
 *
 * Two things have no events: rv_fork() and rv_sync(), unless a worker steals
 * the fork, because millions of them would overwrite all other events; and a
 * switch to a coroutine without a task, which its program resumes by itself.
 */
enum rv_event_kind {
    RV_EV_SPAWN,       /* id: task; value: owner */
    RV_EV_POLL,        /* id: task; its future is about to be polled; owner */
    RV_EV_PENDING,     /* id: task; the poll returned RV_PENDING; owner */
    RV_EV_READY,       /* id: task; finished; value: its result */
    RV_EV_DROP,        /* id: task; canceled before it was finished; owner */
    RV_EV_WAKE,        /* id: task; pushed onto its ready queue; owner */
    RV_EV_WAKE_AGAIN,  /* id: task; it was already in the queue; owner */
    RV_EV_SET_WAKER,   /* id: task; value: fd that will wake it */
    RV_EV_PARK,        /* id: parker; its thread is about to sleep */
    RV_EV_PERMIT,      /* id: parker; its thread found a permit: no sleep */
    RV_EV_AWAKE,       /* id: parker; its thread is awake again; value: 1 if it
                          took a permit, 0 if the deadline passed */
    RV_EV_UNPARK,      /* id: parker; this thread is about to unpark it */
    RV_EV_EPOLL_WAIT,  /* the reactor is about to sleep */
    RV_EV_EPOLL_DONE,  /* value: number of events that epoll_wait returned */
    RV_EV_REGISTER,    /* value: fd */
    RV_EV_DEREGISTER,  /* value: fd */
    RV_EV_READINESS,   /* value: fd; epoll reported it ready */
    RV_EV_CONNECT,     /* value: fd, or negative errno */
    RV_EV_ACCEPT,      /* value: new fd */
    RV_EV_SEND,        /* id: fd; value: bytes, or negative errno */
    RV_EV_RECV,        /* id: fd; value: bytes, 0: the end, or negative errno */
    RV_EV_WOULD_BLOCK, /* value: fd; the system call said EAGAIN */
    RV_EV_TIMER,       /* a timer fired; value: ns after its deadline */
    RV_EV_JOB_QUEUED,  /* id: job; handed to a pool or a pipe thread */
    RV_EV_JOB_START,   /* id: job; this thread begins it */
    RV_EV_JOB_DONE,    /* id: job; this thread has finished it; for a bare
                          thread: the executor has learned that it has */
    RV_EV_SUBMIT,      /* id: operation of this thread's ring; value: opcode */
    RV_EV_COMPLETE,    /* id: operation of this thread's ring; value: result */
    RV_EV_STEAL,       /* id: task; value: the worker it was taken from, plus 1,
                          as in the RV_EV_SWITCH of that worker */
    RV_EV_SWITCH,      /* id: task, whose stack is about to be continued; value:
                          owner (a worker). id 0: back on the thread's stack */
    RV_EV_AWAIT,       /* id: task of a scheduler, which waits for a future; the
                          next RV_EV_SPAWN of this thread is that future */
    RV_EV_CHAN_SEND,   /* id: channel (subscriber); value: elements */
    RV_EV_CHAN_RECV,   /* id: channel (subscriber); value: elements */
    RV_EV_CHAN_WAIT,   /* id: channel (publisher); the task waits for a send, or
                          for room, unless a last check finds it */
    RV_EV_LINT,        /* id: task; value: enum rv_lint, see task_dump.h */
    RV_EV_NOTE,        /* id: address of a constant string, for a log */
    RV_EV_KINDS
};

struct rv_event {
    int64_t at_ns;   /* rv_now_ns() */
    uint64_t id;     /* depends on the kind; usually a task */
    int64_t value;   /* depends on the kind */
    uint32_t kind;   /* enum rv_event_kind */
    uint32_t thread; /* 1, 2, ... in the order of their first events */
};

enum rv_trace_level {
    RV_TRACE_OFF,
    RV_TRACE_COUNTERS, /* count only */
    RV_TRACE_EVENTS    /* count, and keep the last 65,536 events */
};

/*
 * Start a new trace: its counters are 0, and it has no events. RV_TRACE_OFF
 * stops the trace; its counters and events can still be read.
 *
 * Threads: any one at a time. Returns: 0, -ENOMEM.
 */
int rv_trace_start(enum rv_trace_level level);

/* The number of events of this kind since the start. Threads: any. */
uint64_t rv_trace_count(enum rv_event_kind kind);

/*
 * Read event *number, counted from 0, and set *number to the next one. If that
 * event was overwritten, read the oldest event that is kept instead. Events
 * that were lost because two writers needed the same slot are skipped.
 *
 * Threads: any. Returns: 1; 0 if there is no such event yet.
 */
int rv_trace_read(uint64_t *number, struct rv_event *out);

/*
 * Format an event as a line of text without a newline: the time since the start
 * of the trace, the thread, the event. Returns: its length, as snprintf() does.
 */
int rv_trace_format(const struct rv_event *event, char *line, size_t size);

/* The kind's name, such as "poll" or "would-block". */
const char *rv_event_name(enum rv_event_kind kind);

/* Set the name of the calling thread that rv_trace_format() prints. At most 31
 * bytes are copied. */
void rv_trace_name_thread(const char *name);

/*
 * Exclude the calling thread from the trace, and the reactors, schedulers,
 * pools and pipe threads that it makes from now on; or include it again. For a
 * program that traces one of several runtimes.
 */
void rv_trace_mute_thread(bool mute);

/* Whether the calling thread is excluded. */
bool rv_trace_thread_is_muted(void);

/* Private: the level, plus RV_TRACE_TASK_DUMP while tasks are recorded.
 * rv_trace() tests this one word. */
enum { RV_TRACE_TASK_DUMP = 4 };
extern RV_ATOMIC(int) rv_trace_level;

/* Private: the rest of rv_trace(), if the trace is on. */
void rv_trace_write(enum rv_event_kind kind, uint64_t id, int64_t value);

/* Whether the trace is on or tasks are recorded. Threads: any. */
static inline bool rv_trace_is_on(void)
{
    /* relaxed: the level publishes nothing else. */
    return __builtin_expect(RV_LOAD_RELAXED(&rv_trace_level) != RV_TRACE_OFF,
                            0);
}

/* Write an event if the trace is on. Threads: any; signal handlers too. */
static inline void rv_trace(enum rv_event_kind kind, uint64_t id, int64_t value)
{
    if (rv_trace_is_on())
        rv_trace_write(kind, id, value);
}

/* --- what is wrong with a task, see task_dump.h ------------------------ */

enum rv_lint {
    /* A poll returned RV_PENDING, and no waker of the task exists: nothing can
     * wake it any more. */
    RV_LINT_LOST = 1,
    /* It woke itself for most of its polls: it spins, or only yields. */
    RV_LINT_SPINS = 2,
    /* One poll took longer than 10 ms; the other tasks had to wait. */
    RV_LINT_HOGS = 4
};

/* A lint as the end of a sentence that begins with the task, such as "is lost:
 * ..."; NULL if `lint` is none of the three. */
const char *rv_lint_text(uint32_t lint);

RV_END_DECLS

#endif /* RV_TRACE_H */
