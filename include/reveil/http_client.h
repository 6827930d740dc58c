/* SPDX-License-Identifier: MIT */
/*
 * http_client.h - one GET, as a future; and connections that are kept.
 *
 *     err = rv_http_get_init(&self->get, "http://127.0.0.1:8080/600/Hello");
 *     if (err < 0)
 *         RV_RETURN(future, err);
 *     RV_AWAIT(future, cx, &self->get.future);
 *     if (self->get.future.result == 0)
 *         fwrite(self->get.body, 1, self->get.body_len_bytes, stdout);
 *     rv_drop(&self->get.future);
 *
 * Between init and the first poll it may be told more: limits in time, to
 * follow redirects, to use a client's connections, to send a HEAD, where the
 * body shall go (http_sink.h).
 */
#ifndef RV_HTTP_CLIENT_H
#define RV_HTTP_CLIENT_H

#include <reveil/executor.h>
#include <reveil/http.h>
#include <reveil/http_sink.h>
#include <reveil/net.h>
#include <reveil/resolve.h>

/* --- connections that are kept ----------------------------------------- */

/*
 * Idle connections, to be used again by the next GET to the same host and
 * port. They belong to one executor; it outlives the GETs that use it, and is
 * finished before the runtime stops. One that the server has closed, or said
 * something on, is noticed when its turn comes, and closed.
 */
struct rv_http_client {
    /* Change them after init if wanted. */
    uint32_t max_idle;          /* 64 in all; more: the oldest is closed */
    uint32_t max_idle_per_host; /* 8 */
    int64_t max_idle_ns;        /* 60 s; older ones are closed when another
                                   GET starts or ends */

    /* What came of it. */
    uint64_t opened; /* connections that were to be made */
    uint64_t reused; /* GETs sent on one that was there */

    /* Private. */
    struct rv_list idle; /* the latest last */
    uint32_t idle_count;
};

/* None is idle, the limits are as above. Threads: the executor's. */
void rv_http_client_init(struct rv_http_client *client);

/* Close what is idle. Harmless when done before. Threads: the executor's. */
void rv_http_client_fini(struct rv_http_client *client);

/* How many connections are idle. */
uint32_t rv_http_client_idle(const struct rv_http_client *client);

/* --- one GET ----------------------------------------------------------- */

/* What a GET waits for, or waited for when it failed. */
enum rv_http_get_state {
    RV_HTTP_CONNECTING, /* the name, the connection, the first send on it */
    RV_HTTP_SENDING,    /* room to send the rest of the request */
    RV_HTTP_WAITING,    /* the head of the response */
    RV_HTTP_RECEIVING,  /* the next bytes of the body */
    RV_HTTP_STORING,    /* the sink */
    RV_HTTP_FINISHED    /* nothing: there is a whole response */
};

/*
 * In nanoseconds; 0 or less: no limit but the deadline. Each redirect begins
 * anew. Some limit all of a state, however much comes, others a silence in it.
 */
struct rv_http_timeouts {
    int64_t connect_ns;    /* all of it */
    int64_t send_ns;       /* until the rest of the request is sent */
    int64_t head_ns;       /* from the end of the request to all of the head */
    int64_t body_ns;       /* without a byte of the body */
    int64_t head_stall_ns; /* without a byte of the head */
};

/*
 * result: 0 when a whole response came, whatever its status; else
 *   -ECONNREFUSED, -ECONNRESET, ...  what the network said
 *   -ENXIO, -EREMOTEIO, ...          the name: see rv_resolve in resolve.h
 *   -EPIPE      the connection ended before the response did
 *   -EBADMSG, -EMSGSIZE, -ENOTSUP    the response is not good HTTP/1.x, or is
 *               beyond a limit (32 KiB of heads and 16 of 1xx, too), or leads
 *               to what is no URL
 *   -ETIMEDOUT  the deadline passed (deadline_passed is true), or the limit of
 *               `state`; or, in RV_HTTP_CONNECTING, the kernel gave up
 *   -ELOOP      more redirects than max_redirects
 *   -EPROTONOSUPPORT, -ENAMETOOLONG  a redirect leads to https or another
 *               scheme, or to a URL that is too long
 *   -ENOSPC, ... in RV_HTTP_STORING  what the sink said
 *   -ENOMEM
 * When it is READY its connection is closed or the client's; what it allocated
 * is freed by rv_drop(), which also cancels it at any time before.
 */
