/* SPDX-License-Identifier: MIT */
/* future.c - stop a program that polls a future after its end. */
#include <reveil/future.h>

#include "base/base_internal.h"

void rv_future_misuse(const struct rv_future *future)
{
    rv_panic("a future was polled after its end, or awaits inside a switch",
             future->ops ? future->ops->name : "without a type");
}
