/* SPDX-License-Identifier: MIT */
/*
 * http_exchange.h - a request and its response, as a handler of the server
 * sees them.
 *
 *     static int32_t upload(struct rv_http_exchange *x, void *data)
 *     {
 *         char piece[4096];
 *         uint64_t total = 0;
 *         int n;
 *
 *         while ((n = rv_http_recv(x, piece, sizeof piece, RV_NEVER)) > 0)
 *             total += (uint64_t)n;
 *         if (n < 0)
 *             return n;                    the client gets 400, 408 or 413
 *         return rv_http_reply(x, total ? 201 : 400, NULL, "", 0);
 *     }
 *
 * A handler is a coroutine function, as above, or a future. http_server.h has
 * the server and the routes.
 */
#ifndef RV_HTTP_EXCHANGE_H
#define RV_HTTP_EXCHANGE_H

#include <reveil/future.h>
#include <reveil/http.h>
#include <reveil/net.h>

RV_BEGIN_DECLS

struct rv_http_connection;
struct rv_http_route;

/* A parameter of a route. Private: see rv_http_param(). */
struct rv_http_param {
    const char *name; /* in the path of the route, not NUL-terminated */
    uint32_t name_len;
    struct rv_http_slice value;
};

enum { RV_HTTP_PARAMS = 8 }; /* of a route, at most */

/* A request, and the connection for its response. */
struct rv_http_exchange {
    const struct rv_http_head *head; /* its slices refer to `bytes` */
    const char *bytes;
    struct rv_stream *stream; /* for handlers that send by themselves; NULL if
                                 the server has a layer (http_layer.h) */

    bool head_only;  /* a HEAD request: the response has no body */
    bool chunked;    /* set by rv_http_format_head(): send the body in chunks */
    bool keep_alive; /* clear it before the response to close after it */

    /* Private. */
    struct rv_http_connection *connection;
    const struct rv_http_route *route;
    uint32_t param_count;
    struct rv_http_param params[RV_HTTP_PARAMS];
};

/* --- handlers ---------------------------------------------------------- */

/* A handler as a coroutine. Returns: as struct rv_http_handler says. */
typedef int32_t (*rv_http_fn)(struct rv_http_exchange *exchange, void *data);

/*
 * What the server does with a request: `run` is called in a coroutine, or
 * `init` creates a future. Either starts when the head was received.
 *
 * The result, of the coroutine or the future, is 0 or more after it has sent or
 * queued a response; RV_HTTP_HANG_UP; RV_HTTP_RESET; or a negative errno.
 * Without a response the server sends one: 400, 408 or 413 if the body could
 * not be received for that reason; 503 after an error of a shortage (-EMFILE,
 * -ENFILE, -ENOMEM, -ENOBUFS, -ENOSPC); else 500. If a handler fails after
 * rv_http_begin(), the connection is closed, so that the client sees that the
 * response is not complete.
 *
 * A handler is dropped when the client resets the connection, when
 * handler_timeout_ns has passed without a response, and with the server. A
 * coroutine is then aborted: its waits return -ECANCELED, and so do the calls
 * of this header. rv_coro_grace() gives it no time. If its clean-up has to
 * wait, as to remove a file with rv_path_unlink(), it leaves that to another
 * coroutine: rv_coro_spawn_copy() on rv_executor_current(), without a join. A
 * child process needs no wait: rv_process_kill_and_close().
 */
struct rv_http_handler {
    /* A future: the size of its struct, and a function that initializes it in
     * zeroed memory. The struct begins with a struct rv_future. */
    size_t frame_bytes;
    void (*init)(struct rv_future *frame, struct rv_http_exchange *exchange,
                 void *data);
    void *data; /* the argument of all three functions */

    /* A coroutine, instead of `init`. */
    rv_http_fn run;
    size_t stack_bytes; /* 0: RV_CORO_STACK_BYTES */

