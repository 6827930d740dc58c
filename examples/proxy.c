/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - a proxy for CONNECT: proxy HOST:PORT
 *
 *     curl --proxy localhost:7777 --proxytunnel https://example.org/
 *
 * Both directions end separately, as the two sides end them. A tunnel in which
 * nothing moves for a minute is closed.
 */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

enum { IDLE_MS = 60000, HEAD_MS = 10000, CONNECT_MS = 10000 };

/* Receive the head of a request. Returns: 0: it is "CONNECT host:port";
 * negative errno. */
static int read_request(struct rv_reader *reader, char host[RV_RESOLVE_NAME],
                        uint16_t *port)
{
    struct rv_text head;
    char where[RV_RESOLVE_NAME + 8];
    int version;
    int error =
        rv_reader_until(reader, "\r\n\r\n", 4, &head, rv_after_ms(HEAD_MS));

    if (error != 1)
        return error ? error : -ENOMSG;
    if (sscanf(head.data, "CONNECT %263s HTTP/1.%1d", where, &version) != 2)
        return -EOPNOTSUPP;
    return rv_host_port_parse(where, host, RV_RESOLVE_NAME, port);
}

static int answer(struct rv_stream *client, int error)
{
    char text[160] = "HTTP/1.1 200 Connection established\r\n\r\n";

    if (error)
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nConnection: close\r\n\r\n%s\n",
                 error == -EOPNOTSUPP  ? "405 Method Not Allowed"
                 : error == -EINVAL    ? "400 Bad Request"
                 : error == -ETIMEDOUT ? "504 Gateway Timeout"
                                       : "502 Bad Gateway",
                 rv_strerror(error));
    return rv_stream_send(client, text, strlen(text), rv_after_ms(IDLE_MS));
}

static int32_t tunnel(struct rv_stream *client, void *arg)
{
    char buffer[32 * 1024];
    char host[RV_RESOLVE_NAME];
    struct rv_stream server = {0};
    struct rv_stream_io io;
    struct rv_reader reader;
    struct rv_text early; /* what the client has sent behind the head */
    uint16_t port;
    int error;

    (void)arg;
    rv_stream_io_init(&io, client);
    rv_reader_init(&reader, &io.io, buffer, sizeof buffer);
    error = read_request(&reader, host, &port);
    if (!error)
        error = rv_dial(host, port, &server, rv_after_ms(CONNECT_MS));
    error = answer(client, error) ? -EPIPE : error;
    early = rv_reader_buffered(&reader);
    if (!error)
        error = rv_stream_send(&server, early.data, early.len_bytes,
                               rv_after_ms(IDLE_MS));
    if (!error)
        error = rv_stream_relay(client, &server, buffer, sizeof buffer,
                                IDLE_MS * RV_NS_PER_MS, RV_NEVER);
    rv_stream_close(&server);
    return error;
}

static int32_t server(void *where)
{
    return rv_serve_at(where, tunnel, NULL, NULL);
}

int main(int argc, char **argv)
{
    program_start(1);
    program_usage(argc, argv, 0, 1, "proxy [HOST:PORT]");
    return rv_exit_status(
        "proxy", rv_run(server, argc > 1 ? argv[1] : "localhost:7777"));
}
