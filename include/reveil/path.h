/* SPDX-License-Identifier: MIT */
/*
 * path.h - what is done with the path of a file: stat, rename, unlink, mkdir.
 *
 *     error = rv_path_mkdir("spool", 0700, RV_NEVER);
 *     if (!error)
 *         error = rv_file_write_all("spool/new", 0600, data, len, true,
 *                                   RV_NEVER);
 *     if (!error)
 *         error = rv_path_rename("spool/new", "spool/job", RV_NEVER);
 *
 * The calls are made by the blocking pool (blocking.h). For open files see
 * file.h, for the entries of a directory dir.h.
 */
#ifndef RV_PATH_H
#define RV_PATH_H

#include <linux/stat.h> /* struct statx, with or without _GNU_SOURCE */
#include <reveil/blocking.h>
#include <sys/stat.h>
#include <sys/types.h>

RV_BEGIN_DECLS

struct rv_path_call;

/*
 * One operation.
 *
 * result: 0; a negative errno of the call; -ENOMEM; -ENODEV: this thread has no
 *         pool. Dropped while it is under way, the operation may be carried out
 *         or not.
 */
struct rv_path_op {
    struct rv_future future;
    struct rv_blocking blocking; /* private, as are the rest */
    struct rv_path_call *call;
    struct statx *stat;
};

/* statx(2) with STATX_BASIC_STATS. A symbolic link is followed. *stat is
 * written by the poll that returns READY, if the result is 0. All paths here
 * are copied. */
void rv_path_stat_init(struct rv_path_op *op, const char *path,
                       struct statx *stat);

/* rename(2): `to` is replaced, if it exists. */
void rv_path_rename_init(struct rv_path_op *op, const char *from,
                         const char *to);

/* unlink(2): not for a directory. */
void rv_path_unlink_init(struct rv_path_op *op, const char *path);

/* mkdir(2). */
void rv_path_mkdir_init(struct rv_path_op *op, const char *path, mode_t mode);

/* rmdir(2): the directory must be empty. */
void rv_path_rmdir_init(struct rv_path_op *op, const char *path);

/* --- in a coroutine ---------------------------------------------------- */

/*
 * The operations as calls.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER.
 * Returns: the result of the future; -ETIMEDOUT, -ECANCELED: the operation may
 *          be carried out or not, and *stat is unchanged.
 */
int rv_path_stat(const char *path, struct statx *stat, int64_t deadline_ns);
int rv_path_rename(const char *from, const char *to, int64_t deadline_ns);
int rv_path_unlink(const char *path, int64_t deadline_ns);
int rv_path_mkdir(const char *path, mode_t mode, int64_t deadline_ns);
int rv_path_rmdir(const char *path, int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_PATH_H */