    /*
     * A future that calls rv_http_recv_init() or rv_http_poll_recv() sets this.
     * Without it the body of a request is received and discarded before `init`
     * is called. A coroutine always gets the body.
     */
    bool takes_body;

    /* The largest body; 0: limits.body_bytes of the server. A larger one is
     * answered with 413, before the handler if its length is known. */
    uint64_t body_bytes;

    /*
     * Instead of `init` and `run`: another handler for this request, by its
     * path for example. It stays valid until the response is complete.
     * `frame_bytes` is at least that of any handler it returns.
     */
    const struct rv_http_handler *(*choose)(struct rv_http_exchange *exchange,
                                            void *data);
};

enum {
    RV_HTTP_HANG_UP = -1000, /* close the connection without a response */
    RV_HTTP_RESET = -1001    /* the same, with a reset */
};

/* --- the request ------------------------------------------------------- */

/* True if the request has this method, which is in upper case. */
bool rv_http_is_method(const struct rv_http_exchange *exchange,
                       const char *method);

/*
 * The path of a request, without the query, and without the host if the target
 * is absolute ("GET http://host/path"). The slice refers to exchange->bytes.
 */
struct rv_http_slice rv_http_path(const struct rv_http_exchange *exchange);

/* What follows the "?" of the target; empty without one. */
struct rv_http_slice rv_http_query(const struct rv_http_exchange *exchange);

/*
 * The part of the path for the parameter `name` of the route: for ":id" the
 * name is "id", for "*" it is "*". As it was sent: see rv_http_decode(). Empty
 * if the route has no such parameter.
 */
struct rv_http_slice rv_http_param(const struct rv_http_exchange *exchange,
                                   const char *name);

/*
 * Receive some of the body of the request. A client that waits for "100
 * Continue" is sent it by the first call, unless the response has begun.
 *
 * Returns: the number of bytes; 0: the body is complete, or there is none;
 * -EAGAIN: the waker of `cx` was stored; -EPIPE, -ECONNRESET, ...: the client
 * has gone; -EBADMSG: it is malformed; -EMSGSIZE: it is too large; -ETIMEDOUT:
 * no byte for the server's idle_timeout_ns; -ECANCELED: the handler was
 * dropped. After an error the connection is closed behind the response.
 */
ssize_t rv_http_poll_recv(struct rv_http_exchange *exchange, struct rv_cx *cx,
                          void *buffer, size_t len_bytes);

/* The same as a future. result: as above, but for -EAGAIN. Dropped before it
 * is READY, it has received nothing. */
struct rv_http_recv {
    struct rv_future future;
    struct rv_http_exchange *exchange;
    void *buffer;
    size_t len_bytes;
};

/* Owns: the caller keeps the buffer, which must stay valid and unmoved until
 * the future is READY or dropped. */
void rv_http_recv_init(struct rv_http_recv *recv,
                       struct rv_http_exchange *exchange, void *buffer,
                       size_t len_bytes);

/* --- the response: at once --------------------------------------------- */

/*
 * Add a header to the response. Call it before the response. Several headers
 * may have the same name.
 *
 * Returns: 0; -EINVAL: not a valid name or value (a line end, for example), or
 * a header that the server sends itself: Connection, Content-Length,
 * Content-Type, Date, Keep-Alive, Trailer, Transfer-Encoding, Upgrade;
 * -EMSGSIZE: more than 16 KiB of them; -ENOMEM; -EALREADY: there is a response
 * already; -ECANCELED.
 */
int rv_http_add_header(struct rv_http_exchange *exchange, const char *name,
                       const char *value);

/*
 * Queue a response: status, headers and body, which are copied. It is sent when
 * the handler is READY. For a HEAD request, and with status 204 or 304, only
 * the head is sent.
 *
 * type: the value of Content-Type; NULL: no such header.
 * Returns: 0; -ENOMEM; -EALREADY: there is a response already; -ENOSPC: the
 * head would exceed 512 bytes with this type, without added headers; -EINVAL: a
 * line end in the type, or a status that is not 200 to 999; -ECANCELED.
 */
