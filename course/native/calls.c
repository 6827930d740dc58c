/* SPDX-License-Identifier: MIT */
/*
 * calls.c - the system and pthread calls of a check build, recorded.
 *
 * Part of probe.c (included there). Each function has the name of the real one,
 * so the program's calls come here; the real one is found by dlsym(). A call
 * that orders threads or touches the kernel is a *point*: the delay sweep may
 * sleep before it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/sockios.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <threads.h>

static void *find(const char *name)
{
    /* The newest condition variables, where there are two kinds of them. */
    void *address = strncmp(name, "pthread_cond_", 13) == 0
                        ? dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2")
                        : NULL;

    return address ? address : dlsym(RTLD_NEXT, name);
}

#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (!real)                     \
    real = (__typeof__(&name))(uintptr_t)find(#name)

static void real_sleep(const struct timespec *pause)
{
    REAL(clock_nanosleep);
    real(CLOCK_MONOTONIC, 0, pause, NULL);
}

/* --- points, blocked marks --------------------------------------------- */

enum { DELAY_MS = 150 };

/* A file of /proc/self/task/THREAD. Returns: its length, or -1. */
static long read_of_thread(const char *thread, const char *name, char *text,
                           size_t size)
{
    char path[64];
    long file, length;

    snprintf(path, sizeof(path), "/proc/self/task/%s/%s", thread, name);
    file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    length = syscall(SYS_read, file, text, size - 1);
    syscall(SYS_close, file);
    text[length > 0 ? length : 0] = '\0';
    return length;
}

/* Adds how long a thread has waited for a processor until now. Returns: false:
 * the kernel does not say. */
static bool add_wait(const char *thread, uint64_t *ns, unsigned *runnable)
{
    char text[512], *at;

    if (read_of_thread(thread, "stat", text, sizeof(text)) <= 0)
        return true; /* it has ended */
    at = strrchr(text, ')');
    *runnable += at && at[2] == 'R';
    if (read_of_thread(thread, "schedstat", text, sizeof(text)) <= 0)
        return false;
    at = strchr(text, ' ');
    *ns += at ? strtoull(at, NULL, 10) : 0;
    return at;
}

/* The sum over all threads, and how many of them can run now. */
static bool all_waits(uint64_t *ns, unsigned *runnable)
{
    struct entry {
        uint64_t inode, offset;
        unsigned short length;
        unsigned char type;
        char name[];
    };
    _Alignas(struct entry) char entries[2048];
    const long folder = syscall(SYS_openat, AT_FDCWD, "/proc/self/task",
                                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool known = folder >= 0;
    long length;

    *ns = *runnable = 0;
    while (folder >= 0 && (length = syscall(SYS_getdents64, folder, entries,
                                            sizeof(entries))) > 0)
        for (long at = 0; at < length;) {
            const struct entry *one = (const void *)(entries + at);

            if (one->name[0] != '.')
                known &= add_wait(one->name, ns, runnable);
            at += one->length;
        }
    if (folder >= 0)
        syscall(SYS_close, folder);
    return known;
}

enum { LATE_UNKNOWN = 1000000 };

/*
 * Sleep, and tell how late the other threads were meanwhile, in ms: so long
 * they have waited for a processor. One that can run at the end has not yet
 * come to where it sleeps: then nobody knows, as when the kernel does not say,
 * or on a thread that the C library has not made.
 */
static uint32_t sleep_and_look(const struct timespec *pause)
{
    const bool own = bare_of(HERE) < 0;
    const int saved = errno;
    uint64_t before, after;
    unsigned runnable;
    bool known;

    known = own && all_waits(&before, &runnable);
    real_sleep(pause);
    known = known && all_waits(&after, &runnable) && runnable <= 1;
    if (own)
        errno = saved;
    return known && after >= before ? (uint32_t)((after - before) / 1000000)
                                    : LATE_UNKNOWN;
}

#define point() point_at(HERE, __func__)

/* One more call of this thread; the sweep's delay, if it is this one. */
static void point_at(const void *frame, const char *name)
{
    const struct timespec pause = {setting.delay_ms / 1000,
                                   setting.delay_ms % 1000 * 1000000L};

    if (!recording() || !is_own(frame))
        return;
    new_row(NULL);
    row()->calls++;
    if (setting.delay_thread && row()->calls == setting.delay_call &&
        strcmp(row()->name, setting.delay_thread) == 0) {
        row()->delayed = 1;
        snprintf(row()->delayed_in, sizeof(row()->delayed_in), "%s", name);
        walk(frame, row()->delayed_pc);
        record(frame, PROBE_SLEEP, -1, 0, -1, setting.delay_ms);
        row()->late_ms = sleep_and_look(&pause);
    }
}

static int64_t begin_wait(const void *frame, const char *what)
{
    self.sleeps++;
    if (!recording())
        return 0;
    new_row(NULL);
    if (row()->parking && strcmp(what, "pthread_mutex_lock") != 0) {
        row()->parking = 0;
        record(frame, PROBE_PARK, -1, -1, -1, 0);
    }
    walk(frame, row()->blocked_pc);
    snprintf(row()->blocked_in, sizeof(row()->blocked_in), "%s", what);
    __atomic_store_n(&row()->blocked_since, now_ns(), __ATOMIC_RELEASE);
    return (int64_t)row()->blocked_since;
}

static void end_wait(void)
{
    if (recording())
        __atomic_store_n(&row()->blocked_since, 0, __ATOMIC_RELEASE);
}

static long ms_of(int64_t ns)
{
    return (long)((ns + 999999) / 1000000);
}

static int64_t ns_of_timespec(const struct timespec *time)
{
    return time ? (int64_t)time->tv_sec * 1000000000 + time->tv_nsec : 0;
}

static long ms_of_timespec(const struct timespec *time)
{
    return ms_of(ns_of_timespec(time));
}

/* A call that waited: it blocked, if it came back with something. */
static void waited(const void *frame, int64_t since, int result)
{
    if (since && result > 0)
        record(frame, PROBE_BLOCK, -1, -1, -1, ms_of(now_ns() - since));
}

/* The learner's code has waited for a lock, and not only for a moment. */
static void waited_for_lock(const void *frame, int64_t ns)
{
    if (ns >= 1000000 && is_own(frame))
        record(frame, PROBE_LOCKED, -1, -1, -1, (long)(ns / 1000));
}

static void slept(const void *frame, long ms)
{
    if (recording() && is_own(frame))
        __atomic_add_fetch(&memory->counts[COUNT_SLEPT], (uint64_t)ms,
                           __ATOMIC_RELAXED);
    record(frame, PROBE_SLEEP, -1, -1, -1, ms);
}

/*
 * A wait of the lesson's own code with a time-out: it wakes now and then though
 * nothing has come, also where no time-out was over yet in this run. A time-out
 * of days is no such wait.
 */
static void timed(const void *frame, int64_t ns)
{
    if (ns > 0 && ns < (int64_t)86400 * 1000000000)
        count(frame, COUNT_TIMED);
}

/* Until the absolute time `end`, of whichever clock it is nearer to. */
static int64_t until(const struct timespec *end)
{
    const int64_t at = (int64_t)end->tv_sec * 1000000000 + end->tv_nsec;
    struct timespec real;
    int64_t from_real;

    clock_gettime(CLOCK_REALTIME, &real);
    from_real = at - (int64_t)real.tv_sec * 1000000000 - real.tv_nsec;
    return llabs(from_real) < llabs(at - now_ns()) ? from_real : at - now_ns();
}

/* Whether a call on this descriptor would make the thread sleep now. */
static bool would_sleep(int fd, short events)
{
    REAL(poll);
    struct pollfd one = {.fd = fd, .events = events};
    const int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && !(flags & O_NONBLOCK) && real(&one, 1, 0) == 0;
}

/* --- descriptors: tokens ----------------------------------------------- */

enum { MAX_FD = 2048 };

static struct {
    uint64_t data; /* what epoll gives back */
    uint32_t mask; /* of the last epoll_ctl() */
    bool registered;
    bool told; /* it has had an event since then */
    bool event_fd;
    bool connecting;
    int in_bar, out_bar;     /* see probe_buckets(); 0: none */
    int in_bytes, out_bytes; /* the last that was recorded */
    long sent;  /* bytes that the kernel has taken since it was opened */
    long taken; /* bytes that were read and not only looked at */
    bool peeked;
} fds[MAX_FD];

/* An eventfd by which the library wakes a thread of its own. */
static bool is_bell(const void *frame, int fd)
{
    return fd >= 0 && fd < MAX_FD && fds[fd].event_fd && !is_own(frame);
}

static _Thread_local bool add_again; /* see probe_register_again() */

static bool known(int fd)
{
    return fd >= 0 && fd < MAX_FD;
}

static int fd_of(uint64_t data)
{
    for (int fd = 0; fd < MAX_FD; fd++)
        if (fds[fd].registered && fds[fd].data == data)
            return fd;
    return -1;
}

/* The token, where it is a small number of the lesson's; else the descriptor.
 */
static long source_of(const void *frame, uint64_t data, int fd)
{
    return (uint32_t)data < 100000 && is_own(frame) ? (long)(uint32_t)data : fd;
}

static void look_into(const void *frame, int fd, unsigned long what, int bar,
                      int *last)
{
    int bytes = 0;

    if (!bar || ioctl(fd, what, &bytes) < 0 || bytes == *last)
        return;
    *last = bytes;
    record(frame, PROBE_LEVEL, -1, bar, -1, bytes);
}

/* How full the buffers of a socket are, if a lesson wants to show it. */
static void look_into_buckets(const void *frame, int fd)
{
    const int saved = errno;

    if (known(fd) && recording()) {
        look_into(frame, fd, SIOCOUTQ, fds[fd].out_bar, &fds[fd].out_bytes);
        look_into(frame, fd, FIONREAD, fds[fd].in_bar, &fds[fd].in_bytes);
    }
    errno = saved;
}

long probe_sent_bytes(int fd)
{
    return known(fd) ? fds[fd].sent : 0;
}

long probe_taken_bytes(int fd)
{
    return known(fd) ? fds[fd].taken : 0;
}

bool probe_peeked(int fd)
{
    return known(fd) && fds[fd].peeked;
}

void probe_buckets(int fd, int in, int out)
{
    if (!known(fd))
        return;
    fds[fd].in_bar = in;
    fds[fd].out_bar = out;
}

/* --- sockets, files ---------------------------------------------------- */

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    REAL(connect);
    int result;

    point();
    /* The library asks again, to learn how it went. */
    if (!known(fd) || !fds[fd].connecting || is_own(HERE))
        record(HERE, PROBE_CONNECT, -1, -1, fd, fd);
    if (known(fd))
        fds[fd].connecting = true;
    result = real(fd, address, length);
    return result;
}

/* value 1 of WOULD_BLOCK: there was no room to send. */
static void sent(const void *frame, int fd, ssize_t n)
{
    const int saved = errno;

    if (n > 0 && known(fd))
        fds[fd].sent += n;
    if (n >= 0)
        record(frame, PROBE_SEND, -1, -1, fd, n);
    else if (saved == EAGAIN || saved == EWOULDBLOCK)
        record(frame, PROBE_WOULD_BLOCK, -1, -1, fd, 1);
    look_into_buckets(frame, fd);
    errno = saved;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    REAL(send);
    ssize_t n;

    point();
    n = real(fd, data, size, flags);
    sent(HERE, fd, n);
    return n;
}

static void received(const void *frame, int kind, int fd, ssize_t n, int flags)
{
    if (n > 0 && known(fd)) {
        fds[fd].peeked |= flags & MSG_PEEK;
        fds[fd].taken += flags & MSG_PEEK ? 0 : n;
    }
    if (n >= 0) {
        count(frame, COUNT_READS);
        record(frame, kind, -1, -1, fd, n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        record(frame, PROBE_WOULD_BLOCK, -1, -1, fd, 0);
    }
    look_into_buckets(frame, fd);
}

static ssize_t wait_and_receive(const void *frame, const char *what, int kind,
                                int fd, struct iovec *piece, int flags,
                                ssize_t (*receive)(int, struct iovec *, int))
{
    int64_t since = 0;
    ssize_t n;
    int saved;

    point();
    if (recording() && !(flags & MSG_DONTWAIT) && would_sleep(fd, POLLIN))
        since = begin_wait(frame, what);
    n = receive(fd, piece, flags);
    saved = errno;
    if (since) {
        end_wait();
        record(frame, PROBE_BLOCK, -1, -1, fd, ms_of(now_ns() - since));
    }
    errno = saved;
    received(frame, kind, fd, n, flags);
    errno = saved;
    return n;
}

static ssize_t real_recv(int fd, struct iovec *piece, int flags)
{
    REAL(recv);
    return real(fd, piece->iov_base, piece->iov_len, flags);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    struct iovec piece = {data, size};

    return wait_and_receive(HERE, "recv", PROBE_RECV, fd, &piece, flags,
                            real_recv);
}

ssize_t recvfrom(int fd, void *restrict data, size_t size, int flags,
                 struct sockaddr *restrict address, socklen_t *restrict length)
{
    struct iovec piece = {data, size};

    (void)address;
    (void)length;
    return wait_and_receive(HERE, "recvfrom", PROBE_RECV, fd, &piece, flags,
                            real_recv);
}

static ssize_t real_read(int fd, struct iovec *piece, int flags)
{
    REAL(read);
    (void)flags;
    return real(fd, piece->iov_base, piece->iov_len);
}

static bool is_socket(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

ssize_t read(int fd, void *data, size_t size)
{
    struct iovec piece = {data, size};

    return wait_and_receive(HERE, "read",
                            is_socket(fd) ? PROBE_RECV : PROBE_READ, fd, &piece,
                            0, real_read);
}

/* A message is recorded like a send or a read; such calls wait for nothing in
 * a lesson. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg);
    ssize_t n;

    point();
    n = real(fd, message, flags);
    sent(HERE, fd, n);
    return n;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    REAL(recvmsg);
    ssize_t n;
    int saved;

    point();
    n = real(fd, message, flags);
    saved = errno;
    received(HERE, PROBE_RECV, fd, n, flags);
    errno = saved;
    return n;
}

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(write);
    ssize_t n;
    int saved;

    point();
    n = real(fd, data, size);
    saved = errno;
    if (n >= 0)
        record(HERE, PROBE_WRITE, -1, -1, fd, n);
    if (n > 0 && known(fd))
        fds[fd].sent += n;
    errno = saved;
    return n;
}

int eventfd(unsigned initial, int flags)
{
    REAL(eventfd);
    const int fd = real(initial, flags);

    if (known(fd))
        fds[fd].event_fd = true;
    return fd;
}

int eventfd_write(int fd, eventfd_t value)
{
    return write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
}

int eventfd_read(int fd, eventfd_t *value)
{
    return read(fd, value, sizeof(*value)) == sizeof(*value) ? 0 : -1;
}

int close(int fd)
{
    REAL(close);
    int result;

    if (known(fd) && fd > 2) {
        point();
        record(HERE, PROBE_CLOSE, -1, -1, fd, fd);
        fds[fd].registered = fds[fd].event_fd = false;
        fds[fd].connecting = false;
        fds[fd].sent = fds[fd].taken = 0;
        fds[fd].peeked = false;
        probe_buckets(fd, 0, 0);
    }
    result = real(fd);
    if (result < 0 && errno == EBADF && known(fd) && fd > 2 && recording()) {
        keep_place(HERE, PLACE_CLOSE);
        __atomic_add_fetch(&memory->counts[COUNT_CLOSED_TWICE], 1,
                           __ATOMIC_RELAXED);
    }
    return result;
}

/* --- epoll, poll, select ----------------------------------------------- */

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    REAL(epoll_ctl);
    const uint64_t data = event ? event->data.u64 : 0;
    const bool add = operation == EPOLL_CTL_ADD;
    int result, saved;

    point();
    if (known(fd) && add && !fds[fd].registered)
        fds[fd].data = data;
    if (known(fd) && add)
        fds[fd].registered = true;
    if (is_bell(HERE, fd)) {
        /* nothing that a lesson speaks of */
    } else if (operation == EPOLL_CTL_DEL) {
        record(HERE, PROBE_DEREGISTER, -1,
               known(fd) ? source_of(HERE, fds[fd].data, fd) : fd, fd, fd);
    } else if (add || !known(fd) || fds[fd].registered) {
        record(HERE, PROBE_REGISTER, event ? (long)event->events : 0,
               source_of(HERE, data, fd), fd,
               fd); /* the mask stands for a task */
        if (!add && known(fd))
            fds[fd].data = data;
    }
    count(HERE, COUNT_EPOLL_CTL);
    if (known(fd) && event) {
        fds[fd].mask = event->events;
        fds[fd].told = false;
    }
    result = real(epoll, operation, fd, event);
    if (result < 0 && add && errno == EEXIST && add_again)
        result = real(epoll, EPOLL_CTL_MOD, fd, event);
    saved = errno;
    if (result == 0 && add)
        count(HERE, COUNT_ADD);
    if (result == 0 && operation == EPOLL_CTL_DEL)
        count(HERE, COUNT_DELETE);
    if (result < 0 && add && errno == EEXIST)
        count(HERE, COUNT_TWICE);
    if (known(fd) && operation == EPOLL_CTL_DEL)
        fds[fd].registered = false;
    errno = saved;
    return result;
}

bool probe_is_registered(int fd)
{
    return known(fd) && fds[fd].registered;
}

unsigned probe_mask(int fd)
{
    return known(fd) && fds[fd].registered ? fds[fd].mask : 0;
}

bool probe_disarmed(int fd)
{
    return probe_mask(fd) & EPOLLONESHOT && fds[fd].told;
}

void probe_register_again(bool allowed)
{
    add_again = allowed;
}

static void tell_events(const void *frame, const struct epoll_event *events,
                        int n)
{
    record(frame, PROBE_EPOLL_DONE, -1, -1, -1, n);
    for (int i = 0; i < n; i++) {
        const int fd = fd_of(events[i].data.u64);
        const bool plain = !known(fd) || !fds[fd].event_fd;

        if (known(fd))
            fds[fd].told = true;
        if (is_bell(frame, fd))
            continue;

        /* 1 in place of a task: of an eventfd, no socket. */
        record(frame, PROBE_EVENT, plain ? -1 : 1,
               source_of(frame, events[i].data.u64, fd), fd, events[i].events);
        look_into_buckets(frame, fd);
    }
}

int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
    REAL(epoll_wait);
    int64_t since;
    int n, saved;

    point();
    record(HERE, PROBE_EPOLL_WAIT, -1, -1, epoll, 0);
    if (timeout == 0 && is_own(HERE))
        count(HERE, COUNT_SPINS);
    timed(HERE, (int64_t)timeout * 1000000);
    since = timeout ? begin_wait(HERE, "epoll_wait") : 0;
    n = real(epoll, events, room, timeout);
    saved = errno;
    if (timeout)
        end_wait();
    if (n == 0 && timeout > 0)
        slept(HERE, ms_of(now_ns() - since));
    if (n >= 0)
        tell_events(HERE, events, n);
    errno = saved;
    return n;
}

int epoll_pwait(int epoll, struct epoll_event *events, int room, int timeout,
                const sigset_t *mask)
{
    (void)mask;
    return epoll_wait(epoll, events, room, timeout);
}

int epoll_pwait2(int epoll, struct epoll_event *events, int room,
                 const struct timespec *time, const sigset_t *mask)
{
    REAL(epoll_pwait2);
    int64_t since;
    int n, saved;

    if (!real) {
        errno = ENOSYS;
        return -1;
    }
    point();
    record(HERE, PROBE_EPOLL_WAIT, -1, -1, epoll, 0);
    timed(HERE, ns_of_timespec(time));
    since = begin_wait(HERE, "epoll_wait");
    n = real(epoll, events, room, time, mask);
    saved = errno;
    end_wait();
    if (n == 0 && time)
        slept(HERE, ms_of(now_ns() - since));
    if (n >= 0)
        tell_events(HERE, events, n);
    errno = saved;
    return n;
}

int poll(struct pollfd *list, nfds_t n, int timeout)
{
    REAL(poll);
    int64_t since;
    int result, saved;

    point();
    if (timeout == 0 && is_own(HERE))
        count(HERE, COUNT_SPINS);
    timed(HERE, (int64_t)timeout * 1000000);
    since = timeout ? begin_wait(HERE, "poll") : 0;
    result = real(list, n, timeout);
    saved = errno;
    if (timeout)
        end_wait();
    if (result == 0 && timeout > 0)
        slept(HERE, ms_of(now_ns() - since));
    waited(HERE, since, result);
    errno = saved;
    return result;
}

int select(int n, fd_set *restrict in, fd_set *restrict out,
           fd_set *restrict other, struct timeval *restrict timeout)
{
    REAL(select);
    const bool waits = !timeout || timeout->tv_sec || timeout->tv_usec;
    int64_t since;
    int result, saved;

    point();
    if (timeout)
        timed(HERE,
              ((int64_t)timeout->tv_sec * 1000000 + timeout->tv_usec) * 1000);
    since = waits ? begin_wait(HERE, "select") : 0;
    result = real(n, in, out, other, timeout);
    saved = errno;
    if (waits)
        end_wait();
    if (result == 0 && waits)
        slept(HERE, ms_of(now_ns() - since));
    waited(HERE, since, result);
    errno = saved;
    return result;
}

int ppoll(struct pollfd *list, nfds_t n, const struct timespec *time,
          const sigset_t *mask)
{
    (void)mask;
    return poll(list, n, time ? (int)ms_of_timespec(time) : -1);
}

/* --- sleeps ------------------------------------------------------------ */

int nanosleep(const struct timespec *pause, struct timespec *left)
{
    REAL(nanosleep);

    point();
    slept(HERE, ms_of_timespec(pause));
    return real(pause, left);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *pause,
                    struct timespec *left)
{
    REAL(clock_nanosleep);

    point();
    slept(HERE, flags & TIMER_ABSTIME ? 0 : ms_of_timespec(pause));
    return real(clock, flags, pause, left);
}

int usleep(useconds_t us)
{
    REAL(usleep);

    point();
    slept(HERE, ms_of((int64_t)us * 1000));
    return real(us);
}

unsigned sleep(unsigned seconds)
{
    REAL(sleep);

    point();
    slept(HERE, (long)seconds * 1000);
    return real(seconds);
}

int thrd_sleep(const struct timespec *pause, struct timespec *left)
{
    REAL(thrd_sleep);

    point();
    slept(HERE, ms_of_timespec(pause));
    return real(pause, left);
}

/* An alarm is due: a sleep of all threads need not be the end. */
int setitimer(__itimer_which_t which, const struct itimerval *restrict now,
              struct itimerval *restrict before)
{
    REAL(setitimer);

    if (memory && which == ITIMER_REAL)
        __atomic_store_n(&memory->counts[COUNT_ALARM],
                         now->it_value.tv_sec || now->it_value.tv_usec,
                         __ATOMIC_RELAXED);
    return real(which, now, before);
}

unsigned alarm(unsigned seconds)
{
    REAL(alarm);

    if (memory)
        __atomic_store_n(&memory->counts[COUNT_ALARM], seconds != 0,
                         __ATOMIC_RELAXED);
    return real(seconds);
}

int sched_yield(void)
{
    REAL(sched_yield);

    point();
    return real();
}

/* --- threads, locks, conditions ---------------------------------------- */

#define POINT_CALL(type, name, parameters, arguments) \
    type name parameters                              \
    {                                                 \
        REAL(name);                                   \
        point();                                      \
        return real arguments;                        \
    }

#define WAIT_CALL(type, name, parameters, arguments) \
    type name parameters                             \
    {                                                \
        REAL(name);                                  \
        type result;                                 \
        point();                                     \
        begin_wait(HERE, #name);                     \
        result = real arguments;                     \
        end_wait();                                  \
        return result;                               \
    }

#define TIMED_CALL(type, name, parameters, arguments, left, over) \
    TIMED_WAIT(type, name, parameters, arguments, left, over, false)
#define TIMED_WAIT(type, name, parameters, arguments, left, over, early) \
    type name parameters                                                 \
    {                                                                    \
        REAL(name);                                                      \
        int64_t since;                                                   \
        type result;                                                     \
        point();                                                         \
        timed(HERE, left);                                               \
        if (early)                                                       \
            return 0;                                                    \
        since = begin_wait(HERE, #name);                                 \
        result = real arguments;                                         \
        end_wait();                                                      \
        if (over)                                                        \
            slept(HERE, since ? ms_of(now_ns() - since) : 0);            \
        return result;                                                   \
    }

/* With probe_spurious_wakes() the first wait of each thread ends at once. */
static bool is_spurious(const void *frame)
{
    if (!recording() || !spurious_wakes || self.woken_spuriously ||
        !is_own(frame))
        return false;
    self.woken_spuriously = true;
    return true;
}

/* The lesson's code has taken a lock (frame NULL: it has given it back). */
static void hold(const void *frame, const pthread_mutex_t *lock)
{
    const uint64_t old = frame ? 0 : (uint64_t)(uintptr_t)lock;

    for (int i = 0; i < HELD; i++) {
        if (row()->held[i].lock != old)
            continue;
        row()->held[i].lock = frame ? (uint64_t)(uintptr_t)lock : 0;
        if (frame)
            walk(frame, row()->held[i].pc);
        return;
    }
}

/* A lock that is free is taken, and counted. */
int pthread_mutex_trylock(pthread_mutex_t *lock)
{
    REAL(pthread_mutex_trylock);
    const int result = real(lock);

    if (result == 0 && recording()) {
        self.locks++;
        if (is_own(HERE))
            hold(HERE, lock);
    }
    return result;
}

/* A lock that somebody holds: the wait for it is marked, but is no sleep. */
int pthread_mutex_lock(pthread_mutex_t *lock)
{
    REAL(pthread_mutex_lock);
    int result = 0;

    if (!recording())
        return real(lock);
    point();
    if (pthread_mutex_trylock(lock) != 0) {
        const int64_t since = begin_wait(HERE, "pthread_mutex_lock");

        self.sleeps--;
        row()->wanted = (uint64_t)(uintptr_t)lock;
        result = real(lock);
        end_wait();
        self.locks++;
        waited_for_lock(HERE, now_ns() - since);
    }
    if (is_own(HERE))
        hold(HERE, lock);
    return result;
}

int pthread_mutex_unlock(pthread_mutex_t *lock)
{
    REAL(pthread_mutex_unlock);

    point();
    if (recording()) {
        self.locks--;
        hold(NULL, lock);
    }
    return real(lock);
}

POINT_CALL(int, pthread_cond_signal, (pthread_cond_t * condition), (condition))
POINT_CALL(int, pthread_cond_broadcast, (pthread_cond_t * condition),
           (condition))

/* It may return without a signal. */
int pthread_cond_wait(pthread_cond_t *restrict condition,
                      pthread_mutex_t *restrict lock)
{
    REAL(pthread_cond_wait);
    int result;

    point();
    if (recording() && is_own(HERE) && pthread_mutex_trylock(lock) == 0)
        probe_fail("LOST WAKE: lock not held", "unlocked", 0, 0, 0);
    if (is_spurious(HERE))
        return 0;
    begin_wait(HERE, "pthread_cond_wait");
    hold(NULL, lock);
    result = real(condition, lock);
    end_wait();
    if (recording() && is_own(HERE))
        hold(HERE, lock);
    return result;
}

TIMED_WAIT(int, pthread_cond_timedwait,
           (pthread_cond_t *restrict condition, pthread_mutex_t *restrict lock,
            const struct timespec *restrict end),
           (condition, lock, end), until(end), result == ETIMEDOUT,
           is_spurious(HERE))
TIMED_WAIT(int, pthread_cond_clockwait,
           (pthread_cond_t *restrict condition, pthread_mutex_t *restrict lock,
            clockid_t clock, const struct timespec *restrict end),
           (condition, lock, clock, end), until(end), result == ETIMEDOUT,
           is_spurious(HERE))
TIMED_WAIT(int, cnd_timedwait,
           (cnd_t *restrict condition, mtx_t *restrict lock,
            const struct timespec *restrict end),
           (condition, lock, end), until(end), result == thrd_timedout,
           is_spurious(HERE))
int cnd_wait(cnd_t *condition, mtx_t *lock)
{
    REAL(cnd_wait);
    int result;

    point();
    if (is_spurious(HERE))
        return thrd_success;
    begin_wait(HERE, "cnd_wait");
    result = real(condition, lock);
    end_wait();
    return result;
}

WAIT_CALL(int, pthread_join, (pthread_t thread, void **result_of),
          (thread, result_of))
POINT_CALL(int, mtx_lock, (mtx_t * lock), (lock))
POINT_CALL(int, mtx_unlock, (mtx_t * lock), (lock))
POINT_CALL(int, cnd_signal, (cnd_t * condition), (condition))
POINT_CALL(int, cnd_broadcast, (cnd_t * condition), (condition))
WAIT_CALL(int, sigwait, (const sigset_t *set, int *number), (set, number))
WAIT_CALL(int, sigwaitinfo, (const sigset_t *set, siginfo_t *info), (set, info))
WAIT_CALL(int, sigsuspend, (const sigset_t *mask), (mask))
WAIT_CALL(int, pause, (void), ())
TIMED_CALL(int, sigtimedwait,
           (const sigset_t *restrict set, siginfo_t *restrict info,
            const struct timespec *restrict time),
           (set, info, time), ns_of_timespec(time),
           result < 0 && errno == EAGAIN)
POINT_CALL(int, sem_post, (sem_t * semaphore), (semaphore))
TIMED_CALL(int, sem_timedwait,
           (sem_t *restrict semaphore, const struct timespec *restrict end),
           (semaphore, end), until(end), result < 0 && errno == ETIMEDOUT)

int sem_wait(sem_t *semaphore)
{
    REAL(sem_wait);
    int result;

    point();
    if (sem_trywait(semaphore) == 0)
        return 0;
    begin_wait(HERE, "sem_wait");
    result = real(semaphore);
    end_wait();
    return result;
}

/* --- System V semaphores and messages, POSIX messages ------------------ */

/* As sem_wait(): it is a sleep only if there is nothing to take. */
int semop(int id, struct sembuf *operations, size_t n)
{
    REAL(semop);
    int result = -1;

    point();
    errno = EAGAIN;
    if (recording() && n == 1) {
        struct sembuf one = operations[0];

        one.sem_flg |= IPC_NOWAIT;
        result = real(id, &one, 1);
        if (result == 0 || errno != EAGAIN ||
            (operations[0].sem_flg & IPC_NOWAIT))
            return result;
    }
    begin_wait(HERE, "semop");
    result = real(id, operations, n);
    end_wait();
    return result;
}

TIMED_CALL(int, semtimedop,
           (int id, struct sembuf *operations, size_t n,
            const struct timespec *time),
           (id, operations, n, time), ns_of_timespec(time),
           result < 0 && errno == EAGAIN && time)
WAIT_CALL(ssize_t, msgrcv,
          (int id, void *to, size_t room, long type, int flags),
          (id, to, room, type, flags))
POINT_CALL(int, msgsnd, (int id, const void *from, size_t length, int flags),
           (id, from, length, flags))
WAIT_CALL(ssize_t, mq_receive,
          (mqd_t queue, char *to, size_t room, unsigned *priority),
          (queue, to, room, priority))
POINT_CALL(int, mq_send,
           (mqd_t queue, const char *from, size_t length, unsigned priority),
           (queue, from, length, priority))

struct start {
    void *(*run)(void *);
    void *arg;
};

static void own_signal_stack(void);

static void *run_thread(void *arg)
{
    const struct start start = *(struct start *)arg;
    void *result;

    free(arg);
    self.stack_top = (uintptr_t)HERE + 16;
    new_row(NULL);
    own_signal_stack();
    record(HERE, PROBE_THREAD_START, -1, -1, -1, 0);
    result = start.run(start.arg);
    record(HERE, PROBE_THREAD_END, -1, -1, -1, 0);
    if (memory)
        row()->ended = 1;
    return result;
}

int pthread_create(pthread_t *restrict thread,
                   const pthread_attr_t *restrict attributes,
                   void *(*run)(void *), void *restrict arg)
{
    REAL(pthread_create);
    struct start *start = malloc(sizeof(*start));

    if (!start)
        return EAGAIN;
    point();
    *start = (struct start){run, arg};
    return real(thread, attributes, run_thread, start);
}

/* --- processes, signals, the end --------------------------------------- */

/* No lesson forks, and the guard does not allow it; that it was tried counts.
 */
static void forks(const void *frame)
{
    keep_place(frame, PLACE_FORK);
    if (memory)
        __atomic_add_fetch(&memory->counts[COUNT_FORKS], 1, __ATOMIC_RELAXED);
}

pid_t fork(void)
{
    REAL(fork);

    forks(HERE);
    return real();
}

pid_t vfork(void)
{
    forks(HERE);
    errno = EAGAIN;
    return -1;
}

int system(const char *command)
{
    REAL(system);

    forks(HERE);
    return real(command);
}

FILE *popen(const char *command, const char *type)
{
    REAL(popen);

    forks(HERE);
    return real(command, type);
}

int posix_spawn(pid_t *restrict pid, const char *restrict path,
                const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *restrict attributes,
                char *const argv[restrict], char *const envp[restrict])
{
    REAL(posix_spawn);

    forks(HERE);
    return real(pid, path, actions, attributes, argv, envp);
}

/* Whether this signal ends or stops a process, whatever it does about it. */
static bool is_final(int number)
{
    return number == SIGKILL || number == SIGSTOP || number == SIGTSTP ||
           number == SIGTTIN || number == SIGTTOU;
}

int kill(pid_t pid, int number)
{
    REAL(kill);

    if (is_final(number))
        keep_place(HERE, PLACE_SIGNAL);
    return real(pid, number);
}

int raise(int number)
{
    REAL(raise);

    if (is_final(number))
        keep_place(HERE, PLACE_SIGNAL);
    return real(number);
}

int pthread_kill(pthread_t thread, int number)
{
    REAL(pthread_kill);

    if (is_final(number))
        keep_place(HERE, PLACE_SIGNAL);
    return real(thread, number);
}

static _Noreturn void leave(int status)
{
    REAL(_exit);

    real(status);
    __builtin_unreachable();
}

static _Noreturn void leave_by_exit(int status)
{
    REAL(exit);

    real(status);
    __builtin_unreachable();
}

/* Where the program ends itself is kept; a return from main() is no call. */
#define END_CALL(name)               \
    _Noreturn void name(int status)  \
    {                                \
        REAL(name);                  \
        keep_place(HERE, PLACE_END); \
        real(status);                \
        __builtin_unreachable();     \
    }

END_CALL(exit)
END_CALL(_exit)
END_CALL(_Exit)
END_CALL(quick_exit)

/* --- syscall() --------------------------------------------------------- */

static long futex(const void *frame, const long *a)
{
    REAL(syscall);
    const int operation = (int)a[1] & FUTEX_CMD_MASK;
    const bool waits =
        operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET;
    const int64_t begun = now_ns();
    long result;
    int saved;

    point();
    if (waits && is_spurious(frame))
        return 0;
    if (waits) {
        if (a[3])
            timed(frame, operation == FUTEX_WAIT
                             ? ns_of_timespec((struct timespec *)a[3])
                             : until((struct timespec *)a[3]));
        begin_wait(frame, "futex");
        self.sleeps--;
    }
    result = real(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
    saved = errno;
    if (waits) {
        end_wait();
        if (result == 0 || saved != EAGAIN)
            self.sleeps++;
        if (result < 0 && saved == ETIMEDOUT)
            slept(frame, ms_of(now_ns() - begun));
    }
    errno = saved;
    return result;
}

long syscall(long number, ...)
{
    REAL(syscall);
    va_list list;
    long a[6];

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    switch (recording() ? number : -1) {
    case SYS_futex:
        return futex(HERE, a);
    case SYS_epoll_ctl:
        return epoll_ctl((int)a[0], (int)a[1], (int)a[2],
                         (struct epoll_event *)a[3]);
    case SYS_epoll_pwait:
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
        return epoll_wait((int)a[0], (struct epoll_event *)a[1], (int)a[2],
                          (int)a[3]);
    case SYS_recvfrom:
        return recv((int)a[0], (void *)a[1], (size_t)a[2], (int)a[3]);
    case SYS_sendto:
        return send((int)a[0], (void *)a[1], (size_t)a[2], (int)a[3]);
    case SYS_read:
        return read((int)a[0], (void *)a[1], (size_t)a[2]);
    case SYS_write:
        return write((int)a[0], (void *)a[1], (size_t)a[2]);
    case SYS_connect:
        return connect((int)a[0], (struct sockaddr *)a[1], (socklen_t)a[2]);
#ifdef SYS_fork
    case SYS_fork:
    case SYS_vfork:
#endif
    case SYS_clone:
    case SYS_clone3:
        forks(HERE);
        errno = EAGAIN;
        return -1;
    case SYS_exit_group:
        keep_place(HERE, PLACE_END);
        return real(number, a[0]);
    case SYS_kill:
        return kill((pid_t)a[0], (int)a[1]);
    case SYS_io_uring_enter: {
        const bool waits = a[2] > 0;
        long n;

        point();
        if (waits)
            begin_wait(HERE, "io_uring_enter");
        n = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (waits)
            end_wait();
        record(HERE, PROBE_ENTER, -1, -1, -1, n);
        return n;
    }
    case SYS_nanosleep:
        return nanosleep((struct timespec *)a[0], (struct timespec *)a[1]);
    default:
        return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
}
