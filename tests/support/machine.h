/* SPDX-License-Identifier: MIT */
/*
 * machine.h - the features of this machine, asked of the kernel itself.
 *
 *     if (!machine_has_ring())
 *         cr_skip_test("no io_uring here");
 *     ...                      from here on the library has to use it
 *
 * Where the machine lacks the preferred way, the library takes another one and
 * works. So a test of the preferred way must find out by other means whether
 * the machine has it. No function here calls the library. Each one answers for
 * the current moment: after take_away() it returns false.
 *
 * Threads: any.
 */
#ifndef RV_TEST_MACHINE_H
#define RV_TEST_MACHINE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Sets of IORING_SETUP_ flags that a kernel accepts or not, best first. */
enum { MACHINE_SETUPS = 3 };

/* --- io_uring ---------------------------------------------------------- */

/* By number: an older kernel's header does not have them all. */
enum {
    MACHINE_SUBMIT_ALL = 1 << 7,
    MACHINE_COOP_TASKRUN = 1 << 8,
    MACHINE_TASKRUN_FLAG = 1 << 9,
    MACHINE_SINGLE_ISSUER = 1 << 12,
    MACHINE_DEFER_TASKRUN = 1 << 13,
};

enum { MACHINE_OPERATIONS = 64 };

/* The flags of the set `i`. */
static inline uint32_t machine_setup(uint32_t i)
{
    static const uint32_t setups[MACHINE_SETUPS] = {
        MACHINE_SUBMIT_ALL | MACHINE_TASKRUN_FLAG | MACHINE_SINGLE_ISSUER |
            MACHINE_DEFER_TASKRUN,
        MACHINE_SUBMIT_ALL | MACHINE_TASKRUN_FLAG | MACHINE_COOP_TASKRUN,
        0,
    };

    return setups[i];
}

/* Returns: a descriptor, or -1. */
static inline int machine_set_up(uint32_t flags, struct io_uring_params *params)
{
    *params = (struct io_uring_params){.flags = flags};
    return (int)syscall(SYS_io_uring_setup, 4, params);
}

