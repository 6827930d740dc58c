#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Test the program `reveil` against software of other projects.

    test_external.py PROGRAM [-v] [CLASS | CLASS.test]...

curl, wrk, nginx, Python's http.server and sockets by hand, all on loopback.
A tool that is not installed is a skipped test. Without names, all classes
run but those with many GETs at once:

    test_external.py PROGRAM Compare Thousand

RV_TEST_SLOW in the environment: the program is instrumented, be patient.
"""

import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True

import support
from nginx import FILES, Nginx
from odd_server import PATTERN, Handler, Running
from support import (Client, Finished, LIMIT_S, SLOW, Serve, big, closed_port,
                     curl, get, has_ipv6, need, request, scratch_folder, start,
                     wait_until)


class ServeCase(unittest.TestCase):
    """Tests of one `reveil serve`, which must still work after each."""

    host = "127.0.0.1"

    @classmethod
    def setUpClass(cls):
        cls.server = Serve(cls.host)
        cls.url = cls.server.url
        cls.addClassCleanup(cls.stop)

    @classmethod
    def stop(cls):
        words = cls.server.stop()
        if (words != "stopping: no response to finish\n"
                or cls.server.process.returncode != 0):
            raise AssertionError(
                f"reveil serve ended with {cls.server.process.returncode}"
                f" and said {words!r}")

    def setUp(self):
        self.check_server()
        self.descriptors = self.server.descriptors()
        # Last of all, when everything that a test has opened is closed.
        self.addCleanup(self.check_descriptors)
        self.addCleanup(self.check_server)

    def check_server(self):
        self.assertIsNone(self.server.process.poll(), self.server.words())
        with self.server.connect() as client:
            client.send(request("/0/well", "Connection: close"))
            self.assertEqual(client.answer(), (200, b"well"))
            self.assertEqual(client.rest_until_end(), b"")

    def check_descriptors(self):
        wait_until(lambda: self.server.descriptors() <= self.descriptors,
                   "the server to close what its clients left")

    def check_curl(self, *arguments, status=0, **options):
        done = curl(*arguments, **options)
        self.assertEqual(done.status, status, done.err)
        return done


class Curl(ServeCase):
    """curl against `reveil serve`."""

    def body(self, path, *arguments):
        return self.check_curl(*arguments, self.url + path).out

    def test_body_comes_after_its_delay(self):
        done = self.check_curl(self.url + "/100/Hello%20there")
        self.assertEqual(done.out, b"Hello%20there")
        self.assertGreaterEqual(done.seconds, 0.1)

    def test_two_urls_go_over_one_connection(self):
        for path in "/0/x", "/drip/1/3", "/big/1":
            with self.subTest(path):
                done = self.check_curl(
                    "-w", "[%{num_connects} %{http_code} %{http_version}]",
                    self.url + path, self.url + "/0/y")
                self.assertEqual(
                    re.findall(rb"\[(.*?)\]", done.out),
                    [b"1 200 1.1", b"0 200 1.1"])
                self.assertTrue(done.out.endswith(b"y[0 200 1.1]"), done.out)

    def test_head_is_the_head_of_the_get(self):
        def without_date(head):
            return re.sub(rb"(?m)^Date: .*$", b"", head)

        for path in "/0/Hello", "/big/10", "/drip/1000/10", "/nowhere", "/half":
            with self.subTest(path):
                head = self.body(path, "-I", "-w", "%{size_download}")
                self.assertTrue(head.endswith(b"\r\n\r\n0"), head)
                if path in ("/0/Hello", "/big/10", "/nowhere"):
                    whole = self.body(path, "-i")
                    self.assertEqual(
                        without_date(whole).partition(b"\r\n\r\n")[0],
                        without_date(head).partition(b"\r\n\r\n")[0])

    def test_head_does_not_disturb_the_next_request(self):
        with self.server.connect() as client:
            client.send(request("/0/x").replace(b"GET", b"HEAD"))
            self.assertIn("Content-Length: 1", client.head())
            client.ask("/0/y")
            self.assertEqual(client.answer(), (200, b"y"))

    def test_http_1_0(self):
        for path, body in ("/0/x", b"x"), ("/drip/1/20", b"x" * 20):
            with self.subTest(path):
                answer = self.body(path, "--http1.0", "-i")
                head, _, rest = answer.partition(b"\r\n\r\n")
                self.assertEqual(rest, body)
                self.assertNotIn(b"transfer-encoding", head.lower())
        done = self.check_curl("--http1.0", "-w", "%{num_connects}",
                               self.url + "/0/x", self.url + "/0/y")
        self.assertEqual(done.out, b"x1y1")

    def test_chunked_response(self):
        raw = self.body("/drip/1/3", "--raw", "-i")
        self.assertIn(b"transfer-encoding: chunked", raw.lower())
        self.assertTrue(raw.endswith(b"\r\n\r\n" + b"1\r\nx\r\n" * 3 +
                                     b"0\r\n\r\n"), raw)
        self.assertEqual(self.body("/drip/1/300"), b"x" * 300)
        self.assertEqual(self.body("/drip/0/0"), b"")

    def test_large_response(self):
        self.assertEqual(self.body("/big/10000"), big(10000))

    def test_slow_reader_gets_all(self):
        self.assertEqual(self.body("/big/600", "--limit-rate", "400k"),
                         big(600))

    def test_expect_100_continue(self):
        done = self.check_curl("-v", "-X", "GET", "--expect100-timeout", "1000",
                               "-H", "Expect: 100-continue",
                               "--data-binary", "@-", self.url + "/0/x",
                               self.url + "/0/y", stdin=b"d" * 700000)
        self.assertEqual(done.out, b"xy")
        self.assertEqual(done.err.count("< HTTP/1.1 100 Continue"), 2)

    def test_a_body_too_large_is_refused_before_it_is_sent(self):
        done = self.check_curl("-v", "-X", "GET", "--expect100-timeout", "1000",
                               "-H", "Expect: 100-continue",
                               "--data-binary", "@-", "-w", "%{http_code}",
                               "-o", "/dev/null", self.url + "/0/x",
                               stdin=b"d" * 2000000)
        self.assertEqual(done.out, b"413")
        self.assertNotIn("100 Continue", done.err)

    def test_chunked_upload(self):
        done = self.check_curl(
            "-X", "GET", "-T", "-", "-w", "[%{num_connects}]",
            self.url + "/0/x", "--next", "-sS", "-w", "[%{num_connects}]",
            self.url + "/0/y", stdin=b"d" * 300000)
        self.assertEqual(done.out, b"x[1]y[0]")

    def test_other_methods(self):
        for arguments in (["-d", "a=b"], ["-X", "DELETE"], ["-X", "OPTIONS"]):
            self.assertEqual(
                self.body("/0/x", "-w", "%{http_code}", "-o", "/dev/null",
                          *arguments), b"501")

    def test_unknown_path_gets_a_hint(self):
        for path in "/", "/nowhere", "/600":
            answer = self.body(path, "-w", "%{http_code}")
            self.assertTrue(answer.endswith(b"404"), answer)
            self.assertIn(b"/600/Hello", answer)

    def test_half_is_a_cut_response(self):
        done = self.check_curl(self.url + "/half", status=18)
        self.assertEqual(len(done.out), 500)

    def test_reset_is_a_reset(self):
        self.check_curl(self.url + "/reset", status=56)

    def test_never_is_a_timeout(self):
        self.check_curl("-m", "0.3", self.url + "/never", status=28)

    def test_many_at_once(self):
        urls = [f"{self.url}/200/n{i}," for i in range(50)]
        done = self.check_curl("-Z", "--parallel-max", "50",
                               "--parallel-immediate", *urls)
        self.assertEqual(sorted(done.out.decode().split(",")),
                         sorted([f"n{i}" for i in range(50)] + [""]))

    def test_absolute_target(self):
        self.assertEqual(
            self.body("/", "--request-target", "http://elsewhere/0/x"), b"x")


@unittest.skipUnless(has_ipv6(), "there is no ::1 here")
class Curl6(ServeCase):
    """IPv6, both ways."""

    host = "::1"

    def setUp(self):
        self.addCleanup(lambda: self.assertIsNone(self.server.process.poll()))

    def test_curl_and_get(self):
        self.assertRegex(self.url, r"^http://\[::1\]:\d+$")
        self.assertEqual(self.check_curl("-g", self.url + "/1/six").out, b"six")
        self.assertEqual(get(self.url + "/1/six").out, b"six")

    def test_get_says_which_host_it_means(self):
        other = Running(Handler, "::1")
        self.addCleanup(other.stop)
        done = get(other.url + "/request")
        self.assertEqual(done.status, 0, done.err)
        self.assertIn("Host: " + other.url[len("http://"):] + "\n",
                      done.out.decode())


class Raw(ServeCase):
    """Clients that are slow, hasty, silent, rude or gone."""

    def test_pipelined_requests_are_answered_in_order(self):
        with self.server.connect() as client:
            client.send(request("/100/first") + request("/0/second") +
                        request("/20/third"))
            self.assertEqual([client.answer() for _ in range(3)],
                             [(200, b"first"), (200, b"second"),
                              (200, b"third")])

    def test_hundreds_of_pipelined_requests(self):
        texts = [f"n{i}" for i in range(500)]
        with self.server.connect() as client:
            client.send(b"".join(request("/0/" + text) for text in texts))
            self.assertEqual([client.answer()[1].decode() for _ in texts],
                             texts)

    def test_pipelined_bodies_are_not_taken_for_requests(self):
        body = request("/0/smuggled")
        with self.server.connect() as client:
            client.send(request("/0/x", f"Content-Length: {len(body)}") + body)
            client.send(request("/0/y", "Transfer-Encoding: chunked") +
                        b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            client.send(request("/0/z", "Connection: close"))
            self.assertEqual([client.answer()[1] for _ in range(3)],
                             [b"x", b"y", b"z"])
            self.assertEqual(client.rest_until_end(), b"")

    def test_half_closed_client_gets_its_response(self):
        for path, end in (("/100/x", b"\r\n\r\nx"),
                          ("/big/3000", big(3000)),
                          ("/drip/1/5", b"0\r\n\r\n")):
            with self.subTest(path), self.server.connect() as client:
                client.ask(path)
                client.end()
                answer = client.rest_until_end()
                self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 1)
                self.assertTrue(answer.endswith(end))

    def test_half_closed_client_gets_all_pipelined_responses(self):
        with self.server.connect() as client:
            client.send(request("/50/x") + request("/50/y"))
            client.end()
            self.assertEqual(client.answer(), (200, b"x"))
            self.assertEqual(client.answer(), (200, b"y"))
            self.assertEqual(client.rest_until_end(), b"")

    def test_head_and_body_byte_by_byte(self):
        text = request("/0/x", "Transfer-Encoding: chunked") + (
            b"5;a=b\r\nHello\r\n0\r\nX-A: b\r\n\r\n") + request("/0/y")
        with self.server.connect() as client:
            for i in range(len(text)):
                client.send(text[i:i + 1])
            self.assertEqual(client.answer(), (200, b"x"))
            self.assertEqual(client.answer(), (200, b"y"))

    def test_client_that_hangs_up_in_its_request(self):
        for text in (b"", b"GET", b"GET /0/x HTTP/1.1\r\nHost:",
                     request("/0/x", "Content-Length: 5") + b"He",
                     request("/0/x", "Transfer-Encoding: chunked") + b"5\r\nH"):
            with self.subTest(text), self.server.connect() as client:
                client.send(text)
                client.end()
                self.assertNotIn(b" 200 ", client.rest_until_end())

    def test_idle_connections_do_not_slow_a_busy_one(self):
        idle = []
        self.addCleanup(lambda: [client.socket.close() for client in idle])
        for i in range(400):
            idle.append(self.server.connect())
            if i % 2:
                idle[i].send(b"GET /0/idle HTTP/1.1\r\nHo")
        with self.server.connect() as busy:
            for i in range(1000):
                busy.ask(f"/0/n{i}")
                self.assertEqual(busy.answer(), (200, b"n%d" % i))
        for i, client in enumerate(idle):
            client.send(b"st: x\r\n\r\n" if i % 2 else request("/0/idle"))
        for client in idle:
            self.assertEqual(client.answer(), (200, b"idle"))

    def test_readers_that_stall_do_not_stop_the_others(self):
        stalled = []
        self.addCleanup(lambda: [client.socket.close() for client in stalled])
        for _ in range(8):
            stalled.append(self.server.connect(receive_buffer=16384))
            stalled[-1].ask("/big/10000")
            stalled[-1].head()  # the body follows, and soon has no room
        with self.server.connect() as other:
            for _ in range(100):
                other.ask("/1/x")
                self.assertEqual(other.answer(), (200, b"x"))
        for client in stalled[:2]:
            client.end()
            self.assertEqual(client.rest_until_end(), big(10000))

    def test_clients_that_vanish(self):
        for path in ("/big/10000", "/drip/1/1000", "/300/x", "/never", "/half",
                     "/reset"):
            for vanish in "vanish", "close", "end":
                for _ in range(10):
                    with self.server.connect() as client:
                        client.ask(path)
                        if path in ("/big/10000", "/drip/1/1000"):
                            client.head()
                        if vanish == "vanish":
                            client.vanish()
                        elif vanish == "end":
                            # Too late where the server was the first to go.
                            with contextlib.suppress(OSError):
                                client.end()
        self.check_descriptors()
        self.check_server()


class Malformed(ServeCase):
    """Requests that two servers could interpret differently are refused."""

    def refuse(self, text, status):
        """One response with this status, then an orderly close."""
        with self.server.connect() as client:
            client.send(text)
            answer = client.rest_until_end()
            self.assertRegex(answer, rb"^HTTP/1\.1 %d " % status)
            self.assertRegex(answer, rb"(?i)\r\nconnection: close\r\n")
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1)

    def refuse_all(self, shapes):
        for name, (text, status) in shapes.items():
            with self.subTest(name):
                self.refuse(text, status)

    def test_smuggling_shapes(self):
        hidden = b"0\r\n\r\n" + request("/0/smuggled")
        length = f"Content-Length: {len(hidden)}"

        def shape(*headers):
            return request("/0/x", *headers) + hidden, 400

        chunked = "Transfer-Encoding: chunked"
        self.refuse_all({
            "length and chunks": shape(length, chunked),
            "chunks and length": shape(chunked, length),
            "two lengths": shape(length, "Content-Length: 5"),
            "a list of two lengths": shape("Content-Length: 5, 6"),
            "chunks twice": shape(chunked, chunked),
            "chunks, folded": shape("Transfer-Encoding:\r\n chunked"),
            "space before the colon": shape("Transfer-Encoding : chunked"),
            "tab before the colon": shape("Content-Length\t: 5"),
            "space before the name": shape("A: b", " Content-Length: 5"),
            "sign": shape("Content-Length: +5"),
            "negative": shape("Content-Length: -5"),
            "hexadecimal": shape("Content-Length: 0x5"),
            "no number": shape("Content-Length:"),
            "overflow": shape("Content-Length: 18446744073709551621"),
            "bare CR in a value": shape("A: b\rContent-Length: 5"),
            "NUL in a value": shape("A: b\0c"),
            "no name": shape(": b"),
            "no colon": shape("Content-Length"),
            "two hosts": shape("Host: other"),
        })

    def test_codings(self):
        self.refuse_all({
            coding: (request("/0/x", "Transfer-Encoding: " + coding), 501)
            for coding in ("gzip", "gzip, chunked", "xchunked", "identity")
        })

    def test_lines(self):
        self.refuse_all({
            "bare LF": (b"GET /0/x HTTP/1.1\nHost: x\n\n", 400),
            "bare LF behind a header":
                (b"GET /0/x HTTP/1.1\r\nHost: x\n\r\n", 400),
            "no host": (b"GET /0/x HTTP/1.1\r\n\r\n", 400),
            "two spaces": (b"GET  /0/x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            "space in the target":
                (b"GET /0/x y HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            "control byte in the target":
                (b"GET /0/\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            "no version": (b"GET /0/x\r\nHost: x\r\n\r\n", 400),
            "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
            "other version": (b"GET /0/x HTTP/2.0\r\nHost: x\r\n\r\n", 505),
            "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        })

    def test_chunks(self):
        head = request("/0/x", "Transfer-Encoding: chunked")
        self.refuse_all({
            repr(text): (head + text, 400) for text in (
                b"Hello\r\n", b"\r\n", b"+5\r\nHello\r\n", b"0x5\r\nHello\r\n",
                b"5 \x00\r\nHello\r\n", b"5\nHello\r\n0\r\n\r\n",
                b"5\r\nHelloX\r\n", b"5\r\nHello\n0\r\n\r\n",
                b"0\r\nNoColon\r\n\r\n", b"10000000000000005\r\nHello\r\n")
        })

    def test_limits(self):
        self.refuse_all({
            "target": (request("/0/" + "a" * 9000), 414),
            "header": (request("/0/x", "A: " + "a" * 9000), 431),
            "headers": (request("/0/x", *["A: b"] * 100), 431),
            "head": (request("/0/x", *["A: " + "a" * 4000] * 20), 431),
            "length": (request("/0/x", "Content-Length: 2000000"), 413),
            "chunk": (request("/0/x", "Transfer-Encoding: chunked") +
                      b"fffffff\r\n", 413),
        })

    def test_a_malformed_one_behind_a_good_one(self):
        with self.server.connect() as client:
            client.send(request("/50/x") + b"junk\r\n\r\n" + request("/0/y"))
            self.assertEqual(client.answer(), (200, b"x"))
            self.assertEqual(client.answer()[0], 400)
            self.assertEqual(client.rest_until_end(), b"")

    def test_random_bytes(self):
        # The same bytes in each run: a generator of our own, and simple.
        state = 1
        for _ in range(200):
            text = bytearray()
            for _ in range(50):
                state = state * 1103515245 + 12345 & 0x7fffffff
                text.append(state >> 16 & 255)
            with self.server.connect() as client:
                client.send(bytes(text) + b"\r\n\r\n")
                client.end()
                self.assertNotIn(b" 200 ", client.rest_until_end())


class Wrk(ServeCase):
    """wrk against `reveil serve`."""

    def check(self, connections, path, *arguments):
        """Each connection is used again; on a slow machine that takes long."""
        wrk = need("wrk")
        for seconds in 1, 4, 16, 64:
            done = Finished(wrk, "-t1", f"-c{connections}", f"-d{seconds}",
                            "--timeout", "60",
                            *arguments, self.url + path)
            words = done.out.decode()
            self.assertEqual(done.status, 0, done.err)
            # wrk is silent about both when there are none.
            self.assertNotIn("Socket errors", words)
            self.assertNotIn("Non-2xx", words)
            requests = int(re.search(r"(\d+) requests in", words)[1])
            if requests > connections:
                return
        self.fail(words)

    def test_64_connections(self):
        self.check(64, "/0/x")

    def test_200_connections(self):
        self.check(200, "/0/x")

    def test_delayed_responses(self):
        self.check(200, "/50/x")

    def test_large_responses(self):
        self.check(16, "/big/100")

    def test_chunked_responses(self):
        self.check(64, "/drip/1/5")

    def test_a_connection_for_each_request(self):
        self.check(16, "/0/x", "-H", "Connection: close")


class GetCase(unittest.TestCase):
    """Tests of `reveil get`."""

    def check_body(self, url, body, *arguments):
        done = get(*arguments, url)
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out, body)

    def check_failure(self, url, words, *arguments):
        """One clear line, no body, exit status 1."""
        done = get(*arguments, url)
        self.assertEqual((done.status, done.out), (1, b""), done.err)
        self.assertTrue(done.err.startswith(f"reveil: {url}: "), done.err)
        self.assertEqual(done.err.count("\n"), 1, done.err)
        self.assertIn(words, done.err)
        return done


class GetOdd(GetCase):
    """`reveil get` against http.server with unusual and wrong answers."""

    @classmethod
    def setUpClass(cls):
        cls.odd = Running(Handler)
        cls.url = cls.odd.url
        cls.addClassCleanup(cls.odd.stop)

    def check_bodies(self, bodies):
        for path, body in bodies.items():
            with self.subTest(path):
                self.check_body(self.url + path, body)

    def check_failures(self, paths, words):
        for path in paths:
            with self.subTest(path):
                self.check_failure(self.url + path, words)

    def test_chunks(self):
        self.check_bodies({
            "/chunks/odd": PATTERN,
            "/chunks/extras": b"Hello world0123456789abcdefghij",
            "/chunks/none": b"",
        })

    def test_pieces_of_one_byte(self):
        self.check_bodies({
            "/bytes/chunks": b"Hello world0123456789abcdefghij",
            "/bytes/length": b"abcdefghijklmnopqrstuvwxyz",
            "/bytes/close": b"until the end",
            "/bytes/continue": b"after",
        })

    def test_until_close(self):
        self.check_bodies({
            "/close/1.1": PATTERN, "/close/1.0": PATTERN, "/close/empty": b"",
        })

    def test_lengths(self):
        self.check_bodies({
            "/length/0": b"", "/length/1.0": b"Hello", "/no-reason": b"Hello",
            "/length/large": PATTERN,
            # More than was promised is not part of the response.
            "/length/short": b"Hello",
        })

    def test_statuses(self):
        self.check_bodies({"/status/204": b"", "/status/206": b"ab",
                           "/1xx": b"after"})
        self.check_failures(["/status/304"], "304 Not Modified")
        self.check_failures(["/status/500"], "500 Internal Server Error")

    def test_request_as_another_server_sees_it(self):
        done = get(self.url + "/request")
        line, *headers = done.out.decode().splitlines()
        self.assertEqual(line, "GET /request HTTP/1.1")
        self.assertEqual(headers.count("Host: " + self.url[len("http://"):]), 1)
        self.assertIn("Connection: close", headers)

    def test_cut_responses(self):
        self.check_failures(
            ["/cut/at-once", "/cut/status-line", "/cut/head",
             "/cut/end-of-head", "/cut/after-1xx", "/cut/length",
             "/cut/no-body", "/cut/large", "/cut/chunk-size", "/cut/chunk",
             "/cut/chunk-end", "/cut/last-chunk", "/cut/trailer"],
            "the connection ended before the whole response arrived")

    def test_reset(self):
        self.check_failures(["/cut/reset"], "the connection was reset")

    def test_wrong_responses(self):
        self.check_failures(
            ["/bad/words", "/bad/ssh", "/bad/zeros", "/bad/status",
             "/bad/no-colon", "/bad/space-colon", "/bad/lf", "/bad/length",
             "/bad/negative", "/bad/overflow", "/bad/two-lengths",
             "/bad/both", "/bad/chunk-size", "/bad/chunk-sign",
             "/bad/chunk-0x", "/bad/chunk-lf", "/bad/chunk-end",
             "/bad/chunk-overflow"],
            "not valid HTTP")

    def test_answers_beyond_the_limits(self):
        self.check_failures(
            ["/large/line", "/large/head", "/bad/endless-head"],
            "larger than the limit")

    def test_bodies_kept_in_memory_have_a_limit(self):
        for path in "/large/promise", "/large/chunk":
            done = get(self.url + path, self.url + "/1xx")
            self.assertEqual((done.status, done.out), (1, b"after"))
            self.assertIn("larger than the limit", done.err)

    def test_what_is_not_supported(self):
        self.check_failures(["/version/2", "/coding"], "not supported")

    def test_timeout(self):
        for path in "/silent", "/stalled":
            with self.subTest(path):
                self.check_failure(
                    self.url + path, "no whole response in 0.2 s",
                    "--timeout", "0.2")

    def test_failures_do_not_touch_the_others(self):
        done = get(*(self.url + path for path in
                     ("/length/1.0", "/bad/words", "/no-reason", "/cut/chunk",
                      "/1xx")))
        self.assertEqual((done.status, done.out), (1, b"HelloHelloafter"))
        self.assertEqual(done.err.count("\n"), 2, done.err)

    def test_many_connections_at_once(self):
        done = get("--repeat", "200", self.url + "/chunks/extras")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out,
                         b"Hello world0123456789abcdefghij" * 200)


class Get(GetCase):
    """`reveil get` where there is no server, or a plain one."""

    def test_port_that_nobody_listens_on(self):
        with closed_port() as port:
            for host in "127.0.0.1", "localhost":
                with self.subTest(host):
                    self.check_failure(f"http://{host}:{port}/x",
                                       "connection refused")

    def test_listener_that_never_accepts(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.check_failure(
                f"http://127.0.0.1:{listener.getsockname()[1]}/",
                "no whole response in 0.2 s", "--timeout", "0.2")

    def test_urls_that_cannot_be_fetched(self):
        for url, words in {
                "https://127.0.0.1/": "only http:// is supported",
                "ftp://127.0.0.1/": "only http:// is supported",
                "127.0.0.1/x": "not a URL",
                "http://": "not a URL",
                "http://127.0.0.1:99999/": "not a URL",
                "http://127.0.0.1/a b": "not a URL",
                "http://user@127.0.0.1/": "not a URL",
                "http://name.invalid/": "name",
                "http://127.0.0.1/" + "a" * 9000: "too long",
        }.items():
            with self.subTest(url[:40]):
                self.check_failure(url, words)

    def test_refused_urls_do_not_touch_the_others(self):
        server = Serve()
        self.addCleanup(server.stop)
        with closed_port() as port:
            done = get(f"http://127.0.0.1:{port}/x", server.url + "/10/good",
                       "https://127.0.0.1/", server.url + "/half")
        self.assertEqual((done.status, done.out), (1, b"good"))
        self.assertEqual(done.err.count("\n"), 3, done.err)

    def test_own_server_misbehaving(self):
        server = Serve()
        self.addCleanup(server.stop)
        self.check_failure(server.url + "/half", "before the whole response")
        self.check_failure(server.url + "/reset", "was reset")
        self.check_failure(server.url + "/nowhere", "404 Not Found")
        self.check_failure(server.url + "/never", "no whole response in 0.2 s",
                           "--timeout", "0.2")
        self.check_body(server.url + "/drip/1/50", b"x" * 50)
        self.check_body(server.url + "/big/20000", big(20000))

    def test_plain_http_server_of_python(self):
        folder = scratch_folder()
        for name, content in FILES.items():
            with open(f"{folder}/{name}", "wb") as file:
                file.write(content)
        log = tempfile.TemporaryFile()
        self.addCleanup(log.close)
        process = start(
            [sys.executable, "-u", "-m", "http.server", "0", "--bind",
             "127.0.0.1", "--directory", folder],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.addCleanup(support.kill_group, process)

        def said_where():
            log.seek(0)
            return re.search(rb"port (\d+)", log.read())

        port = wait_until(said_where, "http.server to listen")[1].decode()
        for name, content in FILES.items():
            self.check_body(f"http://127.0.0.1:{port}/{name}", content)
        self.check_failure(f"http://127.0.0.1:{port}/none", "404 Not Found")


# Run in a name space of its own: a disk of 1 MiB, what fails, what remains.
SMALL_DISK = """
mount -t tmpfs -o size=1m none "$1" || exit 77
cd "$1"
"$2" get -o . "$3/big/2000" "$3/big/100"
echo "status $?"
wc -c *
"""


class GetStreams(GetCase):
    """`reveil get` of bodies that it does not hold in memory."""

    @classmethod
    def setUpClass(cls):
        cls.server = Serve()
        cls.url = cls.server.url
        cls.addClassCleanup(cls.server.stop)

    def peak_kb(self, path, **options):
        """The most memory that a GET of this path has had, in KiB."""
        get = start([support.program, "get", self.url + path],
                    stdout=subprocess.DEVNULL, **options)
        _, status, usage = os.wait4(get.pid, 0)
        get.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(get.returncode, 0)
        return usage.ru_maxrss

    def test_a_gigabyte_takes_no_more_memory_than_ten_megabytes(self):
        if SLOW:  # 100 MB show it as well, and AddressSanitizer has its own
            small, large = self.peak_kb("/big/10000"), self.peak_kb(
                "/big/100000")
        else:
            small, large = self.peak_kb("/big/10000"), self.peak_kb(
                "/big/1048576")
        self.assertLess(large, small + 4096)

    def test_files(self):
        folder = scratch_folder()
        done = get("-o", folder, self.url + "/big/20000", self.url + "/big/0",
                   self.url + "/0/x")
        self.assertEqual((done.status, done.err, done.out), (0, "", b""))
        bodies = []
        for name in sorted(os.listdir(folder)):
            with open(f"{folder}/{name}", "rb") as file:
                bodies.append(file.read())
        self.assertEqual(bodies, [big(20000), b"", b"x"])

    def test_no_half_file_is_left(self):
        # On a busy machine the one that is answered may be late, too.
        for seconds in 0.5, 2, 8, 32:
            folder = scratch_folder()
            done = get("-o", folder, self.url + "/half", self.url + "/nothing",
                       self.url + "/0/x", self.url + "/never",
                       "--timeout", str(seconds))
            if done.err.count("\n") == 3:
                break
        self.assertEqual((done.status, done.err.count("\n")), (1, 3), done.err)
        self.assertEqual([name[:5] for name in os.listdir(folder)], ["0003-"])

    def test_a_file_beyond_the_limit_of_the_process(self):
        folder = scratch_folder()

        def tighten():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10 ** 6, 10 ** 6))

        done = get("-o", folder, self.url + "/big/2000", self.url + "/big/100",
                   preexec_fn=tighten)
        self.assertEqual((done.status, done.err.count("\n")), (1, 1), done.err)
        self.assertIn("cannot write a file in", done.err)
        self.assertIn("File too large", done.err)
        name, = os.listdir(folder)
        with open(f"{folder}/{name}", "rb") as file:
            self.assertEqual(file.read(), big(100))

    def test_a_full_disk(self):
        done = Finished(need("unshare"), "-rm", "sh", "-c", SMALL_DISK, "sh",
                        scratch_folder(), support.program, self.url)
        if done.status == 77 or "unshare:" in done.err:
            self.skipTest("no disk of its own: " + done.err)
        self.assertIn("No space left on device", done.err)
        lines = done.out.decode().splitlines()
        self.assertEqual(lines[0], "status 1", done.err)
        self.assertRegex(lines[1], r"^ *102400 0002-\S*-100$")
        self.assertEqual(len(lines), 2)

    def test_a_long_body_that_is_cut_has_begun_to_come(self):
        """A megabyte is kept in memory; a larger body needs a destination."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            for sent in 500_000, 3_000_000:
                thread = threading.Thread(
                    target=self.cut_after, args=(listener, sent))
                thread.start()
                done = get(f"http://127.0.0.1:{port}/")
                thread.join()
                self.assertEqual(done.status, 1)
                self.assertEqual(len(done.out) == 0, sent < 1 << 20)
                self.assertIn("before the whole response", done.err)

    def cut_after(self, listener, sent):
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n"
                           b"\r\n" + bytes(sent))


