# SPDX-License-Identifier: MIT
"""`lesson grade`: check a folder of hand-ins.

Only NN-name/lesson.c of a hand-in is read, copied into a clean folder, and
checked there by this tree, isolated from the network and the other files. The
whole class has one seed: same seed, same verdict.
"""
import concurrent.futures
import contextlib
import csv
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import check
import cut
import formats
import isolation
import lessons
import library
import show
import small_file
from class_page import write_page
from context import Stop
from options import UsageError
from terminal import StatusLine

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_BYTES = 256 << 10  # of a hand-in
MAX_SECONDS = 180  # of one check, whatever the answer does
MAX_OUTPUT = 4 << 20


# --- the hand-ins ---------------------------------------------------------


def answers_in(folder):
    """{lesson number: text} of one student's folder."""
    found = {}
    for lesson in lessons.all_lessons():
        if not lesson.has_program:
            continue
        name = f"{lesson.number}-{lesson.name}"
        for place in (name, os.path.join("work", name)):
            text = small_file.read(
                os.path.join(folder, place, "lesson.c"), MAX_BYTES)
            if text is not None:
                found[lesson.number] = text
                break
    return found


def folders_in(folder):
    return sorted(entry.path for entry in os.scandir(folder)
                  if entry.is_dir(follow_symlinks=False)
                  and not entry.name.startswith("."))


def shown_name(path):
    """The folder's name as text: a byte that is no UTF-8 becomes \\xff."""
    name = os.path.basename(os.path.abspath(path))
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def find_students(folders):
    """[(name, answers)]: a folder is a student's, or holds one for each."""
    students = []
    for folder in folders:
        answers = answers_in(folder)
        if answers:
            students.append((shown_name(folder), answers))
            continue
        students += [(shown_name(path), answers_in(path))
                     for path in folders_in(folder)]
    return students


# --- equal code -----------------------------------------------------------

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
                   r"|[A-Za-z_]\w*|\d[\w.]*|\s+|.", re.DOTALL)


def normalise(text):
    """Code without comments, blanks and names: the n-th new name is n."""
    names, tokens = {}, []
    for token in TOKEN.findall(text):
        if token.isspace() or token.startswith(("/*", "//")):
            continue
        if re.match(r"[A-Za-z_]", token):
            token = str(names.setdefault(token, len(names)))
        tokens.append(token)
    return " ".join(tokens)


def fingerprint(lesson, text):
    """What the learner wrote, normalised; None if it is the exercise's."""
    given = cut.regions(cut.exercise(lesson, "en"))
    try:
        regions = cut.regions(text.decode("utf-8", "replace"))
    except ValueError:
        return None
    own = [normalise(region[1]) for _, region in sorted(regions.items())]
    stub = [normalise(region[1]) for _, region in sorted(given.items())]
    if not own or own == stub:
        return None
    return hashlib.sha256("\n".join(own).encode()).hexdigest()


def equal_hand_ins(students):
    """[(lesson, [student, ...])] of those with equal code."""
    groups = {}
    for student, answers in students:
        for number, text in answers.items():
            mark = fingerprint(lessons.find(number), text)
            if mark:
                groups.setdefault((number, mark), []).append(student)
    return sorted((number, names) for (number, _), names in groups.items()
                  if len(names) > 1)


# --- checking -------------------------------------------------------------


def build_libraries(context, numbers):
    """What these lessons link, once for the class: the paths of the archives.
    A sanitizer that the compiler does not have is left out."""
    kinds = set()
    for number in numbers:
        lesson = lessons.find(number)
        if lesson.uses_library:
            kinds |= {"check"} | {kind for kind in ("asan", "tsan") if
                                  lesson.expect.get("sanitize", {}).get(kind)}
    status, paths = StatusLine(context.terminal.plain), []
    for i, kind in enumerate(sorted(kinds)):
        with contextlib.suppress(library.Failed):
            paths.append(library.build(
                context.work, "cc", kind, lambda done, total: status.show(
                    context.t("start.library_file", done=i * total + done,
                              total=len(kinds) * total))))
    status.clear()
    return paths


