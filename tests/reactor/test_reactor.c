/* SPDX-License-Identifier: MIT */
/*
 * test_reactor.c - the thread: start, stop, rounds, signals.
 *
 * test_source.c tests the state of a single descriptor.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <reveil/reactor.h>
#include <reveil/trace.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reactor/reactor_internal.h"
#include "reactor/steps.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(reactor);

/* --- start and stop ---------------------------------------------------- */

RV_TEST(reactor, start_adds_a_thread_and_stop_takes_it_away)
{
    const uint32_t threads = rv_test_threads();
    struct rv_reactor *reactor = start_reactor();

    cr_assert_eq(rv_test_threads(), threads + 1);
    rv_reactor_stop(reactor);
    rv_test_wait_for_threads(threads);
}

RV_TEST(reactor, enter_makes_it_the_current_one_of_the_thread)
{
    struct rv_reactor *first = start_reactor();
    struct rv_reactor *second = start_reactor();

    cr_assert_null(rv_reactor_current());
    cr_assert_null(rv_reactor_enter(first));
    cr_assert_eq(rv_reactor_current(), first);
    cr_assert_eq(rv_reactor_enter(second), first);
    cr_assert_eq(rv_reactor_enter(NULL), second);
    cr_assert_null(rv_reactor_current());
    rv_reactor_stop(first);
    rv_reactor_stop(second);
}

static int start_and_open(void *arg)
{
    struct rv_reactor *reactor;
    struct rv_source *source;
    int result = rv_reactor_start(&reactor);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    (void)arg;
    if (result == 0) {
        result = rv_source_open(reactor, fd, &source);
        if (result == 0)
            rv_source_close(source);
        rv_reactor_stop(reactor);
    }
    close(fd);
    return result;
}

RV_TEST(reactor, every_failing_allocation_is_an_error_value)
{
    cr_assert_eq(rv_fail_each_alloc_strictly(start_and_open, NULL), 2);
}

static void stop_with_a_source(void)
{
    struct rv_reactor *reactor = start_reactor();

    /* The one that is named is not the first that was opened. */
    rv_source_close(open_source(reactor, eventfd(0, EFD_NONBLOCK)));
    open_source(reactor, eventfd(0, EFD_NONBLOCK));
    rv_reactor_stop(reactor);
}

static void stop_with_a_socket(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct rv_reactor *reactor = start_reactor();

    open_source(reactor, fd);
    if (bind(fd, (void *)&addr, sizeof addr) < 0)
        return;
    rv_reactor_stop(reactor);
}

static void stop_with_a_closed_descriptor(void)
{
    const int fd = eventfd(0, EFD_NONBLOCK);
    struct rv_reactor *reactor = start_reactor();

    open_source(reactor, fd);
    close(fd);
    rv_reactor_stop(reactor);
}

RV_TEST(reactor, stop_while_a_source_is_open_stops_the_program)
{
    rv_test_aborts(stop_with_a_source, "while a source is open: descriptor ");
}

RV_TEST(reactor, the_open_source_is_named)
{
    rv_test_aborts(stop_with_a_source, "anon_inode:[eventfd], local port 0");
    rv_test_aborts(stop_with_a_socket, "(socket:[");
    rv_test_aborts(stop_with_a_closed_descriptor, "(closed by close(2)");
}

/* --- rounds ------------------------------------------------------------ */

enum { MANY = 300 }; /* more than one round of epoll, many wake batches */

RV_TEST(reactor, a_crowd_that_is_ready_at_once_is_woken_as_a_whole)
{
    struct rv_reactor *reactor = start_reactor();
    struct rv_source *sources[MANY];
    struct rv_probe probes[MANY];
    int fds[MANY];

    for (int i = 0; i < MANY; i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        sources[i] = open_source(reactor, fds[i]);
        rv_probe_init(&probes[i]);
        wait_until_known(sources[i], RV_WRITE);
        leave_waker(sources[i], RV_READ, &probes[i]);
    }
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(eventfd_write(fds[i], 1), 0);
    for (int i = 0; i < MANY; i++)
        cr_assert(rv_probe_wait(&probes[i]), "%d was not woken", i);

    for (int i = 0; i < MANY; i++) {
        rv_source_close(sources[i]);
        close(fds[i]);
        rv_probe_fini(&probes[i]);
    }
    rv_reactor_stop(reactor);
}

/* --- one reactor, many threads ----------------------------------------- */

struct player {
    struct rv_reactor *reactor;
    pthread_t thread;
    int rounds;
};

