/* SPDX-License-Identifier: MIT */
/*
 * probe.c - the recorder in a check build, and its main().
 *
 * The memory is the runner's (an inherited descriptor); /course/trace.py reads
 * it, also after a crash. A loop that repeats the same events is folded while
 * it is recorded: an event counts how many times it came.
 *
 * Threads: any; one spin lock orders the events.
 */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { THREADS = 64, FRAMES = 8, MAX_PERIOD = 12, REPEATS = 6 };

/* Locks of a thread of which it is known where they were taken. */
enum { HELD = 4 };

/* Frames of a place that is looked for once: of a call, of a crash. */
enum { NEAR = 16, DEEP = 64 };

/* Of a crash: registers, the begin of the memory map, code and stack there. */
enum { REGISTERS = 23, MAP_BYTES = 32768, CODE_BYTES = 16, WORDS = 16 };

enum { STACKS = 32, FIGURES = 16 };

/* The calls whose place is kept: who ended, forked or stopped the program, who
 * closed a descriptor that was not open. */
enum { PLACE_END, PLACE_FORK, PLACE_SIGNAL, PLACE_CLOSE, PLACES };

/* What is counted beside the kinds of events. */
enum {
    COUNT_EPOLL_CTL = PROBE_KINDS,
    COUNT_ADD,
    COUNT_DELETE,
    COUNT_TWICE, /* EPOLL_CTL_ADD that failed with EEXIST */
    COUNT_READS, /* recv and read that brought bytes or the end */
    COUNT_FORKS,
    COUNT_SPINS,        /* epoll_wait and poll with a time-out of 0 */
    COUNT_SLEPT,        /* ms of naps, as they were asked for */
    COUNT_ALARM,        /* 1: setitimer() or alarm() is armed */
    COUNT_CLOSED_TWICE, /* close() that failed with EBADF */
    COUNT_TIMED,        /* waits with a time-out */
    COUNTERS = 96
};

struct probe_record {
    int64_t time_ns;
    uint16_t kind;
    uint16_t thread;
    int32_t task;
    int32_t source;
    int32_t fd;
    int64_t value;
    uint32_t times;
    uint32_t call : 24;  /* points of the sweep in its thread so far */
    uint32_t period : 8; /* in a fold: how many records repeat together */
    uint64_t pc[FRAMES];
};

struct probe_thread_row {
    int32_t tid;
    uint32_t calls; /* points of the sweep so far */
    char name[24];
    uint64_t blocked_since; /* 0: not in a call that waits */
    char blocked_in[24];
    uint64_t blocked_pc[FRAMES];
    uint32_t delayed;
    uint32_t ended;
    uint32_t parking; /* in park(), and not yet seen to sleep */
    uint32_t late_ms; /* of the delay: the others waited for a processor */
    char delayed_in[24];
    uint64_t delayed_pc[FRAMES];
    uint64_t seen; /* the runner asked where it is, and this is the answer */
    uint64_t seen_pc[NEAR];
    uint64_t wanted; /* the lock that it waits for */
    struct {
        uint64_t lock; /* 0: none */
        uint64_t pc[FRAMES];
    } held[HELD];
};

struct probe_memory {
    uint32_t key;      /* until the program starts: see take_key() */
    uint32_t finished; /* the key: the case has ended by itself */
    int32_t status;
    uint32_t count;
    uint32_t capacity;
    uint32_t dropped;
    uint32_t threads;
    uint32_t failed;
    int32_t crash_signal;
    uint32_t crash_thread;
    uint64_t crash_address;
    uint64_t crash_stack;
    uint64_t crash_pc[DEEP];
    uint64_t crash_registers[REGISTERS]; /* as in ucontext */
    int64_t crash_code;                  /* si_code */
    uint8_t crash_bytes[CODE_BYTES];     /* at the program counter */
    uint64_t crash_words[WORDS];         /* from WORDS / 2 below the stack */
    uint64_t places[PLACES][NEAR];
    uint64_t own_counts[COUNTERS]; /* of calls that the lesson's code makes */
    uint64_t counts[COUNTERS];
    char fail_cause[96];
    char fail_key[64];
    int64_t fail_values[3];
    struct probe_thread_row rows[THREADS];
    char stuck_cause[96]; /* what a standstill would mean now */
    char stuck_key[64];
    int64_t stuck_values[3];
    struct {
        char name[32];
        uint64_t base, size;
    } stacks[STACKS];
    struct {
        char name[32];
        int64_t value;
    } figures[FIGURES];
    char crash_map[MAP_BYTES];
    uint64_t padding[8];
    struct probe_record records[];
};

