#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `./reveil test --coverage` prints, of a program of two functions.

usage: test_coverage.py [unittest arguments...]

It needs gcc and its gcov.
"""

import os
import subprocess
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "coverage")

HEADER = """static inline int rv_twice(int n)
{
    return 2 * n;
}
"""
USED = """#include "ring/twice.h"
int used(void);
int unused(void);
int used(void)
{
    return rv_twice(0);
}
int unused(void)
{
    return 1;
}
"""
COPY = """#include "ring/twice.h"
int copy(void);
int copy(void)
{
    return rv_twice(1);
}
"""
MAIN = """int used(void);
int main(void)
{
    return used();
}
"""


class Coverage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="reveil-coverage-")
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        for name, text in (("src/ring/twice.h", HEADER),
                           ("src/ring/used.c", USED),
                           ("src/http/client/copy.c", COPY),
                           ("main.c", MAIN)):
            self.write(name, text)

    def path(self, *names):
        return os.path.join(self.root, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def build_and_run(self):
        """As Meson lays it out: objects below build/src/libreveil.a.p/."""
        objects = []
        os.makedirs(self.path("build/src/libreveil.a.p"))
        for number, name in enumerate(("src/ring/used.c",
                                       "src/http/client/copy.c", "main.c")):
            objects.append(f"src/libreveil.a.p/{number}.o")
            subprocess.run(["gcc", "--coverage", "-I../src", "-c",
                            "../" + name, "-o", objects[-1]],
                           cwd=self.path("build"), check=True)
        subprocess.run(["gcc", "--coverage", *objects, "-o", "program"],
                       cwd=self.path("build"), check=True)
        subprocess.run(["./program"], cwd=self.path("build"), check=True)

    def run_tool(self):
        return subprocess.run([TOOL, self.root, self.path("build")],
                              capture_output=True, text=True, check=False)

    def test_lines_and_functions_of_each_part(self):
        self.build_and_run()
        done = self.run_tool()
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line.split() for line in done.stdout.splitlines()[1:]]
        self.assertEqual(rows, [
            ["http", "2", "0", "0.0", "%", "1", "0"],
            # The header's lines have run in one copy, and count once.
            ["ring", "6", "4", "66.7", "%", "3", "2"],
            ["all", "8", "4", "50.0", "%", "4", "2"]])

    def test_what_has_not_run_is_listed(self):
        self.build_and_run()
        self.run_tool()
        with open(self.path("build/coverage.txt"), encoding="ascii") as file:
            lines = file.read().splitlines()
        self.assertEqual(lines, [
            "src/http/client/copy.c:3: copy() was not called",
            "src/http/client/copy.c:3: did not run",
            "src/http/client/copy.c:5: did not run",
            "src/ring/used.c:8: unused() was not called",
            "src/ring/used.c:8: did not run",
            "src/ring/used.c:10: did not run"])

    def test_a_build_without_records_ends_with_1(self):
        os.makedirs(self.path("build"))
        self.assertEqual(self.run_tool().returncode, 1)


if __name__ == "__main__":
    unittest.main()
