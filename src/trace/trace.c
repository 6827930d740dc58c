/* SPDX-License-Identifier: MIT */
/*
 * trace.c - one ring buffer of events for the process, written without locks.
 *
 * Threads: any, and signal handlers, for all functions but rv_trace_start().
 * No call waits for another thread: a writer whose slot is in use gives up its
 * event, and a reader stops before an event that is only half written.
 *
 * Protocol. Each writer takes a number, 0, 1, 2, ..., that is never reset.
 * Event n is written to slot n modulo RING_EVENTS. A slot has a state word:
 *
 *     bits 2..63   n + 1, where n is the highest event number that any writer
 *                  has brought to this slot; 0: none yet
 *     INSIDE       a writer, of event n or an older one, is writing the fields
 *     LOST         event n was given up, because another writer was INSIDE
 *
 *     n + 1, no flags       event n can be read
 *     n + 1, INSIDE         the writer of event n is writing
 *     n + 1, INSIDE, LOST   an older writer is still writing; event n is lost
 *     n + 1, LOST           the older writer is done; nothing can be read here
 *
 *   TRACE-1  A writer touches the fields only after it has set INSIDE, with one
 *       compare-and-swap, in a word without INSIDE. Otherwise a writer that was
 *       preempted for a whole lap and the one that overtook it would mix their
 *       fields.
 *   TRACE-2  A writer that finds another one INSIDE marks its own event LOST.
 *       Without the mark a reader would wait at that number until the next lap.
 *   TRACE-3  A writer that finds a higher number does not touch the slot. So
 *       the number only increases, and a reader that sees the same word twice
 *       knows that no writer was INSIDE in between.
 *   TRACE-4  A writer leaves by clearing INSIDE and nothing else. Storing its
 *       own number would erase the LOST mark of TRACE-2.
 *   TRACE-5  Fields are stored with release and loaded with acquire. A reader
 *       that has read a field of a newer writer then also sees that writer's
 *       word when it reads the word again, and discards its copy. (Fences would
 *       work too, but ThreadSanitizer does not support them.)
 *
 * tests/stress/stress_trace.c runs this with a ring of four slots.
 */
#include <reveil/trace.h>

#include <reveil/base.h>

#include <errno.h>

#include "base/base_internal.h"
#include "trace/trace_internal.h"

#ifdef RV_TRACE_RING_EVENTS
enum { RING_EVENTS = RV_TRACE_RING_EVENTS }; /* a power of two */
#else
enum { RING_EVENTS = 65536 };
#endif

enum { NAMED_THREADS = 256 };

/* The two flags of a slot's state word, and the first bit of the number. */
#define INSIDE     UINT64_C(1)
#define LOST       UINT64_C(2)
#define NUMBER_BIT 2

struct slot {
    _Atomic uint64_t state;
    _Atomic int64_t at_ns;
    _Atomic uint64_t id;
    _Atomic int64_t value;
    _Atomic uint64_t kind_and_thread;
};

enum outcome { COPIED, NOT_YET, GONE };

_Atomic int rv_trace_level = RV_TRACE_OFF;

/* The ring buffer, and the number of the next event; both live as long as the
 * process. */
static _Atomic(struct slot *) ring;
static _Atomic uint64_t next_number;

/* The trace that was started last. */
static _Atomic uint32_t trace_serial;
static _Atomic uint64_t first_number; /* of its events; readers count from it */
static _Atomic int64_t start_ns;
static _Atomic uint64_t counters[RV_EV_KINDS];
static _Atomic uint32_t threads_seen;
static _Atomic uint64_t thread_names[NAMED_THREADS][RV_THREAD_NAME_BYTES / 8];

/*
 * The calling thread: its name, and its number (low half) in the trace with the
 * serial in the high half. The TLS model is initial-exec, because with the
 * others the first access may call malloc(), which is not async-signal-safe.
 */
#define THREAD_OWN \
    static _Thread_local __attribute__((tls_model("initial-exec")))
THREAD_OWN _Atomic uint64_t own_name[RV_THREAD_NAME_BYTES / 8];
THREAD_OWN _Atomic uint64_t own_number;
THREAD_OWN bool muted;

/* --- threads ----------------------------------------------------------- */

/* Copy own_name to where rv_trace_format() finds it. */
static void publish_name(uint32_t thread)
{
    char name[RV_THREAD_NAME_BYTES];

    if (thread < 1 || thread > NAMED_THREADS)
        return;
    rv_load_text(name, sizeof name, own_name);
    rv_store_text(thread_names[thread - 1], sizeof name, name);
}

