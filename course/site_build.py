# SPDX-License-Identifier: MIT
"""`./reveil course --html DIR`: the whole course as one site without network.

    DIR/index.html      leads to one of the languages
    DIR/en/, DIR/fr/    index, glossary, one page a lesson, the search's index
    DIR/steps/          the recorded steps of each solution, in both languages
    DIR/.reveil-course  what the command has written: it replaces only that
"""
import contextlib
import html
import json
import os
import re
import shutil
import sys
import tempfile
import time

import lessons
import site_map
import texts
from context import ROOT, Stop
from options import UsageError
from site_markdown import Page, esc, plain
from terminal import StatusLine

HERE = os.path.dirname(os.path.abspath(__file__))
WEB = os.path.join(HERE, "site_web")
SLIDES_TOOLS = os.path.join(ROOT, "slides", "tools")
# What `./reveil slides build` makes for students.
DECKS = os.path.join(ROOT, "build-slides", "students")
MARKER = ".reveil-course"
PICTURES = (".svg", ".png")
TRIES = 2  # of a run on a loaded machine


def written():
    """The lessons that have their page in both languages."""
    return [one for one in lessons.all_lessons()
            if all(os.path.exists(one.readme_path(language))
                   for language in texts.LANGUAGES)]


def question_of(lesson, language):
    """What the lesson asks: the first bold words of its page."""
    found = re.search(r"^\*\*(.+?)\*\*", lesson.readme(language),
                      re.MULTILINE | re.DOTALL)
    return " ".join(plain(found[1]).split()) if found else ""


def terms_of(lesson, language):
    """[(term, sentences)]: the items of the page's first section that begin
    with a bold word."""
    section = lesson.readme(language).split("\n## ")[1:2]
    terms = []
    for item in re.split(r"\n(?=- )|\n\n", section[0] if section else ""):
        found = re.match(r"- (?:(?:A|An|The|Un|Une|Le|La|Les|L’)\s*)?"
                         r"\*\*(.+?)\*\*", item, re.DOTALL)
        if found:
            terms.append((" ".join(plain(found[1]).split()), item[2:]))
    return terms


