# SPDX-License-Identifier: MIT
"""Transplants a learner's regions into a clean program, with the recorder.

Given code, probe lines and check.c come from the tree; only what stands between
the marks is the learner's. Every line keeps its number in the learner's file.
"""
import difflib
import os
import re
import secrets

import comments
import cut
import lessons
import source
from source import (SPLICE, Given, Probe, Region, Sanitized, balanced,
                    regions)

NATIVE = os.path.join(lessons.HERE, "native")
NATIVE_HEADERS = ("probe.h", "slow_server.h")
NATIVE_FILES = NATIVE_HEADERS + ("atomic_points.c", "probe.c", "calls.c",
                                 "library.c")


class MissingRegion(Exception):
    """The learner's file has lost the marks of these regions."""

    def __init__(self, ids):
        super().__init__(", ".join(ids))
        self.ids = ids


KEYWORDS = """auto break case char const continue default do double else enum
extern float for goto if inline int long register restrict return short signed
sizeof static struct switch typedef union unsigned void volatile while _Bool
_Atomic _Static_assert _Thread_local _Alignas _Alignof _Generic _Noreturn
main""".split()
DEFINE = re.compile(r"(?:#|%:|\?\?=)\s*(?:/\*.*?\*/\s*)*define\s+(\w+)", re.S)
WORD = re.compile(r"\b[A-Za-z_]\w*")
TAG = re.compile(r"\bstruct\s+(\w+)\s*\{")
# In a check.c, which is formatted: a tag, a variable behind its struct, a
# variable or function.
DEFINED = re.compile(r"^(?:static |const )*(?:struct|union|enum) (\w+) \{|"
                     r"^\} (\w+)|"
                     r"^static [^;={(]*?(\w+)(?:\[[^\]]*\])*(?: =|[;(,])", re.M)


def new_word():
    return secrets.token_hex(4)


def rename(text, word):
    """probe_ and PROBE_ with a word in it that no region can know."""
    return re.sub(r"\b(probe|PROBE)_", rf"\1_{word}_", text)


def defined_in(check):
    """The names that a check.c defines outside its functions."""
    names = {name for found in DEFINED.findall(check) for name in found}
    for line in re.findall(r"^static [^(={]*, [^({]*;$", check, re.M):
        names |= set(re.findall(r", \*?(\w+)", line))
    for body in re.findall(r"^enum(?: \w+)? \{(.*?)\};", check, re.M | re.S):
        names |= set(re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body))
    return {name for name in names - set(KEYWORDS)
            if not name.startswith(("probe_", "PROBE_", "_"))}


def out_of_the_way(check, regions, lesson):
    """The check.c with other names for what it defines and the learner has
    taken: a learner need not know its names. Those that the lesson has too are
    meant as they are."""
    names = defined_in(check) & set(WORD.findall(regions)) - \
        set(WORD.findall(lesson))
    tags = set(TAG.findall(check)) & set(TAG.findall(regions)) - \
        set(TAG.findall(lesson))
    words = [rf"\b{name}\b" for name in sorted(names)] + \
        [rf"(?<=\bstruct ){tag}\b" for tag in sorted(tags)]
    if not words:
        return check
    return re.sub(r'"(?:\\.|[^"\\\n])*"|PROBE_CASE\(\w+\)|'
                  rf"({'|'.join(words)})",
                  lambda found: f"probe_own_{found[1]}" if found[1]
                  else found[0], check)


def depth_of(text):
    """How many braces are open after this text."""
    text = comments.TOKEN.sub(" ", text)
    return text.count("{") - text.count("}")


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
    for part in cut.parts_of(lesson):
        if isinstance(part, Given):
            lines += cut.given_text(part, lesson, language).splitlines()
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
        self.ids = cut.region_ids(lesson)
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
        for part in cut.parts_of(self.lesson):
            if isinstance(part, Given):
                for line in cut.given_text(part, self.lesson,
                                       self.language).splitlines():
                    last = numbers.pop()
                    out.put(line + "\n", self.path, last)
                depth += depth_of(cut.block(part.lines))
            elif isinstance(part, Region):
                first, body = self.regions[part.id]
                out.put(body, self.path, first)
                out.raw(CLOSE)
            elif isinstance(part, Sanitized) and not probes:
                out.put(part.text + "\n", "probe", part.line)
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
        text = out_of_the_way(
            text, "\n".join(body for _, body in self.regions.values()),
            comments.TOKEN.sub(" ", self.lesson.text("lesson.c")))
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
        return Source(lesson, cut.fill(lesson, {}), "solution.c", word=word)
    text = lessons.read(path) if text is None else text
    if "/*@region" in text or "/*@answer" in text:
        found = regions(text)
        unknown = set(found) - set(cut.region_ids(lesson))
        if unknown or not found:
            raise source.BadSource(f"{path}: regions {sorted(unknown)}?")
        text = cut.fill(lesson, {key: body for key, (_, body) in found.items()})
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
             f"plain/{folder}/lesson.c": made.plain}
    for name in NATIVE_HEADERS:
        files[f"{folder}/{name}"] = rename(
            lessons.read(os.path.join(NATIVE, name)), made.word)
    for path, text in cut.scaffold(lesson, probes=True):
        if not path.startswith("../../"):
            inside = os.path.normpath(os.path.join(folder, path))
            files[inside] = f'#line 1 "lessons/{inside}"\n' + \
                rename(text, made.word)
    for path, text in cut.scaffold(lesson):
        inside = os.path.normpath(os.path.join(folder, path))
        files[f"plain/{inside}"] = f'#line 1 "lessons/{inside}"\n' + text
    return files
