/* SPDX-License-Identifier: MIT */
/*
 * test_stop.c - how the CPU pool ends, and what it does without resources.
 *
 * Threads: the test's, the reactor's and the pool threads.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/resource.h>

#include "cpu/cpu_internal.h"
#include "cpu/jobs.h"
#include "support/failing_alloc.h"
#include "support/machine.h"
#include "support/take_away.h"

RV_TEST_SUITE(cpu_stop);

/* A pool in addition to the runtime's, for a test that stops it. */
static struct rv_cpu_pool *new_pool(struct rv_runtime *runtime)
{
    const struct rv_cpu_options options = {.threads = 1};
    struct rv_cpu_pool *pool;

    cr_assert_eq(rv_cpu_pool_new(&pool, rv_runtime_executor(runtime), &options),
                 0);
    rv_cpu_enter(pool);
    return pool;
}

RV_TEST(cpu_stop, it_waits_for_what_runs_and_cancels_the_rest)
{
    enum { JOBS = 20 };

    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 1);
        struct rv_cpu_pool *pool = new_pool(runtime);
        struct rv_probe probe;
        struct rv_cpu cpus[JOBS];
        struct gate gate;

        gate_init(&gate);
        rv_probe_init(&probe);
        for (int i = 0; i < JOBS; i++) {
            rv_cpu_init(&cpus[i], new_gate_call(&gate));
            poll_once(runtime, &cpus[i], &probe);
        }
        gate_wait(&gate);
        gate_open(&gate, JOBS);
        cr_assert_eq(rv_cpu_pool_stop(pool, rv_after_ms(RV_TEST_WAIT_MS)), 0);
        for (int i = 0; i < JOBS; i++) {
            int result = block_on(runtime, &cpus[i].future);

            cr_assert(i ? result == -ECANCELED || result == i + 1
                        : result == 1);
            rv_drop(&cpus[i].future);
        }
        cr_assert_eq(gate.drops, JOBS);
        rv_probe_fini(&probe);
        rv_runtime_stop(runtime);
        gate_fini(&gate);
    }
}

RV_TEST(cpu_stop, it_gives_up_at_its_deadline)
{
    for (int way = 0; way < WAYS; way++) {
        const uint32_t threads = rv_test_threads();
        struct rv_runtime *runtime = start_jobs(way, 1);
        struct rv_cpu_pool *pool = new_pool(runtime);
        struct rv_callable *callable;
        struct rv_probe probe;
        struct rv_cpu cpu;
        struct gate gate;

        gate_init(&gate);
        rv_probe_init(&probe);
        callable = new_gate_call(&gate);
        rv_cpu_init(&cpu, callable);
        poll_once(runtime, &cpu, &probe);
        gate_wait(&gate);
        cr_assert_eq(rv_cpu_pool_stop(pool, rv_after_ms(2)), -ETIMEDOUT);
        cr_assert_eq(block_on(runtime, &cpu.future), -ECANCELED);
        rv_drop(&cpu.future);
        cr_assert_eq(gate.drops, 0, "the call still has its state");
        gate_open(&gate, 1);
        rv_probe_fini(&probe);
        rv_runtime_stop(runtime);
        rv_test_wait_for_threads(threads);
        rv_callable_put(callable); /* abandoned by the pool, it belongs to the
                                      pool thread */
        cr_assert_eq(gate.drops, 1);
        gate_fini(&gate);
    }
}

RV_TEST(cpu_stop, tasks_that_wait_are_dropped_with_the_executor)
{
    enum { JOBS = 4000 };

    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 2);
        struct crowd crowd;
        struct rv_yield yield;
        struct gate gate;

        gate_init(&gate);
        crowd_init(&crowd);
        for (int i = 0; i < JOBS; i++)
            add_one(runtime, &crowd, new_gate_call(&gate));
        rv_yield_init(&yield);
        cr_assert_eq(block_on(runtime, &yield.future), 0);
        gate_open(&gate, JOBS);
        rv_runtime_stop(runtime);
        cr_assert_lt(gate.calls, JOBS);
        cr_assert_eq(gate.drops, JOBS);
        gate_fini(&gate);
    }
}

static void start_and_stop(int way)
{
    struct rv_runtime *runtime = start_jobs(way, 2);
    struct rv_cpu cpu;

    rv_cpu_init(&cpu, new_sum(1, 2));
    cr_assert_eq(block_on(runtime, &cpu.future), 3);
    rv_drop(&cpu.future);
    rv_runtime_stop(runtime);
}

RV_TEST(cpu_stop, a_hundred_starts_and_stops_leave_nothing)
{
    for (int way = 0; way < WAYS; way++) {
        for (int i = 0; i < 100; i++)
            start_and_stop(way);
    }
}

/* --- what goes wrong --------------------------------------------------- */

static int sum_of(struct rv_runtime *runtime, int32_t a, int32_t b)
{
    struct rv_cpu cpu;
    int result;

    rv_cpu_init(&cpu, new_sum(a, b));
    result = rv_runtime_block_on(runtime, &cpu.future);
    rv_drop(&cpu.future);
    return result;
}

