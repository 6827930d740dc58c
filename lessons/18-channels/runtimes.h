/* SPDX-License-Identifier: MIT */
/*
 * runtimes.h - the runtimes of the course, each in a few lines, all with the
 * same three functions:
 *
 *     start()      make it ready
 *     go(job)      start one GET; it pushes its job into `results` at its end
 *     stop()       when all of them are done
 *
 * Threads: main calls the three; a job runs where its runtime lets it.
 */
#ifndef RUNTIMES_H
#define RUNTIMES_H

#include <reveil/executors.h>
#include <reveil/sched.h>
#include <sys/resource.h>

enum { EXECUTORS = 4, STEALERS = 2, MAX_JOBS = 128 };

struct race_job {
    struct mpsc_node node; /* in `results`; first: it can be cast */
    struct get get;
    const char *path;
    char *text; /* the response */
    int error;
    pthread_t thread; /* of "threads" */
};

static struct mpsc results; /* of struct race_job, in the order of their ends */
static struct rv_runtime *home;

/* A GET is over: keep its response, let go of the rest, tell main. */
static void job_done(struct race_job *self, int error)
{
    self->error = error;
    self->text = self->get.request.text;
    self->get.request.text = NULL;
    rv_drop(&self->get.future);
    mpsc_push(&results, &self->node);
}

static void nothing(void)
{
}

/* --- threads: one for each GET, which sleeps in recv() ----------------- */

static struct race_job *threads[MAX_JOBS];
static int thread_count;

static void *thread_run(void *arg)
{
    struct race_job *self = arg;
    ssize_t n = lesson_send_request(&self->get.request);

    while (n >= 0 && (n = lesson_read(&self->get.request)) > 0)
        continue;
    job_done(self, (int)n);
    return NULL;
}

static void threads_go(struct race_job *job)
{
    /*@probe probe_going(job); */
    threads[thread_count++] = job;
    lesson_spawn_thread(&job->thread, thread_run, job);
}

static void threads_stop(void)
{
    while (thread_count > 0)
        pthread_join(threads[--thread_count]->thread, NULL);
}

/* --- busy: lesson 02, asks again and again ----------------------------- */

static int32_t busy_run(void *arg)
{
    struct race_job *self = arg;
    ssize_t n = lesson_write_request(&self->get.request);

    while (n >= 0 || n == -EAGAIN) {
        n = lesson_read(&self->get.request);
        if (n == 0)
            break;
        if (n == -EAGAIN)
            rv_coro_yield();
    }
    job_done(self, (int)n);
    return 0;
}

static void coro_go(rv_coro_entry run, struct race_job *job)
{
    lesson_unwrap(
        rv_coro_spawn(rv_runtime_executor(home), run, job, NULL, NULL),
        "coroutine");
}

static void busy_go(struct race_job *job)
{
    /*@probe probe_going(job); */
    coro_go(busy_run, job);
}

/* --- executor: lessons 05 and 06, a future, polled when it is woken ---- */

struct getting {
    struct rv_future future;
    struct race_job *job;
};

static enum rv_poll getting_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct getting *self = RV_CONTAINER_OF(future, struct getting, future);

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->job->get.future);
    job_done(self->job, self->job->get.future.result);
    RV_RETURN(future, 0);
    RV_END(future);
}

static struct rv_future *getting_new(struct race_job *job)
{
    static const struct rv_future_ops ops = {.name = "get",
                                             .poll = getting_poll};
    struct getting *self = rv_alloc(sizeof(*self));

    lesson_expect(self != NULL, "no memory");
    rv_future_init(&self->future, &ops);
    self->job = job;
    return &self->future;
}

static void executor_go(struct race_job *job)
{
    /*@probe probe_going(job); */
    lesson_unwrap(rv_spawn(rv_runtime_executor(home), getting_new(job), NULL),
                  "task");
}

/* --- executors: lesson 08, the same on four threads -------------------- */

static struct rv_executors *executors;
static uint32_t executors_next;
static struct rv_remote_join joins[MAX_JOBS];

