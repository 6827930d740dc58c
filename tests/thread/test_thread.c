/* SPDX-License-Identifier: MIT */
/*
 * test_thread.c - bare threads: how they start, what they get, how they end.
 *
 * Threads: the test's, and bare ones, which call nothing of the C library.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/thread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/machine.h"
#include "support/support.h"
#include "support/take_away.h"
#include "thread/bare_syscall.h"

RV_TEST_SUITE(thread);

static void join(struct rv_thread *thread)
{
    cr_assert_eq(rv_thread_join(thread, rv_after_ms(RV_TEST_WAIT_MS)), 0);
}

struct add {
    int a;
    int b;
    int *sum;
};

static void add_main(void *args)
{
    struct add *add = args;

    *add->sum = add->a + add->b;
}

static void nothing_main(void *args)
{
    (void)args;
}

/* --- the beginning ----------------------------------------------------- */

RV_TEST(thread, it_gets_a_copy_of_its_arguments)
{
    struct rv_thread thread;
    int sum = 0;
    struct add add = {1, 2, &sum};

    cr_assert_eq(rv_thread_start(&thread, add_main, &add, sizeof add, 0), 0);
    add = (struct add){0};
    join(&thread);
    cr_assert_eq(sum, 3);
}

RV_TEST(thread, without_arguments_and_on_a_small_stack_it_starts_too)
{
    struct rv_thread thread;

    cr_assert_eq(rv_thread_start(&thread, nothing_main, NULL, 0, 1), 0);
    join(&thread);
}

/* The first word is the address to write to; the rest is there for its
 * length. */
static void alignment_main(void *args)
{
    uintptr_t *misaligned = *(uintptr_t **)args;

    /* Two words above the frame address the stack was before the call. */
    *misaligned = (uintptr_t)__builtin_frame_address(0) % 16;
    *misaligned += (uintptr_t)args % 16;
}

/* THREAD-4 */
RV_TEST(thread, the_stack_is_aligned_whatever_the_length_of_the_arguments)
{
    char args[80] = {0};

    for (size_t bytes = sizeof(void *); bytes <= sizeof args; bytes++) {
        struct rv_thread thread;
        uintptr_t misaligned = 99;
        uintptr_t *to = &misaligned;

        memcpy(args, &to, sizeof to);
        cr_assert_eq(rv_thread_start(&thread, alignment_main, args, bytes, 0),
                     0);
        join(&thread);
        cr_assert_eq(misaligned, 0, "with %zu bytes", bytes);
    }
}

/* --- a thread that waits ----------------------------------------------- */

/* Waits until the pipe is written. */
static void pipe_main(void *args)
{
    char byte;

    rv_bare_syscall(__NR_read, *(int *)args, (long)&byte, 1);
}

static void start_waiting(struct rv_thread *thread, int ends[2])
{
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(rv_thread_start(thread, pipe_main, &ends[0], sizeof(int), 0),
                 0);
}

static void end_waiting(struct rv_thread *thread, const int ends[2])
{
    cr_assert_eq(write(ends[1], "", 1), 1);
    join(thread);
    close(ends[0]);
    close(ends[1]);
}

/* The mask of blocked signals of a thread of this process. */
static uint64_t blocked_signals(uint32_t tid)
{
    char path[64];
    char line[256];
    unsigned long mask = 0;
    FILE *status;

    snprintf(path, sizeof path, "/proc/self/task/%u/status", tid);
    status = fopen(path, "re");
    cr_assert_not_null(status);
    while (fgets(line, sizeof line, status))
        sscanf(line, "SigBlk: %lx", &mask);
    fclose(status);
    return mask;
}

/* THREAD-5. Two signals cannot be blocked. */
RV_TEST(thread, all_signals_are_blocked_in_it_and_the_callers_mask_stays)
{
    const uint64_t always_open =
        UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1);
    const uint64_t mine = blocked_signals((uint32_t)getpid());
    struct rv_thread thread;
    int ends[2];

    start_waiting(&thread, ends);
    cr_assert_eq(blocked_signals(*thread.alive), ~always_open);
    cr_assert_eq(blocked_signals((uint32_t)getpid()), mine);
    end_waiting(&thread, ends);
}

/* --- the end ----------------------------------------------------------- */

