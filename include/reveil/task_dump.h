/* SPDX-License-Identifier: MIT */
/*
 * task_dump.h - a table of all tasks, which also shows those that misbehave.
 *
 *     struct rv_task_dump_signal *dump;
 *     int error;
 *
 *     rv_task_dump_enable();               before the executors are created
 *     error = rv_task_dump_signal_start(&dump, SIGUSR1, STDERR_FILENO);
 *     if (!error) {
 *         error = rv_run(program, NULL);    $ kill -USR1 PID
 *         rv_task_dump_signal_stop(dump);
 *     }
 *     rv_task_dump_disable();
 *
 * What the signal writes:
 *
 *     executor 1: 3 tasks
 *       task  state     polls  wakes  longest ms  age s
 *          0  waiting       2      1       0.020   12.1  server
 *          4  running     812    811       0.105    3.0  echo, echo.c:88
 *          5  waiting       1      0       0.004    2.9  nap, nap.c:12: ...
 *
 * The real columns are wider. The last one ends with the faults of the task, in
 * words: see rv_lint_text().
 *
 * Recording costs two reads of the clock per poll and about 150 bytes per task.
 * An executor that is not recorded pays nothing. Recording starts when an
 * executor is created, and cannot start later. The executors write their
 * records to memory that any thread can read, so the table works even if an
 * executor is stuck in a poll.
 *
 * Three kinds of misbehavior (enum rv_lint) are reported, once per task: in the
 * table, and as RV_EV_LINT in the trace.
 */
#ifndef RV_TASK_DUMP_H
#define RV_TASK_DUMP_H

#include <reveil/trace.h>
#include <stdbool.h>
#include <stdint.h>

RV_BEGIN_DECLS

enum rv_task_state { RV_TASK_WAITING, RV_TASK_READY, RV_TASK_POLLED };

enum { RV_TASK_NAME_BYTES = 32, RV_TASK_PLACE_BYTES = 48 };

/* A copy of a task's record, which stays valid when the task ends. */
struct rv_task_info {
    uint32_t executor; /* 1, 2, ... in the order in which they were created */
    uint64_t id;       /* as in the trace */
    char name[RV_TASK_NAME_BYTES];     /* of its future; NUL-terminated */
    char spawned[RV_TASK_PLACE_BYTES]; /* the end of "file.c:12"; "" if
                                          unknown */
    enum rv_task_state state;
    uint64_t polls;
    uint64_t wakes;          /* by others and by itself */
    int64_t longest_poll_ns; /* of the polls that have ended */
    int64_t poll_ns;         /* the duration of the current poll so far, or 0 */
    int64_t age_ns;          /* since it was spawned */
    uint32_t lints;          /* a bit mask of enum rv_lint */
};

/* Record the tasks of all executors that are created from now on. Each enable
 * needs a disable. */
void rv_task_dump_enable(void);

/* Misuse: an executor that was created after the enable still exists. */
void rv_task_dump_disable(void);

/*
 * Read the records of all tasks of recorded executors, in the order of
 * executors and task indexes. The executors continue to run, so the figures of
 * one task may be a poll apart.
 *
 * Threads: any.
 * Returns: the number of tasks; the first `max` of them are in `out`.
 */
uint32_t rv_task_dump_read(struct rv_task_info *out, uint32_t max);

/* Write the table as text to a descriptor. Threads: any. Returns: 0, -ENOMEM,
 * or the error of write(2). */
int rv_task_dump_print(int fd);

/* A thread that writes the table whenever the process receives a signal. */
struct rv_task_dump_signal;

/*
 * Block `signal` in the calling thread, and start a thread that calls
 * rv_task_dump_print(fd) for each such signal. Call this before other threads
 * start, or block the signal in them too: see signal.h.
 *
 * Returns: 0; -EINVAL: no such signal; -ENOMEM, -EMFILE, -ENFILE, -EAGAIN.
 */
int rv_task_dump_signal_start(struct rv_task_dump_signal **out, int signal,
                              int fd);

/* End the thread, and restore the signal mask of the calling thread. NULL is
 * allowed. Threads: the one that started it. */
void rv_task_dump_signal_stop(struct rv_task_dump_signal *dump);

RV_END_DECLS

#endif /* RV_TASK_DUMP_H */
