/* SPDX-License-Identifier: MIT */
/*
 * Lesson 05, waker-executor - how does a task get back in line?
 *
 * New here: the executor, which knows tasks and no sockets. A task that waits
 * gives its waker to another thread, which later calls wake().
 *
 *     main (executor)                       bell (another thread)
 *     pop_ready, poll -> NOT_READY  ------> keeps the waker
 *     queue empty: park() ...zzz...         bytes have come:
 *     pop_ready, poll -> READY      <------ wake(): push the task id, unpark()
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main runs the executor and all futures; the bell only wakes.
 */
#include "../lesson.h"

/*@export executor.h*/
/* --- Future: a value that is not there yet, polled --------------------- */

enum poll_state { NOT_READY, READY };
struct waker;

/* Lazy: it starts at its first poll. It must not be polled after READY. */
struct future {
    enum poll_state (*poll)(struct future *self, const struct waker *waker);
    int error; /* once READY: 0 or a negative errno */
};

/* --- Parker: lets one thread sleep, and others wake it ----------------- */

/*@todo 5.4 park and unpark (part two) | park et unpark (seconde partie)
en: park() sleeps until there is a permit, and uses it up; with a permit there
en: already it does not sleep. unpark() leaves the permit and ends the sleep.
en: For now park() naps a millisecond: the responses come, but the thread never
en: rests.
fr: park() dort jusqu'à ce qu'il y ait un jeton, et le consomme ; si le jeton
fr: est déjà là, il ne dort pas. unpark() dépose le jeton et met fin au sommeil.
fr: Pour l'instant, park() somnole une milliseconde : les réponses viennent,
fr: mais le thread ne se repose jamais.
stub:
struct parker {
    pthread_mutex_t lock;
    pthread_cond_t unparked;
    bool permit; /+ left by unpark(), taken by park() +/
};

static void parker_init(struct parker *self)
{
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->unparked, NULL);
    self->permit = false;
}

static void park(struct parker *self)
{
    (void)self;
    lesson_log_park(false);
    usleep(1000);
}

static void unpark(struct parker *self)
{
    (void)self;
}
*/
struct parker {
    pthread_mutex_t lock;
    pthread_cond_t unparked;
    bool permit; /* left by unpark(), taken by park() */
};

static void parker_init(struct parker *self)
{
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->unparked, NULL);
    self->permit = false;
}

static void park(struct parker *self)
{
    pthread_mutex_lock(&self->lock);
    lesson_log_park(self->permit);
    while (!self->permit)
        pthread_cond_wait(&self->unparked, &self->lock);
    self->permit = false;
    pthread_mutex_unlock(&self->lock);
}

static void unpark(struct parker *self)
{
    pthread_mutex_lock(&self->lock);
    self->permit = true;
    pthread_cond_signal(&self->unparked);
    pthread_mutex_unlock(&self->lock);
}
/*@end 5.4*/
/*@probe static void probe_look_for_kept(void); */
/*@probe static void probe_park(struct parker *self) */
/*@probe { */
/*@probe     unsigned long slept = probe_sleeps(); */
/*@probe     probe_look_for_kept(); */
/*@probe     probe_event(PROBE_PARK, -1, -1, 0); */
/*@probe     park(self); */
/*@probe     slept = probe_sleeps() - slept; */
/*@probe     probe_event(slept ? PROBE_AWAKE : PROBE_PERMIT, -1, -1, 0); */
/*@probe } */
/*@probe static void probe_unpark(struct parker *self) */
/*@probe { */
/*@probe     probe_event(PROBE_UNPARK, -1, -1, 0); */
/*@probe     unpark(self); */
/*@probe } */
/*@probe #define park probe_park */
/*@probe #define unpark probe_unpark */

/* --- Ready queue: the ids of the tasks to poll next -------------------- */

enum { MAX_TASKS = 128 };

