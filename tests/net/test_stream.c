/* SPDX-License-Identifier: MIT */
/*
 * test_stream.c - connect, listen, accept, send, recv, and how a stream ends.
 *
 * Loopback only, on ports that the kernel chose.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/net.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/wire.h"
#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(stream);

/* --- listen and connect ------------------------------------------------ */

RV_TEST(stream, no_socket_has_no_descriptor_and_may_be_closed)
{
    struct rv_stream none = {0};

    cr_assert_eq(rv_stream_fd(&none), -1);
    rv_stream_close(&none);
    rv_tcp_reset(&none);
    cr_assert_eq(rv_stream_fd(&none), -1);
}

RV_TEST(stream, listen_on_port_0_gets_a_free_one)
{
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);

    cr_assert_gt(rv_addr_port(&wire.addr), 0);
    cr_assert_geq(rv_stream_fd(&wire.listener), 0);
    rv_stream_close(&wire.listener);
    cr_assert_eq(rv_stream_fd(&wire.listener), -1);
    wire_close(&wire);
}

RV_TEST(stream, a_port_that_is_taken_is_in_use)
{
    struct rv_stream second = {0};
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);

    cr_assert_eq(rv_tcp_listen(&second, &wire.addr), -EADDRINUSE);
    cr_assert_eq(rv_stream_fd(&second), -1);
    wire_close(&wire);
}

/* SO_REUSEADDR: a connection in TIME_WAIT does not keep the port. */
RV_TEST(stream, a_port_can_be_listened_on_again_after_its_connections)
{
    struct wire wire;

    wire_open(&wire, "127.0.0.1");
    rv_stream_close(&wire.server); /* closes first: TIME_WAIT is on our side */
    rv_stream_close(&wire.client);
    rv_stream_close(&wire.listener);

    cr_assert_eq(rv_tcp_listen(&wire.listener, &wire.addr), 0);
    wire_close(&wire);
}

RV_TEST(stream, without_a_reactor_there_is_no_socket)
{
    struct rv_tcp_connect connect;
    struct rv_stream stream = {0};
    struct rv_cx cx = {0};
    struct rv_addr addr;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    rv_addr_parse(&addr, "127.0.0.1", 0);
    rv_reactor_enter(NULL);

    cr_assert_eq(rv_tcp_listen(&stream, &addr), -ENODEV);
    rv_tcp_connect_init(&connect, &wire.addr, &stream);
    cr_assert_eq(rv_poll(&connect.future, &cx), RV_READY);
    cr_assert_eq(connect.future.result, -ENODEV);
    cr_assert_eq(rv_stream_fd(&stream), -1);
    wire_close(&wire);
}

RV_TEST(stream, connect_and_accept_make_two_ends_of_one_connection)
{
    struct rv_addr client_side;
    struct rv_addr server_side;
    struct wire wire;

    wire_open(&wire, "127.0.0.1");

    cr_assert_eq(rv_tcp_local_addr(&wire.server, &server_side), 0);
    cr_assert_eq(rv_addr_port(&server_side), rv_addr_port(&wire.addr));
    cr_assert_eq(rv_tcp_local_addr(&wire.client, &client_side), 0);
    cr_assert_neq(rv_addr_port(&client_side), rv_addr_port(&wire.addr));
    wire_close(&wire);
}

/* A port that is taken, and one without a listener. */
static int bind_only(struct rv_addr *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(rv_addr_parse(addr, "127.0.0.1", 0), 0);
    cr_assert_eq(bind(fd, &addr->sa.base, addr->len_bytes), 0);
    cr_assert_eq(getsockname(fd, &addr->sa.base, &addr->len_bytes), 0);
    return fd;
}

RV_TEST(stream, connect_where_nobody_listens_is_refused)
{
    struct rv_addr addr;
    struct wire wire;
    int fd = bind_only(&addr);

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);

    cr_assert_eq(connect_to(&wire, &addr), -ECONNREFUSED);
    cr_assert_eq(rv_stream_fd(&wire.client), -1);
    close(fd);
    wire_close(&wire);
}

