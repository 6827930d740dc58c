/* SPDX-License-Identifier: MIT */
/*
 * test_names.c - the library copies names: the caller may free them at once.
 *
 * Threads: the test's, and workers of a scheduler.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/coro.h>
#include <reveil/mpsc.h>
#include <reveil/oneshot.h>
#include <reveil/publisher.h>
#include <reveil/sched.h>
#include <reveil/spsc.h>
#include <reveil/task_dump.h>
#include <reveil/trace.h>
#include <stdlib.h>
#include <string.h>

#include "executor/tasks.h"
#include "support/support.h"

RV_TEST_SUITE(names);

/* A name in memory of its own, which the test frees at once. */
static char *heap_name(const char *text)
{
    char *name = strdup(text);

    cr_assert_not_null(name);
    return name;
}

/* Overwrite it before, so that a mistake is visible without a sanitizer too. */
static void forget(char *name)
{
    memset(name, '!', strlen(name));
    free(name);
}

/* --- coroutines and the table of tasks --------------------------------- */

static int32_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

RV_TEST(names, of_a_coroutine)
{
    struct rv_coro *coro;
    char *name = heap_name("a coroutine of the heap");
    const struct rv_coro_options options = {.name = name};

    cr_assert_eq(rv_coro_new(&coro, nothing, NULL, &options), 0);
    forget(name);
    cr_assert_str_eq(rv_coro_name(coro), "a coroutine of the heap");
    rv_coro_free(coro);
}

RV_TEST(names, of_a_coroutine_that_are_too_long_are_cut)
{
    struct rv_coro *coro;
    char name[1000];
    const struct rv_coro_options options = {.name = name};

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(rv_coro_new(&coro, nothing, NULL, &options), 0);
    cr_assert_eq(strlen(rv_coro_name(coro)), 31);
    cr_assert_eq(strncmp(rv_coro_name(coro), name, 31), 0);
    rv_coro_free(coro);
}

/* The record of a task stays valid after the end of the task and of its
 * name. */
RV_TEST(names, in_the_table_of_tasks)
{
    char *name = heap_name("a task of the heap");
    const struct rv_coro_options options = {.name = name};
    struct rv_executor *executor;
    struct rv_task_info info;
    struct rv_join join;

    rv_task_dump_enable();
    executor = new_executor();
    cr_assert_eq(rv_coro_spawn(executor, nothing, NULL, &options, &join), 0);
    cr_assert_eq(rv_task_dump_read(&info, 1), 1);
    forget(name);
    cr_assert_str_eq(info.name, "rv_coro");
    cr_assert_str_eq(info.spawned, "a task of the heap");
    cr_assert_eq(rv_task_dump_read(&info, 1), 1);
    cr_assert_eq(rv_test_block_on(executor, &join.future), 0);
    rv_join_drop(&join);
    rv_executor_free(executor);
    rv_task_dump_disable();
    cr_assert_str_eq(info.spawned, "a task of the heap");
}

/* The end of a long path is kept, because it has the line number. */
RV_TEST(names, of_a_long_place_are_cut_at_their_beginning)
{
    struct log log = {.len = 0};
    struct rv_executor *executor;
    struct rv_task_info info;
    char place[300];

    memset(place, 'd', sizeof place);
    strcpy(place + sizeof place - 11, "/file.c:12");
    rv_task_dump_enable();
    executor = new_executor();
    cr_assert_eq(
        rv_spawn_at(executor, &new_stepper(&log, 'a', 1)->future, NULL, place),
        0);
    cr_assert_eq(rv_task_dump_read(&info, 1), 1);
    memset(place, '!', sizeof place - 1);
    cr_assert_eq(strlen(info.spawned), sizeof info.spawned - 1);
    cr_assert_not_null(strstr(info.spawned, "dd/file.c:12"));
    rv_executor_free(executor);
    rv_task_dump_disable();
}

/* --- tasks of a scheduler ---------------------------------------------- */

static enum rv_poll never_poll(struct rv_future *future, struct rv_cx *cx)
{
    cx->needs_task = future;
    return RV_PENDING;
}

static int32_t await_never(void *arg)
{
    static const struct rv_future_ops ops = {.name = "never",
                                             .poll = never_poll};
    struct rv_future never;

    (void)arg;
    rv_future_init(&never, &ops);
    return rv_await(&never);
}

