/* SPDX-License-Identifier: MIT */
/*
 * model.h - a thread that plays the kernel, for ThreadSanitizer.
 *
 * It reads the submission ring as the kernel does: an acquire of the tail, then
 * the entries. If you publish the tail without release, both sides touch an
 * entry with nothing in between, and ThreadSanitizer says so. Included by
 * ring.h.
 */
#ifndef LESSON_MODEL_H
#define LESSON_MODEL_H

#include <sys/eventfd.h>

static struct {
    unsigned pointers[4]; /* sq_head, sq_tail, cq_head, cq_tail */
    unsigned array[MAX_SLOTS];
    struct io_uring_sqe sqes[MAX_SLOTS];
    struct io_uring_cqe cqes[2 * MAX_SLOTS];
    pthread_t thread;
    bool over;
} model;

static inline int model_work(const struct io_uring_sqe *entry)
{
    const long n = entry->opcode == IORING_OP_NOP
                       ? 0
                       : pwrite(entry->fd, (const void *)entry->addr,
                                entry->len, (off_t)entry->off);

    return n < 0 ? -errno : (int)n;
}

static inline void *model_run(void *arg)
{
    struct ring *ring = arg;
    unsigned head = 0, tail = 0;

    while (!__atomic_load_n(&model.over, __ATOMIC_RELAXED)) {
        const unsigned end = __atomic_load_n(ring->sq_tail, __ATOMIC_ACQUIRE);

        for (; head != end; head++, tail++) {
            const struct io_uring_sqe *entry =
                &ring->sqes[head & ring->sq_mask];

            ring->cqes[tail & ring->cq_mask] = (struct io_uring_cqe){
                .user_data = entry->user_data, .res = model_work(entry)};
            __atomic_store_n(ring->sq_head, head + 1, __ATOMIC_RELEASE);
            __atomic_store_n(ring->cq_tail, tail + 1, __ATOMIC_RELEASE);
            eventfd_write(ring->fd, 1);
        }
        usleep(100);
    }
    return NULL;
}

static inline void model_open(struct ring *self, unsigned entries)
{
    *self = (struct ring){
        .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
        .sq_head = &model.pointers[0],
        .sq_tail = &model.pointers[1],
        .sq_array = model.array,
        .sq_mask = entries - 1,
        .sq_entries = entries,
        .cq_head = &model.pointers[2],
        .cq_tail = &model.pointers[3],
        .cq_mask = 2 * entries - 1,
        .sqes = model.sqes,
        .cqes = model.cqes,
    };
    lesson_spawn_thread(&model.thread, model_run, self);
}

static inline int model_enter(struct ring *self, unsigned count)
{
    (void)self;
    return (int)count;
}

static inline void model_close(struct ring *self)
{
    __atomic_store_n(&model.over, true, __ATOMIC_RELAXED);
    pthread_join(model.thread, NULL);
    close(self->fd);
}

#endif /* LESSON_MODEL_H */