static void executors_start(void)
{
    executors_next = 0;
    lesson_unwrap(rv_executors_start(&executors, home, EXECUTORS), "executors");
}

static void executors_go(struct race_job *job)
{
    const uint32_t i = executors_next++;

    /*@probe probe_going(job); */
    lesson_unwrap(rv_remote_spawn(rv_executors_remote(executors, i % EXECUTORS),
                                  getting_new(job), &joins[i]),
                  "task");
}

static void executors_stop(void)
{
    /*@probe probe_stopping(); */
    rv_executors_stop(executors);
    for (uint32_t i = 0; i < executors_next; i++)
        rv_drop(&joins[i].future);
}

/* --- coroutines: lesson 16, straight on, with a stack each ------------- */

static int32_t coro_run(void *arg)
{
    struct race_job *self = arg;

    job_done(self, rv_await(&self->get.future));
    return 0;
}

static void coroutines_go(struct race_job *job)
{
    /*@probe probe_going(job); */
    coro_go(coro_run, job);
}

/* --- stealing: lesson 17, such coroutines on two workers --------------- */

static struct rv_sched *sched;

static void stealing_start(void)
{
    lesson_unwrap(
        rv_sched_start(&sched, &(struct rv_sched_options){.workers = STEALERS,
                                                          .name = "worker"}),
        "workers");
}

static void stealing_go(struct race_job *job)
{
    /*@probe probe_going(job); */
    lesson_unwrap(rv_sched_go(sched, NULL, "get", coro_run, job), "task");
}

static void *sched_stop(void *unused)
{
    (void)unused;
    rv_sched_stop(sched);
    return NULL;
}

/* On a thread of its own: a scheduler cannot be stopped inside a poll, and main
 * is in one, that of the first task. */
static void stealing_stop(void)
{
    pthread_t thread;

    /*@probe probe_stopping(); */
    lesson_spawn_thread(&thread, sched_stop, NULL);
    pthread_join(thread, NULL);
}

/* --- all of them ------------------------------------------------------- */

struct runtime {
    const char *name;
    void (*start)(void);
    void (*go)(struct race_job *job);
    void (*stop)(void);
};

static const struct runtime runtimes[] = {
    {"threads", nothing, threads_go, threads_stop},
    {"busy", nothing, busy_go, nothing},
    {"executor", nothing, executor_go, nothing},
    {"executors", executors_start, executors_go, executors_stop},
    {"coroutines", nothing, coroutines_go, nothing},
    {"stealing", stealing_start, stealing_go, stealing_stop},
};

enum { RUNTIMES = sizeof(runtimes) / sizeof(*runtimes) };

/* --- a row of the table ------------------------------------------------ */

/* Since the start of the program, or between two such points. */
struct row {
    double wall_ms, cpu_ms;
    unsigned long polls, would_block, sleeps;
};

static double to_ms(struct timeval time)
{
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

static struct row row_now(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (struct row){
        .wall_ms = (double)rv_now_ns() / 1e6,
        .cpu_ms = to_ms(used.ru_utime) + to_ms(used.ru_stime),
        .polls = rv_trace_count(RV_EV_POLL),
        .would_block = figures.would_block,
        .sleeps = (unsigned long)used.ru_nvcsw,
    };
}

static struct row row_between(struct row a, struct row b)
{
    return (struct row){b.wall_ms - a.wall_ms, b.cpu_ms - a.cpu_ms,
                        b.polls - a.polls, b.would_block - a.would_block,
                        b.sleeps - a.sleeps};
}

static void row_print_head(void)
{
    lesson_log("runtime      polls  EAGAIN  sleeps  CPU ms  wall ms");
}

static void row_print(const char *name, struct row row)
{
    lesson_logf("%-10s %7lu %7lu %7lu %7.1f %8.0f", name, row.polls,
                row.would_block, row.sleeps, row.cpu_ms, row.wall_ms);
}

#endif /* RUNTIMES_H */
