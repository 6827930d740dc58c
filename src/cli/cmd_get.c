/* SPDX-License-Identifier: MIT */
/*
 * cmd_get.c - `reveil get`: fetch URLs, all at once, on one executor.
 *
 * A lane is a task that takes the next URL, fetches it, and takes another.
 * There are as many lanes as URLs, or as descriptors where those are fewer.
 * What came is kept until it is its turn to be written.
 */
#include <errno.h>
#include <getopt.h>
#include <reveil/async.h>
#include <reveil/http_client.h>
#include <reveil/runtime.h>
#include <reveil/trace.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/urls.h"

static const char help[] =
    "usage: reveil get [OPTION...] URL...\n"
    "\n"
    "Fetches http:// URLs, all at once, on one thread. The bodies go to\n"
    "stdout, in the order of the URLs. Exits with 1 if one of them failed;\n"
    "anything but a status of 2xx is a failure, redirects are not followed.\n"
    "\n"
    "  --file LIST        also the URLs in this file, one a line; '-': stdin\n"
    "  --repeat N         all of them N times\n"
    "  -o, --output DIR   write each body to a file of its own in DIR, over\n"
    "                     what is there: 0001-host-name, 0002-host-name, ...\n"
    "  --timeout SECONDS  give up on a URL after that (60); 0: never\n"
    "  --reactor MODE     who sleeps in epoll: a thread of its own (thread),\n"
    "                     or the executor's (fused)\n"
    "  --figures          at the end: wall time, polls, CPU time\n"
    "  --quiet            no progress and no lines about failures\n";

enum {
    SPARE_FDS = 16,    /* for stdio, the reactor and the output */
    PROGRESS_MS = 100, /* between two lines of progress */
    MAX_GETS = 1000000,
    MAX_TIMEOUT_S = 86400 * 365
};

struct options {
    const char *directory;
    int64_t repeat;
    double timeout_s;
    struct rv_runtime_options runtime;
    bool figures;
    bool quiet;
};

/* All of the work. The main future is READY when no lane is left. */
struct fetch {
    struct rv_future future;
    const struct options *options;
    const struct urls *urls;
    struct output output;
    size_t total;
    size_t lanes_max;
    size_t next; /* to be started */
    size_t done; /* with or without success */
    size_t failed;
    size_t lanes;          /* alive */
    struct rv_waker waker; /* of the main future */
    bool progress;
    int64_t progress_ns; /* when it is shown next */
};

struct lane {
    struct rv_future future;
    struct fetch *fetch;
    size_t number; /* of the URL */
    struct rv_http_get get;
};

/* --- what the user sees ------------------------------------------------ */

static void clear_progress(const struct fetch *fetch)
{
    if (fetch->progress)
        fputs("\r\033[K", stderr);
}

static void show_progress(struct fetch *fetch)
{
    const int64_t now_ns = rv_now_ns();

    if (!fetch->progress || now_ns < fetch->progress_ns)
        return;
    fetch->progress_ns = now_ns + PROGRESS_MS * RV_NS_PER_MS;
    fprintf(stderr, "\r\033[K%zu/%zu done", fetch->done, fetch->total);
    if (fetch->failed > 0)
        fprintf(stderr, ", %zu failed", fetch->failed);
}

static const char *url_of(const struct fetch *fetch, size_t number)
{
    return fetch->urls->list[number % fetch->urls->count];
}

