/* SPDX-License-Identifier: MIT */
/*
 * clone_x86_64.S - clone() into a prepared stack, see thread_internal.h.
 *
 * Parent and child run the same instructions after the system call and differ
 * only in rsp: POP loads rdi from the stack, RET jumps to the address on the
 * stack. The parent has pushed its own rdi, and returns to its caller. The
 * child gets the pointer to its arguments, and jumps to rv_thread_begin.
 */
#if defined(__x86_64__)
#include "thread_internal.h"

#if RV_THREAD_FRAME_ARGS != 0 || RV_THREAD_FRAME_BEGIN != 8
#error "POP loads the first word of the frame, RET the second"
#endif

#define SYS_CLONE 56
#define SYS_EXIT  60

    .text

/* rv_thread_clone(rdi flags, rsi frame, rdx alive): rax the id or -errno. */
    .globl  rv_thread_clone
    .hidden rv_thread_clone
    .type   rv_thread_clone, @function
rv_thread_clone:
    .cfi_startproc
    endbr64
    push    %rdi
    .cfi_adjust_cfa_offset 8
    mov     %rdx, %r10          /* CLEARTID: the same word as SETTID */
    mov     $SYS_CLONE, %eax
    syscall
    pop     %rdi
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size   rv_thread_clone, . - rv_thread_clone

/* At entry rdi is the pointer to the arguments, and rsp is frame +
 * RV_THREAD_FRAME_MAIN, a multiple of 16. So main begins with rsp % 16 == 8, as
 * after a call from C. Unwinders stop here: the return address is undefined. */
    .globl  rv_thread_begin
    .hidden rv_thread_begin
    .type   rv_thread_begin, @function
rv_thread_begin:
    .cfi_startproc
    .cfi_undefined rip
    endbr64
    xor     %ebp, %ebp
    call    *(%rsp)
    xor     %edi, %edi
    mov     $SYS_EXIT, %eax     /* this thread only; CLEARTID wakes join */
    syscall
    ud2
    .cfi_endproc
    .size   rv_thread_begin, . - rv_thread_begin
#endif

    .section .note.GNU-stack, "", @progbits
