# SPDX-License-Identifier: MIT
"""Verdicts for other programs: JSON, JUnit's XML, Gradescope's JSON."""
import json
from xml.sax.saxutils import escape, quoteattr

import check
import show


def summary(verdict, context):
    """The object that curriculum and autograders know, one a lesson."""
    figures = verdict.get("figures") or {}
    return {
        "lesson": verdict["lesson"],
        "passed": verdict["passed"],
        "cause": show.cause_name(verdict, context.t, check.causes()) or None,
        "kind": verdict.get("kind"),
        "evidence": context.t.of(verdict.get("evidence")) or None,
        "todo": verdict.get("todo"),
        "line": verdict.get("line"),
        "attempts": verdict.get("attempts", 0),
        "hints": verdict.get("hints", 0),
        "predicted": verdict.get("predicted", {}),
        "measured": {name: figure.get("measured")
                     for name, figure in figures.items()},
        "not_checked": verdict.get("not_checked", []),
        "schedule": verdict.get("schedule"),
        "seed": verdict.get("seed"),
        "tree": verdict.get("tree") or check.tree_id(),
        "seconds": round(float(verdict.get("seconds") or 0), 2),
    }


def message_of(row):
    words = [row["cause"] or "", row["evidence"] or ""]
    return ": ".join(word for word in words if word) or "not passed"


def junit(rows):
    failed = sum(not row["passed"] for row in rows)
    seconds = sum(row["seconds"] for row in rows)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>',
             f'<testsuite name="reveil lessons" tests="{len(rows)}" '
             f'failures="{failed}" errors="0" time="{seconds:.2f}">']
    for row in rows:
        head = (f'  <testcase classname="lesson" name='
                f'{quoteattr(row["lesson"])} time="{row["seconds"]:.2f}"')
        if row["passed"]:
            lines.append(head + "/>")
        else:
            lines.append(head + ">")
            lines.append(f"    <failure message="
                         f"{quoteattr(message_of(row))}>"
                         f"{escape(message_of(row))}</failure>")
            lines.append("  </testcase>")
    lines.append("</testsuite>")
    return "\n".join(lines) + "\n"


def gradescope(rows):
    """results.json of Gradescope's autograder: a point a lesson."""
    tests = [{"name": f"lesson {row['lesson']}", "max_score": 1,
              "score": 1 if row["passed"] else 0,
              "status": "passed" if row["passed"] else "failed",
              "output": "" if row["passed"] else message_of(row)}
             for row in rows]
    return json.dumps({"tests": tests,
                       "execution_time": sum(r["seconds"] for r in rows),
                       "visibility": "visible",
                       "stdout_visibility": "hidden"},
                      ensure_ascii=False, indent=1) + "\n"


def write(form, verdicts, context, stream):
    if form == "verdict":  # all of it, for `watch`
        json.dump(verdicts[0], stream, ensure_ascii=False)
        return
    rows = [summary(verdict, context) for verdict in verdicts]
    if form == "junit":
        stream.write(junit(rows))
    elif form == "gradescope":
        stream.write(gradescope(rows))
    else:
        json.dump(rows, stream, ensure_ascii=False)
        stream.write("\n")
