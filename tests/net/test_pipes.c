/* SPDX-License-Identifier: MIT */
/*
 * test_pipes.c - the pipes of a child process as streams: sent to, received
 * from, read in lines, relayed, ended, broken, canceled and dropped.
 */
#include <fcntl.h>
#include <reveil/process.h>
#include <reveil/relay.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "net/pair.h"

RV_TEST_SUITE(pipes);

struct child {
    struct rv_process process;
    struct rv_stream in;
    struct rv_stream out;
    struct rv_stream err;
};

/* Run a line of the shell with pipes for 0 and 1. */
static int child_start(struct child *child, const char *line)
{
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)line, NULL};
    const struct rv_process_options options = {.pipe_in = &child->in,
                                               .pipe_out = &child->out};

    memset(child, 0, sizeof *child);
    return rv_process_spawn_with(&child->process, argv, &options);
}

/* Returns: the exit code; negative errno. */
static int child_end(struct child *child)
{
    int exit_code = -1;
    int error;

    rv_stream_close(&child->in);
    rv_stream_close(&child->out);
    rv_stream_close(&child->err);
    error = rv_process_wait(&child->process, &exit_code, NULL, RV_NEVER);
    rv_process_close(&child->process);
    return error ? error : exit_code;
}

/* The text up to the end of the stream. Returns: 0, negative errno. */
static int recv_all(struct rv_stream *stream, char *text, size_t size)
{
    size_t got;
    int error = rv_stream_recv_whole(stream, text, size - 1, &got, RV_NEVER);

    text[got] = '\0';
    return error == 0 ? -EMSGSIZE : error == -ENOMSG ? 0 : error;
}

RV_HOST_TEST(pipes, carry_both_ways_and_end)
{
    struct child child;
    char text[16];

    HOST_CHECK(child_start(&child, "cat") == 0);
    for (int i = 0; i < 20; i++) {
        HOST_CHECK(rv_stream_send(&child.in, "ping", 4, RV_NEVER) == 0);
        HOST_CHECK(rv_stream_recv(&child.out, text, 16, RV_NEVER) == 4);
        HOST_CHECK(memcmp(text, "ping", 4) == 0);
    }
    HOST_CHECK(rv_stream_shutdown_write(&child.in) == 0);
    HOST_CHECK(rv_stream_fd(&child.in) == -1);
    HOST_CHECK(rv_stream_send(&child.in, "x", 1, RV_NEVER) == -EBADF);
    HOST_CHECK(rv_stream_shutdown_write(&child.in) == -EBADF);
    for (int i = 0; i < 3; i++)
        HOST_CHECK(rv_stream_recv(&child.out, text, 16, RV_NEVER) == 0);
    HOST_CHECK(child_end(&child) == 0);
    return 0;
}

RV_HOST_TEST(pipes, have_one_direction)
{
    struct child child;
    char text[4];

    HOST_CHECK(child_start(&child, "cat") == 0);
    HOST_CHECK(rv_stream_send(&child.out, "x", 1, RV_NEVER) == -EBADF);
    HOST_CHECK(rv_stream_recv(&child.in, text, 4, RV_NEVER) == -EBADF);
    HOST_CHECK(rv_stream_shutdown_write(&child.out) == -EBADF);
    HOST_CHECK(rv_stream_try_send(&child.in, "abc", 3) == 3);
    HOST_CHECK(rv_stream_recv(&child.out, text, 4, RV_NEVER) == 3);
    HOST_CHECK(rv_stream_try_recv(&child.out, text, 4) == -EAGAIN);
    HOST_CHECK(child_end(&child) == 0);
    return 0;
}

RV_HOST_TEST(pipes, a_reader_and_write_all_work)
{
    struct rv_stream_io in;
    struct rv_stream_io out;
    struct rv_reader reader;
    struct rv_text line;
    struct child child;
    char memory[32];

    HOST_CHECK(child_start(&child, "sort; printf last") == 0);
    rv_stream_io_init(&in, &child.in);
    rv_stream_io_init(&out, &child.out);
    rv_reader_init(&reader, &out.io, memory, sizeof memory);
    HOST_CHECK(rv_io_write_all(&in.io, "b\nc\na\n", 6, RV_NEVER) == 0);
    HOST_CHECK(rv_reader_line(&reader, &line, rv_after_ms(1)) == -ETIMEDOUT);
    HOST_CHECK(rv_io_shutdown(&in.io, RV_NEVER) == 0);
    HOST_CHECK(rv_io_write_all(&in.io, "d\n", 2, RV_NEVER) == -EBADF);
    for (const char *c = "abc"; *c; c++) {
        HOST_CHECK(rv_reader_line(&reader, &line, RV_NEVER) == 1);
        HOST_CHECK(line.data[0] == *c && line.len_bytes == 1);
    }
    HOST_CHECK(rv_reader_line(&reader, &line, RV_NEVER) == -ENOMSG);
    HOST_CHECK(strcmp(line.data, "last") == 0);
    HOST_CHECK(rv_reader_line(&reader, &line, RV_NEVER) == 0);
    HOST_CHECK(child_end(&child) == 0);
    return 0;
}

