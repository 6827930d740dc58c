# SPDX-License-Identifier: MIT
"""A recorded run as lanes of characters: a lane for each thread and task.

    #  runs or is polled      .  waits             Q  in the ready queue
    P  parked                 W  in epoll_wait     ^  woken
    z  a short sleep

The axis is time. A poll lasts microseconds of a second, so a column shows the
rarest thing that happened in it, not the longest. Short sleeps hide the looks
between them: who naps and looks in a loop does not run.
"""

RANK = " .WPQ#z^"  # what wins, if one column has several

TASK_STATES = {"spawn": "Q", "push": "Q", "wake": "Q", "pop": "#",
               "poll": "#", "pending": ".", "ready": " ", "drop": " "}
THREAD_STATES = {"park": "P", "awake": "#", "epoll-wait": "W",
                 "epoll-done": "#", "sleep": "z", "thread-end": " "}
SHORT = 2  # columns that a short sleep touches, at most
MAX_TASKS = 8


def changes_of_task(events, task):
    """[(time, character)]; a wake is seen at its moment, then it queues: by
    its push, where pushes are recorded."""
    changes, pushes = [], any(event[2] == "push" for event in events)
    for time, _, kind, event_task, *_ in events:
        if event_task != task or kind not in TASK_STATES:
            continue
        if kind == "wake":
            before = changes[-1][1] if changes else " "
            changes.append((time, "^"))
            if pushes:
                changes.append((time, before))
                continue
        changes.append((time, TASK_STATES[kind]))
    return changes


def changes_of_thread(events, thread, start):
    changes = []
    asleep_from_start = False
    for event in events:
        time, event_thread, kind = event[:3]
        if event_thread != thread:
            continue
        if not changes and kind in ("epoll-done", "awake"):
            asleep_from_start = True
            changes.append((start, "W" if kind == "epoll-done" else "P"))
        if kind in THREAD_STATES:
            changes.append((time, THREAD_STATES[kind]))
        elif kind == "block":
            changes.append((time, "."))  # for a lock; else it is over here
        elif not changes or changes[-1][1] in " .z":
            changes.append((time, "#"))
    if changes and not asleep_from_start and changes[0][0] > start:
        changes.insert(0, (start, " "))
    return changes


def in_order(threads):
    """executor-2 before executor-10, whichever started first."""
    stems = list(dict.fromkeys(thread["name"].rstrip("0123456789")
                               for thread in threads))

    def place(thread):
        stem = thread["name"].rstrip("0123456789")
        return stems.index(stem), int(thread["name"][len(stem):] or 0)

    return sorted(threads, key=place)


def draw_lane(changes, start, end, width):
    """The characters of one lane, `width` of them."""
    cells = [" "] * width
    span = max(end - start, 1)
    column = lambda t: min(int((t - start) * width / span), width - 1)

    for i, (time, state) in enumerate(changes):
        until = changes[i + 1][0] if i + 1 < len(changes) else end
        first, last = column(time), column(until)
        if state == "z" and last - first >= SHORT:
            state = "."
        for cell in range(first, last + 1):
            if cell == last and last > first and i + 1 < len(changes):
                break  # the next state begins in this column
            if RANK.index(state) > RANK.index(cells[cell]):
                cells[cell] = state
    return "".join(cells)


def draw_axis(start, end, width):
    line = [" "] * width
    unit, ns_of = ("ms", 1e6) if end - start >= 10e6 else ("µs", 1e3)

    def shown(ns):
        return f"{ns / ns_of:.0f}"

    for tick in range(4):
        text = shown((end - start) * tick / 4)
        if tick == 0:
            text += " " + unit
        at = width * tick // 4
        line[at:at + len(text)] = text
    text = shown(end - start)
    line[-len(text):] = text
    return "".join(line[:width])


def draw(trace, t, columns):
    """The lines of the picture; none for a trace without events."""
    events = trace.get("events") or []
    if not events:
        return []
    # A run that was stopped shows its sleepers up to then.
    start, end = events[0][0], max(events[-1][0], trace.get("end_ns") or 0)
    if end - start < 1000:
        return []  # less than a microsecond: there is nothing to see
    tasks = sorted({e[3] for e in events
                    if e[3] is not None and e[3] >= 0 and e[2] in TASK_STATES})
    lanes = [(t("lanes.task", id=task), changes_of_task(events, task))
             for task in tasks[:MAX_TASKS]]
    lanes += [(thread["name"], changes_of_thread(events, thread["id"], start))
              for thread in in_order(trace.get("threads", []))]
    margin = max([len(name) for name, _ in lanes] + [len(t("lanes.time"))]) + 3
    width = max(min(columns, 100) - margin - 1, 16)
    lines = [f"{' ' + t('lanes.time'):<{margin}}" +
             draw_axis(start, end, width)]
    for name, changes in lanes:
        lines.append(f"{' ' + name:<{margin}}" +
                     draw_lane(changes, start, end, width).rstrip())
    if len(tasks) > MAX_TASKS:
        lines.append(" " + t("lanes.more", count=len(tasks) - MAX_TASKS))
    lines.append(" " + t("lanes.legend"))
    return lines
