/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - small futures for the tests of the executor part.
 *
 *     struct stepper *task = new_stepper(&log, 'a', 3);
 *     rv_spawn(executor, &task->future, NULL);
 *
 * A stepper notes its letter in a log at each poll, yields, and is READY at
 * its n-th poll. A waiter is pending until a test opens it and wakes it.
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_TASKS_H
#define RV_TEST_TASKS_H

#include <criterion/criterion.h>

#include <reveil/executor.h>

#include "support/support.h"

/* What happened, one letter per event; and the number of futures that were
 * dropped. */
struct log {
    char text[64];
    uint32_t len;
    uint32_t drops;
};

static inline void log_add(struct log *log, char letter)
{
    cr_assert_lt(log->len, sizeof log->text - 1);
    log->text[log->len++] = letter;
}

/* --- stepper ----------------------------------------------------------- */

struct stepper {
    struct rv_future future;
    struct log *log;
    char letter;
    int steps; /* READY when it reaches 0 */
    int result;
};

static inline enum rv_poll stepper_poll(struct rv_future *future,
                                        struct rv_cx *cx)
{
    struct stepper *self = RV_CONTAINER_OF(future, struct stepper, future);

    log_add(self->log, self->letter);
    if (--self->steps == 0) {
        future->result = self->result;
        return RV_READY;
    }
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static inline void stepper_drop(struct rv_future *future)
{
    RV_CONTAINER_OF(future, struct stepper, future)->log->drops++;
}

static inline void stepper_init(struct stepper *stepper, struct log *log,
                                char letter, int steps)
{
    static const struct rv_future_ops ops = {
        .name = "stepper", .poll = stepper_poll, .drop = stepper_drop};

    rv_future_init(&stepper->future, &ops);
    stepper->log = log;
    stepper->letter = letter;
    stepper->steps = steps;
    stepper->result = 0;
}

/* A stepper that may be spawned. */
static inline struct stepper *new_stepper(struct log *log, char letter,
                                          int steps)
{
    struct stepper *stepper = rv_alloc(sizeof *stepper);

    cr_assert_not_null(stepper);
    stepper_init(stepper, log, letter, steps);
    return stepper;
}

/* --- waiter ------------------------------------------------------------ */

/* Where a test finds the waiter's waker, and opens it. */
struct door {
    struct rv_waker waker;
    _Atomic bool open;
    uint32_t polls;
    uint32_t drops;
};

struct waiter {
    struct rv_future future;
    struct door *door;
};

static inline enum rv_poll waiter_poll(struct rv_future *future,
                                       struct rv_cx *cx)
{
    struct door *door = RV_CONTAINER_OF(future, struct waiter, future)->door;

    door->polls++;
    if (door->open)
        return RV_READY;
    if (!rv_waker_same(&door->waker, &cx->waker)) {
        rv_waker_drop(&door->waker);
        door->waker = rv_waker_clone(&cx->waker);
    }
    return RV_PENDING;
}

/* The door keeps the waker, so that a test may wake too late. */
static inline void waiter_drop(struct rv_future *future)
{
    RV_CONTAINER_OF(future, struct waiter, future)->door->drops++;
}

static inline void waiter_init(struct waiter *waiter, struct door *door)
{
    static const struct rv_future_ops ops = {
        .name = "waiter", .poll = waiter_poll, .drop = waiter_drop};

    rv_future_init(&waiter->future, &ops);
    waiter->door = door;
}

static inline struct waiter *new_waiter(struct door *door)
{
    struct waiter *waiter = rv_alloc(sizeof *waiter);

    cr_assert_not_null(waiter);
    waiter_init(waiter, door);
    return waiter;
}

/* --- running ----------------------------------------------------------- */

static inline struct rv_executor *new_executor(void)
{
    struct rv_executor *executor;

    cr_assert_eq(rv_executor_new(&executor), 0);
    return executor;
}

/* Let every task be polled that is ready now or becomes ready through that: a
 * yield that goes to the end of the queue `batches` times. */
static inline void run_batches(struct rv_executor *executor, int batches)
{
    struct rv_yield yield;

    for (int i = 0; i < batches; i++) {
        rv_yield_init(&yield);
        cr_assert_eq(rv_test_block_on(executor, &yield.future), 0);
    }
}

#endif /* RV_TEST_TASKS_H */
