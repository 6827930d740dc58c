/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 11: what the probe lines stand for, and both sides of each
 * pipe: the checker's reader for the learner's packets, the checker's packets
 * for the learner's loop. It is compiled behind the learner's program, into one
 * file.
 *
 * A callable that main frees stays in memory here (but not under
 * AddressSanitizer), so that a second call of it is seen and not crashed into.
 */
#undef read
#undef write
#undef pipe2
#undef malloc
#undef calloc
#undef free
#undef close
#undef writev
#undef readv
#undef packets_that_fit
#undef pipe_read_poll
#undef callable_new
#undef pipe_thread_submit
#undef pipe_thread_stop
#undef pipe_thread_loop

#include <signal.h>

#if defined(__SANITIZE_ADDRESS__)
#define PROBE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PROBE_ASAN 1
#endif
#endif

/* Of [bars], [stacks], [frames] and [notes] in expect.toml. */
enum { PROBE_BAR_FILLED = 1, PROBE_BAR_JOBS, PROBE_BAR_DONE };
enum { PROBE_OF_PIPE = 1, PROBE_OF_HEAP };
enum { PROBE_FRAME_PACKET = 1, PROBE_FRAME_CALLABLE };
enum { PROBE_SAID_SENT = 1, PROBE_SAID_CALLED, PROBE_SAID_BYTE };

/* In a case, and not in the plain run, a wrong value ends the run. */
static bool probe_strict;

static _Thread_local bool probe_is_pipe_thread;

/* Whether this address lies in the stack of the calling thread, at most 64 KiB
 * from here. */
static bool probe_on_stack(const void *address)
{
    const intptr_t far =
        (intptr_t)address - (intptr_t)__builtin_frame_address(0);

    return far > -65536 && far < 65536;
}

