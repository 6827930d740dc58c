/* SPDX-License-Identifier: MIT */
/*
 * Lesson 13, uring - can the kernel do the work, and not only tell you when?
 *
 * New here: io_uring. epoll says that a call would work now, and you make it.
 * With io_uring you write down the call, the kernel makes it, and writes down
 * what came of it. A hundred files are written this way: by a hundred tasks,
 * and with one system call.
 *
 *     task: write_poll()  --->  entry in the submission ring
 *     ring_submit()       --->  tail, io_uring_enter: the kernel reads them
 *                                  ... the kernel writes the file ...
 *     ring_reap()         <---  entries of the completion ring: result, wake
 *
 * ring.h has the memory, the slots and the system call: read it first. Executor
 * and reactor are those of the library.
 *
 * Read main() at the bottom first, then upwards. Threads: main; the reactor
 * thread says that there are completions.
 */
#include "ring.h"

enum { BLOCKS = 100, BLOCK_BYTES = 65536, ENTRIES = 128 };
enum { OFFSET = 4096 }; /* each file begins with a hole */

/*@todo 13.1 sqe_write | sqe_write
en: Fill the entry: write `length` bytes from `data` into `fd`, at `offset` of
en: the file. It may have been used before: nothing of that may be left in it.
fr: Remplissez l'entrée : écrire `length` octets de `data` dans `fd`, à la
fr: position `offset` du fichier. Elle a pu servir : rien ne doit en rester.
stub:
static void sqe_write(struct io_uring_sqe *entry, int fd, const void *data,
                      unsigned length, uint64_t offset, uint64_t user_data)
{
    (void)data;
    (void)length;
    (void)offset;
    *entry = (struct io_uring_sqe){
        .opcode = IORING_OP_NOP,
        .fd = fd,
        .user_data = user_data,
    };
}
*/
static void sqe_write(struct io_uring_sqe *entry, int fd, const void *data,
                      unsigned length, uint64_t offset, uint64_t user_data)
{
    *entry = (struct io_uring_sqe){
        .opcode = IORING_OP_WRITE,
        .fd = fd,
        .addr = (uintptr_t)data,
        .len = length,
        .off = offset,
        .user_data = user_data,
    };
}
/*@end 13.1*/
/*@probe static void probe_sqe_write(struct io_uring_sqe *entry, int fd, */
/*@probe                             const void *data, unsigned length, */
/*@probe                             uint64_t offset, uint64_t user_data); */

/*@todo 13.2 ring_submit | ring_submit
en: Let the kernel see all entries that were filled (self->filled) and not yet
en: shown: publish the tail, with release, then enter. Nothing new: no call.
en: Returns: how many the kernel has taken, or a negative errno.
fr: Montrez au noyau toutes les entrées remplies (self->filled) et pas encore
fr: montrées : publiez le tail, avec release, puis entrez. Rien de neuf : pas
fr: d'appel. Renvoie : combien le noyau en a pris, ou un errno négatif.
stub:
static int ring_submit(struct ring *self)
{
    (void)self;
    (void)ring_enter;
    return 0;
}
*/
static int ring_submit(struct ring *self)
{
    const unsigned count = self->filled - *self->sq_tail;

    if (count == 0)
        return 0;
    /* release: what is in the entries comes before; the kernel's acquire of
     * the tail sees it. */
    __atomic_store_n(self->sq_tail, self->filled, __ATOMIC_RELEASE);
    return ring_enter(self, count);
}
/*@end 13.2*/
/*@probe static void probe_pointers(const struct ring *self) */
/*@probe { */
/*@probe     probe_event(PROBE_LEVEL, -1, 1, (long)*self->sq_tail); */
/*@probe     probe_event(PROBE_LEVEL, -1, 2, (long)*self->sq_head); */
/*@probe     probe_event(PROBE_LEVEL, -1, 3, (long)*self->cq_tail); */
/*@probe     probe_event(PROBE_LEVEL, -1, 4, (long)*self->cq_head); */
/*@probe } */
/*@probe static void probe_begin_steps(const struct ring *self); */
/*@probe static void probe_end_steps(void); */
/*@probe static void probe_expect_shown(void); */
/*@probe static void probe_expect_asked(const struct ring *self); */
/*@probe static void probe_completed(uint64_t user_data); */
/*@probe static void probe_expect_reaped(void); */
/*@probe static int probe_idle(void); */
/*@probe static void probe_outlook(long reaped); */
/*@probe static const struct io_uring_cqe *probe_taken(unsigned number); */
/*@probe static int probe_ring_submit(struct ring *self) */
/*@probe { */
/*@probe     const unsigned fresh = self->filled - *self->sq_tail; */
/*@probe     int result; */
/*@probe     probe_expect_asked(self); */
/*@probe     probe_begin_steps(self); */
/*@probe     result = ring_submit(self); */
/*@probe     probe_end_steps(); */
/*@probe     if (self->fd < 0) { */
/*@probe         probe_expect(result == -EBADF, "ERROR LOST @13.2", "submitted", result, -EBADF, 0); */
/*@probe         return result; */
/*@probe     } */
/*@probe     if (fresh) */
/*@probe         probe_pointers(self); */
/*@probe     probe_expect(*self->sq_tail == self->filled, "ENTRY NOT SEEN @13.2", "tail", */
/*@probe                  (long)self->filled, (long)*self->sq_tail, 0); */
/*@probe     if (result >= 0) */
/*@probe         probe_expect(*self->sq_head == self->filled, "ENTRY NOT SEEN @13.2", "enter", */
/*@probe                      (long)self->filled, (long)*self->sq_head, 0); */
/*@probe     if (fresh) */
/*@probe         probe_expect_shown(); */
/*@probe     return result; */
/*@probe } */
/*@probe #define ring_submit probe_ring_submit */

