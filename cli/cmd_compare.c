/* SPDX-License-Identifier: MIT */
/* cmd_compare.c - `reveil compare`: runs the stages of the course, and shows
 * their figures side by side. */
#include <errno.h>
#include <getopt.h>
#include <reveil/base.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/compare/compare.h"
#include "cli/embedded_server.h"
#include "cli/language.h"

static const char help_en[] =
    "usage: reveil compare [--logs] [--json] [--html FILE] [--steps FILE]\n"
    "                      [--no-syscalls] [--lang fr|en] [STAGE...]\n"
    "\n"
    "Runs stages of the course one after the other and shows what each costs.\n"
    "All do the same work against the same server: a GET that takes 600 ms,\n"
    "then one that takes 400 ms. Default: all stages.\n"
    "\n"
    "  busy        polls without a pause                (lesson 02)\n"
    "  busy-sleep  polls, then sleeps 100 ms            (lesson 02)\n"
    "  epoll       block_on sleeps in epoll_wait        (lesson 03)\n"
    "  executor    executor and waker, a bell thread    (lesson 05)\n"
    "  reactor     executor, waker, reactor thread      (lesson 06)\n"
    "  library     the same shape, from libreveil       (reveil demo)\n"
    "\n"
    "  --logs         also print two logs side by side, and the first event\n"
    "                 that differs (of the first two stages named; default:\n"
    "                 busy and library)\n"
    "  --json         print only the figures, as JSON\n"
    "  --html FILE    write a page with bars and timelines\n"
    "  --steps FILE   only write a page that shows two stages step by step,\n"
    "                 side by side (default: busy and reactor)\n"
    "  --no-syscalls  do not count system calls; saves the second run, under\n"
    "                 ptrace\n"
    "\n"
    "The table ends with a definition of each figure. What the start of a\n"
    "process costs (the least of three runs that only print their help) is\n"
    "subtracted from its times. Exit status: 0; 1: a stage failed; 2: wrong\n"
    "usage.\n";

static const char help_fr[] =
    "usage : reveil compare [--logs] [--json] [--html FICHIER]\n"
    "                       [--steps FICHIER] [--no-syscalls]\n"
    "                       [--lang fr|en] [ÉTAPE...]\n"
    "\n"
    "Lance des étapes du cours l’une après l’autre et montre ce que chacune\n"
    "coûte. Toutes font le même travail avec le même serveur : un GET de\n"
    "600 ms, puis un de 400 ms. Par défaut : toutes les étapes.\n"
    "\n"
    "  busy        sonde sans pause                        (leçon 02)\n"
    "  busy-sleep  sonde, puis dort 100 ms                 (leçon 02)\n"
    "  epoll       block_on dort dans epoll_wait           (leçon 03)\n"
    "  executor    exécuteur et waker, avec une cloche     (leçon 05)\n"
    "  reactor     exécuteur, waker, thread réacteur       (leçon 06)\n"
    "  library     la même forme, avec libreveil           (reveil demo)\n"
    "\n"
    "  --logs          écrit aussi deux journaux côte à côte, et le premier\n"
    "                  évènement qui diffère (des deux premières étapes\n"
    "                  nommées ; par défaut : busy et library)\n"
    "  --json          écrit seulement les valeurs, en JSON\n"
    "  --html FICHIER  écrit une page avec barres et chronologies\n"
    "  --steps FICHIER\n"
    "                  écrit seulement une page qui montre deux étapes pas à\n"
    "                  pas, côte à côte (par défaut : busy et reactor)\n"
    "  --no-syscalls   ne compte pas les appels système ; évite la seconde\n"
    "                  exécution, sous ptrace\n"
    "\n"
    "Le tableau se termine par la définition de chaque valeur. Le coût du\n"
    "démarrage d’un processus (le plus petit de trois exécutions qui\n"
    "n’écrivent que leur aide) est retranché de ses temps. Code de sortie :\n"
    "0 ; 1 : une étape a échoué ; 2 : mauvais usage.\n";

struct options {
    bool logs;
    bool json;
    bool no_syscalls;
    const char *html;
    const char *steps;
    const struct stage *stages[COMPARE_STAGES];
    size_t count;
};

static const struct stage *find_stage(const char *name)
{
    for (int i = 0; i < COMPARE_STAGES; i++)
        if (strcmp(compare_stages[i].name, name) == 0)
            return &compare_stages[i];
    return NULL;
}

/* Returns: CLI_OK; CLI_USAGE after a message. */
static int add_stage(struct options *options, const char *name)
{
    const struct stage *stage = find_stage(name);

    if (!stage)
        return cli_fail(CLI_USAGE,
                        say("no stage '%s'; the stages are busy, busy-sleep, "
                            "epoll, executor, reactor and library",
                            "pas d’étape « %s » ; les étapes sont busy, "
                            "busy-sleep, epoll, executor, reactor et library"),
                        name);
    for (size_t i = 0; i < options->count; i++)
        if (options->stages[i] == stage)
            return cli_fail(CLI_USAGE,
                            say("stage '%s' is named twice",
                                "l’étape « %s » est nommée deux fois"),
                            name);
    options->stages[options->count++] = stage;
    return CLI_OK;
}

