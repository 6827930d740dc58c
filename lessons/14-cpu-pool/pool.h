/* SPDX-License-Identifier: MIT */
/*
 * pool.h - what the pool of lesson 14 is made of, and its threads.
 *
 *     queue    a pipe of packets, 24 bytes each; 16 have room
 *     workers  each has a pipe of its own, and at most one job
 *     bytes    a pipe from all workers: one byte says who is free again
 *
 * The pipes are opened and the threads started here: no subject of the lesson.
 *
 * Threads: worker_main(): a worker. All the rest: main.
 */
#ifndef LESSON_POOL_H
#define LESSON_POOL_H

#include "../library.h"

#include <linux/io_uring.h>
#include <semaphore.h>
/*@probe #include <setjmp.h> */
#include <sys/ioctl.h>

enum { JOBS = 100, WORKERS = 8, PACKETS = 16 };

typedef int (*job_call)(int number);

struct job;

/* What lies in a pipe: 24 bytes, one packet. */
struct triple {
    struct job *job;
    job_call call;
    intptr_t number;
};

struct job {
    struct triple triple; /* the kernel reads it, until it is in the pipe */
    int references;       /* one of the task, one of the pool */
    bool done;
    atomic_int result; /* written by the worker, before its byte */
    struct rv_waker waker;
};

struct worker {
    pthread_t thread;
    int pipe[2];
    struct job *job; /* NULL: the worker is free */
};

static struct {
    struct rv_ring *ring;
    struct worker workers[WORKERS];
    int queue[2];       /* of packets; a read of an empty pipe blocks */
    int bytes[2];       /* from all workers: who is free again */
    int queued;         /* packets that are in the queue pipe for certain */
    unsigned char byte; /* the ring reads into it */
    bool reading;
} pool;

