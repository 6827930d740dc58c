/* SPDX-License-Identifier: MIT */
/*
 * bench.h - measure ours and the peers in one run, in turn.
 *
 * What is measured are programs of their own, build/bench/NAME, which print
 * one line of JSON; see bench/bench.h. A peer that was not built is left out.
 */
#ifndef RV_CLI_BENCH_H
#define RV_CLI_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* In the order of the table and of the JSON. */
enum bench_figure {
    BENCH_NS,
    BENCH_CPU_NS,
    BENCH_BYTES,
    BENCH_LATE_NS,
    BENCH_EARLY,
    BENCH_PEAK_BYTES,
    BENCH_SYSCALLS,
    BENCH_INSTRUCTIONS,
    BENCH_FIGURES
};

extern const char *const bench_figure_keys[BENCH_FIGURES];

/* One program to measure. The entries of an area are adjacent. */
struct bench_entry {
    const char *area;
    const char *title; /* of the case */
    enum bench_figure main_figure;
    const char *who;
    const char *program;
    const char *argument; /* the variant, or NULL */
    bool ours;            /* else a peer */
    int64_t ops;          /* of a server: connections */
    int64_t quick_ops;
};

extern const struct bench_entry bench_entries[];
extern const size_t bench_entry_count;

enum { BENCH_MAX_ROUNDS = 101 };

/* The values of one figure, one per round. */
struct bench_values {
    double value[BENCH_MAX_ROUNDS];
    size_t count;
};

struct bench_row {
    const struct bench_entry *entry;
    struct bench_values figure[BENCH_FIGURES];
};

struct bench_options {
    bool json;
    bool quick;
    bool instructions;
    int64_t rounds;
};

/* --- run.c ------------------------------------------------------------- */

enum { BENCH_ANY_CPU = -1 };

/* A child whose stdout is read. */
struct bench_child {
    pid_t pid;
    FILE *output;
};

/*
 * Start a program, on one CPU or on any, found in PATH if it has no slash.
 * quiet: its stderr is thrown away. Returns: 0, negative errno.
 */
int bench_start_child(struct bench_child *child, char *const argv[], int cpu,
                      bool quiet);

/* Read its output, up to `size`, and wait. Returns: its exit status, or -1. */
int bench_finish_child(struct bench_child *child, char *text, size_t size);

/* The path build/bench/NAME. Returns: false if it does not exist. */
bool bench_path(char *path, size_t size, const char *program);

/* Returns: there is a program with this name in PATH. */
bool bench_has_tool(const char *name);

/* The number after `key` in the text; -1 if there is none. */
double bench_number_after(const char *text, const char *key);

void bench_add(struct bench_row *row, enum bench_figure figure, double value);

/* Measure once. Returns: 0; -1 after a message. */
int bench_run(struct bench_row *row, const struct bench_options *options);

/* Count system calls, and instructions if asked for; both in runs of their
 * own, where the tools are installed. */
void bench_count(struct bench_row *row, const struct bench_options *options);

/* The calls in a summary of strace -c -U calls,name; -1 if there is none. */
double bench_strace_total(const char *text);

/* --- load.c: the server area ------------------------------------------- */

bool bench_is_server(const struct bench_entry *entry);
int bench_run_server(struct bench_row *row,
                     const struct bench_options *options);
void bench_count_server(struct bench_row *row);

/* --- table.c ----------------------------------------------------------- */

/* Both sort the values. */
void bench_print_table(struct bench_row *rows, size_t count, FILE *out);
void bench_print_json(struct bench_row *rows, size_t count, FILE *out);

#endif /* RV_CLI_BENCH_H */
