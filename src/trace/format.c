/* SPDX-License-Identifier: MIT */
/*
 * format.c - write an event as a line of text. The logs of the lessons consist
 * of these lines.
 *
 *        0.142 ms  executor    task #1: not ready
 *        0.150 ms  executor    parks: nothing to do
 *      400.317 ms  reactor     fd 7 is ready
 *
 * Threads: any.
 */
#include <reveil/base.h>
#include <reveil/trace.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace/trace_internal.h"

/* The text between `before` and `after`. */
enum between {
    NOTHING,
    TASK,       /* the index of the id */
    VALUE,      /* the value */
    COUNT,      /* the value; unless it is 1, an "s" follows `after` */
    TASK_VALUE, /* the index of the id; the value follows `after` */
    ADDRESS,    /* the id, in hexadecimal */
    LINT,       /* the index of the id; what the value means follows `after` */
    LATE,       /* the value, which is in nanoseconds, in milliseconds */
    STRING      /* no number: the id is the address of a string */
};

struct words {
    const char *name;
    const char *before;
    const char *after;
    enum between between;
};

static const struct words all_words[RV_EV_KINDS] = {
    [RV_EV_SPAWN] = {"spawn", "task #", " spawned", TASK},
    [RV_EV_POLL] = {"poll", "polls task #", "", TASK},
    [RV_EV_PENDING] = {"pending", "task #", ": not ready", TASK},
    [RV_EV_READY] = {"ready", "task #", ": ready", TASK},
    [RV_EV_DROP] = {"drop", "task #", " dropped", TASK},
    [RV_EV_WAKE] = {"wake", "wakes task #", "", TASK},
    [RV_EV_WAKE_AGAIN] = {"wake-again", "wakes task #", ", queued already",
                          TASK},
    [RV_EV_SET_WAKER] = {"set-waker", "task #", ": waker left at fd ",
                         TASK_VALUE},
    [RV_EV_PARK] = {"park", "parks: nothing to do", "", NOTHING},
    [RV_EV_PERMIT] = {"permit", "does not park: unparked already", "", NOTHING},
    [RV_EV_AWAKE] = {"awake", "unparked", "", NOTHING},
    [RV_EV_UNPARK] = {"unpark", "unparks a thread", "", NOTHING},
    [RV_EV_EPOLL_WAIT] = {"epoll-wait", "sleeps in epoll_wait", "", NOTHING},
    [RV_EV_EPOLL_DONE] = {"epoll-done", "epoll_wait returned ", " event",
                          COUNT},
    [RV_EV_REGISTER] = {"register", "fd ", " registered", VALUE},
    [RV_EV_DEREGISTER] = {"deregister", "fd ", " deregistered", VALUE},
    [RV_EV_READINESS] = {"readiness", "fd ", " is ready", VALUE},
    [RV_EV_CONNECT] = {"connect", "fd ", " connected", VALUE},
    [RV_EV_ACCEPT] = {"accept", "accepted fd ", "", VALUE},
    [RV_EV_SEND] = {"send", "sent ", " byte", COUNT},
    [RV_EV_RECV] = {"recv", "received ", " byte", COUNT},
    [RV_EV_WOULD_BLOCK] = {"would-block", "fd ", " would block", VALUE},
    [RV_EV_TIMER] = {"timer", "timer fired, ", " ms late", LATE},
    [RV_EV_JOB_QUEUED] = {"job-queued", "job ", " queued", ADDRESS},
    [RV_EV_JOB_START] = {"job-start", "begins job ", "", ADDRESS},
    [RV_EV_JOB_DONE] = {"job-done", "job ", " done", ADDRESS},
    [RV_EV_SUBMIT] = {"submit", "submits operation #", ", opcode ", TASK_VALUE},
    [RV_EV_COMPLETE] = {"complete", "operation #", ": ", TASK_VALUE},
    [RV_EV_STEAL] = {"steal", "steals task ", "", ADDRESS},
    [RV_EV_SWITCH] = {"switch", "switches to task ", "", ADDRESS},
    [RV_EV_AWAIT] = {"await", "task ", " awaits a future", ADDRESS},
    [RV_EV_CHAN_SEND] = {"chan-send", "sends into channel ", "", ADDRESS},
    [RV_EV_CHAN_RECV] = {"chan-recv", "receives from channel ", "", ADDRESS},
    [RV_EV_CHAN_WAIT] = {"chan-wait", "waits at channel ", "", ADDRESS},
    [RV_EV_LINT] = {"lint", "task #", " ", LINT},
    [RV_EV_NOTE] = {"note", "", "", STRING},
};

