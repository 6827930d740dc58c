# SPDX-License-Identifier: MIT
"""Reads an annotated source: given lines, regions of the learner, probes.

The marks are comments that begin with /*@ (see /lessons/README.md). A source
becomes a list of parts, in the order of the file:

    Given(lines)              as they stand
    Region(id, title, ...)    with goal, stub and solution
    Probe(text)               a line of check builds only
    Sanitized(text)           a line of the builds with a sanitizer only
    Export(name, begins)      the begin or the end of a part for later lessons
"""
import re
from dataclasses import dataclass, field

import comments

TODO = re.compile(r"\s*/\*@todo\s+(\S+)\s*(.*?)\s*(?:\*/)?\s*$")
END = re.compile(r"\s*/\*@end\s+(\S+?)\s*\*/\s*$")
PROBE = re.compile(r"\s*/\*@probe ?(.*?)\s*\*/\s*$")
SANITIZED = re.compile(r"\s*/\*@sanitized ?(.*?)\s*\*/\s*$")
EXPORT = re.compile(r"\s*/\*@export\s+(\S+?)\s*\*/\s*$")
GOAL = re.compile(r"(en|fr):\s?(.*)$")
MARK = re.compile(r"/\*@")


class BadSource(Exception):
    """The annotated source itself is wrong: a bug of the course."""


@dataclass
class Given:
    line: int
    lines: list


@dataclass
class Probe:
    line: int
    text: str


@dataclass
class Sanitized:
    line: int
    text: str


@dataclass
class Export:
    line: int
    name: str
    begins: bool


@dataclass
class Region:
    line: int
    id: str
    title: dict
    goal: dict = field(default_factory=lambda: {"en": [], "fr": []})
    stub: list = field(default_factory=list)
    solution: list = field(default_factory=list)
    end_line: int = 0


def both(title):
    """A title may have both languages: "park and unpark | park et unpark"."""
    english, _, french = title.partition("|")
    return {"en": english.strip(), "fr": (french or english).strip()}


def read_todo(lines, i):
    """The comment of a @todo that begins at index i. (region, next index)"""
    head = TODO.match(lines[i])
    region = Region(i + 1, head[1], both(head[2]))
    if lines[i].rstrip().endswith("*/"):
        raise BadSource(f"line {i + 1}: a @todo needs a goal and a stub")
    where = None
    for i in range(i + 1, len(lines)):
        line = lines[i]
        if line.strip() == "*/":
            return region, i + 1
        goal = GOAL.match(line)
        if where != "stub" and goal:
            where = goal[1]
            region.goal[where].append(goal[2])
        elif where != "stub" and line.strip() == "stub:":
            where = "stub"
        elif where == "stub":
            region.stub.append(line.replace("/+", "/*").replace("+/", "*/"))
        elif where:
            region.goal[where].append(line.strip())
        else:
            raise BadSource(f"line {i + 1}: expected en:, fr: or stub:")
    raise BadSource(f"line {region.line}: the @todo comment never ends")


def parse(text):
    """The parts of an annotated source."""
    parts, lines, i = [], text.splitlines(), 0

    def given(number, line):
        if not parts or not isinstance(parts[-1], Given):
            parts.append(Given(number, []))
        parts[-1].lines.append(line)

    exports = set()
    while i < len(lines):
        line = lines[i]
        if TODO.match(line):
            region, i = read_todo(lines, i)
            while i < len(lines) and not END.match(lines[i]):
                if MARK.search(lines[i]):
                    raise BadSource(f"line {i + 1}: a mark inside region "
                                    f"{region.id}")
                region.solution.append(lines[i])
                i += 1
            if i == len(lines) or END.match(lines[i])[1] != region.id:
                raise BadSource(f"line {i}: region {region.id} never ends")
            region.end_line = i + 1
            parts.append(region)
        elif PROBE.match(line):
            parts.append(Probe(i + 1, PROBE.match(line)[1]))
        elif SANITIZED.match(line):
            parts.append(Sanitized(i + 1, SANITIZED.match(line)[1]))
        elif EXPORT.match(line):
            exports.add(EXPORT.match(line)[1])
            parts.append(Export(i + 1, EXPORT.match(line)[1], True))
        elif END.match(line):
            if END.match(line)[1] not in exports:
                raise BadSource(f"line {i + 1}: nothing to end here")
            parts.append(Export(i + 1, END.match(line)[1], False))
        elif MARK.search(line):
            raise BadSource(f"line {i + 1}: unknown mark: {line.strip()}")
        else:
            given(i + 1, line)
        i += 1
    return parts


SPLICE = re.compile(r"(?:\\|\?\?/)[ \t]*\n")
CONDITION = re.compile(r"^\s*(?:#|%:|\?\?=)\s*(if|ifdef|ifndef|endif)\b", re.M)


def balanced(text):
    """Whether each #if of a region has its #endif in it."""
    depth = 0
    for word in CONDITION.findall(SPLICE.sub("", comments.TOKEN.sub(
            lambda token: " " if token[0][0] == "/" else token[0], text))):
        depth += -1 if word == "endif" else 1
        if depth < 0:
            return False
    return depth == 0


# --- what a learner or an answer wrote -------------------------------------

BEGIN_REGION = re.compile(
    r"\s*(?:/\*|//)\s*(?:TODO\s+(\d+\.\w+)\b|@region\s+(\S+?)\s*\*/)")
END_REGION = re.compile(
    r"\s*(?:/\*|//)\s*(?:END\s+TODO\s+(\d+\.\w+)\b|@end\s+(\S+?)\s*\*/)")


def regions(text):
    """{id: (number of the first line, text)} between the marks of a file."""
    found, current = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        begin, end = BEGIN_REGION.match(line), END_REGION.match(line)
        if end and current and (end[1] or end[2]) == current:
            first, lines = found[current]
            found[current] = (first, "".join(one + "\n" for one in lines))
            current = None
        elif current:
            found[current][1].append(line)
        elif begin and (begin[1] or begin[2]) not in found:
            current = begin[1] or begin[2]
            if begin[1]:
                found[current] = (number, [line])
            else:
                found[current] = (number + 1, [])
    if current:
        del found[current]
    return found
