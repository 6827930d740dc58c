# SPDX-License-Identifier: MIT
"""Hand-ins that try to fool or to hang the checker, for lesson 03.

Each is the code of region 3.3 (block_on), and the causes that may be named.
"""

RIGHT = """
static void block_on(const struct runtime *self, struct future *future)
{
    struct epoll_event events[EVENTS_CAPACITY];

    while (poll_task(future) == NOT_READY) {
        event_queue_wait(&self->queue, events);
    }
}
"""


def with_start(body, before=""):
    """The right answer, and something that happens before main()."""
    return f"""{before}
__attribute__((constructor)) static void start(void)
{{
    {body}
}}
""" + RIGHT


def instead(body, before=""):
    """Something else in place of the loop."""
    return f"""{before}
static void block_on(const struct runtime *self, struct future *future)
{{
    (void)self;
    (void)future;
    {body}
}}
"""


HOSTILE = {
    "exit-in-constructor": (with_start("exit(0);"), {"ENDED EARLY"}),
    "quick-exit": (instead("_exit(0);"), {"ENDED EARLY"}),
    "fork-outlives": (
        instead("if (fork() == 0) { setsid(); for (;;) sleep(100); }"),
        {"STARTS A PROCESS"}),
    "fork-then-exit": (
        instead("if (fork() == 0) { setsid(); for (;;) sleep(100); } "
                "_exit(0);"), {"STARTS A PROCESS"}),
    "stop": (instead("raise(SIGSTOP);", "#include <signal.h>"),
             {"STOPPED ITSELF"}),
    "stop-in-constructor": (with_start("raise(SIGSTOP);",
                                       "#include <signal.h>"),
                            {"STOPPED ITSELF"}),
    "endless-output": (instead('for (;;) puts("all is well");'),
                       {"OUTPUT WITHOUT END"}),
    "crash": (instead("*(volatile int *)8 = 1;"), {"CRASHED"}),
    "abort": (instead("abort();"), {"CRASHED"}),
    "stack-overflow": (
        instead("deep(1);", "static int deep(int n) { volatile char room"
                "[4096]; room[0] = (char)n; return deep(n + 1) + room[0]; }"),
        {"STACK OVERFLOW"}),
    "endless-loop": (instead("for (volatile int i = 0;; i++) { }"),
                     {"BUSY LOOP"}),
    "sleeps-for-ever": (instead("for (;;) sleep(1000);"),
                        {"SLEEPS INSTEAD OF WAITING", "NOTHING WAS ASKED"}),
    "pause": (instead("pause();"), {"STOPPED"}),
    "forged-output": (
        instead('puts("613 ms"); puts("HTTP/1.1 200 OK"); '
                'for (int i = 0; i < 2; i++) puts(lesson_path(i));'),
        {"NOTHING WAS ASKED"}),
    "neighbours-output": (
        instead('puts("HTTP/1.1 200 OK"); puts("5ca1ab1ec0de");'),
        {"NOTHING WAS ASKED"}),
    "forged-figures": (
        instead('puts("figures {\\"polls\\":3,\\"would_block\\":2,'
                '\\"epoll_waits\\":2,\\"wakes\\":0,\\"parks\\":0}"); exit(0);'),
        {"ENDED EARLY", "NOTHING WAS ASKED"}),
    "raw-system-calls": (
        """
static long raw(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}
static void block_on(const struct runtime *self, struct future *future)
{
    struct timespec pause = {0, 1000000};
    (void)self;
    while (future->poll(future) == NOT_READY)
        raw(35, (long)&pause, 0, 0, 0);
}
""", {"SLEEPS INSTEAD OF WAITING", "WRONG FIGURE", "NOTHING WAS ASKED",
      "FORGOTTEN TASK", "NOT POLLED", "STARVATION"}),
    "own-undef": (
        "#define return exit(0); return\n" + RIGHT +
        "\n", None),
    "hides-the-rest": (RIGHT + "\n#if 0\n", {"UNBALANCED"}),
    "unclosed-string": (RIGHT + '\nstatic char *a = "and all the rest\n',
                        {"DOES NOT BUILD"}),
    "names-the-recorder": (
        "void probe_event(int kind, long task, long source, long value);\n" +
        instead("for (int i = 0; i < 3; i++) probe_event(5, 0, -1, 0);"),
        {"DOES NOT BUILD"}),
    "kills-its-group": (instead("kill(0, SIGKILL);", "#include <signal.h>"),
                        {"NOTHING WAS ASKED"}),  # no signal leaves it
    "stops-its-guard": (instead("kill(getppid(), SIGSTOP);",
                                "#include <signal.h>"),
                        {"NOTHING WAS ASKED"}),
    "stays-at-its-exit": (
        RIGHT + "__attribute__((destructor)) static void stay(void)\n"
        "{ for (;;) sleep(100); }\n", {"NEVER STOPS"}),
    # All is done, but for the end of main(), which it only says.
    "forges-the-end": (
        RIGHT.replace("block_on", "do_it") + """
#include <sys/syscall.h>
static void block_on(const struct runtime *self, struct future *future)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];

    do_it(self, future);
    while (maps && fgets(line, sizeof(line), maps))
        if (strstr(line, "memfd:probe"))
            ((unsigned *)strtoul(line, NULL, 16))[1] = 1;
    syscall(SYS_exit_group, 0);
}
""", {"ENDED EARLY"}),
    "fork-in-constructor": (with_start("fork();"), {"STARTS A PROCESS"}),
    "kills-its-parent": (instead("kill(getppid(), SIGTERM); pause();",
                                 "#include <signal.h>"),
                         {"CRASHED", "ENDED EARLY", "STOPPED"}),
    "ignores-all": (
        instead("for (int i = 1; i < 64; i++) signal(i, SIG_IGN); "
                "for (;;) pause();", "#include <signal.h>"), {"STOPPED"}),
    "closes-all": (instead("for (int i = 0; i < 1024; i++) close(i);"),
                   None),
    "memory-without-end": (
        instead("for (;;) memset(malloc(1 << 20), 1, 1 << 20);"),
        {"CRASHED", "BUSY LOOP"}),
    "fork-in-block-on": (
        instead("if (fork() == 0) _exit(1); _exit(0);"),
        {"STARTS A PROCESS"}),
    "many-threads": (
        instead("pthread_t t; for (int i = 0; i < 100; i++) "
                "pthread_create(&t, NULL, idle, NULL); pause();",
                "static void *idle(void *p) { pause(); return p; }"),
        {"STOPPED"}),
}
