/* SPDX-License-Identifier: MIT */
/*
 * test_events.c - which events the parts of the library write, in which order
 * and on which threads.
 *
 * Threads: those of a runtime or a scheduler.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <reveil/mpsc.h>
#include <reveil/oneshot.h>
#include <reveil/pipe_thread.h>
#include <reveil/publisher.h>
#include <reveil/reveil.h>
#include <reveil/spsc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(trace_events);

/* --- what was written -------------------------------------------------- */

enum { MOST_EVENTS = 4096 };

static struct rv_event events[MOST_EVENTS];
static size_t len;

static void begin(void)
{
    cr_assert_eq(rv_trace_start(RV_TRACE_EVENTS), 0);
}

/* An event that was counted may still be on its way into the trace: its thread
 * may be late. Those that follow are read after it. */
static void end(void)
{
    uint64_t number = 0;
    uint64_t count = 0;

    rv_trace_start(RV_TRACE_OFF);
    for (int kind = 0; kind < RV_EV_KINDS; kind++)
        count += rv_trace_count((enum rv_event_kind)kind);
    for (len = 0; len < MOST_EVENTS && len < count;)
        if (rv_trace_read(&number, &events[len]))
            len++;
        else
            poll(NULL, 0, 1);
}

/* The next event of this kind from `after` on. The test fails without one. */
static const struct rv_event *next_of(const struct rv_event *after,
                                      enum rv_event_kind kind)
{
    const struct rv_event *event = after ? after + 1 : events;

    while (event < events + len && event->kind != kind)
        event++;
    cr_assert_lt(event, events + len, "no %s", rv_event_name(kind));
    return event;
}

/* The same, about this task: others may be woken meanwhile. */
static const struct rv_event *next_about(const struct rv_event *after,
                                         enum rv_event_kind kind, uint64_t id)
{
    const struct rv_event *event = next_of(after, kind);

    while (event->id != id)
        event = next_of(event, kind);
    return event;
}

static uint32_t count_of(enum rv_event_kind kind)
{
    uint32_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += events[i].kind == kind;
    return count;
}

/* --- parkers ----------------------------------------------------------- */

static void *park_once(void *arg)
{
    rv_parker_park(arg, RV_NEVER);
    return NULL;
}

RV_TEST(trace_events, an_unpark_has_the_parker_of_the_thread_that_it_wakes)
{
    const struct rv_event *unpark;
    struct rv_parker parker;
    pthread_t thread;

    rv_parker_init(&parker);
    begin();
    cr_assert_eq(pthread_create(&thread, NULL, park_once, &parker), 0);
    while (rv_trace_count(RV_EV_PARK) == 0)
        poll(NULL, 0, 1);
    rv_parker_unpark(&parker);
    pthread_join(thread, NULL);
    end();

    cr_assert_eq(next_of(NULL, RV_EV_PARK)->id, (uintptr_t)&parker);
    unpark = next_of(next_of(NULL, RV_EV_PARK), RV_EV_UNPARK);
    cr_assert_eq(unpark->id, (uintptr_t)&parker);
    cr_assert_eq(next_of(unpark, RV_EV_AWAKE)->id, (uintptr_t)&parker);
    cr_assert_eq(next_of(unpark, RV_EV_AWAKE)->value, 1);
    cr_assert_neq(next_of(unpark, RV_EV_AWAKE)->thread, unpark->thread);
}

RV_TEST(trace_events, a_park_that_finds_a_token_is_a_permit)
{
    struct rv_parker parker;

    rv_parker_init(&parker);
    begin();
    rv_parker_unpark(&parker);
    rv_parker_park(&parker, RV_NEVER);
    rv_parker_park(&parker, rv_after_ms(1));
    end();

    cr_assert_eq(len, 4);
    cr_assert_eq(events[0].kind, RV_EV_UNPARK);
    cr_assert_eq(events[1].kind, RV_EV_PERMIT);
    cr_assert_eq(events[1].id, (uintptr_t)&parker);
    cr_assert_eq(events[2].kind, RV_EV_PARK);
    cr_assert_eq(events[3].kind, RV_EV_AWAKE);
    cr_assert_eq(events[3].value, 0, "its time was over");
}

/* --- the reactor ------------------------------------------------------- */

struct read_byte {
    struct rv_future future;
    struct rv_source *source;
    int ends[2];
};

