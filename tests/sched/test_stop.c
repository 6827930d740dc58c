/* SPDX-License-Identifier: MIT */
/* test_stop.c - the end: stop, cancel, deadlock, threads that cannot be
 * created. */
#include <fcntl.h>
#include <pthread.h>
#include <reveil/file.h>
#include <string.h>

#include "support/failing_alloc.h"
#include "tasks.h"

RV_TEST_SUITE(stop);

/* --- stop -------------------------------------------------------------- */

RV_TEST(stop, a_scheduler_that_did_nothing_stops)
{
    for (uint32_t workers = 1; workers <= 8; workers *= 2)
        rv_sched_stop(start_sched(workers));
}

RV_TEST(stop, a_thousand_starts_leave_nothing)
{
    const int times = RV_TEST_SLOW ? 200 : 1000;
    const uint32_t threads = rv_test_threads();
    uint32_t fds;

    rv_sched_stop(start_sched(SCHED_WORKERS));
    fds = rv_test_fds();
    for (int i = 0; i < times; i++)
        cr_assert_eq(run_once(SCHED_WORKERS, return_arg, int_arg(i)), i);
    cr_assert_eq(rv_test_fds(), fds);
    rv_test_wait_for_threads(threads);
}

static int32_t note_cancel(void *arg)
{
    _Atomic int *canceled = arg;

    if (sleep_for_an_hour(NULL) == -ECANCELED &&
        sleep_for_an_hour(NULL) == -ECANCELED)
        atomic_fetch_add(canceled, 1);
    return 0;
}

static int32_t leave_some_behind(void *arg)
{
    for (int i = 0; i < 20; i++)
        TASK_CHECK(rv_go(NULL, note_cancel, arg) == 0);
    return rv_go_yield();
}

RV_TEST(stop, tasks_that_wait_are_canceled_and_run_to_their_end)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    _Atomic int canceled = 0;

    cr_assert_eq(rv_sched_run(sched, leave_some_behind, &canceled), 0);
    rv_sched_stop(sched);
    cr_assert_eq(canceled, 20);
}

static int32_t yield_until_canceled(void *arg)
{
    (void)arg;
    while (rv_go_yield() == 0)
        ;
    return rv_go(NULL, return_arg, NULL);
}

RV_TEST(stop, a_task_that_yields_is_told)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    cr_assert_eq(rv_sched_go(sched, NULL, "yields", yield_until_canceled, NULL),
                 0);
    rv_sched_stop(sched);
}

/* Its child uses its memory, so it has to wait for it, canceled or not. */
static int32_t parent(void *arg)
{
    _Atomic int canceled = 0;
    struct rv_go child;

    TASK_CHECK(rv_go(&child, note_cancel, &canceled) == 0);
    TASK_CHECK(rv_go_join(&child) == 0);
    TASK_CHECK(canceled == 1);
    atomic_fetch_add((_Atomic int *)arg, 1);
    return 0;
}

RV_TEST(stop, a_canceled_task_waits_for_its_children)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    _Atomic int parents = 0;

    cr_assert_eq(rv_sched_go(sched, NULL, "parent", parent, &parents), 0);
    rv_sched_stop(sched);
    cr_assert_leq(parents, 1); /* it may have been too late to start a child */
}

RV_TEST(stop, after_a_stop_handles_of_others_are_not_touched)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    struct rv_go task;

    cr_assert_eq(rv_sched_go(sched, &task, "task", return_arg, int_arg(3)), 0);
    cr_assert_eq(rv_go_join(&task), 3);
    rv_sched_stop(sched);
    rv_go_drop(&task);
    cr_assert_eq(rv_go_join(&task), -EINVAL);
}

/* --- deadlock ---------------------------------------------------------- */

RV_TEST(stop, tasks_that_wait_for_nothing_else_are_a_deadlock)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    cr_assert_null(rv_sched_deadlock(sched));
    cr_assert_eq(rv_sched_run(sched, await_never, NULL), -EDEADLK);
    cr_assert_str_eq(rv_sched_deadlock(sched), "task 'root' waits for never\n");
    cr_assert_eq(rv_sched_run(sched, return_arg, NULL), -ECANCELED);
    rv_sched_stop(sched);
}

