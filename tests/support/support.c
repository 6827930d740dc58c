/* SPDX-License-Identifier: MIT */
/*
 * support.c - see support.h.
 *
 * Threads: the one that runs the test.
 */
#include "support/support.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Defined if the program was built with AddressSanitizer. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* True in the process of a test. In Criterion's own process the sanitizer
 * sometimes reports a leak of 48 bytes of libcriterion. */
static bool in_test;

int __lsan_is_turned_off(void);

/* The sanitizer calls it before each search for leaks. */
int __lsan_is_turned_off(void)
{
    return !in_test;
}

#ifdef RV_TEST_COVERAGE
/*
 * Criterion, and the children that tests fork, end with _exit(), before which
 * gcov would not write its counts. The dynamic linker finds this definition
 * before the one of libc.
 */
void __gcov_dump(void);

_Noreturn void _exit(int status)
{
    __gcov_dump();
    for (;;)
        syscall(SYS_exit_group, status);
}

_Noreturn void _Exit(int status)
{
    _exit(status);
}
#endif

/* --- threads ----------------------------------------------------------- */

/* For one thread: add its stops. Returns: whether it sleeps, or has ended. */
static bool look_at_thread(const char *tid, uint64_t *stops)
{
    unsigned long long switches;
    char path[64];
    char line[256];
    char state = 'X';
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", tid);
    file = fopen(path, "re");
    if (!file)
        return true;
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "State: %c", &state);
        if (sscanf(line, "voluntary_ctxt_switches: %llu", &switches) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %llu", &switches) == 1)
            *stops += switches;
    }
    fclose(file);
    return state != 'R' && state != 'D';
}

/* Returns: whether all threads but the caller are asleep. */
static bool look_at_others(uint64_t *stops)
{
    DIR *folder = opendir("/proc/self/task");
    const long own = syscall(SYS_gettid);
    struct dirent *entry;
    bool asleep = true;

    *stops = 0;
    cr_assert_not_null(folder);
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.' && atol(entry->d_name) != own)
            asleep &= look_at_thread(entry->d_name, stops);
    closedir(folder);
    return asleep;
}

/*
 * Before a fork: give the other threads time to fall asleep. The allocator of
 * AddressSanitizer does not release its locks in a child: if one of them was
 * locked, the child's first allocation of that size never returned. A thread
 * that never sleeps is not waited for longer.
 */
static void let_others_sleep(void)
{
    enum { ROUNDS = 200, PAUSE_US = 1000 };
    uint64_t before;
    uint64_t stops;

    if (!in_test || !__lsan_do_recoverable_leak_check)
        return;
    for (int round = 0; round < ROUNDS; round++) {
        if (look_at_others(&before) && look_at_others(&stops) &&
            stops == before)
            return;
        usleep(PAUSE_US);
    }
}

/* --- children ---------------------------------------------------------- */

/* Criterion runs each test in a session of its own, and ends it with itself;
 * of the children of the test it knows nothing. */
static pid_t parent;

static void remember_parent(void)
{
    parent = getpid();
    let_others_sleep();
}

static void end_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it had ended before */
        _exit(1);
}

__attribute__((constructor)) static void end_children_with_tests(void)
{
    pthread_atfork(remember_parent, NULL, end_with_parent);
}

/* --- a runtime --------------------------------------------------------- */

int rv_test_runtime_start(struct rv_runtime **out)
{
    struct rv_runtime_options options = {.reactor = RV_REACTOR_THREAD};
    const char *mode = getenv("RV_TEST_REACTOR");

    if (mode && strcmp(mode, "fused") == 0)
        options.reactor = RV_REACTOR_FUSED;
    return rv_runtime_start_with(out, &options);
}

/* --- what a process has ------------------------------------------------ */

/* The number of entries of a folder. */
static uint32_t count_entries(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    uint32_t count = 0;

    cr_assert_not_null(folder, "%s: %s", path, strerror(errno));
    while ((entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

uint32_t rv_test_fds(void)
{
    return count_entries("/proc/self/fd") - 1; /* the one that lists them */
}

uint32_t rv_test_threads(void)
{
    return count_entries("/proc/self/task");
}

void rv_test_wait_for_threads(uint32_t count)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);

    /* pthread_join() returns a little before the kernel has removed the
     * thread. */
    while (rv_test_threads() != count && rv_now_ns() < limit_ns)
        sched_yield();
    cr_assert_eq(rv_test_threads(), count, "%u threads instead of %u",
                 rv_test_threads(), count);
}

uint64_t rv_test_stops(void)
{
    uint64_t stops;

    look_at_others(&stops);
    return stops;
}

void rv_test_wait_for_sleep(void)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
    uint64_t stops;

    while (!look_at_others(&stops)) {
        cr_assert_lt(rv_now_ns(), limit_ns, "a thread does not sleep");
        sched_yield();
    }
}

