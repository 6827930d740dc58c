# SPDX-License-Identifier: MIT
"""Checks an answer: build, plain run, figures, cases, sweep, sanitizers.

    verdict = check.check(lesson, path)
    result = check.run_plain(lesson, path)

The first step that fails is reported, and the rest is not done.
"""
import functools
import hashlib
import os
import sys
import threading
import time

import answer
import build
import causes as naming
import judge
import lessons
import run as runs
import sanitize
import server
import sweep
import texts
import trace as traces
from answer import (CASE_CPU, CASE_LIMIT, SWEEP_PATHS,
                    calibrate, normal_of)  # noqa: F401: for who calls check

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


# The limit of a run in a sanitizer's build, in seconds; the solutions take 1 to
# 5. A thread of the sanitizer's never sleeps, so a standstill is only seen at
# the limit: by how little was done, unless others had the processors.
SANITIZED = 60


class Checker(answer.Answer):
    """An answer on its way through the steps."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.not_checked = []  # what this machine could not check, and why
        self.failed_before = None  # a step whose cause a case knows better

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
            "steps": self.done, "failed_before": self.failed_before,
            "hopeless": None, "not_checked": self.not_checked}
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

    def steps(self):
        self.step("build")
        finding = self.prepare()
        if finding:
            return self.verdict("build", finding)
        measuring = threading.Thread(target=self.measure, daemon=True)
        measuring.start()
        self.step("plain")
        plain = self.run_case("plain")
        finding = self.diagnose(plain)
        measuring.join()
        self.compare_figures(plain, finding is None)
        if finding:
            return self.verdict_or_cases("plain", finding, plain)
        self.step("figures")
        if self.figure_finding(plain):
            self.resolve(plain)
            return self.verdict_or_cases("figures", self.figure_finding(plain),
                                         plain)
        return self.steps_after_plain(plain)

    def compare_figures(self, plain, decide):
        """Fills self.figures. Where they decide, and others keep the machine
        busy, a figure that is out of its range is set beside what the solution
        needs now: who gets little of the processor may need more of it all."""
        measured = traces.figures_of(plain.recording, plain.steps,
                                     plain.result)
        self.figures = judge.figures_table(self.lesson, measured, self.normal,
                                           {})
        if decide and answer.load_factor() > 1 and self.figure_finding(plain):
            self.figures = judge.figures_table(
                self.lesson, measured, self.normal, answer.run_solution(self))

    def figure_finding(self, plain):
        return judge.judge_figures(self.lesson, plain, self.figures)

    def measure(self):
        """The solution's own figures: beside the plain run, the first time."""
        self.normal = normal_of(self)

    def verdict_or_cases(self, step, finding, plain):
        """The verdict; that of a case, where one knows more: the name, if the
        finding's says little, or that an earlier TODO alone is wrong."""
        rows = [] if self.stubs() else self.cases_that_know(finding)
        if rows:
            self.on_step("cases")
            failed = self.cases(rows)
            if failed and failed[1].cause not in judge.VAGUE:
                run, named, todo = failed
                if finding.cause not in judge.LAST_STEPS:
                    named.evidence = texts.both(named.evidence,
                                                finding.evidence)
                self.done.append("cases")
                self.failed_before = step
                return self.verdict("cases", named, todo, run)
            if failed and failed[1].sure_todo:  # no better name, but a place
                finding.sure_todo, finding.sure = failed[1].sure_todo, False
            until = failed[1].sure_todo if failed else "~"
            finding.innocent = {table["todo"] for table in rows
                                if until and table.get("unit") and
                                table["todo"] < until}
        return self.verdict(step, finding, run=plain)

    def cases_that_know(self, finding):
        """All, where the cause says little; else those that test a TODO by
        itself ([[case]] unit = true) which comes before the suspected one."""
        tables = self.expect.get("case", [])
        if finding.cause in judge.VAGUE and not finding.direct:
            return tables
        if finding.often:
            return []
        until = self.place(finding)[0] or ""
        places = self.regions_in(finding.lines) if finding.sure else []
        if len(places) == 1:
            return []  # the call that is wrong is known
        return [table for table in tables if table.get("unit") and
                (table["todo"] < until or table["todo"] in places)]

    def sanitizer_kinds(self):
        kinds = [kind for kind in ("asan", "tsan")
                 if self.expect.get("sanitize", {}).get(kind)]
        if "tsan" in kinds and "threads.h" in self.made.learner:
            kinds.remove("tsan")  # it does not know mtx_lock() of the libc
            self.not_checked.append("tsan_threads_h")
        return kinds

    def steps_after_plain(self, plain):
        kinds = self.sanitizer_kinds()
        for kind in kinds:
            self.build.start_library(kind)
        if self.expect.get("case"):
            self.step("cases")
            failed = self.cases()
            if failed:
                run, finding, todo = failed
                return self.verdict("cases", finding, todo, run)
        early = answer.load_factor() <= 1  # else a build that may be in vain
        for kind in kinds if early else ():
            self.build.start(kind)
        if self.expect.get("sweep") is not None:
            self.step("sweep")
            failed = self.sweep()
            if failed:
                self.schedule, (run, finding) = failed
                self.resolve(run)
                finding = judge.diagnose(run) or finding
                self.tell_delay(run, finding)
                return self.verdict("sweep", finding,
                                    self.expect["sweep"].get("todo"), run)
        if kinds:
            self.step("sanitize")
            for kind in () if early else kinds:
                self.build.start(kind)
            finding = self.sanitizers(kinds)
            if finding:
                return self.verdict("sanitize", finding, run=plain)
        self.resolve(plain)
        self.keep_trace(plain)
        return self.verdict("sanitize")

    def cases(self, tables=None):
        """(run, finding, todo) of the first case in order that fails."""
        rows, cancel = [], threading.Event()
        for table in tables or self.expect["case"]:
            rows += [(table, self.seed + i)
                     for i in range(table.get("seeds", 1))]

        def one(index):
            table, seed = rows[index]
            limit = self.limit(table.get("limit", CASE_LIMIT))
            run = self.run_case(table["name"], limit=limit, seed=seed,
                                idle_cpu=CASE_CPU, cancel=cancel)
            finding = self.diagnose(run)
            if finding and table.get("unit"):  # its own word goes before
                finding.sure_todo = finding.sure_todo or table["todo"]
            return finding and (run, finding, table.get("todo"))

        failed, _ = sweep.run_all(range(len(rows)), one, 600,
                                  CASES_SIDE_BY_SIDE, cancel)
        return failed and failed[1]

    def sweep_case(self, delay=None, limit=None, cancel=None):
        case = self.expect.get("sweep", {}).get("case", "plain")
        return self.run_case(case, "sweep", SWEEP_PATHS, delay, limit,
                             cancel=cancel)

    def sweep(self):
        """(schedule, (run, finding)) of the first delay that does harm."""
        cancel = threading.Event()
        base = self.sweep_case(limit=self.limit(CASE_LIMIT))
        finding = self.diagnose(base)
        if finding:
            return None, (base, finding)

        late = set()

        def one(delay):
            run = self.sweep_case(delay, self.limit(CASE_LIMIT), cancel)
            if sweep.others_were_late(run):
                late.add(delay)
            if run.result.limit or cancel.is_set():
                return None  # slow is not stuck
            finding = judge.diagnose(run)
            return finding and (run, finding)

        names = sweep.schedules(base.recording,
                                self.expect["sweep"].get("threads"))
        end = time.monotonic() + sweep.SECONDS * answer.load_factor()
        found, self.swept = sweep.run_all(
            names, one, end - time.monotonic(), cancel=cancel)
        if not found:
            again = [f"{name}+{sweep.LONG_MS}" for name in names
                     if name in late]
            found, more = sweep.run_all(
                again, one, end - time.monotonic(), cancel=cancel)
            self.swept += more
        return found

    def tell_delay(self, run, finding):
        """Say in the evidence where the delay was."""
        for thread, call, line in run.recording.delays:
            key = "delay" if line else "delay_call"
            if line and call.startswith("after "):  # the name of a point
                key, call = "delay_after", call.removeprefix("after ")
            more = naming.evidence("ANY", key, thread=thread, call=call,
                                   line=line)
            finding.evidence = {
                language: f"{finding.evidence[language]} ({more[language]})"
                for language in naming.LANGUAGES}

    def sanitizers(self, kinds):
        env = dict(os.environ, **sanitize.OPTIONS)
        for kind in kinds:
            program = self.build.finish(kind)
            if not program and self.build.archive(kind) is not None and \
                    self.build.can(kind):
                return self.does_not_build()  # without the checker's headers
            if not program:
                self.not_checked.append(kind + "_absent")
                continue
            args, paths, _, _ = self.asked("sanitize", SWEEP_PATHS)
            result = runs.run_bare([program], self.server, self.guard,
                                   (SANITIZED * answer.load_factor(), 60),
                                   env, paths or (), args)
            if sanitize.is_unfit(result):
                self.not_checked.append(kind + "_unfit")
                continue
            output = sanitize.put_symbols(result.output, program)
            finding = sanitize.read(output, self.made.path)
            if finding:
                return finding
            if result.stuck or result.limit and result.cpu_ms < 3000 and \
                    answer.load_factor() < 2:
                return naming.Finding(
                    "STOPPED", "sanitized", tool=sanitize.NAMES[kind],
                    cpu=result.cpu_ms, seconds=round(result.seconds))
            if result.limit:
                self.not_checked.append(kind + "_late")
        return None


