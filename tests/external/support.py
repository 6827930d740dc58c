# SPDX-License-Identifier: MIT
"""Shared by the external tests: processes, waits, sockets, `reveil serve`.

No process that is started here outlives the tests. A test stops what it has
started; the kernel kills a child when this process dies; all others are killed
when Python exits (Ctrl-C, SIGTERM).
"""

import atexit
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SLOW = bool(os.environ.get("RV_TEST_SLOW"))  # the program is instrumented
LIMIT_S = 300  # a program that runs for longer hangs, on any machine

program = None  # the path of reveil: main() sets it

said = set()  # reasons for skipping that were printed already
leftovers = contextlib.ExitStack()
atexit.register(leftovers.close)


def scratch_folder():
    """A folder that is removed when this process ends."""
    return leftovers.enter_context(tempfile.TemporaryDirectory())


def need(tool):
    """The path of a tool, or skip the test."""
    path = shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        words = f"{tool} is not installed"
        if words not in said:
            said.add(words)
            print("skipped:", words, file=sys.stderr)
        raise unittest.SkipTest(words)
    return path


def wait_until(done, what):
    """Call done() until it returns something true, and return that."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        result = done()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {LIMIT_S} s for {what}")
        time.sleep(0.005)


# --- processes ---------------------------------------------------------


def kill_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_leftover(process):
    if process.poll() is None:
        kill_group(process)


def start(arguments, **options):
    """A child in a process group of its own, killed at the latest at exit."""
    arguments = list(map(str, arguments))
    setpriv = shutil.which("setpriv")
    if setpriv:
        arguments = [setpriv, "--pdeathsig", "KILL", *arguments]
    process = subprocess.Popen(arguments, start_new_session=True, **options)
    leftovers.callback(kill_leftover, process)
    return process


class Finished:
    """What a program wrote, its exit status, and the seconds it took."""

    def __init__(self, *arguments, limit_s=LIMIT_S, stdin=b"", **options):
        # Files, not pipes: a megabyte each way needs no thread to be read.
        with contextlib.ExitStack() as files:
            given, out, err = (files.enter_context(tempfile.TemporaryFile())
                               for _ in range(3))
            given.write(stdin)
            given.seek(0)
            begin = time.monotonic()
            process = start(arguments, stdin=given, stdout=out, stderr=err,
                            **options)
            try:
                self.status = process.wait(limit_s)
            finally:
                kill_group(process)
            self.seconds = time.monotonic() - begin
            out.seek(0)
            err.seek(0)
            self.out = out.read()
            self.err = err.read().decode(errors="replace")


def get(*arguments, **options):
    return Finished(program, "get", *arguments, **options)


def curl(*arguments, **options):
    """curl without progress and without a proxy."""
    return Finished(need("curl"), "-q", "-sS", "--noproxy", "*",
                    "-m", LIMIT_S, *arguments, **options)


class Serve:
    """`reveil serve` on a free port of the loopback device."""

    def __init__(self, host="127.0.0.1", options=(), **popen_options):
        self.host = host
        self.log = tempfile.TemporaryFile()
        self.process = start(
            [program, "serve", "--port", "0", "--host", host, *options],
            stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, **popen_options)
        said = wait_until(self.said_where, "reveil serve to say where it is")
        self.url = said[1]
        self.port = int(said[2])

    def words(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def said_where(self):
        if self.process.poll() is not None:
            raise AssertionError(f"reveil serve ended: {self.words()}")
        return re.match(r"listening on (http://\S+:(\d+))/  \(.*\)\n",
                        self.words())

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self, **options):
        return Client(self, **options)

    def stop(self):
        """Returns: what it wrote after the line that says where it is."""
        self.process.terminate()
        try:
            self.process.wait(LIMIT_S)
        finally:
            kill_group(self.process)
        words = self.words().partition("\n")[2]
        self.log.close()
        return words


# --- sockets -----------------------------------------------------------

# For setsockopt(): close() sends a reset, and forgets what was not sent yet.
LINGER_FOR_0_SECONDS = (
    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def closed_port():
    """A port that no program uses while this lasts: bound, no listener."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


class Client:
    """A connection by hand, for what no good client would send."""

    def __init__(self, server, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(LIMIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect((server.host, server.port))
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, path):
        self.send(request(path))

    def end(self):
        """Close the sending direction only."""
        self.socket.shutdown(socket.SHUT_WR)

    def vanish(self):
        """What the server sends from now on meets a reset."""
        self.socket.setsockopt(*LINGER_FOR_0_SECONDS)
        self.socket.close()

    def fill(self):
        data = self.socket.recv(65536)
        self.rest += data
        return bool(data)

    def rest_until_end(self):
        """All that is sent until the server closes (a reset is an error)."""
        while self.fill():
            pass
        return self.rest

    def head(self):
        while b"\r\n\r\n" not in self.rest:
            if not self.fill():
                raise EOFError(f"no whole head in {self.rest!r}")
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        return head.decode()

    def answer(self):
        """Status and body of the next response, which must have a length."""
        head = self.head()
        length = int(re.search(r"(?mi)^content-length: (\d+)\r?$", head)[1])
        while len(self.rest) < length:
            if not self.fill():
                raise EOFError(f"{len(self.rest)} bytes of {length}")
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(head.split()[1]), body


def request(path, *headers):
    lines = [f"GET {path} HTTP/1.1", "Host: test", *headers, "", ""]
    return "\r\n".join(lines).encode()


def big(kilobytes):
    """The body of /big/<kilobytes>."""
    line = b"reveil 0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQR\n"
    return line * (kilobytes * 16)
