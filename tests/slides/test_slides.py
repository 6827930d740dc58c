#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The decks: every one rendered, and what the checker must refuse."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.path.join(ROOT, "slides", "tools")
sys.path.insert(0, TOOLS)

import check  # noqa: E402
import deck as decks_of  # noqa: E402
import drawing  # noqa: E402
import quote  # noqa: E402
import record  # noqa: E402


def deck_of(text, language="en", name="07-sample"):
    """A deck of its own, not one of the tree's."""
    folder = os.path.join(tempfile.mkdtemp(), language)
    os.makedirs(folder)
    path = os.path.join(folder, name + ".md")
    with open(path, "w", encoding="utf-8") as file:
        file.write("---\ntitle: Sample\n...\n\n" + text)
    deck = decks_of.Deck(path)
    shutil.rmtree(os.path.dirname(folder))
    return deck


def slide_of(body, attributes="minutes=1"):
    return deck_of(f"## A slide {{{attributes}}}\n\n{body}\n\n"
                   "<!-- notes:\nA note.\n-->\n")


class TheDecks(unittest.TestCase):
    def test_each_deck_in_each_language_is_right(self):
        found = list(check.everything())
        self.assertEqual([], found)

    def test_french_typography(self):
        paths = [deck.path for deck in decks_of.all_decks("fr")]
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, "course", "french.py"),
             *paths], stdout=subprocess.PIPE, text=True)
        self.assertEqual((0, ""), (done.returncode, done.stdout))

    def test_there_are_decks(self):
        self.assertTrue(decks_of.all_decks("en"))

    def test_the_logs_are_those_of_the_commands(self):
        for name in record.NAMES:
            if name == "02":
                continue  # how often the clock ticks varies, not the lines
            path = os.path.join(quote.SLIDES, "logs", name + ".log")
            recorded = quote.read(path).splitlines()
            with self.subTest(name):
                self.assertEqual(record.command(name), recorded[0])
                # A loaded machine may poll once more, so the set is compared.
                self.assertEqual(set(record.shape(recorded[1:])),
                                 set(record.shape(record.run(name))))


class WhatIsRefused(unittest.TestCase):
    def refused(self, body, word, attributes="minutes=1"):
        found = "\n".join(check.contents(slide_of(body, attributes)))
        self.assertIn(word, found)

    def test_a_mark_that_the_tree_does_not_have(self):
        self.refused("@code lessons/03 no_such_function", "no_such_function")
        self.refused("@code lessons/03 block_on from nonsense", "nonsense")
        self.refused("@code lessons/03 block_on drop nonsense", "nonsense")
        self.refused("@code lessons/99 block_on", "no lesson 99")
        self.refused("@log nothing", "no log")
        self.refused("@drawing nothing", "no drawing")
        self.refused("@table 01x", "no lesson")
        self.refused("@nonsense", "no such mark")
        self.refused("{{03 nonsense 1}}", "no figure")

    def test_code_that_is_too_wide(self):
        self.refused("```sh\n" + "x" * 73 + "\n```", "73 columns")

    def test_code_in_c_that_is_not_quoted(self):
        self.refused("```c\nint x;\n```", "not quoted")

    def test_a_picture_without_alternative_text(self):
        self.refused("@picture 05 1", "no alternative text")
        self.refused("![](x.png)", "no alternative text")

    def test_a_box_that_is_not_closed(self):
        self.assertTrue(drawing.is_closed("┌─┐\n│a│\n└─┘"))
        self.assertFalse(drawing.is_closed("┌─┐\n│ab│\n└─┘"))

    def test_a_slide_without_minutes_or_notes(self):
        self.refused("text", "no minutes", "")
        deck = deck_of("## A slide {minutes=1}\n\ntext\n")
        self.assertIn("no notes", "\n".join(check.contents(deck)))

    def test_more_rows_than_a_terminal_has(self):
        deck = slide_of("\n".join(f"- {i}" for i in range(19)))
        self.assertIn("19 rows of 18", "\n".join(check.terminal(deck)))
        deck = slide_of("\n".join(f"- {i}" for i in range(18)))
        self.assertEqual([], list(check.terminal(deck)))

    def test_a_line_that_is_cut_at_80_columns(self):
        deck = slide_of("```\n" + "x" * 76 + "\n```")
        self.assertIn("wider than 80", "\n".join(check.terminal(deck)))

    def test_a_missing_translation(self):
        english = slide_of("text")
        self.assertIn("not in fr", "\n".join(check.translations([english])))
        french = deck_of("## Une diapo {minutes=2}\n\ntexte\n", "fr")
        self.assertIn("minutes",
                      "\n".join(check.translations([english, french])))