# --- what the commands call ------------------------------------------------

def check(lesson, path, seed=None, cc="cc", limit=True, work=None,
          on_step=None):
    """The verdict on the file at `path`; None: the solution."""
    return Checker(lesson, path, None, seed, cc, limit, work, on_step).check()


def outcome(checker, run, finding=None):
    """How a run ended, for `run` and `try`."""
    result = run.result
    seen = finding.evidence if finding and run.recording.fail else None
    return {"build_log": None, "stuck": result.stuck or result.stopped,
            "blocked": result.blocked, "limit": result.limit,
            "idle": result.idle, "seen": seen,
            "why": finding.evidence if finding else None,
            "signal": result.signal if not (result.stuck or result.limit or
                                            result.too_much) else None,
            "status": result.status, "seconds": result.seconds,
            "normal": checker.normal.get("wall_ms", 0) / 1000,
            "figures": {name: value for name, value in traces.figures_of(
                run.recording, run.steps, result).items()
                if name in checker.shown_figures()},
            "output": result.output.decode("utf-8", "replace"),
            "delayed": bool(run.recording.delays),
            "calls": {one.name: one.calls for one in run.recording.threads},
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
        return outcome(checker, run, finding)


class Shown:
    """Shows the output of a program as it comes, without its figures line: what
    was measured from outside follows."""

    LINE = b"figures {"

    def __init__(self):
        self.kept = b""  # the begin of a line that may be that line

    def __call__(self, data):
        lines = (self.kept + data).splitlines(keepends=True)
        self.kept = b""
        if not lines[-1].endswith(b"\n") and (
                lines[-1].startswith(self.LINE) or
                self.LINE.startswith(lines[-1])):
            self.kept = lines.pop()
        sys.stdout.buffer.write(b"".join(
            line for line in lines if not line.startswith(self.LINE)))
        sys.stdout.buffer.flush()

    def end(self):
        if self.kept:
            self(b"\n")


def run_plain(lesson, path=None, arguments=(), show=False, work=None):
    """Run the program as a learner would; its output goes through."""
    shown = Shown() if show else None
    result = run_once(lesson, path, work, lambda checker: checker.run_case(
        "plain", on_output=shown, extra=arguments))
    if shown:
        shown.end()
    return result


def replay(lesson, path, at, case=None, seed=None, work=None):
    """Run again with the delay of the sweep at this call."""
    def act(checker):
        if seed is not None:
            checker.seed = seed
        if case:
            return checker.run_case(case, delay=at)
        return checker.sweep_case(at)

    return run_once(lesson, path, work, act)


def check_course(kinds, lesson=None, **options):
    import proof
    return proof.check_course(kinds, lesson, **options)


def command(options, lesson):
    import proof
    return proof.command(options, lesson)
