/* SPDX-License-Identifier: MIT */
/*
 * task_dump_signal.c - a thread that prints the table of tasks when the process
 * receives a signal.
 *
 * Threads: wait_for_signals() runs on a thread of its own, so that it also
 * prints when the executors are stuck; start and stop run on the caller's.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <reveil/base.h>
#include <reveil/task_dump.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/base_internal.h"

struct rv_task_dump_signal {
    int print_fd;
    int signal_fd;
    int stop_fd; /* an eventfd, written once */
    bool unblock;
    uint32_t mark; /* of the process that started it: rv_fork_mark() */
    sigset_t set;
    pthread_t thread;
};

static void *wait_for_signals(void *arg)
{
    struct rv_task_dump_signal *dump = arg;
    struct pollfd fds[] = {{.fd = dump->stop_fd, .events = POLLIN},
                           {.fd = dump->signal_fd, .events = POLLIN}};
    struct signalfd_siginfo info;

    /* An error of either descriptor would be reported forever, so the thread
     * ends. */
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[0].revents || fds[1].revents & ~POLLIN)
            return NULL;
        if (!fds[1].revents)
            continue;
        if (read(dump->signal_fd, &info, sizeof info) == sizeof info)
            rv_task_dump_print(dump->print_fd); /* errors are ignored */
        else if (errno != EAGAIN && errno != EINTR)
            return NULL;
    }
}

static void block_signal(struct rv_task_dump_signal *dump, int signal)
{
    sigset_t before;

    pthread_sigmask(SIG_BLOCK, &dump->set, &before);
    dump->unblock = !sigismember(&before, signal);
}

static void unblock_signal(struct rv_task_dump_signal *dump)
{
    if (dump->unblock)
        pthread_sigmask(SIG_UNBLOCK, &dump->set, NULL);
}

static int open_descriptors(struct rv_task_dump_signal *dump)
{
    dump->signal_fd =
        rv_fd_above_stdio(signalfd(-1, &dump->set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (dump->signal_fd < 0)
        return dump->signal_fd;
    dump->stop_fd = rv_fd_above_stdio(eventfd(0, EFD_CLOEXEC));
    if (dump->stop_fd >= 0)
        return 0;
    close(dump->signal_fd);
    return dump->stop_fd;
}

static void close_descriptors(struct rv_task_dump_signal *dump)
{
    close(dump->stop_fd);
    close(dump->signal_fd);
}

int rv_task_dump_signal_start(struct rv_task_dump_signal **out, int signal,
                              int fd)
{
    struct rv_task_dump_signal *dump = rv_alloc(sizeof *dump);
    int error = -EINVAL;

    if (!dump)
        return -ENOMEM;
    dump->print_fd = fd;
    dump->mark = rv_fork_mark();
    sigemptyset(&dump->set);
    if (sigaddset(&dump->set, signal) < 0)
        goto fail_free;
    error = open_descriptors(dump);
    if (error)
        goto fail_free;
    block_signal(dump, signal);
    error = rv_pthread_start(&dump->thread, RV_PTHREAD_NO_SIGNALS,
                             wait_for_signals, dump);
    if (error)
        goto fail_blocked;
    *out = dump;
    return 0;

fail_blocked:
    unblock_signal(dump);
    close_descriptors(dump);
fail_free:
    rv_free(dump);
    return error;
}

void rv_task_dump_signal_stop(struct rv_task_dump_signal *dump)
{
    if (!dump)
        return;
    if (!rv_fork_is_copy(dump->mark)) {
        /* The write fails only if the program has closed our eventfd. Then the
         * thread is canceled in its poll(). */
        if (eventfd_write(dump->stop_fd, 1) < 0)
            pthread_cancel(dump->thread);
        pthread_join(dump->thread, NULL);
    }
    close_descriptors(dump);
    unblock_signal(dump);
    rv_free(dump);
}
