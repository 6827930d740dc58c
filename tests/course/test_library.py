#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lessons that are linked with the library: what is recorded of it, what is
counted, and how a crash is explained.

The lesson is made here: one future that the library polls. No test asserts a
time.
"""
import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "course"))
sys.path.insert(1, os.path.join(ROOT, "course", "step"))

import causes  # noqa: E402
import check  # noqa: E402
import crash  # noqa: E402
import lessons  # noqa: E402
import library  # noqa: E402
import server  # noqa: E402

WORK = os.path.join(lessons.ROOT, "work")

LESSON = r'''/* SPDX-License-Identifier: MIT */
/* A lesson of the tests. */
#include "../lesson.h"

#include <reveil/reveil.h>
#include <sys/mman.h>

struct get {
    struct rv_future future;
    struct rv_tcp_connect connect;
    struct rv_stream_send send;
    struct rv_stream_recv recv;
    struct rv_stream stream;
    int state;
    int port;
    const char *path;
    char text[256];
    char in[4096];
};

/*@todo 97.1 get_poll | get_poll
en: Goal.
fr: But.
stub:
static enum rv_poll get_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    (void)cx;
    return RV_READY;
}
*/
static enum rv_poll get_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct get *self = (struct get *)future;
    struct rv_addr addr;

    switch (self->state) {
    case 0:
        rv_addr_parse(&addr, "127.0.0.1", (uint16_t)self->port);
        rv_tcp_connect_init(&self->connect, &addr, &self->stream);
        self->state = 1;
        __attribute__((fallthrough));
    case 1:
        if (rv_poll(&self->connect.future, cx) == RV_PENDING)
            return RV_PENDING;
        snprintf(self->text, sizeof(self->text),
                 "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 self->path);
        rv_stream_send_init(&self->send, &self->stream, self->text,
                            strlen(self->text));
        self->state = 2;
        __attribute__((fallthrough));
    case 2:
        if (rv_poll(&self->send.future, cx) == RV_PENDING)
            return RV_PENDING;
        rv_stream_recv_init(&self->recv, &self->stream, self->in,
                            sizeof(self->in) - 1);
        self->state = 3;
        __attribute__((fallthrough));
    case 3:
        while (rv_poll(&self->recv.future, cx) == RV_READY) {
            const int n = self->recv.future.result;

            if (n <= 0) {
                rv_stream_close(&self->stream);
                return RV_READY;
            }
            self->in[n] = '\0';
            lesson_log_response(self->in);
            rv_stream_recv_init(&self->recv, &self->stream, self->in,
                                sizeof(self->in) - 1);
        }
    }
    return RV_PENDING;
}
/*@end 97.1*/

static const struct rv_future_ops get_ops = {.name = "get", .poll = get_poll};

int main(int argc, char **argv)
{
    const int port = lesson_start(argc, argv, "A lesson of the tests.", NULL);
    static struct get get;
    struct rv_runtime *runtime;

    lesson_unwrap(rv_runtime_start(&runtime), "runtime");
    get.port = port;
    get.path = lesson_path(0);
    rv_future_init(&get.future, &get_ops);
    rv_runtime_block_on(runtime, &get.future);
    rv_runtime_stop(runtime);
    return lesson_end(0);
}
'''

EXPECT = '''
[build]
library = true
[run]
paths = ["/120/{nonce}"]
[bars]
1 = {en = "bucket", fr = "seau", most = 9}
[notes]
4 = {en = "Task {task}: {value}.", fr = "Tâche {task} : {value}."}
'''

CHECK = '''
#include <sched.h>

/* A thread without the C library, on a stack of 16 kB. */
static char *bare_stack;

static int bare_run(void *how)
{
    probe_bare_thread("worker");
    probe_event(PROBE_LEVEL, -1, 1, 3);
    probe_figure_add("jobs_of_mine", 2);
    if (how) {
        munmap(bare_stack, 16384);
        __asm__ volatile("push %rax");
    }
    *(volatile int *)(uintptr_t)8 = 1;
    return 0;
}

static void start_bare(void *how)
{
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                      CLONE_THREAD | CLONE_SYSVSEM;

    bare_stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    probe_stack("the worker", bare_stack, 16384);
    probe_quiet(true); /* of main alone, whose `self` the worker shares */
    clone(bare_run, bare_stack + 16384, flags, how);
    pause();
}

PROBE_CASE(bare)
{
    start_bare(NULL);
}

PROBE_CASE(bare_gone)
{
    start_bare(&bare_stack);
}
PROBE_CASE(standstill)
{
    probe_if_stuck("LATE", "numbers", 1, 2, 3);
    pause();
}

PROBE_CASE(forgotten)
{
    probe_if_stuck("LATE", "numbers", 1, 2, 3);
    probe_if_stuck(NULL, NULL, 0, 0, 0);
    pause();
}

PROBE_CASE(page)
{
    probe_event(PROBE_LEVEL, -1, 1, 7);
    probe_event(PROBE_NOTE, 2, 4, 30);
}

PROBE_CASE(below)
{
    char *stack = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    mprotect(stack, 4096, PROT_NONE);
    probe_stack("task 1", stack + 4096, 4096);
    __asm__ volatile("mov %0, %%rsp\\n push %%rax" ::"r"(stack + 4096));
}
'''

POLL = '''static enum rv_poll get_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    (void)cx;
    %s
    return RV_PENDING;
}
'''
# What crashes how: a cause, and a word of the evidence.
CRASHES = {
    "*(volatile int *)(uintptr_t)8 = 1;": ("CRASHED", "0x8"),
    '__asm__ volatile("movabs $0x1234567812345678, %rax; push %rax; ret");':
        ("WRONG RETURN ADDRESS", "0x1234567812345678"),
    'long words[4]; __asm__ volatile("push %0; ret" ::"r"(words));':
        ("WRONG RETURN ADDRESS", "the stack of the first thread"),
    '__asm__ volatile("and $-16, %rsp; sub $40, %rsp; movaps %xmm0, (%rsp)");':
        ("STACK NOT ALIGNED", "8 above"),
    "char *p = mmap(NULL, 1 << 22, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,"
    " 0); munmap(p, 1 << 22);"
    '__asm__ volatile("mov %0, %%rsp; push %%rax" ::"r"(p + (1 << 21)));':
        ("STACK GONE", "no memory there any more"),
    # As if another thread had reserved addresses there meanwhile.
    "char *p = mmap(NULL, 1 << 22, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,"
    " 0);"
    '__asm__ volatile("mov %0, %%rsp; push %%rax" ::"r"(p + (1 << 21)));':
        ("STACK GONE", "no memory there any more"),
    # Small, and nothing that can be written follows.
    "char *p = mmap(NULL, 1 << 17, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,"
    " 0); mprotect(p + (1 << 16), 1 << 16, PROT_READ);"
    '__asm__ volatile("mov %0, %%rsp; push %%rax" ::"r"(p + (1 << 15)));':
        ("STACK GONE", "no memory there any more"),
    "char *p = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE |"
    " MAP_ANONYMOUS, -1, 0); mprotect(p, 4096, PROT_NONE);"
    '__asm__ volatile("mov %0, %%rsp; push %%rax" ::"r"(p + 4096));':
        ("STACK OVERFLOW", "in the guard page 8 bytes below"),
    "lesson_expect(false, \"my own words\");": ("CRASHED", "my own words"),
    "extern int raise(int number); raise(11);": ("CRASHED", "to itself"),
}


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="reveil-library-")
        path = os.path.join(cls.folder.name, "97-library")
        os.mkdir(path)
        shutil.copy(os.path.join(lessons.FOLDER, "lesson.h"), cls.folder.name)
        for name, text in (("lesson.c", LESSON), ("expect.toml", EXPECT),
                           ("check.c", CHECK), ("README.md", "")):
            with open(os.path.join(path, name), "w", encoding="utf-8") as file:
                file.write(text)
        cls.lesson = lessons.Lesson(path)
        cls.server = server.Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def run_case(self, case="plain", region=None):
        text = region and f"/*@region 97.1*/\n{region}/*@end 97.1*/\n"
        checker = check.Checker(self.lesson, None, text, 1, work=WORK,
                                server_=self.server)
        with check.build.Folder(WORK) as checker.folder:
            self.assertIsNone(checker.prepare(), checker.log)
            run = checker.run_case(case)
            checker.resolve(run)
            run.finding = check.judge.diagnose(run)
            run.trace = check.traces.make(
                self.lesson, run.recording, run.steps, run.names, "", {})
        run.figures = check.traces.figures_of(run.recording, run.steps)
        return run


class Recorded(Library):
    def test_steps_and_figures_are_the_library_s_too(self):
        run = self.run_case()
        self.assertIsNone(run.finding)
        kinds = [step.kind for step in run.steps]
        order = ["spawn", "push", "pop", "poll", "register", "set-waker",
                 "pending", "park", "answer", "event", "wake", "push",
                 "unpark", "awake", "poll", "ready"]
        at = 0
        for kind in order:
            self.assertIn(kind, kinds[at:], (kind, kinds))
            at = kinds.index(kind, at) + 1
        self.assertGreaterEqual(run.figures["polls"], 2)
        self.assertGreaterEqual(run.figures["parks"], 1)
        self.assertEqual({one.name for one in run.recording.threads},
                         {"main", "reactor"})

    def test_own_counts_leave_the_library_out(self):
        figures = self.run_case().figures
        self.assertGreater(figures["reads"], 0)
        self.assertGreater(figures["epoll_ctl"], 0)
        self.assertEqual(figures["own_reads"], 0)
        self.assertEqual(figures["own_epoll_ctl"], 0)

    def test_events_have_the_learner_s_lines(self):
        run = self.run_case()
        sends = [step for step in run.steps if step.kind == "set-waker"]
        self.assertTrue(sends and all(step.line for step in sends), run.steps)

    def test_library_calls_are_no_points_of_the_sweep(self):
        run = self.run_case()
        calls = {one.name: one.calls for one in run.recording.threads}
        self.assertEqual(calls["reactor"], 0)

    def test_forged_events_are_not_recorded(self):
        run = self.run_case(region=POLL % (
            "rv_trace(RV_EV_READY, 77, 0); rv_trace(RV_EV_PARK, 77, 0);"
            "return RV_READY;"))
        kinds = [step.kind for step in run.steps if step.task == 77]
        self.assertEqual(kinds, [])
        self.assertEqual(run.figures["parks"], 0)

    def test_without_a_waker_it_is_stuck_not_slow(self):
        run = self.run_case(region=POLL % "")
        self.assertTrue(run.result.stuck)
        self.assertIn("main in futex", run.result.blocked)

    def test_what_a_standstill_means(self):
        self.assertEqual(self.run_case("standstill").finding.cause, "LATE")
        self.assertEqual(self.run_case("forgotten").finding.cause, "STOPPED")

    def test_bars_and_sentences_are_in_the_trace(self):
        import plain
        trace = self.run_case("page").trace
        for language, words in (("en", ("Bucket: now 7 of 9.", "Task 2: 30.")),
                                ("fr", ("maintenant 7 sur 9", "Tâche 2"))):
            text = " ".join(" ".join(plain.lines(trace, language)).split())
            for word in words:
                self.assertIn(word, text.replace("\u00a0", " "))


class Crashes(Library):
    def test_each_is_explained(self):
        for code, (cause, word) in CRASHES.items():
            with self.subTest(code):
                finding = self.run_case(region=POLL % code).finding
                self.assertEqual(finding.cause, cause, finding)
                self.assertIn(word, finding.evidence["en"])
                self.assertNotEqual(finding.evidence["fr"],
                                    finding.evidence["en"])

    def test_below_a_stack_that_the_program_has_made(self):
        finding = self.run_case("below").finding
        self.assertEqual(finding.cause, "STACK OVERFLOW", finding)
        self.assertIn("8 bytes below the stack of task 1",
                      finding.evidence["en"])


    def test_a_bare_thread_has_a_row_of_its_own(self):
        run = self.run_case("bare")
        self.assertIn("in thread worker", run.finding.evidence["en"])
        level = next(step for step in run.steps if step.kind == "level")
        self.assertEqual(level.name, "worker")
        self.assertEqual(run.figures["jobs_of_mine"], 2)

    def test_a_bare_thread_without_its_stack(self):
        finding = self.run_case("bare_gone").finding
        self.assertEqual(finding.cause, "STACK GONE", finding)
        self.assertIn("in thread worker", finding.evidence["en"])


class Elsewhere(unittest.TestCase):
    def test_a_lesson_for_another_machine_is_only_read(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "97-library")
            os.mkdir(path)
            with open(os.path.join(path, "expect.toml"), "w") as file:
                file.write("[build]\nmachine = \"pdp11\"\n"
                           "elsewhere = {en = \"not here\", fr = \"pas ici\"}")
            self.assertEqual(lessons.Lesson(path).elsewhere["fr"], "pas ici")
        self.assertIsNone(lessons.find("05").elsewhere)


class Instructions(unittest.TestCase):
    def of(self, code, **registers):
        all_ = dict.fromkeys(crash.NAMES, 0)
        return crash.Instruction(bytes.fromhex(code), {**all_, **registers})

    def test_operands(self):
        # movaps %xmm0,0x10(%rsp); movdqa (%rdi,%rcx,8),%xmm1; ret
        one = self.of("0f29442410", rsp=0x1008)
        self.assertTrue(one.is_aligned_move)
        self.assertEqual((one.address, one.base), (0x1018, "rsp"))
        one = self.of("660f6f0ccf", rdi=0x2000, rcx=3)
        self.assertTrue(one.is_aligned_move)
        self.assertEqual((one.address, one.base), (0x2018, "rdi"))
        self.assertTrue(self.of("c3").is_ret)
        # movups %xmm0,(%rsp) wants no alignment; mov %rax,-8(%r13)
        self.assertFalse(self.of("0f110424", rsp=8).is_aligned_move)
        self.assertEqual(self.of("498945f8", r13=0x3000).address, 0x2ff8)


class Races(unittest.TestCase):
    """Lesson 13: ThreadSanitizer's race has the lesson's own name, and a thread
    that plays the kernel for ever does not make the run long."""

    def test_a_tail_without_release(self):
        lesson = lessons.find("13")
        if lesson.elsewhere:
            self.skipTest(lesson.elsewhere["en"])
        path = os.path.join(lesson.path, "bugs", "relaxed-tail.c")
        with server.Server() as one:
            verdict = check.Checker(lesson, path, seed=1, work=WORK,
                                    server_=one).check()
        if any(word.startswith("tsan") for word in verdict["not_checked"]):
            self.skipTest("no ThreadSanitizer here")
        self.assertEqual((verdict["cause"], verdict["kind"], verdict["todo"]),
                         ("ENTRY NOT SEEN", "without release", "13.2"))


class Causes(unittest.TestCase):
    def test_a_cause_may_name_its_todo(self):
        words = "LOST WAKE: nothing registered @7.2"
        self.assertEqual(causes.split(words),
                         ("LOST WAKE", "nothing registered"))
        self.assertEqual(causes.todo_of(words), "7.2")
        self.assertEqual(causes.split("TRUNCATED @7.2"), ("TRUNCATED", None))
        self.assertIsNone(causes.todo_of("TRUNCATED"))


class Build(unittest.TestCase):
    def test_two_names_of_a_compiler_have_one_archive(self):
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, name) for name in ("one", "two")]
            for name in names:
                os.symlink(os.path.realpath(shutil.which("cc")), name)
            paths = {library.path_of(folder, name) for name in names}
            self.assertEqual(len(paths), 1)
            for other in names[0] + " -m64", "clang":
                if shutil.which(other.split()[0]):
                    self.assertNotIn(library.path_of(folder, other), paths)

    def test_sources_are_those_of_the_library(self):
        listed = library.sources()
        self.assertIn("thread/bare.c", listed)
        self.assertIn("reactor/reactor.c", listed)
        for name in listed:
            self.assertTrue(os.path.exists(os.path.join(library.SOURCE, name)))

    def test_an_old_one_is_removed_and_others_stay(self):
        with tempfile.TemporaryDirectory() as work:
            path = library.path_of(work)
            folder = os.path.dirname(path)
            os.mkdir(folder)
            head = path[:path.rindex("-") + 1]
            keep = [path, head + "lock", os.path.join(
                folder, "library-tsan-000000-1111111111.a")]
            for one in keep + [head + "0123456789.a"]:
                open(one, "w").close()
            os.mkdir(head + "0123456789-x")
            library.remove_old(path)
            self.assertEqual(sorted(os.listdir(folder)),
                             sorted(map(os.path.basename, keep)))

    def test_a_file_that_does_not_build_is_told(self):
        with tempfile.TemporaryDirectory() as work:
            with self.assertRaises(library.Failed):
                library.build(work, "false")
            self.assertFalse(library.is_built(work, "false"))

    # A compiler that compiles three files, and then takes for ever: it and
    # its assembler hold the lock of a file.
    COMPILER = """#!/bin/sh
