/* SPDX-License-Identifier: MIT */
/* test_await.c - files in coroutines, with the caller's memory, on each host.
 */
#include <fcntl.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support/hosts.h"

RV_TEST_SUITE(await_file);

/* A path in /tmp that no other process has. */
static const char *own_path(void)
{
    static char path[64];

    snprintf(path, sizeof path, "/tmp/reveil-await-%d", (int)getpid());
    return path;
}

RV_HOST_TEST(await_file, what_was_written_is_read)
{
    struct rv_file *file = NULL;
    struct statx stat = {0};
    char text[16] = "";

    HOST_CHECK(rv_file_open(&file, own_path(), O_RDWR | O_CREAT | O_TRUNC, 0600,
                            RV_NEVER) == 0);
    HOST_CHECK(rv_file_write(file, "hello", 5, 0, RV_NEVER) == 5);
    HOST_CHECK(rv_file_write_whole(file, ", disk", 6, 5, RV_NEVER) == 0);
    HOST_CHECK(rv_file_sync(file, true, RV_NEVER) == 0);
    HOST_CHECK(rv_file_stat(file, &stat, RV_NEVER) == 0);
    HOST_CHECK(stat.stx_size == 11);
    HOST_CHECK(rv_file_read(file, text, 15, 0, RV_NEVER) == 11);
    HOST_CHECK(strcmp(text, "hello, disk") == 0);
    HOST_CHECK(rv_file_read(file, text, 4, 7, RV_NEVER) == 4);
    HOST_CHECK(memcmp(text, "disk", 4) == 0);
    HOST_CHECK(rv_file_read(file, text, 4, 11, RV_NEVER) == 0);
    HOST_CHECK(rv_file_read(file, text, 0, 0, RV_NEVER) == 0);
    HOST_CHECK(rv_file_close(&file, RV_NEVER) == 0);
    HOST_CHECK(file == NULL);
    HOST_CHECK(rv_path_unlink(own_path(), RV_NEVER) == 0);
    HOST_CHECK(rv_file_open(&file, own_path(), O_RDONLY, 0, RV_NEVER) ==
               -ENOENT);
    HOST_CHECK(file == NULL);
    return 0;
}

enum { MANY_BYTES = 3 * 1024 * 1024 + 17 };

RV_HOST_TEST(await_file, a_file_longer_than_one_buffer)
{
    char *much = rv_alloc(MANY_BYTES);
    struct rv_bytes bytes = {0};
    struct rv_file *file;

    HOST_CHECK(much != NULL);
    for (size_t i = 0; i < MANY_BYTES; i++)
        much[i] = (char)(i * 7 >> 3);
    HOST_CHECK(rv_file_open(&file, own_path(), O_WRONLY | O_CREAT | O_TRUNC,
                            0600, RV_NEVER) == 0);
    HOST_CHECK(rv_file_write_whole(file, much, MANY_BYTES, RV_FILE_POSITION,
                                   RV_NEVER) == 0);
    HOST_CHECK(rv_file_close(&file, RV_NEVER) == 0);
    HOST_CHECK(rv_file_read_all(own_path(), &bytes, RV_NEVER) == 0);
    HOST_CHECK(bytes.len_bytes == MANY_BYTES);
    HOST_CHECK(memcmp(bytes.data, much, MANY_BYTES) == 0);
    HOST_CHECK(unlink(own_path()) == 0);
    rv_bytes_fini(&bytes);
    rv_free(much);
    return 0;
}

RV_HOST_TEST(await_file, whole_files)
{
    struct rv_bytes bytes;

    rv_bytes_init(&bytes, 8);
    HOST_CHECK(
        rv_file_write_all(own_path(), 0600, "12345", 5, true, RV_NEVER) == 0);
    HOST_CHECK(rv_bytes_append(&bytes, "abc", 3) == 0);
    HOST_CHECK(rv_file_read_all(own_path(), &bytes, RV_NEVER) == 0);
    HOST_CHECK(strcmp(bytes.data, "abc12345") == 0);
    HOST_CHECK(rv_file_read_all(own_path(), &bytes, RV_NEVER) == -EFBIG);
    HOST_CHECK(strcmp(bytes.data, "abc12345") == 0);
    HOST_CHECK(rv_file_write_all(own_path(), 0600, "", 0, false, RV_NEVER) ==
               0);
    HOST_CHECK(rv_file_read_all(own_path(), &bytes, RV_NEVER) == 0);
    HOST_CHECK(bytes.len_bytes == 8);
    HOST_CHECK(unlink(own_path()) == 0);
    HOST_CHECK(rv_file_read_all(own_path(), &bytes, RV_NEVER) == -ENOENT);
    HOST_CHECK(rv_file_read_all("/proc/version", &bytes, RV_NEVER) == -EFBIG);
    rv_bytes_fini(&bytes);
    return 0;
}

