#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of `reveil compare`: what it prints, not how fast the machine is.

usage: test_compare.py PROGRAM
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser

PROGRAM = sys.argv.pop(1)
KEYS = ["name", "wall_ms", "cpu_ms", "polls", "would_block", "epoll_waits",
        "wakes", "parks", "syscalls"]
STAGES = ["busy", "busy-sleep", "epoll", "executor", "reactor", "library"]


def compare(*arguments):
    return subprocess.run([PROGRAM, "compare", *arguments], timeout=300,
                          capture_output=True, text=True)


class Tags(HTMLParser):
    """Collects what a page refers to, and checks that tags are closed."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.attributes = []

    def handle_starttag(self, tag, attributes):
        self.attributes += attributes
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


class Compare(unittest.TestCase):
    def test_json_has_every_stage_and_figure_in_order(self):
        result = compare("--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        runs = json.loads(result.stdout)["runs"]
        self.assertEqual([run["name"] for run in runs], STAGES)
        for run in runs:
            self.assertEqual(list(run), KEYS)
            self.assertGreater(run["polls"], 0, run)
            self.assertGreater(run["wall_ms"], 0, run)
        figures = {run["name"]: run for run in runs}
        for name in "epoll", "executor", "reactor", "library":
            run = figures[name]
            self.assertGreaterEqual(run["epoll_waits"], 2, run)
            self.assertLessEqual(run["polls"], 12, run)
        for name in "executor", "reactor", "library":
            self.assertGreaterEqual(figures[name]["wakes"], 3)
            self.assertGreaterEqual(figures[name]["parks"], 2)
        self.assertGreater(figures["busy"]["polls"],
                           100 * figures["library"]["polls"])

    def test_stages_that_do_the_same_work_count_the_same(self):
        """A figure has one definition, in the lessons and the library.

        The data and the end of a response may be two events, and so cause a
        spurious poll: each figure is compared at its least of some runs."""
        stages = "epoll", "executor", "reactor", "library"
        least = {}
        for _ in range(5):
            result = compare("--json", "--no-syscalls", *stages)
            self.assertEqual(result.returncode, 0, result.stderr)
            for run in json.loads(result.stdout)["runs"]:
                name = run["name"]
                if name != "library":
                    self.assertEqual(run["polls"], run["would_block"] + 1, run)
                if name in ("executor", "library"):
                    self.assertEqual(run["wakes"], run["polls"], run)
                if name == "reactor":
                    self.assertGreaterEqual(run["wakes"], run["polls"], run)
                for key in "polls", "would_block", "wakes", "parks":
                    known = least.setdefault((name, key), run[key])
                    least[name, key] = min(known, run[key])
            figures = {(name, key): count for name in stages for key, count in
                       (("polls", 3), ("would_block", 2), ("wakes", 3),
                        ("parks", 2))}
            figures["epoll", "wakes"] = figures["epoll", "parks"] = 0
            if least == figures:
                return
        self.assertEqual(least, figures)

    def test_the_table_defines_its_figures(self):
        result = compare("--no-syscalls", "epoll", "library")
        self.assertRegex(result.stdout, r"(?m)^polls +polls of the task")
        self.assertRegex(result.stdout, r"(?m)^wakes +task ids put into the ")

    def test_system_calls_are_counted_or_unknown(self):
        runs = json.loads(compare("--json", "epoll").stdout)["runs"]
        self.assertGreater(runs[0]["syscalls"], 20)
        self.assertLess(runs[0]["syscalls"], 400)
        runs = json.loads(
            compare("--json", "--no-syscalls", "epoll").stdout)["runs"]
        self.assertIsNone(runs[0]["syscalls"])

    def test_the_table_has_a_column_a_stage_in_the_order_asked_for(self):
        result = compare("--no-syscalls", "reactor", "epoll")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["reactor", "epoll"])
        self.assertRegex(result.stdout, r"(?m)^polls +\d+ +\d+$")
        self.assertRegex(result.stdout, r"(?m)^syscalls +- +-$")
        self.assertRegex(result.stdout,
                         r"(?m)^how many times less than reactor$")
        self.assertRegex(result.stdout, r"(?m)^polls +1\.00 +[\d.]+$")
        self.assertNotIn("\033", result.stdout)

    def test_logs_are_side_by_side_with_repeats_folded(self):
        result = compare("--no-syscalls", "--logs", "busy", "epoll")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout,
                         r"Data not ready +[|*] .*Data not ready")
        self.assertRegex(result.stdout, r"again, \d{3,} times")
        self.assertEqual(len(re.findall(r" \* ", result.stdout)), 1)
        difference = re.search(
            r"first difference, after (\d+) events that both have:\n"
            r"  busy +.*again.*\n  epoll +.*\n", result.stdout)
        self.assertTrue(difference, result.stdout)
        self.assertGreaterEqual(int(difference[1]), 3)
        self.assertLess(max(map(len, result.stdout.splitlines())), 101)

    def test_logs_match_by_what_happened_in_lessons_and_library(self):
        result = compare("--no-syscalls", "--logs", "busy", "library")
        self.assertEqual(result.returncode, 0, result.stderr)
        for left, right in (("Program starting", "program starting"),
                            ("First poll", "first poll of GET /600"),
                            ("Data not ready", "would block"),
                            (r"HTTP/1.1 200 OK \| Hello", "HTTP/1.1 200 OK")):
            self.assertRegex(result.stdout, rf"{left}.* \| .*{right}")
        self.assertRegex(
            result.stdout,
            r"first difference, after 3 events that both have:\n"
            r"  busy .*Schedule other tasks\n  library .*parks")

    def test_a_log_is_compared_with_itself(self):
        """No two runs are the same to the millisecond: their events are."""
        one = compare("--no-syscalls", "--logs", "epoll", "executor")
        self.assertIn("first difference", one.stdout)
        self.assertNotIn("after 0 events", one.stdout)

    def test_french(self):
        result = compare("--no-syscalls", "--lang", "fr", "--logs", "epoll",
                         "executor")
        self.assertEqual(result.returncode, 0, result.stderr)
        for words in ("combien de fois moins que epoll", "première différence",
                      "lectures qui ont renvoyé EAGAIN"):
            self.assertIn(words, result.stdout)
        self.assertIn("usage\u00a0: reveil compare",
                      compare("--lang=fr", "--help").stdout)

    def test_the_page_needs_nothing_else(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "page.html")
            result = compare("--no-syscalls", "--html", path, "epoll",
                             "library")
            self.assertEqual(result.returncode, 0, result.stderr)
            with open(path) as file:
                page = file.read()
        tags = Tags()
        tags.feed(page)
        tags.close()
        self.assertEqual(tags.open, [])
        names = [name for name, _ in tags.attributes]
        self.assertNotIn("src", names)
        self.assertNotIn("href", names)
        self.assertEqual(page.count('aria-label="timeline of'), 2)
        self.assertIn("Data not ready", page)
        self.assertNotIn("ogarithm", page)

    def test_threads_that_slept_from_the_start_are_drawn_so(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "page.html")
            compare("--no-syscalls", "--html", path, "executor", "reactor")
            with open(path) as file:
                page = file.read()
        for thread in "bell", "reactor":
            row = re.search(rf">{thread}</text><rect class=\"(run|sleep)\" "
                            r"x=\"([\d.]+)\" y=\"\d+\" "
                            r"width=\"([\d.]+)\"", page)
            self.assertTrue(row, page)
            self.assertEqual(row[1], "sleep")
            self.assertEqual(float(row[2]), 110.0)  # the left edge
            self.assertGreater(float(row[3]), 300)  # longer than half of it

    def test_a_page_that_cannot_be_written_is_an_error(self):
        for path in "/dev/full", "/nowhere/page.html":
            result = compare("--no-syscalls", "--html", path, "epoll")
            self.assertEqual(result.returncode, 1)
            self.assertIn(path, result.stderr)

    def test_wrong_usage_is_one_line_and_exit_2(self):
        for arguments in (["nothing"], ["--nothing"], ["epoll", "epoll"],
                          ["--logs", "epoll"], ["--html"]):
            with self.subTest(arguments=arguments):
                result = compare(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertEqual(result.stderr.count("\n"), 1, result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
