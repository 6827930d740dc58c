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

/*
 * result: 0 when a whole answer came, whatever its status; else
 *   -ECONNREFUSED, -ECONNRESET, ...  what the network said
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
    struct rv_addr addr;
    struct rv_tcp tcp;
    struct rv_sleep timer;
    union {
        struct rv_tcp_connect connect;
        struct rv_tcp_send send;
    } step;
    size_t head_room_bytes; /* `head` holds the request until it is sent */
    size_t filled_bytes;    /* of `head` */
    size_t body_room_bytes;
    bool head_done;
};

/*
 * A GET of `url` (http only) from an IP address or localhost, on a connection
 * of its own. The URL is copied.
 *
 * Returns: 0; -EPROTONOSUPPORT, -EINVAL, -ENAMETOOLONG as rv_http_url_parse();
 * -EADDRNOTAVAIL: the host is a name, which cannot be looked up yet; -ENOMEM.
 */
int rv_http_get_init(struct rv_http_get *get, const char *url);

#endif /* RV_HTTP_CLIENT_H */
