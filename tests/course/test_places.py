#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where a verdict points: the next TODO, the call that ends the run, the TODO
of two that is wrong; and that no run of a learner's program may fork.

No test asserts a time. Loopback and port 0 only.
"""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "course"))
sys.path.insert(0, HERE)

import causes  # noqa: E402
import check  # noqa: E402
import cut  # noqa: E402
import hostile  # noqa: E402
import lessons  # noqa: E402
import library  # noqa: E402
import run as runs  # noqa: E402
import sanitize  # noqa: E402
import server  # noqa: E402
import source  # noqa: E402
import sweep  # noqa: E402

SIDE_BY_SIDE = 3


def lend_library(work):
    """A copy of what test_library and the proofs link too."""
    for kind in library.KINDS:
        with contextlib.suppress(library.Failed):  # no such sanitizer here
            path = library.build(os.path.join(ROOT, "work"), kind=kind)
            copy = library.path_of(work, kind=kind)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copyfile(path, copy)


class Places(unittest.TestCase):
    """All in one work folder, with what the tree's own has of the library:
    it takes longer to build than to check."""
    folder = None

    @classmethod
    def setUpClass(cls):
        if not Places.folder:
            Places.folder = tempfile.TemporaryDirectory(
                prefix="reveil-places-")
            unittest.addModuleCleanup(Places.folder.cleanup)
            lend_library(Places.folder.name)
        cls.work = Places.folder.name
        cls.server = server.Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def verdicts(self, items):
        """{name: verdict} of {name: (number of the lesson, its text)}."""
        for number in {number for number, _ in items.values()}:
            check.normal_of(check.Checker(lessons.find(number),
                                          work=self.work,
                                          server_=self.server))
        found = {}

        def one(name):
            number, text = items[name]
            found[name] = check.Checker(
                lessons.find(number), None, text, 1, work=self.work,
                server_=self.server).check()

        sweep.run_all(items, one, 600, SIDE_BY_SIDE)
        self.assertEqual(len(found), len(items))
        return found


class NextTodo(Places):
    def test_the_first_open_todo_is_named(self):
        """The solution for the first TODOs, the stubs for the rest."""
        items, wanted = {}, {}
        for lesson in lessons.all_lessons():
            if not lesson.has_program:
                continue
            parts = sorted((part for part in cut.parts_of(lesson)
                            if isinstance(part, source.Region)),
                           key=lambda part: part.id)
            for i, first in enumerate(parts):
                name = f"{first.id} is open"
                wanted[name] = first.id
                items[name] = (lesson.number, cut.fill(lesson, {
                    part.id: cut.stub_text(part, lesson, "en")
                    for part in parts[i:]}))
        for name, verdict in self.verdicts(items).items():
            with self.subTest(name):
                self.assertFalse(verdict["passed"])
                self.assertEqual(verdict["todo"], wanted[name],
                                 (verdict["cause"], verdict["evidence"]))

    def test_a_call_that_is_wrong_goes_before_an_open_todo(self):
        lesson = lessons.find("03")
        text = cut.fill(lesson, {"3.2": next(
            cut.stub_text(part, lesson, "en")
            for part in cut.parts_of(lesson)
            if isinstance(part, source.Region) and part.id == "3.2"),
            "3.3": hostile.instead("abort();")})
        verdict = self.verdicts({"abort": ("03", text)})["abort"]
        self.assertEqual((verdict["cause"], verdict["todo"]),
                         ("CRASHED", "3.3"))


    def test_what_written_code_does_is_no_open_todo(self):
        """A beginner's 4.1, right but for one thing, and 4.2 still the stub."""
        lesson = lessons.find("04")
        parts = {part.id: part for part in cut.parts_of(lesson)
                 if isinstance(part, source.Region)}
        stub = cut.stub_text(parts["4.1"], lesson, "en")
        begin = stub.index("    (void)future;\n")
        end = stub.index("}\n", begin)

        def body(text):
            return cut.fill(lesson, {
                "4.1": stub[:begin] + text + stub[end:],
                "4.2": cut.stub_text(parts["4.2"], lesson, "en")})

        poll = ("    struct join_all *self = (struct join_all *)future;\n"
                "    size_t done = 0;\n"
                "    for (size_t i = 0; i < self->count; i++)\n"
                "        if (%s) {\n"
                "            self->due[i] = false;\n"
                "            self->ready[i] = %s;\n"
                "            done += self->ready[i];\n"
                "        }\n"
                "    return %s;\n")
        asked = "poll_child(self->children[i]) == READY"
        items = {
            "DOES NOT BUILD": body("    return READY\n"),
            "POLLED AFTER READY": body(poll % (
                "self->due[i]", asked, "done < 0 ? READY : NOT_READY")),
            "NEVER READY": body(poll % (
                "self->due[i] && !self->ready[i]", asked,
                "done == self->count ? READY : NOT_READY"))}
        for cause, verdict in self.verdicts({
                cause: ("04", text) for cause, text in items.items()}).items():
            self.assertEqual((verdict["cause"], verdict["todo"]),
                             (cause, "4.1"), verdict["evidence"])


