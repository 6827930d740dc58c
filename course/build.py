# SPDX-License-Identifier: MIT
"""Builds the check program of an answer, and the plain program for `cc`."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading

import diagnostics
import lessons
import library
import recorder
import transplant

LANGUAGE = ["-std=c11", "-D_GNU_SOURCE", "-pthread"]
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-function",
            "-Werror=implicit-function-declaration", "-Werror=return-type",
            "-Werror=incompatible-pointer-types", "-Werror=int-conversion"]
MEASURE = ["-O0", "-g", "-fno-omit-frame-pointer", "-no-pie"]
# Variables stay in registers and calls are left out: what an asm statement does
# not say of itself shows. With gcc, if it is there: clang takes more for granted,
# as if each statement were volatile and changed memory.
OPTIMISED = ["-O2"] + MEASURE[1:]
SANITIZERS = {
    "asan": ["-O1", "-g", "-fno-omit-frame-pointer",
             "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "tsan": ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=thread",
             "-DLESSON_QUIET=1"],
}
# The compiler calls a function of native/atomic_points.c at each atomic step.
ATOMICS = ["-fsanitize=thread"]
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


def quotable(folder, path):
    """Let the compiler find the learner's file by the path that it is told:
    then its messages quote the line."""
    file, there = os.path.join(lessons.ROOT, path), os.path.join(folder, path)
    if not os.path.isabs(path) and os.path.isfile(file) and \
            not os.path.lexists(there):
        os.makedirs(os.path.dirname(there), exist_ok=True)
        os.symlink(file, there)


class Compiler:
    """One compiler process; several may run at once."""

    def __init__(self, cc, flags, sources, output, folder, last=()):
        self.log_path = output + ".log"
        self.output = output
        command = shlex.split(cc) + LANGUAGE + flags + [
            "-I", os.path.dirname(sources[0]),
            "-I", os.path.join(lessons.ROOT, "lessons"),
            "-o", output] + sources + list(last)
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


# The functions of the library that the recorder stands in front of: it sees
# every event, and may delay the learner's calls (native/library.c).
WRAPPED = ["rv_trace_write", "rv_trace_name_thread", "rv_waker_wake",
           "rv_waker_clone", "rv_waker_drop", "rv_source_ready",
           "rv_source_clear", "rv_source_peek", "rv_parker_park", "rv_parker_unpark",
           "rv_spawn_at"]
WRAP = [f"-Wl,--wrap={name}" for name in WRAPPED]


class Build:
    """The check program of one answer, in a folder."""

    def __init__(self, lesson, made, folder, cc="cc", kinds=("check",),
                 work=None):
        self.lesson, self.made, self.folder, self.cc = lesson, made, folder, cc
        self.compilers = {}
        self.work = work if lesson.uses_library else None
        # What answers share is there; else it is compiled for this one.
        self.shared = os.path.join(work, ".build") if work else folder
        self.libraries = {}  # kind: a thread that builds the library
        self.stop_libraries = threading.Event()
        files = transplant.check_files(lesson, made)
        write_files(folder, files)
        quotable(folder, made.path)
        for kind in kinds:
            self.start(kind)

    def path(self, name):
        return os.path.join(self.folder, self.lesson.folder, name)

    def headers(self):
        return ["-I", library.INCLUDE] if self.work else []

    def start(self, kind):
        """Start to build "check", "asan" or "tsan"."""
        if kind == "check":
            self.start_recorder()
            atomics = self.lesson.expect.get("build", {}).get("atomics")
            source = f"check_{self.lesson.number}.c"
            self.compile("check", MEASURE + WARNINGS +
                         (ATOMICS if atomics else []), source)
            if self.lesson.optimised_cases:
                self.compile("optimised", OPTIMISED + ["-w"], source)
            return
        self.start_library(kind)
        self.compile(kind, SANITIZERS[kind] + ["-w"], os.path.join(
            self.folder, "plain", self.lesson.folder, "lesson.c"))

    def start_recorder(self):
        """Compile it, if no answer before has."""
        flags = MEASURE + ["-w"] + (["-DWITH_LIBRARY"] if self.work else [])
        self.recorder = recorder.path_of(self.shared, self.cc, flags,
                                         bool(self.work))
        if not os.path.exists(self.recorder):
            self.compile("recorder", flags, recorder.SOURCE)

    def finish_recorder(self):
        """Its object file with this answer's names; None: see log()."""
        output = os.path.join(self.folder, "probe.o")
        if os.path.exists(output):
            return output
        compiler = self.compilers.get("recorder.o")
        if compiler:
            if not compiler.wait():
                return None
            if self.work:
                recorder.put_code_apart(compiler.output, "recorder")
            recorder.keep(compiler.output, self.recorder)
        recorder.renamed(self.recorder, output, self.made.word)
        return output

    def compile(self, name, flags, source):
        output = os.path.join(self.folder, name + ".o")
        cc = name == "optimised" and shutil.which("gcc") or self.cc
        self.compilers[name + ".o"] = Compiler(
            cc, flags + self.headers() + ["-c"], [self.path(source)],
            output, self.folder)

    def start_library(self, kind):
        """Build the library of this kind beside other things, if it is not
        there."""
        if self.work and kind not in self.libraries:
            one = threading.Thread(target=self.try_library, args=[kind],
                                   daemon=True)
            self.libraries[kind] = one
            one.start()

    def try_library(self, kind):
        try:
            library.build(self.work, self.cc, kind, stop=self.stop_libraries)
        except library.Failed:
            pass  # finish() finds none: this compiler cannot do it
        except library.Stopped:
            pass  # the next check goes on with it

    def archive(self, kind):
        """[path] of the library; []: the lesson needs none; None: it does not
        build."""
        if not self.work:
            return []
        if kind in self.libraries:
            self.libraries[kind].join()
        path = library.path_of(self.work, self.cc, kind)
        return [path] if os.path.exists(path) else None

    def finish(self, kind):
        """Wait for it. Returns the path of the program, or None: see log()."""
        compiler, archive = self.compilers[kind + ".o"], self.archive(kind)
        objects, flags = [compiler.output], SANITIZERS.get(kind)
        if not flags:
            flags = MEASURE + ["-Wl,-z,now"] + (WRAP if self.work else [])
            objects.append(self.finish_recorder())
        if not compiler.wait() or archive is None or None in objects:
            return None
        if self.work and kind not in SANITIZERS:
            recorder.put_code_apart(objects[0], "own")
        output = os.path.join(self.folder, kind)
        self.compilers["link " + kind] = Compiler(
            self.cc, flags, objects, output, self.folder, archive + ["-ldl"])
        return output if self.compilers["link " + kind].wait() else None

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
        return diagnostics.in_order(text.replace(self.folder + "/", ""))

    def stop(self):
        """End what still builds: nothing of it runs after this."""
        self.stop_libraries.set()
        for compiler in self.compilers.values():
            compiler.stop()
        for one in self.libraries.values():
            one.join()
