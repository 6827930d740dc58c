# SPDX-License-Identifier: MIT
"""The command line: what each command accepts, and one error for the rest."""


class UsageError(Exception):
    """Wrong usage: exit status 2, with this message."""


# name: (flags, options with a value, most operands)
COMMON_FLAGS = ("--plain", "--json", "--help")
COMMON_VALUES = ("--lang", "--work")
HIDDEN = {"compare": ((), (), 4),  # what the C program calls
          "course": (("--no-steps",), ("--html",), 0)}  # ./reveil course
COMMANDS = {
    "list": ((), (), 0),
    "start": ((), (), 1),
    "read": ((), (), 1),
    "predict": ((), ("--answers",), 1),
    "run": (("--solution", "--mine"), (), None),
    "check": (("--all", "--no-limit", "--solutions", "--bugs", "--alike",
               "--mine"),
              ("--seed", "--format", "--answer", "--cc", "--jobs",
               "--share", "--steps-fd"), 1),
    "watch": ((), (), 1),
    "step": (("--solution",), ("--perfetto", "-o"), 1),
    "try": ((), ("--at", "--case", "--seed"), 1),
    "hint": ((), (), 2),
    "diff": ((), (), 2),
    "solution": (("--give-up",), (), 1),
    "reset": ((), (), 1),
    "doctor": ((), (), 0),
    "grade": ((), ("--seed", "-o", "--lesson", "--jobs", "--format"), None),
    "exam": (("--answers", "--html", "--pdf"),
             ("--seed", "--lesson", "--count", "-o"), 0),
    "class": (("--projector", "--once"), ("--html",), 1),
}


class Options:
    """The words after the command: flags, values, operands."""

    def __init__(self, command):
        self.command = command
        self.flags = set()
        self.values = {}
        self.operands = []

    def has(self, flag):
        return flag in self.flags

    def get(self, name, default=None):
        return self.values.get(name, default)

    def number(self, name, t, default=None):
        value = self.values.get(name)
        if value is None:
            return default
        try:
            number = int(value, 0)
            if number < 0:
                raise ValueError
            return number
        except ValueError:
            raise UsageError(t("lesson.bad_number", command=self.command,
                               name=name, value=value)) from None


def parse(command, words, t):
    """Options of one command. Raises UsageError."""
    flags, values, most = (COMMANDS | HIDDEN)[command]
    options = Options(command)
    words = list(words)
    only_operands = False
    while words:
        word = words.pop(0)
        if only_operands or not word.startswith("-") or word == "-":
            options.operands.append(word)
            # The words after `run N` are the program's.
            only_operands |= command == "run" and len(options.operands) == 1 \
                and not (words and words[0] in COMMON_FLAGS + flags
                         + COMMON_VALUES)
            continue
        if word == "--":
            only_operands = True
            continue
        name, equals, value = word.partition("=")
        if name == "-h":
            name = "--help"
        if name in COMMON_FLAGS + flags and not equals:
            options.flags.add(name)
        elif name in COMMON_VALUES + values:
            if not equals:
                if not words:
                    raise UsageError(t("lesson.needs_value", command=command,
                                       name=name))
                value = words.pop(0)
            options.values[name] = value
        else:
            raise UsageError(t("lesson.unknown_option", command=command,
                               name=word))
    if most is not None and len(options.operands) > most:
        raise UsageError(t("lesson.too_many", command=command,
                           name=options.operands[most]))
    return options


def command_first(words):
    """The words with the options before the command behind it."""
    before = 0
    while before < len(words) and words[before].startswith("--"):
        name, equals, _ = words[before].partition("=")
        if name not in COMMON_VALUES:
            break
        before += 1 if equals else 2
    return words[before:before + 1] + words[:before] + words[before + 1:]


def language_in(words):
    """What --lang says anywhere in the words, before they are parsed."""
    for i, word in enumerate(words):
        if word.startswith("--lang="):
            return word.partition("=")[2]
        if word == "--lang" and i + 1 < len(words):
            return words[i + 1]
    return None
