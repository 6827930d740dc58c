# SPDX-License-Identifier: MIT
"""Reads what AddressSanitizer, UBSan and ThreadSanitizer have said."""
import re

from causes import Finding

ADDRESS = re.compile(r"ERROR: AddressSanitizer: (.*)")
UNDEFINED = re.compile(r"^(\S+?):(\d+):\d+: runtime error: (.*)$", re.M)
THREAD = re.compile(r"WARNING: ThreadSanitizer: (.*?)(?: \(pid=\d+\))?$", re.M)
UNFIT = re.compile(r"FATAL: ThreadSanitizer|ReserveShadowMemoryRange|"
                   r"Shadow memory range interleaves|"
                   r"unexpected memory mapping")
FRAME = re.compile(r"#\d+ .*?([^\s(]+):(\d+)(?::\d+)?(?:\s|$)")

OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=66:color=never",
    "UBSAN_OPTIONS": "print_stacktrace=0:color=never",
    "TSAN_OPTIONS": "exitcode=67:color=never:report_bugs=1:"
                    "detect_deadlocks=0:report_thread_leaks=0",
}


def line_in(output, path):
    """The first frame that is in the learner's file."""
    for name, line in FRAME.findall(output):
        if name == path or name.endswith("/" + path):
            return int(line)
    return 0


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
            finding = Finding("MEMORY ERROR", "report", text=what.strip())
        finding.line = line_in(text[found.start():], path)
        return finding
    found = UNDEFINED.search(text)
    if found:
        finding = Finding("MEMORY ERROR", "report",
                          text=re.sub(r"0x[0-9a-f]+", "…", found[3]))
        finding.line = int(found[2]) if found[1].endswith(path) else 0
        return finding
    found = THREAD.search(text)
    if found:
        finding = Finding("DATA RACE", "report", text=found[1])
        finding.line = line_in(text[found.start():], path)
        return finding
    return None