/* An operation that would wait is not waited for; what is cached is read. */
RV_HOST_TEST(await_file, a_deadline_in_the_past)
{
    struct rv_file *file = NULL;
    struct rv_file *pipe_file;
    struct statx stat;
    char text[8];
    int fds[2];
    int result;

    HOST_CHECK(
        rv_file_write_all(own_path(), 0600, "12345", 5, false, RV_NEVER) == 0);
    result = rv_file_open(&file, own_path(), O_RDONLY, 0, 0);
    HOST_CHECK(result == 0 || (result == -ETIMEDOUT && !file));
    if (result)
        HOST_CHECK(rv_file_open(&file, own_path(), O_RDONLY, 0, RV_NEVER) == 0);
    result = rv_file_read(file, text, 8, 0, 0);
    HOST_CHECK(result == 5 || result == -ETIMEDOUT);
    result = rv_file_stat(file, &stat, 0);
    HOST_CHECK(result == 0 || result == -ETIMEDOUT);
    result = rv_file_close(&file, 0);
    HOST_CHECK(result == 0 || result == -ETIMEDOUT);
    HOST_CHECK(file == NULL);

    HOST_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    HOST_CHECK(rv_file_adopt(&pipe_file, fds[0]) == 0);
    HOST_CHECK(rv_file_read(pipe_file, text, 8, RV_FILE_POSITION, 0) ==
               -ETIMEDOUT);
    HOST_CHECK(rv_file_read(pipe_file, text, 8, RV_FILE_POSITION,
                            rv_after_ms(5)) == -ETIMEDOUT);
    rv_file_put(pipe_file);
    close(fds[1]);
    HOST_CHECK(unlink(own_path()) == 0);
    return 0;
}

/* Not every file system has RWF_NOWAIT: what the kernel says, `try` says. */
RV_TEST(await_file, try_reads_only_what_is_cached)
{
    struct iovec part;
    ssize_t now;
    struct rv_file *file;
    char text[8] = "";
    int fd = memfd_create("try", 0);

    cr_assert_eq(write(fd, "12345", 5), 5);
    cr_assert_eq(rv_file_adopt(&file, fd), 0);
    part.iov_base = text;
    part.iov_len = 3;
    now = preadv2(fd, &part, 1, 1, RWF_NOWAIT);
    memset(text, 0, sizeof text);
    if (now == 3) {
        cr_assert_eq(rv_file_try_read(file, text, 3, 1), 3);
        cr_assert_str_eq(text, "234");
        cr_assert_eq(rv_file_try_read(file, text, 3, 5), 0);
    } else {
        cr_assert_eq(rv_file_try_read(file, text, 3, 1), -EAGAIN);
    }
    rv_file_put(file);
    cr_assert_eq(rv_file_adopt(&file, open("/proc/version", O_RDONLY)), 0);
    cr_assert_eq(rv_file_try_read(file, text, 3, 0), -EAGAIN);
    rv_file_put(file);
}

/* --- canceled ---------------------------------------------------------- */

static int32_t read_a_pipe(void *arg)
{
    struct rv_file *file = arg;
    char text[8];
    int result = rv_file_read(file, text, 8, RV_FILE_POSITION, RV_NEVER);

    /* A canceled coroutine can close its file. */
    if (rv_file_close(&file, RV_NEVER) != -ECANCELED || file)
        return -EIO;
    return result;
}

RV_TEST(await_file, a_canceled_coroutine_stops_waiting_and_closes)
{
    for (int host = 0; host < RV_HOSTS; host++) {
        struct rv_file *file;
        int fds[2];

        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        cr_assert_eq(rv_file_adopt(&file, fds[0]), 0);
        cr_assert_eq(
            rv_host_run_canceled((enum rv_host)host, read_a_pipe, file),
            -ECANCELED);
        close(fds[1]);
    }
}
