# SPDX-License-Identifier: MIT
"""A run's recording as a trace: reveil-trace-1, which the step page reads.

A source is what a learner calls so: the token, where the lesson gives each
socket its own; else the number of the connection. The server's answers are put
between the program's events by their time: both read CLOCK_MONOTONIC.
"""
import json
import os
import re
import threading

import french

FORMAT = "reveil-trace-1"
# By a word in the name of a thread; the first that fits.
ROLES = [("main", "executor"), ("worker", "worker"), ("sched-", "worker"),
         ("reactor", "reactor"), ("bell", "bell"), ("ring", "ring"),
         ("pool", "pool"), ("blocking", "pool"), ("cpu", "pool"),
         ("executor", "executor")]
LEFT_OUT = {"close", "log", "get", "ask", "pass", "empty", "kept", "locked",
            "await"}
AUTO = {"register", "deregister", "event"}
MOST_PATHS = 3  # of a source, in a sentence
MOST_EVENTS = 40000
NONCE = re.compile(r"/[0-9a-f]{12}(-\w+|\d+)?(?=$|,)")  # of answer.asked()


class Step:
    """One event of the trace."""
    __slots__ = ("time", "thread", "kind", "task", "source", "value", "line",
                 "times", "fd", "name", "mask", "lines")

    def __init__(self, event, source, name):
        self.time, self.thread, self.kind = event.time, event.thread, \
            event.kind
        self.task, self.source, self.value = event.task, source, event.value
        self.line, self.times, self.fd = event.line, event.times, event.fd
        self.name, self.mask, self.lines = name, 0, event.lines
        if self.kind in ("register", "event") and self.fd >= 0:
            self.task, self.mask = -1, event.task & 0xffffffff

    def row(self, start):
        return [self.time - start, self.thread, self.kind, self.task,
                self.source, self.value, self.line, self.times]

    def __repr__(self):
        return (f"{self.name} {self.kind} task={self.task} "
                f"source={self.source} value={self.value} fd={self.fd} "
                f"line={self.line} x{self.times}")


class Answered:
    """An answer of the server, as an event."""
    thread, kind, task, value, line, times, fd = 0, "answer", -1, 0, 0, 1, -1
    lines = ()

    def __init__(self, time):
        self.time = time


class Sources:
    """Which source an event is about, and what a source is."""

    def __init__(self, recording, site):
        self.paths = {}
        self.connection_of = {}  # fd -> number of its connection, from 1
        self.connections = 0
        self.token_of = {}
        self.path_of = [one.path for one in site.connections] if site else []
        sockets = {e.fd for e in recording.events if e.kind == "connect"}
        self.has_tokens = any(
            e.kind == "register" and e.fd in sockets and e.source != e.fd
            for e in recording.events)
        self.wanted = {e.source for e in recording.events
                       if e.kind == "set-waker"}
        self.authored = {e.kind for e in recording.events
                         if e.kind in AUTO and e.fd < 0}

    def take(self, event):
        """The source of this event, or -1; events must come in order."""
        fd = event.fd
        if event.kind == "connect":
            self.connections += 1
            self.connection_of[fd] = self.connections
            self.token_of.pop(fd, None)
            if not self.has_tokens:
                self.name(self.connections, fd)
                return self.connections
            return -1
        if fd < 0 and event.kind == "set-waker" and not self.has_tokens:
            return self.connection_of.get(event.source, event.source)
        if fd < 0:
            return event.source
        if fd not in self.connection_of:
            return event.source if event.kind in AUTO else -1
        if not self.has_tokens:
            return self.connection_of[fd]
        if event.kind == "register":
            self.token_of[fd] = event.source
            self.name(event.source, fd)
        return self.token_of.get(fd, -1) if event.kind != "event" \
            else event.source

    def name(self, source, fd):
        index = self.connection_of[fd] - 1
        path = self.path_of[index] if index < len(self.path_of) else None
        if path:
            known = self.paths.setdefault(source, [])
            if path not in known:
                known.append(path)

    def of_path(self, path):
        return next((source for source, paths in self.paths.items()
                     if path in paths), -1)


def steps_of(recording, site=None):
    """(steps, {source: name}) of a run."""
    sources = Sources(recording, site)
    steps = []
    executor = next((event.thread for event in recording.events
                     if event.kind == "poll"), 1)
    for event in recording.events:
        source = sources.take(event)
        if event.kind in LEFT_OUT or (
                event.kind in sources.authored and event.fd >= 0):
            continue
        if event.kind == "event" and event.fd >= 0 and event.task == 1 and \
                event.source not in sources.wanted:
            continue  # an eventfd that only the program itself knows of
        step = Step(event, source, recording.name_of(event.thread))
        if step.kind == "unpark" and not step.value:
            step.value = executor
        steps.append(step)
    for time, path in site.answers if site else []:
        steps.append(Step(Answered(time), sources.of_path(path), "server"))
    steps.sort(key=lambda step: step.time)
    return steps, {source: names_of(paths)
                   for source, paths in sources.paths.items()}


def names_of(paths):
    """The paths that a source stands for: all, or the first of many."""
    shown = paths if len(paths) <= MOST_PATHS else paths[:2] + ["…"]
    return ", ".join(shown)


def role_of(name):
    return next((role for word, role in ROLES if word in name), "other")