static struct probe_memory *memory; /* NULL: nothing is recorded */
static pid_t owner;
static atomic_flag record_lock = ATOMIC_FLAG_INIT;
static atomic_bool polls_off, spurious_wakes;

/* The fold: records[base, base + period) repeat, the next is at `at`. */
static uint32_t fold_base, fold_period, fold_at;

static _Thread_local struct {
    unsigned index; /* of its row, from 1; 0: no row yet */
    unsigned quiet;
    unsigned long sleeps;
    int locks;             /* mutexes it holds */
    bool woken_spuriously; /* it has had its wake-up for nothing */
    uintptr_t stack_top;
} self;

static struct {
    int port;
    const char *nonce;
    unsigned long seed, state;
    atomic_ulong paths;
    const char *delay_thread;
    unsigned long delay_call;
    long delay_ms;
    char **args;
    int arg_count;
} setting = {.nonce = "none", .state = 1};

int probe_lesson_main(int argc, char **argv);
extern const struct probe_case_row probe_case_rows[];

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#define HERE __builtin_frame_address(0)

/* --- who calls --------------------------------------------------------- */

/* The return addresses above a frame: its caller's line, and theirs. */
static void walk_far(const void *frame, uint64_t *pc, int count)
{
    const uintptr_t *at = frame;

    for (int i = 0; i < count; i++) {
        const uintptr_t next = at ? at[0] : 0;

        pc[i] = at ? at[1] : 0;
        at = next > (uintptr_t)at && next < self.stack_top && next % 8 == 0
                 ? (const uintptr_t *)next
                 : NULL;
    }
}

static void walk(const void *frame, uint64_t *pc)
{
    walk_far(frame, pc, FRAMES);
}

/* The frames of the calling signal handler, of what it has interrupted, and so
 * on: by the tables for exceptions, so that calls into the C library, which
 * keeps no frame pointers, are no obstacle. Returns: how many. */
static int unwind(uint64_t *pc, int count)
{
    void *frames[DEEP];
    const int found = backtrace(frames, count < DEEP ? count : DEEP);

    for (int i = 0; i < found; i++)
        pc[i] = (uintptr_t)frames[i];
    return found;
}

/* Threads that clone() has started without the C library have no place of
 * their own for `self`: they are known by their stacks. */
enum { BARE = 8 };

static struct {
    uintptr_t base, size;
    unsigned index, quiet;
    char signal_stack[32768];
} bare[BARE];
static atomic_uint bare_count;

static bool is_on(const void *address, uintptr_t base, uintptr_t size)
{
    return (uintptr_t)address - base < size;
}

/* Whose stack this address is of, from 0; -1: of a thread with a `self`. */
static int bare_of(const void *address)
{
    const unsigned count = bare_count;

    for (unsigned i = 0; i < count && i < BARE; i++)
        if (is_on(address, bare[i].base, bare[i].size) ||
            is_on(address, (uintptr_t)bare[i].signal_stack,
                  sizeof(bare[i].signal_stack)))
            return (int)i;
    return -1;
}

/* The calling thread's own: what `self` has is of the thread that started it,
 * which may be in the middle of something that is not recorded. */
static unsigned *own_quiet(void)
{
    const int i = bare_of(HERE);

    return i < 0 ? &self.quiet : &bare[i].quiet;
}

static bool recording(void)
{
    return memory && !*own_quiet();
}