struct rv_http_get {
    struct rv_future future;

    /* Output: valid when the result is 0, until rv_drop(). */
    int status;            /* 200, 404, ... */
    char *body;            /* decoded, not NUL-terminated; or NULL. To keep it,
                              set this to NULL, and free it with rv_free() */
    size_t body_len_bytes; /* 0 if it is empty; with a sink: written so far */
    char *head;            /* as received: status line, headers, empty line */
    size_t head_len_bytes;

    /* Output, always valid. */
    char *url;          /* the one asked last, after redirects */
    uint32_t redirects; /* followed */
    enum rv_http_get_state state;
    bool deadline_passed;
    bool reused; /* the response came on a connection that was idle */

    /* Set between init and the first poll if wanted. */
    int64_t deadline_ns;              /* for the whole; RV_NEVER by default */
    uint64_t max_body_bytes;          /* 64 MiB by default; more is -EMSGSIZE */
    struct rv_http_timeouts timeouts; /* none by default */
    uint32_t max_redirects; /* 0, the default: a redirect is the response */
    bool head_only;         /* HEAD instead of GET: no body comes */
    struct rv_http_client *client; /* NULL: a connection of its own */

    /* rv_http_find_header(&parser->head, head, ...) when the result is 0,
     * until rv_drop(). NULL before anything came. */
    struct rv_http_parser *parser;

    /* Private. */
    struct rv_http_sink *sink;
    struct rv_stream stream;
    struct rv_sleep timer;
    int64_t timer_ns; /* what it is set to; 0: it does not run */
    int64_t state_ns; /* deadline of the state, or of a silence in it */
    int64_t whole_ns; /* deadline of the state alone */
    union {
        struct rv_dial dial;
        struct rv_stream_send send;
    } step;
    /* `head` holds the request until it is sent, and behind it the host. */
    size_t head_room_bytes;
    size_t filled_bytes; /* of `head` */
    /* `body` holds, for a sink: [taken][piece, to be taken][raw, to parse]. */
    size_t body_room_bytes;
    struct rv_http_slice piece;
    struct rv_http_slice raw;
    struct rv_http_slice host; /* in `url` */
    char *next_url;            /* the target of this redirect, or NULL */
    uint32_t interim_bytes;    /* of skipped 1xx heads */
    uint16_t interim_heads;
    uint16_t port;
    bool head_done;
    bool heard;   /* something came on this connection */
    bool retried; /* on a new connection */
    bool surplus; /* more came than the response */
};

/*
 * A GET of `url` (http only). A host that is a name is looked up on the
 * thread's blocking pool; an IP address or localhost needs none. The URL is
 * copied.
 *
 * With a client it uses an idle connection, if there is one, and leaves its
 * own there if the server lets it. The server may close an idle connection at
 * the very moment when it is used again: if nothing of a response came, the
 * request (GET and HEAD change nothing) is sent once more, on a new one.
 *
 * max_redirects: 301, 302, 303, 307 and 308 with a Location are followed, so
 * often; the bodies of those responses are thrown away.
 *
 * Returns: 0; -EPROTONOSUPPORT, -EINVAL, -ENAMETOOLONG as rv_http_url_parse();
 * -ENOMEM.
 */
int rv_http_get_init(struct rv_http_get *get, const char *url);

/*
 * The body goes into `sink` as it comes; `body` stays NULL, and max_body_bytes
 * is without a limit until it is set again. Between init and the first poll.
 *
 * Owns: the sink is the caller's, and dropped after the GET.
 */
void rv_http_get_into(struct rv_http_get *get, struct rv_http_sink *sink);

#endif /* RV_HTTP_CLIENT_H */
