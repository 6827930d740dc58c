/* SPDX-License-Identifier: MIT */
/* test_fd_io.c - descriptors of every kind as an rv_io, on each host. */
#include <fcntl.h>
#include <reveil/reveil.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "support/failing_alloc.h"
#include "support/hosts.h"

RV_TEST_SUITE(fd_io);

struct input {
    struct rv_fd_io io;
    struct rv_reader reader;
    struct rv_text text;
    char memory[64];
};

static int open_input(struct input *input, int fd)
{
    const int error = rv_fd_io_init(&input->io, fd);

    rv_reader_init(&input->reader, &input->io.io, input->memory,
                   sizeof input->memory);
    return error;
}

static int next_line(struct input *input)
{
    return rv_reader_line(&input->reader, &input->text, RV_NEVER);
}

static bool is_blocking(int fd)
{
    return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* --- the kinds of stdin ------------------------------------------------ */

RV_HOST_TEST(fd_io, a_pipe_waits_and_ends)
{
    struct input in;
    char byte;
    int fds[2];

    HOST_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    HOST_CHECK(open_input(&in, fds[0]) == 0);
    HOST_CHECK(rv_io_read(&in.io.io, &byte, 1, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_reader_line(&in.reader, &in.text, rv_after_ms(5)) ==
               -ETIMEDOUT);
    HOST_CHECK(write(fds[1], "one\ntw", 6) == 6);
    HOST_CHECK(next_line(&in) == 1);
    HOST_CHECK(strcmp(in.text.data, "one") == 0);
    HOST_CHECK(rv_reader_line(&in.reader, &in.text, rv_after_ms(5)) ==
               -ETIMEDOUT);
    HOST_CHECK(write(fds[1], "o\n", 2) == 2);
    close(fds[1]);
    HOST_CHECK(next_line(&in) == 1);
    HOST_CHECK(strcmp(in.text.data, "two") == 0);
    HOST_CHECK(next_line(&in) == 0);
    HOST_CHECK(is_blocking(fds[0]));
    rv_fd_io_fini(&in.io);
    rv_fd_io_fini(&in.io);
    close(fds[0]);
    return 0;
}

/* A writer that opens the pipe again by its name in /proc, and says nothing. */
RV_HOST_TEST(fd_io, an_end_is_for_good)
{
    struct input in;
    char path[32];
    char byte;
    int writer;
    int fds[2];

    HOST_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    HOST_CHECK(open_input(&in, fds[0]) == 0);
    HOST_CHECK(rv_io_read(&in.io.io, &byte, 1, rv_after_ms(1)) == -ETIMEDOUT);
    close(fds[1]);
    for (int i = 0; i < 1000 && !rv_source_hung_up(in.io.source, RV_READ); i++)
        HOST_CHECK(rv_coro_sleep_until(rv_after_ms(1)) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
    writer = open(path, O_WRONLY | O_CLOEXEC);
    HOST_CHECK(writer >= 0);
    HOST_CHECK(rv_io_read(&in.io.io, &byte, 1, rv_after_ms(50)) == 0);
    HOST_CHECK(write(writer, "x", 1) == 1);
    HOST_CHECK(rv_io_read(&in.io.io, &byte, 1, RV_NEVER) == 1);
    close(writer);
    HOST_CHECK(next_line(&in) == 0);
    rv_fd_io_fini(&in.io);
    close(fds[0]);
    return 0;
}

RV_HOST_TEST(fd_io, a_socket_waits_and_ends)
{
    struct input in;
    int fds[2];

    HOST_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    HOST_CHECK(open_input(&in, fds[0]) == 0);
    HOST_CHECK(rv_reader_line(&in.reader, &in.text, rv_after_ms(5)) ==
               -ETIMEDOUT);
    HOST_CHECK(write(fds[1], "one\n", 4) == 4);
    HOST_CHECK(next_line(&in) == 1);
    HOST_CHECK(rv_io_write_all(&in.io.io, "ok", 2, RV_NEVER) == 0);
    HOST_CHECK(rv_io_shutdown(&in.io.io, RV_NEVER) == 0);
    HOST_CHECK(read(fds[1], in.memory, 8) == 2);
    HOST_CHECK(read(fds[1], in.memory, 8) == 0);
    close(fds[1]);
    HOST_CHECK(next_line(&in) == 0);
    HOST_CHECK(rv_io_write_all(&in.io.io, "x", 1, RV_NEVER) == -EPIPE);
    HOST_CHECK(is_blocking(fds[0]));
    rv_fd_io_fini(&in.io);
    close(fds[0]);
    return 0;
}

RV_HOST_TEST(fd_io, a_file_is_read_from_its_position_and_leaves_it_behind)
{
    const int fd = memfd_create("input", MFD_CLOEXEC);
    struct input in;
    char rest[8] = "";

    HOST_CHECK(write(fd, "zero\none\ntwo\nrest", 17) == 17);
    HOST_CHECK(lseek(fd, 5, SEEK_SET) == 5);
    HOST_CHECK(rv_fd_io_init(&in.io, fd) == 0);
    rv_reader_init(&in.reader, &in.io.io, in.memory, 5);
    HOST_CHECK(next_line(&in) == 1);
    HOST_CHECK(strcmp(in.text.data, "one") == 0);
    HOST_CHECK(next_line(&in) == 1);
    HOST_CHECK(strcmp(in.text.data, "two") == 0);
    rv_fd_io_fini(&in.io);
    HOST_CHECK(read(fd, rest, 7) == 4);
    HOST_CHECK(strcmp(rest, "rest") == 0);
    close(fd);
    return 0;
}

RV_HOST_TEST(fd_io, a_device_without_epoll_is_read)
{
    const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct input in;

    HOST_CHECK(open_input(&in, fd) == 0);
    HOST_CHECK(rv_io_write_all(&in.io.io, "gone", 4, RV_NEVER) == 0);
    HOST_CHECK(next_line(&in) == 0);
    rv_fd_io_fini(&in.io);
    close(fd);
    return 0;
}

RV_HOST_TEST(fd_io, a_terminal_gives_lines)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];
    struct input in;
    int fd;

    HOST_CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    HOST_CHECK(ptsname_r(master, name, sizeof name) == 0);
    fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    HOST_CHECK(fd >= 0);
    HOST_CHECK(open_input(&in, fd) == 0);
    HOST_CHECK(rv_reader_line(&in.reader, &in.text, rv_after_ms(5)) ==
               -ETIMEDOUT);
    HOST_CHECK(write(master, "hello\n", 6) == 6);
    HOST_CHECK(next_line(&in) == 1);
    HOST_CHECK(strcmp(in.text.data, "hello") == 0);
    HOST_CHECK(rv_io_write_all(&in.io.io, "x", 1, RV_NEVER) == 0);
    HOST_CHECK(is_blocking(fd));
    rv_fd_io_fini(&in.io);
    close(fd);
    close(master);
    return 0;
}

/* It cannot be opened again, and its reads block. */
RV_HOST_TEST(fd_io, a_blocking_descriptor_is_polled_first)
{
    const int fd = eventfd(0, EFD_CLOEXEC);
    struct rv_fd_io io;
    uint64_t count = 7;

    HOST_CHECK(rv_fd_io_init(&io, fd) == 0);
    HOST_CHECK(rv_io_read(&io.io, &count, 8, rv_after_ms(5)) == -ETIMEDOUT);
    HOST_CHECK(rv_io_write_all(&io.io, &count, 8, RV_NEVER) == 0);
    count = 0;
    HOST_CHECK(rv_io_read(&io.io, &count, 8, RV_NEVER) == 8);
    HOST_CHECK(count == 7);
    HOST_CHECK(rv_io_read(&io.io, &count, 8, 0) == -ETIMEDOUT);
    HOST_CHECK(is_blocking(fd));
    rv_fd_io_fini(&io);
    close(fd);
    return 0;
}

RV_TEST(fd_io, a_closed_descriptor_is_an_error)
{
    struct rv_fd_io io;

    cr_assert_eq(rv_fd_io_init(&io, -1), -EBADF);
    cr_assert_eq(rv_fd_io_init(&io, 1000), -EBADF);
    rv_fd_io_fini(&io);
}

RV_HOST_TEST(fd_io, a_folder_is_not_read)
{
    const int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct input in;

    HOST_CHECK(open_input(&in, fd) == 0);
    HOST_CHECK(next_line(&in) == -EISDIR);
    rv_fd_io_fini(&in.io);
    close(fd);
    return 0;
}

/* Its reads cannot say "not cached": the ring or the pool makes them. */
RV_HOST_TEST(fd_io, a_file_that_blocks_is_read_by_the_ring_or_the_pool)
{
    const int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);
    struct rv_bytes bytes = {0};
    struct input in;
    char start[8];
    char text[1024];
    size_t n;

    HOST_CHECK(open_input(&in, fd) == 0);
    HOST_CHECK(rv_reader_exact(&in.reader, start, 3, NULL, RV_NEVER) == 1);
    HOST_CHECK(rv_reader_all(&in.reader, &bytes, RV_NEVER) == 0);
    rv_fd_io_fini(&in.io);
    n = (size_t)pread(fd, text, sizeof text, 0);
    HOST_CHECK(bytes.len_bytes + 3 == n);
    HOST_CHECK(memcmp(bytes.data, text + 3, n - 3) == 0);
    HOST_CHECK(memcmp(start, text, 3) == 0);
    rv_bytes_fini(&bytes);
    close(fd);
    return 0;
}

