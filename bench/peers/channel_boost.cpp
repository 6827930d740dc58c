// SPDX-License-Identifier: MIT
// channel_boost.cpp - channel.c with Boost.Lockfree: its spsc_queue, which
// spins where ours lets tasks wait. "spsc-64": so many at once.
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>

extern "C" {
#include "../bench.h"
#include "../cross.h"
}

static boost::lockfree::spsc_queue<uint64_t,
                                   boost::lockfree::capacity<CROSS_CAPACITY>>
    values;

static int64_t send_one(void *, int64_t from, int64_t)
{
    return values.push(static_cast<uint64_t>(from));
}

static int64_t receive_one(void *, int64_t expected)
{
    uint64_t value;

    if (!values.pop(value))
        return 0;
    cross_check(value, expected);
    return 1;
}

static int64_t send_many(void *, int64_t from, int64_t to)
{
    uint64_t batch[CROSS_BATCH];
    int64_t n = to - from < CROSS_BATCH ? to - from : CROSS_BATCH;

    for (int64_t i = 0; i < n; i++)
        batch[i] = static_cast<uint64_t>(from + i);
    return static_cast<int64_t>(values.push(batch, static_cast<size_t>(n)));
}

static int64_t receive_many(void *, int64_t expected)
{
    uint64_t batch[CROSS_BATCH];
    const int64_t n = static_cast<int64_t>(values.pop(batch, CROSS_BATCH));

    for (int64_t i = 0; i < n; i++)
        cross_check(batch[i], expected + i);
    return n;
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    const cross one = {send_one, receive_one, nullptr};
    const cross many = {send_many, receive_many, nullptr};

    return cross_main(bench_variant(argc, argv, "spsc-64") ? &many : &one, ops);
}
