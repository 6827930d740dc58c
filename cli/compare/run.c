/* SPDX-License-Identifier: MIT */
/*
 * run.c - run one stage as a process; take its output, wall time, CPU time.
 *
 * Threads: the caller's.
 */
#include <errno.h>
#include <libgen.h>
#include <reveil/base.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/compare/compare.h"

const struct stage compare_stages[COMPARE_STAGES] = {
    {"busy", "lesson-02-busy-poll-http", {NULL}, "polls without a pause", true},
    {"busy-sleep",
     "lesson-02-busy-poll-http",
     {"--sleep", "100"},
     "polls, then sleeps 100 ms",
     false},
    {"epoll",
     "lesson-03-epoll-runtime",
     {NULL},
     "block_on sleeps in epoll_wait",
     false},
    {"executor",
     "lesson-05-waker-executor",
     {NULL},
     "executor and waker; a bell thread calls it",
     false},
    {"reactor",
     "lesson-06-reactor-thread",
     {NULL},
     "executor, waker, and a reactor thread in epoll",
     false},
    {"library", NULL, {NULL}, "the same shape, from libreveil", false},
};

const char *const compare_figure_keys[FIGURES] = {
    "wall_ms",     "cpu_ms", "polls", "would_block",
    "epoll_waits", "wakes",  "parks", "syscalls",
};

/* Where they are counted: lessons/lesson.h and cli/cmd_demo.c. */
const char *const compare_figure_legends[FIGURES] = {
    "from the start of the process to its end",
    "of the whole process, with its start",
    "polls of the task, by the loop or the executor",
    "reads that returned EAGAIN",
    "calls of epoll_wait, by any thread (executor: of poll)",
    "task ids put into the ready queue, by the spawn or a waker",
    "times the executor's thread slept until a wake",
    "system calls, from a second run under ptrace",
};

/* The pipe, and the connection to the server, which is in this process. */
enum { FDS_OF_A_RUN = 3 };

/* --- the command ------------------------------------------------------- */

int compare_command(struct command *command, const struct stage *stage,
                    uint16_t port)
{
    char self[sizeof command->path - 64];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    char **arg = command->argv;

    if (len < 0)
        return -errno;
    self[len] = '\0';
    snprintf(command->port, sizeof command->port, "%u", port);
    *arg++ = command->path;
    if (!stage->program) {
        snprintf(command->path, sizeof command->path, "%s", self);
        *arg++ = (char *)"demo";
        *arg++ = (char *)"--figures";
        *arg++ = (char *)"--port";
    } else { /* build/cli/reveil -> build/lessons/... */
        snprintf(command->path, sizeof command->path, "%s/../lessons/%s",
                 dirname(self), stage->program);
        for (int i = 0; i < 2 && stage->argument[i]; i++)
            *arg++ = (char *)stage->argument[i];
    }
    *arg++ = command->port;
    *arg = NULL;
    return access(command->path, X_OK) < 0 ? -ENOENT : 0;
}

/* --- the child --------------------------------------------------------- */

/* Returns: the child, with its stdout in *output; negative errno. */
static pid_t start_child(const struct command *command, int *output)
{
    int ends[2];
    pid_t child;
    int error = cli_check_fds(FDS_OF_A_RUN);

    if (error)
        return error;
    if (pipe(ends) < 0)
        return -errno;
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        signal(SIGPIPE, SIG_DFL); /* main() ignores it */
        execv(command->path, command->argv);
        _exit(127);
    }
    error = child < 0 ? -errno : 0;
    if (error)
        close(ends[0]);
    close(ends[1]);
    *output = ends[0];
    return error ? error : child;
}

/* Returns: all output, NUL-terminated, owned by the caller; NULL: no memory. */
static char *read_all(int fd)
{
    size_t room = 4096;
    size_t len = 0;
    char *text = malloc(room);
    ssize_t n;

    while (text) {
        n = read(fd, text + len, room - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
        if (room - len < 2) {
            char *more = realloc(text, room * 2);

            if (!more)
                free(text);
            text = more;
            room *= 2;
        }
    }
    if (text)
        text[len] = '\0';
    return text;
}

static double cpu_ms(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e3;
}

static int fail(const struct run *run, const char *what)
{
    fprintf(stderr, "reveil compare: %s: %s\n", run->stage->name, what);
    return -ECHILD;
}

int compare_run(struct run *run, uint16_t port)
{
    struct command command;
    struct rusage usage;
    int64_t start_ns = rv_now_ns();
    char *text;
    int output = -1;
    int status = 0;
    pid_t child;

    if (compare_command(&command, run->stage, port) < 0)
        return fail(run, "its program does not exist; build with ./reveil, "
                         "and run build/cli/reveil");
    child = start_child(&command, &output);
    if (child < 0)
        return fail(run, cli_error_text(child));
    text = read_all(output);
    close(output);
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    if (!text)
        return fail(run, strerror(ENOMEM));
    compare_parse(run, text);
    run->figure[FIG_WALL_MS] = (double)(rv_now_ns() - start_ns) / 1e6;
    run->figure[FIG_CPU_MS] = cpu_ms(&usage);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(run, "the stage failed; its message is above");
    if (run->figure[FIG_POLLS] < 0)
        return fail(run, "the stage wrote no figures");
    return 0;
}

void compare_run_fini(struct run *run)
{
    free(run->lines);
    free(run->output);
    run->lines = NULL;
    run->output = NULL;
}
