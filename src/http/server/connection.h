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
 * What the connection waits for:
 *
 *     HEAD --> [SEND 100 -->] [BODY -->] HANDLER --> SEND --> HEAD ...
 *       \_________ malformed ____________/ (400)       \--> DRAIN --> OVER
 */
enum rv_http_connection_state {
    RV_HTTP_CONN_HEAD,    /* for a request */
    RV_HTTP_CONN_BODY,    /* for the end of its body */
    RV_HTTP_CONN_HANDLER, /* for the handler */
    RV_HTTP_CONN_SEND,    /* for room to send; then `after_send` */
    RV_HTTP_CONN_DRAIN,   /* for the peer to close, so that it reads all */
    RV_HTTP_CONN_OVER
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
    bool handling; /* the frame holds a handler */
    bool answered; /* by rv_http_reply() or rv_http_format_head() */

    /* For the state; 0: the next wait sets it. */
    int64_t deadline_ns;
    int64_t timer_ns; /* what the timer is set to, 0: it does not run */
    struct rv_sleep timer;

    uint32_t requests; /* begun */

    /* Of a handler that may send by itself. */
    int64_t handler_ns; /* when it has to have begun its response */

    /* Of what is sent, as far as it was looked at. */
    uint64_t taken_bytes; /* by the peer */
    int64_t due_ns;       /* when it has to have taken more */

    /* Received: [request][its body, thrown away][the next requests]. */
    char *in;
    size_t in_room;
    size_t in_start; /* of the request */
    size_t in_end;   /* of what was received */
    size_t head_len; /* of the request */
    size_t next_at;  /* where the next request begins, once it is known */

    /* To be sent. */
    char *out;
    size_t out_room;
    size_t out_len;
    size_t out_sent;

    _Alignas(max_align_t) char frame[]; /* the handler's */
};

/*
 * Make a task for an accepted socket.
 *
 * Owns: the socket, on success. Returns: 0, -ENOMEM, -ECANCELED.
 */
int rv_http_connection_start(struct rv_http_server *server,
                             struct rv_stream *stream,
                             struct rv_executor *executor);

/*
 * The request that it has begun is its last; without one it closes.
 *
 * Returns: true when there is one.
 */
bool rv_http_connection_stop(struct rv_http_connection *connection);

/* Let go of all that it holds; its task ends without touching the server. */
void rv_http_connection_abort(struct rv_http_connection *connection);

/* It waits for a request, and none has come. */
bool rv_http_connection_is_idle(const struct rv_http_connection *connection);

/* In server.c: a connection has left the list of its server. */
void rv_http_server_lost_one(struct rv_http_server *server);

/* --- in connection_states.c -------------------------------------------- */

/* Do what the present state, which is not OVER, can do now. Returns: PENDING
 * if it left its waker, READY to go on in what is the state then. */
enum rv_poll rv_http_go_on(struct rv_http_connection *connection,
                           struct rv_cx *cx);

/* Begin a state; its deadline is set at its first wait. */
void rv_http_enter(struct rv_http_connection *connection,
                   enum rv_http_connection_state state);

/* Ready for the request that may have come in behind the last one. */
void rv_http_next_request(struct rv_http_connection *connection);

/* Answer with an error of our own. It is the last response. */
void rv_http_refuse(struct rv_http_connection *connection, int status);

/* The end, with a reset. */
void rv_http_cut(struct rv_http_connection *connection);

/* The time of what is sent is up, for now: the end, with a reset, if it does
 * not move; else it has more time. */
void rv_http_check_send(struct rv_http_connection *connection);

/* The handler's time is up, for now: end it if it is too late, or if what it
 * sends does not move; else it has more time. */
void rv_http_check_handler(struct rv_http_connection *connection);

/* --- in flow.c --------------------------------------------------------- */

/* Look from now on whether what is sent moves. */
void rv_http_flow_start(struct rv_http_connection *connection);

/* There is something to be sent, and for `limit_ns`, or for as long as a slow
 * peer needs to read what it took last, no byte of it was taken by the peer,
 * as far as was seen at each of these calls. */
bool rv_http_flow_is_stuck(struct rv_http_connection *connection,
                           int64_t limit_ns);

/* --- in reply.c -------------------------------------------------------- */

/* Put `text` behind what is to be sent. Returns: 0, -ENOMEM. */
int rv_http_queue(struct rv_http_connection *connection, const void *text,
                  size_t len);

/* All was sent. */
void rv_http_empty(struct rv_http_connection *connection);

#endif /* RV_HTTP_CONNECTION_H */
