# SPDX-License-Identifier: MIT
"""The part of Markdown that the lessons are written in, as HTML.

The course needs Python and a compiler and nothing else, so it does not ask for
python3-markdown. The lessons use headings, paragraphs, lists, tables, fenced
and indented code, code, bold, italics, links and pictures; the rest is text and
is escaped: no HTML of a lesson reaches the page.
"""
import html
import re

FENCE = re.compile(r"```\s*(\w*)\s*$")
DRAWING = re.compile(r"<!-- drawing: ([\w-]+)((?: \d+)*) -->\s*$")
HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*$")
ITEM = re.compile(r"( {0,3})(?:([-*])|(\d+)\.)( +)(.*)")
ROW = re.compile(r"\s*\|(.*)\|\s*$")
RULE = re.compile(r"\s*\|?[\s:|-]+\|?\s*$")
INLINE = re.compile(
    r"(?P<code>`+)(?P<coded>.+?)(?P=code)(?!`)"
    r"|!\[(?P<alt>[^\]]*)\]\((?P<picture>[^)\s]+)\)"
    r"|\[(?P<words>(?:[^\[\]]|`[^`]*`)+)\]\((?P<link>[^)\s]+)\)"
    r"|\*\*(?P<bold>(?=\S).+?(?<=\S))\*\*"
    r"|\*(?P<italic>(?=[^\s*]).+?(?<=[^\s*]))\*(?!\*)"
    r"|<(?P<url>https?://[^\s<>]+)>"
    r"|\\(?P<literal>[\\`*_\[\]|<>#])", re.DOTALL)


def esc(text):
    return html.escape(text, quote=True)


def plain(text):
    """The words of a line without its marks, for an index."""
    def word(found):
        for name in ("coded", "alt", "words", "bold", "italic", "url",
                     "literal"):
            if found[name] is not None:
                return found[name] if name == "coded" else plain(found[name])
        return ""
    return INLINE.sub(word, text)