static enum rv_poll read_byte_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct read_byte *self = RV_CONTAINER_OF(future, struct read_byte, future);
    uint32_t tick;
    char byte;

    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        if (read(self->ends[0], &byte, 1) == 1)
            return RV_READY;
        rv_source_clear(self->source, RV_READ, tick);
    }
    cr_assert_eq(write(self->ends[1], "x", 1), 1);
    return RV_PENDING;
}

RV_TEST(trace_events, a_waker_is_left_at_a_source_before_its_event)
{
    static const struct rv_future_ops ops = {.name = "byte",
                                             .poll = read_byte_poll};
    struct read_byte byte = {.source = NULL};
    const struct rv_event *left;
    const struct rv_event *ready;
    struct rv_runtime *runtime;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(pipe2(byte.ends, O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_eq(
        rv_source_open(rv_reactor_current(), byte.ends[0], &byte.source), 0);
    rv_future_init(&byte.future, &ops);
    begin();
    rv_runtime_block_on(runtime, &byte.future);
    end();

    left = next_of(next_of(NULL, RV_EV_POLL), RV_EV_SET_WAKER);
    cr_assert_eq(left->value, byte.ends[0]);
    cr_assert_eq(left->id, next_of(NULL, RV_EV_POLL)->id);
    ready = next_of(left, RV_EV_READINESS);
    cr_assert_eq(ready->value, byte.ends[0]);
    cr_assert_eq(next_of(ready, RV_EV_WAKE)->id, left->id);
    cr_assert_eq(next_of(ready, RV_EV_WAKE)->value,
                 next_of(NULL, RV_EV_POLL)->value, "not the same owner");
    rv_source_close(byte.source);
    close(byte.ends[0]);
    close(byte.ends[1]);
    rv_runtime_stop(runtime);
}

static enum rv_poll watch_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct read_byte *self = RV_CONTAINER_OF(future, struct read_byte, future);

    cr_assert_not(rv_source_gone(self->source, &cx->waker));
    return RV_READY;
}

RV_TEST(trace_events, so_is_that_of_a_task_that_watches_for_the_end)
{
    static const struct rv_future_ops ops = {.name = "watch",
                                             .poll = watch_poll};
    struct read_byte byte = {.source = NULL};
    struct rv_runtime *runtime;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(pipe2(byte.ends, O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_eq(
        rv_source_open(rv_reactor_current(), byte.ends[0], &byte.source), 0);
    rv_future_init(&byte.future, &ops);
    begin();
    rv_runtime_block_on(runtime, &byte.future);
    end();

    cr_assert_eq(next_of(NULL, RV_EV_SET_WAKER)->value, byte.ends[0]);
    rv_source_close(byte.source);
    close(byte.ends[0]);
    close(byte.ends[1]);
    rv_runtime_stop(runtime);
}

RV_TEST(trace_events, what_is_sent_with_a_connect_has_its_descriptor)
{
    struct rv_tcp_connect connect;
    struct rv_runtime *runtime;
    struct rv_stream listener;
    struct rv_stream stream;
    struct rv_addr addr;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_tcp_listen(&listener, &addr), 0);
    cr_assert_eq(rv_tcp_local_addr(&listener, &addr), 0);
    rv_tcp_connect_init(&connect, &addr, &stream);
    connect.first = "ping";
    connect.first_len_bytes = 4;
    begin();
    cr_assert_eq(rv_runtime_block_on(runtime, &connect.future), 0);
    end();

    cr_assert_eq(next_of(NULL, RV_EV_SEND)->id,
                 (uint64_t)rv_stream_fd(&stream));
    cr_assert_eq(next_of(NULL, RV_EV_SEND)->value, 4);
    rv_stream_close(&stream);
    rv_stream_close(&listener);
    rv_runtime_stop(runtime);
}

static int32_t yield_once(void *arg)
{
    (void)arg;
    return rv_go_yield();
}

static void run_sched(uint32_t workers, rv_go_fn fn, void *arg)
{
    const struct rv_sched_options options = {.workers = workers};
    struct rv_sched *sched;

    begin();
    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    cr_assert_eq(rv_sched_run(sched, fn, arg), 0);
    rv_sched_stop(sched);
    end();
}

/* --- jobs -------------------------------------------------------------- */

static int32_t seven(void *arg)
{
    (void)arg;
    return 7;
}

RV_TEST(trace_events, a_blocking_call_is_queued_here_and_runs_on_the_pool)
{
    const struct rv_event *queued;
    const struct rv_event *start;
    const struct rv_event *done;
    struct rv_blocking blocking;
    struct rv_runtime *runtime;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    rv_blocking_init(&blocking, seven, NULL, NULL);
    begin();
    cr_assert_eq(rv_runtime_block_on(runtime, &blocking.future), 7);
    end();

    queued = next_of(NULL, RV_EV_JOB_QUEUED);
    start = next_of(queued, RV_EV_JOB_START);
    done = next_of(start, RV_EV_JOB_DONE);
    cr_assert_eq(queued->thread, next_of(NULL, RV_EV_POLL)->thread);
    cr_assert_neq(start->thread, queued->thread);
    cr_assert_eq(done->thread, start->thread);
    cr_assert_eq(start->id, queued->id);
    cr_assert_eq(done->id, queued->id);
    rv_runtime_stop(runtime);
}

static int32_t seven_cpu(void *state, void *result)
{
    (void)result;
    return seven(state);
}

/* Run one job of the CPU pool. Returns: its RV_EV_JOB_DONE. */
static const struct rv_event *run_cpu_job(bool pure)
{
    const struct rv_callable_ops ops = {
        .name = "seven", .call = seven_cpu, .pure = pure};
    struct rv_callable *callable;
    struct rv_runtime *runtime;
    const struct rv_event *queued;
    const struct rv_event *done;
    struct rv_cpu cpu;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_callable_new(&callable, &ops, NULL), 0);
    rv_cpu_init(&cpu, callable);
    begin();
    cr_assert_eq(rv_runtime_block_on(runtime, &cpu.future), 7);
    end();
    rv_drop(&cpu.future);
    rv_runtime_stop(runtime);

    cr_assert_eq(count_of(RV_EV_JOB_QUEUED), 1);
    cr_assert_eq(count_of(RV_EV_JOB_DONE), 1);
    queued = next_of(NULL, RV_EV_JOB_QUEUED);
    done = next_of(queued, RV_EV_JOB_DONE);
    cr_assert_eq(done->id, queued->id);
    return done;
}

RV_TEST(trace_events, a_job_of_the_cpu_pool_runs_on_a_pipe_thread)
{
    const struct rv_event *done = run_cpu_job(false);
    const struct rv_event *start = next_of(NULL, RV_EV_JOB_START);

    cr_assert_lt(start, done);
    cr_assert_eq(start->id, done->id);
    cr_assert_eq(start->thread, done->thread);
    cr_assert_neq(done->thread, next_of(NULL, RV_EV_POLL)->thread);
}

RV_TEST(trace_events, the_job_of_a_bare_thread_is_done_when_the_executor_knows)
{
    const struct rv_event *done = run_cpu_job(true);

    if (count_of(RV_EV_JOB_START) == 1)
        cr_skip_test("no bare threads on this machine");
    cr_assert_eq(done->thread, next_of(NULL, RV_EV_POLL)->thread);
}

RV_TEST(trace_events, a_pipe_thread_of_the_program_has_jobs_too)
{
    static const struct rv_callable_ops ops = {.name = "seven",
                                               .call = seven_cpu};
    struct rv_pipe_thread thread;
    struct rv_callable *callable;
    struct pollfd byte = {.events = POLLIN};
    bool ran;

    cr_assert_eq(rv_callable_new(&callable, &ops, NULL), 0);
    begin();
    cr_assert_eq(rv_pipe_thread_start(&thread, RV_PIPE_THREAD_PTHREAD), 0);
    cr_assert_eq(rv_pipe_thread_submit(&thread, callable), 0);
    byte.fd = rv_pipe_thread_done_fd(&thread);
    cr_assert_eq(poll(&byte, 1, -1), 1);
    cr_assert_eq(rv_pipe_thread_reap(&thread, &ran), 0);
    cr_assert_eq(rv_pipe_thread_stop(&thread, RV_NEVER), 0);
    end();

    cr_assert_eq(next_of(NULL, RV_EV_JOB_QUEUED)->id, (uintptr_t)callable);
    cr_assert_eq(next_of(next_of(NULL, RV_EV_JOB_QUEUED), RV_EV_JOB_START)->id,
                 (uintptr_t)callable);
    cr_assert_eq(next_of(next_of(NULL, RV_EV_JOB_START), RV_EV_JOB_DONE)->id,
                 (uintptr_t)callable);
    rv_callable_put(callable);
}

RV_TEST(trace_events, the_pools_of_a_muted_thread_are_muted_too)
{
    static const struct rv_callable_ops ops = {.name = "seven",
                                               .call = seven_cpu};
    struct rv_callable *callable;
    struct rv_blocking blocking;
    struct rv_runtime *runtime;
    struct rv_cpu cpu;

    begin();
    rv_trace_mute_thread(true);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    rv_blocking_init(&blocking, seven, NULL, NULL);
    cr_assert_eq(rv_runtime_block_on(runtime, &blocking.future), 7);
    cr_assert_eq(rv_callable_new(&callable, &ops, NULL), 0);
    rv_cpu_init(&cpu, callable);
    cr_assert_eq(rv_runtime_block_on(runtime, &cpu.future), 7);
    rv_drop(&cpu.future);
    rv_runtime_stop(runtime);
    end();
    cr_assert_eq(len, 0, "%s", rv_event_name(events[0].kind));

    run_sched(2, yield_once, NULL);
    rv_trace_mute_thread(false);
    cr_assert_eq(len, 0, "%s", rv_event_name(events[0].kind));
}

/* --- the ring ---------------------------------------------------------- */

RV_TEST(trace_events, an_operation_is_submitted_and_completed)
{
    const struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
    const struct rv_event *submit;
    struct rv_runtime *runtime;
    struct rv_ring_op op;
    int result;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    rv_ring_op_init(&op, &nop, NULL, NULL);
    begin();
    result = rv_runtime_block_on(runtime, &op.future);
    end();
    rv_runtime_stop(runtime);
    if (result != 0)
        cr_skip_test("no io_uring here: %s", strerror(-result));

    submit = next_of(next_of(NULL, RV_EV_POLL), RV_EV_SUBMIT);
    cr_assert_eq(submit->value, IORING_OP_NOP);
    cr_assert_eq(next_of(submit, RV_EV_COMPLETE)->id, submit->id);
    cr_assert_eq(next_of(submit, RV_EV_COMPLETE)->value, 0);
    cr_assert_eq(count_of(RV_EV_SUBMIT), count_of(RV_EV_COMPLETE));
}

/* A write and the sync that is linked to it. */
RV_TEST(trace_events, each_of_two_linked_operations_is_submitted)
{
    const int fd = memfd_create("linked", MFD_CLOEXEC);
    const struct rv_event *write;
    const struct rv_event *sync;
    struct rv_buf *buf = rv_buf_new(1);
    struct rv_runtime *runtime;
    struct rv_file_op op;
    struct rv_file *file;

    if (!machine_wants_ring())
        cr_skip_test("%s", machine_why_no_ring());
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_file_adopt(&file, fd), 0);
    buf->len_bytes = 1;
    rv_file_write_sync_init(&op, file, buf, 0, 0);
    begin();
    cr_assert_eq(rv_runtime_block_on(runtime, &op.future), 0);
    end();
    rv_drop(&op.future);
    rv_file_put(file);
    rv_buf_put(buf);
    rv_runtime_stop(runtime);

    write = next_of(NULL, RV_EV_SUBMIT);
    sync = next_of(write, RV_EV_SUBMIT);
    cr_assert_eq(write->value, IORING_OP_WRITE);
    cr_assert_eq(sync->value, IORING_OP_FSYNC);
    cr_assert_eq(next_of(sync, RV_EV_COMPLETE)->id, write->id);
    cr_assert_eq(count_of(RV_EV_COMPLETE), 2);
}

