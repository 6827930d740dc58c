/* SPDX-License-Identifier: MIT */
/*
 * test_executors.c - executors on threads beside a runtime.
 *
 * Threads: the test's, the reactor's, the executors'.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <reveil/blocking.h>
#include <reveil/combine.h>
#include <reveil/coro.h>
#include <reveil/executors.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/round_trip.h"
#include "support/failing_alloc.h"
#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(executors);

enum { EXECUTORS = 3 };

static const struct rv_runtime_options threaded = {.reactor =
                                                       RV_REACTOR_THREAD};
static const struct rv_runtime_options fused = {.reactor = RV_REACTOR_FUSED};

struct crew {
    struct rv_runtime *runtime;
    struct rv_executors *executors;
};

static void crew_start(struct crew *crew,
                       const struct rv_runtime_options *options)
{
    cr_assert_eq(rv_runtime_start_with(&crew->runtime, options), 0);
    cr_assert_eq(rv_executors_start(&crew->executors, crew->runtime, EXECUTORS),
                 0);
}

static void crew_stop(struct crew *crew)
{
    rv_executors_stop(crew->executors);
    rv_runtime_stop(crew->runtime);
}

/* Wait for all of them. Returns: the first error. */
static int await_all(struct rv_runtime *runtime, struct rv_remote_join *joins)
{
    struct rv_future *list[EXECUTORS];
    struct rv_try_all all;
    int result;

    for (int i = 0; i < EXECUTORS; i++)
        list[i] = &joins[i].future;
    rv_try_all_init(&all, list, EXECUTORS);
    result = rv_test_block_on(rv_runtime_executor(runtime), &all.future);
    rv_drop(&all.future);
    return result;
}

/* --- where tasks are --------------------------------------------------- */

struct place {
    pthread_t thread;
    struct rv_reactor *reactor;
    struct rv_executor *executor;
    int32_t pool_said;
};

/* Records its executor, and makes a call on the pool there. */
struct scout {
    struct rv_future future;
    struct rv_blocking call;
    struct place *place;
};

static int32_t answer(void *arg)
{
    (void)arg;
    return 42;
}

static enum rv_poll scout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct scout *self = RV_CONTAINER_OF(future, struct scout, future);

    RV_BEGIN(future);
    self->place->thread = pthread_self();
    self->place->reactor = rv_reactor_current();
    self->place->executor = cx->executor;
    rv_blocking_init(&self->call, answer, NULL, NULL);
    RV_AWAIT(future, cx, &self->call.future);
    self->place->pool_said = self->call.future.result;
    RV_RETURN(future, 0);
    RV_END(future);
}

static void look_around(struct crew *crew, struct place *places)
{
    static const struct rv_future_ops ops = {.name = "scout",
                                             .poll = scout_poll};
    struct rv_remote_join joins[EXECUTORS];

    for (uint32_t i = 0; i < EXECUTORS; i++) {
        struct scout *scout = rv_alloc(sizeof *scout);

        rv_future_init(&scout->future, &ops);
        scout->place = &places[i];
        cr_assert_eq(rv_remote_spawn(rv_executors_remote(crew->executors, i),
                                     &scout->future, &joins[i]),
                     0);
    }
    cr_assert_eq(await_all(crew->runtime, joins), 0);
}

/* Also for the test's own thread, whose reactor is `shared` or not. */
static void check_places(struct crew *crew, bool shared)
{
    struct rv_reactor *mine = rv_runtime_reactor(crew->runtime);
    struct place places[EXECUTORS];

    look_around(crew, places);
    for (int i = 0; i < EXECUTORS; i++) {
        cr_assert_eq(places[i].pool_said, 42);
        cr_assert_eq(places[i].reactor == mine, shared);
        for (int k = 0; k < i; k++) {
            cr_assert_not(pthread_equal(places[i].thread, places[k].thread));
            cr_assert_neq(places[i].executor, places[k].executor);
            cr_assert_eq(places[i].reactor == places[k].reactor, shared);
        }
    }
}

RV_TEST(executors, each_has_an_executor_and_all_share_the_reactor_thread)
{
    struct crew crew;

    crew_start(&crew, &threaded);
    cr_assert_eq(rv_executors_count(crew.executors), EXECUTORS);
    check_places(&crew, true);
    crew_stop(&crew);
}

RV_TEST(executors, in_the_fused_mode_each_sleeps_in_an_epoll_of_its_own)
{
    struct crew crew;

    crew_start(&crew, &fused);
    check_places(&crew, false);
    crew_stop(&crew);
}

/* --- what they do ------------------------------------------------------ */

/* A connection on each executor, and a task besides it. */
static int travel(struct crew *crew)
{
    struct rv_remote_join joins[EXECUTORS] = {{.task = NULL}};
    int error = 0;
    int result;

    for (uint32_t i = 0; i < EXECUTORS && !error; i++) {
        struct trip *trip = rv_alloc(sizeof *trip);

        error = -ENOMEM;
        if (!trip)
            break;
        trip_init(trip);
        error = rv_remote_spawn(rv_executors_remote(crew->executors, i),
                                &trip->future, &joins[i]);
        if (error)
            rv_free(trip);
    }
    result = error ? error : await_all(crew->runtime, joins);
    for (int i = 0; i < EXECUTORS; i++)
        rv_remote_join_drop(&joins[i]);
    return result;
}

