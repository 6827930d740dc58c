/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 18: what the probe lines stand for; a producer and a
 * consumer of the checker's own, on one thread and on two; and a runtime that
 * runs nothing.
 *
 * One channel is watched at a time: which values were pushed, and which came
 * out. So a value that is lost, or was never there, is seen at once, and if all
 * sleep, it is known who should have woken whom.
 */
#undef spsc_open
#undef spsc_push
#undef spsc_pop
#undef check_job

#include <poll.h>

/* --- what the probe lines call -------------------------------------------- */

enum {
    PROBE_VALUES = 1 << 15,
    PROBE_WORDS = sizeof(struct spsc) / sizeof(int)
};

/* Of [notes] in expect.toml. */
enum { PROBE_AT_ROOM = 1, PROBE_AT_FILLED = 2 };

struct probe_side {
    long begun, done;        /* calls */
    struct rv_coro *caller;  /* of the call that is begun and not done */
    struct wake_door *at;    /* where it parks; NULL: it never has */
    struct wake_door *woken; /* what it has unparked last */
    long parks, unparks;     /* of this call */
    long naps;               /* as well */
    long unparked;           /* of the call before it */
    bool could_go; /* when this call began, or on one thread when it parked
                      last, there was room, or a value */
    bool locks;    /* it waits for a lock of the learner's */
    int moves[PROBE_WORDS]; /* by how much each call has moved this word of the
                               channel; 0: not always by the same */
};

static struct {
    pthread_mutex_t lock;
    long capacity;
    struct probe_side push, pop;
    int values[PROBE_VALUES]; /* pushed, in order */
    long slots[PROBE_VALUES]; /* where in the channel; -1: not known */
    struct spsc *open;        /* as it was opened: */
    int opened[PROBE_WORDS];
    bool numbers; /* the platform's sample runs */
    bool blind; /* nothing is watched, and no lock of ours orders the threads */
    bool two;   /* its ends are on two threads */
} probe_seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void probe_enter(void)
{
    probe_quiet(true);
    pthread_mutex_lock(&probe_seen.lock);
}

static void probe_leave(void)
{
    pthread_mutex_unlock(&probe_seen.lock);
    probe_quiet(false);
}

/* Somebody waits in `self`, though the other has done its part. */
static void probe_unheard(const struct probe_side *self,
                          const struct probe_side *other, bool pops, long level)
{
    const char *key = pops ? "values" : "room";
    const char *cause;

    if (self->locks)
        cause = pops ? "DEADLOCK: asleep with a lock @18.1"
                     : "DEADLOCK: asleep with a lock @18.2";
    else if (self->parks && self->could_go)
        cause = pops ? "DEADLOCK: no need to wait @18.2"
                     : "DEADLOCK: no need to wait @18.1";
    else if (!self->parks)
        cause = pops ? "BUSY LOOP: at the door @18.2"
                     : "BUSY LOOP: at the door @18.1";
    else if (!other->unparked)
        cause = pops ? "DEADLOCK: push wakes nobody @18.1"
                     : "DEADLOCK: pop wakes nobody @18.2";
    else if (other->woken != self->at && self->woken == self->at)
        cause = pops ? "DEADLOCK: another door @18.2"
                     : "DEADLOCK: another door @18.1";
    else if (other->woken != self->at ||
             (other->at == self->at && other->woken == other->at))
        cause = pops ? "DEADLOCK: another door @18.1"
                     : "DEADLOCK: another door @18.2";
    else
        cause = pops ? "LOST WAKE: woken too early @18.1"
                     : "LOST WAKE: woken too early @18.2";
    probe_if_stuck(cause, key, level, probe_seen.capacity, 0);
}

/* What a standstill would mean now. */
static void probe_look(void)
{
    const struct probe_side *push = &probe_seen.push, *pop = &probe_seen.pop;
    const long level = push->done - pop->done;
    const bool pushes = push->begun > push->done, pops = pop->begun > pop->done;

    if (pops && level > 0)
        probe_unheard(pop, push, true, level);
    else if (pushes && level < probe_seen.capacity)
        probe_unheard(push, pop, false, level);
    else if (pushes && !push->parks)
        probe_if_stuck("BUSY LOOP: at the door @18.1", "room", level,
                       probe_seen.capacity, 0);
    else if (pops && !pop->parks)
        probe_if_stuck("BUSY LOOP: at the door @18.2", "values", level,
                       probe_seen.capacity, 0);
    else if (pushes && probe_seen.numbers)
        probe_if_stuck("DEADLOCK: nobody pops @18.3", "full", level,
                       probe_seen.capacity, 0);
    else if (pops && probe_seen.numbers)
        probe_if_stuck("DEADLOCK: nobody pushes @18.3", "empty", pop->done, 3,
                       0);
    else
        probe_if_stuck(NULL, NULL, 0, 0, 0);
}

