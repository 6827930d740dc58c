/* SPDX-License-Identifier: MIT */
/*
 * library.h - what the lessons from 07 on share: lesson.h, the library, and the
 * figures of the run, which the library counts.
 *
 *     lesson_start(...); lesson_count(); ... lesson_take_figures();
 *     return lesson_end(error);
 */
#ifndef LESSON_LIBRARY_H
#define LESSON_LIBRARY_H

#include "lesson.h"

#include <reveil/reveil.h>
#include <reveil/trace.h>

/* From now on the library counts. */
static inline void lesson_count(void)
{
    rv_trace_start(RV_TRACE_COUNTERS);
}

/* Put what it has counted into `figures`, for lesson_end(). */
static inline void lesson_take_figures(void)
{
    figures.polls = rv_trace_count(RV_EV_POLL);
    figures.would_block = rv_trace_count(RV_EV_WOULD_BLOCK);
    figures.epoll_waits = rv_trace_count(RV_EV_EPOLL_WAIT);
    figures.wakes = rv_trace_count(RV_EV_WAKE);
    figures.parks = rv_trace_count(RV_EV_PARK);
}

#endif /* LESSON_LIBRARY_H */
