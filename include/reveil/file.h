/* SPDX-License-Identifier: MIT */
/*
 * file.h - files as futures.
 *
 *     rv_file_open_init(&self->op, &self->file, "notes", O_RDONLY, 0);
 *     RV_AWAIT(future, cx, &self->op.future);
 *     rv_file_read_init(&self->op, self->file, self->buf, 0);
 *     RV_AWAIT(future, cx, &self->op.future);
 *     rv_file_close_init(&self->op, &self->file);
 *     RV_AWAIT(future, cx, &self->op.future);
 *
 * epoll cannot wait for a file: it is always "ready", and the read blocks all
 * the same. Three ways, tried in this order:
 *
 *   - What is in the page cache is read at once, by preadv2(RWF_NOWAIT).
 *   - The thread's ring (ring.h), if it has one that works.
 *   - The blocking pool. Pipes, sockets and terminals wait in the reactor
 *     first, so that no thread sits in a read that may never end.
 *
 * The results are the same whichever it was. rv_ring_options.off leaves
 * out the ring; `reveil doctor` says which it is, and why.
 */
#ifndef RV_FILE_H
#define RV_FILE_H

#include <linux/stat.h> /* struct statx, with or without _GNU_SOURCE */
#include <reveil/blocking.h>
#include <reveil/buf.h>
#include <reveil/ring.h>
#include <sys/stat.h>
#include <sys/types.h>

RV_BEGIN_DECLS

/* An open file. Operations in flight keep it open. */
struct rv_file;

/* At the file's position, which moves on: the only offset for pipes,
 * terminals and sockets, and what to give for a file of O_APPEND. */
enum { RV_FILE_POSITION = -1 };

/*
 * A file of a descriptor that somebody else opened and closes, such as 0.
 * Close it only when no operation on it is in flight.
 *
 * Returns: 0, -ENOMEM.
 */
int rv_file_of_fd(struct rv_file **out, int fd);

/* The same for a descriptor that is the file's from now on, and is closed with
 * it; also when this fails. Returns: 0, -ENOMEM. */
int rv_file_adopt(struct rv_file **out, int fd);

/*
 * Give the file up, without waiting for the result of close(2). What is in
 * flight keeps the descriptor open until its completion. NULL is allowed.
 *
 * Threads: any.
 */
void rv_file_put(struct rv_file *file);

/* Its descriptor, still the file's. */
int rv_file_fd(const struct rv_file *file);

/*
 * One operation. result: as the system call's, negative errno if it failed;
 * never -EINTR. -ENOMEM; -ENODEV (neither ring nor pool on this thread);
 * -EBUSY (the buffer is in another operation).
 *
 * Dropped in flight it is canceled, if that is still possible: a read or
 * write may happen or not, a file that was opened is closed again.
 */
struct rv_file_op {
    struct rv_future future;
    uint8_t kind; /* private, as are the rest */
    uint8_t state;
    bool data_only;
    bool whole;
    int flags;
    mode_t mode;
    const char *path;
    struct rv_file *file;
    struct rv_file **out;
    struct statx *stat;
    struct rv_buf *buf;
    size_t from_bytes;
    int64_t offset;
    void *memory; /* of the call; see struct rv_file_loan */
    char *data;   /* the next byte to move */
    size_t left_bytes;
    size_t most_bytes;           /* in one call */
    struct rv_ring_slot slot[2]; /* two: a write and its sync, linked */
    struct rv_file_call *call;   /* on the pool */
    struct rv_source *source;
    int source_fd;
};

/*
 * open(2), with O_CLOEXEC. `path` is read at the first poll.
 *
 * Owns: *out is the caller's when the result is 0; untouched if not.
 */
void rv_file_open_init(struct rv_file_op *op, struct rv_file **out,
                       const char *path, int flags, mode_t mode);

/*
 * Read to the end of what is in `buf`, as much as there is room for (2 GiB at
 * most), and make its len_bytes longer by the result.
 *
 * offset:  in the file, or RV_FILE_POSITION.
 * result:  bytes; 0 at the end of the file. It may be less than there is room
 *          for, before the end too: the rest was not in the page cache.
 */
void rv_file_read_init(struct rv_file_op *op, struct rv_file *file,
                       struct rv_buf *buf, int64_t offset);

/*
 * Write what is in `buf` from `from_bytes` on (2 GiB at most).
 *
 * offset:  in the file, or RV_FILE_POSITION. O_APPEND goes to the end anyway.
 * result:  bytes, 0 or more; may be less than asked for (a pipe, a full disk):
 *          go on with the rest. -EPIPE raises SIGPIPE, as write(2) does, on a
 *          thread of the kernel's choice: ignore that signal.
 */
void rv_file_write_init(struct rv_file_op *op, struct rv_file *file,
                        struct rv_buf *buf, size_t from_bytes, int64_t offset);

/* Write all of it, with as many calls as that takes. result: 0, or what went
 * wrong after a part of it perhaps. */
void rv_file_write_whole_init(struct rv_file_op *op, struct rv_file *file,
                              struct rv_buf *buf, size_t from_bytes,
                              int64_t offset);

/*
 * Write all of it, then fsync(2): linked in the ring, so that the executor is
 * woken once for both.
 *
 * offset: 0 or more.
 * result: 0 when all is written and on the disk.
 */
void rv_file_write_sync_init(struct rv_file_op *op, struct rv_file *file,
                             struct rv_buf *buf, size_t from_bytes,
                             int64_t offset);

/* fsync(2), or fdatasync(2) if only the data matter. */
void rv_file_sync_init(struct rv_file_op *op, struct rv_file *file,
                       bool data_only);

/* statx(2) with STATX_BASIC_STATS. *stat is written when it is READY. */
void rv_file_stat_init(struct rv_file_op *op, struct rv_file *file,
                       struct statx *stat);

/*
 * close(2), and its result. *file is NULL from the first poll on. If an
 * operation on it that was dropped is still in flight, the descriptor is
 * closed after that, and the result is 0.
 */
void rv_file_close_init(struct rv_file_op *op, struct rv_file **file);

/* --- whole files ------------------------------------------------------- */

/* Open, read to the end, close. result: 0, -EFBIG (more than max_bytes),
 * negative errno. */
struct rv_file_read_all {
    struct rv_future future;
    struct rv_file_op op; /* private, as are the rest */
    const char *path;
    size_t max_bytes;
    struct rv_file *file;
    struct statx stat;
    struct rv_buf *buf;
};

/* `path` must stay valid until the future is READY or dropped. */
void rv_file_read_all_init(struct rv_file_read_all *all, const char *path,
                           size_t max_bytes);

/* What was read; the caller's to put. NULL if it failed or was taken. */
struct rv_buf *rv_file_read_all_take(struct rv_file_read_all *all);

/* Make a file, or empty it, write all of a buffer, sync if asked for, close.
 * result: 0, negative errno. */
struct rv_file_write_all {
    struct rv_future future;
    struct rv_file_op op; /* private, as are the rest */
    const char *path;
    mode_t mode;
    bool sync;
    struct rv_file *file;
    struct rv_buf *buf;
};

/* The future has a reference to `buf` of its own, until it is dropped. `path`
 * must stay valid until it is READY or dropped. */
void rv_file_write_all_init(struct rv_file_write_all *all, const char *path,
                            mode_t mode, struct rv_buf *buf, bool sync);

RV_END_DECLS

#endif /* RV_FILE_H */
