/* SPDX-License-Identifier: MIT */
/*
 * ring.h - an io_uring: two rings in memory that you and the kernel share.
 *
 *                 you write            the kernel reads
 *     submission  sq_tail ->           <- sq_head        entries: what to do
 *                 you read             the kernel writes
 *     completion  cq_head ->           <- cq_tail        entries: its result
 *
 * Four counters, each written by one side only; none is ever set back. Entry
 * number n is at index n & mask. Between head and tail are the entries that the
 * reader has still to see.
 *
 * Opening, mapping and the system call itself are here: no subject of the
 * lesson. Threads: one.
 */
#ifndef LESSON_RING_H
#define LESSON_RING_H

#include "../library.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { MAX_SLOTS = 128 };

/*
 * Who waits for an entry. `user_data` of an entry names a slot and how often
 * the slot was taken before: a completion that comes late meets a slot that
 * somebody else has now, with another generation.
 */
struct slot {
    uint32_t generation;
    bool taken;
    bool done;
    int32_t result;
    struct rv_waker waker;
};

struct ring {
    int fd;
    unsigned *sq_head, *sq_tail, *sq_array, sq_mask, sq_entries;
    unsigned *cq_head, *cq_tail, cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    unsigned filled; /* entries that you have filled, ever; see ring_submit() */
    struct slot slots[MAX_SLOTS];
};

static inline void *ring_map(int fd, size_t bytes, off_t what)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_POPULATE, fd, what);

    lesson_expect(memory != MAP_FAILED, "io_uring cannot be mapped");
    return memory;
}

/* A ring with room for `entries`, a power of two. Exits if there is none. */
static inline void ring_open(struct ring *self, unsigned entries)
{
    /* Room for a completion of each slot, however small the other ring is. */
    struct io_uring_params asked = {.flags = IORING_SETUP_CQSIZE,
                                    .cq_entries = MAX_SLOTS};
    char *sq, *cq;

    *self = (struct ring){.sq_entries = entries};
    self->fd = lesson_unwrap((int)syscall(SYS_io_uring_setup, entries, &asked),
                             "io_uring_setup");
    sq = ring_map(self->fd, asked.sq_off.array + entries * sizeof(unsigned),
                  IORING_OFF_SQ_RING);
    cq = ring_map(self->fd,
                  asked.cq_off.cqes +
                      asked.cq_entries * sizeof(struct io_uring_cqe),
                  IORING_OFF_CQ_RING);
    self->sqes = ring_map(self->fd, entries * sizeof(struct io_uring_sqe),
                          IORING_OFF_SQES);
    self->sq_head = (unsigned *)(sq + asked.sq_off.head);
    self->sq_tail = (unsigned *)(sq + asked.sq_off.tail);
    self->sq_mask = *(unsigned *)(sq + asked.sq_off.ring_mask);
    self->sq_array = (unsigned *)(sq + asked.sq_off.array);
    self->cq_head = (unsigned *)(cq + asked.cq_off.head);
    self->cq_tail = (unsigned *)(cq + asked.cq_off.tail);
    self->cq_mask = *(unsigned *)(cq + asked.cq_off.ring_mask);
    self->cqes = (struct io_uring_cqe *)(cq + asked.cq_off.cqes);
    /* Index i of the ring stands for entry i; nobody needs it otherwise. */
    for (unsigned i = 0; i < entries; i++)
        self->sq_array[i] = i;
}

/* Have the kernel read `count` new entries. Returns: how many it has taken, or
 * a negative errno. */
static inline int ring_enter(struct ring *self, unsigned count)
{
    const long taken =
        syscall(SYS_io_uring_enter, self->fd, count, 0, 0, NULL, 0);

    return taken < 0 ? -errno : (int)taken;
}

static inline void ring_close(struct ring *self)
{
    close(self->fd);
}

/*@probe static void probe_next_entry(void); */
/* The next entry to fill, or NULL: the ring is full. The kernel does not see it
 * before ring_submit(). */
static inline struct io_uring_sqe *ring_next_entry(struct ring *self)
{
    const unsigned head = __atomic_load_n(self->sq_head, __ATOMIC_ACQUIRE);

    if (self->filled - head == self->sq_entries)
        return NULL;
    /*@probe probe_next_entry(); */
    return &self->sqes[self->filled++ & self->sq_mask];
}

/* Take a slot. Returns: the user_data for its entry. */
static inline uint64_t ring_take_slot(struct ring *self,
                                      const struct rv_waker *waker)
{
    for (uint32_t i = 0; i < MAX_SLOTS; i++) {
        struct slot *slot = &self->slots[i];

        if (slot->taken)
            continue;
        slot->taken = true;
        slot->done = false;
        slot->waker = rv_waker_clone(waker);
        return (uint64_t)slot->generation << 32 | i;
    }
    lesson_expect(false, "no slot is free");
    return 0;
}

static inline struct slot *ring_slot(struct ring *self, uint64_t user_data)
{
    return &self->slots[(uint32_t)user_data % MAX_SLOTS];
}

/* The slot is free again; a completion that still comes is nobody's. */
static inline void ring_free_slot(struct ring *self, uint64_t user_data)
{
    struct slot *slot = ring_slot(self, user_data);

    rv_waker_drop(&slot->waker);
    slot->taken = false;
    slot->generation++;
}

/* Whether somebody still waits for a completion. */
static inline bool ring_is_waited_for(const struct ring *self)
{
    for (int i = 0; i < MAX_SLOTS; i++)
        if (self->slots[i].taken && !self->slots[i].done)
            return true;
    return false;
}

#endif /* LESSON_RING_H */
