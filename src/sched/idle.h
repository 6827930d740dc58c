/* SPDX-License-Identifier: MIT */
/*
 * idle.h - which workers search for work, which sleep, and which to wake.
 *
 *     pusher                             worker without work
 *     push(queue, task)                  rv_idle_search()    a searcher now
 *     rv_idle_notify()  ── wakes one,    look at all queues
 *                          unless one    rv_idle_sleep()     announced
 *                          searches      look again if none searches
 *                                        park
 *
 * This part only counts. It knows no queues and tasks: the workers look at
 * those.
 */
#ifndef RV_IDLE_H
#define RV_IDLE_H

#include <pthread.h>
#include <reveil/waker.h>

struct rv_idle {
    /*
     * Any thread. Bits 0 to 31: the number of searchers. Bits 32 to 62: the
     * number of sleepers. Bit 63: one of the sleepers is the sentinel (IDLE-6).
     * Searchers change without a lock; sleepers and the sentinel change only
     * under the mutex.
     */
    _Atomic uint64_t word;
    uint32_t len;

    pthread_mutex_t mutex;
    struct rv_idle_worker *workers; /* mutex must be held */
};

/* For so many workers, all awake. Returns: 0, -ENOMEM. */
int rv_idle_init(struct rv_idle *idle, uint32_t workers);
void rv_idle_fini(struct rv_idle *idle);

/* Set where this worker parks, before it sleeps for the first time. */
void rv_idle_set_parker(struct rv_idle *idle, uint32_t me,
                        struct rv_parker *parker);

/*
 * A task was pushed: wake a sleeper, unless a worker searches already, which
 * then finds the task.
 *
 * Threads: any.   Cost if no worker sleeps, or if one searches: a fence.
 */
void rv_idle_notify(struct rv_idle *idle);

/*
 * The same for a task that its worker will probably run itself, very soon. If
 * there is a sentinel, no worker is woken: the sentinel takes the task if its
 * worker does not.
 */
void rv_idle_notify_lazily(struct rv_idle *idle);

/*
 * rv_idle_notify() for a fork, which is pushed often: without the fence while
 * nobody sleeps. A worker that is about to sleep may miss the fork, but not for
 * long: it is the sentinel then. IDLE-7
 */
static inline void rv_idle_hint(struct rv_idle *idle)
{
    /* relaxed: the fence follows where it is needed. */
    const uint64_t word =
        atomic_load_explicit(&idle->word, memory_order_relaxed);

    if (__builtin_expect(word >> 32 != 0, 0)) /* there are sleepers */
        rv_idle_notify(idle);
}

/* Begin to search. Returns: false if enough workers search already; then the
 * caller should sleep. */
bool rv_idle_search(struct rv_idle *idle);

/*
 * The searcher has found a task. Returns: true if it was the last searcher: the
 * caller must check all queues, and call rv_idle_notify() if there is more.
 */
bool rv_idle_found(struct rv_idle *idle);

/*
 * Announce that the caller is going to sleep.
 *
 * searching: the caller is a searcher, and stops being one.
 * *sentinel: set if others are awake, and the caller must wake up by itself
 *            soon, in order to search: see IDLE-6.
 * Returns:   true if no worker searches now: the caller must check all queues
 *            before it parks, and call rv_idle_rise() if there is a task.
 */
bool rv_idle_sleep(struct rv_idle *idle, uint32_t me, bool searching,
                   bool *sentinel);

/* A sleeper is awake again. to_search: make it a searcher. Returns: true if it
 * is one now, because of to_search or because a pusher has chosen it. */
bool rv_idle_rise(struct rv_idle *idle, uint32_t me, bool to_search);

/* Wake all sleepers, without making them searchers. */
void rv_idle_wake_all(struct rv_idle *idle);

/* How many workers sleep now. */
uint32_t rv_idle_sleepers(const struct rv_idle *idle);

#endif /* RV_IDLE_H */
