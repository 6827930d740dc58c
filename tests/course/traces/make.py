#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the sample traces of the step page: one JSON file a scenario.

    make.py [DIRECTORY]

Each scenario is written by hand as calls of a small recorder. The times look
like those of real runs; nothing is random, so the files are always the same.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MS = 1_000_000
MAIN, REACTOR = 1, 2

with open(os.path.join(HERE, "sample.c"), encoding="utf-8") as file:
    SOURCE = file.read()

# The line of sample.c that an event of each kind stands at: a part of it.
LINES = {
    "spawn": "executor.tasks[task_id] = future;",
    "push": "self->ids[self->count++] = task_id;",
    "pop": "*task_id = take_first(queue);",
    "poll": "if (task->poll(task, &waker) == NOT_READY)",
    "pending": "executor.tasks[task_id] = task;",
    "ready": "return READY;",
    "park": "pthread_cond_wait(&self->unparked, &self->lock);",
    "awake": "self->permit = false;",
    "permit": "self->permit = false;",
    "unpark": "self->permit = true;",
    "wake": "push_ready(self->ready_queue, self->task_id);",
    "connect": "self->stream = http_connect(self->port);",
    "send": "http_send(self->stream, self->path);",
    "register": "reactor_register(reactor(), self->stream",
    "set-waker": "reactor_set_waker(reactor(), waker, self->source_id);",
    "would-block": "return NOT_READY;",
    "recv": "n = read_some(self);",
    "deregister": "reactor_deregister(reactor(), self->stream",
    "epoll-wait": "const int count = epoll_wait(",
    "epoll-done": "const int count = epoll_wait(",
    "event": "reactor_wake(self, events[i].data.u64);",
}


def line_of(kind):
    text = LINES.get(kind)
    if not text:
        return 0
    return 1 + [text in line for line in SOURCE.splitlines()].index(True)


class Recorder:
    def __init__(self, en, fr, program, threads):
        self.now = 0
        self.trace = {
            "format": "reveil-trace-1", "title": {"en": en, "fr": fr},
            "program": program,
            "threads": [{"id": number, "name": name, "role": role}
                        for number, name, role in threads],
            "files": {"lesson.c": SOURCE}, "events": [], "figures": {},
            "tasks": {}, "sources": {}, "verdict": None,
        }

    def at(self, ms):
        self.now = max(self.now, round(ms * MS))

    def add(self, thread, kind, task=-1, source=-1, value=0, times=1,
            took_us=9):
        self.trace["events"].append([self.now, thread, kind, task, source,
                                     value, line_of(kind), times])
        self.now += took_us * 1000
        return len(self.trace["events"])

    def spawn(self, task, name):
        self.trace["tasks"][str(task)] = name
        self.add(MAIN, "spawn", task)
        self.add(MAIN, "push", task, value=MAIN)

    def take(self, task, thread=MAIN):
        self.add(thread, "pop", task)
        self.add(thread, "poll", task)

    def first_poll(self, task, source):
        self.take(task)
        self.add(MAIN, "connect", task, source, took_us=80)
        self.add(MAIN, "send", task, source, took_us=30)
        self.add(MAIN, "register", task, source, 4 + source)
        self.add(MAIN, "set-waker", task, source)
        self.add(MAIN, "would-block", task, source)
        self.add(MAIN, "pending", task)

    def last_poll(self, task, source, size=142):
        self.take(task)
        self.add(MAIN, "set-waker", task, source)
        self.add(MAIN, "recv", task, source, size)
        self.add(MAIN, "recv", task, source, 0)
        self.add(MAIN, "deregister", task, source)
        self.add(MAIN, "ready", task)

    def event(self, ms, task, source, unpark=True):
        """The response is there: the reactor wakes the task."""
        self.at(ms)
        self.add(REACTOR, "answer", -1, source)
        self.add(REACTOR, "epoll-done", value=1)
        self.add(REACTOR, "event", -1, source)
        self.add(REACTOR, "wake", task)
        step = self.add(REACTOR, "push", task, value=MAIN)
        if unpark:
            self.add(REACTOR, "unpark", task, value=MAIN)
        return step


