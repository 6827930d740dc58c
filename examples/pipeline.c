/* SPDX-License-Identifier: MIT */
/* pipeline.c - three tasks in a row: numbers, their squares, the sum
 *
 *     count --> [4 slots] --> square --> [4 slots] --> sum
 *
 * Back-pressure: a stage is at most one channel's capacity ahead of the next.
 * At the end of the numbers each stage closes its channel to the next. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

enum { COUNT = 1000, CAPACITY = 4 };

struct stage {
    struct rv_spsc_receiver *input;
    struct rv_spsc_sender *output;
};

static int32_t count(void *arg)
{
    struct stage *stage = arg;
    int32_t error = 0;

    for (int64_t i = 1; i <= COUNT && !error; i++)
        error = rv_spsc_send(stage->output, &i, RV_NEVER);
    rv_spsc_sender_close(stage->output);
    return error;
}

static int32_t square(void *arg)
{
    struct stage *stage = arg;
    int64_t value;
    int32_t error;

    while ((error = rv_spsc_recv(stage->input, &value, RV_NEVER)) == 0) {
        value *= value;
        error = rv_spsc_send(stage->output, &value, RV_NEVER);
        if (error)
            break;
    }
    rv_spsc_receiver_close(stage->input);
    rv_spsc_sender_close(stage->output);
    return error == -EPIPE ? 0
                           : error; /* -EPIPE: no more input, or no reader */
}

static int32_t sum(struct rv_spsc_receiver *input, int64_t *total)
{
    int64_t value;
    int32_t error;

    while ((error = rv_spsc_recv(input, &value, RV_NEVER)) == 0)
        *total += value;
    rv_spsc_receiver_close(input);
    return error == -EPIPE ? 0 : error;
}

static int32_t root(void *arg)
{
    struct stage counting = {.input = NULL};
    struct stage squaring;
    struct rv_spsc_receiver *end;
    struct rv_go tasks[2];
    int32_t started[2];
    int64_t total = 0;
    int32_t error = rv_spsc_new(&counting.output, &squaring.input,
                                sizeof(int64_t), CAPACITY, NULL);

    (void)arg;
    if (error)
        return error;
    error =
        rv_spsc_new(&squaring.output, &end, sizeof(int64_t), CAPACITY, NULL);
    if (error) {
        rv_spsc_sender_close(counting.output);
        rv_spsc_receiver_close(squaring.input);
        return error;
    }
    /* A stage that cannot be started closes its ends all the same: the others
     * see the end of the numbers, and end. */
    started[0] = rv_go(&tasks[0], count, &counting);
    if (started[0] < 0)
        rv_spsc_sender_close(counting.output);
    started[1] = rv_go(&tasks[1], square, &squaring);
    if (started[1] < 0) {
        rv_spsc_receiver_close(squaring.input);
        rv_spsc_sender_close(squaring.output);
    }
    error = sum(end, &total);
    /* The sum is complete only if no stage has failed. */
    for (int i = 0; i < 2; i++) {
        const int32_t result =
            started[i] < 0 ? started[i] : rv_go_join(&tasks[i]);

        error = error ? error : result;
    }
    if (!error)
        printf("1^2 + ... + %d^2 = %lld\n", COUNT, (long long)total);
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: pipeline [--help]\n", where);
    return status;
}

int main(int argc, char **argv)
{
    struct rv_sched *sched;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 1)
        return usage(stderr, 2);
    error = rv_sched_start(&sched, NULL);
    if (!error) {
        error = rv_sched_run(sched, root, NULL);
        rv_sched_stop(sched);
    }
    if (error)
        fprintf(stderr, "pipeline: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
