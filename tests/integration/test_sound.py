"""Calls in every codec, with real speech, against the real server: the recording and what comes back are judged by
ffmpeg, or are to the bit what our own converter gives (which test_codecs.py holds to ffmpeg)."""

import asyncio
import base64
import json
import math
import operator
import os
import unittest

import websockets

from database import Sqlite
from server import Server, wait_for
from sounds import KEYS, ffmpeg, keys_as_sound, ours, run, samples, speech, wav

ROUTES = """
media:
  routes:
    - {path: /telnyx, provider: telnyx, handler: echo}
    - {path: /telnyx/L16, provider: telnyx, handler: echo, send_format: L16/16000}
    - {path: /telnyx/L16/24000, provider: telnyx, handler: echo, send_format: L16/24000}
    - {path: /telnyx/little, provider: telnyx, byte_order: little, handler: echo, send_format: L16/16000}
    - {path: /telnyx/G722, provider: telnyx, handler: echo, send_format: G722}
    - {path: /telnyx/OPUS, provider: telnyx, handler: echo, send_format: OPUS/48000}
    - {path: /asterisk, provider: asterisk, handler: echo}
    - {path: /plain, provider: plain, handler: echo}
    - {path: /freeswitch, provider: freeswitch}
    - {path: /freeswitch/events, provider: freeswitch, dtmf: events}
    - {path: /freeswitch/wide, provider: freeswitch, sample_rate: 16000}
    - {path: /twilio, provider: twilio}
    - {path: /twilio/audio, provider: twilio, dtmf: audio}
"""


def packets_of_ogg(content):
    """The packets of an Ogg file (RFC 3533), without the two of headers."""
    packets, at, part = [], 0, b""
    while at < len(content):
        count = content[at + 26]
        sizes, body = content[at + 27:at + 27 + count], at + 27 + count
        for size in sizes:
            part, body = part + content[body:body + size], body + size
            if size < 255:
                packets, part = packets + [part], b""
        at = body
    return packets[2:]


def alike(mine, theirs):
    """How many dB the second is above what is between the two."""
    between = sum((a - b) ** 2 for a, b in zip(mine, theirs))
    return 10 * math.log10(sum(b * b for b in theirs) / max(between, 1))


def cut(sound, size):
    return [sound[at:at + size] for at in range(0, len(sound), size)]


