/* SPDX-License-Identifier: MIT */
/*
 * test_unix_message.c - datagrams and descriptors over Unix sockets.
 *
 * Threads: those of the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/hosts.h"

RV_TEST_SUITE(unix_message);

/* A name in the abstract namespace, of this process. */
static const char *name_of(int number, char name[64])
{
    snprintf(name, 64, "@reveil-test-%ld-%d", (long)getpid(), number);
    return name;
}

static struct rv_unix_message message_of(void *data, size_t len_bytes)
{
    struct rv_unix_message message;

    rv_unix_message_init(&message, data, len_bytes);
    return message;
}

static void close_pair(struct rv_stream pair[2])
{
    rv_stream_close(&pair[0]);
    rv_stream_close(&pair[1]);
}

static int send_fds(struct rv_stream *stream, int *fds, uint32_t len)
{
    struct rv_unix_message message = message_of("x", 1);

    message.fds = fds;
    message.fds_len = len;
    return rv_unix_send(stream, &message, RV_NEVER);
}

/* --- descriptors -------------------------------------------------------- */

RV_HOST_TEST(unix_message, descriptors_arrive_and_are_close_on_exec)
{
    struct rv_stream pair[2];
    struct rv_unix_message got;
    int pipe_fds[2];
    int fds[3] = {-1, -1, -1};
    char byte = 0;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    HOST_CHECK(pipe(pipe_fds) == 0);
    HOST_CHECK(send_fds(&pair[0], pipe_fds, 2) == 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    got = message_of(&byte, 1);
    got.fds = fds;
    got.fds_room = 3;
    HOST_CHECK(rv_unix_recv(&pair[1], &got, RV_NEVER) == 1);
    HOST_CHECK(byte == 'x' && got.fds_len == 2 && fds[2] == -1);
    HOST_CHECK(got.from[0] == '\0');
    for (int i = 0; i < 2; i++)
        HOST_CHECK(fcntl(fds[i], F_GETFD) == FD_CLOEXEC && fds[i] > 2);
    HOST_CHECK(write(fds[1], "y", 1) == 1 && read(fds[0], &byte, 1) == 1);
    HOST_CHECK(byte == 'y');
    close(fds[0]);
    close(fds[1]);
    close_pair(pair);
    return 0;
}

RV_HOST_TEST(unix_message, descriptors_without_room_are_closed)
{
    const uint32_t before = rv_test_fds();
    struct rv_stream pair[2];
    struct rv_unix_message got;
    char bytes[4];
    int fds[2] = {0, 1};
    int one = -1;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    for (uint32_t room = 0; room < 2; room++) {
        HOST_CHECK(send_fds(&pair[0], fds, 2) == 0);
        got = message_of(bytes, sizeof bytes);
        got.fds = &one;
        got.fds_room = room;
        HOST_CHECK(rv_unix_recv(&pair[1], &got, RV_NEVER) == -EMSGSIZE);
        HOST_CHECK(got.fds_len == 0 && one == -1);
    }
    /* The socket is still usable. */
    HOST_CHECK(send_fds(&pair[0], fds, 0) == 0);
    HOST_CHECK(rv_unix_recv(&pair[1], &got, RV_NEVER) == 1);
    HOST_CHECK(rv_test_fds() == before + 2);
    close_pair(pair);
    return 0;
}

/* A plain recv of the stream does not see them: the kernel closes them. */
RV_HOST_TEST(unix_message, descriptors_that_are_not_asked_for_do_not_leak)
{
    const uint32_t before = rv_test_fds();
    struct rv_stream pair[2];
    int fds[2] = {0, 1};
    char byte;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    HOST_CHECK(send_fds(&pair[0], fds, 2) == 0);
    HOST_CHECK(rv_stream_recv(&pair[1], &byte, 1, RV_NEVER) == 1);
    HOST_CHECK(rv_test_fds() == before + 2);
    close_pair(pair);
    return 0;
}

RV_HOST_TEST(unix_message, without_numbers_for_descriptors_none_leaks)
{
    const uint32_t before = rv_test_fds();
    struct rlimit limit, small;
    struct rv_stream pair[2];
    struct rv_unix_message got;
    int fds[8] = {0};
    char byte;
    int result;
    int last;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    HOST_CHECK(send_fds(&pair[0], fds, 8) == 0);
    last = dup(0);
    close(last);
    getrlimit(RLIMIT_NOFILE, &limit);
    small = limit;
    small.rlim_cur = (rlim_t)last + 3;
    setrlimit(RLIMIT_NOFILE, &small);
    got = message_of(&byte, 1);
    got.fds = fds;
    got.fds_room = 8;
    result = rv_unix_recv(&pair[1], &got, RV_NEVER);
    setrlimit(RLIMIT_NOFILE, &limit);
    HOST_CHECK(result == -EMFILE && got.fds_len == 0);
    HOST_CHECK(rv_test_fds() == before + 2);
    close_pair(pair);
    return 0;
}

RV_HOST_TEST(unix_message, what_cannot_be_sent_is_named)
{
    static int many[RV_UNIX_FDS + 1];
    const uint32_t before = rv_test_fds();
    struct rv_unix_message message;
    struct rv_stream pair[2];
    int closed = 1000000;
    char byte;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    HOST_CHECK(send_fds(&pair[0], many, RV_UNIX_FDS + 1) == -EINVAL);
    HOST_CHECK(send_fds(&pair[0], &closed, 1) == -EBADF);
    message = message_of(&byte, 0);
    message.fds = many;
    message.fds_len = 1;
    HOST_CHECK(rv_unix_send(&pair[0], &message, RV_NEVER) == -EINVAL);
    HOST_CHECK(rv_unix_try_send(&pair[0], &message) == -EINVAL);
    HOST_CHECK(send_fds(&pair[0], many, RV_UNIX_FDS) == 0);
    rv_stream_close(&pair[1]); /* the kernel closes what was on its way */
    HOST_CHECK(send_fds(&pair[0], many, 1) == -EPIPE);
    HOST_CHECK(rv_test_fds() == before + 1);
    close_pair(pair);
    HOST_CHECK(rv_unix_try_send(&pair[0], &message) == -EBADF);
    HOST_CHECK(rv_unix_try_recv(&pair[0], &message) == -EBADF);
    return 0;
}

/* --- a stream: bytes ---------------------------------------------------- */

enum { LARGE_BYTES = 1 << 20 };

static int32_t send_large(void *arg)
{
    struct rv_unix_message message =
        message_of(rv_test_zeros(LARGE_BYTES), LARGE_BYTES);
    int fd = 0;

    message.fds = &fd;
    message.fds_len = 1;
    return rv_unix_send(arg, &message, RV_NEVER);
}

RV_HOST_TEST(unix_message, descriptors_come_once_with_the_first_bytes)
{
    static char buffer[64 * 1024];
    struct rv_host_task task = {.on_sched = false};
    struct rv_unix_message got;
    struct rv_stream pair[2];
    size_t done_bytes = 0;
    int fds = 0;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    HOST_CHECK(rv_host_start(&task, send_large, &pair[0]) == 0);
    while (done_bytes < LARGE_BYTES) {
        int fd;
        int n;

        got = message_of(buffer, sizeof buffer);
        got.fds = &fd;
        got.fds_room = 1;
        n = rv_unix_recv(&pair[1], &got, RV_NEVER);
        HOST_CHECK(n > 0 && (got.fds_len == 0 || done_bytes == 0));
        fds += (int)got.fds_len;
        if (got.fds_len)
            close(fd);
        done_bytes += (size_t)n;
    }
    HOST_CHECK(rv_host_join(&task) == 0);
    HOST_CHECK(fds == 1 && done_bytes == LARGE_BYTES);
    rv_stream_close(&pair[0]);
    HOST_CHECK(rv_unix_recv(&pair[1], &got, RV_NEVER) == 0);
    close_pair(pair);
    return 0;
}

/* --- datagrams ----------------------------------------------------------- */

RV_HOST_TEST(unix_message, datagrams_have_a_sender)
{
    struct rv_stream a, b;
    struct rv_unix_message message;
    char names[2][64];
    char text[8];

    HOST_CHECK(rv_unix_datagram_open(&a, name_of(1, names[0])) == 0);
    HOST_CHECK(rv_unix_datagram_open(&b, name_of(2, names[1])) == 0);
    HOST_CHECK(rv_unix_datagram_open(&(struct rv_stream){0}, names[0]) ==
               -EADDRINUSE);
    message = message_of("hello", 5);
    message.to = names[1];
    HOST_CHECK(rv_unix_send(&a, &message, RV_NEVER) == 0);
    HOST_CHECK(rv_unix_try_send(&a, &message) == 5);
    message = message_of(text, sizeof text);
    HOST_CHECK(rv_unix_recv(&b, &message, RV_NEVER) == 5);
    HOST_CHECK(memcmp(text, "hello", 5) == 0);
    HOST_CHECK(strcmp(message.from, names[0]) == 0);
    message = message_of(text, 4); /* too little: that one is lost */
    HOST_CHECK(rv_unix_recv(&b, &message, RV_NEVER) == -EMSGSIZE);
    HOST_CHECK(rv_unix_try_recv(&b, &message) == -EAGAIN);

    message = message_of("", 0);
    message.to = names[1];
    HOST_CHECK(rv_unix_send(&a, &message, RV_NEVER) == 0);
    message = message_of(text, sizeof text);
    HOST_CHECK(rv_unix_recv(&b, &message, RV_NEVER) == 0);
    HOST_CHECK(strcmp(message.from, names[0]) == 0);

    message.to = "@reveil-no-such-name";
    HOST_CHECK(rv_unix_send(&a, &message, RV_NEVER) == -ECONNREFUSED);
    message.to = "";
    HOST_CHECK(rv_unix_send(&a, &message, RV_NEVER) == -EINVAL);
    message.to = NULL;
    HOST_CHECK(rv_unix_send(&a, &message, RV_NEVER) == -ENOTCONN);
    rv_stream_close(&a);
    rv_stream_close(&b);
    return 0;
}

struct flood {
    struct rv_stream a, b;
    char name[64];
    bool connected;
    int sent;
};

static int32_t send_one_more(void *arg)
{
    struct flood *self = arg;
    struct rv_unix_message message = message_of("z", 1);

    message.to = self->connected ? NULL : self->name;
    return rv_unix_send(&self->a, &message, RV_NEVER);
}

/* The queue of the receiver is full. */
static int32_t flood(struct flood *self)
{
    struct rv_host_task task = {.on_sched = false};
    struct rv_unix_message message = message_of("x", 1);
    struct rv_unix_message got;
    char byte = 0;

    HOST_CHECK(rv_unix_datagram_open(&self->a, NULL) == 0);
    HOST_CHECK(rv_unix_datagram_open(&self->b, name_of(3, self->name)) == 0);
    if (self->connected)
        HOST_CHECK(rv_unix_datagram_connect(&self->a, self->name) == 0);
    else
        message.to = self->name;
    while (rv_unix_try_send(&self->a, &message) == 1)
        self->sent++;
    HOST_CHECK(rv_unix_try_send(&self->a, &message) == -EAGAIN);
    HOST_CHECK(rv_unix_send(&self->a, &message, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_unix_send(&self->a, &message, rv_after_ms(5)) == -ETIMEDOUT);
    HOST_CHECK(rv_host_start(&task, send_one_more, self) == 0);
    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(3)) == 0);
    for (int i = 0; i <= self->sent; i++) {
        got = message_of(&byte, 1);
        HOST_CHECK(rv_unix_recv(&self->b, &got, RV_NEVER) == 1);
        HOST_CHECK(byte == (i < self->sent ? 'x' : 'z'));
    }
    HOST_CHECK(rv_host_join(&task) == 0);
    rv_stream_close(&self->a);
    rv_stream_close(&self->b);
    return 0;
}

