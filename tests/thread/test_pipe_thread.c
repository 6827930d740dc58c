/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_thread.c - jobs through pipes, to both kinds of pipe threads.
 *
 * Threads: the test's, and the pipe threads.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <reveil/pipe_thread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "support/failing_alloc.h"
#include "support/support.h"
#include "support/take_away.h"
#include "thread/pipe_thread_internal.h"
#include "thread/pure.h"

RV_TEST_SUITE(pipe_thread);

enum { KINDS = 2 };

static const enum rv_pipe_thread_kind kinds[KINDS] = {RV_PIPE_THREAD_BARE,
                                                      RV_PIPE_THREAD_PTHREAD};

static void start(struct rv_pipe_thread *thread, enum rv_pipe_thread_kind kind)
{
    cr_assert_eq(rv_pipe_thread_start(thread, kind), 0);
}

static void stop(struct rv_pipe_thread *thread)
{
    cr_assert_eq(rv_pipe_thread_stop(thread, rv_after_ms(RV_TEST_WAIT_MS)), 0);
}

/* Wait for a byte and read it. Returns: whether the pipe thread made the
 * call. */
static bool reap(struct rv_pipe_thread *thread)
{
    struct pollfd done = {.fd = rv_pipe_thread_done_fd(thread),
                          .events = POLLIN};
    bool ran;

    cr_assert_eq(poll(&done, 1, RV_TEST_WAIT_MS), 1);
    cr_assert_eq(rv_pipe_thread_reap(thread, &ran), 0);
    return ran;
}

/* --- jobs -------------------------------------------------------------- */

RV_TEST(pipe_thread, a_job_goes_in_and_its_byte_comes_out)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_callable *sum = new_sum(40, 2);
        struct rv_pipe_thread thread;
        bool ran;

        start(&thread, kinds[i]);
        cr_assert_eq(rv_pipe_thread_reap(&thread, &ran), -EAGAIN);
        cr_assert_eq(rv_pipe_thread_submit(&thread, sum), 0);
        cr_assert(reap(&thread));
        cr_assert_eq(sum->returned, 42);
        cr_assert_eq(rv_pipe_thread_reap(&thread, &ran), -EAGAIN);
        stop(&thread);
        rv_callable_put(sum);
    }
}

RV_TEST(pipe_thread, what_somebody_else_took_is_not_run)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_callable *sum = new_sum(40, 2);
        struct rv_pipe_thread thread;

        start(&thread, kinds[i]);
        cr_assert(rv_callable_take(sum));
        cr_assert_eq(rv_pipe_thread_submit(&thread, sum), 0);
        cr_assert_not(reap(&thread));
        cr_assert_eq(sum->returned, 0);
        stop(&thread);
        rv_callable_put(sum);
    }
}

/* Like an io_uring: read the byte with a read that blocks. */
RV_TEST(pipe_thread, somebody_else_may_read_the_bytes)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_callable *sum = new_sum(40, 2);
        struct rv_pipe_thread thread;
        char ran = 0;

        start(&thread, kinds[i]);
        rv_pipe_thread_take_done_fd(&thread);
        for (int job = 0; job < 2 * RV_PIPE_THREAD_CREDITS; job++) {
            cr_assert_eq(rv_pipe_thread_submit(&thread, sum), 0);
            cr_assert_eq(read(rv_pipe_thread_done_fd(&thread), &ran, 1), 1);
            cr_assert_eq(ran, job == 0); /* taken once */
            rv_pipe_thread_reaped(&thread);
        }
        cr_assert_eq(sum->returned, 42);
        stop(&thread);
        cr_assert_eq(close(rv_pipe_thread_done_fd(&thread)), 0);
        rv_callable_put(sum);
    }
}

static bool is_read(int pipe)
{
    int bytes = 1;

    for (int i = 0; i < RV_TEST_WAIT_MS && bytes > 0; i++) {
        cr_assert_eq(ioctl(pipe, FIONREAD, &bytes), 0);
        poll(NULL, 0, 1);
    }
    return bytes == 0;
}

/* PIPE_THREAD-7: a job that can have no completion is read all the same. */
RV_TEST(pipe_thread, jobs_are_read_when_the_bytes_are_not)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_callable *sum = new_sum(40, 2);
        struct rv_pipe_thread thread;

        start(&thread, kinds[i]);
        rv_pipe_thread_take_done_fd(&thread);
        close(rv_pipe_thread_done_fd(&thread));
        for (int job = 0; job < 3; job++) {
            cr_assert_eq(rv_pipe_thread_submit(&thread, sum), 0);
            cr_assert(is_read(thread.jobs_fd));
        }
        stop(&thread);
        rv_callable_put(sum);
    }
}

