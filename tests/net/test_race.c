/* SPDX-License-Identifier: MIT */
/*
 * test_race.c - which addresses of a name are tried, when, and which one wins.
 *
 * The clock is a virtual one: it shows how long a caller would have waited.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <reveil/resolve.h>
#include <sched.h>
#include <unistd.h>

#include "net/black_hole.h"
#include "net/sockets.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(race);

enum { DELAY_MS = RV_DIAL_DELAY_MS, FAR_MS = 3600 * 1000 };

/* A dial whose look-up gives the addresses of the test. */
struct race {
    struct wire wire;
    struct rv_dial dial;
    struct rv_addr addrs[RV_RESOLVE_ADDRS];
    int32_t count;
};

static enum rv_poll known_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_dial *dial =
        RV_CONTAINER_OF(future, struct rv_dial, resolve.future);
    struct race *race = RV_CONTAINER_OF(dial, struct race, dial);

    (void)cx;
    dial->resolve.addrs = race->addrs;
    future->result = race->count;
    return RV_READY;
}

static void know(struct race *race, int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {.name = "known",
                                             .poll = known_poll};

    rv_dial_init(&race->dial, "a name", 0, deadline_ns, &race->wire.client);
    rv_future_init(&race->dial.resolve.future, &ops);
}

/* Start with `wire.addr`, which accepts. */
static void start(struct race *race)
{
    rv_clock_freeze(0);
    cr_assert_eq(wire_listen(&race->wire, "127.0.0.1"), 0);
    race->count = 0;
    know(race, RV_NEVER);
}

static void stop(struct race *race)
{
    rv_drop(&race->dial.future);
    wire_close(&race->wire);
    rv_clock_thaw();
}

static void add(struct race *race, const struct rv_addr *addr)
{
    race->addrs[race->count++] = *addr;
}

/* An address that refuses. */
static void add_dead(struct race *race, const char *host)
{
    struct rv_addr addr;

    cr_assert_eq(rv_addr_parse(&addr, host, 1), 0);
    add(race, &addr);
}

static int run(struct race *race)
{
    sockets.made = 0;
    return rv_block_on(race->wire.executor, &race->dial.future);
}

/* By the virtual clock, it took this many delays. */
static void check_waited(int64_t delays)
{
    const int64_t slack_ns = RV_NS_PER_MS; /* ticks of the wheel */
    const int64_t waited_ns = delays * DELAY_MS * RV_NS_PER_MS;

    cr_assert_geq(rv_now_ns(), waited_ns);
    cr_assert_leq(rv_now_ns(), waited_ns + (delays + 1) * slack_ns);
}

static void check_connected_to(const struct race *race,
                               const struct rv_addr *addr)
{
    struct rv_addr peer = {.len_bytes = sizeof peer.sa};

    cr_assert_eq(getpeername(rv_stream_fd(&race->wire.client), &peer.sa.base,
                             &peer.len_bytes),
                 0);
    cr_assert_eq(memcmp(&peer.sa, &addr->sa, addr->len_bytes), 0);
}

/* --- when -------------------------------------------------------------- */

/* For any deadline of the caller. */
RV_TEST(race, a_silent_address_costs_one_delay)
{
    static const int64_t deadlines_ns[] = {RV_NEVER, FAR_MS * RV_NS_PER_MS};

    for (size_t i = 0; i < 2; i++) {
        struct black_hole hole;
        struct race race;

        start(&race);
        know(&race, deadlines_ns[i]);
        black_hole_open(&hole, "127.0.0.1", 0);
        add(&race, &hole.addr);
        add(&race, &race.wire.addr);

        cr_assert_eq(run(&race), 0);
        check_waited(1);
        check_connected_to(&race, &race.wire.addr);
        black_hole_close(&hole);
        stop(&race);
    }
}

RV_TEST(race, localhost_too)
{
    struct black_hole hole;
    struct race race;

    rv_clock_freeze(0);
    if (!listen_behind(&race.wire, &hole))
        cr_skip_test("no IPv6 on this machine");
    rv_dial_init(&race.dial, "localhost", rv_addr_port(&race.wire.addr),
                 RV_NEVER, &race.wire.client);

    cr_assert_eq(run(&race), 0);
    check_waited(1);
    check_connected_to(&race, &race.wire.addr);
    black_hole_close(&hole);
    stop(&race);
}

