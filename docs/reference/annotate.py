# SPDX-License-Identifier: MIT
"""Copy the public headers with their comments in the form that doxygen reads.

usage: annotate.py HEADERS OUTPUT html|man

HEADERS: include/reveil. Below OUTPUT is made a folder reveil with a copy of
each header. In it the comment at the head becomes the page of the file, and
each function, macro, struct, enum and type that has a comment above it becomes
a doxygen group of its name: a page of its own. A comment above several
declarations without a blank line between them is for each of them. The title of
a page is the name; of a man page, the first sentence, which follows the name in
its first line. index.dox is the first page of HTML.
"""

import pathlib
import re
import sys

ATTRIBUTE = re.compile(r"\s*__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
ATOMIC = re.compile(r"\bRV_ATOMIC\((\w+)\)\s*")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
HEADING = re.compile(r"/\*\s*---")
MACRO = re.compile(r"#\s*define\s+(\w+)(\()?")
TAG = re.compile(r"(?:struct|union|enum)\s+(\w+)\s*(?:\{|;)")
CALLBACK = re.compile(r"typedef\b[^;]*?\(\*(\w+)\)")
FUNCTION = re.compile(r"[^()={]*?\b(\w+)\s*\(")
# "Threads: any" and the like, and "name: what the parameter is".
LABEL = re.compile(r"^([A-Za-z_][\w, *]{0,30}):(?:\s+|$)(.*)$")
INSIDE = re.compile(r"(?<=[.;)]) +(?=(?:Returns|Threads|Blocks|Misuse|Owns|"
                    r"Borrows): )")
SENTENCE = re.compile(r"^(.*?[.:;])(?:\s|$)", re.DOTALL)
SPECIAL = re.compile(r"([\\@<>&#%\"$])|(::)|(---?)")


def is_whole(item):
    bare = COMMENT.sub(" ", item)
    if bare.count("{") != bare.count("}"):
        return False
    if re.search(r"\)\s*\{", bare):
        return True
    return bare.rstrip().endswith(";")


def items(text):
    """The comments, directives and declarations at the top level, with "" for
    each blank line."""
    lines = iter(text.splitlines())
    for line in lines:
        item = line
        if line.startswith("/*"):
            while "*/" not in item:
                item += "\n" + next(lines)
        elif line.startswith("#"):
            while item.endswith("\\"):
                item += "\n" + next(lines)
        elif line.strip() and line not in ("RV_BEGIN_DECLS", "RV_END_DECLS"):
            while not is_whole(item):
                item += "\n" + next(lines)
        yield item


def name_of(item):
    """What the item declares; None for what is no page of its own."""
    macro = MACRO.match(item)
    if macro:
        guard = item.rstrip().endswith("_H")
        return None if guard else macro.group(1)
    bare = ATTRIBUTE.sub("", COMMENT.sub(" ", item))
    bare = ATOMIC.sub(r"\1 ", bare)
    if not bare.strip() or bare.startswith(("#", "RV_BEGIN", "RV_END")):
        return None
    callback = CALLBACK.match(bare)
    if callback:
        return callback.group(1)
    tag = TAG.match(bare)
    if tag:
        return tag.group(1)
    if bare.startswith(("enum {", "extern \"C\"", "static_assert")):
        return None
    function = FUNCTION.match(bare)
    return function.group(1) if function else None


def body_of(comment):
    """The lines of a comment without the stars."""
    text = comment.removeprefix("/*").removesuffix("*/")
    lines = [re.sub(r"^ \* ?|^   ?", "", line) for line in text.splitlines()]
    return INSIDE.sub("\n", "\n".join(lines)).strip("\n").splitlines()


def escape(text):
    return SPECIAL.sub(
        lambda m: "\\" + m[0] if m[1] or m[2] else m[0].replace("-", "\\-"), text)


def prose(lines):
    """Doxygen's text of a comment: what is indented stays as it is; a label at
    the start of a line begins a paragraph."""
    out, paragraph, fixed = [], [], []

    def end_paragraph():
        if paragraph:
            out.append(" ".join(paragraph) + "\n")
            paragraph.clear()

    def end_fixed():
        while fixed and not fixed[-1].strip():
            fixed.pop()
        if fixed:
            out.extend(["@verbatim", *fixed, "@endverbatim\n"])
            fixed.clear()

    labelled = False
    for line in lines:
        if line.startswith("    ") and not (labelled and paragraph):
            end_paragraph()
            fixed.append(line)
            continue
        if fixed and not line.strip():
            fixed.append("")
            continue
        end_fixed()
        label = LABEL.match(line)
        if not line.strip():
            end_paragraph()
            labelled = False
        elif label:
            end_paragraph()
            labelled = True
            paragraph.append(f"<b>{escape(label[1])}:</b> {escape(label[2])}")
        else:
            paragraph.append(escape(line.strip()))
    end_paragraph()
    end_fixed()
    return "\n".join(out)


def file_page(name, comment):
    lines = body_of(comment)
    first = re.sub(rf"^{re.escape(name)} - ", "", lines[0]) if lines else ""
    rest = lines[1:]
    # The first sentence may go on in the next lines.
    while rest and rest[0].strip():
        first += " " + rest.pop(0).strip()
    return (f"/** @file {name}\n@brief {escape(first)}\n\n"
            f"{prose(rest)}\n*/")


def plain(item):
    """A declaration as doxygen reads it."""
    bare = ATOMIC.sub(r"\1 ", ATTRIBUTE.sub("", item))
    head, brace, fields = bare.partition("{")
    if not brace or re.search(r"\)\s*$", head):
        return bare
    # The comments of the fields: above them or behind them.
    fields = re.sub(r"(\S[^\n]*[;,])( *)/\* ", r"\1\2/**< ", fields)
    fields = re.sub(r"(\n[ ]*\w+)( *)/\* ", r"\1\2/**< ", fields)
    fields = re.sub(r"(^|\n)( *)/\*(?!\*)", r"\1\2/**", fields)
    fields = re.sub(r"/\*\*(<?)(.*?)\*/",
                    lambda m: f"/**{m[1]}" + field_text(m[2]) + "*/", fields,
                    flags=re.DOTALL)
    return head + brace + fields


def field_text(text):
    lines = [re.sub(r"^\s*\*? ?", "", line) for line in text.splitlines()]
    return " " + escape(" ".join(lines).strip()) + " "


def title_of(name, comment, form):
    if form == "html":
        return name
    sentence = SENTENCE.match(" ".join(comment))
    return escape(sentence[1].rstrip(".:;") if sentence else name)


def annotate(path, form, seen):
    """seen: the names that have a page already. Returns: the text of the header
    for doxygen, and its first sentence."""
    text = path.read_text(encoding="utf-8")
    text = text.replace("/* SPDX-License-Identifier: MIT */\n", "", 1)
    out, brief, comment, first = [], "", None, True
    for item in items(text):
        name = name_of(item)
        if item.startswith("/*"):
            if first:
                out.append(file_page(path.name, item))
                brief = re.search(r"@brief (.*)", out[-1])[1]
                first = False
            comment = None if HEADING.match(item) else body_of(item)
            continue
        if not item.strip():
            comment = None
        if item in ("RV_BEGIN_DECLS", "RV_END_DECLS"):
            continue
        if not name or comment is None:
            out.append(plain(item) if name else item)
            continue
        if comment[:1] and comment[0].startswith("Private"):
            continue
        # A struct and a function of one name share a page, and its title.
        title = "" if name in seen else title_of(name, comment, form)
        seen.add(name)
        out.append(f"/** @addtogroup {name} {title}\n@{{ */\n"
                   f"/** {prose(comment)}\n@par Header\n"
                   f"@verbatim\n#include <reveil/{path.name}>\n@endverbatim */\n"
                   f"{plain(item)}\n/** @}} */")
    return "\n".join(out) + "\n", brief


def main(headers, output, form):
    folder = pathlib.Path(output) / "reveil"
    folder.mkdir(parents=True, exist_ok=True)
    seen = set()
    index = ["/** @mainpage The headers", "<ul>"]
    for path in sorted(pathlib.Path(headers).glob("*.h")):
        text, brief = annotate(path, form, seen)
        (folder / path.name).write_text(text, encoding="utf-8")
        index.append(f"<li>@ref {path.name} - {brief}</li>")
    index.append("</ul>\n*/\n")
    if form == "html":
        (folder / "index.dox").write_text("\n".join(index), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
