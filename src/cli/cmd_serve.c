/* SPDX-License-Identifier: MIT */
/* cmd_serve.c - `reveil serve`: the delay server as a program. */
#include <errno.h>
#include <getopt.h>
#include <reveil/http_server.h>
#include <reveil/runtime.h>
#include <reveil/signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "http/delay.h"

static const char help[] =
    "usage: reveil serve [--port N] [--host ADDRESS] [--reactor thread|fused]\n"
    "                    [--grace SECONDS] [--quiet]\n"
    "\n"
    "The delay server: many connections on one thread, built on the library.\n"
    "Ctrl-C or SIGTERM stops it: open answers are finished; a second one ends\n"
    "it at once.\n"
    "\n"
    "  --port N        listen on this port (8080); 0 takes a free one\n"
    "  --host ADDRESS  listen on this address (127.0.0.1)\n"
    "  --reactor MODE  who sleeps in epoll: a thread of its own (thread), or\n"
    "                  the executor's (fused)\n"
    "  --grace SECONDS how long open answers may take when it stops (5)\n"
    "  --quiet         do not say where it listens, nor that it stops\n"
    "\n";

enum { GRACE_S = 5, GRACE_MAX_S = 3600 };

struct options {
    int64_t port;
    int64_t grace_s;
    const char *host;
    struct rv_runtime_options runtime;
    bool quiet;
};

static int listen_error(const struct options *options, int err)
{
    const int port = (int)options->port;

    if (err == -EADDRINUSE)
        return cli_fail(CLI_FAILED,
                        "port %d is in use: choose another with --port N, or "
                        "a free one with --port 0",
                        port);
    if (err == -EACCES)
        return cli_fail(CLI_FAILED,
                        "port %d is not for everybody: choose one from 1024 "
                        "on with --port N",
                        port);
    if (err == -EADDRNOTAVAIL)
        return cli_fail(CLI_FAILED, "%s is no address of this machine",
                        options->host);
    return cli_fail(CLI_FAILED, "cannot listen on %s, port %d: %s",
                    options->host, port, cli_error_text(err));
}

static int say_where(const struct rv_http_server *server)
{
    char text[RV_ADDR_TEXT];
    struct rv_addr addr;
    int err = rv_http_server_addr(server, &addr);

    if (err < 0)
        return err;
    rv_addr_format(&addr, text);
    printf("listening on http://%s/  (try /600/Hello)\n", text);
    return fflush(stdout) == 0 ? 0 : -EIO;
}

/* --- the server, until a signal ---------------------------------------- */

struct serve {
    struct rv_future future;
    const struct options *options;
    struct rv_http_server server;
    struct rv_signals signals; /* those that stop it */
    struct rv_signal_wait wait;
    bool stopping; /* there was one */
};

static void say_stopping(const struct options *options, uint32_t answers)
{
    if (options->quiet)
        return;
    if (answers == 0)
        fprintf(stderr, "stopping: no answer to finish\n");
    else
        fprintf(stderr, "stopping: %u answer%s to finish, at most %d s\n",
                answers, answers == 1 ? "" : "s", (int)options->grace_s);
}

/* The first signal asks it to stop, the second one means it. */
static void stop(struct serve *self)
{
    const int64_t grace_ms = self->options->grace_s * 1000;
    uint32_t answers;

    if (self->stopping) {
        rv_http_server_stop(&self->server, rv_now_ns());
        return;
    }
    self->stopping = true;
    answers = rv_http_server_stop(&self->server, rv_after_ms(grace_ms));
    say_stopping(self->options, answers);
}

static enum rv_poll serve_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct serve *self = RV_CONTAINER_OF(future, struct serve, future);

    while (rv_poll(&self->wait.future, cx) == RV_READY) {
        if (self->wait.future.result < 0) {
            future->result = self->wait.future.result;
            return RV_READY;
        }
        stop(self);
        rv_signal_wait_init(&self->wait, &self->signals);
    }
    if (rv_poll(&self->server.future, cx) == RV_PENDING)
        return RV_PENDING;
    future->result = self->server.future.result;
    return RV_READY;
}