/*@todo 5.1 pop_ready
en: Take the task id that has waited longest; false if the queue is empty. The
en: id leaves the queue before its task is polled, so that a wake during the
en: poll puts it in again. push_ready() is done.
fr: Retirez le numéro de tâche qui attend depuis le plus longtemps ; false si la
fr: file est vide. Il sort de la file avant le sondage : ainsi un réveil pendant
fr: le sondage l'y remet. push_ready() est déjà écrite.
stub:
struct ready_queue {
    pthread_mutex_t lock;
    size_t task_ids[MAX_TASKS]; /+ each at most once: there is room +/
    size_t count;
};

static void ready_queue_init(struct ready_queue *self)
{
    pthread_mutex_init(&self->lock, NULL);
    self->count = 0;
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    size_t i = 0;

    pthread_mutex_lock(&self->lock);
    while (i < self->count && self->task_ids[i] != task_id)
        i++;
    if (i == self->count) {
        self->task_ids[self->count++] = task_id;
        figures.wakes++;
    }
    pthread_mutex_unlock(&self->lock);
}

static bool pop_ready(struct ready_queue *self, size_t *task_id)
{
    (void)self;
    (void)task_id;
    return false;
}
*/
struct ready_queue {
    pthread_mutex_t lock;
    size_t task_ids[MAX_TASKS]; /* each at most once: there is room */
    size_t count;
};

static void ready_queue_init(struct ready_queue *self)
{
    pthread_mutex_init(&self->lock, NULL);
    self->count = 0;
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    size_t i = 0;

    pthread_mutex_lock(&self->lock);
    while (i < self->count && self->task_ids[i] != task_id)
        i++;
    if (i == self->count) {
        self->task_ids[self->count++] = task_id;
        figures.wakes++;
    }
    pthread_mutex_unlock(&self->lock);
}

