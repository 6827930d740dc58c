/* SPDX-License-Identifier: MIT */
/*
 * Lesson 10, blocking-pool - why are files different?
 *
 * New here: a file is never "not ready". epoll refuses it, and a write() to it
 * blocks until it is done, O_NONBLOCK or not. So the call is made on another
 * thread, one of a pool of at most eight, and a task waits for it as for
 * anything else: a job is a future.
 *
 *     main (executor)                     pool thread
 *     job_poll: leave the waker,
 *               pool_submit()  -------->  take_job
 *     park() ...zzz... or other tasks     call(): write ... blocked ...
 *                                         lock: result, done; unlock
 *     job_poll: done, READY    <--------  wake
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main runs the executor and all futures; pool threads run calls.
 */
#include "../library.h"

#include <sys/epoll.h>
#include <sys/mman.h>

enum { POOL_THREADS = 8 };

typedef int (*job_call)(void *arg);

/*@probe enum { PROBE_JOBS = 1024 }; */
/*@probe static struct probe_job { */
/*@probe     job_call call; */
/*@probe     void *arg; */
/*@probe     const void *job; */
/*@probe     int number; */
/*@probe     int submits, order, taken; */
/*@probe     const void *handle; */
/*@probe     bool started, finished, woken, unheard, ready; */
/*@probe     struct rv_waker own; */
/*@probe     bool old, held, polled, left; */
/*@probe     int result; */
/*@probe } probe_jobs[PROBE_JOBS]; */
/*@probe static atomic_int probe_job_count, probe_threads; */
/*@probe static pthread_mutex_t probe_lock = PTHREAD_MUTEX_INITIALIZER; */
/*@probe static _Thread_local struct probe_job *probe_mine; */
/*@probe static atomic_int probe_running, probe_ended, probe_meeting; */
/*@probe static atomic_bool probe_ended_early, probe_under_lock; */
/*@probe static bool probe_closing, probe_in_order; */
/*@probe static pthread_t probe_main; */
/*@probe static void probe_enter(void) */
/*@probe { */
/*@probe     probe_quiet(true); */
/*@probe     pthread_mutex_lock(&probe_lock); */
/*@probe } */
/*@probe static void probe_tell(const char *cause, const char *key, int a, int b) */
/*@probe { */
/*@probe     probe_if_stuck(cause, key, a, b, probe_threads); */
/*@probe } */
/*@probe static void probe_leave(void) */
/*@probe { */
/*@probe     int queued = 0, lost = -1, held = -1, kept_back = 0; */
/*@probe     for (int i = 0; i < probe_job_count; i++) { */
/*@probe         const struct probe_job *one = &probe_jobs[i]; */
/*@probe         queued += one->submits && !one->started; */
/*@probe         kept_back += one->polled && !one->submits; */
/*@probe         if (one->finished && !one->ready && lost < 0) */
/*@probe             lost = i; */
/*@probe         if (one->held && !one->ready && !one->unheard && !one->old) */
/*@probe             held = i; */
/*@probe     } */
/*@probe     if (probe_under_lock) */
/*@probe         probe_tell("SERIALISED: under the lock", "under_lock", 0, 0); */
/*@probe     else if (held >= 0) */
/*@probe         probe_tell("DEADLOCK: lock kept @10.2", "kept_run", held + 1, 0); */
/*@probe     else if (lost >= 0) */
/*@probe         probe_tell(!probe_jobs[lost].woken ? "LOST WAKE: done, nobody woken" */
/*@probe                    : probe_jobs[lost].unheard */
/*@probe                        ? probe_jobs[lost].left ? "LOST WAKE: done, nobody woken" : "LOST WAKE: done before the waker" */
/*@probe                    : probe_jobs[lost].old ? probe_jobs[lost].left ? "LOST WAKE: an old waker @10.2" : "LOST WAKE: an old waker" */
/*@probe                        : "LOST WAKE: woken before it was done", */
/*@probe                    "job", lost + 1, 0); */
/*@probe     else if (queued && probe_meeting) */
/*@probe         probe_tell("SERIALISED", "calls", probe_meeting, 4); */
/*@probe     else if (queued) */
/*@probe         probe_tell(!probe_ended      ? "STUCK QUEUE" */
/*@probe                    : probe_ended_early ? "STUCK QUEUE: the threads have ended @10.2" */
/*@probe                                        : "STUCK QUEUE: the threads have ended @10.1", */
/*@probe                    probe_ended ? "ended" : "jobs", queued, probe_ended); */
/*@probe     else if (kept_back) */
/*@probe         probe_tell("FORGOTTEN TASK: never handed over", "kept_back", kept_back, 0); */
/*@probe     else if (probe_closing) */
/*@probe         probe_tell("NEVER STOPS", "pool", 0, 0); */
/*@probe     else */
/*@probe         probe_tell(NULL, "", 0, 0); */
/*@probe     pthread_mutex_unlock(&probe_lock); */
/*@probe     probe_quiet(false); */
/*@probe } */
/*@probe static bool probe_has_waker(const void *job, const struct rv_waker *waker); */
/*@probe static int probe_call(void *arg) */
/*@probe { */
/*@probe     struct probe_job *self = arg; */
/*@probe     int result, running; */
/*@probe     probe_expect(self >= probe_jobs && self < probe_jobs + PROBE_JOBS, */
/*@probe                  "WRONG ARGUMENT: of a job", "of_job", 0, 0, 0); */
/*@probe     probe_expect(!pthread_equal(probe_main, pthread_self()), */
/*@probe                  "BLOCKS THE OTHERS", "call", self->number, 0, 0); */
/*@probe     probe_expect(!self->started, */
/*@probe                  self->submits > 1 ? "DOUBLE CALL: handed over twice" */
/*@probe                                    : "DOUBLE CALL: called twice", */
/*@probe                  "job", self->number, 0, 0); */
/*@probe     probe_enter(); */
/*@probe     for (int i = 0; probe_in_order && i < probe_job_count; i++) */
/*@probe         probe_expect(!probe_jobs[i].submits || probe_jobs[i].started || probe_jobs[i].order >= self->order, */
/*@probe                      "STARVATION: last in, first out", "job", self->order, probe_jobs[i].order, 0); */
/*@probe     self->started = true; */
/*@probe     probe_under_lock |= probe_locks_held() > 0; */
/*@probe     probe_leave(); */
/*@probe     probe_event(PROBE_JOB_START, -1, self->number, 0); */
/*@probe     running = ++probe_running; */
/*@probe     probe_expect(running <= POOL_THREADS, "TOO MANY: threads", "running", */
/*@probe                  running, POOL_THREADS, 0); */
/*@probe     result = self->result = self->call(self->arg); */
/*@probe     probe_running--; */
/*@probe     probe_event(PROBE_JOB_DONE, -1, self->number, 0); */
/*@probe     probe_enter(); */
/*@probe     self->finished = true; */
/*@probe     self->left = self->own.queue && probe_has_waker(self->handle, &self->own); */
/*@probe     probe_mine = self; */
/*@probe     probe_leave(); */
/*@probe     return result; */
/*@probe } */
/*@probe static bool probe_is_in_job(const void *at, const void *job); */
/*@probe static void probe_note_wake(const struct rv_waker *waker) */
/*@probe { */
/*@probe     if (!probe_mine) */
/*@probe         return; */
/*@probe     probe_expect(!probe_is_in_job(waker, probe_mine->handle) || probe_locks_held() > 0, */
/*@probe                  "DATA RACE @10.2", "of_job", probe_mine->number, 0, 0); */
/*@probe     probe_enter(); */
/*@probe     probe_mine->woken = true; */
/*@probe     probe_mine->unheard = !waker->queue; */
/*@probe     probe_mine->held = probe_locks_held() > 0; */
/*@probe     probe_mine->old = probe_mine->own.queue && */
/*@probe                       !rv_waker_same(waker, &probe_mine->own); */
/*@probe     probe_leave(); */
/*@probe } */
/*@probe static void probe_waker_wake(const struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_note_wake(waker); */
/*@probe     rv_waker_wake(waker); */
/*@probe } */
/*@probe static void probe_waker_wake_and_drop(struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_note_wake(waker); */
/*@probe     rv_waker_wake(waker); */
/*@probe     rv_waker_drop(waker); */
/*@probe } */
/*@probe static int probe_kept; */
/*@probe static struct rv_waker probe_waker_clone(const struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_kept++; */
/*@probe     return rv_waker_clone(waker); */
/*@probe } */
/*@probe static struct rv_waker probe_waker_replace(struct rv_waker *stored, const struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_kept++; */
/*@probe     return rv_waker_replace(stored, waker); */
/*@probe } */
/*@probe static void probe_waker_store(struct rv_waker *stored, const struct rv_waker *waker) */
/*@probe { */
/*@probe     probe_kept++; */
/*@probe     rv_waker_store(stored, waker); */
/*@probe } */
/*@probe static void probe_thread_ends(void *unused) */
/*@probe { */
/*@probe     int queued = 0; */
/*@probe     (void)unused; */
/*@probe     if (probe_closing) { */
/*@probe         probe_quiet(true); */
/*@probe         usleep(20000); */
/*@probe         probe_quiet(false); */
/*@probe     } */
/*@probe     probe_enter(); */
/*@probe     for (int i = 0; i < probe_job_count; i++) */
/*@probe         queued += probe_jobs[i].submits && !probe_jobs[i].started; */
/*@probe     probe_ended_early |= queued > 0; */
/*@probe     probe_ended++; */
/*@probe     if (probe_closing) { */
/*@probe         pthread_mutex_unlock(&probe_lock); */
/*@probe         probe_quiet(false); */
/*@probe     } else { */
/*@probe         probe_leave(); */
/*@probe     } */
/*@probe } */
/*@probe #define rv_waker_wake probe_waker_wake */
/*@probe #define rv_waker_wake_and_drop probe_waker_wake_and_drop */
/*@probe #define rv_waker_clone probe_waker_clone */
/*@probe #define rv_waker_replace probe_waker_replace */
/*@probe #define rv_waker_store probe_waker_store */

