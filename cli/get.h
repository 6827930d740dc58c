/* SPDX-License-Identifier: MIT */
/*
 * get.h - what cmd_get.c and get_fetcher.c share.
 *
 *     fetch: all of the work      fetcher: a task, one URL after the other
 */
#ifndef RV_CLI_GET_H
#define RV_CLI_GET_H

#include <reveil/http_client.h>
#include <reveil/runtime.h>
#include <reveil/signal.h>

#include "cli/output.h"
#include "cli/urls.h"

struct get_options {
    const char *directory;
    int64_t repeat;
    int64_t parallel; /* 0: as many as can be */
    int64_t max_redirects;
    double timeout_s; /* 0: none, as of the others */
    double connect_timeout_s;
    double stall_s;
    struct rv_runtime_options runtime;
    bool head;
    bool figures;
    bool quiet;
};

/* All of the work. The main future is READY when no fetcher is left. */
struct fetch {
    struct rv_future future;
    const struct get_options *options;
    const struct urls *urls;
    struct output output;
    struct rv_http_client client; /* where fetchers have several URLs each */
    bool keep;                    /* there is a use for it */
    size_t total;
    size_t fetchers_max;
    size_t next; /* to be started */
    size_t done; /* with or without success */
    size_t failed;
    uint64_t streamed_bytes;
    size_t fetchers;           /* alive */
    struct rv_waker waker;     /* of the main future */
    uint64_t own_polls;        /* of it */
    struct rv_signals signals; /* those that end it, where files are written */
    struct rv_signal_wait signal;
    int ended_by; /* one of them */
    bool progress;
    int64_t progress_ns; /* when it is shown next */
};

/* Begin as many fetchers as there may be. Returns: 0, or why there is none. */
int get_add_fetchers(struct fetch *fetch, struct rv_executor *executor);

/* Take the line of progress away, if there is one. */
void get_clear_progress(const struct fetch *fetch);

#endif /* RV_CLI_GET_H */
