/* SPDX-License-Identifier: MIT */
/*
 * Lesson 17, stealing - who runs my child tasks?
 *
 * New here: each worker has a queue of its own, with two ends. It pushes and
 * pops at the bottom; one that has nothing to do steals at the top:
 *
 *     worker-0                                       worker-1
 *     push, pop -> bottom [ 9 | 8 | 5 ] top <- steal
 *
 * A task that forks pushes its children into its worker's deque and ends. The
 * child that is done last pushes its parent again, which then joins: adds up
 * what they have found. Nobody waits for a child.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main; the workers, which run all tasks.
 */
#include "../lesson.h"

#include <stdatomic.h>

/*@probe struct deque; */
/*@probe struct worker; */
/*@probe static struct task *probe_deque_pop(struct deque *self); */
/*@probe static struct task *probe_find_task(struct worker *self); */
/*@probe static void probe_worker_sleep(void); */
/*@probe static void probe_owner(const struct deque *self); */
/*@probe static void probe_between(void); */
/*@probe static void probe_level(struct deque *self, bool stolen); */
/*@probe static void probe_wait(bool waits); */
/*@probe static void probe_waits_on(const pthread_cond_t *condition); */
/* --- Task: runs to its end, on some worker ------------------------------- */

struct worker;

struct task {
    void (*run)(struct task *self, struct worker *worker);
    struct task *parent; /* NULL: it is the root */
    atomic_int children; /* that are not done */
};

#include "injector.h"

/* --- Deque: one owner at the bottom, thieves at the top ------------------- */

enum { SLOTS = 1024 };

/* Full from top to bottom - 1; both only grow, but for the owner's pop. The
 * task of position i is in slots[i % SLOTS]. */
struct deque {
    atomic_long top;    /* the next to be stolen */
    atomic_long bottom; /* where the owner pushes */
    _Atomic(struct task *) slots[SLOTS];
};

/* The owner only. */
static void deque_push(struct deque *self, struct task *task)
{
    const long bottom = atomic_load(&self->bottom);

    lesson_expect(bottom - atomic_load(&self->top) < SLOTS, "deque full");
    /*@probe probe_owner(self); */
    atomic_store(&self->slots[bottom % SLOTS], task);
    atomic_store(&self->bottom, bottom + 1);
    /*@probe probe_level(self, false); */
}

/* Any thread. Returns: the oldest task; NULL: none, or another was faster. */
static struct task *deque_steal(struct deque *self)
{
    long top = atomic_load(&self->top);
    const long bottom = atomic_load(&self->bottom);
    struct task *task;

    if (top >= bottom)
        return NULL;
    task = atomic_load(&self->slots[top % SLOTS]);
    /*@probe probe_between(); */
    if (!atomic_compare_exchange_strong(&self->top, &top, top + 1))
        return NULL; /* top is not what it was: that task is taken */
    /*@probe probe_level(self, true); */
    return task;
}

/*@todo 17.1 deque_pop
en: The owner takes the newest task. If more than one is left, no thief comes
en: so far down. For the last one there is a race: whoever moves `top` past it
en: has it, by the same compare-exchange as in deque_steal(). Either way the
en: deque is empty then, and `bottom` must be where it was.
fr: Le propriétaire prend la tâche la plus récente. S'il en reste plusieurs,
fr: aucun voleur ne descend jusque-là. La dernière se joue à la course : elle
fr: est à qui fait passer `top` au-delà d'elle, par le même échange comparé que
fr: deque_steal(). Dans les deux cas, la deque est alors vide, et `bottom` doit
fr: être où il était.
stub:
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;
    long top;

    atomic_store(&self->bottom, bottom); /+ thieves: this one is mine +/
    top = atomic_load(&self->top);
    if (top < bottom)
        return atomic_load(&self->slots[bottom % SLOTS]);
    atomic_store(&self->bottom, bottom + 1);
    return NULL; /+ the stub: the last one is left to the thieves +/
}
*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;
    struct task *task = NULL;
    long top;

    atomic_store(&self->bottom, bottom); /* thieves: this one is mine */
    top = atomic_load(&self->top);
    if (top <= bottom)
        task = atomic_load(&self->slots[bottom % SLOTS]);
    if (top < bottom)
        return task;
    if (task && !atomic_compare_exchange_strong(&self->top, &top, top + 1))
        task = NULL;
    atomic_store(&self->bottom, bottom + 1);
    return task;
}
/*@end 17.1*/
/*@probe #define deque_pop probe_deque_pop */

