/* SPDX-License-Identifier: MIT */
/*
 * failing_alloc.h - count what the library allocates, and let it fail.
 *
 *     static int one_get(void *arg);     starts a runtime, gets, stops it;
 *                                        0, or what went wrong
 *
 *     rv_fail_each_alloc(one_get, &url);
 *
 * Threads: any for alloc and free. Call the functions here while no other
 * thread is inside the library.
 */
#ifndef RV_TEST_FAILING_ALLOC_H
#define RV_TEST_FAILING_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Count the calls of rv_alloc() and rv_free() from now on, and let the
 * `fail_at`th rv_alloc() return NULL. 1 is the next call; 0: none fails.
 */
void rv_count_allocs(uint64_t fail_at);

/* The number of calls of rv_alloc(), and whether one of them has failed. */
uint64_t rv_alloc_calls(void);
bool rv_alloc_failed(void);

/* Blocks that were allocated and not freed since the start of the count. */
int64_t rv_alloc_live(void);

/* Return to plain allocation. Returns: the blocks that are left. */
int64_t rv_stop_counting_allocs(void);

/*
 * Run the scenario again and again, and let the 1st, 2nd, 3rd, ... allocation
 * in it fail, alone and with all that follow, until it runs without a failure.
 * The test fails if a run leaves a block, a descriptor or a thread behind, if
 * no run is without a failure, or if that run does not return 0.
 *
 * Returns: the number of allocations that the scenario makes.
 */
uint64_t rv_fail_each_alloc(int (*scenario)(void *arg), void *arg);

/* The same for a scenario that must return -ENOMEM each time one failed. */
uint64_t rv_fail_each_alloc_strictly(int (*scenario)(void *arg), void *arg);

/* The same for a scenario that waits until there is memory again, as a server
 * does: each allocation fails alone. */
uint64_t rv_fail_each_alloc_alone(int (*scenario)(void *arg), void *arg);

#endif /* RV_TEST_FAILING_ALLOC_H */
