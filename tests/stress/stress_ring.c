/* SPDX-License-Identifier: MIT */
/*
 * stress_ring.c - the ring under load: reads that are dropped at random
 * moments, a kernel that takes entries irregularly, chains that are cut, a ring
 * that is full of reads without end.
 *
 *     stress_ring [COUNT]       reads in the storm; the rest goes with it
 *
 * Freed memory is kept, filled with a pattern, until the end. So every later
 * write to it shows, also one of the kernel, which no sanitizer sees.
 *
 * Threads: the executor's, and one that writes to a pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>

#include "ring/ring_internal.h"
#include "stress.h"
#include "support/machine.h"

/* --- memory that shows who wrote to it --------------------------------- */

enum { SKIPPED = 77 }; /* Meson takes it for a skip */

enum { FREED = 0xdd, HEADER_BYTES = 16, KEPT_BYTES = 256 << 20 };

struct block {
    struct block *next;
    size_t size_bytes;
};

static struct block *freed;
static size_t freed_bytes;
static pthread_mutex_t freed_mutex = PTHREAD_MUTEX_INITIALIZER;

static void *keeping_alloc(size_t size_bytes)
{
    struct block *block = calloc(1, HEADER_BYTES + size_bytes);

    if (!block)
        return NULL;
    block->size_bytes = size_bytes;
    return (char *)block + HEADER_BYTES;
}

static void keeping_free(void *memory)
{
    struct block *block;

    if (!memory)
        return;
    block = (void *)((char *)memory - HEADER_BYTES);
    memset(memory, FREED, block->size_bytes);
    pthread_mutex_lock(&freed_mutex);
    block->next = freed;
    freed = block;
    freed_bytes += block->size_bytes;
    STRESS_CHECK(freed_bytes < KEPT_BYTES, "too much was freed to keep it");
    pthread_mutex_unlock(&freed_mutex);
}

static void check_freed(void)
{
    while (freed) {
        struct block *block = freed;
        const unsigned char *bytes = (void *)((char *)block + HEADER_BYTES);

        for (size_t i = 0; i < block->size_bytes; i++)
            STRESS_CHECK(bytes[i] == FREED, "freed memory was written to");
        freed = block->next;
        free(block);
    }
    freed_bytes = 0;
}

/* --- a runtime, and a kernel with moods -------------------------------- */

static struct rv_runtime *runtime;
static struct rv_ring *ring;
static uint32_t random_state = 1;

/* OPS-3, checked from outside at each system call. */
static void check_limits(void)
{
    STRESS_CHECK(ring->in_flight + ring->cancels <= ring->queues.cq_entries,
                 "more in flight than the completion queue has room for");
}

static void start(uint32_t entries)
{
    const struct rv_runtime_options options = {.ring.entries = entries};

    STRESS_CHECK(rv_runtime_start_with(&runtime, &options) == 0, "no runtime");
    ring = rv_runtime_ring(runtime);
    STRESS_CHECK(rv_ring_open(ring) == 0, "no ring");
}

static void stop(void)
{
    rv_runtime_stop(runtime);
    rv_queues_hook_enter(NULL);
    check_freed();
}

static int watched_enter(int fd, uint32_t count, uint32_t wait_for,
                         uint32_t flags)
{
    check_limits();
    return rv_queues_enter_kernel(fd, count, wait_for, flags);
}

/* Takes none, some or all of the entries, for various reasons. */
static int moody_enter(int fd, uint32_t count, uint32_t wait_for,
                       uint32_t flags)
{
    static const int errors[] = {-EAGAIN, -EBUSY, -EINTR};

    check_limits();
    switch (stress_random(&random_state) % 6) {
    case 0:
        return errors[stress_random(&random_state) % 3];
    case 1:
        return rv_queues_enter_kernel(fd, 0, 0, flags);
    case 2:
        return rv_queues_enter_kernel(
            fd, count ? stress_random(&random_state) % count : 0, 0, flags);
    default:
        return rv_queues_enter_kernel(fd, count, wait_for, flags);
    }
}

/* One entry per call. */
static int slow_enter(int fd, uint32_t count, uint32_t wait_for, uint32_t flags)
{
    return rv_queues_enter_kernel(fd, count ? 1 : 0, wait_for, flags);
}

static uint32_t refusals;

static int refusing_enter(int fd, uint32_t count, uint32_t wait_for,
                          uint32_t flags)
{
    if (refusals > 0) {
        refusals--;
        return -EAGAIN;
    }
    return rv_queues_enter_kernel(fd, count, wait_for, flags);
}

