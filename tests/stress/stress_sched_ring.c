/* SPDX-License-Identifier: MIT */
/*
 * stress_sched_ring.c - the workers' rings under load: tasks that wait for the
 * kernel on one worker and continue on another.
 *
 *     stress_sched_ring [COUNT]      operations of each task, about
 *
 * Six tests in one run, on three workers, most of them with more tasks than
 * workers so that these move. Plain words are written by one task and read by
 * another: only the scheduler orders them.
 *
 *   files: each task writes pages of its own, past the page cache where
 *     possible, and reads them back; it must read what it wrote.
 *
 *   pipes: pairs of tasks; each number arrives once, in order.
 *
 *   drops: reads of a pipe that are canceled after a moment, among others that
 *     complete. A canceled read must not write to a buffer that is reused.
 *
 *   bells: operations without a future wake tasks that nothing else would wake.
 *
 *   jobs: the CPU pools of the workers, whose reads are in the rings.
 *
 *   stops: schedulers stopped while their tasks wait for a pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>

#include "stress.h"
#include "support/machine.h"

enum { WORKERS = 3, TASKS = 24, PAGE_BYTES = 4096, PAGES = 8 };

static struct rv_sched *sched;
static uint32_t count;

static void start(void)
{
    const struct rv_sched_options options = {.workers = WORKERS};

    STRESS_CHECK(rv_sched_start(&sched, &options) == 0, "rv_sched_start");
}

/* A task for each element, and the join of all. */
static void join_all(struct rv_go *tasks, int len)
{
    for (int i = 0; i < len; i++)
        STRESS_CHECK(rv_go_join(&tasks[i]) == 0, "a task failed");
}

static void run(const char *phase, rv_go_fn fn)
{
    stress_phase = phase;
    STRESS_CHECK(rv_sched_run(sched, fn, NULL) == 0, "the root task failed");
}

/* The result of one operation, which has ended then. */
static int32_t result_of(struct rv_file_op *op)
{
    const int32_t result = rv_await(&op->future);

    rv_drop(&op->future);
    return result;
}

/* --- the ring is there ------------------------------------------------- */

static int32_t check_ring(void *arg)
{
    (void)arg;
    return machine_wants_ring() ? rv_ring_open(rv_ring_current()) : 0;
}

/* --- files ------------------------------------------------------------- */

static int file_fd;
static struct rv_file *file;

struct owner {
    int number;
    uint32_t random;
    unsigned char pages[PAGES]; /* plain: their contents */
};

static void open_file(void)
{
    char path[] = "/tmp/reveil-stress-XXXXXX";
    const int fd = mkostemp(path, O_CLOEXEC);

    STRESS_CHECK(fd >= 0, "no file");
    STRESS_CHECK(ftruncate(fd, (off_t)TASKS * PAGES * PAGE_BYTES) == 0, "size");
    file_fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (file_fd < 0)
        file_fd = fd;
    else
        close(fd);
    unlink(path);
    STRESS_CHECK(rv_file_of_fd(&file, file_fd) == 0, "no memory");
}

static void close_file(void)
{
    rv_file_put(file);
    close(file_fd);
}

static void write_page(struct owner *self, int page, int64_t offset)
{
    struct rv_buf *buf = rv_buf_new(PAGE_BYTES);
    struct rv_file_op op;

    STRESS_CHECK(buf, "no memory");
    self->pages[page] = (unsigned char)stress_random(&self->random);
    memset(buf->data, self->pages[page], PAGE_BYTES);
    buf->len_bytes = PAGE_BYTES;
    rv_file_write_init(&op, file, buf, 0, offset);
    STRESS_CHECK(result_of(&op) == PAGE_BYTES, "a short write");
    rv_buf_put(buf);
}