/* --- writing ----------------------------------------------------------- */

/* SIGPIPE has its default action in the tests. A scheduler's worker blocks it,
 * where it stays pending for good. */
RV_HOST_TEST(fd_io, a_pipe_without_a_reader_is_an_error_and_no_signal)
{
    struct rv_fd_io io;
    sigset_t blocked;
    sigset_t pending;
    int fds[2];

    HOST_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    HOST_CHECK(rv_fd_io_init(&io, fds[1]) == 0);
    close(fds[0]);
    HOST_CHECK(rv_io_write_all(&io.io, "x", 1, RV_NEVER) == -EPIPE);
    HOST_CHECK(sigpending(&pending) == 0);
    HOST_CHECK(pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0);
    HOST_CHECK(sigismember(&pending, SIGPIPE) ==
               sigismember(&blocked, SIGPIPE));
    rv_fd_io_fini(&io);
    HOST_CHECK(rv_fd_io_init(&io, fds[1]) == 0); /* cannot be opened again */
    HOST_CHECK(rv_io_write_all(&io.io, "x", 1, RV_NEVER) == -EPIPE);
    rv_fd_io_fini(&io);
    close(fds[1]);
    return 0;
}

RV_HOST_TEST(fd_io, shutdown_ends_a_pipe)
{
    struct rv_fd_io io;
    char text[8];
    int fds[2];

    HOST_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    HOST_CHECK(rv_fd_io_init(&io, fds[1]) == 0);
    close(fds[1]);
    HOST_CHECK(rv_io_write_all(&io.io, "last", 4, RV_NEVER) == 0);
    HOST_CHECK(rv_io_shutdown(&io.io, RV_NEVER) == 0);
    HOST_CHECK(read(fds[0], text, 8) == 4);
    HOST_CHECK(read(fds[0], text, 8) == 0);
    HOST_CHECK(rv_io_write_all(&io.io, "x", 1, RV_NEVER) == -EPIPE);
    HOST_CHECK(rv_io_shutdown(&io.io, RV_NEVER) == 0);
    rv_fd_io_fini(&io);
    close(fds[0]);
    return 0;
}

