/* SPDX-License-Identifier: MIT */
/*
 * termination.c - all workers sleep, and nothing outside can wake them: is it
 * the end, or are tasks left that wait for each other?
 *
 * Threads: each worker for itself, before it parks.
 *
 * That all are counted as asleep does not say that nothing is left to do: one
 * may have been woken and not have noticed yet. So they are visited, one after
 * the other; each looks at its own queues and executor once more before it is
 * counted. Protocol:
 *
 *   TERMINATION-1  A worker that did something since it was counted last begins
 *       a new round. What it did may have given work to one counted before it.
 *   TERMINATION-2  A worker is counted when it has announced its sleep and
 *       found nothing to do, before it parks. Those of the round that are not
 *       counted yet are unparked: they come here themselves. Whether one of its
 *       futures was woken, and whether a queue has work, it looks at under the
 *       mutex: a look from before may be older than the round, and than what a
 *       worker did that slept since.
 *   TERMINATION-3  When all are counted in one round, none has done anything
 *       since its place in it. Work comes from work or from outside;
 *       `outsiders`, `waiters` and `holds` say that nothing comes from there.
 *       So nothing can happen any more.
 *   TERMINATION-4  A thread outside that starts a task holds the scheduler
 *       until the task is in the injector, and after it has held says that
 *       there is a start. A worker reads their number before it looks at the
 *       holds; the verdict counts the live tasks, and is void if there was a
 *       start since.
 *
 * Source: Dijkstra, Feijen and van Gasteren, "Derivation of a termination
 * detection algorithm for distributed computations", EWD840, 1983.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sched/sched_internal.h"

enum { REPORT_BYTES = 8192, REPORT_ROOM_FOR_END = 64, WORDS_BYTES = 128 };

/* seq_cst loads, after this worker announced its sleep: who changes one of
 * them looks at the sleepers after it, in rv_termination_wake(). */
static bool something_outside(struct rv_sched *sched)
{
    if (atomic_load(&sched->stopping))
        return false;
    if (atomic_load(&sched->holds) > 0 || atomic_load(&sched->waiters) == 0)
        return true;
    for (uint32_t i = 0; i < sched->len; i++)
        /* relaxed: of those who sleep it is what they left. */
        if (atomic_load_explicit(&sched->workers[i].outsiders,
                                 memory_order_relaxed) > 0)
            return true;
    return false;
}

/* Tasks that were started and have not finished. */
static int64_t count_live(struct rv_sched *sched)
{
    int64_t live;

    pthread_mutex_lock(&sched->injector_mutex);
    live = sched->injected_live;
    pthread_mutex_unlock(&sched->injector_mutex);
    for (uint32_t i = 0; i < sched->len; i++)
        /* relaxed: all sleep, and were here before. */
        live +=
            atomic_load_explicit(&sched->workers[i].live, memory_order_relaxed);
    return live;
}

/* --- the report -------------------------------------------------------- */

struct report {
    char *text; /* NULL without memory */
    size_t len;
    uint32_t left_out;
};

__attribute__((format(printf, 2, 3))) static bool add(struct report *report,
                                                      const char *format, ...)
{
    const size_t room = REPORT_BYTES - REPORT_ROOM_FOR_END - report->len;
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(report->text + report->len, room, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= room) {
        report->text[report->len] = '\0';
        return false;
    }
    report->len += (size_t)len;
    return true;
}

static void add_task(void *context, struct rv_go_task *task)
{
    char text[WORDS_BYTES];
    struct report *report = context;
    const char *what = task->waits_for;
    bool fits = false;

    /* The task is suspended in its wait, so the future exists. */
    if (task->awaits && rv_future_describe(task->awaits, text, sizeof text))
        what = text;

    if (report->left_out > 0)
        fits = false;
    else if (task->joins)
        fits = add(report, "task '%s' waits for %s of '%s'\n", task->name, what,
                   task->joins->name);
    else if (what)
        fits = add(report, "task '%s' waits for %s\n", task->name, what);
    else
        return;
    report->left_out += !fits;
}

