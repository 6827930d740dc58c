#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The step page without a browser: its state, its sentences, folding.

The page itself runs in tests/course/browser/test_page.py. Where node is
installed, the JavaScript of the state and of the sentences is compared with
the Python here already. What is made of a trace: test_step_output.py.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from samples import NAMES, STEP, TRACES, sample, trace_of  # noqa: E402

import events  # noqa: E402
import fold  # noqa: E402
import make  # noqa: E402
import pack  # noqa: E402
import page  # noqa: E402
import sentences  # noqa: E402
import state  # noqa: E402
import template  # noqa: E402
import words  # noqa: E402

KINDS = """thread-start thread-end spawn push pop poll ready pending wake
    wake-again unpark park permit awake register deregister set-waker
    epoll-wait epoll-done event connect send recv would-block read write sleep
    block tick log drop timer timer-fired await await-poll await-pending
    await-ready job-queued job-start job-done submit complete
    steal switch chan-send chan-recv chan-wait answer end level note frame
    enter stack""".split()


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

    def test_what_is_not_there_is_not_told(self):
        trace = trace_of((1, "permit"), (2, "unpark", -1, -1, 1),
                         (1, "permit"), (1, "would-block"))
        says = [text for _, text, _ in sentences.sentences(trace, "en")]
        self.assertIn("without waiting", says[0])
        self.assertIn("takes the permit", says[2])
        self.assertNotIn("source", says[3])

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
            found.append([before * 1000, thread, kind, (f[3] or 0) - 1,
                          (f[4] or 0) - 1, f[5] or 0, lines[kind], f[7] or 1])
        self.assertEqual(found, [[row[0] // 1000 * 1000, *row[1:]]
                                 for row in trace["events"]])


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
