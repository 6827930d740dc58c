/* SPDX-License-Identifier: MIT */
/*
 * Lesson 09, timers - what if nothing arrives?
 *
 * New here: a timer is a future that is READY at a point in time. All of them
 * wait in one heap, and one timerfd, a descriptor like any other, is armed for
 * the earliest of them.
 *
 *     tasks                    heap                 kernel
 *     timer_poll: PENDING -->  [30 30 60 90 ...]
 *                              timer_arm() ------>  timerfd: at 30
 *                                                   ... 30: readable
 *     poll, READY   <--------  timer_fire(): wake   <--- reactor
 *                              those that are due,
 *                              arm for 60
 *
 * With it come a time-out for anything, timeout_poll(), and a regular tick.
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main runs the executor and has all timers; so there is no lock.
 */
#include "../lesson.h"

#include <reveil/async.h>
#include <reveil/combine.h>
#include <reveil/reactor.h>
#include <reveil/runtime.h>
#include <reveil/trace.h>
#include <sys/timerfd.h>

#include "../08-many-executors/get.h"
#include "heap.h"

/*@probe enum { PROBE_MOST = 4096 }; */
/*@probe static int64_t probe_armed; */
/*@probe static int probe_arms, probe_fds, probe_fires; */
/*@probe static bool probe_refused; */
/*@probe static int probe_timerfd_create(clockid_t clock, int flags) */
/*@probe { */
/*@probe     probe_expect(clock == CLOCK_MONOTONIC, "LOST TIMER: another clock", "clock", */
/*@probe                  clock, 0, 0); */
/*@probe     probe_fds++; */
/*@probe     probe_expect(probe_fds < 2, "TOO MANY: timerfds", "timerfds", probe_fds, */
/*@probe                  0, 0); */
/*@probe     return timerfd_create(clock, flags); */
/*@probe } */
/*@probe static int probe_timerfd_settime(int fd, int flags, */
/*@probe                                  const struct itimerspec *at, */
/*@probe                                  struct itimerspec *before) */
/*@probe { */
/*@probe     const int result = timerfd_settime(fd, flags, at, before); */
/*@probe     const struct timespec *value = &at->it_value; */
/*@probe     probe_refused = result < 0; */
/*@probe     if (result < 0) */
/*@probe         return result; */
/*@probe     probe_arms++; */
/*@probe     probe_armed = (int64_t)value->tv_sec * 1000000000 + value->tv_nsec; */
/*@probe     if (probe_armed && !(flags & TFD_TIMER_ABSTIME)) */
/*@probe         probe_armed += rv_now_ns(); */
/*@probe     return result; */
/*@probe } */
/*@probe static struct heap_node *probe_nodes[HEAP_MOST]; */
/*@probe static size_t probe_node_count; */
/*@probe static void probe_heap_insert(struct heap *heap, struct heap_node *node, int64_t key) */
/*@probe { */
/*@probe     probe_expect(!heap_has(node), "REGISTERED TWICE: a timer", "timer", 0, 0, 0); */
/*@probe     heap_insert(heap, node, key); */
/*@probe     if (probe_node_count < HEAP_MOST) */
/*@probe         probe_nodes[probe_node_count++] = node; */
/*@probe } */
/*@probe static void probe_heap_remove(struct heap *heap, struct heap_node *node) */
/*@probe { */
/*@probe     for (size_t i = 0; i < probe_node_count; i++) */
/*@probe         if (probe_nodes[i] == node) { */
/*@probe             probe_nodes[i] = probe_nodes[--probe_node_count]; */
/*@probe             break; */
/*@probe         } */
/*@probe     heap_remove(heap, node); */
/*@probe } */
/*@probe static void probe_not_in_heap(const void *timer, size_t size) */
/*@probe { */
/*@probe     const char *begin = timer; */
/*@probe     for (size_t i = 0; i < probe_node_count; i++) */
/*@probe         probe_expect((char *)probe_nodes[i] < begin || (char *)probe_nodes[i] >= begin + size, */
/*@probe                      "LEAKED REGISTRATION: still in the heap", "node", 0, 0, 0); */
/*@probe } */
/*@probe #define heap_insert probe_heap_insert */
/*@probe #define heap_remove probe_heap_remove */
/*@probe #define timerfd_create probe_timerfd_create */
/*@probe #define timerfd_settime probe_timerfd_settime */

