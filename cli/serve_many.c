/* SPDX-License-Identifier: MIT */
/*
 * serve_many.c - `reveil serve --executors N`: a server on each of N executors.
 *
 * Threads: the main one waits for signals; each executor has a server, which
 * belongs to its thread alone. What the main thread wants of it is a command:
 * a future that it hands to the executor, whose result it awaits.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/executors.h>
#include <reveil/http_server.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/delay.h"
#include "cli/serve.h"

/* One executor's server. */
struct server_thread {
    /* The executor's, from the first command on. */
    struct rv_addr addr; /* to listen on, then where it does */
    const struct serve_options *options;
    bool first; /* of those that share the port */
    bool over;
    struct rv_http_server server;

    struct rv_remote_join served; /* the main thread's */
};

/* --- commands: on the executor's thread -------------------------------- */

struct command {
    struct rv_future future;
    struct server_thread *thread;
    int64_t deadline_ns;
};

static struct server_thread *server_of(struct rv_future *future)
{
    return RV_CONTAINER_OF(future, struct command, future)->thread;
}

/* Returns: 0, negative errno. */
static int open_server(struct server_thread *thread)
{
    const struct rv_listen_options shared = {.reuse_port = true,
                                             .first = thread->first};
    const struct rv_http_handler handler = delay_handler();
    struct rv_stream listener = {0};
    int error = rv_tcp_listen_with(&listener, &thread->addr, &shared);

    if (error)
        return error;
    rv_http_server_init_on(&thread->server, &listener, &handler);
    serve_set_limits(thread->options, &thread->server);
    return rv_http_server_addr(&thread->server, &thread->addr);
}

/* Listen, then serve. result: the connections that were cut, negative errno. */
static enum rv_poll serve_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct server_thread *thread = server_of(future);

    RV_BEGIN(future);
    future->result = open_server(thread);
    if (future->result < 0) {
        thread->over = true;
        RV_RETURN(future, future->result);
    }
    RV_AWAIT(future, cx, &thread->server.future);
    thread->over = true;
    RV_RETURN(future, thread->server.future.result);
    RV_END(future);
}

static void serve_drop(struct rv_future *future)
{
    rv_drop(&server_of(future)->server.future);
}

/* Begun after `serve`, so that it was polled once. result: 0 if it listens. */
static enum rv_poll look_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    future->result = server_of(future)->over ? -ECANCELED : 0;
    return RV_READY;
}

/* result: how many responses are to be finished. */
static enum rv_poll stop_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct command *self = RV_CONTAINER_OF(future, struct command, future);

    (void)cx;
    future->result = self->thread->over
                         ? 0
                         : (int32_t)rv_http_server_stop(&self->thread->server,
                                                        self->deadline_ns);
    return RV_READY;
}

static const struct rv_future_ops serve_ops = {
    .name = "serve", .poll = serve_poll, .drop = serve_drop};
static const struct rv_future_ops look_ops = {.name = "look",
                                              .poll = look_poll};
static const struct rv_future_ops stop_ops = {.name = "stop",
                                              .poll = stop_poll};

/* --- on the main thread ------------------------------------------------ */

struct many {
    struct rv_future future;
    struct rv_future opening;  /* a part of it, as is the next */
    struct rv_future stopping; /* after a signal */
    const struct serve_options *options;
    struct rv_executors *executors;
    struct server_thread *threads;
    uint32_t count;                /* of both */
    uint32_t i;                    /* whose turn it is */
    struct rv_remote_join command; /* of that one */
    struct rv_signals signals;
    struct rv_signal_wait wait;
    struct rv_addr addr;
    int64_t deadline_ns; /* of the stop; 0: none yet */
    uint32_t responses;  /* to be finished then */
    uint32_t left;       /* servers that are not over */
    int32_t error;       /* of one of them */
    bool listening;      /* all of them */
    bool said;           /* that it stops */
};

/* Send an executor a command. Returns: 0, -ENOMEM. */
static int run_command(struct many *self, uint32_t index,
                       const struct rv_future_ops *ops,
                       struct rv_remote_join *join)
{
    struct command *command = rv_alloc(sizeof *command);
    int error;

    if (!command)
        return -ENOMEM;
    rv_future_init(&command->future, ops);
    command->thread = &self->threads[index];
    command->deadline_ns = self->deadline_ns;
    error = rv_remote_spawn(rv_executors_remote(self->executors, index),
                            &command->future, join);
    if (error)
        rv_free(command);
    return error;
}

/* Returns: 0, -ENOMEM. */
static int begin_server(struct many *self, uint32_t index)
{
    struct server_thread *thread = &self->threads[index];
    int error;

    thread->addr = self->addr;
    thread->first = index == 0;
    thread->options = self->options;
    error = run_command(self, index, &serve_ops, &thread->served);
    return error ? error : run_command(self, index, &look_ops, &self->command);
}

