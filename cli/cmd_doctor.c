/* SPDX-License-Identifier: MIT */
/*
 * cmd_doctor.c - `reveil doctor`: reports which kernel features the runtime can
 * use here, and how files are read and written as a result.
 *
 * Each check makes the system call that the library makes, and prints what the
 * library does if the call fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../examples/program.h"
#include "cli/cli.h"
#include "ring/queues.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static const char help[] =
    "usage: reveil doctor [OPTION...]\n"
    "\n"
    "Prints whether file operations on this machine use io_uring or the\n"
    "blocking pool, and why; and which other kernel features are available, "
    "or\n"
    "what replaces them.\n"
    "\n"
    "  --json             print the same as JSON\n"
    "\n"
    "Exits with 0 if files go through the ring, with 1 if not.\n";

enum { NAME_BYTES = 24, TEXT_BYTES = 160, CHECKS_MAX = 16 };

struct check {
    char name[NAME_BYTES];
    bool ok;
    char text[TEXT_BYTES];
};

struct report {
    bool ring; /* file operations use it */
    char why[TEXT_BYTES];
    struct check checks[CHECKS_MAX];
    int len;
};

__attribute__((format(printf, 4, 5))) static void
add(struct report *report, const char *name, bool ok, const char *format, ...)
{
    struct check *check = &report->checks[report->len++];
    va_list args;

    snprintf(check->name, sizeof check->name, "%s", name);
    check->ok = ok;
    va_start(args, format);
    vsnprintf(check->text, sizeof check->text, format, args);
    va_end(args);
}

/* Returns: the number in a file of /proc; -1 if there is none. */
static long number_in(const char *path)
{
    FILE *file = fopen(path, "re");
    long number = -1;

    if (file && fscanf(file, "%ld", &number) != 1)
        number = -1;
    if (file)
        fclose(file);
    return number;
}

/* --- the disk ---------------------------------------------------------- */

/* Returns: the meaning of an error of io_uring_setup(). */
static const char *setup_error(int error)
{
    switch (error) {
    case -ENOSYS:
        return "not in the kernel, or hidden by a sandbox (ENOSYS)";
    case -EPERM:
        return number_in("/proc/sys/kernel/io_uring_disabled") > 0
                   ? "forbidden by the setting kernel.io_uring_disabled (EPERM)"
                   : "forbidden, probably by a sandbox (EPERM)";
    case -EOPNOTSUPP:
        return "too old: an operation or a feature is missing";
    case -ENOMEM:
        return "no memory; before Linux 5.12 see the limit memlock (ENOMEM)";
    default:
        return strerror(-error);
    }
}

static void check_flags(struct report *report, const struct rv_queues *queues)
{
    const char *text;
    uint32_t flags;

    for (uint32_t i = 0; rv_queues_setup(i, &flags, &text); i++) {
        if (flags != queues->setup_flags)
            continue;
        add(report, "ring flags", i == 0, "%s", text);
        return;
    }
}

static void check_operations(struct report *report,
                             const struct rv_queues *queues)
{
    static const struct {
        uint8_t opcode;
        const char *name;
    } operations[] = {
        {IORING_OP_OPENAT, "openat"}, {IORING_OP_READ, "read"},
        {IORING_OP_WRITE, "write"},   {IORING_OP_FSYNC, "fsync"},
        {IORING_OP_STATX, "statx"},   {IORING_OP_CLOSE, "close"},
        {IORING_OP_NOP, "nop"},       {IORING_OP_ASYNC_CANCEL, "cancel"},
    };
    char there[TEXT_BYTES] = "";
    bool all = true;

    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        const bool has = rv_queues_has(queues, operations[i].opcode);
        const size_t len = strlen(there);

        all = all && has;
        snprintf(there + len, sizeof there - len, "%s%s%s", i ? ", " : "",
                 has ? "" : "no ", operations[i].name);
    }
    add(report, "ring operations", all, "%s", there);
}

static void check_ring(struct report *report)
{
    struct rv_queues queues;
    int error = rv_queues_open(&queues, RV_QUEUES_DEFAULT);

    if (error) {
        add(report, "io_uring", false, "%s", setup_error(error));
        return;
    }
    add(report, "io_uring", true, "%u entries, %u completions",
        queues.sq_entries, queues.cq_entries);
    check_flags(report, &queues);
    check_operations(report, &queues);
    rv_queues_close(&queues);
}

/* Returns: 0, or an error of the runtime. */
static int choose_way(struct report *report)
{
    const struct rv_runtime_options options = {.ring.off =
                                                   program_wants_pool()};
    struct rv_runtime *runtime;
    int error = rv_runtime_start_with(&runtime, &options);

    if (error)
        return error;
    error = rv_ring_open(rv_runtime_ring(runtime));
    rv_runtime_stop(runtime);
    report->ring = error == 0;
    if (report->ring)
        strcpy(report->why, "io_uring works here");
    else if (options.ring.off)
        strcpy(report->why, "RV_DISK=pool in the environment");
    else
        snprintf(report->why, sizeof report->why, "io_uring: %s",
                 setup_error(error));
    return 0;
}

