/* SPDX-License-Identifier: MIT */
/*
 * test_short.c - short calls: where they mean that there is nothing more, and
 * where they do not.
 *
 * All data is there before the first recv, and the reactor has reported it. So
 * a reader that takes a short recv for the last one is never woken for the
 * rest. These tests look for that fault: an -EAGAIN in between.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <reveil/unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net_internal.h"
#include "net/wire.h"
#include "reactor/steps.h"
#include "support/support.h"

RV_TEST_SUITE(short_call);

/* A wire, and a task that reads from `wire.server`. */
struct reader {
    struct wire wire;
    struct rv_probe probe;
};

static void start(struct reader *reader)
{
    wire_open_split(&reader->wire, "127.0.0.1");
    rv_probe_init(&reader->probe);
}

static void stop(struct reader *reader)
{
    wire_close(&reader->wire);
    rv_probe_fini(&reader->probe);
}

/* The same with sockets of another kind in place of the two ends. */
static void start_pair(struct reader *reader, int type)
{
    int fds[2];

    start(reader);
    rv_stream_close(&reader->wire.client);
    rv_stream_close(&reader->wire.server);
    cr_assert_eq(
        socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    cr_assert_eq(rv_stream_adopt(&reader->wire.client, fds[0]), 0);
    cr_assert_eq(rv_stream_adopt(&reader->wire.server, fds[1]), 0);
}

/* The reactor has reported all that the kernel has for it now: events come in
 * the order in which they happened. */
static void settle(struct rv_runtime *runtime)
{
    struct rv_source *source;
    int fds[2];

    cr_assert_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    source = open_source(rv_runtime_reactor(runtime), fds[0]);
    wait_until_known(source, RV_READ);
    rv_source_close(source);
    close(fds[0]);
    close(fds[1]);
}

/* The peer's kernel has all data that was sent, and the reactor has reported
 * it. */
static void arrive(struct reader *reader)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
    int left = 1;

    while (left > 0) {
        cr_assert_lt(rv_now_ns(), limit_ns);
        cr_assert_eq(ioctl(rv_stream_fd(&reader->wire.client), SIOCOUTQ, &left),
                     0);
    }
    settle(reader->wire.runtime);
}

static ssize_t recv_now(struct reader *reader, char *text, size_t size)
{
    struct rv_cx cx = rv_probe_cx(&reader->probe);
    const ssize_t n =
        rv_stream_poll_recv(&reader->wire.server, &cx, text, size - 1);

    text[n > 0 ? n : 0] = '\0';
    return n;
}

/* One recv returns this, although there was room for more. */
static void check_next(struct reader *reader, const char *expected)
{
    char text[64];
    const ssize_t n = recv_now(reader, text, sizeof text);

    cr_assert_eq(n, (ssize_t)strlen(expected), "%zd instead of '%s'", n,
                 expected);
    cr_assert_str_eq(text, expected);
}

static void check_no_more(struct reader *reader)
{
    char text[64];

    cr_assert_eq(recv_now(reader, text, sizeof text), -EAGAIN);
}

/* The next poll of this direction would make a system call. */
static bool is_worth_a_call(struct reader *reader, struct rv_stream *stream,
                            enum rv_direction direction)
{
    uint32_t tick;

    return ready(stream->source, direction, &reader->probe, &tick);
}

/* --- plain TCP: it saves the call that says EAGAIN ---------------------- */

RV_TEST(short_call, a_short_recv_on_tcp_is_the_last_one)
{
    struct reader r;
    char text[64];
    struct rv_cx cx;

    start(&r);
    cr_assert_eq(send_all(&r.wire, &r.wire.client, "ab", 2), 0);
    arrive(&r);
    check_next(&r, "ab");
    cr_assert_not(is_worth_a_call(&r, &r.wire.server, RV_READ));

    /* The client waits first: if its recv came before the report of the data,
     * that report would make another call worthwhile. */
    cx = rv_probe_cx(&r.probe);
    cr_assert_eq(rv_stream_poll_recv(&r.wire.client, &cx, text, sizeof text),
                 -EAGAIN);
    cr_assert_eq(send_all(&r.wire, &r.wire.server, "abcd", 4), 0);
    while (rv_stream_poll_recv(&r.wire.client, &cx, text, sizeof text) < 0)
        cr_assert(rv_probe_wait(&r.probe));
    cr_assert_not(is_worth_a_call(&r, &r.wire.client, RV_READ));
    stop(&r);
}

RV_TEST(short_call, a_full_recv_on_tcp_is_not)
{
    struct reader r;
    char text[3];

    start(&r);
    cr_assert_eq(send_all(&r.wire, &r.wire.client, "ab", 2), 0);
    arrive(&r);
    cr_assert_eq(recv_now(&r, text, sizeof text), 2);

    cr_assert(is_worth_a_call(&r, &r.wire.server, RV_READ));
    stop(&r);
}