/* Its first use of files leaves a task of the ring in the executor. */
static int32_t open_then_await_never(void *arg)
{
    struct rv_file_op op;
    struct rv_file *file;

    rv_file_open_init(&op, &file, "/dev/null", O_RDONLY, 0);
    TASK_CHECK(rv_await(&op.future) == 0);
    rv_drop(&op.future);
    rv_file_put(file);
    return await_never(arg);
}

RV_TEST(stop, a_deadlock_is_seen_after_files_were_used)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    cr_assert_eq(rv_sched_run(sched, open_then_await_never, NULL), -EDEADLK);
    rv_sched_stop(sched);
}

static int32_t join_never(void *arg)
{
    struct rv_go task;

    (void)arg;
    TASK_CHECK(rv_go_named(&task, "consumer", await_never, NULL) == 0);
    TASK_CHECK(rv_go_join(&task) == -ECANCELED);
    return 0;
}

RV_TEST(stop, a_deadlock_says_which_task_waits_for_what)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    const char *text;

    cr_assert_eq(rv_sched_run(sched, join_never, NULL), -EDEADLK);
    text = rv_sched_deadlock(sched);
    cr_assert_not_null(
        strstr(text, "task 'root' waits for rv_go_join of 'consumer'\n"));
    cr_assert_not_null(strstr(text, "task 'consumer' waits for never\n"));
    rv_sched_stop(sched);
}

static struct rv_go circle[2];
static _Atomic int in_circle;

static int32_t join_the_other(void *arg)
{
    const int other = (int)(intptr_t)arg;

    atomic_fetch_add(&in_circle, 1);
    while (atomic_load(&in_circle) < 2)
        TASK_CHECK(rv_go_yield() == 0);
    return rv_go_join(&circle[other]);
}

static int32_t make_circle(void *arg)
{
    (void)arg;
    atomic_store(&in_circle, 0);
    TASK_CHECK(rv_go(&circle[0], join_the_other, int_arg(1)) == 0);
    TASK_CHECK(rv_go(&circle[1], join_the_other, int_arg(0)) == 0);
    return await_never(NULL);
}

RV_TEST(stop, tasks_that_join_each_other_are_a_deadlock_and_can_be_stopped)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    cr_assert_eq(rv_sched_run(sched, make_circle, NULL), -EDEADLK);
    rv_sched_stop(sched);
}

static int32_t await_the_other(void *arg)
{
    const int other = (int)(intptr_t)arg;

    atomic_fetch_add(&in_circle, 1);
    while (atomic_load(&in_circle) < 2)
        TASK_CHECK(rv_go_yield() == 0);
    return rv_await(&circle[other].future);
}

static int32_t make_awaited_circle(void *arg)
{
    (void)arg;
    atomic_store(&in_circle, 0);
    TASK_CHECK(rv_go(&circle[0], await_the_other, int_arg(1)) == 0);
    TASK_CHECK(rv_go(&circle[1], await_the_other, int_arg(0)) == 0);
    return await_never(NULL);
}

RV_TEST(stop, tasks_that_await_each_other_are_a_deadlock_and_can_be_stopped)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    cr_assert_eq(rv_sched_run(sched, make_awaited_circle, NULL), -EDEADLK);
    rv_sched_stop(sched);
}

static int32_t nap(void *arg)
{
    (void)arg;
    return sleep_ms(30);
}

static int32_t one_sleeps(void *arg)
{
    struct rv_go task;

    (void)arg;
    TASK_CHECK(rv_go(&task, nap, NULL) == 0);
    return rv_go_join(&task);
}

RV_TEST(stop, a_task_that_sleeps_is_no_deadlock)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    cr_assert_eq(rv_sched_run(sched, one_sleeps, NULL), 0);
    cr_assert_null(rv_sched_deadlock(sched));
    rv_sched_stop(sched);
}