RV_HOST_TEST(pipes, errors_have_a_pipe_of_their_own_or_the_same)
{
    char *argv[] = {(char *)"/bin/sh", (char *)"-c",
                    (char *)"echo out; echo err >&2", NULL};
    struct child child = {.process = {0}};
    struct rv_process_options options = {.files.in = RV_PROCESS_NULL,
                                         .files.err = 1,
                                         .pipe_out = &child.out,
                                         .pipe_err = &child.err};
    char text[16];

    HOST_CHECK(rv_process_spawn_with(&child.process, argv, &options) == 0);
    HOST_CHECK(recv_all(&child.err, text, sizeof text) == 0);
    HOST_CHECK(strcmp(text, "err\n") == 0);
    HOST_CHECK(recv_all(&child.out, text, sizeof text) == 0);
    HOST_CHECK(strcmp(text, "out\n") == 0);
    HOST_CHECK(child_end(&child) == 0);

    options.pipe_err = NULL;
    HOST_CHECK(rv_process_spawn_with(&child.process, argv, &options) == 0);
    HOST_CHECK(recv_all(&child.out, text, sizeof text) == 0);
    HOST_CHECK(strcmp(text, "out\nerr\n") == 0);
    HOST_CHECK(child_end(&child) == 0);
    return 0;
}

/* Not sockets, which have no name to open and may be taken for a remote login;
 * and not non-blocking, which few programs expect. */
RV_HOST_TEST(pipes, are_ordinary_pipes_in_the_child)
{
    const char *line = "test -p /proc/self/fd/0 && echo named >/dev/stdout && "
                       "cat /proc/self/fdinfo/0 /proc/self/fdinfo/1";
    struct child child;
    char text[1024];
    char *flags;

    HOST_CHECK(child_start(&child, line) == 0);
    HOST_CHECK(recv_all(&child.out, text, sizeof text) == 0);
    HOST_CHECK(child_end(&child) == 0);
    HOST_CHECK(strncmp(text, "named\n", 6) == 0);
    flags = text;
    for (int i = 0; i < 2; i++) {
        flags = strstr(flags, "flags:");
        HOST_CHECK(flags);
        flags += strlen("flags:");
        HOST_CHECK((strtol(flags, NULL, 8) & O_NONBLOCK) == 0);
    }
    return 0;
}

/* --- much -------------------------------------------------------------- */

enum { MUCH = 1 << 20, PIECES = 100 };

static char byte_at(size_t at)
{
    return (char)(at / 3);
}

static int32_t send_much(void *arg)
{
    char *const much = rv_test_zeros(MUCH);
    struct iovec pieces[PIECES];
    struct rv_stream *stream = arg;
    size_t at = 0;
    int error;

    for (size_t i = 0; i < MUCH; i++)
        much[i] = byte_at(i);
    for (size_t i = 0; i < PIECES; i++) {
        const size_t len = i + 1 < PIECES ? i * 100 : MUCH - at;

        pieces[i] = (struct iovec){.iov_base = much + at, .iov_len = len};
        at += len;
    }
    error = rv_stream_sendv(stream, pieces, PIECES, RV_NEVER);
    return error ? error : rv_stream_shutdown_write(stream);
}

RV_HOST_TEST(pipes, hold_back_who_sends_and_lose_nothing)
{
    struct rv_host_task sender;
    struct child child;
    char text[4096];
    size_t got = 0;
    int n;

    HOST_CHECK(child_start(&child, "cat") == 0);
    HOST_CHECK(rv_host_start(&sender, send_much, &child.in) == 0);
    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(5)) == 0);
    while ((n = rv_stream_recv(&child.out, text, sizeof text, RV_NEVER)) > 0)
        for (int i = 0; i < n; i++, got++)
            HOST_CHECK(text[i] == byte_at(got));
    HOST_CHECK(n == 0 && got == MUCH);
    HOST_CHECK(rv_host_join(&sender) == 0);
    HOST_CHECK(child_end(&child) == 0);
    return 0;
}

