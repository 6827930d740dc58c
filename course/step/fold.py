# SPDX-License-Identifier: MIT
"""Fold what a busy loop repeats: 316,612 equal steps become one, "× 316,612".

A cycle is up to CYCLE events that repeat one after the other, equal in all but
the time. It is folded when it comes at least LEAST times; the events of the
first time stay and say how often.

Twelve tasks that ask again and again (lesson 18) make a cycle of about a
hundred events.
"""
CYCLE = 128
LEAST = 4


def meaning(event):
    """All of an event but its time and how often it comes."""
    full = list(event[1:7]) + [-1, -1, 0, 0][len(event[1:7]) - 2:]
    return tuple(full[:6])


def length_of_cycle(keys, start):
    """(length, repetitions) of the cycle that begins at start, or (1, 1)."""
    for length in range(1, min(CYCLE, len(keys) - start - 1) + 1):
        if keys[start + length] != keys[start]:
            continue
        count = 1
        first = keys[start:start + length]
        while keys[start + count * length:
                   start + (count + 1) * length] == first:
            count += 1
        if count >= LEAST:
            return length, count
    return 1, 1


def fold(trace):
    """The trace with its cycles folded; the verdict's step moves with them."""
    events = trace["events"]
    keys = [meaning(event) + ((event[7] if len(event) > 7 else 1),)
            for event in events]
    if not any(keys[i] == keys[i + n] for n in range(1, CYCLE + 1)
               for i in range(max(0, len(keys) - n))):
        return trace
    folded, where = [], []
    at = 0
    while at < len(events):
        length, count = length_of_cycle(keys, at)
        for k in range(length * count):
            where.append(len(folded) + k % length)
        for event, key in zip(events[at:at + length], keys[at:at + length]):
            if count > 1:
                event = [event[0], *key[:6], key[6] * count]
            folded.append(event)
        at += length * count
    verdict = trace.get("verdict")
    if verdict and 0 < (verdict.get("step") or 0) <= len(where):
        verdict = {**verdict, "step": where[verdict["step"] - 1] + 1}
    return {**trace, "events": folded, "verdict": verdict}
