/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 10: the checker's own calls on the learner's pool. They
 * wait for each other, or until the executor has gone on: so what must run side
 * by side is known by what happens, not by how long it takes.
 */
#include <semaphore.h>
#include <time.h>

static struct rv_runtime *runtime;

static void start(void)
{
    probe_thread("main");
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
}

static void stop(void)
{
    rv_runtime_stop(runtime);
    pool_close();
}

/* --- tasks that wait for a job ----------------------------------------- */

struct worker {
    struct rv_future future;
    struct job job;
    job_call call;
    int number;
};

/* So that a result is no other number that lies in a job. */
enum { FIRST_RESULT = 100000 };

static int results_wrong;

static enum rv_poll worker_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct worker *self = RV_CONTAINER_OF(future, struct worker, future);

    RV_BEGIN(future);
    job_init(&self->job, self->call, &self->number);
    RV_AWAIT(future, cx, &self->job.future);
    results_wrong += self->job.future.result != self->number;
    rv_drop(&self->job.future);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void add(struct rv_scope *scope, job_call call, int number)
{
    static const struct rv_future_ops ops = {.name = "worker",
                                             .poll = worker_poll};
    struct worker *self = rv_alloc(sizeof(*self));

    lesson_expect(self != NULL, "out of memory");
    rv_future_init(&self->future, &ops);
    self->call = call;
    self->number = FIRST_RESULT + number;
    rv_scope_spawn(scope, &self->future);
}

static void run(job_call call, int count)
{
    struct rv_scope scope;

    rv_scope_init(&scope, rv_runtime_executor(runtime));
    for (int i = 1; i <= count; i++)
        add(&scope, call, i);
    rv_runtime_block_on(runtime, &scope.future);
    probe_expect(results_wrong == 0, "ERROR LOST", "result", results_wrong,
                 count, 0);
}

static int answer(void *number)
{
    return *(int *)number;
}

/* --- the cases --------------------------------------------------------- */

/* One after the other: more than there are threads, which have the time to fall
 * asleep in between. Each thread is woken once for nothing. */
PROBE_CASE(again)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    probe_spurious_wakes();
    start();
    for (int i = 0; i < 30; i++) {
        run(answer, 1);
        probe_quiet(true);
        nanosleep(&pause, NULL);
        probe_quiet(false);
    }
    stop();
}

/* Nothing is to be done: all threads sleep, and none looks now and then. */
PROBE_CASE(idle)
{
    start();
    run(answer, 20);
    probe_if_stuck("BUSY LOOP: in the pool", "idle", 0, 0, 0);
    probe_wait_till_asleep();
    stop();
}

/* A hundred at once; each result comes to its own task. */
PROBE_CASE(hundred)
{
    start();
    run(answer, 100);
    stop();
}

/* Four calls that wait for each other: they have to run side by side. First
 * threads are started for them; then all threads are there, and asleep. */
static sem_t released;
static atomic_int here;

static int meet(void *number)
{
    probe_meeting = here + 1;
    probe_enter();
    probe_leave();
    if (++here == 4)
        for (int i = 0; i < 4; i++)
            sem_post(&released);
    probe_quiet(true);
    while (sem_wait(&released) < 0)
        ;
    probe_quiet(false);
    return *(int *)number;
}

PROBE_CASE(together)
{
    sem_init(&released, 0, 0);
    start();
    for (int i = 0; i < 20; i++) {
        run(meet, 4);
        probe_meeting = here = 0;
        run(answer, i ? 1 : 20);
        probe_wait_till_asleep();
    }
    stop();
}

/* More calls than there are threads, and all wait. One after the other is let
 * go on: its thread takes the job that has waited longest. */
enum { HELD = 20, IN_ORDER = 4 };

static int hold(void *number)
{
    probe_quiet(true);
    while (sem_wait(&released) < 0)
        ;
    probe_quiet(false);
    return *(int *)number;
}

static enum rv_poll release_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    (void)future;
    probe_wait_till_asleep();
    probe_in_order = true;
    for (int i = 0; i < IN_ORDER; i++) {
        sem_post(&released);
        probe_wait_till_asleep();
    }
    probe_in_order = false;
    for (int i = IN_ORDER; i < HELD; i++)
        sem_post(&released);
    return RV_READY;
}

