#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The step page in a headless Chromium: real keys, real clicks, no network.

Skipped, and says so, where Chromium is not installed. No test asserts a time.
"""
import copy
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from pages import NAMES, STEP_NOW, PageTest, sample, write  # noqa: E402
from pages import start as setUpModule  # noqa: E402,F401
from pages import stop as tearDownModule  # noqa: E402,F401

import samples  # noqa: E402
import sentences  # noqa: E402

EXEC = "document.querySelector('.p-exec').textContent"
SAID = "document.querySelector('#say').textContent"


class Steps(PageTest):
    def test_keys_and_a_clicker(self):
        self.open("right-06")
        self.assertEqual(self.step(), 1)
        self.assertEqual(self.keys("ArrowRight", "ArrowRight"), 3)
        self.assertEqual(self.keys("ArrowLeft"), 2)
        self.assertEqual(self.keys("PageDown", "PageDown"), 4)
        self.assertEqual(self.keys("PageUp"), 3)
        last = len(sample("right-06")["events"])
        self.assertEqual(self.keys("End"), last)
        self.assertEqual(self.keys("ArrowRight"), last)
        self.assertEqual(self.keys("Home", "ArrowLeft"), 1)

    def test_jumps(self):
        tab = self.open("right-06")
        kinds = [e[2] for e in sample("right-06")["events"]]
        first = kinds.index("wake") + 1
        second = kinds.index("wake", first) + 1
        self.assertEqual(self.keys("w"), first)
        self.assertEqual(self.keys("w"), second)
        tab.key("W", shift=True)
        self.assertEqual(self.step(), first)
        tasks = [e[3] for e in sample("right-06")["events"]]
        self.assertEqual(self.keys("t"), tasks.index(1, first) + 1)

    def test_a_clicked_task_is_followed(self):
        tab = self.open("right-06", "#s=25")
        tab.click("[data-task='0']")
        self.assertIn("task 0", tab.value(
            "document.querySelector('#next-task').textContent"))
        step = self.keys("t")
        self.assertEqual(sample("right-06")["events"][step - 1][3], 0)

    def test_buttons_with_the_mouse(self):
        tab = self.open("lost-06", "#s=1")
        tab.click("#next")
        self.assertEqual(self.step(), 2)
        tab.click("#back")
        self.assertEqual(self.step(), 1)
        tab.click("#last")
        self.assertEqual(self.step(), len(sample("lost-06")["events"]))
        tab.click("#first")
        self.assertEqual(self.step(), 1)
        tab.click("#jump")
        self.assertEqual(self.step(), sample("lost-06")["verdict"]["step"])
        tab.click("#steps li:nth-child(36)")
        self.assertEqual(self.step(), 36)

    def test_scrubbing(self):
        tab = self.open("right-06")
        x, y, wide = tab.value(
            "(() => { const r = document.querySelector('.drawn')"
            ".getBoundingClientRect(); return [r.x, r.y + 40, r.width]; })()")
        tab.click_at(x + wide * .5, y)
        self.assertTrue(20 < self.step() < 40, self.step())
        tab.value("document.querySelector('#position').focus()")
        before = self.step()
        self.assertEqual(self.keys("ArrowRight"), before + 1)
        self.assertEqual(self.keys("PageDown"), before + 2)

    def test_playing_comes_to_the_end_by_itself(self):
        tab = self.open("busy-02", motion="reduce")
        self.keys("+", "+", " ")
        self.assertEqual(tab.value("document.querySelector('#say')"
                                   ".getAttribute('aria-live')"), "off")
        tab.wait(f"{STEP_NOW} === {len(sample('busy-02')['events'])}")
        tab.wait("document.querySelector('#play').textContent === 'Play'")
        self.keys("ArrowLeft")
        self.assertEqual(tab.value("document.querySelector('#say')"
                                   ".getAttribute('aria-live')"), "polite")

    def test_a_key_stops_playing(self):
        tab = self.open("right-06")
        self.keys(" ")
        self.assertEqual(tab.value(
            "document.querySelector('#play').textContent"), "Pause")
        self.keys("Home")
        self.assertEqual(tab.value(
            "document.querySelector('#play').textContent"), "Play")

    def test_letters_can_be_switched_off(self):
        tab = self.open("right-06")
        tab.key("?", shift=True)
        self.assertTrue(tab.value("document.querySelector('#keys').open"))
        tab.click("#letters")
        tab.key("Escape")
        self.assertFalse(tab.value("document.querySelector('#keys').open"))
        self.assertEqual(self.keys("w"), 1)
        self.assertEqual(self.keys("ArrowRight"), 2)


class Address(PageTest):
    def test_a_slide_opens_the_page_at_a_step(self):
        tab = self.open("right-06", "#s=41&lang=fr")
        self.assertEqual(self.step(), 41)
        self.assertEqual(tab.value("document.documentElement.lang"), "fr")
        self.keys("ArrowRight")
        tab.wait("location.hash === '#s=42&lang=fr'")

    def test_the_address_can_change(self):
        tab = self.open("right-06", "#s=5")
        tab.value("location.hash = '#s=9&axis=time&lang=en'")
        tab.wait(f"{STEP_NOW} === 9")
        self.assertIn("time", tab.value(
            "document.querySelector('#axis').textContent"))

    def test_an_address_written_over_is_still_read(self):
        """The page writes its address 120 ms after a step. A new one may be
        set just before that; its event comes after."""
        tab = self.open("right-06", "#s=5")
        tab.value("location.hash = '#s=9';"
                  " history.replaceState(null, '', reveil.page.written)")
        tab.wait(f"{STEP_NOW} === 9")
        tab.wait("location.hash === '#s=9&lang=en'")

    def test_nonsense_is_harmless(self):
        for address in ("#s=99999", "#s=-3&lang=xx", "#axis=9&mode=9", "#&&="):
            self.open("right-06", address)
            self.assertGreaterEqual(self.step(), 1)


class Text(PageTest):
    def test_state_and_sentences_are_those_of_python(self):
        for name in NAMES:
            for lang in ("en", "fr"):
                tab = self.open(name, f"#s=1&lang={lang}")
                every = 1 if len(sample(name)["events"]) < 200 else 25
                told = json.loads(tab.value(
                    "JSON.stringify((() => { const {page, stateLine} = reveil,"
                    " v = page.views[0]; return v.run.events.map((e, i) => {"
                    f" if (i % {every}) return [v.sentences[i], null, null];"
                    " const s = v.run.after(i + 1).state;"
                    " return [v.sentences[i], stateLine(v.run, s),"
                    " JSON.parse(JSON.stringify(s))]; }); })())"))
                speaker = sentences.Speaker(sample(name), lang)
                steps = sentences.sentences(sample(name), lang)
                for number, (_, text, after) in enumerate(steps):
                    here = [text, None, None] if number % every else \
                        [text, speaker.state_line(after), after]
                    self.assertEqual(told[number],
                                     json.loads(json.dumps(here)),
                                     f"{name}, step {number + 1}")

    def test_a_thread_that_says_nothing_and_whose_end_is_whose(self):
        """Of two threads, the bare one is not there at first, and not after
        the end; stacks are no tasks; a bar says what its ends are."""
        write("bare", [samples.bare()])
        tab = self.open("bare", "#s=1")
        self.assertIn("not started", tab.value(EXEC))
        for hidden in ("next-wake", "next-task"):
            self.assertTrue(tab.value(
                f"document.getElementById('{hidden}').hidden"), hidden)
        self.assertIsNone(tab.value("document.querySelector('.p-tasks')"))
        self.assertIn("left bottom, right top", tab.value(
            "document.querySelector('.p-bars').textContent"))
        for text in ("pushes, 2 of 4", "steals, 1", "pops, 0"):
            self.assertIn(text, tab.value(
                "reveil.page.views[0].sentences.join('; ')"))
        self.keys("End")
        self.assertNotIn("runs", tab.value(EXEC))
        self.assertEqual(
            [text for _, text, _ in sentences.sentences(samples.bare(), "en")],
            tab.value("reveil.page.views[0].sentences"))

    def test_a_run_of_which_nothing_is_recorded(self):
        write("empty", [samples.trace_of((1, "thread-start"))])
        tab = self.open("empty", "#s=1")
        self.assertIn("Nothing of this run is recorded", tab.value(SAID))

    def test_both_languages_fill_everything(self):
        for lang, word in (("en", "Step"), ("fr", "Avancer")):
            tab = self.open("lost-06", f"#s=38&lang={lang}")
            self.assertEqual(tab.value(
                "document.querySelector('#next').textContent"), word)
            empty = tab.value(
                "[...document.querySelectorAll('button, h1, h2, h3, option')]"
                ".filter(e => !e.textContent.trim() && e.offsetParent)"
                ".map(e => e.id || e.className)")
            self.assertEqual(empty, [])
            shown = tab.value("document.body.innerText")
            self.assertNotRegex(shown, r"undefined|NaN|\[object|\{\w+\}")
            verdict = tab.value(
                "document.querySelector('#verdict').textContent")
            self.assertIn({"en": "LOST WAKE", "fr": "RÉVEIL PERDU"}[lang],
                          verdict)
        self.keys("l")
        self.assertIn("LOST WAKE", tab.value("document.body.innerText"))

    def test_a_long_list_is_shown_in_parts(self):
        steps = [[n * 1000, 1, "log", -1, -1, n] for n in range(5600)]
        write("long", [{**sample("right-06"), "verdict": None,
                        "logs": [f"line {n}" for n in range(5600)],
                        "events": steps}])
        self.open("long", "#s=5432")
        self.assertEqual(self.step(), 5432)
        self.assertEqual(self.tab.value(
            "document.querySelector('#steps [aria-current]').dataset.row"),
            "5431")
        self.assertEqual(self.tab.value(
            "document.querySelectorAll('#steps li').length"), 600)
        self.assertEqual(self.keys("Home"), 1)

    def test_the_lost_wake_says_what_is_wrong_at_once(self):
        tab = self.open("lost-06")
        self.assertEqual(self.step(), sample("lost-06")["verdict"]["step"])
        shown = tab.value("document.body.innerText")
        for text in ("nobody calls unpark()", "asleep in park", "permit: no",
                     "only unpark() can wake it", "hopeless"):
            self.assertIn(text, shown)
        self.keys("Home")
        self.assertNotIn("nobody calls unpark()",
                         tab.value("document.querySelector('.stage')"
                                   ".innerText"))

    def test_folded_steps(self):
        tab = self.open("busy-02", "#s=6")
        self.assertIn("× 316,612", tab.value(SAID.replace("textContent",
                                                          "innerText"))
                      .replace("\u00a0", " "))
        self.assertTrue(tab.value("!!document.querySelector('.fold-bar i')"))
        self.assertIn("316,613", tab.value(
            "document.querySelector('#figures').textContent"))

    def test_polls_between_sleeps_are_no_busy_polling(self):
        cycle = [(1, "pop", 0), (1, "poll", 0), (1, "pending", 0)]
        sleep = [(1, "park"), (2, "wake", 0), (2, "push", 0), (2, "unpark"),
                 (1, "awake")]
        begin = [(1, "spawn", 0), (1, "push", 0), (1, "unpark")]
        end = [(1, "poll", 0), (1, "ready", 0), (1, "end")]
        for name, once, busy in (("asleep", cycle + sleep, False),
                                 ("awake", cycle, True)):
            write(name, [samples.trace_of(*begin, *6 * once, *end)])
            tab = self.open(name)
            self.assertIn("× ", tab.value("document.body.textContent"))
            for where in ("#legend", "#lanes"):
                self.assertEqual(tab.value(
                    f"!!document.querySelector('{where} .look-busy')"), busy)

    def test_who_unparks_itself_is_not_the_reactor(self):
        own = [(1, "spawn", 0), (1, "unpark"), (2, "unpark"), (1, "end")]
        write("unpark", [samples.trace_of(*own)])
        tab = self.open("unpark", "#s=2")
        self.assertEqual(tab.value(
            "document.querySelectorAll('.link.on').length"), 0)
        tab.key("ArrowRight")
        self.assertEqual(tab.value(
            "document.querySelectorAll('.link.on').length"), 1)

    def test_the_source_shows_the_line_in_its_function(self):
        tab = self.open("lost-06", "#s=38")
        here = tab.value("document.querySelector('.here').textContent")
        self.assertIn("self->ids[self->count++] = task_id;", here)
        lines = tab.value("document.querySelectorAll('.code div').length")
        self.assertLess(lines, 12)
        self.keys("f")
        self.assertGreater(tab.value(
            "document.querySelectorAll('.code div').length"), 100)


class Two(PageTest):
    def test_two_runs_move_together(self):
        tab = self.open("two")
        self.assertEqual(tab.value(
            "document.querySelectorAll('.stage').length"), 2)
        rows = tab.value("reveil.page.rows")
        for index in (0, 1):
            seen = [row[index] for row in rows if row[index] >= 0]
            self.assertEqual(seen, list(range(len(seen))))
        both = [row for row in rows if -1 not in row]
        left, right = sample("lost-06"), sample("right-06")
        for a, b in both:
            self.assertEqual(left["events"][a][2:5], right["events"][b][2:5])
        self.assertGreater(len(both), 25)
        tab.click("#difference")
        self.assertEqual(self.step(), 1 + next(
            n for n, row in enumerate(rows) if -1 in row))

    def test_their_axes_are_one(self):
        tab = self.open("busy-right", "#axis=time&s=1")
        totals = tab.value(
            "reveil.page.views.map(v => v.lanes.axis.total)")
        self.assertEqual(totals[0], totals[1])


class Modes(PageTest):
    def test_predicting_counts(self):
        tab = self.open("right-06")
        self.keys("p")
        self.assertEqual(self.keys("End"), 6)
        self.assertTrue(tab.value("document.querySelectorAll("
                                  "'#steps li:not([hidden])').length <= 6"))
        tab.click("[data-answer='0']")
        self.assertEqual(self.step(), 7)
        self.assertIn("1 right of 1", tab.value(
            "document.querySelector('.ask').textContent"))
        self.keys("End")
        tab.click("[data-answer='0']")
        self.assertIn("1 right of 2", tab.value(
            "document.querySelector('.ask').textContent"))
        for _ in range(60):
            self.keys("End")
            answer = tab.value("reveil.page.predict.question ? "
                               "reveil.page.predict.question.answer : null")
            if answer is None:
                break
            tab.click(f"[data-answer='{answer}']")
        self.assertEqual(self.step(), len(sample("right-06")["events"]))
        score = tab.value("document.querySelector('.score').textContent")
        right, asked = map(int, re.findall(r"\d+", score))
        self.assertEqual(right, asked - 1)
        self.keys("p")
        self.assertTrue(tab.value("document.querySelector('#extra').hidden"))

    def test_a_wake_can_be_lost_in_the_scheduler(self):
        tab = self.open("right-06")
        self.keys("s")
        lost = {}
        for program in ("right", "no_permit", "unpark_first", "waker_late"):
            self.assertFalse(tab.value(
                f"reveil.model('{program}', null).lost"), program)
            lost[program] = tab.value(
                "Array.from({length: 80}, (_, n) => [1, 2].filter(t => "
                f"reveil.model('{program}', {{thread: t, call: n + 1}}).lost)"
                ".map(t => t + ':' + (n + 1))).flat()")
        self.assertEqual(lost["right"], [])
        for program in ("no_permit", "unpark_first", "waker_late"):
            self.assertTrue(lost[program], program)
        thread, call = lost["no_permit"][0].split(":")
        row = tab.value(
            "reveil.page.views[0].run.events.findIndex((e, i) => e.thread === "
            f"{thread} && reveil.page.views[0].run.trace.calls[i] === {call})")
        tab.value(f"reveil.page.go({row})")
        tab.click("[data-delay='here']")
        self.assertIn("LOST WAKE", tab.value(
            "document.querySelector('#extra').textContent"))
        self.assertIn("the permit is lost", tab.value(
            "document.querySelector('.stage').innerText"))
        self.keys("s")
        self.assertEqual(tab.value("document.querySelectorAll('#steps li')"
                                   ".length"), len(sample("right-06")["events"]))


class Labels(PageTest):
    """The labels on the arrows of the picture, on every step of the runs that
    are short: on a phone they have little room."""

    # What is wrong with the labels now: [step, text, what].
    WRONG = """
    (() => {
      const found = [], say = document.querySelector('#say')
        .getBoundingClientRect();
      const all = [...document.querySelectorAll('.pill')].map(e =>
        [e, e.getBoundingClientRect()]);
      const meet = (a, b) => a.left < b.right && b.left < a.right &&
        a.top < b.bottom - 1 && b.top < a.bottom - 1;
      for (const [pill, r] of all) {
        const what = r.left < 0 || r.right > innerWidth ? 'cut'
          : meet(r, say) ? 'over the sentence'
          : all.some(([other, o]) => other !== pill && meet(r, o))
            ? 'over another label' : '';
        if (what) found.push([pill.textContent, what]);
      }
      return found;
    })()"""

    def test_no_label_is_cut_or_over_a_text(self):
        for name in ("lost-06", "right-06"):
            for lang in ("en", "fr"):
                for width in (390, 320, 1024):
                    tab = self.open(name, f"#s=1&lang={lang}", width, 844)
                    for step in range(1, len(sample(name)["events"]) + 1):
                        self.assertEqual(
                            tab.value(self.WRONG), [],
                            f"{name} {lang} {width} pixels, step {step}")
                        tab.key("ArrowRight")

    def test_too_late_fits_on_a_phone(self):
        trace = copy.deepcopy(sample("lost-06"))
        for kind in ("event before the waker", "nothing registered",
                     "came before the sleep", "event not passed on"):
            trace["verdict"]["kind"] = kind
            write("kinds", [trace], "fr")
            tab = self.open("kinds", f"#s={trace['verdict']['step']}&lang=fr",
                            390, 844)
            self.assertTrue(tab.value(
                "document.querySelectorAll('.pill.bad').length"), kind)
            self.assertEqual(tab.value(self.WRONG), [], kind)

    def test_no_button_is_cut_on_a_phone(self):
        tab = self.open("lost-06", "#s=38&lang=fr", 390, 844)
        cut = tab.value(
            "[...document.querySelectorAll('footer button, footer select')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth)"
            ".map(e => e.id)")
        self.assertEqual(cut, [])


if __name__ == "__main__":
    unittest.main()
