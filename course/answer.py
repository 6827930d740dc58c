# SPDX-License-Identifier: MIT
"""One answer: builds its check program, runs it, and finds its places.

Also the solution's own figures on this machine, which limits and ratios are
made of.
"""
import collections
import hashlib
import json
import os
import secrets
import threading

import build
import causes
import cut
import judge
import lessons
import library
import run as runs
import server
import source
import trace as traces
import transplant

WORK = os.environ.get("REVEIL_WORK") or os.path.join(lessons.ROOT, "work")
DEFAULT_PATHS = ["/613/{nonce}", "/391/{nonce}"]
SWEEP_PATHS = ["/60/{nonce}", "/40/{nonce}"]
LEAST_LIMIT, MOST_LIMIT, TIMES_NORMAL, CASE_LIMIT = 2.0, 20.0, 10, 10.0
# What code does that was written: no TODO that is still open can be its cause.
BY_WRITTEN_CODE = ("DOES NOT BUILD", "DEADLOCK", "POLLED AFTER READY",
                   "REGISTERED TWICE")
CASE_CPU = 2.0  # seconds that a case may work while the server owes nothing


def load_factor():
    """How much longer things take now, because others work too."""
    try:
        return min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), 3.0)
    except OSError:
        return 1.0


class Answer:
    """A learner's file, one of bugs/ or alike/, or the solution."""

    def __init__(self, lesson, path=None, text=None, seed=None, cc="cc",
                 limit=True, work=None, on_step=None, server_=None):
        self.lesson, self.cc, self.with_limit = lesson, cc, limit
        self.expect = lesson.expect
        self.work = work or WORK
        self.seed = secrets.randbelow(1 << 31) if seed is None else seed
        self.on_step = on_step or (lambda name: None)
        self.path, self.text = path, text
        self.server = server_
        self.figures, self.done, self.normal = {}, [], {}
        self.trace = self.build = None
        self.schedule, self.log = None, ""
        self.cancel = threading.Event()

    # --- what the lesson asks for ---

    def asked(self, section="run", default=None):
        """(arguments or None, wanted paths or None, texts, nonce)"""
        nonce = secrets.token_hex(6)
        table = self.expect.get(section, {})
        run = self.expect.get("run", {})
        texts = [text.replace("{nonce}", nonce)
                 for text in run.get("output", [])]
        if run.get("server", True) is False:
            args = [arg.replace("{nonce}", nonce)
                    for arg in run.get("args", [])]
            return args, None, texts or args, nonce
        paths = table.get("paths") or default or run.get("paths") or \
            DEFAULT_PATHS
        paths = [path.replace("{nonce}", f"{nonce}{i}" if paths.count(path) > 1
                              else nonce) for i, path in enumerate(paths)]
        return None, paths, texts + [
            path.rsplit("/", 1)[1] for path in dict.fromkeys(paths)], nonce

    def limit(self, seconds=None, cpu=None):
        """(seconds, of the processor): ten times what the solution takes."""
        if not self.with_limit:
            return None
        if seconds is None:
            seconds = max(LEAST_LIMIT, TIMES_NORMAL / 1000 *
                          self.normal.get("wall_ms", 1200))
            cpu = max(LEAST_LIMIT, TIMES_NORMAL / 1000 *
                      self.normal.get("cpu_ms", 0))
        return min(seconds, MOST_LIMIT) * load_factor(), cpu or seconds

    def shown_figures(self):
        """The names of the figures that this lesson is about."""
        return {name for name, figure in
                self.expect.get("figures", {}).items()
                if not figure.get("quiet", name in judge.QUIET)} or {
                    "polls", "wakes", "parks", "epoll_waits", "would_block"}

    # --- one run ---

    def run_case(self, case, section="run", default=None, delay=None,
                 limit=None, seed=None, on_output=None, extra=(),
                 idle_cpu=runs.IDLE_CPU, cancel=None):
        args, paths, texts, nonce = self.asked(section, default)
        program = self.optimised if case in self.lesson.optimised_cases \
            else self.program
        result = runs.run(
            program, case, self.server, nonce,
            self.seed if seed is None else seed, self.guard,
            self.limit() if limit is None else limit, delay,
            paths=paths or (), args=args, on_output=on_output,
            cancel=cancel or self.cancel, before=extra, idle_cpu=idle_cpu,
            most_connections=paths and case == "plain" and
            2 * len(paths) + 2)
        plain = case == "plain"
        run = self.with_steps(result, paths if plain else None,
                              texts if plain else ())
        run.program = program
        return run

    def with_steps(self, result, wanted, texts):
        steps, names = traces.steps_of(result.recording, result.site)
        return causes.Run(result, steps, names, wanted, texts,
                          self.lesson.text("lesson.c"))

    def diagnose(self, run):
        """judge.diagnose() with the lines of the source looked up."""
        if judge.diagnose(run) is None:
            return None
        self.resolve(run)
        return judge.diagnose(run)

    def resolve(self, run):
        run.recording.resolve(run.program, self.made.path, self.folder)
        events = {}
        for event in run.recording.events:
            events.setdefault((event.time, event.thread, event.kind), event)
        for step in run.steps:
            event = events.get((step.time, step.thread, step.kind))
            if event:
                step.line, step.lines = event.line, event.lines

    def keep_trace(self, run, finding=None):
        """Write the trace of a run into work/. Its path."""
        path = traces.new_path(os.path.join(self.work, ".build"),
                               self.lesson)
        figures = traces.figures_of(run.recording, run.steps, run.result)
        data = traces.make(
            self.lesson, run.recording, run.steps, run.names,
            self.made.learner, figures, self.for_trace(run, finding),
            run.result.end_ns)
        traces.write(path, data)
        self.trace = path
        self.step_count = len(data["events"])
        return path

    def for_trace(self, run, finding):
        if not finding:
            return None
        todo, line = self.place(finding)
        return {"cause": finding.cause, "kind": finding.kind,
                "step": self.step_number(run, finding),
                "stuck": bool(run.result.stuck or run.result.limit),
                "why": causes.why(finding.cause, finding.kind),
                "evidence": finding.evidence, "todo": todo, "line": line,
                "hint": 1}

    def step_number(self, run, finding):
        """The number of the finding's step in the trace, from 1."""
        steps = traces.shown(run.recording, run.steps)
        if finding.step in steps:
            return steps.index(finding.step) + 1
        return None

    # --- where it is ---

    def region_of(self, line):
        for key, (first, body) in self.made.regions.items():
            if first <= line < first + body.count("\n") + 1:
                return key
        return None

    def stubs(self):
        """The regions that are still as `start` gave them."""
        def words(text):
            return "".join(text.split())
        return [part.id for part in cut.parts_of(self.lesson)
                if isinstance(part, source.Region) and
                words(cut.without_head(self.made.regions[part.id][1])) in
                [words(cut.stub_text(part, self.lesson, language))
                 for language in causes.LANGUAGES]]

    def was_given(self, line):
        """Whether the exercise has this line of a region: who calls it with
        something wrong is what to look at."""
        key = self.region_of(line)
        first, body = self.made.regions.get(key, (1, ""))
        given = {one.strip() for part in cut.parts_of(self.lesson)
                 if isinstance(part, source.Region) and part.id == key
                 for one in part.stub}
        text = body.splitlines()[line - first:line - first + 1]
        return bool(text) and text[0].strip() in given

    def regions_in(self, lines):
        """The regions that these lines are in, each once: in their order."""
        return list(dict.fromkeys(key for line in lines
                                  if (key := self.region_of(line))))

    def place(self, finding, todo=None):
        """(TODO, line) that a finding points at.

        The first TODO that is still to be written, while there is one
        ([stubs] work: they do no harm; never: causes that no stub leads to),
        unless a call in another one is what is wrong."""
        where = self.suspect(finding, todo)
        stubs = sorted(self.stubs())
        works = self.expect.get("stubs", {}).get("work", [])
        open_ones = [one for one in stubs if one not in works]
        own = self.expect.get("stubs", {}).get("never", [])
        if where and where not in stubs and \
                finding.cause in BY_WRITTEN_CODE + tuple(own):
            open_ones = []
        named = self.regions_in(finding.lines) if finding.sure else []
        if open_ones and (where in stubs or where not in named):
            where = open_ones[0]
        elif where in stubs:
            where = stubs[0]
        if not where:
            return None, finding.line or None
        lines = [line for line in finding.lines
                 if self.region_of(line) == where]
        if finding.often and lines:
            return where, collections.Counter(lines).most_common(1)[0][0]
        return where, lines[0] if lines else \
            self.made.regions.get(where, (None, ""))[0]

    def suspect(self, finding, todo=None):
        """The TODO that a finding speaks of, whatever is written there."""
        todos = self.expect.get("todos", {})
        inside = self.regions_in(finding.lines)
        own = self.regions_in([line for line in finding.lines
                               if not self.was_given(line)]) or inside
        if finding.often and inside:
            return collections.Counter(
                key for line in finding.lines
                if (key := self.region_of(line))).most_common(1)[0][0]
        if finding.kind == "wakes itself" and inside and \
                self.lesson.uses_library:
            return inside[0]
        if finding.innermost and inside:
            return inside[0]
        if finding.sure and inside:
            return next((key for key in own
                         if key not in finding.innocent), own[-1])
        return finding.sure_todo or \
            todos.get(f"{finding.cause}: {finding.kind}") or finding.todo or \
            todos.get(finding.cause) or todo or (own or [None])[0]

    # --- build ---

    def prepare(self, kinds=("check",)):
        """Build the check program. A Finding if that fails."""
        self.guard = runs.guard_program(os.path.join(self.work, ".build"),
                                        "cc")
        try:
            self.made = transplant.make(self.lesson, self.path, self.text)
        except transplant.MissingRegion as error:
            return causes.Finding("MARKS MISSING", "ids", text=str(error))
        except UnicodeDecodeError:
            return causes.Finding("DOES NOT BUILD")
        if self.made.unbalanced:
            return causes.Finding("UNBALANCED", "ids",
                                  todo=self.made.unbalanced[0],
                                  text=", ".join(self.made.unbalanced))
        try:
            self.build_library()
        except library.Failed as error:
            self.log = f"library: {error}"
            return causes.Finding("DOES NOT BUILD")
        self.build = build.Build(self.lesson, self.made, self.folder, self.cc,
                                 kinds, self.work)
        self.program = self.build.finish("check")
        self.optimised = self.lesson.optimised_cases and \
            self.build.finish("optimised")
        self.log = self.build.log()
        if not self.program or self.optimised is None:
            return self.does_not_build()
        return None

    def does_not_build(self):
        self.log = self.build.log()
        line = build.first_line(self.log, self.made.path)
        return causes.Finding("DOES NOT BUILD", line=line,
                              todo=self.region_of(line) or self.unclosed())

    def build_library(self):
        """The first time in this tree, if the lesson uses it."""
        if self.lesson.uses_library and \
                not library.is_built(self.work, self.cc):
            self.on_step("library")
            library.build(self.work, self.cc)

    def unclosed(self):
        """The region that leaves a brace open: the compiler's first error is
        behind it. None: there is none."""
        return next((key for key, (_, body) in self.made.regions.items()
                     if transplant.depth_of(body)), None)


