/* SPDX-License-Identifier: MIT */
/* thread.c - sums on bare threads: thread IOS CPUS [one]
 *
 * IOS tasks, each of which waits for CPUS jobs, one after the other: job i of
 * task j adds i and j. With `one`, the tasks come one after the other too, so
 * that only one job runs at a time. The executor's thread does not
 * compute, and no thread takes a lock: jobs and results go through pipes. */
#include <errno.h>
#include <inttypes.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

struct sum {
    uint32_t a;
    uint32_t b;
};

/* Pure: it uses only its state, so it may run on a thread without libc. */
static int32_t sum_call(void *state, void *result)
{
    const struct sum *sum = state;

    (void)result;
    return (int32_t)((sum->a + sum->b) & INT32_MAX);
}

static int new_sum(struct rv_callable **out, uint32_t a, uint32_t b)
{
    static const struct rv_callable_ops ops = {.name = "sum",
                                               .call = sum_call,
                                               .state_bytes =
                                                   sizeof(struct sum),
                                               .pure = true};

    return rv_callable_new(out, &ops, &(struct sum){a, b});
}

/* --- one task: CPUS jobs ----------------------------------------------- */

struct totals {
    uint64_t jobs;
    uint64_t sum;
};

struct row {
    struct rv_future future;
    struct rv_cpu job;
    struct totals *totals;
    uint32_t j;
    uint32_t i;
    uint32_t cpus;
};

static enum rv_poll row_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct row *self = RV_CONTAINER_OF(future, struct row, future);
    struct rv_callable *callable;

    RV_BEGIN(future);
    for (; self->i < self->cpus; self->i++) {
        if (new_sum(&callable, self->i, self->j))
            RV_RETURN(future, -ENOMEM);
        rv_cpu_init(&self->job, callable);
        RV_AWAIT(future, cx, &self->job.future);
        if (self->job.future.result < 0)
            RV_RETURN(future, self->job.future.result);
        self->totals->sum += (uint64_t)self->job.future.result;
        self->totals->jobs++;
        rv_drop(&self->job.future);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void row_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct row, future)->job.future);
}

/* --- all of them ------------------------------------------------------- */

struct table {
    struct rv_future future;
    struct rv_executor *executor;
    struct totals totals;
    uint32_t ios;
    uint32_t cpus;
    bool one;
    uint32_t j;
    uint32_t done;
    struct rv_join *joins;
};

static int spawn_row(struct table *self)
{
    static const struct rv_future_ops ops = {
        .name = "row", .poll = row_poll, .drop = row_drop};
    struct row *row = rv_alloc(sizeof *row);
    int error;

    if (!row)
        return -ENOMEM;
    rv_future_init(&row->future, &ops);
    row->totals = &self->totals;
    row->j = self->j;
    row->cpus = self->cpus;
    error = rv_spawn(self->executor, &row->future, &self->joins[self->j]);
    if (error)
        rv_free(row);
    return error;
}

static enum rv_poll table_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct table *self = RV_CONTAINER_OF(future, struct table, future);
    int error = 0;

    RV_BEGIN(future);
    for (self->j = 0; self->j < self->ios; self->j++) {
        error = spawn_row(self);
        if (error)
            RV_RETURN(future, error);
        if (!self->one && self->j + 1 < self->ios)
            continue;
        for (; self->done <= self->j; self->done++) {
            RV_AWAIT(future, cx, &self->joins[self->done].future);
            if (self->joins[self->done].future.result)
                RV_RETURN(future, self->joins[self->done].future.result);
            rv_join_drop(&self->joins[self->done]);
        }
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static int compute(struct rv_runtime *runtime, struct table *table)
{
    static const struct rv_future_ops ops = {.name = "table",
                                             .poll = table_poll};
    int error;

    rv_future_init(&table->future, &ops);
    table->executor = rv_runtime_executor(runtime);
    table->joins = rv_alloc((table->ios + 1) * sizeof *table->joins);
    if (!table->joins)
        return -ENOMEM;
    error = rv_runtime_block_on(runtime, &table->future);
    for (uint32_t j = 0; j < table->ios; j++)
        rv_join_drop(&table->joins[j]);
    rv_free(table->joins);
    return error;
}

/* Returns: -1 if it is not a number from 0 to 1,000,000. */
static int64_t parse(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    return *text && !*end && number >= 0 && number <= 1000000 ? number : -1;
}

static int usage(FILE *where, int status)
{
    fputs("usage: thread IOS CPUS [one]\n", where);
    return status;
}

int main(int argc, char **argv)
{
    /* Fused: a single event takes less time without a reactor thread. */
    const struct rv_runtime_options options = {
        .reactor = RV_REACTOR_FUSED, .ring.off = program_wants_pool()};
    const int64_t ios = argc > 2 ? parse(argv[1]) : -1;
    const int64_t cpus = argc > 2 ? parse(argv[2]) : -1;
    const bool one = argc == 4 && !strcmp(argv[3], "one");
    struct table table = {
        .ios = (uint32_t)ios, .cpus = (uint32_t)cpus, .one = one};
    struct rv_runtime *runtime;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (ios < 0 || cpus < 0 || argc > 4 || (argc == 4 && !one))
        return usage(stderr, 2);
    error = rv_runtime_start_with(&runtime, &options);
    if (!error) {
        error = compute(runtime, &table);
        rv_runtime_stop(runtime);
    }
    if (error) {
        fprintf(stderr, "thread: %s\n", rv_strerror(error));
        return 1;
    }
    printf("%" PRIu64 " jobs, the sum of their sums is %" PRIu64 "\n",
           table.totals.jobs, table.totals.sum);
    return 0;
}
