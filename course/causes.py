# SPDX-License-Identifier: MIT
"""Names what is wrong in a run, with the evidence; or says that it cannot.

A name is given only when the recorded steps show it. Each rule below looks for
one cause and returns a Finding or None; diagnose() asks them in order.
"""
import errno
import functools
import os
import tomllib

import french
import texts

HERE = os.path.dirname(os.path.abspath(__file__))
LANGUAGES = ("en", "fr")
MOST_NAMES = 6  # of threads in a sentence


@functools.lru_cache(None)
def table():
    """causes.toml, and what lessons say of their own causes beside it."""
    with open(os.path.join(HERE, "causes.toml"), "rb") as file:
        return french.set_table(tomllib.load(file))


def key_of(cause):
    return (cause or "").strip().replace(" ", "_")


def name_of(cause):
    return (cause or "").strip().replace("_", " ")


def split(cause):
    """("LOST WAKE", "queued, not unparked") of "LOST WAKE: queued, ..."."""
    cause, _, kind = (cause or "").partition("@")[0].partition(":")
    return name_of(cause), kind.strip() or None


def todo_of(cause):
    """"7.2" of "LOST WAKE: nothing registered @7.2"; None: it says none."""
    return cause.partition("@")[2].strip() or None


def evidence(cause, key, **values):
    """The evidence as a sentence in each language."""
    for owner in (key_of(cause), "ANY"):
        sentence = table().get(owner, {}).get("evidence", {}).get(key)
        if sentence:
            break
    else:
        sentence = table()["ANY"]["evidence"]["numbers"] if "a" in values \
            else {"en": key, "fr": key}
    said = {}
    for language in LANGUAGES:
        try:
            said[language] = sentence[language].format(**{
                name: in_words(cause, value, language)
                for name, value in values.items()})
        except (KeyError, IndexError):
            said[language] = sentence.get(language, key)
    return said


# Whose numbers may be negative errnos.
OF_ERRORS = ("ERROR LOST", "TRUNCATED", "TAKEN FOR AN ERROR", "NOT CONNECTED YET")


def in_words(cause, value, language):
    """A value of the evidence: -104 (ECONNRESET), where it is an error."""
    if isinstance(value, dict):
        return value.get(language)
    if isinstance(value, float):
        return texts.number(value, language)
    if isinstance(value, int) and value < 0 and \
            name_of(cause) in OF_ERRORS and -value in errno.errorcode:
        return f"{value} ({errno.errorcode[-value]})"
    return value


