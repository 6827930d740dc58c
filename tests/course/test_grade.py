#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of `lesson grade`: right, wrong, hostile, empty and equal hand-ins;
and of the templates for autograders in teacher/."""
import csv
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COURSE = os.path.join(ROOT, "course")
sys.path.insert(0, COURSE)

import cut  # noqa: E402
import grade  # noqa: E402
import isolation  # noqa: E402
import lessons  # noqa: E402
import options  # noqa: E402
from context import Context  # noqa: E402

SECONDS = 600
NAME = "01-hello-future"

# Put before the learner's first region, in its first function.
HOSTILE = {
    "reads-others": '__attribute__((constructor)) static void h(void)\n'
                    '{ FILE *f = fopen("%s", "w"); if (f) fputs("!", f); '
                    '_exit(0); }\n',
    "constructor": '__attribute__((constructor)) static void h(void)\n'
                   '{ _exit(0); }\n',
    "forks": '__attribute__((constructor)) static void h(void)\n'
             '{ if (fork() == 0) { setsid(); for (;;) pause(); } }\n',
    "output": '__attribute__((constructor)) static void h(void)\n'
              '{ for (;;) puts("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"); }\n',
    "stopped": '__attribute__((constructor)) static void h(void)\n'
               '{ kill(getpid(), 19); }\n',
}


def solution():
    return cut.fill(lessons.find("01"), {}, "en")


def with_code(code):
    """The solution with some code at the head of its first region."""
    text = solution()
    at = text.index("struct hello {")
    return text[:at] + "#include <signal.h>\n" + code + text[at:]


def renamed():
    """The same answer with other names and comments."""
    return solution().replace("self->written", "self->written /* ! */")


class Grade(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.hand_ins = os.path.join(self.folder, "hand-ins")
        self.out = os.path.join(self.folder, "out")

    def hand_in(self, student, text, place=NAME):
        folder = os.path.join(self.hand_ins, student, place)
        os.makedirs(folder)
        path = os.path.join(folder, "lesson.c")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def grade(self, *words, status=0):
        result = subprocess.run(
            [sys.executable, COURSE, "grade", self.hand_ins, "--lang", "en",
             "-o", self.out, *words], capture_output=True, text=True,
            timeout=SECONDS, stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, status,
                         result.stdout + result.stderr)
        return result.stdout

    def table(self):
        with open(os.path.join(self.out, "class.csv"), encoding="utf-8",
                  newline="") as file:
            return {row[0]: row[1] for row in csv.reader(file)}

    def test_a_class(self):
        victim = os.path.join(self.folder, "victim")
        with open(victim, "w", encoding="ascii") as file:
            file.write("mine")
        self.hand_in("ada", solution())
        self.hand_in("bob", renamed(), os.path.join("work", NAME))
        self.hand_in("eve", cut.exercise(lessons.find("01"), "fr"))
        self.hand_in("dan", "")
        os.makedirs(os.path.join(self.hand_ins, "nil"))
        for name, code in HOSTILE.items():
            self.hand_in("x-" + name,
                         with_code(code.replace("%s", victim)))
        self.hand_in("=cmd", "int x;")
        link = os.path.join(self.hand_ins, "link", NAME)
        os.makedirs(link)
        os.symlink("/etc/passwd", os.path.join(link, "lesson.c"))
        os.makedirs(os.path.join(self.hand_ins, "folder", NAME, "lesson.c"))

        out = self.grade("--seed", "7")
        rows = self.table()
        self.assertEqual(rows["ada"], "passed")
        self.assertEqual(rows["bob"], "passed")
        for name in ["eve", "dan", "'=cmd"] + ["x-" + n for n in HOSTILE]:
            self.assertNotIn(rows[name], ("passed", "not handed in"), name)
        for name in "nil", "link", "folder":
            self.assertEqual(rows[name], "not handed in")
        with open(victim, encoding="ascii") as file:
            self.assertEqual(file.read(), "mine")
        self.assertIn("ada, bob", out)
        self.assertIn("seed 7", out)
        with open(os.path.join(self.out, "class.html"),
                  encoding="utf-8") as file:
            page = file.read()
        self.assertNotIn("<script", page)
        self.assertIn("ada", page)
        # The same seed, the same verdicts.
        self.grade("--seed", "7")
        self.assertEqual(self.table(), rows)

    def test_json_and_one_student(self):
        self.hand_in("ada", solution())
        found = json.loads(self.grade("--json", "--seed", "1"))
        self.assertEqual(found["students"][0]["student"], "ada")
        self.assertTrue(found["students"][0]["lessons"]["01"]["passed"])
        self.assertIn("<testsuite", self.grade("--format", "junit"))

    @unittest.skipUnless(isolation.kind() == "namespaces",
                         "this machine allows no user namespaces")
    def test_namespaces_are_used_where_there_are_any(self):
        self.hand_in("ada", solution())
        self.assertIn("namespaces of its own", self.grade())


class Names(unittest.TestCase):
    def test_a_name_that_is_no_utf_8_is_shown_and_written(self):
        lesson = lessons.find("01")
        with tempfile.TemporaryDirectory() as folder:
            for name in (b"n\xff\xfe", "élève".encode()):
                place = os.path.join(os.fsencode(folder), name,
                                     os.fsencode(lesson.folder))
                os.makedirs(place)
                with open(os.path.join(place, b"lesson.c"), "wb") as file:
                    file.write(b"")
            students = grade.find_students([folder])
            path = os.path.join(folder, "class.csv")
            context = unittest.mock.Mock(t=lambda key: key)
            grade.write_csv(path, students, [], {}, context)
            with open(path, encoding="utf-8") as file:
                written = file.read()
        self.assertIn("n\\xff\\xfe", written)
        self.assertIn("élève", written)
        self.assertTrue(all(len(answers) == 1 for _, answers in students))


class Elsewhere(unittest.TestCase):
    """A lesson that this machine cannot run is neither passed nor failed."""

    def test_it_is_not_checked_and_says_so(self):
        lesson = lessons.find("01")
        text = {"en": "not on this machine", "fr": "pas sur cette machine"}
        context = Context()
        with unittest.mock.patch.object(
                lessons.Lesson, "elsewhere", text), \
                tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "in", "ada", NAME))
            with open(os.path.join(folder, "in", "ada", NAME, "lesson.c"),
                      "w", encoding="utf-8") as file:
                file.write(solution())
            for form, status in ((None, 0), ("json", 0), ("junit", 3)):
                words = [os.path.join(folder, "in"), "-o", folder, "--lesson",
                         lesson.number]
                words += ["--format", form] if form else []
                parsed = options.parse("grade", words, context.t)
                with unittest.mock.patch("sys.stdout", io.StringIO()) as out, \
                        unittest.mock.patch("sys.stderr", io.StringIO()), \
                        unittest.mock.patch.object(
                            grade.Grader, "check",
                            side_effect=AssertionError("it was run")):
                    context.use(parsed)
                    self.assertEqual(grade.command_grade(context, parsed),
                                     status)
                if form is None:
                    self.assertIn("not checked here", out.getvalue())
                    self.assertIn("not on this machine", out.getvalue())
                    self.assertIn("0 of 0", out.getvalue())
                if form == "json":
                    self.assertIn('"passed": null', out.getvalue())
            with open(os.path.join(folder, "class.html"),
                      encoding="utf-8") as file:
                self.assertIn("not on this machine", file.read())


class Libraries(unittest.TestCase):
    def test_a_class_builds_the_library_once(self):
        """The check of a hand-in finds what the whole class links."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        context = Context()
        context.set_work(folder.name)
        made = []

        def build(work, cc, kind, _progress):
            path = grade.library.path_of(work, cc, kind)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(kind.encode())
            made.append(kind)
            return path

        with unittest.mock.patch.object(grade.library, "build", build):
            paths = grade.build_libraries(context, {"01", "07", "08"})
            self.assertEqual(grade.build_libraries(context, {"01"}), [])
        self.assertIn("check", made)
        self.assertEqual(len(set(made)), len(made))
        box = os.path.join(folder.name, "box")
        grade.Grader(1, "", [], paths).put_libraries(box)
        for kind in made:
            self.assertTrue(grade.library.is_built(box, "cc", kind))


