/* SPDX-License-Identifier: MIT */
/*
 * watch_signal.c - a thread that prints the table of tasks when a signal comes.
 *
 * Threads: wait_for_signals() its own; start and stop the caller's. A thread of
 * its own, because the table is asked for when the executors are stuck.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <reveil/base.h>
#include <reveil/watch.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/base_internal.h"

struct rv_watch_signal {
    int print_fd;
    int signal_fd;
    int stop_fd; /* an eventfd, written once */
    bool unblock;
    uint32_t mark; /* the process that it is of */
    sigset_t set;
    pthread_t thread;
};

static void *wait_for_signals(void *arg)
{
    struct rv_watch_signal *watch = arg;
    struct pollfd fds[] = {{.fd = watch->stop_fd, .events = POLLIN},
                           {.fd = watch->signal_fd, .events = POLLIN}};
    struct signalfd_siginfo info;

    /* Both descriptors are ours: an error of either stays, and ends it. */
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[0].revents || fds[1].revents & ~POLLIN)
            return NULL;
        if (!fds[1].revents)
            continue;
        if (read(watch->signal_fd, &info, sizeof info) == sizeof info)
            rv_watch_print(watch->print_fd); /* nobody to tell of an error */
        else if (errno != EAGAIN && errno != EINTR)
            return NULL;
    }
}

/* All signals are for the program's own threads. Returns: 0, negative errno. */
static int start_thread(struct rv_watch_signal *watch)
{
    sigset_t all;
    sigset_t before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&watch->thread, NULL, wait_for_signals, watch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

static void block_signal(struct rv_watch_signal *watch, int signal)
{
    sigset_t before;

    pthread_sigmask(SIG_BLOCK, &watch->set, &before);
    watch->unblock = !sigismember(&before, signal);
}

static void unblock_signal(struct rv_watch_signal *watch)
{
    if (watch->unblock)
        pthread_sigmask(SIG_UNBLOCK, &watch->set, NULL);
}

static int open_descriptors(struct rv_watch_signal *watch)
{
    watch->signal_fd = rv_fd_above_stdio(
        signalfd(-1, &watch->set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (watch->signal_fd < 0)
        return watch->signal_fd;
    watch->stop_fd = rv_fd_above_stdio(eventfd(0, EFD_CLOEXEC));
    if (watch->stop_fd >= 0)
        return 0;
    close(watch->signal_fd);
    return watch->stop_fd;
}

static void close_descriptors(struct rv_watch_signal *watch)
{
    close(watch->stop_fd);
    close(watch->signal_fd);
}

int rv_watch_signal_start(struct rv_watch_signal **out, int signal, int fd)
{
    struct rv_watch_signal *watch = rv_alloc(sizeof *watch);
    int error = -EINVAL;

    if (!watch)
        return -ENOMEM;
    watch->print_fd = fd;
    watch->mark = rv_fork_mark();
    sigemptyset(&watch->set);
    if (sigaddset(&watch->set, signal) < 0)
        goto fail_free;
    error = open_descriptors(watch);
    if (error)
        goto fail_free;
    block_signal(watch, signal);
    error = start_thread(watch);
    if (error)
        goto fail_blocked;
    *out = watch;
    return 0;

fail_blocked:
    unblock_signal(watch);
    close_descriptors(watch);
fail_free:
    rv_free(watch);
    return error;
}

void rv_watch_signal_stop(struct rv_watch_signal *watch)
{
    if (!watch)
        return;
    if (!rv_fork_is_copy(watch->mark)) {
        /* It sleeps in poll(); its eventfd closed under it, that is left. */
        if (eventfd_write(watch->stop_fd, 1) < 0)
            pthread_cancel(watch->thread);
        pthread_join(watch->thread, NULL);
    }
    close_descriptors(watch);
    unblock_signal(watch);
    rv_free(watch);
}
