/* SPDX-License-Identifier: MIT */
/*
 * test_two_waiters.c - two coroutines, or tasks of a scheduler, that wait for
 * one future. The first would wait for ever, so the program ends with a
 * message. A future may pass from one to the other.
 *
 * Threads: the test's, a worker's and those of the pools; a child that was
 * forked.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/reveil.h>
#include <unistd.h>

#include "support/support.h"

RV_TEST_SUITE(two_waiters);

enum kind {
    SLEEP,
    JOIN,
    SCOPE,
    RECV,
    IO_READ,
    SEMAPHORE,
    NOTIFY,
    BLOCKING,
    CPU,
    CHANNEL,
    PROCESS,
    NESTED,
    KINDS
};

/* A future that is pending for a long time, of each kind. */
static struct pending {
    enum kind kind;
    struct rv_future *future;
    struct rv_sleep sleep;
    struct rv_join join;
    struct rv_scope scope;
    struct rv_stream pair[2];
    struct rv_stream_recv recv;
    struct rv_stream_io io;
    struct rv_io_read io_read;
    struct rv_semaphore semaphore;
    struct rv_semaphore_acquire acquire;
    struct rv_notify notify;
    struct rv_notified notified;
    struct rv_blocking blocking;
    struct rv_callable *callable;
    struct rv_cpu cpu;
    struct rv_spsc_sender *sender;
    struct rv_spsc_receiver *receiver;
    struct rv_spsc_recv spsc_recv;
    struct rv_process process;
    struct rv_process_wait process_wait;
    struct rv_future *children[1];
    struct rv_all all;
    char byte;
} pending;

/* How both of them wait. */
static enum way { PLAIN, UNTIL, EITHER, TIMEOUT, WAYS } way;

static int32_t sleep_long(void *arg)
{
    (void)arg;
    return rv_coro_sleep_until(rv_after_ms(60000));
}

static int32_t block_long(void *arg)
{
    (void)arg;
    return (int32_t)sleep(60);
}

static int32_t compute_long(void *state, void *result)
{
    (void)state;
    (void)result;
    return (int32_t)sleep(60);
}

static void begin_task(struct pending *p)
{
    struct rv_executor *executor = rv_executor_current();

    if (p->kind == JOIN) {
        cr_assert_eq(rv_coro_spawn(executor, sleep_long, NULL, NULL, &p->join),
                     0);
        p->future = &p->join.future;
    } else {
        rv_scope_init(&p->scope, executor);
        cr_assert_eq(rv_scope_spawn_coro(&p->scope, sleep_long, NULL, 0, NULL),
                     0);
        p->future = &p->scope.future;
    }
}

static void begin_io(struct pending *p)
{
    cr_assert_eq(rv_stream_pair(p->pair), 0);
    if (p->kind == RECV) {
        rv_stream_recv_init(&p->recv, &p->pair[0], &p->byte, 1);
        p->future = &p->recv.future;
    } else {
        rv_stream_io_init(&p->io, &p->pair[0]);
        rv_io_read_init(&p->io_read, &p->io.io, &p->byte, 1);
        p->future = &p->io_read.future;
    }
}

static void begin_sync(struct pending *p)
{
    if (p->kind == SEMAPHORE) {
        rv_semaphore_init(&p->semaphore, 0);
        rv_semaphore_acquire_init(&p->acquire, &p->semaphore, 1);
        p->future = &p->acquire.future;
    } else if (p->kind == NOTIFY) {
        rv_notify_init(&p->notify);
        rv_notified_init(&p->notified, &p->notify);
        p->future = &p->notified.future;
    } else {
        cr_assert_eq(rv_spsc_new(&p->sender, &p->receiver, 1, 1, NULL), 0);
        rv_spsc_recv_init(&p->spsc_recv, p->receiver, &p->byte, 1);
        p->future = &p->spsc_recv.future;
    }
}