/* Tried on this program, which is in the page cache. */
static void check_nowait(struct report *report)
{
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char byte;
    const struct iovec part = {&byte, 1};
    const bool ok = fd >= 0 && preadv2(fd, &part, 1, 0, RWF_NOWAIT) == 1;

    if (ok)
        add(report, "RWF_NOWAIT", ok,
            "cached data are read without a thread or the ring");
    else
        add(report, "RWF_NOWAIT", ok, "%s: cached data take the slow path too",
            strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* --- the rest ---------------------------------------------------------- */

static void check_kernel(struct report *report)
{
    struct utsname name;

    uname(&name);
    add(report, "kernel", true, "%s %s, %s", name.sysname, name.release,
        name.machine);
}

static void limit_text(rlim_t limit, char text[NAME_BYTES])
{
    if (limit == RLIM_INFINITY)
        strcpy(text, "no limit");
    else
        snprintf(text, NAME_BYTES, "%llu", (unsigned long long)limit);
}

/* Report a limit; not ok if it is below `enough`, for a busy server. */
static void check_limit(struct report *report, const char *name, int resource,
                        rlim_t enough, const char *note)
{
    struct rlimit limit = {0};
    char soft[NAME_BYTES];
    char hard[NAME_BYTES];

    getrlimit((__rlimit_resource_t)resource, &limit);
    limit_text(limit.rlim_cur, soft);
    limit_text(limit.rlim_max, hard);
    add(report, name, limit.rlim_cur >= enough, "%s, may be raised to %s%s",
        soft, hard, note);
}

static void check_limits(struct report *report)
{
    check_limit(report, "descriptors", RLIMIT_NOFILE, 1024, "");
    check_limit(report, "locked memory", RLIMIT_MEMLOCK, 0,
                " (bytes; rings count only before Linux 5.12)");
    check_limit(report, "threads", RLIMIT_NPROC, 1024, " (of this user)");
    add(report, "mappings", number_in("/proc/sys/vm/max_map_count") >= 65530,
        "%ld (a coroutine stack needs one or two)",
        number_in("/proc/sys/vm/max_map_count"));
}

static void check_epoll(struct report *report)
{
    const struct timespec none = {0};
    struct epoll_event event;
    const bool ok = epoll_pwait2(-1, &event, 1, &none, NULL) < 0 &&
                    errno != ENOSYS && errno != EPERM;

    add(report, "epoll_pwait2", ok, "%s",
        ok ? "a fused executor sleeps to the nanosecond"
           : "a fused executor sleeps to the millisecond");
}

static void check_pidfd(struct report *report)
{
    const long fd = syscall(SYS_pidfd_open, getpid(), 0);

    add(report, "pidfd_open", fd >= 0, "%s",
        fd >= 0 ? "epoll waits for the end of a process" : strerror(errno));
    if (fd >= 0)
        close((int)fd);
}

static void check_guard(struct report *report)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool ok =
        memory != MAP_FAILED && madvise(memory, page, MADV_GUARD_INSTALL) == 0;

    add(report, "MADV_GUARD_INSTALL", ok, "%s",
        ok ? "a guard page costs no mapping"
           : "a guard page uses mprotect, and costs a mapping");
    if (memory != MAP_FAILED)
        munmap(memory, page);
}

/* --- printing ---------------------------------------------------------- */

static void print_text(const struct report *report)
{
    printf("files go through %s: %s\n\n",
           report->ring ? "the ring" : "the blocking pool", report->why);
    for (int i = 0; i < report->len; i++)
        printf("  %-4s %-19s %s\n", report->checks[i].ok ? "ok" : "no",
               report->checks[i].name, report->checks[i].text);
}

static void print_json_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        if ((unsigned char)*text >= ' ')
            putchar(*text);
    }
    putchar('"');
}

static void print_json(const struct report *report)
{
    printf("{\"files\": \"%s\", \"why\": ", report->ring ? "ring" : "pool");
    print_json_string(report->why);
    printf(", \"checks\": [");
    for (int i = 0; i < report->len; i++) {
        printf("%s\n  {\"name\": ", i ? "," : "");
        print_json_string(report->checks[i].name);
        printf(", \"ok\": %s, \"text\": ",
               report->checks[i].ok ? "true" : "false");
        print_json_string(report->checks[i].text);
        putchar('}');
    }
    puts("\n]}");
}

int cmd_doctor(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    struct report report = {.len = 0};
    bool json = false;
    int letter;
    int error;

    if (cli_wants_help(argc, argv)) {
        fputs(help, stdout);
        return CLI_OK;
    }
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter != 'j')
            return CLI_USAGE;
        json = true;
    }
    if (optind < argc)
        return cli_fail(CLI_USAGE, "doctor takes no argument '%s'",
                        argv[optind]);
    error = choose_way(&report);
    if (error)
        return cli_fail(CLI_FAILED, "the runtime does not start: %s",
                        cli_error_text(error));
    check_kernel(&report);
    check_ring(&report);
    check_nowait(&report);
    check_limits(&report);
    check_epoll(&report);
    check_pidfd(&report);
    check_guard(&report);
    (json ? print_json : print_text)(&report);
    return report.ring ? CLI_OK : CLI_FAILED;
}
