/* SPDX-License-Identifier: MIT */
/*
 * test_preferred.c - where there are two ways, the better one is taken.
 *
 * The other way works too, so a mistake would go unnoticed. The tests ask the
 * kernel whether the machine has the better one (machine.h). Tests of a single
 * part are beside its other tests:
 *
 *     the page cache at once     file/test_file.c
 *     flags of the ring, quiet   ring/test_setup.c
 *     guard pages, old stacks    coro/test_stack.c, coro/test_many.c
 *     the switch in assembly     coro/test_coro.c
 *     bare threads               thread/test_thread.c
 *     jobs by the ring, queue    cpu/test_stop.c
 *     all CPUs                   sched/test_go.c, cpu/test_stop.c
 *     files and jobs in tasks    sched/test_ring.c
 *     the handshake's last ACK   net/test_packets.c
 *
 * Threads: the test's, and what a runtime starts.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <reveil/file.h>
#include <reveil/runtime.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocking/job.h"
#include "reactor/reactor_internal.h"
#include "ring/ring_internal.h"
#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(preferred);

static const struct rv_runtime_options threaded = {.reactor =
                                                       RV_REACTOR_THREAD};
static const struct rv_runtime_options fused = {.reactor = RV_REACTOR_FUSED};

static struct rv_runtime *start(const struct rv_runtime_options *options)
{
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start_with(&runtime, options), 0);
    return runtime;
}

static int finish(struct rv_runtime *runtime, struct rv_file_op *op)
{
    const int result =
        rv_test_block_on(rv_runtime_executor(runtime), &op->future);

    rv_drop(&op->future);
    return result;
}

/* --- files: the ring, not the pool ------------------------------------- */

enum { RING_OPERATIONS = 5 }; /* of use_file(): a write with sync has two */

/* Every kind of operation that the page cache cannot complete. */
static void use_file(struct rv_runtime *runtime, const char *path)
{
    struct rv_buf *buf = rv_buf_new(4);
    struct rv_file *file = NULL;
    struct rv_file_op op;
    struct statx stat;

    buf->len_bytes = 4;
    rv_file_open_init(&op, &file, path, O_RDWR, 0);
    cr_assert_eq(finish(runtime, &op), 0);
    rv_file_write_sync_init(&op, file, buf, 0, 0);
    cr_assert_eq(finish(runtime, &op), 0);
    rv_file_stat_init(&op, file, &stat);
    cr_assert_eq(finish(runtime, &op), 0);
    rv_file_close_init(&op, &file);
    cr_assert_eq(finish(runtime, &op), 0);
    rv_buf_put(buf);
}

static void expect_ring(struct rv_runtime *runtime)
{
    char path[] = "/tmp/reveil-way-XXXXXX";
    const int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    close(fd);
    use_file(runtime, path);
    unlink(path);
    cr_assert_eq(rv_runtime_ring(runtime)->completed, RING_OPERATIONS);
    cr_assert_eq(rv_blocking_threads(rv_blocking_current()), 0);
}

RV_TEST(preferred, files_go_through_the_ring)
{
    struct rv_runtime *runtime;

    if (!machine_wants_ring())
        cr_skip_test("no io_uring on this machine, or not wanted");
    runtime = start(&threaded);
    expect_ring(runtime);
    rv_runtime_stop(runtime);
    runtime = start(&fused);
    expect_ring(runtime);
    rv_runtime_stop(runtime);
}

static void *live_beside(void *other)
{
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start_beside(&runtime, other), 0);
    expect_ring(runtime);
    rv_runtime_stop(runtime);
    return NULL;
}

RV_TEST(preferred, so_they_do_on_a_second_thread)
{
    struct rv_runtime *runtime;
    pthread_t thread;

    if (!machine_wants_ring())
        cr_skip_test("no io_uring on this machine, or not wanted");
    runtime = start(&threaded);
    cr_assert_eq(pthread_create(&thread, NULL, live_beside, runtime), 0);
    pthread_join(thread, NULL);
    rv_runtime_stop(runtime);
}

/* --- without a ring: pipes wait in the reactor, not on a thread --------- */

RV_TEST(preferred, without_a_ring_a_pipe_takes_no_thread_until_it_has_data)
{
    const struct rv_runtime_options pool = {.ring.off = true};
    struct rv_runtime *runtime = start(&pool);
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_probe probe;
    struct rv_file_op op;
    struct rv_file *file;
    struct rv_cx cx;
    int fds[2];

    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    cr_assert_eq(rv_file_adopt(&file, fds[0]), 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cx.executor = rv_runtime_executor(runtime);
    rv_file_read_init(&op, file, buf, RV_FILE_POSITION);
    cr_assert_eq(rv_poll(&op.future, &cx), RV_PENDING);
    cr_assert_eq(rv_blocking_threads(rv_blocking_current()), 0);

    cr_assert_eq(write(fds[1], "data", 4), 4);
    cr_assert_eq(finish(runtime, &op), 4);
    close(fds[1]);
    rv_file_put(file);
    rv_buf_put(buf);
    rv_probe_fini(&probe);
    rv_runtime_stop(runtime);
}

/* --- a fused executor sleeps to the nanosecond -------------------------- */

RV_TEST(preferred, a_fused_executor_uses_epoll_pwait2)
{
    struct rv_runtime *runtime;
    struct rv_sleep nap;

    if (!machine_has_epoll_pwait2())
        cr_skip_test("no epoll_pwait2() on this machine");
    runtime = start(&fused);
    rv_sleep_init(&nap, rv_after_ms(1));
    cr_assert_eq(rv_runtime_block_on(runtime, &nap.future), 0);
    cr_assert_not(rv_runtime_reactor(runtime)->coarse);
    rv_runtime_stop(runtime);
}
