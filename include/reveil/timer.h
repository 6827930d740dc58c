/* SPDX-License-Identifier: MIT */
/*
 * timer.h - call a function at a time, without a task.
 *
 *     static void give_up(struct rv_timer *timer, void *arg)
 *     {
 *         struct connection *connection = arg;
 *         ...
 *     }
 *
 *     rv_timer_init(&connection->idle, executor, give_up, connection);
 *     rv_timer_start(&connection->idle, rv_after_ms(60000));
 *     ... and again, whenever there was input: that moves the deadline
 *     rv_timer_stop(&connection->idle);
 *
 * A timer is embedded and costs no allocation. Starting, moving and stopping it
 * each take a constant time, also with a million timers. A task that waits for
 * a time uses rv_sleep or rv_coro_sleep_until() instead.
 */
#ifndef RV_TIMER_H
#define RV_TIMER_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

struct rv_timer;

/*
 * Called on the executor's thread, between two polls, never before the
 * deadline. The timer has ended: the function may start it again, start and
 * stop others, free its memory, spawn and abort tasks, wake. It must not wait
 * or run the executor.
 */
typedef void (*rv_timer_call)(struct rv_timer *timer, void *arg);

/* Embed it. It must not move while it is started. All zero is "stopped". A
 * coroutine that ends with a started timer on its stack ends the program with a
 * message. */
struct rv_timer {
    struct rv_sleep sleep; /* private, as are the rest */
    struct rv_list node;   /* of the executor's started timers */
    struct rv_executor *executor;
    rv_timer_call call;
    void *arg;
    bool is_due;
};

/* Owns: the caller keeps `arg` and the executor. */
void rv_timer_init(struct rv_timer *timer, struct rv_executor *executor,
                   rv_timer_call call, void *arg);

/*
 * Call the function at `deadline_ns` (CLOCK_MONOTONIC, absolute), once. If the
 * timer is started already, its deadline is moved. A deadline that has passed:
 * after the next turn of the executor, not in this call. RV_NEVER: not at all.
 * The executor calls it while it runs; if it is freed, the timer is stopped.
 *
 * Threads: the executor's, inside and outside of polls. Not for tasks of a
 * scheduler, which change their thread.
 */
void rv_timer_start(struct rv_timer *timer, int64_t deadline_ns);

/* The function will not be called. A no-op on a stopped timer. Threads: the
 * executor's. */
void rv_timer_stop(struct rv_timer *timer);

/* Whether the function will be called. Threads: the executor's. */
bool rv_timer_is_started(const struct rv_timer *timer);

RV_END_DECLS

#endif /* RV_TIMER_H */
