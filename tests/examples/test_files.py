#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples that use files, through the ring and through the pool.

usage: test_files.py EXAMPLE...

With RV_DISK=pool in the environment they run without the ring.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

EXAMPLES = {os.path.basename(path): os.path.abspath(path)
            for path in sys.argv[1:]}
del sys.argv[1:]
SECONDS = 300  # when a run that has not ended is a hang, on any machine
TEXT = bytes(i % 251 for i in range(1 << 20))  # more than a pipe holds


def run(name, *arguments, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    return subprocess.run([EXAMPLES[name], *arguments], capture_output=True,
                          timeout=SECONDS, **options)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)

    def file(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def said(self, result, status, stdout, stderr=b""):
        self.assertEqual(
            (result.returncode, result.stdout, result.stderr),
            (status, stdout, stderr))


class ClosedPipe(unittest.TestCase):
    """A writer whose reader has gone reports it, and ends."""

    def closed(self, name, *arguments, stdin=subprocess.DEVNULL):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            return subprocess.run([EXAMPLES[name], *arguments], stdin=stdin,
                                  stdout=writer, stderr=subprocess.PIPE,
                                  timeout=SECONDS)
        finally:
            os.close(writer)

    def test_each_example_that_writes(self):
        for name, *arguments in (("hello",), ("pipe",), ("tick", "1", "1"),
                                 ("cat", EXAMPLES["cat"])):
            with self.subTest(name):
                result = self.closed(name, *arguments)
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, rb"the other end is closed\n\Z")

    def test_a_reader_that_goes_in_the_middle(self):
        for name, *arguments in (("pipe", "x" * 1000, "100000"),
                                 ("cat", "/dev/zero")):
            with self.subTest(name), subprocess.Popen(
                    [EXAMPLES[name], *arguments], stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
                child.stdout.read(100000)
                child.stdout.close()
                self.assertEqual(child.wait(SECONDS), 1)
                self.assertRegex(child.stderr.read(), rb"the other end is closed\n\Z")

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            for name, *arguments in (("hello",), ("pipe",),
                                     ("cat", EXAMPLES["cat"])):
                with self.subTest(name):
                    result = subprocess.run(
                        [EXAMPLES[name], *arguments], stdout=full,
                        stderr=subprocess.PIPE, timeout=SECONDS)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn(b"no space left", result.stderr)


class Hello(Files):
    def test_it_writes_a_line(self):
        self.said(run("hello"), 0, b"Hello, World!\n")
        self.said(run("hello", "x" * 100000), 0, b"x" * 100000 + b"\n")

    def test_to_a_file_too(self):
        path = self.file("out", b"before\n")
        with open(path, "ab") as out:
            subprocess.run([EXAMPLES["hello"]], stdout=out, check=True,
                           timeout=SECONDS)
        with open(path, "rb") as out:
            self.assertEqual(out.read(), b"before\nHello, World!\n")


class Sync(Files):
    def test_the_file_has_the_text(self):
        path = self.file("out", b"an older and longer text")
        self.said(run("sync", path, "text"), 0, b"")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"text\n")

    def test_what_goes_wrong_is_named(self):
        self.said(run("sync", self.folder, "text"), 1, b"",
                  f"sync: {self.folder}: is a directory\n".encode())


