/* SPDX-License-Identifier: MIT */
/*
 * process.c - child processes: posix_spawn() starts one, and a pidfd becomes
 * readable when it ends.
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
#include "net/process_pipes.h"

/* --- descriptors of the child ------------------------------------------ */

/* The descriptors that the child duplicates to its 0, 1 and 2. */
struct sources {
    int fd[RV_STANDARD_FDS]; /* -1: the child inherits the right one already;
                         RV_PROCESS_NULL: /dev/null */
    bool is_copy[RV_STANDARD_FDS]; /* made by find_sources(), to be closed */
};

static void close_copies(const struct sources *sources)
{
    for (int i = 0; i < RV_STANDARD_FDS; i++)
        if (sources->is_copy[i])
            close(sources->fd[i]);
}

/*
 * The child is to have the parent's own descriptor of this number.
 *
 * Returns: `fd` if it is close-on-exec: dup2() to itself clears that flag in
 * the child. -1 if it is inherited as it is, or is closed in the parent.
 */
static int inherit(int fd)
{
    const int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && (flags & FD_CLOEXEC) ? fd : -1;
}

/*
 * Find out what the child duplicates to where. It calls dup2() for 0, 1 and 2
 * in this order, so a source that is 1 or 2 itself could be overwritten before
 * it is used: such a source is first duplicated to a higher number.
 *
 * Returns: 0, -EBADF, -EMFILE.
 */
static int find_sources(struct sources *out,
                        const struct rv_process_files *files)
{
    const int from[RV_STANDARD_FDS] = {files->in, files->out, files->err};

    *out = (struct sources){.fd = {-1, -1, -1}};
    for (int to = 0; to < RV_STANDARD_FDS; to++) {
        if (from[to] == RV_PROCESS_NULL) {
            out->fd[to] = RV_PROCESS_NULL;
            continue;
        }
        if (from[to] < 0)
            return -EBADF;
        out->is_copy[to] =
            from[to] > 0 && from[to] < RV_STANDARD_FDS && from[to] != to;
        if (from[to] == 0)
            out->fd[to] = inherit(to);
        else if (!out->is_copy[to])
            out->fd[to] = from[to];
        else
            out->fd[to] = fcntl(from[to], F_DUPFD_CLOEXEC, RV_STANDARD_FDS);
        if (out->is_copy[to] && out->fd[to] < 0) {
            out->is_copy[to] = false;
            return -errno;
        }
    }
    return 0;
}

/* posix_spawn() clears close-on-exec when a descriptor is duplicated to itself,
 * which dup2() alone would not do. Returns: 0, -ENOMEM. */
static int prepare_files(posix_spawn_file_actions_t *actions,
                         const struct sources *sources)
{
    int error = 0;

    for (int to = 0; to < RV_STANDARD_FDS && !error; to++)
        if (sources->fd[to] >= 0)
            error =
                posix_spawn_file_actions_adddup2(actions, sources->fd[to], to);
        else if (sources->fd[to] == RV_PROCESS_NULL)
            error = posix_spawn_file_actions_addopen(actions, to, "/dev/null",
                                                     O_RDWR, 0);
    return -error;
}

/* --- signals of the child ---------------------------------------------- */

/* The signals that were ignored when the program started. */
static sigset_t ignored_at_start;

/* A priority: runs before constructors without one, as programs have them. */
#define FIRST_OF_ALL 101

static bool is_ignored(int number)
{
    struct sigaction now;

    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/*
 * Runs before main(). A signal that is ignored now was ignored by the parent
 * (nohup, or a shell that starts a background job). Later this could not be
 * told apart from what the program itself ignores. With the static library,
 * this constructor is linked only into programs that call this file.
 */
__attribute__((constructor(FIRST_OF_ALL))) static void note_ignored(void)
{
    sigemptyset(&ignored_at_start);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (number != SIGCHLD && is_ignored(number))
            sigaddset(&ignored_at_start, number);
}

/*
 * Signals in the child are as if a shell had started it: what this program has
 * ignored or handled itself is reset to the default; what it inherited as
 * ignored stays ignored. Returns: 0, negative errno.
 */
static int prepare_attributes(posix_spawnattr_t *attributes,
                              const struct rv_process_options *options)
{
    const int flags =
        POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
        (options->new_session ? POSIX_SPAWN_SETSID : 0) |
        (options->new_group && !options->new_session ? POSIX_SPAWN_SETPGROUP
                                                     : 0);
    sigset_t none;
    sigset_t defaults;
    int error;

    sigemptyset(&none);
    /* sigfillset() would leave out the two signals that glibc uses itself, and
     * posix_spawn() would then set them to "ignored" in the child. */
    memset(&defaults, 0xff, sizeof defaults);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigismember(&ignored_at_start, number) == 1)
            sigdelset(&defaults, number);
    error = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (!error)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setflags(attributes, (short)flags);
    return -error;
}

/* --- start ------------------------------------------------------------- */

