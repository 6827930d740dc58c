# SPDX-License-Identifier: MIT
"""The state machine: what every part of the program is doing at each step.

    machine = Machine(trace)
    for event in machine.events:
        machine.step(event)          # machine.state is the state after it

web/state.js is the same machine for the page; the tests compare the two after
every step of every sample trace, so change both together. The state is a plain
dict, with ids as text as in JSON:

    threads   {id: {does, in, task, permit, polls}}
              does: none runs polls takes asleep blocked job ended
    tasks     {id: {does, on, polled}}
              does: new ready running waiting done dropped
    queues    {thread: [task, ...]}      the head first
    wakers    {source: task}
    epoll     {source: {fd, data}}       data: no, arrived, told
    jobs      {id: queued running done}  ring {id: submitted complete}
    channels  {id: {held, waits}}
    levels    {bar: value}               bars of the lesson: a bucket, a count
    stacks    {stack: [[frame, bytes], ...]}   the newest frame last
    pointer   {thread: the stack that its stack pointer is in}
    figures   {name: count}
"""
import events as trace_events
import words

EXECUTORS = ("executor", "worker")
RUNNING = ("job-start", "block", "sleep", "thread-end", "end")


class Machine:
    def __init__(self, trace):
        self.events = trace_events.read(trace)
        self.roles = {t["id"]: t["role"] for t in trace["threads"]}
        self.lists = {key for key, stack in trace.get("stacks", {}).items()
                      if stack.get("list")}  # the oldest goes first
        self.counted = {}
        for name, figure in words.load()["figure"].items():
            for kind in figure["kinds"]:
                self.counted.setdefault(kind, []).append(name)
        self.state = {"threads": {}, "tasks": {}, "queues": {}, "wakers": {},
                      "epoll": {}, "jobs": {}, "ring": {}, "channels": {},
                      "levels": {}, "stacks": {}, "pointer": {},
                      "figures": {}}
        for thread in trace["threads"]:
            self._add_thread(thread)
        used = {event.kind for event in self.events}
        self.rests = self._find_rests()
        self.epoll = "register" in used
        # Somebody has found no room to send: how much is sent is of interest.
        self.partial = any(event.kind == "would-block" and event.value == 1
                           for event in self.events)
        # Source 0 ends the reactor; without one it is a source like others.
        self.stop = any(role in ("reactor", "bell")
                        for role in self.roles.values())
        self.wakes = "wake" in used or "set-waker" in used
        for kind in self.counted:
            if kind in used:
                for name in self.counted[kind]:
                    self.state["figures"][name] = 0

    def _find_rests(self):
        """The events after which a pool thread has nothing to do: it wakes the
        task of its last job, and then waits for the next one."""
        rests, later = set(), {}
        for event in reversed(self.events):
            if self.roles.get(event.thread) == "pool":
                if later.get(event.thread, "job-start") == "job-start":
                    rests.add(id(event))
                later[event.thread] = event.kind
        return rests

    def _add_thread(self, thread):
        sleeps = trace_events.first_sleep(thread, self.events)
        first = next((e.kind for e in self.events
                      if e.thread == thread["id"]), "")
        does = "asleep" if sleeps else "runs"
        # A bare thread says nothing when it starts; the first one is there.
        later = not sleeps and self.events and \
            self.events[0].thread != thread["id"] and \
            thread["role"] == "other"
        if first == "thread-start" or later or (
                not sleeps and thread["role"] in trace_events.SLEEPERS):
            does = "none"
        self.state["threads"][str(thread["id"])] = {
            "does": does, "in": sleeps or "", "task": -1, "permit": False,
            "polls": []}
        if thread["role"] in EXECUTORS:
            self.state["queues"][str(thread["id"])] = []

    # --- small questions about the state ---------------------------------

    def thread(self, number):
        """A thread of the state; 0 is nobody's and is not kept."""
        new = {"does": "runs", "in": "", "task": -1, "permit": False,
               "polls": []}
        if not number:
            return new
        return self.state["threads"].setdefault(str(number), new)

    def task(self, number):
        return self.state["tasks"].setdefault(
            str(number), {"does": "new", "on": 0, "polled": False})

    def queued(self, number):
        return any(number in q for q in self.state["queues"].values())

    def queue_of(self, event):
        """The thread whose ready queue a push goes to."""
        if self.roles.get(event.value) in EXECUTORS:
            return event.value
        on = self.state["tasks"].get(str(event.task), {}).get("on", 0)
        if on:
            return on
        if self.roles.get(event.thread) in EXECUTORS:
            return event.thread
        return self._first_executor(event)

    def _first_executor(self, event):
        return next((n for n, role in sorted(self.roles.items())
                     if role in EXECUTORS), event.thread)

    def unparked(self, event):
        """The thread that an unpark is for; a trace may leave it out."""
        return event.value or self._first_executor(event)

    def current(self, number):
        """The task that a thread polls or runs, or -1."""
        polls = self.thread(number)["polls"]
        tasks = [task for task in polls if task >= 0]
        return tasks[-1] if tasks else -1

    # --- one step --------------------------------------------------------

    def step(self, event):
        self._wake_up(event)
        method = getattr(self, "_" + event.kind.replace("-", "_"), None)
        if method:
            method(event, self.thread(event.thread))
        if id(event) in self.rests and event.kind not in RUNNING:
            self._asleep(self.thread(event.thread), "wait")
        figures = self.state["figures"]
        for name in self.counted.get(event.kind, ()):
            figures[name] = figures.get(name, 0) + event.times
        return self.state

    def _wake_up(self, event):
        """Who has an event runs. An answer comes from outside the program."""
        if event.kind == "answer" or not event.thread:
            return
        thread = self.thread(event.thread)
        thread["in"] = ""
        if thread["polls"]:
            thread.update(does="polls", task=self.current(event.thread))
        elif thread["does"] not in ("takes", "job"):
            thread.update(does="runs", task=-1)

    def _thread_end(self, event, thread):
        thread.update(does="ended", task=-1)

    def _spawn(self, event, thread):
        task = self.task(event.task)
        if self.roles.get(event.thread) in EXECUTORS:
            task["on"] = event.thread

    def _push(self, event, thread):
        owner = self.queue_of(event)
        task = self.task(event.task)
        self.state["queues"].setdefault(str(owner), []).append(event.task)
        task["on"] = owner
        if task["does"] != "running":
            task["does"] = "ready"

    def _pop(self, event, thread):
        queues = self.state["queues"]
        own = queues.setdefault(str(event.thread), [])
        for queue in [own] + list(queues.values()):
            if event.task in queue:
                queue.remove(event.task)
                break
        self.task(event.task)["on"] = event.thread
        thread.update(does="takes", task=event.task)

    def _poll(self, event, thread):
        thread["polls"].append(event.task)
        if event.task >= 0:
            self.task(event.task).update(
                does="running", on=event.thread, polled=True)
        thread.update(does="polls", task=self.current(event.thread))

    def _returned(self, event, thread):
        """The task whose poll ends with this event, or -1 for a leaf."""
        task = thread["polls"].pop() if thread["polls"] else event.task
        thread.update(does="polls" if thread["polls"] else "runs",
                      task=self.current(event.thread))
        return -1 if task in thread["polls"] else task

    def _pending(self, event, thread):
        task = self._returned(event, thread)
        if task >= 0:
            self.task(task)["does"] = (
                "ready" if self.queued(task) else "waiting")

    def _ready(self, event, thread):
        task = self._returned(event, thread)
        if task >= 0:
            self.task(task)["does"] = "done"

    def _await_poll(self, event, thread):
        self._poll(event, thread)

    def _await_pending(self, event, thread):
        self._pending(event, thread)

    _await_ready = _await_pending

    def _drop(self, event, thread):
        if event.task >= 0 and self.task(event.task)["does"] != "done":
            self.task(event.task)["does"] = "dropped"

    def _unpark(self, event, thread):
        self.thread(self.unparked(event))["permit"] = True

    def _asleep(self, thread, call):
        thread.update({"does": "asleep", "in": call, "task": -1})

    def _park(self, event, thread):
        self._asleep(thread, "park")
        thread["permit"] = False  # who sleeps has found none

    def _permit(self, event, thread):
        thread["permit"] = False

    _awake = _permit

    def _epoll_wait(self, event, thread):
        self._asleep(thread, "epoll_wait")

    def _sleep(self, event, thread):
        # The checker's delay is no call of the program's.
        self._asleep(thread, "wait" if event.source == 0 else "sleep")

    def _block(self, event, thread):
        thread["does"] = "blocked"

    def _connect(self, event, thread):
        # Without epoll: the sockets themselves.
        if not self.epoll and event.source >= 0:
            self._register(event, thread)

    def _register(self, event, thread):
        self.state["epoll"][str(event.source)] = {
            "fd": event.value, "data": "no"}

    def _deregister(self, event, thread):
        self.state["epoll"].pop(str(event.source), None)
        self.state["wakers"].pop(str(event.source), None)

    def _set_waker(self, event, thread):
        self.state["wakers"][str(event.source)] = event.task

    def _data(self, event, data):
        if str(event.source) in self.state["epoll"]:
            self.state["epoll"][str(event.source)]["data"] = data

    def _answer(self, event, thread):
        self._data(event, "arrived")

    def _event(self, event, thread):
        if event.value & 5 != 4:  # EPOLLOUT alone: room, and no data
            self._data(event, "told")

    def _would_block(self, event, thread):
        if event.value != 1:
            self._data(event, "no")

    def _recv(self, event, thread):
        if event.value == 0:
            self._data(event, "no")

    def _job_queued(self, event, thread):
        self.state["jobs"][str(event.source)] = "queued"

    def _job_start(self, event, thread):
        self.state["jobs"][str(event.source)] = "running"
        thread.update(does="job", task=event.source)

    def _job_done(self, event, thread):
        self.state["jobs"][str(event.source)] = "done"
        if thread["does"] == "job":
            thread.update(does="runs", task=-1)

    def _submit(self, event, thread):
        self.state["ring"][str(event.source)] = "submitted"

    def _complete(self, event, thread):
        self.state["ring"][str(event.source)] = "complete"

    def _steal(self, event, thread):
        queues = self.state["queues"]
        victim = queues.get(str(event.value), [])
        if event.task in victim:
            victim.remove(event.task)
        queues.setdefault(str(event.thread), []).append(event.task)
        self.task(event.task)["on"] = event.thread

    def _switch(self, event, thread):
        for task in thread["polls"]:
            if task >= 0 and self.task(task)["does"] == "running":
                self.task(task)["does"] = (
                    "ready" if self.queued(task) else "waiting")
        thread["polls"] = []
        thread.update(does="runs", task=-1)
        if event.task >= 0:
            self._poll(event, thread)

    def _channel(self, event):
        return self.state["channels"].setdefault(
            str(event.source), {"held": 0, "waits": []})

    def _chan_send(self, event, thread):
        self._channel(event)["held"] += event.times
        self._no_longer_waits(event)

    def _chan_recv(self, event, thread):
        channel = self._channel(event)
        channel["held"] = max(0, channel["held"] - event.times)
        self._no_longer_waits(event)

    def _no_longer_waits(self, event):
        waits = self._channel(event)["waits"]
        if event.task in waits:
            waits.remove(event.task)

    def _chan_wait(self, event, thread):
        waits = self._channel(event)["waits"]
        if event.task not in waits:
            waits.append(event.task)

    def _level(self, event, thread):
        self.state["levels"][str(event.source)] = event.value

    def _frame(self, event, thread):
        frames = self.state["stacks"].setdefault(str(event.task), [])
        if event.source >= 0:
            frames.append([event.source, event.value])
        elif frames:
            frames.pop(0 if str(event.task) in self.lists else -1)

    def _stack(self, event, thread):
        self.state["stacks"].setdefault(str(event.task), [])
        self.state["pointer"][str(event.thread)] = event.task

    def _end(self, event, thread):
        for one in self.state["threads"].values():
            one.update(does="ended", task=-1)


def states(trace):
    """Yields (event, state after it); the state is changed in place."""
    machine = Machine(trace)
    for event in machine.events:
        yield event, machine.step(event)
