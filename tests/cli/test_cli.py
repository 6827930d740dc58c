#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the program's commands, from outside.

usage: test_cli.py PROGRAM [--reactor=MODE] [unittest arguments...]

MODE is given to every command that runs a runtime.

Servers other than `reveil serve` are scripts on plain sockets, so that every
byte and every pause of a response is known.
"""

import http.server
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
MODE = [sys.argv.pop(1)] if sys.argv[1:2] and "=" in sys.argv[1] else []
RUNNERS = ("demo", "get", "serve")
SECONDS = 300  # when a run that has not ended is a hang, on any machine


def patiently(attempt, *, first_s=0.3):
    """Call attempt(s) with more and more time, until it returns true. On a busy
    machine, something that must be in progress when another event happens may
    have ended already."""
    seconds = first_s
    while True:
        if attempt(seconds):
            return
        if seconds > SECONDS / 4:
            raise AssertionError(f"{seconds} s were not enough")
        seconds *= 2


def command_line(*arguments):
    mode = MODE if arguments[:1] and arguments[0] in RUNNERS else []
    return [PROGRAM, *map(str, arguments[:1] + (*mode,) + arguments[1:])]


def run(*arguments, **options):
    """Run the program to its end. Text in, text out."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    options = {"capture_output": True, **options}
    return subprocess.run(command_line(*arguments), text=True,
                          timeout=SECONDS, **options)


class Serve:
    """`reveil serve` on a free port, as long as the block lasts."""

    def __init__(self, *arguments, **options):
        command = command_line("serve", "--port", "0", *arguments)
        options = {"stderr": subprocess.DEVNULL, **options}
        self.process = subprocess.Popen(command, text=True, **options,
                                        stdout=subprocess.PIPE)
        self.line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.line)
        self.port = int(found.group(1))

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(SECONDS)
        self.process.stdout.close()


class Script:
    """Answers each client with the same bytes, in pieces if wanted.

    together: none before so many wait for their response."""

    def __init__(self, says, piece=None, reset=False, together=1):
        self.says, self.piece, self.reset = says, piece or len(says), reset
        self.together, self.waiting = together, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.answer, daemon=True)
        self.thread.start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.listen(client)
            self.waiting.append(client)
            if len(self.waiting) == self.together:
                for client in self.waiting:
                    with client:
                        self.talk(client)
                self.waiting = []

    def listen(self, client):
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += client.recv(1000)

    def talk(self, client):
        try:
            for at in range(0, len(self.says), self.piece or 1):
                client.sendall(self.says[at:at + self.piece])
        except OSError:
            pass  # the client had enough
        if self.reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack("ii", 1, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(SECONDS)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Case(unittest.TestCase):
    def check(self, result, status, out="", err=r"\Z"):
        """Exit status, all of stdout, and a pattern for all of stderr."""
        self.assertEqual(result.returncode, status, result)
        self.assertEqual(result.stdout, out)
        self.assertRegex(result.stderr, r"\A" + err)

    def one_line(self, result, status, *words):
        """It failed with one line on stderr that has these words."""
        self.assertEqual(result.returncode, status, result)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("reveil"), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)


