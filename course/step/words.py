# SPDX-License-Identifier: MIT
"""sentences.toml, and numbers and placeholders as the page writes them."""
import functools
import os
import re
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
HOLE = re.compile(r"\{([A-Za-z]\w*)(?:\?([^|{}]*)\|([^{}]*))?\}")


def french(text):
    """Spaces that do not break, where French writes a space before a sign."""
    text = re.sub(r" ([:»])", "\u00a0\\1", text)
    text = re.sub(r"« ", "«\u00a0", text)
    return re.sub(r" ([;!?])", "\u202f\\1", text)


def typeset(table):
    """All texts of a table, with the French ones as French sets them."""
    return {key: typeset(value) if isinstance(value, dict)
            else french(value) if key == "fr" else value
            for key, value in table.items()}


@functools.cache
def load():
    with open(os.path.join(HERE, "sentences.toml"), "rb") as file:
        return typeset(tomllib.load(file))


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
