# SPDX-License-Identifier: MIT
"""The commands that run nothing: list, start, read, predict, hint, diff,
solution, reset."""
import difflib
import json
import os
import re
import sys

import cut
import lessons
import library
from context import SETTINGS, Stop
from options import UsageError
from progress import hash_of
from terminal import StatusLine, short_path


def write_text(path, text):
    """Replace a file as a whole: an editor that has it open sees one change."""
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as error:
        error.filename = path  # the name that was asked for
        raise


# --- list -----------------------------------------------------------------


def state_of(context, lesson):
    """passed, changed, gave_up, started, todo."""
    seen = context.progress.of(lesson.number)
    path = context.answer(lesson)
    if seen.get("passed"):
        if lesson.has_program and seen["passed"] != hash_of(path):
            return "changed"
        return "passed"
    if seen.get("gave_up"):
        return "gave_up"
    return "started" if os.path.exists(path) or seen else "todo"


def next_lesson(context, after=None):
    """The first lesson, after a given one, that is not passed."""
    for lesson in lessons.all_lessons():
        if after and lesson.number <= after.number:
            continue
        if state_of(context, lesson) != "passed":
            return lesson
    return None


def lesson_to_go_on_with(context):
    """The one that was started last if it is not passed, else the one after it,
    else the first that is left."""
    last = context.progress.of(SETTINGS).get("last")
    for lesson in lessons.all_lessons():
        if lesson.number == last:
            return lesson if state_of(context, lesson) != "passed" else (
                next_lesson(context, lesson) or next_lesson(context))
    return next_lesson(context)


def list_as_json(context):
    rows = []
    for lesson in lessons.all_lessons():
        seen = context.progress.of(lesson.number)
        rows.append({"lesson": lesson.number, "name": lesson.name,
                     "state": state_of(context, lesson),
                     "attempts": seen.get("attempts", 0),
                     "hints": sum(seen.get("hints", {}).values())})
    print(json.dumps(rows, ensure_ascii=False))


def command_list(context, options):
    t, terminal = context.t, context.terminal
    if context.json:
        list_as_json(context)
        return 0
    terminal.say(terminal.style(t("list.title"), "bold"))
    for lesson in lessons.all_lessons():
        seen = context.progress.of(lesson.number)
        state = state_of(context, lesson)
        words = [t("list." + state)]
        if state == "todo" and not lesson.has_program:
            words = [t("list.quiz")]
        if seen.get("attempts"):
            words.append(t("list.attempts", count=seen["attempts"]))
        if seen.get("hints"):
            words.append(t("list.hints", count=sum(seen["hints"].values())))
        colours = {"passed": ("green",), "changed": ("yellow",)}.get(state, ())
        terminal.say(f"  {lesson.number}  {lesson.name:<20} " +
                     terminal.style(", ".join(words), *colours))
    following = lesson_to_go_on_with(context)
    if following:
        verb = "start" if state_of(context, following) == "todo" else (
            "check" if following.has_program else "predict")
        terminal.say(t("list.next", command=f"./reveil lesson {verb} "
                       f"{following.number}"))
    return 0


# --- start, reset, read ---------------------------------------------------


def write_exercise(context, lesson):
    """The exercise and the headers beside it, for an editor to find."""
    folder = context.folder(lesson)
    os.makedirs(folder, exist_ok=True)
    write_text(context.answer(lesson),
               cut.exercise(lesson, context.t.language))
    for path, text in cut.scaffold(lesson, language=context.t.language):
        target = os.path.normpath(os.path.join(folder, path))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write_text(target, text)


def list_todos(context, lesson):
    path = context.answer(lesson)
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            found = re.match(r"\s*/\* TODO (\d+\.\w+) (.*?)(\*/)?\s*$", line)
            if found:
                context.terminal.say(
                    context.t("start.todo", path=short_path(path),
                              line=number, id=found[1],
                              title=found[2].strip()))


def command_start(context, options):
    lesson, t = context.lesson(options), context.t
    say = context.terminal.say
    path = context.answer(lesson)
    kept = os.path.exists(path)
    with context.progress.change(SETTINGS) as settings:
        settings["last"] = lesson.number
    if not lesson.has_program:
        with context.progress.change(lesson.number) as seen:
            seen.setdefault("attempts", 0)
        context.terminal.show_page(lesson.readme(t.language).rstrip(),
                                   t("read.prompt"))
        say(context.terminal.wrap(t(
            "lesson.nothing_to_write", number=lesson.number,
            path=short_path(lesson.readme_path(t.language)))))
        return 0
    if not kept:
        write_exercise(context, lesson)
    with context.progress.change(lesson.number) as seen:
        seen.setdefault("attempts", 0)
    if lesson.elsewhere:
        say(context.terminal.wrap(t.of(lesson.elsewhere)))
    wrap = context.terminal.wrap
    say(wrap(t("start.kept" if kept else "start.written",
               path=short_path(path), number=lesson.number), "  "))
    list_todos(context, lesson)
    say(wrap(t("start.read", number=lesson.number,
               path=short_path(lesson.readme_path(t.language))), "  "))
    say(wrap(t("start.then", number=lesson.number), "  "))
    return 0 if lesson.elsewhere else build_library(context, lesson)