/* --- held: a thread outside wakes a task ------------------------------- */

struct door {
    struct rv_future future;
    _Atomic bool open;
    pthread_mutex_t mutex;
    struct rv_waker waker; /* mutex must be held */
};

static enum rv_poll door_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct door *door = RV_CONTAINER_OF(future, struct door, future);
    bool open;

    pthread_mutex_lock(&door->mutex);
    open = atomic_load(&door->open);
    if (!open) {
        rv_waker_drop(&door->waker);
        door->waker = rv_waker_clone(&cx->waker);
        cx->needs_task = future;
    }
    pthread_mutex_unlock(&door->mutex);
    return open ? RV_READY : RV_PENDING;
}

struct opener {
    struct door door;
    struct rv_sched *sched;
};

static void *open_door(void *arg)
{
    struct opener *opener = arg;
    struct rv_waker waker;

    for (;;) {
        pthread_mutex_lock(&opener->door.mutex);
        waker = rv_waker_clone(&opener->door.waker);
        pthread_mutex_unlock(&opener->door.mutex);
        if (waker.queue)
            break;
    }
    rv_test_wait_for_sleep(); /* the workers have checked, and found nothing */
    atomic_store(&opener->door.open, true);
    rv_waker_wake(&waker);
    rv_waker_drop(&waker);
    rv_sched_release(opener->sched);
    return NULL;
}

static int32_t await_door(void *arg)
{
    return rv_await(&((struct door *)arg)->future);
}

RV_TEST(stop, what_a_thread_outside_may_wake_is_no_deadlock)
{
    static const struct rv_future_ops ops = {.name = "door", .poll = door_poll};
    struct opener opener = {.sched = start_sched(SCHED_WORKERS)};
    pthread_t thread;

    rv_future_init(&opener.door.future, &ops);
    pthread_mutex_init(&opener.door.mutex, NULL);
    rv_sched_hold(opener.sched);
    cr_assert_eq(pthread_create(&thread, NULL, open_door, &opener), 0);
    cr_assert_eq(rv_sched_run(opener.sched, await_door, &opener.door), 0);
    pthread_join(thread, NULL);
    rv_waker_drop(&opener.door.waker);
    rv_sched_stop(opener.sched);
}

RV_TEST(stop, a_deadlock_is_seen_when_it_is_not_held_any_more)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    struct rv_go task;

    rv_sched_hold(sched);
    cr_assert_eq(rv_sched_go(sched, &task, "task", await_never, NULL), 0);
    rv_sched_release(sched);
    cr_assert_eq(rv_go_join(&task), -ECANCELED);
    cr_assert_not_null(rv_sched_deadlock(sched));
    rv_sched_stop(sched);
}

/* --- options, and threads that cannot be created ----------------------- */

RV_TEST(stop, too_many_workers_are_refused)
{
    struct rv_sched *sched;

    cr_assert_eq(
        rv_sched_start(&sched, &(struct rv_sched_options){.workers = 1025}),
        -EINVAL);
}

static int threads_left = -1; /* -1: any */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *arg), void *arg);

/* The linker uses it in place of the other one. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *arg), void *arg)
{
    if (threads_left == 0)
        return EAGAIN;
    if (threads_left > 0)
        threads_left--;
    return __real_pthread_create(thread, attr, start, arg);
}

RV_TEST(stop, without_a_thread_for_each_worker_nothing_is_left)
{
    const struct rv_sched_options options = {.workers = 3};
    const uint32_t threads = rv_test_threads();
    const uint32_t fds = rv_test_fds();
    struct rv_sched *sched;

    for (int n = 0; n < 4; n++) { /* the first is the reactor's */
        rv_count_allocs(0);
        threads_left = n;
        cr_assert_eq(rv_sched_start(&sched, &options), -EAGAIN);
        rv_test_wait_for_threads(threads);
        cr_assert_eq(rv_stop_counting_allocs(), 0);
        cr_assert_eq(rv_test_fds(), fds);
    }
    threads_left = 4;
    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    rv_sched_stop(sched);
}