/* PIPE_THREAD-2: no slot in either pipe is counted twice. */
RV_TEST(pipe_thread, more_jobs_than_a_pipe_has_slots_are_refused)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_callable *jobs[RV_PIPE_THREAD_CREDITS + 1];
        struct rv_pipe_thread thread;
        struct gate gate;

        gate_init(&gate);
        start(&thread, kinds[i]);
        for (int j = 0; j <= RV_PIPE_THREAD_CREDITS; j++) {
            jobs[j] = new_gate_call(&gate);
            cr_assert_eq(rv_pipe_thread_submit(&thread, jobs[j]),
                         j < RV_PIPE_THREAD_CREDITS ? 0 : -EAGAIN);
        }
        gate_open(&gate, RV_PIPE_THREAD_CREDITS);
        for (int j = 0; j < RV_PIPE_THREAD_CREDITS; j++) {
            cr_assert(reap(&thread));
            cr_assert_eq(jobs[j]->returned, j + 1, "in order");
        }
        cr_assert_eq(thread.in_flight, 0);
        stop(&thread);
        for (int j = 0; j <= RV_PIPE_THREAD_CREDITS; j++)
            rv_callable_put(jobs[j]);
        gate_fini(&gate);
    }
}

/* Each byte is one job, also if all are read late. */
RV_TEST(pipe_thread, bytes_that_wait_are_read_one_by_one)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_callable *jobs[RV_PIPE_THREAD_CREDITS];
        struct rv_pipe_thread thread;

        start(&thread, kinds[i]);
        for (int round = 0; round < 200; round++) {
            for (int j = 0; j < RV_PIPE_THREAD_CREDITS; j++) {
                jobs[j] = new_sum(round, j);
                cr_assert_eq(rv_pipe_thread_submit(&thread, jobs[j]), 0);
            }
            for (int j = 0; j < RV_PIPE_THREAD_CREDITS; j++) {
                cr_assert(reap(&thread));
                cr_assert_eq(jobs[j]->returned, round + j);
                rv_callable_put(jobs[j]);
            }
        }
        stop(&thread);
    }
}

RV_TEST(pipe_thread, a_smaller_pipe_gives_fewer_credits)
{
    int ends[2];

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(rv_pipe_thread_credits(ends[1]), RV_PIPE_THREAD_CREDITS);
    cr_assert_gt(fcntl(ends[1], F_SETPIPE_SZ, 2 * sysconf(_SC_PAGESIZE)), 0);
    cr_assert_eq(rv_pipe_thread_credits(ends[1]), 2);
    close(ends[0]);
    close(ends[1]);
}

static void *touch_libc(void *unused)
{
    return unused;
}

static int32_t impure_call(void *state, void *result)
{
    (void)result;
    return touch_libc(state) != NULL;
}

static void give_a_bare_thread_an_impure_callable(void)
{
    static const struct rv_callable_ops ops = {.call = impure_call};
    struct rv_callable *callable;
    struct rv_pipe_thread thread;

    if (rv_pipe_thread_start(&thread, RV_PIPE_THREAD_BARE) == 0 &&
        rv_callable_new(&callable, &ops, NULL) == 0)
        rv_pipe_thread_submit(&thread, callable);
}

RV_TEST(pipe_thread, a_callable_that_is_not_pure_on_a_bare_thread_is_misuse)
{
    rv_test_aborts(give_a_bare_thread_an_impure_callable, "pure");
}

/* --- the end ----------------------------------------------------------- */

RV_TEST(pipe_thread, what_it_was_given_is_done_before_it_ends)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_callable *jobs[RV_PIPE_THREAD_CREDITS];
        struct rv_pipe_thread thread;

        start(&thread, kinds[i]);
        for (int j = 0; j < RV_PIPE_THREAD_CREDITS; j++) {
            jobs[j] = new_sum(j, 1);
            cr_assert_eq(rv_pipe_thread_submit(&thread, jobs[j]), 0);
        }
        stop(&thread);
        stop(&thread);
        for (int j = 0; j < RV_PIPE_THREAD_CREDITS; j++) {
            cr_assert_eq(jobs[j]->returned, j + 1);
            rv_callable_put(jobs[j]);
        }
    }
}

RV_TEST(pipe_thread, one_that_was_not_started_is_stopped_all_the_same)
{
    struct rv_pipe_thread thread = {.running = false};

    stop(&thread);
}

/* PIPE_THREAD-6: the pipe thread closes its ends itself, later. */
static void leave_one_alone(enum rv_pipe_thread_kind kind)
{
    const uint32_t threads = rv_test_threads();
    struct rv_callable *job;
    struct rv_pipe_thread thread;
    struct gate gate;

    gate_init(&gate);
    job = new_gate_call(&gate);
    start(&thread, kind);
    cr_assert_eq(rv_pipe_thread_submit(&thread, job), 0);
    gate_wait(&gate);
    cr_assert_eq(rv_pipe_thread_stop(&thread, rv_after_ms(2)), -ETIMEDOUT);
    gate_open(&gate, 1);
    rv_test_wait_for_threads(threads);
    cr_assert_eq(gate.calls, 1);
    rv_callable_put(job);
    gate_fini(&gate);
}

RV_TEST(pipe_thread, one_that_is_stuck_is_left_alone_at_the_deadline)
{
    for (int i = 0; i < KINDS; i++)
        leave_one_alone(kinds[i]);
}

