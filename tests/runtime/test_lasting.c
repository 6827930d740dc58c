/* SPDX-License-Identifier: MIT */
/*
 * test_lasting.c - system calls that fail permanently: waiting tasks get the
 * error, no thread spins, everything that does not need the calls continues,
 * and stop returns.
 *
 * Threads: the test's and the runtime's. A test that must leave memory to the
 * kernel forever runs in a child.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <reveil/file.h>
#include <reveil/reveil.h>
#include <reveil/trace.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "cpu/cpu_internal.h"
#include "net/net_internal.h"
#include "reactor/reactor_internal.h"
#include "ring/ring_internal.h"
#include "runtime/round_trip.h"
#include "support/support.h"
#include "support/take_away.h"
#include "thread/pure.h"

RV_TEST_SUITE(lasting);

enum {
    BYTES = 64,
    /* More rounds than a failed reactor makes, and far fewer than one that
     * spins for the length of a nap. */
    MANY_ROUNDS = 200,
    NAP_MS = 1000,
};

/* --- the reactor ------------------------------------------------------- */

struct pair {
    struct rv_stream stream;
    int peer;
};

static int pair_open(struct pair *pair)
{
    int fds[2];

    CHILD_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                           0, fds) == 0);
    CHILD_CHECK(rv_stream_adopt(&pair->stream, fds[0]) == 0);
    pair->peer = fds[1];
    return 0;
}

static void pair_close(struct pair *pair)
{
    rv_stream_close(&pair->stream);
    close(pair->peer);
}

/* The thread that sleeps in epoll must return from it to notice. */
static void close_epoll(struct rv_runtime *runtime)
{
    struct rv_reactor *reactor = rv_runtime_reactor(runtime);

    close(reactor->epoll_fd);
    eventfd_write(reactor->event_fd, 1);
}

static int receive(struct rv_runtime *runtime, struct pair *pair)
{
    struct rv_stream_recv recv;
    char byte;
    int result;

    rv_stream_recv_init(&recv, &pair->stream, &byte, 1);
    result = rv_test_block_on(rv_runtime_executor(runtime), &recv.future);
    rv_drop(&recv.future);
    return result;
}

static int send_without_end(struct rv_runtime *runtime, struct pair *pair)
{
    enum { MUCH = 1 << 20 };
    struct rv_stream_send send;
    int result;

    rv_stream_send_init(&send, &pair->stream, rv_test_zeros(MUCH), MUCH);
    result = rv_test_block_on(rv_runtime_executor(runtime), &send.future);
    rv_drop(&send.future);
    return result;
}

static int nap(struct rv_runtime *runtime)
{
    const int64_t until_ns = rv_after_ms(NAP_MS);
    struct rv_sleep sleep;

    rv_sleep_init(&sleep, until_ns);
    CHILD_CHECK(rv_runtime_block_on(runtime, &sleep.future) == 0);
    CHILD_CHECK(rv_now_ns() >= until_ns);
    return 0;
}

/* Sleep a while; no thread may spin during that time. */
static void check_nap(struct rv_runtime *runtime)
{
    rv_trace_start(RV_TRACE_COUNTERS);
    cr_assert_eq(nap(runtime), 0);
    rv_trace_start(RV_TRACE_OFF);
    cr_assert_leq(rv_trace_count(RV_EV_EPOLL_WAIT), MANY_ROUNDS);
    cr_assert_leq(rv_trace_count(RV_EV_PARK), MANY_ROUNDS);
}

static int32_t answer(void *arg)
{
    (void)arg;
    return 42;
}

static void check_failed(struct rv_runtime *runtime, int error)
{
    struct rv_blocking blocking;
    struct rv_source *source;
    int fds[2];

    cr_assert_eq(rv_reactor_error(rv_runtime_reactor(runtime)), error);
    cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    cr_assert_eq(rv_source_open(rv_runtime_reactor(runtime), fds[0], &source),
                 error);
    close(fds[0]);
    close(fds[1]);
    rv_blocking_init(&blocking, answer, NULL, NULL);
    cr_assert_eq(
        rv_test_block_on(rv_runtime_executor(runtime), &blocking.future), 42,
        "the pool needs no reactor");
}

