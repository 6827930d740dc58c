# SPDX-License-Identifier: MIT
"""Keys one by one, without echo; the terminal is put back at the end."""
import contextlib
import os
import signal
import sys
import termios
import tty

NAMES = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[5~": "page-up",
         b"\x1b[6~": "page-down", b"\x1b": "escape", b" ": "page-down",
         b"\r": "enter", b"\n": "enter", b"\x03": "q", b"\x04": "q",
         b"": "q"}


class Keyboard:
    def __init__(self):
        self.fd = sys.stdin.fileno()
        self.saved = termios.tcgetattr(self.fd)

    def begin(self):
        # Not flushed: a key may have been typed already.
        tty.setcbreak(self.fd, termios.TCSADRAIN)

    def end(self):
        termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)

    def read(self):
        """One key by its name; the keys of an escape sequence are one."""
        data = os.read(self.fd, 32)
        if data in NAMES:
            return NAMES[data]
        if data.startswith(b"\x1b"):
            return "other"
        return data[:1].decode("ascii", "replace").lower()

    @contextlib.contextmanager
    def live(self, resumed):
        """While the block runs. Ctrl-Z gives the terminal back and, after
        that, calls resumed()."""
        def suspend(*_):
            self.end()
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTSTP)

        def resume(*_):
            signal.signal(signal.SIGTSTP, suspend)
            self.begin()
            resumed()

        self.begin()
        signal.signal(signal.SIGTSTP, suspend)
        signal.signal(signal.SIGCONT, resume)
        try:
            yield self
        finally:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            signal.signal(signal.SIGCONT, signal.SIG_DFL)
            self.end()
