#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The three programs of docs/which-way.md do the same, and the page quotes them.

usage: test_which_way.py PROGRAM...
"""

import pathlib
import re
import subprocess
import sys
import unittest

PROGRAMS = sys.argv[1:]
del sys.argv[1:]
TREE = pathlib.Path(__file__).resolve().parents[2]
PAGE = (TREE / "docs/which-way.md").read_text(encoding="utf-8")
# The file that a paragraph names, and the code below it.
QUOTE = re.compile(r"`(examples/which_way/\w+\.c)`(?:(?!```).)*?"
                   r"```c\n(.*?)```", re.DOTALL)


class WhichWay(unittest.TestCase):
    def test_each_prints_the_sum(self):
        self.assertEqual(len(PROGRAMS), 3)
        for program in PROGRAMS:
            with self.subTest(program):
                done = subprocess.run([program], capture_output=True,
                                      text=True, timeout=300, check=False)
                self.assertEqual((done.returncode, done.stdout, done.stderr),
                                 (0, "15\n", ""))

    def test_a_sum_that_is_not_there_or_not_written_is_an_error(self):
        for program in PROGRAMS:
            for words in "ulimit -n 4", "exec >/dev/full", "exec >&-":
                with self.subTest((program, words)):
                    done = subprocess.run(
                        ["sh", "-c", words + '; exec "$0"', program],
                        capture_output=True, text=True, timeout=300,
                        check=False)
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertRegex(done.stderr, r"\Awhich_way: \w.*\n\Z")

    def test_the_page_quotes_the_programs(self):
        quotes = QUOTE.findall(PAGE)
        self.assertEqual(len(quotes), 3)
        self.assertEqual(PAGE.count("```c"), 3)
        for path, code in quotes:
            with self.subTest(path):
                self.assertIn(code, (TREE / path).read_text(encoding="utf-8"))

    def test_two_of_them_send_alike(self):
        senders = set()
        for name in "coroutines", "tasks":
            text = (TREE / f"examples/which_way/{name}.c").read_text()
            senders.add(text[text.index("static int32_t send_numbers"):
                             text.index("static int32_t add_up")])
        self.assertEqual(len(senders), 1)

    def test_the_names_on_the_page_exist(self):
        headers = "\n".join(path.read_text() for path in
                            (TREE / "include/reveil").glob("*.h"))
        for name in set(re.findall(r"`((?:rv|RV)_\w+)", PAGE)):
            self.assertRegex(headers, rf"\b{name}\b")


if __name__ == "__main__":
    unittest.main()
