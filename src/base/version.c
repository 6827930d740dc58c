/* SPDX-License-Identifier: MIT */
/*
 * version.c - see version.h.
 *
 * Threads: any.
 */
#include <assert.h>
#include <reveil/atomic.h>
#include <reveil/version.h>
#include <stdbool.h>
#include <stdint.h>

/* A struct of the headers is the same in C and in C++, see atomic.h. */
#define SAME_IN_CXX(type)                                        \
    static_assert(sizeof(_Atomic(type)) == sizeof(type) &&       \
                      _Alignof(_Atomic(type)) == _Alignof(type), \
                  "an atomic field has the layout of a plain one")

SAME_IN_CXX(bool);
SAME_IN_CXX(int32_t);
SAME_IN_CXX(int64_t);
SAME_IN_CXX(void *);

const char *rv_version(void)
{
    return RV_VERSION;
}
