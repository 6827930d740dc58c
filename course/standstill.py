# SPDX-License-Identifier: MIT
"""Stuck, not slow: says by its state that a run comes to nothing.

Every thread sleeps in a call without a time-out, nothing has moved for a while,
no timer is armed, and the server owes nothing; or the server owes nothing and
the program only spins or naps.
"""
import glob
import os
import platform
import re
import time

STILL = 0.15        # so long nothing may have moved
IDLE_CPU = 0.5      # seconds of the processor, when the server owes nothing
MOST_NAPS, MOST_NAPPED = 300, 3000  # and so many naps, or ms of them
EXIT_SECONDS = 15   # from the end of main() to that of the program

# System calls that may wait, and the argument that says how long: None, a
# pointer that is 0, or a number of milliseconds that is -1.
FOREVER, POINTER, MILLISECONDS, TIMED = range(4)
X86 = {202: ("futex", POINTER, 3), 232: ("epoll_wait", MILLISECONDS, 3),
       7: ("poll", MILLISECONDS, 2),
       271: ("poll", POINTER, 2), 23: ("select", POINTER, 4),
       270: ("select", POINTER, 4), 0: ("read", FOREVER, 0),
       1: ("write", FOREVER, 0), 45: ("recv", FOREVER, 0),
       47: ("recvmsg", FOREVER, 0), 44: ("send", FOREVER, 0),
       42: ("connect", FOREVER, 0), 43: ("accept", FOREVER, 0),
       288: ("accept", FOREVER, 0), 61: ("wait", FOREVER, 0),
       281: ("epoll_wait", MILLISECONDS, 3),
       441: ("epoll_wait", POINTER, 3), 426: ("io_uring_enter", FOREVER, 0),
       34: ("pause", FOREVER, 0), 130: ("sigsuspend", FOREVER, 0),
       128: ("sigwait", POINTER, 2), 65: ("semop", FOREVER, 0),
       220: ("semop", POINTER, 3), 70: ("msgrcv", FOREVER, 0),
       243: ("mq_receive", POINTER, 4)}
ARM = {98: ("futex", POINTER, 3), 22: ("epoll_wait", MILLISECONDS, 3),
       73: ("poll", POINTER, 2), 72: ("select", POINTER, 4),
       63: ("read", FOREVER, 0), 64: ("write", FOREVER, 0),
       207: ("recv", FOREVER, 0), 212: ("recvmsg", FOREVER, 0),
       206: ("send", FOREVER, 0), 203: ("connect", FOREVER, 0),
       202: ("accept", FOREVER, 0), 242: ("accept", FOREVER, 0),
       441: ("epoll_wait", POINTER, 3), 426: ("io_uring_enter", FOREVER, 0),
       260: ("wait", FOREVER, 0), 133: ("sigsuspend", FOREVER, 0),
       137: ("sigwait", POINTER, 2), 193: ("semop", FOREVER, 0),
       192: ("semop", POINTER, 3), 188: ("msgrcv", FOREVER, 0),
       183: ("mq_receive", POINTER, 4)}
MACHINES = {"x86_64": X86, "aarch64": ARM}
CALLS = MACHINES.get(platform.machine(), {})


def number_inside(task):
    """The number of a thread as the program sees it, in its PID namespace."""
    for line in (read_word(task + "/status") or "").splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return int(os.path.basename(task))


# --- what the threads do ---------------------------------------------------

def read_word(path):
    """The text of a file of /proc; None: it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read().decode("ascii", "replace")
    except OSError:
        return None


def waits_in(task):
    """(call, for ever?) of a sleeping thread; None if it cannot be said."""
    text = read_word(task + "/syscall")
    if not text:
        return None
    words = text.split()
    if not words or not words[0].isdigit():
        return None
    call = CALLS.get(int(words[0]))
    if not call:
        return ("?", False)
    name, how, which = call
    value = int(words[1 + which], 16)
    forever = how == FOREVER or (how == POINTER and value == 0) or (
        how == MILLISECONDS and value & 0xffffffff == 0xffffffff)
    return (name, forever)


def tasks_of(pid):
    """The folders of a process's threads, in order; [] if it is gone."""
    folder = f"/proc/{pid}/task"
    try:
        return [f"{folder}/{tid}" for tid in sorted(os.listdir(folder))]
    except OSError:
        return []


