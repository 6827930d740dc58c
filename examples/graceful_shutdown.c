/* SPDX-License-Identifier: MIT */
/* graceful_shutdown.c - a server that stops gracefully:
 * graceful_shutdown PORT MS
 *
 * A request is a line with a number of milliseconds, the time until the
 * response: printf '500\n' | nc 127.0.0.1 PORT. At SIGTERM or ctrl-C
 *
 *   1. the listener is closed: new clients are refused;
 *   2. nothing more is read: a client without an open request ends at once, the
 *      others end after their response;
 *   3. clients that remain after MS milliseconds, or at a second signal, are
 *      canceled. The server prints how many, and exits with 0. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* --- one client -------------------------------------------------------- */

struct client {
    struct rv_future future;
    struct rv_list node; /* of the server's list */
    struct rv_stream stream;
    struct rv_stream_recv recv;
    struct rv_stream_send send;
    struct rv_sleep work;
    uint32_t *canceled; /* the server's count */
    size_t filled_bytes;
    char line[32];
    char answer[64];
};

/* Parse the first line as a number, and move the rest to the front. Returns:
 * false if there is no complete line yet. */
static bool take_request(struct client *self, long *ms)
{
    char *end = memchr(self->line, '\n', self->filled_bytes);

    if (!end)
        return false;
    *end++ = '\0';
    *ms = strtol(self->line, NULL, 10);
    self->filled_bytes -= (size_t)(end - self->line);
    memmove(self->line, end, self->filled_bytes);
    return true;
}

static enum rv_poll client_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct client *self = RV_CONTAINER_OF(future, struct client, future);
    long ms;

    RV_BEGIN(future);
    for (;;) {
        while (!take_request(self, &ms)) {
            rv_stream_recv_init(&self->recv, &self->stream,
                                self->line + self->filled_bytes,
                                sizeof self->line - self->filled_bytes);
            RV_AWAIT(future, cx, &self->recv.future);
            if (self->recv.future.result <= 0) /* also a line too long */
                RV_RETURN(future, 0);
            self->filled_bytes += (size_t)self->recv.future.result;
        }
        snprintf(self->answer, sizeof self->answer, "done in %ld ms\n", ms);
        rv_sleep_init(&self->work, rv_after_ms(ms));
        RV_AWAIT(future, cx, &self->work.future);
        rv_stream_send_init(&self->send, &self->stream, self->answer,
                            strlen(self->answer));
        RV_AWAIT(future, cx, &self->send.future);
        if (self->send.future.result < 0)
            RV_RETURN(future, 0); /* the client left: not an error */
    }
    RV_END(future);
}

static void client_drop(struct rv_future *future)
{
    struct client *self = RV_CONTAINER_OF(future, struct client, future);

    rv_drop(&self->recv.future);
    rv_drop(&self->work.future);
    rv_drop(&self->send.future);
    rv_stream_close(&self->stream);
    rv_list_remove(&self->node);
    *self->canceled += future->at != RV_AT_END; /* did not end by itself */
}

/* --- the server -------------------------------------------------------- */

struct server {
    struct rv_future future;
    int64_t grace_ms;
    uint32_t canceled;
    struct rv_stream listener;
    struct rv_stream accepted;
    struct rv_list list; /* of the clients */
    struct rv_scope clients;
    struct rv_signals signals;
    struct rv_signal_wait stop;
    struct rv_stream_accept accept;
    struct rv_timeout drain;
    struct rv_future *either[2];
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
    rv_list_init(&client->node);
    client->canceled = &self->canceled;
    client->stream = self->accepted;
    self->accepted = (struct rv_stream){0};
    if (rv_scope_spawn(&self->clients, &client->future) == 0) {
        rv_list_push(&self->list, &client->node);
        return;
    }
    rv_drop(&client->future);
    rv_free(client);
}

/* A recv() returns what has arrived before, and then the end. */
static void stop_reading(struct server *self)
{
    struct rv_list *node;

    for (node = self->list.next; node != &self->list; node = node->next)
        shutdown(
            rv_stream_fd(&RV_CONTAINER_OF(node, struct client, node)->stream),
            SHUT_RD);
}

/* Wait for this future or for a signal; the result tells which. */
static struct rv_future *or_signal(struct server *self, struct rv_future *one)
{
    rv_signal_wait_init(&self->stop, &self->signals);
    self->either[0] = one;
    self->either[1] = &self->stop.future;
    rv_select_init(&self->select, self->either, 2);
    return &self->select.future;
}

static enum rv_poll server_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct server *self = RV_CONTAINER_OF(future, struct server, future);

    RV_BEGIN(future);
    for (;;) {
        rv_stream_accept_patient_init(&self->accept, &self->listener,
                                      &self->accepted);
        or_signal(self, &self->accept.future);
        RV_AWAIT(future, cx, &self->select.future);
        if (self->select.future.result == 1)
            break;
        if (self->accept.future.result < 0)
            RV_RETURN(future, self->accept.future.result);
        start_client(self);
    }
    future->result = self->stop.future.result; /* a signal, or an error */
    rv_stream_close(&self->listener);
    stop_reading(self);
    rv_timeout_init(&self->drain, &self->clients.future,
                    rv_after_ms(self->grace_ms));
    or_signal(self, &self->drain.future);
    RV_AWAIT(future, cx, &self->select.future);
    RV_RETURN(future, future->result < 0 ? future->result : 0);
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

/* Listen, and block both signals from now on. Returns: 0, negative errno. */
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
    rv_list_init(&self->list);
    rv_scope_init(&self->clients, executor);
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
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

static bool parse_number(const char *text, int64_t max, int64_t *out)
{
    char *end;

    *out = strtol(text, &end, 10);
    return end != text && *end == '\0' && *out >= 0 && *out <= max;
}

static int usage(FILE *where, int status)
{
    fputs("usage: graceful_shutdown PORT MILLISECONDS\n", where);
    return status;
}

int main(int argc, char **argv)
{
    struct server server = {.accepted = {0}};
    struct rv_runtime *runtime;
    int64_t port;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc != 3 || !parse_number(argv[1], UINT16_MAX, &port) ||
        !parse_number(argv[2], INT32_MAX, &server.grace_ms))
        return usage(stderr, 2);
    error = rv_runtime_start(&runtime);
    if (!error) {
        error =
            server_open(&server, rv_runtime_executor(runtime), (uint16_t)port);
        if (!error)
            error = rv_runtime_block_on(runtime, &server.future);
        rv_drop(&server.future);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "graceful_shutdown: %s\n", rv_strerror(error));
    else
        printf("stopped, %u clients canceled\n", server.canceled);
    return error ? 1 : 0;
}
