/* SPDX-License-Identifier: MIT */
/*
 * signal.c - a signalfd is one more source of the reactor.
 *
 * Threads: the executor's. The mask that changes is that thread's.
 */
#include <errno.h>
#include <reveil/signal.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "net/net_internal.h"

/* What of `set` the thread does not block yet. */
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

/* --- the future -------------------------------------------------------- */

/* Fetch one. Returns: its number, -EAGAIN, other negative errno. */
static int fetch(const struct rv_signals *signals,
                 struct signalfd_siginfo *info)
{
    uint32_t tries = 0;
    ssize_t n;

    do {
        n = read(signals->fd_plus_1 - 1, info, sizeof *info);
    } while (n < 0 && rv_interrupted(&tries));
    return n < 0 ? -errno : (int)info->ssi_signo;
}

static enum rv_poll wait_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_signal_wait *self =
        RV_CONTAINER_OF(future, struct rv_signal_wait, future);
    struct rv_source *source = self->signals->source;
    uint32_t tick;

    while (rv_source_ready(source, RV_READ, &cx->waker, &tick)) {
        future->result = fetch(self->signals, &self->info);
        if (future->result != -EAGAIN)
            return RV_READY;
        future->result = rv_source_clear(source, RV_READ, tick);
        if (future->result)
            return RV_READY;
    }
    future->at = 1; /* the waker was left */
    return RV_PENDING;
}

static void wait_drop(struct rv_future *future)
{
    struct rv_signal_wait *self =
        RV_CONTAINER_OF(future, struct rv_signal_wait, future);

    if (future->at == 1 && self->signals->source)
        rv_source_forget(self->signals->source, RV_READ);
}

void rv_signal_wait_init(struct rv_signal_wait *wait,
                         struct rv_signals *signals)
{
    static const struct rv_future_ops ops = {
        .name = "rv_signal_wait", .poll = wait_poll, .drop = wait_drop};

    rv_future_init(&wait->future, &ops);
    wait->signals = signals;
}
