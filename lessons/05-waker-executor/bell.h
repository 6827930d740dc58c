/* SPDX-License-Identifier: MIT */
/*
 * bell.h - a thread that wakes a task when its socket becomes readable.
 *
 * What lesson 05 needs and is not about: somebody else who calls wake(). How
 * such a thread works is the subject of lesson 06, which puts the reactor in
 * its place. So read only the three calls:
 *
 *     bell_start()                 start the thread
 *     bell_watch(stream, waker)    call wake(waker) once, when there are bytes
 *     bell_stop()                  end the thread, and wait for its end
 *
 * Include it where struct waker and wake() are known.
 *
 * Threads: bell_watch: any. The others: main.
 */
#ifndef LESSON_BELL_H
#define LESSON_BELL_H

#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { BELL_STREAMS = 1024, BELL_EVENTS = 64 };
enum { BELL_STOP = 0 }; /* token of bell.stop; others: descriptors */

static struct {
    pthread_mutex_t lock;
    struct waker wakers[BELL_STREAMS]; /* lock held; by descriptor */
    int epoll;
    int stop; /* an eventfd: readable when the thread has to end */
    pthread_t thread;
} bell = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Call wake(waker) once, as soon as `stream` is readable; now, if it is. */
static inline void bell_watch(int stream, const struct waker *waker)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
        .data.fd = stream,
    };

    lesson_expect(stream < BELL_STREAMS, "too many sockets for the bell");
    pthread_mutex_lock(&bell.lock);
    bell.wakers[stream] = *waker;
    pthread_mutex_unlock(&bell.lock);
    /*@probe probe_event(PROBE_SET_WAKER, (long)waker->task_id, stream, 0); */
    if (epoll_ctl(bell.epoll, EPOLL_CTL_MOD, stream, &event) == 0)
        return; /* it was watched before */
    lesson_expect(errno == ENOENT, "the bell cannot watch this socket");
    lesson_unwrap(epoll_ctl(bell.epoll, EPOLL_CTL_ADD, stream, &event), "bell");
}

static inline void bell_ring(int stream)
{
    struct waker waker;

    pthread_mutex_lock(&bell.lock);
    waker = bell.wakers[stream];
    pthread_mutex_unlock(&bell.lock);
    lesson_logf("Ring - wake task %zu", waker.task_id);
    wake(&waker);
}

static inline void *bell_run(void *unused)
{
    struct epoll_event events[BELL_EVENTS];

    (void)unused;
    lesson_name_thread("bell");
    for (;;) {
        int count;

        figures.epoll_waits++;
        count = epoll_wait(bell.epoll, events, BELL_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == BELL_STOP)
                return NULL;
            bell_ring(events[i].data.fd);
        }
    }
}

static inline void bell_start(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    bell.epoll = lesson_unwrap(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    bell.stop = lesson_unwrap(eventfd(0, EFD_CLOEXEC), "eventfd");
    event.data.fd = BELL_STOP;
    lesson_unwrap(epoll_ctl(bell.epoll, EPOLL_CTL_ADD, bell.stop, &event),
                  "bell");
    lesson_spawn_thread(&bell.thread, bell_run, NULL);
}

static inline void bell_stop(void)
{
    lesson_unwrap(eventfd_write(bell.stop, 1), "eventfd");
    pthread_join(bell.thread, NULL);
    close(bell.stop);
    close(bell.epoll);
}

#endif /* LESSON_BELL_H */
