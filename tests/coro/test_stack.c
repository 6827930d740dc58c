/* SPDX-License-Identifier: MIT */
/*
 * test_stack.c - stacks: their guards, their cache, many of them.
 *
 * Threads: the test's; the tests of the cache start some.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <reveil/coro.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coro/annotate.h"
#include "coro/stack.h"
#include "support/machine.h"
#include "support/support.h"
#include "support/take_away.h"

RV_TEST_SUITE(coro_stack);

enum { SMALL_BYTES = 16 * 1024 };

/* Run it in a child process. Returns: the child's wait status. */
static int run_child(void (*run)(void))
{
    const struct rlimit none = {0};
    int status = 0;
    pid_t child;

    if (machine_is_valgrind())
        cr_skip_test("valgrind has limits and words of its own");
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL);
        run();
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static uint32_t mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    uint32_t lines = 0;
    int letter;

    cr_assert_not_null(file);
    while ((letter = fgetc(file)) != EOF)
        lines += letter == '\n';
    fclose(file);
    return lines;
}

/* --- the guard --------------------------------------------------------- */

enum { FAULT_IN_PLACE = 42, FAULT_ELSEWHERE };

static char *volatile touched;

/* Whether the fault was at the expected address, not at NULL. */
static void tell_where(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number, (void)context;
    _exit(info->si_addr == touched ? FAULT_IN_PLACE : FAULT_ELSEWHERE);
}

static void touch(char *place)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO,
                               .sa_sigaction = tell_where};

    sigaction(SIGSEGV, &action, NULL);
    touched = place;
    *(volatile char *)place = 1;
}

static void touch_below(void)
{
    struct rv_stack *stack = rv_stack_new(SMALL_BYTES);

    stack->low[0] = 1; /* may be touched */
    touch(stack->low - 1);
}

static void touch_lowest(void)
{
    struct rv_stack *stack = rv_stack_new(SMALL_BYTES);

    touch(stack->low - rv_stack_guard_bytes());
}

static void touch_below_mprotect(void)
{
    rv_stack_force_mprotect();
    touch_below();
}

static void assert_faults(void (*run)(void))
{
    const int status = run_child(run);

    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == FAULT_IN_PLACE,
              "wait status %#x", (unsigned)status);
}

RV_TEST(coro_stack, its_guard_kills_from_end_to_end)
{
    assert_faults(touch_below);
    assert_faults(touch_lowest);
    assert_faults(touch_below_mprotect);
}

/* --- the cache --------------------------------------------------------- */

RV_TEST(coro_stack, the_last_one_freed_is_the_next_one)
{
    struct rv_stack *first = rv_stack_new(SMALL_BYTES);
    struct rv_stack *second = rv_stack_new(SMALL_BYTES);

    rv_stack_free(first);
    cr_assert_eq(rv_stack_new(SMALL_BYTES), first);
    rv_stack_free(second);
    rv_stack_free(first);
}

/* A guard with a mapping of its own would split the mapping of the slab. */
RV_TEST(coro_stack, a_guard_costs_no_mapping_where_that_can_be)
{
    enum { STACKS = 64 };
    struct rv_stack *stacks[STACKS];
    uint32_t before;

    if (!machine_has_guard())
        cr_skip_test("no MADV_GUARD_INSTALL on this machine (Linux 6.13)");
    before = mappings();
    for (int i = 0; i < STACKS; i++)
        stacks[i] = rv_stack_new(SMALL_BYTES);
    cr_assert_lt(mappings(), before + STACKS / 4);
    for (int i = 0; i < STACKS; i++)
        rv_stack_free(stacks[i]);
}

RV_TEST(coro_stack, sizes_are_rounded_up_and_kept_apart)
{
    struct rv_stack *small = rv_stack_new(1);
    struct rv_stack *large = rv_stack_new(SMALL_BYTES + 1);

    cr_assert_eq(small->size_bytes, SMALL_BYTES);
    cr_assert_eq(large->size_bytes, 2 * SMALL_BYTES);
    rv_stack_free(small);
    cr_assert_neq(rv_stack_new(2 * SMALL_BYTES), small);
    rv_stack_free(large);
}

