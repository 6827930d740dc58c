/* SPDX-License-Identifier: MIT */
/*
 * cmd_get.c - `reveil get`: fetch URLs concurrently, on one executor.
 *
 * A fetcher (get_fetcher.c) is a task that fetches one URL after the other.
 * There is one fetcher per URL, unless the descriptors or --parallel allow
 * fewer.
 */
#include <errno.h>
#include <getopt.h>
#include <reveil/async.h>
#include <reveil/signal.h>
#include <reveil/trace.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../examples/program.h"
#include "base/fds.h"
#include "cli/cli.h"
#include "cli/get.h"
#include "cli/language.h"

static const char help_en[] =
    "usage: reveil get [OPTION...] URL...\n"
    "\n"
    "Fetches http:// URLs concurrently, on one thread. The bodies go to\n"
    "stdout, in the order of the URLs. Exits with 1 if a URL failed; any\n"
    "status other than 2xx is a failure, and so is a redirect that is not\n"
    "followed.\n"
    "\n"
    "  --file LIST        also fetch the URLs in this file, one per line; "
    "'-':\n"
    "                     stdin\n"
    "  --repeat N         fetch each URL N times\n"
    "  --parallel N       at most N at a time; connections are reused\n"
    "  -L, --follow       follow redirects, up to 10 for each URL\n"
    "  --max-redirects N  follow up to N redirects; 0: none, as without "
    "--follow\n"
    "  --head             send HEAD requests, and write the heads\n"
    "  -o, --output DIR   write each body to its own file in DIR, and replace\n"
    "                     existing files: 0001-host-name, 0002-host-name, ...\n"
    "                     A file gets its name when it is complete. Until "
    "then\n"
    "                     it is NAME.(a number).part, which is removed if the\n"
    "                     URL fails, or on ctrl-C\n"
    "  --timeout SECONDS  give up on a URL after this time (60); 0: never\n"
    "  --connect-timeout SECONDS\n"
    "                     ... if connecting takes longer\n"
    "  --stall SECONDS    ... if no data arrives for this time\n"
    "  --reactor MODE     which thread sleeps in epoll: its own (thread), or\n"
    "                     the executor's (fused)\n"
    "  --figures          print wall time, polls and CPU time at the end\n"
    "  --quiet            print no progress and no messages about failures\n"
    "  --lang fr|en       the language of help and messages\n"
    "\n"
    "With --output, and for a single URL, a body is written as it arrives; of\n"
    "a single URL, the first 1 MiB is held until there is more, or the body "
    "is\n"
    "complete. For several URLs without --output a body is at most 64 MiB.\n";

static const char help_fr[] =
    "usage : reveil get [OPTION...] URL...\n"
    "\n"
    "Lit des URL http:// en même temps, sur un thread. Les corps vont sur la\n"
    "sortie standard, dans l’ordre des URL. Se termine avec 1 si une URL a\n"
    "échoué ; tout code autre que 2xx est un échec, de même qu’une\n"
    "redirection qui n’est pas suivie.\n"
    "\n"
    "  --file LISTE       lit aussi les URL de ce fichier, une par ligne ;\n"
    "                     « - » : l’entrée standard\n"
    "  --repeat N         lit chaque URL N fois\n"
    "  --parallel N       au plus N à la fois ; les connexions resservent\n"
    "  -L, --follow       suit les redirections, jusqu’à 10 par URL\n"
    "  --max-redirects N  suit jusqu’à N redirections ; 0 : aucune, comme "
    "sans\n"
    "                     --follow\n"
    "  --head             envoie des requêtes HEAD, et écrit les en-têtes\n"
    "  -o, --output DIR   écrit chaque corps dans un fichier de DIR, à la "
    "place\n"
    "                     de celui qui y est : 0001-hôte-nom, "
    "0002-hôte-nom...\n"
    "                     Un fichier n’a ce nom qu’une fois complet. Avant, "
    "il\n"
    "                     s’appelle NOM.(un nombre).part, et disparaît si "
    "l’URL\n"
    "                     échoue, ou par ctrl-C\n"
    "  --timeout SECONDES abandonne une URL après ce temps (60) ; 0 : jamais\n"
    "  --connect-timeout SECONDES\n"
    "                     ... si la connexion prend plus longtemps\n"
    "  --stall SECONDES   ... si rien n’arrive pendant ce temps\n"
    "  --reactor MODE     quel thread dort dans epoll : le sien (thread), ou\n"
    "                     celui de l’exécuteur (fused)\n"
    "  --figures          écrit à la fin temps, sondages et temps de "
    "processeur\n"
    "  --quiet            n’écrit ni l’avancement, ni les échecs\n"
    "  --lang fr|en       la langue de l’aide et des messages\n"
    "\n"
    "Avec --output, et pour une seule URL, un corps est écrit à mesure qu’il\n"
    "arrive ; d’une seule URL, le premier Mio est retenu jusqu’à ce qu’il y "
    "en\n"
    "ait davantage, ou que le corps soit complet. Pour plusieurs URL sans\n"
    "--output, un corps fait au plus 64 Mio.\n";

