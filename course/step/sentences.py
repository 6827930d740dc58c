# SPDX-License-Identifier: MIT
"""One sentence for each step of a trace, and the state in one line.

web/say.js writes the same text in the page; the tests compare them.
"""
import words


class Speaker:
    """Knows one trace and one language."""

    def __init__(self, trace, lang):
        self.trace = trace
        self.lang = lang
        self.words = words.load()
        self.threads = {t["id"]: t for t in trace["threads"]}
        self.epoll = any(e[2] == "register" for e in trace["events"])
        self.switches = any(e[2] == "switch" for e in trace["events"])
        roles = [t["role"] for t in trace["threads"]]
        self.single = {r for r in roles if roles.count(r) == 1}

    def word(self, table, key, **values):
        return words.fill(self.words[table][key][self.lang],
                          {**values, "lang": self.lang})

    def who(self, number):
        """The executor; the worker w2, where there are several; thread t."""
        thread = self.threads.get(number)
        if not thread:
            return self.word("role", "other") + f" {number}"
        role = thread["role"] if thread["role"] in self.words["role"] \
            else "other"
        text = self.word("role", role)
        if role != "other" and role in self.single:
            return text
        return f"{text} {thread['name']}"

    def name_of(self, table, number):
        """What the trace calls a task or a source: " (async_main)"."""
        name = (self.trace.get(table) or {}).get(str(number))
        return f" ({name})" if name else ""

    def keeper(self):
        """The thread that keeps the wakers."""
        return next((self.who(number) for number, thread
                     in sorted(self.threads.items())
                     if thread["role"] in ("reactor", "bell")),
                    self.word("role", "reactor"))

    def variant(self, event, machine):
        """The key of the sentence; machine is in the state before event."""
        kind, state = event.kind, machine.state
        thread = machine.thread(event.thread)
        queue = state["queues"].get(str(event.thread), [])
        if kind == "push":
            owner = machine.queue_of(event)
            other = machine.thread(owner)
            if owner != event.thread and other["in"] == "park" \
                    and not other["permit"]:
                return "push.asleep"
        elif kind == "pop":
            if queue and queue[0] != event.task and event.task in queue:
                return "pop.lifo"
        elif kind == "poll":
            if event.task < 0 or event.task in thread["polls"]:
                return "poll.leaf"
            if not state["tasks"].get(str(event.task), {}).get("polled"):
                return "poll.first"
        elif kind in ("ready", "pending"):
            if thread["polls"] and (thread["polls"][-1] < 0 or
                                    thread["polls"][-1]
                                    in thread["polls"][:-1]):
                return kind + ".leaf"
            if kind == "pending" and machine.queued(event.task):
                return "pending.queued"
            if kind == "pending" and not machine.wakes:
                return "pending.busy"
        elif kind == "sleep":
            if event.source == 0:
                return "sleep.delay"
        elif kind == "unpark":
            if machine.thread(machine.unparked(event))["in"] == "park":
                return "unpark.asleep"
        elif kind == "awake":
            if event.value < 0:
                return "awake.time"
        elif kind == "job-done":
            if machine.roles.get(event.thread) != "pool":
                return "job-done.seen"
        elif kind == "permit":
            if not thread["permit"]:
                return "permit.none"
        elif kind == "park":
            if queue:
                return "park.queued"
        elif kind == "register":
            if event.source == 0 and machine.stop:
                return "register.stop"
        elif kind == "epoll-done":
            if event.value == 0:
                return "epoll-done.none"
        elif kind == "send":
            if machine.partial:
                return "send.bytes"
        elif kind == "event":
            if event.value & 5 == 4:
                return "event.room"
            if str(event.source) in state["wakers"]:
                return "event.waker"
            if event.source == 0 and machine.stop:
                return "event.stop"
            if machine.roles.get(event.thread) == "reactor":
                return "event.none"
        elif kind == "would-block":
            if event.value == 1:
                return "would-block.write"
            if event.source < 0:
                return "would-block.nowhere"
        elif kind == "recv":
            if event.value == 0:
                return "recv.end"
        elif kind == "switch":
            if event.task < 0:
                return "switch.back"
        elif kind == "level":
            if "most" not in self.table_of("bars", event.source):
                return "level.count"
        elif kind == "frame":
            if self.table_of("stacks", event.task).get("list"):
                return "frame.out" if event.source < 0 else "frame.in"
            if event.source < 0:
                return "frame.pop"
        return kind if kind in self.words["say"] else "unknown"

    def level_text(self, event, machine):
        """What a lesson itself says of a bar that gets longer, or shorter by
        its owner or by another thread; or ""."""
        bar = self.table_of("bars", event.source) \
            if event.kind == "level" else {}
        if not bar.get("owner"):
            return ""
        before = machine.state["levels"].get(str(event.source), 0)
        thread = self.threads.get(event.thread) or {}
        key = "more" if event.value > before else \
            "less" if thread.get("name") == bar["owner"] else "taken"
        return (bar.get(key) or {}).get(self.lang, "")

    def say(self, event, machine):
        """The sentence of an event, given the machine before its step."""
        key = self.variant(event, machine)
        who = self.who(event.thread)
        current = machine.current(event.thread)
        actor = who
        if current >= 0:
            actor = self.word("role", "task", task=current)
        target = event.value
        if event.kind == "push":
            target = machine.queue_of(event)
        elif event.kind == "unpark":
            target = machine.unparked(event)
        queue = machine.state["queues"].get(str(event.thread), [])
        logs = self.trace.get("logs") or []
        text = event.kind
        if event.kind == "log":
            text = logs[event.value] if event.value < len(logs) else ""
        template = self.words["say"][key][self.lang]
        if event.kind == "note":
            template = self.pair_of("notes", event.source)
        template = self.level_text(event, machine) or template
        sentence = words.fill(template, {
            "lang": self.lang,
            "who": who, "Who": capital(who),
            "actor": actor, "Actor": capital(actor),
            "task": event.task, "source": event.source,
            "value": words.number(event.value, self.lang),
            "target": self.who(target),
            "name": (self.threads.get(target) or {}).get("name", target),
            "queue": queue[0] if queue else "",
            "owner": machine.state["wakers"].get(str(event.source), ""),
            "keeper": self.keeper(),
            "text": text,
            "bar": self.pair_of("bars", event.source),
            "Bar": capital(self.pair_of("bars", event.source)),
            "Stack": capital(self.pair_of("stacks", event.task)),
            "most": words.number(self.table_of(
                "bars", event.source).get("most", 0), self.lang),
            "stack": self.pair_of("stacks", event.task),
            "frame": self.pair_of("frames", event.source),
            "tname": self.name_of("tasks", event.task),
            "sname": self.name_of("sources", event.source),
        })
        if event.times > 1:
            sentence += f" ×\u00a0{words.number(event.times, self.lang)}"
        return sentence

    def pointers(self, state, stack):
        """["rsp", or "rsp of main"]: the stack pointers in this stack."""
        pointer = state["pointer"]
        return ["rsp" if len(pointer) == 1 else self.word(
            "ui", "rsp_of", name=(self.threads.get(int(thread)) or {}).get(
                "name", thread))
                for thread, at in by_number(pointer) if at == stack]

    def table_of(self, table, number):
        return (self.trace.get(table) or {}).get(str(number)) or {}

    def pair_of(self, table, number):
        """A text of the lesson's, in this language."""
        return self.table_of(table, number).get(self.lang, str(number))

    def does(self, thread):
        """What a thread of the state is doing."""
        key = thread["does"]
        if key == "asleep" and thread["in"] == "wait":
            return self.word("ui", "asleep")
        if key == "polls":
            key = ("runs" if thread["task"] < 0 else
                   "task" if self.switches else "polls")
        return words.fill(self.words["does"][key][self.lang],
                          {"task": thread["task"], "in": thread["in"]})

    def state_parts(self, state):
        """The state as {key: (title, text)}: threads, queues, tasks, ..."""
        parts = {}
        for number, thread in by_number(state["threads"]):
            name = (self.threads.get(int(number)) or {}).get("name", number)
            text = self.does(thread)
            if thread["permit"]:
                text += f" ({self.word('ui', 'permit')})"
            parts["thread", number] = (name, text)
        several = len(state["queues"]) > 1
        for number, queue in by_number(state["queues"]):
            title = self.word("ui", "ready_queue")
            if several:
                name = (self.threads.get(int(number)) or {}).get(
                    "name", number)
                title = self.word("ui", "queue_of", name=name)
            if queue or not several:
                shown = " ".join(str(task) for task in queue)
                parts["queue", number] = (
                    title.lower(), shown or self.word("ui", "empty"))
        tasks = {}
        for number, task in by_number(state["tasks"]):
            tasks.setdefault(task["does"], []).append(number)
        if tasks:
            parts["tasks"] = (self.word("ui", "tasks").lower(), ", ".join(
                self.word("task", does) + " "
                + (" ".join(ids) if len(ids) <= 8 else f"× {len(ids)}")
                for does, ids in tasks.items()))
        if state["wakers"]:
            parts["wakers"] = (self.word("ui", "wakers").lower(), ", ".join(
                f"{source}→{task}"
                for source, task in by_number(state["wakers"])))
        if state["epoll"]:
            title = "epoll" if self.epoll else self.word("ui", "sockets")
            parts["epoll"] = (title, ", ".join(
                source + (" (" + self.word("ui", "data") + ")"
                          if entry["data"] != "no" else "")
                for source, entry in by_number(state["epoll"])))
        for number, value in by_number(state["levels"]):
            most = self.table_of("bars", number).get("most")
            parts["bar", number] = (
                self.pair_of("bars", number), words.number(value, self.lang) +
                (f" / {words.number(most, self.lang)}" if most else ""))
        for number, frames in by_number(state["stacks"]):
            here = "".join(f" ← {text}" for text in
                           self.pointers(state, int(number)))
            parts["stack", number] = (
                self.pair_of("stacks", number), (" | ".join(
                    self.pair_of("frames", frame) for frame, _ in frames)
                    or self.word("ui", "empty")) + here)
        return parts

    def state_line(self, state):
        """The state in one line, for the terminal and for paper."""
        return words.semicolon(self.lang).join(title + words.colon(self.lang) + text for title, text
                         in self.state_parts(state).values())

    def changes(self, before, after):
        """What differs between two results of state_parts(), as text."""
        parts = [title + words.colon(self.lang) + text
                 for key, (title, text) in after.items()
                 if before.get(key) != (title, text)]
        parts += [title + words.colon(self.lang) + self.word("ui", "empty")
                  for key, (title, _) in before.items() if key not in after]
        return words.semicolon(self.lang).join(parts)


def by_number(table):
    return sorted(table.items(), key=lambda item: int(item[0]))


def capital(text):
    return text[:1].upper() + text[1:]


def sentences(trace, lang):
    """Yields (event, sentence, state after the event)."""
    import state
    speaker = Speaker(trace, lang)
    machine = state.Machine(trace)
    for event in machine.events:
        sentence = speaker.say(event, machine)
        yield event, sentence, machine.step(event)
