#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checker on lesson 03: hostile hand-ins, changed files, runs, traces.

No test asserts a time. Loopback and port 0 only.
"""
import os
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "course"))
sys.path.insert(0, HERE)

import build  # noqa: E402
import causes  # noqa: E402
import check  # noqa: E402
import cut  # noqa: E402
import diagnostics  # noqa: E402
import doctor  # noqa: E402
import hostile  # noqa: E402
import lanes  # noqa: E402
import lessons  # noqa: E402
import recorder  # noqa: E402
import recording  # noqa: E402
import run  # noqa: E402
import server  # noqa: E402
import sweep  # noqa: E402
import terminal  # noqa: E402
import texts  # noqa: E402
import transplant  # noqa: E402


def children():
    """Names of programs whose parent is this process or init, of ours."""
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children",
              encoding="ascii") as file:
        return file.read().split()


class Engine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lesson = lessons.find("03")
        cls.folder = tempfile.TemporaryDirectory(prefix="reveil-engine-")
        cls.work = cls.folder.name
        cls.server = server.Server()
        cls.normal = check.normal_of(check.Checker(
            cls.lesson, work=cls.work, server_=cls.server))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def verdict(self, text, seed=1):
        return check.Checker(self.lesson, None, text, seed, work=self.work,
                             server_=self.server).check()

    def fill(self, **regions):
        return cut.fill(self.lesson, {
            key.replace("r", "").replace("_", "."): text
            for key, text in regions.items()})


class Hostile(Engine):
    def test_none_passes_none_hangs(self):
        names = list(hostile.HOSTILE)
        verdicts = {}

        def one(name):
            text, _ = hostile.HOSTILE[name]
            verdicts[name] = self.verdict(self.fill(r3_3=text))

        sweep.run_all(names, one, 600, 4)
        self.assertEqual(len(verdicts), len(names))
        for name, verdict in verdicts.items():
            with self.subTest(name):
                wanted = hostile.HOSTILE[name][1]
                self.assertFalse(verdict["passed"])
                if wanted:
                    self.assertIn(verdict["cause"], wanted, verdict)
        self.assertEqual(children(), [])


class Busy(Engine):
    """On a busy machine, a figure counts beside what the solution needs now."""

    def judged(self, load, now, **measured):
        """The figure that is named, of a run that ended as it should."""
        recording = mock.MagicMock()
        plain = mock.Mock(steps=[], recording=recording, wall=1000,
                          result=mock.Mock(cpu_ms=1, switches=0))
        checker = check.Checker(self.lesson, None, "", 1, work=self.work)
        checker.normal = {"polls": 5, "epoll_waits": 4, "registers": 2}
        with mock.patch.object(check.answer, "load_factor", lambda: load), \
                mock.patch.object(check.answer, "run_solution",
                                  lambda _: now), \
                mock.patch.object(check.traces, "figures_of",
                                  lambda *_: {"polls": 5, "epoll_waits": 4,
                                              "registers": 2, **measured}):
            checker.compare_figures(plain, True)
        return checker.figure_finding(plain)

    def test_what_the_solution_needs_as_well_is_no_fault(self):
        now = {"polls": 12, "epoll_waits": 4, "registers": 2}
        self.assertIsNone(self.judged(3, now, polls=20))
        self.assertIsNotNone(self.judged(3, now, polls=25))
        self.assertIsNotNone(self.judged(1, now, polls=20))

    def test_what_the_solution_does_not_need_is_one(self):
        now = {"polls": 5, "epoll_waits": 4, "registers": 2}
        self.assertIsNotNone(self.judged(3, now, polls=10))
        self.assertIsNotNone(self.judged(3, now, registers=3))
        self.assertIsNotNone(self.judged(3, {}, polls=10))
        self.assertIsNone(self.judged(3, now))


class Sanitized(unittest.TestCase):
    """A program that does not end in a sanitizer's build has not passed it."""

    def check(self, code):
        lesson = lessons.find("05")
        text = lesson.text("lesson.c")
        head = "static void park(struct parker *self)\n{\n"
        self.assertIn(head, text)
        with tempfile.TemporaryDirectory(prefix="reveil-engine-") as work, \
                server.Server() as one, \
                mock.patch.object(check, "SANITIZED", 10), \
                mock.patch.object(check.answer, "load_factor", lambda: 1):
            return check.Checker(
                lesson, None, cut.fill(lesson, {}).replace(
                    head, head + code, 1), 1, work=work, server_=one).check()

    def test_it_stands_still(self):
        verdict = self.check("#ifdef __SANITIZE_THREAD__\n    pause();\n"
                             "#endif\n")
        self.assertEqual((verdict["cause"], verdict["step"]),
                         ("STOPPED", "sanitize"), verdict)
        self.assertIn("ThreadSanitizer", verdict["evidence"]["en"])