static void failure(struct fetch *fetch, size_t number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void failure(struct fetch *fetch, size_t number, const char *format, ...)
{
    char why[128];
    va_list args;

    fetch->failed++;
    if (fetch->options->quiet)
        return;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    clear_progress(fetch);
    cli_fail(CLI_FAILED, "%s: %s", url_of(fetch, number), why);
}

/* --- a lane ------------------------------------------------------------ */

/* Say why there is no body. Returns: false if there is one. */
static bool failed(struct lane *lane)
{
    const struct rv_http_get *get = &lane->get;
    const int err = get->future.result;
    struct fetch *fetch = lane->fetch;

    if (err == -ETIMEDOUT && fetch->options->timeout_s > 0)
        failure(fetch, lane->number, "no whole answer in %g s",
                fetch->options->timeout_s);
    else if (err < 0)
        failure(fetch, lane->number, "%s", cli_error_text(err));
    else if (get->status < 200 || get->status > 299)
        failure(fetch, lane->number, "%d %s%s", get->status,
                rv_http_reason(get->status),
                get->status < 400 ? " (redirects are not followed)" : "");
    else
        return false;
    return true;
}

/* The GET of this lane is over. */
static void settle(struct lane *lane)
{
    struct fetch *fetch = lane->fetch;

    fetch->done++;
    if (failed(lane)) {
        output_skip(&fetch->output, lane->number);
    } else {
        output_put(&fetch->output, lane->number, lane->get.body,
                   lane->get.body_len_bytes);
        lane->get.body = NULL; /* the output owns it */
    }
    if (fetch->output.error < 0)
        rv_waker_wake(&fetch->waker); /* to stop */
    show_progress(fetch);
}

/* Take the next URL. Returns: false when there is none. */
static bool take(struct lane *lane)
{
    struct fetch *fetch = lane->fetch;

    if (fetch->output.error < 0 || fetch->next == fetch->total)
        return false;
    lane->number = fetch->next++;
    return true;
}

static int start(struct lane *lane)
{
    const double timeout_s = lane->fetch->options->timeout_s;
    int err = rv_http_get_init(&lane->get, url_of(lane->fetch, lane->number));

    if (timeout_s > 0)
        lane->get.deadline_ns = rv_after_ms((int64_t)(timeout_s * 1000));
    return err;
}

static enum rv_poll lane_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct lane *self = RV_CONTAINER_OF(future, struct lane, future);

    RV_BEGIN(future);
    while (take(self)) {
        self->get.future.result = start(self);
        if (self->get.future.result == 0)
            RV_AWAIT(future, cx, &self->get.future);
        settle(self);
        rv_drop(&self->get.future);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void lane_drop(struct rv_future *future)
{
    struct lane *self = RV_CONTAINER_OF(future, struct lane, future);

    rv_drop(&self->get.future);
    if (self->fetch && --self->fetch->lanes == 0)
        rv_waker_wake(&self->fetch->waker);
    self->fetch = NULL;
}

static int add_lane(struct fetch *fetch, struct rv_executor *executor)
{
    static const struct rv_future_ops ops = {
        .name = "lane", .poll = lane_poll, .drop = lane_drop};
    struct lane *lane = rv_alloc(sizeof *lane);
    int err;

    if (!lane)
        return -ENOMEM;
    rv_future_init(&lane->future, &ops);
    lane->fetch = fetch;
    err = rv_spawn(executor, &lane->future, NULL);
    if (err < 0)
        rv_free(lane);
    else
        fetch->lanes++;
    return err;
}

/* --- all of them ------------------------------------------------------- */

static int add_lanes(struct fetch *fetch, struct rv_executor *executor)
{
    while (fetch->lanes < fetch->lanes_max) {
        const int err = add_lane(fetch, executor);

        /* With one lane alone the work gets done, too. */
        if (err < 0)
            return fetch->lanes > 0 ? 0 : err;
    }
    return 0;
}

static enum rv_poll fetch_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct fetch *self = RV_CONTAINER_OF(future, struct fetch, future);
    int err;

    RV_BEGIN(future);
    self->waker = rv_waker_clone(&cx->waker);
    err = add_lanes(self, cx->executor);
    if (err < 0)
        RV_RETURN(future, err);
    RV_AWAIT_UNTIL(future, self->lanes == 0 || self->output.error < 0);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void fetch_drop(struct rv_future *future)
{
    rv_waker_drop(&RV_CONTAINER_OF(future, struct fetch, future)->waker);
}

static double ms_of(struct timeval time)
{
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

static void print_figures(const struct fetch *fetch, int64_t start_ns)
{
    const double wall_ms =
        (double)(rv_now_ns() - start_ns) / (double)RV_NS_PER_MS;
    const unsigned long long polls = rv_trace_count(RV_EV_POLL);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr,
            "%zu of %zu fetched, wall %.1f ms, CPU %.1f ms, %llu polls, "
            "%.2f polls a request\n",
            fetch->done - fetch->failed, fetch->total, wall_ms,
            ms_of(usage.ru_utime) + ms_of(usage.ru_stime), polls,
            (double)polls / (double)fetch->total);
}

/* Returns: what to exit with. */
static int run(struct fetch *fetch)
{
    struct rv_runtime *runtime;
    int64_t start_ns;
    int err;

    if (fetch->options->figures)
        rv_trace_start(RV_TRACE_COUNTERS);
    start_ns = rv_now_ns();
    err = rv_runtime_start_with(&runtime, &fetch->options->runtime);
    if (err < 0)
        return cli_fail(CLI_FAILED, "cannot start: %s", cli_error_text(err));
    err = rv_runtime_block_on(runtime, &fetch->future);
    clear_progress(fetch);
    if (err < 0)
        cli_fail(CLI_FAILED, "cannot start: %s", cli_error_text(err));
    if (fetch->options->figures)
        print_figures(fetch, start_ns);
    rv_runtime_stop(runtime);
    rv_drop(&fetch->future);
    return err < 0 || fetch->failed > 0 || fetch->output.error < 0 ? CLI_FAILED
                                                                   : CLI_OK;
}

/* Fetch the list `repeat` times over. */
static int fetch_all(const struct options *options, const struct urls *urls)
{
    static const struct rv_future_ops ops = {
        .name = "fetch", .poll = fetch_poll, .drop = fetch_drop};
    const size_t fds = cli_raise_fd_limit();
    struct fetch fetch = {.options = options, .urls = urls};
    int status = CLI_FAILED;

    if (urls->count > MAX_GETS / (size_t)options->repeat)
        return cli_fail(CLI_USAGE, "more than %d GETs are too many", MAX_GETS);
    rv_future_init(&fetch.future, &ops);
    fetch.total = urls->count * (size_t)options->repeat;
    fetch.lanes_max = fds > SPARE_FDS ? fds - SPARE_FDS : 1;
    if (fetch.lanes_max > fetch.total)
        fetch.lanes_max = fetch.total;
    fetch.progress = !options->quiet && isatty(STDERR_FILENO);
    if (output_open(&fetch.output, options->directory, urls, fetch.total) == 0)
        status = run(&fetch);
    output_close(&fetch.output);
    return status;
}

/* --- arguments --------------------------------------------------------- */

static int add_file(struct urls *urls, const char *path)
{
    const int err = urls_add_file(urls, path);

    if (err < 0)
        return cli_fail(CLI_FAILED, "cannot read %s: %s", path, strerror(-err));
    return CLI_OK;
}

/* "2" or "0.5". */
static bool seconds(const char *text, double *out)
{
    char *end;

    if (strspn(text, "0123456789.") != strlen(text) || *text == '\0')
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && *out <= MAX_TIMEOUT_S;
}

static int take_option(struct options *options, struct urls *urls, int option)
{
    switch (option) {
    case 'f':
        return add_file(urls, optarg);
    case 'g':
        options->figures = true;
        return CLI_OK;
    case 'm':
        return cli_reactor(optarg, &options->runtime.reactor);
    case 'o':
        options->directory = optarg;
        return CLI_OK;
    case 'q':
        options->quiet = true;
        return CLI_OK;
    case 'r':
        if (!cli_integer(optarg, 1, MAX_GETS, &options->repeat))
            return cli_fail(CLI_USAGE, "--repeat %s: not a number from 1 to %d",
                            optarg, MAX_GETS);
        return CLI_OK;
    case 't':
        if (!seconds(optarg, &options->timeout_s))
            return cli_fail(CLI_USAGE, "--timeout %s: not a number of seconds",
                            optarg);
        return CLI_OK;
    default:
        return CLI_USAGE;
    }
}

static int parse(struct options *options, struct urls *urls, int argc,
                 char **argv)
{
    static const struct option known[] = {
        {"file", required_argument, NULL, 'f'},
        {"repeat", required_argument, NULL, 'r'},
        {"output", required_argument, NULL, 'o'},
        {"reactor", required_argument, NULL, 'm'},
        {"timeout", required_argument, NULL, 't'},
        {"figures", no_argument, NULL, 'g'},
        {"quiet", no_argument, NULL, 'q'},
        {0},
    };
    int status = CLI_OK;
    int option;

    while (status == CLI_OK &&
           (option = getopt_long(argc, argv, "o:", known, NULL)) != -1)
        status = take_option(options, urls, option);
    for (; status == CLI_OK && optind < argc; optind++)
        if (urls_add(urls, argv[optind]) < 0)
            status = cli_fail(CLI_FAILED, "out of memory");
    if (status == CLI_OK && urls->count == 0)
        status = cli_fail(CLI_USAGE, "no URL to get: see 'reveil get --help'");
    return status;
}

int cmd_get(int argc, char **argv)
{
    struct options options = {.repeat = 1, .timeout_s = 60};
    struct urls urls = {0};
    int status;

    if (cli_wants_help(argc, argv)) {
        fputs(help, stdout);
        return CLI_OK;
    }
    status = parse(&options, &urls, argc, argv);
    if (status == CLI_OK)
        status = fetch_all(&options, &urls);
    urls_free(&urls);
    return status;
}