static void take_threads_away(void)
{
    take_away(SYS_clone, EAGAIN);
    take_away(SYS_clone3, EAGAIN);
}

static int second_without_clone(void)
{
    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 4);
        struct crowd crowd;

        CHILD_CHECK(sum_of(runtime, 1, 1) == 2);
        if (way == WAYS - 1) /* so that no other runtime starts */
            take_threads_away();
        crowd_init(&crowd);
        for (int i = 0; i < 100; i++)
            add_one(runtime, &crowd, new_sum(i, 1));
        CHILD_CHECK(rv_runtime_block_on(runtime, &crowd.future) == 0);
        CHILD_CHECK(rv_cpu_threads(rv_cpu_current()) == 1 || way < WAYS - 1);
        rv_drop(&crowd.future);
        rv_runtime_stop(runtime);
    }
    return 0;
}

RV_TEST(cpu_stop, where_clone_fails_the_threads_there_are_do_it)
{
    in_child(second_without_clone);
}

static int none_without_clone(void)
{
    struct rv_runtime *runtime = start_jobs(BY_REACTOR, 4);
    const uint32_t fds = rv_test_fds();

    take_threads_away();
    CHILD_CHECK(sum_of(runtime, 1, 2) == -EAGAIN);
    CHILD_CHECK(rv_test_fds() == fds);
    rv_runtime_stop(runtime);
    return 0;
}

RV_TEST(cpu_stop, where_not_one_thread_can_be_had_it_is_an_error)
{
    in_child(none_without_clone);
}

/* With room for this many more descriptors. */
static int sum_with_room(int way, rlim_t room)
{
    struct rv_runtime *runtime = start_jobs(way, 1);
    const int lowest_free = dup(STDERR_FILENO);
    struct rlimit limit;
    struct rlimit tight;
    int result;

    close(lowest_free);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    tight = (struct rlimit){(rlim_t)lowest_free + room, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
    result = sum_of(runtime, 1, 2);
    setrlimit(RLIMIT_NOFILE, &limit);
    rv_runtime_stop(runtime);
    return result;
}

RV_TEST(cpu_stop, without_descriptors_it_is_an_error_and_nothing_is_left)
{
    for (int way = 0; way < WAYS; way++) {
        rlim_t room = 0;

        cr_assert_eq(sum_with_room(way, room), -EMFILE);
        while (sum_with_room(way, ++room) == -EMFILE)
            cr_assert_lt(room, 100);
        cr_assert_eq(sum_with_room(way, room), 3);
    }
}

RV_TEST(cpu_stop, there_may_be_a_thread_for_each_cpu)
{
    struct rv_runtime *runtime;

    if (machine_cpus() == 0 || machine_cpus() > RV_CPU_THREADS_MAX)
        cr_skip_test("more CPUs than pool threads");
    cr_assert_eq(rv_runtime_start(&runtime), 0);
    cr_assert_eq(sum_of(runtime, 1, 2), 3);
    cr_assert_eq(rv_cpu_current()->max_threads, machine_cpus());
    rv_runtime_stop(runtime);
}

/* The one pool thread takes a few of them. */
RV_TEST(cpu_stop, what_no_thread_takes_goes_into_the_queue_pipe)
{
    enum { JOBS = 40 };
    struct rv_runtime *runtime = start_jobs(BY_REACTOR, 1);
    const struct rv_cpu_class *class =
        &rv_cpu_current()->classes[machine_has_assembly() ? 0 : 1];
    struct rv_cpu jobs[JOBS];
    struct rv_probe probe;

    rv_probe_init(&probe);
    for (int i = 0; i < JOBS; i++) {
        rv_cpu_init(&jobs[i], new_sum(i, 1));
        poll_once(runtime, &jobs[i], &probe);
    }
    cr_assert_eq(class->queued + class->in_flight, JOBS);
    cr_assert_gt(class->queued, 0);
    for (int i = 0; i < JOBS; i++) {
        cr_assert_eq(block_on(runtime, &jobs[i].future), i + 1);
        rv_drop(&jobs[i].future);
    }
    rv_probe_fini(&probe);
    rv_runtime_stop(runtime);
}

/* The one pool thread, and no descriptor for the queue pipe: all jobs wait in
 * the list. */
RV_TEST(cpu_stop, without_a_queue_pipe_all_are_run)
{
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 1);
        struct rlimit tight = {3, limit.rlim_max};
        struct crowd crowd;

        cr_assert_eq(sum_of(runtime, 1, 2), 3);
        crowd_init(&crowd);
        for (int i = 0; i < 1000; i++)
            add_one(runtime, &crowd, new_sum(i, 1));
        setrlimit(RLIMIT_NOFILE, &tight);
        wait_for_all(runtime, &crowd);
        setrlimit(RLIMIT_NOFILE, &limit);
        rv_runtime_stop(runtime);
    }
}

static void begin_gate_call(struct rv_runtime *runtime, struct rv_cpu *cpu,
                            struct gate *gate, const struct rv_probe *probe)
{
    rv_cpu_init(cpu, new_gate_call(gate));
    poll_once(runtime, cpu, probe);
}