class GetNginx(GetCase):
    """`reveil get` against nginx, and nginx in front of `reveil serve`."""

    @classmethod
    def setUpClass(cls):
        cls.serve = Serve()
        cls.addClassCleanup(cls.serve.stop)
        cls.nginx = Nginx(behind=cls.serve.url)
        cls.addClassCleanup(cls.nginx.stop)
        cls.url = cls.nginx.url

    def test_files(self):
        for name, content in FILES.items():
            with self.subTest(name):
                self.check_body(f"{self.url}/{name}", content)

    def test_chunked_files(self):
        with Client(self.nginx_address()) as client:
            client.ask("/ssi/small")
            self.assertIn("Transfer-Encoding: chunked", client.head())
        for name in "small", "large":
            with self.subTest(name):
                self.check_body(f"{self.url}/ssi/{name}", FILES[name])

    def nginx_address(self):
        class Address:
            host, port = "127.0.0.1", self.nginx.port
        return Address

    def test_slow_response(self):
        self.check_body(self.url + "/limited", FILES["large"])

    def test_statuses(self):
        self.check_failure(self.url + "/none", "404 Not Found")
        self.check_failure(self.url + "/moved",
                           "301 Moved Permanently (redirects are not followed)")
        self.check_body(self.url + "/moved", FILES["small"], "--follow")
        self.check_body(self.url + "/nothing", b"")
        self.check_failure(self.url + "/unmodified", "304 Not Modified\n")
        self.check_failure(self.url + "/dropped", "before the whole response")

    def test_many_at_once(self):
        done = get("--repeat", "500", self.url + "/small",
                   self.url + "/ssi/small")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out, FILES["small"] * 1000)

    def test_files_into_a_directory(self):
        folder = scratch_folder()
        done = get("-o", folder, *(f"{self.url}/{name}" for name in FILES))
        self.assertEqual((done.status, done.out, done.err), (0, b"", ""))
        names = sorted(os.listdir(folder))
        self.assertEqual(len(names), len(FILES))
        for name, content in zip(names, FILES.values()):
            with open(f"{folder}/{name}", "rb") as file:
                self.assertEqual(file.read(), content, name)

    def test_nginx_in_front_of_reveil_serve(self):
        for place in "/delay", "/delay-keep-alive":
            url = self.url + place
            with self.subTest(place):
                self.check_body(url + "/50/through", b"through")
                self.check_body(url + "/drip/1/100", b"x" * 100)
                self.check_body(url + "/big/3000", big(3000))
                self.check_failure(url + "/reset", "502 Bad Gateway")
                self.check_failure(url + "/nowhere", "404 Not Found")


