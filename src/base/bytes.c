/* SPDX-License-Identifier: MIT */
/*
 * bytes.c - a buffer that grows by doubling.
 *
 * Threads: one at a time for a buffer.
 *
 * cap_bytes does not count the byte of the NUL that follows the contents.
 */
#include <errno.h>
#include <reveil/base.h>
#include <reveil/bytes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base_internal.h"

enum { FIRST_BYTES = 64 };

void rv_bytes_init(struct rv_bytes *bytes, size_t max_bytes)
{
    *bytes = (struct rv_bytes){.max_bytes = max_bytes};
}

void rv_bytes_fini(struct rv_bytes *bytes)
{
    rv_free(bytes->data);
    rv_bytes_init(bytes, bytes->max_bytes);
}

/* The next capacity: the double, but at least `wanted`, and not more than the
 * limit. */
static size_t grown(const struct rv_bytes *bytes, size_t wanted)
{
    const size_t limit = bytes->max_bytes ? bytes->max_bytes : SIZE_MAX / 2;
    size_t cap_bytes = bytes->cap_bytes ? bytes->cap_bytes : FIRST_BYTES;

    if (cap_bytes <= limit / 2)
        cap_bytes *= 2;
    else
        cap_bytes = limit;
    return cap_bytes < wanted ? wanted : cap_bytes;
}

int rv_bytes_reserve(struct rv_bytes *bytes, size_t more_bytes)
{
    size_t wanted;
    size_t cap_bytes;
    char *data;

    if (__builtin_add_overflow(bytes->len_bytes, more_bytes, &wanted))
        return -ENOMEM;
    if (bytes->max_bytes && wanted > bytes->max_bytes)
        return -EMSGSIZE;
    if (bytes->data && wanted <= bytes->cap_bytes)
        return 0;
    cap_bytes = grown(bytes, wanted);
    if (cap_bytes == SIZE_MAX)
        return -ENOMEM;
    data = rv_alloc(cap_bytes + 1);
    if (!data)
        return -ENOMEM;
    if (bytes->len_bytes > 0)
        memcpy(data, bytes->data, bytes->len_bytes);
    rv_free(bytes->data);
    bytes->data = data;
    bytes->cap_bytes = cap_bytes;
    return 0;
}

int rv_bytes_append(struct rv_bytes *bytes, const void *data, size_t len_bytes)
{
    const int error = rv_bytes_reserve(bytes, len_bytes);

    if (error)
        return error;
    if (len_bytes > 0)
        memcpy(bytes->data + bytes->len_bytes, data, len_bytes);
    bytes->len_bytes += len_bytes;
    bytes->data[bytes->len_bytes] = '\0';
    return 0;
}

int rv_bytes_printf(struct rv_bytes *bytes, const char *format, ...)
{
    va_list args;
    int error;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return -EINVAL;
    error = rv_bytes_reserve(bytes, (size_t)n);
    if (error)
        return error;
    va_start(args, format);
    vsnprintf(bytes->data + bytes->len_bytes, (size_t)n + 1, format, args);
    va_end(args);
    bytes->len_bytes += (size_t)n;
    return 0;
}

void rv_bytes_remove(struct rv_bytes *bytes, size_t len_bytes)
{
    RV_CHECK(len_bytes <= bytes->len_bytes, "there are fewer bytes");
    if (len_bytes == 0)
        return;
    bytes->len_bytes -= len_bytes;
    memmove(bytes->data, bytes->data + len_bytes, bytes->len_bytes);
    bytes->data[bytes->len_bytes] = '\0';
}