/*@sanitized #define rv_waker_wake(waker) (usleep(300), rv_waker_wake(waker)) */
/*@sanitized #define rv_waker_wake_and_drop(waker) (usleep(300), rv_waker_wake_and_drop(waker)) */
static void *pool_run(void *unused);

static void *pool_main(void *name)
{
    lesson_name_thread(name);
    /*@probe pthread_cleanup_push(probe_thread_ends, NULL); */
    /*@probe pool_run(NULL); */
    /*@probe pthread_cleanup_pop(1); */
    /*@probe return NULL; */
    return pool_run(NULL);
}

/* Start a pool thread. */
static void start_thread(pthread_t *thread)
{
    static const char *const names[] = {"pool-1", "pool-2", "pool-3", "pool-4",
                                        "pool-5", "pool-6", "pool-7", "pool-8"};
    static int count;

    /*@probe probe_threads++; */
    /*@probe probe_expect(count < POOL_THREADS, "TOO MANY: threads", "threads", */
    /*@probe              count + 1, POOL_THREADS, 0); */
    lesson_spawn_thread(thread, pool_main,
                        (void *)(uintptr_t)names[count++ % POOL_THREADS]);
}

/*@todo 10.1 pool_submit
en: Put the job at the end of the queue, and see to it that a thread takes it:
en: start one (start_thread) while there are fewer than POOL_THREADS, and signal
en: `more` for one that waits.
fr: Mettez le travail en fin de file, et veillez à ce qu'un thread le prenne :
fr: lancez-en un (start_thread) tant qu'il y en a moins de POOL_THREADS, et
fr: signalez `more` pour un thread qui attend.
stub:
struct job {
    struct rv_future future;
    job_call call; /+ set before it is handed over +/
    void *arg;
    struct job *next; /+ lock held, as the rest +/
    bool queued, done;
    int result;
    struct rv_waker waker;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more; /+ there is a job, or the end +/
    struct job *first, **last;
    pthread_t threads[POOL_THREADS];
    int thread_count;
    bool closing;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .more = PTHREAD_COND_INITIALIZER,
    .last = &pool.first,
};

static void pool_submit(struct job *job)
{
    (void)job;
    (void)start_thread;
}

/+ For a pool thread: wait for a job. Returns: NULL at the end. +/
static struct job *take_job(void)
{
    struct job *job;

    pthread_mutex_lock(&pool.lock);
    while (!pool.first && !pool.closing)
        pthread_cond_wait(&pool.more, &pool.lock);
    job = pool.first;
    if (job)
        pool.first = job->next;
    if (!pool.first)
        pool.last = &pool.first;
    pthread_mutex_unlock(&pool.lock);
    return job;
}

static void pool_close(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.closing = true;
    pthread_cond_broadcast(&pool.more);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.thread_count; i++)
        pthread_join(pool.threads[i], NULL);
}
*/
struct job {
    struct rv_future future;
    job_call call; /* set before it is handed over */
    void *arg;
    struct job *next; /* lock held, as the rest */
    bool queued, done;
    int result;
    struct rv_waker waker;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more; /* there is a job, or the end */
    struct job *first, **last;
    pthread_t threads[POOL_THREADS];
    int thread_count;
    bool closing;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .more = PTHREAD_COND_INITIALIZER,
    .last = &pool.first,
};

