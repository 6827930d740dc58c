/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 05: the checker's own futures, run by the learner's
 * executor. It is compiled behind the learner's program, into one file.
 *
 * A future of the checker's counts its polls and may wake itself; a helper
 * thread wakes it from outside, and waits for the poll before the next wake.
 * What every poll has to obey (one thread, no poll after READY, the waker of
 * this task) is checked in the shell around each spawned future: the probe
 * lines of lesson.c.
 */

#include <semaphore.h>

static sem_t polled; /* one more after each poll */

/* --- a future of the checker's ----------------------------------------- */

struct dummy {
    struct future future;
    int needed;       /* READY at the poll that sees so many wakes */
    int self_wakes;   /* calls of wake() in each poll before that */
    atomic_int given; /* wakes so far; its own of one poll count once */
    atomic_int seen;  /* `given` at the last poll, -1 before the first */
    atomic_int polls;
    bool ready;
    struct waker waker;  /* of the last poll */
    struct dummy *child; /* spawned by the first poll */
    struct dummy *other; /* at the first poll: how often was it polled? */
    int polls_of_other;
};

static enum poll_state dummy_poll(struct future *future,
                                  const struct waker *waker)
{
    struct dummy *self = (struct dummy *)future;
    const int given = self->given;

    if (self->polls == 0 && self->other)
        self->polls_of_other = self->other->polls;
    if (self->polls == 0 && self->child)
        spawn(&self->child->future);
    self->polls++;
    self->waker = *waker;
    self->ready = given >= self->needed;
    if (!self->ready && self->self_wakes) {
        self->given++;
        for (int i = 0; i < self->self_wakes; i++)
            wake(waker);
    }
    self->seen = given; /* last: the helper waits for it */
    sem_post(&polled);
    return self->ready ? READY : NOT_READY;
}

static struct dummy dummy(int needed, int self_wakes)
{
    return (struct dummy){
        .future.poll = dummy_poll,
        .needed = needed,
        .self_wakes = self_wakes,
        .seen = -1,
    };
}

static void start(void)
{
    probe_thread("main");
    sem_init(&polled, 0, 0);
    executor_init();
}

static void expect_ready(const struct dummy *self, int task_id)
{
    probe_expect(self->ready, "FORGOTTEN TASK", "polls", task_id, self->polls,
                 self->needed + 1);
}

/* --- a thread that wakes from outside ---------------------------------- */

enum { DUMMIES = 8 };

static struct {
    struct dummy tasks[100];
    int count;
    int rounds;
    bool at_once; /* all wakes of a round, then wait for the polls */
    pthread_t thread;
} helper;

static void wait_for_poll(const struct dummy *self, int wakes)
{
    while (self->seen < wakes)
        sem_wait(&polled);
}

static void *helper_run(void *unused)
{
    (void)unused;
    probe_thread("bell");
    for (int i = 0; i < helper.count; i++)
        wait_for_poll(&helper.tasks[i], 0);
    for (int round = 1; round <= helper.rounds; round++) {
        for (int i = 0; i < helper.count; i++) {
            /* In no order in which a loop over all tasks would poll them, and
             * up and down in turn. */
            const int turn = round % 2 ? i : helper.count - 1 - i;
            const int k = 3 * turn % helper.count;
            const struct waker waker = helper.tasks[k].waker;

            helper.tasks[k].given++;
            wake(&waker);
            if (!helper.at_once)
                wait_for_poll(&helper.tasks[k], round);
        }
        for (int i = 0; i < helper.count; i++)
            wait_for_poll(&helper.tasks[i], round);
    }
    return NULL;
}

static void run_with_helper(int count, int rounds, bool at_once)
{
    start();
    helper.count = count;
    helper.rounds = rounds;
    helper.at_once = at_once;
    for (int i = 0; i < count; i++)
        helper.tasks[i] = dummy(rounds, 0);
    for (int i = 1; i < count; i++)
        spawn(&helper.tasks[i].future);
    pthread_create(&helper.thread, NULL, helper_run, NULL);
    block_on(&helper.tasks[0].future);
    pthread_join(helper.thread, NULL);
    for (int i = 0; i < count; i++)
        expect_ready(&helper.tasks[i], i);
}

/* --- the cases --------------------------------------------------------- */

/* Ready at once; three polls by its own wakes; spawned from inside a poll. */
PROBE_CASE(finish)
{
    struct dummy grandchild = dummy(2, 1);
    struct dummy child = dummy(0, 0);
    struct dummy again = dummy(3, 1);

    start();
    child.child = &grandchild;
    again.child = &child;
    block_on(&again.future);
    expect_ready(&again, 0);
    expect_ready(&child, 1);
    expect_ready(&grandchild, 2);
}

