/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 17: what the probe lines stand for, and tasks of the
 * checker's own. It is compiled behind the learner's program, into one file.
 *
 * The race for the last task is not left to luck: in the middle of a steal the
 * checker calls deque_pop(), and in the middle of a pop, behind each of its
 * atomic steps, it takes the task itself, as a thief does who has looked at it
 * before. [build] atomics of expect.toml lets it see these steps, and their
 * memory order, however they are written.
 */
#undef deque_pop
#undef find_task
#undef worker_sleep

#include <poll.h>
#include <semaphore.h>

enum { PROBE_STOLEN = 1 }; /* of [notes] in expect.toml */

/* --- what the probe lines call -------------------------------------------- */

static void (*probe_in_steal)(void); /* once, between look and exchange */
static atomic_ulong probe_sleep_calls;

static void probe_between(void)
{
    void (*const act)(void) = probe_in_steal;

    probe_point("steal");
    probe_in_steal = NULL;
    if (act)
        act();
}

/* A thief who has looked at a deque of one task before; it takes that at the
 * given atomic step of somebody else, if it is still there. */
static struct {
    struct deque *from; /* NULL: there is no thief */
    int steps_left;
    long top;
    bool has_it;
} probe_late;

static void (*probe_at_step)(void); /* or all that a thief can get */

static void probe_thief_step(void)
{
    struct deque *const from = probe_late.from;
    void (*const act)(void) = probe_at_step;

    if (act && --probe_late.steps_left <= 0) {
        probe_at_step = NULL;
        act();
    }
    if (!from || --probe_late.steps_left > 0)
        return;
    probe_late.from = NULL;
    probe_late.has_it = atomic_compare_exchange_strong(
        &from->top, &probe_late.top, probe_late.top + 1);
}

static int probe_worker_of(const struct deque *self)
{
    for (int i = 0; i < MOST_WORKERS; i++)
        if (self == &workers[i].deque)
            return i;
    return -1;
}

/* The worker whose find_task() this thread is in, and -1. */
static _Thread_local int probe_finder = -1;

/* The bottom end of this deque is used: by its owner? */
static void probe_owner(const struct deque *self)
{
    const int owner = probe_worker_of(self);

    probe_expect(probe_finder < 0 || owner < 0 || owner == probe_finder,
                 "WRONG THREAD", "deque", probe_finder, owner, 0);
}

/* The bar of this deque, and the event of a steal. */
static void probe_level(struct deque *self, bool stolen)
{
    const int owner = probe_worker_of(self);

    if (owner < 0)
        return;
    if (stolen) {
        probe_figure_add("steals", 1);
        probe_event(PROBE_NOTE, -1, PROBE_STOLEN, owner);
    }
    probe_event(PROBE_LEVEL, -1, owner + 1,
                atomic_load(&self->bottom) - atomic_load(&self->top));
}

static struct task *probe_deque_pop(struct deque *self)
{
    struct task *task;

    probe_owner(self);
    task = deque_pop(self);
    if (task)
        probe_level(self, false);
    return task;
}

static struct task *probe_find_as(struct worker *self)
{
    struct task *task;

    probe_finder = self->number;
    task = find_task(self);
    probe_finder = -1;
    return task;
}

static struct task *probe_find_task(struct worker *self)
{
    struct task *task = probe_find_as(self);

    if (task)
        probe_figure_add("runs", 1);
    return task;
}

/* On the way to sleep each atomic step is one for the sweep's delay. */
static void probe_any_step(const volatile void *address, int order,
                           enum probe_step kind)
{
    (void)address;
    (void)order;
    (void)kind;
}

static void probe_worker_sleep(void)
{
    unsigned long slept = probe_sleeps();

    probe_sleep_calls++;
    probe_event(PROBE_PARK, -1, -1, 0);
    probe_watch_atomics(probe_any_step);
    worker_sleep();
    probe_watch_atomics(NULL);
    slept = probe_sleeps() - slept;
    probe_event(slept ? PROBE_AWAKE : PROBE_PERMIT, -1, -1, 0);
}

