# SPDX-License-Identifier: MIT
"""Python's http.server with responses that are unusual, or wrong.

The path selects the response: ANSWERS has a function for each, which gets the
handler and writes any bytes. The connection then stays open until the client
closes it, unless the response closes it. So a client that waits for more than
the response fails by its time limit.
"""

import contextlib
import http.server
import os
import socket
import socketserver
import threading
import time

from support import LIMIT_S, LINGER_FOR_0_SECONDS

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH_5 = OK + b"Content-Length: 5\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PATTERN = bytes(i * 7 % 251 for i in range(100000))

ANSWERS = {}


def answer(path):
    def keep(function):
        ANSWERS[path] = function
        return function
    return keep


def just(path, data, close=False):
    """The response is `data` in one piece."""
    def write(handler):
        handler.wfile.write(data)
        handler.hang_up = close
    ANSWERS[path] = write


def in_bytes(path, data, close=False):
    """Byte by byte, each in a segment of its own."""
    def write(handler):
        for i in range(len(data)):
            handler.wfile.write(data[i:i + 1])
            time.sleep(0.0005)  # the pace at which the pieces come
        handler.hang_up = close
    ANSWERS[path] = write


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


# --- good responses ----------------------------------------------------


@answer("/chunks/odd")
def odd_chunks(handler):
    """PATTERN in chunks of 1, 2, 3, ... bytes."""
    handler.wfile.write(CHUNKED)
    at = 0
    size = 1
    while at < len(PATTERN):
        handler.wfile.write(chunk(PATTERN[at:at + size]))
        at += size
        size += 1
    handler.wfile.write(b"0\r\n\r\n")


WITH_EXTRAS = (
    CHUNKED + b"5;name=value\r\nHello\r\n" + b"0006;a=\"b;c\" ; d\r\n world\r\n"
    b"A\r\n0123456789\r\na\r\nabcdefghij\r\n"
    b"000;last\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n")

just("/chunks/extras", WITH_EXTRAS)
just("/chunks/none", CHUNKED + b"0\r\n\r\n")
in_bytes("/bytes/chunks", WITH_EXTRAS)
in_bytes("/bytes/length", OK + b"X-A: b\r\nContent-Length: 26\r\n\r\n"
         b"abcdefghijklmnopqrstuvwxyz")
in_bytes("/bytes/close", OK + b"Connection: close\r\n\r\nuntil the end", True)
in_bytes("/bytes/continue", b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH_5 +
         b"after")
just("/close/1.1", OK + b"\r\n" + PATTERN, True)
just("/close/1.0", b"HTTP/1.0 200 OK\r\n\r\n" + PATTERN, True)
just("/close/empty", OK + b"\r\n", True)
just("/length/0", OK + b"Content-Length: 0\r\n\r\n")
just("/length/1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nHello")
just("/length/large", OK + b"Content-Length: %d\r\n\r\n" % len(PATTERN) +
     PATTERN)
