/* SPDX-License-Identifier: MIT */
/*
 * test_stdio.c - no descriptor of the library has the number of stdin, stdout
 * or stderr, in a program that was started with one of them closed.
 *
 * The tests close stdin: the kernel then gives 0 to each new descriptor, unless
 * one has kept it.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/http_sink.h>
#include <reveil/reveil.h>
#include <signal.h>
#include <unistd.h>

#include "cpu/jobs.h"
#include "net/wire.h"

RV_TEST_SUITE(stdio);

static int close_stdin(void)
{
    const int copy = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);

    cr_assert_geq(copy, 0);
    close(STDIN_FILENO);
    return copy;
}

static void check_it_is_free(const char *what)
{
    cr_assert_eq(fcntl(STDIN_FILENO, F_GETFD), -1, "%s has got it", what);
}

static void open_stdin(int copy)
{
    check_it_is_free("something");
    dup2(copy, STDIN_FILENO);
    close(copy);
}

RV_TEST(stdio, no_reactor_and_no_socket)
{
    const int copy = close_stdin();
    struct rv_addr any;
    struct rv_udp udp = {0};
    struct rv_udp peer = {0};
    struct wire wire;

    wire_open(&wire, "127.0.0.1");
    check_it_is_free("a runtime, or TCP");
    cr_assert_geq(rv_stream_fd(&wire.listener), 3);
    cr_assert_geq(rv_stream_fd(&wire.client), 3);
    cr_assert_geq(rv_stream_fd(&wire.server), 3);
    cr_assert_eq(rv_addr_parse(&any, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_udp_bind(&udp, &any), 0);
    check_it_is_free("a bound UDP socket");
    cr_assert_eq(rv_udp_connect(&peer, &wire.addr), 0);
    check_it_is_free("a connected UDP socket");
    rv_udp_close(&udp);
    rv_udp_close(&peer);
    wire_close(&wire);
    open_stdin(copy);
}

RV_TEST(stdio, no_unix_socket)
{
    static const char path[] = "@reveil-test-stdio";
    const int copy = close_stdin();
    struct rv_stream listener = {0};
    struct rv_stream client = {0};
    struct rv_unix_connect connect;
    struct rv_runtime *runtime;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_unix_listen(&listener, path), 0);
    check_it_is_free("a listener");
    rv_unix_connect_init(&connect, path, &client);
    cr_assert_eq(
        rv_test_block_on(rv_runtime_executor(runtime), &connect.future), 0);
    check_it_is_free("a client");
    rv_drop(&connect.future);
    rv_stream_close(&client);
    rv_stream_close(&listener);
    rv_runtime_stop(runtime);
    open_stdin(copy);
}

RV_TEST(stdio, no_signals_and_no_process)
{
    char *const argv[] = {(char *)"true", NULL};
    const int copy = close_stdin();
    struct rv_task_dump_signal *dump;
    struct rv_signals signals;
    struct rv_process process;
    struct rv_process_wait wait;
    struct rv_runtime *runtime;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_signals_open(&signals, &set), 0);
    check_it_is_free("a signalfd");
    cr_assert_eq(rv_task_dump_signal_start(&dump, SIGUSR2, STDERR_FILENO), 0);
    check_it_is_free("the thread that prints tasks");
    cr_assert_eq(rv_process_spawn(&process, argv, NULL, NULL), 0);
    check_it_is_free("a pidfd");
    rv_process_wait_init(&wait, &process);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &wait.future),
                 0);
    rv_process_close(&process);
    rv_task_dump_signal_stop(dump);
    rv_signals_close(&signals);
    rv_runtime_stop(runtime);
    open_stdin(copy);
}

/* Open a file, and let a read of an empty pipe time out. */
static void open_and_wait(bool ring, int pipe_fd)
{
    const struct rv_runtime_options options = {.ring = {.off = !ring}};
    struct rv_buf *buf = rv_buf_new(16);
    struct rv_file *opened = NULL;
    struct rv_file *input;
    struct rv_file_op op;
    struct rv_runtime *runtime;
    struct rv_probe probe;
    struct rv_cx cx;

    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    rv_file_open_init(&op, &opened, "/dev/null", O_RDWR, 0);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &op.future), 0);
    check_it_is_free("a file, or the ring");
    cr_assert_geq(rv_file_fd(opened), 3);
    rv_file_put(opened);

    cr_assert_eq(rv_file_of_fd(&input, pipe_fd), 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_file_read_init(&op, input, buf, RV_FILE_POSITION);
    cx.executor = rv_runtime_executor(runtime);
    cr_assert_eq(rv_poll(&op.future, &cx), RV_PENDING);
    check_it_is_free("the copy of a pipe");
    rv_drop(&op.future);
    rv_probe_fini(&probe);
    rv_file_put(input);
    rv_buf_put(buf);
    rv_runtime_stop(runtime);
}

RV_TEST(stdio, no_file_by_any_way)
{
    int ends[2];
    int copy;

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    copy = close_stdin();
    open_and_wait(true, ends[0]);
    open_and_wait(false, ends[0]);
    open_stdin(copy);
    close(ends[0]);
    close(ends[1]);
}

RV_TEST(stdio, no_copy_of_a_sink)
{
    struct rv_http_file file;
    const int copy = close_stdin();

    cr_assert_eq(rv_http_file_init_fd(&file, copy), 0);
    check_it_is_free("the copy of a descriptor");
    rv_http_file_drop(&file);
    open_stdin(copy);
}

/* Enough jobs to fill the pipes of the pool threads, so that the queue is
 * used. */
RV_TEST(stdio, no_pipe_of_a_worker)
{
    enum { JOBS = 200 };

    for (int way = 0; way < WAYS; way++) {
        const int copy = close_stdin();
        struct rv_runtime *runtime = start_jobs(way, 2);
        struct crowd crowd;

        crowd_init(&crowd);
        for (int i = 0; i < JOBS; i++)
            add_one(runtime, &crowd, new_sum(i, 1));
        wait_for_all(runtime, &crowd);
        check_it_is_free("a pipe of the CPU pool");
        rv_runtime_stop(runtime);
        open_stdin(copy);
    }
}