class Files(Engine):
    def test_solution_passes(self):
        verdict = self.verdict(self.fill())
        self.assertTrue(verdict["passed"], verdict)
        self.assertFalse(verdict["changed_outside"])
        self.assertTrue(os.path.exists(verdict["trace"]))

    def test_the_exercise_does_not_pass(self):
        for language in ("en", "fr"):
            verdict = self.verdict(cut.exercise(self.lesson, language))
            self.assertFalse(verdict["passed"])
            self.assertEqual(verdict["todo"], verdict["open"][0])

    def test_changes_outside_the_marks_are_told_and_do_not_count(self):
        text = self.fill().replace("int main(int argc, char **argv)\n{",
                                   "int main(int argc, char **argv)\n{\n"
                                   "    return 0;", 1)
        verdict = self.verdict(text)
        self.assertTrue(verdict["passed"], verdict)
        self.assertTrue(verdict["changed_outside"])

    def test_missing_marks(self):
        text = self.fill().replace("/* END TODO 3.2 */\n", "")
        verdict = self.verdict(text)
        self.assertEqual(verdict["cause"], "MARKS MISSING")
        self.assertIn("3.2", verdict["evidence"]["en"])

    def test_an_error_is_at_the_learners_line(self):
        text = self.fill(r3_3="static int a = nonsense;\n" + hostile.RIGHT)
        verdict = self.verdict(text)
        self.assertEqual(verdict["cause"], "DOES NOT BUILD")
        self.assertEqual(verdict["todo"], "3.3")
        self.assertIn("lesson.c:", verdict["build_log"])

    def test_a_header_that_only_the_checker_includes_is_missing(self):
        lesson = lessons.find("11")  # where it includes <stddef.h>
        text = cut.fill(lesson, {}).replace(
            "/* END TODO 11.2 */",
            "static const size_t at = offsetof(struct pipe_read, got);\n"
            "/* END TODO 11.2 */", 1)
        verdict = check.Checker(lesson, None, text, 1, work=self.work,
                                server_=self.server).check()
        self.assertEqual((verdict["cause"], verdict["todo"]),
                         ("DOES NOT BUILD", "11.2"))

    def test_a_name_of_the_learners_is_not_one_of_the_checkers(self):
        lesson = "struct given { int a; };"
        region = 'static void start(void) { struct child one; puts("start"); }'
        check_c = ("struct child {\n    int a;\n};\n"
                   "struct given {\n    int b;\n};\n"
                   "static int start(struct child *c)\n{\n"
                   '    return printf("start");\n}\n')
        self.assertEqual(
            transplant.out_of_the_way(check_c, region + lesson, lesson),
            check_c.replace("struct child", "struct probe_own_child")
            .replace("int start", "int probe_own_start"))
        self.assertEqual(
            transplant.out_of_the_way(check_c, lesson, lesson), check_c)

    def test_a_region_cannot_swallow_what_comes_behind_it(self):
        for tail in ("\n/* open", "\n// on \\", "\n#define on \\"):
            made = transplant.make(self.lesson, text=self.fill(
                r3_3=hostile.RIGHT + tail + "\n"))
            self.assertIn(transplant.CLOSE, made.text)

    def test_same_seed_same_verdict(self):
        text = self.fill(r3_3=hostile.instead("pause();"))
        first, second = self.verdict(text, 7), self.verdict(text, 7)
        for key in ("passed", "cause", "kind", "seed", "todo", "line"):
            self.assertEqual(first[key], second[key])


