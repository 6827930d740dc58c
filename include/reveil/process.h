/* SPDX-License-Identifier: MIT */
/*
 * process.h - child processes as futures.
 *
 *     char *argv[] = {"sort", "-u", NULL};
 *     const struct rv_process_files files = {.in = in, .out = out};
 *
 *     int exit_code;
 *     int signal;
 *
 *     error = rv_process_spawn(&sort, argv, NULL, &files);
 *     if (!error)                                   in a coroutine
 *         error = rv_process_wait(&sort, &exit_code, &signal, RV_NEVER);
 *     rv_process_close(&sort);
 *
 * The pipes to and from a child are streams, which a reader, a relay and all
 * calls of net.h work on:
 *
 *     struct rv_stream in;
 *     struct rv_stream out;
 *     const struct rv_process_options options = {.pipe_in = &in,
 *                                                .pipe_out = &out};
 *
 *     error = rv_process_spawn_with(&sort, argv, &options);
 *     ... rv_stream_send(&in, ...), rv_stream_shutdown_write(&in) ...
 *     ... rv_stream_recv(&out, ...) until it returns 0 ...
 *     rv_stream_close(&in);
 *     rv_stream_close(&out);
 *
 * Read what the child writes while it is written to: a child whose output is
 * not read stops reading its input as soon as the pipe, of 64 KiB, is full.
 *
 * A pidfd is a descriptor that becomes readable when the child ends. It refers
 * to this child even if the process id is reused. The program must not reap the
 * child elsewhere: no wait() for any child, and SIGCHLD not ignored.
 * An older valgrind (3.19, say) does not know pidfd_open(2): under it each
 * start fails with -ENOSYS.
 */
#ifndef RV_PROCESS_H
#define RV_PROCESS_H

#include <reveil/future.h>
#include <reveil/reactor.h>
#include <sys/types.h>

RV_BEGIN_DECLS

struct rv_stream;

/* A child process. Embed it. All zero, and after a close, it is "none". */
struct rv_process {
    pid_t pid;                /* for messages only: it may be reused */
    int fd_plus_1;            /* private */
    struct rv_source *source; /* private; at most one task may wait */
    bool leads_group;         /* private: with new_group or new_session */
};

/*
 * The parent's descriptors that become the child's 0, 1 and 2. They are
 * assigned simultaneously: {.out = 2, .err = 1} exchanges two of them. They may
 * be close-on-exec, and one may be used twice. The caller keeps them.
 *
 * 0 in a field: the child inherits the parent's descriptor of that number, open
 * or closed. So the parent's own 0 cannot become the child's 1 or 2 directly:
 * use a dup() of it.
 */
struct rv_process_files {
    int in;
    int out;
    int err;
};

/* In a field of struct rv_process_files: /dev/null. */
enum { RV_PROCESS_NULL = -2 };

/*
 * Start argv[0], which is searched for in PATH if it contains no slash. Besides
 * 0, 1 and 2, the child inherits every descriptor that is not close-on-exec;
 * all descriptors of the library are.
 *
 * The child's signals are as if a shell had started it. It blocks none, even if
 * the parent does (for a signalfd, say). It ignores none that the parent has
 * ignored itself (SIGPIPE, say, to get EPIPE). But a signal that was ignored
 * when the parent started (SIGHUP by nohup), and still is, is ignored in the
 * child too; SIGCHLD never is.
 *
 * envp:    the environment. NULL: the parent's.
 * files:   NULL: the child inherits 0, 1 and 2.
 * Threads: one with a current reactor.
 * Blocks:  until the program is loaded.
 * Returns: 0; -ENOENT, -EACCES, ...: the program cannot be run; -EBADF: a bad
 * descriptor in `files`; -EAGAIN, -ENOMEM; -ENODEV: no reactor; -EMFILE,
 * -ENFILE, -ENOSPC. If the child was already running when the error occurred,
 * it has been killed.
 */
int rv_process_spawn(struct rv_process *out, char *const argv[],
                     char *const envp[], const struct rv_process_files *files);

/* All zero: as rv_process_spawn() without `envp` and `files`. */
struct rv_process_options {
    char *const *envp;             /* the environment; NULL: the parent's */
    struct rv_process_files files; /* 0, 1 and 2 of the child */
    const char *directory; /* where it starts; NULL: the parent's. A relative
                              path in argv[0] begins there */
    bool new_session; /* setsid(2): no terminal, and a process group of its own
                       */
    bool new_group;   /* a process group of its own: ctrl-C does not reach it */