/* --- relays ------------------------------------------------------------ */

/* A client, and a server that is a child behind a relay. */
struct chain {
    struct pair pair;
    struct child child;
    struct rv_relay_way ways[2];
    size_t count;
    int64_t idle_ns;
    char buffer[8192];
    struct rv_host_task task;
};

static int32_t run_relay(void *arg)
{
    struct chain *chain = arg;

    return rv_stream_relay_ways(chain->ways, chain->count, chain->buffer,
                                sizeof chain->buffer, chain->idle_ns, RV_NEVER);
}

static int chain_start(struct chain *chain, const char *line, size_t count)
{
    int error = pair_open(&chain->pair);

    if (!error)
        error = child_start(&chain->child, line);
    chain->ways[0] =
        (struct rv_relay_way){&chain->pair.server, &chain->child.in};
    chain->ways[1] =
        (struct rv_relay_way){&chain->child.out, &chain->pair.server};
    chain->count = count;
    chain->idle_ns = RV_NEVER;
    return error ? error : rv_host_start(&chain->task, run_relay, chain);
}

/* Returns: the exit code of the child. */
static int chain_end(struct chain *chain)
{
    pair_close(&chain->pair);
    return child_end(&chain->child);
}

RV_HOST_TEST(pipes, are_relayed_to_a_socket_and_back)
{
    struct rv_host_task sender;
    struct chain chain;
    char text[4096];
    size_t got = 0;
    int n;

    HOST_CHECK(chain_start(&chain, "cat", 2) == 0);
    HOST_CHECK(rv_host_start(&sender, send_much, &chain.pair.client) == 0);
    while ((n = rv_stream_recv(&chain.pair.client, text, sizeof text,
                               RV_NEVER)) > 0)
        for (int i = 0; i < n; i++, got++)
            HOST_CHECK(text[i] == byte_at(got));
    HOST_CHECK(n == 0 && got == MUCH);
    HOST_CHECK(rv_host_join(&sender) == 0);
    HOST_CHECK(rv_host_join(&chain.task) == 0);
    HOST_CHECK(rv_stream_fd(&chain.child.in) == -1);
    HOST_CHECK(chain_end(&chain) == 0);
    return 0;
}