/*
 * The calling thread's number; it gets one at its first event.
 *
 * relaxed: own_number is shared with signal handlers of the same thread only,
 * and a number publishes nothing.
 */
static uint32_t this_thread(void)
{
    const uint32_t serial =
        atomic_load_explicit(&trace_serial, memory_order_relaxed);
    uint64_t old = atomic_load_explicit(&own_number, memory_order_relaxed);
    uint32_t thread;

    if (old >> 32 == serial)
        return (uint32_t)old;
    thread =
        atomic_fetch_add_explicit(&threads_seen, 1, memory_order_relaxed) + 1;
    /* Fails only if a signal handler on this thread has set a number in
     * between: a thread keeps its first one. */
    if (!atomic_compare_exchange_strong_explicit(
            &own_number, &old, (uint64_t)serial << 32 | thread,
            memory_order_relaxed, memory_order_relaxed))
        return (uint32_t)old;
    publish_name(thread);
    return thread;
}

void rv_trace_name_thread(const char *name)
{
    const uint64_t number =
        atomic_load_explicit(&own_number, memory_order_relaxed);

    rv_store_text(own_name, sizeof own_name, name);
    /* Before the first event of a trace there is no number to name; the event
     * brings the name along. */
    if (number >> 32 ==
        atomic_load_explicit(&trace_serial, memory_order_relaxed))
        publish_name((uint32_t)number);
}

void rv_trace_thread_name(uint32_t thread, char name[RV_THREAD_NAME_BYTES])
{
    *name = '\0';
    if (thread >= 1 && thread <= NAMED_THREADS)
        rv_load_text(name, RV_THREAD_NAME_BYTES, thread_names[thread - 1]);
}

void rv_trace_mute_thread(bool mute)
{
    muted = mute;
}

bool rv_trace_thread_is_muted(void)
{
    return muted;
}

/* --- one slot ---------------------------------------------------------- */

/* Bring event `number` to its slot. Returns: true if the caller may write the
 * fields, and is now INSIDE. */
static bool enter_slot(struct slot *slot, uint64_t number)
{
    const uint64_t own = (number + 1) << NUMBER_BIT;
    uint64_t seen = atomic_load_explicit(&slot->state, memory_order_relaxed);
    uint64_t wanted;

    do {
        if (seen >= own)
            return false; /* TRACE-3 */
        wanted =
            own | INSIDE | (seen & INSIDE ? LOST : 0); /* TRACE-1, TRACE-2 */
        /* acquire: our stores to the fields come after those of the writer
         * before us; pairs with leave_slot(). */
    } while (!atomic_compare_exchange_weak_explicit(&slot->state, &seen, wanted,
                                                    memory_order_acquire,
                                                    memory_order_relaxed));
    return wanted == (own | INSIDE);
}

static void leave_slot(struct slot *slot)
{
    /* release: publishes the fields; pairs with the acquire of the state in
     * copy_slot() and in enter_slot(). TRACE-4 */
    atomic_fetch_and_explicit(&slot->state, ~INSIDE, memory_order_release);
}

/* release: a reader that sees a field also sees INSIDE in the state; pairs with
 * copy_slot(). TRACE-5 */
static void fill_slot(struct slot *slot, const struct rv_event *event)
{
    atomic_store_explicit(&slot->at_ns, event->at_ns, memory_order_release);
    atomic_store_explicit(&slot->id, event->id, memory_order_release);
    atomic_store_explicit(&slot->value, event->value, memory_order_release);
    atomic_store_explicit(&slot->kind_and_thread,
                          (uint64_t)event->kind << 32 | event->thread,
                          memory_order_release);
}

/* Copy event `number`, unless it is not written yet or already overwritten. */
static enum outcome copy_slot(struct slot *slot, uint64_t number,
                              struct rv_event *out)
{
    const uint64_t whole = (number + 1) << NUMBER_BIT;
    uint64_t state = atomic_load_explicit(&slot->state, memory_order_acquire);
    uint64_t kind_and_thread;
    struct rv_event copy;

    if (state < whole || state == (whole | INSIDE))
        return NOT_YET;
    if (state != whole)
        return GONE;
    copy.at_ns = atomic_load_explicit(&slot->at_ns, memory_order_acquire);
    copy.id = atomic_load_explicit(&slot->id, memory_order_acquire);
    copy.value = atomic_load_explicit(&slot->value, memory_order_acquire);
    kind_and_thread =
        atomic_load_explicit(&slot->kind_and_thread, memory_order_acquire);
    copy.kind = (uint32_t)(kind_and_thread >> 32);
    copy.thread = (uint32_t)kind_and_thread;

