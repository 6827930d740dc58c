/* SPDX-License-Identifier: MIT */
/*
 * cmd_demo.c - `reveil demo`: runs two GETs, one after the other, and shows
 * what the runtime does while it waits for them.
 */
#include <getopt.h>
#include <inttypes.h>
#include <reveil/async.h>
#include <reveil/http_client.h>
#include <reveil/runtime.h>
#include <reveil/trace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../examples/program.h"
#include "cli/cli.h"
#include "cli/demo_log.h"
#include "cli/embedded_server.h"
#include "cli/language.h"
#include "cli/step_page.h"
#include "cli/thread_cpu.h"

static const char help_en[] =
    "usage: reveil demo [--port N] [--reactor thread|fused] [--figures]\n"
    "                   [--step | --replay | --slow N] [--headers]\n"
    "                   [--html FILE] [--json FILE] [--lang fr|en]\n"
    "\n"
    "Starts the delay server in this process, sends it a GET that takes\n"
    "600 ms and then one that takes 400 ms, and shows what the executor and\n"
    "the reactor do meanwhile: they sleep most of the time.\n"
    "\n"
    "  --step          show the log afterwards, one line for each key\n"
    "  --replay        show it afterwards, at the pace at which it happened\n"
    "  --slow N        ... N times slower (0.1 to 1000)\n"
    "  --headers       show the headers of the responses\n"
    "  --html FILE     write a page that shows the run step by step\n"
    "  --json FILE     write its events as JSON\n"
    "  --port N        use the server on this port (reveil serve) instead\n"
    "  --reactor MODE  which thread sleeps in epoll: its own (thread), or the\n"
    "                  executor's (fused)\n"
    "  --figures       print the figures as one line of JSON, not as a table\n";

static const char help_fr[] =
    "usage : reveil demo [--port N] [--reactor thread|fused] [--figures]\n"
    "                    [--step | --replay | --slow N] [--headers]\n"
    "                    [--html FICHIER] [--json FICHIER] [--lang fr|en]\n"
    "\n"
    "Démarre le serveur de délais dans ce processus, lui envoie un GET qui\n"
    "dure 600 ms, puis un de 400 ms, et montre ce que font pendant ce temps\n"
    "l’exécuteur et le réacteur : ils dorment presque toujours.\n"
    "\n"
    "  --step          montre le journal après coup, une ligne par touche\n"
    "  --replay        le montre après coup, au rythme où il s’est écrit\n"
    "  --slow N        ... N fois plus lentement (de 0,1 à 1000)\n"
    "  --headers       montre les en-têtes des réponses\n"
    "  --html FICHIER  écrit une page qui montre l’exécution pas à pas\n"
    "  --json FICHIER  écrit ses évènements en JSON\n"
    "  --port N        utilise le serveur de ce port (reveil serve)\n"
    "  --reactor MODE  quel thread dort dans epoll : le sien (thread), ou\n"
    "                  celui de l’exécuteur (fused)\n"
    "  --figures       écrit les valeurs sur une ligne de JSON\n";

static const char *const paths[] = {"/600/HelloAsyncAwait",
                                    "/400/HelloAsyncAwait"};
enum {
    GETS = sizeof paths / sizeof paths[0],
    FDS_OF_A_GET = 2 /* one socket on each side */
};

struct options {
    int64_t port; /* of a running server; 0: start one */
    struct rv_runtime_options runtime;
    bool line;    /* figures for programs */
    bool headers; /* show those of the responses */
    bool step;    /* see demo_log.h */
    double slowdown;
    const char *html; /* the step page, or NULL */
    const char *json;
};

struct demo {
    struct rv_future future;
    struct rv_http_get get;
    uint16_t port;
    bool serves;  /* the server is in this process */
    bool headers; /* show those of the response */
    int number;   /* of the GET */
    struct demo_log *log;
    char url[64];
};

/* Of the client only. The counters are defined as in lessons/lesson.h. */
struct figures {
    double wall_ms;
    double cpu_ms;
    uint64_t polls;
    uint64_t would_blocks;
    uint64_t epoll_waits;
    uint64_t wakes;
    uint64_t parks;
};

/* --- output ------------------------------------------------------------ */

static void note(const char *text)
{
    rv_trace(RV_EV_NOTE, (uintptr_t)text, 0);
}

