#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is made of a trace: the page's text, the plain list, Perfetto's JSON."""
import io
import json
import os
import re
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from samples import NAMES, TRACES, sample, trace_of  # noqa: E402

import page  # noqa: E402
import perfetto  # noqa: E402
import plain  # noqa: E402
import squeeze  # noqa: E402
import template  # noqa: E402

MOST = 150_000  # bytes of a page


class Page(unittest.TestCase):
    def test_the_place_of_the_traces_is_all_that_varies(self):
        for name in NAMES:
            text = page.render([sample(name)], "fr")
            kinds = frozenset(event[2] for event in sample(name)["events"])
            before, after = template.template(kinds).split(template.PLACE)
            self.assertTrue(text.startswith(before) and text.endswith(after))

    def test_only_sentences_of_other_events_are_left_out(self):
        every = template.words_of(None)
        some = template.words_of(frozenset(["poll", "recv"]))
        self.assertEqual({**every, "say": {}}, {**some, "say": {}})
        self.assertLess({"poll", "recv.end", "unknown"}, set(some["say"]))
        self.assertNotIn("unpark.asleep", some["say"])
        for key, text in some["say"].items():
            self.assertEqual(text, every["say"][key])

    def test_small_enough(self):
        for name in NAMES:
            size = len(page.render([sample(name)]).encode())
            self.assertLess(size, MOST, name)
        two = page.render([sample("busy-02"), sample("right-06")])
        self.assertLess(len(two.encode()), MOST)

    def test_nothing_asks_the_network(self):
        text = template.template()
        for word in ("http:", "https:", "//www", " src=", "url(http",
                     "@import", "fetch(", "XMLHttpRequest", "WebSocket",
                     "EventSource", "sendBeacon", "import("):
            self.assertNotIn(word, text)
        self.assertIn("default-src 'none'", text)

    def test_a_source_cannot_end_the_script(self):
        trace = trace_of((1, "spawn", 0), files={
            "lesson.c": "/* </script><script>alert(1)</script><!-- \u2028 */"})
        text = page.render([trace])
        self.assertEqual(text.count("</script>"),
                         template.template().count("</script>"))
        data = re.search(r'id="traces">(.*?)</script>', text, re.S).group(1)
        self.assertEqual(json.loads(data)["traces"][0]["files"],
                         trace["files"])

    def test_squeezing_keeps_strings_and_templates(self):
        text = 'const a = "x  // y";  // note\nreturn `p  ${b + "}"}  q` ' \
            '/ 2;\nlet c = d.match(/a  "b/g), e = 1 - -2;\n'
        self.assertEqual(
            squeeze.script(text),
            'const a="x  // y";return`p  ${b + "}"}  q`/2;'
            'let c=d.match(/a  "b/g),e=1- -2;\n')

    def test_squeezing_keeps_the_breaks_that_may_end_a_statement(self):
        self.assertEqual(squeeze.script("f()\nreturn\n(g)\n"),
                         "f()\nreturn\n(g)\n")

    def test_command(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "page.html")
            paths = [os.path.join(TRACES, name + ".json")
                     for name in ("lost-06", "right-06")]
            self.assertEqual(page.main([*paths, "-o", out, "--lang", "fr"]), 0)
            with open(out, encoding="utf-8") as file:
                self.assertIn('{"lang":"fr","traces":[', file.read())

    def test_command_refuses_what_is_no_trace(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "page.html")
            bad = os.path.join(folder, "bad.json")
            for text in ("", "{}", "[]", '{"format": "other"}',
                         '{"format": "reveil-trace-1", "threads": []}',
                         '{"format": "reveil-trace-1", "threads": [1],'
                         ' "events": [[1]]}'):
                with open(bad, "w", encoding="utf-8") as file:
                    file.write(text)
                errors = io.StringIO()
                with redirect_stderr(errors):
                    self.assertEqual(page.main([bad, "-o", out]), 1, text)
                self.assertTrue(errors.getvalue().startswith("page: "))
            errors = io.StringIO()
            with redirect_stderr(errors):
                self.assertEqual(page.main([folder, "-o", out]), 1)
                good = os.path.join(TRACES, "lost-06.json")
                self.assertEqual(page.main([good, "-o", folder]), 1)


