/* SPDX-License-Identifier: MIT */
/* read_figures.c - the cost of reads in several ways: read_figures FILE
 *
 * It creates FILE, 64 MB, and removes it at the end. rv_file_read reads data in
 * the page cache without waiting, by preadv2(RWF_NOWAIT); the same reads
 * through the ring cost more. With O_DIRECT, which bypasses the cache, a read
 * waits for the disk: one at a time, and 64 at a time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "program.h"

enum {
    FILE_BYTES = 64 << 20,
    CACHED_BYTES = 128 << 10, /* per read from the page cache */
    PASSES = 8,
    RANDOM_BYTES = 4096, /* per read with O_DIRECT */
    RANDOM_READS = 20000,
    IN_FLIGHT = 64
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int64_t random_offset(uint32_t *state)
{
    return (int64_t)(next_random(state) % (FILE_BYTES / RANDOM_BYTES)) *
           RANDOM_BYTES;
}

static void print_rate(const char *what, double count, const char *unit,
                       int64_t start_ns)
{
    const double seconds =
        (double)(rv_now_ns() - start_ns) / (double)RV_NS_PER_S;

    printf("%-44s %10.1f %s\n", what, count / seconds, unit);
}

/* --- from the page cache ----------------------------------------------- */

static const double cached_gb = (double)FILE_BYTES * PASSES / 1e9;

/* Returns: 0, negative errno. */
static int cached_now(int fd, struct rv_buf *buf)
{
    const int64_t start_ns = rv_now_ns();
    const struct iovec part = {buf->data, CACHED_BYTES};

    for (int i = 0; i < PASSES; i++)
        for (off_t at = 0; at < FILE_BYTES; at += CACHED_BYTES)
            if (preadv2(fd, &part, 1, at, RWF_NOWAIT) < 0)
                return -errno;
    print_rate("cached, preadv2(RWF_NOWAIT)", cached_gb, "GB/s", start_ns);
    return 0;
}

/* One after the other, as entries of the ring. */
struct cached_ring {
    struct rv_future future;
    int fd;
    struct rv_buf *buf;
    int64_t done_bytes;
    struct rv_ring_op op;
};

