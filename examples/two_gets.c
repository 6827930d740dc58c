/* SPDX-License-Identifier: MIT */
/* two_gets.c - fetch two URLs, one after the other: two_gets URL URL */
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

struct two_gets {
    struct rv_future future; /* first: this struct is a future */
    struct rv_http_get get;
    const char **urls;
    int i;
};

static enum rv_poll two_gets_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct two_gets *self = RV_CONTAINER_OF(future, struct two_gets, future);
    int error;

    RV_BEGIN(future);
    for (self->i = 0; self->i < 2; self->i++) {
        error = rv_http_get_init(&self->get, self->urls[self->i]);
        if (error)
            RV_RETURN(future, error);
        RV_AWAIT(future, cx, &self->get.future); /* other tasks run here */
        if (self->get.future.result < 0)
            RV_RETURN(future, self->get.future.result);
        /* No %s: there may be any byte in it. */
        fwrite(self->get.body, 1, self->get.body_len_bytes, stdout);
        putchar('\n');
        rv_drop(&self->get.future);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void two_gets_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct two_gets, future)->get.future);
}

static int usage(FILE *where, int status)
{
    fputs("usage: two_gets URL URL\n", where);
    return status;
}

int main(int argc, char **argv)
{
    static const struct rv_future_ops ops = {
        .name = "two_gets", .poll = two_gets_poll, .drop = two_gets_drop};
    struct two_gets root = {.urls = (const char **)argv + 1};
    struct rv_runtime *runtime;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc != 3)
        return usage(stderr, 2);
    rv_future_init(&root.future, &ops);
    error = rv_runtime_start(&runtime); /* executor here, reactor thread */
    if (!error) {
        error = rv_runtime_block_on(runtime, &root.future);
        rv_drop(&root.future);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "two_gets: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
