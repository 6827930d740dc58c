# SPDX-License-Identifier: MIT
"""The room: with REVEIL_CLASS=FOLDER each check leaves one small file there,
and `lesson class FOLDER` shows them all. There is no server: the folder is
shared by whatever the school has. A file holds a chosen name, the lesson, the
verdict and its cause; never code.

Everybody may write into such a folder. So no file of it is trusted: what is no
plain small file, or says anything but a lesson and a cause that exist, is left
out, and what is shown has no control characters.
"""
import contextlib
import getpass
import json
import os
import re
import select
import sys
import tempfile
import time

import check
import class_page
import lessons
import show
import small_file
from context import Stop
from inotify import Folder

MAX_BYTES = 4096  # of a file; a bigger one is none of ours
MAX_STUDENTS = 1000
SECONDS = 2.0  # between two looks where nobody tells of a change


def student_name(environ=os.environ):
    """REVEIL_NAME, else the login."""
    name = environ.get("REVEIL_NAME")
    if not name:
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            name = "anonymous"
    return re.sub(r"[^\w .-]", "_", name).strip(". ")[:40] or "anonymous"


def report(context, lesson, verdict, environ=os.environ):
    """Leave the verdict in the room. A room that cannot be written is no
    reason to fail a check."""
    folder = environ.get("REVEIL_CLASS")
    if not folder:
        return
    name = student_name(environ)
    row = {"name": name, "lesson": lesson.number,
           "passed": verdict["passed"], "cause": verdict.get("cause"),
           "kind": verdict.get("kind"), "attempts": verdict.get("attempts"),
           "at": int(time.time())}
    temporary = None
    try:
        # A new name that nobody can guess: a link that lies in wait for this
        # file leads nowhere.
        descriptor, temporary = tempfile.mkstemp(".reveil~", "", folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(row, file)
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, os.path.join(folder, f"{name}.reveil"))
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        print("lesson: " + context.t("lesson.io", path=folder,
                                     error=error.strerror), file=sys.stderr)


def known_cause(row):
    """(cause, kind) as the course knows them; None for what it does not."""
    cause, kind = row.get("cause"), row.get("kind")
    entry = check.causes().get(cause.replace(" ", "_")) \
        if isinstance(cause, str) else None
    if entry is None:
        return None, None
    if not isinstance(kind, str) or kind not in entry.get("kinds", {}):
        kind = None
    return cause, kind


