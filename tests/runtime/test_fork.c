/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - a child of fork() releases its parent's objects or starts its
 * own, without effect on the parent.
 *
 * Threads: the test's and the runtime's. Each child is waited for before the
 * parent goes on, so that all its actions have happened.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <reveil/file.h>
#include <reveil/http_server.h>
#include <reveil/reveil.h>
#include <reveil/serve.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "net/net_internal.h"
#include "runtime/round_trip.h"
#include "support/support.h"
#include "support/take_away.h"
#include "thread/pure.h"

RV_TEST_SUITE(fork);

enum { CHILD_SECONDS = 5, ANOTHER_POLL = -1 };

/* In the parent: wait. Returns: 0, or the child's other status. */
static int wait_for_child(pid_t child)
{
    int status = -1;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* In a child: it ends with this line number, or with 0; it never hangs. */
_Noreturn static void end_child(int line)
{
    if (line)
        dprintf(STDERR_FILENO, "the child failed in line %d\n", line);
    _exit(line ? 1 : 0);
}

/* --- a parent that waits for a byte ------------------------------------ */

/*
 * Waits for a byte, and forks when its waker is stored. The child acts inside
 * this poll. Then the byte is sent, and the reactor has to wake the parent.
 */
struct parent {
    struct rv_future future;
    struct rv_runtime *runtime;
    int (*child)(struct parent *self, struct rv_cx *cx);
    struct rv_stream stream;
    int peer;
    bool forked;
    int status;
};

/* Let a child act. */
static void let_child_act(struct parent *self, struct rv_cx *cx)
{
    const pid_t child = fork();

    if (child == 0) {
        alarm(CHILD_SECONDS);
        end_child(self->child(self, cx));
    }
    self->forked = true;
    self->status = wait_for_child(child);
    self->status |= send(self->peer, "x", 1, MSG_NOSIGNAL) != 1;
}

static enum rv_poll parent_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct parent *self = RV_CONTAINER_OF(future, struct parent, future);
    char byte;
    ssize_t n = rv_stream_poll_recv(&self->stream, cx, &byte, 1);

    if (n == -EAGAIN && !self->forked)
        let_child_act(self, cx);
    future->result = (int32_t)n;
    return n == -EAGAIN ? RV_PENDING : RV_READY;
}

static void parent_init(struct parent *self,
                        int (*child)(struct parent *self, struct rv_cx *cx))
{
    static const struct rv_future_ops ops = {.name = "parent",
                                             .poll = parent_poll};
    int fds[2];

    *self = (struct parent){.child = child};
    rv_future_init(&self->future, &ops);
    cr_assert_eq(rv_test_runtime_start(&self->runtime), 0);
    cr_assert_eq(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
        0);
    cr_assert_eq(rv_stream_adopt(&self->stream, fds[0]), 0);
    self->peer = fds[1];
}

/* The peer gets nothing from the child, and data from the parent. */
static void check_connection(struct parent *self)
{
    char byte;

    cr_assert_eq(recv(self->peer, &byte, 1, 0), -1, "its end, or a byte");
    cr_assert_eq(errno, EAGAIN);
    cr_assert_eq(send(rv_stream_fd(&self->stream), "y", 1, MSG_NOSIGNAL), 1);
    cr_assert_eq(recv(self->peer, &byte, 1, 0), 1);
}

static void parent_fini(struct parent *self)
{
    rv_stream_close(&self->stream);
    close(self->peer);
    rv_runtime_stop(self->runtime);
}

static void run(int (*child)(struct parent *self, struct rv_cx *cx))
{
    struct parent parent;

    parent_init(&parent, child);
    cr_assert_eq(
        rv_test_block_on(rv_runtime_executor(parent.runtime), &parent.future),
        1, "the parent was not woken");
    cr_assert_eq(parent.status, 0, "what the child says is above");
    check_connection(&parent);
    cr_assert_eq(round_trip(rv_runtime_executor(parent.runtime)), 0);
    parent_fini(&parent);
}

/* --- releasing the parent's objects ------------------------------------ */

static int only_exit(struct parent *self, struct rv_cx *cx)
{
    (void)self, (void)cx;
    return 0;
}

