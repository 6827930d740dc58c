#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples that a user would start from: servers, and what waits for
processes and folders.

usage: test_servers.py EXAMPLE...
"""

import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from support import EXAMPLES, SECONDS, AtAddress, run


class Echo(AtAddress):
    def begin(self, clients, **options):
        self.start("echo", **options)
        self.clients = [self.connect() for _ in range(clients)]

    def check(self, client, text):
        client.sendall(text)
        with client.makefile("rb") as stream:
            self.assertEqual(stream.read(len(text)), text)

    def test_each_client_gets_back_what_it_sent(self):
        self.begin(3)
        for i, client in enumerate(self.clients):
            client.sendall(b"%d" % i * 100000)
            client.shutdown(socket.SHUT_WR)
        for i, client in enumerate(self.clients):
            with client.makefile("rb") as stream:
                self.assertEqual(stream.read(), b"%d" % i * 100000)

    def test_ctrl_c_ends_it_with_all_its_clients(self):
        self.begin(3)
        self.check(self.clients[0], b"x")
        self.stop()
        self.assertEqual(self.clients[0].recv(1), b"")

    def test_it_has_no_hidden_thread(self):
        self.begin(3)
        for client in self.clients:
            self.check(client, b"x")
        self.assertEqual(len(os.listdir(f"/proc/{self.server.pid}/task")), 1)

    def test_without_descriptors_no_client_is_lost(self):
        """Three times as many as there is room for, each with an answer."""
        self.begin(30, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (16, 16)))
        for client in self.clients:
            client.sendall(b"x" * 10000)
            client.shutdown(socket.SHUT_WR)
        for client in self.clients:
            with client.makefile("rb") as stream:
                self.assertEqual(stream.read(), b"x" * 10000)
        self.stop()

    def test_a_port_in_use_is_named(self):
        self.begin(0)
        result = run("echo", f"localhost:{self.port}")
        self.assertEqual((result.returncode, result.stderr),
                         (1, f"echo: 127.0.0.1:{self.port}: the address"
                          " is in use\n"))
        for wrong in "x", "x:", "localhost:65536", "[::1:7", "":
            result = run("echo", wrong)
            self.assertEqual((result.returncode, result.stderr),
                             (1, "echo: invalid argument\n"), wrong)


def command(*words):
    """In the redis protocol."""
    words = [word.encode() if isinstance(word, str) else word
             for word in words]
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Redis(AtAddress):
    def setUp(self):
        self.start("redis")
        self.client = self.connect()

    def check(self, sent, answers):
        self.client.sendall(sent)
        with self.client.makefile("rb") as stream:
            self.assertEqual(stream.read(len(answers)), answers)

    def test_the_commands(self):
        for words, said in (
                (["PING"], b"+PONG\r\n"), (["ping", "x"], b"$1\r\nx\r\n"),
                (["ECHO", b"\0\r\n"], b"$3\r\n\0\r\n\r\n"),
                (["GET", "a"], b"$-1\r\n"), (["SET", "a", "1"], b"+OK\r\n"),
                (["GET", "a"], b"$1\r\n1\r\n"), (["INCR", "a"], b":2\r\n"),
                (["SET", "a", ""], b"+OK\r\n"),
                (["GET", "a"], b"$0\r\n\r\n"),
                (["EXISTS", "a", "b", "a"], b":2\r\n"),
                (["DEL", "a", "b", "a"], b":1\r\n"),
                (["INCR", "a"], b":1\r\n")):
            self.check(command(*words), said)
        for value in (b"5\0", b"5\0x"):
            self.check(command("SET", "b", value), b"+OK\r\n")
            self.check(command("INCR", "b"), b"-ERR value is not an integer or "
                                             b"out of range\r\n")
        for words in (["INCR", "text"], ["GET"], ["SET", "a"], ["FOO"], [""],
                      ["SET", "text", "1", "2"], ["PING", "1", "2"]):
            self.client.sendall(command("SET", "text", "7x") + command(*words))
            with self.client.makefile("rb") as stream:
                self.assertEqual(stream.readline(), b"+OK\r\n")
                self.assertEqual(stream.readline()[:5], b"-ERR ", words)
        self.stop()

    def test_many_at_once_in_pieces_of_any_size(self):
        sent = b"".join(command("SET", f"k{i}", "v" * i) +
                        command("GET", f"k{i}") for i in range(100))
        said = b"".join(b"+OK\r\n$%d\r\n%s\r\n" % (i, b"v" * i)
                        for i in range(100))
        self.check(sent, said)
        for i in range(0, len(sent), 7):
            self.client.sendall(sent[i:i + 7])
        self.check(b"", said)

    def test_what_is_not_the_protocol_ends_the_connection(self):
        for wrong in (b"GET / HTTP/1.1\r\n", b"*0\r\n", b"*65\r\n",
                      b"*1\r\n$-1\r\n", b"*1\r\n$99999999999999\r\n",
                      b"*\r\n", b"*1\n$4", b"*1\r\n$16384\r\n" +
                      b"x" * 16384):
            with self.subTest(wrong[:20]):
                client = self.connect()
                client.sendall(wrong)
                heard = b""
                with contextlib.suppress(ConnectionResetError):
                    while piece := client.recv(1000):
                        heard += piece
                    self.assertEqual(heard, b"-ERR Protocol error\r\n")
        self.check(command("PING"), b"+PONG\r\n")

    def test_ctrl_c_ends_it(self):
        self.check(command("PING"), b"+PONG\r\n")
        self.client.sendall(b"*2\r\n$3\r\nGE")
        self.stop()
        self.assertEqual(self.client.recv(1), b"")

    @unittest.skipUnless(shutil.which("redis-benchmark"),
                         "redis-benchmark is not installed")
    def test_redis_benchmark_is_content(self):
        for depth in "1", "16":
            result = subprocess.run(
                ["redis-benchmark", "-p", str(self.port), "-n", "2000", "-P",
                 depth, "-t", "ping_mbulk,set,get,incr", "--csv"],
                capture_output=True, text=True, timeout=SECONDS)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(result.stdout.count("\n"), 5, result.stdout)
        self.stop()


class Chat(AtAddress):
    def setUp(self):
        self.start("chat")

    def enter(self, name):
        """A client's stream of lines, after it has entered."""
        client = self.connect()
        stream = client.makefile("rw", newline="\n")
        self.addCleanup(stream.close)
        self.say(stream, name)
        self.assertEqual(stream.readline(), f"* {name} is here\n")
        return stream

    def say(self, stream, line):
        stream.write(line + "\n")
        stream.flush()

    def test_a_line_goes_to_all_the_others(self):
        alice = self.enter("alice")
        bob = self.enter("bob")
        carol = self.enter("carol")
        self.assertEqual(alice.readline(), "* bob is here\n")
        self.assertEqual(alice.readline(), "* carol is here\n")
        self.assertEqual(bob.readline(), "* carol is here\n")
        self.say(alice, "good morning")
        self.say(bob, "good night")
        self.assertEqual(alice.readline(), "bob: good night\n")
        self.assertEqual(sorted([carol.readline(), carol.readline()]),
                         ["alice: good morning\n", "bob: good night\n"])
        self.assertEqual(bob.readline(), "alice: good morning\n")

    def test_who_leaves_is_missed(self):
        alice = self.enter("alice")
        bob = self.connect()
        bob.sendall(b"bob\r\nI am\x1b off\n")
        bob.close()
        self.assertEqual([alice.readline() for _ in range(3)],
                         ["* bob is here\n", "bob: I am? off\n",
                          "* bob has left\n"])

    def test_a_name_is_needed_and_cut(self):
        alice = self.enter("alice")
        nameless = self.connect()
        nameless.sendall(b"\nhello?\n")
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(nameless.recv(1), b"")
        long = self.connect()
        long.sendall(b"x" * 21 + b"\n")
        self.assertEqual(alice.readline(), f"* {'x' * 20} is here\n")

    def test_a_line_without_an_end_is_not_waited_for(self):
        client = self.connect()
        client.sendall(b"x" * 512)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(client.recv(1), b"")

    def test_a_client_that_does_not_read_is_dropped_and_delays_no_other(self):
        alice = self.enter("alice")
        bob = self.enter("bob")
        self.assertEqual(alice.readline(), "* bob is here\n")
        slow = self.connect()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"slow\n")
        self.assertEqual(alice.readline(), "* slow is here\n")
        self.assertEqual(bob.readline(), "* slow is here\n")
        for i in range(100000):  # what the socket's buffers take, and more
            self.say(alice, "x" * 400)
            line = bob.readline()
            if line.startswith("*"):
                break
            self.assertEqual(line, f"alice: {'x' * 400}\n")
        self.assertEqual(line, "* slow has left\n")
        self.assertEqual(alice.readline(), line)

    def test_ctrl_c_ends_it_with_all_its_clients(self):
        alice = self.enter("alice")
        self.stop()
        self.assertIn(alice.readline(), ("", "* alice has left\n"))


