/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 08: the checker's own futures, handed to the learner's
 * executors from main, from threads without an executor, and from one executor
 * to another; and tasks that yield to each other.
 *
 * What a standstill means is known at each moment: the probe lines of lesson.c
 * count what was handed over and what was spawned, and tell it to the checker.
 */
#undef rv_spawn_at /* the checker's own */

static struct rv_runtime *runtime;
static sem_t polled; /* one more after each poll of a guest */

static void start(int count)
{
    probe_thread("main");
    sem_init(&polled, 0, 0);
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    executors_start(count, rv_runtime_reactor(runtime));
}

static void stop(int count)
{
    executors_stop(count);
    rv_runtime_stop(runtime);
}

/* --- guests: futures that note where they are polled ------------------- */

enum { MAX_GUESTS = 256 };

struct guest {
    struct rv_future future;
    int home;              /* the executor it was handed to */
    struct guest *carries; /* handed over by its first poll */
    bool holds_up;         /* its poll returns when the inbox is closed */
};

static atomic_int guests_given, guests_polled, guests_away;

static void hand_over(struct guest *guest);

static enum rv_poll guest_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct guest *self = RV_CONTAINER_OF(future, struct guest, future);

    (void)cx;
    guests_away += self->home != probe_me;
    if (self->carries)
        hand_over(self->carries);
    guests_polled++;
    sem_post(&polled);
    probe_quiet(true);
    while (self->holds_up && !probe_closed)
        usleep(1000);
    probe_quiet(false);
    return RV_READY;
}

static struct guest *new_guest(int home, struct guest *carries)
{
    static const struct rv_future_ops ops = {.name = "guest",
                                             .poll = guest_poll};
    struct guest *self = rv_alloc(sizeof(*self));

    lesson_expect(self != NULL, "out of memory");
    rv_future_init(&self->future, &ops);
    self->home = home;
    self->carries = carries;
    return self;
}

static void hand_over(struct guest *guest)
{
    guests_given++;
    spawn_on(&executors[guest->home], &guest->future);
}

static void wait_for_guests(int count)
{
    while (guests_polled < count)
        sem_wait(&polled);
}

static void expect_guests(void)
{
    probe_expect(guests_polled == guests_given, "FORGOTTEN TASK", "guest",
                 guests_given, guests_polled, 0);
    probe_expect(guests_away == 0, "WRONG THREAD: handed to another", "away",
                 guests_away, guests_given, 0);
}

/* --- the cases --------------------------------------------------------- */

/* Whether a pointer is kept there. */
static bool holds(const void *memory, size_t size, const void *pointer)
{
    const char *at = memory;

    for (size_t i = 0; i + sizeof(pointer) <= size; i += sizeof(pointer))
        if (memcmp(at + i, &pointer, sizeof(pointer)) == 0)
            return true;
    return false;
}

static atomic_bool box_done;

/*
 * Four futures come, and there is no executor yet that could take them. Whose
 * pointer was in the inbox, and is neither there nor in another guest (a list
 * may go through them), has been overwritten.
 */
static void *fill_box(void *unused)
{
    static struct guest *guests[4];
    bool seen[4] = {false};

    (void)unused;
    probe_thread("sender");
    for (int i = 0; i < 4; i++) {
        guests[i] = new_guest(0, NULL);
        spawn_on(&executors[0], &guests[i]->future);
        for (int j = 0; j <= i; j++) {
            bool here = holds(executors, sizeof(executors), &guests[j]->future);

            for (int k = 0; k <= i; k++)
                here |= holds(guests[k], sizeof(**guests), &guests[j]->future);
            probe_expect(here || !seen[j], "OVERWRITTEN: in the inbox", "inbox",
                         j + 1, i + 1, 0);
            seen[j] = here;
        }
    }
    box_done = true;
    return NULL;
}

/* Who waits in spawn_on() for the executor's thread may do so: then nothing is
 * found here. */
PROBE_CASE(box)
{
    pthread_t sender;

    probe_thread("main");
    inbox_init(&executors[0].inbox);
    probe_quiet(true);
    pthread_create(&sender, NULL, fill_box, NULL);
    for (int i = 0; i < 500 && !box_done; i++)
        usleep(1000);
    probe_quiet(false);
}

/* One after the other, each when the executor sleeps again; then ten. */
PROBE_CASE(inbox)
{
    start(1);
    for (int i = 1; i <= 5; i++) {
        hand_over(new_guest(0, NULL));
        wait_for_guests(i);
        probe_quiet(true);
        usleep(2000);
        probe_quiet(false);
    }
    for (int i = 0; i < 10; i++)
        hand_over(new_guest(0, NULL));
    wait_for_guests(15);
    stop(1);
    expect_guests();
}