RV_TEST(stream, connect_to_an_impossible_address_is_an_error)
{
    struct rv_addr addr;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    rv_addr_parse(&addr, "255.255.255.255", 9);

    cr_assert_lt(connect_to(&wire, &addr), 0);
    cr_assert_eq(rv_stream_fd(&wire.client), -1);
    wire_close(&wire);
}

RV_TEST(stream, ipv6_works_as_ipv4_does)
{
    struct wire wire;
    char byte = 0;

    if (!machine_has_ipv6())
        cr_skip_test("no IPv6 on this machine");
    cr_assert_eq(wire_listen(&wire, "::1"), 0);
    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    cr_assert_eq(accept_one(&wire), 0);
    cr_assert_eq(wire.addr.sa.base.sa_family, AF_INET6);
    cr_assert_eq(send_all(&wire, &wire.client, "6", 1), 0);

    cr_assert_eq(recv_some(&wire, &wire.server, &byte, 1), 1);
    cr_assert_eq(byte, '6');
    wire_close(&wire);
}

/* --- accept ------------------------------------------------------------ */

RV_TEST(stream, accept_waits_for_a_connection)
{
    struct rv_stream_accept accept;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    rv_stream_accept_init(&accept, &wire.listener, &wire.server);
    cr_assert_eq(accept.future.at, 0);

    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    cr_assert_eq(rv_test_block_on(wire.executor, &accept.future), 0);
    cr_assert_geq(rv_stream_fd(&wire.server), 0);
    rv_drop(&accept.future);
    wire_close(&wire);
}

RV_TEST(stream, accept_without_descriptors_says_so_and_loses_nobody)
{
    struct rlimit all;
    struct rlimit few;
    struct wire wire;
    char byte = 0;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    cr_assert_eq(send_all(&wire, &wire.client, "!", 1), 0);
    getrlimit(RLIMIT_NOFILE, &all);
    few = (struct rlimit){.rlim_cur = 0, .rlim_max = all.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);

    cr_assert_eq(accept_one(&wire), -EMFILE);
    setrlimit(RLIMIT_NOFILE, &all);
    cr_assert_eq(rv_stream_fd(&wire.server), -1);
    cr_assert_eq(accept_one(&wire), 0);
    cr_assert_eq(recv_some(&wire, &wire.server, &byte, 1), 1);
    cr_assert_eq(byte, '!');
    wire_close(&wire);
}

/* An accept without descriptors, which are available again after it has failed
 * twice. */
struct shortage {
    struct rv_future future;
    struct rv_stream_accept accept;
    struct rlimit all;
    int polls;
};

static enum rv_poll shortage_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct shortage *self = RV_CONTAINER_OF(future, struct shortage, future);

    if (rv_poll(&self->accept.future, cx) == RV_READY)
        return RV_READY;
    if (++self->polls == 2)
        setrlimit(RLIMIT_NOFILE, &self->all);
    return RV_PENDING;
}

RV_TEST(stream, a_patient_accept_waits_for_descriptors)
{
    static const struct rv_future_ops ops = {.name = "shortage",
                                             .poll = shortage_poll};
    struct shortage shortage = {.polls = 0};
    struct rlimit few;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    getrlimit(RLIMIT_NOFILE, &shortage.all);
    few = (struct rlimit){.rlim_cur = 0, .rlim_max = shortage.all.rlim_max};
    rv_future_init(&shortage.future, &ops);
    rv_stream_accept_patient_init(&shortage.accept, &wire.listener,
                                  &wire.server);
    setrlimit(RLIMIT_NOFILE, &few);
    cr_assert_eq(rv_test_block_on(wire.executor, &shortage.future), 0);

    cr_assert_eq(shortage.accept.future.result, 0);
    cr_assert_geq(shortage.polls, 2, "it was there at once");
    cr_assert_geq(rv_stream_fd(&wire.server), 0);
    rv_drop(&shortage.accept.future);
    wire_close(&wire);
}

