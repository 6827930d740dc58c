#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The course as a site, in a headless Chromium, from file://: the search, the
switch of language, folds, widths. Skipped where Chromium is not installed."""
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, HERE)

import chromium  # noqa: E402

FOUND = "[...document.querySelectorAll('#found a')].map(a => a.textContent)"


class Site(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not chromium.find():
            raise unittest.SkipTest("Chromium is not installed (apt-get "
                                    "install chromium): the site was not "
                                    "looked at")
        box = tempfile.TemporaryDirectory()
        cls.addClassCleanup(box.cleanup)
        cls.folder = os.path.join(box.name, "site")
        subprocess.run([sys.executable, os.path.join(ROOT, "course"),
                        "course", "--html", cls.folder, "--no-steps"],
                       check=True, capture_output=True, timeout=300,
                       stdin=subprocess.DEVNULL)
        cls.browser = chromium.Chromium()
        cls.browser.__enter__()
        cls.addClassCleanup(cls.browser.__exit__, None, None, None)

    def open(self, name, width=1280, height=768, **media):
        self.browser.events = []
        tab = self.browser.open(f"file://{self.folder}/{name}", width, height,
                                **media)
        self.addCleanup(tab.close)
        self.addCleanup(self.no_errors)
        return tab

    def no_errors(self):
        for event in self.browser.events:
            method = event.get("method")
            self.assertNotIn(method, ("Runtime.exceptionThrown",
                                      "Log.entryAdded"), event)
            if method == "Network.requestWillBeSent":
                self.assertTrue(event["params"]["request"]["url"].startswith(
                    f"file://{self.folder}/"), event)

    def ask(self, tab, words):
        """Type into the search, with "/" to get there."""
        tab.key("/")
        self.assertEqual(tab.value("document.activeElement.id"), "search")
        tab.send("Input.insertText", text=words)
        tab.wait("window.REVEIL_INDEX && !document.getElementById('found')"
                 ".hidden")

    def test_search_with_the_keyboard_alone(self):
        tab = self.open("en/index.html")
        self.ask(tab, "spurious poll")
        self.assertTrue(any("waker-executor" in text
                            for text in tab.value(FOUND)))
        tab.key("ArrowDown")
        self.assertEqual(tab.value("document.activeElement.tagName"), "A")
        tab.key("Escape")
        self.assertTrue(tab.value("document.getElementById('found').hidden"))
        self.assertEqual(tab.value("document.activeElement.id"), "search")

    def test_search_without_accents(self):
        tab = self.open("fr/05-waker-executor.html")
        self.ask(tab, "executeur")
        self.assertTrue(any("exécuteur" in text.lower()
                            for text in tab.value(FOUND)))
        self.assertGreater(tab.value(
            "document.querySelectorAll('#found mark').length"), 0)

    def test_what_is_not_there_is_said(self):
        tab = self.open("fr/index.html")
        self.ask(tab, "<img src=x> xyzzy")
        self.assertEqual(tab.value(FOUND), [])
        self.assertIn("rien trouvé", tab.value(
            "document.getElementById('found').textContent"))

    def test_the_other_language_at_the_same_place(self):
        tab = self.open("en/05-waker-executor.html")
        for mark in ("s2", "s4"):
            tab.value(f"document.getElementById('{mark}').scrollIntoView("
                      "{behavior: 'instant'})")
            address = tab.value(
                "(() => { const one = document.getElementById('other');"
                "one.addEventListener('click', e => e.preventDefault());"
                "one.click(); return one.href })()")
            self.assertTrue(address.endswith("/fr/05-waker-executor.html#" +
                                             mark), address)

    def test_a_link_into_a_fold_opens_it(self):
        tab = self.open("en/05-waker-executor.html#hint-5-2")
        self.assertTrue(tab.value("document.getElementById('hint-5-2').open"))
        self.assertFalse(tab.value("document.getElementById('hint-5-1').open"))

    def test_no_page_is_wider_than_the_window(self):
        for width, height in ((400, 800), (1024, 768), (1280, 800)):
            for name in ("en/index.html", "fr/index.html",
                         "en/glossary.html", "fr/04-hundred.html",
                         "en/12-bare-thread.html"):
                tab = self.open(name, width, height)
                self.assertLessEqual(tab.value(
                    "document.documentElement.scrollWidth"), width,
                    (name, width))

    def test_without_a_language_chosen_it_leads_to_one(self):
        tab = self.open("en/glossary.html")
        tab.send("Page.navigate", url=f"file://{self.folder}/index.html")
        for _ in range(600):
            with contextlib.suppress(RuntimeError):
                if tab.value("/.(en|fr).index.html$/.test(location.pathname)"
                             " && document.readyState === 'complete'"):
                    return
            time.sleep(.1)
        self.fail("it stays where it is")


if __name__ == "__main__":
    unittest.main()
