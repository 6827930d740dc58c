/* SPDX-License-Identifier: MIT */
/*
 * pipe_thread.c - two pipes and a thread between them.
 *
 * Threads: the owner's, except for pthread_main(). The bare pipe thread runs
 * bare.c.
 *
 * Protocol.
 *
 *   PIPE_THREAD-1  A packet is written and read as a whole (O_DIRECT): a read
 *       with a buffer smaller than the packet would discard the rest. A job is
 *       16 bytes, a completion is 1 byte.
 *   PIPE_THREAD-2  At most `credits` jobs are in flight, and each pipe has
 *       slots for that many packets. So neither side ever finds its pipe full;
 *       otherwise the two could wait for each other. A job is in flight until
 *       its byte was *read*, not only written.
 *   PIPE_THREAD-3  The pipe thread completes jobs in order, so a completion
 *       need not identify its job.
 *   PIPE_THREAD-4  The pipe thread does not access a callable after it has
 *       written the byte: the owner may free it then.
 *   PIPE_THREAD-5  The pipe thread ends when it reads a packet without a
 *       callable, or when the last write end is closed. Closing alone is not
 *       enough: a child of fork() has a copy of each end, and so keeps the
 *       pipes open. For the same reason the end of a pthread is not announced
 *       by its pipe, but by its parker.
 *   PIPE_THREAD-6  Each side closes its own ends. A pipe thread that is stuck
 *       in a call at the deadline of stop() still uses its two. If the owner
 *       closed them, their numbers might refer to other files by then.
 *   PIPE_THREAD-7  The pipe thread reads its jobs to the end, also when no one
 *       reads its bytes any more; then it discards them. If it closed its end
 *       earlier, the owner's next write would raise SIGPIPE.
 *
 * Source: pipe(7), pipe2(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <reveil/pipe_thread.h>
#include <reveil/trace.h>
#include <reveil/waker.h>
#include <stdio.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "thread/done_fd.h"
#include "thread/give.h"
#include "thread/pipe_thread_internal.h"
#include "thread/pipe_thread_loop.h"

/* --- pipes ------------------------------------------------------------- */

/* Returns: 0, negative errno. */
static int open_pipe(int ends[2])
{
    return rv_fds_above_stdio(ends, pipe2(ends, O_DIRECT | O_CLOEXEC));
}

