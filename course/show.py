# SPDX-License-Identifier: MIT
"""A verdict of the checker as text: a table for a terminal, or sentences."""
import json
import os
import textwrap

import diagnostics
import lanes
from terminal import short_path
from texts import SEMICOLON

STEPS = ("build", "plain", "figures", "cases", "sweep", "sanitize")


def cause_name(verdict, t, causes):
    """The cause, with its kind: LOST WAKE (queued, not unparked)."""
    entry = causes.get((verdict.get("cause") or "").replace(" ", "_"), {})
    name = entry.get(t.language) or verdict.get("cause") or ""
    kind = verdict.get("kind")
    if kind:
        kinds = entry.get("kinds", {}).get(kind, {})
        name += f" ({kinds.get(t.language) or kind})"
    return name


def is_right(figure):
    low, high = figure.get("low"), figure.get("high")
    measured = figure.get("measured")
    if measured is None:
        return True
    return ((low is None or measured >= low) and
            (high is None or measured <= high))


def range_text(figure, t):
    low, high = figure.get("low"), figure.get("high")
    if low is None and high is None:
        return ""
    if low == high:
        return t.number(low)
    if low is None:
        return "..." + t.number(high)
    if high is None:
        return t.number(low) + "..."
    return f"{t.number(low)}..{t.number(high)}"


def shown(figures):
    """Those that say something: a quiet one only when it is out of range."""
    return [(name, figure) for name, figure in figures.items()
            if not figure.get("quiet") or not is_right(figure)]


LOGGED = ("polls", "wakes", "parks", "would_block", "epoll_waits")


def label(name, figure, t):
    """The name that the program's own figures line has, else words; in French
    the words, and that name behind those which do not have it."""
    words = t.of(figure) or name
    if name not in LOGGED or words == name:
        return words
    if t.language == "en":
        return name
    return f"{words} ({name})" if "(" not in words and \
        name[:5] not in words else words


def figures_table(figures, predicted, t, terminal):
    rows = []
    for name, figure in shown(figures):
        said = predicted.get(name)
        rows.append((label(name, figure, t), t.number(figure.get("measured")),
                     range_text(figure, t),
                     "" if said is None else t.number(said),
                     is_right(figure)))
    if not rows:
        return []
    heads = (t("check.measured"), t("check.expected"), t("check.said"))
    widths = [max([len(head)] + [len(row[i + 1]) for row in rows]) + 2
              for i, head in enumerate(heads)]
    mark = "   <- " + t("check.wrong")
    # A label that is too long for the line takes several.
    room = max(terminal.size()[0] - 4 - sum(widths) - len(mark), 20)
    labels = [textwrap.wrap(row[0], room) for row in rows]
    first = max(len(part) for parts in labels for part in parts) + 2
    lines = [" " * first + "".join(f"{head:>{width}}"
                                   for head, width in zip(heads, widths))]
    for row, parts in zip(rows, labels):
        cells = "".join(f"{cell:>{width}}"
                        for cell, width in zip(row[1:4], widths))
        word = "" if row[4] else mark
        parts[-1] = f"{parts[-1]:<{first}}{cells}{word}"
        lines += parts if row[4] else [terminal.style(part, "red")
                                       for part in parts]
    return [" " + line for line in lines]


def figures_sentences(figures, predicted, t):
    lines = []
    for name, figure in shown(figures):
        low, high = figure.get("low"), figure.get("high")
        word = t("check.right" if is_right(figure) else "check.wrong")
        key = "check.figure_plain" if low != high and None not in (
            low, high) else "check.figure_plain_one"
        line = t(key, name=label(name, figure, t), measured=t.number(figure.get("measured")),
                 low=t.number(low) if key.endswith("plain")
                 else range_text(figure, t), high=t.number(high), word=word)
        if predicted.get(name) is not None:
            line += " " + t("check.said_plain",
                            said=t.number(predicted[name]))
        lines.append(line)
    return lines


