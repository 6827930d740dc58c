#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What lesson 07 stands on: the slow reader of the runner's server, sockets
that still connect, and levels.c. No test asserts a time."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "course"))

import lessons  # noqa: E402
import server  # noqa: E402
import standstill  # noqa: E402


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


class Sink(unittest.TestCase):
    def setUp(self):
        self.server = server.Server()
        self.site = self.server.site()
        self.client = socket.socket()
        self.client.settimeout(60)
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        self.client.connect(("127.0.0.1", self.site.port))

    def tearDown(self):
        self.client.close()
        self.site.close()
        self.server.stop()

    def head(self, path, length):
        return (f"POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"
                ).encode()

    def response(self):
        data = b""
        while piece := self.client.recv(65536):
            data += piece
        return data

    def test_it_answers_when_all_has_come(self):
        body = bytes(range(256)) * 256
        self.client.sendall(self.head("/sink/64/word", 65536) + body)
        self.assertTrue(self.response().endswith(b"\r\n\r\nword"))
        self.assertEqual(self.site.bodies["/sink/64/word"], body)
        self.assertEqual(self.site.paths(), ["/sink/64/word"])

    def test_a_sender_has_to_wait(self):
        self.client.setblocking(False)
        data = self.head("/sink/128/word", 131072) + b"." * 131072
        pieces = []
        while sum(pieces) < len(data):
            try:
                pieces.append(self.client.send(data[sum(pieces):]))
            except BlockingIOError:
                time.sleep(0.001)
        self.assertGreater(len(pieces), 3)
        self.client.setblocking(True)
        self.assertTrue(self.response().endswith(b"word"))

    def test_of_a_body_that_does_not_come_nothing_is_owed(self):
        self.client.sendall(self.head("/sink/64/word", 65536) + b"." * 100)
        self.assertTrue(until(lambda: self.site.requests))
        self.assertTrue(until(lambda: not self.site.owes()))

    def test_to_a_client_that_does_not_read_nothing_is_owed(self):
        self.client.sendall(b"GET /big/8192/word HTTP/1.1\r\n\r\n")
        self.assertTrue(until(lambda: self.site.requests))
        self.assertTrue(until(lambda: not self.site.owes()))
        self.assertIn(b"word", self.response()[:1000])

    def test_it_is_closed_in_the_middle(self):
        self.client.sendall(self.head("/sink/64/word", 65536) + b"." * 9000)
        self.assertTrue(until(lambda: self.site.requests))


class Settled(unittest.TestCase):
    """After a run, all that the program sent is read before it is judged."""

    def setUp(self):
        self.server = server.Server()
        self.site = self.server.site()
        self.looks = []
        self.site.in_flight = lambda: self.looks.append(1)

    def tearDown(self):
        self.site.close()
        self.server.stop()

    def connect_and_send(self):
        with socket.create_connection(("127.0.0.1", self.site.port)) as one:
            one.sendall(b"GET /1/word HTTP/1.1\r\n\r\n")

    def test_what_has_come_and_is_not_read_is_waited_for(self):
        with self.server.lock:  # it cannot read
            self.connect_and_send()
            self.site.settle(1, seconds=0.05)
            self.assertEqual(self.site.paths(), [])
        self.site.settle(1, seconds=60)
        self.assertEqual(self.site.paths(), ["/1/word"])

    def test_only_one_that_has_not_come_or_not_ended_is_looked_for(self):
        self.site.settle(0)
        self.connect_and_send()
        self.assertTrue(until(lambda: self.site.connections and
                              not self.site.connections[0].open))
        self.site.settle(1)
        self.assertEqual(self.looks, [])
        self.site.settle(2)
        self.assertEqual(self.looks, [1])

        with socket.create_connection(("127.0.0.1", self.site.port)):
            self.assertTrue(until(lambda: len(self.site.connections) == 2))
            self.site.settle(2)
        self.assertEqual(self.looks, [1, 1])


class Connecting(unittest.TestCase):
    def test_a_socket_that_nobody_answers(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        clients = []
        self.assertFalse(standstill.is_connecting(os.getpid()))
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            clients.append(client)
        self.assertTrue(until(
            lambda: standstill.is_connecting(os.getpid())))
        for client in clients + [listener]:
            client.close()
        self.assertFalse(standstill.is_connecting(os.getpid()))


class Levels(unittest.TestCase):
    def test_an_edge_is_told_once_a_level_again_and_again(self):
        path = os.path.join(lessons.FOLDER, "07-readiness", "levels.c")
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "levels")
            subprocess.run(
                [*os.environ.get("CC", "cc").split(), "-std=c11",
                 "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o",
                 program, path], check=True, timeout=120)
            said = subprocess.run([program], capture_output=True, text=True,
                                  check=True, timeout=120).stdout
        found = dict(re.findall(r"(\w+ \w+, \w+): (\d+)", said))
        self.assertEqual(found["unread byte, edge"], "1")
        self.assertEqual(found["free room, edge"], "1")
        self.assertGreater(int(found["unread byte, level"]), 100)
        self.assertGreater(int(found["free room, level"]), 100)


if __name__ == "__main__":
    unittest.main()
