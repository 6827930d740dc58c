/* SPDX-License-Identifier: MIT */
/* test_task_dump.c - the table of tasks, and those that misbehave. */
#include <errno.h>
#include <pthread.h>
#include <reveil/combine.h>
#include <reveil/task_dump.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/tasks.h"
#include "support/failing_alloc.h"

RV_TEST_SUITE(task_dump);

/* The only task. */
static struct rv_task_info only_task(void)
{
    struct rv_task_info info[2];

    cr_assert_eq(rv_task_dump_read(info, 2), 1);
    return info[0];
}

/* The current text of the table. */
static const char *table(char *text, size_t size)
{
    FILE *file = tmpfile();
    size_t len;

    cr_assert_not_null(file);
    cr_assert_eq(rv_task_dump_print(fileno(file)), 0);
    rewind(file);
    len = fread(text, 1, size - 1, file);
    text[len] = 0;
    fclose(file);
    return text;
}

static bool table_has(const char *wanted)
{
    char text[4096];

    return strstr(table(text, sizeof text), wanted) != NULL;
}

RV_TEST(task_dump, an_executor_from_before_is_not_in_the_table)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};

    rv_task_dump_enable();
    cr_assert_eq(rv_spawn(executor, &new_stepper(&log, 'a', 2)->future, NULL),
                 0);
    cr_assert_eq(rv_task_dump_read(NULL, 0), 0);
    cr_assert(table_has("no tasks"));
    run_batches(executor, 4);
    rv_executor_free(executor);
    rv_task_dump_disable();
}

RV_TEST(task_dump, a_task_says_what_it_is_and_where_it_comes_from)
{
    struct rv_executor *executor;
    struct log log = {.len = 0};
    struct rv_task_info info;

    rv_task_dump_enable();
    executor = new_executor();
    cr_assert_eq(rv_spawn(executor, &new_stepper(&log, 'a', 9)->future, NULL),
                 0);
    info = only_task();
    cr_assert_eq(info.executor, 1);
    cr_assert_str_eq(info.name, "stepper");
    cr_assert_not_null(strstr(info.spawned, "test_task_dump.c:"));
    cr_assert_eq(info.state, RV_TASK_READY);
    cr_assert_eq(info.polls, 0);

    run_batches(executor, 2);
    info = only_task();
    cr_assert_gt(info.polls, 2);
    cr_assert_geq(info.wakes, info.polls);
    cr_assert(table_has("executor 1: 1 task\n"));
    cr_assert(table_has("stepper, "));
    rv_executor_free(executor);
    cr_assert_eq(rv_task_dump_read(NULL, 0), 0);
    rv_task_dump_disable();
}

RV_TEST(task_dump, a_task_may_be_spawned_by_a_name_of_the_place)
{
    struct rv_executor *executor;
    struct log log = {.len = 0};
    struct rv_task_info info[3];
    struct rv_scope scope;
    struct rv_join join;

    rv_task_dump_enable();
    executor = new_executor();
    rv_scope_init(&scope, executor);
    cr_assert_eq(rv_spawn_at(executor, &new_stepper(&log, 'a', 1)->future,
                             &join, "the kitchen"),
                 0);
    cr_assert_eq(
        rv_spawn_at(executor, &new_stepper(&log, 'b', 1)->future, NULL, NULL),
        0);
    cr_assert_eq(rv_scope_spawn_at(&scope, &new_stepper(&log, 'c', 1)->future,
                                   "the garden"),
                 0);

    cr_assert_eq(rv_task_dump_read(info, 3), 3);
    cr_assert_str_eq(info[0].spawned, "the kitchen");
    cr_assert_str_eq(info[1].spawned, "");
    cr_assert_str_eq(info[2].spawned, "the garden");
    cr_assert_eq(rv_test_block_on(executor, &join.future), 0);
    cr_assert_eq(rv_test_block_on(executor, &scope.future), 0);
    cr_assert_eq(log.len, 3);
    rv_drop(&join.future);
    rv_drop(&scope.future);
    rv_executor_free(executor);
    rv_task_dump_disable();
}

