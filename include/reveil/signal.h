/* SPDX-License-Identifier: MIT */
/*
 * signal.h - signals as futures.
 *
 *     sigemptyset(&set);
 *     sigaddset(&set, SIGINT);
 *     rv_signals_open(&self->signals, &set);
 *     rv_signal_wait_init(&self->wait, &self->signals);
 *     RV_AWAIT(future, cx, &self->wait.future);       result: SIGINT
 *     ... stop in good order ...
 *     rv_signals_close(&self->signals);
 *
 * A blocked signal stays pending until somebody fetches it, and a signalfd is
 * a descriptor that is readable while one is. So there is no handler, and no
 * rule about what a handler may call. Dispositions stay as they are.
 *
 * What the kernel asks for: a signal that is sent to the process goes to any
 * thread that does not block it. Open before other threads are started, or
 * block the set in them too; the threads of the library block all signals,
 * those that run tasks all but faults (SIGSEGV, SIGABRT, ...). Signals sent to
 * one thread (raise(), pthread_kill()) may not be seen; those of kill() and of
 * the terminal are.
 */
#ifndef RV_SIGNAL_H
#define RV_SIGNAL_H

#include <reveil/future.h>
#include <reveil/reactor.h>
#include <signal.h>
#include <sys/signalfd.h>

/* A set of signals. Embed it; all zero, or after close, it is "none". */
struct rv_signals {
    int fd_plus_1;            /* private, as are the rest */
    struct rv_source *source; /* one task waits for it at a time */
    sigset_t blocked;         /* by us; the others of the set were before */
};

/*
 * Block the set in the calling thread and wait for it with the thread's
 * reactor. SIGKILL and SIGSTOP in it are passed over.
 *
 * Returns: 0; -ENODEV: no reactor; -EMFILE, -ENFILE, -ENOMEM, -ENOSPC.
 */
int rv_signals_open(struct rv_signals *signals, const sigset_t *set);

/*
 * Give the thread its mask back: what open had to block is unblocked, and one
 * that is still pending does then what its disposition says, at once.
 * Harmless on "none".
 *
 * Threads: the one that opened it.
 */
void rv_signals_close(struct rv_signals *signals);

/*
 * READY with the next signal of the set; result: its number. Each one that is
 * pending is fetched by one wait; the kernel keeps one of each kind, real-time
 * signals as often as they were sent. Dropped before it is READY, none was
 * fetched.
 */
struct rv_signal_wait {
    struct rv_future future;
    struct rv_signals *signals;   /* private */
    struct signalfd_siginfo info; /* when READY: who sent it, and more */
};

/* `signals` stay where they are until the future is READY or dropped. */
void rv_signal_wait_init(struct rv_signal_wait *wait,
                         struct rv_signals *signals);

#endif /* RV_SIGNAL_H */
