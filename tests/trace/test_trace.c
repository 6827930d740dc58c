/* SPDX-License-Identifier: MIT */
/*
 * test_trace.c - counters, the ring of events, and the threads in it.
 *
 * Each Criterion test is a process of its own, so each starts without a trace.
 */
#include <criterion/criterion.h>

#include <reveil/base.h>
#include <reveil/trace.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

enum { RING_EVENTS = 65536 }; /* the number that trace.h promises to keep */

/* --- memory ------------------------------------------------------------ */

static int allocs_left = -1;
static int allocs;

static void *limited_alloc(size_t size_bytes)
{
    if (allocs_left == 0)
        return NULL;
    allocs_left--;
    allocs++;
    return calloc(1, size_bytes);
}

static void limit_allocs(int count)
{
    const struct rv_alloc_hook hook = {limited_alloc, free};

    allocs_left = count;
    rv_set_alloc_hook(&hook);
}

/* --- off --------------------------------------------------------------- */

Test(trace, is_off_at_first_and_writes_nothing)
{
    struct rv_event event;
    uint64_t number = 0;

    limit_allocs(-1);
    for (int kind = 0; kind < RV_EV_KINDS; kind++)
        rv_trace((enum rv_event_kind)kind, 1, 2);

    for (int kind = 0; kind < RV_EV_KINDS; kind++)
        cr_assert_eq(rv_trace_count((enum rv_event_kind)kind), 0);
    cr_assert_eq(rv_trace_read(&number, &event), 0);
    cr_assert_eq(number, 0);
    cr_assert_eq(allocs, 0);
}

Test(trace, it_is_on_from_start_to_off)
{
    cr_assert_not(rv_trace_is_on());
    rv_trace_start(RV_TRACE_COUNTERS);
    cr_assert(rv_trace_is_on());
    rv_trace_start(RV_TRACE_EVENTS);
    cr_assert(rv_trace_is_on());
    rv_trace_start(RV_TRACE_OFF);
    cr_assert_not(rv_trace_is_on());
}

Test(trace, switched_off_it_writes_nothing_and_keeps_what_was_written)
{
    struct rv_event event;
    uint64_t number = 0;

    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace(RV_EV_WAKE, 7, 0);
    cr_assert_eq(rv_trace_start(RV_TRACE_OFF), 0);
    rv_trace(RV_EV_WAKE, 8, 0);

    cr_assert_eq(rv_trace_count(RV_EV_WAKE), 1);
    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(event.id, 7);
    cr_assert_eq(rv_trace_read(&number, &event), 0);
}

Test(trace, has_the_times_of_the_virtual_clock)
{
    struct rv_event event;
    uint64_t number = 0;
    char line[256];

    rv_clock_freeze(5 * RV_NS_PER_S);
    rv_trace_start(RV_TRACE_EVENTS);
    rv_clock_advance(7 * RV_NS_PER_MS);
    rv_trace(RV_EV_WAKE, 1, 0);

    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(event.at_ns, 5 * RV_NS_PER_S + 7 * RV_NS_PER_MS);
    rv_trace_format(&event, line, sizeof line);
    cr_assert_not_null(strstr(line, "7.000 ms"), "%s", line);
}

/* --- counters ---------------------------------------------------------- */

Test(trace, counts_each_kind_on_its_own)
{
    rv_trace_start(RV_TRACE_COUNTERS);
    for (int kind = 0; kind < RV_EV_KINDS; kind++)
        for (int i = 0; i <= kind; i++)
            rv_trace((enum rv_event_kind)kind, 0, 0);

    for (int kind = 0; kind < RV_EV_KINDS; kind++)
        cr_assert_eq(rv_trace_count((enum rv_event_kind)kind),
                     (uint64_t)kind + 1);
}

Test(trace, counters_alone_keep_no_events_and_take_no_memory)
{
    struct rv_event event;
    uint64_t number = 0;

    limit_allocs(0);
    cr_assert_eq(rv_trace_start(RV_TRACE_COUNTERS), 0);
    rv_trace(RV_EV_POLL, 1, 0);

    cr_assert_eq(rv_trace_count(RV_EV_POLL), 1);
    cr_assert_eq(rv_trace_read(&number, &event), 0);
}

Test(trace, events_are_counted_too)
{
    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace(RV_EV_POLL, 1, 0);
    rv_trace(RV_EV_POLL, 2, 0);

    cr_assert_eq(rv_trace_count(RV_EV_POLL), 2);
}

/* --- events ------------------------------------------------------------ */

