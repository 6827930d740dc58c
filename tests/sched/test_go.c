/* SPDX-License-Identifier: MIT */
/* test_go.c - tasks are started, run, wait and are joined. */
#include <fcntl.h>
#include <reveil/cpu.h>
#include <reveil/file.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/net_internal.h"
#include "support/failing_alloc.h"
#include "support/machine.h"
#include "tasks.h"

RV_TEST_SUITE(go);

/* --- start and join ---------------------------------------------------- */

RV_TEST(go, run_returns_what_the_root_task_returns)
{
    cr_assert_eq(run_once(1, return_arg, int_arg(42)), 42);
    cr_assert_eq(run_once(SCHED_WORKERS, return_arg, int_arg(-5)), -5);
}

/* Returns: the number of tasks; the error of the first that did not start. */
static int32_t start_all(struct rv_go *tasks, int len)
{
    for (int i = 0; i < len; i++) {
        const int error = rv_go(&tasks[i], return_arg, int_arg(i));

        if (!error)
            continue;
        while (i-- > 0)
            rv_go_drop(&tasks[i]);
        return error;
    }
    return len;
}

static int32_t join_some(void *arg)
{
    struct rv_go tasks[100];
    int32_t error;
    bool right = true;

    (void)arg;
    error = start_all(tasks, 100);
    if (error < 0)
        return error;
    for (int i = 99; i >= 0; i--)
        right &= rv_go_join(&tasks[i]) == i;
    TASK_CHECK(right);
    TASK_CHECK(rv_go_join(&tasks[0]) == -EINVAL);
    return 0;
}

RV_TEST(go, join_returns_what_the_task_returned)
{
    cr_assert_eq(run_once(1, join_some, NULL), 0);
    cr_assert_eq(run_once(SCHED_WORKERS, join_some, NULL), 0);
}

RV_TEST(go, a_task_is_started_and_joined_from_outside)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    struct rv_go first;
    struct rv_go second;

    cr_assert_eq(rv_sched_go(sched, &first, "first", return_arg, int_arg(1)),
                 0);
    cr_assert_eq(rv_sched_go(sched, &second, "second", return_arg, int_arg(2)),
                 0);
    cr_assert_eq(rv_go_join(&second), 2);
    cr_assert_eq(rv_go_join(&first), 1);
    rv_sched_stop(sched);
}

RV_TEST(go, a_handle_is_a_future_for_any_executor)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    struct rv_executor *executor;
    struct rv_go task;

    cr_assert_eq(rv_executor_new(&executor), 0);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(rv_sched_go(sched, &task, "task", return_arg, int_arg(i)),
                     0);
        cr_assert_eq(rv_test_block_on(executor, &task.future), i);
        rv_drop(&task.future);
    }
    rv_executor_free(executor);
    rv_sched_stop(sched);
}

static int32_t await_handle(void *arg)
{
    struct rv_go task;
    int result;

    (void)arg;
    TASK_CHECK(rv_go(&task, return_arg, int_arg(9)) == 0);
    result = rv_await(&task.future);
    rv_drop(&task.future);
    return result;
}

RV_TEST(go, a_handle_is_a_future_for_tasks)
{
    cr_assert_eq(run_once(SCHED_WORKERS, await_handle, NULL), 9);
}

static int32_t add_one(void *arg)
{
    _Atomic int *sum = arg;

    atomic_fetch_add(sum, 1);
    return 0;
}

static int32_t detach_some(void *arg)
{
    for (int i = 0; i < 50; i++)
        TASK_CHECK(rv_go(NULL, add_one, arg) == 0);
    for (int i = 0; i < 50; i++) {
        struct rv_go task;

        TASK_CHECK(rv_go(&task, add_one, arg) == 0);
        rv_go_drop(&task);
        rv_go_drop(&task);
    }
    return 0;
}

RV_TEST(go, detached_tasks_run_to_their_end)
{
    _Atomic int sum = 0;

    cr_assert_eq(run_once(SCHED_WORKERS, detach_some, &sum), 0);
    cr_assert_eq(sum, 100);
}

