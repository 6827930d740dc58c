/* SPDX-License-Identifier: MIT */
/*
 * switch_ucontext.c - the switch without assembly, by the C library.
 *
 * It works on every machine with swapcontext(). Each switch also saves and
 * restores the signal mask, which takes a system call.
 */
#include "coro/switch.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

#ifdef RV_CORO_UCONTEXT

/* A suspended stack. The struct is on that stack. */
struct frame {
    ucontext_t context;
    /* Set by the caller that switches to it; `then` may be NULL. */
    void (*then)(void *arg);
    void *then_arg;
    int value;
    /* Only in the first frame of a stack. */
    void *(*main)(void *arg);
    void *main_arg;
};

static int switch_to(void **save, struct frame *to)
{
    struct frame self;

    *save = &self;
    if (swapcontext(&self.context, &to->context) < 0)
        abort();
    if (self.then)
        self.then(self.then_arg);
    return self.value;
}

bool rv_switch_in(void **save, void *to, int value)
{
    struct frame *other = to;

    other->value = value;
    other->then = NULL;
    return switch_to(save, other);
}

int rv_switch_out_then(void **save, void *to, bool value,
                       void (*then)(void *arg), void *arg)
{
    struct frame *other = to;

    other->value = value;
    other->then = then;
    other->then_arg = arg;
    return switch_to(save, other);
}

int rv_switch_out(void **save, void *to, bool value)
{
    return rv_switch_out_then(save, to, value, NULL, NULL);
}

/* makecontext() passes only ints. */
static void begin(unsigned high, unsigned low)
{
    const struct frame *frame =
        (void *)(uintptr_t)((uint64_t)high << 32 | (uint64_t)low);
    struct frame *other = frame->main(frame->main_arg);

    other->value = true;
    other->then = NULL;
    setcontext(&other->context);
    abort();
}

void *rv_switch_prepare(char *low, char *top, void *(*main)(void *arg),
                        void *arg)
{
    struct frame *frame =
        (void *)(((uintptr_t)top - sizeof *frame) & ~(uintptr_t)63);
    const uint64_t address = (uintptr_t)frame;

    if (getcontext(&frame->context) < 0)
        abort();
    frame->main = main;
    frame->main_arg = arg;
    frame->context.uc_link = NULL;
    frame->context.uc_stack.ss_sp = low;
    frame->context.uc_stack.ss_size = (size_t)((char *)frame - low);
    makecontext(&frame->context, (void (*)(void))begin, 2,
                (unsigned)(address >> 32), (unsigned)address);
    return frame;
}

#endif /* RV_CORO_UCONTEXT */