/* A task that only spawns another one: no wake, and nothing to park for. */
PROBE_CASE(spawns)
{
    struct dummy child = dummy(0, 0);
    struct dummy parent = dummy(0, 0);

    start();
    parent.child = &child;
    block_on(&parent.future);
    expect_ready(&parent, 0);
    expect_ready(&child, 1);
}

/*
 * A task that wakes itself 1,000 times must not keep another from its turn,
 * whichever of the two was spawned first.
 */
static void run_beside_greedy(bool greedy_first)
{
    struct dummy greedy = dummy(1000, 1);
    struct dummy modest = dummy(0, 0);

    modest.other = &greedy;
    spawn(greedy_first ? &greedy.future : &modest.future);
    block_on(greedy_first ? &modest.future : &greedy.future);
    probe_expect(modest.polls_of_other <= 3, "STARVATION", "turn",
                 modest.polls_of_other, 0, 0);
    expect_ready(&greedy, 1);
}

PROBE_CASE(fair)
{
    start();
    run_beside_greedy(false);
    run_beside_greedy(true);
}

/* Nothing is polled but what was woken. */
PROBE_CASE(owner)
{
    unsigned long polls = 0;
    const unsigned long right = DUMMIES * (1 + 5);

    run_with_helper(DUMMIES, 5, false);
    polls = probe_count(PROBE_POLL);
    probe_expect(polls < 2 * right, "POLLS EVERYBODY", "polls", (long)polls,
                 (long)right, DUMMIES);
}

/* A hundred tasks, woken together. */
PROBE_CASE(crowd)
{
    run_with_helper(100, 2, true);
}

/*
 * Many wakes of one task before its poll; wakes after two have finished: a loop
 * that ends at a finished one, and not at the end of the queue, takes the one
 * permit at the first and sleeps at the second, with the last task behind it.
 */
PROBE_CASE(late)
{
    struct dummy many = dummy(1, 100);
    struct dummy done = dummy(0, 0);
    struct dummy other = dummy(0, 0);
    struct dummy last = dummy(0, 0);
    unsigned long polls;

    start();
    spawn(&done.future);
    spawn(&other.future);
    block_on(&many.future);
    expect_ready(&many, 2);
    expect_ready(&done, 0);
    expect_ready(&other, 1);
    for (int i = 0; i < 3; i++) {
        wake(&done.waker);
        wake(&other.waker);
    }
    polls = probe_count(PROBE_POLL);
    block_on(&last.future);
    expect_ready(&last, 3);
    probe_expect(probe_count(PROBE_POLL) == polls + 1, "POLLED AFTER READY",
                 "task", 0, 0, 0);
}

/* --- park() by itself -------------------------------------------------- */

static struct parker parker;
static atomic_bool permit_taken, permit_left;
static sem_t never;

static void *take_early_permit(void *unused)
{
    (void)unused;
    probe_thread("early");
    unpark(&parker);
    park(&parker);
    permit_taken = true;
    sem_wait(&never);
    return NULL;
}

static void *leave_permit(void *unused)
{
    (void)unused;
    probe_thread("bell");
    probe_wait_till_asleep();
    permit_left = true;
    unpark(&parker);
    return NULL;
}

/*
 * The wait inside of park() has one spurious wakeup. Who keeps no permit at all
 * has another fault, which the sweep finds.
 */
PROBE_CASE(spurious)
{
    pthread_t early, bell;

    start();
    parker_init(&parker);
    sem_init(&never, 0, 0);
    pthread_create(&early, NULL, take_early_permit, NULL);
    probe_wait_till_asleep();
    if (!permit_taken)
        return;
    probe_spurious_wakes();
    pthread_create(&bell, NULL, leave_permit, NULL);
    park(&parker);
    probe_expect(permit_left, "SPURIOUS WAKEUP", "park", 0, 0, 0);
    pthread_join(bell, NULL);
}

/*
 * The runner runs it once for each call of each thread, and delays that call by
 * 150 ms: the responses come meanwhile.
 */
PROBE_CASE(sweep)
{
    char port[16];
    int status;

    snprintf(port, sizeof port, "%d", probe_port());
    status = probe_run_main(port, probe_path(60), probe_path(25), NULL);
    probe_expect(status == 0, "ENDED EARLY", "status", status, 0, 0);
}
