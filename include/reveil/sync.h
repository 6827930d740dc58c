/* SPDX-License-Identifier: MIT */
/*
 * sync.h - semaphore, mutex and notify for tasks. They suspend the waiting
 * task, and its thread continues with other tasks.
 *
 *     error = rv_mutex_lock(&state->mutex, RV_NEVER);         in a coroutine
 *     if (!error) {
 *         ... other waits, with the mutex held ...
 *         rv_mutex_unlock(&state->mutex);
 *     }
 *
 * For a mutex that is never held across an await, use a pthread mutex. All
 * of these objects are fair: tasks are served in the order in which they began
 * to wait. The waiting futures form the list, so nothing is allocated. A future
 * that was granted what it waits for, and that is dropped before its next poll,
 * passes the grant on to the next waiter.
 *
 * The objects are embedded in the caller's memory and must not move. All calls
 * except init and fini may be made on any thread. fini: no task may wait.
 */
#ifndef RV_SYNC_H
#define RV_SYNC_H

#include <pthread.h>
#include <reveil/future.h>

RV_BEGIN_DECLS

/* Private: an entry in the list of waiters. */
struct rv_sync_waiter {
    struct rv_list node;
    struct rv_waker waker;
    uint32_t permits; /* how many it waits for */
    uint32_t state;
    uint32_t *counted; /* where it counts while it is there; or NULL */
};

/* --- semaphore: so many permits ---------------------------------------- */

struct rv_semaphore {
    pthread_mutex_t lock; /* private, as are the rest */
    struct rv_list waiters;
    uint64_t permits;
};

/* permits: the initial number, which may be 0. fini: while no task waits. */
void rv_semaphore_init(struct rv_semaphore *semaphore, uint32_t permits);
void rv_semaphore_fini(struct rv_semaphore *semaphore);

/* Returns: 0; -EAGAIN: there are fewer, or other tasks wait for permits. */
int rv_semaphore_try_acquire(struct rv_semaphore *semaphore, uint32_t permits);

/* Return permits, or add new ones. */
void rv_semaphore_release(struct rv_semaphore *semaphore, uint32_t permits);

/* READY with 0 when the caller has the permits. */
struct rv_semaphore_acquire {
    struct rv_future future;
    struct rv_semaphore *semaphore; /* private, as is the rest */
    struct rv_sync_waiter waiter;
};

/* permits: acquired all at once. If the future is dropped before it is READY,
 * the caller has none. */
void rv_semaphore_acquire_init(struct rv_semaphore_acquire *acquire,
                               struct rv_semaphore *semaphore,
                               uint32_t permits);

/* In a coroutine; deadlines as in channel.h. Returns: 0; -ETIMEDOUT,
 * -ECANCELED: the caller has none. */
int rv_semaphore_acquire(struct rv_semaphore *semaphore, uint32_t permits,
                         int64_t deadline_ns);

/* --- mutex: a semaphore with one permit -------------------------------- */

struct rv_mutex {
    struct rv_semaphore semaphore; /* private, as is the rest */
    RV_ATOMIC(uintptr_t)
    owner; /* the coroutine that has locked it by
              rv_mutex_lock(); 0: none, or unknown */
};

/* The mutex is unlocked at first. A task that locks it again waits for itself:
 * a coroutine that does so by rv_mutex_lock(), both times, without a deadline,
 * ends the program with a message. fini: while no task waits. */
void rv_mutex_init(struct rv_mutex *mutex);
void rv_mutex_fini(struct rv_mutex *mutex);

/* Returns: 0; -EAGAIN: it is locked, or other tasks wait for it. */
int rv_mutex_try_lock(struct rv_mutex *mutex);

/* Called by the task that has locked it. Misuse: it is not locked. */
void rv_mutex_unlock(struct rv_mutex *mutex);

/* READY with 0 when the caller has the mutex. */
struct rv_mutex_lock {
    struct rv_future future;
    struct rv_mutex *mutex; /* private, as is the rest */
    struct rv_sync_waiter waiter;
};

/* If the future is dropped before it is READY, the caller does not have the
 * mutex. */
void rv_mutex_lock_init(struct rv_mutex_lock *lock, struct rv_mutex *mutex);

/* In a coroutine; deadlines as in channel.h. Returns: 0; -ETIMEDOUT,
 * -ECANCELED: the caller does not have it. */
int rv_mutex_lock(struct rv_mutex *mutex, int64_t deadline_ns);

/* --- notify: a condition has changed, check it again ------------------- */

struct rv_notify {
    pthread_mutex_t lock; /* private, as are the rest */
    struct rv_list waiters;
    bool kept; /* an rv_notify_one() that no task has received yet */
};

/* No notification is kept at first. fini: while no task waits. */
void rv_notify_init(struct rv_notify *notify);
void rv_notify_fini(struct rv_notify *notify);

/* Wake the task that has waited longest. If none waits, the notification is
 * kept for the next one that does; at most one is kept. */
void rv_notify_one(struct rv_notify *notify);

/* Wake all tasks that wait now. It has no effect on later ones. */
void rv_notify_all(struct rv_notify *notify);

/* READY with 0 when notified. It begins to wait at its first poll. */
struct rv_notified {
    struct rv_future future;
    struct rv_notify *notify; /* private, as is the rest */
    struct rv_sync_waiter waiter;
};

/* `notify` must not move until the future is READY or dropped. */
void rv_notified_init(struct rv_notified *notified, struct rv_notify *notify);

/* In a coroutine: wait for a notification. Returns: 0, -ETIMEDOUT, -ECANCELED.
 */
int rv_notify_wait(struct rv_notify *notify, int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_SYNC_H */
