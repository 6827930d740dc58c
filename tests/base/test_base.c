/* SPDX-License-Identifier: MIT */
/*
 * test_base.c - the clock, the allocation hook, and panics.
 */
#include <criterion/criterion.h>

#include <reveil/base.h>
#include <reveil/version.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "support/support.h"

/* --- clock ------------------------------------------------------------- */

Test(clock, now_is_the_monotonic_clock_in_nanoseconds)
{
    struct timespec before;
    struct timespec after;
    int64_t now_ns;

    clock_gettime(CLOCK_MONOTONIC, &before);
    now_ns = rv_now_ns();
    clock_gettime(CLOCK_MONOTONIC, &after);

    cr_assert_geq(now_ns, before.tv_sec * RV_NS_PER_S + before.tv_nsec);
    cr_assert_leq(now_ns, after.tv_sec * RV_NS_PER_S + after.tv_nsec);
}

Test(clock, after_ms_counts_from_now)
{
    const int64_t before_ns = rv_now_ns();
    const int64_t deadline_ns = rv_after_ms(250);
    const int64_t after_ns = rv_now_ns();

    cr_assert_geq(deadline_ns, before_ns + 250 * RV_NS_PER_MS);
    cr_assert_leq(deadline_ns, after_ns + 250 * RV_NS_PER_MS);
}

Test(clock, a_deadline_past_the_end_of_time_never_comes)
{
    /* The first overflows in the product, the second in the sum. */
    cr_assert_eq(rv_after_ms(INT64_MAX), RV_NEVER);
    cr_assert_eq(rv_after_ms(INT64_MAX / RV_NS_PER_MS), RV_NEVER);
}

Test(clock, a_negative_span_lies_in_the_past)
{
    cr_assert_lt(rv_after_ms(-1), rv_now_ns());
    cr_assert_lt(rv_after_ms(INT64_MIN), rv_now_ns());
    cr_assert_eq(rv_after_ms(INT64_MIN / RV_NS_PER_MS - 1), INT64_MIN);
}

/* --- the virtual clock ------------------------------------------------- */

Test(clock, frozen_it_stands_until_it_is_moved)
{
    cr_assert_not(rv_clock_is_virtual());
    rv_clock_freeze(5);
    cr_assert(rv_clock_is_virtual());
    cr_assert_eq(rv_now_ns(), 5);
    cr_assert_eq(rv_now_ns(), 5);

    rv_clock_advance(37);
    cr_assert_eq(rv_now_ns(), 42);
    cr_assert_eq(rv_after_ms(1), 42 + RV_NS_PER_MS);
    rv_clock_freeze(7);
    cr_assert_eq(rv_now_ns(), 7);
}

Test(clock, thawed_it_is_the_real_one_again)
{
    const int64_t before_ns = rv_now_ns();

    rv_clock_freeze(0);
    cr_assert_eq(rv_now_ns(), 0);
    rv_clock_thaw();
    rv_clock_thaw();

    cr_assert_not(rv_clock_is_virtual());
    cr_assert_geq(rv_now_ns(), before_ns);
}

Test(clock, reach_moves_it_forward_only_and_only_when_it_is_frozen)
{
    rv_clock_reach(RV_NEVER);
    cr_assert_lt(rv_now_ns(), RV_NEVER);

    rv_clock_freeze(10);
    rv_clock_reach(20);
    cr_assert_eq(rv_now_ns(), 20);
    rv_clock_reach(15);
    cr_assert_eq(rv_now_ns(), 20);
}

Test(clock, a_deadline_for_the_kernel_is_as_far_away_by_the_real_clock)
{
    const int64_t before_ns = rv_now_ns();
    int64_t real_ns;

    cr_assert_eq(rv_clock_real_ns(before_ns + 9), before_ns + 9);
    rv_clock_freeze(INT64_C(100) * 365 * 86400 * RV_NS_PER_S);
    real_ns = rv_clock_real_ns(rv_after_ms(250));
    rv_clock_thaw();

    cr_assert_geq(real_ns, before_ns + 250 * RV_NS_PER_MS);
    cr_assert_leq(real_ns, rv_after_ms(250));
}

Test(clock, for_the_kernel_the_past_is_0_and_never_is_never)
{
    rv_clock_freeze(1000);

    cr_assert_eq(rv_clock_real_ns(999), 0);
    cr_assert_eq(rv_clock_real_ns(0), 0);
    cr_assert_eq(rv_clock_real_ns(INT64_MIN), 0);
    cr_assert_eq(rv_clock_real_ns(RV_NEVER), RV_NEVER);
}

/* RV_NEVER is not due at the end of time either. */
Test(clock, the_virtual_clock_stops_before_never)
{
    rv_clock_freeze(1);
    rv_clock_advance(INT64_MAX);
    cr_assert(rv_clock_is_virtual());
    cr_assert_eq(rv_now_ns(), RV_NEVER - 1);
    rv_clock_advance(1);
    cr_assert_eq(rv_now_ns(), RV_NEVER - 1);
    rv_clock_freeze(RV_NEVER);
    cr_assert_eq(rv_now_ns(), RV_NEVER - 1);
    cr_assert_eq(rv_after_ms(1), RV_NEVER);
    cr_assert_eq(rv_left_ns(RV_NEVER), RV_NEVER);
    cr_assert_eq(rv_left_ns(RV_NEVER - 1), 0);
}