static bool probe_can_go(const struct probe_side *side)
{
    const long level = probe_seen.push.done - probe_seen.pop.done;

    return side == &probe_seen.pop ? level > 0 : level < probe_seen.capacity;
}

static void probe_begin_call(struct probe_side *side)
{
    side->caller = rv_coro_current();
    side->parks = side->unparks = side->naps = 0;
    side->could_go = probe_can_go(side);
    side->begun++;
    probe_look();
}

static void probe_end_call(struct probe_side *side)
{
    probe_expect(side->naps == 0,
                 side == &probe_seen.pop ? "SLEEPS INSTEAD OF WAITING @18.2"
                                         : "SLEEPS INSTEAD OF WAITING @18.1",
                 side == &probe_seen.pop ? "pop" : "push", side->naps, 0, 0);
    side->caller = NULL;
    side->unparked = side->unparks;
    side->done++;
    probe_look();
}

/* The bar: how many values are in the channel. */
static void probe_show(long level)
{
    if (level >= 0)
        probe_event(PROBE_LEVEL, -1, 1, level);
}

static struct probe_side *probe_side_of_caller(void)
{
    struct rv_coro *caller = rv_coro_current();

    if (!caller)
        return NULL;
    if (caller == probe_seen.push.caller)
        return &probe_seen.push;
    return caller == probe_seen.pop.caller ? &probe_seen.pop : NULL;
}

static void probe_park(struct wake_door *self)
{
    struct probe_side *side;

    if (probe_seen.blind)
        return;
    probe_enter();
    side = probe_side_of_caller();
    if (side) {
        side->at = self;
        side->parks++;
        if (!probe_seen.two) /* else the other end may move meanwhile */
            side->could_go = probe_can_go(side);
        probe_look();
    }
    probe_leave();
}

static void probe_unpark(struct wake_door *self)
{
    struct probe_side *side;

    if (probe_seen.blind)
        return;
    probe_enter();
    side = probe_side_of_caller();
    if (side) {
        side->woken = self;
        side->unparks++;
    }
    probe_leave();
}

/* Somebody has come to this door, and sleeps if there is no permit. */
static void probe_door(struct wake_door *self, bool permit)
{
    int note = 0;

    if (probe_seen.blind)
        return;
    probe_enter();
    if (self == probe_seen.push.at)
        note = PROBE_AT_ROOM;
    else if (self == probe_seen.pop.at)
        note = PROBE_AT_FILLED;
    probe_leave();
    if (permit || !note)
        return;
    probe_event(PROBE_NOTE, -1, note, 0);
    if (probe_seen.numbers)
        probe_figure_add(
            note == PROBE_AT_ROOM ? "producer_sleeps" : "consumer_sleeps", 1);
}

/* No pop is under way. */
static void probe_expect_one_reader(void)
{
    probe_expect(
        probe_seen.pop.begun == probe_seen.pop.done || !probe_seen.numbers,
        "BOTH AT ONCE: two readers @18.3", "reader", probe_seen.pop.done, 0, 0);
}

/* `reader_join` is of one reader. */
static void probe_reader_spawned(void)
{
    static long count;

    count++;
    probe_expect(count == 1, "BOTH AT ONCE: two readers @18.3", "spawned",
                 count, 0, 0);
}

static void probe_numbers(bool begin)
{
    static const char *const names[] = {"values", "producer_sleeps",
                                        "consumer_sleeps", "gets"};

    for (int i = 0; begin && i < 4; i++)
        probe_figure_add(names[i], 0);
    probe_enter();
    if (!begin)
        probe_expect_one_reader();
    probe_seen.numbers = begin;
    probe_look();
    probe_leave();
}

static void probe_spsc_open(struct spsc *self, unsigned long capacity)
{
    probe_enter();
    probe_expect(!probe_seen.numbers, "WRONG CAPACITY: a larger channel @18.3",
                 "channel", (long)capacity, 0, 0);
    probe_seen.capacity = (long)capacity;
    probe_seen.push = probe_seen.pop = (struct probe_side){0};
    probe_leave();
    spsc_open(self, capacity);
    probe_seen.open = self;
    memcpy(probe_seen.opened, self, sizeof(probe_seen.opened));
}

