/* SPDX-License-Identifier: MIT */
/*
 * http_layer.h - what is between HTTP and its sockets: TLS, for example.
 *
 *     static int clear_open(struct rv_http_layer *layer, struct rv_io *lower,
 *                           const char *host, struct rv_io **out)
 *     {
 *         *out = lower;             TLS: an io of its own, which uses `lower`
 *         return 0;
 *     }
 *
 *     static void clear_close(struct rv_http_layer *layer, struct rv_io *io)
 *     {
 *     }
 *
 *     static const struct rv_http_layer_ops clear_ops = {
 *         .name = "clear", .open = clear_open, .close = clear_close};
 *     static struct rv_http_layer clear = {.ops = &clear_ops};
 *
 *     server.layer = &clear;                  before the first poll
 *     error = rv_https_request_init(&get, "GET", url, &clear);
 *
 * The library has no TLS and links none. A program makes a layer of a TLS
 * library: examples/https.c is one with OpenSSL. The one above encrypts
 * nothing. Without a layer, HTTP uses its sockets directly: this interface is
 * not called.
 */
#ifndef RV_HTTP_LAYER_H
#define RV_HTTP_LAYER_H

#include <reveil/io.h>

RV_BEGIN_DECLS

struct rv_http_layer;

/* The operations of a layer. Threads: the executor's. */
struct rv_http_layer_ops {
    const char *name; /* for messages and logs */

    /*
     * A connection begins: make an io of it. This must not wait: a handshake is
     * part of the first reads and writes.
     *
     * lower: the connection, valid and unmoved until `close`.
     * host:  to the client: the host of the URL; to the server: NULL.
     * Owns:  *out stays the layer's until `close`.
     * Returns: 0; a negative errno, which ends the connection.
     */
    int (*open)(struct rv_http_layer *layer, struct rv_io *lower,
                const char *host, struct rv_io **out);

    /* The connection has ended, or is given up: free what `open` has made. The
     * caller closes the socket. Must not wait. */
    void (*close)(struct rv_http_layer *layer, struct rv_io *io);
};

/* Embedded in every concrete layer, which must stay valid and unmoved as long
 * as there are connections of it. */
struct rv_http_layer {
    const struct rv_http_layer_ops *ops;
};

RV_END_DECLS

#endif /* RV_HTTP_LAYER_H */
