# SPDX-License-Identifier: MIT
"""The checker from the command line, for who writes a lesson.

    engine.py cut NN exercise|solution [--lang fr]
    engine.py source NN [--answer FILE]          the C text of the check build
    engine.py build NN [--answer FILE] [--cc CC]     compile it, show warnings
    engine.py check NN [--answer FILE | --solution | --bugs | --alike]
                       [--seed N] [--json] [--cc CC]
"""
import argparse
import os
import sys

import answer
import build
import cut
import lessons
import library
import transplant


def command_cut(options, lesson):
    if options.what == "solution":
        sys.stdout.write(cut.solution(lesson, options.lang))
    else:
        sys.stdout.write(cut.exercise(lesson, options.lang))
    return 0


def command_source(options, lesson):
    made = transplant.make(lesson, options.answer)
    sys.stdout.write(made.text)
    return 0


def command_build(options, lesson):
    made = transplant.make(lesson, options.answer)
    with build.Folder() as folder:
        if lesson.uses_library:
            library.build(answer.WORK, options.cc)
        one = build.Build(lesson, made, folder, options.cc,
                          work=answer.WORK)
        program = one.finish("check")
        sys.stdout.write(one.log())
        print("built" if program else "not built")
    return 0 if program else 1


def command_check(options, lesson):
    import check
    return check.command(options, lesson)


def main(argv):
    parser = argparse.ArgumentParser(
        prog="engine.py", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["cut", "source", "build", "check"])
    parser.add_argument("lesson")
    parser.add_argument("what", nargs="?", default="exercise")
    parser.add_argument("--answer")
    parser.add_argument("--lang", default="en")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--case")
    parser.add_argument("--at")
    parser.add_argument("--trace", help="where to put the trace")
    for name in ("solution", "bugs", "alike", "exercise", "json", "keep"):
        parser.add_argument("--" + name, action="store_true")
    options = parser.parse_args(argv[1:])
    lesson = lessons.find(options.lesson,
                          os.environ.get("REVEIL_LESSONS"))
    if not lesson:
        parser.error(f"no lesson {options.lesson}")
    return globals()["command_" + options.command](options, lesson)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
