# SPDX-License-Identifier: MIT
"""The runner's own delay server: one thread, one port for each run.

    GET /MS/TEXT             TEXT after MS ms
    GET /drip/MS/N/TEXT      TEXT in N pieces, one every MS ms
    GET /big/KB/TEXT         TEXT and KB KiB of padding, at once
    GET /never/TEXT          no answer
    POST /sink/KB/TEXT       TEXT, when KB KiB of a body have come; they are
                             read slowly: 4 KiB, a pause, and so on

A run has a port of its own, so the server knows what this run asked for, when,
and what it was sent; what the program says of itself is not needed.
"""
import fcntl
import heapq
import itertools
import os
import selectors
import socket
import struct
import termios
import threading
import time

MAX_REQUEST = 65536
SINK_BYTES, SINK_PAUSE = 4096, 0.004  # what /sink reads at once, and then waits
STANDSTILL = 1.0  # seconds
ROOM = 8192  # of a socket's receive buffer: the sender of a /sink has to wait
SIOCOUTQ = termios.TIOCOUTQ


class Connection:
    """One client: what has come, and what is still to be sent to it."""

    def __init__(self, stream):
        self.stream = stream
        self.received = b""
        self.path = None
        self.pieces = 0  # answers of it that wait for their time
        self.to_send = b""
        self.last = False  # nothing comes after to_send
        self.sending, self.since = None, 0  # see stands_still()
        self.body = 0      # bytes of a body that are still to be read
        self.starved = False  # of a body: nothing more has come
        self.open = True


    def stands_still(self, left):
        """Whether the client has taken nothing for a while of what is sent:
        its receive buffer is full, and that is not the server's affair."""
        state, now = (len(self.to_send), left), time.monotonic()
        if state != self.sending:
            self.sending, self.since = state, now
        return now - self.since > STANDSTILL


class Site:
    """One run's port and what came there. Read it when the run is over."""

    def __init__(self, server, listener):
        self.server = server
        self.listener = listener
        self.port = listener.getsockname()[1]
        self.connections = []
        self.requests = []  # (time in ns, path)
        self.answers = []   # (time in ns, path): sent whole
        self.left = []      # paths whose client went before its answer
        self.bodies = {}    # path of a /sink: the bytes of its body

    def paths(self):
        return [path for _, path in self.requests]

    def owes(self):
        """Whether an answer is due, on its way, or a request not yet seen."""
        return self.server.owes(self)

    def settle(self, connects, seconds=5):
        """The program has ended: wait until all that it sent is read.

        connects: calls of connect() that it is known to have made.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end and (
                self.server.has_unread(self) or
                not self.all_have_ended(connects) and self.in_flight()):
            time.sleep(0.005)

    def all_have_ended(self, connects):
        """Whether each connection has come here, its end too, and so all before
        it. Saves a look at the table of the kernel, which is long: after a run
        that uses no socket it took longer than the run."""
        return len(self.connections) >= connects and not any(
            one.open for one in self.connections)

    def in_flight(self):
        """Whether a client's connect or bytes have not arrived here yet."""
        port = f":{self.port:04X}"
        try:
            with open("/proc/net/tcp", encoding="ascii") as file:
                rows = [line.split() for line in file if port in line]
        except OSError:
            return False
        return any(row[2].endswith(port) and
                   (row[3] == "02" or not row[4].startswith("00000000"))
                   for row in rows)

    def close(self):
        self.server.close_site(self)