/* Where in the channel this number is, counted in ints; -1: nowhere. */
static long probe_find(const struct spsc *self, int value)
{
    int words[PROBE_WORDS];

    memcpy(words, self, sizeof(words));
    for (size_t i = 0; i < PROBE_WORDS; i++)
        if (words[i] == value && probe_seen.opened[i] != value)
            return (long)i;
    return -1;
}

/* The capacity as it is kept in the channel now; it is found by its value when
 * the channel was opened. */
static long probe_capacity(const struct spsc *self)
{
    int words[PROBE_WORDS];

    memcpy(words, self, sizeof(words));
    for (size_t i = 0; i < PROBE_WORDS; i++)
        if (self == probe_seen.open &&
            probe_seen.opened[i] == probe_seen.capacity)
            return words[i];
    return probe_seen.capacity;
}

/* A call of `side` is over, and the channel was `before` when it began. */
static void probe_note_moves(struct probe_side *side, const int *before,
                             const struct spsc *self)
{
    int words[PROBE_WORDS];

    memcpy(words, self, sizeof(words));
    for (size_t i = 0; i < PROBE_WORDS; i++) {
        const int move = (int)((unsigned)words[i] - (unsigned)before[i]);

        side->moves[i] = side->done == 0 || side->moves[i] == move ? move : 0;
    }
}

/* Something is wrong. Has each call of one end moved its count by more than
 * one? Not known where the other end moves meanwhile. */
static void probe_expect_counts(void)
{
    for (size_t i = 0; i < PROBE_WORDS && !probe_seen.two; i++) {
        const int push = probe_seen.push.moves[i],
                  pop = probe_seen.pop.moves[i];

        probe_expect(push < 2 || push > MOST, "WRONG COUNT @18.1", "push", push,
                     probe_seen.push.done, 0);
        probe_expect(pop < 2 || pop > MOST, "WRONG COUNT @18.2", "pop", pop,
                     probe_seen.pop.done, 0);
    }
}

/* --- memory order -----------------------------------------------------------
 */

/*
 * Between two threads, what was written before a releasing step of one is there
 * for the other behind its acquiring step. On x86-64 a step that orders nothing
 * works as well, and on one thread nobody needs any: so it is the steps that
 * are looked at, not what comes out.
 */
#if defined(__SANITIZE_THREAD__)
#define PROBE_ATOMICS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PROBE_ATOMICS 1
#endif
#endif

/* Where each end has made its last releasing step: [0] push, [1] pop. */
static _Atomic(const volatile void *) probe_shown[2];

/* The steps of this thread's call. */
static _Thread_local struct {
    int end; /* 0 push, 1 pop */
    bool released, acquired;
    bool fence; /* each write behind it releases */
    bool read;  /* what the other end has shown was read without an order */
} probe_steps;

static void probe_step(const volatile void *address, int order,
                       enum probe_step kind)
{
    const bool releases = order == __ATOMIC_RELEASE ||
                          order == __ATOMIC_ACQ_REL ||
                          order == __ATOMIC_SEQ_CST;
    const bool acquires =
        order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE;

    if (kind == PROBE_STEP_FENCE) {
        probe_steps.fence |= releases;
        probe_steps.acquired |= acquires;
        return;
    }
    if (address == probe_shown[!probe_steps.end]) {
        probe_steps.acquired |= acquires;
        probe_steps.read |= !acquires;
    }
    if (kind == PROBE_STEP_WRITE && (releases || probe_steps.fence)) {
        probe_steps.released = true;
        probe_shown[probe_steps.end] = address;
    }
}

static void probe_begin_steps(int end)
{
    memset(&probe_steps, 0, sizeof(probe_steps));
    probe_steps.end = end;
    probe_watch_atomics(probe_step);
}

static void probe_end_steps(void)
{
    const int end = probe_steps.end;

    probe_watch_atomics(NULL);
#ifdef PROBE_ATOMICS
    probe_expect(probe_steps.released,
                 end ? "DATA RACE: no order @18.2"
                     : "DATA RACE: no order @18.1",
                 end ? "pop shows" : "push shows", 0, 0, 0);
    probe_expect(probe_steps.acquired || !probe_steps.read,
                 end ? "DATA RACE: no order @18.2"
                     : "DATA RACE: no order @18.1",
                 end ? "pop looks" : "push looks", 0, 0, 0);
#endif
}

/* Each end has a thread of its own: so what is of a thread is of a call. */
static bool probe_alone(void)
{
    return probe_seen.two || probe_seen.blind;
}

