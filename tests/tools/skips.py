# SPDX-License-Identifier: MIT
"""Valid reasons to skip a test, each with a check of the machine.

A skip is not a pass. If its reason is not listed here, or is not true on this
machine, it counts as a failure: a test that skips itself where it should run
would never show that its feature is broken.

The checks ask the kernel directly. `reveil doctor` must give the same answers.
"""

import ctypes
import functools
import json
import os
import re
import resource
import shutil
import socket
import subprocess

IO_URING_SETUP = 425  # the same on every machine
RWF_NOWAIT = 8
MADV_GUARD_INSTALL = 102
PAGE = 4096


class Machine:
    """The features of the machine. Each is checked once, when it is needed."""

    def __init__(self, build):
        self.build = build
        self.libc = ctypes.CDLL(None, use_errno=True)

    @functools.cached_property
    def io_uring(self):
        parameters = ctypes.create_string_buffer(120)
        fd = self.libc.syscall(IO_URING_SETUP, 1, parameters)
        if fd >= 0:
            os.close(fd)
        return fd >= 0

    @functools.cached_property
    def rwf_nowait(self):
        with open("/tmp/reveil-skips.%d" % os.getpid(), "w+b") as file:
            os.unlink(file.name)
            file.write(b"x")
            file.flush()
            try:
                os.preadv(file.fileno(), [bytearray(1)], 0, RWF_NOWAIT)
            except BlockingIOError:
                pass
            except OSError:
                return False
        return True

    @functools.cached_property
    def guard_pages(self):
        self.libc.mmap.restype = ctypes.c_void_p
        self.libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t,
                                   ctypes.c_int, ctypes.c_int, ctypes.c_int,
                                   ctypes.c_long]
        self.libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t,
                                      ctypes.c_int]
        self.libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        page = self.libc.mmap(None, PAGE, 3, 0x22, -1, 0)  # anonymous, private
        done = self.libc.madvise(page, PAGE, MADV_GUARD_INSTALL)
        self.libc.munmap(page, PAGE)
        return done == 0

    @functools.cached_property
    def ipv6(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            return False
        return True

    @functools.cached_property
    def sanitized(self):
        try:
            with open(f"{self.build}/meson-info/intro-buildoptions.json",
                      encoding="utf-8") as file:
                options = json.load(file)
        except OSError:
            return False
        return any(option["name"] == "b_sanitize"
                   and option["value"] not in ("none", [], "")
                   for option in options)

    @functools.cached_property
    def hosts_has_names(self):
        """A name that is not of this machine's loopback, as tests/net wants."""
        with open("/etc/hosts", encoding="utf-8", errors="replace") as file:
            lines = [line.split("#")[0].split() for line in file]
        return any(words[1:] and "localhost" not in words[1]
                   for words in lines)

    @functools.cached_property
    def processors(self):
        return len(os.sched_getaffinity(0))

    @functools.cached_property
    def mappings(self):
        with open("/proc/sys/vm/max_map_count", encoding="ascii") as file:
            return int(file.read())

    def has(self, tool):
        return shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")

    def works(self, *command):
        try:
            return subprocess.run(command, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=300,
                                  check=False).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def may_open(self, count):
        return resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= count

    @functools.cached_property
    def doctor(self):
        """{name: ok} as `reveil doctor` says, or None where it is not built."""
        for program in (f"{self.build}/cli/reveil",
                        f"{os.path.dirname(self.build)}/build/cli/reveil"):
            if os.access(program, os.X_OK):
                said = subprocess.run([program, "doctor", "--json"],
                                      capture_output=True, timeout=300,
                                      check=False).stdout
                return {check["name"]: check["ok"]
                        for check in json.loads(said)["checks"]}
        return None

    def doctors_mistakes(self):
        """What `reveil doctor` says and is not so."""
        said = self.doctor or {}
        facts = {"io_uring": "io_uring", "RWF_NOWAIT": "rwf_nowait",
                 "MADV_GUARD_INSTALL": "guard_pages"}
        return [f"doctor says {'yes' if said[name] else 'no'} of {name}, "
                f"the kernel says {'yes' if getattr(self, fact) else 'no'}"
                for name, fact in facts.items()
                if name in said and said[name] != getattr(self, fact)]


# The reason, and a function of the machine and of what matched: whether it is
# so. Tests of which io_uring is taken away (seccomp) are named for it.
REASONS = [
    # A run of the same tests with less, named for it; the plain run has no such
    # environment, and so no such skip.
    (r"this run .*\((RV_DISK|RV_TEST_SETUP)\)", lambda m, _: m.io_uring),
    (r"this run .*\(RV_TEST_SECCOMP\)", lambda m, _: True),
    (r"threads are counted for a user", lambda m, _: os.geteuid() != 0
     or not m.works("setpriv", "--reuid", "65534", "--clear-groups", "test",
                    "-x", f"{m.build}/cli/reveil")),
    (r"io_uring", lambda m, _: not m.io_uring),
    (r"RWF_NOWAIT", lambda m, _: not m.rwf_nowait),
    (r"MADV_GUARD_INSTALL", lambda m, _: not m.guard_pages),
    (r"no IPv6|no ::1|no \S*::\S* on this machine", lambda m, _: not m.ipv6),
    (r"(\S+) is not installed", lambda m, found: not m.has(found[1])),
    (r"(\S+) \(util-linux\) is missing", lambda m, found: not m.has(found[1])),
    (r"valgrind", lambda m, _: "valgrind" in os.environ.get("LD_PRELOAD", "")),
    (r"sanitize|no leaks under ptrace", lambda m, _: m.sanitized),
    (r"no bare threads in this build", lambda m, _: m.sanitized),
    (r"/etc/hosts has no name", lambda m, _: not m.hosts_has_names),
    (r"vm\.max_map_count does not limit", lambda m, _: m.mappings > 150000),
    (r"no more than \d+ descriptors are allowed",
     lambda m, _: not m.may_open(20000)),
    (r"limit of descriptors cannot be set", lambda m, _: not m.works(
        "sh", "-c", "ulimit -n 100")),
    (r"one processor does not meet", lambda m, _: m.processors == 1),
    (r"built without (lib\w+)", lambda m, found: not m.works(
        "pkg-config", "--exists", found[1])),
    (r"root reads every file", lambda m, _: os.geteuid() == 0),
    (r"gdb may not trace", lambda m, _: not m.works(
        "gdb", "-q", "-nx", "-batch", "-ex", "run",
        "-ex", "python gdb.parse_and_eval('$_exitcode')", "true")),
    (r"mounting is not allowed", lambda m, _: not m.works(
        "unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt")),
    (r"no disk of its own", lambda m, _: not m.works(
        "unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt")),
]


def judge(machine, skips):
    """skips: pairs of test and reason. Returns: lines on what is not right."""
    wrong = []
    for test, reason in skips:
        for pattern, holds in REASONS:
            found = re.search(pattern, reason, re.IGNORECASE)
            if found:
                if not holds(machine, found):
                    wrong.append(f"{test} was skipped, which is not so here: "
                                 f"{reason}")
                break
        else:
            wrong.append(f"{test} was skipped for no reason that is known: "
                         f"{reason or 'none given'}")
    return wrong + machine.doctors_mistakes()


def reasons_in(run):
    """The skips in one line of Meson's log: pairs of test and reason."""
    name = run["name"]
    out, err = run["stdout"], run.get("stderr", "")
    found = [(f"{name}: {test}", reason) for test, reason in re.findall(
        r"(?m)^ok\s+(?:-\s*)?(.*?)\s*# SKIP\s*(.*)$", out)]
    for mark, reason in re.findall(r"\.\.\. skipped (['\"])(.*)\1$",
                                   out + err, re.MULTILINE):
        found.append((name, reason))
    if run["result"] == "SKIP" and not found:
        lines = [line for line in (out + err).splitlines() if "skip" in line]
        found.append((name, lines[-1] if lines else ""))
    return found
