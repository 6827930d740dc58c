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

    def test_the_words_behind_the_program_are_the_programs(self):
        words = ["--lang", "de", "--lang=fr", "-o", "x", "--max", "1"]
        result = run("timeline", "--lang", "fr", "-o", self.page, "sh", "-c",
                     'echo "$*"', "sh", *words)
        self.assertEqual(result.stdout, " ".join(words) + "\n")
        self.assertIn("libreveil n’y est pas", result.stderr)
        for order in ["--lang=fr", "--help"], ["--help", "--lang", "fr"]:
            self.assertIn("PROGRAMME", run("timeline", *order).stdout)
        result = run("timeline", "--lang", "de", "sh")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--lang de: must be fr or en", result.stderr)

    def test_what_is_ignored_before_is_ignored_in_the_program(self):
        """As for a background job of a shell, or under nohup."""
        line = "SigIgn:\t"
        for ignored in (), (signal.SIGINT, signal.SIGPIPE, signal.SIGHUP):
            def ignore(numbers=ignored):
                for number in signal.valid_signals():
                    if number not in (signal.SIGKILL, signal.SIGSTOP):
                        signal.signal(number, signal.SIG_IGN
                                      if number in numbers
                                      else signal.SIG_DFL)

            result = run("timeline", "-o", self.page, "--", "grep", line,
                         "/proc/self/status", preexec_fn=ignore,
                         restore_signals=False)
            self.assertEqual(int(result.stdout[len(line):], 16),
                             sum(1 << number - 1 for number in ignored))

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

    def events(self, *kinds):
        return [event for event in self.trace()["events"]
                if event[2] in kinds]

    def workers(self):
        return {thread["id"] for thread in self.trace()["threads"]
                if thread["role"] == "worker"}

    def record(self, name, *words):
        result = self.timeline(os.path.join(EXAMPLES, name), *words)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_who_steals_from_whom(self):
        for part in range(28, 35):  # until there was something to steal
            self.record("fork_fib", str(part), "2")
            if self.events("steal"):
                break
        self.assertEqual(len(self.workers()), 2)
        steals = self.events("steal")
        self.assertTrue(steals)
        for _, thief, _, task, _, victim in steals:
            self.assertIn(victim, self.workers() - {thief})
            self.assertIn([thief, "switch", task],
                          [event[1:4] for event in self.events("switch")])

    def test_tasks_of_a_scheduler_have_small_numbers(self):
        self.record("channel_bounded")
        tasks = {event[3] for event in self.events("spawn")}
        self.assertEqual(tasks, {0, 1, 2})
        self.assertEqual(tasks, {event[3] for event in self.events("ready")})
        used = {event[3] for event in self.trace()["events"]} - {-1}
        self.assertEqual(used, tasks)

    def test_a_channel_is_sent_to_waited_at_and_received_from(self):
        self.record("channel_bounded")
        sends = self.events("chan-send")
        self.assertEqual({event[4] for event in sends}, {1})
        self.assertEqual(len(sends), 3)
        self.assertEqual(len(self.events("chan-recv")), 3)
        for wait in self.events("chan-wait"):
            self.assertGreaterEqual(wait[3], 0, "no task waits")
            self.assertEqual(wait[4], 1)
        # Nothing can be received that was not sent before.
        held = 0
        for event in self.events("chan-send", "chan-recv"):
            held += 1 if event[2] == "chan-send" else -1
            self.assertIn(held, (0, 1, 2))

    def test_the_last_wait_of_a_deadlock_is_that_of_the_writer(self):
        self.timeline(os.path.join(EXAMPLES, "channel_bounded"), "stuck")
        self.assertEqual(len(self.events("chan-send")), 2)
        self.assertEqual(self.events("chan-send")[0][3],
                         self.events("chan-wait")[0][3])

    def test_calls_on_the_pool_are_jobs(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.record("hundred_files_pool", folder.name)
        pool = {thread["id"] for thread in self.trace()["threads"]
                if thread["role"] == "pool"}
        queued = self.events("job-queued")
        self.assertEqual({event[4] for event in queued}, set(range(1, 101)))
        for kind in "job-start", "job-done":
            self.assertEqual({event[4] for event in self.events(kind)},
                             set(range(1, 101)))
            self.assertLessEqual({event[1] for event in self.events(kind)},
                                 pool)
        self.assertFalse({event[1] for event in queued} & pool)
        for event in queued:
            self.assertGreaterEqual(event[3], 0, "no task has queued it")

    def test_a_file_is_read_by_the_ring_or_the_pool(self):
        self.record("cat", os.path.abspath(__file__))
        begun = self.events("submit", "job-queued")
        ended = self.events("complete", "job-done")
        self.assertTrue(begun)
        self.assertEqual({event[4] for event in begun},
                         {event[4] for event in ended})

    def test_a_coroutine_has_the_number_of_its_task(self):
        self.record("coroutines")
        polled = None
        switches = 0
        for event in self.trace()["events"]:
            if event[2] == "poll":
                polled = event[3]
            elif event[2] == "switch" and event[3] >= 0:
                switches += 1
                self.assertEqual(event[3], polled)
        self.assertGreater(switches, 0)

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
        self.check_who_wakes_whom()
        result = run("demo", "--html", "/dev/full")
        self.assertEqual(result.returncode, 1)
        self.assertIn("/dev/full", result.stderr)

    def check_who_wakes_whom(self):
        """Twice the reactor unparks the executor, which then wakes up."""
        threads = {thread["role"]: thread["id"]
                   for thread in self.trace()["threads"]}
        events = self.trace()["events"]
        woken = [i for i, event in enumerate(events) if event[2] == "awake"]
        self.assertEqual(len(woken), 2)
        for i in woken:
            self.assertEqual(events[i][1], threads["executor"])
            unpark = next(event for event in reversed(events[:i])
                          if event[2] == "unpark")
            self.assertEqual(unpark[1], threads["reactor"])
            self.assertEqual(unpark[5], threads["executor"])
        # The waker was left at the source whose event wakes the task.
        sources = [event[4] for event in events if event[2] == "event"]
        self.assertEqual(sources, [event[4] for event in events
                                   if event[2] == "set-waker"])
        self.assertEqual(sources, [event[4] for event in events
                                   if event[2] == "recv"])

    def test_two_stages_side_by_side(self):
        result = run("compare", "--steps", self.page, "reactor", "library")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.html().count('"format":"reveil-trace-1"'), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
