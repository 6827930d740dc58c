/* SPDX-License-Identifier: MIT */
/*
 * test_dial.c - from a name to a connection: the address that answers, one
 * deadline for everything, no leaks.
 *
 * Threads: the test's, the reactor's, the pool's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/resolve.h>
#include <unistd.h>

#include "net/black_hole.h"
#include "net/names.h"
#include "net/wire.h"
#include "support/failing_alloc.h"
#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(dial);

static int dial(struct wire *wire, const char *host, uint16_t port)
{
    struct rv_dial self;
    int result;

    rv_dial_init(&self, host, port, rv_after_ms(RV_TEST_WAIT_MS),
                 &wire->client);
    result = rv_test_block_on(wire->executor, &self.future);
    rv_drop(&self.future);
    return result;
}

/* The address that the client is connected to. */
static void check_peer(const struct wire *wire, const char *host)
{
    struct rv_addr addr = {.len_bytes = sizeof addr.sa};
    char text[RV_ADDR_TEXT];

    cr_assert_eq(getpeername(rv_stream_fd(&wire->client), &addr.sa.base,
                             &addr.len_bytes),
                 0);
    rv_addr_format(&addr, text);
    cr_assert_eq(strncmp(text, host, strlen(host)), 0, "%s", text);
}

/*
 * Listen on ::1 only. A socket on the same port of 127.0.0.1 that does not
 * listen keeps other programs from it. Returns: that socket; -1: there is no
 * IPv6.
 */
static int listen_on_v6_only(struct wire *wire)
{
    struct rv_addr v4;
    int fd;

    while (wire_listen(wire, "::1") == 0) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        rv_addr_parse(&v4, "127.0.0.1", rv_addr_port(&wire->addr));
        if (bind(fd, &v4.sa.base, v4.len_bytes) == 0)
            return fd;
        close(fd);
        wire_close(wire);
    }
    wire_close(wire);
    return -1;
}

/* --- it connects ------------------------------------------------------- */

RV_TEST(dial, an_address_and_localhost_connect)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "127.1"};

    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct wire wire;

        cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
        cr_assert_eq(dial(&wire, hosts[i], rv_addr_port(&wire.addr)), 0, "%s",
                     hosts[i]);
        cr_assert_eq(accept_one(&wire), 0);
        check_peer(&wire, "127.0.0.1:");
        wire_close(&wire);
    }
}

RV_TEST(dial, the_second_address_is_tried_when_the_first_refuses)
{
    struct wire wire;
    int placeholder;

    if (!machine_has_ipv6())
        cr_skip_test("no IPv6 on this machine");
    placeholder = listen_on_v6_only(&wire);
    cr_assert_geq(placeholder, 0);
    cr_assert_eq(dial(&wire, "localhost", rv_addr_port(&wire.addr)), 0);
    cr_assert_eq(accept_one(&wire), 0);
    check_peer(&wire, "[::1]:");
    close(placeholder);
    wire_close(&wire);
}

/* As many polls as a connect alone: without a look-up it costs no more. */
RV_TEST(dial, an_address_takes_the_polls_of_a_connect)
{
    struct rv_tcp_connect connect;
    struct rv_probe probe;
    struct rv_dial self;
    struct wire wire;
    struct rv_cx cx;
    int polls[2] = {1, 1};

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_tcp_connect_init(&connect, &wire.addr, &wire.client);
    for (; rv_poll(&connect.future, &cx) == RV_PENDING; polls[0]++)
        cr_assert(rv_probe_wait(&probe));
    rv_stream_close(&wire.client);
    rv_dial_init(&self, "127.0.0.1", rv_addr_port(&wire.addr), RV_NEVER,
                 &wire.client);
    for (; rv_poll(&self.future, &cx) == RV_PENDING; polls[1]++)
        cr_assert(rv_probe_wait(&probe));

    cr_assert_eq(self.future.result, 0);
    cr_assert_leq(polls[1], polls[0]);
    rv_probe_fini(&probe);
    wire_close(&wire);
}

/* --- it does not ------------------------------------------------------- */

RV_TEST(dial, if_none_answers_the_error_is_that_of_the_first)
{
    struct wire wire;
    uint16_t port;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    port = rv_addr_port(&wire.addr);
    rv_stream_close(&wire.listener);

    cr_assert_eq(dial(&wire, "localhost", port), -ECONNREFUSED);
    cr_assert_eq(rv_stream_fd(&wire.client), -1);
    wire_close(&wire);
}

RV_TEST(dial, a_name_that_is_none_is_an_error)
{
    struct wire wire;
    int result;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    result = dial(&wire, "no.such.name.invalid", 80);

    cr_assert(result == -ENXIO || result == -EREMOTEIO, "%d", result);
    cr_assert_eq(rv_stream_fd(&wire.client), -1);
    wire_close(&wire);
}

