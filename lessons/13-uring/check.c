/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 13: each function against a ring of its own, small enough
 * to go round many times.
 */
enum { NO_FILE = 1000 };

static struct ring own;
static struct rv_runtime *runtime;
static struct rv_waker nobody; /* a waker that wakes nobody */

/* --- each atomic step on the four counters ----------------------------- */

/*
 * Of one call of ring_submit() or ring_reap(). On x86-64 nearly any order
 * works, and a kernel that is quick enough forgives much: so it is the steps
 * that are looked at, and each entry that is given back is overwritten at once,
 * as the kernel may do.
 */
static struct {
    const struct ring *ring;
    unsigned head; /* completions up to here are given back */
    bool shown;    /* the tail was moved, and what lies before it is seen */
    bool looked;   /* at the completion ring's tail, with acquire */
    bool unordered_look, returned, unordered_return;
    bool release_fence;
} probe_steps;

enum { PROBE_COPIES = 512 };

static struct io_uring_cqe probe_kept[PROBE_COPIES];

/* The entries up to `head` are the kernel's again. */
static void probe_give_back(unsigned head)
{
    const struct ring *ring = probe_steps.ring;

    for (; probe_steps.head != head; probe_steps.head++) {
        struct io_uring_cqe *place =
            &ring->cqes[probe_steps.head & ring->cq_mask];

        probe_kept[probe_steps.head % PROBE_COPIES] = *place;
        *place = (struct io_uring_cqe){.user_data = ~UINT64_C(0), .res = -1};
    }
}

static void probe_step(const volatile void *address, int order,
                       enum probe_step kind)
{
    const struct ring *ring = probe_steps.ring;
    const bool releases = order == __ATOMIC_RELEASE ||
                          order == __ATOMIC_ACQ_REL ||
                          order == __ATOMIC_SEQ_CST;
    const bool acquires =
        order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE;
    const bool ordered = releases || probe_steps.release_fence;

    if (kind == PROBE_STEP_FENCE) {
        probe_steps.release_fence |= releases;
        probe_steps.looked |= acquires && probe_steps.unordered_look;
    } else if (address == ring->cq_tail) {
        probe_steps.looked |= acquires;
        probe_steps.unordered_look |= !acquires;
    } else if (address == ring->sq_tail && kind == PROBE_STEP_WRITE) {
        probe_steps.shown |= ordered;
    } else if (address == ring->cq_head && kind == PROBE_STEP_WRITE) {
        probe_steps.returned |= ordered;
        probe_steps.unordered_return |= !ordered;
        if (*ring->cq_head - probe_steps.head < PROBE_COPIES)
            probe_give_back(*ring->cq_head);
    }
}

static void probe_begin_steps(const struct ring *self)
{
    memset(&probe_steps, 0, sizeof(probe_steps));
    probe_steps.ring = self;
    probe_steps.head = *self->cq_head;
    probe_watch_atomics(probe_step);
}

static void probe_end_steps(void)
{
    probe_watch_atomics(NULL);
}

/* Completion `number` as it was when it was given back. */
static const struct io_uring_cqe *probe_taken(unsigned number)
{
    const struct ring *ring = probe_steps.ring;

    return (int)(probe_steps.head - number) > 0
               ? &probe_kept[number % PROBE_COPIES]
               : &ring->cqes[number & ring->cq_mask];
}

static void probe_expect_shown(void)
{
    probe_expect(probe_steps.shown, "ENTRY NOT SEEN: without release @13.2",
                 "order", 0, 0, 0);
}

static void probe_expect_reaped(void)
{
    probe_expect(probe_steps.looked, "ENTRY NOT SEEN: without acquire @13.3",
                 "look", 0, 0, 0);
    probe_expect(probe_steps.returned && !probe_steps.unordered_return,
                 "ENTRY LOST: head without release @13.3", "order", 0, 0, 0);
}

/* --- whose entry, and whose completion ---------------------------------- */

static bool probe_is_fresh; /* the last entry given out is not filled yet */

/* Of each block: the user_data it was asked for with, and whether its
 * completion was reaped. A block is asked for once. */
static struct {
    bool asked, completed;
    bool idle; /* its last poll was PENDING, and no entry is in the ring */
    int slots; /* taken in its polls */
    uint64_t user_data;
} probe_blocks[BLOCKS];