RV_TEST(stream, a_patient_accept_ends_when_the_listener_is_none)
{
    struct rv_stream_accept accept;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    cr_assert_eq(shutdown(rv_stream_fd(&wire.listener), SHUT_RD), 0);
    rv_stream_accept_patient_init(&accept, &wire.listener, &wire.server);
    cr_assert_eq(rv_test_block_on(wire.executor, &accept.future), -EINVAL);
    rv_drop(&accept.future);
    wire_close(&wire);
}

RV_TEST(stream, accept_after_a_peer_gave_up_goes_on)
{
    struct wire wire;
    char byte;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    rv_tcp_reset(&wire.client); /* it ends in the queue of the listener */
    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    cr_assert_eq(send_all(&wire, &wire.client, "2", 1), 0);

    /* Linux still returns the dead connection; its stream has the error. */
    cr_assert_eq(accept_one(&wire), 0);
    cr_assert_eq(recv_some(&wire, &wire.server, &byte, 1), -ECONNRESET);
    rv_stream_close(&wire.server);
    cr_assert_eq(accept_one(&wire), 0);
    cr_assert_eq(recv_some(&wire, &wire.server, &byte, 1), 1);
    cr_assert_eq(byte, '2');
    wire_close(&wire);
}

/* --- the stream -------------------------------------------------------- */

RV_TEST(stream, what_is_sent_is_received_both_ways)
{
    char text[16] = "";
    struct wire wire;

    wire_open(&wire, "127.0.0.1");

    cr_assert_eq(send_all(&wire, &wire.client, "ping", 4), 0);
    cr_assert_eq(recv_some(&wire, &wire.server, text, sizeof text), 4);
    cr_assert_str_eq(text, "ping");
    cr_assert_eq(send_all(&wire, &wire.server, "pong!", 5), 0);
    cr_assert_eq(recv_some(&wire, &wire.client, text, sizeof text), 5);
    cr_assert_str_eq(text, "pong!");
    wire_close(&wire);
}

RV_TEST(stream, recv_takes_no_more_than_there_is_room_for)
{
    char text[4] = "";
    struct wire wire;

    wire_open(&wire, "127.0.0.1");
    cr_assert_eq(send_all(&wire, &wire.client, "abcde", 5), 0);

    cr_assert_eq(recv_some(&wire, &wire.server, text, 3), 3);
    cr_assert_str_eq(text, "abc");
    cr_assert_eq(recv_some(&wire, &wire.server, text, 3), 2);
    cr_assert_eq(memcmp(text, "de", 2), 0);
    wire_close(&wire);
}

RV_TEST(stream, sending_nothing_is_done_at_once)
{
    struct wire wire;

    wire_open(&wire, "127.0.0.1");

    cr_assert_eq(send_all(&wire, &wire.client, "", 0), 0);
    wire_close(&wire);
}

RV_TEST(stream, a_half_closed_stream_still_goes_the_other_way)
{
    char text[16] = "";
    struct wire wire;

    wire_open(&wire, "127.0.0.1");
    cr_assert_eq(send_all(&wire, &wire.client, "last", 4), 0);
    cr_assert_eq(rv_stream_shutdown_write(&wire.client), 0);

    cr_assert_eq(recv_some(&wire, &wire.server, text, sizeof text), 4);
    cr_assert_eq(recv_some(&wire, &wire.server, text, sizeof text), 0);
    cr_assert_eq(recv_some(&wire, &wire.server, text, sizeof text), 0);
    cr_assert_eq(send_all(&wire, &wire.server, "answer", 6), 0);
    cr_assert_eq(recv_some(&wire, &wire.client, text, sizeof text), 6);
    cr_assert_str_eq(text, "answer");
    cr_assert_eq(send_all(&wire, &wire.client, "x", 1), -EPIPE);
    wire_close(&wire);
}

