# SPDX-License-Identifier: MIT
"""The library's events of a recording as those of a lesson.

native/library.c records what the library's trace says, with its ids and
addresses. Here tasks, jobs, operations and channels get small numbers, and an
unpark, a push or a steal the thread that it is about. cli/trace_json.c does the
same for the programs of the tree.
"""
OF_LIBRARY = -2  # in the place of a descriptor
NUMBERED = {"job-queued": ("job", True), "job-start": ("job", False),
            "job-done": ("job", False), "submit": ("operation", True),
            "complete": ("operation", False), "chan-send": ("channel", False),
            "chan-recv": ("channel", False), "chan-wait": ("channel", False)}
OF_PARKER = ("park", "permit", "awake")


def id_of(event):
    return event.task & 0xffffffff | (event.source & 0xffffffff) << 32


def is_scheduled(owner):
    """Whether a task's owner is a scheduler or a worker of one."""
    return owner & 1 == 1


class Numbers:
    """Small numbers for ids and addresses, by group."""

    def __init__(self):
        self.known, self.next = {}, {}

    def new(self, group, key, number=None):
        if number is None:
            number = self.next.get(group, 0)
            self.next[group] = number + 1
        self.known[group, key] = number
        return number

    def of(self, group, key):
        found = self.known.get((group, key))
        return self.new(group, key) if found is None else found

    def find(self, group, key):
        return self.known.get((group, key))


class Targets:
    """The thread that an event is about. An address may have several users one
    after the other: the next one counts, else the last one before."""

    def __init__(self):
        self.thread, self.runs = {}, {}

    def take(self, event, kind, id_, value):
        """Learn from an event, or answer for it: a thread, or None."""
        if kind in OF_PARKER:
            self.thread["parker", id_] = event.thread
        elif kind == "poll":
            self.thread["owner", value] = event.thread
            self.runs[value, id_] = event.thread
        elif kind == "switch" and id_ and is_scheduled(value):
            self.thread["owner", value] = event.thread
            self.runs[1, id_] = event.thread
        elif kind == "unpark":
            return self.thread.get(("parker", id_))
        elif kind in ("push", "steal"):
            return self.runs.get((value, id_)) or \
                self.thread.get(("owner", value)) or (
                    self.runs.get((1, id_)) if kind == "push" else None)
        return None


def find_targets(events):
    """{index: thread}"""
    found = {}
    for order in (range(len(events) - 1, -1, -1), range(len(events))):
        targets = Targets()
        for i in order:
            event = events[i]
            if event.fd != OF_LIBRARY:
                continue
            thread = targets.take(event, event.kind, id_of(event), event.value)
            if thread and i not in found:
                found[i] = thread
    return found


class Doing:
    """What a thread is at."""

    def __init__(self):
        self.id = self.task = self.awaiting = self.spawned = None
        self.scheduled = self.awaited = False


