# SPDX-License-Identifier: MIT
"""The pages: the deck in a browser, the hand-out, the index. No network."""
import os
import re
import subprocess
import zipfile
from html import escape, unescape

import drawing
from deck import PAUSE, STEP, Block, fenced
from quote import SLIDES

WORDS = {
    "en": {
        "handout": "Hand-out", "deck": "Slides", "teacher": "with notes",
        "figure": "Figure", "table": "Figures of lesson {}, as its checker "
        "counts them", "measured": "Measured for lesson {}",
        "minutes": "{} min", "guess": "{} min (a guess until "
        "it has been taught)", "contents": "Contents", "next": "Next",
        "keys": "Space, arrows or a clicker: move. S: notes in a second "
        "window. B: notes below. F: full screen.",
        "step": "Open the step page of lesson {} at step {}",
        "vote": "Vote", "live": "Live", "broken": "Broken on purpose",
        "exit": "Exit question", "index": "Reveil: the slides",
        "students": "For students", "lang": "English",
        "for_teacher": "For the teacher", "of": "of",
        "skip": "The text of deck {}, to read afterwards.",
    },
    "fr": {
        "handout": "Polycopié", "deck": "Diapositives",
        "teacher": "avec les notes", "figure": "Figure",
        "table": "Chiffres de la leçon {}, comptés par son vérificateur",
        "measured": "Mesuré pour la leçon {}",
        "minutes": "{} min", "guess": "{} min (estimation, tant que personne "
        "ne l’a enseigné)", "contents": "Sommaire", "next": "Ensuite",
        "keys": "Espace, flèches ou télécommande : avancer, reculer. S : "
        "notes dans une seconde fenêtre. B : notes dessous. F : plein écran.",
        "step": "Ouvrir la page pas à pas de la leçon {} à l’étape {}",
        "vote": "Vote", "live": "En direct", "broken": "Cassé exprès",
        "exit": "Question de sortie", "index": "Reveil : les diapositives",
        "students": "Pour les étudiants", "lang": "Français",
        "for_teacher": "Pour l’enseignant", "of": "sur",
        "skip": "Le texte de la présentation {}, à lire après coup.",
    },
}


def pandoc(markdown, form="html5", *options, output=None):
    # --columns: a table that is wider has columns of equal widths.
    command = ["pandoc", "-f", "markdown-smart", "-t", form, "--columns=500",
               *options]
    if output:
        command += ["-o", output]
    return subprocess.run(command, input=markdown, text=True, check=True,
                          encoding="utf-8", stdout=subprocess.PIPE).stdout


def raw(text):
    return f"\n```{{=html}}\n{text}\n```\n"


class Numbers:
    """Figures are numbered through a deck, for captions and for ids; steps
    are those of the step pages that are there, None: of any."""

    def __init__(self, steps=None):
        self.figure = 0
        self.steps = steps

    def step_of(self, block):
        """The number of the step, None where its page is not there."""
        if self.steps is None:
            return 1
        return self.steps.get((block.text, block.alt))


def block_html(block, deck, numbers, captions):
    words = WORDS[deck.language]
    if block.kind == "code":
        return fenced(block)
    if block.kind == "table":
        number = next(mark for slide in deck.slides for mark in slide.marks
                      if block in slide.parts and mark.startswith("table"))
        kind = "measured" if " other " in number else "table"
        return "\n" + block.text + "\n\n: " + \
            words[kind].format(number.split()[1]) + "\n"
    if block.kind == "step":
        step = numbers.step_of(block)
        if step is None:
            return "\n" + STEP[deck.language].format(block.text) + "\n"
        text = words["step"].format(block.text, step)
        return f"\n[{text}](../step/{block.text}.html#s={step}" \
            f"&lang={deck.language}){{.step}}\n"
    numbers.figure += 1
    if block.kind == "drawing":
        inner = drawing.svg(block.text, block.alt, numbers.figure)
    else:
        inner = f'<pre role="img" aria-label="{escape(block.alt)}">' \
            f"{escape(block.text)}</pre>"
    caption = f"<figcaption>{words['figure']} {numbers.figure}. " \
        f"{escape(block.alt)}</figcaption>" if captions else ""
    return raw(f"<figure>{inner}{caption}</figure>")


def slide_markdown(slide, deck, numbers, captions, level="##"):
    kind = next((WORDS[deck.language][each] for each in slide.kinds
                 if each in WORDS[deck.language]), None)
    label = f' [{kind}]{{.kind}}' if kind and \
        not slide.title.startswith(kind) else ""
    text = f"\n{level} {slide.title}{label}\n"
    for part in slide.parts:
        if isinstance(part, Block):
            text += block_html(part, deck, numbers, captions)
        else:
            lines = [raw('<hr class="pause">') if line.strip() == PAUSE
                     else line for line in part.splitlines()]
            text += "\n" + "\n".join(lines) + "\n"
    return text