# What the steps of a loop are called in a sentence; others by their kind.
KINDS = {
    "poll": {"en": "poll", "fr": "sondage"},
    "pending": {"en": "NOT_READY", "fr": "NOT_READY"},
    "would-block": {"en": "EAGAIN", "fr": "EAGAIN"},
    "log": {"en": "a line of the log", "fr": "une ligne du journal"},
    "recv": {"en": "read", "fr": "lecture"},
    "epoll-wait": {"en": "epoll_wait", "fr": "epoll_wait"},
    "epoll-done": {"en": "its return", "fr": "son retour"},
    "event": {"en": "event", "fr": "évènement"},
    "push": {"en": "put into the queue", "fr": "ajout à la file"},
    "pop": {"en": "taken out of the queue", "fr": "retrait de la file"},
    "wake": {"en": "wake()", "fr": "wake()"},
    "wake-again": {"en": "wake()", "fr": "wake()"},
    "unpark": {"en": "unpark()", "fr": "unpark()"},
    "park": {"en": "park() sleeps", "fr": "park() dort"},
    "awake": {"en": "and wakes up", "fr": "et se réveille"},
    "permit": {"en": "park() finds a permit and does not sleep",
               "fr": "park() trouve un jeton et ne dort pas"},
    "sleep": {"en": "sleep", "fr": "sommeil"},
    "set-waker": {"en": "waker left", "fr": "waker laissé"},
    "register": {"en": "registration", "fr": "abonnement"},
    "deregister": {"en": "deregistration", "fr": "désabonnement"},
    "thread-start": {"en": "starts", "fr": "démarre"},
    "thread-end": {"en": "ends", "fr": "se termine"},
    "spawn": {"en": "spawned", "fr": "lancement"},
    "ready": {"en": "READY", "fr": "READY"},
    "drop": {"en": "dropped", "fr": "abandon"},
    "connect": {"en": "connect", "fr": "connexion"},
    "send": {"en": "send", "fr": "envoi"},
    "read": {"en": "read", "fr": "lecture"},
    "write": {"en": "write", "fr": "écriture"},
    "block": {"en": "slept in a call", "fr": "a dormi dans un appel"},
    "tick": {"en": "tick", "fr": "tic"},
    "timer": {"en": "timer set", "fr": "minuteur armé"},
    "job-queued": {"en": "job handed over", "fr": "travail confié"},
    "job-start": {"en": "job begins", "fr": "début d’un travail"},
    "job-done": {"en": "job done", "fr": "travail fait"},
    "submit": {"en": "submitted", "fr": "soumission"},
    "complete": {"en": "completed", "fr": "complétion"},
    "enter": {"en": "io_uring_enter", "fr": "io_uring_enter"},
    "steal": {"en": "stolen", "fr": "vol"},
    "switch": {"en": "switch of stacks", "fr": "changement de pile"},
    "chan-send": {"en": "put into a channel", "fr": "dépôt dans un canal"},
    "chan-recv": {"en": "taken out of a channel", "fr": "retrait d’un canal"},
    "chan-wait": {"en": "waits at a channel", "fr": "attente à un canal"},
    "end": {"en": "end", "fr": "fin"},
    "close": {"en": "close", "fr": "fermeture"},
}

# What else is said of a step.
PARTS = {"task": {"en": "task", "fr": "tâche"},
         "source": {"en": "source", "fr": "source"},
         "times": {"en": "x", "fr": "× "}}


def kinds_in_words(kinds):
    """The kinds of the steps of a loop, in each language."""
    return {language: ", ".join(dict.fromkeys(
        KINDS.get(kind, {}).get(language, kind) for kind in kinds))
            for language in LANGUAGES}


def step_in_words(step, language):
    """main: poll, task 3, x2."""
    said = [step.name + {"en": ": ", "fr": " : "}[language] +
            KINDS.get(step.kind, {}).get(language, step.kind)]
    said += [f"{PARTS[name][language]} {value}" for name, value in
             (("task", step.task), ("source", step.source)) if value >= 0]
    if step.times > 1:
        said.append(f"{PARTS['times'][language]}{step.times}")
    return ", ".join(said)


def why(cause, kind=None):
    entry = table().get(key_of(cause), {})
    entry = entry.get("kinds", {}).get(kind, {}).get("why") or \
        entry.get("why") or {}
    return {language: entry.get(language, "") for language in LANGUAGES}


def asleep_words(places):
    """Who sleeps where, in each language: of ["main in epoll_wait", ...]."""
    words = ", ".join(places[:MOST_NAMES]) + (
        ", …" if len(places) > MOST_NAMES else "") or "-"
    return {"en": words.replace(
                " in futex", " in a lock, a condition or a join (futex)"),
            "fr": words.replace(
                " in futex", " dans un verrou, une condition ou un join "
                "(futex)").replace(" in ", " dans ")}


# Steps of the pictures, and those of the server: no thread has done them.
DRAWN = ("answer", "level", "stack", "frame", "note")


class Finding:
    """A cause that fits: its evidence, and the step that shows it.

    lines: of the call that shows it and of those that led there, innermost
    first. sure: the call itself is what is wrong, so its place is the place.
    direct: the learner's own code makes the call, not what it has called.
    innermost: the place is the innermost line, also where it was given.
    """

    def __init__(self, cause, key=None, kind=None, step=None, todo=None,
                 line=0, lines=(), sure=False, direct=False, innermost=False,
                 **values):
        self.cause, self.kind = name_of(cause), kind
        self.evidence = evidence(cause, key, **values) if key else \
            {"en": "", "fr": ""}
        self.step = step  # a Step of the trace
        self.line = line or (step.line if step else 0)
        self.lines = list(lines) or (
            [line] if line else list(step.lines) if step else [])
        self.sure, self.direct = sure and bool(self.lines), direct
        self.often = False  # the place is where most of the lines are
        self.innermost = innermost
        self.todo = todo
        self.sure_todo = None  # a case that tests this TODO alone has failed
        self.innocent = set()  # TODOs whose own cases do not fail

    def __repr__(self):
        return f"Finding({self.cause}: {self.kind}; {self.evidence['en']})"


