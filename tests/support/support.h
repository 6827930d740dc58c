/* SPDX-License-Identifier: MIT */
/*
 * support.h - what the tests of all parts share.
 *
 *     RV_TEST_SUITE(parker);
 *
 *     RV_TEST(parker, unpark_before_park_is_not_lost)
 *     {
 *         ...
 *     }
 *
 * An RV_TEST is a Criterion Test() that must also leave nothing behind: no
 * descriptor, no thread and, when built with AddressSanitizer, no memory. The
 * check runs at the end of the body, because Criterion 2.4 reports a test as
 * passed whatever its .fini function finds, and ends the process of each test
 * without the exit at which the sanitizer would check.
 *
 * A child that a test makes with fork() is killed when the thread that made it
 * ends: a test that is interrupted leaves no process.
 */
#ifndef RV_TEST_SUPPORT_H
#define RV_TEST_SUPPORT_H

#include <criterion/criterion.h>

#include <reveil/runtime.h>

#include "waker/ready.h"

/* Built with AddressSanitizer: everything is several times slower. */
#if defined(__SANITIZE_ADDRESS__)
#define RV_TEST_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RV_TEST_SLOW 1
#endif
#endif
#ifndef RV_TEST_SLOW
#define RV_TEST_SLOW 0
#endif

/* The time after which a test counts as hanging, on however slow and busy a
 * machine. No test depends on this limit unless it fails. */
#define RV_TEST_SECONDS 300

/* Give all tests of a suite the time limit. */
#define RV_TEST_SUITE(suite) TestSuite(suite, .timeout = RV_TEST_SECONDS)

/* Start the body of a test that must leave nothing behind. */
#define RV_TEST(suite, name)                 \
    static void suite##_##name##_body(void); \
    Test(suite, name)                        \
    {                                        \
        rv_test_run(suite##_##name##_body);  \
    }                                        \
    static void suite##_##name##_body(void)

/* Private. Run the body of a test, then fail the test if something is left. */
void rv_test_run(void (*body)(void));

/*
 * Zeroed memory until the test's process ends, for a test that needs megabytes.
 * LeakSanitizer would read a static array in every test of the program: with
 * 100 MB of them, that takes most of the time of a run.
 */
void *rv_test_zeros(size_t size_bytes);

/* --- what a process has ------------------------------------------------ */

/* The number of open descriptors. */
uint32_t rv_test_fds(void);

/* The number of threads; one that was joined may still be counted. */
uint32_t rv_test_threads(void);

/* Wait until there are `count` threads, including the caller. */
void rv_test_wait_for_threads(uint32_t count);

/*
 * How often all threads but the caller have stopped running, for any reason.
 * While this number is constant, none of them has done anything. It is a count,
 * which a busy machine does not change.
 */
uint64_t rv_test_stops(void);

/* Wait until all threads but the caller are asleep. */
void rv_test_wait_for_sleep(void);

/* --- waiting, with an end ---------------------------------------------- */

/*
 * rv_block_on() with a limit of RV_TEST_WAIT_MS.
 *
 * Returns: the future's result, or -ETIMEDOUT if it was not READY in time.
 */
int rv_test_block_on(struct rv_executor *executor, struct rv_future *future);

enum { RV_TEST_WAIT_MS = RV_TEST_SECONDS * 900 };

/*
 * rv_runtime_start() in the mode that the environment asks for: RV_TEST_REACTOR
 * is "thread", which is the default, or "fused". The tests of net and http run
 * in both.
 */
int rv_test_runtime_start(struct rv_runtime **out);

/* --- misuse ------------------------------------------------------------ */

/* Run `misuse` in a child process, which must abort() after writing `text`
 * somewhere on stderr. */
void rv_test_aborts(void (*misuse)(void), const char *text);

/* --- a task without an executor ---------------------------------------- */

/* A ready queue with one task, whose wakes the test takes itself. */
struct rv_probe {
    struct rv_ready *queue;
    struct rv_ready_slot *slot; /* NULL after the task has ended */
    uint64_t id;
};

void rv_probe_init(struct rv_probe *probe);
void rv_probe_fini(struct rv_probe *probe);

/* End the task, before the end of the probe. */
void rv_probe_retire(struct rv_probe *probe);

/* A waker of the probe's task. Owns: the caller. */
struct rv_waker rv_probe_waker(const struct rv_probe *probe);

/* The context for a poll of the probe's task; its waker is borrowed. */
struct rv_cx rv_probe_cx(const struct rv_probe *probe);

/* Take a wake that has arrived. Returns: false if there is none. */
bool rv_probe_take(struct rv_probe *probe);

/* Wait for a wake and take it. Returns: false after RV_TEST_WAIT_MS. */
bool rv_probe_wait(struct rv_probe *probe);

#endif /* RV_TEST_SUPPORT_H */