class Calls(Places):
    # Of hostile.py: what has a call to point at, or a loop.
    NAMES = ["exit-in-constructor", "quick-exit", "fork-outlives",
             "fork-in-constructor", "stop", "stop-in-constructor",
             "endless-output", "crash", "abort", "stack-overflow",
             "endless-loop", "pause"]

    def test_the_line_of_the_call_and_its_todo(self):
        lesson = lessons.find("03")
        texts = {name: cut.fill(lesson, {"3.3": hostile.HOSTILE[name][0]})
                 for name in self.NAMES}
        texts["system"] = cut.fill(lesson, {
            "3.3": hostile.instead('if (system("true")) exit(3);')})
        texts["kills-itself"] = cut.fill(lesson, {"3.3": hostile.instead(
            "kill(getpid(), SIGKILL);", "#include <signal.h>")})
        texts["recursion"] = cut.fill(lesson, {"3.3": hostile.RIGHT.replace(
            "event_queue_wait(&self->queue, events);",
            "(void)events; block_on(self, future);")})
        texts["recursion"] = texts["recursion"].replace("&self->queue", "")
        items = {name: ("03", text) for name, text in texts.items()}
        for name, verdict in self.verdicts(items).items():
            with self.subTest(name):
                first, body = source.regions(texts[name])["3.3"]
                self.assertFalse(verdict["passed"])
                self.assertEqual(verdict["todo"], "3.3", verdict["cause"])
                self.assertIn(verdict["line"],
                              range(first, first + body.count("\n") + 1))

    def test_a_brace_that_is_missing(self):
        text = cut.fill(lessons.find("03"), {
            "3.2":
            "static int event_queue_wait(const struct event_queue *self,\n"
            "                            struct epoll_event *events)\n{\n"
            "    return epoll_wait(self->epoll, events, 1, -1);\n"})
        verdict = self.verdicts({"brace": ("03", text)})["brace"]
        self.assertEqual((verdict["cause"], verdict["todo"]),
                         ("DOES NOT BUILD", "3.2"))

    def test_an_error_of_a_called_function_is_of_who_called_it_wrongly(self):
        """epoll_wait fails in 3.2, whose own cases pass: 3.3 is wrong."""
        text = cut.fill(lessons.find("03"), {"3.3": hostile.RIGHT.replace(
            "struct epoll_event events[EVENTS_CAPACITY];",
            "struct epoll_event *events = NULL;")})
        verdict = self.verdicts({"null": ("03", text)})["null"]
        self.assertEqual(verdict["todo"], "3.3", verdict)


class UnitCases(unittest.TestCase):
    """A case tests one TODO alone, and may still know better."""

    def todo_of(self, own):
        checker = check.Checker(lessons.find("01"))
        checker.expect = {"case": [{"name": "one", "todo": "1.1",
                                    "unit": True}]}
        finding = causes.Finding("TRUNCATED")
        finding.sure_todo = own
        checker.run_case = lambda *_, **__: None
        checker.diagnose = lambda run: finding
        return checker.cases()[1].sure_todo

    def test_the_todo_that_it_names_itself(self):
        self.assertEqual(self.todo_of("1.2"), "1.2")

    def test_its_own_where_it_names_none(self):
        self.assertEqual(self.todo_of(None), "1.1")


