/* SPDX-License-Identifier: MIT */
/*
 * stress_pipe_thread.c - jobs through the pipes of pipe threads, taken back at
 * random.
 *
 *     stress_pipe_thread [COUNT]     40,000 jobs to each kind of pipe thread
 *
 * Each job adds to a plain word of its own state, which the owner reads after
 * the byte, so that only the pipes order the accesses. Half of the jobs go to
 * two pipe threads at once, and some are taken back by their owner: at most one
 * of the three makes the call. Before that, bare threads are started and joined
 * without a deadline: a missed wake of the kernel is a hang.
 *
 * Threads: the owner is the main thread.
 */
#include <errno.h>
#include <poll.h>
#include <reveil/pipe_thread.h>

#include "stress.h"
#include "support/machine.h"

enum { THREADS = 2 };

struct job {
    struct rv_callable *callable;
    uint32_t packets; /* submitted to pipe threads, byte not read yet */
    uint32_t runs;
    bool taken_back;
};

/* The jobs of one pipe thread, oldest first. */
struct line {
    struct rv_pipe_thread thread;
    struct job *jobs[RV_PIPE_THREAD_CREDITS];
    uint32_t first;
};

static uint32_t seed = 1;

static int32_t count_call(void *state, void *result)
{
    uint32_t *count = state;

    *(uint32_t *)result = ++*count;
    return (int32_t)*count;
}

static struct job *new_job(void)
{
    static const struct rv_callable_ops ops = {.name = "count",
                                               .call = count_call,
                                               .state_bytes = sizeof(uint32_t),
                                               .result_bytes = sizeof(uint32_t),
                                               .pure = true};
    struct job *job = rv_alloc(sizeof *job);
    uint32_t zero = 0;

    STRESS_CHECK(job, "no memory");
    STRESS_CHECK(!rv_callable_new(&job->callable, &ops, &zero), "no memory");
    return job;
}

/* Its last byte was read: it ran once, or was taken back. */
static void finish(struct job *job)
{
    const uint32_t *count = rv_callable_state(job->callable);
    const uint32_t *result = rv_callable_result(job->callable);
    const uint32_t expected = job->taken_back ? 0 : 1;

    STRESS_CHECK(job->runs == expected, "it ran too often, or not at all");
    STRESS_CHECK(*count == expected && *result == expected, "a stale result");
    rv_callable_put(job->callable);
    rv_free(job);
}

static void give(struct line *line, struct job *job)
{
    const uint32_t last =
        (line->first + line->thread.in_flight) % RV_PIPE_THREAD_CREDITS;

    if (rv_pipe_thread_submit(&line->thread, job->callable) == -EAGAIN)
        return;
    line->jobs[last] = job;
    job->packets++;
}

/* Returns: false if there is no byte. */
static bool take_byte(struct line *line)
{
    struct job *job = line->jobs[line->first];
    bool ran;

    if (rv_pipe_thread_reap(&line->thread, &ran))
        return false;
    line->first = (line->first + 1) % RV_PIPE_THREAD_CREDITS;
    job->runs += ran;
    if (--job->packets == 0)
        finish(job);
    return true;
}

static void wait_for_byte(struct line *line)
{
    struct pollfd done = {.fd = rv_pipe_thread_done_fd(&line->thread),
                          .events = POLLIN};

    STRESS_CHECK(poll(&done, 1, -1) == 1, "poll");
    while (line->thread.in_flight && take_byte(line))
        ;
}

static void one_job(struct line *lines)
{
    const uint32_t which = stress_random(&seed) % THREADS;
    struct job *job = new_job();

    while (lines[which].thread.in_flight == lines[which].thread.credits)
        wait_for_byte(&lines[which]);
    give(&lines[which], job);
    if (stress_random(&seed) % 2)
        give(&lines[1 - which], job);
    if (stress_random(&seed) % 4 == 0) {
        stress_dawdle(stress_random(&seed) % 512);
        job->taken_back = rv_callable_take(job->callable);
    }
}

static void storm(enum rv_pipe_thread_kind kind, uint32_t count)
{
    struct line lines[THREADS] = {{.first = 0}};

    for (int i = 0; i < THREADS; i++)
        STRESS_CHECK(!rv_pipe_thread_start(&lines[i].thread, kind),
                     "no pipe thread");
    for (uint32_t i = 0; i < count; i++)
        one_job(lines);
    for (int i = 0; i < THREADS; i++)
        while (lines[i].thread.in_flight)
            wait_for_byte(&lines[i]);
    for (int i = 0; i < THREADS; i++)
        STRESS_CHECK(!rv_pipe_thread_stop(&lines[i].thread, RV_NEVER),
                     "no end");
}

static void empty_main(void *args)
{
    stress_dawdle(*(uint32_t *)args);
}

static void join_threads(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t turns = i % 7 * 3000;
        struct rv_thread thread;

        STRESS_CHECK(
            !rv_thread_start(&thread, empty_main, &turns, sizeof turns, 0),
            "no thread");
        STRESS_CHECK(!rv_thread_join(&thread, RV_NEVER), "no end");
    }
}

int main(int argc, char **argv)
{
    const uint32_t count = stress_count(argc, argv, 40000);

    stress_watchdog();
    stress_phase = "pthreads";
    storm(RV_PIPE_THREAD_PTHREAD, count);
    stress_phase = "bare threads";
    if (!machine_is_thread_sanitized() && machine_has_assembly()) {
        join_threads(count / 40);
        storm(RV_PIPE_THREAD_BARE, count);
    } else {
        printf("bare threads are left out: ThreadSanitizer crashes on them\n");
        STRESS_CHECK(!rv_thread_supported(), "they are said to be there");
    }
    return 0;
}