class Usage(Case):
    def test_without_a_command_it_lists_them(self):
        for arguments in [], ["--help"], ["help"], ["-h"]:
            result = run(*arguments)
            self.assertEqual(result.returncode, 0)
            for command in "demo", "get", "serve":
                self.assertRegex(result.stdout, rf"(?m)^  {command} ")

    def test_every_command_has_help(self):
        listed = re.findall(r"(?m)^  (\w+) ", run().stdout)
        self.assertGreaterEqual(len(listed), 3)
        for command in listed:
            result = run(command, "--help")
            self.assertEqual(result.returncode, 0, command)
            self.assertIn(f"usage: reveil {command}", result.stdout)
            self.assertEqual(result.stderr, "")

    def test_what_is_unknown_is_one_line_and_exit_2(self):
        for arguments in (["nothing"], ["get", "--nothing"],
                          ["serve", "--nothing"], ["serve", "word"],
                          ["demo", "--nothing"], ["demo", "word"],
                          ["get"], ["serve", "--port"],
                          ["serve", "--port", "65536"],
                          ["serve", "--port", "x"],
                          ["serve", "--host", "x"],
                          ["serve", "--reactor", "x"],
                          ["serve", "--grace", "x"],
                          ["serve", "--grace", "-1"],
                          ["get", "--parallel", "0", "http://x/"],
                          ["get", "--max-redirects", "-1", "http://x/"],
                          ["get", "--stall", "x", "http://x/"],
                          ["serve", "--idle", "0"],
                          ["serve", "--max-connections", "0"],
                          ["serve", "--executors", "0"],
                          ["serve", "--executors", "1025"],
                          ["serve", "--executors", "two"],
                          ["get", "--reactor", "x", "http://localhost/"],
                          ["demo", "--reactor", "x"],
                          ["demo", "--port", "0"],
                          ["demo", "--slow", "0"], ["demo", "--slow", "x"],
                          ["demo", "--step"], ["demo", "--lang", "de"],
                          ["demo", "--lang"],
                          ["get", "--repeat", "0", "http://127.0.0.1/"],
                          ["get", "--repeat", "2x", "http://127.0.0.1/"],
                          ["get", "--timeout", "-1", "http://127.0.0.1/"],
                          ["get", "--timeout", "soon", "http://127.0.0.1/"]):
            with self.subTest(arguments=arguments):
                self.one_line(run(*arguments), 2)

    def test_help_on_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            result = run("--help", capture_output=False, stdout=full,
                         stderr=subprocess.PIPE)
        self.one_line(result, 1, "stdout")


