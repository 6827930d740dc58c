/* SPDX-License-Identifier: MIT */
/*
 * demo_log.h - shows the events of a run: as they happen, later at a pace of
 * one's choice, or one for each key.
 *
 * Threads: demo_log_start(), _show() and _end(): main. demo_log_add(): any.
 */
#ifndef RV_CLI_DEMO_LOG_H
#define RV_CLI_DEMO_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct demo_line {
    int64_t at_ns;
    char *text; /* owned */
};

struct demo_log {
    bool step;       /* one line a key */
    double slowdown; /* 0: as it happens; 1: later, at the pace it happened */
    pthread_mutex_t lock;
    struct demo_line *line; /* owned */
    size_t count;
    size_t room;
    size_t shown;      /* lines that were printed already */
    uint64_t event;    /* the next event of the trace to take */
    pthread_t printer; /* prints what happens, on a terminal */
    bool has_printer;
    bool ending;
};

/* Begin: with the pace that was set. Returns: 0, negative errno. */
int demo_log_start(struct demo_log *log);

/* Add a line of text behind the events so far, and show them if the log is
 * shown as it happens. */
void demo_log_add(struct demo_log *log, const char *text);

/* After the run: show what was not shown yet. Returns: CLI_OK, CLI_FAILED. */
int demo_log_show(struct demo_log *log);

void demo_log_end(struct demo_log *log);

#endif /* RV_CLI_DEMO_LOG_H */
