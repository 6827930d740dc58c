/* SPDX-License-Identifier: MIT */
/*
 * test_source.c - readiness, ticks and wakers of one descriptor.
 *
 * Nothing here waits by time: a test that must see that a wake does *not* come
 * stops the reactor first, after which no wake can arrive.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/reactor.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reactor/reactor_internal.h"
#include "reactor/steps.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(source);

/* One end of a pipe or a socket pair, watched; `peer` is the other end. */
struct fixture {
    struct rv_reactor *reactor;
    struct rv_source *source;
    struct rv_probe probe;
    int fd;
    int peer;
};

static void watch(struct fixture *fixture, int fd, int peer)
{
    fixture->reactor = start_reactor();
    fixture->fd = fd;
    fixture->peer = peer;
    fixture->source = open_source(fixture->reactor, fd);
    rv_probe_init(&fixture->probe);
}

static void watch_socket(struct fixture *fixture)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    watch(fixture, fds[0], fds[1]);
    wait_until_known(fixture->source, RV_WRITE);
}

static void watch_pipe_reader(struct fixture *fixture)
{
    int fds[2];

    cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
    watch(fixture, fds[0], fds[1]);
}

static void watch_pipe_writer(struct fixture *fixture)
{
    int fds[2];

    cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
    watch(fixture, fds[1], fds[0]);
    wait_until_known(fixture->source, RV_WRITE);
}

/* No wake can arrive after this. */
static void close_source_and_stop(struct fixture *fixture)
{
    rv_source_close(fixture->source);
    rv_reactor_stop(fixture->reactor);
    close(fixture->fd);
    fixture->source = NULL;
    fixture->reactor = NULL;
}

static void end(struct fixture *fixture)
{
    if (fixture->reactor)
        close_source_and_stop(fixture);
    if (fixture->peer >= 0)
        close(fixture->peer);
    rv_probe_fini(&fixture->probe);
}

static void close_peer(struct fixture *fixture)
{
    close(fixture->peer);
    fixture->peer = -1;
}

static void send_byte(const struct fixture *fixture)
{
    cr_assert_eq(write(fixture->peer, "x", 1), 1);
}

/* Write until the kernel returns EAGAIN. */
static void fill(int fd)
{
    static const char block[4096];

    while (write(fd, block, sizeof block) > 0)
        ;
    cr_assert_eq(errno, EAGAIN);
}

static void empty(int fd)
{
    char block[4096];

    while (read(fd, block, sizeof block) > 0)
        ;
    cr_assert_eq(errno, EAGAIN);
}

/* --- readiness --------------------------------------------------------- */

RV_TEST(source, a_new_one_is_worth_a_try_in_both_directions)
{
    struct fixture f;
    uint32_t tick;

    watch_pipe_reader(&f);

    cr_assert(ready(f.source, RV_READ, &f.probe, &tick));
    cr_assert(ready(f.source, RV_WRITE, &f.probe, &tick));
    cr_assert_not(rv_source_hung_up(f.source, RV_READ));
    cr_assert_not(rv_source_hung_up(f.source, RV_WRITE));
    end(&f);
}

RV_TEST(source, after_eagain_it_waits_and_is_woken_by_data)
{
    struct fixture f;
    uint32_t tick;

    watch_pipe_reader(&f);
    leave_waker(f.source, RV_READ, &f.probe);
    send_byte(&f);

    cr_assert(rv_probe_wait(&f.probe));
    cr_assert(ready(f.source, RV_READ, &f.probe, &tick));
    end(&f);
}

RV_TEST(source, data_that_was_there_before_it_was_opened_is_reported)
{
    struct fixture f;
    int fds[2];

    cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    watch(&f, fds[0], fds[1]);

    wait_until_known(f.source, RV_READ);
    end(&f);
}

RV_TEST(source, it_stays_ready_until_it_is_cleared)
{
    struct fixture f;
    uint32_t first;
    uint32_t second;

    watch_pipe_reader(&f);
    send_byte(&f);
    wait_until_known(f.source, RV_READ);

    cr_assert(ready(f.source, RV_READ, &f.probe, &first));
    cr_assert(ready(f.source, RV_READ, &f.probe, &second));
    cr_assert_eq(first, second);
    end(&f);
}

