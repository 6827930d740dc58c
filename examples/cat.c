/* SPDX-License-Identifier: MIT */
/* cat.c - copy files to stdout, one after the other: cat [FILE...]
 *
 * Without a file, and for "-", it copies stdin. It has two buffers: while one
 * is written, the other is filled. If a file cannot be read, it prints an error
 * and copies the others. */
#include <errno.h>
#include <fcntl.h>
#include <reveil/reveil.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

enum { BUFFER_BYTES = 128 * 1024 };

struct cat {
    struct rv_future future;
    char **names; /* of the files not yet copied */
    bool failed;  /* one of them could not be read */
    struct rv_file *input;
    struct rv_file *output;
    struct rv_buf *full;  /* being written */
    struct rv_buf *empty; /* being filled */
    struct rv_file_op read;
    struct rv_file_op write;
    struct rv_future *both[2];
    struct rv_all all;
};

static bool is_stdin(const char *name)
{
    return strcmp(name, "-") == 0;
}

static void complain(struct cat *self, int error)
{
    fprintf(stderr, "cat: %s: %s\n", *self->names, rv_strerror(error));
    self->failed = true;
}

static void swap_buffers(struct cat *self)
{
    struct rv_buf *full = self->empty;

    self->empty = self->full;
    self->empty->len_bytes = 0;
    self->full = full;
}

/* Swap the buffers: write what was read, and read into the other. */
static void begin_both(struct cat *self)
{
    swap_buffers(self);
    rv_file_write_whole_init(&self->write, self->output, self->full, 0,
                             RV_FILE_POSITION);
    rv_file_read_init(&self->read, self->input, self->empty, RV_FILE_POSITION);
    self->both[0] = &self->write.future;
    self->both[1] = &self->read.future;
    rv_all_init(&self->all, self->both, 2);
}

static enum rv_poll cat_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct cat *self = RV_CONTAINER_OF(future, struct cat, future);
    struct rv_file_op *read = &self->read;

    RV_BEGIN(future);
    for (; *self->names; self->names++) {
        if (is_stdin(*self->names)) {
            if (rv_file_of_fd(&self->input, STDIN_FILENO) < 0)
                RV_RETURN(future, -ENOMEM);
        } else {
            rv_file_open_init(read, &self->input, *self->names, O_RDONLY, 0);
            RV_AWAIT(future, cx, &read->future);
            if (read->future.result < 0) {
                complain(self, read->future.result);
                continue;
            }
        }
        self->empty->len_bytes = 0;
        rv_file_read_init(read, self->input, self->empty, RV_FILE_POSITION);
        RV_AWAIT(future, cx, &read->future);
        while (read->future.result > 0) {
            begin_both(self);
            RV_AWAIT(future, cx, &self->all.future);
            if (self->write.future.result < 0)
                RV_RETURN(future, self->write.future.result);
        }
        if (read->future.result < 0)
            complain(self, read->future.result);
        rv_file_put(self->input);
        self->input = NULL;
    }
    RV_RETURN(future, self->failed);
    RV_END(future);
}

static void cat_drop(struct rv_future *future)
{
    struct cat *self = RV_CONTAINER_OF(future, struct cat, future);

    rv_drop(&self->read.future);
    rv_drop(&self->write.future);
    rv_file_put(self->input);
    self->input = NULL;
    rv_file_put(self->output);
    self->output = NULL;
    rv_buf_put(self->full);
    self->full = NULL;
    rv_buf_put(self->empty);
    self->empty = NULL;
}

/* Returns: 0, -ENOMEM. */
static int cat_init(struct cat *self, char **names)
{
    static const struct rv_future_ops ops = {
        .name = "cat", .poll = cat_poll, .drop = cat_drop};

    *self = (struct cat){.names = names,
                         .full = rv_buf_new(BUFFER_BYTES),
                         .empty = rv_buf_new(BUFFER_BYTES)};
    rv_future_init(&self->future, &ops);
    if (!self->full || !self->empty)
        return -ENOMEM;
    return rv_file_of_fd(&self->output, STDOUT_FILENO);
}

int main(int argc, char **argv)
{
    char *only_stdin[] = {"-", NULL};
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    struct cat cat;
    int result;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: cat [FILE...]");
        return 0;
    }
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error: EPIPE */
    result = rv_runtime_start_with(&runtime, &options);
    if (!result) {
        result = cat_init(&cat, argc > 1 ? argv + 1 : only_stdin);
        if (!result)
            result = rv_runtime_block_on(runtime, &cat.future);
        rv_drop(&cat.future);
        rv_runtime_stop(runtime);
    }
    if (result < 0)
        fprintf(stderr, "cat: stdout: %s\n", rv_strerror(result));
    return result ? 1 : 0;
}
