/* SPDX-License-Identifier: MIT */
/*
 * Lesson 08, many-executors - can I use several cores, and be fair?
 *
 * New here: many threads, each with an executor of its own, and one reactor for
 * all. A task stays where it was spawned. To have one somewhere else, hand its
 * future over: put it into the inbox of that executor, and wake the task that
 * empties the inbox.
 *
 *     main (an executor too)              executor-3
 *     spawn_on(3, visit):                 park() ...zzz...
 *       lock, append, unlock
 *       wake the inbox task   --------->  poll the inbox: spawn the visit here
 *                                         poll the visit, again and again
 *
 * The executors, wakers and the reactor are the library's, which does what you
 * wrote in lessons 05 and 06. Read main() at the bottom first, then upwards.
 *
 * Threads: each struct says who may touch its members.
 */
#include "../lesson.h"

#include <reveil/async.h>
/*@probe #include <reveil/combine.h> */
/*@probe #include <semaphore.h> */
#include <reveil/executor.h>
#include <reveil/reactor.h>
#include <reveil/runtime.h>
#include <reveil/trace.h>

#include "get.h"

enum { MAX_EXECUTORS = 16, MAX_FUTURES = 256 };

/*@probe static _Thread_local int probe_me = -1; */
/*@probe static _Thread_local struct probe_woken { */
/*@probe     int calls; */
/*@probe     struct rv_waker last; */
/*@probe } probe_woken; */
/*@probe static void probe_note_wake(const struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_woken.calls++; */
/*@probe     probe_woken.last = *waker; */
/*@probe } */
/*@probe static _Thread_local struct { */
/*@probe     const char *inboxes, *end; */
/*@probe     int locks, held; */
/*@probe } probe_spawning; */
/*@probe static int probe_mutex_lock(pthread_mutex_t *lock) */
/*@probe { */
/*@probe     probe_spawning.locks++; */
/*@probe     return pthread_mutex_lock(lock); */
/*@probe } */
/*@probe static void probe_expect_locked(const struct rv_waker *waker) */
/*@probe { */
/*@probe     const char *at = (const char *)waker; */
/*@probe     probe_expect(at < probe_spawning.inboxes || at >= probe_spawning.end || !probe_spawning.locks || */
/*@probe                  probe_locks_held() > probe_spawning.held, "DATA RACE @8.1", "waker", 0, 0, 0); */
/*@probe } */
/*@probe static struct rv_waker probe_waker_take(struct rv_waker *stored) */
/*@probe { */
/*@probe     probe_expect_locked(stored); */
/*@probe     return rv_waker_take(stored); */
/*@probe } */
/*@probe static void probe_waker_wake(const struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_expect_locked(waker); */
/*@probe     probe_note_wake(waker); */
/*@probe     rv_waker_wake(waker); */
/*@probe } */
/*@probe static void probe_kept(const struct rv_waker *waker, int by); */
/*@probe static void probe_waker_wake_and_drop(struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_expect_locked(waker); */
/*@probe     probe_note_wake(waker); */
/*@probe     probe_kept(waker, -1); */
/*@probe     rv_waker_wake(waker); */
/*@probe     rv_waker_drop(waker); */
/*@probe } */
/*@probe static void probe_waker_drop(struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_kept(waker, -1); */
/*@probe     rv_waker_drop(waker); */
/*@probe } */
/*@probe static struct rv_waker probe_waker_clone(const struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_expect_locked(waker); */
/*@probe     probe_kept(waker, 1); */
/*@probe     return rv_waker_clone(waker); */
/*@probe } */
/*@probe static struct rv_waker probe_waker_replace(struct rv_waker *stored, const struct rv_waker *waker) */
/*@probe { */
/*@probe     if (!rv_waker_same(stored, waker)) */
/*@probe         probe_kept(waker, 1); */
/*@probe     return rv_waker_replace(stored, waker); */
/*@probe } */
/*@probe static void probe_waker_store(struct rv_waker *stored, const struct rv_waker *waker) */
/*@probe { */
/*@probe     if (rv_waker_same(stored, waker)) */
/*@probe         return; */
/*@probe     probe_kept(stored, -1); */
/*@probe     probe_kept(waker, 1); */
/*@probe     rv_waker_store(stored, waker); */
/*@probe } */
/*@probe static struct probe_box { */
/*@probe     int given, taken, begun; */
/*@probe     int kept, clones; */
/*@probe     bool polling, overlapped, unwoken; */
/*@probe     int for_nothing; */
/*@probe     struct rv_waker own; */
/*@probe     struct probe_woken woken; */
/*@probe } probe_boxes[MAX_EXECUTORS]; */
/*@probe static pthread_mutex_t probe_lock = PTHREAD_MUTEX_INITIALIZER; */
/*@probe static void probe_enter(void) */
/*@probe { */
/*@probe     probe_quiet(true); */
/*@probe     pthread_mutex_lock(&probe_lock); */
/*@probe } */
/*@probe static void probe_leave(void) */
/*@probe { */
/*@probe     pthread_mutex_unlock(&probe_lock); */
/*@probe     probe_quiet(false); */
/*@probe } */
/*@probe static void probe_kept(const struct rv_waker *waker, int by) */
/*@probe { */
/*@probe     bool twice = false; */
/*@probe     int clones = 0; */
/*@probe     if (!waker->queue) */
/*@probe         return; */
/*@probe     probe_enter(); */
/*@probe     for (int i = 0; i < MAX_EXECUTORS; i++) */
/*@probe         if (rv_waker_same(waker, &probe_boxes[i].own)) { */
/*@probe             probe_boxes[i].kept += by; */
/*@probe             probe_boxes[i].clones += by > 0; */
/*@probe             clones = probe_boxes[i].clones; */
/*@probe             twice = probe_boxes[i].kept < 0; */
/*@probe         } */
/*@probe     probe_leave(); */
/*@probe     probe_expect(!twice, clones ? "PUT TWICE: a waker @8.1" : "PUT TWICE: a waker @8.2", "waker", clones, clones + 1, 0); */
/*@probe } */
/*@probe static const char *probe_lost(const struct probe_box *box) */
/*@probe { */
/*@probe     const struct rv_waker *woken = &box->woken.last; */
/*@probe     if (box->begun >= box->given && !box->polling) */
/*@probe         return "FORGOTTEN TASK: left in the inbox"; */
/*@probe     if (!box->own.queue) */
/*@probe         return "FORGOTTEN TASK: inbox never polled"; */
/*@probe     if (!box->woken.calls || box->unwoken) */
/*@probe         return "LOST WAKE: handed over, not woken"; */
/*@probe     if (!woken->queue) */
/*@probe         return box->overlapped ? "LOST WAKE: waker left too late" */
/*@probe                                : "LOST WAKE: no waker left"; */
/*@probe     return rv_waker_same(woken, &box->own) */
/*@probe                ? "LOST WAKE: woken before it was there" */
/*@probe                : "LOST WAKE: wrong queue"; */
/*@probe } */
/*@probe static atomic_bool probe_closing; */
/*@probe static atomic_int probe_ended; */
/*@probe static atomic_bool probe_ready_early; */
/*@probe static void probe_look(void) */
/*@probe { */
/*@probe     const char *cause = NULL; */
/*@probe     long k = 0, left = 0; */
/*@probe     for (int i = 0; i < MAX_EXECUTORS; i++) */
/*@probe         if (!cause && probe_boxes[i].taken < probe_boxes[i].given) { */
/*@probe             k = i; */
/*@probe             left = probe_boxes[i].given - probe_boxes[i].taken; */
/*@probe             cause = probe_lost(&probe_boxes[i]); */
/*@probe         } */
/*@probe     if (probe_ended) */
/*@probe         probe_if_stuck(probe_ready_early ? "FORGOTTEN TASK: the executor ended @8.2" */
/*@probe                                          : "FORGOTTEN TASK: the executor ended @8.3", */
/*@probe                        "thread", probe_ended - 1, 0, 0); */
/*@probe     else if (cause || !probe_closing) */
/*@probe         probe_if_stuck(cause, "inbox", k, left, 0); */
/*@probe } */
/*@probe static _Thread_local struct rv_executor *probe_made; */
/*@probe static int probe_executor_new(struct rv_executor **out) */
/*@probe { */
/*@probe     const int error = rv_executor_new(out); */
/*@probe     probe_made = *out; */
/*@probe     return error; */
/*@probe } */
/*@probe static void probe_executor_free(struct rv_executor *self) */
/*@probe { */
/*@probe     probe_made = self == probe_made ? NULL : probe_made; */
/*@probe     rv_executor_free(self); */
/*@probe } */
/*@probe static struct { */
/*@probe     const struct rv_future *future; */
/*@probe     bool spawned; */
/*@probe } probe_offers[1024]; */
/*@probe static void probe_offer(const struct rv_future *future) */
/*@probe { */
/*@probe     int i = 0; */
/*@probe     while (i < 1023 && probe_offers[i].future && probe_offers[i].future != future) */
/*@probe         i++; */
/*@probe     probe_offers[i].future = future; */
/*@probe     probe_offers[i].spawned = false; */
/*@probe } */
/*@probe static bool probe_spawned_before(const struct rv_future *future) */
/*@probe { */
/*@probe     bool before = false; */
/*@probe     for (int i = 0; i < 1023; i++) */
/*@probe         if (probe_offers[i].future == future) { */
/*@probe             before = probe_offers[i].spawned; */
/*@probe             probe_offers[i].spawned = true; */
/*@probe         } */
/*@probe     return before; */
/*@probe } */
/*@probe static int probe_spawn_at(struct rv_executor *executor, */
/*@probe                           struct rv_future *future, struct rv_join *join, */
/*@probe                           const char *where) */
/*@probe { */
/*@probe     bool twice; */
/*@probe     probe_expect(executor == rv_executor_current() || executor == probe_made, */
/*@probe                  "WRONG THREAD: spawned from outside", "spawn", 0, 0, 0); */
/*@probe     if (probe_me >= 0) { */
/*@probe         probe_enter(); */
/*@probe         probe_boxes[probe_me].taken++; */
/*@probe         twice = probe_spawned_before(future); */
/*@probe         probe_leave(); */
/*@probe         probe_expect(!twice, "DOUBLE CALL: spawned twice @8.2", "spawned", probe_me, 0, 0); */
/*@probe     } */
/*@probe     return rv_spawn_at(executor, future, join, where); */
/*@probe } */
/*@probe static atomic_int probe_reactors; */
/*@probe static int probe_reactor_start(struct rv_reactor **out) */
/*@probe { */
/*@probe     const int count = ++probe_reactors; */
/*@probe     probe_expect(false, "TOO MANY: reactors", "reactors", count, 0, 0); */
/*@probe     return rv_reactor_start(out); */
/*@probe } */
/*@probe static int probe_runtime_start(struct rv_runtime **out) */
/*@probe { */
/*@probe     const int count = ++probe_reactors; */
/*@probe     probe_expect(count < 2, "TOO MANY: reactors", "reactors", count, 0, 0); */
/*@probe     return rv_runtime_start(out); */
/*@probe } */
/*@probe #define rv_waker_wake probe_waker_wake */
/*@probe #define rv_waker_wake_and_drop probe_waker_wake_and_drop */
/*@probe #define rv_waker_drop probe_waker_drop */
/*@probe #define rv_waker_clone probe_waker_clone */
/*@probe #define rv_waker_take probe_waker_take */
/*@probe #define rv_waker_replace probe_waker_replace */
/*@probe #define rv_waker_store probe_waker_store */
/*@probe #define rv_spawn_at probe_spawn_at */
/*@probe #define rv_executor_new probe_executor_new */
/*@probe #define rv_executor_free probe_executor_free */
/*@probe #define rv_reactor_start probe_reactor_start */
/*@probe #define rv_runtime_start probe_runtime_start */
/*@probe #define pthread_mutex_lock probe_mutex_lock */
/*@todo 8.1 spawn_on
en: Hand a future over to another executor. Any thread may call this: put the
en: future into the inbox under its lock, and wake the task that empties it.
en: That task leaves its waker in the inbox (8.2).
fr: Confiez une future à un autre exécuteur. N'importe quel thread peut
fr: l'appeler : mettez la future dans la boîte de réception, sous son verrou, et
fr: réveillez la tâche qui la vide. Elle laisse son waker dans la boîte (8.2).
stub:
struct inbox {
    struct rv_future future; /+ the task that empties it: its executor's +/
    pthread_mutex_t lock;
    struct rv_future *futures[MAX_FUTURES]; /+ lock held, as the rest +/
    size_t count;
    bool closed;
    struct rv_waker waker; /+ of the task that empties it +/
};

struct executor {
    char name[24];              /+ set before its thread starts +/
    struct rv_reactor *reactor; /+ as well: the same one for all +/
    struct inbox inbox;         /+ any thread +/
    pthread_t thread;           /+ main +/
};

static void spawn_on(struct executor *executor, struct rv_future *future)
{
    (void)executor;
    (void)future;
}
*/
struct inbox {
    struct rv_future future; /* the task that empties it: its executor's */
    pthread_mutex_t lock;
    struct rv_future *futures[MAX_FUTURES]; /* lock held, as the rest */
    size_t count;
    bool closed;
    struct rv_waker waker; /* of the task that empties it */
};

