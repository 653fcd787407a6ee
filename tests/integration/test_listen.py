"""Listening in: what a call hears and says, bit for bit and in time, and what it costs nobody."""

import asyncio
import json
import os
import signal
import time
import unittest

import websockets

from live import Crowd, Listener, decoded, find, live_id, tone, user
from server import Server, report, wait_for
from sounds import ours
from test_api_users import Peer, admin
from test_live_calls import UNKNOWN, page
from twilio_caller import FRAME, speech

SECOND = 8000


def pcm(ulaw):
    return [decoded(byte) for byte in ulaw]


def packets(wire):
    """Of Opus, each with its length before it, as convert_pipe writes them."""
    found = []
    while wire:
        size = int.from_bytes(wire[:2], "big")
        found.append(wire[2 : 2 + size])
        wire = wire[2 + size :]
    return found


class Listening(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.server = self.enterContext(Server(media__processes=2, **self.settings))
        self.crowd = self.enterContext(Crowd())

    def call(self, path="/media/twilio", **more):
        caller = self.crowd.call(self.server.ws(path), **more)
        return caller, live_id(self.server, caller.call)

    def listen(self, call_id, query="", **more):
        return self.crowd.run(Listener(self.server, call_id, query, **more).open())

    def refused(self, call_id, headers):
        try:
            self.listen(call_id, headers=headers)
        except websockets.InvalidStatusCode as refusal:
            return refusal.status_code
        return 101

    def heard(self, call_id, samples, query=""):
        listener = self.listen(call_id, query)
        self.crowd.run(listener.hear(samples=samples))
        self.assertGreaterEqual(len(listener.sound), 4 * samples)
        return listener


class Sound(Listening):
    def test_speech_bit_for_bit_on_the_left_and_its_echo_on_the_right(self):
        sound = speech(seconds=6)
        _, call_id = self.call("/media/twilio/echo", sound=sound)
        listener = self.heard(call_id, 4 * SECOND)
        self.assertEqual(listener.texts[0], {"event": "start", "call_id": call_id, "codec": "PCMU",
                                             "sample_rate": 8000, "channels": 2, "format": "s16le"})
        twice = pcm(sound + sound)
        for side in (0, 1):
            # Where the machine was too slow for a moment there is silence between; a second in one piece there is.
            pieces = [listener.side(side)[at : at + SECOND] for at in range(SECOND, 3 * SECOND, SECOND // 4)]
            self.assertTrue([piece for piece in pieces if find(piece, twice) >= 0], f"side {side}")

    def test_both_in_one_by_request(self):
        sound = tone(4000)
        _, call_id = self.call(sound=sound)
        listener = self.listen(call_id, "?channels=1")
        self.crowd.run(listener.hear(samples=SECOND))
        self.assertEqual(listener.texts[0]["channels"], 1)
        samples = memoryview(bytes(listener.sound)).cast("h").tolist()
        self.assertGreaterEqual(find(samples[-SECOND:-SECOND // 2], pcm(sound * 3)), 0)
        self.assertEqual(admin(self.server).ask("GET", f"/api/live-calls/{call_id}/listen?channels=3")[0], 400)

    def test_it_is_now_that_is_heard(self):
        caller, call_id = self.call()
        listener = self.listen(call_id)
        self.crowd.run(listener.hear(samples=SECOND))

        async def latency():
            """How much more the caller says before a loud frame of his is heard."""
            loud, begun = bytes([0x80]) * FRAME, len(caller.said)
            before = len(listener.sound)
            for _ in range(5):
                await caller.media(loud)
            while decoded(0x80) not in memoryview(bytes(listener.sound[before:])).cast("h"):
                listener.take(await asyncio.wait_for(listener.socket.recv(), 30))
            return len(caller.said) - begun

        self.assertLess(self.crowd.run(latency()), 3 * SECOND)  # a tenth, where the machine has nothing else to do

    def test_every_codec(self):
        source = b"".join(sample.to_bytes(2, "little", signed=True) for sample in pcm(speech(seconds=4)))
        formats = {"PCMU": 8000, "PCMA": 8000, "L16": 16000, "G722": 8000, "OPUS": 16000}
        for codec, rate in formats.items():
            with self.subTest(codec):
                wire = ours(("L16", 8000, "le"), (codec, rate, "le"), source)
                plain_rate = 16000 if codec == "G722" else rate
                expected = memoryview(ours((codec, rate, "le"), ("L16", plain_rate, "le"), wire)).cast("h").tolist()
                size = len(wire) * 20 // (len(expected) * 1000 // plain_rate)
                frames = packets(wire) if codec == "OPUS" else [
                    wire[at : at + size] for at in range(0, len(wire), size)]
                self.hear_plain(codec, rate, plain_rate, frames, expected)

    def hear_plain(self, codec, rate, plain_rate, frames, expected):
        name = f"{codec}-call"

        async def call():
            async with websockets.connect(self.server.ws("/media/plain"), compression=None) as socket:
                await socket.send(json.dumps({"event": "start", "start": {
                    "stream": name, "call": name, "format": {"encoding": codec, "rate": rate}}}))
                await socket.send(frames[0])
                call_id = await asyncio.to_thread(live_id, self.server, name)
                listener = await Listener(self.server, call_id).open()
                while not listener.texts:
                    listener.take(await asyncio.wait_for(listener.socket.recv(), 30))
                origin = time.monotonic()
                for n, frame in enumerate(frames[1:]):
                    await asyncio.sleep(max(0, origin + n * 0.02 - time.monotonic()))
                    await socket.send(frame)
                await socket.send('{"event":"stop"}')
                await listener.hear()
                return listener
        listener = asyncio.run(call())
        self.assertEqual((listener.texts[0]["codec"], listener.texts[0]["sample_rate"]), (codec, plain_rate))
        self.assertEqual(listener.texts[-1], {"event": "end", "end_reason": "stop"})
        left = listener.side(0)
        pieces = [expected[at : at + plain_rate // 2] for at in range(plain_rate // 2, 3 * plain_rate, plain_rate // 4)]
        self.assertTrue([piece for piece in pieces if any(piece) and find(piece, left) >= 0])


class Ends(Listening):
    def test_with_the_call(self):
        caller, call_id = self.call()
        listener = self.heard(call_id, SECOND // 2)
        self.crowd.stop(caller)
        self.crowd.run(listener.hear())
        self.assertEqual((listener.texts[-1], listener.code), ({"event": "end", "end_reason": "stop"}, 1000))

    def test_with_the_server(self):
        _, call_id = self.call()
        listener = self.heard(call_id, SECOND // 2)
        os.kill(self.server.pids("control")[0], signal.SIGTERM)
        self.crowd.run(listener.hear())
        self.assertEqual(listener.code, 1001)

    def test_a_control_process_that_dies_leaves_the_call_and_frees_its_taps(self):
        caller, call_id = self.call()
        listeners = [self.heard(call_id, SECOND // 4) for _ in range(3)]
        self.server.kill("control")
        for listener in listeners:
            self.crowd.run(listener.hear())
        wait_for("control", lambda: self.server.ready())
        self.assertEqual(page(self.server)["total"], 1)
        again = [self.heard(call_id, SECOND // 4) for _ in range(3)]
        self.assertEqual(self.crowd.stop(caller), 1000)
        for listener in again:
            self.crowd.run(listener.hear())
            self.assertEqual(listener.texts[-1]["event"], "end")

    def test_a_media_process_that_dies(self):
        _, call_id = self.call()
        listener = self.heard(call_id, SECOND // 4)
        self.server.kill("media")
        self.crowd.run(listener.hear())
        self.assertEqual((listener.texts[-1], listener.code), ({"event": "end", "end_reason": "interrupted"}, 1000))


class Refused(Listening):
    settings = {"control__max_listeners": "3"}

    def test_who_may_not_listen(self):
        _, call_id = self.call()
        host = f"127.0.0.1:{self.server.control}"
        operator = user(self.server, "operator")
        cookie = "holdline=" + operator.headers["Authorization"].removeprefix("Bearer ")
        self.assertEqual(self.refused(call_id, {}), 401)
        self.assertEqual(self.refused(call_id, {"Authorization": "Bearer " + "x" * 43}), 401)
        self.assertEqual(self.refused(call_id, user(self.server, "viewer").headers), 403)
        self.assertEqual(self.refused(call_id, {"Cookie": cookie}), 403)
        self.assertEqual(self.refused(call_id, {"Cookie": cookie, "Origin": "http://evil.example"}), 403)
        self.assertEqual(self.refused(call_id, {"Cookie": cookie, "Origin": "http://" + host}), 101)
        self.assertEqual(self.refused(call_id, operator.headers), 101)
        self.assertEqual(self.refused(UNKNOWN, admin(self.server).headers), 404)
        self.assertEqual(admin(self.server).ask("GET", f"/api/live-calls/{call_id}/listen"), (200, {
            "event": "start", "call_id": call_id, "codec": "PCMU", "sample_rate": 8000, "channels": 2,
            "format": "s16le"}))
        lines = [line for line in self.server.log().splitlines() if "/listen" in line and "[AUDIT]" in line]
        self.assertEqual(len(lines), 2)
        self.assertIn(f'who=operator@example.com role=operator action="GET /api/live-calls/{call_id}/listen"', lines[0])

    def test_fifty_where_three_fit(self):
        _, call_id = self.call()
        headers = admin(self.server).headers
        admitted = [self.listen(call_id) for _ in range(3)]
        self.assertEqual({self.refused(call_id, headers) for _ in range(47)}, {503})
        self.assertEqual(self.server.metric('holdline_control_sockets{kind="listen"}'), 3)
        for listener in admitted:
            self.crowd.run(listener.hear(samples=SECOND // 4))
            self.assertGreater(len(listener.sound), 0)
        self.crowd.run(admitted[0].socket.close())
        wait_for("room for another", lambda: self.refused(call_id, headers) == 101)


class Undisturbed(Listening):
    def test_a_listener_who_does_not_read_costs_nobody_anything(self):
        caller, call_id = self.call("/media/twilio/echo")
        stuck = self.crowd.run(Listener(self.server, call_id).open())
        stuck.socket.transport.pause_reading()
        other = self.heard(call_id, 2 * SECOND)
        self.assertEqual(page(self.server)["calls"][0]["frames_lost"], 0)
        self.assertGreater(len(other.sound), 0)
        self.assertEqual(self.crowd.stop(caller), 1000)

    def test_calls_that_are_listened_to_echo_as_before(self):
        load = self.server.holdload("--calls", 20, "--ramp", 20, "--duration", "6s", "--echo", path="/media/twilio/echo")
        ids = wait_for("the calls", lambda: (found := page(self.server))["total"] == 20 and [
            one["call_id"] for one in found["calls"]])
        listeners = [self.listen(call_id) for call_id in ids[:16]]
        for listener in listeners:
            self.crowd.run(listener.hear())
        done = report(load)
        self.assertEqual((done["completed"], done["failed"]), (20, 0))
        for listener in listeners:
            self.assertEqual(listener.texts[-1]["event"], "end")
            self.assertGreater(len(listener.sound), 4 * SECOND)


if __name__ == "__main__":
    unittest.main()
