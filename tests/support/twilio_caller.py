"""An independent Twilio: Debian's python3-websockets, none of our own wire code.

A caller knows exactly what it said, so that a test can compare."""

import asyncio
import base64
import json
import struct
import time
import wave

import websockets

SPEECH = "/usr/share/asterisk/sounds/en_US_f_Allison/vm-intro.wav"
FRAME = 160  # bytes of mu-law: 20 ms


def ulaw(sample):
    """One 16-bit sample as mu-law (ITU-T G.711)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | (magnitude >> (segment + 3)) & 15) & 0xFF


def speech(path=SPEECH, seconds=None):
    """Real speech as mu-law, cut to whole frames."""
    with wave.open(path) as file:
        assert file.getframerate() == 8000 and file.getnchannels() == 1
        raw = file.readframes(file.getnframes())
    sound = bytes(ulaw(s) for (s,) in struct.iter_unpack("<h", raw))
    if seconds:
        sound = (sound * (int(seconds * 8000) // len(sound) + 1))[: int(seconds * 8000)]
    return sound[: len(sound) // FRAME * FRAME]


def wav_audio(path):
    """(channels, the bytes of the data chunk) of a mu-law WAV file."""
    with open(path, "rb") as file:
        content = file.read()
    assert content[:4] == b"RIFF" and content[8:12] == b"WAVE", content[:12]
    assert struct.unpack("<I", content[4:8])[0] + 8 in (len(content), len(content) + 1)
    at, channels = 12, None
    while at < len(content):
        name, size = content[at : at + 4], struct.unpack("<I", content[at + 4 : at + 8])[0]
        if name == b"fmt ":
            encoding, channels, rate = struct.unpack("<HHI", content[at + 8 : at + 16])
            assert (encoding, rate) == (7, 8000), (encoding, rate)  # 7: mu-law
        if name == b"data":
            return channels, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise AssertionError("no data chunk")


class Caller:
    """One call. Use its pieces, or `await caller.talk(sound)` for a whole one."""

    count = 0

    def __init__(self, url, tracks=("inbound",), custom=None, ssl=None):
        Caller.count += 1
        self.ssl, self.url, self.tracks, self.custom = ssl, url, list(tracks), custom or {}
        tail = f"{Caller.count:032x}"
        self.account, self.call, self.stream = "AC" + tail, "CA" + tail, "MZ" + tail
        self.seq, self.chunks, self.heard, self.socket = 0, {}, [], None

    async def connect(self):
        self.socket = await websockets.connect(self.url, compression=None, max_size=None, ssl=self.ssl)
        return self

    async def say(self, message):
        await self.socket.send(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    def numbered(self, event, **more):
        self.seq += 1
        return {"event": event, "sequenceNumber": str(self.seq), **more, "streamSid": self.stream}

    async def start(self, **changes):
        await self.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await self.say(self.numbered("start", start={
            "accountSid": self.account, "streamSid": self.stream, "callSid": self.call,
            "tracks": self.tracks, "customParameters": self.custom,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}, **changes}))

    async def media(self, frame, track="inbound", chunk=None, timestamp=None):
        self.chunks[track] = chunk or self.chunks.get(track, 0) + 1
        if timestamp is None:
            timestamp = (self.chunks[track] - 1) * 20
        await self.say(self.numbered("media", media={
            "track": track, "chunk": str(self.chunks[track]), "timestamp": str(timestamp),
            "payload": base64.b64encode(frame).decode()}))

    async def dtmf(self, digit):
        await self.say(self.numbered("dtmf", dtmf={"track": "inbound_track", "digit": digit}))

    async def mark(self, name):
        await self.say(self.numbered("mark", mark={"name": name}))

    async def stop(self):
        await self.say(self.numbered("stop", stop={"accountSid": self.account, "callSid": self.call}))

    async def close_code(self):
        """Reads until the server closes; the code it closed with."""
        try:
            while True:
                self.heard.append(json.loads(await asyncio.wait_for(self.socket.recv(), 30)))
        except websockets.ConnectionClosed:
            return self.socket.close_code

    async def frames(self, sound, paced=False):
        origin = time.monotonic()
        for i in range(0, len(sound), FRAME):
            if paced:
                await asyncio.sleep(max(0, origin + i / 8000 - time.monotonic()))
            await self.media(sound[i : i + FRAME])

    async def talk(self, sound, paced=False):
        await self.connect()
        await self.start()
        await self.frames(sound, paced)
        await self.stop()
        return await self.close_code()
