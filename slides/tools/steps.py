# SPDX-License-Identifier: MIT
"""The step pages that slides open: a run of a solution, recorded once."""
import json
import os
import subprocess
import sys

from quote import ROOT

PROGRAM = os.path.join(ROOT, "course", "solution_steps.py")


class Failed(Exception):
    """A page could not be made, for this reason."""


def work_folder():
    """Where recordings are kept, as `./reveil lesson` chooses it."""
    return os.path.abspath(os.environ.get("REVEIL_WORK") or
                           os.path.join(ROOT, "work"))


def wanted(decks):
    """{lesson: texts of the steps that slides open}"""
    found = {}
    for deck in decks:
        for slide in deck.slides:
            for part in slide.parts:
                if getattr(part, "kind", "") == "step":
                    found.setdefault(part.text, set()).add(part.alt)
    return {lesson: sorted(texts) for lesson, texts in found.items()}


def make(lesson, texts, folder):
    """Write folder/LESSON.html. Returns {(lesson, text): step number}, empty
    where this lesson cannot run on this machine."""
    command = [sys.executable, PROGRAM, lesson, "--work", work_folder()]
    for text in texts:
        command += ["--has", text]
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 3:
        return {}
    if done.returncode:
        raise Failed(done.stderr.strip() or f"status {done.returncode}")
    made = json.loads(done.stdout)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, lesson + ".html"), "w",
              encoding="utf-8") as file:
        file.write(made["page"])
    return {(lesson, text): number
            for text, number in made["numbers"].items()}
