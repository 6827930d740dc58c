/* SPDX-License-Identifier: MIT */
/*
 * idle.c - a worker sleeps only if there is nothing that it could do.
 *
 * Threads: any.
 *
 * A wake costs thousands of times more than a push. So while one worker
 * searches, no other worker is woken. Protocol:
 *
 *   IDLE-1  A pusher pushes, and then loads the word, with a seq_cst fence in
 *       between. A worker announces that it stops searching, and then checks
 *       the queues, ordered by a seq_cst exchange. So the pusher sees that no
 *       worker searches, or the worker sees the task.
 *   IDLE-2  A worker that announces its sleep while no worker searches checks
 *       all queues again: earlier pushers relied on the last searcher. This
 *       applies also to a worker that was not allowed to search: since then all
 *       searchers may have found a task and stopped.
 *   IDLE-3  The last searcher that finds a task checks all queues again too,
 *       and wakes another worker if there is more. Otherwise two tasks that
 *       were pushed while it searched would run one after the other.
 *   IDLE-4  A worker is counted as a sleeper, and can be chosen, before that
 *       check. A later pusher finds it, and its unpark ends the park, even if
 *       the park begins after it.
 *   IDLE-5  A thread that wakes a sleeper makes it a searcher in the same step.
 *       So the next pusher does not wake a second one, and IDLE-3 applies to
 *       it.
 *   IDLE-6  While other workers are awake, one sleeper is the sentinel: it
 *       sleeps only for a short time, and then searches. While there is a
 *       sentinel, a task in the slot, which its worker will probably run soon,
 *       wakes no other worker. Otherwise two tasks that wait for each other in
 *       turn would cost a futex call each time. The sentinel bit is set and
 *       cleared in the word, and cleared before the sentinel searches, so
 *       IDLE-1 applies to it.
 *   IDLE-7  A fork is pushed without a fence while nobody sleeps, whether or
 *       not others search. A worker that begins to sleep at that moment may
 *       miss it: it is the sentinel, because it is the first sleeper, and it
 *       searches again after a nap, which is far longer than the delay of a
 *       store. If anybody sleeps there is a fence: the sentinel may have been
 *       woken, and only IDLE-1 and IDLE-3 will wake the other sleepers.
 *
 * tests/models/idle.pml is the model of IDLE-1 to IDLE-5, with mutants for
 * IDLE-1 to IDLE-4; hint.pml is that of IDLE-6 and IDLE-7. Source: tokio's
 * runtime/scheduler/multi_thread/idle.rs and the "spinning" threads of Go's
 * runtime/proc.go; the second half of IDLE-2 is the model's.
 */
#include "sched/idle.h"

#include <errno.h>
#include <reveil/base.h>

#include "sched/deque.h"

#define SEARCHER UINT64_C(1)
#define SLEEPER  (UINT64_C(1) << 32)
#define SENTINEL (UINT64_C(1) << 63)

struct rv_idle_worker {
    struct rv_parker *parker;
    bool asleep;   /* may be chosen */
    bool sentinel; /* ... and wakes up by itself */
};

static uint32_t searchers(uint64_t word)
{
    return (uint32_t)word;
}

static uint32_t sleepers(uint64_t word)
{
    return (uint32_t)((word & ~SENTINEL) >> 32);
}

int rv_idle_init(struct rv_idle *idle, uint32_t workers)
{
    idle->workers = rv_alloc(workers * sizeof *idle->workers);
    if (!idle->workers)
        return -ENOMEM;
    atomic_init(&idle->word, 0);
    idle->len = workers;
    pthread_mutex_init(&idle->mutex, NULL);
    return 0;
}

void rv_idle_fini(struct rv_idle *idle)
{
    if (!idle->workers)
        return;
    pthread_mutex_destroy(&idle->mutex);
    rv_free(idle->workers);
    idle->workers = NULL;
}

void rv_idle_set_parker(struct rv_idle *idle, uint32_t me,
                        struct rv_parker *parker)
{
    idle->workers[me].parker = parker;
}

/* mutex must be held. Returns: what to subtract from the word for this sleeper.
 */
static uint64_t leave(struct rv_idle_worker *worker)
{
    const uint64_t change = SLEEPER + (worker->sentinel ? SENTINEL : 0);

    worker->asleep = false;
    worker->sentinel = false;
    return change;
}

/* mutex must be held, and a worker must sleep. Returns: the sleeper to wake. */
static struct rv_idle_worker *choose(struct rv_idle *idle)
{
    struct rv_idle_worker *worker = idle->workers;

    while (!worker->asleep)
        worker++;
    return worker;
}

