/* SPDX-License-Identifier: MIT */
/* first.c - a whole first program: two lines, a second apart. */
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

struct first {
    struct rv_future future; /* first: this struct is a future */
    struct rv_sleep sleep;   /* what must survive a wait */
};

static enum rv_poll first_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct first *self = RV_CONTAINER_OF(future, struct first, future);

    RV_BEGIN(future);
    puts("asleep for a second; the thread is free for other tasks");
    rv_sleep_init(&self->sleep, rv_after_ms(1000));
    RV_AWAIT(future, cx, &self->sleep.future);
    puts("awake");
    RV_RETURN(future, 0);
    RV_END(future);
}

static void first_drop(struct rv_future *future) /* cancels what it awaits */
{
    rv_drop(&RV_CONTAINER_OF(future, struct first, future)->sleep.future);
}

int main(int argc, char **argv)
{
    static const struct rv_future_ops ops = {
        .name = "first", .poll = first_poll, .drop = first_drop};
    struct first root = {0};
    struct rv_runtime *runtime;
    int error;

    program_start(1); /* stdout is checked at the end */
    if (argc > 1) {
        puts("usage: first [--help]");
        return strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    rv_future_init(&root.future, &ops);
    error = rv_runtime_start(&runtime); /* executor here, reactor thread */
    if (!error) {
        error = rv_runtime_block_on(runtime, &root.future);
        rv_drop(&root.future);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "first: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
