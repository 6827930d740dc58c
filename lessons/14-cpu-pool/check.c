/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 14: fewer jobs than workers, one after the other, many more
 * than slots, and a task that is dropped while its job runs.
 */
static struct rv_runtime *runtime;

static void start(bool gate_open)
{
    probe_strict = true;
    probe_thread("main");
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    pool_open(runtime);
    if (gate_open)
        sem_post(&gate);
}

/* All tasks are gone: and their jobs? */
static void expect_freed(void)
{
    int kept = 0, by_task = 0;

    for (int i = 0; i < probe_row_count; i++) {
        kept += !probe_rows[i].freed;
        by_task += !probe_rows[i].freed && probe_rows[i].puts[PROBE_DROPPING];
    }
    probe_expect(kept == 0,
                 by_task ? "NEVER RELEASED @14.3" : "NEVER RELEASED @14.4",
                 "jobs", kept, probe_row_count, 0);
}

static void stop(void)
{
    expect_freed();
    rv_runtime_stop(runtime);
    probe_if_stuck("NEVER STOPS", "pool", 0, 0, 0);
    pool_close();
}

static int answer(int number)
{
    return number;
}

/* --- tasks whose results are looked at --------------------------------- */

struct asker {
    struct rv_future future;
    struct run run;
    int number;
};

static int results_wrong;

static enum rv_poll asker_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct asker *self = RV_CONTAINER_OF(future, struct asker, future);

    RV_BEGIN(future);
    self->run = (struct run){.call = answer, .number = self->number};
    rv_future_init(&self->run.future, &run_ops);
    RV_AWAIT(future, cx, &self->run.future);
    results_wrong += self->run.future.result != self->number;
    rv_drop(&self->run.future);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void ask(int count)
{
    static const struct rv_future_ops ops = {.name = "asker",
                                             .poll = asker_poll};
    struct rv_scope scope;

    rv_scope_init(&scope, rv_runtime_executor(runtime));
    for (int i = 1; i <= count; i++) {
        struct asker *self = rv_alloc(sizeof(*self));

        lesson_expect(self != NULL, "out of memory");
        rv_future_init(&self->future, &ops);
        self->number = i;
        rv_scope_spawn(&scope, &self->future);
    }
    rv_runtime_block_on(runtime, &scope.future);
    probe_expect(results_wrong == 0, "ERROR LOST", "result", results_wrong,
                 count, 0);
}

PROBE_CASE(few)
{
    start(true);
    ask(3);
    stop();
}

PROBE_CASE(again)
{
    start(true);
    for (int i = 0; i < 30; i++)
        ask(1);
    stop();
}

PROBE_CASE(many)
{
    start(true);
    ask(200);
    stop();
}

/* --- dropped ----------------------------------------------------------- */

/*
 * Ten tasks: eight jobs run, two are in the pipe. Then all tasks are dropped;
 * only then may the calls go on.
 */
enum { DROPPED = 10 };

struct dropper {
    struct rv_future future;
    struct rv_sleep nap;
    struct run runs[DROPPED];
    int tries;
};

static int still_open(void)
{
    int open = 0;

    for (int i = 0; i < probe_row_count; i++)
        open += !probe_rows[i].finished;
    return open;
}

static enum rv_poll dropper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct dropper *self = RV_CONTAINER_OF(future, struct dropper, future);

    RV_BEGIN(future);
    for (int i = 0; i < DROPPED; i++) {
        self->runs[i] = (struct run){.call = hash, .number = i + 1};
        rv_future_init(&self->runs[i].future, &run_ops);
        rv_poll(&self->runs[i].future, cx);
    }
    do {
        rv_sleep_init(&self->nap, rv_after_ms(1));
        RV_AWAIT(future, cx, &self->nap.future);
    } while (!probe_rows[WORKERS - 1].given && ++self->tries < 500);
    for (int i = 0; i < DROPPED; i++)
        rv_drop(&self->runs[i].future);
    sem_post(&gate);
    do {
        rv_sleep_init(&self->nap, rv_after_ms(1));
        RV_AWAIT(future, cx, &self->nap.future);
    } while (still_open() && ++self->tries < 2000);
    RV_RETURN(future, 0);
    RV_END(future);
}

PROBE_CASE(dropped)
{
    static const struct rv_future_ops ops = {.name = "dropper",
                                             .poll = dropper_poll};
    static struct dropper dropper;
    struct run *idle = rv_alloc(sizeof(*idle));

    lesson_expect(idle != NULL, "out of memory");
    *idle = (struct run){.call = hash, .number = DROPPED + 1};
    rv_future_init(&idle->future, &run_ops);
    start(false);
    rv_drop(&idle->future); /* it was never polled: it has no job */
    rv_future_init(&dropper.future, &ops);
    rv_runtime_block_on(runtime, &dropper.future);
    stop();
}

/* --- a write that fails ------------------------------------------------- */

/*
 * The kernel refuses the write of one packet. Nothing is in the pipe: it must
 * not be counted, nor its job be taken for done. To end the program is right.
 */
struct refused {
    struct rv_future future;
    struct rv_sleep nap;
    struct run run;
    int tries;
};

static enum rv_poll refused_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct refused *self = RV_CONTAINER_OF(future, struct refused, future);

    RV_BEGIN(future);
    self->run = (struct run){.call = answer, .number = 1};
    rv_future_init(&self->run.future, &run_ops);
    probe_refuse = true;
    rv_poll(&self->run.future, cx);
    probe_refuse = false;
    do {
        rv_sleep_init(&self->nap, rv_after_ms(1));
        RV_AWAIT(future, cx, &self->nap.future);
    } while (!probe_refused && !self->run.job->done && ++self->tries < 2000);
    probe_expect(!probe_refused || !self->run.job->done ||
                     self->run.job->result < 0,
                 "ERROR LOST: a write that failed @14.1", "done", 0, 0, 0);
    RV_RETURN(future, 0);
    RV_END(future);
}

PROBE_CASE(refused)
{
    static const struct rv_future_ops ops = {.name = "refused",
                                             .poll = refused_poll};
    static struct refused refused;

    if (setjmp(probe_given_up))
        return;
    start(true);
    rv_future_init(&refused.future, &ops);
    rv_runtime_block_on(runtime, &refused.future);
    ask(3);
}