static int probe_idle(void)
{
    int idle = 0;

    for (int i = 0; i < BLOCKS; i++)
        idle += probe_blocks[i].idle;
    return idle;
}

/* What a standstill would mean now. */
static void probe_outlook(long reaped)
{
    const int idle = probe_idle();

    if (idle)
        probe_if_stuck("LOST WAKE: pending without an entry @13.4", "idle",
                       idle, 0, 0);
    else
        probe_if_stuck("LOST WAKE: completion without a wake @13.3", "reaped",
                       reaped, 0, 0);
}

static const struct write *probe_polled; /* the future that is polled now */

static void probe_next_entry(void)
{
    probe_is_fresh = true;
}

static void probe_sqe_write(struct io_uring_sqe *entry, int fd,
                            const void *data, unsigned length, uint64_t offset,
                            uint64_t user_data)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    probe_expect(entry != NULL, "WRONG ENTRY @13.4", "full", 0, 0, 0);
    probe_expect(probe_is_fresh, "WRONG ENTRY @13.4", "again", 0, 0, 0);
    probe_is_fresh = false;
    probe_expect(offset == OFFSET, "WRONG ENTRY @13.4", "offset", (long)offset,
                 OFFSET, 0);
    probe_expect(length == BLOCK_BYTES, "WRONG ENTRY @13.4", "what", fd,
                 (long)length, 0);
    probe_expect((uintptr_t)data - here > 1 << 18, "BUFFER NOT YOURS @13.4",
                 "stack", 0, 0, 0);
    if (probe_polled) {
        probe_expect(!probe_blocks[probe_polled->number].asked,
                     "STARTS ANEW @13.4", "block", probe_polled->number, 0, 0);
        probe_blocks[probe_polled->number].asked = true;
        probe_blocks[probe_polled->number].user_data = user_data;
    }
    sqe_write(entry, fd, data, length, offset, user_data);
    probe_event(PROBE_SUBMIT, -1, (long)(uint32_t)user_data + 1, 0);
}

/* Each write that the kernel is about to see has somebody who waits for it. */
static void probe_expect_asked(const struct ring *self)
{
    for (unsigned i = *self->sq_tail; i != self->filled; i++) {
        const struct io_uring_sqe *entry = &self->sqes[i & self->sq_mask];
        const struct slot *slot =
            &self->slots[(uint32_t)entry->user_data % MAX_SLOTS];

        probe_expect(
            entry->opcode == IORING_OP_NOP ||
                (slot->taken && slot->generation == entry->user_data >> 32),
            "STALE COMPLETION: nobody waits @13.4", "unasked",
            (long)((uint32_t)entry->user_data % MAX_SLOTS),
            (long)slot->generation, (long)(entry->user_data >> 32));
    }
}

static void probe_completed(uint64_t user_data)
{
    for (int i = 0; i < BLOCKS; i++)
        if (probe_blocks[i].asked && probe_blocks[i].user_data == user_data)
            probe_blocks[i].completed = true;
}

static int probe_slots_taken(const struct ring *ring)
{
    int taken = 0;

    for (int i = 0; i < MAX_SLOTS; i++)
        taken += ring->slots[i].taken;
    return taken;
}

static enum rv_poll probe_write_poll(struct rv_future *future, struct rv_cx *cx)
{
    const struct write *self = (struct write *)future;
    const struct ring *ring = self->ring;
    const int number = self->number, before = probe_slots_taken(ring);
    enum rv_poll poll;

    probe_polled = self;
    probe_woke_itself = false;
    poll = write_poll(future, cx);
    probe_polled = NULL;
    probe_blocks[number].slots += probe_slots_taken(ring) - before;
    probe_expect(poll == RV_READY || probe_blocks[number].slots > 0 ||
                     !probe_woke_itself,
                 "FORGOTTEN TASK: without a slot @13.4", "slot", number, 0, 0);
    probe_blocks[number].idle =
        poll == RV_PENDING && !probe_blocks[number].asked;
    probe_expect(poll != RV_READY || !probe_blocks[number].asked ||
                     probe_blocks[number].completed,
                 "READ TOO EARLY: before the completion @13.4", "block", number,
                 0, 0);
    return poll;
}

/* --- 13.1: an entry ---------------------------------------------------- */

