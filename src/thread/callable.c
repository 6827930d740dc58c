/* SPDX-License-Identifier: MIT */
/*
 * callable.c - allocate, share and free callables.
 *
 * Threads: any; the last put frees.
 */
#include <assert.h>
#include <errno.h>
#include <reveil/base.h>
#include <reveil/callable.h>
#include <string.h>

#include "base/base_internal.h"

static_assert(sizeof(struct rv_callable) <= RV_CALLABLE_STATE_AT,
              "the state follows the header");

static size_t align_up(size_t bytes)
{
    return (bytes + RV_CALLABLE_ALIGN - 1) / RV_CALLABLE_ALIGN *
           RV_CALLABLE_ALIGN;
}

int rv_callable_new(struct rv_callable **out, const struct rv_callable_ops *ops,
                    const void *state)
{
    /* The sum of two sizes up to this cannot overflow. */
    enum { MOST_BYTES = 1 << 30 };
    struct rv_callable *callable;
    size_t result_at;

    if (ops->state_bytes > MOST_BYTES || ops->result_bytes > MOST_BYTES)
        return -ENOMEM;
    result_at = RV_CALLABLE_STATE_AT + align_up(ops->state_bytes);
    callable = rv_alloc(result_at + ops->result_bytes);
    if (!callable)
        return -ENOMEM;
    callable->call = ops->call;
    callable->ops = ops;
    callable->size_bytes = (uint32_t)(result_at + ops->result_bytes);
    callable->result_at = (uint32_t)result_at;
    atomic_init(&callable->references, 1);
    if (ops->state_bytes)
        memcpy(rv_callable_state(callable), state, ops->state_bytes);
    *out = callable;
    return 0;
}

void rv_callable_get(struct rv_callable *callable)
{
    /* relaxed: the caller has a reference, so nothing is published. */
    uint32_t before = atomic_fetch_add_explicit(&callable->references, 1,
                                                memory_order_relaxed);

    RV_CHECK(before > 0 && before < UINT32_MAX / 2, "not a live callable");
}

void rv_callable_drop_state(struct rv_callable *callable)
{
    if (callable->dropped)
        return;
    callable->dropped = true;
    if (callable->ops->drop)
        callable->ops->drop(rv_callable_state(callable));
}

void rv_callable_put(struct rv_callable *callable)
{
    /* release: the end of this holder's use; acquire: the last put, which
     * frees, comes after the others' use. They pair with each other. */
    uint32_t before = atomic_fetch_sub_explicit(&callable->references, 1,
                                                memory_order_acq_rel);

    RV_CHECK(before > 0, "a put of a callable without a reference");
    if (before > 1)
        return;
    rv_callable_drop_state(callable);
    rv_free(callable);
}