/* --- coroutines and the scheduler -------------------------------------- */

RV_TEST(trace_events, a_task_of_a_scheduler_is_switched_to_and_back)
{
    const struct rv_event *spawn;
    const struct rv_event *event;

    run_sched(1, yield_once, NULL);

    spawn = next_of(NULL, RV_EV_SPAWN);
    cr_assert(spawn->value & 1, "a scheduler's owner is odd");
    event = next_about(spawn, RV_EV_WAKE, spawn->id);
    event = next_of(event, RV_EV_SWITCH);
    cr_assert_eq(event->id, spawn->id);
    event = next_of(event, RV_EV_SWITCH);
    cr_assert_eq(event->id, 0, "it yields");
    event = next_about(event, RV_EV_WAKE, spawn->id);
    event = next_of(event, RV_EV_SWITCH);
    cr_assert_eq(event->id, spawn->id);
    event = next_of(event, RV_EV_READY);
    cr_assert_eq(event->id, spawn->id);
    cr_assert_eq(next_of(event, RV_EV_SWITCH)->id, 0);
}

static int32_t set_flag(void *arg)
{
    atomic_store((_Atomic bool *)arg, true);
    return 0;
}

/* The other worker has to steal the new task, because this one is stuck. */
static int32_t start_and_spin(void *arg)
{
    _Atomic bool *flag = arg;
    struct rv_go task;

    cr_assert_eq(rv_go(&task, set_flag, flag), 0);
    while (!atomic_load(flag))
        sched_yield();
    return rv_go_join(&task);
}

