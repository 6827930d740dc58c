/* SPDX-License-Identifier: MIT */
/*
 * test_ring.c - the workers' rings: they are used, and waits, cancellation and
 * deadlock detection work as without them.
 *
 * Threads: the test's, the workers'.
 */
#include <fcntl.h>
#include <linux/time_types.h>
#include <reveil/combine.h>
#include <reveil/cpu.h>
#include <reveil/file.h>
#include <reveil/runtime.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "blocking/job.h"
#include "coro/stack.h"
#include "ring/ring_internal.h"
#include "support/failing_alloc.h"
#include "support/machine.h"
#include "tasks.h"
#include "thread/pure.h"

RV_TEST_SUITE(sched_ring);

#define NEED_RING()                                    \
    do {                                               \
        if (!machine_wants_ring())                     \
            cr_skip_test("%s", machine_why_no_ring()); \
    } while (0)

/* --- the preferred way is taken ---------------------------------------- */

static int32_t open_ring(void *arg)
{
    (void)arg;
    TASK_CHECK(rv_ring_current());
    return rv_ring_open(rv_ring_current());
}

RV_TEST(sched_ring, each_start_of_a_scheduler_gives_tasks_a_ring)
{
    const struct rv_runtime_options fused = {.reactor = RV_REACTOR_FUSED};
    struct rv_runtime *runtime;

    NEED_RING();
    cr_assert_eq(run_once(1, open_ring, NULL), 0);
    cr_assert_eq(run_once(SCHED_WORKERS, open_ring, NULL), 0);
    cr_assert_eq(rv_runtime_start(&runtime), 0);
    cr_assert_eq(run_once(SCHED_WORKERS, open_ring, NULL), 0);
    rv_runtime_stop(runtime);
    cr_assert_eq(rv_runtime_start_with(&runtime, &fused), 0);
    cr_assert_eq(run_once(SCHED_WORKERS, open_ring, NULL), 0);
    rv_runtime_stop(runtime);
}

/* An open, a write to the disk, an fstat and a close, none of which the page
 * cache can complete. Returns: 0, or the line that failed. */
static int32_t use_file(void *arg)
{
    struct rv_buf *buf = rv_buf_new(4);
    struct rv_file *file = NULL;
    struct rv_file_op op;
    struct statx stat;

    TASK_CHECK(buf);
    buf->len_bytes = 4;
    rv_file_open_init(&op, &file, arg, O_RDWR | O_CREAT, 0600);
    TASK_CHECK(rv_await(&op.future) == 0);
    rv_file_write_sync_init(&op, file, buf, 0, 0);
    TASK_CHECK(rv_await(&op.future) == 0);
    rv_file_stat_init(&op, file, &stat);
    TASK_CHECK(rv_await(&op.future) == 0 && stat.stx_size == 4);
    rv_file_close_init(&op, &file);
    TASK_CHECK(rv_await(&op.future) == 0);
    rv_buf_put(buf);
    return 0;
}

/* On one worker: its ring has completed everything, and the pool has no
 * thread. */
static int32_t use_file_and_look(void *arg)
{
    const uint64_t before = rv_ring_current()->completed;

    TASK_CHECK(use_file(arg) == 0);
    TASK_CHECK(rv_ring_current()->completed == before + 5);
    TASK_CHECK(rv_blocking_threads(rv_blocking_current()) == 0);
    return 0;
}

RV_TEST(sched_ring, files_in_tasks_go_through_the_ring)
{
    char path[] = "/tmp/reveil-sched-XXXXXX";
    const int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    close(fd);
    cr_expect_eq(
        run_once(1, machine_wants_ring() ? use_file_and_look : use_file, path),
        0);
    unlink(path);
    NEED_RING();
}

static int32_t compute_and_look(void *arg)
{
    struct rv_cpu job;

    (void)arg;
    rv_cpu_init(&job, new_sum(1, 2));
    TASK_CHECK(rv_await(&job.future) == 3);
    rv_drop(&job.future);
    return rv_cpu_uses_ring(rv_cpu_current());
}

RV_TEST(sched_ring, jobs_of_tasks_end_by_the_ring)
{
    const bool known = !machine_is_thread_sanitized();
    /* COMPLETION-2: a pool with very many threads leaves the ring to files. */
    const bool fits = sysconf(_SC_NPROCESSORS_CONF) <= 64;

    cr_assert_eq(run_once(1, compute_and_look, NULL),
                 machine_wants_ring() && known && fits);
}

enum { IN_TURN = 10000 };

static int32_t start_in_turn(void *arg)
{
    (void)arg;
    for (int i = 0; i < IN_TURN; i++) {
        struct rv_go task;

        TASK_CHECK(rv_go(&task, return_arg, int_arg(i)) == 0);
        TASK_CHECK(rv_go_join(&task) == i);
    }
    return 0;
}

