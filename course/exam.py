# SPDX-License-Identifier: MIT
"""`./reveil lesson exam`: an exam from a seed, with or without its answers.

The same seed gives the same values in both languages and in every form, and a
question of a seed has the same values whichever others are chosen beside it.
"""
import json
import os
import random
import re
import tomllib
from html import escape

import exam_bank
import french
import lessons
import paper
import texts
from commands import write_text
from context import Stop
from options import UsageError
from terminal import short_path

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = 12  # questions, if none is asked for
SERIES_POINTS = 2
LINES_A_PART = 2  # that a student gets on paper
STYLE = """
@page{size:A4;margin:18mm}
body{font:11pt/1.45 system-ui,sans-serif;max-width:46em;margin:2em auto;
padding:0 1em;color:#111;background:#fff}
h1{font-size:1.4em;margin:0}h2{font-size:1em;margin:0 0 .3em}
header{border-bottom:1px solid #555;padding-bottom:.6em;margin-bottom:1.2em}
.name{float:right;width:45%;border-bottom:1px solid #555}
.soft{color:#444}section{break-inside:avoid;margin:0 0 1.5em}
p{margin:.2em 0}pre{background:#f3f3f3;padding:.5em .8em;white-space:pre-wrap;
font-size:.92em}
.room{border-bottom:1px dotted #888;height:2em}
.answer{border-left:3px solid #111;padding-left:.7em;margin-top:.5em}
@media print{body{margin:0;max-width:none}pre{background:none;
border:1px solid #999}}
"""


def load(language):
    with open(os.path.join(HERE, "exam_texts", language + ".toml"),
              "rb") as file:
        return tomllib.load(file)


def is_code(line):
    return line.startswith("    ")


def show(value, language):
    """A value as it stands in a sentence."""
    if isinstance(value, list):
        return ", ".join(show(one, language) for one in value)
    return texts.number(value, language)


class Question:
    """One question of a seed in one language."""

    def __init__(self, template, seed, language, table):
        values = template.draw(random.Random(f"{seed}:{template.name}"))
        answers = template.answer(values)
        words = table[template.name]
        self.name, self.lesson = template.name, template.lesson
        self.points = SERIES_POINTS if template.series else len(answers)
        self.parts = 1 if template.series else len(answers)
        shown = {name: show(value, language)
                 for name, value in values.items()}
        for name, value in values.items():
            if isinstance(value, list) and len(value) > 1:
                shown[name] = f"{show(value[:-1], language)} " \
                    f"{table['page']['and']} {show(value[-1], language)}"
        for name in ("code", "calls"):
            shown[name] = indented(values.get(name, ""))
        shown["rows"] = "".join(
            f"    {number}: {show(row, language)}\n"
            for number, row in enumerate(values.get("lists", []), 1))
        shown["mask"] = str(values.get("entries", 1) - 1)
        for name, choices in words.get("words", {}).items():
            shown[name] = choices[str(values[name])]
        self.text = typeset(words["question"].strip("\n").format(**shown),
                            language)
        parts = {chr(ord("a") + place): show(answer, language)
                 for place, answer in enumerate(answers)}
        self.why = typeset(words["why"].format(**{**shown, **parts}),
                           language)
        if template.series or len(answers) == 1:
            self.answer = show(answers, language)
        else:
            self.answer = texts.SEMICOLON[language].join(
                f"({letter}) {answer}" for letter, answer in parts.items())


def indented(code):
    return "".join("    " + line if line.strip() else line
                   for line in code.splitlines(True))


def typeset(text, language):
    """French typography for what is no code, after the values are in it."""
    if language != "fr":
        return text
    return "\n".join(line if is_code(line) else french.set_text(line)
                     for line in text.split("\n"))


def choose(seed, count, templates):
    """As many of them, spread over the lessons, in the order of the bank."""
    by_lesson = {}
    chooser = random.Random(f"{seed}:choice")
    for one in templates:
        by_lesson.setdefault(one.lesson, []).append(one)
    for group in by_lesson.values():
        chooser.shuffle(group)
    chosen = []
    while len(chosen) < count:
        left = [number for number, group in by_lesson.items() if group]
        chosen += [by_lesson[number].pop() for number in chooser.sample(
            left, min(len(left), count - len(chosen)))]
    return [one for one in templates if one in chosen]


