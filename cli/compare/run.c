/* SPDX-License-Identifier: MIT */
/*
 * run.c - run one stage as a process; take its output, wall time, CPU time.
 *
 * Threads: the caller's.
 */
#include <errno.h>
#include <libgen.h>
#include <math.h>
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
#include "cli/language.h"

const struct stage compare_stages[COMPARE_STAGES] = {
    {"busy",
     "lesson-02-busy-poll-http",
     {NULL},
     "polls without a pause",
     "sonde sans pause",
     true},
    {"busy-sleep",
     "lesson-02-busy-poll-http",
     {"--sleep", "100"},
     "polls, then sleeps 100 ms",
     "sonde, puis dort 100 ms",
     false},
    {"epoll",
     "lesson-03-epoll-runtime",
     {NULL},
     "block_on sleeps in epoll_wait",
     "block_on dort dans epoll_wait",
     false},
    {"executor",
     "lesson-05-waker-executor",
     {NULL},
     "executor and waker; a bell thread calls it",
     "exécuteur et waker ; un thread, la cloche, l’appelle",
     false},
    {"reactor",
     "lesson-06-reactor-thread",
     {NULL},
     "executor, waker, and a reactor thread in epoll",
     "exécuteur, waker, et un thread réacteur dans epoll",
     false},
    {"library",
     NULL,
     {NULL},
     "the same shape, from libreveil",
     "la même forme, avec libreveil",
     false},
};

const char *const compare_figure_keys[FIGURES] = {
    "wall_ms",     "cpu_ms", "polls", "would_block",
    "epoll_waits", "wakes",  "parks", "syscalls",
};

/* Where they are counted: lessons/lesson.h and cli/cmd_demo.c. */
const char *compare_figure_legend(enum figure figure)
{
    switch (figure) {
    case FIG_WALL_MS:
        return say("until the end of the process, without its start",
                   "jusqu’à la fin du processus, sans son démarrage");
    case FIG_CPU_MS:
        return say("of the whole process, without its start",
                   "de tout le processus, sans son démarrage");
    case FIG_POLLS:
        return say("polls of the task, by the loop or the executor",
                   "sondages de la tâche, par la boucle ou l’exécuteur");
    case FIG_WOULD_BLOCK:
        return say("reads that returned EAGAIN",
                   "lectures qui ont renvoyé EAGAIN");
    case FIG_EPOLL_WAITS:
        return say("calls of epoll_wait, by any thread",
                   "appels d’epoll_wait, par n’importe quel thread");
    case FIG_WAKES:
        return say("task ids put into the ready queue, by the spawn or a waker",
                   "numéros mis dans la file des tâches prêtes, par spawn ou "
                   "un waker");
    case FIG_PARKS:
        return say("times the executor's thread slept until a wake",
                   "fois où le thread de l’exécuteur a dormi jusqu’à un "
                   "réveil");
    case FIG_SYSCALLS:
        return say("system calls, from a second run under ptrace",
                   "appels système, d’une seconde exécution sous ptrace");
    case FIGURES:
        break;
    }
    return "";
}

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
        *arg++ = (char *)"--lang=en"; /* a log that events.c knows */
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

/* What one process has cost. */
struct cost {
    double wall_ms;
    double cpu_ms;
};

/* Wait for a child whose output was read to its end. Returns: its status. */
static int reap(pid_t child, int64_t start_ns, struct cost *cost)
{
    struct rusage usage;
    int status = 0;

    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    cost->wall_ms = (double)(rv_now_ns() - start_ns) / 1e6;
    cost->cpu_ms = cpu_ms(&usage);
    return status;
}

/* Run a command to its end. Returns: its output, owned by the caller; NULL
 * after *error was set. */
static char *run_to_end(const struct command *command, struct cost *cost,
                        int *status, int *error)
{
    const int64_t start_ns = rv_now_ns();
    int output = -1;
    const pid_t child = start_child(command, &output);
    char *text;

    *error = child < 0 ? child : 0;
    if (child < 0)
        return NULL;
    text = read_all(output);
    close(output);
    *status = reap(child, start_ns, cost);
    if (!text)
        *error = -ENOMEM;
    return text;
}

/*
 * What the start of the program costs, with all that it links: the least of
 * three runs that only print its help.
 */
static struct cost start_cost(const struct command *command)
{
    struct command help = *command; /* its argv points into the original */
    struct cost least = {1e9, 1e9};
    int last = 0;

    while (help.argv[last])
        last++;
    help.argv[last - 1] = (char *)"--help";
    for (int i = 0; i < 3; i++) {
        struct cost cost = {0, 0};
        int status = 0;
        int error;

        free(run_to_end(&help, &cost, &status, &error));
        if (error)
            return (struct cost){0, 0};
        least.wall_ms = fmin(least.wall_ms, cost.wall_ms);
        least.cpu_ms = fmin(least.cpu_ms, cost.cpu_ms);
    }
    return least;
}

int compare_run(struct run *run, uint16_t port)
{
    struct command command;
    struct cost start;
    struct cost cost = {0, 0};
    char *text;
    int status = 0;
    int error;

    if (compare_command(&command, run->stage, port) < 0)
        return fail(run, say("its program does not exist; build with ./reveil, "
                             "and run build/cli/reveil",
                             "son programme n’existe pas ; compilez avec "
                             "./reveil et lancez build/cli/reveil"));
    start = start_cost(&command);
    text = run_to_end(&command, &cost, &status, &error);
    if (!text)
        return fail(run, cli_error_text(error));
    compare_parse(run, text);
    run->figure[FIG_WALL_MS] = fmax(cost.wall_ms - start.wall_ms, 0);
    run->figure[FIG_CPU_MS] = fmax(cost.cpu_ms - start.cpu_ms, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(run, say("the stage failed; its message is above",
                             "l’étape a échoué ; son message est au-dessus"));
    if (run->figure[FIG_POLLS] < 0)
        return fail(run, say("the stage wrote no figures",
                             "l’étape n’a pas écrit de valeurs"));
    return 0;
}

void compare_run_fini(struct run *run)
{
    free(run->lines);
    free(run->output);
    run->lines = NULL;
    run->output = NULL;
}
