/* SPDX-License-Identifier: MIT */
/*
 * library.c - the library of this tree in a check program, recorded.
 *
 * Part of probe.c (included there) if the lesson is linked with the library.
 * The linker puts each __wrap_ function in front of the real one. So what the
 * library's trace says becomes events between those of the program, in the
 * order in which they happened; and a call of the lesson's is a point of the
 * delay sweep, before and after it.
 *
 * The calls that the library makes itself are recorded too, but are no points
 * and no naps: library code is not what is tested.
 */
#include <reveil/executor.h>
#include <reveil/reactor.h>
#include <reveil/trace.h>
#include <reveil/waker.h>

/* An event of the library's: a record whose descriptor is this, with the id in
 * the place of task and source. /course/library_events.py makes steps of it. */
enum { OF_LIBRARY = -2 };

/* The trace's kinds, as events of a check program; -1: the call itself is
 * recorded, with more in it. */
static int kind_of(enum rv_event_kind kind)
{
    switch (kind) {
    case RV_EV_SPAWN:
        return PROBE_SPAWN;
    case RV_EV_POLL:
        return PROBE_POLL;
    case RV_EV_PENDING:
        return PROBE_PENDING;
    case RV_EV_READY:
        return PROBE_READY;
    case RV_EV_DROP:
        return PROBE_DROP;
    case RV_EV_WAKE:
        return PROBE_PUSH;
    case RV_EV_WAKE_AGAIN:
        return PROBE_WAKE_AGAIN;
    case RV_EV_SET_WAKER:
        return PROBE_SET_WAKER;
    case RV_EV_PARK:
        return PROBE_PARK;
    case RV_EV_PERMIT:
        return PROBE_PERMIT;
    case RV_EV_AWAKE:
        return PROBE_AWAKE;
    case RV_EV_UNPARK:
        return PROBE_UNPARK;
    case RV_EV_TIMER:
        return PROBE_TIMER;
    case RV_EV_JOB_QUEUED:
        return PROBE_JOB_QUEUED;
    case RV_EV_JOB_START:
        return PROBE_JOB_START;
    case RV_EV_JOB_DONE:
        return PROBE_JOB_DONE;
    case RV_EV_SUBMIT:
        return PROBE_SUBMIT;
    case RV_EV_COMPLETE:
        return PROBE_COMPLETE;
    case RV_EV_STEAL:
        return PROBE_STEAL;
    case RV_EV_SWITCH:
        return PROBE_SWITCH;
    case RV_EV_AWAIT:
        return PROBE_AWAIT;
    case RV_EV_CHAN_SEND:
        return PROBE_CHAN_SEND;
    case RV_EV_CHAN_RECV:
        return PROBE_CHAN_RECV;
    case RV_EV_CHAN_WAIT:
        return PROBE_CHAN_WAIT;
    default:
        return -1;
    }
}

void __real_rv_trace_write(enum rv_event_kind kind, uint64_t id, int64_t value);

void __wrap_rv_trace_write(enum rv_event_kind kind, uint64_t id, int64_t value)
{
    const int own = kind_of(kind);

    /* A lesson's code does not write the library's events. */
    if (own >= 0 && recording() && !is_own(HERE) && !rv_trace_thread_is_muted())
        record(HERE, own, (long)(int32_t)(uint32_t)id,
               (long)(int32_t)(uint32_t)(id >> 32), OF_LIBRARY, value);
    __real_rv_trace_write(kind, id, value);
}

void __real_rv_trace_name_thread(const char *name);

void __wrap_rv_trace_name_thread(const char *name)
{
    probe_thread(name);
    __real_rv_trace_name_thread(name);
}

/* --- points ------------------------------------------------------------ */

/* The calls between which another thread must not come, in a wrong answer. A
 * call of the library's own comes through here too, and is none. */

void __real_rv_waker_wake(const struct rv_waker *waker);
struct rv_waker __real_rv_waker_clone(const struct rv_waker *waker);
void __real_rv_waker_drop(struct rv_waker *waker);
bool __real_rv_source_ready(struct rv_source *source,
                            enum rv_direction direction,
                            const struct rv_waker *waker, uint32_t *tick);
int __real_rv_source_clear(struct rv_source *source,
                           enum rv_direction direction, uint32_t tick);
bool __real_rv_parker_park(struct rv_parker *parker, int64_t deadline_ns);
bool __real_rv_parker_unpark(struct rv_parker *parker);

void __wrap_rv_waker_wake(const struct rv_waker *waker)
{
    point_at(HERE, "rv_waker_wake");
    if (is_own(HERE) && waker->queue)
        record(HERE, PROBE_WAKE, (long)(int32_t)(uint32_t)waker->id,
               (long)(int32_t)(uint32_t)(waker->id >> 32), OF_LIBRARY, 0);
    __real_rv_waker_wake(waker);
    point_at(HERE, "after rv_waker_wake");
}

struct rv_waker __wrap_rv_waker_clone(const struct rv_waker *waker)
{
    point_at(HERE, "rv_waker_clone");
    return __real_rv_waker_clone(waker);
}

void __wrap_rv_waker_drop(struct rv_waker *waker)
{
    point_at(HERE, "rv_waker_drop");
    __real_rv_waker_drop(waker);
}

bool __wrap_rv_source_ready(struct rv_source *source,
                            enum rv_direction direction,
                            const struct rv_waker *waker, uint32_t *tick)
{
    bool ready;

    point_at(HERE, "rv_source_ready");
    ready = __real_rv_source_ready(source, direction, waker, tick);
    point_at(HERE, "after rv_source_ready");
    return ready;
}

int __wrap_rv_source_clear(struct rv_source *source,
                           enum rv_direction direction, uint32_t tick)
{
    point_at(HERE, "rv_source_clear");
    return __real_rv_source_clear(source, direction, tick);
}

bool __real_rv_source_peek(const struct rv_source *source,
                           enum rv_direction direction, uint32_t *tick);

bool __wrap_rv_source_peek(const struct rv_source *source,
                           enum rv_direction direction, uint32_t *tick)
{
    point_at(HERE, "rv_source_peek");
    return __real_rv_source_peek(source, direction, tick);
}

bool __wrap_rv_parker_park(struct rv_parker *parker, int64_t deadline_ns)
{
    point_at(HERE, "rv_parker_park");
    return __real_rv_parker_park(parker, deadline_ns);
}

bool __wrap_rv_parker_unpark(struct rv_parker *parker)
{
    bool slept;

    point_at(HERE, "rv_parker_unpark");
    slept = __real_rv_parker_unpark(parker);
    point_at(HERE, "after rv_parker_unpark");
    return slept;
}

int __real_rv_spawn_at(struct rv_executor *executor, struct rv_future *future,
                       struct rv_join *join, const char *where);

int __wrap_rv_spawn_at(struct rv_executor *executor, struct rv_future *future,
                       struct rv_join *join, const char *where)
{
    int error;

    point_at(HERE, "rv_spawn");
    error = __real_rv_spawn_at(executor, future, join, where);
    point_at(HERE, "after rv_spawn");
    return error;
}

/* From now on the library tells what it does. */
static void listen_to_library(void)
{
    rv_trace_start(RV_TRACE_COUNTERS);
}