/*@todo 9.1 timer_arm
en: Arm the timerfd for the earliest deadline in the heap, heap_first()->key, an
en: absolute time in ns; if there is none, disarm it: all zero. timer_add()
en: calls this when a timer begins to wait.
fr: Armez le timerfd pour la première échéance du tas, heap_first()->key, un
fr: instant absolu en ns ; s'il n'y en a pas, désarmez-le : tout à zéro.
fr: timer_add() appelle ceci quand un minuteur commence à attendre.
stub:
struct timer {
    struct rv_future future;
    int64_t deadline_ns;   /+ absolute, CLOCK_MONOTONIC +/
    struct heap_node node; /+ in the heap while it waits +/
    struct rv_waker waker; /+ of the task that waits +/
};

static struct {
    int fd; /+ the timerfd +/
    struct rv_source *source;
    struct heap heap; /+ all that wait +/
} timers;

static void timer_arm(void)
{
    (void)timers.fd;
}

/+ It begins to wait; a no-op if it does already. +/
static void timer_add(struct timer *self)
{
    if (heap_has(&self->node))
        return;
    heap_insert(&timers.heap, &self->node, self->deadline_ns);
    timer_arm();
}

/+ It waits no more. The timerfd stays: to wake up for nothing does no harm. +/
static void timer_remove(struct timer *self)
{
    heap_remove(&timers.heap, &self->node);
}

static void timers_open(struct rv_reactor *reactor)
{
    timers.fd = lesson_unwrap(
        timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd");
    lesson_expect(rv_source_open(reactor, timers.fd, &timers.source) == 0,
                  "cannot register");
}
*/
struct timer {
    struct rv_future future;
    int64_t deadline_ns;   /* absolute, CLOCK_MONOTONIC */
    struct heap_node node; /* in the heap while it waits */
    struct rv_waker waker; /* of the task that waits */
};

static struct {
    int fd; /* the timerfd */
    struct rv_source *source;
    struct heap heap; /* all that wait */
} timers;

