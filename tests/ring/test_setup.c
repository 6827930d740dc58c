/* SPDX-License-Identifier: MIT */
/*
 * test_setup.c - a ring uses the best setup flags that the machine supports.
 *
 * Threads: the test's, and the reactor's.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "ring/rings.h"

RV_TEST_SUITE(ring_setup);

/* The first set from `from` on that this kernel accepts. */
static uint32_t best_setup(uint32_t from)
{
    while (from < MACHINE_SETUPS && !machine_has_setup(from))
        from++;
    cr_assert_lt(from, MACHINE_SETUPS);
    return from;
}

RV_TEST(ring_setup, from_each_setup_down_the_best_that_the_kernel_takes)
{
    struct rv_queues queues;

    if (!machine_wants_ring())
        cr_skip_test("%s", machine_why_no_ring());
    for (uint32_t i = 0; i < MACHINE_SETUPS; i++) {
        rv_queues_start_at_setup(i);
        cr_assert_eq(rv_queues_open(&queues, 4), 0);
        cr_assert_eq(queues.setup_flags, machine_setup(best_setup(i)), "%u", i);
        rv_queues_close(&queues);
    }
}

/* What a runtime opens, unless the test run asks for other setup flags. */
RV_TEST(ring_setup, a_runtime_begins_with_the_best)
{
    const char *setup = getenv("RV_TEST_SETUP");
    struct rv_runtime *runtime = ring_start(0);
    const uint32_t first = setup ? (uint32_t)atoi(setup) : 0;

    cr_assert_eq(rv_runtime_ring(runtime)->queues.setup_flags,
                 machine_setup(best_setup(first)));
    rv_runtime_stop(runtime);
}

/* An executor that checks for completions itself does not need the eventfd,
 * whose every write would wake the reactor. */
RV_TEST(ring_setup, while_the_executor_looks_the_kernel_is_quiet)
{
    const struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_runtime *runtime = ring_start(0);
    struct rv_ring *ring = rv_runtime_ring(runtime);
    eventfd_t writes;

    if (getenv("RV_TEST_SETUP")) {
        rv_runtime_stop(runtime);
        cr_skip_test("this run takes a set-up of its own (RV_TEST_SETUP)");
    }
    if (!machine_has_quiet_ring()) {
        rv_runtime_stop(runtime);
        cr_skip_test("no io_uring here that can be told to be quiet");
    }
    for (int i = 0; i < 100; i++) {
        struct rv_ring_op op;

        rv_ring_op_init(&op, &nop, NULL, NULL);
        cr_assert_eq(await(runtime, &op.future), 0);
    }
    cr_assert_eq(ring->completed, 100);
    cr_assert_eq(eventfd_read(ring->event_fd, &writes), -1);
    cr_assert_eq(errno, EAGAIN);
    rv_runtime_stop(runtime);
}

/* A child that had the queues could write entries in the parent's name. */
static int look_for_queues(const struct rv_queues *queues)
{
    unsigned char page;
    int status = 0;
    const pid_t child = fork();

    if (child == 0)
        _exit(mincore(queues->rings, 1, &page) == 0 ||
              mincore(queues->sqes, 1, &page) == 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

RV_TEST(ring_setup, a_child_does_not_have_the_queues)
{
    struct rv_runtime *runtime = ring_start(0);
    struct rv_ring *ring = rv_runtime_ring(runtime);
    unsigned char page;

    cr_assert_eq(mincore(ring->queues.rings, 1, &page), 0);
    cr_assert_eq(look_for_queues(&ring->queues), 0);
    rv_runtime_stop(runtime);
}

/* --- every operation there is ------------------------------------------ */

RV_TEST(ring_setup, it_is_refused_where_the_kernel_has_none)
{
    struct rv_queues queues;
    const int error = rv_queues_open(&queues, 4);

    cr_assert_eq(error == 0, machine_has_ring(), "%d", error);
    if (error == 0)
        rv_queues_close(&queues);
}
