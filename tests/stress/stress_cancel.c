/* SPDX-License-Identifier: MIT */
/*
 * stress_cancel.c - a task cancels the stream that another one waits for, at
 * any moment, while a third one sends to it.
 *
 *     stress_cancel [COUNT]        10,000 streams; under ThreadSanitizer, which
 *                                  takes a hundred times as long, 2,500
 *
 * The wait must end with -ESHUTDOWN: one that goes on is a hang. Each byte that
 * was sent is received, before the cancel or after it.
 *
 * Threads: four workers, and their reactor.
 */
#include <errno.h>

#include "coro/annotate.h"
#include "stress.h"

enum { STREAMS = 10000, UNDER_TSAN = 2500 };

struct round {
    struct rv_stream pair[2];
    uint32_t number;
    uint32_t sent;
    uint32_t received;
};

/* Some rounds cancel at once, some after a while. */
static void pause_a_little(uint32_t number)
{
    for (uint32_t i = 0; i < number % 13; i++)
        rv_coro_yield();
}

static int32_t receive(void *arg)
{
    struct round *round = arg;
    char text[3];
    int n;

    while ((n = rv_stream_recv(&round->pair[0], text, sizeof text, RV_NEVER)) >
           0)
        round->received += (uint32_t)n;
    STRESS_CHECK(n == -ESHUTDOWN, "another result of a canceled wait");
    while ((n = (int)rv_stream_try_recv(&round->pair[0], text, sizeof text)) >
           0)
        round->received += (uint32_t)n;
    STRESS_CHECK(n == -ESHUTDOWN, "a try that finds nothing");
    return 0;
}

static int32_t send_some(void *arg)
{
    struct round *round = arg;

    for (uint32_t i = 0; i < round->number % 7; i++) {
        STRESS_CHECK(rv_stream_send(&round->pair[1], "ab", 2, RV_NEVER) == 0,
                     "a send");
        round->sent += 2;
    }
    return 0;
}

static int32_t cancel(void *arg)
{
    struct round *round = arg;

    pause_a_little(round->number);
    STRESS_CHECK(rv_stream_cancel(&round->pair[0]) == 0, "a cancel");
    return 0;
}

static int32_t one_round(void *arg)
{
    struct round round = {.number = *(uint32_t *)arg};
    struct rv_go tasks[3];
    char text[64];
    int n;

    STRESS_CHECK(rv_stream_pair(round.pair) == 0, "no streams");
    STRESS_CHECK(rv_go(&tasks[0], receive, &round) == 0, "no task");
    STRESS_CHECK(rv_go(&tasks[1], send_some, &round) == 0, "no task");
    STRESS_CHECK(rv_go(&tasks[2], cancel, &round) == 0, "no task");
    for (int i = 0; i < 3; i++)
        STRESS_CHECK(rv_go_join(&tasks[i]) == 0, "a task failed");
    while ((n = (int)rv_stream_try_recv(&round.pair[0], text, sizeof text)) > 0)
        round.received += (uint32_t)n; /* sent after the receiver's end */
    STRESS_CHECK(round.sent == round.received, "a byte was lost");
    rv_stream_close(&round.pair[0]);
    rv_stream_close(&round.pair[1]);
    return 0;
}

int main(int argc, char **argv)
{
    const uint64_t count =
        stress_count(argc, argv, RV_TSAN ? UNDER_TSAN : STREAMS);
    const struct rv_sched_options options = {.workers = 4};
    struct rv_sched *sched;

    stress_watchdog();
    STRESS_CHECK(rv_sched_start(&sched, &options) == 0, "no scheduler");
    for (uint32_t number = 0; number < count; number++)
        STRESS_CHECK(rv_sched_run(sched, one_round, &number) == 0,
                     "a round failed");
    rv_sched_stop(sched);
    return 0;
}