static void timer_arm(void)
{
    const struct heap_node *first = heap_first(&timers.heap);
    struct itimerspec at = {{0, 0}, {0, 0}};

    if (first) {
        at.it_value.tv_sec = first->key / RV_NS_PER_S;
        at.it_value.tv_nsec = first->key % RV_NS_PER_S;
    }
    timerfd_settime(timers.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* It begins to wait; a no-op if it does already. */
static void timer_add(struct timer *self)
{
    if (heap_has(&self->node))
        return;
    heap_insert(&timers.heap, &self->node, self->deadline_ns);
    timer_arm();
}

/* It waits no more. The timerfd stays: to wake up for nothing does no harm. */
static void timer_remove(struct timer *self)
{
    heap_remove(&timers.heap, &self->node);
}

static void timers_open(struct rv_reactor *reactor)
{
    timers.fd = lesson_unwrap(
        timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd");
    lesson_expect(rv_source_open(reactor, timers.fd, &timers.source) == 0,
                  "cannot register");
}
/*@end 9.1*/
/*@probe static struct { */
/*@probe     const struct timer *timer; */
/*@probe     int64_t deadline_ns; */
/*@probe     bool fired; */
/*@probe } probe_waiting[PROBE_MOST]; */
/*@probe static int probe_waiting_count; */
/*@probe static bool probe_consumed; */
/*@probe static int64_t probe_earliest(void) */
/*@probe { */
/*@probe     int64_t earliest = INT64_MAX; */
/*@probe     for (int i = 0; i < probe_waiting_count; i++) */
/*@probe         if (probe_waiting[i].deadline_ns < earliest) */
/*@probe             earliest = probe_waiting[i].deadline_ns; */
/*@probe     return earliest; */
/*@probe } */
/*@probe static long probe_ms(int64_t ns) */
/*@probe { */
/*@probe     return (long)((ns - rv_now_ns() + 500000) / 1000000); */
/*@probe } */
/*@probe static const char *probe_lost(int64_t earliest) */
/*@probe { */
/*@probe     if (earliest == INT64_MAX) */
/*@probe         return NULL; */
/*@probe     if (!probe_armed) */
/*@probe         return !probe_consumed ? "LOST TIMER: never armed" */
/*@probe                : probe_refused  ? "LOST TIMER: refused" */
/*@probe                                 : "LOST TIMER: not armed again"; */
/*@probe     if (earliest < rv_now_ns()) */
/*@probe         earliest = rv_now_ns(); */
/*@probe     return probe_armed > earliest + 1000000 */
/*@probe                ? "LOST TIMER: armed for another time" */
/*@probe                : NULL; */
/*@probe } */
/*@probe static const char *probe_key(int64_t earliest) */
/*@probe { */
/*@probe     if (probe_armed) */
/*@probe         return "late"; */
/*@probe     return earliest > rv_now_ns() ? "armed" : "overdue"; */
/*@probe } */
/*@probe static void probe_look(void) */
/*@probe { */
/*@probe     const int64_t earliest = probe_earliest(); */
/*@probe     const char *cause = probe_lost(earliest); */
/*@probe     int fired = 0; */
/*@probe     for (int i = 0; i < probe_waiting_count; i++) */
/*@probe         fired += probe_waiting[i].fired; */
/*@probe     if (fired && !probe_armed) */
/*@probe         probe_if_stuck("LOST TIMER: due and not woken", "due", fired, */
/*@probe                        probe_waiting_count, 0); */
/*@probe     else */
/*@probe         probe_if_stuck(cause, probe_key(earliest), labs(probe_ms(earliest)), */
/*@probe                        probe_waiting_count, probe_ms(probe_armed)); */
/*@probe } */
/*@probe static void probe_waits(const struct timer *timer, bool waits) */
/*@probe { */
/*@probe     int i = 0; */
/*@probe     while (i < probe_waiting_count && probe_waiting[i].timer != timer) */
/*@probe         i++; */
/*@probe     if (waits && i == probe_waiting_count && i < PROBE_MOST) { */
/*@probe         probe_waiting[probe_waiting_count++].timer = timer; */
/*@probe         probe_waiting[i].fired = false; */
/*@probe         if (probe_waiting_count % 100 == 0) */
/*@probe             probe_event(PROBE_LEVEL, -1, 1, probe_waiting_count); */
/*@probe     } */
/*@probe     if (waits) */
/*@probe         probe_waiting[i].deadline_ns = timer->deadline_ns; */
/*@probe     else if (i < probe_waiting_count) */
/*@probe         probe_waiting[i] = probe_waiting[--probe_waiting_count]; */
/*@probe     probe_look(); */
/*@probe } */

/* --- A timer, as a future ---------------------------------------------- */

/* The waker is left before anything could wake it: all is on one thread. */
static enum rv_poll timer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timer *self = RV_CONTAINER_OF(future, struct timer, future);

    if (rv_now_ns() >= self->deadline_ns) {
        rv_drop(future);
        /*@probe probe_waits(self, false); */
        RV_RETURN(future, 0);
    }
    rv_waker_store(&self->waker, &cx->waker);
    timer_add(self);
    /*@probe probe_waits(self, true); */
    return RV_PENDING;
}

static void timer_drop(struct rv_future *future)
{
    struct timer *self = RV_CONTAINER_OF(future, struct timer, future);

    /*@probe probe_waits(self, false); */
    timer_remove(self);
    /*@probe probe_not_in_heap(self, sizeof(*self)); */
    rv_waker_drop(&self->waker);
}

static void timer_init(struct timer *self, int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {
        .name = "timer", .poll = timer_poll, .drop = timer_drop};

    *self = (struct timer){.deadline_ns = deadline_ns};
    rv_future_init(&self->future, &ops);
}

/*@todo 9.2 timer_fire
en: The timerfd was readable. Take out of the heap each timer that is due
en: (deadline not after now_ns) and wake its task. The others have to be woken
en: too, later: a timerfd rings once.
fr: Le timerfd est devenu lisible. Retirez du tas chaque minuteur échu (son
fr: échéance n'est pas après now_ns) et réveillez sa tâche. Les autres devront
fr: l'être aussi, plus tard : un timerfd ne sonne qu'une fois.
stub:
static void timer_fire(int64_t now_ns)
{
    (void)now_ns;
}
*/
static void timer_fire(int64_t now_ns)
{
    struct heap_node *first;

    while ((first = heap_first(&timers.heap)) && first->key <= now_ns) {
        heap_remove(&timers.heap, first);
        rv_waker_wake(&RV_CONTAINER_OF(first, struct timer, node)->waker);
    }
    timer_arm();
}
/*@end 9.2*/
/*@probe static int probe_rings_for_nothing; */
/*@probe static void probe_timer_fire(int64_t now_ns) */
/*@probe { */
/*@probe     const int64_t earliest = probe_earliest(); */
/*@probe     int left = 0; */
/*@probe     probe_rings_for_nothing += earliest != INT64_MAX && earliest > now_ns; */
/*@probe     probe_expect(probe_rings_for_nothing < 20, "LOST TIMER: armed too early", "for_nothing", */
/*@probe                  probe_rings_for_nothing, probe_fires, 0); */
/*@probe     probe_fires++; */
/*@probe     probe_event(PROBE_TICK, -1, -1, 0); */
/*@probe     if (probe_armed && probe_armed <= now_ns) { */
/*@probe         probe_armed = 0; */
/*@probe         probe_consumed = true; */
/*@probe     } */
/*@probe     timer_fire(now_ns); */
/*@probe     for (int i = 0; i < probe_waiting_count; i++) { */
/*@probe         probe_waiting[i].fired |= probe_waiting[i].deadline_ns <= now_ns; */
/*@probe         left += probe_waiting[i].deadline_ns > now_ns; */
/*@probe     } */
/*@probe     probe_event(PROBE_LEVEL, -1, 1, left); */
/*@probe     probe_look(); */
/*@probe } */
/*@probe #define timer_fire probe_timer_fire */

/* The task that waits for the timerfd, until the runtime is stopped. */
static enum rv_poll alarm_poll(struct rv_future *future, struct rv_cx *cx)
{
    uint64_t times;
    uint32_t tick;

    (void)future;
    /*@probe probe_expect(fcntl(timers.fd, F_GETFL) & O_NONBLOCK, "BLOCKS THE OTHERS @9.1", */
    /*@probe              "blocking_timerfd", 0, 0, 0); */
    while (rv_source_ready(timers.source, RV_READ, &cx->waker, &tick)) {
        if (read(timers.fd, &times, sizeof(times)) < 0) /* EAGAIN */
            rv_source_clear(timers.source, RV_READ, tick);
        else
            timer_fire(rv_now_ns());
    }
    return RV_PENDING;
}

static void alarm_drop(struct rv_future *future)
{
    (void)future;
    rv_source_close(timers.source);
    close(timers.fd);
}

/* --- Timeout: a future, but not for longer than that ------------------- */

struct timeout {
    struct rv_future future;
    struct rv_future *child;
    struct timer timer;
};

/*@todo 9.3 timeout_poll
en: READY with the result of the child if that is READY, whether or not the
en: timer is as well; with -ETIMEDOUT if only the timer is READY. Drop the loser
en: (rv_drop): it must not go on waiting.
fr: READY avec le résultat de l'enfant s'il est READY, que le minuteur le soit
fr: aussi ou non ; avec -ETIMEDOUT si seul le minuteur est READY. Abandonnez le
fr: perdant (rv_drop) : il ne doit plus attendre.
stub:
static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);

    if (rv_poll(self->child, cx) == RV_PENDING)
        return RV_PENDING;
    RV_RETURN(future, self->child->result);
}
*/
static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);

    if (rv_poll(self->child, cx) == RV_READY) {
        rv_drop(&self->timer.future);
        RV_RETURN(future, self->child->result);
    }
    if (rv_poll(&self->timer.future, cx) == RV_READY) {
        rv_drop(self->child);
        RV_RETURN(future, -ETIMEDOUT);
    }
    return RV_PENDING;
}
/*@end 9.3*/

