/* SPDX-License-Identifier: MIT */
/*
 * client_internal.h - what the files of the client share.
 *
 *     client.c  a GET: its states, its time, from one URL to the next
 *     response.c  receives the response     file_sink.c  a sink that is a file
 *     idle_connections.c  connections that are kept
 *
 * Threads: the executor's.
 */
#ifndef RV_HTTP_CLIENT_INTERNAL_H
#define RV_HTTP_CLIENT_INTERNAL_H

#include <reveil/http_client.h>

#include "http/message/message_internal.h"

/* Make `*buffer`, which holds `len` bytes, larger. Returns: 0, -ENOMEM. */
int rv_http_grow(char **buffer, size_t len, size_t *room, size_t new_room);

/* --- in client.c ------------------------------------------------------- */

/* The GET waits for something else from now on. */
void rv_http_get_enter(struct rv_http_get *get, enum rv_http_get_state state);

/* Something moved in this state: the limit of silence begins anew. */
void rv_http_get_moved(struct rv_http_get *get);

/*
 * The head of a response is complete. If the GET is to follow it, next_url is
 * set. Returns: 0; -ELOOP, -ENOMEM, -EBADMSG, -EPROTONOSUPPORT, ...
 */
int rv_http_get_find_next(struct rv_http_get *get);

/* --- in response.c ----------------------------------------------------- */

/* Ready to receive a response into `head` and `body`. */
void rv_http_response_start(struct rv_http_get *get);

/*
 * Receive until the response is complete, or the rest of it is not worth the
 * while. Returns: 0; -EAGAIN: the waker was left; other errors.
 */
int rv_http_response_poll(struct rv_http_get *get, struct rv_cx *cx);

/* --- in idle_connections.c --------------------------------------------- */

/* Take an idle connection to this host. Returns: false if there is none. */
bool rv_http_client_reuse(struct rv_http_client *client,
                          const struct rv_http_url_parts *url,
                          struct rv_stream *stream);

/* Keep the connection, or close it. `stream` is no socket then. */
void rv_http_client_keep(struct rv_http_client *client,
                         const struct rv_http_url_parts *url,
                         struct rv_stream *stream);

#endif /* RV_HTTP_CLIENT_INTERNAL_H */
