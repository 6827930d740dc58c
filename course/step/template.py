#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The step page without its traces, joined from web/ and sentences.toml.

    template.py [-o FILE]

What stands for @TRACES@ in it is the only part that differs from page to page:
page.py fills it in here, and the C program, which embeds this text, does the
same: {"lang": "fr", "traces": [TRACE]} with each < written as \\u003c.
"""
import argparse
import functools
import json
import os
import re
import sys

import squeeze
import words

WEB = os.path.join(words.HERE, "web")
SCRIPTS = ("text", "state", "say", "match", "lanes", "stage", "list", "model",
           "modes", "main")
PLACE = "@TRACES@"


def part(name):
    with open(os.path.join(WEB, name), encoding="utf-8") as file:
        return file.read()


def json_text(value):
    """JSON that can stand in an HTML script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028")


def pairs(table):
    """{"en": E, "fr": F} as [E, F] all through a table, to save room."""
    if not isinstance(table, dict):
        return table
    if set(table) == {"en", "fr"}:
        return [table["en"], table["fr"]]
    return {key: pairs(value) for key, value in table.items()}


def words_of(kinds):
    """The words of a page; kinds: of these events only, None: of all."""
    table = dict(words.load())
    if kinds is not None:
        table["say"] = {key: value for key, value in table["say"].items()
                        if key.partition(".")[0] in kinds | {"unknown"}}
    return pairs(table)


@functools.cache
def template(kinds=None):
    """kinds: a frozenset of the kinds of events that the page will show; None:
    of all, for the C program."""
    parts = {
        "@STYLE@": squeeze.style(part("style.css")),
        "@WORDS@": json_text(words_of(kinds)),
        "@SCRIPT@": "".join(squeeze.script(part(name + ".js"))
                            for name in SCRIPTS).strip(),
    }
    text = re.sub("|".join(parts), lambda m: parts[m.group()],
                  part("page.html"))
    if text.count(PLACE) != 1:
        raise ValueError(f"{PLACE} must stand in the page once")
    return text


def main():
    parser = argparse.ArgumentParser(description="the step page's template")
    parser.add_argument("-o", metavar="FILE", dest="out")
    out = parser.parse_args().out
    if not out:
        sys.stdout.write(template())
        return
    with open(out, "w", encoding="utf-8") as file:
        file.write(template())


if __name__ == "__main__":
    main()
