/* SPDX-License-Identifier: MIT */
/*
 * Lesson 14, cpu-pool - what if there are more jobs than workers?
 *
 * New here: a place where jobs wait until a worker is free. A hundred tasks
 * have a job to compute, and there are eight workers. The jobs that are too
 * many go into a pipe, and when the pipe is full the kernel keeps the writes
 * until there is room: nobody's list, nobody's lock.
 *
 *     task: pool_execute()  --->  write of 24 bytes, by the ring
 *           (first sign)    <---  the kernel: it is in the queue pipe now
 *     pool_trigger()        --->  read 24 bytes, give them to a free worker
 *                                       ... the worker computes ...
 *     pool_release_worker() <---  one byte: which worker is free again
 *           (second sign)         wake the task; trigger again
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main runs the executor, all futures and the pool; workers run calls.
 */
#include "pool.h"

static void pool_trigger(void);
/*@probe static void probe_trigger(void); */

/* --- Worker: its call, its byte, its pipe ------------------------------ */

/* A call for a worker: something to compute. */
static int hash(int number)
{
    uint32_t sum = 2166136261u;

    /*@probe probe_expect(!pthread_equal(probe_main, pthread_self()), */
    /*@probe              probe_place == PROBE_TRIGGER */
    /*@probe              ? "BLOCKS THE OTHERS @14.2" */
    /*@probe              : "BLOCKS THE OTHERS @14.1", */
    /*@probe              "call", number, 0, 0); */
    sem_wait(&gate);
    sem_post(&gate);
    for (int i = 0; i < 20000; i++)
        sum = (sum ^ (uint32_t)(number + i)) * 16777619u;
    return (int)(sum >> 1);
}

static void on_byte(void *unused, int32_t result);

/* As long as a worker has a job: have the ring read the next byte. */
static void read_next_byte(void)
{
    const struct rv_ring_call call = {.opcode = IORING_OP_READ,
                                      .fd = pool.bytes[0],
                                      .addr = rv_ring_addr(&pool.byte),
                                      .len = 1,
                                      .offset = UINT64_MAX};
    int busy = 0;

    for (int i = 0; i < WORKERS; i++)
        busy += pool.workers[i].job != NULL;
    if (busy == 0 || pool.reading)
        return;
    pool.reading = true;
    lesson_expect(rv_ring_start(pool.ring, &call, on_byte, NULL) == 0, "ring");
}
/*@probe #define read(fd, to, bytes) probe_pool_read(fd, to, bytes) */
/*@probe #define write(fd, from, bytes) probe_pool_write(fd, from, bytes) */

/* Give what was read from the queue pipe to a free worker. */
static void worker_give(struct worker *self, const struct triple *triple)
{
    self->job = triple->job;
    lesson_unwrap((int)write(self->pipe[1], triple, sizeof(*triple)), "write");
    read_next_byte();
}
/*@probe static void probe_give(struct worker *self, const struct triple *triple) */
/*@probe { */
/*@probe     struct probe_row *row = probe_of(triple->job); */
/*@probe     probe_expect(!self->job, "WORKER BUSY @14.2", "given", self - pool.workers + 1, triple->number, 0); */
/*@probe     probe_expect(row || probe_gone(triple->job), "WRONG PACKET: of the pool @14.2", "given", self - pool.workers + 1, 0, 0); */
/*@probe     probe_expect(!row || (triple->call == row->job->triple.call && triple->number == row->number), */
/*@probe                  "WRONG PACKET: of the pool @14.2", "rest", self - pool.workers + 1, row ? row->number : 0, 0); */
/*@probe     if (row) */
/*@probe         row->given = true; */
/*@probe     probe_gives++; */
/*@probe     worker_give(self, triple); */
/*@probe } */
/*@probe #define worker_give probe_give */

/* --- Job: of a task and of the pool, until both are done with it ------- */

static struct job *job_new(job_call call, int number)
{
    struct job *self = rv_alloc(sizeof(*self));

    lesson_expect(self != NULL, "out of memory");
    self->triple = (struct triple){self, call, number};
    self->references = 2;
    /*@probe probe_rows[probe_row_count++ % PROBE_ROWS] = (struct probe_row){.job = self, .number = number}; */
    return self;
}

