/* SPDX-License-Identifier: MIT */
/*
 * language.h - English or French, for what the program prints.
 *
 * Both texts stand where they are used: a text cannot be forgotten in one
 * language, and the compiler checks the formats of both.
 */
#ifndef RV_CLI_LANGUAGE_H
#define RV_CLI_LANGUAGE_H

/*
 * Choose by --lang fr or --lang en, which is taken out of the arguments; else
 * by LC_ALL, LC_MESSAGES or LANG, the first that is set. Call it first.
 *
 * runner:  the command that runs another program, whose arguments stay as they
 *          are. It calls language_set() for a --lang of its own.
 * Returns: CLI_OK; CLI_USAGE after a message.
 */
int language_choose(int *argc, char **argv, const char *runner);

/* Choose "fr" or "en"; NULL: the value is missing. Returns: as above. */
int language_set(const char *name);

/* Returns: "en" or "fr". */
const char *language_name(void);

struct decimal {
    char text[32];
};

/* A number with so many digits after the point, in French a comma. */
struct decimal decimal(double value, int digits);

/* Returns: one of the two. Neither is copied. */
const char *say(const char *english, const char *french)
    __attribute__((format_arg(1), format_arg(2)));

#endif /* RV_CLI_LANGUAGE_H */
