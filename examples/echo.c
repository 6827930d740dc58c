/* SPDX-License-Identifier: MIT */
/* echo.c - send back what arrives, to any number of clients: echo PORT
 *
 * Each client is a task of a scope. ctrl-C ends the accept loop; dropping the
 * scope then cancels every task, whatever it waits for. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* --- one client -------------------------------------------------------- */

struct client {
    struct rv_future future;
    struct rv_stream stream;
    struct rv_stream_recv recv;
    struct rv_stream_send send;
    char buffer[4096];
};

static enum rv_poll client_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct client *self = RV_CONTAINER_OF(future, struct client, future);

    RV_BEGIN(future);
    for (;;) {
        rv_stream_recv_init(&self->recv, &self->stream, self->buffer,
                            sizeof self->buffer);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result <= 0)
            RV_RETURN(future, self->recv.future.result);
        rv_stream_send_init(&self->send, &self->stream, self->buffer,
                            (size_t)self->recv.future.result);
        RV_AWAIT(future, cx, &self->send.future);
        if (self->send.future.result < 0)
            RV_RETURN(future, self->send.future.result);
    }
    RV_END(future);
}

static void client_drop(struct rv_future *future)
{
    struct client *self = RV_CONTAINER_OF(future, struct client, future);

    rv_drop(&self->recv.future);
    rv_drop(&self->send.future);
    rv_stream_close(&self->stream);
}

/* --- the server -------------------------------------------------------- */

struct server {
    struct rv_future future;
    struct rv_stream listener;
    struct rv_stream accepted;
    struct rv_scope clients;
    struct rv_signals signals;
    struct rv_signal_wait stop;
    struct rv_stream_accept accept;
    struct rv_future *either[2]; /* of the select: stop, accept */
    struct rv_select select;
};

/* Spawn a task for the accepted socket. */
static void start_client(struct server *self)
{
    static const struct rv_future_ops ops = {
        .name = "client", .poll = client_poll, .drop = client_drop};
    struct client *client = rv_alloc(sizeof *client);

    if (!client) {
        rv_stream_close(&self->accepted);
        return;
    }
    rv_future_init(&client->future, &ops);
    client->stream = self->accepted;
    self->accepted = (struct rv_stream){0};
    if (rv_scope_spawn(&self->clients, &client->future) < 0) {
        rv_drop(&client->future);
        rv_free(client);
    }
}

static enum rv_poll server_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct server *self = RV_CONTAINER_OF(future, struct server, future);

    RV_BEGIN(future);
    self->either[0] = &self->stop.future;
    self->either[1] = &self->accept.future;
    for (;;) {
        rv_signal_wait_init(&self->stop, &self->signals);
        rv_stream_accept_patient_init(&self->accept, &self->listener,
                                      &self->accepted);
        rv_select_init(&self->select, self->either, 2);
        RV_AWAIT(future, cx, &self->select.future);
        if (self->select.future.result == 0)
            RV_RETURN(future, 0);
        if (self->accept.future.result < 0)
            RV_RETURN(future, self->accept.future.result);
        start_client(self);
    }
    RV_END(future);
}

static void server_drop(struct rv_future *future)
{
    struct server *self = RV_CONTAINER_OF(future, struct server, future);

    rv_drop(&self->select.future);
    rv_drop(&self->clients.future);
    rv_stream_close(&self->accepted);
    rv_stream_close(&self->listener);
    rv_signals_close(&self->signals);
}

/* Listen, and block SIGINT from now on. Returns: 0, negative errno. */
static int server_open(struct server *self, struct rv_executor *executor,
                       uint16_t port)
{
    static const struct rv_future_ops ops = {
        .name = "server", .poll = server_poll, .drop = server_drop};
    char text[RV_ADDR_TEXT];
    struct rv_addr addr;
    sigset_t stop;
    int error;

    rv_future_init(&self->future, &ops);
    rv_scope_init(&self->clients, executor);
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    error = rv_signals_open(&self->signals, &stop);
    if (!error)
        error = rv_addr_parse(&addr, "127.0.0.1", port);
    if (!error)
        error = rv_tcp_listen(&self->listener, &addr);
    if (!error)
        error = rv_tcp_local_addr(&self->listener, &addr);
    if (error)
        return error;
    rv_addr_format(&addr, text);
    printf("listening on %s\n", text);
    return fflush(stdout) == 0 ? 0 : -EIO;
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    const unsigned long number = strtoul(text, &end, 10);

    *port = (uint16_t)number;
    return end != text && *end == '\0' && number <= UINT16_MAX;
}

static int usage(FILE *where, int status)
{
    fputs("usage: echo PORT\n", where);
    return status;
}

int main(int argc, char **argv)
{
    struct server server = {.accepted = {0}};
    struct rv_runtime *runtime;
    uint16_t port;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc != 2 || !parse_port(argv[1], &port))
        return usage(stderr, 2);
    error = rv_runtime_start(&runtime);
    if (!error) {
        error = server_open(&server, rv_runtime_executor(runtime), port);
        if (!error)
            error = rv_runtime_block_on(runtime, &server.future);
        rv_drop(&server.future);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "echo: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