static void close_pipe(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

/* This concerns one end only: the other one has its own flags. */
static void set_non_blocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* The kernel gives small pipes to a user who has very many, see pipe(7). */
uint32_t rv_pipe_thread_credits(int pipe_fd)
{
    const long slots = fcntl(pipe_fd, F_GETPIPE_SZ) / sysconf(_SC_PAGESIZE);

    if (slots < 1)
        return 1;
    return slots < RV_PIPE_THREAD_CREDITS ? (uint32_t)slots
                                          : RV_PIPE_THREAD_CREDITS;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- the two kinds of threads ------------------------------------------ */

static long libc_read(int fd, void *buffer, size_t len_bytes)
{
    return read(fd, buffer, len_bytes);
}

/* Of a pipe thread: the mark of the process in which it was started. */
static _Thread_local uint32_t mark_of_thread;

/* If a call has forked, only the parent may write its byte. */
static long libc_write(int fd, const void *buffer, size_t len_bytes)
{
    RV_CHECK(!rv_fork_is_copy(mark_of_thread),
             "a child of fork() returned from a call on a pipe thread");
    return write(fd, buffer, len_bytes);
}

static long libc_close(int fd)
{
    return close(fd);
}

static void traced_run(struct rv_callable *callable)
{
    rv_trace(RV_EV_JOB_START, (uintptr_t)callable, 0);
    rv_callable_run(callable);
    rv_trace(RV_EV_JOB_DONE, (uintptr_t)callable, callable->returned);
}

static void name_in_trace(void)
{
    static _Atomic uint32_t started;
    char name[16];

    /* relaxed: a counter. */
    snprintf(name, sizeof name, "pipe-%u",
             atomic_fetch_add_explicit(&started, 1, memory_order_relaxed) %
                     100000 +
                 1);
    rv_trace_name_thread(name);
}

/* Shared by a pthread and its owner. The owner may abandon the pthread, so the
 * last of the two frees it. */
struct rv_pipe_thread_end {
    struct rv_pipe_thread_args args;
    _Atomic uint32_t references;
    struct rv_parker parker; /* the owner's */
    bool muted;              /* not in the trace, as the owner */
};

static void put_end(struct rv_pipe_thread_end *end)
{
    /* acq_rel: the last put, which frees, comes after the other's use. */
    if (atomic_fetch_sub_explicit(&end->references, 1, memory_order_acq_rel) ==
        1)
        rv_free(end);
}

static void *pthread_main(void *arg)
{
    static const struct rv_pipe_thread_io io = {.read = libc_read,
                                                .write = libc_write,
                                                .close = libc_close,
                                                .run = traced_run};
    struct rv_pipe_thread_end *end = arg;

    mark_of_thread = rv_fork_mark();
    rv_trace_mute_thread(end->muted);
    name_in_trace();
    rv_pipe_thread_loop(&end->args, &io);
    rv_parker_unpark(&end->parker);
    put_end(end);
    return NULL;
}

/* Returns: 0, negative errno. */
static int start_pthread(struct rv_pipe_thread *thread,
                         const struct rv_pipe_thread_args *args)
{
    struct rv_pipe_thread_end *end = rv_alloc(sizeof *end);
    int error;

    if (!end)
        return -ENOMEM;
    end->args = *args;
    end->muted = rv_trace_thread_is_muted();
    atomic_init(&end->references, 2);
    rv_parker_init(&end->parker);
    error = rv_pthread_start(&thread->pthread, RV_PTHREAD_NO_SIGNALS,
                             pthread_main, end);
    if (error)
        rv_free(end);
    else
        thread->end = end;
    return error;
}

static int start_thread(struct rv_pipe_thread *thread,
                        const struct rv_pipe_thread_args *args)
{
    if (thread->kind == RV_PIPE_THREAD_PTHREAD)
        return start_pthread(thread, args);
    return rv_thread_start(&thread->bare, rv_pipe_thread_bare_main, args,
                           sizeof *args, 0);
}

int rv_pipe_thread_start(struct rv_pipe_thread *thread,
                         enum rv_pipe_thread_kind kind)
{
    int jobs[2];
    int done[2];
    int error;

    *thread = (struct rv_pipe_thread){.kind = kind, .mark = rv_fork_mark()};
    error = open_pipe(jobs);
    if (error)
        return error;
    error = open_pipe(done);
    if (error)
        goto fail_jobs;
    set_non_blocking(jobs[1]);
    set_non_blocking(done[0]);
    thread->jobs_fd = jobs[1];
    thread->done_fd = done[0];
    thread->credits = smaller(rv_pipe_thread_credits(jobs[1]),
                              rv_pipe_thread_credits(done[0]));
    error =
        start_thread(thread, &(struct rv_pipe_thread_args){jobs[0], done[1]});
    if (error)
        goto fail_done;
    thread->running = true;
    return 0;

fail_done:
    close_pipe(done);
fail_jobs:
    close_pipe(jobs);
    return error;
}

/* --- jobs -------------------------------------------------------------- */

int rv_pipe_thread_give(struct rv_pipe_thread *thread,
                        struct rv_callable *callable)
{
    const struct rv_packet packet = {callable, callable->size_bytes};
    uint32_t tries = 0;
    ssize_t n;

    RV_CHECK(thread->kind == RV_PIPE_THREAD_PTHREAD || callable->ops->pure,
             "a bare pipe thread runs pure callables only");
    if (rv_fork_is_copy(thread->mark))
        return -ESTALE;
    if (thread->in_flight == thread->credits)
        return -EAGAIN;
    do
        n = write(thread->jobs_fd, &packet, sizeof packet);
    while (n < 0 && rv_interrupted(&tries));
    if (n != sizeof packet)
        return n < 0 ? -errno : -EAGAIN;
    thread->in_flight++;
    return 0;
}

int rv_pipe_thread_submit(struct rv_pipe_thread *thread,
                          struct rv_callable *callable)
{
    /* Before the write: the pipe thread may begin at once. */
    if (thread->in_flight < thread->credits)
        rv_trace(RV_EV_JOB_QUEUED, (uintptr_t)callable, 0);
    return rv_pipe_thread_give(thread, callable);
}

int rv_pipe_thread_reap(struct rv_pipe_thread *thread, bool *ran)
{
    char byte;
    uint32_t tries = 0;
    ssize_t n;

    if (rv_fork_is_copy(thread->mark))
        return -ESTALE;
    do {
        n = read(thread->done_fd, &byte, sizeof byte);
    } while (n < 0 && rv_interrupted(&tries));
    if (n <= 0)
        return n < 0 ? -errno : -EPIPE;
    thread->in_flight--;
    *ran = byte;
    return 0;
}

void rv_pipe_thread_take_done_fd(struct rv_pipe_thread *thread)
{
    fcntl(thread->done_fd, F_SETFL,
          fcntl(thread->done_fd, F_GETFL) & ~O_NONBLOCK);
    thread->done_fd_taken = true;
}

void rv_pipe_thread_give_done_fd_back(struct rv_pipe_thread *thread)
{
    set_non_blocking(thread->done_fd);
    thread->done_fd_taken = false;
}

/* --- the end ----------------------------------------------------------- */

/* Wait until the pipe has room. Returns: false: the deadline has passed, or the
 * pipe thread has read an end already. */
static bool wait_for_room(const struct rv_pipe_thread *thread, int64_t until_ns)
{
    struct pollfd end = {.fd = thread->jobs_fd, .events = POLLOUT};

    while (poll(&end, 1, 0) == 0) {
        const int64_t left_ns =
            rv_later_ns(until_ns, -rv_clock_real_ns(rv_now_ns()));
        const struct timespec left = rv_timespec(left_ns);

        if (left_ns <= 0)
            return false;
        ppoll(&end, 1, &left, NULL);
    }
    return end.revents == POLLOUT;
}

/* PIPE_THREAD-5: tell the pipe thread to end. */
static void send_end(const struct rv_pipe_thread *thread, int64_t until_ns)
{
    const struct rv_packet none = {.callable = NULL};

    /* The write fails only if the pipe thread has ended already. */
    if (wait_for_room(thread, until_ns) &&
        write(thread->jobs_fd, &none, sizeof none) < 0)
        return;
}

static int join_pthread(struct rv_pipe_thread *thread, int64_t until_ns)
{
    const bool ended = rv_parker_park(&thread->end->parker, until_ns);

    put_end(thread->end);
    thread->end = NULL;
    if (!ended) {
        pthread_detach(thread->pthread);
        return -ETIMEDOUT;
    }
    pthread_join(thread->pthread, NULL);
    return 0;
}

/* Returns: 0, -ETIMEDOUT. */
static int end_thread(struct rv_pipe_thread *thread, int64_t deadline_ns)
{
    const int64_t until_ns = rv_clock_real_ns(deadline_ns);

    send_end(thread, until_ns);
    close(thread->jobs_fd);
    return thread->kind == RV_PIPE_THREAD_PTHREAD
               ? join_pthread(thread, until_ns)
               : rv_thread_join(&thread->bare, deadline_ns);
}

int rv_pipe_thread_stop(struct rv_pipe_thread *thread, int64_t deadline_ns)
{
    int error = 0;

    if (!thread->running)
        return 0;
    thread->running = false;
    if (rv_fork_is_copy(thread->mark))
        close(thread->jobs_fd);
    else
        error = end_thread(thread, deadline_ns);
    if (!thread->done_fd_taken)
        close(thread->done_fd);
    return error;
}
