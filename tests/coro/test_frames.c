/* SPDX-License-Identifier: MIT */
/*
 * test_frames.c - a coroutine that ends while the engine still uses something
 * in its frames ends the program with a message; in other memory it may.
 *
 * Threads: one, and the workers of a scheduler.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/io_uring.h>
#include <reveil/reveil.h>
#include <unistd.h>

#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(coro_frames);

static rv_coro_entry tested;

static void run_tested(void)
{
    rv_run(tested, NULL);
}

static int run_tasks(rv_go_fn fn)
{
    const struct rv_sched_options options = {.workers = 2};
    struct rv_sched *sched;
    int result;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    result = rv_sched_run(sched, fn, NULL);
    rv_sched_stop(sched);
    return result;
}

static void run_tested_tasks(void)
{
    run_tasks(tested);
}

static void aborts(rv_coro_entry fn, const char *text)
{
    tested = fn;
    rv_test_aborts(run_tested, text);
}

static void aborts_in_task(rv_coro_entry fn, const char *text)
{
    tested = fn;
    rv_test_aborts(run_tested_tasks, text);
}

/* --- sleeps -------------------------------------------------------------- */

static int32_t leave_a_sleep(void *arg)
{
    struct rv_sleep nap;

    (void)arg;
    rv_sleep_init(&nap, rv_after_ms(100000));
    return rv_await_until(&nap.future, 0) == -ETIMEDOUT ? 0 : -1;
}

/* Left by a function that has returned long before the coroutine does. */
static int32_t leave_a_sleep_early(void *arg)
{
    return leave_a_sleep(arg) ? -1 : rv_coro_sleep_until(rv_after_ms(1));
}

/* A future that polls its sleep first in its second poll. */
struct late {
    struct rv_future future;
    struct rv_yield yield;
    struct rv_sleep nap;
};

static enum rv_poll late_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct late *self = RV_CONTAINER_OF(future, struct late, future);

    RV_BEGIN(future);
    rv_yield_init(&self->yield);
    RV_AWAIT(future, cx, &self->yield.future);
    rv_sleep_init(&self->nap, rv_after_ms(100000));
    RV_AWAIT(future, cx, &self->nap.future);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void late_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct late, future)->nap.future);
}

static const struct rv_future_ops late_ops = {
    .name = "late", .poll = late_poll, .drop = late_drop};

/* Until the sleep is in the wheel, however late the second poll is. */
static int wait_for_late(struct late *late)
{
    int result;

    *late = (struct late){0};
    rv_future_init(&late->future, &late_ops);
    do
        result = rv_await_until(&late->future, rv_after_ms(2));
    while (result == -ETIMEDOUT && !late->nap.executor);
    return result == -ETIMEDOUT ? 0 : -1;
}

static int32_t leave_a_late_sleep(void *arg)
{
    struct late late;

    (void)arg;
    return wait_for_late(&late);
}

static int32_t sleep_in_argument(void *arg)
{
    return wait_for_late(arg);
}

static int32_t leave_in_argument(void *arg)
{
    struct late late = {.nap = {.task = 0}};

    (void)arg;
    return rv_coro_spawn_copy(rv_executor_current(), sleep_in_argument, &late,
                              sizeof late, NULL, NULL)
               ? -1
               : rv_coro_sleep_until(rv_after_ms(100000));
}

static int32_t leave_when_canceled(void *arg)
{
    struct rv_sleep nap;

    (void)arg;
    rv_sleep_init(&nap, rv_after_ms(100000));
    return rv_await(&nap.future);
}

static int32_t abort_one_that_sleeps(void *arg)
{
    struct rv_join join;

    (void)arg;
    if (rv_coro_spawn(rv_executor_current(), leave_when_canceled, NULL, NULL,
                      &join) ||
        rv_coro_yield())
        return -1;
    rv_join_abort(&join);
    return 0;
}

static struct late elsewhere;