RV_TEST(source, each_edge_wakes)
{
    struct fixture f;

    watch_pipe_reader(&f);
    for (int i = 0; i < 100; i++) {
        leave_waker(f.source, RV_READ, &f.probe);
        send_byte(&f);
        cr_assert(rv_probe_wait(&f.probe), "edge %d was lost", i);
        empty(f.fd);
    }
    end(&f);
}

RV_TEST(source, a_full_socket_wakes_when_there_is_room_again)
{
    struct fixture f;

    watch_socket(&f);
    fill(f.fd);
    leave_waker(f.source, RV_WRITE, &f.probe);
    empty(f.peer);

    cr_assert(rv_probe_wait(&f.probe));
    tick_of(f.source, RV_WRITE);
    end(&f);
}

RV_TEST(source, reading_and_writing_are_known_separately)
{
    struct rv_probe writer;
    struct fixture f;
    uint32_t tick;

    watch_socket(&f);
    rv_probe_init(&writer);
    fill(f.fd);
    leave_waker(f.source, RV_WRITE, &writer);
    leave_waker(f.source, RV_READ, &f.probe);
    send_byte(&f);

    cr_assert(rv_probe_wait(&f.probe));
    cr_assert_not(ready(f.source, RV_WRITE, &writer, &tick));
    leave_waker(f.source, RV_READ, &f.probe);
    send_byte(&f); /* when this is reported, the first report is over */
    cr_assert(rv_probe_wait(&f.probe));
    cr_assert_not(rv_probe_take(&writer), "data woke the writer");
    close_source_and_stop(&f);
    rv_probe_fini(&writer);
    end(&f);
}

/* --- ticks ------------------------------------------------------------- */

RV_TEST(source, each_report_has_a_new_tick)
{
    struct fixture f;
    uint32_t tick = 0;

    watch_pipe_reader(&f);
    for (uint32_t i = 1; i <= 5; i++) {
        send_byte(&f);
        tick = wait_for_tick_after(f.source, RV_READ, tick);
        cr_assert_eq(tick, i);
    }
    end(&f);
}

/* The edge that comes between the system call's EAGAIN and the clear. */
RV_TEST(source, a_stale_tick_does_not_clear)
{
    struct fixture f;
    uint32_t stale;
    uint32_t tick;

    watch_pipe_reader(&f);
    cr_assert(ready(f.source, RV_READ, &f.probe, &stale));
    send_byte(&f);
    tick = wait_for_tick_after(f.source, RV_READ, stale);

    rv_source_clear(f.source, RV_READ, stale);
    cr_assert(ready(f.source, RV_READ, &f.probe, &stale), "an edge is lost");
    rv_source_clear(f.source, RV_READ, tick);
    cr_assert_not(ready(f.source, RV_READ, &f.probe, &tick));
    end(&f);
}

/* A look stores no waker, and tells what a poll would be told. */
RV_TEST(source, a_peek_sees_what_was_reported_and_wakes_nothing)
{
    struct fixture f;
    uint32_t peeked;
    uint32_t tick;

    watch_pipe_reader(&f);
    cr_assert(rv_source_peek(f.source, RV_READ, &peeked), "not known yet");
    send_byte(&f);
    tick = wait_for_tick_after(f.source, RV_READ, peeked);
    rv_source_clear(f.source, RV_READ, peeked); /* it is stale: no effect */
    cr_assert(rv_source_peek(f.source, RV_READ, &peeked));
    cr_assert_eq(peeked, tick);
    rv_source_clear(f.source, RV_READ, tick);
    cr_assert_not(rv_source_peek(f.source, RV_READ, &peeked));
    send_byte(&f);
    while (!rv_source_peek(f.source, RV_READ, &peeked))
        sched_yield();
    cr_assert_not(rv_probe_take(&f.probe));
    end(&f);
}

RV_TEST(source, clearing_twice_is_harmless)
{
    struct fixture f;
    uint32_t tick;

    watch_pipe_reader(&f);
    cr_assert(ready(f.source, RV_READ, &f.probe, &tick));
    rv_source_clear(f.source, RV_READ, tick);
    rv_source_clear(f.source, RV_READ, tick);
    cr_assert_not(ready(f.source, RV_READ, &f.probe, &tick));
    send_byte(&f);

    cr_assert(rv_probe_wait(&f.probe));
    end(&f);
}