RV_HOST_TEST(pipes, are_relayed_in_one_direction)
{
    struct chain chain;
    char text[16];

    HOST_CHECK(chain_start(&chain, "tr a-z A-Z", 1) == 0);
    HOST_CHECK(rv_stream_send(&chain.pair.client, "abc", 3, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_shutdown_write(&chain.pair.client) == 0);
    HOST_CHECK(rv_host_join(&chain.task) == 0);
    HOST_CHECK(recv_all(&chain.child.out, text, sizeof text) == 0);
    HOST_CHECK(strcmp(text, "ABC") == 0);
    HOST_CHECK(chain_end(&chain) == 0);
    return 0;
}

RV_HOST_TEST(pipes, a_relay_ends_when_the_child_does_not_read)
{
    struct chain chain;
    char text[16];

    HOST_CHECK(chain_start(&chain, "exec <&-; echo; exec sleep 1000", 2) == 0);
    HOST_CHECK(rv_stream_recv(&chain.pair.client, text, 1, RV_NEVER) == 1);
    HOST_CHECK(rv_stream_send(&chain.pair.client, "x", 1, RV_NEVER) == 0);
    HOST_CHECK(rv_host_join(&chain.task) == -EPIPE);
    HOST_CHECK(rv_process_kill(&chain.child.process, SIGKILL) == 0);
    HOST_CHECK(chain_end(&chain) == -1);
    return 0;
}

RV_HOST_TEST(pipes, a_relay_ends_when_nothing_moves)
{
    struct chain chain;

    HOST_CHECK(pair_open(&chain.pair) == 0);
    HOST_CHECK(child_start(&chain.child, "cat") == 0);
    chain.ways[0] = (struct rv_relay_way){&chain.child.out, &chain.pair.server};
    chain.count = 1;
    chain.idle_ns = 5 * RV_NS_PER_MS;
    HOST_CHECK(run_relay(&chain) == -ETIMEDOUT);
    HOST_CHECK(chain_end(&chain) == 0);
    return 0;
}

RV_HOST_TEST(pipes, a_dropped_relay_leaves_them_usable)
{
    struct rv_stream_relay relay;
    struct chain chain;
    char text[4];

    HOST_CHECK(pair_open(&chain.pair) == 0);
    HOST_CHECK(child_start(&chain.child, "cat") == 0);
    chain.ways[0] = (struct rv_relay_way){&chain.pair.server, &chain.child.in};
    chain.ways[1] = (struct rv_relay_way){&chain.child.out, &chain.pair.server};
    for (size_t count = 1; count <= 2; count++) {
        rv_stream_relay_ways_init(&relay, chain.ways, count, chain.buffer,
                                  sizeof chain.buffer, RV_NEVER);
        rv_drop(&relay.future);
        rv_stream_relay_ways_init(&relay, chain.ways, count, chain.buffer,
                                  sizeof chain.buffer, RV_NEVER);
        HOST_CHECK(rv_await_until(&relay.future, rv_after_ms(2)) == -ETIMEDOUT);
        rv_drop(&relay.future);
    }
    HOST_CHECK(rv_stream_send(&chain.child.in, "abc", 3, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_recv(&chain.child.out, text, 4, RV_NEVER) == 3);
    HOST_CHECK(chain_end(&chain) == 0);
    return 0;
}

/* --- what breaks ------------------------------------------------------- */

static int send_to_the_deaf(void)
{
    struct iovec pieces[2] = {{(void *)"x", 1}, {(void *)"y", 1}};
    struct child child;
    char byte;

    HOST_CHECK(child_start(&child, "exec <&-; echo; exec sleep 1000") == 0);
    HOST_CHECK(rv_stream_recv(&child.out, &byte, 1, RV_NEVER) == 1);
    HOST_CHECK(rv_stream_send(&child.in, "x", 1, RV_NEVER) == -EPIPE);
    HOST_CHECK(rv_stream_try_send(&child.in, "x", 1) == -EPIPE);
    HOST_CHECK(rv_stream_sendv(&child.in, pieces, 2, RV_NEVER) == -EPIPE);
    HOST_CHECK(rv_process_kill(&child.process, SIGKILL) == 0);
    HOST_CHECK(child_end(&child) == -1);
    return 0;
}

RV_HOST_TEST(pipes, raise_no_sigpipe)
{
    signal(SIGPIPE, SIG_DFL);
    HOST_CHECK(send_to_the_deaf() == 0);
    signal(SIGPIPE, SIG_IGN);
    HOST_CHECK(send_to_the_deaf() == 0);
    return 0;
}

/* A sender that waits for room learns that its reader has gone. */
RV_HOST_TEST(pipes, a_send_that_waits_sees_the_end_of_the_child)
{
    struct rv_host_task sender;
    struct child child;

    HOST_CHECK(child_start(&child, "exec sleep 1000") == 0);
    HOST_CHECK(rv_host_start(&sender, send_much, &child.in) == 0);
    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(5)) == 0);
    HOST_CHECK(rv_process_kill(&child.process, SIGKILL) == 0);
    HOST_CHECK(rv_host_join(&sender) == -EPIPE);
    HOST_CHECK(child_end(&child) == -1);
    return 0;
}

/* What was written before the last writer left is received before the end. */
RV_HOST_TEST(pipes, the_last_words_are_received)
{
    struct child child;
    char text[16];

    for (int i = 0; i < 20; i++) {
        HOST_CHECK(child_start(&child, "printf 'last words'") == 0);
        if (i % 2)
            HOST_CHECK(rv_process_wait(&child.process, NULL, NULL, RV_NEVER) ==
                       0);
        HOST_CHECK(recv_all(&child.out, text, sizeof text) == 0);
        HOST_CHECK(strcmp(text, "last words") == 0);
        rv_stream_close(&child.in);
        rv_stream_close(&child.out);
        if (i % 2 == 0)
            HOST_CHECK(rv_process_wait(&child.process, NULL, NULL, RV_NEVER) ==
                       0);
        rv_process_close(&child.process);
    }
    return 0;
}