/* The end of the first line, without CR and LF. */
static int line_len(const char *text, size_t len)
{
    size_t n = 0;

    while (n < len && text[n] != '\r' && text[n] != '\n')
        n++;
    return (int)n;
}

static int count_headers(const struct rv_http_get *get)
{
    int lines = 0;

    for (size_t i = 0; i < get->head_len_bytes; i++)
        lines += get->head[i] == '\n';
    return lines > 2 ? lines - 2 : 0; /* without status line and blank line */
}

/* Each line gets a mark that sets it apart from the log. */
static void add_text(struct demo_log *log, const char *text, size_t len)
{
    char line[512];

    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        const size_t whole = end ? (size_t)(end - text) + 1 : len;

        snprintf(line, sizeof line, "    | %.*s", line_len(text, whole), text);
        demo_log_add(log, line);
        text += whole;
        len -= whole;
    }
}

/* A response in one line: status, how many headers, the start of the body. */
static void add_folded(struct demo_log *log, const struct rv_http_get *get)
{
    char line[256];

    snprintf(
        line, sizeof line,
        say("    | %.*s, %d headers: %.*s", "    | %.*s, %d en-têtes : %.*s"),
        line_len(get->head, get->head_len_bytes), get->head, count_headers(get),
        line_len(get->body, get->body_len_bytes), get->body);
    demo_log_add(log, line);
}

static void add_response(const struct demo *demo)
{
    const struct rv_http_get *get = &demo->get;

    if (demo->headers) {
        add_text(demo->log, get->head, get->head_len_bytes);
        add_text(demo->log, get->body, get->body_len_bytes);
    } else {
        add_folded(demo->log, get);
    }
}

static void print_legend(void)
{
    fputs(say("Each line: the time, the thread, what it does.\n"
              "  executor  polls the task; while nothing is ready, it parks\n"
              "  reactor   sleeps in epoll_wait; when data comes, it wakes the "
              "task\n"
              "  |         a response\n\n",
              "Chaque ligne : l’instant, le thread, ce qu’il fait.\n"
              "  executor  sonde la tâche ; tant que rien n’est prêt, il dort\n"
              "  reactor   dort dans epoll_wait ; quand des données arrivent, "
              "il\n"
              "            réveille la tâche\n"
              "  |         une réponse\n\n"),
          stdout);
}

static void print_table(const struct figures *figures)
{
    printf(say("\nThe cost of waiting for 600 ms and then for 400 ms:\n\n"
               "  %10s ms  wall time\n"
               "  %10s ms  CPU time of executor and reactor\n"
               "  %10" PRIu64 "     polls of the task, by the executor\n"
               "  %10" PRIu64 "     would-blocks: reads that returned EAGAIN\n"
               "  %10" PRIu64 "     epoll_waits: calls by the reactor\n"
               "  %10" PRIu64 "     wakes: task ids put into the ready queue, "
               "by spawn or a waker\n"
               "  %10" PRIu64 "     parks: the executor's thread slept until "
               "a wake\n",
               "\nCe que coûte d’attendre 600 ms, puis 400 ms :\n\n"
               "  %10s ms  temps écoulé\n"
               "  %10s ms  temps de processeur de l’exécuteur et du "
               "réacteur\n"
               "  %10" PRIu64 "     polls : sondages de la tâche, par "
               "l’exécuteur\n"
               "  %10" PRIu64 "     would-blocks : lectures qui ont renvoyé "
               "EAGAIN\n"
               "  %10" PRIu64 "     epoll_waits : appels par le réacteur\n"
               "  %10" PRIu64
               "     wakes : numéros mis dans la file, par spawn "
               "ou un waker\n"
               "  %10" PRIu64 "     parks : le thread de l’exécuteur a dormi "
               "jusqu’à un réveil\n"),
           decimal(figures->wall_ms, 1).text, decimal(figures->cpu_ms, 1).text,
           figures->polls, figures->would_blocks, figures->epoll_waits,
           figures->wakes, figures->parks);
}

/* One line, for `reveil compare`. */
static void print_figures(const struct figures *figures)
{
    printf("figures {\"polls\":%" PRIu64 ",\"would_block\":%" PRIu64
           ",\"epoll_waits\":%" PRIu64 ",\"wakes\":%" PRIu64
           ",\"parks\":%" PRIu64 "}\n",
           figures->polls, figures->would_blocks, figures->epoll_waits,
           figures->wakes, figures->parks);
}

