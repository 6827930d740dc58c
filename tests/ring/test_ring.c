/* SPDX-License-Identifier: MIT */
/*
 * test_ring.c - operations of the ring: done once, canceled when dropped, and
 * what they own is released when the kernel has completed them, not before.
 *
 * Threads: the test's.
 */
#include "ring/rings.h"

#include "support/failing_alloc.h"
#include <pthread.h>

RV_TEST_SUITE(ring);

/* --- one operation ----------------------------------------------------- */

RV_TEST(ring, a_result_is_the_completions)
{
    struct rv_runtime *runtime = ring_start(0);
    struct rv_ring_op op;
    struct pipe pipe;
    char data[8] = "";

    pipe_open(&pipe);
    rv_ring_op_init(&op, &(struct rv_ring_call){.opcode = IORING_OP_NOP}, NULL,
                    NULL);
    cr_assert_eq(await(runtime, &op.future), 0);
    struct rv_ring_call call = write_call(pipe.writer, "five", 5);
    rv_ring_op_init(&op, &call, NULL, NULL);
    cr_assert_eq(await(runtime, &op.future), 5);
    call = read_call(pipe.reader, data, sizeof data);
    rv_ring_op_init(&op, &call, NULL, NULL);
    cr_assert_eq(await(runtime, &op.future), 5);
    cr_assert_str_eq(data, "five");
    call = read_call(-1, data, sizeof data);
    rv_ring_op_init(&op, &call, NULL, NULL);
    cr_assert_eq(await(runtime, &op.future), -EBADF);

    rv_drop(&op.future);
    pipe_close(&pipe);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, it_serves_an_executor_and_is_found_where_it_was_entered)
{
    struct rv_runtime *runtime = ring_start(0);
    struct rv_ring *ring = rv_runtime_ring(runtime);
    struct rv_ring *before = rv_ring_current();

    cr_assert_eq(rv_ring_executor(ring), rv_runtime_executor(runtime));
    cr_assert_eq(rv_ring_enter(ring), before);
    cr_assert_eq(rv_ring_current(), ring);
    cr_assert_eq(rv_ring_enter(NULL), ring);
    cr_assert_null(rv_ring_current());
    rv_ring_enter(before);
    rv_runtime_stop(runtime);
}

/* Writes to a pipe after a while: the executor sleeps by then. */
struct late_write {
    struct rv_future future;
    struct rv_sleep nap;
    int fd;
};

static enum rv_poll late_write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct late_write *self =
        RV_CONTAINER_OF(future, struct late_write, future);

    if (rv_poll(&self->nap.future, cx) == RV_PENDING)
        return RV_PENDING;
    cr_assert_eq(write(self->fd, "x", 1), 1);
    return RV_READY;
}

static void late_write_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct late_write, future)->nap.future);
}

static void write_later(struct rv_runtime *runtime, int fd, int64_t ms)
{
    static const struct rv_future_ops ops = {
        .name = "late_write", .poll = late_write_poll, .drop = late_write_drop};
    struct late_write *late = rv_alloc(sizeof *late);

    rv_future_init(&late->future, &ops);
    rv_sleep_init(&late->nap, rv_after_ms(ms));
    late->fd = fd;
    cr_assert_eq(rv_spawn(rv_runtime_executor(runtime), &late->future, NULL),
                 0);
}

RV_TEST(ring, a_completion_wakes_an_executor_that_sleeps)
{
    struct rv_runtime *runtime = ring_start(0);
    struct pipe pipe;
    char data;

    pipe_open(&pipe);
    for (int i = 0; i < 20; i++) {
        struct rv_ring_call call = read_call(pipe.reader, &data, 1);
        struct rv_ring_op op;

        rv_ring_op_init(&op, &call, NULL, NULL);
        write_later(runtime, pipe.writer, i % 3);
        cr_assert_eq(await(runtime, &op.future), 1);
    }
    pipe_close(&pipe);
    rv_runtime_stop(runtime);
}

static void *write_from_outside(void *arg)
{
    rv_test_wait_for_sleep();
    cr_assert_eq(write(((struct pipe *)arg)->writer, "x", 1), 1);
    return NULL;
}

/* Only the eventfd can end this sleep: no timer is due, no task is ready. */
RV_TEST(ring, what_another_thread_does_wakes_it_too)
{
    struct rv_runtime *runtime = ring_start(0);
    struct pipe pipe;
    char data;

    pipe_open(&pipe);
    for (int i = 0; i < 10; i++) {
        struct rv_ring_call call = read_call(pipe.reader, &data, 1);
        struct rv_ring_op op;
        pthread_t thread;

        rv_ring_op_init(&op, &call, NULL, NULL);
        pthread_create(&thread, NULL, write_from_outside, &pipe);
        cr_assert_eq(rv_runtime_block_on(runtime, &op.future), 1);
        pthread_join(thread, NULL);
    }
    pipe_close(&pipe);
    rv_runtime_stop(runtime);
}

