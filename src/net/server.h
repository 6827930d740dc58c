/* SPDX-License-Identifier: MIT */
/*
 * server.h - a connection of a server, whatever serves it.
 *
 * Threads: the executor's.
 */
#ifndef RV_NET_SERVER_H
#define RV_NET_SERVER_H

#include <reveil/serve.h>

/* It is embedded in the memory of the connection's task. */
struct rv_connection {
    struct rv_list node; /* of server->connections */
    struct rv_server *server;
    struct rv_stream *stream;
    uint64_t task;
    bool is_ended; /* by shutdown(2) */
};

/* As rv_server_init(), with another function that starts a connection. */
void rv_server_init_with(struct rv_server *server, struct rv_stream *listener,
                         const struct rv_accept_loop_ops *ops);

/* The connection is served from now on. In a server that is stopping it reads
 * the end of its input. */
void rv_connection_add(struct rv_connection *conn, struct rv_server *server,
                       struct rv_stream *stream, uint64_t task);

/* The connection has ended: close its stream. A no-op if it was removed. */
void rv_connection_remove(struct rv_connection *conn);

/* For rv_accept_loop_ops. */
void rv_server_give_up_one(struct rv_accept_loop *loop);

#endif /* RV_NET_SERVER_H */