class Cat(Files):
    def test_files_in_order(self):
        paths = [self.file(f"{i}", TEXT[:size])
                 for i, size in enumerate((0, 1, 4096, 300001, len(TEXT)))]
        self.said(run("cat", *paths), 0,
                  TEXT[:1] + TEXT[:4096] + TEXT[:300001] + TEXT)

    def test_stdin(self):
        self.said(run("cat", input=TEXT), 0, TEXT)
        path = self.file("some", b"some\n")
        self.said(run("cat", path, "-", path, input=b"between\n"), 0,
                  b"some\nbetween\nsome\n")
        with open(path, "rb") as some:
            self.said(run("cat", stdin=some), 0, b"some\n")

    def test_a_slow_writer_and_a_slow_reader(self):
        with subprocess.Popen([EXAMPLES["cat"]], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            for word in (b"one\n", b"two\n"):
                child.stdin.write(word)
                child.stdin.flush()
                self.assertEqual(child.stdout.readline(), word)
            child.stdin.close()
            self.assertEqual(child.stdout.read(), b"")
            self.assertEqual(child.wait(SECONDS), 0)

    def test_what_cannot_be_read_is_named_and_the_rest_is_copied(self):
        path = self.file("some", b"some\n")
        none = self.file("none")
        self.said(run("cat", none, self.folder, path), 1, b"some\n",
                  f"cat: {none}: no such file or directory\n"
                  f"cat: {self.folder}: is a directory\n".encode())


class Tick(unittest.TestCase):
    def test_ticks_come_in_time(self):
        start = time.monotonic()
        result = run("tick", "5", "20")
        self.assertGreaterEqual(time.monotonic() - start, 0.1)
        self.assertEqual(result.stdout,
                         b"".join(b"tick %d\n" % i for i in range(1, 6)))


class Faster(unittest.TestCase):
    def test_you(self):
        result = run("faster", "10000", input=b"first\nsecond\n")
        self.assertEqual((result.returncode, result.stdout),
                         (0, b"you were faster: first\n"))
        self.assertEqual(run("faster", "10000").stdout,
                         b"you were faster, and said nothing\n")

    def test_the_clock(self):
        """It ends although nothing is ever read."""
        with subprocess.Popen([EXAMPLES["faster"], "20"],
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            self.assertEqual(child.wait(SECONDS), 1)
            self.assertEqual(child.stdout.read(), b"the clock was faster\n")

    def test_what_comes_after_the_clock_is_left_for_others(self):
        reader, writer = os.pipe()
        subprocess.run([EXAMPLES["faster"], "5"], stdin=reader,
                       stdout=subprocess.DEVNULL, timeout=SECONDS)
        os.write(writer, b"later")
        self.assertEqual(os.read(reader, 100), b"later")
        os.close(reader)
        os.close(writer)


class Pipe(unittest.TestCase):
    def test_the_text_comes_out_whole(self):
        self.assertEqual(run("pipe").stdout, b"Hello, World!\n")
        result = run("pipe", "abc", "100000")
        self.assertEqual((result.returncode, result.stdout),
                         (0, b"abc\n" * 100000))


class HundredFiles(Files):
    def whole(self, names):
        content = bytes(i % 251 for i in range(1 << 20))
        for name in names:
            with open(self.file(name), "rb") as file:
                self.assertTrue(file.read() == content, name)

    def test_all_are_written_whole_each_way(self):
        result = run("hundred_files_ring", self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(len(re.findall(rb" ms, .* ms of CPU",
                                        result.stdout)), 3)
        names = [f"{i:03}" for i in range(100)]
        self.assertEqual(sorted(os.listdir(self.folder)), names)
        self.whole(names)

    def test_one_error_loses_no_other_file(self):
        os.mkdir(self.file("042"))
        result = run("hundred_files_ring", self.folder)
        self.assertEqual(result.returncode, 1)
        self.assertTrue(result.stderr.startswith(
            f"{self.folder}/042: is a directory\n".encode()))
        self.whole(f"{i:03}" for i in range(100) if i != 42)


class Filter(Files):
    LINES = b"".join(b"line %d\n" % i for i in range(20000))
    WANTED = b"".join(b"%6d  line %d\n" % (i + 1, i) for i in range(20000))

    def check(self, result, stdout, returncode=0):
        self.assertEqual((result.returncode, result.stdout),
                         (returncode, stdout))

    def test_a_pipe_and_a_last_line_without_an_end(self):
        self.check(run("filter", input=self.LINES), self.WANTED)
        self.check(run("filter", input=b"a\n\nb"),
                   b"     1  a\n     2  \n     3  b\n")

    def test_a_file_is_written_to_a_file(self):
        with open(self.file("in", self.LINES), "rb") as stdin, \
                open(self.file("out"), "wb") as stdout:
            self.assertEqual(subprocess.run(
                [EXAMPLES["filter"]], stdin=stdin, stdout=stdout,
                timeout=SECONDS).returncode, 0)
        with open(self.file("out"), "rb") as file:
            self.assertEqual(file.read(), self.WANTED)

    def test_nothing_and_no_stdin(self):
        self.check(run("filter"), b"")
        result = run("filter", preexec_fn=lambda: os.close(0))
        self.check(result, b"", 1)
        self.assertTrue(result.stderr.startswith(b"filter: "))

    def test_a_line_that_is_too_long_loses_none_before_it(self):
        self.check(run("filter", input=b"a\n" + b"x" * (1 << 17)),
                   b"     1  a\n", 1)

    def test_a_reader_that_goes_is_an_error_and_no_signal(self):
        process = subprocess.Popen([EXAMPLES["filter"]], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.close()
        process.stdin.write(b"a\n")
        process.stdin.close()
        self.assertEqual(process.wait(SECONDS), 1)
        self.assertIn(b"filter: ", process.stderr.read())
        process.stderr.close()

    def test_sigint_ends_it_and_is_its_status(self):
        process = subprocess.Popen([EXAMPLES["filter"]], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        process.stdin.write(b"a\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"     1  a\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(SECONDS), 128 + signal.SIGINT)
        process.stdin.close()
        process.stdout.close()


class ReadFigures(Files):
    def test_it_prints_all_four_and_leaves_no_file(self):
        path = self.file("figures")
        result = run("read_figures", path)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout.count(b"GB/s") +
                         result.stdout.count(b"reads/s") +
                         result.stdout.count(b"left out"), 4)
        self.assertEqual(os.listdir(self.folder), [])

    def test_it_does_not_overwrite(self):
        path = self.file("there", b"mine")
        self.assertEqual(run("read_figures", path).returncode, 1)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"mine")


if __name__ == "__main__":
    unittest.main(verbosity=2)
