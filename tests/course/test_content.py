#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every lesson must have: its size, its French, figures that are so."""
import collections
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
SAME_IN_BOTH = ("main", "exit", "Options")
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


def says(comment):
    """Whether a comment has words of a language, not only names."""
    words = re.sub(r"\b\w+_\w+\b|\b[A-Z]{2,}\b|^\d+\.", "", comment)
    return re.search(r"[A-Za-z]{2}", words) and \
        comment.strip("- ") not in SAME_IN_BOTH


def code_lines(text):
    """The lines of a C text without its comments."""
    return [line.rstrip() for line in comments.TOKEN.sub(
        lambda token: re.sub(r"[^\n]", " ", token[0])
        if token[0].startswith("/") else token[0], text).splitlines()]


def written(region):
    """Lines of the solution that are not in the stub, and say something."""
    return [line for line in difflib.ndiff(region.stub, region.solution)
            if line.startswith("+ ") and
            line[2:].strip() not in ("", "{", "}", "*/")]


def numbers_of(lines):
    """{number: the lines that the compiler says have it}"""
    found, number = collections.defaultdict(list), 1
    for line in lines:
        directive = re.match(r"#line (\d+)$", line)
        if directive:
            number = int(directive[1])
        else:
            found[number].append(line)
            number += 1
    return found


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
        for folder in [lessons.FOLDER] + [one.path for one in programs()]:
            # The slides quote the solution.
            found = set()
            for path in glob.glob(os.path.join(folder, "*.[ch]")):
                found |= set(comments.find(lessons.read(path)))
            lesson = os.path.basename(folder)
            if folder != lessons.FOLDER:
                found |= set(comments.find(cut.exercise(
                    lessons.find(lesson), "en")))
            with self.subTest(lesson):
                self.assertEqual(set(lessons.comments_of(folder)) - found,
                                 set())

    def test_a_french_student_gets_each_comment_in_french(self):
        for lesson in programs():
            french = dict(cut.scaffold(lesson, language="fr"))
            french["lesson.c"] = cut.exercise(lesson, "fr")
            english = dict(cut.scaffold(lesson))
            english["lesson.c"] = cut.exercise(lesson)
            for path, text in english.items():
                both = set(comments.find(text)) & \
                    set(comments.find(french[path]))
                with self.subTest(lesson.number, file=path):
                    self.assertEqual({one for one in both if says(one)},
                                     set())

    def test_the_programs_of_the_ground_have_both_languages(self):
        for path in glob.glob(os.path.join(GROUND, "*.c")):
            for comment in comments.find(lessons.read(path)):
                with self.subTest(os.path.basename(path), comment=comment):
                    self.assertTrue(" | " in comment or not says(comment))

    def test_a_line_of_a_header_has_one_number(self):
        """In both languages, and with the probes of the check."""
        for lesson in programs():
            french = dict(cut.scaffold(lesson, language="fr"))
            probes = dict(cut.scaffold(lesson, probes=True))
            for path, text in cut.scaffold(lesson):
                english = code_lines(text)
                with self.subTest(lesson.number, header=path):
                    self.assertEqual(english, code_lines(french[path]))
                    numbers = numbers_of(code_lines(probes[path]))
                    for number, line in enumerate(english, 1):
                        self.assertIn(line, numbers[number])

    def test_every_page_has_its_twin(self):
        for lesson in lessons.all_lessons():
            for path in glob.glob(os.path.join(lesson.path, "**", "*.md"),
                                  recursive=True):
                stem = re.sub(r"(\.fr)?\.md$", "", path)
                with self.subTest(path=os.path.relpath(path, ROOT)):
                    self.assertTrue(os.path.exists(stem + ".md"))
                    self.assertTrue(os.path.exists(stem + ".fr.md"))

    def test_pictures_fit_into_a_terminal(self):
        for lesson in lessons.all_lessons():
            for language in ("en", "fr"):
                path, inside = lesson.readme_path(language), False
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                for number, line in enumerate(text.splitlines(), 1):
                    inside ^= line.startswith("```")
                    if inside:
                        self.assertLessEqual(len(line), 80,
                                             f"{path}:{number}")

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