/* With each of the functions that start a task with a name. */
static int32_t start_and_wait(void *arg)
{
    char *inside = heap_name("inside");
    char *there = heap_name("there");
    struct rv_go tasks[3];

    if (rv_go_named(&tasks[0], inside, await_never, NULL) < 0 ||
        rv_sched_go(rv_sched_current(), &tasks[1], there, await_never, NULL) <
            0 ||
        rv_go_literal(&tasks[2], "literal", await_never, NULL) < 0)
        return -EIO;
    forget(inside);
    forget(there);
    for (int i = 0; i < 3; i++)
        rv_go_join(&tasks[i]);
    (void)arg;
    return 0;
}

RV_TEST(names, of_tasks_in_a_report_of_a_deadlock)
{
    static const char *const lines[] = {
        "task 'inside' waits for never\n", "task 'there' waits for never\n",
        "task 'literal' waits for never\n", "task 'outside' waits for never\n"};
    char *name = heap_name("workers");
    const struct rv_sched_options options = {.workers = 2, .name = name};
    struct rv_sched *sched;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    forget(name);
    name = heap_name("outside");
    cr_assert_eq(rv_sched_go(sched, NULL, name, await_never, NULL), 0);
    forget(name);
    cr_assert_eq(rv_sched_run(sched, start_and_wait, NULL), -EDEADLK);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_not_null(strstr(rv_sched_deadlock(sched), lines[i]), "%s",
                           rv_sched_deadlock(sched));
    rv_sched_stop(sched);
}

/* --- channels ---------------------------------------------------------- */

static void check_words(const struct rv_future *future)
{
    char text[200];

    cr_assert(rv_future_describe(future, text, sizeof text));
    cr_assert_not_null(strstr(text, "of the heap"), "%s", text);
}

RV_TEST(names, of_channels_of_all_kinds)
{
    char *name = heap_name("of the heap");
    const struct rv_channel_options options = {.name = name};
    struct rv_spsc_sender *spsc_in;
    struct rv_spsc_receiver *spsc_out;
    struct rv_mpsc_sender *mpsc_in;
    struct rv_mpsc_receiver *mpsc_out;
    struct rv_oneshot_sender *one_in;
    struct rv_oneshot_receiver *one_out;
    struct rv_publisher *publisher;
    struct rv_publisher_reserve next;
    struct rv_spsc_recv spsc_pop;
    struct rv_mpsc_recv mpsc_pop;
    struct rv_oneshot_recv recv;
    int value;

    cr_assert_eq(rv_spsc_new(&spsc_in, &spsc_out, sizeof value, 2, &options),
                 0);
    cr_assert_eq(rv_mpsc_new(&mpsc_in, &mpsc_out, sizeof value, &options), 0);
    cr_assert_eq(rv_oneshot_new(&one_in, &one_out, sizeof value, &options), 0);
    cr_assert_eq(rv_publisher_new(&publisher, sizeof value, 2, &options), 0);
    forget(name);
    rv_spsc_recv_init(&spsc_pop, spsc_out, &value, 1);
    check_words(&spsc_pop.future);
    rv_mpsc_recv_init(&mpsc_pop, mpsc_out, &value, 1);
    check_words(&mpsc_pop.future);
    rv_oneshot_recv_init(&recv, one_out, &value);
    check_words(&recv.future);
    rv_publisher_reserve_init(&next, publisher, 1);
    check_words(&next.future);
    rv_spsc_sender_close(spsc_in);
    rv_spsc_receiver_close(spsc_out);
    rv_mpsc_sender_close(mpsc_in);
    rv_mpsc_receiver_close(mpsc_out);
    rv_oneshot_sender_close(one_in);
    rv_oneshot_receiver_close(one_out);
    rv_publisher_close(publisher);
}

/* --- threads in the trace ---------------------------------------------- */

RV_TEST(names, of_threads_in_the_trace)
{
    char *name = heap_name("of the heap");
    struct rv_event event;
    uint64_t number = 0;
    char line[200];

    cr_assert_eq(rv_trace_start(RV_TRACE_EVENTS), 0);
    rv_trace_name_thread(name);
    rv_trace(RV_EV_PARK, 0, 0);
    forget(name);
    cr_assert_eq(rv_trace_read(&number, &event), 1);
    rv_trace_format(&event, line, sizeof line);
    cr_assert_not_null(strstr(line, " of the heap "), "%s", line);
}