static int close_socket(struct parent *self, struct rv_cx *cx)
{
    (void)cx;
    rv_stream_close(&self->stream);
    return 0;
}

static int finish_socket(struct parent *self, struct rv_cx *cx)
{
    (void)cx;
    rv_stream_finish(&self->stream);
    return 0;
}

static int reset_socket(struct parent *self, struct rv_cx *cx)
{
    (void)cx;
    rv_tcp_reset(&self->stream);
    return 0;
}

static int forget_waker(struct parent *self, struct rv_cx *cx)
{
    (void)cx;
    rv_source_forget(self->stream.source, RV_READ);
    return 0;
}

static int stop_runtime(struct parent *self, struct rv_cx *cx)
{
    (void)cx;
    rv_runtime_stop(self->runtime);
    return 0;
}

static int wake_parent(struct parent *self, struct rv_cx *cx)
{
    (void)self;
    rv_waker_wake(&cx->waker);
    return 0;
}

RV_TEST(fork, a_child_that_only_ends_is_not_noticed)
{
    run(only_exit);
}

RV_TEST(fork, a_child_may_close_a_socket)
{
    run(close_socket);
}

RV_TEST(fork, a_child_does_not_shut_a_socket_down)
{
    run(finish_socket);
}

RV_TEST(fork, a_child_does_not_reset_a_connection)
{
    run(reset_socket);
}

RV_TEST(fork, a_child_may_take_a_waker_back)
{
    run(forget_waker);
}

RV_TEST(fork, a_child_may_stop_the_runtime)
{
    run(stop_runtime);
}

RV_TEST(fork, a_child_may_wake)
{
    run(wake_parent);
}

/* A raw clone() runs no handlers of pthread_atfork(). */
static int clone_and_close(struct parent *self, struct rv_cx *cx)
{
    const long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

    (void)cx;
    if (child == 0) {
        rv_stream_finish(&self->stream);
        _exit(0);
    }
    CHILD_CHECK(wait_for_child((pid_t)child) == 0);
    return 0;
}

RV_TEST(fork, a_child_of_a_child_by_a_raw_clone_neither)
{
    run(clone_and_close);
}

/* --- what fails -------------------------------------------------------- */

static int32_t do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int poll_result(struct rv_future *future, struct rv_cx *cx)
{
    return rv_poll(future, cx) == RV_READY ? future->result : ANOTHER_POLL;
}

static int use_reactor(struct parent *self, struct rv_cx *cx)
{
    struct rv_source *source;
    struct rv_signals signals;
    char byte;
    sigset_t set;
    int fds[2];

    CHILD_CHECK(rv_reactor_error(rv_reactor_current()) == -ESTALE);
    CHILD_CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    CHILD_CHECK(rv_source_open(rv_reactor_current(), fds[0], &source) ==
                -ESTALE);
    CHILD_CHECK(rv_stream_poll_recv(&self->stream, cx, &byte, 1) == -ESTALE);
    sigemptyset(&set);
    CHILD_CHECK(rv_signals_open(&signals, &set) == -ESTALE);
    return 0;
}

static int use_executor(struct parent *self, struct rv_cx *cx)
{
    struct rv_yield *yield = rv_alloc(sizeof *yield);
    struct rv_sleep nap;
    int result;

    CHILD_CHECK(rv_executor_current() == NULL);
    rv_yield_init(yield);
    rv_sleep_init(&nap, rv_after_ms(1));
    result = rv_runtime_block_on(self->runtime, &nap.future);
    CHILD_CHECK(result == -ESTALE);
    CHILD_CHECK(rv_spawn(cx->executor, &yield->future, NULL) == -ESTALE);
    rv_free(yield);
    return 0;
}

static int use_pools(struct parent *self, struct rv_cx *cx)
{
    struct rv_blocking blocking;
    struct rv_cpu cpu;
    struct rv_file_read_all all;
    struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    struct rv_ring_op op;

    (void)self;
    rv_blocking_init(&blocking, do_nothing, NULL, NULL);
    CHILD_CHECK(poll_result(&blocking.future, cx) == -ESTALE);
    rv_cpu_init(&cpu, new_sum(1, 2));
    CHILD_CHECK(poll_result(&cpu.future, cx) == -ESTALE);
    rv_ring_op_init(&op, &nop, NULL, NULL);
    CHILD_CHECK(poll_result(&op.future, cx) == -ESTALE);
    rv_file_read_all_init(&all, "/proc/self/stat", 4096);
    CHILD_CHECK(poll_result(&all.future, cx) == -ESTALE);
    return 0;
}

