/* SPDX-License-Identifier: MIT */
/*
 * stress_executors.c - several executors with one reactor, and wakers that
 * outlive them.
 *
 *     stress_executors [COUNT]     20,000 steps to each test, about
 *
 * Four tests in one run.
 *
 *   echo: each executor's tasks talk with tasks of the next executor over
 *     socket pairs, all of them registered with one reactor.
 *
 *   timers: tasks that sleep for a moment are polled twice for each sleep,
 *     once at its start and once at its end, never in between.
 *
 *   late wakes: wakers of finished tasks and of freed executors are woken and
 *     dropped all the time by plain threads. Tasks that reuse the slots of the
 *     finished ones must not notice.
 *
 *   start and stop: runtimes that are stopped while tasks still wait.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include "stress.h"

enum { EXECUTORS = 3, HAMMERS = 2 };

static struct rv_reactor *reactor;

static void spawn(struct rv_executor *executor, struct rv_future *future,
                  struct rv_join *join)
{
    STRESS_CHECK(rv_spawn(executor, future, join) == 0, "rv_spawn");
}

/* --- one end of a socket pair ------------------------------------------ */

struct end {
    int fd;
    struct rv_source *source;
};

static void open_end(struct end *end, int fd)
{
    end->fd = fd;
    STRESS_CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    STRESS_CHECK(rv_source_open(reactor, fd, &end->source) == 0,
                 "rv_source_open");
}

static void close_end(struct end *end)
{
    rv_source_close(end->source);
    end->source = NULL;
    close(end->fd);
}

static bool poll_read(struct end *end, struct rv_cx *cx, uint32_t *number)
{
    uint32_t tick;

    while (rv_source_ready(end->source, RV_READ, &cx->waker, &tick)) {
        ssize_t len = read(end->fd, number, sizeof *number);

        if (len == sizeof *number)
            return true;
        STRESS_CHECK(len < 0 && errno == EAGAIN, "read");
        rv_source_clear(end->source, RV_READ, tick);
    }
    return false;
}

/* There is always room: one number is in transit at a time. */
static void send_number(struct end *end, uint32_t number)
{
    STRESS_CHECK(write(end->fd, &number, sizeof number) == sizeof number,
                 "write");
}

/* --- echo -------------------------------------------------------------- */

enum { PAIRS = 4 };

struct talker {
    struct rv_future future;
    struct end end;
    uint32_t said;
    uint32_t len;
    bool calls; /* sends first, and receives its own numbers back */
    bool opened;
};

static enum rv_poll talker_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct talker *self = RV_CONTAINER_OF(future, struct talker, future);
    uint32_t heard;

    if (!self->opened) {
        open_end(&self->end, self->end.fd);
        self->opened = true;
        if (self->calls)
            send_number(&self->end, 0);
    }
    while (self->said < self->len) {
        if (!poll_read(&self->end, cx, &heard))
            return RV_PENDING;
        STRESS_CHECK(heard == self->said, "wrong number");
        self->said++;
        if (!self->calls)
            send_number(&self->end, heard);
        else if (self->said < self->len)
            send_number(&self->end, self->said);
    }
    return RV_READY;
}

static void talker_drop(struct rv_future *future)
{
    struct talker *self = RV_CONTAINER_OF(future, struct talker, future);

    if (self->opened)
        close_end(&self->end);
    self->opened = false;
}

/* What the thread of one executor runs. */
struct member {
    pthread_t thread;
    struct rv_executor *executor;
    int fds[PAIRS * 2]; /* the first half sends first, the second echoes */
    uint32_t steps;
};

static void spawn_talkers(struct member *me, struct rv_join *joins)
{
    static const struct rv_future_ops ops = {
        .name = "talker", .poll = talker_poll, .drop = talker_drop};

    for (int i = 0; i < PAIRS * 2; i++) {
        struct talker *talker = stress_future(sizeof *talker, &ops);

        talker->end.fd = me->fds[i];
        talker->calls = i < PAIRS;
        talker->len = me->steps;
        spawn(me->executor, &talker->future, &joins[i]);
    }
}

