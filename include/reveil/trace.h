/* SPDX-License-Identifier: MIT */
/*
 * trace.h - what the runtime did: counters, and the last events with times.
 *
 *     rv_trace_start(RV_TRACE_EVENTS);
 *     ...
 *     rv_trace_count(RV_EV_WAKE);                how many wakes
 *     for (uint64_t n = 0; rv_trace_read(&n, &event) == 1;)
 *         rv_trace_format(&event, line, sizeof line);
 *
 * One trace for the process. It is written without locks by every thread;
 * while it is off, each place that could write costs one predictable branch.
 */
#ifndef RV_TRACE_H
#define RV_TRACE_H

#include <reveil/export.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

enum rv_event_kind {
    RV_EV_SPAWN,       /* id: task */
    RV_EV_POLL,        /* id: task; a task's future is about to be polled */
    RV_EV_PENDING,     /* id: task; that poll said "not yet" */
    RV_EV_READY,       /* id: task; that poll finished the task */
    RV_EV_DROP,        /* id: task; canceled before it was finished */
    RV_EV_WAKE,        /* id: task; pushed onto its ready queue */
    RV_EV_WAKE_AGAIN,  /* id: task; it was in the queue already */
    RV_EV_PARK,        /* an executor's thread goes to sleep */
    RV_EV_UNPARK,      /* ... and is awake again */
    RV_EV_EPOLL_WAIT,  /* the reactor goes to sleep */
    RV_EV_EPOLL_DONE,  /* value: events it came back with */
    RV_EV_REGISTER,    /* value: fd */
    RV_EV_DEREGISTER,  /* value: fd */
    RV_EV_READINESS,   /* value: fd; the reactor found it ready */
    RV_EV_CONNECT,     /* value: fd, or negative errno */
    RV_EV_ACCEPT,      /* value: new fd */
    RV_EV_SEND,        /* value: bytes, or negative errno */
    RV_EV_RECV,        /* value: bytes, 0 at the end, or negative errno */
    RV_EV_WOULD_BLOCK, /* value: fd; the system call said EAGAIN */
    RV_EV_TIMER,       /* a timer fired; value: ns after its deadline */
    RV_EV_LINT,        /* id: task; value: enum rv_lint, see task_dump.h */
    RV_EV_NOTE,        /* id: address of a constant string, for a log */
    RV_EV_KINDS
};

struct rv_event {
    int64_t at_ns;   /* rv_now_ns() */
    uint64_t id;     /* task, or what the kind says */
    int64_t value;   /* what the kind says */
    uint32_t kind;   /* enum rv_event_kind */
    uint32_t thread; /* 1, 2, ... by their first events in this trace */
};

enum rv_trace_level {
    RV_TRACE_OFF,
    RV_TRACE_COUNTERS, /* count only */
    RV_TRACE_EVENTS    /* count, and keep the last 65,536 events */
};

/*
 * Start a new trace (counters at 0, no events), or stop with RV_TRACE_OFF,
 * which leaves what was written to be read.
 *
 * Threads: any one at a time. Returns: 0, -ENOMEM.
 */
int rv_trace_start(enum rv_trace_level level);

/* How often this kind was seen since the start. Threads: any. */
uint64_t rv_trace_count(enum rv_event_kind kind);

/*
 * Read event *number (from 0) and move *number to the one after it. When that
 * event was overwritten already, *number first jumps to the oldest kept; a
 * number whose writer was overtaken by a whole lap is passed over.
 *
 * Threads: any. Returns: 1, or 0 when there is none yet.
 */
int rv_trace_read(uint64_t *number, struct rv_event *out);

/*
 * One line of text without its newline: time since the start of the trace,
 * thread, what happened. Returns: its length, as snprintf() does.
 */
int rv_trace_format(const struct rv_event *event, char *line, size_t size);

/* The kind's name, such as "poll" or "would-block". */
const char *rv_event_name(enum rv_event_kind kind);

/* Name the calling thread in rv_trace_format(); 31 bytes are copied. */
void rv_trace_name_thread(const char *name);

/*
 * Leave the calling thread out of the trace, with the reactors that it starts
 * from now on; or let it in again. For a program that traces one of several
 * runtimes.
 */
void rv_trace_mute_thread(bool mute);

/* What rv_trace_mute_thread() said last for this thread. */
bool rv_trace_thread_is_muted(void);

/* Private: what rv_trace() looks at before it does anything: the level, and
 * whether tasks are recorded. */
enum { RV_TRACE_TASK_DUMP = 4 };
extern _Atomic int rv_trace_level;

/* Private: the part behind the branch. */
void rv_trace_write(enum rv_event_kind kind, uint64_t id, int64_t value);

/* rv_trace() has something to do: the trace is on, or tasks are recorded.
 * Threads: any. */
static inline bool rv_trace_is_on(void)
{
    /* relaxed: a switch, nothing is published with it. */
    return __builtin_expect(
        atomic_load_explicit(&rv_trace_level, memory_order_relaxed) !=
            RV_TRACE_OFF,
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
    /* A poll returned PENDING, and no waker of the task exists: nothing can
     * wake it any more. */
    RV_LINT_LOST = 1,
    /* Most of its polls were asked for by itself: it spins, or yields only. */
    RV_LINT_SPINS = 2,
    /* One poll took longer than 10 ms: the other tasks had to wait. */
    RV_LINT_HOGS = 4
};

/* What is wrong, as the end of a sentence that begins with the task; NULL for
 * none of the three. */
const char *rv_lint_text(uint32_t lint);

RV_END_DECLS

#endif /* RV_TRACE_H */