class Exam:
    def __init__(self, seed, language, templates, answers):
        self.seed, self.language, self.answers = seed, language, answers
        table = load(language)
        self.page = table["page"]
        self.questions = [Question(one, seed, language, table)
                          for one in templates]

    def head(self):
        return typeset(self.page["head"].format(
            seed=self.seed, count=len(self.questions),
            points=sum(one.points for one in self.questions)), self.language)

    def title_of(self, number, question):
        points = self.page["point"] if question.points == 1 else \
            self.page["points"].format(points=question.points)
        lesson = self.page["lesson"].format(lesson=question.lesson)
        return f"{number}. {lesson}, {points}"

    def labelled(self, label, text):
        return typeset(f"{self.page[label]} : {text}", "fr") \
            if self.language == "fr" else f"{self.page[label]}: {text}"

    def as_text(self, wrap):
        lines = [self.page["title"], self.head(),
                 self.page["key"] if self.answers else self.page["name"], ""]
        for number, question in enumerate(self.questions, 1):
            lines.append(self.title_of(number, question))
            lines += [line if is_code(line) else wrap(line)
                      for line in question.text.split("\n")]
            if self.answers:
                lines += ["", wrap(self.labelled("answer", question.answer)),
                          wrap(self.labelled("why", question.why))]
            lines.append("")
        return "\n".join(lines)

    def as_html(self):
        body = "".join(self.section(number, question) for number, question
                       in enumerate(self.questions, 1))
        title = escape(self.page["title"])
        top = f'<p class="soft"><b>{escape(self.page["key"])}</b></p>' \
            if self.answers else \
            f'<p class="name">{escape(self.page["name"])}</p>'
        return f"""<!doctype html>
<html lang="{self.language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title><style>{STYLE}</style></head><body>
<header>{top}<h1>{title}</h1><p class="soft">{escape(self.head())}</p></header>
{body}</body></html>
"""

    def section(self, number, question):
        out = [f"<section><h2>{escape(self.title_of(number, question))}</h2>"]
        for code, lines in runs_of(question.text.split("\n")):
            text = escape("\n".join(lines))
            if code:
                out.append(f"<pre>{re.sub('(?m)^    ', '', text)}</pre>")
            else:
                out += [f"<p>{line}</p>" for line in text.split("\n") if line]
        if self.answers:
            out.append(
                '<div class="answer">'
                f"<p><b>{escape(self.labelled('answer', question.answer))}"
                f"</b></p><p>{escape(self.labelled('why', question.why))}</p>"
                "</div>")
        else:
            out.append('<div class="room"></div>' *
                       (LINES_A_PART * question.parts))
        return "".join(out) + "</section>\n"

    def as_json(self):
        keys = ("name", "lesson", "points", "text") + (
            ("answer", "why") if self.answers else ())
        return json.dumps(
            {"seed": self.seed, "questions": [
                {key: getattr(one, key) for key in keys}
                for one in self.questions]}, ensure_ascii=False)


def runs_of(lines):
    """[(is code, lines)]; a blank line between two lines of code is code."""
    runs = []
    for place, line in enumerate(lines):
        code = is_code(line) or (
            not line and bool(runs) and runs[-1][0] and
            any(is_code(other) for other in lines[place:place + 2]))
        if runs and runs[-1][0] == code:
            runs[-1][1].append(line)
        else:
            runs.append((code, [line]))
    return runs


# --- the command ----------------------------------------------------------


def templates_of(options, t):
    """Those of --lesson 05 or --lesson 00-08; all, if it is not given."""
    asked = options.get("--lesson")
    if asked is None:
        return list(exam_bank.BANK)
    first, _, last = asked.partition("-")
    found = [lessons.find(name) for name in (first, last or first)]
    if None in found:
        raise UsageError(t("lesson.no_lesson", name=asked, all=", ".join(
            one.number for one in lessons.all_lessons())))
    return [one for one in exam_bank.BANK
            if found[0].number <= one.lesson <= found[1].number]


def name_of(seed, answers, ending, language):
    """One for each language: the second exam does not replace the first."""
    exam, corrected = {"en": ("exam", "-answers"),
                       "fr": ("examen", "-corrige")}[language]
    return f"{exam}-{seed}{corrected if answers else ''}.{ending}"


def write_pdf(exam, path, t):
    if not paper.browser():
        raise Stop(t("exam.no_browser"), 3)
    page = f"{path}.{os.getpid()}.html"
    try:
        write_text(page, exam.as_html())
        paper.print_pdf(page, path)
    except paper.Failed as error:
        raise Stop(t("exam.no_pdf", error=error), 3) from None
    finally:
        if os.path.exists(page):
            os.remove(page)


def command_exam(context, options):
    t = context.t
    seed = options.number("--seed", t)
    if seed is None:
        raise UsageError(t("exam.needs_seed"))
    forms = [form for form in ("--html", "--pdf") if options.has(form)]
    if len(forms) + context.json > 1:
        raise UsageError(t("exam.one_form"))
    templates = templates_of(options, t)
    count = options.number("--count", t, min(COUNT, len(templates)))
    if not 0 < count <= len(templates):
        raise UsageError(t("exam.bad_count", count=count,
                           most=len(templates)))
    exam = Exam(seed, t.language, choose(seed, count, templates),
                options.has("--answers"))
    target = options.get("-o")
    if forms:
        ending = forms[0][2:]
        target = target or name_of(seed, exam.answers, ending, t.language)
        if ending == "pdf":
            write_pdf(exam, target, t)
        else:
            write_text(target, exam.as_html())
    else:
        text = exam.as_json() if context.json else \
            exam.as_text(context.terminal.wrap).rstrip("\n")
        if target is None:
            context.terminal.say(text)
            return 0
        write_text(target, text + "\n")
    context.terminal.say(t("exam.wrote", path=short_path(target)))
    return 0