static struct rv_ring_call transfer(uint8_t opcode, int fd, void *byte)
{
    return (struct rv_ring_call){.opcode = opcode,
                                 .fd = fd,
                                 .addr = rv_ring_addr(byte),
                                 .len = 1,
                                 .offset = UINT64_MAX};
}

static void wait_until_idle(void)
{
    while (rv_ring_in_flight(ring) > 0) {
        struct rv_sleep nap;

        rv_sleep_init(&nap, rv_after_ms(1));
        rv_runtime_block_on(runtime, &nap.future);
    }
}

/* --- the storm --------------------------------------------------------- */

enum {
    WINDOW = 64,
    ACTIONS_A_POLL = 8,
    READ_BYTES = 32,
    PAGE_BYTES = 4096, /* a read past the page cache */
    FILE_PAGES = 256
};

struct storm {
    struct rv_future future;
    struct rv_file *file;
    bool at_random; /* in a file; otherwise the position: a pipe */
    struct rv_file_op ops[WINDOW];
    bool active[WINDOW];
    uint32_t left;
    uint32_t finished;
    struct rv_sleep nap;
    bool napping;
};

static void begin_read(struct storm *self, int i, struct rv_cx *cx)
{
    struct rv_buf *buf = rv_buf_new(self->at_random ? PAGE_BYTES : READ_BYTES);
    int64_t offset = RV_FILE_POSITION;

    STRESS_CHECK(buf, "no memory");
    if (self->at_random)
        offset =
            (int64_t)(stress_random(&random_state) % FILE_PAGES) * PAGE_BYTES;
    rv_file_read_init(&self->ops[i], self->file, buf, offset);
    self->active[i] = rv_poll(&self->ops[i].future, cx) == RV_PENDING;
    rv_buf_put(buf); /* the operation owns it now */
    self->left--;
}

static void act(struct storm *self, struct rv_cx *cx)
{
    int i = (int)(stress_random(&random_state) % WINDOW);

    if (!self->active[i]) {
        begin_read(self, i, cx);
    } else if (stress_random(&random_state) % 2) {
        rv_drop(&self->ops[i].future);
        self->active[i] = false;
    } else if (rv_poll(&self->ops[i].future, cx) == RV_READY) {
        self->active[i] = false;
        self->finished++;
    }
}

static enum rv_poll storm_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct storm *self = RV_CONTAINER_OF(future, struct storm, future);

    if (self->napping && rv_poll(&self->nap.future, cx) == RV_PENDING)
        return RV_PENDING;
    self->napping = false;
    for (int i = 0; i < ACTIONS_A_POLL && self->left > 0; i++)
        act(self, cx);
    if (self->left == 0)
        return RV_READY;
    if (stress_random(&random_state) % 8 == 0) {
        rv_sleep_init(&self->nap, rv_now_ns() + 50000);
        self->napping = rv_poll(&self->nap.future, cx) == RV_PENDING;
    }
    if (!self->napping)
        rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static void storm_drop(struct rv_future *future)
{
    struct storm *self = RV_CONTAINER_OF(future, struct storm, future);

    for (int i = 0; i < WINDOW; i++)
        rv_drop(&self->ops[i].future);
    rv_drop(&self->nap.future);
}

/* Writes at random intervals, until it is told to stop. */
struct drip {
    pthread_t thread;
    int fd;
    _Atomic bool stopping;
};

static void *drip_main(void *arg)
{
    static const char bytes[READ_BYTES] = "drip";
    struct drip *drip = arg;

    while (!drip->stopping) {
        if (write(drip->fd, bytes, sizeof bytes) < 0 && errno != EAGAIN)
            break;
        usleep(40);
    }
    return NULL;
}

static void storm(uint32_t count, uint32_t entries, rv_queues_enter_hook hook)
{
    static const struct rv_future_ops ops = {
        .name = "storm", .poll = storm_poll, .drop = storm_drop};
    struct storm all = {.left = count};
    struct drip drip;
    int fds[2];

    stress_phase = "storm";
    start(entries);
    rv_queues_hook_enter(hook);
    STRESS_CHECK(pipe2(fds, O_CLOEXEC) == 0, "no pipe");
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    drip.fd = fds[1];
    atomic_init(&drip.stopping, false);
    STRESS_CHECK(rv_file_of_fd(&all.file, fds[0]) == 0, "no memory");
    pthread_create(&drip.thread, NULL, drip_main, &drip);
    rv_future_init(&all.future, &ops);
    STRESS_CHECK(rv_runtime_block_on(runtime, &all.future) == 0, "block_on");
    rv_drop(&all.future);
    drip.stopping = true;
    pthread_join(drip.thread, NULL);
    wait_until_idle();
    rv_file_put(all.file);
    /* An operation that still had one of the buffers would fill it now. */
    STRESS_CHECK(write(fds[1], "tail", 4) == 4 || errno == EAGAIN, "no write");
    stop();
    close(fds[0]);
    close(fds[1]);
}

