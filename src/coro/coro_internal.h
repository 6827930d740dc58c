/* SPDX-License-Identifier: MIT */
/*
 * coro_internal.h - what the files of the coroutine part share.
 */
#ifndef RV_CORO_INTERNAL_H
#define RV_CORO_INTERNAL_H

#include <reveil/coro.h>

#include "base/base_internal.h"
#include "base/frames.h"
#include "coro/annotate.h"
#include "coro/stack.h"
#include "coro/switch.h"

/*
 * SUSPENDED: The coroutine was not started or has suspended. `sp` is valid, and
 * a thread may resume or free it.
 *
 * RUNNING: It runs, or has resumed another coroutine and waits for that one to
 * suspend. `resumer` and `resumer_sp` are valid.
 *
 * FINISHED: Its entry function has returned, and `result` is valid. It can only
 * be freed.
 */
enum rv_coro_state { RV_CORO_SUSPENDED, RV_CORO_RUNNING, RV_CORO_FINISHED };

/*
 *     low addresses                                     high addresses
 *     +-------+----------------------+---------+-------+----------+
 *     | guard |         <---- frames | rv_coro | data  | rv_stack |
 *     +-------+----------------------+---------+-------+----------+
 */
struct rv_coro {
    _Alignas(16) struct rv_frames frames; /* first: rv_frames_running */

    /* Private to the thread that resumes it. */
    void *sp;                /* of this stack, while it is suspended */
    void *resumer_sp;        /* of the resumer's stack, while it runs */
    struct rv_coro *resumer; /* the coroutine that resumed it, or NULL */
    enum rv_coro_state state;
    bool noted;     /* it has an error of rv_coro_note(), and has not gone on */
    int32_t result; /* valid when finished */

    /* Constant. */
    struct rv_stack *stack;
    const struct rv_coro_host *host;
    rv_coro_entry entry;
    void *arg;
    void *data; /* the host's */
    char name[RV_NAME_BYTES];

#ifdef RV_CORO_SANITIZED /* see fiber.h */
    void (*then)(void *arg);
    void *then_arg;
    const void *resumer_low;
    size_t resumer_bytes;
    void *fiber;
    void *resumer_fiber;
#endif
};

/* The scope has got a task. If the scope is on the stack of the calling
 * coroutine, that must not end before the scope. */
void rv_scope_count(struct rv_scope *scope);

/* The coroutine has ended, or is freed, with something in its frames that is
 * still used. Returns if it was given back, or only leaks. */
void rv_coro_end_used(struct rv_coro *coro);

#endif /* RV_CORO_INTERNAL_H */
