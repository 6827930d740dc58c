/* SPDX-License-Identifier: MIT */
/*
 * serve.h - a worker's loop, the same for both kinds of threads.
 *
 * Threads: the worker's. Freestanding: included in bare.c too.
 */
#ifndef RV_THREAD_SERVE_H
#define RV_THREAD_SERVE_H

#include "thread/thread_internal.h"

/* The next packet, whole. Returns: false when there will be none (W5), or when
 * the pipe is broken, which does not go away. */
static inline bool rv_serve_next(const struct rv_worker_args *args,
                                 const struct rv_worker_io *io,
                                 struct rv_packet *packet)
{
    /* A signal cannot interrupt it: all are blocked. */
    return io->read(args->jobs_fd, packet, sizeof *packet) ==
               (long)sizeof *packet &&
           packet->callable;
}

/* Run what comes until there is no more, then close both ends. */
static inline void rv_serve(const struct rv_worker_args *args,
                            const struct rv_worker_io *io)
{
    struct rv_packet packet;

    while (rv_serve_next(args, io, &packet)) {
        /* W4: not to be touched after the byte was written. */
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