RV_TEST(short_call, a_short_send_on_tcp_is_the_last_one)
{
    enum { BLOCK_BYTES = 1 << 20 };
    char *const block = rv_test_zeros(BLOCK_BYTES);
    struct reader r;
    struct rv_cx cx;
    ssize_t n = BLOCK_BYTES;

    start(&r);
    while (n == BLOCK_BYTES) {
        cx = rv_probe_cx(&r.probe); /* another poll, with its own budget */
        n = rv_stream_poll_send(&r.wire.client, &cx, block, BLOCK_BYTES);
    }
    if (n > 0) /* not full at the end of a whole block by chance */
        cr_assert_not(is_worth_a_call(&r, &r.wire.client, RV_WRITE));
    rv_tcp_reset(&r.wire.client);
    stop(&r);
}

RV_TEST(short_call, the_end_behind_it_is_read)
{
    struct reader r;
    char text[64];

    start(&r);
    cr_assert_eq(send_all(&r.wire, &r.wire.client, "ab", 2), 0);
    cr_assert_eq(rv_stream_shutdown_write(&r.wire.client), 0);
    arrive(&r);

    check_next(&r, "ab");
    cr_assert_eq(recv_now(&r, text, sizeof text), 0);
    stop(&r);
}

/* --- urgent data ------------------------------------------------------- */

/* "ab", an urgent byte, "cd". */
static void send_around_urgent(struct reader *reader)
{
    const int fd = rv_stream_fd(&reader->wire.client);

    cr_assert_eq(send(fd, "ab", 2, 0), 2);
    cr_assert_eq(send(fd, "!", 1, MSG_OOB), 1);
    cr_assert_eq(send(fd, "cd", 2, 0), 2);
    arrive(reader);
}

RV_TEST(short_call, what_is_behind_the_urgent_mark_is_read)
{
    struct reader r;

    start(&r);
    for (int i = 0; i < 3; i++) {
        send_around_urgent(&r);
        check_next(&r, "ab");
        check_next(&r, "cd");
        check_no_more(&r);
    }
    stop(&r);
}

RV_TEST(short_call, urgent_data_in_the_stream_is_read)
{
    const int yes = 1;
    struct reader r;

    start(&r);
    setsockopt(rv_stream_fd(&r.wire.server), SOL_SOCKET, SO_OOBINLINE, &yes,
               sizeof yes);
    send_around_urgent(&r);

    check_next(&r, "ab");
    check_next(&r, "!cd");
    check_no_more(&r);
    stop(&r);
}

/* The kernel does not report urgent data that was read already; recv() stops
 * there all the same. */
RV_TEST(short_call, who_takes_urgent_bytes_reads_to_eagain)
{
    struct reader r;
    char byte = 0;
    int fd;

    start(&r);
    fd = rv_stream_fd(&r.wire.server);
    rv_tcp_read_to_eagain(&r.wire.server);
    cr_assert_eq(send(rv_stream_fd(&r.wire.client), "ab", 2, 0), 2);
    cr_assert_eq(send(rv_stream_fd(&r.wire.client), "!", 1, MSG_OOB), 1);
    while (recv(fd, &byte, 1, MSG_OOB) < 0)
        ; /* until it has arrived */
    cr_assert_eq(byte, '!');
    cr_assert_eq(send(rv_stream_fd(&r.wire.client), "cd", 2, 0), 2);
    arrive(&r);

    check_next(&r, "ab");
    check_next(&r, "cd");
    check_no_more(&r);
    stop(&r);
}

RV_TEST(short_call, an_urgent_byte_alone_wakes_nobody_and_stays)
{
    struct reader r;
    char byte = 0;

    start(&r);
    check_no_more(&r);
    cr_assert_eq(send(rv_stream_fd(&r.wire.client), "!", 1, MSG_OOB), 1);
    arrive(&r);
    cr_assert_not(rv_probe_take(&r.probe));
    cr_assert_eq(recv(rv_stream_fd(&r.wire.server), &byte, 1, MSG_OOB), 1);
    cr_assert_eq(byte, '!');

    cr_assert_eq(send_all(&r.wire, &r.wire.client, "x", 1), 0);
    cr_assert(rv_probe_wait(&r.probe));
    check_next(&r, "x");
    check_no_more(&r);
    stop(&r);
}

/* --- a signal at the urgent mark --------------------------------------- */

enum { CANNOT_BE_TRACED = 2 };

static void on_signal(int number)
{
    (void)number;
}

/* The reader, traced by its parent. */
static _Noreturn void read_traced(void)
{
    struct reader r;
    char text[64];

    signal(SIGUSR1, on_signal);
    start(&r);
    send_around_urgent(&r);
    check_next(&r, "ab");
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(CANNOT_BE_TRACED);
    raise(SIGSTOP);
    _exit(recv_now(&r, text, sizeof text) == 2 ? 0 : 1);
}

/* It starts a recv(). */
static bool is_at_recv(pid_t child)
{
    struct __ptrace_syscall_info info;

    return ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof info, &info) >
               0 &&
           info.op == PTRACE_SYSCALL_INFO_ENTRY &&
           info.entry.nr == SYS_recvfrom;
}

