#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The step page of a lesson's solution, and where in it a step is.

    solution_steps.py LESSON --work DIR [--has TEXT]...

Prints {"page": HTML, "numbers": {TEXT: STEP}}: STEP is the first whose English
sentence, or its change of the state, has TEXT. A run is recorded once for each
state of the lesson and of the course's tool, and kept in DIR/.build.

Exit: 0; 1 when no run had each TEXT, or nothing could be recorded; 3 when the
lesson cannot run on this machine. Standard error says why.
"""
import argparse
import hashlib
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "step"))

import check  # noqa: E402
import lessons  # noqa: E402
import library  # noqa: E402
import page  # noqa: E402
import plain  # noqa: E402

TRIES = 4  # on a loaded machine a run may go another way


class Failed(Exception):
    """There is no page, for this reason."""


def files_of(folder):
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(names):
            yield os.path.join(place, name)


def key_of(lesson):
    """Changes with all that a recording is made of."""
    digest = hashlib.sha256(library.compiler_hash("cc").encode())
    if lesson.uses_library:
        digest.update(library.tree_hash().encode())
    paths = [path for path in files_of(lessons.FOLDER)
             if path.endswith(".h")] + \
        list(files_of(lesson.path)) + list(files_of(HERE))
    for path in paths:
        digest.update(os.path.relpath(path, lessons.ROOT).encode() + b"\0")
        with open(path, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:16]


def record(lesson, work):
    """{"page": HTML, "steps": [text]} of one run."""
    result = check.run_plain(lesson, None, work=work)
    if result.get("build_log"):
        raise Failed(result["build_log"])
    if not result.get("trace"):
        raise Failed("no step was recorded")
    with open(result["trace"], encoding="utf-8") as file:
        trace = json.load(file)
    text = "\n".join(plain.lines(trace, "en"))
    return {"page": page.render([trace]),
            "steps": [" ".join(step.split()) for step in
                      re.split(r"^ *\d+\. ", text, flags=re.MULTILINE)[1:]]}


def numbers_of(recorded, texts):
    """{text: number of the first step that says so, or None}"""
    return {text: next((number for number, step in
                        enumerate(recorded["steps"], 1) if text in step),
                       None) for text in texts}


def kept_in(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return None


def keep(path, recorded):
    """Replace what was kept of this lesson."""
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(recorded, file)
    os.replace(temporary, path)
    for other in os.listdir(folder):
        if other != name and re.fullmatch(
                re.escape(name[:name.index("-")]) + r"-\w{16}\.json", other):
            os.remove(os.path.join(folder, other))


def find(lesson, work, texts):
    """(page, numbers), from what is kept if each text is in it."""
    path = os.path.join(work, ".build", "solution-steps",
                        f"{lesson.number}-{key_of(lesson)}.json")
    recorded = kept_in(path)
    for tries in range(TRIES + 1):
        if recorded:
            numbers = numbers_of(recorded, texts)
            if None not in numbers.values():
                if tries:
                    keep(path, recorded)
                return recorded["page"], numbers
        if tries < TRIES:
            recorded = record(lesson, work)
    missing = ", ".join(repr(text) for text in texts if not numbers[text])
    raise Failed(f"no step of the solution says {missing}")


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("lesson")
    parser.add_argument("--work", required=True)
    parser.add_argument("--has", dest="texts", action="append", default=[])
    options = parser.parse_args(argv[1:])
    lesson = lessons.find(options.lesson)
    if lesson is None:
        print(f"no lesson {options.lesson}", file=sys.stderr)
        return 1
    if lesson.elsewhere:
        print(lesson.elsewhere["en"], file=sys.stderr)
        return 3
    try:
        html, numbers = find(lesson, options.work, options.texts)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    json.dump({"page": html, "numbers": numbers}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
