/* SPDX-License-Identifier: MIT */
/*
 * termination.c - detect that all workers sleep and that no event from outside
 * can wake them. Then either all tasks have finished, or there is a deadlock.
 *
 * Threads: each worker, before it parks.
 *
 * When all workers are counted as sleepers, there may still be work: a worker
 * may have been woken and not have noticed it yet. So the workers are visited
 * one after the other. Each checks its queues and its executor once more before
 * it is counted. Protocol:
 *
 *   TERMINATION-1  A worker that has done any work since it was last counted
 *       begins a new round, because that work may have made a task ready on a
 *       worker that was counted before.
 *   TERMINATION-2  A worker is counted after it has announced its sleep and
 *       found nothing to do, and before it parks. Workers that are not counted
 *       in this round are unparked, so that they count themselves. A worker
 *       checks its woken futures and all queues under the mutex: an earlier
 *       check may be older than the round, and older than what another worker
 *       has done since.
 *   TERMINATION-3  When all workers are counted in one round, none has done
 *       anything since it was counted. Work is created by other work or from
 *       outside, and `outsiders`, `waiters` and `holds` rule out the latter. So
 *       nothing can happen any more.
 *   TERMINATION-4  A thread outside the scheduler that starts a task first
 *       increments `holds`, *then* `outside_starts`, puts the task into the
 *       injector, and then releases the hold. A worker loads `outside_starts`
 *       before it checks the holds. The verdict counts the live tasks, and is
 *       void if `outside_starts` has changed since.
 *   TERMINATION-5  A worker that has not yet ended the waits that must end is
 *       not counted. Otherwise the verdict would end the join of a task whose
 *       child is about to be canceled. Which waits that are is loaded *after*
 *       `stopping`, which is stored after `canceling`. If others must end than
 *       when the last worker was counted, a new round begins: a worker may have
 *       been counted while a join waited outside, and another after the stop.
 *       A change after the last count does no harm. No counted worker has a
 *       wait that ends by grace, see something_outside(). If it is the stop
 *       that comes, the verdict is the one of before: all that is left is
 *       deadlocked, and canceled either way.
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

/* Returns: true if a canceled task waits in the time that it has asked for. */
static bool in_grace(struct rv_sched *sched)
{
    for (uint32_t i = 0; i < sched->len; i++)
        /* relaxed: a worker stores it before it sleeps. */
        if (atomic_load_explicit(&sched->workers[i].graces,
                                 memory_order_relaxed) > 0)
            return true;
    return false;
}

/* seq_cst loads, ordered after this worker's announcement of its sleep. A
 * thread that changes one of these checks the sleepers after the change, in
 * rv_termination_wake(). */
static bool something_outside(struct rv_sched *sched)
{
    if (atomic_load(&sched->stopping))
        return in_grace(sched);
    if (atomic_load(&sched->holds) > 0 || atomic_load(&sched->waiters) == 0)
        return true;
    for (uint32_t i = 0; i < sched->len; i++)
        /* relaxed: a worker stores it before it sleeps. */
        if (atomic_load_explicit(&sched->workers[i].outsiders,
                                 memory_order_relaxed) > 0)
            return true;
    return false;
}

/* The number of tasks that were started and have not finished. */
static int64_t count_live(struct rv_sched *sched)
{
    int64_t live;

    pthread_mutex_lock(&sched->injector_mutex);
    live = sched->injected_live;
    pthread_mutex_unlock(&sched->injector_mutex);
    for (uint32_t i = 0; i < sched->len; i++)
        /* relaxed: all workers sleep, and were counted under the mutex. */
        live +=
            atomic_load_explicit(&sched->workers[i].live, memory_order_relaxed);
    return live;
}

/* --- the report -------------------------------------------------------- */

struct report {
    char *text; /* NULL if allocation failed */
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

/* Only one join at a time: the others may end by themselves after it. */
static void cancel_one_join(void *context, struct rv_go_task *task)
{
    struct pick *pick = context;

    if (!pick->task && rv_go_cancel_join(task))
        pick->task = task;
}

/* Nothing can happen any more by itself. starts: `outside_starts` when the last
 * worker was counted; ends: which waits had to end then. */
static void decide(struct rv_worker *worker, uint64_t starts, uint8_t ends)
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
    } else if (!(ends & RV_ENDS_BY_CANCEL)) {
        write_report(sched);
        rv_sched_cancel_all(sched);
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

/* termination_mutex must be held. Returns: a worker that was not counted in
 * this round, or NULL. */
static struct rv_worker *next_to_visit(struct rv_sched *sched)
{
    for (uint32_t i = 0; i < sched->len; i++)
        if (sched->workers[i].round != sched->round)
            return &sched->workers[i];
    return NULL;
}

/* termination_mutex must be held. */
static void count_worker(struct rv_sched *sched, struct rv_worker *worker,
                         uint64_t starts, uint8_t ends)
{
    /* relaxed: only the worker sets it. */
    if (atomic_load_explicit(&worker->worked, memory_order_relaxed) ||
        starts != sched->counted_starts || ends != sched->counted_ends) {
        atomic_store_explicit(&worker->worked, false, memory_order_relaxed);
        sched->counted_starts = starts; /* TERMINATION-4 */
        sched->counted_ends = ends;     /* TERMINATION-5 */
        sched->round++;                 /* TERMINATION-1 */
    }
    worker->round = sched->round;
}

void rv_termination_visit(struct rv_worker *worker)
{
    struct rv_sched *sched = worker->sched;
    struct rv_worker *next;
    uint64_t starts;
    uint8_t ends;

    if (rv_idle_sleepers(&sched->idle) < sched->len)
        return; /* a worker that is awake will check later */
    pthread_mutex_lock(&sched->termination_mutex);
    starts = atomic_load(&sched->outside_starts); /* TERMINATION-4 */
    if (something_outside(sched) || rv_worker_is_woken(worker) ||
        rv_sched_has_work(sched, true)) { /* TERMINATION-2 */
        pthread_mutex_unlock(&sched->termination_mutex);
        return;
    }
    ends = rv_sched_ends(sched); /* TERMINATION-5 */
    if (ends & ~worker->ended) {
        pthread_mutex_unlock(&sched->termination_mutex);
        rv_parker_unpark(worker->parker);
        return;
    }
    count_worker(sched, worker, starts, ends);
    next = next_to_visit(sched);
    if (!next)
        sched->round++; /* the verdict may create work */
    pthread_mutex_unlock(&sched->termination_mutex);
    if (next)
        rv_parker_unpark(next->parker); /* TERMINATION-2 */
    else
        decide(worker, starts, ends);
}

void rv_termination_wake(struct rv_sched *sched)
{
    if (rv_idle_sleepers(&sched->idle) == sched->len)
        rv_parker_unpark(sched->workers[0].parker);
}
