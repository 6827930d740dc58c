/* SPDX-License-Identifier: MIT */
/*
 * test_format.c - events as lines of text.
 */
#include <criterion/criterion.h>

#include <reveil/task_dump.h>
#include <reveil/trace.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const expected_names[RV_EV_KINDS] = {
    [RV_EV_SPAWN] = "spawn",
    [RV_EV_POLL] = "poll",
    [RV_EV_PENDING] = "pending",
    [RV_EV_READY] = "ready",
    [RV_EV_DROP] = "drop",
    [RV_EV_WAKE] = "wake",
    [RV_EV_WAKE_AGAIN] = "wake-again",
    [RV_EV_PARK] = "park",
    [RV_EV_SET_WAKER] = "set-waker",
    [RV_EV_PERMIT] = "permit",
    [RV_EV_AWAKE] = "awake",
    [RV_EV_UNPARK] = "unpark",
    [RV_EV_JOB_QUEUED] = "job-queued",
    [RV_EV_JOB_START] = "job-start",
    [RV_EV_JOB_DONE] = "job-done",
    [RV_EV_SUBMIT] = "submit",
    [RV_EV_COMPLETE] = "complete",
    [RV_EV_STEAL] = "steal",
    [RV_EV_SWITCH] = "switch",
    [RV_EV_AWAIT] = "await",
    [RV_EV_CHAN_SEND] = "chan-send",
    [RV_EV_CHAN_RECV] = "chan-recv",
    [RV_EV_CHAN_WAIT] = "chan-wait",
    [RV_EV_EPOLL_WAIT] = "epoll-wait",
    [RV_EV_EPOLL_DONE] = "epoll-done",
    [RV_EV_REGISTER] = "register",
    [RV_EV_DEREGISTER] = "deregister",
    [RV_EV_READINESS] = "readiness",
    [RV_EV_CONNECT] = "connect",
    [RV_EV_ACCEPT] = "accept",
    [RV_EV_SEND] = "send",
    [RV_EV_RECV] = "recv",
    [RV_EV_WOULD_BLOCK] = "would-block",
    [RV_EV_TIMER] = "timer",
    [RV_EV_LINT] = "lint",
    [RV_EV_NOTE] = "note",
};

Test(trace_text, each_kind_has_its_name)
{
    for (int kind = 0; kind < RV_EV_KINDS; kind++)
        cr_assert_str_eq(rv_event_name((enum rv_event_kind)kind),
                         expected_names[kind]);
}

Test(trace_text, an_unknown_kind_has_a_name_and_a_text_too)
{
    const struct rv_event event = {.kind = RV_EV_KINDS};
    char line[256];

    cr_assert_str_eq(rv_event_name(RV_EV_KINDS), "unknown");
    cr_assert_gt(rv_trace_format(&event, line, sizeof line), 0);
    cr_assert_not_null(strstr(line, "unknown event"));
}

struct sample {
    enum rv_event_kind kind;
    uint64_t id;
    int64_t value;
    const char *text;
};

static const uint64_t task_id = UINT64_C(3) << 32 | 12;

/* Check the text of an event, without its time and thread. */
static void expect_text(const struct sample *sample)
{
    const struct rv_event event = {
        .id = sample->id, .value = sample->value, .kind = sample->kind};
    const size_t text_len = strlen(sample->text);
    char line[256];
    int len;

    len = rv_trace_format(&event, line, sizeof line);
    cr_assert_eq(len, (int)strlen(line));
    cr_assert_gt(strlen(line), text_len);
    cr_assert_str_eq(line + strlen(line) - text_len, sample->text);
    cr_assert_eq(line[strlen(line) - text_len - 1], ' ', "more text: %s", line);
}

