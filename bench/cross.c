/* SPDX-License-Identifier: MIT */
/* cross.c - see cross.h. */
#include "cross.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { WARM_UP = 100000 };

struct sender {
    const struct cross *cross;
    int64_t ops;
};

void cross_check(uint64_t value, int64_t expected)
{
    if (value == (uint64_t)expected)
        return;
    fprintf(stderr, "a value that was not next\n");
    exit(1);
}

static void *send_all(void *arg)
{
    const struct sender *sender = arg;
    const struct cross *cross = sender->cross;
    int64_t sent = 0;

    while (sent < sender->ops) {
        int64_t n = cross->send(cross->queue, sent, sender->ops);

        sent += n;
        if (n == 0)
            sched_yield();
    }
    return NULL;
}

void cross_run(const struct cross *cross, int64_t ops)
{
    struct sender sender = {.cross = cross, .ops = ops};
    int64_t received = 0;
    pthread_t thread;

    bench_check(-pthread_create(&thread, NULL, send_all, &sender), "thread");
    while (received < ops) {
        int64_t n = cross->receive(cross->queue, received);

        received += n;
        if (n == 0)
            sched_yield();
    }
    pthread_join(thread, NULL);
}

int cross_main(const struct cross *cross, int64_t ops)
{
    struct bench_span span;

    cross_run(cross, WARM_UP);
    bench_start(&span);
    cross_run(cross, ops);
    bench_stop(&span);
    bench_print(&span, ops, "");
    return 0;
}