static void *echo_main(void *arg)
{
    struct member *me = arg;
    struct rv_join joins[PAIRS * 2];

    STRESS_CHECK(rv_executor_new(&me->executor) == 0, "rv_executor_new");
    spawn_talkers(me, joins);
    stress_block_on_all(me->executor, joins, PAIRS * 2);
    rv_executor_free(me->executor);
    return NULL;
}

static void run_members(const char *name, void *(*member_main)(void *arg),
                        struct member members[EXECUTORS], uint32_t steps)
{
    stress_phase = name;
    for (int i = 0; i < EXECUTORS; i++) {
        members[i].steps = steps;
        pthread_create(&members[i].thread, NULL, member_main, &members[i]);
    }
    for (int i = 0; i < EXECUTORS; i++)
        pthread_join(members[i].thread, NULL);
}

static void test_echo(uint32_t steps)
{
    struct member members[EXECUTORS];
    int fds[2];

    for (int i = 0; i < EXECUTORS; i++)
        for (int k = 0; k < PAIRS; k++) {
            STRESS_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "pair");
            members[i].fds[k] = fds[0];
            members[(i + 1) % EXECUTORS].fds[PAIRS + k] = fds[1];
        }
    run_members("echo", echo_main, members, steps / EXECUTORS / PAIRS + 1);
}

/* --- timers ------------------------------------------------------------ */

enum { SLEEPERS = 32, LONGEST_NS = 400000 };

struct sleeper {
    struct rv_future future;
    struct rv_sleep sleep;
    uint32_t random;
    uint32_t left;
    uint32_t polls;
};

static enum rv_poll sleeper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct sleeper *self = RV_CONTAINER_OF(future, struct sleeper, future);

    while (self->left > 0) {
        if (self->polls == 0)
            rv_sleep_init(&self->sleep,
                          rv_now_ns() +
                              stress_random(&self->random) * 7 % LONGEST_NS);
        self->polls++;
        STRESS_CHECK(self->polls <= 2, "a timer was early");
        if (rv_poll(&self->sleep.future, cx) == RV_PENDING)
            return RV_PENDING;
        self->polls = 0;
        self->left--;
    }
    return RV_READY;
}

static void *timers_main(void *arg)
{
    static const struct rv_future_ops ops = {.name = "sleeper",
                                             .poll = sleeper_poll};
    struct member *me = arg;
    struct rv_join joins[SLEEPERS];

    STRESS_CHECK(rv_executor_new(&me->executor) == 0, "rv_executor_new");
    for (uint32_t i = 0; i < SLEEPERS; i++) {
        struct sleeper *sleeper = stress_future(sizeof *sleeper, &ops);

        sleeper->random = i;
        sleeper->left = me->steps;
        spawn(me->executor, &sleeper->future, &joins[i]);
    }
    stress_block_on_all(me->executor, joins, SLEEPERS);
    rv_executor_free(me->executor);
    return NULL;
}

/* --- late wakes -------------------------------------------------------- */

enum { OLD_WAKERS = 24, CROWD = 8 };

/* Wakers of tasks that have ended, or soon will. */
static pthread_mutex_t old_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct rv_waker old_wakers[OLD_WAKERS];
static _Atomic bool hammers_stop;

static void keep_waker(const struct rv_waker *waker, uint32_t place)
{
    struct rv_waker before;

    pthread_mutex_lock(&old_mutex);
    before = old_wakers[place % OLD_WAKERS];
    old_wakers[place % OLD_WAKERS] = rv_waker_clone(waker);
    pthread_mutex_unlock(&old_mutex);
    rv_waker_drop(&before);
}

static void *hammer_main(void *arg)
{
    uint32_t random = *(const uint32_t *)arg;
    struct rv_waker waker;

    while (!hammers_stop) {
        pthread_mutex_lock(&old_mutex);
        waker =
            rv_waker_clone(&old_wakers[stress_random(&random) % OLD_WAKERS]);
        pthread_mutex_unlock(&old_mutex);
        for (int i = 0; i < 16; i++) {
            rv_waker_wake(&waker);
            stress_dawdle(stress_random(&random) % 256);
        }
        rv_waker_drop(&waker);
    }
    return NULL;
}