RV_TEST(race, each_silent_address_costs_one_and_one_that_refuses_none)
{
    struct black_hole holes[2];
    struct race race;

    start(&race);
    for (int i = 0; i < 2; i++) {
        cr_assert(black_hole_open(&holes[i], "127.0.0.1", 0));
        add_dead(&race, "127.0.0.1");
        add(&race, &holes[i].addr);
        add_dead(&race, "127.0.0.1");
    }
    add(&race, &race.wire.addr);

    cr_assert_eq(run(&race), 0);
    check_waited(2);
    check_connected_to(&race, &race.wire.addr);
    cr_assert_eq(sockets.made, 7);
    for (int i = 0; i < 2; i++)
        black_hole_close(&holes[i]);
    stop(&race);
}

RV_TEST(race, the_delay_may_be_another)
{
    struct black_hole hole;
    struct race race;

    start(&race);
    race.dial.delay_ns = 8 * DELAY_MS * RV_NS_PER_MS;
    cr_assert(black_hole_open(&hole, "127.0.0.1", 0));
    add(&race, &hole.addr);
    add(&race, &race.wire.addr);
    cr_assert_eq(run(&race), 0);
    check_waited(8);
    black_hole_close(&hole);
    stop(&race);
}

/* --- how many, in which order ------------------------------------------ */

RV_TEST(race, one_that_answers_is_the_only_one_tried)
{
    struct race race;

    start(&race);
    for (int i = 0; i < 3; i++)
        add(&race, &race.wire.addr);
    cr_assert_eq(run(&race), 0);

    cr_assert_eq(sockets.made, 1);
    check_waited(0);
    stop(&race);
}

/* Returns: the families in the order in which they were tried, one letter
 * each. */
static const char *tried(struct race *race, const char *families)
{
    static char order[RV_RESOLVE_ADDRS + 1];
    uint32_t len = 0;

    race->count = 0;
    know(race, RV_NEVER);
    for (; *families; families++)
        add_dead(race, *families == '4' ? "127.0.0.1" : "::1");
    cr_assert_lt(run(race), 0);
    for (; len < sockets.made; len++)
        order[len] = sockets.families[len] == AF_INET ? '4' : '6';
    order[len] = '\0';
    rv_drop(&race->dial.future);
    return order;
}

RV_TEST(race, the_families_take_turns)
{
    struct race race;

    start(&race);
    cr_assert_str_eq(tried(&race, "4"), "4");
    cr_assert_str_eq(tried(&race, "46"), "46");
    cr_assert_str_eq(tried(&race, "64"), "64");
    cr_assert_str_eq(tried(&race, "6664"), "6466");
    cr_assert_str_eq(tried(&race, "44466"), "46464");
    cr_assert_str_eq(tried(&race, "46666"), "46666");
    cr_assert_str_eq(tried(&race, "6666666644444444"), "6464646464646464");
    stop(&race);
}

/* Within a family they keep their order. */
RV_TEST(race, the_second_family_is_tried_before_the_second_address)
{
    struct black_hole hole;
    struct race race;

    rv_clock_freeze(0);
    if (!listen_behind(&race.wire, &hole))
        cr_skip_test("no IPv6 on this machine");
    race.count = 0;
    know(&race, RV_NEVER);
    add(&race, &hole.addr);
    add(&race, &hole.addr);
    add(&race, &hole.addr);
    add(&race, &race.wire.addr);

    cr_assert_eq(run(&race), 0);
    check_waited(1);
    check_connected_to(&race, &race.wire.addr);
    black_hole_close(&hole);
    stop(&race);
}

/* --- none answers ------------------------------------------------------ */

RV_TEST(race, the_deadline_is_for_all)
{
    struct black_hole hole;
    struct race race;

    start(&race);
    know(&race, 3 * DELAY_MS * RV_NS_PER_MS + DELAY_MS * RV_NS_PER_MS / 2);
    cr_assert(black_hole_open(&hole, "127.0.0.1", 0));
    for (int i = 0; i < RV_RESOLVE_ADDRS; i++)
        add(&race, &hole.addr);

    cr_assert_eq(run(&race), -ETIMEDOUT);
    cr_assert_eq(sockets.made, 4);
    cr_assert_geq(rv_now_ns(), 7 * DELAY_MS * RV_NS_PER_MS / 2);
    cr_assert_lt(rv_now_ns(), 4 * DELAY_MS * RV_NS_PER_MS);
    cr_assert_eq(rv_stream_fd(&race.wire.client), -1);
    black_hole_close(&hole);
    stop(&race);
}

RV_TEST(race, if_all_fail_the_error_is_that_of_the_first)
{
    struct race race;

    start(&race);
    add_dead(&race, "255.255.255.255");
    for (int i = 1; i < RV_RESOLVE_ADDRS; i++)
        add_dead(&race, "127.0.0.1");

    cr_assert_lt(run(&race), 0);
    cr_assert_neq(race.dial.future.result, -ECONNREFUSED);
    cr_assert_eq(sockets.made, RV_RESOLVE_ADDRS);
    cr_assert_eq(rv_stream_fd(&race.wire.client), -1);
    stop(&race);
}

