# SPDX-License-Identifier: MIT
"""Checks an answer: build, plain run, figures, cases, sweep, sanitizers.

    verdict = check.check(lesson, path)
    result = check.run_plain(lesson, path)

The first step that fails is reported, and the rest is not done.
"""
import functools
import hashlib
import json
import os
import secrets
import sys
import threading
import time

import build
import causes as naming
import cut
import judge
import lessons
import run as runs
import sanitize
import server
import source
import stuck
import sweep
import trace as traces

WORK = os.environ.get("REVEIL_WORK") or os.path.join(lessons.ROOT, "work")
DEFAULT_PATHS = ["/613/{nonce}", "/391/{nonce}"]
SWEEP_PATHS = ["/60/{nonce}", "/40/{nonce}"]
LEAST_LIMIT, MOST_LIMIT, TIMES_NORMAL, CASE_LIMIT = 2.0, 20.0, 10, 10.0
CASE_CPU = 2.0  # seconds that a case may work while the server owes nothing
CASES_SIDE_BY_SIDE = 4


def causes():
    """The table of causes.toml."""
    return naming.table()


@functools.lru_cache(None)
def tree_id():
    """A short hash of the tree's lessons and of the checker."""
    digest = hashlib.sha256()
    for folder in (lessons.FOLDER, lessons.HERE):
        for where, folders, names in sorted(os.walk(folder)):
            folders[:] = [one for one in folders if one != "__pycache__"]
            for name in sorted(names):
                path = os.path.join(where, name)
                digest.update(os.path.relpath(path, lessons.ROOT).encode())
                with open(path, "rb") as file:
                    digest.update(file.read())
    return digest.hexdigest()[:10]


def load_factor():
    """How much longer things take now, because others work too."""
    try:
        return min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), 3.0)
    except OSError:
        return 1.0