/* Gives its waker to the hammers and ends. */
struct leaver {
    struct rv_future future;
    uint32_t place;
};

static enum rv_poll leaver_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct leaver *self = RV_CONTAINER_OF(future, struct leaver, future);

    keep_waker(&cx->waker, self->place);
    return RV_READY;
}

/* Waits for a wake that only its parent makes, once. */
struct waiter {
    struct rv_future future;
    struct rv_waker *waker;
    const bool *called;
};

static enum rv_poll waiter_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct waiter *self = RV_CONTAINER_OF(future, struct waiter, future);

    if (!self->waker->queue) {
        *self->waker = rv_waker_clone(&cx->waker);
        return RV_PENDING;
    }
    STRESS_CHECK(*self->called, "a late wake reached another task");
    return RV_READY;
}

struct parent {
    struct rv_future future;
    struct rv_yield yield;
    struct rv_join joins[CROWD];
    struct rv_waker wakers[CROWD];
    uint32_t random;
    uint32_t left;
    int i;
    bool called;
};

/* joins: CROWD handles, or NULL to spawn them detached. */
static void spawn_leavers(struct parent *self, struct rv_executor *executor,
                          struct rv_join *joins)
{
    static const struct rv_future_ops ops = {.name = "leaver",
                                             .poll = leaver_poll};

    for (int i = 0; i < CROWD; i++) {
        struct leaver *leaver = stress_future(sizeof *leaver, &ops);

        leaver->place = stress_random(&self->random);
        spawn(executor, &leaver->future, joins ? &joins[i] : NULL);
    }
}

static void spawn_waiters(struct parent *self, struct rv_executor *executor)
{
    static const struct rv_future_ops ops = {.name = "waiter",
                                             .poll = waiter_poll};

    self->called = false;
    for (int i = 0; i < CROWD; i++) {
        struct waiter *waiter = stress_future(sizeof *waiter, &ops);

        waiter->waker = &self->wakers[i];
        waiter->called = &self->called;
        spawn(executor, &waiter->future, &self->joins[i]);
    }
}

static void call_waiters(struct parent *self)
{
    self->called = true;
    for (int i = 0; i < CROWD; i++) {
        STRESS_CHECK(self->wakers[i].queue, "a waiter was not polled");
        rv_waker_wake(&self->wakers[i]);
    }
}