RV_TEST(thread, join_waits_no_longer_than_until_its_deadline)
{
    struct rv_thread thread;
    int ends[2];

    start_waiting(&thread, ends);
    cr_assert_eq(rv_thread_join(&thread, 0), -ETIMEDOUT);
    cr_assert_eq(rv_thread_join(&thread, -1), -ETIMEDOUT);
    cr_assert_eq(rv_thread_join(&thread, rv_after_ms(2)), -ETIMEDOUT);
    end_waiting(&thread, ends);
}

/* THREAD-2: the kernel's wake ends the wait, not its deadline. */
RV_TEST(thread, join_wakes_up_when_the_thread_ends)
{
    for (int i = 0; i < 300; i++) {
        struct rv_thread thread;

        cr_assert_eq(rv_thread_start(&thread, nothing_main, NULL, 0, 0), 0);
        join(&thread);
    }
}

static size_t mapped_pages(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    size_t pages = 0;

    cr_assert_not_null(statm);
    cr_assert_eq(fscanf(statm, "%zu", &pages), 1);
    fclose(statm);
    return pages;
}

/* THREAD-3 */
RV_TEST(thread, nothing_of_it_stays_mapped)
{
    enum { THREADS = 50, STACK_BYTES = 1 << 20, PAGE_BYTES = 4096 };
    const size_t before = mapped_pages();

    for (int i = 0; i < THREADS; i++) {
        struct rv_thread thread;

        cr_assert_eq(
            rv_thread_start(&thread, nothing_main, NULL, 0, STACK_BYTES), 0);
        join(&thread);
    }
    cr_assert_lt(mapped_pages() - before,
                 THREADS / 2 * (STACK_BYTES / PAGE_BYTES));
}

/* --- what goes wrong --------------------------------------------------- */

/* args: a descriptor. Reports its start, then overflows the stack. */
static void overflow_main(void *args)
{
    volatile char *below = args;

    rv_bare_syscall(__NR_write, *(int *)args, (long)"", 1);
    for (long i = 0; i < 2 * RV_THREAD_STACK_BYTES; i += 1024)
        below[-i] = 1;
}

/* In a child of the test: the fault ends the process. */
RV_TEST(thread, an_overflow_of_its_stack_is_a_fault)
{
    char began[2];
    int status = 0;
    int fds[2];
    pid_t child;

    cr_assert_eq(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        struct rv_thread thread;

        signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it at length */
        if (rv_thread_start(&thread, overflow_main, &fds[1], sizeof fds[1],
                            0) == 0)
            rv_thread_join(&thread, rv_after_ms(RV_TEST_WAIT_MS));
        _exit(0);
    }
    close(fds[1]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(read(fds[0], began, sizeof began), 1, "not by its thread");
    close(fds[0]);
    cr_assert(WIFSIGNALED(status));
    cr_assert_eq(WTERMSIG(status), SIGSEGV);
}

static int start_without_clone(void)
{
    enum { THREADS = 50, STACK_BYTES = 1 << 20, PAGE_BYTES = 4096 };
    struct rv_thread thread;
    size_t before;

    take_away(SYS_clone, EAGAIN);
    before = mapped_pages();
    for (int i = 0; i < THREADS; i++)
        CHILD_CHECK(rv_thread_start(&thread, nothing_main, NULL, 0,
                                    STACK_BYTES) == -EAGAIN);
    CHILD_CHECK(mapped_pages() - before <
                THREADS / 2 * (STACK_BYTES / PAGE_BYTES));
    return 0;
}

RV_TEST(thread, where_clone_fails_it_is_an_error_and_nothing_is_left)
{
    in_child(start_without_clone);
}

RV_TEST(thread, without_address_space_it_is_an_error)
{
    struct rv_thread thread;

    cr_assert_eq(rv_thread_start(&thread, nothing_main, NULL, 0, SIZE_MAX / 4),
                 -ENOMEM);
}

RV_TEST(thread, they_are_there_where_there_is_assembly_for_them)
{
    const bool may_be = !machine_is_thread_sanitized();

    cr_assert_eq(rv_thread_supported(), may_be && machine_has_assembly());
}

/* Sizes whose sum would overflow to a small one. */
RV_TEST(thread, a_stack_larger_than_all_memory_is_enomem)
{
    struct rv_thread thread;

    if (!machine_has_assembly())
        cr_skip_test("no bare threads on this processor");
    for (size_t less = 0; less < 100; less++)
        cr_assert_eq(
            rv_thread_start(&thread, nothing_main, NULL, 0, SIZE_MAX - less),
            -ENOMEM);
}
