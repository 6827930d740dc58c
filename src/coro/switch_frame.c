/* SPDX-License-Identifier: MIT */
/* switch_frame.c - the first frame of a stack, in the format of the assembly.
 */
#include "coro/switch.h"

#include <stddef.h>
#include <stdint.h>

#ifndef RV_CORO_UCONTEXT

/* In assembly: calls the function whose address is in the frame. */
void rv_switch_begin(void);

#if defined(__x86_64__)

struct frame {
    uint32_t mxcsr;
    uint16_t x87;
    uint16_t unused;
    void *r12; /* rv_switch_begin(): the argument */
    void *(*r13)(void *arg);
    uint64_t r14;
    uint64_t r15;
    uint64_t rbx;
    uint64_t rbp;
    void (*rip)(void);
};

_Static_assert(offsetof(struct frame, mxcsr) == RV_FRAME_MXCSR, "mxcsr");
_Static_assert(offsetof(struct frame, x87) == RV_FRAME_X87, "x87");
_Static_assert(offsetof(struct frame, r12) == RV_FRAME_R12, "r12");
_Static_assert(offsetof(struct frame, r13) == RV_FRAME_R13, "r13");
_Static_assert(offsetof(struct frame, rip) == RV_FRAME_RIP, "rip");

static void fill(struct frame *frame, void *(*main)(void *arg), void *arg)
{
    __asm__ volatile("stmxcsr %0" : "=m"(frame->mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(frame->x87));
    frame->r12 = arg;
    frame->r13 = main;
    frame->rbp = 0;
    frame->rip = rv_switch_begin;
}

#elif defined(__aarch64__)

struct frame {
    uint64_t fpcr;
    uint64_t unused;
    uint64_t d8_to_d15[8];
    void *x19; /* rv_switch_begin(): the argument */
    void *(*x20)(void *arg);
    uint64_t x21_to_x28[8];
    uint64_t x29;
    void (*x30)(void);
};

_Static_assert(offsetof(struct frame, fpcr) == RV_FRAME_FPCR, "fpcr");
_Static_assert(offsetof(struct frame, d8_to_d15) == RV_FRAME_D8, "d8");
_Static_assert(offsetof(struct frame, x19) == RV_FRAME_X19, "x19");
_Static_assert(offsetof(struct frame, x20) == RV_FRAME_X20, "x20");
_Static_assert(offsetof(struct frame, x29) == RV_FRAME_X29, "x29");
_Static_assert(offsetof(struct frame, x30) == RV_FRAME_X30, "x30");

static void fill(struct frame *frame, void *(*main)(void *arg), void *arg)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(frame->fpcr));
    frame->x19 = arg;
    frame->x20 = main;
    frame->x29 = 0;
    frame->x30 = rv_switch_begin;
}

#endif

_Static_assert(sizeof(struct frame) == RV_FRAME_BYTES, "the frame's size");
_Static_assert(RV_FRAME_BYTES % 16 == 0, "the stack stays aligned");

void *rv_switch_prepare(char *low, char *top, void *(*main)(void *arg),
                        void *arg)
{
    struct frame *frame = (struct frame *)(void *)(top - RV_FRAME_BYTES);

    (void)low;
    fill(frame, main, arg);
    return frame;
}

#endif /* RV_CORO_UCONTEXT */
