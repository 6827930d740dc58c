#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The compiler's line in README.md and README.fr.md works as it stands, and
what it makes is the echo server.

usage: test_readme.py LIBRARY
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

LIBRARY = os.path.abspath(sys.argv.pop(1))
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LINE = re.compile(r"^cc -Iinclude .*build/src/libreveil\.a.* -o echo$", re.M)


class Readme(unittest.TestCase):
    def check(self, name):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            line, = LINE.findall(file.read())
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "echo")
            words = [LIBRARY if word == "build/src/libreveil.a" else
                     program if word == "echo" else word
                     for word in shlex.split(line)]
            done = subprocess.run(words, cwd=ROOT, stderr=subprocess.PIPE)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            done = subprocess.run([program, "no address"], capture_output=True)
            self.assertEqual((done.returncode, done.stderr),
                             (1, b"echo: invalid argument\n"))

    def test_english(self):
        self.check("README.md")

    def test_french(self):
        self.check("README.fr.md")


unittest.main()
