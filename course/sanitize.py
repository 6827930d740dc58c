# SPDX-License-Identifier: MIT
"""Reads what AddressSanitizer, UBSan and ThreadSanitizer have said."""
import os
import re
import subprocess

import texts
from causes import Finding, evidence

ADDRESS = re.compile(r"ERROR: AddressSanitizer: (.*)")
UNDEFINED = re.compile(r"^(\S+?):(\d+):\d+: runtime error: (.*)$", re.M)
THREAD = re.compile(r"WARNING: ThreadSanitizer: (.*?)(?: \(pid=\d+\))?$", re.M)
ACCESS = re.compile(r"^ +(?:Previous )?((?:atomic )?(?:write|read)) of size "
                    r"\d+ at \S+ by (?:thread )?(main|T\d+)(?: thread)?"
                    r"( \(mutexes: [^)]*\))?:$", re.M | re.I)
FUNCTION = re.compile(r"#\d+ (?:in )?([A-Za-z_]\w*)\b[^\n]*:\d+")
# "Thread T2 'reactor' (tid=7, running) created by main thread at:", a frame a
# line; the name only if it was set by then.
CREATED = re.compile(r"^ +Thread (T\d+)(?: '([^']*)')? \(.*\) created by .*"
                     r"((?:\n +#\d+ .*)*)", re.M)
CREATES = re.compile(r"pthread_create|lesson_spawn_thread|"
                     r"(?:__wrap_|__interceptor_|probe_)\w+")
UNFIT = re.compile(r"FATAL: ThreadSanitizer|ReserveShadowMemoryRange|"
                   r"Shadow memory range interleaves|"
                   r"unexpected memory mapping")
FRAME = re.compile(r"#\d+ .*?([^\s(]+):(\d+)(?::\d+)?(?:\s|$)")

# Of a build, by its kind; in that of "asan" UBSan speaks too (build.SANITIZERS).
NAMES = {"asan": "AddressSanitizer", "tsan": "ThreadSanitizer"}

# The guard allows no process, so clang's reports come without lines (its
# symbolizer is another program): put_symbols() asks addr2line. Leaks are not
# looked for: that would need a process, and ptrace. The guard's limit of the
# address space is not for sanitizers, which reserve terabytes; theirs is.
MEMORY_MB = 2048
SHARED = f"external_symbolizer_path='':hard_rss_limit_mb={MEMORY_MB}"
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=66:color=never:"
                    + SHARED,
    "UBSAN_OPTIONS": "print_stacktrace=0:color=never",
    "TSAN_OPTIONS": "halt_on_error=1:exitcode=67:color=never:report_bugs=1:"
                    "detect_deadlocks=0:report_thread_leaks=0:" + SHARED,
}
BARE = re.compile(r"(#\d+) (?:0x[0-9a-f]+ +|<null> <null> )"
                  r"\((?:\S*/)?(\S+?)\+0x([0-9a-f]+)\).*")


def put_symbols(output, program):
    """The report with function and line in each frame that has none."""
    text = output.decode("utf-8", "replace")
    name = os.path.basename(program)
    offsets = sorted({found[3] for found in BARE.finditer(text)
                      if found[2] == name})
    if not offsets:
        return output
    try:
        answer = subprocess.run(
            ["addr2line", "-a", "-f", "-i", "-e", program] +
            [f"{int(one, 16) - 1:#x}" for one in offsets], text=True,
            capture_output=True, check=False, timeout=30,
            stdin=subprocess.DEVNULL).stdout
    except (OSError, subprocess.TimeoutExpired):
        return output
    # For each address: the function, and those that it was inlined into.
    known = {}
    for one, block in zip(offsets, re.split(r"^0x[0-9a-f]+\n", answer,
                                            flags=re.M)[1:]):
        words = block.splitlines()
        known[one] = [f"in {function} {place}" for function, place
                      in zip(words[::2], words[1::2])]
    return BARE.sub(
        lambda found: "\n    ".join(f"{found[1]} {frame}"
                                    for frame in known[found[3]])
        if found[2] == name and known.get(found[3]) else found[0],
        text).encode()


def lines_in(output, path):
    """The lines of the frames that are in the learner's file."""
    return [int(line) for name, line in FRAME.findall(output)
            if name == path or name.endswith("/" + path)]


def put_lines(finding, output, path):
    """The frames that are in the learner's file are the finding's place."""
    finding.lines = lines_in(output, path)
    finding.line = (finding.lines or [0])[0]
    finding.sure = bool(finding.lines)


def thread_names(text):
    """{"T1": its name; else by which function of the program it was started;
    "main": "main"} of a report of ThreadSanitizer."""
    names = {}
    for thread, name, frames in CREATED.findall(text):
        starts = [one for one in FUNCTION.findall(frames)
                  if not CREATES.fullmatch(one)]
        if name:
            names[thread] = name
        elif starts:
            names[thread] = {"en": f"started by {starts[0]}()",
                             "fr": f"lancé par {starts[0]}()"}
    return names


def race(text, path):
    """The two accesses of a data race; the one without a lock is the place."""
    finding = Finding("DATA RACE", "report", text="data race")
    put_lines(finding, text, path)
    names = thread_names(text)
    sides = []
    for found in ACCESS.finditer(text):
        frames = text[found.end():].split("\n\n")[0]
        call = FUNCTION.search(next(
            (one for one in frames.splitlines() if lines_in(one, path)),
            frames))
        sides.append((found[1].lower(), names.get(found[2], found[2]),
                      bool(found[3]), call[1] if call else "?",
                      lines_in(frames, path)))
    if len(sides) != 2 or not all(lines for *_, lines in sides):
        return finding
    sides.sort(key=lambda side: side[2])  # without a lock first
    finding.lines = [line for *_, lines in sides for line in lines]
    finding.line = finding.lines[0]
    finding.evidence = texts.both(*[evidence(
        "DATA RACE", ("writes" if "write" in what else "reads") +
        ("_locked" if locked else ""), thread=name, call=call,
        line=lines[0]) for what, name, locked, call, lines in sides])
    return finding


def is_unfit(result):
    """Whether the sanitizer could not start on this machine."""
    text = result.output.decode("utf-8", "replace")
    return bool(UNFIT.search(text))


def read(output, path):
    """A Finding, or None."""
    text = output.decode("utf-8", "replace")
    found = ADDRESS.search(text)
    if found:
        what = re.sub(r" on .*?address .*| \(pc .*|0x[0-9a-f]+", "", found[1])
        if "stack-overflow" in what:
            finding = Finding("STACK OVERFLOW", "signal", signal="SIGSEGV",
                              thread="main")
        else:
            finding = Finding("MEMORY ERROR", "report",
                              tool="AddressSanitizer", text=what.strip())
        put_lines(finding, text[found.start():], path)
        return finding
    found = UNDEFINED.search(text)
    if found:
        finding = Finding("MEMORY ERROR", "report", tool="UBSan",
                          text=re.sub(r"0x[0-9a-f]+", "…", found[3]))
        if found[1].endswith(path):
            finding.line = int(found[2])
            finding.lines, finding.sure = [finding.line], True
        return finding
    found = THREAD.search(text)
    if found:
        if found[1] == "data race":
            return race(text[found.start():], path)
        finding = Finding("DATA RACE", "report", text=found[1])
        put_lines(finding, text[found.start():], path)
        return finding
    return None
