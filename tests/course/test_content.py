#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every lesson must have: its size, its French, figures that are so."""
import difflib
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "course"))

import comments  # noqa: E402
import cut  # noqa: E402
import lessons  # noqa: E402
import source  # noqa: E402

MOST_LINES = 300
MOST_LEARNERS = 30  # lines that the learner writes, about
MOST_README = 150
FIGURES = re.compile(r"<!-- figures -->\n(.*?)<!-- /figures -->", re.S)
GROUND = os.path.join(ROOT, "lessons", "00-ground")
OUTPUT = {
    "1-descriptor.c": "write to 1000: -1\n",
    "2-eagain.c": "read: -1, EAGAIN\nread: 5\nread: 0\n",
    "3-epoll.c": "empty: 0 events\nwritten: 1 events, token 42\n"
                 "asked again: 1 events\n",
    "4-function-pointer.c": "9\n0\n25\n",
    "5-state-machine.c": "b orange\n",
    "6-mutex-condition.c": "it is ready\n",
}


def programs():
    return [one for one in lessons.all_lessons() if one.has_program]


def written(region):
    """Lines of the solution that are not in the stub, and say something."""
    return [line for line in difflib.ndiff(region.stub, region.solution)
            if line.startswith("+ ") and
            line[2:].strip() not in ("", "{", "}", "*/")]


class Sizes(unittest.TestCase):
    def test_programs_and_pages_are_short(self):
        for lesson in programs():
            with self.subTest(lesson.number):
                self.assertLessEqual(
                    len(cut.solution(lesson).splitlines()), MOST_LINES)
        for lesson in lessons.all_lessons():
            for language in ("en", "fr"):
                with self.subTest(lesson.number, language=language):
                    self.assertLessEqual(
                        len(lesson.readme(language).splitlines()),
                        MOST_README)

    def test_the_learner_writes_little(self):
        for lesson in programs():
            lines = [line for part in cut.parts_of(lesson)
                     if isinstance(part, source.Region)
                     for line in written(part)]
            with self.subTest(lesson.number):
                self.assertLessEqual(len(lines), MOST_LEARNERS,
                                     "\n".join(lines))


class Languages(unittest.TestCase):
    def test_every_comment_of_the_exercise_is_translated(self):
        for lesson in programs():
            text = cut.exercise(lesson, "en")
            for comment in comments.find(text):
                with self.subTest(lesson.number, comment=comment):
                    self.assertIn(comment, lesson.comments)

    def test_no_translation_is_left_over(self):
        for lesson in programs():
            found = set(comments.find(cut.exercise(lesson, "en")))
            # The slides quote the solution.
            found |= set(comments.find(lesson.text("lesson.c")))
            for _, text in cut.scaffold(lesson):
                found |= set(comments.find(text))
            with self.subTest(lesson.number):
                self.assertEqual(set(lesson.comments) - found, set())

    def test_a_header_is_in_french_as_a_whole_or_not_at_all(self):
        for lesson in programs():
            for path, text in cut.scaffold(lesson):
                found = [one for one in comments.find(text)
                         if not one.isupper()]  # of the guard
                known = [one for one in found if one in lesson.comments]
                with self.subTest(lesson.number, header=path):
                    if not path.endswith("executor.h") and found[0] in known:
                        self.assertEqual(found, known)

    def test_every_page_has_its_twin(self):
        for lesson in lessons.all_lessons():
            for path in glob.glob(os.path.join(lesson.path, "**", "*.md"),
                                  recursive=True):
                stem = re.sub(r"(\.fr)?\.md$", "", path)
                with self.subTest(path=os.path.relpath(path, ROOT)):
                    self.assertTrue(os.path.exists(stem + ".md"))
                    self.assertTrue(os.path.exists(stem + ".fr.md"))

    def test_goals_and_answers_speak_both(self):
        for lesson in programs():
            for part in cut.parts_of(lesson):
                if isinstance(part, source.Region):
                    with self.subTest(lesson.number, todo=part.id):
                        self.assertTrue(part.goal["en"] and part.goal["fr"])
            for path in lesson.answers("bugs") + lesson.answers("alike"):
                with self.subTest(path=os.path.relpath(path, ROOT)):
                    head = lessons.read(path).partition("*/")[0]
                    self.assertRegex(head, r"(?m)^en: ")
                    self.assertRegex(head, r"(?m)^fr: ")
                    # As clang-format leaves a line that was too long.
                    self.assertNotRegex(head, r"(?m)\S (en|fr): ")

    def test_wrong_and_right_answers_are_there(self):
        for lesson in programs():
            with self.subTest(lesson.number):
                self.assertGreaterEqual(len(lesson.answers("bugs")), 3)
                self.assertGreaterEqual(len(lesson.answers("alike")), 2)

    def test_a_choice_has_one_right_answer(self):
        for lesson in lessons.all_lessons():
            for question in lesson.predict.get("question", []):
                choices = question.get("choices")
                with self.subTest(lesson.number, question=question["en"]):
                    if question.get("figure") == "choice":
                        self.assertEqual(
                            sum(bool(c.get("right")) for c in choices), 1)


