# SPDX-License-Identifier: MIT
"""What standard output is: its width, and whether it may have colours."""
import os
import shutil
import sys
import textwrap

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32",
          "yellow": "33", "cyan": "36", "reverse": "7"}


def short_path(path):
    """From here, if the path lies below; else as a whole."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


class Terminal:
    def __init__(self, plain=False, stream=None, environ=os.environ):
        self.stream = stream or sys.stdout
        tty = self.stream.isatty()
        dumb = environ.get("TERM", "dumb") == "dumb"
        self.plain = plain
        self.may_redraw = tty and not dumb and not plain
        self.colour = (tty and not dumb and not plain and
                       not environ.get("NO_COLOR"))

    def size(self):
        size = shutil.get_terminal_size((80, 24))
        return max(size.columns, 20), max(size.lines, 5)

    def style(self, text, *names):
        if not self.colour or not names:
            return text
        codes = ";".join(STYLES[name] for name in names)
        return f"\033[{codes}m{text}\033[0m"

    def wrap(self, text, indent=""):
        """Lines no wider than the terminal; the first has no indent."""
        width = min(self.size()[0], 100)
        lines = []
        for line in text.splitlines() or [""]:
            lines += textwrap.wrap(line, width, subsequent_indent=indent,
                                   break_long_words=False,
                                   break_on_hyphens=False) or [""]
        return "\n".join(lines)

    def say(self, text=""):
        print(text, file=self.stream)
        self.stream.flush()


class StatusLine:
    """One line on standard error that is redrawn; nothing if it is no
    terminal."""

    def __init__(self, quiet=False):
        self.on = (sys.stderr.isatty() and not quiet and
                   os.environ.get("TERM", "dumb") != "dumb")

    def show(self, text):
        if self.on:
            width = shutil.get_terminal_size((80, 24)).columns
            sys.stderr.write("\r\033[K" + text[:width - 1])
            sys.stderr.flush()

    def clear(self):
        if self.on:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
