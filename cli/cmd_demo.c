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
#include <string.h>
#include <time.h>

#include "../examples/program.h"
#include "cli/cli.h"
#include "cli/embedded_server.h"
#include "cli/thread_cpu.h"

static const char help[] =
    "usage: reveil demo [--port N] [--reactor thread|fused] [--figures]\n"
    "\n"
    "Starts the delay server in this process, sends it a GET that takes\n"
    "600 ms and then one that takes 400 ms, and shows what the executor and\n"
    "the reactor do meanwhile: they sleep most of the time.\n"
    "\n"
    "  --port N        use the server on this port (reveil serve) instead\n"
    "  --reactor MODE  which thread sleeps in epoll: its own (thread), or the\n"
    "                  executor's (fused)\n"
    "  --figures       print the figures as one line of JSON, not as a table\n";

static const char *const paths[] = {"/600/HelloAsyncAwait",
                                    "/400/HelloAsyncAwait"};
enum {
    GETS = sizeof paths / sizeof paths[0],
    FDS_OF_A_GET = 2 /* one socket on each side */
};

struct options {
    int64_t port; /* of a running server; 0: start one */
    struct rv_runtime_options runtime;
    bool line; /* figures for programs */
};

struct demo {
    struct rv_future future;
    struct rv_http_get get;
    uint16_t port;
    bool serves;    /* the server is in this process */
    int number;     /* of the GET */
    uint64_t event; /* the next event to print */
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

/* Print the events since the last call. */
static void print_log(struct demo *demo)
{
    struct rv_event event;
    char line[160];

    while (rv_trace_read(&demo->event, &event) == 1) {
        rv_trace_format(&event, line, sizeof line);
        puts(line);
    }
}

/* Print each line with a mark that sets it apart from the log. */
static void print_text(const char *text, size_t len)
{
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        const size_t line_len = end ? (size_t)(end - text) + 1 : len;
        size_t shown = line_len;

        while (shown > 0 &&
               (text[shown - 1] == '\n' || text[shown - 1] == '\r'))
            shown--;
        printf("    | %.*s\n", (int)shown, text);
        text += line_len;
        len -= line_len;
    }
}

static void print_response(const struct rv_http_get *get)
{
    puts("");
    print_text(get->head, get->head_len_bytes);
    print_text(get->body, get->body_len_bytes);
    puts("");
    fflush(stdout);
}

static void print_table(const struct figures *figures)
{
    printf("\nThe cost of waiting for 600 ms and then for 400 ms:\n\n"
           "  %10.1f ms  wall time\n"
           "  %10.1f ms  CPU time of executor and reactor\n"
           "  %10" PRIu64 "     polls of the task, by the executor\n"
           "  %10" PRIu64 "     would-blocks: reads that returned EAGAIN\n"
           "  %10" PRIu64 "     epoll_waits: calls by the reactor\n"
           "  %10" PRIu64 "     wakes: task ids put into the ready queue, by "
           "the spawn or a waker\n"
           "  %10" PRIu64 "     parks: the executor's thread slept until a "
           "wake\n",
           figures->wall_ms, figures->cpu_ms, figures->polls,
           figures->would_blocks, figures->epoll_waits, figures->wakes,
           figures->parks);
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

static enum rv_poll demo_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct demo *self = RV_CONTAINER_OF(future, struct demo, future);
    int error;

    RV_BEGIN(future);
    note("program starting");
    for (self->number = 0; self->number < GETS; self->number++) {
        error = self->serves ? cli_check_fds(FDS_OF_A_GET) : 0;
        if (!error)
            error = start_get(self);
        if (error < 0)
            RV_RETURN(future, error);
        note(self->number == 0 ? "first poll of GET /600/HelloAsyncAwait"
                               : "first poll of GET /400/HelloAsyncAwait");
        RV_AWAIT(future, cx, &self->get.future);
        error = self->get.future.result;
        print_log(self);
        if (error < 0)
            RV_RETURN(future, error);
        print_response(&self->get);
        rv_drop(&self->get.future);
    }
    note("program ends");
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
               uint16_t port)
{
    static const struct rv_future_ops ops = {
        .name = "demo", .poll = demo_poll, .drop = demo_drop};
    struct demo demo = {.port = port, .serves = options->port == 0};
    struct thread_cpu server;
    struct rv_runtime *runtime;
    int64_t wall_ns;
    int64_t cpu_ns;
    int error;

    rv_future_init(&demo.future, &ops);
    rv_trace_name_thread("executor");
    thread_cpu_others(&server); /* only the server has threads yet */
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
    print_log(&demo);
    rv_drop(&demo.future);
    rv_runtime_stop(runtime);
    return error;
}

static int run_with_server(struct figures *figures,
                           const struct options *options)
{
    struct embedded_server server;
    uint16_t port;
    int error = embedded_server_start(&server, &port);

    if (error < 0)
        return error;
    error = run(figures, options, port);
    embedded_server_stop(&server);
    return error;
}

/* Returns: CLI_OK to continue, or the exit status. */
static int parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"reactor", required_argument, NULL, 'r'},
        {"figures", no_argument, NULL, 'g'},
        {0},
    };
    int status = CLI_OK;
    int option;

    while (status == CLI_OK &&
           (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'g')
            options->line = true;
        else if (option == 'r')
            status = cli_reactor(optarg, &options->runtime.reactor);
        else if (option == 'p')
            status = cli_number("port", optarg, 1, UINT16_MAX, &options->port);
        else
            return CLI_USAGE;
    }
    if (status == CLI_OK && optind < argc)
        return cli_fail(CLI_USAGE, "demo takes no argument '%s'", argv[optind]);
    return status;
}

int cmd_demo(int argc, char **argv)
{
    struct options options = {.port = 0,
                              .runtime.ring.off = program_wants_pool()};
    struct figures figures;
    int status;
    int error;

    if (cli_wants_help(argc, argv)) {
        fputs(help, stdout);
        return CLI_OK;
    }
    status = parse(&options, argc, argv);
    if (status != CLI_OK)
        return status;
    error = options.port ? run(&figures, &options, (uint16_t)options.port)
                         : run_with_server(&figures, &options);
    if (error < 0)
        return cli_fail(CLI_FAILED, "demo: %s", cli_error_text(error));
    if (options.line)
        print_figures(&figures);
    else
        print_table(&figures);
    return CLI_OK;
}
