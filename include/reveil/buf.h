/* SPDX-License-Identifier: MIT */
/*
 * buf.h - reference-counted buffers, which an operation can keep alive.
 *
 *     self->buf = rv_buf_new(64 * 1024);
 *     rv_file_read_init(&self->read, self->file, self->buf, 0);
 *     RV_AWAIT(future, cx, &self->read.future);
 *     ... self->read.future.result bytes are at self->buf->data
 *     rv_buf_put(self->buf);
 *
 * An operation that is under way has its own reference. So the future may be
 * dropped and the buffer put at any time: the memory is freed only after the
 * kernel or the pool thread has finished with it.
 */
#ifndef RV_BUF_H
#define RV_BUF_H

#include <reveil/atomic.h>
#include <reveil/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

/* Do not copy it. */
struct rv_buf {
    char *data;
    size_t len_bytes;               /* that are in use */
    size_t cap_bytes;               /* that there is room for */
    RV_ATOMIC(uint32_t) references; /* private */
    RV_ATOMIC(int32_t)
    claims; /* private: how many operations read it;
               -1: one fills it */
};

/*
 * Create an empty, zeroed buffer with one reference. A buffer of 4 KiB or more
 * is aligned to 4 KiB, as O_DIRECT requires.
 *
 * Returns: NULL without memory.
 */
struct rv_buf *rv_buf_new(size_t cap_bytes);

/* Take a reference. Threads: any. Returns: buf. */
struct rv_buf *rv_buf_get(struct rv_buf *buf);

/* Put a reference; the last one frees the memory. NULL is allowed. Threads:
 * any.
 */
void rv_buf_put(struct rv_buf *buf);

/*
 * Returns: true while an operation uses the buffer, which the program must not
 * touch then. This begins with the first poll of the future and ends when it is
 * READY; if it is dropped before, when the kernel or the pool thread has
 * finished. Threads: any.
 */
bool rv_buf_busy(const struct rv_buf *buf);

RV_END_DECLS

#endif /* RV_BUF_H */