/* The same with a file, past the page cache where possible. */
static void file_storm(uint32_t count, uint32_t entries)
{
    static const struct rv_future_ops ops = {
        .name = "storm", .poll = storm_poll, .drop = storm_drop};
    static char page[PAGE_BYTES] = "page";
    struct storm all = {.left = count, .at_random = true};
    char path[] = "/tmp/reveil-storm-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    int direct;

    stress_phase = "storm on a file";
    STRESS_CHECK(fd >= 0, "no file");
    direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    unlink(path);
    for (int i = 0; i < FILE_PAGES; i++)
        STRESS_CHECK(write(fd, page, sizeof page) == PAGE_BYTES, "no write");
    start(entries);
    rv_queues_hook_enter(watched_enter);
    STRESS_CHECK(rv_file_of_fd(&all.file, direct >= 0 ? direct : fd) == 0,
                 "no memory");
    rv_future_init(&all.future, &ops);
    STRESS_CHECK(rv_runtime_block_on(runtime, &all.future) == 0, "block_on");
    rv_drop(&all.future);
    wait_until_idle();
    rv_file_put(all.file);
    stop();
    close(fd);
    if (direct >= 0)
        close(direct);
}

/* --- a kernel with moods ----------------------------------------------- */

/* A byte goes through a pipe: a write and a read, linked. */
struct pair {
    struct rv_future future;
    struct rv_ring_op write;
    struct rv_ring_op read;
    int fds[2];
    char out;
    char in;
    uint32_t left;
};

static void init_pair(struct pair *self, bool linked)
{
    struct rv_ring_call put =
        transfer(IORING_OP_WRITE, self->fds[1], &self->out);
    struct rv_ring_call get = transfer(IORING_OP_READ, self->fds[0], &self->in);

    rv_ring_op_init(&self->write, &put, NULL, NULL);
    rv_ring_op_init(&self->read, &get, NULL, NULL);
    if (linked)
        rv_ring_link(&self->write, &self->read);
}

static enum rv_poll pair_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct pair *self = RV_CONTAINER_OF(future, struct pair, future);

    RV_BEGIN(future);
    for (; self->left > 0; self->left--) {
        self->out = (char)self->left;
        init_pair(self, true);
        RV_AWAIT(future, cx, &self->write.future);
        STRESS_CHECK(self->write.future.result == 1, "a write was lost");
        RV_AWAIT(future, cx, &self->read.future);
        if (self->read.future.result == -ECANCELED) { /* cut off */
            init_pair(self, false);
            RV_AWAIT(future, cx, &self->read.future);
        }
        STRESS_CHECK(self->read.future.result == 1, "a read was lost");
        STRESS_CHECK(self->in == self->out, "not the byte that was written");
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void moods(uint32_t count, uint32_t entries)
{
    enum { PAIRS = 16 };
    static const struct rv_future_ops ops = {.name = "pair", .poll = pair_poll};
    struct rv_join joins[PAIRS];
    struct pair *pairs[PAIRS];
    int fds[PAIRS][2];

    stress_phase = "moods";
    start(entries);
    rv_queues_hook_enter(moody_enter);
    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = stress_future(sizeof *pairs[i], &ops);
        STRESS_CHECK(pipe2(fds[i], O_CLOEXEC) == 0, "no pipe");
        memcpy(pairs[i]->fds, fds[i], sizeof fds[i]);
        pairs[i]->left = count / PAIRS + 1;
        STRESS_CHECK(rv_spawn(rv_runtime_executor(runtime), &pairs[i]->future,
                              &joins[i]) == 0,
                     "no memory");
    }
    stress_block_on_all(rv_runtime_executor(runtime), joins, PAIRS);
    stop();
    for (int i = 0; i < PAIRS; i++) {
        close(fds[i][0]);
        close(fds[i][1]);
    }
}

/* --- chains ------------------------------------------------------------ */

/* For a poll outside of a task: it wakes no task. */
static struct rv_cx lone_cx(void)
{
    return (struct rv_cx){.executor = rv_runtime_executor(runtime)};
}

/* OPS-5: a read of an empty pipe, then a write to another; the kernel takes one
 * at a time. Nothing may be written before there was something to read. */
