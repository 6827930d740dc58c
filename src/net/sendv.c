/* SPDX-License-Identifier: MIT */
/*
 * sendv.c - send several pieces with one system call, and continue in the
 * middle of a piece after a partial send.
 *
 * Threads: the thread of the executor whose tasks use the socket.
 *
 * The caller's array is not modified. Each call copies its next entries and
 * shortens the first one by what was sent of it.
 */
#include <errno.h>
#include <reveil/net.h>

#include "net/net_internal.h"

/* Skip the pieces that were sent completely, and empty ones. */
static void skip_sent(const struct iovec **pieces, size_t *count,
                      size_t *skip_bytes)
{
    while (*count > 0 && *skip_bytes >= (*pieces)->iov_len) {
        *skip_bytes -= (*pieces)->iov_len;
        ++*pieces;
        --*count;
    }
}

/* Copy the entries without the first `skip_bytes`. Returns: their total
 * length. */
static size_t copy_pieces(struct iovec *out, const struct iovec *pieces,
                          size_t count, size_t skip_bytes)
{
    size_t len_bytes = 0;

    for (size_t i = 0; i < count; i++) {
        out[i].iov_base = (char *)pieces[i].iov_base + skip_bytes;
        out[i].iov_len = pieces[i].iov_len - skip_bytes;
        len_bytes += out[i].iov_len;
        skip_bytes = 0;
    }
    return len_bytes;
}

/* What one sendmsg() sends. */
struct part {
    struct msghdr message;
    size_t len_bytes;
    struct iovec pieces[RV_SENDV_PIECES];
};

/* Returns: false if nothing is left to send. */
static bool prepare(struct part *part, const struct iovec *pieces, size_t count,
                    size_t skip_bytes)
{
    skip_sent(&pieces, &count, &skip_bytes);
    if (count > RV_SENDV_PIECES)
        count = RV_SENDV_PIECES;
    part->message =
        (struct msghdr){.msg_iov = part->pieces, .msg_iovlen = count};
    part->len_bytes = copy_pieces(part->pieces, pieces, count, skip_bytes);
    return count > 0;
}

ssize_t rv_stream_poll_sendv(struct rv_stream *stream, struct rv_cx *cx,
                             const struct iovec *pieces, size_t count,
                             size_t skip_bytes)
{
    struct part part;

    if (!prepare(&part, pieces, count, skip_bytes))
        return 0;
    return rv_stream_poll_sendmsg(stream, cx, &part.message, part.len_bytes);
}

ssize_t rv_stream_try_sendv(struct rv_stream *stream,
                            const struct iovec *pieces, size_t count,
                            size_t skip_bytes)
{
    struct part part;

    if (!prepare(&part, pieces, count, skip_bytes))
        return 0;
    return rv_stream_try_sendmsg(stream, &part.message, part.len_bytes);
}

/* --- the future -------------------------------------------------------- */

static enum rv_poll sendv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_stream_sendv *self =
        RV_CONTAINER_OF(future, struct rv_stream_sendv, future);

    skip_sent(&self->pieces, &self->count, &self->skip_bytes);
    while (self->count > 0) {
        const ssize_t n = rv_stream_poll_sendv(self->stream, cx, self->pieces,
                                               self->count, self->skip_bytes);

        if (n == -EAGAIN)
            return rv_net_wait(future, self->stream->source, RV_WRITE);
        if (n < 0) {
            future->result = (int32_t)n;
            return RV_READY;
        }
        self->sent_bytes += (size_t)n;
        self->skip_bytes += (size_t)n;
        skip_sent(&self->pieces, &self->count, &self->skip_bytes);
    }
    future->result = 0;
    return RV_READY;
}

static void sendv_drop(struct rv_future *future)
{
    struct rv_stream_sendv *self =
        RV_CONTAINER_OF(future, struct rv_stream_sendv, future);

    rv_net_stop_waiting(future, self->stream->source, RV_WRITE);
}

void rv_stream_sendv_init(struct rv_stream_sendv *send,
                          struct rv_stream *stream, const struct iovec *pieces,
                          size_t count)
{
    static const struct rv_future_ops ops = {
        .name = "rv_stream_sendv", .poll = sendv_poll, .drop = sendv_drop};

    *send = (struct rv_stream_sendv){
        .stream = stream, .pieces = pieces, .count = count};
    rv_future_init(&send->future, &ops);
}
