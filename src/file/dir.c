/* SPDX-License-Identifier: MIT */
/*
 * dir.c - the entries of a directory, read by the blocking pool.
 *
 * Threads: the executor's; a read runs on a pool thread.
 *
 * The directory, not the future that waits, owns the read that is under way: if
 * that future is dropped, the next one waits for the same read, and no entry is
 * lost. Until the read has ended only the pool thread touches the state. If the
 * directory is closed before, the pool frees the state.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <reveil/dir.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"

enum { PIECE_BYTES = 32 * 1024 };

struct rv_dir_state {
    int fd;             /* -1: it is not open yet */
    size_t at;          /* the next entry in `entries` */
    size_t end;         /* of what was read */
    int32_t end_result; /* after the entries: -EAGAIN, 0, or an error */
    _Alignas(struct dirent64) char entries[PIECE_BYTES];
    char path[];
};

static void free_state(void *arg)
{
    struct rv_dir_state *state = arg;

    if (state->fd >= 0)
        close(state->fd);
    rv_free(state);
}

/* On a pool thread. Returns: bytes that were read, negative errno. */
static int32_t read_piece(void *arg)
{
    struct rv_dir_state *state = arg;
    uint32_t tries = 0;
    ssize_t n;

    if (state->fd < 0)
        state->fd = rv_fd_above_stdio(
            open(state->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (state->fd < 0)
        return state->fd;
    do {
        n = getdents64(state->fd, state->entries, sizeof state->entries);
    } while (n < 0 && rv_interrupted(&tries));
    return n < 0 ? -errno : (int32_t)n;
}

void rv_dir_init(struct rv_dir *dir, const char *path)
{
    const size_t path_bytes = strlen(path) + 1;

    *dir = (struct rv_dir){.state = NULL};
    dir->state = rv_alloc(sizeof *dir->state + path_bytes);
    if (!dir->state)
        return;
    dir->state->fd = -1;
    dir->state->end_result = -EAGAIN;
    memcpy(dir->state->path, path, path_bytes);
}

void rv_dir_close(struct rv_dir *dir)
{
    if (dir->is_reading)
        rv_drop(&dir->read.future); /* the pool frees the state */
    else if (dir->state)
        free_state(dir->state);
    *dir = (struct rv_dir){.state = NULL};
}

static bool is_dot(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

int rv_dir_try_next(struct rv_dir *dir, struct rv_dir_entry *entry)
{
    struct rv_dir_state *state = dir->state;

    if (!state)
        return -ENOMEM;
    if (dir->is_reading)
        return -EAGAIN;
    while (state->at < state->end) {
        const struct dirent64 *found =
            (const struct dirent64 *)(void *)(state->entries + state->at);

        state->at += found->d_reclen;
        if (is_dot(found->d_name))
            continue;
        entry->name = found->d_name;
        entry->inode = found->d_ino;
        entry->type = found->d_type;
        return 1;
    }
    return state->end_result;
}

/* Returns: bytes that were read; 0: there are no more entries; negative errno;
 * -EINPROGRESS: the read is under way, and has the waker. */
static int32_t poll_read(struct rv_dir *dir, struct rv_cx *cx)
{
    struct rv_dir_state *state = dir->state;
    int32_t result;

    if (!dir->is_reading) {
        rv_blocking_init(&dir->read, read_piece, state, free_state);
        dir->is_reading = true;
    }
    if (rv_poll(&dir->read.future, cx) == RV_PENDING)
        return -EINPROGRESS;
    dir->is_reading = false;
    result = dir->read.future.result;
    state->at = 0;
    state->end = result > 0 ? (size_t)result : 0;
    state->end_result = result > 0 ? -EAGAIN : result;
    return result;
}

/* The pool too may fail with -EAGAIN, when it can start no thread. */
static enum rv_poll next_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_dir_next *self =
        RV_CONTAINER_OF(future, struct rv_dir_next, future);
    int32_t result;

    while ((future->result = rv_dir_try_next(self->dir, self->entry)) ==
           -EAGAIN) {
        result = poll_read(self->dir, cx);
        if (result == -EINPROGRESS)
            return RV_PENDING;
        if (result == -EAGAIN)
            break;
    }
    return RV_READY;
}

void rv_dir_next_init(struct rv_dir_next *next, struct rv_dir *dir,
                      struct rv_dir_entry *entry)
{
    static const struct rv_future_ops ops = {.name = "rv_dir_next",
                                             .poll = next_poll};

    rv_future_init(&next->future, &ops);
    next->dir = dir;
    next->entry = entry;
}
