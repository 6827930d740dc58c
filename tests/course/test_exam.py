#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exam: each answer is found a second time, in another way than the bank
finds it. A question about pipes, sockets or descriptors is asked of the
kernel, code is compiled and run, coroutines are generators, a channel is that
of asyncio, the rest is simulated event by event. Where a lesson measures the
same with its own values, the answer is also the figure of its page."""
import asyncio
import collections
import ctypes
import fcntl
import heapq
import json
import os
import random
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COURSE = os.path.join(ROOT, "course")
sys.path.insert(0, COURSE)
sys.path.insert(0, os.path.join(ROOT, "slides", "tools"))

import exam_bank  # noqa: E402
import paper  # noqa: E402
import quote  # noqa: E402

SEEDS = range(40)
AGAIN = "-1 (EAGAIN)"
PROOFS = {}


def proof(function):
    PROOFS[function.__name__] = function
    return function


def of(name):
    return next(one for one in exam_bank.BANK if one.name == name)


def values_of(name, seed):
    return of(name).draw(random.Random(f"{seed}:{name}"))


# --- by the kernel, by a compiler ----------------------------------------

DESCRIPTORS = """
import os, sys
opened, first, second, again = map(int, sys.argv[1:])
os.closerange(3, 50)
for _ in range(opened): os.open("/dev/null", os.O_RDONLY)
os.close(first)
os.close(second)
print(*[os.open("/dev/null", os.O_RDONLY) for _ in range(again)])
"""


@proof
def descriptor(values):
    said = subprocess.run(
        [sys.executable, "-c", DESCRIPTORS,
         *[str(values[name]) for name in ("opened", "first", "second",
                                          "again")]],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    return [int(word) for word in said.split()]


def read(fd, room):
    try:
        return len(os.read(fd, room))
    except BlockingIOError:
        return AGAIN


def read_pipe(flags, sizes, room, reads, closed=False):
    """What reads of a pipe return, after writes of these sizes."""
    output, into = os.pipe2(os.O_NONBLOCK | flags)
    try:
        for size in sizes:
            os.write(into, b"x" * size)
        if closed:
            os.close(into)
        return [read(output, room) for _ in range(reads)]
    finally:
        os.close(output)
        if not closed:
            os.close(into)


@proof
def eagain(values):
    return read_pipe(0, [values["bytes"]], values["room"], values["reads"],
                     values["closed"])


@proof
def stream(values):
    return read_pipe(0, values["sizes"], values["room"], values["reads"])


@proof
def packets(values):
    said = read_pipe(os.O_DIRECT, values["sizes"], values["room"], 3)
    return said + [sum(values["sizes"]) - sum(said)]


@proof
def places(values):
    output, into = os.pipe2(os.O_NONBLOCK | os.O_DIRECT)
    try:
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 16 * 4096)
        for _ in range(values["written"]):
            os.write(into, b"x" * values["size"])
        for _ in range(values["read"]):
            os.read(output, 4096)
        more = 0
        try:
            while True:
                os.write(into, b"x" * values["size"])
                more += 1
        except BlockingIOError:
            return [more]
    finally:
        os.close(output)
        os.close(into)


@proof
def machine(values):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "program")
        subprocess.run(
            ["cc", "-xc", "-", "-o", program], check=True, text=True,
            input="#include <stdio.h>\n" + values["code"] + "int main(void)\n"
            "{ int sum = 0; for (int i = 0; i < %d; i++) sum += next();\n"
            'printf("%%d %%d", sum, state); }\n' % values["count"])
        said = subprocess.run([program], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
    return [int(word) for word in said.split()]


def reports(values, edge):
    """(how often epoll reports a socket, bytes that are left in it)"""
    ours, theirs = socket.socketpair()
    with ours, theirs, select.epoll() as queue:
        ours.setblocking(False)
        queue.register(ours, select.EPOLLIN | (select.EPOLLET if edge else 0))
        theirs.send(b"x" * values["bytes"])
        count = 0
        while queue.poll(0):
            count += 1
            ours.recv(values["room"])
        left = 0
        try:
            left = len(ours.recv(1 << 16))
        except BlockingIOError:
            pass
        return count, left


@proof
def edge(values):
    level, none = reports(values, False)
    assert none == 0
    return [level, *reports(values, True)]


@proof
def reads(values):
    ours, theirs = socket.socketpair()
    with ours, theirs, select.epoll() as queue:
        ours.setblocking(False)
        queue.register(ours, select.EPOLLIN | select.EPOLLET)
        calls = useful = 0
        for part in values["parts"]:
            theirs.send(b"x" * part)
            assert queue.poll(0)
            while True:
                calls += 1
                try:
                    useful += bool(ours.recv(values["room"]))
                except BlockingIOError:
                    break
        return [calls, useful]


@proof
def permit(values):
    """A permit is an eventfd: writes add up, one read takes all of them."""
    there = ctypes.CDLL(None).eventfd(0, os.O_NONBLOCK | os.O_CLOEXEC)
    number, slept, asleep = 0, [], False
    try:
        for name, in values["script"]:
            if name == "unpark":
                os.write(there, (1).to_bytes(8, sys.byteorder))
                if asleep:
                    os.read(there, 8)
                    asleep = False
                continue
            assert not asleep
            number += 1
            try:
                os.read(there, 8)
            except BlockingIOError:
                asleep = True
                slept.append(number)
    finally:
        os.close(there)
    return slept or [0]


@proof
def counters(values):
    head, tail = (ctypes.c_uint32(values[name]) for name in ("head", "tail"))
    used = ctypes.c_uint32(tail.value - head.value).value
    return [used, values["entries"] - used,
            tail.value & (values["entries"] - 1)]


# --- by generators and asyncio -------------------------------------------


def resumed_in_turn(coroutines):
    """(what they have yielded, how often one was resumed)"""
    said, resumes = [], 0
    while coroutines:
        for one in list(coroutines):
            resumes += 1
            try:
                said.append(next(one))
            except StopIteration:
                coroutines.remove(one)
    return said, resumes


@proof
def in_turn(values):
    return resumed_in_turn([iter(one) for one in values["lists"]])[0]


@proof
def switches(values):
    resumes = resumed_in_turn([iter(range(count))
                               for count in values["numbers"]])[1]
    return [resumes, 2 * resumes]


@proof
def channel(values):
    async def main():
        queue = asyncio.Queue(values["capacity"])
        sleeps = 0

        async def produce():
            nonlocal sleeps
            for value in range(values["values"]):
                sleeps += queue.full()
                await queue.put(value)

        async def consume():
            for _ in range(values["values"]):
                await queue.get()
        await asyncio.gather(produce(), consume())
        return sleeps

    capacity = 1
    while True:
        queue = asyncio.Queue(capacity)
        try:
            for value in range(values["values"]):
                queue.put_nowait(value)
            return [asyncio.run(main()), capacity]
        except asyncio.QueueFull:
            capacity += 1


def gets_in_a_row(count):
    """A coroutine that yields each time there is nothing to read."""
    for _ in range(count):
        yield "EAGAIN"


@proof
def one_after_the_other(values):
    future = gets_in_a_row(values["gets"])
    polls = again = waits = 0
    while True:
        polls += 1
        if next(future, None) is None:
            return [polls, again, waits]
        again += 1
        waits += 1


# --- by simulation ---------------------------------------------------------


@proof
def short_writes(values):
    left, polls, not_ready = values["bytes"], 0, 0
    while left:
        polls += 1
        left -= min(left, values["most"])
        not_ready += left > 0
    return [polls, not_ready]


@proof
def sleep(values):
    now, seen, arrives = 0, [], [values["one"]]
    while len(seen) < 2:
        if now >= arrives[-1]:
            seen.append(now)
            arrives.append(now + values["two"])
        now += values["nap"]
    return seen + [seen[1] - values["one"] - values["two"]]


@proof
def scan(values):
    def polls(by_token):
        ready, count = [False] * values["children"], values["children"]
        for event in random.Random(1).sample(range(values["children"]),
                                             values["children"]):
            for child, over in enumerate(ready):
                if not over and (child == event or not by_token):
                    count += 1
            ready[event] = True
        return count
    return [polls(False), polls(True)]


@proof
def ready_queue(values):
    queue, popped = collections.deque(), []
    for name, *task in values["script"]:
        if name == "pop":
            popped.append(queue.popleft())
        else:
            queue.append(*task)
    return popped


@proof
def bucket(values):
    left, room, sends, again = values["total"], values["bucket"], 0, 0
    while left:
        if room:
            sends += 1
            taken = min(left, room)
            left, room = left - taken, room - taken
        else:
            again += 1
            room = values["drained"]
    return [sends, again]


@proof
def executors(values):
    def last(count):
        free = [0] * count
        for visit in range(values["visits"]):
            free[visit % count] += values["work"]
        return max(free)
    return [last(1), last(values["executors"])]


@proof
def deadlines(values):
    def rings(all_that_are_due):
        heap, count, armed = list(values["deadlines"]), 0, None
        heapq.heapify(heap)
        first = heap[0]
        while heap:
            now, count = heap[0], count + 1
            heapq.heappop(heap)
            while all_that_are_due and heap and heap[0] <= now:
                heapq.heappop(heap)
        return count, first
    return [rings(True)[0], *rings(False)]


@proof
def drift(values):
    period, polled, deadline, late_again = values["period"], 0, 0, 0
    for _ in range(values["ticks"]):
        polled = polled + period + values["late"]
        deadline += period
        late_again = deadline + values["late"]
    return [polled, late_again]


@proof
def timeout(values):
    now, late = 0, 0
    for needed in values["gets"]:
        first, is_timer = min((now + needed, False),
                              (now + values["limit"], True))
        late += is_timer
        now = first
    return [late, now]


@proof
def pool(values):
    def run(threads):
        free, begin = [0] * threads, 0
        for _ in range(values["jobs"]):
            begin = heapq.heappop(free)
            heapq.heappush(free, begin + values["ms"])
        return max(free), begin
    return [run(1)[0], *run(values["threads"])]


@proof
def sixteen(values):
    for padding in range(0, 16, 8):
        rsp = int(values["end"], 16) - padding - values["size"]
        rsp -= 16  # what clone() is given
        rsp += 8   # pop %rdi
        rsp += 8   # ret
        if (rsp + 8) % 16 == 0:  # rsp before the call, as it were
            return [padding, hex(rsp)]
    raise AssertionError(values)


@proof
def generations(values):
    waiting = {(slot, generation) for slot, generation in
               enumerate(values["generations"])}
    return [number for number, one in enumerate(values["completions"], 1)
            if tuple(one) in waiting]


@proof
def back_pressure(values):
    running = pipe = kernel = 0
    stops = None
    for task in range(1, values["jobs"] + 1):
        if running < values["workers"]:
            running += 1
        elif pipe < 16:
            pipe += 1
        else:
            kernel += 1
            stops = stops or task
    return [pipe, kernel, stops]


@proof
def side_by_side(values):
    alone = together = 0
    for _ in range(values["blocks"]):
        alone += values["read"]
        alone += values["hash"]
    read, hashed = 0, 0
    while hashed < values["blocks"]:
        can_hash, can_read = hashed < read, read < values["blocks"]
        together += max(values["hash"] * can_hash, values["read"] * can_read)
        hashed, read = hashed + can_hash, read + can_read
    return [alone, together]


@proof
def fork_join(values):
    counts = collections.Counter()

    def fib(n):
        counts["tasks"] += 1
        counts["runs"] += 1
        if n >= 2:
            counts["forks"] += 1
            fib(n - 1)
            fib(n - 2)
            counts["runs"] += 1
    fib(values["n"])
    return [counts[name] for name in ("tasks", "forks", "runs")]


@proof
def deque(values):
    tasks, said = collections.deque(), []
    for name, *task in values["script"]:
        if name == "push":
            tasks.append(task[0])
        else:
            said.append(tasks.pop() if name == "pop" else tasks.popleft())
    return said


@proof
def slots(values):
    ring = [None] * values["capacity"]
    head = tail = pushed = popped = 0
    while popped < values["pops"] or pushed < values["pushes"]:
        if pushed < values["pushes"] and ring[tail] is None:
            ring[tail] = pushed
            tail, pushed = (tail + 1) % len(ring), pushed + 1
        else:
            assert ring[head] == popped
            ring[head] = None
            head, popped = (head + 1) % len(ring), popped + 1
    return [tail, head, ring.count(None)]


# --- by the lessons ----------------------------------------------------------

# template, values, part of the answer: lesson, figure, column of its page.
# The course's own tests measure these figures.
FIGURES = [
    ("short_writes", {"bytes": 14, "most": 8}, 0, "01", "polls", 2),
    ("one_after_the_other", {"gets": 2}, 0, "03", "polls", 2),
    ("one_after_the_other", {"gets": 2}, 1, "03", "would_block", 2),
    ("one_after_the_other", {"gets": 2}, 2, "03", "epoll_waits", 2),
    ("scan", {"children": 100}, 1, "04", "polls", 2),
    ("deadlines", {"deadlines": [30 * one for one in range(1, 11)] * 100}, 0,
     "09", "ticks", 2),
    ("places", {"written": 0, "read": 0}, 0, "11", "packets", 2),
    ("back_pressure", {"jobs": 100, "workers": 8}, 0, "14", "in_pipe", 2),
    ("back_pressure", {"jobs": 100, "workers": 8}, 1, "14", "in_kernel", 2),
    ("back_pressure", {"jobs": 100, "workers": 8}, 2, "14", "polls", 1),
    ("switches", {"numbers": [7, 7]}, 1, "16", "switches", 2),
    ("fork_join", {"n": 9}, 0, "17", "tasks", 2),
    ("fork_join", {"n": 9}, 2, "17", "runs", 2),
    ("channel", {"values": 3, "capacity": 2}, 0, "18", "producer_sleeps", 2),
]


class TheAnswers(unittest.TestCase):
    def test_each_is_found_a_second_time(self):
        for template in exam_bank.BANK:
            # A compiler for each seed would take its time.
            seeds = SEEDS[:6] if template.name in ("machine", "descriptor") \
                else SEEDS
            for seed in seeds:
                values = values_of(template.name, seed)
                with self.subTest(template.name, seed=seed, values=values):
                    self.assertEqual(PROOFS[template.name](values),
                                     template.answer(values))

    def test_they_are_the_figures_of_the_lessons(self):
        for name, values, part, lesson, figure, column in FIGURES:
            with self.subTest(name, figure=figure):
                said = quote.figure(lesson, figure, column, "en")
                self.assertEqual(int(said.replace(",", "")),
                                 of(name).answer(values)[part])

    def test_the_sleep_of_lesson_02(self):
        """Its page: 350 ms of sleep make 700 and 700 of 600 and 400."""
        self.assertEqual([700, 1400, 400], of("sleep").answer(
            {"nap": 350, "one": 600, "two": 400}))


class TheBank(unittest.TestCase):
    def test_each_lesson_has_a_question(self):
        self.assertGreaterEqual(len(exam_bank.BANK), 24)
        self.assertEqual({f"{number:02}" for number in range(19)},
                         {one.lesson for one in exam_bank.BANK})
        self.assertEqual({one.name for one in exam_bank.BANK}, set(PROOFS))

    def test_seeds_make_other_values(self):
        for template in exam_bank.BANK:
            drawn = {json.dumps(values_of(template.name, seed))
                     for seed in range(30)}
            self.assertGreater(len(drawn), 5, template.name)

    def test_both_languages_have_each_text(self):
        tables = {}
        for language in ("en", "fr"):
            path = os.path.join(COURSE, "exam_texts", language + ".toml")
            with open(path, "rb") as file:
                tables[language] = tomllib.load(file)
        names = {one.name for one in exam_bank.BANK} | {"page"}
        for table in tables.values():
            self.assertEqual(names, set(table))
        for name in names:
            english, french = tables["en"][name], tables["fr"][name]
            with self.subTest(name):
                self.assertEqual(set(english), set(french))
                if name == "page":
                    continue
                for key in ("question", "why"):
                    asked = [set(re.findall(r"\{(\w+)\}", one[key]))
                             for one in (english, french)]
                    self.assertEqual(asked[0], asked[1])
                parts = [re.findall(r"\([a-d]\)(?=[^\n]*[?.]|,)",
                                    one["question"])
                         for one in (english, french)]
                self.assertEqual(parts[0], parts[1])

    def test_a_question_has_as_many_parts_as_its_answer(self):
        questions = json.loads(Exam.said("--seed", "3", "--count", "31",
                                         "--json", "--answers"))["questions"]
        for one in questions:
            letters = set(re.findall(r"\(([a-d])\)", one["text"].split(
                "\n", 1)[-1]))
            with self.subTest(one["name"]):
                self.assertEqual(letters, set(re.findall(
                    r"\(([a-d])\) \S", one["answer"])))

    def test_french_typography(self):
        done = subprocess.run(
            [sys.executable, os.path.join(COURSE, "french.py"),
             os.path.join(COURSE, "exam_texts", "fr.toml")],
            stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stdout))


class Exam(unittest.TestCase):
    @staticmethod
    def run_it(*words, **more):
        return subprocess.run(
            [sys.executable, COURSE, "exam", *words], text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **more)

    @classmethod
    def said(cls, *words, **more):
        done = cls.run_it(*words, **more)
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name):
        return os.path.join(self.folder, name)

    def questions(self, *words):
        return json.loads(self.said("--json", *words))["questions"]

    def test_same_seed_same_exam(self):
        texts = {self.said("--seed", "7", "--lang=en", env={
            **os.environ, "PYTHONHASHSEED": str(salt)}) for salt in (1, 2)}
        self.assertEqual(1, len(texts))
        self.assertNotEqual(texts, {self.said("--seed", "8", "--lang=en")})

    def test_a_question_keeps_its_values_beside_others(self):
        few = self.questions("--seed", "7", "--count", "5")
        texts = [one["text"] for one in self.questions("--seed", "7",
                                                       "--count", "31")]
        for one in few:
            self.assertIn(one["text"], texts)

    def test_both_languages_ask_the_same(self):
        words = ["--seed", "5", "--answers", "--count", "31"]
        english = self.questions(*words, "--lang=en")
        french = self.questions(*words, "--lang=fr")
        for one, other in zip(english, french, strict=True):
            with self.subTest(one["name"]):
                self.assertEqual(one["name"], other["name"])
                self.assertEqual(*[re.sub("[,; \u202f]", "", answer)
                                   for answer in (one["answer"],
                                                  other["answer"])])
                self.assertNotEqual(one["text"], other["text"])

    def test_students_get_no_answers(self):
        page = self.file("exam.html")
        self.said("--seed", "7", "--count", "31", "--html", "-o", page)
        with open(page, encoding="utf-8") as file:
            texts = [file.read()]
        for form in ([], ["--json"]):
            texts.append(self.said("--seed", "7", "--count", "31", *form))
        for one in self.questions("--seed", "7", "--count", "31",
                                  "--answers"):
            for text in texts:
                flat = " ".join(text.split())
                self.assertNotIn(" ".join(one["why"].split()), flat)
                self.assertNotIn("Answer: ", flat)
                self.assertNotIn('"answer"', flat)

    def test_the_teacher_gets_the_same_questions_and_the_answers(self):
        with_answers = self.questions("--seed", "7", "--answers")
        self.assertEqual(
            [one["text"] for one in self.questions("--seed", "7")],
            [one["text"] for one in with_answers])
        text = " ".join(self.said("--seed", "7", "--answers", "--lang=en",
                                  ).split())
        for one in with_answers:
            self.assertIn("Answer: " + " ".join(one["answer"].split()), text)

    def test_the_lessons_that_are_asked_for(self):
        found = self.questions("--seed", "1", "--lesson", "00-04")
        self.assertEqual({"00", "01", "02", "03", "04"},
                         {one["lesson"] for one in found})
        found = self.questions("--seed", "1", "--lesson", "9")
        self.assertEqual({"09"}, {one["lesson"] for one in found})

    def test_twelve_questions_are_of_twelve_lessons(self):
        for seed in "12345":
            found = self.questions("--seed", seed)
            self.assertEqual(12, len({one["lesson"] for one in found}))

    def test_text_is_no_wider_than_a_terminal(self):
        for language in ("en", "fr"):
            for line in self.said("--seed", "2", "--count", "31", "--answers",
                                  "--lang", language).splitlines():
                self.assertLessEqual(len(line), 80)

    def test_wrong_usage(self):
        for words in ([], ["--seed", "x"], ["--seed"], ["--seed", "-1"],
                      ["--seed", "1", "--count", "0"],
                      ["--seed", "1", "--count", "99"],
                      ["--seed", "1", "--lesson", "77"],
                      ["--seed", "1", "--lesson", "05-03"],
                      ["--seed", "1", "--html", "--pdf"],
                      ["--seed", "1", "--nonsense"],
                      ["--seed", "1", "operand"]):
            with self.subTest(words):
                done = self.run_it(*words)
                self.assertEqual((2, ""), (done.returncode, done.stdout))
                self.assertTrue(done.stderr.startswith("lesson: "))
                self.assertNotIn("Traceback", done.stderr)

    def test_help_is_in_both_languages(self):
        self.assertIn("usage: ./reveil lesson exam",
                      self.said("--help", "--lang=en"))
        self.assertIn("usage\u00a0: ./reveil lesson exam",
                      self.said("--help", "--lang=fr"))

    def test_a_file_that_cannot_be_written(self):
        done = self.run_it("--seed", "1", "--html", "-o",
                           self.file("none/exam.html"))
        self.assertEqual(3, done.returncode)
        self.assertNotIn("Traceback", done.stderr)

    def test_each_language_has_a_file_of_its_own(self):
        for words in (), ("--answers",):
            self.said("--seed", "4", "--html", *words, cwd=self.folder)
            self.said("--seed", "4", "--html", "--lang=fr", *words,
                      cwd=self.folder)
        self.assertEqual(["exam-4-answers.html", "exam-4.html",
                          "examen-4-corrige.html", "examen-4.html"],
                         sorted(os.listdir(self.folder)))

    def test_html_is_well_formed_and_needs_no_network(self):
        self.said("--seed", "4", "--html", "--answers", cwd=self.folder)
        with open(self.file("exam-4-answers.html"), encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn("http", text)
        self.assertEqual(text.count("<section>"), text.count("</section>"))
        self.assertEqual(12, text.count("<section>"))

    def test_without_a_browser_the_error_says_what_to_do(self):
        done = self.run_it("--seed", "1", "--pdf", "--lang=en",
                           cwd=self.folder, env={"PATH": self.folder})
        self.assertEqual(3, done.returncode)
        self.assertIn("apt-get install chromium", done.stderr)
        self.assertIn("--html", done.stderr)
        self.assertEqual([], os.listdir(self.folder))

    def test_a_browser_that_fails_leaves_nothing(self):
        with open(self.file("chromium"), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\necho no display >&2\nexit 1\n")
        os.chmod(self.file("chromium"), 0o755)
        done = self.run_it("--seed", "1", "--pdf", "--lang=en",
                           cwd=self.folder,
                           env={"PATH": self.folder + ":/bin:/usr/bin"})
        self.assertEqual(3, done.returncode)
        self.assertIn("no display", done.stderr)
        self.assertEqual(["chromium"], os.listdir(self.folder))

    def test_a_pdf(self):
        if not paper.browser():
            self.skipTest("chromium is not installed")
        self.said("--seed", "1", "--pdf", cwd=self.folder)
        self.assertEqual(["exam-1.pdf"], os.listdir(self.folder))
        with open(self.file("exam-1.pdf"), "rb") as file:
            self.assertEqual(b"%PDF", file.read(4))


if __name__ == "__main__":
    unittest.main(verbosity=2)