/* Send the child a signal during its first recv(). Returns: its wait status at
 * the end. */
static int signal_in_recv(pid_t child)
{
    const int at_call = SIGTRAP | 0x80; /* PTRACE_O_TRACESYSGOOD */
    bool sent = false;
    int status;

    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        const int number = WSTOPSIG(status);

        ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_TRACESYSGOOD);
        if (!sent && number == at_call && is_at_recv(child))
            sent = kill(child, SIGUSR1) == 0;
        ptrace(PTRACE_SYSCALL, child, NULL,
               number == SIGUSR1 ? (void *)SIGUSR1 : NULL);
    }
    return status;
}

/* recv() returns EAGAIN there, although there is data behind the mark. */
RV_TEST(short_call, a_signal_at_the_urgent_mark_hides_nothing)
{
    const pid_t child = fork();
    int status;

    if (child == 0)
        read_traced();
    status = signal_in_recv(child);
    cr_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_BE_TRACED)
        cr_skip_test("ptrace is not allowed here");
    cr_assert_eq(WEXITSTATUS(status), 0);
}

/* --- Unix sockets stop between messages --------------------------------- */

/* Send `text` with a descriptor, or with credentials (`type`, of SOL_SOCKET);
 * 0: with neither. */
static void send_with(struct reader *reader, const char *text, int type)
{
    const struct ucred me = {getpid(), getuid(), getgid()};
    struct iovec part = {(void *)text, strlen(text)};
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control = {.bytes = ""};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    const size_t size = type == SCM_RIGHTS ? sizeof(int) : sizeof me;
    struct cmsghdr *head;
    int fd = STDERR_FILENO;

    if (type) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(size);
        head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = type;
        head->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(head), type == SCM_RIGHTS ? (void *)&fd : (void *)&me,
               size);
    }
    cr_assert_eq(sendmsg(rv_stream_fd(&reader->wire.client), &message, 0),
                 (ssize_t)strlen(text));
}

RV_TEST(short_call, a_message_with_descriptors_does_not_hide_the_next)
{
    struct reader r;

    start_pair(&r, SOCK_STREAM);
    send_with(&r, "a", SCM_RIGHTS);
    send_with(&r, "b", SCM_RIGHTS);
    send_with(&r, "c", 0);
    settle(r.wire.runtime);

    check_next(&r, "a");
    check_next(&r, "b");
    check_next(&r, "c");
    check_no_more(&r);
    stop(&r);
}

/* Without descriptors they would come as one. */
RV_TEST(short_call, nor_does_one_of_another_sender)
{
    const int yes = 1;
    struct reader r;
    pid_t child;

    start_pair(&r, SOCK_STREAM);
    setsockopt(rv_stream_fd(&r.wire.server), SOL_SOCKET, SO_PASSCRED, &yes,
               sizeof yes);
    send_with(&r, "a", SCM_CREDENTIALS);
    send_with(&r, "b", 0);
    child = fork();
    if (child == 0)
        _exit(send(rv_stream_fd(&r.wire.client), "c", 1, 0) == 1 ? 0 : 1);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    send_with(&r, "d", 0);
    settle(r.wire.runtime);

    check_next(&r, "ab");
    check_next(&r, "c");
    check_next(&r, "d");
    check_no_more(&r);
    stop(&r);
}

RV_TEST(short_call, nor_one_of_a_socket_that_keeps_messages_apart)
{
    struct reader r;

    start_pair(&r, SOCK_SEQPACKET);
    send_with(&r, "a", 0);
    send_with(&r, "bc", 0);
    settle(r.wire.runtime);

    check_next(&r, "a");
    check_next(&r, "bc");
    check_no_more(&r);
    stop(&r);
}

/* The two ways to get a Unix socket from the library. */
RV_TEST(short_call, connected_and_accepted_unix_sockets_are_read_on)
{
    struct reader r;
    struct rv_unix_connect connect;
    char name[32];

    start(&r);
    snprintf(name, sizeof name, "@reveil-short-%d", (int)getpid());
    rv_stream_close(&r.wire.client);
    rv_stream_close(&r.wire.server);
    rv_stream_close(&r.wire.listener);
    cr_assert_eq(rv_unix_listen(&r.wire.listener, name), 0);
    rv_unix_connect_init(&connect, name, &r.wire.client);
    cr_assert_eq(rv_test_block_on(r.wire.executor, &connect.future), 0);
    cr_assert_eq(accept_one(&r.wire), 0);
    for (int i = 0; i < 2; i++) {
        const struct rv_stream swap = r.wire.client;

        send_with(&r, "a", SCM_RIGHTS);
        send_with(&r, "b", 0);
        settle(r.wire.runtime);
        check_next(&r, "a");
        check_next(&r, "b");
        check_no_more(&r);
        r.wire.client = r.wire.server;
        r.wire.server = swap;
    }
    rv_drop(&connect.future);
    stop(&r);
}
