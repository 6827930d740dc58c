# SPDX-License-Identifier: MIT
"""The rules for a run that goes no further: who waits, and for what."""
from causes import Finding, asleep_words, known_standstill


def never_stops(run):
    if not (run.result.stuck or run.result.limit) or not run.answered():
        return None
    if run.result.stuck and run.pending():
        return None  # a task still waits: that is what is wrong
    if run.result.stuck:
        kept = [event.task for event in run.recording.events
                if event.kind == "kept"]
        if kept and run.parked() >= 0:
            _, step = run.last(("park",))
            return Finding("NEVER STOPS", "kept", "a READY task was kept",
                           step or run.steps[-1], task=kept[-1],
                           blocked=run.blocked)
        return Finding("NEVER STOPS", "blocked", None, run.steps[-1],
                       wanted=len(run.wanted), blocked=run.blocked)
    return Finding("NEVER STOPS", "busy", None, run.steps[-1],
                   wanted=len(run.wanted), wall=run.wall)


def lingers(run):
    """main() has returned, and what runs at the exit does not."""
    if not run.recording.finished:
        return None
    return Finding("NEVER STOPS", "exit", None,
                   run.steps[-1] if run.steps else None,
                   lines=run.lines_blocked("main"))


def asleep_not_busy(run):
    """The lesson's check takes a standstill here for a loop, and the thread
    sleeps in a call."""
    known = known_standstill(run)
    return asleep_in_poll(run) if known and known.cause == "BUSY LOOP" else None


def deadlock(run):
    """A lock is waited for, and its owner sleeps too."""
    if not run.result.stuck:
        return None
    waits = [one for one in run.recording.threads
             if one.blocked_in == "pthread_mutex_lock"]
    if not waits:
        return None
    for wait in waits:
        owner, lines = run.recording.owner_of(wait.wanted)
        if lines:
            return Finding("DEADLOCK",
                           "itself" if owner is wait else "held", None,
                           run.steps[-1], lines=lines, innermost=True,
                           thread=wait.name,
                           owner=owner.name, line_of_lock=lines[0],
                           blocked=run.blocked)
    return Finding("DEADLOCK", "blocked", None, run.steps[-1],
                   lines=run.lines_blocked(waits[0].name), blocked=asleep_words(
                       [f"{one.name} in {one.blocked_in}" for one in
                        run.recording.threads if one.blocked_in]))


def blocked_in_read(run):
    if not run.result.stuck:
        return None
    waits = [one for one in run.recording.threads
             if one.blocked_in in ("recv", "recvfrom")]
    if not waits:
        return None
    return Finding("BLOCKS THE OTHERS", "still", None, run.steps[-1],
                   lines=run.lines_blocked(waits[0].name), blocked=run.blocked)


def asleep_in_poll(run):
    """The thread that polls sleeps, and its last poll has not returned."""
    p, step = run.last(("poll",), thread=run.executor)
    e, _ = run.last(("pending", "ready"), thread=run.executor)
    name = run.executor_name
    call = next((one.blocked_in for one in run.recording.threads
                 if one.index == run.executor and one.blocked_in), None)
    if not run.result.stuck or not call or p <= e:
        return None
    return Finding("BLOCKS THE OTHERS", "in_a_poll", None, step,
                   lines=run.lines_blocked(name), thread=name, call=call)


# --- wakes -----------------------------------------------------------------

def wrong_queue(run):
    """The last push of a task that waits went into another queue than the
    executor's (value = 1)."""
    if not run.result.stuck:
        return None
    for task in run.pending():
        i, step = run.last(("push",), task=task)
        p, _ = run.last(("poll",), task=task)
        if step and step.value == 1 and i > p:
            return Finding("LOST WAKE", "elsewhere", "wrong queue", step,
                           task=task, waker=step.name,
                           thread=run.executor_name)
    return None


def what_wake_did(run, index):
    """[kinds] of push and unpark by the thread of the wake at this index."""
    wake, did = run.steps[index], []
    for i in range(index + 1, len(run.steps)):
        step = run.steps[i]
        if step.thread != wake.thread:
            continue
        if step.kind in ("wake", "wake-again", "epoll-wait", "epoll-done",
                         "thread-end", "event", "poll", "pending", "ready",
                         "pop"):
            break
        if step.kind == "unpark" or (
                step.kind == "push" and step.task == wake.task):
            did.append((step.kind, i, step))
    return did


def popped_and_left(run):
    """Taken out of the ready queue, NOT_READY once, and not polled again."""
    if not (run.result.stuck or run.result.limit):
        return None
    for task in run.pending():
        i, step = run.last(("pop",), task=task)
        p, _ = run.last(("poll",), task=task)
        w, wake = run.last(("wake", "wake-again"), task=task)
        if not 0 <= p < w < i:
            continue
        ended, _ = run.after(p, ("pending",), task=task)
        if w < ended:
            return Finding("LOST WAKE", "during", "came during the poll",
                           wake, task=task)
        return Finding("FORGOTTEN TASK", "popped", None, step, task=task)
    return None