static void begin_call(struct pending *p)
{
    static const struct rv_callable_ops ops = {.name = "compute_long",
                                               .call = compute_long};
    /* It ends with this process, which holds the other end of its pipe. */
    const struct rv_process_options options = {.pipe_in = &p->pair[0]};
    char *argv[] = {"cat", NULL};

    if (p->kind == BLOCKING) {
        rv_blocking_init(&p->blocking, block_long, NULL, NULL);
        p->future = &p->blocking.future;
    } else if (p->kind == CPU) {
        cr_assert_eq(rv_callable_new(&p->callable, &ops, NULL), 0);
        rv_cpu_init(&p->cpu, p->callable);
        p->future = &p->cpu.future;
    } else {
        cr_assert_eq(rv_process_spawn_with(&p->process, argv, &options), 0);
        rv_process_wait_init(&p->process_wait, &p->process);
        p->future = &p->process_wait.future;
    }
}

static void begin(struct pending *p)
{
    switch (p->kind) {
    case JOIN:
    case SCOPE:
        begin_task(p);
        break;
    case RECV:
    case IO_READ:
        begin_io(p);
        break;
    case SEMAPHORE:
    case NOTIFY:
    case CHANNEL:
        begin_sync(p);
        break;
    case BLOCKING:
    case CPU:
    case PROCESS:
        begin_call(p);
        break;
    default:
        rv_sleep_init(&p->sleep, rv_after_ms(60000));
        p->future = &p->sleep.future;
        if (p->kind == NESTED) {
            p->children[0] = &p->sleep.future;
            rv_all_init(&p->all, p->children, 1);
            p->future = &p->all.future;
        }
    }
}

static int32_t wait_for_it(void *arg)
{
    struct rv_timeout timeout;
    struct rv_sleep other;

    (void)arg;
    if (way == TIMEOUT) {
        rv_timeout_init(&timeout, pending.future, rv_after_ms(50000));
        return rv_await(&timeout.future);
    }
    if (way == PLAIN)
        return rv_await(pending.future);
    if (way == UNTIL)
        return rv_await_until(pending.future, rv_after_ms(50000));
    rv_sleep_init(&other, RV_NEVER);
    return rv_await_either(&other.future, pending.future, RV_NEVER);
}

static int32_t two_coroutines(void *arg)
{
    begin(&pending);
    for (int i = 0; i < 2; i++)
        if (rv_coro_spawn(rv_executor_current(), wait_for_it, arg, NULL, NULL))
            return -1;
    return sleep_long(NULL);
}

static void run_two_coroutines(void)
{
    rv_run(two_coroutines, NULL);
}

static int32_t two_tasks(void *arg)
{
    struct rv_go_scope scope;

    begin(&pending);
    rv_go_scope_init(&scope);
    for (int i = 0; i < 2; i++)
        if (rv_go_scope_spawn(&scope, wait_for_it, arg, 0))
            return -1;
    return rv_go_scope_wait(&scope);
}

static int in_a_scheduler(rv_go_fn fn)
{
    const struct rv_sched_options options = {.workers = 1};
    struct rv_sched *sched;
    int result = rv_sched_start(&sched, &options);

    if (result == 0) {
        result = rv_sched_run(sched, fn, NULL);
        rv_sched_stop(sched);
    }
    return result;
}

static void run_two_tasks(void)
{
    in_a_scheduler(two_tasks);
}

RV_TEST(two_waiters, two_coroutines_wait_for_one_future)
{
    for (pending.kind = 0; pending.kind < KINDS; pending.kind++) {
        way = pending.kind % WAYS;
        rv_test_aborts(run_two_coroutines, "two coroutines wait for one");
    }
}

RV_TEST(two_waiters, two_tasks_wait_for_one_future)
{
    for (pending.kind = 0; pending.kind < KINDS; pending.kind++) {
        way = (pending.kind + 1) % WAYS;
        if (pending.kind != JOIN && pending.kind != SCOPE)
            rv_test_aborts(run_two_tasks, "two coroutines wait for one");
    }
}