struct executor {
    char name[24];              /* set before its thread starts */
    struct rv_reactor *reactor; /* as well: the same one for all */
    struct inbox inbox;         /* any thread */
    pthread_t thread;           /* main */
};

static void spawn_on(struct executor *executor, struct rv_future *future)
{
    struct inbox *inbox = &executor->inbox;
    struct rv_waker waker;

    pthread_mutex_lock(&inbox->lock);
    lesson_expect(inbox->count < MAX_FUTURES, "inbox full");
    inbox->futures[inbox->count++] = future;
    waker = rv_waker_take(&inbox->waker);
    pthread_mutex_unlock(&inbox->lock);
    rv_waker_wake_and_drop(&waker);
}
/*@end 8.1*/
/*@probe #undef pthread_mutex_lock */

static struct executor executors[MAX_EXECUTORS];
/*@probe static void probe_spawn_on(struct executor *executor, */
/*@probe                            struct rv_future *future) */
/*@probe { */
/*@probe     struct probe_box *box = &probe_boxes[executor - executors]; */
/*@probe     const int held = probe_locks_held(); */
/*@probe     bool before; */
/*@probe     probe_enter(); */
/*@probe     probe_offer(future); */
/*@probe     before = box->polling; */
/*@probe     box->overlapped = false; */
/*@probe     probe_leave(); */
/*@probe     probe_woken.calls = 0; */
/*@probe     probe_spawning.inboxes = (const char *)executors; */
/*@probe     probe_spawning.end = (const char *)(executors + MAX_EXECUTORS); */
/*@probe     probe_spawning.held = held; */
/*@probe     probe_spawning.locks = 0; */
/*@probe     spawn_on(executor, future); */
/*@probe     probe_spawning.inboxes = probe_spawning.end = NULL; */
/*@probe     probe_expect(probe_locks_held() <= held, "DEADLOCK: lock kept @8.1", "kept_spawn", 0, 0, 0); */
/*@probe     probe_enter(); */
/*@probe     box->given++; */
/*@probe     box->unwoken |= !probe_woken.calls; */
/*@probe     box->for_nothing = 0; */
/*@probe     box->woken = probe_woken; */
/*@probe     box->overlapped |= before || box->polling; */
/*@probe     probe_look(); */
/*@probe     probe_leave(); */
/*@probe } */
/*@probe #define spawn_on probe_spawn_on */