RV_TEST(fork, a_child_cannot_use_the_reactor)
{
    run(use_reactor);
}

RV_TEST(fork, a_child_cannot_use_the_executor)
{
    run(use_executor);
}

RV_TEST(fork, a_child_cannot_use_ring_and_pools)
{
    run(use_pools);
}

/* The child returns from its poll. */
static int go_on(struct parent *self, struct rv_cx *cx)
{
    (void)self, (void)cx;
    return 0;
}

static enum rv_poll returning_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct parent *self = RV_CONTAINER_OF(future, struct parent, future);
    char byte;

    if (!self->forked) {
        const pid_t child = fork();

        self->forked = true;
        if (child == 0)
            alarm(CHILD_SECONDS);
        else
            self->status = wait_for_child(child);
    }
    /* Both are polled again, only in the parent. */
    future->result = (int32_t)rv_stream_poll_recv(&self->stream, cx, &byte, 1);
    if (future->result == -EAGAIN)
        self->status |= send(self->peer, "x", 1, MSG_NOSIGNAL) != 1;
    return future->result == -EAGAIN || future->result == -ESTALE ? RV_PENDING
                                                                  : RV_READY;
}

struct bystander {
    struct rv_future future;
    pid_t parent;
    int *strangers;
};

static enum rv_poll bystander_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct bystander *self = RV_CONTAINER_OF(future, struct bystander, future);

    *self->strangers += getpid() != self->parent;
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

RV_TEST(fork, after_the_poll_that_forked_nothing_is_polled_in_the_child)
{
    static const struct rv_future_ops ops = {.name = "returning",
                                             .poll = returning_poll};
    static const struct rv_future_ops other = {.name = "bystander",
                                               .poll = bystander_poll};
    struct rv_executor *executor;
    struct parent parent;
    const pid_t me = getpid();
    int strangers = 0;
    int result;

    parent_init(&parent, go_on);
    rv_future_init(&parent.future, &ops);
    executor = rv_runtime_executor(parent.runtime);
    for (int i = 0; i < 10; i++) {
        struct bystander *bystander = rv_alloc(sizeof *bystander);

        *bystander = (struct bystander){.parent = me, .strangers = &strangers};
        rv_future_init(&bystander->future, &other);
        cr_assert_eq(rv_spawn(executor, &bystander->future, NULL), 0);
    }
    result = rv_block_on(executor, &parent.future);
    if (getpid() != me) {
        rv_runtime_stop(parent.runtime);
        end_child(result != -ESTALE ? __LINE__ : strangers ? __LINE__ : 0);
    }
    cr_assert_eq(result, 1);
    cr_assert_eq(parent.status, 0);
    parent_fini(&parent);
}

static int32_t serve_nobody(struct rv_stream *stream, void *arg)
{
    (void)stream, (void)arg;
    return 0;
}

/* In a child, inside a coroutine. Returns: 0, or the line of what failed. */
static int all_stale(struct rv_scope *scope)
{
    static const struct rv_http_route routes[] = {{.path = "/"}, {0}};
    const struct rv_http_handler handler = rv_http_routes(routes);
    struct rv_stream none = {0};

    CHILD_CHECK(rv_serve(&none, serve_nobody, NULL, NULL) == -ESTALE);
    CHILD_CHECK(rv_serve_at("127.0.0.1:0", serve_nobody, NULL, NULL) ==
                -ESTALE);
    CHILD_CHECK(rv_http_serve_at("127.0.0.1:0", &handler, 0) == -ESTALE);
    CHILD_CHECK(rv_scope_spawn_coro(scope, do_nothing, NULL, 0, NULL) ==
                -ESTALE);
    CHILD_CHECK(rv_scope_wait(scope) == -ESTALE);
    return 0;
}

