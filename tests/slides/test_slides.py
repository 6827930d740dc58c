#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The decks: every one rendered, and what the checker must refuse.

What is compiled and recorded for them is kept in one folder, for all tests.
"""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.dom.minidom
import zipfile
from concurrent import futures

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.path.join(ROOT, "slides", "tools")
sys.path.insert(0, TOOLS)

import check  # noqa: E402
import deck as decks_of  # noqa: E402
import drawing  # noqa: E402
import pages  # noqa: E402
import quote  # noqa: E402
import record  # noqa: E402
import steps  # noqa: E402

TRIES = 3


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


def hear_ctrl_c():
    """In a child: also where the tests run in the background of a shell, which
    has its jobs ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Work:
    folder = None


def setUpModule():
    for tool in ("patat", "pandoc"):
        if not shutil.which(tool):
            raise unittest.SkipTest(f"{tool} is not installed")
    Work.folder = tempfile.mkdtemp()
    unittest.addModuleCleanup(shutil.rmtree, Work.folder, True)
    os.environ["REVEIL_WORK"] = Work.folder


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

    def test_a_live_slide_quotes_the_log_of_its_command(self):
        found = 0
        for deck in decks_of.all_decks():
            for slide in deck.slides:
                runs = [mark[len("run "):] for mark in slide.marks
                        if mark.startswith("run ")]
                logs = [mark.split()[1] for mark in slide.marks
                        if mark.startswith("log ")]
                for name in logs if runs else []:
                    with self.subTest(deck.language, slide=slide.title):
                        self.assertEqual("$ " + runs[0],
                                         self.recorded(name)[0])
                    found += 1
        self.assertGreater(found, 20)

    def recorded(self, name):
        path = os.path.join(quote.SLIDES, "logs", name + ".log")
        return quote.read(path).splitlines()

    def is_as_recorded(self, name):
        """A loaded machine may poll once more, so the set is compared, and
        what differs is run again."""
        wanted = set(record.shape(self.recorded(name)[1:]))
        for _ in range(TRIES):
            found = set(record.shape(record.run(name, Work.folder)))
            if found == wanted:
                break
        self.assertEqual(wanted, found)

    def test_the_logs_are_those_of_the_commands(self):
        for name in record.NAMES:
            self.assertEqual(record.command(name), self.recorded(name)[0])
        # How often the clock ticks in 02 varies, not its lines.
        names = [name for name in record.NAMES if name != "02"]
        with futures.ThreadPoolExecutor(2) as pool:
            runs = {name: pool.submit(self.is_as_recorded, name)
                    for name in names}
        for name, one in runs.items():
            with self.subTest(name):
                try:
                    one.result()
                except record.Elsewhere as error:
                    self.skipTest(str(error))


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

    def test_an_answer_that_is_shown_before_the_question(self):
        for pause, wanted in (("", True), (". . .\n\n", False)):
            deck = deck_of("## A slide {minutes=1}\n\nA question.\n\n" +
                           pause + "The answer.\n\n"
                           "<!-- notes:\nAsk first: how many?\n-->\n")
            self.assertEqual(wanted, "asks first" in
                             "\n".join(check.contents(deck)))

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

    def test_a_table_names_the_lesson_that_it_is_from(self):
        for deck in decks_of.all_decks():
            for slide in deck.slides:
                for part in slide.parts:
                    if getattr(part, "kind", "") == "table":
                        self.assertNotRegex(part.text,
                                            "this lesson|cette leçon")
        self.assertIn("| lesson 02 | lesson 03 |",
                      quote.table(["03"], "en"))
        self.assertIn("| leçon 02 | leçon 03 |", quote.table(["03"], "fr"))

    def test_figures_are_written_as_the_language_writes_them(self):
        self.assertIn("| `ticks` | 1,006 | 10 |", quote.table(["09"], "en"))
        self.assertIn("| `ticks` | 1\u202f006 | 10 |",
                      quote.table(["09"], "fr"))
        self.assertEqual("1\u202f006", quote.figure("09", "ticks", "1", "fr"))
        for text in ("`1006`", "05, 06", "10", "a1006"):
            self.assertEqual(text, quote.grouped(text, "en"))
        self.assertEqual("990–1,120", quote.grouped("990–1 120", "en"))

    def test_the_first_and_the_last_rows_of_a_log(self):
        lines = quote.log(["10"]).splitlines()
        self.assertEqual(["  ...", *lines[-2:]],
                         quote.log(["10", "last", "2"]).splitlines())
        self.assertEqual([lines[0], "  ..."],
                         quote.log(["10", "first", "1"]).splitlines())
        self.assertEqual([lines[0], "  ...", lines[-1]],
                         quote.log(["10", "first", "1", "last", "1"])
                         .splitlines())
        self.assertEqual(lines, quote.log(["10", "first", "9"]).splitlines())

    def test_a_log_without_time_and_thread(self):
        rows = quote.log(["18", "drop", "popped", "only", "text"]).split("\n")
        self.assertEqual(["runtime", "threads"],
                         [row.split()[0] for row in rows[:2]])
        self.assertLessEqual(max(map(len, rows)), 72)
        self.assertEqual(len({len(row) for row in rows}), 1, rows)

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
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        subprocess.run([sys.executable, TOOLS, "build", cls.folder,
                        "--no-pdf"], check=True, stdout=subprocess.DEVNULL)

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


