# SPDX-License-Identifier: MIT
"""What the learner has done: work/progress, a TOML file that this tool writes.

A section for each lesson: attempts, hints per TODO, predictions, and the hash
of the answer that passed. It is replaced by an atomic rename, under a lock, so
that `watch` in one terminal and `hint` in another lose nothing.
"""
import contextlib
import fcntl
import hashlib
import os
import tomllib


def hash_of(path):
    """The hash of an answer, or None if the file cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()[:16]
    except OSError:
        return None


def quote(text):
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else " " for c in escaped) + '"'


def write_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{quote(k)} = {write_value(v)}"
                          for k, v in value.items())
        return "{" + inner + "}"
    return quote(value)


def write_table(table):
    lines = ["# Written by ./reveil lesson. It may be deleted: then nothing",
             "# is known of what you did before."]
    for section in sorted(table):
        lines.append(f"\n[{quote(section)}]")
        for key, value in table[section].items():
            if value is not None:
                lines.append(f"{key} = {write_value(value)}")
    return "\n".join(lines) + "\n"


class Progress:
    """The file, read anew for each question: another terminal may write it."""

    def __init__(self, work):
        self.work = work
        self.path = os.path.join(work, "progress")

    def read(self):
        try:
            with open(self.path, "rb") as file:
                return tomllib.load(file)
        except OSError:
            return {}
        except tomllib.TOMLDecodeError:
            return self.set_aside()

    def set_aside(self):
        """Keep a file that was damaged, and begin anew."""
        with contextlib.suppress(OSError):
            os.replace(self.path, self.path + ".damaged")
        return {}

    def of(self, number):
        return self.read().get(number, {})

    @contextlib.contextmanager
    def change(self, number):
        """The lesson's section, written back when the block ends."""
        os.makedirs(self.work, exist_ok=True)
        with open(self.path + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = self.read()
            yield table.setdefault(number, {})
            self.replace(table)

    def replace(self, table):
        temporary = f"{self.path}.{os.getpid()}"
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(write_table(table))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