RV_HOST_TEST(unix_message, a_send_to_a_full_peer_waits)
{
    struct flood one = {.connected = true};

    return flood(&one);
}

RV_HOST_TEST(unix_message, a_send_to_a_full_address_waits)
{
    struct flood one = {.connected = false};

    return flood(&one);
}

/* --- waiting ------------------------------------------------------------- */

RV_HOST_TEST(unix_message, deadlines)
{
    struct rv_stream pair[2];
    struct rv_unix_message got;
    char byte;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    got = message_of(&byte, 1);
    HOST_CHECK(rv_unix_recv(&pair[1], &got, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_unix_recv(&pair[1], &got, rv_after_ms(3)) == -ETIMEDOUT);
    HOST_CHECK(send_fds(&pair[0], NULL, 0) == 0);
    HOST_CHECK(rv_unix_recv(&pair[1], &got, 0) == 1); /* tries once */
    close_pair(pair);
    return 0;
}

/* Dropped while it waits, it has received nothing. */
RV_HOST_TEST(unix_message, a_dropped_recv_takes_nothing)
{
    struct rv_stream pair[2];
    struct rv_unix_message got;
    struct rv_unix_recv recv;
    char byte;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    got = message_of(&byte, 1);
    rv_unix_recv_init(&recv, &pair[1], &got);
    HOST_CHECK(rv_await_until(&recv.future, rv_after_ms(2)) == -ETIMEDOUT);
    HOST_CHECK(send_fds(&pair[0], NULL, 0) == 0);
    rv_drop(&recv.future);
    HOST_CHECK(rv_unix_recv(&pair[1], &got, RV_NEVER) == 1);
    close_pair(pair);
    return 0;
}

/* Dropped while it waits for room, in both kinds of waits. */
RV_HOST_TEST(unix_message, a_dropped_send_sends_no_more)
{
    struct flood one = {.connected = false};
    struct rv_unix_message message = message_of("x", 1);
    struct rv_unix_message got;
    struct rv_unix_send send;
    int received = 0;
    char byte;

    HOST_CHECK(rv_unix_datagram_open(&one.a, NULL) == 0);
    HOST_CHECK(rv_unix_datagram_open(&one.b, name_of(4, one.name)) == 0);
    message.to = one.name;
    for (int i = 0; i < 2; i++) {
        while (rv_unix_try_send(&one.a, &message) == 1)
            one.sent++;
        rv_unix_send_init(&send, &one.a, &message);
        HOST_CHECK(rv_await_until(&send.future, rv_after_ms(4)) == -ETIMEDOUT);
        rv_drop(&send.future);
        HOST_CHECK(rv_unix_datagram_connect(&one.a, one.name) == 0);
        message.to = NULL;
    }
    got = message_of(&byte, 1);
    while (rv_unix_try_recv(&one.b, &got) == 1)
        received++;
    HOST_CHECK(received == one.sent);
    rv_stream_close(&one.a);
    rv_stream_close(&one.b);
    return 0;
}

static int32_t be_canceled(void *arg)
{
    struct rv_stream pair[2];
    struct rv_unix_message got;
    char byte;

    (void)arg;
    HOST_CHECK(rv_stream_pair(pair) == 0);
    got = message_of(&byte, 1);
    HOST_CHECK(rv_unix_recv(&pair[1], &got, RV_NEVER) == -ECANCELED);
    HOST_CHECK(send_fds(&pair[0], NULL, 0) == -ECANCELED);
    close_pair(pair);
    return 0;
}

RV_TEST(unix_message, a_canceled_coroutine_stops_waiting)
{
    for (enum rv_host host = 0; host < RV_HOSTS; host++)
        rv_host_check(rv_host_run_canceled(host, be_canceled, NULL),
                      "be_canceled");
}
