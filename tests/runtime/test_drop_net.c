/* SPDX-License-Identifier: MIT */
/*
 * test_drop_net.c - every future of the net part, dropped after each poll.
 *
 * Threads: see drop.h.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "net/net_internal.h"
#include "runtime/drop.h"

RV_TEST_SUITE(drop_net);

enum { BIG = 1 << 20 };

static char big[BIG];

/* --- plain sockets at the other end ------------------------------------ */

static int plain_socket(int family, int type)
{
    const int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    cr_assert_geq(fd, 0);
    return fd;
}

static void listen_here(struct world *world)
{
    cr_assert_eq(rv_addr_parse(&world->addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_tcp_listen(&world->listener, &world->addr), 0);
    cr_assert_eq(rv_tcp_local_addr(&world->listener, &world->addr), 0);
}

static void open_pair(struct world *world)
{
    int fds[2];

    cr_assert_eq(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
        0);
    cr_assert_eq(rv_stream_adopt(&world->stream, fds[0]), 0);
    world->peer = fds[1];
}

static void knock(struct world *world)
{
    if (world->peer)
        return;
    world->peer = plain_socket(AF_INET, SOCK_STREAM);
    (void)connect(world->peer, &world->addr.sa.base, world->addr.len_bytes);
}

static void say_something(struct world *world)
{
    cr_assert_eq(send(world->peer, "x", 1, MSG_NOSIGNAL), 1);
}

static void make_room(struct world *world)
{
    static char sink[1 << 16];

    while (recv(world->peer, sink, sizeof sink, 0) > 0)
        ;
}

/* --- net --------------------------------------------------------------- */

static struct rv_future *init_connect(struct world *world)
{
    rv_tcp_connect_init(&world->subject.connect, &world->addr, &world->made);
    return &world->subject.connect.future;
}

/* A queue of one that is full: a connect has to wait. */
static void listen_full(struct world *world)
{
    listen_here(world);
    cr_assert_eq(listen(rv_stream_fd(&world->listener), 0), 0);
    knock(world);
}

static struct rv_future *init_accept(struct world *world)
{
    rv_stream_accept_init(&world->subject.accept, &world->listener,
                          &world->made);
    return &world->subject.accept.future;
}

static struct rv_future *init_recv(struct world *world)
{
    rv_stream_recv_init(&world->subject.recv, &world->stream, world->buffer,
                        sizeof world->buffer);
    return &world->subject.recv.future;
}

static struct rv_future *init_send(struct world *world)
{
    rv_stream_send_init(&world->subject.send, &world->stream, big, sizeof big);
    return &world->subject.send.future;
}

static struct rv_future *init_sendv(struct world *world)
{
    for (int i = 0; i < 2; i++)
        world->pieces[i] = (struct iovec){.iov_base = big, .iov_len = BIG / 2};
    rv_stream_sendv_init(&world->subject.sendv, &world->stream, world->pieces,
                         2);
    return &world->subject.sendv.future;
}

static const char *unix_name(void)
{
    static char name[48];

    snprintf(name, sizeof name, "@reveil-drop-%d", (int)getpid());
    return name;
}

static void connect_plainly(const struct world *world)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const char *name = unix_name();
    const socklen_t len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

    memcpy(addr.sun_path + 1, name + 1, strlen(name) - 1);
    cr_assert_eq(connect(world->peer, (struct sockaddr *)&addr, len), 0);
}

static void unix_listen_full(struct world *world)
{
    cr_assert_eq(rv_unix_listen(&world->listener, unix_name()), 0);
    cr_assert_eq(listen(rv_stream_fd(&world->listener), 0), 0);
    world->peer = plain_socket(AF_UNIX, SOCK_STREAM);
    connect_plainly(world);
}

static void take_one(struct world *world)
{
    const int fd = accept(rv_stream_fd(&world->listener), NULL, NULL);

    if (fd >= 0)
        close(fd);
}

static struct rv_future *init_unix_connect(struct world *world)
{
    rv_unix_connect_init(&world->subject.unix_connect, unix_name(),
                         &world->made);
    return &world->subject.unix_connect.future;
}