/* The row of the thread that uses this address of a stack; from 1, 0: none. */
static unsigned row_of_stack(const void *address)
{
    const int i = bare_of(address);

    return i < 0 ? self.index : bare[i].index;
}

static unsigned own_index(void)
{
    return row_of_stack(HERE);
}

static struct probe_thread_row *row(void)
{
    const unsigned index = own_index();

    return &memory->rows[index ? index - 1 : 0];
}

static void new_row(const char *name)
{
    unsigned index;

    if (!memory || self.index)
        return;
    index = __atomic_add_fetch(&memory->threads, 1, __ATOMIC_RELAXED);
    self.index = index <= THREADS ? index : THREADS;
    row()->tid = (int32_t)syscall(SYS_gettid);
    if (name)
        snprintf(row()->name, sizeof(row()->name), "%s", name);
    else
        snprintf(row()->name, sizeof(row()->name), "thread%u", self.index);
}

static void open_memory(int fd);

/* The descriptor of the memory, as the command line says; -1: it says none. */
static int memory_fd(void)
{
    static char text[4096];
    const long file = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline",
                              O_RDONLY | O_CLOEXEC);
    ssize_t length = 0;
    bool wanted = false;

    if (file < 0)
        return -1;
    length = syscall(SYS_read, file, text, sizeof(text) - 1);
    syscall(SYS_close, file);
    for (const char *at = text; at < text + length; at += strlen(at) + 1) {
        if (strcmp(at, "--") == 0)
            return -1;
        if (wanted)
            return atoi(at);
        wanted = strcmp(at, "--shm") == 0;
    }
    return -1;
}

/* A constructor of the program's runs before main(). */
static void open_early(void)
{
    const int fd = memory ? -1 : memory_fd();

    if (fd < 0)
        return;
    open_memory(fd);
    new_row("main");
}

static uint32_t end_key;

/* The program shares the memory with us: who only knows how it is laid out
 * cannot say in it that the case is over. */
__attribute__((constructor(101))) static void take_key(void)
{
    const uint32_t none = 0;
    const int fd = memory_fd();

    if (fd >= 0 && syscall(SYS_pread64, fd, &end_key, sizeof(end_key), 0) > 0)
        syscall(SYS_pwrite64, fd, &none, sizeof(none), 0);
}

/* Keep where this call was made; the first. */
static void keep_place(const void *frame, int which)
{
    open_early();
    if (memory && getpid() == owner && !memory->places[which][0])
        walk_far(frame, memory->places[which], NEAR);
}

/* --- records ----------------------------------------------------------- */

static void lock_records(void)
{
    unsigned spins = 0;

    while (
        atomic_flag_test_and_set_explicit(&record_lock, memory_order_acquire))
        if (++spins % 64 == 0)
            syscall(SYS_sched_yield);
}

static bool same(const struct probe_record *a, const struct probe_record *b)
{
    return a->kind == b->kind && a->thread == b->thread && a->fd == b->fd &&
           a->task == b->task && a->source == b->source &&
           a->value == b->value && a->pc[0] == b->pc[0];
}

/* The period that the last records repeat, or 0. */
static uint32_t find_period(void)
{
    const struct probe_record *end = memory->records + memory->count;

    for (uint32_t period = 1; period <= MAX_PERIOD; period++) {
        uint32_t i = 1;

        if (memory->count < period * REPEATS)
            return 0;
        while (i <= period * (REPEATS - 1) && same(end - i, end - i - period))
            i++;
        if (i > period * (REPEATS - 1))
            return period;
    }
    return 0;
}

static void append(const struct probe_record *record)
{
    if (fold_period) {
        struct probe_record *next = &memory->records[fold_base + fold_at];

        if (same(next, record)) {
            next->times++;
            fold_at = (fold_at + 1) % fold_period;
            return;
        }
        fold_period = 0;
    }
    if (memory->count == memory->capacity) {
        memory->dropped++;
        return;
    }
    memory->records[memory->count++] = *record;
    fold_period = find_period();
    if (!fold_period)
        return;
    fold_at = 0;
    fold_base = memory->count - fold_period * REPEATS;
    memory->count = fold_base + fold_period;
    for (uint32_t i = 0; i < fold_period; i++) {
        memory->records[fold_base + i].times = REPEATS;
        memory->records[fold_base + i].period = (uint8_t)fold_period;
    }
}

