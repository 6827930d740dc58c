/* SPDX-License-Identifier: MIT */
/*
 * pieces.c - a response whose body the caller receives, and the calls for
 * coroutines.
 *
 * Threads: the executor's. In a task of a scheduler each wait may be on another
 * executor, so the timer is stopped at the end of each.
 */
#include <errno.h>
#include <reveil/coro.h>
#include <string.h>

#include "http/client/client_internal.h"

void rv_http_get_in_pieces(struct rv_http_get *get)
{
    get->in_pieces = true;
    get->max_body_bytes = UINT64_MAX;
}

/* The body has ended. Returns: `result`. */
static ssize_t end(struct rv_http_get *get, ssize_t result)
{
    get->recv_over = true;
    get->recv_result = (int)result;
    if (result == 0) {
        rv_http_get_enter(get, RV_HTTP_FINISHED);
        rv_http_get_leave(get);
    }
    rv_http_get_hang_up(get);
    return result;
}

static ssize_t take(struct rv_http_get *get, void *buffer, size_t len)
{
    if (len > get->piece.len)
        len = get->piece.len;
    memcpy(buffer, get->body + get->piece.at, len);
    get->piece.at += (uint32_t)len;
    get->piece.len -= (uint32_t)len;
    get->body_len_bytes += len;
    return (ssize_t)len;
}

ssize_t rv_http_get_poll_recv(struct rv_http_get *get, struct rv_cx *cx,
                              void *buffer, size_t len_bytes)
{
    int error;

    if (!get->in_pieces || get->future.at != RV_AT_END ||
        get->future.result != 0)
        return -EINVAL;
    if (get->recv_over)
        return get->recv_result;
    if (len_bytes == 0)
        return 0;
    if (get->timer_ns == 0) /* the time without a byte begins */
        rv_http_get_moved(get);
    error = rv_http_response_piece(get, cx);
    if (error == -EAGAIN) {
        if (!rv_http_get_out_of_time(get, cx))
            return -EAGAIN;
        error = -ETIMEDOUT;
    }
    rv_http_get_disarm(get);
    if (error < 0 || get->piece.len == 0)
        return end(get, error);
    return take(get, buffer, len_bytes);
}

/* --- the future --------------------------------------------------------- */

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_get_recv *recv =
        RV_CONTAINER_OF(future, struct rv_http_get_recv, future);
    const ssize_t len =
        rv_http_get_poll_recv(recv->get, cx, recv->buffer, recv->len_bytes);

    if (len == -EAGAIN)
        return RV_PENDING;
    future->result = (int32_t)len;
    return RV_READY;
}

static void recv_drop(struct rv_future *future)
{
    struct rv_http_get_recv *recv =
        RV_CONTAINER_OF(future, struct rv_http_get_recv, future);

    if (future->at != RV_AT_END)
        rv_http_get_disarm(recv->get);
}

void rv_http_get_recv_init(struct rv_http_get_recv *recv,
                           struct rv_http_get *get, void *buffer,
                           size_t len_bytes)
{
    static const struct rv_future_ops ops = {
        .name = "http-get-recv", .poll = recv_poll, .drop = recv_drop};

    rv_future_init(&recv->future, &ops);
    recv->get = get;
    recv->buffer = buffer;
    recv->len_bytes = len_bytes < INT32_MAX ? len_bytes : INT32_MAX;
}

/* --- in a coroutine ----------------------------------------------------- */

int rv_http_fetch(struct rv_http_get *get, int64_t deadline_ns)
{
    if (deadline_ns < get->deadline_ns)
        get->deadline_ns = deadline_ns;
    return rv_await(&get->future);
}

int rv_http_get_recv(struct rv_http_get *get, void *buffer, size_t len_bytes,
                     int64_t deadline_ns)
{
    struct rv_http_get_recv recv;

    rv_http_get_recv_init(&recv, get, buffer, len_bytes);
    return rv_await_and_drop(&recv.future, deadline_ns);
}
