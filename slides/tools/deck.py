# SPDX-License-Identifier: MIT
"""A deck: one Markdown file a language, cut into slides, its marks resolved."""
import glob
import os
import re
import shlex

import quote
from quote import SLIDES, Unresolved

LANGUAGES = ("en", "fr")
KINDS = ("vote", "live", "broken", "exit")
HEAD = re.compile(r"## (.*?)(?: \{([^}]*)\})?$")
COMMENT = re.compile(r"<!--\s*(notes|handout):\s*(.*?)-->\n?", re.S)
FIGURE = re.compile(r"\{\{(\d\d) (\w+) (\d)\}\}")
PAUSE = ". . ."


def command(text):
    """A command as it is typed, on two lines if it is long."""
    text = "$ " + text
    if len(text) <= quote.CODE_COLUMNS:
        return text
    cut = text.rfind(" ", 0, quote.CODE_COLUMNS - 2)
    return text[:cut] + " \\\n    " + text[cut + 1:]


class Block:
    """A part of a slide that is no Markdown: what a mark has become."""

    def __init__(self, kind, text, alt="", language=""):
        self.kind = kind  # code, art, table, step
        self.text = text
        self.alt = alt
        self.language = language


class Slide:
    """Its title, its minutes, its text and blocks, and what is beside them."""

    def __init__(self, title, attributes, body, language):
        self.title = title
        words = shlex.split(attributes or "")
        self.kinds = [word[1:] for word in words if word.startswith(".")]
        values = dict(word.split("=", 1) for word in words if "=" in word)
        self.minutes = float(values.get("minutes", 0))
        self.notes = ""
        self.handout = ""
        self.marks = []
        self.commands = []
        self.problems = []
        self.parts = self.cut(COMMENT.sub(self.keep_comment, body), language)

    def keep_comment(self, match):
        name = match[1]
        text = match[2].strip()
        setattr(self, name, (getattr(self, name) + "\n\n" + text).strip())
        return ""

    def cut(self, body, language):
        """Strings of Markdown, and blocks."""
        parts, text, fence = [], [], False
        for line in body.splitlines():
            if line.startswith("```"):
                fence = not fence
                if fence and line[3:].strip() in ("c", "C"):
                    self.problems.append("C code that is not quoted: use @code")
            if line.startswith("@") and not fence:
                parts += ["\n".join(text), self.block(line, language)]
                text = []
            else:
                text.append(FIGURE.sub(
                    lambda match: self.figure(match, language), line))
        parts.append("\n".join(text))
        return [part for part in parts
                if isinstance(part, Block) or part.strip()]

    def figure(self, match, language):
        self.marks.append(match[0])
        try:
            return quote.figure(match[1], match[2], match[3], language)
        except Unresolved as error:
            self.problems.append(f"{match[0]}: {error}")
            return match[0]

    def block(self, line, language):
        """What the mark on this line stands for."""
        try:
            name, *words = shlex.split(line[1:])
            alt = ""
            if name == "picture" and len(words) == 3:
                alt = words.pop()
            self.marks.append(" ".join([name] + words))
            if name == "code":
                return Block("code", quote.code(words, language), "", "c")
            if name == "log":
                return Block("code", quote.log(words), "", "text")
            if name == "table":
                return Block("table", quote.table(words, language))
            if name == "picture":
                if not alt:
                    self.problems.append(f"{line}: no alternative text")
                return Block("picture", quote.picture(words, language), alt)
            if name == "drawing":
                alt, art = quote.drawing(words, language)
                if not alt:
                    self.problems.append(f"{line}: no alternative text")
                return Block("drawing", art, alt)
            if name == "run":
                self.commands.append(line[5:])
                return Block("code", command(line[5:]), "", "sh")
            if name == "step":
                return Block("step", words[0], words[1])
            raise Unresolved("no such mark")
        except (Unresolved, ValueError, IndexError) as error:
            self.problems.append(f"{line}: {error}")
            return Block("code", line)


class Deck:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[:-3]
        self.number = re.match(r"0*(\d+b?)-", self.name)[1]
        self.language = os.path.basename(os.path.dirname(path))
        head, text = quote.read(path).removeprefix("---\n").split("\n...\n", 1)
        self.head = dict(line.split(": ", 1) for line in head.splitlines())
        self.title = self.head["title"]
        self.slides = []
        self.problems = []
        self.cut(text)

    def cut(self, text):
        title, attributes, body, fence = None, None, [], False
        for line in text.splitlines() + ["## "]:
            fence ^= line.startswith("```")
            match = None if fence else HEAD.match(line)
            if not match:
                body.append(line)
                continue
            if title is not None:
                self.slides.append(Slide(title, attributes, "\n".join(body),
                                         self.language))
            elif "".join(body).strip():
                self.problems.append("text before the first slide")
            title, attributes, body = match[1], match[2], []

    @property
    def minutes(self):
        return sum(slide.minutes for slide in self.slides)


def all_decks(language=None):
    return [Deck(path) for each in LANGUAGES if language in (None, each)
            for path in sorted(glob.glob(os.path.join(SLIDES, each, "*.md")))]


# --- Markdown, for patat and for pandoc ------------------------------------


def fenced(block, language=None):
    return f"\n```{block.language if language is None else language}\n" \
        f"{block.text}\n```\n"


PATAT = """---
title: {title}
author: reveil
patat:
    slideLevel: 2
    slideNumber: true
    wrap: true
    margins:
        left: 1
        right: 1
...
"""

STEP = {
    "en": "Step by step: `./reveil lesson step {} --solution`",
    "fr": "Pas à pas : `./reveil lesson step {} --solution`",
}


def for_terminal(deck):
    """What patat presents: no attributes, no comments, drawings as text."""
    text = PATAT.format(title='"' + deck.title.replace('"', '\\"') + '"')
    for slide in deck.slides:
        text += f"\n## {slide.title}\n"
        for part in slide.parts:
            if isinstance(part, str):
                text += "\n" + part.strip("\n") + "\n"
            elif part.kind == "table":
                text += "\n" + part.text + "\n"
            elif part.kind == "step":
                text += "\n" + STEP[deck.language].format(part.text) + "\n"
            else:
                text += fenced(part)
    return text
