#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What check-order refuses, on small trees.

usage: test_check_order.py
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent / "check-order"
LISTS = """library_sources = files(
    'base/base.c',
) + files(
    'waker/waker.c',
) + files(
    'sched/sched.c',
)

"""


def check(files):
    """Returns: (exit status, output) for a tree with these files."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for path, text in {"src/meson.build": LISTS, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, TOOL, root], text=True,
                              stdout=subprocess.PIPE, check=False)
        return done.returncode, done.stdout


class Order(unittest.TestCase):
    def assert_refused(self, files, line):
        status, output = check(files)
        self.assertEqual(status, 1)
        self.assertIn(line, output)

    def assert_allowed(self, files):
        self.assertEqual(check(files)[0], 0, check(files)[1])

    def test_a_part_may_use_what_is_below(self):
        self.assert_allowed({
            "src/sched/sched.c": '#include <reveil/waker.h>\n'
                                 '#include "waker/ready.h"\n',
            "include/reveil/sched.h": "#include <reveil/waker.h>\n"})

    def test_a_part_may_not_use_what_is_above(self):
        self.assert_refused(
            {"src/waker/waker.c": '#include "sched/deque.h"\n'},
            "src/waker/waker.c: waker includes sched, of sched")

    def test_a_public_header_may_not_use_what_is_above(self):
        self.assert_refused(
            {"include/reveil/waker.h": "#include <reveil/sched.h>\n"},
            "waker.h: waker includes sched.h, of sched")

    def test_the_internal_header_of_the_own_part_is_allowed(self):
        self.assert_allowed({
            "src/sched/sched.c": '#include "sched/sched_internal.h"\n',
            "src/sched/clone.S": '#include "sched_internal.h"\n'})

    def test_all_of_the_library_may_use_the_internal_header_of_base(self):
        self.assert_allowed(
            {"src/sched/sched.c": '#include "base/base_internal.h"\n'})

    def test_the_internal_header_of_another_part_is_refused(self):
        line = "waker/waker_internal.h is private to its part"
        for name in "sched.c", "deque.h", "switch.S":
            self.assert_refused(
                {f"src/sched/{name}":
                 '#include "waker/waker_internal.h"\n'},
                f"src/sched/{name}: {line}")

    def test_a_program_includes_no_internal_header(self):
        for path in "cli/a.c", "lessons/01/l.h", "examples/a/b.c", "bench/b.c":
            for part in "base", "waker":
                header = f"{part}/{part}_internal.h"
                self.assert_refused({path: f'#include "{header}"\n'},
                                    f"{path}: a program includes {header}")


unittest.main()