/*@todo 8.2 inbox_poll
en: The task that empties the inbox, on its executor's thread: leave the waker,
en: spawn each future that has come, on this executor (cx->executor). READY when
en: the inbox is closed. Whatever comes later must find the waker.
fr: La tâche qui vide la boîte, sur le thread de son exécuteur : laissez le
fr: waker, lancez (rv_spawn) chaque future arrivée sur cet exécuteur
fr: (cx->executor). READY quand la boîte est fermée. Ce qui arrive plus tard
fr: doit trouver le waker.
stub:
static enum rv_poll inbox_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    (void)cx;
    return RV_PENDING;
}

/+ For main, at the end: the inbox task will be READY. +/
static void inbox_close(struct inbox *self)
{
    pthread_mutex_lock(&self->lock);
    self->closed = true;
    rv_waker_wake(&self->waker); /+ nothing, if there is no waker +/
    pthread_mutex_unlock(&self->lock);
}

static void inbox_init(struct inbox *self)
{
    static const struct rv_future_ops ops = {.name = "inbox",
                                             .poll = inbox_poll};

    rv_future_init(&self->future, &ops);
    pthread_mutex_init(&self->lock, NULL);
}

static void inbox_fini(struct inbox *self)
{
    rv_waker_drop(&self->waker);
}
*/
static enum rv_poll inbox_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inbox *self = RV_CONTAINER_OF(future, struct inbox, future);
    bool closed;

    pthread_mutex_lock(&self->lock);
    rv_waker_store(&self->waker, &cx->waker);
    for (size_t i = 0; i < self->count; i++)
        rv_spawn(cx->executor, self->futures[i], NULL);
    self->count = 0;
    closed = self->closed;
    pthread_mutex_unlock(&self->lock);
    return closed ? RV_READY : RV_PENDING;
}

