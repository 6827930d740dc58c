#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the stage programs of lessons/ against a small delay server of its own.

    test_lessons.py                      compile them with $CC $CFLAGS first
    test_lessons.py BUILD/lessons/lesson-*    programs that are built already

Checks the figures, the order of the events in the log, the folding of
repeats, and the ways a request can fail. Loopback and port 0 only.
"""
import json
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

HERE = os.path.dirname(os.path.abspath(__file__))
LESSONS = os.path.join(HERE, "..", "..", "lessons")
sys.path.insert(0, os.path.join(HERE, "..", "..", "course"))

import cut  # noqa: E402
import lessons  # noqa: E402

FOLDERS = {
    "02": "02-busy-poll-http",
    "03": "03-epoll-runtime",
    "05": "05-waker-executor",
    "06": "06-reactor-thread",
}
HUNDRED = {"04": "04-hundred"}  # not two GETs, but a hundred
PROGRAMS = {}

SECONDS = 300  # a run that takes longer is a hang, on any machine
OFTEN = 100  # busy polling polls at least this many times as often

FIRST = "First poll - start operation"
NOT_READY = "Data not ready"
SCHEDULE = "Schedule other tasks"
SLEEP = "Sleep until notified"
STATUS = "HTTP/1.1 200 OK"
BODY = "HelloAsyncAwait"
LINE = re.compile(r"^ *(\d+\.\d) ms  (\S+) +(.*)$")
FOLD = re.compile(r"^\.\.\. again, (\d+) times \(lines above: (\d+)\)$")


class DelayServer:
    """GET /<ms>/<text> answers text after ms, times scale."""

    def __init__(self, scale=1.0, mode="whole"):
        self.scale = scale
        self.mode = mode
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = []
        self.client = None  # the process that asks, where that matters

    def __enter__(self):
        self.acceptor = threading.Thread(target=self.accept)
        self.acceptor.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        for thread in self.threads:
            thread.join()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.answer, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def answer(self, connection):
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            _, delay, text = request.split(b" ")[1].decode().split("/")
            time.sleep(int(delay) / 1000 * self.scale)
            head = (
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
                f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
            ).encode()
            getattr(self, self.mode)(connection, head, text.encode())

    def whole(self, connection, head, body):
        """Head, body and the end of the connection in one segment."""
        connection.send(head + body, socket.MSG_MORE)
        connection.shutdown(socket.SHUT_WR)

    def apart(self, connection, head, body):
        """Each on its own: the reader has asked again in between."""
        for piece in (head, body):
            connection.sendall(piece)
            self.wait_until_read(connection)

    def wait_until_read(self, connection):
        """The client has taken all that was sent, and sleeps; or polls on."""
        end = time.monotonic() + SECONDS
        while unread(connection) or not sleeps(self.client):
            if time.monotonic() > end:
                raise AssertionError("the client does not read")
            time.sleep(0.001)

    def reset(self, connection, head, body):
        connection.sendall(head)
        self.wait_until_read(connection)
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def unread(connection):
    """Bytes in the queue of the peer's socket, which is of this machine."""
    ours = "%04X" % connection.getsockname()[1]
    peers = "%04X" % connection.getpeername()[1]
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in file:
            _, local, remote, _, queues, *_ = line.split()
            if local.endswith(":" + peers) and remote.endswith(":" + ours):
                return int(queues.partition(":")[2], 16)
    return 0  # it is closed


def sleeps(process):
    """Whether all threads of a process sleep, or it is one that never does."""
    if not process:
        return True
    try:
        for thread in os.listdir(f"/proc/{process.pid}/task"):
            path = f"/proc/{process.pid}/task/{thread}/stat"
            with open(path, encoding="ascii") as file:
                if file.read().rpartition(")")[2].split()[0] not in "SZ":
                    return False
    except FileNotFoundError:
        pass  # it is over
    return True


