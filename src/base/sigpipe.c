/* SPDX-License-Identifier: MIT */
/*
 * sigpipe.c - write to a pipe without SIGPIPE.
 *
 * Threads: any.
 *
 * The signal of a write is sent to the thread that writes. So that thread
 * blocks it, and takes it before it is delivered.
 */
#include "base/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

bool rv_sigpipe_is_ignored(void)
{
    struct sigaction action;

    return sigaction(SIGPIPE, NULL, &action) == 0 &&
           action.sa_handler == SIG_IGN;
}

ssize_t rv_writev_without_sigpipe(int fd, const struct iovec *pieces, int count)
{
    const struct timespec at_once = {0};
    sigset_t sigpipe;
    sigset_t before;
    ssize_t n;
    int error;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    n = writev(fd, pieces, count);
    error = errno;
    if (n < 0 && error == EPIPE && !sigismember(&before, SIGPIPE))
        sigtimedwait(&sigpipe, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}