class NoGuess(Places):
    def test_busy_loop_needs_more_than_a_count(self):
        """A park that sleeps in a call that the recorder does not know."""
        park = """
#include <sys/eventfd.h>
struct parker { int fd; };
static void parker_init(struct parker *self) { self->fd = eventfd(0, 0); }
static void park(struct parker *self)
{
    uint64_t number;
    struct { void *base; size_t length; } piece = {&number, 8};
    lesson_log_park(false);
    syscall(SYS_readv, self->fd, &piece, 1);
}
static void unpark(struct parker *self) { eventfd_write(self->fd, 1); }
"""
        text = cut.fill(lessons.find("05"), {
            "5.4": "#include <sys/syscall.h>\n" + park})
        verdict = self.verdicts({"readv": ("05", text)})["readv"]
        self.assertNotEqual(verdict["cause"], "BUSY LOOP", verdict)


class SanitizerReports(unittest.TestCase):
    """The evidence names the tool whose words it repeats."""

    def evidence(self, line):
        finding = sanitize.read(line.encode(), "lesson.c")
        self.assertEqual(finding.cause, "MEMORY ERROR")
        return finding.evidence

    def test_what_address_sanitizer_says_is_its_own(self):
        said = self.evidence("==7==ERROR: AddressSanitizer: heap-use-after-free"
                             " on address 0x6020 at pc 0x4011 bp 0x7ffc\n")
        self.assertEqual(said["en"], "AddressSanitizer: heap-use-after-free")
        self.assertRegex(said["fr"],
                         r"^AddressSanitizer\s: heap-use-after-free$")

    def test_what_ubsan_says_is_its_own(self):
        words = "shift exponent 64 is too large for 64-bit type 'long'"
        said = self.evidence(f"work/lesson.c:7:3: runtime error: {words}\n")
        self.assertEqual(said["en"], "UBSan: " + words)
        self.assertRegex(said["fr"], r"^UBSan\s: shift exponent 64 ")