static void job_put(struct job *self)
{
    if (--self->references > 0)
        return;
    rv_waker_drop(&self->waker);
    rv_free(self);
}
/*@probe static void probe_job_put(struct job *job) */
/*@probe { */
/*@probe     static const char *const places[] = {"PUT TWICE @14.4", "PUT TWICE @14.1", "PUT TWICE @14.2", "PUT TWICE @14.3", "PUT TWICE @14.4"}; */
/*@probe     struct probe_row *row = probe_of(job); */
/*@probe     const struct probe_row *gone = row ? NULL : probe_gone(job); */
/*@probe     probe_expect(!gone, places[probe_place], "freed", gone ? gone->number : 0, 0, 0); */
/*@probe     if (row) { */
/*@probe         probe_expect(probe_place == PROBE_RELEASE || probe_place == PROBE_DROPPING || probe_failing, places[probe_place], "early", row->number, 0, 0); */
/*@probe         probe_expect(row->puts[probe_place]++ == 0, places[probe_place], "again", row->number, 0, 0); */
/*@probe     } */
/*@probe     job_put(job); */
/*@probe } */
/*@probe #define job_put probe_job_put */
/*@probe #define pool_trigger probe_trigger */

/*@todo 14.1 pool_execute | pool_execute
en: Have the ring write job->triple to pool.queue[1] (IORING_OP_WRITE, offset
en: UINT64_MAX), and call job_queued() when it has: then the packet is in the
en: pipe, not before. job_queued() counts it, and triggers.
fr: Faites écrire job->triple dans pool.queue[1] par le ring (IORING_OP_WRITE,
fr: offset UINT64_MAX), et appeler job_queued() quand c'est fait : le paquet est
fr: alors dans le tube, pas avant. job_queued() le compte, et déclenche.
stub:
static void job_queued(void *job, int32_t result)
{
    (void)job;
    (void)result;
}

static void pool_execute(struct job *job)
{
    (void)job;
    (void)job_queued;
}
*/
static void job_queued(void *job, int32_t result)
{
    (void)job;
    if (result < 0)
        return;
    pool.queued++;
    pool_trigger();
}

static void pool_execute(struct job *job)
{
    const struct rv_ring_call call = {.opcode = IORING_OP_WRITE,
                                      .fd = pool.queue[1],
                                      .addr = rv_ring_addr(&job->triple),
                                      .len = sizeof(job->triple),
                                      .offset = UINT64_MAX};

    lesson_expect(rv_ring_start(pool.ring, &call, job_queued, job) == 0,
                  "ring");
}
/*@end 14.1*/
/*@probe static void probe_execute(struct job *job) */
/*@probe { */
/*@probe     const enum probe_place before = probe_place; */
/*@probe     probe_event(PROBE_JOB_QUEUED, -1, job->triple.number, 0); */
/*@probe     probe_place = PROBE_EXECUTE; */
/*@probe     pool_execute(job); */
/*@probe     probe_place = before; */
/*@probe     probe_update(); */
/*@probe } */
/*@probe #define pool_execute probe_execute */
/*@probe #undef pool_trigger */

/*@todo 14.2 pool_trigger | pool_trigger
en: As long as a packet is in the queue pipe and a worker is free: read one, and
en: give it to that worker. Never more than are there: the read would block.
fr: Tant qu'un paquet est dans le tube et qu'un worker est libre : lisez-en un,
fr: et donnez-le à ce worker. Jamais plus qu'il n'y en a : la lecture
fr: bloquerait.
stub:
static void pool_trigger(void)
{
    (void)worker_give;
}
*/
static void pool_trigger(void)
{
    struct triple triple;

    for (int i = 0; i < WORKERS && pool.queued > 0; i++) {
        if (pool.workers[i].job)
            continue;
        lesson_unwrap((int)read(pool.queue[0], &triple, sizeof(triple)),
                      "read");
        pool.queued--;
        worker_give(&pool.workers[i], &triple);
    }
}
/*@end 14.2*/
/*@probe static void probe_trigger(void) */
/*@probe { */
/*@probe     const enum probe_place before = probe_place; */
/*@probe     probe_triggers++; */
/*@probe     probe_place = PROBE_TRIGGER; */
/*@probe     probe_if_stuck("BLOCKS THE OTHERS @14.2", "trigger", pool.queued, 0, 0); */
/*@probe     probe_trigger_queued = pool.queued; */
/*@probe     probe_trigger_taken = 0; */
/*@probe     pool_trigger(); */
/*@probe     probe_miscounted |= probe_not_counted_down(); */
/*@probe     probe_count_lost |= pool.queued < probe_trigger_queued - probe_trigger_taken; */
/*@probe     probe_place = before; */
/*@probe     probe_update(); */
/*@probe } */
/*@probe #define pool_trigger probe_trigger */

