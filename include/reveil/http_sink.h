/* SPDX-License-Identifier: MIT */
/*
 * http_sink.h - where the body of a response goes as it comes, so that it is
 * never held in memory.
 *
 *     rv_http_file_init(&self->file, AT_FDCWD, "big.iso");
 *     rv_http_get_init(&self->get, url);
 *     rv_http_get_into(&self->get, &self->file.sink);
 *     RV_AWAIT(future, cx, &self->get.future);
 *     ... with a result of 0 there is a whole big.iso
 *     rv_drop(&self->get.future);
 *     rv_http_file_drop(&self->file);
 */
#ifndef RV_HTTP_SINK_H
#define RV_HTTP_SINK_H

#include <reveil/blocking.h>
#include <sys/types.h>

struct rv_http_get;
struct rv_http_sink;

/* A negative errno other than -EAGAIN is the result of the GET then, and its
 * state is RV_HTTP_STORING. Threads: the executor's. */
struct rv_http_sink_ops {
    /*
     * The head of the response is there (not of one that is redirected), its
     * status too; the body follows. NULL: nothing to do.
     *
     * Returns: 0, negative errno.
     */
    int (*start)(struct rv_http_sink *sink, const struct rv_http_get *get);

    /*
     * Take some of the next bytes of the body.
     *
     * Owns:    `data` is the GET's again after the call.
     * Returns: how many were taken, 1 or more; -EAGAIN: none, the waker of
     * `cx` was left; negative errno.
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

/* Embedded in every concrete sink. It does not move during the GET. */
struct rv_http_sink {
    const struct rv_http_sink_ops *ops;
};

/* --- a file ------------------------------------------------------------ */

/*
 * Opens, writes and closes on the thread's blocking pool, in steps of 128 KiB;
 * the executor's thread only copies. A short body is one step.
 *
 * A file that was given by its name has that name only when it is whole: until
 * then it is a new one, called NAME.<a number that nobody else has>.part, which
 * is removed when the GET fails or is dropped. What had the name before, a
 * link or a pipe too, is not written to, and stays until it is replaced. Of two
 * that write the same name at once the one that is whole last has it, all of
 * it. A process that is killed leaves the .part.
 */
struct rv_http_file {
    struct rv_http_sink sink;

    uint64_t written_bytes; /* so far, also by a GET that failed */

    /* Private. */
    struct rv_blocking call;
    struct rv_http_file_job *job;
    bool calling;
};

/*
 * name: copied; relative to `dir_fd`, which may be AT_FDCWD and else stays
 * open as long as the blocking pool. A symbolic link of that name is replaced,
 * not followed.
 *
 * Returns: 0, -ENOMEM. Errors of the file itself are the GET's.
 */
int rv_http_file_init(struct rv_http_file *file, int dir_fd, const char *name);

/*
 * Into an open descriptor: a pipe, a device, a file from where it stands. What
 * was written when it fails stays there: see written_bytes.
 *
 * Owns: `fd` stays the caller's; the file has a copy of it.
 * Returns: 0, -ENOMEM, -EBADF, -EMFILE.
 */
int rv_http_file_init_fd(struct rv_http_file *file, int fd);

/*
 * Let go of everything; after the GET was dropped. Harmless on one that is all
 * zero, or was dropped before. A step that is under way ends by itself; if it
 * was the last, the file has its name then.
 *
 * Blocks: never, but for one unlink(2) when the body was cut between steps.
 */
void rv_http_file_drop(struct rv_http_file *file);

#endif /* RV_HTTP_SINK_H */
