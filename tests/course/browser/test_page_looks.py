#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the step page looks, prints and is used by keyboard, in Chromium.

Skipped, and says so, where Chromium is not installed. No test asserts a time.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from pages import NAMES, PageTest, Shared, sample  # noqa: E402
from pages import start as setUpModule  # noqa: E402,F401
from pages import stop as tearDownModule  # noqa: E402,F401

FRAMES = "new Promise(r => requestAnimationFrame(() => " \
    "requestAnimationFrame(() => r(true))))"


class Looks(PageTest):
    SIZES = [(1366, 768, 1), (1024, 768, 1), (390, 844, 1), (1366, 768, 2),
             (320, 640, 1), (1920, 1080, 1)]

    def test_nothing_is_wider_than_the_screen(self):
        for name in (*NAMES, "two"):
            for lang in ("fr",) if name in ("hundred-06", "busy-02") else (
                    "en", "fr"):
                tab = self.open(name, f"#s=20&lang={lang}")
                for width, height, zoom in self.SIZES:
                    tab.size(width, height, zoom)
                    tab.wait("reveil.page.width === innerWidth")
                    tab.wait(FRAMES)
                    wide = tab.value(
                        "document.documentElement.scrollWidth - innerWidth")
                    self.assertLessEqual(wide, 1,
                                         f"{name} {lang} {width} × {zoom}")

    def test_targets_are_big_enough(self):
        for width in (1366, 390):
            for name in ("lost-06", "hundred-06"):
                tab = self.open(name, "#s=38", width)
                small = tab.value(
                    "[...document.querySelectorAll('button, select, input, "
                    "#steps a')].filter(e => e.offsetParent).map(e => "
                    "[e.id || e.className, e.getBoundingClientRect()])"
                    ".filter(([n, r]) => r.width && (r.width < 24 || "
                    "r.height < 24)).map(([n, r]) => [n, r.width, r.height])")
                self.assertEqual(small, [])

    def test_light_and_dark_and_paper(self):
        colours = set()
        for scheme in ("light", "dark"):
            tab = self.open("lost-06", scheme=scheme)
            colours.add(tab.value(
                "getComputedStyle(document.body).backgroundColor"))
        self.assertEqual(len(colours), 2)

    def test_reduced_motion_has_none(self):
        tab = self.open("busy-02", "#s=5", motion="reduce")
        self.keys("ArrowRight")
        self.assertEqual(tab.value("document.getAnimations().length"), 0)
        tab = self.open("right-06", "#s=3", motion="reduce")
        self.keys("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
        self.assertEqual(tab.value("document.getAnimations().length"), 0)

    def test_with_motion_a_task_glides(self):
        tab = self.open("right-06", "#s=6")
        self.keys("ArrowRight")
        self.assertGreater(tab.value("document.getAnimations().length"), 0)

    def test_printing_shows_every_step_with_its_state(self):
        tab = self.open("lost-06")
        tab.media(kind="print")
        tab.value("dispatchEvent(new Event('beforeprint'))")
        shown = tab.value(
            "[...document.querySelectorAll('#steps li')].filter(e => "
            "e.getBoundingClientRect().height > 10).length")
        self.assertEqual(shown, len(sample("lost-06")["events"]))
        self.assertEqual(tab.value(
            "document.querySelectorAll('.state-line').length"), shown)
        self.assertTrue(tab.value(
            "getComputedStyle(document.querySelector('footer')).display"
            " === 'none'"))
        tab.value("dispatchEvent(new Event('afterprint'))")
        self.assertGreater(len(tab.pdf()), 10_000)


class Keyboard(PageTest):
    def test_everything_is_reached_with_tab_and_the_focus_is_seen(self):
        tab = self.open("lost-06")
        reached = set()
        for _ in range(40):
            tab.key("Tab")
            name = tab.value("document.activeElement.id || "
                             "document.activeElement.className || "
                             "document.activeElement.tagName")
            if name != "BODY":
                reached.add(name)
                self.assertNotEqual(tab.value(
                    "getComputedStyle(document.activeElement).outlineStyle"),
                    "none", name)
        for name in ("skip", "jump", "play", "next", "back", "first", "last",
                     "position", "next-wake", "axis", "speed", "mode", "help",
                     "language", "whole"):
            self.assertIn(name, reached)

    def test_enter_presses_the_button_that_has_the_focus(self):
        tab = self.open("lost-06", "#s=2")
        tab.value("document.querySelector('#next').focus()")
        tab.key("Enter")
        self.assertEqual(self.step(), 3)
        tab.key(" ")
        self.assertEqual(self.step(), 4)

    def test_names_for_a_screen_reader(self):
        tab = self.open("lost-06", "#s=38&lang=fr")
        tree = Shared.browser.send("Accessibility.getFullAXTree", {}, tab.session)
        nameless = [node["nodeId"] for node in tree["nodes"]
                    if not node.get("ignored") and node["role"]["value"] in
                    ("button", "combobox", "slider", "link", "image")
                    and not node.get("name", {}).get("value", "").strip()]
        self.assertEqual(nameless, [])
        self.assertEqual(tab.value(
            "document.querySelector('#steps [aria-current=step]')"
            ".dataset.row"), "37")


if __name__ == "__main__":
    unittest.main()