/* One after the other: the first may have to find a free port. */
static enum rv_poll opening_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, opening);
    struct server_thread *thread = &self->threads[self->i];

    RV_BEGIN(future);
    for (; self->i < self->count; thread = &self->threads[++self->i]) {
        future->result = begin_server(self, self->i);
        if (future->result)
            RV_RETURN(future, future->result);
        RV_AWAIT(future, cx, &self->command.future);
        if (self->command.future.result) {
            RV_AWAIT(future, cx, &thread->served.future);
            RV_RETURN(future, thread->served.future.result);
        }
        self->addr = thread->addr;
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static enum rv_poll stopping_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, stopping);

    RV_BEGIN(future);
    self->responses = 0;
    for (self->i = 0; self->i < self->count; self->i++) {
        future->result = run_command(self, self->i, &stop_ops, &self->command);
        if (future->result)
            RV_RETURN(future, future->result);
        RV_AWAIT(future, cx, &self->command.future);
        self->responses += (uint32_t)self->command.future.result;
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static const struct rv_future_ops opening_ops = {.name = "serve: opening",
                                                 .poll = opening_poll};
static const struct rv_future_ops stopping_ops = {.name = "serve: stopping",
                                                  .poll = stopping_poll};

/* Returns: how many servers are not over. */
static uint32_t poll_servers(struct many *self, struct rv_cx *cx)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < self->count; i++) {
        struct rv_future *served = &self->threads[i].served.future;

        if (served->at != RV_AT_END && rv_poll(served, cx) == RV_PENDING)
            left++;
        else if (served->result < 0)
            self->error = served->result;
    }
    return left;
}

/* A signal has come, or all servers are over. */
static bool something_happened(struct many *self, struct rv_cx *cx)
{
    const bool signalled = rv_poll(&self->wait.future, cx) == RV_READY;

    self->left = poll_servers(self, cx);
    return signalled || self->left == 0;
}

/* The first signal asks them to stop, the second one means it. */
static void begin_stop(struct many *self)
{
    self->deadline_ns = self->deadline_ns
                            ? rv_now_ns()
                            : rv_after_ms(self->options->grace_s * 1000);
    rv_future_init(&self->stopping, &stopping_ops);
}

static enum rv_poll many_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, future);

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->opening);
    if (self->opening.result < 0)
        RV_RETURN(future, self->opening.result);
    self->listening = true;
    future->result = serve_say_where(self->options, &self->addr);
    if (future->result < 0)
        RV_RETURN(future, future->result);
    for (;;) {
        rv_signal_wait_init(&self->wait, &self->signals);
        RV_AWAIT_UNTIL(future, something_happened(self, cx));
        if (self->left == 0)
            RV_RETURN(future, self->error);
        if (self->wait.future.result < 0)
            RV_RETURN(future, self->wait.future.result);
        begin_stop(self);
        RV_AWAIT(future, cx, &self->stopping);
        if (self->stopping.result < 0)
            RV_RETURN(future, self->stopping.result);
        if (!self->said)
            serve_say_stopping(self->options, self->responses);
        self->said = true;
    }
    RV_END(future);
}

/* Servers that are left go with the executors. */
static void many_drop(struct rv_future *future)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, future);

    rv_remote_join_drop(&self->command);
    for (uint32_t i = 0; i < self->count; i++)
        rv_remote_join_drop(&self->threads[i].served);
    rv_drop(&self->wait.future);
    rv_signals_close(&self->signals);
}

/* Returns: 0, negative errno. */
static int run(struct rv_runtime *runtime, struct many *self)
{
    static const struct rv_future_ops ops = {
        .name = "serve: many", .poll = many_poll, .drop = many_drop};
    int error = rv_executors_start(&self->executors, runtime, self->count);

    if (error)
        return error;
    rv_future_init(&self->future, &ops);
    rv_future_init(&self->opening, &opening_ops);
    error = serve_signals_open(&self->signals);
    if (!error)
        error = rv_runtime_block_on(runtime, &self->future);
    rv_drop(&self->future);
    rv_executors_stop(self->executors);
    return error;
}

int serve_many(struct rv_runtime *runtime, const struct serve_options *options)
{
    struct many self = {.options = options,
                        .count = (uint32_t)options->executors};
    int status = serve_addr(options, &self.addr);
    int error;

    if (status != CLI_OK)
        return status;
    self.threads = rv_alloc(self.count * sizeof self.threads[0]);
    error = self.threads ? run(runtime, &self) : -ENOMEM;
    rv_free(self.threads);
    if (error < 0 && self.executors && !self.listening)
        return serve_listen_error(options, error);
    if (error < 0)
        return cli_fail(CLI_FAILED, "the server ended: %s",
                        cli_error_text(error));
    return CLI_OK;
}