static void cut_chains(uint32_t count)
{
    char bytes[2] = "ab";
    int empty[2];
    int other[2];

    stress_phase = "cut chains";
    start(4);
    rv_queues_hook_enter(slow_enter);
    STRESS_CHECK(pipe2(empty, O_CLOEXEC) == 0 && pipe2(other, O_CLOEXEC) == 0,
                 "no pipe");
    for (uint32_t i = 0; i < count; i++) {
        struct rv_cx cx = lone_cx();
        struct rv_ring_call call =
            transfer(IORING_OP_READ, empty[0], &bytes[0]);
        struct pollfd written = {.fd = other[0], .events = POLLIN};
        struct rv_ring_op first;
        struct rv_ring_op second;

        rv_ring_op_init(&first, &call, NULL, NULL);
        call = transfer(IORING_OP_WRITE, other[1], &bytes[1]);
        rv_ring_op_init(&second, &call, NULL, NULL);
        rv_ring_link(&first, &second);
        STRESS_CHECK(rv_poll(&first.future, &cx) == RV_PENDING, "READY");
        while (ring->in_flight == 2 && rv_ring_drive(ring))
            ;
        STRESS_CHECK(poll(&written, 1, 0) == 0, "the second did not wait");
        STRESS_CHECK(write(empty[1], "x", 1) == 1, "no write");
        STRESS_CHECK(rv_runtime_block_on(runtime, &first.future) == 1, "lost");
        STRESS_CHECK(rv_runtime_block_on(runtime, &second.future) == -ECANCELED,
                     "the second was not cut off");
        STRESS_CHECK(poll(&written, 1, 0) == 0, "the second was carried out");
    }
    stop();
    for (int i = 0; i < 2; i++) {
        close(empty[i]);
        close(other[i]);
    }
}

/* OPS-6: the second starts after both were dropped, and must not stay in
 * flight. */
static void dropped_chains(uint32_t count)
{
    char bytes[2];
    int fds[2];
    int never[2];

    stress_phase = "dropped chains";
    start(4);
    rv_queues_hook_enter(watched_enter);
    STRESS_CHECK(pipe2(fds, O_CLOEXEC) == 0 && pipe2(never, O_CLOEXEC) == 0,
                 "no pipe");
    for (uint32_t i = 0; i < count; i++) {
        struct rv_cx cx = lone_cx();
        struct rv_ring_call call = transfer(IORING_OP_READ, fds[0], &bytes[0]);
        struct rv_ring_op first;
        struct rv_ring_op second;

        rv_ring_op_init(&first, &call, NULL, NULL);
        call = transfer(IORING_OP_READ, never[0], &bytes[1]);
        rv_ring_op_init(&second, &call, NULL, NULL);
        rv_ring_link(&first, &second);
        STRESS_CHECK(rv_poll(&first.future, &cx) == RV_PENDING, "READY");
        rv_ring_drive(ring);
        STRESS_CHECK(write(fds[1], "x", 1) == 1, "no write");
        rv_drop(&second.future);
        rv_drop(&first.future);
        wait_until_idle();
        fcntl(fds[0], F_SETFL, O_NONBLOCK); /* the first may have taken it */
        while (read(fds[0], bytes, 1) > 0)
            ;
        fcntl(fds[0], F_SETFL, 0);
    }
    stop();
    for (int i = 0; i < 2; i++) {
        close(fds[i]);
        close(never[i]);
    }
}

/* --- a full ring, and a kernel that refuses ---------------------------- */

/* Reads that never complete take every slot, twice; all are dropped. */
static void full_ring(uint32_t entries)
{
    enum { READS = 100 };
    struct rv_ring_op ops[READS];
    char byte;
    int fds[2];

    stress_phase = "full ring";
    start(entries);
    rv_queues_hook_enter(watched_enter);
    STRESS_CHECK(pipe2(fds, O_CLOEXEC) == 0, "no pipe");
    for (int i = 0; i < READS; i++) {
        struct rv_cx cx = lone_cx();
        struct rv_ring_call call = transfer(IORING_OP_READ, fds[0], &byte);

        rv_ring_op_init(&ops[i], &call, NULL, NULL);
        STRESS_CHECK(rv_poll(&ops[i].future, &cx) == RV_PENDING, "READY");
        rv_ring_drive(ring);
    }
    for (int i = 0; i < READS; i++)
        rv_drop(&ops[i].future);
    wait_until_idle();
    stop();
    close(fds[0]);
    close(fds[1]);
}

