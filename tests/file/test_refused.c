/* SPDX-License-Identifier: MIT */
/*
 * test_refused.c - operations that the kernel cancels by itself, as it does
 * when signals, or a limit, keep it from creating a thread for them. They are
 * carried out in another way.
 *
 * Threads: the test's, the pool's.
 */
#include "file/files.h"

#include <poll.h>

#include "ring/ring_internal.h"

RV_TEST_SUITE(file_refused);

enum { FIRST = 1, ALL = 1000, ALWAYS = 100000, AT_ONCE = 8 };

static struct rv_queues *queues; /* of the ring that refuses */
static uint32_t refusals_left;
static uint32_t refused;
static uint64_t ids[AT_ONCE]; /* of the operations of one call */
static uint32_t taken;
static bool second_only; /* of a chain of two */

/* Instead of the oldest `count` operations, or the second of two, the kernel
 * gets no-ops. */
static void take_out(uint32_t count)
{
    taken = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct io_uring_sqe *sqe = rv_queues_unsubmitted_at(queues, i);

        if (second_only && i == 0) {
            sqe->flags = 0;
            continue;
        }
        cr_assert_lt(taken, AT_ONCE);
        ids[taken++] = sqe->user_data;
        *sqe = (struct io_uring_sqe){.opcode = IORING_OP_NOP,
                                     .user_data = sqe->user_data};
    }
}

/* The results of the no-ops among the last `count` completions. */
static void say_canceled(uint32_t count)
{
    const uint32_t tail = atomic_load(queues->cq_tail);

    for (uint32_t i = 1; i <= count; i++) {
        struct io_uring_cqe *cqe =
            &queues->cqes[(tail - i) & (queues->cq_entries - 1)];

        for (uint32_t k = 0; k < taken; k++)
            if (cqe->user_data == ids[k])
                cqe->res = -ECANCELED;
    }
}

static int refusing_enter(int fd, uint32_t count, uint32_t wait_for,
                          uint32_t flags)
{
    const uint32_t head = atomic_load(queues->cq_tail);
    int n;

    if (count == 0 || refusals_left == 0)
        return rv_queues_enter_kernel(fd, count, wait_for, flags);
    refusals_left--;
    take_out(count);
    n = rv_queues_enter_kernel(fd, count, second_only ? count : wait_for,
                               flags);
    cr_assert_eq(n, (int)count);
    cr_assert_eq(atomic_load(queues->cq_tail) - head, count);
    say_canceled(count);
    refused++;
    return n;
}

/* desk_init() may take io_uring away. */
static void desk_init_for_ring(struct desk *desk)
{
    desk_init(desk);
    if (machine_wants_ring())
        return;
    desk_fini(desk);
    cr_skip_test("%s", machine_why_no_ring());
}

/* From now on the kernel cancels what it is given, that many times. */
static void refuse(struct desk *desk, uint32_t times)
{
    struct rv_ring *ring = rv_runtime_ring(desk->runtime);

    cr_assert_eq(rv_ring_open(ring), 0);
    queues = &ring->queues;
    refusals_left = times;
    rv_queues_hook_enter(refusing_enter);
}

static struct rv_buf *abcdef(void)
{
    struct rv_buf *buf = rv_buf_new(6);

    cr_assert_not_null(buf);
    memcpy(buf->data, "abcdef", 6);
    buf->len_bytes = 6;
    return buf;
}

