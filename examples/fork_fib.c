/* SPDX-License-Identifier: MIT */
/* fork_fib.c - Fibonacci numbers the hard way: fork_fib [N [CORES]]
 *
 * Each call forks one half of its work. A fork that no worker steals is called
 * as a function, so it costs little more than the call that it replaces. */
#include <inttypes.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

struct fib {
    int n;
    uint64_t value;
};

static uint64_t fib(int n);

static void fib_part(void *arg)
{
    struct fib *part = arg;

    part->value = fib(part->n);
}

static uint64_t fib(int n)
{
    struct fib left = {.n = n - 1};
    struct rv_fork fork;
    uint64_t right;

    if (n < 2)
        return (uint64_t)n;
    rv_fork(&fork, fib_part, &left);
    right = fib(n - 2);
    rv_sync(&fork);
    return left.value + right;
}

static int32_t root(void *arg)
{
    fib_part(arg);
    return 0;
}

/* Returns: the number; -1 if the text is not a number up to `most`. */
static int parse(const char *text, long most)
{
    char *end;
    const long number = strtol(text, &end, 10);

    return *text && !*end && number >= 0 && number <= most ? (int)number : -1;
}

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: fork_fib [N [CORES]]\n");
    return status;
}

int main(int argc, char **argv)
{
    struct fib whole = {.n = argc > 1 ? parse(argv[1], 60) : 27};
    const int workers = argc > 2 ? parse(argv[2], 1024) : 0;
    const struct rv_sched_options options = {.workers = (uint32_t)workers};
    struct rv_sched *sched;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 3 || whole.n < 0 || workers < 0)
        return usage(stderr, 2);
    error = rv_sched_start(&sched, &options);
    if (error == 0) {
        error = rv_sched_run(sched, root, &whole);
        rv_sched_stop(sched);
    }
    if (error < 0) {
        fprintf(stderr, "fork_fib: %s\n", rv_strerror(error));
        return 1;
    }
    printf("fib(%d) = %" PRIu64 "\n", whole.n, whole.value);
    return 0;
}
