/* SPDX-License-Identifier: MIT */
/*
 * compare.h - run the stages of the course on the same work, and compare.
 *
 * A stage is a program that writes log lines, "time  thread  text", and a last
 * line of figures. Each runs alone, in a process of its own, so that CPU time
 * and system calls can be attributed to it.
 */
#ifndef RV_COMPARE_H
#define RV_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/compare/events.h"

enum { COMPARE_STAGES = 6 };

/* One program to compare. */
struct stage {
    const char *name;    /* "busy": in tables and as an argument */
    const char *program; /* the lesson; NULL for `reveil demo` */
    const char *argument[2];
    const char *words; /* how it waits, in one line */
    const char *words_fr;
    bool never_sleeps; /* the gaps in its log are work, not sleep */
};

extern const struct stage compare_stages[COMPARE_STAGES];

/* One line of a stage's log. */
struct log_line {
    double at_ms;
    const char *thread;
    const char *text;
    enum log_event event;
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

/* The definition of a figure, for the table and the page. */
const char *compare_figure_legend(enum figure figure);

#define UNKNOWN_FIGURE (-1.0) /* it could not be measured here */

struct run {
    const struct stage *stage;
    double figure[FIGURES];
    char *output; /* owned; the lines point into it */
    struct log_line *lines;
    size_t line_count;
};

/*
 * Run the stage of `run` against the server on this port, and fill `run`. What
 * the start of its process costs is measured first, and subtracted.
 * Returns: 0, or a negative errno after a message on stderr.
 */
int compare_run(struct run *run, uint16_t port);

/* Free what compare_run() allocated. */
void compare_run_fini(struct run *run);

/*
 * Run the stages again, all at the same time, under ptrace, and set
 * FIG_SYSCALLS. If ptrace is forbidden, the figure stays unknown.
 */
void compare_count_syscalls(struct run *runs, size_t count, uint16_t port);

/* The program of a stage with its arguments, for execv(). */
struct command {
    char path[4096];
    char port[8];
    char *argv[8];
};

/* Returns: 0; -ENOENT if the program does not exist. */
int compare_command(struct command *command, const struct stage *stage,
                    uint16_t port);

/* Parse a stage's output. Owns: the run owns `output`, cut into lines. */
void compare_parse(struct run *run, char *output);

/* The ways to show runs. */
void compare_print_table(const struct run *runs, size_t count, FILE *out);
void compare_print_logs(const struct run *left, const struct run *right,
                        FILE *out);
void compare_print_json(const struct run *runs, size_t count, FILE *out);
void compare_print_html(const struct run *runs, size_t count, FILE *out);

#endif /* RV_COMPARE_H */
