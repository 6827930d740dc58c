/* SPDX-License-Identifier: MIT */
/*
 * test_process.c - children as futures: started, waited for, detached.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <reveil/combine.h>
#include <reveil/coro.h>
#include <reveil/process.h>
#include <reveil/runtime.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(process);

static const struct rv_runtime_options modes[] = {
    {.reactor = RV_REACTOR_THREAD}, {.reactor = RV_REACTOR_FUSED}};

static struct rv_runtime *start(int mode)
{
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start_with(&runtime, &modes[mode]), 0);
    return runtime;
}

/* Run a line of shell. Returns: as rv_process_spawn(). */
static int shell(struct rv_process *process, const char *line,
                 const struct rv_process_files *files)
{
    char *const argv[] = {"sh", "-c", (char *)line, NULL};

    return rv_process_spawn(process, argv, NULL, files);
}

static int wait_for(struct rv_runtime *runtime, struct rv_process_wait *wait,
                    struct rv_process *process)
{
    int result;

    rv_process_wait_init(wait, process);
    result = rv_test_block_on(rv_runtime_executor(runtime), &wait->future);
    rv_drop(&wait->future);
    return result;
}

/* Neither a child that runs nor a zombie. */
static void check_no_child_left(void)
{
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_assert_eq(errno, ECHILD);
}

/* --- how it ends ------------------------------------------------------- */

RV_TEST(process, the_exit_code_is_there)
{
    for (int mode = 0; mode < 2; mode++) {
        struct rv_runtime *runtime = start(mode);
        struct rv_process_wait wait;
        struct rv_process process;

        cr_assert_eq(shell(&process, "exit 7", NULL), 0);
        cr_assert_gt(process.pid, 0);
        cr_assert_eq(wait_for(runtime, &wait, &process), 0);
        cr_assert_eq(wait.exit_code, 7);
        cr_assert_eq(wait.signal, 0);
        check_no_child_left();
        rv_process_close(&process);
        rv_process_close(&process);
        rv_runtime_stop(runtime);
    }
}

RV_TEST(process, one_that_was_killed_says_by_which_signal)
{
    struct rv_runtime *runtime = start(0);
    struct rv_process_wait wait;
    struct rv_process process;

    cr_assert_eq(shell(&process, "exec sleep 60", NULL), 0);
    cr_assert_eq(rv_process_kill(&process, SIGTERM), 0);
    cr_assert_eq(wait_for(runtime, &wait, &process), 0);
    cr_assert_eq(wait.exit_code, -1);
    cr_assert_eq(wait.signal, SIGTERM);
    cr_assert_eq(rv_process_kill(&process, SIGTERM), -ESRCH);
    cr_assert_eq(wait_for(runtime, &wait, &process), -ECHILD);
    rv_process_close(&process);
    cr_assert_eq(rv_process_kill(&process, SIGTERM), -EBADF);
    rv_runtime_stop(runtime);
}

RV_TEST(process, fifty_at_once_are_all_waited_for)
{
    enum { CHILDREN = 50 };
    static struct rv_process_wait waits[CHILDREN];
    static struct rv_process processes[CHILDREN];
    static struct rv_future *list[CHILDREN];
    struct rv_runtime *runtime = start(0);
    struct rv_all all;
    char line[32];

    for (int i = 0; i < CHILDREN; i++) {
        snprintf(line, sizeof line, "exit %d", i);
        cr_assert_eq(shell(&processes[i], line, NULL), 0);
        rv_process_wait_init(&waits[i], &processes[i]);
        list[i] = &waits[i].future;
    }
    rv_all_init(&all, list, CHILDREN);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &all.future),
                 0);

    for (int i = 0; i < CHILDREN; i++) {
        cr_assert_eq(waits[i].future.result, 0);
        cr_assert_eq(waits[i].exit_code, i);
        rv_process_close(&processes[i]);
    }
    check_no_child_left();
    rv_drop(&all.future);
    rv_runtime_stop(runtime);
}

/* --- what it gets ------------------------------------------------------ */

/* All that comes out of a pipe whose other end only the child has. */
static void read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len + 1 < size && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fd);
}

