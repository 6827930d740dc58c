/* SPDX-License-Identifier: MIT */
/*
 * switch.h - leave one stack and continue on another one.
 *
 * A suspended stack is represented by one address: that of its last frame. The
 * frame has the registers that a function must preserve by the C calling
 * convention:
 *
 *     high addresses                x86-64                aarch64
 *     +-----------------------+
 *     | frames of the caller  |
 *     +-----------------------+
 *     | where to continue     |     rip                   x30
 *     | frame pointer         |     rbp                   x29
 *     | other registers       |     rbx r15 r14 r13 r12   x28..x19 d15..d8
 *     | floating-point control|     x87 word, mxcsr       fpcr
 *     +-----------------------+ <-- the address, a multiple of 16
 *     low addresses
 *
 * switch_x86_64.S and switch_aarch64.S have the assembly; switch_ucontext.c is
 * for all other machines. C and assembly files include this header.
 */
#ifndef RV_CORO_SWITCH_H
#define RV_CORO_SWITCH_H

/* Each of these files compiles to nothing where another one is used. */
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
 * Switch to a coroutine's stack, at `to`, and back from it. Each call saves the
 * address of the current stack in *save, and continues on the other one. There,
 * the call that saved `to` returns `value`. When the first frame of a stack
 * ends, the value is `true`.
 *
 * They return with an indirect jump and not with `ret`: the processor predicts
 * returns from earlier calls, and the matching call was made on the other
 * stack. Each should be the last call of its caller, so that no other `ret` of
 * the library is mispredicted.
 */
bool rv_switch_in(void **save, void *to, int value);
int rv_switch_out(void **save, void *to, bool value);

/* rv_switch_out(), and then(arg) is called on the other stack before the call
 * there returns. */
int rv_switch_out_then(void **save, void *to, bool value,
                       void (*then)(void *arg), void *arg);

/*
 * Make the first frame of a stack: the first switch to it calls main(arg). The
 * result of main() is the stack to continue on, as by rv_switch_out() with
 * `true`; this stack is never used again. That last switch is a `ret`, which
 * the processor predicts if main() has not switched before.
 *
 * low, top: the ends of the stack; top is a multiple of 16.
 * Returns: the address to switch to.
 */
void *rv_switch_prepare(char *low, char *top, void *(*main)(void *arg),
                        void *arg);

#endif /* __ASSEMBLER__ */

#endif /* RV_CORO_SWITCH_H */
