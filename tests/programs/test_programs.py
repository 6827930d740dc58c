#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every program of the tree promises: its exit status tells whether its
output was written, output never goes to a wrong file, and without enough of any
resource it reports that and ends.

usage: test_programs.py BUILD [TEST...]

BUILD: the folder of the build; its programs are found in it.
"""
import concurrent.futures
import contextlib
import functools
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tools"))
import listening

BUILD = os.path.abspath(sys.argv[1])
del sys.argv[1]
SECONDS = 300  # when a run that has not ended is a hang, on any machine
# Of long tables, one row in so many: a sanitizer's start takes 0.1 s.
SAMPLE = 3 if os.environ.get("RV_TEST_SLOW") else 1

PLACE = tempfile.TemporaryDirectory()


class Server:
    """It responds at once to any request, in this process, with all its
    descriptors."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def url(self, path="/0/x"):
        return f"http://127.0.0.1:{self.port}{path}"

    def accept(self):
        while True:
            stream, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=[stream],
                             daemon=True).start()

    @staticmethod
    def answer(stream):
        with stream:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = stream.recv(4096)
                    if not piece:
                        return
                    head += piece
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n"
                               b"Connection: close\r\n\r\nthe a\0b\n")
            except OSError:
                pass


SERVER = Server()
LARGE = os.path.join(PLACE.name, "large")
LIST = os.path.join(PLACE.name, "list")
with open(LARGE, "wb") as file:
    file.write(b"0123456789abcde\n" * (3 << 16))  # longer than some buffers
with open(LIST, "w") as file:
    file.write(subprocess.run(["sha1sum", LARGE], check=True, text=True,
                              capture_output=True).stdout)
os.chmod(PLACE.name, 0o777)  # for a user with few threads


class Run:
    """A command that ends soon without a signal."""

    def __init__(self, folder, name, *arguments, input=b"", status=0,
                 prints=True, exact=True, tells=False):
        self.command = [os.path.join(BUILD, folder, name),
                        *map(str, arguments)]
        self.label = " ".join([name, *map(str, arguments)])
        self.input = input    # none: stdin is not read
        self.status = status  # of the undisturbed program
        self.prints = prints  # on stdout
        self.exact = exact    # always the same
        self.tells = tells    # on stdout too what is wrong

    def there(self):
        return os.path.exists(self.command[0])

    def go(self, before=":", behind="", tool=()):
        """Run it in a shell, after a command, with redirections."""
        line = f'{before}; exec "$0" "$@" {behind}'
        try:
            return subprocess.run([*tool, "sh", "-c", line, *self.command],
                                  input=self.input, capture_output=True,
                                  timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.label}: it hangs") from None

    @functools.cached_property
    def output(self):
        return self.go().stdout


def new_folder():
    folder = tempfile.mkdtemp(dir=PLACE.name)
    os.chmod(folder, 0o777)
    return folder


EXAMPLES = [
    Run("examples", "bare_libc"),
    Run("examples", "cat", LARGE),
    Run("examples", "cat", input=b"some text\n"),
    Run("examples", "channel_bounded"),
    Run("examples", "channel_bounded", "stuck", status=1),
    Run("examples", "channel_mpsc", exact=False),
    Run("examples", "channel_publisher", exact=False),
    Run("examples", "coroutines", 2),
    Run("examples", "faster", 60000, input=b"me\n"),
    Run("examples", "first"),
    Run("examples", "fork_fib", 12),
    Run("examples", "fork_sort", input=b"".join(
        b"%d\n" % (i * 7919 % 5003) for i in range(3000))),
    Run("examples", "hello"),
    Run("examples", "hello_join"),
    Run("examples", "hundred_files_pool", new_folder(), exact=False),
    Run("examples", "hundred_files_ring", new_folder(), exact=False),
    Run("examples", "parallel_gets", 60000, SERVER.url(), SERVER.url()),
    Run("examples", "pi_calculus"),
    Run("examples", "pipe", "text", 3),
    Run("examples", "pipeline"),
    Run("examples", "sha1sum", LARGE),
    Run("examples", "sha1sum", LARGE, LIST, LARGE, "-", input=b"x" * 100000),
    Run("examples", "sha1sum", "-c", LIST),
    Run("examples", "sieve", 5),
    Run("examples", "spawn", 100, 200, exact=False),
    Run("examples", "sync", os.path.join(PLACE.name, "synced"), "text",
        prints=False),
    Run("examples", "thread", 3, 3),
    Run("examples", "tick", 2, 1),
    Run("examples", "timeout_select", 60000, SERVER.url(), SERVER.url()),
    Run("examples", "two_gets", SERVER.url(), SERVER.url()),
]
LESSONS = [Run("lessons", f"lesson-{name}", SERVER.port, exact=False)
           for name in ("02-busy-poll-http", "03-epoll-runtime",
                        "05-waker-executor", "06-reactor-thread")]