/*@probe static void probe_wake(const struct rv_waker *waker) */
/*@probe { */
/*@probe     for (int i = 0; i < probe_row_count; i++) */
/*@probe         probe_expect(!probe_rows[i].freed || PROBE_ASAN || (const char *)waker < (const char *)probe_rows[i].job || */
/*@probe                          (const char *)waker >= (const char *)(probe_rows[i].job + 1), */
/*@probe                      "MEMORY ERROR @14.3", "put", probe_rows[i].number, 0, 0); */
/*@probe     rv_waker_wake(waker); */
/*@probe } */
/*@probe #define rv_waker_wake probe_wake */

/*@todo 14.3 pool_release_worker | pool_release_worker
en: The worker has made its call: it is free. Its job is done: wake its task,
en: and put the pool's reference. Now there is room for one that waits.
fr: Le worker a fait son appel : il est libre. Son travail est fait : réveillez
fr: sa tâche, et rendez la référence du pool. Il y a maintenant de la place pour
fr: un travail qui attend.
stub:
static void pool_release_worker(struct worker *self)
{
    (void)self;
    (void)job_put;
}
*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;

    self->job = NULL;
    job->done = true;
    rv_waker_wake(&job->waker);
    job_put(job);
    pool_trigger();
}
/*@end 14.3*/
/*@probe static void probe_release(struct worker *self) */
/*@probe { */
/*@probe     struct probe_row *row = probe_of(self->job); */
/*@probe     if (row) */
/*@probe         row->finished = true; */
/*@probe     const struct job *job = self->job; */
/*@probe     const enum probe_place before = probe_place; */
/*@probe     const int triggers = probe_triggers; */
/*@probe     probe_released++; */
/*@probe     probe_place = PROBE_RELEASE; */
/*@probe     pool_release_worker(self); */
/*@probe     probe_place = before; */
/*@probe     if (row && row->freed) */
/*@probe         probe_expect_untouched(job, row->number); */
/*@probe     if (probe_strict || probe_triggers > triggers) */
/*@probe         probe_expect_busy(probe_count_lost ? "STUCK QUEUE @14.2" : "STUCK QUEUE @14.3"); */
/*@probe     if (row) */
/*@probe         row->done = row->freed || row->job->done; */
/*@probe     probe_update(); */
/*@probe } */
/*@probe #define pool_release_worker probe_release */

/* The ring has read a byte: the number of a worker. */
static void on_byte(void *unused, int32_t result)
{
    (void)unused;
    pool.reading = false;
    if (result == 1)
        pool_release_worker(&pool.workers[pool.byte]);
    read_next_byte();
}

/* --- Run: the future of a job ------------------------------------------ */

static int answers; /* of calls that were made */

struct run {
    struct rv_future future; /* first member: a pointer to it can be cast */
    job_call call;
    int number;
    struct job *job; /* NULL: not begun */
};

static enum rv_poll run_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct run *self = (struct run *)future;

    if (!self->job) {
        self->job = job_new(self->call, self->number);
        pool_execute(self->job);
    }
    rv_waker_store(&self->job->waker, &cx->waker);
    if (!self->job->done)
        return RV_PENDING;
    future->result = self->job->result;
    answers++;
    /*@probe if (probe_of(self->job)) */
    /*@probe     probe_of(self->job)->ready = true; */
    /*@probe probe_update(); */
    return RV_READY;
}

