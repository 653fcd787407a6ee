"""Independent callers who come and go all the time, and know exactly what they did.

    crowd = Crowd("ws://127.0.0.1:8080/media/twilio/echo", lines=8, seed=1)
    crowd.phase = "during"       # what is measured from now on belongs to it
    crowd.end()                  # lets the calls in the line end as they like, then
    for call in crowd.calls: ... # what each of them knows

Each line places one call after the other: real speech, some digits and marks, parameters that are no
pleasure to quote, and an end that was its own choice. They share no code with the server or with holdload.
"""

import asyncio
import base64
import json
import random
import threading
import time

import websockets

from twilio_caller import FRAME, Caller, speech

SOUND = speech(seconds=4)
PAYLOADS = [base64.b64encode(SOUND[i : i + FRAME]).decode() for i in range(0, len(SOUND), FRAME)]
WORDS = ["O'Brien'); DROP TABLE calls; --", "Zoë \"Zed\" \\ Ünal 🎧", "", "\t\n\r", "null", "{\"a\": [1]}", "%s%n$1", "é" * 300]
GONE = (websockets.ConnectionClosed, websockets.InvalidHandshake, asyncio.TimeoutError, OSError, EOFError)

# How a call ended, as its caller sees it.
STOP = "stop"  # said stop, and the server closed with 1000
CUT = "cut"  # the caller broke off
BROKEN = "broken"  # they did
REFUSED = "refused"  # by a status, see `status`
NOBODY = "nobody"  # no answer to the handshake


class Said:
    """What one caller knows of its call."""

    def __init__(self, caller):
        self.sid, self.stream, self.account, self.custom = caller.call, caller.stream, caller.account, caller.custom
        self.started = self.stopped = False  # these were sent
        self.frames = self.heard = self.changed = 0
        self.marks, self.digits = [], ""
        self.began = self.ended = None  # wall time, of start and end
        self.how, self.status, self.close_code, self.wrong = None, None, None, None

    @property
    def events(self):
        """(kind, data) of each event that the row should have, digits and marks in their order each."""
        return ([("dtmf", {"digit": digit}) for digit in self.digits],
                [("mark", {"name": name, "way": "unasked"}) for name in self.marks])

    def __repr__(self):
        return f"<{self.sid} {self.how} {vars(self)}>"


class Crowd(threading.Thread):
    def __init__(self, url, lines=8, seed=1, longest=3.0, cut=0.05, patience=15.0):
        """`cut`: the part of them that breaks off. `patience`: for a handshake, a last echo, a close."""
        super().__init__(daemon=True)
        self.url, self.lines, self.longest, self.cut, self.patience = url, lines, longest, cut, patience
        self.random = random.Random(seed)
        self.calls, self.phase, self.echo_ms = [], "before", {}
        self.over, self.failure = threading.Event(), None

    # ---- for the test

    def end(self):
        """No new calls; returns when the last one is over."""
        self.over.set()
        self.join(120)
        assert not self.is_alive(), "a caller hangs"
        if self.failure:
            raise self.failure

    def quantile_ms(self, phase, part):
        times = sorted(self.echo_ms.get(phase, []))
        return times[min(int(len(times) * part), len(times) - 1)] if times else None

    def ended(self, *how):
        return [call for call in self.calls if call.how in how]

    # ---- the callers

    def run(self):
        try:
            asyncio.run(self.gather())
        except Exception as error:  # told by end()
            self.failure = error

    async def gather(self):
        await asyncio.gather(*(self.line() for _ in range(self.lines)))

    async def line(self):
        while not self.over.is_set():
            said = await self.call()
            if said.how in (NOBODY, REFUSED):
                await asyncio.sleep(0.1)

    def new_caller(self):
        custom = {f"k{i}": self.random.choice(WORDS) for i in range(self.random.randrange(4))}
        caller = Caller(self.url, custom=custom)
        # Their own count says nothing: the same may have called another server before.
        tail = f"{self.random.getrandbits(128):032x}"
        caller.account, caller.call, caller.stream = "AC" + tail, "CA" + tail, "MZ" + tail
        return caller

    async def call(self):
        caller = self.new_caller()
        said = Said(caller)
        try:
            await asyncio.wait_for(caller.connect(), self.patience)
        except websockets.InvalidStatusCode as error:
            said.how, said.status = REFUSED, error.status_code
        except GONE as error:
            said.how, said.wrong = NOBODY, repr(error)
        else:
            await self.talk(caller, said)
        if said.how is None:
            said.how = BROKEN
        self.calls.append(said)
        return said

    async def talk(self, caller, said):
        sent = []
        echoes = asyncio.create_task(self.listen(caller, said, sent))
        try:
            said.began = time.time()
            said.started = True  # from here on the server may know of it
            await caller.start()
            await self.say(caller, said, sent)
            if self.random.random() < self.cut:
                said.how = CUT
                caller.socket.transport.abort()
            else:
                await self.stop(caller, said, echoes)
        except GONE as error:
            said.wrong = repr(error)
        finally:
            said.ended = said.ended or time.time()
            echoes.cancel()
            said.close_code = caller.socket.close_code
            await caller.socket.close()

    async def say(self, caller, said, sent):
        count = max(1, int(self.random.uniform(0.1, self.longest) / 0.02))
        first, origin = self.random.randrange(len(PAYLOADS)), time.monotonic()
        for i in range(count):
            await asyncio.sleep(max(0.0, origin + i * 0.02 - time.monotonic()))
            payload = PAYLOADS[(first + i) % len(PAYLOADS)]
            sent.append((time.monotonic(), payload))
            await caller.socket.send(json.dumps(caller.numbered("media", media={
                "track": "inbound", "chunk": str(i + 1), "timestamp": str(i * 20), "payload": payload})))
            said.frames += 1
            if self.random.random() < 0.02:
                said.digits += self.random.choice("0123456789*#")
                await caller.dtmf(said.digits[-1])
            if self.random.random() < 0.02:
                said.marks.append(f"mark {len(said.marks)}")
                await caller.mark(said.marks[-1])

    async def stop(self, caller, said, echoes):
        """Waits for the last echo, hangs up, and sees the server close."""
        deadline = time.monotonic() + self.patience
        while said.heard < said.frames and not echoes.done() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        said.ended = time.time()
        said.stopped = True
        await caller.stop()
        await asyncio.wait_for(asyncio.shield(echoes), self.patience)
        if caller.socket.close_code == 1000:
            said.how = STOP

    async def listen(self, caller, said, sent):
        try:
            async for text in caller.socket:
                now, message = time.monotonic(), json.loads(text)
                if message["event"] != "media":
                    said.wrong = f"unexpected: {text[:200]}"
                    continue
                at, payload = sent[said.heard]
                said.heard += 1
                said.changed += message["media"]["payload"] != payload
                self.echo_ms.setdefault(self.phase, []).append((now - at) * 1000)
        except websockets.ConnectionClosed:
            pass
        except IndexError:
            said.wrong = "more echoes than frames"
