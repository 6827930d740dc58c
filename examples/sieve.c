/* SPDX-License-Identifier: MIT */
/* sieve.c - primes from a chain of tasks and channels: sieve [COUNT]
 *
 *     2, 3, 4, 5, ... --> no 2s --> no 3s --> no 5s --> ...
 *
 * The first number that comes out of the chain is a prime. A filter for it is
 * added to the end of the chain. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { CAPACITY = 16 };

struct filter {
    struct rv_spsc_receiver *input; /* NULL: the source of all numbers */
    struct rv_spsc_sender *output;
    int prime;
};

static int32_t filter_main(void *arg)
{
    struct filter *filter = arg;
    int number = 2;
    int error = 0;

    while (!error) {
        if (filter->input)
            error = rv_spsc_recv(filter->input, &number, RV_NEVER);
        if (!error && (!filter->input || number % filter->prime != 0))
            error = rv_spsc_send(filter->output, &number, RV_NEVER);
        number += !filter->input;
    }
    rv_spsc_receiver_close(filter->input);
    rv_spsc_sender_close(filter->output);
    rv_free(filter);
    return 0; /* -EPIPE: the next filter has closed */
}

/* Add a filter that reads from *end, and set *end to its output. Owns: the
 * filter owns the old end; on an error it is closed. */
static int add_filter(struct rv_spsc_receiver **end, int prime)
{
    struct filter *filter = rv_alloc(sizeof *filter);
    int error = -ENOMEM;

    if (!filter)
        goto fail_close;
    filter->input = *end;
    filter->prime = prime;
    error = rv_spsc_new(&filter->output, end, sizeof(int), CAPACITY, NULL);
    if (error)
        goto fail_free;
    error = rv_go(NULL, filter_main, filter);
    if (!error)
        return 0;
    rv_spsc_sender_close(filter->output);
    rv_spsc_receiver_close(*end);
    *end = filter->input;
fail_free:
    rv_free(filter);
fail_close:
    rv_spsc_receiver_close(*end);
    *end = NULL;
    return error;
}

static int32_t root(void *arg)
{
    const int count = *(int *)arg;
    struct rv_spsc_receiver *end = NULL;
    int error = add_filter(&end, 0);
    int prime;

    for (int i = 0; i < count && !error; i++) {
        error = rv_spsc_recv(end, &prime, RV_NEVER);
        if (error)
            break;
        printf("%d\n", prime);
        if (i < count - 1)
            error = add_filter(&end, prime);
    }
    rv_spsc_receiver_close(end); /* each filter then closes the one before */
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: sieve [COUNT] (up to 1,000)\n", where);
    return status;
}

int main(int argc, char **argv)
{
    struct rv_sched *sched;
    char *rest = "";
    long number = 10;
    int count;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 1)
        number = strtol(argv[1], &rest, 10);
    if (argc > 2 || *rest || number < 1 || number > 1000)
        return usage(stderr, 2);
    count = (int)number;
    error = rv_sched_start(&sched, NULL);
    if (!error) {
        error = rv_sched_run(sched, root, &count);
        rv_sched_stop(sched);
    }
    if (error)
        fprintf(stderr, "sieve: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
