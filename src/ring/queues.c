/* SPDX-License-Identifier: MIT */
/*
 * queues.c - system calls of io_uring, and the memory shared with the kernel.
 *
 * Threads: one.
 *
 * Protocol. Each queue has one writer and one reader, and each index one
 * writer:
 *
 *     submission   entries, then tail: ours      head: the kernel's
 *     completion   entries, then tail: kernel's  head: ours
 *
 *   QUEUES-1  An entry is filled in before the tail that covers it is published
 *       (release). Otherwise the kernel could submit its former contents.
 *   QUEUES-2  A slot is used again only after the head has passed it (acquire).
 *       Otherwise an entry could be overwritten before the kernel reads it.
 *   QUEUES-3  Indices are masked only where an array is accessed. With masked
 *       indices a full queue would look like an empty one.
 *   QUEUES-4  A completion is copied before its slot is released. Otherwise the
 *       kernel could overwrite it.
 *   QUEUES-5  Notifications are enabled again by an exchange, which is a full
 *       barrier, and then the queue is checked once more. The kernel sets
 *       IORING_SQ_TASKRUN, also with a full barrier, and then checks whether
 *       notifications are disabled. So at least one side sees the other. This
 *       is true with DEFER_TASKRUN on x86, where the kernel's atomic_or is a
 *       barrier; elsewhere notifications are never disabled.
 */
#include "ring/queues.h"
#include "base/base_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <reveil/base.h>

/* Missing from the headers of older kernels. */
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1U << 8)
#define IORING_SETUP_TASKRUN_FLAG (1U << 9)
#define IORING_SQ_TASKRUN         (1U << 2)
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

enum { PROBED_OPERATIONS = 64 };

/* One mapping for both queues; no completion is dropped when the queue is full;
 * what an entry points at may be freed after the submission. */
#define NEEDED_FEATURES \
    (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE)

static const struct {
    uint32_t flags;
    const char *text;
} setups[] = {
    {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
         IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
     "SINGLE_ISSUER, DEFER_TASKRUN: completions are delivered on request"},
    {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
         IORING_SETUP_TASKRUN_FLAG,
     "COOP_TASKRUN: completions are delivered in any system call"},
    {0, "no flags: completions interrupt the thread"},
};

enum { SETUPS = sizeof setups / sizeof setups[0] };

#ifdef RV_TESTING
static rv_queues_enter_hook enter_hook;
static uint32_t first_setup;
#else
enum { first_setup = 0 };
#endif

/* --- system calls ------------------------------------------------------ */

static int sys_setup(uint32_t entries, struct io_uring_params *params)
{
    return rv_fd_above_stdio((int)syscall(SYS_io_uring_setup, entries, params));
}

static int sys_register(int fd, uint32_t what, void *arg, uint32_t count)
{
    long result = syscall(SYS_io_uring_register, fd, what, arg, count);

    return result < 0 ? -errno : (int)result;
}

static int sys_enter(int fd, uint32_t count, uint32_t wait_for, uint32_t flags)
{
    long result =
        syscall(SYS_io_uring_enter, fd, count, wait_for, flags, NULL, 0);

    return result < 0 ? -errno : (int)result;
}

#ifdef RV_TESTING
int rv_queues_enter_kernel(int fd, uint32_t count, uint32_t wait_for,
                           uint32_t flags)
{
    return sys_enter(fd, count, wait_for, flags);
}

void rv_queues_hook_enter(rv_queues_enter_hook hook)
{
    enter_hook = hook;
}

void rv_queues_start_at_setup(uint32_t i)
{
    first_setup = i;
}
#endif

/* --- open and close ---------------------------------------------------- */

bool rv_queues_setup(uint32_t i, uint32_t *flags, const char **text)
{
    if (i >= SETUPS)
        return false;
    *flags = setups[i].flags;
    *text = setups[i].text;
    return true;
}

/* Returns: a descriptor, negative errno. */
static int set_up(uint32_t entries, struct io_uring_params *params)
{
    int fd = -EINVAL;

    for (uint32_t i = first_setup; i < SETUPS && fd == -EINVAL; i++) {
        *params = (struct io_uring_params){.flags = setups[i].flags};
        fd = sys_setup(entries, params);
    }
    return fd;
}

