/* SPDX-License-Identifier: MIT */
/*
 * stats.c - the records of tasks, and the lints that are found in them.
 *
 * Threads: see stats.h. The list of the recorded queues has a mutex.
 *
 * A task whose poll returned RV_PENDING is lost if no waker of it is left and
 * it was not woken. So the number of wakers is loaded first, then RV_QUEUED. A
 * waker that wakes the task and is dropped in between sets RV_QUEUED before the
 * drop decrements the number: the decrement is a release, the load an acquire.
 */
#include "waker/stats.h"

#include "base/base_internal.h"

enum { SPIN_POLLS = 1024 }; /* between two checks whether a task spins */

static const int64_t hog_ns = 10 * RV_NS_PER_MS;

struct rv_stats {
    struct rv_list node; /* `mutex` */
    uint32_t number;
    struct rv_ready *queue;
    _Atomic uint32_t used; /* slots below it may have figures */
    _Atomic(struct rv_task_stats *) chunks[RV_SLAB_CHUNKS];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct rv_list recorded = {&recorded, &recorded};
static uint32_t last_number;
static uint32_t recorders;

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE(field, value) \
    atomic_store_explicit(&(field), (value), memory_order_relaxed)
#define ADD(field, value) \
    atomic_fetch_add_explicit(&(field), (value), memory_order_relaxed)

/* --- the mutex --------------------------------------------------------- */

static void watch_forks(void);

/* A thread that held the mutex at a fork() would not exist in the child, which
 * would wait for it for ever: so the thread that forks holds it then. */
static void lock(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

static void watch_forks(void)
{
    pthread_atfork(lock, unlock, unlock);
}

/* --- recorded queues --------------------------------------------------- */

void rv_task_dump_enable(void)
{
    lock();
    if (recorders++ == 0)
        atomic_fetch_or_explicit(&rv_trace_level, RV_TRACE_TASK_DUMP,
                                 memory_order_relaxed);
    unlock();
}

void rv_task_dump_disable(void)
{
    lock();
    RV_CHECK(recorders > 0, "a disable without an enable");
    if (--recorders == 0) {
        atomic_fetch_and_explicit(&rv_trace_level, ~RV_TRACE_TASK_DUMP,
                                  memory_order_relaxed);
        last_number = 0;
    }
    unlock();
}

struct rv_stats *rv_stats_new(struct rv_ready *queue)
{
    struct rv_stats *stats = rv_alloc(sizeof *stats);

    if (!stats)
        return NULL;
    stats->queue = queue;
    lock();
    stats->number = ++last_number;
    rv_list_push(&recorded, &stats->node);
    unlock();
    return stats;
}

void rv_stats_free(struct rv_stats *stats)
{
    if (!stats)
        return;
    lock();
    rv_list_remove(&stats->node);
    unlock();
    for (int i = 0; i < RV_SLAB_CHUNKS; i++)
        rv_free(stats->chunks[i]);
    rv_free(stats);
}

/* --- writing ----------------------------------------------------------- */

static struct rv_task_stats *at(struct rv_stats *stats, uint32_t index)
{
    const struct rv_chunk_slot slot = rv_chunk_slot(index);
    /* acquire: sees the zeroed chunk; pairs with make_slot(). */
    struct rv_task_stats *chunk =
        atomic_load_explicit(&stats->chunks[slot.chunk], memory_order_acquire);

    return chunk ? &chunk[slot.offset] : NULL;
}

/* The record of this task, or NULL if there is none. */
static struct rv_task_stats *find(struct rv_ready *queue, uint64_t id)
{
    struct rv_task_stats *task =
        queue->stats ? at(queue->stats, rv_id_index(id)) : NULL;

    return task && LOAD(task->id) == id ? task : NULL;
}

static struct rv_task_stats *make_slot(struct rv_stats *stats, uint32_t index)
{
    const uint32_t number = rv_chunk_slot(index).chunk;

    if (!stats->chunks[number])
        /* release: publishes the zeroes; pairs with at(). */
        atomic_store_explicit(
            &stats->chunks[number],
            rv_alloc(rv_chunk_slots(number) * sizeof(struct rv_task_stats)),
            memory_order_release);
    if (index >= LOAD(stats->used))
        STORE(stats->used, index + 1);
    return at(stats, index);
}

/* The end of a long path is more useful. */
static const char *end_of_slot(const char *spawned)
{
    const size_t len = spawned ? strlen(spawned) : 0;

    if (len >= RV_TASK_PLACE_BYTES)
        return spawned + len - (RV_TASK_PLACE_BYTES - 1);
    return spawned ? spawned : "";
}

void rv_stats_born(struct rv_ready *queue, uint64_t id, const char *name,
                   const char *spawned)
{
    struct rv_task_stats *task =
        queue->stats ? make_slot(queue->stats, rv_id_index(id)) : NULL;

    if (!task)
        return;
    rv_store_text(task->name, sizeof task->name, name);
    rv_store_text(task->spawned, sizeof task->spawned, end_of_slot(spawned));
    STORE(task->born_ns, rv_now_ns());
    STORE(task->poll_began_ns, 0);
    STORE(task->longest_ns, 0);
    STORE(task->polls, 0);
    STORE(task->wakes, 0);
    STORE(task->own_wakes, 0);
    STORE(task->wakers, 0);
    STORE(task->lints, 0);
    STORE(task->id, id);
}

void rv_stats_gone(struct rv_ready *queue, uint64_t id)
{
    struct rv_task_stats *task = find(queue, id);

    if (task)
        STORE(task->id, 0);
}

void rv_stats_wake(struct rv_ready *queue, uint64_t id, bool own)
{
    struct rv_task_stats *task = find(queue, id);

    if (!task)
        return;
    ADD(task->wakes, 1);
    if (own)
        ADD(task->own_wakes, 1);
}

void rv_stats_hold(struct rv_ready *queue, uint64_t id, int change)
{
    struct rv_task_stats *task = find(queue, id);

    if (task)
        /* release: a thread that loads the new number also sees a wake that
         * came before; pairs with is_lost(). */
        atomic_fetch_add_explicit(&task->wakers, change, memory_order_release);
}

/* --- lints ------------------------------------------------------------- */

static void report_lint(struct rv_task_stats *task, enum rv_lint lint)
{
    if (LOAD(task->lints) & lint)
        return;
    STORE(task->lints, LOAD(task->lints) | lint);
    rv_trace(RV_EV_LINT, LOAD(task->id), lint);
}

static bool is_lost(struct rv_task_stats *task, struct rv_ready_slot *slot)
{
    /* acquire: RV_QUEUED is loaded after this; pairs with rv_stats_hold(). */
    if (atomic_load_explicit(&task->wakers, memory_order_acquire) > 0)
        return false;
    return !(LOAD(slot->state) & RV_QUEUED);
}

void rv_stats_poll(struct rv_ready *queue, uint64_t id)
{
    struct rv_task_stats *task = find(queue, id);

    if (task)
        STORE(task->poll_began_ns, rv_now_ns());
}

static void poll_ended(struct rv_task_stats *task)
{
    const int64_t took_ns = rv_now_ns() - LOAD(task->poll_began_ns);
    const uint64_t polls = ADD(task->polls, 1) + 1;

    STORE(task->poll_began_ns, 0);
    if (took_ns > LOAD(task->longest_ns))
        STORE(task->longest_ns, took_ns);
    if (took_ns > hog_ns)
        report_lint(task, RV_LINT_HOGS);
    if (polls % SPIN_POLLS == 0 && LOAD(task->own_wakes) > polls / 2)
        report_lint(task, RV_LINT_SPINS);
}

void rv_stats_pending(struct rv_ready *queue, struct rv_ready_slot *slot)
{
    struct rv_task_stats *task = find(queue, slot->id);

    if (!task)
        return;
    poll_ended(task);
    if (is_lost(task, slot))
        report_lint(task, RV_LINT_LOST);
}

/* --- reading ----------------------------------------------------------- */

static enum rv_task_state state_of(struct rv_ready *queue, uint64_t id,
                                   int64_t poll_began_ns)
{
    if (poll_began_ns)
        return RV_TASK_POLLED;
    return rv_ready_is_queued(queue, id) ? RV_TASK_READY : RV_TASK_WAITING;
}

/* Returns: false if the slot has no task. */
static bool read_task(struct rv_stats *stats, uint32_t index, int64_t now_ns,
                      struct rv_task_info *out)
{
    struct rv_task_stats *task = at(stats, index);
    const uint64_t id = task ? LOAD(task->id) : 0;
    int64_t began_ns;

    if (!id)
        return false;
    began_ns = LOAD(task->poll_began_ns);
    *out = (struct rv_task_info){
        .executor = stats->number,
        .id = id,
        .state = state_of(stats->queue, id, began_ns),
        .polls = LOAD(task->polls),
        .wakes = LOAD(task->wakes),
        .longest_poll_ns = LOAD(task->longest_ns),
        .poll_ns = began_ns && now_ns > began_ns ? now_ns - began_ns : 0,
        .age_ns = now_ns - LOAD(task->born_ns),
        .lints = LOAD(task->lints),
    };
    rv_load_text(out->name, sizeof out->name, task->name);
    rv_load_text(out->spawned, sizeof out->spawned, task->spawned);
    return LOAD(task->id) == id; /* or the texts may be another task's */
}

uint32_t rv_task_dump_read(struct rv_task_info *out, uint32_t max)
{
    const int64_t now_ns = rv_now_ns();
    uint32_t count = 0;

    lock();
    for (struct rv_list *node = recorded.next; node != &recorded;
         node = node->next) {
        struct rv_stats *stats = RV_CONTAINER_OF(node, struct rv_stats, node);
        const uint32_t used = LOAD(stats->used);
        struct rv_task_info info;

        for (uint32_t i = 0; i < used; i++) {
            if (!read_task(stats, i, now_ns, &info))
                continue;
            if (count < max)
                out[count] = info;
            count++;
        }
    }
    unlock();
    return count;
}