/* CPU_CLASS-3: its completions cannot include jobs from before its start. */
RV_TEST(cpu_stop, a_thread_that_comes_late_takes_what_is_queued)
{
    enum { JOBS = 20 };
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 2);
        struct rlimit tight = {3, limit.rlim_max};
        struct rv_cpu cpus[JOBS];
        struct rv_probe probe;
        struct gate gate;
        struct pollfd entered;

        gate_init(&gate);
        rv_probe_init(&probe);
        begin_gate_call(runtime, &cpus[0], &gate, &probe);
        gate_wait(&gate);
        setrlimit(RLIMIT_NOFILE, &tight);
        for (int i = 1; i < JOBS - 1; i++)
            begin_gate_call(runtime, &cpus[i], &gate, &probe);
        setrlimit(RLIMIT_NOFILE, &limit);
        begin_gate_call(runtime, &cpus[JOBS - 1], &gate, &probe);
        cr_assert_eq(rv_cpu_threads(rv_cpu_current()), 2);
        entered = (struct pollfd){.fd = gate.entered[0], .events = POLLIN};
        cr_assert_eq(poll(&entered, 1, RV_TEST_WAIT_MS / WAYS), 1);
        gate_open(&gate, JOBS);
        for (int i = 0; i < JOBS; i++) {
            cr_assert_gt(block_on(runtime, &cpus[i].future), 0);
            rv_drop(&cpus[i].future);
        }
        rv_probe_fini(&probe);
        rv_runtime_stop(runtime);
        gate_fini(&gate);
    }
}

/* COMPLETION-2: the reads of idle pool threads would fill a ring of four
 * entries permanently. */
RV_TEST(cpu_stop, many_threads_leave_a_small_ring_to_others)
{
    const struct rv_runtime_options options = {.ring.entries = 4,
                                               .cpu.threads = 8};
    const struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_runtime *runtime;
    struct rv_ring_op op;
    struct crowd crowd;

    if (!machine_wants_ring())
        cr_skip_test("no io_uring on this machine, or not wanted");
    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    crowd_init(&crowd);
    for (int i = 0; i < 2000; i++)
        add_one(runtime, &crowd, new_sum(i, 1));
    wait_for_all(runtime, &crowd);
    rv_ring_op_init(&op, &nop, NULL, NULL);
    cr_assert_eq(block_on(runtime, &op.future), 0);
    rv_drop(&op.future);
    rv_runtime_stop(runtime);
}

/* If the machine has io_uring, a ring of the usual size is used, and bare pool
 * threads for pure callables. */
RV_TEST(cpu_stop, a_ring_that_works_is_used)
{
    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 2);
        const bool by_ring = way == BY_RING || way == BY_RING_FUSED;

        cr_assert_eq(sum_of(runtime, 1, 2), 3);
        cr_assert_eq(rv_cpu_uses_ring(rv_cpu_current()),
                     by_ring && machine_wants_ring());
        cr_assert_eq(rv_cpu_current()->classes[0].count,
                     machine_has_assembly());
        cr_assert_eq(rv_cpu_current()->classes[1].count,
                     !machine_has_assembly());
        rv_runtime_stop(runtime);
    }
}

static int one_job(void *arg)
{
    static const struct rv_callable_ops ops = {
        .call = sum_call, .state_bytes = sizeof(struct sum)};
    const struct rv_runtime_options *options = arg;
    const struct sum sum = {1, -1};
    struct rv_runtime *runtime;
    struct rv_callable *callable;
    struct rv_cpu cpu;
    int result = rv_runtime_start_with(&runtime, options);

    if (result)
        return result;
    result = rv_callable_new(&callable, &ops, &sum);
    if (!result) {
        rv_cpu_init(&cpu, callable);
        result = rv_runtime_block_on(runtime, &cpu.future);
        rv_drop(&cpu.future);
    }
    rv_runtime_stop(runtime);
    return result;
}

RV_TEST(cpu_stop, without_memory_it_is_an_error_and_nothing_is_left)
{
    for (int way = BY_RING; way <= BY_REACTOR; way++) {
        struct rv_runtime_options options = {.ring.off = way == BY_REACTOR,
                                             .cpu.threads = 1};

        cr_assert_gt(rv_fail_each_alloc(one_job, &options), 8);
    }
}

/* The runtime's pool thread has started; then the kernel has no page for a
 * packet. */
static int job_without_a_page(void)
{
    struct rv_runtime *runtime = start_jobs(BY_REACTOR, 1);
    struct rv_cpu cpu;

    rv_cpu_init(&cpu, new_sum(1, 2));
    CHILD_CHECK(block_on(runtime, &cpu.future) == 3);
    rv_drop(&cpu.future);
    take_away(SYS_write, ENOMEM);
    for (int i = 0; i < 20; i++) {
        rv_cpu_init(&cpu, new_sum(1, 2));
        CHILD_CHECK(block_on(runtime, &cpu.future) == -ENOMEM);
        rv_drop(&cpu.future);
    }
    return 0;
}

RV_TEST(cpu_stop, a_job_that_no_pipe_takes_is_an_error)
{
    in_child(job_without_a_page);
}