class Recorder(Engine):
    """native/probe.c: compiled for the first answer, named for each."""

    def built(self):
        made = transplant.make(self.lesson)
        with build.Folder(self.work) as folder:
            one = build.Build(self.lesson, made, folder, "cc", ("check",),
                              self.work)
            program = one.finish("check")
            self.assertIsNotNone(program, one.log())
            listed = subprocess.run(["nm", "--extern-only", program],
                                    check=True, text=True,
                                    capture_output=True).stdout
        return made.word, "recorder.o" in one.compilers, {
            line.split()[-1] for line in listed.splitlines()}

    def test_the_first_answer_compiles_it(self):
        self.assertFalse(self.built()[1])
        with mock.patch.object(recorder, "texts",
                               lambda: {"probe.h": "changed"}):
            changed = recorder.path_of(self.folder.name, "cc", [], False)
        self.assertNotEqual(changed, recorder.path_of(
            self.folder.name, "cc", [], False))
        compiled = os.path.join(self.folder.name, "compiled.o")
        for path in (compiled, changed):
            with open(path, "w", encoding="ascii"):
                pass
        now = recorder.path_of(self.folder.name, "cc", [], False)
        recorder.keep(compiled, now)
        self.assertTrue(os.path.exists(now))
        self.assertFalse(os.path.exists(changed))

    def test_its_names_have_the_word_of_the_answer(self):
        word, _, first = self.built()
        other, _, second = self.built()
        self.assertNotEqual(word, other)
        self.assertIn(f"probe_{word}_fail", first)
        self.assertIn(f"probe_{other}_fail", second)
        for names, its in ((first, word), (second, other)):
            self.assertEqual([name for name in names
                              if name.startswith("probe_") and
                              not name.startswith(f"probe_{its}_")], [])


class Runs(Engine):
    def test_a_run_has_figures_and_a_trace(self):
        result = check.run_plain(self.lesson, None, work=self.work)
        self.assertFalse(result["stuck"])
        self.assertEqual(result["status"], 0)
        self.assertTrue(os.path.exists(result["trace"]))
        self.assertGreater(result["steps"], 10)

    def test_a_stuck_run_says_who_sleeps(self):
        path = os.path.join(self.work, "stuck.c")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.fill(r3_3=hostile.instead("pause();")))
        result = check.run_plain(self.lesson, path, work=self.work)
        self.assertTrue(result["stuck"])
        self.assertEqual(result["blocked"], ["main in pause"])