static const char much[1024 * 1024];

static int32_t write_much(void *arg)
{
    struct rv_fd_io *io = arg;
    int error = rv_io_write_all(&io->io, much, sizeof much, RV_NEVER);

    if (!error)
        error = rv_io_shutdown(&io->io, RV_NEVER);
    return error;
}

/* More than a pipe holds. */
RV_HOST_TEST(fd_io, a_full_pipe_makes_the_writer_wait)
{
    struct rv_host_task writer = {0};
    struct rv_bytes bytes = {0};
    struct rv_fd_io out;
    struct input in;
    int fds[2];

    HOST_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    HOST_CHECK(rv_fd_io_init(&out, fds[1]) == 0);
    close(fds[1]);
    HOST_CHECK(open_input(&in, fds[0]) == 0);
    close(fds[0]);
    HOST_CHECK(rv_host_start(&writer, write_much, &out) == 0);
    HOST_CHECK(rv_reader_all(&in.reader, &bytes, RV_NEVER) == 0);
    HOST_CHECK(bytes.len_bytes == sizeof much);
    HOST_CHECK(rv_host_join(&writer) == 0);
    rv_bytes_fini(&bytes);
    rv_fd_io_fini(&in.io);
    rv_fd_io_fini(&out);
    return 0;
}

RV_HOST_TEST(fd_io, a_file_is_written_at_its_position_or_its_end)
{
    const int fd = memfd_create("output", MFD_CLOEXEC);
    struct rv_fd_io io;
    char text[16] = "";

    HOST_CHECK(rv_fd_io_init(&io, fd) == 0);
    HOST_CHECK(rv_io_write_all(&io.io, "abc", 3, RV_NEVER) == 0);
    HOST_CHECK(rv_io_write_all(&io.io, "def", 3, RV_NEVER) == 0);
    HOST_CHECK(rv_io_read(&io.io, text, 8, RV_NEVER) == 0);
    rv_fd_io_fini(&io);
    HOST_CHECK(lseek(fd, 0, SEEK_CUR) == 6);
    HOST_CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
    HOST_CHECK(lseek(fd, 0, SEEK_SET) == 0);
    HOST_CHECK(rv_fd_io_init(&io, fd) == 0);
    HOST_CHECK(rv_io_write_all(&io.io, "ghi", 3, RV_NEVER) == 0);
    rv_fd_io_fini(&io);
    HOST_CHECK(pread(fd, text, 15, 0) == 9);
    HOST_CHECK(strcmp(text, "abcdefghi") == 0);
    close(fd);
    return 0;
}