/* A worker is about to sleep: where wake_one() wakes it? */
static void probe_waits_on(const pthread_cond_t *condition)
{
    probe_expect(condition == &idle.more, "LOST WAKE: another condition @17.3",
                 "condition", 0, 0, 0);
}

static enum { PROBE_ANY, PROBE_SWEEPS, PROBE_SLEEPS } probe_doing;

/* main waits for a root. */
static void probe_wait(bool waits)
{
    if (waits && probe_doing == PROBE_SWEEPS)
        probe_if_stuck("LOST WAKE: came before the sleep", "root", 0, 0, 0);
    else if (waits && probe_doing == PROBE_SLEEPS)
        probe_if_stuck("LOST WAKE: sleeper not known", "sleeper", idle.sleepers,
                       0, 0);
    else if (waits)
        probe_if_stuck("STOPPED", "root", 0, 0, 0);
    else
        probe_if_stuck(NULL, NULL, 0, 0, 0);
}

/* --- 17.1 the deque ---------------------------------------------------------
 */

static struct deque probe_deque;
static struct task probe_tasks[2 * SLOTS];
static struct task *probe_popped;

/*
 * The order of the claim (bottom is stored) and of the look (top is loaded)
 * behind it. A processor may make the look first, unless both are seq_cst, or a
 * seq_cst fence is between them; x86-64 does so, but no test can wait for it.
 */
static struct {
    bool claimed, looked;
    bool is_seq_cst; /* the claim */
    bool fence;      /* behind it */
    bool is_ordered;
} probe_steps;

static void probe_step(const volatile void *address, int order,
                       enum probe_step kind)
{
    const bool is_seq_cst = order == __ATOMIC_SEQ_CST;

    if (kind == PROBE_STEP_FENCE) {
        probe_steps.fence |= probe_steps.claimed && is_seq_cst;
    } else if (address == &probe_deque.bottom && kind == PROBE_STEP_WRITE &&
               !probe_steps.claimed) {
        probe_steps.claimed = true;
        probe_steps.is_seq_cst = is_seq_cst;
    } else if (address == &probe_deque.top && probe_steps.claimed &&
               !probe_steps.looked) {
        probe_steps.looked = true;
        probe_steps.is_ordered =
            probe_steps.fence || (probe_steps.is_seq_cst && is_seq_cst);
    }
    probe_thief_step();
}

/* deque_pop(), looked at step by step. */
static struct task *probe_pop(void)
{
    struct task *task;

    memset(&probe_steps, 0, sizeof(probe_steps));
    probe_watch_atomics(probe_step);
    task = deque_pop(&probe_deque);
    probe_watch_atomics(NULL);
    probe_expect(!probe_steps.looked || probe_steps.is_ordered,
                 "DOUBLE CALL: no order", "order", 0, 0, 0);
    return task;
}

static long probe_number(const struct task *task)
{
    return task ? task - probe_tasks : -1;
}

static void probe_push(long number)
{
    deque_push(&probe_deque, &probe_tasks[number]);
}

static void probe_expect_pop(long number)
{
    const long got = probe_number(probe_pop());

    if (number >= 0 && got < 0)
        probe_fail("FORGOTTEN TASK: in the deque", "pop", number, 0, 0);
    if (number < 0 && got >= 0)
        probe_fail("DOUBLE CALL", "empty", got, 0, 0);
    probe_expect(got == number, "WRONG TASK", "pop", got, number, 0);
    probe_expect(probe_deque.bottom >= probe_deque.top,
                 "FORGOTTEN TASK: in the deque", "hole", probe_deque.bottom,
                 probe_deque.top, 0);
}

static void probe_expect_steal(long number)
{
    const long got = probe_number(deque_steal(&probe_deque));

    probe_expect(got == number,
                 number >= 0 && got < 0 ? "FORGOTTEN TASK: in the deque"
                                        : "WRONG TASK",
                 "steal", got, number, 0);
}