static void probe_do_push(struct spsc *self, int value)
{
    if (probe_alone())
        probe_begin_steps(0);
    spsc_push(self, value);
    if (probe_alone())
        probe_end_steps();
}

static int probe_do_pop(struct spsc *self)
{
    int value;

    if (probe_alone())
        probe_begin_steps(1);
    value = spsc_pop(self);
    if (probe_alone())
        probe_end_steps();
    return value;
}

static void probe_locks(bool locks)
{
    struct probe_side *side;

    if (probe_seen.blind)
        return;
    probe_enter();
    side = probe_side_of_caller();
    if (side) {
        side->locks = locks;
        probe_look();
    }
    probe_leave();
}

/* A lock of the learner's, or a semaphore: taken, and given back. */
static int probe_locked(int result)
{
    probe_locks(false);
    probe_steps.acquired = true;
    return result;
}

static void probe_unlocks(void)
{
    probe_steps.released = true;
}

/* The learner's function sleeps for a time that it has guessed. */
static void probe_naps_now(void)
{
    struct probe_side *const side =
        probe_seen.blind ? NULL : probe_side_of_caller();

    if (side)
        side->naps++;
}

/* --- push and pop -----------------------------------------------------------
 */

static void probe_spsc_push(struct spsc *self, int value)
{
    int before[PROBE_WORDS];
    long inside, level;

    probe_enter();
    probe_expect(!probe_seen.numbers || value >= 41 + probe_seen.push.begun,
                 "WRONG ORDER @18.3", "pushed", value,
                 41 + probe_seen.push.begun, 0);
    probe_seen.values[probe_seen.push.begun % PROBE_VALUES] = value;
    probe_begin_call(&probe_seen.push);
    memcpy(before, self, sizeof(before));
    probe_leave();
    probe_do_push(self, value);
    probe_enter();
    probe_note_moves(&probe_seen.push, before, self);
    if (!probe_seen.two)
        probe_seen.slots[(probe_seen.push.begun - 1) % PROBE_VALUES] =
            probe_find(self, value);
    probe_end_call(&probe_seen.push);
    inside = probe_seen.push.done - probe_seen.pop.begun;
    level = probe_seen.push.done - probe_seen.pop.done;
    probe_leave();
    probe_show(level);
    if (inside > probe_seen.capacity && probe_seen.numbers)
        probe_expect(probe_capacity(self) == probe_seen.capacity,
                     "WRONG CAPACITY: a larger channel @18.3", "changed",
                     probe_seen.capacity, probe_capacity(self), 0);
    if (inside > probe_seen.capacity)
        probe_expect_counts();
    probe_expect(inside <= probe_seen.capacity, "OVERWRITTEN @18.1", "more",
                 inside, probe_seen.capacity, 0);
}

/* Value n lies in the channel, and another came out: one of the two functions
 * looks into another slot. Slots are used again after `capacity` values. */
static void probe_expect_slot(const struct spsc *self, int got, long n)
{
    const int value = probe_seen.values[n % PROBE_VALUES];
    const long slot = probe_seen.slots[n % PROBE_VALUES];
    const long before =
        n < probe_seen.capacity
            ? slot
            : probe_seen.slots[(n - probe_seen.capacity) % PROBE_VALUES];

    if (probe_seen.two || n >= probe_seen.push.done || slot < 0 || before < 0 ||
        probe_find(self, value) != slot)
        return;
    probe_fail(slot == before ? "WRONG SLOT @18.2" : "WRONG SLOT @18.1", "lies",
               value, got, n);
}

/* Value n lay in the channel after its push, and does not any more. */
static bool probe_is_gone(const struct spsc *self, long n)
{
    return !probe_seen.two && probe_seen.slots[n % PROBE_VALUES] >= 0 &&
           probe_find(self, probe_seen.values[n % PROBE_VALUES]) < 0;
}

