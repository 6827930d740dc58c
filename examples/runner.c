/* SPDX-License-Identifier: MIT */
/*
 * runner.c - run the commands on stdin, some at a time: runner COUNT SECONDS
 *
 *     printf 'sleep 1; date\nls /\n' | runner 2 10
 *
 * The output of a command is printed when it has ended, in one piece, so that
 * commands do not mix theirs. One that takes longer than SECONDS, or writes
 * more than 16 KiB, is killed, and so are all at ctrl-C. The exit status is 1
 * if one of them failed.
 */
#include <errno.h>
#include <limits.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { COMMAND_BYTES = 4096, OUTPUT_BYTES = 16 * 1024, MOST = 1000 };

struct runner {
    int count;
    int seconds;
    int failed;
    struct rv_mutex lock; /* for the reader: one task at a time may read */
    struct rv_reader commands;
};

/* Returns: 1: *command is the next one; 0: there is none; negative errno. */
static int next(struct runner *self, char command[COMMAND_BYTES])
{
    struct rv_text line;
    int n = rv_mutex_lock(&self->lock, RV_NEVER);

    if (n < 0)
        return n;
    n = rv_reader_line(&self->commands, &line, RV_NEVER);
    n = n == -ENOMSG ? 1 : n; /* the last line may lack its end */
    if (n == 1)
        memcpy(command, line.data, line.len_bytes + 1);
    rv_mutex_unlock(&self->lock);
    return n;
}

static void report(struct runner *self, const char *command, int error,
                   int status, const char *output, size_t len)
{
    if (error || status)
        self->failed++;
    if (error)
        printf("- %s: %s\n", command, rv_strerror(error));
    else if (status < 0)
        printf("- %s: %s\n", command, strsignal(-status));
    else
        printf("- %s: exit %d\n", command, status);
    fwrite(output, 1, len, stdout);
    fflush(stdout);
}

/* A task that runs one command after the other. */
static int32_t work(void *arg)
{
    const struct rv_process_options options = {
        .files = {.in = RV_PROCESS_NULL, .err = 1}, .new_group = true};
    struct runner *self = arg;
    char command[COMMAND_BYTES];
    char output[OUTPUT_BYTES];
    char *argv[] = {"sh", "-c", command, NULL};
    size_t len;
    int status;
    int error;
    int n;

    while ((n = next(self, command)) == 1) {
        error = rv_process_output(argv, &options, output, sizeof output, &len,
                                  &status,
                                  rv_after_ms(INT64_C(1000) * self->seconds));
        report(self, command, error, status, output, len);
    }
    return n;
}

static int32_t run_all(void *arg)
{
    static char memory[COMMAND_BYTES];
    struct runner *self = arg;
    struct rv_scope workers;
    struct rv_fd_io in;
    int error = rv_fd_io_init(&in, STDIN_FILENO);
    int first;

    if (error)
        return error;
    rv_mutex_init(&self->lock);
    rv_reader_init(&self->commands, &in.io, memory, sizeof memory);
    rv_scope_init(&workers, rv_executor_current());
    for (int i = 0; i < self->count && !error; i++)
        error = rv_scope_spawn_coro(&workers, work, self, 0, NULL);
    first = rv_scope_wait(&workers);
    rv_mutex_fini(&self->lock);
    rv_fd_io_fini(&in);
    return error ? error : first;
}

/* Returns: the number, from 1 to `most`; 0: it is not such a number. */
static int number(const char *text, long most)
{
    char *end;
    const long value = strtol(text, &end, 10);

    return *end || end == text || value < 1 || value > most ? 0 : (int)value;
}

int main(int argc, char **argv)
{
    static const char usage[] = "runner COUNT SECONDS <COMMANDS";
    struct runner self = {0};

    program_start(1);
    program_usage(argc, argv, 2, 2, usage);
    self.count = number(argv[1], MOST);
    self.seconds = number(argv[2], INT_MAX);
    if (!self.count || !self.seconds)
        program_usage(0, argv, 2, 2, usage);
    return rv_exit_status("runner", rv_run(run_all, &self)) || self.failed;
}