def lost_wake(run):
    """The wake of a task came, and the executor sleeps all the same."""
    parked = run.parked()
    if not run.result.stuck or parked < 0:
        return None
    queue, thread = run.queue(), run.executor_name
    pending = run.pending()
    for task in [one for one in pending if one in queue] + \
            [one for one in pending if one not in queue]:
        polled, _ = run.last(("poll",), task=task)
        index, wake = run.last(("wake", "wake-again"), task=task)
        if not wake or index < polled and task not in queue and \
                wake.thread != run.executor:
            continue
        if wake.thread == run.executor and task not in queue and \
                not what_wake_did(run, index) and index >= polled:
            ended, _ = run.after(index, ("pending",), task=task)
            if ended > 0:
                return Finding("LOST WAKE", "during", "came during the poll",
                               wake, task=task)
            continue
        if index < polled and task not in queue:
            continue  # it was polled for it; it waits for another one
        did = what_wake_did(run, index)
        kinds = [kind for kind, _, _ in did]
        if not kinds and task in queue and wake.kind == "wake-again":
            _, step = run.last(("push",), task=task)
            return Finding("LOST WAKE", "queued", "queued, not unparked",
                           step or wake, task=task, thread=thread)
        if not kinds:
            return Finding("LOST WAKE", "neither",
                           "neither queued nor unparked", wake, task=task,
                           waker=wake.name)
        if "unpark" not in kinds:
            return Finding("LOST WAKE", "queued", "queued, not unparked",
                           did[0][2], task=task, thread=thread)
        if "push" not in kinds:
            if task in queue:
                continue
            return Finding("LOST WAKE", "unparked",
                           "unparked, nothing queued", did[0][2], task=task,
                           waker=wake.name, thread=thread)
        if task not in queue:
            continue
        if kinds.index("unpark") < kinds.index("push") and \
                "unpark" not in kinds[kinds.index("push"):]:
            return Finding("LOST WAKE", "order", "order of the two",
                           did[kinds.index("push")][2], task=task,
                           waker=wake.name, thread=thread)
        unparked = max(i for kind, i, _ in did if kind == "unpark")
        rose, _ = run.after(unparked, ("awake", "permit"), thread=run.executor)
        if 0 < rose < parked:
            return forgotten(run)  # it was up, and did not empty its queue
        if run.slept_since() and \
                run.steps[unparked].time > run.slept_since():
            return Finding("LOST WAKE", "slept on", "did not end the sleep",
                           run.steps[unparked], task=task, waker=wake.name,
                           thread=thread)
        return Finding("LOST WAKE", "before", "came before the sleep",
                       max((did[-1], ("park", parked, run.steps[parked])),
                           key=lambda one: one[1])[2],
                       task=task, thread=thread)
    return None


def waiter_ended(run):
    """A thread that waited for events, or should have, has ended, and a task
    waits for one."""
    waiters = {step.thread for step in run.steps if step.kind == "epoll-wait"}
    if not waiters and any(step.kind == "register" for step in run.steps):
        waiters = {one.index for one in run.recording.threads
                   if one.index != run.executor}
    ended = [one for one in run.recording.threads
             if one.index in waiters and one.ended]
    if not ended or not run.pending() or any(
            place.endswith(" in epoll_wait") for place in run.result.blocked):
        return None
    _, step = run.last(("epoll-done", "thread-end"), thread=ended[0].index)
    return Finding("LOST WAKE", "waiter ended", "nobody waits for events",
                   step, waiter=ended[0].name, task=run.pending()[0],
                   blocked=run.blocked)


def forgotten(run):
    """A task is in the ready queue, and the executor waits elsewhere."""
    if not run.result.stuck:
        return None
    queue = [task for task in run.queue() if task in run.pending()]
    if not queue:
        return None
    i, step = run.last(("push",), task=queue[0])
    empty = [event for event in run.recording.events if event.time > step.time
             and event.kind == "empty" and event.task == queue[0]]
    if empty:
        return Finding("FORGOTTEN TASK", "empty", "not taken out", step,
                       lines=empty[0].lines, task=queue[0])
    if step.thread != run.executor and run.parked() >= 0 and \
            run.after(i, ("unpark",), thread=step.thread)[0] < 0:
        return Finding("LOST WAKE", "queued", "queued, not unparked", step,
                       task=queue[0], thread=run.executor_name)
    return Finding("FORGOTTEN TASK", "queued", "left in the queue", step,
                   task=queue[0], blocked=run.blocked)


def unknown(run):
    """No cause fits: what it did last, and no guess."""
    if run.result.stuck:
        return Finding("STOPPED", "last", None,
                       run.steps[-1] if run.steps else None,
                       lines=run.lines_blocked(run.executor_name),
                       blocked=run.blocked, steps=run.last_steps())
    return Finding("TOO SLOW", "last", None,
                   run.steps[-1] if run.steps else None,
                   lines=run.recording.seen_lines(), wall=run.wall,
                   steps=run.last_steps())
