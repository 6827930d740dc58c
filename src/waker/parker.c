/* SPDX-License-Identifier: MIT */
/*
 * parker.c - a one-place token, and a futex or a park backend to wait for it.
 *
 * Threads: park() the owner, unpark() any.
 *
 * Protocol. The token is EMPTY, PARKED (the owner sleeps or is about to) or
 * NOTIFIED (an unpark() waits to be taken). Three rules keep a wake from
 * getting lost:
 *
 *   PARKER-1  unpark() always exchanges, also when the token is NOTIFIED
 *       already. "Skip if notified" would publish nothing, and the owner could
 *       miss what a collapsed caller wrote just before.
 *   PARKER-2  park() leaves only by a read-modify-write that takes NOTIFIED
 *       away. Storing EMPTY would erase an unpark() that came in between.
 *   PARKER-3  A deadline that passes leaves by the same door: exchanging EMPTY
 *       says whether a token came at the last moment, and takes it.
 *   PARKER-4  An owner whose park backend refuses says so (on_futex) before it
 *       sleeps on the futex, and unpark() looks at that after its exchange. The
 *       futex compares the token after the store: one of the two sees the
 *       other.
 *
 * tests/models/parker.pml is the model, with one mutant for each rule.
 * Source: futex(2); the same three states are in Rust's std and in tokio.
 */
#include <errno.h>
#include <linux/futex.h>
#include <reveil/base.h>
#include <reveil/trace.h>
#include <reveil/waker.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base_internal.h"

enum { EMPTY, PARKED, NOTIFIED };

static bool change_token(struct rv_parker *parker, uint32_t from, uint32_t to)
{
    /* acquire: sees all that was written before the unpark() whose token we
     * take; pairs with the release in rv_parker_unpark(). */
    return atomic_compare_exchange_strong_explicit(
        &parker->token, &from, to, memory_order_acquire, memory_order_relaxed);
}

/* PARKER-3. Returns: true if it was a token that ended the wait after all. */
static bool give_up(struct rv_parker *parker)
{
    /* acquire: as in change_token(). */
    return atomic_exchange_explicit(&parker->token, EMPTY,
                                    memory_order_acquire) == NOTIFIED;
}

/* There is no futex to be had (a sandbox): look at the token now and then.
 * Returns: false when the time is over. */
static bool nap(int64_t deadline_ns)
{
    const struct timespec pause = {.tv_nsec = RV_NS_PER_MS};

    nanosleep(&pause, NULL);
    return rv_clock_real_ns(rv_now_ns()) < deadline_ns;
}

/* Sleep while the token is PARKED. Returns: false when the time is over. */
static bool sleep_on_futex(struct rv_parker *parker, int64_t deadline_ns)
{
    const struct timespec until = rv_timespec(deadline_ns);
    /* The bitset form takes an absolute CLOCK_MONOTONIC time, so a wait that
     * a signal interrupts goes on to the same deadline. */
    long result = syscall(SYS_futex, &parker->token, FUTEX_WAIT_BITSET_PRIVATE,
                          PARKED, deadline_ns == RV_NEVER ? NULL : &until, NULL,
                          FUTEX_BITSET_MATCH_ANY);

    if (result == 0 || errno == EAGAIN || errno == EINTR)
        return true;
    return errno != ETIMEDOUT && nap(deadline_ns);
}

/* Returns: false when it is time to go on, token or not. */
static bool sleep_while_parked(struct rv_parker *parker, int64_t deadline_ns)
{
    if (!parker->backend.park)
        return sleep_on_futex(parker, deadline_ns);
    if (parker->backend.park(parker->backend.context, &deadline_ns))
        return false;
    /* seq_cst: PARKER-4; pairs with end_sleep(). */
    atomic_store(&parker->on_futex, true);
    sleep_on_futex(parker, deadline_ns);
    return false; /* the park backend is asked again */
}

/* The owner sleeps, or is about to: a futex looks at the token before it
 * sleeps, and an eventfd that was written stays readable. */
static void end_sleep(struct rv_parker *parker)
{
    if (parker->backend.park)
        eventfd_write(parker->backend.event_fd, 1);
    /* seq_cst: PARKER-4; pairs with sleep_while_parked(). */
    if (!parker->backend.park || atomic_load(&parker->on_futex))
        syscall(SYS_futex, &parker->token, FUTEX_WAKE_PRIVATE, 1);
}

void rv_parker_init(struct rv_parker *parker)
{
    *parker = (struct rv_parker){.token = EMPTY};
}

void rv_parker_use(struct rv_parker *parker,
                   const struct rv_park_backend *backend)
{
    parker->backend = *backend;
}

void rv_parker_drive(struct rv_parker *parker)
{
    int64_t now = 0;

    if (parker->backend.park)
        parker->backend.park(parker->backend.context, &now);
}

bool rv_parker_park(struct rv_parker *parker, int64_t deadline_ns)
{
    bool taken;

    if (change_token(parker, NOTIFIED, EMPTY))
        return true;

    /* Fails only if unpark() came since the line above: the loop takes it. */
    change_token(parker, EMPTY, PARKED);

    rv_trace(RV_EV_PARK, 0, deadline_ns);
    /* A signal or a stray wake ends the wait too: only the token counts. */
    while (!(taken = change_token(parker, NOTIFIED, EMPTY))) {
        if (!sleep_while_parked(parker, deadline_ns)) {
            taken = give_up(parker);
            break;
        }
    }
    rv_trace(RV_EV_UNPARK, 0, taken);
    return taken;
}

bool rv_parker_unpark(struct rv_parker *parker)
{
    const int saved_errno = errno;
    /* release: publishes the caller's push; pairs with change_token(). The
     * rest of seq_cst is PARKER-4's. */
    const bool slept = atomic_exchange(&parker->token, NOTIFIED) == PARKED;

    if (slept)
        end_sleep(parker);
    errno = saved_errno;
    return slept;
}