/* Each way against each other one: the first of them has a sleep too. */
static int32_t two_ways(void *arg)
{
    const enum way first = way / WAYS;
    const enum way second = way % WAYS;

    begin(&pending);
    way = first;
    if (rv_coro_spawn(rv_executor_current(), wait_for_it, arg, NULL, NULL) ||
        rv_coro_yield())
        return -1;
    way = second;
    return wait_for_it(NULL);
}

static void run_two_ways(void)
{
    rv_run(two_ways, NULL);
}

RV_TEST(two_waiters, each_way_of_waiting)
{
    pending.kind = SLEEP;
    for (int both = 0; both < WAYS * WAYS; both++) {
        way = (enum way)both;
        rv_test_aborts(run_two_ways, "two coroutines wait for one");
    }
}

/* --- the handle of a task ---------------------------------------------- */

static struct rv_go shared;

static int32_t join_shared(void *arg)
{
    (void)arg;
    return rv_go_join(&shared);
}

static int32_t await_shared(void *arg)
{
    (void)arg;
    return rv_await(&shared.future);
}

static int32_t drop_shared(void *arg)
{
    (void)arg;
    rv_go_drop(&shared);
    return 0;
}

/* One task waits for `shared`, and then another one uses the handle. */
static rv_go_fn first_use, second_use;

static int32_t use_twice(void *arg)
{
    struct rv_go first = {0};

    if (rv_go(&shared, sleep_long, NULL) || rv_go(&first, first_use, NULL) ||
        rv_coro_sleep_until(rv_after_ms(5)))
        return -1;
    second_use(arg);
    return rv_go_join(&first);
}

static void run_use_twice(void)
{
    in_a_scheduler(use_twice);
}

RV_TEST(two_waiters, two_tasks_use_the_handle_of_a_third)
{
    first_use = join_shared;
    second_use = join_shared;
    rv_test_aborts(run_use_twice, "two tasks wait for the end of one task");
    second_use = await_shared;
    rv_test_aborts(run_use_twice, "two tasks wait for the end of one task");
    second_use = drop_shared;
    rv_test_aborts(run_use_twice, "two tasks wait for the end of one task");
    first_use = await_shared;
    second_use = await_shared;
    rv_test_aborts(run_use_twice, "two coroutines wait for one future");
}

/* --- one after the other ----------------------------------------------- */

static struct rv_sleep passed;
static bool is_free;

/* The first one gives up, and waits for something else. */
static int32_t give_up(void *arg)
{
    cr_assert_eq(rv_await_until(&passed.future, 0), -ETIMEDOUT);
    cr_assert_eq(rv_await_until(&passed.future, rv_after_ms(1)), -ETIMEDOUT);
    is_free = true;
    return sleep_long(arg);
}

static int32_t be_canceled(void *arg)
{
    (void)arg;
    return rv_await(&passed.future);
}

static int32_t pass_on(void *entry)
{
    struct rv_join join;

    rv_sleep_init(&passed, rv_after_ms(60000));
    is_free = *(rv_coro_entry *)entry == be_canceled;
    cr_assert_eq(rv_coro_spawn(rv_executor_current(), *(rv_coro_entry *)entry,
                               NULL, NULL, &join),
                 0);
    do
        rv_coro_sleep_until(rv_after_ms(1));
    while (!is_free);
    /* A canceled one runs on after the next wait has begun. */
    rv_coro_cancel(&join);
    cr_assert_eq(rv_await_until(&passed.future, rv_after_ms(1)), -ETIMEDOUT);
    cr_assert_eq(rv_await(&join.future), -ECANCELED);
    rv_drop(&join.future);
    rv_drop(&passed.future);
    return 0;
}

