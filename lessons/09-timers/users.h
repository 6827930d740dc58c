/* SPDX-License-Identifier: MIT */
/*
 * users.h - who waits in lesson 09: a crowd of a hundred timers, and a GET with
 * a time-out. Included behind the parts that they use.
 *
 * Threads: main.
 */
#ifndef USERS_H
#define USERS_H

/* --- Visit: a GET with a time-out -------------------------------------- */

struct visit {
    struct rv_future future;
    struct get get;
    struct timeout timeout;
};

static enum rv_poll visit_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct visit *self = RV_CONTAINER_OF(future, struct visit, future);

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->timeout.future);
    if (self->timeout.future.result == -ETIMEDOUT) {
        lesson_log("The clock was faster");
        RV_RETURN(future, 0);
    }
    if (self->get.request.text)
        lesson_logf("%s", strstr(self->get.request.text, "\r\n\r\n") + 4);
    RV_RETURN(future, self->timeout.future.result);
    RV_END(future);
}

static void visit_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct visit, future)->timeout.future);
}

static struct rv_future *visit_new(int port, const char *path,
                                   int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {
        .name = "visit", .poll = visit_poll, .drop = visit_drop};
    struct visit *self = checked_alloc(sizeof(*self));

    rv_future_init(&self->future, &ops);
    get_init(&self->get, port, path);
    timeout_init(&self->timeout, &self->get.future, deadline_ns);
    return &self->future;
}

/* --- Crowd: a hundred timers, and one task that waits for all of them --- */

enum { CROWDS = 10, EACH = 100, STEPS = 10 };

struct timer_crowd {
    struct rv_future future;
    struct timer timers[EACH];
};

static enum rv_poll crowd_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timer_crowd *self =
        RV_CONTAINER_OF(future, struct timer_crowd, future);
    int left = 0;

    for (int i = 0; i < EACH; i++) {
        struct rv_future *timer = &self->timers[i].future;

        left += timer->at != RV_AT_END && rv_poll(timer, cx) == RV_PENDING;
    }
    return left > 0 ? RV_PENDING : RV_READY;
}

static void crowd_drop(struct rv_future *future)
{
    struct timer_crowd *self =
        RV_CONTAINER_OF(future, struct timer_crowd, future);

    for (int i = 0; i < EACH; i++)
        rv_drop(&self->timers[i].future);
}

/* Deadlines: ten, step_ns apart, each for ten of its timers. */
static struct rv_future *crowd_new(int64_t start_ns, int64_t step_ns)
{
    static const struct rv_future_ops ops = {
        .name = "crowd", .poll = crowd_poll, .drop = crowd_drop};
    struct timer_crowd *self = checked_alloc(sizeof(*self));

    rv_future_init(&self->future, &ops);
    for (int i = 0; i < EACH; i++)
        timer_init(&self->timers[i], start_ns + (1 + i % STEPS) * step_ns);
    return &self->future;
}

#endif /* USERS_H */
