/* SPDX-License-Identifier: MIT */
/*
 * Lesson 18, channels - how do tasks talk?
 *
 * New here: a channel, a ring buffer between two tasks. Whoever finds it full,
 * or empty, sleeps at a door until the other has made room, or left a value:
 *
 *     producer                 channel(2)                    consumer
 *     push(43): full           [ 41 | 42 ]
 *     door_park(room) ...zzz...                     41 <---- pop()
 *                              [    | 42 ]    door_unpark(room)
 *     push(43) goes on         [ 43 | 42 ]
 *
 * The tasks are coroutines: a function that waits in the middle. Many senders
 * share the other channel, results (door.h), which has no limit. Through it the
 * GETs of the last part come home, from every runtime of the course.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main; those of the runtimes. The two ends of a channel may be on
 * different threads.
 */
#include "../library.h"

#include <reveil/async.h>
#include <reveil/coro.h>

/*@probe struct wake_door; */
/*@probe static void probe_door(struct wake_door *self, bool permit); */
/*@probe static void probe_park(struct wake_door *self); */
/*@probe static void probe_unpark(struct wake_door *self); */
/*@probe struct spsc; */
/*@probe static void probe_spsc_open(struct spsc *self, unsigned long capacity); */
/*@probe static void probe_spsc_push(struct spsc *self, int value); */
/*@probe static int probe_spsc_pop(struct spsc *self); */
/*@probe struct race_job; */
/*@probe static int probe_check_job(struct race_job *self); */
/*@probe static void probe_numbers(bool begin); */
/*@probe static void probe_reader_spawned(void); */
/*@probe static void probe_race_begins(void); */
/*@probe struct race_job; */
/*@probe static void probe_going(const struct race_job *job); */
/*@probe static void probe_tried(const void *found); */
/*@probe static void probe_stopping(void); */
/*@probe static void probe_locks(bool locks); */
/*@probe static int probe_locked(int result); */
/*@probe static void probe_unlocks(void); */
/*@probe static void probe_naps_now(void); */
/*@probe #include <semaphore.h> */
/*@probe #include <threads.h> */
#include "../08-many-executors/get.h"
#include "door.h"

/* --- SPSC: one sender, one receiver, a limit ------------------------------ */

enum { MOST = 8 }; /* the largest capacity */
/*@probe #define PROBE_LOCK(call) (probe_locks(true), probe_locked(call)) */
/*@probe #define PROBE_UNLOCK(call) (probe_unlocks(), call) */
/*@probe #define pthread_mutex_lock(lock) PROBE_LOCK(pthread_mutex_lock(lock)) */
/*@probe #define pthread_mutex_unlock(lock) PROBE_UNLOCK(pthread_mutex_unlock(lock)) */
/*@probe #define pthread_spin_lock(lock) PROBE_LOCK(pthread_spin_lock(lock)) */
/*@probe #define pthread_spin_unlock(lock) PROBE_UNLOCK(pthread_spin_unlock(lock)) */
/*@probe #define pthread_rwlock_rdlock(lock) PROBE_LOCK(pthread_rwlock_rdlock(lock)) */
/*@probe #define pthread_rwlock_wrlock(lock) PROBE_LOCK(pthread_rwlock_wrlock(lock)) */
/*@probe #define pthread_rwlock_unlock(lock) PROBE_UNLOCK(pthread_rwlock_unlock(lock)) */
/*@probe #define mtx_lock(lock) PROBE_LOCK(mtx_lock(lock)) */
/*@probe #define mtx_unlock(lock) PROBE_UNLOCK(mtx_unlock(lock)) */
/*@probe #define sem_wait(places) PROBE_LOCK(sem_wait(places)) */
/*@probe #define sem_trywait(places) PROBE_LOCK(sem_trywait(places)) */
/*@probe #define sem_post(places) PROBE_UNLOCK(sem_post(places)) */
/*@probe #define rv_coro_sleep_until(end) (probe_naps_now(), rv_coro_sleep_until(end)) */
/*@probe #define rv_sleep_init(nap, end) (probe_naps_now(), rv_sleep_init(nap, end)) */

