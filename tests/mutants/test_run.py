#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the mutants' runner, on a tree of its own with simulated programs.

usage: test_run.py
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

from attempt import Attempt, Floor  # noqa: E402
from mutant import Expected, Mutant, Seen  # noqa: E402

SECONDS = 1200  # when a run that has not ended is a hang, on any machine

# The library: what it returns says how the program ends.
SOURCE = "int rule(void)\n{\n    return 0;\n}\n"
MUTANT = """# A rule.
in src/rule.c
red stress_fake native 1 {wanted}
replace
    return 0;
with
    {body}
"""
HEAD = """
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
int rule(void);
/* How often this was called, in all runs of all binaries. */
static int call(void)
{
    FILE *file = fopen(getenv("FAKE_COUNT"), "r+");
    int count = 0;

    flock(fileno(file), LOCK_EX);
    if (fscanf(file, "%d", &count) != 1)
        count = 0;
    rewind(file);
    fprintf(file, "%d\\n", ++count);
    fclose(file);
    return count;
}
static int say(const char *text)
{
    fprintf(stderr, "%s\\n", text);
    return 1;
}
"""
HONEST = "int main(void) { return rule() ? say(\"the rule is broken\") : 0; }"
FLAKY = """int main(void)
{
    return rule() || call() % 4 == 0 ? say("the rule is broken") : 0;
}
"""
# Says who it is, and goes on until it is killed; it is not still.
SLEEPY = """int main(void)
{
    FILE *file = fopen(getenv("FAKE_COUNT"), "w");

    fprintf(file, "%d\\n", getpid());
    fclose(file);
    for (;;)
        usleep(1000);
}
"""