RV_TEST(lasting, who_waits_gets_the_error_of_a_reactor_that_has_failed)
{
    struct rv_runtime *runtime;
    struct pair pair;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(pair_open(&pair), 0);
    close_epoll(runtime);
    cr_assert_eq(receive(runtime, &pair), -EBADF);
    check_nap(runtime);
    check_failed(runtime, -EBADF);
    cr_assert_eq(receive(runtime, &pair), -EBADF, "again");
    cr_assert_eq(send_without_end(runtime, &pair), -EBADF);
    pair_close(&pair);
    rv_runtime_stop(runtime);
}

RV_TEST(lasting, writing_that_cannot_be_watched_is_an_error)
{
    struct rv_runtime *runtime;
    struct pair pair;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(pair_open(&pair), 0);
    close(rv_runtime_reactor(runtime)->epoll_fd); /* its thread still sleeps */
    cr_assert_eq(send_without_end(runtime, &pair), -EBADF);
    pair_close(&pair);
    eventfd_write(rv_runtime_reactor(runtime)->event_fd, 1);
    rv_runtime_stop(runtime);
}

RV_TEST(lasting, a_reactor_that_a_sandbox_forbids_to_sleep_has_failed)
{
    struct rv_runtime *runtime;
    struct pair pair;

#ifdef SYS_epoll_wait
    take_away(SYS_epoll_wait, EPERM);
#endif
    take_away(SYS_epoll_pwait, EPERM);
    take_away(SYS_epoll_pwait2, EPERM);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(pair_open(&pair), 0);
    cr_assert_eq(receive(runtime, &pair), -EPERM);
    check_nap(runtime);
    pair_close(&pair);
    rv_runtime_stop(runtime);
}

/* A task that does not check for errors: it is woken again and again. */
struct naive {
    struct rv_future future;
    struct rv_source *source;
    int fd;
    int polls;
};

static enum rv_poll naive_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct naive *self = RV_CONTAINER_OF(future, struct naive, future);
    uint32_t tick;
    char byte;

    self->polls++;
    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        if (recv(self->fd, &byte, 1, 0) == 1)
            return RV_READY;
        (void)rv_source_clear(self->source, RV_READ, tick);
    }
    return RV_PENDING;
}

/* Sends a byte later. */
struct later {
    struct rv_future future;
    struct rv_sleep pause;
    struct naive naive;
    int peer;
};

static enum rv_poll later_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct later *self = RV_CONTAINER_OF(future, struct later, future);

    if (self->pause.future.at != RV_AT_END &&
        rv_poll(&self->pause.future, cx) == RV_READY)
        future->result = (int32_t)send(self->peer, "x", 1, MSG_NOSIGNAL);
    return rv_poll(&self->naive.future, cx);
}

RV_TEST(lasting, who_does_not_ask_for_the_error_looks_now_and_then)
{
    static const struct rv_future_ops later_ops = {.name = "later",
                                                   .poll = later_poll};
    static const struct rv_future_ops naive_ops = {.name = "naive",
                                                   .poll = naive_poll};
    struct rv_runtime *runtime;
    struct later later = {.future = {0}};
    struct pair pair;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(pair_open(&pair), 0);
    rv_future_init(&later.future, &later_ops);
    rv_future_init(&later.naive.future, &naive_ops);
    rv_sleep_init(&later.pause, rv_after_ms(NAP_MS));
    later.naive.source = pair.stream.source;
    later.naive.fd = rv_stream_fd(&pair.stream);
    later.peer = pair.peer;
    close_epoll(runtime);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &later.future),
                 1);
    cr_assert_leq(later.naive.polls, MANY_ROUNDS);
    pair_close(&pair);
    rv_runtime_stop(runtime);
}

RV_TEST(lasting, stop_ends_when_everything_was_closed)
{
    struct rv_runtime *runtime;
    struct rv_reactor *reactor;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    reactor = rv_runtime_reactor(runtime);
    close(reactor->epoll_fd);
    close(reactor->event_fd);
    check_nap(runtime);
    rv_runtime_stop(runtime);
}

