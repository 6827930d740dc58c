/* SPDX-License-Identifier: MIT */
/*
 * awaiter.c - two coroutines that wait for the same future.
 *
 * Threads: the executor's.
 *
 * A future has room for one waker. A second coroutine that waits for it
 * replaces the waker of the first, which would wait for ever. Each place that
 * stores a waker sees that, and asks here: so a wait costs nothing, unless the
 * task has changed. Futures that poll others by themselves are not looked into:
 * what two tasks wait for is compared, and what rv_until and the like wrap.
 */
#include "base/base_internal.h"
#include "executor/executor_internal.h"

/* A future, and those that it wraps. Returns: how many are in `all`. */
static uint32_t unwrap(struct rv_future *future, struct rv_future *all[3])
{
    struct rv_future **wrapped = (struct rv_future **)(future + 1);
    uint32_t count = 0;

    all[count++] = future;
    for (uint8_t i = 0; i < future->ops->wraps; i++)
        all[count++] = wrapped[i];
    return count;
}

/* A future that both wait for, or NULL. */
static struct rv_future *common(struct rv_future *a, struct rv_future *b)
{
    struct rv_future *in_a[3], *in_b[3];
    const uint32_t count_a = unwrap(a, in_a);
    const uint32_t count_b = unwrap(b, in_b);

    for (uint32_t i = 0; i < count_a; i++)
        for (uint32_t k = 0; k < count_b; k++)
            if (in_a[i] == in_b[k])
                return in_a[i];
    return NULL;
}

static struct rv_awaiter *awaiter_of(struct rv_ready *queue, uint64_t id)
{
    struct rv_task *task = (struct rv_task *)rv_ready_find(queue, id);

    return task && task->slot.flags & RV_TASK_AWAITS
               ? RV_CONTAINER_OF(task->future, struct rv_awaiter, future)
               : NULL;
}

void rv_task_displaced(struct rv_ready *queue, uint64_t earlier, uint64_t now)
{
    const struct rv_awaiter *first = awaiter_of(queue, earlier);
    const struct rv_awaiter *second = awaiter_of(queue, now);
    const struct rv_future *both;

    if (!first || !first->awaited || !second || !second->polled)
        return;
    both = common(first->awaited, second->polled);
    if (both)
        rv_panic("two coroutines wait for one future", both->ops->name);
}