RV_TEST(stream, a_closed_peer_is_the_end_of_the_stream)
{
    struct wire wire;
    char byte;

    wire_open(&wire, "127.0.0.1");
    rv_stream_close(&wire.client);

    cr_assert_eq(recv_some(&wire, &wire.server, &byte, 1), 0);
    wire_close(&wire);
}

RV_TEST(stream, a_reset_is_an_error_and_nothing_goes_on)
{
    struct wire wire;
    char byte;

    wire_open(&wire, "127.0.0.1");
    rv_tcp_reset(&wire.client);
    cr_assert_eq(rv_stream_fd(&wire.client), -1);

    cr_assert_eq(recv_some(&wire, &wire.server, &byte, 1), -ECONNRESET);
    cr_assert_eq(send_all(&wire, &wire.server, "x", 1), -EPIPE);
    cr_assert_eq(rv_stream_shutdown_write(&wire.server), -ENOTCONN);
    wire_close(&wire);
}

/* SIGPIPE has its default action here: it would end the test. */
RV_TEST(stream, sending_to_a_closed_peer_is_an_error_without_sigpipe)
{
    static const char block[65536];
    struct wire wire;
    int result = 0;

    wire_open(&wire, "127.0.0.1");
    rv_stream_close(&wire.client);
    for (int i = 0; i < 1000 && result == 0; i++)
        result = send_all(&wire, &wire.server, block, sizeof block);

    cr_assert(result == -EPIPE || result == -ECONNRESET, "%d", result);
    cr_assert_eq(send_all(&wire, &wire.server, block, sizeof block), -EPIPE);
    wire_close(&wire);
}

/* --- large transfers --------------------------------------------------- */

enum { LARGE_BYTES = 3 << 20, PIECE_BYTES = 5000 };

/* The byte at a position: a pattern whose shifts differ from it. */
static char pattern(size_t at)
{
    return (char)((at * 31 + at / 251) & 0x7f);
}

/* Reads to the end and counts the bytes that differ from the pattern. */
struct reader {
    struct rv_future future;
    struct rv_stream_recv recv;
    struct rv_stream *stream;
    size_t got_bytes;
    char piece[PIECE_BYTES];
};

static size_t count_wrong(const struct reader *reader, size_t len_bytes)
{
    size_t wrong = 0;

    for (size_t i = 0; i < len_bytes; i++)
        wrong += reader->piece[i] != pattern(reader->got_bytes + i);
    return wrong;
}

static enum rv_poll reader_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct reader *self = RV_CONTAINER_OF(future, struct reader, future);

    RV_BEGIN(future);
    do {
        rv_stream_recv_init(&self->recv, self->stream, self->piece,
                            PIECE_BYTES);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result < 0)
            RV_RETURN(future, self->recv.future.result);
        if (count_wrong(self, (size_t)self->recv.future.result))
            RV_RETURN(future, -EBADMSG);
        self->got_bytes += (size_t)self->recv.future.result;
    } while (self->recv.future.result);
    RV_RETURN(future, self->got_bytes);
    RV_END(future);
}

static void reader_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct reader, future)->recv.future);
}

/* Sends the pattern, then closes its direction. */
struct writer {
    struct rv_future future;
    struct rv_stream_send send;
    struct rv_stream *stream;
    const char *data;
};

static enum rv_poll writer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct writer *self = RV_CONTAINER_OF(future, struct writer, future);

    RV_BEGIN(future);
    rv_stream_send_init(&self->send, self->stream, self->data, LARGE_BYTES);
    RV_AWAIT(future, cx, &self->send.future);
    rv_stream_shutdown_write(self->stream);
    RV_RETURN(future, self->send.future.result);
    RV_END(future);
}

static void writer_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct writer, future)->send.future);
}