TWO = [(MAIN, "main", "executor"), (REACTOR, "reactor", "reactor")]


def begin(en, fr, tasks):
    r = Recorder(en, fr, "lesson 06", TWO)
    r.add(MAIN, "register", -1, 0, 4)
    for task, name in enumerate(tasks):
        r.spawn(task, name)
        r.trace["sources"][str(task + 1)] = "/" + name.split("/")[1]
    r.add(REACTOR, "epoll-wait")
    for task in range(len(tasks)):
        r.first_poll(task, task + 1)
    r.add(MAIN, "park")
    return r


def right_06():
    r = begin("Lesson 06: two GETs", "Leçon 06 : deux GET",
              ["GET /613", "GET /391"])
    r.event(391.4, 1, 2)
    r.add(MAIN, "awake")
    r.add(REACTOR, "epoll-wait")
    r.last_poll(1, 2)
    r.add(MAIN, "park")
    r.event(613.8, 0, 1)
    r.add(MAIN, "awake")
    r.add(REACTOR, "epoll-wait")
    r.last_poll(0, 1)
    r.add(REACTOR, "epoll-done", value=1)
    r.add(REACTOR, "event", -1, 0)
    r.add(REACTOR, "thread-end")
    r.add(MAIN, "end")
    return r.trace


def lost_06():
    r = begin("Lesson 06: three GETs", "Leçon 06 : trois GET",
              ["GET /300", "GET /120", "GET /200"])
    step = r.event(120.3, 1, 2, unpark=False)
    r.add(REACTOR, "epoll-wait")
    r.event(200.8, 2, 3, unpark=False)
    r.add(REACTOR, "epoll-wait")
    r.event(300.4, 0, 1, unpark=False)
    r.add(REACTOR, "epoll-wait")
    r.trace["end_ns"] = 800 * MS
    r.trace["verdict"] = {
        "cause": {"en": "LOST WAKE", "fr": "RÉVEIL PERDU"},
        "kind": {"en": "queued, not unparked",
                 "fr": "mise en file, sans unpark"},
        "step": step, "todo": "5.2", "line": line_of("wake"), "hint": 1,
        "why": {
            "en": "Task 1 is in the ready queue, but thread main is asleep "
                  "in park() and has no permit: wake() pushed the id and "
                  "did not unpark.",
            "fr": "La tâche 1 est dans la file des tâches prêtes, mais le "
                  "thread main dort dans park() et n’a pas de jeton : wake() "
                  "a mis le numéro en file et n’a pas appelé unpark()."}}
    return r.trace


def busy_02():
    r = Recorder("Lesson 02: busy polling", "Leçon 02 : sondage actif",
                 "lesson 02", [(MAIN, "main", "executor")])
    r.trace["tasks"] = {"0": "async_main"}
    r.trace["sources"] = {"1": "/600", "2": "/400"}
    for source, ms, end, polls in ((1, 0, 600.4, 316612),
                                   (2, 600.6, 1001.1, 211408)):
        r.at(ms)
        r.add(MAIN, "poll", 0)
        r.add(MAIN, "connect", 0, source, took_us=80)
        r.add(MAIN, "send", 0, source, took_us=30)
        r.add(MAIN, "would-block", 0, source)
        r.add(MAIN, "pending", 0)
        r.add(MAIN, "poll", 0, times=polls, took_us=1)
        r.add(MAIN, "would-block", 0, source, times=polls, took_us=1)
        r.add(MAIN, "pending", 0, times=polls, took_us=1)
        r.at(end)
        r.add(MAIN, "answer", -1, source)
        r.add(MAIN, "poll", 0)
        r.add(MAIN, "recv", 0, source, 142)
        r.add(MAIN, "recv", 0, source, 0)
        if source == 1:
            r.add(MAIN, "pending", 0)
    r.add(MAIN, "ready", 0)
    r.add(MAIN, "end")
    return r.trace


