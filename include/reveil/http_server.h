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
 *     rv_runtime_block_on(runtime, &server.future);      serves for ever
 *     rv_drop(&server.future);
 *
 * A handler is a future, one for each request; it may await anything: a
 * sleep, another socket, or its own sends for a response in pieces. Each
 * connection is a task. Requests on one connection are answered in order, a
 * request's body is read and thrown away before its handler starts.
 */
#ifndef RV_HTTP_SERVER_H
#define RV_HTTP_SERVER_H

#include <reveil/executor.h>
#include <reveil/http.h>
#include <reveil/net.h>

struct rv_http_connection;

/* A request and the connection that its response goes to. */
struct rv_http_exchange {
    const struct rv_http_head *head; /* slices are places in `bytes` */
    const char *bytes;
    struct rv_stream *stream; /* for handlers that send by themselves */

    bool head_only;  /* a HEAD request: a handler sends no body itself */
    bool chunked;    /* set by rv_http_format_head(): send it in chunks */
    bool keep_alive; /* may be cleared before the response: close after it */

    struct rv_http_connection *connection; /* private */
};

/* How the server makes a handler's future. */
struct rv_http_handler {
    size_t frame_bytes; /* size of the handler's struct */
    /* Set up a zeroed frame, which begins with a struct rv_future. */
    void (*init)(struct rv_future *frame, struct rv_http_exchange *exchange,
                 void *data);
    void *data; /* the third argument */
};

/*
 * The handler's result: 0 or more when it answered, one of these two, or a
 * negative errno, which is answered by "500" if nothing was answered yet.
 */
enum {
    RV_HTTP_HANG_UP = -1000, /* close the connection as it is */
    RV_HTTP_RESET = -1001    /* ... with a reset */
};

/*
 * Queue a response: a status, headers and a body, copied. Sent when the
 * handler is READY. To a HEAD request, and with 204 or 304, only the head is
 * sent.
 *
 * type: the value of Content-Type.
 * Returns: 0, -ENOMEM, -EALREADY after an earlier response; -ENOSPC: the head
 * has no room in 512 bytes with this type.
 */
int rv_http_reply(struct rv_http_exchange *exchange, int status,
                  const char *type, const void *body, size_t len_bytes);

/*
 * The head of a response that the handler sends itself, in text: with
 * Content-Length, or of unknown length when `len_bytes` is negative. Then
 * `exchange->chunked` says whether the body is sent in chunks or, to an old
 * client, plain until the close.
 *
 * Returns: its length, without a 0 at its end; -ENOSPC when it does not fit
 * into `size`; -EALREADY.
 */
int rv_http_format_head(char *text, size_t size,
                        struct rv_http_exchange *exchange, int status,
                        const char *type, int64_t len_bytes);

/*
 * Accepts until it is stopped or dropped. A drop also drops all handlers and
 * closes all connections; never drop it inside a handler. When descriptors or
 * memory run out, the connection that has waited longest for a request (for a
 * second at least, or a quarter of idle_timeout_ns) is closed, so that the next
 * client is served; where none has, the next client waits, and the server tries
 * again every 20 ms.
 *
 * No connection stays for ever: each state has its time.
 *
 *   for a request to begin   idle_timeout_ns, then it is closed
 *   for its head, its body   idle_timeout_ns for all of it, then 408
 *   a handler                handler_timeout_ns, then 503; at once when the
 *                            client has reset the connection
 *   a send of which the      idle_timeout_ns, then it is reset; a client that
 *   client takes nothing     has just taken n bytes (of 256 KiB) has the time
 *                            to read them at 10,000 a second, but not more
 *                            than 8 times idle_timeout_ns; half of
 *                            idle_timeout_ns may pass until it is noticed
 *   the close                1 s for the client to read the rest
 *
 * Requests that are sent ahead wait in the kernel: one is read at a time, so
 * they take no more memory than one.
 *
 * result, after rv_http_server_stop(): the connections that were cut. A
 * negative errno before that: the listener or the reactor has failed for good.
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

    uint64_t requests; /* answered so far */
    uint32_t open;     /* connections now */

    /* Private. */
    struct rv_http_handler handler;
    struct rv_stream listener;
    struct rv_stream accepted;
    struct rv_stream_accept accept;
    struct rv_sleep pause; /* when stopping: until the rest is cut */
    struct rv_yield yield;
    struct rv_waker waker; /* of the task that waits for the server */
    bool stopping;
    uint32_t accepts_in_a_row;  /* since the last yield */
    struct rv_list connections; /* `open` of them */
    int64_t date_s;             /* the second that `date` is about */
    char date[32];
};

/*
 * Listen on `addr`; connections are taken when the server is polled.
 *
 * Threads: one with a current reactor. Returns: as rv_tcp_listen().
 */
int rv_http_server_init(struct rv_http_server *server,
                        const struct rv_addr *addr,
                        const struct rv_http_handler *handler);

/*
 * The same on a listener that is there already: one of those that share a
 * port, or a Unix socket.
 *
 * Owns: the server has it from now on; *listener is "no socket" then.
 */
void rv_http_server_init_on(struct rv_http_server *server,
                            struct rv_stream *listener,
                            const struct rv_http_handler *handler);

/* The address that it listens on, with the port that was free. */
int rv_http_server_addr(const struct rv_http_server *server,
                        struct rv_addr *out);

/*
 * Stop in good order. The listener is closed now, so that new clients are
 * refused. A connection without a request is closed; the others finish the
 * response to the one that they have begun, say "Connection: close" in it where
 * that is still possible, and close. The server's future is READY when the
 * last one has gone, or at the deadline, when the rest is cut.
 *
 * May be called again with another deadline; one in the past cuts at once.
 *
 * Threads: the executor's, also inside a handler.
 * Returns: how many responses are to be finished, as far as it knows: a request
 * that has come but was not read yet is answered too.
 */
uint32_t rv_http_server_stop(struct rv_http_server *server,
                             int64_t deadline_ns);

/* --- routes: fixed responses and handlers by path ---------------------- */

/*
 * What a path is answered by: a handler, or the same bytes each time. Those go
 * to GET and HEAD; other methods get a 405.
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
 * A handler for all of `routes`, which end with a path of NULL. What is not
 * among them gets a 404.
 *
 * Owns: the table, with all that it points to, stays the caller's and where it
 * is as long as the server.
 */
struct rv_http_handler rv_http_routes(const struct rv_http_route *routes);

/*
 * The path in the target of a request, without a query, and without the host
 * that "GET http://host/path" has: a place in exchange->bytes.
 */
struct rv_http_slice rv_http_path(const struct rv_http_exchange *exchange);

#endif /* RV_HTTP_SERVER_H */