/*@probe #ifdef __SANITIZE_ADDRESS__ */
/*@probe enum { PROBE_ASAN = 1 }; */
/*@probe #else */
/*@probe enum { PROBE_ASAN = 0 }; */
/*@probe #endif */
/*@probe enum { PROBE_ROWS = 1024 }; */
/*@probe enum probe_place { PROBE_ELSEWHERE, PROBE_EXECUTE, PROBE_TRIGGER, PROBE_RELEASE, PROBE_DROPPING, PROBE_PLACES }; */
/*@probe static struct probe_row { */
/*@probe     const struct job *job; */
/*@probe     int number; */
/*@probe     bool given, finished, done, ready, dropped, freed; */
/*@probe     int puts[PROBE_PLACES]; */
/*@probe } probe_rows[PROBE_ROWS]; */
/*@probe static int probe_row_count, probe_triggers, probe_landed, probe_taken, probe_gives, probe_released; */
/*@probe static enum probe_place probe_place; */
/*@probe static const void *probe_dropped_run; */
/*@probe static bool probe_strict, probe_miscounted, probe_count_lost; */
/*@probe static bool probe_refuse, probe_failing; */
/*@probe static int probe_refused; */
/*@probe static jmp_buf probe_given_up; */
/*@probe static void probe_give_up(void) */
/*@probe { */
/*@probe     if (probe_failing) */
/*@probe         longjmp(probe_given_up, 1); */
/*@probe } */
/*@probe static void probe_lesson_expect(bool holds, const char *what) */
/*@probe { */
/*@probe     if (!holds) */
/*@probe         probe_give_up(); */
/*@probe     lesson_expect(holds, what); */
/*@probe } */
/*@probe static int probe_lesson_unwrap(int result, const char *what) */
/*@probe { */
/*@probe     if (result < 0) */
/*@probe         probe_give_up(); */
/*@probe     return lesson_unwrap(result, what); */
/*@probe } */
/*@probe #define lesson_expect probe_lesson_expect */
/*@probe #define lesson_unwrap probe_lesson_unwrap */
/*@probe #define exit(status) (probe_give_up(), exit(status)) */
/*@probe #define abort() (probe_give_up(), abort()) */
/*@probe static int probe_trigger_queued, probe_trigger_taken; */
/*@probe static pthread_t probe_main; */
/*@probe static int probe_packets(void) */
/*@probe { */
/*@probe     int bytes = 0; */
/*@probe     ioctl(pool.queue[0], FIONREAD, &bytes); */
/*@probe     return (bytes + (int)sizeof(struct triple) - 1) / (int)sizeof(struct triple); */
/*@probe } */
/*@probe static struct probe_row *probe_of(const void *job) */
/*@probe { */
/*@probe     for (int i = probe_row_count - 1; i >= 0; i--) */
/*@probe         if (probe_rows[i].job == job && !probe_rows[i].freed) */
/*@probe             return &probe_rows[i]; */
/*@probe     return NULL; */
/*@probe } */
/*@probe static void probe_level(int bar, long value) */
/*@probe { */
/*@probe     static long last[4] = {-1, -1, -1, -1}; */
/*@probe     if (last[bar] != value) */
/*@probe         probe_event(PROBE_LEVEL, -1, bar, value); */
/*@probe     last[bar] = value; */
/*@probe } */
/*@probe static void probe_update(void) */
/*@probe { */
/*@probe     const struct probe_row *lost = NULL; */
/*@probe     int busy = 0, open = 0; */
/*@probe     const int packets = probe_packets(); */
/*@probe     for (int i = 0; i < probe_row_count; i++) { */
/*@probe         const struct probe_row *one = &probe_rows[i]; */
/*@probe         open += !one->finished; */
/*@probe         if (one->finished && !one->ready && !one->dropped && !lost) */
/*@probe             lost = one; */
/*@probe     } */
/*@probe     for (int i = 0; i < WORKERS; i++) */
/*@probe         busy += pool.workers[i].job != NULL; */
/*@probe     probe_level(1, busy); */
/*@probe     probe_level(2, packets); */
/*@probe     probe_level(3, (long)rv_ring_in_flight(pool.ring) - pool.reading); */
/*@probe     if (lost) */
/*@probe         probe_if_stuck(lost->done ? "LOST WAKE: done, nobody woken @14.3" : "NEVER READY @14.3", */
/*@probe                        lost->done ? "job" : "done", lost->number, 0, 0); */
/*@probe     else if (packets) */
/*@probe         probe_if_stuck(probe_count_lost                       ? "STUCK QUEUE @14.2" */
/*@probe                        : probe_released                       ? "STUCK QUEUE @14.3" */
/*@probe                        : probe_triggers && pool.queued > 0    ? "STUCK QUEUE @14.2" */
/*@probe                                                               : "STUCK QUEUE @14.1", */
/*@probe                        "packets", packets, WORKERS - busy, probe_released); */
/*@probe     else if (open && probe_taken > probe_gives) */
/*@probe         probe_if_stuck("STUCK QUEUE @14.2", "taken", probe_taken, probe_gives, 0); */
/*@probe     else if (open && rv_ring_in_flight(pool.ring) == (uint32_t)pool.reading) */
/*@probe         probe_if_stuck("STUCK QUEUE @14.1", "nothing", open, 0, 0); */
/*@probe     else */
/*@probe         probe_if_stuck(NULL, "", 0, 0, 0); */
/*@probe } */
/*@probe static void probe_expect_busy(const char *cause) */
/*@probe { */
/*@probe     int idle = 0; */
/*@probe     for (int i = 0; i < WORKERS; i++) */
/*@probe         idle += pool.workers[i].job == NULL; */
/*@probe     probe_expect(probe_landed <= probe_taken || !idle, cause, "idle", probe_landed - probe_taken, idle, 0); */
/*@probe } */
/*@probe static bool probe_not_counted_down(void) */
/*@probe { */
/*@probe     return pool.queued > probe_trigger_queued - probe_trigger_taken; */
/*@probe } */
/*@probe static void probe_free(void *memory) */
/*@probe { */
/*@probe     struct probe_row *row = probe_of(memory); */
/*@probe     probe_expect(!memory || memory != probe_dropped_run, "MEMORY ERROR @14.4", "run", 0, 0, 0); */
/*@probe     if (!row) { */
/*@probe         rv_free(memory); */
/*@probe         return; */
/*@probe     } */
/*@probe     probe_expect(row->finished, "RELEASED WHILE RUNNING @14.4", row->given ? "running" : "queued", row->number, 0, 0); */
/*@probe     probe_expect(!row->job->waker.queue, probe_place == PROBE_RELEASE ? "NEVER RELEASED @14.3" : "NEVER RELEASED @14.4", "waker", row->number, 0, 0); */
/*@probe     row->freed = true; */
/*@probe     if (PROBE_ASAN) */
/*@probe         rv_free(memory); */
/*@probe     else */
/*@probe         memset(memory, 0xa5, sizeof(struct job)); */
/*@probe } */
/*@probe static void probe_expect_untouched(const void *job, int number) */
/*@probe { */
/*@probe     for (size_t i = 0; !PROBE_ASAN && i < sizeof(struct job); i++) */
/*@probe         probe_expect(((const unsigned char *)job)[i] == 0xa5, "MEMORY ERROR @14.3", "put", number, 0, 0); */
/*@probe } */
/*@probe static const struct probe_row *probe_gone(const void *job) */
/*@probe { */
/*@probe     for (int i = probe_row_count - 1; i >= 0; i--) */
/*@probe         if (probe_rows[i].job == job) */
/*@probe             return probe_rows[i].freed ? &probe_rows[i] : NULL; */
/*@probe     return NULL; */
/*@probe } */
/*@probe #define rv_free probe_free */
/*@probe static struct probe_write { void (*done)(void *, int32_t); void *owner; } probe_writes[PROBE_ROWS]; */
/*@probe static int probe_write_count; */
/*@probe static void probe_written(void *owner, int32_t result) */
/*@probe { */
/*@probe     struct probe_write *self = owner; */
/*@probe     const enum probe_place before = probe_place; */
/*@probe     const int triggers = probe_triggers, queued = pool.queued; */
/*@probe     probe_landed += result >= 0; */
/*@probe     probe_place = PROBE_EXECUTE; */
/*@probe     probe_failing = result < 0; */
/*@probe     probe_refused += probe_failing; */
/*@probe     self->done(self->owner, result); */
/*@probe     probe_place = before; */
/*@probe     probe_expect(!probe_failing || pool.queued <= queued, "ERROR LOST: a write that failed @14.1", "counted", result, 0, 0); */
/*@probe     probe_failing = false; */
/*@probe     if (result >= 0) { */
/*@probe         if (probe_strict || probe_triggers > triggers) */
/*@probe             probe_expect_busy(probe_triggers > triggers && probe_trigger_queued > 0 ? "STUCK QUEUE @14.2" : "STUCK QUEUE @14.1"); */
/*@probe         probe_update(); */
/*@probe     } */
/*@probe } */
/*@probe static int probe_ring_start(struct rv_ring *ring, const struct rv_ring_call *call, */
/*@probe                             void (*done)(void *, int32_t), void *owner) */
/*@probe { */
/*@probe     struct probe_write *self = &probe_writes[probe_write_count % PROBE_ROWS]; */
/*@probe     struct rv_ring_call refused = *call; */
/*@probe     if (probe_place == PROBE_EXECUTE && call->fd != pool.bytes[0]) { */
/*@probe         probe_expect(call->opcode == IORING_OP_WRITE, "WRONG ENTRY @14.1", "opcode", call->opcode, IORING_OP_WRITE, 0); */
/*@probe         probe_expect(call->fd == pool.queue[1], "WRONG ENTRY @14.1", "queue", call->fd, pool.queue[1], 0); */
/*@probe         probe_expect(call->len == sizeof(struct triple), "TRUNCATED @14.1", "packet", (long)call->len, (long)sizeof(struct triple), 0); */
/*@probe     } */
/*@probe     if (call->opcode != IORING_OP_WRITE || !done) */
/*@probe         return rv_ring_start(ring, call, done, owner); */
/*@probe     probe_write_count++; */
/*@probe     *self = (struct probe_write){done, owner}; */
/*@probe     if (probe_refuse) */
/*@probe         refused.fd = -1; */
/*@probe     return rv_ring_start(ring, &refused, probe_written, self); */
/*@probe } */
/*@probe #define rv_ring_start probe_ring_start */
/*@probe static ssize_t probe_pool_read(int fd, void *to, size_t bytes) */
/*@probe { */
/*@probe     ssize_t n; */
/*@probe     if (fd != pool.queue[0] || bytes == 0) */
/*@probe         return read(fd, to, bytes); */
/*@probe     probe_expect(!probe_failing || probe_packets() > 0, "ERROR LOST: a write that failed @14.1", "read_packet", 0, 0, 0); */
/*@probe     probe_expect(probe_packets() > 0 || fcntl(fd, F_GETFL) & O_NONBLOCK, pool.queued <= 0 || probe_miscounted || probe_not_counted_down() ? "BLOCKS THE OTHERS @14.2" : "BLOCKS THE OTHERS @14.1", */
/*@probe                  "empty", pool.queued, 0, 0); */
/*@probe     n = read(fd, to, bytes); */
/*@probe     if (n > 0) { */
/*@probe         probe_taken++; */
/*@probe         probe_trigger_taken++; */
/*@probe     } */
/*@probe     if (n >= (ssize_t)sizeof(struct job *)) { */
/*@probe         struct job *job; */
/*@probe         memcpy(&job, to, sizeof(job)); */
/*@probe         probe_expect(probe_of(job) || probe_gone(job), "WRONG PACKET: of the pool @14.1", "job", 0, 0, 0); */
/*@probe     } */
/*@probe     return n; */
/*@probe } */
/*@probe static ssize_t probe_pool_write(int fd, const void *from, size_t bytes) */
/*@probe { */
/*@probe     probe_expect(fd != pool.queue[1] || probe_packets() < PACKETS, "BLOCKS THE OTHERS @14.1", "full", */
/*@probe                  probe_packets(), 0, 0); */
/*@probe     return write(fd, from, bytes); */
/*@probe } */
/* The workers wait here until main has looked at the full queue. */
static sem_t gate;

