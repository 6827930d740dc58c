# SPDX-License-Identifier: MIT
"""The step pages that slides open: a run of a solution, recorded now."""
import os
import re
import subprocess
import sys
import tempfile

from quote import ROOT


def course(*words):
    return subprocess.run(
        [sys.executable, os.path.join(ROOT, "course"), *words], check=True,
        text=True, stdout=subprocess.PIPE, timeout=300).stdout


def wanted(decks):
    """{lesson: texts of the steps that slides open}"""
    found = {}
    for deck in decks:
        for slide in deck.slides:
            for part in slide.parts:
                if getattr(part, "kind", "") == "step":
                    found.setdefault(part.text, set()).add(part.alt)
    return found


def number_of(sentences, text):
    """The number of the first step whose English sentence has this text."""
    for match in re.finditer(r"^ *(\d+)\. (.*(?:\n    +[^\[].*)*)", sentences,
                             flags=re.M):
        if text in " ".join(match[2].split()):
            return int(match[1])
    raise RuntimeError(f"no step says {text!r}")


def make(decks, folder):
    """A page a lesson, in folder; returns {(lesson, text): step number}"""
    numbers = {}
    for lesson, texts in wanted(decks).items():
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            course("run", "--work", work, "--lang", "en", lesson, "--solution")
            sentences = course("step", lesson, "--solution", "--plain",
                               "--work", work, "--lang", "en")
            course("step", lesson, "--solution", "--work", work, "--lang",
                   "en", "-o", os.path.join(folder, lesson + ".html"))
        for text in texts:
            numbers[lesson, text] = number_of(sentences, text)
    return numbers
