/* SPDX-License-Identifier: MIT */
/* hundred_files_ring.c - write 100 files of 1 MB at once, by one thread:
 * hundred_files_ring FOLDER
 *
 * In three ways: one after the other with write(2); all at once through the
 * ring; all at once on the blocking pool, by the same code with the ring off.
 * Prints the wall time and the CPU time of each. If a file cannot be written
 * completely, an error is printed and it is removed. hundred_files_pool.c shows
 * your own calls on the pool. */
#include <errno.h>
#include <fcntl.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "program.h"

enum { FILES = 100, FILE_BYTES = 1 << 20, PATH_BYTES = 4096 };

/* --- wall time and CPU time -------------------------------------------- */

static int64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * RV_NS_PER_S +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

struct stopwatch {
    int64_t start_ns;
    int64_t start_cpu_ns;
};

static struct stopwatch start_stopwatch(void)
{
    return (struct stopwatch){rv_now_ns(), cpu_ns()};
}

static void print_stopwatch(const struct stopwatch *stopwatch, const char *way)
{
    printf("%-28s %7.1f ms, %7.1f ms of CPU\n", way,
           (double)(rv_now_ns() - stopwatch->start_ns) / RV_NS_PER_MS,
           (double)(cpu_ns() - stopwatch->start_cpu_ns) / RV_NS_PER_MS);
}

static void name_file(char path[PATH_BYTES], const char *folder, int number)
{
    snprintf(path, PATH_BYTES, "%s/%03d", folder, number);
}

static void complain(const char *path, int error)
{
    fprintf(stderr, "%s: %s\n", path, rv_strerror(error));
    unlink(path);
}

/* --- one after the other ----------------------------------------------- */

/* Returns: 0, negative errno. */
static int write_one(const char *path, const struct rv_buf *content)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t done = 0;
    int error = 0;
    ssize_t n;

    if (fd < 0)
        return -errno;
    while (done < content->len_bytes && !error) {
        n = write(fd, content->data + done, content->len_bytes - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            error = -ENOSPC;
        else if (errno != EINTR)
            error = -errno;
    }
    /* A network file system reports a full disk as late as close(). */
    if (close(fd) < 0 && !error)
        error = -errno;
    return error;
}

/* Returns: 0, or the first error. */
static int one_by_one(const char *folder, const struct rv_buf *content)
{
    const struct stopwatch stopwatch = start_stopwatch();
    char path[PATH_BYTES];
    int first = 0;

    for (int i = 0; i < FILES; i++) {
        int error;

        name_file(path, folder, i);
        error = write_one(path, content);
        if (error)
            complain(path, error);
        first = first ? first : error;
    }
    print_stopwatch(&stopwatch, "one by one, write()");
    return first;
}

/* --- all at once ------------------------------------------------------- */

struct writer {
    struct rv_future future;
    struct rv_file_write_all all;
    char path[];
};

static enum rv_poll writer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct writer *self = RV_CONTAINER_OF(future, struct writer, future);

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->all.future);
    if (self->all.future.result < 0)
        complain(self->path, self->all.future.result);
    RV_RETURN(future, self->all.future.result);
    RV_END(future);
}

static void writer_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct writer, future)->all.future);
}

/* Returns: 0, -ENOMEM. */
static int add_writer(struct rv_scope *scope, const char *folder, int number,
                      struct rv_buf *content)
{
    static const struct rv_future_ops ops = {
        .name = "writer", .poll = writer_poll, .drop = writer_drop};
    char path[PATH_BYTES];
    struct writer *writer;

    name_file(path, folder, number);
    writer = rv_alloc(sizeof *writer + strlen(path) + 1);
    if (!writer)
        return -ENOMEM;
    strcpy(writer->path, path);
    rv_future_init(&writer->future, &ops);
    rv_file_write_all_init(&writer->all, writer->path, 0644, content, false);
    if (rv_scope_spawn(scope, &writer->future) == 0)
        return 0;
    rv_drop(&writer->future);
    rv_free(writer);
    return -ENOMEM;
}

/* Returns: 0, or the first error. */
static int all_at_once(const char *folder, struct rv_buf *content, bool ring)
{
    const struct rv_runtime_options options = {
        .ring = {.off = !ring || program_wants_pool()}};
    struct rv_runtime *runtime;
    struct rv_scope scope;
    struct stopwatch stopwatch;
    int error = rv_runtime_start_with(&runtime, &options);

    if (error)
        return error;
    stopwatch = start_stopwatch();
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    for (int i = 0; i < FILES && !error; i++)
        error = add_writer(&scope, folder, i, content);
    if (!error)
        error = rv_runtime_block_on(runtime, &scope.future);
    rv_drop(&scope.future);
    if (!ring)
        print_stopwatch(&stopwatch, "at once, the blocking pool");
    else if (rv_ring_open(rv_runtime_ring(runtime)) == 0)
        print_stopwatch(&stopwatch, "at once, the ring");
    else
        print_stopwatch(&stopwatch, "at once, no ring: the pool");
    rv_runtime_stop(runtime);
    return error;
}

/* --- the three ways ---------------------------------------------------- */

/* Returns: 0, or the first error. */
static int run(const char *folder)
{
    struct rv_buf *content = rv_buf_new(FILE_BYTES);
    int error = content ? 0 : -ENOMEM;

    if (error)
        return error;
    for (int i = 0; i < FILE_BYTES; i++)
        content->data[i] = (char)(i % 251); /* all pages differ */
    content->len_bytes = FILE_BYTES;
    error = one_by_one(folder, content);
    if (!error)
        error = all_at_once(folder, content, true);
    if (!error)
        error = all_at_once(folder, content, false);
    rv_buf_put(content);
    return error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: hundred_files_ring FOLDER\n", where);
    return status;
}

int main(int argc, char **argv)
{
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc != 2 || argv[1][0] == '-')
        return usage(stderr, 2);
    error = strlen(argv[1]) < PATH_BYTES - sizeof "/000" ? run(argv[1])
                                                         : -ENAMETOOLONG;
    if (error)
        fprintf(stderr, "hundred_files_ring: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
