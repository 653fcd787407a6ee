"""Requests that no client sends: each costs its own connection, is read by us as a proxy before us reads it, and
leaves the others alone."""

import socket
import time
import unittest

from server import Server, free_port, wait_for

HOST = b"Host: x\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + HOST
LOGIN = b"POST /api/auth/login HTTP/1.1\r\n" + HOST
BEHIND = b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n"

# What is sent, and the one status that may answer it.
REFUSED = {
    "two hosts": (LIVE + b"Host: y\r\n\r\n", 400),
    "a version that is none": (b"GET /health/live HTTP/2.0\r\n" + HOST + b"\r\n", 400),
    "no version": (b"GET /health/live\r\n\r\n", 400),
    "a header in the path": (b"GET /health/live%0aX:y HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "chunks behind a length": (LOGIN + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + BEHIND, 411),
    "chunks": (LOGIN + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    "chunks that a blank hides": (LOGIN + b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}" + BEHIND, 400),
    "an encoding that is none": (LIVE + b"Transfer-Encoding: xchunked\r\n\r\n" + BEHIND, 411),
    "two lengths": (LOGIN + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + BEHIND, 400),
    "a list of lengths": (LOGIN + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "a length with a sign": (LOGIN + b"Content-Length: +2\r\n\r\n{}", 400),
    "a negative length": (LOGIN + b"Content-Length: -1\r\n\r\n{}", 400),
    "a length in hexadecimal": (LOGIN + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "a length past every number": (LOGIN + b"Content-Length: 99999999999999999999\r\n\r\n{}", 413),
    "a body that is too long": (LOGIN + b"Content-Length: 70000\r\n\r\n" + b"x" * 70000, 413),
    "a request as the body of another": (LIVE + b"Content-Length: 35\r\n\r\n" + BEHIND[:35], 400),
    "a query that is too long": (b"GET /api/calls?" + b"a" * 3000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
}
# What nobody can make sense of: any answer or none, and the end.
NONSENSE = {
    "an endless header": LIVE + b"X: " + b"a" * 20000 + b"\r\n\r\n",
    "two thousand headers": LIVE + b"".join(b"X%d: y\r\n" % i for i in range(2000)) + b"\r\n",
    "a path of five thousand": b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "three hundred parameters": b"GET /health/live?" + b"&".join(b"a%d=b" % i for i in range(300)) + b" HTTP/1.1\r\n"
                                + HOST + b"\r\n",
    "a NUL in the path": b"GET /health/live\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded NUL": b"GET /health/live%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method of their own": b"FOO /health/live HTTP/1.1\r\n" + HOST + b"\r\n",
}


def answer(port, raw, seconds=15):
    """All that comes until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
        came = b""
        try:
            peer.sendall(raw)
            while piece := peer.recv(65536):
                came += piece
        except ConnectionError:
            pass  # it ends with what it has said
        return came


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hooks = free_port()
        cls.server = Server(**{"webhooks.listen": f"127.0.0.1:{cls.hooks}"}).__enter__()
        cls.addClassCleanup(cls.server.__exit__, None)

    def ports(self):
        return (self.server.control, self.hooks)

    def test_what_others_might_read_otherwise_is_refused_and_ends_the_connection(self):
        for name, (raw, status) in REFUSED.items():
            for port in self.ports():
                with self.subTest(name=name, port=port):
                    came = answer(port, raw)
                    self.assertEqual(came[:12], b"HTTP/1.1 %d" % status)
                    self.assertEqual(came.count(b"x-request-id:"), 1, "a request behind it was answered as well")
                    self.assertIn(b'"status":%d}' % status, came)
        self.assertEqual(self.server.get("/health/live")[0], 200)

    def test_nonsense_costs_its_own_connection(self):
        for name, raw in NONSENSE.items():
            for port in self.ports():
                with self.subTest(name=name, port=port):
                    self.assertNotIn(b" 200 ", answer(port, raw)[:20])
        self.assertEqual(self.server.get("/health/live")[0], 200)

    def test_who_is_slow_is_cut_off_and_holds_up_nobody(self):
        slow = []
        for begun in (LIVE, LOGIN + b"Content-Length: 1000\r\n\r\n"):
            for port in self.ports():
                peer = socket.create_connection(("127.0.0.1", port), timeout=60)
                peer.sendall(begun)
                slow.append(peer)
        ended = set()

        def drip():
            for peer in slow:
                try:
                    peer.sendall(b"X")
                except OSError:
                    ended.add(peer)
            self.assertEqual(self.server.get("/health/live")[0], 200)
            time.sleep(0.2)
            return len(ended) == len(slow)

        wait_for("all of them to be cut off", drip, 60)
        for peer in slow:
            peer.close()


if __name__ == "__main__":
    unittest.main()