static enum rv_poll parent_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct parent *self = RV_CONTAINER_OF(future, struct parent, future);

    RV_BEGIN(future);
    for (; self->left > 0; self->left--) {
        spawn_leavers(self, cx->executor, self->joins);
        for (self->i = 0; self->i < CROWD; self->i++) {
            RV_AWAIT(future, cx, &self->joins[self->i].future);
            rv_join_drop(&self->joins[self->i]);
        }
        /* Here and below: some time for late wakes. */
        stress_dawdle(stress_random(&self->random));
        spawn_waiters(self, cx->executor);
        for (self->i = 0; self->i < 8; self->i++) {
            stress_dawdle(stress_random(&self->random) % 8192);
            rv_yield_init(&self->yield);
            RV_AWAIT(future, cx, &self->yield.future);
        }
        call_waiters(self);
        for (self->i = 0; self->i < CROWD; self->i++) {
            RV_AWAIT(future, cx, &self->joins[self->i].future);
            rv_join_drop(&self->joins[self->i]);
            rv_waker_drop(&self->wakers[self->i]);
        }
    }
    /* The last ones are never woken: the executor is freed with them. */
    spawn_leavers(self, cx->executor, NULL);
    spawn_waiters(self, cx->executor);
    for (self->i = 0; self->i < 2; self->i++) {
        rv_yield_init(&self->yield);
        RV_AWAIT(future, cx, &self->yield.future);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

enum { ROUNDS_A_LIFE = 10 };

/* The life of an executor. */
static void live(uint32_t random)
{
    static const struct rv_future_ops ops = {.name = "parent",
                                             .poll = parent_poll};
    struct parent parent = {.random = random, .left = ROUNDS_A_LIFE};
    struct rv_executor *executor;

    rv_future_init(&parent.future, &ops);
    STRESS_CHECK(rv_executor_new(&executor) == 0, "rv_executor_new");
    STRESS_CHECK(rv_block_on(executor, &parent.future) == 0, "rv_block_on");
    for (int i = 0; i < CROWD; i++) {
        keep_waker(&parent.wakers[i], (uint32_t)i);
        rv_waker_drop(&parent.wakers[i]);
    }
    rv_executor_free(executor);
    for (int i = 0; i < CROWD; i++)
        STRESS_CHECK(parent.joins[i].future.result == -ECANCELED,
                     "a task was left, but not canceled");
}

static void *lives_main(void *arg)
{
    struct member *me = arg;

    for (uint32_t i = 0; i < me->steps; i++)
        live(i);
    return NULL;
}

static void test_late_wakes(uint32_t steps)
{
    struct member members[EXECUTORS];
    pthread_t hammers[HAMMERS];
    uint32_t seeds[HAMMERS];

    hammers_stop = false;
    for (uint32_t i = 0; i < HAMMERS; i++) {
        seeds[i] = i;
        pthread_create(&hammers[i], NULL, hammer_main, &seeds[i]);
    }
    run_members("late wakes", lives_main, members,
                steps / EXECUTORS / CROWD / ROUNDS_A_LIFE + 1);
    hammers_stop = true;
    for (int i = 0; i < HAMMERS; i++)
        pthread_join(hammers[i], NULL);
    for (int i = 0; i < OLD_WAKERS; i++) {
        rv_waker_wake(&old_wakers[i]);
        rv_waker_drop(&old_wakers[i]);
    }
}

/* --- start and stop ---------------------------------------------------- */

/* Waits for a number that is never sent. */
struct stuck {
    struct rv_future future;
    struct end end;
    int peer;
    bool opened;
};

static enum rv_poll stuck_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct stuck *self = RV_CONTAINER_OF(future, struct stuck, future);
    uint32_t number;
    int fds[2];

    if (!self->opened) {
        STRESS_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "pair");
        open_end(&self->end, fds[0]);
        self->peer = fds[1];
        self->opened = true;
    }
    STRESS_CHECK(!poll_read(&self->end, cx, &number), "a number from nobody");
    return RV_PENDING;
}

static void stuck_drop(struct rv_future *future)
{
    struct stuck *self = RV_CONTAINER_OF(future, struct stuck, future);

    if (self->opened) {
        close(self->peer); /* an event that is reported during the close */
        close_end(&self->end);
    }
    self->opened = false;
}

static int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    STRESS_CHECK(dir, "/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void start_and_stop(void)
{
    static const struct rv_future_ops ops = {
        .name = "stuck", .poll = stuck_poll, .drop = stuck_drop};
    struct rv_runtime *runtime;
    struct rv_yield yield;

    STRESS_CHECK(rv_runtime_start(&runtime) == 0, "rv_runtime_start");
    reactor = rv_runtime_reactor(runtime);
    for (int i = 0; i < CROWD; i++) {
        struct stuck *stuck = stress_future(sizeof *stuck, &ops);

        spawn(rv_runtime_executor(runtime), &stuck->future, NULL);
    }
    rv_yield_init(&yield);
    STRESS_CHECK(rv_runtime_block_on(runtime, &yield.future) == 0, "block_on");
    rv_runtime_stop(runtime);
}

static void test_start_and_stop(uint32_t times)
{
    int before;

    stress_phase = "start and stop";
    start_and_stop();
    before = open_descriptors();
    for (uint32_t i = 0; i < times; i++)
        start_and_stop();
    STRESS_CHECK(open_descriptors() == before, "descriptors were leaked");
}

int main(int argc, char **argv)
{
    uint32_t count = stress_count(argc, argv, 20000);
    struct member members[EXECUTORS];

    stress_watchdog();
    STRESS_CHECK(rv_reactor_start(&reactor) == 0, "rv_reactor_start");
    test_echo(count);
    run_members("timers", timers_main, members,
                count / EXECUTORS / SLEEPERS + 1);
    test_late_wakes(count);
    rv_reactor_stop(reactor);
    test_start_and_stop(count / 50);
    printf("stress_executors: %u steps a test, %u starts\n", count,
           count / 50 + 1);
    return 0;
}
