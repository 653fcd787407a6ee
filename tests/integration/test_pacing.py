"""When what we say leaves: on a clock, when the provider plays what comes; not at all while its buffer is full.

Times are compared with each other within one call, never with a limit in milliseconds.
"""

import asyncio
import base64
import json
import time
import unittest

import websockets

from database import Sqlite
from server import Server, wait_for

FRAME = 320  # 20 ms of 16-bit samples at 8 kHz
START = json.dumps({"event": "websocket:connected", "content-type": "audio/l16;rate=8000"})


def frame(number):
    return bytes([number % 251]) * FRAME


class Pacing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    def test_a_burst_leaves_frame_by_frame(self):
        async def call():
            async with websockets.connect(self.server.ws("/media/vonage/echo"), compression=None) as socket:
                await socket.send(START)
                for number in range(60):  # 1.2 s at once
                    await socket.send(frame(number))
                heard, times = [], []
                while len(heard) < 60:
                    heard.append(await asyncio.wait_for(socket.recv(), 30))
                    times.append(time.monotonic())
                return heard, times

        heard, times = asyncio.run(call())
        self.assertEqual(heard, [frame(number) for number in range(60)])
        # 59 frames lie between the first and the last: no quicker, but for what may be caught up.
        self.assertGreater(times[-1] - times[0], 59 * 0.020 - 0.110)

    def test_asterisk_says_stop_and_go_on(self):
        async def call():
            async with websockets.connect(self.server.ws("/media/asterisk/echo"), compression=None,
                                          subprotocols=["media"]) as socket:
                await socket.send(json.dumps({"event": "MEDIA_START", "connection_id": "c", "channel_id": "flow-1",
                                              "format": "slin"}))
                self.assertEqual(json.loads(await socket.recv()), {"command": "ANSWER"})
                await socket.send('{"event":"MEDIA_XOFF"}')
                for number in range(10):
                    await socket.send(frame(number))
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(socket.recv(), 0.5)
                await socket.send('{"event":"MEDIA_XON"}')
                return [await asyncio.wait_for(socket.recv(), 30) for _ in range(10)]

        self.assertEqual(asyncio.run(call()), [frame(number) for number in range(10)])

    def test_what_cannot_wait_any_longer_is_dropped_and_counted(self):
        async def call(url):
            async with websockets.connect(url, compression=None, subprotocols=["media"]) as socket:
                await socket.send(json.dumps({"event": "MEDIA_START", "connection_id": "c", "channel_id": "flow-2",
                                              "format": "slin"}))
                await socket.recv()
                await socket.send('{"event":"MEDIA_XOFF"}')
                for number in range(20):
                    await socket.send(frame(number))
                await socket.send('{"event":"MEDIA_XON"}')
                heard = []
                while len(heard) < 10:
                    heard.append(await asyncio.wait_for(socket.recv(), 30))
                return heard

        with Server(media__send_queue="200ms") as server:
            heard = asyncio.run(call(server.ws("/media/asterisk/echo")))
            self.assertEqual(heard, [frame(number) for number in range(10)])
            store = Sqlite(server.data_dir)
            row = wait_for("the row", lambda: store.rows("SELECT * FROM calls WHERE state = 'ended'"))[0]
            self.assertEqual((row["frames_in"], row["frames_out"], row["frames_dropped"]), (20, 10, 10))

    def test_exotel_gets_messages_of_its_size(self):
        start = {"event": "start", "sequence_number": 1, "stream_sid": "s", "start": {
            "stream_sid": "s", "call_sid": "size-1", "account_sid": "a", "media_format": {
                "sample_rate": "8000"}}}

        async def call():
            async with websockets.connect(self.server.ws("/media/exotel/echo"), compression=None) as socket:
                await socket.send(json.dumps(start))
                for number in range(25):
                    await socket.send(json.dumps({"event": "media", "sequence_number": number + 2, "stream_sid": "s",
                                                  "media": {"chunk": number + 1, "timestamp": str(number * 20),
                                                            "payload": base64.b64encode(frame(number)).decode()}}))
                heard = []
                while sum(map(len, heard)) < 25 * FRAME:
                    message = json.loads(await asyncio.wait_for(socket.recv(), 30))
                    heard.append(base64.b64decode(message["media"]["payload"]))
                return heard

        heard = asyncio.run(call())
        self.assertTrue(all(len(piece) >= 3200 and len(piece) % 320 == 0 for piece in heard))
        sent = b"".join(frame(number) for number in range(25))
        self.assertEqual(b"".join(heard)[: len(sent)], sent)
        self.assertEqual(set(b"".join(heard)[len(sent) :]) - {0}, set())  # filled up with silence


if __name__ == "__main__":
    unittest.main()
