/* SPDX-License-Identifier: MIT */
/*
 * bench.h - shared by all measured programs, ours and the peers.
 *
 *     int64_t ops = bench_ops(argc, argv);
 *     work(WARM_UP);
 *     bench_start(&span);
 *     work(ops);
 *     bench_stop(&span);
 *     bench_print(&span, ops, "");
 *
 * The warm-up does not depend on `ops`: `reveil bench` counts instructions and
 * system calls as the difference of two runs, which excludes it.
 *
 * Threads: the main thread.
 */
#ifndef RV_BENCH_H
#define RV_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench_span {
    int64_t wall_ns; /* a time; after bench_stop(), a duration */
    int64_t cpu_ns;  /* of all threads of the process */
};

/* Call first in a server; see program.h. */
void bench_begin(void);

/* Call first in the others. Returns: the first argument, a count of operations.
 * Exits with 2 if it is not a number. */
int64_t bench_ops(int argc, char **argv);

/* Returns: the second argument is `word`. */
bool bench_variant(int argc, char **argv, const char *word);

void bench_start(struct bench_span *span);
void bench_stop(struct bench_span *span);

/* Print a line of JSON; `more`: "", or more members after a comma. */
void bench_print(const struct bench_span *span, int64_t ops, const char *more);

/* CLOCK_MONOTONIC; for peers, which do not link rv_now_ns(). */
int64_t bench_now_ns(void);

/* Pin this thread, and those it will start, to one CPU. */
void bench_use_one_cpu(void);

/* Memory of this process: resident now, and its peak. */
int64_t bench_resident_bytes(void);
int64_t bench_peak_bytes(void);

/* The sleepers of the timers area: 1..1000 ms, spread evenly. */
int64_t bench_delay_ms(int64_t number);

/* How late they woke. */
struct bench_lateness {
    int64_t early;
    int64_t sum_ns;
};

void bench_add_lateness(struct bench_lateness *lateness, int64_t deadline_ns);

/* bench_print() with the lateness and the peak of memory. */
void bench_print_timers(const struct bench_span *span, int64_t ops,
                        const struct bench_lateness *lateness);

/* For a server: print "port N pid N", and end when the parent process ends. */
void bench_say_where(unsigned port);

/* Exit with a message if `error` is a negative errno. */
void bench_check(int error, const char *what);

#endif /* RV_BENCH_H */