RV_TEST(task_dump, a_task_that_waits_with_a_waker_is_not_lost)
{
    struct rv_executor *executor;
    struct door door = {.polls = 0};
    struct rv_task_info info;

    rv_task_dump_enable();
    executor = new_executor();
    cr_assert_eq(rv_spawn(executor, &new_waiter(&door)->future, NULL), 0);
    run_batches(executor, 2);

    info = only_task();
    cr_assert_eq(info.state, RV_TASK_WAITING);
    cr_assert_eq(info.lints & RV_LINT_LOST, 0);
    rv_waker_drop(&door.waker);
    rv_executor_free(executor);
    rv_task_dump_disable();
}

/* Sleeps and joins store the id of a task, not a waker. */
RV_TEST(task_dump, tasks_that_wait_for_time_or_for_tasks_are_not_lost)
{
    struct rv_executor *executor;
    struct rv_sleep *sleep = rv_alloc(sizeof *sleep);
    struct rv_join *join = rv_alloc(sizeof *join);
    struct rv_task_info info[2];

    rv_task_dump_enable();
    executor = new_executor();
    rv_sleep_init(sleep, rv_after_ms(3600000));
    cr_assert_eq(rv_spawn(executor, &sleep->future, join), 0);
    cr_assert_eq(rv_spawn(executor, &join->future, NULL), 0);
    run_batches(executor, 3);

    cr_assert_eq(rv_task_dump_read(info, 2), 2);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(info[i].state, RV_TASK_WAITING, "%s", info[i].name);
        cr_assert_eq(info[i].lints & RV_LINT_LOST, 0, "%s", info[i].name);
    }
    rv_executor_free(executor);
    rv_task_dump_disable();
}

/* --- misbehaviour ------------------------------------------------------ */

struct bad {
    struct rv_future future;
    int64_t busy_ns;
    bool wakes;
};

static enum rv_poll bad_poll(struct rv_future *future, struct rv_cx *cx)
{
    const struct bad *self = RV_CONTAINER_OF(future, struct bad, future);

    rv_clock_advance(self->busy_ns);
    if (self->wakes)
        rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static const struct rv_future_ops bad_ops = {.name = "bad", .poll = bad_poll};

/* Run such a task for some polls. Returns: its lints. */
static uint32_t lints_of(int64_t busy_ns, bool wakes, int batches)
{
    struct bad *bad = rv_alloc(sizeof *bad);
    struct rv_executor *executor;
    uint32_t lints;

    rv_future_init(&bad->future, &bad_ops);
    bad->busy_ns = busy_ns;
    bad->wakes = wakes;
    /* A poll takes as long as the test says, whatever the machine does. */
    rv_clock_freeze(RV_NS_PER_S);
    rv_task_dump_enable();
    cr_assert_eq(rv_trace_start(RV_TRACE_COUNTERS), 0);
    executor = new_executor();
    cr_assert_eq(rv_spawn(executor, &bad->future, NULL), 0);
    run_batches(executor, batches);
    lints = only_task().lints;
    cr_assert_eq(lints != 0, rv_trace_count(RV_EV_LINT) > 0);
    rv_trace_start(RV_TRACE_OFF);
    rv_executor_free(executor);
    rv_task_dump_disable();
    rv_clock_thaw();
    return lints;
}

RV_TEST(task_dump, a_task_without_a_waker_is_lost)
{
    cr_assert_eq(lints_of(0, false, 2), RV_LINT_LOST);
}

RV_TEST(task_dump, a_task_that_wakes_itself_all_the_time_spins)
{
    cr_assert_eq(lints_of(0, true, 100), 0);
    cr_assert_eq(lints_of(0, true, 1100), RV_LINT_SPINS);
}

RV_TEST(task_dump, a_task_with_a_long_poll_hogs_the_thread)
{
    cr_assert_eq(lints_of(11 * RV_NS_PER_MS, true, 1), RV_LINT_HOGS);
}

/* --- from outside ------------------------------------------------------ */

/* Prints the table inside a poll, as a signal would. */
struct printer {
    struct rv_future future;
    bool found;
};

static enum rv_poll printer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct printer *self = RV_CONTAINER_OF(future, struct printer, future);

    (void)cx;
    self->found = table_has("running") && table_has("printer");
    return RV_READY;
}

