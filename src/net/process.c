/* SPDX-License-Identifier: MIT */
/*
 * process.c - posix_spawn() to start, a pidfd to see the end.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <fcntl.h>
#include <reveil/process.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "net/net_internal.h"

/* --- its descriptors --------------------------------------------------- */

enum { STANDARD = 3 }; /* descriptors: 0, 1 and 2 */

/* From what the child makes its 0, 1 and 2; -1: it has the parent's already. */
struct sources {
    int fd[STANDARD];
    bool is_copy[STANDARD];
};

static void close_copies(const struct sources *sources)
{
    for (int i = 0; i < STANDARD; i++)
        if (sources->is_copy[i])
            close(sources->fd[i]);
}

/* The parent's own is passed on, or else is closed there too. Returns: itself,
 * to take close-on-exec from it, or -1. */
static int inherit(int fd)
{
    const int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && (flags & FD_CLOEXEC) ? fd : -1;
}

/*
 * The child makes one after the other. What is 1 or 2 in the parent would be
 * another file by then, so it is copied out of the way before.
 *
 * Returns: 0, -EBADF, -EMFILE.
 */
static int find_sources(struct sources *out,
                        const struct rv_process_files *files)
{
    const int from[STANDARD] = {files->in, files->out, files->err};

    *out = (struct sources){.fd = {-1, -1, -1}};
    for (int to = 0; to < STANDARD; to++) {
        if (from[to] < 0)
            return -EBADF;
        out->is_copy[to] =
            from[to] > 0 && from[to] < STANDARD && from[to] != to;
        if (from[to] == 0)
            out->fd[to] = inherit(to);
        else if (!out->is_copy[to])
            out->fd[to] = from[to];
        else
            out->fd[to] = fcntl(from[to], F_DUPFD_CLOEXEC, STANDARD);
        if (out->is_copy[to] && out->fd[to] < 0) {
            out->is_copy[to] = false;
            return -errno;
        }
    }
    return 0;
}

/* dup2() of a descriptor to itself takes close-on-exec from it, here.
 * Returns: 0, -ENOMEM. */
static int prepare_files(posix_spawn_file_actions_t *actions,
                         const struct sources *sources)
{
    int error = 0;

    for (int to = 0; to < STANDARD && !error; to++)
        if (sources->fd[to] >= 0)
            error =
                posix_spawn_file_actions_adddup2(actions, sources->fd[to], to);
    return -error;
}

/* --- its signals ------------------------------------------------------- */

/* What was ignored when the program began. */
static sigset_t ignored_at_start;

/* Before the constructors of the program, which have no priority as a rule. */
#define FIRST_OF_ALL 101

static bool is_ignored(int number)
{
    struct sigaction now;

    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/*
 * Before main(): what is ignored now was so decided by whoever started the
 * program (nohup, a shell for what runs in the background). Later that cannot
 * be told from what the program has set. In a program linked with the static
 * library this is there only if it starts children.
 */
__attribute__((constructor(FIRST_OF_ALL))) static void note_ignored(void)
{
    sigemptyset(&ignored_at_start);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (number != SIGCHLD && is_ignored(number))
            sigaddset(&ignored_at_start, number);
}

/* As a shell does: what the program has set is for the program, what it was
 * started with is for its children too. Returns: 0, negative errno. */
static int prepare_signals(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t defaults;
    int error;

    sigemptyset(&none);
    /* Not sigfillset(): it leaves out the two that glibc has for itself, and
     * posix_spawn() would have the child ignore them. */
    memset(&defaults, 0xff, sizeof defaults);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigismember(&ignored_at_start, number) == 1)
            sigdelset(&defaults, number);
    error = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (!error)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return -error;
}

/* --- start ------------------------------------------------------------- */

/* Returns: 0, negative errno. */
static int spawn(pid_t *pid, char *const argv[], char *const envp[],
                 const struct sources *sources)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = -posix_spawn_file_actions_init(&actions);

    if (error)
        return error;
    error = -posix_spawnattr_init(&attributes);
    if (error)
        goto fail_actions;
    error = prepare_files(&actions, sources);
    if (!error)
        error = prepare_signals(&attributes);
    if (!error)
        error = -posix_spawnp(pid, argv[0], &actions, &attributes, argv,
                              envp ? envp : environ);
    posix_spawnattr_destroy(&attributes);
