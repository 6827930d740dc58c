/* SPDX-License-Identifier: MIT */
/*
 * http_client.h - a request and its response, and a pool of idle connections.
 *
 *     error = rv_http_request_init(&get, "POST", "http://localhost/users");
 *     if (error == 0)
 *         error = rv_http_get_add_header(&get, "Content-Type", "text/plain");
 *     if (error == 0) {
 *         rv_http_get_send(&get, "Ann", 3);
 *         error = rv_http_fetch(&get, rv_after_ms(5000));
 *     }
 *     if (error == 0)
 *         fwrite(get.body, 1, get.body_len_bytes, stdout);
 *     rv_drop(&get.future);
 *
 * rv_http_fetch() is for coroutines. Elsewhere, await the future:
 *
 *     error = rv_http_get_init(&self->get, "http://127.0.0.1:8080/600/Hello");
 *     if (error < 0)
 *         RV_RETURN(future, error);
 *     RV_AWAIT(future, cx, &self->get.future);
 *
 * Between init and the first poll, options may be set in the struct: timeouts,
 * redirects, a client whose connections are reused. The body of the request is
 * in memory, or comes from a source (http_source.h). The body of the response
 * is stored in memory, written to a sink (http_sink.h), or received by the
 * caller in pieces.
 */
#ifndef RV_HTTP_CLIENT_H
#define RV_HTTP_CLIENT_H

#include <reveil/executor.h>
#include <reveil/http.h>
#include <reveil/http_layer.h>
#include <reveil/http_sink.h>
#include <reveil/http_source.h>
#include <reveil/net.h>
#include <reveil/resolve.h>

RV_BEGIN_DECLS

/* --- idle connections -------------------------------------------------- */

/*
 * Idle connections, which the next GET to the same host and port reuses. A
 * client belongs to one executor. It must outlive the GETs that use it, and
 * must be finished (fini) before the runtime stops. If the server has closed an
 * idle connection, or sent data on it, this is noticed when it would be reused,
 * and it is closed.
 */
struct rv_http_client {
    /* Options; may be changed after init. */
    uint32_t max_idle; /* 64 in total; beyond it the oldest is closed */
    uint32_t max_idle_per_host; /* 8 */
    int64_t max_idle_ns;        /* 60 s; older ones are closed when another
                                   GET starts or ends */

    /* Counters. */
    uint64_t opened; /* GETs that needed a new connection */
    uint64_t reused; /* GETs sent on an idle connection */

    /* Private. */
    struct rv_list idle; /* the oldest first */
    uint32_t idle_count;
};

/* Initialize with the default options. Threads: the executor's. */
void rv_http_client_init(struct rv_http_client *client);

/* Close the idle connections. A no-op the second time. Threads: the
 * executor's. */
void rv_http_client_fini(struct rv_http_client *client);

/* The number of idle connections. */
uint32_t rv_http_client_idle(const struct rv_http_client *client);

struct rv_http_link;

/* --- one request ------------------------------------------------------- */

/* What a GET is waiting for, or was waiting for when it failed. */
enum rv_http_get_state {
    RV_HTTP_CONNECTING, /* name lookup, connect and first send */
    RV_HTTP_SENDING,    /* sending the rest of the request, or the source of its
                           body */
    RV_HTTP_WAITING,    /* the head of the response */
    RV_HTTP_RECEIVING,  /* the next bytes of the body */
    RV_HTTP_STORING,    /* the sink */
    RV_HTTP_FINISHED    /* nothing: the response is complete */
};

/*
 * Timeouts, in nanoseconds. 0 or less: no limit except the deadline. They start
 * again with each redirect. Some limit the total time of a state; the two
 * others limit the time without progress.
 */
struct rv_http_timeouts {
    int64_t connect_ns;    /* total: lookup, connect, first send */
    int64_t send_ns;       /* total: the rest of the request; for a body that
                              does not fit into one packet, without progress */
    int64_t head_ns;       /* total: from the sent request to the whole head */
    int64_t body_ns;       /* without a new byte of the body */
    int64_t head_stall_ns; /* without a new byte of the head */
};

/*
 * result: 0 when the response is complete, whatever its status; else
 *   -ECONNREFUSED, -ECONNRESET, ...  an error of the network
 *   -ENXIO, -EREMOTEIO, ...          the name lookup failed: see resolve.h
 *   -EPIPE      the connection ended before the response was complete
 *   -EBADMSG, -EMSGSIZE, -ENOTSUP    the response is not valid HTTP/1.x, or
 *               exceeds a limit (including 32 KiB of heads and 16 responses of
 *               1xx), or redirects to something that is not a URL
 *   -ETIMEDOUT  the deadline passed (deadline_passed is true), or the timeout
 *               of `state`; or, in RV_HTTP_CONNECTING, that of the kernel
 *   -ELOOP      more redirects than max_redirects
 *   -EPROTONOSUPPORT, -ENAMETOOLONG  a redirect to https or another scheme, or
 *               to a URL that is too long
 *   -ENOSPC, ... in RV_HTTP_STORING  an error of the sink
 *   -ENOMEM
 * When the GET is READY, its connection is closed or belongs to the client.
 * rv_drop() frees its memory; before READY it also cancels the GET.
 */
