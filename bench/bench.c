/* SPDX-License-Identifier: MIT */
/* bench.c - the clocks, counts and JSON line of a measured program. */
#include "bench.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../examples/program.h"

enum { SLEEP_SPREAD_MS = 1000 };

void bench_begin(void)
{
    program_start(1);
}

int64_t bench_ops(int argc, char **argv)
{
    char *end = NULL;
    long long ops = argc > 1 ? strtoll(argv[1], &end, 10) : 0;

    bench_begin();
    if (ops > 0 && *end == '\0')
        return ops;
    fprintf(stderr, "usage: %s OPERATIONS [VARIANT]\n", argv[0]);
    exit(2);
}

bool bench_variant(int argc, char **argv, const char *word)
{
    return argc > 2 && strcmp(argv[2], word) == 0;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void bench_start(struct bench_span *span)
{
    span->cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    span->wall_ns = bench_now_ns();
}

void bench_stop(struct bench_span *span)
{
    span->wall_ns = bench_now_ns() - span->wall_ns;
    span->cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID) - span->cpu_ns;
}

void bench_print(const struct bench_span *span, int64_t ops, const char *more)
{
    printf("{\"ns_per_op\":%.3f,\"cpu_ns_per_op\":%.3f,\"ops\":%" PRId64
           "%s}\n",
           (double)span->wall_ns / (double)ops,
           (double)span->cpu_ns / (double)ops, ops, more);
}

void bench_use_one_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET((size_t)sched_getcpu(), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
        perror("sched_setaffinity");
}

int64_t bench_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long total = 0;
    long resident = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%ld %ld", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

int64_t bench_peak_bytes(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)usage.ru_maxrss * 1024;
}

int64_t bench_delay_ms(int64_t number)
{
    return number % SLEEP_SPREAD_MS + 1;
}

void bench_add_lateness(struct bench_lateness *lateness, int64_t deadline_ns)
{
    int64_t late_ns = bench_now_ns() - deadline_ns;

    lateness->early += late_ns < 0;
    lateness->sum_ns += late_ns;
}

void bench_print_timers(const struct bench_span *span, int64_t ops,
                        const struct bench_lateness *lateness)
{
    char more[128];

    snprintf(more, sizeof more,
             ",\"late_ns\":%.0f,\"early\":%" PRId64 ",\"peak_bytes\":%" PRId64,
             (double)lateness->sum_ns / (double)ops, lateness->early,
             bench_peak_bytes());
    bench_print(span, ops, more);
}

void bench_say_where(unsigned port)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    printf("port %u pid %d\n", port, getpid());
    if (fflush(stdout) != 0) /* no one reads its port or would end it */
        bench_check(-errno, "stdout");
}

void bench_check(int error, const char *what)
{
    if (error >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(-error));
    exit(1);
}
