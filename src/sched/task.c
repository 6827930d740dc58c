/* SPDX-License-Identifier: MIT */
/*
 * task.c - memory for tasks, usually without a lock.
 *
 * Threads: new and free: any; a worker's list: only that worker.
 *
 * Memory is allocated in chunks, which are freed when the scheduler stops. So
 * all tasks can be found (rv_go_task_each), and a late access to a freed task
 * is harmless. Each worker has a list of free tasks. A worker that finishes
 * tasks of other workers collects free ones; when its list is too long, half of
 * it moves to a list that all workers share.
 */
#include "sched/sched_internal.h"

enum { CHUNK_TASKS = 64, KEPT_TASKS = 256 };

struct rv_task_chunk {
    struct rv_task_chunk *next;
    struct rv_go_task tasks[CHUNK_TASKS];
};

/* task_mutex must be held. Returns: false if allocation fails. */
static bool add_chunk(struct rv_sched *sched)
{
    struct rv_task_chunk *chunk = rv_alloc(sizeof *chunk);

    if (!chunk)
        return false;
    chunk->next = sched->chunks;
    sched->chunks = chunk;
    for (int i = 0; i < CHUNK_TASKS; i++) {
        chunk->tasks[i].sched = sched;
        atomic_init(&chunk->tasks[i].state, RV_GO_FREE);
        rv_list_push(&sched->free_tasks, &chunk->tasks[i].node);
    }
    sched->free_len += CHUNK_TASKS;
    return true;
}

/* Move up to CHUNK_TASKS tasks. Returns: how many. */
static uint32_t move(struct rv_list *to, struct rv_list *from)
{
    struct rv_list *node;
    uint32_t len = 0;

    while (len < CHUNK_TASKS && (node = rv_list_pop(from))) {
        rv_list_push(to, node);
        len++;
    }
    return len;
}

/* The worker's list is empty: move tasks from the shared list to it. */
static __attribute__((noinline)) void refill(struct rv_sched *sched,
                                             struct rv_worker *worker)
{
    pthread_mutex_lock(&sched->task_mutex);
    if (sched->free_len > 0 || add_chunk(sched)) {
        const uint32_t len = move(&worker->free_tasks, &sched->free_tasks);

        sched->free_len -= len;
        worker->free_len += len;
    }
    pthread_mutex_unlock(&sched->task_mutex);
}

static __attribute__((noinline)) void give_back(struct rv_sched *sched,
                                                struct rv_worker *worker)
{
    pthread_mutex_lock(&sched->task_mutex);
    while (worker->free_len > KEPT_TASKS / 2) {
        const uint32_t len = move(&sched->free_tasks, &worker->free_tasks);

        sched->free_len += len;
        worker->free_len -= len;
    }
    pthread_mutex_unlock(&sched->task_mutex);
}

static struct rv_list *pop_shared(struct rv_sched *sched)
{
    struct rv_list *node = NULL;

    pthread_mutex_lock(&sched->task_mutex);
    if (sched->free_len > 0 || add_chunk(sched)) {
        node = rv_list_pop(&sched->free_tasks);
        sched->free_len--;
    }
    pthread_mutex_unlock(&sched->task_mutex);
    return node;
}

static struct rv_list *pop_own(struct rv_sched *sched, struct rv_worker *worker)
{
    if (worker->free_len == 0)
        refill(sched, worker);
    if (worker->free_len == 0)
        return NULL;
    worker->free_len--;
    return rv_list_pop(&worker->free_tasks);
}

struct rv_go_task *rv_go_task_new(struct rv_sched *sched,
                                  struct rv_worker *worker)
{
    struct rv_list *node = worker ? pop_own(sched, worker) : pop_shared(sched);
    struct rv_go_task *task;

    if (!node)
        return NULL;
    task = RV_CONTAINER_OF(node, struct rv_go_task, node);
    task->coro = NULL;
    task->fork = NULL;
    task->bound = false;
    task->grace_ns = RV_GO_NO_GRACE;
    task->scope = NULL;
    /* relaxed: no other thread uses the task yet. */
    atomic_store_explicit(&task->canceled, false, memory_order_relaxed);
    task->waits_for = NULL;
    task->awaits = NULL;
    task->joins = NULL;
    return task;
}

void rv_go_task_free(struct rv_sched *sched, struct rv_worker *worker,
                     struct rv_go_task *task)
{
    /* relaxed: no other thread uses the task. */
    atomic_store_explicit(&task->state, RV_GO_FREE, memory_order_relaxed);
    if (worker) {
        /* To the front: the next new task is one that is still in the cache. */
        rv_list_push(worker->free_tasks.next, &task->node);
        if (++worker->free_len > KEPT_TASKS)
            give_back(sched, worker);
        return;
    }
    pthread_mutex_lock(&sched->task_mutex);
    rv_list_push(&sched->free_tasks, &task->node);
    sched->free_len++;
    pthread_mutex_unlock(&sched->task_mutex);
}

void rv_go_task_each(struct rv_sched *sched,
                     void (*visit)(void *context, struct rv_go_task *task),
                     void *context)
{
    pthread_mutex_lock(&sched->task_mutex);
    for (struct rv_task_chunk *chunk = sched->chunks; chunk;
         chunk = chunk->next)
        for (int i = 0; i < CHUNK_TASKS; i++)
            /* acquire: sees the fields of a task that another thread has just
             * started; pairs with init_task(). */
            if (atomic_load_explicit(&chunk->tasks[i].state,
                                     memory_order_acquire) != RV_GO_FREE)
                visit(context, &chunk->tasks[i]);
    pthread_mutex_unlock(&sched->task_mutex);
}

void rv_go_task_free_all(struct rv_sched *sched)
{
    while (sched->chunks) {
        struct rv_task_chunk *chunk = sched->chunks;

        sched->chunks = chunk->next;
        rv_free(chunk);
    }
}
