/* SPDX-License-Identifier: MIT */
/*
 * http_source.h - where the body of a request comes from, in pieces, so that it
 * is never in memory as a whole.
 *
 *     fd = open("big.iso", O_RDONLY | O_CLOEXEC);
 *     rv_http_reader_init(&reader, fd);
 *     rv_http_request_init(&get, "PUT", url);
 *     rv_http_get_send_from(&get, &reader.source, reader.len_bytes);
 *     error = rv_http_fetch(&get, rv_after_ms(60000));
 *     ...
 *     rv_drop(&get.future);
 *     rv_http_reader_drop(&reader);
 *     close(fd);
 *
 * http_sink.h is the same for the body of a response.
 */
#ifndef RV_HTTP_SOURCE_H
#define RV_HTTP_SOURCE_H

#include <reveil/blocking.h>
#include <sys/types.h>

RV_BEGIN_DECLS

struct rv_http_source;

/* The operations of a source. Threads: the executor's. */
struct rv_http_source_ops {
    /*
     * Store the next bytes of the body.
     *
     * Owns:    `buffer` is borrowed for the call.
     * Returns: their number; 0: the end; -EAGAIN: the waker of `cx` was stored;
     * another negative errno, which ends the request.
     */
    ssize_t (*poll_read)(struct rv_http_source *source, struct rv_cx *cx,
                         void *buffer, size_t len_bytes);

    /*
     * Begin again, because the request is sent once more: after a redirect with
     * 307 or 308, or on a new connection. NULL: that is not possible.
     *
     * Returns: 0, negative errno.
     */
    int (*rewind)(struct rv_http_source *source);
};

/* Embedded in every concrete source, which must not move during the request. */
struct rv_http_source {
    const struct rv_http_source_ops *ops;
};

/* --- a file ------------------------------------------------------------ */

struct rv_http_reader_job;

/* A source that reads a descriptor on the thread's blocking pool, 64 KiB at a
 * time: a file from its current position, or a pipe. */
struct rv_http_reader {
    struct rv_http_source source;

    int64_t len_bytes; /* of a regular file, from its position; else -1 */

    /* Private. */
    struct rv_blocking call;
    struct rv_http_reader_job *job;
    bool calling;
    size_t at; /* what was taken of the job's buffer */
};

/*
 * Owns: the caller keeps `fd`; the source duplicates it.
 * Returns: 0, -ENOMEM, -EBADF, -EMFILE.
 */
int rv_http_reader_init(struct rv_http_reader *reader, int fd);

/* Release everything, after the request was dropped. A no-op on a struct that
 * is all zero or was dropped before. A read that is running ends by itself. */
void rv_http_reader_drop(struct rv_http_reader *reader);

RV_END_DECLS

#endif /* RV_HTTP_SOURCE_H */