/* --- Workers -------------------------------------------------------------- */

enum { MOST_WORKERS = 8 };

struct worker {
    int number;
    char name[16];
    pthread_t thread;
    struct deque deque;
};

static struct worker workers[MOST_WORKERS];
static int worker_count;

/* Workers that sleep, and main, which waits for the root. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;    /* there may be something to do */
    pthread_cond_t is_done; /* the root is */
    atomic_int sleepers;
    atomic_bool stop;
    bool done;
} idle = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .more = PTHREAD_COND_INITIALIZER,
          .is_done = PTHREAD_COND_INITIALIZER};

/* After a push. A worker that sleeps has said so before its last look. */
static void wake_one(void)
{
    if (atomic_load(&idle.sleepers) == 0)
        return;
    pthread_mutex_lock(&idle.lock);
    pthread_cond_signal(&idle.more);
    pthread_mutex_unlock(&idle.lock);
}

static void push_task(struct worker *self, struct task *task)
{
    deque_push(&self->deque, task);
    wake_one();
}

/* Whether there is a task anywhere. */
static bool is_any_task(void)
{
    bool found = injector_has_task();

    for (int i = 0; i < worker_count && !found; i++)
        found = atomic_load(&workers[i].deque.top) <
                atomic_load(&workers[i].deque.bottom);
    return found;
}

/*@todo 17.2 find_task
en: Return a task for this worker, NULL if there is none: first from its own
en: deque, then from the injector, then from the other workers, all of them,
en: beginning with its neighbour.
fr: Renvoyez une tâche pour ce worker, NULL s'il n'y en a pas : d'abord de sa
fr: propre deque, puis de l'injecteur, puis des autres workers, de tous, en
fr: commençant par son voisin.
stub:
static struct task *find_task(struct worker *self)
{
    (void)self;
    (void)deque_pop;
    (void)deque_steal;
    return injector_take();
}
*/
static struct task *find_task(struct worker *self)
{
    struct task *task = deque_pop(&self->deque);

    if (!task)
        task = injector_take();
    for (int i = 1; i < worker_count && !task; i++)
        task = deque_steal(&workers[(self->number + i) % worker_count].deque);
    return task;
}
/*@end 17.2*/
/*@probe #define find_task probe_find_task */

