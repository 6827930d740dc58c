/* SPDX-License-Identifier: MIT */
/*
 * path.c - operations on paths, by the blocking pool.
 *
 * Threads: the executor's; the calls run on a pool thread.
 *
 * What the call uses is in memory of its own, so that a future may be dropped
 * at any time: the pool then frees it.
 */
#include <errno.h>
#include <fcntl.h>
#include <reveil/async.h>
#include <reveil/path.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"

enum kind { KIND_STAT, KIND_RENAME, KIND_UNLINK, KIND_MKDIR, KIND_RMDIR };

struct rv_path_call {
    enum kind kind;
    mode_t mode;
    struct statx stat;
    const char *to;
    char from[]; /* and then `to`, each with its NUL */
};

static int make_call(struct rv_path_call *call)
{
    switch (call->kind) {
    case KIND_STAT:
        return statx(AT_FDCWD, call->from, 0, STATX_BASIC_STATS, &call->stat);
    case KIND_RENAME:
        return rename(call->from, call->to);
    case KIND_UNLINK:
        return unlink(call->from);
    case KIND_MKDIR:
        return mkdir(call->from, call->mode);
    case KIND_RMDIR:
        return rmdir(call->from);
    }
    return 0;
}

/* On a pool thread. */
static int32_t run_call(void *arg)
{
    return make_call(arg) < 0 ? -errno : 0;
}

static enum rv_poll path_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_path_op *self =
        RV_CONTAINER_OF(future, struct rv_path_op, future);

    RV_BEGIN(future);
    if (!self->call)
        RV_RETURN(future, -ENOMEM);
    rv_blocking_init(&self->blocking, run_call, self->call, rv_free);
    RV_AWAIT(future, cx, &self->blocking.future);
    future->result = self->blocking.future.result;
    if (future->result == 0 && self->call->kind == KIND_STAT)
        *self->stat = self->call->stat;
    rv_free(self->call);
    self->call = NULL;
    RV_RETURN(future, future->result);
    RV_END(future);
}

/* From the first poll on, the pool frees the call. */
static void path_drop(struct rv_future *future)
{
    struct rv_path_op *self =
        RV_CONTAINER_OF(future, struct rv_path_op, future);

    if (future->at == 0)
        rv_free(self->call);
    else if (future->at != RV_AT_END)
        rv_drop(&self->blocking.future);
    self->call = NULL;
}

static void init(struct rv_path_op *op, enum kind kind, const char *from,
                 const char *to)
{
    static const struct rv_future_ops ops = {
        .name = "rv_path_op", .poll = path_poll, .drop = path_drop};
    const size_t from_bytes = strlen(from) + 1;
    const size_t to_bytes = strlen(to) + 1;

    rv_future_init(&op->future, &ops);
    op->stat = NULL;
    op->call = rv_alloc(sizeof *op->call + from_bytes + to_bytes);
    if (!op->call)
        return;
    op->call->kind = kind;
    memcpy(op->call->from, from, from_bytes);
    op->call->to = memcpy(op->call->from + from_bytes, to, to_bytes);
}

void rv_path_stat_init(struct rv_path_op *op, const char *path,
                       struct statx *stat)
{
    init(op, KIND_STAT, path, "");
    op->stat = stat;
}

void rv_path_rename_init(struct rv_path_op *op, const char *from,
                         const char *to)
{
    init(op, KIND_RENAME, from, to);
}

void rv_path_unlink_init(struct rv_path_op *op, const char *path)
{
    init(op, KIND_UNLINK, path, "");
}

void rv_path_mkdir_init(struct rv_path_op *op, const char *path, mode_t mode)
{
    init(op, KIND_MKDIR, path, "");
    if (op->call)
        op->call->mode = mode;
}

void rv_path_rmdir_init(struct rv_path_op *op, const char *path)
{
    init(op, KIND_RMDIR, path, "");
}