static int32_t leave_no_sleep(void *arg)
{
    struct rv_sleep ended, dropped;
    struct late late;

    (void)arg;
    rv_sleep_init(&ended, rv_after_ms(1));
    rv_sleep_init(&dropped, rv_after_ms(100000));
    if (rv_await(&ended.future) ||
        rv_await_until(&dropped.future, 0) != -ETIMEDOUT)
        return -1;
    rv_drop(&dropped.future);
    if (wait_for_late(&late))
        return -1;
    rv_drop(&late.future);
    return 0;
}

/* The sleep is in static memory, and goes on after the coroutine. */
static int32_t leave_elsewhere(void *arg)
{
    (void)arg;
    return wait_for_late(&elsewhere);
}

static int32_t end_one_with_a_sleep_elsewhere(void *arg)
{
    struct rv_join join;
    int result;

    (void)arg;
    if (rv_coro_spawn(rv_executor_current(), leave_elsewhere, NULL, NULL,
                      &join))
        return -1;
    result = rv_await_and_drop(&join.future, RV_NEVER);
    rv_drop(&elsewhere.future);
    return result;
}

RV_TEST(coro_frames, a_sleep)
{
    aborts(leave_a_sleep, "before it dropped a sleep");
    aborts(leave_a_sleep_early, "before it dropped a sleep");
    aborts(leave_a_late_sleep, "before it dropped a sleep");
    aborts(leave_in_argument, "before it dropped a sleep");
    aborts(abort_one_that_sleeps, "before it dropped a sleep");
    cr_assert_eq(rv_run(leave_no_sleep, NULL), 0);
    cr_assert_eq(rv_run(end_one_with_a_sleep_elsewhere, NULL), 0);
}

RV_TEST(coro_frames, a_sleep_of_a_task_of_the_scheduler)
{
    aborts_in_task(leave_a_sleep, "before it dropped a sleep");
    aborts_in_task(leave_a_late_sleep, "before it dropped a sleep");
    cr_assert_eq(run_tasks(leave_no_sleep), 0);
}

/* The message says where the function is: in a program that is run at another
 * address each time, an address would say nothing. */
RV_TEST(coro_frames, the_message_says_which_function)
{
    aborts(leave_a_sleep, "(rv_drop): coroutine, addr2line -fe ");
    aborts_in_task(leave_a_sleep, "(rv_drop): root");
}

/* --- timers -------------------------------------------------------------- */

static void ring(struct rv_timer *timer, void *arg)
{
    (void)timer;
    ++*(int *)arg;
}

static int32_t leave_a_timer(void *arg)
{
    static int rings;
    struct rv_timer timer;

    (void)arg;
    rv_timer_init(&timer, rv_executor_current(), ring, &rings);
    rv_timer_start(&timer, rv_after_ms(100000));
    return 0;
}

static int32_t leave_no_timer(void *arg)
{
    static struct rv_timer outside;
    static int rings;
    struct rv_executor *executor = rv_executor_current();
    struct rv_timer never, moved, rung;

    (void)arg;
    rv_timer_init(&never, executor, ring, &rings);
    rv_timer_init(&moved, executor, ring, &rings);
    rv_timer_init(&rung, executor, ring, &rings);
    rv_timer_init(&outside, executor, ring, &rings);
    rv_timer_start(&moved, rv_after_ms(100000));
    rv_timer_start(&moved, rv_after_ms(100001));
    rv_timer_stop(&moved);
    rv_timer_start(&outside, rv_after_ms(100000));
    rv_timer_start(&rung, rv_after_ms(1));
    while (rings == 0 && rv_coro_sleep_until(rv_after_ms(1)) == 0)
        ;
    return rings == 1 && !rv_timer_is_started(&never) ? 0 : -1;
}

/* A coroutine that is freed does not end, but its stack is used again. */
static int32_t suspend_with_a_timer(void *arg)
{
    static int rings;
    struct rv_timer timer;

    rv_timer_init(&timer, arg, ring, &rings);
    rv_timer_start(&timer, rv_after_ms(100000));
    rv_coro_suspend();
    rv_timer_stop(&timer);
    return 0;
}

