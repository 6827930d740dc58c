# SPDX-License-Identifier: MIT
"""What is wrong with the decks, as a list of sentences; empty if nothing is."""
import os
import re
import subprocess
import tempfile

import deck as decks_of
import drawing
from deck import Block
from quote import CODE_COLUMNS, ROOT

ROWS, COLUMNS = 24, 80
BODY_ROWS = 18
NEEDED = ("vote", "live", "broken", "exit")
ASKS_FIRST = re.compile(r"\b(?:Ask|Demander|Poser la question) "
                        r"(?:first|before|d’abord|avant)\b")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def where(deck, slide=None):
    name = os.path.relpath(deck.path, ROOT)
    return f"{name}: {slide.title}" if slide else name


def contents(deck):
    """Marks that were not resolved, wide code, pictures without a text."""
    for problem in deck.problems:
        yield f"{where(deck)}: {problem}"
    for slide in deck.slides:
        for problem in slide.problems:
            yield f"{where(deck, slide)}: {problem}"
        for part in slide.parts:
            text = part.text if isinstance(part, Block) else part
            if not isinstance(part, Block):
                if re.search(r"^@|\{\{|!\[\]", text, flags=re.M):
                    yield f"{where(deck, slide)}: a mark is left"
                for image in re.finditer(r"!\[(.*?)\]\(", text):
                    if not image[1].strip():
                        yield f"{where(deck, slide)}: no alternative text"
                fences = re.findall(r"^```.*?\n(.*?)^```$", text,
                                    flags=re.S | re.M)
                text = "\n".join(fences)
            elif part.kind == "table":
                continue
            elif part.kind == "drawing" and not drawing.is_closed(part.text):
                yield f"{where(deck, slide)}: a box that is not closed"
            for line in text.splitlines():
                if len(line) > CODE_COLUMNS:
                    yield f"{where(deck, slide)}: {len(line)} columns: {line}"
        if not slide.minutes:
            yield f"{where(deck, slide)}: no minutes"
        if not slide.notes:
            yield f"{where(deck, slide)}: no notes"
        if ASKS_FIRST.search(slide.notes) and not any(
                decks_of.PAUSE in part for part in slide.parts
                if not isinstance(part, Block)):
            yield f"{where(deck, slide)}: asks first, and has no pause"
        for kind in slide.kinds:
            if kind not in decks_of.KINDS:
                yield f"{where(deck, slide)}: what is .{kind}?"
    kinds = {kind for slide in deck.slides for kind in slide.kinds}
    for kind in NEEDED:
        if kind not in kinds:
            yield f"{where(deck)}: no slide is .{kind}"


def translations(decks):
    """Both languages: the same decks, slides, kinds, minutes and marks."""
    by_name = {}
    for deck in decks:
        by_name.setdefault(deck.name, {})[deck.language] = deck
    for name, pair in by_name.items():
        for language in decks_of.LANGUAGES:
            if language not in pair:
                yield f"{name}: not in {language}"
        if len(pair) < 2:
            continue
        english, french = pair["en"], pair["fr"]
        if len(english.slides) != len(french.slides):
            yield f"{name}: {len(english.slides)} slides in English, " \
                f"{len(french.slides)} in French"
        for a, b in zip(english.slides, french.slides):
            for what in ("kinds", "minutes", "marks"):
                if getattr(a, what) != getattr(b, what):
                    yield f"{name}: {a.title} / {b.title}: {what}: " \
                        f"{getattr(a, what)} / {getattr(b, what)}"
            if bool(a.handout) != bool(b.handout):
                yield f"{name}: {a.title} / {b.title}: one has no hand-out"


def screens(deck):
    """Each screen that patat shows, as lines without colours."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "deck.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(decks_of.for_terminal(deck))
        text = subprocess.run(
            ["patat", "--force", "--dump", path], check=True, text=True,
            encoding="utf-8", stdout=subprocess.PIPE,
            env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}).stdout
    text = ESCAPE.sub("", text)
    return [[line.rstrip() for line in screen.strip("\n").splitlines()]
            for screen in re.split(r"^ *-{10}$", text, flags=re.M)]


def terminal(deck):
    """What 80 columns and 24 rows do not hold."""
    seen = set()
    for screen in screens(deck):
        while screen and not screen[0]:
            screen.pop(0)
        title = screen[2].strip().removeprefix("## ")
        body = screen[4:-1]
        while body and not body[-1]:
            body.pop()
        wide = [line for line in screen if len(line) > COLUMNS]
        if len(body) > BODY_ROWS and title not in seen:
            seen.add(title)
            yield f"{where(deck)}: {title}: {len(body)} rows of {BODY_ROWS}"
        for line in wide:
            yield f"{where(deck)}: {title}: wider than {COLUMNS}: {line}"


def everything(decks=None):
    decks = decks or decks_of.all_decks()
    for deck in decks:
        yield from contents(deck)
    yield from translations(decks)
    for deck in decks:
        yield from terminal(deck)
