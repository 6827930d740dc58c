# SPDX-License-Identifier: MIT
"""sentences.toml, and numbers and placeholders as the page writes them."""
import functools
import os
import re
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
HOLE = re.compile(r"\{([A-Za-z]\w*)(?:\?([^|{}]*)\|([^{}]*))?\}")


@functools.cache
def load():
    with open(os.path.join(HERE, "sentences.toml"), "rb") as file:
        return tomllib.load(file)


def semicolon(lang):
    return "\u202f; " if lang == "fr" else "; "


def colon(lang):
    return "\u00a0: " if lang == "fr" else ": "


def fill(template, values):
    """Put values into {name}; {name?one|many} is a word for the number."""
    def hole(match):
        name, one, many = match.groups()
        if one is None:
            return str(values.get(name, ""))
        return one if values.get(name) in (0, 1, "0", "1") and (
            values.get(name) in (1, "1") or values.get("lang") == "fr"
        ) else many
    return HOLE.sub(hole, template)


def ui(lang, key, **values):
    return fill(load()["ui"][key][lang], values)


def number(value, lang, decimals=0):
    """316,612.5 in English, 316 612,5 in French."""
    whole, _, rest = f"{value:,.{decimals}f}".partition(".")
    if lang == "fr":
        whole = whole.replace(",", "\u202f")
    return whole + ("," if lang == "fr" else ".") * bool(rest) + rest


def milliseconds(ns, lang):
    # Rounded as the page does it: half up, in whole tenths.
    return number(int(ns / 100000 + 0.5) / 10, lang, 1) + " ms"