def look(pid, idle=()):
    """What each thread does: "stopped", None (something may go on), or what
    must stay the same if all sleep for ever.

    idle: numbers, as the program sees them, of threads that sleep until they
    are given work or are not needed any more: a time-out of theirs is no event.
    """
    seen, stopped = [], True
    for task in tasks_of(pid):
        stat = read_word(task + "/stat")
        if not stat:
            return None
        state = stat[stat.rindex(")") + 2]
        if state in "ZX":
            continue
        if state == "T":
            seen.append((task, "T"))
            continue
        stopped = False
        where = waits_in(task) if state == "S" else None
        if not where or not where[1] and number_inside(task) not in idle:
            return None
        switches = [line for line in
                    (read_word(task + "/status") or "").splitlines()
                    if "ctxt_switches" in line]
        seen.append((task, where[0], read_word(task + "/syscall"),
                     tuple(switches)))
    if not seen:
        return None
    return ("stopped",) + tuple(seen) if stopped else tuple(seen)


def has_timer(pid):
    """Whether a timerfd or a POSIX timer of the program is armed."""
    if (read_word(f"/proc/{pid}/timers") or "").strip():
        return True
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        for line in (read_word(path) or "").splitlines():
            if line.startswith("it_value:") and "(0, 0)" not in line:
                return True
    return False


def is_connecting(pid):
    """Whether the kernel still tries to connect a socket of the program: it
    asks again by itself, without a timer that could be seen."""
    sockets = set()
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            found = re.match(r"socket:\[(\d+)\]", os.readlink(path))
        except OSError:
            continue
        if found:
            sockets.add(found[1])
    rows = (read_word(f"/proc/{pid}/net/tcp") or "").splitlines()[1:]
    return any(row.split()[3] == "02" and row.split()[9] in sockets
               for row in rows)


class Stuck:
    """Decides that a run comes to nothing, by its state: nothing moves any
    more, or the server owes nothing and the program only spins or naps."""

    def __init__(self, memory=None, site=None, idle_cpu=None, most=None):
        self.most = most  # so many connections are enough to know
        self.memory, self.site, self.idle_cpu = memory, site, idle_cpu
        self.since, self.before = 0, None
        self.mark, self.owed = (0, 0, 0), False
        self.main_ended = None

    def lingers(self):
        """main() has returned some time ago, and the program is still there."""
        if not self.memory or not self.memory.is_finished():
            return False
        self.main_ended = self.main_ended or time.monotonic()
        return time.monotonic() - self.main_ended > EXIT_SECONDS

    def spins(self, running):
        """Much work or many naps since the server owed something."""
        now = (running.cpu_seconds(), self.memory.count("sleep"),
               self.memory.count("slept_ms"))
        if self.site.owes() or self.owed:
            # On a busy machine the last look may be long ago: from now on.
            self.mark, self.owed = now, self.site.owes()
            return False
        return now[0] - self.mark[0] > self.idle_cpu or \
            now[1] - self.mark[1] > MOST_NAPS or \
            now[2] - self.mark[2] > MOST_NAPPED

    def __call__(self, running):
        if self.idle_cpu and (self.spins(running) or self.most and
                              len(self.site.connections) > self.most):
            running.result.limit = running.result.idle = True
            return True
        if self.lingers():
            running.result.limit = True
            return True
        seen = look(running.pid, self.memory.idle() if self.memory else ())
        if seen and self.site and seen[0] != "stopped" and self.site.owes():
            seen = None
        state = seen and (seen, self.memory and self.memory.progress())
        now = time.monotonic()
        if not state or state != self.before:
            self.before, self.since = state, now
            return False
        if now - self.since < STILL:
            return False
        if seen[0] != "stopped" and (
                has_timer(running.pid) or is_connecting(running.pid) or
                self.memory and self.memory.count("alarm") or
                self.site and self.site.in_flight()):
            self.before = None
            return False
        if (look(running.pid, self.memory.idle() if self.memory else ()),
                self.memory and self.memory.progress()) != state:
            self.before = None  # what it waited for has come just now
            return False
        if seen[0] == "stopped":
            running.result.stopped = True
        else:
            running.result.stuck = True
            running.result.blocked = [
                (number_inside(one[0]), one[1]) for one in seen]
        return True
