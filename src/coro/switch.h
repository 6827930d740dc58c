/* SPDX-License-Identifier: MIT */
/*
 * switch.h - leave one stack and go on with another.
 *
 * A stack that is not running is one address: where its last frame begins. The
 * frame has all that the C calling convention says a function keeps:
 *
 *     high addresses                x86-64                aarch64
 *     +-----------------------+
 *     | frames of the caller  |
 *     +-----------------------+
 *     | where to go on        |     rip                   x30
 *     | frame pointer         |     rbp                   x29
 *     | other registers       |     rbx r15 r14 r13 r12   x28..x19 d15..d8
 *     | floating-point control|     x87 word, mxcsr       fpcr
 *     +-----------------------+ <-- the address, a multiple of 16
 *     low addresses
 *
 * switch_x86_64.S and switch_aarch64.S are the assembly, and switch_ucontext.c
 * is for all others. This header is read by both languages.
 */
#ifndef RV_CORO_SWITCH_H
#define RV_CORO_SWITCH_H

/* Each of these files is empty where another one is used. */
#if !defined(__x86_64__) && !defined(__aarch64__) && !defined(RV_CORO_UCONTEXT)
#define RV_CORO_UCONTEXT
#endif

/* clang-format off */
#if defined(RV_CORO_UCONTEXT)
/* the frame is a struct of switch_ucontext.c */
#elif defined(__x86_64__)
#define RV_FRAME_MXCSR 0
#define RV_FRAME_X87   4
#define RV_FRAME_R12   8
#define RV_FRAME_R13   16
#define RV_FRAME_RIP   56
#define RV_FRAME_BYTES 64
#elif defined(__aarch64__)
#define RV_FRAME_FPCR  0
#define RV_FRAME_D8    16
#define RV_FRAME_X19   80
#define RV_FRAME_X20   88
#define RV_FRAME_X29   160
#define RV_FRAME_X30   168
#define RV_FRAME_BYTES 176
#endif
/* clang-format on */

#ifndef __ASSEMBLER__

#include <stdbool.h>

/*
 * Onto a coroutine's stack, at `to`, and back from it. Each saves the address
 * of this stack in *save, and goes on with the other one; there, the call that
 * saved it returns `value`. The first frame of a stack ends with `true`.
 *
 * They return with an indirect jump, not with `ret`: the processor predicts
 * returns by the calls before them, and these were made on the other stack.
 * Each should be the last call of its caller, so that no other `ret` of the
 * library is mispredicted either.
 */
bool rv_switch_in(void **save, void *to, int value);
int rv_switch_out(void **save, void *to, bool value);

/* The second, and then(arg) is called over there before that call returns. */
int rv_switch_out_then(void **save, void *to, bool value,
                       void (*then)(void *arg), void *arg);

/*
 * Make the first frame on a stack: the first switch to it calls main(arg).
 * What that returns is the stack to go on with, for ever, like
 * rv_switch_out(, , true). This is a true `ret`: if main() did not switch in
 * between, it is predicted.
 *
 * low, top: the ends of the stack; top is a multiple of 16.
 * Returns: the address to switch to.
 */
void *rv_switch_prepare(char *low, char *top, void *(*main)(void *arg),
                        void *arg);

#endif /* __ASSEMBLER__ */

#endif /* RV_CORO_SWITCH_H */
