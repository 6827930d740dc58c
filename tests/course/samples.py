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