/* For main, at the end: the inbox task will be READY. */
static void inbox_close(struct inbox *self)
{
    pthread_mutex_lock(&self->lock);
    self->closed = true;
    rv_waker_wake(&self->waker); /* nothing, if there is no waker */
    pthread_mutex_unlock(&self->lock);
}

static void inbox_init(struct inbox *self)
{
    static const struct rv_future_ops ops = {.name = "inbox",
                                             .poll = inbox_poll};

    rv_future_init(&self->future, &ops);
    pthread_mutex_init(&self->lock, NULL);
}

static void inbox_fini(struct inbox *self)
{
    rv_waker_drop(&self->waker);
}
/*@end 8.2*/
/*@probe static sem_t probe_begun; */
/*@probe static const struct rv_future_ops *probe_inbox_ops; */
/*@probe static enum rv_poll probe_inbox_poll(struct rv_future *future, */
/*@probe                                      struct rv_cx *cx) */
/*@probe { */
/*@probe     struct probe_box *box = &probe_boxes[probe_me >= 0 ? probe_me : 0]; */
/*@probe     enum rv_poll state; */
/*@probe     probe_expect(probe_me >= 0, "WRONG THREAD", "inbox", 0, 0, 0); */
/*@probe     for (int i = 0; i < MAX_EXECUTORS; i++) */
/*@probe         probe_expect(i == probe_me || future != &executors[i].inbox.future, */
/*@probe                      "WRONG OWNER: another inbox", "inbox", probe_me, i, 0); */
/*@probe     probe_enter(); */
/*@probe     box->begun = box->given; */
/*@probe     box->polling = box->overlapped = true; */
/*@probe     box->own = cx->waker; */
/*@probe     box->unwoken = false; */
/*@probe     sem_post(&probe_begun); */
/*@probe     probe_leave(); */
/*@probe     probe_woken.calls = 0; */
/*@probe     state = probe_inbox_ops->poll(future, cx); */
/*@probe     probe_expect(!probe_locks_held(), "DEADLOCK: lock kept @8.2", "kept_inbox", 0, 0, 0); */
/*@probe     probe_ready_early |= state == RV_READY && !probe_closing; */
/*@probe     box->for_nothing += probe_woken.calls > 0 && state == RV_PENDING; */
/*@probe     probe_expect(box->for_nothing < 100, "BUSY LOOP: wakes itself @8.2", "inbox_spins", probe_me, 0, 0); */
/*@probe     probe_enter(); */
/*@probe     box->polling = false; */
/*@probe     probe_look(); */
/*@probe     probe_leave(); */
/*@probe     return state; */
/*@probe } */
/*@probe static void probe_inbox_init(struct inbox *self) */
/*@probe { */
/*@probe     static struct rv_future_ops ops; */
/*@probe     inbox_init(self); */
/*@probe     if (!self->future.ops || !self->future.ops->poll) */
/*@probe         return; */
/*@probe     probe_inbox_ops = self->future.ops; */
/*@probe     ops = *probe_inbox_ops; */
/*@probe     ops.poll = probe_inbox_poll; */
/*@probe     self->future.ops = &ops; */
/*@probe } */
/*@probe #define inbox_init probe_inbox_init */
/*@probe static bool probe_unheard[MAX_EXECUTORS]; */
/*@probe static atomic_bool probe_closed; */
/*@probe static void probe_inbox_close(struct inbox *self) */
/*@probe { */
/*@probe     for (int i = 0; i < MAX_EXECUTORS; i++) { */
/*@probe         if (&executors[i].inbox != self) */
/*@probe             continue; */
/*@probe         probe_enter(); */
/*@probe         probe_unheard[i] = probe_boxes[i].own.queue && !probe_boxes[i].polling && */
/*@probe                            probe_boxes[i].begun >= probe_boxes[i].given; */
/*@probe         probe_leave(); */
/*@probe         probe_woken = (struct probe_woken){0}; */
/*@probe         inbox_close(self); */
/*@probe         probe_unheard[i] &= probe_woken.calls && !probe_woken.last.queue; */
/*@probe         probe_closed = true; */
/*@probe     } */
/*@probe } */
/*@probe static const char *probe_why_open(int i) */
/*@probe { */
/*@probe     return probe_unheard[i] ? "LOST WAKE: no waker left" */
/*@probe                             : "NEVER STOPS: inbox not closed"; */
/*@probe } */
/*@probe #define inbox_close probe_inbox_close */