enum {
    SPARE_FDS = 16, /* stdio, the reactor, the output */
    MAX_GETS = 1000000,
    FOLLOW = 10,
    MAX_REDIRECTS = 1000,
    MAX_TIMEOUT_S = 86400 * 365
};

/* --- the main future ---------------------------------------------------- */

/* Signals that the parent process had set to be ignored stay ignored. */
static void open_signals(struct fetch *self)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (sigaction(ends[i], NULL, &action) == 0 &&
            action.sa_handler != SIG_IGN)
            sigaddset(&set, ends[i]);
    /* Without a descriptor for them they kill the process: files remain. */
    if (rv_signals_open(&self->signals, &set) == 0)
        rv_signal_wait_init(&self->signal, &self->signals);
}

/* A signal has arrived. From now on, another one kills the process. */
static bool is_ended(struct fetch *self, struct rv_cx *cx)
{
    if (!self->signals.source ||
        rv_poll(&self->signal.future, cx) == RV_PENDING)
        return false;
    self->ended_by = self->signal.future.result;
    rv_drop(&self->signal.future);
    rv_signals_close(&self->signals);
    return self->ended_by > 0;
}

/* One poll handles all fetchers that have finished a URL since the last. */
static bool is_over(struct fetch *self)
{
    output_flush(&self->output);
    return self->fetchers == 0 || self->output.error < 0;
}

static enum rv_poll fetch_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct fetch *self = RV_CONTAINER_OF(future, struct fetch, future);
    int error;

    self->own_polls++;
    RV_BEGIN(future);
    self->waker = rv_waker_clone(&cx->waker);
    error = get_add_fetchers(self, cx->executor);
    if (error < 0)
        RV_RETURN(future, error);
    /* Only for files, which must be removed. A write to stdout may block the
     * thread, which would then not see the signal. */
    if (self->output.directory)
        open_signals(self);
    RV_AWAIT_UNTIL(future, is_ended(self, cx) || is_over(self));
    RV_RETURN(future, 0);
    RV_END(future);
}

static void fetch_drop(struct rv_future *future)
{
    struct fetch *self = RV_CONTAINER_OF(future, struct fetch, future);

    rv_waker_drop(&self->waker);
}

static double ms_of(struct timeval time)
{
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

static void print_figures(const struct fetch *fetch, int64_t start_ns)
{
    const double wall_ms =
        (double)(rv_now_ns() - start_ns) / (double)RV_NS_PER_MS;
    /* Without the polls of the main task. */
    const unsigned long long polls =
        rv_trace_count(RV_EV_POLL) - fetch->own_polls;
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr,
            say("%zu of %zu fetched, wall %s ms, CPU %s ms, %llu polls, "
                "%s polls a request\n",
                "%zu sur %zu lues, %s ms écoulées, %s ms de processeur, "
                "%llu sondages, %s sondages par requête\n"),
            fetch->done - fetch->failed, fetch->total, decimal(wall_ms, 1).text,
            decimal(ms_of(usage.ru_utime) + ms_of(usage.ru_stime), 1).text,
            polls, decimal((double)polls / (double)fetch->total, 2).text);
}