static void serve_drop(struct rv_future *future)
{
    struct serve *self = RV_CONTAINER_OF(future, struct serve, future);

    rv_drop(&self->server.future);
    rv_drop(&self->wait.future);
    rv_signals_close(&self->signals);
}

/* Returns: 0, negative errno. */
static int wait_for_signals(struct serve *self)
{
    sigset_t set;
    int err;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    err = rv_signals_open(&self->signals, &set);
    rv_signal_wait_init(&self->wait, &self->signals);
    return err;
}

static int serve(struct rv_runtime *runtime, const struct options *options)
{
    static const struct rv_future_ops ops = {
        .name = "serve", .poll = serve_poll, .drop = serve_drop};
    const struct rv_http_handler handler = rv_delay_handler();
    struct serve self = {.options = options};
    struct rv_addr addr;
    int err;

    if (rv_addr_parse(&addr, options->host, (uint16_t)options->port) < 0)
        return cli_fail(CLI_USAGE, "--host %s: not an address", options->host);
    rv_future_init(&self.future, &ops);
    err = rv_http_server_init(&self.server, &addr, &handler);
    if (err < 0)
        return listen_error(options, err);
    err = wait_for_signals(&self);
    if (err == 0 && !options->quiet)
        err = say_where(&self.server);
    if (err == 0)
        err = rv_runtime_block_on(runtime, &self.future);
    rv_drop(&self.future);
    if (err < 0)
        return cli_fail(CLI_FAILED, "the server ended: %s",
                        cli_error_text(err));
    return CLI_OK;
}

/* --- options ----------------------------------------------------------- */

/* A number, or a line about it. Returns: CLI_OK, CLI_USAGE. */
static int number(const char *name, const char *text, int64_t high,
                  int64_t *out)
{
    if (cli_integer(text, 0, high, out))
        return CLI_OK;
    return cli_fail(CLI_USAGE, "--%s %s: not a number from 0 to %d", name, text,
                    (int)high);
}

/* Returns: CLI_OK to go on, or what to exit with. */
static int parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"host", required_argument, NULL, 'a'},
        {"reactor", required_argument, NULL, 'r'},
        {"grace", required_argument, NULL, 'g'},
        {"quiet", no_argument, NULL, 'q'},
        {0},
    };
    int status = CLI_OK;
    int option;

    while (status == CLI_OK &&
           (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'a')
            options->host = optarg;
        else if (option == 'q')
            options->quiet = true;
        else if (option == 'r')
            status = cli_reactor(optarg, &options->runtime.reactor);
        else if (option == 'g')
            status = number("grace", optarg, GRACE_MAX_S, &options->grace_s);
        else if (option == 'p')
            status = number("port", optarg, UINT16_MAX, &options->port);
        else
            return CLI_USAGE;
    }
    if (status == CLI_OK && optind < argc)
        return cli_fail(CLI_USAGE, "serve takes no argument '%s'",
                        argv[optind]);
    return status;
}

int cmd_serve(int argc, char **argv)
{
    struct options options = {
        .port = 8080, .grace_s = GRACE_S, .host = "127.0.0.1"};
    struct rv_runtime *runtime;
    int status;
    int err;

    if (cli_wants_help(argc, argv)) {
        printf("%s%s", help, rv_delay_hint);
        return CLI_OK;
    }
    status = parse(&options, argc, argv);
    if (status != CLI_OK)
        return status;
    cli_raise_fd_limit();
    err = rv_runtime_start_with(&runtime, &options.runtime);
    if (err < 0)
        return cli_fail(CLI_FAILED, "cannot start: %s", cli_error_text(err));
    status = serve(runtime, &options);
    rv_runtime_stop(runtime);
    return status;
}