class Checker:
    """One answer on its way through the steps."""

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
        return set(self.expect.get("figures", {})) or {
            "polls", "wakes", "parks", "epoll_waits", "would_block"}

    # --- one run ---

    def run_case(self, case, section="run", default=None, delay=None,
                 limit=None, seed=None, on_output=None, extra=(),
                 idle_cpu=runs.IDLE_CPU):
        args, paths, texts, nonce = self.asked(section, default)
        result = runs.run(
            self.program, case, self.server, nonce,
            self.seed if seed is None else seed, self.guard,
            self.limit() if limit is None else limit, delay,
            paths=paths or (), args=args, on_output=on_output,
            cancel=self.cancel, before=extra, idle_cpu=idle_cpu)
        plain = case == "plain"
        return self.with_steps(result, paths if plain else None,
                               texts if plain else ())

    def with_steps(self, result, wanted, texts):
        steps, names = traces.steps_of(result.recording, result.site)
        return naming.Run(result, steps, names, wanted, texts,
                          "PROBE_SET_WAKER" in self.lesson.text("lesson.c"))

    def diagnose(self, run):
        """judge.diagnose() with the lines of the source looked up."""
        if judge.diagnose(run) is None:
            return None
        self.resolve(run)
        return judge.diagnose(run)

    def resolve(self, run):
        run.recording.resolve(self.program, self.made.path, self.folder)
        lines = {}
        for event in run.recording.events:
            lines.setdefault((event.time, event.thread, event.kind),
                             event.line)
        for step in run.steps:
            step.line = lines.get((step.time, step.thread, step.kind), 0)

    def keep_trace(self, run, finding=None):
        """Write the trace of a run into work/. Its path."""
        folder = os.path.join(self.work, ".build")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"trace-{self.lesson.number}-"
                            f"{os.getpid()}-{secrets.token_hex(3)}.json")
        figures = traces.figures_of(run.recording, run.steps, run.result)
        data = traces.make(
            self.lesson, run.recording, run.steps, run.names,
            self.made.learner, figures, self.for_trace(run, finding),
            time.monotonic_ns() if run.result.stuck else None)
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
                "why": naming.why(finding.cause, finding.kind),
                "evidence": finding.evidence, "todo": todo, "line": line,
                "hint": 1}

    def step_number(self, run, finding):
        """The number of the finding's step in the trace, from 1."""
        steps = traces.fold_for_page(run.steps)
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
                words(cut.block(part.stub)) ==
                words(cut.without_head(self.made.regions[part.id][1]))]

    def place(self, finding, todo=None):
        """(TODO, line) that a finding points at: one that is still to be
        written, while there is one ([stubs] work: they do no harm)."""
        todos = self.expect.get("todos", {})
        works = self.expect.get("stubs", {}).get("work", [])
        key = f"{finding.cause}: {finding.kind}"
        todo = todos.get(key) or finding.todo or todos.get(finding.cause) \
            or todo or self.region_of(finding.line)
        open_ones = [one for one in sorted(self.stubs()) if one not in works]
        untouched = len(self.stubs()) == len(self.made.ids)
        if open_ones and (untouched or todo not in open_ones and (
                not todo or self.done[-1] in ("plain", "figures"))):
            todo = open_ones[0]
        if not todo:
            return None, finding.line or None
        if self.region_of(finding.line) == todo:
            return todo, finding.line
        first = self.made.regions.get(todo, (None, ""))[0]
        return todo, first

    # --- the verdict ---

    def verdict(self, step, finding=None, todo=None, run=None):
        result = {
            "lesson": self.lesson.number, "passed": finding is None,
            "step": step, "cause": None, "kind": None, "evidence": None,
            "why": None, "todo": None, "line": None, "hint": None,
            "figures": self.figures, "seed": self.seed,
            "seconds": round(time.monotonic() - self.begin, 2),
            "schedule": self.schedule, "trace": self.trace,
            "build_log": self.log or None,
            "changed_outside": bool(self.build and
                                    self.made.changed_outside),
            "steps": self.done, "hopeless": None}
        if not finding:
            return result
        result["todo"], result["line"] = self.place(finding, todo) \
            if self.build else (finding.todo, finding.line or None)
        result.update(cause=finding.cause, kind=finding.kind,
                      evidence=finding.evidence, hint=1,
                      why=naming.why(finding.cause, finding.kind),
                      open=sorted(self.stubs()) if self.build else [])
        if run and (run.result.stuck or run.result.limit):
            result["hopeless"] = self.step_number(run, finding)
        if run:
            finding.todo = result["todo"]
            result["trace"] = self.keep_trace(run, finding)
        return result

    def check(self):
        """All steps. Returns the verdict."""
        self.begin = time.monotonic()
        if self.server:
            return self.check_in_folder()
        with server.Server() as self.server:
            return self.check_in_folder()

    def check_in_folder(self):
        with build.Folder(self.work) as self.folder:
            try:
                return self.steps()
            finally:
                self.cancel.set()
                if self.build:
                    self.build.stop()

    def step(self, name):
        self.done.append(name)
        self.on_step(name)

    def prepare(self, kinds=("check",)):
        """Build the check program. A Finding if that fails."""
        self.guard = runs.guard_program(os.path.join(self.work, ".build"),
                                        "cc")
        try:
            self.made = cut.make(self.lesson, self.path, self.text)
        except cut.MissingRegion as error:
            return naming.Finding("MARKS MISSING", "ids", text=str(error))
        except UnicodeDecodeError:
            return naming.Finding("DOES NOT BUILD")
        if self.made.unbalanced:
            return naming.Finding("UNBALANCED", "ids",
                                  todo=self.made.unbalanced[0],
                                  text=", ".join(self.made.unbalanced))
        self.build = build.Build(self.lesson, self.made, self.folder, self.cc,
                                 kinds)
        self.program = self.build.finish("check")
        self.log = self.build.log()
        if not self.program:
            return naming.Finding(
                "DOES NOT BUILD", line=build.first_line(self.log,
                                                        self.made.path))
        return None

    def steps(self):
        self.step("build")
        finding = self.prepare()
        if finding:
            return self.verdict("build", finding)
        self.normal = normal_of(self)
        self.step("plain")
        plain = self.run_case("plain")
        finding = self.diagnose(plain)
        self.figures = judge.figures_table(
            self.lesson, traces.figures_of(plain.recording, plain.steps,
                                           plain.result), self.normal)
        if finding:
            return self.verdict("plain", finding, run=plain)
        self.step("figures")
        if judge.judge_figures(self.lesson, plain, self.figures, self.normal):
            self.resolve(plain)
            return self.verdict("figures", judge.judge_figures(
                self.lesson, plain, self.figures, self.normal), run=plain)
        return self.steps_after_plain(plain)

    def steps_after_plain(self, plain):
        if self.expect.get("case"):
            self.step("cases")
            failed = self.cases()
            if failed:
                run, finding, todo = failed
                return self.verdict("cases", finding, todo, run)
        kinds = [kind for kind in ("asan", "tsan")
                 if self.expect.get("sanitize", {}).get(kind)]
        for kind in kinds:
            self.build.start(kind)
        if self.expect.get("sweep") is not None:
            self.step("sweep")
            failed = self.sweep()
            if failed:
                self.schedule, (run, finding) = failed
                self.resolve(run)
                finding = judge.diagnose(run) or finding
                return self.verdict("sweep", finding,
                                    self.expect["sweep"].get("todo"), run)
        if kinds:
            self.step("sanitize")
            finding = self.sanitizers(kinds)
            if finding:
                return self.verdict("sanitize", finding, run=plain)
        self.resolve(plain)
        self.keep_trace(plain)
        return self.verdict("sanitize")

    def cases(self):
        """(run, finding, todo) of the first case in order that fails."""
        rows = []
        for table in self.expect["case"]:
            rows += [(table, self.seed + i)
                     for i in range(table.get("seeds", 1))]

        def one(index):
            table, seed = rows[index]
            limit = self.limit(table.get("limit", CASE_LIMIT))
            run = self.run_case(table["name"], limit=limit, seed=seed,
                                idle_cpu=CASE_CPU)
            finding = self.diagnose(run)
            return finding and (run, finding, table.get("todo"))

        failed, _ = sweep.run_all(range(len(rows)), one, 600,
                                  CASES_SIDE_BY_SIDE, self.cancel)
        return failed and failed[1]

    def sweep_case(self, delay=None, limit=None):
        case = self.expect.get("sweep", {}).get("case", "plain")
        return self.run_case(case, "sweep", SWEEP_PATHS, delay, limit)

    def sweep(self):
        """(schedule, (run, finding)) of the first delay that does harm."""
        base = self.sweep_case()
        finding = self.diagnose(base)
        if finding:
            return None, (base, finding)

        def one(delay):
            run = self.sweep_case(delay, self.limit(CASE_LIMIT))
            if run.result.limit:
                return None  # slow is not stuck
            finding = judge.diagnose(run)
            return finding and (run, finding)

        names = sweep.schedules(base.recording,
                                self.expect["sweep"].get("threads"))
        found, self.swept = sweep.run_all(names, one, cancel=self.cancel)
        return found

    def sanitizers(self, kinds):
        env = dict(os.environ, **sanitize.OPTIONS)
        for kind in kinds:
            program = self.build.finish(kind)
            if not program and self.build.can(kind):
                raise RuntimeError(f"{kind}: {self.build.log()}")
            if not program:
                continue  # this compiler has no such sanitizer
            args, paths, _, _ = self.asked("sanitize", SWEEP_PATHS)
            result = runs.run_bare([program], self.server, self.guard,
                                   (240, 60), env, paths or (), args)
            finding = sanitize.read(result.output, self.made.path)
            if finding:
                return finding
        return None


