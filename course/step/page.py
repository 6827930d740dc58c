#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recorded run as a page that steps through it, forwards and back.

    page.py TRACE.json [TRACE2.json] -o FILE.html [--lang en|fr]

With two traces the page shows the runs side by side, and moves them together.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import causes_in_both  # noqa: E402
import events  # noqa: E402
import fold  # noqa: E402
import pack  # noqa: E402
import template  # noqa: E402

FORMAT = "reveil-trace-1"


class BadTrace(ValueError):
    """The file is no trace that this page can show."""


def check(trace):
    if not isinstance(trace, dict) or trace.get("format") != FORMAT:
        raise BadTrace(f'not a trace ("format" is not "{FORMAT}")')
    if not trace.get("threads") or not trace.get("events"):
        raise BadTrace("the trace has no threads or no events")
    for number, event in enumerate(trace["events"], 1):
        if not isinstance(event, list) or not 3 <= len(event) <= 8:
            raise BadTrace(f"event {number} does not have 3 to 8 fields")


def read(path):
    with open(path, encoding="utf-8") as file:
        try:
            trace = json.load(file)
        except ValueError as error:
            raise BadTrace(f"not JSON: {error}") from None
    check(trace)
    return trace


def render(traces, lang=None):
    """The page of one trace, or of two beside each other.

    lang is the language in which it opens; None: the browser's.
    """
    if not 1 <= len(traces) <= 2:
        raise BadTrace("a page has one trace or two")
    shown = []
    for trace in traces:
        check(trace)
        shown.append(small(fold.fold(causes_in_both.translate(trace))))
    data = template.json_text({"lang": lang, "traces": shown})
    kinds = frozenset(kind for trace in shown
                      for kind in trace["packed"]["kinds"])
    return template.template(kinds).replace(template.PLACE, data)


def small(trace):
    """The same trace with its events packed."""
    return {**{k: v for k, v in trace.items() if k != "events"},
            "packed": pack.pack(events.read(trace))}


def main(argv=None):
    parser = argparse.ArgumentParser(
        description="make a page that steps through a recorded run")
    parser.add_argument("traces", nargs="+", metavar="TRACE.json")
    parser.add_argument("-o", metavar="FILE.html", dest="out", required=True)
    parser.add_argument("--lang", choices=("en", "fr"))
    options = parser.parse_args(argv)
    if len(options.traces) > 2:
        parser.error("one trace, or two side by side")
    traces = []
    for path in options.traces:
        try:
            traces.append(read(path))
        except (OSError, BadTrace) as error:
            reason = getattr(error, "strerror", None) or error
            print(f"page: {path}: {reason}", file=sys.stderr)
            return 1
    text = render(traces, options.lang)
    try:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        print(f"page: {options.out}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
