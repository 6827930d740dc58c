#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of ./reveil lesson: its commands, exit codes, files and formats."""
import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COURSE = os.path.join(ROOT, "course")
sys.path.insert(0, COURSE)

import commands  # noqa: E402
import cut  # noqa: E402
import lessons  # noqa: E402

SECONDS = 300  # a command that takes longer hangs, on any machine


def solution(number):
    return cut.fill(lessons.find(number), {}, "en")


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.work = os.path.join(self.folder.name, "work")
        self.environment = dict(os.environ, REVEIL_WORK=self.work,
                                LC_ALL="C.UTF-8")
        for name in ("REVEIL_CLASS", "REVEIL_NAME", "LC_MESSAGES", "LANG"):
            self.environment.pop(name, None)

    def lesson(self, *words, status=0, **more):
        environment = dict(self.environment, **more.pop("environment", {}))
        result = subprocess.run(
            [sys.executable, COURSE, *words], capture_output=True, text=True,
            timeout=SECONDS, env=environment, stdin=subprocess.DEVNULL
            if "input" not in more else None, **more)
        self.assertEqual(result.returncode, status,
                         f"{words}\n{result.stdout}\n{result.stderr}")
        return result.stdout if status != 2 else result.stderr

    def failed(self, *words):
        """What a command that ends with 1 says."""
        return subprocess.run(
            [sys.executable, COURSE, *words], capture_output=True, text=True,
            timeout=SECONDS, env=self.environment, cwd=ROOT,
            stdin=subprocess.DEVNULL).stderr

    def answer(self, number):
        lesson = lessons.find(number)
        return os.path.join(self.work, f"{number}-{lesson.name}", "lesson.c")

    def write(self, number, text):
        with open(self.answer(number), "w", encoding="utf-8") as file:
            file.write(text)


class Doctor(Case):
    """What is said where something is missing, by trials that fail."""

    def setUp(self):
        super().setUp()
        import doctor
        self.doctor = doctor

    def rows(self, language="en", **trials):
        import texts
        with contextlib.ExitStack() as stack:
            for name, value in trials.items():
                stack.enter_context(unittest.mock.patch.object(
                    self.doctor, name, value))
            return {row["name"]: row for row in
                    self.doctor.report(texts.Texts(language))}

    def test_it_says_what_is_not_checked(self):
        for language, words in (("en", "not checked"), ("fr", "non vérifi")):
            rows = self.rows(language, compilers=lambda: ["cc"],
                             sanitizer=lambda *_: "absent",
                             has_seccomp=lambda: False,
                             has_pid_namespace=lambda: False)
            self.assertIn(words, rows["cc asan"]["text"])
            self.assertIn(words, rows["cc tsan"]["text"])
            self.assertFalse(rows["cc asan"]["ok"] or rows["seccomp"]["ok"])
            self.assertTrue(all(row["text"] for row in rows.values()))

    def test_lessons_that_cannot_run_here_are_named(self):
        import lessons as tree
        for language, words in (("en", "not checked here"),
                                ("fr", "non vérifié ici")):
            with unittest.mock.patch.object(tree, "MACHINE", "aarch64"), \
                    unittest.mock.patch.object(tree, "has_io_uring",
                                               lambda: False):
                rows = self.rows(language, compilers=lambda: ["cc"],
                                 sanitizer=lambda *_: "works")
            processor = rows["processor" if language == "en"
                             else "processeur"]
            for row, numbers in ((rows["io_uring"], ("13",)),
                                 (processor, ("12", "16"))):
                self.assertFalse(row["ok"])
                self.assertIn(words, row["text"])
                for number in numbers:
                    self.assertIn(number, row["text"])
            self.assertIn("aarch64", processor["text"])
        rows = self.rows(compilers=lambda: ["cc"], sanitizer=lambda *_: "works")
        self.assertEqual(rows["io_uring"]["ok"], tree.has_io_uring())

    def test_a_lesson_that_cannot_run_here_is_not_failed(self):
        """check, run and start say why; status 3, not a verdict."""
        program = ("import sys; sys.path.insert(0, sys.argv.pop(1)); "
                   "import lessons; "
                   "lessons.HAS['io_uring'] = lambda: False; "
                   "lessons.MACHINE = 'aarch64'; "
                   "import runpy; sys.argv[0] = 'lesson'; "
                   "runpy.run_path(sys.path[0] + '/__main__.py', "
                   "run_name='__main__')")
        for number in ("13", "12"):
            for words, status in ((["start", number], 0),
                                  (["check", number], 3),
                                  (["run", number], 3)):
                result = subprocess.run(
                    [sys.executable, "-c", program, COURSE, *words],
                    capture_output=True, text=True, timeout=SECONDS,
                    env=self.environment, stdin=subprocess.DEVNULL)
                said = result.stdout + result.stderr
                self.assertEqual(result.returncode, status, said)
                self.assertIn(f"Lesson {number}", said)
                self.assertNotIn("NOT PASSED", said)
                self.assertNotIn("Traceback", said)

    def test_both_languages_and_json(self):
        self.assertIn("loopback", self.lesson("doctor"))
        self.assertIn("peut vérifier ici", self.lesson("doctor", "--lang",
                                                       "fr"))
        rows = json.loads(self.lesson("doctor", "--json"))["course"]
        self.assertIn("addr2line", [row["name"] for row in rows])

    def test_a_verdict_says_it_too(self):
        import show
        import terminal
        import texts
        verdict = {"lesson": "05", "passed": True, "figures": {}, "seed": 1,
                   "not_checked": ["tsan_absent"]}
        for language, words in (("en", "not checked here: data races"),
                                ("fr", "non vérifié ici\u00a0: les accès")):
            lines = show.render(verdict, "lesson.c", {},
                                texts.Texts(language),
                                terminal.Terminal(plain=True), {})
            self.assertIn(words, "\n".join(lines))


