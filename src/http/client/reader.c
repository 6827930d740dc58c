/* SPDX-License-Identifier: MIT */
/*
 * reader.c - a source that reads a descriptor, on the blocking pool.
 *
 * Threads: the executor's, except do_read(), which runs on a pool thread. The
 * ownership of the job alternates between the two threads by the rules
 * FILE_SINK-1 and FILE_SINK-2 of file_sink.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <reveil/http_source.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "base/fds.h"

enum { STEP_BYTES = 64 * 1024 };

struct rv_http_reader_job {
    int fd;
    off_t start; /* where the body begins; -1: it cannot be read again */
    size_t len;  /* of the data */
    char data[STEP_BYTES];
};

static void job_free(void *arg)
{
    struct rv_http_reader_job *job = arg;

    close(job->fd);
    rv_free(job);
}

/* On a pool thread. Returns: the number of bytes, negative errno. */
static int32_t do_read(void *arg)
{
    struct rv_http_reader_job *job = arg;
    ssize_t len;

    do
        len = read(job->fd, job->data, sizeof job->data);
    while (len < 0 && errno == EINTR);
    return len < 0 ? -errno : (int32_t)len;
}

static struct rv_http_reader *reader_of(struct rv_http_source *source)
{
    return RV_CONTAINER_OF(source, struct rv_http_reader, source);
}

/* Read the next step. Returns: 0: the data is there, none at the end; -EAGAIN:
 * the waker was stored; negative errno. */
static int fill(struct rv_http_reader *reader, struct rv_cx *cx)
{
    struct rv_http_reader_job *job = reader->job;
    int result;

    if (!reader->calling) {
        if (job->start >= 0)
            rv_blocking_init(&reader->call, do_read, job, job_free);
        else /* slow: the writer of a pipe may block it for long */
            rv_blocking_init_slow(&reader->call, do_read, job, job_free);
        reader->calling = true;
    }
    if (rv_poll(&reader->call.future, cx) == RV_PENDING)
        return -EAGAIN;
    reader->calling = false;
    result = reader->call.future.result;
    reader->at = 0;
    job->len = result > 0 ? (size_t)result : 0;
    /* The pool's -EAGAIN means "no thread", the descriptor's that it is
     * non-blocking. Here it would mean "pending". */
    return result == -EAGAIN ? -ENOMEM : result < 0 ? result : 0;
}

static ssize_t reader_read(struct rv_http_source *source, struct rv_cx *cx,
                           void *buffer, size_t len)
{
    struct rv_http_reader *reader = reader_of(source);
    struct rv_http_reader_job *job = reader->job;

    if (reader->calling || reader->at == job->len) {
        const int error = fill(reader, cx);

        if (error < 0)
            return error;
    }
    if (len > job->len - reader->at)
        len = job->len - reader->at;
    memcpy(buffer, job->data + reader->at, len);
    reader->at += len;
    return (ssize_t)len;
}

static int reader_rewind(struct rv_http_source *source)
{
    struct rv_http_reader *reader = reader_of(source);
    struct rv_http_reader_job *job = reader->job;

    if (job->start < 0 || reader->calling)
        return -ESPIPE;
    reader->at = 0;
    job->len = 0;
    return lseek(job->fd, job->start, SEEK_SET) < 0 ? -errno : 0;
}

int rv_http_reader_init(struct rv_http_reader *reader, int fd)
{
    static const struct rv_http_source_ops ops = {.poll_read = reader_read,
                                                  .rewind = reader_rewind};
    struct rv_http_reader_job *job = rv_alloc(sizeof *job);
    struct stat stat;

    *reader = (struct rv_http_reader){.source.ops = &ops, .len_bytes = -1};
    if (!job)
        return -ENOMEM;
    job->len = 0;
    job->start = -1;
    job->fd = fcntl(fd, F_DUPFD_CLOEXEC, RV_FD_FIRST);
    if (job->fd < 0) {
        const int error = -errno;

        rv_free(job);
        return error;
    }
    if (fstat(job->fd, &stat) == 0 && S_ISREG(stat.st_mode)) {
        job->start = lseek(job->fd, 0, SEEK_CUR);
        if (job->start >= 0 && job->start <= stat.st_size)
            reader->len_bytes = stat.st_size - job->start;
    }
    reader->job = job;
    return 0;
}

void rv_http_reader_drop(struct rv_http_reader *reader)
{
    if (reader->calling)
        rv_drop(&reader->call.future);
    else if (reader->job)
        job_free(reader->job);
    reader->calling = false;
    reader->job = NULL;
}