static int32_t spawn_many(void *arg)
{
    enum { EACH = 1000 };
    static struct rv_go tasks[EACH];
    const int rounds = *(int *)arg;

    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < EACH; i++)
            TASK_CHECK(rv_go(&tasks[i], return_arg, int_arg(i)) == 0);
        for (int i = 0; i < EACH; i++)
            TASK_CHECK(rv_go_join(&tasks[i]) == i);
    }
    return 0;
}

RV_TEST(go, a_million_tasks)
{
    int rounds = RV_TEST_SLOW ? 50 : 1000; /* a sanitizer is slow */

    cr_assert_eq(run_once(SCHED_WORKERS, spawn_many, &rounds), 0);
}

/* --- order ------------------------------------------------------------- */

struct order {
    char text[64];
    int len;
};

static int32_t note_thrice(void *arg)
{
    struct order *order = ((void **)arg)[0];
    const char *letter = ((void **)arg)[1];

    for (int i = 0; i < 3; i++) {
        order->text[order->len++] = *letter;
        TASK_CHECK(rv_go_yield() == 0);
    }
    return 0;
}

static int32_t two_take_turns(void *arg)
{
    struct order order = {.len = 0};
    void *a[] = {&order, "a"};
    void *b[] = {&order, "b"};
    struct rv_go tasks[2];

    (void)arg;
    TASK_CHECK(rv_go(&tasks[0], note_thrice, a) == 0);
    TASK_CHECK(rv_go(&tasks[1], note_thrice, b) == 0);
    TASK_CHECK(rv_go_join(&tasks[0]) == 0);
    TASK_CHECK(rv_go_join(&tasks[1]) == 0);
    TASK_CHECK(strcmp(order.text, "bababa") == 0 ||
               strcmp(order.text, "ababab") == 0);
    return 0;
}

RV_TEST(go, tasks_that_yield_take_turns)
{
    cr_assert_eq(run_once(1, two_take_turns, NULL), 0);
}

static int32_t yield_until(void *arg)
{
    _Atomic int *stop = arg;

    while (!atomic_load(stop))
        TASK_CHECK(rv_go_yield() == 0);
    return 0;
}

/* Two tasks that hand the slot to each other forever. */
static int32_t ping_pong_until(void *arg)
{
    _Atomic int *stop = arg;

    while (!atomic_load(stop)) {
        struct rv_go task;

        TASK_CHECK(rv_go(&task, return_arg, int_arg(1)) == 0);
        TASK_CHECK(rv_go_join(&task) == 1);
    }
    return 0;
}

static int32_t stop_them(void *arg)
{
    atomic_store((_Atomic int *)arg, 1);
    return 0;
}

static int32_t others_come_on(void *arg)
{
    _Atomic int stop = 0;
    struct rv_go tasks[3];

    (void)arg;
    TASK_CHECK(rv_go(&tasks[0], stop_them, &stop) == 0);
    TASK_CHECK(rv_go(&tasks[1], yield_until, &stop) == 0);
    TASK_CHECK(rv_go(&tasks[2], ping_pong_until, &stop) == 0);
    for (int i = 2; i >= 0; i--)
        TASK_CHECK(rv_go_join(&tasks[i]) == 0);
    return 0;
}

RV_TEST(go, tasks_that_keep_each_other_busy_do_not_starve_others)
{
    cr_assert_eq(run_once(1, others_come_on, NULL), 0);
}

static int32_t sleep_among_busy(void *arg)
{
    _Atomic int stop = 0;
    struct rv_go busy;

    (void)arg;
    TASK_CHECK(rv_go(&busy, ping_pong_until, &stop) == 0);
    TASK_CHECK(sleep_ms(1) == 0);
    atomic_store(&stop, 1);
    return rv_go_join(&busy);
}

RV_TEST(go, timers_fire_while_tasks_are_busy)
{
    cr_assert_eq(run_once(1, sleep_among_busy, NULL), 0);
}

