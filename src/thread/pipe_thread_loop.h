/* SPDX-License-Identifier: MIT */
/*
 * pipe_thread_loop.h - a pipe thread's loop, the same for both kinds of
 * threads.
 *
 * Threads: the pipe thread's. Freestanding: included in bare.c too.
 */
#ifndef RV_THREAD_SERVE_H
#define RV_THREAD_SERVE_H

#include "thread/thread_internal.h"

/* The next packet, whole. Returns: false when there will be none
 * (PIPE_THREAD-5), or when the pipe is broken, which does not go away. */
static inline bool rv_pipe_thread_next(const struct rv_pipe_thread_args *args,
                                       const struct rv_pipe_thread_io *io,
                                       struct rv_packet *packet)
{
    /* A signal cannot interrupt it: all are blocked. */
    return io->read(args->jobs_fd, packet, sizeof *packet) ==
               (long)sizeof *packet &&
           packet->callable;
}

/* Run what comes until there is no more, then close both ends. */
static inline void rv_pipe_thread_loop(const struct rv_pipe_thread_args *args,
                                       const struct rv_pipe_thread_io *io)
{
    struct rv_packet packet;

    while (rv_pipe_thread_next(args, io, &packet)) {
        /* PIPE_THREAD-4: not to be touched after the byte was written. */
        char ran = rv_callable_take(packet.callable);

        if (ran)
            rv_callable_run(packet.callable);
        if (io->write(args->done_fd, &ran, sizeof ran) != sizeof ran)
            break; /* the owner has gone */
    }
    io->close(args->jobs_fd);
    io->close(args->done_fd);
}

#endif /* RV_THREAD_SERVE_H */