/*@probe #define pthread_cond_wait(condition, lock) (probe_waits_on(condition), pthread_cond_wait(condition, lock)) */
/*@todo 17.3 worker_sleep
en: Sleep on idle.more, under idle.lock. Say that you sleep (idle.sleepers),
en: and then look once more: is_any_task(), idle.stop. What was pushed after
en: this look wakes you; what was pushed before it must keep you awake.
fr: Dormez sur idle.more, sous idle.lock. Dites que vous dormez
fr: (idle.sleepers), et regardez ensuite encore une fois : is_any_task(),
fr: idle.stop. Ce qui est ajouté après ce regard vous réveille ; ce qui l'a été
fr: avant doit vous empêcher de dormir.
stub:
static void worker_sleep(void)
{
    (void)is_any_task;
    usleep(1000);
}
*/
static void worker_sleep(void)
{
    pthread_mutex_lock(&idle.lock);
    atomic_fetch_add(&idle.sleepers, 1);
    if (!is_any_task() && !atomic_load(&idle.stop))
        pthread_cond_wait(&idle.more, &idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
/*@probe #undef pthread_cond_wait */
/*@probe #define worker_sleep probe_worker_sleep */

static void *worker_main(void *arg)
{
    struct worker *self = arg;

    lesson_name_thread(self->name);
    while (!atomic_load(&idle.stop)) {
        struct task *task = find_task(self);

        if (task)
            task->run(task, self);
        else
            worker_sleep();
    }
    return NULL;
}

static void workers_start(int count)
{
    worker_count = count;
    for (int i = 0; i < count; i++) {
        workers[i].number = i;
        snprintf(workers[i].name, sizeof(workers[i].name), "worker-%d", i);
        lesson_spawn_thread(&workers[i].thread, worker_main, &workers[i]);
    }
}

static void workers_stop(void)
{
    pthread_mutex_lock(&idle.lock);
    atomic_store(&idle.stop, true);
    pthread_cond_broadcast(&idle.more);
    pthread_mutex_unlock(&idle.lock);
    for (int i = 0; i < worker_count; i++)
        pthread_join(workers[i].thread, NULL);
}

/* Hand the root to the workers, and wait until it is done. */
static void run_root(struct task *root)
{
    idle.done = false;
    injector_put(root);
    wake_one();
    /*@probe probe_wait(true); */
    pthread_mutex_lock(&idle.lock);
    while (!idle.done)
        pthread_cond_wait(&idle.is_done, &idle.lock);
    pthread_mutex_unlock(&idle.lock);
    /*@probe probe_wait(false); */
}

/* A task is done: the last of its siblings pushes the parent. */
static void task_done(struct task *self, struct worker *worker)
{
    if (self->parent) {
        if (atomic_fetch_sub(&self->parent->children, 1) == 1)
            push_task(worker, self->parent);
        return;
    }
    pthread_mutex_lock(&idle.lock);
    idle.done = true;
    pthread_cond_signal(&idle.is_done);
    pthread_mutex_unlock(&idle.lock);
}

/* --- fib(n): a task for each call ------------------------------------------
 */

struct fib {
    struct task task; /* first member: a pointer to it can be cast */
    int n, result;
    struct fib *child[2];
};

static struct fib *fib_new(int n, struct task *parent);

static void fib_join(struct task *task, struct worker *worker)
{
    struct fib *self = (struct fib *)task;

    for (int i = 0; i < 2; i++) {
        self->result += self->child[i]->result;
        free(self->child[i]);
    }
    task_done(task, worker);
}

/* As if it were hard to find out; the processor is busy meanwhile. */
static int work(int n)
{
    for (volatile int i = 0; i < 100000; i++)
        continue;
    return n;
}

static void fib_run(struct task *task, struct worker *worker)
{
    struct fib *self = (struct fib *)task;

    if (self->n < 2) {
        self->result = work(self->n);
        task_done(task, worker);
        return;
    }
    task->run = fib_join;
    atomic_store(&task->children, 2);
    for (int i = 0; i < 2; i++)
        self->child[i] = fib_new(self->n - 1 - i, task);
    for (int i = 0; i < 2; i++)
        push_task(worker, &self->child[i]->task);
}

static struct fib *fib_new(int n, struct task *parent)
{
    struct fib *self = calloc(1, sizeof(*self));

    lesson_expect(self != NULL, "no memory");
    /*@probe probe_figure_add("tasks", 1); */
    self->task.run = fib_run;
    self->task.parent = parent;
    self->n = n;
    return self;
}

/* --- main ------------------------------------------------------------------
 */

int main(int argc, char **argv)
{
    struct fib *root = fib_new(9, NULL);

    lesson_start(argc, argv, "Lesson 17: fib(9), a task for each call.", NULL);
    workers_start(2);
    run_root(&root->task);
    workers_stop();
    lesson_logf("fib(%d) = %d", root->n, root->result);
    free(root);
    return 0;
}