static __attribute__((noinline)) void wake_one(struct rv_idle *idle)
{
    struct rv_parker *parker = NULL;
    uint64_t word;

    pthread_mutex_lock(&idle->mutex);
    /* relaxed: sleepers change only under the mutex, and a searcher that began
     * after the caller's load will find what was pushed. */
    word = atomic_load_explicit(&idle->word, memory_order_relaxed);
    if (searchers(word) == 0 && sleepers(word) > 0) {
        struct rv_idle_worker *chosen = choose(idle);

        parker = chosen->parker;
        /* seq_cst: IDLE-1, IDLE-5. */
        atomic_fetch_add_explicit(&idle->word, SEARCHER - leave(chosen),
                                  memory_order_seq_cst);
    }
    pthread_mutex_unlock(&idle->mutex);
    if (parker)
        rv_parker_unpark(parker);
}

void rv_idle_notify(struct rv_idle *idle)
{
    uint64_t word;

    /* Between the push and the load; pairs with the exchanges of the word by
     * workers that stop searching. IDLE-1 */
    rv_full_fence();
    /* relaxed: the fence orders it. */
    word = atomic_load_explicit(&idle->word, memory_order_relaxed);
    if (__builtin_expect(searchers(word) == 0 && sleepers(word) > 0, 0))
        wake_one(idle);
}

void rv_idle_notify_lazily(struct rv_idle *idle)
{
    uint64_t word;

    /* As in rv_idle_notify(). IDLE-1, IDLE-6 */
    rv_full_fence();
    word = atomic_load_explicit(&idle->word, memory_order_relaxed);
    if (__builtin_expect(searchers(word) == 0 && sleepers(word) > 0, 0) &&
        !(word & SENTINEL))
        wake_one(idle);
}

bool rv_idle_search(struct rv_idle *idle)
{
    /* relaxed: the limit is a heuristic: half of the workers, or one. */
    uint64_t word = atomic_load_explicit(&idle->word, memory_order_relaxed);

    if (2 * searchers(word) >= idle->len && searchers(word) > 0)
        return false;
    /* seq_cst: a pusher that sees a searcher leaves its task to it. IDLE-1 */
    atomic_fetch_add_explicit(&idle->word, SEARCHER, memory_order_seq_cst);
    return true;
}

bool rv_idle_found(struct rv_idle *idle)
{
    /* seq_cst: ordered before the check of the queues. IDLE-1, IDLE-3 */
    return searchers(atomic_fetch_sub_explicit(&idle->word, SEARCHER,
                                               memory_order_seq_cst)) == 1;
}

bool rv_idle_sleep(struct rv_idle *idle, uint32_t me, bool searching,
                   bool *sentinel)
{
    uint64_t change = SLEEPER - (searching ? SEARCHER : 0);
    uint64_t word;

    pthread_mutex_lock(&idle->mutex);
    /* relaxed: sleepers and the sentinel change only under the mutex. */
    word = atomic_load_explicit(&idle->word, memory_order_relaxed);
    *sentinel = !(word & SENTINEL) && sleepers(word) + 1 < idle->len;
    if (*sentinel)
        change += SENTINEL;
    idle->workers[me].sentinel = *sentinel;
    idle->workers[me].asleep = true; /* IDLE-4 */
    /* seq_cst: ordered before the check of the queues. IDLE-1, IDLE-2 */
    word = change +
           atomic_fetch_add_explicit(&idle->word, change, memory_order_seq_cst);
    pthread_mutex_unlock(&idle->mutex);
    return searchers(word) == 0;
}

bool rv_idle_rise(struct rv_idle *idle, uint32_t me, bool to_search)
{
    bool searcher = true; /* chosen: wake_one() has counted it */

    pthread_mutex_lock(&idle->mutex);
    if (idle->workers[me].asleep) {
        searcher = to_search;
        /* seq_cst: IDLE-1. */
        atomic_fetch_add_explicit(
            &idle->word, (to_search ? SEARCHER : 0) - leave(&idle->workers[me]),
            memory_order_seq_cst);
    }
    pthread_mutex_unlock(&idle->mutex);
    return searcher;
}

void rv_idle_wake_all(struct rv_idle *idle)
{
    for (uint32_t i = 0; i < idle->len; i++)
        if (idle->workers[i].parker)
            rv_parker_unpark(idle->workers[i].parker);
}

uint32_t rv_idle_sleepers(const struct rv_idle *idle)
{
    /* seq_cst: ordered after the caller's own announcement. */
    return sleepers(atomic_load_explicit(&idle->word, memory_order_seq_cst));
}
