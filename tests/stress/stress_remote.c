/* SPDX-License-Identifier: MIT */
/*
 * stress_remote.c - futures handed to executors that are made and freed at the
 * same time.
 *
 * Each host is a thread whose executors have short lives, one after the other;
 * each sender is a thread with an executor of its own that hands futures to any
 * host that has published a handle, and waits for some of them. At the end
 * every future was dropped exactly once, by its owner: on the host's thread if
 * it was taken, by the sender if it was refused.
 *
 * Threads: hosts and senders. They share the desk (under its mutex) and the
 * counters.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "stress.h"

enum { HOSTS = 2, SENDERS = 2, WINDOW = 8 };

#define FOREVER UINT32_MAX

/* Where a host puts a handle for the senders. */
static pthread_mutex_t desk_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct rv_remote *desk[HOSTS];

static bool only_aborts; /* set while there are no threads */
static _Atomic uint32_t senders_left;
static _Atomic uint64_t taken;
static _Atomic uint64_t refused;
static _Atomic uint64_t dropped;

/* The current life of the host that runs on this thread; NULL on others. */
static _Thread_local struct life *current;
static void count_work(void);

/* --- what is handed over ----------------------------------------------- */

struct work {
    struct rv_future future;
    pthread_t host; /* where it was polled */
    uint32_t yields;
    uint32_t number;
    bool polled;
};

static enum rv_poll work_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct work *self = RV_CONTAINER_OF(future, struct work, future);

    if (self->polled)
        STRESS_CHECK(pthread_equal(self->host, pthread_self()), "it moved");
    self->host = pthread_self();
    self->polled = true;
    if (self->yields == FOREVER)
        return RV_PENDING; /* until it is aborted */
    if (self->yields-- > 0) {
        rv_waker_wake(&cx->waker);
        return RV_PENDING;
    }
    future->result = (int32_t)self->number;
    count_work();
    return RV_READY;
}

static void work_drop(struct rv_future *future)
{
    struct work *self = RV_CONTAINER_OF(future, struct work, future);

    if (self->polled)
        STRESS_CHECK(pthread_equal(self->host, pthread_self()),
                     "dropped elsewhere");
    dropped++;
}

static struct work *new_work(uint32_t number, uint32_t yields)
{
    static const struct rv_future_ops ops = {
        .name = "work", .poll = work_poll, .drop = work_drop};
    struct work *work = rv_alloc(sizeof *work);

    STRESS_CHECK(work, "no memory");
    rv_future_init(&work->future, &ops);
    work->number = number;
    work->yields = yields;
    return work;
}

/* --- hosts ------------------------------------------------------------- */

/* Until this much work is done, independent of the clock: a lost wake must show
 * as a hang. */
struct life {
    struct rv_future future;
    struct rv_waker waker;
    uint32_t left;
};

static void count_work(void)
{
    if (current->left > 0)
        current->left--;
    rv_waker_wake(&current->waker);
}

static enum rv_poll life_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct life *self = RV_CONTAINER_OF(future, struct life, future);

    if (self->left == 0 || senders_left == 0)
        return RV_READY;
    if (!self->waker.queue)
        self->waker = rv_waker_clone(&cx->waker);
    return RV_PENDING;
}

/* Publish the handle, and put the earlier one. */
static void leave_on_desk(int place, struct rv_remote *remote)
{
    struct rv_remote *before;

    pthread_mutex_lock(&desk_mutex);
    before = desk[place];
    desk[place] = remote;
    pthread_mutex_unlock(&desk_mutex);
    rv_remote_put(before);
}

/* The life of an executor. */
static void live(int place, uint32_t *random)
{
    static const struct rv_future_ops ops = {.name = "life", .poll = life_poll};
    struct life life = {.left = only_aborts ? UINT32_MAX
                                            : 1 + stress_random(random) % 32};
    struct rv_executor *executor;
    struct rv_remote *remote;

    rv_future_init(&life.future, &ops);
    current = &life;
    STRESS_CHECK(rv_executor_new(&executor) == 0, "rv_executor_new");
    STRESS_CHECK(rv_remote_open(executor, &remote) == 0, "rv_remote_open");
    leave_on_desk(place, remote);
    stress_dawdle(stress_random(random) % 4096);
    STRESS_CHECK(rv_block_on(executor, &life.future) == 0, "rv_block_on");
    rv_waker_drop(&life.waker);
    rv_executor_free(executor);
}

static void *host_main(void *arg)
{
    const int place = *(const int *)arg;
    uint32_t random = (uint32_t)place + 77;

    while (senders_left)
        live(place, &random);
    leave_on_desk(place, NULL);
    return NULL;
}

/* --- senders ----------------------------------------------------------- */

/* Hands `left` futures over, WINDOW at a time, and waits for each. */
struct sender {
    struct rv_future future;
    struct rv_remote_join joins[WINDOW];
    uint32_t numbers[WINDOW];
    uint32_t random;
    uint32_t left;
};

static struct rv_remote *take_from_desk(uint32_t place)
{
    struct rv_remote *remote;

    pthread_mutex_lock(&desk_mutex);
    remote = desk[place];
    if (remote)
        rv_remote_get(remote);
    pthread_mutex_unlock(&desk_mutex);
    return remote;
}

