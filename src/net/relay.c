/* SPDX-License-Identifier: MIT */
/*
 * relay.c - carry what one stream sends to another, in one direction or two.
 *
 * Each direction has its part of the caller's buffer. It receives only when all
 * of its part is sent, so a receiver that is slow holds its sender back. The
 * two directions wait in different places: the reading side of one stream, or
 * the writing side of the other. So one task can wait for both.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <reveil/coro.h>
#include <reveil/relay.h>

#include "base/base_internal.h"
#include "net/net_internal.h"

/* --- one direction ----------------------------------------------------- */

/* Send what is left in the buffer. Returns: 0: all is sent; -EAGAIN: the waker
 * was stored; negative errno. */
static int send_rest(struct rv_relay_side *side, struct rv_cx *cx)
{
    while (side->start < side->end) {
        const ssize_t n = rv_stream_poll_send(
            side->to, cx, side->buffer + side->start, side->end - side->start);

        if (n < 0)
            return (int)n;
        side->start += (size_t)n;
        side->moved_bytes += (uint64_t)n;
        side->last_ns = rv_coarse_now_ns();
    }
    return 0;
}

/* Returns: 0: its end was passed on; -EAGAIN: the waker was stored; negative
 * errno. */
static int move(struct rv_relay_side *side, struct rv_cx *cx)
{
    while (!side->is_over) {
        int error = send_rest(side, cx);
        ssize_t n;

        if (error)
            return error;
        n = rv_stream_poll_recv(side->from, cx, side->buffer, side->len_bytes);
        if (n < 0)
            return (int)n;
        side->start = 0;
        side->end = (size_t)n;
        side->last_ns = rv_coarse_now_ns();
        if (n > 0)
            continue;
        side->is_over = true;
        error = rv_stream_shutdown_write(side->to);
        if (error && error != -ENOTCONN) /* it has gone already */
            return error;
    }
    return 0;
}

/* --- the future -------------------------------------------------------- */

/* Has neither direction moved anything for the limit? If not, the timer is
 * armed; it is armed again only when it fires, not at each byte. */
static bool is_idle(struct rv_stream_relay *self, struct rv_cx *cx)
{
    while (rv_poll(&self->limit.future, cx) == RV_READY) {
        const int64_t last_ns = self->side[0].last_ns > self->side[1].last_ns
                                    ? self->side[0].last_ns
                                    : self->side[1].last_ns;
        const int64_t end_ns = rv_later_ns(last_ns, self->idle_ns);

        if (rv_now_ns() >= end_ns)
            return true;
        rv_sleep_init(&self->limit, end_ns);
    }
    return false;
}

/* Each direction waits in one place. Returns: PENDING. */
static enum rv_poll wait(struct rv_stream_relay *self)
{
    for (int i = 0; i < 2; i++) {
        const struct rv_relay_side *side = &self->side[i];

        if (side->is_over)
            continue;
        if (side->start < side->end)
            rv_source_waits(side->to->source, RV_WRITE, &self->future);
        else
            rv_source_waits(side->from->source, RV_READ, &self->future);
    }
    self->future.at = RV_NET_WAITING;
    return RV_PENDING;
}

static enum rv_poll relay_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_stream_relay *self =
        RV_CONTAINER_OF(future, struct rv_stream_relay, future);
    bool waits = false;

    for (int i = 0; i < 2; i++) {
        const int error = move(&self->side[i], cx);

        if (error && error != -EAGAIN) {
            future->result = error;
            return RV_READY;
        }
        waits |= error == -EAGAIN;
    }
    future->result = 0;
    if (!waits)
        return RV_READY;
    if (!is_idle(self, cx))
        return wait(self);
    future->result = -ETIMEDOUT;
    return RV_READY;
}

/* Also at the end: an error of one direction leaves the other one's waker. */
static void relay_drop(struct rv_future *future)
{
    struct rv_stream_relay *self =
        RV_CONTAINER_OF(future, struct rv_stream_relay, future);

    for (int i = 0; i < 2; i++) {
        if (!self->side[i].from)
            continue;
        if (self->side[i].from->source)
            rv_source_forget(self->side[i].from->source, RV_READ);
        if (self->side[i].to->source)
            rv_source_forget(self->side[i].to->source, RV_WRITE);
        self->side[i].from = NULL;
    }
    rv_drop(&self->limit.future);
}

void rv_stream_relay_ways_init(struct rv_stream_relay *relay,
                               const struct rv_relay_way *ways, size_t count,
                               void *buffer, size_t len_bytes, int64_t idle_ns)
{
    static const struct rv_future_ops ops = {
        .name = "rv_stream_relay", .poll = relay_poll, .drop = relay_drop};
    const int64_t now_ns = rv_now_ns();

    RV_CHECK(count == 1 || count == 2, "a relay has one or two directions");
    RV_CHECK(len_bytes >= 2, "a relay needs a buffer of two bytes or more");
    *relay = (struct rv_stream_relay){.idle_ns = idle_ns};
    rv_future_init(&relay->future, &ops);
    relay->side[1].is_over = true;
    for (size_t i = 0; i < count; i++)
        relay->side[i] = (struct rv_relay_side){
            .from = ways[i].from,
            .to = ways[i].to,
            .buffer = (char *)buffer + i * (len_bytes / count),
            .len_bytes = len_bytes / count,
            .last_ns = now_ns};
    rv_sleep_init(&relay->limit, rv_later_ns(now_ns, idle_ns));
}

void rv_stream_relay_init(struct rv_stream_relay *relay, struct rv_stream *a,
                          struct rv_stream *b, void *buffer, size_t len_bytes,
                          int64_t idle_ns)
{
    const struct rv_relay_way ways[] = {{a, b}, {b, a}};

    rv_stream_relay_ways_init(relay, ways, 2, buffer, len_bytes, idle_ns);
}

int rv_stream_relay_ways(const struct rv_relay_way *ways, size_t count,
                         void *buffer, size_t len_bytes, int64_t idle_ns,
                         int64_t deadline_ns)
{
    struct rv_stream_relay relay;

    rv_stream_relay_ways_init(&relay, ways, count, buffer, len_bytes, idle_ns);
    return rv_await_and_drop(&relay.future, deadline_ns);
}

int rv_stream_relay(struct rv_stream *a, struct rv_stream *b, void *buffer,
                    size_t len_bytes, int64_t idle_ns, int64_t deadline_ns)
{
    struct rv_stream_relay relay;

    rv_stream_relay_init(&relay, a, b, buffer, len_bytes, idle_ns);
    return rv_await_and_drop(&relay.future, deadline_ns);
}
