/* SPDX-License-Identifier: MIT */
/* test_await.c - reads and writes of streams in coroutines, on each host. */
#include <reveil/reveil.h>
#include <string.h>

#include "support/hosts.h"

RV_TEST_SUITE(await_io);

/* Two ends of a connection on loopback. */
struct ends {
    struct rv_stream stream[2];
    struct rv_stream_io io[2];
    struct rv_reader reader;
    struct rv_text text;
    char memory[64];
    int result;
};

static int open_ends(struct ends *ends)
{
    struct rv_stream listener = {0};
    struct rv_stream_accept accept;
    struct rv_tcp_connect connect;
    struct rv_addr addr;
    int error;

    memset(ends, 0, sizeof *ends);
    error = rv_addr_parse(&addr, "127.0.0.1", 0);
    if (!error)
        error = rv_tcp_listen(&listener, &addr);
    if (!error)
        error = rv_tcp_local_addr(&listener, &addr);
    if (error)
        return error;
    rv_tcp_connect_init(&connect, &addr, &ends->stream[0]);
    error = rv_await_and_drop(&connect.future, RV_NEVER);
    if (!error) {
        rv_stream_accept_init(&accept, &listener, &ends->stream[1]);
        error = rv_await_and_drop(&accept.future, RV_NEVER);
    }
    rv_stream_close(&listener);
    for (int i = 0; i < 2; i++)
        rv_stream_io_init(&ends->io[i], &ends->stream[i]);
    rv_reader_init(&ends->reader, &ends->io[1].io, ends->memory,
                   sizeof ends->memory);
    return error;
}

static void close_ends(struct ends *ends)
{
    for (int i = 0; i < 2; i++)
        rv_stream_close(&ends->stream[i]);
}

static int say(struct ends *ends, const char *text)
{
    return rv_io_write_all(&ends->io[0].io, text, strlen(text), RV_NEVER);
}

RV_HOST_TEST(await_io, data_that_is_there_is_read_at_once)
{
    struct ends ends;
    char buffer[8];

    HOST_CHECK(open_ends(&ends) == 0);
    HOST_CHECK(say(&ends, "ping") == 0);
    HOST_CHECK(rv_io_read(&ends.io[1].io, buffer, 8, RV_NEVER) == 4);
    HOST_CHECK(memcmp(buffer, "ping", 4) == 0);
    HOST_CHECK(rv_io_shutdown(&ends.io[0].io, RV_NEVER) == 0);
    HOST_CHECK(rv_io_read(&ends.io[1].io, buffer, 8, RV_NEVER) == 0);
    close_ends(&ends);
    return 0;
}

RV_HOST_TEST(await_io, a_deadline_in_the_past_tries_once)
{
    struct ends ends;
    char buffer[8];

    HOST_CHECK(open_ends(&ends) == 0);
    HOST_CHECK(rv_io_read(&ends.io[1].io, buffer, 8, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, 0) == -ETIMEDOUT);
    HOST_CHECK(say(&ends, "a\nb\n") == 0);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, RV_NEVER) == 1);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, 0) == 1);
    HOST_CHECK(strcmp(ends.text.data, "b") == 0);
    close_ends(&ends);
    return 0;
}

/* After each time-out the same call goes on with what has arrived since. */
RV_HOST_TEST(await_io, a_time_out_loses_nothing)
{
    struct ends ends;
    char body[8];
    size_t got;

    HOST_CHECK(open_ends(&ends) == 0);
    HOST_CHECK(say(&ends, "li") == 0);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, rv_after_ms(5)) ==
               -ETIMEDOUT);
    HOST_CHECK(say(&ends, "ne\nbo") == 0);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, RV_NEVER) == 1);
    HOST_CHECK(strcmp(ends.text.data, "line") == 0);
    HOST_CHECK(rv_reader_exact(&ends.reader, body, 4, &got, rv_after_ms(5)) ==
               -ETIMEDOUT);
    HOST_CHECK(say(&ends, "dy") == 0);
    HOST_CHECK(rv_reader_exact(&ends.reader, body + got, 4 - got, &got,
                               RV_NEVER) == 1);
    HOST_CHECK(memcmp(body, "body", 4) == 0);
    close_ends(&ends);
    return 0;
}

static int32_t answer_slowly(void *arg)
{
    struct ends *ends = arg;
    static const char *const pieces[] = {"on", "e\r", "\ntw", "o\nENDx", "yz"};

    for (int i = 0; i < 5; i++) {
        if (rv_coro_sleep_until(rv_after_ms(2)) < 0 || say(ends, pieces[i]) < 0)
            return -EIO;
    }
    return rv_io_shutdown(&ends->io[0].io, RV_NEVER);
}

