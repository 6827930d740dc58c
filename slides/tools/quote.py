# SPDX-License-Identifier: MIT
"""What a slide quotes from the tree: code, figures, pictures, logs, drawings.

Nothing is copied by hand, so a slide cannot drift from the code. What is not
found raises Unresolved, and the deck is not built.
"""
import glob
import os
import re
import sys
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
SLIDES = os.path.dirname(HERE)
ROOT = os.path.dirname(SLIDES)
sys.path.append(os.path.join(ROOT, "course"))

import comments  # noqa: E402

CODE_COLUMNS = 72


class Unresolved(Exception):
    """A mark names something that the tree does not have."""


def lesson_folder(number):
    found = glob.glob(os.path.join(ROOT, "lessons", number + "-*"))
    if len(found) != 1:
        raise Unresolved(f"no lesson {number}")
    return found[0]


def path_of(name):
    """lessons/03 is its lesson.c, lessons/03/bugs/x.c a file beside it."""
    match = re.fullmatch(r"lessons/(\d\d)(/.*)?", name)
    if match:
        path = lesson_folder(match[1]) + (match[2] or "/lesson.c")
    else:
        path = os.path.join(ROOT, name)
    if not os.path.isfile(path):
        raise Unresolved(f"no file {name}")
    return path


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


# --- code ------------------------------------------------------------------


def without_marks(text):
    """A lesson or an answer as it is read: no marks, probes, unused names."""
    text = re.sub(r"^/\*@(todo|answer).*?^\*/\n", "", text, flags=re.S | re.M)
    return "".join(line for line in text.splitlines(True)
                   if not re.match(r"\s*(/\*@|\(void\)\w+;)", line))


def in_language(path, text, language):
    """With its comments in French, where the lesson has them."""
    if not os.path.isfile(os.path.join(os.path.dirname(path), "lesson.c")):
        return comments.halves(text, language)
    if language != "fr":
        return text
    table = os.path.join(os.path.dirname(path), "comments.fr.toml")
    if not os.path.isfile(table):
        return text
    with open(table, "rb") as file:
        return comments.translate(text, tomllib.load(file))


def item_of(lines, name):
    """A function or a type, from column 0 to its end; else its declaration."""
    pattern = re.compile(re.escape(name) if " " in name
                         else rf"\w.*\b{re.escape(name)}\(")
    declaration = None
    for start, line in enumerate(lines):
        if not pattern.match(line):
            continue
        for end in range(start, len(lines)):
            if end == start and line.endswith(";"):
                declaration = declaration or lines[start:start + 1]
                break
            if lines[end].startswith("}"):
                return lines[start:end + 1]
            if lines[end].endswith(");") and "{" not in (
                    line[-1:], lines[start + 1]) and end < start + 3:
                break  # a declaration
    if declaration:
        return declaration
    raise Unresolved(f"no {name}")


def indent_of(line):
    return len(line) - len(line.lstrip())


def narrow(line):
    """A line of at most CODE_COLUMNS: the comment above it, or two lines."""
    if len(line) <= CODE_COLUMNS:
        return [line]
    indent = " " * indent_of(line)
    match = re.match(r"(\s*\S.*?)\s+(/\*.*\*/)$", line)
    if match:
        return [indent + match[2]] + narrow(match[1])
    cut = line.rfind(", ", 0, CODE_COLUMNS)
    if cut < 0 or "(" not in line[:cut]:
        return [line]
    column = line.rfind("(", 0, cut) + 1
    return [line[:cut + 1]] + narrow(" " * column + line[cut + 2:])


def cut_between(lines, start, end):
    """From the line with `start` to the line with `end`, dots for the rest."""
    first, last = 0, len(lines) - 1
    if start is not None:
        first = next((i for i, line in enumerate(lines) if start in line), None)
        if first is None:
            raise Unresolved(f"no line with {start!r}")
    if end is not None:
        last = next((i for i in range(first, len(lines)) if end in lines[i]),
                    None)
        if last is None:
            raise Unresolved(f"no line with {end!r}")
    part = lines[first:last + 1]
    if first > 0:
        part.insert(0, " " * indent_of(part[0]) + "...")
    if last < len(lines) - 1:
        after = next((line for line in lines[last + 1:] if line), "")
        part.append(" " * min(indent_of(part[-1]),
                              indent_of(after) or 4) + "...")
    return part


def without(lines, dropped):
    """Dots where lines that contain `dropped` were; blank lines go too."""
    kept = []
    hits = 0
    for line in lines:
        if dropped in line:
            hits += 1
            dots = " " * indent_of(line) + "..."
            if not kept or kept[-1].strip() != "...":
                kept.append(dots)
        else:
            kept.append(line)
    if not hits:
        raise Unresolved(f"no line with {dropped!r}")
    return kept


def code(words, language):
    """@code FILE NAME... [from TEXT] [to TEXT] [drop TEXT]..."""
    path = path_of(words[0])
    text = in_language(path, without_marks(read(path)), language)
    lines = [line.rstrip() for line in text.splitlines()]
    names, start, end, dropped = [], None, None, []
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if word in ("from", "to", "drop"):
            if not rest:
                raise Unresolved(f"{word} what?")
            value = rest.pop(0)
            if word == "from":
                start = value
            elif word == "to":
                end = value
            else:
                dropped.append(value)
        else:
            names.append(word)
    if not names:
        raise Unresolved("which function or type?")
    quoted = []
    for name in names:
        part = cut_between(item_of(lines, name), start, end)
        for each in dropped:
            part = without(part, each)
        quoted += ([""] if quoted else []) + part
    shift = min((indent_of(line) for line in quoted if line), default=0)
    return "\n".join(short for line in quoted for short in narrow(line[shift:]))


