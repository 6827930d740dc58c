/* SPDX-License-Identifier: MIT */
/* test_scope.c - tasks that do not outlive the frame that they use. */
#include <pthread.h>
#include <reveil/run.h>
#include <sched.h>
#include <string.h>

#include "support/failing_alloc.h"
#include "tasks.h"

RV_TEST_SUITE(go_scope);

struct job {
    int number;
    _Atomic int *sum; /* in the owner's frame */
    struct rv_go_scope *scope;
};

static int32_t add_later(void *arg)
{
    struct job *job = arg;

    TASK_CHECK(sleep_ms(job->number % 3) == 0);
    atomic_fetch_add(job->sum, job->number);
    return 0;
}

static int32_t add_ten(void *arg)
{
    _Atomic int sum = 0;
    struct job job = {.sum = &sum};
    struct rv_go_scope scope;

    (void)arg;
    rv_go_scope_init(&scope);
    TASK_CHECK(rv_go_scope_empty(&scope));
    for (job.number = 1; job.number <= 10; job.number++)
        TASK_CHECK(rv_go_scope_spawn(&scope, add_later, &job, sizeof job) == 0);
    job.number = -1; /* the tasks have copies */
    TASK_CHECK(!rv_go_scope_empty(&scope));
    TASK_CHECK(rv_go_scope_wait(&scope) == 0);
    TASK_CHECK(sum == 55);
    TASK_CHECK(rv_go_scope_empty(&scope));
    TASK_CHECK(rv_go_scope_wait(&scope) == 0); /* again: at once */
    TASK_CHECK(rv_go_scope_spawn(&scope, add_later, &job, sizeof job) ==
               -ECANCELED);
    return 0;
}

RV_TEST(go_scope, waits_for_all_tasks)
{
    cr_assert_eq(run_once(SCHED_WORKERS, add_ten, NULL), 0);
    cr_assert_eq(run_once(1, add_ten, NULL), 0);
}

static int32_t no_tasks(void *arg)
{
    struct rv_go_scope scope;

    (void)arg;
    rv_go_scope_init(&scope);
    rv_go_scope_cancel(&scope);
    TASK_CHECK(rv_go_scope_spawn(&scope, return_arg, NULL, 0) == -ECANCELED);
    rv_go_scope_init(&scope); /* never used: nothing to wait for */
    return 0;
}

RV_TEST(go_scope, without_tasks_need_not_be_awaited)
{
    cr_assert_eq(run_once(1, no_tasks, NULL), 0);
}

static int32_t bad_sizes(void *arg)
{
    static char big[RV_CORO_COPY_BYTES + 1];
    struct rv_go_scope scope;
    struct rv_go task;

    (void)arg;
    rv_go_scope_init(&scope);
    TASK_CHECK(rv_go_scope_spawn(&scope, return_arg, big, sizeof big) ==
               -EINVAL);
    TASK_CHECK(rv_go_copy(&task, return_arg, big, 0) == -EINVAL);
    TASK_CHECK(rv_go_scope_spawn(&scope, return_arg, int_arg(5), 0) == 0);
    TASK_CHECK(rv_go_scope_spawn(&scope, return_arg, int_arg(-7), 0) == 0);
    TASK_CHECK(rv_go_scope_wait(&scope) == -7);
    return 0;
}

RV_TEST(go_scope, tells_the_first_error)
{
    cr_assert_eq(run_once(1, bad_sizes, NULL), 0);
}

/* A task may start others in its own scope, also while the owner waits. */
static int32_t multiply(void *arg)
{
    struct job *job = arg;
    struct job child = *job;

    atomic_fetch_add(job->sum, 1);
    TASK_CHECK(sleep_ms(1) == 0);
    for (child.number = 0; child.number < job->number; child.number++)
        TASK_CHECK(
            rv_go_scope_spawn(job->scope, multiply, &child, sizeof child) == 0);
    return 0;
}

static int32_t grow_family(void *arg)
{
    _Atomic int sum = 0;
    struct rv_go_scope scope;
    struct job job = {.number = 5, .sum = &sum, .scope = &scope};

    (void)arg;
    rv_go_scope_init(&scope);
    TASK_CHECK(rv_go_scope_spawn(&scope, multiply, &job, sizeof job) == 0);
    TASK_CHECK(rv_go_scope_wait(&scope) == 0);
    TASK_CHECK(sum == 32);
    return 0;
}

RV_TEST(go_scope, its_tasks_may_start_others)
{
    cr_assert_eq(run_once(SCHED_WORKERS, grow_family, NULL), 0);
}

/* --- cancellation ------------------------------------------------------ */