/* A slab has 64 of them, and each worker a cache. */
RV_TEST(sched_ring, stacks_of_tasks_that_ended_are_used_again)
{
    if (machine_is_valgrind())
        cr_skip_test("valgrind looks for each stack in a list");
    cr_assert_eq(run_once(SCHED_WORKERS, start_in_turn, NULL), 0);
    cr_assert_leq(rv_stack_mapped(), 64 * (SCHED_WORKERS + 1));
}

/* --- a worker that has other things to do ------------------------------ */

/* Always ready: the executor has a ready task at each check. */
struct busybody {
    struct rv_future future;
    _Atomic bool *over;
};

static enum rv_poll busybody_poll(struct rv_future *future, struct rv_cx *cx)
{
    const struct busybody *self =
        RV_CONTAINER_OF(future, struct busybody, future);

    if (*self->over)
        return RV_READY;
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static int32_t be_busy(void *arg)
{
    static const struct rv_future_ops ops = {.name = "busybody",
                                             .poll = busybody_poll};
    struct busybody self = {.over = arg};

    rv_future_init(&self.future, &ops);
    return rv_await(&self.future);
}

static int32_t yield_and_count(void *arg)
{
    int32_t count = 0;

    while (!*(_Atomic bool *)arg) {
        TASK_CHECK(rv_go_yield() == 0);
        count++;
    }
    return count;
}

enum { BUSY_CALLS = 3 };

static int32_t do_nothing_by_ring(void *arg)
{
    const struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_ring_op op;

    for (int i = 0; i < BUSY_CALLS; i++) {
        rv_ring_op_init(&op, &nop, NULL, NULL);
        TASK_CHECK(rv_await(&op.future) == 0);
    }
    *(_Atomic bool *)arg = true;
    return 0;
}

/* Returns: how often a task of this worker ran before the calls were
 * complete. */
static int32_t ring_among_busy(void *arg)
{
    _Atomic bool over = false;
    struct rv_go tasks[3];
    int32_t count;

    (void)arg;
    TASK_CHECK(rv_go(&tasks[0], be_busy, &over) == 0);
    TASK_CHECK(rv_go(&tasks[1], yield_and_count, &over) == 0);
    TASK_CHECK(rv_go_yield() == 0);
    TASK_CHECK(rv_go(&tasks[2], do_nothing_by_ring, &over) == 0);
    TASK_CHECK(rv_go_join(&tasks[2]) == 0);
    TASK_CHECK(rv_go_join(&tasks[0]) == 0);
    count = rv_go_join(&tasks[1]);
    TASK_CHECK(count >= 0);
    return count;
}

/* A worker checks its executor in every 61st round. That a call takes a few
 * such checks is fair, but not that it takes sixty. */
RV_TEST(sched_ring, a_busy_worker_gives_the_ring_its_turn)
{
    NEED_RING();
    cr_assert_leq(run_once(1, ring_among_busy, NULL), 10 * 61 * BUSY_CALLS);
}

/* --- canceled ---------------------------------------------------------- */

struct readers {
    int fds[2];
    struct rv_file *reader;
    _Atomic int begun;
    _Atomic int canceled;
};

static void readers_open(struct readers *self)
{
    *self = (struct readers){.begun = 0};
    cr_assert_eq(pipe2(self->fds, O_CLOEXEC), 0);
    cr_assert_eq(rv_file_of_fd(&self->reader, self->fds[0]), 0);
}

static void readers_close(struct readers *self)
{
    rv_file_put(self->reader);
    close(self->fds[0]);
    close(self->fds[1]);
}

static int32_t read_what_never_comes(void *arg)
{
    struct readers *self = arg;
    struct rv_buf *buf = rv_buf_new(16);
    struct rv_file_op op;

    TASK_CHECK(buf);
    rv_file_read_init(&op, self->reader, buf, RV_FILE_POSITION);
    atomic_fetch_add(&self->begun, 1);
    if (rv_await(&op.future) == -ECANCELED)
        atomic_fetch_add(&self->canceled, 1);
    rv_buf_put(buf); /* the kernel may still have it */
    return 0;
}

enum { READERS = 40 };

static int32_t start_readers(void *arg)
{
    struct readers *self = arg;

    for (int i = 0; i < READERS; i++)
        TASK_CHECK(rv_go(NULL, read_what_never_comes, arg) == 0);
    while (atomic_load(&self->begun) < READERS)
        TASK_CHECK(rv_go_yield() == 0);
    return sleep_ms(1);
}

RV_TEST(sched_ring, tasks_that_wait_for_the_ring_are_canceled)
{
    struct readers readers;
    struct rv_sched *sched;

    readers_open(&readers);
    sched = start_sched(SCHED_WORKERS);
    cr_assert_eq(rv_sched_run(sched, start_readers, &readers), 0);
    rv_sched_stop(sched);
    cr_assert_eq(readers.canceled, READERS);
    readers_close(&readers);
}

/* A timeout drops the operation, and the ring can take the next one. */
static int32_t give_up_reading(void *arg)
{
    struct readers *self = arg;
    struct rv_buf *buf = rv_buf_new(16);
    struct rv_timeout timeout;
    struct rv_file_op op;

    TASK_CHECK(buf);
    for (int i = 0; i < 20; i++) {
        rv_buf_put(buf);
        buf = rv_buf_new(16);
        TASK_CHECK(buf);
        rv_file_read_init(&op, self->reader, buf, RV_FILE_POSITION);
        rv_timeout_init(&timeout, &op.future, rv_now_ns() + 1000);
        TASK_CHECK(rv_await(&timeout.future) == -ETIMEDOUT);
        rv_drop(&timeout.future);
    }
    TASK_CHECK(write(self->fds[1], "byte", 4) == 4);
    rv_buf_put(buf);
    buf = rv_buf_new(16);
    TASK_CHECK(buf);
    for (size_t len = 0;
         len == 0;) { /* one that was canceled may still have it */
        rv_file_read_init(&op, self->reader, buf, RV_FILE_POSITION);
        rv_timeout_init(&timeout, &op.future, rv_after_ms(1));
        if (rv_await(&timeout.future) == 4 || buf->len_bytes == 4)
            break;
        rv_drop(&timeout.future);
        TASK_CHECK(write(self->fds[1], "byte", 4) == 4);
        rv_buf_put(buf);
        buf = rv_buf_new(16);
        TASK_CHECK(buf);
    }
    TASK_CHECK(memcmp(buf->data, "byte", 4) == 0);
    rv_buf_put(buf);
    return 0;
}

RV_TEST(sched_ring, a_read_that_is_given_up_leaves_the_ring_whole)
{
    struct readers readers;

    readers_open(&readers);
    cr_assert_eq(run_once(SCHED_WORKERS, give_up_reading, &readers), 0);
    readers_close(&readers);
}

/* --- a deadlock, or not ------------------------------------------------ */

static int32_t read_pipe(void *arg)
{
    struct readers *self = arg;
    struct rv_buf *buf = rv_buf_new(16);
    struct rv_file_op op;
    int32_t result;

    TASK_CHECK(buf);
    rv_file_read_init(&op, self->reader, buf, RV_FILE_POSITION);
    result = rv_await(&op.future);
    rv_buf_put(buf);
    return result;
}

static int32_t write_late(void *arg)
{
    const struct readers *self = arg;

    TASK_CHECK(sleep_ms(5) == 0);
    return (int32_t)write(self->fds[1], "byte", 4);
}

/* Every worker sleeps while the kernel has the read. */
static int32_t read_then_die(void *arg)
{
    struct rv_go writer;

    TASK_CHECK(rv_go(&writer, write_late, arg) == 0);
    TASK_CHECK(read_pipe(arg) == 4);
    TASK_CHECK(rv_go_join(&writer) == 4);
    return await_never(NULL);
}

RV_TEST(sched_ring, who_waits_for_the_ring_is_not_stuck_and_then_is)
{
    struct readers readers;
    struct rv_sched *sched;

    readers_open(&readers);
    sched = start_sched(SCHED_WORKERS);
    cr_assert_eq(rv_sched_run(sched, read_then_die, &readers), -EDEADLK);
    cr_assert_str_eq(rv_sched_deadlock(sched), "task 'root' waits for never\n");
    rv_sched_stop(sched);
    readers_close(&readers);
}

static int32_t compute_then_die(void *arg)
{
    struct rv_cpu job;

    rv_cpu_init(&job, new_sum(1, 2));
    TASK_CHECK(rv_await(&job.future) == 3);
    rv_drop(&job.future);
    return await_never(arg);
}

/* The pool's own reads are in the ring as long as there are pool threads. */
RV_TEST(sched_ring, a_deadlock_is_seen_after_jobs_were_computed)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    cr_assert_eq(rv_sched_run(sched, compute_then_die, NULL), -EDEADLK);
    rv_sched_stop(sched);
}

