# SPDX-License-Identifier: MIT
"""The lessons of the tree: lessons/NN-name/, in order."""
import ctypes
import functools
import os
import platform
import re
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
FOLDER = os.path.join(ROOT, "lessons")
MACHINE = platform.machine()
NAME = re.compile(r"(\d\d)-([a-z0-9-]+)")
HINT = re.compile(r"##\s+(\d+\.\w+)")


def read(path, default=None):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        if default is None:
            raise
        return default


@functools.lru_cache(None)
def has_io_uring():
    """Whether programs may make a ring here."""
    libc = ctypes.CDLL(None, use_errno=True)
    asked = ctypes.create_string_buffer(120)
    fd = libc.syscall(425, 4, asked)  # io_uring_setup, on every machine
    if fd < 0:
        return False
    os.close(fd)
    return True


HAS = {"io_uring": has_io_uring}


@functools.lru_cache(None)
def table_of(text):
    """TOML text as a table, which nobody changes: each run of a program asks
    for it again, and to read it takes longer than to judge the run."""
    return tomllib.loads(text)


def comments_of(folder):
    """Of the C files there: English comment, white space folded -> French."""
    table = table_of(read(os.path.join(folder, "comments.fr.toml"), ""))
    return {" ".join(key.split()): text for key, text in table.items()}


class Lesson:
    """One folder of lessons/; its files are read when they are asked for."""

    def __init__(self, path):
        self.path = path
        self.folder = os.path.basename(path)
        self.number, self.name = NAME.fullmatch(self.folder).groups()

    def __repr__(self):
        return f"Lesson({self.folder})"

    def file(self, name):
        return os.path.join(self.path, name)

    def text(self, name, default=None):
        return read(self.file(name), default)

    def table(self, name):
        return table_of(self.text(name, ""))

    @property
    def has_program(self):
        return os.path.exists(self.file("lesson.c"))

    @property
    def predict(self):
        return self.table("predict.toml")

    @property
    def expect(self):
        return self.table("expect.toml")

    @property
    def optimised_cases(self):
        """The names of the cases that run in a program compiled with -O2."""
        return {case["name"] for case in self.expect.get("case", [])
                if case.get("optimised")}

    @property
    def uses_library(self):
        """Whether its programs are linked with the library."""
        return bool(self.expect.get("build", {}).get("library"))

    @property
    def elsewhere(self):
        """{"en", "fr"}: why it cannot be run on this machine; None: it can.
        ([build] machine = "x86_64", needs = ["io_uring"],
        elsewhere = {en = , fr = })"""
        asked = self.expect.get("build", {})
        if asked.get("machine", MACHINE) == MACHINE and \
                all(HAS[what]() for what in asked.get("needs", [])):
            return None
        return asked["elsewhere"]

    @property
    def comments(self):
        return comments_of(self.path)

    def readme_path(self, language):
        name = "README.fr.md" if language == "fr" else "README.md"
        return self.file(name)

    def readme(self, language):
        return self.text(os.path.basename(self.readme_path(language)))

    def hints(self, language):
        """{"5.1": [where, what, the line]}"""
        name = "hints.fr.md" if language == "fr" else "hints.md"
        hints, levels = {}, None
        for line in self.text(name, "").splitlines():
            head = HINT.match(line)
            level = re.match(r"([1-3])\.\s+(.*)", line)
            if head:
                levels = hints.setdefault(head[1], [])
            elif levels is not None and level:
                levels.append(level[2])
            elif levels and (line.startswith(" ") or not line.strip()):
                levels[-1] += "\n" + re.sub(r"^ {1,3}", "", line)
        return {key: [text.strip() for text in levels]
                for key, levels in hints.items()}

    def answers(self, kind):
        """The files of bugs/ or alike/, sorted."""
        folder = self.file(kind)
        if not os.path.isdir(folder):
            return []
        return [os.path.join(folder, name)
                for name in sorted(os.listdir(folder)) if name.endswith(".c")]


def all_lessons(folder=None):
    folder = folder or FOLDER
    return [Lesson(os.path.join(folder, name))
            for name in sorted(os.listdir(folder))
            if NAME.fullmatch(name) and
            (os.path.exists(os.path.join(folder, name, "README.md")) or
             os.path.exists(os.path.join(folder, name, "lesson.c")))]


def find(name, folder=None):
    """By "5", "05", "05-waker-executor" or "waker-executor"; None."""
    for lesson in all_lessons(folder):
        if name in (lesson.folder, lesson.name) or (
                name.isdigit() and int(name) == int(lesson.number)):
            return lesson
    return None