def hundred():
    r = begin("Lesson 06: a hundred GETs", "Leçon 06 : cent GET",
              [f"GET /{task * 37 % 100 * 10}" for task in range(100)])
    asleep = True
    for ms, task in sorted((task * 37 % 100 * 10, task)
                           for task in range(100)):
        r.event(40 + ms, task, task + 1)
        r.add(REACTOR, "epoll-wait")
        if asleep:
            r.add(MAIN, "awake")
        r.last_poll(task, task + 1)
        if ms < 990:
            r.add(MAIN, "park")
    r.add(MAIN, "end")
    return r.trace


def library():
    """Pool, ring, workers that steal, and a channel in one run."""
    w1, w2, reactor, pool1, pool2 = 1, 2, 3, 4, 5
    r = Recorder("The library: pool, ring, stealing, channel",
                 "La bibliothèque : pool, ring, vol, canal", "sample",
                 [(w1, "w1", "worker"), (w2, "w2", "worker"),
                  (reactor, "reactor", "reactor"), (pool1, "pool-1", "pool"),
                  (pool2, "pool-2", "pool")])
    r.trace["files"] = {}
    r.trace["tasks"] = {"0": "main", "1": "reader", "2": "writer",
                        "3": "hash"}
    r.trace["sources"] = {"1": "numbers"}
    add = r.add
    add(w1, "thread-start")
    add(w2, "thread-start")
    for task in range(4):
        add(w1, "spawn", task)
        add(w1, "push", task, value=w1)
    add(w1, "pop", 0)
    add(w1, "switch", 0)
    add(w2, "steal", 3, value=w1)
    add(w2, "pop", 3)
    add(w2, "switch", 3)
    add(w1, "job-queued", 0, 1)
    add(pool1, "job-start", -1, 1)
    add(w1, "job-queued", 0, 2)
    add(pool2, "job-start", -1, 2)
    add(w1, "switch", -1)
    add(w2, "submit", 3, 1)
    add(w2, "submit", 3, 2)
    add(w2, "switch", -1)
    add(w2, "park")
    add(w1, "pop", 1)
    add(w1, "switch", 1)
    add(w1, "chan-wait", 1, 1)
    add(w1, "switch", -1)
    add(w1, "pop", 2)
    add(w1, "switch", 2)
    add(w1, "chan-send", 2, 1)
    add(w1, "wake", 1)
    add(w1, "push", 1, value=w1)
    add(w1, "chan-send", 2, 1, times=3)
    add(w1, "ready", 2)
    add(w1, "pop", 1)
    add(w1, "switch", 1)
    add(w1, "chan-recv", 1, 1, times=4)
    add(w1, "timer", 1, value=20)
    add(w1, "ready", 1)
    add(w1, "park")
    r.at(4)
    add(reactor, "complete", -1, 1)
    add(reactor, "complete", -1, 2)
    add(reactor, "wake", 3)
    add(reactor, "push", 3, value=w2)
    add(reactor, "unpark", 3, value=w2)
    add(reactor, "epoll-wait")
    add(w2, "awake")
    add(w2, "pop", 3)
    add(w2, "switch", 3)
    add(w2, "ready", 3)
    add(w2, "park")
    r.at(11)
    add(pool2, "job-done", -1, 2)
    r.at(14)
    add(pool1, "wake", 0)
    add(pool1, "push", 0, value=w1)
    add(pool1, "unpark", 0, value=w1)
    add(pool1, "job-done", -1, 1)
    add(w1, "awake")
    add(w1, "pop", 0)
    add(w1, "switch", 0)
    add(w1, "ready", 0)
    add(w1, "end")
    return r.trace


SCENARIOS = {"right-06": right_06, "lost-06": lost_06, "busy-02": busy_02,
             "hundred-06": hundred, "library": library}


def write(directory):
    for name, scenario in SCENARIOS.items():
        trace = scenario()
        path = os.path.join(directory, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            head = {k: v for k, v in trace.items() if k != "events"}
            file.write(json.dumps(head, ensure_ascii=False, indent=1)[:-2])
            file.write(',\n "events": [\n')
            file.write(",\n".join(json.dumps(e) for e in trace["events"]))
            file.write("\n]}\n")


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else HERE)
