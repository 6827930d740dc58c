/* SPDX-License-Identifier: MIT */
/*
 * stress_embedded.c - tasks in memory that is used again or freed when they
 * end, while other threads still wake them.
 *
 *     stress_embedded [COUNT]      20,000 tasks in all
 *
 * Each of HOLDERS tasks posts its waker and waits. The threads wake what was
 * posted last, also long after that task has ended. A task ends after some
 * polls, or is aborted by another. At each end the memory is used for the next
 * task, or it is freed and the next task has new memory. A wake that touched
 * the memory of a task would be a race or a use after free; an end that touches
 * it after `ended` too.
 *
 * Threads: the executor is the main thread's.
 */
#include <pthread.h>
#include <sched.h>

#include "stress.h"

enum { THREADS = 3, HOLDERS = 8, MOST_POLLS = 4 };

static struct rv_executor *executor;
static uint32_t left;   /* tasks to spawn */
static uint32_t living; /* tasks */
static uint32_t state = 1;
static struct rv_waker done; /* of the main future */
static _Atomic bool over;

/* Where the wakers find the task of a holder. */
static struct post {
    pthread_mutex_t mutex;
    struct rv_waker waker;
} posts[HOLDERS];

struct holder {
    struct rv_embedded task;
    struct rv_future future;
    int number;
    uint32_t polls; /* until it is READY */
};

static struct holder *holders[HOLDERS];

static void post_waker(struct post *post, const struct rv_waker *waker)
{
    pthread_mutex_lock(&post->mutex);
    rv_waker_store(&post->waker, waker);
    pthread_mutex_unlock(&post->mutex);
}

static enum rv_poll holder_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct holder *self = RV_CONTAINER_OF(future, struct holder, future);
    const uint32_t other = stress_random(&state) % HOLDERS;

    STRESS_CHECK(rv_embedded_is_running(&self->task), "a poll after the end");
    if (self->polls-- == 0)
        return RV_READY;
    post_waker(&posts[self->number], &cx->waker);
    if (stress_random(&state) % 4 == 0 && holders[other]) /* also itself */
        rv_join_abort(&holders[other]->task.join);
    return RV_PENDING;
}

static void holder_drop(struct rv_future *future)
{
    struct holder *self = RV_CONTAINER_OF(future, struct holder, future);

    STRESS_CHECK(rv_embedded_is_running(&self->task), "a drop after the end");
}

static void holder_ended(struct rv_embedded *task);

static void spawn_holder(struct holder *holder)
{
    static const struct rv_future_ops ops = {
        .name = "holder", .poll = holder_poll, .drop = holder_drop};

    left--;
    living++;
    holders[holder->number] = holder;
    holder->polls = stress_random(&state) % MOST_POLLS;
    rv_future_init(&holder->future, &ops);
    STRESS_CHECK(rv_spawn_embedded(executor, &holder->task, &holder->future,
                                   holder_ended) == 0,
                 "spawn failed");
}

static void new_holder(int number)
{
    struct holder *holder = rv_alloc(sizeof *holder);

    STRESS_CHECK(holder, "no memory");
    holder->number = number;
    spawn_holder(holder);
}

static void holder_ended(struct rv_embedded *task)
{
    struct holder *self = RV_CONTAINER_OF(task, struct holder, task);
    const int number = self->number;

    STRESS_CHECK(!rv_embedded_is_running(task), "it runs after its end");
    living--;
    holders[number] = NULL;
    if (left > 0 && stress_random(&state) % 2) {
        spawn_holder(self);
        return;
    }
    memset(self, 0xff, sizeof *self);
    rv_free(self);
    if (left > 0)
        new_holder(number);
    else if (living == 0)
        rv_waker_wake(&done);
}

static void *wake_all(void *arg)
{
    uint32_t mine = *(uint32_t *)arg;

    while (!atomic_load(&over)) {
        struct post *post = &posts[stress_random(&mine) % HOLDERS];
        struct rv_waker waker;

        pthread_mutex_lock(&post->mutex);
        waker = rv_waker_clone(&post->waker);
        pthread_mutex_unlock(&post->mutex);
        stress_dawdle(stress_random(&mine) % 256);
        rv_waker_wake_and_drop(&waker);
        sched_yield();
    }
    return NULL;
}

static enum rv_poll main_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    if (living == 0)
        return RV_READY;
    rv_waker_store(&done, &cx->waker);
    return RV_PENDING;
}

int main(int argc, char **argv)
{
    static const struct rv_future_ops ops = {.name = "main", .poll = main_poll};
    const uint32_t count = stress_count(argc, argv, 20000);
    pthread_t threads[THREADS];
    uint32_t seeds[THREADS];
    struct rv_future all;

    stress_watchdog();
    stress_phase = "embedded tasks";
    left = count > HOLDERS ? count : HOLDERS;
    STRESS_CHECK(rv_executor_new(&executor) == 0, "no executor");
    STRESS_CHECK(rv_executor_reserve(executor, HOLDERS + 1) == 0, "no memory");
    for (int i = 0; i < HOLDERS; i++) {
        pthread_mutex_init(&posts[i].mutex, NULL);
        new_holder(i);
    }
    for (int i = 0; i < THREADS; i++) {
        seeds[i] = (uint32_t)i + 7;
        pthread_create(&threads[i], NULL, wake_all, &seeds[i]);
    }
    rv_future_init(&all, &ops);
    STRESS_CHECK(rv_block_on(executor, &all) == 0, "block_on failed");
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < HOLDERS; i++)
        rv_waker_drop(&posts[i].waker);
    rv_waker_drop(&done);
    rv_executor_free(executor);
    printf("%u embedded tasks\n", count);
    return 0;
}
