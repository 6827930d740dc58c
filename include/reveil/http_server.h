/* SPDX-License-Identifier: MIT */
/*
 * http_server.h - a small keep-alive HTTP/1.1 server on one executor.
 *
 *     struct hello { struct rv_future future; struct rv_http_exchange *x; };
 *     static enum rv_poll hello_poll(...)
 *     {
 *         ...
 *         RV_RETURN(future, rv_http_reply(self->x, 200, "text/plain",
 *                                         "hello\n", 6));
 *     }
 *     rv_http_server_init(&server, &addr, &handler);
 *     rv_runtime_block_on(runtime, &server.future);      serves until stopped
 *     rv_drop(&server.future);
 *
 * Each connection is a task. Each request gets a handler: a future that may
 * await anything, such as a sleep, another socket, or its own sends for a
 * response in pieces. Requests on one connection are answered in order. The
 * body of a request is read and discarded before its handler starts.
 */
#ifndef RV_HTTP_SERVER_H
#define RV_HTTP_SERVER_H

#include <reveil/executor.h>
#include <reveil/http.h>
#include <reveil/net.h>

RV_BEGIN_DECLS

struct rv_http_connection;

/* A request, and the connection for its response. */
struct rv_http_exchange {
    const struct rv_http_head *head; /* its slices refer to `bytes` */
    const char *bytes;
    struct rv_stream *stream; /* for handlers that send by themselves */

    bool head_only;  /* a HEAD request: the response has no body */
    bool chunked;    /* set by rv_http_format_head(): send the body in chunks */
    bool keep_alive; /* clear it before the response to close after it */

    struct rv_http_connection *connection; /* private */
};

/* How the server creates the future of a handler. */
struct rv_http_handler {
    size_t frame_bytes; /* size of the handler's struct */
    /* Initialize a zeroed frame, which begins with a struct rv_future. */
    void (*init)(struct rv_future *frame, struct rv_http_exchange *exchange,
                 void *data);
    void *data; /* the third argument of init */
};

/*
 * The result of a handler: 0 or more after it has sent or queued a response;
 * one of these two; or a negative errno. Without a response the server sends
 * 500.
 */
enum {
    RV_HTTP_HANG_UP = -1000, /* close the connection without a response */
    RV_HTTP_RESET = -1001    /* the same, with a reset */
};

/*
 * Queue a response: status, headers and body, which are copied. It is sent when
 * the handler is READY. For a HEAD request, and with status 204 or 304, only
 * the head is sent.
 *
 * type: the value of Content-Type.
 * Returns: 0; -ENOMEM; -EALREADY: there is a response already; -ENOSPC: the
 * head would exceed 512 bytes with this type.
 */
int rv_http_reply(struct rv_http_exchange *exchange, int status,
                  const char *type, const void *body, size_t len_bytes);

/*
 * Format the head of a response that the handler sends itself. With a negative
 * `len_bytes` the length is unknown; `exchange->chunked` then says whether to
 * send the body in chunks or, to an HTTP/1.0 client, plain until the close.
 *
 * Returns: the length of the text, which is not NUL-terminated; -ENOSPC: it
 * does not fit into `size`; -EALREADY: there is a response already.
 */
int rv_http_format_head(char *text, size_t size,
                        struct rv_http_exchange *exchange, int status,
                        const char *type, int64_t len_bytes);

/*
 * A server accepts connections until it is stopped or dropped. A drop also
 * drops all handlers and closes all connections; never drop the server inside a
 * handler.
 *
 * When descriptors or memory run out, the server closes the connection that has
 * been idle longest, to serve the next client. A connection counts as idle
 * after 1 s without a request, or a quarter of idle_timeout_ns if that is less.
 * If none is idle, the next client waits, and the server tries again
 * every 20 ms.
 *
 * Each state of a connection has a timeout, so that no client can hold one
 * indefinitely:
 *
 *   wait for a request       idle_timeout_ns, then it is closed
 *   its head; its body       idle_timeout_ns for all of each, then 408
 *   a handler                handler_timeout_ns, then 503; dropped at once when
 *                            the client resets the connection
 *   a send without progress  idle_timeout_ns, then a reset; see below
 *   the close                1 s for the client to read the rest
 *
 * Progress of a send is data that the client acknowledges. A step of n bytes
 * (at most 256 KiB) extends the timeout to the time to read n bytes at 10,000
 * bytes per second, but to at most 8 times idle_timeout_ns. A lack of progress
 * may be noticed half of idle_timeout_ns too late.
 *
 * Pipelined requests stay in the kernel's buffer: the server reads one at a
 * time, so they need no more memory than one.
 *
 * result, after rv_http_server_shutdown(): the number of connections that were
 * cut off. A negative errno otherwise: the listener or the reactor has failed
 * permanently.
 */