@contextlib.contextmanager
def peer(serve):
    """The port of a server with one connection, which serve(socket) handles on
    another thread."""
    def accept():
        client, _ = listener.accept()
        with client:
            serve(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


class Proxy(AtAddress):
    OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"

    def setUp(self):
        self.start("proxy")

    def ask(self, request):
        client = self.connect()
        client.sendall(request)
        return client

    def request(self, port, early=b""):
        return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n%s" % (
            port, early)

    def test_each_direction_ends_by_itself(self):
        def serve(client):
            with client.makefile("rb") as stream:
                heard = stream.read()  # to the end of its direction
            client.sendall(heard.upper())

        with peer(serve) as port:
            client = self.ask(self.request(port, b"early "))
            client.sendall(b"x" * 1000000)
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as stream:
                self.assertEqual(stream.read(),
                                 self.OPEN + b"EARLY " + b"X" * 1000000)
        self.stop()

    def test_a_server_that_ends_first(self):
        with peer(lambda client: client.sendall(b"hello")) as port:
            with self.ask(self.request(port)).makefile("rb") as stream:
                self.assertEqual(stream.read(), self.OPEN + b"hello")

    def test_what_cannot_be_done_has_a_status(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            free = unused.getsockname()[1]
        for request, status in (
                (self.request(free), b"502 "),
                (b"CONNECT no.such.invalid:1 HTTP/1.1\r\n\r\n", b"502 "),
                (b"CONNECT x HTTP/1.1\r\n\r\n", b"400 "),
                (b"CONNECT x:65536 HTTP/1.1\r\n\r\n", b"400 "),
                (b"GET / HTTP/1.1\r\n\r\n", b"405 "),
                (b"\r\n\r\n", b"405 ")):
            with self.subTest(request), \
                    self.ask(request).makefile("rb") as stream:
                heard = stream.read()
                self.assertTrue(heard.startswith(b"HTTP/1.1 " + status), heard)
        self.stop()

    def test_half_a_head_and_too_long_a_head(self):
        client = self.ask(b"CONNECT x:1 HT")
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as stream:
            self.assertIn(b"502 ", stream.read())
        client = self.ask(b"x" * 32768)
        with contextlib.suppress(ConnectionResetError), \
                client.makefile("rb") as stream:
            self.assertIn(b"502 ", stream.read())

    def test_ctrl_c_closes_the_tunnels(self):
        def serve(client):
            client.sendall(b"hello")
            with contextlib.suppress(ConnectionResetError):
                client.recv(1)

        with peer(serve) as port:
            client = self.ask(self.request(port))
            with client.makefile("rb") as stream:
                stream.read(len(self.OPEN) + 5)
                self.server.send_signal(signal.SIGINT)
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(self.server.wait(SECONDS), 0)


def is_gone(pid):
    """It is not there any more, at the latest when whoever inherits it has
    reaped it."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.005)
    return False


class Runner(unittest.TestCase):
    def run_all(self, commands, count="3", seconds="60"):
        return subprocess.run([EXAMPLES["runner"], count, seconds],
                              input=commands, capture_output=True, text=True,
                              timeout=SECONDS)

    def test_all_are_run_and_said(self):
        result = self.run_all("echo a; echo b >&2\nexit 3\nkill -9 $$\n"
                              "cat\nno-such-program\nyes\necho last")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        for text in ("- echo a; echo b >&2: exit 0\na\nb\n",
                     "- exit 3: exit 3\n", "- kill -9 $$: Killed\n",
                     "- cat: exit 0\n", "- no-such-program: exit 127\n",
                     "- yes: too long for a buffer or a limit\ny\ny\n",
                     "- echo last: exit 0\nlast\n"):
            self.assertIn(text, result.stdout)
        self.assertEqual(self.run_all("true\n\n").returncode, 0)
        self.assertEqual(self.run_all("").stdout, "")

    def test_so_many_at_once_and_no_more(self):
        with tempfile.TemporaryDirectory() as folder:
            # Each waits until three have begun; a fourth would be in the way.
            result = self.run_all(
                f"touch {folder}/$$; while [ $(ls {folder} | wc -l) -lt 3 ]; "
                f"do sleep 0.01; done; ls {folder} | wc -l\n" * 3)
            self.assertEqual(result.returncode, 0)
            self.assertEqual(result.stdout.count("exit 0\n3\n"), 3)
            result = self.run_all(
                f"mkdir {folder}/one && sleep 0.05 && rmdir {folder}/one\n" * 5,
                "1")
            self.assertEqual(result.returncode, 0, result.stdout)

    def test_what_takes_too_long_is_ended(self):
        result = self.run_all("sleep 1000; true\necho fine", "1", "3")
        self.assertEqual((result.returncode, result.stdout),
                         (1, "- sleep 1000; true: timed out\n"
                             "- echo fine: exit 0\nfine\n"))

    def test_what_takes_too_long_leaves_no_process(self):
        with tempfile.TemporaryDirectory() as folder:
            self.run_all(f"sleep 1000 & echo $! > {folder}/pid; wait", "1", "3")
            with open(f"{folder}/pid", encoding="ascii") as file:
                self.assertTrue(is_gone(int(file.read())))

    def test_ctrl_c_kills_what_runs(self):
        with subprocess.Popen([EXAMPLES["runner"], "2", "1000"], text=True,
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as runner:
            runner.stdin.write("echo begun; exec sleep 1000\ntrue\n")
            runner.stdin.flush()
            self.assertEqual(runner.stdout.readline(), "- true: exit 0\n")
            runner.send_signal(signal.SIGINT)
            self.assertEqual(runner.wait(SECONDS), 1)
            self.assertIn("exec sleep 1000: canceled\n", runner.stdout.read())

    def test_a_month_is_not_too_long(self):
        result = self.run_all("echo fine", "1", str(35 * 86400))
        self.assertEqual((result.returncode, result.stdout),
                         (0, "- echo fine: exit 0\nfine\n"))

    def test_bad_arguments(self):
        for arguments in ([], ["0", "1"], ["1", "x"], ["1001", "1"], ["1"],
                          ["1", "2x"], ["4294967297", "1"], ["1", "0"],
                          ["1", "4294967297"], ["", "1"]):
            result = run("runner", *arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("usage: ", result.stderr)


class Files(AtAddress):
    def start(self, name, *arguments, **options):
        self.ADDRESS, address = arguments[0], self.ADDRESS
        super().start(name, address, *arguments[1:], **options)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.big = bytes(i % 251 for i in range(3000000))
        os.mkdir(f"{self.root}/sub")
        for name, content in (("index.html", b"<p>"), ("big.bin", self.big),
                              ("sub/a b.txt", b"text"), (".hidden", b"no"),
                              ("empty", b"")):
            with open(f"{self.root}/{name}", "wb") as file:
                file.write(content)
        os.mkfifo(f"{self.root}/fifo")
        self.start("files", self.root)

    def ask(self, path, method="GET"):
        client = http.client.HTTPConnection("127.0.0.1", self.port,
                                            timeout=SECONDS)
        self.addCleanup(client.close)
        client.request(method, path)
        response = client.getresponse()
        return response, response.read()

    def test_files_have_their_bytes_and_types(self):
        for path, body, kind in (
                ("/", b"<p>", "text/html; charset=utf-8"),
                ("/index.html", b"<p>", "text/html; charset=utf-8"),
                ("/big.bin", self.big, "application/octet-stream"),
                ("/sub/a%20b.txt", b"text", "text/plain; charset=utf-8"),
                ("/empty", b"", "application/octet-stream")):
            with self.subTest(path):
                response, got = self.ask(path)
                self.assertEqual((response.status, got), (200, body))
                self.assertEqual(response.headers["Content-Type"], kind)
        response, got = self.ask("/big.bin", "HEAD")
        self.assertEqual((response.headers["Content-Length"], got),
                         (str(len(self.big)), b""))
        self.stop()

    def test_nothing_else_is_served(self):
        for path in ("/no", "/.hidden", "/sub", "/sub/", "/fifo", "/../x",
                     "/sub/../index.html", "/%2e%2e/x", "/sub%2f..%2findex.html",
                     "//etc/passwd", "/%2fetc/passwd", "/index.html/x",
                     "/%00", "/%", "/" + "x" * 2000):
            with self.subTest(path[:30]):
                self.assertEqual(self.ask(path)[0].status, 404)
        self.assertEqual(self.ask("/", "POST")[0].status, 405)
        self.stop(signal.SIGTERM)

    def test_a_client_that_goes_away_in_the_middle(self):
        for _ in range(3):
            client = self.connect()
            client.sendall(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(1000)
            client.close()
        self.assertEqual(self.ask("/")[1], b"<p>")
        self.stop()

    def test_a_folder_that_is_not_there(self):
        result = run("files", "/no/such", "localhost:0")
        self.assertEqual((result.returncode, result.stderr),
                         (1, "/no/such: no such file or directory\n"))


@unittest.skipUnless("rest" in EXAMPLES, "built without libcjson")
class Rest(AtAddress):
    """A service with bodies, as curl sees it."""

    def setUp(self):
        self.start("rest")

    def ask(self, method, path, body=None, headers=None):
        """The status, and the JSON of the body, if there is one."""
        client = http.client.HTTPConnection("127.0.0.1", self.port,
                                            timeout=SECONDS)
        self.addCleanup(client.close)
        client.request(method, path, body, headers or {})
        response = client.getresponse()
        text = response.read()
        if response.headers["Content-Type"] == "application/json":
            text = json.loads(text)
        return response.status, text

    def test_a_note_is_stored_read_listed_and_removed(self):
        name = urllib.parse.quote('a "b"')
        note = {"text": 'x\n"y" \u00e9', "other": [1]}
        self.assertEqual(self.ask("GET", f"/notes/{name}")[0], 404)
        for status in 201, 200:
            self.assertEqual(
                self.ask("PUT", f"/notes/{name}", json.dumps(note)),
                (status, {"stored": 'a "b"'}))
        self.assertEqual(self.ask("GET", f"/notes/{name}"),
                         (200, {"name": 'a "b"', "text": note["text"]}))
        self.assertEqual(self.ask("GET", "/notes"),
                         (200, [{"name": 'a "b"', "bytes": 8}]))
        self.assertEqual(self.ask("DELETE", f"/notes/{name}"), (204, b""))
        self.assertEqual(self.ask("DELETE", f"/notes/{name}")[0], 404)
        self.assertEqual(self.ask("GET", "/notes"), (200, []))
        self.stop()

    def test_what_is_no_note_is_refused(self):
        for body in (b"", b"x", b"{", b"[]", b'{"text":1}', b'"text"',
                     b"[" * 999 + b"]" * 999, b"[" * 4096,
                     b'{"a":' * 800 + b"1" + b"}" * 80):
            self.assertEqual(self.ask("PUT", "/notes/a", body)[0], 400,
                             body[:20])
        for method, path, body, status in (
                ("PUT", "/notes/" + "x" * 64, b"{}", 400),
                ("PUT", "/notes/%00", b"{}", 400),
                ("PUT", "/notes/a", b"x" * 4097, 413),
                ("POST", "/notes", b"{}", 405), ("GET", "/", None, 404)):
            self.assertEqual(self.ask(method, path, body)[0], status, path)
        for i in range(101):
            status, _ = self.ask("PUT", f"/notes/{i}", b'{"text":"x"}')
            self.assertEqual(status, 201 if i < 100 else 507)
        self.stop()

    def resident_kib(self):
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])

    def test_an_upload_of_any_size_needs_no_memory(self):
        pieces = 1600 if not os.environ.get("RV_TEST_SLOW") else 100
        size = pieces << 16
        self.ask("PUT", "/upload", b"x" * 65536)
        before = self.resident_kib()
        for headers in {"Content-Length": str(size)}, {}:
            self.assertEqual(
                self.ask("PUT", "/upload",
                         (b"x" * 65536 for _ in range(pieces)), headers),
                (200, {"bytes": size}))
        self.assertLess(self.resident_kib() - before, 4096)
        self.stop(signal.SIGTERM)


class Watch(unittest.TestCase):
    def test_what_changes_is_said(self):
        with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
                [EXAMPLES["watch"], folder], text=True, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE) as watch:
            self.wait_until_it_watches(watch.pid)
            with open(f"{folder}/a", "w", encoding="ascii") as file:
                file.write("x")
            os.rename(f"{folder}/a", f"{folder}/b")
            os.remove(f"{folder}/b")
            self.assertEqual([watch.stdout.readline() for _ in range(5)],
                             ["created a\n", "written a\n", "moved away a\n",
                              "moved here b\n", "removed b\n"])
            watch.send_signal(signal.SIGINT)
            self.assertEqual(watch.wait(SECONDS), 0)
            self.assertEqual(watch.stderr.read(), "")

    def test_a_folder_that_is_removed(self):
        folder = tempfile.mkdtemp()
        with subprocess.Popen([EXAMPLES["watch"], folder], text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as watch:
            self.wait_until_it_watches(watch.pid)
            os.rmdir(folder)
            self.assertEqual(watch.wait(SECONDS), 1)
            self.assertEqual(watch.stderr.read(),
                             "watch: no such file or directory\n")

    def test_what_is_no_folder(self):
        for path in "/no/such", "/etc/passwd":
            result = run("watch", path)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("director", result.stderr)

    def wait_until_it_watches(self, pid):
        """An inotify descriptor is shown with what it watches."""
        while True:
            for fd in os.listdir(f"/proc/{pid}/fdinfo"):
                with contextlib.suppress(OSError), \
                        open(f"/proc/{pid}/fdinfo/{fd}",
                             encoding="ascii") as file:
                    if "inotify wd" in file.read():
                        return
            time.sleep(0.01)


if __name__ == "__main__":
    unittest.main(verbosity=2)
