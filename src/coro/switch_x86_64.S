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

#if defined(__x86_64__) && !defined(RV_CORO_UCONTEXT)

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
        /* Reading mxcsr is the half of what the switch costs, and what is read
         * is not to be had at once, so that a comparison costs more than it
         * saves. The x87 word is cheap to read, and slow to load. */
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

/* Take up all of the frame at rsp but where to go on. edx: the value. */
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

/* Out of the way: the words differ. */
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
 * The first frame's rip: r13(r12), then for ever to the stack that it returns.
 * Nobody called it: a backtrace ends here. A debugger looks for a caller one
 * byte before the address to which it returns, which is the nop's.
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