static void *leave_some_cached(void *arg)
{
    enum { STACKS = 40 };
    struct rv_stack *stacks[STACKS];

    for (int i = 0; i < STACKS; i++)
        stacks[i] = rv_stack_new(SMALL_BYTES);
    for (int i = 0; i < STACKS; i++)
        rv_stack_free(stacks[i]);
    return arg;
}

RV_TEST(coro_stack, the_cache_of_a_thread_that_ends_is_used_by_others)
{
    pthread_t thread;
    uint64_t mapped = 0;

    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pthread_create(&thread, NULL, leave_some_cached, NULL), 0);
        pthread_join(thread, NULL);
        if (i == 0)
            mapped = rv_stack_mapped();
    }
    cr_assert_eq(rv_stack_mapped(), mapped);
    rv_stack_trim();
    cr_assert_eq(rv_stack_mapped(), 0);
}

static void *free_it(void *stack)
{
    rv_stack_free(stack);
    return NULL;
}

RV_TEST(coro_stack, one_freed_in_another_thread_is_not_lost)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, free_it, rv_stack_new(1)), 0);
    pthread_join(thread, NULL);
    rv_stack_trim();
    cr_assert_eq(rv_stack_mapped(), 0);
}

/* --- fork() ------------------------------------------------------------ */

enum { SLABS = 1000, SLAB_STACKS = 64, FORKS = 40 };

static _Atomic bool trims;

/* Each slab has a stack in use, so a trim finds nothing, and holds the mutex
 * nearly all the time. */
static void *trim_on_and_on(void *arg)
{
    while (atomic_load(&trims))
        rv_stack_trim();
    return arg;
}

/* In the child, where that thread does not exist. */
static void take_another_class(void)
{
    alarm(10); /* it did not return */
    rv_stack_free(rv_stack_new(8 * SMALL_BYTES));
    rv_stack_trim();
}

RV_TEST(coro_stack, a_child_of_fork_has_stacks_whatever_a_thread_did)
{
    static struct rv_stack *stacks[SLABS * SLAB_STACKS];
    pthread_t thread;
    int status = 0;

    if (machine_is_valgrind())
        cr_skip_test("valgrind looks for each stack in a list");
    if (!machine_has_guard())
        cr_skip_test("no MADV_GUARD_INSTALL on this machine (Linux 6.13)");
    for (int i = 0; i < SLABS * SLAB_STACKS; i++)
        stacks[i] = rv_stack_new(SMALL_BYTES);
    for (int i = 0; i < SLABS * SLAB_STACKS; i++)
        if (i % SLAB_STACKS)
            rv_stack_free(stacks[i]);
    atomic_store(&trims, true);
    cr_assert_eq(pthread_create(&thread, NULL, trim_on_and_on, NULL), 0);
    for (int i = 0; i < FORKS && status == 0; i++)
        status = run_child(take_another_class);
    atomic_store(&trims, false);
    pthread_join(thread, NULL);
    cr_assert_eq(status, 0, "wait status %#x", (unsigned)status);
    for (int i = 0; i < SLABS * SLAB_STACKS; i += SLAB_STACKS)
        rv_stack_free(stacks[i]);
}

/* --- many -------------------------------------------------------------- */

enum { MANY = 100000 };

static struct rv_stack *many[MANY];

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long total;
    long resident;

    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%ld %ld", &total, &resident), 2);
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Returns: false if memory or mappings run out. */
static bool take_many(void)
{
    for (int i = 0; i < MANY; i++) {
        many[i] = rv_stack_new(SMALL_BYTES);
        if (!many[i])
            return false;
    }
    return true;
}

Test(coro_stack, a_hundred_thousand_use_few_mappings_and_go_away,
     .timeout = 2 * RV_TEST_SECONDS)
{
    const uint64_t before = resident_bytes();
    const uint32_t mappings_before = mappings();

    if (machine_is_valgrind())
        cr_skip_test("valgrind looks for each stack in a list");
    if (!machine_has_guard())
        cr_skip_test("no MADV_GUARD_INSTALL on this machine (Linux 6.13)");
    cr_assert(take_many());
    cr_assert_lt(mappings(), mappings_before + 100);
    for (int i = 0; i < MANY; i++)
        rv_stack_free(many[i]);

    /* What remains allocated: a cache of 64 stacks, and a depot of 16 MiB. */
    cr_assert_leq(rv_stack_mapped(), 64 + 1024 + 64);
#if !RV_ASAN /* the sanitizer's shadow of the stacks remains */
    cr_assert_lt(resident_bytes(), before + (32 << 20));
#else
    (void)before;
#endif
    rv_stack_trim();
    cr_assert_eq(rv_stack_mapped(), 0);
}

