/* SPDX-License-Identifier: MIT */
/*
 * signal.c - signals: a signalfd, registered with the reactor like a socket.
 *
 * Threads: the executor's. Only the signal mask of that thread is changed.
 */
#include <errno.h>
#include <reveil/signal.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "net/net_internal.h"

/* The signals of `set` that the thread does not block yet. */
static void not_blocked_yet(sigset_t *out, const sigset_t *set)
{
    sigset_t now;

    pthread_sigmask(SIG_BLOCK, NULL, &now);
    sigemptyset(out);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigismember(set, number) == 1 && !sigismember(&now, number))
            sigaddset(out, number);
}

int rv_signals_open(struct rv_signals *signals, const sigset_t *set)
{
    int fd = rv_fd_above_stdio(signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC));
    int error;

    *signals = (struct rv_signals){0};
    if (fd < 0)
        return fd;
    error = rv_net_register(fd, &signals->source);
    if (error)
        return error;
    not_blocked_yet(&signals->blocked, set);
    pthread_sigmask(SIG_BLOCK, &signals->blocked, NULL);
    signals->fd_plus_1 = fd + 1;
    return 0;
}

void rv_signals_close(struct rv_signals *signals)
{
    const sigset_t blocked = signals->blocked;

    if (!signals->fd_plus_1)
        return;
    rv_source_close(signals->source);
    close(signals->fd_plus_1 - 1);
    *signals = (struct rv_signals){0};
    pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
}

/* Read one signal. Returns: its number, -EAGAIN, other negative errno. */
static int read_signal(const struct rv_signals *signals,
                       struct signalfd_siginfo *info)
{
    uint32_t tries = 0;
    ssize_t n;

    do {
        n = read(signals->fd_plus_1 - 1, info, sizeof *info);
    } while (n < 0 && rv_interrupted(&tries));
    return n < 0 ? -errno : (int)info->ssi_signo;
}

int rv_signal_try_wait(struct rv_signals *signals)
{
    struct signalfd_siginfo info;
    uint32_t tick;
    int number;

    if (!signals->source)
        return -EBADF;
    rv_source_peek(signals->source, RV_READ, &tick);
    number = read_signal(signals, &info);
    return number == -EAGAIN ? rv_net_empty(signals->source, RV_READ, tick)
                             : number;
}

/* --- the future -------------------------------------------------------- */

/* For rv_net_poll_fetch(). */
static int fetch_signal(struct rv_future *future)
{
    struct rv_signal_wait *self =
        RV_CONTAINER_OF(future, struct rv_signal_wait, future);

    return read_signal(self->signals, &self->info);
}

static enum rv_poll wait_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_signal_wait *self =
        RV_CONTAINER_OF(future, struct rv_signal_wait, future);

    return rv_net_poll_fetch(future, cx, self->signals->source, fetch_signal);
}

static void wait_drop(struct rv_future *future)
{
    struct rv_signal_wait *self =
        RV_CONTAINER_OF(future, struct rv_signal_wait, future);

    rv_net_stop_waiting(future, self->signals->source, RV_READ);
}

void rv_signal_wait_init(struct rv_signal_wait *wait,
                         struct rv_signals *signals)
{
    static const struct rv_future_ops ops = {
        .name = "rv_signal_wait", .poll = wait_poll, .drop = wait_drop};

    rv_future_init(&wait->future, &ops);
    wait->signals = signals;
}
