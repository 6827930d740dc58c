/* SPDX-License-Identifier: MIT */
/*
 * thread.c - map a stack, lay its end out, clone; and wait for the end.
 *
 * Threads: start() any, join() one at a time.
 *
 * Protocol.
 *
 *   THREAD-1  The word `alive` is not 0 before the clone, and becomes 0 when
 *       the kernel has left the stack for good (CLONE_CHILD_CLEARTID). A word
 *       that starts as 0 would let a join pass a thread that did not begin yet.
 *   THREAD-2  The kernel wakes the word as a shared futex, so join() waits
 *       without FUTEX_PRIVATE_FLAG; a private wait has another key and sleeps
 *       on.
 *   THREAD-3  The joiner unmaps the stack. The thread cannot: it stands on it.
 *   THREAD-4  rsp % 16 == 8 when main() begins, however long the arguments are:
 *       both they and the frame are aligned to 16. Else the first aligned SSE
 *       store of the compiler is a fault.
 *   THREAD-5  Signals are blocked before the clone: a handler would run libc
 *       code on the bare thread. Signals 32 and 33 too, which sigfillset()
 *       leaves out, so the mask is set by the system call itself.
 *
 * Source: clone(2), futex(2), set_tid_address(2).
 */
#include "thread/thread_internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base_internal.h"

bool rv_thread_supported(void)
{
    return RV_THREAD_BARE;
}

#if RV_THREAD_BARE

enum { ALIGN = 16 };

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* Returns: 0, -ENOMEM. */
static int map_stack(struct rv_thread *thread, size_t stack_bytes)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    char *memory;

    thread->memory_bytes = page_bytes + round_up(stack_bytes, page_bytes);
    memory = mmap(NULL, thread->memory_bytes, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    thread->memory = memory;
    if (mprotect(memory + page_bytes, thread->memory_bytes - page_bytes,
                 PROT_READ | PROT_WRITE) == 0)
        return 0;
    munmap(memory, thread->memory_bytes);
    return -ENOMEM;
}

/* The end of the stack, as the drawing in thread_internal.h has it (THREAD-1,
 * THREAD-4). */
static struct rv_thread_frame *lay_out(const struct rv_thread *thread,
                                       rv_thread_main main, const void *args,
                                       size_t args_bytes)
{
    char *end = (char *)thread->memory + thread->memory_bytes;
    char *copy = end - round_up(args_bytes, ALIGN);
    struct rv_thread_frame *frame =
        (struct rv_thread_frame *)(void *)(copy - sizeof *frame);

    if (args_bytes)
        memcpy(copy, args, args_bytes);
    frame->args = copy;
    frame->begin = rv_thread_begin;
    frame->main = main;
    atomic_init(&frame->alive, 1);
    return frame;
}

/* THREAD-5. The kernel's own mask: a bit a signal, 64 of them. */
static uint64_t set_signal_mask(uint64_t mask)
{
    uint64_t before = 0;

    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask);
    return before;
}

int rv_thread_start(struct rv_thread *thread, rv_thread_main main,
                    const void *args, size_t args_bytes, size_t stack_bytes)
{
    const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES |
                                CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                                CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    struct rv_thread_frame *frame;
    uint64_t mask;
    long tid;
    int error;

    if (!stack_bytes)
        stack_bytes = RV_THREAD_STACK_BYTES;
    if (stack_bytes > SIZE_MAX / 4 || args_bytes > SIZE_MAX / 4)
        return -ENOMEM; /* no sum below overflows then */
    error = map_stack(thread, stack_bytes + args_bytes + sizeof *frame + ALIGN);
    if (error)
        return error;
    frame = lay_out(thread, main, args, args_bytes);
    thread->alive = &frame->alive;
    mask = set_signal_mask(UINT64_MAX);
    tid = rv_thread_clone(flags, frame, thread->alive);
    set_signal_mask(mask);
    if (tid > 0)
        return 0;
    munmap(thread->memory, thread->memory_bytes);
    return (int)tid;
}

/* There is no futex to be had (a sandbox): look at the word now and then.
 * Returns: false when the time is over. */
static bool nap(int64_t deadline_ns)
{
    const struct timespec pause = {.tv_nsec = RV_NS_PER_MS};

    nanosleep(&pause, NULL);
    return rv_clock_real_ns(rv_now_ns()) < deadline_ns;
}

/* THREAD-2. Returns: false when the time is over. */
static bool wait_while(_Atomic uint32_t *word, uint32_t value,
                       int64_t deadline_ns)
{
    const struct timespec until = rv_timespec(deadline_ns);

    if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value,
                deadline_ns == RV_NEVER ? NULL : &until, NULL,
                FUTEX_BITSET_MATCH_ANY) == 0 ||
        errno == EAGAIN || errno == EINTR)
        return true;
    return errno != ETIMEDOUT && nap(deadline_ns);
}

int rv_thread_join(struct rv_thread *thread, int64_t deadline_ns)
{
    const int64_t until_ns = rv_clock_real_ns(deadline_ns);
    uint32_t tid;

    /* acquire: what the thread wrote; the kernel stores the 0 after its last
     * instruction. */
    while ((tid = atomic_load_explicit(thread->alive, memory_order_acquire)))
        if (!wait_while(thread->alive, tid, until_ns))
            return -ETIMEDOUT;
    munmap(thread->memory, thread->memory_bytes);
    return 0;
}

#else

int rv_thread_start(struct rv_thread *thread, rv_thread_main main,
                    const void *args, size_t args_bytes, size_t stack_bytes)
{
    (void)thread, (void)main, (void)args, (void)args_bytes, (void)stack_bytes;
    return -ENOSYS;
}

int rv_thread_join(struct rv_thread *thread, int64_t deadline_ns)
{
    (void)thread, (void)deadline_ns;
    rv_panic("a thread that cannot have been started", __func__);
}

#endif
