/* SPDX-License-Identifier: MIT */
/* wake_epoll.c - wake.c with what the kernel has: eventfds, one in epoll. */
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../bench.h"

enum { WARM_UP = 1000 };

struct match {
    int epoll;
    int here;  /* in the epoll */
    int there; /* where the other thread sleeps in read() */
    int64_t ops;
};

static void *play_other_side(void *arg)
{
    const struct match *match = arg;
    eventfd_t count;

    for (int64_t i = 0; i < match->ops; i++) {
        eventfd_read(match->there, &count);
        eventfd_write(match->here, 1);
    }
    return NULL;
}

static void work(struct match *match, int64_t ops)
{
    struct epoll_event event;
    eventfd_t count;
    pthread_t thread;

    match->ops = ops;
    bench_check(-pthread_create(&thread, NULL, play_other_side, match),
                "thread");
    for (int64_t i = 0; i < ops; i++) {
        eventfd_write(match->there, 1);
        while (epoll_wait(match->epoll, &event, 1, -1) != 1)
            ;
        eventfd_read(match->here, &count);
    }
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    struct match match = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                          .here = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                          .there = eventfd(0, EFD_CLOEXEC)};
    struct epoll_event event = {.events = EPOLLIN};
    struct bench_span span;

    if (bench_variant(argc, argv, "one-cpu"))
        bench_use_one_cpu();
    if (match.epoll < 0 || match.here < 0 || match.there < 0)
        bench_check(-errno, "descriptors"); /* errno: of the last that failed */
    if (epoll_ctl(match.epoll, EPOLL_CTL_ADD, match.here, &event) < 0)
        bench_check(-errno, "epoll_ctl");
    work(&match, WARM_UP);
    bench_start(&span);
    work(&match, ops);
    bench_stop(&span);
    bench_print(&span, ops, "");
    return 0;
}