class Lanes(unittest.TestCase):
    def test_who_waits_for_a_lock_at_the_end_does_not_run(self):
        waits = mock.Mock(index=2, ended=0, blocked_since=5_000_000,
                          blocked_in="pthread_mutex_lock")
        sleeps = mock.Mock(index=1, ended=0, blocked_since=4_000_000,
                           blocked_in="epoll_wait")
        waits.name, sleeps.name = "pool-1", "main"
        recording = mock.Mock(threads=[sleeps, waits],
                              blocked_lines={"pool-1": [93, 110]})
        rows = check.traces.at_a_lock(
            recording, [mock.Mock(time=3_000_000)], 9_000_000)
        self.assertEqual(rows, [(5_000_000, 2, "block", -1, -1, 4, 93, 1)])
        events = [[3_000_000, 2, "thread-start"], list(rows[0])]
        self.assertEqual([state for _, state in
                          lanes.changes_of_thread(events, 2, 0)],
                         [" ", "#", "."])
        self.assertEqual(lanes.changes_of_thread(
            [*events, [6_000_000, 2, "poll"]], 2, 0)[-1][1], "#")

    def test_who_waits_for_a_lock_that_comes_later_does_not_run(self):
        steps = [mock.Mock(time=ms * 1_000_000, thread=2) for ms in (1, 9)]
        got = mock.Mock(kind="locked", time=8_000_000, value=5000, thread=2,
                        line=7, lines=(7,))
        shown = check.traces.shown(
            mock.Mock(events=[mock.Mock(kind="get"), got]), steps)
        self.assertEqual([shown[0], shown[2]], steps)
        row = shown[1].row(0)
        self.assertEqual(row, [3_000_000, 2, "block", -1, -1, 5, 7, 1])
        events = [[0, 2, "thread-start"], row, [8_000_000, 2, "poll"]]
        self.assertEqual(lanes.draw_lane(
            lanes.changes_of_thread(events, 2, 0), 0, 10_000_000, 10),
            "###.....##")

    def test_short_sleeps_in_a_loop_are_not_drawn_as_running(self):
        naps = [[0, 1, "thread-start"]]
        for ms in range(100):
            naps += [[ms * 1_000_000 + 1000, 1, "sleep"],
                     [ms * 1_000_000 + 900_000, 1, "poll"]]
        for width in (10, 60, 100):
            lane = lanes.draw_lane(lanes.changes_of_thread(naps, 1, 0), 0,
                                   100_000_000, width)
            self.assertEqual(lane, "z" * width)

    def test_a_long_sleep_waits_and_what_follows_runs(self):
        events = [[0, 1, "sleep"], [50_000_000, 1, "poll"]]
        self.assertEqual(
            lanes.draw_lane(lanes.changes_of_thread(events, 1, 0), 0,
                            100_000_000, 10), "." * 5 + "#" * 5)


class Texts(unittest.TestCase):
    def test_the_last_steps_are_in_both_languages(self):
        steps = [mock.Mock(kind="poll", task=3, source=-1, times=2),
                 mock.Mock(kind="write", task=-1, source=4, times=1)]
        for step in steps:
            step.name = "main"
        run = causes.Run(mock.Mock(blocked=[], seconds=1), steps, {})
        self.assertEqual(run.last_steps(), {
            "en": "main: poll, task 3, x2; main: write, source 4",
            "fr": "main\u00a0: sondage, tâche 3, × 2\u202f; "
                  "main\u00a0: écriture, source 4"})

    def test_each_kind_of_step_has_words(self):
        silent = check.traces.LEFT_OUT | set(causes.DRAWN)
        for kind in recording.KINDS:
            if kind not in silent:
                self.assertIn(kind, causes.KINDS)

    def test_every_cause_is_in_both_languages(self):
        def look(table, where):
            if any(key in table for key in ("en", "fr")):
                for language in causes.LANGUAGES:
                    self.assertTrue(table.get(language), where)
            for key, inner in table.items():
                if isinstance(inner, dict):
                    look(inner, where + (key,))

        for name, table in causes.table().items():
            look(table, (name,))
            if name != "ANY":
                self.assertIn("why", table, name)


LOG = """\
work/01/lesson.c: In function ‘hello_poll’:
work/01/lesson.c:74:21: warning: this statement may fall through
   74 |         self->state = WRITING;
      |         ~~~~~~~~~~~~^~~~~~~~~
work/01/lesson.c:75:5: note: here
work/01/lesson.c:78:9: error: implicit declaration of function ‘log’
work/01/lesson.c:20:1: note: include ‘<math.h>’
work/01/lesson.c: In function ‘run_to_end’:
work/01/lesson.c:100:28: error: lvalue required as left operand
  100 |     while (poll_task(task) = NOT_READY)
      |                            ^
cc1: some warnings being treated as errors
"""


