/* SPDX-License-Identifier: MIT */
/*
 * test_fd.c - any descriptor: readable and writable, at once, after waiting,
 * with deadlines, closed and canceled; streams of sockets that exist.
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <reveil/fd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "net/pair.h"

RV_TEST_SUITE(fd);

/* A timerfd that expires after 2 ms, and then every 2 ms. Returns: it, or -1.
 */
static int open_timer(void)
{
    const struct itimerspec spec = {.it_value.tv_nsec = 2000000,
                                    .it_interval.tv_nsec = 2000000};
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    if (fd >= 0)
        timerfd_settime(fd, 0, &spec, NULL);
    return fd;
}

RV_HOST_TEST(fd, a_timer_is_readable_until_it_is_read)
{
    struct rv_fd_watch watch;
    const int fd = open_timer();
    uint64_t ticks;

    HOST_CHECK(rv_fd_watch_open(&watch, fd) == 0);
    for (int i = 0; i < 5; i++) {
        HOST_CHECK(rv_fd_readable(&watch, RV_NEVER) == 0);
        HOST_CHECK(rv_fd_readable(&watch, 0) == 0);
        HOST_CHECK(rv_fd_try_readable(&watch) == 0);
        HOST_CHECK(read(fd, &ticks, sizeof ticks) == sizeof ticks);
    }
    rv_fd_watch_close(&watch);
    close(fd);
    return 0;
}