RV_TEST(go, tasks_from_outside_come_in_while_tasks_are_busy)
{
    struct rv_sched *sched = start_sched(1);
    _Atomic int stop = 0;
    struct rv_go busy;
    struct rv_go stopper;

    cr_assert_eq(rv_sched_go(sched, &busy, "busy", ping_pong_until, &stop), 0);
    cr_assert_eq(rv_sched_go(sched, &stopper, "stopper", stop_them, &stop), 0);
    cr_assert_eq(rv_go_join(&busy), 0);
    cr_assert_eq(rv_go_join(&stopper), 0);
    rv_sched_stop(sched);
}

/* --- several cores ----------------------------------------------------- */

struct barrier {
    _Atomic int arrived;
    int len;
};

/* Occupies its worker until all have started. */
static int32_t arrive(void *arg)
{
    struct barrier *barrier = arg;

    atomic_fetch_add(&barrier->arrived, 1);
    while (atomic_load(&barrier->arrived) < barrier->len)
        sched_yield();
    return 0;
}

static int32_t meet(void *arg)
{
    struct barrier barrier = {.len = 3};
    struct rv_go tasks[2];

    (void)arg;
    for (int i = 0; i < 2; i++)
        TASK_CHECK(rv_go(&tasks[i], arrive, &barrier) == 0);
    arrive(&barrier);
    for (int i = 0; i < 2; i++)
        TASK_CHECK(rv_go_join(&tasks[i]) == 0);
    return 0;
}

RV_TEST(go, as_many_tasks_as_workers_run_at_the_same_time)
{
    struct rv_sched *sched = start_sched(3);

    for (int i = 0; i < 200; i++)
        cr_assert_eq(rv_sched_run(sched, meet, NULL), 0);
    rv_sched_stop(sched);
}

RV_TEST(go, there_is_a_worker_for_each_cpu_unless_told_otherwise)
{
    struct rv_sched *sched;

    if (machine_cpus() == 0 || machine_cpus() > 64)
        cr_skip_test("too many CPUs for a test");
    cr_assert_eq(rv_sched_start(&sched, NULL), 0);
    cr_assert_eq(rv_sched_workers(sched), machine_cpus());
    rv_sched_stop(sched);
}

static int32_t see_scheduler(void *arg)
{
    struct rv_sched *sched = rv_sched_current();

    TASK_CHECK(sched == arg);
    return (int32_t)rv_sched_workers(sched);
}

RV_TEST(go, a_task_knows_its_scheduler_and_others_have_none)
{
    struct rv_sched *one = start_sched(1);
    struct rv_sched *three = start_sched(3);

    cr_assert_eq(rv_sched_run(one, see_scheduler, one), 1);
    cr_assert_eq(rv_sched_run(three, see_scheduler, three), 3);
    cr_assert_eq(rv_sched_workers(three), 3);
    cr_assert_null(rv_sched_current());
    rv_sched_stop(three);
    rv_sched_stop(one);
}

/* --- waiting for the world outside ------------------------------------- */

static int32_t hundred_sleep(void *arg)
{
    struct rv_go tasks[100];

    (void)arg;
    for (int i = 0; i < 100; i++)
        TASK_CHECK(rv_go(&tasks[i], sleep_for_an_hour, NULL) == 0);
    for (int i = 0; i < 100; i++)
        TASK_CHECK(rv_go_join(&tasks[i]) == 0);
    return 0;
}

RV_TEST(go, a_virtual_clock_goes_from_timer_to_timer)
{
    rv_clock_freeze(1000 * RV_NS_PER_S);
    cr_assert_eq(run_once(SCHED_WORKERS, hundred_sleep, NULL), 0);
    cr_assert_geq(rv_now_ns(), 4600 * RV_NS_PER_S);
    rv_clock_thaw();
}

static int32_t twice(void *arg)
{
    return 2 * (int32_t)(intptr_t)arg;
}

static int32_t call_blocking(void *arg)
{
    struct rv_blocking call;
    int result;

    rv_blocking_init(&call, twice, arg, NULL);
    result = rv_await(&call.future);
    rv_drop(&call.future);
    return result;
}

RV_TEST(go, a_call_that_blocks_goes_to_the_pool)
{
    cr_assert_eq(run_once(SCHED_WORKERS, call_blocking, int_arg(21)), 42);
}