static int32_t pass_on_uncanceled(void *entry)
{
    struct rv_join join;

    rv_sleep_init(&passed, rv_after_ms(60000));
    is_free = false;
    cr_assert_eq(
        rv_coro_spawn(rv_executor_current(), give_up, entry, NULL, &join), 0);
    while (!is_free)
        rv_coro_sleep_until(rv_after_ms(1));
    cr_assert_eq(rv_await_until(&passed.future, rv_after_ms(1)), -ETIMEDOUT);
    rv_join_abort(&join);
    rv_drop(&join.future);
    rv_drop(&passed.future);
    return 0;
}

RV_TEST(two_waiters, a_future_passes_from_one_to_the_other)
{
    rv_coro_entry entry = give_up;

    cr_assert_eq(rv_run(pass_on, &entry), 0);
    entry = be_canceled;
    cr_assert_eq(rv_run(pass_on, &entry), 0);
    cr_assert_eq(rv_run(pass_on_uncanceled, NULL), 0);
}

/* What is of no coroutine, or of another executor, is not looked at. */
static int32_t replace_others(void *arg)
{
    struct rv_cx *cx = arg;
    struct rv_waker none = {0};
    struct rv_waker ended = cx->waker;

    ended.id += UINT64_C(2) << 32; /* another generation of its slot */
    rv_waker_displaced(&none, &cx->waker);
    rv_waker_displaced(&cx->waker, &none);
    rv_waker_displaced(&ended, &cx->waker);
    return 0;
}

struct replacing {
    struct rv_future future;
};

static enum rv_poll replacing_poll(struct rv_future *future, struct rv_cx *cx)
{
    future->result = replace_others(cx);
    return RV_READY;
}

static int32_t replace_in_a_poll(void *arg)
{
    static const struct rv_future_ops ops = {.name = "replacing",
                                             .poll = replacing_poll};
    struct replacing replacing;

    (void)arg;
    rv_future_init(&replacing.future, &ops);
    return rv_await(&replacing.future);
}

RV_TEST(two_waiters, wakers_of_others_are_not_looked_at)
{
    cr_assert_eq(rv_run(replace_in_a_poll, NULL), 0);
    cr_assert_eq(in_a_scheduler(replace_in_a_poll), 0);
}

/* --- what was moved, or initialized again ------------------------------ */

/* Three sleeps in one slot of the wheel; the one in the middle is used again
 * while it is pending. */
static int32_t begin_again(void *arg)
{
    static struct rv_sleep sleeps[3];
    const int64_t deadline = rv_after_ms(100);

    (void)arg;
    for (int i = 0; i < 3; i++) {
        rv_sleep_init(&sleeps[i], deadline);
        rv_await_until(&sleeps[i].future, 0);
    }
    rv_sleep_init(&sleeps[1], deadline);
    rv_drop(&sleeps[0].future);
    rv_drop(&sleeps[2].future);
    return sleep_long(NULL);
}

static void run_begin_again(void)
{
    rv_run(begin_again, NULL);
}

static int32_t move(void *arg)
{
    static struct rv_sleep from, to;

    (void)arg;
    rv_sleep_init(&from, rv_after_ms(100));
    rv_await_until(&from.future, 0);
    to = from;
    rv_drop(&to.future);
    return sleep_long(NULL);
}

static void run_move(void)
{
    rv_run(move, NULL);
}

static int32_t nap(void *arg)
{
    return rv_coro_sleep_until(rv_after_ms((intptr_t)arg));
}

static int32_t join_used_again(void *arg)
{
    static struct rv_join join;

    (void)arg;
    for (intptr_t ms = 2; ms; ms--)
        rv_coro_spawn(rv_executor_current(), nap, (void *)ms, NULL, &join);
    return sleep_long(NULL);
}

static void run_join_used_again(void)
{
    rv_run(join_used_again, NULL);
}

RV_TEST(two_waiters, what_is_in_use_does_not_move)
{
    rv_test_aborts(rv_list_misuse, "was moved, initialized again or freed");
    rv_test_aborts(run_begin_again, "was moved, initialized again or freed");
    rv_test_aborts(run_move, "was moved, initialized again or freed");
    rv_test_aborts(run_join_used_again, "a join was moved, or used again");
}