BENCH = [Run("bench", name, 10, exact=False) for name in (
    "channel", "channel_boost", "channel_glib", "channel_tbb", "coro",
    "coro_boost", "coro_swapcontext", "fork", "fork_openmp", "go", "memory",
    "spawn", "spawn_thread", "timers", "timers_libuv", "wake", "wake_epoll",
    "wake_libuv", "yield")]
REVEIL = [
    Run("cli", "reveil", "compare", "--no-syscalls", "epoll",
        exact=False),
    Run("cli", "reveil", "demo", exact=False),
    Run("cli", "reveil", "doctor", exact=False, tells=True),
    Run("cli", "reveil", "get", SERVER.url()),
    Run("cli", "reveil", "get", "--file", "-",
        input=SERVER.url().encode()),
]
RUNS = [run for run in EXAMPLES + LESSONS + BENCH + REVEIL if run.there()]
# libuv aborts where it has no descriptor, so its programs do too.
PEERS_THAT_ABORT = "timers_libuv", "wake_libuv"
SILENT_SERVERS = [  # those that do not say where they listen
    (["examples/echo", "127.0.0.1:0"], b"x", b"x"),
    (["examples/chat", "127.0.0.1:0"], b"me\n", b"* me is here\n"),
    (["examples/redis", "127.0.0.1:0"], b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
    (["examples/proxy", "127.0.0.1:0"], b"GET / HTTP/1.0\r\n\r\n",
     b"HTTP/1.1 4"),
]
SERVERS = [
    (["examples/graceful_shutdown", "0", "60000"], b"0\n", b"done in 0 ms\n"),
    (["cli/reveil", "serve", "--port", "0"],
     b"GET /0/x HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"),
    (["bench/server"], b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"),
]


class Case(unittest.TestCase):
    def each(self, runs, check):
        """Call check(run) for all, some at a time; the failures together."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            jobs = [(run, pool.submit(check, run)) for run in runs]
        for run, job in jobs:
            with self.subTest(run.label):
                job.result()

    def said(self, run, result, what):
        """It has failed, and not without a word, nor by a signal."""
        self.assertIn(result.returncode, range(1, 128), (run.label, what))
        self.assertTrue(result.stderr or run.tells, (run.label, what))

    def need_strace(self):
        if subprocess.run("strace -o /dev/null true", shell=True,
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest("strace is not installed, or may not trace")

    def works_or_says_why(self, run, result, what):
        if result.returncode == run.status:
            if run.exact and run.status == 0:
                self.assertEqual(result.stdout, run.output, (run.label, what))
        else:
            self.said(run, result, what)


class Undisturbed(Case):
    def check(self, run):
        result = run.go()
        self.assertEqual((result.returncode, bool(result.stdout)),
                         (run.status, run.prints), result.stderr)
        if run.exact:
            self.assertEqual(result.stdout, run.output)

    def test_they_do_what_the_other_tests_expect(self):
        self.each(RUNS, self.check)


class ClosedAtTheStart(Case):
    """prog <&-, >&-, 2>&-, and all their combinations."""

    COMBINATIONS = [[fd for fd in range(3) if bits >> fd & 1]
                    for bits in range(1, 8)]

    @staticmethod
    def closing(fds):
        return " ".join(f"{fd}>&-" for fd in fds)

    def check(self, run):
        for closed in self.COMBINATIONS[::SAMPLE]:
            result = run.go(behind=self.closing(closed))
            if (1 in closed and run.prints) or (0 in closed and run.input):
                self.assertIn(result.returncode, range(1, 128),
                              (run.label, closed))
                if 2 not in closed:
                    self.assertRegex(result.stderr,
                                     b"stdout|Bad file descriptor|not an open",
                                     (run.label, closed))
            else:
                self.assertEqual(result.returncode, run.status,
                                 (run.label, closed, result.stderr))
            if run.exact and 1 not in closed and result.returncode == 0:
                self.assertEqual(result.stdout, run.output,
                                 (run.label, closed))

    def test_what_cannot_be_read_or_written_is_an_error(self):
        self.each(RUNS, self.check)

    def test_of_a_server_nothing_gets_their_numbers(self):
        for command, *_ in SERVERS:
            with self.subTest(command), running(command, "0>&- 2>&-") as server:
                for fd in 0, 2:
                    self.assertEqual(os.readlink(
                        f"/proc/{server.pid}/fd/{fd}"), "/dev/null")

    def check_calls(self, run):
        """After the places are held no call makes a descriptor below 3."""
        with tempfile.NamedTemporaryFile(mode="r") as calls:
            run.go(behind=self.closing(range(3)),
                   tool=["strace", "-f", "-e", "trace=%desc,%network",
                         "-o", calls.name])
            lines = calls.read().splitlines()
        held = [i for i, line in enumerate(lines)
                if re.search(r'"/dev/null", O_RDONLY\) = 2$', line)]
        self.assertTrue(held, run.label)
        for line in lines[held[0] + 1:]:
            made = re.search(
                r" (?:open\w*|creat|epoll_create1|eventfd2|signalfd4|dup|"
                r"timerfd_create|pidfd_open|socket|accept4?|memfd_create|"
                r"io_uring_setup)\(.* = [012]\b", line)
            pair = re.search(r" (?:pipe2?|socketpair)\(.*\[(\d+), (\d+)\]",
                             line)
            low = pair and min(map(int, pair.groups())) < 3
            self.assertFalse(made or low, (run.label, line))

    def test_no_call_makes_a_descriptor_below_3(self):
        self.need_strace()
        self.each(EXAMPLES + REVEIL[2:], self.check_calls)


class FullDisk(Case):
    def check(self, run):
        result = run.go(behind=">/dev/full")
        self.said(run, result, "on a full disk")
        self.assertRegex(result.stderr, b"stdout|[Nn]o space left", run.label)

    def test_output_that_is_lost_is_an_error(self):
        self.each([run for run in RUNS if run.prints], self.check)

    def test_help_too(self):
        helps = {run.command[0] for run in EXAMPLES + LESSONS if run.there()}
        helps |= {os.path.join(BUILD, "examples", name)
                  for name in ("chat", "files", "filter", "graceful_shutdown",
                               "proxy", "read_figures", "redis", "runner",
                               "watch")}
        runs = [Run("", path, "--help") for path in sorted(helps)]
        runs += [Run("cli", "reveil", *command, "--help") for command in (
            [], ["bench"], ["compare"], ["demo"], ["doctor"], ["get"],
            ["serve"])]
        self.each(runs, self.check)

    def test_a_server_that_cannot_say_where_it_listens_ends(self):
        runs = [Run("", command[0], *command[1:]) for command, *_ in SERVERS]
        self.each(runs, self.check)


class ReadErrors(Case):
    """read(2) of a folder fails: that is not the end of it."""

    def check(self, run):
        self.said(run, run.go(behind="</"), "with a folder as stdin")

    def test_a_folder_as_stdin(self):
        runs = [run for run in RUNS if run.input]
        self.assertGreater(len(runs), 4)
        self.each([*runs, Run("examples", "sha1sum", "-c", "-")], self.check)

    def test_lines_are_sorted_whole_or_not_at_all(self):
        run = Run("examples", "fork_sort", input=b"b\na")
        self.assertEqual(run.go().stdout, b"a\nb\n")
        run = Run("examples", "fork_sort", input=b"b\0c\na\n")
        result = run.go()
        self.said(run, result, "with a NUL in a line")
        self.assertEqual(result.stdout, b"")

    def test_a_body_is_printed_with_its_nuls(self):
        for name, *arguments in ("two_gets", SERVER.url("/nul")), (
                "timeout_select", 60000):
            run = Run("examples", name, *arguments, SERVER.url("/nul"))
            self.assertIn(b"a\0b\n", run.go().stdout, name)


class NoAddress(Case):
    """A server that listens, and is then not told where, ends."""

    def check(self, run):
        self.said(run, run.go(tool=[
            "strace", "-f", "-o", "/dev/null",
            "-e", "inject=getsockname:error=ENOBUFS"]), "without its address")

    def test_a_server_that_does_not_know_where_it_listens_ends(self):
        if os.environ.get("RV_TEST_SLOW"):
            self.skipTest("a sanitizer looks for leaks by a trace of its own")
        self.need_strace()
        runs = [Run("", command[0], *command[1:]) for command, *_ in SERVERS]
        runs += [Run("examples", "coroutines"), Run("cli", "reveil", "demo"),
                 Run("cli", "reveil", "serve", "--port", "0",
                     "--executors", "2"),
                 Run("cli", "reveil", "compare", "--no-syscalls", "epoll")]
        self.each(runs, self.check)


class Scarce(Case):
    """It works, or it says what is missing, and ends."""

    def setUp(self):
        # To look for leaks takes a descriptor, and a program that has none
        # left is then killed by the sanitizer. Other tests look for leaks.
        options = os.environ.get("ASAN_OPTIONS", "")
        patch = unittest.mock.patch.dict(
            os.environ, ASAN_OPTIONS=options + ":detect_leaks=0")
        patch.start()
        self.addCleanup(patch.stop)

    def check_descriptors(self, run):
        # 3 is too few for the dynamic loader, which says so itself.
        limits = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 18, 24, 36]
        for most in limits[::SAMPLE]:
            result = run.go(f"ulimit -n {most}")
            self.works_or_says_why(run, result, f"with {most} descriptors")

    def test_descriptors(self):
        self.each([run for run in RUNS if run.label.split()[0]
                   not in PEERS_THAT_ABORT], self.check_descriptors)

    def check_memory(self, run):
        for megabytes in 4, 8, 12, 16, 20, 24, 28, 32, 48, 64, 96:
            result = run.go(tool=["prlimit", f"--as={megabytes << 20}"])
            self.works_or_says_why(run, result, f"in {megabytes} MiB")

    def test_memory(self):
        if os.environ.get("RV_TEST_SLOW"):
            self.skipTest("a sanitizer reserves more than there is")
        self.each(RUNS, self.check_memory)

    def test_threads(self):
        if os.environ.get("RV_TEST_SLOW"):
            self.skipTest("a sanitizer starts a thread of its own")
        nobody = ["setpriv", "--reuid", "65534", "--clear-groups"]
        if os.geteuid() != 0 or subprocess.run(
                [*nobody, "test", "-x", RUNS[0].command[0]],
                check=False).returncode:
            self.skipTest("threads are counted for a user of their own; "
                          "that takes root, and a build that all may read")
        # One run at a time: all count as one user's.
        for run in RUNS:
            for most in 1, 2, 3, 5:
                result = run.go(tool=["prlimit", f"--nproc={most}", *nobody])
                with self.subTest(run.label):
                    self.works_or_says_why(run, result,
                                           f"with {most} threads")


@contextlib.contextmanager
def running(command, behind="", silent=False):
    """A server, with its port, until the end of the block."""
    program, *arguments = command
    line = f'ulimit -n 24; exec "$0" "$@" {behind}'
    with subprocess.Popen(
            ["sh", "-c", line, os.path.join(BUILD, program), *arguments],
            stdout=subprocess.PIPE, text=True) as server:
        try:
            server.port = None
            while silent and server.port is None and server.poll() is None:
                time.sleep(0.01)
                server.port = listening.port_of(server.pid)
            if not silent:
                said = server.stdout.readline()
                server.port = int(re.search(r"(?:port |:)(\d+)", said)[1])
            yield server
        finally:
            server.kill()


class IdleClients(Case):
    """More clients than a server has descriptors do not end it."""

    def connect(self, server):
        client = socket.create_connection(("127.0.0.1", server.port), SECONDS)
        self.addCleanup(client.close)
        return client

    def test_those_who_come_later_are_served(self):
        for command, request, answer in SERVERS + SILENT_SERVERS:
            silent = (command, request, answer) in SILENT_SERVERS
            with self.subTest(command), running(
                    command, silent=silent) as server:
                first = self.connect(server)
                first.sendall(request)
                self.assertEqual(first.recv(len(answer)), answer)
                idle = [self.connect(server) for _ in range(40)]
                last = self.connect(server)
                last.sendall(request)
                for client in idle:
                    client.close()
                with last.makefile("rb") as stream:
                    self.assertEqual(stream.read(len(answer)), answer)
                self.assertIsNone(server.poll())


if __name__ == "__main__":
    unittest.main(verbosity=2)