/* Whether a ring with these flags can be set up. */
static inline bool machine_has_setup(uint32_t i)
{
    struct io_uring_params params;
    const int fd = machine_set_up(machine_setup(i), &params);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static inline bool machine_has_operations(int fd)
{
    static const uint8_t needed[] = {
        IORING_OP_NOP,   IORING_OP_READ,         IORING_OP_WRITE,
        IORING_OP_FSYNC, IORING_OP_STATX,        IORING_OP_OPENAT,
        IORING_OP_CLOSE, IORING_OP_ASYNC_CANCEL,
    };
    union {
        struct io_uring_probe head;
        char room[sizeof(struct io_uring_probe) +
                  MACHINE_OPERATIONS * sizeof(struct io_uring_probe_op)];
    } answer;

    memset(&answer, 0, sizeof answer);
    if (syscall(SYS_io_uring_register, fd, IORING_REGISTER_PROBE, &answer,
                MACHINE_OPERATIONS) < 0)
        return false;
    for (size_t i = 0; i < sizeof needed; i++)
        if (!(answer.head.ops[needed[i]].flags & IO_URING_OP_SUPPORTED))
            return false;
    return true;
}

/* Whether there is io_uring, with all features that files and the CPU pool
 * need. */
static inline bool machine_has_ring(void)
{
    const uint32_t features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP |
                              IORING_FEAT_SUBMIT_STABLE;
    struct io_uring_params params;
    const int fd = machine_set_up(0, &params);
    bool has;

    if (fd < 0)
        return false;
    has =
        (params.features & features) == features && machine_has_operations(fd);
    close(fd);
    return has;
}

/* Whether the tests shall run without a ring: RV_DISK=pool. */
static inline bool machine_wants_pool(void)
{
    const char *disk = getenv("RV_DISK");

    return disk && strcmp(disk, "pool") == 0;
}

/* ... and RV_DISK does not forbid it. */
static inline bool machine_wants_ring(void)
{
    return machine_has_ring() && !machine_wants_pool();
}

/* The reason to skip a test of the ring, if machine_wants_ring() is false. */
static inline const char *machine_why_no_ring(void)
{
    if (getenv("RV_TEST_SECCOMP"))
        return "this run takes io_uring away (RV_TEST_SECCOMP)";
    return machine_has_ring() ? "this run leaves files to the pool (RV_DISK)"
                              : "no io_uring on this machine";
}

/* Whether, with the best set, the kernel can be told not to signal the
 * eventfd. */
static inline bool machine_has_quiet_ring(void)
{
#if defined(__x86_64__)
    struct io_uring_params params;
    const int fd = machine_set_up(machine_setup(0), &params);

    if (fd >= 0)
        close(fd);
    return fd >= 0 && params.cq_off.flags != 0;
#else
    return false; /* see QUEUES-5 */
#endif
}

/* --- files and memory -------------------------------------------------- */

/* A file without a name; or -1. */
static inline int machine_unnamed_file(const char *directory)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/machine-XXXXXX", directory);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* Whether RWF_NOWAIT can read from the page cache of this directory's
 * filesystem. */
static inline bool machine_has_nowait(const char *directory)
{
    const int fd = machine_unnamed_file(directory);
    char byte = 'x';
    const struct iovec part = {&byte, 1};
    bool has;

    if (fd < 0)
        return false;
    has = write(fd, &byte, 1) == 1 && preadv2(fd, &part, 1, 0, RWF_NOWAIT) == 1;
    close(fd);
    return has;
}

/* MADV_GUARD_INSTALL: a guard page without a mapping of its own. */
static inline bool machine_has_guard(void)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool has;

    if (memory == MAP_FAILED)
        return false;
    has = madvise(memory, page_bytes, MADV_GUARD_INSTALL) == 0;
    munmap(memory, page_bytes);
    return has;
}

/* Whether a process may have this many mappings: vm.max_map_count. */
static inline long machine_max_mappings(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    long count = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%ld", &count) != 1)
        count = 0;
    fclose(file);
    return count;
}

/* --- the rest ---------------------------------------------------------- */

static inline bool machine_has_epoll_pwait2(void)
{
    const struct timespec none = {0};
    const int fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event;
    bool has;

    if (fd < 0)
        return false;
    has = epoll_pwait2(fd, &event, 1, &none, NULL) == 0;
    close(fd);
    return has;
}

/* Whether a socket can be bound to ::1. */
static inline bool machine_has_ipv6(void)
{
    const struct sockaddr_in6 addr = {.sin6_family = AF_INET6,
                                      .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has;

    if (fd < 0)
        return false;
    has = bind(fd, (const struct sockaddr *)&addr, sizeof addr) == 0;
    close(fd);
    return has;
}

/* The number of CPUs that this process may use; 0: more than a cpu_set_t
 * has. */
static inline uint32_t machine_cpus(void)
{
    cpu_set_t cpus;

    if (sched_getaffinity(0, sizeof cpus, &cpus) < 0)
        return 0;
    return (uint32_t)CPU_COUNT(&cpus);
}

/* Whether the library has assembly for threads and coroutines on this
 * processor. */
static inline bool machine_has_assembly(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

/* Whether it was built with ThreadSanitizer, which knows neither bare threads
 * nor the order that the kernel gives. */
static inline bool machine_is_thread_sanitized(void)
{
#if defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return false;
}

/* Whether this process runs under valgrind. */
static inline bool machine_is_valgrind(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[512];
    bool is = false;

    while (file && !is && fgets(line, sizeof line, file))
        is = strstr(line, "vgpreload_") != NULL;
    if (file)
        fclose(file);
    return is;
}

#endif /* RV_TEST_MACHINE_H */
