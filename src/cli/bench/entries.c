/* SPDX-License-Identifier: MIT */
/* entries.c - what there is to measure. */
#include "cli/bench/bench.h"

const char *const bench_figure_keys[BENCH_FIGURES] = {
    "ns_per_op", "cpu_ns_per_op", "bytes_per_op",    "late_ns",
    "early",     "peak_bytes",    "syscalls_per_op", "instructions_per_op",
};

#define OURS true
#define PEER false

/* Rows of one case follow each other, the peers last. */
const struct bench_entry bench_entries[] = {
    {"wake", "round trip between two threads on one CPU", BENCH_NS, "reveil",
     "wake", "one-cpu", OURS, 50000, 500},
    {"wake", "round trip between two threads on one CPU", BENCH_NS, "epoll",
     "wake_epoll", "one-cpu", PEER, 50000, 500},
    {"wake", "round trip between two threads on one CPU", BENCH_NS, "libuv",
     "wake_libuv", "one-cpu", PEER, 50000, 500},
    {"wake", "round trip between two threads on any CPU", BENCH_NS, "reveil",
     "wake", NULL, OURS, 10000, 500},
    {"wake", "round trip between two threads on any CPU", BENCH_NS, "epoll",
     "wake_epoll", NULL, PEER, 10000, 500},
    {"wake", "round trip between two threads on any CPU", BENCH_NS, "libuv",
     "wake_libuv", NULL, PEER, 10000, 500},

    {"spawn", "spawn a task and join it", BENCH_NS, "reveil", "spawn", NULL,
     OURS, 2000000, 20000},
    {"spawn", "spawn a task and join it", BENCH_NS, "thread", "spawn_thread",
     NULL, PEER, 10000, 200},

    {"yield", "one of 1,000 tasks lets the others go first", BENCH_NS, "reveil",
     "yield", NULL, OURS, 10000000, 100000},

    {"coro", "one switch of a coroutine, there or back", BENCH_NS, "reveil",
     "coro", "switch", OURS, 50000000, 20000},
    {"coro", "one switch of a coroutine, there or back", BENCH_NS,
     "Boost.Context", "coro_boost", "switch", PEER, 50000000, 20000},
    {"coro", "one switch of a coroutine, there or back", BENCH_NS,
     "swapcontext", "coro_swapcontext", "switch", PEER, 2000000, 20000},
    {"coro", "create a coroutine, run it to its end, free it", BENCH_NS,
     "reveil", "coro", "create", OURS, 10000000, 20000},
    {"coro", "create a coroutine, run it to its end, free it", BENCH_NS,
     "Boost.Context", "coro_boost", "create", PEER, 10000000, 20000},
    {"coro", "create a coroutine, run it to its end, free it", BENCH_NS,
     "swapcontext", "coro_swapcontext", "create", PEER, 1000000, 20000},
    {"coro", "spawn a coroutine as a task and join it", BENCH_NS, "reveil",
     "coro", "spawn", OURS, 5000000, 20000},

    {"fork", "fork and sync, in fib on two cores", BENCH_NS, "reveil", "fork",
     NULL, OURS, 14930351, 100000},
    {"fork", "fork and sync, in fib on two cores", BENCH_NS, "OpenMP",
     "fork_openmp", NULL, PEER, 2000000, 20000},
    {"fork", "fork and sync, in fib on one core", BENCH_NS, "reveil", "fork",
     "one-core", OURS, 14930351, 100000},
    {"fork", "fork and sync, in fib on one core", BENCH_NS, "plain calls",
     "fork", "calls", PEER, 14930351, 100000},

    {"go", "start a task with a stack and join it", BENCH_NS, "reveil", "go",
     NULL, OURS, 2000000, 20000},
    {"go", "start a task with a stack and join it", BENCH_NS,
     "reveil, one core", "go", "one-core", OURS, 2000000, 20000},
    {"go", "start a task with a stack and join it", BENCH_NS, "thread",
     "spawn_thread", NULL, PEER, 10000, 200},
    {"go", "the same, a thousand at a time", BENCH_NS, "reveil", "go", "crowd",
     OURS, 2000000, 20000},

    {"channel", "bounded(4096), one value at a time", BENCH_NS, "reveil spsc",
     "channel", "spsc", OURS, 20000000, 50000},
    {"channel", "bounded(4096), one value at a time", BENCH_NS,
     "Boost.Lockfree", "channel_boost", "spsc", PEER, 20000000, 50000},
    {"channel", "bounded(4096), one value at a time", BENCH_NS, "oneTBB",
     "channel_tbb", "spsc", PEER, 2000000, 50000},
    {"channel", "bounded(4096), 64 at a time", BENCH_NS, "reveil spsc",
     "channel", "spsc-64", OURS, 50000000, 50000},
    {"channel", "bounded(4096), 64 at a time", BENCH_NS, "Boost.Lockfree",
     "channel_boost", "spsc-64", PEER, 50000000, 50000},
    {"channel", "unbounded, one value at a time", BENCH_NS, "reveil mpsc",
     "channel", "mpsc", OURS, 20000000, 50000},
    {"channel", "unbounded, one value at a time", BENCH_NS, "oneTBB",
     "channel_tbb", "mpsc", PEER, 5000000, 50000},
    {"channel", "unbounded, one value at a time", BENCH_NS, "GLib",
     "channel_glib", "mpsc", PEER, 2000000, 50000},
    {"channel", "unbounded, 64 at a time", BENCH_NS, "reveil mpsc", "channel",
     "mpsc-64", OURS, 20000000, 50000},
    {"channel", "publisher(4096), one event at a time", BENCH_NS, "reveil",
     "channel", "publisher", OURS, 20000000, 50000},
    {"channel", "publisher(4096), 64 at a time", BENCH_NS, "reveil", "channel",
     "publisher-64", OURS, 200000000, 50000},
    {"channel", "publisher(4096), 64 at a time", BENCH_NS, "Boost spsc",
     "channel_boost", "spsc-64", PEER, 50000000, 50000},

    {"memory", "a task that waits for its waker", BENCH_BYTES, "reveil",
     "memory", NULL, OURS, 1000000, 20000},
    {"memory", "a task that sleeps", BENCH_BYTES, "reveil", "memory",
     "sleeping", OURS, 1000000, 20000},

    {"timers", "sleepers of 1..1000 ms, all at once", BENCH_CPU_NS, "reveil",
     "timers", NULL, OURS, 1000000, 10000},
    {"timers", "sleepers of 1..1000 ms, all at once", BENCH_CPU_NS,
     "libuv timer", "timers_libuv", NULL, PEER, 1000000, 10000},

    {"server", "keep-alive requests on 64 connections", BENCH_CPU_NS,
     "reveil, fused", "server", "fused", OURS, 64, 64},
    {"server", "keep-alive requests on 64 connections", BENCH_CPU_NS,
     "reveil, thread", "server", "thread", OURS, 64, 64},
    {"server", "keep-alive requests on 64 connections", BENCH_CPU_NS, "epoll",
     "server_epoll", NULL, PEER, 64, 64},
    {"server", "keep-alive requests on 64 connections", BENCH_CPU_NS, "libuv",
     "server_libuv", NULL, PEER, 64, 64},
    {"server", "keep-alive requests on 1,000 connections", BENCH_CPU_NS,
     "reveil, fused", "server", "fused", OURS, 1000, 1000},
    {"server", "keep-alive requests on 1,000 connections", BENCH_CPU_NS,
     "reveil, thread", "server", "thread", OURS, 1000, 1000},
    {"server", "keep-alive requests on 1,000 connections", BENCH_CPU_NS,
     "epoll", "server_epoll", NULL, PEER, 1000, 1000},
    {"server", "keep-alive requests on 1,000 connections", BENCH_CPU_NS,
     "libuv", "server_libuv", NULL, PEER, 1000, 1000},
};

const size_t bench_entry_count = sizeof bench_entries / sizeof bench_entries[0];
