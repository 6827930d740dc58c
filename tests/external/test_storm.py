#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many kinds of clients at once against `reveil serve`, which must survive.

    test_storm.py PROGRAM [-v] [CLASS.test]

wrk with 1,000 connections to a server that may have 600 descriptors, together
with clients that read or write slowly, half-close, disconnect, send half of a
request, or never read their response. A client that stays gets the right
response, though perhaps late, and perhaps on another connection: while
descriptors are short, the server closes a connection that waits for a second
between two requests, as HTTP allows. At the end no connection and no descriptor
is left, and the server stops normally.

RV_TEST_SLOW in the environment: the program is instrumented, be patient.
"""

import asyncio
import contextlib
import os
import random
import re
import resource
import signal
import socket
import sys
import unittest

sys.dont_write_bytecode = True

import support
from support import (LIMIT_S, LINGER_FOR_0_SECONDS, Serve, big, need, request,
                     start, wait_until)

DESCRIPTORS = 600  # of the server: fewer than wrk alone would use
WRK_S = 2  # how long it continues when the server has no descriptors left
STORM_S = LIMIT_S  # when one that is not served yet never will be

# What a client says that the server has not waited for any longer.
CUT_OFF = re.compile(
    "EOFError|Connection|BrokenPipe|AssertionError.*408 Request Timeout")

LAST = ("Connection: close",)


def limit_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# --- clients -----------------------------------------------------------


class LetGo(Exception):
    """The connection ended before a byte of the response came: ask again."""


class Peer:
    """A socket of the event loop."""

    def __init__(self, port, receive_buffer=None):
        self.loop = asyncio.get_running_loop()
        self.port = port
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.rest = b""

    async def __aenter__(self):
        await self.loop.sock_connect(self.socket, ("127.0.0.1", self.port))
        return self

    async def __aexit__(self, *_):
        self.socket.close()

    async def send(self, data):
        try:
            await self.loop.sock_sendall(self.socket, data)
        except (BrokenPipeError, ConnectionResetError):
            raise LetGo from None

    async def fill(self, size=65536):
        data = await self.loop.sock_recv(self.socket, size)
        self.rest += data
        return bool(data)

    async def answer(self, size=65536, pause_s=0.0):
        """The body of the next response, which must be a 200."""
        while b"\r\n\r\n" not in self.rest:
            try:
                more = await self.fill(size)
            except ConnectionResetError:
                more = False
            if not more and not self.rest:
                raise LetGo
            if not more:
                raise EOFError(f"no whole head in {self.rest[:200]!r}")
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise AssertionError(f"not a 200: {head!r}")
        length = int(re.search(rb"(?mi)^content-length: (\d+)\r?$", head)[1])
        while len(self.rest) < length:
            await asyncio.sleep(pause_s)
            if not await self.fill(size):
                raise EOFError(f"{len(self.rest)} bytes of {length}")
        body, self.rest = self.rest[:length], self.rest[length:]
        return body

    async def end(self):
        """The server closes, and says nothing before."""
        if self.rest or await self.fill():
            raise AssertionError(f"more than the response: {self.rest!r}")


def check(body, wanted):
    if body != wanted:
        raise AssertionError(f"{len(body)} bytes are not the {len(wanted)}")


async def slow_reader(port):
    async with Peer(port, receive_buffer=8192) as peer:
        await peer.send(request("/big/512"))
        check(await peer.answer(size=16384, pause_s=0.02), big(512))
        await peer.send(request("/0/then", *LAST))
        check(await peer.answer(), b"then")
        await peer.end()


async def slow_writer(port):
    async with Peer(port) as peer:
        for byte in request("/0/slow", *LAST):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.01)
        check(await peer.answer(), b"slow")
        await peer.end()


async def half_closer(port):
    async with Peer(port) as peer:
        await peer.send(request("/50/one") + request("/0/two"))
        peer.socket.shutdown(socket.SHUT_WR)
        check(await peer.answer(), b"one")
        check(await peer.answer(), b"two")
        await peer.end()


async def steady(port):
    """Request after request on one connection, at its leisure."""
    async with Peer(port) as peer:
        for i in range(20):
            await peer.send(request(f"/{i}/n{i}"))
            check(await peer.answer(), b"n%d" % i)
            await asyncio.sleep(0.05)


VANISHING = [
    request("/big/10000"), request("/drip/1/1000"), request("/300/x"),
    request("/never"), request("/half"), request("/reset"), b"GET /0/x HT",
    request("/0/x", "Content-Length: 9") + b"half", request("/0/x") * 100, b""]


async def vanish(port, dice):
    """Connect, ask, and go in the middle of it, again and again."""
    for _ in range(40):
        with contextlib.suppress(OSError, LetGo):
            async with Peer(port) as peer:
                await peer.send(dice.choice(VANISHING))
                await asyncio.sleep(dice.random() * 0.05)
                how = dice.randrange(3)
                if how:
                    peer.socket.setsockopt(*LINGER_FOR_0_SECONDS)
                if how == 2:  # half-closed first
                    peer.socket.shutdown(socket.SHUT_WR)


async def until_let_go(port, text):
    """Do nothing more: it is the server that ends it."""
    async with Peer(port, receive_buffer=8192) as peer:
        with contextlib.suppress(LetGo):
            await peer.send(text)
        while established(peer.socket):
            await asyncio.sleep(0.05)


def established(sock):
    """The server has not closed nor reset it; nothing is read to find out."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
    return info[0] == 1  # TCP_ESTABLISHED


