/* SPDX-License-Identifier: MIT */
/*
 * link.c - begin and end a connection with a layer.
 *
 * Threads: the executor's.
 */
#include "http/message/link.h"

#include <errno.h>

static int open_link(struct rv_http_link *link, struct rv_stream *stream,
                     const char *host, struct rv_http_link **out)
{
    int error;

    rv_stream_io_init(&link->lower, stream);
    error =
        link->layer->ops->open(link->layer, &link->lower.io, host, &link->io);
    *out = error < 0 ? NULL : link;
    if (error < 0) {
        rv_stream_close(&link->stream);
        rv_free(link);
    }
    return error;
}

int rv_http_link_open(struct rv_http_link **out, struct rv_http_layer *layer,
                      struct rv_stream *stream, const char *host)
{
    struct rv_http_link *link = rv_alloc(sizeof *link);

    *out = NULL;
    if (!link)
        return -ENOMEM;
    *link = (struct rv_http_link){.layer = layer};
    return open_link(link, stream, host, out);
}

int rv_http_link_take(struct rv_http_link **out, struct rv_http_layer *layer,
                      struct rv_stream *stream, const char *host)
{
    struct rv_http_link *link = rv_alloc(sizeof *link);

    *out = NULL;
    if (!link) {
        rv_stream_close(stream);
        return -ENOMEM;
    }
    *link = (struct rv_http_link){.layer = layer, .stream = *stream};
    *stream = (struct rv_stream){0};
    return open_link(link, &link->stream, host, out);
}

void rv_http_link_close(struct rv_http_link *link)
{
    if (!link)
        return;
    link->layer->ops->close(link->layer, link->io);
    rv_stream_close(&link->stream);
    rv_free(link);
}
