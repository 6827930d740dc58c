/* SPDX-License-Identifier: MIT */
/* write_all.h - write a whole buffer to a descriptor of any kind. */
#ifndef RV_WRITE_ALL_H
#define RV_WRITE_ALL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Write all of `data`. Waits with poll(2) if the descriptor is non-blocking.
 *
 * written_bytes: increased by the bytes written, also on error; or NULL.
 * Blocks: the thread.   Threads: any.   Returns: 0, negative errno.
 */
int rv_write_all(int fd, const void *data, size_t len_bytes,
                 uint64_t *written_bytes);

#endif /* RV_WRITE_ALL_H */