/*@todo 8.3 executor_run
en: The thread of one executor: enter the reactor, make an executor, and let it
en: run until the inbox task is READY. The executor belongs to this thread, so
en: free it here.
fr: Le thread d'un exécuteur : entrez dans le réacteur, créez un exécuteur, et
fr: faites-le tourner jusqu'à ce que la tâche de la boîte soit READY.
fr: L'exécuteur appartient à ce thread : libérez-le ici.
stub:
static void *executor_run(void *arg)
{
    struct executor *self = arg;

    lesson_name_thread(self->name);
    return NULL;
}
*/
static void *executor_run(void *arg)
{
    struct executor *self = arg;
    struct rv_executor *executor;

    lesson_name_thread(self->name);
    rv_reactor_enter(self->reactor);
    lesson_expect(rv_executor_new(&executor) == 0, "out of memory");
    rv_block_on(executor, &self->inbox.future);
    rv_executor_free(executor);
    return NULL;
}
/*@end 8.3*/
/*@probe static void *probe_executor_run(void *arg) */
/*@probe { */
/*@probe     void *result; */
/*@probe     probe_me = (int)((struct executor *)arg - executors); */
/*@probe     probe_made = NULL; */
/*@probe     result = executor_run(arg); */
/*@probe     probe_expect(!probe_made, "NEVER RELEASED: the executor", "executor", probe_me, 0, 0); */
/*@probe     if (!probe_closing) */
/*@probe         probe_ended = probe_me + 1; */
/*@probe     probe_enter(); */
/*@probe     probe_look(); */
/*@probe     probe_leave(); */
/*@probe     return result; */
/*@probe } */
/*@probe #define executor_run probe_executor_run */

