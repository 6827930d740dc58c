# SPDX-License-Identifier: MIT
"""`./reveil slides`: present a deck, build all of them, record the logs."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import check  # noqa: E402
import deck as decks_of  # noqa: E402
import pages  # noqa: E402
import record  # noqa: E402
import steps  # noqa: E402
from quote import ROOT  # noqa: E402

MESSAGES = {
    "en": {
        "no_deck": "slides: no deck {}; there are {}",
        "usage": "slides: wrong arguments, see ./reveil slides --help",
        "broken": "slides: {}: {}: {}",
        "list": "{:>3}  {}  ({:g} min, {} slides)",
        "how": "\nPresent one: ./reveil slides N. In patat: space or right "
        "arrow, left arrow, q.",
        "no_pdf": "slides: no PDF: there is no chromium here",
    },
    "fr": {
        "no_deck": "slides : pas de présentation {} ; il y a {}",
        "usage": "slides : arguments faux, voir ./reveil slides --help",
        "broken": "slides : {} : {} : {}",
        "list": "{:>3}  {}  ({:g} min, {} diapositives)",
        "how": "\nPour en présenter une : ./reveil slides N. Dans patat : "
        "espace ou flèche droite, flèche gauche, q.",
        "no_pdf": "slides : pas de PDF : il n’y a pas de chromium ici",
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


def present(number, language, words, dump):
    decks = decks_of.all_decks(language)
    if number is None:
        for deck in decks:
            print(words["list"].format(deck.number, deck.title, deck.minutes,
                                       len(deck.slides)))
        print(words["how"])
        return 0
    wanted = (number.lstrip("0") or "0") if not number.endswith("b") else "0b"
    chosen = [deck for deck in decks if deck.number == wanted]
    if not chosen:
        print(words["no_deck"].format(
            number, ", ".join(deck.number for deck in decks)), file=sys.stderr)
        return 2
    stop_if_broken(chosen, words)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, chosen[0].name + ".md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(decks_of.for_terminal(chosen[0]))
        command = ["patat", "--force", "--dump", path] if dump else \
            ["patat", path]
        return subprocess.run(command).returncode


def print_pdf(chromium, page, path):
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu",
             f"--user-data-dir={profile}", "--print-to-pdf-no-header",
             "--no-pdf-header-footer", f"--print-to-pdf={path}",
             "file://" + page],
            check=True, timeout=300, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)


def build(folder, words, pdf=True):
    """students/ may be given away as it is; teacher/ has the notes."""
    decks = decks_of.all_decks()
    stop_if_broken(decks, words)
    folder = os.path.abspath(folder)
    chromium = pdf and shutil.which("chromium")
    if pdf and not chromium:
        print(words["no_pdf"], file=sys.stderr)
    made = {}
    numbers = steps.make(decks, os.path.join(folder, "students", "step"))
    if numbers:
        shutil.copytree(os.path.join(folder, "students", "step"),
                        os.path.join(folder, "teacher", "step"),
                        dirs_exist_ok=True)

    def write(who, deck, form, ending, text=None):
        relative = os.path.join(who, deck.language, deck.name + ending)
        path = os.path.join(folder, relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        made.setdefault((who, deck.language, deck.name), []).append(
            (form, relative))
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    for deck in decks:
        page = write("students", deck, "deck", ".html",
                     pages.deck_page(deck, teacher=False, steps=numbers))
        write("students", deck, "handout", "-handout.html",
              pages.handout_page(deck, numbers))
        pages.pptx(deck, write("students", deck, "pptx", ".pptx"), False)
        if chromium:
            print_pdf(chromium, page, write("students", deck, "pdf", ".pdf"))
        write("teacher", deck, "deck", ".html",
              pages.deck_page(deck, teacher=True, steps=numbers))
        pages.pptx(deck, write("teacher", deck, "pptx", ".pptx"), True)
    with open(os.path.join(folder, "index.html"), "w",
              encoding="utf-8") as file:
        file.write(pages.index_page(decks, made))
    print(os.path.join(folder, "index.html"))
    return 0


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
    if flags - {"--dump", "--no-pdf"} or \
            len(operands) > 2 and operands[0] != "record":
        print(words["usage"], file=sys.stderr)
        return 2
    if operands[:1] == ["build"]:
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
    sys.exit(main(sys.argv))
