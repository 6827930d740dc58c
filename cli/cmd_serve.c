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

#include "../examples/program.h"
#include "base/fds.h"
#include "cli/cli.h"
#include "cli/delay.h"
#include "cli/language.h"
#include "cli/serve.h"

static const char help_en[] =
    "usage: reveil serve [--port N] [--host ADDRESS] [--reactor thread|fused]\n"
    "                    [--executors N] [--max-connections N]\n"
    "                    [--idle SECONDS] [--grace SECONDS] [--tasks] "
    "[--quiet]\n"
    "                    [--lang fr|en]\n"
    "\n"
    "The delay server: serves many connections on one thread, or on N.\n"
    "Ctrl-C or SIGTERM stops it after the open responses are finished; a\n"
    "second one stops it at once.\n"
    "\n"
    "  --port N        listen on this port (8080); 0: any free port\n"
    "  --host ADDRESS  listen on this address (127.0.0.1)\n"
    "  --reactor MODE  which thread sleeps in epoll: its own (thread), or the\n"
    "                  executor's (fused)\n"
    "  --executors N   serve on N threads (1), each with an executor and a\n"
    "                  listener on the same port (SO_REUSEPORT)\n"
    "  --max-connections N\n"
    "                  accept at most N at a time (on each executor); further\n"
    "                  clients wait in the kernel until one is closed\n"
    "  --idle SECONDS  close a connection whose client takes longer than this\n"
    "                  to send a request, or to read any of its response (60;\n"
    "                  up to 8 times as long while a client of 10 kB/s would\n"
    "                  still be reading what was sent last). When descriptors\n"
    "                  run out, the longest idle is closed earlier\n"
    "  --grace SECONDS how long open responses may take when it stops (5)\n"
    "  --tasks         on SIGUSR1, write the task dump to standard error:\n"
    "                  which tasks run, wait or misbehave\n"
    "  --quiet         do not print where it listens, nor that it stops\n"
    "\n";

static const char help_fr[] =
    "usage : reveil serve [--port N] [--host ADRESSE]\n"
    "                     [--reactor thread|fused] [--executors N]\n"
    "                     [--max-connections N] [--idle SECONDES]\n"
    "                     [--grace SECONDES] [--tasks] [--quiet]\n"
    "                     [--lang fr|en]\n"
    "\n"
    "Le serveur de délais : sert beaucoup de connexions sur un thread, ou\n"
    "sur N. Ctrl-C ou SIGTERM l’arrête quand les réponses en cours sont\n"
    "finies ; une seconde fois, il s’arrête aussitôt.\n"
    "\n"
    "  --port N        écoute sur ce port (8080) ; 0 : un port libre\n"
    "  --host ADRESSE  écoute sur cette adresse (127.0.0.1)\n"
    "  --reactor MODE  quel thread dort dans epoll : le sien (thread), ou\n"
    "                  celui de l’exécuteur (fused)\n"
    "  --executors N   sert sur N threads (1), chacun avec un exécuteur et\n"
    "                  une écoute sur le même port (SO_REUSEPORT)\n"
    "  --max-connections N\n"
    "                  accepte au plus N connexions à la fois (par exécuteur) "
    ";\n"
    "                  les autres attendent dans le noyau qu’une soit fermée\n"
    "  --idle SECONDES ferme une connexion dont le client met plus longtemps\n"
    "                  à envoyer une requête ou à lire quoi que ce soit de sa\n"
    "                  réponse (60 ; jusqu’à 8 fois plus tant qu’un client à\n"
    "                  10 ko/s lirait encore ce qui a été envoyé). Quand les\n"
    "                  descripteurs manquent, la plus inactive part plus tôt\n"
    "  --grace SECONDES\n"
    "                  le temps laissé aux réponses en cours à l’arrêt (5)\n"
    "  --tasks         sur SIGUSR1, écrit l’état des tâches sur la sortie\n"
    "                  d’erreur : lesquelles tournent, attendent ou se\n"
    "                  conduisent mal\n"
    "  --quiet         ne dit ni où il écoute, ni qu’il s’arrête\n"
    "\n";

enum {
    IDLE_S = 60,
    GRACE_S = 5,
    MAX_S = 3600,
    MAX_CONNECTIONS = 1000000,
    ROOM_FDS = 16384 /* reserved at the start */
};

/* --- one server, until a signal ---------------------------------------- */

struct serve {
    struct rv_future future;
    const struct serve_options *options;
    struct rv_http_server server;
    struct rv_signals signals; /* that stop it */
    struct rv_signal_wait wait;
    bool stopping; /* after the first signal */
};

/* First signal: finish the open responses. Second signal: stop at once. */
static void stop(struct serve *self)
{
    const int64_t grace_ms = self->options->grace_s * 1000;
    uint32_t responses;

    if (self->stopping) {
        rv_http_server_shutdown(&self->server, rv_now_ns());
        return;
    }
    self->stopping = true;
    responses = rv_http_server_shutdown(&self->server, rv_after_ms(grace_ms));
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
        return cli_fail(
            CLI_FAILED,
            say("the server ended: %s", "le serveur s’est arrêté : %s"),
            cli_error_text(error));
    return CLI_OK;
}

/* --- options ----------------------------------------------------------- */

/* Returns: CLI_OK to continue, or the exit status. */
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
            status = cli_number("grace", optarg, 0, MAX_S, &options->grace_s);
        else if (option == 'i')
            status = cli_number("idle", optarg, 1, MAX_S, &options->idle_s);
        else if (option == 'm')
            status = cli_number("max-connections", optarg, 1, MAX_CONNECTIONS,
                                &options->max_connections);
        else if (option == 'e')
            status = cli_number("executors", optarg, 1, RV_EXECUTORS_MAX,
                                &options->executors);
        else if (option == 'p')
            status = cli_number("port", optarg, 0, UINT16_MAX, &options->port);
        else
            return CLI_USAGE;
    }
    if (status == CLI_OK && optind < argc)
        return cli_fail(CLI_USAGE,
                        say("serve takes no argument '%s'",
                            "serve ne prend pas d’argument « %s »"),
                        argv[optind]);
    return status;
}

/* For many clients at once. A failure is ignored: it only costs time. */
static void reserve_fds(void)
{
    const uint64_t allowed = rv_fd_limit_raise(RV_FD_LIMIT_MAX);

    (void)rv_reserve_fds(allowed < ROOM_FDS ? (uint32_t)allowed : ROOM_FDS);
}

int cmd_serve(int argc, char **argv)
{
    struct serve_options options = {.port = 8080,
                                    .grace_s = GRACE_S,
                                    .idle_s = IDLE_S,
                                    .executors = 1,
                                    .host = "127.0.0.1",
                                    .runtime.ring.off = program_wants_pool()};
    struct rv_runtime *runtime;
    int status;
    int error;

    if (cli_wants_help(argc, argv)) {
        printf("%s%s", say(help_en, help_fr), delay_hint);
        return CLI_OK;
    }
    status = parse(&options, argc, argv);
    if (status != CLI_OK)
        return status;
    reserve_fds();
    error = rv_runtime_start_with(&runtime, &options.runtime);
    if (error < 0)
        return cli_fail(CLI_FAILED,
                        say("cannot start: %s", "impossible de démarrer : %s"),
                        cli_error_text(error));
    status = options.executors == 1 ? serve(runtime, &options)
                                    : serve_many(runtime, &options);
    rv_runtime_stop(runtime);
    return status;
}