class Site:
    """All files of the site in a folder that nobody looks at yet."""

    def __init__(self, folder, numbers_with_steps, context):
        self.folder = folder
        self.with_steps = numbers_with_steps
        self.context = context
        self.lessons = written()
        self.map = site_map.Map(self.lessons)
        self.drawn = 0  # drawings of this page: each has its own id
        self.words = {one: texts.Texts(one) for one in texts.LANGUAGES}
        self.decks = {one: self.find_decks(one) for one in texts.LANGUAGES}

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def copy(self, source, name):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(source, path)

    # --- the frame of every page ------------------------------------------

    def page(self, language, name, title, body):
        """A page: its head, the bar above, its text."""
        t = self.words[language]
        other = "fr" if language == "en" else "en"

        def to(target, text):
            now = ' aria-current="page"' if target == name else ""
            return f'<a href="{target}"{now}>{esc(text)}</a>'

        self.write(f"{language}/{name}", f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{esc(title)}</title>
<link rel="stylesheet" href="../style.css">
<link rel="alternate" hreflang="{other}" href="../{other}/{name}"></head><body>
<a class="skip" href="#text">{esc(t("site.skip"))}</a>
<header><div><nav aria-label="{esc(t("site.course"))}">
{to("index.html", t("site.index"))} {to("glossary.html", t("site.glossary"))}
<a id="other" href="../{other}/{name}" lang="{other}" hreflang="{other}">"""
                   f"""{esc(t("site.other"))}</a></nav>
<div class="find" role="search" hidden><input id="search" type="search" """
                   f"""aria-label="{esc(t("site.search"))}" """
                   f"""placeholder="{esc(t("site.search_place"))}" """
                   f"""autocomplete="off" aria-keyshortcuts="/">
<div id="found" aria-live="polite" hidden data-none="{esc(t("site.found_none"))}" """
                   f"""data-one="{esc(t("site.found_one"))}" """
                   f"""data-many="{esc(t("site.found_many"))}"></div></div>
</div></header>
<main id="text">{body}</main>
<script src="../site.js"></script></body></html>
""")

    def entrance(self, language):
        """DIR/index.html: the language chosen last, or with --lang, or the
        browser's."""
        t = self.words[language or "en"]
        links = "".join(
            f'<p><a href="{one}/index.html" lang="{one}">'
            f"{esc(self.words[one]('site.title'))}</a></p>"
            for one in sorted(texts.LANGUAGES, key=lambda one:
                              one != (language or "en")))
        chosen = json.dumps(language)
        self.write("index.html", f"""<!doctype html>
<html lang="{t.language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{esc(t("site.choose"))}</title>
<link rel="stylesheet" href="style.css"></head><body><main>
<h1>reveil</h1>{links}</main><script>
var kept = null;
try {{ kept = localStorage.getItem("reveil-lang"); }} catch (error) {{}}
var lang = kept || {chosen} || (/^fr/i.test(navigator.language) ? "fr" : "en");
location.replace((lang === "fr" ? "fr" : "en") + "/index.html");
</script></body></html>
""")

    # --- pages ------------------------------------------------------------

    def name_of(self, number):
        """The page of a lesson that is there, or None."""
        return next((one.folder + ".html" for one in self.lessons
                     if one.number == number), None)

    def to_lessons(self, numbers):
        """05, 06 as links; what is not written yet as words."""
        return ", ".join(
            f'<a href="{name}">{number}</a>'
            if (name := self.name_of(number)) else number
            for number in numbers)

    def relations(self, number, language):
        """What the lesson builds on, and what builds on it."""
        t = self.words[language]
        before, after = self.map.needs(number), self.map.leads_to(number)
        return [t("site." + key, lessons=self.to_lessons(numbers))
                for key, numbers in (("needs", before), ("leads", after))
                if numbers]

    def index(self, language):
        t = self.words[language]
        body = [f"<h1>{esc(t('site.title'))}</h1>"]
        lead, _, command = t("site.lead").rpartition("./")
        body.append(f"<p>{esc(lead)}<code>./{esc(command)}</code></p>")
        if self.decks[language]:
            body.append(f"<h2 id=\"decks\">{esc(t('site.decks'))}</h2><ul>")
            body += [self.deck_item(title, forms, language)
                     for title, forms in self.decks[language]]
            body.append("</ul>")
        body.append(f"<h2 id=\"map\">{esc(t('site.map'))}</h2>")
        body.append(self.map.svg(language, t("site.map_alt"), self.name_of))
        rows = []
        for track in self.map.tracks:
            mark, about = f"track-{track['key']}", track["about_" + language]
            body.append(f'<h2 id="{mark}">{esc(track[language])}</h2>'
                        f"<p class=\"soft\">{esc(about)}</p>"
                        '<ol class="lessons">')
            body += [self.card(number, track["key"], language)
                     for number in track["lessons"]]
            body.append("</ol>")
            rows.append(["index.html", mark, t("site.index"),
                         track[language], about])
        self.page(language, "index.html", t("site.title"), "\n".join(body))
        return rows

    def card(self, number, track, language):
        t = self.words[language]
        lesson = next((one for one in self.lessons if one.number == number),
                      None)
        if lesson:
            head = (f'<h3><a href="{lesson.folder}.html">{number} '
                    f"{esc(lesson.name)}</a></h3>"
                    f"<p>{esc(question_of(lesson, language))}</p>")
        else:
            head = (f"<h3>{number} {esc(self.map.names.get(number, ''))}</h3>"
                    f"<p class=\"soft\">{esc(t('site.coming'))}</p>")
        about = " · ".join(self.relations(number, language))
        return (f'<li class="t-{track}">{head}'
                f'<p class="soft">{about}</p></li>')

    def picture(self, lesson, target, words):
        """A picture of the lesson's folder, copied; else its words."""
        source = os.path.normpath(lesson.file(target))
        if not source.startswith(lesson.path + os.sep) or \
                not target.endswith(PICTURES) or not os.path.isfile(source):
            return esc(words)
        name = f"{lesson.number}-{os.path.basename(target)}"
        self.copy(source, "pictures/" + name)
        return f'<img src="../pictures/{esc(name)}" alt="{esc(words)}">'

    def link(self, lesson, target):
        """A link between pages of the tree, as one between pages of the site;
        None for what is not in it."""
        path, _, mark = target.partition("#")
        if not path:
            return target
        path = os.path.normpath(os.path.join(lesson.path, path))
        for one in self.lessons:
            if path in (one.path, one.readme_path("en"),
                        one.readme_path("fr")):
                return f"{one.folder}.html" + ("#" + mark if mark else "")
            if path.startswith(one.path + os.sep + "extra" + os.sep) and \
                    one is lesson:
                return "#extra-" + os.path.basename(path).partition(".")[0]
        if path in (os.path.join(ROOT, "lessons", "README.md"),
                    os.path.join(ROOT, "lessons", "README.fr.md")):
            return "index.html"
        if path == os.path.join(ROOT, "GLOSSARY.md"):
            return "glossary.html"
        return None

    def drawing(self, name, frames, language):
        """A drawing of the slides, frame by frame, with what it shows."""
        if SLIDES_TOOLS not in sys.path:
            sys.path.append(SLIDES_TOOLS)
        import drawing
        import quote
        out = []
        for frame in frames:
            alt, art = quote.drawing([name, frame], language)
            self.drawn += 1
            out.append('<figure class="drawn"><div tabindex="0">'
                       f"{drawing.svg(art, alt, self.drawn)}</div>"
                       f"<figcaption>{esc(alt)}</figcaption></figure>")
        return "\n".join(out)

    def markdown(self, lesson, text, language, prefix="s"):
        return Page(text, lambda target: self.link(lesson, target),
                    lambda target, words: self.picture(lesson, target, words),
                    prefix, lambda name, frames:
                    self.drawing(name, frames, language))

    def hints(self, lesson, language):
        t = self.words[language]
        out = []
        for todo, levels in lesson.hints(language).items():
            mark = "hint-" + todo.replace(".", "-")
            out.append(f'<details id="{mark}"><summary>TODO {esc(todo)}'
                       "</summary>")
            for level, text in enumerate(levels, 1):
                key = f"site.hint_{min(level, 3)}"
                out.append(f"<details><summary>{level}. {esc(t(key))}"
                           "</summary>" + self.markdown(lesson, text, language).html +
                           "</details>")
            out.append("</details>")
        if not out:
            return ""
        return (f"<h2 id=\"hints\">{esc(t('site.hints'))}</h2>"
                f"<p class=\"soft\">{esc(t('site.hints_note'))}</p>" +
                "".join(out))

    def extras(self, lesson, language):
        """[(id, title, html, text)] of extra/*.md in this language."""
        folder = lesson.file("extra")
        ending = ".fr.md" if language == "fr" else ".md"
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if not name.endswith(ending) or \
                    (language == "en" and name.endswith(".fr.md")):
                continue
            mark = "extra-" + name.partition(".")[0]
            page = self.markdown(lesson, lessons.read(
                os.path.join(folder, name)), language, mark + "-")
            body = re.sub(r"^<h1>.*?</h1>\n?", "", page.html)
            words = " ".join(text for _, _, text in page.sections)
            yield mark, page.title or name, body, words

    def steps_link(self, lesson, language):
        t = self.words[language]
        if not lesson.has_program:
            return ""
        if lesson.number in self.with_steps:
            return (f'<a class="go" href="../steps/{lesson.folder}.html'
                    f'#lang={language}"><strong>{esc(t("site.steps_link"))}'
                    f'</strong><span>{esc(t("site.steps_note"))}</span></a>')
        why = t.of(lesson.elsewhere) if lesson.elsewhere else \
            t("site.steps_none")
        return f'<p class="soft">{esc(why)}</p>'

    def lesson(self, lesson, language):
        """Write a lesson's page. Returns its rows of the search's index."""
        t = self.words[language]
        self.drawn = 0
        page = self.markdown(lesson, lesson.readme(language), language)
        name = lesson.folder + ".html"
        rows = [[name, mark, f"{lesson.number} {lesson.name}",
                 title if mark else "", text]
                for mark, title, text in page.sections]
        body = page.html.replace("</h1>", "</h1><p class=\"chips\">" + " ".join(
            f"<span>{text}</span>" for text in
            self.relations(lesson.number, language)) + "</p>", 1)
        places = [(mark, title) for mark, title, _ in page.sections if mark]
        hints = self.hints(lesson, language)
        if hints:
            places.append(("hints", t("site.hints")))
        body += self.steps_link(lesson, language) + hints
        extras = list(self.extras(lesson, language))
        if extras:
            places.append(("extra", t("site.extra")))
            body += f"<h2 id=\"extra\">{esc(t('site.extra'))}</h2>"
        for mark, title, text, words in extras:
            body += (f'<details id="{mark}"><summary>{esc(title)}</summary>'
                     f"{text}</details>")
            rows.append([name, mark, f"{lesson.number} {lesson.name}", title,
                         words])
        toc = (f'<nav class="toc" aria-labelledby="toc"><h2 id="toc">'
               f"{esc(t('site.on_page'))}</h2><ol>" + "".join(
                   f'<li><a href="#{mark}">{esc(title)}</a></li>'
                   for mark, title in places) + "</ol></nav>")
        self.page(language, name, page.title,
                  f'<div class="with"><article>{body}{self.ends(lesson, t)}'
                  f"</article>{toc}</div>")
        return rows

    def ends(self, lesson, t):
        """The lesson before and the one after."""
        at = self.lessons.index(lesson)
        links = []
        for key, place in (("before", at - 1), ("after", at + 1)):
            if 0 <= place < len(self.lessons):
                one = self.lessons[place]
                links.append(f'<a href="{one.folder}.html">' + esc(
                    t("site." + key, lesson=f"{one.number} {one.name}")) +
                    "</a>")
        return f'<nav class="ends">{"".join(links)}</nav>'

    def glossary(self, language):
        t = self.words[language]
        body = [f"<h1>{esc(t('site.glossary'))}</h1>",
                f"<p>{esc(t('site.glossary_lead'))}</p>", '<dl class="terms">']
        rows = []
        terms = [(term, text, lesson, f"term-{lesson.number}-{place}")
                 for lesson in self.lessons for place, (term, text) in
                 enumerate(terms_of(lesson, language))]
        for term, text, lesson, mark in sorted(
                terms, key=lambda one: site_map.sorted_as(one[0])):
            page = self.markdown(lesson, text, language)
            words = re.sub(r"^<p>(.*)</p>$", r"\1", page.html,
                           flags=re.DOTALL)
            body.append(f'<dt id="{mark}">{esc(term)}</dt><dd>{words} '
                        f'<a href="{lesson.folder}.html">'
                        f"({esc(t('site.in_lesson'))} {lesson.number})"
                        "</a></dd>")
            rows.append(["glossary.html", mark, t("site.glossary"), term,
                         " ".join(plain(text).split())])
        body.append("</dl>")
        body.append(f"<h2 id=\"both\">{esc(t('site.glossary_both'))}</h2>"
                    f"<p>{esc(t('site.glossary_note'))}</p>")
        heads = "".join(f'<th scope="col">{esc(t("site." + key))}</th>'
                        for key in ("word", "french", "meaning"))
        body.append('<div class="wide" tabindex="0"><table><thead><tr>'
                    f"{heads}</tr></thead><tbody>")
        for word, french, meaning in pairs_of_words():
            show = Page("").inline
            body.append(f'<tr><th scope="row" lang="en">{show(word)}</th>'
                        f'<td lang="fr">{show(french)}</td>'
                        f'<td lang="en">{show(meaning)}</td></tr>')
        body.append("</tbody></table></div>")
        self.page(language, "glossary.html", t("site.glossary"),
                  "\n".join(body))
        return rows

    def find_decks(self, language):
        """[(title, {form: file})] of the slides that are built."""
        folder = os.path.join(DECKS, language)
        names = set(os.listdir(folder)) if os.path.isdir(folder) else set()
        found = []
        for name in sorted(names):
            stem, ending = os.path.splitext(name)
            if ending != ".html" or stem.endswith("-handout"):
                continue
            title = re.search(r"<title>(.*?)</title>", lessons.read(
                os.path.join(folder, name)), re.DOTALL)
            forms = {"deck": name, "handout": stem + "-handout.html",
                     "pdf": stem + ".pdf", "pptx": stem + ".pptx"}
            found.append((html.unescape(title[1].strip()) if title else stem,
                          {form: file for form, file in forms.items()
                           if file in names}))
        return found

    def copy_decks(self):
        """slides/LANGUAGE/ beside slides/step/, as the slides link them."""
        for language, decks in self.decks.items():
            for _, forms in decks:
                for name in forms.values():
                    self.copy(os.path.join(DECKS, language, name),
                              f"slides/{language}/{name}")
        steps = os.path.join(DECKS, "step")
        if any(self.decks.values()) and os.path.isdir(steps):
            for name in os.listdir(steps):
                self.copy(os.path.join(steps, name), f"slides/step/{name}")

    def deck_item(self, title, forms, language):
        """A deck of the index: its slides, and what else there is of it."""
        t = self.words[language]

        def to(form, text):
            return (f'<a href="../slides/{language}/{esc(forms[form])}">'
                    f"{esc(text)}</a>")
        others = {"handout": t("site.handout"), "pdf": "PDF", "pptx": "PPTX"}
        return "<li>" + " · ".join(
            [to("deck", title)] + [to(form, text) for form, text in
                                   others.items() if form in forms]) + "</li>"

    def build(self, chosen, progress):
        for name in ("style.css", "site.js"):
            self.copy(os.path.join(WEB, name), name)
        self.entrance(chosen)
        for language in texts.LANGUAGES:
            rows = self.index(language)
            for lesson in self.lessons:
                progress(lesson)
                rows += self.lesson(lesson, language)
            rows += self.glossary(language)
            self.write(f"{language}/search.js", "window.REVEIL_INDEX=" +
                       json.dumps(rows, ensure_ascii=False,
                                  separators=(",", ":")) + ";\n")
        self.copy_decks()


def pairs_of_words():
    """(word, French, what it is) of GLOSSARY.md, where there is French."""
    for line in lessons.read(os.path.join(ROOT, "GLOSSARY.md")).splitlines():
        cells = [cell.strip() for cell in line.strip("| \n").split("|")]
        if line.startswith("|") and len(cells) >= 3 and cells[1] and \
                cells[0] != "word" and not set(cells[0]) <= set("-: "):
            yield cells[0], cells[1], cells[2]


# --- step pages --------------------------------------------------------------


def step_page(lesson, work):
    """The recorded run of the solution as a page; None: there is none. The run
    is kept for the next time, and for the slides."""
    import solution_steps
    for _ in range(TRIES):
        with contextlib.suppress(OSError, ValueError, KeyError,
                                 solution_steps.Failed):
            return solution_steps.find(lesson, work, [])[0]
    return None


def make_steps(folder, context, status):
    """Write steps/ of the lessons that can run here. Returns
    (numbers made, numbers not made)."""
    wanted = [one for one in written()
              if one.has_program and not one.elsewhere]
    made, failed = [], []
    os.makedirs(os.path.join(folder, "steps"), exist_ok=True)
    for done, lesson in enumerate(wanted, 1):
        status(context.t("site.steps", number=lesson.number, done=done,
                         total=len(wanted)))
        text = step_page(lesson, context.work)
        (made if text else failed).append(lesson.number)
        if text:
            with open(os.path.join(folder, "steps", lesson.folder + ".html"),
                      "w", encoding="utf-8") as file:
                file.write(text)
    return made, failed


# --- the folder --------------------------------------------------------------


def own_files(target):
    """What an earlier build has written there."""
    try:
        with open(os.path.join(target, MARKER), encoding="utf-8") as file:
            names = json.load(file)["files"]
        return {name for name in names if isinstance(name, str)}
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        return set()


def check_target(target, t):
    """Refuse a folder that holds anything but an earlier build."""
    if os.path.lexists(target) and not os.path.isdir(target):
        raise Stop(t("site.no_folder", path=target), 2)
    if os.path.isdir(target) and os.listdir(target) and \
            own_files(target) is None:
        raise Stop(t("site.foreign", path=target), 2)


def files_in(folder):
    return sorted(os.path.relpath(os.path.join(place, name), folder)
                  for place, _, names in os.walk(folder) for name in names)


def put_in_place(source, target):
    """Move the new files over the old ones, and remove old ones that have no
    successor. Others in the folder are left alone."""
    new, old = files_in(source), own_files(target) or set()
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(source, MARKER), "w", encoding="utf-8") as file:
        json.dump({"files": sorted(old | set(new))}, file)
    os.replace(os.path.join(source, MARKER), os.path.join(target, MARKER))
    for name in new:
        path = os.path.join(target, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.replace(os.path.join(source, name), path)
    for name in old - set(new):
        path = os.path.normpath(os.path.join(target, name))
        if path.startswith(os.path.join(target, "")):
            with contextlib.suppress(OSError):
                os.unlink(path)
                os.rmdir(os.path.dirname(path))
    temporary = os.path.join(target, MARKER + "~")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump({"files": new}, file)
    os.replace(temporary, os.path.join(target, MARKER))
    return new


class Progress:
    """A line that is redrawn; where there is no terminal, one every 10 s."""

    def __init__(self, plain_output):
        self.status = StatusLine(plain_output)
        self.last = time.monotonic()

    def __call__(self, text):
        self.status.show(text)
        if not self.status.on and time.monotonic() - self.last >= 10:
            self.last = time.monotonic()
            print(text, file=sys.stderr, flush=True)


def command_course(context, options):
    t = context.t
    target = options.get("--html")
    if not target:
        raise UsageError(t("site.needs_html"))
    target = os.path.abspath(target)
    check_target(target, t)
    parent = os.path.dirname(target)
    os.makedirs(parent, exist_ok=True)
    progress = Progress(context.json)
    with tempfile.TemporaryDirectory(prefix=".reveil-course-",
                                     dir=parent) as folder:
        os.chmod(folder, 0o755)
        made, failed = ([], []) if options.has("--no-steps") else \
            make_steps(folder, context, progress)
        Site(folder, made, context).build(
            options.get("--lang"), lambda lesson: progress(
                t("site.pages", number=lesson.number)))
        size = sum(os.path.getsize(os.path.join(folder, name))
                   for name in files_in(folder))
        new = put_in_place(folder, target)
    progress.status.clear()
    for number in failed:
        print(t("site.no_trace", number=number), file=sys.stderr)
    if context.json:
        print(json.dumps({"path": target, "files": new, "steps": made,
                          "no_steps": failed}, ensure_ascii=False))
    else:
        context.terminal.say(t(
            "site.wrote", path=os.path.join(target, "index.html"),
            count=sum(name.endswith(".html") for name in new),
            size=t.number(size // 1000)))
    return 1 if failed else 0
