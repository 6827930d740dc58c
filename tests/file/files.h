/* SPDX-License-Identifier: MIT */
/*
 * files.h - a runtime, and a directory for files, for the tests of files.
 *
 * The environment says which way the operations go, so that the same tests run
 * through each: RV_DISK=pool (no ring); RV_TEST_SECCOMP=ENOSYS or EPERM (a
 * kernel or a sandbox without io_uring); RV_TEST_ENTRIES (of the ring);
 * RV_TEST_REACTOR (thread or fused).
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_FILES_H
#define RV_TEST_FILES_H

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/file.h>
#include <reveil/runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/machine.h"
#include "support/support.h"
#include "support/take_away.h"

struct desk {
    struct rv_runtime *runtime;
    char directory[32];
    char path[64]; /* of a file in it that does not exist yet */
};

static inline struct rv_runtime *files_start(void)
{
    const char *mode = getenv("RV_TEST_REACTOR");
    const char *entries = getenv("RV_TEST_ENTRIES");
    const char *sandbox = getenv("RV_TEST_SECCOMP");
    struct rv_runtime_options options = {
        .ring = {.entries = entries ? (uint32_t)atoi(entries) : 0,
                 .off = machine_wants_pool()}};
    struct rv_runtime *runtime;

    if (sandbox)
        take_away(SYS_io_uring_setup,
                  strcmp(sandbox, "EPERM") == 0 ? EPERM : ENOSYS);
    if (mode && strcmp(mode, "fused") == 0)
        options.reactor = RV_REACTOR_FUSED;
    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    return runtime;
}

static inline void desk_init(struct desk *desk)
{
    strcpy(desk->directory, "/tmp/reveil-file-XXXXXX");
    cr_assert_not_null(mkdtemp(desk->directory));
    snprintf(desk->path, sizeof desk->path, "%s/file", desk->directory);
    desk->runtime = files_start();
}

static inline void desk_fini(struct desk *desk)
{
    rv_runtime_stop(desk->runtime);
    unlink(desk->path);
    cr_assert_eq(rmdir(desk->directory), 0);
}

static inline int desk_await(struct desk *desk, struct rv_future *future)
{
    return rv_test_block_on(rv_runtime_executor(desk->runtime), future);
}

/* One operation that was initialised. Returns: its result. */
static inline int desk_do(struct desk *desk, struct rv_file_op *op)
{
    int result = desk_await(desk, &op->future);

    rv_drop(&op->future);
    return result;
}

static inline struct rv_file *desk_open(struct desk *desk, int flags)
{
    struct rv_file *file = NULL;
    struct rv_file_op op;

    rv_file_open_init(&op, &file, desk->path, flags, 0600);
    cr_assert_eq(desk_do(desk, &op), 0);
    cr_assert_not_null(file);
    return file;
}

static inline int desk_close(struct desk *desk, struct rv_file **file)
{
    struct rv_file_op op;

    rv_file_close_init(&op, file);
    return desk_do(desk, &op);
}

static inline int desk_write(struct desk *desk, struct rv_file *file,
                             const char *text, int64_t offset)
{
    struct rv_buf *buf = rv_buf_new(strlen(text));
    struct rv_file_op op;
    int result;

    buf->len_bytes = strlen(text);
    memcpy(buf->data, text, buf->len_bytes);
    rv_file_write_init(&op, file, buf, 0, offset);
    result = desk_do(desk, &op);
    rv_buf_put(buf);
    return result;
}

/* Read up to `cap` bytes as text into `out`. */
static inline int desk_read(struct desk *desk, struct rv_file *file, char *out,
                            size_t cap, int64_t offset)
{
    struct rv_buf *buf = rv_buf_new(cap);
    struct rv_file_op op;
    int result;

    rv_file_read_init(&op, file, buf, offset);
    result = desk_do(desk, &op);
    cr_assert_eq(buf->len_bytes, (size_t)(result > 0 ? result : 0));
    memcpy(out, buf->data, buf->len_bytes);
    out[buf->len_bytes] = '\0';
    rv_buf_put(buf);
    return result;
}

/* Both ends of a pipe as files; the test closes the descriptors. */
struct tube {
    int fds[2];
    struct rv_file *reader;
    struct rv_file *writer;
};

static inline void tube_open(struct tube *tube, int flags)
{
    cr_assert_eq(pipe2(tube->fds, O_CLOEXEC | flags), 0);
    cr_assert_eq(rv_file_of_fd(&tube->reader, tube->fds[0]), 0);
    cr_assert_eq(rv_file_of_fd(&tube->writer, tube->fds[1]), 0);
}

static inline void tube_close(struct tube *tube)
{
    rv_file_put(tube->reader);
    rv_file_put(tube->writer);
    close(tube->fds[0]);
    close(tube->fds[1]);
}

/* Poll once, for a task of the runtime's executor. */
static inline enum rv_poll poll_once(struct desk *desk,
                                     struct rv_future *future,
                                     const struct rv_probe *probe)
{
    struct rv_cx cx = rv_probe_cx(probe);

    cx.executor = rv_runtime_executor(desk->runtime);
    return rv_poll(future, &cx);
}

/* Let everything run for this many milliseconds. */
static inline void let_pass(struct desk *desk, int64_t ms)
{
    struct rv_sleep nap;

    rv_sleep_init(&nap, rv_after_ms(ms));
    cr_assert_eq(desk_await(desk, &nap.future), 0);
}

/* Wait until no operation uses the buffer. */
static inline void await_buf(struct desk *desk, const struct rv_buf *buf)
{
    for (int i = 0; i < RV_TEST_WAIT_MS && rv_buf_busy(buf); i++)
        let_pass(desk, 1);
    cr_assert(!rv_buf_busy(buf));
}

#endif /* RV_TEST_FILES_H */
