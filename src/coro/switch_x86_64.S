/* SPDX-License-Identifier: MIT */
/*
 * switch_x86_64.S - the switch for x86-64; switch.h has a drawing of the frame.
 *
 * The frame has the same layout before and after the exchange of rsp, so the
 * unwind information is valid for both stacks.
 *
 * There is no endbr64. This file is not marked as ready for control-flow
 * enforcement, so the linker does not mark any program with it as ready. To
 * support it, the shadow stack would have to be switched too, and an endbr64
 * would have to follow each call for the jump below.
 */
#include "coro/switch.h"

#if defined(__x86_64__) && !defined(RV_CORO_UCONTEXT)

/* Save a frame at rsp, *rdi = rsp, rsp = rsi. */
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
        /* stmxcsr is half the cost of a switch, and its result has a long
         * latency, so a comparison would cost more than it saves. The x87
         * control word is cheap to read and slow to load. */
        stmxcsr RV_FRAME_MXCSR(%rsp)
        fnstcw  RV_FRAME_X87(%rsp)
        movzwl  RV_FRAME_X87(%rsp), %r9d
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        ldmxcsr RV_FRAME_MXCSR(%rsp)
        cmpw    %r9w, RV_FRAME_X87(%rsp)
        jne     8f
9:
.endm

/* Restore the frame at rsp, except where to continue. edx: the value. */
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
.endm

.macro go_on
        popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register rip, rcx
        jmpq    *%rcx
.endm

/* The rare case, out of line: the x87 control words differ. */
.macro load_x87
8:
        fldcw   RV_FRAME_X87(%rsp)
        jmp     9b
.endm

        .text

/*
 * bool rv_switch_in(void **save, void *to, int value)
 * int rv_switch_out(void **save, void *to, bool value)
 */
        .globl  rv_switch_in
        .hidden rv_switch_in
        .type   rv_switch_in, @function
        .globl  rv_switch_out
        .hidden rv_switch_out
        .type   rv_switch_out, @function
        .p2align 4
rv_switch_in:
rv_switch_out:
        .cfi_startproc
        exchange
        .cfi_remember_state
        resume
        go_on
        .cfi_restore_state
        load_x87
        .cfi_endproc
        .size   rv_switch_in, . - rv_switch_in
        .size   rv_switch_out, . - rv_switch_out

/*
 * int rv_switch_out_then(void **save, void *to, bool value,
 *                        void (*then)(void *), void *arg)
 */
        .globl  rv_switch_out_then
        .hidden rv_switch_out_then
        .type   rv_switch_out_then, @function
        .p2align 4
rv_switch_out_then:
        .cfi_startproc
        exchange
        movl    %edx, %ebx      /* saved in the frame: free until resume */
        movq    %r8, %rdi
        callq   *%rcx
        movl    %ebx, %edx
        .cfi_remember_state
        resume
        go_on
        .cfi_restore_state
        load_x87
        .cfi_endproc
        .size   rv_switch_out_then, . - rv_switch_out_then

/*
 * The rip of the first frame. It calls r13(r12), and then leaves for the stack
 * that r13 returns. It has no caller, so a backtrace ends here. A debugger
 * looks up a return address minus one byte; the nop is for that byte.
 */
        .globl  rv_switch_begin
        .hidden rv_switch_begin
        .type   rv_switch_bottom, @function
        .p2align 4
rv_switch_bottom:
        .cfi_startproc
        .cfi_undefined rip
        nop
rv_switch_begin:
        xorl    %ebp, %ebp
        movq    %r12, %rdi
        callq   *%r13
        movq    %rax, %rsp
        .cfi_def_cfa rsp, RV_FRAME_BYTES
        .cfi_offset rip, -8
        .cfi_offset rbp, -16
        .cfi_offset rbx, -24
        .cfi_offset r15, -32
        .cfi_offset r14, -40
        .cfi_offset r13, -48
        .cfi_offset r12, -56
        ldmxcsr RV_FRAME_MXCSR(%rsp)
        fldcw   RV_FRAME_X87(%rsp)
        movl    $1, %edx
        resume
        ret
        .cfi_endproc
        .size   rv_switch_bottom, . - rv_switch_bottom

#endif

        .section .note.GNU-stack, "", %progbits