static void executors_start(int count, struct rv_reactor *reactor)
{
    for (int i = 0; i < count; i++) {
        struct executor *self = &executors[i];

        snprintf(self->name, sizeof(self->name), "executor-%d", i);
        self->reactor = reactor;
        inbox_init(&self->inbox);
        lesson_spawn_thread(&self->thread, executor_run, self);
    }
}

static void executors_stop(int count)
{
    /*@probe probe_closing = true; */
    for (int i = 0; i < count; i++)
        inbox_close(&executors[i].inbox);
    for (int i = 0; i < count; i++) {
        /*@probe probe_if_stuck(probe_why_open(i), "inbox", i, count, 0); */
        pthread_join(executors[i].thread, NULL);
        inbox_fini(&executors[i].inbox);
        /*@probe probe_expect(probe_boxes[i].kept <= 0, "NEVER RELEASED: a waker @8.2", "inbox waker", i, probe_boxes[i].kept, 0); */
    }
}

/* --- Yield: let the other tasks of this executor have their turn ------- */

struct yield {
    struct rv_future future;
    bool yielded;
};

/*@todo 8.4 yield_poll
en: PENDING once, so that other tasks have their turn, and READY at the second
en: poll. Nobody else will wake this task: see to it that it is polled again.
fr: PENDING une fois, pour que d'autres tâches aient leur tour, et READY au
fr: second sondage. Personne d'autre ne réveillera cette tâche : faites qu'elle
fr: soit sondée de nouveau.
stub:
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    (void)cx;
    return RV_READY;
}
*/
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct yield *self = RV_CONTAINER_OF(future, struct yield, future);

    if (self->yielded)
        return RV_READY;
    self->yielded = true;
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}
/*@end 8.4*/
/*@probe static enum rv_poll probe_yield_poll(struct rv_future *future, */
/*@probe                                      struct rv_cx *cx) */
/*@probe { */
/*@probe     enum rv_poll state; */
/*@probe     probe_woken.calls = 0; */
/*@probe     state = yield_poll(future, cx); */
/*@probe     probe_expect(cx->waker.queue, "PUT TWICE: a waker @8.4", "borrowed", 0, 0, 0); */
/*@probe     if (state == RV_PENDING && !probe_woken.calls) */
/*@probe         probe_if_stuck("LOST WAKE: yielded without a wake", "yield", probe_me, */
/*@probe                        0, 0); */
/*@probe     return state; */
/*@probe } */
/*@probe #define yield_poll probe_yield_poll */