def web(name):
    with open(os.path.join(SLIDES, "tools", name), encoding="utf-8") as file:
        return file.read()


def page(deck, title, style, body, script=""):
    if script:
        script = f"<script>{script}</script>"
    return f"""<!DOCTYPE html>
<html lang="{deck.language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>
{web("common.css")}{style}</style></head>
<body>
{body}
{script}</body></html>
"""


def minutes(value):
    return f"{value:g}"


def deck_page(deck, teacher, steps=None):
    """The slides; the students' page has no notes in it."""
    words = WORDS[deck.language]
    numbers = Numbers(steps)
    text = ""
    total = len(deck.slides)
    for i, slide in enumerate(deck.slides, 1):
        kinds = " ".join(slide.kinds)
        text += raw(f'<section class="slide {kinds}" id="s{i}" '
                    f'data-minutes="{minutes(slide.minutes)}">'
                    if teacher else
                    f'<section class="slide {kinds}" id="s{i}">')
        text += slide_markdown(slide, deck, numbers, captions=False)
        text += raw(f'<footer>{escape(deck.title)} · {i}/{total}</footer>')
        if teacher:
            length = words["guess"].format(minutes(slide.minutes))
            text += raw(f'<aside class="notes"><p><b>{length}</b></p>')
            text += "\n" + slide.notes + "\n"
            for command in slide.commands:
                text += f"\n    $ {command}\n"
            text += raw("</aside>")
        text += raw("</section>")
    body = pandoc(text)
    help_line = f'<p id="help">{words["keys"]}</p>' if teacher else ""
    return page(deck, deck.title, web("deck.css"),
                f"<main>{body}</main>{help_line}", web("deck.js"))


def handout_page(deck, steps=None):
    """All of it on one page, with what was said; never the notes."""
    words = WORDS[deck.language]
    numbers = Numbers(steps)
    text = f"# {deck.title}\n\n{words['skip'].format(deck.number)}\n"
    text += f"\n## {words['contents']}\n\n"
    for i, slide in enumerate(deck.slides, 1):
        text += f"{i}. [{slide.title}](#s{i})\n"
    for i, slide in enumerate(deck.slides, 1):
        text += raw(f'<section id="s{i}">')
        text += slide_markdown(slide, deck, numbers, captions=True)
        if slide.handout:
            text += raw('<div class="said">')
            text += "\n" + slide.handout + "\n"
            text += raw("</div>")
        text += raw("</section>")
    body = re.sub(r'<hr class="pause">\n?', "", pandoc(text))
    return page(deck, f"{deck.title} – {words['handout']}",
                web("handout.css"), f"<main>{body}</main>")


def apart(text):
    """The text of a slide, cut before and after each table: pandoc puts a
    table on a slide of its own, and what follows on one without a title."""
    parts = [""]
    for piece in re.split(r"(^```.*?^```$|(?:^\|[^\n]*\n)+)", text,
                          flags=re.S | re.M):
        if piece.startswith("|"):
            parts += [piece, ""]
        else:
            parts[-1] += piece
    return [part for part in parts if part.strip()]


def pptx(deck, path, teacher):
    """Drawings stay characters: pandoc puts no SVG into pptx."""
    text = f"---\ntitle: |\n  {deck.title}\nlang: {deck.language}\n...\n"
    for slide in deck.slides:
        body = ""
        for part in slide.parts:
            if isinstance(part, str):
                body += "\n" + part.replace(PAUSE, "") + "\n"
            elif part.kind == "table":
                body += "\n" + part.text + "\n"
            elif part.kind == "step":
                body += "\n" + STEP[deck.language].format(part.text) + "\n"
            else:
                body += fenced(part, "")
        notes = f"\n::: notes\n{slide.notes}\n:::\n" \
            if teacher and slide.notes else ""
        for part in apart(body):
            text += f"\n## {slide.title}\n\n{part}\n{notes}"
            notes = ""
    pandoc(text, "pptx", "--slide-level=2", output=path)
    fit(path)


# Of the body of a slide, in points; its place is in PLACES, in EMU.
BODY_WIDE, BODY_HIGH = 630, 290
PLACES = (
    # Of the master: more room for the body than pandoc's, under the title.
    ('<a:off x="457200" y="205979" /><a:ext cx="8229600" cy="857250" />',
     '<a:off x="457200" y="109728" /><a:ext cx="8229600" cy="731520" />'),
    ('<a:off x="457200" y="1200151" /><a:ext cx="8229600" cy="3394472" />',
     '<a:off x="457200" y="868680" /><a:ext cx="8229600" cy="3794760" />'),
    ('sz="3300"', 'sz="2400"'),
)
# Of text and of code, in points, from the largest on.
SIZES = ((24, 20), (24, 18), (22, 18), (22, 16), (20, 16), (20, 14), (18, 14),
         (18, 13), (16, 13), (16, 12), (16, 11), (16, 10))