#ifdef WITH_LIBRARY
/* The linker's: the code of the lesson and of check.c, and that of this file;
 * what is in neither is the library's. */
extern const char __start_probe_own[], __stop_probe_own[];
extern const char __start_probe_recorder[], __stop_probe_recorder[];

/* Whether the lesson's code has made this call, which may have gone through
 * other functions of this file. */
static bool is_own(const void *frame)
{
    const uintptr_t *at = frame;

    for (int i = 0; i < FRAMES && at[1]; i++) {
        const char *pc = (const char *)at[1];

        if (pc > __start_probe_own && pc <= __stop_probe_own)
            return true;
        if (pc < __start_probe_recorder || pc > __stop_probe_recorder)
            return false;
        at = (const uintptr_t *)at[0];
    }
    return false;
}
#else
static bool is_own(const void *frame)
{
    (void)frame;
    return true;
}
#endif

/* What the library does inside and a lesson is never about. */
static bool is_inside(int kind)
{
    return kind == PROBE_READ || kind == PROBE_WRITE || kind == PROBE_SLEEP ||
           kind == PROBE_BLOCK;
}

static void record(const void *frame, int kind, long task, long source, int fd,
                   long value)
{
    const bool own = is_own(frame);
    struct probe_record one = {
        .kind = (uint16_t)kind,
        .task = (int32_t)task,
        .source = (int32_t)source,
        .fd = fd,
        .value = value,
        .times = 1,
    };
    const int saved = errno;

    if (!recording() || (!own && is_inside(kind)))
        return;
    new_row(NULL);
    one.thread = (uint16_t)own_index();
    one.call = row()->calls & 0xffffff;
    walk(frame, one.pc);
    lock_records();
    memory->counts[kind]++;
    memory->own_counts[kind] += own;
    one.time_ns = now_ns();
    append(&one);
    atomic_flag_clear_explicit(&record_lock, memory_order_release);
    errno = saved;
}

static void count(const void *frame, int what)
{
    if (!recording())
        return;
    __atomic_add_fetch(&memory->counts[what], 1, __ATOMIC_RELAXED);
    if (is_own(frame))
        __atomic_add_fetch(&memory->own_counts[what], 1, __ATOMIC_RELAXED);
}

/* --- the API ----------------------------------------------------------- */

static void point_at(const void *frame, const char *name); /* calls.c */

void probe_event(enum probe_kind kind, long task, long source, long value)
{
    if (kind >= PROBE_POLL && kind <= PROBE_PENDING && polls_off)
        return;
    if (kind >= PROBE_PARK && kind <= PROBE_AWAKE && recording()) {
        new_row(NULL);
        row()->parking = kind == PROBE_PARK;
        if (kind == PROBE_PARK) {
            /* The moment before park() looks for its permit, whatever calls it
             * makes, is one for the sweep's delay. begin_wait() records the
             * event, where the thread sleeps. */
            point_at(HERE, "park");
            return;
        }
    }
    record(HERE, kind, task, source, -1, value);
}

unsigned long probe_count(enum probe_kind kind)
{
    return memory ? __atomic_load_n(&memory->counts[kind], __ATOMIC_RELAXED)
                  : 0;
}

unsigned long probe_own_count(enum probe_kind kind)
{
    return memory ? __atomic_load_n(&memory->own_counts[kind], __ATOMIC_RELAXED)
                  : 0;
}

/* The row of a figure of the lesson's, a new one the first time. */
static int64_t *figure(const char *name)
{
    for (int i = 0; i < FIGURES; i++) {
        if (!memory->figures[i].name[0])
            snprintf(memory->figures[i].name, sizeof(memory->figures[i].name),
                     "%s", name);
        if (strcmp(memory->figures[i].name, name) == 0)
            return &memory->figures[i].value;
    }
    abort(); /* more than FIGURES of them */
}

