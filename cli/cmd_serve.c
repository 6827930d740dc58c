/* SPDX-License-Identifier: MIT */
/* cmd_serve.c - `reveil serve`: the delay server as a program. */
#include <errno.h>
#include <getopt.h>
#include <reveil/executors.h>
#include <reveil/http_server.h>
#include <reveil/runtime.h>
#include <reveil/signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/delay.h"
#include "cli/serve.h"

static const char help[] =
    "usage: reveil serve [--port N] [--host ADDRESS] [--reactor thread|fused]\n"
    "                    [--executors N] [--max-connections N]\n"
    "                    [--idle SECONDS] [--grace SECONDS] [--tasks] "
    "[--quiet]\n"
    "\n"
    "The delay server: many connections on one thread, or on a few of them,\n"
    "built on the library.\n"
    "Ctrl-C or SIGTERM stops it: open responses are finished; a second one "
    "ends\n"
    "it at once.\n"
    "\n"
    "  --port N        listen on this port (8080); 0 takes a free one\n"
    "  --host ADDRESS  listen on this address (127.0.0.1)\n"
    "  --reactor MODE  who sleeps in epoll: a thread of its own (thread), or\n"
    "                  the executor's (fused)\n"
    "  --executors N   serve on N threads (1), each with an executor and a\n"
    "                  listener on the same port (SO_REUSEPORT)\n"
    "  --max-connections N\n"
    "                  take no more at a time (on each executor); the next\n"
    "                  clients wait in the kernel until one is closed\n"
    "  --idle SECONDS  how long a client may take for a request, and may take\n"
    "                  nothing of its response (60; up to 8 times as long "
    "while\n"
    "                  one of 10 kB/s would still read what it took last).\n"
    "                  Out of descriptors, the idlest is let go earlier\n"
    "  --grace SECONDS how long open responses may take when it stops (5)\n"
    "  --tasks         write the table of its tasks to standard error when\n"
    "                  SIGUSR1 comes: who runs, who waits, who misbehaves\n"
    "  --quiet         do not say where it listens, nor that it stops\n"
    "\n";

enum {
    IDLE_S = 60,
    GRACE_S = 5,
    MAX_S = 3600,
    MAX_CONNECTIONS = 1000000,
    ROOM_FDS = 16384 /* made from the start */
};

int serve_addr(const struct serve_options *options, struct rv_addr *out)
{
    if (rv_addr_parse(out, options->host, (uint16_t)options->port) < 0)
        return cli_fail(CLI_USAGE, "--host %s: not an address", options->host);
    return CLI_OK;
}

void serve_set_limits(const struct serve_options *options,
                      struct rv_http_server *server)
{
    server->idle_timeout_ns = options->idle_s * RV_NS_PER_S;
    server->max_connections = (uint32_t)options->max_connections;
}

int serve_listen_error(const struct serve_options *options, int error)
{
    const int port = (int)options->port;

    if (error == -EADDRINUSE)
        return cli_fail(CLI_FAILED,
                        "port %d is in use: choose another with --port N, or "
                        "a free one with --port 0",
                        port);
    if (error == -EACCES)
        return cli_fail(CLI_FAILED,
                        "port %d is not for everybody: choose one from 1024 "
                        "on with --port N",
                        port);
    if (error == -EADDRNOTAVAIL)
        return cli_fail(CLI_FAILED, "%s is no address of this machine",
                        options->host);
    return cli_fail(CLI_FAILED, "cannot listen on %s, port %d: %s",
                    options->host, port, cli_error_text(error));
}

int serve_say_where(const struct serve_options *options,
                    const struct rv_addr *addr)
{
    char text[RV_ADDR_TEXT];

    if (options->quiet)
        return 0;
    rv_addr_format(addr, text);
    printf("listening on http://%s/  (try /600/Hello)\n", text);
    return fflush(stdout) == 0 ? 0 : -EIO;
}

void serve_say_stopping(const struct serve_options *options, uint32_t responses)
{
    if (options->quiet)
        return;
    if (responses == 0)
        fprintf(stderr, "stopping: no response to finish\n");
    else
        fprintf(stderr, "stopping: %u response%s to finish, at most %d s\n",
                responses, responses == 1 ? "" : "s", (int)options->grace_s);
}

int serve_signals_open(struct rv_signals *signals)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return rv_signals_open(signals, &set);
}

/* --- the server, until a signal ---------------------------------------- */

struct serve {
    struct rv_future future;
    const struct serve_options *options;
    struct rv_http_server server;
    struct rv_signals signals; /* those that stop it */
    struct rv_signal_wait wait;
    bool stopping; /* there was one */
};

