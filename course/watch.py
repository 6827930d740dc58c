# SPDX-License-Identifier: MIT
"""`lesson watch`: checks again at each save, and never blocks a key.

One loop selects on the keyboard, the folder and the running check. A save
during a check stops it and begins a new one. The lesson is never changed by
itself: going on is the learner's decision.
"""
import os
import select
import signal
import sys
import time

import check
import runs
import show
from checking import Checking
from commands import diff_lines, next_lesson, state_of, take_hint
from context import SETTINGS, Stop
from inotify import Folder
from keyboard import Keyboard
from options import UsageError
from terminal import short_path

import lessons

SETTLE_S = 0.05  # an editor may write a file in several steps


class Watch:
    def __init__(self, context, lesson):
        self.context, self.lesson = context, lesson
        self.t, self.terminal = context.t, context.terminal
        self.path = context.answer(lesson)
        self.folder = Folder(context.folder(lesson))
        self.checking = None
        self.verdict = None
        self.said = ""
        self.saved_at = None
        self.again_at = 0.0  # when to begin the next check; None: not
        self.view = None  # lines of a hint, list or diff, over the verdict
        self.top = 0
        self.running = True
        self.shown = None

    # --- what is on the screen

    def bar(self):
        everything = lessons.all_lessons()
        passed = sum(state_of(self.context, one) == "passed"
                     for one in everything)
        width = 2 * len(everything)
        return (f"[{'#' * (2 * passed):-<{width}}] "
                f"{passed}/{len(everything)}")

    def head(self):
        columns = self.terminal.size()[0]
        title = self.t("watch.title", number=self.lesson.number,
                       name=self.lesson.name)
        lines = [f" {title:<{max(columns - len(self.bar()) - 4, 1)}} "
                 f"{self.bar()}"]
        place = " " + short_path(self.path)
        if self.verdict and self.verdict.get("todo"):
            place += (f":{self.verdict.get('line') or 1}  "
                      f"TODO {self.verdict['todo']}")
        if self.saved_at:
            place += "   " + self.t("watch.saved", time=self.saved_at)
        return lines + [place]

    def body(self):
        if not os.path.exists(self.path):
            return [self.terminal.wrap(self.t(
                "watch.waiting", path=short_path(self.path)))]
        if self.checking:
            step = self.t("check." + self.checking.step)
            return [self.t("watch.checking", step=step)]
        if not self.verdict:
            return self.said.splitlines()
        following = next_lesson(self.context, self.lesson)
        return show.render(self.verdict, self.path,
                           runs.predicted_of(self.context, self.lesson),
                           self.t, self.terminal, check.causes(),
                           following and following.number, keys=True)

    def hint_level(self):
        seen = self.context.progress.of(self.lesson.number)
        used = seen.get("hints", {})
        if seen.get("todo"):
            return used.get(seen["todo"], 0)
        return max(used.values(), default=0)

    def foot(self):
        if self.view is not None:
            return self.t("watch.press")
        return self.t("watch.keys", level=self.hint_level())

    def draw(self):
        if not self.terminal.may_redraw:
            self.draw_below()
            return
        columns, rows = self.terminal.size()
        body = self.view if self.view is not None else self.body()
        lines = [line for text in body for line in text.split("\n")]
        room = rows - 4
        self.top = max(0, min(self.top, len(lines) - room))
        shown = self.head() + lines[self.top:self.top + room]
        shown += [""] * (rows - 2 - len(shown)) + [" " + self.foot()]
        sys.stdout.write("\033[H\033[2J" + "\r\n".join(
            cut_line(line, columns) for line in shown))
        sys.stdout.flush()

    def draw_below(self):
        """Without redrawing: print what is new, once."""
        lines = self.view if self.view is not None else self.body()
        if lines != self.shown:
            self.shown = lines
            for line in self.head() + lines + [self.foot()]:
                self.terminal.say(line)

    # --- what happens

    def begin_check(self):
        self.again_at = None
        if self.checking:
            self.checking.stop()
            self.checking = None
        if os.path.exists(self.path):
            self.saved_at = time.strftime(
                "%H:%M:%S", time.localtime(os.stat(self.path).st_mtime))
            self.checking = Checking(self.lesson.number, self.context.work,
                                     self.t.language)
        self.view = None
        self.top = 0

    def end_check(self):
        self.verdict, self.said = self.checking.result()
        self.checking = None

    def press(self, key):
        if self.view is not None and self.scroll(key):
            return
        if self.view is not None:
            self.view = None
            if key != "q":
                self.top = 0
            return
        action = {"q": self.quit, "h": self.show_hint, "l": self.show_list,
                  "d": self.show_diff, "s": self.show_steps,
                  "r": self.begin_check}.get(key)
        if action:
            action()
        else:
            self.scroll(key)

    def scroll(self, key):
        step = {"up": -1, "down": 1, "page-up": -10,
                "page-down": 10}.get(key)
        if step:
            self.top = max(0, self.top + step)
        return step is not None

    def quit(self):
        self.running = False

    def show_hint(self):
        region, level, text = take_hint(self.context, self.lesson)
        self.view = [self.t("hint.title", id=region, level=level), ""]
        self.view += self.terminal.wrap_page(text).split("\n")

    def show_list(self):
        self.view = [f"  {one.number}  {one.name:<20} " +
                     self.t("list." + state_of(self.context, one))
                     for one in lessons.all_lessons()]

    def show_diff(self):
        before = [one for one in lessons.all_lessons()
                  if one.number < self.lesson.number and one.has_program]
        self.view = [self.t("watch.no_diff", number=self.lesson.number)]
        if before:
            self.view = list(diff_lines(self.context, before[-1],
                                        self.lesson))
            self.top = 0

    def show_steps(self):
        path = os.path.join(self.context.folder(self.lesson), "run.json")
        if not os.path.exists(path):
            self.view = [self.t("step.none", number=self.lesson.number)]
            return
        target = runs.write_steps(self.context, self.lesson)
        self.view = [self.t("step.wrote", path=short_path(target)),
                     *self.terminal.wrap(self.t("step.open")).split("\n")]

    def changed(self):
        if os.path.basename(self.path) in (names := self.folder.changed()) \
                or "" in names:
            self.again_at = time.monotonic() + SETTLE_S

    def time_out(self):
        if self.again_at is not None:
            return max(0.0, self.again_at - time.monotonic())
        return None if self.folder.watched else 0.5

    def loop(self, keyboard, wakeup):
        while self.running:
            self.draw()
            sources = [keyboard.fd, self.folder.fd, wakeup]
            if self.checking:
                sources += self.checking.descriptors()
            ready, _, _ = select.select(sources, [], [], self.time_out())
            for source in ready:
                if source == keyboard.fd:
                    self.press(keyboard.read())
                elif source == self.folder.fd:
                    self.changed()
                elif source == wakeup:
                    os.read(wakeup, 4096)
                elif self.checking and source in self.checking.open:
                    self.checking.take(source)
            if self.checking and self.checking.is_over():
                self.end_check()
            if self.folder.add():
                self.again_at = time.monotonic()
            if self.again_at is not None and \
                    time.monotonic() >= self.again_at:
                self.begin_check()

    def close(self):
        if self.checking:
            self.checking.stop()
        self.folder.close()


