# SPDX-License-Identifier: MIT
"""The recorder that a check program is linked with: native/probe.c, compiled
once for each compiler and state of its sources, and not for each answer.

Its names get the word of the answer's own that no region can know in the object
file: transplant.rename() does the same to the texts.
"""
import contextlib
import functools
import hashlib
import os
import re
import subprocess

import library
import transplant

SOURCE = os.path.join(transplant.NATIVE, "probe.c")
SECONDS = 120


@functools.lru_cache(None)
def texts():
    """The files that it is made of, as {name: text}."""
    found = {}
    for name in transplant.NATIVE_FILES:
        with open(os.path.join(transplant.NATIVE, name),
                  encoding="utf-8") as file:
            found[name] = file.read()
    return found


def path_of(folder, cc, flags, with_library):
    """Where the object file is, or will be, for this compiler."""
    parts = [texts(), flags, with_library and library.tree_hash()]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    kind = "library" if with_library else "plain"
    return os.path.join(folder, f"recorder-{kind}-"
                        f"{library.compiler_hash(cc)[:6]}-{digest[:10]}.o")


def objcopy(*arguments):
    subprocess.run(["objcopy", *arguments], check=True, timeout=SECONDS,
                   stdin=subprocess.DEVNULL)


def put_code_apart(path, name):
    """Put this object's code into a section of its own: the recorder tells the
    lesson's calls from the library's by where they come from."""
    objcopy("--rename-section", f".text=probe_{name}", path)


def keep(compiled, path):
    """The object file has been compiled: the next answer finds it. Those of
    earlier states of the sources are removed."""
    folder, name = os.path.split(path)
    os.replace(compiled, path)
    same = name[:name.rindex("-") + 1]
    for one in os.listdir(folder):
        if one.startswith(same) and one != name:
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(folder, one))


@functools.lru_cache(None)
def names():
    """What the texts call probe_ or PROBE_ something."""
    return sorted({name for text in texts().values()
                   for name in re.findall(r"\b(?:probe|PROBE)_\w+", text)})


def renamed(path, output, word):
    """Write it with the names of one answer."""
    table = output + ".names"
    with open(table, "w", encoding="ascii") as file:
        file.writelines(f"{name} {transplant.rename(name, word)}\n"
                        for name in names())
    objcopy("--redefine-syms=" + table, path, output)