/* What came out, when value n was due; `pushed` pushes were begun. */
static void probe_expect_value(const struct spsc *self, int got, long n,
                               long pushed)
{
    long m = n - probe_seen.capacity;

    if (n >= pushed || got != probe_seen.values[n % PROBE_VALUES])
        probe_expect_counts();
    probe_expect(n < pushed, "READ TOO EARLY @18.2", "empty", got, n, 0);
    if (got == probe_seen.values[n % PROBE_VALUES])
        return;
    for (m = m < 0 ? 0 : m; m < pushed; m++)
        if (m != n && got == probe_seen.values[m % PROBE_VALUES])
            break;
    if (probe_seen.two && n >= probe_seen.push.done && !probe_seen.pop.parks)
        probe_fail("READ TOO EARLY: shown too early @18.1", "old", got,
                   probe_seen.values[n % PROBE_VALUES], 0);
    if (m >= pushed || m < n)
        probe_expect_slot(self, got, n);
    if (m >= pushed || m < n)
        probe_fail("READ TOO EARLY @18.2", "old", got,
                   probe_seen.values[n % PROBE_VALUES], 0);
    if (m - n >= probe_seen.capacity || probe_is_gone(self, n))
        probe_fail(probe_seen.two ? "OVERWRITTEN: room too early @18.2"
                                  : "OVERWRITTEN @18.1",
                   "lost", probe_seen.values[n % PROBE_VALUES], got, 0);
    probe_fail("WRONG ORDER @18.2", "values", got,
               probe_seen.values[n % PROBE_VALUES], 0);
}

static int probe_spsc_pop(struct spsc *self)
{
    int before[PROBE_WORDS];
    long n, pushed, level;
    int value;

    probe_enter();
    probe_expect_one_reader();
    n = probe_seen.pop.begun;
    probe_begin_call(&probe_seen.pop);
    memcpy(before, self, sizeof(before));
    probe_leave();
    value = probe_do_pop(self);
    probe_enter();
    probe_note_moves(&probe_seen.pop, before, self);
    pushed = probe_seen.push.begun;
    probe_expect_value(self, value, n, pushed);
    probe_end_call(&probe_seen.pop);
    level = probe_seen.push.done - probe_seen.pop.done;
    probe_leave();
    probe_show(level);
    if (probe_seen.numbers)
        probe_figure_add("values", 1);
    return value;
}

static atomic_int probe_gone, probe_home; /* of this race */
static long probe_came;                   /* out of `results`, of this race */

static const struct race_job *probe_given[MAX_JOBS];

static void probe_race_begins(void)
{
    probe_gone = probe_home = 0;
    probe_came = 0;
    memset(probe_given, 0, sizeof(probe_given));
    probe_if_stuck("STOPPED", "race", 0, job_count, 0);
}

/* A job is given to a runtime: each once. */
static void probe_going(const struct race_job *job)
{
    const int number = probe_gone++;

    for (int i = 0; i < number && i < MAX_JOBS; i++)
        probe_expect(probe_given[i] != job, "DOUBLE CALL: the same job @18.4",
                     "given", i + 1, number + 1, 0);
    if (number < MAX_JOBS)
        probe_given[number] = job;
}

enum { PROBE_OUT = 1024 };

static const void *probe_out[PROBE_OUT]; /* came out, and was not checked */
static long probe_outs;

/* `results` was looked into. mpsc_pop() sleeps when it is empty. */
static void probe_tried(const void *found)
{
    static long in_vain;

    if (found)
        probe_out[probe_outs++ % PROBE_OUT] = found;
    probe_came += found != NULL;

    in_vain = found ? 0 : in_vain + 1;
    probe_expect(in_vain < 1000, "BUSY LOOP: at the door @18.4", "results",
                 in_vain, 0, 0);
}

static void probe_stopping(void)
{
    const int left = probe_gone - probe_home;

    probe_expect(left <= 0 || probe_came < probe_gone, "NOT CHECKED", "results",
                 left, probe_gone, 0);
    probe_expect(left <= 0, "STOPPED TOO EARLY", "stop", left, probe_gone, 0);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
}

/* A job that is still on its way must not be looked at. */
static void probe_expect_out(const struct race_job *job)
{
    int i = 0;

    while (i < PROBE_OUT && probe_out[i] != job)
        i++;
    probe_expect(i < PROBE_OUT, "READ TOO EARLY: still on its way @18.4",
                 "not_out", probe_outs, 0, 0);
    probe_out[i] = NULL;
}

static int probe_check_job(struct race_job *self)
{
    int error;

    probe_expect_out(self);
    error = check_job(self);
    if (error == 0)
        probe_figure_add("gets", 1);
    if (++probe_home < job_count)
        probe_if_stuck("STOPPED", "race", probe_home, job_count, 0);
    else
        probe_if_stuck("DEADLOCK: nobody pushes @18.4", "results", job_count, 0,
                       0);
    return error;
}

/* --- 18.1, 18.2: a channel on one thread ---------------------------------- */

static struct spsc probe_channel;
static struct rv_join probe_joins[2];

