/* SPDX-License-Identifier: MIT */
/* test_io.c - the futures of an rv_io. */
#include "io/script.h"

RV_TEST_SUITE(io);

RV_TEST(io, a_read_returns_what_is_there_and_waits_if_nothing_is)
{
    struct staged test;
    struct rv_io_read read;
    char buffer[8] = "";

    staged_init(&test, ".ping");
    rv_io_read_init(&read, &test.script.io, buffer, sizeof buffer);

    cr_assert_eq(staged_poll(&test, &read.future), RV_PENDING);
    cr_assert_eq(staged_poll(&test, &read.future), RV_READY);
    cr_assert_eq(read.future.result, 4);
    cr_assert_str_eq(buffer, "ping");

    rv_io_read_init(&read, &test.script.io, buffer, sizeof buffer);
    cr_assert_eq(staged_run(&test, &read.future), 0);
    staged_fini(&test);
}

RV_TEST(io, an_error_is_the_result)
{
    struct staged test;
    struct rv_io_write_all write;
    struct rv_io_read read;
    char buffer[8];

    staged_init(&test, "");
    test.script.end = -ECONNRESET;
    test.script.is_shut = true;
    rv_io_read_init(&read, &test.script.io, buffer, sizeof buffer);
    rv_io_write_all_init(&write, &test.script.io, "x", 1);

    cr_assert_eq(staged_run(&test, &read.future), -ECONNRESET);
    cr_assert_eq(staged_run(&test, &write.future), -EPIPE);
    staged_fini(&test);
}

RV_TEST(io, write_all_goes_on_after_short_writes_and_waits)
{
    struct staged test;
    struct rv_io_write_all write;

    staged_init(&test, "");
    test.script.most_bytes = 3;
    test.script.room_bytes = 7;
    rv_io_write_all_init(&write, &test.script.io, "0123456789", 10);

    cr_assert_eq(staged_poll(&test, &write.future), RV_PENDING);
    cr_assert_eq(write.written_bytes, 7);
    test.script.room_bytes = 100;
    cr_assert_eq(staged_run(&test, &write.future), 0);
    cr_assert_eq(write.written_bytes, 10);
    cr_assert_arr_eq(test.script.written, "0123456789", 10);
    staged_fini(&test);
}

/* The io has no poll_writev: the pieces are written one by one, also the empty
 * ones and one that a write has cut. */
RV_TEST(io, writev_all_writes_the_pieces_in_order)
{
    char a[] = "abc";
    char b[] = "defgh";
    struct iovec pieces[] = {{NULL, 0}, {a, 3}, {NULL, 0}, {b, 5}, {NULL, 0}};
    struct staged test;
    struct rv_io_writev_all write;

    staged_init(&test, "");
    test.script.most_bytes = 2;
    test.script.room_bytes = 4;
    rv_io_writev_all_init(&write, &test.script.io, pieces, 5);

    cr_assert_eq(staged_poll(&test, &write.future), RV_PENDING);
    cr_assert_eq(write.written_bytes, 4);
    test.script.room_bytes = 100;
    cr_assert_eq(staged_run(&test, &write.future), 0);
    cr_assert_eq(write.written_bytes, 8);
    cr_assert_arr_eq(test.script.written, "abcdefgh", 8);

    rv_io_writev_all_init(&write, &test.script.io, pieces, 1);
    cr_assert_eq(staged_run(&test, &write.future), 0);
    staged_fini(&test);
}

RV_TEST(io, a_drop_removes_the_waker_of_its_direction)
{
    struct staged test;
    struct rv_io_read read;
    struct rv_io_write_all write;
    struct rv_io_writev_all writev;
    struct rv_io_shutdown shutdown;
    struct iovec piece = {"x", 1};
    char buffer[8];

    staged_init(&test, ".");
    test.script.room_bytes = 0;
    rv_io_read_init(&read, &test.script.io, buffer, sizeof buffer);
    rv_drop(&read.future);
    cr_assert_eq(test.script.forgotten[RV_READ], 0, "it did not wait");

    rv_io_read_init(&read, &test.script.io, buffer, sizeof buffer);
    cr_assert_eq(staged_poll(&test, &read.future), RV_PENDING);
    rv_drop(&read.future);
    rv_drop(&read.future);
    cr_assert_eq(test.script.forgotten[RV_READ], 1);

    rv_io_write_all_init(&write, &test.script.io, "x", 1);
    cr_assert_eq(staged_poll(&test, &write.future), RV_PENDING);
    rv_drop(&write.future);
    rv_io_writev_all_init(&writev, &test.script.io, &piece, 1);
    cr_assert_eq(staged_poll(&test, &writev.future), RV_PENDING);
    rv_drop(&writev.future);
    rv_io_shutdown_init(&shutdown, &test.script.io);
    cr_assert_eq(staged_poll(&test, &shutdown.future), RV_PENDING);
    rv_drop(&shutdown.future);
    cr_assert_eq(test.script.forgotten[RV_WRITE], 3);
    staged_fini(&test);
}