void probe_figure(const char *name, long value)
{
    if (!memory)
        return;
    lock_records();
    *figure(name) = value;
    atomic_flag_clear_explicit(&record_lock, memory_order_release);
}

void probe_figure_add(const char *name, long value)
{
    if (!memory)
        return;
    lock_records();
    *figure(name) += value;
    atomic_flag_clear_explicit(&record_lock, memory_order_release);
}

void probe_reset(void)
{
    if (!memory)
        return;
    lock_records();
    memset(memory->counts, 0, sizeof(memory->counts));
    memset(memory->own_counts, 0, sizeof(memory->own_counts));
    atomic_flag_clear_explicit(&record_lock, memory_order_release);
}

void probe_point(const char *name)
{
    point_at(HERE, name);
}

void probe_thread(const char *name)
{
    new_row(name);
    if (memory)
        snprintf(row()->name, sizeof(row()->name), "%s", name);
}

void probe_quiet(bool quiet)
{
    *own_quiet() += quiet ? 1U : -1U;
}

void probe_checker_polls(bool counted)
{
    polls_off = !counted;
}

unsigned long probe_sleeps(void)
{
    return self.sleeps;
}

int probe_locks_held(void)
{
    return self.locks;
}

void probe_spurious_wakes(void)
{
    spurious_wakes = true;
}

/* What must stay the same while a thread sleeps; 0: it does not. */
static unsigned long switches_asleep(const char *tid)
{
    char path[300], line[128];
    unsigned long all = 1, count;
    bool asleep = false;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        asleep |= strncmp(line, "State:\tS", 8) == 0;
        if (strstr(line, "ctxt_switches:") &&
            sscanf(strchr(line, ':') + 1, "%lu", &count) == 1)
            all += count;
    }
    if (file)
        fclose(file);
    return asleep || !file ? all : 0;
}

/* The sum over all other threads; 0: one of them does not sleep. */
static unsigned long all_asleep(void)
{
    DIR *const tasks = opendir("/proc/self/task");
    unsigned long sum = 0, one = 1;
    struct dirent *entry;
    char own[64] = "";

    /* The number in /proc, which may be of another namespace than gettid()'s:
     * "PID/task/TID". */
    (void)!readlink("/proc/thread-self", own, sizeof(own) - 1);

    while (tasks && one && (entry = readdir(tasks))) {
        if (entry->d_name[0] == '.' ||
            strcmp(entry->d_name,
                   strrchr(own, '/') ? strrchr(own, '/') + 1 : own) == 0)
            continue;
        one = switches_asleep(entry->d_name);
        sum += one;
    }
    if (tasks)
        closedir(tasks);
    return one ? sum : 0;
}

void probe_wait_till_asleep(void)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    unsigned long before = 0, now;

    probe_quiet(true);
    while (!(now = all_asleep()) || now != before) {
        before = now;
        nanosleep(&pause, NULL);
    }
    probe_quiet(false);
}

int probe_port(void)
{
    return setting.port;
}

const char *probe_nonce(void)
{
    return setting.nonce;
}

unsigned long probe_seed(void)
{
    return setting.seed;
}

unsigned long probe_random(unsigned long n)
{
    /* xorshift64*; the same on every machine. */
    setting.state ^= setting.state >> 12;
    setting.state ^= setting.state << 25;
    setting.state ^= setting.state >> 27;
    return n ? setting.state * 2685821657736338717UL % n : 0;
}

const char *probe_path_of(const char *kind)
{
    const size_t size = strlen(kind) + strlen(setting.nonce) + 32;
    char *path = malloc(size);

    if (!path)
        abort();
    snprintf(path, size, "%s/%s-%lu", kind, setting.nonce, ++setting.paths);
    return path;
}

const char *probe_path(int ms)
{
    char kind[16];

    snprintf(kind, sizeof(kind), "/%d", ms);
    return probe_path_of(kind);
}

