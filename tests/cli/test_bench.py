#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of `reveil bench`: what it prints, not how fast the machine is.

usage: test_bench.py PROGRAM
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
BENCH = os.path.join(os.path.dirname(PROGRAM), "../bench")
KEYS = ["area", "case", "name", "peer", "ns_per_op", "cpu_ns_per_op",
        "bytes_per_op", "late_ns", "early", "peak_bytes", "syscalls_per_op",
        "instructions_per_op"]


def bench(*arguments, program=PROGRAM, path=None):
    environment = dict(os.environ, PATH=path or os.environ["PATH"])
    return subprocess.run([program, "bench", *arguments], timeout=600,
                          capture_output=True, text=True, env=environment)


class Bench(unittest.TestCase):
    def rows(self, *arguments, **options):
        result = bench("--json", "--quick", *arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["rows"]

    def test_each_row_has_every_key_in_order(self):
        rows = self.rows("spawn", "yield", "memory", path="/nowhere")
        self.assertEqual({row["area"] for row in rows},
                         {"spawn", "yield", "memory"})
        for row in rows:
            self.assertEqual(list(row), KEYS)
            for key in "ns_per_op", "cpu_ns_per_op":
                # CPU time comes in ticks: a short run may have none.
                self.assertGreaterEqual(row[key]["min"], 0, row)
                self.assertLessEqual(row[key]["min"], row[key]["median"])
                self.assertLessEqual(row[key]["median"], row[key]["max"])
            self.assertGreater(row["ns_per_op"]["min"], 0, row)
            self.assertIsNone(row["instructions_per_op"])
            self.assertEqual(row["bytes_per_op"] is not None,
                             row["area"] == "memory", row)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    @unittest.skipIf(os.environ.get("RV_TEST_SLOW"), "no leaks under ptrace")
    def test_a_yield_makes_no_system_call(self):
        self.assertEqual(self.rows("yield")[0]["syscalls_per_op"]["max"], 0)

    def test_no_sleeper_of_ours_is_early(self):
        ours = [row for row in self.rows("timers") if not row["peer"]]
        self.assertEqual([row["early"]["max"] for row in ours], [0])
        self.assertGreaterEqual(ours[0]["late_ns"]["min"], 0)

    def test_without_tools_there_are_times_but_no_counts(self):
        rows = self.rows("wake", path="/nowhere")
        self.assertEqual({row["syscalls_per_op"] for row in rows}, {None})
        self.assertGreater(rows[0]["ns_per_op"]["median"], 0)

    def test_without_wrk_the_server_area_is_skipped_and_says_so(self):
        result = bench("--json", "--quick", "server", path="/nowhere")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout), {"rows": []})
        self.assertRegex(result.stderr, r"skipped: wrk .*\n$")

    @unittest.skipUnless(shutil.which("wrk"), "wrk is not installed")
    @unittest.skipIf(os.environ.get("RV_TEST_SLOW"), "sanitized: no figures")
    def test_the_server_area_has_cpu_for_a_request_in_both_modes(self):
        tools = tempfile.TemporaryDirectory()
        self.addCleanup(tools.cleanup)
        os.symlink(shutil.which("wrk"), os.path.join(tools.name, "wrk"))
        rows = self.rows("server", path=tools.name)
        names = [row["name"] for row in rows]
        self.assertEqual(names.count("reveil, fused"), 2)
        self.assertEqual(names.count("reveil, thread"), 2)
        self.assertEqual(names.count("epoll"), 2)
        for row in rows:
            self.assertGreater(row["cpu_ns_per_op"]["median"], 0, row)

    def test_a_peer_that_was_not_built_is_left_out(self):
        with tempfile.TemporaryDirectory() as root:
            program = os.path.join(root, "cli/reveil")
            os.makedirs(os.path.dirname(program))
            os.makedirs(os.path.join(root, "bench"))
            shutil.copy(PROGRAM, program)
            for name in "spawn", "wake":
                shutil.copy(os.path.join(BENCH, name),
                            os.path.join(root, "bench"))
            rows = self.rows("spawn", "wake", program=program, path="/nowhere")
            self.assertEqual([row["name"] for row in rows], ["reveil"] * 3)
            missing = bench("--quick", "yield", program=program)
        self.assertEqual(missing.returncode, 1)
        self.assertRegex(missing.stderr, r"^reveil: bench/yield is not there")

    def test_the_table_has_a_block_a_case_and_ratios_to_the_first_peer(self):
        result = bench("--quick", "--rounds", "2", "spawn", path="/nowhere")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0], "spawn: spawn a task and join it")
        self.assertEqual(lines[1].split()[:4], ["ns/op", "min", "max", "times"])
        self.assertRegex(lines[2], r"^reveil +[\d.]+ +[\d.]+ +[\d.]+ +\d\.\d\d")
        # tokio, where it was built, or else a thread.
        self.assertRegex(lines[3], r"^(tokio|thread)( +[\d.]+){3} +1\.00 ")
        self.assertNotIn("\033", result.stdout + result.stderr)

    def test_wrong_usage_is_one_line_and_exit_2(self):
        for arguments in (["nothing"], ["--nothing"], ["--rounds"],
                          ["--rounds", "0"], ["--rounds", "102"],
                          ["--rounds", "x"], ["spawn", "nothing"]):
            with self.subTest(arguments=arguments):
                result = bench(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertEqual(result.stdout, "")
                self.assertEqual(result.stderr.count("\n"), 1, result.stderr)

    def test_help_names_every_area(self):
        result = bench("--help")
        self.assertEqual(result.returncode, 0)
        for area in ("wake", "spawn", "yield", "coro", "fork", "go",
                     "channel", "memory", "timers", "server"):
            self.assertRegex(result.stdout, rf"(?m)^  {area} ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
