#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""French typography, the one rule for all that is shown to a reader.

    french.py [--fix] FILE...      .md, .toml; says what is not so, or sets it

- The apostrophe is ’ between letters, as in l’exécuteur.
- A no-break space stands before : and » and after «, a narrow one before
  ; ? and !, and between the groups of a number.
- A decimal comma, and a no-break space before a unit.

causes.toml and the goals of TODOs are set when they are read.

Code is left as it is: between ``, in blocks of Markdown, in commands.
"""
import re
import sys

WIDE, NARROW = "\u00a0", "\u202f"
AFTER = "\ue000"  # stands for the code that a text follows
CODE = re.compile(r"(``.*?``|`[^`]*`|<!--(?!\s*(?:notes|handout):).*?-->"
                  r"|https?://\S+"
                  r"|\]\([^)]*\))", re.S)
RULES = [
    (re.compile(r"(?<=[^\W\d_])'(?=[\w«(*`é]|$)"), "’"),
    (re.compile(r"(?<=\S) (?=:(?:\s|$|\*))"), WIDE),
    (re.compile(r"(?<=\S) (?=»)"), WIDE),
    (re.compile(r"(?<=«) "), WIDE),
    (re.compile(r'(?<=[^\s.]) (?=[;?!](?:\s|$|[)*»|"]))'), NARROW),
    (re.compile(r"(?<![\w.,/])(\d{1,3}) (?=\d{3}(?![\w/]))"), r"\1" + NARROW),
    (re.compile(r"(?<=\d)" + NARROW + r"(\d{3}) (?=\d{3}(?![\w/]))"),
     NARROW + r"\1" + NARROW),
    (re.compile(r"(?<=\d)\.(?=\d+ (?:ms|s|µs|%)(?!\w))"), ","),
    (re.compile(r"(?<=\d) (?=(?:ms|s|µs|ns|ko|Mo|Go|%)(?![\w/]))"), WIDE),
]
TOML_TEXT = re.compile(
    r'(?:(?<=^)|(?<=[{,\s]))(?P<key>fr|[\w-]+|"[^"\n]*") = '
    r'(?P<text>"""(?:.*?)"""|"(?:\\.|[^"\\\n])*")', re.S | re.M)


def set_text(text):
    """A text with the typography of French, its code as it was."""
    parts = CODE.split(text)
    for number in range(0, len(parts), 2):
        part = AFTER * (number > 0) + parts[number]
        for rule, to in RULES:
            part = rule.sub(to, part)
        parts[number] = part.removeprefix(AFTER)
    return "".join(parts)


def set_table(table):
    """A table as TOML gives it, with its texts of the key `fr` set."""
    if isinstance(table, dict):
        return {key: set_text(value) if key == "fr" and isinstance(value, str)
                else set_table(value) for key, value in table.items()}
    if isinstance(table, list):
        return [set_table(value) for value in table]
    return table


def set_markdown(text):
    """Of Markdown, the prose: no blocks of code, by marks or by four spaces."""
    out, prose, fenced, after_blank = [], [], False, True
    for line in text.splitlines(keepends=True):
        mark = line.lstrip().startswith("```")
        code = fenced or mark or re.match(r" {4}", line) and (
            after_blank or not prose and out)
        fenced ^= mark
        if code:
            out += [set_text("".join(prose)), line]
            prose = []
        else:
            prose.append(line)
            after_blank = not line.strip()
    return "".join(out) + set_text("".join(prose))


def set_toml(text, all_keys):
    """Of TOML, the French texts: all of them, or those of the keys `fr`."""
    def fix(match):
        if not all_keys and match["key"] != "fr":
            return match[0]
        return f"{match['key']} = {set_text(match['text'])}"
    return TOML_TEXT.sub(fix, text)


def set_file(path, text):
    if path.endswith(".toml"):
        return set_toml(text, path.endswith(("fr.toml", ".fr.toml")))
    return set_markdown(text)


def main(argv):
    fix = argv[:1] == ["--fix"]
    status = 0
    for path in argv[fix:]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        right = set_file(path, text)
        if right == text:
            continue
        if fix:
            with open(path, "w", encoding="utf-8") as file:
                file.write(right)
            continue
        status = 1
        for number, (old, new) in enumerate(zip(
                text.splitlines(), right.splitlines()), 1):
            if old != new:
                print(f"{path}:{number}: {new}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
