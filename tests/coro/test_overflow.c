/* SPDX-License-Identifier: MIT */
/*
 * test_overflow.c - an overflow is reported by name and stops the program;
 * other faults are not touched. Each program that dies is a child process.
 *
 * Threads: the test's; one child starts another.
 */
#include <criterion/criterion.h>

#include <pthread.h>
#include <reveil/coro.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coro/stack.h"
#include "executor/tasks.h"
#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(coro_overflow);

enum { SMALL_BYTES = 16 * 1024, TASKS = 1000, UNLUCKY = 637 };

/* Run it in a child; `said` is the text of its stderr. Returns: its wait
 * status, as of waitpid(). */
static int run_child(void (*run)(void), char *said, size_t size)
{
    const struct rlimit none = {0};
    size_t len = 0;
    int status = 0;
    int fds[2];
    ssize_t n;
    pid_t child;

    if (machine_is_valgrind())
        cr_skip_test("valgrind has words of its own for such an end");
    cr_assert_eq(pipe(fds), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        run();
        _exit(0);
    }
    close(fds[1]);
    while (len < size - 1 && (n = read(fds[0], said + len, size - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(fds[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static void assert_says(void (*run)(void), int signal_number, const char *text)
{
    char said[1024];
    const int status = run_child(run, said, sizeof said);

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == signal_number,
              "wait status %#x, stderr \"%s\"", (unsigned)status, said);
    cr_assert_str_eq(said, text);
}

/* --- overflows --------------------------------------------------------- */

/* Far more levels than the stack has room for. */
static volatile int levels = 1 << 30;

static int32_t recurse(void *arg)
{
    volatile char room[100];

    room[0] = 1;
    return levels-- ? recurse(arg) + room[0] : 0;
}

static int32_t yield_often(void *arg)
{
    for (int i = 0; i < 10; i++)
        rv_coro_yield();
    return arg ? recurse(arg) : 0;
}

static void one_of_a_thousand(void)
{
    static char names[TASKS][16];
    struct rv_executor *executor = new_executor();
    struct rv_join joins[TASKS];

    rv_coro_report_overflow();
    for (int i = 0; i < TASKS; i++) {
        struct rv_coro_options options = {.name = names[i],
                                          .stack_bytes = SMALL_BYTES};

        snprintf(names[i], sizeof names[i], "task-%d", i);
        rv_coro_spawn(executor, yield_often, i == UNLUCKY ? executor : NULL,
                      &options, &joins[i]);
    }
    for (int i = 0; i < TASKS; i++)
        rv_block_on(executor, &joins[i].future);
}

RV_TEST(coro_overflow, one_of_a_thousand_tasks_is_named)
{
    assert_says(one_of_a_thousand, SIGSEGV,
                "reveil: coroutine task-637 overflowed its stack of 16384 "
                "bytes\n");
}

static void overflow(void)
{
    static const struct rv_coro_options options = {.name = "deep"};
    struct rv_coro *coro;

    rv_coro_new(&coro, recurse, NULL, &options);
    rv_coro_resume(coro);
}

static void overflow_reported(void)
{
    rv_coro_report_overflow();
    rv_coro_report_overflow();
    overflow();
}

RV_TEST(coro_overflow, without_the_reporter_it_dies_in_silence)
{
    assert_says(overflow, SIGSEGV, "");
    assert_says(overflow_reported, SIGSEGV,
                "reveil: coroutine deep overflowed its stack of 65536 bytes\n");
}

static void *overflow_main(void *arg)
{
    overflow();
    return arg;
}

static void overflow_in_thread(void)
{
    pthread_t thread;

    rv_coro_report_overflow();
    pthread_create(&thread, NULL, overflow_main, NULL);
    pthread_join(thread, NULL);
}

RV_TEST(coro_overflow, it_is_named_in_any_thread)
{
    assert_says(overflow_in_thread, SIGSEGV,
                "reveil: coroutine deep overflowed its stack of 65536 bytes\n");
}

/* A frame of two guards: compiled with -fstack-clash-protection it touches
 * every page on its way down. */
static int32_t large_frame(void *arg)
{
    char room[96 * 1024];

    room[0] = arg != NULL;
    __asm__ volatile("" : : "r"(room) : "memory"); /* all of it is needed */
    return room[0];
}

static void overflow_at_once(void)
{
    static const struct rv_coro_options options = {.name = "wide"};
    struct rv_coro *coro;

    rv_coro_report_overflow();
    rv_coro_new(&coro, large_frame, NULL, &options);
    rv_coro_resume(coro);
}

RV_TEST(coro_overflow, a_large_frame_does_not_step_over_the_guard)
{
    assert_says(overflow_at_once, SIGSEGV,
                "reveil: coroutine wide overflowed its stack of 65536 bytes\n");
}

/* --- other faults ------------------------------------------------------ */

/* A page that may not be touched. */
static void fault(void)
{
    volatile char *page =
        mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    page[0] = 1;
}

static int32_t fault_inside(void *arg)
{
    fault();
    return arg != NULL;
}

static void fault_in_coroutine(void)
{
    struct rv_coro *coro;

    rv_coro_report_overflow();
    rv_coro_new(&coro, fault_inside, NULL, NULL);
    rv_coro_resume(coro);
}

static void fault_outside(void)
{
    rv_coro_report_overflow();
    fault();
}

static void killed(void)
{
    rv_coro_report_overflow();
    kill(getpid(), SIGSEGV);
}

RV_TEST(coro_overflow, another_fault_ends_the_program_as_ever)
{
    assert_says(fault_in_coroutine, SIGSEGV, "");
    assert_says(fault_outside, SIGSEGV, "");
    assert_says(killed, SIGSEGV, "");
}

static void say_caught(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, "caught\n", 7);
    signal(SIGSEGV, SIG_DFL);
}

static void say_caught_too(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_addr)
        say_caught(number);
}

static void fault_with_handler(void)
{
    signal(SIGSEGV, say_caught);
    fault_in_coroutine();
}

static void fault_with_action(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = say_caught_too;
    sigaction(SIGSEGV, &action, NULL);
    fault_in_coroutine();
}

RV_TEST(coro_overflow, another_fault_goes_to_the_handler_before)
{
    assert_says(fault_with_handler, SIGSEGV, "caught\n");
    assert_says(fault_with_action, SIGSEGV, "caught\n");
}

/* --- a thread's signal stack ------------------------------------------- */

static int32_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void *resume_one(void *arg)
{
    struct rv_coro *coro;

    cr_assert_eq(rv_coro_new(&coro, nothing, NULL, NULL), 0);
    rv_coro_resume(coro);
    rv_coro_free(coro);
    return arg;
}

static uint64_t mapped_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long total;

    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%ld", &total), 1);
    fclose(file);
    return (uint64_t)total;
}

RV_TEST(coro_overflow, a_thread_gives_its_signal_stack_back)
{
    uint64_t before = 0;
    pthread_t thread;

    cr_assert_eq(rv_coro_report_overflow(), 0);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pthread_create(&thread, NULL, resume_one, NULL), 0);
        pthread_join(thread, NULL);
        if (i == 9)
            before = mapped_pages();
    }
    cr_assert_leq(mapped_pages(), before + 64);
}
