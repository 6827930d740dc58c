# SPDX-License-Identifier: MIT
"""The cause and the kind of a verdict in both languages, from causes.toml."""
import functools
import os
import sys
import tomllib

import words

sys.path.append(os.path.join(words.HERE, ".."))
import french  # noqa: E402

CAUSES = os.path.join(words.HERE, "..", "causes.toml")


@functools.cache
def table():
    try:
        with open(CAUSES, "rb") as file:
            return french.set_table(tomllib.load(file))
    except FileNotFoundError:
        return {}


def pair(entry, text):
    if isinstance(text, str) and "en" in entry and "fr" in entry:
        return {"en": entry["en"], "fr": entry["fr"]}
    return text


def translate(trace):
    """The trace with {"en", "fr"} where its verdict has a name of causes.toml.

    A trace that the C program wrote, or one that has both already, stays.
    """
    verdict = trace.get("verdict")
    if not verdict or not isinstance(verdict.get("cause"), str):
        return trace
    entry = table().get(verdict["cause"].replace(" ", "_"), {})
    kind = verdict.get("kind")
    kinds = entry.get("kinds", {})
    kind_entry = kinds.get(kind, {}) if isinstance(kind, str) else {}
    return {**trace, "verdict": {**verdict,
                                 "cause": pair(entry, verdict["cause"]),
                                 "kind": pair(kind_entry, kind)}}
