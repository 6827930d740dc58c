# SPDX-License-Identifier: MIT
"""Judges one run: did it do what was asked, and if not, which cause fits."""
import collections

import busy
import causes
import crash
import readiness
import stuck
import texts
from causes import Finding

# Asked in this order; the first that fits is the cause.
ENDINGS = [causes.failed_in_program, crash.crashed, causes.stopped_itself,
           causes.starts_anew, causes.output_without_end,
           causes.left_a_child, causes.started_a_process,
           causes.registered_twice, causes.ended_early]
STANDSTILLS = [stuck.lingers, stuck.asleep_not_busy, causes.known_standstill,
               stuck.never_stops, stuck.deadlock, stuck.blocked_in_read,
               readiness.wrong_owner, readiness.misdirected, stuck.wrong_queue,
               stuck.popped_and_left, stuck.lost_wake, stuck.forgotten,
               stuck.waiter_ended,
               readiness.other_source, readiness.lost_event,
               readiness.unheard_event, stuck.asleep_in_poll]
TOO_BUSY = [stuck.lingers, busy.naps_on, causes.known_standstill,
            stuck.never_stops, readiness.wrong_owner, busy.hidden_by_naps,
            busy.sleeps, busy.blocks, busy.busy, busy.silent_loop,
            stuck.popped_and_left]

# What says little: the cases may know more.
LAST_STEPS = ("STOPPED", "TOO SLOW")  # their evidence is what was done last
VAGUE = LAST_STEPS + ("WRONG FIGURE", "ENDED EARLY", "CRASHED")

# Shown only when they are out of their range: they vary with the machine.
QUIET = ("cpu_ms", "wall_ms", "voluntary_switches")

# How far an answer may be from what the solution needs at the same time.
NOW_TIMES = 2

# What the steps show so plainly that it goes before expect.toml's word.
SURE = ("BLOCKS THE OTHERS", "SLEEPS IN POLL", "SLEEPS INSTEAD OF WAITING",
        "WRONG INTEREST", "NEVER YIELDED")


def first(rules, run):
    for rule in rules:
        finding = rule(run)
        if finding:
            return finding
    return None


def diagnose(run):
    """A Finding if this run failed, None if it did what it should."""
    finding = first(ENDINGS, run)
    if finding:
        return finding
    if run.result.stuck:
        return first(STANDSTILLS, run) or stuck.unknown(run)
    if run.result.limit:
        return first(TOO_BUSY, run) or stuck.unknown(run)
    if run.result.signal:
        return Finding("CRASHED", "signal", run.result.signal,
                       signal=run.result.signal, thread="?", text="",
                       **causes.at(run, run.recording.places["signal"]))
    return outside(run) or causes.closed_twice(run)


def unasked(run):
    """Who has not even been polled, where nothing was asked."""
    if not any(step.kind == "poll" for step in run.steps):
        return "no task was polled"
    if run.uses_gets and not run.recording.counts["get"]:
        return "no GET was polled"
    return None


def who_ended(run):
    """Who did not wait for an answer: the loop, a future, which said READY
    though its child had said NOT_READY, or the GET itself; None: unknown."""
    _, last = run.last(("pending", "ready"))
    if last and last.kind == "pending":
        return "the loop ended"
    gets = [event for event in run.recording.events if event.kind == "get"]
    if not last or not gets:
        return None
    return "READY before its answer" if gets[-1].value else \
        "READY before its child"


def not_all_asked(run, asked, values):
    """A Finding: a path that was wanted is not among those asked for."""
    if len(asked) == len(run.wanted):
        left = collections.Counter(run.wanted) - collections.Counter(asked)
        more = collections.Counter(asked) - collections.Counter(run.wanted)
        return Finding("ASKED FOR SOMETHING ELSE", "paths",
                       path=next(iter(left)), other=next(iter(more)))
    if run.result.site.left or any(step.kind == "pending"
                                   for step in run.steps[-2:]):
        return Finding("FORGOTTEN TASK", "missing",
                       who_ended(run) if run.uses_gets else None, **values)
    return Finding("FORGOTTEN TASK", "missing", "never asked", **values)


def outside(run):
    """What the server and the output say of a run that has ended."""
    if run.wanted is not None and run.result.site:
        site = run.result.site
        asked, wanted = site.paths(), run.wanted
        right = sum((collections.Counter(asked) &
                     collections.Counter(wanted)).values())
        values = {"count": right, "wanted": len(wanted)}
        if wanted and not right:
            return Finding("NOTHING WAS ASKED", "requests", unasked(run),
                           **values)
        if len(asked) > len(wanted):
            return Finding("STARTS ANEW", "connects", count=len(asked),
                           wanted=len(wanted))
        if sorted(asked) != sorted(wanted):
            return not_all_asked(run, asked, values)
        answers = [path for _, path in site.answers]
        left = [path for path in wanted if path not in answers]
        if left or site.left:
            _, step = run.last(("pending", "would-block", "recv"))
            return Finding("FORGOTTEN TASK", "left", who_ended(run), step,
                           count=len(left or site.left), wanted=len(wanted))
    missing = run.missing()
    if missing:
        return Finding("ANSWER NOT SHOWN", "missing", count=len(missing),
                       wanted=len(run.texts), text=missing[0])
    return None


