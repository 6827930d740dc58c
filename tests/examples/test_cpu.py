#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples on the CPU pool: bare_libc, spawn, thread and sha1sum.

usage: test_cpu.py EXAMPLE...

sha1sum is compared with that of coreutils, byte by byte, with the ring and
without it. It does not exist in a build without libcrypto.
"""

import hashlib
import itertools
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

EXAMPLES = {os.path.basename(path): os.path.abspath(path)
            for path in sys.argv[1:]}
del sys.argv[1:]
SECONDS = 300  # when a run that has not ended is a hang, on any machine
# Of long tables, one row in so many: a sanitizer's start takes 0.1 s.
SAMPLE = 5 if os.environ.get("RV_TEST_SLOW") else 1
NAMES = [b"plain", b"sp ace", b"new\nline", b"back\\slash", b"return\rhere",
         b"-dash", b"quo'te", b"\xff\xfe", b"star*", b"a:b", "été".encode()]


def run(*command, disk="", stdin=b"", **options):
    environment = dict(os.environ, LC_ALL="C", RV_DISK=disk)
    return subprocess.run(command, capture_output=True, input=stdin,
                          env=environment, timeout=SECONDS, **options)


class Spawn(unittest.TestCase):
    def test_it_counts_in_the_order_of_its_arguments(self):
        for disk in ("", "pool"):
            result = run(EXAMPLES["spawn"], "100000", "10", "0", disk=disk)
            self.assertEqual(result.stdout.splitlines()[:3],
                             [b"9592 primes below 100000",
                              b"4 primes below 10", b"0 primes below 0"])
            self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_without_a_number_it_says_how(self):
        for arguments in ([], ["x"], ["-1"], [""]):
            result = run(EXAMPLES["spawn"], *arguments)
            self.assertEqual(result.returncode, 2)
            self.assertEqual(result.stderr, b"usage: spawn NUMBER...\n")


class Thread(unittest.TestCase):
    def test_every_job_is_run_once(self):
        for disk in ("", "pool"):
            for more in ([], ["one"]):
                result = run(EXAMPLES["thread"], "30", "40", *more, disk=disk)
                total = sum(i + j for i in range(40) for j in range(30))
                self.assertEqual(
                    result.stdout.decode(),
                    f"1200 jobs, the sum of their sums is {total}\n")
                self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_no_jobs_are_no_jobs(self):
        for arguments in (["0", "5"], ["5", "0"], ["0", "0", "one"]):
            result = run(EXAMPLES["thread"], *arguments)
            self.assertIn(b"0 jobs", result.stdout)

    def test_wrong_arguments_are_refused(self):
        for arguments in ([], ["1"], ["1", "x"], ["1", "1", "two"]):
            self.assertEqual(run(EXAMPLES["thread"], *arguments).returncode, 2)


class BareLibc(unittest.TestCase):
    def test_errno_and_the_owner_of_a_lock_are_shared(self):
        result = run(EXAMPLES["bare_libc"])
        self.assertEqual(result.stdout.decode().splitlines()[:4], [
            "pthread: close(-1) fails there with EBADF; errno here becomes 0",
            "pthread: to lock what this thread holds gives EBUSY",
            "bare   : close(-1) fails there with EBADF; "
            "errno here becomes EBADF",
            "bare   : to lock what this thread holds gives EDEADLK"])
        self.assertEqual((result.returncode, result.stderr), (0, b""))


@unittest.skipUnless("sha1sum" in EXAMPLES, "built without libcrypto")
class Sha1sum(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="reveil-sha1-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        # Shorter and longer than a buffer, and just as long as some.
        lengths = [0, 1, 63, 64, 65, 16384, 16385, 500000, 1 << 20,
                   (1 << 21) + 1, 3 << 20]
        for name, length in zip(NAMES, lengths):
            with open(os.path.join(folder.name.encode(), name), "wb") as file:
                file.write(os.urandom(length))
        os.mkdir(os.path.join(folder.name, "dir"))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(text)

    def compare(self, *arguments, stdin=b"text\n"):
        """Returns: what both print."""
        theirs = run("sha1sum", *arguments, stdin=stdin, cwd=self.folder)
        for disk in ("", "pool"):
            ours = run(EXAMPLES["sha1sum"], *arguments, stdin=stdin,
                       disk=disk, cwd=self.folder)
            self.assertEqual(ours.stdout, theirs.stdout, (disk, arguments))
            self.assertEqual(ours.returncode, theirs.returncode, arguments)
            self.assertEqual(ours.stderr.count(b"\n"),
                             theirs.stderr.count(b"\n"), ours.stderr)
        return theirs.stdout

    def test_files_of_all_names_and_lengths(self):
        for options in ([], ["-b"], ["-t"], ["--tag"], ["-z"], ["-bz"]):
            self.compare(*options, "--", *NAMES)

    def test_what_cannot_be_read_is_said_and_the_rest_is_hashed(self):
        self.compare("plain", "dir", "missing", "", "sp ace", "plain/x",
                     "n" * 300)
        result = run(EXAMPLES["sha1sum"], "dir", "no file", cwd=self.folder)
        self.assertEqual(result.stderr,
                         b"sha1sum: dir: Is a directory\n"
                         b"sha1sum: 'no file': No such file or directory\n")

    @unittest.skipIf(os.geteuid() == 0, "root reads every file")
    def test_a_file_that_may_not_be_read(self):
        os.chmod(os.path.join(self.folder, "plain"), 0)
        self.compare("plain", "sp ace")

    def test_standard_input(self):
        text = os.urandom(5_000_000)
        self.compare(stdin=text)
        self.compare("-", stdin=text)
        self.compare("plain", "-", "sp ace", "-", stdin=text)
        self.compare(stdin=b"")

    def test_more_files_than_are_open_at_once(self):
        names = [f"many{i}" for i in range(200)]
        for name in names:
            self.write(name, name.encode() * 1000)
        self.compare(*names, "missing", *names)

    def test_the_sums_are_the_sums(self):
        text = os.urandom(100000)
        result = run(EXAMPLES["sha1sum"], stdin=text)
        self.assertEqual(result.stdout.decode(),
                         hashlib.sha1(text).hexdigest() + "  -\n")

    def test_lists_are_checked(self):
        good = self.compare("--", *NAMES)
        tagged = self.compare("--tag", "--", *NAMES)
        self.write("good", good)
        self.write("tagged", tagged)
        self.write("crlf", b"\r\n".join(good.split(b"\n")[:2]) + b"\r\n")
        self.write("mixed", b"# sums\n\nnonsense\n" + good.upper() + good +
                   b"0" * 40 + b"  plain\n" + b"0" * 40 + b" *missing\n" +
                   b"0" * 40 + b"  \n" + b"0" * 40 + b" plain\n" +
                   b"0" * 39 + b"  plain\n" + b"\\" + b"0" * 40 + b"  a\\b\n" +
                   b"SHA1 (plain)= " + b"0" * 40 + b"\nSHA1 (plain) = 0\n")
        self.write("old", b"0" * 40 + b" plain\n" + b"0" * 40 + b"  plain\n")
        self.write("none", b"nothing\n")
        self.write("gone", b"0" * 40 + b"  missing\n")
        table = (["-c"], ["-cw"], ["-c", "--quiet"], ["-c", "--strict"],
                 ["-c", "--status"], ["-c", "--ignore-missing"])
        for options in table[::SAMPLE]:
            for name in ("good", "tagged", "crlf", "mixed", "old", "none",
                         "gone", "dir", "nowhere", "/dev/null"):
                self.compare(*options, name)
            self.compare(*options, "good", "mixed", "nowhere", "old")
        self.compare("-c", stdin=good)

    def test_wrong_options_are_refused(self):
        for options in (["-x"], ["--nonsense"], ["--quiet"], ["-c", "--tag"],
                        ["--status", "plain"], ["-w"], ["--strict"],
                        ["--ignore-missing", "plain"]):
            self.compare(*options)

    def test_options_combine_as_those_of_coreutils(self):
        self.write("sums", self.compare("plain", "sp ace") + b"nonsense\n" +
                   b"0" * 40 + b"  missing\n")
        options = ("-b", "-t", "--tag", "-c", "-z", "-w", "--quiet",
                   "--status", "--strict", "--ignore-missing")
        table = [*itertools.permutations(options, 1),
                 *itertools.permutations(options, 2),
                 *itertools.permutations(options[:4], 3),
                 *(("-c", *three) for three in
                   itertools.permutations(options[5:9], 3)),
                 ("-bt",), ("-tb",), ("-ctb",), ("--ta", "--te"), ("--st",),
                 ("--check=1",), ("-x",)]
        for row in table[::SAMPLE]:
            for file in "plain", "sums":
                theirs, ours = (run(program, *row, file, cwd=self.folder)
                                for program in
                                ("sha1sum", EXAMPLES["sha1sum"]))
                for what in "returncode", "stdout", "stderr":
                    self.assertEqual(getattr(ours, what),
                                     getattr(theirs, what), (row, file))

    def test_help_is_printed(self):
        result = run(EXAMPLES["sha1sum"], "--help")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertIn(b"usage: sha1sum", result.stdout)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "wb") as full:
            for program in ("sha1sum", EXAMPLES["sha1sum"]):
                for what in "plain", "--help":
                    done = subprocess.run([program, what], stdout=full,
                                          stderr=subprocess.PIPE,
                                          timeout=SECONDS, cwd=self.folder)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(b"write error", done.stderr)

    def test_it_needs_few_descriptors(self):
        names = [f"many{i}" for i in range(100)]
        for name in names:
            self.write(name, b"x")
        limit = shutil.which("prlimit")
        if not limit:
            self.skipTest("prlimit (util-linux) is missing")
        result = run(limit, "--nofile=64", EXAMPLES["sha1sum"], *names,
                     cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(len(result.stdout.splitlines()), 100)

    def test_long_work_shows_its_progress_on_a_terminal_and_only_there(self):
        quiet = subprocess.Popen([EXAMPLES["sha1sum"]], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        self.addCleanup(quiet.kill)
        terminal, stderr = pty.openpty()
        self.addCleanup(os.close, terminal)
        with subprocess.Popen([EXAMPLES["sha1sum"]], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=stderr) as child:
            os.close(stderr)
            child.stdin.write(b"x" * 3_000_000)
            child.stdin.flush()
            shown = os.read(terminal, 4096)  # comes while the rest is awaited
            child.stdin.close()
            line = child.stdout.read()
        self.assertIn(b" MB, 0 of 1 files", shown)
        self.assertEqual(line.decode(),
                         hashlib.sha1(b"x" * 3_000_000).hexdigest() + "  -\n")
        with quiet:  # it began before, and has its first progress behind it
            self.assertEqual(quiet.communicate(b"")[1], b"")


if __name__ == "__main__":
    unittest.main(verbosity=2)
