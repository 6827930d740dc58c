/* SPDX-License-Identifier: MIT */
/*
 * stress_trace.c - many writers and two readers on a ring of four slots.
 *
 * The ring is so small that writers lap each other all the time, also one that
 * was preempted in the middle of its event. A reader must never get an event
 * that no thread wrote. First the steps of the protocol in trace.c are walked
 * through one by one, then threads run into each other.
 *
 * trace.c is included, for its slots and for the smaller ring; link the rest of
 * the library. A plain main(), since it also runs under ThreadSanitizer.
 */
#define RV_TRACE_RING_EVENTS 4
#include "trace/trace.c"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { WRITERS = 4, READERS = 2, EVENTS_EACH = 200000 };

static _Atomic int writers_left;

/* An assertion that also works with NDEBUG. */
static void expect(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "stress_trace: %s\n", what);
    exit(1);
}

/* --- the protocol, step by step ---------------------------------------- */

static const struct rv_event old_event = {1, 1, 1, RV_EV_POLL, 1};
static const struct rv_event new_event = {2, 2, 2, RV_EV_WAKE, 2};

/* Numbers 0, 4 and 8 fall into the same slot. */
static void half_written_event_is_not_returned(void)
{
    struct slot slot = {0};
    struct rv_event out;

    expect(copy_slot(&slot, 0, &out) == NOT_YET, "empty slot was read");
    expect(enter_slot(&slot, 0), "an empty slot was refused");
    fill_slot(&slot, &old_event);
    expect(copy_slot(&slot, 0, &out) == NOT_YET, "half an event was read");
    leave_slot(&slot);
    expect(copy_slot(&slot, 0, &out) == COPIED && out.id == 1, "lost an event");
    expect(copy_slot(&slot, 4, &out) == NOT_YET, "an older event was read");
}

static void overtaken_writer_keeps_its_slot(void)
{
    struct slot slot = {0};
    struct rv_event out;

    expect(enter_slot(&slot, 0), "an empty slot was refused");
    expect(!enter_slot(&slot, 4), "two writers in one slot");
    expect(copy_slot(&slot, 0, &out) == GONE, "an overtaken event was read");
    expect(copy_slot(&slot, 4, &out) == GONE, "a reader waits for nothing");
    fill_slot(&slot, &old_event);
    leave_slot(&slot);
    expect(copy_slot(&slot, 4, &out) == GONE, "the mark LOST was erased");

    expect(enter_slot(&slot, 8), "the slot stays taken after the writer left");
    fill_slot(&slot, &new_event);
    leave_slot(&slot);
    expect(copy_slot(&slot, 8, &out) == COPIED && out.id == 2, "lost an event");
}

static void late_writer_leaves_a_newer_event_alone(void)
{
    struct slot slot = {0};
    struct rv_event out;

    expect(enter_slot(&slot, 4), "an empty slot was refused");
    fill_slot(&slot, &new_event);
    leave_slot(&slot);

    expect(!enter_slot(&slot, 0), "a newer event was overwritten");
    expect(copy_slot(&slot, 4, &out) == COPIED && out.id == 2, "lost an event");
    expect(copy_slot(&slot, 0, &out) == GONE, "a lost event was read");
}

/* --- all at once ------------------------------------------------------- */

/* Each field of an event follows from its id, so a mixture is detected. */
static enum rv_event_kind kind_of(uint64_t id)
{
    return (enum rv_event_kind)(id % RV_EV_KINDS);
}

static int64_t value_of(uint64_t id)
{
    return (int64_t)(id * UINT64_C(0x9e3779b97f4a7c15));
}

static void *write_events(void *arg)
{
    const uint64_t base = *(const uint64_t *)arg;

    for (uint64_t id = base; id < base + EVENTS_EACH; id++)
        rv_trace(kind_of(id), id, value_of(id));
    atomic_fetch_sub(&writers_left, 1);
    return NULL;
}

static void check_event(const struct rv_event *event, int64_t started_ns)
{
    expect(event->kind == kind_of(event->id), "torn: kind");
    expect(event->value == value_of(event->id), "torn: value");
    expect(event->thread >= 1 && event->thread <= WRITERS, "torn: thread");
    expect(event->at_ns >= started_ns && event->at_ns <= rv_now_ns(),
           "torn: time");
}

/* A thread writes its events in order, so they must be read in order. */
static void *read_events(void *arg)
{
    const int64_t started_ns = *(const int64_t *)arg;
    uint64_t newest[WRITERS + 1] = {0};
    int64_t newest_ns[WRITERS + 1] = {0};
    uint64_t number = 0;
    uint64_t *events = malloc(sizeof *events);
    bool last_round;

    expect(events != NULL, "no memory");
    *events = 0;
    do {
        uint64_t before = number;
        struct rv_event event;

        last_round = atomic_load(&writers_left) == 0;
        while (rv_trace_read(&number, &event) == 1) {
            expect(number > before, "the number went back");
            before = number;
            check_event(&event, started_ns);
            expect(event.id > newest[event.thread], "read twice: id");
            expect(event.at_ns >= newest_ns[event.thread], "torn: old time");
            newest[event.thread] = event.id;
            newest_ns[event.thread] = event.at_ns;
            ++*events;
        }
    } while (!last_round);
    expect(number == (uint64_t)WRITERS * EVENTS_EACH, "stuck before the end");
    return events;
}

static uint64_t run_threads(void)
{
    pthread_t threads[WRITERS + READERS];
    uint64_t base[WRITERS];
    int64_t started_ns = rv_now_ns();
    uint64_t read = 0;

    expect(rv_trace_start(RV_TRACE_EVENTS) == 0, "no memory");
    atomic_store(&writers_left, WRITERS);
    for (int i = 0; i < READERS; i++)
        expect(pthread_create(&threads[WRITERS + i], NULL, read_events,
                              &started_ns) == 0,
               "no thread");
    for (int i = 0; i < WRITERS; i++) {
        base[i] = ((uint64_t)i + 1) << 32;
        expect(pthread_create(&threads[i], NULL, write_events, &base[i]) == 0,
               "no thread");
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        void *events;

        pthread_join(threads[i], &events);
        read += events != NULL ? *(uint64_t *)events : 0;
        free(events);
    }
    return read;
}

static void check_counters(void)
{
    uint64_t sum = 0;

    for (int kind = 0; kind < RV_EV_KINDS; kind++)
        sum += rv_trace_count((enum rv_event_kind)kind);
    expect(sum == (uint64_t)WRITERS * EVENTS_EACH, "a count was lost");
}

int main(void)
{
    uint64_t read;

    half_written_event_is_not_returned();
    overtaken_writer_keeps_its_slot();
    late_writer_leaves_a_newer_event_alone();

    read = run_threads();
    check_counters();
    expect(read > 0, "no event was read at all");
    printf("stress_trace: %d events written, %llu read, none torn\n",
           WRITERS * EVENTS_EACH, (unsigned long long)read);
    return 0;
}