/* A future that an operation without a future makes READY. */
struct bell {
    struct rv_future future;
    struct rv_waker waker;
    int32_t result;
    bool rung;
};

static enum rv_poll bell_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct bell *self = RV_CONTAINER_OF(future, struct bell, future);

    if (self->rung)
        return RV_READY;
    cx->needs_task = future;
    rv_waker_drop(&self->waker);
    self->waker = rv_waker_clone(&cx->waker);
    return RV_PENDING;
}

static void ring_bell(void *owner, int32_t result)
{
    struct bell *self = owner;

    self->result = result;
    self->rung = true;
    rv_waker_wake(&self->waker);
}

enum { KERNEL_MS = 20 };

static int32_t await_bell(void *arg)
{
    static const struct rv_future_ops ops = {.name = "bell", .poll = bell_poll};
    static const struct __kernel_timespec span = {.tv_nsec =
                                                      KERNEL_MS * RV_NS_PER_MS};
    const struct rv_ring_call wait = {.opcode = IORING_OP_TIMEOUT,
                                      .fd = -1,
                                      .addr = rv_ring_addr(&span),
                                      .len = 1};
    struct bell bell = {.rung = false};

    (void)arg;
    rv_future_init(&bell.future, &ops);
    TASK_CHECK(rv_ring_start(rv_ring_current(), &wait, ring_bell, &bell) == 0);
    TASK_CHECK(rv_await(&bell.future) == 0);
    rv_waker_drop(&bell.waker);
    return bell.result == -ETIME ? 0 : bell.result;
}

