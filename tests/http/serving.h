/* SPDX-License-Identifier: MIT */
/*
 * serving.h - a server on a thread of its own, and a plain blocking socket
 * that talks to it.
 *
 *     struct serving serving = {.handler = ...};
 *     serving_start(&serving);
 *     int fd = dial(serving.port);
 *     say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
 *     listen_to_end(fd, text, sizeof text);          closes fd
 *     serving_stop(&serving);       or serving_drain(), serving_join()
 */
#ifndef RV_TESTS_SERVING_H
#define RV_TESTS_SERVING_H

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <reveil/http_server.h>
#include <reveil/runtime.h>
#include <semaphore.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "executor/executor_internal.h"
#include "support/support.h"

struct serving {
    /* Set before start. */
    struct rv_http_handler handler;
    int64_t idle_timeout_ns; /* 0: the server's own */
    uint32_t head_bytes;     /* 0: the server's own default */
    void (*adjust)(struct rv_http_server *server); /* or NULL */

    uint16_t port;     /* valid after start */
    uint64_t requests; /* valid after stop or join */
    uint32_t
        answers; /* the result of rv_http_server_shutdown(), valid after join */
    int32_t cut; /* the server's result, valid after join */
    uint32_t timers; /* left after the drop of the server; after stop or join */

    /* Private. */
    pthread_t thread;
    sem_t started;
    struct rv_future future;
    struct rv_http_server server;
    struct rv_waker waker;
    _Atomic bool stop;
    _Atomic bool drain;
    int64_t drain_ns; /* the deadline for rv_http_server_shutdown() */
};

static enum rv_poll serving_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct serving *self = RV_CONTAINER_OF(future, struct serving, future);

    if (!future->at) {
        future->at = 1;
        self->waker = rv_waker_clone(&cx->waker);
        sem_post(&self->started);
    }
    if (atomic_exchange(&self->drain, false))
        self->answers = rv_http_server_shutdown(&self->server, self->drain_ns);
    if (atomic_load(&self->stop))
        return RV_READY;
    if (rv_poll(&self->server.future, cx) == RV_PENDING)
        return RV_PENDING;
    self->cut = self->server.future.result;
    return RV_READY;
}

static void *serving_main(void *arg)
{
    static const struct rv_future_ops ops = {.name = "serving",
                                             .poll = serving_poll};
    struct serving *self = arg;
    struct rv_runtime *runtime;
    struct rv_addr addr;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(&self->server, &addr, &self->handler), 0);
    cr_assert_eq(rv_http_server_addr(&self->server, &addr), 0);
    self->port = rv_addr_port(&addr);
    if (self->idle_timeout_ns)
        self->server.idle_timeout_ns = self->idle_timeout_ns;
    if (self->head_bytes)
        self->server.limits.head_bytes = self->head_bytes;
    if (self->adjust)
        self->adjust(&self->server);
    rv_future_init(&self->future, &ops);
    rv_runtime_block_on(runtime, &self->future);
    self->requests = self->server.requests;
    rv_drop(&self->server.future);
    self->timers = (uint32_t)rv_runtime_executor(runtime)->wheel.len;
    rv_runtime_stop(runtime);
    return NULL;
}

static void serving_start(struct serving *self)
{
    sem_init(&self->started, 0, 0);
    cr_assert_eq(pthread_create(&self->thread, NULL, serving_main, self), 0);
    sem_wait(&self->started);
}

/* Let the server's thread call rv_http_server_shutdown(). */
static inline void serving_drain(struct serving *self, int64_t deadline_ns)
{
    self->drain_ns = deadline_ns;
    atomic_store(&self->drain, true);
    rv_waker_wake(&self->waker);
}

/* Wait until the server has ended without a stop. */
static inline void serving_join(struct serving *self)
{
    pthread_join(self->thread, NULL);
    rv_waker_drop(&self->waker);
    sem_destroy(&self->started);
}

static inline void serving_stop(struct serving *self)
{
    atomic_store(&self->stop, true);
    rv_waker_wake(&self->waker);
    serving_join(self);
}

/* A connected socket whose recv gives up when the test would time out. */
static inline int dial(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = RV_TEST_WAIT_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static inline void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
                 (ssize_t)strlen(text));
}

/* Receive until `text` ends with `end`, or the stream ends. */
static inline void listen_for(int fd, char *text, size_t size, const char *end)
{
    const size_t end_len = strlen(end);
    size_t len = 0;
    ssize_t n;

    text[0] = '\0';
    while (len + 1 < size) {
        if (len >= end_len && strcmp(text + len - end_len, end) == 0)
            return;
        n = recv(fd, text + len, size - 1 - len, 0);
        cr_assert_geq(n, 0, "nothing came within 2 s, after: %s", text);
        if (n == 0)
            return;
        len += (size_t)n;
        text[len] = '\0';
    }
    cr_assert_fail("more came than expected");
}

/* Receive up to the end of the stream, then close. */
static inline void listen_to_end(int fd, char *text, size_t size)
{
    listen_for(fd, text, size, "\xff");
    close(fd);
}

/* Send it on a new connection, and receive all of the response. */
static inline void ask(uint16_t port, const char *request, char *text,
                       size_t size)
{
    const int fd = dial(port);

    say(fd, request);
    listen_to_end(fd, text, size);
}

/* The number of occurrences of `part` in `text`. */
static inline int count_of(const char *text, const char *part)
{
    int count = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

#endif /* RV_TESTS_SERVING_H */