static void pool_submit(struct job *job)
{
    pthread_mutex_lock(&pool.lock);
    *pool.last = job;
    pool.last = &job->next;
    if (pool.thread_count < POOL_THREADS)
        start_thread(&pool.threads[pool.thread_count++]);
    pthread_cond_signal(&pool.more);
    pthread_mutex_unlock(&pool.lock);
}

/* For a pool thread: wait for a job. Returns: NULL at the end. */
static struct job *take_job(void)
{
    struct job *job;

    pthread_mutex_lock(&pool.lock);
    while (!pool.first && !pool.closing)
        pthread_cond_wait(&pool.more, &pool.lock);
    job = pool.first;
    if (job)
        pool.first = job->next;
    if (!pool.first)
        pool.last = &pool.first;
    pthread_mutex_unlock(&pool.lock);
    return job;
}

static void pool_close(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.closing = true;
    pthread_cond_broadcast(&pool.more);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.thread_count; i++)
        pthread_join(pool.threads[i], NULL);
}
/*@end 10.1*/
/*@probe static bool probe_is_in_job(const void *at, const void *job) */
/*@probe { */
/*@probe     return (const char *)at >= (const char *)job && (const char *)at < (const char *)job + sizeof(struct job); */
/*@probe } */
/*@probe static bool probe_has_waker(const void *job, const struct rv_waker *waker) */
/*@probe { */
/*@probe     for (size_t i = 0; i + sizeof(*waker) <= sizeof(struct job); i += sizeof(void *)) */
/*@probe         if (memcmp((const char *)job + i, waker, sizeof(*waker)) == 0) */
/*@probe             return true; */
/*@probe     return false; */
/*@probe } */
/*@probe static struct job *probe_taken(struct job *job) */
/*@probe { */
/*@probe     struct probe_job *one = NULL; */
/*@probe     probe_enter(); */
/*@probe     for (int i = 0; job && i < probe_job_count; i++) */
/*@probe         if (probe_jobs[i].handle == job) */
/*@probe             one = &probe_jobs[i]; */
/*@probe     if (one && ++one->taken > one->submits) */
/*@probe         probe_fail("DOUBLE CALL: taken twice", "taken", one->number, one->submits, one->taken); */
/*@probe     probe_leave(); */
/*@probe     return job; */
/*@probe } */
/*@probe #define take_job(...) probe_taken(take_job(__VA_ARGS__)) */
/*@probe static void probe_submit(struct job *job) */
/*@probe { */
/*@probe     static int submitted; */
/*@probe     struct probe_job *one = NULL; */
/*@probe     const int held = probe_locks_held(); */
/*@probe     const unsigned long sleeps = probe_sleeps(); */
/*@probe     for (int i = 0; i < probe_job_count; i++) */
/*@probe         if (probe_jobs[i].job == job) */
/*@probe             one = &probe_jobs[i]; */
/*@probe     if (one) */
/*@probe         probe_event(PROBE_JOB_QUEUED, -1, one->number, 0); */
/*@probe     if (one && one->submits++ == 0) */
/*@probe         one->order = ++submitted; */
/*@probe     if (held) */
/*@probe         probe_tell("DEADLOCK: handed over under the lock", "submit", 0, 0); */
/*@probe     pool_submit(job); */
/*@probe     probe_expect(probe_locks_held() <= held, "DEADLOCK: lock kept @10.1", */
/*@probe                  "kept_submit", 0, 0, 0); */
/*@probe     probe_expect(!one || !one->finished || probe_sleeps() == sleeps, */
/*@probe                  "BLOCKS THE OTHERS @10.1", "submit", one ? one->number : 0, 0, 0); */
/*@probe     probe_enter(); */
/*@probe     probe_leave(); */
/*@probe } */
/*@probe #define pool_submit probe_submit */
/*@probe static void probe_pool_close(void) */
/*@probe { */
/*@probe     probe_closing = true; */
/*@probe     probe_if_stuck("NEVER STOPS", "pool", 0, 0, 0); */
/*@probe     pool_close(); */
/*@probe     probe_expect(probe_ended == probe_threads, "NEVER STOPS: not waited for", */
/*@probe                  "not_joined", probe_threads - probe_ended, probe_threads, 0); */
/*@probe } */
/*@probe #define pool_close probe_pool_close */