static void free_one_with_a_timer(bool early)
{
    struct rv_executor *executor;
    struct rv_coro *coro;

    cr_assert_eq(rv_executor_new(&executor), 0);
    cr_assert_eq(rv_coro_new(&coro, suspend_with_a_timer, executor, NULL), 0);
    rv_coro_resume(coro);
    if (!early)
        rv_coro_resume(coro);
    rv_coro_free(coro);
    rv_executor_free(executor);
}

static void free_early(void)
{
    free_one_with_a_timer(true);
}

RV_TEST(coro_frames, a_timer)
{
    aborts(leave_a_timer, "before it stopped a timer");
    rv_test_aborts(free_early, "before it stopped a timer");
    free_one_with_a_timer(false);
    cr_assert_eq(rv_run(leave_no_timer, NULL), 0);
}

/* --- joins --------------------------------------------------------------- */

static struct rv_future *new_sleep(int64_t ms)
{
    struct rv_sleep *nap = rv_alloc(sizeof *nap);

    cr_assert_not_null(nap);
    rv_sleep_init(nap, rv_after_ms(ms));
    return &nap->future;
}

static int32_t leave_a_join_of_a_future(void *arg)
{
    struct rv_join join;

    (void)arg;
    return rv_spawn(rv_executor_current(), new_sleep(100000), &join);
}

static int32_t leave_no_join_of_a_future(void *arg)
{
    static struct rv_join outside;
    struct rv_executor *executor = rv_executor_current();
    struct rv_join ended, dropped, aborted;

    (void)arg;
    if (rv_spawn(executor, new_sleep(1), &ended) ||
        rv_spawn(executor, new_sleep(100000), &dropped) ||
        rv_spawn(executor, new_sleep(100000), &aborted) ||
        rv_spawn(executor, new_sleep(100000), &outside))
        return -1;
    rv_join_drop(&dropped);
    rv_join_abort(&aborted);
    return rv_await_and_drop(&ended.future, RV_NEVER);
}

/* A future that spawns in its second poll, which is on the executor's stack,
 * and waits for that task. */
struct spawner {
    struct rv_future future;
    struct rv_join join;
};

static enum rv_poll spawner_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct spawner *self = RV_CONTAINER_OF(future, struct spawner, future);

    if (future->at == 0) {
        future->at = 1;
        rv_waker_wake(&cx->waker);
        return RV_PENDING;
    }
    if (future->at == 1) {
        future->at = 2;
        if (rv_spawn(cx->executor, new_sleep(100000), &self->join))
            return RV_READY;
    }
    return rv_poll(&self->join.future, cx);
}

static int32_t wait_for_spawner(struct spawner *self)
{
    static const struct rv_future_ops ops = {.name = "spawner",
                                             .poll = spawner_poll};

    rv_future_init(&self->future, &ops);
    return rv_await_until(&self->future, rv_after_ms(2));
}

static int32_t leave_a_late_join(void *arg)
{
    struct spawner spawner;

    (void)arg;
    return wait_for_spawner(&spawner);
}

static int32_t drop_a_late_join(void *arg)
{
    struct spawner spawner;
    const int32_t result = wait_for_spawner(&spawner);

    (void)arg;
    rv_join_abort(&spawner.join);
    rv_drop(&spawner.join.future);
    return result;
}

RV_TEST(coro_frames, a_join_of_a_later_poll)
{
    aborts(leave_a_late_join, "before it dropped a join");
    cr_assert_eq(rv_run(drop_a_late_join, NULL), -ETIMEDOUT);
}

RV_TEST(coro_frames, a_join_of_a_future)
{
    aborts(leave_a_join_of_a_future, "before it dropped a join");
    cr_assert_eq(rv_run(leave_no_join_of_a_future, NULL), 0);
}

/* --- handles of tasks ---------------------------------------------------- */

static int32_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int32_t drop_handle(void *arg)
{
    rv_go_drop(arg);
    return 0;
}

static int32_t leave_a_handle(void *arg)
{
    struct rv_go go;

    return rv_go(&go, nothing, arg);
}

