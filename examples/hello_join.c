/* SPDX-License-Identifier: MIT */
/* hello_join.c - "Hello world!" by two tasks: hello_join [CORES]
 *
 * A root task starts another one, waits for its end, and continues. Each has
 * its own stack; any worker may run either. */
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

static int32_t hello(void *arg)
{
    (void)arg;
    printf("Hello ");
    return 0;
}

static int32_t root(void *arg)
{
    struct rv_go task;
    int error;

    (void)arg;
    error = rv_go(&task, hello, NULL);
    if (error < 0)
        return error;
    error = rv_go_join(&task);
    if (error < 0)
        return error;
    printf("world!\n");
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
    fprintf(out, "usage: hello_join [CORES]\n");
    return status;
}

int main(int argc, char **argv)
{
    const int workers = argc > 1 ? parse(argv[1], 1024) : 2;
    const struct rv_sched_options options = {.workers = (uint32_t)workers,
                                             .stack_bytes = 16 * 1024};
    struct rv_sched *sched;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 2 || workers < 0)
        return usage(stderr, 2);
    error = rv_sched_start(&sched, &options);
    if (error == 0) {
        error = rv_sched_run(sched, root, NULL);
        rv_sched_stop(sched);
    }
    if (error < 0)
        fprintf(stderr, "hello_join: %s\n", rv_strerror(error));
    return error < 0;
}