/* The same, also after the child has run an executor of its own. */
static int serve_here(struct rv_scope *scope)
{
    struct rv_executor *own;
    struct rv_yield yield;
    int line = all_stale(scope);

    if (line)
        return line;
    CHILD_CHECK(rv_executor_new(&own) == 0);
    rv_yield_init(&yield);
    CHILD_CHECK(rv_block_on(own, &yield.future) == 0);
    rv_drop(&yield.future);
    rv_executor_free(own);
    line = all_stale(scope);
    rv_drop(&scope->future); /* with the task that the parent waits for */
    return line;
}

static int line_of_child; /* in the child */

static int32_t fork_in_scope(void *arg)
{
    struct rv_scope scope;
    int *status = arg;
    pid_t child;

    rv_scope_init(&scope, rv_executor_current());
    cr_assert_eq(rv_scope_spawn_coro(&scope, do_nothing, NULL, 0, NULL), 0);
    child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        line_of_child = serve_here(&scope);
        return 0; /* to nobody: see main */
    }
    *status = wait_for_child(child);
    return rv_scope_wait(&scope);
}

RV_TEST(fork, a_child_cannot_serve_and_waits_for_no_scope)
{
    const pid_t me = getpid();
    struct rv_executor *executor;
    struct rv_join join;
    int status = -1;
    int result;

    cr_assert_eq(rv_executor_new(&executor), 0);
    cr_assert_eq(rv_coro_spawn(executor, fork_in_scope, &status, NULL, &join),
                 0);
    result = rv_block_on(executor, &join.future);
    if (getpid() != me) {
        rv_executor_free(executor);
        end_child(line_of_child       ? line_of_child
                  : result != -ESTALE ? __LINE__
                                      : 0);
    }
    cr_assert_eq(result, 0);
    cr_assert_eq(status, 0, "what the child says is above");
    rv_drop(&join.future);
    rv_executor_free(executor);
}

/* --- a runtime of its own ---------------------------------------------- */

static int start_another(struct parent *self, struct rv_cx *cx)
{
    struct rv_runtime *runtime;
    struct rv_blocking blocking;
    struct rv_file_read_all all;

    (void)cx;
    CHILD_CHECK(rv_test_runtime_start(&runtime) == 0);
    CHILD_CHECK(round_trip(rv_runtime_executor(runtime)) == 0);
    rv_blocking_init(&blocking, do_nothing, NULL, NULL);
    CHILD_CHECK(rv_runtime_block_on(runtime, &blocking.future) == 0);
    rv_file_read_all_init(&all, "/proc/self/stat", 4096);
    CHILD_CHECK(rv_runtime_block_on(runtime, &all.future) == 0);
    rv_drop(&all.future);
    rv_runtime_stop(runtime);
    rv_runtime_stop(self->runtime);
    return 0;
}

static int32_t go_nap(void *arg)
{
    (void)arg;
    return rv_coro_sleep_until(rv_after_ms(1)) == 0 ? 7 : -1;
}

static int start_sched(struct parent *self, struct rv_cx *cx)
{
    struct rv_sched *sched;

    (void)self, (void)cx;
    CHILD_CHECK(rv_sched_start(&sched, NULL) == 0);
    CHILD_CHECK(rv_sched_run(sched, go_nap, NULL) == 7);
    rv_sched_stop(sched);
    return 0;
}

RV_TEST(fork, a_child_may_start_a_runtime_of_its_own)
{
    run(start_another);
}

RV_TEST(fork, a_child_may_start_a_scheduler_of_its_own)
{
    run(start_sched);
}

/* --- while something is under way -------------------------------------- */

/* Each waits for its byte from a pipe: on a pool thread, in the ring, and on a
 * worker. */
struct busy {
    struct rv_future future;
    struct rv_runtime *runtime;
    struct rv_blocking blocking;
    struct rv_ring_op op;
    struct rv_cpu cpu;
    char byte;
    int pool_pipe[2];
    int ring_pipe[2];
    int cpu_pipe[2];
    bool has_ring;
    int left;
    bool forked;
    int status;
};

static int32_t read_byte(void *arg)
{
    char byte;

    return (int32_t)read(((int *)arg)[0], &byte, 1);
}

