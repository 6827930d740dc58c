#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The HTML decks in Chromium: nothing is cut on a projector or a laptop."""
import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "slides", "tools"))
sys.path.append(os.path.join(ROOT, "tests", "course", "browser"))

import chromium  # noqa: E402
import deck as decks_of  # noqa: E402
import pages  # noqa: E402

SIZES = ((1024, 768), (1366, 768))
CUT = "[...document.querySelectorAll('[data-cut]')].map(" \
    "slide => slide.id + ': ' + slide.dataset.cut)"


def setUpModule():
    if not chromium.find():
        raise unittest.SkipTest("chromium is not installed")
    if not shutil.which("pandoc"):
        raise unittest.SkipTest("pandoc is not installed")


class NothingIsCut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        box = tempfile.TemporaryDirectory()
        cls.addClassCleanup(box.cleanup)
        cls.path = os.path.join(box.name, "deck.html")
        cls.browser = chromium.Chromium()
        cls.browser.__enter__()
        cls.addClassCleanup(cls.browser.__exit__, None, None, None)

    def opened(self, text, size):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        tab = self.browser.open(f"file://{self.path}#cut", *size)
        self.addCleanup(tab.close)
        self.assertEqual(1, tab.value(
            "document.querySelectorAll('.slide.now').length"))
        return tab

    def cut_in(self, text, size):
        """The slides that are cut in a window of this size."""
        return self.opened(text, size).value(CUT)

    def test_in_each_window(self):
        for deck in decks_of.all_decks():
            text = pages.deck_page(deck, teacher=True)
            for size in SIZES:
                with self.subTest(deck=deck.path, size=size):
                    self.assertEqual([], self.cut_in(text, size))

    def test_with_the_notes_below(self):
        """They take their place from the font, not from the slide."""
        for deck in decks_of.all_decks("fr")[:4]:
            tab = self.opened(pages.deck_page(deck, teacher=True), SIZES[0])
            tab.key("b")
            tab.value("markWhatIsCut()")
            with self.subTest(deck=deck.path):
                self.assertTrue(tab.value(
                    "document.body.classList.contains('below')"))
                self.assertEqual([], tab.value(CUT))

    def test_a_slide_with_little_on_it_is_written_larger(self):
        deck = decks_of.all_decks("en")[0]
        wide = "```\n" + "x" * 72 + "\n```"
        deck.slides[2].parts = ["One line."]
        deck.slides[3].parts = [wide, "One line."]
        deck.slides[4].parts = ["\n\n".join(["One line."] * 13)]
        tab = self.opened(pages.deck_page(deck, teacher=False), SIZES[0])
        short, code, full = tab.value(
            "['#s3', '#s4', '#s5'].map(id => ['grow', 'block'].map(name => "
            "Number(document.querySelector(id).style.getPropertyValue("
            "'--' + name))))")
        self.assertEqual([1.45, 1.45], short)
        self.assertEqual(1.45, code[0])
        self.assertLess(code[1], 1.1)
        self.assertLess(full[0], 1.4)

    def test_what_belongs_together_is_on_one_line(self):
        """Wherever the line ends: a word too many makes it end elsewhere."""
        deck = decks_of.all_decks("en")[0]
        for text, parts in (
                ("a-t-il", ["a-t-il"]), ("deck 3", ["deck 3"]),
                ("answer C,", ["answer C"]), ("600 ms later", ["0 ms"]),
                ("`tail - head == n`", ["tail - head == n"]),
                ("library C.", ["library C."])):
            deck.slides[0].parts = ["\n\n".join(
                "word " * count + text for count in range(4, 16))]
            tab = self.opened(pages.deck_page(deck, teacher=False), SIZES[0])
            kept = tab.value(
                "[...document.querySelectorAll('#s1 :is(.kept, code)')].map("
                "one => [one.textContent, one.getClientRects().length])")
            with self.subTest(text=text):
                self.assertEqual([[part, 1] for part in parts * 12], kept)

    def test_what_is_cut_is_found(self):
        deck = decks_of.all_decks("en")[0]
        deck.slides[2].parts.append("\n".join(f"- {i}" for i in range(40)))
        deck.slides[3].parts.append("```\n" + "x" * 200 + "\n```")
        found = self.cut_in(pages.deck_page(deck, teacher=True), SIZES[0])
        self.assertEqual(["s3", "s4"], [one.split(":")[0] for one in found])


if __name__ == "__main__":
    unittest.main(verbosity=2)
