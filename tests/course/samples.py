# SPDX-License-Identifier: MIT
"""What the tests of the step page share: samples, traces of a few steps."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
STEP = os.path.abspath(os.path.join(HERE, "..", "..", "course", "step"))
TRACES = os.path.join(HERE, "traces")
sys.path[:0] = [STEP, TRACES]

import make  # noqa: E402
import page  # noqa: E402

NAMES = sorted(make.SCENARIOS)


def sample(name):
    return page.read(os.path.join(TRACES, name + ".json"))


def pair(text):
    return {"en": text, "fr": text}


# Two threads, one of which says nothing when it starts; their stacks; a deque
# that one fills and empties and the other takes from.
BARE = [[0, 1, "thread-start"], [10, 1, "frame", 1, 1, 8],
        [20, 1, "stack", 1], [30, 2, "stack", 2],
        [40, 1, "level", -1, 1, 1], [50, 1, "level", -1, 1, 2],
        [60, 2, "level", -1, 1, 1], [70, 1, "level", -1, 1, 0],
        [80, 1, "end"]]


def bare():
    return {"format": "reveil-trace-1", "title": pair("bare"),
            "threads": [{"id": 1, "name": "main", "role": "other"},
                        {"id": 2, "name": "bare", "role": "other"}],
            "files": {}, "events": BARE, "tasks": {}, "sources": {},
            "stacks": {"1": pair("a stack"), "2": pair("another")},
            "frames": {"1": pair("f()")},
            "bars": {"1": {**pair("a deque"), "most": 4, "owner": "main",
                           "ends": pair("left bottom, right top"),
                           "more": pair("{Who} pushes, {value} of {most}"),
                           "less": pair("{Who} pops, {value}"),
                           "taken": pair("{Who} steals, {value}")}}}


def trace_of(*steps, threads=None, **more):
    """A trace of (thread, kind, task, source, value, times) tuples."""
    listed = []
    for ns, step in enumerate(steps):
        thread, kind, task, source, value, times = \
            tuple(step) + (-1, -1, 0, 1)[len(step) - 2:]
        listed.append([ns * 1000, thread, kind, task, source, value, 0, times])
    return {"format": page.FORMAT, "title": {"en": "T", "fr": "T"},
            "program": "test", "threads": threads or [
                {"id": 1, "name": "main", "role": "executor"},
                {"id": 2, "name": "reactor", "role": "reactor"}],
            "events": listed, **more}