/*@todo 18.1 spsc_push
en: Put a value into the channel. As long as it is full, sleep at the door
en: `room`. First the value, then the tail that shows it, then wake whoever may
en: sleep at `filled`. The consumer may be on another thread: it moves `head`
en: meanwhile, you alone move `tail`. Value n is in slots[n % capacity].
fr: Déposez une valeur dans le canal. Tant qu'il est plein, dormez à la porte
fr: `room`. D'abord la valeur, ensuite le `tail` qui la montre, ensuite
fr: réveillez qui dort peut-être à `filled`. Le consommateur peut être sur un
fr: autre thread : il avance `head` pendant ce temps, vous seul avancez `tail`.
fr: La valeur n est dans slots[n % capacity].
stub:
struct spsc {
    unsigned long capacity;  /+ 1 to MOST +/
    atomic_ulong head, tail; /+ popped and pushed so far; both only grow +/
    struct wake_door room;        /+ of the producer: the channel was full +/
    struct wake_door filled;      /+ of the consumer: it was empty +/
    int slots[MOST];
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = capacity};
    door_init(&self->room);
    door_init(&self->filled);
}

static void spsc_push(struct spsc *self, int value)
{
    (void)self;
    (void)value;
}
*/
struct spsc {
    unsigned long capacity;  /* 1 to MOST */
    atomic_ulong head, tail; /* popped and pushed so far; both only grow */
    struct wake_door room;   /* of the producer: the channel was full */
    struct wake_door filled; /* of the consumer: it was empty */
    int slots[MOST];
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = capacity};
    door_init(&self->room);
    door_init(&self->filled);
}

static void spsc_push(struct spsc *self, int value)
{
    const unsigned long tail = atomic_load(&self->tail);

    while (tail - atomic_load(&self->head) == self->capacity)
        door_park(&self->room);
    self->slots[tail % self->capacity] = value;
    atomic_store(&self->tail, tail + 1);
    door_unpark(&self->filled);
}
/*@end 18.1*/
/*@probe #define spsc_open probe_spsc_open */
/*@probe #define spsc_push probe_spsc_push */

/*@todo 18.2 spsc_pop
en: Take the oldest value out of the channel. As long as it is empty, sleep at
en: the door `filled`. First take the value, then move `head`, then wake
en: whoever may sleep at `room`.
fr: Retirez du canal la plus ancienne valeur. Tant qu'il est vide, dormez à la
fr: porte `filled`. Prenez d'abord la valeur, avancez ensuite `head`, réveillez
fr: ensuite qui dort peut-être à `room`.
stub:
static int spsc_pop(struct spsc *self)
{
    (void)self;
    return 0;
}
*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    while (atomic_load(&self->tail) == head)
        door_park(&self->filled);
    value = self->slots[head % self->capacity];
    atomic_store(&self->head, head + 1);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
/*@probe #undef pthread_mutex_lock */
/*@probe #undef pthread_mutex_unlock */
/*@probe #undef pthread_spin_lock */
/*@probe #undef pthread_spin_unlock */
/*@probe #undef pthread_rwlock_rdlock */
/*@probe #undef pthread_rwlock_wrlock */
/*@probe #undef pthread_rwlock_unlock */
/*@probe #undef mtx_lock */
/*@probe #undef mtx_unlock */
/*@probe #undef sem_wait */
/*@probe #undef sem_trywait */
/*@probe #undef sem_post */
/*@probe #undef rv_coro_sleep_until */
/*@probe #undef rv_sleep_init */
/*@probe #define spsc_pop probe_spsc_pop */

/* --- The platform's sample: channel(2), and three values ------------------ */

static int32_t reader(void *arg)
{
    for (int i = 0; i < 3; i++)
        lesson_logf("popped %d", spsc_pop(arg));
    return 0;
}

static struct rv_join reader_join;

/* It begins when the calling task waits for something. */
static void spawn_reader(struct spsc *channel)
{
    /*@probe probe_reader_spawned(); */
    lesson_unwrap(rv_coro_spawn(rv_executor_current(), reader, channel, NULL,
                                &reader_join),
                  "reader");
}

