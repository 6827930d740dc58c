/* SPDX-License-Identifier: MIT */
/*
 * stress_wake.c - wakes from four threads to the tasks of one executor.
 *
 *     stress_wake [COUNT]          100,000 wakes in all
 *
 * Two tests in one run.
 *
 *   lone wakes: each thread wakes its own task, and waits until the task
 *     responds from inside the poll. A single lost wake is a hang.
 *
 *   crowded wakes: all threads wake all tasks as fast as they can, so that
 *     most wakes collapse. Before each wake the thread writes a letter, a plain
 *     word of its own. After the wake has returned, the *next* poll of the task
 *     must see the letter. The threads report the return in a way that
 *     ThreadSanitizer does not see, so only the wake orders the write and the
 *     read.
 *
 * Threads: the executor is the main thread's.
 */
#include <pthread.h>
#include <sched.h>

#include "stress.h"

enum { THREADS = 4, TASKS = 16 };

static struct rv_executor *executor;

/* Through this a task says where to wake it. */
struct post {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    struct rv_waker waker;
};

static void post_waker(struct post *post, const struct rv_waker *waker)
{
    pthread_mutex_lock(&post->mutex);
    post->waker = rv_waker_clone(waker);
    pthread_cond_broadcast(&post->filled);
    pthread_mutex_unlock(&post->mutex);
}

static struct rv_waker await_waker(struct post *post)
{
    struct rv_waker waker;

    pthread_mutex_lock(&post->mutex);
    while (!post->waker.queue)
        pthread_cond_wait(&post->filled, &post->mutex);
    waker = rv_waker_clone(&post->waker);
    pthread_mutex_unlock(&post->mutex);
    return waker;
}

/* --- lone wakes -------------------------------------------------------- */

struct lone {
    struct rv_future future;
    struct post *post;
    struct stress_hidden *answers;
    const uint32_t *letters; /* plain: only the wakes order the accesses */
    uint32_t read;
    uint32_t wanted;
};

struct lone_thread {
    pthread_t thread;
    struct post post;
    struct stress_hidden answers;
    uint32_t *letters; /* written once each */
    uint32_t wakes;
};

static enum rv_poll lone_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct lone *self = RV_CONTAINER_OF(future, struct lone, future);

    if (!self->post->waker.queue) {
        post_waker(self->post, &cx->waker);
        return RV_PENDING;
    }
    self->read++;
    STRESS_CHECK(self->letters[self->read - 1] == self->read,
                 "a poll without its letter");
    /* The thread may send the next wake while this poll has not ended. */
    stress_hidden_add(self->answers);
    if (self->read < self->wanted) {
        stress_dawdle(self->read % 512);
        return RV_PENDING;
    }
    return RV_READY;
}

static void *lone_main(void *arg)
{
    struct lone_thread *me = arg;
    struct rv_waker waker = await_waker(&me->post);

    for (uint32_t i = 1; i <= me->wakes; i++) {
        me->letters[i - 1] = i;
        rv_waker_wake(&waker);
        while (stress_hidden_get(&me->answers) < i)
            sched_yield();
    }
    rv_waker_drop(&waker);
    return NULL;
}

static void spawn_lone(struct lone_thread *thread, struct rv_join *join)
{
    static const struct rv_future_ops ops = {.name = "lone", .poll = lone_poll};
    struct lone *task = stress_future(sizeof *task, &ops);

    task->post = &thread->post;
    task->answers = &thread->answers;
    task->letters = thread->letters;
    task->wanted = thread->wakes;
    STRESS_CHECK(rv_spawn(executor, &task->future, join) == 0, "spawn failed");
}

static void lone_wakes(uint32_t wakes)
{
    static struct lone_thread threads[THREADS];
    static struct rv_join joins[THREADS];

    stress_phase = "lone wakes";
    for (int i = 0; i < THREADS; i++) {
        pthread_mutex_init(&threads[i].post.mutex, NULL);
        pthread_cond_init(&threads[i].post.filled, NULL);
        threads[i].wakes = wakes;
        threads[i].letters = calloc(wakes, sizeof(uint32_t));
        STRESS_CHECK(threads[i].letters, "no memory");
        spawn_lone(&threads[i], &joins[i]);
        pthread_create(&threads[i].thread, NULL, lone_main, &threads[i]);
    }
    stress_block_on_all(executor, joins, THREADS);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i].thread, NULL);
        rv_waker_drop(&threads[i].post.waker);
        free(threads[i].letters);
    }
}

/* --- crowded wakes ----------------------------------------------------- */

/* The wakes of one thread to one task: one letter each. */
struct lane {
    uint32_t *letters;             /* written once each, before their wake */
    struct stress_hidden returned; /* wakes that have returned */
};

