"""What holdload measures of a server that speaks: barge-in, marks, holes in what it says, and a stall in every frame.

The servers here are scripted; what they are made to do takes as long as it says, so that each figure has a bound from
below that a slow machine cannot break."""

import asyncio
import base64
import json
import subprocess
import time
import unittest

from hostile import Hostile
from server import HOLDLOAD

FRAME_MS = 20
SILENCE = base64.b64encode(b"\xff" * 160).decode()
SOUND = base64.b64encode(b"\x20" * 160).decode()


class Bot:
    """Plays until it is interrupted, in real time or `ahead` of it; then needs a while to stop."""

    def __init__(self, reaction_ms=300, ahead=False, listens=True, clears=True, mark=False):
        self.reaction_ms, self.ahead, self.listens = reaction_ms, ahead, listens
        self.clears, self.mark, self.marks = clears, mark, []

    async def __call__(self, socket):
        stream, stopped = None, asyncio.Event()
        playing = None
        async for message in socket:
            said = json.loads(message)
            if said["event"] == "start":
                stream = said["streamSid"]
                playing = asyncio.create_task(self.play(socket, stream, stopped))
            elif said["event"] == "mark":
                self.marks.append((said["mark"]["name"], time.monotonic()))
            elif said["event"] == "stop":
                break
            elif said["event"] == "dtmf" or (said["event"] == "media" and said["media"]["payload"] != SILENCE):
                if self.listens and not stopped.is_set():
                    await asyncio.sleep(self.reaction_ms / 1000)
                    stopped.set()
                    if self.clears:
                        await socket.send(json.dumps({"event": "clear", "streamSid": stream}))
        playing.cancel()

    async def play(self, socket, stream, stopped):
        frame = json.dumps({"event": "media", "streamSid": stream, "media": {"payload": SOUND}})
        began, count = time.monotonic(), 0
        while not stopped.is_set():
            count += 1
            await socket.send(frame)
            if self.mark and count == 50:
                await socket.send(json.dumps({"event": "mark", "streamSid": stream, "mark": {"name": "second"}}))
            if not self.ahead:
                await asyncio.sleep(max(0, began + count * FRAME_MS / 1000 - time.monotonic()))
            elif count == 500:  # ten seconds at once, and no more
                return


class Load(unittest.TestCase):
    def load(self, behave, *arguments):
        server = Hostile(behave)
        self.addCleanup(server.close)
        done = subprocess.run([HOLDLOAD, "--url", f"ws://127.0.0.1:{server.port}/", "--dialect", "twilio", "--json", "-",
                               *map(str, arguments)], capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout), done.stderr


class BargeIn(Load):
    def interrupt(self, bot, *arguments):
        status, result, complaints = self.load(bot, "--calls", 5, "--duration", "4s", "--barge-in", "1s", *arguments)
        self.assertEqual((status, complaints, result["completed"], result["barge_ins"]), (0, "", 5, 5), result)
        return result

    def test_a_bot_that_listens_is_timed_until_its_clear_and_until_it_is_quiet(self):
        for ahead in (False, True):
            with self.subTest(ahead=ahead):
                result = self.interrupt(Bot(ahead=ahead))
                self.assertEqual((result["clears"], result["barge_ignored"]), (5, 0), result)
                self.assertGreaterEqual(result["barge_in_clear_p50_ms"], 300)
                self.assertGreaterEqual(result["barge_in_silence_p50_ms"], 300)
                self.assertLess(result["barge_in_silence_max_ms"], 2500)  # it had ten seconds to say

    def test_keys_interrupt_too(self):
        result = self.interrupt(Bot(), "--dtmf", "1#")
        self.assertEqual((result["clears"], result["barge_ignored"]), (5, 0), result)
        self.assertGreaterEqual(result["barge_in_clear_p50_ms"], 300)

    def test_one_that_only_stops_is_quiet_without_a_clear(self):
        result = self.interrupt(Bot(clears=False))
        self.assertEqual((result["clears"], result["barge_ignored"], result["barge_in_clear_max_ms"]), (0, 0, 0), result)
        self.assertGreaterEqual(result["barge_in_silence_p50_ms"], 300)

    def test_what_was_sent_ahead_plays_on_without_a_clear(self):
        result = self.interrupt(Bot(ahead=True, clears=False))
        self.assertEqual(result["barge_ignored"], 5, result)

    def test_one_that_does_not_listen_is_told_by_the_exit_status(self):
        status, result, complaints = self.load(Bot(listens=False), "--duration", "3s", "--barge-in", "500ms", "--fail-if",
                                               "barge_ignored>0")
        self.assertEqual((status, result["barge_ignored"]), (1, 1), result)
        self.assertIn("barge_ignored>0", complaints)

    def test_an_echo_cannot_be_interrupted(self):
        done = subprocess.run([HOLDLOAD, "--url", "ws://127.0.0.1:1/", "--dialect", "twilio", "--echo", "--barge-in",
                               "1s"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--barge-in", done.stderr)


class Marks(Load):
    def test_a_mark_comes_back_when_all_before_it_has_been_played(self):
        bot = Bot(ahead=True, mark=True, listens=False)
        status, result, _ = self.load(bot, "--duration", "2s")
        self.assertEqual((status, result["marks"], [name for name, _ in bot.marks]), (0, 1, ["second"]), result)
        self.assertGreater(result["mark_lag_p50_ms"], 700)  # of the second that lay before it


async def echo_with_a_stall(socket):
    """Says all back; for a second in the middle of the call it does nothing."""
    count = 0
    async for message in socket:
        said = json.loads(message)
        if said["event"] == "stop":
            return
        if said["event"] == "media":
            count += 1
            if count == 25:
                time.sleep(1)  # and not of asyncio: the socket, too, waits
            await socket.send(json.dumps({"event": "media", "streamSid": said["streamSid"],
                                          "media": {"payload": said["media"]["payload"]}}))


class Stall(Load):
    def test_it_shows_in_every_frame_that_was_due_meanwhile(self):
        status, result, _ = self.load(echo_with_a_stall, "--echo", "--duration", "2s")
        self.assertEqual((status, result["frames_echoed"], result["lost"]), (0, 100, 0), result)
        # Fifty of a hundred frames were due in that second, one in 20 ms: of those, forty waited for 200 ms and more.
        self.assertGreaterEqual(result["echo_max_ms"], 980)
        self.assertGreaterEqual(result["echo_p90_ms"], 780)
        self.assertGreaterEqual(result["recv_gap_max_ms"], 900)
        self.assertGreaterEqual(result["recv_late"], 1)


if __name__ == "__main__":
    unittest.main()