/* The last one refuses when the first one has not answered yet. */
RV_TEST(race, a_last_one_that_refuses_leaves_the_time_to_the_others)
{
    struct black_hole hole;
    struct race race;

    start(&race);
    know(&race, 3 * DELAY_MS * RV_NS_PER_MS);
    cr_assert(black_hole_open(&hole, "127.0.0.1", 0));
    add(&race, &hole.addr);
    add_dead(&race, "127.0.0.1");

    cr_assert_eq(run(&race), -ETIMEDOUT);
    cr_assert_eq(sockets.made, 2);
    cr_assert_geq(rv_now_ns(), 3 * DELAY_MS * RV_NS_PER_MS);
    black_hole_close(&hole);
    stop(&race);
}

/* --- who wins, and what is sent ---------------------------------------- */

/* All data on the connections of a listener, until there is no more. Returns:
 * the number of bytes. */
static size_t bytes_at(int listener)
{
    char text[64];
    size_t sum = 0;
    ssize_t n;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        while ((n = recv(fd, text, sizeof text, 0)) > 0)
            sum += (size_t)n;
        close(fd);
    }
    return sum;
}

static void empty(struct black_hole *hole)
{
    for (int i = 1; i < 4; i++)
        close(hole->fds[i]);
    bytes_at(hole->fds[0]);
    for (int i = 1; i < 4; i++)
        hole->fds[i] = dup(hole->fds[0]);
}

/* Both addresses begin to respond while both are being tried: the kernel sends
 * another SYN after a second. */
