#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of ./reveil course --html: the site, its links, its folder; and of the
Markdown that the lessons are written in."""
import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COURSE = os.path.join(ROOT, "course")
sys.path.insert(0, COURSE)
sys.path.insert(0, os.path.join(COURSE, "step"))

import lessons  # noqa: E402
import site_build  # noqa: E402
import site_map  # noqa: E402
import solution_steps  # noqa: E402
import texts  # noqa: E402
from site_markdown import Page, plain  # noqa: E402

SECONDS = 300
VOID = {"meta", "link", "img", "input", "br", "hr", "path", "rect"}


class Reader(html.parser.HTMLParser):
    """Ids and links of a page; fails on elements that do not close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.faults = [], [], [], []
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"open: {self.open}")

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if attrs.get("id"):
            self.ids.append(attrs["id"])
        for name in ("href", "src"):
            if attrs.get(name):
                self.links.append(attrs[name])
        if tag == "img" and not attrs.get("alt"):
            self.faults.append("a picture without words")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> in {self.open}")
        else:
            self.open.pop()


def build(*words, status=0):
    result = subprocess.run(
        [sys.executable, COURSE, "course", *words], capture_output=True,
        text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert result.returncode == status, (words, result)
    return result.stdout if status in (0, 1) else result.stderr


class Markdown(unittest.TestCase):
    def html(self, text):
        return Page(text).html

    def test_no_html_of_a_text_reaches_the_page(self):
        for text in ("<script>x</script>", "# <script>", "`<script>`",
                     "| <script> |\n| --- |\n| <script> |", "- <script>",
                     "    <script>", "```\n<script>\n```", "**<script>**",
                     "![<script>](x.svg)", "[<script>](x)", "<script> `x`"):
            page = Page(text)
            self.assertNotIn("<script", page.html, text)
            self.assertEqual(Reader(page.html).faults, [], text)

    def test_links_of_other_schemes_are_words(self):
        for target in ("javascript:alert(1)", "data:text/html,x",
                       "JAVASCRIPT:x", "//example.org/x"):
            self.assertNotIn("<a", self.html(f"[word]({target})"))
        self.assertIn('<a href="https://example.org/a?b&amp;c">',
                      self.html("[x](https://example.org/a?b&c)"))
        self.assertIn('href="x&quot;y"', self.html('[x](x"y)'))

    def test_marks(self):
        for text, shown in (
                ("a **b** c", "a <strong>b</strong> c"),
                ("a *b c* d", "a <em>b c</em> d"),
                ("2 * 3 * 4", "2 * 3 * 4"),
                ("`a*b*c`", "<code>a*b*c</code>"),
                ("`` a`b ``", "<code>a`b</code>"),
                ("**a `b` c**", "<strong>a <code>b</code> c</strong>"),
                ("epoll_wait and set_waker", "epoll_wait and set_waker"),
                ("\\*a\\*", "*a*")):
            self.assertEqual(self.html(text), f"<p>{shown}</p>")
        self.assertEqual(plain("a **b `c`** [d](e)"), "a b c d")

    def test_blocks(self):
        self.assertEqual(
            self.html("- a\n  b\n- c\n\n1. d\n2. e"),
            "<ul>\n<li>a\nb</li>\n<li>c</li>\n</ul>\n"
            "<ol>\n<li>d</li>\n<li>e</li>\n</ol>")
        self.assertIn("<li><p>a</p>\n<pre", self.html("- a\n\n      code"))
        self.assertIn("<code>a\n\n  b</code>", self.html("    a\n\n      b\n"))
        table = self.html("| a | b |\n| --- | --- |\n| `x | y` | |")
        self.assertIn("<td><code>x | y</code></td><td></td>", table)
        self.assertEqual(self.html("a\n<!-- b\n-->\nc"), "<p>a</p>\n<p>c</p>")
        self.assertIn("<pre", self.html("```\nnot closed"))

    def test_every_text_of_the_course_is_understood(self):
        """What of it stays a mark in the page is a form that is not known."""
        for lesson in site_build.written():
            for folder, _, names in os.walk(lesson.path):
                for name in names:
                    if not name.endswith(".md"):
                        continue
                    path = os.path.join(folder, name)
                    page = Page(lessons.read(path))
                    text = re.sub(r"<(pre|code).*?</\1>", "", page.html,
                                  flags=re.DOTALL)
                    text = re.sub(r"<[^>]*>", "", text)
                    self.assertEqual(Reader(page.html).faults, [], path)
                    self.assertNotRegex(text, r"\*\*|```|\]\(|^\s*#", path)
                    self.assertTrue(page.title or "hints" in name, path)


class Map(unittest.TestCase):
    def test_every_lesson_is_on_it_once_behind_what_it_needs(self):
        one = site_map.Map(lessons.all_lessons())
        numbers = one.numbers()
        self.assertEqual(len(set(numbers)), len(numbers))
        for lesson in lessons.all_lessons():
            self.assertIn(lesson.number, numbers)
        for number, needs in one.all_needs.items():
            for before in needs:
                self.assertLess(numbers.index(before), numbers.index(number))
        self.assertEqual(set(one.all_needs), set(numbers) - {"00"})
        for lesson in lessons.all_lessons():
            self.assertEqual(one.names[lesson.number], lesson.name)
        self.assertEqual(site_map.Map([]).names.items() -
                         {(lesson.number, lesson.name) for lesson in
                          lessons.all_lessons()},
                         {(number, name) for number, name in
                          site_map.Map([]).names.items()
                          if not lessons.find(number)})
        places = list(one.places().values())
        self.assertEqual(len(set(places)), len(places))
        for track in one.tracks:
            for language in texts.LANGUAGES:
                self.assertTrue(track[language] and
                                track["about_" + language])


class Site(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.box.cleanup)
        cls.folder = os.path.join(cls.box.name, "the site")
        cls.said = build("--html", cls.folder, "--no-steps")
        cls.pages = {}
        for place, _, names in os.walk(cls.folder):
            for name in names:
                path = os.path.join(place, name)
                if name.endswith(".html"):
                    cls.pages[os.path.relpath(path, cls.folder)] = \
                        Reader(lessons.read(path))

    def text(self, name):
        return lessons.read(os.path.join(self.folder, name))

    def test_it_says_where_to_look(self):
        self.assertIn(os.path.join(self.folder, "index.html"), self.said)

    def test_both_languages_have_every_page(self):
        names = {one.folder + ".html" for one in site_build.written()} | {
            "index.html", "glossary.html"}
        for language in texts.LANGUAGES:
            self.assertEqual({os.path.basename(name) for name in self.pages
                              if name.startswith(language + "/")}, names)
            for name in names:
                self.assertIn(f'<html lang="{language}">',
                              self.text(f"{language}/{name}"))

    def test_pages_are_well_formed_and_no_link_is_dead(self):
        for name, page in self.pages.items():
            self.assertEqual(page.faults, [], name)
            self.assertEqual(len(set(page.ids)), len(page.ids), name)
            for link in page.links:
                if link.startswith("https://"):
                    continue
                path, mark = urllib.parse.urldefrag(link)
                target = os.path.normpath(os.path.join(
                    os.path.dirname(name), path)) if path else name
                self.assertTrue(os.path.isfile(os.path.join(
                    self.folder, target)), f"{name}: {link}")
                if mark and target in self.pages:
                    self.assertIn(mark, self.pages[target].ids,
                                  f"{name}: {link}")

    def test_nothing_comes_from_the_network(self):
        for place, _, names in os.walk(self.folder):
            for name in names:
                text = lessons.read(os.path.join(place, name))
                self.assertNotRegex(text, r'(?:src|<link[^>]*href)="?https?:',
                                    name)
                self.assertNotRegex(text, r"@import|url\(http|fetch\(|XMLHttp",
                                    name)

    def test_both_languages_have_the_same_places(self):
        """So that the switch of language can stay where it is."""
        for name, page in self.pages.items():
            if name.startswith("en/") and "glossary" not in name:
                other = self.pages["fr" + name[2:]]
                self.assertEqual(page.ids, other.ids, name)
                self.assertIn("../fr" + name[2:], page.links)

    def test_the_index_of_the_search_leads_to_places(self):
        for language in texts.LANGUAGES:
            text = self.text(language + "/search.js")
            begin = "window.REVEIL_INDEX="
            self.assertTrue(text.startswith(begin))
            rows = json.loads(text[len(begin):].rstrip().rstrip(";"))
            self.assertGreater(len(rows), 50)
            for name, mark, where, _, _ in rows:
                page = self.pages[f"{language}/{name}"]
                self.assertTrue(not mark or mark in page.ids, (name, mark))
                self.assertTrue(where)

    def test_hints_are_folded_and_all_there(self):
        for lesson in site_build.written():
            text = self.text(f"fr/{lesson.folder}.html")
            for todo, levels in lesson.hints("fr").items():
                self.assertEqual(len(levels), 3)
                self.assertIn(f"<summary>TODO {todo}</summary>", text)
        self.assertNotIn("<details open", text)

    def test_glossary_has_the_words_of_the_lessons(self):
        self.assertRegex(self.text("en/glossary.html"), r"<dt[^>]*>waker</dt>")
        self.assertRegex(self.text("fr/glossary.html"), r"<dt[^>]*>tâche</dt>")

    def test_without_runs_no_link_to_steps(self):
        for page in self.pages.values():
            self.assertFalse([link for link in page.links if "steps/" in link])


class Folder(unittest.TestCase):
    def setUp(self):
        box = tempfile.TemporaryDirectory()
        self.addCleanup(box.cleanup)
        self.box = box.name
        self.folder = os.path.join(box.name, "site")

    def put(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_a_folder_with_other_files_is_left_alone(self):
        path = self.put("index.html", "mine")
        for more in ((), ("--lang=fr",)):
            said = build("--html", self.folder, "--no-steps", *more, status=2)
            self.assertIn(self.folder, said)
        self.assertEqual(lessons.read(path), "mine")
        self.assertEqual(os.listdir(self.folder), ["index.html"])
        self.assertEqual(os.listdir(self.box), ["site"])

    def test_a_file_is_no_folder(self):
        path = os.path.join(self.box, "file")
        with open(path, "w", encoding="utf-8") as file:
            file.write("mine")
        build("--html", path, "--no-steps", status=2)
        self.assertEqual(lessons.read(path), "mine")

    def test_a_second_build_replaces_its_own_files_and_no_other(self):
        os.mkdir(self.folder)
        build("--html", self.folder, "--no-steps")
        mine = self.put("notes.txt", "mine")
        outside = os.path.join(self.box, "outside")
        with open(outside, "w", encoding="utf-8") as file:
            file.write("mine")
        old = self.put("en/99-gone.html", "old")
        marker = os.path.join(self.folder, site_build.MARKER)
        with open(marker, encoding="utf-8") as file:
            table = json.load(file)
        table["files"] += ["en/99-gone.html", "../outside", 7]
        with open(marker, "w", encoding="utf-8") as file:
            json.dump(table, file)
        self.put("en/index.html", "damaged")
        build("--html", self.folder, "--no-steps")
        self.assertEqual(lessons.read(mine), "mine")
        self.assertEqual(lessons.read(outside), "mine")
        self.assertFalse(os.path.exists(old))
        self.assertIn("<!doctype", lessons.read(
            os.path.join(self.folder, "en/index.html")))

    def test_wrong_arguments(self):
        build(status=2)
        build("--html", status=2)
        build("--html", self.folder, "--what", status=2)
        build("--html", self.folder, "more", status=2)
        build("--html", self.folder, "--lang=de", status=2)
        self.assertFalse(os.path.exists(self.folder))
        self.assertIn("--no-steps", build("--help"))
        self.assertIn("dossier", build("--help", "--lang=fr"))

    def test_a_folder_that_cannot_be_made(self):
        build("--html", "/proc/reveil/site", "--no-steps", status=3)

    def test_steps_of_a_lesson(self):
        """One lesson is run; its page is linked in both languages."""
        first = lessons.find("01")
        with unittest.mock.patch.object(lessons, "all_lessons",
                                        lambda: [first]):
            from context import Context
            import options
            context = Context()
            context.set_work(os.path.join(self.box, "work"))
            words = options.parse("course", ["--html", self.folder, "--json"],
                                  context.t)
            context.use(words)
            with unittest.mock.patch("builtins.print"):
                self.assertEqual(site_build.command_course(context, words), 0)
        path = os.path.join(self.folder, "steps", "01-hello-future.html")
        self.assertLess(os.path.getsize(path), 150 * 1024)
        self.assertIn("reveil-trace-1", lessons.read(path))
        for language in texts.LANGUAGES:
            self.assertIn(
                f'href="../steps/01-hello-future.html#lang={language}"',
                lessons.read(os.path.join(self.folder, language,
                                          "01-hello-future.html")))

    def test_a_run_that_leaves_nothing_is_said(self):
        with unittest.mock.patch.object(solution_steps.check, "run_plain",
                                        return_value={"trace": None}):
            self.assertIsNone(site_build.step_page(lessons.find("01"), "/"))

    def test_a_run_that_is_kept_is_not_made_again(self):
        with tempfile.TemporaryDirectory() as work:
            lesson = lessons.find("01")
            with unittest.mock.patch.object(
                    solution_steps, "record",
                    return_value={"page": "x" * 200000, "steps": []}) as record:
                pages = [site_build.step_page(lesson, work) for _ in range(2)]
            self.assertEqual(record.call_count, 1)
            self.assertEqual([len(one) for one in pages], [200000] * 2)


class Drawings(unittest.TestCase):
    """A lesson's picture in characters is the slides' drawing of the same."""

    def test_the_drawing_stands_for_the_fence(self):
        page = Page("<!-- drawing: stall 1 2 -->\n```\nold\n```\nafter\n",
                    drawing=lambda name, frames: f"<b>{name} {frames}</b>")
        self.assertEqual(page.html, "<b>stall [1, 2]</b>\n<p>after</p>")

    def test_without_drawings_the_fence_is_shown(self):
        self.assertIn("old", Page("<!-- drawing: stall -->\n```\nold\n```\n",
                                  ).html)

    def test_each_lesson_names_a_drawing_that_is_there_in_its_language(self):
        site = site_build.Site("/", [], None)
        marks = 0
        for lesson in lessons.all_lessons():
            for language in texts.LANGUAGES:
                text = site.markdown(lesson, lesson.readme(language),
                                     language).html
                marks += text.count("<svg ")
                for figure in re.findall(r"<figure.*?</figure>", text, re.S):
                    Reader(figure)
                    alt = re.search(r"<title[^>]*>(.+?)</title>", figure)[1]
                    self.assertIn(alt, figure[figure.index("<figcaption"):])
        self.assertGreater(marks, 8)


class Slides(unittest.TestCase):
    """The index links the decks that are built, and what they link."""

    def setUp(self):
        self.box = tempfile.TemporaryDirectory()
        self.addCleanup(self.box.cleanup)
        self.decks = os.path.join(self.box.name, "students")
        for name, text in {
                "en/01-polling.html": "<title>Polling &amp; more</title>"
                '<a href="../step/06.html#s=3">step</a>',
                "en/01-polling-handout.html": "<title>Text</title>",
                "en/01-polling.pdf": "%PDF", "fr/01-polling.html":
                "<title>Le sondage</title>", "step/06.html": "step"}.items():
            path = os.path.join(self.decks, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def test_they_are_linked_and_copied(self):
        folder = os.path.join(self.box.name, "site")
        with unittest.mock.patch.object(site_build, "DECKS", self.decks):
            site_build.Site(folder, [], None).build(None, lambda lesson: None)
        found = {}
        for language in texts.LANGUAGES:
            page = Reader(lessons.read(os.path.join(folder, language,
                                                    "index.html")))
            self.assertEqual([], page.faults)
            found[language] = [link for link in page.links
                               if link.startswith("../slides/")]
            for link in found[language]:
                self.assertTrue(os.path.isfile(os.path.join(
                    folder, language, link)), link)
        self.assertEqual(["../slides/en/01-polling.html",
                          "../slides/en/01-polling-handout.html",
                          "../slides/en/01-polling.pdf"], found["en"])
        self.assertEqual(["../slides/fr/01-polling.html"], found["fr"])
        self.assertTrue(os.path.isfile(os.path.join(
            folder, "slides", "step", "06.html")))
        self.assertIn("Polling &amp; more", lessons.read(os.path.join(
            folder, "en", "index.html")))


if __name__ == "__main__":
    unittest.main()
