/* SPDX-License-Identifier: MIT */
/*
 * atomic_points.h - for a probe line: the delay sweep may sleep behind each
 * atomic store and addition of the learner's, where no call is.
 *
 *     atomic_store(&tail, n);     <- shown to the other thread
 *                                 <- the sweep sleeps here
 *     slots[i] = value;           <- and this comes too late
 *
 * Behind <stdatomic.h>. A store as in `tail = n` is no macro, and not seen.
 */
#ifndef PROBE_ATOMIC_POINTS_H
#define PROBE_ATOMIC_POINTS_H

#include <stdatomic.h>

#include "probe.h"

#undef atomic_store
#undef atomic_store_explicit
#undef atomic_fetch_add
#undef atomic_fetch_add_explicit

#ifdef __clang__
#define PROBE_ATOMIC_STORE __c11_atomic_store
#define PROBE_ATOMIC_ADD   __c11_atomic_fetch_add
#else
#define PROBE_ATOMIC_STORE __atomic_store_n
#define PROBE_ATOMIC_ADD   __atomic_fetch_add
#endif

#define atomic_store_explicit(p, v, order) \
    (PROBE_ATOMIC_STORE(p, v, order), probe_point("after atomic_store"))
#define atomic_store(p, v) atomic_store_explicit(p, v, memory_order_seq_cst)

#define atomic_fetch_add_explicit(p, v, order)                 \
    __extension__({                                            \
        __auto_type probe_was = PROBE_ATOMIC_ADD(p, v, order); \
        probe_point("after atomic_fetch_add");                 \
        probe_was;                                             \
    })
#define atomic_fetch_add(p, v) \
    atomic_fetch_add_explicit(p, v, memory_order_seq_cst)

#endif /* PROBE_ATOMIC_POINTS_H */
