# SPDX-License-Identifier: MIT
"""What the tests of the examples share: the programs, by name, and servers.

The arguments of the test are the paths of the programs.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tools"))
import listening

EXAMPLES = {os.path.basename(path): os.path.abspath(path)
            for path in sys.argv[1:]}
del sys.argv[1:]
SECONDS = 300  # when a run that has not ended is a hang, on any machine


def run(command, *arguments):
    """Run an example, or the program at a path."""
    command = [EXAMPLES.get(command, command), *arguments]
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=SECONDS)


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
            self.port = listening.port_of(self.server.pid)
            time.sleep(0.01)
