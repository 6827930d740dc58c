/* SPDX-License-Identifier: MIT */
/* chat.c - a chat server: chat PORT, then any number of: nc 127.0.0.1 PORT
 *
 * The first line of a client is its name; each later line goes to all other
 * clients. Each client has a bounded send queue: a client that reads too slowly
 * is disconnected, and the others are told. ctrl-C ends the server.
 *
 * A client task reads and writes at the same time, and other tasks add to its
 * queue. So its poll function is written by hand: send what fits, read what has
 * arrived, return PENDING. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { NAME_BYTES = 20, LINE_BYTES = 512, QUEUE_BYTES = 64 * 1024 };

struct client {
    struct rv_future future;
    struct rv_stream stream;
    struct rv_list *room;      /* all clients */
    struct rv_list node;       /* ... and this one */
    struct rv_waker waker;     /* called by others that add to the queue */
    char name[NAME_BYTES + 1]; /* empty until it is known */
    bool too_slow;
    size_t read_bytes;
    size_t queued_bytes;
    char line[LINE_BYTES];
    char queue[QUEUE_BYTES];
};

/* --- to the clients ---------------------------------------------------- */

static void tell(struct client *to, const char *text, size_t len_bytes)
{
    if (len_bytes > QUEUE_BYTES - to->queued_bytes) {
        to->too_slow = true; /* its own poll ends it */
    } else {
        memcpy(to->queue + to->queued_bytes, text, len_bytes);
        to->queued_bytes += len_bytes;
    }
    rv_waker_wake(&to->waker);
}

/* Queue the text for all clients that have a name, except this one. */
static void tell_others(struct client *from, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell_others(struct client *from, const char *format, ...)
{
    char text[NAME_BYTES + LINE_BYTES + 32];
    struct rv_list *node;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (node = from->room->next; node != from->room; node = node->next) {
        struct client *to = RV_CONTAINER_OF(node, struct client, node);

        if (to != from && to->name[0])
            tell(to, text, (size_t)len);
    }
}

/* --- from a client ----------------------------------------------------- */

/* Control characters are removed: they could command another's terminal. */
static void make_harmless(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            *text = '?';
}

static void take_name(struct client *self, const char *name)
{
    static const char again[] = "* a name, please: 1 to 20 letters\n";
    const size_t len = strlen(name);
    char hello[NAME_BYTES + 32];

    if (len == 0 || len > NAME_BYTES) {
        tell(self, again, sizeof again - 1);
        return;
    }
    memcpy(self->name, name, len + 1);
    snprintf(hello, sizeof hello, "* hello %s\n", name);
    tell(self, hello, strlen(hello));
    tell_others(self, "* %s is here\n", name);
}

/* Handle each complete line in the buffer; move the rest to the front. */
static void take_lines(struct client *self)
{
    char *start = self->line;
    char *end;

    while ((end = memchr(start, '\n', self->read_bytes))) {
        *end = '\0';
        if (end > start && end[-1] == '\r')
            end[-1] = '\0';
        make_harmless(start);
        if (self->name[0])
            tell_others(self, "%s: %s\n", self->name, start);
        else
            take_name(self, start);
        self->read_bytes -= (size_t)(end + 1 - start);
        start = end + 1;
    }
    memmove(self->line, start, self->read_bytes);
}

/* --- one client: a task ------------------------------------------------ */

/* Returns: false if the connection is over. */
static bool send_some(struct client *self, struct rv_cx *cx)
{
    while (self->queued_bytes > 0) {
        const ssize_t n = rv_stream_poll_send(&self->stream, cx, self->queue,
                                              self->queued_bytes);

        if (n < 0)
            return n == -EAGAIN; /* woken when there is room again */
        self->queued_bytes -= (size_t)n;
        memmove(self->queue, self->queue + n, self->queued_bytes);
    }
    return true;
}

/* Returns: false if the connection is over, or a line is too long. */
static bool read_some(struct client *self, struct rv_cx *cx)
{
    ssize_t n;

    while (self->read_bytes < sizeof self->line) {
        n = rv_stream_poll_recv(&self->stream, cx,
                                self->line + self->read_bytes,
                                sizeof self->line - self->read_bytes);
        if (n <= 0)
            return n == -EAGAIN;
        self->read_bytes += (size_t)n;
        take_lines(self);
    }
    return false;
}

static enum rv_poll client_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct client *self = RV_CONTAINER_OF(future, struct client, future);
    bool stays;

    if (future->at == 0) {
        self->waker = rv_waker_clone(&cx->waker);
        future->at = 1;
    }
    stays = !self->too_slow && read_some(self, cx);
    if (send_some(self, cx) && stays) /* a client that leaves gets what fits */
        return RV_PENDING;
    if (self->name[0])
        tell_others(self, "* %s %s\n", self->name,
                    self->too_slow ? "was too slow" : "has left");
    RV_RETURN(future, 0);
}

static void client_drop(struct rv_future *future)
{
    struct client *self = RV_CONTAINER_OF(future, struct client, future);

    rv_waker_drop(&self->waker);
    rv_list_remove(&self->node);
    rv_stream_close(&self->stream);
}

/* --- the server -------------------------------------------------------- */

struct server {
    struct rv_future future;
    struct rv_stream listener;
    struct rv_stream accepted;
    struct rv_list room;
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
    client->room = &self->room;
    rv_list_init(&client->node);
    rv_list_push(&self->room, &client->node);
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
    rv_list_init(&self->room);
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
    fputs("usage: chat PORT\n", where);
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
        fprintf(stderr, "chat: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
