# SPDX-License-Identifier: MIT
"""The rules for a run that goes no further: who waits, and for what."""
from causes import MOST_NAMES, Finding

EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLET = 1, 4, 8, 16, 1 << 31
EPOLLONESHOT = 1 << 30
MASKS = [(0x1, "EPOLLIN"), (0x4, "EPOLLOUT"), (0x2, "EPOLLPRI"),
         (0x2000, "EPOLLRDHUP"), (1 << 30, "EPOLLONESHOT"),
         (1 << 31, "EPOLLET")]


def mask_words(mask):
    return " | ".join(name for bit, name in MASKS if mask & bit) or "0"


def never_stops(run):
    if not (run.result.stuck or run.result.limit) or not run.answered():
        return None
    if run.result.stuck and run.pending():
        return None  # a task still waits: that is what is wrong
    if run.result.stuck:
        return Finding("NEVER STOPS", "blocked", None, run.steps[-1],
                       wanted=len(run.wanted), blocked=run.blocked)
    return Finding("NEVER STOPS", "busy", None, run.steps[-1],
                   wanted=len(run.wanted), wall=run.wall)


def deadlock(run):
    """A lock is waited for, and its owner sleeps too."""
    if not run.result.stuck:
        return None
    waits = [one for one in run.recording.threads
             if one.blocked_in == "pthread_mutex_lock"]
    if not waits:
        return None
    lines = getattr(run.recording, "blocked_lines", {})
    return Finding("DEADLOCK", "blocked", None, run.steps[-1],
                   line=lines.get(waits[0].name, 0), blocked=", ".join(
                       [f"{one.name} in {one.blocked_in}" for one in
                        run.recording.threads if one.blocked_in][:MOST_NAMES]))


def blocked_in_read(run):
    if not run.result.stuck:
        return None
    waits = [one for one in run.recording.threads
             if one.blocked_in in ("recv", "recvfrom")]
    if not waits:
        return None
    lines = getattr(run.recording, "blocked_lines", {})
    return Finding("BLOCKS THE OTHERS", "still", None, run.steps[-1],
                   line=lines.get(waits[0].name, 0), blocked=run.blocked)


# --- wakes -----------------------------------------------------------------

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
        return Finding("LOST WAKE", "before", "came before the sleep",
                       max((did[-1], ("park", parked, run.steps[parked])),
                           key=lambda one: one[1])[2],
                       task=task, thread=thread)
    return None


def forgotten(run):
    """A task is in the ready queue, and the executor waits elsewhere."""
    if not run.result.stuck:
        return None
    queue = [task for task in run.queue() if task in run.pending()]
    if not queue:
        return None
    i, step = run.last(("push",), task=queue[0])
    if step.thread != run.executor and run.parked() >= 0 and \
            run.after(i, ("unpark",), thread=step.thread)[0] < 0:
        return Finding("LOST WAKE", "queued", "queued, not unparked", step,
                       task=queue[0], thread=run.executor_name)
    return Finding("FORGOTTEN TASK", "queued", "left in the queue", step,
                   task=queue[0], blocked=run.blocked)


# --- events ----------------------------------------------------------------

def waiting_sources(run, ever=False):
    """[(index, step)] of the EAGAIN that each open socket waits since; or of
    those that have ever waited."""
    waits = {}
    for i, step in enumerate(run.steps):
        if step.fd < 0:
            continue
        if step.kind == "would-block":
            waits[step.fd] = (i, step)
        elif step.kind in ("recv", "connect") and not ever:
            waits.pop(step.fd, None)
    return sorted(waits.values(), key=lambda one: one[0])


def registration(run, fd, source):
    """(index, step) of the registration of a socket that still stands."""
    i, step = run.last(("register",), fd=fd)
    if not step:
        i, step = run.last(("register",), source=source)
    c, _ = run.last(("connect",), fd=fd)
    d, gone = run.last(("deregister",), source=source)
    if not step or i < c or (gone and d > i):
        return -1, None
    return i, step


def wrong_owner(run):
    """Two open sockets with one token: an event cannot say whose it is."""
    if not (run.result.stuck or run.result.limit):
        return None
    tokens = {}
    for event in run.recording.events:
        if event.kind == "register" and event.fd >= 0:
            tokens[event.fd] = event.source
        elif event.kind in ("close", "deregister"):
            tokens.pop(event.fd, None)
        if event.kind != "register":
            continue
        same = [fd for fd, token in tokens.items() if token == event.source]
        if len(same) > 1 and any(w.fd in same
                                 for _, w in waiting_sources(run)):
            _, step = run.last(("register",), fd=event.fd)
            return Finding("WRONG OWNER", "tokens", None, step,
                           count=len(same), source=event.source)
    return None


def only_unparked(run, index, waker):
    """The thread of the event at this index unparked, without a wake()."""
    event = run.steps[index]
    _, unpark = run.after(index, ("wake", "wake-again", "push", "unpark"),
                          thread=event.thread)
    if not unpark or unpark.kind != "unpark":
        return None
    return Finding("LOST WAKE", "unparked", "unparked, nothing queued", unpark,
                   task=waker.task, waker=event.name,
                   thread=run.executor_name)