/* Run a coroutine, and all that it spawns, on this thread. */
static void probe_run(rv_coro_entry entry, void *arg)
{
    struct rv_join join;

    mpsc_open(&results);
    if (rv_runtime_start(&home) < 0 ||
        rv_coro_spawn(rv_runtime_executor(home), entry, arg, NULL, &join) < 0)
        abort();
    rv_runtime_block_on(home, &join.future);
    rv_drop(&join.future);
    rv_runtime_stop(home);
}

static void probe_spawn(rv_coro_entry entry, int i)
{
    if (rv_coro_spawn(rv_executor_current(), entry, &probe_channel, NULL,
                      &probe_joins[i]) < 0)
        abort();
}

static void probe_await_both(void)
{
    for (int i = 0; i < 2; i++) {
        rv_await(&probe_joins[i].future);
        rv_drop(&probe_joins[i].future);
    }
}

static int probe_count_values; /* to be sent */

/* A pause now and then: so the channel is full, empty, or in between. */
static void probe_pause(void)
{
    for (unsigned long n = probe_random(4); n > 0; n--)
        rv_coro_yield();
}

static int32_t probe_producer(void *arg)
{
    for (int i = 0; i < probe_count_values; i++) {
        probe_spsc_push(arg, 1000 + i);
        if (i % 16 < 8)
            probe_pause();
    }
    return 0;
}

static int32_t probe_consumer(void *arg)
{
    for (int i = 0; i < probe_count_values; i++) {
        probe_spsc_pop(arg);
        if (i % 16 >= 8)
            probe_pause();
    }
    return 0;
}

static int32_t probe_all_sizes(void *unused)
{
    (void)unused;
    for (unsigned long capacity = 1; capacity <= MOST; capacity++) {
        for (int turn = 0; turn < 2; turn++) { /* who comes first */
            probe_spsc_open(&probe_channel, capacity);
            probe_spawn(turn ? probe_consumer : probe_producer, 0);
            probe_spawn(turn ? probe_producer : probe_consumer, 1);
            probe_await_both();
        }
    }
    return 0;
}

/* Each channel has its own values. Nobody has to wait here. */
static int32_t probe_two_channels(void *unused)
{
    static struct spsc one, two;
    int first, second;

    (void)unused;
    spsc_open(&one, 2);
    spsc_open(&two, 2);
    probe_if_stuck("DEADLOCK: no need to wait @18.1", "room", 0, 2, 0);
    spsc_push(&one, 11);
    spsc_push(&two, 22);
    probe_if_stuck("DEADLOCK: no need to wait @18.2", "values", 1, 2, 0);
    first = spsc_pop(&one);
    second = spsc_pop(&two);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    probe_expect(first != 22 && second != 11, "SHARED STATE @18.1", "channels",
                 first, second, 0);
    return 0;
}

PROBE_CASE(values)
{
    probe_run(probe_two_channels, NULL);
    probe_count_values = 300; /* more than fits into a byte */
    probe_run(probe_all_sizes, NULL);
}

/* Permits of long ago: the consumer has popped, and left permits, while nobody
 * slept. Then the channel is filled, and one more is pushed. */
static int32_t probe_late_consumer(void *arg)
{
    for (int i = 0; i < 6; i++) {
        if (i == 2)
            rv_coro_sleep_until(rv_after_ms(30));
        probe_spsc_pop(arg);
    }
    return 0;
}

static int32_t probe_early_producer(void *arg)
{
    for (int i = 0; i < 2; i++)
        probe_spsc_push(arg, 10 + i);
    rv_coro_sleep_until(rv_after_ms(10));
    for (int i = 2; i < 6; i++)
        probe_spsc_push(arg, 10 + i);
    return 0;
}

static int32_t probe_old_permits(void *unused)
{
    (void)unused;
    probe_spsc_open(&probe_channel, 2);
    probe_spawn(probe_early_producer, 0);
    probe_spawn(probe_late_consumer, 1);
    probe_await_both();
    return 0;
}

PROBE_CASE(permits)
{
    probe_run(probe_old_permits, NULL);
}

/*
 * A wait of 100 ms costs no polls: first of the producer, then of the consumer.
 * It is made of many short sleeps: after each, whoever looks again and again
 * has had a turn. So there are as many polls of its own at least, also on a
 * machine that has no time for us.
 */
enum { PROBE_NAPS = 50, PROBE_NAP_MS = 2 };

static void probe_naps(void)
{
    for (int i = 0; i < PROBE_NAPS; i++)
        rv_coro_sleep_until(rv_after_ms(PROBE_NAP_MS));
}