class Pptx(unittest.TestCase):
    def slides_of(self, deck):
        with tempfile.TemporaryDirectory() as box:
            path = os.path.join(box, "deck.pptx")
            pages.pptx(deck, path, teacher=True)
            with zipfile.ZipFile(path) as file:
                names = file.namelist()
                return [file.read(f"ppt/slides/slide{i}.xml").decode()
                        for i in range(2, sum("ppt/slides/slide" in name
                                              for name in names) + 1)], \
                    sum("notesSlides/notes" in name for name in names)

    def test_each_slide_has_a_title_and_each_note_is_there_once(self):
        deck = decks_of.all_decks("en")[9]  # tables with text around them
        found, notes = self.slides_of(deck)
        self.assertGreater(len(found), len(deck.slides))
        for xml in found:
            self.assertIn('<p:ph type="title"', xml)
        self.assertEqual(len(deck.slides), notes)

    def test_a_table_is_cut_out_of_its_text_and_not_out_of_code(self):
        self.assertEqual(["a\n", "| b |\n| - |\n", "c\n"],
                         pages.apart("a\n| b |\n| - |\nc\n"))
        code = "```\n| no |\n```\n"
        self.assertEqual([code], pages.apart(code))

    def test_what_is_long_is_written_smaller(self):
        deck = decks_of.all_decks("en")[0]
        sizes = []
        for lines in (3, 17):
            deck.slides[1].parts = [
                "```\n" + "x\n" * lines + "```\n\n" + "word " * 40 + "`y`"]
            xml = self.slides_of(deck)[0][1]
            text = int(re.search(r'defRPr sz="(\d+)"', xml)[1])
            code = [int(size) for size in re.findall(
                r'<a:r><a:rPr sz="(\d+)"><a:latin typeface="Courier"', xml)]
            self.assertEqual(lines, len(code))  # not the word in the sentence
            sizes.append((text, code[0]))
        self.assertEqual((2400, 2000), sizes[0])
        self.assertLess(sizes[1][0], 2400)

    def test_code_has_lines_of_its_size_and_none_is_wider_than_the_slide(self):
        deck = decks_of.all_decks("en")[0]
        deck.slides[1].parts = ["```\nif (a < b)\n" + "x" * 70 + "\n```\n"]
        xml = self.slides_of(deck)[0][1]
        code = re.search(r'<a:p>(?:(?!</a:p>).)*typeface="Courier".*?</a:p>',
                         xml)[0]  # one line: no newline is left in a text
        self.assertEqual(["if (a &lt; b)", "x" * 70],
                         re.findall("<a:t>(.*?)</a:t>", code))
        sizes = set(re.findall(r'<a:rPr sz="(\d+)"', code))
        self.assertEqual(len(sizes), 1)
        self.assertIn(f'<a:br><a:rPr sz="{min(sizes)}">', code)
        self.assertLessEqual(70 * .6 * int(min(sizes)) / 100, pages.BODY_WIDE)


class Stopped(unittest.TestCase):
    def test_ctrl_c_ends_the_build_and_what_it_has_started(self):
        with tempfile.TemporaryDirectory() as folder:
            build = subprocess.Popen(
                [sys.executable, TOOLS, "build", folder, "--no-pdf"],
                start_new_session=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c,
                env={**os.environ, "REVEIL_WORK": os.path.join(folder, "w")})
            # Until the first step page is under way.
            while build.poll() is None and not os.path.isdir(
                    os.path.join(folder, "w", ".build")):
                time.sleep(0.05)
            os.killpg(build.pid, signal.SIGINT)
            errors = build.communicate(timeout=record.HANG_S)[1]
            self.assertEqual(-signal.SIGINT, build.returncode)
            self.assertNotIn("Traceback", errors)