struct rv_http_get {
    struct rv_future future;

    /* Output: valid if the result is 0, until rv_drop(). */
    int status;            /* 200, 404, ... */
    char *body;            /* decoded, with a NUL behind it; "" if it is empty.
                              NULL with a sink, and in pieces. To keep it, set
                              this to NULL, and free it with rv_free() */
    size_t body_len_bytes; /* 0 if it is empty; with a sink: written so far */
    char *head;            /* as received: status line, headers, empty line */
    size_t head_len_bytes;

    /* Output, always valid. */
    char *url;          /* the current URL, after redirects */
    uint32_t redirects; /* how many were followed */
    enum rv_http_get_state state;
    bool deadline_passed;
    bool reused; /* the request was sent on an idle connection */

    /* Options; may be set between init and the first poll. */
    int64_t deadline_ns;              /* for the whole GET; default RV_NEVER */
    uint64_t max_body_bytes;          /* default 64 MiB; more is -EMSGSIZE */
    struct rv_http_timeouts timeouts; /* none by default */
    uint32_t max_redirects; /* default 0: a redirect is a normal response */
    bool head_only;         /* a HEAD request: the response has no body */
    struct rv_http_client *client; /* NULL: a connection for this GET only */

    /* For rv_http_find_header(&parser->head, head, ...). Valid if the result is
     * 0, until rv_drop(). NULL until the first bytes are received. */
    struct rv_http_parser *parser;

    /* Private. */
    struct rv_http_sink *sink;
    struct rv_http_layer *layer;
    struct rv_http_link *link; /* for https; it has the socket */
    struct rv_stream stream;
    struct rv_sleep timer;
    int64_t timer_ns; /* what the timer is set to; 0: it is not armed */
    int64_t state_ns; /* the next deadline of the state, total or progress */
    int64_t whole_ns; /* the deadline for the state as a whole */
    union {
        struct rv_dial dial;
        struct rv_stream_send send;
        struct rv_io_write_all write;
    } step;
    /* Until it is sent, `head` holds the request, and behind it the host. */
    size_t head_room_bytes;
    size_t filled_bytes; /* of `head` */
    /* With a sink, `body` holds: [written][piece: decoded][raw: unparsed]. */
    size_t body_room_bytes;
    struct rv_http_slice piece;
    struct rv_http_slice raw;
    struct rv_http_slice host; /* in `url` */
    const char *method;        /* NULL: GET, or HEAD */
    char *headers;             /* added to the request */
    size_t headers_room_bytes;
    size_t headers_len_bytes;
    const char *data; /* the body of the request, in memory */
    size_t data_len_bytes;
    struct rv_http_source *source; /* or where it comes from */
    int64_t source_len_bytes;      /* -1: not known */
    uint64_t source_left;
    char *chunk;         /* the buffer behind the source */
    const char *send_at; /* what is sent next: in `data` or `chunk` */
    const char *send_end;
    char *next_url;         /* the target of this redirect, or NULL */
    uint32_t interim_bytes; /* of skipped 1xx heads */
    uint16_t interim_heads;
    uint16_t port;
    bool head_done;
    bool heard;       /* something was received on this connection */
    bool retried;     /* sent again on a new connection */
    bool surplus;     /* more was received than the response */
    bool sends;       /* the request has a body */
    bool source_done; /* all of it was read from the source */
    bool source_failed;
    bool answered;  /* the response was received while the body was sent */
    bool cut;       /* the body was not sent to its end */
    bool recv_over; /* of a response in pieces: with this result */
    int recv_result;
    bool in_pieces; /* rv_http_get_poll_recv() receives the body */
};

/*
 * Initialize a GET of `url` (http only), which is copied. A name is looked up
 * on the thread's blocking pool; an IP address or localhost needs none.
 *
 * With a client, the GET reuses an idle connection if there is one, and
 * afterwards leaves its connection to the client if the server allows it. The
 * server may close an idle connection just when it is reused. If nothing of a
 * response was received then, the request is sent once more on a new
 * connection, which is safe because GET and HEAD are idempotent.
 *
 * max_redirects: responses 301, 302, 303, 307 and 308 with a Location are
 * followed up to this many times. Their bodies are discarded.
 *
 * Returns: 0; -EPROTONOSUPPORT, -EINVAL, -ENAMETOOLONG as rv_http_url_parse();
 * -ENOMEM.
 */
int rv_http_get_init(struct rv_http_get *get, const char *url);