struct crowded {
    struct rv_future future;
    struct post *post;
    struct lane *lanes; /* one for each thread */
    uint32_t wakes;     /* of each lane */
    uint32_t sure[THREADS];
    uint32_t read[THREADS];
    uint64_t polls;
};

static struct post posts[TASKS];
static struct lane lanes[TASKS][THREADS];
static uint32_t wakes_a_lane;
static uint64_t polls_in_all;

/* Letters of wakes that had returned when the poll before this one ended. */
static void read_letters(struct crowded *self)
{
    for (int t = 0; t < THREADS; t++)
        for (; self->read[t] < self->sure[t]; self->read[t]++)
            STRESS_CHECK(self->lanes[t].letters[self->read[t]] ==
                             self->read[t] + 1,
                         "a wake that did not bring its letter");
}

/* Returns: true if there is something to read in the next poll. */
static bool ask_what_returned(struct crowded *self)
{
    bool more = false;

    for (int t = 0; t < THREADS; t++) {
        self->sure[t] = stress_hidden_get(&self->lanes[t].returned);
        more = more || self->sure[t] > self->read[t];
    }
    return more;
}

static bool all_read(const struct crowded *self)
{
    for (int t = 0; t < THREADS; t++)
        if (self->read[t] < self->wakes)
            return false;
    return true;
}

static enum rv_poll crowded_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct crowded *self = RV_CONTAINER_OF(future, struct crowded, future);

    if (self->polls++ == 0)
        post_waker(self->post, &cx->waker);
    read_letters(self);
    if (all_read(self)) {
        polls_in_all += self->polls;
        return RV_READY;
    }
    if (ask_what_returned(self))
        rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static void *crowded_main(void *arg)
{
    size_t me = *(size_t *)arg;
    struct rv_waker wakers[TASKS];

    for (int k = 0; k < TASKS; k++)
        wakers[k] = await_waker(&posts[k]);
    for (uint32_t i = 0; i < wakes_a_lane; i++) {
        for (int k = 0; k < TASKS; k++) {
            lanes[k][me].letters[i] = i + 1;
            rv_waker_wake(&wakers[k]);
            stress_hidden_add(&lanes[k][me].returned);
        }
        if (i % 2) /* let the executor run too */
            sched_yield();
    }
    /* Once more: the task may have read before the last wake returned. */
    for (int k = 0; k < TASKS; k++) {
        rv_waker_wake(&wakers[k]);
        rv_waker_drop(&wakers[k]);
    }
    return NULL;
}

static void spawn_crowded(int k, struct rv_join *join)
{
    static const struct rv_future_ops ops = {.name = "crowded",
                                             .poll = crowded_poll};
    struct crowded *task = stress_future(sizeof *task, &ops);

    task->post = &posts[k];
    task->lanes = lanes[k];
    task->wakes = wakes_a_lane;
    pthread_mutex_init(&posts[k].mutex, NULL);
    pthread_cond_init(&posts[k].filled, NULL);
    for (int t = 0; t < THREADS; t++) {
        lanes[k][t].letters = calloc(wakes_a_lane, sizeof(uint32_t));
        STRESS_CHECK(lanes[k][t].letters, "no memory");
    }
    STRESS_CHECK(rv_spawn(executor, &task->future, join) == 0, "spawn failed");
}

static void crowded_wakes(uint32_t wakes)
{
    static struct rv_join joins[TASKS];
    static size_t numbers[THREADS];
    pthread_t threads[THREADS];

    stress_phase = "crowded wakes";
    wakes_a_lane = wakes;
    for (int k = 0; k < TASKS; k++)
        spawn_crowded(k, &joins[k]);
    for (size_t t = 0; t < THREADS; t++) {
        numbers[t] = t;
        pthread_create(&threads[t], NULL, crowded_main, &numbers[t]);
    }
    stress_block_on_all(executor, joins, TASKS);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    for (int k = 0; k < TASKS; k++) {
        rv_waker_drop(&posts[k].waker);
        for (int t = 0; t < THREADS; t++)
            free(lanes[k][t].letters);
    }
}

int main(int argc, char **argv)
{
    uint32_t count = stress_count(argc, argv, 100000);
    uint32_t lone = count / 10 / THREADS + 1;
    uint32_t crowded = (count - count / 10) / THREADS / TASKS + 1;

    stress_watchdog();
    STRESS_CHECK(rv_executor_new(&executor) == 0, "no executor");
    lone_wakes(lone);
    crowded_wakes(crowded);
    rv_executor_free(executor);
    printf("stress_wake: %u lone and %u crowded wakes, %llu polls\n",
           lone * THREADS, crowded * THREADS * TASKS,
           (unsigned long long)polls_in_all);
    return 0;
}
