# SPDX-License-Identifier: MIT
"""Runs one check program to its end, to a standstill or to the limit.

Stuck, not slow: a run is ended early only when every thread sleeps in a call
without a time-out, nothing has moved for a while, and the server owes nothing.
"""
import ctypes
import glob
import os
import selectors
import signal
import subprocess
import threading
import time

import build
import lessons
import recording
from standstill import IDLE_CPU, Stuck, number_inside, read_word

LOOK_EVERY = 0.05   # seconds between two looks at the threads
ASK_SECONDS = 0.1   # for the threads to tell where they are
MOST_OUTPUT = 1 << 20
MEMORY_MB = 4096    # of address space; sanitizers: sanitize.MEMORY_MB
libc = ctypes.CDLL(None)
TICKS = os.sysconf("SC_CLK_TCK")
GUARD = os.path.join(lessons.HERE, "native", "guard.c")


def guard_program(folder, cc="cc"):
    """Build native/guard.c, once in each folder. Returns its path.

    Without shared libraries, if the C library can be had that way: it is started
    for each of the hundred runs of a sweep, and starts in half the time."""
    path = os.path.join(folder, "guard")
    if not os.path.exists(path) or \
            os.path.getmtime(path) < os.path.getmtime(GUARD):
        os.makedirs(folder, exist_ok=True)
        made = f"{path}.{os.getpid()}.{threading.get_ident()}"
        command = [*cc.split(), "-O1", "-o", made, GUARD]
        more = {"stdin": subprocess.DEVNULL, "timeout": build.SECONDS}
        if subprocess.run([*command, "-static"], check=False,
                          stderr=subprocess.DEVNULL, **more).returncode:
            subprocess.run(command, check=True, **more)
        os.replace(made, path)
    return path


# --- a run -----------------------------------------------------------------

class Result:
    """How a run has ended, and what is known of it."""

    def __init__(self):
        self.status = None      # exit status
        self.signal = None      # name of the signal that ended it
        self.stuck = False
        self.stopped = False    # by SIGSTOP
        self.limit = False      # ran into the time limit
        self.idle = False       # that: worked or napped, and nothing is owed
        self.too_much = False   # output without end
        self.output = b""
        self.pieces = []        # (time in ns, bytes) of the output
        self.blocked = []       # words: "main in futex"
        self.seconds = 0.0
        self.end_ns = None      # when it was ended by us
        self.cpu_ms = 0
        self.switches = 0
        self.left = 0           # processes that outlived it
        self.recording = None
        self.site = None
        self.args = []

    @property
    def ended(self):
        """It came to its end by itself, and the case was over."""
        return self.status is not None and self.recording is not None and \
            bool(self.recording.finished)


def arguments(case, port, nonce, seed, memory, delay=None, args=()):
    command = [f"case:{case}", "--port", str(port), "--nonce", nonce,
               "--seed", str(seed)]
    if memory is not None:
        command += ["--shm", str(memory)]
    if delay:
        command += ["--delay", delay]
    return command + ["--"] + [str(arg) for arg in args]