/*@todo 14.4 run_drop | run_drop
en: The task does not want its job any more, if it has one: put its reference.
en: Who else may still have the job?
fr: La tâche ne veut plus de son travail, si elle en a un : rendez sa référence.
fr: Qui d'autre peut encore avoir ce travail ?
stub:
static void run_drop(struct rv_future *future)
{
    (void)future;
}
*/
static void run_drop(struct rv_future *future)
{
    struct run *self = (struct run *)future;

    if (self->job)
        job_put(self->job);
}
/*@end 14.4*/
/*@probe static void probe_run_drop(struct rv_future *future) */
/*@probe { */
/*@probe     struct probe_row *row = probe_of(((struct run *)future)->job); */
/*@probe     if (row) */
/*@probe         row->dropped = true; */
/*@probe     const enum probe_place before = probe_place; */
/*@probe     const struct job *jobs[WORKERS]; */
/*@probe     for (int i = 0; i < WORKERS; i++) */
/*@probe         jobs[i] = pool.workers[i].job; */
/*@probe     probe_place = PROBE_DROPPING; */
/*@probe     probe_dropped_run = future; */
/*@probe     if (row && !row->finished) */
/*@probe         probe_if_stuck("BLOCKS THE OTHERS @14.4", "drop", row->number, 0, 0); */
/*@probe     run_drop(future); */
/*@probe     probe_place = before; */
/*@probe     probe_dropped_run = NULL; */
/*@probe     for (int i = 0; i < WORKERS; i++) */
/*@probe         probe_expect(jobs[i] == pool.workers[i].job, "RELEASED WHILE RUNNING @14.4", "forgotten", row ? row->number : 0, i + 1, 0); */
/*@probe     probe_update(); */
/*@probe } */
/*@probe #define run_drop probe_run_drop */

static const struct rv_future_ops run_ops = {
    .name = "run", .poll = run_poll, .drop = run_drop};

/* --- Look: what is where, once the queue is full ----------------------- */

struct look {
    struct rv_future future;
    struct rv_sleep nap;
    int tries, running, in_pipe, in_kernel;
};

static void look_count(struct look *self)
{
    int bytes = 0;

    ioctl(pool.queue[0], FIONREAD, &bytes);
    self->in_pipe = bytes / (int)sizeof(struct triple);
    self->in_kernel = (int)rv_ring_in_flight(pool.ring) - pool.reading;
    self->running = 0;
    for (int i = 0; i < WORKERS; i++)
        self->running += pool.workers[i].job != NULL;
}

static enum rv_poll look_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct look *self = (struct look *)future;

    RV_BEGIN(future);
    do {
        rv_sleep_init(&self->nap, rv_after_ms(2));
        RV_AWAIT(future, cx, &self->nap.future);
        look_count(self);
    } while (self->running + self->in_pipe < WORKERS + PACKETS &&
             ++self->tries < 150);
    /*@probe probe_figure("running", self->running); */
    /*@probe probe_figure("in_pipe", self->in_pipe); */
    /*@probe probe_figure("in_kernel", self->in_kernel); */
    lesson_logf("%d run | %d in the pipe | %d in the kernel", self->running,
                self->in_pipe, self->in_kernel);
    sem_post(&gate);
    RV_RETURN(future, 0);
    RV_END(future);
}

/* --- main -------------------------------------------------------------- */

/* A task for each job. */
static void spawn_runs(struct rv_scope *scope, job_call call, int count)
{
    for (int i = 0; i < count; i++) {
        struct run *self = rv_alloc(sizeof(*self));

        lesson_expect(self != NULL, "out of memory");
        *self = (struct run){.call = call, .number = i + 1};
        rv_future_init(&self->future, &run_ops);
        rv_scope_spawn(scope, &self->future);
    }
}

static void spawn_look(struct rv_scope *scope)
{
    static const struct rv_future_ops ops = {.name = "look", .poll = look_poll};
    struct look *self = rv_alloc(sizeof(*self));

    lesson_expect(self != NULL, "out of memory");
    rv_future_init(&self->future, &ops);
    rv_scope_spawn(scope, &self->future);
}

int main(int argc, char **argv)
{
    struct rv_runtime *runtime;
    struct rv_scope scope;

    lesson_start(argc, argv, "Lesson 14: a hundred jobs, 8 workers.", NULL);
    lesson_count();
    lesson_expect(rv_runtime_start(&runtime) == 0, "cannot start");
    pool_open(runtime);
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    /*@probe probe_figure("answers", 0); */
    spawn_runs(&scope, hash, JOBS);
    spawn_look(&scope);
    rv_runtime_block_on(runtime, &scope.future);
    lesson_logf("%d jobs: %d answers", JOBS, answers);
    /*@probe probe_figure("answers", answers); */
    rv_runtime_stop(runtime);
    pool_close();
    lesson_take_figures();
    return lesson_end(answers == JOBS ? 0 : -EIO);
}
