/* SPDX-License-Identifier: MIT */
/* test_write_all.c - write a whole buffer to any descriptor. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "support/support.h"

RV_TEST_SUITE(write_all);

enum { BYTES = 1 << 20 }; /* more than fits into a pipe */

struct reader {
    int fd;
    size_t read_bytes;
    bool all_as_written;
};

static char byte_at(size_t at)
{
    return (char)('a' + at % 23);
}

static void *read_to_end(void *arg)
{
    struct reader *reader = arg;
    char part[4096];
    ssize_t n;

    reader->all_as_written = true;
    while ((n = read(reader->fd, part, sizeof part)) > 0)
        for (ssize_t i = 0; i < n; i++)
            if (part[i] != byte_at(reader->read_bytes++))
                reader->all_as_written = false;
    return NULL;
}

/* Write BYTES through a pipe whose write end has these flags. */
static void write_through_pipe(int flags)
{
    char *data = rv_alloc(BYTES);
    struct reader reader = {0};
    uint64_t written_bytes = 7;
    pthread_t thread;
    int ends[2];

    cr_assert_not_null(data);
    for (size_t i = 0; i < BYTES; i++)
        data[i] = byte_at(i);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(fcntl(ends[1], F_SETFL, flags), 0);
    reader.fd = ends[0];
    cr_assert_eq(pthread_create(&thread, NULL, read_to_end, &reader), 0);
    cr_assert_eq(rv_write_all(ends[1], data, BYTES, &written_bytes), 0);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    rv_free(data);

    cr_assert_eq(written_bytes, 7 + BYTES);
    cr_assert_eq(reader.read_bytes, BYTES);
    cr_assert(reader.all_as_written);
}

RV_TEST(write_all, more_than_there_is_room_for_is_written_in_pieces)
{
    write_through_pipe(0);
}

RV_TEST(write_all, a_descriptor_that_is_non_blocking_is_waited_for)
{
    write_through_pipe(O_NONBLOCK);
}

RV_TEST(write_all, nothing_is_written_without_a_call)
{
    cr_assert_eq(rv_write_all(-1, NULL, 0, NULL), 0);
}

RV_TEST(write_all, an_error_comes_back_with_what_was_written_before)
{
    const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    uint64_t written_bytes = 0;

    cr_assert_geq(fd, 0);
    cr_assert_eq(rv_write_all(fd, "a", 1, &written_bytes), -ENOSPC);
    cr_assert_eq(written_bytes, 0);
    close(fd);
    cr_assert_eq(rv_write_all(-1, "a", 1, NULL), -EBADF);
}