# --- the solution's own run ------------------------------------------------

def normal_path(lesson, work):
    return os.path.join(work, ".build", f"normal-{lesson.number}.json")


def run_solution(answer):
    """The figures of the solution, run now; {}: something is wrong with it."""
    solution = Answer(answer.lesson, cc=answer.cc, work=answer.work,
                      server_=answer.server)
    with build.Folder(answer.work) as solution.folder:
        if solution.prepare():
            return {}
        run = solution.run_case("plain", limit=(60, 60))
    if judge.diagnose(run):
        return {}
    return traces.figures_of(run.recording, run.steps, run.result)


def normal_of(answer):
    """The figures of the solution's own run on this machine; measured once
    for each tree."""
    lesson = answer.lesson
    path = normal_path(lesson, answer.work)
    key = hashlib.sha256((lesson.text("lesson.c") +
                          lesson.text("expect.toml", "")).encode()).hexdigest()
    try:
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
        if known["key"] == key:
            return known["figures"]
    except (OSError, ValueError, KeyError):
        pass
    figures = run_solution(answer)
    if not figures:
        return {}
    partial = f"{path}.{os.getpid()}.{secrets.token_hex(2)}"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump({"key": key, "figures": figures}, file)
    os.replace(partial, path)
    return figures


def calibrate(lesson, work=None, cc="cc"):
    """Measure the solution now, so that the first check need not."""
    with server.Server() as one:
        return normal_of(Answer(lesson, cc=cc, work=work, server_=one))
