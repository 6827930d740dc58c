/* SPDX-License-Identifier: MIT */
/*
 * test_spawn.c - the signals and descriptors that a child starts with.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/process.h>
#include <reveil/runtime.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

RV_TEST_SUITE(spawn);

/* All data until the other end is closed. */
static void read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len + 1 < size && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
}

static int wait_for(struct rv_runtime *runtime, struct rv_process *process)
{
    struct rv_process_wait wait;

    rv_process_wait_init(&wait, process);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &wait.future),
                 0);
    rv_drop(&wait.future);
    rv_process_close(process);
    return wait.exit_code;
}

/* --- signals ----------------------------------------------------------- */

/*
 * This program, started again, plays two parts before main(). One is a parent
 * that was started with certain signals or descriptors. The other is a child
 * that reports what it has.
 */
static const char helper[] = "RV_TEST_SPAWN_HELPER";
static const char reporter[] = "RV_TEST_SPAWN_REPORTER";

/* Bit n - 1 for signal n, as in /proc/PID/status. */
static uint64_t ignored_now(void)
{
    struct sigaction action;
    uint64_t mask = 0;

    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigaction(number, NULL, &action) == 0 &&
            action.sa_handler == SIG_IGN)
            mask |= UINT64_C(1) << (number - 1);
    return mask;
}

static void ignore_and_block_all(void)
{
    sigset_t all;

    for (int number = 1; number <= SIGRTMAX; number++)
        signal(number, SIG_IGN); /* refused for some signals */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

/* Returns: the number after `name` in the status of a process. */
static uint64_t mask_of(const char *status, const char *name)
{
    const char *line = strstr(status, name);

    return line ? strtoull(line + strlen(name), NULL, 16) : UINT64_MAX;
}

/* Returns: 0 if the child has what it should have; else the number of the check
 * that failed. */
static int look_at_child(uint64_t expected)
{
    /* It waits for the end of its input: with SIGCHLD ignored, a child that has
     * ended leaves no zombie. */
    char *const argv[] = {"cat", "-", "/proc/self/status", NULL};
    static char status[8192];
    struct rv_runtime *runtime;
    struct rv_process process;
    int fds[2];
    int in[2];

    if (pipe2(fds, O_CLOEXEC) < 0 || pipe2(in, O_CLOEXEC) < 0 ||
        rv_runtime_start(&runtime) < 0)
        return 2;
    ignore_and_block_all();
    if (rv_process_spawn(
            &process, argv, NULL,
            &(struct rv_process_files){.in = in[0], .out = fds[1]}) < 0)
        return 3;
    close(in[1]);
    close(fds[1]);
    read_all(fds[0], status, sizeof status);
    if (mask_of(status, "SigIgn:") != expected)
        return 4;
    return mask_of(status, "SigBlk:") != 0 ? 5 : 0;
}

/* Write the names of 0, 1 and 2, one per line, to a descriptor. */
static _Noreturn void report(int fd)
{
    char text[512];
    size_t len = 0;

    for (int i = 0; i < 3; i++) {
        char link[64];
        ssize_t n;

        snprintf(link, sizeof link, "/proc/self/fd/%d", i);
        n = readlink(link, text + len, 100);
        if (n < 0)
            text[len] = '-';
        len += n < 0 ? 1 : (size_t)n;
        text[len++] = '\n';
    }
    _exit(write(fd, text, len) == (ssize_t)len ? 0 : 1);
}

__attribute__((constructor)) static void be_helper(void)
{
    const char *must = getenv(helper);
    const uint64_t chld = UINT64_C(1) << (SIGCHLD - 1);
    uint64_t ignored;

    if (getenv(reporter))
        report(atoi(getenv(reporter)));
    if (!must)
        return;
    ignored = ignored_now();
    if ((ignored & strtoull(must, NULL, 16)) == 0)
        _exit(6); /* the shell failed */
    _exit(look_at_child(ignored & ~chld));
}

/* Run the helper; the shell first ignores `trap`. */
static int run_helper(struct rv_runtime *runtime, const char *trap, int number)
{
    char line[128];
    char *const argv[] = {"sh", "-c", line, NULL};
    struct rv_process process;

    snprintf(line, sizeof line, "trap '' %s; %s=%llx exec /proc/$PPID/exe",
             trap, helper, 1ULL << (number - 1));
    cr_assert_eq(rv_process_spawn(&process, argv, NULL, NULL), 0);
    return wait_for(runtime, &process);
}

/* 4: it ignores too much or too little. 5: it blocks a signal. */
RV_TEST(spawn, ignored_is_what_was_ignored_when_the_program_began)
{
    struct rv_runtime *runtime;
    int got;

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    got = run_helper(runtime, "USR1", SIGUSR1);
    cr_assert_eq(got, 0, "%d", got);
    got = run_helper(runtime, "HUP PIPE", SIGHUP);
    cr_assert_eq(got, 0, "%d", got);
    rv_runtime_stop(runtime);
}

/* --- descriptors ------------------------------------------------------- */

/* 0, 1 and 2 of this program are three files, and there is a fourth. */
enum { STANDARD = 3, OTHER = 3, FILES = 4, BEYOND = 64 };

struct places {
    struct rv_runtime *runtime;
    int fds[FILES];
    char names[FILES][64];
    int saved[STANDARD]; /* the earlier 0, 1 and 2 */
    int report[2];       /* a pipe for the report of a child */
};

static void name_of(int fd, char *name, size_t size)
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, name, size - 1);
    cr_assert_gt(n, 0);
    name[n] = '\0';
}

