/* SPDX-License-Identifier: MIT */
/* tick.c - print a line at regular intervals: tick [COUNT [MILLISECONDS]]
 *
 * Default: ten lines, one per second. The deadlines are absolute: slow writes
 * do not delay the next tick. */
#include <errno.h>
#include <reveil/reveil.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

enum { LINE_BYTES = 32 };

struct tick {
    struct rv_future future;
    long count;
    long i;
    struct rv_interval every;
    struct rv_file *output;
    struct rv_buf *line;
    struct rv_file_op write;
};

static enum rv_poll tick_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct tick *self = RV_CONTAINER_OF(future, struct tick, future);
    struct rv_buf *line = self->line;

    RV_BEGIN(future);
    for (self->i = 1; self->i <= self->count; self->i++) {
        rv_interval_next(&self->every);
        RV_AWAIT(future, cx, &self->every.future);
        line->len_bytes =
            (size_t)snprintf(line->data, LINE_BYTES, "tick %ld\n", self->i);
        rv_file_write_whole_init(&self->write, self->output, line, 0,
                                 RV_FILE_POSITION);
        RV_AWAIT(future, cx, &self->write.future);
        if (self->write.future.result < 0)
            RV_RETURN(future, self->write.future.result);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void tick_drop(struct rv_future *future)
{
    struct tick *self = RV_CONTAINER_OF(future, struct tick, future);

    rv_drop(&self->every.future);
    rv_drop(&self->write.future);
    rv_file_put(self->output);
    self->output = NULL;
    rv_buf_put(self->line);
    self->line = NULL;
}

/* Returns: 0, -ENOMEM. */
static int tick_init(struct tick *self, long count, long ms)
{
    static const struct rv_future_ops ops = {
        .name = "tick", .poll = tick_poll, .drop = tick_drop};

    *self = (struct tick){.count = count, .line = rv_buf_new(LINE_BYTES)};
    rv_future_init(&self->future, &ops);
    rv_interval_init(&self->every, rv_after_ms(ms), ms * RV_NS_PER_MS,
                     RV_TICK_BURST);
    if (!self->line)
        return -ENOMEM;
    return rv_file_of_fd(&self->output, STDOUT_FILENO);
}

static int usage(FILE *where, int status)
{
    fputs("usage: tick [COUNT [MILLISECONDS]]\n", where);
    return status;
}

/* Returns: argument `i`, a number from 1 to a million; `otherwise` if there is
 * none; 0 if it is not such a number. */
static long number(int argc, char **argv, int i, long otherwise)
{
    char *end;
    long value;

    if (i >= argc)
        return otherwise;
    value = strtol(argv[i], &end, 10);
    return *end || end == argv[i] || value < 1 || value > 1000000 ? 0 : value;
}

int main(int argc, char **argv)
{
    const long count = number(argc, argv, 1, 10);
    const long ms = number(argc, argv, 2, 1000);
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    struct tick tick;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 3 || count == 0 || ms == 0)
        return usage(stderr, 2);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error: EPIPE */
    error = rv_runtime_start_with(&runtime, &options);
    if (!error) {
        error = tick_init(&tick, count, ms);
        if (!error)
            error = rv_runtime_block_on(runtime, &tick.future);
        rv_drop(&tick.future);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "tick: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
