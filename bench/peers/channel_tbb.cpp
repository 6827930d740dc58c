// SPDX-License-Identifier: MIT
// channel_tbb.cpp - channel.c with oneTBB: its concurrent_bounded_queue
// ("spsc") and its concurrent_queue ("mpsc").
#include <cstdint>
#include <tbb/concurrent_queue.h>

extern "C" {
#include "../bench.h"
#include "../cross.h"
}

static tbb::concurrent_bounded_queue<uint64_t> bounded;
static tbb::concurrent_queue<uint64_t> unbounded;

static int64_t send_bounded(void *, int64_t from, int64_t)
{
    return bounded.try_push(static_cast<uint64_t>(from));
}

static int64_t receive_bounded(void *, int64_t expected)
{
    uint64_t value;

    if (!bounded.try_pop(value))
        return 0;
    cross_check(value, expected);
    return 1;
}

static int64_t send_unbounded(void *, int64_t from, int64_t)
{
    unbounded.push(static_cast<uint64_t>(from));
    return 1;
}

static int64_t receive_unbounded(void *, int64_t expected)
{
    uint64_t value;

    if (!unbounded.try_pop(value))
        return 0;
    cross_check(value, expected);
    return 1;
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    const cross spsc = {send_bounded, receive_bounded, nullptr};
    const cross mpsc = {send_unbounded, receive_unbounded, nullptr};

    bounded.set_capacity(CROSS_CAPACITY);
    return cross_main(bench_variant(argc, argv, "mpsc") ? &mpsc : &spsc, ops);
}