static void read_page(const struct owner *self, int page, int64_t offset)
{
    struct rv_buf *buf = rv_buf_new(PAGE_BYTES);
    struct rv_file_op op;

    STRESS_CHECK(buf, "no memory");
    rv_file_read_init(&op, file, buf, offset);
    STRESS_CHECK(result_of(&op) == PAGE_BYTES, "a short read");
    for (int i = 0; i < PAGE_BYTES; i++)
        STRESS_CHECK((unsigned char)buf->data[i] == self->pages[page],
                     "not what was written");
    rv_buf_put(buf);
}

static int32_t own_pages(void *arg)
{
    struct owner *self = arg;

    for (uint32_t i = 0; i < count; i++) {
        const int page = (int)(stress_random(&self->random) % PAGES);
        const int64_t offset =
            ((int64_t)self->number * PAGES + page) * PAGE_BYTES;

        if (stress_random(&self->random) % 2)
            write_page(self, page, offset);
        else
            read_page(self, page, offset);
        if (stress_random(&self->random) % 4 == 0)
            STRESS_CHECK(rv_go_yield() == 0, "yield");
        stress_dawdle(stress_random(&self->random) % 2000);
    }
    return 0;
}

static int32_t files(void *arg)
{
    static struct owner owners[TASKS];
    struct rv_go tasks[TASKS];

    (void)arg;
    for (int i = 0; i < TASKS; i++) {
        owners[i] = (struct owner){.number = i, .random = (uint32_t)i};
        STRESS_CHECK(rv_go(&tasks[i], own_pages, &owners[i]) == 0, "rv_go");
    }
    join_all(tasks, TASKS);
    return 0;
}

/* --- pipes ------------------------------------------------------------- */

struct tube {
    int fds[2];
    struct rv_file *ends[2];
    uint32_t left;
    uint32_t sum; /* plain; the reader's, then the root's */
};

static void open_tube(struct tube *tube)
{
    *tube = (struct tube){.left = count};
    STRESS_CHECK(pipe2(tube->fds, O_CLOEXEC) == 0, "no pipe");
    for (int i = 0; i < 2; i++)
        STRESS_CHECK(rv_file_of_fd(&tube->ends[i], tube->fds[i]) == 0,
                     "no memory");
}

static void close_tube(struct tube *tube)
{
    for (int i = 0; i < 2; i++) {
        rv_file_put(tube->ends[i]);
        close(tube->fds[i]);
    }
}

/* Move one number. Returns: false if it was canceled. */
static bool move(struct tube *tube, uint32_t *number, bool out)
{
    struct rv_buf *buf = rv_buf_new(sizeof *number);
    struct rv_file_op op;
    int32_t result;

    STRESS_CHECK(buf, "no memory");
    if (out) {
        memcpy(buf->data, number, sizeof *number);
        buf->len_bytes = sizeof *number;
        rv_file_write_init(&op, tube->ends[1], buf, 0, RV_FILE_POSITION);
    } else {
        rv_file_read_init(&op, tube->ends[0], buf, RV_FILE_POSITION);
    }
    result = result_of(&op);
    STRESS_CHECK(result == (int32_t)sizeof *number || result == -ECANCELED,
                 "a number in parts");
    if (!out && result > 0)
        memcpy(number, buf->data, sizeof *number);
    rv_buf_put(buf);
    return result > 0;
}

static int32_t write_numbers(void *arg)
{
    struct tube *tube = arg;

    for (uint32_t i = 0; i < count; i++)
        STRESS_CHECK(move(tube, &i, true), "canceled");
    return 0;
}

static int32_t read_numbers(void *arg)
{
    struct tube *tube = arg;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = 0;

        STRESS_CHECK(move(tube, &number, false), "canceled");
        STRESS_CHECK(number == i, "out of order");
        tube->sum += number;
    }
    return 0;
}