static int32_t count_canceled(void *arg)
{
    struct job *job = arg;

    if (sleep_for_an_hour(NULL) == -ECANCELED && rv_coro_canceled() &&
        rv_coro_grace(RV_NEVER) == 0 && sleep_ms(3) == 0)
        atomic_fetch_add(job->sum, 1);
    return -EPIPE;
}

static int32_t cancel_scope(void *arg)
{
    _Atomic int sum = 0;
    struct job job = {.sum = &sum};
    struct rv_go_scope scope;

    (void)arg;
    rv_go_scope_init(&scope);
    for (int i = 0; i < 10; i++)
        TASK_CHECK(
            rv_go_scope_spawn(&scope, count_canceled, &job, sizeof job) == 0);
    TASK_CHECK(sleep_ms(2) == 0);
    rv_go_scope_cancel(&scope);
    TASK_CHECK(rv_go_scope_spawn(&scope, return_arg, NULL, 0) == -ECANCELED);
    TASK_CHECK(rv_go_scope_wait(&scope) == -EPIPE);
    TASK_CHECK(sum == 10);
    TASK_CHECK(!rv_coro_canceled());
    return 0;
}

RV_TEST(go_scope, cancel_asks_its_tasks_to_end)
{
    cr_assert_eq(run_once(SCHED_WORKERS, cancel_scope, NULL), 0);
    cr_assert_eq(run_once(1, cancel_scope, NULL), 0);
}

struct owner {
    _Atomic int waits;
    _Atomic int sum; /* of the tasks that have ended in order */
    int32_t result;
    bool empty;
};

/* Canceled while it waits: its tasks are canceled, and it waits for them. */
static int32_t own(void *arg)
{
    struct owner *self = arg;
    _Atomic int sum = 0;
    struct job job = {.sum = &sum};
    struct rv_go_scope scope;

    rv_go_scope_init(&scope);
    for (int i = 0; i < 4; i++)
        TASK_CHECK(
            rv_go_scope_spawn(&scope, count_canceled, &job, sizeof job) == 0);
    atomic_store(&self->waits, 1);
    self->result = rv_go_scope_wait(&scope);
    self->empty = rv_go_scope_empty(&scope);
    atomic_store(&self->sum, sum);
    return 0;
}

static void await_waits(struct owner *owner)
{
    while (!atomic_load(&owner->waits))
        sched_yield();
    rv_test_wait_for_sleep();
}

RV_TEST(go_scope, a_canceled_owner_cancels_its_tasks_and_waits)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    struct owner owner = {.waits = 0};
    struct rv_go task;

    cr_assert_eq(rv_sched_go(sched, &task, "owner", own, &owner), 0);
    await_waits(&owner);
    rv_go_cancel(&task);
    cr_assert_eq(rv_go_join(&task), 0);
    cr_assert_eq(owner.result, -ECANCELED);
    cr_assert(owner.empty);
    cr_assert_eq(owner.sum, 4);
    rv_sched_stop(sched);
}

RV_TEST(go_scope, a_stop_ends_its_tasks_before_their_owner)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    struct owner owner = {.waits = 0};

    cr_assert_eq(rv_sched_go(sched, NULL, "owner", own, &owner), 0);
    await_waits(&owner);
    rv_sched_stop(sched);
    cr_assert_eq(owner.result, -ECANCELED);
    cr_assert(owner.empty);
    cr_assert_eq(owner.sum, 4);
}

/* --- a deadlock --------------------------------------------------------- */

struct circle {
    struct rv_go *owner;
    _Atomic int sum;
};

static int32_t join_owner(void *arg)
{
    struct circle *self = *(struct circle **)arg;

    TASK_CHECK(rv_go_join(self->owner) == -ECANCELED);
    rv_go_drop(self->owner);
    atomic_fetch_add(&self->sum, 1);
    return 0;
}

static int32_t await_owner(void *arg)
{
    struct circle *self = *(struct circle **)arg;

    TASK_CHECK(rv_await(&self->owner->future) == -ECANCELED);
    atomic_fetch_add(&self->sum, 1);
    return 0;
}

static int32_t own_circle(void *arg)
{
    struct circle *self = arg;
    struct rv_go_scope scope;

    rv_go_scope_init(&scope);
    TASK_CHECK(rv_go_scope_spawn(&scope, join_owner, &self, sizeof self) == 0);
    TASK_CHECK(rv_go_scope_wait(&scope) == -ECANCELED);
    rv_go_scope_init(&scope);
    TASK_CHECK(rv_go_scope_spawn(&scope, await_owner, &self, sizeof self) ==
               -ECANCELED); /* the scheduler starts no more */
    return self->sum;
}

