# SPDX-License-Identifier: MIT
"""class.html of `lesson grade`: students × lessons, and what to say tomorrow;
and of `lesson class`: who is where now.

One file without scripts and without network; a cell says its verdict in words
as well as by its colour.
"""
import collections
import contextlib
import html
import os

import check
import lessons
import show

STYLE = """
:root{color-scheme:light dark;--ok:#d9f0dd;--no:#f8dcd8;--line:#8887}
@media(prefers-color-scheme:dark){:root{--ok:#1d3b25;--no:#4a231e}}
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;padding:0 1rem;
max-width:70rem}
table{border-collapse:collapse}th,td{border:1px solid var(--line);
padding:.3rem .6rem;text-align:left;vertical-align:top}
td.ok{background:var(--ok)}td.no{background:var(--no)}
.wide{overflow-x:auto}@media print{.wide{overflow:visible}}
"""


def esc(text):
    return html.escape(str(text), quote=True)


def most_frequent(verdicts, context):
    """[(how many, lesson, cause, why)], the most frequent first."""
    table = check.causes()
    counted = collections.Counter()
    why = {}
    for (_, number), verdict in verdicts.items():
        if not verdict["passed"] and not verdict.get("unchecked"):
            key = (number, show.cause_name(verdict, context.t, table) or "?")
            counted[key] += 1
            why[key] = context.t.of(verdict.get("why"))
    return [(count, number, name, why[number, name])
            for (number, name), count in counted.most_common()]


def cell(verdict, context):
    if verdict is None:
        return f"<td>{esc(context.t('grade.missing'))}</td>"
    if verdict.get("unchecked"):
        return (f"<td>{esc(context.t('grade.unchecked'))}<br><small>"
                f"{esc(context.t.of(verdict['why']))}</small></td>")
    if verdict["passed"]:
        return f'<td class="ok">{esc(context.t("grade.passed"))}</td>'
    name = show.cause_name(verdict, context.t, check.causes()) or "?"
    detail = context.t.of(verdict.get("evidence"))
    return (f'<td class="no">{esc(name)}' +
            (f"<br><small>{esc(detail)}</small>" if detail else "") + "</td>")


def head(title, language, more=()):
    return ["<!doctype html>", f'<html lang="{language}">',
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">', *more,
            f"<title>{esc(title)}</title>",
            f"<style>{STYLE}</style>", f"<h1>{esc(title)}</h1>"]


def write_room(path, count, table, students, context, live):
    """The room as a page; without `students` it has counts and no name. While
    the command runs the page loads itself again."""
    t = context.t
    out = head(t("class.heading", count=count), t.language,
               ['<meta http-equiv="refresh" content="5">'] if live else ())
    if not count:
        out.append(f"<p>{esc(t('class.empty'))}</p>")
    for number, name, passed, failed, causes in table:
        out.append("<h2>" + esc(t("class.lesson", number=number, name=name,
                                  passed=passed, failed=failed).strip()) +
                   "</h2>")
        if causes:
            out.append("<ul>" + "".join(
                f"<li><strong>{many} ×</strong> {esc(cause)}</li>"
                for cause, many in causes) + "</ul>")
    if students:
        heads = "".join(f'<th scope="col">{esc(t(key))}</th>' for key in (
            "grade.student", "class.lesson_head", "class.verdict",
            "class.time"))
        out.append(f'<div class="wide"><table><tr>{heads}</tr>')
        out += [f'<tr><th scope="row">{esc(name)}</th><td>{esc(number)}</td>'
                f'<td class="{"ok" if passed else "no"}">{esc(cause)}</td>'
                f"<td>{esc(when)}</td></tr>"
                for name, number, passed, cause, when in students]
        out.append("</table></div>")
    replace(path, out + ["</html>", ""])


def replace(path, lines):
    """A browser that loads the page meanwhile gets the old one whole."""
    temporary = f"{path}.{os.getpid()}~"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_page(path, students, numbers, verdicts, equal, seed, context):
    t = context.t
    out = head(t("grade.title"), t.language)
    causes = most_frequent(verdicts, context)
    if causes:
        out += [f"<h2>{esc(t('grade.common'))}</h2>", "<ol>"]
        out += [f"<li><strong>{count} × {esc(number)} {esc(name)}</strong> "
                f"{esc(why)}</li>" for count, number, name, why in causes]
        out.append("</ol>")
    heads = "".join(
        f'<th scope="col">{esc(number)} '
        f"{esc(lessons.find(number).name)}</th>" for number in numbers)
    out += ['<div class="wide"><table>',
            f'<tr><th scope="col">{esc(t("grade.student"))}</th>{heads}</tr>']
    for i, (student, _) in enumerate(students):
        cells = "".join(cell(verdicts.get((i, number)), context)
                        for number in numbers)
        out.append(f'<tr><th scope="row">{esc(student)}</th>{cells}</tr>')
    out.append("</table></div>")
    if equal:
        out.append(f"<h2>{esc(t('grade.equal'))}</h2><ul>")
        out += ["<li>" + esc(t("grade.equal_line", lesson=number,
                               students=", ".join(names))) + "</li>"
                for number, names in equal]
        out.append("</ul>")
    out += [f"<p>{esc(t('grade.seed', seed=seed))}</p>", "</html>", ""]
    replace(path, out)