def cut_line(line, columns):
    """A line no wider than the terminal; sequences of colour have no width."""
    width, at = 0, 0
    while at < len(line):
        if line[at] == "\033":
            end = line.find("m", at)
            at = len(line) if end < 0 else end + 1
            continue
        if width == columns - 1:
            return line[:at] + ("\033[0m" if "\033" in line[:at] else "")
        width += 1
        at += 1
    return line


def wakeup_pipe():
    """A descriptor that becomes readable at a signal: a resized terminal."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGWINCH, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def end_by_signal(*_):
    raise KeyboardInterrupt


def choose_lesson(context, options):
    if options.operands:
        return context.lesson(options)
    last = context.progress.of(SETTINGS).get("last")
    if not last:
        raise UsageError(context.t("lesson.needs_lesson", command="watch"))
    return context.find(last)


def command_watch(context, options):
    lesson = choose_lesson(context, options)
    if not lesson.has_program:
        raise context.no_program(lesson)
    if not sys.stdin.isatty():
        raise Stop(context.t("watch.needs_terminal", number=lesson.number), 2)
    context.started(lesson)
    watch = Watch(context, lesson)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    try:
        with Keyboard().live(watch.draw) as keyboard:
            watch.loop(keyboard, wakeup_pipe())
    except KeyboardInterrupt:
        pass
    finally:
        watch.close()
    print()
    context.terminal.say(context.t("watch.bye",
                                   path=short_path(watch.path)))
    return 0