static void write_report(struct rv_sched *sched)
{
    struct report report = {.text = rv_alloc(REPORT_BYTES)};

    if (report.text) {
        rv_go_task_each(sched, add_task, &report);
        if (report.left_out > 0)
            snprintf(report.text + report.len, REPORT_ROOM_FOR_END,
                     "and %u more\n", report.left_out);
    }
    sched->deadlock = report.text;
    /* release: publishes the report. */
    atomic_store_explicit(&sched->deadlocked, true, memory_order_release);
}

/* --- the verdict ------------------------------------------------------- */

struct pick {
    struct rv_go_task *task;
};

/* One join at a time: the others may end by themselves then. */
static void cancel_one_join(void *context, struct rv_go_task *task)
{
    struct pick *pick = context;

    if (!pick->task && rv_go_cancel_join(task))
        pick->task = task;
}

static bool is_canceling(struct rv_sched *sched)
{
    return atomic_load_explicit(&sched->canceling, memory_order_relaxed);
}

/* Nothing can happen any more by itself. starts: those from outside when the
 * last one was counted. */
static void decide(struct rv_worker *worker, uint64_t starts)
{
    struct rv_sched *sched = worker->sched;
    const int64_t live = count_live(sched);
    struct pick pick = {NULL};

    if (atomic_load(&sched->outside_starts) != starts)
        return; /* TERMINATION-4 */
    if (live == 0) {
        if (atomic_load_explicit(&sched->stopping, memory_order_relaxed))
            /* release: pairs with the acquire in rv_worker_main(). */
            atomic_store_explicit(&sched->over, true, memory_order_release);
    } else if (!is_canceling(sched)) {
        write_report(sched);
        /* relaxed: the wake below says it to the others. */
        atomic_store_explicit(&sched->canceling, true, memory_order_relaxed);
    } else {
        rv_go_task_each(sched, cancel_one_join, &pick);
        if (pick.task)
            rv_worker_ready(worker, pick.task, true);
        else
            atomic_store_explicit(&sched->despairing, true,
                                  memory_order_relaxed);
    }
    rv_idle_wake_all(&sched->idle);
}

/* termination_mutex must be held. Returns: one that was not counted, or NULL.
 */
static struct rv_worker *next_to_visit(struct rv_sched *sched)
{
    for (uint32_t i = 0; i < sched->len; i++)
        if (sched->workers[i].round != sched->round)
            return &sched->workers[i];
    return NULL;
}

/* termination_mutex must be held. */
static void count(struct rv_sched *sched, struct rv_worker *worker,
                  uint64_t starts)
{
    /* relaxed: its own. */
    if (atomic_load_explicit(&worker->worked, memory_order_relaxed) ||
        starts != sched->counted_starts) {
        atomic_store_explicit(&worker->worked, false, memory_order_relaxed);
        sched->counted_starts = starts; /* TERMINATION-4 */
        sched->round++;                 /* TERMINATION-1 */
    }
    worker->round = sched->round;
}

void rv_termination_visit(struct rv_worker *worker)
{
    struct rv_sched *sched = worker->sched;
    struct rv_worker *next;
    uint64_t starts;

    if (rv_idle_sleepers(&sched->idle) < sched->len)
        return; /* whoever is awake comes later */
    pthread_mutex_lock(&sched->termination_mutex);
    starts = atomic_load(&sched->outside_starts); /* TERMINATION-4 */
    if (something_outside(sched) || rv_worker_is_woken(worker) ||
        rv_sched_has_work(sched, true)) { /* TERMINATION-2 */
        pthread_mutex_unlock(&sched->termination_mutex);
        return;
    }
    count(sched, worker, starts);
    next = next_to_visit(sched);
    if (!next)
        sched->round++; /* the verdict changes things */
    pthread_mutex_unlock(&sched->termination_mutex);
    if (next)
        rv_parker_unpark(next->parker); /* TERMINATION-2 */
    else
        decide(worker, starts);
}

void rv_termination_wake(struct rv_sched *sched)
{
    if (rv_idle_sleepers(&sched->idle) == sched->len)
        rv_parker_unpark(sched->workers[0].parker);
}
