# SPDX-License-Identifier: MIT
"""A drawing in characters as SVG: lines where it has box drawing, else text.

One source serves the terminal and the browser, so the two cannot differ.
"""
from html import escape

WIDE, HIGH = 10, 20

# Which of left, right, up, down a character joins to its middle.
LINES = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu",
    "├": "rud", "┤": "lud", "┬": "lrd", "┴": "lru", "┼": "lrud",
    "═": "lr", "║": "ud", "╔": "rd", "╗": "ld", "╚": "ru", "╝": "lu",
}
DASHED = {"╌": "lr", "╎": "ud"}
ENDS = {"l": (-WIDE / 2, 0), "r": (WIDE / 2, 0),
        "u": (0, -HIGH / 2), "d": (0, HIGH / 2)}
# An arrow head: its tip and its two other corners, and the line behind it.
ARROWS = {
    "►": ((5, 0), (-4, -5), (-4, 5), "l"),
    "◄": ((-5, 0), (4, -5), (4, 5), "r"),
    "▼": ((0, 8), (-5, -3), (5, -3), "u"),
    "▲": ((0, -8), (-5, 3), (5, 3), "d"),
}
BLOCKS = "█▓▒░"


def runs(row):
    """(column, text): words of a row that are no lines, with single spaces."""
    column, text = 0, ""
    for i, char in enumerate(row + "  "):
        drawn = char in LINES or char in DASHED or char in ARROWS
        if drawn or (char == " " and (not text or row[i:i + 2].strip() == "")):
            if text.strip():
                yield column, text.rstrip()
            text = ""
        else:
            if not text:
                column = i
            text += char


def corners(rows):
    """Closed boxes: (row, column, row, column)."""

    def at(r, c):
        return rows[r][c] if r < len(rows) and c < len(rows[r]) else " "

    for top, row in enumerate(rows):
        for left, char in enumerate(row):
            if char not in "┌╔":
                continue
            right = left + 1
            while at(top, right) not in "┐╗" and (
                    at(top, right) in LINES or at(top, right) in ARROWS):
                right += 1
            bottom = top + 1
            while at(bottom, left) in LINES and at(bottom, left) not in "└╚":
                bottom += 1
            if at(top, right) in "┐╗" and at(bottom, left) in "└╚" and \
                    at(bottom, right) in "┘╝┤┴┼╣" and all(
                        at(r, right) in LINES or at(r, right) in ARROWS
                        for r in range(top, bottom)):
                yield top, left, bottom, right


def is_closed(art):
    """Whether each corner of a box belongs to one that is drawn straight."""
    return len(list(corners(art.split("\n")))) == \
        art.count("┌") + art.count("╔")


def svg(art, alt, number):
    rows = art.split("\n")
    width = max(map(len, rows)) * WIDE
    height = len(rows) * HIGH
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
           f'viewBox="-4 -4 {width + 8} {height + 8}" '
           f'aria-labelledby="drawing-{number}">'
           f'<title id="drawing-{number}">{escape(alt)}</title>']
    for top, left, bottom, right in corners(rows):
        double = rows[top][left] == "╔"
        out.append(
            f'<rect x="{left * WIDE + 5}" y="{top * HIGH + 10}" '
            f'width="{(right - left) * WIDE}" '
            f'height="{(bottom - top) * HIGH}" '
            f'class="{"strong" if double else "box"}"/>')
    plain, dashed = [], []
    for r, row in enumerate(rows):
        for c, char in enumerate(row):
            x, y = c * WIDE + WIDE / 2, r * HIGH + HIGH / 2
            sides = LINES.get(char) or DASHED.get(char) or \
                (ARROWS[char][3] if char in ARROWS else "")
            path = dashed if char in DASHED else plain
            for side in sides:
                dx, dy = ENDS[side]
                path.append(f"M{x:g} {y:g}l{dx:g} {dy:g}")
            if char in ARROWS:
                points = " ".join(f"{x + dx:g},{y + dy:g}"
                                  for dx, dy in ARROWS[char][:3])
                out.append(f'<polygon points="{points}"/>')
        for c, text in runs(row):
            out.append(f'<text x="{c * WIDE}" y="{r * HIGH + 15}" '
                       f'textLength="{len(text) * WIDE}" '
                       f'xml:space="preserve">{escape(text)}</text>')
    out.append(f'<path d="{"".join(plain)}"/>')
    if dashed:
        out.append(f'<path d="{"".join(dashed)}" stroke-dasharray="3 3"/>')
    return "".join(out) + "</svg>"
