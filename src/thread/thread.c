/* SPDX-License-Identifier: MIT */
/*
 * thread.c - start a bare thread: map a stack, write its first frame, clone;
 * and join it.
 *
 * Threads: start any, join one at a time.
 *
 * Protocol.
 *
 *   THREAD-1  The word `alive` is not 0 before the clone. The kernel sets it to
 *       0 when the thread has left its stack (CLONE_CHILD_CLEARTID). If it
 *       started as 0, a join could return before the thread has started.
 *   THREAD-2  The kernel wakes the word as a shared futex, so join waits
 *       without FUTEX_PRIVATE_FLAG; a private wait has another key, and would
 *       not be woken.
 *   THREAD-3  The joiner unmaps the stack. The thread cannot, because it runs
 *       on it.
 *   THREAD-4  rsp % 16 == 8 when main() begins, for any size of the arguments:
 *       both they and the frame are aligned to 16. Otherwise the compiler's
 *       first aligned SSE store would fault.
 *   THREAD-5  All signals are blocked before the clone: a handler would run
 *       code of the C library on the bare thread. sigfillset() leaves out
 *       signals 32 and 33, so the mask is set with the system call itself.
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

/* Write the first frame of the stack, as drawn in thread_internal.h (THREAD-1,
 * THREAD-4). */
static struct rv_thread_frame *write_frame(const struct rv_thread *thread,
                                           rv_thread_main main,
                                           const void *args, size_t args_bytes)
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

/* THREAD-5. The kernel's own mask has a bit for each of 64 signals. */
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
        return -ENOMEM; /* so that no sum below can overflow */
    error = map_stack(thread, stack_bytes + args_bytes + sizeof *frame + ALIGN);
    if (error)
        return error;
    frame = write_frame(thread, main, args, args_bytes);
    thread->alive = &frame->alive;
    mask = set_signal_mask(UINT64_MAX);
    tid = rv_thread_clone(flags, frame, thread->alive);
    set_signal_mask(mask);
    if (tid > 0)
        return 0;
    munmap(thread->memory, thread->memory_bytes);
    return (int)tid;
}

/* If a sandbox forbids the futex, the word is checked every millisecond.
 * Returns: false: the deadline has passed. */
static bool nap(int64_t deadline_ns)
{
    const struct timespec pause = {.tv_nsec = RV_NS_PER_MS};

    nanosleep(&pause, NULL);
    return rv_clock_real_ns(rv_now_ns()) < deadline_ns;
}

/* THREAD-2. Returns: false: the deadline has passed. */
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

    /* acquire: sees what the thread has written; the kernel stores the 0 after
     * the thread's last instruction. */
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
    rv_panic("a join of a thread that was not started", __func__);
}

#endif
