/* SPDX-License-Identifier: MIT */
/*
 * server_epoll.c - server.c as one loop around epoll_wait: a connection is
 * registered once, level-triggered, and read once per event.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bench.h"
#include "hello.h"

enum { EVENTS = 256, BACKLOG = 4096 };

struct client {
    int fd;
    bool waits_for_room;
    struct hello_connection hello;
};

static int epoll;

static void hang_up(struct client *client)
{
    close(client->fd);
    free(client);
}

static bool watch(struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};

    return epoll_ctl(epoll, operation, client->fd, &event) == 0;
}

static void accept_one(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *client = fd < 0 ? NULL : calloc(1, sizeof *client);

    if (!client) {
        if (fd >= 0)
            close(fd);
        return;
    }
    client->fd = fd;
    if (!watch(client, EPOLL_CTL_ADD, EPOLLIN))
        hang_up(client);
}

/* Send what there is. Returns: false when the connection is over. */
static bool flush(struct client *client)
{
    struct hello_connection *hello = &client->hello;
    ssize_t n = send(client->fd, hello->out, hello->out_len, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN)
        return false;
    if (n >= 0 && (size_t)n == hello->out_len) {
        hello->out_len = 0;
        if (hello->close)
            return false;
        if (!client->waits_for_room)
            return true;
        client->waits_for_room = false;
        return watch(client, EPOLL_CTL_MOD, EPOLLIN);
    }
    /* A client that reads this slowly is not what is measured here. */
    if (n > 0)
        return false;
    client->waits_for_room = true;
    return watch(client, EPOLL_CTL_MOD, EPOLLOUT);
}

/* Returns: false when the connection is over. */
static bool receive(struct client *client)
{
    struct hello_connection *hello = &client->hello;
    ssize_t n = recv(client->fd, hello->in + hello->in_len,
                     sizeof hello->in - hello->in_len, 0);

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    hello->in_len += (size_t)n;
    if (!hello_answer(hello))
        return false;
    return hello->out_len == 0 || flush(client);
}

static void serve(int listener)
{
    struct epoll_event events[EVENTS];
    int n;

    for (;;) {
        n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct client *client = events[i].data.ptr;

            if (!client)
                accept_one(listener);
            else if (!(client->waits_for_room ? flush(client)
                                              : receive(client)))
                hang_up(client);
        }
    }
}

int main(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct sockaddr_in addr = hello_addr();
    socklen_t len = sizeof addr;
    int listener;

    bench_begin();
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || epoll < 0)
        bench_check(-errno, "descriptors");
    if (bind(listener, (struct sockaddr *)&addr, len) < 0 ||
        listen(listener, BACKLOG) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
        bench_check(-errno, "listen");
    bench_say_where(ntohs(addr.sin_port));
    serve(listener);
    return 1;
}
