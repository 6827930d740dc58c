/* SPDX-License-Identifier: MIT */
/*
 * timer.c - timers that call a function.
 *
 * Threads: the executor's.
 *
 * A timer is a sleep without a task. It is in the wheel like the sleeps, and in
 * a list of the executor, which stops it when it is freed. When its deadline
 * has passed it moves from the wheel to the list of rv_executor_fire_timers()
 * of timers that are due; until it is called, a function that is called before
 * it may still stop it.
 */
#include <reveil/timer.h>

#include "base/base_internal.h"
#include "base/frames.h"
#include "executor/executor_internal.h"

void rv_timer_init(struct rv_timer *timer, struct rv_executor *executor,
                   rv_timer_call call, void *arg)
{
    *timer = (struct rv_timer){.executor = executor, .call = call, .arg = arg};
    rv_list_init(&timer->node);
    rv_list_init(&timer->sleep.timer.node);
}

void rv_timer_start(struct rv_timer *timer, int64_t deadline_ns)
{
    struct rv_executor *executor = timer->executor;
    const int64_t now_ns = rv_now_ns();

    /* If it is started already, the stop checks that. */
    RV_CHECK(timer->sleep.executor || rv_executor_is_here(executor),
             "on another thread than the executor's");
    rv_timer_stop(timer);
    /* A timer that is not started may have been moved. */
    rv_list_init(&timer->sleep.timer.node);
    rv_list_push(&executor->timers, &timer->node);
    timer->sleep.executor = executor;
    timer->sleep.task = RV_SLEEP_NO_TASK;
    timer->sleep.counted =
        rv_frames_count(rv_frames_current(), timer, RV_FRAMES_TIMERS);
    /* The wheel takes only deadlines that are still to come. */
    timer->sleep.timer.deadline_ns =
        deadline_ns > now_ns ? deadline_ns : now_ns + 1;
    if (deadline_ns != RV_NEVER)
        rv_wheel_add(&executor->wheel, &timer->sleep.timer);
}

void rv_timer_stop(struct rv_timer *timer)
{
    struct rv_executor *executor = timer->sleep.executor;

    if (!executor)
        return;
    RV_CHECK((!rv_executor_current() || rv_executor_current() == executor) &&
                 rv_executor_is_here(executor),
             "the timer belongs to another executor");
    if (timer->is_due)
        rv_list_remove(&timer->sleep.timer.node);
    else if (!rv_list_empty(&timer->sleep.timer.node))
        rv_wheel_cancel(&executor->wheel, &timer->sleep.timer);
    timer->is_due = false;
    timer->sleep.executor = NULL;
    rv_frames_uncount(&timer->sleep.counted);
    rv_list_remove(&timer->node);
}

bool rv_timer_is_started(const struct rv_timer *timer)
{
    return timer->sleep.executor != NULL;
}

void rv_timer_set_due(struct rv_sleep *sleep, struct rv_list *due)
{
    RV_CONTAINER_OF(sleep, struct rv_timer, sleep)->is_due = true;
    rv_list_push(due, &sleep->timer.node);
}

void rv_timer_call_due(struct rv_list *due)
{
    while (!rv_list_empty(due)) {
        struct rv_timer *timer =
            RV_CONTAINER_OF(due->next, struct rv_timer, sleep.timer.node);

        rv_timer_stop(timer);
        timer->call(timer, timer->arg); /* which may free it */
    }
}

void rv_timer_stop_all(struct rv_executor *executor)
{
    while (!rv_list_empty(&executor->timers))
        rv_timer_stop(
            RV_CONTAINER_OF(executor->timers.next, struct rv_timer, node));
}