/* Nobody else is there: last in, first out; empty, and used again. */
PROBE_CASE(pops)
{
    for (int round = 0; round < 3; round++) {
        probe_expect_pop(-1);
        probe_expect_pop(-1);
        for (int i = 0; i < 5; i++)
            probe_push(i);
        probe_expect_pop(4);
        probe_expect_steal(0);
        probe_push(5);
        probe_expect_pop(5);
        probe_expect_pop(3);
        probe_expect_pop(2);
        probe_expect_pop(1);
        probe_expect_pop(-1);
        probe_expect_steal(-1);
    }
    for (long i = 0; i < 3 * SLOTS; i++) { /* round and round the slots */
        probe_push(i % SLOTS);
        if (i % 2)
            probe_expect_pop(i % SLOTS);
        else
            probe_expect_steal(i % SLOTS);
    }
}

static void probe_pop_now(void)
{
    probe_popped = probe_pop();
}

/* A pop in the middle of a steal: of the last task, and of the last but one. */
static void probe_pop_in_steal(int count)
{
    struct task *stolen;
    int left = count;

    for (int i = 0; i < count; i++)
        probe_push(i);
    probe_popped = NULL;
    probe_in_steal = probe_pop_now;
    stolen = deque_steal(&probe_deque);
    probe_expect(!stolen || stolen != probe_popped, "DOUBLE CALL", "last",
                 probe_number(stolen), 0, 0);
    left -= (stolen != NULL) + (probe_popped != NULL);
    for (struct task *task; (task = probe_pop());)
        left--;
    probe_expect(left == 0,
                 left > 0 ? "FORGOTTEN TASK: in the deque" : "DOUBLE CALL",
                 "race", left, count, 0);
}

/* A late thief takes the last task at this step of the pop. */
static void probe_steal_in_pop(int step)
{
    struct task *popped;

    probe_push(0);
    probe_late.top = atomic_load(&probe_deque.top);
    probe_late.has_it = false;
    probe_late.steps_left = step;
    probe_late.from = &probe_deque;
    popped = probe_pop();
    probe_late.from = NULL;
    probe_expect(!popped || !probe_late.has_it, "DOUBLE CALL", "step",
                 probe_number(popped), step, 0);
    if (!popped && !probe_late.has_it)
        probe_expect_steal(0);
    probe_push(7);
    probe_expect_pop(7);
    probe_expect_pop(-1);
}

static int probe_stolen_count;

static void probe_steal_all(void)
{
    while (deque_steal(&probe_deque))
        probe_stolen_count++;
}

/* Thieves take all that they can get at this step of the pop. */
static void probe_steal_all_in_pop(int count, int step)
{
    int left = count;

    for (int i = 0; i < count; i++)
        probe_push(i);
    probe_stolen_count = 0;
    probe_late.steps_left = step;
    probe_at_step = probe_steal_all;
    left -= probe_pop() != NULL;
    probe_at_step = NULL;
    left -= probe_stolen_count;
    while (probe_pop())
        left--;
    probe_expect(left == 0,
                 left > 0 ? "FORGOTTEN TASK: in the deque" : "DOUBLE CALL",
                 "race", left, count, 0);
}

PROBE_CASE(last)
{
    for (int count = 1; count <= 4; count++)
        probe_pop_in_steal(count);
    for (int step = 1; step <= 12; step++)
        probe_steal_in_pop(step);
    for (int count = 1; count <= 4; count++)
        for (int step = 1; step <= 12; step++)
            probe_steal_all_in_pop(count, step);
}

/* Three threads, 30,000 tasks: each is run once. */
enum { PROBE_ROUNDS = 30000 };

static atomic_int probe_taken[PROBE_ROUNDS];
static struct task probe_many[PROBE_ROUNDS];
static atomic_bool probe_over;

static void probe_count_task(const struct task *task)
{
    const long number = task - probe_many;

    probe_expect(atomic_fetch_add(&probe_taken[number], 1) == 0, "DOUBLE CALL",
                 "stress", number, PROBE_ROUNDS, 0);
}

static void *probe_thief(void *unused)
{
    (void)unused;
    probe_quiet(true);
    while (!probe_over) {
        const struct task *task = deque_steal(&probe_deque);

        if (task)
            probe_count_task(task);
    }
    return NULL;
}

