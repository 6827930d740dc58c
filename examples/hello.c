/* SPDX-License-Identifier: MIT */
/* hello.c - write a line to stdout, through the ring: hello [TEXT]
 *
 * The kernel owns the line's buffer while the write is in flight. stdout may be
 * a file, a full pipe or a terminal. */
#include <errno.h>
#include <reveil/reveil.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

struct hello {
    struct rv_future future;
    struct rv_file *output;
    struct rv_buf *line;
    struct rv_file_op write;
};

static enum rv_poll hello_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct hello *self = RV_CONTAINER_OF(future, struct hello, future);

    RV_BEGIN(future);
    rv_file_write_whole_init(&self->write, self->output, self->line, 0,
                             RV_FILE_POSITION);
    RV_AWAIT(future, cx, &self->write.future);
    RV_RETURN(future, self->write.future.result);
    RV_END(future);
}

static void hello_drop(struct rv_future *future)
{
    struct hello *self = RV_CONTAINER_OF(future, struct hello, future);

    rv_drop(&self->write.future);
    rv_file_put(self->output);
    self->output = NULL;
    rv_buf_put(self->line); /* a write in flight has its own reference */
    self->line = NULL;
}

/* Returns: 0, -ENOMEM. */
static int hello_init(struct hello *self, const char *text)
{
    static const struct rv_future_ops ops = {
        .name = "hello", .poll = hello_poll, .drop = hello_drop};
    const size_t len = strlen(text);

    *self = (struct hello){.line = rv_buf_new(len + 1)};
    rv_future_init(&self->future, &ops);
    if (!self->line || rv_file_of_fd(&self->output, STDOUT_FILENO) < 0)
        return -ENOMEM;
    memcpy(self->line->data, text, len);
    self->line->data[len] = '\n';
    self->line->len_bytes = len + 1;
    return 0;
}

static int usage(FILE *where, int status)
{
    fputs("usage: hello [TEXT]\n", where);
    return status;
}

int main(int argc, char **argv)
{
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    struct hello hello;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 2)
        return usage(stderr, 2);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error: EPIPE */
    error = rv_runtime_start_with(&runtime, &options);
    if (!error) {
        error = hello_init(&hello, argc == 2 ? argv[1] : "Hello, World!");
        if (!error)
            error = rv_runtime_block_on(runtime, &hello.future);
        rv_drop(&hello.future);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "hello: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