case " $* " in *" -c "*) ;; *) exit 0;; esac
for output; do :; done
echo x >>{work}/compiled
if [ -e {work}/hold ] && [ $(wc -l <{work}/compiled) -gt 3 ]; then
    exec 9>{work}/lock
    flock -s 9
    touch {work}/held
    sleep 1000 &
    wait
fi
: >"$output"
"""

    def test_a_stopped_build_leaves_no_process_and_the_next_goes_on(self):
        with tempfile.TemporaryDirectory() as work:
            cc = os.path.join(work, "cc")
            with open(cc, "w", encoding="utf-8") as file:
                file.write(self.COMPILER.format(work=work))
            os.chmod(cc, 0o755)
            open(os.path.join(work, "hold"), "w").close()
            stop, raised = threading.Event(), []

            def first():
                try:
                    library.build(work, cc, stop=stop)
                except library.Stopped as error:
                    raised.append(error)

            builder = threading.Thread(target=first)
            builder.start()
            while not os.path.exists(os.path.join(work, "held")):
                time.sleep(0.01)
            # A second one waits for the first, and can be stopped as well.
            with self.assertRaises(library.Stopped):
                library.build(work, cc, stop=stop_after(0.2))
            stop.set()
            builder.join()
            self.assertEqual(len(raised), 1)
            # Whoever still ran would hold it. The compiler's own children were
            # killed with it, and end in their own time.
            self.assertTrue(takes_lock(os.path.join(work, "lock")))
            self.assertFalse(library.is_built(work, cc))
            os.remove(os.path.join(work, "hold"))
            os.remove(os.path.join(work, "compiled"))
            steps = []
            path = library.build(work, cc, progress=lambda done, total:
                                 steps.append((done, total)))
            with open(os.path.join(work, "compiled")) as file:
                again = len(file.readlines())
            total = len(library.sources())
            self.assertLess(again, total)
            self.assertGreaterEqual(again, total - 3)
            self.assertEqual(steps[-1], (total, total))
            self.assertEqual(
                sorted(one for one in os.listdir(os.path.dirname(path))
                       if not one.endswith("-lock")),
                [os.path.basename(path)])


def takes_lock(path):
    """Whether it is free before a process that lives on would let it go."""
    end = time.monotonic() + 300
    with open(path, "w", encoding="ascii") as file:
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(0.01)
    return False


def stop_after(seconds):
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    return stop


if __name__ == "__main__":
    unittest.main()