static int probe_open_files(void)
{
    int count = 0;

    for (int fd = 0; fd < 64; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Once more: at `most` times it has gone on too often. */
static void probe_often(long *count, long most, const char *cause,
                        const char *key)
{
    ++*count;
    probe_expect(*count < most, cause, key, *count, 0, 0);
}

/* --- 11.1: how much goes in ---------------------------------------------- */

static struct {
    bool active;
    bool shown; /* as a bar */
    int flags;
    int end;
    long wrote; /* bytes */
    long count;
    long full; /* writes for which there was no room */
} probe_fit = {.end = -1};

static int probe_pipe2(int *ends, int flags)
{
    const int result = pipe2(ends, flags);

    if (result == 0 && probe_fit.active) {
        probe_fit.end = ends[1];
        probe_fit.wrote = probe_fit.count = probe_fit.full = 0;
    }
    return result;
}

static ssize_t probe_fill(int fd, const void *from, size_t bytes)
{
    struct pollfd room = {fd, POLLOUT, 0};
    bool quiet;
    ssize_t n;
    int error;

    probe_quiet(true);
    quiet = !probe_fit.shown && poll(&room, 1, 0) == 1;
    if (!quiet)
        probe_quiet(false);
    probe_if_stuck("FULL PIPE @11.1", "wrote", probe_fit.wrote, probe_fit.count,
                   0);
    n = write(fd, from, bytes);
    error = errno;
    if (quiet)
        probe_quiet(false);
    if (n < 0 && error == EAGAIN)
        probe_often(&probe_fit.full, 1000, "BUSY LOOP @11.1", "no room");
    if (n > 0) {
        probe_fit.wrote += n;
        probe_fit.count++;
        if (probe_fit.shown)
            probe_event(PROBE_LEVEL, -1, PROBE_BAR_FILLED, probe_fit.count);
    }
    errno = error;
    return n;
}

/* The checker's own measure. */
static long probe_really_fit(int flags, size_t bytes)
{
    static const char packet[PIPE_BUF];
    long count = 0;
    int ends[2];

    probe_quiet(true);
    lesson_unwrap(pipe2(ends, flags | O_NONBLOCK | O_CLOEXEC), "pipe");
    while (write(ends[1], packet, bytes) > 0)
        count++;
    close(ends[0]);
    close(ends[1]);
    probe_quiet(false);
    return count;
}

static long probe_packets_that_fit(int flags, size_t bytes)
{
    const int files = probe_open_files();
    long count, wanted;

    probe_fit.shown = bytes == 1 && flags & O_DIRECT;
    probe_fit.flags = flags;
    probe_fit.end = -1;
    probe_fit.active = true;
    count = packets_that_fit(flags, bytes);
    probe_fit.active = false;
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    if (bytes == 1)
        probe_figure(flags & O_DIRECT ? "packets" : "stream", count);
    if (!probe_strict)
        return count;
    wanted = probe_really_fit(flags, bytes);
    probe_expect(count == wanted, "WRONG CAPACITY @11.1",
                 flags & O_DIRECT ? "packets" : "stream", count, (long)bytes,
                 wanted);
    probe_expect(probe_open_files() == files, "LEFT OPEN @11.1", "ends",
                 probe_open_files() - files, 0, 0);
    return count;
}

PROBE_CASE(fit)
{
    static const size_t sizes[] = {4096, 64, 1000};

    probe_strict = true;
    probe_packets_that_fit(O_DIRECT, 1);
    probe_packets_that_fit(0, 4096);
    probe_packets_that_fit(O_DIRECT, 4096);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        probe_packets_that_fit(0, sizes[i]);
    probe_packets_that_fit(0, 1 + probe_random(2000));
    probe_packets_that_fit(O_DIRECT, 1 + probe_random(2000));
}

/* --- 11.2: bytes out of a pipe ------------------------------------------- */

/* Of this poll. */
static struct {
    bool active;
    long nothing, ends; /* reads that said EAGAIN, or 0 */
    size_t came;        /* bytes */
} probe_polled;

static enum poll_state probe_pipe_read_poll(struct pipe_read *self)
{
    enum poll_state state;
    struct pollfd end = {self->end, POLLIN, 0};
    const size_t before = self->got;

    memset(&probe_polled, 0, sizeof(probe_polled));
    probe_polled.active = true;
    state = pipe_read_poll(self);
    probe_polled.active = false;
    probe_expect(self->got >= before + probe_polled.came, "TRUNCATED @11.2",
                 "got", (long)self->got, (long)(before + probe_polled.came), 0);
    if (state == NOT_READY || self->got >= self->wanted)
        return state;
    probe_quiet(true);
    poll(&end, 1, 0);
    probe_quiet(false);
    probe_expect(end.revents & (POLLHUP | POLLNVAL), "TRUNCATED @11.2",
                 "wanted", (long)self->got, (long)self->wanted, 0);
    return state;
}

static void probe_put(int end, const char *text, size_t bytes)
{
    if (write(end, text, bytes) != (ssize_t)bytes)
        abort();
}

static void probe_poll_is(struct pipe_read *read, enum poll_state wanted,
                          size_t got, const char *text, int open)
{
    const size_t room = read->wanted;
    enum poll_state state;
    size_t before;

    probe_if_stuck("NEVER YIELDED @11.2", "pipe", (long)got, 0, 0);
    do { /* one read a poll is enough: who waits is told of the rest */
        before = read->got;
        state = probe_pipe_read_poll(read);
    } while (state == NOT_READY && read->got > before && read->got < room);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    if (wanted == NOT_READY || (got < room && open))
        probe_expect(state == NOT_READY, "TRUNCATED @11.2", "wanted",
                     (long)read->got, (long)room, 0);
    probe_expect(read->got <= room, "TOO MUCH READ @11.2", "wanted",
                 (long)read->got, (long)room, 0);
    probe_expect(state == wanted, "NEVER READY @11.2", open ? "pipe" : "closed",
                 (long)got, (long)room, 0);
    probe_expect(read->got == got, "TRUNCATED @11.2", "got", (long)read->got,
                 (long)got, 0);
    for (size_t i = 0; i < got; i++)
        probe_expect(read->to[i] == text[i], "WRONG TEXT @11.2", "differs",
                     (long)i, (long)got, 0);
}

PROBE_CASE(poll)
{
    char to[8];
    struct pipe_read read = {.to = to, .wanted = 5};
    int ends[2];

    for (int flags = 0; flags <= O_DIRECT; flags += O_DIRECT) {
        lesson_unwrap(pipe2(ends, flags | O_NONBLOCK | O_CLOEXEC), "pipe");
        read = (struct pipe_read){ends[0], to, 5, 0};
        memset(to, '.', sizeof(to));
        probe_poll_is(&read, NOT_READY, 0, "", true);
        probe_put(ends[1], "a", 1);
        probe_put(ends[1], "b", 1);
        probe_put(ends[1], "c", 1);
        probe_poll_is(&read, NOT_READY, 3, "abc", true);
        probe_poll_is(&read, NOT_READY, 3, "abc", true);
        probe_put(ends[1], "de", 2);
        probe_put(ends[1], "f", 1);
        probe_poll_is(&read, READY, 5, "abcde", true);
        probe_expect(to[5] == '.', "TOO MUCH READ @11.2", "beyond", 5, 0, 0);

        read = (struct pipe_read){ends[0], to, 4, 0};
        probe_put(ends[1], "g", 1);
        close(ends[1]);
        probe_poll_is(&read, READY, 2, "fg", false);
        close(ends[0]);
    }
    read = (struct pipe_read){ends[0], to, 4, 0}; /* not open any more */
    probe_expect(probe_pipe_read_poll(&read) == READY, "NEVER READY @11.2",
                 "error", 0, 0, 0);
}

/* --- callables: which there are, and what has become of them -------------- */

enum { PROBE_JOBS = 256 };

static struct probe_job {
    _Atomic(struct callable *) callable;
    atomic_int calls;
    atomic_bool sent, replied, freed;
} probe_jobs[PROBE_JOBS];

static atomic_int probe_job_count, probe_sent, probe_calls, probe_replies;
static atomic_bool probe_stopping, probe_ended;
static int probe_jobs_fds[2] = {-1, -1}, probe_done_fds[2] = {-1, -1};
static _Thread_local int probe_now = -1; /* the job that is called */
static _Thread_local bool probe_making, probe_submitting;

/* The newest callable that begins here, or -1. */
static int probe_find(const void *callable)
{
    for (int i = probe_job_count - 1; i >= 0; i--)
        if (probe_jobs[i].callable == callable)
            return i;
    return -1;
}

static void probe_start(const int *jobs, const int *done)
{
    memcpy(probe_jobs_fds, jobs, sizeof(probe_jobs_fds));
    memcpy(probe_done_fds, done, sizeof(probe_done_fds));
    probe_figure_add("pipe_calls", 0);
    probe_ended = probe_stopping = false;
}

/* What a standstill would mean now. */
static void probe_outlook(void)
{
    static atomic_flag looking = ATOMIC_FLAG_INIT;

    while (atomic_flag_test_and_set(&looking))
        ;
    if (probe_stopping && fcntl(probe_jobs_fds[1], F_GETFD) >= 0)
        probe_if_stuck("NEVER STOPS @11.4", "jobs open", 0, 0, 0);
    else if (probe_stopping)
        probe_if_stuck("NEVER STOPS @11.5", "pipe thread", 0, 0, 0);
    else if (probe_calls > probe_replies)
        probe_if_stuck("NO REPLY @11.5", "byte", probe_calls, probe_replies, 0);
    else if (probe_sent > probe_calls)
        probe_if_stuck("NO REPLY @11.5", "unread", probe_sent, probe_calls, 0);
    else
        probe_if_stuck(NULL, NULL, 0, 0, 0);
    atomic_flag_clear(&looking);
}

static struct {
    void *block;
    size_t bytes;
} probe_last; /* what malloc() or calloc() gave last to this lesson's main */

static void *probe_malloc(size_t bytes)
{
    void *block = malloc(bytes);

    if (block && !probe_is_pipe_thread) {
        memset(block, 0xa5, bytes);
        probe_last.block = block;
        probe_last.bytes = bytes;
    }
    return block;
}

static void *probe_calloc(size_t count, size_t bytes)
{
    void *block = probe_malloc(count * bytes);

    return block ? memset(block, 0, count * bytes) : NULL;
}

static void probe_free(void *block)
{
    const int i = block ? probe_find(block) : -1;

    if (i < 0) {
        free(block);
        return;
    }
    probe_expect(!probe_is_pipe_thread, "DANGLING CALLABLE @11.5", "released",
                 i, 0, 0);
    probe_expect(!probe_jobs[i].sent || probe_jobs[i].replied,
                 "DANGLING CALLABLE @11.4", "early", i, 0, 0);
    probe_expect(!probe_jobs[i].freed, "DANGLING CALLABLE @11.4", "twice", i, 0,
                 0);
    probe_jobs[i].freed = true;
    probe_event(PROBE_FRAME, PROBE_OF_HEAP, -1, 0);
#ifdef PROBE_ASAN
    free(block);
#endif
}

static void probe_look_at(const struct callable *self, call_function call,
                          const void *state, size_t state_bytes,
                          size_t result_bytes)
{
    const size_t needed =
        sizeof(struct callable) + self->result_at + result_bytes;

    probe_expect(!probe_on_stack(self), "DANGLING CALLABLE @11.3", "stack", 0,
                 0, 0);
    for (int i = 0; i < probe_job_count; i++)
        probe_expect(probe_jobs[i].callable != self || probe_jobs[i].freed,
                     "SHARED STATE @11.3", "callable", i, probe_job_count, 0);
    probe_expect(self->result_at >= state_bytes, "WRONG RESULT @11.3",
                 "overlap", (long)self->result_at, (long)state_bytes, 0);
    probe_expect(self != probe_last.block || probe_last.bytes >= needed,
                 "BLOCK TOO SMALL @11.3", "block", (long)probe_last.bytes,
                 (long)needed, 0);
    probe_expect(self->bytes >= needed, "BLOCK TOO SMALL @11.3", "field",
                 (long)self->bytes, (long)needed, 0);
    probe_expect(self->result_at % 16 == 0, "NOT ALIGNED @11.3", "result",
                 (long)self->result_at, (long)state_bytes, 0);
    probe_expect(self->call == call, "WRONG RESULT @11.3", "call", 0, 0, 0);
    probe_expect(memcmp(self->state, state, state_bytes) == 0,
                 "DANGLING CALLABLE @11.3", "state", (long)state_bytes, 0, 0);
}

static struct callable *probe_callable_new(call_function call,
                                           const void *state,
                                           size_t state_bytes,
                                           size_t result_bytes)
{
    const int i = probe_job_count;
    struct callable *self;

    probe_making = true;
    self = callable_new(call, state, state_bytes, result_bytes);
    probe_making = false;
    if (!self)
        return NULL; /* the stub */
    probe_look_at(self, call, state, state_bytes, result_bytes);
    if (i == PROBE_JOBS)
        abort();
    probe_jobs[i].callable = self;
    probe_job_count = i + 1;
    probe_event(PROBE_FRAME, PROBE_OF_HEAP, PROBE_FRAME_CALLABLE,
                (long)self->bytes);
    return self;
}

/* A callable's function begins. */
static void probe_called(const void *state, void *result)
{
    const char *callable =
        (const char *)state - offsetof(struct callable, state);
    const int i = probe_find(callable);
    struct probe_job *job = &probe_jobs[i];

    probe_expect(!probe_making, "WRONG RESULT @11.3", "early", 0, 0, 0);
    probe_expect(i >= 0, "WRONG RESULT @11.3", "elsewhere", 0, 0, 0);
    probe_expect(result == callable_result(job->callable), "WRONG RESULT @11.3",
                 "result", 0, 0, 0);
    probe_expect(job->calls++ == 0, "DOUBLE CALL: a callable @11.5", "callable",
                 i, 0, 0);
    probe_expect(!job->freed, "DANGLING CALLABLE @11.5", "freed", i, 0, 0);
    probe_now = i;
    probe_calls++;
    if (probe_is_pipe_thread) {
        probe_event(PROBE_NOTE, i, PROBE_SAID_CALLED, 0);
        probe_outlook();
    }
}

/* --- the two pipes -------------------------------------------------------- */

static long probe_waiting(int fd)
{
    int bytes = 0;

    ioctl(fd, FIONREAD, &bytes);
    return bytes;
}

static void probe_before_packet(const void *from, size_t bytes)
{
    struct packet packet = {0};
    int i;

    probe_expect(bytes == PACKET_BYTES, "TRUNCATED @11.4", "packet",
                 (long)bytes, PACKET_BYTES, 0);
    memcpy(&packet, from, sizeof(packet));
    i = probe_find(packet.callable);
    for (int k = 0; k < probe_job_count && i < 0; k++)
        probe_expect(memcmp(&packet, probe_jobs[k].callable, sizeof(packet)),
                     "WRONG PACKET @11.4", "content", k, 0, 0);
    probe_expect(i >= 0 || !probe_on_stack(packet.callable),
                 "DANGLING CALLABLE @11.4", "frame", 0, 0, 0);
    probe_expect(i >= 0, "WRONG PACKET @11.4", "address", (long)packet.callable,
                 0, 0);
    probe_expect(packet.bytes == packet.callable->bytes, "WRONG PACKET @11.4",
                 "size", (long)packet.bytes, (long)packet.callable->bytes, 0);
    probe_jobs[i].sent = true;
    probe_sent++;
    probe_outlook();
    probe_event(PROBE_NOTE, i, PROBE_SAID_SENT, (long)packet.bytes);
    probe_event(PROBE_FRAME, PROBE_OF_PIPE, PROBE_FRAME_PACKET, PACKET_BYTES);
}

static void probe_before_reply(size_t bytes)
{
    const int i = probe_now;

    probe_expect(bytes == 1, "TOO MUCH WRITTEN @11.5", "reply", (long)bytes, 0,
                 0);
    probe_expect(probe_replies < probe_calls, "REPLY TOO EARLY @11.5", "byte",
                 probe_replies + 1, probe_calls, 0);
    if (i >= 0)
        probe_jobs[i].replied = true;
    probe_replies++;
    probe_outlook();
    probe_event(PROBE_NOTE, i, PROBE_SAID_BYTE, 0);
}

/* The pipe thread waits behind each byte until main has taken and freed that
 * callable: what it does then with it shows. */
static bool probe_holds;
static atomic_int probe_passed; /* bytes behind which it has gone on */

static void probe_hold(void)
{
    probe_quiet(true);
    for (int i = 0; i < 10000 && probe_passed < probe_replies; i++)
        usleep(200);
    probe_quiet(false);
}

static ssize_t probe_write(int fd, const void *from, size_t bytes)
{
    const bool jobs = fd >= 0 && fd == probe_jobs_fds[1];
    const bool done = fd >= 0 && fd == probe_done_fds[1];
    ssize_t n;
    int error;

    if (probe_fit.active && fd == probe_fit.end)
        return probe_fill(fd, from, bytes);
    if (jobs)
        probe_before_packet(from, bytes);
    probe_expect(!done || !probe_submitting, "WRONG PACKET @11.4", "pipe", 0, 0,
                 0);
    if (done)
        probe_before_reply(bytes);
    n = write(fd, from, bytes);
    error = errno;
    if (n > 0 && (jobs || done))
        probe_figure_add("pipe_calls", 1);
    if (n > 0 && jobs)
        probe_event(PROBE_LEVEL, -1, PROBE_BAR_JOBS,
                    probe_waiting(probe_jobs_fds[0]) / PACKET_BYTES);
    if (n > 0 && done)
        probe_event(PROBE_LEVEL, -1, PROBE_BAR_DONE,
                    probe_waiting(probe_done_fds[0]));
    if (n > 0 && done && probe_holds)
        probe_hold();
    errno = error;
    return n;
}

/* A read within pipe_read_poll(). */
static void probe_in_poll(ssize_t n, int error, size_t bytes)
{
    if (n > 0)
        probe_polled.came += (size_t)n;
    if (n < 0 && error == EAGAIN)
        probe_often(&probe_polled.nothing, 1000, "NEVER YIELDED @11.2",
                    "reads");
    if (n == 0 && bytes > 0)
        probe_often(&probe_polled.ends, 1000,
                    "BUSY LOOP: reads the end again @11.2", "end again");
}

static long probe_ends; /* reads of the jobs' end, of this loop */

static ssize_t probe_read(int fd, void *to, size_t bytes)
{
    const bool jobs = fd >= 0 && fd == probe_jobs_fds[0];
    const bool done = fd >= 0 && fd == probe_done_fds[0];
    const ssize_t n = read(fd, to, bytes);
    const int error = errno;

    if (n > 0 && (jobs || done))
        probe_figure_add("pipe_calls", 1);
    if (n > 0 && jobs) {
        probe_expect(bytes >= PACKET_BYTES, "TRUNCATED @11.5", "tail",
                     (long)bytes, PACKET_BYTES, PACKET_BYTES - (long)bytes);
        probe_event(PROBE_FRAME, PROBE_OF_PIPE, -1, 0);
        probe_event(PROBE_LEVEL, -1, PROBE_BAR_JOBS,
                    probe_waiting(fd) / PACKET_BYTES);
    }
    if (n > 0 && done)
        probe_event(PROBE_LEVEL, -1, PROBE_BAR_DONE, probe_waiting(fd));
    if (probe_polled.active && !probe_is_pipe_thread)
        probe_in_poll(n, error, bytes);
    if (n == 0 && bytes > 0 && jobs)
        probe_often(&probe_ends, 100, "NEVER STOPS @11.5", "end");
    errno = error;
    return n;
}

/* In pieces: the same, by way of one buffer. */
enum { PROBE_BUFFER = 2 * PIPE_BUF };

static ssize_t probe_writev(int fd, const struct iovec *parts, int count)
{
    char buffer[PROBE_BUFFER];
    size_t bytes = 0;

    for (int i = 0; i < count; i++) {
        if (bytes + parts[i].iov_len > sizeof(buffer))
            return writev(fd, parts, count);
        memcpy(buffer + bytes, parts[i].iov_base, parts[i].iov_len);
        bytes += parts[i].iov_len;
    }
    return probe_write(fd, buffer, bytes);
}

static ssize_t probe_readv(int fd, const struct iovec *parts, int count)
{
    char buffer[PROBE_BUFFER];
    size_t bytes = 0, done = 0;
    ssize_t n;
    int error;

    for (int i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    if (bytes > sizeof(buffer))
        return readv(fd, parts, count);
    n = probe_read(fd, buffer, bytes);
    error = errno;
    for (int i = 0; i < count && (ssize_t)done < n; i++) {
        const size_t rest = (size_t)n - done;
        const size_t part = parts[i].iov_len < rest ? parts[i].iov_len : rest;

        memcpy(parts[i].iov_base, buffer + done, part);
        done += part;
    }
    errno = error;
    return n;
}

static bool probe_submit(struct pipe_thread *self, struct callable *callable)
{
    const int before = probe_sent;
    bool sent;

    probe_submitting = true;
    sent = pipe_thread_submit(self, callable);
    probe_submitting = false;
    probe_expect(probe_sent > before || !(sent || probe_strict),
                 "NO REPLY @11.4", "unsent", 0, 0, 0);
    probe_expect(probe_sent == before || sent, "WRONG RESULT @11.4", "submit",
                 0, 0, 0);
    return sent;
}

/* What was sent gets its byte, before the pipe thread says that it ends. */
static void probe_expect_replies(void)
{
    probe_expect(probe_replies >= probe_sent, "NO REPLY @11.5", "ended",
                 probe_sent, probe_replies, 0);
}

static int probe_close(int fd)
{
    int result, error;

    if (probe_is_pipe_thread && fd >= 0 && fd == probe_done_fds[1])
        probe_expect_replies();
    result = close(fd);
    error = errno;
    probe_expect(result == 0 || error != EBADF,
                 probe_fit.active       ? "CLOSED TWICE @11.1"
                 : probe_is_pipe_thread ? "CLOSED TWICE @11.5"
                                        : "CLOSED TWICE @11.4",
                 "fd", fd, 0, 0);
    if (probe_stopping)
        probe_outlook();
    errno = error;
    return result;
}

static void probe_stop(struct pipe_thread *self)
{
    probe_stopping = true;
    probe_outlook();
    pipe_thread_stop(self);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    if (!probe_strict)
        return;
    probe_expect(fcntl(probe_jobs_fds[1], F_GETFD) < 0, "LEFT OPEN @11.4",
                 "jobs", 0, 0, 0);
    probe_expect(probe_ended, "ENDED EARLY @11.4", "pipe thread", 0, 0, 0);
    probe_expect(fcntl(probe_done_fds[0], F_GETFD) < 0, "LEFT OPEN @11.4",
                 "done", 0, 0, 0);
}

static void probe_loop(int jobs, int done)
{
    probe_is_pipe_thread = true;
    probe_ends = 0;
    pipe_thread_loop(jobs, done);
    probe_expect_replies();
    probe_ended = true;
}

/* --- 11.3: callables ------------------------------------------------------ */

/* Writes over the whole result first, then reads the state. */
struct probe_state {
    size_t state_bytes;
    size_t result_bytes;
    unsigned char text[200];
};

static void probe_digest(const void *state, void *result)
{
    const struct probe_state *self = state;
    unsigned char *to = result;
    unsigned sum = 0;

    probe_called(state, result);
    memset(to, 0xee, self->result_bytes);
    for (size_t i = offsetof(struct probe_state, text); i < self->state_bytes;
         i++)
        sum = sum * 31 + ((const unsigned char *)state)[i];
    for (size_t i = 0; i < self->result_bytes; i++)
        to[i] = (unsigned char)(sum >> (i % 4 * 8));
}

static struct probe_state probe_random_state(void)
{
    struct probe_state state = {
        .state_bytes = offsetof(struct probe_state, text) + probe_random(200),
        .result_bytes = 1 + probe_random(200)};

    for (size_t i = 0; i < sizeof(state.text); i++)
        state.text[i] = (unsigned char)probe_random(256);
    return state;
}

/* The state is in a frame that is gone, and written over, when this returns. */
static struct callable *probe_new_digest(const struct probe_state *source)
{
    struct probe_state state = *source;
    struct callable *callable = probe_callable_new(
        probe_digest, &state, state.state_bytes, state.result_bytes);

    memset(&state, 0x77, sizeof(state));
    probe_expect(callable, "NO CALLABLE @11.3", "null", 0, 0, 0);
    return callable;
}

static void probe_look_at_result(struct callable *callable,
                                 const struct probe_state *state, long job)
{
    const unsigned char *got = callable_result(callable);
    unsigned sum = 0;

    for (size_t i = 0;
         i + offsetof(struct probe_state, text) < state->state_bytes; i++)
        sum = sum * 31 + state->text[i];
    for (size_t i = 0; i < state->result_bytes; i++)
        probe_expect(got[i] == (unsigned char)(sum >> (i % 4 * 8)),
                     "WRONG RESULT @11.3", "byte", (long)i,
                     (long)state->result_bytes, job);
}

PROBE_CASE(callable)
{
    struct probe_state states[10];
    struct callable *callables[10];

    probe_strict = true;
    for (int i = 0; i < 10; i++) {
        states[i] = probe_random_state();
        callables[i] = probe_new_digest(&states[i]);
    }
    for (int i = 0; i < 10; i++) {
        callable_call(callables[i]);
        probe_expect(probe_calls == i + 1, "WRONG RESULT @11.3", "no call", 0,
                     0, 0);
    }
    for (int i = 0; i < 10; i++)
        probe_look_at_result(callables[i], &states[i], i);
}

/* --- 11.4: packets, and the end ------------------------------------------- */

static void probe_make_pipes(struct pipe_thread *self)
{
    lesson_unwrap(pipe2(self->jobs, O_DIRECT | O_CLOEXEC), "pipe");
    lesson_unwrap(pipe2(self->done, O_DIRECT | O_CLOEXEC), "pipe");
    lesson_unwrap(fcntl(self->done[0], F_SETFL, O_NONBLOCK), "pipe");
    probe_start(self->jobs, self->done);
}

/* The checker's pipe thread: takes packets, calls nothing. */
static void *probe_take_packets(void *arg)
{
    struct pipe_thread *self = arg;
    char packet[64];
    ssize_t n;

    probe_thread("pipe");
    while ((n = read(self->jobs[0], packet, sizeof(packet))) > 0)
        ;
    usleep(20000); /* who does not wait for this thread is seen */
    probe_expect(fcntl(self->done[0], F_GETFD) >= 0, "CLOSED TOO EARLY @11.4",
                 "done", 0, 0, 0);
    probe_ended = true;
    return NULL;
}

/* Nobody can read the packet: it did not go in. */
static void probe_submit_in_vain(void)
{
    const struct probe_state state = probe_random_state();
    struct pipe_thread thread = {.jobs = {-1, -1}, .done = {-1, -1}};

    lesson_unwrap(pipe2(thread.jobs, O_DIRECT | O_CLOEXEC), "pipe");
    close(thread.jobs[0]);
    signal(SIGPIPE, SIG_IGN);
    probe_expect(!pipe_thread_submit(&thread, probe_new_digest(&state)),
                 "ERROR LOST @11.4", "submit", 0, 0, 0);
    signal(SIGPIPE, SIG_DFL);
    close(thread.jobs[1]);
}

PROBE_CASE(submit)
{
    struct pipe_thread thread;
    struct probe_state state;

    probe_strict = true;
    probe_submit_in_vain();
    probe_make_pipes(&thread);
    lesson_spawn_thread(&thread.thread, probe_take_packets, &thread);
    for (int i = 0; i < 10; i++) {
        state = probe_random_state();
        probe_submit(&thread, probe_new_digest(&state));
    }
    probe_stop(&thread);
}

/* --- 11.5: the loop ------------------------------------------------------- */

static void *probe_run_loop(void *arg)
{
    struct pipe_thread *self = arg;

    probe_thread("pipe");
    probe_loop(self->jobs[0], self->done[1]);
    return NULL;
}

static void probe_send(const struct pipe_thread *self,
                       struct callable *callable)
{
    const struct packet packet = {callable, callable->bytes};

    probe_write(self->jobs[1], &packet, sizeof(packet));
}

/* Waits for one byte. */
static void probe_take_byte(const struct pipe_thread *self, long job)
{
    char byte;
    ssize_t n;

    poll(&(struct pollfd){self->done[0], POLLIN, 0}, 1, -1);
    n = read(self->done[0], &byte, 1);
    probe_expect(n != 0, "NO REPLY @11.5", "closed", job, 0, 0);
}

/* A callable without its result, as it was when main freed it; it stays in
 * memory. */
static struct {
    const struct callable *callable;
    void *copy;
    size_t bytes;
    long job;
} probe_let_go;

static void probe_expect_untouched(void)
{
#ifndef PROBE_ASAN
    if (probe_let_go.copy)
        probe_expect(memcmp(probe_let_go.callable, probe_let_go.copy,
                            probe_let_go.bytes) == 0,
                     "DANGLING CALLABLE @11.5", "after the byte",
                     probe_let_go.job, 0, 0);
#endif
    free(probe_let_go.copy);
    probe_let_go.copy = NULL;
}

static void probe_take_back(struct callable *callable, long job)
{
    probe_let_go.callable = callable;
    probe_let_go.bytes = sizeof(*callable) + callable->result_at;
    probe_let_go.copy = malloc(probe_let_go.bytes);
    probe_let_go.job = job;
    if (!probe_let_go.copy)
        abort();
    memcpy(probe_let_go.copy, callable, probe_let_go.bytes);
    probe_free(callable);
    probe_passed++;
}

/* Jobs in flight: `at_once`. */
static void probe_run_jobs(int jobs, int at_once)
{
    struct probe_state states[64];
    struct callable *callables[64];
    struct pipe_thread thread;
    char byte;

    probe_strict = true;
    probe_make_pipes(&thread);
    lesson_spawn_thread(&thread.thread, probe_run_loop, &thread);
    for (int i = 0, taken = 0; taken < jobs; taken++) {
        for (; i < jobs && i < taken + at_once; i++) {
            states[i] = probe_random_state();
            callables[i] = probe_new_digest(&states[i]);
            probe_send(&thread, callables[i]);
        }
        probe_take_byte(&thread, taken);
        probe_expect_untouched();
        probe_look_at_result(callables[taken], &states[taken], taken);
        probe_take_back(callables[taken], taken);
    }
    close(thread.jobs[1]);
    probe_if_stuck("NEVER STOPS @11.5", "done open", 0, 0, 0);
    poll(&(struct pollfd){thread.done[0], POLLIN, 0}, 1, -1);
    probe_expect(read(thread.done[0], &byte, 1) == 0, "TOO MUCH WRITTEN @11.5",
                 "bytes", jobs, 0, 0);
    pthread_join(thread.thread, NULL);
    probe_expect_untouched();
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    probe_expect(fcntl(thread.jobs[0], F_GETFD) < 0, "LEFT OPEN @11.5", "loop",
                 0, 0, 0);
}

PROBE_CASE(loop)
{
    probe_holds = true;
    probe_run_jobs(20, 1);
}

PROBE_CASE(queued)
{
    probe_run_jobs(40, 16);
}

/* All parts together, with the lesson's own start. */
PROBE_CASE(together)
{
    struct probe_state states[16];
    struct callable *callables[16];
    struct pipe_thread thread;
    const int files = probe_open_files();
    char bytes[16];
    struct pipe_read done = {.to = bytes, .wanted = 16};

    probe_strict = true;
    pipe_thread_start(&thread);
    done.end = thread.done[0];
    for (int i = 0; i < 16; i++) {
        states[i] = probe_random_state();
        callables[i] = probe_new_digest(&states[i]);
        probe_submit(&thread, callables[i]);
    }
    while (probe_pipe_read_poll(&done) == NOT_READY)
        poll(&(struct pollfd){done.end, POLLIN, 0}, 1, -1);
    probe_expect(done.got == 16, "NO REPLY @11.5", "closed", (long)done.got, 0,
                 0);
    for (int i = 0; i < 16; i++) {
        probe_look_at_result(callables[i], &states[i], i);
        probe_free(callables[i]);
    }
    probe_stop(&thread);
    probe_expect(probe_open_files() == files, "LEFT OPEN @11.5", "ends",
                 probe_open_files() - files, 0, 0);
}