RV_TEST(source, clearing_one_direction_leaves_the_other)
{
    struct fixture f;
    uint32_t tick;

    watch_socket(&f);
    cr_assert(ready(f.source, RV_READ, &f.probe, &tick));
    rv_source_clear(f.source, RV_READ, tick);

    cr_assert_not(ready(f.source, RV_READ, &f.probe, &tick));
    cr_assert(ready(f.source, RV_WRITE, &f.probe, &tick));
    end(&f);
}

RV_TEST(source, writing_is_not_watched_before_somebody_waits_for_it)
{
    struct fixture f;
    uint32_t tick;
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    watch(&f, fds[0], fds[1]);
    leave_waker(f.source, RV_READ, &f.probe);
    send_byte(&f);
    cr_assert(rv_probe_wait(&f.probe));
    cr_assert_eq(tick_of(f.source, RV_WRITE), 0, "no report of writing");

    rv_source_clear(f.source, RV_WRITE, 0);
    ready(f.source, RV_WRITE, &f.probe, &tick);
    cr_assert(rv_probe_wait(&f.probe), "and at once when there is room");
    cr_assert_eq(tick_of(f.source, RV_WRITE), 1);
    end(&f);
}

/* --- the ends of a stream ---------------------------------------------- */

RV_TEST(source, a_peer_that_stops_sending_ends_reading_only)
{
    struct fixture f;
    uint32_t tick;

    watch_socket(&f);
    leave_waker(f.source, RV_READ, &f.probe);
    shutdown(f.peer, SHUT_WR);
    cr_assert(rv_probe_wait(&f.probe));

    cr_assert(rv_source_hung_up(f.source, RV_READ));
    cr_assert_not(rv_source_hung_up(f.source, RV_WRITE));
    rv_source_clear(f.source, RV_READ, tick_of(f.source, RV_READ));
    cr_assert(ready(f.source, RV_READ, &f.probe, &tick), "it stays ready");
    end(&f);
}

RV_TEST(source, a_peer_that_is_gone_ends_both_directions)
{
    struct rv_probe writer;
    struct fixture f;
    uint32_t tick;

    watch_socket(&f);
    rv_probe_init(&writer);
    fill(f.fd);
    leave_waker(f.source, RV_WRITE, &writer);
    leave_waker(f.source, RV_READ, &f.probe);
    close_peer(&f);

    cr_assert(rv_probe_wait(&f.probe));
    cr_assert(rv_probe_wait(&writer));
    cr_assert(rv_source_hung_up(f.source, RV_READ));
    cr_assert(rv_source_hung_up(f.source, RV_WRITE));
    rv_source_clear(f.source, RV_WRITE, tick_of(f.source, RV_WRITE));
    cr_assert(ready(f.source, RV_WRITE, &writer, &tick), "it stays ready");
    rv_probe_fini(&writer);
    end(&f);
}

/* SOURCE-7: a call stops before an error that the reactor has reported. */
RV_TEST(source, after_an_error_only_eagain_clears)
{
    struct fixture f;
    uint32_t tick;

    watch_pipe_writer(&f);
    tick = tick_of(f.source, RV_WRITE);
    cr_assert_not(rv_source_strict(f.source, RV_WRITE));
    rv_source_clear_short(f.source, RV_WRITE, tick);
    cr_assert_not(ready(f.source, RV_WRITE, &f.probe, &tick));
    close_peer(&f); /* EPOLLERR, of a pipe without readers */
    cr_assert(rv_probe_wait(&f.probe));
    cr_assert(rv_source_strict(f.source, RV_WRITE));

    tick = tick_of(f.source, RV_WRITE);
    rv_source_clear_short(f.source, RV_WRITE, tick);
    cr_assert(ready(f.source, RV_WRITE, &f.probe, &tick));
    rv_source_clear(f.source, RV_WRITE, tick);
    cr_assert_not(ready(f.source, RV_WRITE, &f.probe, &tick));
    end(&f);
}

