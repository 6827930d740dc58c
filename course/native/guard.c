/* SPDX-License-Identifier: MIT */
/*
 * guard.c - runs one program, and leaves nothing of it behind.
 *
 *     guard STATUS_FD LIMIT_MB PROGRAM ARG...
 *
 * The program may start threads but no processes. The limit is of its address
 * space; 0: none, for the sanitizers, which reserve terabytes of it.
 *
 * Where the kernel allows it, the program runs in a PID namespace: when its
 * first process ends, the kernel kills all others, and the program cannot name
 * a process outside, not even the guard. Semaphores and messages of System V,
 * which outlive a process, end with an IPC namespace. Where the kernel does not
 * allow that, all that the program starts and does not wait for becomes the
 * guard's child (subreaper), and the guard looks for it in /proc. On STATUS_FD
 * it writes
 *
 *     pid 1234
 *     end exited|killed NUMBER USER_MS SYSTEM_MS VOLUNTARY INVOLUNTARY LEFT
 *
 * LEFT: processes that outlived the program. The guard ends with the runner.
 *
 * Threads: one.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void limit(int what, rlim_t most)
{
    struct rlimit now;

    if (getrlimit(what, &now) == 0 &&
        (now.rlim_max == RLIM_INFINITY || now.rlim_max > most))
        setrlimit(what, &(struct rlimit){most, most});
}

/* The parent and the state ('T': stopped) of a process; -1: it is gone. */
static int parent_of(int pid, char *state)
{
    char path[64], text[512];
    FILE *file;
    int parent = -1;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return -1;
    if (fgets(text, sizeof(text), file) && strrchr(text, ')'))
        sscanf(strrchr(text, ')') + 1, " %c %d", state, &parent);
    fclose(file);
    return parent;
}

static pid_t first; /* of the PID namespace; 0: there is none */

static bool is_below(int pid, char *state)
{
    const int self = getpid();
    char other;
    int parent = parent_of(pid, state);

    for (int depth = 0; parent > 1 && depth < 64; depth++) {
        if (parent == self)
            return true;
        parent = parent_of(parent, &other);
    }
    return false;
}

/* Send a signal to all below us. Returns: how many ran until now. */
static int signal_all(int number)
{
    DIR *processes = opendir("/proc");
    int sent = 0;

    for (struct dirent *one; processes && (one = readdir(processes));) {
        const int pid = atoi(one->d_name);
        char state = '?';

        if (pid > 1 && pid != first && is_below(pid, &state) && state != 'Z' &&
            state != 'X' && kill(pid, number) == 0)
            sent += state != 'T' || number == SIGKILL;
    }
    if (processes)
        closedir(processes);
    return sent;
}

/* Whether the first process of the namespace has no child: then nothing of the
 * program is left, as those whose parent has ended are the first's. */
static bool first_is_alone(void)
{
    char path[64];
    FILE *file;
    int other = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", first, first);
    file = first ? fopen(path, "re") : NULL;
    if (!file)
        return false;
    if (fscanf(file, "%d", &other) != 1)
        other = 0;
    fclose(file);
    return other == 0;
}

/* Stop them all first: who is stopped starts no new ones. */
static int end_all(void)
{
    int left;

    if (first_is_alone()) {
        kill(first, SIGKILL);
        waitpid(first, NULL, 0);
        return 0;
    }
    if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
        return 0;
    for (int tries = 0; tries < 1000 && signal_all(SIGSTOP) > 0; tries++)
        usleep(1000);
    left = signal_all(SIGKILL);
    if (first)
        kill(first, SIGKILL); /* and the kernel all that is in there */
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            return left;
        usleep(1000);
        signal_all(SIGKILL);
    }
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/*
 * No new processes, only threads: no lesson needs one, and a program that
 * starts them without end would stop the whole machine. clone3() cannot be
 * looked into and is not there; then the C library takes clone(). No signals to
 * other processes either: a guard that is stopped could not end the run.
 */
