# SPDX-License-Identifier: MIT
"""Cuts the annotated source of a lesson: exercise, solution, check build."""
import difflib
import os
import re
import secrets
import sys

import comments
import lessons
import source
from source import Export, Given, Probe, Region, regions  # noqa: F401

NATIVE = os.path.join(lessons.HERE, "native")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


class MissingRegion(Exception):
    """The learner's file has lost the marks of these regions."""

    def __init__(self, ids):
        super().__init__(", ".join(ids))
        self.ids = ids


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
    """The part of a lesson that later lessons include, as a header."""
    mine = MINE.get(lesson.number, {})
    guard = "LESSON_" + re.sub(r"\W", "_", name).upper()
    out, inside = [f"/* From lesson {lesson.number}, {lesson.name}. */\n",
                   f"#ifndef {guard}\n#define {guard}\n\n"], False
    for part in parts_of(lesson):
        if isinstance(part, Export) and part.name == name:
            inside = part.begins
        elif inside and isinstance(part, Given):
            out.append(given_text(part, lesson, language))
        elif inside and isinstance(part, Region):
            out.append(mine.get(part.id, block(part.solution)))
        elif inside and probes and isinstance(part, Probe):
            out.append(part.text + "\n")
    return "".join(out) + f"\n#endif /* {guard} */\n"


def with_probes(text, probes):
    """A header with its probe lines, or without."""
    return "".join(
        (source.PROBE.match(line)[1] + "\n" if probes else "")
        if source.PROBE.match(line) else line
        for line in text.splitlines(keepends=True))


def scaffold(lesson, probes=False):
    """[(path, text)]: what lesson.c includes, paths from its folder."""
    found, names = {}, INCLUDE.findall(lesson.text("lesson.c"))
    names += INCLUDE.findall(lesson.text("check.c", "")) if probes else []
    while names:
        name = names.pop(0)
        path = os.path.normpath(os.path.join(lesson.path, name))
        if name in found or name == "probe.h":
            continue
        if os.path.exists(path):
            found[name] = with_probes(lessons.read(path), probes)
        elif exporter(lesson, name):
            found[name] = export(exporter(lesson, name), name, probes)
        else:
            continue
        folder = os.path.dirname(name)
        names += [os.path.join(folder, inner)
                  for inner in INCLUDE.findall(found[name])]
    return [(path, text) for path, text in found.items()
            if not path.startswith("../../")] + \
        [(path, text) for path, text in found.items()
         if path.startswith("../../") and probes]


# --- the check build -------------------------------------------------------

KEYWORDS = """auto break case char const continue default do double else enum
extern float for goto if inline int long register restrict return short signed
sizeof static struct switch typedef union unsigned void volatile while _Bool
_Atomic _Static_assert _Thread_local _Alignas _Alignof _Generic _Noreturn
main""".split()
DEFINE = re.compile(r"(?:#|%:|\?\?=)\s*(?:/\*.*?\*/\s*)*define\s+(\w+)", re.S)
SPLICE = re.compile(r"(?:\\|\?\?/)[ \t]*\n")
CONDITION = re.compile(r"^\s*(?:#|%:|\?\?=)\s*(if|ifdef|ifndef|endif)\b", re.M)


def new_word():
    return secrets.token_hex(4)


def rename(text, word):
    """probe_ and PROBE_ with a word in it that no region can know."""
    return re.sub(r"\b(probe|PROBE)_", rf"\1_{word}_", text)


def depth_of(text):
    """How many braces are open after this text."""
    text = comments.TOKEN.sub(" ", text)
    return text.count("{") - text.count("}")


def balanced(text):
    """Whether each #if of a region has its #endif in it."""
    depth = 0
    for word in CONDITION.findall(SPLICE.sub("", comments.TOKEN.sub(
            lambda token: " " if token[0][0] == "/" else token[0], text))):
        depth += -1 if word == "endif" else 1
        if depth < 0:
            return False
    return depth == 0


# Behind a region: ends what a region may have left open, a comment or a line
# that goes on.
CLOSE = "\n/**/\n"


class Text:
    """Collects lines, and says by #line where each one comes from."""

    def __init__(self):
        self.out = []
        self.at = None  # (path, line) of the next line, as the compiler sees

    def put(self, text, path, line):
        if self.at != (path, line):
            self.out.append(f'#line {line} "{path}"\n')
        self.out.append(text if text.endswith("\n") or not text
                        else text + "\n")
        self.at = (path, line + text.count("\n") +
                   (not text.endswith("\n") and bool(text)))

    def raw(self, text):
        self.out.append(text)
        self.at = None


def given_lines(lesson, language):
    """The exercise's lines outside the regions, with what part they are of."""
    lines = []
    for part in parts_of(lesson):
        if isinstance(part, Given):
            lines += given_text(part, lesson, language).splitlines()
    return lines


def outside(text):
    """[(number, line)] of the learner's lines outside the regions."""
    inside, found = None, []
    known = regions(text)
    for number, line in enumerate(text.splitlines(), 1):
        begin = source.BEGIN_REGION.match(line)
        end = source.END_REGION.match(line)
        if inside:
            if end and (end[1] or end[2]) == inside:
                inside = None
        elif begin and (begin[1] or begin[2]) in known and \
                known[begin[1] or begin[2]][0] >= number:
            inside = begin[1] or begin[2]
        elif not end:
            found.append((number, line))
    return found


def language_of(lesson, text):
    """The language of an exercise; True if the given code was changed."""
    lines = [line.rstrip() for _, line in outside(text)]
    for language in ("en", "fr"):
        if lines == [line.rstrip() for line in given_lines(lesson, language)]:
            return language, False
    have = set(lines)
    common = {language: sum(line in have for line in
                            given_lines(lesson, language))
              for language in ("en", "fr")}
    return ("fr" if common["fr"] > common["en"] else "en"), True


