/* SPDX-License-Identifier: MIT */
/*
 * test_batch.c - the system calls that the ring needs, and the rings of several
 * executors.
 *
 * Threads: the test's; executors of their own.
 */
#include "ring/rings.h"

#include <pthread.h>
#include <reveil/combine.h>

RV_TEST_SUITE(batch);

static uint32_t calls;

static int counted_enter(int fd, uint32_t count, uint32_t wait_for,
                         uint32_t flags)
{
    calls++;
    return rv_queues_enter_kernel(fd, count, wait_for, flags);
}

RV_TEST(batch, what_is_polled_together_is_submitted_together)
{
    enum { OPS = 64 };
    struct rv_runtime *runtime = ring_start(0);
    struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_ring_op ops[OPS];
    struct rv_future *list[OPS];
    struct rv_all all;

    for (int i = 0; i < OPS; i++) {
        rv_ring_op_init(&ops[i], &nop, NULL, NULL);
        list[i] = &ops[i].future;
    }
    rv_all_init(&all, list, OPS);
    rv_queues_hook_enter(counted_enter);
    cr_assert_eq(await(runtime, &all.future), 0);
    cr_assert_leq(calls, 2, "%u calls for 64 operations", calls);
    rv_queues_hook_enter(NULL);
    rv_runtime_stop(runtime);
}

/* --- several executors, one reactor ------------------------------------ */

enum { THREADS = 3, BYTES_EACH = 300 };

struct other {
    pthread_t thread;
    struct rv_reactor *reactor;
    struct pipe pipe;
    int errors;
};

/* Each byte comes from another thread: the eventfds wake the right
 * executors. */
static void *other_main(void *arg)
{
    struct other *other = arg;
    struct rv_executor *executor;
    struct rv_ring *ring;

    other->errors += rv_executor_new(&executor) != 0;
    rv_reactor_enter(other->reactor);
    other->errors += rv_ring_new(&ring, executor, other->reactor, NULL) != 0;
    rv_ring_enter(ring);
    for (int i = 0; i < BYTES_EACH; i++) {
        char data;
        struct rv_ring_call call = read_call(other->pipe.reader, &data, 1);
        struct rv_ring_op op;

        rv_ring_op_init(&op, &call, NULL, NULL);
        other->errors += rv_test_block_on(executor, &op.future) != 1;
    }
    rv_executor_free(executor);
    rv_ring_free(ring);
    rv_reactor_enter(NULL);
    return NULL;
}

/* With a reactor on its own thread: a fused one is served only when its own
 * executor checks epoll. */
RV_TEST(batch, each_executor_has_a_ring_of_its_own)
{
    struct other others[THREADS] = {{0}};
    struct rv_runtime *runtime;

    unsetenv("RV_TEST_REACTOR");
    runtime = ring_start(0);
    for (int t = 0; t < THREADS; t++) {
        others[t].reactor = rv_runtime_reactor(runtime);
        pipe_open(&others[t].pipe);
        pthread_create(&others[t].thread, NULL, other_main, &others[t]);
    }
    for (int i = 0; i < BYTES_EACH; i++)
        for (int t = 0; t < THREADS; t++)
            cr_assert_eq(write(others[t].pipe.writer, "x", 1), 1);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(others[t].thread, NULL);
        cr_assert_eq(others[t].errors, 0);
        pipe_close(&others[t].pipe);
    }
    rv_runtime_stop(runtime);
}
