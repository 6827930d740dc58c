/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the loop of a worker: which task to run next, and when to sleep.
 *
 * Threads: each worker runs this loop; workers share only the queues.
 *
 * A worker looks for its next task in this order:
 *
 *   1. every 61st time: its executor, then the injector, then its forks, the
 *      oldest first. Otherwise these could starve while tasks keep each other
 *      busy, or while a bound task yields until its own fork has run;
 *   2. the slot: the task that became ready last, whose data is in the cache.
 *      At most SLOT_RUNS times in a row while tasks wait in the queue;
 *   3. its queue of tasks, the oldest first. A task that yields is pushed at
 *      the end;
 *   4. its executor: futures that are ready, timers that are due;
 *   5. its forks, the youngest first. Their task waits on another worker, see
 *      fork.c;
 *   6. the injector, then the queues of the other workers.
 *
 * A thief steals one item at a time. The oldest fork is the largest part of the
 * work, and the deque has no cheaper way to take several items. The slot is
 * stolen only if its worker has been in one task for half of a search.
 * Otherwise two tasks that wait for each other in turn would be separated.
 */
#include "base/base_internal.h"
#include "cpu/query.h"
#include "executor/loop.h"
#include "ring/query.h"
#include "sched/sched_internal.h"
#include "waker/ready.h"

enum {
    FAIR_RUNS = 61,    /* prime, to avoid resonance with periodic work */
    SLOT_RUNS = 3,     /* in a row */
    SEARCH_ROUNDS = 24 /* over all queues before sleep: about 10 us */
};

/* How long a sentinel sleeps: the shortest time at first, then twice as long
 * after each nap that finds no task, up to the longest. A wake takes about as
 * long as the shortest nap. */
static const int64_t shortest_nap_ns = 50 * 1000;
static const int64_t longest_nap_ns = RV_NS_PER_MS;
static const int64_t stop_cpu_ns = 5 * RV_NS_PER_S;

static _Thread_local struct rv_worker *current;
_Thread_local struct rv_worker *rv_worker_of_task;

/* Not inline: after a suspension a coroutine may be on another thread, and the
 * compiler would reuse the address of the first thread's variable. */
__attribute__((noinline)) struct rv_worker *rv_worker_current(void)
{
    __asm__ volatile("");
    return current;
}

struct rv_go_task *rv_go_current(void)
{
    const struct rv_worker *worker = rv_worker_current();

    return worker ? worker->current : NULL;
}

/* --- queues ------------------------------------------------------------ */

void rv_worker_push(struct rv_worker *worker, struct rv_go_task *task)
{
    if (task->bound)
        rv_list_push(&worker->bound, &task->node);
    else if (rv_deque_push(&worker->tasks, task) < 0)
        rv_sched_inject(worker->sched, task); /* needs no memory */
}

static inline void make_ready(struct rv_worker *worker, struct rv_go_task *task,
                              bool busy)
{
    struct rv_go_task *old;

    if (task->bound) {
        rv_worker_push(worker, task);
        return;
    }
    /* release: publishes the task to a thief, see take_slot(). The acquire half
     * is not needed: only this thread stores tasks here. */
    old = atomic_exchange_explicit(&worker->slot, task, memory_order_acq_rel);
    if (old) {
        rv_worker_push(worker, old);
        rv_idle_notify(&worker->sched->idle);
    } else if (busy) {
        rv_idle_notify_lazily(&worker->sched->idle);
    }
}

/* A function of its own: with a call at its beginning, rv_worker_ready() would
 * save registers also when the trace is off. */
static __attribute__((noinline)) void
make_ready_traced(struct rv_worker *worker, struct rv_go_task *task, bool busy)
{
    /* Before another worker can take it. */
    rv_trace(RV_EV_WAKE, rv_go_trace_id(task), rv_go_trace_owner(worker));
    make_ready(worker, task, busy);
}

