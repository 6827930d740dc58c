/* SPDX-License-Identifier: MIT */
/*
 * main.c - sha1sum FILE...: the sums of files, all files at once.
 *
 * The files are read through the ring (or from the page cache, or by the
 * blocking pool: file.h) and hashed on the CPU pool by libcrypto. Lines and
 * exit codes are those of sha1sum of coreutils.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../program.h"
#include "sha1sum.h"

struct options options;

enum { USAGE_STATUS = 1, TAG = 256, IGNORE, QUIET, STATUS, STRICT, HELP };

static void print_help(void)
{
    fputs("usage: sha1sum [OPTION]... [FILE]...\n"
          "\n"
          "Print or check SHA-1 sums; no FILE, or -: standard input. All\n"
          "files are read and hashed side by side, on all CPUs.\n"
          "\n"
          "  -b, --binary      a '*' before the name\n"
          "  -t, --text        a blank before the name (as ever)\n"
          "      --tag         lines in BSD style\n"
          "  -z, --zero        end lines with NUL, escape no names\n"
          "  -c, --check       read sums from the FILEs, and check them\n"
          "      --help        this\n"
          "\n"
          "With -c:\n"
          "      --ignore-missing  say nothing of files that are not there\n"
          "      --quiet           say nothing of files that are right\n"
          "      --status          say nothing at all\n"
          "      --strict          exit 1 for lines that are no sums\n"
          "  -w, --warn            tell of each such line\n"
          "\n"
          "Exit: 0; 1 if a file could not be read, or did not match.\n",
          stdout);
}

static _Noreturn void misuse(const char *what)
{
    if (what)
        complain(NULL, what);
    fputs("Try 'sha1sum --help' for more information.\n", stderr);
    exit(USAGE_STATUS);
}

/* What is told of each file: the last of these options counts. */
static void set_verbosity(int option)
{
    options.quiet = option == QUIET;
    options.status = option == STATUS;
    options.warn = option == 'w';
}

static void set_option(int option)
{
    switch (option) {
    case 'b':
    case 't':
        options.binary = option == 'b';
        options.mode_given = true;
        break;
    case 'c':
        options.check = true;
        break;
    case 'z':
        options.zero = true;
        break;
    case 'w':
    case QUIET:
    case STATUS:
        set_verbosity(option);
        break;
    case TAG:
        options.tag = true;
        options.binary = true; /* unless a later -t says otherwise */
        options.mode_given = true;
        break;
    case IGNORE:
        options.ignore_missing = true;
        break;
    case STRICT:
        options.strict = true;
        break;
    case HELP:
        print_help();
        exit(0);
    default:
        misuse(NULL);
    }
}

static void check_options(void)
{
    static const char only[] = "option is meaningful only when verifying "
                               "checksums";
    const char *name = options.ignore_missing ? "--ignore-missing"
                       : options.status       ? "--status"
                       : options.warn         ? "--warn"
                       : options.quiet        ? "--quiet"
                       : options.strict       ? "--strict"
                                              : NULL;
    char what[128];

    if (options.tag && !options.binary)
        misuse("--tag does not support --text mode");
    if (options.zero && options.check)
        misuse("the --zero option is not supported when verifying checksums");
    if (options.tag && options.check)
        misuse("the --tag option is meaningless when verifying checksums");
    if (options.mode_given && options.check)
        misuse("the --binary and --text options are meaningless when "
               "verifying checksums");
    if (name && !options.check) {
        snprintf(what, sizeof what, "the %s %s", name, only);
        misuse(what);
    }
}

static void read_options(int argc, char **argv)
{
    static const struct option all[] = {
        {"binary", no_argument, NULL, 'b'},
        {"text", no_argument, NULL, 't'},
        {"check", no_argument, NULL, 'c'},
        {"zero", no_argument, NULL, 'z'},
        {"warn", no_argument, NULL, 'w'},
        {"tag", no_argument, NULL, TAG},
        {"ignore-missing", no_argument, NULL, IGNORE},
        {"quiet", no_argument, NULL, QUIET},
        {"status", no_argument, NULL, STATUS},
        {"strict", no_argument, NULL, STRICT},
        {"help", no_argument, NULL, HELP},
        {0}};
    static char name[] = "sha1sum";
    int option;

    argv[0] = name; /* for the messages of getopt */
    while ((option = getopt_long(argc, argv, "btczw", all, NULL)) != -1)
        set_option(option);
    check_options();
}

/* --- the sums of files ------------------------------------------------- */

static void emit_sum(void *context, const struct item *item)
{
    bool *right = context;

    if (!item->error) {
        print_sum(item);
        return;
    }
    complain(item->name, strerror(-item->error));
    *right = false;
}

/* Returns: false if a file failed. */
static bool sum_files(struct rv_runtime *runtime, char **names, uint32_t len)
{
    struct item *items = calloc(len, sizeof *items);
    bool right = true;
    int error = -ENOMEM;

    for (uint32_t i = 0; items && i < len; i++)
        items[i].name = names[i];
    if (items)
        error = hash_all(runtime, items, len, emit_sum, &right);
    if (error)
        complain(NULL, strerror(-error));
    free(items);
    return right && !error;
}

static bool run(struct rv_runtime *runtime, char **names, uint32_t len)
{
    bool right = true;

    if (!options.check)
        return sum_files(runtime, names, len);
    for (uint32_t i = 0; i < len; i++)
        right &= check_list(runtime, names[i]);
    return right;
}

int main(int argc, char **argv)
{
    const struct rv_runtime_options fused = {.reactor = RV_REACTOR_FUSED,
                                             .ring.off = program_wants_pool()};
    static char dash[] = "-";
    char *only_stdin[] = {dash, NULL};
    struct rv_runtime *runtime;
    bool right = false;
    int error;

    program_start(1);
    read_options(argc, argv);
    error = digest_setup();
    if (!error)
        error = rv_runtime_start_with(&runtime, &fused);
    if (error) {
        complain(NULL, strerror(-error));
        return 1;
    }
    if (optind < argc)
        right = run(runtime, argv + optind, (uint32_t)(argc - optind));
    else
        right = run(runtime, only_stdin, 1);
    rv_runtime_stop(runtime);
    digest_teardown();
    return right ? 0 : 1;
}