RV_TEST(io, shutdown_waits_for_what_is_held_back)
{
    struct staged test;
    struct rv_io_shutdown shutdown;

    staged_init(&test, "");
    test.script.room_bytes = 0;
    rv_io_shutdown_init(&shutdown, &test.script.io);

    cr_assert_eq(staged_poll(&test, &shutdown.future), RV_PENDING);
    cr_assert_not(test.script.is_shut);
    test.script.room_bytes = 1;
    cr_assert_eq(staged_run(&test, &shutdown.future), 0);
    cr_assert(test.script.is_shut);
    staged_fini(&test);
}

RV_TEST(io, only_a_stream_io_is_a_stream)
{
    struct rv_stream stream = {0};
    struct rv_stream_io io;
    struct script script;

    script_init(&script, "");
    rv_stream_io_init(&io, &stream);

    cr_assert_eq(rv_io_stream(&io.io), &stream);
    cr_assert_null(rv_io_stream(&script.io));
    rv_io_forget(&io.io, RV_READ); /* "no socket" has no waker */
}

/* --- an io on top of another, as TLS would be --------------------------- */

struct upper {
    struct rv_io io;
    struct rv_io *below;
};

static struct upper *upper_of(struct rv_io *io)
{
    return RV_CONTAINER_OF(io, struct upper, io);
}

static void to_upper(char *text, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
}

static ssize_t upper_poll_read(struct rv_io *io, struct rv_cx *cx, void *buffer,
                               size_t len_bytes)
{
    const ssize_t n =
        rv_io_poll_read(upper_of(io)->below, cx, buffer, len_bytes);

    if (n > 0)
        to_upper(buffer, (size_t)n);
    return n;
}

static ssize_t upper_poll_write(struct rv_io *io, struct rv_cx *cx,
                                const void *data, size_t len_bytes)
{
    char text[4];
    const size_t n = len_bytes < sizeof text ? len_bytes : sizeof text;

    memcpy(text, data, n);
    to_upper(text, n);
    return rv_io_poll_write(upper_of(io)->below, cx, text, n);
}

static int upper_poll_shutdown(struct rv_io *io, struct rv_cx *cx)
{
    return rv_io_poll_shutdown(upper_of(io)->below, cx);
}

RV_TEST(io, an_io_may_be_made_of_another)
{
    static const struct rv_io_ops ops = {.name = "upper",
                                         .poll_read = upper_poll_read,
                                         .poll_write = upper_poll_write,
                                         .poll_shutdown = upper_poll_shutdown};
    struct iovec pieces[] = {{"ab", 2}, {"cdefgh", 6}};
    struct rv_io_shutdown shutdown;
    struct rv_reader_text line;
    struct rv_reader reader;
    struct staged test;
    struct upper upper = {{&ops}, &test.script.io};
    char memory[16];
    struct rv_cx cx;

    staged_init(&test, "hel|.lo\n");
    cx = rv_probe_cx(&test.probe);
    rv_reader_init(&reader, &upper.io, memory, sizeof memory);
    rv_reader_line_init(&line, &reader);
    cr_assert_eq(staged_poll(&test, &line.future), RV_PENDING);
    rv_drop(&line.future); /* it has no `forget`: the waker stays below */
    rv_reader_line_init(&line, &reader);
    cr_assert_eq(staged_run(&test, &line.future), 1);
    cr_assert_str_eq(line.text.data, "HELLO");

    cr_assert_eq(rv_io_poll_writev(&upper.io, &cx, pieces, 2, 0), 2);
    cr_assert_eq(rv_io_poll_writev(&upper.io, &cx, pieces, 2, 3), 4);
    cr_assert_eq(rv_io_poll_writev(&upper.io, &cx, pieces, 2, 8), 0);
    cr_assert_arr_eq(test.script.written, "ABDEFG", 6);
    rv_io_shutdown_init(&shutdown, &upper.io);
    cr_assert_eq(staged_run(&test, &shutdown.future), 0);
    cr_assert(test.script.is_shut);
    staged_fini(&test);
}