def lost_event(run):
    """A socket waits, and no event can or did end the wait."""
    if not run.result.stuck:
        return None
    for index, wait in waiting_sources(run):
        r, registered = registration(run, wait.fd, wait.source)
        _, ended = run.after(index, ("pending",), thread=wait.thread)
        if not registered:
            return Finding("LOST WAKE", "unregistered", "nothing registered",
                           ended or wait, source=wait.source,
                           blocked=run.blocked)
        told, _ = run.after(r, ("event",), source=registered.source)
        if registered.mask & EPOLLONESHOT and 0 < told:
            return Finding("LOST WAKE", "disarmed", "nothing registered",
                           ended or wait, source=wait.source,
                           blocked=run.blocked)
        if registered.mask and not registered.mask & EPOLLIN:
            return Finding("WRONG INTEREST", "mask", None, registered,
                           source=wait.source,
                           mask=mask_words(registered.mask))
        source = registered.source
        s, waker = run.last(("set-waker",), source=source)
        e, event = run.last(("event",), source=source)
        if run.uses_wakers and (not waker or s < r and s < index and
                            run.last(("deregister",), source=source)[0] > s):
            return Finding("LOST WAKE", "no_waker", "nothing registered",
                           ended or wait, source=source, blocked=run.blocked)
        if not event or e < r:
            continue
        w, woken = run.after(e, ("wake", "wake-again"), thread=event.thread)
        if woken and w > 0:
            continue
        if waker and s > e and run.uses_wakers:
            return Finding("LOST WAKE", "early", "event before the waker",
                           waker, source=source, blocked=run.blocked,
                           ms=round((waker.time - event.time) / 1e6, 1))
        if run.uses_wakers and event.thread != run.executor:
            if waker and only_unparked(run, e, waker):
                return only_unparked(run, e, waker)
            return Finding("LOST WAKE", "unheard", "event not passed on",
                           event, source=source, blocked=run.blocked)
    if not run.ids and any(step.kind == "epoll-wait" for step in run.steps):
        return Finding("LOST WAKE", "first", "nothing registered",
                       run.steps[-1], blocked=run.blocked)
    return not_drained(run)


def unheard_event(run):
    """A waker is there, its event came, and its task was not woken."""
    if not run.result.stuck:
        return None
    for task in run.pending():
        s, waker = run.last(("set-waker",), task=task)
        if not waker:
            continue
        w, _ = run.last(("wake", "wake-again"), task=task)
        p, _ = run.last(("poll",), task=task)
        r, _ = run.last(("register",), source=waker.source)
        e, event = run.last(("event",), source=waker.source)
        if event and e > max(w, r, s) and only_unparked(run, e, waker):
            return only_unparked(run, e, waker)
        if event and e > max(w, r) and (e > p or w < p < e or s < e):
            kind, key = ("event not passed on", "unheard") if e > s else \
                ("event before the waker", "early")
            return Finding("LOST WAKE", key, kind,
                           event if e > s else waker, source=waker.source,
                           blocked=run.blocked,
                           ms=round((waker.time - event.time) / 1e6, 1))
    return None


def wrong_interest(run):
    """A read waits, and its socket is registered for something else, or is
    told of something else."""
    for _, wait in waiting_sources(run, ever=True):
        _, step = run.last(("register",), fd=wait.fd)
        if step and step.mask and not step.mask & EPOLLIN:
            return Finding("WRONG INTEREST", "mask", None, step,
                           source=step.source, mask=mask_words(step.mask))
        told = [step for step in run.steps if step.kind == "event" and
                step.fd == wait.fd and step.value & EPOLLOUT and
                not step.value & (EPOLLIN | EPOLLERR | EPOLLHUP)]
        if told and step:
            return Finding("WRONG INTEREST", "writable", None, step,
                           source=step.source,
                           times=sum(one.times for one in told))
    return None


def not_drained(run):
    """The last thing before the wait is a read that brought something."""
    last = {}
    for step in run.steps:
        if step.fd >= 0 and step.kind in ("recv", "would-block", "connect"):
            last[step.fd] = step
    closed = {event.fd: event.time for event in run.recording.events
              if event.kind == "close"}
    for fd, step in last.items():
        if step.kind == "recv" and step.value > 0 and \
                closed.get(fd, 0) < step.time:
            _, registered = registration(run, fd, step.source)
            if registered and (registered.mask & EPOLLET
                               or not registered.mask):
                return Finding("NOT DRAINED", "last", None, step,
                               source=step.source, bytes=step.value)
    return None


def unknown(run):
    """No cause fits: what it did last, and no guess."""
    if run.result.stuck:
        return Finding("STOPPED", "last", None,
                       run.steps[-1] if run.steps else None,
                       blocked=run.blocked, steps=run.last_steps())
    return Finding("TOO SLOW", "last", None,
                   run.steps[-1] if run.steps else None, wall=run.wall,
                   steps=run.last_steps())
