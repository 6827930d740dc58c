/* SPDX-License-Identifier: MIT */
/* main.c - the program `reveil`: find the command and run it. */
#include <stdio.h>
#include <string.h>

#include "../examples/program.h"
#include "cli/cli.h"
#include "cli/language.h"

struct command {
    const char *name;
    const char *full_name; /* for its messages */
    const char *summary;
    const char *summary_fr;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"bench", "reveil bench", "what an operation costs, here and in peers",
     "ce que coûte une opération, ici et ailleurs", cmd_bench},
    {"compare", "reveil compare", "compare busy polling, epoll and wakers",
     "compare sondage actif, epoll et wakers", cmd_compare},
    {"demo", "reveil demo", "watch two GETs: who sleeps, who wakes whom",
     "regardez deux GET : qui dort, qui réveille qui", cmd_demo},
    {"doctor", "reveil doctor", "how files are read and written here, and why",
     "comment les fichiers sont lus et écrits ici, et pourquoi", cmd_doctor},
    {"get", "reveil get", "fetch URLs concurrently",
     "lit des URL en même temps", cmd_get},
    {"serve", "reveil serve", "the delay server: responds after a delay",
     "le serveur de délais : répond après un délai", cmd_serve},
    {"timeline", "reveil timeline",
     "run a program on the library and show it step by step",
     "lance un programme sur la bibliothèque et le montre pas à pas",
     cmd_timeline},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
    puts(say("reveil - an asynchronous runtime, built to be read\n\n"
             "usage: reveil COMMAND [ARGUMENT...]\n",
             "reveil - un runtime asynchrone, fait pour être lu\n\n"
             "usage : reveil COMMANDE [ARGUMENT...]\n"));
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-9s %s\n", commands[i].name,
               say(commands[i].summary, commands[i].summary_fr));
    puts(say("\n'reveil COMMAND --help' describes a command. --lang fr|en "
             "chooses the language.",
             "\n« reveil COMMANDE --help » décrit une commande. --lang fr|en "
             "choisit la langue."));
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

int main(int argc, char **argv)
{
    int status;

    program_start(CLI_FAILED);
    status = language_choose(&argc, argv, "timeline");
    if (status != CLI_OK)
        return status;
    cli_ignore_sigpipe();

    if (argc < 2 || is_help(argv[1])) {
        print_help();
        return CLI_OK;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        char name[32];

        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        /* getopt_long() begins its messages with argv[0]. */
        snprintf(name, sizeof name, "%s", commands[i].full_name);
        argv[1] = name;
        return commands[i].run(argc - 1, argv + 1);
    }
    return cli_fail(CLI_USAGE,
                    say("no command '%s': see 'reveil --help'",
                        "pas de commande « %s » : voir « reveil --help »"),
                    argv[1]);
}
