/* SPDX-License-Identifier: MIT */
/*
 * connection.c - one connection of the server: its task and its timeouts. What
 * it does in each state is in connection_states.c.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <reveil/async.h>

#include "base/base_internal.h"
#include "http/server/connection.h"

enum { STATES_A_POLL = 64 }; /* then the task yields to others */

static const int64_t drain_ns = RV_NS_PER_S;

/* A client that continues sends its next request within this time, even on a
 * busy machine. At most a quarter of the idle timeout is used. */
static const int64_t pause_ns = RV_NS_PER_S;

/* The least time between two checks of a handler or a send, so that an idle
 * timeout of 0 does not cause a busy loop. */
static const int64_t shortest_check_ns = RV_NS_PER_MS;

/* --- timeouts ---------------------------------------------------------- */

/* The deadline of a wait that begins now in the current state. */
static int64_t state_deadline(const struct rv_http_connection *conn)
{
    const int64_t idle_ns = conn->server->idle_timeout_ns;
    int64_t check_ns;

    if (conn->state == RV_HTTP_CONN_DRAIN)
        return rv_after_ns(drain_ns);
    if (conn->state < RV_HTTP_CONN_HANDLER)
        return rv_after_ns(idle_ns);
    /* Check twice per idle timeout whether the peer acknowledges data. */
    check_ns = rv_after_ns(idle_ns / 2 > shortest_check_ns ? idle_ns / 2
                                                           : shortest_check_ns);
    if (conn->state == RV_HTTP_CONN_SEND)
        return check_ns;
    return !conn->answered && conn->handler_ns < check_ns ? conn->handler_ns
                                                          : check_ns;
}

/*
 * Has the deadline of the state passed? If not, the timer is armed. A timer
 * that fires before the current deadline is armed again: that is cheaper than
 * moving it for each request.
 */
static bool out_of_time(struct rv_http_connection *conn, struct rv_cx *cx)
{
    if (conn->deadline_ns == 0)
        conn->deadline_ns = state_deadline(conn);
    if (conn->deadline_ns == RV_NEVER)
        return false;
    if (conn->timer_ns > conn->deadline_ns)
        rv_drop(&conn->timer.future);
    if (conn->timer_ns == 0 || conn->timer_ns > conn->deadline_ns) {
        conn->timer_ns = conn->deadline_ns;
        rv_sleep_init(&conn->timer, conn->timer_ns);
    }
    while (rv_poll(&conn->timer.future, cx) == RV_READY) {
        if (conn->timer_ns == conn->deadline_ns) {
            conn->timer_ns = 0;
            return true;
        }
        conn->timer_ns = conn->deadline_ns;
        rv_sleep_init(&conn->timer, conn->timer_ns);
    }
    return false;
}

/*
 * The deadline of the state has passed. A client that is slow with its request
 * gets a 408; an idle one is closed. One that does not read gets a reset: after
 * a plain close the kernel would try to send the rest for minutes.
 */
static void handle_timeout(struct rv_http_connection *conn)
{
    const bool begun = conn->in_end > conn->in_start;

    if (conn->state == RV_HTTP_CONN_HANDLER)
        rv_http_check_handler(conn);
    else if ((conn->state == RV_HTTP_CONN_BODY && !conn->answered) ||
             (conn->state == RV_HTTP_CONN_HEAD && begun))
        rv_http_refuse(conn, 408);
    else if (conn->state == RV_HTTP_CONN_SEND)
        rv_http_check_send(conn);
    else
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
}

/* --- the task ---------------------------------------------------------- */

