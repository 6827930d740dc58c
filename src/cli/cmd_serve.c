/* SPDX-License-Identifier: MIT */
/* cmd_serve.c - `reveil serve`: the delay server as a program. */
#include <errno.h>
#include <getopt.h>
#include <reveil/http_server.h>
#include <reveil/runtime.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "http/delay.h"

static const char help[] =
    "usage: reveil serve [--port N] [--host ADDRESS] [--reactor thread|fused]\n"
    "                    [--quiet]\n"
    "\n"
    "The delay server: many connections on one thread, built on the library.\n"
    "\n"
    "  --port N        listen on this port (8080); 0 takes a free one\n"
    "  --host ADDRESS  listen on this address (127.0.0.1)\n"
    "  --reactor MODE  who sleeps in epoll: a thread of its own (thread), or\n"
    "                  the executor's (fused)\n"
    "  --quiet         do not say where it listens\n"
    "\n";

struct options {
    int64_t port;
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

static int serve(struct rv_runtime *runtime, const struct options *options)
{
    const struct rv_http_handler handler = rv_delay_handler();
    struct rv_http_server server;
    struct rv_addr addr;
    int err;

    if (rv_addr_parse(&addr, options->host, (uint16_t)options->port) < 0)
        return cli_fail(CLI_USAGE, "--host %s: not an address", options->host);
    err = rv_http_server_init(&server, &addr, &handler);
    if (err < 0)
        return listen_error(options, err);
    if (!options->quiet)
        err = say_where(&server);
    if (err == 0)
        err = rv_runtime_block_on(runtime, &server.future);
    rv_drop(&server.future);
    return cli_fail(CLI_FAILED, "the server ended: %s", cli_error_text(err));
}

/* Returns: CLI_OK to go on, or what to exit with. */
static int parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"host", required_argument, NULL, 'a'},
        {"reactor", required_argument, NULL, 'r'},
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
        else if (option != 'p')
            return CLI_USAGE;
        else if (!cli_integer(optarg, 0, UINT16_MAX, &options->port))
            return cli_fail(CLI_USAGE, "--port %s: not a number from 0 to %d",
                            optarg, UINT16_MAX);
    }
    if (status == CLI_OK && optind < argc)
        return cli_fail(CLI_USAGE, "serve takes no argument '%s'",
                        argv[optind]);
    return status;
}

int cmd_serve(int argc, char **argv)
{
    struct options options = {.port = 8080, .host = "127.0.0.1"};
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