/*
 * Write the body to `sink` as it is received. `body` stays NULL. This sets
 * max_body_bytes to "no limit"; it may be set again afterwards. Call it between
 * init and the first poll.
 *
 * Owns: the caller keeps the sink, and drops it after the GET.
 */
void rv_http_get_into(struct rv_http_get *get, struct rv_http_sink *sink);

/*
 * Initialize a request with any method but CONNECT, which is not copied; a
 * string literal, for example. Everything else is as for a GET, but that a
 * request is sent again only if that does no harm: GET, HEAD, OPTIONS, PUT,
 * DELETE and TRACE, and their body is in memory or comes from a source that can
 * be rewound. A POST that is sent on an idle connection just when the server
 * closes it therefore fails with -EPIPE or -ECONNRESET.
 *
 * Redirects with 307 and 308 send the method and the body again. After a 303,
 * and after a 301 or 302 of a POST, a GET follows without a body and without
 * the added headers that describe one (Content-Type, -Encoding, -Language and
 * -Location). If the body cannot be sent again, the redirect is a normal
 * response. A redirect to another host or port is sent without the added
 * headers Authorization, Cookie and Proxy-Authorization.
 *
 * Returns: as rv_http_get_init(); -EINVAL also for the method.
 */
int rv_http_request_init(struct rv_http_get *get, const char *method,
                         const char *url);

/*
 * The same for a URL of http or https. Connections for https get `layer`
 * (http_layer.h), as do those of redirects to https.
 *
 * Owns: the layer must outlive the request, and the client that keeps its
 * connections.
 */
int rv_https_request_init(struct rv_http_get *get, const char *method,
                          const char *url, struct rv_http_layer *layer);

/*
 * Add a header to the request; User-Agent and Accept replace those of the
 * library. Call it between init and the first poll.
 *
 * Owns: both texts are copied.
 * Returns: 0; -EINVAL: not a valid name or value (a line end, for example), or
 * a header that the client sends itself: Connection, Content-Length, Expect,
 * Host, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade; -EMSGSIZE: more
 * than 16 KiB of them; -ENOMEM.
 */
int rv_http_get_add_header(struct rv_http_get *get, const char *name,
                           const char *value);

/*
 * Send this body. Call it between init and the first poll.
 *
 * Owns: the caller keeps the data. It must stay valid, unmoved and unmodified
 * until the future is READY or dropped.
 */
void rv_http_get_send(struct rv_http_get *get, const void *data,
                      size_t len_bytes);

/*
 * Send what a source gives. Call it between init and the first poll.
 *
 * len_bytes: how much that is; -1: not known, which sends it in chunks. If the
 * source ends before, the result is -EPIPE, in state RV_HTTP_SENDING.
 * Owns: the caller keeps the source, and drops it after the request.
 */
void rv_http_get_send_from(struct rv_http_get *get,
                           struct rv_http_source *source, int64_t len_bytes);

/* --- the body in pieces ------------------------------------------------ */

/*
 * The future is READY when the head of the response was received, and the
 * caller receives the body with rv_http_get_poll_recv(). Then the connection
 * stays with the request until the body has ended or the request is dropped.
 * This sets max_body_bytes to "no limit". Call it between init and the first
 * poll.
 */
void rv_http_get_in_pieces(struct rv_http_get *get);

/*
 * Receive some of the body, after the result 0.
 *
 * Returns: the number of bytes; 0: it is complete; -EAGAIN: the waker of `cx`
 * was stored; -ETIMEDOUT: as the result of a GET; other errors as there.
 */
ssize_t rv_http_get_poll_recv(struct rv_http_get *get, struct rv_cx *cx,
                              void *buffer, size_t len_bytes);

/* The same as a future. result: as above, but for -EAGAIN. Dropped before it
 * is READY, it has received nothing. */
struct rv_http_get_recv {
    struct rv_future future;
    struct rv_http_get *get;
    void *buffer;
    size_t len_bytes;
};

/* Owns: the caller keeps the buffer, which must stay valid and unmoved until
 * the future is READY or dropped. */
void rv_http_get_recv_init(struct rv_http_get_recv *recv,
                           struct rv_http_get *get, void *buffer,
                           size_t len_bytes);

/* --- in a coroutine ---------------------------------------------------- */

/*
 * Send the request and receive the response, in a coroutine of an executor or a
 * task of a scheduler (there without a client). Call rv_drop(&get->future)
 * afterwards, whatever this returns.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. For the response as a
 * whole, unless get->deadline_ns is earlier.
 * Returns: the result of the future; -ECANCELED.
 */
int rv_http_fetch(struct rv_http_get *get, int64_t deadline_ns);

/*
 * Receive some of the body of a response in pieces.
 *
 * Returns: as rv_http_get_poll_recv(), or -ETIMEDOUT at the deadline, when
 * nothing was received and the call may be repeated; -ECANCELED.
 */
int rv_http_get_recv(struct rv_http_get *get, void *buffer, size_t len_bytes,
                     int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_HTTP_CLIENT_H */