/* Returns: the exit status. */
static int run(struct fetch *fetch)
{
    struct rv_runtime *runtime;
    int64_t start_ns;
    int error;

    if (fetch->options->figures)
        rv_trace_start(RV_TRACE_COUNTERS);
    start_ns = rv_now_ns();
    error = rv_runtime_start_with(&runtime, &fetch->options->runtime);
    if (error < 0)
        return cli_fail(CLI_FAILED,
                        say("cannot start: %s", "impossible de démarrer : %s"),
                        cli_error_text(error));
    error = rv_runtime_block_on(runtime, &fetch->future);
    get_clear_progress(fetch);
    if (error < 0)
        cli_fail(CLI_FAILED,
                 say("cannot start: %s", "impossible de démarrer : %s"),
                 cli_error_text(error));
    if (fetch->options->figures && fetch->ended_by <= 0)
        print_figures(fetch, start_ns);
    rv_drop(&fetch->signal.future);
    rv_signals_close(&fetch->signals);
    rv_http_client_fini(&fetch->client);
    rv_runtime_stop(runtime); /* also drops the fetchers and their files */
    rv_drop(&fetch->future);
    if (fetch->ended_by > 0) /* report the signal to the parent */
        raise(fetch->ended_by);
    return error < 0 || fetch->failed > 0 || fetch->output.error < 0
               ? CLI_FAILED
               : CLI_OK;
}

/* Limit the fetchers by descriptors: each has a socket, and may have a file. */
static void plan_fetchers(struct fetch *fetch)
{
    const size_t each = fetch->options->directory ? 2 : 1;
    const size_t fds = rv_fd_limit_raise(RV_FD_LIMIT_MAX);

    fetch->fetchers_max = fds > SPARE_FDS + each ? (fds - SPARE_FDS) / each : 1;
    if (fetch->options->parallel > 0 &&
        fetch->fetchers_max > (size_t)fetch->options->parallel)
        fetch->fetchers_max = (size_t)fetch->options->parallel;
    if (fetch->fetchers_max > fetch->total)
        fetch->fetchers_max = fetch->total;

    /* A failure is ignored: it only costs time. */
    (void)rv_reserve_fds((uint32_t)(fetch->fetchers_max * each + SPARE_FDS));

    fetch->keep = fetch->fetchers_max < fetch->total;
    rv_http_client_init(&fetch->client);
    fetch->client.max_idle = (uint32_t)fetch->fetchers_max;
    fetch->client.max_idle_per_host = (uint32_t)fetch->fetchers_max;
}

/* Fetch the list `repeat` times over. */
static int fetch_all(const struct get_options *options, const struct urls *urls)
{
    static const struct rv_future_ops ops = {
        .name = "fetch", .poll = fetch_poll, .drop = fetch_drop};
    struct fetch fetch = {.options = options, .urls = urls};
    int status = CLI_FAILED;

    if (urls->count > MAX_GETS / (size_t)options->repeat)
        return cli_fail(
            CLI_USAGE,
            say("more than %d GETs are too many", "plus de %d GET, c’est trop"),
            MAX_GETS);
    rv_future_init(&fetch.future, &ops);
    fetch.total = urls->count * (size_t)options->repeat;
    plan_fetchers(&fetch);
    fetch.progress = !options->quiet && isatty(STDERR_FILENO);
    if (output_open(&fetch.output, options->directory, urls, fetch.total) == 0)
        status = run(&fetch);
    output_close(&fetch.output);
    return status;
}

/* --- arguments --------------------------------------------------------- */

static int add_file(struct urls *urls, const char *path)
{
    const int error = urls_add_file(urls, path);

    if (error < 0)
        return cli_fail(CLI_FAILED,
                        say("cannot read %s: %s", "impossible de lire %s : %s"),
                        path, strerror(-error));
    return CLI_OK;
}