/*@todo 10.2 pool_run
en: A pool thread: as long as there is a job, make its call, and tell the task
en: that waits: the result and `done` under the lock, then wake it. Once `done`
en: is seen, the job may be gone.
fr: Un thread du pool : tant qu'il y a un travail, faites son appel, puis
fr: prévenez la tâche qui attend : le résultat et `done` sous le verrou, puis
fr: réveillez-la. Dès que `done` est vu, le travail peut avoir disparu.
stub:
static void *pool_run(void *unused)
{
    (void)unused;
    (void)take_job;
    return NULL;
}
*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        const int result = job->call(job->arg);
        struct rv_waker waker;

        pthread_mutex_lock(&pool.lock);
        job->result = result;
        job->done = true;
        waker = rv_waker_take(&job->waker);
        pthread_mutex_unlock(&pool.lock);
        rv_waker_wake_and_drop(&waker);
    }
    return NULL;
}
/*@end 10.2*/

/*@todo 10.3 job_poll
en: The first poll hands the job over. Each poll leaves its waker, then looks
en: whether it is done: READY with the result. Both under the lock, for a pool
en: thread may be at it.
fr: Le premier sondage confie le travail. Chacun laisse son waker, puis regarde
fr: s'il est fait : READY avec le résultat. Les deux sous le verrou, car un
fr: thread du pool y est peut-être.
stub:
static enum rv_poll job_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    RV_RETURN(future, -ENOSYS);
}
*/
static enum rv_poll job_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct job *self = RV_CONTAINER_OF(future, struct job, future);
    bool done;

    pthread_mutex_lock(&pool.lock);
    rv_waker_store(&self->waker, &cx->waker);
    done = self->done;
    pthread_mutex_unlock(&pool.lock);
    if (!self->queued) {
        self->queued = true;
        pool_submit(self);
    }
    if (!done)
        return RV_PENDING;
    RV_RETURN(future, self->result);
}
/*@end 10.3*/
/*@probe static void probe_result(const struct rv_future *future, */
/*@probe                          const struct probe_job *one) */
/*@probe { */
/*@probe     bool kept = false; */
/*@probe     if (one->result < 1000 || future->result == one->result) */
/*@probe         return; */
/*@probe     for (size_t i = 0; i < sizeof(struct job); i += sizeof(int)) */
/*@probe         kept |= memcmp((const char *)future + i, &one->result, sizeof(int)) == 0; */
/*@probe     probe_fail(kept ? "ERROR LOST @10.3" : "ERROR LOST @10.2", "of_job", one->number, */
/*@probe                one->result, future->result); */
/*@probe } */
/*@probe static enum rv_poll probe_job_poll(struct rv_future *future, */
/*@probe                                    struct rv_cx *cx) */
/*@probe { */
/*@probe     enum rv_poll state; */
/*@probe     bool had; */
/*@probe     int kept; */
/*@probe     for (int i = 0; i < probe_job_count; i++) */
/*@probe         if ((const struct rv_future *)probe_jobs[i].job == future) */
/*@probe             probe_jobs[i].own = cx->waker; */
/*@probe     had = probe_has_waker(future, &cx->waker); */
/*@probe     kept = probe_kept; */
/*@probe     state = job_poll(future, cx); */
/*@probe     probe_expect(had || kept != probe_kept || state == RV_READY || !probe_has_waker(future, &cx->waker), */
/*@probe                  "PUT TWICE: a waker @10.3", "assigned", 0, 0, 0); */
/*@probe     probe_expect(!probe_locks_held(), "DEADLOCK: lock kept @10.3", "kept_poll", 0, 0, 0); */
/*@probe     for (int i = 0; i < probe_job_count; i++) { */
/*@probe         if ((const struct rv_future *)probe_jobs[i].job != future) */
/*@probe             continue; */
/*@probe         probe_enter(); */
/*@probe         probe_jobs[i].polled = true; */
/*@probe         probe_leave(); */
/*@probe         if (state != RV_READY) */
/*@probe             continue; */
/*@probe         probe_expect(probe_jobs[i].finished || future->result < 0, "READY TOO EARLY", "job", i + 1, */
/*@probe                      0, 0); */
/*@probe         probe_result(future, &probe_jobs[i]); */
/*@probe         probe_enter(); */
/*@probe         probe_jobs[i].ready = true; */
/*@probe         probe_jobs[i].job = NULL; */
/*@probe         probe_leave(); */
/*@probe     } */
/*@probe     return state; */
/*@probe } */
/*@probe #define job_poll probe_job_poll */
/*@sanitized #undef rv_waker_wake */
/*@sanitized #undef rv_waker_wake_and_drop */

