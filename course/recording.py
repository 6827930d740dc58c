# SPDX-License-Identifier: MIT
"""Reads the memory that a check program shares: see native/probe.c.

The layout is that of struct probe_memory, probe_thread_row and probe_record.
"""
import mmap
import os
import secrets
import struct
import subprocess

import library_events

# enum probe_kind of native/probe.h, as the trace names them.
KINDS = """thread-start thread-end spawn push pop poll ready pending wake
wake-again unpark park permit awake register deregister set-waker epoll-wait
epoll-done event connect send recv would-block read write sleep block tick log
drop timer job-queued job-start job-done submit complete steal switch chan-send
chan-recv chan-wait answer end close get ask pass empty kept locked await level note
frame enter stack""".split()
EXTRA = ["epoll_ctl", "ctl_add", "ctl_delete", "ctl_twice", "reads", "forks",
         "spins", "slept_ms",
         "alarm", "closed_twice", "timed"]
COUNTERS = 96
ROWS = 64
FRAMES, NEAR, DEEP, HELD = 8, 16, 64, 4
REGISTERS, MAP_BYTES, CODE_BYTES, WORDS, STACKS = 23, 32768, 16, 16, 32
OWN_FIGURES = 16
PLACES = ["end", "fork", "signal", "close"]

HEAD = struct.Struct(f"<IIiIIIIIiI QQ{DEEP}Q "
                     f"{REGISTERS}Qq{CODE_BYTES}s{WORDS}Q"
                     f"{len(PLACES) * NEAR}Q "
                     f"{2 * COUNTERS}Q 96s64s3q")
ROW = struct.Struct(f"<iI24sQ24s{FRAMES}QIIII24s{FRAMES}Q Q{NEAR}Q "
                    f"Q{HELD * (1 + FRAMES)}Q")
RECORD = struct.Struct(f"<qHHiiiqII{FRAMES}Q")
COUNTER = struct.Struct("<Q")
ROWS_AT = HEAD.size
TAIL = struct.Struct("<96s64s3q" + "32sQQ" * STACKS +
                     "32sq" * OWN_FIGURES + f"{MAP_BYTES}s")
TAIL_AT = ROWS_AT + ROWS * ROW.size
RECORDS_AT = TAIL_AT + TAIL.size + 64
SIZE = 8 << 20
FINISHED_AT, COUNT_AT, THREADS_AT = 4, 12, 24  # of struct probe_memory


def text_of(raw):
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


class Memory:
    """The shared memory of one run, before and while it runs."""

    def __init__(self):
        self.fd = os.memfd_create("probe", 0)
        os.ftruncate(self.fd, SIZE)
        self.map = mmap.mmap(self.fd, SIZE)
        self.key = 1 + secrets.randbelow((1 << 32) - 1)
        struct.pack_into("<I", self.map, 0, self.key)

    def progress(self):
        """Changes whenever anything was recorded or counted."""
        return (self.map[COUNT_AT:COUNT_AT + 4],
                self.map[HEAD.size - 184 - 8 * COUNTERS:HEAD.size - 184])

    def count(self, name):
        """A counter, while the program runs."""
        return COUNTER.unpack_from(
            self.map, HEAD.size - 184 - 8 * COUNTERS +
            8 * (KINDS + EXTRA).index(name))[0]

    def threads_seen(self):
        """(those that have told where they are, all that still run)"""
        values = [ROW.unpack_from(self.map, ROWS_AT + i * ROW.size)
                  for i in range(min(self.thread_count(), ROWS))]
        rows = [Thread(i + 1, one) for i, one in enumerate(values)]
        alive = [one for one in rows if not one.ended]
        return [one for one in alive if one.seen_pc], alive

    def idle(self):
        """Numbers of the library's pool threads that have nothing to do."""
        _, threads = self.threads_seen()
        return {one.tid for one in threads if one.name.startswith("pool-") and
                one.blocked_in == "pthread_cond_timedwait"}

    def is_finished(self):
        """Whether main(), or the case, has come to its end."""
        return struct.unpack_from("<I", self.map, FINISHED_AT)[0] == self.key

    def thread_count(self):
        return struct.unpack_from("<I", self.map, THREADS_AT)[0]

    def close(self):
        self.map.close()
        os.close(self.fd)

    def read(self):
        return Recording(self.map, self.key)


class Thread:
    def __init__(self, index, values):
        self.index = index
        self.tid, self.calls, name, self.blocked_since, where = values[:5]
        self.blocked_pc = values[5:5 + FRAMES]
        self.delayed, self.ended, self.parking, self.late_ms, call = \
            values[5 + FRAMES:10 + FRAMES]
        self.delayed_in = text_of(call)
        self.delayed_pc = values[10 + FRAMES:10 + 2 * FRAMES]
        seen, values = values[10 + 2 * FRAMES], values[11 + 2 * FRAMES:]
        self.seen_pc = values[:NEAR] if seen else ()
        self.wanted, values = values[NEAR], values[NEAR + 1:]
        self.held = {values[i]: values[i + 1:i + 1 + FRAMES]
                     for i in range(0, len(values), 1 + FRAMES) if values[i]}
        self.name = text_of(name) or f"thread{index}"
        self.blocked_in = text_of(where) if self.blocked_since else None


