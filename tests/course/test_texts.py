#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every sentence of the course's tool stands in both languages."""
import glob
import io
import os
import re
import string
import sys
import tempfile
import tomllib
import unittest
import unittest.mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COURSE = os.path.join(ROOT, "course")
sys.path.insert(0, COURSE)

import causes  # noqa: E402
import french  # noqa: E402
import lessons  # noqa: E402
import options  # noqa: E402
import terminal  # noqa: E402
import texts  # noqa: E402


def flat(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def places(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text)
                  if name)


def pairs_in(table, where=""):
    """Every table that has a text in one language, with its place."""
    if isinstance(table, dict):
        if isinstance(table.get("en"), str) or isinstance(table.get("fr"),
                                                          str):
            yield where, table
        for key, value in table.items():
            yield from pairs_in(value, f"{where}.{key}")
    elif isinstance(table, list):
        for number, value in enumerate(table):
            yield from pairs_in(value, f"{where}[{number}]")


class Texts(unittest.TestCase):
    def test_both_languages_have_the_same_keys_and_places(self):
        english, french = (dict(flat(texts.load(language)))
                           for language in texts.LANGUAGES)
        self.assertEqual(sorted(english), sorted(french))
        for key, text in english.items():
            self.assertEqual(places(text), places(french[key]), key)
            self.assertTrue(text.strip() and french[key].strip(), key)

    def test_a_command_stays_on_one_line(self):
        page = terminal.Terminal(stream=io.StringIO())
        with unittest.mock.patch.object(page, "size", lambda: (40, 24)):
            lines = page.wrap("read first, or ./reveil lesson hint 05 5.2 as "
                              "well, then ./reveil lesson read 05").split("\n")
        self.assertLess(max(map(len, lines)), 40)
        self.assertIn("./reveil lesson hint 05 5.2", " | ".join(lines))
        self.assertIn("./reveil lesson read 05", " | ".join(lines))

    def test_the_pager_says_which_key_ends_it(self):
        for language in texts.LANGUAGES:
            prompt = texts.Texts(language)("read.prompt")
            self.assertRegex(prompt, r"^[\w ,]+$")  # less reads : ? . and %
            self.assertIn("q", prompt.split())
            with tempfile.NamedTemporaryFile("r") as told:
                stream = io.StringIO()
                stream.isatty = lambda: True
                page = terminal.Terminal(stream=stream,
                                         environ={"TERM": "xterm"})
                with unittest.mock.patch.dict(os.environ, {
                        "PAGER": f'printf %s "$LESS" >{told.name}'}):
                    page.show_page("a line\n\n" * 100, prompt)
                self.assertIn(f"Ps{prompt}$", told.read())

    def test_every_command_has_its_help(self):
        for language in texts.LANGUAGES:
            table = texts.load(language)
            self.assertEqual(sorted(table["help"]), sorted(options.COMMANDS))
            for command in options.COMMANDS:
                self.assertRegex(table["lesson"]["usage"],
                                 rf"(?m)^  {command} ")

    def test_every_key_that_the_tool_uses_exists(self):
        known = dict(flat(texts.load("en")))
        for name in os.listdir(COURSE):
            if not name.endswith(".py"):
                continue
            with open(os.path.join(COURSE, name), encoding="utf-8") as file:
                source = file.read()
            for key in re.findall(r'\bt\(\s*"([a-z_]+\.[a-z_]+[a-z])"', source):
                self.assertIn(key, known, name)

    def test_causes_and_lessons_speak_both_languages(self):
        files = [os.path.join(COURSE, "causes.toml"),
                 os.path.join(COURSE, "step", "sentences.toml")]
        for lesson in lessons.all_lessons():
            files += [os.path.join(lesson.path, name)
                      for name in ("predict.toml", "expect.toml")
                      if os.path.exists(os.path.join(lesson.path, name))]
        for path in files:
            with open(path, "rb") as file:
                table = tomllib.load(file)
            for where, pair in pairs_in(table):
                for language in texts.LANGUAGES:
                    self.assertTrue(pair.get(language, "").strip(),
                                    f"{path}: {where}: {language}")

    def test_every_lesson_has_its_files_in_both_languages(self):
        for lesson in lessons.all_lessons():
            names = ["README.md", "README.fr.md"]
            if lesson.has_program:
                names += ["hints.md", "hints.fr.md", "comments.fr.toml",
                          "predict.toml", "expect.toml", "check.c"]
            for name in names:
                self.assertTrue(os.path.exists(
                    os.path.join(lesson.path, name)), f"{lesson}: {name}")

    def test_figures_and_code_fit_a_terminal(self):
        """`read` folds paragraphs and tables; these it must leave as is."""
        for lesson in lessons.all_lessons():
            for language in texts.LANGUAGES:
                code = False
                for line in lesson.readme(language).splitlines():
                    code ^= line.startswith("```")
                    if code or line.startswith("    "):
                        self.assertLess(len(line), 90,
                                        f"{lesson} {language}: {line}")

    def test_every_todo_has_three_hints_in_both_languages(self):
        import cut
        for lesson in lessons.all_lessons():
            if not lesson.has_program:
                continue
            regions = cut.regions(cut.exercise(lesson, "en"))
            for language in texts.LANGUAGES:
                hints = lesson.hints(language)
                self.assertEqual(sorted(hints), sorted(regions), lesson.number)
                for region, levels in hints.items():
                    self.assertEqual(len(levels), 3,
                                     f"{lesson.number} {region} {language}")


