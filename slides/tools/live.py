# SPDX-License-Identifier: MIT
"""`./reveil demo --slides N`: the live demo of a deck, with its pauses.

Each slide of the kind .live is shown as text; where it has @run, the command is
shown, waits for a key, and runs. If it fails, or with --recorded, the log that
the slide quotes is played in its place.
"""
import contextlib
import os
import re
import signal
import subprocess
import sys
import time

import quote
from deck import PAUSE, STEP, Block
from quote import ROOT
from keyboard import Keyboard
from terminal import Terminal

END_S = 10  # for a command to end after ctrl-C
LONGEST_S = 2  # between two lines of a recording
TIME = re.compile(r" *(\d+\.\d) ms ")

MESSAGES = {
    "en": {
        "run": "[a key: run it · q: end]",
        "go_on": "[a key: go on · q: end]",
        "failed": "slides: it ended with status {}; this is the recording:",
        "recorded": "slides: recorded, not run:",
        "no_recording": "slides: it ended with status {}, and this slide has "
        "no recording",
    },
    "fr": {
        "run": "[une touche : lancer · q : finir]",
        "go_on": "[une touche : continuer · q : finir]",
        "failed": "slides : terminé avec le code {} ; voici "
        "l’enregistrement :",
        "recorded": "slides : enregistré, pas lancé :",
        "no_recording": "slides : terminé avec le code {}, et cette "
        "diapositive n’a pas d’enregistrement",
    },
}


class Ended(Exception):
    """The presenter has pressed q."""


def recording_of(slide):
    """The lines of the log that the slide quotes, whole, or None."""
    for mark in slide.marks:
        if mark.startswith("log "):
            return quote.log([mark.split()[1]]).splitlines()
    return None


def in_language(command, language):
    """./reveil speaks the language of the slides; what is shown stays as it
    is typed."""
    if command.startswith("./reveil "):
        return command.replace("./reveil ", f"./reveil --lang={language} ", 1)
    return command


def hold_ctrl_c(how):
    signal.pthread_sigmask(how, {signal.SIGINT})


def run(command):
    """Its exit status. Ctrl-C is passed on to all that it has started."""
    sys.stdout.flush()
    # Held back until there is a child to pass it on to.
    hold_ctrl_c(signal.SIG_BLOCK)
    try:
        child = subprocess.Popen(
            ["sh", "-c", command], cwd=ROOT, stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: hold_ctrl_c(signal.SIG_UNBLOCK))
    except BaseException:
        hold_ctrl_c(signal.SIG_UNBLOCK)
        raise
    try:
        hold_ctrl_c(signal.SIG_UNBLOCK)
        return child.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(END_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise


class Live:
    def __init__(self, deck, recorded):
        self.deck = deck
        self.recorded = recorded
        self.words = MESSAGES[deck.language]
        self.terminal = Terminal()
        self.waits = sys.stdin.isatty() and sys.stdout.isatty()
        self.failed = False

    def say(self, text=""):
        self.terminal.say(text)

    def pause(self, what):
        """Wait for a key; without a terminal there are none."""
        if not self.waits:
            return
        prompt = self.words[what]
        keyboard = Keyboard()
        keyboard.begin()
        try:
            sys.stdout.write(self.terminal.style(prompt, "dim"))
            sys.stdout.flush()
            key = keyboard.read()
        finally:
            keyboard.end()
            sys.stdout.write("\r" + " " * len(prompt) + "\r")
            sys.stdout.flush()
        if key in ("q", "escape"):
            raise Ended

    def play(self, lines):
        """A recording, on a terminal at its own pace."""
        before = 0.0
        for line in lines:
            found = TIME.match(line)
            if found and self.waits:
                now = float(found[1]) / 1000
                time.sleep(min(max(now - before, 0), LONGEST_S))
                before = now
            self.say(line)

    def command(self, slide, command):
        self.say(self.terminal.style("$ " + command, "bold"))
        self.pause("run")
        recording = recording_of(slide)
        if self.recorded and recording is not None:
            print(self.words["recorded"], file=sys.stderr, flush=True)
            self.play(recording)
            return
        status = run(in_language(command, self.deck.language))
        if status == 0 or command.startswith("./reveil lesson check ") and \
                status == 1:
            return  # a check of a wrong answer ends with 1
        self.failed = True
        if recording is None:
            print(self.words["no_recording"].format(status),
                  file=sys.stderr, flush=True)
            return
        print(self.words["failed"].format(status), file=sys.stderr,
              flush=True)
        self.play(recording)

    def text(self, text):
        """Markdown as it is written, with its pauses."""
        for place, part in enumerate(re.split(
                rf"^{re.escape(PAUSE)}$", text, flags=re.MULTILINE)):
            if place:
                self.pause("go_on")
            if part.strip():
                self.say(self.terminal.wrap_page(part.strip("\n")) + "\n")

    def slide(self, slide):
        self.say(self.terminal.style(slide.title, "bold"))
        self.say("=" * len(slide.title) + "\n")
        commands = list(slide.commands)
        for part in slide.parts:
            if not isinstance(part, Block):
                self.text(part)
            elif part.kind == "code" and part.language == "sh" and commands:
                self.command(slide, commands.pop(0))
                self.say()
            elif part.kind == "step":
                self.text(STEP[self.deck.language].format(part.text))
            elif part.kind != "code" or part.language != "text":
                self.say(part.text + "\n")  # of a log, the run is the original
        self.pause("go_on")

    def show(self):
        try:
            for slide in self.deck.slides:
                if "live" in slide.kinds:
                    self.slide(slide)
        except Ended:
            pass
        return 1 if self.failed else 0