class Running:
    """One process under the guard, looked after by the calling thread."""

    def __init__(self, command, guard, memory=None, env=None, on_output=None,
                 memory_mb=0):
        self.on_output, self.memory = on_output, memory
        fds = (memory.fd,) if memory else ()
        status_read, status_write = os.pipe()
        self.status_fd = status_read
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            [guard, str(status_write), str(memory_mb), *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, pass_fds=(status_write, *fds),
            start_new_session=True, env=env)
        os.close(status_write)
        self.output_fd = self.process.stdout.fileno()
        self.pid = None
        self.words = b""
        self.result = Result()

    def take_status(self):
        data = os.read(self.status_fd, 4096)
        self.words += data
        if self.pid is None and b"\n" in self.words:
            self.pid = int(self.words.split()[1])
        return bool(data)

    def take_output(self):
        data = os.read(self.output_fd, 65536)
        if data:
            result = self.result
            if len(result.output) < MOST_OUTPUT:
                result.pieces.append((time.monotonic_ns(), data))
                result.output += data
            if self.on_output:
                self.on_output(data)
            if len(result.output) >= MOST_OUTPUT and not self.on_output:
                if not result.too_much:
                    self.ask_where(self.memory)
                result.too_much = True
                self.kill()
        return bool(data)

    def ask_where(self, memory):
        """Have the threads tell where they are: probe.c answers SIGURG."""
        if not self.pid or not memory:
            return
        _, threads = memory.threads_seen()
        known = {one.tid for one in threads}
        for task in glob.glob(f"/proc/{self.pid}/task/*"):
            if number_inside(task) in known:
                libc.tgkill(self.pid, int(os.path.basename(task)),
                            signal.SIGURG)
        end = time.monotonic() + ASK_SECONDS
        while time.monotonic() < end:
            seen, threads = memory.threads_seen()
            if len(seen) >= len(threads):
                return
            time.sleep(0.005)

    def kill(self):
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.terminate()
        # The program may have stopped its guard, which then cannot end.
        self.process.send_signal(signal.SIGCONT)

    def cpu_seconds(self):
        """Processor time of the program so far."""
        stat = read_word(f"/proc/{self.pid}/stat")
        if not stat:
            return 0
        words = stat[stat.rindex(")") + 2:].split()
        return (int(words[11]) + int(words[12])) / TICKS

    def guard_is_stopped(self):
        """A program that may send signals has stopped the guard."""
        stat = read_word(f"/proc/{self.process.pid}/stat")
        return bool(stat) and stat[stat.rindex(")") + 2:].startswith("T")

    def is_over(self, limit):
        """Whether it has used up its time, or its processor time."""
        if not limit:
            return False
        wall, cpu = limit
        return time.monotonic() - self.begin > wall or \
            self.cpu_seconds() > cpu

    def follow(self, is_stuck, limit, cancel=None):
        """Until the guard has ended; is_stuck() is asked now and then."""
        with selectors.DefaultSelector() as ready:
            ready.register(self.status_fd, selectors.EVENT_READ,
                           self.take_status)
            ready.register(self.output_fd, selectors.EVENT_READ,
                           self.take_output)
            next_look, killed = self.begin + 2 * LOOK_EVERY, False
            while ready.get_map():
                for key, _ in ready.select(LOOK_EVERY):
                    if key.fileobj not in ready.get_map():
                        continue  # drained by an event before it
                    if not key.data():
                        ready.unregister(key.fileobj)
                        if key.data == self.take_status:
                            # All it started is gone; nobody else writes.
                            self.drain(ready)
                now = time.monotonic()
                if killed or now < next_look or not self.pid:
                    continue
                next_look = now + LOOK_EVERY
                if is_stuck(self) or cancel and cancel.is_set():
                    killed = True
                elif self.is_over(limit) or self.guard_is_stopped():
                    self.result.limit = killed = True
                if killed:
                    self.result.seconds = now - self.begin
                    self.result.end_ns = time.monotonic_ns()
                    if self.result.limit:
                        self.ask_where(self.memory)
                    self.kill()

    def drain(self, ready):
        os.set_blocking(self.output_fd, False)
        try:
            while self.take_output():
                pass
        except BlockingIOError:
            pass
        if self.output_fd in ready.get_map():
            ready.unregister(self.output_fd)

    def finish(self):
        """Take over how it ended."""
        self.process.stdout.close()
        os.close(self.status_fd)
        self.process.wait()
        result = self.result
        result.seconds = result.seconds or time.monotonic() - self.begin
        for line in self.words.decode().splitlines():
            words = line.split()
            if words[0] != "end":
                continue
            number, user, system, switches, _, left = map(int, words[2:8])
            if words[1] == "exited":
                result.status = number
            else:
                result.signal = signal.Signals(number).name
            result.cpu_ms = user + system
            result.switches, result.left = switches, left
        return result


def asleep_in(thread, tid, call):
    """'main in pthread_cond_wait': a name that a learner knows, if one is."""
    if not thread:
        return f"{tid} in {call}"
    if call == "futex":
        call = thread.blocked_in or call
    return f"{thread.name} in {call}"


def run(program, case, server, nonce, seed, guard, limit, delay=None,
        paths=(), env=None, on_output=None, args=None, cancel=None,
        before=(), idle_cpu=IDLE_CPU, most_connections=None):
    """Run a case of a check program. Returns a Result.

    limit: (seconds, seconds of processor time) or None.
    before: options of the learner's, and paths that replace `paths`.
    """
    memory = recording.Memory()
    site = server.site()
    try:
        own = [word for word in before if word.startswith("/")]
        options = [word for word in before if not word.startswith("/")]
        words = options + [site.port] + (
            list(args) if args is not None else own or list(paths))
        command = [program] + arguments(case, site.port, nonce, seed,
                                        memory.fd, delay, words)
        running = Running(command, guard, memory, env, on_output, MEMORY_MB)
        try:
            running.follow(Stuck(memory, site, limit and idle_cpu,
                                 most_connections), limit, cancel)
        except BaseException:
            running.kill()
            raise
        finally:
            result = running.finish()
        site.settle(memory.count("connect"))
        result.site = site
        result.args = words
        result.recording = memory.read()
        threads = {one.tid: one for one in result.recording.threads}
        result.blocked = [asleep_in(threads.get(tid), tid, call)
                          for tid, call in result.blocked]
        return result
    finally:
        site.close()
        memory.close()


def run_bare(command, server, guard, limit, env=None, paths=(), args=None):
    """Run a program without probes (the sanitizers' builds)."""
    site = server.site()
    try:
        words = [site.port] + list(paths if args is None else args)
        running = Running(command + [str(word) for word in words], guard,
                          env=env)
        try:
            running.follow(Stuck(site=site), limit)
        except BaseException:
            running.kill()
            raise
        finally:
            result = running.finish()
        result.site = site
        return result
    finally:
        site.close()
