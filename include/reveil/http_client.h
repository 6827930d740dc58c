/* SPDX-License-Identifier: MIT */
/*
 * http_client.h - one GET, as a future.
 *
 *     err = rv_http_get_init(&self->get, "http://127.0.0.1:8080/600/Hello");
 *     if (err < 0)
 *         RV_RETURN(future, err);
 *     RV_AWAIT(future, cx, &self->get.future);
 *     if (self->get.future.result == 0)
 *         fwrite(self->get.body, 1, self->get.body_len_bytes, stdout);
 *     rv_drop(&self->get.future);
 */
#ifndef RV_HTTP_CLIENT_H
#define RV_HTTP_CLIENT_H

#include <reveil/executor.h>
#include <reveil/http.h>
#include <reveil/net.h>
#include <reveil/resolve.h>

/*
 * result: 0 when a whole answer came, whatever its status; else
 *   -ECONNREFUSED, -ECONNRESET, ...  what the network said
 *   -ENXIO, -EREMOTEIO, ...          the name: see rv_resolve in resolve.h
 *   -EPIPE      the connection ended before the answer did
 *   -EBADMSG, -EMSGSIZE, -ENOTSUP    the answer is not good HTTP/1.x
 *   -ETIMEDOUT  the deadline passed
 *   -ENOMEM
 * The connection is closed when it is READY; what it allocated is freed by
 * rv_drop(), which also cancels it at any time before.
 */
struct rv_http_get {
    struct rv_future future;

    /* Output: valid when the result is 0, until rv_drop(). */
    int status;            /* 200, 404, ... */
    char *body;            /* decoded, without a 0 at its end; or NULL. To
                              keep it take it, and leave NULL: rv_free() */
    size_t body_len_bytes; /* 0 when it is empty */
    char *head;            /* as it came: status line, headers, empty line */
    size_t head_len_bytes;

    /* Set between init and the first poll if wanted. */
    int64_t deadline_ns;     /* for the whole; RV_NEVER by default */
    uint64_t max_body_bytes; /* 64 MiB by default; more is -EMSGSIZE */

    /* rv_http_find_header(&parser.head, head, ...) when the result is 0. */
    struct rv_http_parser parser;

    /* Private. */
    struct rv_tcp tcp;
    struct rv_sleep timer;
    union {
        struct rv_dial dial;
        struct rv_tcp_send send;
    } step;
    /* `head` holds the request until it is sent, and behind it the host. */
    size_t head_room_bytes;
    size_t filled_bytes; /* of `head` */
    size_t body_room_bytes;
    uint16_t port;
    bool head_done;
};

/*
 * A GET of `url` (http only), on a connection of its own. A host that is a name
 * is looked up on the thread's blocking pool; an IP address or localhost needs
 * none. The URL is copied.
 *
 * Returns: 0; -EPROTONOSUPPORT, -EINVAL, -ENAMETOOLONG as rv_http_url_parse();
 * -ENOMEM.
 */
int rv_http_get_init(struct rv_http_get *get, const char *url);

#endif /* RV_HTTP_CLIENT_H */
