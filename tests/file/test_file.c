/* SPDX-License-Identifier: MIT */
/*
 * test_file.c - file operations: what they do and return, through the ring and
 * through the pool.
 *
 * Threads: the test's.
 */
#include "file/files.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "file/file_internal.h"
#include "support/failing_alloc.h"

RV_TEST_SUITE(file);

/* --- results ----------------------------------------------------------- */

RV_TEST(file, what_was_written_is_read)
{
    struct desk desk;
    struct rv_file *file;
    char text[16];

    desk_init(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert_eq(desk_write(&desk, file, "hello, disk", 0), 11);
    cr_assert_eq(desk_read(&desk, file, text, 15, 0), 11);
    cr_assert_str_eq(text, "hello, disk");
    cr_assert_eq(desk_read(&desk, file, text, 4, 7), 4);
    cr_assert_str_eq(text, "disk");
    cr_assert_eq(desk_read(&desk, file, text, 4, 11), 0, "the end");
    cr_assert_eq(desk_read(&desk, file, text, 4, 1000), 0, "past it");
    cr_assert_eq(desk_close(&desk, &file), 0);
    cr_assert_null(file);
    desk_fini(&desk);
}

RV_TEST(file, a_read_goes_to_the_end_of_the_buffer)
{
    struct desk desk;
    struct rv_file *file;
    struct rv_buf *buf = rv_buf_new(5);
    struct rv_file_op op;

    desk_init(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert_eq(desk_write(&desk, file, "abcdefgh", 0), 8);
    memcpy(buf->data, "xyz", 3);
    buf->len_bytes = 3;
    rv_file_read_init(&op, file, buf, 4);
    cr_assert_eq(desk_do(&desk, &op), 2);
    cr_assert_eq(buf->len_bytes, 5);
    cr_assert_eq(memcmp(buf->data, "xyzef", 5), 0);
    rv_buf_put(buf);
    rv_file_put(file);
    desk_fini(&desk);
}

RV_TEST(file, the_position_moves_on)
{
    struct desk desk;
    struct rv_file *file;
    char text[8];

    desk_init(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert_eq(desk_write(&desk, file, "abc", RV_FILE_POSITION), 3);
    cr_assert_eq(desk_write(&desk, file, "def", RV_FILE_POSITION), 3);
    cr_assert_eq(lseek(rv_file_fd(file), 1, SEEK_SET), 1);
    cr_assert_eq(desk_read(&desk, file, text, 2, RV_FILE_POSITION), 2);
    cr_assert_eq(desk_read(&desk, file, text, 7, RV_FILE_POSITION), 3);
    cr_assert_str_eq(text, "def");
    rv_file_put(file);
    desk_fini(&desk);
}

RV_TEST(file, append_goes_to_the_end_whatever_the_offset)
{
    struct desk desk;
    struct rv_file *file;
    char text[8];

    desk_init(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT | O_APPEND);
    cr_assert_eq(desk_write(&desk, file, "abc", 0), 3);
    cr_assert_eq(desk_write(&desk, file, "def", 0), 3);
    cr_assert_eq(desk_write(&desk, file, "g", RV_FILE_POSITION), 1);
    cr_assert_eq(desk_read(&desk, file, text, 7, 0), 7);
    cr_assert_str_eq(text, "abcdefg");
    rv_file_put(file);
    desk_fini(&desk);
}

RV_TEST(file, an_offset_may_be_past_4_gib)
{
    const int64_t far = INT64_C(5) << 30;
    struct statx stat;
    struct desk desk;
    struct rv_file *file;
    struct rv_file_op op;
    char text[8];

    desk_init(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert_eq(desk_write(&desk, file, "far", far), 3);
    cr_assert_eq(desk_read(&desk, file, text, 7, far), 3);
    cr_assert_str_eq(text, "far");
    rv_file_stat_init(&op, file, &stat);
    cr_assert_eq(desk_do(&desk, &op), 0);
    cr_assert_eq(stat.stx_size, (uint64_t)far + 3);
    rv_file_put(file);
    desk_fini(&desk);
}

RV_TEST(file, errors_are_results)
{
    struct desk desk;
    struct rv_file *file = NULL;
    struct rv_file_op op;
    char text[8];

    desk_init(&desk);
    rv_file_open_init(&op, &file, desk.path, O_RDONLY, 0);
    cr_assert_eq(desk_do(&desk, &op), -ENOENT);
    cr_assert_null(file);
    rv_file_open_init(&op, &file, "", O_RDONLY, 0);
    cr_assert_eq(desk_do(&desk, &op), -ENOENT);
    rv_file_open_init(&op, &file, desk.directory, O_WRONLY, 0);
    cr_assert_eq(desk_do(&desk, &op), -EISDIR);
    file = desk_open(&desk, O_WRONLY | O_CREAT);
    cr_assert_eq(desk_read(&desk, file, text, 7, 0), -EBADF);
    rv_file_put(file);
    cr_assert_eq(rv_file_of_fd(&file, -1), 0);
    cr_assert_eq(desk_read(&desk, file, text, 7, 0), -EBADF);
    rv_file_sync_init(&op, file, true);
    cr_assert_eq(desk_do(&desk, &op), -EBADF);
    rv_file_put(file);
    desk_fini(&desk);
}

RV_TEST(file, a_descriptor_is_not_inherited)
{
    struct desk desk;
    struct rv_file *file;

    desk_init(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert(fcntl(rv_file_fd(file), F_GETFD) & FD_CLOEXEC);
    rv_file_put(file);
    desk_fini(&desk);
}

RV_TEST(file, a_descriptor_that_was_adopted_is_closed_with_the_file)
{
    const uint32_t fds = rv_test_fds();
    struct rv_file *file;
    struct desk desk;
    char text[8];
    int fd;

    desk_init(&desk);
    fd = open(desk.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(rv_file_adopt(&file, fd), 0);
    cr_assert_eq(rv_file_fd(file), fd);
    cr_assert_eq(desk_write(&desk, file, "mine", 0), 4);
    cr_assert_eq(desk_read(&desk, file, text, 7, 0), 4);
    cr_assert_str_eq(text, "mine");
    rv_file_put(file);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
    desk_fini(&desk);
    cr_assert_eq(rv_test_fds(), fds);
}

RV_TEST(file, a_descriptor_is_closed_also_when_it_is_not_adopted)
{
    const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct rv_file *file;

    rv_count_allocs(1);
    cr_assert_eq(rv_file_adopt(&file, fd), -ENOMEM);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
}

RV_TEST(file, sync_and_write_sync)
{
    struct desk desk;
    struct rv_file *file;
    struct rv_buf *buf = rv_buf_new(300000);
    struct rv_file_op op;
    char text[8];

    desk_init(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    memset(buf->data, 'x', buf->cap_bytes);
    buf->len_bytes = buf->cap_bytes;
    rv_file_write_sync_init(&op, file, buf, 10, 5);
    cr_assert_eq(desk_do(&desk, &op), 0);
    cr_assert_eq(desk_read(&desk, file, text, 7, 299990), 5);
    rv_file_sync_init(&op, file, false);
    cr_assert_eq(desk_do(&desk, &op), 0);
    rv_file_sync_init(&op, file, true);
    cr_assert_eq(desk_do(&desk, &op), 0);
    rv_buf_put(buf);
    cr_assert_eq(desk_close(&desk, &file), 0);
    desk_fini(&desk);
}

RV_TEST(file, write_sync_to_a_full_disk_is_an_error)
{
    struct desk desk;
    struct rv_file *file = NULL;
    struct rv_buf *buf = rv_buf_new(10);
    struct rv_file_op op;

    desk_init(&desk);
    buf->len_bytes = 10;
    rv_file_open_init(&op, &file, "/dev/full", O_WRONLY, 0);
    cr_assert_eq(desk_do(&desk, &op), 0);
    rv_file_write_sync_init(&op, file, buf, 0, 0);
    cr_assert_eq(desk_do(&desk, &op), -ENOSPC);
    cr_assert(!rv_buf_busy(buf));
    rv_file_put(file);
    rv_buf_put(buf);
    desk_fini(&desk);
}

RV_TEST(file, what_is_cached_is_read_at_once)
{
    struct desk desk;
    struct rv_file *file;
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_file_op op;
    struct rv_probe probe;

    if (!machine_has_nowait("/tmp"))
        cr_skip_test("the filesystem of /tmp does not know RWF_NOWAIT");
    desk_init(&desk);
    rv_probe_init(&probe);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert_eq(desk_write(&desk, file, "cached", 0), 6);
    rv_file_read_init(&op, file, buf, 0);
    rv_count_allocs(0);
    cr_assert_eq(poll_once(&desk, &op.future, &probe), RV_READY);
    cr_assert_eq(rv_alloc_calls(), 0, "and without memory");
    rv_stop_counting_allocs();
    cr_assert_eq(op.future.result, 6);
    rv_buf_put(buf);
    rv_file_put(file);
    rv_probe_fini(&probe);
    desk_fini(&desk);
}

/* The ring has a slot for it, and the pool takes one block for job and loan. */
RV_TEST(file, what_is_not_cached_takes_no_memory_or_one_block)
{
    const bool by_ring = machine_wants_ring() && !getenv("RV_TEST_SECCOMP");
    struct desk desk;
    struct rv_file *file;
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_file_op op;
    struct rv_probe probe;
    char text[8];
    bool ready;

    desk_init(&desk);
    rv_probe_init(&probe);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert_eq(desk_write(&desk, file, "text", 0), 4);
    atomic_store(&file->waits, true);
    cr_assert_eq(desk_read(&desk, file, text, 7, 0), 4);
    rv_file_read_init(&op, file, buf, 0);
    rv_count_allocs(0);
    ready = poll_once(&desk, &op.future, &probe) == RV_READY; /* a quick pool */
    cr_assert_eq(rv_alloc_calls(), by_ring ? 0 : 1);
    rv_stop_counting_allocs();
    cr_assert_eq(ready ? op.future.result : desk_do(&desk, &op), 4);
    rv_buf_put(buf);
    rv_file_put(file);
    rv_probe_fini(&probe);
    desk_fini(&desk);
}

/* A write and its sync, which are two entries in the ring, dropped after each
 * of many polls: the buffer and the descriptor are free afterwards. */
RV_TEST(file, a_write_and_its_sync_can_be_dropped_between_the_two)
{
    const uint32_t fds = rv_test_fds();
    struct desk desk;
    struct rv_file *file;
    struct rv_buf *buf = rv_buf_new(4096);
    struct rv_file_op op;
    struct rv_probe probe;

    desk_init(&desk);
    rv_probe_init(&probe);
    buf->len_bytes = buf->cap_bytes;
    for (int round = 0; round < 50; round++) {
        file = desk_open(&desk, O_RDWR | O_CREAT);
        rv_file_write_sync_init(&op, file, buf, 0, 0);
        for (int i = 0; i < round; i++) {
            if (op.future.at == RV_AT_END ||
                poll_once(&desk, &op.future, &probe) == RV_READY)
                break;
            if (i % 2)
                let_pass(&desk, 0);
        }
        rv_file_put(file);
        rv_drop(&op.future);
        await_buf(&desk, buf);
    }
    rv_buf_put(buf);
    rv_probe_fini(&probe);
    desk_fini(&desk);
    cr_assert_eq(rv_test_fds(), fds);
}

/* --- pipes ------------------------------------------------------------- */

RV_TEST(file, a_pipe_is_waited_for)
{
    struct desk desk;
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_file_op op;
    struct rv_probe probe;
    struct tube tube;

    desk_init(&desk);
    rv_probe_init(&probe);
    tube_open(&tube, 0);
    rv_file_read_init(&op, tube.reader, buf, RV_FILE_POSITION);
    cr_assert_eq(poll_once(&desk, &op.future, &probe), RV_PENDING);
    let_pass(&desk, 2);
    cr_assert_eq(write(tube.fds[1], "late", 4), 4);
    cr_assert_eq(desk_do(&desk, &op), 4);
    cr_assert_eq(memcmp(buf->data, "late", 4), 0);
    rv_buf_put(buf);
    tube_close(&tube);
    rv_probe_fini(&probe);
    desk_fini(&desk);
}

RV_TEST(file, so_is_one_that_somebody_made_non_blocking)
{
    struct desk desk;
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_file_op op;
    struct rv_probe probe;
    struct tube tube;

    desk_init(&desk);
    rv_probe_init(&probe);
    tube_open(&tube, O_NONBLOCK);
    rv_file_read_init(&op, tube.reader, buf, RV_FILE_POSITION);
    cr_assert_eq(poll_once(&desk, &op.future, &probe), RV_PENDING);
    let_pass(&desk, 5);
    cr_assert_eq(write(tube.fds[1], "late", 4), 4);
    cr_assert_eq(desk_do(&desk, &op), 4);
    rv_buf_put(buf);
    tube_close(&tube);
    rv_probe_fini(&probe);
    desk_fini(&desk);
}

RV_TEST(file, the_end_of_a_pipe_is_a_read_of_nothing)
{
    struct desk desk;
    struct tube tube;
    char text[8];

    desk_init(&desk);
    tube_open(&tube, 0);
    close(tube.fds[1]);
    cr_assert_eq(desk_read(&desk, tube.reader, text, 7, RV_FILE_POSITION), 0);
    rv_file_put(tube.reader);
    rv_file_put(tube.writer);
    close(tube.fds[0]);
    desk_fini(&desk);
}

/* The writer leaves while a read waits in epoll, and one that says nothing
 * opens the pipe again, by its name in /proc, before the read looks. */
RV_TEST(file, an_end_that_another_writer_has_undone_is_an_end)
{
    struct desk desk;
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_file_op op;
    struct rv_probe probe;
    struct tube tube;
    char path[32];
    int writer;

    setenv("RV_DISK", "pool", 1); /* a ring waits by itself */
    desk_init(&desk);
    rv_probe_init(&probe);
    tube_open(&tube, 0);
    rv_file_read_init(&op, tube.reader, buf, RV_FILE_POSITION);
    cr_assert_eq(poll_once(&desk, &op.future, &probe), RV_PENDING);
    cr_assert_eq(op.state, RV_FILE_WAIT);
    close(tube.fds[1]);
    for (int i = 0;
         i < RV_TEST_WAIT_MS && !rv_source_hung_up(op.source, RV_READ); i++)
        let_pass(&desk, 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", tube.fds[0]);
    writer = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(writer, 0);
    alarm(10); /* it did not return */
    cr_assert_eq(desk_do(&desk, &op), 0);
    alarm(0);
    tube.fds[1] = writer;
    rv_buf_put(buf);
    tube_close(&tube);
    rv_probe_fini(&probe);
    desk_fini(&desk);
}

RV_TEST(file, a_pipe_without_a_reader_is_an_error)
{
    struct desk desk;
    struct tube tube;

    signal(SIGPIPE, SIG_IGN);
    desk_init(&desk);
    tube_open(&tube, 0);
    close(tube.fds[0]);
    cr_assert_eq(desk_write(&desk, tube.writer, "x", RV_FILE_POSITION), -EPIPE);
    rv_file_put(tube.reader);
    rv_file_put(tube.writer);
    close(tube.fds[1]);
    desk_fini(&desk);
}

enum { MORE_THAN_A_PIPE = 300000 };

/* Reads all that is in a pipe, once the pipe is full. */
struct taker {
    pthread_t thread;
    int fd;
    size_t len_bytes;
    char data[MORE_THAN_A_PIPE];
};

/* The pipe is full. */
static bool is_full(int fd)
{
    int len_bytes;

    cr_assert_eq(ioctl(fd, FIONREAD, &len_bytes), 0);
    return len_bytes == fcntl(fd, F_GETPIPE_SZ);
}

static void *take_all(void *arg)
{
    struct taker *taker = arg;
    ssize_t n;

    while (!is_full(taker->fd))
        sched_yield();
    while ((n = read(taker->fd, taker->data + taker->len_bytes,
                     MORE_THAN_A_PIPE - taker->len_bytes)) > 0)
        taker->len_bytes += (size_t)n;
    return NULL;
}

static void fill_pipe(bool whole)
{
    struct desk desk;
    struct taker *taker = calloc(1, sizeof *taker);
    struct rv_buf *buf = rv_buf_new(MORE_THAN_A_PIPE);
    struct rv_file_op op;
    struct tube tube;

    desk_init(&desk);
    tube_open(&tube, 0);
    for (size_t i = 0; i < MORE_THAN_A_PIPE; i++)
        buf->data[i] = (char)(i % 251);
    buf->len_bytes = MORE_THAN_A_PIPE;
    taker->fd = tube.fds[0];
    pthread_create(&taker->thread, NULL, take_all, taker);
    for (size_t sent = 0; sent < MORE_THAN_A_PIPE;) {
        int result;

        rv_file_write_init(&op, tube.writer, buf, sent, RV_FILE_POSITION);
        op.whole = whole;
        result = desk_do(&desk, &op);
        cr_assert_geq(result, whole ? 0 : 1);
        sent += whole ? MORE_THAN_A_PIPE : (size_t)result;
    }
    close(tube.fds[1]);
    pthread_join(taker->thread, NULL);
    cr_assert_eq(taker->len_bytes, MORE_THAN_A_PIPE);
    cr_assert_eq(memcmp(taker->data, buf->data, MORE_THAN_A_PIPE), 0);
    rv_buf_put(buf);
    free(taker);
    rv_file_put(tube.reader);
    rv_file_put(tube.writer);
    close(tube.fds[0]);
    desk_fini(&desk);
}

RV_TEST(file, a_full_pipe_is_waited_for)
{
    fill_pipe(false);
}

RV_TEST(file, so_it_is_until_all_is_written)
{
    fill_pipe(true);
}

/* --- dropped ----------------------------------------------------------- */

RV_TEST(file, a_dropped_read_keeps_its_buffer_until_it_is_over)
{
    struct desk desk;
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_file_op op;
    struct rv_probe probe;
    struct tube tube;

    desk_init(&desk);
    rv_probe_init(&probe);
    tube_open(&tube, 0);
    for (int i = 0; i < 20; i++) {
        rv_file_read_init(&op, tube.reader, buf, RV_FILE_POSITION);
        cr_assert_eq(poll_once(&desk, &op.future, &probe), RV_PENDING);
        cr_assert(rv_buf_busy(buf));
        if (i % 2)
            let_pass(&desk, 1);
        rv_drop(&op.future);
        rv_drop(&op.future);
        await_buf(&desk, buf);
        cr_assert_eq(buf->len_bytes, 0);
    }
    /* None of them took the bytes that arrive now. */
    cr_assert_eq(write(tube.fds[1], "x", 1), 1);
    rv_file_read_init(&op, tube.reader, buf, RV_FILE_POSITION);
    cr_assert_eq(desk_do(&desk, &op), 1);
    rv_buf_put(buf);
    tube_close(&tube);
    rv_probe_fini(&probe);
    desk_fini(&desk);
}

RV_TEST(file, a_buffer_lives_until_its_last_reference_is_given_up)
{
    struct rv_buf *buf;

    rv_count_allocs(0);
    buf = rv_buf_new(5000);
    cr_assert_eq((uintptr_t)buf->data % 4096, 0);
    cr_assert_eq(rv_buf_get(buf), buf);
    cr_assert_eq(rv_buf_get(buf), buf);
    rv_buf_put(buf);
    rv_buf_put(buf);
    cr_assert_eq(rv_alloc_live(), 1);
    memset(buf->data, 'x', buf->cap_bytes);
    rv_buf_put(buf);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(file, a_buffer_is_in_one_operation_at_a_time)
{
    struct desk desk;
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_file_op first;
    struct rv_file_op second;
    struct rv_probe probe;
    struct tube tube;

    desk_init(&desk);
    rv_probe_init(&probe);
    tube_open(&tube, 0);
    rv_file_read_init(&first, tube.reader, buf, RV_FILE_POSITION);
    cr_assert_eq(poll_once(&desk, &first.future, &probe), RV_PENDING);
    rv_file_read_init(&second, tube.reader, buf, RV_FILE_POSITION);
    cr_assert_eq(desk_do(&desk, &second), -EBUSY);
    rv_file_write_init(&second, tube.writer, buf, 0, RV_FILE_POSITION);
    cr_assert_eq(desk_do(&desk, &second), -EBUSY);
    rv_drop(&first.future);
    rv_buf_put(buf); /* the operation still uses it */
    tube_close(&tube);
    rv_probe_fini(&probe);
    desk_fini(&desk);
}

/* FILE-2: the read is queued while its file is put and another file gets its
 * descriptor number. */
RV_TEST(file, a_waiting_operation_keeps_its_descriptor)
{
    enum { FILLERS = 40 };
    struct rv_file_op fillers[FILLERS];
    struct rv_buf *bufs[FILLERS];
    struct rv_buf *buf = rv_buf_new(8);
    struct rv_file_op op;
    struct rv_probe probe;
    struct rv_file *file;
    struct desk desk;
    struct tube tube;
    bool ready;
    int other;

    setenv("RV_TEST_ENTRIES", "4", 1);
    desk_init(&desk);
    rv_probe_init(&probe);
    tube_open(&tube, 0);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert_eq(desk_write(&desk, file, "mine", 0), 4);
    atomic_store(&file->waits, true);
    for (int i = 0; i < FILLERS; i++) {
        bufs[i] = rv_buf_new(1);
        rv_file_read_init(&fillers[i], tube.reader, bufs[i], RV_FILE_POSITION);
        cr_assert_eq(poll_once(&desk, &fillers[i].future, &probe), RV_PENDING);
    }
    rv_file_read_init(&op, file, buf, 0);
    ready = poll_once(&desk, &op.future, &probe) == RV_READY; /* a quick pool */
    rv_file_put(file);
    other = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < FILLERS; i++)
        rv_drop(&fillers[i].future);
    cr_assert_eq(ready ? op.future.result : desk_do(&desk, &op), 4);
    cr_assert_eq(memcmp(buf->data, "mine", 4), 0);
    for (int i = 0; i < FILLERS; i++)
        rv_buf_put(bufs[i]);
    close(other);
    rv_buf_put(buf);
    tube_close(&tube);
    rv_probe_fini(&probe);
    desk_fini(&desk);
}

/* Polls a child this many times, then drops it. */
struct impatient {
    struct rv_future future;
    struct rv_future *child;
    int polls;
};

static enum rv_poll impatient_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct impatient *self = RV_CONTAINER_OF(future, struct impatient, future);

    if (rv_poll(self->child, cx) == RV_READY) {
        future->result = 1;
        return RV_READY;
    }
    return --self->polls > 0 ? RV_PENDING : RV_READY;
}

/* Returns: true if the child was READY before. */
static bool drop_after(struct desk *desk, struct rv_future *child, int polls)
{
    static const struct rv_future_ops ops = {.name = "impatient",
                                             .poll = impatient_poll};
    struct impatient impatient = {.child = child, .polls = polls};
    bool ready;

    rv_future_init(&impatient.future, &ops);
    ready = desk_await(desk, &impatient.future) == 1;
    rv_drop(child);
    rv_drop(child);
    return ready;
}

RV_TEST(file, every_operation_can_be_dropped_after_every_poll)
{
    struct desk desk;
    struct rv_buf *buf = rv_buf_new(1 << 16);
    struct rv_file_write_all write_all;
    struct rv_file_read_all read_all;
    bool over = false;

    desk_init(&desk);
    buf->len_bytes = buf->cap_bytes;
    for (int polls = 1; !over; polls++) {
        rv_file_write_all_init(&write_all, desk.path, 0600, buf, polls % 2);
        over = drop_after(&desk, &write_all.future, polls);
        cr_assert_lt(polls, 100);
    }
    await_buf(&desk, buf);
    over = false;
    for (int polls = 1; !over; polls++) {
        rv_file_read_all_init(&read_all, desk.path, SIZE_MAX);
        over = drop_after(&desk, &read_all.future, polls);
        cr_assert_lt(polls, 100);
    }
    rv_buf_put(buf);
    desk_fini(&desk);
}

/* --- whole files ------------------------------------------------------- */

static void write_and_read(bool sync, size_t len_bytes)
{
    struct desk desk;
    struct rv_buf *buf = rv_buf_new(len_bytes);
    struct rv_file_write_all write_all;
    struct rv_file_read_all read_all;
    struct rv_buf *copy;

    desk_init(&desk);
    for (size_t i = 0; i < len_bytes; i++)
        buf->data[i] = (char)(i % 253);
    buf->len_bytes = len_bytes;
    rv_file_write_all_init(&write_all, desk.path, 0600, buf, sync);
    cr_assert_eq(desk_await(&desk, &write_all.future), 0);
    rv_drop(&write_all.future);
    rv_file_read_all_init(&read_all, desk.path, len_bytes);
    cr_assert_eq(desk_await(&desk, &read_all.future), 0);
    copy = rv_file_read_all_take(&read_all);
    cr_assert_eq(copy->len_bytes, len_bytes);
    cr_assert_eq(memcmp(copy->data, buf->data, len_bytes), 0);
    rv_drop(&read_all.future);
    rv_buf_put(copy);
    if (len_bytes > 0) {
        rv_file_read_all_init(&read_all, desk.path, len_bytes - 1);
        cr_assert_eq(desk_await(&desk, &read_all.future), -EFBIG);
        cr_assert_null(rv_file_read_all_take(&read_all));
        rv_drop(&read_all.future);
    }
    rv_buf_put(buf);
    desk_fini(&desk);
}

RV_TEST(file, whole_files_are_written_and_read)
{
    write_and_read(false, 0);
    write_and_read(false, 1);
    write_and_read(true, 4096);
    write_and_read(true, 3000000);
    write_and_read(false, 3000000);
}

RV_TEST(file, a_file_of_proc_says_it_is_empty_and_is_read_all_the_same)
{
    struct rv_file_read_all all;
    struct desk desk;

    desk_init(&desk);
    rv_file_read_all_init(&all, "/proc/self/status", 1 << 20);
    cr_assert_eq(desk_await(&desk, &all.future), 0);
    cr_assert_gt(all.buf->len_bytes, 100);
    rv_drop(&all.future);
    rv_file_read_all_init(&all, "/proc/self", 1 << 20);
    cr_assert_eq(desk_await(&desk, &all.future), -EISDIR);
    rv_drop(&all.future);
    rv_file_read_all_init(&all, desk.path, 1 << 20);
    cr_assert_eq(desk_await(&desk, &all.future), -ENOENT);
    rv_drop(&all.future);
    desk_fini(&desk);
}

RV_TEST(file, a_full_disk_is_an_error_of_a_whole_file_too)
{
    struct rv_file_write_all all;
    struct rv_buf *buf = rv_buf_new(8);
    struct desk desk;

    desk_init(&desk);
    buf->len_bytes = 8;
    for (int sync = 0; sync < 2; sync++) {
        rv_file_write_all_init(&all, "/dev/full", 0600, buf, sync);
        cr_assert_eq(desk_await(&desk, &all.future), -ENOSPC);
        rv_drop(&all.future);
    }
    rv_buf_put(buf);
    desk_fini(&desk);
}

/* --- limits ------------------------------------------------------------ */

static int copy_a_file(void *arg)
{
    struct rv_runtime *runtime;
    struct rv_file_read_all read_all;
    int result = rv_runtime_start(&runtime);

    if (result)
        return result;
    rv_file_read_all_init(&read_all, arg, 1 << 20);
    result = rv_runtime_block_on(runtime, &read_all.future);
    rv_drop(&read_all.future);
    rv_runtime_stop(runtime);
    return result;
}

/* Not required: without memory for a ring, the pool does it. */
RV_TEST(file, without_memory_nothing_is_left)
{
    cr_assert_gt(rv_fail_each_alloc(copy_a_file, "/proc/self/status"), 5);
}
