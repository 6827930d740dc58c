# SPDX-License-Identifier: MIT
"""The rules for a run that works or naps where it should wait."""
from causes import Finding, kinds_in_words
from stuck import what_wake_did

LONG_MS = 20  # a wait inside of a poll that is no hiccup of the machine


def hot_loop(run):
    """(thread, kinds, times, steps) of the fold that repeats most."""
    best, i = None, 0
    while i < len(run.steps):
        if run.steps[i].times < 20:
            i += 1
            continue
        j = i
        while j < len(run.steps) and run.steps[j].times >= 20 and \
                j - i < 12 and abs(run.steps[j].times - run.steps[i].times) < 3:
            j += 1
        group = run.steps[i:j]
        if not best or group[0].times > best[0].times:
            best = group
        i = j
    return best


def inside_poll(run, step):
    """Whether a step lies between a poll and its end, on its thread."""
    index = run.steps.index(step)
    p, _ = run.last(("poll",), before=index, thread=step.thread)
    e, _ = run.last(("pending", "ready"), before=index, thread=step.thread)
    return p > e


def hidden_by_naps(run):
    """The executor naps in place of a park, and something else is wrong."""
    if not any(step.kind == "sleep" and step.thread == run.executor
               for step in run.steps):
        return None
    queue = run.queue()
    for task in run.pending():
        p, _ = run.last(("poll",), task=task)
        w, wake = run.last(("wake", "wake-again"), task=task)
        if task in queue:
            _, step = run.last(("push",), task=task)
            naps = sum(one.times for one in
                       run.steps[run.steps.index(step):]
                       if one.kind == "sleep")
            if naps >= 20:
                return Finding("FORGOTTEN TASK", "ignored",
                               "left in the queue", step, task=task)
        elif w > p and not any(kind == "push" for kind, _, _ in
                               what_wake_did(run, w)):
            kinds = [kind for kind, _, _ in what_wake_did(run, w)]
            return Finding("LOST WAKE", "neither" if not kinds else
                           "unparked", "unparked, nothing queued" if kinds
                           else "neither queued nor unparked", wake,
                           task=task, waker=wake.name,
                           thread=run.executor_name)
    return None


def sleeps(run):
    """Naps instead of a wait, in the program's own steps."""
    naps = [step for step in run.steps if step.kind == "sleep"]
    count = sum(step.times for step in naps)
    if not count:
        return None
    ms = sorted(step.value for step in naps)[len(naps) // 2]
    inside = [step for step in naps if inside_poll(run, step)]
    if inside:
        return Finding("SLEEPS IN POLL", "sleeps", None, inside[0], ms=ms,
                       count=sum(step.times for step in inside))
    return Finding("SLEEPS INSTEAD OF WAITING", "sleeps", None, naps[0],
                   count=count, ms=ms, thread=naps[0].name)


def naps_on(run):
    """It naps on and on, though nothing is to come: whatever else is wrong."""
    naps = sum(step.times for step in run.steps if step.kind == "sleep")
    if not run.result.idle or naps < 100:
        return None
    return hidden_by_naps(run) or sleeps(run)


def blocks(run):
    """Reads that blocked inside of a poll."""
    blocked = [(step, step.value, step.times) for step in run.steps
               if step.kind == "block" and inside_poll(run, step)]
    for i, step in enumerate(run.steps):
        if step.kind != "epoll-wait" or not inside_poll(run, step):
            continue
        _, done = run.after(i, ("epoll-done",), thread=step.thread)
        ms = done and round((done.time - step.time) / 1e6) or 0
        if ms >= LONG_MS:
            blocked.append((step, ms, step.times))
    if not blocked:
        return None
    return Finding("BLOCKS THE OTHERS", "blocked", None, blocked[0][0],
                   count=sum(times for _, _, times in blocked),
                   ms=max(ms for _, ms, _ in blocked))


def busy(run):
    """What repeats without end, by what is in the loop."""
    loop = hot_loop(run)
    if not loop:
        return None
    kinds = {step.kind for step in loop}
    if "enter" in kinds:
        return None  # io_uring_enter() works, and may wait: no idle loop
    first = loop[0]
    words = kinds_in_words([step.kind for step in loop])
    if kinds <= {"would-block", "log"} and inside_poll(run, first):
        return Finding("NEVER YIELDED", "inside_send" if first.value == 1
                       else "inside", None, first, times=first.times)
    if kinds <= {"connect", "log"} and inside_poll(run, first):
        return Finding("NEVER YIELDED", "connects", None, first,
                       times=first.times)
    if kinds == {"recv"} and not any(step.value for step in loop) and \
            inside_poll(run, first):
        return Finding("BUSY LOOP", "end", "reads the end again", first,
                       times=first.times)
    if run.result.switches > max(50, first.times / 2) and not kinds & {
            "epoll-wait", "park", "awake", "permit"}:
        return Finding("SLEEPS INSTEAD OF WAITING", "unseen", None, first,
                       count=run.result.switches, kinds=words)
    if "epoll-wait" in kinds and "event" in kinds and "recv" not in kinds:
        event = next(step for step in loop if step.kind == "event")
        return Finding("LEVEL SPIN", "repeats", None, event,
                       thread=first.name, source=event.source,
                       times=first.times)
    if "epoll-wait" in kinds:
        kind = "in the reactor" if first.thread != run.executor \
            else "in epoll_wait"
    elif "poll" in kinds and kinds & {"push", "pop", "wake", "wake-again"}:
        kind = "wakes itself"
        first = next((step for step in loop if step.kind == "wake"), first)
    elif "poll" in kinds and run.only_polls:
        return None
    elif "poll" in kinds:
        kind = "polls without a wake"
    elif first.thread == run.executor:
        kind = "in the executor"
    else:
        return None
    return Finding("BUSY LOOP", "repeats", kind, first, thread=first.name,
                   kinds=words, times=first.times)


def silent_loop(run):
    """No call at all, and the processor is busy."""
    polled = run.only_polls and any(step.kind == "poll" for step in run.steps)
    if run.result.limit and run.result.cpu_ms > 400 and not polled:
        return Finding("BUSY LOOP", "cpu", "no calls",
                       run.steps[-1] if run.steps else None, sure=True,
                       lines=run.recording.seen_lines(), cpu=run.result.cpu_ms, wall=run.wall)
    return None