/*@probe static int probe_wakes; */
/*@probe static void probe_woke(void); */
/*@probe #define rv_waker_wake(waker) (probe_woke(), rv_waker_wake(waker)) */
/*@probe #define rv_waker_wake_and_drop(waker) (probe_woke(), rv_waker_wake_and_drop(waker)) */
/*@todo 13.3 ring_reap | ring_reap
en: For each entry from head to tail (entry n is at index n & cq_mask): if
en: its slot is taken and has the generation of the user_data, note the result,
en: done, and wake. Then cq_head = cq_tail, with release: the entries are free.
fr: Pour chaque entrée de head à tail (l'entrée n est à l'indice n & cq_mask) :
fr: si son slot est pris et a la génération du user_data, notez le résultat,
fr: done, et réveillez. Puis cq_head = cq_tail, avec release : entrées libres.
stub:
static void ring_reap(struct ring *self)
{
    const unsigned tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE);
    unsigned head = *self->cq_head;

    for (; head != tail; head++) {
        (void)ring_slot;
    }
}
*/
static void ring_reap(struct ring *self)
{
    const unsigned tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE);
    unsigned head = *self->cq_head;

    for (; head != tail; head++) {
        const struct io_uring_cqe *entry = &self->cqes[head & self->cq_mask];
        struct slot *slot = ring_slot(self, entry->user_data);

        if (!slot->taken || slot->generation != entry->user_data >> 32)
            continue; /* of somebody who did not wait for it */
        slot->result = entry->res;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
    __atomic_store_n(self->cq_head, tail, __ATOMIC_RELEASE);
}
/*@end 13.3*/
/*@probe #undef rv_waker_wake */
/*@probe #undef rv_waker_wake_and_drop */
/*@probe static bool probe_answers(const struct io_uring_cqe *one, const struct slot *slots) */
/*@probe { */
/*@probe     const struct slot *slot = &slots[(uint32_t)one->user_data % MAX_SLOTS]; */
/*@probe     return slot->taken && slot->generation == one->user_data >> 32; */
/*@probe } */
/*@probe static void probe_ring_reap(struct ring *self) */
/*@probe { */
/*@probe     static struct slot before[MAX_SLOTS]; */
/*@probe     const unsigned head = *self->cq_head, tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE); */
/*@probe     unsigned end; */
/*@probe     int answered = 0; */
/*@probe     static unsigned last_number; */
/*@probe     memcpy(before, self->slots, sizeof(before)); */
/*@probe     probe_if_stuck(NULL, NULL, 0, 0, 0); */
/*@probe     probe_begin_steps(self); */
/*@probe     probe_wakes = 0; */
/*@probe     ring_reap(self); */
/*@probe     probe_end_steps(); */
/*@probe     probe_expect(*self->cq_head - tail < 1000, "NOT DRAINED @13.3", "completions", */
/*@probe                  (long)(tail - head), (long)*self->cq_head, (long)tail); */
/*@probe     probe_expect(__atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE) - *self->cq_head < 1000, */
/*@probe                  "ENTRY LOST @13.3", "beyond", (long)*self->cq_head, (long)tail, 0); */
/*@probe     end = *self->cq_head; */
/*@probe     for (unsigned i = head; i != end; i++) { */
/*@probe         const struct io_uring_cqe one = *probe_taken(i); */
/*@probe         const uint32_t number = (uint32_t)one.user_data % MAX_SLOTS; */
/*@probe         probe_completed(one.user_data); */
/*@probe         probe_event(PROBE_COMPLETE, -1, (long)number + 1, one.res); */
/*@probe         probe_figure_add("out_of_order", number < last_number); */
/*@probe         last_number = number; */
/*@probe         if (probe_answers(&one, before)) { */
/*@probe             probe_expect(self->slots[number].done && self->slots[number].result == one.res, */
/*@probe                          "ENTRY LOST @13.3", "result", (long)number, one.res, self->slots[number].result); */
/*@probe             probe_expect(self->slots[number].taken && self->slots[number].generation == before[number].generation, */
/*@probe                          "ENTRY LOST @13.3", "freed", (long)number, 0, 0); */
/*@probe             before[number].done = true; */
/*@probe             answered++; */
/*@probe         } */
/*@probe     } */
/*@probe     for (int i = 0; i < MAX_SLOTS; i++) */
/*@probe         probe_expect(before[i].done || !before[i].taken || !self->slots[i].done, */
/*@probe                      "STALE COMPLETION @13.3", "slot", i, (long)before[i].generation, 0); */
/*@probe     if (head != end) { */
/*@probe         probe_expect(probe_wakes <= answered || answered == 0, "POLLS EVERYBODY @13.3", "woken", probe_wakes, answered, 0); */
/*@probe         probe_expect_reaped(); */
/*@probe         probe_pointers(self); */
/*@probe         probe_outlook((long)(end - head)); */
/*@probe     } else if (probe_idle()) { */
/*@probe         probe_outlook(0); */
/*@probe     } */
/*@probe } */
/*@probe #define ring_reap probe_ring_reap */
/*@probe #define sqe_write probe_sqe_write */
/*@probe static bool probe_woke_itself; */
/*@probe #define rv_waker_wake(waker) (probe_woke_itself = true, rv_waker_wake(waker)) */