/* With mprotect() the process runs out of mappings: that is an error, and the
 * stacks that exist keep working. */
static void run_out_of_mappings(void)
{
    int count = 0;

    rv_stack_force_mprotect();
    while (count < MANY && (many[count] = rv_stack_new(SMALL_BYTES)))
        count++;
    if (count == MANY)
        _exit(2);
    if (count < 1000)
        _exit(1);
    for (int i = 0; i < count; i++) {
        many[i]->low[0] = 1;
        rv_stack_free(many[i]);
    }
    rv_stack_trim();
    if (rv_stack_mapped() != 0)
        _exit(3);
}

Test(coro_stack, without_mappings_it_is_an_error_and_nothing_is_lost,
     .timeout = 2 * RV_TEST_SECONDS)
{
    int status;

    if (machine_max_mappings() >= MANY) /* a stack has two, and a guard one */
        cr_skip_test("vm.max_map_count does not limit 100,000 stacks here");
    status = run_child(run_out_of_mappings);
    cr_assert(WIFEXITED(status), "wait status %#x", (unsigned)status);
    cr_assert_eq(WEXITSTATUS(status), 0);
}

/* Without free address space. */
static void run_out_of_memory(void)
{
    const struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    struct rv_coro *coro = NULL;

    setrlimit(RLIMIT_AS, &limit);
    if (rv_coro_new(&coro, NULL, NULL, NULL) != -ENOMEM || coro)
        _exit(1);
}

RV_TEST(coro_stack, without_memory_it_is_an_error)
{
    cr_assert_eq(run_child(run_out_of_memory), 0);
}

/* --- without thread keys ----------------------------------------------- */

static pthread_key_t keys[PTHREAD_KEYS_MAX];
static int taken_keys;

static void take_all_keys(void)
{
    while (taken_keys < PTHREAD_KEYS_MAX &&
           pthread_key_create(&keys[taken_keys], NULL) == 0)
        taken_keys++;
}

static void give_keys_back(void)
{
    while (taken_keys > 0)
        pthread_key_delete(keys[--taken_keys]);
}

static int32_t return_one(void *arg)
{
    (void)arg;
    return 1;
}

/* Coroutines that run, with stacks of each size. Returns: NULL on success. */
static void *use_stacks(void *arg)
{
    for (int i = 0; i < 200; i++) {
        struct rv_coro *coro;
        struct rv_stack *stack = rv_stack_new((size_t)SMALL_BYTES << i % 6);

        if (!stack || rv_coro_new(&coro, return_one, NULL, NULL) < 0)
            return "no stack";
        if (!rv_coro_resume(coro))
            return "it did not run";
        rv_coro_free(coro);
        rv_stack_free(stack);
    }
    return arg;
}

static void *in_a_thread(void *(*body)(void *arg))
{
    void *result = "no thread";
    pthread_t thread;

    if (pthread_create(&thread, NULL, body, NULL) == 0)
        pthread_join(thread, &result);
    return result;
}

/* A thread whose cache no destructor would empty keeps no stacks. */
static int live_without_keys(void)
{
    take_all_keys();
    CHILD_CHECK(taken_keys > 0);
    CHILD_CHECK(rv_coro_report_overflow() == -EAGAIN);
    CHILD_CHECK(in_a_thread(use_stacks) == NULL);
    CHILD_CHECK(use_stacks(NULL) == NULL);
    rv_stack_trim();
    CHILD_CHECK(rv_stack_mapped() == 0);
    give_keys_back();
    CHILD_CHECK(rv_coro_report_overflow() == 0);
    CHILD_CHECK(in_a_thread(use_stacks) == NULL);
    rv_stack_trim();
    CHILD_CHECK(rv_stack_mapped() == 0);
    return 0;
}

RV_TEST(coro_stack, without_thread_keys_it_goes_on_without_a_cache)
{
    in_child(live_without_keys);
}