RV_TEST(sched_ring, whom_an_operation_without_a_future_wakes_is_not_stuck)
{
    NEED_RING();
    cr_assert_eq(run_once(SCHED_WORKERS, await_bell, NULL), 0);
}

/* --- misuse ------------------------------------------------------------ */

static struct rv_ring_op carried;

static int32_t begin_it_elsewhere(void *arg)
{
    static const struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_executor *here = rv_executor_current();
    struct rv_executor *other;
    struct rv_cx cx = {.executor = here};

    (void)arg;
    rv_ring_op_init(&carried, &nop, NULL, NULL);
    if (rv_poll(&carried.future, &cx) == RV_PENDING &&
        rv_executor_new(&other) == 0) {
        cx.executor = other;
        rv_poll(&carried.future, &cx);
    }
    return 0;
}

static void poll_on_two_executors(void)
{
    struct rv_sched *sched;

    if (rv_sched_start(
            &sched, &(struct rv_sched_options){
                        .workers = 1, .ring.off = machine_wants_pool()}) == 0)
        rv_sched_run(sched, begin_it_elsewhere, NULL);
}

RV_TEST(sched_ring, an_operation_polled_for_another_executor_aborts)
{
    NEED_RING();
    rv_test_aborts(poll_on_two_executors,
                   "an operation of another executor's ring");
}

/* --- without what it needs --------------------------------------------- */

static int life_with_files(void *arg)
{
    struct rv_sched *sched;
    int result;

    result = rv_sched_start(
        &sched, &(struct rv_sched_options){.workers = SCHED_WORKERS,
                                           .ring.off = machine_wants_pool()});
    if (result < 0)
        return result;
    result = rv_sched_run(sched, read_pipe, arg);
    rv_sched_stop(sched);
    return result < 0 ? result : 0;
}

/* A pipe whose read waits forever: there is no writer. */
static void ended_pipe(struct readers *self)
{
    readers_open(self);
    close(self->fds[1]);
    self->fds[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
}

RV_TEST(sched_ring, without_memory_nothing_is_left_behind)
{
    struct readers readers;

    ended_pipe(&readers);
    rv_fail_each_alloc(life_with_files, &readers);
    readers_close(&readers);
}

/* As the limit rises: an error, then the pool, then the rings. */
RV_TEST(sched_ring, without_descriptors_nothing_is_left_behind)
{
    enum { LIMITS = 64 };
    const uint32_t threads = rv_test_threads();
    struct readers readers;
    struct rlimit all;
    int errors = 0;
    uint32_t fds;

    ended_pipe(&readers);
    fds = rv_test_fds();
    getrlimit(RLIMIT_NOFILE, &all);
    for (rlim_t limit = 0; limit < LIMITS; limit++) {
        const struct rlimit few = {limit, all.rlim_max};
        int result;

        rv_count_allocs(0);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        result = life_with_files(&readers);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
        cr_assert(result == 0 || result == -EMFILE, "%d", result);
        cr_assert_eq(rv_test_fds(), fds, "%d: left", (int)limit);
        cr_assert_eq(rv_stop_counting_allocs(), 0, "%d: memory", (int)limit);
        rv_test_wait_for_threads(threads);
        errors += result != 0;
    }
    cr_assert_gt(errors, 0);
    cr_assert_lt(errors, LIMITS);
    readers_close(&readers);
}