class Autograders(unittest.TestCase):
    def test_gradescope(self):
        with tempfile.TemporaryDirectory() as folder:
            submission = os.path.join(folder, "submission")
            os.makedirs(submission)
            os.symlink(ROOT, os.path.join(folder, "source"))
            temporary = os.path.join(folder, "tmp")
            os.mkdir(temporary)
            environment = dict(os.environ, AUTOGRADER=folder,
                               REVEIL_LESSON="01", TMPDIR=temporary)
            script = os.path.join(ROOT, "teacher", "gradescope",
                                  "run_autograder")

            def score(text):
                with open(os.path.join(submission, "lesson.c"), "w",
                          encoding="utf-8") as file:
                    file.write(text)
                subprocess.run([script], env=environment, check=True,
                               timeout=SECONDS)
                path = os.path.join(folder, "results", "results.json")
                with open(path, encoding="utf-8") as file:
                    return json.load(file)

            self.assertEqual(score(solution())["tests"][0]["score"], 1)
            wrong = score("int main(void) { return 0; }")
            self.assertEqual(wrong["tests"][0]["score"], 0)
            os.unlink(os.path.join(submission, "lesson.c"))
            subprocess.run([script], env=environment, check=True,
                           timeout=SECONDS)
            path = os.path.join(folder, "results", "results.json")
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file)["score"], 0)
            self.assertEqual(os.listdir(temporary), [])

    @unittest.skipUnless(shutil.which("git"), "needs git")
    def test_the_archive_has_both_scripts_at_its_top(self):
        if not os.path.exists(os.path.join(ROOT, ".git")):
            self.skipTest("needs a clone")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "autograder.zip")
            subprocess.run([os.path.join(ROOT, "teacher", "gradescope",
                                         "pack"), path], check=True)
            import zipfile
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                mode = archive.getinfo("run_autograder").external_attr >> 16
            for name in ("run_autograder", "setup.sh", "course/grade.py"):
                self.assertIn(name, names)
            self.assertTrue(mode & stat.S_IXUSR)


if __name__ == "__main__":
    unittest.main(verbosity=2)
