# SPDX-License-Identifier: MIT
"""Take the comments and needless blanks out of the page's JavaScript and CSS.

What is read is web/; what is sent is this. Strings, templates and regular
expressions stay as they are, and so do the line breaks on which JavaScript's
automatic semicolons may depend.
"""
import re

# A string, a regular expression after what cannot end a value, a comment, a
# template (its ${...} parts stay as they are), a blank.
STRING = r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'"
REGEX = r"(?<=[(,=:\[!&|?{};\n])\s*/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*"
COMMENT = r"//[^\n]*"
TOKEN = re.compile(f"(?P<string>{STRING})|(?P<regex>{REGEX})|"
                   f"(?P<comment>{COMMENT})|(?P<template>`)|"
                   r"(?P<blank>[ \t]+)|(?P<lines>\s*\n\s*)")
OPEN, CLOSING = set("{;,([&|?:="), set("}).]&|?:")
WORD = re.compile(r"[\w$]")


def end_of_template(text, at):
    """The place behind the template that begins at `at`."""
    at += 1
    while text[at] != "`":
        if text[at] == "\\":
            at += 2
        elif text.startswith("${", at):
            at = end_of_hole(text, at + 2)
        else:
            at += 1
    return at + 1


def end_of_hole(text, at):
    depth = 1
    while depth:
        if text[at] == "`":
            at = end_of_template(text, at)
            continue
        string = re.compile(STRING).match(text, at)
        if string:
            at = string.end()
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def script(text):
    out, at = [], 0
    while at < len(text):
        match = TOKEN.search(text, at)
        if not match:
            out.append(text[at:])
            break
        out.append(text[at:match.start()])
        at = match.end()
        kind = match.lastgroup
        if kind == "template":
            at = end_of_template(text, match.start())
            out.append(text[match.start():at])
        elif kind == "lines":
            # No statement ends there, so no semicolon depends on the break.
            if last(out) not in OPEN and text[at:at + 1] not in CLOSING:
                out.append("\n")
        elif kind == "blank":
            # Needed between two words, and in a + +b or a - -b.
            before = out[-1][-1:] if out[-1] else last(out)
            after = text[at:at + 1]
            if WORD.match(before) and WORD.match(after) or \
                    before in "+-" and before == after:
                out.append(" ")
        elif kind != "comment":
            out.append(match.group())
    return re.sub(r"\n+", "\n", "".join(out)).strip() + "\n"


def last(out):
    return next((part[-1] for part in reversed(out) if part), "\n")


def style(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"\s*\n\s*", "", text)