/* Map a part of the ring, for this process alone: a child of fork() that wrote
 * to it would submit entries in the parent's name. Returns: NULL on failure. */
static void *map(int fd, size_t len_bytes, off_t what)
{
    void *memory = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_POPULATE, fd, what);

    if (memory == MAP_FAILED)
        return NULL;
    madvise(memory, len_bytes, MADV_DONTFORK);
    return memory;
}

/* The kernel finds entries through an array of their indices. Here they are
 * always in order. */
static void number_entries(uint32_t *array, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        array[i] = i;
}

static void find_parts(struct rv_queues *queues,
                       const struct io_uring_params *params)
{
    char *base = queues->rings;

    queues->sq_head = (void *)(base + params->sq_off.head);
    queues->sq_tail = (void *)(base + params->sq_off.tail);
    queues->sq_flags = (void *)(base + params->sq_off.flags);
    queues->cq_head = (void *)(base + params->cq_off.head);
    queues->cq_tail = (void *)(base + params->cq_off.tail);
    queues->cq_flags = (void *)(base + params->cq_off.flags);
    queues->cqes = (void *)(base + params->cq_off.cqes);
#if defined(__x86_64__)
    queues->can_be_quiet =
        params->flags & IORING_SETUP_DEFER_TASKRUN && params->cq_off.flags != 0;
#endif
    queues->sq_entries = params->sq_entries;
    queues->cq_entries = params->cq_entries;
    number_entries((void *)(base + params->sq_off.array), params->sq_entries);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Returns: 0, -ENOMEM. */
static int map_parts(struct rv_queues *queues,
                     const struct io_uring_params *params)
{
    queues->rings_bytes = larger(
        params->sq_off.array + params->sq_entries * sizeof(uint32_t),
        params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe));
    queues->rings = map(queues->fd, queues->rings_bytes, IORING_OFF_SQ_RING);
    if (!queues->rings)
        return -ENOMEM;
    queues->sqes =
        map(queues->fd, params->sq_entries * sizeof(struct io_uring_sqe),
            IORING_OFF_SQES);
    if (!queues->sqes) {
        munmap(queues->rings, queues->rings_bytes);
        return -ENOMEM;
    }
    find_parts(queues, params);
    return 0;
}

/* What the probe returns: a head, followed by an array. */
union probe {
    struct io_uring_probe head;
    char room[sizeof(struct io_uring_probe) +
              PROBED_OPERATIONS * sizeof(struct io_uring_probe_op)];
};

static bool ask(const struct rv_queues *queues, union probe *probe)
{
    memset(probe, 0, sizeof *probe);
    return sys_register(queues->fd, IORING_REGISTER_PROBE, probe,
                        PROBED_OPERATIONS) == 0;
}

static bool has(const union probe *probe, uint8_t opcode)
{
    return opcode < PROBED_OPERATIONS && opcode <= probe->head.last_op &&
           probe->head.ops[opcode].flags & IO_URING_OP_SUPPORTED;
}

bool rv_queues_has(const struct rv_queues *queues, uint8_t opcode)
{
    union probe probe;

    return ask(queues, &probe) && has(&probe, opcode);
}

static bool has_all(const struct rv_queues *queues)
{
    static const uint8_t needed[] = {
        IORING_OP_NOP,   IORING_OP_READ,         IORING_OP_WRITE,
        IORING_OP_FSYNC, IORING_OP_STATX,        IORING_OP_OPENAT,
        IORING_OP_CLOSE, IORING_OP_ASYNC_CANCEL,
    };
    union probe probe;

    if (~queues->features & NEEDED_FEATURES || !ask(queues, &probe))
        return false;
    for (size_t i = 0; i < sizeof needed; i++)
        if (!has(&probe, needed[i]))
            return false;
    return true;
}

int rv_queues_open(struct rv_queues *queues, uint32_t entries)
{
    struct io_uring_params params;
    int error = -EOPNOTSUPP;

    *queues = (struct rv_queues){.fd = set_up(entries, &params)};
    if (queues->fd < 0)
        return queues->fd;
    queues->setup_flags = params.flags;
    queues->features = params.features;
    if (!has_all(queues))
        goto fail_close;
    error = map_parts(queues, &params);
    if (error)
        goto fail_close;
    return 0;

fail_close:
    close(queues->fd);
    return error;
}

