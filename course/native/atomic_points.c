/* SPDX-License-Identifier: MIT */
/*
 * atomic_points.c - every atomic step of a learner's function, for the delay
 * sweep and for a look at its memory order. Included by probe.c.
 *
 *     atomic_store(&tail, n);     <- shown to the other thread
 *                                 <- the sweep sleeps here
 *     slots[i] = value;           <- and this comes too late
 *
 * With `[build] atomics = true` in expect.toml the lesson is compiled with
 * -fsanitize=thread, and linked without its library: so the compiler calls the
 * functions below for each atomic step, however it is written: atomic_store(),
 * `tail = n`, `tail++`, __atomic_store_n(). The check is about steps, not about
 * words.
 *
 * Accesses that are not atomic call functions too, which do nothing.
 *
 * Threads: any.
 */

static _Thread_local probe_atomic_step watched;

void probe_watch_atomics(probe_atomic_step step)
{
    watched = step;
}

static void saw(const volatile void *address, int order, enum probe_step kind,
                const char *name)
{
    const probe_atomic_step step = watched;

    if (!step)
        return;
    watched = NULL; /* its own steps are not the learner's */
    step(address, order, kind);
    probe_point(name);
    watched = step;
}

#define ANY __ATOMIC_SEQ_CST

#define READ_AND_WRITE(bits, type, name)                                   \
    type __tsan_atomic##bits##_##name(volatile type *p, type v, int order) \
    {                                                                      \
        const type was = __atomic_##name(p, v, ANY);                       \
                                                                           \
        saw(p, order, PROBE_STEP_WRITE, "after atomic_" #name);            \
        return was;                                                        \
    }

#define STEPS(bits, type)                                                      \
    type __tsan_atomic##bits##_load(const volatile type *p, int order)         \
    {                                                                          \
        const type value = __atomic_load_n(p, ANY);                            \
                                                                               \
        saw(p, order, PROBE_STEP_READ, "after atomic_load");                   \
        return value;                                                          \
    }                                                                          \
    void __tsan_atomic##bits##_store(volatile type *p, type v, int order)      \
    {                                                                          \
        __atomic_store_n(p, v, ANY);                                           \
        saw(p, order, PROBE_STEP_WRITE, "after atomic_store");                 \
    }                                                                          \
    type __tsan_atomic##bits##_exchange(volatile type *p, type v, int order)   \
    {                                                                          \
        const type was = __atomic_exchange_n(p, v, ANY);                       \
                                                                               \
        saw(p, order, PROBE_STEP_WRITE, "after atomic_exchange");              \
        return was;                                                            \
    }                                                                          \
    type __tsan_atomic##bits##_compare_exchange_val(                           \
        volatile type *p, type was, type v, int order, int failed)             \
    {                                                                          \
        if (__atomic_compare_exchange_n(p, &was, v, 0, ANY, ANY))              \
            saw(p, order, PROBE_STEP_WRITE, "after atomic_compare_exchange");  \
        else                                                                   \
            saw(p, failed, PROBE_STEP_READ, "after atomic_compare_exchange");  \
        return was;                                                            \
    }                                                                          \
    int __tsan_atomic##bits##_compare_exchange_strong(                         \
        volatile type *p, type *was, type v, int order, int failed)            \
    {                                                                          \
        const type wanted = *was;                                              \
                                                                               \
        *was = __tsan_atomic##bits##_compare_exchange_val(p, wanted, v, order, \
                                                          failed);             \
        return *was == wanted;                                                 \
    }                                                                          \
    int __tsan_atomic##bits##_compare_exchange_weak(                           \
        volatile type *p, type *was, type v, int order, int failed)            \
    {                                                                          \
        return __tsan_atomic##bits##_compare_exchange_strong(p, was, v, order, \
                                                             failed);          \
    }                                                                          \
    READ_AND_WRITE(bits, type, fetch_add)                                      \
    READ_AND_WRITE(bits, type, fetch_sub)                                      \
    READ_AND_WRITE(bits, type, fetch_and)                                      \
    READ_AND_WRITE(bits, type, fetch_or)                                       \
    READ_AND_WRITE(bits, type, fetch_xor)                                      \
    READ_AND_WRITE(bits, type, fetch_nand)

STEPS(8, uint8_t)
STEPS(16, uint16_t)
STEPS(32, uint32_t)
STEPS(64, uint64_t)

void __tsan_atomic_thread_fence(int order)
{
    __atomic_thread_fence(ANY);
    saw(0, order, PROBE_STEP_FENCE, "after atomic_thread_fence");
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}

#define ACCESS(name)                  \
    void __tsan_##name(void *address) \
    {                                 \
        (void)address;                \
    }
#define ACCESSES(bytes)          \
    ACCESS(read##bytes)          \
    ACCESS(write##bytes)         \
    ACCESS(read_write##bytes)    \
    ACCESS(volatile_read##bytes) \
    ACCESS(volatile_write##bytes)
#define UNALIGNED(bytes)                   \
    ACCESS(unaligned_read##bytes)          \
    ACCESS(unaligned_write##bytes)         \
    ACCESS(unaligned_read_write##bytes)    \
    ACCESS(unaligned_volatile_read##bytes) \
    ACCESS(unaligned_volatile_write##bytes)

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)
ACCESS(func_entry)

void __tsan_read_range(void *address, unsigned long bytes)
{
    (void)address;
    (void)bytes;
}

void __tsan_write_range(void *address, unsigned long bytes)
{
    (void)address;
    (void)bytes;
}

void __tsan_func_exit(void)
{
}

void __tsan_init(void)
{
}

void *__tsan_memcpy(void *to, const void *from, unsigned long bytes)
{
    return memcpy(to, from, bytes);
}

void *__tsan_memmove(void *to, const void *from, unsigned long bytes)
{
    return memmove(to, from, bytes);
}

void *__tsan_memset(void *to, int byte, unsigned long bytes)
{
    return memset(to, byte, bytes);
}