# --- the solution's own run ------------------------------------------------

def normal_path(lesson, work):
    return os.path.join(work, ".build", f"normal-{lesson.number}.json")


def normal_of(checker):
    """The figures of the solution's own run on this machine; measured once
    for each tree."""
    lesson, work = checker.lesson, checker.work
    path = normal_path(lesson, work)
    key = hashlib.sha256((lesson.text("lesson.c") +
                          lesson.text("expect.toml", "")).encode()).hexdigest()
    try:
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
        if known["key"] == key:
            return known["figures"]
    except (OSError, ValueError, KeyError):
        pass
    solution = Checker(lesson, cc=checker.cc, work=work,
                       server_=checker.server)
    with build.Folder(work) as solution.folder:
        if solution.prepare():
            return {}
        run = solution.run_case("plain", limit=(60, 60))
    if judge.diagnose(run):
        return {}
    figures = traces.figures_of(run.recording, run.steps, run.result)
    partial = f"{path}.{os.getpid()}.{secrets.token_hex(2)}"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump({"key": key, "figures": figures}, file)
    os.replace(partial, path)
    return figures


def calibrate(lesson, work=None, cc="cc"):
    """Measure the solution now, so that the first check need not."""
    with server.Server() as one:
        return normal_of(Checker(lesson, cc=cc, work=work, server_=one))