/* --- Write: a future, one block of one file ---------------------------- */

struct write {
    struct rv_future future; /* first member: a pointer to it can be cast */
    struct ring *ring;
    int fd;             /* of its file */
    int number;         /* of the block */
    bool asked;         /* its entry is in the ring */
    uint64_t user_data; /* of the entry, once it was asked */
    char block[BLOCK_BYTES];
};

/* What block `number` is to hold: its number and the text, again and again. */
static void fill_block(char *block, int number, const char *text)
{
    const int length = snprintf(block, 64, "%03d %.40s\n", number, text);

    for (int i = length; i < BLOCK_BYTES; i++)
        block[i] = block[i - length];
}

static const char *block_text;

/*@todo 13.4 write_poll | write_poll
en: The first time: take a slot, fill the block, and an entry for it (a full
en: ring: submit, and try again). Then wait until the slot is done: its
en: result is the future's; free it. The kernel reads the block later: where
en: may it be?
fr: La première fois : prenez un slot, remplissez le bloc, et une entrée (ring
fr: plein : soumettez, réessayez). Puis attendez que le slot soit done : son
fr: résultat est celui de la future ; libérez-le. Le noyau lit le bloc plus
fr: tard : où peut-il être ?
stub:
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    (void)entry;
    if (!self->asked) {
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(self->block, self->number, block_text);
        (void)ring_next_entry;
        (void)sqe_write;
        (void)ring_submit;
    }
    future->result = -ENOSYS;
    ring_free_slot(self->ring, self->user_data);
    return RV_READY;
}
*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        self->asked = true;
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(self->block, self->number, block_text);
        while (!(entry = ring_next_entry(self->ring)))
            ring_submit(self->ring);
        sqe_write(entry, self->fd, self->block, BLOCK_BYTES, OFFSET,
                  self->user_data);
    }
    if (!ring_slot(self->ring, self->user_data)->done)
        return RV_PENDING;
    future->result = ring_slot(self->ring, self->user_data)->result;
    ring_free_slot(self->ring, self->user_data);
    return RV_READY;
}
/*@end 13.4*/
/*@probe #undef sqe_write */
/*@probe #undef rv_waker_wake */
/*@probe static enum rv_poll probe_write_poll(struct rv_future *future, */
/*@probe                                      struct rv_cx *cx); */

static void write_drop(struct rv_future *future)
{
    struct write *self = (struct write *)future;

    if (self->asked && self->future.at != RV_AT_END)
        ring_free_slot(self->ring, self->user_data);
}

