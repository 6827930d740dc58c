/* SPDX-License-Identifier: MIT */
/*
 * sync.h - semaphore, mutex and notify for tasks: who waits suspends, and its
 * thread goes on.
 *
 *     rv_mutex_lock_init(&self->lock, &state->mutex);
 *     RV_AWAIT(future, cx, &self->lock.future);
 *     ... other awaits, with the mutex held ...
 *     rv_mutex_unlock(&state->mutex);
 *
 * A mutex that is never held across an await need not be one of these: take
 * pthread's. All of them are fair: who came first is served first, and nobody
 * who comes later overtakes. Who waits is linked through its future, so nothing
 * is allocated. A future that is dropped when it was granted what it waited
 * for, and was not polled since, passes it on to the next.
 *
 * The objects are embedded and do not move; all calls but init and fini may
 * come from any thread. fini: nobody waits any more.
 */
#ifndef RV_SYNC_H
#define RV_SYNC_H

#include <pthread.h>
#include <reveil/future.h>

RV_BEGIN_DECLS

/* Private: one that waits. */
struct rv_sync_waiter {
    struct rv_list node;
    struct rv_waker waker;
    uint32_t permits; /* how many it wants */
    uint32_t state;
};

/* --- semaphore: so many permits ---------------------------------------- */

struct rv_semaphore {
    pthread_mutex_t lock; /* private, as are the rest */
    struct rv_list waiters;
    uint64_t permits;
};

/* With so many permits, which may be 0; and its end, when nobody waits. */
void rv_semaphore_init(struct rv_semaphore *semaphore, uint32_t permits);
void rv_semaphore_fini(struct rv_semaphore *semaphore);

/* Returns: 0, or -EAGAIN: not so many there, or others wait for them. */
int rv_semaphore_try_acquire(struct rv_semaphore *semaphore, uint32_t permits);

/* Give permits back, or add new ones. */
void rv_semaphore_release(struct rv_semaphore *semaphore, uint32_t permits);

/* READY with 0 when the caller has them. */
struct rv_semaphore_acquire {
    struct rv_future future;
    struct rv_semaphore *semaphore; /* private, as is the rest */
    struct rv_sync_waiter waiter;
};

/* For so many permits at once. Dropped before it is READY, it has none. */
void rv_semaphore_acquire_init(struct rv_semaphore_acquire *acquire,
                               struct rv_semaphore *semaphore,
                               uint32_t permits);

/* In a coroutine. Returns: 0, -ECANCELED (it has none then). */
int rv_semaphore_acquire(struct rv_semaphore *semaphore, uint32_t permits);

/* --- mutex: a semaphore of one ----------------------------------------- */

struct rv_mutex {
    struct rv_semaphore semaphore; /* private */
};

/* Nobody has it; and its end, when nobody waits. */
void rv_mutex_init(struct rv_mutex *mutex);
void rv_mutex_fini(struct rv_mutex *mutex);

/* Returns: 0, or -EAGAIN: it is held, or others wait for it. */
int rv_mutex_try_lock(struct rv_mutex *mutex);

/* By the task that has it. Misuse: nobody has it. */
void rv_mutex_unlock(struct rv_mutex *mutex);

/* READY with 0 when the caller has it. */
struct rv_mutex_lock {
    struct rv_future future;
    struct rv_mutex *mutex; /* private, as is the rest */
    struct rv_sync_waiter waiter;
};

/* Dropped before it is READY, the caller does not have the mutex. */
void rv_mutex_lock_init(struct rv_mutex_lock *lock, struct rv_mutex *mutex);

/* In a coroutine. Returns: 0, -ECANCELED (it does not have it then). */
int rv_mutex_lock(struct rv_mutex *mutex);

/* --- notify: something has happened, look again ------------------------ */

struct rv_notify {
    pthread_mutex_t lock; /* private, as are the rest */
    struct rv_list waiters;
    bool kept; /* an rv_notify_one() that nobody has taken yet */
};

/* Nothing has happened yet; and its end, when nobody waits. */
void rv_notify_init(struct rv_notify *notify);
void rv_notify_fini(struct rv_notify *notify);

/* Wake the one that waits longest; if none waits, the next one that does. Two
 * that nobody has taken are one. */
void rv_notify_one(struct rv_notify *notify);

/* Wake all that wait now. Those that come later are not concerned. */
void rv_notify_all(struct rv_notify *notify);

/* READY with 0 when notified. It waits from its first poll on. */
struct rv_notified {
    struct rv_future future;
    struct rv_notify *notify; /* private, as is the rest */
    struct rv_sync_waiter waiter;
};

/* `notify` stays where it is until the future is READY or dropped. */
void rv_notified_init(struct rv_notified *notified, struct rv_notify *notify);

/* In a coroutine: wait for it. Returns: 0, -ECANCELED. */
int rv_notify_wait(struct rv_notify *notify);

RV_END_DECLS

#endif /* RV_SYNC_H */