void rv_worker_ready(struct rv_worker *worker, struct rv_go_task *task,
                     bool busy)
{
    if (rv_trace_is_on())
        make_ready_traced(worker, task, busy);
    else
        make_ready(worker, task, busy);
}

/* Threads: any. */
static struct rv_go_task *take_slot(struct rv_worker *worker)
{
    /* relaxed: only a guess for the exchange. */
    if (!atomic_load_explicit(&worker->slot, memory_order_relaxed))
        return NULL;
    /* acquire: sees what was written before the task was stored; pairs with
     * rv_worker_ready(). */
    return atomic_exchange_explicit(&worker->slot, NULL, memory_order_acquire);
}

static void *steal_from(struct rv_deque *deque)
{
    enum rv_steal how;
    void *item = NULL;

    do
        how = rv_deque_steal(deque, &item);
    while (how == RV_STEAL_LOST);
    return how == RV_STEAL_TAKEN ? item : NULL;
}

bool rv_sched_has_work(const struct rv_sched *sched, bool slots_too)
{
    /* After the caller's exchange of the idle word. Pairs with the fence in
     * rv_idle_notify(). IDLE-1 */
    rv_full_fence();
    for (uint32_t i = 0; i < sched->len; i++) {
        const struct rv_worker *worker = &sched->workers[i];

        /* relaxed: a hint; taking an item checks again. */
        if (rv_deque_len(&worker->tasks) > 0 ||
            rv_deque_len(&worker->forks) > 0 ||
            (slots_too &&
             atomic_load_explicit(&worker->slot, memory_order_relaxed)))
            return true;
    }
    return atomic_load_explicit(&sched->injected_len, memory_order_relaxed) > 0;
}

/* --- stealing ---------------------------------------------------------- */

/* Returns: true if the victim has been in one task since the search began. */
static bool is_stuck(struct rv_worker *worker, const struct rv_worker *victim,
                     uint32_t round)
{
    /* relaxed: a hint. */
    const uint32_t runs =
        atomic_load_explicit(&victim->runs, memory_order_relaxed);

    if (round == 0)
        worker->seen_runs[victim->index] = runs;
    return round >= SEARCH_ROUNDS / 2 &&
           worker->seen_runs[victim->index] == runs;
}

static struct rv_go_task *steal(struct rv_worker *worker,
                                struct rv_worker *victim, uint32_t round)
{
    const bool stuck = is_stuck(worker, victim, round);
    struct rv_go_task *task = NULL;

    if (rv_deque_len(&victim->forks) > 0 && rv_fork_has_task(worker))
        task = rv_fork_task(worker, steal_from(&victim->forks));
    if (!task)
        task = steal_from(&victim->tasks);
    if (!task && stuck)
        task = take_slot(victim);
    if (task)
        rv_trace(RV_EV_STEAL, rv_go_trace_id(task), rv_go_trace_owner(victim));
    return task;
}

static struct rv_go_task *steal_any(struct rv_worker *worker, uint32_t round)
{
    struct rv_sched *sched = worker->sched;
    struct rv_go_task *task = NULL;
    uint32_t first;

    worker->random = worker->random * 1664525u + 1013904223u;
    first = (worker->random >> 16) % sched->len;
    for (uint32_t i = 0; i < sched->len && !task; i++) {
        struct rv_worker *victim = &sched->workers[(first + i) % sched->len];

        if (victim != worker)
            task = steal(worker, victim, round);
    }
    return task ? task : rv_sched_take_injected(sched);
}

static void pause_for(uint32_t turns)
{
    for (uint32_t i = 0; i < turns; i++)
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#else
        __asm__ volatile("" ::: "memory");
#endif
}

bool rv_worker_is_woken(const struct rv_worker *worker)
{
    return !rv_ready_is_empty(rv_executor_ready(worker->executor));
}

static struct rv_go_task *search(struct rv_worker *worker)
{
    struct rv_go_task *task = NULL;