    /* relaxed: the acquires above order this load after the copy. TRACE-3,
     * TRACE-5 */
    state = atomic_load_explicit(&slot->state, memory_order_relaxed);
    if (state != whole)
        return GONE;
    *out = copy;
    return COPIED;
}

/* --- the trace --------------------------------------------------------- */

static int ensure_ring(void)
{
    struct slot *slots = atomic_load_explicit(&ring, memory_order_relaxed);

    if (slots != NULL)
        return 0;
    slots = rv_alloc(RING_EVENTS * sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    /* release: publishes the zeroes; pairs with the loads of `ring`. */
    atomic_store_explicit(&ring, slots, memory_order_release);
    return 0;
}

/*
 * relaxed, except for the last store: an event that another thread writes at
 * the same time may count for either trace. Numbers are not reset, so an old
 * event is never taken for one of the new trace.
 */
static void forget_everything(void)
{
    for (int kind = 0; kind < RV_EV_KINDS; kind++)
        atomic_store_explicit(&counters[kind], 0, memory_order_relaxed);
    for (int i = 0; i < NAMED_THREADS; i++)
        rv_store_text(thread_names[i], sizeof thread_names[i], "");
    atomic_store_explicit(&threads_seen, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&trace_serial, 1, memory_order_relaxed);
    atomic_store_explicit(&start_ns, rv_now_ns(), memory_order_relaxed);
    /* release: a reader that sees this value sees next_number at least as high;
     * pairs with rv_trace_read(). */
    atomic_store_explicit(
        &first_number, atomic_load_explicit(&next_number, memory_order_relaxed),
        memory_order_release);
}

int rv_trace_start(enum rv_trace_level level)
{
    if (level == RV_TRACE_EVENTS && ensure_ring() != 0)
        return -ENOMEM;
    atomic_fetch_and_explicit(&rv_trace_level, RV_TRACE_TASK_DUMP,
                              memory_order_relaxed);
    if (level == RV_TRACE_OFF)
        return 0;
    forget_everything();
    atomic_fetch_or_explicit(&rv_trace_level, (int)level, memory_order_relaxed);
    return 0;
}

void rv_trace_write(enum rv_event_kind kind, uint64_t id, int64_t value)
{
    /* acquire: sees the zeroes; pairs with ensure_ring(). */
    struct slot *slots = atomic_load_explicit(&ring, memory_order_acquire);
    struct rv_event event = {0, id, value, kind, 0};
    uint64_t number;
    const int level =
        atomic_load_explicit(&rv_trace_level, memory_order_relaxed) &
        ~RV_TRACE_TASK_DUMP;

    RV_CHECK((unsigned)kind < RV_EV_KINDS, "no such kind of event");
    if (muted || level == RV_TRACE_OFF)
        return;
    /* relaxed: a counter, which publishes nothing else. */
    atomic_fetch_add_explicit(&counters[kind], 1, memory_order_relaxed);
    if (level != RV_TRACE_EVENTS || slots == NULL)
        return;

    event.thread = this_thread();
    /* relaxed: the number publishes nothing; the slot's state does. */
    number = atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed);
    event.at_ns = rv_now_ns();
    if (!enter_slot(&slots[number % RING_EVENTS], number))
        return;
    fill_slot(&slots[number % RING_EVENTS], &event);
    leave_slot(&slots[number % RING_EVENTS]);
}

uint64_t rv_trace_count(enum rv_event_kind kind)
{
    RV_CHECK((unsigned)kind < RV_EV_KINDS, "no such kind of event");
    return atomic_load_explicit(&counters[kind], memory_order_relaxed);
}

int rv_trace_read(uint64_t *number, struct rv_event *out)
{
    struct slot *slots = atomic_load_explicit(&ring, memory_order_acquire);
    const uint64_t first =
        atomic_load_explicit(&first_number, memory_order_acquire);

    if (slots == NULL)
        return 0;
    for (;;) {
        /* relaxed: copy_slot() finds out whether an event is in its slot. */
        const uint64_t taken =
            atomic_load_explicit(&next_number, memory_order_relaxed) - first;
        enum outcome outcome;

        if (*number >= taken)
            return 0;
        if (taken - *number > RING_EVENTS)
            *number = taken - RING_EVENTS;
        outcome = copy_slot(&slots[(first + *number) % RING_EVENTS],
                            first + *number, out);
        if (outcome == NOT_YET)
            return 0;
        ++*number;
        if (outcome == COPIED)
            return 1;
    }
}

int64_t rv_trace_start_ns(void)
{
    return atomic_load_explicit(&start_ns, memory_order_relaxed);
}
