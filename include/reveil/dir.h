/* SPDX-License-Identifier: MIT */
/*
 * dir.h - the entries of a directory, one after the other.
 *
 *     struct rv_dir dir;
 *     struct rv_dir_entry entry;
 *     int n;
 *
 *     rv_dir_init(&dir, "/tmp");
 *     while ((n = rv_dir_next(&dir, &entry, RV_NEVER)) == 1)
 *         puts(entry.name);
 *     rv_dir_close(&dir);
 *     ... n is 0 at the end, otherwise a negative errno
 *
 * The blocking pool opens the directory and reads it in pieces of 32 KiB, so a
 * directory of a million files takes no more memory than a small one.
 */
#ifndef RV_DIR_H
#define RV_DIR_H

#include <reveil/blocking.h>

RV_BEGIN_DECLS

struct rv_dir_state;

/* Embed it. All zero is none. One task may use it at a time. */
struct rv_dir {
    struct rv_dir_state *state; /* private, as are the rest */
    struct rv_blocking read;
    bool is_reading;
};

struct rv_dir_entry {
    const char *name; /* valid until the next call for the directory */
    uint64_t inode;
    unsigned char type; /* DT_REG, DT_DIR, ... of dirent.h; DT_UNKNOWN: the file
                           system does not say, use rv_path_stat() */
};

/* path: copied. It is opened by the first read: all errors are the result of
 * that one, also -ENOMEM. */
void rv_dir_init(struct rv_dir *dir, const char *path);

/* Close the directory, also while it is being read. A no-op on "none". */
void rv_dir_close(struct rv_dir *dir);

/* The next entry that was read already; never "." and "..". Returns: 1; 0:
 * there are no more; -EAGAIN: the directory must be read; another negative
 * errno. */
int rv_dir_try_next(struct rv_dir *dir, struct rv_dir_entry *entry);

/* result: 1: *entry is set; 0: there are no more; -ENOENT, -ENOTDIR, -EACCES,
 * ..., -ENOMEM; -ENODEV: this thread has no pool. Dropped before it is READY,
 * it has taken no entry. */
struct rv_dir_next {
    struct rv_future future;
    struct rv_dir *dir; /* private, as is the rest */
    struct rv_dir_entry *entry;
};

/* Owns: the caller keeps `dir` and *entry, until the future is READY or
 * dropped. */
void rv_dir_next_init(struct rv_dir_next *next, struct rv_dir *dir,
                      struct rv_dir_entry *entry);

/* In a coroutine. deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. Returns: as
 * the future; -ETIMEDOUT, -ECANCELED: no entry was taken. */
int rv_dir_next(struct rv_dir *dir, struct rv_dir_entry *entry,
                int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_DIR_H */
