/* SPDX-License-Identifier: MIT */
/*
 * guard.c - runs one program, and leaves nothing of it behind.
 *
 *     guard STATUS_FD LIMIT_MB PROGRAM ARG...
 *
 * All that the program starts, and does not wait for, becomes the guard's child
 * (subreaper), so the guard can end it. On STATUS_FD it writes
 *
 *     pid 1234
 *     end exited|killed NUMBER USER_MS SYSTEM_MS VOLUNTARY INVOLUNTARY LEFT
 *
 * LEFT: processes that outlived the program. The guard ends with the runner.
 *
 * Threads: one.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void limit(int what, rlim_t most)
{
    struct rlimit now;

    if (getrlimit(what, &now) == 0 &&
        (now.rlim_max == RLIM_INFINITY || now.rlim_max > most))
        setrlimit(what, &(struct rlimit){most, most});
}

static int parent_of(int pid)
{
    char path[64], text[512];
    FILE *file;
    int parent = -1;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return -1;
    if (fgets(text, sizeof(text), file) && strrchr(text, ')'))
        sscanf(strrchr(text, ')') + 1, " %*c %d", &parent);
    fclose(file);
    return parent;
}

/* Kill each child; its own children become ours. Returns: how many. */
static int kill_children(void)
{
    DIR *processes = opendir("/proc");
    const int self = getpid();
    int killed = 0;

    for (struct dirent *one; processes && (one = readdir(processes));) {
        const int pid = atoi(one->d_name);

        if (pid > 1 && parent_of(pid) == self && kill(pid, SIGKILL) == 0)
            killed++;
    }
    if (processes)
        closedir(processes);
    return killed;
}

static int end_all(void)
{
    int left = 0;

    for (;;) {
        left += kill_children();
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            return left;
        usleep(1000);
    }
}

static pid_t child;

static void on_term(int number)
{
    (void)number;
    kill(child, SIGKILL);
}

int main(int argc, char **argv)
{
    const int fd = argc > 3 ? atoi(argv[1]) : -1;
    struct rusage usage = {0};
    const pid_t runner = getppid();
    int status = 0;

    if (argc < 4)
        return 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGTERM, on_term);
    signal(SIGINT, SIG_IGN);
    child = fork();
    if (child == 0) {
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        close(fd);
        limit(RLIMIT_CORE, 0);
        limit(RLIMIT_FSIZE, 64UL << 20);
        if (atol(argv[2]) > 0)
            limit(RLIMIT_AS, (rlim_t)atol(argv[2]) << 20);
        execv(argv[3], argv + 3);
        _exit(127);
    }
    dprintf(fd, "pid %d\n", child);
    if (getppid() != runner)
        kill(child, SIGKILL);
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    dprintf(fd, "end %s %d %ld %ld %ld %ld %d\n",
            WIFEXITED(status) ? "exited" : "killed",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
            usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000,
            usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000,
            usage.ru_nvcsw, usage.ru_nivcsw, end_all());
    return 0;
}