static void deny_processes(void)
{
#ifdef ARCHITECTURE
#define LOAD(what) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define IS(value, then, otherwise) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise)
#define GIVE(what)  BPF_STMT(BPF_RET | BPF_K, what)
#define SKIP(count) BPF_STMT(BPF_JMP | BPF_JA, count)
    const uint32_t own = (uint32_t)getpid();
    struct sock_filter rules[] = {
        LOAD(arch),
        IS(ARCHITECTURE, 1, 0),
        GIVE(SECCOMP_RET_ALLOW),
        LOAD(nr),
        IS(__NR_kill, 2, 0),
        IS(__NR_tgkill, 1, 0),
        SKIP(4),
        LOAD(args[0]),
        IS(own, 0, 1),
        GIVE(SECCOMP_RET_ALLOW),
        GIVE(SECCOMP_RET_ERRNO | EPERM),
        IS(__NR_tkill, 4, 0),
        IS(__NR_rt_sigqueueinfo, 3, 0),
        IS(__NR_pidfd_send_signal, 2, 0),
        IS(__NR_ptrace, 1, 0),
        SKIP(1),
        GIVE(SECCOMP_RET_ERRNO | EPERM),
        IS(__NR_clone3, 0, 1),
        GIVE(SECCOMP_RET_ERRNO | ENOSYS),
#ifdef __NR_fork
        IS(__NR_fork, 1, 0),
        IS(__NR_vfork, 0, 1),
        GIVE(SECCOMP_RET_ERRNO | EAGAIN),
#endif
        IS(__NR_clone, 1, 0),
        GIVE(SECCOMP_RET_ALLOW),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
        GIVE(SECCOMP_RET_ALLOW),
        GIVE(SECCOMP_RET_ERRNO | EAGAIN),
    };
    const struct sock_fprog program = {sizeof(rules) / sizeof(*rules), rules};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
#endif
}

/* --- a PID namespace ----------------------------------------------------- */

static bool put_text(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

    if (fd >= 0)
        close(fd);
    return done;
}

/* The user keeps his number in the new user namespace. */
static void keep_user(unsigned uid, unsigned gid)
{
    char map[64];

    put_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "%u %u 1", uid, uid);
    put_text("/proc/self/uid_map", map);
    snprintf(map, sizeof(map), "%u %u 1", gid, gid);
    put_text("/proc/self/gid_map", map);
}

/*
 * The next child is the first of a namespace, and there for the others only: it
 * takes those whose parent has ended. It ends with the guard.
 */
static void make_namespace(int fd)
{
    const int spaces = CLONE_NEWPID | CLONE_NEWIPC;
    const unsigned uid = getuid(), gid = getgid();

    if (unshare(spaces) != 0) {
        if (unshare(CLONE_NEWUSER | spaces) != 0)
            return;
        keep_user(uid, gid);
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a new user namespace forgets it */
        prctl(PR_SET_DUMPABLE, 1);
    }
    first = fork();
    if (first != 0)
        return;
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    for (int other = 0; other <= fd; other++)
        close(other);
    for (;;)
        if (waitpid(-1, NULL, 0) < 0)
            pause();
}

static pid_t child;

static void on_term(int number)
{
    (void)number;
    kill(child, SIGKILL);
}

int main(int argc, char **argv)
{
    const int fd = argc > 3 ? atoi(argv[1]) : -1;
    struct rusage usage = {0};
    const pid_t runner = getppid();
    int status = 0;

    if (argc < 4)
        return 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGTERM, on_term);
    signal(SIGINT, SIG_IGN);
    make_namespace(fd);
    child = vfork(); /* until exec, each step is the child's own affair */
    if (child == 0) {
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        close(fd);
        limit(RLIMIT_CORE, 0);
        limit(RLIMIT_FSIZE, 64UL << 20);
        if (atol(argv[2]) > 0)
            limit(RLIMIT_AS, (rlim_t)atol(argv[2]) << 20);
        deny_processes();
        execv(argv[3], argv + 3);
        _exit(127);
    }
    dprintf(fd, "pid %d\n", child);
    if (getppid() != runner)
        kill(child, SIGKILL);
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    dprintf(fd, "end %s %d %ld %ld %ld %ld %d\n",
            WIFEXITED(status) ? "exited" : "killed",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
            usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000,
            usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000,
            usage.ru_nvcsw, usage.ru_nivcsw, end_all());
    return 0;
}