/* Since there were `before` polls, how many but those of the naps? */
static long probe_polls_since(unsigned long before)
{
    return (long)(probe_count(PROBE_POLL) - before) - PROBE_NAPS;
}

static int32_t probe_slow_consumer(void *arg)
{
    unsigned long before = probe_count(PROBE_POLL);
    long polls;

    probe_naps();
    polls = probe_polls_since(before);
    probe_expect(polls < 30, "BUSY LOOP: at the door @18.1", "full", polls,
                 PROBE_NAPS * PROBE_NAP_MS, 0);
    for (int i = 0; i < 3; i++)
        probe_spsc_pop(arg);
    before = probe_count(PROBE_POLL);
    probe_spsc_pop(arg);
    polls = probe_polls_since(before);
    probe_expect(polls < 30, "BUSY LOOP: at the door @18.2", "empty", polls,
                 PROBE_NAPS * PROBE_NAP_MS, 0);
    return 0;
}

static int32_t probe_slow_producer(void *arg)
{
    for (int i = 0; i < 3; i++)
        probe_spsc_push(arg, i);
    probe_naps();
    probe_spsc_push(arg, 3);
    return 0;
}

static int32_t probe_both_slow(void *unused)
{
    (void)unused;
    probe_spsc_open(&probe_channel, 2);
    probe_spawn(probe_slow_producer, 0);
    probe_spawn(probe_slow_consumer, 1);
    probe_await_both();
    return 0;
}

PROBE_CASE(asleep)
{
    probe_run(probe_both_slow, NULL);
}

/* --- 18.1, 18.2: its two ends on two threads ------------------------------ */

/*
 * Blind: what came out when value i was due. On one thread all was right, so it
 * is the order of two steps that is not.
 */
static void probe_expect_blind(int value, int i)
{
    probe_expect(value <= 1000 + i, "OVERWRITTEN: room too early @18.2", "lost",
                 1000 + i, value, 0);
    probe_expect(value == 1000 + i, "READ TOO EARLY: shown too early @18.1",
                 "old", value, 1000 + i, 0);
}

/* Blind, at the end of call i: if all sleep now, then the one that has acted
 * last has woken the other before it acted. */
static void probe_look_blind(int i, const char *cause, const char *key)
{
    if (i + MOST >= probe_count_values)
        probe_if_stuck(cause, key, 0, 0, 0);
}

static int32_t probe_plain_consumer(void *arg)
{
    for (int i = 0; i < probe_count_values; i++) {
        int value;

        if (!probe_seen.blind) {
            probe_spsc_pop(arg);
            continue;
        }
        value = probe_do_pop(arg);
        probe_expect_blind(value, i);
        probe_look_blind(i, "LOST WAKE: woken too early @18.2", "producer");
    }
    return 0;
}

static int probe_late_ms;    /* of the consumer, at its begin */
static int probe_slow_from;  /* the value from which the producer is slow */
static int probe_between_ms; /* before that one */
static int probe_each_ms;    /* and before each one that follows */
static const char *probe_consumer_name = "consumer";

static void probe_be_late(int ms)
{
    probe_quiet(true);
    if (ms)
        poll(NULL, 0, ms);
    probe_quiet(false);
}

static int32_t probe_plain_producer(void *arg)
{
    for (int i = 0; i < probe_count_values; i++) {
        if (i >= probe_slow_from)
            probe_be_late(i == probe_slow_from ? probe_between_ms
                                               : probe_each_ms);
        if (!probe_seen.blind) {
            probe_spsc_push(arg, 1000 + i);
            continue;
        }
        probe_do_push(arg, 1000 + i);
        probe_look_blind(i, "LOST WAKE: woken too early @18.1", "consumer");
    }
    return 0;
}

static void probe_run_here(rv_coro_entry entry)
{
    struct rv_executor *executor;
    struct rv_join join;

    if (rv_executor_new(&executor) < 0 ||
        rv_coro_spawn(executor, entry, &probe_channel, NULL, &join) < 0)
        abort();
    rv_block_on(executor, &join.future);
    rv_drop(&join.future);
    rv_executor_free(executor);
}

static void *probe_consumer_thread(void *unused)
{
    (void)unused;
    probe_thread(probe_consumer_name);
    if (probe_seen.blind)
        probe_quiet(true);
    probe_be_late(probe_late_ms);
    probe_run_here(probe_plain_consumer);
    return NULL;
}

