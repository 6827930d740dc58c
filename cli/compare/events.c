/* SPDX-License-Identifier: MIT */
/* events.c - the words of the lessons' and the library's logs. */
#include "cli/compare/events.h"

#include <stddef.h>
#include <string.h>

/* The first that a line contains decides. */
static const struct {
    const char *words;
    enum log_event event;
} table[] = {
    {"Program starting", LOG_START},
    {"program starting", LOG_START},
    {"irst poll", LOG_ASK},
    {"Data not ready", LOG_NO_DATA},
    {"would block", LOG_NO_DATA},
    {"Schedule other tasks", LOG_OTHERS},
    {"... again", LOG_REPEAT},
    {"Sleep until notified", LOG_PARK},
    {"parks", LOG_PARK},
    {"sleeps in epoll_wait", LOG_WAIT},
    {"wake task", LOG_WAKE}, /* "Event of source 1 - wake task 0" */
    {"wakes task", LOG_WAKE},
    {"epoll_wait returned", LOG_EVENT},
    {"HTTP/1.", LOG_RESPONSE},
    {"All tasks finished", LOG_END},
    {"program ends", LOG_END},
    {"spawned", LOG_DETAIL},
    {"polls task", LOG_DETAIL},
    {"not ready", LOG_DETAIL},
    {": ready", LOG_DETAIL},
    {"registered", LOG_DETAIL},
    {"connected", LOG_DETAIL},
    {"is ready", LOG_DETAIL},
    {"unparked", LOG_DETAIL},
    {"sent ", LOG_DETAIL},
    {"received ", LOG_DETAIL},
};

enum log_event log_event_of(const char *text)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strstr(text, table[i].words))
            return table[i].event;
    return LOG_OTHER;
}

bool log_event_sleeps(enum log_event event, bool never_sleeps)
{
    if (never_sleeps)
        return false;
    /* Who has woken another one sleeps next; so does a loop that has polled
     * all of its tasks. */
    return event == LOG_PARK || event == LOG_WAIT || event == LOG_WAKE ||
           event == LOG_OTHERS || event == LOG_REPEAT;
}

bool log_event_ends_sleep(enum log_event event)
{
    return event == LOG_EVENT || event == LOG_WAKE;
}
