# SPDX-License-Identifier: MIT
"""The recorded logs of the live demos: slides/logs/NAME.log.

Each begins with the command that made it. A solution's run is recorded, so a
slide shows what the class sees when the demo is run.
"""
import os
import re
import subprocess
import sys
import tempfile
import textwrap

from quote import ROOT, SLIDES

HANG_S = 900  # a run takes seconds; a loaded machine is no hang
PATHS = ["/600/HelloAsyncAwait", "/400/HelloAsyncAwait"]

# name: the arguments of ./reveil lesson run
RUNS = {
    "02": ["02", "--solution", *PATHS],
    "02-sleep": ["02", "--solution", "--", "--sleep", "350", *PATHS],
    "04": ["04", "--solution"],
    "03": ["03", "--solution", *PATHS],
    "05": ["05", "--solution", *PATHS],
    "06": ["06", "--solution", *PATHS],
    "09": ["09", "--solution"],
    "10": ["10", "--solution"],
    "11": ["11", "--solution"],
    "12": ["12", "--solution"],
    "13": ["13", "--solution"],
    "14": ["14", "--solution"],
    "15": ["15", "--solution"],
    "16": ["16", "--solution"],
    "17": ["17", "--solution"],
    "18": ["18", "--solution"],
}

# name: the arguments of ./reveil lesson check, for an answer that is wrong
CHECKS = {
    "verdict": ["05", "--answer",
                "lessons/05-waker-executor/bugs/no-unpark.c"],
}

# name: a C program and its arguments, compiled and run
PROGRAMS = {
    "threads": ["slides/demos/threads.c", "10000"],
    "ground-1": ["lessons/00-ground/1-descriptor.c"],
    "ground-2": ["lessons/00-ground/2-eagain.c"],
    "ground-3": ["lessons/00-ground/3-epoll.c"],
    "ground-4": ["lessons/00-ground/4-function-pointer.c"],
    "ground-5": ["lessons/00-ground/5-state-machine.c"],
    "ground-6": ["lessons/00-ground/6-mutex-condition.c"],
}
NAMES = list(RUNS) + list(CHECKS) + list(PROGRAMS)


def command(name):
    """What to type to see the same, as the first line of the log says it."""
    if name in RUNS:
        return "$ ./reveil lesson run " + " ".join(RUNS[name])
    if name in CHECKS:
        return "$ ./reveil lesson check " + " ".join(CHECKS[name])
    source, *arguments = PROGRAMS[name]
    return f"$ cc -D_GNU_SOURCE -pthread -o /tmp/demo {source} && " + \
        " ".join(["/tmp/demo", *arguments])


class Elsewhere(Exception):
    """The lesson cannot run on this machine, for this reason."""


def run_program(name, work):
    source, *arguments = PROGRAMS[name]
    with tempfile.TemporaryDirectory(dir=work) as folder:
        program = os.path.join(folder, "demo")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-pthread", "-o", program,
                        os.path.join(ROOT, source)], check=True)
        return subprocess.run([program, *arguments], check=True, text=True,
                              stdout=subprocess.PIPE,
                              timeout=HANG_S).stdout.splitlines()


def lesson(command, words, work):
    """What ./reveil lesson prints."""
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, "course"), command, "--plain",
         "--lang", "en", "--work", work, *words], cwd=ROOT, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=HANG_S)
    if done.returncode == 3:
        raise Elsewhere(done.stdout.strip())
    return done


def run_check(name, work):
    """What the verdict says, from `what:` to `where:`."""
    done = lesson("check", CHECKS[name], work)
    found = re.search(r"^what: .*?^where: .*?$", done.stdout, re.S | re.M)
    if not found:
        raise RuntimeError(f"{name}: no verdict\n{done.stdout}")
    parts = re.split(r"\n(?! )", found[0])
    return [line for part in parts for line in textwrap.wrap(
        " ".join(part.split()), 72, subsequent_indent=" " * 6)]


def run(name, work):
    """The lines of a run, the last ones of the tool left out. What is built
    for it stays in work."""
    if name in PROGRAMS:
        return run_program(name, work)
    if name in CHECKS:
        return run_check(name, work)
    done = lesson("run", RUNS[name], work)
    lines = [line.rstrip() for line in done.stdout.splitlines()
             if re.match(r" *\d+\.\d ms  ", line)]
    if done.returncode or not lines:
        raise RuntimeError(f"{name}: status {done.returncode}\n{done.stdout}")
    return lines


def shape(lines):
    """What must be the same in each run: the texts, not times and counts."""
    lines = [re.sub(r"\b[0-9a-f]{12}\b", "N", line) for line in lines]
    lines = [re.sub(r"\d+(\.\d+)?", "N", re.sub(r"^ *\S+ ms +", "", line))
             for line in lines]
    lines = [re.sub(r"\bN times?\b", "N times", line) for line in lines]
    return [re.sub(r" +N", " N", line) for line in lines]  # right-aligned


def record(names):
    with tempfile.TemporaryDirectory() as work:
        for name in names or NAMES:
            lines = [command(name), *run(name, work)]
            path = os.path.join(SLIDES, "logs", name + ".log")
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            print(path)
    return 0
