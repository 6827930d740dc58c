/* SPDX-License-Identifier: MIT */
/* cmd_bench.c - `reveil bench`: the cost of operations, here and in peers. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fds.h"
#include "cli/bench/bench.h"
#include "cli/cli.h"

static const char help[] =
    "usage: reveil bench [--rounds N] [--quick] [--instructions] [--json]\n"
    "                    [AREA...]\n"
    "\n"
    "Measures this library and its peers in turn, and shows the median, least\n"
    "and most of the rounds. Default: all areas.\n"
    "\n"
    "  wake    another thread wakes a waiting task, and the task wakes it\n"
    "  spawn   spawn and join a task that does nothing\n"
    "  yield   1,000 tasks that yield to each other\n"
    "  coro    coroutines: a switch; creation and end; one as a task\n"
    "  fork    fork-join: fib on the workers of a scheduler\n"
    "  go      a task with a stack of its own, started and joined\n"
    "  channel a value through a channel to another thread\n"
    "  memory  bytes per waiting task, and per sleeping task\n"
    "  timers  a million sleepers of 1 to 1,000 ms\n"
    "  server  a keep-alive HTTP server under wrk, each on its own CPU\n"
    "\n"
    "  --rounds N      measurements of each (7; 1 to 101)\n"
    "  --quick         one short round; checks that it runs, measures nothing\n"
    "  --instructions  also count instructions, under valgrind\n"
    "  --json          print only the figures, as JSON\n"
    "\n"
    "\"times\" is relative to the first peer, or to ours if there is none. "
    "CPU\n"
    "is of all threads of the program. \"early\" and \"late\" are of the "
    "timers.\n"
    "calls/op are system calls, from a separate run under strace, if that is\n"
    "installed. Peers that are not built (libuv, without its headers) are\n"
    "skipped. Exit status: 0; 1: failed; 2: wrong usage.\n";

struct selection {
    struct bench_options options;
    struct bench_row *rows; /* owned */
    size_t count;
    bool skipped_wrk;
};

static bool is_area(const char *name)
{
    for (size_t i = 0; i < bench_entry_count; i++)
        if (strcmp(bench_entries[i].area, name) == 0)
            return true;
    return false;
}

/* Returns: CLI_OK; CLI_USAGE after a message. */
static int parse(struct bench_options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"rounds", required_argument, NULL, 'r'},
        {"quick", no_argument, NULL, 'q'},
        {"instructions", no_argument, NULL, 'i'},
        {"json", no_argument, NULL, 'j'},
        {0},
    };
    int64_t rounds = 0;
    int letter;

    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        options->quick |= letter == 'q';
        options->instructions |= letter == 'i';
        options->json |= letter == 'j';
        if (letter == '?')
            return CLI_USAGE;
        if (letter == 'r' && cli_number("rounds", optarg, 1, BENCH_MAX_ROUNDS,
                                        &rounds) != CLI_OK)
            return CLI_USAGE;
    }
    for (int i = optind; i < argc; i++)
        if (!is_area(argv[i]))
            return cli_fail(CLI_USAGE,
                            "no area '%s'; the areas are wake, spawn, yield, "
                            "coro, fork, go, channel, memory, timers and "
                            "server",
                            argv[i]);
    options->rounds = rounds ? rounds : options->quick ? 1 : options->rounds;
    return CLI_OK;
}

static bool is_wanted(const struct bench_entry *entry, char **areas)
{
    if (!*areas)
        return true;
    for (; *areas; areas++)
        if (strcmp(*areas, entry->area) == 0)
            return true;
    return false;
}

/* Returns: CLI_OK; CLI_FAILED after a message. */
static int select_rows(struct selection *selection, char **areas)
{
    const bool has_wrk = bench_has_tool("wrk");
    char path[4096];

    selection->rows = calloc(bench_entry_count, sizeof *selection->rows);
    if (!selection->rows)
        return cli_fail(CLI_FAILED, "out of memory");
    for (size_t i = 0; i < bench_entry_count; i++) {
        const struct bench_entry *entry = &bench_entries[i];

        if (!is_wanted(entry, areas))
            continue;
        if (bench_is_server(entry) && !has_wrk)
            selection->skipped_wrk = true;
        else if (bench_path(path, sizeof path, entry->program))
            selection->rows[selection->count++].entry = entry;
        else if (entry->ours)
            return cli_fail(CLI_FAILED,
                            "bench/%s is not there; build with ./reveil, and "
                            "run the one in build/",
                            entry->program);
    }
    if (selection->skipped_wrk)
        fputs("reveil: the server area is skipped: wrk is not installed\n",
              stderr);
    return CLI_OK;
}

/* On a terminal: what is running. A full run takes minutes. */
static void show_progress(const struct bench_row *row, const char *words)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s: %s, %s", row->entry->area, row->entry->who,
                words);
}

static void end_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* Each round measures all rows in turn, so that other load on the machine
 * affects all of them. */
static int measure(struct selection *selection)
{
    const struct bench_options *options = &selection->options;
    char words[64];
    int error = 0;

    for (int64_t round = 0; round < options->rounds && !error; round++) {
        snprintf(words, sizeof words, "round %d of %d", (int)round + 1,
                 (int)options->rounds);
        for (size_t i = 0; i < selection->count && !error; i++) {
            struct bench_row *row = &selection->rows[i];

            show_progress(row, words);
            error = bench_is_server(row->entry) ? bench_run_server(row, options)
                                                : bench_run(row, options);
        }
    }
    for (size_t i = 0; i < selection->count && !error; i++) {
        struct bench_row *row = &selection->rows[i];

        show_progress(row, "counting");
        if (bench_is_server(row->entry))
            bench_count_server(row);
        else
            bench_count(row, options);
    }
    end_progress();
    return error;
}

int cmd_bench(int argc, char **argv)
{
    enum { ROUNDS = 7 };
    struct selection selection = {.options.rounds = ROUNDS};
    int status;

    if (cli_wants_help(argc, argv)) {
        fputs(help, stdout);
        return CLI_OK;
    }
    status = parse(&selection.options, argc, argv);
    if (status != CLI_OK)
        return status;
    rv_fd_limit_raise(RV_FD_LIMIT_MAX);
    status = select_rows(&selection, argv + optind);
    if (status == CLI_OK && measure(&selection) < 0)
        status = CLI_FAILED;
    if (status == CLI_OK && selection.options.json)
        bench_print_json(selection.rows, selection.count, stdout);
    else if (status == CLI_OK)
        bench_print_table(selection.rows, selection.count, stdout);
    free(selection.rows);
    return status;
}