PROBE_CASE(stress)
{
    pthread_t thieves[2];
    long taken = 0;

    probe_quiet(true);
    for (int i = 0; i < 2; i++)
        pthread_create(&thieves[i], NULL, probe_thief, NULL);
    for (int i = 0; i < PROBE_ROUNDS;) {
        const int count = 1 + (int)probe_random(3);
        const struct task *task;

        for (int k = 0; k < count && i < PROBE_ROUNDS; k++)
            deque_push(&probe_deque, &probe_many[i++]);
        while ((task = deque_pop(&probe_deque)))
            probe_count_task(task);
    }
    probe_over = true;
    for (int i = 0; i < 2; i++)
        pthread_join(thieves[i], NULL);
    for (const struct task *task; (task = deque_steal(&probe_deque));)
        probe_count_task(task);
    for (int i = 0; i < PROBE_ROUNDS; i++)
        taken += probe_taken[i];
    probe_expect(taken == PROBE_ROUNDS, "FORGOTTEN TASK: in the deque",
                 "stress", PROBE_ROUNDS - taken, PROBE_ROUNDS, 0);
}

/* --- 17.2 find_task ---------------------------------------------------------
 */

/* Somewhere there is one task; each of four workers finds it. The search may
 * begin anywhere, so it has a few tries. */
static struct task *probe_find(int who)
{
    struct task *task = NULL;

    for (int tries = 0; tries < 64 && !task; tries++)
        task = probe_find_as(&workers[who]);
    return task;
}

/* One task each: its own, in the injector, its neighbour's. All are found, its
 * own first. */
static void probe_expect_three(int who)
{
    struct task *const tasks[3] = {&probe_tasks[11], &probe_tasks[12],
                                   &probe_tasks[13]};
    const struct task *first;
    int found = 0;

    deque_push(&workers[who].deque, tasks[0]);
    injector_put(tasks[1]);
    deque_push(&workers[(who + 1) % worker_count].deque, tasks[2]);
    first = probe_find(who);
    found = (first != NULL) + (probe_find(who) != NULL);
    found += probe_find(who) != NULL;
    probe_expect(found == 3, "FORGOTTEN TASK: not found @17.2", "three", who,
                 found, 0);
    probe_expect(first == tasks[0], "WRONG TASK @17.2", "own_first", who,
                 probe_number(first), 0);
}

PROBE_CASE(finds)
{
    worker_count = 4;
    for (int i = 0; i < 4; i++)
        workers[i].number = i;
    for (int who = 0; who < 4; who++) {
        probe_expect(probe_find_as(&workers[who]) == NULL, "WRONG TASK", "none",
                     who, 0, 0);
        injector_put(&probe_tasks[9]);
        probe_expect(probe_find(who) == &probe_tasks[9],
                     "FORGOTTEN TASK: not found @17.2", "injector", who, 0, 0);
        for (int where = 0; where < 4; where++) {
            struct task *found;

            deque_push(&workers[where].deque, &probe_tasks[where]);
            found = probe_find(who);
            probe_expect(found != NULL, "UNBALANCED LOAD: not stolen", "finds",
                         who, where, 0);
            probe_expect(found == &probe_tasks[where], "WRONG TASK", "pop",
                         probe_number(found), where, 0);
        }
        for (int i = 1; i <= 3; i++)
            deque_push(&workers[who].deque, &probe_tasks[10 * i]);
        for (int i = 3; i >= 1; i--) {
            const struct task *found = probe_find(who);

            probe_expect(found == &probe_tasks[10 * i], "WRONG TASK @17.2",
                         "newest", probe_number(found), 10 * i, who);
        }
        probe_expect_three(who);
    }
}

/* --- 17.3 sleep -------------------------------------------------------------
 */

enum { PROBE_OTHERS = 2 }; /* workers that sleep, as idle.sleepers says */

static void probe_expect_awake(void)
{
    probe_expect(pthread_mutex_trylock(&idle.lock) == 0, "DEADLOCK: lock kept",
                 "kept", 0, 0, 0);
    pthread_mutex_unlock(&idle.lock);
    probe_expect(idle.sleepers == PROBE_OTHERS, "WRONG FIGURE", "sleepers",
                 idle.sleepers, PROBE_OTHERS, 0);
}

