#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recorded run as numbered sentences, for a terminal or a screen reader.

    plain.py TRACE.json [--lang en|fr] [--width N] [--from STEP] [--to STEP]

Each step is one sentence, and in brackets what it changed in the state; the
first has the whole state. It is the text of the page: no drawing, no colour.
"""
import argparse
import os
import sys
import textwrap

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import causes_in_both  # noqa: E402
import fold  # noqa: E402
import page  # noqa: E402
import sentences  # noqa: E402
import words  # noqa: E402


def pair(text, lang):
    """The right half of {"en": ..., "fr": ...}; other text as it is."""
    if isinstance(text, dict):
        return text.get(lang) or text.get("en") or ""
    return text or ""


SEEN = {"hopeless": "seen", "stopped_here": "seen_here"}


def word_of(verdict, key):
    """The key, or for a run that did not come to a stand what it only shows."""
    return SEEN[key] if verdict.get("stuck") is False else key


def verdict_lines(verdict, lang, width):
    """The cause, why, and where to look: two or three lines."""
    head = pair(verdict.get("cause"), lang)
    kind = pair(verdict.get("kind"), lang)
    if kind:
        head += f" ({kind})"
    if verdict.get("step"):
        head += ". " + words.ui(lang, word_of(verdict, "hopeless"),
                                step=verdict["step"]) + "."
    lines = textwrap.wrap(head, width)
    for key in ("evidence", "why"):
        text = pair(verdict.get(key), lang)
        lines += textwrap.wrap(sentences.capital(text), width)
    if verdict.get("todo"):
        lines.append(words.ui(lang, "see_todo", todo=verdict["todo"],
                              line=verdict.get("line") or "?"))
    return lines


def figures_line(figures, lang):
    names = words.load()["figure"]
    return ", ".join(f"{names[name][lang]}{words.colon(lang)}{words.number(count, lang)}"
                     for name, count in figures.items() if name in names)


def lines(trace, lang, width=79, first=1, last=None):
    """The sentences of a trace as lines of text, at most width wide."""
    trace = fold.fold(causes_in_both.translate(trace))
    verdict = trace.get("verdict") or {}
    out = [pair(trace.get("title"), lang) or trace.get("program", "")]
    if verdict:
        out += verdict_lines(verdict, lang, width)
    out.append("")
    speaker = sentences.Speaker(trace, lang)
    digits = len(str(len(trace["events"])))
    indent = " " * (digits + 2)
    shown, figures = {}, {}
    steps = sentences.sentences(trace, lang)
    for number, (event, sentence, state) in enumerate(steps, 1):
        figures = state["figures"]
        parts = speaker.state_parts(state)
        if first <= number <= (last or number):
            time = words.milliseconds(event.ns, lang)
            out += textwrap.wrap(f"{time}  {sentence}", width,
                                 initial_indent=f"{number:{digits}}. ",
                                 subsequent_indent=indent)
            changes = speaker.changes(shown, parts)
            if changes:
                out += textwrap.wrap(f"[{changes}]", width,
                                     initial_indent=indent,
                                     subsequent_indent=indent + " ")
            shown = parts
            if number == verdict.get("step"):
                out += textwrap.wrap(
                    "*** " + words.ui(lang, word_of(verdict, "stopped_here")), width,
                    initial_indent=indent, subsequent_indent=indent)
    out.append("")
    out += textwrap.wrap(words.ui(lang, "figures") + words.colon(lang)
                         + f"{figures_line(figures, lang)}", width)
    return out


def main(argv=None):
    parser = argparse.ArgumentParser(
        description="print a recorded run as numbered sentences")
    parser.add_argument("trace", metavar="TRACE.json")
    parser.add_argument("--lang", choices=("en", "fr"), default="en")
    parser.add_argument("--width", type=int, default=79)
    parser.add_argument("--from", type=int, default=1, dest="first",
                        metavar="STEP")
    parser.add_argument("--to", type=int, dest="last", metavar="STEP")
    options = parser.parse_args(argv)
    try:
        trace = page.read(options.trace)
    except (OSError, page.BadTrace) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"plain: {options.trace}: {reason}", file=sys.stderr)
        return 1
    try:
        for line in lines(trace, options.lang, max(40, options.width),
                          options.first, options.last):
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        # `| head` has read enough; nothing more is to be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