RV_TEST(lasting, an_error_that_goes_away_is_forgotten)
{
    struct rv_runtime *runtime;
    struct rv_reactor *reactor;
    struct rv_sleep pause;
    int copy;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    reactor = rv_runtime_reactor(runtime);
    copy = fcntl(reactor->epoll_fd, F_DUPFD_CLOEXEC, 0);
    close_epoll(runtime);
    rv_sleep_init(&pause, rv_after_ms(2));
    cr_assert_eq(rv_runtime_block_on(runtime, &pause.future), 0);
    cr_assert_eq(dup3(copy, reactor->epoll_fd, O_CLOEXEC), reactor->epoll_fd);
    close(copy);
    check_nap(runtime);
    cr_assert_eq(rv_reactor_error(reactor), 0);
    cr_assert_eq(round_trip(rv_runtime_executor(runtime)), 0);
    rv_runtime_stop(runtime);
}

/* --- accept ------------------------------------------------------------ */

/* An error of a single peer is not reported; one that always occurs is. */
RV_TEST(lasting, an_accept_that_fails_for_good_ends)
{
    struct rv_runtime *runtime;
    struct rv_stream_accept accept;
    struct rv_stream listener;
    struct rv_stream stream;
    struct rv_addr addr;

    take_away(SYS_accept4, EPROTO);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_tcp_listen(&listener, &addr), 0);
    rv_stream_accept_init(&accept, &listener, &stream);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &accept.future),
                 -EPROTO);
    rv_stream_close(&listener);
    rv_runtime_stop(runtime);
}

/* --- calls that are always interrupted --------------------------------- */

RV_TEST(lasting, a_call_that_is_interrupted_for_ever_ends)
{
    struct rv_runtime *runtime;
    struct pair pair;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(pair_open(&pair), 0);
    take_away(SYS_recvfrom, EINTR);
    take_away(SYS_sendto, EINTR);
    cr_assert_eq(receive(runtime, &pair), -EINTR);
    cr_assert_eq(send_without_end(runtime, &pair), -EINTR);
    pair_close(&pair);
    rv_runtime_stop(runtime);
}

static int park_without_futex(void)
{
    const int64_t until_ns = rv_after_ms(20);
    struct rv_parker parker;

    take_away(SYS_futex, EPERM);
    rv_parker_init(&parker);
    CHILD_CHECK(!rv_parker_park(&parker, until_ns));
    CHILD_CHECK(rv_now_ns() >= until_ns);
    rv_parker_unpark(&parker);
    CHILD_CHECK(rv_parker_park(&parker, RV_NEVER));
    return 0;
}

RV_TEST(lasting, without_a_futex_a_deadline_passes_all_the_same)
{
    in_child(park_without_futex);
}

/* --- a server ---------------------------------------------------------- */

/* A sandbox has taken accept4() away. */
RV_TEST(lasting, a_server_that_can_never_accept_ends)
{
    static const struct rv_http_handler handler; /* no task will wait */
    struct rv_http_server server;
    struct rv_runtime *runtime;
    struct rv_addr addr;

    take_away(SYS_accept4, ENOSYS);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(&server, &addr, &handler), 0);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &server.future),
                 -ENOSYS);
    rv_drop(&server.future);
    rv_runtime_stop(runtime);
}

RV_TEST(lasting, a_server_ends_when_its_reactor_has_failed)
{
    static const struct rv_http_handler handler; /* no task will wait */
    struct rv_http_server server;
    struct rv_runtime *runtime;
    struct rv_addr addr;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(&server, &addr, &handler), 0);
    close_epoll(runtime);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &server.future),
                 -EBADF);
    rv_drop(&server.future);
    rv_runtime_stop(runtime);
}

/* --- the ring ---------------------------------------------------------- */

static _Atomic int failing; /* 0, or the result of io_uring_enter() */
static _Atomic int times;   /* this many times; -1: forever */
static _Atomic int calls;

static int failing_enter(int fd, uint32_t count, uint32_t wait_for,
                         uint32_t flags)
{
    calls++;
    if (failing && times != 0) {
        times -= times > 0;
        return failing;
    }
    return rv_queues_enter_kernel(fd, count, wait_for, flags);
}

static void fail(int error, int how_often)
{
    times = how_often;
    failing = error;
    calls = 0;
}

/* Whether there is io_uring, asked of the kernel by the test itself. */
static bool has_io_uring(void)
{
    struct io_uring_params params = {.flags = 0};
    const long fd = syscall(SYS_io_uring_setup, 4, &params);

    if (fd < 0)
        return false;
    close((int)fd);
    return !getenv("RV_DISK");
}

