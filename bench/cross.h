/* SPDX-License-Identifier: MIT */
/*
 * cross.h - values 0, 1, 2, ... from another thread to this one, the same for
 * every queue that is measured: whoever finds it full or empty yields its CPU.
 */
#ifndef RV_BENCH_CROSS_H
#define RV_BENCH_CROSS_H

#include <stdint.h>

/* Bounded queues have room for so many; batches are of so many. */
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

/* Stop with a message: a value came that was not next. */
void cross_check(uint64_t value, int64_t expected);

/* Let `ops` values cross. */
void cross_run(const struct cross *cross, int64_t ops);

/* The whole program: warm up, measure, print. */
int cross_main(const struct cross *cross, int64_t ops);

#endif /* RV_BENCH_CROSS_H */
