/* SPDX-License-Identifier: MIT */
/*
 * pipe_thread_loop.h - the loop of a pipe thread, for both kinds of threads.
 *
 * Threads: the pipe thread's. Freestanding, because bare.c includes it.
 */
#ifndef RV_PIPE_THREAD_LOOP_H
#define RV_PIPE_THREAD_LOOP_H

#include "thread/thread_internal.h"

/* Read the next packet. Returns: false: there are no more (PIPE_THREAD-5), or
 * the pipe is broken. */
static inline bool rv_pipe_thread_next(const struct rv_pipe_thread_args *args,
                                       const struct rv_pipe_thread_io *io,
                                       struct rv_packet *packet)
{
    /* No EINTR: all signals are blocked. */
    return io->read(args->jobs_fd, packet, sizeof *packet) ==
               (long)sizeof *packet &&
           packet->callable;
}

/* Run jobs until there are no more, then close both ends. */
static inline void rv_pipe_thread_loop(const struct rv_pipe_thread_args *args,
                                       const struct rv_pipe_thread_io *io)
{
    struct rv_packet packet;
    bool heard = true;

    while (rv_pipe_thread_next(args, io, &packet)) {
        char ran;

        if (!heard)
            continue; /* PIPE_THREAD-7: the owner has given it up */
        /* PIPE_THREAD-4: no access to the callable after the write. */
        ran = rv_callable_take(packet.callable);
        if (ran)
            io->run(packet.callable);
        heard = io->write(args->done_fd, &ran, sizeof ran) == sizeof ran;
    }
    io->close(args->jobs_fd);
    io->close(args->done_fd);
}

#endif /* RV_PIPE_THREAD_LOOP_H */
