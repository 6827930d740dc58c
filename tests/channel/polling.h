/* SPDX-License-Identifier: MIT */
/*
 * polling.h - what the tests of the channels share: polls without an executor,
 * checks of wakes, and values that must be released exactly once.
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_CHANNEL_POLLING_H
#define RV_TEST_CHANNEL_POLLING_H

#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/reveil.h>

#include "support/failing_alloc.h"
#include "support/support.h"

static inline enum rv_poll poll_as(const struct rv_probe *probe,
                                   struct rv_future *future)
{
    struct rv_cx cx = rv_probe_cx(probe);
    const enum rv_poll state = rv_poll(future, &cx);

    /* A future that waits says that only a task can make it READY. */
    cr_assert(state == RV_READY || cx.needs_task == future);
    return state;
}

/* Poll the future, drop it twice, and check that no task was woken. The leak
 * check at the end of the test finds what it left. */
#define CHECK_DROP_AFTER_EACH_POLL(future_, probe_)         \
    do {                                                    \
        cr_assert_eq(poll_as(probe_, future_), RV_PENDING); \
        rv_drop(future_);                                   \
        rv_drop(future_);                                   \
        cr_assert_not(rv_probe_take(probe_));               \
    } while (0)

/* A value that is counted: it lives until it is received or dropped. */
static uint32_t dropped;

static inline void count_drop(void *element)
{
    (void)element;
    dropped++;
}

static const struct rv_channel_options counting = {.name = "counted",
                                                   .drop_element = count_drop};

#endif /* RV_TEST_CHANNEL_POLLING_H */