class Thousand(GetCase):
    """1,000 GETs at once: what they cost is counted, not timed."""

    def setUp(self):
        self.server = Serve()
        self.addCleanup(self.server.stop)

    def test_thousand_at_once(self):
        done = get("--repeat", "1000", "--figures", self.server.url + "/1000/x")
        self.assertEqual((done.status, done.out), (0, b"x" * 1000), done.err)
        self.assertEqual(done.err.count("\n"), 1, done.err)
        figures = re.search(
            r"1000 of 1000 fetched, wall ([\d.]+) ms, .* (\d+) polls, "
            r"([\d.]+) polls a request\n", done.err)
        self.assertGreaterEqual(int(figures[2]), 1000)
        self.assertLessEqual(int(figures[2]), 4000)
        self.assertLessEqual(float(figures[3]), 4)
        # Each is answered after a second: most of the thousand are waited for
        # together, or it would be near 1,000 s.
        self.assertGreaterEqual(float(figures[1]), 1000)
        self.assertLess(float(figures[1]), 1000 * 1000 / 10)

    def test_each_body_in_its_place(self):
        urls = "".join(f"{self.server.url}/{(i * 37) % 300}/n{i},\n"
                       for i in range(1000))
        done = get("--file", "-", stdin=urls.encode())
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(done.out.decode(),
                         "".join(f"n{i}," for i in range(1000)))