class Run:
    """A result with its steps, and what the rules ask of it."""

    def __init__(self, result, steps, names, wanted=None, texts=(),
                 lesson_text=""):
        # What the lesson tells the recorder.
        self.uses_wakers = "PROBE_SET_WAKER" in lesson_text
        self.uses_gets = "PROBE_GET" in lesson_text
        self.uses_passes = "PROBE_PASS" in lesson_text
        # Lessons 01 and 02: to poll again is all that a loop can do.
        self.only_polls = "poll_task(" in lesson_text and \
            not any(word in lesson_text for word in ("epoll", "waker"))
        self.result, self.steps, self.names = result, steps, names
        self.recording = result.recording
        self.wanted = wanted  # the paths that have to be asked for, or None
        self.texts = list(texts)  # what has to be in the output
        self.blocked = asleep_words(result.blocked)
        self.wall = round(result.seconds * 1000)
        self.ids = {step.task for step in steps
                    if step.kind in ("poll", "spawn") and step.task >= 0}
        polling = [s.thread for s in steps if s.kind == "poll"]
        self.executor = polling[0] if polling else 1
        self.executor_name = self.recording.name_of(self.executor)

    def last(self, kinds, before=None, **wanted):
        """(index, step) of the last step like this, or (-1, None)."""
        for i in range((len(self.steps) if before is None else before) - 1,
                       -1, -1):
            step = self.steps[i]
            if step.kind in kinds and all(
                    getattr(step, name) == value
                    for name, value in wanted.items()):
                return i, step
        return -1, None

    def after(self, index, kinds, **wanted):
        """The first step like this behind an index, or (-1, None)."""
        for i in range(index + 1, len(self.steps)):
            step = self.steps[i]
            if step.kind in kinds and all(
                    getattr(step, name) == value
                    for name, value in wanted.items()):
                return i, step
        return -1, None

    def pending(self):
        """Tasks that wait: the last that was seen of them is NOT_READY."""
        state = {}
        for step in self.steps:
            if step.kind in ("spawn", "poll", "pending", "ready", "drop"):
                state[step.task] = step.kind
        return [task for task, kind in state.items()
                if kind in ("spawn", "pending", "poll")]

    def queue(self):
        """Task ids in the ready queue, from the pushes and pops."""
        queue = []
        for step in self.steps:
            if step.kind == "push" and step.value != 1:
                queue.append(step.task)
            elif step.kind == "pop" and step.task in queue:
                queue.remove(step.task)
        return queue

    def parked(self):
        """The index of the executor's park() that has not returned."""
        i, step = self.last(("park", "permit", "awake"), thread=self.executor)
        if step and step.kind == "park":
            return i
        asleep = any(one.parking and one.index == self.executor
                     for one in self.recording.threads)
        return len(self.steps) - 1 if asleep else -1

    def slept_since(self):
        """When the executor began the call in which it sleeps; 0: it is in
        none."""
        return next((one.blocked_since for one in self.recording.threads
                     if one.index == self.executor), 0)

    def lines_blocked(self, name):
        """The lines of the call that this thread sleeps in."""
        return self.recording.blocked_lines.get(name, [])

    def answered(self):
        """All answers were sent, and what was asked for was printed."""
        site = self.result.site
        if self.wanted is None or not site:
            return False
        sent = [path for _, path in site.answers]
        return sorted(sent) == sorted(self.wanted) and not site.left and \
            not self.missing()

    def missing(self):
        output = self.result.output.decode("utf-8", "replace")
        return [text for text in self.texts if text not in output]

    def last_steps(self, count=10):
        """What was done last, in each language."""
        last = [one for one in self.steps if one.kind not in DRAWN][-count:]
        return {"en": "; ".join(step_in_words(step, "en")
                                for step in last) or "-",
                "fr": french.set_text(" ; ".join(
                    step_in_words(step, "fr") for step in last)) or "-"}

    def last_words(self):
        """The last line of the output that is no figures."""
        lines = [line for line in
                 self.result.output.decode("utf-8", "replace").splitlines()
                 if line.strip() and not line.startswith("figures ")]
        return lines[-1].strip()[:160] if lines else ""