class Sound(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.config = os.path.join(cls.server.data_dir, "holdline.yaml")
        cls.server.configure(ROUTES)
        cls.server.start()
        cls.store = Sqlite(cls.server.data_dir)
        cls.narrow = speech()[16000 * 30:16000 * 33]
        cls.wide = ffmpeg(("s16le", 8000), ("s16le", 16000), cls.narrow)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    def talk(self, path, messages, until=0, close=True):
        """Plays the messages, hears at least so many bytes of audio, hangs up: (row, recording, what was heard)."""
        before = len(self.store.rows("SELECT call_id FROM calls WHERE state = 'ended'"))

        async def play():
            heard = []
            async with websockets.connect(self.server.ws(path), compression=None, max_size=None) as socket:
                async def listen():
                    async for text in socket:
                        if isinstance(text, bytes):
                            heard.append(text)
                        elif '"media"' in text:
                            heard.append(base64.b64decode(json.loads(text)["media"]["payload"]))

                listening = asyncio.create_task(listen())
                for message in messages:
                    await socket.send(message)
                while sum(map(len, heard)) < until:
                    await asyncio.sleep(0.01)
                await socket.close()
                await listening
            return heard

        heard = asyncio.run(asyncio.wait_for(play(), 60))
        rows = wait_for("the final row", lambda: self.store.rows(
            "SELECT * FROM calls WHERE state = 'ended' ORDER BY rowid")[before:])
        wait_for("the recording", lambda: os.path.exists(rows[0]["recording_path"]))
        return rows[0], wav(rows[0]["recording_path"]), heard

    @staticmethod
    def telnyx(codec, rate, frames):
        start = {"user_id": "u", "call_control_id": "c", "from": "+1", "to": "+2",
                 "media_format": {"encoding": codec, "sample_rate": rate, "channels": 1}}
        yield json.dumps({"event": "connected", "version": "1.0.0"})
        yield json.dumps({"event": "start", "sequence_number": "1", "start": start, "stream_id": "s"})
        for number, frame in enumerate(frames, 1):
            media = {"track": "inbound", "chunk": str(number), "timestamp": str(20 * number - 20),
                     "payload": base64.b64encode(frame).decode()}
            yield json.dumps({"event": "media", "sequence_number": str(number + 1), "media": media,
                              "stream_id": "s"})

    def expect(self, row, **expected):
        self.assertEqual({key: row[key] for key in expected}, expected)

    def same(self, heard, expected, frame):
        """All but the last frame or two, which wait for more or are filled up."""
        heard = b"".join(heard)
        self.assertGreaterEqual(len(heard), len(expected) - 2 * frame)
        end = len(expected) - 2 * frame
        self.assertEqual(heard[:end], expected[:end])

    def test_g722_is_recorded_as_ffmpeg_decodes_it_and_answered_in_mu_law(self):
        packed = ffmpeg(("s16le", 16000), ("g722", 16000), self.wide)
        answer = ours(("G722", 8000, "le"), ("PCMU", 8000, "le"), packed, 160)
        row, recording, heard = self.talk("/telnyx", self.telnyx("G722", 8000, cut(packed, 160)),
                                          len(answer) - 320)
        self.expect(row, codec="G722", sample_rate=16000, frames_lost=0, bytes_in=len(packed), end_reason="disconnect")
        self.assertEqual(recording, (1, 1, 16000, ffmpeg(("g722", 16000), ("s16le", 16000), packed)))
        self.same(heard, answer, 160)
        self.assertTrue(all(len(frame) % 160 == 0 for frame in heard), "20 ms at least")
        self.assertEqual(row["bytes_out"], sum(map(len, heard)))

    def test_g722_comes_back_as_g722(self):
        packed = ffmpeg(("s16le", 16000), ("g722", 16000), self.wide)
        again = ffmpeg(("s16le", 16000), ("g722", 16000), ffmpeg(("g722", 16000), ("s16le", 16000), packed))
        start = {"event": "MEDIA_START", "connection_id": "m", "channel": "WebSocket/m", "channel_id": "1.1",
                 "format": "g722", "optimal_frame_size": 160, "ptime": 20}
        row, _, heard = self.talk("/asterisk", [json.dumps(start), *cut(packed, 160)], len(again))
        self.expect(row, codec="G722", sample_rate=16000, bytes_in=len(packed), bytes_out=len(packed))
        self.assertEqual(b"".join(heard), again)
        _, _, heard = self.talk("/telnyx/G722", self.telnyx("G722", 8000, cut(packed, 160)), len(again))
        self.assertEqual(b"".join(heard), again)

    def test_the_networks_byte_order_is_telnyxs_unless_the_route_says_otherwise(self):
        swapped = ffmpeg(("s16le", 16000), ("s16be", 16000), self.wide)
        row, recording, heard = self.talk("/telnyx/L16", self.telnyx("L16", 16000, cut(swapped, 640)), len(swapped))
        self.expect(row, codec="L16", sample_rate=16000)
        self.assertEqual(recording, (1, 1, 16000, self.wide))
        self.assertEqual(b"".join(heard), swapped)
        _, recording, heard = self.talk("/telnyx/little", self.telnyx("L16", 16000, cut(self.wide, 640)),
                                        len(self.wide))
        self.assertEqual(recording, (1, 1, 16000, self.wide))
        self.assertEqual(b"".join(heard), self.wide)

    def test_the_wrong_byte_order_is_told(self):
        """Real speech as noise: a warning, and an event of the call; neither for the right order, nor for silence."""
        swapped = ffmpeg(("s16le", 16000), ("s16be", 16000), self.wide)
        for path, sound, wrong in (("/telnyx", self.wide, "big"), ("/telnyx/little", swapped, "little"),
                                   ("/telnyx", swapped, None), ("/telnyx/little", self.wide, None),
                                   ("/telnyx", bytes(64000), None), ("/telnyx", b"\0\1" * 32000, None)):
            with self.subTest(path=path, wrong=wrong):
                row, _, _ = self.talk(path, self.telnyx("L16", 16000, cut(sound, 640)))
                told = [line for line in self.server.log().splitlines()
                        if "[CALL_BYTE_ORDER]" in line and row["call_id"] in line]
                self.assertEqual([f"taken={wrong}" in line for line in told], [True] if wrong else [])
                events = self.store.rows(f"SELECT kind FROM call_events WHERE call_id = '{row['call_id']}'")
                self.assertEqual([event["kind"] for event in events].count("error"), len(told))

    def test_what_we_send_has_the_rate_that_the_route_says(self):
        alaw = ffmpeg(("s16le", 8000), ("alaw", 8000), self.narrow)
        for path, codec, rate, frame in (("/telnyx", "PCMU", 8000, 160), ("/telnyx/L16", "L16", 16000, 640),
                                         ("/telnyx/L16/24000", "L16", 24000, 960)):
            with self.subTest(path):
                answer = ours(("PCMA", 8000, "le"), (codec, rate, "be"), alaw)
                row, recording, heard = self.talk(path, self.telnyx("PCMA", 8000, cut(alaw, 160)),
                                                  len(answer) - 2 * frame)
                self.expect(row, codec="PCMA", sample_rate=8000)
                self.assertEqual(recording, (6, 1, 8000, alaw))
                self.same(heard, answer, frame)

    def test_the_route_says_the_rate_that_no_message_says(self):
        for path, words, rate in (("/freeswitch/wide", [], 16000), ("/freeswitch/wide", ["{}"], 16000),
                                  ("/freeswitch/wide", ['{"sampleRate":24000}'], 24000), ("/freeswitch", ["{}"], 8000)):
            with self.subTest(path=path, words=words):
                row, recording, _ = self.talk(path, [*words, *cut(self.wide, 640)])
                self.expect(row, codec="L16", sample_rate=rate)
                self.assertEqual(recording, (1, 1, rate, self.wide))

    def opus(self):
        """Packets that ffmpeg made, and what two decoders make of them at 48 kHz: libopus, by way of ffmpeg, and
        ffmpeg's own, which brings what it decodes to 48 kHz in another way."""
        ogg = run("ffmpeg", "-v", "error", "-f", "s16le", "-ar", 16000, "-ac", 1, "-i", "-", "-c:a", "libopus", "-b:a",
                  "32k", "-frame_duration", 20, "-f", "ogg", "-", data=self.wide)
        theirs = [samples(run("ffmpeg", "-v", "error", "-c:a", decoder, "-f", "ogg", "-i", "-", "-ar", 48000, "-ac", 1,
                              "-f", "s16le", "-", data=ogg)) for decoder in ("libopus", "opus")]
        return packets_of_ogg(ogg), theirs

    def opus_is_heard(self, path, messages, packets, theirs):
        row, recording, heard = self.talk(path, messages, 1000)
        self.expect(row, codec="OPUS", sample_rate=48000, frames_lost=0, bytes_in=sum(map(len, packets)))
        self.assertEqual(recording[:3], (1, 1, 48000))
        self.assertEqual(len(recording[3]), 2 * 960 * len(packets))
        skip = 312  # libopus's look-ahead, which a file says and a stream does not
        for decoder, least in zip(theirs, (40, 15)):
            self.assertGreater(alike(samples(recording[3])[skip:], decoder), least)
        return heard

    def test_opus_is_heard_as_others_hear_it_and_comes_back(self):
        packets, theirs = self.opus()
        heard = self.opus_is_heard("/telnyx/OPUS", self.telnyx("OPUS", 48000, packets), packets, theirs)
        piped = b"".join(len(packet).to_bytes(2, "big") + packet for packet in heard)
        back = samples(ours(("OPUS", 48000, "le"), ("L16", 48000, "le"), piped))
        self.assertEqual(len(back), 960 * len(heard), "20 ms each")
        before = theirs[0][24000:24000 + 24000]

        def match(delay):
            after = back[24000 + delay:48000 + delay]
            both = sum(map(operator.mul, before, after))
            return both / math.sqrt(sum(x * x for x in before) * sum(x * x for x in after))
        self.assertGreater(max(map(match, range(312, 912, 12))), 0.85)  # coded twice

    def test_opus_as_binary_messages(self):
        packets, theirs = self.opus()
        start = {"event": "start", "start": {"stream": "s", "format": {"encoding": "OPUS", "rate": 48000}}}
        self.opus_is_heard("/plain", [json.dumps(start), *packets], packets, theirs)

    def test_a_packet_that_is_none_is_lost_and_the_call_goes_on(self):
        packets, _ = self.opus()
        packets[10] = b"\xff\xff\xff"  # code 3 with 63 frames: more than 120 ms
        packets[20] = b""
        row, recording, _ = self.talk("/telnyx/OPUS", self.telnyx("OPUS", 48000, packets), 1000)
        self.expect(row, frames_in=len(packets), frames_lost=1, end_reason="disconnect")
        self.assertEqual(len(recording[3]), 2 * 960 * (len(packets) - 1))
        sums = self.store.rows(f"SELECT data FROM call_events WHERE call_id = '{row['call_id']}' AND kind = 'gap'")
        self.assertEqual(sums[-1]["data"]["unreadable"], 1)

    def keys(self, path, messages):
        row, _, _ = self.talk(path, messages)
        told = self.store.rows(f"SELECT data FROM call_events WHERE call_id = '{row['call_id']}' AND kind = 'dtmf' "
                               "ORDER BY rowid")
        self.assertEqual("".join(event["data"]["digit"] for event in told), row["dtmf"])
        return row["dtmf"]

    def test_keys_are_heard_where_no_message_tells_of_them(self):
        frames = cut(keys_as_sound(-10, -10, 100, 100), 320)
        self.assertEqual(self.keys("/freeswitch", ["{}", *frames]), KEYS)
        self.assertEqual(self.keys("/freeswitch/events", ["{}", *frames]), "")
        self.assertEqual(self.keys("/freeswitch", ["{}", *cut(self.narrow, 320)]), "")

    @staticmethod
    def twilio(frames, digit):
        yield json.dumps({"event": "start", "start": {"accountSid": "AC", "callSid": "CA", "streamSid": "MZ"}})
        for number, frame in enumerate(frames, 1):
            yield json.dumps({"event": "media", "streamSid": "MZ", "media": {
                "chunk": str(number), "timestamp": str(20 * number), "payload": base64.b64encode(frame).decode()}})
            if number == 20:
                yield json.dumps({"event": "dtmf", "streamSid": "MZ", "dtmf": {"digit": digit}})

    def test_keys_are_never_counted_twice(self):
        frames = cut(ffmpeg(("s16le", 8000), ("mulaw", 8000), keys_as_sound(-10, -10, 100, 100)), 160)
        self.assertEqual(self.keys("/twilio", self.twilio(frames, "9")), "9")
        self.assertEqual(self.keys("/twilio/audio", self.twilio(frames, "9")), KEYS)


if __name__ == "__main__":
    unittest.main()