async def again(client, port):
    while True:
        try:
            return await client(port)
        except LetGo:
            await asyncio.sleep(0.05)


async def all_clients(port):
    """Returns: what went wrong, as text."""
    dice = random.Random(1)
    crowd = [again(client, port) for client in
             (slow_reader, slow_writer, half_closer, steady)
             for _ in range(12)]
    crowd += [vanish(port, random.Random(dice.random())) for _ in range(12)]
    crowd += [until_let_go(port, text) for text in
              (b"GET /0/x HTTP/1.1\r\nHo", request("/big/10000"), b"",
               request("/0/x", "Content-Length: 9") + b"half")
              for _ in range(4)]
    dice.shuffle(crowd)
    done, late = await asyncio.wait(
        [asyncio.ensure_future(client) for client in crowd], timeout=STORM_S)
    for task in late:
        task.cancel()
    return [repr(task.exception()) for task in done if task.exception()] + [
        f"not served in {STORM_S} s: {task.get_coro()}" for task in late]


# --- the tests ---------------------------------------------------------


class Storm(unittest.TestCase):
    def check_wrk(self, wrk):
        words, _ = wrk.communicate(timeout=STORM_S)
        self.assertEqual(wrk.returncode, 0, words)
        self.assertNotIn(b"Non-2xx", words)
        # Those that were not accepted in its time count as timed out.
        errors = re.search(rb"connect (\d+), read (\d+), write (\d+)", words)
        self.assertIn(errors and errors.groups(), (None, (b"0",) * 3), words)
        self.assertGreater(int(re.search(rb"(\d+) requests in", words)[1]), 0)

    async def watch(self, server, most):
        """How many descriptors the server had at most."""
        while True:
            most[0] = max(most[0], server.descriptors())
            await asyncio.sleep(0.02)

    async def rage(self, server, most):
        watcher = asyncio.ensure_future(self.watch(server, most))
        # One half comes before the crowd, the other one together with it.
        early = asyncio.ensure_future(all_clients(server.port))
        await asyncio.sleep(0.2)
        wrk = start([need("wrk"), "-t1", "-c1000", f"-d{STORM_S}", "--timeout",
                     "600", server.url + "/0/x"],
                    preexec_fn=raise_descriptors, stdout=-1, stderr=-2)
        await asyncio.sleep(0.5)
        late = asyncio.ensure_future(all_clients(server.port))
        while most[0] <= DESCRIPTORS - 10 and wrk.poll() is None:
            await asyncio.sleep(0.02)
        await asyncio.sleep(WRK_S)
        wrk.send_signal(signal.SIGINT)
        wrong = await early + await late
        watcher.cancel()
        return wrk, wrong

    def storm(self, *options):
        """On a slow machine a client may rightly be disconnected: then again,
        with larger limits of the server."""
        need("wrk")
        for idle_s in 4, 16, 64:
            wrong = self.storm_once(idle_s, *options)
            if not wrong or not all(map(CUT_OFF.match, wrong)):
                break
            print(f"--idle {idle_s}: {wrong}", file=sys.stderr)
        self.assertEqual(wrong, [])

    def storm_once(self, idle_s, *options):
        """Returns: what went wrong with the clients."""
        server = Serve(options=["--idle", str(idle_s), *options],
                       preexec_fn=limit_descriptors)
        before = server.descriptors()
        most = [0]
        wrk, wrong = asyncio.run(self.rage(server, most))
        self.check_wrk(wrk)
        self.assertGreater(most[0], DESCRIPTORS - 10, "it never ran out")
        wait_until(lambda: server.descriptors() <= before,
                   "the server to close all connections")
        with server.connect() as client:
            client.send(request("/0/well", *LAST))
            self.assertEqual(client.answer(), (200, b"well"))
        words = server.stop()
        self.assertEqual((server.process.returncode, words),
                         (0, "stopping: no response to finish\n"))
        return wrong

    def test_thread(self):
        self.storm("--reactor", "thread")

    def test_fused(self):
        self.storm("--reactor", "fused")

    def test_two_executors(self):
        self.storm("--executors", "2")


def main():
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit("usage: test_storm.py PROGRAM [-v] [CLASS.test]")
    support.program = os.path.abspath(sys.argv[1])
    raise_descriptors()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)


if __name__ == "__main__":
    main()