/* The task of a scope waits for the owner of the scope, which waits for it.
 * Only that task uses the handle. It outlives both. */
static struct rv_go circle_task;
static struct circle circle = {.owner = &circle_task};

static int32_t close_circle(void *arg)
{
    (void)arg;
    TASK_CHECK(rv_go(&circle_task, own_circle, &circle) == 0);
    return await_never(NULL);
}

static int32_t wait_under_a_name(void *arg)
{
    struct rv_go_scope scope;

    (void)arg;
    rv_go_scope_init(&scope);
    TASK_CHECK(
        rv_go_scope_spawn_literal(&scope, "lonely", await_never, NULL, 0) == 0);
    return rv_go_scope_wait(&scope);
}

RV_TEST(go_scope, its_tasks_have_names)
{
    struct rv_sched *sched = start_sched(1);
    const char *report;

    cr_assert_eq(rv_sched_run(sched, wait_under_a_name, NULL), -EDEADLK);
    report = rv_sched_deadlock(sched);
    cr_assert(strstr(report, "'lonely'"), "%s", report);
    rv_sched_stop(sched);
}

RV_TEST(go_scope, a_circle_of_waits_is_a_deadlock)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    const char *report;

    cr_assert_eq(rv_sched_run(sched, close_circle, NULL), -EDEADLK);
    report = rv_sched_deadlock(sched);
    cr_assert(strstr(report, "rv_go_scope_wait"), "%s", report);
    rv_sched_stop(sched);
    cr_assert_eq(circle.sum, 1);
}

/* --- no memory ---------------------------------------------------------- */

static int32_t start_three(void *arg)
{
    _Atomic int sum = 0;
    struct job job = {.sum = &sum, .number = 2};
    struct rv_go_scope scope;
    int started = 0;
    int error = 0;

    (void)arg;
    rv_go_scope_init(&scope);
    for (int i = 0; i < 3 && !error; i++) {
        error = rv_go_scope_spawn(&scope, add_later, &job, sizeof job);
        started += error == 0;
    }
    if (rv_go_scope_wait(&scope) == 0)
        TASK_CHECK(sum == 2 * started);
    TASK_CHECK(rv_go_scope_empty(&scope));
    /* -ECANCELED: the thread in rv_sched_run() has had no memory to wait. */
    TASK_CHECK(error == 0 || error == -ENOMEM || error == -ECANCELED);
    return error;
}

static int start_three_somewhere(void *arg)
{
    const struct rv_sched_options options = {.workers = 1, .ring.off = true};
    struct rv_sched *sched;
    int result;

    (void)arg;
    result = rv_sched_start(&sched, &options);
    if (result < 0)
        return result;
    result = rv_sched_run(sched, start_three, NULL);
    rv_sched_stop(sched);
    return result;
}

RV_TEST(go_scope, without_memory_it_waits_too)
{
    rv_fail_each_alloc(start_three_somewhere, NULL);
}

/* --- misuse ------------------------------------------------------------- */

static int32_t forget_to_wait(void *arg)
{
    struct rv_go_scope scope;

    (void)arg;
    rv_go_scope_init(&scope);
    return rv_go_scope_spawn(&scope, sleep_for_an_hour, NULL, 0);
}

static void run_forgetful(void)
{
    run_once(1, forget_to_wait, NULL);
}

/* The scope of an executor would be used by two threads. */
static int32_t use_scope_of_executor(void *arg)
{
    struct rv_scope scope;

    rv_scope_init(&scope, rv_executor_current());
    return arg ? rv_scope_spawn_coro(&scope, return_arg, NULL, 0, NULL)
               : rv_scope_wait(&scope);
}

static void wait_for_scope_of_executor(void)
{
    run_once(1, use_scope_of_executor, NULL);
}

static void spawn_into_scope_of_executor(void)
{
    run_once(1, use_scope_of_executor, int_arg(1));
}

RV_TEST(go_scope, that_of_an_executor_is_not_for_tasks)
{
    rv_test_aborts(wait_for_scope_of_executor, "needs rv_go_scope");
    rv_test_aborts(spawn_into_scope_of_executor, "needs rv_go_scope");
}

static int32_t run_in_task(void *arg)
{
    return rv_run(return_arg, arg);
}

RV_TEST(go_scope, a_task_is_no_place_for_a_runtime)
{
    cr_assert_eq(run_once(1, run_in_task, NULL), -EDEADLK);
}

RV_TEST(go_scope, a_task_that_ends_before_its_scope_is_named)
{
    rv_test_aborts(run_forgetful, "a task has ended before its scope");
}
