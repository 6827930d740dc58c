/* SPDX-License-Identifier: MIT */
/*
 * pipe_thread.h - a thread that runs callables, fed by a pipe.
 *
 *     its owner                                              the pipe thread
 *     rv_pipe_thread_submit() --- 16 bytes: callable, size --->  read, run
 *     rv_pipe_thread_reap()   <-- 1 byte: it ran, or not ------  write
 *
 * Both pipes are in packet mode (O_DIRECT): one write is one read. The owner's
 * ends do not block, so an epoll, an io_uring or a loop can wait for the byte;
 * the pipe thread's do, that is how it sleeps. Completions come in the order of
 * the submissions. No lock, no shared queue: the pipes order everything.
 */
#ifndef RV_PIPE_THREAD_H
#define RV_PIPE_THREAD_H

#include <pthread.h>

#include <reveil/callable.h>
#include <reveil/thread.h>

RV_BEGIN_DECLS

enum rv_pipe_thread_kind {
    RV_PIPE_THREAD_BARE,   /* a bare thread: pure callables only */
    RV_PIPE_THREAD_PTHREAD /* any callable */
};

/*
 * As many jobs may be with a pipe thread at once: a pipe has slots for so many
 * packets, whatever their size.
 */
enum { RV_PIPE_THREAD_CREDITS = 16 };

/* All zero is a pipe thread that was not started. The fields are private. */
struct rv_pipe_thread {
    enum rv_pipe_thread_kind kind;
    int jobs_fd; /* write end */
    int done_fd; /* read end */
    uint32_t credits;
    uint32_t in_flight; /* jobs whose byte was not read yet */
    bool running;
    bool done_fd_taken; /* somebody else closes it */
    uint32_t mark;      /* the process that it is of */
    struct rv_thread bare;
    pthread_t pthread;
    struct rv_pipe_thread_end *end; /* pthread: where it says that it ends */
};

/*
 * Start a pipe thread.
 *
 * Threads: any; the pipe thread belongs to one thread at a time from then on.
 * Returns: 0; -EMFILE, -ENFILE (no pipe to be had); -EAGAIN (no thread);
 * -ENOMEM; -EPERM; -ENOSYS (bare ones cannot be had, see thread.h). On error
 * nothing is left.
 */
int rv_pipe_thread_start(struct rv_pipe_thread *thread,
                         enum rv_pipe_thread_kind kind);

/*
 * Hand a callable over. The pipe thread takes it, runs it if nobody took it
 * before, and says so with its byte.
 *
 * Owns:    the caller holds a reference until the byte is there.
 * Returns: 0; -EAGAIN without a credit; -ENOMEM: the kernel has no page for the
 *          packet; -ESTALE in a child of fork(), where there is no pipe thread;
 * other negative errno: the pipe is broken.
 */
int rv_pipe_thread_submit(struct rv_pipe_thread *thread,
                          struct rv_callable *callable);

/*
 * Take the byte of the oldest job. *ran: whether this pipe thread made the
 * call.
 *
 * Returns: 0; -EAGAIN: none is there yet; -EPIPE: the pipe thread has ended;
 * other
 *          negative errno: the pipe is broken. None comes any more.
 */
int rv_pipe_thread_reap(struct rv_pipe_thread *thread, bool *ran);

/* The end of the pipe that becomes readable when a job is over. */
static inline int rv_pipe_thread_done_fd(const struct rv_pipe_thread *thread)
{
    return thread->done_fd;
}

/*
 * For an io_uring, which may still have a read of the pipe to begin when the
 * pipe thread ends: rv_pipe_thread_done_fd() blocks from now on, and is the
 * caller's to close, after rv_pipe_thread_stop().
 */
void rv_pipe_thread_take_done_fd(struct rv_pipe_thread *thread);

/* Somebody else has read the byte of the oldest job. */
static inline void rv_pipe_thread_reaped(struct rv_pipe_thread *thread)
{
    thread->in_flight--;
}

/*
 * The pipe thread makes the calls that it was given, and ends. Harmless on one
 * that was not started; in a child of fork() the copy's descriptors are closed.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute.   Blocks: until then at most.
 * Returns: 0: it has ended, and every job is over. -ETIMEDOUT: it is left
 * alone, with its stack and what it was given; its callables stay valid.
 */
int rv_pipe_thread_stop(struct rv_pipe_thread *thread, int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_PIPE_THREAD_H */
