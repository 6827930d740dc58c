# SPDX-License-Identifier: MIT
"""A trace's events as objects, with what the file leaves out filled in."""
from typing import NamedTuple

SLEEPERS = ("reactor", "bell", "pool", "ring", "worker")
ENDS_SLEEP = {"awake": "park", "epoll-done": "epoll_wait"}


class Event(NamedTuple):
    ns: int
    thread: int
    kind: str
    task: int = -1
    source: int = -1
    value: int = 0
    line: int = 0
    times: int = 1


def read(trace):
    """The events of a trace; fields that are missing at the end mean none."""
    events = []
    for fields in trace["events"]:
        event = Event(*fields)
        events.append(event._replace(times=max(1, event.times)))
    return events


def end_ns(trace):
    """When the run ended, or was stopped."""
    last = trace["events"][-1][0] if trace["events"] else 0
    return max(trace.get("end_ns") or 0, last)


def first_sleep(thread, events):
    """The call in which a thread slept before its first event, or None.

    A recorder misses the beginning of a sleep that began before it did.
    """
    for event in events:
        if event.thread != thread["id"]:
            continue
        if event.kind in ENDS_SLEEP:
            return ENDS_SLEEP[event.kind]
        if event.kind in ("thread-start", "epoll-wait", "park"):
            return None
        break
    if thread["role"] in ("reactor", "bell"):
        return "epoll_wait"
    return "wait" if thread["role"] in SLEEPERS else None