static enum rv_poll cached_ring_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct cached_ring *self =
        RV_CONTAINER_OF(future, struct cached_ring, future);
    struct rv_ring_call call;

    RV_BEGIN(future);
    for (; self->done_bytes < (int64_t)FILE_BYTES * PASSES;
         self->done_bytes += CACHED_BYTES) {
        call = (struct rv_ring_call){
            .opcode = IORING_OP_READ,
            .fd = self->fd,
            .addr = rv_ring_addr(self->buf->data),
            .len = CACHED_BYTES,
            .offset = (uint64_t)(self->done_bytes % FILE_BYTES)};
        rv_ring_op_init(&self->op, &call, NULL, NULL);
        RV_AWAIT(future, cx, &self->op.future);
        if (self->op.future.result < 0)
            RV_RETURN(future, self->op.future.result);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

/* Returns: 0, negative errno. */
static int cached_by_ring(struct rv_runtime *runtime, int fd,
                          struct rv_buf *buf)
{
    static const struct rv_future_ops ops = {.name = "cached_ring",
                                             .poll = cached_ring_poll};
    struct cached_ring reads = {.fd = fd, .buf = buf};
    const int64_t start_ns = rv_now_ns();
    int error;

    rv_future_init(&reads.future, &ops);
    error = rv_runtime_block_on(runtime, &reads.future);
    if (!error)
        print_rate("cached, through the ring", cached_gb, "GB/s", start_ns);
    return error;
}

/* --- O_DIRECT ---------------------------------------------------------- */

/* Returns: 0, negative errno. */
static int random_one_by_one(int fd, struct rv_buf *buf)
{
    const int64_t start_ns = rv_now_ns();
    uint32_t state = 1;

    for (int i = 0; i < RANDOM_READS / 4; i++)
        if (pread(fd, buf->data, RANDOM_BYTES, random_offset(&state)) < 0)
            return -errno;
    print_rate("random 4 KiB past the cache, pread", RANDOM_READS / 4,
               "reads/s", start_ns);
    return 0;
}

/* One of the tasks that read at the same time. */
struct random_reader {
    struct rv_future future;
    struct rv_file *file;
    struct rv_buf *buf;
    uint32_t state;
    int left;
    struct rv_file_op read;
};

static enum rv_poll random_reader_poll(struct rv_future *future,
                                       struct rv_cx *cx)
{
    struct random_reader *self =
        RV_CONTAINER_OF(future, struct random_reader, future);

    RV_BEGIN(future);
    for (; self->left > 0; self->left--) {
        self->buf->len_bytes = 0;
        rv_file_read_init(&self->read, self->file, self->buf,
                          random_offset(&self->state));
        RV_AWAIT(future, cx, &self->read.future);
        if (self->read.future.result < 0)
            RV_RETURN(future, self->read.future.result);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void random_reader_drop(struct rv_future *future)
{
    struct random_reader *self =
        RV_CONTAINER_OF(future, struct random_reader, future);

    rv_drop(&self->read.future);
    rv_buf_put(self->buf);
    self->buf = NULL;
}

/* Returns: 0, -ENOMEM. */
static int add_reader(struct rv_scope *scope, struct rv_file *file, int number)
{
    static const struct rv_future_ops ops = {.name = "random_reader",
                                             .poll = random_reader_poll,
                                             .drop = random_reader_drop};
    struct random_reader *reader = rv_alloc(sizeof *reader);
    int error = -ENOMEM;

    if (!reader)
        return error;
    rv_future_init(&reader->future, &ops);
    reader->file = file;
    reader->buf = rv_buf_new(RANDOM_BYTES);
    reader->state = (uint32_t)number;
    reader->left = RANDOM_READS / IN_FLIGHT;
    if (reader->buf)
        error = rv_scope_spawn(scope, &reader->future);
    if (error) {
        rv_drop(&reader->future);
        rv_free(reader);
    }
    return error;
}

/* Returns: 0, negative errno. */
static int random_at_once(struct rv_runtime *runtime, int fd)
{
    const int64_t start_ns = rv_now_ns();
    struct rv_file *file;
    struct rv_scope scope;
    int error = rv_file_of_fd(&file, fd);

    if (error)
        return error;
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    for (int i = 0; i < IN_FLIGHT && !error; i++)
        error = add_reader(&scope, file, i + 1);
    if (!error)
        error = rv_runtime_block_on(runtime, &scope.future);
    rv_drop(&scope.future);
    rv_file_put(file);
    if (!error)
        print_rate("random 4 KiB past the cache, 64 in flight",
                   RANDOM_READS / IN_FLIGHT * IN_FLIGHT, "reads/s", start_ns);
    return error;
}

/* --- the file ---------------------------------------------------------- */

/* Write the file to the cache and to the disk. Returns: 0, negative errno. */
static int fill(int fd, struct rv_buf *buf)
{
    for (int i = 0; i < CACHED_BYTES; i++)
        buf->data[i] = (char)(i % 251);
    for (int i = 0; i < FILE_BYTES / CACHED_BYTES; i++)
        if (write(fd, buf->data, CACHED_BYTES) != CACHED_BYTES)
            return errno ? -errno : -ENOSPC;
    return fsync(fd) < 0 ? -errno : 0;
}

/* If the filesystem does not support it, say so and continue. Returns: 0,
 * negative errno. */
static int left_out(const char *what, int error)
{
    if (error != -EOPNOTSUPP && error != -EAGAIN && error != -ENODEV)
        return error;
    printf("%-44s left out: %s\n", what, rv_strerror(error));
    return 0;
}

/* Returns: 0, negative errno. */
static int measure(struct rv_runtime *runtime, const char *path, int fd)
{
    struct rv_buf *buf = rv_buf_new(CACHED_BYTES);
    int error = buf ? fill(fd, buf) : -ENOMEM;
    int direct_fd;

    if (!error)
        error = left_out("RWF_NOWAIT", cached_now(fd, buf));
    if (!error)
        error = left_out("the ring", cached_by_ring(runtime, fd, buf));
    direct_fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (!error && direct_fd < 0)
        error = errno == EINVAL ? left_out("O_DIRECT", -EOPNOTSUPP) : -errno;
    if (!error && direct_fd >= 0)
        error = random_one_by_one(direct_fd, buf);
    if (!error && direct_fd >= 0)
        error = random_at_once(runtime, direct_fd);
    if (direct_fd >= 0)
        close(direct_fd);
    rv_buf_put(buf);
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: read_figures FILE (which must not be there yet)\n", where);
    return status;
}

int main(int argc, char **argv)
{
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    int error;
    int fd;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc != 2)
        return usage(stderr, 2);
    fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    error = fd < 0 ? -errno : rv_runtime_start_with(&runtime, &options);
    if (!error) {
        error = measure(runtime, argv[1], fd);
        rv_runtime_stop(runtime);
        unlink(argv[1]);
    }
    if (error)
        fprintf(stderr, "read_figures: %s: %s\n", argv[1], rv_strerror(error));
    return error ? 1 : 0;
}
