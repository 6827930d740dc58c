/* SPDX-License-Identifier: MIT */
/* channel_publisher.c - events, four at a time, to two subscribers
 *
 * Each subscriber reads what was published: 0, 1, 2, 3. It commits after it has
 * read the events: from then on the publisher may overwrite them. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

enum { BATCH = 4, BATCHES = 3, SUBSCRIBERS = 2 };

static int32_t subscriber_main(void *arg)
{
    struct rv_subscriber *subscriber = arg;
    struct rv_events events;
    char line[80];
    int n;

    while ((n = rv_subscriber_recv(subscriber, BATCH, &events, RV_NEVER)) > 0) {
        int len = 0;

        for (uint32_t i = 0; i < (uint32_t)n; i++)
            len += snprintf(line + len, sizeof line - (size_t)len, " %u",
                            *(uint32_t *)rv_events_at(&events, i));
        puts(line + 1);
        rv_subscriber_commit(subscriber);
    }
    rv_subscriber_close(subscriber);
    return n == -EPIPE ? 0 : n; /* the publisher has closed */
}

static int32_t publish(struct rv_publisher *publisher)
{
    struct rv_events events;
    uint32_t number = 0;

    for (int batch = 0; batch < BATCHES; batch++) {
        /* Waits while the ring is full of events not yet committed. */
        int32_t error =
            rv_publisher_reserve(publisher, BATCH, &events, RV_NEVER);

        if (error)
            return error;
        for (uint32_t i = 0; i < BATCH; i++)
            *(uint32_t *)rv_events_at(&events, i) = number++;
        rv_publisher_commit(publisher);
    }
    return 0;
}

static int32_t root(void *arg)
{
    struct rv_go tasks[SUBSCRIBERS] = {{.task = NULL}};
    struct rv_publisher *publisher;
    struct rv_subscriber *subscriber;
    int32_t error =
        rv_publisher_new(&publisher, sizeof(uint32_t), 2 * BATCH, NULL);

    (void)arg;
    if (error)
        return error;
    for (int i = 0; i < SUBSCRIBERS && !error; i++) {
        error = rv_publisher_subscribe(publisher, RV_FROM_NEXT, &subscriber);
        if (error)
            break;
        error = rv_go(&tasks[i], subscriber_main, subscriber);
        if (error)
            rv_subscriber_close(subscriber);
    }
    if (!error)
        error = publish(publisher);
    rv_publisher_close(publisher);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        const int32_t result = tasks[i].task ? rv_go_join(&tasks[i]) : 0;

        error = error ? error : result;
    }
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: channel_publisher [--help]\n", where);
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
        fprintf(stderr, "channel_publisher: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