/* What is left in the pipe makes no new edge, but is still readable. */
RV_HOST_TEST(fd, what_is_left_is_readable_without_a_new_edge)
{
    struct rv_fd_watch watch;
    char byte;
    int fds[2];

    HOST_CHECK(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
    HOST_CHECK(rv_fd_watch_open(&watch, fds[0]) == 0);
    HOST_CHECK(rv_fd_try_readable(&watch) == -EAGAIN);
    HOST_CHECK(rv_fd_readable(&watch, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_fd_readable(&watch, rv_after_ms(2)) == -ETIMEDOUT);
    HOST_CHECK(write(fds[1], "abc", 3) == 3);
    for (int i = 0; i < 3; i++) {
        HOST_CHECK(rv_fd_readable(&watch, RV_NEVER) == 0);
        HOST_CHECK(read(fds[0], &byte, 1) == 1);
    }
    HOST_CHECK(rv_fd_readable(&watch, rv_after_ms(2)) == -ETIMEDOUT);
    close(fds[1]);
    HOST_CHECK(rv_fd_readable(&watch, RV_NEVER) == 0); /* the end */
    HOST_CHECK(read(fds[0], &byte, 1) == 0);
    rv_fd_watch_close(&watch);
    close(fds[0]);
    return 0;
}

static int32_t drain(void *arg)
{
    const int *fd = arg;
    char block[4096];
    const int error = rv_coro_sleep_until(rv_after_ms(3));

    while (read(*fd, block, sizeof block) > 0)
        ;
    return error;
}

RV_HOST_TEST(fd, a_full_pipe_is_writable_when_it_is_read)
{
    static const char block[4096];
    struct rv_host_task task;
    struct rv_fd_watch watch;
    int fds[2];

    HOST_CHECK(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
    HOST_CHECK(rv_fd_watch_open(&watch, fds[1]) == 0);
    HOST_CHECK(rv_fd_writable(&watch, 0) == 0);
    while (write(fds[1], block, sizeof block) > 0)
        ;
    HOST_CHECK(rv_fd_try_writable(&watch) == -EAGAIN);
    HOST_CHECK(rv_fd_writable(&watch, rv_after_ms(2)) == -ETIMEDOUT);
    HOST_CHECK(rv_host_start(&task, drain, &fds[0]) == 0);
    HOST_CHECK(rv_fd_writable(&watch, RV_NEVER) == 0);
    HOST_CHECK(rv_host_join(&task) == 0);
    rv_fd_watch_close(&watch);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

RV_HOST_TEST(fd, what_cannot_be_watched_is_an_error)
{
    struct rv_fd_watch watch;
    struct rv_fd_watch second;
    int fds[2];
    int file;

    HOST_CHECK(rv_fd_watch_open(&watch, -1) == -EBADF);
    HOST_CHECK(rv_fd_try_readable(&watch) == -EBADF);
    HOST_CHECK(rv_fd_readable(&watch, RV_NEVER) == -EBADF);
    file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    HOST_CHECK(rv_fd_watch_open(&watch, file) == -EPERM);
    close(file);
    HOST_CHECK(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
    HOST_CHECK(rv_fd_watch_open(&watch, fds[0]) == 0);
    HOST_CHECK(rv_fd_watch_open(&second, fds[0]) == -EEXIST);
    rv_fd_watch_close(&second);
    rv_fd_watch_close(&watch);
    rv_fd_watch_close(&watch);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int32_t wait_for_ever(void *arg)
{
    struct rv_fd_watch watch;
    int result;
    int fds[2];

    (void)arg;
    HOST_CHECK(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
    HOST_CHECK(rv_fd_watch_open(&watch, fds[0]) == 0);
    result = rv_fd_readable(&watch, RV_NEVER);
    rv_fd_watch_close(&watch);
    close(fds[0]);
    close(fds[1]);
    return result;
}

RV_TEST(fd, a_canceled_wait_ends)
{
    for (int host = 0; host < RV_HOSTS; host++)
        cr_assert_eq(
            rv_host_run_canceled((enum rv_host)host, wait_for_ever, NULL),
            -ECANCELED);
}

/* --- futures ----------------------------------------------------------- */

RV_TEST(fd, a_future_may_be_dropped_at_any_time)
{
    struct rv_runtime *runtime;
    struct rv_fd_watch watch;
    struct rv_fd_ready ready;
    struct rv_timeout limit;
    int fds[2];

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_eq(rv_fd_watch_open(&watch, fds[0]), 0);
    rv_fd_readable_init(&ready, &watch);
    rv_drop(&ready.future);
    rv_fd_readable_init(&ready, &watch);
    rv_timeout_init(&limit, &ready.future, rv_after_ms(1));
    cr_assert_eq(rv_runtime_block_on(runtime, &limit.future), -ETIMEDOUT);
    rv_drop(&limit.future);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    rv_fd_readable_init(&ready, &watch);
    cr_assert_eq(rv_runtime_block_on(runtime, &ready.future), 0);
    rv_drop(&ready.future);
    rv_fd_watch_close(&watch);
    rv_fd_watch_open(&watch, fds[1]);
    rv_fd_writable_init(&ready, &watch);
    cr_assert_eq(rv_runtime_block_on(runtime, &ready.future), 0);
    rv_drop(&ready.future);
    rv_fd_watch_close(&watch);
    close(fds[0]);
    close(fds[1]);
    rv_runtime_stop(runtime);
}

/* --- streams ----------------------------------------------------------- */

RV_HOST_TEST(fd, a_pair_is_two_ends)
{
    struct rv_stream ends[2];
    char text[8];

    HOST_CHECK(rv_stream_pair(ends) == 0);
    HOST_CHECK(rv_stream_send(&ends[0], "ping", 4, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_recv(&ends[1], text, sizeof text, RV_NEVER) == 4);
    rv_stream_close(&ends[1]);
    HOST_CHECK(rv_stream_recv(&ends[0], text, sizeof text, RV_NEVER) == 0);
    HOST_CHECK(rv_tcp_no_delay(&ends[0], true) == -EOPNOTSUPP);
    rv_stream_close(&ends[0]);
    return 0;
}

RV_HOST_TEST(fd, a_stream_of_a_socket_takes_it)
{
    struct rv_stream stream;
    char byte;
    int fds[2];

    HOST_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    HOST_CHECK(rv_stream_of_fd(&stream, fds[0]) == 0);
    HOST_CHECK(rv_stream_fd(&stream) == fds[0]);
    HOST_CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    HOST_CHECK(rv_stream_recv(&stream, &byte, 1, 0) == -ETIMEDOUT);
    HOST_CHECK(write(fds[1], "x", 1) == 1);
    HOST_CHECK(rv_stream_recv(&stream, &byte, 1, RV_NEVER) == 1);
    rv_stream_close(&stream);
    close(fds[1]);

    HOST_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    HOST_CHECK(rv_stream_of_fd(&stream, fds[0]) == -ENOTSOCK);
    HOST_CHECK(rv_stream_fd(&stream) == -1);
    close(fds[0]);
    close(fds[1]);
    HOST_CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) == 0);
    HOST_CHECK(rv_stream_of_fd(&stream, fds[0]) == -EPROTOTYPE);
    close(fds[0]);
    close(fds[1]);
    HOST_CHECK(rv_stream_of_fd(&stream, -1) == -EBADF);
    return 0;
}

/* As inetd passes it: the socket is descriptor 0. */
RV_HOST_TEST(fd, a_stream_is_never_one_of_the_standard_descriptors)
{
    const int saved = fcntl(0, F_DUPFD_CLOEXEC, 3);
    struct rv_stream stream;
    int fds[2];

    HOST_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    HOST_CHECK(dup2(fds[0], 0) == 0);
    HOST_CHECK(rv_stream_of_fd(&stream, 0) == 0);
    HOST_CHECK(rv_stream_fd(&stream) > 2);
    HOST_CHECK(fcntl(0, F_GETFD) == -1);
    rv_stream_close(&stream);
    close(fds[0]);
    close(fds[1]);
    HOST_CHECK(dup2(saved, 0) == 0);
    close(saved);
    return 0;
}

/* Returns: the value of the option, or -1. */
static int option_of(const struct rv_stream *stream, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof value;

    getsockopt(rv_stream_fd(stream), level, option, &value, &size);
    return value;
}

RV_HOST_TEST(fd, options_of_tcp)
{
    struct rv_stream none = {0};
    struct pair pair;

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_tcp_no_delay(&pair.client, true) == 0);
    HOST_CHECK(option_of(&pair.client, IPPROTO_TCP, TCP_NODELAY) == 1);
    HOST_CHECK(rv_tcp_no_delay(&pair.client, false) == 0);
    HOST_CHECK(option_of(&pair.client, IPPROTO_TCP, TCP_NODELAY) == 0);
    HOST_CHECK(rv_tcp_keep_alive(&pair.client, 30, 5, 3) == 0);
    HOST_CHECK(option_of(&pair.client, SOL_SOCKET, SO_KEEPALIVE) == 1);
    HOST_CHECK(option_of(&pair.client, IPPROTO_TCP, TCP_KEEPIDLE) == 30);
    HOST_CHECK(option_of(&pair.client, IPPROTO_TCP, TCP_KEEPINTVL) == 5);
    HOST_CHECK(option_of(&pair.client, IPPROTO_TCP, TCP_KEEPCNT) == 3);
    HOST_CHECK(rv_tcp_keep_alive(&pair.client, 0, 0, 0) == 0);
    HOST_CHECK(option_of(&pair.client, SOL_SOCKET, SO_KEEPALIVE) == 0);
    HOST_CHECK(rv_tcp_keep_alive(&pair.client, -1, 0, 0) == -EINVAL);
    HOST_CHECK(rv_tcp_no_delay(&none, true) == -EBADF);
    HOST_CHECK(rv_tcp_keep_alive(&none, 1, 1, 1) == -EBADF);
    pair_close(&pair);
    return 0;
}
