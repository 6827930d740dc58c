/* SPDX-License-Identifier: MIT */
/* waker_internal.h - what the files of the waker part share. */
#ifndef RV_WAKER_INTERNAL_H
#define RV_WAKER_INTERNAL_H

#include <reveil/waker.h>

/* rv_ready_push() for `len` wakers of this queue: one lock, one unpark. */
void rv_ready_push_all(struct rv_ready *queue, const struct rv_waker *wakers,
                       uint32_t len);

#endif /* RV_WAKER_INTERNAL_H */
