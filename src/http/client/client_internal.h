/* SPDX-License-Identifier: MIT */
/*
 * client_internal.h - what the files of the client share.
 *
 *     client.c            a GET: its states, its timeouts, its redirects
 *     request.c           the head and the body that it sends
 *     response.c          receives one response
 *     pieces.c            the caller receives the body; calls for coroutines
 *     reader.c            a source that reads a file
 *     file_sink.c         a sink that writes to a file
 *     idle_connections.c  the connections that a client keeps
 *
 * Threads: the executor's.
 */
#ifndef RV_HTTP_CLIENT_INTERNAL_H
#define RV_HTTP_CLIENT_INTERNAL_H

#include <reveil/http_client.h>

#include "http/message/buffer.h"
#include "http/message/link.h"
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

/*
 * Has the deadline passed? If not, the timer is armed.
 */
bool rv_http_get_out_of_time(struct rv_http_get *get, struct rv_cx *cx);

/* rv_http_get_init(), and with a layer also for https. */
int rv_http_get_init_any(struct rv_http_get *get, const char *url,
                         struct rv_http_layer *layer);

/* Close the connection. */
void rv_http_get_hang_up(struct rv_http_get *get);

/* Stop the timer. */
void rv_http_get_disarm(struct rv_http_get *get);

/* The response is complete: leave the connection to the client, or close it. */
void rv_http_get_leave(struct rv_http_get *get);

/* --- in request.c ------------------------------------------------------ */

/* Write the request for this URL to `head`, and the host behind it. Returns: 0,
 * -ENOMEM. */
int rv_http_request_store(struct rv_http_get *get,
                          const struct rv_http_url_parts *url);

/* May the request be sent twice without harm? */
bool rv_http_request_is_idempotent(const struct rv_http_get *get);

/* Make the body ready to be sent again. Returns: false: that is not possible.
 */
bool rv_http_request_rewind(struct rv_http_get *get);

/* A redirect with this status will be followed: change the method, and make
 * the body ready again. Returns: false: do not follow it. */
bool rv_http_request_redirect(struct rv_http_get *get, int status);

/* Remove the added headers that another server must not see. */
void rv_http_request_forget_secrets(struct rv_http_get *get);

/* The head was sent. Returns: 1: send the body; 0: there is none left;
 * -ENOMEM. */
int rv_http_body_start(struct rv_http_get *get);

/*
 * Send the body. Returns: 0: it was sent, or the server does not want more of
 * it; if `answered` is set, the response is complete; -EAGAIN: the waker was
 * stored; negative errno.
 */
int rv_http_body_poll(struct rv_http_get *get, struct rv_cx *cx);

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

/* For a response in pieces: make get->piece the next piece of the body. It is
 * empty at the end. Returns: 0; -EAGAIN: the waker was stored; other errors. */
int rv_http_response_piece(struct rv_http_get *get, struct rv_cx *cx);

/* --- in idle_connections.c --------------------------------------------- */

/* The server that a connection leads to. The host is borrowed, and is not
 * NUL-terminated. */
struct rv_http_peer {
    const char *host;
    size_t host_len;
    uint16_t port;
    struct rv_http_layer *layer; /* NULL: plain HTTP */
};

/* Move an idle connection to this server into *stream, or *link if the peer has
 * a layer. Returns: false if there is none. */
bool rv_http_client_reuse(struct rv_http_client *client,
                          const struct rv_http_peer *peer,
                          struct rv_stream *stream, struct rv_http_link **link);

/* Keep the connection as an idle one, or close it if there is no room. Owns:
 * *stream is "no socket" afterwards, and *link is NULL. */
void rv_http_client_keep(struct rv_http_client *client,
                         const struct rv_http_peer *peer,
                         struct rv_stream *stream, struct rv_http_link **link);

#endif /* RV_HTTP_CLIENT_INTERNAL_H */
