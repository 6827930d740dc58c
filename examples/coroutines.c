/* SPDX-License-Identifier: MIT */
/* coroutines.c - an echo server and its clients, in plain code:
 * coroutines [MESSAGES]
 *
 * No state machine and no callback: a function suspends inside rv_await(), and
 * keeps its state in local variables. At the end the server is canceled: its
 * await returns -ECANCELED, and it closes its socket as after any error. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { CLIENTS = 3 };

static long messages = 4; /* that each client sends */

/* --- calls that wait --------------------------------------------------- */

static int receive(struct rv_stream *stream, void *buffer, size_t len_bytes)
{
    struct rv_stream_recv recv;
    int result;

    rv_stream_recv_init(&recv, stream, buffer, len_bytes);
    result = rv_await(&recv.future);
    rv_drop(&recv.future);
    return result;
}

static int send_all(struct rv_stream *stream, const void *data,
                    size_t len_bytes)
{
    struct rv_stream_send send;
    int result;

    rv_stream_send_init(&send, stream, data, len_bytes);
    result = rv_await(&send.future);
    rv_drop(&send.future);
    return result;
}

static int accept_one(struct rv_stream *listener, struct rv_stream *out)
{
    struct rv_stream_accept accept;
    int result;

    rv_stream_accept_init(&accept, listener, out);
    result = rv_await(&accept.future);
    rv_drop(&accept.future);
    return result;
}

static int connect_to(const struct rv_addr *addr, struct rv_stream *out)
{
    struct rv_tcp_connect connect;
    int result;

    rv_tcp_connect_init(&connect, addr, out);
    result = rv_await(&connect.future);
    rv_drop(&connect.future);
    return result;
}

/* --- the server -------------------------------------------------------- */

/* Send back what arrives. Owns: arg, a socket. */
static int32_t echo(void *arg)
{
    struct rv_stream *stream = arg;
    char buffer[512];
    int len;

    while ((len = receive(stream, buffer, sizeof buffer)) > 0)
        if (send_all(stream, buffer, (size_t)len) < 0)
            break;
    rv_stream_close(stream);
    rv_free(stream);
    return len;
}

/* Accept until it is canceled. */
static int32_t serve(void *arg)
{
    static const struct rv_coro_options options = {.name = "echo"};
    struct rv_stream *listener = arg;
    int result = 0;

    while (result >= 0) {
        struct rv_stream *stream = rv_alloc(sizeof *stream);

        if (!stream)
            return -ENOMEM;
        result = accept_one(listener, stream);
        if (result >= 0)
            result = rv_coro_spawn(rv_executor_current(), echo, stream,
                                   &options, NULL);
        if (result < 0) {
            rv_stream_close(stream);
            rv_free(stream);
        }
    }
    /* Connections in the listener's queue are reset. */
    rv_stream_close(listener);
    printf("server: %s\n", rv_strerror(result));
    return result;
}

/* --- a client ---------------------------------------------------------- */

/* Returns: 1 if the message came back unchanged, 0 if not, negative errno. */
static int talk_once(struct rv_stream *stream, int number)
{
    char sent[16];
    char back[16];
    const int len = snprintf(sent, sizeof sent, "hello %d", number);
    int result = send_all(stream, sent, (size_t)len);

    if (result >= 0)
        result = receive(stream, back, sizeof back);
    if (result <= 0)
        return result < 0 ? result : -EPIPE;
    return result == len && memcmp(sent, back, (size_t)len) == 0;
}

/* Returns: how many messages came back unchanged, negative errno. */
static int32_t talk(void *arg)
{
    const struct rv_addr *addr = arg;
    struct rv_stream stream = {0};
    int result = connect_to(addr, &stream);
    int good = 0;

    for (int i = 0; i < messages && result >= 0; i++) {
        rv_coro_sleep_until(rv_after_ms(5));
        result = talk_once(&stream, i);
        good += result > 0;
    }
    rv_stream_close(&stream);
    return result < 0 ? result : good;
}

/* --- all of them ------------------------------------------------------- */

/* Returns: 0, negative errno. */
static int wait_for_client(struct rv_join *join, int number)
{
    const int echoes = rv_await(&join->future);

    if (echoes < 0)
        return echoes;
    printf("client %d: %d echoes\n", number, echoes);
    return echoes == messages ? 0 : -EBADMSG;
}

/* Returns: 0, negative errno. */
static int talk_to(struct rv_addr *addr)
{
    struct rv_executor *executor = rv_executor_current();
    struct rv_join joins[CLIENTS] = {0};
    int error = 0;

    for (int i = 0; i < CLIENTS && !error; i++)
        error = rv_coro_spawn(executor, talk, addr, NULL, &joins[i]);
    for (int i = 0; i < CLIENTS && !error; i++)
        error = wait_for_client(&joins[i], i);
    for (int i = 0; i < CLIENTS; i++) {
        rv_join_abort(&joins[i]); /* after an error some still run */
        rv_join_drop(&joins[i]);
    }
    return error;
}

static int32_t run(void *arg)
{
    struct rv_join server = {0};
    struct rv_stream listener = {0};
    struct rv_addr addr;
    int result;
    int error;

    (void)arg;
    rv_addr_parse(&addr, "127.0.0.1", 0);
    error = rv_tcp_listen(&listener, &addr);
    if (!error)
        error = rv_tcp_local_addr(&listener, &addr);
    if (!error)
        error = rv_coro_spawn(rv_executor_current(), serve, &listener, NULL,
                              &server);
    if (!error)
        error = talk_to(&addr);
    rv_join_abort(&server); /* it runs to its end inside this call */
    result = server.future.result;
    rv_join_drop(&server);
    rv_stream_close(&listener);
    /* An error of the server explains those of the clients. */
    return result < 0 && result != -ECANCELED ? result : error;
}

static int usage(FILE *where, int status)
{
    fputs("usage: coroutines [MESSAGES] (up to 1,000)\n", where);
    return status;
}

int main(int argc, char **argv)
{
    static const struct rv_coro_options options = {.name = "run"};
    struct rv_runtime *runtime;
    struct rv_join join;
    char *end = "";
    int error;

    program_start(1);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc > 1)
        messages = strtol(argv[1], &end, 10);
    if (argc > 2 || *end || messages < 1 || messages > 1000)
        return usage(stderr, 2);
    error = rv_coro_report_overflow();
    if (!error)
        error = rv_runtime_start(&runtime);
    if (!error) {
        error = rv_coro_spawn(rv_runtime_executor(runtime), run, NULL, &options,
                              &join);
        if (!error)
            error = rv_runtime_block_on(runtime, &join.future);
        rv_runtime_stop(runtime);
    }
    if (error)
        fprintf(stderr, "coroutines: %s\n", rv_strerror(error));
    return error ? 1 : 0;
}