def body_of(path):
    """[(delay in ms, bytes)] of a path; None: 404; []: never."""
    part = path.strip("/").split("/")
    try:
        if part[0] == "never":
            return []
        if part[0] == "drip" and len(part) in (3, 4):
            delay, count = int(part[1]), max(int(part[2]), 1)
            text = (part[3] if len(part) == 4 else "drip").ljust(count, ".")
            cut = [len(text) * i // count for i in range(count + 1)]
            return [(delay * (i + 1), text[cut[i]:cut[i + 1]].encode())
                    for i in range(count)]
        if part[0] == "sink" and len(part) == 3:
            return [(0, part[2].encode())]
        if part[0] == "big" and len(part) in (2, 3):
            text = part[2] if len(part) == 3 else "big"
            return [(0, text.encode() + b"." * (int(part[1]) * 1024))]
        return [(int(part[0]), "/".join(part[1:]).encode())]
    except (ValueError, IndexError):
        return None


class Server:
    """Threads: any may call; one thread of its own serves."""

    def __init__(self):
        self.lock = threading.RLock()
        self.selector = selectors.DefaultSelector()
        self.timers = []
        self.order = itertools.count()
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.selector.register(self.reader, selectors.EVENT_READ, None)
        self.open = True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.open = False
        os.write(self.writer, b".")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            if key.fileobj != self.reader:
                key.fileobj.close()
        self.selector.close()
        os.close(self.reader)
        os.close(self.writer)

    def site(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        listener.setblocking(False)
        site = Site(self, listener)
        with self.lock:
            self.selector.register(listener, selectors.EVENT_READ,
                                   (site, None))
        os.write(self.writer, b".")
        return site

    def close_site(self, site):
        with self.lock:
            if site.listener.fileno() >= 0:
                self.selector.unregister(site.listener)
                site.listener.close()
            for connection in site.connections:
                self.close(connection)

    def close(self, connection):
        if connection.open:
            connection.open = False
            if connection.stream in self.selector.get_map():
                self.selector.unregister(connection.stream)
            connection.stream.close()

    def has_unread(self, site):
        """Whether a connection or bytes of it have come and wait here."""
        with self.lock, selectors.PollSelector() as ready:
            ready.register(site.listener, selectors.EVENT_READ)
            for one in site.connections:
                if one.open:
                    ready.register(one.stream, selectors.EVENT_READ)
            return bool(ready.select(0))

    def owes(self, site):
        with self.lock:
            if self.has_unread(site):
                return True
            for one in site.connections:
                if not one.open:
                    continue
                if one.pieces or one.body and not one.starved:
                    return True
                left = fcntl.ioctl(one.stream, SIOCOUTQ, b"\0\0\0\0")
                if (one.to_send or left != b"\0\0\0\0") and \
                        not one.stands_still(left):
                    return True
        return False

    # --- the thread ---

    def serve(self):
        while self.open:
            with self.lock:
                wait = self.timers[0][0] - time.monotonic() \
                    if self.timers else None
            if wait is not None and wait < 0:
                wait = 0
            events = self.selector.select(wait)
            with self.lock:
                for key, mask in events:
                    self.handle(key, mask)
                while self.timers and \
                        self.timers[0][0] <= time.monotonic():
                    _, _, site, connection, piece, last = \
                        heapq.heappop(self.timers)
                    if last is None:
                        if connection.open:
                            self.read_body(site, connection)
                        continue
                    connection.pieces -= 1
                    if connection.open:
                        self.send(site, connection, piece, last)

    def handle(self, key, mask):
        if key.fileobj == self.reader:
            try:
                os.read(self.reader, 4096)
            except BlockingIOError:
                pass
            return
        site, connection = key.data
        if key.fileobj.fileno() < 0:
            return  # closed by an event before it
        if connection is None:
            self.accept(site)
        elif mask & selectors.EVENT_READ:
            self.receive(site, connection)
        if connection and connection.open and mask & selectors.EVENT_WRITE:
            self.send(site, connection, b"", connection.last)

    def accept(self, site):
        while True:
            try:
                stream, _ = site.listener.accept()
            except OSError:
                return
            stream.setblocking(False)
            connection = Connection(stream)
            site.connections.append(connection)
            self.selector.register(stream, selectors.EVENT_READ,
                                   (site, connection))
            self.receive(site, connection)

    def receive(self, site, connection):
        try:
            data = connection.stream.recv(
                SINK_BYTES if connection.body else 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(connection.received) > MAX_REQUEST:
            if connection.path is not None and (
                    connection.pieces or connection.to_send or
                    body_of(connection.path) == []):
                site.left.append(connection.path)
            self.close(connection)
            return
        if connection.body:
            self.take_body(site, connection, data)
            return
        connection.received += data
        if connection.path is None and b"\r\n\r\n" in connection.received:
            self.answer(site, connection)

    def take_body(self, site, connection, data):
        """A piece of the body of a /sink; then it reads nothing for a while."""
        data = data[:connection.body]
        connection.body -= len(data)
        key = connection.path
        site.bodies[key] = site.bodies.get(key, b"") + data
        if not connection.body:
            self.answer_body(site, connection)
            return
        self.pause_body(site, connection)

    def pause_body(self, site, connection):
        connection.starved = False
        self.selector.unregister(connection.stream)
        heapq.heappush(self.timers, (
            time.monotonic() + SINK_PAUSE, next(self.order), site, connection,
            b"", None))

    def read_body(self, site, connection):
        """The pause is over: what comes next is read."""
        connection.starved = True
        self.selector.register(connection.stream, selectors.EVENT_READ,
                               (site, connection))

    def answer(self, site, connection):
        head, _, rest = connection.received.partition(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].split(b" ")
        connection.path = words[1].decode("latin-1") if len(words) > 1 else "?"
        site.requests.append((time.monotonic_ns(), connection.path))
        part = connection.path.strip("/").split("/")
        if part[0] == "sink" and len(part) == 3 and part[1].isdigit():
            connection.body = int(part[1]) * 1024
        if connection.body:
            self.take_body(site, connection, rest)
        else:
            self.answer_body(site, connection)

    def answer_body(self, site, connection):
        now = time.monotonic()
        pieces = body_of(connection.path)
        status = "404 Not Found" if pieces is None else "200 OK"
        pieces = [(0, b"not found")] if pieces is None else pieces
        length = sum(len(piece) for _, piece in pieces)
        head = (f"HTTP/1.1 {status}\r\ncontent-type: text/plain\r\n"
                f"content-length: {length}\r\n"
                "connection: close\r\n\r\n").encode()
        for i, (delay, piece) in enumerate(pieces):
            connection.pieces += 1
            heapq.heappush(self.timers, (
                now + delay / 1000, next(self.order), site, connection,
                head * (i == 0) + piece, i == len(pieces) - 1))

    def send(self, site, connection, piece, last):
        """Send what there is; the last piece and the end as one segment."""
        connection.to_send += piece
        connection.last = connection.last or last
        try:
            while connection.to_send:
                n = connection.stream.send(
                    connection.to_send,
                    (socket.MSG_MORE if connection.last else 0) |
                    socket.MSG_NOSIGNAL)
                connection.to_send = connection.to_send[n:]
            if connection.last:
                site.answers.append((time.monotonic_ns(), connection.path))
                connection.stream.shutdown(socket.SHUT_WR)
                connection.last = False
        except BlockingIOError:
            pass
        except OSError:
            site.left.append(connection.path)
            self.close(connection)
            return
        wanted = selectors.EVENT_READ
        if connection.to_send:
            wanted |= selectors.EVENT_WRITE
        self.selector.modify(connection.stream, wanted, (site, connection))


def reset_on_close(stream):
    """Make close() of this socket reset the connection."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))