/* --- dropped ----------------------------------------------------------- */

RV_TEST(ring, never_polled_it_owns_nothing)
{
    struct rv_runtime *runtime = ring_start(0);
    struct released released = {0};
    struct rv_ring_call call = {.opcode = IORING_OP_NOP};
    struct rv_ring_op op;

    rv_ring_op_init(&op, &call, note_release, &released);
    rv_drop(&op.future);
    rv_drop(&op.future);
    cr_assert_eq(released.count, 0);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, dropped_in_flight_it_is_released_by_its_completion)
{
    struct rv_runtime *runtime = ring_start(0);
    struct released released = {0};
    struct rv_ring_op op;
    struct rv_probe probe;
    struct pipe pipe;
    char data;

    pipe_open(&pipe);
    rv_probe_init(&probe);
    struct rv_ring_call call = read_call(pipe.reader, &data, 1);
    rv_ring_op_init(&op, &call, note_release, &released);
    cr_assert_eq(poll_for(runtime, &op.future, &probe), RV_PENDING);
    hand_over(runtime);

    rv_drop(&op.future);
    rv_drop(&op.future);
    cr_assert_eq(released.count, 0, "the kernel has it still");
    settle(runtime);
    cr_assert_eq(released.count, 1);
    cr_assert_eq(released.result, -ECANCELED);
    cr_assert(!rv_probe_take(&probe), "no task is woken");

    rv_probe_fini(&probe);
    pipe_close(&pipe);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, dropped_when_done_it_is_released_with_its_result)
{
    struct rv_runtime *runtime = ring_start(0);
    struct released released = {0};
    struct rv_ring_op op;
    struct rv_probe probe;
    struct pipe pipe;
    char data;

    pipe_open(&pipe);
    rv_probe_init(&probe);
    cr_assert_eq(write(pipe.writer, "x", 1), 1);
    struct rv_ring_call call = read_call(pipe.reader, &data, 1);
    rv_ring_op_init(&op, &call, note_release, &released);
    cr_assert_eq(poll_for(runtime, &op.future, &probe), RV_PENDING);
    settle(runtime);
    cr_assert(rv_probe_take(&probe));

    rv_drop(&op.future);
    cr_assert_eq(released.count, 1);
    cr_assert_eq(released.result, 1);
    rv_probe_fini(&probe);
    pipe_close(&pipe);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, what_is_in_flight_at_the_end_is_drained)
{
    struct rv_runtime *runtime = ring_start(0);
    struct released released = {0};
    struct rv_ring_op dropped;
    struct rv_ring_op kept;
    struct rv_probe probe;
    struct pipe pipe;
    char data[2];

    pipe_open(&pipe);
    rv_probe_init(&probe);
    struct rv_ring_call call = read_call(pipe.reader, data, 1);
    rv_ring_op_init(&dropped, &call, note_release, &released);
    rv_ring_op_init(&kept, &call, note_release, &released);
    cr_assert_eq(poll_for(runtime, &dropped.future, &probe), RV_PENDING);
    cr_assert_eq(poll_for(runtime, &kept.future, &probe), RV_PENDING);
    rv_drop(&dropped.future);

    rv_runtime_stop(runtime);
    cr_assert_eq(released.count, 1);
    rv_drop(&kept.future);
    cr_assert_eq(released.count, 2, "a future may be dropped after the ring");
    cr_assert_eq(released.result, -ECANCELED);
    rv_probe_fini(&probe);
    pipe_close(&pipe);
}

/* --- room -------------------------------------------------------------- */

/* `count` reads of one byte each, then that many bytes, in a ring of `entries`:
 * more than fit. */
static void many_reads(uint32_t entries, int count)
{
    struct rv_runtime *runtime = ring_start(entries);
    struct rv_ring_op *ops = calloc((size_t)count, sizeof *ops);
    char *data = calloc(1, (size_t)count);
    struct rv_probe probe;
    struct pipe pipe;
    int sum = 0;

    pipe_open(&pipe);
    rv_probe_init(&probe);
    for (int i = 0; i < count; i++) {
        struct rv_ring_call call = read_call(pipe.reader, &data[i], 1);

        rv_ring_op_init(&ops[i], &call, NULL, NULL);
        cr_assert_eq(poll_for(runtime, &ops[i].future, &probe), RV_PENDING);
    }
    cr_assert_eq(rv_ring_in_flight(rv_runtime_ring(runtime)), (uint32_t)count);
    for (int i = 0; i < count; i++)
        cr_assert_eq(write(pipe.writer, "\1", 1), 1);
    for (int i = 0; i < count; i++) {
        cr_assert_eq(await(runtime, &ops[i].future), 1);
        sum += data[i];
    }
    cr_assert_eq(sum, count);
    rv_probe_fini(&probe);
    pipe_close(&pipe);
    free(data);
    free(ops);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, four_entries_serve_a_thousand_operations)
{
    many_reads(4, 1000);
}

