/* SPDX-License-Identifier: MIT */
/*
 * cross.h - pass values 0, 1, 2, ... from another thread to this one, the same
 * way for every queue: a thread that finds it full or empty calls
 * sched_yield().
 */
#ifndef RV_BENCH_CROSS_H
#define RV_BENCH_CROSS_H

#include <stdint.h>

/* The capacity of bounded queues, and the size of batches. */
enum { CROSS_CAPACITY = 4096, CROSS_BATCH = 64 };

struct cross {
    /* In the other thread: send from, from + 1, ... up to before `to`, or
     * fewer. Returns: how many; 0: full. */
    int64_t (*send)(void *queue, int64_t from, int64_t to);
    /* In this one. Returns: how many; 0: empty. Checks that the first is
     * `expected`, and the others follow. */
    int64_t (*receive)(void *queue, int64_t expected);
    void *queue;
};

/* Exit with a message: a value arrived out of order. */
void cross_check(uint64_t value, int64_t expected);

/* Pass `ops` values. */
void cross_run(const struct cross *cross, int64_t ops);

/* The whole program: warm up, measure, print. */
int cross_main(const struct cross *cross, int64_t ops);

#endif /* RV_BENCH_CROSS_H */