void rv_test_run(void (*body)(void))
{
    const uint32_t fds = rv_test_fds();
    const uint32_t threads = rv_test_threads();

    in_test = true;
    body();
    cr_assert_eq(rv_test_fds(), fds, "left: %d descriptors",
                 (int)rv_test_fds() - (int)fds);
    rv_test_wait_for_threads(threads);
    if (__lsan_do_recoverable_leak_check)
        cr_assert_eq(__lsan_do_recoverable_leak_check(), 0,
                     "left: memory, as the sanitizer says above");
}

void *rv_test_zeros(size_t size_bytes)
{
    void *zeros = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(zeros, MAP_FAILED);
    return zeros;
}

/* --- waiting, with an end ---------------------------------------------- */

struct limited {
    struct rv_future future;
    struct rv_future *child; /* the caller's */
    struct rv_sleep limit;
};

static enum rv_poll limited_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct limited *self = RV_CONTAINER_OF(future, struct limited, future);

    if (rv_poll(self->child, cx) == RV_READY)
        future->result = self->child->result;
    else if (rv_poll(&self->limit.future, cx) == RV_READY)
        future->result = -ETIMEDOUT;
    else
        return RV_PENDING;
    return RV_READY;
}

static const struct rv_future_ops limited_ops = {.name = "limited",
                                                 .poll = limited_poll};

int rv_test_block_on(struct rv_executor *executor, struct rv_future *future)
{
    struct limited limited = {.child = future};
    int result;

    rv_future_init(&limited.future, &limited_ops);
    rv_sleep_init(&limited.limit, rv_after_ms(RV_TEST_WAIT_MS));
    result = rv_block_on(executor, &limited.future);
    rv_drop(&limited.limit.future);
    return result;
}

/* --- misuse ------------------------------------------------------------ */

/* The child's side: no core file, stderr into the pipe, then run. */
_Noreturn static void run_misuse(void (*misuse)(void), const int fds[2])
{
    const struct rlimit none = {0};

    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    dup2(fds[1], STDERR_FILENO);
    close(fds[0]);
    misuse();
    _exit(0);
}

static void read_to_end(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
}

void rv_test_aborts(void (*misuse)(void), const char *text)
{
    char said[1024];
    int status;
    int fds[2];
    pid_t child;

    cr_assert_eq(pipe(fds), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        run_misuse(misuse, fds);
    close(fds[1]);
    read_to_end(fds[0], said, sizeof said);
    close(fds[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
              "no abort: wait status %#x, stderr \"%s\", not \"%s\"",
              (unsigned)status, said, text);
    cr_assert_not_null(strstr(said, text), "stderr \"%s\" lacks \"%s\"", said,
                       text);
}

/* --- a task without an executor ---------------------------------------- */

void rv_probe_init(struct rv_probe *probe)
{
    probe->queue = rv_ready_new(sizeof *probe->slot);
    cr_assert_not_null(probe->queue);
    probe->slot = rv_ready_alloc(probe->queue);
    cr_assert_not_null(probe->slot);
    probe->id = probe->slot->id;
}

void rv_probe_retire(struct rv_probe *probe)
{
    if (probe->slot)
        rv_ready_retire(probe->queue, probe->slot);
    probe->slot = NULL;
}

void rv_probe_fini(struct rv_probe *probe)
{
    rv_probe_retire(probe);
    rv_ready_put(probe->queue);
}

struct rv_cx rv_probe_cx(const struct rv_probe *probe)
{
    return (struct rv_cx){.waker = {probe->queue, probe->id}};
}

struct rv_waker rv_probe_waker(const struct rv_probe *probe)
{
    const struct rv_cx cx = rv_probe_cx(probe);

    return rv_waker_clone(&cx.waker);
}

bool rv_probe_take(struct rv_probe *probe)
{
    return rv_ready_batch(probe->queue) && rv_ready_take(probe->queue);
}

bool rv_probe_wait(struct rv_probe *probe)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);

    while (!rv_probe_take(probe))
        if (!rv_parker_park(rv_ready_parker(probe->queue), limit_ns))
            return rv_probe_take(probe);
    return true;
}