static int32_t pipes(void *arg)
{
    static struct tube tubes[TASKS / 2];
    struct rv_go tasks[TASKS];

    (void)arg;
    for (int i = 0; i < TASKS; i++) {
        struct tube *tube = &tubes[i / 2];

        if (i % 2 == 0)
            open_tube(tube);
        STRESS_CHECK(
            rv_go(&tasks[i], i % 2 ? read_numbers : write_numbers, tube) == 0,
            "rv_go");
    }
    join_all(tasks, TASKS);
    for (int i = 0; i < TASKS / 2; i++) {
        STRESS_CHECK(tubes[i].sum == count * (count - 1) / 2, "a wrong sum");
        close_tube(&tubes[i]);
    }
    return 0;
}

/* --- drops ------------------------------------------------------------- */

enum { MARK = 0x5a, ROOM_BYTES = 64 };

/* A buffer of a read that was canceled, which no operation has any more, is
 * filled with a mark. A late completion would overwrite it. */
static void check_mark(struct rv_buf *buf)
{
    if (rv_buf_busy(buf))
        return; /* the kernel still has it */
    memset(buf->data, MARK, ROOM_BYTES);
    STRESS_CHECK(rv_go_yield() == 0, "yield");
    for (int i = 0; i < ROOM_BYTES; i++)
        STRESS_CHECK(buf->data[i] == MARK, "a read came late");
}

static int32_t give_up_reads(void *arg)
{
    struct tube *tube = arg;
    uint32_t random = (uint32_t)(uintptr_t)arg;

    for (uint32_t i = 0; i < count; i++) {
        struct rv_buf *buf = rv_buf_new(ROOM_BYTES);
        struct rv_timeout timeout;
        struct rv_file_op op;

        STRESS_CHECK(buf, "no memory");
        rv_file_read_init(&op, tube->ends[0], buf, RV_FILE_POSITION);
        rv_timeout_init(&timeout, &op.future,
                        rv_now_ns() + stress_random(&random) % 50000);
        if (rv_await(&timeout.future) == -ETIMEDOUT)
            check_mark(buf);
        rv_drop(&timeout.future);
        rv_drop(&op.future);
        rv_buf_put(buf);
    }
    return 0;
}

static int32_t drip(void *arg)
{
    static const char bytes[8] = "drip";
    const struct tube *tube = arg;

    for (uint32_t i = 0; i < count; i++) {
        STRESS_CHECK(write(tube->fds[1], bytes, sizeof bytes) > 0 ||
                         errno == EAGAIN,
                     "no write");
        STRESS_CHECK(rv_go_yield() == 0, "yield");
    }
    return 0;
}

static int32_t drops(void *arg)
{
    static struct tube tubes[TASKS / 2];
    struct rv_go tasks[TASKS];

    (void)arg;
    for (int i = 0; i < TASKS; i++) {
        struct tube *tube = &tubes[i / 2];

        if (i % 2 == 0) {
            open_tube(tube);
            fcntl(tube->fds[1], F_SETFL, O_NONBLOCK);
        }
        STRESS_CHECK(rv_go(&tasks[i], i % 2 ? give_up_reads : drip, tube) == 0,
                     "rv_go");
    }
    join_all(tasks, TASKS);
    for (int i = 0; i < TASKS / 2; i++)
        close_tube(&tubes[i]);
    return 0;
}

/* --- bells ------------------------------------------------------------- */

/* Waits for something that, by its own account, only another task could end. */
struct bell {
    struct rv_future future;
    struct rv_waker waker;
    uint32_t rung; /* plain: all on one worker */
    uint32_t wanted;
};

static enum rv_poll bell_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct bell *self = RV_CONTAINER_OF(future, struct bell, future);

    if (self->rung >= self->wanted)
        return RV_READY;
    cx->needs_task = future;
    rv_waker_drop(&self->waker);
    self->waker = rv_waker_clone(&cx->waker);
    return RV_PENDING;
}

static void ring_bell(void *owner, int32_t result)
{
    struct bell *self = owner;

    STRESS_CHECK(result == -ETIME, "not the end of a time");
    self->rung++;
    rv_waker_wake(&self->waker);
}

