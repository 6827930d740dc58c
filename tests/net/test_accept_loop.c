/* SPDX-License-Identifier: MIT */
/*
 * test_accept_loop.c - the loop that accepts, with connections of the test's.
 *
 * Threads: those of the host.
 */
#include <errno.h>
#include <reveil/reveil.h>
#include <sys/socket.h>

#include "support/hosts.h"

RV_TEST_SUITE(accept_loop);

enum { MOST = 4 };

struct door {
    struct rv_accept_loop loop;
    struct rv_stream listener;
    struct rv_addr addr;
    struct rv_stream clients[MOST];
    struct rv_stream streams[MOST]; /* those that were started */
    int started;
    int refused; /* calls of start() that fail first */
    int error;   /* with which they do */
    int first_fd;
    int gave_up; /* calls of give_up_one() */
};

static int start(struct rv_accept_loop *loop, struct rv_stream *stream,
                 struct rv_cx *cx)
{
    struct door *self = RV_CONTAINER_OF(loop, struct door, loop);

    (void)cx;
    if (self->refused > 0) {
        self->refused--;
        self->first_fd = rv_stream_fd(stream);
        return self->error;
    }
    if (self->started == MOST)
        return -ENOMEM;
    self->streams[self->started++] = *stream;
    *stream = (struct rv_stream){0};
    return 0;
}

static void give_up_one(struct rv_accept_loop *loop)
{
    RV_CONTAINER_OF(loop, struct door, loop)->gave_up++;
}

static int open_door(struct door *self)
{
    static const struct rv_accept_loop_ops ops = {.start = start,
                                                  .give_up_one = give_up_one};
    const int error = rv_tcp_listen_at(&self->listener, "127.0.0.1", 0);

    rv_accept_loop_init(&self->loop, &self->listener, &ops);
    return error ? error : rv_tcp_local_addr(&self->listener, &self->addr);
}

static int knock(struct door *self, int client)
{
    return rv_tcp_connect(&self->addr, &self->clients[client], RV_NEVER);
}

/* Run the loop until so many connections were started, and a moment longer.
 * Returns: how many were. */
static int wait_for(struct door *self, int count)
{
    for (int i = 0; i < 2 || self->started < count; i++)
        if (rv_await_until(&self->loop.future, rv_after_ms(5)) != -ETIMEDOUT)
            return -1;
    return self->started;
}

/* The server's end of a connection is closed. */
static void lose(struct door *self, int i)
{
    rv_stream_close(&self->streams[i]);
    rv_accept_loop_lost_one(&self->loop);
}

static void close_door(struct door *self)
{
    rv_drop(&self->loop.future);
    for (int i = 0; i < MOST; i++) {
        rv_stream_close(&self->clients[i]);
        rv_stream_close(&self->streams[i]);
    }
    rv_stream_close(&self->listener);
}

RV_HOST_TEST(accept_loop, one_that_ends_makes_room_for_the_next)
{
    struct door door = {.started = 0};

    HOST_CHECK(open_door(&door) == 0);
    door.loop.max_open = 2;
    for (int i = 0; i < 3; i++)
        HOST_CHECK(knock(&door, i) == 0);
    HOST_CHECK(wait_for(&door, 2) == 2);
    lose(&door, 0);
    HOST_CHECK(wait_for(&door, 3) == 3);
    HOST_CHECK(knock(&door, 3) == 0);
    HOST_CHECK(wait_for(&door, 3) == 3);
    door.loop.max_open = 0; /* no limit; it is seen when one ends */
    lose(&door, 1);
    HOST_CHECK(wait_for(&door, 4) == 4);
    HOST_CHECK(door.gave_up == 0);
    close_door(&door);
    return 0;
}

RV_HOST_TEST(accept_loop, a_busy_start_gets_the_same_connection_again)
{
    struct door door = {.refused = 3, .error = -EAGAIN};

    HOST_CHECK(open_door(&door) == 0);
    HOST_CHECK(knock(&door, 0) == 0);
    HOST_CHECK(wait_for(&door, 1) == 1);
    HOST_CHECK(rv_stream_fd(&door.streams[0]) == door.first_fd);
    HOST_CHECK(door.gave_up == 0);
    close_door(&door);
    return 0;
}

RV_HOST_TEST(accept_loop, a_shortage_gives_one_up_and_loses_none)
{
    struct door door = {.started = 0};

    HOST_CHECK(open_door(&door) == 0);
    HOST_CHECK(knock(&door, 0) == 0);
    HOST_CHECK(wait_for(&door, 1) == 1);
    door.refused = 2;
    door.error = -EMFILE;
    HOST_CHECK(knock(&door, 1) == 0);
    while (door.gave_up == 0)
        HOST_CHECK(rv_await_until(&door.loop.future, rv_after_ms(1)) ==
                   -ETIMEDOUT);
    lose(&door, 0);
    HOST_CHECK(wait_for(&door, 2) == 2); /* after the second refusal, too */
    HOST_CHECK(door.gave_up == 2);
    HOST_CHECK(rv_stream_fd(&door.streams[1]) == door.first_fd);
    close_door(&door);
    return 0;
}

RV_HOST_TEST(accept_loop, a_drop_closes_what_was_not_started)
{
    struct door door = {.refused = 1000000, .error = -EMFILE};
    char byte;

    HOST_CHECK(open_door(&door) == 0);
    HOST_CHECK(knock(&door, 0) == 0);
    while (door.gave_up == 0)
        HOST_CHECK(rv_await_until(&door.loop.future, rv_after_ms(1)) ==
                   -ETIMEDOUT);
    rv_drop(&door.loop.future);
    HOST_CHECK(rv_stream_recv(&door.clients[0], &byte, 1, RV_NEVER) <= 0);
    close_door(&door);
    return 0;
}

RV_HOST_TEST(accept_loop, an_error_of_the_listener_ends_it)
{
    struct door door = {.started = 0};

    HOST_CHECK(open_door(&door) == 0);
    HOST_CHECK(rv_await_until(&door.loop.future, 0) == -ETIMEDOUT);
    HOST_CHECK(shutdown(rv_stream_fd(&door.listener), SHUT_RDWR) == 0);
    HOST_CHECK(rv_await(&door.loop.future) == -EINVAL);
    close_door(&door);
    return 0;
}