/*@probe #define write_poll probe_write_poll */
static const struct rv_future_ops write_ops = {
    .name = "write", .poll = write_poll, .drop = write_drop};

/*@probe #undef write_poll */
/* --- Drive: the task that submits and reaps ---------------------------- */

/*
 * It is spawned last, so all writes have filled their entries when it is polled
 * first. The descriptor of the ring is readable when there are completions.
 */
struct drive {
    struct rv_future future;
    struct ring *ring;
    struct rv_source *source;
};

static enum rv_poll drive_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct drive *self = (struct drive *)future;
    uint32_t tick;

    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        rv_source_clear(self->source, RV_READ, tick); /* then look */
        future->result = ring_submit(self->ring);
        if (future->result < 0)
            return RV_READY;
        ring_reap(self->ring);
        if (!ring_is_waited_for(self->ring))
            return RV_READY;
    }
    return RV_PENDING;
}

static const struct rv_future_ops drive_ops = {.name = "drive",
                                               .poll = drive_poll};

/* --- main -------------------------------------------------------------- */

static void spawn_writes(struct rv_runtime *runtime, struct ring *ring,
                         const int *files, struct rv_join *joins)
{
    for (int i = 0; i < BLOCKS; i++) {
        struct write *self = rv_alloc(sizeof(*self));

        lesson_expect(self != NULL, "out of memory");
        *self = (struct write){.ring = ring, .fd = files[i], .number = i};
        rv_future_init(&self->future, &write_ops);
        lesson_expect(rv_spawn(rv_runtime_executor(runtime), &self->future,
                               &joins[i]) == 0,
                      "out of memory");
    }
}

static void open_files(int *files)
{
    for (int i = 0; i < BLOCKS; i++)
        files[i] = lesson_unwrap(memfd_create("file", MFD_CLOEXEC), "memfd");
}

/* Blocks whose bytes in the file are not those that were asked for. */
static int count_wrong(const int *files)
{
    char wanted[BLOCK_BYTES], found[BLOCK_BYTES];
    int wrong = 0;

    for (int i = 0; i < BLOCKS; i++) {
        memset(found, 0, sizeof(found));
        fill_block(wanted, i, block_text);
        lesson_unwrap((int)pread(files[i], found, sizeof(found), OFFSET),
                      "pread");
        wrong += memcmp(wanted, found, sizeof(found)) != 0;
    }
    return wrong;
}

/* Returns: the first error of a write, or 0. */
static int write_all(struct rv_runtime *runtime, struct ring *ring,
                     const int *files)
{
    static struct rv_join joins[BLOCKS];
    struct drive drive = {.ring = ring};
    int error = 0;

    lesson_expect(rv_source_open(rv_runtime_reactor(runtime), ring->fd,
                                 &drive.source) == 0,
                  "the ring cannot be registered");
    spawn_writes(runtime, ring, files, joins);
    rv_future_init(&drive.future, &drive_ops);
    rv_runtime_block_on(runtime, &drive.future);
    for (int i = 0; i < BLOCKS; i++) {
        const int result = rv_runtime_block_on(runtime, &joins[i].future);

        if (result < 0 && !error)
            error = result;
        rv_join_drop(&joins[i]);
    }
    rv_source_close(drive.source);
    return error;
}

int main(int argc, char **argv)
{
    static struct ring ring;
    struct rv_runtime *runtime;
    int files[BLOCKS], error;

    lesson_start(1, argv, "Lesson 13: a hundred writes, one call.", NULL);
    block_text = argc > 2 ? argv[2] : "the kernel writes this";
    open_files(files);
    ring_open(&ring, ENTRIES);
    lesson_count();
    lesson_unwrap(rv_runtime_start(&runtime), "runtime");
    error = write_all(runtime, &ring, files);
    rv_runtime_stop(runtime);
    /*@probe probe_figure("blocks_wrong", error ? 0 : count_wrong(files)); */
    /*@probe probe_expect(error != -EINVAL, "WRONG ENTRY", "invalid", 0, 0, 0); */
    /*@probe probe_expect(error || !count_wrong(files), "BUFFER NOT YOURS", "bytes", count_wrong(files), BLOCKS, 0); */
    if (!error)
        lesson_logf("%d blocks written, %d of them wrong: %s", BLOCKS,
                    count_wrong(files), block_text);
    ring_close(&ring);
    lesson_take_figures();
    return lesson_end(error);
}
