#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cutting: exercise, solution, regions, French comments, the check build."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "course"))

import build  # noqa: E402
import comments  # noqa: E402
import cut  # noqa: E402
import lessons  # noqa: E402
import source  # noqa: E402
import transplant  # noqa: E402

PILOT = """\
/* SPDX-License-Identifier: MIT */
/*
 * What it is
 * for.
 */
int given; /* a trailing word */

/*@todo 9.1 the first | la première
en: Write it.
fr: L’écrire.
stub:
int first(void)
{
    return 0; /+ for now +/
}
*/
int first(void)
{
    return 1;
}
/*@end 9.1*/
/*@export part.h*/
int shared;
/*@probe int probe_seen; */
/*@end part.h*/

int main(void)
{
    /*@probe probe_event(PROBE_POLL, 0, -1, 0); */
    return first();
}
"""
FRENCH = """\
"What it is for." = "Ce à quoi cela sert."
"a trailing word" = "un mot à la fin"
"for now" = "pour l'instant"
"""


class Pilot(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="reveil-cut-")
        path = os.path.join(self.folder.name, "09-pilot")
        os.mkdir(path)
        for name, text in (("lesson.c", PILOT), ("README.md", "# 09\n"),
                           ("comments.fr.toml", FRENCH)):
            with open(os.path.join(path, name), "w",
                      encoding="utf-8") as file:
                file.write(text)
        self.lesson = lessons.find("9", self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def test_exercise(self):
        text = cut.exercise(self.lesson, "en")
        self.assertNotIn("/*@", text)
        self.assertIn("/* TODO 9.1 the first\n * Write it. */\n", text)
        self.assertIn("return 0; /* for now */", text)
        self.assertNotIn("return 1", text)
        self.assertNotIn("probe", text)

    def test_french(self):
        text = cut.exercise(self.lesson, "fr")
        self.assertIn("/* TODO 9.1 la première\n * L’écrire. */", text)
        self.assertIn("/*\n * Ce à quoi cela sert.\n */", text)
        self.assertIn("int given; /* un mot à la fin */", text)
        self.assertIn("/* pour l'instant */", text)

    def test_solution_is_the_program(self):
        text = cut.solution(self.lesson)
        self.assertIn("return 1", text)
        self.assertNotIn("TODO", text)

    def test_regions_of_a_file_and_of_an_answer(self):
        text = cut.exercise(self.lesson, "en")
        line, body = cut.regions(text)["9.1"]
        self.assertEqual(text.splitlines()[line - 1], "/* TODO 9.1 the first")
        self.assertIn("return 0", body)
        answer = "/*@answer\ncause: X\n*/\n/*@region 9.1*/\nint a;\n" \
            "/*@end 9.1*/\n"
        self.assertEqual(cut.regions(answer), {"9.1": (5, "int a;\n")})

    def test_export(self):
        text = cut.export(self.lesson, "part.h")
        self.assertIn("int shared;", text)
        self.assertNotIn("probe", text)
        self.assertNotIn("given", text)

    def test_check_source_keeps_the_learners_lines(self):
        text = cut.exercise(self.lesson, "en").replace(
            "return 0;", "return nonsense;")
        made = transplant.Source(self.lesson, text, "work/lesson.c", check="")
        self.assertFalse(made.changed_outside)
        wanted = text.splitlines().index("    return nonsense; "
                                         "/* for now */") + 1
        with build.Folder() as folder:
            one = build.Build(self.lesson, made, folder)
            self.assertIsNone(one.finish("check"))
            self.assertIn(f"work/lesson.c:{wanted}:", one.log())

    def test_no_region_can_name_the_recorder(self):
        made = transplant.Source(self.lesson, cut.exercise(self.lesson), "x.c",
                          check="PROBE_CASE(one)\n{\n}\n")
        self.assertNotRegex(made.text, r"\bprobe_[a-z]+\(")
        self.assertIn(f"probe_{made.word}_event(PROBE_{made.word}_POLL",
                      made.text)

    def test_lost_marks(self):
        text = cut.exercise(self.lesson).replace("/* END TODO 9.1 */", "")
        with self.assertRaises(transplant.MissingRegion):
            transplant.Source(self.lesson, text, "x.c")

    def test_changed_outside(self):
        text = cut.exercise(self.lesson, "fr") + "int more;\n"
        made = transplant.Source(self.lesson, text, "x.c", check="")
        self.assertTrue(made.changed_outside)
        self.assertEqual(made.language, "fr")
        self.assertNotIn("int more", made.text)

    def test_conditions_stay_in_their_region(self):
        self.assertTrue(source.balanced("#if 1\nint a;\n#else\n#endif\n"))
        self.assertFalse(source.balanced("#if 0\n"))
        self.assertFalse(source.balanced("#endif\n#if 1\n"))
        self.assertFalse(source.balanced("??=if 0\n"))
        self.assertFalse(source.balanced("#\\\nif 0\n"))
        self.assertTrue(source.balanced("/* #if 0 */\n"))


class Tree(unittest.TestCase):
    """What every lesson of the tree has to keep."""

    def programs(self):
        return [one for one in lessons.all_lessons() if one.has_program]

    def test_sources_are_well_marked(self):
        for lesson in self.programs():
            with self.subTest(lesson.folder):
                parts = cut.parts_of(lesson)
                regions = [part for part in parts
                           if isinstance(part, source.Region)]
                self.assertTrue(regions)
                for region in regions:
                    for language in ("en", "fr"):
                        self.assertTrue(region.goal[language], region.id)
                    self.assertTrue(region.stub, region.id)
                    self.assertIn(region.id.split(".")[0],
                                  (lesson.number, lesson.number.lstrip("0")))

    def test_comments_are_in_french(self):
        for lesson in self.programs():
            known = lesson.comments
            for comment in comments.find(cut.exercise(lesson, "en")):
                with self.subTest(lesson.folder, comment=comment):
                    self.assertIn(comment, known)

    def test_answers_name_regions_and_causes(self):
        import causes
        import proof
        table = causes.table()
        for lesson in self.programs():
            ids = cut.region_ids(lesson)
            for kind in ("bugs", "alike"):
                for path in lesson.answers(kind):
                    with self.subTest(path):
                        head = proof.header(path)
                        self.assertTrue(head.get("en") and head.get("fr"))
                        self.assertLessEqual(
                            set(cut.regions(lessons.read(path))), set(ids))
                        if kind == "alike":
                            continue
                        cause, inner = proof.wanted_of(kind, path)
                        self.assertIn(causes.key_of(cause), table)
                        if inner:
                            self.assertIn(
                                inner, table[causes.key_of(cause)]["kinds"])

    def test_todos_and_cases_are_there(self):
        for lesson in self.programs():
            with self.subTest(lesson.folder):
                ids, expect = cut.region_ids(lesson), lesson.expect
                cases = re.findall(r"^PROBE_CASE\((\w+)\)",
                                   lesson.text("check.c", ""), re.M)
                for case in expect.get("case", []):
                    self.assertIn(case["name"], cases)
                    self.assertIn(case.get("todo", ids[0]), ids)
                for todo in expect.get("todos", {}).values():
                    self.assertIn(todo, ids)
                for figure in expect.get("figures", {}).values():
                    self.assertIn(figure.get("todo", ids[0]), ids)
                    self.assertTrue(figure["en"] and figure["fr"])
                for todo, levels in lesson.hints("en").items():
                    self.assertEqual(len(levels), 3, todo)
                    self.assertEqual(len(lesson.hints("fr")[todo]), 3, todo)
                self.assertEqual(sorted(lesson.hints("en")), sorted(ids))

    def test_exercises_compile_without_a_warning(self):
        for lesson in self.programs():
            for language in ("en", "fr"):
                with self.subTest(lesson.folder, language=language), \
                        tempfile.TemporaryDirectory() as folder:
                    work = os.path.join(folder, "work", lesson.folder)
                    os.makedirs(work)
                    build.write_files(work, {
                        "lesson.c": cut.exercise(lesson, language),
                        **dict(cut.scaffold(lesson))})
                    done = subprocess.run(
                        ["cc", *build.LANGUAGE, "-Wall", "-Wextra", "-Werror",
                         "-I", os.path.join(ROOT, "lessons"),
                         *(["-I", os.path.join(ROOT, "include")]
                           if lesson.uses_library else []), "-fsyntax-only",
                         os.path.join(work, "lesson.c")],
                        capture_output=True, text=True, check=False,
                        timeout=120)
                    self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
