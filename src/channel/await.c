/* SPDX-License-Identifier: MIT */
/*
 * await.c - sends and receives for coroutines: try the operation, and await the
 * future only if the attempt returns -EAGAIN.
 *
 * Threads: as for the same end without await; in a coroutine.
 */
#include <errno.h>
#include <reveil/bounded.h>
#include <reveil/coro.h>
#include <reveil/mpsc.h>
#include <reveil/oneshot.h>
#include <reveil/publisher.h>
#include <reveil/spsc.h>
#include <reveil/sync.h>
#include <stdatomic.h>

#include "base/base_internal.h"

/* For a future whose result is a count. */
static int await_one(struct rv_future *future, int64_t deadline_ns)
{
    const int result = rv_await_and_drop(future, deadline_ns);

    return result < 0 ? result : 0;
}

int rv_spsc_send(struct rv_spsc_sender *sender, const void *element,
                 int64_t deadline_ns)
{
    struct rv_spsc_send send;
    const int result = rv_spsc_try_send(sender, element);

    if (result != -EAGAIN)
        return result;
    rv_spsc_send_init(&send, sender, element, 1);
    return rv_await_and_drop(&send.future, deadline_ns);
}

int rv_spsc_recv(struct rv_spsc_receiver *receiver, void *element,
                 int64_t deadline_ns)
{
    struct rv_spsc_recv recv;
    const int result = rv_spsc_try_recv(receiver, element);

    if (result != -EAGAIN)
        return result;
    rv_spsc_recv_init(&recv, receiver, element, 1);
    return await_one(&recv.future, deadline_ns);
}

int rv_mpsc_recv(struct rv_mpsc_receiver *receiver, void *element,
                 int64_t deadline_ns)
{
    struct rv_mpsc_recv recv;
    const int result = rv_mpsc_try_recv(receiver, element);

    if (result != -EAGAIN)
        return result;
    rv_mpsc_recv_init(&recv, receiver, element, 1);
    return await_one(&recv.future, deadline_ns);
}

int rv_bounded_send(struct rv_bounded_sender *sender, const void *element,
                    int64_t deadline_ns)
{
    struct rv_bounded_send send;
    const int result = rv_bounded_try_send(sender, element);

    if (result != -EAGAIN)
        return result;
    rv_bounded_send_init(&send, sender, element);
    return rv_await_and_drop(&send.future, deadline_ns);
}

int rv_bounded_recv(struct rv_bounded_receiver *receiver, void *element,
                    int64_t deadline_ns)
{
    struct rv_bounded_recv recv;
    int result = rv_bounded_try_recv(receiver, element);

    if (result != -EAGAIN)
        return result;
    rv_bounded_recv_init(&recv, receiver, element, 1);
    result = rv_await_and_drop(&recv.future, deadline_ns);
    return result < 0 ? result : 0;
}

int rv_oneshot_recv(struct rv_oneshot_receiver *receiver, void *element,
                    int64_t deadline_ns)
{
    struct rv_oneshot_recv recv;
    const int result = rv_oneshot_try_recv(receiver, element);

    if (result != -EAGAIN)
        return result;
    rv_oneshot_recv_init(&recv, receiver, element);
    return rv_await_and_drop(&recv.future, deadline_ns);
}

int rv_publisher_reserve(struct rv_publisher *publisher, uint32_t n,
                         struct rv_events *events, int64_t deadline_ns)
{
    struct rv_publisher_reserve reserve;
    int result = rv_publisher_try_reserve(publisher, n, events);

    if (result != -EAGAIN)
        return result;
    rv_publisher_reserve_init(&reserve, publisher, n);
    result = rv_await_and_drop(&reserve.future, deadline_ns);
    if (result == 0)
        *events = reserve.events;
    return result;
}

int rv_subscriber_recv(struct rv_subscriber *subscriber, uint32_t n,
                       struct rv_events *events, int64_t deadline_ns)
{
    struct rv_subscriber_recv recv;
    int result = rv_subscriber_try_recv(subscriber, n, events);

    if (result != -EAGAIN)
        return result;
    rv_subscriber_recv_init(&recv, subscriber, n);
    result = rv_await_and_drop(&recv.future, deadline_ns);
    if (result > 0)
        *events = recv.events;
    return result;
}

int rv_semaphore_acquire(struct rv_semaphore *semaphore, uint32_t permits,
                         int64_t deadline_ns)
{
    struct rv_semaphore_acquire acquire;

    if (rv_semaphore_try_acquire(semaphore, permits) == 0)
        return 0;
    rv_semaphore_acquire_init(&acquire, semaphore, permits);
    return rv_await_and_drop(&acquire.future, deadline_ns);
}

/* The coroutine has the mutex now. relaxed: only it compares what it stores. */
static int own(struct rv_mutex *mutex)
{
    atomic_store_explicit(&mutex->owner, (uintptr_t)rv_coro_current(),
                          memory_order_relaxed);
    return 0;
}

int rv_mutex_lock(struct rv_mutex *mutex, int64_t deadline_ns)
{
    const uintptr_t self = (uintptr_t)rv_coro_current();
    struct rv_mutex_lock lock;
    int result;

    if (rv_mutex_try_lock(mutex) == 0)
        return own(mutex);
    /* relaxed: as in own(). */
    RV_CHECK(!self || deadline_ns != RV_NEVER ||
                 atomic_load_explicit(&mutex->owner, memory_order_relaxed) !=
                     self,
             "a coroutine waits for a mutex that it has");
    rv_mutex_lock_init(&lock, mutex);
    result = rv_await_and_drop(&lock.future, deadline_ns);
    return result == 0 ? own(mutex) : result;
}

int rv_notify_wait(struct rv_notify *notify, int64_t deadline_ns)
{
    struct rv_notified notified;

    rv_notified_init(&notified, notify);
    return rv_await_and_drop(&notified.future, deadline_ns);
}