RV_TEST(trace_events, a_steal_names_the_worker_that_had_the_task)
{
    _Atomic bool flag = false;
    const struct rv_event *first;
    const struct rv_event *steal;

    run_sched(2, start_and_spin, &flag);

    first = next_of(NULL, RV_EV_SWITCH);
    steal = next_of(first, RV_EV_STEAL);
    while (steal->value != first->value || steal->thread == first->thread)
        steal = next_of(steal, RV_EV_STEAL);
    cr_assert_eq(next_of(steal, RV_EV_SWITCH)->id, steal->id);
    cr_assert_eq(next_of(steal, RV_EV_SWITCH)->thread, steal->thread);
}

RV_TEST(trace_events, a_coroutine_of_an_executor_is_switched_to_in_its_poll)
{
    const struct rv_event *poll_event;
    struct rv_executor *executor;
    struct rv_join join;

    cr_assert_eq(rv_executor_new(&executor), 0);
    cr_assert_eq(rv_coro_spawn(executor, seven, NULL, NULL, &join), 0);
    begin();
    cr_assert_eq(rv_block_on(executor, &join.future), 7);
    end();
    rv_drop(&join.future);
    rv_executor_free(executor);

    poll_event = next_of(NULL, RV_EV_POLL);
    while (poll_event[1].kind != RV_EV_SWITCH)
        poll_event = next_of(poll_event, RV_EV_POLL);
    cr_assert_eq(poll_event[1].id, poll_event->id);
    cr_assert_eq(poll_event[1].value, poll_event->value);
    cr_assert_eq(poll_event[2].kind, RV_EV_SWITCH);
    cr_assert_eq(poll_event[2].id, 0);
    cr_assert_eq(poll_event[3].kind, RV_EV_READY);
}