/* Only when it is READY, or was never polled: a call cannot be taken back. */
static void job_drop(struct rv_future *future)
{
    rv_waker_drop(&RV_CONTAINER_OF(future, struct job, future)->waker);
}

static void job_init(struct job *self, job_call call, void *arg)
{
    static const struct rv_future_ops ops = {
        .name = "job", .poll = job_poll, .drop = job_drop};

    /*@probe struct probe_job *one = &probe_jobs[probe_job_count]; */
    /*@probe probe_main = pthread_self(); */
    /*@probe *one = (struct probe_job){.call = call, .arg = arg, .job = self, .handle = self, */
    /*@probe                           .number = ++probe_job_count}; */
    /*@probe call = probe_call; */
    /*@probe arg = one; */
    *self = (struct job){.call = call, .arg = arg};
    rv_future_init(&self->future, &ops);
}

/* --- A file, which a job writes ---------------------------------------- */

enum { FILES = 100, FILE_BYTES = 1 << 16, DISK_MS = 4 };

static char content[FILE_BYTES];

/* A file in memory: like one on a disk, but nothing is left of it. */
static int open_file(void)
{
    return lesson_unwrap(memfd_create("file", MFD_CLOEXEC), "memfd_create");
}

/* The blocking call. The pause is what a disk would take: a file in memory has
 * none. Returns: 0, or a negative errno. */
