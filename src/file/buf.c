/* SPDX-License-Identifier: MIT */
/*
 * buf.c - reference-counted buffers, and which operation may use them.
 *
 * Threads: any.
 */
#include <errno.h>

#include "base/base_internal.h"
#include "file/file_internal.h"

enum { ALIGNMENT = 4096 };

static size_t up_to(size_t value, size_t step)
{
    return (value + step - 1) / step * step;
}

struct rv_buf *rv_buf_new(size_t cap_bytes)
{
    const size_t align = cap_bytes >= ALIGNMENT ? ALIGNMENT : 1;
    struct rv_buf *buf;

    if (cap_bytes > SIZE_MAX / 2)
        return NULL;
    buf = rv_alloc(sizeof *buf + cap_bytes + align - 1);
    if (!buf)
        return NULL;
    buf->data = (char *)up_to((uintptr_t)(buf + 1), align);
    buf->cap_bytes = cap_bytes;
    atomic_init(&buf->references, 1);
    return buf;
}

struct rv_buf *rv_buf_get(struct rv_buf *buf)
{
    /* relaxed: the caller has a reference; nothing is published. */
    atomic_fetch_add_explicit(&buf->references, 1, memory_order_relaxed);
    return buf;
}

void rv_buf_put(struct rv_buf *buf)
{
    if (!buf)
        return;
    /* release: publishes that this thread is done with the memory. acquire, for
     * the last reference: sees that all others are. Pairs with itself. */
    if (atomic_fetch_sub_explicit(&buf->references, 1, memory_order_acq_rel) ==
        1)
        rv_free(buf);
}

bool rv_buf_busy(const struct rv_buf *buf)
{
    /* acquire: sees what was read into it; pairs with rv_buf_unclaim(). */
    return atomic_load_explicit(&buf->claims, memory_order_acquire) != 0;
}

bool rv_buf_claim(struct rv_buf *buf, bool to_fill)
{
    int32_t seen = 0;

    do {
        if (seen < 0 || (to_fill && seen > 0))
            return false;
        /* acquire: sees that earlier operations have ended; pairs with
         * rv_buf_unclaim(). */
    } while (!atomic_compare_exchange_weak_explicit(
        &buf->claims, &seen, to_fill ? -1 : seen + 1, memory_order_acquire,
        memory_order_relaxed));
    return true;
}

void rv_buf_unclaim(struct rv_buf *buf, bool to_fill)
{
    /* release: publishes that this operation is done with the memory; pairs
     * with rv_buf_claim() and rv_buf_busy(). */
    atomic_fetch_add_explicit(&buf->claims, to_fill ? 1 : -1,
                              memory_order_release);
}