/* Without a place: the case is over. */
static _Noreturn void leave(int status);
static _Noreturn void leave_by_exit(int status);

static void note_end(int status)
{
    fflush(NULL);
    if (memory && getpid() == owner) {
        record(HERE, PROBE_END, -1, -1, -1, status);
        memory->status = status;
        __atomic_store_n(&memory->finished, end_key, __ATOMIC_SEQ_CST);
    }
}

static _Noreturn void finish(int status)
{
    note_end(status);
    leave(status);
}

_Noreturn void probe_fail(const char *cause, const char *key, long a, long b,
                          long c)
{
    fflush(NULL);
    if (!memory) {
        fprintf(stderr, "probe: %s (%s: %ld, %ld, %ld)\n", cause, key, a, b, c);
        leave(9);
    }
    lock_records(); /* never unlocked: nothing comes after it */
    snprintf(memory->fail_cause, sizeof(memory->fail_cause), "%s", cause);
    snprintf(memory->fail_key, sizeof(memory->fail_key), "%s", key);
    memory->fail_values[0] = a;
    memory->fail_values[1] = b;
    memory->fail_values[2] = c;
    __atomic_store_n(&memory->failed, 1, __ATOMIC_SEQ_CST);
    leave(9);
}

void probe_if_stuck(const char *cause, const char *key, long a, long b, long c)
{
    if (!memory)
        return;
    lock_records();
    snprintf(memory->stuck_cause, sizeof(memory->stuck_cause), "%s",
             cause ? cause : "");
    snprintf(memory->stuck_key, sizeof(memory->stuck_key), "%s",
             key ? key : "");
    memory->stuck_values[0] = a;
    memory->stuck_values[1] = b;
    memory->stuck_values[2] = c;
    atomic_flag_clear_explicit(&record_lock, memory_order_release);
}

void probe_stack(const char *name, const void *base, unsigned long size)
{
    static atomic_uint count;
    const unsigned i = count++ % STACKS;

    if (!memory)
        return;
    snprintf(memory->stacks[i].name, sizeof(memory->stacks[i].name), "%s",
             name);
    memory->stacks[i].base = (uintptr_t)base;
    memory->stacks[i].size = size;
}

void probe_expect(bool holds, const char *cause, const char *key, long a,
                  long b, long c)
{
    if (!holds)
        probe_fail(cause, key, a, b, c);
}

int probe_run_main(const char *first, ...)
{
    char *args[256] = {(char *)(uintptr_t) "lesson"};
    int n = 1;
    va_list list;

    va_start(list, first);
    for (const char *arg = first; arg && n < 255; n++) {
        args[n] = (char *)(uintptr_t)arg;
        arg = va_arg(list, const char *);
    }
    va_end(list);
    return probe_lesson_main(n, args);
}

#include "atomic_points.c"
#include "calls.c"
#ifdef WITH_LIBRARY
#include "library.c"
#endif

/* --- crashes ----------------------------------------------------------- */

/* Copy memory that may not be there. Returns: whether it was. */
static bool peek(void *to, uintptr_t from, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)from, size};

    return syscall(SYS_process_vm_readv, getpid(), &here, 1L, &there, 1L, 0L) ==
           (long)size;
}

/* The map of the memory, as it is now. */
static void keep_map(void)
{
    const long file =
        syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    long length = 0, n;

    while (file >= 0 && length < MAP_BYTES - 1 &&
           (n = syscall(SYS_read, file, memory->crash_map + length,
                        MAP_BYTES - 1 - length)) > 0)
        length += n;
    if (file >= 0)
        syscall(SYS_close, file);
}

/* A call of NULL leaves its return address on top of the stack: behind a `call`
 * through a register or memory (0xff, 2 in the middle of the next byte). A
 * `ret` to 0 leaves none. Returns: whether there is one. */