class Runner(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        for name in "include", "src", "tests/stress", "tests/support", "mutants":
            (self.tree / name).mkdir(parents=True)
        (self.tree / "src/rule.c").write_text(SOURCE)
        self.program(HONEST)
        self.count = self.tree / "count"
        self.count.write_text("0\n")

    def program(self, text):
        (self.tree / "tests/stress/stress_fake.c").write_text(HEAD + text)

    def mutant(self, wanted, body="return 1;", name="broken"):
        (self.tree / f"mutants/{name}.mutant").write_text(
            MUTANT.format(wanted=wanted, body=body))

    @staticmethod
    def one():
        """For the child: one of the processors."""
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    @staticmethod
    def two():
        """That there are two has to be told where there is one."""
        os.sched_setaffinity(0, range(os.cpu_count()))

    def run_all(self, before=None):
        done = subprocess.run(
            [HERE / "run", "--tree", self.tree, "--mutants",
             self.tree / "mutants"],
            capture_output=True, text=True, timeout=SECONDS, check=False,
            preexec_fn=before, env=dict(os.environ, FAKE_COUNT=str(self.count)))
        return done.returncode, done.stdout, done.stderr

    def test_what_shows_its_text_is_killed_and_the_sum_is_told(self):
        self.mutant('"rule is broken"')
        status, out, _ = self.run_all()
        self.assertEqual(status, 0, out)
        self.assertIn("ok   mutant broken: killed by", out)
        self.assertIn("1 killed, 0 survived; the intact programs ran 5 times",
                      out)
        self.assertIn("slowest: broken ", out)
        self.assertTrue(out.endswith("2 passed, 0 failed\n"), out)

    def test_another_text_kills_nothing(self):
        self.mutant('"something else"')
        status, out, _ = self.run_all()
        self.assertEqual(status, 1)
        self.assertIn("FAIL mutant broken: not killed", out)
        self.assertIn("5 times the rule is broken", out)
        self.assertIn("0 killed, 1 survived", out)

    def test_another_end_kills_nothing(self):
        for wanted in "signal SEGV", "hang", "exit 2", 'signal ABRT "broken"':
            with self.subTest(wanted):
                self.mutant(wanted)
                status, out, _ = self.run_all()
                self.assertEqual(status, 1)
                self.assertIn("0 killed, 1 survived", out)

    def test_one_of_several_ways_is_enough(self):
        self.mutant('signal SEGV | "no such text" | exit 1 "broken"')
        self.assertEqual(self.run_all()[0], 0)

    def test_one_that_changes_nothing_survives(self):
        self.mutant('"rule is broken"', "return 0 + 0;")
        if os.cpu_count() == 1:
            self.skipTest("one processor does not meet each race")
        status, out, _ = self.run_all(self.two)
        self.assertEqual(status, 1)
        self.assertIn("survives 100 runs", out)
        self.assertIn("0 killed, 1 survived; the intact programs ran 100 times",
                      out)

    def test_on_one_processor_it_is_skipped(self):
        self.mutant('"rule is broken"', "return 0 + 0;")
        self.mutant('"rule is broken"', name="killed")
        status, out, _ = self.run_all(self.one)
        self.assertEqual(status, 0, out)
        self.assertIn("ok   mutant broken # SKIP one processor does not meet "
                      "each race: survives 10 runs", out)
        self.assertIn("1 killed, 0 survived, 1 skipped; ", out)
        self.assertTrue(out.endswith("2 passed, 0 failed\n"), out)

    def test_on_one_processor_another_text_is_a_failure_too(self):
        self.mutant('"something else"')
        status, out, _ = self.run_all(self.one)
        self.assertEqual(status, 1)
        self.assertIn("0 killed, 1 survived", out)

    def test_a_flaky_program_is_the_failure_whatever_the_mutants_do(self):
        self.program(FLAKY)
        self.mutant('"rule is broken"', "return 0 + 0;")
        status, out, _ = self.run_all()
        self.assertEqual(status, 1)
        self.assertIn("FAIL intact: red in run", out)
        self.assertIn("the mutants prove nothing", out)

    def test_a_flaky_program_with_another_text_kills_no_mutant(self):
        self.program(FLAKY.replace('say("the', 'say("it is not the'))
        self.mutant('"not what it says"', "return 0 + 0;")
        status, out, _ = self.run_all()
        self.assertEqual(status, 1)
        self.assertIn("0 killed, 1 survived", out)

    def test_a_hang_is_seen_asleep_and_busy(self):
        for body in "return pause();", "for (;;) __asm__ volatile(\"\");":
            with self.subTest(body):
                (self.tree / "src/rule.c").write_text(
                    "int pause(void);\n" + SOURCE)
                self.mutant("hang", body)
                status, out, _ = self.run_all()
                self.assertEqual(status, 0, out)
                self.assertIn("stress_fake native (hang", out)

    def test_a_signal_is_told_by_its_name(self):
        self.mutant("signal SEGV", "return *(volatile int *)0;")
        status, out, _ = self.run_all()
        self.assertEqual(status, 0, out)
        self.assertIn("signal SEGV", out)

    def test_a_file_without_what_must_be_seen_is_refused(self):
        for wanted in "", "text", '"a" or', "signal NONE", "hang |":
            with self.subTest(wanted):
                self.mutant(wanted)
                status, _, err = self.run_all()
                self.assertEqual(status, 2)
                self.assertIn("broken.mutant", err)

    def test_a_piece_that_is_not_there_is_a_failure(self):
        self.mutant('"x"')
        path = self.tree / "mutants/broken.mutant"
        path.write_text(path.read_text().replace("return 0;", "return 7;"))
        status, out, _ = self.run_all()
        self.assertEqual(status, 1)
        self.assertIn("does not apply", out)

    def end_it(self, number, **environment):
        """Like Ctrl-C, or Meson when it is interrupted, as soon as something
        runs. Returns: the process that did; nothing else may be left."""
        own = self.tree / "tmp"
        own.mkdir()
        self.count.write_text("")
        with subprocess.Popen(
                [HERE / "run", "--tree", self.tree, "--mutants",
                 self.tree / "mutants"], start_new_session=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=dict(os.environ, FAKE_COUNT=str(self.count),
                         TMPDIR=str(own), **environment)) as child:
            end = time.monotonic() + SECONDS
            while not self.count.read_text().endswith("\n"):
                self.assertIsNone(child.poll())
                self.assertLess(time.monotonic(), end)
                time.sleep(0.005)
            os.killpg(child.pid, number)
            out, _ = child.communicate(timeout=SECONDS)
        self.assertEqual((child.returncode, out), (128 + number, b""))
        self.assertEqual(list(own.iterdir()), [])
        own.rmdir()
        return int(self.count.read_text().split()[0])

    def test_the_program_gets_its_count_and_its_phase(self):
        self.program("""int main(int argc, char **argv)
{
    return argc < 3 || *argv[1] != '1' || *argv[2] != 's' ? say("no phase") :
           rule() ? say("the rule is broken") : 0;
}
""")
        self.mutant('"rule is broken"')
        path = self.tree / "mutants/broken.mutant"
        path.write_text(path.read_text().replace("native 1 ",
                                                 "native 1:stops "))
        status, out, _ = self.run_all()
        self.assertEqual(status, 0, out)
        self.assertIn("green in stress_fake native 1:stops", out)

    def test_when_it_is_ended_it_ends_what_it_runs(self):
        self.program(SLEEPY)
        self.mutant("hang")
        for number in signal.SIGINT, signal.SIGTERM:
            with self.subTest(number), self.assertRaises(ProcessLookupError):
                os.kill(self.end_it(number), 0)

    def test_when_it_is_ended_it_compiles_no_more(self):
        self.mutant("hang")
        for i in range(20):
            (self.tree / f"src/more_{i}.c").write_text("")
        compiler = self.tree / "compiler"
        compiler.write_text(
            '#!/bin/sh\necho "$$" >>"$FAKE_COUNT"\nexec sleep 100000\n')
        compiler.chmod(0o755)
        for number in signal.SIGINT, signal.SIGTERM:
            with self.subTest(number):
                self.end_it(number, CC=str(compiler))

    def share(self, **environment):
        done = subprocess.run(
            [HERE / "run", "--tree", self.tree, "--mutants",
             self.tree / "mutants", "--share"],
            capture_output=True, text=True, timeout=SECONDS, check=True,
            env=dict(os.environ, FAKE_COUNT=str(self.count), **environment))
        return re.findall(r"^ok   mutant (\w+)", done.stdout, re.MULTILINE)

    def test_a_share_changes_with_the_sources_and_only_then(self):
        names = ["a", "b", "c"]
        for name in names:
            self.mutant('"rule is broken"', name=name)
        tried = [self.share()]
        self.assertEqual(len(tried[0]), 1)
        self.assertEqual(self.share(), tried[0])
        for number in range(100):
            if len(set(map(tuple, tried))) == len(names):
                break
            (self.tree / "src/other.c").write_text(f"/* {number} */\n")
            tried.append(self.share())
        self.assertEqual(sorted(set(sum(tried, []))), names)
        self.assertEqual(sorted(self.share(RV_TEST_WHOLE="1")), names)

    def test_names_choose(self):
        self.mutant('"rule is broken"')
        done = subprocess.run(
            [HERE / "run", "--tree", self.tree, "--mutants",
             self.tree / "mutants", "other"],
            capture_output=True, text=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no mutant 'other'", done.stderr)


class Hangs(unittest.TestCase):
    """What is slow only in company, is none."""

    def attempt(self, floor, script, cpu_s=600, wall_s=600):
        with floor.shared():
            return Attempt(floor, ["sh", "-c", script], cpu_s, wall_s)

    def test_what_ends_by_itself_when_it_is_alone_is_no_hang(self):
        with tempfile.TemporaryDirectory() as folder:
            there = pathlib.Path(folder) / "there"
            floor = Floor()
            company = threading.Thread(target=self.attempt, args=(
                floor, f"touch {there}; i=0; while [ $i -lt 300000 ]; "
                       f"do i=$((i + 1)); done; rm {there}"))
            company.start()
            while not there.exists():
                pass
            # It waits, and uses CPU, for as long as the other one is there.
            done = self.attempt(
                floor, f"while [ -e {there} ]; do :; done; exit 3", wall_s=0)
            company.join()
        self.assertTrue(done.was_alone)
        self.assertEqual((done.seen.hang, done.seen.status), (False, 3))

    def test_what_sleeps_and_goes_on_is_no_hang(self):
        done = self.attempt(Floor(), "sleep 3; exit 4")  # it is suspected
        self.assertEqual((done.seen.hang, done.seen.status), (False, 4))

    def test_two_suspects_are_watched_one_after_the_other(self):
        floor = Floor()
        hung = []
        pair = [threading.Thread(target=lambda: hung.append(
            self.attempt(floor, "sleep 100000").seen.hang)) for _ in range(2)]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        self.assertEqual(hung, [True, True])

    def test_a_hang_may_still_say_where(self):
        done = self.attempt(
            Floor(), "trap 'echo lost in the woods >&2; exit 1' ALRM; "
                     "while :; do sleep 100000 & wait; done")
        self.assertTrue(done.seen.hang)
        self.assertIn("lost in the woods", done.seen.text)


class OfTheTree(unittest.TestCase):
    """A change of a source leaves no mutant behind: seen in a second here, and
    not only when all of them are run."""

    def test_every_mutant_of_the_tree_applies(self):
        for path in sorted(HERE.glob("*.mutant")):
            with self.subTest(path.stem):
                Mutant(path).text(HERE.parent.parent)

    def test_every_phase_is_one_of_its_program(self):
        for path in sorted(HERE.glob("*.mutant")):
            for run in Mutant(path).runs:
                _, colon, phase = run.count.partition(":")
                with self.subTest(path.stem):
                    program = HERE.parent / f"stress/{run.program}.c"
                    self.assertTrue(not colon or f'stress_enter("{phase}")' in
                                    program.read_text(encoding="utf-8"))


class Words(unittest.TestCase):
    def test_what_is_expected(self):
        hang, green = Seen(-9, "last words", True), Seen(0, "all is well")
        red = Seen(1, "f.c:1: g: it broke")
        for line, seen, meets in (
                ('"it broke"', red, True), ('"it broke" hang', red, False),
                ('"all"', green, False), ("exit 0", green, False),
                ("hang", hang, True), ('hang "last"', hang, True),
                ("signal KILL", hang, False),
                ("signal SEGV", Seen(-11), True),
                ('"a | b"', Seen(1, "x a | b"), True),
                ('"a | b"', Seen(1, "b"), False)):
            with self.subTest(line=line):
                self.assertEqual(Expected(line).meets(seen), meets)


if __name__ == "__main__":
    unittest.main(verbosity=2)