static int write_file(void *unused)
{
    const struct timespec disk = {0, DISK_MS * 1000000L};
    const int file = open_file();
    size_t done = 0;
    ssize_t n = 0;

    (void)unused;
    while (done < FILE_BYTES && n >= 0) {
        n = write(file, content + done, FILE_BYTES - done);
        done += n > 0 ? (size_t)n : 0;
    }
    /*@probe probe_quiet(true); */
    nanosleep(&disk, NULL);
    /*@probe probe_quiet(false); */
    close(file);
    return n < 0 ? -EIO : 0;
}

struct file {
    struct rv_future future;
    struct job write;
};

static enum rv_poll file_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct file *self = RV_CONTAINER_OF(future, struct file, future);

    /*@sanitized rv_waker_wake(&cx->waker); */
    RV_BEGIN(future);
    job_init(&self->write, write_file, NULL);
    RV_AWAIT(future, cx, &self->write.future); /* other tasks run meanwhile */
    rv_drop(&self->write.future);
    RV_RETURN(future, self->write.future.result);
    RV_END(future);
}

static struct rv_future *file_new(void)
{
    static const struct rv_future_ops ops = {.name = "file", .poll = file_poll};
    struct file *self = rv_alloc(sizeof(*self));

    lesson_expect(self != NULL, "out of memory");
    rv_future_init(&self->future, &ops);
    return &self->future;
}

