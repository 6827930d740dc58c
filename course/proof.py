# SPDX-License-Identifier: MIT
"""Proves the course: solutions and unusual right answers pass, each wrong
answer of bugs/ gets the cause that it names."""
import gc
import json
import os
import sys
import time

import causes
import check
import lessons
import server
import source
import sweep

JOBS = 5  # most of a sweep is sleep
# So few that were not as expected are checked again, each alone: beside others
# a delay may be too short, or a thread may never fall asleep. The lines say so:
# "late" at first, which is no failure, and "ok" or "FAIL" when it ran alone.
AGAIN = 3


def header(path):
    """The /*@answer comment of a file as {key: text}."""
    text = lessons.read(path)
    start = text.find("/*@answer")
    if start < 0:
        raise source.BadSource(f"{path}: no /*@answer")
    found, key = {}, None
    for line in text[start + 9:text.index("*/", start)].splitlines():
        word, colon, rest = line.strip().partition(":")
        if colon and word in ("cause", "kind", "found", "en", "fr", "todo"):
            key = word
            found[key] = rest.strip()
        elif key and line.strip():
            found[key] += " " + line.strip()
    return found


def wanted_of(kind, path):
    """(cause or None, kind or None) that a file of this kind has to get."""
    if kind != "bugs":
        return None, None
    head = header(path)
    cause, inner = causes.split(head.get("cause"))
    return cause, head.get("kind") or inner


def items_of(kinds, lesson=None, share=(1, 1)):
    """[(lesson, kind, path or None)]: those that take longest first, so that
    at the end no core waits for the last one. A share (which, of how many) has
    all solutions."""
    chosen = [one for one in ([lesson] if lesson else lessons.all_lessons())
              if one.has_program and not one.elsewhere]
    which, shares = share
    items = [(one, "solutions", None) for one in chosen
             if "solutions" in kinds]
    for kind in ("alike", "bugs"):
        if kind in kinds:
            items += [(one, kind, path) for one in chosen
                      for path in one.answers(kind)][which - 1::shares]
    return items


def place_of(path):
    """The TODO that a wrong answer is in: "todo:" of its header, or its only
    region; None: it has several, and each may be named."""
    regions = list(source.regions(lessons.read(path)))
    return header(path).get("todo") or (
        regions[0] if len(regions) == 1 else None)


def is_right(verdict, cause, kind, todo=None):
    if cause is None:
        return verdict["passed"]
    return verdict["cause"] == cause and (
        not kind or verdict["kind"] == kind) and (
        not todo or verdict["todo"] == todo)


def name_of(lesson, kind, path):
    name = path.rsplit("/", 1)[1] if path else "solution"
    return f"{lesson.number} {kind:9} {name}"


def tell(verdict):
    """A verdict in a few words."""
    if verdict["passed"]:
        return "passed"
    kind = f" ({verdict['kind']})" if verdict["kind"] else ""
    seen = (verdict["evidence"] or {}).get("en", "")
    return f"{verdict['step']}: {verdict['cause']}{kind} [{seen}]"


def check_course(kinds, lesson=None, cc="cc", seed=None, jobs=None,
                 share=(1, 1)):
    """Check them all, or a share of them, print a line for each.
    Returns: the exit status."""
    # Recordings are many small objects without a cycle: the collector, which
    # looks through them again and again, takes a tenth of the time.
    gc.set_threshold(100_000)
    begin, items = time.monotonic(), items_of(kinds, lesson, share)
    bad, alone, lines = [], [], {}
    with server.Server() as one:
        # The solutions' figures first, so that they are measured once.
        for each in dict.fromkeys(item[0] for item in items):
            check.normal_of(check.Checker(each, cc=cc, server_=one))

        def judge(index, mark="late"):
            item = items[index]
            cause, kind = wanted_of(item[1], item[2])
            verdict = check.Checker(item[0], item[2], seed=seed, cc=cc,
                                    server_=one).check()
            if verdict["trace"]:
                os.remove(verdict["trace"])
            todo = place_of(item[2]) if item[1] == "bugs" else None
            right = is_right(verdict, cause, kind, todo)
            words = tell(verdict)
            if not right:
                bad.append(index)
                words += f"   <- expected {cause or 'passed'}" + (
                    f" ({kind})" if kind else "") + (
                    f" in {todo}, not {verdict['todo']}" if todo else "")
                if verdict["step"] == "build":
                    words += "\n" + (verdict["build_log"] or "")
            lines[index] = (f"{name_of(*item):40} {verdict['seconds']:5.1f} s"
                            f"  {words}")
            print("ok  " if right else mark, lines[index], flush=True)

        sweep.run_all(range(len(items)), judge, 3600, jobs or JOBS)
        if len(bad) <= AGAIN < len(items):
            alone, bad = sorted(bad), []
            for index in alone:
                print("again, alone:")
                judge(index, "FAIL")
        else:
            for index in sorted(bad):
                print("FAIL", lines[index], flush=True)
    print(f"{len(items) - len(bad)} of {len(items)} as expected, "
          + (f"{len(alone) - len(bad)} of them only alone, " if alone else "") +
          f"{time.monotonic() - begin:.0f} s, tree {check.tree_id()}")
    return 1 if bad else 0


def command(options, lesson):
    """engine.py check"""
    kinds = [kind for kind, wanted in (("solutions", options.solution),
                                       ("bugs", options.bugs),
                                       ("alike", options.alike)) if wanted]
    if kinds and not (options.json or options.trace):
        return check_course(kinds, lesson, options.cc, options.seed,
                            options.jobs)
    path = options.answer
    verdict = check.check(lesson, path, options.seed, options.cc,
                          on_step=lambda name: print(
                              f"... {name}", file=sys.stderr))
    if options.trace and verdict["trace"]:
        with open(verdict["trace"], encoding="utf-8") as source_file, \
                open(options.trace, "w", encoding="utf-8") as target:
            target.write(source_file.read())
    if options.json:
        print(json.dumps(verdict, ensure_ascii=False, indent=1))
    else:
        print(tell(verdict), f"{verdict['seconds']} s", verdict["todo"],
              f"line {verdict['line']}", f"step {verdict['hopeless']}",
              verdict["schedule"] or "")
        if verdict["step"] == "build":
            print(verdict["build_log"])
        for name, figure in verdict["figures"].items():
            print(f"   {name:20} {figure['measured'] or 0:>10}   "
                  f"{figure['low']}..{figure['high']}")
    return 0 if verdict["passed"] else 1