/* --- channels ---------------------------------------------------------- */

static void expect_elements(size_t at, enum rv_event_kind kind, int64_t count)
{
    cr_assert_lt(at, len);
    cr_assert_eq(events[at].kind, kind, "%zu: %s", at,
                 rv_event_name(events[at].kind));
    cr_assert_eq(events[at].id, events[0].id);
    cr_assert_eq(events[at].value, count);
}

RV_TEST(trace_events, sends_and_receives_of_spsc)
{
    struct rv_spsc_receiver *receiver;
    struct rv_spsc_sender *sender;
    int values[4] = {1, 2, 3, 4};

    cr_assert_eq(rv_spsc_new(&sender, &receiver, sizeof(int), 4, NULL), 0);
    begin();
    rv_spsc_try_send(sender, values);
    rv_spsc_try_send_n(sender, values, 4); /* three of them */
    rv_spsc_try_send(sender, values);      /* full: no event */
    rv_spsc_try_recv_n(receiver, values, 2);
    rv_spsc_try_recv(receiver, values);
    end();

    cr_assert_eq(len, 4);
    expect_elements(0, RV_EV_CHAN_SEND, 1);
    expect_elements(1, RV_EV_CHAN_SEND, 3);
    expect_elements(2, RV_EV_CHAN_RECV, 2);
    expect_elements(3, RV_EV_CHAN_RECV, 1);
    rv_spsc_sender_close(sender);
    rv_spsc_receiver_close(receiver);
}

