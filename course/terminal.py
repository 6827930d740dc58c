# SPDX-License-Identifier: MIT
"""What standard output is: its width, and whether it may have colours."""
import itertools
import os
import re
import shutil
import subprocess
import sys
import textwrap

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32",
          "yellow": "33", "cyan": "36", "reverse": "7"}


def short_path(path):
    """From here, if the path lies below; else as a whole."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative

# Is copied from one line: the name, the lesson, the TODO.
COMMAND = re.compile(r"\./reveil lesson \w+(?: \d\d)?(?: \d\d?\.\d)?\b")


def cells_of(row):
    """The cells of a row of a Markdown table."""
    return [cell.strip() for cell in
            re.split(r"(?<!\\)\|", row.strip()[1:].rstrip("|"))]


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
        width = min(self.size()[0] - 1, 100)
        lines = []
        for line in text.splitlines() or [""]:
            line = COMMAND.sub(lambda found: found[0].replace(" ", "\0"), line)
            lines += textwrap.wrap(line, width, subsequent_indent=indent,
                                   break_long_words=False,
                                   break_on_hyphens=False) or [""]
        return "\n".join(lines).replace("\0", " ")

    def table_row(self, line, heads):
        """A row of a table that does not fit: a line for each cell."""
        cells = cells_of(line)
        lines = [self.wrap("- " + cells[0], "  ")]
        for head, cell in zip(heads[1:], cells[1:]):
            text = f"({head}) {cell}" if head and len(heads) > 2 else cell
            lines.append(self.wrap("    " + text, "    "))
        return lines

    def wrap_tables(self, text):
        """Tables that are too wide for the terminal become lists."""
        width = min(self.size()[0] - 1, 100)
        lines = []
        for is_table, group in itertools.groupby(
                text.splitlines(), lambda line: line.startswith("|")):
            group = list(group)
            if not is_table or max(map(len, group)) <= width or \
                    not re.fullmatch(r"[|: -]+", "".join(group[1:2])):
                lines += group
                continue
            lines += [line for row in group[2:]
                      for line in self.table_row(row, cells_of(group[0]))]
        return "\n".join(lines)

    def wrap_page(self, text):
        """A page of Markdown: paragraphs and lists folded, the rest as is."""
        lines, paragraph, code = [], "", False

        def end_paragraph():
            nonlocal paragraph
            bullet = re.match(r" *(?:[-*]|\d+\.) +", paragraph)
            if paragraph:
                lines.append(self.wrap(paragraph, " " * len(bullet[0])
                                       if bullet else ""))
            paragraph = ""

        for line in self.wrap_tables(text).splitlines():
            fence = line.startswith("```")
            as_it_is = code or fence or not line.strip() or \
                line.startswith(("|", "    ", "#", "<"))
            if as_it_is or re.match(r" *(?:[-*]|\d+\.) ", line):
                end_paragraph()
            if as_it_is:
                lines.append(line)
                code ^= fence
            else:
                paragraph += (" " if paragraph else "") + \
                    (line.strip() if paragraph else line)
        end_paragraph()
        return "\n".join(lines)

    def show_page(self, text, prompt=""):
        """Fold it, and on a terminal give it to the user's pager. less shows
        the prompt, in which only letters, commas and blanks may be."""
        text = self.wrap_page(text) if self.stream.isatty() else text
        pager = os.environ.get("PAGER") or "less"
        if self.may_redraw and shutil.which(pager.split()[0]) and \
                text.count("\n") >= self.size()[1]:
            subprocess.run(pager, shell=True, input=text.encode(),
                           env=dict(os.environ, LESS=f"FRXPs{prompt}$",
                                    LESSCHARSET="utf-8"), check=False)
        else:
            self.say(text)

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