# --- what the commands call ------------------------------------------------

def check(lesson, path, seed=None, cc="cc", limit=True, work=None,
          on_step=None):
    """The verdict on the file at `path`; None: the solution."""
    return Checker(lesson, path, None, seed, cc, limit, work, on_step).check()


def outcome(checker, run):
    """How a run ended, for `run` and `try`."""
    result = run.result
    return {"build_log": None, "stuck": result.stuck or result.stopped,
            "blocked": result.blocked, "limit": result.limit,
            "signal": result.signal if not (result.stuck or result.limit or
                                            result.too_much) else None,
            "status": result.status, "seconds": result.seconds,
            "normal": checker.normal.get("wall_ms", 0) / 1000,
            "figures": {name: value for name, value in traces.figures_of(
                run.recording, run.steps, result).items()
                if name in checker.shown_figures()},
            "output": result.output.decode("utf-8", "replace"),
            "steps": checker.step_count, "trace": checker.trace}


def run_once(lesson, path, work, act):
    """Build an answer and do something with it; an outcome."""
    checker = Checker(lesson, path, work=work)
    checker.begin = time.monotonic()
    with server.Server() as checker.server, \
            build.Folder(checker.work) as checker.folder:
        finding = checker.prepare()
        if finding:
            return {"build_log": checker.log or finding.evidence["en"],
                    "finding": finding.cause, "stuck": False, "blocked": [],
                    "limit": False, "signal": None, "status": None,
                    "seconds": 0, "normal": 0, "figures": {}, "steps": 0,
                    "trace": None}
        checker.normal = normal_of(checker)
        run = act(checker)
        checker.resolve(run)
        finding = judge.diagnose(run)
        checker.keep_trace(run, finding)
        return outcome(checker, run)


def run_plain(lesson, path=None, arguments=(), show=False, work=None):
    """Run the program as a learner would; its output goes through."""
    def on_output(data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    return run_once(lesson, path, work, lambda checker: checker.run_case(
        "plain", on_output=on_output if show else None, extra=arguments))


def replay(lesson, path, at, case=None, seed=None, work=None):
    """Run again with the delay of the sweep at this call."""
    def act(checker):
        if seed is not None:
            checker.seed = seed
        if case:
            return checker.run_case(case, delay=at)
        return checker.sweep_case(at)

    return run_once(lesson, path, work, act)


def check_course(kinds, lesson=None, cc="cc", seed=None, jobs=None):
    import proof
    return proof.check_course(kinds, lesson, cc, seed, jobs)


def command(options, lesson):
    import proof
    return proof.command(options, lesson)
