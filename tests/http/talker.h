/* SPDX-License-Identifier: MIT */
/*
 * talker.h - a peer on a thread of its own that serves one connection after the
 * other, several requests on each, with fixed responses.
 *
 *     struct talker peer = {.talks = {{.says = {OK1("a"), OK1("b")}},
 *                                     {.says = {OK1("c")}}}};
 *     talker_start(&peer);
 *     ... GETs of talker_url(url, &peer, "/path") ...
 *     talker_stop(&peer);
 *
 * A talk sends each of its `says` when a request has arrived, and ends as
 * `end` says. An empty one is no response: the connection ends there.
 */
#ifndef RV_TESTS_TALKER_H
#define RV_TESTS_TALKER_H

#include <semaphore.h>
#include <stdio.h>

#include "scripted.h"

enum { TALKS = 5, SAYS = 5, HEARD = 16 };

/* A response with a body of one character, "x" say. */
#define OK1(char_) "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" char_

struct talk {
    const char *says[SAYS];
    enum scripted_end end;
};

struct talker {
    struct talk talks[TALKS]; /* set before start */

    uint16_t port;          /* valid after start */
    char heard[HEARD][512]; /* the requests in order; valid after stop */
    int requests;
    int connections;
    sem_t ended; /* posted when a connection was closed */

    int listener; /* private */
    pthread_t thread;
};

/* Returns: false if the client has closed it. */
static inline bool talker_hear(struct talker *self, int fd)
{
    char *text = self->heard[self->requests % HEARD];
    size_t len = 0;
    ssize_t n;

    memset(text, 0, sizeof self->heard[0]);
    while (!strstr(text, "\r\n\r\n")) {
        n = recv(fd, text + len, sizeof self->heard[0] - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    self->requests++;
    return true;
}

static inline void talker_talk(struct talker *self, const struct talk *talk,
                               int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    char byte;

    for (int i = 0; i < SAYS && talk->says[i]; i++) {
        if (!talker_hear(self, fd))
            break;
        if (send(fd, talk->says[i], strlen(talk->says[i]), MSG_NOSIGNAL) < 0)
            break;
    }
    if (talk->end == SCRIPTED_WAIT)
        while (recv(fd, &byte, 1, 0) > 0)
            ;
    if (talk->end == SCRIPTED_RESET)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    sem_post(&self->ended);
}

static inline void *talker_main(void *arg)
{
    struct talker *self = arg;

    for (int i = 0; i < TALKS && self->talks[i].says[0]; i++) {
        const int fd = accept(self->listener, NULL, NULL);

        if (fd < 0)
            return NULL;
        self->connections++;
        talker_talk(self, &self->talks[i], fd);
    }
    return NULL;
}

static inline void talker_start(struct talker *self)
{
    sem_init(&self->ended, 0, 0);
    self->listener = scripted_listen(&self->port);
    cr_assert_eq(pthread_create(&self->thread, NULL, talker_main, self), 0);
}

/* No more clients will connect. */
static inline void talker_stop(struct talker *self)
{
    shutdown(self->listener, SHUT_RDWR);
    pthread_join(self->thread, NULL);
    close(self->listener);
    sem_destroy(&self->ended);
}

static inline const char *talker_url(char url[128], const struct talker *self,
                                     const char *path)
{
    snprintf(url, 128, "http://127.0.0.1:%u%s", (unsigned)self->port, path);
    return url;
}

#endif /* RV_TESTS_TALKER_H */
