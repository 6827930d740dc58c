/* SPDX-License-Identifier: MIT */
/*
 * link.h - a connection with a layer between HTTP and its socket. Without a
 * layer there is none of these, and the socket is used directly.
 *
 * Threads: the executor's.
 */
#ifndef RV_HTTP_LINK_H
#define RV_HTTP_LINK_H

#include <reveil/http_layer.h>
#include <reveil/net.h>

struct rv_http_link {
    struct rv_http_layer *layer;
    struct rv_io *io;
    struct rv_stream_io lower; /* on a socket of the caller, or on: */
    struct rv_stream stream;
};

/*
 * Begin a connection of `layer` on *stream, which stays in its place.
 *
 * Returns: 0, -ENOMEM, or the error of the layer.
 */
int rv_http_link_open(struct rv_http_link **out, struct rv_http_layer *layer,
                      struct rv_stream *stream, const char *host);

/* The same, and the socket moves into the link, which closes it. On error too
 * *stream is "no socket". */
int rv_http_link_take(struct rv_http_link **out, struct rv_http_layer *layer,
                      struct rv_stream *stream, const char *host);

/* Release the layer's part, and the socket if it was taken. NULL: a no-op. */
void rv_http_link_close(struct rv_http_link *link);

/* The calls of net.h on `stream`, or those of the link if there is one. */
static inline ssize_t rv_http_link_recv(struct rv_http_link *link,
                                        struct rv_stream *stream,
                                        struct rv_cx *cx, void *buffer,
                                        size_t len)
{
    return link ? rv_io_poll_read(link->io, cx, buffer, len)
                : rv_stream_poll_recv(stream, cx, buffer, len);
}

static inline ssize_t rv_http_link_send(struct rv_http_link *link,
                                        struct rv_stream *stream,
                                        struct rv_cx *cx, const void *data,
                                        size_t len)
{
    return link ? rv_io_poll_write(link->io, cx, data, len)
                : rv_stream_poll_send(stream, cx, data, len);
}

static inline ssize_t
rv_http_link_sendv(struct rv_http_link *link, struct rv_stream *stream,
                   struct rv_cx *cx, const struct iovec *pieces, size_t count)
{
    return link ? rv_io_poll_writev(link->io, cx, pieces, count, 0)
                : rv_stream_poll_sendv(stream, cx, pieces, count, 0);
}

#endif /* RV_HTTP_LINK_H */
