/* SPDX-License-Identifier: MIT */
/*
 * round_trip.h - everything a runtime does, once: listen, connect, send, spawn
 * a task that accepts and echoes, await it, receive.
 *
 *     int result = round_trip(executor);     0, or a negative errno
 *
 * No step waits for something that cannot happen: if a step fails, the whole
 * trip fails.
 *
 * Threads: any with an executor and a current reactor.
 */
#ifndef RV_TEST_ROUND_TRIP_H
#define RV_TEST_ROUND_TRIP_H

#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/runtime.h>
#include <string.h>

#include "support/support.h"

enum { TRIP_BYTES = 5 };

/* --- the task that echoes ---------------------------------------------- */

struct echo {
    struct rv_future future;
    struct rv_stream *listener;
    struct rv_stream stream;
    struct rv_stream_accept accept;
    struct rv_stream_recv recv;
    struct rv_stream_send send;
    char text[TRIP_BYTES];
};

static inline enum rv_poll echo_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct echo *self = RV_CONTAINER_OF(future, struct echo, future);

    RV_BEGIN(future);
    rv_stream_accept_init(&self->accept, self->listener, &self->stream);
    RV_AWAIT(future, cx, &self->accept.future);
    if (self->accept.future.result < 0)
        RV_RETURN(future, self->accept.future.result);
    rv_stream_recv_init(&self->recv, &self->stream, self->text, TRIP_BYTES);
    RV_AWAIT(future, cx, &self->recv.future);
    if (self->recv.future.result != TRIP_BYTES)
        RV_RETURN(future, -EPROTO);
    rv_stream_send_init(&self->send, &self->stream, self->text, TRIP_BYTES);
    RV_AWAIT(future, cx, &self->send.future);
    RV_RETURN(future, self->send.future.result);
    RV_END(future);
}

static inline void echo_drop(struct rv_future *future)
{
    struct echo *self = RV_CONTAINER_OF(future, struct echo, future);

    rv_drop(&self->accept.future);
    rv_drop(&self->recv.future);
    rv_drop(&self->send.future);
    rv_stream_close(&self->stream);
}

static inline int spawn_echo(struct rv_executor *executor,
                             struct rv_stream *listener, struct rv_join *join)
{
    static const struct rv_future_ops ops = {
        .name = "echo", .poll = echo_poll, .drop = echo_drop};
    struct echo *echo = rv_alloc(sizeof *echo);
    int error;

    if (!echo)
        return -ENOMEM;
    rv_future_init(&echo->future, &ops);
    echo->listener = listener;
    error = rv_spawn(executor, &echo->future, join);
    if (error)
        rv_free(echo);
    return error;
}

/* --- the one that asks ------------------------------------------------- */

struct trip {
    struct rv_future future;
    struct rv_stream listener;
    struct rv_stream stream;
    struct rv_tcp_connect connect;
    struct rv_stream_send send;
    struct rv_stream_recv recv;
    struct rv_join echo;
    char text[TRIP_BYTES];
};

/* Returns: 0 and the address to connect to, or a negative errno. */
static inline int trip_listen(struct trip *trip, struct rv_addr *addr)
{
    int error = rv_addr_parse(addr, "127.0.0.1", 0);

    if (!error)
        error = rv_tcp_listen(&trip->listener, addr);
    return error ? error : rv_tcp_local_addr(&trip->listener, addr);
}

static inline int trip_check(const struct trip *trip)
{
    return trip->recv.future.result == TRIP_BYTES &&
                   memcmp(trip->text, "hello", TRIP_BYTES) == 0
               ? 0
               : -EPROTO;
}

static inline enum rv_poll trip_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct trip *self = RV_CONTAINER_OF(future, struct trip, future);
    struct rv_addr addr;
    int error;

    RV_BEGIN(future);
    error = trip_listen(self, &addr);
    if (error)
        RV_RETURN(future, error);
    rv_tcp_connect_init(&self->connect, &addr, &self->stream);
    RV_AWAIT(future, cx, &self->connect.future);
    if (self->connect.future.result < 0)
        RV_RETURN(future, self->connect.future.result);
    rv_stream_send_init(&self->send, &self->stream, "hello", TRIP_BYTES);
    RV_AWAIT(future, cx, &self->send.future);
    if (self->send.future.result < 0)
        RV_RETURN(future, self->send.future.result);
    error = spawn_echo(cx->executor, &self->listener, &self->echo);
    if (error)
        RV_RETURN(future, error);
    RV_AWAIT(future, cx, &self->echo.future);
    if (self->echo.future.result < 0)
        RV_RETURN(future, self->echo.future.result);
    rv_stream_recv_init(&self->recv, &self->stream, self->text, TRIP_BYTES);
    RV_AWAIT(future, cx, &self->recv.future);
    RV_RETURN(future, trip_check(self));
    RV_END(future);
}

static inline void trip_drop(struct rv_future *future)
{
    struct trip *self = RV_CONTAINER_OF(future, struct trip, future);

    rv_join_abort(&self->echo);
    rv_drop(&self->echo.future);
    rv_drop(&self->connect.future);
    rv_drop(&self->send.future);
    rv_drop(&self->recv.future);
    rv_stream_close(&self->stream);
    rv_stream_close(&self->listener);
}

static inline void trip_init(struct trip *trip)
{
    static const struct rv_future_ops ops = {
        .name = "trip", .poll = trip_poll, .drop = trip_drop};

    *trip = (struct trip){.text = ""};
    rv_future_init(&trip->future, &ops);
}

static inline int round_trip(struct rv_executor *executor)
{
    struct trip trip;
    int result;

    trip_init(&trip);
    result = rv_test_block_on(executor, &trip.future);
    rv_drop(&trip.future);
    return result;
}

#endif /* RV_TEST_ROUND_TRIP_H */
