# SPDX-License-Identifier: MIT
"""Write a trace's events small, so that a page of 100 tasks stays small.

Each event becomes a few numbers in base 36 with commas: time since the event
before in whole microseconds, thread, kind, task + 1, source + 1, value, line, times. A field
that is left out is as in the event before (thread), as in the last event of
that kind (line), or none. web/state.js, unpack(), reads it.
"""
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number):
    text = ""
    rest = abs(number)
    while rest or not text:
        rest, digit = divmod(rest, 36)
        text = DIGITS[digit] + text
    return "-" * (number < 0) + text


def pack(events):
    """{"kinds": [...], "rows": "..."} for a list of complete events."""
    kinds, lines, rows = [], {}, []
    before, last_thread = 0, 0
    for ns, thread, kind, task, source, value, line, times in events:
        us = ns // 1000  # no text of the page shows less than 0.1 ms
        if kind not in kinds:
            kinds.append(kind)
        fields = [
            base36(us - before),
            "" if thread == last_thread else base36(thread),
            base36(kinds.index(kind)),
            base36(task + 1) if task != -1 else "",
            base36(source + 1) if source != -1 else "",
            base36(value) if value else "",
            "" if lines.get(kind, 0) == line else base36(line),
            base36(times) if times > 1 else "",
        ]
        before, last_thread, lines[kind] = us, thread, line
        rows.append(",".join(fields).rstrip(","))
    return {"kinds": kinds, "rows": " ".join(rows)}
