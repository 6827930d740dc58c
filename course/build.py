# SPDX-License-Identifier: MIT
"""Builds the check program of an answer, and the plain program for `cc`."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile

import lessons
import transplant

LANGUAGE = ["-std=c11", "-D_GNU_SOURCE", "-pthread"]
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-function",
            "-Werror=implicit-function-declaration", "-Werror=return-type",
            "-Werror=incompatible-pointer-types", "-Werror=int-conversion"]
MEASURE = ["-O0", "-g", "-fno-omit-frame-pointer", "-no-pie"]
SANITIZERS = {
    "asan": ["-O1", "-g", "-fno-omit-frame-pointer",
             "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "tsan": ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=thread",
             "-DLESSON_QUIET=1"],
}
SECONDS = 120  # a compiler that takes longer is ended


def first_line(log, path):
    """The line of the first error in this file, or 0."""
    found = re.search(re.escape(path) + r":(\d+):(?:\d+:)? (?:fatal )?error",
                      log)
    return int(found[1]) if found else 0


class Folder:
    """A build folder of its own, gone at the end of `with`; those that killed
    processes have left are removed."""

    def __init__(self, work=None):
        self.base = os.path.join(work, ".build") if work else \
            tempfile.gettempdir()
        os.makedirs(self.base, exist_ok=True)

    def __enter__(self):
        for name in os.listdir(self.base):
            words = re.fullmatch(r"check-(\d+)-.*", name)
            if words and not os.path.exists(f"/proc/{words[1]}"):
                shutil.rmtree(os.path.join(self.base, name),
                              ignore_errors=True)
        self.path = tempfile.mkdtemp(prefix=f"check-{os.getpid()}-",
                                     dir=self.base)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def write_files(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


class Compiler:
    """One compiler process; several may run at once."""

    def __init__(self, cc, flags, sources, output, folder):
        self.log_path = output + ".log"
        self.output = output
        command = shlex.split(cc) + LANGUAGE + flags + [
            "-I", os.path.dirname(sources[0]),
            "-I", os.path.join(lessons.ROOT, "lessons"),
            "-o", output] + sources
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
                env=dict(os.environ, LC_ALL="C.UTF-8"))

    def wait(self):
        """True if it has built; the log is there either way."""
        try:
            return self.process.wait(SECONDS) == 0
        except subprocess.TimeoutExpired:
            self.stop()
            return False

    def stop(self):
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, 9)
            except ProcessLookupError:
                pass
            self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()


class Build:
    """The check program of one answer, in a folder."""

    def __init__(self, lesson, made, folder, cc="cc", kinds=("check",)):
        self.lesson, self.made, self.folder, self.cc = lesson, made, folder, cc
        self.compilers = {}
        files = transplant.check_files(lesson, made)
        write_files(folder, files)
        for kind in kinds:
            self.start(kind)

    def path(self, name):
        return os.path.join(self.folder, self.lesson.folder, name)

    def start(self, kind):
        """Start to build "check", "asan" or "tsan"."""
        output = os.path.join(self.folder, kind)
        if kind == "check":
            program = self.path(f"check_{self.lesson.number}.c")
            self.compilers["probe.o"] = Compiler(
                self.cc, MEASURE + ["-w", "-c"], [self.path("probe.c")],
                os.path.join(self.folder, "probe.o"), self.folder)
            self.compilers["check.o"] = Compiler(
                self.cc, MEASURE + WARNINGS + ["-c"], [program],
                os.path.join(self.folder, "check.o"), self.folder)
        else:
            self.compilers[kind] = Compiler(
                self.cc, SANITIZERS[kind] + ["-w"],
                [os.path.join(self.folder, "plain", self.lesson.folder,
                              "lesson.c")], output, self.folder)

    def finish(self, kind):
        """Wait for it. Returns the path of the program, or None: see log()."""
        output = os.path.join(self.folder, kind)
        if kind != "check":
            return output if self.compilers[kind].wait() else None
        parts = [self.compilers["check.o"], self.compilers["probe.o"]]
        if not all([part.wait() for part in parts]):
            return None
        self.compilers["link"] = Compiler(
            self.cc, MEASURE + ["-Wl,-z,now"],
            [part.output for part in parts] + ["-ldl"], output, self.folder)
        return output if self.compilers["link"].wait() else None

    def can(self, kind):
        """Whether the compiler has this sanitizer at all."""
        path = self.path("empty.c")
        write_files(self.folder, {path: "int main(void) { return 0; }\n"})
        return Compiler(self.cc, SANITIZERS[kind], [path],
                        os.path.join(self.folder, "empty"),
                        self.folder).wait()

    def log(self):
        """What the compilers said, in the learner's words."""
        text = "".join(compiler.log() for compiler in self.compilers.values())
        text = text.replace(f"probe_{self.made.word}_", "probe_")
        return text.replace(self.folder + "/", "")

    def stop(self):
        for compiler in self.compilers.values():
            compiler.stop()
