/* SPDX-License-Identifier: MIT */
/*
 * stress_alive.c - many tasks at once, each with a stack of its own.
 *
 *     stress_alive [COUNT]          100,000 tasks
 *
 * All of them are started, and wait for an hour. Then the scheduler is stopped,
 * which cancels each of them. Before Linux 6.13 a guard page costs two
 * mappings, of which a process may have 65,530: then the default is 20,000.
 */
#include <errno.h>
#include <sys/utsname.h>

#include "coro/annotate.h"
#include "stress.h"

enum { MANY = 100000, WITH_OLD_GUARDS = 20000, UNDER_TSAN = 2000 };

static _Atomic uint32_t waiting;
static _Atomic uint32_t canceled;

static int32_t wait_long(void *arg)
{
    struct rv_sleep nap;
    int result;

    (void)arg;
    rv_sleep_init(&nap, rv_after_ms(3600 * 1000));
    atomic_fetch_add(&waiting, 1);
    result = rv_await(&nap.future);
    rv_drop(&nap.future);
    STRESS_CHECK(result == -ECANCELED, "the hour is over");
    atomic_fetch_add(&canceled, 1);
    return 0;
}

static int32_t start_all(void *arg)
{
    const uint32_t count = *(uint32_t *)arg;

    for (uint32_t i = 0; i < count; i++)
        STRESS_CHECK(rv_go(NULL, wait_long, NULL) == 0, "rv_go");
    while (atomic_load(&waiting) < count)
        STRESS_CHECK(rv_go_yield() == 0, "rv_go_yield");
    return 0;
}

static uint32_t how_many(void)
{
    struct utsname kernel;
    int major = 0;
    int minor = 0;

#if RV_TSAN /* a sanitizer has a limit of its own */
    return UNDER_TSAN;
#endif
    if (uname(&kernel) == 0 &&
        sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
        (major > 6 || (major == 6 && minor >= 13)))
        return MANY;
    return WITH_OLD_GUARDS;
}

int main(int argc, char **argv)
{
    const struct rv_sched_options options = {
        .workers = 2, .stack_bytes = RV_CORO_MIN_STACK_BYTES};
    uint32_t count = stress_count(argc, argv, how_many());
    struct rv_sched *sched;

    stress_watchdog();
    stress_phase = "alive";
    STRESS_CHECK(rv_sched_start(&sched, &options) == 0, "rv_sched_start");
    STRESS_CHECK(rv_sched_run(sched, start_all, &count) == 0, "run");
    rv_sched_stop(sched);
    STRESS_CHECK(atomic_load(&canceled) == count, "a task was not canceled");
    return 0;
}
