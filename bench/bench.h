/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what every measured program shares, ours and the peers.
 *
 *     int64_t ops = bench_ops(argc, argv);
 *     work(WARM_UP);
 *     bench_start(&span);
 *     work(ops);
 *     bench_stop(&span);
 *     bench_print(&span, ops, "");
 *
 * The warm-up does not depend on `ops`: whoever counts instructions or system
 * calls takes the difference of two runs, and all but the work drops out.
 *
 * Threads: the main thread.
 */
#ifndef RV_BENCH_H
#define RV_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench_span {
    int64_t wall_ns; /* a point in time, and after bench_stop() a duration */
    int64_t cpu_ns;  /* of all threads of the process */
};

/* First of all, for a server; see program.h. */
void bench_begin(void);

/* First of all, for the others: the first argument, a count of operations.
 * Exits with 2 if it is none. */
int64_t bench_ops(int argc, char **argv);

/* The second argument is `word`. */
bool bench_variant(int argc, char **argv, const char *word);

void bench_start(struct bench_span *span);
void bench_stop(struct bench_span *span);

/* One line of JSON; `more` is "" or further members, with a comma first. */
void bench_print(const struct bench_span *span, int64_t ops, const char *more);

/* CLOCK_MONOTONIC, as rv_now_ns(), for peers that do not link it. */
int64_t bench_now_ns(void);

/* Keep all threads to come, and this one, on one CPU. */
void bench_use_one_cpu(void);

/* Memory of this process: resident now, and at most so far. */
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

/* Of a server: say "port N pid N", and end when whoever started us ends. */
void bench_say_where(unsigned port);

/* Stop with a message when `error`, a negative errno, is one. */
void bench_check(int error, const char *what);

#endif /* RV_BENCH_H */
