/* SPDX-License-Identifier: MIT */
/*
 * bytes.h - a buffer that grows.
 *
 *     struct rv_bytes text;
 *
 *     rv_bytes_init(&text, 64 * 1024);
 *     error = rv_bytes_append(&text, "hello", 5);
 *     if (!error)
 *         error = rv_bytes_printf(&text, ", %s %d", "world", 42);
 *     if (!error)
 *         puts(text.data);
 *     rv_bytes_fini(&text);
 *
 * For what an operation must keep alive by itself, see buf.h.
 */
#ifndef RV_BYTES_H
#define RV_BYTES_H

#include <reveil/export.h>
#include <stddef.h>

RV_BEGIN_DECLS

/*
 * Embed it. All zero is an empty buffer without a limit. The bytes may be
 * changed in place, and len_bytes made smaller; a NUL follows the bytes after
 * each call.
 */
struct rv_bytes {
    char *data; /* NULL while nothing was reserved */
    size_t len_bytes;
    size_t max_bytes; /* of len_bytes; 0: as many as there is memory for */
    size_t cap_bytes; /* private */
};

/* Make an empty buffer. Nothing is allocated yet. */
void rv_bytes_init(struct rv_bytes *bytes, size_t max_bytes);

/* Free the memory; the buffer is empty then, with the same limit. */
void rv_bytes_fini(struct rv_bytes *bytes);

/*
 * Have room for `more_bytes` after the contents, so that they can be written to
 * data + len_bytes directly and len_bytes be increased. The memory at least
 * doubles each time it grows: `data` may move.
 *
 * Returns: 0; -EMSGSIZE: that is more than max_bytes; -ENOMEM. On an error the
 * buffer is unchanged.
 */
int rv_bytes_reserve(struct rv_bytes *bytes, size_t more_bytes);

/* Append a copy of the data, which must not lie in the buffer itself. Returns:
 * 0; as rv_bytes_reserve(), and then nothing was appended. */
int rv_bytes_append(struct rv_bytes *bytes, const void *data, size_t len_bytes);

/* Append as printf(3) prints. Returns: 0; -EINVAL: printf() failed; as
 * rv_bytes_reserve(), and then nothing was appended. */
int rv_bytes_printf(struct rv_bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Remove the first bytes, and move the others to the beginning. Misuse: there
 * are fewer. */
void rv_bytes_remove(struct rv_bytes *bytes, size_t len_bytes);

RV_END_DECLS

#endif /* RV_BYTES_H */