static void default_stages(struct options *options)
{
    if (options->logs || options->steps) {
        options->stages[options->count++] = find_stage("busy");
        options->stages[options->count++] =
            find_stage(options->steps ? "reactor" : "library");
        return;
    }
    for (int i = 0; i < COMPARE_STAGES; i++)
        options->stages[options->count++] = &compare_stages[i];
}

/* Returns: -1 to continue, or the exit status. */
static int parse(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {
        {"logs", no_argument, NULL, 'l'},
        {"json", no_argument, NULL, 'j'},
        {"html", required_argument, NULL, 'o'},
        {"no-syscalls", no_argument, NULL, 'n'},
        {"steps", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int letter;

    while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        options->logs |= letter == 'l';
        options->json |= letter == 'j';
        options->no_syscalls |= letter == 'n';
        if (letter == 'o')
            options->html = optarg;
        if (letter == 's')
            options->steps = optarg;
        if (letter == 'h') {
            fputs(say(help_en, help_fr), stdout);
            return CLI_OK;
        }
        if (letter == '?')
            return CLI_USAGE;
    }
    for (; optind < argc; optind++)
        if (add_stage(options, argv[optind]) != CLI_OK)
            return CLI_USAGE;
    if (options->count == 0)
        default_stages(options);
    if ((options->logs || options->steps) && options->count < 2)
        return cli_fail(CLI_USAGE,
                        say("%s needs at least two stages, or none",
                            "%s demande au moins deux étapes, ou aucune"),
                        options->logs ? "--logs" : "--steps");
    return -1;
}

/* On a terminal: which stage is running. A stage takes over a second. */
static void show_progress(const char *words, size_t i, size_t count)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K[%zu/%zu] %s", i + 1, count, words);
}

static void end_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static int measure(struct run *runs, const struct options *options,
                   uint16_t port)
{
    size_t rounds = options->count + !options->no_syscalls;
    int error = 0;

    for (size_t i = 0; i < options->count && !error; i++) {
        runs[i].stage = options->stages[i];
        show_progress(runs[i].stage->name, i, rounds);
        error = compare_run(&runs[i], port);
    }
    if (!error && !options->no_syscalls) {
        show_progress(say("counting system calls", "compte les appels système"),
                      options->count, rounds);
        compare_count_syscalls(runs, options->count, port);
    }
    end_progress();
    return error;
}

static int write_page(const struct run *runs, const struct options *options)
{
    FILE *page = fopen(options->html, "w");
    int failed;

    if (!page)
        return cli_fail(CLI_FAILED, "%s: %s", options->html, strerror(errno));
    compare_print_html(runs, options->count, page);
    failed = ferror(page);
    if (fclose(page) != 0 || failed)
        return cli_fail(CLI_FAILED, "%s: %s", options->html, strerror(errno));
    if (!options->json)
        fprintf(stderr, say("wrote %s\n", "écrit : %s\n"), options->html);
    return CLI_OK;
}

static int show(const struct run *runs, const struct options *options)
{
    if (options->json)
        compare_print_json(runs, options->count, stdout);
    else
        compare_print_table(runs, options->count, stdout);
    if (options->logs && !options->json)
        compare_print_logs(&runs[0], &runs[1], stdout);
    return options->html ? write_page(runs, options) : CLI_OK;
}

/*
 * The page of --steps. The lessons' runs are recorded by the course's tool,
 * which lies in the tree, beside build/. Returns: the exit status.
 */
static int write_steps(const struct options *options)
{
    char self[4096];
    char course[4200];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    if (len < 0)
        return cli_fail(CLI_FAILED, "%s", strerror(errno));
    self[len] = '\0';
    slash = strrchr(self, '/');
    snprintf(course, sizeof course, "%.*s/../../course", (int)(slash - self),
             self);
    if (access(course, F_OK) < 0)
        return cli_fail(CLI_FAILED, "%s",
                        say("--steps needs the tree of reveil: run ./reveil",
                            "--steps a besoin du dépôt de reveil : lancez "
                            "./reveil"));
    execlp("python3", "python3", course, "compare", "--lang", language_name(),
           options->steps, self, options->stages[0]->name,
           options->stages[1]->name, (char *)NULL);
    return cli_fail(CLI_FAILED, "python3: %s", strerror(errno));
}

int cmd_compare(int argc, char **argv)
{
    struct options options = {0};
    struct run runs[COMPARE_STAGES] = {0};
    struct embedded_server server;
    uint16_t port;
    int status = parse(&options, argc, argv);
    int error;

    if (status >= 0)
        return status;
    if (options.steps)
        return write_steps(&options);
    error = embedded_server_start(&server, &port);
    if (error < 0)
        return cli_fail(CLI_FAILED,
                        say("cannot start the delay server: %s",
                            "impossible de démarrer le serveur de délais : %s"),
                        cli_error_text(error));
    error = measure(runs, &options, port);
    embedded_server_stop(&server);
    status = error ? CLI_FAILED : show(runs, &options);
    for (size_t i = 0; i < options.count; i++)
        compare_run_fini(&runs[i]);
    return status;
}
