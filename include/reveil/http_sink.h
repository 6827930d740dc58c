/* SPDX-License-Identifier: MIT */
/*
 * http_sink.h - a destination for the body of a response, which receives it in
 * pieces, so that it is never in memory as a whole.
 *
 *     struct rv_http_file file = {0};
 *     struct rv_http_get get;                          in a coroutine
 *     int error = rv_http_get_init(&get, url);
 *
 *     if (!error)
 *         error = rv_http_file_init(&file, AT_FDCWD, "big.iso");
 *     if (!error) {
 *         rv_http_get_into(&get, &file.sink);
 *         error = rv_http_fetch(&get, rv_after_ms(60000));
 *     }
 *     ... if error is 0 and get.status is 200, big.iso is complete
 *     rv_drop(&get.future);
 *     rv_http_file_drop(&file);
 *
 * A response such as 404 has a body too, and it goes to the sink: a sink whose
 * `start` looks at get->status can refuse it.
 */
#ifndef RV_HTTP_SINK_H
#define RV_HTTP_SINK_H

#include <reveil/blocking.h>
#include <sys/types.h>

RV_BEGIN_DECLS

struct rv_http_get;
struct rv_http_sink;

/*
 * The operations of a sink. If one returns a negative errno other than -EAGAIN,
 * the GET ends with that result, in state RV_HTTP_STORING.
 *
 * Threads: the executor's.
 */
struct rv_http_sink_ops {
    /*
     * The head of the response was received, so get->status is valid; the body
     * follows. Not called for a redirect that is followed. NULL: nothing to do.
     *
     * Returns: 0, negative errno.
     */
    int (*start)(struct rv_http_sink *sink, const struct rv_http_get *get);

    /*
     * Accept the next bytes of the body, all or some of them.
     *
     * Owns:    `data` is borrowed for the call.
     * Returns: the number of bytes accepted, 1 or more; -EAGAIN: none, the
     * waker of `cx` was stored; negative errno.
     */
    ssize_t (*poll_write)(struct rv_http_sink *sink, struct rv_cx *cx,
                          const void *data, size_t len_bytes);

    /*
     * The body is complete. Called again after -EAGAIN; NULL: nothing to do.
     *
     * Returns: 0, -EAGAIN, negative errno.
     */
    int (*poll_finish)(struct rv_http_sink *sink, struct rv_cx *cx);
};

/* Embedded in every concrete sink, which must not move during the GET. */
struct rv_http_sink {
    const struct rv_http_sink_ops *ops;
};

/* --- a file ------------------------------------------------------------ */

/*
 * A sink that opens, writes and closes a file on the thread's blocking pool, in
 * steps of 128 KiB. The executor's thread only copies. A short body is one
 * step.
 *
 * A file given by its name appears under that name only when it is complete.
 * Until then it is a new file, NAME.<unique number>.part, which is removed if
 * the GET fails or is dropped. An existing file, link or pipe of that name is
 * never written to; it stays until it is replaced. If two GETs write the same
 * name at once, the one that completes last wins, with its whole content. A
 * process that is killed leaves the .part file behind.
 */
struct rv_http_file {
    struct rv_http_sink sink;

    uint64_t written_bytes; /* so far; valid also if the GET failed */

    /* Private. */
    struct rv_blocking call;
    struct rv_http_file_job *job;
    bool calling;
};

/*
 * name: copied; relative to `dir_fd`, which is AT_FDCWD or a descriptor that
 * must stay open as long as the blocking pool. A symbolic link of that name is
 * replaced, not followed.
 *
 * Returns: 0, -ENOMEM. Errors of the file are results of the GET.
 */
int rv_http_file_init(struct rv_http_file *file, int dir_fd, const char *name);

/*
 * Write to an open descriptor: a pipe, a device, or a file from its current
 * position. After an error, the data written so far remains: see written_bytes.
 *
 * Owns: the caller keeps `fd`; the sink duplicates it.
 * Returns: 0, -ENOMEM, -EBADF, -EMFILE.
 */
int rv_http_file_init_fd(struct rv_http_file *file, int fd);

/*
 * Release everything. Call it after the GET was dropped. A no-op on a struct
 * that is all zero or was dropped before. A step that is running ends by
 * itself; if it was the last one, the file gets its name.
 *
 * Blocks: for one unlink(2) at most, if the body ended between two steps.
 */
void rv_http_file_drop(struct rv_http_file *file);

RV_END_DECLS

#endif /* RV_HTTP_SINK_H */
