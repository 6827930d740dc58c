/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 13: each function against a ring of its own, small enough
 * to go round many times.
 */
enum { NO_FILE = 1000 };

static struct ring own;
static struct rv_runtime *runtime;
static struct rv_waker nobody; /* a waker that wakes nobody */

/* --- 13.1: an entry ---------------------------------------------------- */

/* It was used before: every bit of it is set. */
PROBE_CASE(entry)
{
    struct io_uring_sqe entry;
    static char data[8];
    const uint64_t word = UINT64_C(5) << 32 | 77;

    memset(&entry, 0xff, sizeof(entry));
    sqe_write(&entry, 9, data, 8, UINT64_C(1) << 33, word);
    probe_expect(entry.opcode == IORING_OP_WRITE, "WRONG ENTRY", "opcode",
                 entry.opcode, IORING_OP_WRITE, 0);
    probe_expect(entry.fd == 9 && entry.addr == (uintptr_t)data &&
                     entry.len == 8,
                 "WRONG ENTRY", "what", entry.fd, (long)entry.len, 0);
    probe_expect(entry.off == UINT64_C(1) << 33, "WRONG ENTRY", "offset",
                 (long)entry.off, 1L << 33, 0);
    probe_expect(entry.user_data == word, "WRONG ENTRY", "user_data",
                 (long)entry.user_data, (long)word, 0);
    probe_expect(entry.rw_flags == 0 && entry.ioprio == 0 &&
                     entry.buf_index == 0 && entry.personality == 0 &&
                     entry.flags != 0xff,
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

PROBE_CASE(submit)
{
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
}

/* --- 13.3: reap -------------------------------------------------------- */

/* Round and round: place n is n & mask. */
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
}

/* --- 13.4: writes ------------------------------------------------------ */

static int files[BLOCKS];

static int write_with(unsigned entries)
{
    int result;

    probe_thread("main");
    block_text = probe_nonce();
    ring_open(&own, entries);
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

/* The file is as it should be, and no slot is left taken. */
PROBE_CASE(slots)
{
    open_files(files);
    write_with(128);
    for (int i = 0; i < MAX_SLOTS; i++)
        probe_expect(!own.slots[i].taken, "LEAKED REGISTRATION", "slot", i, 0,
                     0);
}
