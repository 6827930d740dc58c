/* SPDX-License-Identifier: MIT */
/*
 * waker.c - the handle that brings a task back into its ready queue.
 *
 * Threads: any. A waker holds a reference on its queue, so it may be woken or
 * dropped after the executor is gone.
 */
#include <reveil/waker.h>
#include <stddef.h>

#include "waker/stats.h"
#include "waker/wake_batch.h"

struct rv_waker rv_waker_clone(const struct rv_waker *waker)
{
    if (waker->queue) {
        rv_ready_share(waker->queue, waker->id);
        rv_ready_get(waker->queue);
        if (rv_trace_is_on())
            rv_stats_hold(waker->queue, waker->id, 1);
    }
    return *waker;
}

void rv_waker_wake(const struct rv_waker *waker)
{
    rv_ready_wake(waker);
}

void rv_waker_drop(struct rv_waker *waker)
{
    if (waker->queue) {
        if (rv_trace_is_on())
            rv_stats_hold(waker->queue, waker->id, -1);
        rv_ready_put(waker->queue);
    }
    *waker = (struct rv_waker){0};
}

void rv_waker_wake_and_drop(struct rv_waker *waker)
{
    rv_ready_wake(waker);
    rv_waker_drop(waker);
}

void rv_waker_displaced(const struct rv_waker *earlier,
                        const struct rv_waker *now)
{
    struct rv_ready *queue = now->queue;

    /* Only the owner of a queue may look at its tasks. */
    if (queue == earlier->queue && queue == rv_ready_current() &&
        queue->displaced)
        queue->displaced(queue, earlier->id, now->id);
}

bool rv_wake_batch_add(struct rv_wake_batch *batch, struct rv_waker *waker)
{
    if (waker->queue)
        batch->wakers[batch->len++] = rv_waker_take(waker);
    return batch->len == RV_WAKE_BATCH;
}

/* How many wakers from `first` on are for the same queue. */
static uint32_t run_length(const struct rv_wake_batch *batch, uint32_t first)
{
    uint32_t end = first + 1;

    while (end < batch->len &&
           batch->wakers[end].queue == batch->wakers[first].queue)
        end++;
    return end - first;
}

bool rv_wake_batch_deliver(struct rv_wake_batch *batch)
{
    bool slept = false;
    uint32_t len;

    for (uint32_t i = 0; i < batch->len; i += len) {
        struct rv_ready *queue = batch->wakers[i].queue;

        len = run_length(batch, i);
        if (queue == rv_ready_current())
            for (uint32_t k = i; k < i + len; k++)
                rv_ready_push(queue, batch->wakers[k].id);
        else
            slept |= rv_ready_push_all(queue, &batch->wakers[i], len);
    }
    for (uint32_t i = 0; i < batch->len; i++)
        rv_waker_drop(&batch->wakers[i]);
    batch->len = 0;
    return slept;
}
