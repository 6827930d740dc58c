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
#include "cli/language.h"
#include "ring/queues.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static const char help_en[] =
    "usage: reveil doctor [OPTION...]\n"
    "\n"
    "Prints whether file operations on this machine use io_uring or the\n"
    "blocking pool, and why; and which other kernel features are available, "
    "or\n"
    "what replaces them.\n"
    "\n"
    "  --json             print the same as JSON\n"
    "\n"
    "`./reveil doctor` then shows what the course can check here, as does\n"
    "`./reveil lesson doctor`, which has --json too.\n"
    "\n"
    "Exits with 0 if files go through the ring, with 1 if not.\n";

static const char help_fr[] =
    "usage : reveil doctor [OPTION...]\n"
    "\n"
    "Dit si les opérations sur les fichiers passent ici par io_uring ou par\n"
    "le pool bloquant, et pourquoi ; et quelles autres fonctions du noyau\n"
    "sont là, ou ce qui les remplace.\n"
    "\n"
    "  --json             écrit la même chose en JSON\n"
    "\n"
    "`./reveil doctor` montre ensuite ce que le cours peut vérifier ici, "
    "comme\n"
    "`./reveil lesson doctor`, qui a aussi --json.\n"
    "\n"
    "Code de sortie : 0 si les fichiers passent par le ring, 1 sinon.\n";

enum { NAME_BYTES = 24, TEXT_BYTES = 192, CHECKS_MAX = 16 };

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
        return say("not in the kernel, or hidden by a sandbox (ENOSYS)",
                   "absent du noyau, ou caché par un bac à sable (ENOSYS)");
    case -EPERM:
        return number_in("/proc/sys/kernel/io_uring_disabled") > 0
                   ? say("forbidden by the setting kernel.io_uring_disabled "
                         "(EPERM)",
                         "interdit par le réglage kernel.io_uring_disabled "
                         "(EPERM)")
                   : say("forbidden, probably by a sandbox (EPERM)",
                         "interdit, sans doute par un bac à sable (EPERM)");
    case -EOPNOTSUPP:
        return say("too old: an operation or a feature is missing",
                   "trop ancien : une opération ou une fonction manque");
    case -ENOMEM:
        return say(
            "no memory; before Linux 5.12 see the limit memlock (ENOMEM)",
            "mémoire insuffisante ; avant Linux 5.12, voir la limite memlock "
            "(ENOMEM)");
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
        add(report, say("ring flags", "options du ring"), i == 0, "%s", text);
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
    add(report, say("ring operations", "opérations du ring"), all, "%s", there);
}

static void check_ring(struct report *report)
{
    struct rv_queues queues;
    int error = rv_queues_open(&queues, RV_QUEUES_DEFAULT);

    if (error) {
        add(report, "io_uring", false, "%s", setup_error(error));
        return;
    }
    add(report, "io_uring", true,
        say("%u entries, %u completions", "%u entrées, %u complétions"),
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
        strcpy(report->why, say("io_uring works here", "io_uring marche ici"));
    else if (options.ring.off)
        strcpy(report->why, say("RV_DISK=pool in the environment",
                                "RV_DISK=pool dans l’environnement"));
    else
        snprintf(report->why, sizeof report->why,
                 say("io_uring: %s", "io_uring : %s"), setup_error(error));
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
            say("cached data are read without a thread or the ring",
                "les données en cache sont lues sans thread ni ring"));
    else
        add(report, "RWF_NOWAIT", ok,
            say("%s: cached data take the slow path too",
                "%s : les données en cache prennent aussi le chemin lent"),
            strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* --- the rest ---------------------------------------------------------- */

static void check_kernel(struct report *report)
{
    struct utsname name;

    uname(&name);
    add(report, say("kernel", "noyau"), true, "%s %s, %s", name.sysname,
        name.release, name.machine);
}

static void limit_text(rlim_t limit, char text[NAME_BYTES])
{
    if (limit == RLIM_INFINITY)
        strcpy(text, say("no limit", "sans limite"));
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
    add(report, name, limit.rlim_cur >= enough,
        say("%s, may be raised to %s%s", "%s, peut monter à %s%s"), soft, hard,
        note);
}

static void check_limits(struct report *report)
{
    check_limit(report, say("descriptors", "descripteurs"), RLIMIT_NOFILE, 1024,
                "");
    check_limit(report, say("locked memory", "mémoire verrouillée"),
                RLIMIT_MEMLOCK, 0,
                say(" (bytes; rings count only before Linux 5.12)",
                    " (octets ; les rings ne comptent qu’avant Linux 5.12)"));
    check_limit(report, "threads", RLIMIT_NPROC, 1024,
                say(" (of this user)", " (de cet utilisateur)"));
    add(report, say("mappings", "projections"),
        number_in("/proc/sys/vm/max_map_count") >= 65530,
        say("%ld (a coroutine stack needs one or two)",
            "%ld (la pile d’une coroutine en demande une ou deux)"),
        number_in("/proc/sys/vm/max_map_count"));
}

static void check_epoll(struct report *report)
{
    const struct timespec none = {0};
    struct epoll_event event;
    const bool ok = epoll_pwait2(-1, &event, 1, &none, NULL) < 0 &&
                    errno != ENOSYS && errno != EPERM;

    add(report, "epoll_pwait2", ok, "%s",
        ok ? say("a fused executor sleeps to the nanosecond",
                 "un exécuteur fused dort à la nanoseconde près")
           : say("a fused executor sleeps to the millisecond",
                 "un exécuteur fused dort à la milliseconde près"));
}

static void check_pidfd(struct report *report)
{
    const long fd = syscall(SYS_pidfd_open, getpid(), 0);

    add(report, "pidfd_open", fd >= 0, "%s",
        fd >= 0 ? say("epoll waits for the end of a process",
                      "epoll attend la fin d’un processus")
                : strerror(errno));
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
        ok ? say("a guard page costs no mapping",
                 "une page de garde ne coûte pas de projection")
           : say("a guard page uses mprotect, and costs a mapping",
                 "une page de garde passe par mprotect, et coûte une "
                 "projection"));
    if (memory != MAP_FAILED)
        munmap(memory, page);
}

/* --- printing ---------------------------------------------------------- */

/* Of a text in UTF-8 without wide letters. */
static int columns(const char *text)
{
    int count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void print_text(const struct report *report)
{
    printf(say("files go through %s: %s\n\n",
               "les fichiers passent par %s : %s\n\n"),
           report->ring ? say("the ring", "le ring")
                        : say("the blocking pool", "le pool bloquant"),
           report->why);
    for (int i = 0; i < report->len; i++)
        printf("  %-4s %s%*s %s\n",
               report->checks[i].ok ? "ok" : say("no", "non"),
               report->checks[i].name, 19 - columns(report->checks[i].name), "",
               report->checks[i].text);
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
        fputs(say(help_en, help_fr), stdout);
        return CLI_OK;
    }
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter != 'j')
            return CLI_USAGE;
        json = true;
    }
    if (optind < argc)
        return cli_fail(CLI_USAGE,
                        say("doctor takes no argument '%s'",
                            "doctor ne prend pas d’argument « %s »"),
                        argv[optind]);
    error = choose_way(&report);
    if (error)
        return cli_fail(CLI_FAILED,
                        say("the runtime does not start: %s",
                            "le runtime ne démarre pas : %s"),
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
