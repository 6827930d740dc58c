/* SPDX-License-Identifier: MIT */
/* 3. The three calls of epoll | Les trois appels d'epoll */
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

int main(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 42};
    const int queue = epoll_create1(0);
    int ends[2];

    if (pipe(ends) < 0)
        return 1;
    epoll_ctl(queue, EPOLL_CTL_ADD, ends[0], &event);

    printf("empty: %d events\n", epoll_wait(queue, &event, 1, 0));
    if (write(ends[1], "hello", 5) != 5)
        return 1;
    printf("written: %d events, ", epoll_wait(queue, &event, 1, -1));
    printf("token %d\n", (int)event.data.u64);
    printf("asked again: %d events\n", epoll_wait(queue, &event, 1, 0));
    return 0;
}