/* It was used before: every bit of it is set. */
PROBE_CASE(entry)
{
    struct io_uring_sqe entry;
    static char data[8];
    const uint64_t word = UINT64_C(5) << 32 | 77;

    memset(&entry, 0xff, sizeof(entry));
    sqe_write(&entry, 9, data, 1 << 20, UINT64_C(1) << 33, word);
    probe_expect(entry.opcode == IORING_OP_WRITE, "WRONG ENTRY", "opcode",
                 entry.opcode, IORING_OP_WRITE, 0);
    probe_expect(entry.fd == 9 && entry.addr == (uintptr_t)data &&
                     entry.len == 1 << 20,
                 "WRONG ENTRY", "what", entry.fd, (long)entry.len, 0);
    probe_expect(entry.off == UINT64_C(1) << 33, "WRONG ENTRY", "offset",
                 (long)entry.off, 1L << 33, 0);
    probe_expect(entry.user_data == word, "WRONG ENTRY", "user_data",
                 (long)entry.user_data, (long)word, 0);
    probe_expect(entry.rw_flags == 0 && entry.ioprio == 0 &&
                     entry.buf_index == 0 && entry.personality == 0 &&
                     (entry.flags & ~IOSQE_ASYNC) == 0,
                 "WRONG ENTRY", "old", entry.flags, entry.rw_flags, 0);
}

/* --- 13.2: submit ------------------------------------------------------ */

/* An entry that does nothing, of this slot. */
static void ask_nothing(uint64_t user_data)
{
    struct io_uring_sqe *entry = ring_next_entry(&own);

    if (!entry)
        abort();
    *entry =
        (struct io_uring_sqe){.opcode = IORING_OP_NOP, .user_data = user_data};
}

static unsigned long entered(void)
{
    return probe_count(PROBE_ENTER);
}

/* An entry that takes long: a read from a pipe in which there is nothing. */
static void ask_for_long(void)
{
    struct io_uring_sqe *entry = ring_next_entry(&own);
    static char byte;
    int ends[2];

    if (!entry || pipe(ends) < 0)
        abort();
    *entry = (struct io_uring_sqe){.opcode = IORING_OP_READ,
                                   .fd = ends[0],
                                   .addr = (uintptr_t)&byte,
                                   .len = 1,
                                   .user_data = ring_take_slot(&own, &nobody)};
}

PROBE_CASE(submit)
{
    probe_thread("main");
    ring_open(&own, 8);
    for (int round = 0; round < 5; round++) {
        const unsigned long before = entered();
        int result;

        for (int i = 0; i < 5; i++)
            ask_nothing(99);
        result = ring_submit(&own);
        probe_expect(result == 5, "ENTRY NOT SEEN", "taken", result, 5, 0);
        probe_expect(entered() - before == 1, "TOO MANY CALLS", "enter",
                     (long)(entered() - before), 5, 0);
        ring_submit(&own);
        probe_expect(entered() - before == 1, "TOO MANY CALLS", "nothing",
                     (long)(entered() - before - 1), 0, 0);
        *own.cq_head = *own.cq_tail; /* the checker reads none of them */
    }
    ask_for_long();
    probe_if_stuck("BLOCKS THE OTHERS @13.2", "ring_submit", 0, 0, 0);
    ring_submit(&own);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    close(own.fd);
    own.fd = -1; /* io_uring_enter() fails */
    ask_nothing(99);
    ring_submit(&own);
}

/* --- 13.3: reap -------------------------------------------------------- */

/* Round and round: number n is at index n & mask. */
PROBE_CASE(reap)
{
    ring_open(&own, 8);
    for (int round = 0; round < 40; round++) {
        uint64_t words[7];
        const int count = 1 + round % 7;

        for (int i = 0; i < count; i++) {
            words[i] = ring_take_slot(&own, &nobody);
            ask_nothing(words[i]);
        }
        ring_submit(&own);
        ring_reap(&own);
        ring_reap(&own); /* nothing is there: nothing happens */
        for (int i = 0; i < count; i++)
            ring_free_slot(&own, words[i]);
    }
}

/*
 * A ring without a kernel, whose counters are about to begin again at 0. While
 * its completions are reaped, one more comes.
 */
static struct {
    unsigned sq_head, sq_tail, cq_head, cq_tail;
    struct io_uring_cqe cqes[8];
    uint64_t late; /* to be completed at the next wake; 0: nothing */
} made;