/* The wait is on the worker of the operations: nothing suspends in between. */
static int32_t await_bells(void *arg)
{
    static const struct rv_future_ops ops = {.name = "bell", .poll = bell_poll};
    static const struct __kernel_timespec span = {.tv_nsec = 300000};
    const struct rv_ring_call wait = {.opcode = IORING_OP_TIMEOUT,
                                      .fd = -1,
                                      .addr = rv_ring_addr(&span),
                                      .len = 1};

    (void)arg;
    for (uint32_t i = 0; i < count / 4 + 1; i++) {
        struct bell bell = {.wanted = 1 + i % 3};

        rv_future_init(&bell.future, &ops);
        for (uint32_t j = 0; j < bell.wanted; j++)
            STRESS_CHECK(
                rv_ring_start(rv_ring_current(), &wait, ring_bell, &bell) == 0,
                "no operation");
        STRESS_CHECK(rv_await(&bell.future) == 0, "called stuck");
        rv_waker_drop(&bell.waker);
    }
    return 0;
}

static int32_t bells(void *arg)
{
    struct rv_go tasks[WORKERS];

    (void)arg;
    for (int i = 0; i < WORKERS; i++)
        STRESS_CHECK(rv_go(&tasks[i], await_bells, NULL) == 0, "rv_go");
    join_all(tasks, WORKERS);
    return 0;
}

/* --- jobs -------------------------------------------------------------- */

static int32_t add_one(void *state, void *result)
{
    (void)result;
    return *(int32_t *)state + 1;
}

static int32_t compute(void *arg)
{
    static const struct rv_callable_ops ops = {.name = "add_one",
                                               .call = add_one,
                                               .state_bytes = sizeof(int32_t),
                                               .pure = true};

    (void)arg;
    for (int32_t i = 0; i < (int32_t)count / 2; i++) {
        struct rv_callable *callable;
        struct rv_cpu job;

        STRESS_CHECK(rv_callable_new(&callable, &ops, &i) == 0, "no memory");
        rv_cpu_init(&job, callable);
        if (i % 8 == 0) {
            rv_drop(&job.future);
            continue;
        }
        STRESS_CHECK(rv_await(&job.future) == i + 1, "a wrong sum");
        rv_drop(&job.future);
    }
    return 0;
}

static int32_t jobs(void *arg)
{
    struct rv_go tasks[TASKS];

    (void)arg;
    for (int i = 0; i < TASKS; i++)
        STRESS_CHECK(rv_go(&tasks[i], compute, NULL) == 0, "rv_go");
    join_all(tasks, TASKS);
    return 0;
}

/* --- stops ------------------------------------------------------------- */

static struct tube quiet_tube;

static int32_t read_until_canceled(void *arg)
{
    uint32_t number;

    (void)arg;
    while (move(&quiet_tube, &number, false))
        ;
    return 0;
}

static int32_t leave_readers(void *arg)
{
    for (int i = 0; i < TASKS; i++)
        STRESS_CHECK(rv_go(NULL, read_until_canceled, NULL) == 0, "rv_go");
    for (uint32_t i = 0; i < *(uint32_t *)arg; i++)
        rv_go_yield();
    return 0;
}

static void stops(uint32_t times)
{
    uint32_t random = 1;

    stress_phase = "stops";
    for (uint32_t i = 0; i < times; i++) {
        uint32_t yields = stress_random(&random) % 20;

        open_tube(&quiet_tube);
        start();
        STRESS_CHECK(rv_sched_run(sched, leave_readers, &yields) == 0, "run");
        rv_sched_stop(sched);
        close_tube(&quiet_tube);
    }
}

int main(int argc, char **argv)
{
    count = stress_count(argc, argv, 1500);
    stress_watchdog();
    open_file();
    start();
    run("the ring", check_ring);
    run("files", files);
    run("pipes", pipes);
    run("drops", drops);
    if (machine_wants_ring())
        run("bells", bells);
    run("jobs", jobs);
    rv_sched_stop(sched);
    close_file();
    stops(count / 8 + 1);
    return 0;
}
