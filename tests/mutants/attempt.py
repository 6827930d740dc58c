# SPDX-License-Identifier: MIT
"""One run of a program, and how a hang is detected.

A clock alone cannot tell a hang, since a busy machine makes everything slow. A
process is suspected if none of its threads has been ready to run or has run for
a while, or if it has used far more CPU or time than the intact program did
under the same load. Then no other program is started, the runner waits for
those that run, and watches the process again, alone. If it still makes no
progress by the same measures, it is a hang.
"""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
import time

from mutant import Seen

LOOK_S = 0.2  # between two looks at a process
STILL_LOOKS = 10  # so many looks without a step of any thread: suspected
LAST_WORDS_S = 5  # for what a program says of its hang when it gets SIGALRM
STILL, SLOW = "still", "slow"
TICKS = os.sysconf("SC_CLK_TCK")


class Closed(Exception):
    """All is to end, so nothing starts."""


class Floor:
    """Several may run at once, or one alone."""

    def __init__(self):
        self.changed = threading.Condition()
        self.running = 0
        self.alone = False
        self.waiting = 0
        self.groups = set()  # what has been started and not yet been ended
        self.closed = False

    def start(self, *arguments, **options):
        """Popen in a session of its own, where no Ctrl-C gets."""
        with self.changed:
            if self.closed:
                raise Closed
            process = subprocess.Popen(
                *arguments, **options, start_new_session=True
            )
            self.groups.add(process.pid)
            return process

    def end(self, group):
        """What is left of it is killed; the caller waits for it."""
        with self.changed:
            kill_group(group, signal.SIGKILL)
            self.groups.discard(group)

    def forget(self, group):
        """It has ended."""
        with self.changed:
            self.groups.discard(group)

    def close(self):
        """All that was started is killed, and nothing more starts."""
        with self.changed:
            self.closed = True
            for group in self.groups:
                kill_group(group, signal.SIGKILL)

    def enter(self):
        with self.changed:
            self.changed.wait_for(lambda: not self.alone and not self.waiting)
            self.running += 1

    def leave(self):
        with self.changed:
            self.running -= 1
            self.changed.notify_all()

    @contextlib.contextmanager
    def shared(self):
        self.enter()
        try:
            yield
        finally:
            self.leave()

    @contextlib.contextmanager
    def to_itself(self):
        """For one that has entered: until all others have left."""
        with self.changed:
            self.waiting += 1
            self.running -= 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.alone and not self.running)
            self.waiting -= 1
            self.alone = True
        try:
            yield
        finally:
            with self.changed:
                self.alone = False
                self.running += 1
                self.changed.notify_all()


def kill_group(group, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def look_at(session):
    """All processes of a session.

    Returns: {thread: (state, switches)} and their CPU seconds, with those of
    children that have ended.
    """
    threads = {}
    ticks = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.getsid(int(pid)) != session:
                continue
            ticks += sum(map(int, stat_of(f"/proc/{pid}")[11:15]))
            for thread in os.listdir(f"/proc/{pid}/task"):
                folder = f"/proc/{pid}/task/{thread}"
                threads[thread] = stat_of(folder)[0], switches_of(folder)
    return threads, ticks / TICKS


def stat_of(folder):
    with open(f"{folder}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def switches_of(folder):
    with open(f"{folder}/status", encoding="utf-8", errors="replace") as file:
        return [line for line in file if "ctxt_switches" in line]


class Watch:
    """Whether the processes of a session make progress."""

    def __init__(self, session, cpu_s):
        self.session = session
        self.before, used_s = look_at(session)
        self.limit_s = used_s + cpu_s
        self.looks = 0

    def suspicion(self):
        """Returns: None, STILL or SLOW."""
        now, used_s = look_at(self.session)
        asleep = all(state in "SZ" for state, _ in now.values())
        self.looks = self.looks + 1 if asleep and now == self.before else 0
        self.before = now
        if self.looks >= STILL_LOOKS:
            return STILL
        return SLOW if used_s > self.limit_s else None


class Attempt:
    """Run a command once, by one that has entered the floor.

    cpu_s, wall_s: with how much CPU and how much time it is suspected.
    """

    def __init__(self, floor, arguments, cpu_s, wall_s, environment=None):
        self.floor = floor
        self.cpu_s = cpu_s
        self.wall_s = wall_s
        self.was_alone = False
        with tempfile.TemporaryFile() as errors:
            begin = time.monotonic()
            self.process = floor.start(
                arguments,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            hang = self.watch()
            self.seconds = time.monotonic() - begin
            errors.seek(0)
            text = errors.read().decode(errors="replace")
        self.seen = Seen(self.status, text, hang)

    def watch(self):
        """Wait for its end. Returns: whether it hung."""
        self.end = os.pidfd_open(self.process.pid)
        try:
            return self.hangs()
        finally:
            os.close(self.end)
            self.floor.end(self.process.pid)
            _, status, usage = os.wait4(self.process.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)
            self.process.returncode = self.status  # it is waited for
            self.used_s = usage.ru_utime + usage.ru_stime

    def signal(self, number):
        kill_group(self.process.pid, number)

    def ends_within(self, seconds):
        return bool(select.select([self.end], [], [], seconds)[0])

    def suspicion(self):
        """Wait for its end. Returns: None at the end; STILL or SLOW."""
        watch = Watch(self.process.pid, self.cpu_s)
        until = time.monotonic() + self.wall_s
        while not self.ends_within(LOOK_S):
            why = watch.suspicion()
            if why or time.monotonic() > until:
                return why or SLOW
        return None

    def hangs(self):
        why = self.suspicion()
        if not why:
            return False
        if why == SLOW:  # it has the CPU, which the others need to end
            self.signal(signal.SIGSTOP)
        with self.floor.to_itself():
            self.was_alone = True
            self.signal(signal.SIGCONT)
            # With nothing beside it, it needs less than in company.
            self.cpu_s /= 2
            self.wall_s /= 2
            if not self.suspicion():
                return False
            # A stress program says then in which phase it is.
            os.kill(self.process.pid, signal.SIGALRM)
            self.ends_within(LAST_WORDS_S)
        return True