/*@todo 18.3 numbers
en: This is the sample of the platform's document: it pushes 41, 42 and 43 into
en: a channel for two, and then spawns the reader. It never ends. Repair it.
fr: Voici l'exemple du document de la plateforme : il dépose 41, 42 et 43 dans
fr: un canal à deux emplacements, puis lance le lecteur. Il ne finit
fr: jamais. Réparez-le.
stub:
static void numbers(struct spsc *channel)
{
    spsc_push(channel, 41);
    spsc_push(channel, 42);
    spsc_push(channel, 43);
    spawn_reader(channel);
}
*/
static void numbers(struct spsc *channel)
{
    spawn_reader(channel);
    spsc_push(channel, 41);
    spsc_push(channel, 42);
    spsc_push(channel, 43);
}
/*@end 18.3*/

/* --- The capstone: the same GETs on every runtime ------------------------- */

#include "runtimes.h"

/* A job has come out of `results`. Returns: 0, or its error. */
static int check_job(struct race_job *self)
{
    const char *text = strrchr(self->path, '/') + 1;
    int error = self->error;

    if (!error && (!self->text || !strstr(self->text, text)))
        error = -EBADMSG;
    if (error)
        lesson_logf("%s: %s", self->path, strerror(-error));
    free(self->text);
    self->text = NULL;
    return error;
}

/*@probe #define check_job probe_check_job */

/*@todo 18.4 race
en: Start the runtime, and all jobs on it together. Then take as many out of
en: `results` as you have started, each with mpsc_pop(), and pass it to
en: check_job(). Stop the runtime. Return what it all has cost: row_between()
en: of row_now() before and after.
fr: Démarrez le runtime, et lancez-y toutes les tâches à la fois. Retirez
fr: ensuite de `results` autant de tâches que vous en avez lancé, chacune par
fr: mpsc_pop(), et passez-la à check_job(). Arrêtez le runtime. Renvoyez ce que
fr: le tout a coûté : row_between() de row_now() avant et après.
stub:
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    (void)runtime;
    (void)jobs;
    (void)count;
    (void)mpsc_pop;
    (void)check_job;
    (void)row_now;
    (void)row_between;
    return (struct row){0};
}
*/
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    const struct row before = row_now();

    runtime->start();
    for (int i = 0; i < count; i++)
        runtime->go(&jobs[i]);
    for (int i = 0; i < count; i++)
        check_job((struct race_job *)mpsc_pop(&results));
    runtime->stop();
    return row_between(before, row_now());
}
/*@end 18.4*/

/* --- main ----------------------------------------------------------------- */

static char paths[MAX_JOBS][32];
static struct race_job jobs[MAX_JOBS];
static int job_count = 100; /* without paths: 0, 10, ... 990 ms */

static void jobs_init(int port)
{
    for (int i = 0; i < job_count; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/%d/get-%d", i * 10, i);
        jobs[i] = (struct race_job){
            .path = lesson_state.path_count ? lesson_path(i) : paths[i]};
        get_init(&jobs[i].get, port, jobs[i].path);
    }
}

/* The first task: all the rest is started by it. */
static int32_t first(void *arg)
{
    static struct spsc channel;

    spsc_open(&channel, 2);
    /*@probe probe_numbers(true); */
    numbers(&channel);
    rv_await(&reader_join.future);
    /*@probe probe_numbers(false); */
    rv_drop(&reader_join.future);
    row_print_head();
    for (int i = 0; i < RUNTIMES; i++) {
        jobs_init(*(int *)arg);
        /*@probe probe_race_begins(); */
        row_print(runtimes[i].name, race(&runtimes[i], jobs, job_count));
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct rv_join join;
    unsigned long would_block;
    int port = lesson_start(argc, argv, "Lesson 18: channels.", NULL);

    if (lesson_state.path_count && lesson_state.path_count < MAX_JOBS)
        job_count = lesson_state.path_count;
    lesson_count();
    mpsc_open(&results);
    lesson_unwrap(rv_runtime_start(&home), "runtime");
    rv_reactor_enter(rv_runtime_reactor(home));
    lesson_unwrap(
        rv_coro_spawn(rv_runtime_executor(home), first, &port, NULL, &join),
        "first task");
    rv_runtime_block_on(home, &join.future);
    rv_drop(&join.future);
    rv_runtime_stop(home);
    would_block = figures.would_block;
    lesson_take_figures();
    figures.would_block = would_block; /* of these reads the library is none */
    return lesson_end(0);
}