RV_TEST(process, it_gets_its_files)
{
    struct rv_runtime *runtime = start(0);
    struct rv_process_wait wait;
    struct rv_process process;
    char text[64];
    int out[2];
    int in[2];

    cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    cr_assert_eq(write(in[1], "word\n", 5), 5);
    cr_assert_eq(shell(&process, "cat; echo more >&2",
                       &(struct rv_process_files){
                           .in = in[0], .out = out[1], .err = out[1]}),
                 0);
    for (int i = 0; i < 2; i++)
        close(in[i]);
    close(out[1]);
    read_all(out[0], text, sizeof text);
    cr_assert_eq(wait_for(runtime, &wait, &process), 0);

    cr_assert_str_eq(text, "word\nmore\n");
    cr_assert_eq(wait.exit_code, 0);
    rv_process_close(&process);
    rv_runtime_stop(runtime);
}

RV_TEST(process, it_gets_its_environment_and_no_blocked_signals)
{
    char *const env[] = {"A=here", NULL};
    char *const argv[] = {"/bin/sh", "-c",
                          "test \"$A\" = here && kill -USR1 $$", NULL};
    struct rv_runtime *runtime = start(0);
    struct rv_process_wait wait;
    struct rv_process process;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    cr_assert_eq(rv_process_spawn(&process, argv, env, NULL), 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    cr_assert_eq(wait_for(runtime, &wait, &process), 0);

    cr_assert_eq(wait.signal, SIGUSR1);
    rv_process_close(&process);
    rv_runtime_stop(runtime);
}

/* --- when it cannot ---------------------------------------------------- */

RV_TEST(process, a_program_that_is_missing_is_enoent)
{
    char *const missing[] = {"no-such-program", NULL};
    char *const no_program[] = {"/etc/passwd", NULL};
    struct rv_runtime *runtime = start(0);
    struct rv_process process;

    cr_assert_eq(rv_process_spawn(&process, missing, NULL, NULL), -ENOENT);
    rv_process_close(&process);
    cr_assert_eq(rv_process_spawn(&process, no_program, NULL, NULL), -EACCES);
    rv_process_close(&process);
    check_no_child_left();
    rv_runtime_stop(runtime);
    cr_assert_eq(rv_process_spawn(&process, missing, NULL, NULL), -ENODEV);
}

RV_TEST(process, a_child_that_cannot_be_waited_for_is_ended)
{
    struct rv_runtime *runtime = start(0);
    struct rv_process process;
    struct rlimit all;
    struct rlimit few;
    const int next = dup(0);

    cr_assert_geq(next, 0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &all);
    few = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = all.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    cr_assert_eq(shell(&process, "while :; do :; done", NULL), -EMFILE);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
    check_no_child_left();
    rv_process_close(&process);
    rv_runtime_stop(runtime);
}

static int run_true(void *arg)
{
    struct rv_runtime *runtime;
    struct rv_process_wait wait;
    struct rv_process process;
    int error = rv_runtime_start_with(&runtime, arg);

    if (error)
        return error;
    error = shell(&process, "exit 0", NULL);
    if (!error) {
        error = wait_for(runtime, &wait, &process);
        if (error) /* no memory to wait with */
            cr_assert_eq(waitpid(process.pid, NULL, 0), process.pid);
        rv_process_close(&process);
    }
    rv_runtime_stop(runtime);
    check_no_child_left();
    return error;
}

RV_TEST(process, each_failing_allocation_leaves_nothing)
{
    cr_assert_gt(rv_fail_each_alloc_strictly(run_true, (void *)&modes[0]), 5);
}

/* --- dropped ----------------------------------------------------------- */

RV_TEST(process, a_wait_that_is_dropped_leaves_the_child_alone)
{
    struct rv_process_wait wait;
    struct rv_runtime *runtime;
    struct rv_process process;
    struct rv_probe probe;
    struct rv_cx cx;
    int64_t live;

    rv_count_allocs(0);
    runtime = start(0);
    cr_assert_eq(shell(&process, "exec sleep 60", NULL), 0);
    live = rv_alloc_live();
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_process_wait_init(&wait, &process);
    rv_drop(&wait.future); /* before its first poll */
    rv_process_wait_init(&wait, &process);
    cr_assert_eq(rv_poll(&wait.future, &cx), RV_PENDING);
    rv_drop(&wait.future); /* while it waits */
    rv_drop(&wait.future);
    rv_process_wait_init(&wait, &process);
    cr_assert_eq(rv_poll(&wait.future, &cx), RV_PENDING);
    cr_assert_eq(rv_process_kill(&process, SIGKILL),
                 0); /* it is still running */
    cr_assert(rv_probe_wait(&probe));
    rv_drop(&wait.future); /* woken, but not polled */
    rv_probe_fini(&probe);
    for (int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
         rv_alloc_live() != live && rv_now_ns() < limit_ns;)
        ; /* the wake may hold the queue for a moment longer */
    cr_assert_eq(rv_alloc_live(), live);

    rv_process_close(&process); /* it has ended, so it is reaped */
    check_no_child_left();
    rv_runtime_stop(runtime);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

/* --- killed and closed ------------------------------------------------- */

/* Start a shell that ignores SIGTERM, with a child of its own, which both have
 * the writing end of a pipe. Returns: its reading end. */
static int start_family(struct rv_process *process, bool new_group)
{
    char *const argv[] = {"sh", "-c", "trap '' TERM; sleep 600 & echo; wait",
                          NULL};
    struct rv_process_options options = {.new_group = new_group};
    char byte;
    int fds[2];

    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    options.files.out = fds[1];
    cr_assert_eq(rv_process_spawn_with(process, argv, &options), 0);
    close(fds[1]);
    cr_assert_eq(read(fds[0], &byte, 1), 1);
    return fds[0];
}

RV_TEST(process, killed_and_closed_it_leaves_neither_zombie_nor_group)
{
    struct rv_runtime *runtime = start(1);
    struct rv_process process;
    struct pollfd end = {0};
    char byte;
    int fd;

    rv_process_kill_and_close(&(struct rv_process){0});
    fd = start_family(&process, true);
    end.fd = fd;
    rv_process_kill_and_close(&process);
    check_no_child_left();
    /* Its end: both have ended. The group's other process sleeps for longer. */
    cr_assert_eq(poll(&end, 1, RV_TEST_WAIT_MS), 1);
    cr_assert_eq(read(fd, &byte, 1), 0);
    cr_assert_eq(process.fd_plus_1, 0);
    rv_process_kill_and_close(&process);
    close(fd);
    rv_runtime_stop(runtime);
}

RV_TEST(process, what_was_reaped_is_only_closed)
{
    struct rv_runtime *runtime = start(1);
    const struct rv_process_options options = {.new_group = true};
    char *const argv[] = {"sh", "-c", "exit 3", NULL};
    struct rv_process_wait wait;
    struct rv_process process;

    /* An end that nobody has waited for: it is a zombie, and no error. */
    cr_assert_eq(rv_process_spawn_with(&process, argv, &options), 0);
    cr_assert_eq(
        waitid(P_PID, (id_t)process.pid, &(siginfo_t){0}, WEXITED | WNOWAIT),
        0);
    rv_process_kill_and_close(&process);
    check_no_child_left();

    cr_assert_eq(rv_process_spawn_with(&process, argv, &options), 0);
    cr_assert_eq(wait_for(runtime, &wait, &process), 0);
    /* The number may be another group's now: this test's, say. */
    process.pid = getpgrp();
    rv_process_kill_and_close(&process);
    rv_runtime_stop(runtime);
}

/* Aborted: its waits return -ECANCELED. */
static int32_t hold_a_child(void *arg)
{
    struct rv_process *process = arg;
    const int result = rv_process_wait(process, NULL, NULL, RV_NEVER);

    rv_process_kill_and_close(process);
    return result;
}

RV_TEST(process, an_aborted_coroutine_leaves_no_zombie)
{
    struct rv_runtime *runtime = start(1);
    struct rv_process process;
    struct rv_yield yield;
    struct rv_join join;

    cr_assert_eq(shell(&process, "exec sleep 60", NULL), 0);
    cr_assert_eq(rv_coro_spawn(rv_runtime_executor(runtime), hold_a_child,
                               &process, NULL, &join),
                 0);
    rv_yield_init(&yield);
    cr_assert_eq(rv_runtime_block_on(runtime, &yield.future), 0);
    rv_join_abort(&join);
    rv_join_drop(&join);
    check_no_child_left();
    rv_runtime_stop(runtime);
}

RV_TEST(process, a_child_of_fork_does_not_kill_its_parents_child)
{
    struct rv_runtime *runtime = start(1);
    struct rv_process_wait wait;
    struct rv_process process;
    pid_t child;
    int status;
    int fd;

    fd = start_family(&process, true);
    child = fork();
    if (child == 0) {
        rv_process_kill_and_close(&process);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(rv_process_try_wait(&process, NULL, NULL), -EAGAIN);
    cr_assert_eq(kill(-process.pid, SIGKILL), 0);
    cr_assert_eq(wait_for(runtime, &wait, &process), 0);
    cr_assert_eq(wait.signal, SIGKILL);
    rv_process_kill_and_close(&process);
    close(fd);
    rv_runtime_stop(runtime);
}
