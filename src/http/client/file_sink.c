/* SPDX-License-Identifier: MIT */
/*
 * file_sink.c - a sink that writes to a file, on the blocking pool.
 *
 * Threads: the executor's, except do_step() and the functions it calls, which
 * run on a pool thread.
 *
 * Protocol. Ownership of the job alternates between the two threads:
 *
 *   FILE_SINK-1  While `calling`, the job belongs to the call, and the
 *       executor's thread must not access it. When the call is READY, it
 *       belongs to the file again. The pool's mutex gives the happens-before
 *       relation in both directions.
 *   FILE_SINK-2  A file that is dropped while `calling` leaves the job to the
 *       call, which frees it after its step. If the drop freed it, the pool
 *       thread would use freed memory and a descriptor that may already be
 *       reused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "http/client/client_internal.h"
#include "http/client/new_file.h"

enum { FIRST_BYTES = 4096, STEP_BYTES = 128 * 1024 };

struct rv_http_file_job {
    int fd;        /* -1: not open */
    bool begun;    /* the file `part` exists */
    uint32_t mark; /* the process that has created it */
    bool last;     /* this step is the last one */
    char *data;    /* to be written by the next step */
    size_t len_bytes;
    size_t room_bytes;
    uint64_t written_bytes;
    int dir_fd;       /* both names are relative to it */
    char *part;       /* the temporary name; NULL: writes to a descriptor */
    const char *name; /* the final name */
    char names[];     /* storage of both */
};

/* --- on a pool thread -------------------------------------------------- */

/* Close the descriptor and remove the unfinished file. */
static void give_up(struct rv_http_file_job *job)
{
    if (job->fd >= 0)
        close(job->fd);
    job->fd = -1;
    if (job->begun && !rv_fork_is_copy(job->mark)) /* else the parent's */
        unlinkat(job->dir_fd, job->part, 0);
    job->begun = false;
}

static void job_free(void *arg)
{
    struct rv_http_file_job *job = arg;

    give_up(job);
    rv_free(job->data);
    rv_free(job);
}

static int open_part(struct rv_http_file_job *job)
{
    job->fd = rv_new_file_open(job->dir_fd, job->name, job->part);
    job->begun = job->fd >= 0;
    job->mark = rv_fork_mark();
    return job->begun ? 0 : job->fd;
}

/* The file is complete: give it its final name. close() is checked because some
 * file systems (NFS) report a lack of space only there. */
static int close_and_commit(struct rv_http_file_job *job)
{
    const int fd = job->fd;
    int error;

    job->fd = -1;
    if (close(fd) < 0)
        return -errno;
    if (!job->part)
        return 0;
    error = rv_new_file_commit(job->dir_fd, job->part, job->name);
    job->begun = error < 0;
    return error;
}

static int32_t do_step(void *arg)
{
    struct rv_http_file_job *job = arg;
    int error = job->fd < 0 ? open_part(job) : 0;

    if (error == 0)
        error = rv_write_all(job->fd, job->data, job->len_bytes,
                             &job->written_bytes);
    if (error == 0)
        job->len_bytes = 0;
    if (error == 0 && job->last)
        error = close_and_commit(job);
    if (error < 0)
        give_up(job);
    return error;
}

/* --- on the executor's thread ------------------------------------------ */

static struct rv_http_file *file_of(struct rv_http_sink *sink)
{
    return RV_CONTAINER_OF(sink, struct rv_http_file, sink);
}

/* Poll the step in progress, if any. Returns: 0: the job is the file's
 * (FILE_SINK-1); -EAGAIN: the waker was stored; the error of the step. */
static int poll_step(struct rv_http_file *file, struct rv_cx *cx)
{
    int error;

    if (!file->calling)
        return 0;
    if (rv_poll(&file->call.future, cx) == RV_PENDING)
        return -EAGAIN;
    file->calling = false;
    file->written_bytes = file->job->written_bytes;
    error = file->call.future.result;
    /* The pool's -EAGAIN means "no thread". Here it would mean "pending". */
    return error == -EAGAIN ? -ENOMEM : error;
}

/* Start a step that writes the buffered data. Returns: as poll_step(). */
static int begin_step(struct rv_http_file *file, struct rv_cx *cx)
{
    if (file->job->part)
        rv_blocking_init(&file->call, do_step, file->job, job_free);
    else /* slow: the reader of a pipe may block it for long */
        rv_blocking_init_slow(&file->call, do_step, file->job, job_free);
    file->calling = true;
    return poll_step(file, cx);
}

/* Make free space behind the data, up to STEP_BYTES. Returns: 0, -ENOMEM. */
static int reserve_data(struct rv_http_file_job *job)
{
    const size_t room = job->room_bytes ? 2 * job->room_bytes : FIRST_BYTES;

    if (job->len_bytes < job->room_bytes || job->room_bytes == STEP_BYTES)
        return 0;
    return rv_http_grow(&job->data, job->len_bytes, &job->room_bytes, room);
}

static ssize_t file_write(struct rv_http_sink *sink, struct rv_cx *cx,
                          const void *data, size_t len)
{
    struct rv_http_file *file = file_of(sink);
    struct rv_http_file_job *job = file->job;
    int error = poll_step(file, cx);

    if (error == 0 && job->len_bytes == STEP_BYTES)
        error = begin_step(file, cx);
    if (error == 0)
        error = reserve_data(job);
    if (error < 0)
        return error;
    if (len > job->room_bytes - job->len_bytes)
        len = job->room_bytes - job->len_bytes;
    memcpy(job->data + job->len_bytes, data, len);
    job->len_bytes += len;
    return (ssize_t)len;
}

static int file_finish(struct rv_http_sink *sink, struct rv_cx *cx)
{
    struct rv_http_file *file = file_of(sink);
    int error = poll_step(file, cx);

    if (error < 0 || file->job->last)
        return error;
    file->job->last = true;
    return begin_step(file, cx);
}

void rv_http_file_drop(struct rv_http_file *file)
{
    if (file->calling)
        rv_drop(&file->call.future);
    else if (file->job)
        job_free(file->job);
    file->calling = false;
    file->job = NULL;
}

static const struct rv_http_sink_ops file_ops = {.poll_write = file_write,
                                                 .poll_finish = file_finish};

int rv_http_file_init(struct rv_http_file *file, int dir_fd, const char *name)
{
    const size_t size = strlen(name) + 1;
    struct rv_http_file_job *job =
        rv_alloc(sizeof *job + size + rv_new_file_room(name));

    *file = (struct rv_http_file){.sink.ops = &file_ops, .job = job};
    if (!job)
        return -ENOMEM;
    job->fd = -1;
    job->dir_fd = dir_fd;
    job->name = memcpy(job->names, name, size);
    job->part = job->names + size;
    return 0;
}

int rv_http_file_init_fd(struct rv_http_file *file, int fd)
{
    struct rv_http_file_job *job = rv_alloc(sizeof *job);
    int error;

    *file = (struct rv_http_file){.sink.ops = &file_ops, .job = job};
    if (!job)
        return -ENOMEM;
    job->fd = fcntl(fd, F_DUPFD_CLOEXEC, RV_FD_FIRST);
    if (job->fd >= 0)
        return 0;
    error = -errno;
    rv_http_file_drop(file);
    return error;
}
