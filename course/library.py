# SPDX-License-Identifier: MIT
"""Builds the library for the lessons that use it: once for each state of the
tree, compiler and sanitizer, into the work folder.

    path = library.build(work, "cc", "check", progress=lambda done, all: ...)

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
import subprocess
import tempfile

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


class Failed(Exception):
    """The library does not build here; the text is the compiler's."""


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
    """Of the compiler's name and version."""
    said = subprocess.run(shlex.split(cc) + ["--version"], check=False,
                          capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL).stdout
    return hashlib.sha256(cc.encode() + b"\0" + said).hexdigest()


def path_of(work, cc="cc", kind="check"):
    """Where the archive of this tree, compiler and kind is, or will be."""
    return os.path.join(work, ".build", f"library-{kind}-"
                        f"{compiler_hash(cc)[:6]}-{tree_hash()[:10]}.a")


def is_built(work, cc="cc", kind="check"):
    return os.path.exists(path_of(work, cc, kind))


@contextlib.contextmanager
def locked(path):
    """One builder at a time; the others wait, and find it built."""
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_old(path):
    """Archives of earlier states of the tree, of the same compiler and kind,
    and what killed builds have left."""
    folder, name = os.path.split(path)
    same = name[:name.rindex("-") + 1]
    for one in os.listdir(folder):
        if one.startswith(same) and one not in (name, same + "lock"):
            whole = os.path.join(folder, one)
            if os.path.isdir(whole):
                shutil.rmtree(whole, ignore_errors=True)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(whole)


def build(work, cc="cc", kind="check", progress=None):
    """The path of the archive, which is built now if it is not there.

    progress(done, all): after each file. Raises Failed."""
    path = path_of(work, cc, kind)
    if os.path.exists(path):
        return path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with locked(path[:path.rindex("-") + 1] + "lock"):
        if not os.path.exists(path):
            remove_old(path)
            folder = tempfile.mkdtemp(prefix=os.path.basename(
                path)[:-2] + "-", dir=os.path.dirname(path))
            try:
                compile_all(folder, cc, kind, progress)
                os.replace(os.path.join(folder, "library.a"), path)
            finally:
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


def start(cc, kind, name, folder):
    """(compiler's process, name, object file, log)"""
    output = os.path.join(folder, name.replace("/", "-") + ".o")
    with open(output + ".log", "wb") as log:
        process = subprocess.Popen(
            command_of(cc, kind, name, output), stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    return process, name, output


def compile_all(folder, cc, kind, progress):
    waiting, running, objects = sources(), [], []
    total = len(waiting)
    try:
        while waiting or running:
            while waiting and len(running) < max(2, os.cpu_count() or 1):
                running.append(start(cc, kind, waiting.pop(0), folder))
            process, name, output = running[0]
            if process.wait(SECONDS):
                with open(output + ".log", encoding="utf-8",
                          errors="replace") as log:
                    raise Failed(f"src/{name}\n{log.read()}")
            running.pop(0)
            objects.append(output)
            if progress:
                progress(len(objects), total)
        subprocess.run(["ar", "rcs", os.path.join(folder, "library.a"),
                        *objects], check=True, timeout=SECONDS,
                       stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(str(error)) from error
    finally:
        for process, _, _ in running:
            process.kill()
            process.wait()