RV_TEST(source, a_pipe_without_a_writer_is_hung_up)
{
    struct fixture f;

    watch_pipe_reader(&f);
    leave_waker(f.source, RV_READ, &f.probe);
    close_peer(&f);

    cr_assert(rv_probe_wait(&f.probe));
    cr_assert(rv_source_hung_up(f.source, RV_READ));
    end(&f);
}

/* epoll reports ERR, and no hang-up. */
RV_TEST(source, a_pipe_without_a_reader_wakes_the_writer_with_the_error)
{
    struct fixture f;

    watch_pipe_writer(&f);
    fill(f.fd);
    leave_waker(f.source, RV_WRITE, &f.probe);
    close_peer(&f);

    cr_assert(rv_probe_wait(&f.probe));
    tick_of(f.source, RV_WRITE);
    end(&f);
}

/* --- wakers ------------------------------------------------------------ */

RV_TEST(source, a_waker_that_was_left_is_woken_once)
{
    struct fixture f;
    uint32_t tick;

    watch_pipe_reader(&f);
    leave_waker(f.source, RV_READ, &f.probe);
    send_byte(&f);
    cr_assert(rv_probe_wait(&f.probe));
    tick = tick_of(f.source, RV_READ);
    send_byte(&f);
    wait_for_tick_after(f.source, RV_READ, tick);

    close_source_and_stop(&f);
    cr_assert_not(rv_probe_take(&f.probe));
    end(&f);
}

RV_TEST(source, a_new_waker_takes_the_place_of_the_one_before)
{
    struct rv_probe second;
    struct fixture f;
    uint32_t tick;

    watch_pipe_reader(&f);
    rv_probe_init(&second);
    leave_waker(f.source, RV_READ, &f.probe);
    cr_assert_not(ready(f.source, RV_READ, &second, &tick));
    send_byte(&f);

    cr_assert(rv_probe_wait(&second));
    close_source_and_stop(&f);
    cr_assert_not(rv_probe_take(&f.probe));
    rv_probe_fini(&second);
    end(&f);
}

RV_TEST(source, a_forgotten_waker_is_not_woken)
{
    struct fixture f;

    watch_pipe_reader(&f);
    leave_waker(f.source, RV_READ, &f.probe);
    rv_source_forget(f.source, RV_READ);
    rv_source_forget(f.source, RV_READ);
    send_byte(&f);
    wait_until_ready(f.source, RV_READ);

    close_source_and_stop(&f);
    cr_assert_not(rv_probe_take(&f.probe));
    end(&f);
}

/* Whether dropping the probe's own reference frees its queue: then no source
 * has a waker of it. */
static void expect_no_other_holder(struct rv_probe *probe)
{
    const int64_t live = rv_alloc_live();

    rv_probe_fini(probe);
    cr_assert_eq(rv_alloc_live(), live - 2, "a waker is left"); /* + 1 chunk */
    rv_probe_init(probe);
}

