#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the room: what a check leaves in REVEIL_CLASS, and what `lesson
class` shows of a folder into which everybody may write."""
import html.parser
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COURSE = os.path.join(ROOT, "course")
sys.path.insert(0, COURSE)

import lessons  # noqa: E402
import room  # noqa: E402
from context import Context  # noqa: E402

SECONDS = 120
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}
LOST = {"passed": False, "cause": "LOST WAKE", "kind": "order of the two",
        "attempts": 3, "evidence": {"en": "secret code"}}
PASSED = {"passed": True, "attempts": 1}


class Case(unittest.TestCase):
    def setUp(self):
        box = tempfile.TemporaryDirectory()
        self.addCleanup(box.cleanup)
        self.box = box.name
        self.folder = os.path.join(box.name, "room")
        os.mkdir(self.folder)

    def check(self, name, verdict, number="05"):
        """What a check of this student leaves."""
        room.report(Context(), lessons.find(number), verdict,
                    {"REVEIL_CLASS": self.folder, "REVEIL_NAME": name})

    def put(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes)
                       else content.encode())
        return path

    def show(self, *words, status=0):
        result = subprocess.run(
            [sys.executable, COURSE, "class", *words], capture_output=True,
            text=True, env=ENVIRONMENT, timeout=SECONDS,
            stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, status, result)
        return result.stdout

    def two_students(self):
        self.check("Ada", LOST)
        self.check("Bob", PASSED, "06")


class Reports(Case):
    def test_a_file_has_no_code(self):
        self.check("Ada", LOST)
        (name,) = os.listdir(self.folder)
        self.assertEqual(name, "Ada.reveil")
        path = os.path.join(self.folder, name)
        row = json.loads(lessons.read(path))
        self.assertEqual(sorted(row), ["at", "attempts", "cause", "kind",
                                       "lesson", "name", "passed"])
        self.assertNotIn("secret", lessons.read(path))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)

    def test_only_who_wants_to_takes_part(self):
        room.report(Context(), lessons.find("05"), LOST,
                    {"REVEIL_NAME": "Ada"})
        self.assertEqual(os.listdir(self.folder), [])

    def test_names_stay_in_the_folder(self):
        for name in ("../../etc/x", "/etc/x", "a/b", "..", ".", "", "\0",
                     "-rf", "a\nb", "x" * 300, "\u202eevil", "é" * 200):
            with self.subTest(name=name):
                for old in os.listdir(self.folder):
                    os.unlink(os.path.join(self.folder, old))
                self.check(name, PASSED)
                (left,) = os.listdir(self.folder)
                self.assertRegex(left, r"^[\w][\w .-]*\.reveil$|^-rf\.reveil$|^_")
                self.assertEqual(os.listdir(self.box), ["room"])

    def test_a_link_that_lies_in_wait_leads_nowhere(self):
        mine = os.path.join(self.box, "mine")
        with open(mine, "w", encoding="utf-8") as file:
            file.write("mine")
        os.symlink(mine, os.path.join(self.folder, "Ada.reveil"))
        os.symlink(mine, os.path.join(self.folder,
                                      f"Ada.reveil.{os.getpid()}~"))
        self.check("Ada", PASSED)
        self.assertEqual(lessons.read(mine), "mine")
        self.assertFalse(os.path.islink(os.path.join(self.folder,
                                                     "Ada.reveil")))

    def test_a_folder_that_cannot_be_written_fails_no_check(self):
        os.rmdir(self.folder)
        with unittest.mock.patch("sys.stderr", io.StringIO()) as said:
            self.check("Ada", PASSED)
        self.assertIn(self.folder, said.getvalue())

    def test_a_later_check_replaces_the_file(self):
        self.check("Ada", LOST)
        self.check("Ada", PASSED)
        self.assertEqual(os.listdir(self.folder), ["Ada.reveil"])
        self.assertTrue(room.read_room(self.folder)[0]["passed"])


class Shown(Case):
    def test_two_students_and_a_broken_file(self):
        self.two_students()
        self.put("broken.reveil", '{"name": "Eve", "lesson": "05", "pas')
        said = self.show(self.folder)
        self.assertIn("2 students", said)
        self.assertRegex(said, r"Ada.*05.*LOST WAKE \(order of the two\)")
        self.assertRegex(said, r"Bob.*06.*passed")
        self.assertIn("lesson 05", said)
        self.assertNotIn("Eve", said)
        self.assertIn("étudiants", self.show(self.folder, "--lang=fr"))

    def test_plain_is_sentences(self):
        self.two_students()
        said = self.show(self.folder, "--plain")
        self.assertRegex(said, r"(?m)^Ada, lesson 05: LOST WAKE .*, at "
                               r"\d\d:\d\d\.$")

    def test_the_projector_shows_no_name(self):
        self.two_students()
        page = os.path.join(self.box, "class.html")
        for words in ((), ("--json",), ("--plain",), ("--lang=fr",)):
            said = self.show(self.folder, "--projector", "--html", page,
                             *words)
            self.assertIn("LOST WAKE" if "--lang=fr" not in words
                          else "05", said)
            for text in (said, lessons.read(page)):
                self.assertNotRegex(text, "Ada|Bob")
        self.assertIn("LOST WAKE", self.show(self.folder, "--projector"))

    def test_json(self):
        self.two_students()
        rows = json.loads(self.show(self.folder, "--json"))
        self.assertEqual([(row["name"], row["lesson"], row["passed"],
                           row["cause"], row["attempts"]) for row in rows],
                         [("Ada", "05", False, "LOST WAKE", 3),
                          ("Bob", "06", True, None, 1)])

    def test_html(self):
        self.two_students()
        page = os.path.join(self.box, "class.html")
        self.assertIn(page, self.show(self.folder, "--html", page))
        text = lessons.read(page)
        self.assertIn("Ada", text)
        self.assertNotIn("refresh", text)
        self.assertNotIn("<script", text)
        parser = html.parser.HTMLParser()
        parser.feed(text)
        self.assertEqual(sorted(os.listdir(self.box)), ["class.html", "room"])

    def test_an_empty_room_says_how_to_begin(self):
        self.assertIn("REVEIL_CLASS", self.show(self.folder))
        self.assertEqual(json.loads(self.show(self.folder, "--json")), [])

    def test_a_folder_that_is_not_there(self):
        self.show(os.path.join(self.box, "nothing"), status=2)
        self.show(status=2)


class Hostile(Case):
    """Nothing that lies in the folder stops the command, or gets through."""

    def row(self, **changed):
        return json.dumps({"name": "Eve", "lesson": "05", "passed": False,
                           "cause": "LOST WAKE", "kind": None, "attempts": 1,
                           "at": 1700000000, **changed})

    def everywhere(self):
        page = os.path.join(self.box, "page.html")
        said = self.show(self.folder, "--html", page)
        return said + self.show(self.folder, "--json") + lessons.read(page)

    def test_files_that_are_none(self):
        outside = os.path.join(self.box, "outside")
        with open(outside, "w", encoding="utf-8") as file:
            file.write(self.row(name="Outside"))
        for i, content in enumerate((
                b"", b"\xff\xfe", b"\0" * 100, b"[" * 4000, b"{" * 4000,
                b"1e999999", b"null", b"[]", b'"x"', b'{"a":' * 600,
                self.row(lesson="99"), self.row(lesson=5),
                self.row(lesson="../05"), self.row(passed=1),
                self.row(at="now"), self.row(name=["Eve"]),
                self.row(name=""), self.row(name="\x1b\x07"),
                self.row(name="Eve" + " " * 5000), b"9" * 4096)):
            self.put(f"{i}.reveil", content)
        os.symlink(outside, os.path.join(self.folder, "link.reveil"))
        os.symlink("/dev/zero", os.path.join(self.folder, "zero.reveil"))
        os.symlink("gone", os.path.join(self.folder, "gone.reveil"))
        os.mkfifo(os.path.join(self.folder, "pipe.reveil"))
        os.mkdir(os.path.join(self.folder, "folder.reveil"))
        self.put("Good.txt", self.row(name="Text"))
        self.check("Ada", LOST)
        said = self.everywhere()
        self.assertIn("1 student", said)
        self.assertNotRegex(said, "Eve|Outside|Text")

    def test_fields_that_are_wrong_are_left_out(self):
        for i, changed in enumerate((
                {"cause": 5}, {"cause": ["LOST WAKE"]}, {"cause": {"a": 1}},
                {"kind": 5}, {"kind": ["x"]}, {"kind": "my own words"},
                {"cause": "my own words"}, {"attempts": "x"},
                {"attempts": -1}, {"attempts": True}, {"at": 10 ** 300},
                {"at": -5}, {"cause": None}, {"more": "my own words"})):
            self.put(f"{i}.reveil", self.row(name=f"Eve{i}", **changed))
        said = self.everywhere()
        for i in range(14):
            self.assertIn(f"Eve{i}", said)
        self.assertNotIn("my own words", said)

    def test_no_control_characters_and_no_html(self):
        self.put("a.reveil", self.row(
            name="Eve\x1b[2J\x1b]0;x\x07\u202e\n<script>alert(1)</script>"))
        self.put("b\x1b[2J\n.reveil", self.row(name="Other"))
        said = self.everywhere()
        self.assertNotRegex(said, "[\x00-\x09\x0b-\x1f\u202e]")
        page = lessons.read(os.path.join(self.box, "page.html"))
        self.assertNotIn("<script", page)
        self.assertIn("Eve[2J", said)

    def test_lone_surrogates(self):
        self.put("a.reveil", '{"name":"Eve\\ud800","lesson":"05",'
                 '"passed":true,"at":1}')
        self.assertIn("Eve", self.everywhere())

    def test_very_many_files(self):
        for i in range(room.MAX_STUDENTS + 5):
            self.put(f"{i}.reveil", self.row(name=f"Eve{i}"))
        self.assertEqual(len(room.read_room(self.folder)), room.MAX_STUDENTS)

    def test_a_folder_that_goes(self):
        self.assertEqual(room.read_room(os.path.join(self.box, "gone")), [])


class Live(Case):
    def test_it_follows_the_folder(self):
        page = os.path.join(self.box, "class.html")
        self.check("Ada", LOST)
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(ENVIRONMENT, TERM="xterm", COLUMNS="80",
                              LINES="24")
            os.execv(sys.executable, [sys.executable, COURSE, "class",
                                      self.folder, "--html", page])
        screen = ""

        def wait_for(pattern):
            nonlocal screen
            end = time.monotonic() + SECONDS
            while not re.search(pattern, screen):
                self.assertLess(time.monotonic(), end, screen[-2000:])
                if select.select([terminal], [], [], 1)[0]:
                    screen += os.read(terminal, 65536).decode(
                        errors="replace")
        try:
            wait_for(r"Ada +05 +LOST WAKE")
            self.check("Bob", PASSED, "06")
            wait_for(r"Bob +06 +passed")
            self.put("broken.reveil", "{")
            self.check("Ada", PASSED)
            wait_for(r"Ada +05 +passed")
            self.assertIn("refresh", lessons.read(page))
            # Enough students for several screens: the last line says so.
            for i in range(40):
                self.check(f"Student {i}", LOST)
            wait_for(r"and \d+ more lines")
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)


if __name__ == "__main__":
    unittest.main()
