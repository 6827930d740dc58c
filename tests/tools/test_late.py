#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tests/tools/late does to a program that guesses a time, and to one that
does not.

usage: test_late.py [unittest arguments...]
"""

import os
import subprocess
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "late")
CC = os.environ.get("CC") or "cc"

# How long the longest of a hundred pairs of readings takes; with an argument,
# whether it ends by that signal. errno must stay what it was.
PROGRAM = r"""
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv)
{
    long long longest = 0;

    if (argc > 1)
        raise(atoi(argv[1]));
    errno = 77;
    for (int i = 0; i < 100; i++) {
        const long long begin = now();
        const long long took = now() - begin;

        longest = took > longest ? took : longest;
    }
    return errno != 77 ? 9 : longest >= 20000000 ? 1 : 0;
}
"""


class Late(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.program = os.path.join(cls.folder.name, "program")
        source = cls.program + ".c"
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        subprocess.run([CC, "-D_GNU_SOURCE", "-o", cls.program, source],
                       check=True)

    def late(self, *arguments):
        return subprocess.run([TOOL, *arguments], capture_output=True,
                              text=True, check=False)

    def test_a_thread_is_late_between_two_readings(self):
        # Half of the 200 readings are late, half of those by 20 ms or more.
        self.assertEqual(
            self.late("--one-in", "2", "--ms", "40", self.program).returncode,
            1)

    def test_the_exit_status_is_the_program_s(self):
        self.assertEqual(self.late(self.program, "6").returncode, 128 + 6)
        self.assertEqual(self.late("sh", "-c", "exit 5").returncode, 5)

    def test_wrong_arguments(self):
        for wrong in ([], ["--ms", "0", "true"], ["--one-in", "x", "true"],
                      ["--nonsense", "true"], ["/no/such/program"]):
            with self.subTest(wrong):
                done = self.late(*wrong)
                self.assertEqual(done.returncode, 2)
                self.assertTrue(done.stderr)

    def test_without_a_compiler(self):
        done = subprocess.run([TOOL, "true"], capture_output=True, text=True,
                              env=dict(os.environ, CC="/no/such/compiler"),
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("/no/such/compiler", done.stderr)

    def test_help(self):
        done = self.late("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("which tests guess a time?", done.stdout)


if __name__ == "__main__":
    unittest.main()