fail_actions:
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Returns: 0, negative errno. */
static int start(pid_t *pid, char *const argv[], char *const envp[],
                 const struct rv_process_files *files)
{
    static const struct rv_process_files parents;
    struct sources sources;
    int error = find_sources(&sources, files ? files : &parents);

    if (!error)
        error = spawn(pid, argv, envp, &sources);
    close_copies(&sources);
    return error;
}

/* Returns: 0, negative errno. */
static int start_waiting(struct rv_process *process)
{
    const int fd = rv_fd_above_stdio(pidfd_open(process->pid, 0));
    int error;

    if (fd < 0)
        return fd;
    error = rv_net_register(fd, &process->source);
    if (!error)
        process->fd_plus_1 = fd + 1;
    return error;
}

/* A child that nobody could wait for: it was killed, so this is short. */
static void end(pid_t pid)
{
    uint32_t tries = 0;

    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && rv_interrupted(&tries))
        ;
}

int rv_process_spawn(struct rv_process *out, char *const argv[],
                     char *const envp[], const struct rv_process_files *files)
{
    int error;

    *out = (struct rv_process){0};
    if (!rv_reactor_current())
        return -ENODEV;
    error = start(&out->pid, argv, envp, files);
    if (!error) {
        error = start_waiting(out);
        if (error)
            end(out->pid);
    }
    if (error)
        *out = (struct rv_process){0};
    return error;
}

/* --- while it runs, and after ------------------------------------------ */

int rv_process_kill(const struct rv_process *process, int signal)
{
    return pidfd_send_signal(process->fd_plus_1 - 1, signal, NULL, 0) < 0
               ? -errno
               : 0;
}

/* Returns: 0 and its end in *info; -EAGAIN: it runs; -ECHILD. */
static int fetch(const struct rv_process *process, siginfo_t *info)
{
    const id_t id = (id_t)(process->fd_plus_1 - 1);
    uint32_t tries = 0;
    int error;

    info->si_pid = 0;
    do {
        error = waitid(P_PIDFD, id, info, WEXITED | WNOHANG);
    } while (error < 0 && rv_interrupted(&tries));
    if (error < 0)
        return -errno;
    return info->si_pid == 0 ? -EAGAIN : 0;
}

void rv_process_close(struct rv_process *process)
{
    siginfo_t info;

    if (!process->fd_plus_1)
        return;
    fetch(process, &info);
    rv_source_close(process->source);
    close(process->fd_plus_1 - 1);
    *process = (struct rv_process){0};
}

/* --- the future -------------------------------------------------------- */

static int try_wait(struct rv_process_wait *self)
{
    siginfo_t info;
    const int error = fetch(self->process, &info);

    if (error)
        return error;
    self->exit_code = info.si_code == CLD_EXITED ? info.si_status : -1;
    self->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
    return 0;
}

static enum rv_poll wait_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_process_wait *self =
        RV_CONTAINER_OF(future, struct rv_process_wait, future);
    struct rv_source *source = self->process->source;
    uint32_t tick;

    while (rv_source_ready(source, RV_READ, &cx->waker, &tick)) {
        future->result = try_wait(self);
        if (future->result != -EAGAIN)
            return RV_READY;
        future->result = rv_source_clear(source, RV_READ, tick);
        if (future->result)
            return RV_READY;
    }
    future->at = 1; /* the waker was left */
    return RV_PENDING;
}

static void wait_drop(struct rv_future *future)
{
    struct rv_process_wait *self =
        RV_CONTAINER_OF(future, struct rv_process_wait, future);

    if (future->at == 1 && self->process->source)
        rv_source_forget(self->process->source, RV_READ);
}

void rv_process_wait_init(struct rv_process_wait *wait,
                          struct rv_process *process)
{
    static const struct rv_future_ops ops = {
        .name = "rv_process_wait", .poll = wait_poll, .drop = wait_drop};

    rv_future_init(&wait->future, &ops);
    wait->process = process;
    wait->exit_code = -1;
    wait->signal = 0;
}
