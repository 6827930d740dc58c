# SPDX-License-Identifier: MIT
"""What a compiler said, in the order in which to read it.

gcc reports what it finds while it parses, and then, function by function, what
it finds later: warnings stand before errors and behind them. Here the errors
come first, each with its notes; where there are some, no warnings follow.
"""
import re

MESSAGE = re.compile(r"\S.*?:\d+:(?:\d+:)? (fatal error|error|warning|note): ")
MOST_ERRORS = 3  # on the screen: the first are the ones to read
QUOTED = re.compile(r"\s*\d*\s*\|")  # the source, and a caret below it
# What says nothing: which function it is stands in the line that is quoted.
NOISE = re.compile(r"\S.*?: In function .*:$|\S.*?: At top level:$|"
                   r"cc1: some warnings being treated as errors$|"
                   r"\d+ (?:warning|error)s?(?: and \d+ errors?)? generated\.$")
# The linker's, and what leads to a message in a header.
OTHER = re.compile(r"In file included from |\S*/ld: |collect2: |clang: ")


def in_order(log):
    """The log with its errors first."""
    errors, warnings, others = [], [], []
    group = others
    for line in log.splitlines():
        found = MESSAGE.match(line)
        if NOISE.match(line) or not found and not line.strip():
            continue
        if found and found[1] != "note":
            group = warnings if found[1] == "warning" else errors
        elif OTHER.match(line):
            group = others
        group.append(line)
    shown = errors + others if errors else others + warnings
    return "".join(line + "\n" for line in shown)


def folded(log, terminal, t):
    """Its first errors folded between words; quoted lines stay as they are."""
    lines, count = [], 0
    for line in log.rstrip().splitlines():
        found = MESSAGE.match(line)
        count += bool(found and "error" in found[1])
        if count <= MOST_ERRORS:
            lines.append(line if QUOTED.match(line)
                         else terminal.wrap(line, "    "))
    if count > MOST_ERRORS:
        lines.append(t("check.more_errors", count=count - MOST_ERRORS))
    return "\n".join(lines)