static bool pop_ready(struct ready_queue *self, size_t *task_id)
{
    bool found;

    pthread_mutex_lock(&self->lock);
    found = self->count > 0;
    if (found) {
        *task_id = self->task_ids[0];
        memmove(self->task_ids, self->task_ids + 1,
                --self->count * sizeof(*task_id));
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}
/*@end 5.1*/
/*@probe static atomic_bool probe_pushing[MAX_TASKS], probe_queued[MAX_TASKS]; */
/*@probe static atomic_long probe_puts[MAX_TASKS], probe_takes[MAX_TASKS]; */
/*@probe static struct ready_queue *probe_queue; */
/*@probe static void probe_push(struct ready_queue *self, size_t id) */
/*@probe { */
/*@probe     const size_t i = id % MAX_TASKS; */
/*@probe     if (probe_queue && self != probe_queue) { */
/*@probe         push_ready(self, id); */
/*@probe         probe_event(PROBE_PUSH, (long)id, -1, 1); */
/*@probe         return; */
/*@probe     } */
/*@probe     probe_puts[i]++; */
/*@probe     probe_pushing[i] = true; */
/*@probe     push_ready(self, id); */
/*@probe     if (atomic_exchange(&probe_pushing[i], false) && */
/*@probe         !atomic_exchange(&probe_queued[i], true)) */
/*@probe         probe_event(PROBE_PUSH, (long)id, -1, 0); */
/*@probe } */
/*@probe static bool probe_pop(struct ready_queue *self, size_t *id) */
/*@probe { */
/*@probe     long in = -1; */
/*@probe     for (size_t i = 0; i < MAX_TASKS && in < 0; i++) */
/*@probe         in = probe_queued[i] ? (long)i : -1; */
/*@probe     if (!pop_ready(self, id)) { */
/*@probe         if (in >= 0 && self == probe_queue && probe_queued[in]) */
/*@probe             probe_event(PROBE_EMPTY, in, -1, 0); */
/*@probe         return false; */
/*@probe     } */
/*@probe     if (probe_queue && self != probe_queue) */
/*@probe         return true; */
/*@probe     probe_expect(*id < MAX_TASKS, "WRONG OWNER", "id", (long)*id, 0, 0); */
/*@probe     if (++probe_takes[*id] > probe_puts[*id]) */
/*@probe         probe_fail("WRONG OWNER: not in the queue", "takes", (long)*id, */
/*@probe                    probe_takes[*id], probe_puts[*id]); */
/*@probe     probe_pushing[*id] = false; */
/*@probe     if (!atomic_exchange(&probe_queued[*id], false)) */
/*@probe         probe_event(PROBE_PUSH, (long)*id, -1, 0); */
/*@probe     probe_event(PROBE_POP, (long)*id, -1, 0); */
/*@probe     return true; */
/*@probe } */
/*@probe #define push_ready probe_push */
/*@probe #define pop_ready probe_pop */

/* --- Waker: which task, which ready queue, which thread ---------------- */

/* May be copied. It has no pointer to the task: a late wake is harmless. */
struct waker {
    struct parker *parker;
    size_t task_id;
    struct ready_queue *ready_queue;
};

/*@todo 5.2 wake
en: Called by any thread, here by the bell. Put the task id into the ready queue
en: and see to it that the executor's thread looks there. Mind the order.
fr: Appelée par n'importe quel thread, ici par la cloche (bell). Mettez le
fr: numéro de tâche dans la file des tâches prêtes, et faites que le thread de
fr: l'exécuteur y regarde. L'ordre compte.
stub:
static void wake(const struct waker *self)
{
    (void)self;
    (void)unpark;
}
*/
static void wake(const struct waker *self)
{
    push_ready(self->ready_queue, self->task_id);
    unpark(self->parker);
}
/*@end 5.2*/
/*@probe static void probe_wake(const struct waker *self) */
/*@probe { */
/*@probe     const int id = (int)self->task_id; */
/*@probe     const bool again = probe_queued[self->task_id % MAX_TASKS]; */
/*@probe     probe_puts[self->task_id % MAX_TASKS]++; */
/*@probe     probe_event(again ? PROBE_WAKE_AGAIN : PROBE_WAKE, id, -1, 0); */
/*@probe     wake(self); */
/*@probe } */
/*@probe #define wake probe_wake */
/*@probe static struct probe_shell { */
/*@probe     struct future future; */
/*@probe     struct future *inner; */
/*@probe     size_t id; */
/*@probe     bool ready; */
/*@probe } probe_shells[MAX_TASKS]; */
/*@probe static pthread_t probe_main; */
/*@probe static enum poll_state probe_poll(struct future *f, const struct waker *w) */
/*@probe { */
/*@probe     struct probe_shell *shell = (struct probe_shell *)f; */
/*@probe     const long id = (long)shell->id; */
/*@probe     enum poll_state state; */
/*@probe     probe_expect(!shell->ready, "POLLED AFTER READY", "task", id, 0, 0); */
/*@probe     probe_expect(pthread_equal(probe_main, pthread_self()), "WRONG THREAD", */
/*@probe                  "poll", id, 0, 0); */
/*@probe     probe_expect(w->task_id == shell->id, "WRONG OWNER", "waker", id, */
/*@probe                  (long)w->task_id, 0); */
/*@probe     probe_event(PROBE_POLL, (int)id, -1, 0); */
/*@probe     state = shell->inner->poll(shell->inner, w); */
/*@probe     shell->ready = state == READY; */
/*@probe     probe_event(state == READY ? PROBE_READY : PROBE_PENDING, (int)id, -1, 0); */
/*@probe     return state; */
/*@probe } */

/* --- Executor: owns the tasks, polls those in the ready queue ---------- */

static struct {
    struct future *tasks[MAX_TASKS]; /* by task id, which is never reused */
    size_t next_task_id;
    struct ready_queue ready_queue;
    struct parker parker; /* of the thread that runs it */
} executor;

static void executor_init(void)
{
    ready_queue_init(&executor.ready_queue);
    parker_init(&executor.parker);
    /*@probe probe_main = pthread_self(); */
    /*@probe probe_queue = &executor.ready_queue; */
}

/* Take the task out of `tasks`. Returns: NULL if it has finished. */
static struct future *get_future(size_t task_id)
{
    struct future *task = executor.tasks[task_id];

    executor.tasks[task_id] = NULL;
    return task;
}

static void insert_task(size_t task_id, struct future *task)
{
    executor.tasks[task_id] = task;
}

static struct waker get_waker(size_t task_id)
{
    return (struct waker){&executor.parker, task_id, &executor.ready_queue};
}

static size_t task_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < executor.next_task_id; i++)
        count += executor.tasks[i] != NULL;
    return count;
}

