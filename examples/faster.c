/* SPDX-License-Identifier: MIT */
/* faster.c - which is faster, you or the clock? faster MILLISECONDS
 *
 * A select of a timer and a read of stdin. The loser is dropped: a read is
 * canceled, and input that arrives later stays unread. Exit: 0 you, 1 the
 * clock. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

enum { LINE_BYTES = 256, THE_CLOCK = 0, FAILED = 3 };

/* Returns: 0 the clock, 1 the read, negative errno. */
static int race(struct rv_runtime *runtime, long ms, struct rv_file *input,
                struct rv_buf *line)
{
    struct rv_sleep sleep;
    struct rv_file_op read;
    struct rv_future *either[] = {&sleep.future, &read.future};
    struct rv_select select;
    int winner;

    rv_sleep_init(&sleep, rv_after_ms(ms));
    rv_file_read_init(&read, input, line, RV_FILE_POSITION);
    rv_select_init(&select, either, 2);
    winner = rv_runtime_block_on(runtime, &select.future);
    if (winner > THE_CLOCK && read.future.result < 0)
        winner = read.future.result;
    rv_drop(&select.future);
    rv_drop(&read.future);
    return winner;
}

static void report(int winner, const struct rv_buf *line)
{
    if (winner == THE_CLOCK)
        puts("the clock was faster");
    else if (line->len_bytes == 0)
        puts("you were faster, and said nothing");
    else
        printf("you were faster: %.*s\n", (int)strcspn(line->data, "\n"),
               line->data);
}

static int usage(FILE *where, int status)
{
    fputs("usage: faster MILLISECONDS\n", where);
    return status;
}

/* Returns: as race(); -ENOMEM. */
static int run(long ms)
{
    struct rv_buf *line = rv_buf_new(LINE_BYTES);
    struct rv_file *input = NULL;
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    int winner = rv_runtime_start_with(&runtime, &options);

    if (!winner) {
        winner = line ? rv_file_of_fd(&input, STDIN_FILENO) : -ENOMEM;
        if (!winner) {
            line->cap_bytes--; /* room for the NUL */
            winner = race(runtime, ms, input, line);
        }
        if (winner >= 0)
            report(winner, line);
        rv_file_put(input);
        rv_runtime_stop(runtime);
    }
    rv_buf_put(line);
    return winner;
}

int main(int argc, char **argv)
{
    char *end = "";
    long ms = argc == 2 ? strtol(argv[1], &end, 10) : 0;
    int winner;

    program_start(FAILED);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc != 2 || *end || end == argv[1] || ms < 0)
        return usage(stderr, 2);
    winner = run(ms);
    if (winner >= 0)
        return winner == THE_CLOCK ? 1 : 0;
    fprintf(stderr, "faster: %s\n", rv_strerror(winner));
    return FAILED;
}
