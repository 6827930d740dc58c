#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debuggers understand coroutines: gdb's backtrace ends, valgrind is silent.

usage: test_tools.py BACKTRACE STRESS_CORO
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

BACKTRACE, STRESS = map(os.path.abspath, sys.argv[1:3])
del sys.argv[1:]
SECONDS = 300  # when a run that has not ended is a hang, on any machine
STEPS = 30  # instructions of a switch, and some more


def gdb(*commands):
    """The output of gdb for these commands, without the user's settings."""
    arguments = ["gdb", "-batch", "-nx"]
    for command in ("set confirm off", *commands):
        arguments += ["-ex", command]
    return subprocess.run([*arguments, BACKTRACE], capture_output=True,
                          text=True, timeout=SECONDS, check=False,
                          env=dict(os.environ, DEBUGINFOD_URLS="")).stdout


def backtraces(text):
    """The function of each frame, innermost first, of each backtrace."""
    found = []
    for line in text.splitlines():
        frame = re.match(r"#(\d+) +(?:0x[0-9a-f]+ in )?(\S+)", line)
        if frame and frame[1] == "0":
            found.append([])
        if frame:
            found[-1].append(frame[2])
    return found


@unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
class Gdb(unittest.TestCase):
    """Where a backtrace from inside a coroutine ends."""

    def setUp(self):
        if "Breakpoint 1, stop_here" not in gdb("break stop_here", "run"):
            self.skipTest("gdb may not trace a program here")

    def test_a_backtrace_ends_at_the_bottom_of_the_stack(self):
        said = gdb("break stop_here", "run", "backtrace", "continue",
                   "backtrace")
        self.assertEqual(
            backtraces(said),
            [["stop_here", "innermost", "coro_main", "rv_switch_bottom"]] * 2,
            said)
        self.assertNotIn("Backtrace stopped", said)

    def step_through(self, *to_the_switch):
        said = gdb(*to_the_switch, *["backtrace", "stepi"] * STEPS)
        self.assertNotIn("Backtrace stopped", said)
        ends = [frames[-1] for frames in backtraces(said)]
        self.assertEqual(len(ends), STEPS, said)
        return ends

    def test_each_instruction_of_a_switch_has_a_clean_backtrace(self):
        ends = self.step_through("break rv_switch_in", "run")
        self.assertEqual(set(ends), {"main", "rv_switch_bottom"})
        self.assertEqual(ends, sorted(ends))  # one stack, then the other

    def test_each_instruction_of_the_last_return_too(self):
        ends = self.step_through("break coro.c:leave", "run")
        self.assertEqual(set(ends), {"main", "rv_switch_bottom"})
        self.assertEqual(ends, sorted(ends, reverse=True))


@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
class Valgrind(unittest.TestCase):
    """No false report, neither of memory nor of a stack that is switched."""

    def test_it_has_nothing_to_say(self):
        done = subprocess.run(
            ["valgrind", "-q", "--error-exitcode=9", "--trace-children=yes",
             STRESS, "400"],
            capture_output=True, text=True, timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
