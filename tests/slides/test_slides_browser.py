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

    def cut_in(self, text, size):
        """The slides that are cut in a window of this size."""
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        tab = self.browser.open(f"file://{self.path}#cut", *size)
        try:
            self.assertEqual(1, tab.value(
                "document.querySelectorAll('.slide.now').length"))
            return tab.value(CUT)
        finally:
            tab.close()

    def test_in_each_window(self):
        for deck in decks_of.all_decks():
            text = pages.deck_page(deck, teacher=True)
            for size in SIZES:
                with self.subTest(deck=deck.path, size=size):
                    self.assertEqual([], self.cut_in(text, size))

    def test_what_is_cut_is_found(self):
        deck = decks_of.all_decks("en")[0]
        deck.slides[2].parts.append("\n".join(f"- {i}" for i in range(40)))
        deck.slides[3].parts.append("```\n" + "x" * 200 + "\n```")
        found = self.cut_in(pages.deck_page(deck, teacher=True), SIZES[0])
        self.assertEqual(["s3", "s4"], [one.split(":")[0] for one in found])


if __name__ == "__main__":
    unittest.main(verbosity=2)