static struct yield yield(void)
{
    static const struct rv_future_ops ops = {.name = "yield",
                                             .poll = yield_poll};
    struct yield self = {.yielded = false};

    rv_future_init(&self.future, &ops);
    return self;
}

/* --- Root: hands all visits over, and waits for them ------------------- */

struct root {
    struct rv_future future; /* main, as are the next three */
    int port;
    int executors;
    long work_ms;
    struct rv_waker waker; /* set before the first visit is handed over */
    atomic_int left;       /* visits that are not over; any thread */
    atomic_int error;      /* any thread */
};

static void visit_over(struct root *root, int error)
{
    if (error)
        root->error = error;
    if (atomic_fetch_sub(&root->left, 1) == 1)
        rv_waker_wake(&root->waker);
}

/* --- Visit: a GET, and then some work on the response ------------------ */

enum { SLICES = 4 };

/* Its executor's from the moment it is handed over; memory from rv_alloc(). */
struct visit {
    struct rv_future future;
    struct root *root;
    struct get get;
    struct yield yield;
    int slice;
};

/*@probe static struct probe_trip { */
/*@probe     const struct visit *visit; */
/*@probe     int home, lane; */
/*@probe } probe_trips[MAX_FUTURES]; */
/*@probe static atomic_int probe_trip_count; */
/*@probe static void probe_visit(const struct visit *self) */
/*@probe { */
/*@probe     for (int i = 0; i < probe_trip_count; i++) */
/*@probe         if (probe_trips[i].visit == self && */
/*@probe             (probe_trips[i].lane == MAX_EXECUTORS || */
/*@probe              probe_me != probe_trips[i].home)) */
/*@probe             probe_trips[i].lane = probe_me; */
/*@probe } */
/*@probe static void probe_trips_over(void) */
/*@probe { */
/*@probe     const int first = probe_trips[0].lane; */
/*@probe     int away = 0, same = 0; */
/*@probe     for (int i = 0; i < probe_trip_count; i++) { */
/*@probe         away += probe_trips[i].lane != probe_trips[i].home; */
/*@probe         same += probe_trips[i].lane == first; */
/*@probe     } */
/*@probe     probe_expect(!away || same < probe_trip_count, "UNBALANCED LOAD", */
/*@probe                  first < 0 ? "main" : "one", same, first, 0); */
/*@probe     probe_expect(!away, "WRONG THREAD: handed to another", "away", away, */
/*@probe                  probe_trip_count, 0); */
/*@probe } */
/*
 * RV_BEGIN, RV_AWAIT and RV_RETURN are the state machine of lesson 02 in
 * macros: at an RV_AWAIT the function returns PENDING until that future is
 * READY, and goes on there at the next poll. async.h shows how.
 */
