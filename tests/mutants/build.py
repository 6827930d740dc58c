# SPDX-License-Identifier: MIT
"""Compiles a copy of the tree once, and of each mutant what it changes."""

import concurrent.futures
import functools
import os
import pathlib
import platform
import re
import shlex
import shutil
import subprocess

from mutant import Trouble

CC = shlex.split(os.environ.get("CC", "gcc"))
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-DRV_TESTING", "-w", "-I", "include", "-I", "src",
         "-I", "tests"]
VARIANTS = {
    "native": ["-O1"],
    "tsan": ["-O1", "-g", "-fsanitize=thread"],
}


def result_of(future):
    """Python does not hear a signal that comes just before a wait: so none is
    for long."""
    while not concurrent.futures.wait([future], timeout=0.1).done:
        pass
    return future.result()


class Builder:
    """Compiles a copy of the tree, once for each variant, and mutants."""

    def __init__(self, root, work, pool, floor):
        self.floor = floor
        self.work = work
        self.tree = work / "tree"
        for folder in ("include", "src", "tests/stress", "tests/support"):
            shutil.copytree(root / folder, self.tree / folder)
        self.pool = pool
        self.objects = {}  # (variant, source) -> object file

    def command(self, arguments):
        process = self.floor.start(
            arguments,
            cwd=self.tree,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        _, errors = process.communicate()
        self.floor.forget(process.pid)
        if process.returncode:
            raise Trouble("does not compile:\n" + errors)

    def compile(self, variant, source, path=None, name=None, first=()):
        """first: flags before all others."""
        name = name or source.replace("/", "_")
        out = self.work / f"{variant}-{name}.o"
        flags = list(first) + FLAGS + VARIANTS[variant]
        arguments = CC + flags + ["-c", str(path or source), "-o", str(out)]
        self.command(arguments)
        return out

    def compile_intact(self, needed):
        """needed: pairs of variant and source."""
        futures = {
            pair: self.pool.submit(self.compile, *pair)
            for pair in sorted(needed)
        }
        for pair, future in futures.items():
            self.objects[pair] = result_of(future)

    def compile_mutant(self, variant, mutant, program):
        """Returns: the objects that take the intact ones' slots."""
        text = mutant.text(self.tree)
        if not mutant.source.endswith(".h"):
            path = self.work / mutant.name / mutant.source
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            built = self.compile(variant, mutant.source, path, mutant.name)
            return {mutant.source: built}
        # A header comes first on the path of all that may include it.
        overlay = self.work / mutant.name
        path = overlay / pathlib.Path(mutant.source).relative_to("src")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        header = str(path.relative_to(overlay))
        test = f"tests/stress/{program}.c"
        return {
            source: self.compile(
                variant,
                source,
                name=f"{mutant.name}-{source.replace('/', '_')}",
                first=["-I", str(overlay)],
            )
            for source in self.library() + [test]
            if header in self.headers_of(source)
        }

    @functools.cache
    def headers_of(self, source):
        """The headers of src/ that it includes, also through others."""
        text = (self.tree / source).read_text(encoding="utf-8")
        found = set(re.findall(r'^#include "([^"]+)"', text, re.MULTILINE))
        for header in sorted(found):
            if (self.tree / "src" / header).exists():
                found |= self.headers_of(f"src/{header}")
        return found

    def link(self, variant, program, mutated=None, name="intact"):
        """mutated: objects that take the places of the intact ones."""
        test = f"tests/stress/{program}.c"
        objects = [
            (mutated or {}).get(source) or self.objects[variant, source]
            for source in self.library() + [test]
        ]
        out = self.work / f"{variant}-{name}-{program}"
        self.command(
            CC
            + VARIANTS[variant]
            + [str(o) for o in objects]
            + ["-o", str(out), "-lpthread"]
        )
        return out

    def library(self):
        """All sources but those of the program and of another machine."""
        paths = [
            path.relative_to(self.tree)
            for suffix in ("*.c", "*.S")
            for path in sorted((self.tree / "src").rglob(suffix))
        ]
        # FOLDER/NAME_MACHINE.S, as src/meson.build chooses them; a switch in
        # assembly takes the place of the one in C.
        machine = "_" + platform.machine()
        bare = [p.stem for p in paths if p.stem == "switch" + machine]
        return [
            str(path)
            for path in paths
            if path.parts[1] != "cli"
            and (path.suffix != ".S" or path.stem.endswith(machine))
            and not (bare and path.stem == "switch_ucontext")
        ]

    def without_paths(self, text, name="tree"):
        """What a program says, without the folder of the copy."""
        return text.replace(f"{self.tree}/", "").replace(
            f"{self.work / name}/", ""
        )
