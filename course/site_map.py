# SPDX-License-Identifier: MIT
"""The map of the course: tracks.toml as lists and as a picture."""
import os
import tomllib
import unicodedata

from site_markdown import esc

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEIGHT, ACROSS, DOWN, LEFT, TOP = 128, 46, 150, 96, 8, 30


def sorted_as(word):
    """Accents and capitals do not count in the order."""
    plain = unicodedata.normalize("NFD", word).lower()
    return "".join(c for c in plain if not unicodedata.combining(c))


class Map:
    def __init__(self, lessons):
        with open(os.path.join(HERE, "tracks.toml"), "rb") as file:
            table = tomllib.load(file)
        self.tracks, self.all_needs = table["track"], table["needs"]
        self.names = table["names"] | {one.number: one.name for one in lessons}

    def numbers(self):
        return [number for track in self.tracks for number in track["lessons"]]

    def needs(self, number):
        return self.all_needs.get(number, [])

    def leads_to(self, number):
        return [one for one in self.numbers() if number in self.needs(one)]

    def places(self):
        """{number: (x, y)}: the path on top, a row a track; what two lessons
        of a track build on alike stands below each other."""
        places, row = {}, 0
        for track in self.tracks:
            column, deepest = (0 if row == 0 else 1), row
            for number in track["lessons"]:
                beside = [one for one in track["lessons"]
                          if self.needs(one) == self.needs(number)]
                below = beside.index(number) if track["key"] == "ring" else 0
                if below:
                    column -= 1
                places[number] = (LEFT + column * ACROSS,
                                  TOP + (row + below * .62) * DOWN)
                deepest = max(deepest, row + below)
                column += 1
            row = deepest + 1 - (.38 if deepest > row else 0)
        return places

    def svg(self, language, words, page_of):
        places = self.places()
        width = LEFT * 2 + 6 * ACROSS + WIDTH
        height = max(y for _, y in places.values()) + HEIGHT + 12
        out = [f'<svg class="map" viewBox="0 0 {width} {height:g}" '
               f'role="group" aria-label="{esc(words)}">']
        out += self.arrows(places)
        for track in self.tracks:
            x, y = places[track["lessons"][0]]
            out.append(f'<text class="track" x="{x}" y="{y - 11:g}">'
                       f"{esc(track[language])}</text>")
            out += [self.box(number, track["key"], places[number],
                             page_of(number)) for number in track["lessons"]]
        out.append("</svg>")
        return "".join(out)

    def box(self, number, track, place, page):
        x, y = place
        name = self.names.get(number, "")
        # A long name takes two lines.
        lines = [name]
        if len(name) > 10 and "-" in name:
            cut = max(i for i, c in enumerate(name) if c == "-" and
                      i <= max(12, name.index("-")))
            lines = [name[:cut + 1], name[cut + 1:]]
        text = f'<text class="number" x="{x + 9}" y="{y + 28:g}">{number}</text>'
        first = y + (28 if len(lines) == 1 else 20)
        text += "".join(f'<text x="{x + 34}" y="{first + 17 * i:g}">'
                        f"{esc(line)}</text>" for i, line in enumerate(lines))
        box = (f'<rect class="track-{track}" x="{x}" y="{y:g}" rx="8" '
               f'width="{WIDTH}" height="{HEIGHT}"/>{text}')
        return f'<a href="{page}">{box}</a>' if page else \
            f'<g class="coming">{box}</g>'

    def arrows(self, places):
        """From what a lesson builds on to it. The first of a track comes from
        the path along the left edge."""
        out = []
        trunk = []
        for number, (x, y) in places.items():
            for before in self.needs(number):
                fx, fy = places[before]
                if y == fy and x > fx and before not in ("06",) and \
                        x - fx <= ACROSS:
                    out.append(self.line([(fx + WIDTH, fy + HEIGHT / 2),
                                          (x, y + HEIGHT / 2)]))
                elif before == "06" and y != fy:
                    trunk.append((x, y, fx, fy))
                elif y > fy and x <= fx + WIDTH:
                    # Beside the title of the track.
                    out.append(self.line([(fx + WIDTH * .8, fy + HEIGHT),
                                          (x + WIDTH * .8, y)]))
                else:
                    middle = (fx + WIDTH + x) / 2
                    out.append(self.line([
                        (fx + WIDTH, fy + HEIGHT / 2), (middle, fy + HEIGHT / 2),
                        (middle, y + HEIGHT / 2), (x, y + HEIGHT / 2)]))
        for x, y, fx, fy in trunk:
            beside = [one[0] for one in trunk if one[1] == y]
            if x != min(beside):
                continue
            # Several on one row: a frame around them, and one arrow to it.
            more = len(beside) > 1
            if more:
                out.append(f'<rect class="frame" x="{x - 9}" y="{y - 29:g}" '
                           f'rx="12" width="{max(beside) - x + WIDTH + 18}" '
                           f'height="{HEIGHT + 38}"/>')
            turn, edge = fy + HEIGHT + 10, LEFT + ACROSS - 40
            out.append(self.line([
                (fx + WIDTH / 2, fy + HEIGHT), (fx + WIDTH / 2, turn),
                (edge, turn), (edge, y + HEIGHT / 2),
                (x - 9 * more, y + HEIGHT / 2)]))
        return out

    @staticmethod
    def line(points):
        (bx, by), (x, y) = points[-2:]
        steps = "L".join(f"{px:g} {py:g}" for px, py in points)
        if y == by:
            tip = f"M{x} {y:g}l-8 -4.5v9z"
        else:
            tip = f"M{x:g} {y:g}l-4.5 -8h9z"
        return f'<path d="M{steps}"/><path class="tip" d="{tip}"/>'