def build_library(context, lesson, cc="cc"):
    """What a check of this lesson links: now, so that it need not wait."""
    kinds = ["check"] + [kind for kind in ("asan", "tsan") if lesson.expect.get(
        "sanitize", {}).get(kind)]
    kinds = [kind for kind in kinds if lesson.uses_library and
             not library.is_built(context.work, cc, kind)]
    if not kinds:
        return 0
    t, status = context.t, StatusLine(context.terminal.plain)
    context.terminal.say(context.terminal.wrap(t("start.library")))
    for i, kind in enumerate(kinds):
        try:
            library.build(context.work, cc, kind, lambda done, total: (
                status.show(t("start.library_file", done=i * total + done,
                              total=len(kinds) * total))))
        except library.Failed as error:
            status.clear()
            if kind != "check":
                continue  # a compiler without this sanitizer
            context.terminal.say(t("start.library_failed"))
            context.terminal.say(str(error).rstrip())
            return 1
    status.clear()
    return 0


def command_read(context, options):
    lesson = context.lesson(options)
    context.terminal.show_page(
        lesson.readme(context.t.language).rstrip(),
        context.t("read.prompt"))
    return 0


def backup_name(path):
    """lesson.c.~3~: the first that is free."""
    number = 1
    while os.path.exists(f"{path}.~{number}~"):
        number += 1
    return f"{path}.~{number}~"


def command_reset(context, options):
    lesson = context.lesson(options)
    if not lesson.has_program:
        with context.progress.change(lesson.number) as seen:
            seen.pop("passed", None)
            seen.pop("predicted", None)
        context.terminal.say(context.t("reset.answers", number=lesson.number))
        return 0
    path = context.started(lesson)
    backup = backup_name(path)
    os.link(path, backup)
    write_exercise(context, lesson)
    with context.progress.change(lesson.number) as seen:
        seen.pop("passed", None)
    context.terminal.say(context.terminal.wrap(context.t(
        "reset.done", path=short_path(path), backup=short_path(backup)), "  "))
    return 0


# --- predict --------------------------------------------------------------


def ask(question, t, terminal, lines):
    """One question, until the answer is a number of it or empty."""
    terminal.say(terminal.wrap(t.of(question)))
    choices = question.get("choices") or []
    for number, choice in enumerate(choices, 1):
        terminal.say(terminal.wrap(f"  {number}  {t.of(choice)}", "     "))
    while True:
        if sys.stdin.isatty():
            print(t("predict.answer"), end="", flush=True)
        line = lines()
        if not line:
            return None  # the end of the input skips what is left
        if not line.strip():
            return None
        word = number_in(line)
        if word and is_answer(word, choices):
            return int(word)
        terminal.say(t("predict.pick", count=len(choices)) if choices
                     else t("predict.bad"))


def tell_choice(question, said, t, terminal):
    """After a question with choices: which answer is right, and why."""
    right = [i for i, c in enumerate(question["choices"], 1)
             if c.get("right")]
    answer = t.of(question["choices"][right[0] - 1])
    if said is not None:
        answer = t("predict.right" if said in right else "predict.wrong",
                   answer=answer)
    terminal.say(terminal.wrap("  " + answer, "  "))
    if question.get("why"):
        terminal.say(terminal.wrap("  " + t.of(question["why"]), "  "))


def questions_of(lesson):
    """(key, question): a figure has one question, a choice has its number."""
    for number, question in enumerate(lesson.predict.get("question", []), 1):
        figure = question.get("figure", "choice")
        yield (f"question_{number}" if figure == "choice" else figure,
               question)


def number_in(line):
    """The one whole number of "about 1,000,000" or "350 ms", in digits; "":
    there is none, or more than one."""
    line = re.sub(r"(?<=\d)[ ,.'_\u00a0\u202f](?=\d{3}(?!\d))", "", line)
    numbers = re.findall(r"-?\d+(?:[.,]\d+)?", line)
    return numbers[0] if len(numbers) == 1 else ""


def is_answer(word, choices):
    """"" skips the question."""
    return not word or re.fullmatch(r"\d+", word) and \
        (not choices or 1 <= int(word) <= len(choices))


