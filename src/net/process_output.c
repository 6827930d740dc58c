/* SPDX-License-Identifier: MIT */
/*
 * process_output.c - run a program to its end, and collect what it writes.
 *
 * Threads: those of the coroutine.
 */
#include <errno.h>
#include <reveil/net.h>
#include <reveil/process.h>

#include "base/base_internal.h"

/* Read to the end of the pipe. Returns: 0; -EMSGSIZE, -ETIMEDOUT, -ECANCELED.
 */
static int collect(struct rv_stream *out, char *buffer, size_t len_bytes,
                   size_t *got_bytes, int64_t deadline_ns)
{
    for (;;) {
        const bool is_full = *got_bytes == len_bytes;
        char beyond;
        const int n =
            rv_stream_recv(out, is_full ? &beyond : buffer + *got_bytes,
                           is_full ? 1 : len_bytes - *got_bytes, deadline_ns);

        if (n <= 0)
            return n;
        if (is_full)
            return -EMSGSIZE;
        *got_bytes += (size_t)n;
    }
}

int rv_process_output(char *const argv[],
                      const struct rv_process_options *options, void *buffer,
                      size_t len_bytes, size_t *got_bytes, int *status,
                      int64_t deadline_ns)
{
    struct rv_process_options chosen = {.files.in = RV_PROCESS_NULL};
    struct rv_process child;
    struct rv_stream out;
    int exit_code;
    int number;
    int error;

    *got_bytes = 0;
    if (options)
        chosen = *options;
    if (chosen.pipe_in || chosen.pipe_out || chosen.pipe_err)
        return -EINVAL;
    chosen.pipe_out = &out;
    error = rv_process_spawn_with(&child, argv, &chosen);
    if (error)
        return error;
    error = collect(&out, buffer, len_bytes, got_bytes, deadline_ns);
    if (!error)
        error = rv_process_wait(&child, &exit_code, &number, deadline_ns);
    if (!error && status)
        *status = number ? -number : exit_code;
    /* A canceled coroutine cannot await the end of the child. After 0 the child
     * has been reaped. */
    rv_process_kill_and_close(&child);
    rv_stream_close(&out);
    return error;
}
