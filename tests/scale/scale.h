/* SPDX-License-Identifier: MIT */
/*
 * scale.h - shared by the programs that measure the runtime at scale.
 *
 * Each prints a line "ok NAME: figures" for each thing it looks at, or "FAIL
 * ...", and exits 0 or 1. A program judges by counts, orders, or ratios within
 * the run. Times are printed for the reader; they depend on the machine and on
 * its load.
 *
 * Under a sanitizer memory means nothing, and a million of anything takes too
 * long: exit 77, a skip.
 */
#ifndef RV_TEST_SCALE_H
#define RV_TEST_SCALE_H

#include <reveil/reveil.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SCALE_SKIP = 77, SCALE_WATCHDOG_S = 1200 };

static bool scale_failed;

/* Stop if something that is not measured fails. */
#define SCALE_CHECK(cond, what)                                     \
    do {                                                            \
        if (!(cond)) {                                              \
            printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, (what)); \
            exit(1);                                                \
        }                                                           \
    } while (0)

/* One line of the report. */
__attribute__((format(printf, 2, 3))) static inline void
scale_report(bool good, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs(good ? "ok " : "FAIL ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
    scale_failed |= !good;
}

/* gcc defines a macro for it, clang has a feature. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCALE_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SCALE_SANITIZED true
#endif
#endif
#ifndef SCALE_SANITIZED
#define SCALE_SANITIZED false
#endif

/* Call it first: it skips, or sets a time limit against hangs. */
static inline void scale_start(void)
{
    if (SCALE_SANITIZED) {
        puts("skipped: under a sanitizer there are no figures");
        exit(SCALE_SKIP);
    }
    alarm(SCALE_WATCHDOG_S);
}

/* Allow as many descriptors as possible. Returns: that number. */
static inline rlim_t scale_raise_fds(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

/* Skip the program if this many descriptors are not allowed. */
static inline void scale_need_fds(rlim_t wanted)
{
    const rlim_t allowed = scale_raise_fds();

    if (allowed >= wanted) {
        SCALE_CHECK(rv_reserve_fds((uint32_t)wanted) == 0, "rv_reserve_fds");
        return;
    }
    printf("skipped: no more than %llu descriptors are allowed\n",
           (unsigned long long)allowed);
    exit(SCALE_SKIP);
}

static inline double scale_ms(int64_t ns)
{
    return (double)ns / (double)RV_NS_PER_MS;
}

/* CPU time of the process. */
static inline double scale_cpu_ms(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

/* Resident memory now. */
static inline int64_t scale_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long long pages = 0;

    SCALE_CHECK(file && fscanf(file, "%*d %lld", &pages) == 1, "statm");
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* --- lateness ---------------------------------------------------------- */

struct scale_late {
    uint32_t count;
    uint32_t early;
    uint32_t too_late; /* were spawned after their deadline: did not sleep */
    int64_t sum_ns;
    int64_t longest_ns;
    void (*saw)(int64_t deadline_ns); /* or NULL: called for each */
};

static inline void scale_saw(struct scale_late *late, int64_t late_ns)
{
    late->count++;
    late->early += late_ns < 0;
    late->sum_ns += late_ns;
    if (late_ns > late->longest_ns)
        late->longest_ns = late_ns;
}

static inline double scale_mean_ms(const struct scale_late *late)
{
    return late->count ? scale_ms(late->sum_ns) / late->count : 0;
}

/* A task that sleeps once and records how late it was. */
struct scale_sleeper {
    struct rv_future future;
    struct rv_sleep sleep;
    int64_t deadline_ns;
    struct scale_late *late;
};

static inline enum rv_poll scale_sleeper_poll(struct rv_future *future,
                                              struct rv_cx *cx)
{
    struct scale_sleeper *self =
        RV_CONTAINER_OF(future, struct scale_sleeper, future);

    RV_BEGIN(future);
    self->late->too_late += rv_now_ns() >= self->deadline_ns;
    rv_sleep_init(&self->sleep, self->deadline_ns);
    RV_AWAIT(future, cx, &self->sleep.future);
    scale_saw(self->late, rv_now_ns() - self->deadline_ns);
    if (self->late->saw)
        self->late->saw(self->deadline_ns);
    RV_RETURN(future, 0);
    RV_END(future);
}

static inline void scale_sleeper_drop(struct rv_future *future)
{
    rv_drop(
        &RV_CONTAINER_OF(future, struct scale_sleeper, future)->sleep.future);
}

static inline void scale_sleep(struct rv_scope *scope, int64_t deadline_ns,
                               struct scale_late *late)
{
    static const struct rv_future_ops ops = {.name = "sleeper",
                                             .poll = scale_sleeper_poll,
                                             .drop = scale_sleeper_drop};
    struct scale_sleeper *sleeper = rv_alloc(sizeof *sleeper);

    SCALE_CHECK(sleeper, "no memory");
    rv_future_init(&sleeper->future, &ops);
    sleeper->deadline_ns = deadline_ns;
    sleeper->late = late;
    SCALE_CHECK(rv_scope_spawn(scope, &sleeper->future) == 0, "spawn");
}

#endif /* RV_TEST_SCALE_H */
