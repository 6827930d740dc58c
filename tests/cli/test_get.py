#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`reveil get`: the files that it writes, and long URLs.

usage: test_get.py PROGRAM [--reactor=MODE] [unittest arguments...]

A server here continues when the test tells it to: no test depends on timing.
"""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from test_cli import SECONDS, Case, Script, Serve, command_line, run

SIZE = 1 << 20


class Held:
    """Sends a head and half of a body of one letter, then waits for go()."""

    def __init__(self, letter):
        self.letter = letter
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/a/f"
        self.half = threading.Event()
        self.may_go = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            with client:
                client.recv(1000)
                client.sendall(b"HTTP/1.1 200 OK\r\n"
                               b"Content-Length: %d\r\n\r\n" % SIZE)
                client.sendall(self.letter * (SIZE // 2))
                self.half.set()
                self.may_go.wait(SECONDS)
                client.sendall(self.letter * (SIZE // 2))

    def go(self):
        self.may_go.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go()
        self.listener.close()
        self.thread.join(SECONDS)


def start(*arguments, **options):
    return subprocess.Popen(command_line(*arguments), text=True,
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            **options)


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it never came to that")
        time.sleep(0.005)


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


class Files(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def names(self):
        return sorted(os.listdir(self.folder))

    def get_held(self, server, **options):
        """Start a GET, and wait until it has begun its file."""
        before = len(self.names())
        process = start("get", "-o", self.folder, server.url, **options)
        self.addCleanup(process.stderr.close)
        until(lambda: len(self.names()) > before or process.poll() is not None)
        self.assertIsNone(process.poll())
        return process

    def test_two_that_write_the_same_name_do_not_meet(self):
        # The same port for both, one after the other: the same names.
        with Held(b"A") as first:
            slow = self.get_held(first)
            port = first.listener.getsockname()[1]
            first.listener.close()
            body = b"B" * SIZE
            with socket.create_server(("127.0.0.1", port)) as listener:
                quick = start("get", "-o", self.folder, first.url)
                client, _ = listener.accept()
                with client:
                    client.recv(1000)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: "
                                   b"%d\r\n\r\n" % SIZE + body)
                    self.assertEqual(quick.wait(SECONDS), 0)
            quick.stderr.close()
            whole = [name for name in self.names()
                     if not name.endswith(".part")]
            self.assertEqual(len(whole), 1)
            self.assertEqual(set(read(self.folder, whole[0])), {ord("B")})
            first.go()
            self.assertEqual(slow.wait(SECONDS), 0)
        self.assertEqual(self.names(), whole)
        self.assertEqual(read(self.folder, whole[0]), b"A" * SIZE)

    def test_a_signal_ends_it_and_leaves_nothing(self):
        numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

        def heed():  # the tests may have been started by nohup
            for number in numbers:
                signal.signal(number, signal.SIG_DFL)

        for number in numbers:
            with self.subTest(number), Held(b"A") as server:
                process = self.get_held(server, preexec_fn=heed)
                process.send_signal(number)
                self.assertEqual(process.wait(SECONDS), -number)
                self.assertEqual(self.names(), [])

    def test_a_signal_that_is_ignored_stays_so(self):
        def ignore():
            signal.signal(signal.SIGINT, signal.SIG_IGN)

        with Held(b"A") as server:
            process = self.get_held(server, preexec_fn=ignore)
            process.send_signal(signal.SIGINT)
            server.go()
            self.assertEqual(process.wait(SECONDS), 0)
        self.assertEqual(len(self.names()), 1)
        self.assertEqual(read(self.folder, *self.names()), b"A" * SIZE)

    def test_a_file_that_gets_too_large_leaves_nothing(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

        with Serve() as server:
            for option in [], ["--head"]:
                result = run("get", *option, "-o", self.folder,
                             server.url("/big/1024"), preexec_fn=limit)
                self.one_line(result, 1, "cannot write", "File too large")
                self.assertEqual(self.names(), [])

    def test_what_stands_there_is_replaced_not_written_to(self):
        mine = os.path.join(self.folder, "mine")
        out = os.path.join(self.folder, "out")
        os.mkdir(out)
        with open(mine, "w", encoding="ascii") as file:
            file.write("mine")
        with Serve() as server:
            name = f"{out}/0001-127.0.0.1_{server.port}-x"
            for make in (lambda path: os.link(mine, path),
                         lambda path: os.symlink(mine, path), os.mkfifo):
                for option in [], ["--head"]:
                    for path in name, name + ".part":
                        with contextlib.suppress(FileNotFoundError):
                            os.unlink(path)
                        make(path)
                    result = run("get", *option, "-o", out,
                                 server.url("/0/x"))
                    self.check(result, 0)
                    expected = b"HTTP/1.1 200 OK\r\n" if option else b"x"
                    self.assertTrue(read(name).startswith(expected))
                    self.assertEqual(read(mine), b"mine")


class LongUrls(Case):
    def test_a_target_of_8000_bytes_is_sent_and_answered(self):
        with Serve() as server:
            text = "x" * (8000 - len("/0/"))
            self.check(run("get", server.url("/0/" + text)), 0, text)

    def test_a_redirect_may_lead_to_one(self):
        text = "x" * (8000 - len("/0/"))
        with Serve() as server:
            moved = (f"HTTP/1.1 302 Found\r\nLocation: {server.url('/0/')}"
                     f"{text}\r\nContent-Length: 0\r\n\r\n")
            with Script(moved.encode()) as script:
                self.check(run("get", "-L", script.url()), 0, text)

    def test_a_redirect_may_have_a_blank_and_letters(self):
        with Serve() as server:
            moved = (f"HTTP/1.1 302 Found\r\nLocation: {server.url('/0/')}"
                     f"a \u00e4\r\nContent-Length: 0\r\n\r\n")
            with Script(moved.encode()) as script:
                self.check(run("get", "-L", script.url()), 0, "a%20%C3%A4")


if __name__ == "__main__":
    unittest.main(verbosity=2)