static void made_complete(uint64_t user_data)
{
    made.cqes[made.cq_tail % 8] =
        (struct io_uring_cqe){.user_data = user_data, .res = 9};
    __atomic_store_n(&made.cq_tail, made.cq_tail + 1, __ATOMIC_RELEASE);
}

static void probe_woke(void)
{
    const uint64_t late = made.late;

    probe_wakes++;
    made.late = 0;
    if (late)
        made_complete(late);
}

PROBE_CASE(counters)
{
    own = (struct ring){.fd = -1,
                        .sq_head = &made.sq_head,
                        .sq_tail = &made.sq_tail,
                        .cq_head = &made.cq_head,
                        .cq_tail = &made.cq_tail,
                        .cq_mask = 7,
                        .cqes = made.cqes};
    made.cq_head = made.cq_tail = -3u;
    for (int i = 0; i < 6; i++)
        made_complete(ring_take_slot(&own, &nobody));
    made.late = ring_take_slot(&own, &nobody);
    ring_reap(&own);
    ring_reap(&own);
}

/* Who asked is gone, and somebody else has the slot. */
PROBE_CASE(stale)
{
    uint64_t first, second;

    ring_open(&own, 8);
    first = ring_take_slot(&own, &nobody);
    ask_nothing(first);
    ring_submit(&own);
    ring_free_slot(&own, first);
    second = ring_take_slot(&own, &nobody);
    if ((uint32_t)first != (uint32_t)second)
        abort();
    ring_reap(&own);
    ask_nothing(second);
    ring_submit(&own);
    ring_reap(&own);
    ring_free_slot(&own, second);
    /* Nobody's completion, and behind it somebody's. */
    first = ring_take_slot(&own, &nobody);
    ask_nothing(first);
    ring_submit(&own);
    ring_free_slot(&own, first);
    second = ring_take_slot(&own, &nobody);
    ask_nothing(second);
    ring_submit(&own);
    ring_reap(&own);
    ring_free_slot(&own, second);
}

/* --- 13.4: writes ------------------------------------------------------ */

static int files[BLOCKS];

static int write_with(unsigned entries)
{
    int result;

    probe_thread("main");
    block_text = probe_nonce();
    ring_open(&own, entries);
    for (int i = 0; i < 3; i++) { /* slot 0 is not at its first generation */
        const uint64_t user_data = ring_take_slot(&own, &nobody);

        ring_free_slot(&own, user_data);
    }
    if (rv_runtime_start(&runtime) < 0)
        abort();
    result = write_all(runtime, &own, files);
    rv_runtime_stop(runtime);
    return result;
}

/* No file has this number: each write fails. */
PROBE_CASE(error)
{
    int result;

    for (int i = 0; i < BLOCKS; i++)
        files[i] = NO_FILE;
    result = write_with(128);
    probe_expect(result == -EBADF, "ERROR LOST", "write", result, -EBADF, 0);
}

/* A ring that is full again and again. */
PROBE_CASE(small)
{
    int result, wrong;

    open_files(files);
    result = write_with(8);
    probe_expect(result >= 0, "ERROR LOST", "spurious_number", result, 0, 0);
    wrong = count_wrong(files);
    probe_expect(wrong == 0, "BUFFER NOT YOURS", "bytes", wrong, BLOCKS, 0);
}

/* One write is polled again while the kernel has its block. */
PROBE_CASE(buffer)
{
    static struct write one;
    struct rv_cx cx = {.waker = nobody};

    ring_open(&own, 8);
    block_text = probe_nonce();
    one = (struct write){.ring = &own, .fd = NO_FILE};
    rv_future_init(&one.future, &write_ops);
    for (int i = 0; i < 3 && !probe_blocks[0].asked; i++)
        probe_write_poll(&one.future, &cx);
    if (!probe_blocks[0].asked)
        return;
    memset(one.block, '#', sizeof(one.block));
    probe_write_poll(&one.future, &cx);
    for (int i = 0; i < BLOCK_BYTES; i++)
        probe_expect(one.block[i] == '#', "BUFFER NOT YOURS", "changed", 0, 0,
                     0);
}

/* The file is as it should be, and no slot is left taken. */
PROBE_CASE(slots)
{
    open_files(files);
    write_with(128);
    for (int i = 0; i < MAX_SLOTS; i++)
        probe_expect(!own.slots[i].taken, "LEAKED REGISTRATION", "slot", i, 0,
                     0);
}
