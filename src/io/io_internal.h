/* SPDX-License-Identifier: MIT */
/* io_internal.h - how the futures of this part wait. */
#ifndef RV_IO_INTERNAL_H
#define RV_IO_INTERNAL_H

#include <reveil/net.h>
#include <reveil/reader.h>

#include "reactor/query.h"

/* The `at` of a future whose waker the io has. */
enum { RV_IO_WAITING = 1 };

/* The io has stored the waker. Returns: PENDING. */
static inline enum rv_poll rv_io_wait(struct rv_future *future,
                                      struct rv_io *io,
                                      enum rv_direction direction)
{
    const struct rv_stream *stream = rv_io_stream(io);

    if (stream)
        rv_source_waits(stream->source, direction, future);
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

/* Look for the text in the buffer of its reader. Returns: as rv_reader_line();
 * -EAGAIN: more must be read. */
int rv_reader_look(struct rv_reader_text *text);

#endif /* RV_IO_INTERNAL_H */