class Run:
    """One run of a stage: its log as (ms, thread, text), and its figures.

    server: told which process asks, if that one sleeps while it waits."""

    def __init__(self, stage, *arguments, server=None):
        with subprocess.Popen(
            [PROGRAMS[stage], *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:
            if server:
                server.client = process
            try:
                self.stdout, self.stderr = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        self.status = process.returncode

    def parse(self, test):
        *lines, last = self.stdout.splitlines()
        test.assertTrue(last.startswith("figures "), last)
        self.figures = json.loads(last[len("figures "):])
        test.assertEqual(
            list(self.figures),
            ["polls", "would_block", "epoll_waits", "wakes", "parks"],
        )
        self.log = []
        for line in lines:
            match = LINE.match(line)
            test.assertTrue(match, line)
            test.assertEqual(line[:12], "%8.1f ms " % float(match[1]))
            self.log.append((float(match[1]), match[2], match[3]))
        return self

    def texts(self):
        return [text for _, _, text in self.log]

    def wall_ms(self):
        return self.log[-1][0]


class Stage(unittest.TestCase):
    def good(self, stage, *arguments, server=None):
        run = Run(stage, *arguments, server=server)
        self.assertEqual((run.status, run.stderr), (0, ""), run.stdout)
        return run.parse(self)

    def assert_figures(self, run, **ranges):
        for key, (low, high) in ranges.items():
            self.assertGreaterEqual(run.figures[key], low, (key, run.stdout))
            self.assertLessEqual(run.figures[key], high, (key, run.stdout))

    def assert_order(self, run, expected):
        """expected: (thread, text) that come in this order, others between."""
        rest = iter([(thread, text) for _, thread, text in run.log])
        for event in expected:
            self.assertIn(event, rest, (event, run.stdout))

    def assert_folds(self, run):
        """Each request folds its pairs once, and none is lost by it."""
        folds = [FOLD.match(text) for text in run.texts()]
        folds = [(int(fold[2]), int(fold[1])) for fold in folds if fold]
        self.assertEqual([lines for lines, _ in folds], [2, 2], run.stdout)
        self.assertEqual(2 + sum(times for _, times in folds),
                         run.figures["would_block"])

    def assert_two_responses(self, run):
        for text in (FIRST, STATUS, BODY, "content-length: 15"):
            self.assertEqual(run.texts().count(text), 2, run.stdout)
        self.assertEqual(run.texts().count("Program starting"), 1)


class Figures(Stage):
    """The response and its end arrive together."""

    @classmethod
    def setUpClass(cls):
        cls.server = DelayServer().__enter__()
        cls.port = cls.server.port

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def assert_wall(self, run):
        self.assertGreaterEqual(run.wall_ms(), 1000)

    def test_02_polls_for_ever_and_folds_what_repeats(self):
        run = self.good("02", self.port)
        self.assert_two_responses(run)
        self.assert_wall(run)
        self.assert_figures(run, polls=(8 * OFTEN, 1 << 40), epoll_waits=(0, 0),
                            wakes=(0, 0), parks=(0, 0))
        self.assertEqual(run.figures["would_block"], run.figures["polls"] - 1)
        self.assert_order(run, 2 * [
            ("main", FIRST), ("main", NOT_READY), ("main", SCHEDULE),
            ("main", STATUS), ("main", BODY)])
        self.assert_folds(run)

    def test_02_with_sleep_polls_little_and_comes_late(self):
        run = self.good("02", "--sleep", 350, self.port)
        self.assert_two_responses(run)
        # 600 ms are seen at 700, 400 ms at 700 too.
        self.assertGreaterEqual(run.wall_ms(), 1400)
        most = int(run.wall_ms() / 350) + 2  # the first of each at once
        self.assert_figures(run, polls=(3, most - 1), would_block=(2, most - 2))
        self.assertEqual(run.texts()[0],
                         "busy-sleep: 350 ms of sleep between polls")
        self.assertGreaterEqual(self.clock(run)[1], 340)

    def clock(self, run):
        """(ticks, ms that the latest came late) of the clock of 02."""
        match = re.fullmatch(
            r"clock: (\d+) ticks, the latest came (\d+\.\d) ms late",
            run.texts()[-1])
        self.assertTrue(match, run.stdout)
        return int(match[1]), float(match[2])

    def test_02_other_tasks_are_polled(self):
        ticks, _ = self.clock(self.good("02", self.port))
        self.assertGreaterEqual(ticks, 1)

    def test_paths_of_the_command_line(self):
        for stage in FOLDERS:
            with self.subTest(stage):
                run = self.good(stage, self.port, "/20/One", "/10/Two")
                self.assertEqual([text for text in run.texts()
                                  if text in ("One", "Two", BODY)],
                                 ["One", "Two"])

    def test_03_sleeps_once_for_each_request(self):
        run = self.good("03", self.port)
        self.assert_two_responses(run)
        self.assert_wall(run)
        self.assert_figures(run, polls=(3, 5), would_block=(2, 4),
                            epoll_waits=(2, 4), wakes=(0, 0), parks=(0, 0))
        self.assertEqual(run.figures["polls"], run.figures["would_block"] + 1)
        self.assertEqual(run.figures["epoll_waits"],
                         run.figures["would_block"])
        self.assertEqual(run.texts().count(NOT_READY), 2)
        self.assertEqual(run.texts().count(SCHEDULE), 2)
        self.assert_order(run, 2 * [
            ("main", FIRST), ("main", NOT_READY), ("main", SCHEDULE),
            ("main", STATUS), ("main", BODY)])

    def check_executor(self, stage, thread, event_1, event_2):
        run = self.good(stage, self.port)
        self.assert_two_responses(run)
        self.assert_wall(run)
        self.assert_figures(run, polls=(3, 7), would_block=(2, 6),
                            epoll_waits=(3, 8), wakes=(3, 7), parks=(2, 6))
        self.assertEqual(run.figures["polls"], run.figures["would_block"] + 1)
        self.assertGreaterEqual(run.figures["wakes"], run.figures["polls"])
        self.assert_order(run, [
            ("main", "Program starting"),
            ("main", FIRST), ("main", NOT_READY), ("main", SLEEP),
            (thread, event_1), ("main", STATUS), ("main", BODY),
            ("main", FIRST), ("main", NOT_READY), ("main", SLEEP),
            (thread, event_2), ("main", STATUS), ("main", BODY),
            ("main", "All tasks finished")])

    def test_05_the_bell_wakes_the_executor(self):
        self.check_executor("05", "bell", "Ring - wake task 0",
                            "Ring - wake task 0")

    def test_06_the_reactor_wakes_the_executor(self):
        self.check_executor("06", "reactor",
                            "Event of source 1 - wake task 0",
                            "Event of source 2 - wake task 0")


class Pieces(Stage):
    """Head, body and end arrive separately: more polls, the same responses."""

    def check(self, stage, polls):
        with DelayServer(scale=0.05, mode="apart") as server:
            run = self.good(stage, server.port,
                            server=None if stage == "02" else server)
        self.assert_two_responses(run)
        self.assert_figures(run, polls=polls)
        return run

    def test_02(self):
        self.check("02", (5, 1 << 40))

    def test_03_writes_the_extra_round_as_a_repeat(self):
        run = self.check("03", (5, 7))
        self.assertEqual(run.texts().count(NOT_READY), 2)
        self.assertEqual(run.texts().count(SCHEDULE), 2)
        self.assert_folds(run)

    def test_05(self):
        run = self.check("05", (5, 7))
        self.assertEqual(run.figures["wakes"], run.figures["polls"])

    def test_06(self):
        run = self.check("06", (5, 11))
        self.assertGreaterEqual(run.figures["wakes"], run.figures["polls"])


class Interrupted(Stage):
    """Stop and continue it while it sleeps: epoll_wait() gives EINTR once."""

    def check(self, stage, last_line):
        with DelayServer() as server, subprocess.Popen(
            [PROGRAMS[stage], str(server.port)],
            stdout=subprocess.PIPE, text=True,
        ) as process:
            limit = threading.Timer(SECONDS, process.kill)
            limit.start()
            for line in process.stdout:
                if line.rstrip().endswith(last_line):
                    break
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            process.send_signal(signal.SIGCONT)
            rest = process.stdout.read()
            limit.cancel()
        self.assertEqual(process.returncode, 0, rest)
        self.assertEqual(rest.count(BODY), 2, rest)

    def test_03(self):
        self.check("03", SCHEDULE)

    def test_05(self):
        self.check("05", SLEEP)

    def test_06(self):
        self.check("06", SLEEP)


class Hundred(Stage):
    """04: many GETs at once; one that fails does not keep the others back."""

    def lines(self, run):
        return sorted(text for text in run.texts() if text.startswith("GET "))

    def test_a_hundred_without_a_path(self):
        with DelayServer(scale=0.2) as server:
            run = self.good("04", server.port)
        self.assertEqual(self.lines(run), sorted(
            f"GET {i}: Hello-{i}" for i in range(100)))
        self.assert_figures(run, polls=(100, 1000), epoll_waits=(1, 1000),
                            wakes=(0, 0), parks=(0, 0))

    def test_paths_of_the_command_line(self):
        with DelayServer() as server:
            run = self.good("04", server.port, "/40/One", "/20/Two", "/30/One")
        self.assertEqual(self.lines(run),
                         ["GET 0: One", "GET 1: Two", "GET 2: One"])

    def test_pieces(self):
        with DelayServer(scale=0.05, mode="apart") as server:
            run = self.good("04", server.port, "/600/One", "/400/Two",
                            server=server)
        self.assertEqual(self.lines(run), ["GET 0: One", "GET 1: Two"])

    def test_nobody_listens(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            run = Run("04", closed.getsockname()[1]).parse(self)
        self.assertEqual(run.status, 1)
        self.assertIn("no server listens", run.stderr)


class Folding(Stage):
    """lesson.h alone: no line is lost, whatever is folded."""

    CASES = {
        "aaaab": ["a", "... again, 3 times (lines above: 1)", "b"],
        "ababab": ["a", "b", "... again, 2 times (lines above: 2)"],
        "abac": ["a", "b", "a", "c"],
        "ababac": ["a", "b", "... again, 1 time (lines above: 2)", "a", "c"],
        "abaab": ["a", "b", "a", "... again, 1 time (lines above: 1)", "b"],
        "abcabc": ["a", "b", "c", "a", "b", "c"],
        "abcabcabcab": ["a", "b", "c", "a", "b", "c",
                        "... again, 1 time (lines above: 3)", "a", "b"],
        "abcabcabcabcd": ["a", "b", "c", "a", "b", "c",
                          "... again, 2 times (lines above: 3)", "d"],
        "abcdabcdabcda": ["a", "b", "c", "d", "a", "b", "c", "d",
                          "... again, 1 time (lines above: 4)", "a"],
        "aabaabaabaab": ["a", "... again, 1 time (lines above: 1)", "b",
                         "a", "... again, 1 time (lines above: 1)", "b",
                         "... again, 2 times (lines above: 3)"],
        "afa": ["a", "f", "a"],
        "affa": ["a", "f", "f", "a"],
    }
    SOURCE = """
    #include "%s/lesson.h"
    int main(int argc, char **argv)
    {
        static const char *const texts[] = {"a", "b", "c", "d"};

        lesson_start(1, argv, "", NULL);
        for (const char *c = argc > 1 ? argv[1] : ""; *c; c++) {
            if (*c == 'f')
                lesson_logf("%%c", *c);
            else
                lesson_log(texts[*c - 'a']);
        }
        return lesson_end(0);
    }
    """

    def test_every_line_is_written_or_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            PROGRAMS["fold"] = os.path.join(folder, "fold")
            source = os.path.join(folder, "fold.c")
            with open(source, "w", encoding="utf-8") as file:
                file.write(self.SOURCE % LESSONS)
            compile_program(source, PROGRAMS["fold"])
            for lines, expected in self.CASES.items():
                with self.subTest(lines):
                    run = self.good("fold", lines)
                    self.assertEqual(run.texts(), expected)


class Failures(Stage):
    def assert_fails(self, run, words):
        run.parse(self)
        self.assertEqual(run.status, 1)
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        self.assertIn(words, run.stderr)

    def test_nobody_listens(self):
        # Bound and not listening: the port is ours, and it refuses.
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            for stage in FOLDERS:
                with self.subTest(stage):
                    self.assert_fails(Run(stage, port),
                                      f"./reveil serve --port {port}")

    def test_connection_reset(self):
        for stage in FOLDERS:
            with self.subTest(stage), \
                    DelayServer(scale=0.05, mode="reset") as server:
                self.assert_fails(Run(stage, server.port),
                                  "Connection reset by peer")

    def test_unknown_arguments(self):
        bad = [["--frob"], ["0"], ["65536"], ["80x"], [""], ["80", "81"],
               ["/1/a"], ["80", "1/a"]]
        for stage in FOLDERS:
            more = [["--sleep", "5"]] if stage != "02" else [
                ["--sleep"], ["--sleep", "0"], ["--sleep", "x"]]
            for arguments in bad + more:
                with self.subTest(stage, arguments=arguments):
                    run = Run(stage, *arguments)
                    self.assertEqual((run.status, run.stdout), (2, ""))
                    self.assertEqual(len(run.stderr.splitlines()), 1)

    def test_help(self):
        for stage in FOLDERS:
            with self.subTest(stage):
                run = Run(stage, "--help")
                self.assertEqual((run.status, run.stderr), (0, ""))
                self.assertIn("usage: lesson", run.stdout)
                self.assertEqual("--sleep" in run.stdout, stage == "02")


def compile_program(source, program):
    cc = os.environ.get("CC", "cc").split()
    flags = os.environ.get("CFLAGS", "-O2").split()
    subprocess.run(
        [*cc, "-std=c11", "-D_GNU_SOURCE", "-pthread", *flags,
         "-I", os.path.dirname(program), source, "-o", program], check=True)


def compile_lessons(folder):
    with open(os.path.join(folder, "executor.h"), "w",
              encoding="utf-8") as file:  # what 06 includes of 05
        file.write(cut.export(lessons.find("05"), "executor.h"))
    for stage, name in {**FOLDERS, **HUNDRED}.items():
        PROGRAMS[stage] = os.path.join(folder, stage)
        compile_program(os.path.join(LESSONS, name, "lesson.c"),
                        PROGRAMS[stage])


def main():
    programs, names = {}, []
    for argument in sys.argv[1:]:
        number = re.search(r"lesson-(\d\d)-[^/]*$", argument)
        if number:
            programs[number[1]] = os.path.abspath(argument)
        else:
            names.append(argument)
    with tempfile.TemporaryDirectory() as folder:
        PROGRAMS.update(programs)
        if not programs:
            compile_lessons(folder)
        elif not {*FOLDERS, *HUNDRED} <= set(programs):
            sys.exit("usage: test_lessons.py [BUILD/lessons/lesson-*] [TEST]")
        result = unittest.main(argv=sys.argv[:1] + names, exit=False,
                               verbosity=2).result
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