static void open_udp(struct world *world)
{
    cr_assert_eq(rv_addr_parse(&world->addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_udp_bind(&world->udp, &world->addr), 0);
    cr_assert_eq(rv_udp_local_addr(&world->udp, &world->addr), 0);
    world->peer = plain_socket(AF_INET, SOCK_DGRAM);
    cr_assert_eq(
        connect(world->peer, &world->addr.sa.base, world->addr.len_bytes), 0);
}

static struct rv_future *init_recv_from(struct world *world)
{
    rv_udp_recv_from_init(&world->subject.recv_from, &world->udp, world->buffer,
                          sizeof world->buffer);
    return &world->subject.recv_from.future;
}

/* On loopback a send never waits: mark it as not ready. */
static struct rv_future *init_send_to(struct world *world)
{
    const struct rv_waker nobody = {0};
    uint32_t tick;

    cr_assert(rv_source_ready(world->udp.source, RV_WRITE, &nobody, &tick));
    rv_source_clear(world->udp.source, RV_WRITE, tick);
    rv_udp_send_to_init(&world->subject.send_to, &world->udp, "x", 1,
                        &world->addr);
    return &world->subject.send_to.future;
}

static void open_signals(struct world *world)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    cr_assert_eq(rv_signals_open(&world->signals, &set), 0);
}

static struct rv_future *init_signal(struct world *world)
{
    rv_signal_wait_init(&world->subject.signal, &world->signals);
    return &world->subject.signal.future;
}

static void send_signal(struct world *world)
{
    (void)world;
    cr_assert_eq(kill(getpid(), SIGUSR1), 0);
}

static void start_process(struct world *world)
{
    static char *argv[] = {(char *)"sleep", (char *)"30", NULL};

    cr_assert_eq(rv_process_spawn(&world->process, argv, NULL, NULL), 0);
}

static struct rv_future *init_process(struct world *world)
{
    rv_process_wait_init(&world->subject.process, &world->process);
    return &world->subject.process.future;
}

static void end_process(struct world *world)
{
    cr_assert_eq(rv_process_kill(&world->process, SIGKILL), 0);
}

/* The pipes of a child are ends of pipes here: there is no child. */
static void open_pipe(struct world *world, bool writes)
{
    int fds[2];

    cr_assert_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_eq(rv_stream_adopt_pipe(&world->stream, fds[writes], writes), 0);
    world->peer = fds[!writes];
}

static void open_out_pipe(struct world *world)
{
    open_pipe(world, false);
}

static void open_in_pipe(struct world *world)
{
    open_pipe(world, true);
}

static void write_something(struct world *world)
{
    cr_assert_eq(write(world->peer, "x", 1), 1);
}

static void read_all(struct world *world)
{
    static char sink[1 << 16];

    while (read(world->peer, sink, sizeof sink) > 0)
        ;
}

/* Not the usual form of 127.0.0.1: it needs a look-up. */
static struct rv_future *init_resolve(struct world *world)
{
    rv_resolve_init(&world->subject.resolve, "127.1", 80);
    return &world->subject.resolve.future;
}

static struct rv_future *init_dial(struct world *world)
{
    rv_dial_init(&world->subject.dial, "127.1", rv_addr_port(&world->addr),
                 rv_after_ms(RV_TEST_WAIT_MS), &world->made);
    return &world->subject.dial.future;
}

/* --- the table --------------------------------------------------------- */

static const struct kind net_kinds[] = {
    {"connect", listen_here, init_connect, NULL, 0, 0, 0},
    {"connect that waits", listen_full, init_connect, NULL, 1, 0, 0},
    {"accept", listen_here, init_accept, knock, 0, 0, 0},
    {"recv", open_pair, init_recv, say_something, 0, 0, 0},
    {"send", open_pair, init_send, make_room, 0, 0, 0},
    {"sendv", open_pair, init_sendv, make_room, 0, 0, 0},
    {"recv, pipe", open_out_pipe, init_recv, write_something, 0, 0, 0},
    {"send, pipe", open_in_pipe, init_send, read_all, 0, 0, 0},
    {"sendv, pipe", open_in_pipe, init_sendv, read_all, 0, 0, 0},
    {"unix connect", unix_listen_full, init_unix_connect, take_one, 0, 0, 0},
    {"recv_from", open_udp, init_recv_from, say_something, 0, 0, 0},
    {"send_to", open_udp, init_send_to, NULL, 0, 0, 0},
    {"signal", open_signals, init_signal, send_signal, 0, 0, 0},
    {"process", start_process, init_process, end_process, 0, 0, 0},
    {"resolve", NULL, init_resolve, NULL, 0, 0, 0},
    {"dial", listen_here, init_dial, NULL, 0, 0, 0},
};

RV_TEST(drop_net, nothing_is_left)
{
    drop_at_each_poll(net_kinds, ROWS(net_kinds), false);
}

RV_TEST(drop_net, nothing_is_left_in_the_fused_mode)
{
    drop_at_each_poll(net_kinds, ROWS(net_kinds), true);
}