# --- figures ---------------------------------------------------------------

def range_of(expected, name, normal, now):
    """(low, high) of a figure; ratios to the solution's own run. It is widened
    where the solution needs more, or less, `now` than it did: an exact count,
    or one that stayed the same, is no matter of the machine."""
    low, high = expected.get("low"), expected.get("high")
    ratio, own = expected.get("x_solution_high"), normal.get(name)
    if ratio is not None and own is not None:
        slack = {"cpu_ms": 150, "wall_ms": 500}.get(name, 20)
        high = max(round(own * ratio), round(own) + slack)
    if name not in now or low == high:
        return low, high
    if low is not None and now[name] < max(low, normal.get(name, low)):
        low = min(low, now[name] // NOW_TIMES)
    if high is not None and now[name] > min(high, normal.get(name, high)):
        high = max(high, now[name] * NOW_TIMES)
    return low, high


def figures_table(lesson, measured, normal, now):
    """{name: {measured, low, high, en, fr}} of the lesson's figures; `now`: see
    range_of()."""
    figures = {}
    for name, expected in lesson.expect.get("figures", {}).items():
        low, high = range_of(expected, name, normal, now)
        figures[name] = {"measured": measured.get(name), "low": low,
                         "high": high, "en": expected.get("en", name),
                         "fr": expected.get("fr", name),
                         "quiet": expected.get("quiet", name in QUIET)}
    return figures


def judge_figures(lesson, run, figures):
    """The first figure that is out of its range, as a Finding; or None."""
    for name, expected in lesson.expect.get("figures", {}).items():
        value = figures[name]["measured"]
        low, high = figures[name]["low"], figures[name]["high"]
        if value is None:
            continue
        side = "below" if low is not None and value < low else \
            "above" if high is not None and value > high else None
        if not side:
            continue
        return figure_finding(run, name, expected, figures[name], side)
    return order_finding(lesson, run)


def uses_cpu(run):
    """Far more of the processor than a program that sleeps: also where others
    take most of it."""
    return run.result.cpu_ms > max(60, run.wall / 20)


def is_busy(run, name, figure):
    """Whether more than this figure says that it worked all the time."""
    if uses_cpu(run):
        return True
    return name in ("polls", "epoll_waits", "wakes", "parks") and \
        figure["measured"] > 3 * (figure["high"] or figure["measured"])


def figure_finding(run, name, expected, figure, side):
    """Evidence of the steps, where a rule says the same or more; else the
    cause that expect.toml names for this side."""
    cause, kind = causes.split(expected.get(side) or "WRONG FIGURE")
    kind = expected.get(f"kind_{side}") or kind or None
    low, high = figure["low"], figure["high"]
    seen = first([busy.blocks, busy.sleeps, readiness.wrong_interest,
                  busy.busy], run)
    todo = expected.get(f"todo_{side}") or expected.get("todo")
    label = {"en": figure["en"], "fr": figure["fr"]}
    words = causes.evidence(
        "ANY", "figure" if None not in (low, high) and high < 10 ** 8 else
        "at_least" if side == "below" else "at_most", label=label, low=low,
        high=high,
        measured={language: texts.number(figure["measured"], language)
                  for language in texts.LANGUAGES})
    finding = Finding(cause, None, kind, seen and seen.step, todo)
    finding.evidence = words
    if cause == "BUSY LOOP" and uses_cpu(run):
        more = causes.evidence("BUSY LOOP", "time", cpu=run.result.cpu_ms,
                               wall=run.wall)
        words = texts.both(words, more)
        finding.evidence = words
    if cause == "BUSY LOOP" and not (seen and seen.cause == cause) and \
            not is_busy(run, name, figure):
        finding.cause, finding.kind = cause, kind = "WRONG FIGURE", None
    fits = seen and (seen.cause == cause or cause == "WRONG FIGURE" or
                     seen.cause in SURE)
    if fits:
        finding.cause = seen.cause
        if seen.cause != cause:
            finding.todo, finding.kind = None, seen.kind
        finding.kind = finding.kind or seen.kind
        finding.evidence = texts.both(seen.evidence, words)
    if finding.kind and finding.kind not in causes.table().get(
            causes.key_of(finding.cause), {}).get("kinds", {}):
        finding.kind = finding.kind if seen is None else seen.kind
    return finding


def order_finding(lesson, run):
    """[order] before = [["register", "epoll_wait"], ...]"""
    for pair in lesson.expect.get("order", {}).get("before", []):
        kinds = [kind.replace("_", "-") for kind in pair[:2]]
        times = [next((i for i, step in enumerate(run.steps)
                       if step.kind == kind), None) for kind in kinds]
        if times[1] is not None and (times[0] is None or
                                     times[0] > times[1]):
            return Finding("WRONG ORDER", "before", None,
                           run.steps[times[1]], first=kinds[0],
                           second=kinds[1])
    return None