Test(trace_text, each_kind_says_what_happened)
{
    const struct sample samples[] = {
        {RV_EV_SPAWN, task_id, 0, "task #12 spawned"},
        {RV_EV_POLL, task_id, 0, "polls task #12"},
        {RV_EV_PENDING, task_id, 0, "task #12: not ready"},
        {RV_EV_READY, task_id, 0, "task #12: ready"},
        {RV_EV_DROP, task_id, 0, "task #12 dropped"},
        {RV_EV_WAKE, task_id, 0, "wakes task #12"},
        {RV_EV_WAKE_AGAIN, task_id, 0, "wakes task #12, queued already"},
        {RV_EV_PARK, 0, 0, "parks: nothing to do"},
        {RV_EV_SET_WAKER, task_id, 7, "task #12: waker left at fd 7"},
        {RV_EV_PERMIT, 0, 0, "does not park: unparked already"},
        {RV_EV_AWAKE, 0, 1, "unparked"},
        {RV_EV_UNPARK, 0, 0, "unparks a thread"},
        {RV_EV_JOB_QUEUED, 0xbeef, 0, "job 0xbeef queued"},
        {RV_EV_JOB_START, 0xbeef, 0, "begins job 0xbeef"},
        {RV_EV_JOB_DONE, 0xbeef, 0, "job 0xbeef done"},
        {RV_EV_SUBMIT, task_id, 22, "submits operation #12, opcode 22"},
        {RV_EV_COMPLETE, task_id, -2, "operation #12: -2"},
        {RV_EV_STEAL, 0xbeef, 0, "steals task 0xbeef"},
        {RV_EV_SWITCH, 0xbeef, 0, "switches to task 0xbeef"},
        {RV_EV_SWITCH, 0, 0, "switches back to its own stack"},
        {RV_EV_AWAIT, 0xbeef, 0, "task 0xbeef awaits a future"},
        {RV_EV_CHAN_SEND, 0xbeef, 2, "sends into channel 0xbeef"},
        {RV_EV_CHAN_RECV, 0xbeef, 1, "receives from channel 0xbeef"},
        {RV_EV_CHAN_WAIT, 0xbeef, 0, "waits at channel 0xbeef"},
        {RV_EV_EPOLL_WAIT, 0, 0, "sleeps in epoll_wait"},
        {RV_EV_EPOLL_DONE, 0, 2, "epoll_wait returned 2 events"},
        {RV_EV_EPOLL_DONE, 0, 1, "epoll_wait returned 1 event"},
        {RV_EV_REGISTER, 0, 7, "fd 7 registered"},
        {RV_EV_DEREGISTER, 0, 7, "fd 7 deregistered"},
        {RV_EV_READINESS, 0, 7, "fd 7 is ready"},
        {RV_EV_CONNECT, 0, 7, "fd 7 connected"},
        {RV_EV_ACCEPT, 0, 9, "accepted fd 9"},
        {RV_EV_SEND, 0, 40, "sent 40 bytes"},
        {RV_EV_RECV, 0, 1, "received 1 byte"},
        {RV_EV_RECV, 0, 0, "received 0 bytes"},
        {RV_EV_WOULD_BLOCK, 0, 7, "fd 7 would block"},
        {RV_EV_TIMER, 0, 81999, "timer fired, 0.081 ms late"},
        {RV_EV_LINT, 7, RV_LINT_SPINS,
         "task #7 spins: it wakes itself most of the time"},
        {RV_EV_NOTE, (uintptr_t) "program starting", 0, "program starting"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        expect_text(&samples[i]);
}

Test(trace_text, a_failure_is_shown_by_its_name)
{
    const struct sample samples[] = {
        {RV_EV_CONNECT, 0, -ECONNREFUSED, "connect failed: ECONNREFUSED"},
        {RV_EV_SEND, 0, -EPIPE, "send failed: EPIPE"},
        {RV_EV_RECV, 0, -ECONNRESET, "recv failed: ECONNRESET"},
        {RV_EV_RECV, 0, -99999, "recv failed: -99999"},
        {RV_EV_RECV, 0, INT64_MIN, "recv failed: -9223372036854775808"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        expect_text(&samples[i]);
}

Test(trace_text, a_line_is_time_thread_and_text)
{
    char line[256];
    struct rv_event event;
    uint64_t number = 0;
    double at_ms;

    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace_name_thread("executor");
    rv_trace(RV_EV_POLL, task_id, 0);
    rv_trace_read(&number, &event);
    rv_trace_format(&event, line, sizeof line);
    cr_assert_eq(sscanf(line, "%lf", &at_ms), 1);
    cr_assert_str_eq(line + 8, " ms  executor    polls task #12");

    /* Time counts from the start: this is the line 400.25 ms later. */
    cr_assert_geq(at_ms, 0);
    event.at_ns += 400250 * INT64_C(1000);
    rv_trace_format(&event, line, sizeof line);
    cr_assert_float_eq(strtod(line, NULL), at_ms + 400.25, 0.0015);
}

Test(trace_text, the_length_is_that_of_the_whole_line_as_with_snprintf)
{
    const struct rv_event event = {.kind = RV_EV_PARK, .thread = 4};
    char whole[256];
    char cut[10];
    const int len = rv_trace_format(&event, whole, sizeof whole);

    cr_assert_eq(len, (int)strlen(whole));
    cr_assert_eq(rv_trace_format(&event, cut, sizeof cut), len);
    cr_assert_eq(strlen(cut), sizeof cut - 1);
    cr_assert_eq(strncmp(cut, whole, sizeof cut - 1), 0);
    cr_assert_eq(rv_trace_format(&event, NULL, 0), len);
}

Test(trace_text, a_long_note_is_not_cut)
{
    static char note[1001];
    char line[1100];
    const struct rv_event event = {.id = (uintptr_t)note, .kind = RV_EV_NOTE};

    memset(note, 'n', sizeof note - 1);

    cr_assert_gt(rv_trace_format(&event, line, sizeof line), 1000);
    cr_assert_not_null(strstr(line, note));
}