class StepPages(unittest.TestCase):
    TEXT = "calls wake()"

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.kept = os.path.join(Work.folder, ".build", "solution-steps")

    def page(self):
        return quote.read(os.path.join(self.folder, "06.html"))

    def test_a_run_is_recorded_once(self):
        numbers = steps.make("06", [self.TEXT], self.folder)
        first = self.page()
        self.assertEqual(numbers, steps.make("06", [self.TEXT], self.folder))
        # The times of a second run would be others.
        self.assertEqual(first, self.page())

    def test_what_is_kept_is_that_of_this_state_of_the_tree(self):
        steps.make("06", [self.TEXT], self.folder)
        names = [name for name in os.listdir(self.kept)
                 if name.startswith("06-")]
        self.assertEqual(1, len(names))
        os.rename(os.path.join(self.kept, names[0]),
                  os.path.join(self.kept, "06-" + "0" * 16 + ".json"))
        steps.make("06", [self.TEXT], self.folder)
        self.assertEqual(names, [name for name in os.listdir(self.kept)
                                 if name.startswith("06-")])

    def test_half_a_file_is_no_recording(self):
        steps.make("06", [self.TEXT], self.folder)
        for name in os.listdir(self.kept):
            if name.startswith("06-"):
                with open(os.path.join(self.kept, name), "w",
                          encoding="ascii") as file:
                    file.write('{"page": "')
        steps.make("06", [self.TEXT], self.folder)
        self.assertIn("</html>", self.page())

    def test_the_number_is_that_of_the_step(self):
        numbers = steps.make("06", [self.TEXT], self.folder)
        name = next(name for name in os.listdir(self.kept)
                    if name.startswith("06-"))
        with open(os.path.join(self.kept, name), encoding="utf-8") as file:
            texts = json.load(file)["steps"]
        number = numbers["06", self.TEXT]
        self.assertIn(self.TEXT, texts[number - 1])
        self.assertFalse([text for text in texts[:number - 1]
                          if self.TEXT in text])

    def test_without_a_page_the_slide_names_the_command(self):
        deck = slide_of('@step 06 "calls wake()"')
        self.assertIn("../step/06.html#s=7", pages.deck_page(
            deck, False, {("06", self.TEXT): 7}))
        text = pages.deck_page(deck, False, {})
        self.assertNotIn("../step/", text)
        self.assertIn("./reveil lesson step 06 --solution", text)

    def test_a_step_that_no_run_has(self):
        with self.assertRaisesRegex(steps.Failed, "'nonsense'"):
            steps.make("06", ["nonsense"], self.folder)


