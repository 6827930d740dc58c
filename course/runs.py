# SPDX-License-Identifier: MIT
"""The commands that run the learner's program: run, check, step, try."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import causes
import check
import cut
import diagnostics
import formats
import lessons
import room
import show
import texts
from commands import next_lesson, questions_of, write_text
from context import Stop
from options import UsageError
from progress import hash_of
from terminal import StatusLine, short_path


DELAY_MS = 150  # native/calls.c


def predicted_of(context, lesson):
    return context.progress.of(lesson.number).get("predicted", {})


def titled(trace, whose):
    """The same trace, titled by whose run it is."""
    return {**trace, "title": {
        language: f"{texts.Texts(language)(whose)}, {title}"
        for language, title in trace["title"].items()}}


def keep_trace(context, lesson, result, solution=False):
    """The trace of a run, moved to where `step` looks for it."""
    source = result.get("trace")
    if not source or not os.path.exists(source):
        return
    with open(source, encoding="utf-8") as file:
        text = file.read()
    if solution:
        text = json.dumps({**json.loads(text), "solution": True})
    os.makedirs(context.folder(lesson), exist_ok=True)
    target = os.path.join(context.folder(lesson), "run.json")
    write_text(target, text)
    result["trace"] = target


# --- check ----------------------------------------------------------------


def check_quiz(context, lesson):
    """A lesson without a program: every question has its right answer."""
    said = predicted_of(context, lesson)
    wrong = []
    for key, question in questions_of(lesson):
        right = [i for i, choice in enumerate(question.get("choices", []), 1)
                 if choice.get("right")]
        if said.get(key) not in right:
            wrong.append((key in said, context.t.of(question)))
    return {"lesson": lesson.number, "passed": not wrong, "quiz": wrong,
            "figures": {}, "seconds": 0.0, "seed": None, "cause": None}


def note_verdict(context, lesson, verdict, path):
    """Attempts, and the hash of the file that passed, in work/progress."""
    with context.progress.change(lesson.number) as seen:
        seen["attempts"] = seen.get("attempts", 0) + 1
        seen.pop("todo", None)
        if verdict["passed"]:
            seen["passed"] = hash_of(path) or "quiz"
        elif verdict.get("todo"):
            seen["todo"] = verdict["todo"]
        verdict["attempts"] = seen["attempts"]
        verdict["hints"] = sum(seen.get("hints", {}).values())
        verdict["predicted"] = dict(seen.get("predicted", {}))
    room.report(context, lesson, verdict)


def point_to_first_open(verdict, path):
    """While TODOs are untouched, the first of them is the place to go on."""
    untouched = sorted(verdict.get("open") or [])
    if verdict["passed"] or verdict.get("todo") not in untouched or \
            verdict["todo"] == untouched[0]:
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        line = cut.regions(file.read())[untouched[0]][0]
    verdict.update(todo=untouched[0], line=line, evidence=None)


def stop_elsewhere(context, lesson):
    """A lesson in the assembly of another machine is only to be read."""
    if lesson.elsewhere:
        raise Stop(context.t.of(lesson.elsewhere), 3)


def refuse_wrong_files(context, options):
    """UsageError: there is no such file to check, or no such compiler."""
    path, cc = options.get("--answer"), options.get("--cc", "cc")
    if path and not os.path.isfile(path):
        raise UsageError(context.t("check.no_file", path=path))
    if options.get("--cc") and not shutil.which(shlex.split(cc + " ")[0]):
        raise UsageError(context.t("check.no_cc", cc=cc))


def check_one(context, lesson, options, on_step=lambda name: None):
    """Check the learner's answer, or the file of --answer. A verdict."""
    stop_elsewhere(context, lesson)
    if not lesson.has_program:
        verdict = check_quiz(context, lesson)
        note_verdict(context, lesson, verdict, "")
        return verdict, ""
    path = options.get("--answer") or context.started(lesson)
    verdict = check.check(lesson, path,
                          seed=options.number("--seed", context.t),
                          cc=options.get("--cc", "cc"),
                          limit=not options.has("--no-limit"),
                          work=context.work, on_step=on_step)
    point_to_first_open(verdict, path)
    keep_trace(context, lesson, verdict)
    if not options.get("--answer"):
        note_verdict(context, lesson, verdict, path)
    return verdict, path