int rv_http_reply(struct rv_http_exchange *exchange, int status,
                  const char *type, const void *body, size_t len_bytes);

/* --- the response: in pieces ------------------------------------------- */

/*
 * Begin a response whose body follows in pieces: any number of
 * rv_http_send() or struct rv_http_send, one after the other. Its end is the
 * end of the handler.
 *
 * len_bytes: of all pieces together; -1: not known. Then the body is sent in
 * chunks, or, to a client of HTTP/1.0, until the connection is closed.
 * Returns: as rv_http_reply(). The head is sent with the first piece.
 */
int rv_http_begin(struct rv_http_exchange *exchange, int status,
                  const char *type, int64_t len_bytes);

/*
 * Sends a piece of the body. An empty one sends the head, if that was not sent
 * yet. For a HEAD request, and with status 204 or 304, nothing is sent, with
 * the same result.
 *
 * result: 0: the kernel has all of it; -EMSGSIZE: more than the length that was
 * announced, and nothing was sent; -EINVAL: without rv_http_begin(); -EPIPE: an
 * earlier piece was not sent to its end, or the client has gone; -ECONNRESET,
 * ...; -ENOMEM; -ECANCELED. If it is dropped before it is READY, the response
 * cannot be continued, and the connection is closed with the handler's end.
 */
struct rv_http_send {
    struct rv_future future;
    struct rv_http_exchange *exchange;
    const char *data;
    size_t len_bytes;
    size_t sent_bytes; /* valid at any time */
    bool begun;        /* private */
};

/* Owns: the caller keeps the data. It must stay valid, unmoved and unmodified
 * until the future is READY or dropped. */
void rv_http_send_init(struct rv_http_send *send,
                       struct rv_http_exchange *exchange, const void *data,
                       size_t len_bytes);

/* --- the response: by the handler itself ------------------------------- */

/*
 * Format the head of a response that the handler sends itself on
 * exchange->stream, with the added headers. With a negative `len_bytes` the
 * length is unknown; `exchange->chunked` then says whether to send the body in
 * chunks or, to an HTTP/1.0 client, plain until the close.
 *
 * Returns: the length of the text, which is not NUL-terminated; -ENOSPC: it
 * does not fit into `size`; -EALREADY: there is a response already; -EINVAL: as
 * rv_http_reply(); -ECANCELED.
 */
int rv_http_format_head(char *text, size_t size,
                        struct rv_http_exchange *exchange, int status,
                        const char *type, int64_t len_bytes);

/* --- in a coroutine ---------------------------------------------------- */

/*
 * The same calls for handlers that are coroutines. They suspend the coroutine,
 * never the thread. Misuse: in another coroutine than the handler's.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute. RV_NEVER: none, but for the timeouts
 * of the server. In the past: only what is possible at once.
 */

/*
 * Receive some of the body. Returns: as rv_http_poll_recv(), or -ETIMEDOUT at
 * the deadline, when nothing was received and the call may be repeated.
 */
int rv_http_recv(struct rv_http_exchange *exchange, void *buffer,
                 size_t len_bytes, int64_t deadline_ns);

/*
 * Receive all of the body. `got_bytes` is what was received, also on error.
 *
 * Returns: 0; -EMSGSIZE: it is larger than `size_bytes`, and the client will
 * get 413 if the handler returns without a response; or as rv_http_recv().
 */
int rv_http_recv_whole(struct rv_http_exchange *exchange, void *buffer,
                       size_t size_bytes, size_t *got_bytes,
                       int64_t deadline_ns);

/* Send a piece of the body. Returns: the result of struct rv_http_send, or
 * -ETIMEDOUT at the deadline: then the response cannot be continued. */
int rv_http_send(struct rv_http_exchange *exchange, const void *data,
                 size_t len_bytes, int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_HTTP_EXCHANGE_H */