    /*
     * Where it is not NULL, a pipe is made. The child gets one end as its 0, 1
     * or 2, and this stream becomes the other end: the parent sends to
     * *pipe_in, and receives from the other two. The field of `files` for the
     * same number is ignored; but with pipe_out, files.err == 1 means that the
     * child writes its 2 into the same pipe.
     */
    struct rv_stream *pipe_in;
    struct rv_stream *pipe_out;
    struct rv_stream *pipe_err;
};

/*
 * The same with options, which are copied; NULL: the defaults.
 *
 * Owns:    after 0 the caller has the streams of the pipes, and closes them;
 *          rv_process_close() does not. After an error they are "no socket".
 * Returns: as rv_process_spawn(); -ENOENT, -ENOTDIR, -EACCES also for
 *          `directory`.
 */
int rv_process_spawn_with(struct rv_process *out, char *const argv[],
                          const struct rv_process_options *options);

/*
 * Run a program to its end in a coroutine, and collect what it writes to its
 * descriptor 1. With options that are NULL, its descriptor 0 is /dev/null, and
 * it inherits 2; options->files.out is ignored, and files.err == 1 means that 2
 * is collected too.
 *
 * options: no pipes: they are NULL.
 * buffer:  *got_bytes of it are valid afterwards, also after an error.
 * status:  NULL, or, after 0, the exit code; if a signal has ended the child,
 *          minus its number.
 * deadline_ns: as in net.h, but the child is started in any case.
 * Returns: 0; -EMSGSIZE: it has written more than `len_bytes`; -ETIMEDOUT,
 *          -ECANCELED; an error of rv_process_spawn(), or of pipe2(); -EINVAL:
 *          the options have a pipe.
 *
 * Unless the result is 0, the child was killed; with new_group or new_session
 * its own children too, unless they have left the group. The call waits for
 * those too as long as they keep the descriptor open.
 */
int rv_process_output(char *const argv[],
                      const struct rv_process_options *options, void *buffer,
                      size_t len_bytes, size_t *got_bytes, int *status,
                      int64_t deadline_ns);

/*
 * Send a signal to the child. Returns: 0; -ESRCH: it has been reaped; -EPERM,
 * -EINVAL; -EBADF on "none".
 */
int rv_process_kill(const struct rv_process *process, int signal);

/*
 * Release the handle. A child that has ended is reaped. A child that still runs
 * continues, and stays a zombie after its end until this program exits. A no-op
 * on "none".
 */
void rv_process_close(struct rv_process *process);

/*
 * Kill the child with SIGKILL, with new_group or new_session its whole group,
 * reap it and release the handle. Nothing is awaited, so this is the clean-up
 * of a coroutine that was canceled or aborted, and whose waits return
 * -ECANCELED: a rv_process_kill() and rv_process_close() would leave a zombie
 * each time. A child that has been reaped, or is the child of another process
 * (after fork()), is only released. A no-op on "none".
 *
 * Blocks: until the kernel has ended the child: briefly, but for one that is
 *         inside a call of a disk or network file system that does not answer.
 */
void rv_process_kill_and_close(struct rv_process *process);

/*
 * READY when the child has ended; result: 0; -ECHILD: other code has reaped it;
 * -EBADF: `process` is "none". Cancellation-safe: dropping the wait does not
 * affect the child, and another wait can follow. No call ends the wait of
 * another task: kill the child, or cancel that task.
 */
struct rv_process_wait {
    struct rv_future future;
    struct rv_process *process; /* private */

    /* Valid when READY with 0. */
    int exit_code; /* -1: it was ended by a signal */
    int signal;    /* the signal that ended it; 0: it exited */
};

/* `process` must stay valid and unmoved until the future is READY or dropped.
 */
void rv_process_wait_init(struct rv_process_wait *wait,
                          struct rv_process *process);

/*
 * Has the child ended? exit_code, signal: as in the future; either may be NULL.
 *
 * Returns: 0: yes, and they are set; -EAGAIN: it still runs; -ECHILD: other
 * code has reaped it; -EBADF on "none".
 */
int rv_process_try_wait(struct rv_process *process, int *exit_code,
                        int *signal);

/* Wait for the end of the child, in a coroutine; with deadline and rules as in
 * net.h. Returns: as rv_process_try_wait(), without -EAGAIN; -ETIMEDOUT,
 * -ECANCELED: the child still runs. */
int rv_process_wait(struct rv_process *process, int *exit_code, int *signal,
                    int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_PROCESS_H */
