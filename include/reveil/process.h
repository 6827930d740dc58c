/* SPDX-License-Identifier: MIT */
/*
 * process.h - child processes as futures.
 *
 *     char *argv[] = {"sort", "-u", NULL};
 *     const struct rv_process_files files = {.in = in, .out = out};
 *
 *     rv_process_spawn(&self->sort, argv, NULL, &files);
 *     rv_process_wait_init(&self->wait, &self->sort);
 *     RV_AWAIT(future, cx, &self->wait.future);
 *     ... self->wait.exit_code, or self->wait.signal ...
 *     rv_process_close(&self->sort);
 *
 * A pidfd is a descriptor that is readable when the child is over. It means
 * this child and no other, whatever becomes of the number. The program must
 * not fetch the child elsewhere (wait(), or SIGCHLD ignored).
 */
#ifndef RV_PROCESS_H
#define RV_PROCESS_H

#include <reveil/future.h>
#include <reveil/reactor.h>
#include <sys/types.h>

/* A child. Embed it; all zero, or after close, it is "none". */
struct rv_process {
    pid_t pid;                /* for messages */
    int fd_plus_1;            /* private */
    struct rv_source *source; /* private; one task waits at a time */
};

/*
 * Descriptors of the parent that the child gets as its 0, 1 and 2, all at once:
 * {.out = 2, .err = 1} exchanges two of them. They may be close-on-exec, and
 * one may be given twice. They stay the caller's.
 *
 * 0 in a field: it has the parent's, open or closed. So the parent's own 0 can
 * be nothing but the child's 0: give a dup() of it.
 */
struct rv_process_files {
    int in;
    int out;
    int err;
};

/*
 * Start argv[0], looked for in PATH if there is no slash in it. Besides the
 * three it gets the descriptors that are not close-on-exec; all those of the
 * library are.
 *
 * Signals are for it as for a program that a shell has started. It blocks none,
 * also when the parent does, for a signalfd perhaps. Nor does it ignore any,
 * also when the parent does, as those do that would have EPIPE for SIGPIPE. But
 * what was ignored already when the parent was started (SIGHUP by nohup), and
 * is still, is ignored by the child; SIGCHLD never.
 *
 * envp:    the environment; NULL: the parent's.
 * files:   NULL: the parent's three.
 * Threads: one with a current reactor.
 * Blocks:  until the program is loaded.
 * Returns: 0; -ENOENT, -EACCES, ...: why it cannot be run; -EBADF: of a file;
 * -EAGAIN, -ENOMEM; -ENODEV: no reactor; -EMFILE, -ENFILE, -ENOSPC, and then a
 * child that was started already has been killed.
 */
int rv_process_spawn(struct rv_process *out, char *const argv[],
                     char *const envp[], const struct rv_process_files *files);

/*
 * Send it a signal. Returns: 0; -ESRCH: it was waited for already; -EPERM,
 * -EINVAL; -EBADF on "none".
 */
int rv_process_kill(const struct rv_process *process, int signal);

/*
 * Let go of it. A child that is over is cleared away; one that still runs goes
 * on, and the kernel remembers its end for as long as this program lives.
 * Harmless on "none".
 */
void rv_process_close(struct rv_process *process);

/*
 * READY when the child is over; result: 0, or -ECHILD when somebody else has
 * fetched it. Dropped, the child goes on as it is, and may be waited for again.
 */
struct rv_process_wait {
    struct rv_future future;
    struct rv_process *process; /* private */

    /* When READY with 0. */
    int exit_code; /* -1 if a signal ended it */
    int signal;    /* which one; 0 if it ended by itself */
};

/* `process` stays where it is until the future is READY or dropped. */
void rv_process_wait_init(struct rv_process_wait *wait,
                          struct rv_process *process);

#endif /* RV_PROCESS_H */
