/* SPDX-License-Identifier: MIT */
/*
 * pipe_thread.h - a thread that runs callables, fed by a pipe.
 *
 *     its owner                                              the pipe thread
 *     rv_pipe_thread_submit() --- 16 bytes: callable, size --->  read, run
 *     rv_pipe_thread_reap()   <-- 1 byte: it ran, or not ------  write
 *
 * Both pipes are in packet mode (O_DIRECT): each read returns the data of one
 * write. The owner's ends are non-blocking, so epoll, io_uring or a loop can
 * wait for the byte. The pipe thread's ends block, which is how it sleeps. Jobs
 * complete in the order in which they were submitted. There is no lock and no
 * shared queue: the pipes provide all ordering.
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
 * The number of jobs that a pipe thread may have at once: a pipe has a slot for
 * each packet, whatever its size.
 */
enum { RV_PIPE_THREAD_CREDITS = 16 };

/* All zero means "not started". The fields are private. */
struct rv_pipe_thread {
    enum rv_pipe_thread_kind kind;
    int jobs_fd; /* write end */
    int done_fd; /* read end */
    uint32_t credits;
    uint32_t in_flight; /* jobs whose byte was not read yet */
    bool running;
    bool done_fd_taken; /* the caller closes it */
    uint32_t mark;      /* identifies the process that started it */
    struct rv_thread bare;
    pthread_t pthread;
    struct rv_pipe_thread_end *end; /* where a pthread announces its end */
};

/*
 * Start a pipe thread.
 *
 * Threads: any; from then on only one thread at a time may use it.
 * Returns: 0; -EMFILE, -ENFILE: a pipe could not be created; -EAGAIN: a thread
 *          could not be created; -ENOMEM; -EPERM; -ENOSYS: bare threads are not
 *          supported, see thread.h. On error nothing is left allocated.
 */
int rv_pipe_thread_start(struct rv_pipe_thread *thread,
                         enum rv_pipe_thread_kind kind);

/*
 * Submit a callable. The pipe thread runs it, unless another thread has taken
 * it before, and writes a byte that says which.
 *
 * Owns:    the caller keeps its reference until rv_pipe_thread_reap() has read
 *          that byte.
 * Returns: 0; -EAGAIN: no credit is left; -ENOMEM: the kernel has no page for
 *          the packet; -ESTALE in a child of fork(), which has no pipe thread;
 *          other negative errno: the pipe is broken.
 */
int rv_pipe_thread_submit(struct rv_pipe_thread *thread,
                          struct rv_callable *callable);

/*
 * Read the byte of the oldest job. *ran: whether this pipe thread has run it.
 *
 * Returns: 0; -EAGAIN: there is no byte yet; -EPIPE: the pipe thread has ended;
 *          other negative errno: the pipe is broken. After the last two there
 *          will be no more bytes.
 */
int rv_pipe_thread_reap(struct rv_pipe_thread *thread, bool *ran);

/* The descriptor that becomes readable when a job is complete. */
static inline int rv_pipe_thread_done_fd(const struct rv_pipe_thread *thread)
{
    return thread->done_fd;
}

/*
 * For an io_uring, which may have a read of the pipe that has not started when
 * the pipe thread ends. From now on rv_pipe_thread_done_fd() is blocking, and
 * the caller closes it, after rv_pipe_thread_stop().
 */
void rv_pipe_thread_take_done_fd(struct rv_pipe_thread *thread);

/* Count a job as complete whose byte was read without rv_pipe_thread_reap(). */
static inline void rv_pipe_thread_reaped(struct rv_pipe_thread *thread)
{
    thread->in_flight--;
}

/*
 * End the pipe thread, after it has run the jobs that were submitted. A no-op
 * if it was not started. In a child of fork(), only close the copy's
 * descriptors.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute.   Blocks: until then at most.
 * Returns: 0: it has ended, and every job is complete. -ETIMEDOUT: it still
 *          runs, and is abandoned with its stack; its callables stay valid.
 */
int rv_pipe_thread_stop(struct rv_pipe_thread *thread, int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_PIPE_THREAD_H */
