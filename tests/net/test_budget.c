/* SPDX-License-Identifier: MIT */
/*
 * test_budget.c - one fast socket does not starve the other tasks.
 *
 * Threads: the test's, and the reactor's.
 */
#include <criterion/criterion.h>

#include <reveil/async.h>
#include <reveil/runtime.h>

#include "net/wire.h"
#include "support/support.h"

RV_TEST_SUITE(budget);

/* Receives byte by byte from a socket that is never empty, until it is told to
 * stop. */
struct firehose {
    struct rv_future future;
    struct rv_stream *stream;
    struct rv_stream_recv recv;
    char byte;
    uint32_t in_a_row; /* bytes since the last poll of the other task */
    uint32_t longest;
    bool stop;
};

static enum rv_poll firehose_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct firehose *self = RV_CONTAINER_OF(future, struct firehose, future);

    RV_BEGIN(future);
    while (!self->stop) {
        rv_stream_recv_init(&self->recv, self->stream, &self->byte, 1);
        RV_AWAIT(future, cx, &self->recv.future);
        cr_assert_eq(self->recv.future.result, 1);
        if (++self->in_a_row > self->longest)
            self->longest = self->in_a_row;
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

/* The other task: it is polled a few times, then tells the first one to
 * stop. */
struct neighbour {
    struct rv_future future;
    struct firehose *firehose;
    struct rv_yield yield;
    int turns;
};

static enum rv_poll neighbour_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct neighbour *self = RV_CONTAINER_OF(future, struct neighbour, future);

    RV_BEGIN(future);
    for (self->turns = 0; self->turns < 20; self->turns++) {
        self->firehose->in_a_row = 0;
        rv_yield_init(&self->yield);
        RV_AWAIT(future, cx, &self->yield.future);
    }
    self->firehose->in_a_row = 0;
    self->firehose->stop = true;
    RV_RETURN(future, 0);
    RV_END(future);
}

RV_TEST(budget, a_fast_socket_gives_the_others_a_turn)
{
    static const struct rv_future_ops firehose_ops = {.name = "firehose",
                                                      .poll = firehose_poll};
    static const struct rv_future_ops neighbour_ops = {.name = "neighbour",
                                                       .poll = neighbour_poll};
    static const char water[64 * RV_IO_BUDGET];
    struct neighbour *neighbour = rv_alloc(sizeof *neighbour);
    struct firehose firehose = {.stop = false};
    struct wire wire;

    wire_open(&wire, "127.0.0.1");
    cr_assert_eq(send_all(&wire, &wire.server, water, sizeof water), 0);
    rv_future_init(&firehose.future, &firehose_ops);
    firehose.stream = &wire.client;
    rv_future_init(&neighbour->future, &neighbour_ops);
    neighbour->firehose = &firehose;
    rv_spawn(wire.executor, &neighbour->future, NULL);

    cr_assert_eq(rv_test_block_on(wire.executor, &firehose.future), 0);
    cr_assert_leq(firehose.longest, RV_IO_BUDGET);
    cr_assert_gt(firehose.longest, 1);
    wire_close(&wire);
}
