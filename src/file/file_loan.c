/* SPDX-License-Identifier: MIT */
/*
 * file_loan.c - open files, and what an operation keeps alive while the kernel
 * or a pool thread uses it.
 *
 * Threads: references to files and buffers, any. A loan belongs to the
 * executor's thread, or to the pool thread that ends it.
 *
 * The rules are FILE-1 and FILE-2 (file.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "file/file_internal.h"

/* What one read(2) or write(2) moves at most on Linux. The length of an entry
 * of the ring has 32 bits, so it is limited to the same. */
enum { MOST_BYTES = 0x7ffff000 };

/* --- the file ---------------------------------------------------------- */

struct rv_file *rv_file_new(int fd, bool borrowed)
{
    struct rv_file *file = rv_alloc(sizeof *file);

    if (!file)
        return NULL;
    file->fd = fd;
    file->borrowed = borrowed;
    atomic_init(&file->references, 1);
    return file;
}

static int make_file(struct rv_file **out, int fd, bool borrowed)
{
    int flags = fcntl(fd, F_GETFL);
    struct rv_file *file = rv_file_new(fd, borrowed);

    if (!file)
        return -ENOMEM;
    atomic_init(&file->waits, flags >= 0 && flags & O_DIRECT);
    *out = file;
    return 0;
}

int rv_file_of_fd(struct rv_file **out, int fd)
{
    return make_file(out, fd, true);
}

int rv_file_adopt(struct rv_file **out, int fd)
{
    int error = make_file(out, fd, false);

    if (error)
        close(fd);
    return error;
}

struct rv_file *rv_file_get(struct rv_file *file)
{
    /* relaxed: the caller has a reference; nothing is published. */
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

void rv_file_put(struct rv_file *file)
{
    if (!file)
        return;
    /* release: publishes that this thread is done with the file. acquire, for
     * the last reference: sees that all others are. Pairs with itself. */
    if (atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) >
        1)
        return;
    if (!file->borrowed && file->fd >= 0)
        close(file->fd);
    rv_free(file);
}

int rv_file_fd(const struct rv_file *file)
{
    return file->fd;
}

/* --- the loan ---------------------------------------------------------- */

static bool fills(enum rv_file_kind kind)
{
    return kind == RV_FILE_READ;
}

int rv_file_lend(struct rv_file_op *op)
{
    const enum rv_file_kind kind = (enum rv_file_kind)op->kind;
    struct rv_buf *buf = op->buf;

    if (kind == RV_FILE_OPEN || kind == RV_FILE_STAT) {
        const size_t path_bytes = op->path ? strlen(op->path) + 1 : 0;

        op->memory = rv_alloc(op->path ? path_bytes : sizeof(struct statx));
        if (!op->memory)
            return -ENOMEM;
        if (op->path)
            memcpy(op->memory, op->path, path_bytes);
    }
    if (buf) {
        const size_t from = fills(kind) ? buf->len_bytes : op->from_bytes;
        const size_t end = fills(kind) ? buf->cap_bytes : buf->len_bytes;

        if (!rv_buf_claim(buf, fills(kind)))
            return -EBUSY;
        rv_buf_get(buf);
        op->data = buf->data + from;
        op->left_bytes = end > from ? end - from : 0;
    }
    op->most_bytes = MOST_BYTES;
    if (kind == RV_FILE_CLOSE) { /* the loan has the owner's reference */
        op->file = *op->out;
        *op->out = NULL;
    } else if (op->file) {
        rv_file_get(op->file);
    }
    return 0;
}

struct rv_file_loan rv_file_loan_of(const struct rv_file_op *op)
{
    return (struct rv_file_loan){.kind = (enum rv_file_kind)op->kind,
                                 .file = op->file,
                                 .buf = op->buf,
                                 .memory = op->memory};
}

void rv_file_loan_end(const struct rv_file_loan *loan)
{
    if (loan->buf) {
        rv_buf_unclaim(loan->buf, fills(loan->kind));
        rv_buf_put(loan->buf);
    }
    rv_free(loan->memory);
    rv_file_put(loan->file);
}

bool rv_file_was_closed(int32_t result)
{
    return result != -ECANCELED && result != -ENOMEM && result != -EAGAIN &&
           result != -ENODEV;
}

void rv_file_loan_release(void *arg, int32_t result)
{
    const struct rv_file_loan *loan = arg;

    if (loan->kind == RV_FILE_OPEN && result >= 0)
        close(result); /* no future will use it */
    if (loan->kind == RV_FILE_CLOSE && rv_file_was_closed(result))
        loan->file->fd = -1;
    rv_file_loan_end(loan);
}
