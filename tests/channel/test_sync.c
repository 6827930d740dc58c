/* SPDX-License-Identifier: MIT */
/* test_sync.c - semaphore, mutex, notify: fairness, and no lost permits. */
#include "channel/polling.h"

RV_TEST_SUITE(sync);

enum { MANY = 200 }; /* more than one batch of wakes */

/* --- semaphore --------------------------------------------------------- */

static enum rv_poll acquire(struct rv_semaphore_acquire *wait,
                            struct rv_semaphore *semaphore, uint32_t permits,
                            const struct rv_probe *probe)
{
    rv_semaphore_acquire_init(wait, semaphore, permits);
    return poll_as(probe, &wait->future);
}

RV_TEST(sync, permits_are_given_until_there_are_none)
{
    struct rv_semaphore semaphore;

    rv_semaphore_init(&semaphore, 3);
    cr_assert_eq(rv_semaphore_try_acquire(&semaphore, 2), 0);
    cr_assert_eq(rv_semaphore_try_acquire(&semaphore, 2), -EAGAIN);
    cr_assert_eq(rv_semaphore_try_acquire(&semaphore, 1), 0);
    rv_semaphore_release(&semaphore, 2);
    cr_assert_eq(rv_semaphore_try_acquire(&semaphore, 2), 0);
    rv_semaphore_fini(&semaphore);
}

