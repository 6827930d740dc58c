#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The proofs of the course: what is checked again, and what counts as failed.

Nothing is built here: the verdicts are made up.
"""
import contextlib
import io
import os
import sys
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "course"))

import lessons  # noqa: E402
import proof  # noqa: E402


THIRD = "alike/answer-3.c"


class Again(unittest.TestCase):
    def prove(self, passes, **options):
        """passes(path, n): whether the check of a right answer passes when it
        is checked for the n-th time. Returns: exit status, lines, checks."""
        lesson = lessons.find("05")
        items = [(lesson, "alike", f"alike/answer-{i}.c") for i in range(8)]
        counts = {}

        class Checker:
            def __init__(self, _, path=None, **__):
                self.path = path

            def check(self):
                counts[self.path] = counts.get(self.path, 0) + 1
                passed = passes(self.path, counts[self.path])
                return {"passed": passed, "cause": None,
                        "kind": None, "trace": None, "seconds": 0,
                        "step": "plain", "todo": None}

        said = io.StringIO()
        with mock.patch.object(proof, "items_of", lambda *_: items), \
                mock.patch.object(proof.check, "Checker", Checker), \
                mock.patch.object(proof.check, "normal_of", lambda _: None), \
                mock.patch.object(proof, "tell", lambda _: ""), \
                contextlib.redirect_stdout(said):
            status = proof.check_course(["alike"], **options)
        lines = said.getvalue().splitlines()
        return status, [line.split()[0] for line in lines], counts

    def test_what_is_right_alone_is_no_failure(self):
        status, marks, counts = self.prove(
            lambda path, n: path != THIRD or n > 1)
        self.assertEqual(status, 0)
        self.assertNotIn("FAIL", marks)
        self.assertEqual((marks.count("ok"), marks.count("late")), (8, 1))
        self.assertEqual(counts[THIRD], 2)

    def test_what_is_wrong_twice_fails_once(self):
        status, marks, counts = self.prove(lambda path, _: path != THIRD)
        self.assertEqual(status, 1)
        self.assertEqual(marks.count("FAIL"), 1)
        self.assertEqual(sum(counts.values()), 9)

    def test_many_are_not_checked_again(self):
        status, marks, counts = self.prove(lambda path, _: path > THIRD)
        self.assertEqual(status, 1)
        self.assertEqual(marks.count("FAIL"), 4)
        self.assertEqual(set(counts.values()), {1})

    def test_the_shares_are_all_of_them_and_each_once(self):
        def items(kinds, *share):
            return [(one.number, kind, path) for one, kind, path
                    in proof.items_of(kinds, None, *share)]

        for kind in ("alike", "bugs"):
            shares = [items([kind], (i, 3)) for i in (1, 2, 3)]
            self.assertEqual(sorted(sum(shares, [])), sorted(items([kind])))
            sizes = [len(one) for one in shares]
            self.assertLessEqual(max(sizes) - min(sizes), 1)

    def test_each_share_has_all_solutions_and_they_come_first(self):
        kinds = ["bugs", "solutions", "alike"]
        for share in ((1, 2), (2, 2)):
            items = proof.items_of(kinds, None, share)
            solutions = proof.items_of(["solutions"])
            first = items[:len(solutions)]
            self.assertEqual([(one.number, kind) for one, kind, _ in first],
                             [(one.number, kind) for one, kind, _ in solutions])


if __name__ == "__main__":
    unittest.main()
