/* SPDX-License-Identifier: MIT */
/*
 * connection.h - what the files of the server share.
 *
 * Threads: the executor's.
 */
#ifndef RV_HTTP_CONNECTION_H
#define RV_HTTP_CONNECTION_H

#include <reveil/http_server.h>

/*
 * The state of a connection: what it is waiting for.
 *
 *     HEAD --> [SEND 100 -->] [BODY -->] HANDLER --> SEND --> HEAD ...
 *       \_________ malformed ____________/ (400)       \--> DRAIN --> OVER
 */
enum rv_http_connection_state {
    RV_HTTP_CONN_HEAD,    /* the head of a request */
    RV_HTTP_CONN_BODY,    /* the end of the request's body */
    RV_HTTP_CONN_HANDLER, /* the handler */
    RV_HTTP_CONN_SEND,    /* the output is sent; `after_send` follows */
    RV_HTTP_CONN_DRAIN,   /* the peer's close, so that it can read everything */
    RV_HTTP_CONN_OVER     /* nothing: the task ends at its next poll */
};

/* A task, owned by the executor. */
struct rv_http_connection {
    struct rv_future future;
    struct rv_http_server *server; /* valid while `node` is linked */
    struct rv_list node;           /* in server->connections, which is ordered
                                      by the time of the last response */
    struct rv_waker waker;         /* of its own task */
    struct rv_stream stream;
    struct rv_http_parser parser;
    struct rv_http_exchange exchange;

    enum rv_http_connection_state state;
    enum rv_http_connection_state after_send;
    bool handling; /* `frame` holds a live handler */
    bool answered; /* by rv_http_reply() or rv_http_format_head() */

    int64_t deadline_ns; /* of the state; 0: set by its next wait */
    int64_t timer_ns;    /* what the timer is set to; 0: it is not armed */
    struct rv_sleep timer;

    uint32_t requests; /* begun on this connection */

    int64_t handler_ns; /* the handler must begin its response before this */

    /* The progress of the output, as of the last check: see flow.c. */
    uint64_t taken_bytes; /* acknowledged by the peer */
    int64_t due_ns;       /* it must acknowledge more before this */

    /* Input: [request][its body, discarded][the next requests]. */
    char *in;
    size_t in_room;
    size_t in_start; /* where the request begins */
    size_t in_end;   /* behind the received bytes */
    size_t head_len; /* of the request */
    size_t next_at;  /* where the next request begins, once it is known */

    /* Output. */
    char *out;
    size_t out_room;
    size_t out_len;
    size_t out_sent;

    _Alignas(max_align_t) char frame[]; /* the handler's */
};

/*
 * Spawn a task for an accepted socket.
 *
 * Owns: on success the task takes the socket. Returns: 0, -ENOMEM, -ECANCELED.
 */
int rv_http_connection_start(struct rv_http_server *server,
                             struct rv_stream *stream,
                             struct rv_executor *executor);

/*
 * Make the current request the last one. A connection without a request closes.
 *
 * Returns: true if there is a request.
 */
bool rv_http_connection_stop(struct rv_http_connection *connection);

/* Release all that it holds. Its task ends without accessing the server. */
void rv_http_connection_abort(struct rv_http_connection *connection);

/* True if it has waited for a request for some time and none has arrived. */
bool rv_http_connection_is_idle(const struct rv_http_connection *connection);

/* In server.c: a connection has left the list of its server. */
void rv_http_server_lost_one(struct rv_http_server *server);

/* --- in connection_states.c -------------------------------------------- */

/* Do what the current state, which is not OVER, can do now. Returns: PENDING:
 * the waker was stored; READY: call it again, in the state that it is in then.
 */
enum rv_poll rv_http_go_on(struct rv_http_connection *connection,
                           struct rv_cx *cx);

/* Enter a state. Its deadline is set at its first wait. */
void rv_http_enter(struct rv_http_connection *connection,
                   enum rv_http_connection_state state);

/* Prepare for the next request, which may be in the buffer already. */
void rv_http_next_request(struct rv_http_connection *connection);

/* Send an error response, as the last one on this connection. */
void rv_http_refuse(struct rv_http_connection *connection, int status);

/* Close the connection with a reset. */
void rv_http_cut(struct rv_http_connection *connection);

/* A check of a send is due: close with a reset if the peer makes no progress,
 * else set the next check. */
void rv_http_check_send(struct rv_http_connection *connection);

/* A check of the handler is due: end it if it is too late, or if the peer makes
 * no progress with what it sends; else set the next check. */
void rv_http_check_handler(struct rv_http_connection *connection);

/* --- in flow.c --------------------------------------------------------- */

/* Start to measure the progress of the output. */
void rv_http_flow_start(struct rv_http_connection *connection);

/*
 * True if output is pending and, judging by the calls so far, the peer has
 * acknowledged none of it for `limit_ns`, or for the time that a slow peer
 * needs to read what it acknowledged last.
 */
bool rv_http_flow_is_stuck(struct rv_http_connection *connection,
                           int64_t limit_ns);

/* --- in reply.c -------------------------------------------------------- */

/* Append `text` to the output. Returns: 0, -ENOMEM. */
int rv_http_queue(struct rv_http_connection *connection, const void *text,
                  size_t len);

/* All of the output was sent: empty the buffer. */
void rv_http_empty(struct rv_http_connection *connection);

#endif /* RV_HTTP_CONNECTION_H */
