# SPDX-License-Identifier: MIT
"""Reads the memory that a check program shares: see native/probe.c.

The layout is that of struct probe_memory, probe_thread_row and probe_record.
"""
import copy
import mmap
import os
import struct
import subprocess

# enum probe_kind of native/probe.h, as the trace names them.
KINDS = """thread-start thread-end spawn push pop poll ready pending wake
wake-again unpark park permit awake register deregister set-waker epoll-wait
epoll-done event connect send recv would-block read write sleep block tick log
drop timer job-queued job-start job-done submit complete steal switch chan-send
chan-recv chan-wait answer end close""".split()
EXTRA = ["epoll_ctl", "ctl_add", "ctl_delete", "ctl_twice", "reads", "forks",
         "spins", "slept_ms",
         "alarm"]
COUNTERS = 64
ROWS = 64
FRAMES = 4

HEAD = struct.Struct(f"<IIiIIIIIiI QQ{FRAMES}Q {COUNTERS}Q 96s64s3q")
ROW = struct.Struct(f"<iI24sQ24s{FRAMES}QIIII24s{FRAMES}Q")
RECORD = struct.Struct(f"<qHHiiiqII{FRAMES}Q")
COUNTER = struct.Struct("<Q")
ROWS_AT = HEAD.size
RECORDS_AT = ROWS_AT + ROWS * ROW.size + 64
SIZE = 8 << 20
COUNT_AT = 12  # probe_memory.count


def text_of(raw):
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


class Memory:
    """The shared memory of one run, before and while it runs."""

    def __init__(self):
        self.fd = os.memfd_create("probe", 0)
        os.ftruncate(self.fd, SIZE)
        self.map = mmap.mmap(self.fd, SIZE)

    def progress(self):
        """Changes whenever anything was recorded or counted."""
        return (self.map[COUNT_AT:COUNT_AT + 4],
                self.map[HEAD.size - 184 - 8 * COUNTERS:HEAD.size - 184])

    def count(self, name):
        """A counter, while the program runs."""
        return COUNTER.unpack_from(
            self.map, HEAD.size - 184 - 8 * COUNTERS +
            8 * (KINDS + EXTRA).index(name))[0]

    def close(self):
        self.map.close()
        os.close(self.fd)

    def read(self):
        return Recording(self.map)


class Thread:
    def __init__(self, index, values):
        self.index = index
        self.tid, self.calls, name, self.blocked_since, where = values[:5]
        self.blocked_pc = values[5:5 + FRAMES]
        self.delayed, self.ended, self.parking, _, call = \
            values[5 + FRAMES:10 + FRAMES]
        self.delayed_in = text_of(call)
        self.delayed_pc = values[10 + FRAMES:]
        self.name = text_of(name) or f"thread{index}"
        self.blocked_in = text_of(where) if self.blocked_since else None


class Event:
    __slots__ = ("time", "kind", "thread", "task", "source", "fd", "value",
                 "times", "call", "period", "pc", "line")

    def __init__(self, values):
        (self.time, kind, self.thread, self.task, self.source, self.fd,
         self.value, self.times, call) = values[:9]
        self.call, self.period = call & 0xffffff, call >> 24
        self.kind = KINDS[kind] if kind < len(KINDS) else "other"
        self.pc = values[9:]
        self.line = 0

    def __repr__(self):
        return (f"{self.time} {self.thread} {self.kind} task={self.task} "
                f"source={self.source} fd={self.fd} value={self.value} "
                f"x{self.times}")


def unfold_ends(events):
    """A fold ends in the middle of its period: what came once more, at the
    end, becomes events of its own behind the fold, so that the order holds."""
    done, i = [], 0
    while i < len(events):
        period = events[i].period
        group = events[i:i + max(period, 1)]
        done += group
        i += len(group)
        least = min(event.times for event in group)
        until = events[i].time if i < len(events) else group[-1].time + 1
        again = [event for event in group if event.times > least]
        for j, event in enumerate(again):
            event.times = least
            copy_of = copy.copy(event)
            copy_of.times, copy_of.period = 1, 0
            copy_of.time = max(until - len(again) + j, group[-1].time)
            done.append(copy_of)
    return done


class Recording:
    """All that a run has recorded."""

    def __init__(self, memory):
        values = HEAD.unpack_from(memory, 0)
        (_, self.finished, self.status, count, _, self.dropped, threads,
         self.failed, self.crash_signal, self.crash_thread,
         self.crash_address, self.crash_stack) = values[:12]
        self.crash_pc = values[12:12 + FRAMES]
        counts = values[12 + FRAMES:12 + FRAMES + COUNTERS]
        cause, key, *numbers = values[12 + FRAMES + COUNTERS:]
        self.counts = dict(zip(KINDS + EXTRA, counts))
        self.fail = (text_of(cause), text_of(key), numbers) \
            if self.failed else None
        self.threads = [
            Thread(i + 1, ROW.unpack_from(memory, ROWS_AT + i * ROW.size))
            for i in range(min(threads, ROWS))]
        most = (len(memory) - RECORDS_AT) // RECORD.size
        self.events = unfold_ends([
            Event(RECORD.unpack_from(memory, RECORDS_AT + i * RECORD.size))
            for i in range(min(count, most))])
        self.overflowed = self.crash_signal in (11, 7) and \
            abs(self.crash_address - self.crash_stack) < 1 << 18

    def name_of(self, thread):
        if 0 < thread <= len(self.threads):
            return self.threads[thread - 1].name
        return "?"

    def resolve(self, program, path, folder):
        """Set the line of each event: the first frame in the source `path`."""
        wanted = {pc for event in self.events for pc in event.pc if pc}
        wanted |= {pc for pc in self.crash_pc if pc}
        wanted |= {pc for one in self.threads
                   for pc in one.blocked_pc + one.delayed_pc if pc}
        lines = lines_of(program, wanted, path, folder)

        def first(pcs):
            return next((lines[pc] for pc in pcs if lines.get(pc)), 0)

        for event in self.events:
            event.line = first(event.pc)
        self.crash_line = first(self.crash_pc)
        self.delays = [(one.name, one.delayed_in, first(one.delayed_pc))
                       for one in self.threads if one.delayed]
        self.blocked_lines = {one.name: first(one.blocked_pc)
                              for one in self.threads if one.blocked_since}


def lines_of(program, addresses, path, folder):
    """{return address: line in the source `path`}, for those that are in it."""
    addresses = sorted(addresses)
    try:
        answer = subprocess.run(
            ["addr2line", "-a", "-i", "-e", program],
            input="".join(f"{pc - 1:#x}\n" for pc in addresses), text=True,
            capture_output=True, check=False, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    found, current = {}, None
    for line in answer.splitlines():
        if line.startswith("0x") and ":" not in line:
            current = int(line, 16) + 1
            continue
        name, _, number = line.split(" (disc")[0].rpartition(":")
        if name.startswith(folder + "/"):
            name = name[len(folder) + 1:]
        if name == path and number.isdigit() and current not in found:
            found[current] = int(number)
    return found