Test(trace, an_event_comes_back_as_it_was_written)
{
    struct rv_event event;
    uint64_t number = 0;
    int64_t before_ns;
    int64_t after_ns;

    rv_trace_start(RV_TRACE_EVENTS);
    before_ns = rv_now_ns();
    rv_trace(RV_EV_RECV, UINT64_MAX - 1, INT64_MIN + 1);
    after_ns = rv_now_ns();

    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(number, 1);
    cr_assert_eq(event.kind, RV_EV_RECV);
    cr_assert_eq(event.id, UINT64_MAX - 1);
    cr_assert_eq(event.value, INT64_MIN + 1);
    cr_assert_eq(event.thread, 1);
    cr_assert_geq(event.at_ns, before_ns);
    cr_assert_leq(event.at_ns, after_ns);
}

Test(trace, events_come_in_order_and_can_be_read_again)
{
    struct rv_event event;

    rv_trace_start(RV_TRACE_EVENTS);
    for (uint64_t id = 0; id < 100; id++)
        rv_trace(RV_EV_POLL, id, 0);

    for (int round = 0; round < 2; round++) {
        uint64_t number = 0;

        for (uint64_t id = 0; id < 100; id++) {
            cr_assert_eq(rv_trace_read(&number, &event), 1);
            cr_assert_eq(event.id, id);
        }
        cr_assert_eq(rv_trace_read(&number, &event), 0);
    }
}

Test(trace, a_reader_at_the_end_sees_what_is_written_later)
{
    struct rv_event event;
    uint64_t number = 0;

    rv_trace_start(RV_TRACE_EVENTS);
    cr_assert_eq(rv_trace_read(&number, &event), 0);
    rv_trace(RV_EV_POLL, 5, 0);

    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(event.id, 5);
}

Test(trace, a_number_past_the_end_finds_nothing)
{
    struct rv_event event;
    uint64_t number = UINT64_MAX;

    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace(RV_EV_POLL, 5, 0);

    cr_assert_eq(rv_trace_read(&number, &event), 0);
    cr_assert_eq(number, UINT64_MAX);
}

Test(trace, the_last_65536_events_are_kept)
{
    struct rv_event event;
    uint64_t number = 0;

    rv_trace_start(RV_TRACE_EVENTS);
    for (uint64_t id = 0; id < RING_EVENTS; id++)
        rv_trace(RV_EV_POLL, id, 0);

    for (uint64_t id = 0; id < RING_EVENTS; id++) {
        cr_assert_eq(rv_trace_read(&number, &event), 1);
        cr_assert_eq(event.id, id);
    }
    cr_assert_eq(rv_trace_read(&number, &event), 0);
}

Test(trace, a_reader_left_behind_jumps_to_the_oldest_event_kept)
{
    const uint64_t lost = 3 * RING_EVENTS + 10;
    struct rv_event event;
    uint64_t number = 5;

    rv_trace_start(RV_TRACE_EVENTS);
    for (uint64_t id = 0; id < lost + RING_EVENTS; id++)
        rv_trace(RV_EV_POLL, id, 0);

    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(event.id, lost);
    cr_assert_eq(number, lost + 1);
}

/* --- starting again ---------------------------------------------------- */

Test(trace, a_new_trace_starts_at_zero)
{
    struct rv_event event;
    uint64_t number = 0;

    rv_trace_start(RV_TRACE_EVENTS);
    for (uint64_t id = 0; id < 10; id++)
        rv_trace(RV_EV_POLL, id, 0);
    rv_trace_start(RV_TRACE_EVENTS);

    cr_assert_eq(rv_trace_count(RV_EV_POLL), 0);
    cr_assert_eq(rv_trace_read(&number, &event), 0);
    rv_trace(RV_EV_WAKE, 77, 0);
    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(event.id, 77);
    cr_assert_eq(number, 1);
}

Test(trace, the_ring_is_allocated_once)
{
    limit_allocs(1);

    for (int i = 0; i < 100; i++) {
        cr_assert_eq(rv_trace_start(RV_TRACE_EVENTS), 0);
        cr_assert_eq(rv_trace_start(RV_TRACE_OFF), 0);
    }
    cr_assert_eq(allocs, 1);
}

Test(trace, out_of_memory_is_an_error_and_leaves_the_trace_as_it_was)
{
    struct rv_event event;
    uint64_t number = 0;

    limit_allocs(0);
    rv_trace_start(RV_TRACE_COUNTERS);
    rv_trace(RV_EV_POLL, 1, 0);
    cr_assert_eq(rv_trace_start(RV_TRACE_EVENTS), -ENOMEM);
    rv_trace(RV_EV_POLL, 1, 0);

    cr_assert_eq(rv_trace_count(RV_EV_POLL), 2);
    cr_assert_eq(rv_trace_read(&number, &event), 0);
}

/* --- threads ----------------------------------------------------------- */

