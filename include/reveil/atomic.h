/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - how the headers declare atomic fields, for C and for C++.
 *
 *     struct counter { RV_ATOMIC(uint32_t) count; };
 *
 * C++ has no _Atomic. There the field has the plain type, which has the same
 * size and alignment (src/base/version.c checks that), so a struct is the same
 * in both languages. Such fields are private: only the C code of the library
 * accesses them, and the inline functions of the headers with the two macros at
 * the end.
 */
#ifndef RV_ATOMIC_H
#define RV_ATOMIC_H

#ifdef __cplusplus

/* A field that several threads may access: an integer, bool or pointer. */
#define RV_ATOMIC(type_) type_

/* Private: for inline functions of headers. */
#define RV_LOAD_RELAXED(object_) __atomic_load_n(object_, __ATOMIC_RELAXED)
#define RV_EXCHANGE_RELAXED(object_, value_) \
    __atomic_exchange_n(object_, value_, __ATOMIC_RELAXED)

#else
#include <stdatomic.h>

/* A field that several threads may access: an integer, bool or pointer. */
#define RV_ATOMIC(type_) _Atomic(type_)

/* Private: for inline functions of headers. */
#define RV_LOAD_RELAXED(object_) \
    atomic_load_explicit(object_, memory_order_relaxed)
#define RV_EXCHANGE_RELAXED(object_, value_) \
    atomic_exchange_explicit(object_, value_, memory_order_relaxed)

#endif

#endif /* RV_ATOMIC_H */
