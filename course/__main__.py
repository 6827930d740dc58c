# SPDX-License-Identifier: MIT
"""`./reveil lesson`: reads the command line and calls the command."""
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "step"))

import options as command_line  # noqa: E402
import texts  # noqa: E402
from context import Context, Stop  # noqa: E402


def choose_language(words, context):
    """--lang, else what was chosen before, else that of the environment."""
    asked = command_line.language_in(words)
    if asked in texts.LANGUAGES:
        return asked
    if asked is not None:
        language = texts.language_of_environment()
        raise command_line.UsageError(
            texts.Texts(language)("lesson.bad_lang", name=asked))
    return context.remembered_language() or texts.language_of_environment()


def command_of(name):
    """The function of a command; each module is loaded when it is needed."""
    if name in ("run", "check", "step", "try"):
        import runs as module
    elif name == "watch":
        import watch as module
    elif name == "grade":
        import grade as module
    elif name == "exam":
        import exam as module
    elif name == "class":
        import room as module
    elif name == "doctor":
        import doctor as module
    elif name == "course":
        import site_build as module
    elif name == "compare":
        import compare_steps as module
    else:
        import commands as module
    return getattr(module, "command_" + name)


def main(argv):
    words = argv[1:]
    context = Context()
    try:
        context.set_language(choose_language(words, context))
        t = context.t
        words = command_line.command_first(words)
        if not words or words[0].startswith("--lang"):
            words = ["list"] + words
        if words[0] in ("-h", "--help", "help"):
            print(t("lesson.usage"), end="")
            return 0
        name, words = words[0], words[1:]
        if name not in command_line.COMMANDS | command_line.HIDDEN:
            raise command_line.UsageError(t("lesson.unknown_command",
                                            name=name))
        options = command_line.parse(name, words, t)
        if options.has("--help"):
            print(t("site.usage" if name == "course" else "help." + name))
            return 0
        context.use(options)
        return command_of(name)(context, options)
    except command_line.UsageError as error:
        print(f"lesson: {error}", file=sys.stderr)
        return 2
    except Stop as stop:
        print(f"lesson: {stop}", file=sys.stderr)
        return stop.status
    except BrokenPipeError:
        # The reader of the pipe has enough: not an error of the command.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        print("lesson: " + context.t("lesson.io", error=error.strerror or error,
                                     path=error.filename or ""),
              file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        # End by the signal, as a shell expects.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv))
