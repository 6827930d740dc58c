# SPDX-License-Identifier: MIT
"""The delay sweep: one run for each call that orders threads, with a delay of
150 ms before that call. Most of a run is sleep, so many go side by side. Where
the machine was so busy that the others may have come too late for a delay, the
run is done again with a longer one."""
import itertools
import threading
import time

import server

SIDE_BY_SIDE = 16
SECONDS = 20
LONG_MS = 500
LATE_MS = 30  # of the others: with two of them, 60 ms of an answer are no 150


def schedules(recording, threads=None):
    """["main:1", "reactor:1", "main:2", ...]: the calls of a run without
    delays; the threads in turn, so that each race comes early."""
    rows = [[f"{one.name}:{i}" for i in range(1, one.calls + 1)]
            for one in recording.threads
            if not threads or one.name in threads]
    return [one for turn in itertools.zip_longest(*rows)
            for one in turn if one]


def others_were_late(run):
    """Whether the delay of this run may have been too short: the other threads
    have waited for a processor, or the server for its turn; or it was not
    reached at all."""
    late = [one.late_ms for one in run.recording.threads if one.delayed]
    if not late:
        return True
    sends = [event.time for event in run.recording.events
             if event.kind == "send"]
    site = run.result.site
    for asked, path in site.requests:
        sent = max((one for one in sends if one <= asked), default=asked)
        late += [(asked - sent) / 1e6] + [
            (done - asked) / 1e6 - server.body_of(path)[-1][0]
            for done, answered in site.answers if answered == path]
    return max(late) > LATE_MS


def run_all(names, run_one, seconds=SECONDS, side_by_side=SIDE_BY_SIDE,
            cancel=None):
    """run_one(name) for each name, some at a time, in order, until one gives
    something or the time is over. `cancel` (an Event) is set when nobody waits
    for the runs that still go on.

    Returns: ((name, what it gave) of the first in order or None, runs done).
    """
    cancel = cancel or threading.Event()
    lock, end = threading.Lock(), time.monotonic() + seconds
    names = list(names)
    waiting, running = list(enumerate(names)), set()
    found, done, errors = {}, [0], []

    def take():
        """The next (index, name); None: nothing is left to do."""
        with lock:
            if cancel.is_set() or not waiting or found or \
                    time.monotonic() > end:
                return None
            index, name = waiting.pop(0)
            running.add(index)
            return index, name

    def give(index, result):
        with lock:
            running.discard(index)
            if cancel.is_set():
                return
            done[0] += 1
            if result:
                found[index] = result
            if found and not any(one < min(found) for one in running):
                cancel.set()  # the first in order is known

    def work():
        try:
            while (item := take()) is not None:
                give(item[0], run_one(item[1]))
        except BaseException as error:  # given back to the caller
            errors.append(error)
            cancel.set()

    workers = [threading.Thread(target=work, daemon=True)
               for _ in range(min(side_by_side, len(waiting)))]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except BaseException:
        cancel.set()
        for worker in workers:
            worker.join(2)
        raise
    if errors:
        raise errors[0]
    if not found:
        return None, done[0]
    return (names[min(found)], found[min(found)]), done[0]
