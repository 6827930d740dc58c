# SPDX-License-Identifier: MIT
"""The comments of C code: find them, and put them into another language."""
import re
import textwrap

TOKEN = re.compile(
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.S)
WIDTH = 80


def fold(comment):
    """The words of a comment on one line, without its stars."""
    if comment.startswith("//"):
        return " ".join(comment[2:].split())
    inner = comment[2:-2]
    lines = [re.sub(r"^\s*\*( |$)", "", line) for line in inner.splitlines()]
    return " ".join(" ".join(lines).split())


def find(text):
    """The comments of a text, folded, in order, that are to be translated."""
    return [fold(token[0]) for token in TOKEN.finditer(text)
            if token[0][0] == "/" and needs_words(fold(token[0]))]


def needs_words(folded):
    return bool(folded) and not folded.startswith("SPDX-") and \
        not folded.startswith(("TODO ", "END TODO "))


def lay_out(comment, french, column):
    """A French comment in the shape of the English one at this column."""
    indent = " " * column
    if "\n" in french.strip():
        lines = french.strip("\n").splitlines()
    elif "\n" not in comment:
        if column + len(french) + 6 <= WIDTH:
            return f"/* {french} */"
        lines = textwrap.wrap(french, max(WIDTH - column - 6, 30))
        if column > 8:  # behind code: goes on below it
            return "/* " + f"\n{indent}   ".join(lines) + " */"
    elif re.match(r"/\*[ \t]*\S", comment):
        lines = textwrap.wrap(french, WIDTH - column - 6)
        return "/* " + f"\n{indent} * ".join(lines) + " */"
    else:
        lines = textwrap.wrap(french, WIDTH - column - 3)
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"/*\n{body}{indent} */"


def halves(text, language):
    """The text with the half of each comment "English | French"."""

    def replace(token):
        both = re.fullmatch(r"/\* (.+) \| (.+) \*/", token[0])
        return f"/* {both[1 if language == 'en' else 2]} */" if both \
            else token[0]

    return TOKEN.sub(replace, text)


def translate(text, table):
    """The text with each comment that the table knows in French."""

    def replace(token):
        comment = token[0]
        french = table.get(fold(comment)) if comment[0] == "/" else None
        if not french:
            return comment
        column = token.start() - (text.rfind("\n", 0, token.start()) + 1)
        return lay_out(comment, french, column)

    return TOKEN.sub(replace, text)