/* Parse "2" or "0.5". */
static bool seconds(const char *text, double *out)
{
    char *end;

    if (strspn(text, "0123456789.") != strlen(text) || *text == '\0')
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && *out <= MAX_TIMEOUT_S;
}

static int take_seconds(const char *name, double *out)
{
    if (seconds(optarg, out))
        return CLI_OK;
    return cli_fail(CLI_USAGE,
                    say("--%s %s: not a number of seconds",
                        "--%s %s : ce n’est pas un nombre de secondes"),
                    name, optarg);
}

/* Returns: CLI_OK to continue, or the exit status. */
static int take_option(struct get_options *options, struct urls *urls,
                       int option)
{
    switch (option) {
    case 'c':
        return take_seconds("connect-timeout", &options->connect_timeout_s);
    case 'f':
        return add_file(urls, optarg);
    case 'g':
        options->figures = true;
        return CLI_OK;
    case 'h':
        options->head = true;
        return CLI_OK;
    case 'L':
        options->max_redirects = FOLLOW;
        return CLI_OK;
    case 'm':
        return cli_reactor(optarg, &options->runtime.reactor);
    case 'o':
        options->directory = optarg;
        return CLI_OK;
    case 'p':
        return cli_number("parallel", optarg, 1, MAX_GETS, &options->parallel);
    case 'q':
        options->quiet = true;
        return CLI_OK;
    case 'r':
        return cli_number("repeat", optarg, 1, MAX_GETS, &options->repeat);
    case 's':
        return take_seconds("stall", &options->stall_s);
    case 't':
        return take_seconds("timeout", &options->timeout_s);
    case 'x':
        return cli_number("max-redirects", optarg, 0, MAX_REDIRECTS,
                          &options->max_redirects);
    default:
        return CLI_USAGE;
    }
}

static int parse(struct get_options *options, struct urls *urls, int argc,
                 char **argv)
{
    static const struct option known[] = {
        {"file", required_argument, NULL, 'f'},
        {"repeat", required_argument, NULL, 'r'},
        {"parallel", required_argument, NULL, 'p'},
        {"follow", no_argument, NULL, 'L'},
        {"max-redirects", required_argument, NULL, 'x'},
        {"head", no_argument, NULL, 'h'},
        {"output", required_argument, NULL, 'o'},
        {"reactor", required_argument, NULL, 'm'},
        {"timeout", required_argument, NULL, 't'},
        {"connect-timeout", required_argument, NULL, 'c'},
        {"stall", required_argument, NULL, 's'},
        {"figures", no_argument, NULL, 'g'},
        {"quiet", no_argument, NULL, 'q'},
        {0},
    };
    int status = CLI_OK;
    int option;

    while (status == CLI_OK &&
           (option = getopt_long(argc, argv, "Lo:", known, NULL)) != -1)
        status = take_option(options, urls, option);
    for (; status == CLI_OK && optind < argc; optind++)
        if (urls_add(urls, argv[optind]) < 0)
            status = cli_fail(CLI_FAILED, "%s",
                              say("out of memory", "plus assez de mémoire"));
    if (status == CLI_OK && urls->count == 0)
        status =
            cli_fail(CLI_USAGE, "%s",
                     say("no URL to get: see 'reveil get --help'",
                         "aucune URL à lire : voir « reveil get --help »"));
    return status;
}

int cmd_get(int argc, char **argv)
{
    struct get_options options = {
        .repeat = 1, .timeout_s = 60, .runtime.ring.off = program_wants_pool()};
    struct urls urls = {0};
    int status;

    if (cli_wants_help(argc, argv)) {
        fputs(say(help_en, help_fr), stdout);
        return CLI_OK;
    }
    status = parse(&options, &urls, argc, argv);
    signal(SIGXFSZ, SIG_IGN); /* too large a file is an error of write() */
    if (status == CLI_OK)
        status = fetch_all(&options, &urls);
    urls_free(&urls);
    return status;
}