static int32_t read_byte_of(void *state, void *result)
{
    (void)result;
    return read_byte(*(int **)state);
}

static void busy_drop(struct rv_future *future)
{
    struct busy *self = RV_CONTAINER_OF(future, struct busy, future);

    rv_drop(&self->blocking.future);
    rv_drop(&self->cpu.future);
    if (self->has_ring)
        rv_drop(&self->op.future);
}

static void busy_fork(struct busy *self, struct rv_cx *cx)
{
    const pid_t child = fork();

    if (child == 0) {
        alarm(CHILD_SECONDS);
        if (self->has_ring && poll_result(&self->op.future, cx) != -ESTALE)
            end_child(__LINE__);
        if (poll_result(&self->blocking.future, cx) != -ESTALE)
            end_child(__LINE__);
        self->has_ring = false;
        busy_drop(&self->future);
        rv_runtime_stop(self->runtime);
        end_child(0);
    }
    self->forked = true;
    self->status = wait_for_child(child);
    self->status |= write(self->pool_pipe[1], "x", 1) != 1;
    self->status |= write(self->ring_pipe[1], "x", 1) != 1;
    self->status |= write(self->cpu_pipe[1], "x", 1) != 1;
}

/* Returns: true if it is READY, now or before. */
static bool is_over(struct rv_future *future, struct rv_cx *cx, int *failed)
{
    if (future->at != RV_AT_END && rv_poll(future, cx) == RV_PENDING)
        return false;
    *failed |= future->result != 1;
    return true;
}

static enum rv_poll busy_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct busy *self = RV_CONTAINER_OF(future, struct busy, future);
    int failed = 0;
    bool over = is_over(&self->blocking.future, cx, &failed);

    over &= is_over(&self->cpu.future, cx, &failed);
    over &= !self->has_ring || is_over(&self->op.future, cx, &failed);
    if (over) {
        future->result = failed ? -EIO : 0;
        return RV_READY;
    }
    if (self->forked)
        return RV_PENDING;
    if (self->left-- > 0)
        rv_waker_wake(
            &cx->waker); /* until the ring has submitted its own operation */
    else
        busy_fork(self, cx);
    return RV_PENDING;
}