static void spawn_reader(struct wire *wire, struct rv_stream *stream,
                         struct rv_join *join)
{
    static const struct rv_future_ops ops = {
        .name = "reader", .poll = reader_poll, .drop = reader_drop};
    struct reader *reader = rv_alloc(sizeof *reader);

    rv_future_init(&reader->future, &ops);
    reader->stream = stream;
    cr_assert_eq(rv_spawn(wire->executor, &reader->future, join), 0);
}

static void spawn_writer(struct wire *wire, struct rv_stream *stream,
                         const char *data, struct rv_join *join)
{
    static const struct rv_future_ops ops = {
        .name = "writer", .poll = writer_poll, .drop = writer_drop};
    struct writer *writer = rv_alloc(sizeof *writer);

    rv_future_init(&writer->future, &ops);
    writer->stream = stream;
    writer->data = data;
    cr_assert_eq(rv_spawn(wire->executor, &writer->future, join), 0);
}

static void make_buffers_small(const struct rv_stream *stream)
{
    /* With smaller ones the kernel waits 40 ms for each window: loopback
     * prefers segments of 64 KiB. */
    const int small_bytes = 32768;

    setsockopt(rv_stream_fd(stream), SOL_SOCKET, SO_SNDBUF, &small_bytes,
               sizeof small_bytes);
    setsockopt(rv_stream_fd(stream), SOL_SOCKET, SO_RCVBUF, &small_bytes,
               sizeof small_bytes);
}

RV_TEST(stream, megabytes_go_through_small_buffers_both_ways_at_once)
{
    char *const data = rv_test_zeros(LARGE_BYTES);
    struct rv_join joins[4];
    struct wire wire;

    for (size_t i = 0; i < LARGE_BYTES; i++)
        data[i] = pattern(i);
    wire_open(&wire, "127.0.0.1");
    make_buffers_small(&wire.client);
    make_buffers_small(&wire.server);
    spawn_writer(&wire, &wire.client, data, &joins[0]);
    spawn_writer(&wire, &wire.server, data, &joins[1]);
    spawn_reader(&wire, &wire.client, &joins[2]);
    spawn_reader(&wire, &wire.server, &joins[3]);

    for (int i = 0; i < 4; i++) {
        int expected = i < 2 ? 0 : LARGE_BYTES;

        cr_assert_eq(rv_test_block_on(wire.executor, &joins[i].future),
                     expected, "%d: %d", i, joins[i].future.result);
        rv_join_drop(&joins[i]);
    }
    wire_close(&wire);
}

/* --- without a future -------------------------------------------------- */

RV_TEST(stream, poll_recv_and_poll_send_leave_a_waker_on_eagain)
{
    static char block[65536];
    struct rv_probe probe;
    struct wire wire;
    struct rv_cx cx;
    ssize_t n;

    wire_open_split(&wire, "127.0.0.1");
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);

    cr_assert_eq(rv_stream_poll_recv(&wire.client, &cx, block, 5), -EAGAIN);
    cr_assert_eq(send_all(&wire, &wire.server, "hello", 5), 0);
    cr_assert(rv_probe_wait(&probe));
    cr_assert_eq(rv_stream_poll_recv(&wire.client, &cx, block, 5), 5);

    do {
        cx = rv_probe_cx(&probe); /* another poll, with a budget of its own */
        n = rv_stream_poll_send(&wire.client, &cx, block, sizeof block);
    } while (n > 0);
    cr_assert_eq(n, -EAGAIN);
    while (rv_probe_take(&probe))
        ;
    rv_tcp_reset(&wire.server);
    cr_assert(rv_probe_wait(&probe));
    cx = rv_probe_cx(&probe);
    n = rv_stream_poll_send(&wire.client, &cx, block, sizeof block);
    cr_assert(n == -ECONNRESET || n == -EPIPE, "%zd", n);
    rv_probe_fini(&probe);
    wire_close(&wire);
}
