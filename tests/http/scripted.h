/* SPDX-License-Identifier: MIT */
/*
 * scripted.h - a peer on a thread of its own that sends a fixed text to one
 * client, whatever the client asks.
 *
 *     struct scripted peer = {.says = "HTTP/1.1 200 OK\r\n\r\n"};
 *     scripted_start(&peer);
 *     ... get http://127.0.0.1:<peer.port>/ ...
 *     scripted_stop(&peer);                      peer.heard is the request
 */
#ifndef RV_TESTS_SCRIPTED_H
#define RV_TESTS_SCRIPTED_H

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum scripted_end {
    SCRIPTED_CLOSE,
    SCRIPTED_RESET,
    SCRIPTED_WAIT /* for the client to close first */
};

struct scripted {
    /* Set before start. */
    const char *says;
    int piece; /* bytes per send; 0: all at once */
    enum scripted_end end;

    uint16_t port;    /* valid after start */
    char heard[1024]; /* valid after stop */

    /* Private. */
    int listener;
    pthread_t thread;
};

static inline void scripted_hear(struct scripted *self, int fd)
{
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && !strstr(self->heard, "\r\n\r\n")) {
        n = recv(fd, self->heard + len, sizeof self->heard - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
}

static inline void scripted_say(const struct scripted *self, int fd)
{
    const int yes = 1;
    size_t left = strlen(self->says);
    const char *at = self->says;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    while (left > 0) {
        const size_t piece = self->piece ? (size_t)self->piece : left;
        const ssize_t n =
            send(fd, at, piece < left ? piece : left, MSG_NOSIGNAL);

        if (n < 0)
            return; /* the client has closed the connection */
        at += n;
        left -= (size_t)n;
    }
}

static inline void *scripted_main(void *arg)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct scripted *self = arg;
    const int fd = accept(self->listener, NULL, NULL);
    char byte;

    if (fd < 0)
        return NULL;
    scripted_hear(self, fd);
    scripted_say(self, fd);
    if (self->end == SCRIPTED_WAIT)
        while (recv(fd, &byte, 1, 0) > 0)
            ;
    if (self->end == SCRIPTED_RESET)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    return NULL;
}

/* A listening socket on a free port. */
static inline int scripted_listen(uint16_t *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *port = ntohs(addr.sin_port);
    return fd;
}

static inline void scripted_start(struct scripted *self)
{
    self->listener = scripted_listen(&self->port);
    cr_assert_eq(pthread_create(&self->thread, NULL, scripted_main, self), 0);
}

/* No client will connect: end the wait for one. */
static inline void scripted_give_up(struct scripted *self)
{
    shutdown(self->listener, SHUT_RDWR);
}

static inline void scripted_stop(struct scripted *self)
{
    pthread_join(self->thread, NULL);
    close(self->listener);
}

#endif /* RV_TESTS_SCRIPTED_H */