/* OPS-4: nothing else happens that would let the executor try again. */
static void refused(uint32_t count)
{
    stress_phase = "refused";
    start(4);
    rv_queues_hook_enter(refusing_enter);
    for (uint32_t i = 0; i < count; i++) {
        struct rv_ring_call nop = {.opcode = IORING_OP_NOP};
        struct rv_ring_op op;

        refusals = i % 5;
        rv_ring_op_init(&op, &nop, NULL, NULL);
        STRESS_CHECK(rv_runtime_block_on(runtime, &op.future) == 0, "lost");
    }
    stop();
}

/* --- asleep ------------------------------------------------------------ */

struct pinger {
    pthread_t thread;
    int fds[2];
    int turn[2]; /* reports that the byte was read */
    uint32_t count;
};

static void *ping(void *arg)
{
    struct pinger *pinger = arg;
    uint32_t state = 7;
    char byte = 0;

    for (uint32_t i = 0; i < pinger->count; i++) {
        stress_dawdle(stress_random(&state) % 30000);
        STRESS_CHECK(write(pinger->fds[1], "x", 1) == 1, "no write");
        STRESS_CHECK(read(pinger->turn[0], &byte, 1) == 1, "no read");
    }
    return NULL;
}

/* QUEUES-5: a completion at about the time when the executor starts to
 * sleep. */
static void asleep(uint32_t count)
{
    struct pinger pinger = {.count = count};
    char byte;

    stress_phase = "asleep";
    start(4);
    STRESS_CHECK(pipe2(pinger.fds, O_CLOEXEC) == 0 &&
                     pipe2(pinger.turn, O_CLOEXEC) == 0,
                 "no pipe");
    pthread_create(&pinger.thread, NULL, ping, &pinger);
    for (uint32_t i = 0; i < count; i++) {
        struct rv_ring_call call =
            transfer(IORING_OP_READ, pinger.fds[0], &byte);
        struct rv_ring_op op;

        rv_ring_op_init(&op, &call, NULL, NULL);
        STRESS_CHECK(rv_runtime_block_on(runtime, &op.future) == 1, "lost");
        STRESS_CHECK(write(pinger.turn[1], "x", 1) == 1, "no write");
    }
    pthread_join(pinger.thread, NULL);
    stop();
    for (int i = 0; i < 2; i++) {
        close(pinger.fds[i]);
        close(pinger.turn[i]);
    }
}

/* Operations in flight at the end are drained before the memory is freed. */
static void stopped_in_flight(uint32_t count)
{
    int fds[2];

    stress_phase = "stopped in flight";
    STRESS_CHECK(pipe2(fds, O_CLOEXEC) == 0, "no pipe");
    for (uint32_t i = 0; i < count; i++) {
        struct rv_file_op op;
        struct rv_file *file;
        struct rv_buf *buf = rv_buf_new(READ_BYTES);
        struct rv_cx cx;

        start(4);
        cx = lone_cx();
        STRESS_CHECK(rv_file_of_fd(&file, fds[0]) == 0, "no memory");
        rv_file_read_init(&op, file, buf, RV_FILE_POSITION);
        STRESS_CHECK(rv_poll(&op.future, &cx) == RV_PENDING, "READY");
        rv_ring_drive(ring);
        rv_buf_put(buf);
        rv_file_put(file);
        rv_runtime_stop(runtime);
        rv_drop(&op.future);
        STRESS_CHECK(write(fds[1], "x", 1) == 1, "no write");
        STRESS_CHECK(read(fds[0], &(char){0}, 1) == 1, "the byte was taken");
        check_freed();
    }
    close(fds[0]);
    close(fds[1]);
}

int main(int argc, char **argv)
{
    static const struct rv_alloc_hook hook = {keeping_alloc, keeping_free};
    uint32_t count = stress_count(argc, argv, 10000);

    if (!machine_wants_ring()) {
        puts("skipped: no io_uring on this machine, or not wanted");
        return SKIPPED;
    }
    stress_watchdog();
    rv_set_alloc_hook(&hook);
    cut_chains(count / 100 + 1);
    dropped_chains(count / 100 + 1);
    full_ring(4);
    full_ring(64);
    refused(count / 200 + 1);
    stopped_in_flight(count / 500 + 1);
    asleep(count * 3);
    moods(count / 2, 4);
    moods(count / 2, 256);
    storm(count, 256, watched_enter);
    storm(count, 4, watched_enter);
    storm(count / 2, 8, moody_enter);
    file_storm(count < 10000 ? count : 10000, 256); /* it keeps all pages */
    file_storm(count < 10000 ? count : 10000, 4);
    rv_set_alloc_hook(NULL);
    printf("%u reads dropped or done in the storm, nothing left\n", count);
    return 0;
}
