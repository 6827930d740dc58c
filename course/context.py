# SPDX-License-Identifier: MIT
"""What every command needs: the tree, the learner's folder, the language."""
import os

import lessons
import options as command_line
import texts
from progress import Progress
from terminal import Terminal, short_path

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SETTINGS = "course"  # the section of work/progress that is no lesson's


class Stop(Exception):
    """End with this message and exit status."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


class Context:
    def __init__(self):
        self.root = ROOT
        self.set_work(os.environ.get("REVEIL_WORK") or
                      os.path.join(ROOT, "work"))
        self.json = False
        self.terminal = Terminal()
        self.t = texts.Texts("en")

    def set_work(self, work):
        self.work = os.path.abspath(work)
        self.progress = Progress(self.work)

    def set_language(self, language):
        self.t = texts.Texts(language)

    def remembered_language(self):
        language = self.progress.of(SETTINGS).get("language")
        return language if language in texts.LANGUAGES else None

    def use(self, options):
        """Take over the options that all commands have."""
        if options.get("--work"):
            self.set_work(options.get("--work"))
        self.json = options.has("--json")
        self.terminal = Terminal(plain=options.has("--plain") or self.json)
        if options.get("--lang") and options.command in ("start", "watch"):
            with self.progress.change(SETTINGS) as settings:
                settings["language"] = self.t.language

    def lesson(self, options, position=0):
        """The lesson that an operand names."""
        if len(options.operands) <= position:
            raise command_line.UsageError(
                self.t("lesson.needs_lesson", command=options.command))
        return self.find(options.operands[position])

    def find(self, name):
        lesson = lessons.find(name)
        if not lesson:
            known = ", ".join(one.number for one in lessons.all_lessons())
            raise command_line.UsageError(
                self.t("lesson.no_lesson", name=name, all=known))
        return lesson

    def folder(self, lesson):
        return os.path.join(self.work, f"{lesson.number}-{lesson.name}")

    def answer(self, lesson):
        """The path of the learner's file."""
        return os.path.join(self.folder(lesson), "lesson.c")

    def no_program(self, lesson):
        """The Stop that says what there is in place of a program."""
        return Stop(self.t("lesson.nothing_to_write", number=lesson.number,
                           path=short_path(lesson.readme_path(
                               self.t.language))))

    def started(self, lesson):
        """The path of the learner's file, which must exist."""
        if not lesson.has_program:
            raise self.no_program(lesson)
        path = self.answer(lesson)
        if not os.path.exists(path):
            raise Stop(self.t("lesson.not_started", number=lesson.number))
        return path
