/* SPDX-License-Identifier: MIT */
/*
 * load.c - the server area: a server on one CPU, wrk on the other.
 *
 * wrk's single thread is the bottleneck, not the servers. So the result is a
 * server's CPU time per request, from the CPU clock of its process before and
 * after.
 */
#include <errno.h>
#include <inttypes.h>
#include <reveil/base.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "cli/bench/bench.h"
#include "cli/cli.h"

enum {
    SERVER_CPU = 0,
    LOAD_CPU = 1,
    WARM_UP_S = 1,
    MEASURED_S = 3,
    COUNTED_S = 1,
    TEXT_BYTES = 16 * 1024
};

struct server {
    struct bench_child child; /* the server, or strace that traces it */
    pid_t pid;
    unsigned port;
};

bool bench_is_server(const struct bench_entry *entry)
{
    return strcmp(entry->area, "server") == 0;
}

static int start_server(struct server *server, char *const tool[],
                        const struct bench_entry *entry)
{
    char path[4096];
    char *argv[16];
    size_t n = 0;

    if (!bench_path(path, sizeof path, entry->program))
        return -ENOENT;
    while (tool[n]) {
        argv[n] = tool[n];
        n++;
    }
    argv[n++] = path;
    argv[n++] = (char *)entry->argument;
    argv[n] = NULL;
    if (bench_start_child(&server->child, argv, SERVER_CPU, tool[0]) < 0)
        return -EAGAIN;
    if (fscanf(server->child.output, "port %u pid %d", &server->port,
               &server->pid) == 2)
        return 0;
    kill(server->child.pid, SIGKILL);
    bench_finish_child(&server->child, path, sizeof path);
    return -EIO;
}

/* `text`: the last output of the server or of strace. */
static void stop_server(struct server *server, char text[TEXT_BYTES])
{
    kill(server->pid, SIGTERM);
    bench_finish_child(&server->child, text, TEXT_BYTES);
}

/* CPU time of all threads of a process so far; -1 if it is gone. */
static int64_t cpu_of(pid_t pid)
{
    struct timespec time;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 ||
        clock_gettime(clock, &time) < 0)
        return -1;
    return (int64_t)time.tv_sec * RV_NS_PER_S + time.tv_nsec;
}

/* Returns: the number of completed requests; -1 if wrk failed. */
static double load(const struct server *server, int64_t connections,
                   int seconds)
{
    struct bench_child wrk;
    char text[TEXT_BYTES];
    char clients[32];
    char duration[32];
    char url[64];
    char *argv[] = {"wrk", "-t1", clients, duration, url, NULL};
    char *line;

    snprintf(clients, sizeof clients, "-c%" PRId64, connections);
    snprintf(duration, sizeof duration, "-d%ds", seconds);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server->port);
    if (bench_start_child(&wrk, argv, LOAD_CPU, false) < 0 ||
        bench_finish_child(&wrk, text, sizeof text) != 0 ||
        strstr(text, "Non-2xx"))
        return -1;
    /* "  486101 requests in 3.00s, 60.26MB read" */
    line = strstr(text, " requests in ");
    while (line && line > text && line[-1] != '\n')
        line--;
    return line ? strtod(line, NULL) : -1;
}

int bench_run_server(struct bench_row *row, const struct bench_options *options)
{
    const int64_t connections = row->entry->ops;
    const int seconds = options->quick ? 1 : MEASURED_S;
    char *const nothing[] = {NULL};
    char text[TEXT_BYTES];
    struct server server;
    double requests;
    int64_t cpu_ns;

    if (start_server(&server, nothing, row->entry) < 0)
        return cli_fail(-1, "bench/%s does not start", row->entry->program);
    if (!options->quick)
        load(&server, connections, WARM_UP_S);
    cpu_ns = cpu_of(server.pid);
    requests = load(&server, connections, seconds);
    cpu_ns = cpu_of(server.pid) - cpu_ns;
    stop_server(&server, text);
    if (requests <= 0)
        return cli_fail(-1, "wrk failed with %s", row->entry->who);
    bench_add(row, BENCH_NS, seconds * 1e9 / requests);
    bench_add(row, BENCH_CPU_NS, (double)cpu_ns / requests);
    return 0;
}

/* Returns: false if one of the two is unknown. */
static bool count_once(const struct bench_entry *entry, int seconds,
                       double *requests, double *calls)
{
    char *const strace[] = {"strace",     "-f", "-c",        "-U",
                            "calls,name", "-o", "/dev/fd/1", NULL};
    char text[TEXT_BYTES];
    struct server server;

    if (!bench_has_tool(strace[0]) || start_server(&server, strace, entry) < 0)
        return false;
    *requests = load(&server, entry->ops, seconds);
    stop_server(&server, text);
    *calls = bench_strace_total(text);
    return *requests > 0 && *calls >= 0;
}

void bench_count_server(struct bench_row *row)
{
    double requests[2];
    double calls[2];

    /* The difference of two runs excludes the start and the connects. */
    for (int i = 0; i < 2; i++)
        if (!count_once(row->entry, COUNTED_S * (1 + 2 * i), &requests[i],
                        &calls[i]))
            return;
    if (requests[1] > requests[0])
        bench_add(row, BENCH_SYSCALLS,
                  (calls[1] - calls[0]) / (requests[1] - requests[0]));
}
