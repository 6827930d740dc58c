/* SPDX-License-Identifier: MIT */
/*
 * process_pipes.c - the pipes between a program and a child that it starts.
 *
 * The two ends of a pipe are two open file descriptions. So O_NONBLOCK is set
 * on the end of the parent, and the child sees an ordinary pipe. It does not
 * get a socket: it could not open that by name (/dev/stdout), and some shells
 * take a socket at 0 for a remote login.
 *
 * Threads: the executor's.
 */
#include "net/process_pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "net/net_internal.h"

/* Make one pipe. child_reads: the child gets the end for reading. Returns: 0,
 * and *child is the child's end; negative errno: nothing is open. */
static int open_pipe(struct rv_stream *stream, int *child, bool child_reads)
{
    int fds[2];
    int error = rv_fds_above_stdio(fds, pipe2(fds, O_CLOEXEC));
    int own;

    if (error)
        return error;
    own = fds[child_reads ? 1 : 0];
    *child = fds[child_reads ? 0 : 1];
    if (fcntl(own, F_SETFL, O_NONBLOCK) < 0) {
        error = -errno;
        close(own);
    } else {
        error = rv_stream_adopt_pipe(stream, own, child_reads);
    }
    if (error) {
        close(*child);
        *child = -1;
    }
    return error;
}

int rv_pipes_open(struct rv_pipes *pipes,
                  const struct rv_process_options *options,
                  struct rv_process_files *files)
{
    int *const fields[RV_STANDARD_FDS] = {&files->in, &files->out, &files->err};
    int error = rv_reactor_current() ? 0 : -ENODEV;

    *files = options->files;
    *pipes = (struct rv_pipes){
        .childs = {-1, -1, -1},
        .ours = {options->pipe_in, options->pipe_out, options->pipe_err}};
    for (int i = 0; i < RV_STANDARD_FDS; i++)
        if (pipes->ours[i])
            *pipes->ours[i] = (struct rv_stream){0};
    for (int i = 0; i < RV_STANDARD_FDS && !error; i++) {
        if (!pipes->ours[i])
            continue;
        error = open_pipe(pipes->ours[i], &pipes->childs[i], i == STDIN_FILENO);
        *fields[i] = pipes->childs[i];
    }
    if (error)
        rv_pipes_close(pipes, true);
    else if (options->pipe_out && !options->pipe_err &&
             options->files.err == STDOUT_FILENO)
        files->err = files->out;
    return error;
}

void rv_pipes_close(const struct rv_pipes *pipes, bool failed)
{
    for (int i = 0; i < RV_STANDARD_FDS; i++) {
        if (pipes->childs[i] >= 0)
            close(pipes->childs[i]);
        if (failed && pipes->ours[i])
            rv_stream_close(pipes->ours[i]);
    }
}
