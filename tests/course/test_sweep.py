#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The delay sweep: which delays are tried again with a longer one.

No test asserts a time. Loopback and port 0 only.
"""
import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "course"))

import build  # noqa: E402
import check  # noqa: E402
import lessons  # noqa: E402
import server  # noqa: E402
import sweep  # noqa: E402

MS = 1_000_000
UNKNOWN = 1_000_000  # LATE_UNKNOWN of native/calls.c


def a_run(late_ms=0, sent=10, asked=11, answered=72, delayed=1):
    """A run in which /60/a was sent, read by the server and answered at these
    ms, and one of two threads was delayed."""
    threads = [mock.Mock(delayed=0, late_ms=UNKNOWN),
               mock.Mock(delayed=delayed, late_ms=late_ms)]
    events = [mock.Mock(kind="connect", time=0),
              mock.Mock(kind="send", time=sent * MS),
              mock.Mock(kind="send", time=900 * MS)]
    site = mock.Mock(requests=[(asked * MS, "/60/a")],
                     answers=[(answered * MS, "/60/a")])
    return mock.Mock(recording=mock.Mock(threads=threads, events=events),
                     result=mock.Mock(site=site, limit=False))


class Late(unittest.TestCase):
    def test_all_were_on_time(self):
        self.assertFalse(sweep.others_were_late(a_run()))
        self.assertFalse(sweep.others_were_late(a_run(late_ms=30)))

    def test_a_thread_has_waited_for_a_processor(self):
        self.assertTrue(sweep.others_were_late(a_run(late_ms=31)))
        self.assertTrue(sweep.others_were_late(a_run(late_ms=UNKNOWN)))

    def test_the_server_was_late_to_read_or_to_answer(self):
        self.assertTrue(sweep.others_were_late(a_run(asked=50, answered=111)))
        self.assertTrue(sweep.others_were_late(a_run(answered=112)))

    def test_the_call_was_not_reached(self):
        self.assertTrue(sweep.others_were_late(a_run(delayed=0)))

    def test_only_those_are_tried_again(self):
        lesson = lessons.find("05")
        checker = check.Checker(lesson, None, "", 1)
        tried = []

        def sweep_case(delay=None, limit=None, cancel=None):
            tried.append(delay)
            return a_run(late_ms=99 if delay == "main:2" else 0)

        checker.sweep_case = sweep_case
        checker.diagnose = lambda run: None
        names = ["main:1", "bell:1", "main:2"]
        with mock.patch.object(sweep, "schedules", lambda *_: names), \
                mock.patch.object(check.judge, "diagnose", lambda run: None):
            self.assertIsNone(checker.sweep())
        self.assertEqual(tried[0], None)
        self.assertEqual(sorted(tried[1:-1]), sorted(names))
        self.assertEqual(tried[-1], "main:2+500")
        self.assertEqual(checker.swept, 4)


class Measured(unittest.TestCase):
    """What native/calls.c says of the other threads, in real runs."""

    def delayed(self, path, at):
        """The thread of this run that was delayed."""
        lesson = lessons.find("05")
        with tempfile.TemporaryDirectory(prefix="reveil-sweep-") as work, \
                server.Server() as one, build.Folder(work) as folder:
            checker = check.Checker(lesson, path and lesson.file(path), None,
                                    1, work=work, server_=one)
            checker.folder = folder
            self.assertIsNone(checker.prepare())
            run = checker.sweep_case(at, (30, 30))
        found = [one for one in run.recording.threads if one.delayed]
        self.assertEqual(len(found), 1, at)
        return found[0]

    @unittest.skipUnless(os.path.exists("/proc/self/schedstat"),
                         "this kernel does not say how long threads wait")
    def test_others_sleep_and_it_is_known_how_late_they_were(self):
        for _ in range(20):  # on a busy machine one may still be on its way
            if self.delayed(None, "main:2").late_ms < UNKNOWN:
                return
        self.fail("never known")

    def test_of_one_that_goes_on_it_is_not_known(self):
        late = self.delayed("bugs/never-parks.c", "bell:2").late_ms
        self.assertEqual(late, UNKNOWN)


if __name__ == "__main__":
    unittest.main()
