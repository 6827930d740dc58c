/* SPDX-License-Identifier: MIT */
/* io_internal.h - how the futures of this part wait. */
#ifndef RV_IO_INTERNAL_H
#define RV_IO_INTERNAL_H

#include <reveil/io.h>

/* The `at` of a future whose waker the io has. */
enum { RV_IO_WAITING = 1 };

/* The io has stored the waker. Returns: PENDING. */
static inline enum rv_poll rv_io_wait(struct rv_future *future)
{
    future->at = RV_IO_WAITING;
    return RV_PENDING;
}

/* For a drop: remove the waker, if the io has it. */
static inline void rv_io_stop_waiting(const struct rv_future *future,
                                      struct rv_io *io,
                                      enum rv_direction direction)
{
    if (future->at == RV_IO_WAITING)
        rv_io_forget(io, direction);
}

/* A future's result is an int32_t. */
static inline size_t rv_io_at_most_int(size_t len_bytes)
{
    return len_bytes < INT32_MAX ? len_bytes : INT32_MAX;
}

#endif /* RV_IO_INTERNAL_H */