/* --- Ticker: how late is a tick of 1 ms, beside the files? ------------- */

struct ticker {
    struct rv_future future;
    struct rv_interval every;
    int ticks;
    int64_t late_ns; /* the latest of them */
};

static enum rv_poll ticker_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct ticker *self = RV_CONTAINER_OF(future, struct ticker, future);
    int64_t late_ns;

    /*@probe if (self->ticks > 500) */
    /*@probe     return RV_PENDING; */
    RV_BEGIN(future);
    rv_interval_init(&self->every, rv_after_ms(1), RV_NS_PER_MS, RV_TICK_SKIP);
    for (;;) {
        rv_interval_next(&self->every);
        RV_AWAIT(future, cx, &self->every.future);
        /*@probe probe_event(PROBE_TICK, -1, -1, 0); */
        late_ns = rv_now_ns() - self->every.tick_ns;
        self->late_ns = late_ns > self->late_ns ? late_ns : self->late_ns;
        self->ticks++;
    }
    RV_END(future);
}

static void ticker_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct ticker, future)->every.future);
}

/* --- main -------------------------------------------------------------- */

/* What epoll and O_NONBLOCK say to a file. */
static void ask_the_kernel(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
    const int epoll = lesson_unwrap(epoll_create1(EPOLL_CLOEXEC), "epoll");
    const int file = open_file();

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) < 0)
        lesson_logf("epoll_ctl(file): %s", strerror(errno));
    fcntl(file, F_SETFL, O_NONBLOCK);
    lesson_logf("write of %d bytes, O_NONBLOCK: %zd", FILE_BYTES,
                write(file, content, FILE_BYTES));
    close(file);
    close(epoll);
}

int main(int argc, char **argv)
{
    static const struct rv_future_ops ops = {
        .name = "ticker", .poll = ticker_poll, .drop = ticker_drop};
    struct ticker ticker = {.ticks = 0};
    struct rv_runtime *runtime;
    struct rv_scope files;
    struct rv_future *either[] = {&ticker.future, &files.future};
    struct rv_select select; /* the ticker never ends: READY with the files */

    lesson_start(argc, argv, "Lesson 10: a hundred files, and a tick.", NULL);
    lesson_count();
    ask_the_kernel();
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    rv_future_init(&ticker.future, &ops);
    rv_scope_init(&files, rv_runtime_executor(runtime));
    for (int i = 0; i < FILES; i++)
        rv_scope_spawn(&files, file_new());
    rv_select_init(&select, either, 2);
    rv_runtime_block_on(runtime, &select.future);
    lesson_logf("%d files: %s", FILES, rv_strerror(files.future.result));
    lesson_logf("%d ticks beside them, late by at most %.2f ms", ticker.ticks,
                (double)ticker.late_ns / RV_NS_PER_MS);
    rv_drop(&select.future);
    rv_runtime_stop(runtime);
    pool_close();
    lesson_take_figures();
    return lesson_end(files.future.result);
}
