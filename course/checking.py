# SPDX-License-Identifier: MIT
"""A check in a process of its own, so that the keys of `watch` stay live.

The process says on one pipe which step it is at, and at the end gives its
verdict on another. It may be stopped at any time, and leaves no child.
"""
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Checking:
    def __init__(self, number, work, language):
        steps, steps_end = os.pipe()
        self.steps = steps
        self.process = subprocess.Popen(
            [sys.executable, HERE, "check", number, "--format", "verdict",
             "--work", work, "--lang", language,
             "--steps-fd", str(steps_end)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=(steps_end,),
            start_new_session=True)
        os.close(steps_end)
        self.output = {self.process.stdout.fileno(): b"",
                       self.process.stderr.fileno(): b""}
        self.step = "build"
        self.open = set(self.output) | {self.steps}

    def descriptors(self):
        return list(self.open)

    def take(self, descriptor):
        """Read what has come on one of descriptors()."""
        data = os.read(descriptor, 65536)
        if not data:
            self.open.discard(descriptor)
        elif descriptor == self.steps:
            self.step = data.decode().split()[-1]
        else:
            self.output[descriptor] += data

    def is_over(self):
        return not self.open

    def result(self):
        """The verdict, or None; and what was said on standard error."""
        self.process.wait()
        said = self.output[self.process.stderr.fileno()].decode(
            errors="replace")
        text = self.output[self.process.stdout.fileno()]
        self.close()
        try:
            return json.loads(text), said
        except ValueError:
            return None, said

    def close(self):
        os.close(self.steps)
        self.process.stdout.close()
        self.process.stderr.close()

    def stop(self):
        """End it early: first by a signal that lets it clean up."""
        for number in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.wait(5)
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        self.close()
