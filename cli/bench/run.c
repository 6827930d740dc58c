/* SPDX-License-Identifier: MIT */
/* run.c - start a measured program, and read its figures. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bench/bench.h"
#include "cli/cli.h"

enum { TEXT_BYTES = 16 * 1024 };

/* --- children ---------------------------------------------------------- */

_Noreturn static void become(char *const argv[], int output, int cpu,
                             bool quiet)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    if (quiet)
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
    if (cpu != BENCH_ANY_CPU) {
        cpu_set_t cpus;

        CPU_ZERO(&cpus);
        CPU_SET((size_t)cpu, &cpus);
        /* Fails if there is no such CPU; then they share one. */
        sched_setaffinity(0, sizeof cpus, &cpus);
    }
    signal(SIGPIPE, SIG_DFL); /* main() ignores it */
    execvp(argv[0], argv);
    _exit(127);
}

int bench_start_child(struct bench_child *child, char *const argv[], int cpu,
                      bool quiet)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    child->output = fdopen(ends[0], "r");
    child->pid = child->output ? fork() : -1;
    if (child->pid == 0)
        become(argv, ends[1], cpu, quiet);
    close(ends[1]);
    if (child->pid > 0)
        return 0;
    if (child->output)
        fclose(child->output);
    else
        close(ends[0]);
    return -EAGAIN;
}

int bench_finish_child(struct bench_child *child, char *text, size_t size)
{
    size_t len = fread(text, 1, size - 1, child->output);
    int status;

    text[len] = '\0';
    fclose(child->output);
    while (waitpid(child->pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool bench_path(char *path, size_t size, const char *program)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    if (len < 0)
        return false;
    self[len] = '\0';
    /* build/cli/reveil -> build/bench/... */
    len = snprintf(path, size, "%s/../bench/%s", dirname(self), program);
    return len > 0 && (size_t)len < size && access(path, X_OK) == 0;
}

bool bench_has_tool(const char *name)
{
    const char *at = getenv("PATH");
    char path[4096];

    while (at && *at) {
        int len = (int)strcspn(at, ":");

        snprintf(path, sizeof path, "%.*s/%s", len, at, name);
        if (access(path, X_OK) == 0)
            return true;
        at += len;
        at += *at == ':';
    }
    return false;
}

/* --- figures ----------------------------------------------------------- */

double bench_number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    const char *digits = at ? at + strlen(key) : "";
    char *end;
    double value = strtod(digits, &end);

    return end == digits ? -1 : value;
}

void bench_add(struct bench_row *row, enum bench_figure figure, double value)
{
    struct bench_values *values = &row->figure[figure];

    if (values->count < BENCH_MAX_ROUNDS)
        values->value[values->count++] = value;
}

static void add_figures(struct bench_row *row, const char *json)
{
    for (int figure = 0; figure < BENCH_FIGURES; figure++) {
        char key[64];
        double value;

        snprintf(key, sizeof key, "\"%s\":", bench_figure_keys[figure]);
        value = bench_number_after(json, key);
        if (value >= 0)
            bench_add(row, (enum bench_figure)figure, value);
    }
}

/*
 * Run the entry's program behind the words of `tool`, which end in NULL.
 * Returns: its exit status, -1.
 */
static int run_behind(char *const tool[], const struct bench_entry *entry,
                      int64_t ops, char text[TEXT_BYTES])
{
    struct bench_child child;
    char path[4096];
    char count[32];
    char *argv[16];
    size_t n = 0;

    if (!bench_path(path, sizeof path, entry->program))
        return -1;
    snprintf(count, sizeof count, "%" PRId64, ops);
    while (tool[n]) {
        argv[n] = tool[n];
        n++;
    }
    argv[n++] = path;
    argv[n++] = count;
    argv[n++] = (char *)entry->argument;
    argv[n] = NULL;
    if (bench_start_child(&child, argv, BENCH_ANY_CPU, tool[0]) < 0)
        return -1;
    return bench_finish_child(&child, text, TEXT_BYTES);
}

int bench_run(struct bench_row *row, const struct bench_options *options)
{
    const struct bench_entry *entry = row->entry;
    char *const nothing[] = {NULL};
    char text[TEXT_BYTES];

    if (run_behind(nothing, entry,
                   options->quick ? entry->quick_ops : entry->ops, text) != 0)
        return cli_fail(-1, "bench/%s failed", entry->program);
    add_figures(row, text);
    return 0;
}

/* --- counts: runs of n and 2n; the difference excludes the start ------- */

double bench_strace_total(const char *text)
{
    const char *total = strstr(text, " total\n");
    const char *line = total;

    while (line && line > text && line[-1] != '\n')
        line--;
    return total ? strtod(line, NULL) : -1;
}

static double callgrind_total(const char *text)
{
    return bench_number_after(text, "Collected : ");
}

static void count_with(struct bench_row *row, enum bench_figure figure,
                       char *const tool[], double (*total)(const char *text))
{
    const int64_t ops = row->entry->quick_ops;
    char text[TEXT_BYTES];
    double count[2];

    if (!bench_has_tool(tool[0]))
        return;
    for (int i = 0; i < 2; i++) {
        if (run_behind(tool, row->entry, ops * (i + 1), text) != 0)
            return;
        count[i] = total(text);
        if (count[i] < 0)
            return;
    }
    /* Races between threads may make the difference negative. */
    bench_add(row, figure,
              count[1] > count[0] ? (count[1] - count[0]) / (double)ops : 0);
}

void bench_count(struct bench_row *row, const struct bench_options *options)
{
    char *const strace[] = {"strace",     "-f", "-c",        "-U",
                            "calls,name", "-o", "/dev/fd/1", NULL};
    char *const callgrind[] = {"valgrind", "--tool=callgrind",
                               "--callgrind-out-file=/dev/null", "--log-fd=1",
                               NULL};

    count_with(row, BENCH_SYSCALLS, strace, bench_strace_total);
    if (options->instructions)
        count_with(row, BENCH_INSTRUCTIONS, callgrind, callgrind_total);
}