RV_TEST(trace_events, sends_and_receives_of_mpsc)
{
    struct rv_mpsc_receiver *receiver;
    struct rv_mpsc_sender *sender;
    int values[3] = {1, 2, 3};

    cr_assert_eq(rv_mpsc_new(&sender, &receiver, sizeof(int), NULL), 0);
    begin();
    rv_mpsc_send(sender, values);
    rv_mpsc_send_n(sender, values, 3);
    rv_mpsc_try_recv(receiver, values);
    end();

    cr_assert_eq(len, 3);
    expect_elements(0, RV_EV_CHAN_SEND, 1);
    expect_elements(1, RV_EV_CHAN_SEND, 3);
    expect_elements(2, RV_EV_CHAN_RECV, 1);
    rv_mpsc_sender_close(sender);
    rv_mpsc_receiver_close(receiver);
}

RV_TEST(trace_events, the_element_of_a_oneshot)
{
    struct rv_oneshot_receiver *receiver;
    struct rv_oneshot_sender *sender;
    int value = 1;

    cr_assert_eq(rv_oneshot_new(&sender, &receiver, sizeof value, NULL), 0);
    begin();
    rv_oneshot_send(sender, &value);
    rv_oneshot_try_recv(receiver, &value);
    end();

    cr_assert_eq(len, 2);
    expect_elements(0, RV_EV_CHAN_SEND, 1);
    expect_elements(1, RV_EV_CHAN_RECV, 1);
    rv_oneshot_receiver_close(receiver);
}

RV_TEST(trace_events, each_subscriber_is_a_channel)
{
    struct rv_subscriber *subscriber[2];
    struct rv_publisher *publisher;
    struct rv_events some;

    cr_assert_eq(rv_publisher_new(&publisher, sizeof(int), 4, NULL), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(
            rv_publisher_subscribe(publisher, RV_FROM_OLDEST, &subscriber[i]),
            0);
    begin();
    cr_assert_eq(rv_publisher_try_reserve(publisher, 3, &some), 0);
    rv_publisher_commit(publisher);
    cr_assert_eq(rv_subscriber_try_recv(subscriber[0], 2, &some), 2);
    rv_subscriber_commit(subscriber[0]);
    end();

    cr_assert_eq(len, 3);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(events[i].kind, RV_EV_CHAN_SEND);
        cr_assert_eq(events[i].value, 3);
    }
    cr_assert_neq(events[0].id, events[1].id);
    expect_elements(2, RV_EV_CHAN_RECV, 2);
    for (int i = 0; i < 2; i++)
        rv_subscriber_close(subscriber[i]);
    rv_publisher_close(publisher);
}

static int32_t receive(void *arg)
{
    int value;

    return rv_spsc_recv(arg, &value, RV_NEVER);
}

static struct rv_spsc_sender *sender_of_test;

/* The receiver runs first, on the only worker, and has to wait. */
static int32_t let_wait_and_send(void *arg)
{
    struct rv_go task;
    int value = 1;

    cr_assert_eq(rv_go(&task, receive, arg), 0);
    for (int i = 0; i < 200; i++) /* it polls its futures every 61st time */
        cr_assert_eq(rv_go_yield(), 0);
    cr_assert_eq(rv_spsc_send(sender_of_test, &value, RV_NEVER), 0);
    return rv_go_join(&task);
}

RV_TEST(trace_events, a_wait_at_a_channel_comes_before_the_wake)
{
    struct rv_spsc_receiver *receiver;
    const struct rv_event *await;
    const struct rv_event *spawn;
    const struct rv_event *wait;
    const struct rv_event *send;

    cr_assert_eq(rv_spsc_new(&sender_of_test, &receiver, sizeof(int), 1, NULL),
                 0);
    run_sched(1, let_wait_and_send, receiver);
    rv_spsc_sender_close(sender_of_test);
    rv_spsc_receiver_close(receiver);

    await = next_of(NULL, RV_EV_AWAIT);
    cr_assert(await->value & 1);
    spawn = next_of(await, RV_EV_SPAWN);
    while (spawn->thread != await->thread)
        spawn = next_of(spawn, RV_EV_SPAWN);
    cr_assert_not(spawn->value & 1);
    cr_assert_eq(next_of(await, RV_EV_SWITCH)->id, 0);
    wait = next_of(await, RV_EV_CHAN_WAIT);
    send = next_of(wait, RV_EV_CHAN_SEND);
    cr_assert_eq(send->id, wait->id);
    cr_assert_eq(next_of(send, RV_EV_WAKE)->id, spawn->id,
                 "not the awaited future");
    cr_assert_eq(next_of(send, RV_EV_CHAN_RECV)->id, wait->id);
}