static void timeout_drop(struct rv_future *future)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);

    rv_drop(self->child);
    rv_drop(&self->timer.future);
}

static void timeout_init(struct timeout *self, struct rv_future *child,
                         int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {
        .name = "timeout", .poll = timeout_poll, .drop = timeout_drop};

    rv_future_init(&self->future, &ops);
    self->child = child;
    timer_init(&self->timer, deadline_ns);
}

/* --- Ticker: a line every `period_ns` ---------------------------------- */

struct ticker {
    struct rv_future future;
    struct timer timer;
    int64_t next_ns; /* deadline of the next tick; at first: the start */
    int64_t period_ns;
    int tick, count;
};

/*@todo 9.4 ticker_next
en: Prepare the timer of the next tick. A task is always polled a little after
en: its deadline; after a hundred ticks that must not have added up.
fr: Préparez le minuteur du prochain tic. Une tâche est toujours sondée un peu
fr: après son échéance ; au bout de cent tics, ces retards ne doivent pas
fr: s'être ajoutés.
stub:
static void ticker_next(struct ticker *self)
{
    self->next_ns = rv_now_ns() + self->period_ns;
    timer_init(&self->timer, self->next_ns);
}
*/
static void ticker_next(struct ticker *self)
{
    self->next_ns += self->period_ns;
    timer_init(&self->timer, self->next_ns);
}
/*@end 9.4*/