/* Returns: 0, negative errno. */
static int spawn(pid_t *pid, char *const argv[],
                 const struct rv_process_options *options,
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
    if (!error && options->directory)
        error =
            -posix_spawn_file_actions_addchdir_np(&actions, options->directory);
    if (!error)
        error = prepare_attributes(&attributes, options);
    if (!error)
        error = -posix_spawnp(pid, argv[0], &actions, &attributes, argv,
                              options->envp ? options->envp : environ);
    posix_spawnattr_destroy(&attributes);
fail_actions:
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Open the child's pidfd and register it. Returns: 0, negative errno. */
static int register_pidfd(struct rv_process *process)
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

/* For a child that could not be registered. It is killed first, so waitpid()
 * blocks only briefly. */
static void kill_and_reap(pid_t pid)
{
    uint32_t tries = 0;

    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && rv_interrupted(&tries))
        ;
}

/* Start the child and register it. Returns: 0; negative errno: no child is
 * left. */
static int start(struct rv_process *out, char *const argv[],
                 const struct rv_process_options *options,
                 const struct rv_process_files *files)
{
    struct sources sources;
    int error = find_sources(&sources, files);

    if (!error)
        error = spawn(&out->pid, argv, options, &sources);
    close_copies(&sources);
    if (error)
        return error;
    out->leads_group = options->new_group || options->new_session;
    error = register_pidfd(out);
    if (error)
        kill_and_reap(out->pid);
    return error;
}

int rv_process_spawn_with(struct rv_process *out, char *const argv[],
                          const struct rv_process_options *options)
{
    static const struct rv_process_options none;
    struct rv_process_files files;
    struct rv_pipes pipes;
    int error;

    if (!options)
        options = &none;
    *out = (struct rv_process){0};
    error = rv_pipes_open(&pipes, options, &files);
    if (error)
        return error;
    error = start(out, argv, options, &files);
    if (error)
        *out = (struct rv_process){0};
    rv_pipes_close(&pipes, error != 0);
    return error;
}

int rv_process_spawn(struct rv_process *out, char *const argv[],
                     char *const envp[], const struct rv_process_files *files)
{
    struct rv_process_options options = {.envp = envp};

    if (files)
        options.files = *files;
    return rv_process_spawn_with(out, argv, &options);
}

/* --- kill and close ---------------------------------------------------- */

int rv_process_kill(const struct rv_process *process, int signal)
{
    return pidfd_send_signal(process->fd_plus_1 - 1, signal, NULL, 0) < 0
               ? -errno
               : 0;
}

/* Reap the child if it has ended. Returns: 0: its exit status is in *info;
 * -EAGAIN: it still runs; -ECHILD: another waiter has reaped it. */
static int reap(const struct rv_process *process, siginfo_t *info)
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
    reap(process, &info); /* no zombie is left if it has ended */
    rv_source_close(process->source);
    close(process->fd_plus_1 - 1);
    *process = (struct rv_process){0};
}

/* Whether it was not reaped, here or elsewhere, so that its number and that of
 * its group are its own. In a child of fork() it is not. */
static bool is_unreaped(const struct rv_process *process)
{
    const id_t id = (id_t)(process->fd_plus_1 - 1);
    siginfo_t info;

    return waitid(P_PIDFD, id, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* SIGKILL ends the child at once: this blocks only briefly. */
void rv_process_kill_and_close(struct rv_process *process)
{
    const id_t id = (id_t)(process->fd_plus_1 - 1);
    uint32_t tries = 0;
    siginfo_t info;

    if (!process->fd_plus_1)
        return;
    if (is_unreaped(process)) {
        if (process->leads_group)
            kill(-process->pid, SIGKILL);
        rv_process_kill(process, SIGKILL);
        while (waitid(P_PIDFD, id, &info, WEXITED) < 0 &&
               rv_interrupted(&tries))
            ;
    }
    rv_process_close(process);
}

/* Returns: as reap(). */
static int reap_end(const struct rv_process *process, int *exit_code,
                    int *signal)
{
    siginfo_t info;
    const int error = reap(process, &info);

    if (error)
        return error;
    if (exit_code)
        *exit_code = info.si_code == CLD_EXITED ? info.si_status : -1;
    if (signal)
        *signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
    return 0;
}

int rv_process_try_wait(struct rv_process *process, int *exit_code, int *signal)
{
    uint32_t tick;
    int error;

    if (!process->source)
        return -EBADF;
    rv_source_peek(process->source, RV_READ, &tick);
    error = reap_end(process, exit_code, signal);
    return error == -EAGAIN ? rv_net_empty(process->source, RV_READ, tick)
                            : error;
}

/* --- the future -------------------------------------------------------- */

/* For rv_net_poll_fetch(). */
static int fetch_end(struct rv_future *future)
{
    struct rv_process_wait *self =
        RV_CONTAINER_OF(future, struct rv_process_wait, future);

    return reap_end(self->process, &self->exit_code, &self->signal);
}

static enum rv_poll wait_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_process_wait *self =
        RV_CONTAINER_OF(future, struct rv_process_wait, future);

    if (!self->process->source) {
        future->result = -EBADF;
        return RV_READY;
    }
    return rv_net_poll_fetch(future, cx, self->process->source, fetch_end);
}

static void wait_drop(struct rv_future *future)
{
    struct rv_process_wait *self =
        RV_CONTAINER_OF(future, struct rv_process_wait, future);

    rv_net_stop_waiting(future, self->process->source, RV_READ);
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
