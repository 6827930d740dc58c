/* SPDX-License-Identifier: MIT */
/*
 * bare_syscall.h - a system call without the C library, and so without errno.
 *
 * Threads: any, bare ones too. Freestanding.
 */
#ifndef RV_BARE_SYSCALL_H
#define RV_BARE_SYSCALL_H

#include <asm/unistd.h>

/* Make a system call with up to three arguments. Returns: the kernel's result,
 * which is a negative errno on failure. */
#if defined(__x86_64__)
static inline long rv_bare_syscall(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
#else
static inline long rv_bare_syscall(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;

    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2)
                     : "memory");
    return x0;
}
#endif

#endif /* RV_BARE_SYSCALL_H */