def figures_of(recording, steps, result=None):
    """The measured figures, by their names in expect.toml."""
    counts = recording.counts
    before = 0
    for step in steps:
        if step.kind in ("poll",):
            break
        if step.kind in ("write", "send"):
            before += step.value * step.times
    figures = {
        "polls": counts["poll"],
        "wakes": counts["push"],
        "parks": counts["park"],
        "epoll_waits": counts["epoll-wait"],
        "events": counts["event"],
        "epoll_ctl": counts["epoll_ctl"],
        "would_block": counts["would-block"],
        "registers": counts["ctl_add"],
        "deregisters": counts["ctl_delete"],
        "reads": counts["reads"],
        "connects": counts["connect"],
        "writes": counts["write"],
        "sleeps": counts["sleep"],
        "blocks": counts["block"],
        "ticks": counts["tick"],
        "bytes_before_poll": before,
    }
    own = recording.own_counts
    figures.update({"own_" + name: own[kind] for name, kind in (
        ("would_block", "would-block"), ("registers", "ctl_add"),
        ("reads", "reads"), ("connects", "connect"), ("sends", "send"),
        ("writes", "write"), ("epoll_waits", "epoll-wait"), ("epoll_ctl", "epoll_ctl"))})
    figures.update({name: counts[kind] for name, kind in (
        ("sends", "send"), ("enters", "enter"), ("jobs", "job-start"), ("submits", "submit"),
        ("completions", "complete"), ("steals", "steal"),
        ("switches", "switch"), ("timers", "timer"),
        ("channel_sends", "chan-send"), ("channel_receives", "chan-recv"),
        ("channel_waits", "chan-wait"))})
    figures["time_outs"] = own["timed"]
    figures.update(recording.own_figures)
    if result:
        figures["voluntary_switches"] = result.switches
        figures["cpu_ms"] = result.cpu_ms
        figures["wall_ms"] = round(result.seconds * 1000)
    return figures


def fold_for_page(steps):
    """At most MOST_EVENTS: what is in the middle is left out."""
    if len(steps) <= MOST_EVENTS:
        return steps
    half = MOST_EVENTS // 2
    return steps[:half] + steps[-half:]


class Waited:
    """A wait for a lock that was obtained later: where it began."""
    kind, task, source, times, fd = "block", -1, -1, 1, -1

    def __init__(self, event):
        self.time = event.time - event.value * 1000
        self.value = (event.value + 999) // 1000
        self.thread, self.line = event.thread, event.line
        self.lines = event.lines

    row = Step.row


def shown(recording, steps):
    """The steps of the trace, with the waits for locks among them."""
    steps = fold_for_page(steps)
    waits = [Waited(event) for event in recording.events
             if event.kind == "locked"] if steps else []
    return sorted(steps + [wait for wait in waits if wait.time >=
                           steps[0].time], key=lambda step: step.time) \
        if waits else steps


def at_a_lock(recording, steps, end_ns):
    """Rows of the threads that wait for a lock at the end of a run: nothing
    was recorded of that, and each would seem to run on."""
    rows = []
    for one in recording.threads:
        if one.ended or one.blocked_in != "pthread_mutex_lock":
            continue
        lines = recording.blocked_lines.get(one.name) or [0]
        since = max(one.blocked_since, steps[-1].time)
        ms = (max(end_ns or 0, since) - one.blocked_since) // 1000000
        rows.append((since, one.index, "block", -1, -1, ms, lines[0], 1))
    return sorted(rows)


def make(lesson, recording, steps, names, source_text, figures,
         verdict=None, end_ns=None):
    """The trace as the page wants it."""
    steps = shown(recording, steps)
    start = steps[0].time if steps else 0
    expect = lesson.expect
    trace = {
        "format": FORMAT,
        "title": {"en": f"lesson {lesson.number}, {lesson.name}",
                  "fr": f"leçon {lesson.number}, {lesson.name}"},
        "program": f"lesson {lesson.number}",
        "threads": [{"id": one.index, "name": one.name,
                     "role": expect.get("roles", {}).get(
                         one.name, role_of(one.name))}
                    for one in recording.threads],
        "files": {"lesson.c": source_text},
        "events": [step.row(start) for step in steps] + (
            [[time - start, *row] for time, *row in
             at_a_lock(recording, steps, end_ns)] if steps else []),
        "figures": figures,
        "tasks": {str(key): name for key, name in
                  expect.get("tasks", {}).items()},
        "sources": {str(key): NONCE.sub("", name)
                    for key, name in names.items()},
        "verdict": verdict,
    }
    for table in ("bars", "notes", "stacks", "frames"):
        if table in expect:
            trace[table] = french.set_table(expect[table])
    if end_ns:
        trace["end_ns"] = max(end_ns - start, 0)
    return trace


def new_path(folder, lesson):
    """Where a trace goes: one file for each thread of a process; those of
    processes that have ended are removed."""
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        words = name.split("-")
        if words[0] == "trace" and len(words) == 4 and \
                not os.path.exists(f"/proc/{words[2]}"):
            try:
                os.remove(os.path.join(folder, name))
            except FileNotFoundError:
                pass
    return os.path.join(folder, f"trace-{lesson.number}-{os.getpid()}-"
                        f"{threading.get_native_id()}.json")


def write(path, trace):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(trace, file, ensure_ascii=False, separators=(",", ":"))
