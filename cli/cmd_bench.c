/* SPDX-License-Identifier: MIT */
/* cmd_bench.c - `reveil bench`: what an operation costs, ours and others'. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench/bench.h"
#include "cli/cli.h"

static const char help[] =
    "usage: reveil bench [--rounds N] [--quick] [--instructions] [--json]\n"
    "                    [AREA...]\n"
    "\n"
    "Measures ours and its peers in turn, in one run, and shows the median of\n"
    "the rounds with the least and the most. Without AREA: all of them.\n"
    "\n"
    "  wake    another thread wakes a task that waits, and back\n"
    "  spawn   spawn and join a task that does nothing\n"
    "  yield   1,000 tasks that let each other go first\n"
    "  coro    coroutines: a switch, a life, one as a task\n"
    "  fork    fork-join: fib on the workers of a scheduler\n"
    "  go      a task with a stack of its own, started and joined\n"
    "  channel a value through a channel to another thread\n"
    "  memory  bytes for a task that waits, and for one that sleeps\n"
    "  timers  a million sleepers of 1 to 1,000 ms\n"
    "  server  a keep-alive HTTP server under wrk; each on a CPU of its own\n"
    "\n"
    "  --rounds N      so many measurements of each (7; 1 to 101)\n"
    "  --quick         one round of little work: a look, not a measurement\n"
    "  --instructions  also count instructions, under valgrind\n"
    "  --json          figures as JSON on stdout, nothing else\n"
    "\n"
    "times: in units of the first peer, or of ours where there is none. CPU "
    "is\n"
    "of all threads of the program, early and late of the timers. calls/op "
    "are\n"
    "system calls, from a run of their own under strace where that is\n"
    "installed. Peers that were not built (libuv, where its headers are not\n"
    "installed) are left out. Exit status: 0, 1 failed, 2 usage.\n";

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

/* Returns: CLI_OK, or CLI_USAGE with its message printed. */
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
        if (letter == 'r' && !cli_integer(optarg, 1, BENCH_MAX_ROUNDS, &rounds))
            return cli_fail(CLI_USAGE, "--rounds %s: not a number from 1 to %d",
                            optarg, BENCH_MAX_ROUNDS);
    }
    for (int i = optind; i < argc; i++)
        if (!is_area(argv[i]))
            return cli_fail(CLI_USAGE,
                            "no area '%s': there are wake, spawn, yield, coro, "
                            "fork, go, channel, memory, timers and server",
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

/* Returns: CLI_OK, or CLI_FAILED with its message printed. */
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

/* On a terminal, what runs now; it takes some minutes. */
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

/* One after the other in each round: what else the machine does at a time
 * meets all of them. */
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
    cli_raise_fd_limit();
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
