#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the teacher's kit and the page of the slides name is there: commands,
lessons, files, slides by number and title, minutes."""
import glob
import os
import re
import shlex
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "slides", "tools"))

import deck as decks_of  # noqa: E402
import quote  # noqa: E402,F401  (puts the course's folder into the path)
import options  # noqa: E402

COMMAND = re.compile(r"\./reveil (?:lesson|course|compare|slides|demo)\b"
                     r"(?:[^`|'\n\\]|\\\n)*")
SLIDE = {"en": re.compile(r"(?:deck (\w+), )?(?:then )?slide (\d+)"
                          r" \(\*(.*?)\*\)", re.I),
         "fr": re.compile(r"(?:présentation (\w+), )?(?:puis .{0,20})?"
                          r"diapositive (\d+) \(\*(.*?)\*\)", re.I)}
DECK_MINUTES = re.compile(r"^\| (\w+) [^|]*\| (\d+) \|", re.M)
PLAN_MINUTE = re.compile(r"^\| +(\d+) +\| ", re.M)
OPERANDS_OF = {"slides": 2, "demo": 1}
FLAGS_OF = {"slides": {"--lang"}, "demo": {"--slides", "--recorded"}}


def pages(language=None):
    """[(path, language, text)] of the kit, and of deck 9."""
    paths = glob.glob(os.path.join(ROOT, "teacher", "*.md"))
    paths += glob.glob(os.path.join(ROOT, "slides", "*", "09-*.md"))
    for path in sorted(paths):
        french = path.endswith(".fr.md") or "/slides/fr/" in path
        if language in (None, "fr" if french else "en"):
            yield os.path.relpath(path, ROOT), "fr" if french else "en", \
                quote.read(path)


def lessons():
    return {os.path.basename(path)[:2] for path in
            glob.glob(os.path.join(ROOT, "lessons", "[0-9][0-9]-*"))}


def fault(command, known):
    """What is wrong with a command, or None."""
    words = shlex.split(command.replace("\\\n", " "), comments=True)[1:]
    name = words.pop(0)
    if name in ("slides", "demo"):
        flags = {word for word in words if word.startswith("--")}
        return None if flags <= FLAGS_OF[name] else f"options {flags}"
    if name == "lesson":
        name = words.pop(0) if words else ""
    every = options.COMMANDS | options.HIDDEN
    if name not in every:
        return f"no command {name}"
    try:
        found = options.parse(name, words, lambda key, **_: key)
    except options.UsageError as error:
        return str(error)
    if name in ("grade", "exam", "class", "course", "compare"):
        return None
    for lesson in found.operands[:1]:
        if lesson != "NN" and lesson not in known:
            return f"no lesson {lesson}"
    return None


def plan_minutes(text):
    return PLAN_MINUTE.findall(text.split("\n## 45 minutes", 1)[-1]
                               .split("\n## ", 1)[0])


class TheKit(unittest.TestCase):
    def test_each_command_is_one_that_there_is(self):
        known, seen = lessons(), 0
        for path, _, text in pages():
            for command in COMMAND.findall(text):
                seen += 1
                with self.subTest(path, command=command):
                    self.assertIsNone(fault(command, known))
        self.assertGreater(seen, 100)

    def test_a_command_that_there_is_not_is_found(self):
        for wrong in ("./reveil lesson tutor 01", "./reveil lesson run 99",
                      "./reveil lesson grade --sead 7",
                      "./reveil slides --shuffle"):
            with self.subTest(wrong):
                self.assertIsNotNone(fault(wrong, lessons()))

    def test_each_file_is_there(self):
        named = re.compile(r"\b(?:lessons|teacher|course|tests|slides|src)/"
                           r"[\w./-]*\w")
        for path, _, text in pages():
            for name in named.findall(re.sub("(?m)^@.*", "", text)):
                with self.subTest(path, name=name):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, name)))

    def test_each_function_of_a_lesson_is_there(self):
        code = "".join(quote.read(path) for path in glob.glob(
            os.path.join(ROOT, "lessons", "*", "*.c")))
        row = re.compile(r"`(\w+)\(\)`")
        for path, _, text in pages():
            for name in row.findall(text):
                with self.subTest(path, name=name):
                    self.assertRegex(code, rf"\b{name}\(")

    def test_a_slide_has_the_number_that_a_plan_gives_it(self):
        for language, wanted in SLIDE.items():
            decks = {deck.number: deck
                     for deck in decks_of.all_decks(language)}
            found, number = [], None
            for path, _, text in pages(language):
                for match in wanted.finditer(text):
                    number = match[1] or number
                    slide = decks[number].slides[int(match[2]) - 1]
                    found.append((match[3], slide.title))
            self.assertGreaterEqual(len(found), 4)
            for named, title in found:
                with self.subTest(language, title=title):
                    self.assertEqual(named.replace("\u202f", "\u00a0"),
                                     title.replace("\u202f", "\u00a0"))

    def test_both_languages_have_the_same_commands(self):
        for path, _, text in pages("en"):
            other = path.replace("slides/en/", "slides/fr/") \
                if path.startswith("slides/") else path[:-3] + ".fr.md"
            french = quote.read(os.path.join(ROOT, other))
            with self.subTest(path):
                self.assertEqual(self.commands(text), self.commands(french))

    def commands(self, text):
        """The lesson commands, each with its lesson, in order."""
        return re.findall(r"\./reveil (?:lesson \w+(?: \d\d)?|compare|demo|"
                          r"slides(?: build| \d)?)\b", text)


class TheStick(unittest.TestCase):
    """A bare machine without network gets all that the kit's page uses."""

    COMMANDS = {"git": "git", "ip": "iproute2", "unshare": "util-linux"}

    def wanted(self):
        script = quote.read(os.path.join(ROOT, "reveil"))
        found = set()
        for what in ("lessons", "building", "slides"):
            body = script.split(f"\nwant_for_{what}() {{")[1].split("\n}")[0]
            found |= set(re.findall(r"\bwant ([a-z][\w.+-]+)", body))
        return found

    def test_it_holds_each_package(self):
        self.assertGreaterEqual(self.wanted(), {"gcc", "meson", "patat"})
        for name in ("room.md", "room.fr.md"):
            text = quote.read(os.path.join(ROOT, "teacher", name))
            stick = re.search(r"--download-only(?:.*\\\n)+.*", text)[0].split()
            used = {package for command, package in self.COMMANDS.items()
                    if re.search(rf"^    .*\b{command} ", text, flags=re.M)}
            with self.subTest(name):
                self.assertEqual(set(), (self.wanted() | used) - set(stick))


class TheMinutes(unittest.TestCase):
    def test_the_page_of_the_slides_has_those_of_the_decks(self):
        text = quote.read(os.path.join(ROOT, "slides", "README.md"))
        decks = {deck.number: f"{deck.minutes:g}"
                 for deck in decks_of.all_decks("en")}
        self.assertEqual(decks, dict(DECK_MINUTES.findall(text)))

    def test_deck_9_shows_the_plan_of_the_45_minutes(self):
        for path, language, text in pages():
            if not os.path.basename(path).startswith("plans"):
                continue
            deck = quote.read(os.path.join(ROOT, "slides", language,
                                           "09-for-the-teacher.md"))
            shown = deck.split("\n## Les 45 minutes" if language == "fr"
                               else "\n## The 45 minutes")[1]
            self.assertEqual(
                plan_minutes(text)[1:],
                PLAN_MINUTE.findall(shown.split("\n## ")[0]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