/* Opens, waits for, and closes descriptors of its own. */
static void *open_wait_close(void *arg)
{
    struct player *player = arg;
    struct rv_probe probe;

    rv_probe_init(&probe);
    for (int i = 0; i < 200; i++) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        struct rv_source *source = open_source(player->reactor, fd);

        leave_waker_when_quiet(source, RV_READ, &probe);
        eventfd_write(fd, 1);
        player->rounds += rv_probe_wait(&probe);
        rv_source_close(source);
        close(fd);
        while (rv_probe_take(&probe))
            ; /* one more may have been in progress */
    }
    rv_probe_fini(&probe);
    return NULL;
}

RV_TEST(reactor, threads_share_it_and_reuse_places)
{
    struct rv_reactor *reactor = start_reactor();
    struct player players[4] = {0};

    for (int i = 0; i < 4; i++) {
        players[i].reactor = reactor;
        pthread_create(&players[i].thread, NULL, open_wait_close, &players[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(players[i].thread, NULL);
        cr_assert_eq(players[i].rounds, 200);
    }
    cr_assert_leq(reactor->sources.used, 64, "slots are not reused");
    rv_reactor_stop(reactor);
}

/* --- signals ----------------------------------------------------------- */

static pthread_t handled_by;
static _Atomic bool handled;

static void note_thread(int number)
{
    (void)number;
    handled_by = pthread_self();
    handled = true;
}

RV_TEST(reactor, signals_of_the_process_go_to_the_programs_threads)
{
    const struct sigaction action = {.sa_handler = note_thread};
    struct rv_reactor *reactor;
    sigset_t usr1;

    /* While the reactor is the only thread that could receive it. */
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigaction(SIGUSR1, &action, NULL);
    reactor = start_reactor();
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    kill(getpid(), SIGUSR1);
    rv_reactor_stop(reactor);

    cr_assert_not(handled, "the reactor's thread took it");
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    cr_assert(handled);
    cr_assert(pthread_equal(handled_by, pthread_self()));
}

/* Stop and continue the process from outside: epoll_wait() then returns EINTR
 * whatever signals its thread has blocked; see signal(7). */
static void stop_and_continue(void)
{
    const pid_t parent = getpid();
    pid_t child = fork();

    if (child == 0) {
        kill(parent, SIGSTOP);
        kill(parent, SIGCONT);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, NULL, 0), child);
}

static bool epoll_was_interrupted(void)
{
    struct rv_event event;

    for (uint64_t n = 0; rv_trace_read(&n, &event) == 1;)
        if (event.kind == RV_EV_EPOLL_DONE && event.value == -1)
            return true;
    return false;
}

RV_TEST(reactor, an_interrupted_epoll_wait_goes_on)
{
    struct rv_reactor *reactor;
    struct rv_source *source;
    struct rv_probe probe;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    cr_assert_eq(rv_trace_start(RV_TRACE_EVENTS), 0);
    reactor = start_reactor();
    rv_probe_init(&probe);
    source = open_source(reactor, fd);
    leave_waker_when_quiet(source, RV_READ, &probe);
    while (!epoll_was_interrupted())
        stop_and_continue();

    eventfd_write(fd, 1);
    cr_assert(rv_probe_wait(&probe));
    rv_source_close(source);
    close(fd);
    rv_reactor_stop(reactor);
    rv_probe_fini(&probe);
    rv_trace_start(RV_TRACE_OFF);
}

/* Make a reactor report something. */
static void let_it_report(void)
{
    struct rv_reactor *reactor = start_reactor();
    struct rv_source *source;
    struct rv_probe probe;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    rv_trace_mute_thread(false); /* it keeps the setting from its start */
    rv_probe_init(&probe);
    source = open_source(reactor, fd);
    leave_waker_when_quiet(source, RV_READ, &probe);
    eventfd_write(fd, 1);
    cr_assert(rv_probe_wait(&probe));
    rv_source_close(source);
    close(fd);
    rv_reactor_stop(reactor);
    rv_probe_fini(&probe);
}

RV_TEST(reactor, one_that_a_muted_thread_starts_is_muted_too)
{
    cr_assert_eq(rv_trace_start(RV_TRACE_COUNTERS), 0);
    rv_trace_mute_thread(true);
    let_it_report();
    cr_assert_eq(rv_trace_count(RV_EV_READINESS), 0);
    let_it_report();
    cr_assert_neq(rv_trace_count(RV_EV_READINESS), 0);
    rv_trace_start(RV_TRACE_OFF);
}
