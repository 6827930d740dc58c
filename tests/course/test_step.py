#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The step page without a browser: state, sentences, folding, plain, Perfetto.

The page itself runs in tests/course/browser/test_page.py. Where node is
installed, the JavaScript of the state and of the sentences is compared with
the Python here already.
"""
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout

HERE = os.path.dirname(os.path.abspath(__file__))
STEP = os.path.join(HERE, "..", "..", "course", "step")
TRACES = os.path.join(HERE, "traces")
sys.path[:0] = [os.path.abspath(STEP), TRACES]

import events  # noqa: E402
import fold  # noqa: E402
import make  # noqa: E402
import pack  # noqa: E402
import page  # noqa: E402
import perfetto  # noqa: E402
import plain  # noqa: E402
import sentences  # noqa: E402
import state  # noqa: E402
import template  # noqa: E402
import words  # noqa: E402

KINDS = """thread-start thread-end spawn push pop poll ready pending wake
    wake-again unpark park permit awake register deregister set-waker
    epoll-wait epoll-done event connect send recv would-block read write sleep
    block tick log drop timer job-queued job-start job-done submit complete
    steal switch chan-send chan-recv chan-wait answer end""".split()
NAMES = sorted(make.SCENARIOS)
MOST = 150_000  # bytes of a page


def sample(name):
    return page.read(os.path.join(TRACES, name + ".json"))


def trace_of(*steps, threads=None, **more):
    """A trace of (thread, kind, task, source, value, times) tuples."""
    listed = []
    for ns, step in enumerate(steps):
        thread, kind, task, source, value, times = \
            tuple(step) + (-1, -1, 0, 1)[len(step) - 2:]
        listed.append([ns * 1000, thread, kind, task, source, value, 0, times])
    return {"format": page.FORMAT, "title": {"en": "T", "fr": "T"},
            "program": "test", "threads": threads or [
                {"id": 1, "name": "main", "role": "executor"},
                {"id": 2, "name": "reactor", "role": "reactor"}],
            "events": listed, **more}


def last_state(trace):
    for _, after in state.states(trace):
        pass
    return after


class Samples(unittest.TestCase):
    def test_files_are_what_the_generator_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            make.write(folder)
            for name in NAMES:
                with open(os.path.join(folder, name + ".json")) as file:
                    fresh = file.read()
                with open(os.path.join(TRACES, name + ".json")) as file:
                    self.assertEqual(file.read(), fresh, name)

    def test_the_right_run_finishes_everything(self):
        after = last_state(sample("right-06"))
        self.assertEqual({t["does"] for t in after["tasks"].values()},
                         {"done"})
        self.assertEqual(after["queues"], {"1": []})
        self.assertEqual(after["figures"]["polls"], 4)
        self.assertEqual(after["figures"]["parks"], 2)

    def test_the_lost_wake_is_queued_and_nobody_unparks(self):
        trace = sample("lost-06")
        for number, (_, after) in enumerate(state.states(trace), 1):
            if number >= trace["verdict"]["step"]:
                self.assertIn(1, after["queues"]["1"])
                self.assertEqual(after["threads"]["1"]["in"], "park")
                self.assertFalse(after["threads"]["1"]["permit"])

    def test_half_a_million_polls_are_counted(self):
        figures = last_state(sample("busy-02"))["figures"]
        self.assertGreater(figures["polls"], 500_000)

    def test_a_hundred_tasks(self):
        after = last_state(sample("hundred-06"))
        self.assertEqual(len(after["tasks"]), 100)


class State(unittest.TestCase):
    def test_the_queue_keeps_its_order(self):
        after = last_state(trace_of(
            (1, "push", 0), (1, "push", 1), (1, "push", 2), (1, "pop", 0)))
        self.assertEqual(after["queues"]["1"], [1, 2])

    def test_a_permit_is_left_and_taken(self):
        trace = trace_of((2, "unpark", -1, -1, 1), (1, "permit"))
        permits = [after["threads"]["1"]["permit"]
                   for _, after in state.states(trace)]
        self.assertEqual(permits, [True, False])

    def test_an_unpark_without_a_target_is_for_the_executor(self):
        after = last_state(trace_of((1, "park"), (2, "unpark")))
        self.assertTrue(after["threads"]["1"]["permit"])

    def test_who_sleeps_has_no_permit(self):
        after = last_state(trace_of((2, "unpark", -1, -1, 1), (1, "park")))
        self.assertEqual(after["threads"]["1"]["in"], "park")
        self.assertFalse(after["threads"]["1"]["permit"])

    def test_a_leaf_that_is_pending_does_not_end_its_task(self):
        steps = [(1, "poll", 0), (1, "poll", -1), (1, "pending", -1)]
        after = last_state(trace_of(*steps))
        self.assertEqual(after["tasks"]["0"]["does"], "running")
        after = last_state(trace_of(*steps, (1, "pending", 0)))
        self.assertEqual(after["tasks"]["0"]["does"], "waiting")

    def test_a_wake_during_the_poll_makes_the_task_ready(self):
        after = last_state(trace_of((1, "poll", 0), (2, "push", 0, -1, 1),
                                    (1, "pending", 0)))
        self.assertEqual(after["tasks"]["0"]["does"], "ready")

    def test_the_answer_of_the_server_is_no_thread(self):
        after = last_state(trace_of((1, "register", -1, 1, 5),
                                    (0, "answer", -1, 1)))
        self.assertEqual(sorted(after["threads"]), ["1", "2"])
        self.assertEqual(after["epoll"]["1"]["data"], "arrived")

    def test_a_reactor_sleeps_before_its_first_event(self):
        machine = state.Machine(trace_of((1, "spawn", 0),
                                         (2, "epoll-done", -1, -1, 1)))
        self.assertEqual(machine.state["threads"]["2"]["in"], "epoll_wait")

    def test_a_thread_that_starts_later_is_not_there_before(self):
        machine = state.Machine(trace_of((1, "spawn", 0), (2, "thread-start")))
        self.assertEqual(machine.state["threads"]["2"]["does"], "none")

    def test_stealing_moves_the_task(self):
        workers = [{"id": n, "name": f"w{n}", "role": "worker"}
                   for n in (1, 2)]
        after = last_state(trace_of((1, "push", 7, -1, 1),
                                    (2, "steal", 7, -1, 1), threads=workers))
        self.assertEqual(after["queues"], {"1": [], "2": [7]})

    def test_a_channel_holds_and_lets_wait(self):
        after = last_state(trace_of((1, "chan-wait", 3, 9),
                                    (1, "chan-send", 4, 9, 0, 5)))
        self.assertEqual(after["channels"]["9"], {"held": 5, "waits": [3]})

    def test_an_unknown_kind_changes_nothing(self):
        for kind in ("new-kind", "step", "init", "constructor"):
            after = last_state(trace_of((1, kind)))
            self.assertEqual(after["threads"]["1"]["does"], "runs")


class Sentences(unittest.TestCase):
    def test_every_kind_has_a_sentence(self):
        self.assertLessEqual(set(KINDS), set(words.load()["say"]))

    def test_both_languages_have_every_text_and_its_placeholders(self):
        def walk(table, path):
            if "en" in table or "fr" in table:
                self.assertLessEqual({"en", "fr"}, set(table), path)
                holes = [sorted(m.group(1).lower() for m in
                                words.HOLE.finditer(table[lang]))
                         for lang in ("en", "fr")]
                self.assertEqual(set(holes[0]), set(holes[1]), path)
                self.assertTrue(table["en"] and table["fr"], path)
                return
            for key, value in table.items():
                if isinstance(value, dict):
                    walk(value, path + "." + key)
        walk(words.load(), "")

    def test_french_has_no_breaking_blank_before_a_sign(self):
        text = json.dumps(words.load(), ensure_ascii=False)
        self.assertNotRegex(text.replace('": ', '"'), r"\w [;!?»]")

    def test_every_step_of_every_sample_says_something(self):
        for name in NAMES:
            for lang in ("en", "fr"):
                for _, text, _ in sentences.sentences(sample(name), lang):
                    self.assertNotRegex(text, r"[{}]|\bNone\b", name)
                    self.assertRegex(text, r"^[A-ZÀÉ(]|^epoll_wait", name)

    def test_what_the_lost_wake_says(self):
        trace = sample("lost-06")
        said = [text for _, text, _ in sentences.sentences(trace, "en")]
        self.assertIn("only unpark() can wake it",
                      said[trace["verdict"]["step"] - 1])

    def test_a_folded_step_says_how_often(self):
        said = [text for _, text, _ in
                sentences.sentences(sample("busy-02"), "fr")]
        self.assertTrue(any("×\u00a0316\u202f612" in text for text in said))

    def test_numbers(self):
        self.assertEqual(words.number(316612, "en"), "316,612")
        self.assertEqual(words.number(1234.5, "fr", 1), "1\u202f234,5")
        self.assertEqual(words.milliseconds(120_349_999, "en"), "120.3 ms")

    def test_one_and_many(self):
        self.assertEqual(words.fill("{n} {n?event|events}", {"n": 1}),
                         "1 event")
        self.assertEqual(words.fill("{n?event|events}", {"n": 0}), "events")
        self.assertEqual(words.fill("{n?octet|octets}",
                                    {"n": 0, "lang": "fr"}), "octet")

    def test_the_words_of_the_page_are_there_and_used(self):
        script = "".join(template.part(name + ".js")
                         for name in template.SCRIPTS)
        python = ""
        for name in ("sentences.py", "plain.py"):
            with open(os.path.join(STEP, name), encoding="utf-8") as file:
                python += file.read()
        table = words.load()["ui"]
        asked = set(re.findall(r'\bui\("(\w+)"[,)]', script))
        self.assertEqual(asked - set(table), set())
        for key in table:
            if not key.startswith("word_"):
                self.assertRegex(script + python, rf'["._{{ ]{key}\b', key)


class Folding(unittest.TestCase):
    def busy(self, times):
        steps = [(1, "connect", 0, 1)]
        steps += [(1, "poll", 0), (1, "would-block", 0, 1),
                  (1, "pending", 0)] * times
        steps += [(1, "poll", 0), (1, "ready", 0)]
        return trace_of(*steps)

    def test_a_cycle_becomes_one(self):
        folded = fold.fold(self.busy(5000))
        self.assertEqual([e[7] for e in folded["events"]],
                         [1, 5000, 5000, 5000, 1, 1])

    def test_figures_stay_the_same(self):
        trace = self.busy(300)
        self.assertEqual(last_state(fold.fold(trace))["figures"],
                         last_state(trace)["figures"])

    def test_the_verdict_goes_along(self):
        trace = self.busy(5000)
        trace["verdict"] = {"cause": "X", "step": len(trace["events"]) - 1}
        self.assertEqual(fold.fold(trace)["verdict"]["step"], 5)
        trace["verdict"]["step"] = 9000
        self.assertIn(fold.fold(trace)["verdict"]["step"], (2, 3, 4))

    def test_what_does_not_repeat_stays(self):
        trace = sample("right-06")
        self.assertEqual(fold.fold(trace), trace)

    def test_packed_events_are_the_same(self):
        trace = sample("hundred-06")
        packed = pack.pack(events.read(trace))
        before, thread, lines, found = 0, 0, {}, []
        for row in packed["rows"].split(" "):
            f = [int(text, 36) if text else None for text in row.split(",")]
            f += [None] * (8 - len(f))
            before += f[0]
            thread = thread if f[1] is None else f[1]
            kind = packed["kinds"][f[2]]
            lines[kind] = lines.get(kind, 0) if f[6] is None else f[6]
            found.append([before, thread, kind, (f[3] or 0) - 1,
                          (f[4] or 0) - 1, f[5] or 0, lines[kind], f[7] or 1])
        self.assertEqual(found, trace["events"])


class Page(unittest.TestCase):
    def test_the_place_of_the_traces_is_all_that_varies(self):
        before, after = template.template().split(template.PLACE)
        for name in NAMES:
            text = page.render([sample(name)], "fr")
            self.assertTrue(text.startswith(before) and text.endswith(after))

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
        import squeeze
        text = 'const a = "x  // y";  // note\nreturn `p  ${b + "}"}  q` ' \
            '/ 2;\nlet c = d.match(/a  "b/g), e = 1 - -2;\n'
        self.assertEqual(
            squeeze.script(text),
            'const a="x  // y";\nreturn`p  ${b + "}"}  q`/2;\n'
            'let c=d.match(/a  "b/g),e=1- -2;\n')

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
        self.assertIn("*** À cette étape", text)

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


NODE = shutil.which("node")
COMPARE = """
const fs = require("fs");
const input = JSON.parse(fs.readFileSync(0, "utf8"));
globalThis.document = {getElementById: () => ({textContent: input.words})};
const tell = new Function(input.script + `
return (trace, to, every) => {
  lang = to;
  const run = new Run(trace), said = sentences(run);
  return run.events.map((e, i) => {
    if (i % every) return [said[i], null, null];
    const state = run.after(i + 1).state;
    return [said[i], stateLine(run, state), JSON.parse(JSON.stringify(state))];
  });
};`)();
process.stdout.write(JSON.stringify(tell(input.trace, input.lang, input.every)));
"""


@unittest.skipUnless(NODE, "node is not installed; test_page.py compares too")
class SameInJavaScript(unittest.TestCase):
    def compare(self, trace, lang, packed):
        data = json.loads(template.json_text(page.small(trace))) \
            if packed else trace
        every = 1 if len(trace["events"]) < 200 else 25
        script = "".join(template.part(name + ".js")
                         for name in ("text", "state", "say"))
        result = subprocess.run(
            [NODE, "-e", COMPARE], check=True, capture_output=True, timeout=300,
            input=json.dumps({
                "words": template.json_text(template.pairs(words.load())),
                "script": script, "trace": data, "lang": lang,
                "every": every}).encode())
        told = json.loads(result.stdout)
        speaker = sentences.Speaker(trace, lang)
        steps = sentences.sentences(trace, lang)
        for number, (_, sentence, after) in enumerate(steps):
            here = [sentence, None, None] if number % every else \
                [sentence, speaker.state_line(after), after]
            self.assertEqual(told[number], json.loads(json.dumps(here)),
                             f"step {number + 1}")

    def test_every_sample(self):
        for name in NAMES:
            for lang, packed in (("en", True), ("fr", False)):
                with self.subTest(name=name, lang=lang):
                    self.compare(sample(name), lang, packed)


if __name__ == "__main__":
    unittest.main()
