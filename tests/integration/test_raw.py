"""provider: raw says back every message as it came, so that suites can judge how the listener speaks WebSocket."""

import asyncio
import os
import socket
import struct
import threading
import unittest

import websockets

from server import Server, wait_for
from test_framing import BINARY, Line, frame

ROUTES = "media:\n  routes:\n    - {path: /raw, provider: raw, handler: echo}\n"


class Raw(unittest.TestCase):
    def test_messages_of_every_size_come_back(self):
        async def talk(url):
            async with websockets.connect(url, compression=None, max_size=None) as socket:
                for message in ("", b"", "ä" * 60, b"\0\xff" * 63, "x" * 126, "y" * 65535, os.urandom(65536),
                                os.urandom(2_000_000), "ß" * 500_000):
                    await socket.send(message)
                    self.assertEqual(await asyncio.wait_for(socket.recv(), 30), message)
                await socket.send(["in ", "several ", "pieces"])
                self.assertEqual(await socket.recv(), "in several pieces")
                await socket.ping()
                # More than the sockets hold, and nobody reads meanwhile.
                for number in range(100):
                    await socket.send(bytes([number]) * 100_000)
                for number in range(100):
                    self.assertEqual(await asyncio.wait_for(socket.recv(), 30), bytes([number]) * 100_000)

        with Server(config=ROUTES) as server:
            asyncio.run(talk(server.ws("/raw")))

    def test_many_messages_in_one_piece_while_nobody_reads(self):
        """Each answer is whole, though the socket takes some of them in parts."""
        messages = [bytes([number % 251]) * 3_000 for number in range(6_000)]
        with Server(config=ROUTES) as server:
            line = Line(server, "/raw")
            speaker = threading.Thread(target=lambda: line.send(b"".join(frame(BINARY, m) for m in messages)))
            speaker.start()
            speaker.join(1)  # by then nothing more is taken, or all of it is on its way
            heard = line.socket.makefile("rb")
            for message in messages:
                self.assertEqual(heard.read(4), bytes([0x82, 126]) + struct.pack("!H", len(message)))
                self.assertEqual(heard.read(len(message)), message)
            speaker.join()
            line.close()

    def test_who_vanishes_while_it_waits_for_him_is_forgotten(self):
        def descriptors(server):
            return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in server.pids("media"))

        with Server(config=ROUTES) as server:
            before = descriptors(server)
            line = Line(server, "/raw")
            line.socket.settimeout(1)
            with self.assertRaises(TimeoutError):
                while True:  # until neither side takes any more
                    line.send(frame(BINARY, bytes(60_000)))
            line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.socket.close()
            wait_for("the connection to be gone", lambda: descriptors(server) == before)

    def test_it_is_off_unless_a_route_says_so(self):
        async def knock(url):
            async with websockets.connect(url):
                pass

        with Server() as server:
            with self.assertRaises(websockets.InvalidStatusCode) as refused:
                asyncio.run(knock(server.ws("/raw")))
            self.assertEqual(refused.exception.status_code, 404)

    def test_it_does_not_hold_up_the_end(self):
        async def stay(server):
            async with websockets.connect(server.ws("/raw")) as socket:
                await socket.send("hello")
                await socket.recv()
                self.assertEqual(await asyncio.to_thread(server.stop), 0)

        with Server(config=ROUTES) as server:
            asyncio.run(stay(server))


if __name__ == "__main__":
    unittest.main()
