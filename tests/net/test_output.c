/* SPDX-License-Identifier: MIT */
/*
 * test_output.c - the options of a child process, and its collected output.
 */
#include <reveil/process.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/pair.h"

RV_TEST_SUITE(output);

/* Run a line of the shell. Returns: as rv_process_output(). */
static int run(const char *line, const struct rv_process_options *options,
               char *text, size_t size, int *status, int64_t deadline_ns)
{
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)line, NULL};
    size_t got;
    const int error = rv_process_output(argv, options, text, size - 1, &got,
                                        status, deadline_ns);

    text[got] = '\0';
    return error;
}

RV_HOST_TEST(output, is_collected_with_the_status)
{
    char text[64];
    int status = -1;

    HOST_CHECK(run("echo one; sleep 0.01; echo two; exit 3", NULL, text, 64,
                   &status, RV_NEVER) == 0);
    HOST_CHECK(strcmp(text, "one\ntwo\n") == 0 && status == 3);
    HOST_CHECK(run("kill -9 $$", NULL, text, 64, &status, RV_NEVER) == 0);
    HOST_CHECK(text[0] == '\0' && status == -SIGKILL);
    HOST_CHECK(run("cat", NULL, text, 64, NULL, RV_NEVER) == 0); /* /dev/null */
    HOST_CHECK(run("printf 123", NULL, text, 4, &status, RV_NEVER) == 0);
    HOST_CHECK(strcmp(text, "123") == 0 && status == 0);
    return 0;
}

RV_HOST_TEST(output, has_a_limit_and_a_deadline)
{
    char text[8];
    int status = 99;

    HOST_CHECK(run("yes", NULL, text, sizeof text, &status, RV_NEVER) ==
               -EMSGSIZE);
    HOST_CHECK(strcmp(text, "y\ny\ny\ny") == 0 && status == 99);
    HOST_CHECK(run("printf abc; exec sleep 1000", NULL, text, sizeof text,
                   &status, rv_after_ms(300)) == -ETIMEDOUT);
    HOST_CHECK(run("exec >&- 2>&-; exec sleep 1000", NULL, text, sizeof text,
                   &status, rv_after_ms(30)) == -ETIMEDOUT);
    HOST_CHECK(run("exec sleep 1000", NULL, text, sizeof text, &status, 0) ==
               -ETIMEDOUT);
    HOST_CHECK(status == 99);
    return 0;
}

RV_HOST_TEST(output, options)
{
    struct rv_process_options options = {.directory = "/",
                                         .new_session = true,
                                         .files.in = RV_PROCESS_NULL,
                                         .files.err = 1};
    char *no[] = {(char *)"/no/such/program", NULL};
    char text[256];
    size_t got;
    int status;

    HOST_CHECK(run("pwd; echo error >&2", &options, text, 256, &status,
                   RV_NEVER) == 0);
    HOST_CHECK(strcmp(text, "/\nerror\n") == 0);
    options.files.err = RV_PROCESS_NULL;
    HOST_CHECK(run("echo gone >&2; test -c /proc/self/fd/2", &options, text,
                   256, &status, RV_NEVER) == 0);
    HOST_CHECK(text[0] == '\0' && status == 0);
    options.directory = "/no/such/folder";
    HOST_CHECK(run("pwd", &options, text, 256, &status, RV_NEVER) == -ENOENT);
    HOST_CHECK(rv_process_output(no, NULL, text, 1, &got, NULL, RV_NEVER) ==
               -ENOENT);
    return 0;
}

RV_HOST_TEST(output, a_new_session_leads_its_group)
{
    const struct rv_process_options options = {.new_session = true};
    char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
    struct rv_process child;

    HOST_CHECK(rv_process_spawn_with(&child, argv, &options) == 0);
    HOST_CHECK(getpgid(child.pid) == child.pid);
    HOST_CHECK(getsid(child.pid) == child.pid);
    HOST_CHECK(rv_process_kill(&child, SIGKILL) == 0);
    HOST_CHECK(rv_process_wait(&child, NULL, NULL, RV_NEVER) == 0);
    rv_process_close(&child);
    HOST_CHECK(rv_process_spawn_with(&child, argv, NULL) == 0);
    HOST_CHECK(getpgid(child.pid) == getpgid(0));
    HOST_CHECK(rv_process_kill(&child, SIGKILL) == 0);
    HOST_CHECK(rv_process_wait(&child, NULL, NULL, RV_NEVER) == 0);
    rv_process_close(&child);
    return 0;
}

/* Returns: false if it is still there after a while. Whoever inherits it reaps
 * it. */
static bool is_gone(pid_t pid)
{
    for (int i = 0; i < 10000 && kill(pid, 0) == 0; i++)
        rv_coro_sleep_until(rv_after_ms(1));
    return kill(pid, 0) < 0;
}

RV_HOST_TEST(output, a_group_is_killed_whole)
{
    const char *line = "sleep 1000 & echo $!; yes";
    const struct rv_process_options session = {.new_session = true};
    const struct rv_process_options group = {.new_group = true};
    char text[64];

    HOST_CHECK(run(line, &group, text, 64, NULL, RV_NEVER) == -EMSGSIZE);
    HOST_CHECK(is_gone(atoi(text)));
    HOST_CHECK(run(line, &session, text, 64, NULL, RV_NEVER) == -EMSGSIZE);
    HOST_CHECK(is_gone(atoi(text)));
    return 0;
}

static int32_t sleep_long(void *arg)
{
    char text[8];

    (void)arg;
    return run("exec sleep 1000", NULL, text, sizeof text, NULL, RV_NEVER);
}

/* RV_TEST finds a child that is left by its descriptors. */
RV_TEST(output, a_canceled_call_kills_the_child)
{
    for (int host = 0; host < RV_HOSTS; host++)
        cr_assert_eq(rv_host_run_canceled((enum rv_host)host, sleep_long, NULL),
                     -ECANCELED);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "no child is left");
}
