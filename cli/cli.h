/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the commands of the program share.
 *
 * A command gets its own arguments: argv[0] is, for example, "reveil get". It
 * returns the exit status: 0; 1: something failed; 2: wrong usage.
 */
#ifndef RV_CLI_H
#define RV_CLI_H

#include <reveil/runtime.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

int cmd_bench(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_timeline(int argc, char **argv);

/* What a signal does: SIG_DFL, SIG_IGN, or a handler. */
typedef void (*cli_signal_action)(int number);

/* Ignore SIGPIPE, so that a write() to a closed pipe returns EPIPE; and undo
 * that, for a program that is started: it may have been ignored before. */
void cli_ignore_sigpipe(void);
void cli_restore_sigpipe(void);

/* Returns: one of the arguments is --help or -h. */
bool cli_wants_help(int argc, char **argv);

/*
 * Parse the value of --NAME, a decimal number from `low` to `high`. Returns:
 * CLI_OK; CLI_USAGE after a message.
 */
int cli_number(const char *name, const char *text, int64_t low, int64_t high,
               int64_t *out);

/*
 * Parse the value of --reactor: "thread" or "fused". Returns: CLI_OK; CLI_USAGE
 * after a message.
 */
int cli_reactor(const char *text, enum rv_reactor_mode *out);

/* Print "reveil: " and the message as one line on stderr. Returns: status. */
int cli_fail(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns: the meaning of a negative errno of the library, in words. */
const char *cli_error_text(int error);

/*
 * Check that `count` more descriptors can be opened, at most CLI_FDS_CHECKED.
 * For a program with an embedded server, before it connects: a server without
 * descriptors cannot accept, and both would wait forever.
 *
 * Returns: 0, -EMFILE, -ENFILE.
 */
int cli_check_fds(size_t count);

enum { CLI_FDS_CHECKED = 16 };

#endif /* RV_CLI_H */
