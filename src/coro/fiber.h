/* SPDX-License-Identifier: MIT */
/*
 * fiber.h - switch to a coroutine's stack and back, and tell the sanitizers.
 *
 * Without a sanitizer each switch is one jump, the last action of its caller.
 * With a sanitizer, each side announces the new stack before the jump, and
 * completes the announcement after it. The function that a coroutine passes for
 * execution after the jump is then called by the resumer and not by the jump,
 * because only then does the sanitizer know the current stack.
 *
 * Threads: the one that runs the coroutine.
 */
#ifndef RV_CORO_FIBER_H
#define RV_CORO_FIBER_H

#include "coro/coro_internal.h"

#ifndef RV_CORO_SANITIZED

static inline bool fiber_switch_in(struct rv_coro *coro, int value)
{
    return rv_switch_in(&coro->resumer_sp, coro->sp, value);
}

/* The first call on a new stack. */
static inline void fiber_arrive(struct rv_coro *coro)
{
    (void)coro;
}

static inline int fiber_switch_out(struct rv_coro *coro)
{
    return rv_switch_out(&coro->sp, coro->resumer_sp, false);
}

static inline int fiber_switch_out_then(struct rv_coro *coro,
                                        void (*then)(void *arg), void *arg)
{
    return rv_switch_out_then(&coro->sp, coro->resumer_sp, false, then, arg);
}

/* The last call on a stack: only a return may follow. */
static inline void fiber_end(struct rv_coro *coro)
{
    (void)coro;
}

static inline void fiber_new(struct rv_coro *coro)
{
    (void)coro;
}

static inline void fiber_free(struct rv_coro *coro)
{
    (void)coro;
}

#else /* RV_CORO_SANITIZED */

#if !RV_ASAN
#define __sanitizer_start_switch_fiber(save, low, size_bytes) \
    ((void)(save), (void)(low), (void)(size_bytes))
#define __sanitizer_finish_switch_fiber(save, low, size_bytes) \
    ((void)(save), (void)(low), (void)(size_bytes))
#endif
#if !RV_TSAN
#define __tsan_get_current_fiber()           NULL
#define __tsan_create_fiber(flags)           NULL
#define __tsan_destroy_fiber(fiber)          ((void)(fiber))
#define __tsan_switch_to_fiber(fiber, flags) ((void)(fiber))
#endif

/* save: where ASan keeps the fake frames of this stack. NULL if the stack is
 * left for good: ASan then frees them. */
RV_CORO_UNSEEN static inline void fiber_leave(struct rv_coro *coro, void **save)
{
    __sanitizer_start_switch_fiber(save, coro->resumer_low,
                                   coro->resumer_bytes);
    __tsan_switch_to_fiber(coro->resumer_fiber, 0);
}

RV_CORO_UNSEEN static inline bool fiber_switch_in(struct rv_coro *coro,
                                                  int value)
{
    void *fake_stack = NULL;
    bool finished;

    coro->then = NULL;
    coro->resumer_fiber = __tsan_get_current_fiber();
    __sanitizer_start_switch_fiber(&fake_stack, coro->stack->low,
                                   coro->stack->size_bytes);
    __tsan_switch_to_fiber(coro->fiber, 0);
    finished = rv_switch_in(&coro->resumer_sp, coro->sp, value);
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
    if (!finished && coro->then)
        coro->then(coro->then_arg);
    return finished;
}

RV_CORO_UNSEEN static inline void fiber_arrive(struct rv_coro *coro)
{
    __sanitizer_finish_switch_fiber(NULL, &coro->resumer_low,
                                    &coro->resumer_bytes);
}

RV_CORO_UNSEEN static inline int
fiber_switch_out_then(struct rv_coro *coro, void (*then)(void *arg), void *arg)
{
    void *fake_stack = NULL;
    int value;

    coro->then = then;
    coro->then_arg = arg;
    fiber_leave(coro, &fake_stack);
    value = rv_switch_out(&coro->sp, coro->resumer_sp, false);
    __sanitizer_finish_switch_fiber(fake_stack, &coro->resumer_low,
                                    &coro->resumer_bytes);
    return value;
}

RV_CORO_UNSEEN static inline int fiber_switch_out(struct rv_coro *coro)
{
    return fiber_switch_out_then(coro, NULL, NULL);
}

RV_CORO_UNSEEN static inline void fiber_end(struct rv_coro *coro)
{
    fiber_leave(coro, NULL);
}

RV_CORO_UNSEEN static inline void fiber_new(struct rv_coro *coro)
{
    coro->fiber = __tsan_create_fiber(0);
}

RV_CORO_UNSEEN static inline void fiber_free(struct rv_coro *coro)
{
    __tsan_destroy_fiber(coro->fiber);
}

#endif /* RV_CORO_SANITIZED */

#endif /* RV_CORO_FIBER_H */
