# SPDX-License-Identifier: MIT
"""The room: with REVEIL_CLASS=FOLDER each check leaves one small file there,
and `lesson class FOLDER` shows them all. There is no server: the folder is
shared by whatever the school has. A file holds a chosen name, the lesson, the
verdict and its cause; never code.
"""
import getpass
import json
import os
import re
import select
import sys
import time

import check
import lessons
import show
from context import Stop
from inotify import Folder

MAX_BYTES = 4096  # of a file; a bigger one is none of ours


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
    path = os.path.join(folder, f"{name}.reveil")
    temporary = f"{path}.{os.getpid()}~"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(row, file)
        os.replace(temporary, path)
    except OSError as error:
        print("lesson: " + context.t("lesson.io", path=folder,
                                     error=error.strerror), file=sys.stderr)


def read_row(path):
    """A student's file, or None if it is not one."""
    try:
        with open(path, encoding="utf-8") as file:
            row = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError):
        return None
    if not isinstance(row, dict):
        return None
    fields = {"name": str, "lesson": str, "passed": bool, "at": int}
    if not all(isinstance(row.get(k), kind) for k, kind in fields.items()):
        return None
    row["name"] = "".join(c for c in row["name"] if c.isprintable())[:40]
    return row


def read_room(folder):
    rows = [read_row(entry.path) for entry in os.scandir(folder)
            if entry.name.endswith(".reveil") and entry.is_file()]
    known = {one.number for one in lessons.all_lessons()}
    return sorted((row for row in rows if row and row["lesson"] in known),
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
    if not projector:
        lines.append("")
        lines += [f"  {row['name']:<24} {row['lesson']}  "
                  f"{cause_of(row, context)}" for row in rows]
    if not rows:
        lines.append(t("class.empty"))
    return lines


def row_as_json(row):
    return {key: row.get(key) for key in
            ("name", "lesson", "passed", "cause", "kind", "attempts", "at")}


def command_class(context, options):
    if not options.operands:
        raise Stop(context.t("class.needs_folder"), 2)
    path = options.operands[0]
    if not os.path.isdir(path):
        raise Stop(context.t("class.no_folder", path=path), 2)
    projector = options.has("--projector")
    if context.json:
        rows = [row_as_json(row) for row in read_room(path)]
        if projector:
            for row in rows:
                del row["name"]
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    terminal = context.terminal
    once = options.has("--once") or not terminal.may_redraw
    folder = None if once else Folder(path)
    while True:
        lines = lines_of_room(read_room(path), context, projector)
        if once:
            for line in lines:
                terminal.say(line)
            return 0
        rows = terminal.size()[1]
        sys.stdout.write("\033[H\033[2J" + "\r\n".join(lines[:rows - 1]))
        sys.stdout.flush()
        # A network file system tells nothing: look again now and then.
        select.select([folder.fd], [], [], 2.0)
        folder.changed()
        folder.add()


