/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the commands of the program share.
 *
 * A command gets its own arguments: argv[0] is "reveil get", say. It returns
 * the exit status: 0, 1 when something failed, 2 for wrong usage.
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

/* One of the arguments is --help or -h. */
bool cli_wants_help(int argc, char **argv);

/* A decimal number from `low` to `high`, all of the text. */
bool cli_integer(const char *text, int64_t low, int64_t high, int64_t *out);

/*
 * The value of --reactor: "thread" or "fused". Returns: CLI_OK, or CLI_USAGE
 * with its message printed.
 */
int cli_reactor(const char *text, enum rv_reactor_mode *out);

/* "reveil: " and the message as one line on stderr. Returns: `status`. */
int cli_fail(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a negative errno of the library means, in plain words. */
const char *cli_error_text(int error);

/* Write all, whatever stdout is. Returns: 0, negative errno. */
int cli_write(int fd, const void *data, size_t len_bytes);

/*
 * See whether so many more descriptors can be opened now, at most
 * CLI_FDS_CHECKED. A program that is its own server asks before it connects:
 * the server could not accept, and both would wait for ever.
 *
 * Returns: 0, -EMFILE, -ENFILE.
 */
int cli_check_fds(size_t count);

enum { CLI_FDS_CHECKED = 16 };

/* As many descriptors as the system allows. Returns: how many. */
size_t cli_raise_fd_limit(void);

#endif /* RV_CLI_H */