class Pages(unittest.TestCase):
    """What Terminal.wrap_page() does with Markdown."""

    TABLE = "| call | sense |\n| --- | --- |\n| a | b |\n"

    def test_a_table_that_fits_stays(self):
        page = terminal.Terminal(plain=True)
        self.assertEqual(page.wrap_page(self.TABLE), self.TABLE.strip())

    def test_a_wide_table_is_a_list_with_the_heads_beside_the_cells(self):
        page = terminal.Terminal(plain=True)
        wide = "| who | now | then |\n|---|---|---|\n| it | %s | `a\\|b` |" % (
            "word " * 40).strip()
        lines = page.wrap_page(wide).splitlines()
        self.assertEqual(lines[0], "- it")
        self.assertTrue(lines[1].startswith("    (now) word word"))
        self.assertEqual(lines[-1], "    (then) `a\\|b`")
        self.assertLessEqual(max(map(len, lines)), page.size()[0])


class French(unittest.TestCase):
    """One typography wherever a reader sees French: see course/french.py."""

    def test_texts_and_pages_are_set(self):
        for pattern in ("README.fr.md", "lessons/**/*.fr.md",
                        "teacher/*.fr.md", "course/texts/fr.toml",
                        "course/step/sentences.toml", "lessons/*/*.toml",
                        "lessons/*.toml"):
            paths = glob.glob(os.path.join(ROOT, pattern), recursive=True)
            self.assertTrue(paths, pattern)
            for path in paths:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                self.assertEqual(text, french.set_file(path, text),
                                 f"course/french.py --fix {path}")

    def test_a_mark_after_code_keeps_to_it(self):
        """And so do those of notes and hand-outs, which are comments."""
        for text in ("`wake()`\u202f?", "**`open()`\u202f?**",
                     "<!-- notes:\nDemander\u00a0: qui\u202f?\n-->"):
            loose = text.replace("\u202f", " ").replace("\u00a0", " ")
            self.assertEqual(text, french.set_text(loose))
        for text in ("`a ? b : c`", "<!-- a ? b : c -->"):
            self.assertEqual(text, french.set_text(text))

    def test_causes_are_set_when_they_are_read(self):
        for where, pair in pairs_in(causes.table()):
            self.assertEqual(pair["fr"], french.set_text(pair["fr"]), where)

    def test_an_exercise_and_its_headers_speak_french(self):
        import comments
        import cut
        for lesson in lessons.all_lessons():
            if not lesson.has_program:
                continue
            for text in [cut.exercise(lesson, "fr")] + [
                    text for path, text in cut.scaffold(lesson, language="fr")
                    if path.endswith(("executor.h", "bell.h"))]:
                for comment in comments.find(text):
                    self.assertIsNone(re.search(r"\b[dlnsjc]'\w", comment))
                    self.assertIsNone(re.search(
                        r"\b(the|of|is|its|from)\b", comment), comment)

    def test_what_the_script_and_the_program_say(self):
        said = re.compile(r'"((?:\\.|[^"\\])*)"')
        paths = [os.path.join(ROOT, "reveil")] + glob.glob(
            os.path.join(ROOT, "cli", "**", "*.c"), recursive=True)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
            for literal in said.findall(text):
                if not re.search("[éèàêçôîùœÀÉÊ«]", literal):
                    continue
                for line in re.split(r"\\n|\n", literal):
                    self.assertIsNone(
                        re.search(r"\b(?:[dlnsjctm]|qu)'\w|« | [:;?!»]"
                                  r"(?=\s|$)", line), f"{path}: {line}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
