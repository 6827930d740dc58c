/* SPDX-License-Identifier: MIT */
/*
 * run.c - a runtime for one coroutine or future, and the signals that end it.
 *
 * Threads: the caller's.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/run.h>
#include <reveil/signal.h>

#include "base/base_internal.h"

static const int64_t standard_grace_ns = 10 * RV_NS_PER_S;

/* The future that the runtime runs: it polls the program's and the signals. */
struct run {
    struct rv_future future;
    struct rv_future *main;    /* the caller's, or that of `join` */
    struct rv_join join;       /* of the coroutine, if there is one */
    int64_t grace_ns;          /* how long it may take after a signal */
    struct rv_sleep grace;     /* ... once there was one */
    struct rv_signals signals; /* all zero: none */
    struct rv_signal_wait wait;
    bool ending; /* a signal has come */
    int *signal; /* where to store its number */
};

/* The first signal asks, the second one does not. */
static void end_by_signal(struct run *self)
{
    if (self->main != &self->join.future)
        rv_drop(self->main);
    else if (self->ending)
        rv_join_abort(&self->join);
    else
        rv_coro_cancel(&self->join);
    if (!self->ending)
        rv_sleep_init(&self->grace, self->grace_ns == RV_NEVER
                                        ? RV_NEVER
                                        : rv_after_ns(self->grace_ns));
    self->ending = true;
}

static void poll_signals(struct run *self, struct rv_cx *cx)
{
    while (self->wait.future.ops && self->wait.future.at != RV_AT_END &&
           rv_poll(&self->wait.future, cx) == RV_READY) {
        if (self->wait.future.result < 0) {
            rv_signals_close(&self->signals); /* they kill again */
            return;
        }
        if (!self->ending)
            *self->signal = self->wait.future.result;
        end_by_signal(self);
        rv_signal_wait_init(&self->wait, &self->signals);
    }
}

static enum rv_poll run_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct run *self = RV_CONTAINER_OF(future, struct run, future);

    poll_signals(self, cx);
    if (self->ending && self->grace.future.at != RV_AT_END &&
        rv_poll(&self->grace.future, cx) == RV_READY)
        rv_join_abort(&self->join);
    if (self->main->at != RV_AT_END && rv_poll(self->main, cx) == RV_PENDING)
        return RV_PENDING;
    future->result = self->main->result;
    if (self->ending && future->result == -ECANCELED)
        future->result = 0;
    return RV_READY;
}

static void run_drop(struct rv_future *future)
{
    struct run *self = RV_CONTAINER_OF(future, struct run, future);

    rv_drop(&self->wait.future);
    rv_drop(&self->grace.future);
    rv_drop(self->main);
}

static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 &&
           action.sa_handler == SIG_IGN;
}

static int open_signals(struct run *run)
{
    sigset_t set;
    int error;

    sigemptyset(&set);
    if (!is_ignored(SIGINT))
        sigaddset(&set, SIGINT);
    if (!is_ignored(SIGTERM))
        sigaddset(&set, SIGTERM);
    error = rv_signals_open(&run->signals, &set);
    if (!error)
        rv_signal_wait_init(&run->wait, &run->signals);
    return error;
}

/* main: NULL: a coroutine that calls entry(arg). */
static int run(struct rv_future *main, rv_coro_entry entry, void *arg,
               const struct rv_run_options *options)
{
    static const struct rv_future_ops ops = {
        .name = "rv_run", .poll = run_poll, .drop = run_drop};
    static const struct rv_runtime_options fused = {.reactor =
                                                        RV_REACTOR_FUSED};
    static const struct rv_run_options standard;

    struct run run = {.main = main ? main : &run.join.future};
    struct rv_runtime *runtime;
    int unused;
    int result;

    options = options ? options : &standard;
    run.signal = options->signal ? options->signal : &unused;
    *run.signal = 0;
    run.grace_ns = options->grace_ns ? options->grace_ns : standard_grace_ns;
    result = rv_executor_current()
                 ? -EDEADLK
                 : rv_runtime_start_with(
                       &runtime, options->runtime ? options->runtime : &fused);
    if (result) {
        rv_drop(run.main); /* all zero, unless it is the caller's */
        return result;
    }
    rv_future_init(&run.future, &ops);
    if (!options->no_signals)
        result = open_signals(&run);
    if (!result && !main)
        result = rv_coro_spawn(rv_runtime_executor(runtime), entry, arg,
                               options->coro, &run.join);
    if (!result)
        result = rv_runtime_block_on(runtime, &run.future);
    rv_drop(&run.future);
    rv_signals_close(&run.signals);
    rv_runtime_stop(runtime);
    return result;
}

int rv_run_with(rv_coro_entry entry, void *arg,
                const struct rv_run_options *options)
{
    return run(NULL, entry, arg, options);
}

int rv_run(rv_coro_entry entry, void *arg)
{
    return rv_run_with(entry, arg, NULL);
}

int rv_run_future(struct rv_future *future,
                  const struct rv_run_options *options)
{
    return run(future, NULL, NULL, options);
}