static int start_with_ring(struct rv_runtime **out)
{
    CHILD_CHECK(rv_test_runtime_start(out) == 0);
    CHILD_CHECK(rv_ring_open(rv_runtime_ring(*out)) == 0);
    rv_queues_hook_enter(failing_enter);
    return 0;
}

static int do_nop(struct rv_runtime *runtime)
{
    struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_ring_op op;
    int result;

    rv_ring_op_init(&op, &nop, NULL, NULL);
    result = rv_test_block_on(rv_runtime_executor(runtime), &op.future);
    rv_drop(&op.future);
    return result;
}

static int read_a_file(struct rv_runtime *runtime)
{
    struct rv_file_read_all all;
    int result;

    rv_file_read_all_init(&all, "/proc/self/status", 1 << 16);
    result = rv_test_block_on(rv_runtime_executor(runtime), &all.future);
    if (result == 0 && (!all.buf || all.buf->len_bytes == 0))
        result = -EIO;
    rv_drop(&all.future);
    return result;
}

static const int errors[] = {-EPERM, -EBADF, -EINVAL, -ENOMEM, -EAGAIN, -EBUSY};

enum { ERRORS = sizeof errors / sizeof errors[0] };

static int for_good(int error)
{
    struct rv_runtime *runtime;

    CHILD_CHECK(start_with_ring(&runtime) == 0);
    fail(error, -1);
    CHILD_CHECK(read_a_file(runtime) == 0); /* moves to the pool */
    CHILD_CHECK(rv_ring_open(rv_runtime_ring(runtime)) == error);
    CHILD_CHECK(do_nop(runtime) == error);
    CHILD_CHECK(read_a_file(runtime) == 0);
    calls = 0;
    CHILD_CHECK(nap(runtime) == 0);
    CHILD_CHECK(calls == 0); /* no task waits any more */
    CHILD_CHECK(rv_ring_in_flight(rv_runtime_ring(runtime)) == 0);
    rv_runtime_stop(runtime);
    return 0;
}

static int each_for_good(void)
{
    for (int i = 0; i < ERRORS; i++)
        CHILD_CHECK(for_good(errors[i]) == 0);
    return 0;
}

RV_TEST(lasting, what_a_ring_cannot_submit_goes_to_the_pool)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(each_for_good);
}

static int submit_nothing(void)
{
    struct rv_runtime *runtime;

    CHILD_CHECK(start_with_ring(&runtime) == 0);
    fail(-EPERM, -1);
    CHILD_CHECK(do_nop(runtime) == -EPERM);
    rv_runtime_stop(runtime);
    return 0;
}

RV_TEST(lasting, an_operation_that_cannot_be_submitted_ends_with_the_error)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(submit_nothing);
}

static int forbidden(void)
{
    struct rv_runtime *runtime;

    take_away(SYS_io_uring_enter, EPERM);
    CHILD_CHECK(rv_test_runtime_start(&runtime) == 0);
    CHILD_CHECK(read_a_file(runtime) == 0);
    CHILD_CHECK(do_nop(runtime) == -EPERM);
    rv_runtime_stop(runtime);
    return 0;
}

RV_TEST(lasting, a_ring_that_a_sandbox_forbids_to_enter_is_left)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(forbidden);
}

static int for_a_while(void)
{
    enum { TRIES = 5 };
    struct rv_runtime *runtime;

    for (int i = 0; i < ERRORS; i++) {
        CHILD_CHECK(start_with_ring(&runtime) == 0);
        fail(errors[i], TRIES);
        CHILD_CHECK(do_nop(runtime) == 0);
        CHILD_CHECK(rv_ring_open(rv_runtime_ring(runtime)) == 0);
        rv_runtime_stop(runtime);
    }
    return 0;
}

RV_TEST(lasting, what_fails_for_a_while_is_tried_again)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(for_a_while);
}

/* The memory that the kernel uses. */
struct taken {
    char bytes[BYTES];
    int released;
};

static void note(void *owner, int32_t result)
{
    (void)result;
    ((struct taken *)owner)->released++;
}

/* Let the kernel take the operations that were started. */
static int hand_over(struct rv_runtime *runtime)
{
    struct rv_sleep pause;

    for (int i = 0; i < 3; i++) {
        rv_sleep_init(&pause, rv_after_ms(1));
        CHILD_CHECK(rv_runtime_block_on(runtime, &pause.future) == 0);
    }
    return 0;
}