/* The first signal asks it to stop, the second one means it. */
static void stop(struct serve *self)
{
    const int64_t grace_ms = self->options->grace_s * 1000;
    uint32_t responses;

    if (self->stopping) {
        rv_http_server_stop(&self->server, rv_now_ns());
        return;
    }
    self->stopping = true;
    responses = rv_http_server_stop(&self->server, rv_after_ms(grace_ms));
    serve_say_stopping(self->options, responses);
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

static int serve(struct rv_runtime *runtime,
                 const struct serve_options *options)
{
    static const struct rv_future_ops ops = {
        .name = "serve", .poll = serve_poll, .drop = serve_drop};
    const struct rv_http_handler handler = delay_handler();
    struct serve self = {.options = options};
    struct rv_addr addr;
    int error = serve_addr(options, &addr);

    if (error != CLI_OK)
        return error;
    rv_future_init(&self.future, &ops);
    error = rv_http_server_init(&self.server, &addr, &handler);
    if (error < 0)
        return serve_listen_error(options, error);
    serve_set_limits(options, &self.server);
    error = serve_signals_open(&self.signals);
    rv_signal_wait_init(&self.wait, &self.signals);
    if (error == 0)
        error = rv_http_server_addr(&self.server, &addr);
    if (error == 0)
        error = serve_say_where(options, &addr);
    if (error == 0)
        error = rv_runtime_block_on(runtime, &self.future);
    rv_drop(&self.future);
    if (error < 0)
        return cli_fail(CLI_FAILED, "the server ended: %s",
                        cli_error_text(error));
    return CLI_OK;
}

/* --- options ----------------------------------------------------------- */

/* A number, or a line about it. Returns: CLI_OK, CLI_USAGE. */
static int number(const char *name, const char *text, int64_t low, int64_t high,
                  int64_t *out)
{
    if (cli_integer(text, low, high, out))
        return CLI_OK;
    return cli_fail(CLI_USAGE, "--%s %s: not a number from %d to %d", name,
                    text, (int)low, (int)high);
}

/* Returns: CLI_OK to go on, or what to exit with. */
static int parse(struct serve_options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"host", required_argument, NULL, 'a'},
        {"reactor", required_argument, NULL, 'r'},
        {"executors", required_argument, NULL, 'e'},
        {"max-connections", required_argument, NULL, 'm'},
        {"idle", required_argument, NULL, 'i'},
        {"grace", required_argument, NULL, 'g'},
        {"tasks", no_argument, NULL, 't'},
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
        else if (option == 't')
            options->runtime.task_dump_signal = SIGUSR1;
        else if (option == 'r')
            status = cli_reactor(optarg, &options->runtime.reactor);
        else if (option == 'g')
            status = number("grace", optarg, 0, MAX_S, &options->grace_s);
        else if (option == 'i')
            status = number("idle", optarg, 1, MAX_S, &options->idle_s);
        else if (option == 'm')
            status = number("max-connections", optarg, 1, MAX_CONNECTIONS,
                            &options->max_connections);
        else if (option == 'e')
            status = number("executors", optarg, 1, RV_EXECUTORS_MAX,
                            &options->executors);
        else if (option == 'p')
            status = number("port", optarg, 0, UINT16_MAX, &options->port);
        else
            return CLI_USAGE;
    }
    if (status == CLI_OK && optind < argc)
        return cli_fail(CLI_USAGE, "serve takes no argument '%s'",
                        argv[optind]);
    return status;
}

/* For clients that come all at once. What is not there costs only time. */
static void reserve_fds(void)
{
    const size_t allowed = cli_raise_fd_limit();

    (void)rv_reserve_fds(allowed < ROOM_FDS ? (uint32_t)allowed : ROOM_FDS);
}

int cmd_serve(int argc, char **argv)
{
    struct serve_options options = {.port = 8080,
                                    .grace_s = GRACE_S,
                                    .idle_s = IDLE_S,
                                    .executors = 1,
                                    .host = "127.0.0.1"};
    struct rv_runtime *runtime;
    int status;
    int error;

    if (cli_wants_help(argc, argv)) {
        printf("%s%s", help, delay_hint);
        return CLI_OK;
    }
    status = parse(&options, argc, argv);
    if (status != CLI_OK)
        return status;
    reserve_fds();
    error = rv_runtime_start_with(&runtime, &options.runtime);
    if (error < 0)
        return cli_fail(CLI_FAILED, "cannot start: %s", cli_error_text(error));
    status = options.executors == 1 ? serve(runtime, &options)
                                    : serve_many(runtime, &options);
    rv_runtime_stop(runtime);
    return status;
}