/* Each operation once: 7 of them. */
static void do_all_of_them(struct desk *desk)
{
    struct rv_buf *buf = abcdef();
    struct rv_file *file = NULL;
    struct rv_file_op op;
    struct statx stat;
    char text[8] = "";

    rv_file_open_init(&op, &file, desk->path, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(desk_do(desk, &op), 0);
    rv_file_write_sync_init(&op, file, buf, 0, 0);
    cr_assert_eq(desk_do(desk, &op), 0);
    rv_file_write_whole_init(&op, file, buf, 0, 6);
    cr_assert_eq(desk_do(desk, &op), 0);
    rv_file_write_init(&op, file, buf, 3, 12);
    cr_assert_eq(desk_do(desk, &op), 3);
    rv_file_sync_init(&op, file, false);
    cr_assert_eq(desk_do(desk, &op), 0);
    rv_file_stat_init(&op, file, &stat);
    cr_assert_eq(desk_do(desk, &op), 0);
    cr_assert_eq(stat.stx_size, 15);
    cr_assert_eq(pread(rv_file_fd(file), text, 7, 8), 7);
    cr_assert_str_eq(text, "cdefdef");
    rv_file_close_init(&op, &file);
    cr_assert_eq(desk_do(desk, &op), 0);
    rv_buf_put(buf);
}

RV_TEST(file_refused, each_operation_goes_to_the_pool)
{
    struct desk desk;
    uint32_t fds;

    desk_init_for_ring(&desk);
    refuse(&desk, 0);
    do_all_of_them(&desk); /* the pool's and the ring's descriptors are open */
    fds = rv_test_fds();
    refuse(&desk, ALL);
    do_all_of_them(&desk);
    cr_assert_eq(refused, 7);
    cr_assert_eq(rv_test_fds(), fds);
    rv_queues_hook_enter(NULL);
    desk_fini(&desk);
}

RV_TEST(file_refused, a_sync_alone_is_made_up_for)
{
    struct rv_buf *buf = abcdef();
    struct rv_file_op op;
    struct rv_file *file;
    struct desk desk;

    desk_init_for_ring(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    second_only = true;
    refuse(&desk, FIRST);
    rv_file_write_sync_init(&op, file, buf, 0, 0);
    cr_assert_eq(desk_do(&desk, &op), 0);
    cr_assert_eq(refused, 1);
    rv_queues_hook_enter(NULL);
    rv_file_put(file);
    rv_buf_put(buf);
    desk_fini(&desk);
}

/* Without a pool there is only the ring. */
RV_TEST(file_refused, without_a_pool_the_ring_is_asked_again)
{
    struct rv_buf *buf = abcdef();
    struct rv_blocking_pool *pool;
    struct rv_file_op op;
    struct rv_file *file;
    struct desk desk;

    desk_init_for_ring(&desk);
    file = desk_open(&desk, O_RDWR | O_CREAT);
    refuse(&desk, 3);
    pool = rv_blocking_enter(NULL);
    rv_file_write_sync_init(&op, file, buf, 0, 0);
    cr_assert_eq(desk_do(&desk, &op), 0);
    cr_assert_eq(refused, 3);

    /* but not for ever */
    refuse(&desk, ALWAYS);
    rv_file_write_sync_init(&op, file, buf, 0, 6);
    cr_assert_eq(desk_do(&desk, &op), -EAGAIN);
    cr_assert_eq(refused, 3 + RV_INTERRUPTS_MAX);
    rv_blocking_enter(pool);
    rv_queues_hook_enter(NULL);
    rv_file_put(file);
    rv_buf_put(buf);
    desk_fini(&desk);
}

static int never_ready; /* a pipe's end */

/* Instead of the operation the kernel gets a wait that has no end. */
static int delaying_enter(int fd, uint32_t count, uint32_t wait_for,
                          uint32_t flags)
{
    for (uint32_t i = 0; i < count; i++) {
        struct io_uring_sqe *sqe = rv_queues_unsubmitted_at(queues, i);

        *sqe = (struct io_uring_sqe){.opcode = IORING_OP_POLL_ADD,
                                     .fd = never_ready,
                                     .poll32_events = POLLIN,
                                     .user_data = sqe->user_data};
    }
    return rv_queues_enter_kernel(fd, count, wait_for, flags);
}

/* That is no refusal: rv_ring_free() says what the future returns. */
RV_TEST(file_refused, what_was_canceled_with_its_ring_is_not_repeated)
{
    struct rv_buf *buf = abcdef();
    struct rv_ring *ring, *of_runtime;
    struct rv_file_op op;
    struct rv_file *file;
    struct rv_probe probe;
    struct desk desk;
    int fds[2];

    desk_init_for_ring(&desk);
    rv_probe_init(&probe);
    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    never_ready = fds[0];
    file = desk_open(&desk, O_RDWR | O_CREAT);
    cr_assert_eq(rv_ring_new(&ring, rv_runtime_executor(desk.runtime),
                             rv_runtime_reactor(desk.runtime), NULL),
                 0);
    of_runtime = rv_ring_enter(ring);
    cr_assert_eq(rv_ring_open(ring), 0);
    queues = &ring->queues;
    rv_queues_hook_enter(delaying_enter);
    rv_file_write_init(&op, file, buf, 0, 0);
    cr_assert_eq(poll_once(&desk, &op.future, &probe), RV_PENDING);
    let_pass(&desk, 1);
    rv_queues_hook_enter(NULL);
    rv_ring_free(ring); /* and no ring is this thread's any more */
    cr_assert_eq(poll_once(&desk, &op.future, &probe), RV_READY);
    cr_assert_eq(op.future.result, -ECANCELED);
    cr_assert_null(rv_ring_enter(of_runtime));
    rv_drop(&op.future);
    cr_assert_eq(desk_write(&desk, file, "abc", 0), 3);
    rv_file_put(file);
    rv_buf_put(buf);
    rv_probe_fini(&probe);
    close(fds[0]);
    close(fds[1]);
    desk_fini(&desk);
}