RV_TEST(ring, as_four_thousand_do)
{
    many_reads(4096, 1000);
}

/* OPS-3, OPS-4: reads that never complete occupy every slot, and more are
 * pending. */
static void drop_all_of_a_full_ring(uint32_t entries, int count)
{
    struct rv_runtime *runtime = ring_start(entries);
    struct rv_ring_op *ops = calloc((size_t)count, sizeof *ops);
    struct released released = {0};
    struct rv_probe probe;
    struct pipe pipe;
    char data;

    pipe_open(&pipe);
    rv_probe_init(&probe);
    for (int i = 0; i < count; i++) {
        struct rv_ring_call call = read_call(pipe.reader, &data, 1);

        rv_ring_op_init(&ops[i], &call, note_release, &released);
        cr_assert_eq(poll_for(runtime, &ops[i].future, &probe), RV_PENDING);
    }
    for (int i = 0; i < count; i++)
        rv_drop(&ops[i].future);
    settle(runtime);
    cr_assert_eq(released.count, count);
    rv_probe_fini(&probe);
    pipe_close(&pipe);
    free(ops);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, a_full_ring_can_cancel_what_fills_it)
{
    drop_all_of_a_full_ring(4, 100);
}

RV_TEST(ring, a_ring_with_room_too)
{
    drop_all_of_a_full_ring(4096, 100);
}

/* --- linked ------------------------------------------------------------ */

RV_TEST(ring, the_second_of_a_chain_follows_the_first)
{
    struct rv_runtime *runtime = ring_start(4);
    struct pipe pipe;
    char data = 0;

    pipe_open(&pipe);
    struct rv_ring_call put = write_call(pipe.writer, "x", 1);
    struct rv_ring_call get = read_call(pipe.reader, &data, 1);
    for (int i = 0; i < 100; i++) {
        struct rv_ring_op first;
        struct rv_ring_op second;

        rv_ring_op_init(&first, &put, NULL, NULL);
        rv_ring_op_init(&second, &get, NULL, NULL);
        rv_ring_link(&first, &second);
        cr_assert_eq(await(runtime, &first.future), 1);
        cr_assert_eq(await(runtime, &second.future), 1);
    }
    cr_assert_eq(data, 'x');
    pipe_close(&pipe);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, the_second_of_a_chain_that_failed_is_canceled)
{
    struct rv_runtime *runtime = ring_start(4);
    struct rv_ring_call bad = write_call(-1, "x", 1);
    struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_ring_op first;
    struct rv_ring_op second;

    rv_ring_op_init(&first, &bad, NULL, NULL);
    rv_ring_op_init(&second, &nop, NULL, NULL);
    rv_ring_link(&first, &second);
    cr_assert_eq(await(runtime, &first.future), -EBADF);
    cr_assert_eq(await(runtime, &second.future), -ECANCELED);
    rv_runtime_stop(runtime);
}

/* OPS-6: the second read starts when the first has completed, after both were
 * dropped. Neither stays in flight. */
RV_TEST(ring, a_dropped_chain_leaves_nothing_in_flight)
{
    struct rv_runtime *runtime = ring_start(4);
    struct rv_probe probe;
    struct pipe pipe;
    char data[2];

    rv_probe_init(&probe);
    for (int i = 0; i < 200; i++) {
        struct released released = {0};
        struct rv_ring_op first;
        struct rv_ring_op second;

        pipe_open(&pipe);
        struct rv_ring_call call = read_call(pipe.reader, &data[0], 1);
        rv_ring_op_init(&first, &call, note_release, &released);
        call = read_call(pipe.reader, &data[1], 1);
        rv_ring_op_init(&second, &call, note_release, &released);
        rv_ring_link(&first, &second);
        cr_assert_eq(poll_for(runtime, &first.future, &probe), RV_PENDING);
        if (i % 2)
            hand_over(runtime);
        cr_assert_eq(write(pipe.writer, "x", 1), 1);
        rv_drop(&second.future);
        rv_drop(&first.future);
        settle(runtime);
        cr_assert_eq(released.count, 2);
        pipe_close(&pipe);
    }
    rv_probe_fini(&probe);
    rv_runtime_stop(runtime);
}