class Event:
    __slots__ = ("time", "kind", "thread", "task", "source", "fd", "value",
                 "times", "call", "period", "pc", "line", "lines")

    def __init__(self, values):
        (self.time, kind, self.thread, self.task, self.source, self.fd,
         self.value, self.times, call) = values[:9]
        self.call, self.period = call & 0xffffff, call >> 24
        self.kind = KINDS[kind] if kind < len(KINDS) else "other"
        self.pc = values[9:]
        self.line, self.lines = 0, ()

    def copy(self):
        """Another event that says the same; copy.copy() takes ten times as
        long, and a sweep makes a hundred thousand of them."""
        one = Event.__new__(Event)
        one.time, one.kind, one.thread = self.time, self.kind, self.thread
        one.task, one.source, one.fd = self.task, self.source, self.fd
        one.value, one.times, one.call = self.value, self.times, self.call
        one.period, one.pc = self.period, self.pc
        one.line, one.lines = self.line, self.lines
        return one

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
        if period <= 1:  # alone, or a fold of one: no end is in its middle
            done.append(events[i])
            i += 1
            continue
        group = events[i:i + period]
        done += group
        i += len(group)
        least = min(event.times for event in group)
        until = events[i].time if i < len(events) else group[-1].time + 1
        again = [event for event in group if event.times > least]
        for j, event in enumerate(again):
            event.times = least
            copy_of = event.copy()
            copy_of.times, copy_of.period = 1, 0
            copy_of.time = max(until - len(again) + j, group[-1].time)
            done.append(copy_of)
    return done


class Recording:
    """All that a run has recorded."""

    def __init__(self, memory, key):
        # After resolve(): return address: line; thread: lines; delays.
        self.lines, self.blocked_lines, self.delays = {}, {}, []
        values = HEAD.unpack_from(memory, 0)
        (_, self.finished, self.status, count, _, self.dropped, threads,
         self.failed, self.crash_signal, self.crash_thread,
         self.crash_address, self.crash_stack) = values[:12]
        self.finished = self.finished == key
        values = values[12:]
        self.crash_pc, values = values[:DEEP], values[DEEP:]
        self.crash_registers, values = values[:REGISTERS], values[REGISTERS:]
        self.crash_code, self.crash_bytes, values = \
            values[0], values[1], values[2:]
        self.crash_words, values = values[:WORDS], values[WORDS:]
        self.places = {name: values[i * NEAR:(i + 1) * NEAR]
                       for i, name in enumerate(PLACES)}
        values = values[len(PLACES) * NEAR:]
        own, values = values[:COUNTERS], values[COUNTERS:]
        counts = values[:COUNTERS]
        cause, key, *numbers = values[COUNTERS:]
        self.counts = dict(zip(KINDS + EXTRA, counts))
        self.own_counts = dict(zip(KINDS + EXTRA, own))
        self.fail = (text_of(cause), text_of(key), numbers) \
            if self.failed else None
        tail = TAIL.unpack_from(memory, TAIL_AT)
        self.if_stuck = (text_of(tail[0]), text_of(tail[1]), tail[2:5]) \
            if text_of(tail[0]) else None
        self.stacks = [(text_of(tail[i]), tail[i + 1], tail[i + 2])
                       for i in range(5, 5 + 3 * STACKS, 3) if tail[i + 2]]
        tail, self.crash_map = tail[5 + 3 * STACKS:-1], text_of(tail[-1])
        self.own_figures = {text_of(tail[i]): tail[i + 1]
                            for i in range(0, 2 * OWN_FIGURES, 2) if tail[i]}
        self.own_figures.pop("", None)
        self.threads = [
            Thread(i + 1, ROW.unpack_from(memory, ROWS_AT + i * ROW.size))
            for i in range(min(threads, ROWS))]
        most = (len(memory) - RECORDS_AT) // RECORD.size
        self.events = library_events.translate(unfold_ends([
            Event(values) for values in RECORD.iter_unpack(
                memory[RECORDS_AT:RECORDS_AT +
                       min(count, most) * RECORD.size])]))
        self.overflowed = self.crash_signal in (11, 7) and \
            abs(self.crash_address - self.crash_stack) < 1 << 18

    def name_of(self, thread):
        if 0 < thread <= len(self.threads):
            return self.threads[thread - 1].name
        return "?"

    def lines_at(self, frames):
        """The lines of these frames that are in the source, innermost first;
        known after resolve()."""
        return [self.lines[pc] for pc in frames if self.lines.get(pc)]

    def seen_lines(self, name=None):
        """Where a thread was when the run was ended: `name`, or the first
        that was seen in the source."""
        return next((lines for one in self.threads
                     if name in (None, one.name) and
                     (lines := self.lines_at(one.seen_pc))), [])

    def owner_of(self, lock):
        """(thread that took this lock and still has it, the lines where), or
        (None, [])."""
        return next(((one, self.lines_at(one.held[lock]))
                     for one in self.threads if lock in one.held), (None, []))

    def resolve(self, program, path, folder):
        """Set the line of each event: the first frame in the source `path`."""
        frames = [event.pc for event in self.events]
        frames += [self.crash_pc, *self.places.values()]
        for one in self.threads:
            frames += [one.blocked_pc, one.delayed_pc, one.seen_pc,
                       *one.held.values()]
        self.lines = lines_of(program, {pc for pcs in frames for pc in pcs
                                        if pc}, path, folder)

        def first(pcs):
            return next(iter(self.lines_at(pcs)), 0)

        for event in self.events:
            event.line, event.lines = first(event.pc), self.lines_at(event.pc)
        self.delays = [(one.name, one.delayed_in, first(one.delayed_pc))
                       for one in self.threads if one.delayed]
        self.blocked_lines = {one.name: self.lines_at(one.blocked_pc)
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