class Quoting(unittest.TestCase):
    def test_french_slides_quote_french_comments(self):
        words = ["lessons/03", "struct future {"]
        self.assertIn("once READY", quote.code(words, "en"))
        self.assertIn("une fois READY", quote.code(words, "fr"))

    def test_probes_and_marks_stay_out(self):
        text = quote.code(["lessons/06", "event_loop"], "en")
        self.assertTrue(text.startswith("static void *event_loop"))
        self.assertNotIn("@", text)

    def test_long_lines_are_broken_where_c_may_be(self):
        text = quote.code(["lessons/06", "reactor_register"], "en")
        self.assertLessEqual(max(map(len, text.splitlines())), 72)

    def test_another_table_of_a_readme_without_a_column(self):
        text = quote.table(["18", "other", "1", "drop", "2"], "en")
        self.assertIn("| runtime | threads | polls |", text)
        text = quote.table(["15", "other", "1"], "fr")
        self.assertIn("| côte à côte | 170 |", text)
        for words in (["18", "other", "9"], ["18", "other"],
                      ["18", "nonsense", "1"]):
            with self.assertRaises(quote.Unresolved):
                quote.table(words, "en")

    def test_a_log_without_time_and_thread(self):
        rows = quote.log(["18", "drop", "popped", "only", "text"]).split("\n")
        self.assertEqual("threads", rows[0].split()[0])
        self.assertLessEqual(max(map(len, rows)), 72)
        self.assertEqual(len({row.index(" polls ") for row in rows}), 1)
        self.assertIn("polls     0 EAGAIN", rows[0])

    def test_comments_of_a_solution_are_french_too(self):
        words = ["lessons/12", "stack_prepare"]
        self.assertIn("POP le met", quote.code(words, "fr"))

    def test_a_drawing_is_well_formed_svg_with_a_title(self):
        for language in decks_of.LANGUAGES:
            folder = os.path.join(quote.SLIDES, "drawings")
            names = {name.split(".")[0] for name in os.listdir(folder)}
            for name in sorted(names):
                with self.subTest(name=name, language=language):
                    alt, art = quote.drawing([name], language)
                    svg = xml.dom.minidom.parseString(
                        drawing.svg(art, alt, 1))
                    self.assertEqual(alt, svg.getElementsByTagName(
                        "title")[0].firstChild.data)


class TheBuild(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        subprocess.run([sys.executable, TOOLS, "build", cls.folder,
                        "--no-pdf"], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def files(self, who):
        for folder, _, names in os.walk(os.path.join(self.folder, who)):
            for name in names:
                yield os.path.join(folder, name)

    def text_of(self, path):
        if not path.endswith(".pptx"):
            return quote.read(path)
        with zipfile.ZipFile(path) as file:
            return "".join(file.read(name).decode("utf-8", "replace")
                           for name in file.namelist()
                           if name.endswith(".xml"))

    def test_no_note_reaches_the_students(self):
        words = [" ".join(slide.notes.split()[:8])
                 for deck in decks_of.all_decks() for slide in deck.slides]
        for path in self.files("students"):
            if os.path.basename(os.path.dirname(path)) == "step":
                continue  # a page of the course, which quotes the code
            text = self.text_of(path)
            found = [word for word in words + ["<!-- notes", "notesSlide",
                                               'class="notes"']
                     if word in text]
            self.assertEqual((path, []), (path, found))

    def test_the_teacher_has_the_notes(self):
        for path in self.files("teacher"):
            if os.path.basename(os.path.dirname(path)) == "step":
                continue
            with self.subTest(path):
                text = self.text_of(path)
                self.assertTrue('class="notes"' in text or
                                "<p:notes" in text)

    def test_pages_need_no_network(self):
        for who in ("students", "teacher"):
            for path in self.files(who):
                if path.endswith(".html"):
                    text = quote.read(path)
                    with self.subTest(path):
                        if os.path.basename(os.path.dirname(path)) == "step":
                            continue  # of the course, which tests it
                        for word in ('src="http', 'href="http', "@import",
                                     "url(http"):
                            self.assertFalse(word in text, word)

    def test_the_index_links_what_is_there(self):
        text = quote.read(os.path.join(self.folder, "index.html"))
        links = re.findall(r'href="([^"#]*)"', text)
        self.assertTrue(links)
        for link in links:
            with self.subTest(link):
                self.assertTrue(os.path.isfile(
                    os.path.join(self.folder, link)))

    def test_a_slide_opens_a_step_that_is_there(self):
        path = os.path.join(self.folder, "students", "fr",
                            "03-executor-waker-reactor.html")
        link = re.search(r'href="([^"#]*)#s=(\d+)&amp;lang=fr"',
                         quote.read(path))
        self.assertGreater(int(link[2]), 1)
        self.assertTrue(os.path.isfile(
            os.path.join(os.path.dirname(path), link[1])))

    def test_every_picture_has_its_text(self):
        for path in self.files("students"):
            if path.endswith(".html"):
                text = quote.read(path)
                with self.subTest(path):
                    for figure in re.findall(r"<figure>.*?</figure>", text,
                                             flags=re.S):
                        self.assertRegex(figure,
                                         r"<title[^>]*>\S|aria-label=\"\S")


class TheCommand(unittest.TestCase):
    def run_it(self, *words):
        return subprocess.run([os.path.join(ROOT, "reveil"), "slides", *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, stdin=subprocess.DEVNULL)

    def test_it_lists_the_decks(self):
        done = self.run_it("--lang", "fr")
        self.assertEqual(0, done.returncode)
        self.assertIn("éviter le sondage actif", done.stdout)

    def test_it_presents_one(self):
        done = self.run_it("1", "--dump", "--lang=en")
        self.assertEqual(0, done.returncode)
        self.assertIn("avoid busy polling 1/6", done.stdout)

    def test_wrong_arguments(self):
        self.assertEqual(2, self.run_it("77").returncode)
        self.assertEqual(2, self.run_it("--nonsense").returncode)
        self.assertEqual(2, self.run_it("1", "2").returncode)

    def test_help_is_in_both_languages(self):
        self.assertIn("usage: ./reveil slides",
                      self.run_it("--help", "--lang=en").stdout)
        self.assertIn("diapositives",
                      self.run_it("--help", "--lang=fr").stdout)


if __name__ == "__main__":
    unittest.main()