def is_running(pid):
    """Whether this process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Screen:
    """./reveil on a terminal of its own, which is its controlling one."""

    def __init__(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            hear_ctrl_c()
            os.execve(os.path.join(ROOT, "reveil"), ["reveil", *words],
                      {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        self.text = ""

    def read_until(self, text):
        """All that was shown; text None: until its end."""
        until = time.monotonic() + record.HANG_S
        while text is None or text not in self.text:
            if not select.select([self.fd], [], [],
                                 until - time.monotonic())[0]:
                raise TimeoutError(self.text)
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                data = b""  # of a terminal, the end is EIO
            if not data:
                if text is None:
                    return self.text
                raise EOFError(self.text)
            self.text += data.decode("utf-8", "replace")
        return self.text

    def type(self, keys):
        os.write(self.fd, keys)

    def end(self):
        self.read_until(None)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class TheDemo(unittest.TestCase):
    RUN = "[a key: run it"
    GO_ON = "[a key: go on"

    def run_it(self, *words, **more):
        return subprocess.run(
            [os.path.join(ROOT, "reveil"), "demo", *words], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, **more)

    def test_without_a_terminal_it_runs_through(self):
        done = self.run_it("--slides", "0b", "--lang=en")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        lines = done.stdout.splitlines()
        command = next(line for line in lines if line.startswith("$ cc "))
        after = lines[lines.index(command) + 1:]
        self.assertEqual(quote.log(["ground-2"]).splitlines(), after[:3])

    def test_each_live_slide_of_each_deck_is_shown(self):
        for deck in decks_of.all_decks():
            live = [slide for slide in deck.slides if "live" in slide.kinds]
            done = self.run_it("--recorded", f"--slides={deck.number}",
                               "--lang", deck.language)
            with self.subTest(deck.path):
                self.assertEqual(0, done.returncode)
                self.assertNotIn("Traceback", done.stderr)
                for slide in live:
                    self.assertTrue(slide.commands)
                    self.assertIn(slide.title, done.stdout)
                    for command in slide.commands:
                        self.assertIn("$ " + command, done.stdout)
                    self.assertNotIn(" ".join(slide.notes.split()[:8]),
                                     " ".join(done.stdout.split()))

    def test_it_speaks_the_language_of_the_slides(self):
        done = self.run_it("--slides", "2", "--lang", "fr")
        self.assertEqual(0, done.returncode)
        self.assertIn("mesuré", done.stdout)

    def test_a_command_that_fails_has_its_recording(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "cc"), "w",
                      encoding="ascii") as file:
                # The script asks cc for a header before anything. Without this
                # folder in PATH: ccache, as cc, looks for the next cc in it.
                file.write('#!/bin/sh\ncase "$*" in *demo*) exit 7;; esac\n'
                           'PATH=${PATH#*:}\nexec cc "$@"\n')
            os.chmod(file.name, 0o755)
            done = self.run_it("--slides", "0b", "--lang=en", env={
                **os.environ, "PATH": folder + ":" + os.environ["PATH"]})
        self.assertEqual(1, done.returncode)
        self.assertIn("status 7", done.stderr)
        for line in quote.log(["ground-2"]).splitlines():
            self.assertIn(line, done.stdout)

    def test_wrong_arguments(self):
        for words in (["--slides"], ["--slides", "77"], ["--slides="],
                      ["--slides", "1", "2"], ["--slides", "1", "--step"],
                      ["--slides", "../1"]):
            with self.subTest(words):
                done = self.run_it(*words)
                self.assertEqual((2, ""), (done.returncode, done.stdout))
                self.assertNotIn("Traceback", done.stderr)

    def test_help_is_in_both_languages(self):
        self.assertIn("usage: ./reveil demo --slides N",
                      self.run_it("--slides", "--help", "--lang=en").stdout)
        self.assertIn("présentation N",
                      self.run_it("--slides", "--help", "--lang=fr").stdout)

    def test_a_command_waits_for_a_key(self):
        screen = Screen("demo", "--slides", "0b", "--lang=en")
        shown = screen.read_until(self.RUN)
        self.assertIn("$ cc ", shown)
        self.assertNotIn("read: 5", shown)
        screen.type(b" ")
        shown = screen.read_until(self.GO_ON)
        self.assertIn("read: 5", shown)
        screen.type(b"\r")
        self.assertEqual(0, screen.end())

    def test_q_ends_it(self):
        screen = Screen("demo", "--slides", "1", "--lang=en")
        screen.read_until(self.RUN)
        screen.type(b"q")
        self.assertEqual(0, screen.end())
        self.assertNotIn(" ms  main", screen.text)

    def test_a_key_before_the_pause_is_not_lost(self):
        screen = Screen("demo", "--slides", "1", "--lang=en")
        screen.type(b"q")
        self.assertEqual(0, screen.end())
        self.assertNotIn(" ms  main", screen.text)

    def test_ctrl_c_at_a_pause(self):
        screen = Screen("demo", "--slides", "1", "--lang=en")
        screen.read_until(self.RUN)
        screen.type(b"\x03")
        self.assertEqual(-signal.SIGINT, screen.end())
        self.assertNotIn("Traceback", screen.text)

    def test_ctrl_c_ends_the_command_too(self):
        screen = Screen("demo", "--slides", "2", "--lang=en")
        screen.read_until(self.RUN)
        screen.type(b" ")
        screen.read_until("GET 3:")
        screen.type(b"\x03")
        self.assertEqual(-signal.SIGINT, screen.end())
        self.assertNotIn("Traceback", screen.text)
        self.assertNotIn("recording", screen.text)

    def test_ctrl_c_leaves_no_process(self):
        """Nor does it end the command by the terminal: it is passed on."""
        demo = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv[1])"
             "; import live; live.run('sleep 1000 & echo $!; wait')", TOOLS],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            preexec_fn=hear_ctrl_c)
        sleeper = int(demo.stdout.readline())
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=record.HANG_S)
        self.assertNotEqual(0, demo.returncode)
        until = time.monotonic() + record.HANG_S
        while is_running(sleeper):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)


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
        self.assertEqual(2, self.run_it("build", "").returncode)

    def test_a_folder_that_cannot_be_written(self):
        with tempfile.NamedTemporaryFile() as file:
            for folder in (file.name, "/proc/slides"):
                done = self.run_it("build", folder, "--no-pdf")
                self.assertEqual(1, done.returncode)
                self.assertIn(f"slides: cannot write into {folder}: ",
                              done.stderr)
                self.assertEqual(1, len(done.stderr.splitlines()))

    def test_help_is_in_both_languages(self):
        self.assertIn("usage: ./reveil slides",
                      self.run_it("--help", "--lang=en").stdout)
        self.assertIn("diapositives",
                      self.run_it("--help", "--lang=fr").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