def given_answers(text, questions, t):
    """The answers of --answers, one a question at most; UsageError: they are
    none."""
    words = [word.strip() for word in text.split(",")]
    if len(words) > len(questions):
        raise UsageError(t("predict.too_many", count=len(questions)))
    for word, (_, question) in zip(words, questions):
        if not is_answer(word, question.get("choices", [])):
            raise UsageError(t("predict.no_answer", word=word))
    return iter(words)


def command_predict(context, options):
    lesson, t, terminal = context.lesson(options), context.t, context.terminal
    questions = list(questions_of(lesson))
    if not questions:
        terminal.say(t("predict.none", number=lesson.number))
        return 0
    given = options.get("--answers")
    words = given_answers(given, questions, t) if given is not None else None
    lines = (lambda: next(words, "") + "\n") if words else sys.stdin.readline
    terminal.say(t("predict.intro"))
    for key, question in questions:
        if not terminal.plain:
            terminal.say()
        said = ask(question, t, terminal, lines)
        if said is None:
            terminal.say(t("predict.skipped"))
            continue
        with context.progress.change(lesson.number) as seen:
            seen.setdefault("predicted", {})[key] = said
        if question.get("choices") and not lesson.has_program:
            tell_choice(question, said, t, terminal)
    if lesson.has_program:
        terminal.say(t("predict.stored", number=lesson.number))
    return 0


# --- hint, diff, solution -------------------------------------------------


def default_region(context, lesson, hints):
    """The TODO of the last verdict, else the first that has a hint left."""
    seen = context.progress.of(lesson.number)
    if seen.get("todo") in hints:
        return seen["todo"]
    for region in hints:
        if seen.get("hints", {}).get(region, 0) < 3:
            return region
    return next(iter(hints))


def take_hint(context, lesson, region=None):
    """(region, level, text) of the next hint; the last one again at the
    end."""
    hints = lesson.hints(context.t.language)
    if region is None:
        region = default_region(context, lesson, hints)
    if region not in hints:
        raise UsageError(context.t("hint.none", id=region,
                                   number=lesson.number,
                                   all=", ".join(hints)))
    with context.progress.change(lesson.number) as seen:
        used = seen.setdefault("hints", {})
        level = min(used.get(region, 0) + 1, len(hints[region]))
        used[region] = level
    return region, level, hints[region][level - 1]


def command_hint(context, options):
    lesson, t, terminal = context.lesson(options), context.t, context.terminal
    asked = options.operands[1] if len(options.operands) > 1 else None
    if not lesson.has_program:
        raise context.no_program(lesson)
    region, level, text = take_hint(context, lesson, asked)
    if context.json:
        print(json.dumps({"lesson": lesson.number, "todo": region,
                          "level": level, "text": text}, ensure_ascii=False))
        return 0
    terminal.say(terminal.style(t("hint.title", id=region, level=level),
                                "bold"))
    terminal.say(terminal.wrap_page(text))
    done = state_of(context, lesson) in ("passed", "changed", "gave_up")
    terminal.say(t("hint.last_done" if done else "hint.last",
                   number=lesson.number) if level == 3 else
                 t("hint.more", number=lesson.number, id=region))
    return 0


def readable_text(context, lesson):
    """What a learner may see of a lesson: the solution only when he is done."""
    if state_of(context, lesson) in ("passed", "changed", "gave_up"):
        return cut.solution(lesson, context.t.language)
    return cut.exercise(lesson, context.t.language)


def diff_lines(context, one, other):
    a, b = (readable_text(context, lesson).splitlines()
            for lesson in (one, other))
    return difflib.unified_diff(a, b, f"{one.number}-{one.name}/lesson.c",
                                f"{other.number}-{other.name}/lesson.c",
                                lineterm="")


def command_diff(context, options):
    if len(options.operands) < 2:
        raise UsageError(context.t("diff.needs_two"))
    one, other = context.lesson(options), context.lesson(options, 1)
    terminal = context.terminal
    colours = {"+": ("green",), "-": ("red",), "@": ("cyan",)}
    for lesson in (one, other):
        if not lesson.has_program:
            raise context.no_program(lesson)
    for line in diff_lines(context, one, other):
        terminal.say(terminal.style(line, *colours.get(line[:1], ())))
    return 0


def command_solution(context, options):
    lesson, t = context.lesson(options), context.t
    if options.has("--give-up"):
        with context.progress.change(lesson.number) as seen:
            seen["gave_up"] = True
    seen = context.progress.of(lesson.number)
    if not seen.get("passed") and not seen.get("gave_up"):
        raise Stop(t("solution.locked", number=lesson.number))
    if not lesson.has_program:
        for _, question in questions_of(lesson):
            context.terminal.say(t.of(question))
            tell_choice(question, None, t, context.terminal)
        return 0
    sys.stdout.write(cut.fill(lesson, {}, context.t.language))
    return 0
