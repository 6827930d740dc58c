/* SPDX-License-Identifier: MIT */
/* channel_glib.c - channel.c with GLib: its GAsyncQueue, of pointers. */
#include <glib.h>

#include "../bench.h"
#include "../cross.h"

/* NULL cannot be pushed: the values are one more. */
static int64_t send_one(void *queue, int64_t from, int64_t to)
{
    (void)to;
    g_async_queue_push(queue, (gpointer)(uintptr_t)(from + 1));
    return 1;
}

static int64_t receive_one(void *queue, int64_t expected)
{
    gpointer value = g_async_queue_try_pop(queue);

    if (!value)
        return 0;
    cross_check((uint64_t)(uintptr_t)value, expected + 1);
    return 1;
}

int main(int argc, char **argv)
{
    const struct cross cross = {send_one, receive_one, g_async_queue_new()};
    const int status = cross_main(&cross, bench_ops(argc, argv));

    g_async_queue_unref(cross.queue);
    return status;
}
