/* SPDX-License-Identifier: MIT */
/*
 * pipe_thread.c - two pipes and a thread between them.
 *
 * Threads: the owner's, but for pthread_main(); the bare pipe thread is bare.c.
 *
 * Protocol.
 *
 *   PIPE_THREAD-1  A packet is written whole and read whole (O_DIRECT): a read
 *       shorter than the packet would throw the rest away, and an empty packet
 *       does not exist. 16 bytes in, 1 byte out.
 *   PIPE_THREAD-2  At most `credits` jobs are in flight, and a pipe has slots
 *       for so many packets. So neither the owner's write nor the pipe thread's
 *       can find its pipe full; without it the two could wait for each other. A
 *       job is in flight until its byte was *read*, which is later than
 *       written.
 *   PIPE_THREAD-3  The pipe thread answers in order, so a byte needs no name.
 *   PIPE_THREAD-4  The pipe thread does not touch a callable after its byte was
 *       written: the owner may free it then.
 *   PIPE_THREAD-5  The pipe thread ends at a packet without a callable, or when
 *       the last write end is closed. The closing alone would not do: a child
 *       of fork() has a copy of each end, and keeps the pipes alive for as long
 *       as it lives. For the same reason a pthread says by itself that it ends.
 *   PIPE_THREAD-6  Each side closes its own ends. A pipe thread that is stuck
 *       in a call at the deadline of stop() still has its two; numbers that
 *       somebody else had closed might be another file by then.
 *
 * Source: pipe(7), pipe2(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <reveil/pipe_thread.h>
#include <reveil/waker.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "thread/done_fd.h"
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

/* Only this end: the other one has flags of its own. */
static void do_not_block(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* A user who has very many pipes gets small ones, see pipe(7). */
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

/* The pipe thread's thread: the process that it began in. */
static _Thread_local uint32_t mark_of_thread;

/* The byte of a call that has forked is the parent's to write. */
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

/* Shared by a pthread and its owner, who may leave it alone. */
struct rv_pipe_thread_end {
    struct rv_pipe_thread_args args;
    _Atomic uint32_t references;
    struct rv_parker parker; /* the owner's */
};

static void put_end(struct rv_pipe_thread_end *end)
{
    /* acq_rel: the last one sees that the other has done with it. */
    if (atomic_fetch_sub_explicit(&end->references, 1, memory_order_acq_rel) ==
        1)
        rv_free(end);
}

static void *pthread_main(void *arg)
{
    static const struct rv_pipe_thread_io io = {
        .read = libc_read, .write = libc_write, .close = libc_close};
    struct rv_pipe_thread_end *end = arg;

    mark_of_thread = rv_fork_mark();
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
    do_not_block(jobs[1]);
    do_not_block(done[0]);
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

int rv_pipe_thread_submit(struct rv_pipe_thread *thread,
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
    do_not_block(thread->done_fd);
    thread->done_fd_taken = false;
}

/* --- the end ----------------------------------------------------------- */

/* Wait for room in the pipe. Returns: false when the time is over, or if there
 * is nobody to read what is written: that would raise SIGPIPE. */
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

/* PIPE_THREAD-5 */
static void tell_to_end(const struct rv_pipe_thread *thread, int64_t until_ns)
{
    const struct rv_packet none = {.callable = NULL};

    /* Both ends are ours: what can fail fails because the pipe thread has gone,
     * and who waits for it next sees that. */
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

    tell_to_end(thread, until_ns);
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
