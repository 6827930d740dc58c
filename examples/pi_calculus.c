/* SPDX-License-Identifier: MIT */
/* pi_calculus.c - send a channel through a channel
 *
 * The idea of the pi-calculus: channels carry channels, so the connections
 * between processes change while the program runs. Here a client knows only the
 * broker, and sends it a channel for the answer. The broker passes it to the
 * worker, which the client does not know, and the worker answers the client:
 *
 *     client(broker)  = (new answer) broker!answer . answer?x . print x
 *     broker(worker)  = broker?c . worker!c . broker(worker)
 *     worker          = worker?c . c!(6 * 7) . worker */
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

/* The element of the first two channels: a channel for the answer. */
typedef struct rv_oneshot_sender *answer_channel;

struct world {
    struct rv_spsc_sender *to_broker;
    struct rv_spsc_receiver *from_client;
    struct rv_spsc_sender *to_worker;
    struct rv_spsc_receiver *from_broker;
};

static void close_answer(void *item)
{
    rv_oneshot_sender_close(*(answer_channel *)item);
}

static int32_t client(void *arg)
{
    struct world *world = arg;
    struct rv_oneshot_receiver *answer;
    answer_channel channel;
    int32_t error = rv_oneshot_new(&channel, &answer, sizeof(int), NULL);
    int x;

    if (!error) {
        error = rv_spsc_send(world->to_broker, &channel, RV_NEVER);
        if (error)
            rv_oneshot_sender_close(channel);
        else
            error = rv_oneshot_recv(answer, &x, RV_NEVER);
        rv_oneshot_receiver_close(answer);
    }
    if (!error)
        printf("the answer is %d\n", x);
    rv_spsc_sender_close(world->to_broker);
    return error;
}

static int32_t broker(void *arg)
{
    struct world *world = arg;
    answer_channel channel;

    while (rv_spsc_recv(world->from_client, &channel, RV_NEVER) == 0)
        if (rv_spsc_send(world->to_worker, &channel, RV_NEVER) < 0)
            rv_oneshot_sender_close(channel);
    rv_spsc_receiver_close(world->from_client);
    rv_spsc_sender_close(world->to_worker);
    return 0;
}

static int32_t worker(void *arg)
{
    struct world *world = arg;
    answer_channel channel;

    while (rv_spsc_recv(world->from_broker, &channel, RV_NEVER) == 0)
        rv_oneshot_send(channel, &(int){6 * 7});
    rv_spsc_receiver_close(world->from_broker);
    return 0;
}

static int32_t root(void *arg)
{
    static const struct rv_channel_options answers = {.drop_element =
                                                          close_answer};
    struct world world;
    struct rv_go tasks[2];
    int32_t result, worker_error;
    int32_t error = rv_spsc_new(&world.to_broker, &world.from_client,
                                sizeof(answer_channel), 1, &answers);

    (void)arg;
    if (error)
        return error;
    error = rv_spsc_new(&world.to_worker, &world.from_broker,
                        sizeof(answer_channel), 1, &answers);
    if (error) {
        rv_spsc_sender_close(world.to_broker);
        rv_spsc_receiver_close(world.from_client);
        return error;
    }
    /* One that cannot be started runs here, at the end: it closes its ends. */
    const bool has_broker = rv_go(&tasks[0], broker, &world) == 0;
    const bool has_worker = rv_go(&tasks[1], worker, &world) == 0;

    result = client(&world);
    error = has_broker ? rv_go_join(&tasks[0]) : broker(&world);
    worker_error = has_worker ? rv_go_join(&tasks[1]) : worker(&world);
    if (!result)
        result = error;
    return result ? result : worker_error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: pi_calculus [--help]\n", where);
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
        fprintf(stderr, "pi_calculus: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
