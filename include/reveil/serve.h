/* SPDX-License-Identifier: MIT */
/*
 * serve.h - a server: one coroutine, or one future, for each connection.
 *
 *     static int32_t echo(struct rv_stream *stream, void *arg)
 *     {
 *         char text[4096];
 *         int n;
 *
 *         while ((n = rv_stream_recv(stream, text, sizeof text,
 *                                    RV_NEVER)) > 0)
 *             if (rv_stream_send(stream, text, (size_t)n, RV_NEVER) < 0)
 *                 break;
 *         return 0;
 *     }
 *
 *     error = rv_tcp_listen_at(&listener, "*", 7);       in a coroutine
 *     if (!error)
 *         error = rv_serve(&listener, echo, NULL, NULL);  until canceled
 *
 * What all servers here do:
 *
 *   - Accept until they are stopped. A connection that fails does not end the
 *     server; a permanent error of the listener does.
 *   - When descriptors or memory run out, end the connection that has waited
 *     longest for its peer, if that is at least a second, and serve the next
 *     client as soon as it is closed. If none has waited that long, clients
 *     wait in the kernel's queue, and the server tries again every 20 ms. No
 *     accepted connection is lost.
 *   - With a limit of connections, let further clients wait in that queue.
 *   - Stop gracefully: close the listener, so that new clients are refused, and
 *     let each connection read the end of its input after what has arrived. A
 *     connection that is still open at a deadline is canceled.
 *
 * A connection is ended by shutdown(2): its handler receives 0, the end of the
 * stream, as if the peer had sent no more. Then it returns, and the server
 * closes the stream.
 */
#ifndef RV_SERVE_H
#define RV_SERVE_H

#include <reveil/coro.h>
#include <reveil/net.h>

RV_BEGIN_DECLS

/* --- with coroutines --------------------------------------------------- */

/*
 * What a connection does, in a coroutine of its own. The server closes *stream
 * when it returns; the function may do so earlier. The result is ignored.
 */
typedef int32_t (*rv_serve_entry)(struct rv_stream *stream, void *arg);

/* All zero: the defaults. */
struct rv_serve_options {
    uint32_t max_connections; /* 0: no limit */
    size_t stack_bytes;       /* of each connection; 0: RV_CORO_STACK_BYTES */
    const char *name;         /* of the coroutines; NULL: "connection" */
    int64_t drain_ns;         /* how long a graceful stop may take; 0:
                                 RV_SERVE_DRAIN_S; negative: it does not wait */
};

/*
 * Serve each connection of the listener with entry(stream, arg) in a coroutine,
 * until the calling coroutine is canceled. Then stop gracefully, as described
 * above, within options->drain_ns. No connection is left when this returns.
 * Nothing is allocated but the stacks, which are cached.
 *
 * Owns:    the listener is closed when this returns.
 * options: copied; NULL for the defaults.
 * Threads: a coroutine on an executor. Not a task of the scheduler.
 * Returns: -ECANCELED; or a permanent error of the listener or the reactor.
 *          -ENOTSUP: in a task of a scheduler, which may move to another
 *          thread; -ESTALE: in a child of fork(). The listener is still open.
 */
int rv_serve(struct rv_stream *listener, rv_serve_entry entry, void *arg,
             const struct rv_serve_options *options);

/*
 * rv_tcp_listen_at() and rv_serve() in one call.
 *
 * where:   "localhost:8080", "*:80" (all addresses of the machine), "[::1]:80":
 *          see rv_host_port_parse().
 * Returns: as rv_serve(); or an error of rv_host_port_parse() or
 *          rv_tcp_listen_at(), and nothing was served.
 */
int rv_serve_at(const char *where, rv_serve_entry entry, void *arg,
                const struct rv_serve_options *options);

/* --- the accept loop itself -------------------------------------------- */

struct rv_accept_loop;