RV_TEST(executors, connections_work_on_all_at_once)
{
    static const struct rv_runtime_options *const modes[] = {&threaded, &fused};

    for (int mode = 0; mode < 2; mode++) {
        struct crew crew;

        crew_start(&crew, modes[mode]);
        for (int i = 0; i < 20; i++)
            cr_assert_eq(travel(&crew), 0);
        crew_stop(&crew);
    }
}

RV_TEST(executors, the_stop_drops_what_is_left)
{
    struct rv_remote_join joins[EXECUTORS];
    struct crew crew;

    crew_start(&crew, &threaded);
    for (uint32_t i = 0; i < EXECUTORS; i++) {
        struct rv_sleep *sleep = rv_alloc(sizeof *sleep);

        rv_sleep_init(sleep, RV_NEVER);
        cr_assert_eq(rv_remote_spawn(rv_executors_remote(crew.executors, i),
                                     &sleep->future, &joins[i]),
                     0);
    }
    rv_executors_stop(crew.executors);
    rv_executors_stop(NULL);

    for (int i = 0; i < EXECUTORS; i++)
        cr_assert_eq(rv_test_block_on(rv_runtime_executor(crew.runtime),
                                      &joins[i].future),
                     -ECANCELED);
    rv_runtime_stop(crew.runtime);
}

/* --- one runtime beside another ---------------------------------------- */

static void *live_beside(void *arg)
{
    struct rv_runtime *mine;
    intptr_t result = -1;

    if (rv_runtime_start_beside(&mine, arg) == 0) {
        result = round_trip(rv_runtime_executor(mine));
        rv_runtime_stop(mine);
    }
    return (void *)result;
}

RV_TEST(executors, a_thread_may_have_a_runtime_beside_another)
{
    static const struct rv_runtime_options *const modes[] = {&threaded, &fused};

    for (int mode = 0; mode < 2; mode++) {
        struct rv_runtime *runtime;
        pthread_t thread;
        void *result;

        cr_assert_eq(rv_runtime_start_with(&runtime, modes[mode]), 0);
        pthread_create(&thread, NULL, live_beside, runtime);
        cr_assert_eq(round_trip(rv_runtime_executor(runtime)), 0);
        pthread_join(thread, &result);
        cr_assert_eq((intptr_t)result, 0);
        rv_runtime_stop(runtime);
    }
}

/* --- when it cannot ---------------------------------------------------- */

RV_TEST(executors, none_and_too_many_are_refused)
{
    struct rv_executors *executors;
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    cr_assert_eq(rv_executors_start(&executors, runtime, 0), -EINVAL);
    cr_assert_eq(rv_executors_start(&executors, runtime, RV_EXECUTORS_MAX + 1),
                 -EINVAL);
    rv_runtime_stop(runtime);
}

static void stop_the_runtime_first(void)
{
    struct crew crew;

    crew_start(&crew, &threaded);
    rv_runtime_stop(crew.runtime);
}

RV_TEST(executors, the_runtime_is_stopped_after_them)
{
    rv_test_aborts(stop_the_runtime_first, "before the runtimes beside it");
}

/* --- faults ------------------------------------------------------------ */

/* Far more levels than the stack has room for. */
static volatile int levels = 1 << 30;

static int32_t recurse(void *arg)
{
    volatile char room[100];

    room[0] = 1;
    return levels-- ? recurse(arg) + room[0] : 0;
}

static enum rv_poll diver_poll(struct rv_future *future, struct rv_cx *cx)
{
    const struct rv_coro_options options = {.name = "diver",
                                            .stack_bytes = 16 * 1024};

    if (!future->at++)
        rv_coro_spawn(cx->executor, recurse, NULL, &options, NULL);
    return RV_PENDING;
}

static void overflow_in_an_executor(void)
{
    static const struct rv_future_ops ops = {.name = "diver",
                                             .poll = diver_poll};
    struct rv_future *diver = rv_alloc(sizeof *diver);
    struct rv_remote_join join;
    struct crew crew;

    rv_coro_report_overflow();
    crew_start(&crew, &threaded);
    rv_future_init(diver, &ops);
    rv_remote_spawn(rv_executors_remote(crew.executors, 0), diver, &join);
    rv_test_block_on(rv_runtime_executor(crew.runtime), &join.future);
}

RV_TEST(executors, a_coroutine_that_overflows_in_one_is_named)
{
    char said[256] = "";
    int status;
    int fds[2];
    pid_t child;

    if (machine_is_valgrind())
        cr_skip_test("valgrind has words of its own for such an end");
    cr_assert_eq(pipe(fds), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGSEGV, SIG_DFL); /* a sanitizer has a handler of its own */
        dup2(fds[1], STDERR_FILENO);
        overflow_in_an_executor();
        _exit(0);
    }
    close(fds[1]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_geq(read(fds[0], said, sizeof said - 1), 0);
    close(fds[0]);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    cr_assert_str_eq(said, "reveil: coroutine diver overflowed its stack of "
                           "16384 bytes\n");
}

/* --- without memory ---------------------------------------------------- */

static int whole_life(void *arg)
{
    struct crew crew;
    int error = rv_runtime_start_with(&crew.runtime, arg);

    if (error)
        return error;
    error = rv_executors_start(&crew.executors, crew.runtime, EXECUTORS);
    if (!error) {
        error = travel(&crew);
        rv_executors_stop(crew.executors);
    }
    rv_runtime_stop(crew.runtime);
    return error;
}

RV_TEST(executors, each_failing_allocation_is_enomem_and_leaves_nothing)
{
    cr_assert_gt(rv_fail_each_alloc(whole_life, (void *)&threaded), 20);
    cr_assert_gt(rv_fail_each_alloc(whole_life, (void *)&fused), 20);
}