RV_TEST(sync, who_came_first_is_served_first_also_if_it_wants_more)
{
    struct rv_semaphore_acquire big;
    struct rv_semaphore_acquire small;
    struct rv_semaphore semaphore;
    struct rv_probe a;
    struct rv_probe b;

    rv_probe_init(&a);
    rv_probe_init(&b);
    rv_semaphore_init(&semaphore, 1);
    cr_assert_eq(acquire(&big, &semaphore, 2, &a), RV_PENDING);
    cr_assert_eq(acquire(&small, &semaphore, 1, &b), RV_PENDING);
    cr_assert_eq(rv_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    rv_semaphore_release(&semaphore, 1);
    cr_assert(rv_probe_take(&a));
    cr_assert_not(rv_probe_take(&b));
    cr_assert_eq(rv_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    rv_semaphore_release(&semaphore, 1);
    cr_assert(rv_probe_take(&b));
    cr_assert_eq(poll_as(&a, &big.future), RV_READY);
    cr_assert_eq(poll_as(&b, &small.future), RV_READY);
    rv_drop(&big.future);
    rv_drop(&small.future);
    cr_assert_eq(rv_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    rv_semaphore_fini(&semaphore);
    rv_probe_fini(&a);
    rv_probe_fini(&b);
}

RV_TEST(sync, one_dropped_when_just_granted_passes_the_permit_on)
{
    struct rv_semaphore_acquire first;
    struct rv_semaphore_acquire second;
    struct rv_semaphore semaphore;
    struct rv_probe a;
    struct rv_probe b;

    rv_probe_init(&a);
    rv_probe_init(&b);
    rv_semaphore_init(&semaphore, 0);
    cr_assert_eq(acquire(&first, &semaphore, 1, &a), RV_PENDING);
    cr_assert_eq(acquire(&second, &semaphore, 1, &b), RV_PENDING);
    rv_semaphore_release(&semaphore, 1);
    cr_assert(rv_probe_take(&a));
    cr_assert_not(rv_probe_take(&b));
    rv_drop(&first.future);
    rv_drop(&first.future);
    cr_assert(rv_probe_take(&b));
    cr_assert_eq(poll_as(&b, &second.future), RV_READY);
    cr_assert_eq(rv_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    rv_semaphore_fini(&semaphore);
    rv_probe_fini(&a);
    rv_probe_fini(&b);
}

RV_TEST(sync, one_dropped_in_line_lets_those_behind_it_go)
{
    struct rv_semaphore_acquire big;
    struct rv_semaphore_acquire small;
    struct rv_semaphore semaphore;
    struct rv_probe a;
    struct rv_probe b;

    rv_probe_init(&a);
    rv_probe_init(&b);
    rv_semaphore_init(&semaphore, 1);
    cr_assert_eq(acquire(&big, &semaphore, 5, &a), RV_PENDING);
    cr_assert_eq(acquire(&small, &semaphore, 1, &b), RV_PENDING);
    rv_drop(&big.future);
    cr_assert_not(rv_probe_take(&a));
    cr_assert(rv_probe_take(&b));
    cr_assert_eq(poll_as(&b, &small.future), RV_READY);
    rv_semaphore_fini(&semaphore);
    rv_probe_fini(&a);
    rv_probe_fini(&b);
}

RV_TEST(sync, a_release_for_more_waiters_than_a_batch_wakes_all)
{
    static struct rv_semaphore_acquire waits[MANY];
    static struct rv_probe probes[MANY];
    struct rv_semaphore semaphore;

    rv_semaphore_init(&semaphore, 0);
    for (int i = 0; i < MANY; i++) {
        rv_probe_init(&probes[i]);
        cr_assert_eq(acquire(&waits[i], &semaphore, 1, &probes[i]), RV_PENDING);
    }
    rv_semaphore_release(&semaphore, MANY - 1);
    for (int i = 0; i < MANY - 1; i++) {
        cr_assert(rv_probe_take(&probes[i]));
        cr_assert_eq(poll_as(&probes[i], &waits[i].future), RV_READY);
    }
    cr_assert_not(rv_probe_take(&probes[MANY - 1]));
    rv_drop(&waits[MANY - 1].future);
    rv_semaphore_fini(&semaphore);
    for (int i = 0; i < MANY; i++)
        rv_probe_fini(&probes[i]);
}

/* --- mutex ------------------------------------------------------------- */

static void unlock_what_nobody_has(void)
{
    struct rv_mutex mutex;

    rv_mutex_init(&mutex);
    rv_mutex_unlock(&mutex);
}

RV_TEST(sync, a_mutex_goes_from_hand_to_hand)
{
    struct rv_mutex_lock waits[2];
    struct rv_mutex mutex;
    struct rv_probe probe;

    rv_probe_init(&probe);
    rv_mutex_init(&mutex);
    cr_assert_eq(rv_mutex_try_lock(&mutex), 0);
    cr_assert_eq(rv_mutex_try_lock(&mutex), -EAGAIN);
    for (int i = 0; i < 2; i++) {
        rv_mutex_lock_init(&waits[i], &mutex);
        cr_assert_eq(poll_as(&probe, &waits[i].future), RV_PENDING);
    }
    rv_mutex_unlock(&mutex);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(rv_mutex_try_lock(&mutex), -EAGAIN);
    rv_drop(&waits[0].future);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &waits[1].future), RV_READY);
    rv_drop(&waits[1].future);
    rv_mutex_unlock(&mutex);
    cr_assert_eq(rv_mutex_try_lock(&mutex), 0);
    rv_mutex_unlock(&mutex);
    rv_mutex_fini(&mutex);
    rv_probe_fini(&probe);
    rv_test_aborts(unlock_what_nobody_has, "the mutex is not locked");
}

/* --- notify ------------------------------------------------------------ */

static enum rv_poll wait_for(struct rv_notified *wait, struct rv_notify *notify,
                             const struct rv_probe *probe)
{
    rv_notified_init(wait, notify);
    return poll_as(probe, &wait->future);
}

RV_TEST(sync, one_notification_is_kept_for_who_comes_later)
{
    struct rv_notified wait;
    struct rv_notify notify;
    struct rv_probe probe;

    rv_probe_init(&probe);
    rv_notify_init(&notify);
    rv_notify_all(&notify); /* no task waits: a no-op */
    cr_assert_eq(wait_for(&wait, &notify, &probe), RV_PENDING);
    rv_drop(&wait.future);
    rv_notify_one(&notify);
    rv_notify_one(&notify);
    cr_assert_eq(wait_for(&wait, &notify, &probe), RV_READY);
    cr_assert_eq(wait_for(&wait, &notify, &probe), RV_PENDING);
    rv_drop(&wait.future);
    cr_assert_not(rv_probe_take(&probe));
    rv_notify_fini(&notify);
    rv_probe_fini(&probe);
}

RV_TEST(sync, a_notification_that_was_dropped_goes_to_the_next)
{
    struct rv_notified waits[2];
    struct rv_notify notify;
    struct rv_probe a;
    struct rv_probe b;

    rv_probe_init(&a);
    rv_probe_init(&b);
    rv_notify_init(&notify);
    cr_assert_eq(wait_for(&waits[0], &notify, &a), RV_PENDING);
    cr_assert_eq(wait_for(&waits[1], &notify, &b), RV_PENDING);
    rv_notify_one(&notify);
    cr_assert(rv_probe_take(&a));
    rv_drop(&waits[0].future);
    cr_assert(rv_probe_take(&b));
    rv_drop(&waits[1].future); /* no task waits any more: it is kept */
    cr_assert_eq(wait_for(&waits[0], &notify, &a), RV_READY);
    rv_notify_fini(&notify);
    rv_probe_fini(&a);
    rv_probe_fini(&b);
}

RV_TEST(sync, all_that_wait_are_notified_and_none_that_comes_later)
{
    static struct rv_notified waits[MANY + 1];
    static struct rv_probe probes[MANY + 1];
    struct rv_notify notify;

    rv_notify_init(&notify);
    for (int i = 0; i <= MANY; i++)
        rv_probe_init(&probes[i]);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(wait_for(&waits[i], &notify, &probes[i]), RV_PENDING);
    rv_notify_all(&notify);
    cr_assert_eq(wait_for(&waits[MANY], &notify, &probes[MANY]), RV_PENDING);
    rv_drop(&waits[0].future); /* nothing to pass on */
    for (int i = 1; i < MANY; i++) {
        cr_assert(rv_probe_take(&probes[i]));
        cr_assert_eq(poll_as(&probes[i], &waits[i].future), RV_READY);
    }
    cr_assert_not(rv_probe_take(&probes[MANY]));
    rv_drop(&waits[MANY].future);
    rv_notify_fini(&notify);
    for (int i = 0; i <= MANY; i++)
        rv_probe_fini(&probes[i]);
}
