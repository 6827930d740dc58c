/* SPDX-License-Identifier: MIT */
/*
 * switch_x86_64.S - the switch for x86-64; switch.h has a drawing of the frame.
 *
 * Before and after the exchange of rsp the frame looks the same, so the unwind
 * information holds for both stacks.
 *
 * No endbr64: this file does not say that it is ready for control-flow
 * enforcement, and so the linker marks no program that contains it as ready.
 * A shadow stack would have to be switched too, and the jump below would need
 * an endbr64 behind each call.
 */
#include "coro/switch.h"

#define STATUS_BITS 0x3f /* of mxcsr: what happened, not how to compute */

/* Save into the frame at rsp, *rdi = rsp, rsp = rsi. */
.macro exchange
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r15, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r14, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r13, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r12, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr RV_FRAME_MXCSR(%rsp)
        fnstcw  RV_FRAME_X87(%rsp)
        movl    RV_FRAME_MXCSR(%rsp), %eax
        movzwl  RV_FRAME_X87(%rsp), %r9d
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        /* Loading the control words is slow, and they are nearly always the
         * same on both stacks. */
        xorl    RV_FRAME_MXCSR(%rsp), %eax
        testl   $~STATUS_BITS, %eax
        jne     8f
        cmpw    %r9w, RV_FRAME_X87(%rsp)
        jne     8f
9:
.endm

/* Take up the frame at rsp and go on there. dl: the value. */
.macro resume
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore r12
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore r13
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore r14
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore r15
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbp
        movl    %edx, %eax
        popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register rip, rcx
        jmpq    *%rcx
.endm

/* Out of the way: the control words differ. */
.macro load_control_words
8:
        ldmxcsr RV_FRAME_MXCSR(%rsp)
        fldcw   RV_FRAME_X87(%rsp)
        jmp     9b
.endm

        .text

/* bool rv_switch(void **save, void *to, bool value) */
        .globl  rv_switch
        .hidden rv_switch
        .type   rv_switch, @function
        .p2align 4
rv_switch:
        .cfi_startproc
        exchange
        .cfi_remember_state
        resume
        .cfi_restore_state
        load_control_words
        .cfi_endproc
        .size   rv_switch, . - rv_switch

/*
 * bool rv_switch_then(void **save, void *to, bool value,
 *                     void (*then)(void *), void *arg)
 */
        .globl  rv_switch_then
        .hidden rv_switch_then
        .type   rv_switch_then, @function
        .p2align 4
rv_switch_then:
        .cfi_startproc
        exchange
        movl    %edx, %ebx      /* saved in the frame: free until resume */
        movq    %r8, %rdi
        callq   *%rcx
        movl    %ebx, %edx
        .cfi_remember_state
        resume
        .cfi_restore_state
        load_control_words
        .cfi_endproc
        .size   rv_switch_then, . - rv_switch_then

/* The first frame's rip: r13(r12). Nobody called it: a backtrace ends here. */
        .globl  rv_switch_begin
        .hidden rv_switch_begin
        .type   rv_switch_begin, @function
        .p2align 4
rv_switch_begin:
        .cfi_startproc
        .cfi_undefined rip
        xorl    %ebp, %ebp
        movq    %r12, %rdi
        callq   *%r13
        ud2
        .cfi_endproc
        .size   rv_switch_begin, . - rv_switch_begin

        .section .note.GNU-stack, "", @progbits