static enum rv_poll connection_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_connection *conn =
        RV_CONTAINER_OF(future, struct rv_http_connection, future);

    if (future->at == 0 && conn->state != RV_HTTP_CONN_OVER) {
        future->at = 1;
        conn->waker = rv_waker_clone(&cx->waker);
        if (conn->server->layer &&
            rv_http_link_open(&conn->link, conn->server->layer, &conn->stream,
                              NULL) < 0)
            return RV_READY;
    }
    for (int n = 0; n < STATES_A_POLL; n++) {
        if (conn->state == RV_HTTP_CONN_OVER)
            return RV_READY;
        if (rv_http_go_on(conn, cx) == RV_READY)
            continue;
        if (!out_of_time(conn, cx))
            return RV_PENDING;
        handle_timeout(conn);
    }
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static void connection_drop(struct rv_future *future)
{
    struct rv_http_connection *conn =
        RV_CONTAINER_OF(future, struct rv_http_connection, future);

    rv_http_drop_handler(conn);
    rv_drop(&conn->timer.future);
    rv_http_link_close(conn->link);
    conn->link = NULL;
    rv_stream_close(&conn->stream);
    rv_free(conn->in);
    rv_free(conn->out);
    rv_free(conn->headers);
    conn->in = NULL;
    conn->out = NULL;
    conn->headers = NULL;
    rv_waker_drop(&conn->waker);
    if (!rv_list_empty(&conn->node)) {
        rv_list_remove(&conn->node);
        rv_http_server_lost_one(conn->server);
    }
}

bool rv_http_connection_stop(struct rv_http_connection *conn)
{
    const bool begun = conn->in_end > conn->in_start;

    conn->exchange.keep_alive = false;
    /* If it waits for a request, it checks whether one has arrived already. */
    rv_waker_wake(&conn->waker);
    return conn->state < RV_HTTP_CONN_DRAIN &&
           (conn->state != RV_HTTP_CONN_HEAD || begun);
}

bool rv_http_connection_is_idle(const struct rv_http_connection *conn)
{
    const int64_t idle_ns = conn->server->idle_timeout_ns;
    const int64_t least_ns = idle_ns / 4 < pause_ns ? idle_ns / 4 : pause_ns;
    char byte;

    /* Without a deadline it has not begun to wait. */
    if (conn->state != RV_HTTP_CONN_HEAD || conn->in_end > conn->in_start ||
        conn->deadline_ns == 0)
        return false;
    if (conn->deadline_ns < RV_NEVER &&
        rv_now_ns() < conn->deadline_ns - idle_ns + least_ns)
        return false;
    /* A request may have arrived that the reactor has not reported yet. */
    return recv(rv_stream_fd(&conn->stream), &byte, 1,
                MSG_PEEK | MSG_DONTWAIT) <= 0;
}

void rv_http_connection_abort(struct rv_http_connection *conn)
{
    /* The executor owns the task: it ends at its next poll. */
    conn->state = RV_HTTP_CONN_OVER;
    rv_waker_wake(&conn->waker);
    connection_drop(&conn->future);
}

int rv_http_connection_start(struct rv_http_server *server,
                             struct rv_stream *stream,
                             struct rv_executor *executor)
{
    static const struct rv_future_ops ops = {.name = "http-connection",
                                             .poll = connection_poll,
                                             .drop = connection_drop};
    struct rv_http_connection *conn =
        rv_alloc(sizeof *conn + server->handler.frame_bytes);
    const int yes = 1;
    int error;

    if (!conn)
        return -ENOMEM;
    rv_future_init(&conn->future, &ops);
    rv_list_init(&conn->node);
    conn->server = server;
    conn->frame_bytes = server->handler.frame_bytes;
    conn->exchange.head = &conn->parser.head;
    conn->exchange.stream = server->layer ? NULL : &conn->stream;
    conn->exchange.connection = conn;
    rv_http_next_request(conn);
    error = rv_spawn(executor, &conn->future, NULL);
    if (error < 0) {
        rv_free(conn);
        return error;
    }
    conn->stream = *stream;
    *stream = (struct rv_stream){0};
    rv_list_push(&server->connections, &conn->node);
    server->open++;
    /* Each response is one send(), so Nagle's delay would only add latency. */
    setsockopt(rv_stream_fd(&conn->stream), IPPROTO_TCP, TCP_NODELAY, &yes,
               sizeof yes);
    return 0;
}