/* There is something to do, and then it is over: nobody sleeps on that. */
PROBE_CASE(looks)
{
    worker_count = 3;
    atomic_store(&idle.sleepers, PROBE_OTHERS);
    injector_put(&probe_tasks[0]);
    probe_if_stuck("LOST WAKE: came before the sleep", "look", 0, 0, 0);
    worker_sleep();
    probe_expect_awake();
    injector_take();
    for (int i = 0; i < worker_count; i++) {
        deque_push(&workers[i].deque, &probe_tasks[0]);
        probe_if_stuck("LOST WAKE: came before the sleep", "deque", i, 0, 0);
        worker_sleep();
        probe_expect_awake();
        deque_steal(&workers[i].deque);
    }
    atomic_store(&idle.stop, true);
    probe_if_stuck("NEVER STOPS", "look", 0, 0, 0);
    worker_sleep();
    probe_expect_awake();
}

/* Two workers with nothing to do for a while. */
PROBE_CASE(quiet)
{
    unsigned long naps, calls;

    workers_start(2);
    probe_quiet(true);
    poll(NULL, 0, 300);
    probe_quiet(false);
    naps = probe_count(PROBE_SLEEP);
    calls = probe_sleep_calls;
    probe_expect(naps <= 8, "SLEEPS INSTEAD OF WAITING", "worker", (long)naps,
                 300, 0);
    probe_expect(calls <= 40, "BUSY LOOP", "worker", (long)calls, 300, 0);
    probe_if_stuck("NEVER STOPS", "workers", 0, 0, 0);
    workers_stop();
}

/* The only worker sleeps, surely; then there is a task. */
PROBE_CASE(wakes)
{
    struct fib *root = fib_new(1, NULL);

    probe_doing = PROBE_SLEEPS;
    workers_start(1);
    probe_quiet(true);
    poll(NULL, 0, 200);
    probe_quiet(false);
    run_root(&root->task);
    probe_if_stuck("NEVER STOPS", "workers", 0, 0, 0);
    workers_stop();
}

/* A task that waits, without its worker, for its children: somebody else has to
 * steal them. */
static sem_t probe_helped;

static void probe_child_run(struct task *self, struct worker *worker)
{
    (void)self;
    (void)worker;
    sem_post(&probe_helped);
}

static void probe_parent_run(struct task *self, struct worker *worker)
{
    static struct task children[3];

    for (int i = 0; i < 3; i++) {
        children[i].run = probe_child_run;
        push_task(worker, &children[i]);
    }
    probe_if_stuck("UNBALANCED LOAD: not stolen", "parent", 0, 0, 0);
    for (int i = 0; i < 3; i++)
        sem_wait(&probe_helped);
    task_done(self, worker);
}

PROBE_CASE(helps)
{
    struct task parent = {.run = probe_parent_run};

    sem_init(&probe_helped, 0, 0);
    workers_start(3);
    run_root(&parent);
    workers_stop();
}

/* fib(14): 1,219 tasks, on four workers. */
PROBE_CASE(many)
{
    struct fib *root = fib_new(14, NULL);

    workers_start(4);
    probe_quiet(true);
    run_root(&root->task);
    probe_quiet(false);
    workers_stop();
    probe_expect(root->result == 377, "WRONG RESULT", "fib", 14, root->result,
                 377);
}

/*
 * One worker, one root after the other. main waits a little before each, so
 * that the worker is on its way to sleep, or asleep: the runner delays each
 * call in turn, by more than that.
 */
PROBE_CASE(sweep)
{
    probe_doing = PROBE_SWEEPS;
    workers_start(1);
    for (int i = 0; i < 2; i++) {
        struct fib *root = fib_new(1, NULL);

        probe_quiet(true);
        poll(NULL, 0, 60);
        probe_quiet(false);
        run_root(&root->task);
    }
    probe_if_stuck("NEVER STOPS", "workers", 0, 0, 0);
    workers_stop();
}