/* From one executor to the other and back, and to itself. */
PROBE_CASE(between)
{
    struct guest *guest = NULL;

    start(2);
    for (int i = 0; i < 30; i++)
        guest = new_guest(i % 3 == 0, guest);
    hand_over(guest);
    wait_for_guests(30);
    stop(2);
    expect_guests();
}

/* Four threads without an executor hand over together, in no order. */
enum { SENDERS = 4, EACH = 40 };

static void *send_all(void *guests)
{
    probe_thread("sender");
    for (int i = 0; i < EACH; i++)
        hand_over(((struct guest **)guests)[i]);
    return NULL;
}

PROBE_CASE(crowd)
{
    static struct guest *guests[SENDERS][EACH];
    pthread_t threads[SENDERS];

    start(4);
    for (int i = 0; i < SENDERS; i++)
        for (int j = 0; j < EACH; j++)
            guests[i][j] = new_guest((int)probe_random(4), NULL);
    for (int i = 0; i < SENDERS; i++)
        pthread_create(&threads[i], NULL, send_all, guests[i]);
    wait_for_guests(SENDERS * EACH);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    stop(4);
    expect_guests();
}

/* Opened and closed right away, and nothing was handed over. */
PROBE_CASE(empty)
{
    start(3);
    stop(3);
}

/* The inbox is closed before its task has seen the last future that came: at
 * its next poll it finds both. Whether that future is polled is left open. */
PROBE_CASE(last)
{
    struct guest *first = new_guest(0, NULL);

    start(1);
    first->holds_up = true;
    hand_over(first);
    wait_for_guests(1);
    hand_over(new_guest(0, NULL));
    stop(1);
}

/* --- yields ------------------------------------------------------------ */

enum { TURNS = 100 };

struct strider {
    struct rv_future future;
    struct yield yield;
    int turns;         /* yields that were READY */
    int polls_of_this; /* polls of the present yield */
    int polls;
    int others_polls; /* polls of the other at the last turn */
    struct strider *other;
};

static enum rv_poll strider_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct strider *self = RV_CONTAINER_OF(future, struct strider, future);

    self->polls++;
    while (self->turns < TURNS) {
        if (self->polls_of_this == 0)
            self->yield = yield();
        self->polls_of_this++;
        probe_expect(self->polls_of_this < 20, "NEVER READY", "yield",
                     self->polls_of_this, 0, 0);
        if (rv_poll(&self->yield.future, cx) == RV_PENDING)
            return RV_PENDING;
        probe_expect(self->polls_of_this > 1, "NEVER YIELDED", "first",
                     self->turns + 1, 0, 0);
        self->polls_of_this = 0;
        self->turns++;
        if (self->turns % 10)
            continue;
        probe_expect(self->other->turns == TURNS ||
                         self->other->polls > self->others_polls,
                     "NEVER YIELDED", "turns", 10,
                     self->other->polls - self->others_polls, 0);
        self->others_polls = self->other->polls;
    }
    return RV_READY;
}

static const struct rv_future_ops strider_ops = {.name = "strider",
                                                 .poll = strider_poll};

struct both {
    struct rv_future future;
    struct rv_join joins[2];
    struct rv_all all;
    struct rv_future *list[2];
};

static enum rv_poll both_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct both *self = RV_CONTAINER_OF(future, struct both, future);

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->all.future);
    RV_RETURN(future, 0);
    RV_END(future);
}

PROBE_CASE(turns)
{
    static const struct rv_future_ops ops = {.name = "both", .poll = both_poll};
    static struct both both;
    struct strider *striders[2];

    probe_thread("main");
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    rv_future_init(&both.future, &ops);
    for (int i = 0; i < 2; i++) {
        striders[i] = rv_alloc(sizeof(**striders));
        lesson_expect(striders[i] != NULL, "out of memory");
        rv_future_init(&striders[i]->future, &strider_ops);
        both.list[i] = &both.joins[i].future;
    }
    striders[0]->other = striders[1];
    striders[1]->other = striders[0];
    for (int i = 0; i < 2; i++)
        rv_spawn_at(rv_runtime_executor(runtime), &striders[i]->future,
                    &both.joins[i], NULL);
    rv_all_init(&both.all, both.list, 2);
    rv_runtime_block_on(runtime, &both.future);
    rv_join_drop(&both.joins[0]);
    rv_join_drop(&both.joins[1]);
    rv_runtime_stop(runtime);
}

/*
 * The runner runs it once for each call of each thread, and delays that call by
 * 150 ms. The first future is handed over after the inbox task has
 * looked for the first time, and, where it is delayed, before it has left its
 * waker.
 */
PROBE_CASE(sweep)
{
    start(1);
    probe_quiet(true);
    while (sem_wait(&probe_begun) < 0)
        ;
    usleep(30000); /* so that it has looked: if it is delayed, after that */
    probe_quiet(false);
    for (int i = 1; i <= 3; i++) {
        hand_over(new_guest(0, NULL));
        wait_for_guests(i);
    }
    stop(1);
    expect_guests();
}