static int32_t read_letter(void *arg)
{
    struct rv_stream *stream = arg;
    char letter;
    struct rv_stream_recv recv;
    int result;

    rv_stream_recv_init(&recv, stream, &letter, 1);
    result = rv_await(&recv.future);
    rv_drop(&recv.future);
    return result == 1 ? letter : result;
}

static int32_t talk(void *arg)
{
    struct rv_stream ends[2];
    int fds[2];
    struct rv_go reader;
    struct rv_stream_send send;

    (void)arg;
    TASK_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    for (int i = 0; i < 2; i++)
        TASK_CHECK(rv_stream_adopt(&ends[i], fds[i]) == 0);
    TASK_CHECK(rv_go(&reader, read_letter, &ends[0]) == 0);
    TASK_CHECK(sleep_ms(1) == 0);
    rv_stream_send_init(&send, &ends[1], "x", 1);
    TASK_CHECK(rv_await(&send.future) == 0);
    rv_drop(&send.future);
    TASK_CHECK(rv_go_join(&reader) == 'x');
    for (int i = 0; i < 2; i++)
        rv_stream_close(&ends[i]);
    return 0;
}

RV_TEST(go, tasks_use_sockets_through_a_reactor)
{
    cr_assert_eq(run_once(SCHED_WORKERS, talk, NULL), 0);
}

RV_TEST(go, tasks_use_the_reactor_and_the_pool_of_a_runtime)
{
    struct rv_runtime *runtime;
    struct rv_sched *sched;
    uint32_t threads;

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    threads = rv_test_threads();
    sched = start_sched(SCHED_WORKERS);
    cr_assert_eq(rv_test_threads(), threads + SCHED_WORKERS);
    cr_assert_eq(rv_sched_run(sched, talk, NULL), 0);
    rv_sched_stop(sched);
    rv_runtime_stop(runtime);
}

RV_TEST(go, beside_a_fused_runtime_there_is_a_reactor_of_its_own)
{
    const struct rv_runtime_options fused = {.reactor = RV_REACTOR_FUSED};
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start_with(&runtime, &fused), 0);
    cr_assert_eq(run_once(SCHED_WORKERS, talk, NULL), 0);
    rv_runtime_stop(runtime);
}

static int32_t read_magic(void *arg)
{
    struct rv_buf *buf = rv_buf_new(4);
    struct rv_file_op op;
    struct rv_file *file;
    int result;

    (void)arg;
    TASK_CHECK(buf);
    rv_file_open_init(&op, &file, "/proc/self/exe", O_RDONLY, 0);
    TASK_CHECK(rv_await(&op.future) == 0);
    rv_drop(&op.future);
    rv_file_read_init(&op, file, buf, 0);
    TASK_CHECK(rv_await(&op.future) == 4);
    rv_drop(&op.future);
    result = memcmp(buf->data, "\177ELF", 4);
    rv_file_put(file);
    rv_buf_put(buf);
    return result;
}

RV_TEST(go, tasks_read_files)
{
    cr_assert_eq(run_once(SCHED_WORKERS, read_magic, NULL), 0);
}

/* --- work for the CPUs ------------------------------------------------- */

static int32_t call_add_one(void *state, void *result)
{
    (void)result;
    return *(int32_t *)state + 1;
}

static int32_t compute(void *arg)
{
    static const struct rv_callable_ops ops = {.name = "add_one",
                                               .call = call_add_one,
                                               .state_bytes = sizeof(int32_t)};
    struct rv_callable *callable;
    struct rv_cpu job;
    int32_t value = 41;
    int32_t result;

    (void)arg;
    TASK_CHECK(rv_callable_new(&callable, &ops, &value) == 0);
    rv_cpu_init(&job, callable);
    result = rv_await(&job.future);
    rv_drop(&job.future);
    return result;
}

RV_TEST(go, tasks_have_jobs_computed)
{
    cr_assert_eq(run_once(SCHED_WORKERS, compute, NULL), 42);
}

/* --- an overflow ------------------------------------------------------- */

/* Far more levels than the stack has room for. */
static volatile int levels = 1 << 30;