class GetFromServe(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Serve()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def url(self, path):
        return self.server.url(path)

    def test_bodies_come_in_the_order_of_the_urls(self):
        result = run("get", self.url("/200/one,"), self.url("/0/two,"),
                     self.url("/100/three"))
        self.check(result, 0, "one,two,three")

    def test_small_and_large_bodies_that_wait_come_in_order(self):
        large = run("get", self.url("/big/30")).stdout
        self.assertEqual(len(large), 30 * 1024)
        result = run("get", self.url("/300/one,"), self.url("/0/two,"),
                     self.url("/big/30"), self.url("/0/three,"),
                     self.url("/big/30"), self.url("/0/four"))
        self.check(result, 0, "one,two," + large + "three," + large + "four")

    def test_all_wait_at_once(self):
        with Script(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
                    together=20) as script:
            result = run("get", "--repeat", 20, script.url())
        self.check(result, 0, "x" * 20)

    def test_a_hundred_take_at_most_4_polls_each(self):
        result = run("get", "--figures", "--repeat", 100, self.url("/100/x"))
        self.check(result, 0, "x" * 100, r"100 of 100 fetched, wall [\d.]+ ms"
                   r", CPU [\d.]+ ms, \d+ polls, [\d.]+ polls a request\n\Z")
        polls = float(re.search(r"([\d.]+) polls a req", result.stderr)[1])
        self.assertLessEqual(polls, 4)

    def test_chunks_and_large_bodies(self):
        result = run("get", self.url("/drip/1/20"), self.url("/big/2000"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout[:21], "x" * 20 + "r")
        self.assertEqual(len(result.stdout), 20 + 2000 * 1024)

    def test_urls_from_a_file_and_from_stdin(self):
        text = f"# a list\n\n  {self.url('/0/a')}  \n{self.url('/0/b')}\r\n"
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            result = run("get", "--file", file.name, self.url("/0/c"))
            self.check(result, 0, "abc")
        result = run("get", "--file", "-", input=text)
        self.check(result, 0, "ab")
        self.one_line(run("get", "--file", "/no/such"), 1, "/no/such")

    def test_files_in_a_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            out = os.path.join(directory, "new")
            for body in "long", "x":  # the second over the first
                result = run("get", "-o", out, self.url(f"/0/{body}"),
                             self.url("/0/a/../.b?c=d"), self.url("/0/"))
                self.check(result, 0)
            host = f"127.0.0.1_{self.server.port}"
            files = {name: read(os.path.join(out, name))
                     for name in os.listdir(out)}
        self.assertEqual(files, {f"0001-{host}-long": "long",
                                 f"0001-{host}-x": "x",
                                 f"0002-{host}-.b": "a/../.b?c=d",
                                 f"0003-{host}-index": ""})

    def test_a_failure_is_a_line_and_the_rest_still_comes(self):
        result = run("get", self.url("/0/a"), self.url("/nothing"),
                     self.url("/0/b"))
        self.assertEqual(result.stdout, "ab")
        self.one_line(result, 1, self.url("/nothing") + ": 404 Not Found")

    def test_how_responses_fail(self):
        for path, words in (("/reset", "reset"), ("/half", "ended before"),
                            ("/drip/1", "400 Bad Request")):
            with self.subTest(path=path):
                result = run("get", self.url(path))
                self.one_line(result, 1, self.url(path), words)

    def test_a_timeout(self):
        start = time.monotonic()
        result = run("get", "--timeout", 0.2, self.url("/never"))
        self.one_line(result, 1, "/never", "no whole response in 0.2 s")
        self.assertGreaterEqual(time.monotonic() - start, 0.2)

    def test_quiet_says_nothing_but_still_fails(self):
        self.check(run("get", "--quiet", self.url("/reset")), 1)

    def test_heads_alone(self):
        result = run("get", "--head", self.url("/0/long"), self.url("/0/x"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        heads = result.stdout.split("\n\n")
        self.assertEqual(len(heads), 3)
        for head, length in (heads[0], 4), (heads[1], 1):
            self.assertTrue(head.startswith("HTTP/1.1 200 OK\n"), head)
            self.assertIn(f"Content-Length: {length}", head)

    def test_so_many_at_a_time_on_connections_that_are_kept(self):
        with Serve("--max-connections", "2") as server:
            result = run("get", "--parallel", 2, "--repeat", 50,
                         server.url("/1/x"))
        self.check(result, 0, "x" * 50)

    def test_limits_of_phases(self):
        result = run("get", "--stall", 0.2, "--timeout", 0, self.url("/never"))
        self.one_line(result, 1, "/never", "nothing came for 0.2 s")

        def longer_than_the_stall(seconds):
            pause_ms = int(seconds / 8 * 1000)
            result = run("get", "--stall", seconds,
                         self.url(f"/drip/{pause_ms}/20"))
            return (result.returncode, result.stdout) == (0, "x" * 20)
        patiently(longer_than_the_stall, first_s=0.4)

    def test_more_gets_than_descriptors(self):
        result = run("get", "--repeat", 200, self.url("/10/x"),
                     preexec_fn=lambda: limit_descriptors(30))
        self.check(result, 0, "x" * 200)

    def test_a_server_short_of_descriptors_serves_all_in_turn(self):
        with Serve(preexec_fn=lambda: limit_descriptors(20)) as server:
            result = run("get", "--repeat", 100, server.url("/10/x"))
        self.check(result, 0, "x" * 100)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            result = run("get", self.url("/0/x"), self.url("/never"),
                         capture_output=False, stdout=full,
                         stderr=subprocess.PIPE)
        self.one_line(result, 1, "stdout", "No space left")
        reader, writer = os.pipe()
        os.close(reader)
        result = run("get", self.url("/0/x"), capture_output=False,
                     stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        self.one_line(result, 1, "stdout", "Broken pipe")
        with tempfile.NamedTemporaryFile() as file:
            result = run("get", "-o", file.name, self.url("/0/x"))
        self.one_line(result, 1, file.name)

    def test_the_port_is_in_use(self):
        result = run("serve", "--port", self.server.port)
        self.one_line(result, 1, f"port {self.server.port} is in use",
                      "--port")


def read(path):
    with open(path) as file:
        return file.read()


def limit_descriptors(count):
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class GetFromOthers(Case):
    def get(self, says, **options):
        with Script(says, **options) as script:
            return run("get", script.url())

    def test_nobody_listens(self):
        url = f"http://127.0.0.1:{free_port()}/"
        self.one_line(run("get", url), 1, url, "connection refused")

    def test_what_cannot_be_fetched(self):
        for url, words in (("https://127.0.0.1/", "https://"),
                           ("ftp://127.0.0.1/", "only http://"),
                           ("http://no.such.name.invalid/", "name"),
                           ("http://127.0.0.1:x/", "not a URL"),
                           ("127.0.0.1", "not a URL")):
            with self.subTest(url=url):
                self.one_line(run("get", url), 1, url, words)

    def test_names_and_ipv6(self):
        with Script(b"HTTP/1.1 200 OK\r\n\r\nhere") as script:
            result = run("get", f"http://localhost:{script.port}/")
        self.check(result, 0, "here")
        with Script(b"HTTP/1.1 200 OK\r\n\r\nhere") as script:
            result = run("get", f"http://127.1:{script.port}/")  # looked up
        self.check(result, 0, "here")
        result = run("get", f"http://[::1]:{free_port()}/")
        self.one_line(result, 1, "[::1]")

    def test_one_byte_at_a_time(self):
        for says in (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: v\r\n\r\n",
                     b"HTTP/1.0 200 OK\r\n\r\nhello"):
            with self.subTest(says=says):
                self.check(self.get(says, piece=1), 0, "hello")

    def test_malformed(self):
        for says in (b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
                     b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                     b"Content-Length: 1\r\n\r\nx",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"xyz\r\n"):
            with self.subTest(says=says):
                self.one_line(self.get(says), 1, "malformed")

    def test_cut(self):
        for says in (b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nA: b\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"9\r\nhello"):
            with self.subTest(says=says):
                self.one_line(self.get(says), 1, "ended before")

    def test_reset(self):
        says = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"
        self.one_line(self.get(says, reset=True), 1, "reset")

    def test_redirects_are_followed_if_wanted(self):
        with Serve() as server:
            to = server.url("/0/there").encode()
            says = (b"HTTP/1.1 301 X\r\nLocation: " + to +
                    b"\r\nContent-Length: 3\r\n\r\nold")
            with Script(says) as script:
                for option in (["-L"], ["--follow"], ["--max-redirects", "1"]):
                    self.check(run("get", *option, script.url()), 0, "there")
                self.one_line(run("get", "--max-redirects", 0, script.url()),
                              1, "not followed")

    def test_redirects_that_lead_nowhere(self):
        for to, words in (("/loop", "more than 10 redirects"),
                          ("https://127.0.0.1/", "only http:// is supported"),
                          ("http://", "not a URL"),
                          ("http://127.0.0.1:99999/", "not a URL")):
            says = (f"HTTP/1.1 302 X\r\nLocation: {to}\r\n"
                    "Content-Length: 0\r\n\r\n").encode()
            with self.subTest(to=to), Script(says) as script:
                self.one_line(run("get", "-L", script.url()), 1, words)

    def test_a_redirect_to_a_malformed_response(self):
        with Script(b"nonsense\r\n\r\n") as there:
            says = (f"HTTP/1.1 302 X\r\nLocation: {there.url()}\r\n"
                    "Content-Length: 0\r\n\r\n").encode()
            with Script(says) as script:
                self.one_line(run("get", "-L", script.url()), 1,
                              "malformed response")

    def test_a_redirect_is_not_followed(self):
        says = b"HTTP/1.1 301 X\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"
        self.one_line(self.get(says), 1, "301 Moved Permanently",
                      "not followed")

    def test_the_server_of_python(self):
        handler = http.server.SimpleHTTPRequestHandler
        handler.log_message = lambda *_: None
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "file.txt"), "w") as file:
                file.write("from python\n" * 9999)
            server = http.server.ThreadingHTTPServer(
                ("127.0.0.1", 0),
                lambda *a: handler(*a, directory=directory))
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            base = f"http://127.0.0.1:{server.server_port}"
            try:
                result = run("get", base + "/file.txt")
                missing = run("get", base + "/missing")
            finally:
                server.shutdown()
                thread.join()
                server.server_close()
        self.check(result, 0, "from python\n" * 9999)
        self.one_line(missing, 1, "404")


class ServeCommand(Case):
    def test_it_says_where_it_listens(self):
        with Serve() as server:
            self.assertRegex(server.line, r"\Alistening on "
                             r"http://127\.0\.0\.1:\d+/  "
                             r"\(try /600/Hello\)\n\Z")

    def test_a_connection_is_kept(self):
        import http.client
        with Serve() as server:
            client = http.client.HTTPConnection("127.0.0.1", server.port,
                                                timeout=SECONDS)
            client.connect()
            ours = client.sock.getsockname()
            for word in "one", "two", "three":
                client.request("GET", f"/1/{word}")
                self.assertEqual(client.getresponse().read(), word.encode())
                self.assertEqual(client.sock.getsockname(), ours)
            client.close()

    def test_one_at_a_time(self):
        with Serve("--max-connections", "1", "--idle", "1") as server:
            # Each is disconnected after a second of silence, then the next one
            # is served.
            clients = [socket.create_connection(("127.0.0.1", server.port),
                                                SECONDS) for _ in range(3)]
            start = time.monotonic()
            for client in clients:
                client.sendall(b"GET /0/turn HTTP/1.1\r\nHost: x\r\n\r\n")
            for client in clients:
                heard = b"".join(iter(lambda: client.recv(10000), b""))
                self.assertTrue(heard.endswith(b"turn"), heard)
                client.close()
            self.assertGreaterEqual(time.monotonic() - start, 3)

    def test_another_address(self):
        process = subprocess.Popen(
            [PROGRAM, "serve", "--host", "127.0.0.2", "--port", "0"],
            stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.2:\d+/", line)[0]
        result = run("get", url + "0/there")
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
        process.stdout.close()
        self.check(result, 0, "there")


class ServeStops(Case):
    def start(self, *arguments):
        server = Serve(*arguments, stderr=subprocess.PIPE)
        self.addCleanup(server.process.stderr.close)
        self.addCleanup(server.__exit__)
        return server

    def ask(self, server, path=None):
        client = socket.create_connection(("127.0.0.1", server.port), SECONDS)
        self.addCleanup(client.close)
        if path:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return client

    def dial(self, server, path=None):
        """A connection whose request, if any, the server has read: it has
        answered a later one."""
        client = self.ask(server, path)
        self.check(run("get", server.url("/0/x")), 0, "x")
        return client

    def all_of(self, client):
        heard = b""
        while piece := client.recv(10000):
            heard += piece
        return heard.decode()

    def ended(self, server):
        """Exit status, and what it wrote on stderr."""
        status = server.process.wait(SECONDS)
        return status, server.process.stderr.read()

    def test_open_responses_are_finished_and_idle_connections_closed(self):
        for number in signal.SIGINT, signal.SIGTERM:
            for mode in "thread", "fused":
                with self.subTest(number=number, mode=mode):
                    patiently(lambda seconds: self.stop_before_they_answer(
                        number, mode, seconds))

    def stop_before_they_answer(self, number, mode, seconds):
        """Returns: whether the signal came while three answers were due."""
        server = self.start("--reactor", mode, "--grace", "3600")
        idle = self.dial(server)
        clients = [self.ask(server, f"/{int(seconds * 1000)}/whole")
                   for _ in range(3)]
        # The server has read what the three have asked: it answers this.
        self.check(run("get", server.url("/0/x")), 0, "x")
        server.process.send_signal(number)
        self.assertEqual(idle.recv(1), b"")
        said = server.process.stderr.readline()
        if said != "stopping: 3 responses to finish, at most 3600 s\n":
            return False  # some were sent already
        try:
            with socket.create_connection(("127.0.0.1", server.port)):
                self.fail("it still lets clients in")
        except ConnectionRefusedError:
            pass
        for client in clients:
            answer = self.all_of(client)
            self.assertIn("\r\nConnection: close\r\n", answer)
            self.assertTrue(answer.endswith("\r\n\r\nwhole"))
            client.close()
        self.assertEqual(self.ended(server), (0, ""))
        return True

    def test_a_stream_under_way_comes_whole(self):
        patiently(self.stop_during_a_stream)

    def stop_during_a_stream(self, seconds):
        """Returns: whether the signal came in the middle of it."""
        server = self.start("--grace", "3600")
        client = self.ask(server, f"/drip/{int(seconds / 10 * 1000)}/10")
        heard = client.recv(10000).decode()
        server.process.send_signal(signal.SIGINT)
        heard += self.all_of(client)
        self.assertTrue(heard.endswith("1\r\nx\r\n0\r\n\r\n"), heard)
        client.close()
        status, said = self.ended(server)
        self.assertEqual(status, 0)
        return said == "stopping: 1 response to finish, at most 3600 s\n"

    def test_without_a_response_to_finish_it_ends_at_once(self):
        server = self.start("--grace", "3600")  # would be a hang
        self.dial(server)
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(self.ended(server),
                         (0, "stopping: no response to finish\n"))

    def test_sigusr1_shows_its_tasks(self):
        with tempfile.TemporaryFile("w+") as said:
            with Serve("--tasks", stderr=said) as server:
                with socket.create_connection(("127.0.0.1", server.port)):
                    deadline = time.monotonic() + SECONDS
                    text = ""
                    # The first table may come before its first poll.
                    while not re.search("waiting .*http-connection", text):
                        self.assertLess(time.monotonic(), deadline, text)
                        server.process.send_signal(signal.SIGUSR1)
                        time.sleep(0.05)
                        said.seek(0)
                        text = said.read()
            self.assertIn("executor 1: ", text)
            self.assertNotIn("lost", text)

    def test_a_second_signal_ends_it_at_once(self):
        server = self.start("--grace", "3600")
        idle = self.dial(server)
        client = self.dial(server, "/never")
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(idle.recv(1), b"")  # it has heard the first one
        self.assertIsNone(server.process.poll())
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(self.ended(server)[0], 0)
        self.assertEqual(client.recv(1), b"")

    def test_after_the_grace_the_rest_is_cut(self):
        server = self.start("--grace", "1")
        client = self.dial(server, "/never")
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(
            self.ended(server),
            (0, "stopping: 1 response to finish, at most 1 s\n"))
        self.assertGreaterEqual(time.monotonic() - start, 1)
        self.assertEqual(client.recv(1), b"")

    def test_quiet_says_nothing(self):
        server = subprocess.Popen([PROGRAM, "serve", "--port",
                                   str(free_port()), "--quiet"],
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        wanted = 1 << (signal.SIGINT - 1) | 1 << (signal.SIGTERM - 1)
        while signals_blocked(server.pid) != wanted:  # all: starts a thread
            self.assertIsNone(server.poll())
        server.send_signal(signal.SIGINT)
        self.assertEqual(server.communicate(timeout=SECONDS), (b"", b""))
        self.assertEqual(server.returncode, 0)


class ServeMany(Case):
    """Several executors, each with a listener on the same port."""

    CLIENTS = 12

    def start(self, *arguments):
        server = Serve("--executors", "3", *arguments, stderr=subprocess.PIPE)
        self.addCleanup(server.process.stderr.close)
        self.addCleanup(server.__exit__)
        return server

    def dial(self, server, path):
        """A connection whose answer has begun to come, and what came."""
        client = socket.create_connection(("127.0.0.1", server.port), SECONDS)
        self.addCleanup(client.close)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return client, client.recv(10000)

    def test_all_of_them_answer(self):
        server = self.start()
        before = switches(server.process.pid)
        for i in range(60):  # the kernel deals the connections out by chance
            _, heard = self.dial(server, f"/0/{i}")
            self.assertTrue(heard.endswith(f"\r\n\r\n{i}".encode()), heard)
        after = switches(server.process.pid)
        awake = [task for task in after if after[task] > before[task]
                 and task != str(server.process.pid)]
        self.assertEqual(len(awake), 3 if MODE == ["--reactor=fused"] else 4)

    def test_open_responses_on_all_are_finished(self):
        patiently(self.stop_when_all_have_begun)

    def stop_when_all_have_begun(self, seconds):
        """Returns: whether the signal came before the end of any."""
        server = self.start("--grace", "3600")
        clients = [self.dial(server, f"/drip/{int(seconds * 50)}/20")
                   for _ in range(self.CLIENTS)]
        server.process.send_signal(signal.SIGINT)
        for client, heard in clients:
            while piece := client.recv(10000):
                heard += piece
            self.assertTrue(heard.endswith(b"1\r\nx\r\n0\r\n\r\n"), heard)
            client.close()
        self.assertEqual(server.process.wait(SECONDS), 0)
        return server.process.stderr.read() == (
            f"stopping: {self.CLIENTS} responses to finish, at most 3600 s\n")

    def test_a_second_signal_cuts_them_all(self):
        server = self.start("--grace", "3600")
        clients = [self.dial(server, "/drip/36000/100")
                   for _ in range(self.CLIENTS)]
        server.process.send_signal(signal.SIGINT)
        self.assertIn(f"{self.CLIENTS} responses to finish",
                      server.process.stderr.readline())
        self.assertIsNone(server.process.poll())
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.process.wait(SECONDS), 0)
        for client, heard in clients:
            while piece := client.recv(10000):
                heard += piece
            self.assertFalse(heard.endswith(b"0\r\n\r\n"), heard)

    def test_a_port_that_others_share_is_in_use(self):
        server = self.start()
        for count in "1", "2":
            self.one_line(run("serve", "--port", server.port,
                              "--executors", count), 1,
                          f"port {server.port} is in use", "--port")


def switches(pid):
    """How often each thread has gone to sleep."""
    folder = f"/proc/{pid}/task"
    return {task: int(re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)",
                                read(f"{folder}/{task}/status"))[1])
            for task in os.listdir(folder)}


def signals_blocked(pid):
    """A bit for each signal that the main thread of a process blocks."""
    return int(re.search(r"SigBlk:\s*(\w+)", read(f"/proc/{pid}/status"))[1],
               16)


class Demo(Case):
    def test_two_gets_one_after_the_other(self):
        start = time.monotonic()
        result = run("demo")
        self.assertGreaterEqual(time.monotonic() - start, 1.0)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        waker = "executor    " if "fused" in str(MODE) else "reactor     "
        words = ["program starting", "first poll of GET /600/", "not ready",
                 "executor    parks", f"{waker}wakes",
                 "| HTTP/1.1 200 OK, ", ": HelloAsyncAwait",
                 "first poll of GET /400/", ": HelloAsyncAwait", "wall time"]
        at = 0
        for word in words:  # in this order
            found = result.stdout.find(word, at)
            self.assertGreaterEqual(found, 0, word)
            at = found + len(word)

    def test_it_fits_into_a_terminal(self):
        for language in ("en", "fr"):
            for line in run("demo", "--lang", language).stdout.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_headers_are_shown_when_asked_for(self):
        result = run("demo", "--headers")
        self.assertRegex(result.stdout, r"(?m)^    \| Content-Length: 15$")
        self.assertRegex(result.stdout, r"(?m)^    \| HelloAsyncAwait$")

    def test_a_replay_shows_the_same_log_later(self):
        for option in ["--replay"], ["--slow", "0.5"]:
            result = run("demo", *option)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("recording", result.stderr)
            self.assertEqual(result.stdout.count(": HelloAsyncAwait"), 2)
            self.assertIn("program ends", result.stdout)

    def test_it_speaks_french(self):
        result = run("demo", "--lang", "fr")
        for words in ("sonde la tâche", "s’endort (park)", "est réveillé",
                      "en-têtes\u00a0: HelloAsyncAwait", "temps écoulé"):
            self.assertIn(words, result.stdout)

    def test_step_waits_for_a_key_for_each_line(self):
        leader, follower = os.openpty()
        program = subprocess.Popen([PROGRAM, "demo", "--step", "--lang=en"],
                                   stdin=follower, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        os.close(follower)
        with program:
            for line in program.stderr:
                if "next line" in line:
                    break
            while program.stdout.readline() != "\n":
                pass  # the legend
            # Lines of the reactor's thread may stand before this one.
            line = ""
            while "polls task #0" not in line:
                os.write(leader, b" ")
                line = program.stdout.readline()
                self.assertNotEqual(line, "")
                self.assertNotIn("would block", line)
            os.write(leader, b"q")
            rest = program.stdout.read()
            os.close(leader)
        self.assertEqual(program.returncode, 0)
        self.assertNotRegex(rest, r" ms  (executor|reactor) ")

    def test_figures_against_a_server_that_runs(self):
        with Serve() as server:
            result = run("demo", "--figures", "--port", server.port)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        found = re.fullmatch(
            r'figures \{"polls":(\d+),"would_block":(\d+),'
            r'"epoll_waits":(\d+),"wakes":(\d+),"parks":(\d+)\}',
            result.stdout.splitlines()[-1])
        self.assertTrue(found, result.stdout)
        polls, would_block, epoll_waits, wakes, parks = map(int,
                                                            found.groups())
        self.assertIn(polls, range(3, 9))
        self.assertGreaterEqual(would_block, 2)
        self.assertGreaterEqual(epoll_waits, 2)
        self.assertEqual(wakes, polls)
        self.assertGreaterEqual(parks, 2)
        result = run("demo", "--port", server.port)
        self.one_line(result, 1, "connection refused")


if __name__ == "__main__":
    unittest.main(verbosity=2)
