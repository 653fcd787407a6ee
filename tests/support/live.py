"""Calls that stay, and whoever looks at them: for tests of what is live."""

import asyncio
import contextlib
import json
import math
import threading
import time

import websockets

from server import wait_for
from test_api_users import Peer, admin
from twilio_caller import Caller, ulaw

FRAME = 160  # bytes of mu-law: 20 ms


def decoded(byte):
    """One byte of mu-law as a 16-bit sample (ITU-T G.711)."""
    byte ^= 0xFF
    magnitude = (((byte & 15) << 3) + 132 << (byte >> 4 & 7)) - 132
    return -magnitude if byte & 0x80 else magnitude


def tone(amplitude, seconds=1.0, hertz=400):
    """As mu-law; whole periods, so that it may be repeated."""
    return bytes(ulaw(round(amplitude * math.sin(math.tau * hertz * i / 8000))) for i in range(int(8000 * seconds)))


def tone_db(amplitude):
    return 20 * math.log10(amplitude / math.sqrt(2) / 32768)


class Crowd:
    """Calls that go on, each in its own time, in a thread of their own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.run(self._leave())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _leave(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run(self, coroutine, seconds=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    def call(self, url, sound=b"\xff" * FRAME, custom=None, tracks=("inbound",)):
        """A caller who says `sound` over and over, in its time, until he is hung up on or hangs up."""
        caller = Caller(url, custom=custom, tracks=tracks)
        self.run(caller.connect())
        self.run(caller.start())
        caller.said = bytearray()
        asyncio.run_coroutine_threadsafe(self._talk(caller, sound), self.loop)
        caller.ended = asyncio.run_coroutine_threadsafe(caller.close_code(), self.loop)
        return caller

    async def _talk(self, caller, sound):
        origin, sent = time.monotonic(), 0
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.sleep(max(0, origin + sent / 8000 - time.monotonic()))
                at = sent % len(sound)
                caller.said += sound[at : at + FRAME]
                await caller.media(sound[at : at + FRAME])
                sent += FRAME

    def stop(self, caller):
        self.run(caller.stop())
        return caller.ended.result(30)


def live_id(server, sid):
    """Our id of the provider's call, as soon as it is live."""
    def look():
        status, page = admin(server).ask("GET", "/api/live-calls?limit=500")
        assert status == 200, page
        return next((call["call_id"] for call in page["calls"] if call["provider_call_id"] == sid), None)
    return wait_for(f"the live call {sid}", look)


class Listener:
    """Who listens in. `left` and `right` are bytes of 16-bit samples."""

    def __init__(self, server, call_id, query="", headers=None):
        self.url = f"ws://127.0.0.1:{server.control}/api/live-calls/{call_id}/listen{query}"
        self.headers = headers if headers is not None else admin(server).headers
        self.texts, self.sound, self.code = [], bytearray(), None

    async def open(self):
        self.socket = await websockets.connect(self.url, extra_headers=self.headers, compression=None, max_queue=None)
        return self

    async def hear(self, seconds=None, samples=0):
        """Until the server closes, or so many seconds have passed, or so many samples of a channel came."""
        deadline = time.monotonic() + (seconds or 60)
        try:
            while time.monotonic() < deadline and not (samples and len(self.sound) >= 4 * samples):
                self.take(await asyncio.wait_for(self.socket.recv(), deadline - time.monotonic()))
        except asyncio.TimeoutError:
            pass
        except websockets.ConnectionClosed:
            self.code = self.socket.close_code
        return self

    def take(self, message):
        if isinstance(message, str):
            self.texts.append(json.loads(message))
        else:
            self.sound += message

    def side(self, which):
        frames = memoryview(bytes(self.sound)).cast("h")
        return frames[which::2].tolist()


def find(needle, haystack):
    """Where one list of samples lies in another; -1: nowhere."""
    pack = lambda numbers: b"".join(number.to_bytes(2, "little", signed=True) for number in numbers)
    sought, text, at = pack(needle), pack(haystack), -2
    while True:
        at = text.find(sought, at + 2 if at >= 0 else 0)
        if at < 0:
            return -1
        if at % 2 == 0:
            return at // 2
        at -= 1


def user(server, role):
    """Somebody with that role, signed in."""
    email, password = f"{role}@example.com", "correct horse battery"
    status, body = wait_for("the user", lambda: (made := admin(server).ask(
        "POST", "/api/users", {"email": email, "password": password, "role": role}))[0] in (201, 409) and made)
    status, body = wait_for("the sign-in", lambda: (answer := Peer(server).login(email, password))[0] == 200 and answer)
    return Peer(server, body["token"])