RV_HOST_TEST(await_io, a_reader_waits_for_its_peer)
{
    struct rv_host_task peer = {0};
    struct rv_bytes bytes = {0};
    struct ends ends;
    char byte;

    HOST_CHECK(open_ends(&ends) == 0);
    HOST_CHECK(rv_host_start(&peer, answer_slowly, &ends) == 0);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, RV_NEVER) == 1);
    HOST_CHECK(strcmp(ends.text.data, "one") == 0);
    HOST_CHECK(rv_reader_until(&ends.reader, "END", 3, &ends.text, RV_NEVER) ==
               1);
    HOST_CHECK(strcmp(ends.text.data, "two\n") == 0);
    HOST_CHECK(rv_reader_peek(&ends.reader, 2, &ends.text, RV_NEVER) == 1);
    HOST_CHECK(memcmp(ends.text.data, "xy", 2) == 0);
    HOST_CHECK(rv_reader_read(&ends.reader, &byte, 1, RV_NEVER) == 1);
    HOST_CHECK(byte == 'x');
    HOST_CHECK(rv_reader_all(&ends.reader, &bytes, RV_NEVER) == 0);
    HOST_CHECK(strcmp(bytes.data, "yz") == 0);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, RV_NEVER) == 0);
    rv_bytes_fini(&bytes);
    HOST_CHECK(rv_host_join(&peer) == 0);
    close_ends(&ends);
    return 0;
}

/* More than the sockets hold, so that the writer waits too. */
enum { MANY_BYTES = 8 * 1024 * 1024 };

static int32_t write_much(void *arg)
{
    struct ends *ends = arg;
    char *much = rv_alloc(MANY_BYTES / 2);
    struct iovec pieces[2] = {{much, MANY_BYTES / 2}, {much, MANY_BYTES / 2}};
    int error = much ? 0 : -ENOMEM;

    if (!error)
        error = rv_io_writev_all(&ends->io[0].io, pieces, 2, RV_NEVER);
    rv_free(much);
    rv_stream_close(&ends->stream[0]);
    return error;
}

RV_HOST_TEST(await_io, a_writer_waits_for_its_reader)
{
    struct rv_host_task peer = {0};
    struct rv_bytes bytes;
    struct ends ends;

    rv_bytes_init(&bytes, MANY_BYTES);
    HOST_CHECK(open_ends(&ends) == 0);
    HOST_CHECK(rv_host_start(&peer, write_much, &ends) == 0);
    HOST_CHECK(rv_reader_all(&ends.reader, &bytes, RV_NEVER) == 0);
    HOST_CHECK(bytes.len_bytes == MANY_BYTES);
    HOST_CHECK(rv_host_join(&peer) == 0);
    rv_bytes_fini(&bytes);
    close_ends(&ends);
    return 0;
}

RV_HOST_TEST(await_io, a_peer_that_goes_is_an_error_or_an_end)
{
    struct ends ends;

    HOST_CHECK(open_ends(&ends) == 0);
    HOST_CHECK(say(&ends, "ab\ncd") == 0);
    rv_stream_close(&ends.stream[0]);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, RV_NEVER) == 1);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, RV_NEVER) == -ENOMSG);
    HOST_CHECK(strcmp(ends.text.data, "cd") == 0);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, RV_NEVER) == 0);
    close_ends(&ends);

    HOST_CHECK(open_ends(&ends) == 0);
    rv_tcp_reset(&ends.stream[0]);
    HOST_CHECK(rv_reader_line(&ends.reader, &ends.text, RV_NEVER) ==
               -ECONNRESET);
    close_ends(&ends);
    return 0;
}

/* --- canceled while it waits ------------------------------------------- */

static int32_t wait_for_a_line(void *arg)
{
    struct ends *ends = arg;

    if (open_ends(ends) != 0 || say(ends, "part") != 0)
        return -EIO;
    ends->result = rv_reader_line(&ends->reader, &ends->text, RV_NEVER);
    /* The part is still there. */
    if (rv_reader_buffered(&ends->reader).len_bytes != 4)
        ends->result = -EIO;
    close_ends(ends);
    return ends->result;
}

static int32_t wait_for_room(void *arg)
{
    struct ends *ends = arg;
    char *much = rv_alloc(MANY_BYTES);

    if (!much || open_ends(ends) != 0)
        return -EIO;
    ends->result = rv_io_write_all(&ends->io[0].io, much, MANY_BYTES, RV_NEVER);
    rv_free(much);
    close_ends(ends);
    return ends->result;
}

RV_TEST(await_io, a_canceled_coroutine_stops_waiting)
{
    for (int host = 0; host < RV_HOSTS; host++) {
        struct ends ends;

        cr_assert_eq(
            rv_host_run_canceled((enum rv_host)host, wait_for_a_line, &ends),
            -ECANCELED);
        cr_assert_eq(
            rv_host_run_canceled((enum rv_host)host, wait_for_room, &ends),
            -ECANCELED);
    }
}
