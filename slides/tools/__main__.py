# SPDX-License-Identifier: MIT
"""`./reveil slides`: present a deck, build all of them, record the logs; and
`./reveil demo --slides N`."""
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent import futures

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import check  # noqa: E402
import deck as decks_of  # noqa: E402
import live  # noqa: E402
import pages  # noqa: E402
import record  # noqa: E402
import steps  # noqa: E402
from quote import ROOT  # noqa: E402  (and the course's folder in the path)
import paper  # noqa: E402
from terminal import StatusLine  # noqa: E402

EVERY_S = 10  # between two lines where there is no terminal

MESSAGES = {
    "en": {
        "no_deck": "slides: no deck {}; there are {}",
        "demo_usage": "demo: wrong arguments, see ./reveil demo --slides "
        "--help",
        "usage": "slides: wrong arguments, see ./reveil slides --help",
        "broken": "slides: {}: {}: {}",
        "list": "{:>3}  {}  ({:g} min, {} slides)",
        "how": "\nPresent one: ./reveil slides N. In patat: space or right "
        "arrow, left arrow, q.",
        "no_pdf": "slides: no PDF: chromium is not installed",
        "progress": "slides: {} of {}: {}",
        "step": "steps of lesson {}",
        "no_step": "slides: {}: this lesson cannot run on this machine, so "
        "slides name its command in place of its page",
        "failed": "slides: not made: {}",
        "no_folder": "slides: cannot write into {}: {}",
    },
    "fr": {
        "no_deck": "slides : pas de présentation {} ; il y a {}",
        "demo_usage": "demo : arguments faux, voir ./reveil demo --slides "
        "--help",
        "usage": "slides : arguments faux, voir ./reveil slides --help",
        "broken": "slides : {} : {} : {}",
        "list": "{:>3}  {}  ({:g} min, {} diapositives)",
        "how": "\nPour en présenter une : ./reveil slides N. Dans patat : "
        "espace ou flèche droite, flèche gauche, q.",
        "no_pdf": "slides : pas de PDF : chromium n’est pas installé",
        "progress": "slides : {} sur {} : {}",
        "step": "étapes de la leçon {}",
        "no_step": "slides : {} : cette leçon ne peut pas tourner sur cette "
        "machine ; les diapositives nomment sa commande au lieu de sa page",
        "failed": "slides : pas fait : {}",
        "no_folder": "slides : impossible d’écrire dans {} : {}",
    },
}


def stop_if_broken(decks, words):
    broken = False
    for deck in decks:
        found = [(deck.name, problem) for problem in deck.problems]
        found += [(slide.title, problem) for slide in deck.slides
                  for problem in slide.problems]
        for title, problem in found:
            print(words["broken"].format(os.path.relpath(deck.path, ROOT),
                                         title, problem), file=sys.stderr)
            broken = True
    if broken:
        sys.exit(1)


def deck_of(number, language, words):
    """Deck N, without fault; or the end of the program."""
    decks = decks_of.all_decks(language)
    match = re.fullmatch(r"0*(\d+b?)", number)
    chosen = [deck for deck in decks if match and deck.number == match[1]]
    if not chosen:
        print(words["no_deck"].format(
            number, ", ".join(deck.number for deck in decks)), file=sys.stderr)
        sys.exit(2)
    stop_if_broken(chosen, words)
    return chosen[0]


def present(number, language, words, dump):
    if number is None:
        for deck in decks_of.all_decks(language):
            print(words["list"].format(deck.number, deck.title, deck.minutes,
                                       len(deck.slides)))
        print(words["how"])
        return 0
    deck = deck_of(number, language, words)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, deck.name + ".md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(decks_of.for_terminal(deck))
        command = ["patat", "--force", "--dump", path] if dump else \
            ["patat", path]
        return subprocess.run(command).returncode


class Progress:
    """How far a build is: a line that is redrawn; where there is no terminal,
    one every EVERY_S seconds."""

    def __init__(self, total, words):
        self.done, self.total, self.words = 0, total, words
        self.status = StatusLine()
        self.last = time.monotonic()

    def add(self, what):
        self.done += 1
        text = self.words["progress"].format(self.done, self.total, what)
        self.status.show(text)
        if not self.status.on and time.monotonic() - self.last >= EVERY_S:
            self.last = time.monotonic()
            print(text, file=sys.stderr, flush=True)


def run_all(jobs, progress):
    """Run [(what, function)] beside each other; {what: result}, and the
    sentences of those that failed."""
    results, failed = {}, []
    pool = futures.ThreadPoolExecutor(max(2, os.cpu_count() or 1))
    try:
        running = {pool.submit(function): what for what, function in jobs}
        for future in futures.as_completed(running):
            what = running[future]
            try:
                results[what] = future.result()
            except (steps.Failed, paper.Failed, OSError,
                    subprocess.SubprocessError) as error:
                failed.append(f"{what}: {error}")
            progress.add(what)
    finally:
        pool.shutdown(cancel_futures=True)
    return results, failed


