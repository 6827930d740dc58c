# SPDX-License-Identifier: MIT
"""A .mutant file: what it breaks, where it must be seen, and as what."""

import re
import shlex
import signal

VARIANTS = ("native", "tsan")


class Trouble(Exception):
    """A mutant that cannot be tried."""


class Seen:
    """How one attempt ended."""

    def __init__(self, status=0, text="", hang=False):
        self.status = status  # as subprocess has it: negative for a signal
        self.text = text  # stderr
        self.hang = hang  # confirmed with nothing else running

    def passed(self):
        return not self.hang and self.status == 0

    def words(self):
        """The line of it that says what went wrong, for the report."""
        last = last_word(self.text)
        if self.hang:
            how = "hang"
        elif self.status < 0:
            how = f"signal {signal_name(-self.status)}"
        else:
            how = "" if last else f"exit {self.status}"
        return ", ".join(word for word in (how, last) if word)


def signal_name(number):
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def last_word(stderr):
    """The line that says what went wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for line in lines:
        if line.startswith("SUMMARY: "):
            return line[len("SUMMARY: "):]
    for line in lines:
        if not line.startswith("="):
            return line.replace("tests/stress/", "")
    return ""


class Expected:
    """What kills a mutant: WORDS | WORDS ..., each all of its words.

    Words: "text" on stderr, `hang`, `signal NAME`, `exit NUMBER`.
    """

    def __init__(self, line):
        self.line = line.strip()
        self.ways = []
        for way in re.split(r"\|(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", self.line):
            self.ways.append(self.parse(way))

    @staticmethod
    def parse(way):
        tests = []
        # Outside of quotes a word is one of these; nothing else is a text, so
        # that a slip of the pen is not looked for on stderr.
        words = shlex.shlex(way, posix=False, punctuation_chars=False)
        words.whitespace_split = True
        words.commenters = ""
        words = list(words)
        while words:
            word = words.pop(0)
            if word[0] == '"' and word[-1] == '"' and len(word) > 2:
                tests.append(("text", word[1:-1]))
            elif word == "hang":
                tests.append(("hang", True))
            elif word == "signal":
                name = words.pop(0)
                tests.append(("signal", signal.Signals["SIG" + name].value))
            elif word == "exit":
                tests.append(("exit", int(words.pop(0))))
            else:
                raise ValueError(f"what is '{word}'?")
        if not tests:
            raise ValueError("a run says what must be seen")
        return tests

    def meets(self, seen):
        """Whether this is what the file says; a run that passed never is."""
        if seen.passed():
            return False
        held = {
            "text": lambda text: text in seen.text,
            "hang": lambda _: seen.hang,
            "signal": lambda number: not seen.hang and seen.status == -number,
            "exit": lambda status: not seen.hang and seen.status == status,
        }
        return any(
            all(held[kind](value) for kind, value in way) for way in self.ways
        )


class Run:
    """One line `red`: a program, how it is built, its COUNT or COUNT:PHASE."""

    def __init__(self, line):
        _, self.program, self.variant, count, *rest = line.split(None, 4)
        if self.variant not in VARIANTS:
            raise ValueError(f"what is '{self.variant}'?")
        count, colon, phase = count.partition(":")
        if colon and not phase:
            raise ValueError(f"no phase after '{count}:'")
        self.count = str(int(count)) + colon + phase
        self.expected = Expected(rest[0] if rest else "")

    def key(self):
        return self.program, self.variant, self.count


class Mutant:
    """One .mutant file."""

    def __init__(self, path):
        self.name = path.stem
        self.source = None
        self.runs = []
        self.edits = []
        try:
            self.parse(path.read_text(encoding="utf-8").splitlines())
        except (ValueError, IndexError, KeyError) as error:
            raise Trouble(f"{path.name}: {error}") from error
        if not (self.source and self.runs and self.edits):
            raise Trouble(f"{path.name}: needs in, red, replace and with")

    def parse(self, lines):
        block = None
        for line in lines:
            words = line.split()
            if line.startswith((" ", "\t")) or not words:
                if block is not None:
                    block.append(line)
                continue
            block = None
            if words[0] == "in":
                self.source = words[1]
            elif words[0] == "red":
                self.runs.append(Run(line))
            elif words[0] == "replace":
                block = []
                self.edits.append((block, []))
            elif words[0] == "with":
                block = self.edits[-1][1]
            elif not line.startswith("#"):
                raise ValueError(f"what is '{line}'?")

    def text(self, tree):
        """The source with the edits made."""
        text = (tree / self.source).read_text(encoding="utf-8")
        for old, new in self.edits:
            words = " ".join(old).split()
            if not words:
                raise Trouble("an empty replace")
            pattern = re.compile(r"\s+".join(re.escape(w) for w in words))
            found = len(pattern.findall(text))
            if found != 1:
                raise Trouble(
                    f"does not apply: '{words[0]} "
                    f"{words[1] if words[1:] else ''}"
                    f"...' is {found} times in {self.source}"
                )
            text = pattern.sub(lambda _, new=new: "\n".join(new), text)
        return text
