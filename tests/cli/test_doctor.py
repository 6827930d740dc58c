#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""reveil doctor: what it reports on this machine, and without some features.

usage: test_doctor.py REVEIL
"""

import ctypes
import errno
import json
import os
import re
import struct
import subprocess
import sys
import unittest

REVEIL = os.path.abspath(sys.argv[1])
del sys.argv[1:]
SECONDS = 300  # when a run that has not ended is a hang, on any machine
# The same on every machine.
SYSTEM_CALLS = {"io_uring_setup": 425, "pidfd_open": 434, "epoll_pwait2": 441}


def take_away(call, error):
    """For subprocess: seccomp makes this system call fail in the child."""
    number = SYSTEM_CALLS[call]
    steps = b"".join(struct.pack("HBBI", *step) for step in (
        (0x20, 0, 0, 0),                   # load the number
        (0x15, 0, 1, number),              # is it this one?
        (0x06, 0, 0, 0x00050000 | error),  # an error
        (0x06, 0, 0, 0x7fff0000)))         # allow
    room = ctypes.create_string_buffer(steps)
    program = struct.pack("HxxxxxxP", 4, ctypes.addressof(room))
    libc = ctypes.CDLL(None, use_errno=True)

    def in_child():
        libc.prctl(38, 1, 0, 0, 0)
        if libc.prctl(22, 2, program) != 0:
            os._exit(99)
    in_child.room = room
    return in_child


LIBC = ctypes.CDLL(None, use_errno=True)


def takes(call, *arguments):
    """Whether this kernel has the call: it returns a descriptor or 0."""
    fd = LIBC.syscall(SYSTEM_CALLS[call], *arguments)
    if fd > 2:
        os.close(fd)
    return fd >= 0


def has_ring(flags):
    params = ctypes.create_string_buffer(struct.pack("8xI108x", flags), 120)
    return takes("io_uring_setup", 4, params)


def has_epoll_pwait2():
    fd = LIBC.epoll_create1(0)
    try:
        return takes("epoll_pwait2", fd, bytes(12), 1, bytes(16), None, 8)
    finally:
        os.close(fd)


def has_nowait():
    with open(REVEIL, "rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(1)], 0,
                             os.RWF_NOWAIT) == 1
        except OSError:
            return False


def has_guard():
    LIBC.mmap.restype = ctypes.c_void_p
    LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
                          ctypes.c_int, ctypes.c_int, ctypes.c_long]
    page = os.sysconf("SC_PAGESIZE")
    memory = ctypes.c_void_p(LIBC.mmap(None, page, 3, 0x22, -1, 0))
    has = LIBC.madvise(memory, ctypes.c_size_t(page), 102) == 0
    LIBC.munmap(memory, ctypes.c_size_t(page))
    return has


def doctor(*arguments, before=None, **environment):
    return subprocess.run([REVEIL, "doctor", *arguments], text=True,
                          capture_output=True, timeout=SECONDS,
                          preexec_fn=before,
                          env={**os.environ, **environment})


class Doctor(unittest.TestCase):
    def report(self, **options):
        result = doctor("--json", **options)
        self.assertEqual(result.stderr, "")
        report = json.loads(result.stdout)
        self.assertEqual(result.returncode,
                         0 if report["files"] == "ring" else 1)
        return report, {check["name"]: check for check in report["checks"]}

    def test_text_and_json_agree(self):
        report, checks = self.report()
        text = doctor().stdout
        self.assertIn(report["why"], text.splitlines()[0])
        for name, check in checks.items():
            self.assertRegex(text, rf"(?m)^  {'ok' if check['ok'] else 'no'} +"
                                   rf"{re.escape(name)} +"
                                   rf"{re.escape(check['text'])}$")
        self.assertEqual(len(text.splitlines()), 2 + len(checks))

    def test_it_names_the_kernel_and_the_limits(self):
        _, checks = self.report()
        self.assertIn(os.uname().release, checks["kernel"]["text"])
        for name in "descriptors", "locked memory", "threads", "RWF_NOWAIT":
            self.assertIn(name, checks)

    def test_the_environment_may_forbid_the_ring(self):
        report, _ = self.report(RV_DISK="pool")
        self.assertEqual(report["files"], "pool")
        self.assertIn("RV_DISK=pool", report["why"])

    def test_a_kernel_or_a_sandbox_without_io_uring(self):
        for error in errno.ENOSYS, errno.EPERM:
            with self.subTest(errno.errorcode[error]):
                report, checks = self.report(
                    before=take_away("io_uring_setup", error))
                self.assertEqual(report["files"], "pool")
                self.assertFalse(checks["io_uring"]["ok"])
                self.assertIn(errno.errorcode[error], report["why"])
                self.assertNotIn("ring flags", checks)

    @unittest.skipUnless(has_ring(0), "no io_uring on this machine")
    def test_what_the_machine_has_is_used(self):
        """Found by calls of this test, not by asking the doctor."""
        best = 1 << 7 | 1 << 9 | 1 << 12 | 1 << 13
        report, checks = self.report(RV_DISK="")
        self.assertEqual(report["files"], "ring")
        self.assertEqual(checks["ring flags"]["ok"], has_ring(best))

    def test_so_it_is_with_other_calls(self):
        _, checks = self.report()
        for name, has in {
                "RWF_NOWAIT": has_nowait(),
                "epoll_pwait2": has_epoll_pwait2(),
                "pidfd_open": takes("pidfd_open", os.getpid(), 0),
                "MADV_GUARD_INSTALL": has_guard()}.items():
            with self.subTest(name):
                self.assertEqual(checks[name]["ok"], has)

    def test_other_calls_that_are_missing(self):
        for call in "pidfd_open", "epoll_pwait2":
            _, checks = self.report(before=take_away(call, errno.ENOSYS))
            self.assertFalse(checks[call]["ok"])

    def test_wrong_arguments(self):
        for arguments in ["word"], ["--nothing"]:
            result = doctor(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertEqual(result.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
