/* SPDX-License-Identifier: MIT */
/*
 * stress_bounded.c - many senders and a small channel, as tasks of a scheduler.
 *
 *     stress_bounded [COUNT]       100,000 values in all
 *
 * In each round the senders wait for room nearly always. Some give up at a
 * deadline while the receiver grants them room, and the receiver closes its end
 * in the middle of every second round, while senders wait. A permit that is
 * lost is a hang. Each value is counted: sent, and received or dropped.
 *
 * Threads: four workers.
 */
#include <errno.h>

#include "stress.h"

enum { SENDERS = 6, CAPACITY = 3, ROUND = 600 };

static _Atomic uint32_t sent;
static _Atomic uint32_t gone; /* received or dropped */

static void count_drop(void *element)
{
    (void)element;
    atomic_fetch_add(&gone, 1);
}

static int32_t send_some(void *arg)
{
    struct rv_bounded_sender *sender = arg;
    int error = 0;

    for (uint32_t i = 0; i < ROUND / SENDERS && error != -EPIPE; i++) {
        const int64_t deadline_ns = i % 4 == 0 ? rv_now_ns() + 20000 : RV_NEVER;

        atomic_fetch_add(&sent, 1);
        error = rv_bounded_send(sender, &i, deadline_ns);
        STRESS_CHECK(error == 0 || error == -ETIMEDOUT || error == -EPIPE,
                     "an unknown result of a send");
        if (error)
            atomic_fetch_sub(&sent, 1);
    }
    rv_bounded_sender_close(sender);
    return 0;
}

static void receive(struct rv_bounded_receiver *receiver, bool closes_early)
{
    uint32_t received = 0;
    uint32_t value;
    int error = 0;

    while (!(closes_early && received == ROUND / 4)) {
        error = rv_bounded_recv(receiver, &value,
                                received % 3 ? RV_NEVER : rv_now_ns() + 20000);
        if (error == -EPIPE)
            break;
        if (error == 0) {
            received++;
            atomic_fetch_add(&gone, 1);
        }
    }
    /* Let the channel become full, with no permit on its way to a sender. */
    if (closes_early)
        rv_coro_sleep_until(rv_now_ns() + 100000);
    rv_bounded_receiver_close(receiver);
}

static int32_t one_round(void *arg)
{
    static const struct rv_channel_options options = {
        .name = "stress", .drop_element = count_drop};
    const bool *closes_early = arg;
    struct rv_bounded_receiver *receiver;
    struct rv_bounded_sender *senders[SENDERS];
    struct rv_go tasks[SENDERS];

    STRESS_CHECK(rv_bounded_new(&senders[0], &receiver, sizeof(uint32_t),
                                CAPACITY, &options) == 0,
                 "no channel");
    for (int i = 1; i < SENDERS; i++)
        STRESS_CHECK(rv_bounded_sender_clone(senders[0], &senders[i]) == 0,
                     "no sender");
    for (int i = 0; i < SENDERS; i++)
        STRESS_CHECK(rv_go(&tasks[i], send_some, senders[i]) == 0, "no task");
    receive(receiver, *closes_early);
    for (int i = 0; i < SENDERS; i++)
        STRESS_CHECK(rv_go_join(&tasks[i]) == 0, "a sender failed");
    STRESS_CHECK(atomic_load(&sent) == atomic_load(&gone),
                 "a value was lost or came twice");
    return 0;
}

int main(int argc, char **argv)
{
    const uint64_t count = stress_count(argc, argv, 100000);
    const struct rv_sched_options options = {.workers = 4};
    struct rv_sched *sched;

    stress_watchdog();
    STRESS_CHECK(rv_sched_start(&sched, &options) == 0, "no scheduler");
    for (uint64_t round = 0; round * ROUND < count; round++) {
        bool closes_early = round % 2;

        STRESS_CHECK(rv_sched_run(sched, one_round, &closes_early) == 0,
                     "a round failed");
    }
    rv_sched_stop(sched);
    return 0;
}
