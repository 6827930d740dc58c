/* SPDX-License-Identifier: MIT */
/*
 * compare.h - run the stages of the course on the same work, and compare.
 *
 * A stage is a program that writes log lines, "time  thread  text", and one
 * last line of figures. Each runs alone, as a process of its own, so that its
 * CPU time and its system calls are nobody else's.
 */
#ifndef RV_COMPARE_H
#define RV_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { COMPARE_STAGES = 6 };

/* How a stage is called, and what it is. */
struct stage {
    const char *name;    /* "busy": in tables and as an argument */
    const char *program; /* the lesson; NULL for `reveil demo` */
    const char *argument[2];
    const char *words; /* what waits how, in one line */
    bool never_sleeps; /* its gaps in the log are work, not sleep */
};

extern const struct stage compare_stages[COMPARE_STAGES];

/* One line of a stage's log. */
struct log_line {
    double at_ms;
    const char *thread;
    const char *text;
};

/* In the order of the table and of the JSON. */
enum figure {
    FIG_WALL_MS,
    FIG_CPU_MS,
    FIG_POLLS,
    FIG_WOULD_BLOCK,
    FIG_EPOLL_WAITS,
    FIG_WAKES,
    FIG_PARKS,
    FIG_SYSCALLS,
    FIGURES
};

extern const char *const compare_figure_keys[FIGURES];

#define UNKNOWN_FIGURE (-1.0) /* it could not be measured here */

struct run {
    const struct stage *stage;
    double figure[FIGURES];
    char *output; /* owned: what the lines point into */
    struct log_line *lines;
    size_t line_count;
};

/*
 * Run a stage against the server on this port and fill `run`, whose stage is
 * set. Says on stderr what went wrong. Returns: 0, negative errno.
 */
int compare_run(struct run *run, uint16_t port);

/* Free what compare_run() allocated. */
void compare_run_fini(struct run *run);

/*
 * Run the stages once more, all at the same time under ptrace, and set
 * FIG_SYSCALLS. Where ptrace is forbidden the figure stays unknown.
 */
void compare_count_syscalls(struct run *runs, size_t count, uint16_t port);

/* The program of a stage with its arguments, for execv(). */
struct command {
    char path[4096];
    char port[8];
    char *argv[8];
};

/* Returns: 0, -ENOENT when the program is not there. */
int compare_command(struct command *command, const struct stage *stage,
                    uint16_t port);

/* Take lines and figures out of a stage's output, which becomes the run's. */
void compare_parse(struct run *run, char *output);

/* The three ways to show runs. */
void compare_print_table(const struct run *runs, size_t count, FILE *out);
void compare_print_logs(const struct run *left, const struct run *right,
                        FILE *out);
void compare_print_json(const struct run *runs, size_t count, FILE *out);
void compare_print_html(const struct run *runs, size_t count, FILE *out);

#endif /* RV_COMPARE_H */