    if (!worker->searching && !rv_idle_search(&worker->sched->idle))
        return NULL;
    worker->searching = true;
    for (uint32_t round = 0; round < SEARCH_ROUNDS; round++) {
        task = steal_any(worker, round);
        if (task || rv_worker_is_woken(worker))
            break;
        pause_for(round);
    }
    return task;
}

static void stop_searching(struct rv_worker *worker)
{
    struct rv_sched *sched = worker->sched;

    worker->nap_ns = shortest_nap_ns;
    if (!worker->searching)
        return;
    worker->searching = false;
    if (rv_idle_found(&sched->idle) && rv_sched_has_work(sched, true))
        rv_idle_notify(&sched->idle);
}

/* --- what to run next -------------------------------------------------- */

/* relaxed: see rv_termination_visit(). */
static void note_work(struct rv_worker *worker)
{
    atomic_store_explicit(&worker->worked, true, memory_order_relaxed);
}

/* busy: only for fairness, there may be tasks to run. Returns: true if a task
 * of this worker became ready. */
static bool run_executor(struct rv_worker *worker, bool busy)
{
    worker->executor_ran = busy ? rv_executor_run_busy(worker->executor)
                                : rv_executor_run(worker->executor);
    if (!worker->executor_ran)
        return false;
    note_work(worker);
    return rv_worker_take_woken(worker);
}

/* A bound task, or NULL. */
static struct rv_go_task *take_bound(struct rv_worker *worker)
{
    struct rv_list *node = rv_list_pop(&worker->bound);

    return node ? RV_CONTAINER_OF(node, struct rv_go_task, node) : NULL;
}

/* Bound tasks run alternately with the others. */
static struct rv_go_task *next_in_turn(struct rv_worker *worker)
{
    struct rv_go_task *task = NULL;

    /* relaxed: only the worker writes it. */
    if (!rv_list_empty(&worker->bound) &&
        (atomic_load_explicit(&worker->runs, memory_order_relaxed) & 1))
        return take_bound(worker);
    if (worker->slot_runs < SLOT_RUNS || rv_deque_len(&worker->tasks) == 0)
        task = take_slot(worker);
    if (task) {
        worker->slot_runs++;
        return task;
    }
    worker->slot_runs = 0;
    task = steal_from(&worker->tasks);
    if (!task)
        task = take_slot(worker);
    return task ? task : take_bound(worker);
}

/* As a thief: the youngest may be that of a task that is about to sync. */
static struct rv_go_task *take_oldest_fork(struct rv_worker *worker)
{
    if (rv_deque_len(&worker->forks) == 0 || !rv_fork_has_task(worker))
        return NULL;
    return rv_fork_task(worker, steal_from(&worker->forks));
}

static struct rv_go_task *next_task(struct rv_worker *worker)
{
    struct rv_go_task *task = NULL;

    if (atomic_load_explicit(&worker->runs, memory_order_relaxed) % FAIR_RUNS ==
        0) {
        run_executor(worker, true);
        task = rv_sched_take_injected(worker->sched);
        if (!task)
            task = take_oldest_fork(worker);
    }
    if (!task)
        task = next_in_turn(worker);
    if (!task && run_executor(worker, false))
        task = next_in_turn(worker);
    if (!task)
        task = rv_fork_take_own(worker);
    return task ? task : rv_sched_take_injected(worker->sched);
}

/* --- running ----------------------------------------------------------- */

static int32_t task_main(void *arg)
{
    struct rv_go_task *task = arg;

    return task->fn(task->arg);
}

int rv_worker_make_coroutine(struct rv_worker *worker, struct rv_go_task *task,
                             size_t data_bytes)
{
    char *own_name = task->own_name;
    const struct rv_coro_options options = {
        .name = task->name,
        .stack_bytes = worker->sched->options.stack_bytes,
        .host = &rv_go_host,
        .data_bytes = data_bytes,
    };
    const int error = rv_coro_new(&task->coro, task_main, task, &options);

    task->own_name = NULL;
    if (own_name) {
        task->name = error ? "unnamed" : rv_coro_name(task->coro);
        rv_free(own_name);
    }
    return error;
}