static const struct words unknown_words = {"unknown", "unknown event", "",
                                           NOTHING};

static const struct words *words_of(uint32_t kind)
{
    return kind < RV_EV_KINDS ? &all_words[kind] : &unknown_words;
}

/* Print nanoseconds as milliseconds, such as "0.142". Without floating point,
 * since its decimal point depends on the program's locale. */
static void print_ms(char *text, size_t size, int64_t span_ns)
{
    const int64_t us = span_ns > 0 ? span_ns / 1000 : 0;

    snprintf(text, size, "%" PRId64 ".%03" PRId64, us / 1000, us % 1000);
}

/* Print "recv failed: ECONNRESET". It is the error's name, because strerror()
 * is not thread-safe and depends on the locale. */
static void print_failure(char *text, size_t size, const char *name,
                          int64_t result)
{
    const char *code =
        result > INT32_MIN ? strerrorname_np((int)-result) : NULL;

    if (code != NULL)
        snprintf(text, size, "%s failed: %s", name, code);
    else
        snprintf(text, size, "%s failed: %" PRId64, name, result);
}

const char *rv_lint_text(uint32_t lint)
{
    switch (lint) {
    case RV_LINT_LOST:
        return "is lost: it has no waker left, so nothing can wake it";
    case RV_LINT_SPINS:
        return "spins: it wakes itself most of the time";
    case RV_LINT_HOGS:
        return "blocked the executor: one poll took longer than 10 ms";
    default:
        return NULL;
    }
}

/* The text of the event without its time and thread. Returns: `text`, or a
 * constant string. */
static const char *describe(const struct rv_event *event, char *text,
                            size_t size)
{
    const struct words *words = words_of(event->kind);
    char late[32];

    switch (words->between) {
    case NOTHING:
        return words->before;
    case STRING:
        return event->id != 0 ? (const char *)(uintptr_t)event->id : "";
    case TASK:
        snprintf(text, size, "%s%" PRIu32 "%s", words->before,
                 rv_id_index(event->id), words->after);
        return text;
    case TASK_VALUE:
        snprintf(text, size, "%s%" PRIu32 "%s%" PRId64, words->before,
                 rv_id_index(event->id), words->after, event->value);
        return text;
    case ADDRESS:
        if (event->kind == RV_EV_SWITCH && event->id == 0)
            return "switches back to its own stack";
        snprintf(text, size, "%s0x%" PRIx64 "%s", words->before, event->id,
                 words->after);
        return text;
    case LINT:
        snprintf(text, size, "%s%" PRIu32 "%s%s", words->before,
                 rv_id_index(event->id), words->after,
                 rv_lint_text((uint32_t)event->value));
        return text;
    case LATE:
        print_ms(late, sizeof late, event->value);
        snprintf(text, size, "%s%s%s", words->before, late, words->after);
        return text;
    case VALUE:
    case COUNT:
        break;
    }
    if (event->value < 0)
        print_failure(text, size, words->name, event->value);
    else
        snprintf(text, size, "%s%" PRId64 "%s%s", words->before, event->value,
                 words->after,
                 words->between == COUNT && event->value != 1 ? "s" : "");
    return text;
}

int rv_trace_format(const struct rv_event *event, char *line, size_t size)
{
    char name[RV_THREAD_NAME_BYTES];
    char at[32];
    char text[80];

    rv_trace_thread_name(event->thread, name);
    if (!*name)
        snprintf(name, sizeof name, "thread %" PRIu32, event->thread);
    print_ms(at, sizeof at, event->at_ns - rv_trace_start_ns());
    return snprintf(line, size, "%8s ms  %-10s  %s", at, name,
                    describe(event, text, sizeof text));
}

const char *rv_event_name(enum rv_event_kind kind)
{
    return words_of((uint32_t)kind)->name;
}