class Figures(unittest.TestCase):
    """The last column of a README's table lies in what expect.toml allows."""

    def test_tables(self):
        for lesson in programs():
            tables = []
            for language in ("en", "fr"):
                found = FIGURES.search(lesson.readme(language))
                with self.subTest(lesson.number, language=language):
                    self.assertTrue(found, "no <!-- figures --> table")
                text = found[1].replace("\u202f", "") if found else ""
                rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.M)
                tables.append(rows)
                for name, cells in rows:
                    with self.subTest(lesson.number, figure=name):
                        self.check(lesson, name, cells)
            with self.subTest(lesson.number):
                self.assertEqual(*tables)

    def check(self, lesson, name, cells):
        expected = lesson.expect["figures"].get(name)
        cell = re.sub(r"(?<=\d),(?=\d{3})", "", cells.split("|")[-1])
        for number in re.findall(r"\d+(?:\.\d+)?", cell):  # one, or a range
            if expected is None:
                return
            self.assertGreaterEqual(float(number), expected.get("low", 0))
            self.assertLessEqual(float(number), expected.get("high", 1e12))


class Ground(unittest.TestCase):
    def test_the_six_programs(self):
        compiler = os.environ.get("CC", "cc").split()
        names = sorted(os.path.basename(path) for path in
                       glob.glob(os.path.join(GROUND, "*.c")))
        self.assertEqual(names, sorted(OUTPUT))
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                with self.subTest(name):
                    program = os.path.join(folder, "ground")
                    subprocess.run(
                        [*compiler, "-std=c11", "-D_GNU_SOURCE", "-Wall",
                         "-Wextra", "-Werror", "-pthread", "-o", program,
                         os.path.join(GROUND, name)], check=True)
                    done = subprocess.run([program], stdout=subprocess.PIPE,
                                          text=True, timeout=300, check=True)
                    self.assertTrue(done.stdout.endswith(OUTPUT[name]),
                                    done.stdout)

    def test_each_has_its_question(self):
        asked = {question.get("program") for question in
                 lessons.find("00").predict["question"]}
        self.assertEqual(asked - {None}, set(OUTPUT))


class Exercises(unittest.TestCase):
    def test_stubs_compile_without_a_warning(self):
        compiler = os.environ.get("CC", "cc").split()
        for lesson in programs():
            for language in ("en", "fr"):
                with self.subTest(lesson.number, language=language), \
                        tempfile.TemporaryDirectory() as folder:
                    self.compile(compiler, lesson, language, folder)

    def compile(self, compiler, lesson, language, folder):
        for path, text in cut.scaffold(lesson):
            path = os.path.join(folder, os.path.basename(path))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run(
            [*compiler, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra",
             "-Werror", "-pthread", "-fsyntax-only", "-I", folder,
             "-I", lesson.path, *(["-I", os.path.join(ROOT, "include")]
                                  if lesson.uses_library else []),
             "-x", "c", "-"],
            input=cut.exercise(lesson, language), text=True,
            stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
