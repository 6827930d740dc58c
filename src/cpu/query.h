/* SPDX-License-Identifier: MIT */
/*
 * query.h - what other parts ask of a CPU pool: what it does that no future of
 * the program waits for.
 *
 * Threads: the executor's.
 */
#ifndef RV_CPU_QUERY_H
#define RV_CPU_QUERY_H

#include <reveil/cpu.h>

/* The pool has a task of its own in its executor. */
bool rv_cpu_has_task(const struct rv_cpu_pool *pool);

/* How many of its ring's orphans are reads of the pool. */
uint32_t rv_cpu_reads(const struct rv_cpu_pool *pool);

#endif /* RV_CPU_QUERY_H */
