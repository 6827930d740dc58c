# SPDX-License-Identifier: MIT
"""The rules for events: a socket waits, and nobody is told of its data."""
from causes import Finding

EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLET = 1, 4, 8, 16, 1 << 31
EPOLLONESHOT = 1 << 30
MASKS = [(0x1, "EPOLLIN"), (0x4, "EPOLLOUT"), (0x2, "EPOLLPRI"),
         (0x2000, "EPOLLRDHUP"), (1 << 30, "EPOLLONESHOT"),
         (1 << 31, "EPOLLET")]


def mask_words(mask):
    return " | ".join(name for bit, name in MASKS if mask & bit) or "0"


def waiting_sources(run, ever=False):
    """[(index, step)] of the EAGAIN that each open socket waits since; or of
    those that have ever waited."""
    waits = {}
    for i, step in enumerate(run.steps):
        if step.fd < 0:
            continue
        if step.kind == "would-block" and not step.value:
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


def asked_of(run, fd, before=None):
    """The source that the program wants this descriptor registered as."""
    return next((event.source for event in reversed(run.recording.events)
                 if event.kind == "ask" and event.value == fd and
                 (before is None or event.time <= before)), None)


def other_descriptor(run, wait, ended):
    """The socket was to be registered, and another descriptor was."""
    if asked_of(run, wait.fd) is None:
        return None
    _, step = run.last(("register",))
    if not step or step.fd == wait.fd:
        return None
    return Finding("LOST WAKE", "other", "another descriptor", step,
                   source=wait.source, a=step.fd, b=wait.fd)


def not_passed_on(run, event, fd):
    """An event came and no wake: whose turn was it to pass it on?"""
    source = asked_of(run, fd)
    source = event.source if source is None else source
    passed = [one.source for one in run.recording.events
              if one.kind == "pass" and one.time >= event.time]
    if source in passed:
        gone = any(one.kind == "pass" and one.source == source and
                   one.time >= event.time and one.value == 2
                   for one in run.recording.events)
        return Finding("LOST WAKE", "gone" if gone else "dropped",
                       "waker gone" if gone else "waker not called", event,
                       source=source, blocked=run.blocked)
    if passed and event.source != source and event.source in passed:
        _, step = run.last(("register",), fd=fd)
        return Finding("WRONG OWNER", "token", "another token", step or event,
                       a=event.source, b=source)
    return Finding("LOST WAKE", "unheard", "event not passed on", event,
                   source=source, blocked=run.blocked)


def misdirected(run):
    """The reactor was told of a source, and woke a task whose waker was left
    for another one."""
    if not run.result.stuck or not run.uses_passes:
        return None
    left, told = {}, {}  # source: tasks of its wakers; thread: source
    for event in run.recording.events:
        if event.kind == "set-waker":
            left.setdefault(event.source, set()).add(event.task)
        elif event.kind == "pass":
            told[event.thread] = event
        elif event.kind in ("epoll-wait", "poll"):
            told.pop(event.thread, None)
        elif event.kind in ("wake", "wake-again") and event.thread in told:
            passed = told.pop(event.thread)
            if event.task in left.get(passed.source, {event.task}):
                continue
            other = next((source for source, tasks in left.items()
                          if event.task in tasks), None)
            if other is not None:
                _, step = run.last(("wake", "wake-again"), task=event.task)
                kind = "another task" if passed.value == 1 else \
                    "another's waker"  # its own lay there
                return Finding("WRONG OWNER", "woken", kind, step,
                               task=event.task, source=passed.source,
                               other=other)
    return None


def other_source(run):
    """An event of a socket was passed on under another id than its own."""
    if not run.result.stuck or not run.uses_passes:
        return None
    for _, wait in waiting_sources(run):
        source = asked_of(run, wait.fd)
        _, event = run.last(("event",), source=wait.source)
        _, registered = run.last(("register",), fd=wait.fd)
        if source is None or not registered or \
                registered.source == source or registered.source > 100000:
            continue
        passed = {one.source for one in run.recording.events
                  if one.kind == "pass" and one.time >= registered.time}
        if registered.source in passed and source not in passed:
            return Finding("WRONG OWNER", "token", "another token", registered,
                           a=registered.source, b=source)
    return None


def lost_event(run):
    """A socket waits, and no event can or did end the wait."""
    if not run.result.stuck:
        return None
    for index, wait in waiting_sources(run):
        r, registered = registration(run, wait.fd, wait.source)
        _, ended = run.after(index, ("pending",), thread=wait.thread)
        if not registered:
            return other_descriptor(run, wait, ended) or Finding(
                "LOST WAKE", "unregistered", "nothing registered",
                ended or wait, source=wait.source, blocked=run.blocked)
        told, _ = run.after(r, ("event",), source=registered.source)
        if registered.mask & EPOLLONESHOT and 0 < told:
            return Finding("LOST WAKE", "disarmed", "nothing registered",
                           ended or wait, source=wait.source,
                           blocked=run.blocked)
        if not registered.mask & EPOLLIN:
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
            return not_passed_on(run, event, wait.fd)
    if not run.ids and any(step.kind == "epoll-wait" for step in run.steps):
        return Finding("LOST WAKE", "first", "before the first poll",
                       run.steps[-1], blocked=run.blocked)
    return not_drained(run)


def unheard_event(run):
    """A waker is there, its event came, and its task was not woken; or it can
    have no event that data makes."""
    if not run.result.stuck:
        return None
    for task in run.pending():
        s, waker = run.last(("set-waker",), task=task)
        if not waker:
            continue
        _, registered = run.last(("register",), source=waker.source)
        if registered and not registered.mask & EPOLLIN:
            return Finding("WRONG INTEREST", "mask", None, registered,
                           source=waker.source,
                           mask=mask_words(registered.mask))
        w, _ = run.last(("wake", "wake-again"), task=task)
        p, _ = run.last(("poll",), task=task)
        r, _ = run.last(("register",), source=waker.source)
        e, event = run.last(("event",), source=waker.source)
        if event and e > max(w, r, s) and only_unparked(run, e, waker):
            return only_unparked(run, e, waker)
        if event and e > max(w, r) and (e > p or w < p < e or s < e):
            if e > s:
                return not_passed_on(run, event, event.fd)
            return Finding("LOST WAKE", "early", "event before the waker",
                           waker, source=waker.source, blocked=run.blocked,
                           ms=round((waker.time - event.time) / 1e6, 1))
    return None


def wrong_interest(run):
    """A read waits, and its socket is registered for something else, or is
    told of something else."""
    if not run.recording.own_counts["ctl_add"]:
        return None  # the library registers, for what is waited for
    for _, wait in waiting_sources(run, ever=True):
        _, step = run.last(("register",), fd=wait.fd)
        if step and not step.mask & EPOLLIN:
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