void rv_queues_close(struct rv_queues *queues)
{
    munmap(queues->sqes, queues->sq_entries * sizeof(struct io_uring_sqe));
    munmap(queues->rings, queues->rings_bytes);
    close(queues->fd);
}

void rv_queues_close_copy(struct rv_queues *queues)
{
    close(queues->fd);
}

int rv_queues_notify(struct rv_queues *queues, int event_fd)
{
    return sys_register(queues->fd, IORING_REGISTER_EVENTFD, &event_fd, 1);
}

void rv_queues_be_quiet(struct rv_queues *queues, bool quiet)
{
    if (!queues->can_be_quiet)
        return;
    /* relaxed: if the kernel sees this late, it costs a wake. seq_cst:
     * QUEUES-5. */
    if (quiet)
        atomic_store_explicit(queues->cq_flags, IORING_CQ_EVENTFD_DISABLED,
                              memory_order_relaxed);
    else
        atomic_exchange_explicit(queues->cq_flags, 0, memory_order_seq_cst);
}

/* --- submission -------------------------------------------------------- */

uint32_t rv_queues_unsubmitted(const struct rv_queues *queues)
{
    /* acquire: the kernel has read the entries before its head (QUEUES-2);
     * pairs with its release of the head. */
    return queues->tail -
           atomic_load_explicit(queues->sq_head, memory_order_acquire);
}

uint32_t rv_queues_room(const struct rv_queues *queues)
{
    return queues->sq_entries - rv_queues_unsubmitted(queues);
}

struct io_uring_sqe *rv_queues_unsubmitted_at(struct rv_queues *queues,
                                              uint32_t i)
{
    uint32_t first = queues->tail - rv_queues_unsubmitted(queues);

    return &queues->sqes[(first + i) & (queues->sq_entries - 1)];
}

void rv_queues_take_back(struct rv_queues *queues)
{
    /* The kernel reads *sq_tail in enter() only, which stores it first. */
    queues->tail -= rv_queues_unsubmitted(queues);
}

struct io_uring_sqe *rv_queues_next(struct rv_queues *queues)
{
    struct io_uring_sqe *sqe;

    if (rv_queues_room(queues) == 0)
        return NULL;
    sqe = &queues->sqes[queues->tail++ & (queues->sq_entries - 1)];
    memset(sqe, 0, sizeof *sqe);
    return sqe;
}

bool rv_queues_holds_back(const struct rv_queues *queues)
{
    /* relaxed: a hint; the completions themselves come from enter(). */
    return atomic_load_explicit(queues->sq_flags, memory_order_relaxed) &
           (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN);
}

int rv_queues_enter(struct rv_queues *queues, uint32_t count, uint32_t wait_for)
{
    /* release: publishes the entries (QUEUES-1); pairs with the kernel's
     * acquire of the tail. */
    atomic_store_explicit(queues->sq_tail, queues->tail, memory_order_release);
#ifdef RV_TESTING
    if (enter_hook)
        return enter_hook(queues->fd, count, wait_for, IORING_ENTER_GETEVENTS);
#endif
    return sys_enter(queues->fd, count, wait_for, IORING_ENTER_GETEVENTS);
}

/* --- completion -------------------------------------------------------- */

bool rv_queues_ready(const struct rv_queues *queues)
{
    /* relaxed: only this thread writes the head. acquire: sees the completions
     * before the tail; pairs with the kernel's release of it. */
    return atomic_load_explicit(queues->cq_head, memory_order_relaxed) !=
           atomic_load_explicit(queues->cq_tail, memory_order_acquire);
}

bool rv_queues_take(struct rv_queues *queues, struct io_uring_cqe *out)
{
    /* relaxed: only this thread writes it. */
    uint32_t head = atomic_load_explicit(queues->cq_head, memory_order_relaxed);
    const struct io_uring_cqe *cqe;

    if (!rv_queues_ready(queues))
        return false;
    cqe = &queues->cqes[head & (queues->cq_entries - 1)];
    out->user_data = cqe->user_data;
    out->res = cqe->res;
    out->flags = cqe->flags;
    /* release: the copy is made before the slot is free (QUEUES-4); pairs with
     * the kernel's acquire of the head. */
    atomic_store_explicit(queues->cq_head, head + 1, memory_order_release);
    return true;
}