static void move_the_real_clock(void)
{
    rv_clock_advance(1);
}

static void go_back(void)
{
    rv_clock_freeze(10);
    rv_clock_advance(-1);
}

static void freeze_before_0(void)
{
    rv_clock_freeze(-1);
}

Test(clock, the_real_clock_cannot_be_moved)
{
    rv_test_aborts(move_the_real_clock,
                   "the clock is not frozen: rv_clock_advance");
}

Test(clock, the_virtual_clock_does_not_go_back)
{
    rv_test_aborts(go_back, "a clock cannot be moved back: rv_clock_advance");
    rv_test_aborts(freeze_before_0, "a time before 0: rv_clock_freeze");
}

/* --- arithmetic -------------------------------------------------------- */

Test(clock, a_sum_of_times_ends_at_the_ends_of_time)
{
    cr_assert_eq(rv_later_ns(40, 2), 42);
    cr_assert_eq(rv_later_ns(40, -50), -10);
    cr_assert_eq(rv_later_ns(1, INT64_MAX), RV_NEVER);
    cr_assert_eq(rv_later_ns(INT64_MAX, 1), RV_NEVER);
    cr_assert_eq(rv_later_ns(INT64_MIN, -1), INT64_MIN);
    cr_assert_eq(rv_later_ns(-1, INT64_MIN), INT64_MIN);
    cr_assert_eq(rv_later_ns(INT64_MIN, INT64_MAX), -1);
}

Test(clock, what_is_left_until_a_deadline_is_not_negative)
{
    rv_clock_freeze(1000);
    cr_assert_eq(rv_left_ns(INT64_MIN), 0);
    cr_assert_eq(rv_left_ns(-1), 0);
    cr_assert_eq(rv_left_ns(999), 0);
    cr_assert_eq(rv_left_ns(1000), 0);
    cr_assert_eq(rv_left_ns(1001), 1);
    cr_assert_eq(rv_left_ns(RV_NEVER - 1), RV_NEVER - 1001);
    cr_assert_eq(rv_left_ns(RV_NEVER), RV_NEVER);
    cr_assert_eq(rv_after_ns(INT64_MAX), RV_NEVER);
    cr_assert_eq(rv_after_ns(-1001), -1);
}

/* The kernel returns EINVAL for a part that is negative or too large. */
Test(clock, the_kernel_gets_no_time_before_0)
{
    static const int64_t times[] = {INT64_MIN, -RV_NS_PER_S - 1, -1, 0};

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        cr_assert_eq(rv_timespec(times[i]).tv_sec, 0);
        cr_assert_eq(rv_timespec(times[i]).tv_nsec, 0);
    }
    cr_assert_eq(rv_timespec(2 * RV_NS_PER_S + 3).tv_sec, 2);
    cr_assert_eq(rv_timespec(2 * RV_NS_PER_S + 3).tv_nsec, 3);
    cr_assert_eq(rv_timespec(RV_NEVER).tv_sec, RV_NEVER / RV_NS_PER_S);
    cr_assert_lt(rv_timespec(RV_NEVER).tv_nsec, RV_NS_PER_S);
}

/* --- allocation -------------------------------------------------------- */

static int allocs;
static int frees;

static void *count_alloc(size_t size_bytes)
{
    allocs++;
    return calloc(1, size_bytes);
}

static void count_free(void *memory)
{
    frees++;
    free(memory);
}

static void *refuse_alloc(size_t size_bytes)
{
    (void)size_bytes;
    return NULL;
}

static const struct rv_alloc_hook counting_hook = {count_alloc, count_free};

Test(alloc, memory_is_zeroed_also_when_it_was_used_before)
{
    for (int round = 0; round < 8; round++) {
        unsigned char *memory = rv_alloc(4096);

        cr_assert_not_null(memory);
        for (int i = 0; i < 4096; i++) {
            cr_assert_eq(memory[i], 0);
            memory[i] = 0xff;
        }
        rv_free(memory);
    }
}

Test(alloc, all_memory_comes_from_the_hook_and_goes_back_to_it)
{
    void *memory;

    rv_set_alloc_hook(&counting_hook);
    memory = rv_alloc(10);
    cr_assert_eq(allocs, 1);
    cr_assert_eq(frees, 0);

    rv_free(memory);
    cr_assert_eq(allocs, 1);
    cr_assert_eq(frees, 1);
}

Test(alloc, the_hook_may_go_out_of_scope)
{
    struct rv_alloc_hook hook = counting_hook;

    rv_set_alloc_hook(&hook);
    hook.alloc = NULL;
    hook.free = NULL;

    rv_free(rv_alloc(10));
    cr_assert_eq(frees, 1);
}

