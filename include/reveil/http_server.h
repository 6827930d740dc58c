/* SPDX-License-Identifier: MIT */
/*
 * http_server.h - a small keep-alive HTTP/1.1 server on one executor.
 *
 *     static int32_t hello(struct rv_http_exchange *x, void *data)
 *     {
 *         return rv_http_reply(x, 200, "text/plain", "hello\n", 6);
 *     }
 *     static const struct rv_http_handler handler = {.run = hello};
 *
 *     rv_http_server_init(&server, &addr, &handler);
 *     return rv_http_serve(&server, 5 * RV_NS_PER_S);    in a coroutine
 *
 * Each connection is a task. Each request gets a handler: a coroutine or a
 * future, which may await anything, such as a sleep or another socket, receives
 * the body in pieces, and sends a response at once or in pieces
 * (http_exchange.h). Requests on one connection are answered in order.
 */
#ifndef RV_HTTP_SERVER_H
#define RV_HTTP_SERVER_H

#include <reveil/executor.h>
#include <reveil/http.h>
#include <reveil/http_exchange.h>
#include <reveil/http_layer.h>
#include <reveil/net.h>
#include <reveil/serve.h>

RV_BEGIN_DECLS

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
 *   its head                 idle_timeout_ns for all of it, then 408
 *   a body to discard        idle_timeout_ns for all of it, then 408
 *   a body for a handler     idle_timeout_ns without a byte, then -ETIMEDOUT
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
    struct rv_http_layer *layer;  /* TLS, for example; NULL: none. It must
                                     outlive the server */
    uint32_t max_requests;        /* per connection; 0: no limit. The last
                                     response says "Connection: close" */

    /* Counters. */
    uint64_t requests; /* answered so far */
    uint32_t open;     /* connections now */

    /* Private. */
    struct rv_http_handler handler;
    struct rv_stream listener;
    struct rv_accept_loop loop;
    struct rv_sleep limit; /* when stopping: the deadline */
    struct rv_waker waker; /* of the task that polls the server */
    bool stopping;
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

/* --- in a coroutine ---------------------------------------------------- */

/*
 * In a coroutine of an executor: serve until the coroutine is canceled
 * (rv_coro_cancel(), or a signal in rv_run()). Then the listener is closed, and
 * requests in progress may take another `drain_ns`. The server is dropped.
 *
 * Returns: the number of connections that were cut off; -ECANCELED: aborted,
 * and all were; -ENOTSUP: in a task of a scheduler, which may move to another
 * thread; -ESTALE: in a child of fork(); another negative errno: the listener
 * has failed.
 */
int rv_http_serve(struct rv_http_server *server, int64_t drain_ns);

/*
 * The same for a server with the default options.
 *
 * where:   "localhost:8080", "*:80", ...: as in rv_serve_at().
 * Returns: also an error of rv_host_port_parse() or rv_tcp_listen_at().
 */
int rv_http_serve_at(const char *where, const struct rv_http_handler *handler,
                     int64_t drain_ns);

/* --- routes ------------------------------------------------------------ */

/*
 * The response for a path: a coroutine, a handler, or fixed bytes. The first
 * route in the table that has the path and the method is taken.
 *
 *     "/about"              this path
 *     "/users/:id"          with one part, not empty, for the parameter "id"
 *     "/files/" "*"         with anything behind it, for the parameter "*"
 *
 * Paths are compared as they were sent: "%61" is not "a". If only the method is
 * another one, the client gets 405; it gets 404 if no route has the path. Then,
 * and for fixed bytes, a body that the client has not sent yet is not asked
 * for.
 */
struct rv_http_route {
    const char *path;
    const struct rv_http_handler *handler; /* or `run`, or a fixed response */
    int status;                            /* 0: 200 */
    const char *type;                      /* NULL: text/plain */
    const void *body;
    size_t len_bytes;
    const char *method; /* "GET" includes HEAD. NULL: all methods; for fixed
                           bytes GET and HEAD */
    rv_http_fn run;     /* a coroutine, with `data` */
    void *data;
};

/*
 * A handler for a table of routes, which ends with a path of NULL.
 *
 * Owns: the caller keeps the table. It, and all it points to, must stay valid
 * and unmoved as long as the server exists.
 * Misuse: a path with more than RV_HTTP_PARAMS parameters.
 */
struct rv_http_handler rv_http_routes(const struct rv_http_route *routes);

RV_END_DECLS

#endif /* RV_HTTP_SERVER_H */
