/* SPDX-License-Identifier: MIT */
/*
 * slow_server.h - for cases: a server whose response comes in pieces, the next
 * one only when the GET has read the last and found nothing after it.
 *
 * Included in check.c behind probe.h; struct lesson_request is of lesson.h.
 */
#ifndef PROBE_SLOW_SERVER_H
#define PROBE_SLOW_SERVER_H

#include "probe.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* It listens on a port of its own. */
static int probe_listen(int *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof(address);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(listener, (struct sockaddr *)&address, length) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        abort();
    *port = ntohs(address.sin_port);
    return listener;
}

/* A response that is sent piece by piece, to one GET. */
static struct {
    int listener, peer;
    int sent; /* pieces */
    size_t bytes;
    bool seen; /* a poll has found nothing since the last piece */
} probe_slow;

/* With body and nonce; the header says how long it is. */
static const char *probe_piece(int i)
{
    static char head[128], nonce[64];

    snprintf(nonce, sizeof(nonce), "%s", probe_nonce());
    snprintf(head, sizeof(head),
             "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n"
             "connection: close\r\n\r\n",
             strlen(nonce) + 8);
    return i == 0 ? head : i == 1 ? "one-" : i == 2 ? nonce : "-two";
}

/*
 * The GET has said NOT_READY. Once it has read all that was sent, and has been
 * polled again and has found nothing, the next piece follows: so there is a gap
 * between two pieces on any machine.
 */
static void probe_send_next(const struct lesson_request *request)
{
    const char *piece;
    char text[1024];

    if (!probe_slow.peer) {
        probe_slow.peer = accept(probe_slow.listener, NULL, NULL);
        probe_quiet(true);
        if (recv(probe_slow.peer, text, sizeof(text), 0) <= 0)
            abort();
        probe_quiet(false);
    }
    if (request->length < probe_slow.bytes)
        return;
    if (!probe_slow.seen) {
        probe_slow.seen = true;
        return;
    }
    probe_slow.seen = false;
    if (probe_slow.sent == 4) {
        shutdown(probe_slow.peer, SHUT_WR);
        return;
    }
    piece = probe_piece(probe_slow.sent++);
    probe_slow.bytes += strlen(piece);
    probe_quiet(true);
    if (send(probe_slow.peer, piece, strlen(piece), MSG_NOSIGNAL) < 0)
        abort();
    probe_quiet(false);
}

#endif /* PROBE_SLOW_SERVER_H */
