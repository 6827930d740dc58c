/* SPDX-License-Identifier: MIT */
/*
 * levels.c - how often does epoll say the same thing?
 *
 * A socket with a byte that nobody reads, and one that nobody fills. For 100 ms
 * each is asked for again and again, on level and on edge.
 */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* How often epoll_wait() returns with an event in 100 ms. */
static long count_returns(int fd, unsigned events)
{
    struct epoll_event event = {.events = events};
    const int epoll = epoll_create1(0);
    const double end = now_ms() + 100;
    long returns = 0;

    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    while (now_ms() < end)
        returns += epoll_wait(epoll, &event, 1, 10);
    close(epoll);
    return returns;
}

int main(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
        write(pair[1], "x", 1) != 1)
        return 1;
    printf("unread byte, level: %ld\n", count_returns(pair[0], EPOLLIN));
    printf("unread byte, edge: %ld\n",
           count_returns(pair[0], EPOLLIN | EPOLLET));
    printf("free room, level: %ld\n", count_returns(pair[0], EPOLLOUT));
    printf("free room, edge: %ld\n",
           count_returns(pair[0], EPOLLOUT | EPOLLET));
    return 0;
}
