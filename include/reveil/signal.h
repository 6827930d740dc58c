/* SPDX-License-Identifier: MIT */
/*
 * signal.h - signals as futures.
 *
 *     sigemptyset(&set);                            in a coroutine
 *     sigaddset(&set, SIGINT);
 *     rv_signals_open(&signals, &set);
 *     number = rv_signal_wait(&signals, RV_NEVER);       SIGINT
 *     ... shut down ...
 *     rv_signals_close(&signals);
 *
 * A blocked signal stays pending until it is fetched, and a signalfd is
 * readable while one is pending. So no handler is installed, no code has to be
 * async-signal-safe, and dispositions are unchanged.
 *
 * The kernel delivers a signal for the process to any thread that does not
 * block it. Therefore open the set before other threads start, or block it in
 * them too. The library's own threads block all signals; those that run tasks
 * or calls of rv_blocking block all but faults (SIGSEGV, SIGABRT, ...).
 *
 * Send the signal to the process: kill(), sigqueue(), the terminal. A signal
 * for a single thread (raise(), pthread_kill(), tgkill()) wakes no task when
 * the reactor has its own thread: the reactor asks the kernel, and the kernel
 * tells it only of signals for the process or for the reactor's thread. Sent to
 * the executor's thread, it stays pending there until the next poll that
 * fetches: the first poll after the open, or the poll after a signal for the
 * process. A program that must receive such signals uses RV_REACTOR_FUSED.
 * There the executor's thread asks the kernel itself, and sees what is sent to
 * it; it must be the thread that opened the set. A signal for any other thread
 * is never seen.
 */
#ifndef RV_SIGNAL_H
#define RV_SIGNAL_H

#include <reveil/future.h>
#include <reveil/reactor.h>
#include <signal.h>
#include <sys/signalfd.h>

RV_BEGIN_DECLS

/* An open set of signals. Embed it. All zero, and after a close, it is "none".
 */
struct rv_signals {
    int fd_plus_1;            /* private, as are the fields after it */
    struct rv_source *source; /* at most one task may wait */
    sigset_t blocked;         /* those that open had to block itself */
};

/*
 * Block the set in the calling thread and register it with the thread's
 * reactor. SIGKILL and SIGSTOP in the set are ignored.
 *
 * Returns: 0; -ENODEV: no reactor; -EMFILE, -ENFILE, -ENOMEM, -ENOSPC.
 */
int rv_signals_open(struct rv_signals *signals, const sigset_t *set);

/*
 * Close the set and restore the thread's mask: the signals that the open had to
 * block are unblocked. One that is still pending is then delivered at once,
 * according to its disposition. A no-op on "none".
 *
 * Threads: the thread that opened it.
 */
void rv_signals_close(struct rv_signals *signals);

/*
 * READY with the next signal of the set; result: its number. Each wait fetches
 * one pending signal. The kernel keeps at most one pending signal of each
 * number, but queues real-time signals. Cancellation-safe: dropped before it is
 * READY, it has fetched none. No call ends the wait of another task: cancel
 * that task, or drop the future; the set stays open for the next wait.
 */
struct rv_signal_wait {
    struct rv_future future;
    struct rv_signals *signals;   /* private */
    struct signalfd_siginfo info; /* when READY: the sender and other details */
};

/* `signals` must stay valid and unmoved until the future is READY or dropped.
 */
void rv_signal_wait_init(struct rv_signal_wait *wait,
                         struct rv_signals *signals);

/* Fetch a signal that is pending. Returns: its number; -EAGAIN: none is; -EBADF
 * on "none". */
int rv_signal_try_wait(struct rv_signals *signals);

/* Wait for the next signal, in a coroutine; with deadline and rules as in
 * net.h. Returns: its number; -ETIMEDOUT, -ECANCELED. */
int rv_signal_wait(struct rv_signals *signals, int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_SIGNAL_H */