# --- how a run ended -------------------------------------------------------

def failed_in_program(run):
    """The checker's own code has seen it."""
    if not run.recording.fail:
        return None
    words, key, (a, b, c) = run.recording.fail
    cause, kind = split(words)
    step = run.steps[-1] if run.steps else None
    finding = Finding(cause, key, kind, step, a=a, b=b, c=c)
    finding.sure_todo = todo_of(words)
    return finding


def known_standstill(run):
    """What the lesson's own check said that a standstill would mean."""
    if not run.recording.if_stuck:
        return None
    words, key, (a, b, c) = run.recording.if_stuck
    cause, kind = split(words)
    finding = Finding(cause, key, kind, run.steps[-1] if run.steps else None,
                      lines=run.lines_blocked(run.executor_name), a=a, b=b,
                      c=c)
    finding.sure_todo = todo_of(words)
    return finding


def at(run, frames):
    """What a Finding is told of its place: of a call that is wrong itself."""
    lines = run.recording.lines_at(frames)
    return {"lines": lines, "sure": True,
            "direct": bool(frames and run.recording.lines.get(frames[0]))}


def stopped_itself(run):
    if run.result.stopped:
        return Finding("STOPPED ITSELF", "stopped",
                       **at(run, run.recording.places["signal"]))
    return None


def left_a_child(run):
    if run.result.left and run.result.signal is None and \
            not run.result.limit and not run.result.stuck:
        return Finding("LEFT A CHILD", "left", count=run.result.left)
    return None


def started_a_process(run):
    count = run.recording.counts["forks"]
    if count and not run.result.stuck:
        return Finding("STARTS A PROCESS", "forks", None,
                       run.steps[-1] if run.steps else None, count=count,
                       **at(run, run.recording.places["fork"]))
    return None


def starts_anew(run):
    if run.wanted is None or not run.result.site:
        return None
    count = max(len(run.result.site.connections),
                run.recording.counts["connect"])
    if count <= 2 * len(run.wanted) + 2:
        return None
    _, step = run.last(("connect",))
    return Finding("STARTS ANEW", "connects", None, step, count=count,
                   wanted=len(run.wanted))


def output_without_end(run):
    if run.result.too_much:
        return Finding("OUTPUT WITHOUT END", "bytes", None, None, sure=True,
                       lines=run.recording.seen_lines(), bytes=len(run.result.output), wall=run.wall)
    return None


def registered_twice(run):
    count = run.recording.counts["ctl_twice"]
    if not count or run.result.ended and run.result.status == 0:
        return None
    _, step = run.last(("register",))
    return Finding("REGISTERED TWICE", "count", None, step, count=count)


def closed_twice(run):
    if not run.recording.counts["closed_twice"]:
        return None
    return Finding("CLOSED TWICE", "again", None, run.last(("close",))[1],
                   **at(run, run.recording.places["close"]))


def ended_early(run):
    result = run.result
    if result.stuck or result.limit or result.status is None or \
            (result.ended and result.status == 0):
        return None
    if result.ended and run.wanted is not None and not result.site.requests:
        return None  # NOTHING WAS ASKED says more
    words = run.last_words()
    step = run.steps[-1] if run.steps else None
    place = at(run, run.recording.places["end"])
    place["sure"] = any(run.recording.places["end"])  # else: by a raw call
    return Finding("ENDED EARLY", "said" if words else "status", None, step,
                   a=result.status, text=words, **place)