/* --- the two GETs ------------------------------------------------------ */

static int start_get(struct demo *demo)
{
    snprintf(demo->url, sizeof demo->url, "http://127.0.0.1:%u%s",
             (unsigned)demo->port, paths[demo->number]);
    return rv_http_get_init(&demo->get, demo->url);
}

static const char *first_poll_note(int number)
{
    if (number == 0)
        return say("first poll of GET /600/HelloAsyncAwait",
                   "premier sondage de GET /600/HelloAsyncAwait");
    return say("first poll of GET /400/HelloAsyncAwait",
               "premier sondage de GET /400/HelloAsyncAwait");
}

static enum rv_poll demo_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct demo *self = RV_CONTAINER_OF(future, struct demo, future);
    int error;

    RV_BEGIN(future);
    note(say("program starting", "le programme commence"));
    for (self->number = 0; self->number < GETS; self->number++) {
        error = self->serves ? cli_check_fds(FDS_OF_A_GET) : 0;
        if (!error)
            error = start_get(self);
        if (error < 0)
            RV_RETURN(future, error);
        note(first_poll_note(self->number));
        RV_AWAIT(future, cx, &self->get.future);
        error = self->get.future.result;
        if (error < 0)
            RV_RETURN(future, error);
        add_response(self);
        rv_drop(&self->get.future);
    }
    note(say("program ends", "le programme se termine"));
    RV_RETURN(future, 0);
    RV_END(future);
}

static void demo_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct demo, future)->get.future);
}

/* --- their cost -------------------------------------------------------- */

/* CPU time of the process, without the threads of its server. */
static int64_t client_cpu_ns(const struct thread_cpu *server)
{
    struct timespec all;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all);
    return all.tv_sec * RV_NS_PER_S + all.tv_nsec - thread_cpu_ns(server);
}

static void take_figures(struct figures *figures, int64_t wall_ns,
                         int64_t cpu_ns)
{
    *figures = (struct figures){
        .wall_ms = (double)wall_ns / (double)RV_NS_PER_MS,
        .cpu_ms = (double)cpu_ns / (double)RV_NS_PER_MS,
        .polls = rv_trace_count(RV_EV_POLL),
        .would_blocks = rv_trace_count(RV_EV_WOULD_BLOCK),
        .epoll_waits = rv_trace_count(RV_EV_EPOLL_WAIT),
        .wakes = rv_trace_count(RV_EV_WAKE),
        .parks = rv_trace_count(RV_EV_PARK),
    };
}

/* Run it against this port. Returns: 0, negative errno. */
static int run(struct figures *figures, const struct options *options,
               struct demo_log *log, uint16_t port)
{
    static const struct rv_future_ops ops = {
        .name = "demo", .poll = demo_poll, .drop = demo_drop};
    struct demo demo = {.port = port,
                        .serves = options->port == 0,
                        .headers = options->headers,
                        .log = log};
    struct thread_cpu server;
    struct rv_runtime *runtime;
    int64_t wall_ns;
    int64_t cpu_ns;
    int error;

    rv_future_init(&demo.future, &ops);
    rv_trace_name_thread("executor");
    thread_cpu_others(&server); /* the server's, and the log's */
    error = rv_trace_start(RV_TRACE_EVENTS);
    if (error < 0)
        return error;
    wall_ns = rv_now_ns();
    cpu_ns = client_cpu_ns(&server);
    error = rv_runtime_start_with(&runtime, &options->runtime);
    if (error < 0)
        return error;
    error = rv_runtime_block_on(runtime, &demo.future);
    take_figures(figures, rv_now_ns() - wall_ns,
                 client_cpu_ns(&server) - cpu_ns);
    rv_trace_start(RV_TRACE_OFF); /* what the stop does is not the demo's */
    rv_drop(&demo.future);
    rv_runtime_stop(runtime);
    return error;
}

static int run_with_server(struct figures *figures,
                           const struct options *options, struct demo_log *log)
{
    struct embedded_server server;
    uint16_t port;
    int error = embedded_server_start(&server, &port);

    if (error < 0)
        return error;
    error = run(figures, options, log, port);
    embedded_server_stop(&server);
    return error;
}

