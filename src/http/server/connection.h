/* SPDX-License-Identifier: MIT */
/*
 * connection.h - what the files of the server share.
 *
 * Threads: the executor's.
 */
#ifndef RV_HTTP_CONNECTION_H
#define RV_HTTP_CONNECTION_H

#include <reveil/coro.h>
#include <reveil/http_server.h>

#include "http/message/link.h"

/* What a handler leaves of a body is skipped up to this size: to skip more
 * costs more than a new connection. */
enum { RV_HTTP_SKIPPED_BYTES = 64 * 1024 };

/* The future of a handler that is a coroutine: see coro_handler.c. */
struct rv_http_coro {
    struct rv_future future;
    const struct rv_http_handler *handler;
    struct rv_http_exchange *exchange;
    struct rv_coro *coro;      /* NULL before the first poll */
    struct rv_future *awaited; /* while it is suspended */
    struct rv_cx *cx;          /* while it runs, but not inside a poll */
    uint32_t mark;             /* of the process that created it */
    bool canceled;
};

/*
 * The state of a connection: what it is waiting for.
 *
 *     HEAD --> [SEND 100 -->] [BODY -->] HANDLER --> SEND --> [BODY -->] HEAD
 *       \_________ malformed ____________/ (400)       \--> DRAIN --> OVER
 *
 * BODY receives and discards: before a handler that does not take the body, and
 * after the response what a handler has left of it.
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
    struct rv_http_link *link; /* the server's layer on the stream, or NULL */
    bool link_shut;            /* its end was sent */
    struct rv_http_parser parser;
    struct rv_http_exchange exchange;

    enum rv_http_connection_state state;
    enum rv_http_connection_state after_send;
    const struct rv_http_handler *handler; /* of this request */
    struct rv_http_handler routed;         /* `handler` for a coroutine route */
    struct rv_http_coro coro;              /* the handler is a coroutine */
    bool handling; /* the handler is live: `coro`, or in `frame` */
    bool answered; /* the head of the response is queued or sent */

    int64_t deadline_ns; /* of the state; 0: set by its next wait */
    int64_t timer_ns;    /* what the timer is set to; 0: it is not armed */
    struct rv_sleep timer;

    uint32_t requests; /* begun on this connection */

    /* The body of the request, for its handler: see request_body.c. */
    bool asked;            /* "100 Continue" is not needed any more */
    bool asking;           /* it is in the output */
    int body_error;        /* why the last recv has failed */
    int64_t recv_since_ns; /* the recv has waited since then; 0: it does not */
    size_t skipped_bytes;  /* after the response */

    /* The response in pieces: see pieces.c. */
    bool piecewise;     /* it was begun by rv_http_begin() */
    bool torn;          /* a piece was begun, and not sent to its end */
    bool begun;         /* some of it was sent */
    bool bodiless;      /* the pieces are not sent: HEAD, 204, 304 */
    bool chunk_sent;    /* a chunk precedes the next one */
    size_t head_at;     /* where the head begins in the output */
    uint64_t body_left; /* of the announced length; UINT64_MAX: none was */

    /* Added headers of the response. */
    char *headers;
    size_t headers_room;
    size_t headers_len;

    int64_t handler_ns; /* the handler must begin its response before this */

    /* The progress of the output, as of the last check: see flow.c. */
    uint64_t taken_bytes; /* acknowledged by the peer */
    int64_t due_ns;       /* it must acknowledge more before this */

    /* Input: [request][some of its body][the next requests]. */
    char *in;
    size_t in_room;
    size_t in_start; /* where the request begins */
    size_t in_end;   /* behind the received bytes */
    size_t head_len; /* of the request */
    size_t next_at;  /* up to where the body was parsed; at its end that is
                        where the next request begins */

    /* Output. */
    char *out;
    size_t out_room;
    size_t out_len;
    size_t out_sent;

    size_t frame_bytes;
    _Alignas(max_align_t) char frame[]; /* of a handler that is a future */
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

/* Release the live handler. The calls that it still makes return -ECANCELED. */
void rv_http_drop_handler(struct rv_http_connection *connection);

/* --- in coro_handler.c ------------------------------------------------- */

void rv_http_coro_init(struct rv_http_coro *self,
                       const struct rv_http_handler *handler,
                       struct rv_http_exchange *exchange);

/* --- in request_body.c ------------------------------------------------- */

/* The handler of this request will be started, and may receive the body: make
 * room for it. Until the end of the request the input does not move. Returns:
 * 0, -ENOMEM. */
int rv_http_body_prepare(struct rv_http_connection *connection);

/* True if the part of the body that the handler has not received is too long
 * to be skipped, or will not be sent. */
bool rv_http_body_is_long(const struct rv_http_connection *connection);

/* --- in pieces.c ------------------------------------------------------- */

/* The handler has begun a response in pieces, and ended well: queue the end of
 * the body. Returns: 0; -EPIPE: the body is not complete; -ENOMEM. */
int rv_http_end_pieces(struct rv_http_connection *connection);

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

/* True if a response with this status has neither a body nor a length. */
bool rv_http_is_bodiless(int status);

/* Queue the head of a response. Room for `more_bytes` behind it is made.
 * Returns: 0; -ENOMEM, -ENOSPC, -EINVAL, -EALREADY. */
int rv_http_queue_head(struct rv_http_connection *connection, int status,
                       const char *type, int64_t len_bytes, size_t more_bytes);

/* Add a header, which is not checked. Returns: 0, -EMSGSIZE, -ENOMEM. */
int rv_http_write_header(struct rv_http_connection *connection,
                         const char *name, const char *value);

/* rv_http_reply(), also without a handler. */
int rv_http_queue_reply(struct rv_http_connection *connection, int status,
                        const char *type, const void *body, size_t len_bytes);

/* Append `text` to the output. Returns: 0, -ENOMEM. */
int rv_http_queue(struct rv_http_connection *connection, const void *text,
                  size_t len);

/* All of the output was sent: empty the buffer. */
void rv_http_empty(struct rv_http_connection *connection);

#endif /* RV_HTTP_CONNECTION_H */