def step_words(verdict, t):
    """build ok, run ok, figures FAILED. Two have failed where a case knows
    better why the first one has."""
    words = []
    failed = None if verdict["passed"] else verdict.get("step")
    for step in verdict.get("steps") or STEPS:
        name = step["name"] if isinstance(step, dict) else step
        if name == failed:
            words.append(f"{t('check.' + name)} {t('check.failed')}")
            break
        ok = "failed" if name == verdict.get("failed_before") else "ok"
        words.append(f"{t('check.' + name)} {t('check.' + ok)}")
    return words


def where(verdict, path):
    """The place to look at: the line of the event, or of the TODO."""
    return verdict.get("line") or 1, short_path(path)


def explanation(verdict, path, t, terminal, causes, keys=False):
    """Why it has not passed, as lines; keys: what a key does is left out."""
    number = verdict["lesson"][:2]
    lines = []

    def add(key, style=(), **values):
        text = t("check." + key, **values)
        indent = " " * (text.find(":") + 2) if ":" in text[:12] else "  "
        lines.append(terminal.style(terminal.wrap(text, indent), *style))

    still_open = verdict.get("open") or []
    if verdict.get("todo") in still_open:
        # What an untouched TODO does wrong is no riddle to be solved.
        add("open", ("bold",), todo=verdict["todo"])
    else:
        add("cause", ("bold", "red"), cause=cause_name(verdict, t, causes))
        if t.of(verdict.get("why")):
            add("why", why=t.of(verdict["why"]))
    if t.of(verdict.get("evidence")):
        add("evidence", evidence=t.of(verdict["evidence"]))
    if verdict.get("step") == "cases":
        add("in_case")
    if verdict.get("hopeless"):
        add("hopeless", step=verdict["hopeless"])
    if verdict.get("todo") and not keys:
        line, name = where(verdict, path)
        add("where", path=name, line=line, todo=verdict["todo"])
    if verdict.get("schedule"):
        add("replay", number=number, schedule=verdict["schedule"])
    if verdict.get("trace") and not keys:
        add("step", number=number)
    if verdict.get("todo") and not keys:
        add("hint", number=number, todo=verdict["todo"])
    return lines


def picture(verdict, t, terminal):
    """Lanes of the recorded run, if there is one and drawings are wanted."""
    if terminal.plain or not verdict.get("trace"):
        return []
    try:
        with open(verdict["trace"], encoding="utf-8") as file:
            return lanes.draw(json.load(file), t, terminal.size()[0])
    except (OSError, ValueError):
        return []


def render(verdict, path, predicted, t, terminal, causes, following=None,
           keys=False):
    """All of a verdict, as lines; keys: on the screen of `watch`."""
    number = verdict["lesson"][:2]
    # Folded between two steps only.
    steps = [word.replace(" ", "\0") for word in step_words(verdict, t)]
    lines = [terminal.wrap("   ".join(steps)).replace("\0", " ")]
    if verdict.get("changed_outside"):
        lines.append(terminal.wrap(t("check.changed_outside")))
    if verdict.get("build_log") and verdict.get("step") == "build":
        lines += ["", diagnostics.folded(verdict["build_log"], terminal, t), ""]
    figures = verdict.get("figures") or {}
    if terminal.plain:
        lines += figures_sentences(figures, predicted, t)
    else:
        lines += figures_table(figures, predicted, t, terminal)
    if verdict.get("not_checked"):
        what = SEMICOLON[t.language].join(t("check.nc_" + key)
                                          for key in verdict["not_checked"])
        lines += [terminal.wrap(t("check.not_checked", what=what), "  "),
                  "  " + t("check.nc_more")]
    if verdict["passed"]:
        text = t("check.passed", number=number, seed=verdict.get("seed"),
                 seconds=t.number(float(verdict.get("seconds") or 0)))
        lines.append(terminal.style(text, "bold", "green"))
        if following:
            lines.append(t("check.passed_compare", number=number))
            lines.append(t("check.passed_next", next=following))
        return lines
    lines += explanation(verdict, path, t, terminal, causes, keys)
    lines += picture(verdict, t, terminal)
    if keys:
        return lines
    lines.append(t("check.not_passed", number=number,
                   seed=verdict.get("seed")))
    return lines
