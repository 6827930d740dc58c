/* SPDX-License-Identifier: MIT */
/* pipe.c - a text through a pipe to stdout, by two tasks: pipe [TEXT [TIMES]]
 *
 * One writes it to the pipe TIMES times and closes its end; the other reads
 * until the end of file, and writes to stdout. Neither blocks in a system call:
 * a write to a full pipe completes when the reader has made room. */
#include <errno.h>
#include <fcntl.h>
#include <reveil/reveil.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

enum { BUFFER_BYTES = 4096 };

/* --- the writer -------------------------------------------------------- */

struct writer {
    struct rv_future future;
    long times;
    struct rv_file *pipe;
    struct rv_buf *text;
    struct rv_file_op write;
};

static enum rv_poll writer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct writer *self = RV_CONTAINER_OF(future, struct writer, future);

    RV_BEGIN(future);
    for (; self->times > 0; self->times--) {
        rv_file_write_whole_init(&self->write, self->pipe, self->text, 0,
                                 RV_FILE_POSITION);
        RV_AWAIT(future, cx, &self->write.future);
        if (self->write.future.result < 0)
            RV_RETURN(future, self->write.future.result);
    }
    rv_file_put(self->pipe); /* closes it: end of file for the reader */
    self->pipe = NULL;
    RV_RETURN(future, 0);
    RV_END(future);
}

static void writer_drop(struct rv_future *future)
{
    struct writer *self = RV_CONTAINER_OF(future, struct writer, future);

    rv_drop(&self->write.future);
    rv_file_put(self->pipe);
    self->pipe = NULL;
    rv_buf_put(self->text);
    self->text = NULL;
}

/* --- the reader -------------------------------------------------------- */

struct reader {
    struct rv_future future;
    struct rv_file *pipe;
    struct rv_file *output;
    struct rv_buf *buf;
    struct rv_file_op read;
    struct rv_file_op write;
};

static enum rv_poll reader_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct reader *self = RV_CONTAINER_OF(future, struct reader, future);

    RV_BEGIN(future);
    for (;;) {
        self->buf->len_bytes = 0;
        rv_file_read_init(&self->read, self->pipe, self->buf, RV_FILE_POSITION);
        RV_AWAIT(future, cx, &self->read.future);
        if (self->read.future.result <= 0)
            RV_RETURN(future, self->read.future.result);
        rv_file_write_whole_init(&self->write, self->output, self->buf, 0,
                                 RV_FILE_POSITION);
        RV_AWAIT(future, cx, &self->write.future);
        if (self->write.future.result < 0)
            RV_RETURN(future, self->write.future.result);
    }
    RV_END(future);
}

static void reader_drop(struct rv_future *future)
{
    struct reader *self = RV_CONTAINER_OF(future, struct reader, future);

    rv_drop(&self->read.future);
    rv_drop(&self->write.future);
    rv_file_put(self->pipe);
    self->pipe = NULL;
    rv_file_put(self->output);
    self->output = NULL;
    rv_buf_put(self->buf);
    self->buf = NULL;
}

/* --- both -------------------------------------------------------------- */

/* Owns: `fd`. Returns: 0, -ENOMEM. */
static int writer_init(struct writer *self, int fd, const char *text,
                       long times)
{
    static const struct rv_future_ops ops = {
        .name = "writer", .poll = writer_poll, .drop = writer_drop};
    const size_t len = strlen(text);

    *self = (struct writer){.times = times, .text = rv_buf_new(len + 1)};
    rv_future_init(&self->future, &ops);
    if (rv_file_adopt(&self->pipe, fd) < 0 || !self->text)
        return -ENOMEM;
    memcpy(self->text->data, text, len);
    self->text->data[len] = '\n';
    self->text->len_bytes = len + 1;
    return 0;
}

/* Owns: `fd`. Returns: 0, -ENOMEM. */
static int reader_init(struct reader *self, int fd)
{
    static const struct rv_future_ops ops = {
        .name = "reader", .poll = reader_poll, .drop = reader_drop};

    *self = (struct reader){.buf = rv_buf_new(BUFFER_BYTES)};
    rv_future_init(&self->future, &ops);
    if (rv_file_adopt(&self->pipe, fd) < 0 || !self->buf)
        return -ENOMEM;
    return rv_file_of_fd(&self->output, STDOUT_FILENO);
}

/* If one fails, the other is canceled. Returns: 0, negative errno. */
static int run(struct rv_runtime *runtime, const char *text, long times)
{
    struct writer writer;
    struct reader reader;
    struct rv_future *both[] = {&writer.future, &reader.future};
    struct rv_try_all all;
    int fds[2];
    int error;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    error = reader_init(&reader, fds[0]);
    if (writer_init(&writer, fds[1], text, times) < 0)
        error = -ENOMEM;
    rv_try_all_init(&all, both, 2);
    if (!error)
        error = rv_runtime_block_on(runtime, &all.future);
    rv_drop(&all.future);
    rv_drop(&reader.future);
    rv_drop(&writer.future);
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: pipe [TEXT [TIMES]]\n", where);
    return status;
}

int main(int argc, char **argv)
{
    char *end = "";
    long times = argc > 2 ? strtol(argv[2], &end, 10) : 1;
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 3 || *end || times < 1)
        return usage(stderr, 2);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error: EPIPE */
    error = rv_runtime_start_with(&runtime, &options);
    if (!error) {
        error = run(runtime, argc > 1 ? argv[1] : "Hello, World!", times);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "pipe: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
