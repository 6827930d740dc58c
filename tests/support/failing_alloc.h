/* SPDX-License-Identifier: MIT */
/*
 * failing_alloc.h - count what the library allocates, and let it fail.
 *
 *     static int one_get(void *arg);     starts a runtime, gets, stops it;
 *                                        0, or what went wrong
 *
 *     rv_fail_each_alloc(one_get, &url);
 *
 * Threads: alloc and free any; the functions here while no other thread is
 * inside the library.
 */
#ifndef RV_TEST_FAILING_ALLOC_H
#define RV_TEST_FAILING_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Count rv_alloc() and rv_free() from now on, from 0, and let the `fail_at`th
 * rv_alloc() return NULL: 1 is the next one, 0 is none.
 */
void rv_count_allocs(uint64_t fail_at);

/* How often rv_alloc() was called, and whether one of them had to fail. */
uint64_t rv_alloc_calls(void);
bool rv_alloc_failed(void);

/* Blocks that were allocated and not freed, since the counting began. */
int64_t rv_alloc_live(void);

/* Go back to plain allocation. Returns: the blocks that are left. */
int64_t rv_stop_counting_allocs(void);

/*
 * Run the scenario again and again, and let the 1st, 2nd, 3rd, ... allocation
 * in it fail, until it gets through without. The test fails if it leaves a
 * block, a descriptor or a thread behind, if it never gets through, or if it
 * then does not return 0.
 *
 * Returns: how many allocations the scenario makes.
 */
uint64_t rv_fail_each_alloc(int (*scenario)(void *arg), void *arg);

/* The same for a scenario that must say -ENOMEM each time one failed. */
uint64_t rv_fail_each_alloc_strictly(int (*scenario)(void *arg), void *arg);

#endif /* RV_TEST_FAILING_ALLOC_H */