static void busy_init(struct busy *self)
{
    static const struct rv_future_ops ops = {
        .name = "busy", .poll = busy_poll, .drop = busy_drop};
    static const struct rv_callable_ops call = {.name = "read_byte",
                                                .call = read_byte_of,
                                                .state_bytes = sizeof(int *)};
    struct rv_callable *callable;
    int *pipe = self->cpu_pipe;

    *self = (struct busy){.left = 200};
    rv_future_init(&self->future, &ops);
    cr_assert_eq(rv_test_runtime_start(&self->runtime), 0);
    cr_assert_eq(pipe2(self->pool_pipe, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(self->ring_pipe, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(self->cpu_pipe, O_CLOEXEC), 0);
    self->has_ring = rv_ring_open(rv_runtime_ring(self->runtime)) == 0;
    rv_blocking_init(&self->blocking, read_byte, self->pool_pipe, NULL);
    cr_assert_eq(rv_callable_new(&callable, &call, &pipe), 0);
    rv_cpu_init(&self->cpu, callable);
    rv_ring_op_init(&self->op,
                    &(struct rv_ring_call){.opcode = IORING_OP_READ,
                                           .fd = self->ring_pipe[0],
                                           .addr = rv_ring_addr(&self->byte),
                                           .len = 1,
                                           .offset = UINT64_MAX},
                    NULL, NULL);
}

RV_TEST(fork, what_is_under_way_goes_on_in_the_parent)
{
    struct busy busy;

    busy_init(&busy);
    cr_assert_eq(
        rv_test_block_on(rv_runtime_executor(busy.runtime), &busy.future), 0);
    cr_assert_eq(busy.status, 0);
    busy_drop(&busy.future);
    cr_assert_eq(round_trip(rv_runtime_executor(busy.runtime)), 0);
    rv_runtime_stop(busy.runtime);
    for (int i = 0; i < 2; i++) {
        close(busy.pool_pipe[i]);
        close(busy.ring_pipe[i]);
        close(busy.cpu_pipe[i]);
    }
}

/* --- from other threads ------------------------------------------------ */

/* On a pool thread or a worker. */
static int32_t fork_in_a_call(void *runtime)
{
    const pid_t child = fork();

    if (child == 0) {
        struct rv_runtime *own;

        alarm(CHILD_SECONDS);
        (void)runtime;
        if (rv_runtime_start(&own) != 0)
            end_child(__LINE__);
        if (round_trip(rv_runtime_executor(own)) != 0)
            end_child(__LINE__);
        rv_runtime_stop(own);
        end_child(0);
    }
    return wait_for_child(child);
}

static int32_t fork_in_a_callable(void *state, void *result)
{
    (void)state, (void)result;
    return fork_in_a_call(NULL);
}

RV_TEST(fork, a_call_on_the_pool_may_fork)
{
    struct rv_runtime *runtime;
    struct rv_blocking blocking;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    rv_blocking_init(&blocking, fork_in_a_call, runtime, NULL);
    cr_assert_eq(rv_runtime_block_on(runtime, &blocking.future), 0);
    rv_runtime_stop(runtime);
}

RV_TEST(fork, a_call_on_a_worker_may_fork)
{
    static const struct rv_callable_ops ops = {.call = fork_in_a_callable};
    struct rv_runtime *runtime;
    struct rv_callable *callable;
    struct rv_cpu cpu;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_callable_new(&callable, &ops, NULL), 0);
    rv_cpu_init(&cpu, callable);
    cr_assert_eq(rv_runtime_block_on(runtime, &cpu.future), 0);
    rv_drop(&cpu.future);
    rv_runtime_stop(runtime);
}

/* The parent of a child that returns ends with the same status. */
static void end_as(pid_t child)
{
    const int status = wait_for_child(child);

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        abort();
    _exit(1);
}

static int32_t fork_and_return(void *arg)
{
    const pid_t child = fork();

    (void)arg;
    if (child > 0)
        end_as(child);
    return 0;
}

static int32_t fork_and_return_callable(void *state, void *result)
{
    (void)state, (void)result;
    return fork_and_return(NULL);
}

static void return_to_the_pool(void)
{
    struct rv_runtime *runtime;
    struct rv_blocking blocking;

    rv_runtime_start(&runtime);
    rv_blocking_init(&blocking, fork_and_return, NULL, NULL);
    rv_runtime_block_on(runtime, &blocking.future);
}

static void return_to_a_worker(void)
{
    static const struct rv_callable_ops ops = {.call =
                                                   fork_and_return_callable};
    struct rv_runtime *runtime;
    struct rv_callable *callable;
    struct rv_cpu cpu;

    rv_runtime_start(&runtime);
    rv_callable_new(&callable, &ops, NULL);
    rv_cpu_init(&cpu, callable);
    rv_runtime_block_on(runtime, &cpu.future);
}

static void return_to_the_scheduler(void)
{
    struct rv_sched *sched;

    rv_sched_start(&sched, NULL);
    rv_sched_run(sched, fork_and_return, NULL);
}

RV_TEST(fork, a_child_that_returns_to_nobody_stops)
{
    rv_test_aborts(return_to_the_pool,
                   "a child of fork() returned from a call on the pool");
    rv_test_aborts(return_to_a_worker,
                   "a child of fork() returned from a call on a pipe thread");
    rv_test_aborts(return_to_the_scheduler,
                   "a child of fork() returned from a task of rv_sched");
}

/* --- the scheduler ----------------------------------------------------- */

static struct rv_sched *sched_of_tests;

static int act_in_a_task(void)
{
    struct rv_go go;

    CHILD_CHECK(rv_go_yield() == -ESTALE);
    CHILD_CHECK(rv_coro_sleep_until(rv_after_ms(1)) == -ESTALE);
    CHILD_CHECK(rv_sched_go(sched_of_tests, &go, "go", go_nap, NULL) ==
                -ESTALE);
    CHILD_CHECK(rv_sched_run(sched_of_tests, go_nap, NULL) == -ESTALE);
    CHILD_CHECK(start_sched(NULL, NULL) == 0);
    rv_sched_stop(sched_of_tests);
    return 0;
}

static int32_t fork_in_a_task(void *arg)
{
    pid_t child;

    (void)arg;
    /* A worker that is still starting may hold a lock of a sanitizer, which
     * would stay locked in the child. */
    rv_test_wait_for_sleep();
    child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        end_child(act_in_a_task());
    }
    return wait_for_child(child) == 0 ? go_nap(NULL) : -1;
}