/* A wait that blocks lasts as long by the real clock. */
RV_TEST(pipe_thread, also_while_the_clock_stands_still)
{
    rv_clock_freeze(1000 * RV_NS_PER_S);
    for (int i = 0; i < KINDS; i++)
        leave_one_alone(kinds[i]);
    rv_clock_thaw();
}

/* --- what goes wrong --------------------------------------------------- */

/* The number of the next descriptor. */
static rlim_t lowest_free(void)
{
    int fd = dup(STDERR_FILENO);

    close(fd);
    return (rlim_t)fd;
}

RV_TEST(pipe_thread, without_descriptors_it_is_an_error_and_nothing_is_left)
{
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (rlim_t room = 0; room < 4; room++) {
        struct rlimit tight = {lowest_free() + room, limit.rlim_max};
        uint32_t fds = rv_test_fds();

        for (int i = 0; i < KINDS; i++) {
            struct rv_pipe_thread thread;
            int error;

            setrlimit(RLIMIT_NOFILE, &tight);
            error = rv_pipe_thread_start(&thread, kinds[i]);
            setrlimit(RLIMIT_NOFILE, &limit);
            cr_assert_eq(error, -EMFILE);
            stop(&thread);
        }
        cr_assert_eq(rv_test_fds(), fds);
    }
}

static int third_without_clone(void)
{
    struct rv_pipe_thread threads[3];
    struct rv_callable *sum = new_sum(1, 2);
    const uint32_t fds = rv_test_fds();

    for (int i = 0; i < KINDS; i++)
        CHILD_CHECK(rv_pipe_thread_start(&threads[i], kinds[i]) == 0);
    take_away(SYS_clone, EAGAIN);
    take_away(SYS_clone3, EAGAIN);
    for (int i = 0; i < KINDS; i++) {
        CHILD_CHECK(rv_pipe_thread_start(&threads[2], kinds[i]) == -EAGAIN);
        CHILD_CHECK(rv_pipe_thread_stop(&threads[2], 0) == 0);
    }
    CHILD_CHECK(rv_pipe_thread_submit(&threads[0], sum) == 0);
    for (int i = 0; i < KINDS; i++)
        CHILD_CHECK(rv_pipe_thread_stop(&threads[i], RV_NEVER) == 0);
    CHILD_CHECK(sum->returned == 3);
    CHILD_CHECK(rv_test_fds() == fds);
    rv_callable_put(sum);
    return 0;
}

RV_TEST(pipe_thread, where_clone_fails_at_the_third_the_first_two_go_on)
{
    in_child(third_without_clone);
}

/* A child has copies of all ends of the pipes as long as it lives. */
RV_TEST(pipe_thread, a_child_of_fork_does_not_keep_it_from_ending)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_pipe_thread thread;
        int hold[2];
        pid_t child;
        char byte;

        cr_assert_eq(pipe2(hold, O_CLOEXEC), 0);
        cr_assert_eq(rv_pipe_thread_start(&thread, kinds[i]), 0);
        child = fork();
        if (child == 0) {
            close(hold[1]);
            _exit((int)read(hold[0], &byte, 1));
        }
        cr_assert_eq(rv_pipe_thread_stop(&thread, rv_after_ms(5000)), 0);
        close(hold[1]);
        close(hold[0]);
        cr_assert_eq(waitpid(child, NULL, 0), child);
    }
}

/* The packet that ends it has to wait for a slot in the pipe. */
RV_TEST(pipe_thread, one_that_is_full_of_jobs_ends_after_them)
{
    for (int i = 0; i < KINDS; i++) {
        struct rv_callable *sums[RV_PIPE_THREAD_CREDITS];
        struct rv_pipe_thread thread;
        struct gate gate;

        gate_init(&gate);
        cr_assert_eq(rv_pipe_thread_start(&thread, kinds[i]), 0);
        sums[0] = new_gate_call(&gate);
        cr_assert_eq(rv_pipe_thread_submit(&thread, sums[0]), 0);
        for (uint32_t k = 1; k < thread.credits; k++) {
            sums[k] = new_sum((int32_t)k, 1);
            cr_assert_eq(rv_pipe_thread_submit(&thread, sums[k]), 0);
        }
        gate_open(&gate, 1);
        cr_assert_eq(rv_pipe_thread_stop(&thread, rv_after_ms(RV_TEST_WAIT_MS)),
                     0);
        for (uint32_t k = 1; k < thread.credits; k++)
            cr_assert_eq(sums[k]->returned, (int32_t)k + 1);
        for (uint32_t k = 0; k < thread.credits; k++)
            rv_callable_put(sums[k]);
        gate_fini(&gate);
    }
}

RV_TEST(pipe_thread, without_memory_it_is_an_error)
{
    struct rv_pipe_thread thread;

    rv_count_allocs(1);
    cr_assert_eq(rv_pipe_thread_start(&thread, RV_PIPE_THREAD_PTHREAD),
                 -ENOMEM);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}