static __attribute__((noinline)) void trace_end(const struct rv_go_task *task)
{
    rv_trace(RV_EV_READY, rv_go_trace_id(task), task->result);
    rv_trace(RV_EV_SWITCH, 0, 0);
}

/* The task's function has returned. */
static void end_task(struct rv_worker *worker, struct rv_go_task *task)
{
    struct rv_fork *fork = task->fork;

    /* relaxed: only a task of one of these scopes counts besides this thread,
     * and has ended. */
    RV_CHECK(atomic_load_explicit(&task->scopes, memory_order_relaxed) == 0,
             "a task has ended before its scope");
    task->result = rv_coro_result(task->coro);
    if (rv_trace_is_on())
        trace_end(task);
    task->name = "finished"; /* the old name is in the coroutine */
    rv_coro_free(task->coro);
    task->coro = NULL;
    if (!fork) {
        rv_go_finish(worker, task);
        return;
    }
    rv_go_task_free(worker->sched, worker, task);
    rv_fork_finish(worker, fork);
}

static void run(struct rv_worker *worker, struct rv_go_task *task)
{
    const uint32_t runs =
        atomic_load_explicit(&worker->runs, memory_order_relaxed);
    int error = 0;

    /* relaxed, here and above: only the worker writes it. */
    atomic_store_explicit(&worker->runs, runs + 1, memory_order_relaxed);
    if (!task->coro)
        error = rv_worker_make_coroutine(worker, task, 0);
    if (error < 0) {
        task->result = error;
        rv_go_finish(worker, task);
        return;
    }
    worker->current = task;
    worker->io_calls = 0;
    rv_worker_of_task = worker;
    rv_trace(RV_EV_SWITCH, rv_go_trace_id(task), rv_go_trace_owner(worker));
    if (rv_coro_resume(task->coro))
        end_task(worker, task);
    rv_worker_of_task = NULL;
    worker->current = NULL; /* the task may run on another worker already */
}

/* --- yield ------------------------------------------------------------- */

static void push_back(void *arg)
{
    struct rv_worker *worker = rv_worker_current();

    rv_trace(RV_EV_WAKE, rv_go_trace_id(arg), rv_go_trace_owner(worker));
    rv_worker_push(worker, arg);
    if (rv_deque_len(&worker->tasks) > 1)
        rv_idle_notify(&worker->sched->idle);
}

int rv_go_yield(void)
{
    struct rv_go_task *self = rv_go_current();

    RV_CHECK(self, "not in a task");
    if (rv_fork_is_copy(self->sched->mark))
        return -ESTALE;
    rv_go_suspend(push_back, self);
    return rv_go_is_canceled(self) ? -ECANCELED : 0;
}

/* --- sleep ------------------------------------------------------------- */

static int64_t next_nap_ns(struct rv_worker *worker)
{
    const int64_t nap_ns = worker->nap_ns;

    worker->nap_ns = nap_ns * 2 < longest_nap_ns ? nap_ns * 2 : longest_nap_ns;
    return nap_ns;
}

/* A virtual clock jumps to the first timer, as in an executor, see base.h. */
static void park(struct rv_worker *worker, bool sentinel)
{
    int64_t until_ns = rv_executor_next_ns(worker->executor);

    /* relaxed, both: the first is this worker's, and a wake follows a change of
     * the second. */
    if (atomic_load_explicit(&worker->graces, memory_order_relaxed) > 0) {
        const int64_t hard_ns =
            atomic_load_explicit(&worker->sched->hard_ns, memory_order_relaxed);

        until_ns = hard_ns < until_ns ? hard_ns : until_ns;
    }
    if (rv_clock_is_virtual() && until_ns < RV_NEVER - 1) {
        rv_clock_reach(until_ns);
        return;
    }
    if (sentinel) {
        const int64_t back_ns = rv_after_ns(next_nap_ns(worker));

        until_ns = back_ns < until_ns ? back_ns : until_ns;
    }
    rv_parker_park(worker->parker, rv_clock_real_ns(until_ns));
}