def learner_lines(given, text):
    """For each line of the given code, its number in the learner's file."""
    there = outside(text)
    matcher = difflib.SequenceMatcher(
        None, [line.rstrip() for line in given],
        [line.rstrip() for _, line in there], autojunk=False)
    numbers, last = [], 0
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        for i in range(i1, i2):
            if tag == "equal":
                last = there[j1 + i - i1][0]
            numbers.append(max(last, 1))
    return numbers


class Source:
    """The C text of a check build, and what was found on the way."""

    def __init__(self, lesson, text, path, check=None, word=None):
        self.lesson = lesson
        self.path = path.replace("\\", "/").replace('"', "'")
        self.word = word or new_word()
        self.regions = regions(text)
        self.ids = region_ids(lesson)
        missing = [key for key in self.ids if key not in self.regions]
        if missing:
            raise MissingRegion(missing)
        self.unbalanced = [key for key in self.ids
                           if not balanced(self.regions[key][1])]
        self.language, self.changed_outside = language_of(lesson, text)
        self.check = check
        self.learner = text
        self.plain = self.join(probes=False)
        self.text = self.join(probes=True)

    def join(self, probes):
        out = Text()
        if probes:
            out.raw(rename('#include "probe.h"\n'
                           "#define main probe_lesson_main\n", self.word))
        numbers = learner_lines(given_lines(self.lesson, self.language),
                                self.learner)
        numbers.reverse()
        depth, last = 0, 1
        for part in parts_of(self.lesson):
            if isinstance(part, Given):
                for line in given_text(part, self.lesson,
                                       self.language).splitlines():
                    last = numbers.pop()
                    out.put(line + "\n", self.path, last)
                depth += depth_of(block(part.lines))
            elif isinstance(part, Region):
                first, body = self.regions[part.id]
                out.put(body, self.path, first)
                out.raw(CLOSE)
            elif isinstance(part, Probe) and probes:
                text = rename(part.text, self.word)
                if depth > 0:
                    out.put(text + "\n", self.path, last)
                else:
                    out.put(text + "\n", "probe", part.line)
        if probes:
            self.add_check(out)
        return "".join(out.out)

    def add_check(self, out):
        """What follows the program: no macro of a region reaches it."""
        defined = set()
        for _, body in self.regions.values():
            defined |= set(DEFINE.findall(SPLICE.sub("", body)))
        given = set(DEFINE.findall("\n".join(
            given_lines(self.lesson, self.language))))
        out.raw("".join(f"#undef {name}\n" for name in
                        KEYWORDS + sorted(defined - given)))
        text = self.check if self.check is not None \
            else self.lesson.text("check.c", "")
        out.raw(f'#line 1 "lessons/{self.lesson.folder}/check.c"\n')
        out.raw(rename(text, self.word) + "\n")
        names = re.findall(r"^PROBE_CASE\((\w+)\)", text, re.M)
        rows = "".join(f'{{"{name}", probe_case_{name}}}, ' for name in names)
        out.raw('#line 1 "probe"\n' + rename(
            "const struct probe_case_row probe_case_rows[] = "
            f"{{{rows}{{0, 0}}}};\n", self.word))


def check_source(lesson, learner_path, text=None, word=None):
    """The C text of the check program of the learner's file."""
    text = lessons.read(learner_path) if text is None else text
    return Source(lesson, text, shown(learner_path), word=word).text


def make(lesson, path=None, text=None, word=None):
    """The Source of a learner's file, of an answer of bugs/ or alike/ (the
    regions that it lacks are the solution's), or of the solution."""
    if path is None and text is None:
        return Source(lesson, fill(lesson, {}), "solution.c", word=word)
    text = lessons.read(path) if text is None else text
    if "/*@region" in text or "/*@answer" in text:
        found = regions(text)
        unknown = set(found) - set(region_ids(lesson))
        if unknown or not found:
            raise source.BadSource(f"{path}: regions {sorted(unknown)}?")
        text = fill(lesson, {key: body for key, (_, body) in found.items()})
        return Source(lesson, text, "lesson.c", word=word)
    return Source(lesson, text, shown(path) if path else "lesson.c",
                  word=word)


def shown(path):
    """A path as it is shown: from the root of the tree, if it is below."""
    path = os.path.abspath(path)
    inside = os.path.relpath(path, lessons.ROOT)
    return path if inside.startswith("..") else inside


def check_files(lesson, made):
    """{path in the build folder: text} of a check build."""
    folder = lesson.folder
    files = {f"{folder}/check_{lesson.number}.c": made.text,
             f"{folder}/probe.h": rename(
                 lessons.read(os.path.join(NATIVE, "probe.h")), made.word),
             f"{folder}/probe.c": rename(
                 lessons.read(os.path.join(NATIVE, "probe.c")), made.word),
             f"{folder}/calls.c": rename(
                 lessons.read(os.path.join(NATIVE, "calls.c")), made.word),
             f"plain/{folder}/lesson.c": made.plain}
    for path, text in scaffold(lesson, probes=True):
        if not path.startswith("../../"):
            inside = os.path.normpath(os.path.join(folder, path))
            files[inside] = f'#line 1 "lessons/{inside}"\n' + \
                rename(text, made.word)
    for path, text in scaffold(lesson):
        inside = os.path.normpath(os.path.join(folder, path))
        files[f"plain/{inside}"] = f'#line 1 "lessons/{inside}"\n' + text
    return files


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
