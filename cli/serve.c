/* SPDX-License-Identifier: MIT */
/* serve.c - what one server and the servers of N executors share. */
#include "cli/serve.h"

#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/language.h"

int serve_addr(const struct serve_options *options, struct rv_addr *out)
{
    if (rv_addr_parse(out, options->host, (uint16_t)options->port) < 0)
        return cli_fail(CLI_USAGE,
                        say("--host %s: not an address",
                            "--host %s : ce n’est pas une adresse"),
                        options->host);
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
        return cli_fail(
            CLI_FAILED,
            say("port %d is in use: choose another with --port N, or "
                "a free one with --port 0",
                "le port %d est occupé : choisissez-en un autre avec --port N, "
                "ou un libre avec --port 0"),
            port);
    if (error == -EACCES)
        return cli_fail(CLI_FAILED,
                        say("port %d needs privileges: choose one from 1024 on "
                            "with --port N",
                            "le port %d demande des privilèges : choisissez-en "
                            "un à partir de 1024 avec --port N"),
                        port);
    if (error == -EADDRNOTAVAIL)
        return cli_fail(CLI_FAILED,
                        say("%s is not an address of this machine",
                            "%s n’est pas une adresse de cette machine"),
                        options->host);
    return cli_fail(CLI_FAILED,
                    say("cannot listen on %s, port %d: %s",
                        "impossible d’écouter sur %s, port %d : %s"),
                    options->host, port, cli_error_text(error));
}

int serve_say_where(const struct serve_options *options,
                    const struct rv_addr *addr)
{
    char text[RV_ADDR_TEXT];

    if (options->quiet)
        return 0;
    rv_addr_format(addr, text);
    printf(say("listening on http://%s/  (try /600/Hello)\n",
               "à l’écoute sur http://%s/  (essayez /600/Hello)\n"),
           text);
    return fflush(stdout) == 0 ? 0 : -EIO;
}

void serve_say_stopping(const struct serve_options *options, uint32_t responses)
{
    if (options->quiet)
        return;
    if (responses == 0)
        fputs(say("stopping: no response to finish\n",
                  "arrêt : aucune réponse à finir\n"),
              stderr);
    else
        fprintf(stderr,
                say("stopping: %u response%s to finish, at most %d s\n",
                    "arrêt : %u réponse%s à finir, en %d s au plus\n"),
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
