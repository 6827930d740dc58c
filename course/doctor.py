# SPDX-License-Identifier: MIT
"""`./reveil lesson doctor`: what the course can check on this machine, and what
it does instead where it cannot. Each line is the outcome of a trial."""
import ctypes
import json
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import build
import inotify
import isolation
import lessons
import sanitize
import standstill

CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PTRACE_TRACEME = 38, 22, 0
SECONDS = 60

libc = ctypes.CDLL(None, use_errno=True)


def in_child(act):
    """Whether act() returns something true in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if act() else 1)
        except BaseException:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


# --- trials ----------------------------------------------------------------

def compilers():
    """Those that are here, cc first; two names of one program are one."""
    seen = {}
    for name in ("cc", "gcc", "clang"):
        path = shutil.which(name)
        if path:
            seen.setdefault(os.path.realpath(path), name)
    return list(seen.values())


def first_line_of(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=SECONDS,
                              stderr=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").partition("\n")[0].strip()


def sanitizer(compiler, kind, folder):
    """"works", "absent" (from the compiler) or "unfit" (cannot start)."""
    source = os.path.join(folder, "empty.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("int main(void) { return 0; }\n")
    program = os.path.join(folder, f"{compiler}-{kind}")
    try:
        made = subprocess.run(
            [compiler, *build.SANITIZERS[kind], "-o", program, source],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=SECONDS, check=False)
        if made.returncode:
            return "absent"
        ran = subprocess.run([program], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, timeout=SECONDS,
                             stderr=subprocess.DEVNULL, check=False,
                             env=dict(os.environ, **sanitize.OPTIONS))
        return "unfit" if ran.returncode else "works"
    except (OSError, subprocess.TimeoutExpired):
        return "unfit"


def has_seccomp():
    def act():
        allow = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0,
                                                        0x7fff0000))
        program = struct.pack("HxxxxxxP", 1, ctypes.addressof(allow))
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return libc.prctl(PR_SET_SECCOMP, 2, program) == 0
    return platform.machine() in standstill.MACHINES and in_child(act)


def has_pid_namespace():
    """As native/guard.c makes one: directly, or in a user namespace."""
    return in_child(lambda: libc.unshare(CLONE_NEWPID) == 0 or
                    libc.unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0)


def may_trace():
    """`./reveil compare` counts system calls so; no lesson needs it."""
    return in_child(lambda: libc.ptrace(PTRACE_TRACEME, 0, None, None) == 0)


def sees_sleepers():
    """Whether /proc tells in which call another process sleeps."""
    if not standstill.CALLS:
        return False
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        for _ in range(200):
            where = standstill.waits_in(f"/proc/{child}/task/{child}")
            if where and where[1]:
                return True
            time.sleep(0.005)
        return False
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def has_loopback():
    try:
        with socket.socket() as server, socket.socket() as client:
            server.bind(("127.0.0.1", 0))
            server.listen()
            client.connect(server.getsockname())
        return True
    except OSError:
        return False


def has_inotify():
    descriptor = libc.inotify_init1(inotify.IN_CLOEXEC)
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor >= 0


def lessons_that_ask(name, what):
    """Numbers of the lessons whose [build] asks for this, in words."""
    return ", ".join(
        one.number for one in lessons.all_lessons()
        if what in one.expect.get("build", {}).get(name, []))


def browser():
    return next((name for name in ("chromium", "chromium-browser",
                                   "google-chrome", "firefox")
                 if shutil.which(name)), None)


# --- the report ------------------------------------------------------------

def report(t):
    """[{"name", "ok", "text"}]"""
    rows = []

    def add(title, ok, key, **values):
        rows.append({"name": title, "ok": ok,
                     "text": t("doctor." + key, **values)})

    add("python", sys.version_info >= (3, 11), "python",
        version=platform.python_version())
    found = compilers()
    if not found:
        add("cc", False, "no_compiler")
    with tempfile.TemporaryDirectory(prefix="reveil-doctor-") as folder:
        for name in found:
            add(name, True, "compiler", version=first_line_of(
                [name, "--version"]))
            for kind in ("asan", "tsan"):
                how = sanitizer(name, kind, folder)
                add(f"{name} {kind}", how == "works", f"{kind}_{how}")
    there = bool(shutil.which("addr2line"))
    add("addr2line", there, "lines" if there else "no_lines")
    for name, trial, key in (
            ("loopback", has_loopback, "loopback"),
            ("/proc", sees_sleepers, "sleepers"),
            ("seccomp", has_seccomp, "seccomp"),
            (t("doctor.pid_name"), has_pid_namespace, "pid_namespace"),
            ("inotify", has_inotify, "inotify"),
            ("ptrace", may_trace, "ptrace")):
        ok = trial()
        add(name, ok, key if ok else "no_" + key)
    # What whole lessons need; they say it, too, and are not failed.
    needing = lessons_that_ask("needs", "io_uring")
    if needing:
        ok = lessons.has_io_uring()
        add("io_uring", ok, "io_uring" if ok else "no_io_uring",
            lessons=needing)
    written_for = lessons_that_ask("machine", "x86_64")
    if written_for:
        ok = lessons.MACHINE == "x86_64"
        add(t("doctor.processor_name"), ok,
            "processor" if ok else "no_processor", lessons=written_for,
            machine=lessons.MACHINE)
    kind = isolation.kind()
    add("grade", kind == "namespaces", "grade_" + (kind or "limits"))
    one = browser()
    add(t("doctor.browser_name"), bool(one), "browser" if one else "no_browser", name=one)
    return rows


def command_doctor(context, _options):
    t, terminal = context.t, context.terminal
    rows = report(t)
    needed = [row for row in rows if not row["ok"] and
              row["name"] in ("python", "cc", "loopback")]
    if context.json:
        print(json.dumps({"course": rows}, ensure_ascii=False))
        return 3 if needed else 0
    terminal.say(t("doctor.title"))
    terminal.say()
    width = max(len(row["name"]) for row in rows) + 2
    for row in rows:
        word = t("doctor.yes" if row["ok"] else "doctor.no")
        head = f"  {word:<4} {row['name']:<{width}}"
        terminal.say(terminal.wrap(head + row["text"], " " * len(head))
                     if not terminal.plain else
                     f"{row['name']}: {word}. {row['text']}")
    return 3 if needed else 0