RV_TEST(task_dump, a_poll_that_goes_on_is_seen)
{
    static const struct rv_future_ops ops = {.name = "printer",
                                             .poll = printer_poll};
    struct printer *printer = rv_alloc(sizeof *printer);
    struct rv_executor *executor;
    struct rv_join join;

    rv_task_dump_enable();
    executor = new_executor();
    rv_future_init(&printer->future, &ops);
    cr_assert_eq(rv_spawn(executor, &printer->future, &join), 0);
    cr_assert_eq(rv_test_block_on(executor, &join.future), 0);
    cr_assert(printer->found);
    rv_join_drop(&join);
    rv_executor_free(executor);
    rv_task_dump_disable();
}

/* Read from a pipe until a line has arrived. */
static void read_line(int fd, char *line, size_t size)
{
    size_t len = 0;

    while (len < size - 1 && read(fd, &line[len], 1) == 1 && line[len] != '\n')
        len++;
    line[len] = 0;
}

RV_TEST(task_dump, a_signal_prints_the_table)
{
    struct rv_task_dump_signal *task_dump;
    char line[64];
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(rv_task_dump_signal_start(&task_dump, SIGUSR1, fds[1]), 0);
    for (int i = 0; i < 2; i++) {
        kill(getpid(), SIGUSR1);
        read_line(fds[0], line, sizeof line);
        cr_assert_str_eq(line, "no tasks");
    }
    rv_task_dump_signal_stop(task_dump);
    rv_task_dump_signal_stop(NULL);
    close(fds[0]);
    close(fds[1]);
}

RV_TEST(task_dump, what_is_no_signal_is_refused)
{
    struct rv_task_dump_signal *task_dump;

    cr_assert_eq(rv_task_dump_signal_start(&task_dump, 1000, 2), -EINVAL);
}

RV_TEST(task_dump, a_closed_descriptor_is_an_error)
{
    cr_assert_eq(rv_task_dump_print(-1), -EBADF);
}

/* --- fork() ------------------------------------------------------------ */

enum { MANY_TASKS = 20000, FORKS = 20 };

static _Atomic bool reads;

static void *read_on_and_on(void *arg)
{
    while (atomic_load(&reads))
        rv_task_dump_read(NULL, 0);
    return arg;
}

/* A thread that reads the table does not exist in the child. */
RV_TEST(task_dump, a_child_of_fork_has_a_table_whatever_a_thread_did)
{
    struct rv_executor *executor;
    struct rv_executor *another;
    struct log log = {.len = 0};
    pthread_t thread;
    int status = 0;

    rv_task_dump_enable();
    executor = new_executor();
    for (int i = 0; i < MANY_TASKS; i++)
        cr_assert_eq(
            rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, NULL), 0);
    atomic_store(&reads, true);
    cr_assert_eq(pthread_create(&thread, NULL, read_on_and_on, NULL), 0);
    for (int i = 0; i < FORKS && status == 0; i++) {
        const pid_t child = fork();

        if (child == 0) {
            alarm(10); /* it did not return */
            if (rv_executor_new(&another) == 0)
                rv_executor_free(another);
            _exit(0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
    }
    atomic_store(&reads, false);
    pthread_join(thread, NULL);
    cr_assert_eq(status, 0, "wait status %#x", (unsigned)status);
    rv_executor_free(executor);
    rv_task_dump_disable();
}

RV_TEST(task_dump, lints_have_a_text)
{
    cr_assert_not_null(rv_lint_text(RV_LINT_LOST));
    cr_assert_not_null(rv_lint_text(RV_LINT_SPINS));
    cr_assert_not_null(rv_lint_text(RV_LINT_HOGS));
    cr_assert_null(rv_lint_text(0));
}

/* A task without a record runs all the same. */
static int watched_life(void *arg)
{
    struct rv_executor *executor;
    struct rv_yield yield;
    int error;

    (void)arg;
    rv_task_dump_enable();
    error = rv_executor_new(&executor);
    if (!error) {
        rv_yield_init(&yield);
        error = rv_block_on(executor, &yield.future);
        rv_executor_free(executor);
    }
    rv_task_dump_disable();
    return error;
}

RV_TEST(task_dump, without_memory_there_is_no_executor_or_no_line)
{
    rv_fail_each_alloc(watched_life, NULL);
}