static void probe_two_threads(unsigned long capacity, int count)
{
    pthread_t thread;

    probe_count_values = count;
    probe_spsc_open(&probe_channel, capacity);
    pthread_create(&thread, NULL, probe_consumer_thread, NULL);
    if (probe_seen.blind)
        probe_quiet(true);
    probe_run_here(probe_plain_producer);
    if (probe_seen.blind)
        probe_quiet(false);
    pthread_join(thread, NULL);
}

/* Without a lock of the checker's between them; first with all values there. */
PROBE_CASE(threads)
{
    probe_seen.blind = true;
    probe_late_ms = 50;
    probe_two_threads(MOST, MOST);
    probe_late_ms = 0;
    probe_two_threads(3, 2000);
}

/*
 * The consumer comes when the first value should be there, and the third value
 * when the consumer should have made room. Then the same with two slots, and
 * a producer that stays slow: the channel is neither full nor empty when the
 * other end looks. So each end may find the other one in the middle of its
 * step, awake and not at the door.
 */
PROBE_CASE(sweep)
{
    probe_seen.two = true;
    probe_late_ms = probe_between_ms = 60;
    probe_slow_from = 2;
    probe_two_threads(1, 4);
    probe_consumer_name = "consumer-2";
    probe_slow_from = 3;
    probe_each_ms = 20;
    probe_two_threads(2, 6);
}

/* --- 18.4: a runtime that runs nothing ------------------------------------ */

enum { PROBE_JOBS = 7 };

static struct race_job probe_jobs[PROBE_JOBS];
static int probe_starts, probe_goes, probe_stops;
static bool probe_one_fails;

/* Of the jobs, how many did not come back, or were not looked at. */
static int probe_left(void)
{
    int left = 0;

    for (int i = 0; i < PROBE_JOBS; i++)
        left += probe_jobs[i].text != NULL;
    return left;
}

static void probe_start(void)
{
    figures.would_block++;
    probe_starts++;
}

/* When all are there, all are done, in another order. */
static void probe_go(struct race_job *job)
{
    probe_expect(probe_starts == 1 && probe_stops == 0, "WRONG ORDER @18.4",
                 "go", probe_starts, probe_stops, 0);
    probe_going(job);
    job->text = strdup(job->path);
    if (probe_one_fails && job == &probe_jobs[3])
        job->error = -ECONNRESET;
    probe_goes++;
    figures.would_block++;
    probe_if_stuck("SERIALISED @18.4", "on_runtime", probe_goes, PROBE_JOBS, 0);
    if (probe_goes != PROBE_JOBS)
        return;
    probe_if_stuck("DEADLOCK: nobody pushes @18.4", "results", PROBE_JOBS, 0,
                   0);
    for (int i = 0; i < PROBE_JOBS; i++)
        mpsc_push(&results, &probe_jobs[(i * 3) % PROBE_JOBS].node);
}

static void probe_stop(void)
{
    const int left = probe_goes ? probe_left() : 0;

    probe_stops++;
    figures.would_block++;
    probe_expect(left == 0, "STOPPED TOO EARLY",
                 probe_one_fails ? "failed" : "stop", left, PROBE_JOBS, 0);
}

static int32_t probe_race(void *unused)
{
    static const struct runtime runtime = {"none", probe_start, probe_go,
                                           probe_stop};
    struct row row;

    (void)unused;
    probe_race_begins();
    probe_starts = probe_goes = probe_stops = 0;
    for (int i = 0; i < PROBE_JOBS; i++)
        probe_jobs[i].path = "/0/text";
    figures.would_block = 1000;
    row = race(&runtime, probe_jobs, PROBE_JOBS);
    probe_expect(probe_goes == PROBE_JOBS, "FORGOTTEN TASK: never asked @18.4",
                 "on_runtime", probe_goes, PROBE_JOBS, 0);
    probe_expect(probe_left() == 0, "FORGOTTEN TASK @18.4", "results",
                 probe_left(), PROBE_JOBS, 0);
    probe_expect(probe_stops == 1, "NEVER STOPS @18.4", "runtime", probe_stops,
                 0, 0);
    probe_expect(row.would_block == PROBE_JOBS + 2, "WRONG FIGURE @18.4", "row",
                 (long)row.would_block, PROBE_JOBS + 2, 0);
    return 0;
}

/* All is well; then one of the jobs has failed, and the others are there. */
PROBE_CASE(race)
{
    probe_run(probe_race, NULL);
    probe_one_fails = true;
    probe_run(probe_race, NULL);
}
