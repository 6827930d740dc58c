/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - count the system calls of a stage under ptrace.
 *
 * Tracing slows down each call, so a stage that polls without a pause makes
 * fewer calls in the same second. Each additional poll of such a stage is one
 * additional call, which returns EAGAIN. So the count of the traced run is
 * corrected by the difference in would-blocks from the timed run.
 *
 * Threads: one tracer thread per stage: waitpid(2) with __WNOTHREAD then
 * reports the processes of that stage only.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/compare/compare.h"

enum { SYSCALL_STOP = SIGTRAP | 0x80, OUTPUT_BYTES = 1 << 16 };

struct traced {
    struct run *run;
    uint16_t port;
    pthread_t thread;
    bool started;
    double calls;
    double would_block;
};

static void become_traced(const struct command *command, int output)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(126);
    signal(SIGPIPE, SIG_DFL); /* main() ignores it */
    execv(command->path, command->argv);
    _exit(127);
}

static int signal_to_deliver(int status)
{
    int signal = WSTOPSIG(status);
    bool about_tracing = signal == SYSCALL_STOP || signal == SIGTRAP ||
                         signal == SIGSTOP || status >> 16;

    return about_tracing ? 0 : signal;
}

/* A call stops the stage twice, at entry and exit; the entry is counted. */
static bool is_entry(pid_t pid)
{
    struct __ptrace_syscall_info info = {0};

    return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) >
               0 &&
           info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* Trace the stage until it ends. Returns: its system calls, or -1. */
static double follow(pid_t child)
{
    double calls = 0;
    int status;
    pid_t pid;

    if (waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status))
        return -1;
    ptrace(PTRACE_SETOPTIONS, child, NULL,
           (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
                    PTRACE_O_EXITKILL));
    ptrace(PTRACE_SYSCALL, child, NULL, NULL);
    while ((pid = waitpid(-1, &status, __WALL | __WNOTHREAD)) > 0) {
        if (!WIFSTOPPED(status)) {
            if (pid == child)
                return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? calls
                                                                     : -1;
            continue;
        }
        if (WSTOPSIG(status) == SYSCALL_STOP && is_entry(pid))
            calls++;
        ptrace(PTRACE_SYSCALL, pid, NULL,
               (void *)(intptr_t)signal_to_deliver(status));
    }
    return -1;
}

static void read_would_block(struct traced *traced, int output)
{
    struct run copy = {0};
    char *text = calloc(1, OUTPUT_BYTES);
    ssize_t n = text ? pread(output, text, OUTPUT_BYTES - 1, 0) : -1;

    if (n > 0) {
        compare_parse(&copy, text);
        traced->would_block = copy.figure[FIG_WOULD_BLOCK];
        free(copy.lines);
    }
    free(text);
}

static void *trace_stage(void *arg)
{
    struct traced *traced = arg;
    struct command command;
    int output = memfd_create("stage", MFD_CLOEXEC);
    pid_t child = -1;

    if (output >= 0 &&
        !compare_command(&command, traced->run->stage, traced->port))
        child = fork();
    if (child == 0)
        become_traced(&command, output);
    if (child > 0)
        traced->calls = follow(child);
    if (traced->calls >= 0)
        read_would_block(traced, output);
    if (output >= 0)
        close(output);
    return NULL;
}

static void settle(const struct traced *traced)
{
    double *figure = traced->run->figure;

    if (traced->calls < 0 || traced->would_block < 0)
        return;
    figure[FIG_SYSCALLS] =
        traced->calls + figure[FIG_WOULD_BLOCK] - traced->would_block;
}

void compare_count_syscalls(struct run *runs, size_t count, uint16_t port)
{
    struct traced traced[COMPARE_STAGES];

    /* For each stage a file, and a connection at the server in this process. */
    if (cli_check_fds(2 * count) < 0) {
        fputs("reveil compare: too few descriptors: system calls are not "
              "counted\n",
              stderr);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        traced[i] = (struct traced){.run = &runs[i],
                                    .port = port,
                                    .calls = UNKNOWN_FIGURE,
                                    .would_block = UNKNOWN_FIGURE};
        traced[i].started = pthread_create(&traced[i].thread, NULL, trace_stage,
                                           &traced[i]) == 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (traced[i].started)
            pthread_join(traced[i].thread, NULL);
        settle(&traced[i]);
    }
}
