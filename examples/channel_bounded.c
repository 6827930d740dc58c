/* SPDX-License-Identifier: MIT */
/* channel_bounded.c - three values through a channel with room for two
 *
 *     channel_bounded             the reader runs beside the writer
 *     channel_bounded stuck       the reader is started too late
 *
 * The second is a deadlock: it sends three times and then starts the reader.
 * The third send waits for a receive, but the reader does not run yet. The
 * scheduler detects the deadlock and reports it. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

static int32_t reader(void *arg)
{
    struct rv_spsc_receiver *receiver = arg;
    int32_t error;
    int value;

    while ((error = rv_spsc_recv(receiver, &value, RV_NEVER)) ==
           0) /* waits for a send */
        printf("%d\n", value);
    rv_spsc_receiver_close(receiver);
    return error == -EPIPE ? 0 : error; /* -EPIPE: the writer has closed */
}

static int32_t send_three(struct rv_spsc_sender *sender)
{
    int32_t error = 0;

    for (int value = 41; value <= 43 && !error; value++)
        error =
            rv_spsc_send(sender, &value, RV_NEVER); /* 43 waits for a receive */
    return error;
}

static int32_t writer(void *arg)
{
    static const struct rv_channel_options numbers = {.name = "numbers"};
    const bool too_late = *(bool *)arg;
    int32_t read;
    struct rv_spsc_receiver *receiver;
    struct rv_spsc_sender *sender;
    struct rv_go task = {.task = NULL};
    int32_t error = rv_spsc_new(&sender, &receiver, sizeof(int), 2, &numbers);

    if (error)
        return error;
    if (!too_late)
        error = rv_go(&task, reader, receiver);
    if (!error)
        error = send_three(sender);
    if (!error && too_late)
        error = rv_go(&task, reader, receiver);
    rv_spsc_sender_close(sender); /* the reader's next receive returns -EPIPE */
    if (!task.task) {
        rv_spsc_receiver_close(receiver);
        return error;
    }
    read = rv_go_join(&task);
    return error ? error : read;
}

static int usage(FILE *where, int status)
{
    fputs("usage: channel_bounded [stuck]\n", where);
    return status;
}

int main(int argc, char **argv)
{
    bool too_late = argc == 2 && strcmp(argv[1], "stuck") == 0;
    struct rv_sched *sched;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 1 && !too_late)
        return usage(stderr, 2);
    error = rv_sched_start(&sched, NULL);
    if (!error) {
        error = rv_sched_run(sched, writer, &too_late);
        if (error == -EDEADLK)
            fputs(rv_sched_deadlock(sched), stdout);
        rv_sched_stop(sched);
    }
    if (error)
        fprintf(stderr, "channel_bounded: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