/*@probe static void probe_look_for_kept(void) */
/*@probe { */
/*@probe     for (size_t i = 0; i < executor.next_task_id; i++) */
/*@probe         if (executor.tasks[i] && probe_shells[i].ready) */
/*@probe             probe_event(PROBE_KEPT, (long)i, -1, 0); */
/*@probe } */
/* The caller keeps the future valid and unmoved until it is READY. */
static void spawn(struct future *future)
{
    const size_t task_id = executor.next_task_id++;

    lesson_expect(task_id < MAX_TASKS, "too many tasks");
    /*@probe probe_event(PROBE_SPAWN, (int)task_id, -1, 0); */
    /*@probe struct probe_shell *shell = &probe_shells[task_id]; */
    /*@probe *shell = (struct probe_shell){{probe_poll, 0}, future, task_id, */
    /*@probe                               false}; */
    /*@probe future = &shell->future; */
    insert_task(task_id, future);
    push_ready(&executor.ready_queue, task_id);
}

/*@todo 5.3 run_ready_tasks
en: Poll each task whose id comes out of the ready queue, with a waker of its
en: own. A task that is NOT_READY goes back to `tasks`. get_future() gives NULL
en: for a task that has finished: a late wake, and harmless.
fr: Sondez chaque tâche dont le numéro sort de la file, avec un waker à elle.
fr: Une tâche NOT_READY retourne dans `tasks`. get_future() rend NULL pour une
fr: tâche terminée : un réveil tardif, sans conséquence.
stub:
static void run_ready_tasks(void)
{
    (void)pop_ready;
    (void)get_future;
    (void)get_waker;
}

static void block_on(struct future *future)
{
    spawn(future);
    for (;;) {
        run_ready_tasks();
        if (task_count() == 0)
            break;
        park(&executor.parker);
    }
    lesson_log("All tasks finished");
}
*/
static void run_ready_tasks(void)
{
    size_t task_id;

    while (pop_ready(&executor.ready_queue, &task_id)) {
        struct future *task = get_future(task_id);
        const struct waker waker = get_waker(task_id);

        if (!task)
            continue;
        figures.polls++;
        if (task->poll(task, &waker) == NOT_READY)
            insert_task(task_id, task);
    }
}

static void block_on(struct future *future)
{
    spawn(future);
    for (;;) {
        run_ready_tasks();
        if (task_count() == 0)
            break;
        park(&executor.parker);
    }
    lesson_log("All tasks finished");
}
/*@end 5.3*/
/*@end executor.h*/

#include "bell.h"

/* --- http_get: one GET ------------------------------------------------- */

struct http_get_future {
    struct future future; /* first member: a pointer to it can be cast */
    struct lesson_request request;
};

static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        bell_watch(request->stream, waker);
        return NOT_READY;
    }
    future->error = (int)n; /* 0: the end of the response; it is whole */
    close(request->stream);
    return READY;
}

static struct http_get_future http_get(int port, const char *path)
{
    return (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = port, .path = path, .stream = -1},
    };
}

/* --- async_main: two GETs, one after the other ------------------------- */

/* A state machine: `state` says what it waits for, `get` is that future. */
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get;
};

static enum poll_state async_main_poll(struct future *future,
                                       const struct waker *waker)
{
    struct async_main *self = (struct async_main *)future;
    struct future *get = &self->get.future;

    switch (self->state) {
    case START:
        lesson_log("Program starting");
        self->get = http_get(self->port, lesson_path(0));
        self->state = WAIT_1;
        __attribute__((fallthrough));
    case WAIT_1:
        if (get->poll(get, waker) == NOT_READY)
            return NOT_READY;
        future->error = lesson_print(&self->get.request);
        if (future->error)
            return READY;
        self->get = http_get(self->port, lesson_path(1));
        self->state = WAIT_2;
        __attribute__((fallthrough));
    case WAIT_2:
        if (get->poll(get, waker) == NOT_READY)
            return NOT_READY;
        future->error = lesson_print(&self->get.request);
    }
    return READY;
}

/* --- main -------------------------------------------------------------- */

int main(int argc, char **argv)
{
    const int port = lesson_start(
        argc, argv,
        "Lesson 05, stage executor: two GETs, an executor and a bell.", NULL);
    struct async_main root = {.future.poll = async_main_poll, .port = port};

    executor_init();
    bell_start();
    block_on(&root.future);
    bell_stop();
    return lesson_end(root.future.error);
}
