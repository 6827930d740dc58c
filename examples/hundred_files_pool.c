/* SPDX-License-Identifier: MIT */
/* hundred_files_pool.c - write 100 files of 1 MB at once, on the blocking pool:
 * hundred_files_pool FOLDER
 *
 * epoll cannot wait for a file, so each write is a blocking call on a pool
 * thread, and a task waits for it. The executor stays free: a ticker of 1 ms
 * measures its greatest delay, and how much of that its thread waited for a
 * CPU. If a file cannot be written completely, an error is printed and it is
 * removed; the others are not affected. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

enum {
    FILES = 100,
    FILE_BYTES = 1 << 20,
    THREADS = 4,  /* a copy to the page cache needs a CPU: more threads than
                     CPUs delay each other and the executor */
    NICENESS = 10 /* of the pool threads: the executor has priority */
};

static char content[FILE_BYTES]; /* of each file; not changed after main() */

/* --- the blocking calls, on a pool thread ------------------------------ */

/* Returns: 0, negative errno. */
static int write_all(int fd)
{
    ssize_t n;

    for (size_t done = 0; done < FILE_BYTES; done += (size_t)n) {
        n = write(fd, content + done, FILE_BYTES - done);
        if (n == 0)
            return -ENOSPC;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n < 0)
            n = 0;
    }
    return 0;
}

/* A network file system reports a full disk as late as close(). */
static int32_t write_file(void *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int error;

    if (fd < 0)
        return -errno;
    error = write_all(fd);
    if (close(fd) < 0 && !error)
        error = -errno;
    if (error)
        unlink(path);
    return error;
}

/* --- one file: a task of the scope ------------------------------------- */

/* The task and its future are here, so that a spawn allocates nothing. A call
 * may still run when its future was dropped: the path stays too. */
struct file {
    struct rv_embedded task;
    struct rv_future future;
    struct rv_blocking write;
    char path[PATH_MAX];
    uint32_t *written;
};

static struct file files[FILES];

static enum rv_poll file_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct file *self = RV_CONTAINER_OF(future, struct file, future);
    int result;

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->write.future); /* the ticker runs meanwhile */
    result = self->write.future.result;
    if (result < 0)
        fprintf(stderr, "%s: %s\n", self->path, rv_strerror(result));
    else
        ++*self->written;
    RV_RETURN(future, result);
    RV_END(future);
}

static void file_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct file, future)->write.future);
}

/* Returns: 0, -ENAMETOOLONG, -ENOMEM. */
static int add_file(struct rv_scope *scope, const char *folder, int number,
                    uint32_t *written)
{
    static const struct rv_future_ops ops = {
        .name = "file", .poll = file_poll, .drop = file_drop};
    struct file *file = &files[number];

    if (snprintf(file->path, sizeof file->path, "%s/%03d", folder, number) >=
        (int)sizeof file->path)
        return -ENAMETOOLONG;
    rv_future_init(&file->future, &ops);
    rv_blocking_init(&file->write, write_file, file->path, NULL);
    file->written = written;
    return rv_scope_spawn_embedded(scope, &file->task, &file->future, NULL);
}

/* --- the ticker -------------------------------------------------------- */

struct ticker {
    struct rv_future future;
    struct rv_interval every;
    uint32_t ticks;
    int64_t longest_ns;     /* greatest delay of a tick */
    int64_t longest_own_ns; /* the same, without the wait for a CPU */
    int64_t in_line_ns;     /* wait for a CPU up to the last tick */
};

/* How long this thread has waited for a CPU, if the kernel reports it. */
static int64_t in_line_ns(void)
{
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    long long ns = 0;

    if (file && fscanf(file, "%*d %lld", &ns) != 1)
        ns = 0;
    if (file)
        fclose(file);
    return ns;
}

static void saw_tick(struct ticker *self, int64_t late_ns)
{
    const int64_t line_ns = in_line_ns();
    const int64_t own_ns = late_ns - (line_ns - self->in_line_ns);

    self->in_line_ns = line_ns;
    self->ticks++;
    if (late_ns > self->longest_ns)
        self->longest_ns = late_ns;
    if (own_ns > self->longest_own_ns)
        self->longest_own_ns = own_ns;
}

static enum rv_poll ticker_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct ticker *self = RV_CONTAINER_OF(future, struct ticker, future);

    RV_BEGIN(future);
    self->in_line_ns = in_line_ns();
    rv_interval_init(&self->every, rv_after_ms(1), RV_NS_PER_MS, RV_TICK_SKIP);
    for (;;) {
        rv_interval_next(&self->every);
        RV_AWAIT(future, cx, &self->every.future);
        saw_tick(self, rv_now_ns() - self->every.tick_ns);
    }
    RV_END(future);
}

static void ticker_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct ticker, future)->every.future);
}

/* --- both at once ------------------------------------------------------ */

static double ms_of(int64_t ns)
{
    return (double)ns / (double)RV_NS_PER_MS;
}

/* Returns: 0, or the first error of a file. */
static int write_files(struct rv_runtime *runtime, const char *folder)
{
    static const struct rv_future_ops ops = {
        .name = "ticker", .poll = ticker_poll, .drop = ticker_drop};
    const int64_t start_ns = rv_now_ns();
    struct ticker ticker = {.ticks = 0};
    struct rv_scope scope;
    struct rv_future *either[] = {&ticker.future, &scope.future};
    struct rv_select select; /* the ticker never ends: READY with the files */
    uint32_t written = 0;
    int error = 0;

    rv_future_init(&ticker.future, &ops);
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    for (int i = 0; i < FILES && !error; i++)
        error = add_file(&scope, folder, i, &written);
    rv_select_init(&select, either, 2);
    if (!error)
        error = rv_runtime_block_on(runtime, &select.future);
    rv_drop(&select.future);
    rv_drop(&scope.future);
    if (error < 0)
        return error;
    printf("%u of %d files in %.0f ms; %u ticks beside them, late by at most "
           "%.2f ms, %.2f ms without the time in line for a CPU\n",
           written, FILES, ms_of(rv_now_ns() - start_ns), ticker.ticks,
           ms_of(ticker.longest_ns), ms_of(ticker.longest_own_ns));
    return scope.future.result;
}

static int usage(FILE *where, int status)
{
    fputs("usage: hundred_files_pool FOLDER\n", where);
    return status;
}

int main(int argc, char **argv)
{
    const struct rv_runtime_options options = {
        .blocking = {.max_threads = THREADS, .niceness = NICENESS}};
    struct rv_runtime *runtime;
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc != 2 || argv[1][0] == '-')
        return usage(stderr, 2);
    for (int i = 0; i < FILE_BYTES; i++)
        content[i] = (char)(i % 251); /* all pages differ */
    error = rv_runtime_start_with(&runtime, &options);
    if (!error) {
        error = write_files(runtime, argv[1]);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "hundred_files_pool: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
