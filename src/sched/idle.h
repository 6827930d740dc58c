/* SPDX-License-Identifier: MIT */
/*
 * idle.h - which workers search for work, which sleep, and who wakes whom.
 *
 *     pusher                             worker without work
 *     push(queue, task)                  rv_idle_search()    a searcher now
 *     rv_idle_notify()  ── wakes one,    look at all queues
 *                          unless one    rv_idle_sleep()     announced
 *                          searches      look again, if nobody searches
 *                                        park
 *
 * Knows nothing of queues and tasks: the worker looks, this counts.
 */
#ifndef RV_IDLE_H
#define RV_IDLE_H

#include <pthread.h>
#include <reveil/waker.h>

struct rv_idle {
    /* Any thread: searchers in the low half, sleepers in the high half, and
     * whether one of these is the sentinel in the top bit. */
    _Atomic uint64_t word;
    uint32_t len;

    pthread_mutex_t mutex;
    struct rv_idle_worker *workers; /* mutex must be held */
};

/* For so many workers, none of them asleep. Returns: 0, -ENOMEM. */
int rv_idle_init(struct rv_idle *idle, uint32_t workers);
void rv_idle_fini(struct rv_idle *idle);

/* Where this worker parks. Before it sleeps for the first time. */
void rv_idle_set_parker(struct rv_idle *idle, uint32_t me,
                        struct rv_parker *parker);

/*
 * There is something to take that was not there before: wake a sleeper, unless
 * somebody searches, who then finds it.
 *
 * Threads: any.   Cost when nobody sleeps or somebody searches: a fence.
 */
void rv_idle_notify(struct rv_idle *idle);

/*
 * The same for a task that its worker is likely to run itself, very soon: when
 * there is a sentinel, which comes by and takes it if not, nobody is woken.
 */
void rv_idle_notify_lazily(struct rv_idle *idle);

/*
 * The same as rv_idle_notify() without the fence, for what its pusher will take
 * itself if nobody else does: it may miss a worker that goes to sleep just now.
 */
static inline void rv_idle_hint(struct rv_idle *idle)
{
    /* relaxed: a hint. */
    const uint64_t word =
        atomic_load_explicit(&idle->word, memory_order_relaxed);

    if (__builtin_expect((uint32_t)word == 0 && word != 0, 0))
        rv_idle_notify(idle);
}

/* Begin to search. Returns: false if enough do already; then sleep. */
bool rv_idle_search(struct rv_idle *idle);

/*
 * The searcher has found something. Returns: true if nobody searches any more:
 * the caller looks at all queues and calls rv_idle_notify() if there is more.
 */
bool rv_idle_found(struct rv_idle *idle);

/*
 * Announce that the caller sleeps. searching: it is a searcher, and stops.
 *
 * *sentinel: set if others are awake and the caller is to come back soon by
 *            itself, to search: see IDLE-6.
 * Returns: true if nobody searches now: it has to look at all queues before it
 * parks, and to call rv_idle_rise() if there is something.
 */
bool rv_idle_sleep(struct rv_idle *idle, uint32_t me, bool searching,
                   bool *sentinel);

/* A sleeper wakes up by itself; it searches, or was chosen to. Returns: true
 * if it is a searcher now, false (unless to_search) if not. */
bool rv_idle_rise(struct rv_idle *idle, uint32_t me, bool to_search);

/* Wake all who sleep; they are not made searchers. */
void rv_idle_wake_all(struct rv_idle *idle);

/* Workers that sleep now. */
uint32_t rv_idle_sleepers(const struct rv_idle *idle);

#endif /* RV_IDLE_H */
