/* SPDX-License-Identifier: MIT */
/*
 * test_plain_more.c - the try forms and the plain calls of datagrams, signals,
 * child processes and Unix sockets; in each host of coroutines.
 */
#include <reveil/process.h>
#include <signal.h>
#include <unistd.h>

#include "net/pair.h"

RV_TEST_SUITE(plain_more);

/* --- datagrams --------------------------------------------------------- */

struct datagrams {
    struct rv_udp here;
    struct rv_udp there;
    struct rv_addr addr; /* of `there` */
};

static int datagrams_open(struct datagrams *self)
{
    struct rv_addr any;
    int error;

    memset(self, 0, sizeof *self);
    rv_addr_parse(&any, "127.0.0.1", 0);
    error = rv_udp_bind(&self->here, &any);
    if (!error)
        error = rv_udp_bind(&self->there, &any);
    if (!error)
        error = rv_udp_local_addr(&self->there, &self->addr);
    return error;
}

static void datagrams_close(struct datagrams *self)
{
    rv_udp_close(&self->here);
    rv_udp_close(&self->there);
}

static int32_t send_later(void *arg)
{
    struct datagrams *self = arg;
    const int error = rv_coro_sleep_until(rv_after_ms(2));

    return error
               ? error
               : rv_udp_send_to(&self->here, "late", 4, &self->addr, RV_NEVER);
}