/* A read of an empty pipe, which the kernel has. */
struct reading {
    struct rv_runtime *runtime;
    struct rv_ring_op op;
    struct rv_probe probe;
    struct rv_cx cx;
    int fds[2];
};

static int begin_reading(struct reading *self, struct taken *taken)
{
    struct rv_ring_call call = {.opcode = IORING_OP_READ,
                                .addr = rv_ring_addr(taken->bytes),
                                .len = BYTES,
                                .offset = UINT64_MAX};

    CHILD_CHECK(start_with_ring(&self->runtime) == 0);
    CHILD_CHECK(pipe2(self->fds, O_CLOEXEC) == 0);
    call.fd = self->fds[0];
    rv_ring_op_init(&self->op, &call, note, taken);
    rv_probe_init(&self->probe);
    self->cx = rv_probe_cx(&self->probe);
    self->cx.executor = rv_runtime_executor(self->runtime);
    CHILD_CHECK(rv_poll(&self->op.future, &self->cx) == RV_PENDING);
    return hand_over(self->runtime);
}

static void end_reading(struct reading *self)
{
    rv_drop(&self->op.future);
    rv_probe_fini(&self->probe);
    rv_runtime_stop(self->runtime);
}

/* For the future, a read that the kernel still has is over; its memory is
 * not. */
static int while_in_flight(void)
{
    static struct taken taken;
    struct reading self;

    CHILD_CHECK(begin_reading(&self, &taken) == 0);
    fail(-EBADF, -1);
    CHILD_CHECK(do_nop(self.runtime) == -EBADF);
    CHILD_CHECK(rv_probe_take(&self.probe));
    CHILD_CHECK(rv_poll(&self.op.future, &self.cx) == RV_READY);
    CHILD_CHECK(self.op.future.result == -EBADF);
    CHILD_CHECK(self.op.lost);
    CHILD_CHECK(taken.released == 0);
    end_reading(&self);
    CHILD_CHECK(taken.released == 0); /* the kernel still has it */
    return 0;
}

RV_TEST(lasting, what_the_kernel_has_is_not_released)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(while_in_flight);
}

/* A completion that reaches the queue in io_uring_enter() only. Where the
 * kernel delivers it by itself, nothing fails. */
static int while_held_back(void)
{
    static struct taken taken;
    struct reading self;
    int result;

    CHILD_CHECK(begin_reading(&self, &taken) == 0);
    fail(-EINVAL, -1);
    CHILD_CHECK(write(self.fds[1], "x", 1) == 1);
    while (rv_poll(&self.op.future, &self.cx) == RV_PENDING)
        CHILD_CHECK(hand_over(self.runtime) == 0);
    result = self.op.future.result;
    CHILD_CHECK(calls ? result == -EINVAL && self.op.lost : result == 1);
    calls = 0;
    CHILD_CHECK(nap(self.runtime) == 0);
    CHILD_CHECK(calls == 0);
    end_reading(&self);
    return 0;
}

RV_TEST(lasting, completions_that_cannot_be_flushed_are_not_waited_for)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(while_held_back);
}

/* A read of a file ends with the error, even if that is the one of a descriptor
 * that is to be waited for. Its buffer is the kernel's until the completion. */
static int file_in_flight(void)
{
    struct rv_buf *buf = rv_buf_new(1);
    struct rv_runtime *runtime;
    struct rv_file_op op;
    struct rv_probe probe;
    struct rv_file *file;
    struct rv_cx cx;
    int fds[2];

    CHILD_CHECK(start_with_ring(&runtime) == 0);
    CHILD_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    CHILD_CHECK(rv_file_of_fd(&file, fds[0]) == 0);
    rv_file_read_init(&op, file, buf, RV_FILE_POSITION);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cx.executor = rv_runtime_executor(runtime);
    CHILD_CHECK(rv_poll(&op.future, &cx) == RV_PENDING);
    CHILD_CHECK(hand_over(runtime) == 0);
    fail(-EAGAIN, -1);
    CHILD_CHECK(do_nop(runtime) == -EAGAIN);
    CHILD_CHECK(rv_poll(&op.future, &cx) == RV_READY);
    CHILD_CHECK(op.future.result == -EAGAIN);
    rv_drop(&op.future);
    CHILD_CHECK(rv_buf_busy(buf));
    fail(0, 0);
    CHILD_CHECK(write(fds[1], "x", 1) == 1);
    for (int i = 0; i < RV_TEST_WAIT_MS && rv_buf_busy(buf); i++)
        CHILD_CHECK(hand_over(runtime) == 0);
    CHILD_CHECK(!rv_buf_busy(buf));
    rv_file_put(file);
    rv_buf_put(buf);
    rv_probe_fini(&probe);
    rv_runtime_stop(runtime);
    return 0;
}