class Commands(Case):
    def test_help_in_both_languages(self):
        self.assertIn("usage: ./reveil lesson", self.lesson("--help"))
        self.assertIn("usage\u00a0: ./reveil lesson", self.lesson(
            "--help", environment={"LC_ALL": "fr_FR.UTF-8"}))
        self.assertIn("start 00", self.lesson())
        for command in ("list", "start", "check", "watch", "grade"):
            self.assertIn(f"lesson {command}",
                          self.lesson(command, "--help"))

    def test_the_list_goes_on_with_the_lesson_that_was_started_last(self):
        self.lesson("start", "00")
        self.assertIn("lesson predict 00", self.lesson())
        self.lesson("start", "01")
        self.assertIn("lesson check 01", self.lesson())

    def test_the_language_may_come_before_the_command(self):
        for words in (["--lang", "fr"], ["--lang=fr"], ["--lang=fr", "list"],
                      ["--lang", "fr", "list"], ["list", "--lang", "fr"]):
            with self.subTest(words=words):
                self.assertIn("Les leçons", self.lesson(*words))

    def test_no_line_of_the_figures_is_wider_than_the_terminal(self):
        import show
        import terminal
        import texts
        figures = {"polls": {"measured": 1, "low": 3, "high": 8},
                   "long": {"measured": 4096, "low": 0, "high": 80,
                            "en": "times a thread gave up the processor",
                            "fr": "fois où un thread a rendu le processeur"}}
        for language in ("en", "fr"):
            lines = show.figures_table(figures, {}, texts.Texts(language),
                                       terminal.Terminal(plain=True))
            with self.subTest(language=language):
                self.assertLess(max(map(len, lines)), 80, lines)
                self.assertTrue(any("4" in line and "80" in line
                                    for line in lines))

    def test_what_cannot_be_used_is_wrong_usage(self):
        """Not a verdict, not a fault of the machine; it says what is due."""
        for words, said in (
                (("check", "01", "--answer", "/nowhere.c"), "/nowhere.c"),
                (("check", "01", "--answer", "/tmp"), "a file in C"),
                (("check", "01", "--cc", "no-such-cc"), "no-such-cc"),
                (("predict", "01", "--answers", "a,b"), "'a'"),
                (("predict", "01", "--answers", "1,7"), "'7'"),
                (("predict", "01", "--answers", "1,2,3"), "2 questions"),
                (("try", "01", "--at", "main:1", "--case", "none"), "lengths"),
                (("diff", "01"), "lesson diff 02 03"),
                (("list", "x"), "lesson list --help")):
            with self.subTest(words=words):
                self.assertIn(said, self.lesson(*words, status=2))

    def test_a_delay_that_never_came_proves_nothing(self):
        self.lesson("start", "05")
        self.write("05", solution("05"))
        for at in ("nobody:1", "main:99999"):
            said = self.lesson("try", "05", "--at", at, status=2)
            self.assertIn(at, said)
            self.assertRegex(said, r"main:\d+, bell:\d+")

    def test_the_name_that_cannot_be_written_is_the_one_asked_for(self):
        with self.assertRaises(OSError) as caught:
            commands.write_text("/nowhere/page.html", "")
        self.assertEqual(caught.exception.filename, "/nowhere/page.html")

    def test_wrong_usage_is_one_line_and_exit_2(self):
        for words in (["nothing"], ["start"], ["start", "77"],
                      ["start", "01", "02"], ["check", "01", "--nothing"],
                      ["check", "01", "--seed", "x"], ["check", "--seed"],
                      ["list", "--lang", "de"], ["hint", "01", "9.9"],
                      ["try", "01", "--at", "x"], ["watch"],
                      ["check", "01", "--format", "x"], ["grade"],
                      ["class", "/nowhere"], ["grade", "/nowhere"]):
            with self.subTest(words=words):
                error = self.lesson(*words, status=2)
                self.assertEqual(error.count("\n"), 1, error)

    def test_what_is_not_started_says_how_to_start(self):
        for command in ("run", "check", "reset"):
            self.lesson(command, "01", status=1)

    def test_start_writes_the_exercise_once(self):
        out = self.lesson("start", "01")
        self.assertRegex(out, r"lesson\.c:\d+  TODO 1\.1")
        with open(self.answer("01"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("TODO 1.1", text)
        self.assertNotIn("/*@", text)
        self.write("01", "mine\n")
        self.assertIn("left as it is", " ".join(
            self.lesson("start", "01").split()))
        with open(self.answer("01"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine\n")

    def test_reset_keeps_what_was_there(self):
        self.lesson("start", "01")
        for number in 1, 2:
            self.write("01", f"mine {number}\n")
            self.lesson("reset", "01")
            with open(f"{self.answer('01')}.~{number}~",
                      encoding="utf-8") as file:
                self.assertEqual(file.read(), f"mine {number}\n")

    def test_the_language_of_start_is_remembered(self):
        self.lesson("start", "01", "--lang", "fr")
        self.assertIn("Les leçons", self.lesson("list"))
        self.assertIn("The lessons", self.lesson("list", "--lang=en"))

    def test_a_prediction_is_the_one_number_that_was_typed(self):
        for line, number in (("3\n", "3"), ("about 1,000,000", "1000000"),
                             ("plus de 100 000", "100000"), ("2)", "2"),
                             ("350 ms", "350"), ("1.000", "1000"),
                             ("many", ""), ("10 or 20", ""), ("", "")):
            with self.subTest(line):
                self.assertEqual(commands.number_in(line), number)
        for word in ("1.5", "-3"):
            self.assertFalse(commands.is_answer(commands.number_in(word), []))

    def test_predictions_are_kept_and_shown(self):
        self.lesson("start", "02")
        self.lesson("predict", "02", "--answers", "7,1,1")
        self.lesson("predict", "02", input="\nnonsense\n3\n")
        progress = os.path.join(self.work, "progress")
        with open(progress, encoding="utf-8") as file:
            self.assertIn("predicted", file.read())

    def test_hints_come_one_by_one(self):
        region = next(iter(lessons.find("01").hints("en")))
        levels = [json.loads(self.lesson("hint", "01", region, "--json"))
                  for _ in range(4)]
        self.assertEqual([one["level"] for one in levels], [1, 2, 3, 3])
        self.assertEqual(len({one["text"] for one in levels}), 3)

    def test_the_solution_is_shown_when_it_is_earned_or_given_up(self):
        self.lesson("solution", "01", status=1)
        text = self.lesson("solution", "01", "--give-up")
        self.assertEqual(text, solution("01"))
        self.assertIn("given up", self.lesson("list"))

    def test_damaged_progress_is_set_aside(self):
        os.makedirs(self.work)
        path = os.path.join(self.work, "progress")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[[[")
        self.lesson("list")
        self.assertTrue(os.path.exists(path + ".damaged"))

    def test_a_diff_shows_no_solution_before_it_is_passed(self):
        self.assertIn("TODO", self.lesson("diff", "01", "02"))

    def test_the_quiz_of_00(self):
        self.lesson("start", "00")
        self.lesson("check", "00", status=1)
        quiz = lessons.find("00").predict["question"]
        right = [next(i for i, choice in enumerate(one["choices"], 1)
                      if choice.get("right")) for one in quiz]
        self.lesson("predict", "00", "--answers", ",".join(map(str, right)))
        self.lesson("check", "00")
        self.assertRegex(self.lesson("list"), r"00 .*passed")
        self.assertIn("predict 00", self.lesson("reset", "00"))
        self.assertRegex(self.lesson("list"), r"00 .*started")
        self.lesson("check", "00", status=1)

    def test_a_lesson_without_a_program_says_so(self):
        for command, *more in (("run",), ("step",), ("hint",), ("watch",),
                               ("try", "--at", "main:1")):
            with self.subTest(command=command):
                self.assertIn("lessons/00-ground/README.md",
                              self.failed(command, "00", *more))


class Checks(Case):
    def test_from_the_exercise_to_the_solution(self):
        self.lesson("start", "01")
        out = self.lesson("check", "01", status=1)
        self.assertIn("is still to be written", out)
        self.assertRegex(out, r"where: .*lesson\.c:\d+")
        self.write("01", solution("01"))
        out = self.lesson("check", "01")
        self.assertIn("PASSED", out)
        self.assertRegex(self.lesson("list"), r"01 .*passed, checks: 2")
        self.write("01", solution("01") + "\n")
        self.assertIn("check again", self.lesson("list"))

    def test_a_lesson_h_beside_the_answer_changes_nothing(self):
        self.lesson("start", "01")
        self.write("01", solution("01"))
        beside = os.path.dirname(self.answer("01"))
        for folder in (beside, self.work):
            with open(os.path.join(folder, "lesson.h"), "w",
                      encoding="utf-8") as file:
                file.write("#error taken in place of the tree's\n")
        self.lesson("check", "01", "--json")

    def test_plain_words_without_a_terminal(self):
        self.lesson("start", "01")
        self.write("01", solution("01"))
        out = self.lesson("check", "01", "--plain")
        self.assertNotIn("\033", out)
        self.assertRegex(out, r"(?m)^polls: \d+, expected .*, right\.$")

    def test_a_program_that_does_not_compile(self):
        self.lesson("start", "01")
        text = solution("01").replace("return (struct hello)",
                                      "retrun (struct hello)")
        self.write("01", text)
        line = 1 + text[:text.index("retrun")].count("\n")
        out = self.lesson("check", "01", status=1)
        self.assertIn(f"lesson.c:{line}:", out)

    def test_formats_for_other_programs(self):
        self.lesson("start", "01")
        rows = json.loads(self.lesson("check", "01", "--json", "--seed", "5",
                                      status=1))
        self.assertEqual(rows[0]["lesson"][:2], "01")
        for key in ("passed", "cause", "attempts", "hints", "predicted",
                    "measured", "seed", "tree", "seconds"):
            self.assertIn(key, rows[0])
        self.assertEqual(rows[0]["seed"], 5)
        suite = xml.fromstring(self.lesson("check", "01", "--format", "junit",
                                           status=1))
        self.assertEqual(suite.attrib["failures"], "1")
        self.assertTrue(suite.find("testcase/failure") is not None)
        tests = json.loads(self.lesson("check", "01", "--format",
                                       "gradescope", status=1))["tests"]
        self.assertEqual(tests[0]["score"], 0)
        self.write("01", solution("01"))
        rows = json.loads(self.lesson("check", "--all", "--json"))
        self.assertTrue(rows[0]["passed"])

    def test_the_solution_beside_a_run_or_alone(self):
        page = os.path.join(self.work, "page.html")

        def titles():
            self.lesson("step", "01", "--solution", "-o", page)
            with open(page, encoding="utf-8") as file:
                return re.findall(r'"title": ?\{"en": ?"([^"]*)"', file.read())
        self.assertEqual(["lesson 01, hello-future"], titles())
        self.lesson("run", "01", "--solution")
        self.assertEqual(["lesson 01, hello-future"], titles())
        self.lesson("start", "01")
        self.lesson("run", "01")
        self.assertEqual(["your run, lesson 01, hello-future",
                          "the solution, lesson 01, hello-future"], titles())

    def test_step_shows_the_check_of_another_file(self):
        bug = os.path.join(ROOT, "lessons", "01-hello-future", "bugs",
                           "not-lazy.c")
        told = self.lesson("check", "01", "--answer", bug, status=1)
        self.assertIn("./reveil lesson step 01", told)
        self.lesson("step", "01", "--plain")
        self.assertFalse(os.path.exists(self.answer("01")))

    def test_run_records_what_step_shows(self):
        self.lesson("start", "01")
        self.lesson("step", "01", status=1)
        self.write("01", solution("01"))
        self.assertIn("polls", self.lesson("run", "01"))
        self.assertRegex(self.lesson("step", "01", "--plain"), r"(?m)^ *1[. ]")
        page = os.path.join(self.work, "page.html")
        self.lesson("step", "01", "-o", page)
        with open(page, encoding="utf-8") as file:
            self.assertIn("reveil-trace-1", file.read())
        trace = os.path.join(self.work, "perfetto.json")
        self.lesson("step", "01", "--perfetto", trace)
        with open(trace, encoding="utf-8") as file:
            self.assertTrue(json.load(file))

    def test_the_room_learns_the_verdict_and_no_code(self):
        room = os.path.join(self.folder.name, "room")
        os.mkdir(room)
        self.lesson("start", "01")
        self.lesson("check", "01", status=1, environment={
            "REVEIL_CLASS": room, "REVEIL_NAME": "Ada L."})
        names = os.listdir(room)
        self.assertEqual(names, ["Ada L.reveil"] if names[0] == "Ada L.reveil"
                         else ["Ada L..reveil"])
        with open(os.path.join(room, names[0]), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["lesson"], "01")
        with open(os.path.join(room, "junk.reveil"), "w",
                  encoding="utf-8") as file:
            file.write("{")
        out = self.lesson("class", room)
        self.assertIn("Ada L", out)
        self.assertNotIn("Ada L", self.lesson("class", room, "--projector"))


class Watching(Case):
    """The watch loop on a terminal of its own."""

    def start(self, number="01", **environment):
        self.lesson("start", number)
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.environ.clear()
            os.environ.update(self.environment, TERM="xterm", COLUMNS="80",
                              LINES="24", **environment)
            os.execv(sys.executable, [sys.executable, COURSE, "watch",
                                      number])
        self.pid = pid
        self.screen = ""
        self.addCleanup(self.end)

    def end(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.terminal)

    def wait_for(self, words):
        """Read the screen until the words are there."""
        end = time.monotonic() + SECONDS
        while words not in self.screen:
            self.assertLess(time.monotonic(), end, self.screen[-3000:])
            if select.select([self.terminal], [], [], 1)[0]:
                try:
                    self.screen += os.read(self.terminal, 65536).decode(
                        errors="replace")
                except OSError:
                    self.fail("watch has ended: " + self.screen[-3000:])

    def press(self, key):
        self.screen = ""
        os.write(self.terminal, key.encode())

    def test_saves_keys_and_the_end(self):
        self.start()
        self.wait_for("still to be written")
        self.press("h")
        self.wait_for("hint 1")
        self.press("x")
        self.wait_for("still to be written")
        self.press("l")
        self.wait_for("waker-executor")
        # An editor that saves by a rename.
        self.screen = ""
        with open(self.answer("01") + ".new", "w", encoding="utf-8") as file:
            file.write(solution("01"))
        os.rename(self.answer("01") + ".new", self.answer("01"))
        self.wait_for("PASSED: lesson 01")
        # A file that is deleted, and comes back.
        self.screen = ""
        os.unlink(self.answer("01"))
        self.wait_for("waiting for it")
        self.write("01", solution("01"))
        self.wait_for("PASSED: lesson 01")
        self.press("q")
        self.wait_for("Good bye")
        self.assertEqual(os.waitpid(self.pid, 0)[1], 0)

    def test_a_save_during_a_check_begins_a_new_one(self):
        self.start()
        self.wait_for("checking")
        self.write("01", solution("01"))
        self.wait_for("PASSED: lesson 01")

    def test_ctrl_c_ends_it_and_leaves_no_child(self):
        self.start()
        self.wait_for("checking")
        children = children_of(self.pid)
        self.press("\x03")
        self.wait_for("Good bye")
        os.waitpid(self.pid, 0)
        for child in children:
            self.assertFalse(os.path.exists(f"/proc/{child}/exe"))

    def test_it_wants_a_terminal(self):
        self.lesson("start", "01")
        self.assertIn("terminal", self.lesson("watch", "01", status=2))


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


if __name__ == "__main__":
    unittest.main(verbosity=2)
