/* SPDX-License-Identifier: MIT */
/*
 * file.h - files as futures.
 *
 *     struct rv_file *file;                         in a coroutine
 *     char text[4096];
 *     int n = rv_file_open(&file, "notes", O_RDONLY, 0, RV_NEVER);
 *
 *     if (n == 0) {
 *         n = rv_file_read(file, text, sizeof text, 0, RV_NEVER);
 *         rv_file_close(&file, RV_NEVER);
 *     }
 *
 * epoll cannot wait for a file: a file is always "ready", and reading it may
 * block all the same. An operation takes the first of these ways that works:
 *
 *   - preadv2(RWF_NOWAIT): reads what is in the page cache, at once.
 *   - The ring of the thread (ring.h).
 *   - The blocking pool. Pipes, sockets and terminals first wait in the
 *     reactor, so that no pool thread is stuck in a read that may never end.
 *
 * The results are the same. rv_ring_options.off disables the ring. `reveil
 * doctor` prints which way this machine uses, and why.
 */
#ifndef RV_FILE_H
#define RV_FILE_H

#include <linux/stat.h> /* struct statx, with or without _GNU_SOURCE */
#include <reveil/blocking.h>
#include <reveil/buf.h>
#include <reveil/bytes.h>
#include <reveil/ring.h>
#include <sys/stat.h>
#include <sys/types.h>

RV_BEGIN_DECLS

/* An open file. Operations that are under way keep it open. */
struct rv_file;

/* The offset that means "at the file's position, and advance it". Pipes,
 * terminals and sockets have no other offset; use it for O_APPEND too. */
enum { RV_FILE_POSITION = -1 };

/*
 * Make a file of a descriptor that stays the caller's, such as 0. The caller
 * must not close the descriptor while an operation on the file is under way.
 *
 * Returns: 0, -ENOMEM.
 */
int rv_file_of_fd(struct rv_file **out, int fd);

/* The same for a descriptor that becomes the file's and is closed with it. If
 * this fails, it is closed at once. Returns: 0, -ENOMEM. */
int rv_file_adopt(struct rv_file **out, int fd);

/*
 * Put the owner's reference, without waiting for the result of close(2).
 * Operations that are under way keep the descriptor open until they complete.
 * NULL is allowed.
 *
 * Threads: any.
 */
void rv_file_put(struct rv_file *file);

/* Returns: the descriptor, which stays the file's. */
int rv_file_fd(const struct rv_file *file);

/*
 * One operation.
 *
 * result: of the system call; a negative errno if it failed, but never -EINTR.
 *         Also -ENOMEM; -ENODEV: this thread has neither a ring nor a pool;
 *         -EAGAIN: there is no pool, and again and again the kernel has had no
 *         thread for it; -EBUSY: the buffer is in another operation.
 *
 * Dropped while it is under way, the operation is canceled if that is still
 * possible: the read or write may have happened or not. A file that was opened
 * is closed again.
 */
struct rv_file_op {
    struct rv_future future;
    uint8_t kind; /* private, as are the rest */
    uint8_t state;
    bool data_only;
    bool whole;
    uint16_t refusals; /* in a row: the kernel had no thread for it */
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
    uint32_t *counted; /* where it counts while it is under way; or NULL */
};

/*
 * open(2), with O_CLOEXEC. `path` is NUL-terminated and must stay valid until
 * the first poll.
 *
 * Owns: if the result is 0, *out is the caller's; otherwise it is unchanged.
 */
void rv_file_open_init(struct rv_file_op *op, struct rv_file **out,
                       const char *path, int flags, mode_t mode);

/*
 * Read as many bytes as `buf` has room for (2 GiB at most), append them to its
 * contents and add the result to its len_bytes.
 *
 * offset:  in the file, or RV_FILE_POSITION.
 * result:  bytes; 0 at the end of the file. The read may be short before the
 *          end of the file too: the rest was not in the page cache.
 */
void rv_file_read_init(struct rv_file_op *op, struct rv_file *file,
                       struct rv_buf *buf, int64_t offset);

/*
 * Write the contents of `buf` from the byte `from_bytes` on (2 GiB at most).
 *
 * offset:  in the file, or RV_FILE_POSITION. With O_APPEND the kernel ignores
 *          it and appends.
 * result:  bytes, 0 or more. The write may be short (a pipe, a full disk):
 * write the rest. -EPIPE raises SIGPIPE, as write(2) does, on a thread of the
 *          kernel's choice: ignore that signal.
 */
void rv_file_write_init(struct rv_file_op *op, struct rv_file *file,
                        struct rv_buf *buf, size_t from_bytes, int64_t offset);

