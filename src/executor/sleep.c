/* SPDX-License-Identifier: MIT */
/*
 * sleep.c - futures that wait until a time, or until other tasks were polled.
 *
 * Threads: the executor's.
 */
#include <reveil/trace.h>

#include "base/frames.h"
#include "executor/executor_internal.h"

static void sleep_drop(struct rv_future *future)
{
    struct rv_sleep *self = RV_CONTAINER_OF(future, struct rv_sleep, future);

    if (self->executor) {
        rv_wheel_cancel(&self->executor->wheel, &self->timer);
        rv_task_hold(self->executor, self->task, -1);
        rv_frames_uncount(&self->counted);
    }
    self->executor = NULL;
}

static enum rv_poll sleep_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_sleep *self = RV_CONTAINER_OF(future, struct rv_sleep, future);

    if (rv_now_ns() >= self->timer.deadline_ns) {
        sleep_drop(future);
        return RV_READY;
    }
    if (self->executor) {
        if (self->task != cx->waker.id)
            rv_waker_displaced(
                &(struct rv_waker){self->executor->ready, self->task},
                &cx->waker);
        rv_task_hold(self->executor, self->task, -1);
    }
    self->task = cx->waker.id;
    if (!self->executor && self->timer.deadline_ns != RV_NEVER) {
        self->executor = cx->executor;
        self->counted = rv_frames_count(cx->frames, self, RV_FRAMES_SLEEPS);
        rv_wheel_add(&cx->executor->wheel, &self->timer);
    }
    if (self->executor)
        rv_task_hold(self->executor, self->task, 1);
    return RV_PENDING;
}

/* A timer fired: wake its task. */
static void sleep_fire(struct rv_executor *executor, struct rv_sleep *sleep,
                       int64_t now_ns)
{
    sleep->executor = NULL;
    rv_frames_uncount(&sleep->counted);
    rv_task_hold(executor, sleep->task, -1);
    rv_trace(RV_EV_TIMER, sleep->task, now_ns - sleep->timer.deadline_ns);
    rv_ready_push(executor->ready, sleep->task);
}

void rv_sleep_init(struct rv_sleep *sleep, int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {
        .name = "rv_sleep", .poll = sleep_poll, .drop = sleep_drop};

    rv_future_init(&sleep->future, &ops);
    sleep->timer.deadline_ns = deadline_ns;
    rv_list_init(&sleep->timer.node);
    sleep->executor = NULL;
}

bool rv_executor_fire_timers(struct rv_executor *executor)
{
    struct rv_list fired;
    struct rv_list due;
    struct rv_list *node;
    int64_t now_ns;
    bool any = false;

    if (!executor->wheel.len)
        return false;
    now_ns = rv_now_ns();
    rv_list_init(&fired);
    rv_list_init(&due);
    rv_wheel_advance(&executor->wheel, now_ns, &fired);
    while ((node = rv_list_pop(&fired))) {
        struct rv_sleep *sleep =
            RV_CONTAINER_OF(node, struct rv_sleep, timer.node);

        if (sleep->task == RV_SLEEP_NO_TASK)
            rv_timer_set_due(sleep, &due);
        else
            sleep_fire(executor, sleep, now_ns);
        any = true;
    }
    /* Last: a function may drop sleeps, which must not be in `fired`. */
    rv_timer_call_due(&due);
    return any;
}

static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    if (future->at++)
        return RV_READY;
    rv_ready_wake(&cx->waker);
    return RV_PENDING;
}

void rv_yield_init(struct rv_yield *yield)
{
    static const struct rv_future_ops ops = {.name = "rv_yield",
                                             .poll = yield_poll};

    rv_future_init(&yield->future, &ops);
}