static int caller_of_null(uintptr_t stack, uint64_t *caller)
{
    static const int lengths[] = {2, 3, 6}; /* of such a call */
    uint64_t address;
    uint8_t code[6];

    if (!peek(&address, stack, 8) ||
        !peek(code, address - sizeof(code), sizeof(code)))
        return 0;
    for (int i = 0; i < 3; i++) {
        const uint8_t *call = code + sizeof(code) - lengths[i];

        if (call[0] == 0xff && (call[1] & 0x38) == 0x10) {
            *caller = address;
            return 1;
        }
    }
    return 0;
}

/* Raw system calls only, and nothing of this thread's own but its number: it
 * may be a thread without any, see probe_bare_thread(). */
static void on_crash(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *state = context;
    uintptr_t pc = 0, stack = 0, frame = 0;
    int first = 1;

    ++*own_quiet();
#if defined(__x86_64__)
    pc = (uintptr_t)state->uc_mcontext.gregs[REG_RIP];
    stack = (uintptr_t)state->uc_mcontext.gregs[REG_RSP];
    frame = (uintptr_t)state->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
    pc = state->uc_mcontext.pc;
    stack = state->uc_mcontext.sp;
    frame = state->uc_mcontext.regs[29];
#endif
    if (memory && getpid() == owner && !memory->crash_signal) {
        memory->crash_signal = signal;
        memory->crash_thread = row_of_stack((const void *)stack);
        if (memory->crash_thread == self.index)
            memory->crash_thread = own_index(); /* by its signal stack */
        memory->crash_address = (uintptr_t)info->si_addr;
        memory->crash_stack = stack;
        memory->crash_code = info->si_code;
        memory->crash_pc[0] = pc + 1; /* as if it were a return address */
#if defined(__x86_64__)
        for (int i = 0; i < REGISTERS; i++)
            memory->crash_registers[i] = (uint64_t)state->uc_mcontext.gregs[i];
#endif
        /* A call of NULL has made no frame of its own. */
        if (pc == 0)
            first += caller_of_null(stack, &memory->crash_pc[first]);
        peek(memory->crash_bytes, pc, CODE_BYTES);
        for (int i = 0; i < WORDS; i++)
            peek(&memory->crash_words[i],
                 stack + 8 * (uintptr_t)i - 8 * (WORDS / 2), 8);
        keep_map();
        if (frame > stack && frame < self.stack_top && frame % 8 == 0)
            walk_far((const void *)frame, memory->crash_pc + first,
                     DEEP - first);
        /* Last: it may crash itself, where the stack is not what it should be.
         */
        if (!memory->crash_pc[first + 1] && stack < self.stack_top &&
            stack + (16UL << 20) > self.stack_top)
            unwind(memory->crash_pc + first, DEEP - first);
    }
    --*own_quiet();
    raise(signal); /* SA_RESETHAND: now it ends the process */
}

/* The runner asks where this thread is, before it ends the program. */
static void on_look(int signal)
{
    (void)signal;
    if (!memory || getpid() != owner || !self.index)
        return;
    unwind(row()->seen_pc, NEAR);
    __atomic_store_n(&row()->seen, 1, __ATOMIC_SEQ_CST);
}

/* So that a stack overflow can be told from another crash. */
static void own_signal_stack(void)
{
    const stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};

    if (stack.ss_sp)
        sigaltstack(&stack, NULL);
}

/* A row for a thread that is about to start on this stack. */
void probe_stack_of_thread(const char *name, const void *base,
                           unsigned long size)
{
    const unsigned i = bare_count;
    unsigned index;

    if (i >= BARE || !memory)
        return;
    probe_stack(name, base, size);
    bare[i].base = (uintptr_t)base;
    bare[i].size = size;
    index = __atomic_add_fetch(&memory->threads, 1, __ATOMIC_RELAXED);
    bare[i].index = index <= THREADS ? index : THREADS;
    snprintf(memory->rows[bare[i].index - 1].name, sizeof(memory->rows->name),
             "%s", name);
    bare_count = i + 1;
}

/* The newest registered stack that this address is on; -1: none. */
static int stack_at(const void *address)
{
    for (int k = STACKS - 1; k >= 0; k--)
        if (memory->stacks[k].size &&
            is_on(address, memory->stacks[k].base, memory->stacks[k].size))
            return k;
    return -1;
}