def read_row(path):
    """A student's file, or None if it is not one."""
    try:
        row = json.loads(small_file.read(path, MAX_BYTES) or b"null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    fields = {"name": str, "lesson": str, "passed": bool, "at": int}
    if not all(isinstance(row.get(k), kind) for k, kind in fields.items()):
        return None
    name = "".join(c for c in row["name"] if c.isprintable()).strip()[:40]
    if not name or lessons.find(row["lesson"]) is None:
        return None
    cause, kind = (None, None) if row["passed"] else known_cause(row)
    attempts = row.get("attempts")
    if isinstance(attempts, bool) or not isinstance(attempts, int) or \
            not 0 < attempts < 1 << 31:
        attempts = None
    return {"name": name, "lesson": lessons.find(row["lesson"]).number,
            "passed": row["passed"], "cause": cause, "kind": kind,
            "attempts": attempts, "at": min(max(row["at"], 0), 1 << 32)}


def read_room(folder):
    """All students' rows, by name. A folder that is gone is an empty one."""
    try:
        paths = sorted(entry.path for entry in os.scandir(folder)
                       if entry.name.endswith(".reveil"))
    except OSError:
        return []
    rows = [read_row(path) for path in paths[:MAX_STUDENTS]]
    return sorted((row for row in rows if row),
                  key=lambda row: row["name"].lower())


def cause_of(row, context):
    if row["passed"]:
        return context.t("list.passed")
    return show.cause_name(row, context.t, check.causes()) or "?"


def counts(rows, context):
    """[(lesson, passed, not passed, [(cause, how many)])] of a room."""
    table = []
    for lesson in lessons.all_lessons():
        here = [row for row in rows if row["lesson"] == lesson.number]
        causes = {}
        for row in here:
            if not row["passed"]:
                name = cause_of(row, context)
                causes[name] = causes.get(name, 0) + 1
        if here:
            passed = sum(row["passed"] for row in here)
            table.append((lesson, passed, len(here) - passed, sorted(
                causes.items(), key=lambda pair: (-pair[1], pair[0]))))
    return table


def lines_of_room(rows, context, projector):
    t = context.t
    lines = [t("class.title", count=len(rows),
               time=time.strftime("%H:%M:%S"))]
    for lesson, passed, failed, causes in counts(rows, context):
        lines.append(t("class.lesson", number=lesson.number,
                       name=lesson.name, passed=passed, failed=failed))
        lines += [f"      {count:3}  {name}" for name, count in causes]
    if not projector and rows:
        width = max(len(row["name"]) for row in rows)
        lines.append("")
        lines += [f"  {time_of(row)}  {row['name']:<{width}}  "
                  f"{row['lesson']}  {cause_of(row, context)}"
                  for row in rows]
    if not rows:
        lines.append(t("class.empty"))
    return lines


def sentences_of_room(rows, context, projector):
    """The same, one sentence a line: for --plain."""
    t = context.t
    lines = lines_of_room(rows, context, True)
    if not projector:
        lines += [t("class.sentence", name=row["name"], number=row["lesson"],
                    verdict=cause_of(row, context), time=time_of(row))
                  for row in rows]
    return lines


def time_of(row):
    return time.strftime("%H:%M", time.localtime(row["at"]))


def rows_as_json(rows, projector):
    """Without names, in an order that tells none."""
    if not projector:
        return rows
    return sorted(({key: row[key] for key in row if key != "name"}
                   for row in rows),
                  key=lambda row: (row["lesson"], row["at"]))


def write_page(path, rows, context, projector, live):
    table = [(lesson.number, lesson.name, passed, failed, causes)
             for lesson, passed, failed, causes in counts(rows, context)]
    students = None if projector else [
        (row["name"], row["lesson"], row["passed"], cause_of(row, context),
         time_of(row)) for row in rows]
    class_page.write_room(path, len(rows), table, students, context, live)


def fit(lines, rows, context):
    """The lines that a screen has room for; the last one says how many more."""
    if len(lines) < rows:
        return lines
    kept = max(rows - 2, 1)
    return lines[:kept] + [context.t("class.more", count=len(lines) - kept)]


def command_class(context, options):
    if not options.operands:
        raise Stop(context.t("class.needs_folder"), 2)
    path = options.operands[0]
    if not os.path.isdir(path):
        raise Stop(context.t("class.no_folder", path=path), 2)
    projector, page = options.has("--projector"), options.get("--html")
    terminal = context.terminal
    once = options.has("--once") or context.json or not terminal.may_redraw
    rows = read_room(path)
    if page:
        write_page(page, rows, context, projector, live=not once)
    if context.json:
        print(json.dumps(rows_as_json(rows, projector), ensure_ascii=False))
        return 0
    if once:
        of_room = sentences_of_room if terminal.plain else lines_of_room
        for line in of_room(rows, context, projector):
            terminal.say(line)
        if page:
            terminal.say(context.t("step.wrote", path=page))
        return 0
    folder = Folder(path)
    while True:
        lines = lines_of_room(rows, context, projector)
        sys.stdout.write("\033[H\033[2J" + "\r\n".join(
            fit(lines, terminal.size()[1], context)))
        sys.stdout.flush()
        # A network file system tells nothing: look again now and then.
        select.select([folder.fd], [], [], SECONDS)
        folder.changed()
        folder.add()
        rows = read_room(path)
        if page:
            write_page(page, rows, context, projector, live=True)