class Grader:
    def __init__(self, seed, how, hidden, libraries=()):
        self.seed, self.how, self.hidden = seed, how, hidden
        self.libraries = libraries
        self.running = set()

    def put_libraries(self, work):
        """Copies: a hand-in may change what lies in its folder."""
        folder = os.path.join(work, ".build")
        os.makedirs(folder)
        for path in self.libraries:
            shutil.copyfile(path, os.path.join(folder,
                                               os.path.basename(path)))

    def check(self, number, text):
        """The verdict of one answer, checked in a clean folder."""
        with tempfile.TemporaryDirectory(prefix="reveil-grade-",
                                         ignore_cleanup_errors=True) as box:
            path = os.path.join(box, "lesson.c")
            with open(path, "wb") as file:
                file.write(text)
            if lessons.find(number).uses_library:
                self.put_libraries(os.path.join(box, "work"))
            command = isolation.command_line(
                self.how, box, self.hidden,
                [sys.executable, HERE, "check", number, "--answer", path,
                 "--format", "verdict", "--seed", str(self.seed),
                 "--work", os.path.join(box, "work")])
            output = self.run(command)
        try:
            verdict = json.loads(output)
            if verdict["lesson"][:2] != number:
                raise ValueError
            return verdict
        except (ValueError, KeyError, TypeError):
            return {"lesson": number, "passed": False, "cause": "STOPPED",
                    "seed": self.seed, "seconds": 0.0, "figures": {}}

    def run(self, command):
        """Its standard output; empty if it takes too long or fails."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        self.running.add(process)
        try:
            return process.communicate(timeout=MAX_SECONDS)[0][:MAX_OUTPUT]
        except subprocess.TimeoutExpired:
            return b""
        finally:
            self.stop(process)
            self.running.discard(process)

    @staticmethod
    def stop(process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        process.stdout.close()

    def stop_all(self):
        for process in list(self.running):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def grade_all(grader, students, wanted, jobs, on_done):
    """{(student's place, lesson): verdict}; equal files are checked once."""
    places = [(i, number, text) for i, (_, answers) in enumerate(students)
              for number, text in answers.items() if number in wanted]
    verdicts = {(number, text): unchecked(number) for _, number, text in places
                if lessons.find(number).elsewhere}
    unique = {(number, text) for _, number, text in places} - set(verdicts)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(grader.check, number, text): (number, text)
                   for number, text in sorted(unique)}
        try:
            for done, future in enumerate(
                    concurrent.futures.as_completed(futures), 1):
                verdicts[futures[future]] = future.result()
                on_done(done, len(unique), futures[future][0])
        except BaseException:
            for future in futures:
                future.cancel()
            grader.stop_all()
            raise
    return {(i, number): verdicts[number, text]
            for i, number, text in places}


# --- results --------------------------------------------------------------


def unchecked(number):
    """The verdict on a lesson that this machine cannot run: none."""
    return {"lesson": number, "passed": False, "unchecked": True,
            "cause": None, "why": lessons.find(number).elsewhere,
            "seed": None, "seconds": 0.0, "figures": {}}


def cell(verdict, context):
    if verdict and verdict.get("unchecked"):
        return context.t("grade.unchecked")
    if verdict is None:
        return context.t("grade.missing")
    if verdict["passed"]:
        return context.t("grade.passed")
    return show.cause_name(verdict, context.t, check.causes()) or "?"


def write_csv(path, students, numbers, verdicts, context):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([context.t("grade.student")] + numbers)
        for i, (student, _) in enumerate(students):
            row = [student] + [cell(verdicts.get((i, number)), context)
                               for number in numbers]
            # A name that begins like a formula must stay a text.
            writer.writerow(["'" + word if word[:1] in "=+-@\t\r" else word
                             for word in row])


def as_json(students, numbers, verdicts, equal, seed, context):
    return json.dumps({
        "seed": seed, "tree": check.tree_id(),
        "students": [{"student": student, "lessons": {
            number: {"passed": None if verdicts[i, number].get("unchecked")
                     else verdicts[i, number]["passed"],
                     "cause": verdicts[i, number].get("cause"),
                     "kind": verdicts[i, number].get("kind")}
            for number in numbers if (i, number) in verdicts}}
            for i, (student, _) in enumerate(students)],
        "equal": [{"lesson": number, "students": names}
                  for number, names in equal]}, ensure_ascii=False)


def check_arguments(context, options):
    if not options.operands:
        raise Stop(context.t("grade.needs_folder"), 2)
    for path in options.operands:
        if not os.path.isdir(path):
            raise Stop(context.t("grade.no_folder", path=path), 2)
    students = find_students(options.operands)
    if not any(answers for _, answers in students):
        raise Stop(context.t("grade.nothing", path=options.operands[0]), 2)
    return students


def write_for_autograder(form, verdicts, context):
    """One student's verdicts, for the autograder that handed him in."""
    checked = {place: verdict for place, verdict in verdicts.items()
               if not verdict.get("unchecked")}
    for number in sorted({number for _, number in set(verdicts) -
                          set(checked)}):
        print("grade: " + context.t.of(lessons.find(number).elsewhere),
              file=sys.stderr)
    formats.write(form, [verdict for (i, _), verdict in
                         sorted(checked.items()) if i == 0],
                  context, sys.stdout)
    if not checked:
        return 3
    return 0 if all(v["passed"] for v in checked.values()) else 1


def command_grade(context, options):
    form = options.get("--format", "json" if context.json else None)
    if form not in (None, "json", "junit", "gradescope"):
        raise UsageError(context.t("lesson.unknown_option", command="grade",
                                   name="--format " + form))
    t, say = context.t, context.terminal.say
    students = check_arguments(context, options)
    seed = options.number("--seed", t)
    seed = random.SystemRandom().randrange(1 << 31) if seed is None else seed
    wanted = [one.number for one in lessons.all_lessons() if one.has_program]
    if options.get("--lesson"):
        wanted = [context.find(options.get("--lesson")).number]
    out = options.get("-o", ".")
    os.makedirs(out, exist_ok=True)
    how = isolation.kind()
    grader = Grader(seed, how, [os.path.realpath(path)
                                for path in options.operands],
                    build_libraries(context, {
                        number for _, answers in students
                        for number in answers if number in wanted and
                        not lessons.find(number).elsewhere}))
    if not form:
        say(t("grade.isolated" if how == "namespaces"
              else "grade.not_isolated"))
        say(t("grade.seed", seed=seed))
    status = StatusLine(form is not None)
    verdicts = grade_all(
        grader, students, wanted,
        options.number("--jobs", t) or os.cpu_count() or 1,
        lambda done, total, number: status.show(
            t("grade.progress", done=done, total=total, student="",
              lesson=number)))
    status.clear()
    numbers = [number for number in wanted
               if any((i, number) in verdicts for i in range(len(students)))]
    equal = [group for group in equal_hand_ins(students)
             if group[0] in numbers]
    if form in ("junit", "gradescope"):
        return write_for_autograder(form, verdicts, context)
    csv_path = os.path.join(out, "class.csv")
    page_path = os.path.join(out, "class.html")
    write_csv(csv_path, students, numbers, verdicts, context)
    write_page(page_path, students, numbers, verdicts, equal, seed, context)
    if form:
        print(as_json(students, numbers, verdicts, equal, seed, context))
        return 0
    for i, (student, _) in enumerate(students):
        say(f"  {student:<24} " + "   ".join(
            f"{number} {cell(verdicts.get((i, number)), context)}"
            for number in numbers))
    for number, names in equal:
        say(t("grade.equal_line", lesson=number, students=", ".join(names)))
    say(t("grade.sum", students=len(students),
          passed=sum(v["passed"] for v in verdicts.values()),
          total=len(students) * len(numbers) - sum(
              bool(v.get("unchecked")) for v in verdicts.values())))
    for number in numbers:
        if lessons.find(number).elsewhere:
            say(context.terminal.wrap(t.of(lessons.find(number).elsewhere)))
    say(t("grade.wrote", csv=csv_path, page=page_path))
    return 0