static enum rv_poll visit_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct visit *self = RV_CONTAINER_OF(future, struct visit, future);

    /*@probe probe_visit(self); */
    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->get.future);
    for (self->slice = 0; self->slice < SLICES; self->slice++) {
        work(self->root->work_ms * 1000000 / SLICES);
        self->yield = yield(); /* between two slices: the others' turn */
        RV_AWAIT(future, cx, &self->yield.future);
    }
    if (self->get.request.text)
        lesson_logf("%s", strstr(self->get.request.text, "\r\n\r\n") + 4);
    visit_over(self->root, self->get.future.result);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void visit_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct visit, future)->get.future);
}

static struct rv_future *visit_new(struct root *root, const char *path)
{
    static const struct rv_future_ops ops = {
        .name = "visit", .poll = visit_poll, .drop = visit_drop};
    struct visit *self = rv_alloc(sizeof(*self));

    lesson_expect(self != NULL, "out of memory");
    rv_future_init(&self->future, &ops);
    get_init(&self->get, root->port, path);
    self->root = root;
    return &self->future;
}

/* --- root again -------------------------------------------------------- */

/* Visits go to the executors in turn. The last one that is over wakes us. */
static enum rv_poll root_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct root *self = RV_CONTAINER_OF(future, struct root, future);
    const int count = lesson_path_count();

    RV_BEGIN(future);
    self->waker = rv_waker_clone(&cx->waker);
    self->left = count;
    for (int i = 0; i < count; i++) {
        struct rv_future *visit = visit_new(self, lesson_path(i));

        /*@probe probe_trips[i] = (struct probe_trip){ */
        /*@probe     (const struct visit *)visit, i % self->executors, */
        /*@probe     MAX_EXECUTORS}; */
        /*@probe probe_trip_count = i + 1; */
        spawn_on(&executors[i % self->executors], visit);
    }
    RV_AWAIT_UNTIL(future, self->left == 0);
    RV_RETURN(future, self->error);
    RV_END(future);
}

/* --- main -------------------------------------------------------------- */

int main(int argc, char **argv)
{
    static const struct rv_future_ops ops = {.name = "root", .poll = root_poll};
    struct root root = {
        .executors =
            (int)take_option(&argc, argv, "--executors", 1, MAX_EXECUTORS, 12),
        .work_ms = take_option(&argc, argv, "--work", 0, 1000, 0),
    };
    struct rv_runtime *runtime;
    int error;

    root.port = lesson_start(argc, argv,
                             "Lesson 08: many GETs on several executors. Also "
                             "--executors N, --work MS (a GET).",
                             NULL);
    rv_trace_start(RV_TRACE_COUNTERS);
    rv_future_init(&root.future, &ops);
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    executors_start(root.executors, rv_runtime_reactor(runtime));
    error = rv_runtime_block_on(runtime, &root.future);
    /*@probe probe_trips_over(); */
    executors_stop(root.executors);
    rv_waker_drop(&root.waker); /* now nobody is left who could use it */
    rv_runtime_stop(runtime);
    figures.polls = rv_trace_count(RV_EV_POLL);
    figures.wakes = rv_trace_count(RV_EV_WAKE);
    figures.parks = rv_trace_count(RV_EV_PARK);
    figures.epoll_waits = rv_trace_count(RV_EV_EPOLL_WAIT);
    return lesson_end(error);
}
