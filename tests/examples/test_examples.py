#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples do what they say, and the README quotes them as they are.

usage: test_examples.py REVEIL TWO_GETS
"""

import os
import re
import subprocess
import sys
import unittest

REVEIL, TWO_GETS = (os.path.abspath(path) for path in sys.argv[1:3])
del sys.argv[1:3]
TREE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


class TwoGets(unittest.TestCase):
    def test_it_prints_both_bodies_in_order(self):
        with subprocess.Popen([REVEIL, "serve", "--port", "0"], text=True,
                              stdout=subprocess.PIPE) as server:
            try:
                line = server.stdout.readline()
                url = re.search(r"http://\S+:\d+/", line)[0]
                result = run(TWO_GETS, url + "20/first", url + "0/second")
            finally:
                server.kill()
        self.assertEqual(result.stdout, "first\nsecond\n")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_what_goes_wrong_is_one_line(self):
        for arguments, status in ((["http://127.0.0.1:1/", "x"], 1), ([], 2)):
            result = run(TWO_GETS, *arguments)
            self.assertEqual(result.returncode, status)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)


class Readme(unittest.TestCase):
    def test_quotes_are_in_the_files_they_are_from(self):
        with open(f"{TREE}/README.md") as file:
            readme = file.read()
        quotes = re.findall(r"<!-- from (\S+) -->\n```c\n(.*?)```", readme,
                            re.DOTALL)
        self.assertTrue(quotes)
        for name, text in quotes:
            with open(f"{TREE}/{name}") as file:
                self.assertIn(text, file.read(), name)


if __name__ == "__main__":
    unittest.main()
