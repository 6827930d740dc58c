/* SPDX-License-Identifier: MIT */
/*
 * get.h - what cmd_get.c and get_fetcher.c share.
 *
 *     fetch: all URLs      fetcher: a task that fetches one after the other
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
    int64_t parallel; /* 0: no limit */
    int64_t max_redirects;
    double timeout_s; /* 0: none; also for the next two */
    double connect_timeout_s;
    double stall_s;
    struct rv_runtime_options runtime;
    bool head;
    bool figures;
    bool quiet;
};

/* The main future is READY when no fetcher is left. */
struct fetch {
    struct rv_future future;
    const struct get_options *options;
    const struct urls *urls;
    struct output output;
    struct rv_http_client client; /* keeps connections */
    bool keep; /* use the client: a fetcher has several URLs */
    size_t total;
    size_t fetchers_max;
    size_t next; /* number of the next URL to fetch */
    size_t done; /* finished URLs, failed ones too */
    size_t failed;
    uint64_t streamed_bytes;
    size_t fetchers;           /* alive */
    struct rv_waker waker;     /* of the main future */
    uint64_t own_polls;        /* of the main future */
    struct rv_signals signals; /* open only if files are written */
    struct rv_signal_wait signal;
    int ended_by; /* the signal; 0: none */
    bool progress;
    int64_t progress_ns; /* when to show it next */
};

/* Spawn up to `fetchers_max`. Returns: 0; a negative errno if none runs. */
int get_add_fetchers(struct fetch *fetch, struct rv_executor *executor);

/* Erase the line of progress, if there is one. */
void get_clear_progress(const struct fetch *fetch);

#endif /* RV_CLI_GET_H */