Test(alloc, no_hook_goes_back_to_the_standard_allocator)
{
    void *memory;

    rv_set_alloc_hook(&counting_hook);
    rv_set_alloc_hook(NULL);

    memory = rv_alloc(10);
    cr_assert_not_null(memory);
    rv_free(memory);
    cr_assert_eq(allocs, 0);
    cr_assert_eq(frees, 0);
}

Test(alloc, a_hook_without_memory_is_heard)
{
    const struct rv_alloc_hook hook = {refuse_alloc, count_free};

    rv_set_alloc_hook(&hook);

    cr_assert_null(rv_alloc(1));
}

Test(alloc, freeing_null_does_nothing)
{
    rv_set_alloc_hook(&counting_hook);

    rv_free(NULL);

    cr_assert_eq(frees, 0);
}

/* --- container_of ------------------------------------------------------ */

struct holder {
    int64_t first;
    struct rv_list node;
};

Test(container_of, finds_the_struct_around_a_field)
{
    struct holder holder;

    cr_assert_eq(RV_CONTAINER_OF(&holder.node, struct holder, node), &holder);
}

/* --- misuse ------------------------------------------------------------ */

/* The text that rv_panic() wrote to fd 2 in a child; checks that the child
 * aborted. */
static void read_last_words(const char *what, const char *name, char *words,
                            size_t size)
{
    int ends[2];
    int status;
    size_t len = 0;
    ssize_t got;
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        rv_panic(what, name);
    }
    close(ends[1]);
    while ((got = read(ends[0], words + len, size - 1 - len)) > 0)
        len += (size_t)got;
    words[len] = '\0';
    close(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

Test(panic, writes_one_line_and_aborts)
{
    char words[512];

    read_last_words("polled a finished future", "sleep", words, sizeof words);

    cr_assert_str_eq(words, "reveil: polled a finished future: sleep\n");
}

Test(panic, a_name_without_end_is_cut_off)
{
    char name[1000];
    char words[512];

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    read_last_words("misuse", name, words, sizeof words);

    cr_assert_eq(strncmp(words, "reveil: misuse: xxx", 19), 0);
    cr_assert_eq(strchr(words, '\n'), words + strlen(words) - 1);
}

static void check(bool fine)
{
    RV_CHECK(fine, "not fine");
}

static void fail_a_check(void)
{
    check(false);
}

Test(panic, a_check_that_fails_aborts)
{
    rv_test_aborts(fail_a_check, "reveil: not fine: check\n");
}

Test(panic, a_check_that_holds_does_nothing)
{
    check(true);
}

/* --- the tests themselves ----------------------------------------------- */

/* A test that is interrupted, as far as its children can tell. */
_Noreturn static void leave_a_child(void)
{
    if (fork() == 0)
        for (;;)
            pause();
    _exit(0);
}

RV_TEST(base, a_child_of_a_test_ends_with_it)
{
    pid_t child;
    int ends[2];
    char byte;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0)
        leave_a_child();
    close(ends[1]);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert_eq(read(ends[0], &byte, 1), 0, "until the last has ended");
    close(ends[0]);
}

/* --- the version -------------------------------------------------------- */

RV_TEST(base, the_library_has_the_version_of_its_headers)
{
    char text[32];

    snprintf(text, sizeof text, "%d.%d.%d", RV_VERSION_MAJOR, RV_VERSION_MINOR,
             RV_VERSION_PATCH);
    cr_assert_str_eq(rv_version(), RV_VERSION);
    cr_assert_str_eq(rv_version(), text);
}

Test(version, an_atomic_field_has_the_layout_of_a_plain_one)
{
    struct shared {
        char first;
        RV_ATOMIC(uint64_t) number;
        RV_ATOMIC(bool) flag;
    };
    struct plain {
        char first;
        uint64_t number;
        bool flag;
    };

    cr_assert_eq(sizeof(struct shared), sizeof(struct plain));
    cr_assert_eq(offsetof(struct shared, number),
                 offsetof(struct plain, number));
    cr_assert_eq(offsetof(struct shared, flag), offsetof(struct plain, flag));
}

Test(version, later_headers_have_all_of_earlier_ones)
{
    enum {
        MAJOR = RV_VERSION_MAJOR,
        MINOR = RV_VERSION_MINOR,
        PATCH = RV_VERSION_PATCH
    };

    cr_assert(RV_VERSION_AT_LEAST(MAJOR, MINOR, PATCH));
    cr_assert(RV_VERSION_AT_LEAST(MAJOR, MINOR - 1, PATCH + 1));
    cr_assert(RV_VERSION_AT_LEAST(MAJOR - 1, MINOR + 1, PATCH + 1));
    cr_assert_not(RV_VERSION_AT_LEAST(MAJOR, MINOR, PATCH + 1));
    cr_assert_not(RV_VERSION_AT_LEAST(MAJOR, MINOR + 1, PATCH - 1));
    cr_assert_not(RV_VERSION_AT_LEAST(MAJOR + 1, MINOR - 1, PATCH - 1));
}