/* All ways to be rid of a handle: here, on another task, outside. */
static int32_t leave_no_handle(void *arg)
{
    static struct rv_go outside;
    struct rv_go joined, dropped, awaited, given, helper, copied;

    if (rv_go(&joined, nothing, arg) || rv_go(&dropped, nothing, arg) ||
        rv_go(&awaited, nothing, arg) || rv_go(&given, nothing, arg) ||
        rv_go_copy(&copied, nothing, "a", 1) || rv_go(&outside, nothing, arg) ||
        rv_go(&helper, drop_handle, &given) || rv_go_join(&joined) ||
        rv_await(&awaited.future) || rv_go_join(&copied))
        return -1;
    rv_go_drop(&dropped);
    rv_go_drop(&awaited);
    return rv_go_join(&helper);
}

static int32_t wait_for_ever(void *arg)
{
    (void)arg;
    return rv_coro_sleep_until(RV_NEVER);
}

/* A canceled task does not wait for what it has started. */
static int32_t leave_a_handle_canceled(void *arg)
{
    struct rv_go go;

    return rv_go(&go, nothing, arg) ? -1 : wait_for_ever(NULL);
}

static int32_t cancel_one_with_a_handle(void *arg)
{
    struct rv_go go;

    if (rv_go(&go, leave_a_handle_canceled, arg) ||
        rv_coro_sleep_until(rv_after_ms(2)))
        return -1;
    rv_go_cancel(&go);
    return rv_go_join(&go) == -ECANCELED ? 0 : -1;
}

static struct rv_go first;

static int32_t join_the_first(void *arg)
{
    (void)arg;
    return rv_go_join(&first);
}

static int32_t join_a_second(void *arg)
{
    struct rv_go second;

    return rv_go(&second, join_the_first, arg) ? -1 : rv_go_join(&second);
}

/* Two tasks that join each other: the report of the deadlock is the message. */
static int32_t start_a_deadlock(void *arg)
{
    struct rv_oneshot_sender *sender;
    struct rv_oneshot_receiver *receiver;
    int number;

    if (rv_oneshot_new(&sender, &receiver, sizeof number, NULL) ||
        rv_go(&first, join_a_second, arg))
        return -1;
    number = rv_oneshot_recv(receiver, &number, RV_NEVER);
    rv_oneshot_sender_close(sender);
    rv_oneshot_receiver_close(receiver);
    return number;
}

static void start_from_outside(struct rv_sched *sched, struct rv_go *go)
{
    cr_assert_eq(rv_sched_go(sched, go, "nothing", nothing, NULL), 0);
}

static struct rv_sched *used;

static int32_t leave_a_handle_in_coroutine(void *arg)
{
    struct rv_go go;

    (void)arg;
    start_from_outside(used, &go);
    return 0;
}

static int32_t leave_no_handle_in_coroutine(void *arg)
{
    struct rv_go go;

    (void)arg;
    start_from_outside(used, &go);
    return rv_await_and_drop(&go.future, RV_NEVER);
}

static void run_beside_tasks(void)
{
    cr_assert_eq(rv_sched_start(&used, NULL), 0);
    rv_run(tested, NULL);
    rv_sched_stop(used);
}

RV_TEST(coro_frames, a_handle_of_a_task)
{
    aborts_in_task(leave_a_handle, "before it joined or dropped a task");
    tested = leave_a_handle_in_coroutine;
    rv_test_aborts(run_beside_tasks, "before it joined or dropped a task");
    tested = leave_no_handle_in_coroutine;
    run_beside_tasks();
    cr_assert_eq(run_tasks(leave_no_handle), 0);
}

RV_TEST(coro_frames, a_handle_of_a_canceled_task)
{
    cr_assert_eq(run_tasks(cancel_one_with_a_handle), 0);
    cr_assert_eq(run_tasks(start_a_deadlock), -EDEADLK);
}

/* --- what waits for a semaphore, a mutex or a notify ---------------------- */

