/* SPDX-License-Identifier: MIT */
/*
 * clone_aarch64.S - clone() into a prepared stack, see thread_internal.h and
 * clone_x86_64.S.
 *
 * The same idea with a link register: after the system call both sides load
 * x9 and x30 from their stack and return. The child gets the pointer to its
 * arguments, and jumps to rv_thread_begin.
 */
#if defined(__aarch64__)
#include "thread_internal.h"

#if RV_THREAD_FRAME_ARGS != 0 || RV_THREAD_FRAME_BEGIN != 8
#error "LDP takes the first two words of the frame"
#endif

#define SYS_CLONE 220
#define SYS_EXIT  93

    .text

/* rv_thread_clone(x0 flags, x1 frame, x2 alive): x0 the id or -errno. */
    .globl  rv_thread_clone
    .hidden rv_thread_clone
    .type   rv_thread_clone, %function
rv_thread_clone:
    .cfi_startproc
    stp     x9, x30, [sp, #-16]!
    .cfi_adjust_cfa_offset 16
    .cfi_rel_offset x30, 8
    mov     x4, x2              /* CLEARTID: the same word as SETTID */
    mov     x3, #0              /* no thread-local storage of its own */
    mov     x8, #SYS_CLONE
    svc     #0
    ldp     x9, x30, [sp], #16
    .cfi_adjust_cfa_offset -16
    .cfi_restore x30
    ret
    .cfi_endproc
    .size   rv_thread_clone, . - rv_thread_clone

/* At entry x9 is the pointer to the arguments, and sp is frame +
 * RV_THREAD_FRAME_MAIN, a multiple of 16. Unwinders stop here: the return
 * address is undefined. */
    .globl  rv_thread_begin
    .hidden rv_thread_begin
    .type   rv_thread_begin, %function
rv_thread_begin:
    .cfi_startproc
    .cfi_undefined x30
    mov     x0, x9
    ldr     x10, [sp]
    mov     x29, #0
    blr     x10
    mov     x0, #0
    mov     x8, #SYS_EXIT       /* this thread only; CLEARTID wakes join */
    svc     #0
    brk     #1
    .cfi_endproc
    .size   rv_thread_begin, . - rv_thread_begin
#endif

    .section .note.GNU-stack, "", %progbits