RV_HOST_TEST(fd_io, a_long_file_is_written_and_read)
{
    const int fd = memfd_create("long", MFD_CLOEXEC);
    struct rv_bytes bytes = {0};
    struct input in;

    HOST_CHECK(open_input(&in, fd) == 0);
    HOST_CHECK(rv_io_write_all(&in.io.io, much, sizeof much, RV_NEVER) == 0);
    rv_fd_io_fini(&in.io);
    HOST_CHECK(lseek(fd, 0, SEEK_CUR) == sizeof much);
    HOST_CHECK(lseek(fd, 0, SEEK_SET) == 0);
    HOST_CHECK(open_input(&in, fd) == 0);
    HOST_CHECK(rv_reader_all(&in.reader, &bytes, RV_NEVER) == 0);
    HOST_CHECK(bytes.len_bytes == sizeof much);
    HOST_CHECK(memcmp(bytes.data, much, sizeof much) == 0);
    rv_bytes_fini(&bytes);
    rv_fd_io_fini(&in.io);
    close(fd);
    return 0;
}

/* --- dropped, canceled, without memory --------------------------------- */

static int32_t wait_for_a_line(void *arg)
{
    struct input in;
    int *fd = arg;
    int result;

    if (open_input(&in, *fd) != 0)
        return -EIO;
    result = next_line(&in);
    rv_fd_io_fini(&in.io);
    return result;
}

RV_TEST(fd_io, a_canceled_coroutine_stops_waiting)
{
    int fds[2];

    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    for (int host = 0; host < RV_HOSTS; host++)
        cr_assert_eq(
            rv_host_run_canceled((enum rv_host)host, wait_for_a_line, &fds[0]),
            -ECANCELED);
    close(fds[0]);
    close(fds[1]);
}

RV_TEST(fd_io, a_dropped_write_of_a_file_leaks_nothing)
{
    const int fd = memfd_create("again", MFD_CLOEXEC);
    struct rv_io_write_all write;
    struct rv_runtime *runtime;
    struct rv_probe probe;
    struct rv_fd_io io;
    struct rv_cx cx;
    char text[8] = "";

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    rv_probe_init(&probe);
    cr_assert_eq(rv_fd_io_init(&io, fd), 0);
    for (int i = 0; i < 3; i++) {
        cx = rv_probe_cx(&probe);
        rv_io_write_all_init(&write, &io.io, "again", 5);
        if (rv_poll(&write.future, &cx) == RV_READY)
            break;
        rv_drop(&write.future);
    }
    rv_fd_io_fini(&io);
    rv_probe_fini(&probe);
    rv_runtime_stop(runtime);
    cr_assert_leq(pread(fd, text, 8, 0), 5);
    close(fd);
}

static int open_a_file(void *arg)
{
    int *fd = arg;
    struct rv_fd_io io;
    const int error = rv_fd_io_init(&io, *fd);

    rv_fd_io_fini(&io);
    return error;
}

RV_TEST(fd_io, without_memory)
{
    int fd = memfd_create("none", MFD_CLOEXEC);

    cr_assert_eq(rv_fail_each_alloc_strictly(open_a_file, &fd), 1);
    close(fd);
}
