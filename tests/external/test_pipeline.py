#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pipelined requests whose heads and bodies end at the edges of buffers.

    test_pipeline.py SERVER [-v]      SERVER: pipeline_server

Each round sends up to six requests on one connection, cut at the ends of heads
and bodies, at multiples of the server's first buffer, or anywhere. Handlers take
the whole body, a part of it or nothing, and what comes behind it must be read as
the next request: if not, the bytes of one message are taken for another's. A
round that fails is told with its seed: RV_PIPELINE_SEED=N repeats it.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import unittest

sys.dont_write_bytecode = True

SLOW = "RV_TEST_SLOW" in os.environ
ROUNDS = 300 if SLOW else 1000
LIMIT_S = 120
EDGES = (1024, 2047, 2048, 2049, 2058, 4096, 8192, 16384)
FIRST_BYTES = 10  # that /first takes
SAYS = {"/nothing": b"nothing", "/future": b"future", "/fixed": b"fixed"}
PATHS = ("/whole", "/pieces", "/first", *SAYS)


def chunked(chance, body):
    sent, at = b"", 0
    while at < len(body):
        piece = body[at:at + chance.choice((1, 2, 7, 100, 1000, 5000))]
        at += len(piece)
        more = chance.choice((b"", b"", b";a=b", b';x="y"'))
        sent += b"%x%s\r\n%s\r\n" % (len(piece), more, piece)
    return sent + b"0\r\n" + chance.choice((b"", b"T: v\r\n")) + b"\r\n"


class Round:
    """What is sent in one connection, and what has to come back."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.bytes, self.wanted, self.ends = b"", [], []
        for _ in range(self.chance.randint(1, 6)):
            self.add_request()
        self.ends = self.cuts()

    def add_request(self):
        chance = self.chance
        path = chance.choice(PATHS)
        body = bytes(chance.choices(range(97, 123), k=chance.choice(
            (0, 1, 5, 10, 27, 100, 700, 2000, 2048, 3000, 9000))))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode()
        if chance.random() < 0.4:
            head += b"Transfer-Encoding: chunked\r\n"
            sent = chunked(chance, body)
        else:
            head += b"Content-Length: %d\r\n" % len(body)
            sent = body
        # This head ends, or all heads and bodies so far end, at an edge.
        before = chance.choice((0, len(self.bytes))) + len(head)
        missing = chance.choice(EDGES) - before - len(b"P: \r\n\r\n")
        if 0 < missing < 9000 and chance.random() < 0.7:
            head += b"P: " + b"x" * missing + b"\r\n"
        for part in head + b"\r\n", sent:
            self.bytes += part
            self.ends.append(len(self.bytes))
        self.wanted.append((path, body))

    def cuts(self):
        """Where one send ends and the next one begins."""
        chance, whole = self.chance, len(self.bytes)
        kind = chance.choice(("whole", "ends", "ends", "anywhere", "2048"))
        if kind == "whole":
            return [whole]
        if kind == "ends":
            return [end for end in self.ends if chance.random() < 0.7] + [whole]
        if kind == "anywhere":
            return sorted(chance.randint(1, whole) for _ in
                          range(chance.randint(1, 8))) + [whole]
        return list(range(2048, whole, 2048)) + [whole]

    def send(self, client, pause):
        at = 0
        with contextlib.suppress(OSError):  # the round has ended
            for end in self.ends:
                client.sendall(self.bytes[at:end])
                at = end
                pause.wait(self.chance.choice((0, 0, 0.0005, 0.002)))


def response(stream):
    """(status, body, whether the server closes the connection after it)."""
    line = stream.readline()
    if not line:
        raise EOFError("the connection has ended")
    fields, body = {}, b""
    while (one := stream.readline().strip()):
        name, _, value = one.partition(b":")
        fields[name.lower()] = value.strip()
    if b"content-length" in fields:
        body = stream.read(int(fields[b"content-length"]))
    else:
        while (length := int(stream.readline(), 16)):
            body += stream.read(length)
            stream.readline()
        stream.readline()
    return int(line.split()[1]), body, fields.get(b"connection") == b"close"


def is_right(path, sent, got):
    if path == "/first":
        return got == sent[:len(got)] and len(got) <= FIRST_BYTES and \
            bool(got) == bool(sent)
    return got == SAYS.get(path, sent)


class Pipeline(unittest.TestCase):
    server = None  # its program

    def setUp(self):
        self.running = subprocess.Popen([self.server], stdout=subprocess.PIPE)
        self.addCleanup(self.end)
        self.port = int(self.running.stdout.readline())

    def end(self):
        self.running.send_signal(signal.SIGTERM)
        self.running.stdout.close()
        self.assertEqual(self.running.wait(LIMIT_S), 0)

    def play(self, seed):
        one = Round(seed)
        with socket.create_connection(("127.0.0.1", self.port),
                                      LIMIT_S) as client, \
                client.makefile("rb") as stream:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sender = threading.Thread(target=one.send,
                                      args=(client, threading.Event()))
            sender.start()
            try:
                for i, (path, body) in enumerate(one.wanted):
                    status, got, is_last = response(stream)
                    self.assertEqual(status, 200, (i, path, got))
                    self.assertTrue(is_right(path, body, got), (i, path, got))
                    if is_last:
                        break
            finally:
                with contextlib.suppress(OSError):  # the server has closed it
                    client.shutdown(socket.SHUT_RDWR)
                sender.join()

    def test_each_request_has_its_own_response(self):
        chosen = os.environ.get("RV_PIPELINE_SEED")
        for seed in ([int(chosen)] if chosen else
                     random.sample(range(1 << 31), ROUNDS)):
            with self.subTest(RV_PIPELINE_SEED=seed):
                self.play(seed)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit("usage: test_pipeline.py SERVER [-v]")
    Pipeline.server = os.path.abspath(sys.argv.pop(1))
    unittest.main()
