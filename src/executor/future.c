/* SPDX-License-Identifier: MIT */
/* future.c - what a future waits for; stop a program that polls one after its
 * end. */
#include <reveil/future.h>

#include "base/base_internal.h"

void rv_future_misuse(const struct rv_future *future)
{
    if (!future->ops)
        rv_panic("a future was polled that is not initialized", "all zero");
    rv_panic("a future was polled after its end, or awaits inside a switch",
             future->ops->name);
}

bool rv_future_describe(const struct rv_future *future, char *text,
                        size_t size_bytes)
{
    if (size_bytes > 0)
        *text = '\0';
    if (!future->ops || !future->ops->describe)
        return false;
    future->ops->describe(future, text, size_bytes);
    return true;
}
