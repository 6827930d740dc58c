/* SPDX-License-Identifier: MIT */
/* buffer.h - a buffer of bytes that grows. */
#ifndef RV_HTTP_BUFFER_H
#define RV_HTTP_BUFFER_H

#include <errno.h>
#include <reveil/base.h>
#include <string.h>

/*
 * Replace `*buffer` by one of `new_room` bytes with the same first `len` bytes,
 * and set `*room`. On error both are unchanged.
 *
 * Returns: 0, -ENOMEM.
 */
static inline int rv_http_grow(char **buffer, size_t len, size_t *room,
                               size_t new_room)
{
    char *larger = rv_alloc(new_room);

    if (!larger)
        return -ENOMEM;
    if (len > 0)
        memcpy(larger, *buffer, len);
    rv_free(*buffer);
    *buffer = larger;
    *room = new_room;
    return 0;
}

#endif /* RV_HTTP_BUFFER_H */