class Translator:
    def __init__(self, events):
        self.events = events
        self.targets = find_targets(events)
        self.numbers, self.doing = Numbers(), {}
        self.awaited = {}  # (owner, id) of a future's task: who awaits it
        owners = {event.value for event in events if event.fd == OF_LIBRARY and
                  event.kind in ("poll", "switch") and id_of(event)}
        self.several = len(owners) > 1 or any(map(is_scheduled, owners))
        self.own_tasks = any(event.kind == "poll" and event.fd != OF_LIBRARY
                             for event in events)

    def number(self, id_, owner):
        """Of a task. With one executor it is that of its log."""
        if is_scheduled(owner):
            return self.numbers.of("task", (1, id_))
        if not self.several:
            return id_ & 0xffffffff
        return self.numbers.of("task", (owner, id_ & 0xffffffff))

    def all(self):
        done = []
        for i, event in enumerate(self.events):
            if event.fd != OF_LIBRARY:
                done.append(event)
                continue
            self.out = done
            self.step(event, self.targets.get(i, 0))
        return done

    def put(self, event, kind, task=-1, source=-1, value=0):
        one = event.copy()
        one.kind, one.task, one.source, one.value = kind, task, source, value
        one.fd = -1
        self.out.append(one)

    def step(self, event, target):
        doing = self.doing.setdefault(event.thread, Doing())
        method = getattr(self, "_" + event.kind.replace("-", "_"), None)
        if event.kind in NUMBERED:
            self.numbered(event, doing)
        elif method:
            method(event, doing, id_of(event), event.value, target)

    def numbered(self, event, doing):
        group, first = NUMBERED[event.kind]
        key = (event.thread, id_of(event)) if group == "operation" \
            else id_of(event)
        number = self.numbers.new(group, key) if first \
            else self.numbers.of(group, key)
        task = -1 if doing.task is None else doing.task
        if group == "channel":
            self.put(event, event.kind, task, number + 1)
            self.out[-1].times *= max(event.value, 1)
        else:
            self.put(event, event.kind, task, number + 1, event.value
                     if event.kind == "complete" else 0)

    # --- tasks ---

    def _spawn(self, event, doing, id_, owner, _):
        doing.spawned = id_
        if doing.awaiting is not None:
            self.awaited[owner, id_] = doing.awaiting
            doing.awaiting = None
            return
        if is_scheduled(owner):
            self.numbers.new("task", (1, id_))
        self.put(event, "spawn", self.number(id_, owner))

    def _wake(self, event, doing, id_, owner, _):
        """The lesson's own call: its push comes next, if it is not queued."""

    def _push(self, event, doing, id_, owner, target):
        awaiter = self.awaited.get((owner, id_))
        task = self.number(id_, owner) if awaiter is None else awaiter
        if doing.spawned != id_ and not is_scheduled(owner):
            self.put(event, "wake", task)
        doing.spawned = None
        self.put(event, "push", task, value=target)

    def _poll(self, event, doing, id_, owner, _):
        awaiter = self.awaited.get((owner, id_))
        doing.id, doing.scheduled = id_, False
        doing.awaited = awaiter is not None
        doing.task = awaiter if doing.awaited else self.number(id_, owner)
        self.put(event, "pop", doing.task)
        self.put(event, "await-poll" if doing.awaited else "poll", doing.task)

    def _pending(self, event, doing, id_, owner, _):
        if doing.id == id_ and doing.awaited:
            self.put(event, "await-pending", doing.task)
        else:
            self.put(event, "pending", self.number(id_, owner))
        doing.task = None

    def _ready(self, event, doing, id_, owner, _):
        if doing.id != id_ or doing.task is None:
            return
        self.put(event, "await-ready" if doing.awaited else "ready",
                 doing.task)
        doing.task = None

    def _wake_again(self, event, doing, id_, owner, _):
        if (owner, id_) not in self.awaited:
            self.put(event, event.kind, self.number(id_, owner))

    _drop = _wake_again

    def _switch(self, event, doing, id_, owner, _):
        if not id_:
            self.put(event, "switch")
            if doing.scheduled:
                doing.task = None
            return
        doing.id, doing.scheduled = id_, is_scheduled(owner)
        doing.awaited, doing.task = False, self.number(id_, owner)
        if doing.scheduled:
            self.put(event, "pop", doing.task)
        self.put(event, "switch", doing.task)

    def _await(self, event, doing, id_, owner, _):
        doing.awaiting = self.number(id_, owner)
        self.put(event, "await", doing.awaiting)

    def _steal(self, event, doing, id_, owner, target):
        self.put(event, "steal", self.number(id_, owner), value=target)

    # --- threads, sources ---

    def _park(self, event, *_):
        self.put(event, event.kind)

    _permit = _park

    def _awake(self, event, doing, id_, value, _):
        self.put(event, "awake", value=0 if value else -1)

    def _unpark(self, event, doing, id_, value, target):
        if target:  # else its thread does not park in the recording
            self.put(event, "unpark", value=target)

    def _set_waker(self, event, doing, id_, fd, _):
        task = doing.task if doing.id == id_ and doing.task is not None \
            else id_ & 0xffffffff
        self.put(event, "set-waker", task, fd, fd)

    def _timer(self, event, doing, *_):
        self.put(event, "timer-fired")


def translate(events):
    """The events with those of the library as a lesson's."""
    if not any(event.fd == OF_LIBRARY for event in events):
        return events
    return Translator(events).all()
