#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recorded run as Chrome trace JSON, for ui.perfetto.dev or chrome://tracing.

    perfetto.py TRACE.json [-o FILE.json] [--lang en|fr]

One track a thread, with the polls, sleeps and jobs as slices, all other events
as instants with their sentence, an arrow from each unpark to the thread that it
wakes and from each push to the poll of that task, and the length of the ready
queue as a counter.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import events as trace_events  # noqa: E402
import page  # noqa: E402
import plain  # noqa: E402
import sentences  # noqa: E402

PROCESS = 1
SLICES = {"runs": "run", "asleep": "sleep", "blocked": "block", "polls": "poll",
          "takes": "run", "job": "job"}


class Writer:
    """Collects the events of the Chrome trace."""

    def __init__(self):
        self.out = []

    def add(self, phase, thread, ns, name, **more):
        self.out.append({"ph": phase, "pid": PROCESS, "tid": thread,
                         "ts": ns / 1000, "name": name, **more})


def slice_name(thread):
    """What stands on a slice: "poll task 1", "asleep in park"."""
    if thread["does"] == "asleep":
        return f"asleep in {thread['in']}"
    if thread["task"] >= 0:
        word = "job" if thread["does"] == "job" else "task"
        return f"{SLICES[thread['does']]} {word} {thread['task']}" \
            if word == "task" else f"job {thread['task']}"
    return SLICES[thread["does"]]


def write_slices(writer, trace, machine_states, end):
    """A slice for as long as a thread does the same."""
    open_slices = {}

    def close(number, ns):
        if number in open_slices:
            start, name, category = open_slices.pop(number)
            writer.add("X", int(number), start, name, cat=category,
                       dur=(ns - start) / 1000)

    def look(threads, ns):
        for number, thread in threads.items():
            category = SLICES.get(thread["does"])
            name = slice_name(thread) if category else None
            if number in open_slices and open_slices[number][1] == name:
                continue
            close(number, ns)
            if name:
                open_slices[number] = (ns, name, category)

    for ns, state in machine_states:
        look(state["threads"], ns)
    for number in list(open_slices):
        close(number, end)


def write_flows(writer, events):
    """Arrows: unpark to awake, push to the poll of the task."""
    waiting, number = {}, 0
    for event in events:
        key = None
        if event.kind == "unpark":
            key = ("thread", event.value)
        elif event.kind == "push":
            key = ("task", event.task)
        if key:
            number += 1
            waiting[key] = number
            writer.add("s", event.thread, event.ns, event.kind, cat="wake",
                       id=number)
        end = None
        if event.kind in ("awake", "permit"):
            end = ("thread", event.thread)
        elif event.kind in ("poll", "await-poll", "switch"):
            end = ("task", event.task)
        if end in waiting:
            kind = "unpark" if end[0] == "thread" else "push"
            writer.add("f", event.thread, event.ns, kind, cat="wake",
                       id=waiting.pop(end), bp="e")


def convert(trace, lang="en"):
    """The Chrome trace of a trace, as JSON text."""
    page.check(trace)
    writer = Writer()
    writer.out.append({"ph": "M", "pid": PROCESS, "name": "process_name",
                       "args": {"name": trace.get("program") or "reveil"}})
    for thread in trace["threads"]:
        writer.out.append({
            "ph": "M", "pid": PROCESS, "tid": thread["id"],
            "name": "thread_name",
            "args": {"name": f"{thread['name']} ({thread['role']})"}})
    all_events = trace_events.read(trace)
    states = []
    queued = None
    for event, sentence, state in sentences.sentences(trace, lang):
        arguments = {"sentence": sentence}
        for key in ("task", "source"):
            if getattr(event, key) >= 0:
                arguments[key] = getattr(event, key)
        for key in ("value", "line"):
            if getattr(event, key):
                arguments[key] = getattr(event, key)
        if event.times > 1:
            arguments["times"] = event.times
        writer.add("i", event.thread, event.ns, event.kind, cat="step",
                   s="t", args=arguments)
        length = sum(len(queue) for queue in state["queues"].values())
        if length != queued:
            queued = length
            writer.add("C", 0, event.ns, "ready queue",
                       args={"tasks": length})
        states.append((event.ns, json.loads(json.dumps(
            {"threads": state["threads"]}))))
    write_slices(writer, trace, states, trace_events.end_ns(trace))
    write_flows(writer, all_events)
    verdict = trace.get("verdict") or {}
    if 0 < (verdict.get("step") or 0) <= len(all_events):
        event = all_events[verdict["step"] - 1]
        writer.add("i", event.thread, event.ns,
                   plain.pair(verdict.get("cause"), lang), cat="verdict",
                   s="g", args={"why": plain.pair(verdict.get("why"), lang)})
    return json.dumps({"traceEvents": writer.out, "displayTimeUnit": "ms"},
                      ensure_ascii=False, separators=(",", ":"))


def main(argv=None):
    parser = argparse.ArgumentParser(
        description="write a recorded run as Chrome trace JSON")
    parser.add_argument("trace", metavar="TRACE.json")
    parser.add_argument("-o", metavar="FILE.json", dest="out")
    parser.add_argument("--lang", choices=("en", "fr"), default="en")
    options = parser.parse_args(argv)
    path = options.trace
    try:
        text = convert(page.read(path), options.lang)
        path = options.out
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        else:
            print(text)
    except (OSError, page.BadTrace) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"perfetto: {path}: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
