#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The HTML decks in Chromium: nothing is cut on a projector or a laptop."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "slides", "tools"))

import deck as decks_of  # noqa: E402
import pages  # noqa: E402

SIZES = ("1024,768", "1366,768")


def dom(path, size):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
             f"--user-data-dir={profile}", f"--window-size={size}",
             "--dump-dom", f"file://{path}#cut"],
            check=True, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout


class NothingIsCut(unittest.TestCase):
    def test_in_each_window(self):
        for deck in decks_of.all_decks():
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "deck.html")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(pages.deck_page(deck, teacher=True))
                for size in SIZES:
                    with self.subTest(deck=deck.path, size=size):
                        text = dom(path, size)
                        self.assertIn('class="slide now', text)
                        self.assertEqual([], re.findall(
                            r'<section[^>]*data-cut[^>]*>', text))


if __name__ == "__main__":
    unittest.main()