/* --- without a future -------------------------------------------------- */

RV_TEST(ring, an_operation_without_a_future_calls_back)
{
    struct rv_runtime *runtime = ring_start(4);
    struct released released = {0};
    struct rv_ring_call nop = {.opcode = IORING_OP_NOP};

    for (int i = 0; i < 50; i++)
        cr_assert_eq(rv_ring_start(rv_runtime_ring(runtime), &nop, note_release,
                                   &released),
                     0);
    settle(runtime);
    cr_assert_eq(released.count, 50);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, nor_is_it_left_at_the_end)
{
    struct rv_runtime *runtime = ring_start(4);
    struct released released = {0};
    struct pipe pipe;
    char data;

    pipe_open(&pipe);
    struct rv_ring_call call = read_call(pipe.reader, &data, 1);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(rv_ring_start(rv_runtime_ring(runtime), &call,
                                   note_release, &released),
                     0);
    rv_runtime_stop(runtime);
    cr_assert_eq(released.count, 50);
    cr_assert_eq(released.result, -ECANCELED);
    pipe_close(&pipe);
}

/* --- no ring ----------------------------------------------------------- */

RV_TEST(ring, switched_off_it_says_so)
{
    struct rv_runtime_options options = {.ring.off = true};
    struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_runtime *runtime;
    struct rv_ring_op op;

    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    rv_ring_op_init(&op, &nop, NULL, NULL);
    cr_assert_eq(await(runtime, &op.future), -EOPNOTSUPP);
    cr_assert_eq(rv_ring_open(rv_runtime_ring(runtime)), -EOPNOTSUPP);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, the_environment_does_not_switch_it_off)
{
    struct rv_runtime *runtime;
    int with;
    int without;

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    without = rv_ring_open(rv_runtime_ring(runtime));
    rv_runtime_stop(runtime);
    setenv("RV_DISK", "pool", 1);
    cr_assert_eq(rv_runtime_start(&runtime), 0);
    with = rv_ring_open(rv_runtime_ring(runtime));
    rv_runtime_stop(runtime);
    unsetenv("RV_DISK");
    cr_assert_eq(with, without);
}

RV_TEST(ring, a_future_of_another_executor_does_not_use_it)
{
    struct rv_runtime *runtime = ring_start(0);
    struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_executor *other;
    struct rv_ring_op op;

    cr_assert_eq(rv_executor_new(&other), 0);
    rv_ring_op_init(&op, &nop, NULL, NULL);
    cr_assert_eq(rv_test_block_on(other, &op.future), -ENODEV);
    rv_executor_free(other);
    rv_runtime_stop(runtime);
}

/* --- costs and limits -------------------------------------------------- */

RV_TEST(ring, a_program_without_files_pays_no_descriptor)
{
    struct rv_runtime *runtime;
    struct rv_yield yield;
    uint32_t fds;

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    fds = rv_test_fds();
    rv_yield_init(&yield);
    cr_assert_eq(await(runtime, &yield.future), 0);
    cr_assert_eq(rv_test_fds(), fds);
    rv_runtime_stop(runtime);
}

RV_TEST(ring, a_thousand_runtimes_leave_nothing)
{
    for (int i = 0; i < 1000; i++) {
        struct rv_runtime *runtime = ring_start(4);
        struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
        struct rv_ring_op op;

        rv_ring_op_init(&op, &nop, NULL, NULL);
        cr_assert_eq(await(runtime, &op.future), 0);
        rv_runtime_stop(runtime);
    }
}

static int two_linked(void *arg)
{
    struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_runtime *runtime;
    struct rv_ring_op first;
    struct rv_ring_op second;
    int result = rv_runtime_start(&runtime);

    (void)arg;
    if (result)
        return result;
    rv_ring_op_init(&first, &nop, NULL, NULL);
    rv_ring_op_init(&second, &nop, NULL, NULL);
    rv_ring_link(&first, &second);
    result = rv_runtime_block_on(runtime, &first.future);
    if (!result)
        result = rv_runtime_block_on(runtime, &second.future);
    rv_drop(&first.future);
    rv_drop(&second.future);
    rv_runtime_stop(runtime);
    return result;
}

RV_TEST(ring, without_memory_it_is_an_error_and_nothing_is_left)
{
    rv_runtime_stop(ring_start(0)); /* or skip */
    cr_assert_gt(rv_fail_each_alloc_strictly(two_linked, NULL), 5);
}
