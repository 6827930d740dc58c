/* SPDX-License-Identifier: MIT */
/*
 * parker.c - a one-place token, and a futex or a park backend to wait for it.
 *
 * Threads: park(): the owner; unpark(): any.
 *
 * The token has three states:
 *
 *   EMPTY     No unpark() since the last park(). The owner sets it, when it
 *             consumes NOTIFIED or gives up at its deadline.
 *   PARKED    The owner sleeps or is about to: unpark() must wake it. Only the
 *             owner sets it, and only from EMPTY. It cannot be seen while the
 *             owner runs outside park().
 *   NOTIFIED  An unpark() that no park() has consumed. Any thread sets it, from
 *             every state. A second unpark() leaves the state as it is, but
 *             still publishes the caller's writes.
 *
 * Protocol. Four rules keep a wake from getting lost:
 *
 *   PARKER-1  unpark() always exchanges, also when the token is NOTIFIED
 *       already. "Skip if notified" would publish nothing, and the owner could
 *       miss what a collapsed caller wrote just before.
 *   PARKER-2  park() leaves only by a read-modify-write that takes NOTIFIED
 *       away. Storing EMPTY would erase an unpark() that came in between.
 *   PARKER-3  A park() whose deadline passes also leaves by an exchange with
 *       EMPTY, which consumes a token that arrived at the last moment and
 *       reports it.
 *   PARKER-4  An owner whose park backend refuses sets on_futex before it
 *       sleeps on the futex, and unpark() reads on_futex after its exchange.
 *       The futex compares the token after that store, so at least one side
 *       observes the other.
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

/* By its address an RV_EV_UNPARK is matched with the events of the owner. */
static uint64_t trace_id(const struct rv_parker *parker)
{
    return (uintptr_t)parker;
}

static bool change_token(struct rv_parker *parker, uint32_t from, uint32_t to)
{
    /* acquire: sees all that was written before the unpark() whose token we
     * take; pairs with the release in rv_parker_unpark(). */
    return atomic_compare_exchange_strong_explicit(
        &parker->token, &from, to, memory_order_acquire, memory_order_relaxed);
}

/* PARKER-3: leave by an exchange. Returns: true if there was a token. */
static bool give_up(struct rv_parker *parker)
{
    /* acquire: as in change_token(). */
    return atomic_exchange_explicit(&parker->token, EMPTY,
                                    memory_order_acquire) == NOTIFIED;
}

/* The futex system call is unavailable (a sandbox): check the token once a
 * millisecond. Returns: false when the deadline has passed. */
static bool nap(int64_t deadline_ns)
{
    const struct timespec pause = {.tv_nsec = RV_NS_PER_MS};

    nanosleep(&pause, NULL);
    return rv_clock_real_ns(rv_now_ns()) < deadline_ns;
}

/* Sleep while the token is PARKED. Returns: false when the deadline has
 * passed. */
static bool sleep_on_futex(struct rv_parker *parker, int64_t deadline_ns)
{
    const struct timespec until = rv_timespec(deadline_ns);
    /* The bitset form takes an absolute CLOCK_MONOTONIC time, so a wait that
     * is interrupted by a signal continues until the same deadline. */
    long result = syscall(SYS_futex, &parker->token, FUTEX_WAIT_BITSET_PRIVATE,
                          PARKED, deadline_ns == RV_NEVER ? NULL : &until, NULL,
                          FUTEX_BITSET_MATCH_ANY);

    if (result == 0 || errno == EAGAIN || errno == EINTR)
        return true;
    return errno != ETIMEDOUT && nap(deadline_ns);
}

/* Returns: false when park() must return, with or without a token. */
static bool sleep_while_parked(struct rv_parker *parker, int64_t deadline_ns)
{
    if (!parker->backend.park)
        return sleep_on_futex(parker, deadline_ns);
    if (parker->backend.park(parker->backend.context, &deadline_ns))
        return false;
    /* seq_cst: PARKER-4; pairs with end_sleep(). */
    atomic_store(&parker->on_futex, true);
    sleep_on_futex(parker, deadline_ns);
    return false; /* the next park() asks the backend again */
}

/* Wake the owner, which sleeps or is about to. In the second case the wake is
 * not lost: the futex compares the token before it sleeps, and an eventfd stays
 * readable once it was written. */
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

    if (change_token(parker, NOTIFIED, EMPTY)) {
        rv_trace(RV_EV_PERMIT, trace_id(parker), 0);
        return true;
    }

    /* Fails only if unpark() was called since the line above; the loop
     * consumes that token. */
    change_token(parker, EMPTY, PARKED);

    rv_trace(RV_EV_PARK, trace_id(parker), deadline_ns);
    /* PARKER-2: only an RMW may take NOTIFIED away. A signal or a spurious
     * wakeup also ends the sleep, so the token alone decides. */
    while (!(taken = change_token(parker, NOTIFIED, EMPTY))) {
        if (!sleep_while_parked(parker, deadline_ns)) {
            taken = give_up(parker);
            break;
        }
    }
    rv_trace(RV_EV_AWAKE, trace_id(parker), taken);
    return taken;
}

bool rv_parker_unpark(struct rv_parker *parker)
{
    const int saved_errno = errno;
    bool slept;

    /* Before the exchange: the owner's RV_EV_AWAKE comes after it. */
    rv_trace(RV_EV_UNPARK, trace_id(parker), 0);
    /* PARKER-1: exchange even if NOTIFIED. release: publishes the caller's
     * push; pairs with change_token(). seq_cst: for PARKER-4. */
    slept = atomic_exchange(&parker->token, NOTIFIED) == PARKED;
    if (slept)
        end_sleep(parker);
    errno = saved_errno;
    return slept;
}
