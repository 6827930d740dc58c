/* SPDX-License-Identifier: MIT */
/*
 * process_output.c - run a program to its end, and collect what it writes.
 *
 * Threads: those of the coroutine.
 */
#include <errno.h>
#include <fcntl.h>
#include <reveil/fd.h>
#include <reveil/process.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base_internal.h"

static ssize_t read_some(int fd, void *buffer, size_t len_bytes)
{
    uint32_t tries = 0;
    ssize_t n;

    do {
        n = read(fd, buffer, len_bytes);
    } while (n < 0 && rv_interrupted(&tries));
    return n < 0 ? -errno : n;
}

/* Read to the end of the pipe. Returns: 0; -EMSGSIZE, -ETIMEDOUT, -ECANCELED.
 */
static int collect(struct rv_fd_watch *watch, int fd, char *buffer,
                   size_t len_bytes, size_t *got_bytes, int64_t deadline_ns)
{
    for (;;) {
        const int error = rv_fd_readable(watch, deadline_ns);
        const bool is_full = *got_bytes == len_bytes;
        char beyond;
        ssize_t n;

        if (error)
            return error;
        n = read_some(fd, is_full ? &beyond : buffer + *got_bytes,
                      is_full ? 1 : len_bytes - *got_bytes);
        if (n == -EAGAIN)
            continue;
        if (n <= 0)
            return (int)n;
        if (is_full)
            return -EMSGSIZE;
        *got_bytes += (size_t)n;
    }
}

/* A canceled coroutine cannot await the end of the child, but SIGKILL ends it
 * at once: this blocks only briefly. The number of the group belongs to the
 * child until it is reaped. */
static void kill_and_reap(const struct rv_process *child, bool with_group)
{
    const id_t id = (id_t)(child->fd_plus_1 - 1);
    uint32_t tries = 0;
    siginfo_t info;

    if (with_group)
        kill(-child->pid, SIGKILL);
    rv_process_kill(child, SIGKILL);
    while (waitid(P_PIDFD, id, &info, WEXITED) < 0 && rv_interrupted(&tries))
        ;
}

static int collect_and_wait(struct rv_process *child, int fd, void *buffer,
                            size_t len_bytes, size_t *got_bytes, int *status,
                            bool with_group, int64_t deadline_ns)
{
    struct rv_fd_watch watch;
    int exit_code;
    int number;
    int error = rv_fd_watch_open(&watch, fd);

    if (!error)
        error = collect(&watch, fd, buffer, len_bytes, got_bytes, deadline_ns);
    rv_fd_watch_close(&watch);
    if (!error)
        error = rv_process_wait(child, &exit_code, &number, deadline_ns);
    if (error)
        kill_and_reap(child, with_group && error != -ECHILD);
    else if (status)
        *status = number ? -number : exit_code;
    return error;
}

int rv_process_output(char *const argv[],
                      const struct rv_process_options *options, void *buffer,
                      size_t len_bytes, size_t *got_bytes, int *status,
                      int64_t deadline_ns)
{
    struct rv_process_options chosen = {.files.in = RV_PROCESS_NULL};
    struct rv_process child;
    int fds[2];
    int error = rv_fds_above_stdio(fds, pipe2(fds, O_CLOEXEC));

    *got_bytes = 0;
    if (error)
        return error;
    if (options)
        chosen = *options;
    chosen.files.out = fds[1];
    if (chosen.files.err == STDOUT_FILENO)
        chosen.files.err = fds[1];
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) /* not the child's end */
        error = -errno;
    if (!error)
        error = rv_process_spawn_with(&child, argv, &chosen);
    close(fds[1]);
    if (!error) {
        error = collect_and_wait(&child, fds[0], buffer, len_bytes, got_bytes,
                                 status, chosen.new_group || chosen.new_session,
                                 deadline_ns);
        rv_process_close(&child);
    }
    close(fds[0]);
    return error;
}