just("/length/short", LENGTH_5 + b"HelloAndMoreThanPromised")
just("/no-reason", b"HTTP/1.1 200 \r\ncontent-length:5\r\n\r\nHello")
just("/status/204", b"HTTP/1.1 204 No Content\r\n\r\n")
just("/status/206", b"HTTP/1.1 206 Part\r\nContent-Length: 2\r\n\r\nab")
just("/status/304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
just("/status/500", b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno")
just("/1xx", b"HTTP/1.1 100 Continue\r\n\r\n"
     b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
     b"HTTP/1.1 102 Processing\r\n\r\n" + LENGTH_5 + b"after")


@answer("/request")
def request_as_seen(handler):
    """The request line and the headers, as http.server understood them."""
    text = handler.requestline + "\n" + "".join(
        f"{name}: {value}\n" for name, value in handler.headers.items())
    handler.wfile.write(OK + b"Content-Length: %d\r\n\r\n" % len(text))
    handler.wfile.write(text.encode())


# --- answers that end too early ----------------------------------------

just("/cut/at-once", b"", True)
just("/cut/status-line", b"HTTP/1.1 2", True)
just("/cut/head", OK + b"Content-Le", True)
just("/cut/end-of-head", OK + b"Content-Length: 5\r\n\r", True)
just("/cut/after-1xx", b"HTTP/1.1 100 Continue\r\n\r\n", True)
just("/cut/length", LENGTH_5 + b"Hell", True)
just("/cut/no-body", LENGTH_5, True)
just("/cut/large", OK + b"Content-Length: %d\r\n\r\n" % (len(PATTERN) + 1) +
     PATTERN, True)
just("/cut/chunk-size", CHUNKED + b"5", True)
just("/cut/chunk", CHUNKED + b"5\r\nHel", True)
just("/cut/chunk-end", CHUNKED + b"5\r\nHello", True)
just("/cut/last-chunk", CHUNKED + b"5\r\nHello\r\n", True)
just("/cut/trailer", CHUNKED + b"5\r\nHello\r\n0\r\nX-Sum: 1\r\n", True)


@answer("/cut/reset")
def reset_in_the_body(handler):
    handler.wfile.write(LENGTH_5 + b"Hel")
    # Past all objects of Python, which would end the connection politely.
    handler.connection.setsockopt(*LINGER_FOR_0_SECONDS)
    os.close(handler.connection.detach())
    handler.hang_up = True


# --- answers that are wrong --------------------------------------------

just("/bad/words", b"Hello, this is not HTTP at all.\r\n\r\n", True)
just("/bad/ssh", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", True)
just("/bad/zeros", bytes(300) + b"\r\n\r\n", True)
just("/bad/status", b"HTTP/1.1 20 OK\r\n\r\n", True)
just("/bad/no-colon", OK + b"Content-Length 5\r\n\r\nHello")
just("/bad/space-colon", OK + b"Content-Length : 5\r\n\r\nHello")
just("/bad/lf", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nHello")
just("/bad/length", OK + b"Content-Length: five\r\n\r\nHello")
just("/bad/negative", OK + b"Content-Length: -5\r\n\r\nHello")
just("/bad/overflow", OK + b"Content-Length: 18446744073709551621\r\n\r\nHello")
just("/bad/two-lengths", OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"
     b"Hello!")
just("/bad/both", OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
     b"\r\n0\r\n\r\n")
just("/bad/chunk-size", CHUNKED + b"hello\r\n")
just("/bad/chunk-sign", CHUNKED + b"+5\r\nHello\r\n0\r\n\r\n")
just("/bad/chunk-0x", CHUNKED + b"0x5\r\nHello\r\n0\r\n\r\n")
just("/bad/chunk-lf", CHUNKED + b"5\nHello\r\n0\r\n\r\n")
just("/bad/chunk-end", CHUNKED + b"5\r\nHelloX\r\n0\r\n\r\n")
just("/bad/chunk-overflow", CHUNKED + b"10000000000000005\r\nHello\r\n")
just("/large/promise", OK + b"Content-Length: 99999999999\r\n\r\n")
just("/large/chunk", CHUNKED + b"fffffffff\r\n")
just("/large/line", OK + b"X-Long: " + b"a" * 10000 + b"\r\n\r\n")
just("/large/head", OK + b"X: y\r\n" * 1000 + b"\r\n")
just("/version/2", b"HTTP/2.0 200 OK\r\n\r\n")
just("/coding", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")


@answer("/bad/endless-head")
def endless_head(handler):
    """A head that continues as long as the client reads it."""
    with contextlib.suppress(ConnectionError):
        handler.wfile.write(OK)
        while True:
            handler.wfile.write(b"X-More: " + b"a" * 4000 + b"\r\n")


@answer("/silent")
def silent(handler):
    """Nothing, and the connection stays."""


@answer("/stalled")
def stalled(handler):
    """Less than promised, and the connection stays."""
    handler.wfile.write(LENGTH_5 + b"Hel")


# --- the server --------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 2 * LIMIT_S
    hang_up = False

    def do_GET(self):
        ANSWERS[self.path](self)
        self.close_connection = True
        if not self.hang_up:
            self.connection.recv(1)  # until the client closes

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True

    def server_bind(self):
        # Not HTTPServer's, which asks for the name of the address.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, *_):
        """Ignore clients that disconnect."""


class Running:
    """An http.server on a free port, in a thread of this process."""

    def __init__(self, handler, host="127.0.0.1"):
        class Server(QuietServer):
            address_family = (
                socket.AF_INET6 if ":" in host else socket.AF_INET)

        self.server = Server((host, 0), handler)
        port = self.server.server_address[1]
        self.url = f"http://[{host}]:{port}" if ":" in host else (
            f"http://{host}:{port}")
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