struct rv_http_server {
    struct rv_future future;

    /* Options; may be changed before the first poll. */
    struct rv_http_limits limits; /* 1 MiB of body; otherwise the defaults */
    int64_t idle_timeout_ns;      /* 60 s: see the table above */
    int64_t handler_timeout_ns;   /* RV_NEVER: until a handler begins its
                                     response; then it is dropped, and 503 */
    uint32_t max_connections;     /* 0: no limit. Further clients wait in the
                                     kernel's queue until one is closed */
    uint32_t max_requests;        /* per connection; 0: no limit. The last
                                     response says "Connection: close" */

    /* Counters. */
    uint64_t requests; /* answered so far */
    uint32_t open;     /* connections now */

    /* Private. */
    struct rv_http_handler handler;
    struct rv_stream listener;
    struct rv_stream accepted;
    struct rv_stream_accept accept;
    struct rv_sleep pause; /* during a shortage; when stopping: the deadline */
    struct rv_yield yield;
    struct rv_waker waker; /* of the task that polls the server */
    bool stopping;
    uint32_t accepts_in_a_row;  /* since the last yield */
    struct rv_list connections; /* `open` of them */
    int64_t date_s;             /* the time of `date`, in seconds */
    char date[80];              /* room for any int in it: no warning at -O0 */
};

/*
 * Listen on `addr`. Connections are accepted when the server is polled.
 *
 * Threads: one with a current reactor. Returns: as rv_tcp_listen().
 */
int rv_http_server_init(struct rv_http_server *server,
                        const struct rv_addr *addr,
                        const struct rv_http_handler *handler);

/*
 * The same with an existing listener: one that shares its port, or a Unix
 * socket.
 *
 * Owns: the server takes the listener; *listener is "no socket" afterwards.
 */
void rv_http_server_init_on(struct rv_http_server *server,
                            struct rv_stream *listener,
                            const struct rv_http_handler *handler);

/* The address that the server listens on, with the actual port. Returns: 0,
 * negative errno. */
int rv_http_server_addr(const struct rv_http_server *server,
                        struct rv_addr *out);

/*
 * Shut down gracefully. The listener is closed at once, so new clients are
 * refused. Connections without a request are closed. The others finish the
 * current response, with "Connection: close" if its head is not sent yet, and
 * close. The server's future is READY when the last connection has ended, or at
 * the deadline, when the remaining ones are cut off.
 *
 * May be called again with another deadline; one in the past cuts them off at
 * once.
 *
 * Threads: the executor's, also inside a handler.
 * Returns: the number of responses still to finish. It may be too low: a
 * request that has arrived but was not read yet is answered as well.
 */
uint32_t rv_http_server_shutdown(struct rv_http_server *server,
                                 int64_t deadline_ns);

/* --- routes: fixed responses and handlers by path ---------------------- */

/*
 * The response for a path: a handler, or fixed bytes. Fixed bytes are sent for
 * GET and HEAD; other methods get 405.
 */
struct rv_http_route {
    const char *path;                      /* exact, without a query */
    const struct rv_http_handler *handler; /* NULL: a fixed response */
    int status;                            /* 0: 200 */
    const char *type;                      /* NULL: text/plain */
    const void *body;
    size_t len_bytes;
};

/*
 * A handler for a table of routes, which ends with a path of NULL. Other paths
 * get 404.
 *
 * Owns: the caller keeps the table. It, and all it points to, must stay valid
 * and unmoved as long as the server exists.
 */
struct rv_http_handler rv_http_routes(const struct rv_http_route *routes);

/*
 * The path of a request, without the query, and without the host if the target
 * is absolute ("GET http://host/path"). The slice refers to exchange->bytes.
 */
struct rv_http_slice rv_http_path(const struct rv_http_exchange *exchange);

RV_END_DECLS

#endif /* RV_HTTP_SERVER_H */