class Diagnostics(unittest.TestCase):
    def test_errors_come_first_with_their_notes_and_lines(self):
        lines = diagnostics.in_order(LOG).splitlines()
        self.assertIn("78:9: error", lines[0])
        self.assertIn("note: include", lines[1])
        self.assertIn("100:28: error", lines[2])
        self.assertTrue(lines[4].endswith("^"))
        self.assertEqual(len(lines), 5)

    def test_warnings_alone_stay(self):
        only = LOG[:LOG.index("work/01/lesson.c:78")]
        self.assertIn("may fall through", diagnostics.in_order(only))

    def test_a_screen_has_the_first_errors_and_no_line_too_wide(self):
        t = texts.Texts("en")
        many = "".join(f"work/01/lesson.c:{i}:1: error: {'long ' * 30}\n"
                       for i in range(1, 9))
        shown = diagnostics.folded(many, terminal.Terminal(plain=True), t)
        self.assertIn("lesson.c:1:1", shown)
        self.assertIn("... and 5 more errors", shown)
        self.assertNotIn("lesson.c:4:1", shown)
        self.assertLessEqual(max(map(len, shown.splitlines())), 100)

    def test_a_message_quotes_the_line_of_the_learner(self):
        with tempfile.TemporaryDirectory(dir=ROOT) as folder, \
                tempfile.TemporaryDirectory() as place:
            path = os.path.join(os.path.basename(folder), "lesson.c")
            with open(os.path.join(ROOT, path), "w",
                      encoding="utf-8") as file:
                file.write("the line\n")
            build.quotable(place, path)
            with open(os.path.join(place, path), encoding="utf-8") as file:
                self.assertEqual(file.read(), "the line\n")


class Guard(unittest.TestCase):
    """native/guard.c alone: what a program started ends, also with the guard."""

    FORKS = """
    #define _GNU_SOURCE
    #include <stdio.h>
    #include <unistd.h>
    int main(void)
    {
        if (fork() == 0) { /* the grandchild has neither parent nor group */
            setsid();
            if (fork() == 0)
                for (;;)
                    pause();
            _exit(0);
        }
        usleep(100000);
        puts("ready");
        fflush(stdout);
        for (;;)
            pause();
    }
    """

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="reveil-guard-")
        self.addCleanup(folder.cleanup)
        self.guard = run.guard_program(folder.name)
        self.program = os.path.join(folder.name, "forks")
        subprocess.run(["cc", "-x", "c", "-o", self.program, "-"], check=True,
                       input=self.FORKS.encode())

    def left(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.program.encode() in file.read():
                        found.append(pid)
            except OSError:
                pass
        return found

    def start(self):
        one = subprocess.Popen([self.guard, "2", "0", self.program],
                               stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
        self.addCleanup(one.stdout.close)
        self.assertEqual(one.stdout.readline(), b"ready\n")
        return one

    def test_a_fork_ends_with_its_program(self):
        one = self.start()
        one.terminate()
        one.wait(60)
        self.assertEqual(self.left(), [])

    @unittest.skipUnless(doctor.has_pid_namespace(),
                         "no PID namespace may be made here")
    def test_a_fork_ends_with_a_guard_that_is_killed(self):
        one = self.start()
        one.kill()
        one.wait(60)
        end = time.monotonic() + 60
        while self.left() and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(self.left(), [])

    SYSTEM_V = """
    #include <stdlib.h>
    #include <sys/msg.h>
    #include <sys/sem.h>
    #include <sys/shm.h>
    int main(int argc, char **argv)
    {
        const int key = atoi(argv[argc - 1]);
        const int how = IPC_CREAT | IPC_EXCL | 0600;
        return semget(key, 1, how) < 0 || msgget(key, how) < 0 ||
               shmget(key, 1, how) < 0;
    }
    """

    @unittest.skipUnless(doctor.has_pid_namespace(),
                         "no PID namespace may be made here")
    def test_what_outlives_a_process_ends_too(self):
        subprocess.run(["cc", "-x", "c", "-o", self.program, "-"], check=True,
                       input=self.SYSTEM_V.encode())
        key = str(os.getpid())
        done = subprocess.run([self.guard, "1", "0", self.program, key],
                              stdout=subprocess.PIPE, check=True)
        self.assertIn(b"end exited 0 ", done.stdout)
        for kind in ("sem", "msg", "shm"):
            with open("/proc/sysvipc/" + kind, encoding="ascii") as file:
                self.assertNotIn(key, [line.split()[0] for line in file])


if __name__ == "__main__":
    unittest.main()