static int parse_slowdown(const char *text, double *slowdown)
{
    char *end;

    *slowdown = strtod(text, &end);
    if (end != text && *end == '\0' && *slowdown >= 0.1 && *slowdown <= 1000)
        return CLI_OK;
    return cli_fail(CLI_USAGE,
                    say("--slow %s: not a number from 0.1 to 1000",
                        "--slow %s : n’est pas un nombre de 0,1 à 1000"),
                    text);
}

/* Returns: CLI_OK to continue, or the exit status. */
static int parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"reactor", required_argument, NULL, 'r'},
        {"figures", no_argument, NULL, 'g'},
        {"headers", no_argument, NULL, 'h'},
        {"html", required_argument, NULL, 'o'},
        {"json", required_argument, NULL, 'j'},
        {"step", no_argument, NULL, 's'},
        {"replay", no_argument, NULL, 'y'},
        {"slow", required_argument, NULL, 'w'},
        {0},
    };
    int status = CLI_OK;
    int option;

    while (status == CLI_OK &&
           (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'g')
            options->line = true;
        else if (option == 'h')
            options->headers = true;
        else if (option == 'o')
            options->html = optarg;
        else if (option == 'j')
            options->json = optarg;
        else if (option == 's')
            options->step = true;
        else if (option == 'y')
            options->slowdown = 1;
        else if (option == 'w')
            status = parse_slowdown(optarg, &options->slowdown);
        else if (option == 'r')
            status = cli_reactor(optarg, &options->runtime.reactor);
        else if (option == 'p')
            status = cli_number("port", optarg, 1, UINT16_MAX, &options->port);
        else
            return CLI_USAGE;
    }
    if (status == CLI_OK && optind < argc)
        return cli_fail(CLI_USAGE,
                        say("demo takes no argument '%s'",
                            "demo ne prend pas d’argument « %s »"),
                        argv[optind]);
    return status;
}

/* Run it, and show its log. Returns: the exit status. */
static int run_and_show(struct figures *figures, const struct options *options)
{
    struct demo_log log = {.step = options->step,
                           .slowdown = options->slowdown};
    int status;
    int error;

    if (!options->line)
        print_legend();
    if (log.step || log.slowdown > 0)
        fputs(say("recording, 1 s...\n", "enregistrement, 1 s...\n"), stderr);
    error = demo_log_start(&log);
    if (error == 0)
        error = options->port
                    ? run(figures, options, &log, (uint16_t)options->port)
                    : run_with_server(figures, options, &log);
    status = demo_log_show(&log);
    demo_log_end(&log);
    if (error < 0)
        return cli_fail(CLI_FAILED, "demo: %s", cli_error_text(error));
    return status;
}

/* The files of --html and --json. Returns: the exit status. */
static int write_files(const struct options *options)
{
    struct trace_recording recording = {
        .program = "reveil demo",
        .title_en = "Two GETs, one after the other",
        .title_fr = "Deux GET, l’un après l’autre",
    };
    int status = CLI_OK;

    if (!options->html && !options->json)
        return CLI_OK;
    if (trace_recording_take(&recording) < 0)
        status = cli_fail(CLI_FAILED, "%s",
                          say("out of memory", "plus assez de mémoire"));
    if (status == CLI_OK && options->html)
        status = step_page_write(options->html, &recording, NULL);
    if (status == CLI_OK && options->json)
        status = step_page_write_json(options->json, &recording);
    if (status == CLI_OK && options->html)
        fprintf(stderr, say("wrote %s\n", "écrit : %s\n"), options->html);
    trace_recording_free(&recording);
    return status;
}

int cmd_demo(int argc, char **argv)
{
    struct options options = {.port = 0,
                              .runtime.ring.off = program_wants_pool()};
    struct figures figures;
    int status;

    if (cli_wants_help(argc, argv)) {
        fputs(say(help_en, help_fr), stdout);
        return CLI_OK;
    }
    status = parse(&options, argc, argv);
    if (status == CLI_OK && options.step && !isatty(STDIN_FILENO))
        status = cli_fail(CLI_USAGE,
                          say("--step needs a terminal for the keys",
                              "--step demande un terminal, pour les touches"));
    if (status == CLI_OK)
        status = run_and_show(&figures, &options);
    if (status != CLI_OK)
        return status;
    if (options.line)
        print_figures(&figures);
    else
        print_table(&figures);
    return write_files(&options);
}
