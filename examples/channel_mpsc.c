/* SPDX-License-Identifier: MIT */
/* channel_mpsc.c - two tasks send to one: [41, 42] or [42, 41] */
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

struct work {
    struct rv_mpsc_sender *sender;
    int value;
};

static int32_t send_value(void *arg)
{
    struct work *work = arg;
    int32_t error = rv_mpsc_send(work->sender, &work->value); /* never waits */

    rv_mpsc_sender_close(work->sender);
    return error;
}

static int32_t receive_two(struct rv_mpsc_receiver *receiver)
{
    int values[2];
    int32_t error;

    for (int i = 0; i < 2; i++) {
        error =
            rv_mpsc_recv(receiver, &values[i], RV_NEVER); /* waits for a send */
        if (error)
            return error;
    }
    printf("[%d, %d]\n", values[0], values[1]);
    return 0;
}

static int32_t root(void *arg)
{
    struct work works[2] = {{.value = 41}, {.value = 42}};
    struct rv_go tasks[2] = {{.task = NULL}};
    struct rv_mpsc_receiver *receiver;
    struct rv_mpsc_sender *sender;
    int32_t error = rv_mpsc_new(&sender, &receiver, sizeof(int), NULL);

    (void)arg;
    if (error)
        return error;
    for (int i = 0; i < 2 && !error; i++) {
        error = rv_mpsc_sender_clone(sender, &works[i].sender);
        if (!error)
            error = rv_go(&tasks[i], send_value, &works[i]);
        if (error)
            rv_mpsc_sender_close(works[i].sender);
    }
    rv_mpsc_sender_close(sender);
    if (!error)
        error = receive_two(receiver);
    for (int i = 0; i < 2; i++) {
        const int32_t result = tasks[i].task ? rv_go_join(&tasks[i]) : 0;

        error = error ? error : result;
    }
    rv_mpsc_receiver_close(receiver);
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: channel_mpsc [--help]\n", where);
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
        fprintf(stderr, "channel_mpsc: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
