# SPDX-License-Identifier: MIT
"""Builds the library for the lessons that use it: once for each state of the
tree, compiler and sanitizer, into the work folder.

    path = library.build(work, "cc", "check", progress=lambda done, all: ...)

A build that is stopped half-way loses nothing: the next one goes on from the
files that are compiled.

The sources are those that src/meson.build lists. Neither meson nor a build of
it is needed: the flags here are the course's own.
"""
import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time

import lessons

SOURCE = os.path.join(lessons.ROOT, "src")
INCLUDE = os.path.join(lessons.ROOT, "include")
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-pthread", "-w",
         "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls",
         "-fstack-clash-protection"]
KINDS = {
    "check": ["-O1", "-g1", "-no-pie"],
    "asan": ["-O1", "-g1", "-fsanitize=address,undefined",
             "-fno-sanitize-recover=all"],
    "tsan": ["-O1", "-g1", "-fsanitize=thread"],
}
# What runs on a bare thread calls nothing, as in src/meson.build.
BARE = "thread/bare.c"
BARE_FLAGS = ["-ffreestanding", "-fno-builtin", "-fno-stack-protector",
              "-fno-tree-loop-distribute-patterns", "-fno-sanitize=all"]
SECONDS = 300  # for one file, on a machine that does other things too
POLL_SECONDS = 0.05  # between two looks at whether to stop


class Failed(Exception):
    """The library does not build here; the text is the compiler's."""


class Stopped(Exception):
    """The build was stopped by its caller, and goes on at the next."""


def sources():
    """The files of library_sources, from the root of src/."""
    with open(os.path.join(SOURCE, "meson.build"), encoding="utf-8") as file:
        text = file.read()
    listed = text[text.index("library_sources = "):text.index("\nif ")]
    return re.findall(r"'([\w/]+\.[cS])'", listed) + [BARE]


@functools.lru_cache(None)
def tree_hash():
    """Of all that the library is made of."""
    digest = hashlib.sha256(repr((FLAGS, KINDS, BARE_FLAGS)).encode())
    for top in (SOURCE, INCLUDE):
        for where, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(where, name)
                digest.update(os.path.relpath(path, top).encode())
                with open(path, "rb") as file:
                    digest.update(file.read())
    return digest.hexdigest()


@functools.lru_cache(None)
def compiler_hash(cc):
    """Of the compiler's program, its arguments and its version. `cc` and `gcc`
    are often one program, which only says its name differently."""
    program, *arguments = shlex.split(cc)
    said = subprocess.run([program, *arguments, "--version"], check=False,
                          capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL).stdout
    path = os.path.realpath(shutil.which(program) or program)
    return hashlib.sha256(repr(
        (path, arguments, said.partition(b" ")[2])).encode()).hexdigest()


def path_of(work, cc="cc", kind="check"):
    """Where the archive of this tree, compiler and kind is, or will be."""
    return os.path.join(work, ".build", f"library-{kind}-"
                        f"{compiler_hash(cc)[:6]}-{tree_hash()[:10]}.a")


def is_built(work, cc="cc", kind="check"):
    return os.path.exists(path_of(work, cc, kind))


def check_stop(stop):
    if stop and stop.is_set():
        raise Stopped()


@contextlib.contextmanager
def locked(path, stop):
    """One builder at a time; the others wait, and find it built."""
    with open(path, "w", encoding="ascii") as file:
        while True:
            check_stop(stop)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(POLL_SECONDS)
        yield


def objects_folder(path):
    """Where the object files of this archive are while it is built."""
    return path[:-len(".a")]


def remove_old(path):
    """What is left of earlier states of the tree, of the same compiler and
    kind."""
    folder, name = os.path.split(path)
    same = name[:name.rindex("-") + 1]
    keep = (name, objects_folder(name), same + "lock")
    for one in os.listdir(folder):
        if one.startswith(same) and one not in keep:
            whole = os.path.join(folder, one)
            if os.path.isdir(whole):
                shutil.rmtree(whole, ignore_errors=True)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(whole)


def build(work, cc="cc", kind="check", progress=None, stop=None):
    """The path of the archive, which is built now if it is not there.

    progress(done, all): after each file. stop: a threading.Event; once it is
    set, the compilers are ended and Stopped is raised. Raises Failed."""
    path = path_of(work, cc, kind)
    if os.path.exists(path):
        return path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with locked(path[:path.rindex("-") + 1] + "lock", stop):
        if not os.path.exists(path):
            remove_old(path)
            folder = objects_folder(path)
            os.makedirs(folder, exist_ok=True)
            compile_all(folder, cc, kind, progress, stop)
            os.replace(os.path.join(folder, "library.a"), path)
            shutil.rmtree(folder, ignore_errors=True)
    return path


@functools.lru_cache(None)
def has(cc, flag):
    """Whether the compiler knows this flag."""
    return subprocess.run(
        [*shlex.split(cc), flag, "-Werror", "-fsyntax-only", "-xc",
         os.devnull], check=False, capture_output=True, timeout=60,
        stdin=subprocess.DEVNULL).returncode == 0


def command_of(cc, kind, name, output):
    flags = FLAGS + KINDS[kind] + (BARE_FLAGS if name == BARE else [])
    flags = [flag for flag in flags if flag.startswith(("-fsanitize=", "-D"))
             or has(cc, flag)]
    return shlex.split(cc) + flags + [
        "-I", INCLUDE, "-I", SOURCE, "-c", os.path.join(SOURCE, name),
        "-o", output]


class Compiler:
    """One compiler process. Its object file gets its name when it is whole."""

    def __init__(self, cc, kind, name, output):
        self.name, self.output = name, output
        # A name of its own: the compiler of a killed build may still write.
        self.part = f"{output}.{os.getpid()}.part"
        with open(output + ".log", "wb") as log:
            self.process = subprocess.Popen(
                command_of(cc, kind, name, self.part), stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True)

    def wait(self, stop):
        """Until it has built; raises Failed or Stopped."""
        end = time.monotonic() + SECONDS
        while True:
            check_stop(stop)
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self.process.wait(POLL_SECONDS):
                    raise Failed(f"src/{self.name}\n{self.log()}")
                os.replace(self.part, self.output)
                return
            if time.monotonic() > end:
                raise Failed(f"src/{self.name}: {SECONDS} s")

    def log(self):
        with open(self.output + ".log", encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def end(self):
        """The compiler and the processes that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def compile_all(folder, cc, kind, progress, stop):
    names, running = sources(), []
    objects = {name: os.path.join(folder, name.replace("/", "-") + ".o")
               for name in names}
    waiting = [name for name in names if not os.path.exists(objects[name])]
    try:
        while waiting or running:
            while waiting and len(running) < max(2, os.cpu_count() or 1):
                name = waiting.pop(0)
                running.append(Compiler(cc, kind, name, objects[name]))
            running[0].wait(stop)
            running.pop(0)
            if progress:
                progress(len(names) - len(waiting) - len(running), len(names))
        archive = os.path.join(folder, "library.a")
        with contextlib.suppress(FileNotFoundError):
            os.remove(archive)
        subprocess.run(["ar", "rcs", archive, *objects.values()], check=True,
                       timeout=SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(str(error)) from error
    finally:
        for compiler in running:
            compiler.end()