RV_TEST(race, the_earlier_ones_go_on_and_one_alone_gets_the_data)
{
    struct black_hole holes[2];
    struct race race;
    struct rv_cx cx;
    struct rv_probe probe;

    cr_assert_eq(wire_listen_on(&race.wire, "127.0.0.1", rv_runtime_start), 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cx.executor = race.wire.executor;
    race.count = 0;
    know(&race, RV_NEVER);
    race.dial.delay_ns = 0;
    race.dial.first = "word";
    race.dial.first_len_bytes = 4;
    for (int i = 0; i < 2; i++) {
        cr_assert(black_hole_open(&holes[i], "127.0.0.1", 0));
        add(&race, &holes[i].addr);
    }
    sockets.made = 0;
    cr_assert_eq(rv_poll(&race.dial.future, &cx), RV_PENDING);
    cr_assert_eq(sockets.made, 2);
    for (int i = 0; i < 2; i++)
        empty(&holes[i]);
    while (rv_poll(&race.dial.future, &cx) == RV_PENDING)
        cr_assert(rv_probe_wait(&probe));

    cr_assert_eq(race.dial.future.result, 0);
    cr_assert_eq(race.dial.first_sent_bytes, 4);
    rv_stream_close(&race.wire.client);
    cr_assert_eq(bytes_at(holes[0].fds[0]) + bytes_at(holes[1].fds[0]), 4);
    for (int i = 0; i < 2; i++)
        black_hole_close(&holes[i]);
    rv_drop(&race.dial.future);
    rv_probe_fini(&probe);
    wire_close(&race.wire);
}

RV_TEST(race, the_winner_gets_the_data_once_and_the_others_are_closed)
{
    struct black_hole hole;
    struct race race;
    uint32_t fds;

    start(&race);
    race.dial.first = "word";
    race.dial.first_len_bytes = 4;
    cr_assert(black_hole_open(&hole, "127.0.0.1", 0));
    for (int i = 0; i < 5; i++)
        add(&race, &hole.addr);
    add(&race, &race.wire.addr);
    fds = rv_test_fds();

    cr_assert_eq(run(&race), 0);
    cr_assert_eq(race.dial.first_sent_bytes, 4);
    cr_assert_eq(rv_test_fds(), fds + 1);
    rv_stream_close(&race.wire.client);
    cr_assert_eq(bytes_at(rv_stream_fd(&race.wire.listener)), 4);
    black_hole_close(&hole);
    stop(&race);
}

/* --- dropped, or out of memory ----------------------------------------- */

RV_TEST(race, dropped_with_many_under_way_it_leaves_nothing)
{
    struct black_hole hole;
    struct race race;
    struct rv_probe probe;
    struct rv_cx cx;
    uint32_t fds;

    start(&race);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cx.executor = race.wire.executor;
    cr_assert(black_hole_open(&hole, "127.0.0.1", 0));
    fds = rv_test_fds();
    for (int32_t count = 1; count <= RV_RESOLVE_ADDRS; count++) {
        know(&race, FAR_MS * RV_NS_PER_MS);
        race.dial.delay_ns = count % 2 ? 0 : DELAY_MS * RV_NS_PER_MS;
        add(&race, &hole.addr);
        sockets.made = 0;
        cr_assert_eq(rv_poll(&race.dial.future, &cx), RV_PENDING);
        cr_assert_eq(sockets.made, count % 2 ? (uint32_t)count : 1);
        rv_drop(&race.dial.future);
        rv_drop(&race.dial.future);
        cr_assert_eq(rv_test_fds(), fds);
    }
    black_hole_close(&hole);
    rv_probe_fini(&probe);
    stop(&race);
}

/* A dial of a silent address and of one that accepts. */
struct short_race {
    struct race race;
    struct black_hole hole;
    struct rv_probe probe;
    struct rv_cx cx;
};

/* Poll it until there is no memory to start the second attempt. The reactor has
 * a thread of its own: the tests poll without an executor. */
static void start_without_memory(struct short_race *self)
{
    struct race *race = &self->race;

    rv_clock_freeze(0);
    cr_assert_eq(wire_listen_on(&race->wire, "127.0.0.1", rv_runtime_start), 0);
    race->count = 0;
    know(race, RV_NEVER);
    rv_probe_init(&self->probe);
    self->cx = rv_probe_cx(&self->probe);
    self->cx.executor = race->wire.executor;
    cr_assert(black_hole_open(&self->hole, "127.0.0.1", 0));
    add(race, &self->hole.addr);
    add(race, &race->wire.addr);
    sockets.made = 0;
    cr_assert_eq(rv_poll(&race->dial.future, &self->cx), RV_PENDING);
    rv_clock_advance(DELAY_MS * RV_NS_PER_MS);
    rv_count_allocs(1);
    cr_assert_eq(rv_poll(&race->dial.future, &self->cx), RV_PENDING);
    cr_assert(rv_alloc_failed());
    rv_stop_counting_allocs();
    cr_assert_eq(sockets.made, 1);
}

static void stop_short_race(struct short_race *self)
{
    black_hole_close(&self->hole);
    rv_probe_fini(&self->probe);
    stop(&self->race);
}

RV_TEST(race, without_memory_for_the_second_the_first_continues)
{
    struct short_race self;
    struct rv_dial *dial = &self.race.dial;
    struct pollfd answered = {.events = POLLIN};

    start_without_memory(&self);
    empty(&self.hole);
    answered.fd = self.hole.fds[0];
    /* The kernel's second SYN, a second later, is answered. */
    cr_assert_eq(poll(&answered, 1, RV_TEST_WAIT_MS), 1);
    while (!rv_probe_take(&self.probe)) /* a wait would move the frozen clock */
        sched_yield();
    cr_assert_eq(rv_poll(&dial->future, &self.cx), RV_READY);

    cr_assert_eq(dial->future.result, 0);
    check_connected_to(&self.race, &self.hole.addr);
    cr_assert_eq(sockets.made, 1);
    stop_short_race(&self);
}

RV_TEST(race, without_memory_the_second_is_tried_again_after_a_delay)
{
    struct short_race self;
    struct rv_dial *dial = &self.race.dial;

    start_without_memory(&self);
    cr_assert_eq(rv_poll(&dial->future, &self.cx), RV_PENDING);
    cr_assert_eq(sockets.made, 1);
    rv_clock_advance(DELAY_MS * RV_NS_PER_MS);
    while (rv_poll(&dial->future, &self.cx) == RV_PENDING)
        while (!rv_probe_take(&self.probe))
            sched_yield();

    cr_assert_eq(dial->future.result, 0);
    check_connected_to(&self.race, &self.race.wire.addr);
    cr_assert_eq(sockets.made, 2);
    stop_short_race(&self);
}

static int race_once(void *arg)
{
    struct race race;
    int result;

    (void)arg;
    rv_clock_freeze(0);
    result = rv_test_runtime_start(&race.wire.runtime);
    if (result < 0)
        return result;
    race.count = 0;
    know(&race, RV_NEVER);
    for (int i = 0; i < 3; i++)
        add_dead(&race, "127.0.0.1");
    result = rv_runtime_block_on(race.wire.runtime, &race.dial.future);
    rv_drop(&race.dial.future);
    rv_runtime_stop(race.wire.runtime);
    return result == -ECONNREFUSED ? 0 : result;
}

RV_TEST(race, every_allocation_of_it_may_fail)
{
    cr_assert_geq(rv_fail_each_alloc_strictly(race_once, NULL), 4);
    rv_clock_thaw();
}