/* Returns: true if it was accepted. */
static bool hand_over(uint32_t *random, struct rv_remote_join *join,
                      struct work *work)
{
    struct rv_remote *remote = take_from_desk(stress_random(random) % HOSTS);
    int error = -ECANCELED;

    if (remote)
        error = rv_remote_spawn(remote, &work->future, join);
    rv_remote_put(remote);
    if (!error) {
        taken++;
        return true;
    }
    STRESS_CHECK(error == -ECANCELED, "rv_remote_spawn");
    STRESS_CHECK(work->future.at == 0 && !work->polled, "touched");
    rv_drop(&work->future);
    rv_free(work);
    refused++;
    return false;
}

enum { DETACHED, ABORTED, LET_GO, FATES = 16 }; /* most are awaited */

/* Each slot gets a task. */
static void fill(struct sender *self)
{
    for (int i = 0; i < WINDOW; i++) {
        const uint32_t fate =
            only_aborts ? ABORTED : stress_random(&self->random) % FATES;
        struct rv_remote_join *join = &self->joins[i];

        *join = (struct rv_remote_join){.task = NULL};
        self->numbers[i] = stress_random(&self->random) % 1000;
        hand_over(&self->random, fate == DETACHED ? NULL : join,
                  new_work(self->numbers[i],
                           fate == ABORTED ? FOREVER
                                           : stress_random(&self->random) % 3));
        if (fate == ABORTED && !only_aborts)
            rv_remote_abort(join);
        if (fate == LET_GO)
            rv_remote_join_drop(join);
    }
}

/* Returns: true if all tasks of the window have ended. */
static bool poll_all(struct sender *self, struct rv_cx *cx)
{
    bool all = true;

    for (int i = 0; i < WINDOW; i++) {
        struct rv_remote_join *join = &self->joins[i];
        int32_t result;

        if (!join->task)
            continue;
        if (rv_poll(&join->future, cx) == RV_PENDING) {
            all = false;
            continue;
        }
        result = join->future.result;
        STRESS_CHECK(result == (int32_t)self->numbers[i] ||
                         result == -ECANCELED,
                     "another's result");
    }
    return all;
}

/* At about the time of their first poll. */
static void abort_all(struct sender *self)
{
    stress_dawdle(stress_random(&self->random) % 32768);
    for (int i = 0; i < WINDOW; i++) {
        stress_dawdle(stress_random(&self->random) % 2048);
        rv_remote_abort(&self->joins[i]);
    }
}

static enum rv_poll sender_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct sender *self = RV_CONTAINER_OF(future, struct sender, future);

    for (;;) {
        if (!poll_all(self, cx))
            return RV_PENDING;
        if (self->left == 0)
            return RV_READY;
        self->left--;
        fill(self);
        if (only_aborts)
            abort_all(self);
    }
}

struct sender_thread {
    pthread_t thread;
    uint32_t random;
    uint32_t windows;
};

static void *sender_main(void *arg)
{
    static const struct rv_future_ops ops = {.name = "sender",
                                             .poll = sender_poll};
    const struct sender_thread *me = arg;
    struct sender sender = {.random = me->random, .left = me->windows};
    struct rv_executor *executor;

    rv_future_init(&sender.future, &ops);
    STRESS_CHECK(rv_executor_new(&executor) == 0, "rv_executor_new");
    STRESS_CHECK(rv_block_on(executor, &sender.future) == 0, "rv_block_on");
    rv_executor_free(executor);
    senders_left--;
    return NULL;
}

/* Each host checks once more, and ends. */
static void join_host(pthread_t host)
{
    uint32_t random = 0;

    while (pthread_tryjoin_np(host, NULL) != 0) {
        hand_over(&random, NULL, new_work(0, 0));
        sched_yield();
    }
}

/* From then on at least one future is taken, however late the hosts' threads
 * get a CPU again: the first life of a host ends only after some work. */
static void wait_for_hosts(void)
{
    struct rv_remote *remote;

    for (uint32_t place = 0; place < HOSTS; place++) {
        while (!(remote = take_from_desk(place)))
            sched_yield();
        rv_remote_put(remote);
    }
}

/* Hosts and senders, from start to end. */
static void run(const char *name, uint32_t count)
{
    struct sender_thread senders[SENDERS];
    pthread_t hosts[HOSTS];
    int places[HOSTS];

    stress_phase = name;
    senders_left = SENDERS;
    for (int i = 0; i < HOSTS; i++) {
        places[i] = i;
        pthread_create(&hosts[i], NULL, host_main, &places[i]);
    }
    wait_for_hosts();
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i].random = i;
        senders[i].windows = count / SENDERS / WINDOW + 1;
        pthread_create(&senders[i].thread, NULL, sender_main, &senders[i]);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    for (int i = 0; i < HOSTS; i++)
        join_host(hosts[i]);
    STRESS_CHECK(taken > 0, "no host took anything");
    STRESS_CHECK(taken + refused == dropped, "a future was lost");
}

int main(int argc, char **argv)
{
    const uint32_t count = stress_count(argc, argv, 100000);

    stress_watchdog();
    run("lives", count);
    only_aborts = true;
    run("aborts", count / 4);
    printf("stress_remote: %llu taken, %llu refused\n",
           (unsigned long long)taken, (unsigned long long)refused);
    return 0;
}