/* A worker: read a job, make its call, say so. */
static void *worker_main(void *arg)
{
    static const char *const names[] = {"pool-1", "pool-2", "pool-3", "pool-4",
                                        "pool-5", "pool-6", "pool-7", "pool-8"};
    struct worker *self = arg;
    const unsigned char me = (unsigned char)(self - pool.workers);
    struct triple triple;

    lesson_name_thread(names[me]);
    /*@probe probe_quiet(true); */
    while (read(self->pipe[0], &triple, sizeof(triple)) == sizeof(triple)) {
        /*@probe probe_event(PROBE_JOB_START, -1, triple.number, 0); */
        triple.job->result = triple.call((int)triple.number);
        /*@probe probe_event(PROBE_JOB_DONE, -1, triple.number, 0); */
        lesson_unwrap((int)write(pool.bytes[1], &me, 1), "write");
    }
    return NULL;
}

/* The pipes and the threads. The ring is the runtime's. */
static void pool_open(struct rv_runtime *runtime)
{
    /*@probe probe_main = pthread_self(); */
    pool.ring = rv_runtime_ring(runtime);
    sem_init(&gate, 0, 0);
    lesson_unwrap(pipe2(pool.queue, O_CLOEXEC | O_DIRECT), "pipe");
    lesson_unwrap(fcntl(pool.queue[1], F_SETPIPE_SZ,
                        PACKETS * (int)sysconf(_SC_PAGESIZE)),
                  "F_SETPIPE_SZ");
    lesson_unwrap(pipe2(pool.bytes, O_CLOEXEC), "pipe");
    for (int i = 0; i < WORKERS; i++) {
        struct worker *worker = &pool.workers[i];

        lesson_unwrap(pipe2(worker->pipe, O_CLOEXEC), "pipe");
        lesson_spawn_thread(&worker->thread, worker_main, worker);
    }
}

/* When no worker has a job any more. */
static void pool_close(void)
{
    for (int i = 0; i < WORKERS; i++) {
        close(pool.workers[i].pipe[1]); /* its read says 0: the end */
        pthread_join(pool.workers[i].thread, NULL);
    }
}

#endif /* LESSON_POOL_H */