/* Wait for a moment, and do not drop it. */
static int32_t give_up(struct rv_future *future)
{
    const int result = rv_await_until(future, rv_after_ms(1));

    return result == -ETIMEDOUT ? 0 : result ? result : -EPROTO;
}

static struct rv_semaphore none_left;
static struct rv_mutex locked;
static struct rv_notify silent;

static void init_sync(void)
{
    rv_semaphore_init(&none_left, 0);
    rv_mutex_init(&locked);
    cr_assert_eq(rv_mutex_try_lock(&locked), 0);
    rv_notify_init(&silent);
}

static int32_t leave_an_acquire(void *arg)
{
    struct rv_semaphore_acquire acquire;

    (void)arg;
    rv_semaphore_acquire_init(&acquire, &none_left, 1);
    return give_up(&acquire.future);
}

static int32_t leave_a_lock(void *arg)
{
    struct rv_mutex_lock lock;

    (void)arg;
    rv_mutex_lock_init(&lock, &locked);
    return give_up(&lock.future);
}

static int32_t leave_a_notified(void *arg)
{
    struct rv_notified notified;

    (void)arg;
    rv_notified_init(&notified, &silent);
    return give_up(&notified.future);
}

/* Granted meanwhile, and never looked at: the permit would be lost. */
static int32_t leave_what_is_granted(void *arg)
{
    struct rv_semaphore_acquire acquire;
    int result;

    (void)arg;
    rv_semaphore_acquire_init(&acquire, &none_left, 1);
    result = give_up(&acquire.future);
    rv_semaphore_release(&none_left, 1);
    return result;
}

static int32_t leave_no_waiter(void *arg)
{
    static struct rv_notified outside;
    struct rv_semaphore_acquire acquire;
    struct rv_mutex_lock lock;
    struct rv_notified notified;

    (void)arg;
    rv_semaphore_acquire_init(&acquire, &none_left, 1);
    rv_mutex_lock_init(&lock, &locked);
    rv_notified_init(&notified, &silent);
    rv_notified_init(&outside, &silent);
    if (give_up(&acquire.future) || give_up(&lock.future) ||
        give_up(&notified.future) || give_up(&outside.future))
        return -1;
    rv_drop(&lock.future);
    rv_semaphore_release(&none_left, 1);
    rv_notify_all(&silent);
    rv_drop(&notified.future);
    return rv_await_and_drop(&acquire.future, RV_NEVER);
}

RV_TEST(coro_frames, what_waits_for_its_turn)
{
    static const char text[] = "what waits for a semaphore, a mutex or";

    init_sync();
    aborts(leave_an_acquire, text);
    aborts(leave_a_lock, text);
    aborts(leave_a_notified, text);
    aborts(leave_what_is_granted, text);
    aborts_in_task(leave_an_acquire, text);
    aborts_in_task(leave_a_notified, text);
    cr_assert_eq(rv_run(leave_no_waiter, NULL), 0);
    cr_assert_eq(run_tasks(leave_no_waiter), 0);
}

/* --- operations ----------------------------------------------------------- */

static int gate[2]; /* a pipe: what reads from it waits until it is opened */

static void open_gate(void)
{
    close(gate[1]);
    gate[1] = -1;
}

static int32_t wait_at_gate(void *arg)
{
    char byte;

    (void)arg;
    return (int32_t)read(gate[0], &byte, 1);
}

static int32_t wait_at_gate_cpu(void *state, void *result)
{
    (void)result;
    return wait_at_gate(state);
}

static void init_cpu(struct rv_cpu *cpu)
{
    static const struct rv_callable_ops ops = {.name = "gate",
                                               .call = wait_at_gate_cpu};
    struct rv_callable *callable;

    if (rv_callable_new(&callable, &ops, NULL) == 0)
        rv_cpu_init(cpu, callable);
}

static void init_ring_op(struct rv_ring_op *op)
{
    static char byte;
    const struct rv_ring_call call = {.opcode = IORING_OP_READ,
                                      .fd = gate[0],
                                      .addr = rv_ring_addr(&byte),
                                      .len = 1};

    rv_ring_op_init(op, &call, NULL, NULL);
}

