#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of run-suite: its counts, the validity of skips, and the progress.

usage: test_run_suite.py
"""

import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)

import skips  # noqa: E402

loader = importlib.machinery.SourceFileLoader("suite", f"{HERE}/run-suite")
spec = importlib.util.spec_from_loader("suite", loader)
suite = importlib.util.module_from_spec(spec)
loader.exec_module(suite)


def log(stdout="", result="OK", stderr="", name="x"):
    return {"name": name, "result": result, "stdout": stdout, "stderr": stderr,
            "command": ["x"]}


class Machine(skips.Machine):
    """A machine with the given features."""

    io_uring = rwf_nowait = guard_pages = ipv6 = True
    sanitized = False
    hosts_has_names = True
    mappings = 65530
    processors = 2

    def __init__(self, tools=(), **facts):
        super().__init__(".")
        self.tools = tools
        self.__dict__.update({"doctor": {"io_uring": True}, **facts})

    def has(self, tool):
        return tool in self.tools

    def works(self, *_):
        return True


class Counts(unittest.TestCase):
    def test_each_way_to_report(self):
        for run, counts in (
                (log("ok a\nnot ok b\nok c # SKIP why\n", "FAIL"), (1, 1, 1)),
                (log("ok   a\nFAIL b\n", "FAIL"), (1, 1, 0)),
                (log("", "SKIP"), (0, 0, 1)), (log(), (1, 0, 0)),
                (log("", "TIMEOUT"), (0, 1, 0)),
                (log("ok a\n", "FAIL"), (1, 1, 0)),
                (log(stderr="Ran 4 tests in 1s\n\nOK (skipped=1)\n"),
                 (3, 0, 1)),
                (log(stderr="Ran 4 tests in 1s\n\nFAILED (failures=1, "
                            "errors=1)\n", result="FAIL"), (2, 2, 0))):
            self.assertEqual(suite.count_one(run), counts, run)


class Names(unittest.TestCase):
    """Of --match, in a tree that is set up and not built."""

    def test_a_name_that_no_test_has_is_told_before_anything_runs(self):
        with tempfile.TemporaryDirectory() as tree:
            fake_meson(tree, "#!/bin/sh\necho >> \"$TREE/ran\"\n")
            with open(f"{tree}/meson-info/intro-tests.json", "w",
                      encoding="ascii") as file:
                json.dump([{"name": "ring"}, {"name": "file-ring"}], file)
            for names, status in ((["ing"], 0), (["none"], 2),
                                  (["none", "file"], 0)):
                done = subprocess.run(
                    [f"{HERE}/run-suite", "--names", f"{tree}/counts", tree,
                     *(f"--match={name}" for name in names),
                     "--no-suite=browser"],
                    env=dict(os.environ, TREE=tree,
                             PATH=f"{tree}:{os.environ['PATH']}"),
                    stdout=subprocess.PIPE, check=False)
                self.assertEqual((done.returncode, done.stdout), (status, b""))
            self.assertFalse(os.path.exists(f"{tree}/ran"))


class Failures(unittest.TestCase):
    """The file COUNTS.failed."""

    def test_the_tests_of_a_program_are_named(self):
        for run, words in (
                (log("ok a\nnot ok b\nFAIL c: 2 is not 3\n", "FAIL"),
                 ["x: not ok b", "x: FAIL c: 2 is not 3"]),
                (log(stderr="FAIL: test_a (t.A)\nERROR: test_b (t.A)\nRan 2 "
                            "tests in 1s\n", result="FAIL"),
                 ["x: FAIL: test_a (t.A)", "x: ERROR: test_b (t.A)"]),
                (log("ok a\n", "TIMEOUT", name="unit / x"), ["x: TIMEOUT"]),
                (log("ok a\n"), []), (log("", "SKIP"), [])):
            self.assertEqual(suite.words_of_failure(run), words)

    def test_many_are_counted_and_long_lines_are_cut(self):
        many = log("not ok a\n" * (suite.MOST_NAMED + 2), "FAIL")
        self.assertEqual(suite.words_of_failure(many)[-1], "x: and 2 more")
        self.assertEqual(len(suite.words_of_failure(many)),
                         suite.MOST_NAMED + 1)
        words, = suite.words_of_failure(log("FAIL " + "a" * 999, "FAIL"))
        self.assertEqual(len(words), suite.MOST_WIDE)

    def test_they_are_in_a_file_with_the_name_of_the_build(self):
        with tempfile.TemporaryDirectory(prefix="build-") as tree:
            fake_meson(tree, MESON_OF_ONE)
            run = [log("not ok b\n", "FAIL"), log("ok a\n", name="y")]
            with open(f"{tree}/runs", "w", encoding="ascii") as file:
                file.writelines(json.dumps(each) + "\n" for each in run)
            done = run_suite(tree, stdout=subprocess.PIPE)
            out, _ = done.communicate()
            self.assertEqual(done.returncode, 1, out)
            with open(f"{tree}/counts.failed", encoding="utf-8") as file:
                self.assertEqual(file.read(),
                                 os.path.basename(tree) + ": x: not ok b\n")
            with open(f"{tree}/counts", encoding="ascii") as file:
                self.assertEqual(file.read(), "1 1 0\n")


class Left(unittest.TestCase):
    def test_a_file_that_is_left_is_a_failure_and_is_removed(self):
        with tempfile.TemporaryDirectory(prefix="build-") as tree:
            fake_meson(tree, MESON_OF_ONE.replace(
                "exit 1", 'echo "$TMPDIR" >>"$TREE/runs.tmpdir"\n'
                          '[ -e "$TREE/twice" ] || : >"$TMPDIR/one"\n'))
            for left, counts in ((["one"], "1 1 0\n"), ([], "1 0 0\n")):
                with open(f"{tree}/runs", "w", encoding="ascii") as file:
                    file.write(json.dumps(log("ok a\n")) + "\n")
                done = run_suite(tree, stdout=subprocess.PIPE)
                out, _ = done.communicate()
                self.assertEqual(done.returncode, len(left), out)
                with open(f"{tree}/counts.failed", encoding="utf-8") as file:
                    self.assertEqual(file.read().count("has left one in $TMP"),
                                     len(left))
                with open(f"{tree}/counts", encoding="ascii") as file:
                    self.assertEqual(file.read(), counts)
                os.remove(f"{tree}/counts")
                os.remove(f"{tree}/counts.failed")
                with open(f"{tree}/twice", "w", encoding="ascii"):
                    pass
            with open(f"{tree}/runs.tmpdir", encoding="ascii") as file:
                folders = file.read().split()
            self.assertEqual(len(set(folders)), 2)
            self.assertFalse(any(map(os.path.exists, folders)))


class Skips(unittest.TestCase):
    def judge(self, reason, machine=None):
        return skips.judge(machine or Machine(), [("x", reason)])

    def test_a_reason_that_holds_is_right_and_else_it_is_wrong(self):
        for reason, facts in (
                ("no io_uring here: x", {"io_uring": False, "doctor": {}}),
                ("/tmp does not know RWF_NOWAIT", {"rwf_nowait": False}),
                ("no MADV_GUARD_INSTALL here", {"guard_pages": False}),
                ("no IPv6 on this machine", {"ipv6": False}),
                ("there is no ::1 here", {"ipv6": False}),
                ("/etc/hosts has no name but localhost",
                 {"hosts_has_names": False}),
                ("sanitized: no figures", {"sanitized": True}),
                ("one processor does not meet each race: x",
                 {"processors": 1}),
                ("vm.max_map_count does not limit it", {"mappings": 1 << 20})):
            with self.subTest(reason):
                self.assertEqual(len(self.judge(reason)), 1)
                machine = Machine(**{"doctor": {}, **facts})
                self.assertEqual(self.judge(reason, machine), [])

    def test_a_run_that_takes_io_uring_away_says_so(self):
        reason = "this run takes io_uring away (RV_TEST_SECCOMP)"
        for has in True, False:
            machine = Machine(doctor={}, io_uring=has)
            self.assertEqual(self.judge(reason, machine), [])

    def test_tools(self):
        self.assertEqual(self.judge("gdb is not installed"), [])
        self.assertEqual(len(self.judge("gdb is not installed",
                                        Machine(["gdb"]))), 1)

    def test_an_unknown_reason_is_wrong(self):
        for reason in "", "it did not work", "the machine was busy":
            self.assertEqual(len(self.judge(reason)), 1)

    def test_the_doctor_must_agree_with_the_kernel(self):
        machine = Machine(doctor={"io_uring": False, "RWF_NOWAIT": True})
        self.assertEqual(skips.judge(machine, []), [
            "doctor says no of io_uring, the kernel says yes"])

    def test_where_reasons_stand(self):
        for run, found in (
                (log("ok - a::b  # SKIP no io_uring here\n"),
                 [("x: a::b", "no io_uring here")]),
                (log(stderr="t (C.t) ... skipped 'why not'\nRan 1 test"),
                 [("x", "why not")]),
                (log(stderr="t (C.t)\nWords. ... skipped \"it's so\"\n"),
                 [("x", "it's so")]),
                (log("a\nskipped, no io_uring\n", "SKIP"),
                 [("x", "skipped, no io_uring")]),
                (log("", "SKIP"), [("x", "")])):
            self.assertEqual(skips.reasons_in(run), found)

    def test_this_machine_and_its_doctor_agree(self):
        build = os.environ.get("RV_BUILD", ".")
        self.assertEqual(skips.Machine(build).doctors_mistakes(), [])


class Progress(unittest.TestCase):
    def setUp(self):
        self.now = 0.0
        self.said = []

    def progress(self, earlier, names, is_terminal=False):
        return suite.Progress(earlier, names, self.said.append, is_terminal,
                              lambda: self.now)

    def test_what_is_left_follows_from_the_last_run(self):
        progress = self.progress({"a": 10, "b": 30, "c": 60}, "abc")
        self.assertTrue(progress.take(" 1/3 reveil:unit / a  OK   20.00s  9 s"))
        self.now = 20.0
        self.assertEqual(progress.words(),
                         "1 of 3 programs, 0:20 min, about 3:00 min left")

    def test_without_a_last_run_it_says_what_it_can(self):
        progress = self.progress({}, "ab")
        self.assertEqual(progress.words(), "0 of 2 programs, 0:00 min")
        self.now = 4.0
        progress.take("1/2 a  OK  4.00s")
        self.assertEqual(progress.words(),
                         "1 of 2 programs, 0:04 min, about 0:04 min left")

    def test_failures_are_told(self):
        progress = self.progress({}, "a")
        progress.take("1/1 reveil:unit / a  FAIL  4.00s  exit status 1")
        self.assertIn("1 failed", progress.words())

    def test_a_line_now_and_then_or_one_that_changes(self):
        plain = self.progress({}, "ab")
        for self.now in range(suite.EVERY_S + 1):
            plain.show()
        self.assertEqual(len(self.said), 1)
        self.assertTrue(self.said[0].endswith("\n"))
        self.said.clear()
        terminal = self.progress({}, "ab", True)
        for self.now in 1, 2:
            terminal.show()
        self.assertEqual([text.count("\n") for text in self.said], [0, 0])

    def test_other_lines_are_no_tests(self):
        progress = self.progress({}, "a")
        for line in "Ok:   12", ">>> A=1 ./x", "", "Fail: 0":
            self.assertFalse(progress.take(line))


def fake_meson(tree, script):
    os.mkdir(f"{tree}/meson-logs")
    with open(f"{tree}/meson", "w", encoding="ascii") as file:
        file.write(script)
    os.chmod(file.name, 0o755)
    os.mkdir(f"{tree}/meson-info")
    with open(f"{tree}/meson-info/intro-tests.json", "w",
              encoding="ascii") as file:
        file.write("[]")


def run_suite(tree, stdout):
    return subprocess.Popen(
        [f"{HERE}/run-suite", f"{tree}/counts", tree],
        env=dict(os.environ, TREE=tree, PATH=f"{tree}:{os.environ['PATH']}"),
        start_new_session=True, stdout=stdout, text=True)


MESON_OF_ONE = """#!/bin/sh
case "$*" in *--list) exit ;; esac
cat "$TREE/runs" >>"$TREE/meson-logs/testlog.json"
exit 1
"""
MESON = """#!/bin/sh
case "$*" in *--list) exit ;; esac
trap 'exit 1' TERM
mkdir "$TMPDIR/left"
echo "$TMPDIR" >"$TREE/tmpdir"
setsid -w sh -c 'echo $$ >>"$TREE/test"; exec sleep 100000' &
wait
"""
# As Meson does with a test that it was starting: SIGTERM ends the first wait.
FORGETFUL = MESON.replace("'exit 1'", ":") + "wait\n"


class Interrupt(unittest.TestCase):
    def check(self, meson, number):
        with tempfile.TemporaryDirectory() as tree:
            fake_meson(tree, meson)
            path = f"{tree}/test"
            with run_suite(tree, stdout=subprocess.DEVNULL) as run:
                while not os.path.exists(path) or not os.path.getsize(path):
                    self.assertIsNone(run.poll())
                    time.sleep(0.005)
                os.killpg(run.pid, number)
                self.assertEqual(run.wait(), 130)
            with open(f"{tree}/tmpdir", encoding="ascii") as file:
                self.assertFalse(os.path.exists(file.read().strip()))
            with open(path, encoding="ascii") as file:
                return int(file.read())

    def test_meson_is_told(self):
        for number in suite.ENDINGS:
            with self.subTest(number):
                os.killpg(self.check(MESON, number), signal.SIGKILL)

    def test_a_test_that_meson_forgets_is_ended(self):
        for number in suite.ENDINGS:
            with self.subTest(number), self.assertRaises(ProcessLookupError):
                pid = self.check(FORGETFUL, number)
                for _ in range(2000):  # it was killed; init may reap it later
                    os.kill(pid, 0)
                    time.sleep(0.01)


if __name__ == "__main__":
    unittest.main(verbosity=2)