PROBE_CASE(order)
{
    static const struct rv_future_ops ops = {.name = "release",
                                             .poll = release_poll};
    struct rv_future *release = rv_alloc(sizeof(*release));
    struct rv_scope scope;

    sem_init(&released, 0, 0);
    start();
    lesson_expect(release != NULL, "out of memory");
    rv_future_init(release, &ops);
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    for (int i = 1; i <= HELD; i++)
        add(&scope, hold, i);
    rv_scope_spawn(&scope, release);
    rv_runtime_block_on(runtime, &scope.future);
    stop();
}

/* A call that returns when the executor has polled another task meanwhile. */
static int wait_for_other(void *number)
{
    probe_quiet(true);
    while (sem_wait(&released) < 0)
        ;
    probe_quiet(false);
    return *(int *)number;
}

static enum rv_poll other_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    (void)future;
    sem_post(&released);
    return RV_READY;
}

PROBE_CASE(others)
{
    static const struct rv_future_ops ops = {.name = "other",
                                             .poll = other_poll};
    struct rv_future *other;
    struct rv_scope scope;

    sem_init(&released, 0, 0);
    start();
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    add(&scope, wait_for_other, 7);
    other = rv_alloc(sizeof(*other));
    lesson_expect(other != NULL, "out of memory");
    rv_future_init(other, &ops);
    rv_scope_spawn(&scope, other);
    rv_runtime_block_on(runtime, &scope.future);
    stop();
}

/* The job's future is polled for no reason: it is not done before it is. */
struct nosy {
    struct rv_future future;
    struct job job;
    int number, polls;
};

static enum rv_poll nosy_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct nosy *self = RV_CONTAINER_OF(future, struct nosy, future);

    if (self->polls++ == 0)
        job_init(&self->job, wait_for_other, &self->number);
    if (rv_poll(&self->job.future, cx) == RV_READY) {
        rv_drop(&self->job.future);
        return RV_READY;
    }
    if (self->polls == 5)
        sem_post(&released);
    if (self->polls < 5)
        rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

PROBE_CASE(spurious)
{
    static const struct rv_future_ops ops = {.name = "nosy", .poll = nosy_poll};
    struct nosy nosy = {.number = 3};

    sem_init(&released, 0, 0);
    start();
    rv_future_init(&nosy.future, &ops);
    rv_runtime_block_on(runtime, &nosy.future);
    stop();
}

/* The job's future is polled by one task, which ends, and then, when its call
 * has begun, by another with a waker of its own: this is the one that waits. */
static struct job passed_on;
static bool is_passed_on;
static sem_t begun; /* its call */

static int begin_and_wait(void *number)
{
    sem_post(&begun);
    return wait_for_other(number);
}

static enum rv_poll giver_poll(struct rv_future *future, struct rv_cx *cx)
{
    static int number = 5;

    (void)future;
    job_init(&passed_on, begin_and_wait, &number);
    (void)rv_poll(&passed_on.future, cx);
    is_passed_on = true;
    probe_quiet(true);
    while (sem_wait(&begun) < 0)
        ;
    probe_quiet(false);
    return RV_READY;
}

static enum rv_poll taker_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    if (!is_passed_on) {
        rv_waker_wake(&cx->waker);
        return RV_PENDING;
    }
    if (rv_poll(&passed_on.future, cx) == RV_PENDING) {
        sem_post(&released);
        return RV_PENDING;
    }
    rv_drop(&passed_on.future);
    return RV_READY;
}

PROBE_CASE(wakers)
{
    static const struct rv_future_ops giver_ops = {.name = "giver",
                                                   .poll = giver_poll};
    static const struct rv_future_ops taker_ops = {.name = "taker",
                                                   .poll = taker_poll};
    struct rv_future *giver = rv_alloc(sizeof(*giver)), taker;

    sem_init(&released, 0, 0);
    sem_init(&begun, 0, 0);
    start();
    rv_future_init(giver, &giver_ops);
    rv_future_init(&taker, &taker_ops);
    rv_spawn(rv_runtime_executor(runtime), giver, NULL);
    rv_runtime_block_on(runtime, &taker);
    stop();
}

/*
 * The runner runs it once for each call of each thread, and delays that call by
 * 150 ms.
 */
PROBE_CASE(sweep)
{
    start();
    run(answer, 1);
    run(answer, 2);
    stop();
}
