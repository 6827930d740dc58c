# SPDX-License-Identifier: MIT
"""What the tests of the examples share: the programs, by name, and servers.

The arguments of the test are the paths of the programs.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

EXAMPLES = {os.path.basename(path): os.path.abspath(path)
            for path in sys.argv[1:]}
del sys.argv[1:]
SECONDS = 300  # when a run that has not ended is a hang, on any machine


def run(command, *arguments):
    """Run an example, or the program at a path."""
    command = [EXAMPLES.get(command, command), *arguments]
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=SECONDS)


def listening_port(pid):
    """The port on which this process listens, or None."""
    sockets = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    for table in "tcp", "tcp6":
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as file:
            for line in list(file)[1:]:
                _, local, _, state, *_, = fields = line.split()
                if state == "0A" and f"socket:[{fields[9]}]" in sockets:
                    return int(local.rsplit(":", 1)[1], 16)
    return None


class Server(unittest.TestCase):
    """One of the examples that listen; the others' base."""

    def start(self, name, *arguments):
        self.server = subprocess.Popen([EXAMPLES[name], "0", *arguments],
                                       text=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
        self.addCleanup(self.server.communicate)
        self.addCleanup(self.server.kill)
        self.port = int(self.server.stdout.readline().rsplit(":", 1)[1])

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        self.addCleanup(client.close)
        return client

    def stop(self, number=signal.SIGINT):
        """Returns: what it has written to stdout after its first line."""
        self.server.send_signal(number)
        self.assertEqual(self.server.wait(SECONDS), 0)
        self.assertEqual(self.server.stderr.read(), "")
        return self.server.stdout.read()


class AtAddress(Server):
    """Those that take an address, and do not say which port they chose."""

    ADDRESS = "localhost:0"

    def start(self, name, *arguments, **options):
        self.server = subprocess.Popen(
            [EXAMPLES[name], self.ADDRESS, *arguments], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(self.server.communicate)
        self.addCleanup(self.server.kill)
        self.port = None
        while self.port is None and self.server.poll() is None:
            self.port = listening_port(self.server.pid)
            time.sleep(0.01)
