/* SPDX-License-Identifier: MIT */
/*
 * names.h - an executor and a pool for look-ups, which a test can block.
 *
 * Threads: the test's, and the pool's.
 */
#ifndef RV_TEST_NAMES_H
#define RV_TEST_NAMES_H

#include <criterion/criterion.h>

#include <reveil/blocking.h>
#include <reveil/executor.h>
#include <semaphore.h>

#include "support/support.h"

struct names {
    struct rv_blocking_pool *pool; /* for one slow call at a time */
    struct rv_executor *executor;
    struct rv_blocking blocker;
    struct rv_probe probe;
    sem_t entered;
    sem_t open;
};

static inline void names_open(struct names *names)
{
    const struct rv_blocking_options options = {.max_threads = 2};

    *names = (struct names){.pool = NULL};
    sem_init(&names->entered, 0, 0);
    sem_init(&names->open, 0, 0);
    cr_assert_eq(rv_blocking_pool_new(&names->pool, &options), 0);
    cr_assert_eq(rv_executor_new(&names->executor), 0);
    rv_blocking_enter(names->pool);
}

static inline void names_close(struct names *names)
{
    rv_executor_free(names->executor);
    rv_blocking_enter(NULL);
    if (names->pool)
        cr_assert_eq(rv_blocking_pool_stop(names->pool, RV_NEVER), 0);
}

static inline int32_t names_wait(void *arg)
{
    struct names *names = arg;

    sem_post(&names->entered);
    while (sem_wait(&names->open) < 0)
        ;
    return 0;
}

/* Look-ups stay queued from now on, until names_unblock(). */
static inline void names_block(struct names *names)
{
    struct rv_cx cx;

    rv_probe_init(&names->probe);
    cx = rv_probe_cx(&names->probe);
    rv_blocking_init_slow(&names->blocker, names_wait, names, NULL);
    cr_assert_eq(rv_poll(&names->blocker.future, &cx), RV_PENDING);
    while (sem_wait(&names->entered) < 0)
        ;
}

static inline void names_unblock(struct names *names)
{
    struct rv_cx cx = rv_probe_cx(&names->probe);

    sem_post(&names->open);
    cr_assert(rv_probe_wait(&names->probe));
    cr_assert_eq(rv_poll(&names->blocker.future, &cx), RV_READY);
    rv_drop(&names->blocker.future);
    rv_probe_fini(&names->probe);
}

#endif /* RV_TEST_NAMES_H */
