/* SPDX-License-Identifier: MIT */
/*
 * switch_aarch64.S - the switch for aarch64; switch.h has a drawing of the
 * frame.
 *
 * The frame has the same layout before and after the exchange of sp, so the
 * unwind information is valid for both stacks. There is no `bti`: this file is
 * not marked as ready for branch target identification.
 */
#include "coro/switch.h"

#if defined(__aarch64__) && !defined(RV_CORO_UCONTEXT)

/* Save a frame below sp, *x0 = sp, sp = x1. */
.macro exchange
        sub     sp, sp, #RV_FRAME_BYTES
        .cfi_def_cfa_offset RV_FRAME_BYTES
        stp     d8, d9, [sp, #RV_FRAME_D8]
        stp     d10, d11, [sp, #RV_FRAME_D8 + 16]
        stp     d12, d13, [sp, #RV_FRAME_D8 + 32]
        stp     d14, d15, [sp, #RV_FRAME_D8 + 48]
        stp     x19, x20, [sp, #RV_FRAME_X19]
        .cfi_rel_offset x19, RV_FRAME_X19
        .cfi_rel_offset x20, RV_FRAME_X20
        stp     x21, x22, [sp, #RV_FRAME_X19 + 16]
        .cfi_rel_offset x21, RV_FRAME_X19 + 16
        .cfi_rel_offset x22, RV_FRAME_X19 + 24
        stp     x23, x24, [sp, #RV_FRAME_X19 + 32]
        .cfi_rel_offset x23, RV_FRAME_X19 + 32
        .cfi_rel_offset x24, RV_FRAME_X19 + 40
        stp     x25, x26, [sp, #RV_FRAME_X19 + 48]
        .cfi_rel_offset x25, RV_FRAME_X19 + 48
        .cfi_rel_offset x26, RV_FRAME_X19 + 56
        stp     x27, x28, [sp, #RV_FRAME_X19 + 64]
        .cfi_rel_offset x27, RV_FRAME_X19 + 64
        .cfi_rel_offset x28, RV_FRAME_X19 + 72
        stp     x29, x30, [sp, #RV_FRAME_X29]
        .cfi_rel_offset x29, RV_FRAME_X29
        .cfi_rel_offset x30, RV_FRAME_X30
        mrs     x9, fpcr
        str     x9, [sp, #RV_FRAME_FPCR]
        mov     x10, sp
        str     x10, [x0]
        mov     sp, x1
        /* Writing fpcr is slow, and its value is nearly always the same. */
        ldr     x10, [sp, #RV_FRAME_FPCR]
        cmp     x9, x10
        b.eq    9f
        msr     fpcr, x10
9:
.endm

/* Restore the frame at sp. w2: the value. */
.macro resume
        ldp     d8, d9, [sp, #RV_FRAME_D8]
        ldp     d10, d11, [sp, #RV_FRAME_D8 + 16]
        ldp     d12, d13, [sp, #RV_FRAME_D8 + 32]
        ldp     d14, d15, [sp, #RV_FRAME_D8 + 48]
        ldp     x19, x20, [sp, #RV_FRAME_X19]
        ldp     x21, x22, [sp, #RV_FRAME_X19 + 16]
        ldp     x23, x24, [sp, #RV_FRAME_X19 + 32]
        ldp     x25, x26, [sp, #RV_FRAME_X19 + 48]
        ldp     x27, x28, [sp, #RV_FRAME_X19 + 64]
        ldp     x29, x30, [sp, #RV_FRAME_X29]
        .cfi_restore x19
        .cfi_restore x20
        .cfi_restore x21
        .cfi_restore x22
        .cfi_restore x23
        .cfi_restore x24
        .cfi_restore x25
        .cfi_restore x26
        .cfi_restore x27
        .cfi_restore x28
        .cfi_restore x29
        .cfi_restore x30
        add     sp, sp, #RV_FRAME_BYTES
        .cfi_def_cfa_offset 0
        mov     w0, w2
.endm

        .text

/*
 * bool rv_switch_in(void **save, void *to, int value)
 * int rv_switch_out(void **save, void *to, bool value)
 */
        .globl  rv_switch_in
        .hidden rv_switch_in
        .type   rv_switch_in, %function
        .globl  rv_switch_out
        .hidden rv_switch_out
        .type   rv_switch_out, %function
        .p2align 4
rv_switch_in:
rv_switch_out:
        .cfi_startproc
        exchange
        resume
        br      x30     /* not `ret`: see switch.h */
        .cfi_endproc
        .size   rv_switch_in, . - rv_switch_in
        .size   rv_switch_out, . - rv_switch_out

/*
 * int rv_switch_out_then(void **save, void *to, bool value,
 *                        void (*then)(void *), void *arg)
 */
        .globl  rv_switch_out_then
        .hidden rv_switch_out_then
        .type   rv_switch_out_then, %function
        .p2align 4
rv_switch_out_then:
        .cfi_startproc
        exchange
        mov     w19, w2         /* saved in the frame: free until resume */
        mov     x0, x4
        blr     x3
        mov     w2, w19
        resume
        br      x30     /* not `ret`: see switch.h */
        .cfi_endproc
        .size   rv_switch_out_then, . - rv_switch_out_then

/*
 * The x30 of the first frame. It calls x20(x19), and then leaves for the stack
 * that x20 returns. It has no caller, so a backtrace ends here. A debugger
 * looks up a return address minus one byte; the nop is for that byte.
 */
        .globl  rv_switch_begin
        .hidden rv_switch_begin
        .type   rv_switch_bottom, %function
        .p2align 4
rv_switch_bottom:
        .cfi_startproc
        .cfi_undefined x30
        nop
rv_switch_begin:
        mov     x29, xzr
        mov     x30, xzr
        mov     x0, x19
        blr     x20
        mov     sp, x0
        ldr     x10, [sp, #RV_FRAME_FPCR]
        msr     fpcr, x10
        mov     w2, #1
        .cfi_def_cfa sp, RV_FRAME_BYTES
        .cfi_offset x30, RV_FRAME_X30 - RV_FRAME_BYTES
        .cfi_offset x29, RV_FRAME_X29 - RV_FRAME_BYTES
        resume
        ret
        .cfi_endproc
        .size   rv_switch_bottom, . - rv_switch_bottom

#endif

        .section .note.GNU-stack, "", %progbits