class Build:
    """students/ may be given away as it is; teacher/ has the notes."""

    def __init__(self, folder, words, pdf):
        self.folder = os.path.abspath(folder)
        self.words = words
        self.pdf = pdf
        self.made = {}
        self.numbers = {}

    def prove_writable(self):
        os.makedirs(self.folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.folder):
            pass

    def path(self, who, deck, form, ending):
        """Where this form of the deck is; it will be linked."""
        relative = os.path.join(who, deck.language, deck.name + ending)
        path = os.path.join(self.folder, relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.made.setdefault((who, deck.language, deck.name), []).append(
            (form, relative))
        return path

    def write(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def students_page(self, deck, page, pdf):
        self.write(page, pages.deck_page(deck, teacher=False,
                                         steps=self.numbers))
        if pdf:
            paper.print_pdf(page, pdf)

    def jobs_of(self, deck):
        """[(what, function)]: each form of the deck."""
        place = f"{deck.language}/{deck.name}"
        page = self.path("students", deck, "deck", ".html")
        handout = self.path("students", deck, "handout", "-handout.html")
        slides = self.path("students", deck, "pptx", ".pptx")
        pdf = self.path("students", deck, "pdf", ".pdf") if self.pdf else None
        teachers = self.path("teacher", deck, "deck", ".html")
        notes = self.path("teacher", deck, "pptx", ".pptx")
        yield place, lambda: self.students_page(deck, page, pdf)
        yield place + "-handout", lambda: self.write(
            handout, pages.handout_page(deck, self.numbers))
        yield place + " pptx", lambda: pages.pptx(deck, slides, False)
        yield f"teacher/{place}", lambda: self.write(
            teachers, pages.deck_page(deck, True, self.numbers))
        yield f"teacher/{place} pptx", lambda: pages.pptx(deck, notes, True)

    def run(self, decks):
        """Returns what failed, as sentences."""
        step_folder = os.path.join(self.folder, "students", "step")
        lessons = steps.wanted(decks)
        jobs = [job for deck in decks for job in self.jobs_of(deck)]
        progress = Progress(len(lessons) + len(jobs), self.words)
        results, failed = run_all(
            [(self.words["step"].format(lesson),
              functools.partial(steps.make, lesson, texts, step_folder))
             for lesson, texts in lessons.items()], progress)
        for what, numbers in results.items():
            self.numbers.update(numbers)
            if not numbers:
                print(self.words["no_step"].format(what), file=sys.stderr)
        if self.numbers:
            shutil.copytree(step_folder,
                            os.path.join(self.folder, "teacher", "step"),
                            dirs_exist_ok=True)
        failed += run_all(jobs, progress)[1]
        progress.status.clear()
        self.write(os.path.join(self.folder, "index.html"),
                   pages.index_page(decks, self.made))
        return failed


def build(folder, words, pdf=True):
    decks = decks_of.all_decks()
    stop_if_broken(decks, words)
    if pdf and not paper.browser():
        print(words["no_pdf"], file=sys.stderr)
        pdf = False
    one = Build(folder, words, pdf)
    try:
        one.prove_writable()  # before the work, not after it
        failed = one.run(decks)
    except OSError as error:
        print(words["no_folder"].format(one.folder, error.strerror or error),
              file=sys.stderr)
        return 1
    for sentence in failed:
        print(words["failed"].format(sentence), file=sys.stderr)
    print(os.path.join(one.folder, "index.html"))
    return 1 if failed else 0


def demo(rest, language, words):
    """`./reveil demo --slides N [--recorded]`, without --slides"""
    numbers = [word for word in rest if not word.startswith("-")]
    if len(numbers) != 1 or set(rest) - set(numbers) - {"--recorded"}:
        print(words["demo_usage"], file=sys.stderr)
        return 2
    return live.Live(deck_of(numbers[0], language, words),
                     "--recorded" in rest).show()


def main(argv):
    language, flags, operands, rest = "en", set(), [], list(argv[1:])
    while rest:
        word = rest.pop(0)
        if word == "--lang" and rest:
            language = rest.pop(0)
        elif word.startswith("--lang="):
            language = word[7:]
        elif word.startswith("-"):
            flags.add(word)
        else:
            operands.append(word)
    language = "fr" if language.startswith("fr") else "en"
    words = MESSAGES[language]
    if operands[:1] == ["demo"]:
        return demo(operands[1:] + sorted(flags), language, words)
    if flags - {"--dump", "--no-pdf"} or \
            len(operands) > 2 and operands[0] != "record":
        print(words["usage"], file=sys.stderr)
        return 2
    if operands[:1] == ["build"] and "" not in operands:
        folder = operands[1] if len(operands) > 1 else \
            os.path.join(ROOT, "build-slides")
        return build(folder, words, "--no-pdf" not in flags)
    if operands == ["check"]:
        found = list(check.everything())
        print("\n".join(found))
        return 1 if found else 0
    if operands[:1] == ["record"]:
        return record.record(operands[1:])
    if len(operands) > 1:
        print(words["usage"], file=sys.stderr)
        return 2
    return present(operands[0] if operands else None, language, words,
                   "--dump" in flags)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except KeyboardInterrupt:
        # End by the signal, as a shell expects.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