/* What a server with its own connections does. */
struct rv_accept_loop_ops {
    /*
     * Serve the connection. Returns: 0: *stream was taken, and is "no socket"
     * now; the connection counts until rv_accept_loop_lost_one(). Negative
     * errno: *stream is unchanged; the loop tries again later, with the same
     * connection. -EAGAIN: after the other ready tasks have run.
     */
    int (*start)(struct rv_accept_loop *loop, struct rv_stream *stream,
                 struct rv_cx *cx);

    /* Descriptors or memory have run out: end a connection, now or soon. */
    void (*give_up_one)(struct rv_accept_loop *loop);
};

/*
 * A future that accepts until there is a permanent error, which is its result.
 * It is for servers that keep their connections themselves, as http_server.h
 * does. When it is dropped, a connection that was accepted but not started is
 * closed.
 */
struct rv_accept_loop {
    struct rv_future future;

    /* May be changed at any time. */
    uint32_t max_open; /* 0: no limit */

    uint32_t open; /* connections now. Private, as are the fields after it */
    uint32_t lost; /* so far */
    uint32_t lost_before_shortage;
    bool is_short;
    uint32_t accepts_in_a_row; /* since the last yield */
    const struct rv_accept_loop_ops *ops;
    struct rv_stream *listener;
    struct rv_stream accepted;
    struct rv_stream_accept accept;
    struct rv_sleep pause; /* during a shortage */
    struct rv_yield yield;
    struct rv_waker waker; /* of the task that polls the loop */
};

/* The listener stays the caller's. It and `ops` must stay valid and unmoved
 * until the loop is READY or dropped. */
void rv_accept_loop_init(struct rv_accept_loop *loop,
                         struct rv_stream *listener,
                         const struct rv_accept_loop_ops *ops);

/* A connection that was started has ended, and its descriptor is closed.
 * Threads: the executor's. */
void rv_accept_loop_lost_one(struct rv_accept_loop *loop);

/* --- with futures ------------------------------------------------------ */

/* How the server creates the future of a connection. */
struct rv_server_handler {
    size_t frame_bytes; /* size of the handler's struct */

    /*
     * Initialize a zeroed frame, which begins with a struct rv_future. The
     * server closes *stream when that is READY, and drops and frees the frame;
     * its drop function may close *stream earlier. Its result is ignored.
     */
    void (*init)(struct rv_future *frame, struct rv_stream *stream, void *data);
    void *data; /* the third argument of init */
};

/*
 * The server as a future. result: after rv_server_shutdown(), the number of
 * connections that were canceled at the deadline; a permanent error of the
 * listener or the reactor, after a graceful stop within drain_ns.
 *
 * A drop cancels all connections and closes the listener; never drop a server
 * inside one of its handlers.
 */
struct rv_server {
    struct rv_future future;

    /* Options; may be changed before the first poll. */
    uint32_t max_connections; /* 0: no limit */
    int64_t drain_ns;         /* RV_SERVE_DRAIN_S: of a stop after an error */

    /* Private. */
    struct rv_server_handler handler;
    struct rv_accept_loop loop;
    struct rv_stream listener;
    struct rv_list connections; /* loop.open of them, but for new ones */
    struct rv_executor *executor;
    struct rv_sleep limit; /* the deadline of a graceful stop */
    struct rv_waker waker; /* of the task that polls the server */
    int32_t error;
    bool is_stopping;
};

enum { RV_SERVE_DRAIN_S = 5 };

/*
 * Serve the connections of a listener. Each one is a task; its memory is from
 * rv_alloc().
 *
 * Owns: the server takes the listener; *listener is "no socket" afterwards.
 */
void rv_server_init(struct rv_server *server, struct rv_stream *listener,
                    const struct rv_server_handler *handler);

/*
 * Stop gracefully: see the top of this file. The server's future is READY when
 * the last connection has ended, or at the deadline, when the remaining ones
 * are canceled. May be called again with another deadline.
 *
 * Threads: the executor's, also inside a handler.
 */
void rv_server_shutdown(struct rv_server *server, int64_t deadline_ns);

/* The number of connections now. Threads: the executor's. */
uint32_t rv_server_open(const struct rv_server *server);

RV_END_DECLS

#endif /* RV_SERVE_H */