/* A writer that opens the pipe again by its name in /proc. */
RV_HOST_TEST(pipes, an_end_is_for_good)
{
    struct child child;
    char path[32];
    char byte;
    int writer;

    HOST_CHECK(child_start(&child, "true") == 0);
    HOST_CHECK(rv_stream_recv(&child.out, &byte, 1, RV_NEVER) == 0);
    /* The reactor has reported it when the wait for a byte ends. */
    for (int i = 0; i < 1000 && !rv_source_hung_up(child.out.source, RV_READ);
         i++)
        HOST_CHECK(rv_coro_sleep_until(rv_after_ms(1)) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", rv_stream_fd(&child.out));
    writer = open(path, O_WRONLY | O_CLOEXEC);
    HOST_CHECK(writer >= 0);
    HOST_CHECK(rv_stream_recv(&child.out, &byte, 1, RV_NEVER) == 0);
    close(writer);
    HOST_CHECK(child_end(&child) == 0);
    return 0;
}

RV_HOST_TEST(pipes, a_start_that_fails_leaves_nothing)
{
    char *const no[] = {(char *)"/no/such/program", NULL};
    char *const yes[] = {(char *)"true", NULL};
    const uint32_t fds = rv_test_fds();
    struct child child = {.process = {0}};
    const struct rv_process_options options = {
        .pipe_in = &child.in, .pipe_out = &child.out, .pipe_err = &child.err};
    struct rlimit limit;
    struct rlimit low;
    int error;

    HOST_CHECK(rv_process_spawn_with(&child.process, no, &options) == -ENOENT);
    HOST_CHECK(rv_stream_fd(&child.in) == -1 && rv_stream_fd(&child.err) == -1);
    HOST_CHECK(rv_test_fds() == fds);
    HOST_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    low = limit;
    low.rlim_cur = 3;
    do {
        HOST_CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
        error = rv_process_spawn_with(&child.process, yes, &options);
        HOST_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        if (error) {
            HOST_CHECK(error == -EMFILE && rv_test_fds() == fds);
            HOST_CHECK(rv_stream_fd(&child.in) == -1);
            HOST_CHECK(rv_stream_fd(&child.out) == -1);
            HOST_CHECK(rv_stream_fd(&child.err) == -1);
        }
        low.rlim_cur++;
    } while (error);
    HOST_CHECK(child_end(&child) == 0);
    HOST_CHECK(rv_test_fds() == fds);
    return 0;
}

RV_HOST_TEST(pipes, output_has_none_of_its_own)
{
    char *const argv[] = {(char *)"true", NULL};
    struct rv_stream in;
    const struct rv_process_options options = {.pipe_in = &in};
    size_t got;

    HOST_CHECK(rv_process_output(argv, &options, NULL, 0, &got, NULL,
                                 RV_NEVER) == -EINVAL);
    return 0;
}

/* --- deadlines, cancellation ------------------------------------------- */

RV_HOST_TEST(pipes, a_deadline_loses_nothing)
{
    struct rv_stream_send send;
    struct child child;
    char text[8];

    HOST_CHECK(child_start(&child, "exec cat") == 0);
    for (int i = 0; i < 2; i++)
        HOST_CHECK(rv_stream_recv(&child.out, text, 8,
                                  i ? rv_after_ms(2) : 0) == -ETIMEDOUT);
    HOST_CHECK(rv_stream_send(&child.in, "abc", 3, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_recv(&child.out, text, 8, RV_NEVER) == 3);
    HOST_CHECK(child_end(&child) == 0);

    HOST_CHECK(child_start(&child, "exec sleep 1000") == 0); /* reads nothing */
    HOST_CHECK(pair_fill(&child.in) == 0);
    rv_stream_send_init(&send, &child.in, "late", 4);
    HOST_CHECK(rv_await_until(&send.future, rv_after_ms(2)) == -ETIMEDOUT);
    rv_drop(&send.future);
    HOST_CHECK(send.sent_bytes == 0);
    HOST_CHECK(rv_stream_send(&child.in, "late", 4, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_process_kill(&child.process, SIGKILL) == 0);
    HOST_CHECK(child_end(&child) == -1);
    return 0;
}

static int32_t wait_for_ever(void *arg)
{
    const bool sends = *(bool *)arg;
    struct child child;
    char text[8];
    int result;

    HOST_CHECK(child_start(&child, "exec sleep 1000") == 0);
    result = sends ? send_much(&child.in)
                   : rv_stream_recv(&child.out, text, 8, RV_NEVER);
    rv_stream_close(&child.in);
    rv_stream_close(&child.out);
    rv_process_kill(&child.process, SIGKILL);
    rv_process_close(&child.process);
    return result;
}

RV_TEST(pipes, a_canceled_wait_ends)
{
    for (int host = 0; host < RV_HOSTS; host++)
        for (int sends = 0; sends < 2; sends++)
            cr_assert_eq(rv_host_run_canceled((enum rv_host)host, wait_for_ever,
                                              &(bool){sends}),
                         -ECANCELED);
}