def show_verdict(context, lesson, verdict, path):
    t, terminal = context.t, context.terminal
    following = next_lesson(context, lesson)
    if "quiz" in verdict:
        for answered, question in verdict["quiz"]:
            word = t("check.wrong" if answered else "check.unanswered")
            terminal.say(terminal.wrap(t("check.answer", word=word,
                                         answer=question), "  "))
        if not verdict["passed"]:
            terminal.say(t("check.again_quiz", number=lesson.number))
            return
        terminal.say(terminal.style(t("check.passed_quiz",
                                      number=lesson.number), "bold", "green"))
        if following:
            terminal.say(t("check.passed_next", next=following.number))
        return
    for line in show.render(verdict, path, predicted_of(context, lesson), t,
                            terminal, check.causes(),
                            following and following.number):
        terminal.say(line)


def lessons_to_check(context, options):
    """Those of --all that were started, or the one that is named."""
    if not options.has("--all"):
        return [context.lesson(options)]
    if options.operands:
        raise UsageError(context.t("lesson.too_many", command="check",
                                   name=options.operands[0]))
    return [lesson for lesson in lessons.all_lessons()
            if not lesson.elsewhere and (
                os.path.exists(context.answer(lesson))
                or context.progress.of(lesson.number))]


def share_of(context, options):
    """--share=1/2 as (1, 2): the first of two shares of the answers."""
    text = options.get("--share", "1/1")
    which, _, shares = text.partition("/")
    if not (which.isdecimal() and shares.isdecimal() and
            1 <= int(which) <= int(shares)):
        raise UsageError(context.t("lesson.bad_share", value=text))
    return int(which), int(shares)


def command_check(context, options):
    kinds = [kind for kind in ("solutions", "bugs", "alike")
             if options.has("--" + kind)]
    form = options.get("--format", "json" if context.json else None)
    if form not in (None, "json", "junit", "gradescope", "verdict"):
        raise UsageError(context.t("lesson.unknown_option", command="check",
                                   name="--format " + form))
    if kinds:
        return check.check_course(
            kinds, None if options.has("--all") or not options.operands
            else context.lesson(options), cc=options.get("--cc", "cc"),
            seed=options.number("--seed", context.t),
            jobs=options.number("--jobs", context.t),
            share=share_of(context, options))
    if options.has("--mine"):
        cut.take_mine(context.work)
    status = StatusLine(context.terminal.plain or form is not None)
    steps = options.number("--steps-fd", context.t)
    options.number("--seed", context.t)  # wrong usage comes before anything

    def on_step(name):
        status.show(context.t("check.checking", step=context.t(
            "check." + name)))
        if steps is not None:
            os.write(steps, (name + "\n").encode())

    refuse_wrong_files(context, options)
    verdicts = []
    for lesson in lessons_to_check(context, options):
        if not form:
            context.terminal.say(context.terminal.style(
                context.t("check.head", number=lesson.number,
                          name=lesson.name), "bold"))
        verdict, path = check_one(context, lesson, options, on_step)
        status.clear()
        verdicts.append(verdict)
        if not form:
            show_verdict(context, lesson, verdict, path)
    if form:
        formats.write(form, verdicts, context, sys.stdout)
    elif options.has("--all"):
        context.terminal.say(context.t(
            "check.all", passed=sum(v["passed"] for v in verdicts),
            total=len(verdicts)))
    return 0 if all(v["passed"] for v in verdicts) else 1


# --- run ------------------------------------------------------------------


def tell_end(context, lesson, result):
    """How the run has ended, and its figures."""
    t, say = context.t, context.terminal.say
    if result.get("build_log"):
        say(t("run.failed"))
        say(diagnostics.folded(result["build_log"], context.terminal, t))
        return 1
    if result.get("stuck"):
        say(t("run.stuck", threads=t.of(causes.asleep_words(
            result.get("blocked", [])))))
    elif result.get("seen"):
        say(context.terminal.wrap(t("run.seen", evidence=t.of(
            result["seen"]))))
    elif result.get("limit"):
        say(t("run.idle" if result.get("idle") else "run.limit", seconds=t.number(round(result["seconds"], 1)),
              normal=t.number(round(result.get("normal", 0), 1))))
    elif result.get("signal"):
        say(t("run.signal", name=result["signal"]))
    elif result.get("status"):
        say(t("run.status", status=result["status"]))
    figures = result.get("figures") or {}
    predicted = predicted_of(context, lesson)
    words = []
    for name, value in figures.items():
        label = show.label(name, lesson.expect.get("figures", {}).get(
            name, {}), t)
        word = f"{label} {t.number(value)}"
        if name in predicted:
            word += f" ({t('check.said')} {t.number(predicted[name])})"
        words.append(word)
    if words:
        say(context.terminal.wrap(t("run.told_figures",
                                    figures=", ".join(words))))
    if result.get("steps"):
        say(t("run.recorded_one" if result["steps"] == 1 else
              "run.recorded", count=t.number(result["steps"]),
              number=lesson.number))
    failed = (result.get("stuck") or result.get("limit") or
              result.get("signal") or result.get("status"))
    return 1 if failed else 0


