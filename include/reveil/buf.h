/* SPDX-License-Identifier: MIT */
/*
 * buf.h - memory that an operation can keep until it is done with it.
 *
 *     buf = rv_buf_new(64 * 1024);
 *     rv_file_read_init(&self->read, file, buf, 0);
 *     RV_AWAIT(future, cx, &self->read.future);   buf->data[0 .. len_bytes)
 *     ...
 *     rv_buf_put(buf);
 *
 * While an operation is in flight it has a reference of its own, so a future
 * may be dropped and the buffer be put at any time: the memory stays until the
 * kernel, or the thread of the pool, has let go of it.
 */
#ifndef RV_BUF_H
#define RV_BUF_H

#include <reveil/export.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

/* Not to be copied. */
struct rv_buf {
    char *data;
    size_t len_bytes;            /* how much of it means something */
    size_t cap_bytes;            /* how much there is */
    _Atomic uint32_t references; /* private */
    _Atomic int32_t claims;      /* private: operations that write what is in
                                    it to a file; -1: one that reads into it */
};

/*
 * An empty buffer with one reference, zeroed. One of 4 KiB or more is aligned
 * to 4 KiB, as O_DIRECT wants it.
 *
 * Returns: NULL without memory.
 */
struct rv_buf *rv_buf_new(size_t cap_bytes);

/* One more reference. Threads: any. Returns: buf. */
struct rv_buf *rv_buf_get(struct rv_buf *buf);

/* Give up a reference; the last one frees the memory. NULL is allowed.
 * Threads: any. */
void rv_buf_put(struct rv_buf *buf);

/*
 * An operation has it: do not touch it. So it is from the first poll of the
 * operation's future until that is READY, or, if the future was dropped before,
 * until the kernel has let go. Threads: any.
 */
bool rv_buf_busy(const struct rv_buf *buf);

RV_END_DECLS

#endif /* RV_BUF_H */