RV_HOST_TEST(plain_more, datagrams)
{
    struct rv_udp none = {0};
    struct rv_host_task task;
    struct datagrams both;
    struct rv_addr here;
    struct rv_addr from;
    char text[8];

    HOST_CHECK(datagrams_open(&both) == 0);
    HOST_CHECK(rv_udp_local_addr(&both.here, &here) == 0);
    HOST_CHECK(rv_udp_try_recv_from(&both.there, text, 8, NULL) == -EAGAIN);
    HOST_CHECK(rv_udp_recv_from(&both.there, text, 8, NULL, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_udp_recv_from(&both.there, text, 8, NULL, rv_after_ms(2)) ==
               -ETIMEDOUT);
    HOST_CHECK(rv_udp_try_send_to(&both.here, "one", 3, &both.addr) == 0);
    HOST_CHECK(rv_udp_try_recv_from(&both.there, text, 8, &from) == 3);
    HOST_CHECK(rv_addr_port(&from) == rv_addr_port(&here));
    HOST_CHECK(rv_udp_try_send_to(&both.here, "two", 3, &both.addr) == 0);
    HOST_CHECK(rv_udp_recv_from(&both.there, text, 8, &from, 0) == 3);
    HOST_CHECK(rv_host_start(&task, send_later, &both) == 0);
    HOST_CHECK(rv_udp_recv_from(&both.there, text, 8, &from, RV_NEVER) == 4);
    HOST_CHECK(rv_addr_port(&from) == rv_addr_port(&here));
    HOST_CHECK(rv_host_join(&task) == 0);
    HOST_CHECK(rv_udp_try_recv_from(&none, text, 8, NULL) == -EBADF);
    HOST_CHECK(rv_udp_try_send_to(&none, text, 1, &from) == -EBADF);
    datagrams_close(&both);
    return 0;
}

/* --- child processes --------------------------------------------------- */

RV_HOST_TEST(plain_more, a_child_process)
{
    char *sleeps[] = {(char *)"sleep", (char *)"1000", NULL};
    char *ends[] = {(char *)"sh", (char *)"-c", (char *)"exit 7", NULL};
    struct rv_process none = {0};
    struct rv_process child;
    int exit_code = 0;
    int number = 0;

    HOST_CHECK(rv_process_try_wait(&none, NULL, NULL) == -EBADF);
    HOST_CHECK(rv_process_wait(&none, NULL, NULL, RV_NEVER) == -EBADF);
    HOST_CHECK(rv_process_spawn(&child, ends, NULL, NULL) == 0);
    HOST_CHECK(rv_process_wait(&child, &exit_code, &number, RV_NEVER) == 0);
    HOST_CHECK(exit_code == 7 && number == 0);
    HOST_CHECK(rv_process_wait(&child, NULL, NULL, RV_NEVER) == -ECHILD);
    rv_process_close(&child);

    HOST_CHECK(rv_process_spawn(&child, sleeps, NULL, NULL) == 0);
    HOST_CHECK(rv_process_try_wait(&child, NULL, NULL) == -EAGAIN);
    HOST_CHECK(rv_process_wait(&child, NULL, NULL, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_process_wait(&child, NULL, NULL, rv_after_ms(2)) ==
               -ETIMEDOUT);
    HOST_CHECK(rv_process_kill(&child, SIGKILL) == 0);
    HOST_CHECK(rv_process_wait(&child, &exit_code, &number, RV_NEVER) == 0);
    HOST_CHECK(exit_code == -1 && number == SIGKILL);
    rv_process_close(&child);
    return 0;
}

/* --- signals ----------------------------------------------------------- */

static int32_t wait_for_signals(void *arg)
{
    struct rv_signals none = {0};
    struct rv_signals signals;
    sigset_t set;

    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    HOST_CHECK(rv_signal_try_wait(&none) == -EBADF);
    HOST_CHECK(rv_signals_open(&signals, &set) == 0);
    HOST_CHECK(rv_signal_try_wait(&signals) == -EAGAIN);
    HOST_CHECK(rv_signal_wait(&signals, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_signal_wait(&signals, rv_after_ms(2)) == -ETIMEDOUT);
    HOST_CHECK(kill(getpid(), SIGUSR2) == 0);
    HOST_CHECK(rv_signal_wait(&signals, RV_NEVER) == SIGUSR2);
    HOST_CHECK(kill(getpid(), SIGUSR2) == 0);
    HOST_CHECK(rv_signal_try_wait(&signals) == SIGUSR2);
    rv_signals_close(&signals);
    return 0;
}

/* On an executor only: the mask is that of a thread. */
RV_TEST(plain_more, signals_split)
{
    rv_host_check(rv_host_run(RV_HOST_SPLIT, wait_for_signals, NULL),
                  "signals");
}

RV_TEST(plain_more, signals_fused)
{
    rv_host_check(rv_host_run(RV_HOST_FUSED, wait_for_signals, NULL),
                  "signals");
}

/* --- Unix sockets ------------------------------------------------------ */

RV_HOST_TEST(plain_more, a_unix_socket)
{
    struct rv_stream listener;
    struct rv_stream client;
    struct rv_stream server;
    struct rv_addr peer;
    char path[64];
    char byte;

    snprintf(path, sizeof path, "@reveil-plain-%d", (int)getpid());
    HOST_CHECK(rv_unix_connect(path, &client, RV_NEVER) == -ECONNREFUSED);
    HOST_CHECK(rv_stream_fd(&client) == -1);
    HOST_CHECK(rv_unix_listen(&listener, path) == 0);
    HOST_CHECK(rv_unix_connect(path, &client, rv_after_ms(60000)) == 0);
    HOST_CHECK(rv_stream_accept(&listener, &server, &peer, RV_NEVER) == 0);
    HOST_CHECK(peer.len_bytes == 0);
    HOST_CHECK(rv_stream_send(&client, "x", 1, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_recv(&server, &byte, 1, RV_NEVER) == 1);
    rv_stream_close(&client);
    rv_stream_close(&server);
    rv_stream_close(&listener);
    return 0;
}

/* --- recv whole as a future -------------------------------------------- */

RV_HOST_TEST(plain_more, a_dropped_recv_whole_says_what_it_has)
{
    struct rv_stream_recv_whole recv;
    struct rv_timeout limit;
    struct pair pair;
    char text[8];

    HOST_CHECK(pair_open(&pair) == 0);
    rv_stream_recv_whole_init(&recv, &pair.server, text, sizeof text);
    rv_drop(&recv.future);
    HOST_CHECK(recv.got_bytes == 0);
    HOST_CHECK(rv_stream_send(&pair.client, "abc", 3, RV_NEVER) == 0);
    rv_stream_recv_whole_init(&recv, &pair.server, text, sizeof text);
    rv_timeout_init(&limit, &recv.future, rv_after_ms(3));
    HOST_CHECK(rv_await(&limit.future) == -ETIMEDOUT);
    rv_drop(&limit.future);
    HOST_CHECK(recv.got_bytes == 3 && memcmp(text, "abc", 3) == 0);
    pair_close(&pair);
    return 0;
}