RV_TEST(dial, the_deadline_is_for_the_look_up_too)
{
    struct rv_stream stream = {.source = NULL};
    struct names names;
    struct rv_dial self;

    rv_clock_freeze(0);
    names_open(&names);
    names_block(&names); /* the look-up does not start */
    rv_dial_init(&self, "127.1", 80, 3600 * RV_NS_PER_S, &stream);

    cr_assert_eq(rv_block_on(names.executor, &self.future), -ETIMEDOUT);
    cr_assert_geq(rv_now_ns(), 3600 * RV_NS_PER_S);
    cr_assert_eq(rv_stream_fd(&stream), -1);
    rv_drop(&self.future);
    rv_clock_thaw();
    names_unblock(&names);
    names_close(&names);
}

/* A poll at which something is ready wins over a deadline that has passed. */
RV_TEST(dial, what_fails_at_once_does_not_time_out)
{
    struct wire wire;
    struct rv_dial self;
    struct rv_cx cx = {.executor = NULL};

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    rv_dial_init(&self, "", 80, 0, &wire.client);
    cr_assert_eq(rv_poll(&self.future, &cx), RV_READY);

    cr_assert_eq(self.future.result, -EINVAL);
    rv_drop(&self.future);
    wire_close(&wire);
}

/* --- addresses that do not answer -------------------------------------- */

RV_TEST(dial, the_last_address_has_all_of_the_time)
{
    const int64_t deadline_ns = 3600 * RV_NS_PER_S;
    struct wire wire;
    struct rv_dial self;
    struct black_hole hole;

    rv_clock_freeze(0);
    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert(black_hole_open(&hole, "127.0.0.1", 0));
    rv_dial_init(&self, "127.0.0.1", rv_addr_port(&hole.addr), deadline_ns,
                 &wire.client);

    cr_assert_eq(rv_block_on(wire.executor, &self.future), -ETIMEDOUT);
    cr_assert_geq(rv_now_ns(), deadline_ns);
    cr_assert_eq(rv_stream_fd(&wire.client), -1);
    rv_drop(&self.future);
    black_hole_close(&hole);
    wire_close(&wire);
    rv_clock_thaw();
}

/* --- dropped, or out of memory ----------------------------------------- */

/* Poll `polls` times, each after a wake. Returns: true when it is READY. */
static bool poll_times(struct rv_dial *self, struct rv_executor *executor,
                       int polls)
{
    struct rv_probe probe;
    struct rv_cx cx;
    bool ready = false;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cx.executor = executor;
    for (int i = 0; i < polls && !ready; i++) {
        ready = rv_poll(&self->future, &cx) == RV_READY;
        if (!ready && i + 1 < polls)
            cr_assert(rv_probe_wait(&probe));
    }
    rv_drop(&self->future);
    rv_drop(&self->future);
    rv_probe_fini(&probe);
    return ready;
}

RV_TEST(dial, dropped_after_each_of_its_polls_it_leaves_nothing)
{
    static const char *const hosts[] = {"127.0.0.1", "127.1"};

    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct wire wire;
        bool ready = false;
        uint32_t fds;

        cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
        fds = rv_test_fds();
        for (int polls = 0; !ready; polls++) {
            struct rv_dial self;

            rv_dial_init(&self, hosts[i], rv_addr_port(&wire.addr),
                         rv_after_ms(RV_TEST_WAIT_MS), &wire.client);
            ready = poll_times(&self, wire.executor, polls);
            if (ready)
                cr_assert_eq(self.future.result, 0);
            else
                cr_assert_eq(rv_stream_fd(&wire.client), -1);
            rv_stream_close(&wire.client);
            cr_assert_eq(rv_test_fds(), fds, "after %d polls", polls);
        }
        wire_close(&wire);
    }
}

static int dial_once(void *arg)
{
    struct rv_runtime *runtime;
    struct rv_dial self;
    struct rv_stream stream;
    int result = rv_test_runtime_start(&runtime);

    if (result < 0)
        return result;
    rv_dial_init(&self, "127.1", *(uint16_t *)arg, RV_NEVER, &stream);
    result = rv_runtime_block_on(runtime, &self.future);
    rv_drop(&self.future);
    rv_stream_close(&stream);
    rv_runtime_stop(runtime);
    return result;
}

RV_TEST(dial, every_allocation_of_it_may_fail)
{
    struct wire wire;
    uint16_t port;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    port = rv_addr_port(&wire.addr);

    cr_assert_geq(rv_fail_each_alloc_strictly(dial_once, &port), 4);
    wire_close(&wire);
}