RV_TEST(lasting, what_the_kernel_has_of_a_file_is_not_released_either)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(file_in_flight);
}

/* The failure occurs when only the end is left to do. */
static int at_the_end(void)
{
    static struct taken taken;
    struct rv_ring_call call = {.opcode = IORING_OP_READ,
                                .addr = rv_ring_addr(taken.bytes),
                                .len = BYTES,
                                .offset = UINT64_MAX};
    struct rv_runtime *runtime;
    int fds[2];

    CHILD_CHECK(start_with_ring(&runtime) == 0);
    CHILD_CHECK(pipe2(fds, O_CLOEXEC) == 0);
    call.fd = fds[0];
    CHILD_CHECK(rv_ring_start(rv_runtime_ring(runtime), &call, note, &taken) ==
                0);
    CHILD_CHECK(hand_over(runtime) == 0);
    fail(-EINVAL, -1);
    rv_runtime_stop(runtime);
    CHILD_CHECK(taken.released == 0);
    return 0;
}

RV_TEST(lasting, the_end_of_a_ring_that_has_failed_ends)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(at_the_end);
}

/* --- workers ----------------------------------------------------------- */

static int run_job(struct rv_runtime *runtime)
{
    struct rv_cpu cpu;
    int result;

    rv_cpu_init(&cpu, new_sum(1, 2));
    result = rv_test_block_on(rv_runtime_executor(runtime), &cpu.future);
    rv_drop(&cpu.future);
    return result;
}

static int jobs_without_ring(void)
{
    struct rv_runtime *runtime;

    CHILD_CHECK(start_with_ring(&runtime) == 0);
    CHILD_CHECK(run_job(runtime) == 3);
    fail(-EPERM, -1);
    CHILD_CHECK(do_nop(runtime) == -EPERM);
    CHILD_CHECK(!rv_cpu_uses_ring(rv_cpu_current()));
    for (int i = 0; i < 100; i++)
        CHILD_CHECK(run_job(runtime) == 3);
    rv_runtime_stop(runtime);
    return 0;
}

RV_TEST(lasting, jobs_go_on_when_the_ring_has_failed)
{
    if (!has_io_uring())
        cr_skip_test("no io_uring here");
    in_child(jobs_without_ring);
}

/* A job that waits at a gate, while the pipe of its pool thread is closed. The
 * pool thread's end is the descriptor with the next number. */
static int cut(bool by_ring)
{
    const struct rv_runtime_options options = {.ring.off = !by_ring,
                                               .cpu.threads = 2};
    struct rv_runtime *runtime;
    struct rv_probe probe;
    struct rv_cpu cpu;
    struct gate gate;
    struct rv_cx cx;

    CHILD_CHECK(rv_runtime_start_with(&runtime, &options) == 0);
    gate_init(&gate);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cx.executor = rv_runtime_executor(runtime);
    rv_cpu_init(&cpu, new_gate_call(&gate));
    CHILD_CHECK(rv_poll(&cpu.future, &cx) == RV_PENDING);
    gate_wait(&gate);
    close(rv_pipe_thread_done_fd(
              &rv_cpu_current()->classes[0].threads[0]->pipes) +
          1);
    CHILD_CHECK(rv_test_block_on(rv_runtime_executor(runtime), &cpu.future) ==
                -EPIPE);
    rv_drop(&cpu.future);
    CHILD_CHECK(run_job(runtime) == 3); /* by the other one */
    gate_open(&gate, 1);
    rv_probe_fini(&probe);
    rv_runtime_stop(runtime);
    gate_fini(&gate);
    return 0;
}

static int cut_both(void)
{
    CHILD_CHECK(cut(false) == 0);
    CHILD_CHECK(cut(true) == 0);
    return 0;
}

RV_TEST(lasting, a_job_of_a_worker_that_is_not_heard_ends)
{
    if (!rv_thread_supported())
        cr_skip_test("no bare threads in this build");
    in_child(cut_both);
}
