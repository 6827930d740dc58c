#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples do what they say, and the README quotes them as they are.

usage: test_examples.py REVEIL ECHO PARALLEL_GETS TWO_GETS
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

REVEIL, ECHO, PARALLEL_GETS, TWO_GETS = map(os.path.abspath, sys.argv[1:5])
del sys.argv[1:5]
SECONDS = 30  # for any one run; all are far quicker
TREE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=SECONDS)


@contextlib.contextmanager
def delay_server():
    """The URL of a delay server, for as long as the block lasts."""
    with subprocess.Popen([REVEIL, "serve", "--port", "0"], text=True,
                          stdout=subprocess.PIPE) as server:
        try:
            line = server.stdout.readline()
            yield re.search(r"http://\S+:\d+/", line)[0]
        finally:
            server.kill()


class Echo(unittest.TestCase):
    def setUp(self):
        self.server = subprocess.Popen([ECHO, "0"], text=True,
                                       stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
        self.addCleanup(self.server.communicate)
        self.addCleanup(self.server.kill)
        port = int(self.server.stdout.readline().rsplit(":", 1)[1])
        self.clients = [socket.create_connection(("127.0.0.1", port), SECONDS)
                        for _ in range(3)]
        for client in self.clients:
            self.addCleanup(client.close)

    def test_each_client_gets_back_what_it_sent(self):
        for i, client in enumerate(self.clients):
            client.sendall(b"%d" % i * 100000)
            client.shutdown(socket.SHUT_WR)
        for i, client in enumerate(self.clients):
            with client.makefile("rb") as stream:
                self.assertEqual(stream.read(), b"%d" % i * 100000)

    def test_ctrl_c_ends_it_with_all_its_clients(self):
        self.clients[0].sendall(b"x")
        self.assertEqual(self.clients[0].recv(1), b"x")
        self.server.send_signal(signal.SIGINT)
        self.assertEqual(self.server.wait(SECONDS), 0)
        self.assertEqual(self.server.stderr.read(), "")
        self.assertEqual(self.clients[0].recv(1), b"")


class ParallelGets(unittest.TestCase):
    def test_all_wait_at_once(self):
        with delay_server() as url:
            start = time.monotonic()
            result = run(PARALLEL_GETS, "20000", *[url + "300/x"] * 20)
            took = time.monotonic() - start
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"{url}300/x: 200, 1 bytes\n" * 20)
        self.assertLess(took, 3, "one after the other they take 6 s")

    def test_what_is_late_is_cancelled(self):
        with delay_server() as url:
            result = run(PARALLEL_GETS, "300", url + "0/x", url + "never")
        self.assertEqual(result.stdout, f"{url}0/x: 200, 1 bytes\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("timed out", result.stderr)


class TwoGets(unittest.TestCase):
    def test_it_prints_both_bodies_in_order(self):
        with delay_server() as url:
            result = run(TWO_GETS, url + "20/first", url + "0/second")
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