RV_TEST(source, replaced_forgotten_and_left_wakers_are_all_dropped)
{
    struct rv_probe second;
    struct fixture f;
    uint32_t tick;

    rv_count_allocs(0);
    watch_pipe_reader(&f);
    rv_probe_init(&second);

    leave_waker(f.source, RV_READ, &f.probe);
    cr_assert_not(ready(f.source, RV_READ, &second, &tick));
    expect_no_other_holder(&f.probe); /* replaced */
    rv_source_forget(f.source, RV_READ);
    expect_no_other_holder(&second); /* removed */

    cr_assert_not(ready(f.source, RV_READ, &f.probe, &tick));
    leave_waker(f.source, RV_WRITE, &second);
    rv_source_close(f.source);
    f.source = NULL;
    expect_no_other_holder(&f.probe); /* left at the close */
    expect_no_other_holder(&second);
    rv_probe_fini(&second);
    end(&f);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

/* A task that still waits must not wait for ever: its next poll is misuse. */
RV_TEST(source, closing_wakes_what_waits)
{
    struct fixture f;

    watch_pipe_reader(&f);
    leave_waker(f.source, RV_READ, &f.probe);
    close_source_and_stop(&f);

    cr_assert(rv_probe_take(&f.probe));
    end(&f);
}

/* --- slots ------------------------------------------------------------- */

RV_TEST(source, an_event_of_a_closed_one_does_not_reach_its_slot)
{
    struct rv_wake_batch batch = {.len = 0};
    struct fixture f;
    uint64_t old_id;
    uint32_t tick;

    watch_pipe_reader(&f);
    old_id = f.source->id;
    rv_source_close(f.source);
    rv_source_report(f.reactor, old_id, EPOLLIN, &batch);
    cr_assert_eq(batch.len, 0);

    f.source = open_source(f.reactor, f.fd);
    cr_assert_eq(rv_id_index(f.source->id), rv_id_index(old_id),
                 "the test wants the same slot");
    leave_waker(f.source, RV_READ, &f.probe);
    rv_source_report(f.reactor, old_id, EPOLLIN | EPOLLHUP, &batch);

    cr_assert_eq(batch.len, 0);
    cr_assert_not(ready(f.source, RV_READ, &f.probe, &tick));
    cr_assert_not(rv_source_hung_up(f.source, RV_READ));
    end(&f);
}

RV_TEST(source, a_slot_that_is_used_again_knows_nothing_of_before)
{
    struct fixture f;
    uint32_t tick;

    watch_pipe_reader(&f);
    leave_waker(f.source, RV_READ, &f.probe);
    close_peer(&f);
    cr_assert(rv_probe_wait(&f.probe));
    rv_source_close(f.source);
    close(f.fd);

    f.fd = eventfd(0, EFD_NONBLOCK);
    f.source = open_source(f.reactor, f.fd);
    cr_assert_not(rv_source_hung_up(f.source, RV_READ));
    leave_waker(f.source, RV_READ, &f.probe);
    cr_assert_not(ready(f.source, RV_READ, &f.probe, &tick));
    end(&f);
}

RV_TEST(source, close_of_null_is_harmless)
{
    rv_source_close(NULL);
}

/* --- errors ------------------------------------------------------------ */

RV_TEST(source, what_epoll_refuses_is_an_error_and_leaves_nothing)
{
    char path[] = "/tmp/reveil-test-XXXXXX";
    struct rv_source *source = NULL;
    struct rv_source *again = NULL;
    struct rv_reactor *reactor = start_reactor();
    int file = mkstemp(path);
    int fd = eventfd(0, EFD_NONBLOCK);

    cr_assert_geq(file, 0);
    unlink(path);
    cr_assert_eq(rv_source_open(reactor, file, &source), -EPERM);
    cr_assert_eq(rv_source_open(reactor, -1, &source), -EBADF);
    cr_assert_null(source);

    cr_assert_eq(rv_source_open(reactor, fd, &source), 0);
    cr_assert_eq(rv_source_open(reactor, fd, &again), -EEXIST);
    cr_assert_null(again);
    leave_waker_when_quiet(source, RV_READ, &(struct rv_probe){0});
    rv_source_close(source);

    close(fd);
    close(file);
    rv_reactor_stop(
        reactor); /* aborts if a source that was refused still counts */
}

/* --- both directions over ---------------------------------------------- */

static bool gone(const struct fixture *fixture)
{
    const struct rv_cx cx = rv_probe_cx(&fixture->probe);

    return rv_source_gone(fixture->source, &cx.waker);
}

RV_TEST(source, who_asks_whether_the_peer_has_gone_is_woken_when_it_goes)
{
    struct fixture f;

    watch_socket(&f);
    cr_assert_not(gone(&f));
    cr_assert_eq(shutdown(f.peer, SHUT_WR), 0);
    while (!rv_source_hung_up(f.source, RV_READ))
        cr_assert(rv_probe_wait(&f.probe));
    cr_assert_not(gone(&f)); /* it may still read */

    close_peer(&f);
    while (!gone(&f))
        cr_assert(rv_probe_wait(&f.probe));
    end(&f);
}

RV_TEST(source, who_has_forgotten_to_ask_is_not_woken)
{
    struct fixture f;

    watch_socket(&f);
    cr_assert_not(gone(&f));
    rv_source_forget(f.source, RV_READ);
    rv_probe_take(&f.probe); /* one may have come before */
    close_peer(&f);
    close_source_and_stop(&f);
    cr_assert_not(rv_probe_take(&f.probe));
    end(&f);
}