CODE_WIDE = 0.6  # of a character of code, of its size


def is_code(paragraph):
    """A block, not a word in a sentence."""
    return 'marL="0"' not in paragraph and "<a:buNone" in paragraph and \
        paragraph.count("<a:r>") == paragraph.count('typeface="Courier"')


def text_of(paragraph):
    return unescape("".join(re.findall(r"<a:t[^>]*>(.*?)</a:t>", paragraph,
                                       flags=re.S)))


def widest_pt(paragraphs):
    """The largest size in which the longest line of code fits."""
    columns = max([len(line) for one in paragraphs if is_code(one)
                   for line in text_of(one).splitlines()], default=1)
    return int(BODY_WIDE / (CODE_WIDE * max(columns, 1)))


def height(paragraphs, text_pt, code_pt):
    """About how high they are, in points."""
    total = 0
    for paragraph in paragraphs:
        text = text_of(paragraph)
        if is_code(paragraph):
            size, lines = code_pt, text.count("\n") + 1
        else:
            size = text_pt
            lines = -(-len(text) // int(BODY_WIDE / (size * .5)))
        total += (lines * 1.2 + .2) * size
    return total


def lines_of_code(paragraph, code_pt):
    """Its lines in this size, at the left edge. Pandoc leaves newlines in the
    text, and LibreOffice makes paragraphs of them, far apart."""
    def lines(run):
        mark = run[1].replace("<a:rPr", f'<a:rPr sz="{code_pt * 100}"', 1)
        return f"<a:br>{mark}</a:br>".join(
            f"<a:r>{mark}<a:t>{line}</a:t></a:r>" if line else ""
            for line in run[2].split("\n"))

    return re.sub(r"<a:r>(<a:rPr.*?</a:rPr>)<a:t>(.*?)</a:t></a:r>", lines,
                  paragraph, flags=re.S).replace(
                      'indent="0"', 'marL="0" indent="0"', 1)


def fit_slide(xml):
    """Sizes of text and code with which the body of a slide is not too high:
    no program makes it smaller before somebody edits it."""
    body = re.search(r'<p:ph idx="1" ?/>(?:(?!</p:sp>).)*?<p:txBody>'
                     r'(?:(?!</p:sp>).)*?</p:txBody>', xml, flags=re.S)
    if not body:
        return xml
    paragraphs = re.findall(r"<a:p>.*?</a:p>", body[0], flags=re.S)
    most_pt = widest_pt(paragraphs)
    text_pt, code_pt = next(
        (sizes for sizes in ((text, min(code, most_pt)) for text, code in SIZES)
         if height(paragraphs, *sizes) <= BODY_HIGH), SIZES[-1])
    levels = "".join(f'<a:lvl{level}pPr><a:defRPr sz="{text_pt * 100}"/>'
                     f"</a:lvl{level}pPr>" for level in (1, 2))
    new = body[0].replace("<a:lstStyle />",
                          f"<a:lstStyle>{levels}</a:lstStyle>", 1)
    for paragraph in filter(is_code, paragraphs):
        new = new.replace(paragraph, lines_of_code(paragraph, code_pt))
    return xml.replace(body[0], new)


def fit(path):
    """What pandoc has made, with sizes that fit."""
    copy = path + ".tmp"
    with zipfile.ZipFile(path) as old, \
            zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename.startswith("ppt/slides/slide"):
                data = fit_slide(data.decode()).encode()
            elif item.filename == "ppt/slideMasters/slideMaster1.xml":
                for before, after in PLACES:
                    data = data.replace(before.encode(), after.encode())
            new.writestr(item, data)
    os.replace(copy, path)


def index_page(decks, made):
    """What was made, for students and for the teacher, in both languages."""
    body = ""
    for language in ("fr", "en"):
        words = WORDS[language]
        body += f'<section lang="{language}"><h1>{words["index"]}</h1>'
        for who in ("students", "teacher"):
            head = words["students" if who == "students" else "for_teacher"]
            body += f"<h2>{head}</h2><ul>"
            for deck in decks:
                if deck.language != language:
                    continue
                links = ", ".join(
                    f'<a href="{path}">{escape(words.get(form, form.upper()))}'
                    "</a>" for form, path in made[who, deck.language,
                                                  deck.name])
                body += f"<li>{deck.number}. {escape(deck.title)} – {links}</li>"
            body += "</ul>"
        body += "</section>"
    return page(decks[0], WORDS["fr"]["index"], web("handout.css"),
                f"<main>{body}</main>")