# --- READMEs ---------------------------------------------------------------


def readme(number, language):
    name = "README.fr.md" if language == "fr" else "README.md"
    return read(os.path.join(lesson_folder(number), name))


def picture(words, language):
    """@picture LESSON N: the Nth picture of the README, drawn in characters."""
    text = readme(words[0], language)
    found = re.findall(r"^```\n(.*?)^```$", text, flags=re.S | re.M)
    if not 0 < int(words[1]) <= len(found):
        raise Unresolved(f"lesson {words[0]} has no picture {words[1]}")
    return found[int(words[1]) - 1].rstrip("\n")


def figures_of(number, language):
    """The rows of the table of figures, the head first."""
    match = re.search(r"<!-- figures -->\n(.*?)<!-- /figures -->",
                      readme(number, language), flags=re.S)
    if not match:
        raise Unresolved(f"lesson {number} has no figures")
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in match[1].strip().splitlines()]
    return [rows[0]] + rows[2:]


def other_table(number, which, language):
    """The rows of another table of the README, counted from 1."""
    text = re.sub(r"<!-- figures -->.*?<!-- /figures -->", "",
                  readme(number, language), flags=re.S)
    found = re.findall(r"(?:^\|.*\n)+", text, flags=re.M)
    if not 0 < which <= len(found):
        raise Unresolved(f"lesson {number} has no table {which}")
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in found[which - 1].splitlines()]
    return [rows[0]] + rows[2:]


GROUP = {"en": ",", "fr": "\u202f"}


def grouped(cell, language):
    """A cell that is a figure or a range of figures, as the language writes
    thousands."""
    if not re.fullmatch(r"[\d\s–]+", cell):
        return cell
    digits = re.sub(r"(?<=\d)\s(?=\d{3})", "", cell)
    return re.sub(r"\d{4,}", lambda match: f"{int(match[0]):,}".replace(
        ",", GROUP[language]), digits)


THIS_LESSON = {"en": "this lesson", "fr": "cette leçon"}
THE_LESSON = {"en": "lesson {}", "fr": "leçon {}"}


def table(words, language):
    """@table LESSON [other N] [drop COLUMN]...: its figures, or a table."""
    rows, dropped = None, set()
    if len(words) % 2 == 0:
        raise Unresolved(f"{words[-1]} what?")
    for keyword, value in zip(words[1::2], words[2::2]):
        if keyword == "other":
            rows = other_table(words[0], int(value), language)
        elif keyword == "drop":
            dropped.add(int(value) - 1)
        else:
            raise Unresolved(f"table: {keyword}?")
    rows = [[grouped(cell, language)
             for i, cell in enumerate(row) if i not in dropped]
            for row in rows or figures_of(words[0], language)]
    # On a slide there is no "this" lesson.
    rows[0] = [THE_LESSON[language].format(words[0])
               if cell == THIS_LESSON[language] else cell for cell in rows[0]]
    rows.insert(1, ["---"] + ["--:"] * (len(rows[0]) - 1))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def figure(number, name, column, language):
    """{{02 polls 2}}: one of them."""
    for row in figures_of(number, language):
        if row[0].strip("`") == name and 0 < int(column) < len(row):
            return grouped(row[int(column)], language)
    raise Unresolved(f"lesson {number} has no figure {name} {column}")


# --- logs and drawings -----------------------------------------------------


HEADERS = re.compile(r"ms  \S+(\s+(content-|connection:|date:)|$)")


def squeeze(lines):
    """Without time and thread, and without the blanks that all rows share."""
    rows = [re.sub(r"^ *\S+ ms  \S+ +", "", line) for line in lines]
    wide = [row for row in rows if "   " in row]
    shared = [all(row[i:i + 1] in ("", " ") for row in wide)
              for i in range(max(map(len, wide), default=0))]
    return ["".join(char for i, char in enumerate(row)
                    if not (shared[i] and i and shared[i - 1]))
            if row in wide else row for row in rows]


def log(words):
    """@log NAME [drop TEXT]... [first N] [last N] [only text], no headers."""
    path = os.path.join(SLIDES, "logs", words[0] + ".log")
    if not os.path.isfile(path):
        raise Unresolved(f"no log {words[0]}")
    lines = [line.rstrip() for line in read(path).splitlines()[1:]
             if not HEADERS.search(line)]
    first, last, text = 0, 0, False
    for keyword, value in zip(words[1::2], words[2::2]):
        if keyword == "drop":
            lines = [line for line in lines if value not in line]
        elif keyword == "first":
            first = int(value)
        elif keyword == "last":
            last = int(value)
        elif (keyword, value) == ("only", "text"):
            text = True
        else:
            raise Unresolved(f"log: {keyword}?")
    if text:
        lines = squeeze(lines)
    if first + last and first + last < len(lines):
        lines = lines[:first] + ["  ..."] + lines[len(lines) - last:]
    return "\n".join(lines)


def drawing(words, language):
    """@drawing NAME [FRAME]: (what it shows, the characters)."""
    path = os.path.join(SLIDES, "drawings", f"{words[0]}.{language}.txt")
    if not os.path.isfile(path):
        raise Unresolved(f"no drawing {words[0]} in {language}")
    frames = re.split(r"^== ", read(path), flags=re.M)[1:]
    number = int(words[1]) if len(words) > 1 else 1
    if not 0 < number <= len(frames):
        raise Unresolved(f"drawing {words[0]} has no frame {number}")
    alt, _, art = frames[number - 1].partition("\n")
    return alt.strip(), art.rstrip().strip("\n")
