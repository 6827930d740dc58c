/* SPDX-License-Identifier: MIT */
/*
 * events.h - what a line of a log means, whichever program wrote it.
 *
 * The lessons write "Data not ready" where the library writes "fd 5 would
 * block". Logs are compared by their events, and timelines are drawn from them.
 */
#ifndef RV_COMPARE_EVENTS_H
#define RV_COMPARE_EVENTS_H

#include <stdbool.h>

enum log_event {
    LOG_OTHER,    /* known by its text only */
    LOG_DETAIL,   /* the library tells more than the lessons: no difference */
    LOG_START,    /* the program begins */
    LOG_ASK,      /* the first poll of a GET: the request is sent */
    LOG_NO_DATA,  /* a read returned EAGAIN */
    LOG_OTHERS,   /* the loop goes on to other tasks */
    LOG_REPEAT,   /* the lines above, again and again */
    LOG_PARK,     /* the executor's thread sleeps */
    LOG_WAIT,     /* the reactor sleeps in epoll_wait */
    LOG_EVENT,    /* the kernel has told of an event */
    LOG_WAKE,     /* a waker puts a task into the ready queue */
    LOG_RESPONSE, /* a response, in one line */
    LOG_END       /* the program ends */
};

/* What a line says. */
enum log_event log_event_of(const char *text);

/* Its thread sleeps after this event. never_sleeps: the program has no sleep.
 */
bool log_event_sleeps(enum log_event event, bool never_sleeps);

/* A thread with this first event has slept since it was started. */
bool log_event_ends_sleep(enum log_event event);

#endif /* RV_COMPARE_EVENTS_H */