class Colours(unittest.TestCase):
    TEXT = [("ink", "page"), ("ink", "panel"), ("soft", "page"),
            ("soft", "panel"), ("ink", "hot"), ("ink", "bad-soft"),
            ("bad", "bad-soft"), ("bad", "page"), ("on-bad", "bad"),
            ("on-ready", "ready"), ("on-run", "run"), ("run", "panel"),
            ("run", "page"), ("sleep", "panel"), ("sleep", "sleep-soft"),
            ("data", "data-soft"), ("soft", "hot"), ("ink", "ready-soft")]
    SHAPES = [("edge", "page"), ("edge", "panel"), ("wait", "page"),
              ("ready", "page"), ("cursor", "page"), ("focus", "page"),
              ("focus", "panel"), ("data", "panel")]

    @staticmethod
    def contrast(one, two):
        def light(colour):
            if len(colour) == 4:
                colour = "#" + "".join(c * 2 for c in colour[1:])
            parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
            parts = [c / 12.92 if c <= .04045 else ((c + .055) / 1.055) ** 2.4
                     for c in parts]
            return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2]
        low, high = sorted((light(one), light(two)))
        return (high + .05) / (low + .05)

    def test_contrast(self):
        style = template.part("style.css")
        blocks = re.findall(r":root\{([^}]*)\}", style)
        self.assertGreaterEqual(len(blocks), 3)
        light = {}
        for block in blocks[:3]:  # light, dark, paper
            colours = dict(re.findall(r"--([\w-]+):(#\w+)", block))
            light = light or colours
            colours = {**light, **colours}
            for pairs, least in ((self.TEXT, 4.5), (self.SHAPES, 3)):
                for front, back in pairs:
                    self.assertGreaterEqual(
                        self.contrast(colours[front], colours[back]), least,
                        f"{front} on {back} in {block[:30]}")


class Plain(unittest.TestCase):
    def test_every_step_is_numbered_and_fits(self):
        for name in ("right-06", "lost-06", "busy-02", "library"):
            trace = sample(name)
            for lang in ("en", "fr"):
                lines = plain.lines(trace, lang)
                numbers = [int(m.group(1)) for m in
                           (re.match(r" *(\d+)\. ", line) for line in lines)
                           if m]
                self.assertEqual(numbers,
                                 list(range(1, len(trace["events"]) + 1)))
                self.assertLessEqual(max(map(len, lines)), 79)
                self.assertNotIn("\033", "".join(lines))

    def test_the_verdict_stands_first_and_at_its_step(self):
        text = "\n".join(plain.lines(sample("lost-06"), "fr"))
        self.assertIn("RÉVEIL PERDU", text.splitlines()[1])
        self.assertIn("*** À partir de cette étape", text)

    def test_a_cause_is_named_in_both_languages(self):
        trace = trace_of((1, "park"), verdict={
            "cause": "LOST WAKE", "kind": "nothing registered", "step": 1,
            "why": {"en": "Why.", "fr": "Pourquoi."}})
        self.assertIn("RÉVEIL PERDU", "\n".join(plain.lines(trace, "fr")))
        self.assertIn("LOST WAKE", "\n".join(plain.lines(trace, "en")))
        self.assertIn("RÉVEIL PERDU", page.render([trace]))

    def test_command(self):
        out = io.StringIO()
        with redirect_stdout(out):
            status = plain.main([os.path.join(TRACES, "lost-06.json"),
                                 "--from", "38", "--to", "39"])
        self.assertEqual(status, 0)
        self.assertIn("\n38. 120.3 ms", out.getvalue())
        self.assertNotIn("\n40. ", out.getvalue())


class Perfetto(unittest.TestCase):
    def test_it_is_a_chrome_trace(self):
        for name in NAMES:
            data = json.loads(perfetto.convert(sample(name), "fr"))
            rows = data["traceEvents"]
            threads = {row["tid"] for row in rows
                       if row["name"] == "thread_name"}
            self.assertEqual(threads, {t["id"] for t in
                                       sample(name)["threads"]})
            for row in rows:
                self.assertLessEqual({"ph", "pid", "name"}, set(row))
                if row["ph"] == "X":
                    self.assertGreaterEqual(row["dur"], 0)

    def test_slices_of_a_thread_do_not_overlap(self):
        rows = json.loads(perfetto.convert(sample("right-06")))["traceEvents"]
        for thread in (1, 2):
            end = 0
            for row in sorted((r for r in rows if r["ph"] == "X" and
                               r["tid"] == thread), key=lambda r: r["ts"]):
                self.assertGreaterEqual(row["ts"], end - 1e-6)
                end = row["ts"] + row["dur"]

    def test_each_arrow_ends_once(self):
        rows = json.loads(perfetto.convert(sample("right-06")))["traceEvents"]
        starts = [row["id"] for row in rows if row["ph"] == "s"]
        ends = [row["id"] for row in rows if row["ph"] == "f"]
        self.assertEqual(len(ends), len(set(ends)))
        self.assertLessEqual(set(ends), set(starts))
        self.assertEqual(sum(row["ph"] == "f" and row["name"] == "unpark"
                             for row in rows), 2)


if __name__ == "__main__":
    unittest.main()