RV_TEST(fork, a_task_of_the_scheduler_may_fork)
{
    struct rv_go go;
    pid_t child;

    cr_assert_eq(rv_sched_start(&sched_of_tests, NULL), 0);
    cr_assert_eq(rv_sched_run(sched_of_tests, fork_in_a_task, NULL), 7);
    cr_assert_eq(rv_sched_go(sched_of_tests, &go, "go", go_nap, NULL), 0);
    child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        if (rv_go_join(&go) != -ESTALE)
            end_child(__LINE__);
        rv_go_drop(&go);
        rv_sched_stop(sched_of_tests);
        end_child(0);
    }
    cr_assert_eq(wait_for_child(child), 0);
    cr_assert_eq(rv_go_join(&go), 7);
    rv_sched_stop(sched_of_tests);
}

/* --- outside of polls -------------------------------------------------- */

RV_TEST(fork, a_child_may_stop_everything)
{
    const struct rv_runtime_options options = {.task_dump_signal = SIGUSR1};
    struct rv_runtime *runtime;
    struct rv_executors *workers;
    struct rv_yield *yield = rv_alloc(sizeof *yield);
    struct rv_remote_join join;
    pid_t child;

    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    cr_assert_eq(rv_executors_start(&workers, runtime, 2), 0);
    child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        if (rv_remote_spawn(rv_executors_remote(workers, 0), &yield->future,
                            NULL) != -ESTALE)
            end_child(__LINE__);
        rv_executors_stop(workers);
        rv_runtime_stop(runtime);
        end_child(0);
    }
    cr_assert_eq(wait_for_child(child), 0);
    rv_yield_init(yield);
    cr_assert_eq(
        rv_remote_spawn(rv_executors_remote(workers, 0), &yield->future, &join),
        0);
    cr_assert_eq(rv_runtime_block_on(runtime, &join.future), 0);
    rv_remote_join_drop(&join);
    rv_executors_stop(workers);
    rv_runtime_stop(runtime);
}

RV_TEST(fork, no_descriptor_survives_an_exec)
{
    const uint32_t low = 3;
    const uint32_t high = 64;
    struct rv_runtime_options options = {.task_dump_signal = SIGUSR1};
    bool was_open[64];
    struct busy busy;
    struct rv_runtime *runtime;

    for (uint32_t fd = low; fd < high; fd++)
        was_open[fd] = fcntl((int)fd, F_GETFD) >= 0;
    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    busy_init(&busy);
    busy.forked = true; /* it does not fork again, and waits */
    for (int i = 0; i < 100; i++) {
        struct rv_sleep nap;

        if (i == 0)
            cr_assert_eq(write(busy.cpu_pipe[1], "x", 1), 1);
        rv_sleep_init(&nap, rv_now_ns());
        cr_assert_eq(rv_runtime_block_on(busy.runtime, &nap.future), 0);
    }
    cr_assert_eq(write(busy.pool_pipe[1], "x", 1), 1);
    cr_assert_eq(write(busy.ring_pipe[1], "x", 1), 1);
    cr_assert_eq(
        rv_test_block_on(rv_runtime_executor(busy.runtime), &busy.future), 0);
    for (uint32_t fd = low; fd < high; fd++) {
        const int flags = fcntl((int)fd, F_GETFD);

        cr_assert(was_open[fd] || flags < 0 || flags & FD_CLOEXEC,
                  "a program inherits descriptor %u", fd);
    }
    busy_drop(&busy.future);
    rv_runtime_stop(busy.runtime);
    rv_runtime_stop(runtime);
    for (int i = 0; i < 2; i++) {
        close(busy.pool_pipe[i]);
        close(busy.ring_pipe[i]);
        close(busy.cpu_pipe[i]);
    }
}
