# SPDX-License-Identifier: MIT
"""Cuts the annotated source of a lesson: exercise, solution, headers."""
import os
import re
import sys

import comments
import french
import lessons
import source
from source import Export, Given, Probe, Region, balanced, regions

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def parts_of(lesson):
    return source.parse(lesson.text("lesson.c"))


def region_ids(lesson):
    return [part.id for part in parts_of(lesson) if isinstance(part, Region)]


# --- texts without marks ---------------------------------------------------

def block(lines):
    return "".join(line + "\n" for line in lines)


def in_language(text, lesson, language):
    return comments.translate(text, lesson.comments) \
        if language == "fr" else text


def given_text(part, lesson, language):
    return in_language(block(part.lines), lesson, language)


def stub_text(region, lesson, language):
    return in_language(block(region.stub), lesson, language)


def todo_head(region, language):
    goal = region.goal[language] or region.goal["en"]
    title = f"/* TODO {region.id} {region.title[language]}".rstrip()
    if language == "fr":
        goal = [french.set_text(line) for line in goal]
        title = french.set_text(title)
    if not goal:
        return title + " */\n"
    return title + "\n" + "".join(f" * {line}\n" for line in goal[:-1]) + \
        f" * {goal[-1]} */\n"


def with_marks(region, body, language):
    """A region as it stands in the learner's file."""
    return (todo_head(region, language) + body +
            f"/* END TODO {region.id} */\n")


def exercise(lesson, language="en"):
    """The file that `start` puts into work/."""
    out = []
    for part in parts_of(lesson):
        if isinstance(part, Given):
            out.append(given_text(part, lesson, language))
        elif isinstance(part, Region):
            out.append(with_marks(
                part, stub_text(part, lesson, language), language))
    return "".join(out)


def solution(lesson, language="en"):
    """The complete program."""
    return fill(lesson, {}, language, marks=False)


def without_head(body):
    """A region's text without the comment that tells its goal."""
    return re.sub(r"\A\s*/\* TODO.*?\*/", "", body, flags=re.S)


def fill(lesson, answers, language="en", marks=True):
    """The program with these regions; the others are the solution's."""
    out = []
    for part in parts_of(lesson):
        if isinstance(part, Given):
            out.append(given_text(part, lesson, language))
        elif isinstance(part, Region):
            body = answers.get(part.id)
            if body is None:
                body = in_language(block(part.solution), lesson, language)
            elif body.lstrip().startswith("/* TODO"):
                out.append(body + f"/* END TODO {part.id} */\n")
                continue
            out.append(with_marks(part, body, language) if marks else body)
    return "".join(out)


def answer(lesson, path):
    """The program that a file of bugs/ or alike/ stands for."""
    found = regions(lessons.read(path))
    return fill(lesson, {key: text for key, (_, text) in found.items()})


# --- headers ---------------------------------------------------------------

def exporter(lesson, name):
    """The nearest lesson before this one that exports the header `name`."""
    folder = os.path.dirname(lesson.path)
    for other in reversed(lessons.all_lessons(folder)):
        if other.number < lesson.number and other.has_program and \
                f"/*@export {name}*/" in other.text("lesson.c"):
            return other
    return None


MINE = {}  # number of a lesson -> {region: text} in place of the solution's


def take_mine(folder):
    """From now on export() takes the learner's regions, where there are."""
    for lesson in lessons.all_lessons():
        path = os.path.join(folder, lesson.folder, "lesson.c")
        if lesson.has_program and os.path.exists(path):
            MINE[lesson.number] = {
                key: without_head(body).lstrip("\n")
                for key, (_, body) in regions(lessons.read(path)).items()
                if balanced(body)}


def export(lesson, name, probes=False, language="en"):
    """The part of a lesson that later lessons include, as a header; the
    learner's own regions stay as they are."""
    mine = MINE.get(lesson.number, {})
    guard = "LESSON_" + re.sub(r"\W", "_", name).upper()
    origin = "De la leçon" if language == "fr" else "From lesson"
    out, inside = [(f"/* {origin} {lesson.number}, {lesson.name}. */\n"
                    f"#ifndef {guard}\n#define {guard}\n\n", False)], False
    for part in parts_of(lesson):
        if isinstance(part, Export) and part.name == name:
            inside = part.begins
        elif inside and isinstance(part, Given):
            out.append((given_text(part, lesson, language), False))
        elif inside and isinstance(part, Region):
            out.append((mine.get(part.id) or in_language(
                block(part.solution), lesson, language), False))
        elif inside and probes and isinstance(part, Probe):
            out.append((part.text + "\n", True))
    return numbered(out + [(f"\n#endif /* {guard} */\n", False)])


def numbered(pieces):
    """The text of [(text, whether it is a probe)]. After probes #line goes on
    with the number that the next line has in the file of the learner."""
    out, line, after_probe = "", 1, False
    for text, is_probe in pieces:
        if after_probe and not is_probe:
            out += f"#line {line}\n"
        out += text
        line += 0 if is_probe else text.count("\n")
        after_probe = is_probe
    return out


def with_probes(text, probes):
    """A header with its probe lines, or without."""
    found = [(line, source.PROBE.match(line))
             for line in text.splitlines(keepends=True)]
    return numbered([(probe[1] + "\n" if probe else line, bool(probe))
                     for line, probe in found if probes or not probe])


def header_text(path, probes, language):
    """A header of lessons/, its French from the table of its own folder."""
    text = with_probes(lessons.read(path), probes)
    return comments.translate(text, lessons.comments_of(
        os.path.dirname(path))) if language == "fr" else text


def scaffold(lesson, probes=False, language="en"):
    """[(path, text)]: what lesson.c includes, paths from its folder."""
    found, names = {}, INCLUDE.findall(lesson.text("lesson.c"))
    names += INCLUDE.findall(lesson.text("check.c", "")) if probes else []
    while names:
        name = names.pop(0)
        path = os.path.normpath(os.path.join(lesson.path, name))
        if name in found or name == "probe.h":
            continue
        if os.path.exists(path):
            found[name] = header_text(path, probes, language)
        elif exporter(lesson, name):
            found[name] = export(exporter(lesson, name), name, probes,
                                 language)
        else:
            continue
        folder = os.path.dirname(name)
        names += [os.path.join(folder, inner)
                  for inner in INCLUDE.findall(found[name])]
    return [(path, text) for path, text in found.items()
            if not path.startswith("../../")] + \
        [(path, text) for path, text in found.items()
         if path.startswith("../../") and probes]


def main(arguments):
    """cut.py export NAME OUTPUT: the newest header of this name (meson)."""
    if len(arguments) != 3 or arguments[0] != "export":
        sys.exit("usage: cut.py export NAME OUTPUT")
    _, name, output = arguments
    lesson = next((one for one in reversed(lessons.all_lessons())
                   if f"/*@export {name}*/" in one.text("lesson.c", "")), None)
    if not lesson:
        sys.exit(f"cut.py: no lesson exports {name}")
    with open(output, "w", encoding="utf-8") as file:
        file.write(export(lesson, name))


if __name__ == "__main__":
    main(sys.argv[1:])