static int32_t recurse(void *arg)
{
    volatile char room[100];

    room[0] = 1;
    return levels-- ? recurse(arg) + room[0] : 0;
}

static int32_t one_recurses(void *arg)
{
    static struct rv_go tasks[1000];

    for (int i = 0; i < 1000; i++)
        if (i == 637)
            TASK_CHECK(rv_go_named(&tasks[i], "task-637", recurse, arg) == 0);
        else
            TASK_CHECK(rv_go(&tasks[i], yield_until, arg) == 0);
    for (int i = 0; i < 1000; i++)
        TASK_CHECK(rv_go_join(&tasks[i]) == 0);
    return 0;
}

static void overflow_one(void)
{
    const struct rv_sched_options options = {.workers = SCHED_WORKERS,
                                             .stack_bytes = 16 * 1024};
    struct rv_sched *sched;
    _Atomic int never = 0;

    rv_coro_report_overflow();
    if (rv_sched_start(&sched, &options) == 0)
        rv_sched_run(sched, one_recurses, &never);
}

RV_TEST(go, an_overflow_in_one_of_a_thousand_tasks_names_it)
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
        overflow_one();
        _exit(0);
    }
    close(fds[1]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_geq(read(fds[0], said, sizeof said - 1), 0);
    close(fds[0]);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    cr_assert_str_eq(said, "reveil: coroutine task-637 overflowed its stack "
                           "of 16384 bytes\n");
}

/* --- without memory ---------------------------------------------------- */

static int scenario(void *arg)
{
    struct rv_sched *sched;
    int result;

    (void)arg;
    result = rv_sched_start(
        &sched, &(struct rv_sched_options){.workers = SCHED_WORKERS});
    if (result < 0)
        return result;
    result = rv_sched_run(sched, join_some, NULL);
    rv_sched_stop(sched);
    return result;
}

RV_TEST(go, without_memory_nothing_is_left_behind)
{
    rv_fail_each_alloc(scenario, NULL);
}

/* --- two schedulers ---------------------------------------------------- */

static int32_t nap_then_seven(void *arg)
{
    (void)arg;
    return sleep_ms(30) < 0 ? -1 : 7;
}

static int32_t join_in_the_other(void *arg)
{
    const struct rv_sched *self = rv_sched_current();
    struct rv_go task;

    TASK_CHECK(rv_sched_go(arg, &task, "there", nap_then_seven, NULL) == 0);
    TASK_CHECK(rv_go_join(&task) == 7);
    TASK_CHECK(rv_sched_current() == self);
    return 0;
}

RV_TEST(go, a_task_joins_one_of_another_scheduler_and_stays_in_its_own)
{
    struct rv_sched *here = start_sched(SCHED_WORKERS);
    struct rv_sched *there = start_sched(SCHED_WORKERS);

    cr_assert_eq(rv_sched_run(here, join_in_the_other, there), 0);
    cr_assert_null(rv_sched_deadlock(here));
    rv_sched_stop(here);
    rv_sched_stop(there);
}

/* --- idle -------------------------------------------------------------- */

static _Atomic bool is_asleep;

static int32_t sleep_a_while(void *arg)
{
    (void)arg;
    is_asleep = true;
    return sleep_ms(500);
}

static void *run_sleeper(void *sched)
{
    cr_assert_eq(rv_sched_run(sched, sleep_a_while, NULL), 0);
    return NULL;
}

/* While all tasks sleep, no worker wakes up to check. What the workers do on
 * their way to sleep does not count: on a busy machine they yield often. */
RV_TEST(go, idle_workers_use_no_cpu)
{
    struct rv_sched *sched = start_sched(4);
    pthread_t thread;
    uint64_t stops;

    cr_assert_eq(rv_sched_run(sched, join_some, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, run_sleeper, sched), 0);
    while (!is_asleep)
        sched_yield();
    rv_test_wait_for_sleep();
    stops = rv_test_stops();
    usleep(200000);
    stops = rv_test_stops() - stops;
    cr_assert_lt(stops, 20, "%lu stops", (unsigned long)stops);
    pthread_join(thread, NULL);
    rv_sched_stop(sched);
}
