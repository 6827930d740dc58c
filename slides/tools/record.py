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

from quote import ROOT, SLIDES

PATHS = ["/600/HelloAsyncAwait", "/400/HelloAsyncAwait"]

# name: the arguments of ./reveil lesson run
RUNS = {
    "02": ["02", "--solution", *PATHS],
    "02-sleep": ["02", "--solution", "--", "--sleep", "350", *PATHS],
    "03": ["03", "--solution", *PATHS],
    "05": ["05", "--solution", *PATHS],
    "06": ["06", "--solution", *PATHS],
}


def run(name):
    """The lines of a run, the last ones of the tool left out."""
    with tempfile.TemporaryDirectory() as work:
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, "course"), "run", "--plain",
             "--lang", "en", "--work", work, *RUNS[name]],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300)
    lines = [line.rstrip() for line in done.stdout.splitlines()
             if re.match(r" *\d+\.\d ms  ", line)]
    if done.returncode or not lines:
        raise RuntimeError(f"{name}: status {done.returncode}\n{done.stdout}")
    return lines


def shape(lines):
    """What must be the same in each run: the texts, not times and counts."""
    return [re.sub(r"\d+(\.\d+)?", "N", re.sub(r"^ *\S+ ms +", "", line))
            for line in lines]


def record(names):
    for name in names or RUNS:
        path = os.path.join(SLIDES, "logs", name + ".log")
        with open(path, "w", encoding="utf-8") as file:
            file.write("$ ./reveil lesson run " + " ".join(RUNS[name]) + "\n")
            file.write("\n".join(run(name)) + "\n")
        print(path)
    return 0