static enum rv_poll ticker_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct ticker *self = RV_CONTAINER_OF(future, struct ticker, future);

    RV_BEGIN(future);
    for (self->tick = 1; self->tick <= self->count; self->tick++) {
        ticker_next(self);
        RV_AWAIT(future, cx, &self->timer.future);
        lesson_logf("Tick %d", self->tick);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void ticker_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct ticker, future)->timer.future);
}

/* Memory from rv_alloc(): its task frees it. */
static struct rv_future *ticker_new(int64_t start_ns, int64_t period_ns,
                                    int count)
{
    static const struct rv_future_ops ops = {
        .name = "ticker", .poll = ticker_poll, .drop = ticker_drop};
    struct ticker *self = checked_alloc(sizeof(*self));

    rv_future_init(&self->future, &ops);
    self->next_ns = start_ns;
    self->period_ns = period_ns;
    self->count = count;
    return &self->future;
}

#include "users.h"

/* --- main -------------------------------------------------------------- */

int main(int argc, char **argv)
{
    static const struct rv_future_ops ops = {
        .name = "alarm", .poll = alarm_poll, .drop = alarm_drop};
    const int port = lesson_start(
        argc, argv, "Lesson 09: a thousand timers, a tick, two time-outs.",
        NULL);
    struct rv_future *alarm = checked_alloc(sizeof(*alarm));
    const int64_t step_ns = 30 * RV_NS_PER_MS;
    struct rv_runtime *runtime;
    struct rv_scope scope; /* a group of tasks: READY when all have ended */
    int64_t start_ns;
    int error;

    rv_trace_start(RV_TRACE_COUNTERS);
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    timers_open(rv_runtime_reactor(runtime));
    rv_future_init(alarm, &ops);
    rv_spawn(rv_runtime_executor(runtime), alarm, NULL);
    start_ns = rv_now_ns();
    for (int i = 0; i < CROWDS; i++)
        rv_scope_spawn(&scope, crowd_new(start_ns, step_ns));
    rv_scope_spawn(&scope, ticker_new(start_ns, 2 * step_ns, 5));
    for (int i = 0; i < lesson_path_count(); i++)
        rv_scope_spawn(&scope,
                       visit_new(port, lesson_path(i), start_ns + 8 * step_ns));
    error = rv_runtime_block_on(runtime, &scope.future);
    rv_runtime_stop(runtime);
    figures.polls = rv_trace_count(RV_EV_POLL);
    figures.wakes = rv_trace_count(RV_EV_WAKE);
    figures.parks = rv_trace_count(RV_EV_PARK);
    figures.epoll_waits = rv_trace_count(RV_EV_EPOLL_WAIT);
    return lesson_end(error);
}
