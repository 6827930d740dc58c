#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the pages that show a run step by step: timeline, demo --html,
compare --steps.

usage: test_timeline.py PROGRAM EXAMPLES
EXAMPLES is the folder of the built examples.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
EXAMPLES = os.path.abspath(sys.argv.pop(1))
SECONDS = 300


def run(*words, **more):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True,
                          timeout=SECONDS, stdin=subprocess.DEVNULL, **more)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.page = os.path.join(folder.name, "page.html")
        self.json = os.path.join(folder.name, "page.json")

    def trace(self):
        with open(self.json, encoding="utf-8") as file:
            trace = json.load(file)
        self.assertEqual(trace["format"], "reveil-trace-1")
        return trace

    def html(self):
        with open(self.page, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.lstrip().lower().startswith("<!doctype html>"))
        self.assertNotIn("@TRACES@", text)
        self.assertIn("reveil-trace-1", text)
        return text


class Timeline(Case):
    def timeline(self, *words):
        return run("timeline", "-o", self.page, "--json", self.json, "--",
                   *words)

    def test_a_program_that_knows_nothing_of_it(self):
        result = self.timeline(PROGRAM, "demo", "--lang=en", "--figures")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.html()
        trace = self.trace()
        self.assertEqual({thread["role"] for thread in trace["threads"]},
                         {"executor", "reactor"})
        kinds = [event[2] for event in trace["events"]]
        for kind in ("spawn", "push", "pop", "poll", "pending", "park",
                     "epoll-wait", "event", "wake", "awake", "ready"):
            self.assertIn(kind, kinds)
        figures = json.loads(result.stdout.splitlines()[-1][8:])
        self.assertEqual(kinds.count("poll"), figures["polls"])
        self.assertIn("first poll of GET /600/HelloAsyncAwait",
                      trace["logs"])
        self.assertEqual(trace["events"], sorted(
            trace["events"], key=lambda event: event[0]))

    def test_its_output_and_status_are_the_programs(self):
        result = self.timeline(PROGRAM, "get", "--lang=en",
                               "http://127.0.0.1:1/")
        self.assertEqual(result.returncode, 1)
        self.assertIn("connection refused", result.stderr)
        self.html()

    def test_a_program_that_is_killed_leaves_what_it_did(self):
        recording = subprocess.Popen(
            [PROGRAM, "timeline", "-o", self.page, "--json", self.json,
             PROGRAM, "serve", "--port", "0"], stdout=subprocess.PIPE,
            text=True, start_new_session=True)
        with recording:
            self.assertIn("listening", recording.stdout.readline())
            os.killpg(recording.pid, signal.SIGINT)
            recording.communicate(timeout=SECONDS)
        self.assertEqual(recording.returncode, 0)
        # Not "park": the signal may come before its executor had to wait.
        kinds = [event[2] for event in self.trace()["events"]]
        for kind in "spawn", "poll", "ready":
            self.assertIn(kind, kinds)

    def test_what_uses_no_library_is_named(self):
        result = self.timeline("/bin/true")
        self.assertEqual(result.returncode, 1)
        self.assertIn("/bin/true", result.stderr)
        self.assertFalse(os.path.exists(self.page))
        result = self.timeline("/nowhere/program")
        self.assertEqual(result.returncode, 127)

    def test_the_first_events_are_kept(self):
        result = run("timeline", "-o", self.page, "--json", self.json,
                     "--max", "10", PROGRAM, "demo")
        self.assertIn("10 of ", result.stderr)
        times = {tuple(event[:2]) for event in self.trace()["events"]}
        self.assertLessEqual(len(times), 10)

    def test_all_examples_of_tasks_can_be_recorded(self):
        for name in "pipeline", "fork_fib", "channel_bounded":
            result = self.timeline(os.path.join(EXAMPLES, name))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.html()

    def test_wrong_usage(self):
        for words in ([], ["--max", "0", "x"], ["--nothing", "x"]):
            result = run("timeline", *words)
            self.assertEqual(result.returncode, 2, words)


class Pages(Case):
    def test_demo(self):
        result = run("demo", "--html", self.page, "--json", self.json,
                     "--lang", "fr")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('"lang":"fr"', self.html())
        kinds = [event[2] for event in self.trace()["events"]]
        self.assertEqual(kinds.count("poll"), 3)
        result = run("demo", "--html", "/dev/full")
        self.assertEqual(result.returncode, 1)
        self.assertIn("/dev/full", result.stderr)

    def test_two_stages_side_by_side(self):
        result = run("compare", "--steps", self.page, "reactor", "library")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.html().count('"format":"reveil-trace-1"'), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