/* The same, but write everything, with as many calls as necessary. result: 0,
 * or a negative errno; a part may have been written. */
void rv_file_write_whole_init(struct rv_file_op *op, struct rv_file *file,
                              struct rv_buf *buf, size_t from_bytes,
                              int64_t offset);

/*
 * Write everything, then fsync(2). In the ring the two are linked, so that one
 * wake is enough for both.
 *
 * offset: 0 or more.
 * result: 0: everything is on the disk. Or a negative errno.
 */
void rv_file_write_sync_init(struct rv_file_op *op, struct rv_file *file,
                             struct rv_buf *buf, size_t from_bytes,
                             int64_t offset);

/* fsync(2); with data_only, fdatasync(2). */
void rv_file_sync_init(struct rv_file_op *op, struct rv_file *file,
                       bool data_only);

/* statx(2) with STATX_BASIC_STATS. *stat is written by the poll that returns
 * READY, if the result is 0. */
void rv_file_stat_init(struct rv_file_op *op, struct rv_file *file,
                       struct statx *stat);

/*
 * close(2), and its result. *file is NULL after the first poll. If a dropped
 * operation on the file is still under way, its completion closes the
 * descriptor, and the result here is 0.
 */
void rv_file_close_init(struct rv_file_op *op, struct rv_file **file);

/* --- whole files ------------------------------------------------------- */

/* Open, read to the end, close. result: 0; -EFBIG: the file has more than
 * max_bytes; another negative errno. */
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

/* Move the contents to the caller, who puts the buffer. Returns: NULL if the
 * future failed, or if they were moved before. */
struct rv_buf *rv_file_read_all_take(struct rv_file_read_all *all);

/* Create or truncate a file, write the contents of a buffer, sync if requested,
 * close. result: 0, negative errno. */
struct rv_file_write_all {
    struct rv_future future;
    struct rv_file_op op; /* private, as are the rest */
    const char *path;
    mode_t mode;
    bool sync;
    struct rv_file *file;
    struct rv_buf *buf;
};

/* The future takes its own reference to `buf` and puts it when it is dropped.
 * `path` must stay valid until the future is READY or dropped. */
void rv_file_write_all_init(struct rv_file_write_all *all, const char *path,
                            mode_t mode, struct rv_buf *buf, bool sync);

/* --- at once ----------------------------------------------------------- */

/* Read what is in the page cache. Returns: bytes; 0 at the end of the file;
 * -EAGAIN: it is not, or this file cannot tell; another negative errno. */
int rv_file_try_read(struct rv_file *file, void *buffer, size_t len_bytes,
                     int64_t offset);

/* --- in a coroutine ---------------------------------------------------- */

/*
 * The operations as calls, with the caller's memory: what is not in the page
 * cache passes through a buffer, so that the memory is the caller's again at
 * once, also after a time-out.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. In the past: try once.
 * Blocks:  the coroutine, never the thread.
 * Returns: the result of the future above; -ETIMEDOUT, -ECANCELED: the
 *          operation may have been carried out or not. A file that was opened
 *          is closed again; a close happens.
 */
int rv_file_open(struct rv_file **out, const char *path, int flags, mode_t mode,
                 int64_t deadline_ns);
int rv_file_sync(struct rv_file *file, bool data_only, int64_t deadline_ns);
int rv_file_stat(struct rv_file *file, struct statx *stat, int64_t deadline_ns);
int rv_file_close(struct rv_file **file, int64_t deadline_ns);

/* Returns: bytes, which may be fewer than len_bytes; 0 at the end of the file;
 * -ENOMEM; as described above. */
int rv_file_read(struct rv_file *file, void *buffer, size_t len_bytes,
                 int64_t offset, int64_t deadline_ns);

/* Returns: bytes, which may be fewer than len_bytes; -ENOMEM; as above. */
int rv_file_write(struct rv_file *file, const void *data, size_t len_bytes,
                  int64_t offset, int64_t deadline_ns);

/* Write everything. Returns: 0; -ENOMEM; as above; a part may have been
 * written. */
int rv_file_write_whole(struct rv_file *file, const void *data,
                        size_t len_bytes, int64_t offset, int64_t deadline_ns);

/* Append the contents of a file to *out. Returns: 0; -EFBIG: that is more than
 * out->max_bytes; as above. On an error *out is unchanged. */
int rv_file_read_all(const char *path, struct rv_bytes *out,
                     int64_t deadline_ns);

/* Create or truncate a file and write the data; then sync, if requested.
 * Returns: 0; as above. */
int rv_file_write_all(const char *path, mode_t mode, const void *data,
                      size_t len_bytes, bool sync, int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_FILE_H */