class RaceThreads(unittest.TestCase):
    """A verdict says which thread of the lesson it means, and not T1.

    ThreadSanitizer may miss two accesses at the same moment, and one by a
    thread that ends just now. So main() waits for the thread's access, and the
    thread for main's: a relaxed load orders nothing, and the race stays one.
    """
    PROGRAM = """
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
static int shared;
static atomic_int counted;
static void *count(void *name)
{
    if (name)
        prctl(PR_SET_NAME, name);
    shared++;
    atomic_store_explicit(&counted, 1, memory_order_relaxed);
    while (atomic_load_explicit(&counted, memory_order_relaxed) == 1)
        ;
    return NULL;
}
static void counter_start(pthread_t *thread, char *name)
{
    pthread_create(thread, NULL, count, name);
}
int main(int argc, char **argv)
{
    pthread_t thread;
    counter_start(&thread, argc > 1 ? argv[1] : NULL);
    while (!atomic_load_explicit(&counted, memory_order_relaxed))
        ;
    shared++;
    atomic_store_explicit(&counted, 2, memory_order_relaxed);
    pthread_join(thread, NULL);
    return 0;
}
"""

    # The access is in a function of a header, which is inlined.
    INLINED = """
#include <pthread.h>
#include <stdatomic.h>
static int shared;
static atomic_int counted;
#line 7 "header.h"
static inline __attribute__((always_inline)) void add(int *n) { ++*n; }
#line 30 "tsan.c"
static void *count(void *unused)
{
    add(&shared);
    atomic_store_explicit(&counted, 1, memory_order_relaxed);
    while (atomic_load_explicit(&counted, memory_order_relaxed) == 1)
        ;
    return unused;
}
int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, count, NULL);
    while (!atomic_load_explicit(&counted, memory_order_relaxed))
        ;
    add(&shared);
    atomic_store_explicit(&counted, 2, memory_order_relaxed);
    pthread_join(thread, NULL);
    return 0;
}
"""

    def race(self, cc, *name, program=PROGRAM):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tsan")
            with open(path + ".c", "w", encoding="utf-8") as file:
                file.write(program)
            if subprocess.run([cc, "-D_GNU_SOURCE", "-g", "-O1",
                               "-fsanitize=thread", "-o", path, path + ".c"],
                              check=False, capture_output=True).returncode:
                self.skipTest(f"{cc} has no ThreadSanitizer")
            result = subprocess.run(
                ["setarch", "-R", path, *name], check=False,
                capture_output=True, env=dict(os.environ, **sanitize.OPTIONS))
            output = sanitize.put_symbols(result.stdout + result.stderr, path)
        if sanitize.UNFIT.search(output.decode()):
            self.skipTest("ThreadSanitizer does not start here")
        return sanitize.read(output, "tsan.c").evidence

    def test_a_thread_has_the_name_that_it_took(self):
        for cc in ("gcc", "clang"):
            if shutil.which(cc):
                with self.subTest(cc):
                    said = self.race(cc, "reactor")
                    self.assertIn("thread reactor ", said["en"])
                    self.assertIn("le thread reactor ", said["fr"])
                    self.assertIn("thread main ", said["en"])

    def test_what_was_inlined_is_in_the_function_that_it_is_part_of(self):
        for cc in ("gcc", "clang"):
            if shutil.which(cc):
                with self.subTest(cc):
                    said = self.race(cc, program=self.INLINED)["en"]
                    self.assertIn("in line 32, count()", said)
                    self.assertIn("in line 44, main()", said)

    def test_one_without_a_name_was_started_by_somebody(self):
        for cc in ("gcc", "clang"):
            if shutil.which(cc):
                with self.subTest(cc):
                    said = self.race(cc)
                    self.assertIn("thread started by counter_start() ",
                                  said["en"])
                    self.assertIn("le thread lancé par counter_start() ",
                                  said["fr"])


class Sanitized(unittest.TestCase):
    PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int third(int *numbers) { return numbers[2]; }
int main(int argc, char **argv)
{
    int *numbers = calloc(2, sizeof(*numbers));
    (void)argv;
    printf("fork: %d\\n", fork() < 0 ? -1 : 0);
    fflush(stdout);
    return argc > 1 ? third(numbers) : 0;
}
"""

    def run_with(self, cc):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "asan")
            with open(path + ".c", "w", encoding="utf-8") as file:
                file.write(self.PROGRAM)
            if subprocess.run([cc, "-g", "-O1", "-fsanitize=address", "-o",
                               path, path + ".c"], check=False,
                              capture_output=True).returncode:
                self.skipTest(f"{cc} has no AddressSanitizer")
            guard = runs.guard_program(folder)
            with open(os.devnull, "wb") as status:
                result = subprocess.run(
                    [guard, str(status.fileno()), "0", path, "read"],
                    check=False, stdin=subprocess.DEVNULL,
                    capture_output=True, pass_fds=(status.fileno(),),
                    env=dict(os.environ, **sanitize.OPTIONS))
            output = sanitize.put_symbols(result.stdout + result.stderr, path)
            self.assertIn(b"fork: -1", output)
            finding = sanitize.read(output, "asan.c")
            self.assertEqual(finding.cause, "MEMORY ERROR")
            self.assertEqual(finding.lines[0], 5)

    def test_no_process_under_a_sanitizer_and_the_line_is_there(self):
        for cc in ("gcc", "clang"):
            if shutil.which(cc):
                with self.subTest(cc):
                    self.run_with(cc)


class Kinds(unittest.TestCase):
    def test_every_todo_of_expect_is_for_a_cause_that_exists(self):
        for lesson in lessons.all_lessons():
            for name in lesson.expect.get("todos", {}):
                cause, kind = causes.split(name)
                entry = causes.table().get(causes.key_of(cause))
                with self.subTest(lesson.number + " " + name):
                    self.assertIsNotNone(entry)
                    if kind:
                        self.assertIn(kind, entry.get("kinds", {}))


if __name__ == "__main__":
    unittest.main()