static int32_t leave_a_blocking_call(void *arg)
{
    struct rv_blocking blocking;

    (void)arg;
    rv_blocking_init(&blocking, wait_at_gate, NULL, NULL);
    return give_up(&blocking.future);
}

static int32_t leave_a_cpu_call(void *arg)
{
    struct rv_cpu cpu;

    (void)arg;
    init_cpu(&cpu);
    return give_up(&cpu.future);
}

static int32_t leave_a_ring_op(void *arg)
{
    struct rv_ring_op op;

    (void)arg;
    init_ring_op(&op);
    return give_up(&op.future);
}

static int32_t leave_a_file_op(void *arg)
{
    struct rv_file_op op;
    struct rv_file *file;
    struct rv_buf *buf = rv_buf_new(1);

    (void)arg;
    if (rv_file_adopt(&file, gate[0]))
        return -1;
    rv_file_read_init(&op, file, buf, RV_FILE_POSITION);
    return give_up(&op.future);
}

static int32_t leave_no_operation(void *arg)
{
    static struct rv_blocking outside;
    struct rv_blocking blocking, ended;
    struct rv_file *file;
    struct rv_buf *buf = rv_buf_new(1);
    struct rv_buf *other = rv_buf_new(1);
    struct rv_file_op op, read;
    struct rv_cpu cpu;
    int result;

    (void)arg;
    if (rv_file_adopt(&file, dup(gate[0])))
        return -1;
    rv_file_read_init(&op, file, buf, RV_FILE_POSITION);
    rv_file_read_init(&read, file, other, RV_FILE_POSITION);
    rv_blocking_init(&blocking, wait_at_gate, NULL, NULL);
    rv_blocking_init(&ended, wait_at_gate, NULL, NULL);
    rv_blocking_init(&outside, wait_at_gate, NULL, NULL);
    init_cpu(&cpu);
    if (give_up(&op.future) || give_up(&blocking.future) ||
        give_up(&ended.future) || give_up(&outside.future) ||
        give_up(&cpu.future))
        return -1;
    rv_drop(&op.future);
    if (give_up(&read.future))
        return -1;
    rv_drop(&blocking.future);
    rv_drop(&cpu.future);
    open_gate();
    result = rv_await_until(&ended.future, RV_NEVER);
    if (!result)
        result = rv_await_until(&read.future, RV_NEVER);
    rv_file_put(file);
    rv_buf_put(other);
    rv_buf_put(buf);
    return result ? result : rv_await_until(&outside.future, RV_NEVER);
}

static int32_t leave_no_ring_op(void *arg)
{
    struct rv_ring_op dropped, ended;
    int result;

    (void)arg;
    init_ring_op(&dropped);
    init_ring_op(&ended);
    result = give_up(&dropped.future);
    rv_drop(&dropped.future);
    if (!result)
        result = give_up(&ended.future);
    open_gate();
    return result ? result : rv_await_until(&ended.future, RV_NEVER);
}

static const char operation[] = "an operation of a ring, a file or a pool";

RV_TEST(coro_frames, a_call_on_a_pool_or_of_a_file)
{
    cr_assert_eq(pipe(gate), 0);
    aborts(leave_a_blocking_call, operation);
    aborts(leave_a_cpu_call, operation);
    aborts(leave_a_file_op, operation);
    aborts_in_task(leave_a_blocking_call, operation);
    aborts_in_task(leave_a_file_op, operation);
    cr_assert_eq(rv_run(leave_no_operation, NULL), 0);
    close(gate[0]);
}

RV_TEST(coro_frames, an_operation_of_the_ring)
{
    if (!machine_wants_ring())
        cr_skip_test("%s", machine_why_no_ring());
    cr_assert_eq(pipe(gate), 0);
    aborts(leave_a_ring_op, operation);
    aborts_in_task(leave_a_ring_op, operation);
    cr_assert_eq(rv_run(leave_no_ring_op, NULL), 0);
    close(gate[0]);
}