def command_run(context, options):
    lesson = context.lesson(options)
    if not lesson.has_program:
        raise context.no_program(lesson)
    stop_elsewhere(context, lesson)
    path = None if options.has("--solution") else context.started(lesson)
    if options.has("--mine"):
        cut.take_mine(context.work)
    result = check.run_plain(lesson, path, arguments=options.operands[1:],
                             show=not context.json, work=context.work)
    keep_trace(context, lesson, result, options.has("--solution"))
    if context.json:
        print(json.dumps(result, ensure_ascii=False))
        return 0 if not result.get("build_log") else 1
    return tell_end(context, lesson, result)


# --- step, try ------------------------------------------------------------


def load_trace(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def beside_solution(context, lesson, traces):
    """The learner's run and one of the solution; the solution's alone if that
    is what was run."""
    if traces and traces[0].get("solution"):
        return traces
    result = check.run_plain(lesson, None, show=False, work=context.work)
    other = load_trace(result["trace"])
    if not traces:
        return [other]
    return [titled(traces[0], "step.yours"), titled(other, "step.solution")]


def command_step(context, options):
    lesson, t = context.lesson(options), context.t
    if not lesson.has_program:
        raise context.no_program(lesson)
    path = os.path.join(context.folder(lesson), "run.json")
    traces = [load_trace(path)] if os.path.exists(path) else []
    if options.has("--solution"):
        traces = beside_solution(context, lesson, traces)
    if not traces:
        raise Stop(t("step.none", number=lesson.number))
    if options.get("--perfetto"):
        import perfetto
        write_text(options.get("--perfetto"), perfetto.convert(traces[0]))
        context.terminal.say(t("step.wrote", path=options.get("--perfetto")))
        return 0
    if context.terminal.plain and not context.json:
        import plain
        for line in plain.lines(traces[0], t.language):
            context.terminal.say(line)
        return 0
    if context.json:
        print(json.dumps(traces[0], ensure_ascii=False))
        return 0
    target = write_steps(context, lesson, traces, options.get("-o"))
    context.terminal.say(t("step.wrote", path=short_path(target)))
    context.terminal.say(context.terminal.wrap(t("step.open")))
    open_in_browser(target)
    return 0


def write_steps(context, lesson, traces=None, target=None):
    """The page of the recorded run. Returns its path."""
    import page
    folder = context.folder(lesson)
    traces = traces or [load_trace(os.path.join(folder, "run.json"))]
    target = target or os.path.join(folder, "steps.html")
    write_text(target, page.render(traces, context.t.language))
    return target


def open_in_browser(path):
    """Only in a desktop session: elsewhere the path is enough."""
    if not sys.stdout.isatty() or not (os.environ.get("DISPLAY") or
                                       os.environ.get("WAYLAND_DISPLAY")):
        return
    try:
        subprocess.Popen(["xdg-open", path], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError:
        pass


def command_try(context, options):
    lesson, t = context.lesson(options), context.t
    at = options.get("--at") or ""
    if not re.fullmatch(r"[\w-]+:\d+(\+\d+)?", at):
        raise UsageError(t("try.bad_at", value=at))
    cases = ["plain", "sweep"] + [one["name"] for one in
                                  lesson.expect.get("case", [])]
    if options.get("--case", "plain") not in cases:
        raise UsageError(t("try.no_case", name=options.get("--case"),
                           all=", ".join(cases)))
    result = check.replay(lesson, context.started(lesson), at,
                          case=options.get("--case"),
                          seed=options.number("--seed", t),
                          work=context.work)
    if not result.get("build_log") and not result["delayed"]:
        raise UsageError(t("try.no_call", at=at, all=", ".join(
            f"{name}:{calls}" for name, calls in result["calls"].items())))
    keep_trace(context, lesson, result)
    if context.json:
        print(json.dumps(result, ensure_ascii=False))
    elif result.get("build_log"):
        return tell_end(context, lesson, result)
    else:
        thread, _, call = at.partition(":")
        call, _, ms = call.partition("+")
        context.terminal.say(t("try.ran", ms=ms or DELAY_MS, call=call,
                               thread=thread))
        context.terminal.say(t("try.result_stuck" if result.get("stuck")
                               else "try.result_done"))
        if result.get("why"):
            context.terminal.say(context.terminal.wrap(t(
                "check.evidence", evidence=t.of(result["why"])), "  "))
        context.terminal.say(t("try.recorded", number=lesson.number))
    return 1 if result.get("stuck") else 0
