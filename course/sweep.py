# SPDX-License-Identifier: MIT
"""The delay sweep: one run for each call that orders threads, with a delay of
150 ms before that call. Most of a run is sleep, so many go side by side."""
import itertools
import threading
import time

SIDE_BY_SIDE = 16
SECONDS = 20


def schedules(recording, threads=None):
    """["main:1", "reactor:1", "main:2", ...]: the calls of a run without
    delays; the threads in turn, so that each race comes early."""
    rows = [[f"{one.name}:{i}" for i in range(1, one.calls + 1)]
            for one in recording.threads
            if not threads or one.name in threads]
    return [one for turn in itertools.zip_longest(*rows)
            for one in turn if one]


def run_all(names, run_one, seconds=SECONDS, side_by_side=SIDE_BY_SIDE,
            cancel=None):
    """run_one(name) for each name, some at a time, in order, until one gives
    something or the time is over.

    Returns: ((name, what it gave) of the first in order or None, runs done).
    """
    cancel = cancel or threading.Event()
    lock, order = threading.Lock(), iter(enumerate(names))
    end, found, done, errors = time.monotonic() + seconds, [], [0], []

    def work():
        while not cancel.is_set() and time.monotonic() < end:
            with lock:
                index, name = next(order, (None, None))
            if name is None or found:
                return
            try:
                result = run_one(name)
            except BaseException as error:  # given back to the caller
                errors.append(error)
                cancel.set()
                return
            with lock:
                done[0] += 1
                if result:
                    found.append((index, name, result))

    workers = [threading.Thread(target=work, daemon=True)
               for _ in range(min(side_by_side, len(names)))]
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
    found.sort()
    return ((found[0][1], found[0][2]) if found else None), done[0]