class Page:
    """HTML of a text, and its sections for the index of the search.

    link(target) gives the address of a link, or None: then only its words are
    shown; picture(target, words) gives the HTML of a picture; drawing(name,
    frames) that of a drawing of the slides, for <!-- drawing: NAME [FRAME]... -->:
    it stands for the fenced code behind the mark, which shows the same.
    """

    def __init__(self, text, link=None, picture=None, prefix="s",
                 drawing=None):
        self.link = link or (lambda target: target)
        self.picture = picture or (lambda target, words: esc(words))
        self.drawing = drawing
        self.prefix = prefix
        self.title = ""
        self.sections = []  # [id, title, text]
        self.out = []
        self.blocks(text.splitlines())

    @property
    def html(self):
        return "\n".join(self.out)

    def inline(self, text):
        parts, at = [], 0
        for found in INLINE.finditer(text):
            parts.append(esc(text[at:found.start()]))
            parts.append(self.mark(found))
            at = found.end()
        return "".join(parts) + esc(text[at:])

    def mark(self, found):
        if found["code"]:
            return f"<code>{esc(found['coded'].strip())}</code>"
        if found["picture"]:
            return self.picture(found["picture"], found["alt"])
        if found["link"]:
            words, target = self.inline(found["words"]), found["link"]
            # Any other scheme than these is no link of a lesson.
            foreign = re.match(r"[\w+.-]+:|//", target)
            if not foreign:
                target = self.link(target)
            elif not target.startswith(("https://", "http://")):
                target = None
            return f'<a href="{esc(target)}">{words}</a>' if target else words
        if found["bold"]:
            return f"<strong>{self.inline(found['bold'])}</strong>"
        if found["italic"]:
            return f"<em>{self.inline(found['italic'])}</em>"
        if found["url"]:
            return f'<a href="{esc(found["url"])}">{esc(found["url"])}</a>'
        return esc(found["literal"])

    def note(self, text):
        if self.sections:
            self.sections[-1][2] += " " + " ".join(text.split())

    def blocks(self, lines):
        """Append the HTML of these lines."""
        i = 0
        while i < len(lines):
            line = lines[i]
            if not line.strip():
                i += 1
            elif FENCE.match(line):
                i = self.fence(lines, i)
            elif DRAWING.match(line) and self.drawing and \
                    FENCE.match(lines[i + 1]):
                found = DRAWING.match(line)
                self.out.append(self.drawing(
                    found[1], [int(one) for one in found[2].split()] or [1]))
                i = self.end_of_fence(lines, i + 1)
            elif line.startswith("<!--"):
                while i < len(lines) and "-->" not in lines[i]:
                    i += 1
                i += 1
            elif HEADING.match(line):
                self.heading(*HEADING.match(line).groups())
                i += 1
            elif line.startswith("    "):
                i = self.indented(lines, i)
            elif ROW.match(line) and i + 1 < len(lines) and \
                    RULE.match(lines[i + 1]):
                i = self.table(lines, i)
            elif ITEM.match(line):
                i = self.list(lines, i)
            else:
                i = self.paragraph(lines, i)

    def code(self, text, language=""):
        kind = f' class="{esc(language)}"' if language else ""
        # Long lines scroll: with the keyboard too.
        self.out.append(f'<pre tabindex="0"><code{kind}>{esc(text)}</code>'
                        "</pre>")
        self.note(text)

    def fence(self, lines, i):
        language = FENCE.match(lines[i])[1]
        end = self.end_of_fence(lines, i)
        self.code("\n".join(lines[i + 1:end - 1]), language)
        return end

    @staticmethod
    def end_of_fence(lines, i):
        """The line behind the fence that begins at i."""
        end = i + 1
        while end < len(lines) and not FENCE.match(lines[end]):
            end += 1
        return end + 1

    def indented(self, lines, i):
        end = i
        while end < len(lines) and (lines[end].startswith("    ") or
                                    not lines[end].strip()):
            end += 1
        self.code("\n".join(line[4:] for line in lines[i:end]).rstrip())
        return end

    def heading(self, marks, text):
        level = len(marks)
        if level == 1 and not self.title:
            self.title = plain(text)
            self.sections.append(["", self.title, ""])
            self.out.append(f"<h1>{self.inline(text)}</h1>")
            return
        mark = f"{self.prefix}{len(self.sections)}"
        self.sections.append([mark, plain(text), ""])
        self.out.append(f'<h{level} id="{mark}">{self.inline(text)}'
                        f"</h{level}>")

    def table(self, lines, i):
        def cells(line):
            # A bar in code or behind a backslash is no border.
            found = re.findall(r"(?:`[^`]*`|\\\||[^|`]|`)+|(?<=\|)(?=\|)",
                               ROW.match(line)[1])
            return [cell.strip().replace("\\|", "|") for cell in found]

        heads = cells(lines[i])
        self.note(plain(" ".join(heads)))
        self.out.append('<div class="wide" tabindex="0"><table><thead><tr>' +
                        "".join(f'<th scope="col">{self.inline(head)}</th>'
                                for head in heads) + "</tr></thead><tbody>")
        i += 2
        while i < len(lines) and ROW.match(lines[i]):
            row = cells(lines[i])
            self.note(plain(" ".join(row)))
            self.out.append("<tr>" + "".join(f"<td>{self.inline(cell)}</td>"
                                             for cell in row) + "</tr>")
            i += 1
        self.out.append("</tbody></table></div>")
        return i

    def list(self, lines, i):
        first = ITEM.match(lines[i])
        kind = "ol" if first[3] else "ul"
        start = f' start="{first[3]}"' if first[3] not in (None, "1") else ""
        self.out.append(f"<{kind}{start}>")
        while i < len(lines):
            item = ITEM.match(lines[i])
            if not item or bool(item[3]) != bool(first[3]) or \
                    len(item[1]) > len(first[1]) + 1:
                break
            width = len(lines[i]) - len(item[5])
            body, i = [item[5]], i + 1
            while i < len(lines):
                line = lines[i]
                if line.strip() and not line.startswith(" " * 2):
                    if ITEM.match(line) or not body[-1].strip() or \
                            self.begins_block(line):
                        break
                if not line.strip() and not self.goes_on(lines, i):
                    break
                body.append(line[min(width, len(line) - len(line.lstrip())):])
                i += 1
            self.item(body)
            while i < len(lines) and not lines[i].strip() and \
                    i + 1 < len(lines) and ITEM.match(lines[i + 1]):
                i += 1
        self.out.append(f"</{kind}>")
        return i

    @staticmethod
    def goes_on(lines, i):
        """Whether the item goes on behind the empty line."""
        return i + 1 < len(lines) and lines[i + 1].startswith("  ")

    @staticmethod
    def begins_block(line):
        return bool(FENCE.match(line) or HEADING.match(line) or
                    line.startswith("<!--"))

    def item(self, body):
        before, self.out = self.out, []
        self.blocks(body)
        inside = self.out
        self.out = before
        if len(inside) == 1 or inside and inside[1].startswith(("<ul", "<ol")):
            inside[0] = re.sub(r"^<p>(.*)</p>$", r"\1", inside[0],
                               flags=re.DOTALL)
        self.out.append("<li>" + "\n".join(inside) + "</li>")

    def paragraph(self, lines, i):
        end = i
        while end < len(lines) and lines[end].strip() and not (
                end > i and (self.begins_block(lines[end]) or
                             ITEM.match(lines[end]) or
                             ROW.match(lines[end]))):
            end += 1
        text = "\n".join(line.strip() for line in lines[i:end])
        self.note(plain(text))
        self.out.append(f"<p>{self.inline(text)}</p>")
        return end