class Compare(unittest.TestCase):
    """`reveil compare`: counts of polls and sleeps, no times."""

    def runs(self):
        done = Finished(support.program, "compare", "--json", "--no-syscalls",
                        "busy", "reactor", "library")
        self.assertEqual((done.status, done.err), (0, ""))
        runs = {run["name"]: run for run in json.loads(done.out)["runs"]}
        self.assertEqual(list(runs), ["busy", "reactor", "library"])
        for run in runs.values():
            for key in ("wall_ms", "cpu_ms", "polls", "would_block",
                        "epoll_waits", "wakes", "parks"):
                self.assertGreaterEqual(run[key], 0, key)
        return runs

    def test_waiting_costs_nothing(self):
        runs = self.runs()
        busy = runs.pop("busy")
        for run in runs.values():
            self.assertLessEqual(run["polls"], 8, run)
            self.assertLessEqual(run["epoll_waits"], 16, run)
            self.assertLessEqual(run["parks"], 16, run)
            # In the same run: busy polling has polled far more often.
            self.assertGreater(busy["polls"], 100 * run["polls"])


ALONE = (Compare, Thousand)


def main():
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit("usage: test_external.py PROGRAM [-v] [CLASS...]")
    support.program = os.path.abspath(sys.argv[1])
    # As after Ctrl-C: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parallel = [
        name for name, thing in globals().items()
        if isinstance(thing, type) and issubclass(thing, unittest.TestCase)
        and thing not in ALONE and not name.endswith("Case")]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], defaultTest=parallel,
                  verbosity=2)


if __name__ == "__main__":
    main()
