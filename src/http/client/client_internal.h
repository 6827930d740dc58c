/* SPDX-License-Identifier: MIT */
/*
 * client_internal.h - what the files of the client share.
 *
 *     client.c            a GET: its states, its timeouts, its redirects
 *     response.c          receives one response
 *     file_sink.c         a sink that writes to a file
 *     idle_connections.c  the connections that a client keeps
 *
 * Threads: the executor's.
 */
#ifndef RV_HTTP_CLIENT_INTERNAL_H
#define RV_HTTP_CLIENT_INTERNAL_H

#include <reveil/http_client.h>

#include "http/message/buffer.h"
#include "http/message/url.h"

/* --- in client.c ------------------------------------------------------- */

/* Enter a state: its timeouts start now. */
void rv_http_get_enter(struct rv_http_get *get, enum rv_http_get_state state);

/* There was progress in this state: restart the timeout for silence. */
void rv_http_get_moved(struct rv_http_get *get);

/*
 * The head of a response is complete: set next_url if it is a redirect that the
 * GET follows. Returns: 0; -ELOOP, -ENOMEM, -EBADMSG, -EPROTONOSUPPORT, ...
 */
int rv_http_get_find_next(struct rv_http_get *get);

/* --- in response.c ----------------------------------------------------- */

/* Prepare to receive a response into `head` and `body`. */
void rv_http_response_start(struct rv_http_get *get);

/*
 * Receive until the response is complete, or until discarding the rest of a
 * redirect's body would cost more than a new connection.
 *
 * Returns: 0; -EAGAIN: the waker was stored; other errors.
 */
int rv_http_response_poll(struct rv_http_get *get, struct rv_cx *cx);

/* --- in idle_connections.c --------------------------------------------- */

/* The server that a connection leads to. The host is borrowed, and is not
 * NUL-terminated. */
struct rv_http_peer {
    const char *host;
    size_t host_len;
    uint16_t port;
};

/* Move an idle connection to this server into *stream. Returns: false if there
 * is none. */
bool rv_http_client_reuse(struct rv_http_client *client,
                          const struct rv_http_peer *peer,
                          struct rv_stream *stream);

/* Keep the connection as an idle one, or close it if there is no room. Owns:
 * *stream is "no socket" afterwards. */
void rv_http_client_keep(struct rv_http_client *client,
                         const struct rv_http_peer *peer,
                         struct rv_stream *stream);

#endif /* RV_HTTP_CLIENT_INTERNAL_H */
