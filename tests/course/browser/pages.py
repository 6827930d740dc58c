# SPDX-License-Identifier: MIT
"""What the browser tests share: a Chromium, a folder of pages, and PageTest."""
import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]

from samples import NAMES, sample  # noqa: E402

import chromium  # noqa: E402
import page  # noqa: E402

PAIRS = {"two": ("lost-06", "right-06"), "busy-right": ("busy-02", "right-06")}
STEP_NOW = "Number(document.querySelector('#count b').textContent" \
    ".replace(/\\D/g, ''))"


class Shared:
    """One browser and one folder for all tests of a file."""
    browser = None
    folder = None


def start():
    if not chromium.find():
        raise unittest.SkipTest("Chromium is not installed (apt-get install "
                                "chromium): the page was not looked at")
    Shared.folder = tempfile.mkdtemp(prefix="reveil-pages-")
    for name in NAMES:
        write(name, [sample(name)])
    for name, pair in PAIRS.items():
        write(name, [sample(one) for one in pair])
    Shared.browser = chromium.Chromium()
    Shared.browser.__enter__()


def stop():
    Shared.browser.__exit__()
    shutil.rmtree(Shared.folder)


def write(name, traces, lang="en"):
    path = os.path.join(Shared.folder, name + ".html")
    with open(path, "w", encoding="utf-8") as file:
        file.write(page.render(traces, lang))


class PageTest(unittest.TestCase):
    def open(self, name, address="", width=1366, height=768, **media):
        url = "file://" + os.path.join(Shared.folder, name + ".html") + address
        self.tab = Shared.browser.open(url, width, height, **media)
        self.addCleanup(self.tab.close)
        self.addCleanup(self.no_errors)
        return self.tab

    def no_errors(self):
        """No exception, no message, no request but the page itself."""
        seen, Shared.browser.events = Shared.browser.events, []
        for event in seen:
            method = event.get("method")
            self.assertNotIn(method, ("Runtime.exceptionThrown",
                                      "Log.entryAdded"), event)
            if method == "Network.requestWillBeSent":
                url = event["params"]["request"]["url"]
                self.assertTrue(url.startswith("file://" + Shared.folder), url)

    def step(self):
        return self.tab.value(STEP_NOW)

    def keys(self, *keys):
        for key in keys:
            self.tab.key(key)
        return self.step()
