/* SPDX-License-Identifier: MIT */
/*
 * task_dump.h - which tasks there are, what they wait for, and which misbehave.
 *
 *     rv_task_dump_enable();               before the executors are made
 *     rv_task_dump_signal_start(&signal, SIGUSR1, STDERR_FILENO);
 *     ...                                   $ kill -USR1 PID
 *
 *     executor 1: 3 tasks
 *       task  state     polls  wakes  longest ms  age s
 *          0  waiting       2      1       0.020   12.1  server
 *          4  running     812    811       0.105    3.0  echo, echo.c:88
 *          5  waiting       1      0       0.004    2.9  nap, nap.c:12: ...
 *
 * (with more room between the columns, and at the end what is wrong, in words).
 *
 * A recorded executor reads the clock twice for each poll and keeps about 150
 * bytes more for a task; one that is not recorded pays nothing. It is recorded
 * from its birth or never. The table is made of what the executors wrote down,
 * so any thread can read it, also when an executor is stuck in a poll.
 *
 * Three kinds of misbehaviour are noted, in the table and as RV_EV_LINT in the
 * trace, once for a task.
 */
#ifndef RV_TASK_DUMP_H
#define RV_TASK_DUMP_H

#include <reveil/trace.h>
#include <stdbool.h>
#include <stdint.h>

RV_BEGIN_DECLS

enum rv_task_state { RV_TASK_WAITING, RV_TASK_READY, RV_TASK_POLLED };

enum { RV_TASK_NAME_BYTES = 32, RV_TASK_PLACE_BYTES = 48 };

/* A copy: it stays as it is when the task is gone. */
struct rv_task_info {
    uint32_t executor;             /* 1, 2, ... in the order of their births */
    uint64_t id;                   /* as in the trace */
    char name[RV_TASK_NAME_BYTES]; /* of its future; it ends with a 0 */
    char spawned[RV_TASK_PLACE_BYTES]; /* the end of "file.c:12", or "" when
                                          that is not known */
    enum rv_task_state state;
    uint64_t polls;
    uint64_t wakes;          /* by others and by itself */
    int64_t longest_poll_ns; /* of polls that are over */
    int64_t poll_ns;         /* how long RV_TASK_POLLED goes on; or 0 */
    int64_t age_ns;          /* since it was spawned */
    uint32_t lints;          /* enum rv_lint, or-ed */
};

/* Record the tasks of executors that are made from now on. Each enable needs
 * its disable. */
void rv_task_dump_enable(void);

/* Misuse: while an executor that was made since the enable is there. */
void rv_task_dump_disable(void);

/*
 * The tasks of all recorded executors, in the order of executors and indexes.
 * What runs goes on meanwhile, so figures of one task may be a poll apart.
 *
 * Threads: any.
 * Returns: how many there are; the first `max` of them are in `out`.
 */
uint32_t rv_task_dump_read(struct rv_task_info *out, uint32_t max);

/* Write the table as text to a descriptor. Threads: any. Returns: 0, -ENOMEM,
 * what write(2) said. */
int rv_task_dump_print(int fd);

/* A thread that writes the table whenever a signal comes. */
struct rv_task_dump_signal;

/*
 * Block `signal` in the calling thread, and rv_task_dump_print(fd) each time
 * that it comes. Call it before other threads are started, or block the signal
 * in them too: see signal.h.
 *
 * Returns: 0; -EINVAL: no such signal; -ENOMEM, -EMFILE, -ENFILE, -EAGAIN.
 */
int rv_task_dump_signal_start(struct rv_task_dump_signal **out, int signal,
                              int fd);

/* End the thread; the calling thread gets its mask back. NULL is allowed.
 * Threads: the one that started it. */
void rv_task_dump_signal_stop(struct rv_task_dump_signal *dump);

RV_END_DECLS

#endif /* RV_TASK_DUMP_H */
