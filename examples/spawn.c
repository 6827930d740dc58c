/* SPDX-License-Identifier: MIT */
/* spawn.c - count primes on the CPU pool: spawn NUMBER...
 *
 * One job per number, all at once. While they compute, the executor's thread is
 * free: it counts ticks of a millisecond. The call is pure, so it may run on a
 * bare thread; a call that needs libc omits `pure`, and runs on a pthread. */
#include <errno.h>
#include <inttypes.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* state: uint32_t, the limit. Returns: how many primes are below it. */
static int32_t count_primes(void *state, void *result)
{
    const uint32_t limit = *(uint32_t *)state;
    int32_t count = 0;

    (void)result;
    for (uint32_t n = 2; n < limit; n++) {
        uint32_t d = 2;

        while (d <= n / d && n % d)
            d++;
        count += d > n / d;
    }
    return count;
}

static int start_count(struct rv_cpu *job, uint32_t limit)
{
    static const struct rv_callable_ops ops = {.name = "primes",
                                               .call = count_primes,
                                               .state_bytes = sizeof limit,
                                               .pure = true};
    struct rv_callable *callable;
    int error = rv_callable_new(&callable, &ops, &limit);

    if (!error)
        rv_cpu_init(job, callable);
    return error;
}

struct count {
    struct rv_future future;
    struct rv_cpu *jobs;
    const uint32_t *limits;
    uint32_t len;
    uint32_t i;
    uint32_t done;
    struct rv_interval tick;
    uint32_t ticks;
};

/* Poll the unfinished jobs. Returns: true when all have finished. */
static bool poll_jobs(struct count *self, struct rv_cx *cx)
{
    for (uint32_t i = 0; i < self->len; i++)
        if (self->jobs[i].future.at != RV_AT_END)
            self->done += rv_poll(&self->jobs[i].future, cx) == RV_READY;
    return self->done == self->len;
}

static bool poll_tick(struct count *self, struct rv_cx *cx)
{
    if (rv_poll(&self->tick.future, cx) == RV_PENDING)
        return false;
    self->ticks++;
    rv_interval_next(&self->tick);
    return true;
}

static enum rv_poll count_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct count *self = RV_CONTAINER_OF(future, struct count, future);

    if (poll_jobs(self, cx))
        return RV_READY;
    while (poll_tick(self, cx))
        ;
    return RV_PENDING;
}

static void count_drop(struct rv_future *future)
{
    struct count *self = RV_CONTAINER_OF(future, struct count, future);

    for (uint32_t i = 0; i < self->len; i++)
        rv_drop(&self->jobs[i].future);
    rv_drop(&self->tick.future);
}

/* Returns: 0, negative errno. */
static int run(struct rv_runtime *runtime, struct count *count)
{
    static const struct rv_future_ops ops = {
        .name = "count", .poll = count_poll, .drop = count_drop};
    int error = 0;

    rv_future_init(&count->future, &ops);
    rv_interval_init(&count->tick, rv_after_ms(1), RV_NS_PER_MS, RV_TICK_SKIP);
    rv_interval_next(&count->tick);
    for (uint32_t i = 0; i < count->len && !error; i++)
        error = start_count(&count->jobs[i], count->limits[i]);
    if (!error)
        error = rv_runtime_block_on(runtime, &count->future);
    for (uint32_t i = 0; i < count->len && !error; i++) {
        error =
            count->jobs[i].future.result < 0 ? count->jobs[i].future.result : 0;
        if (!error)
            printf("%" PRId32 " primes below %" PRIu32 "\n",
                   count->jobs[i].future.result, count->limits[i]);
    }
    rv_drop(&count->future);
    return error;
}

static uint32_t *parse(int argc, char **argv)
{
    uint32_t *limits = calloc((size_t)argc, sizeof *limits);

    for (int i = 1; limits && i < argc; i++) {
        char *end;
        unsigned long limit = strtoul(argv[i], &end, 10);

        if (*end || end == argv[i] || limit > INT32_MAX) {
            free(limits);
            return NULL;
        }
        limits[i - 1] = (uint32_t)limit;
    }
    return limits;
}

static int usage(FILE *where, int status)
{
    fputs("usage: spawn NUMBER...\n", where);
    return status;
}

int main(int argc, char **argv)
{
    struct count count = {.len = (uint32_t)argc - 1};
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    uint32_t *limits;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    limits = argc > 1 ? parse(argc, argv) : NULL;
    if (!limits)
        return usage(stderr, 2);
    count.limits = limits;
    count.jobs = calloc(count.len, sizeof *count.jobs);
    error = count.jobs ? rv_runtime_start_with(&runtime, &options) : -ENOMEM;
    if (!error) {
        error = run(runtime, &count);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "spawn: %s\n", rv_strerror(error));
    else
        printf("the executor ticked %s meanwhile\n",
               count.ticks ? "on" : "not once");
    free(count.jobs);
    free(limits);
    return error ? 1 : 0;
}