/*
 * Futures and operations of this worker that an event outside the scheduler may
 * complete. The tasks of ring and CPU pool, and the reads of the latter, are
 * not counted: they only serve futures and operations that are.
 */
static uint32_t count_outsiders(const struct rv_worker *worker)
{
    const uint32_t futures =
        rv_executor_tasks(worker->executor) - worker->needing_tasks -
        rv_ring_has_task(worker->ring) - rv_cpu_has_task(worker->cpu);
    const uint32_t operations =
        rv_ring_orphans(worker->ring) - rv_cpu_reads(worker->cpu);

    return futures + operations;
}

static void sleep_or_not(struct rv_worker *worker)
{
    struct rv_sched *sched = worker->sched;
    const uint32_t outsiders = count_outsiders(worker);
    const bool searching = worker->searching;
    bool sentinel;

    /* relaxed: published by the mutex of the termination detection, in the
     * visit below. */
    atomic_store_explicit(&worker->outsiders, outsiders, memory_order_relaxed);
    worker->searching = false;
    if (rv_idle_sleep(&sched->idle, worker->index, searching, &sentinel) &&
        rv_sched_has_work(sched, !sentinel)) {
        worker->searching = rv_idle_rise(&sched->idle, worker->index, true);
        return;
    }
    rv_termination_visit(worker);
    park(worker, sentinel);
    worker->searching = rv_idle_rise(&sched->idle, worker->index, false);
}

/* --- the loop ---------------------------------------------------------- */

static void run_once(struct rv_worker *worker)
{
    struct rv_go_task *task = next_task(worker);

    if (!task)
        task = search(worker);
    if (!task && !rv_worker_is_woken(worker)) {
        /* If the executor has polled a task, there may be calls for the ring.
         * The executor submits them when it finds nothing to do. */
        if (!worker->executor_ran)
            sleep_or_not(worker);
        return;
    }
    stop_searching(worker);
    if (task) {
        note_work(worker);
        run(worker, task);
    }
}

static void enter_all(struct rv_worker *worker)
{
    current = worker;
    rv_reactor_enter(worker->sched->reactor);
    rv_blocking_enter(worker->sched->blocking);
    rv_ring_enter(worker->ring);
    rv_cpu_enter(worker->cpu);
    rv_executor_enter(worker->executor);
}

/* The ring and the CPU pool must be freed on the thread that used them. */
static void leave_all(struct rv_worker *worker)
{
    rv_executor_leave(worker->executor);
    rv_cpu_enter(NULL);
    rv_cpu_pool_stop(worker->cpu, rv_after_ns(stop_cpu_ns));
    worker->cpu = NULL;
    rv_ring_enter(NULL);
    rv_ring_free(worker->ring);
    worker->ring = NULL;
    rv_blocking_enter(NULL);
    rv_reactor_enter(NULL);
    current = NULL;
}

void *rv_worker_main(void *arg)
{
    struct rv_worker *worker = arg;
    struct rv_sched *sched = worker->sched;

    rv_trace_name_thread(worker->name);
    rv_trace_mute_thread(sched->muted);
    enter_all(worker);
    while (!atomic_load_explicit(&sched->over, memory_order_acquire)) {
        RV_CHECK(!rv_fork_is_copy(sched->mark),
                 "a child of fork() returned from a task of rv_sched");
        /* relaxed: a wake follows the change. */
        if (atomic_load_explicit(&sched->canceling, memory_order_relaxed))
            rv_worker_end_waits(worker);
        run_once(worker);
    }
    leave_all(worker);
    return NULL;
}