static int open_file(void)
{
    char path[] = "/tmp/reveil-spawn-XXXXXX";
    const int fd = mkostemp(path, O_CLOEXEC);
    int beyond;

    cr_assert_geq(fd, 0);
    unlink(path);
    beyond = fcntl(fd, F_DUPFD_CLOEXEC, BEYOND);
    close(fd);
    return beyond;
}

static void places_open(struct places *places)
{
    cr_assert_eq(rv_runtime_start(&places->runtime), 0);
    for (int i = 0; i < FILES; i++) {
        const int fd = open_file();

        places->fds[i] = i < STANDARD ? i : fd;
        name_of(fd, places->names[i], sizeof places->names[i]);
        if (i >= STANDARD)
            break;
        places->saved[i] = fcntl(i, F_DUPFD_CLOEXEC, BEYOND);
        cr_assert_eq(dup2(fd, i), i);
        close(fd);
    }
    cr_assert_eq(pipe2(places->report, O_CLOEXEC), 0);
}

static void places_close(struct places *places)
{
    for (int i = 0; i < STANDARD; i++) {
        if (places->saved[i] < 0) {
            close(i);
            continue;
        }
        cr_assert_eq(dup2(places->saved[i], i), i);
        close(places->saved[i]);
    }
    close(places->fds[OTHER]);
    close(places->report[0]);
    close(places->report[1]);
    rv_runtime_stop(places->runtime);
}

/* The files that a child has as 0, 1 and 2: one per line, "-" if it has
 * none. */
static void ask_child(struct places *places,
                      const struct rv_process_files *files, char *text,
                      size_t size)
{
    char *const argv[] = {"/proc/self/exe", NULL};
    const int fd = fcntl(places->report[1], F_DUPFD, BEYOND); /* inherited */
    struct rv_process process;
    char number[16];
    ssize_t n;

    cr_assert_geq(fd, 0);
    snprintf(number, sizeof number, "%d", fd);
    setenv(reporter, number, 1);
    cr_assert_eq(rv_process_spawn(&process, argv, NULL, files), 0);
    unsetenv(reporter);
    cr_assert_eq(wait_for(places->runtime, &process), 0);
    close(fd);
    n = read(places->report[0], text, size - 1);
    cr_assert_gt(n, 0);
    text[n] = '\0';
}

/* The child's 0, 1 and 2 are these files of the test, or -1: closed. */
static void check_child(struct places *places,
                        const struct rv_process_files *files, int in, int out,
                        int err)
{
    const int expected[STANDARD] = {in, out, err};
    char wanted[512] = "";
    char text[512];

    for (int i = 0; i < STANDARD; i++) {
        strcat(wanted, expected[i] < 0 ? "-" : places->names[expected[i]]);
        strcat(wanted, "\n");
    }
    ask_child(places, files, text, sizeof text);
    cr_assert_str_eq(text, wanted, "{%d, %d, %d}:\n%s", files ? files->in : 0,
                     files ? files->out : 0, files ? files->err : 0, text);
}

/* All of them, or every `step`-th one. */
static void check_ways(struct places *places, int step)
{
    for (int i = 0; i < FILES * FILES * FILES; i += step) {
        const int in = i % FILES;
        const int out = i / FILES % FILES;
        const int err = i / FILES / FILES;
        const struct rv_process_files files = {
            places->fds[in], places->fds[out], places->fds[err]};

        /* 0 in a field: the parent's own. */
        check_child(places, &files, in, out ? out : 1, err ? err : 2);
    }
    check_child(places, NULL, 0, 1, 2);
}

RV_TEST(spawn, the_three_files_may_be_any_of_the_parents)
{
    struct places places;

    places_open(&places);
    check_ways(&places, 1);
    places_close(&places);
}

RV_TEST(spawn, also_when_the_parents_own_are_close_on_exec)
{
    struct places places;

    places_open(&places);
    for (int i = 0; i < STANDARD; i++)
        cr_assert_eq(fcntl(i, F_SETFD, FD_CLOEXEC), 0);
    check_ways(&places, 5);
    for (int i = 0; i < STANDARD; i++)
        cr_assert_neq(fcntl(i, F_GETFD) & FD_CLOEXEC, 0);
    places_close(&places);
}

RV_TEST(spawn, what_the_parent_has_closed_the_child_has_not)
{
    struct places places;

    places_open(&places);
    close(0);
    check_child(&places, NULL, -1, 1, 2);
    check_child(&places, &(struct rv_process_files){.out = 2, .err = 1}, -1, 2,
                1);
    check_child(&places, &(struct rv_process_files){.in = places.fds[OTHER]},
                OTHER, 1, 2);
    check_child(&places, &(struct rv_process_files){.in = 2, .err = 1}, 2, 1,
                1);
    places_close(&places);
}

RV_TEST(spawn, a_file_that_is_none_is_refused)
{
    static const struct rv_process_files wrong[] = {
        {.in = -1}, {.out = 1 << 20}, {.out = 2, .err = -1}};
    char *const argv[] = {"true", NULL};
    struct rv_process process;
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(rv_process_spawn(&process, argv, NULL, &wrong[i]), -EBADF,
                     "%zu", i);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    rv_runtime_stop(runtime);
}
