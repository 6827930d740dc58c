/* SPDX-License-Identifier: MIT */
/* language.c - which language the user reads. */
#include "cli/language.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static bool in_french; /* set once, before there are threads */

const char *language_name(void)
{
    return in_french ? "fr" : "en";
}

const char *say(const char *english, const char *french)
{
    return in_french ? french : english;
}

struct decimal decimal(double value, int digits)
{
    struct decimal number;
    char *point;

    snprintf(number.text, sizeof number.text, "%.*f", digits, value);
    point = strchr(number.text, '.');
    if (point && in_french)
        *point = ',';
    return number;
}

/* The order is that of setlocale(3) for messages. */
static bool environment_is_french(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strncmp(value, "fr", 2) == 0;
    }
    return false;
}

int language_set(const char *name)
{
    if (!name)
        return cli_fail(CLI_USAGE, say("--lang needs a value: fr or en",
                                       "--lang attend une valeur : fr ou en"));
    if (strcmp(name, "fr") != 0 && strcmp(name, "en") != 0)
        return cli_fail(CLI_USAGE,
                        say("--lang %s: must be fr or en",
                            "--lang %s : doit être fr ou en"),
                        name);
    in_french = strcmp(name, "fr") == 0;
    return CLI_OK;
}

/* Take `count` arguments out, from number i on. */
static void take_out(int *argc, char **argv, int i, int count)
{
    for (; i + count <= *argc; i++)
        argv[i] = argv[i + count]; /* the NULL at the end too */
    *argc -= count;
}

int language_choose(int *argc, char **argv, const char *runner)
{
    static const char option[] = "--lang";
    const size_t len = sizeof option - 1;
    int status = CLI_OK;

    in_french = environment_is_french();
    for (int i = 1; i < *argc && status == CLI_OK;) {
        if (strcmp(argv[i], "--") == 0 ||
            (i == 1 && strcmp(argv[i], runner) == 0))
            break;
        if (strcmp(argv[i], option) == 0) {
            status = language_set(argv[i + 1]);
            take_out(argc, argv, i, i + 1 < *argc ? 2 : 1);
        } else if (strncmp(argv[i], option, len) == 0 && argv[i][len] == '=') {
            status = language_set(argv[i] + len + 1);
            take_out(argc, argv, i, 1);
        } else {
            i++;
        }
    }
    return status;
}