/* Write one event on a thread of its own, named if `name` is not NULL. */
static void *write_one(void *name)
{
    if (name != NULL)
        rv_trace_name_thread(name);
    rv_trace(RV_EV_PARK, 0, 0);
    return NULL;
}

static void write_on_thread(char *name)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, write_one, name), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

/* The line of event `number`. */
static const char *line_of(uint64_t number)
{
    static char line[256];
    struct rv_event event;

    cr_assert_eq(rv_trace_read(&number, &event), 1);
    rv_trace_format(&event, line, sizeof line);
    return line;
}

Test(trace, threads_are_numbered_by_their_first_events)
{
    struct rv_event event;
    uint64_t number = 0;
    const uint32_t expected[] = {1, 2, 1, 3};

    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace(RV_EV_PARK, 0, 0);
    write_on_thread(NULL);
    rv_trace(RV_EV_PARK, 0, 0);
    write_on_thread(NULL);

    for (int i = 0; i < 4; i++) {
        cr_assert_eq(rv_trace_read(&number, &event), 1);
        cr_assert_eq(event.thread, expected[i]);
    }
}

Test(trace, a_name_alone_does_not_take_a_number)
{
    struct rv_event event;
    uint64_t number = 0;

    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace_name_thread("main");
    write_on_thread("first");
    rv_trace(RV_EV_PARK, 0, 0);

    cr_assert_not_null(strstr(line_of(0), " first "));
    cr_assert_not_null(strstr(line_of(1), " main "));
    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(event.thread, 1);
}

Test(trace, a_thread_can_be_named_after_its_first_event)
{
    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace(RV_EV_PARK, 0, 0);
    cr_assert_not_null(strstr(line_of(0), " thread 1 "));

    rv_trace_name_thread("main");

    cr_assert_not_null(strstr(line_of(0), " main "));
}

Test(trace, numbers_start_again_and_names_stay_in_a_new_trace)
{
    struct rv_event event;
    uint64_t number = 0;

    rv_trace_start(RV_TRACE_EVENTS);
    write_on_thread("other");
    rv_trace_name_thread("main");
    rv_trace(RV_EV_PARK, 0, 0);

    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace(RV_EV_PARK, 0, 0);

    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(event.thread, 1);
    cr_assert_not_null(strstr(line_of(0), " main "));
}

Test(trace, a_muted_thread_is_left_out_until_it_is_let_in_again)
{
    rv_trace_start(RV_TRACE_COUNTERS);
    cr_assert_not(rv_trace_thread_is_muted());
    rv_trace_mute_thread(true);
    cr_assert(rv_trace_thread_is_muted());
    rv_trace(RV_EV_WAKE, 1, 0);
    cr_assert_eq(rv_trace_count(RV_EV_WAKE), 0);
    write_on_thread("another"); /* is not affected */
    cr_assert_eq(rv_trace_count(RV_EV_PARK), 1);

    rv_trace_mute_thread(false);
    cr_assert_not(rv_trace_thread_is_muted());
    rv_trace(RV_EV_WAKE, 2, 0);
    cr_assert_eq(rv_trace_count(RV_EV_WAKE), 1);
}

Test(trace, threads_past_the_name_table_are_shown_by_number)
{
    enum { THREADS = 300 };

    rv_trace_start(RV_TRACE_EVENTS);
    for (int i = 0; i < THREADS; i++)
        write_on_thread("worker");

    cr_assert_not_null(strstr(line_of(255), " worker "));
    cr_assert_not_null(strstr(line_of(256), " thread 257 "));
    cr_assert_not_null(strstr(line_of(THREADS - 1), " thread 300 "));
}

static void trace_from_handler(int number)
{
    rv_trace(RV_EV_WAKE, (uint64_t)number, 0);
}

Test(trace, may_be_written_in_a_signal_handler)
{
    struct rv_event event;
    uint64_t number = 0;

    rv_trace_start(RV_TRACE_EVENTS);
    signal(SIGUSR1, trace_from_handler);
    raise(SIGUSR1);

    cr_assert_eq(rv_trace_read(&number, &event), 1);
    cr_assert_eq(event.id, SIGUSR1);
    cr_assert_eq(event.thread, 1);
}

/* --- misuse ------------------------------------------------------------ */

static void note_an_unknown_kind(void)
{
    rv_trace_start(RV_TRACE_COUNTERS);
    rv_trace(RV_EV_KINDS, 0, 0);
}

static void count_an_unknown_kind(void)
{
    rv_trace_count(RV_EV_KINDS);
}

Test(trace, an_unknown_kind_stops_the_program)
{
    rv_test_aborts(note_an_unknown_kind, "no such kind of event: rv_trace");
    rv_test_aborts(count_an_unknown_kind,
                   "no such kind of event: rv_trace_count");
}