void probe_bare_thread(const char *name)
{
    const int k = memory ? stack_at(HERE) : -1;
    stack_t stack;

    if (k < 0)
        return;
    if (own_index() == self.index)
        probe_stack_of_thread(name, (const void *)memory->stacks[k].base,
                              memory->stacks[k].size);
    for (unsigned i = 0; i < bare_count; i++) {
        if (!is_on(HERE, bare[i].base, bare[i].size))
            continue;
        stack = (stack_t){.ss_sp = bare[i].signal_stack,
                          .ss_size = sizeof(bare[i].signal_stack)};
        syscall(SYS_sigaltstack, &stack, NULL);
        memory->rows[bare[i].index - 1].tid = (int32_t)syscall(SYS_gettid);
        snprintf(memory->rows[bare[i].index - 1].name,
                 sizeof(memory->rows->name), "%s", name);
    }
    record(HERE, PROBE_THREAD_START, -1, -1, -1, 0);
}

static void watch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS,  SIGILL,
                                  SIGFPE,  SIGABRT, SIGPIPE};
    struct sigaction action = {
        .sa_sigaction = on_crash,
        .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER,
    };
    const struct sigaction look = {
        .sa_handler = on_look,
        .sa_flags = SA_RESTART | SA_ONSTACK,
    };
    void *frame;

    own_signal_stack();
    backtrace(&frame, 1); /* it loads a library, the first time */
    sigaction(SIGURG, &look, NULL);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        sigaction(signals[i], &action, NULL);
}

/* --- main -------------------------------------------------------------- */

static void open_memory(int fd)
{
    struct probe_memory *shared;
    struct stat status;

    if (memory || fstat(fd, &status) < 0)
        return;
    shared = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE,
                  MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED)
        return;
    shared->capacity = (uint32_t)(((size_t)status.st_size - sizeof(*shared)) /
                                  sizeof(struct probe_record));
    owner = getpid();
    memory = shared; /* from now on everything is recorded */
}

/* "THREAD:CALL" or "THREAD:CALL+MS" */
static void set_delay(char *text)
{
    char *colon = strrchr(text, ':'), *end;

    if (!colon)
        return;
    *colon = '\0';
    setting.delay_thread = text;
    setting.delay_call = strtoul(colon + 1, &end, 10);
    setting.delay_ms = *end == '+' ? strtol(end + 1, NULL, 10) : DELAY_MS;
}

/* prog case:NAME [--port P] [--nonce N] [--seed S] [--delay T:N] [--shm FD]
 * [-- ARG...] */
int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    int i;

    for (i = 2; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--port") == 0)
            setting.port = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--nonce") == 0)
            setting.nonce = argv[i + 1];
        else if (strcmp(argv[i], "--seed") == 0)
            setting.seed = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--delay") == 0)
            set_delay(argv[i + 1]);
        else if (strcmp(argv[i], "--shm") == 0)
            open_memory(atoi(argv[i + 1]));
    }
    setting.state = setting.seed * 2654435769UL + 88172645463325252UL;
    self.stack_top = (uintptr_t)HERE + 64;
    new_row("main");
    watch_crashes();
    record(HERE, PROBE_THREAD_START, -1, -1, -1, 0);
#ifdef WITH_LIBRARY
    listen_to_library();
#endif
    if (strcmp(name, "case:plain") == 0) {
        argv[i < argc ? i : argc - 1] = (char *)(uintptr_t) "lesson";
        note_end(i = probe_lesson_main(argc - i, argv + i));
        leave_by_exit(i); /* as a return from main(): its handlers run */
    }
    for (const struct probe_case_row *one = probe_case_rows; one->name; one++)
        if (strncmp(name, "case:", 5) == 0 &&
            strcmp(name + 5, one->name) == 0) {
            one->run();
            finish(0);
        }
    fprintf(stderr, "probe: no case '%s'\n", name);
    leave(8);
}
