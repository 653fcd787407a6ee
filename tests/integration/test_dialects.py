"""Each provider's sample call, byte for byte: its row, its recording, and what we say to it.

tests/transcripts/*.jsonl has what the provider sends ("in") and what may be sent to it ("out"). Here the
first half is played to the server, and what must come of it is worked out from the file itself.
"""

import asyncio
import base64
import json
import os
import struct
import unittest

import websockets

from database import Sqlite
from server import Server, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


def transcript(name):
    """What the provider sends: texts, and bytes."""
    with open(os.path.join(HERE, "..", "transcripts", name + ".jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [line["data"] if line["type"] == "text" else base64.b64decode(line["data"])
            for line in lines if line["dir"] == "in"]


def wav(path):
    """(encoding, channels, rate, audio) of a WAV file."""
    with open(path, "rb") as file:
        content = file.read()
    at, form = 12, None
    while at < len(content):
        name, size = content[at : at + 4], struct.unpack("<I", content[at + 4 : at + 8])[0]
        if name == b"fmt ":
            form = struct.unpack("<HHI", content[at + 8 : at + 16])
        if name == b"data":
            return (*form, content[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    raise AssertionError("no data chunk")


def audio_in_order(messages):
    """The payloads by their chunk, each once; messages missing are silence of the same length."""
    frames = {}
    for message in messages:
        if message.get("event") == "media":
            chunk = int(message["media"]["chunk"])
            frames.setdefault(chunk, base64.b64decode(message["media"]["payload"] + "=="))
    return [frames.get(n) for n in range(min(frames), max(frames) + 1)]


def digits(messages):
    return "".join(m["dtmf"]["digit"] for m in messages if m.get("event") == "dtmf")


async def play(url, texts, closes, subprotocol=None):
    """Sends them all, then reads until the server closes, or closes itself. What the server said."""
    heard = []
    async with websockets.connect(url, compression=None, max_size=None,
                                  subprotocols=subprotocol and [subprotocol]) as socket:
        assert socket.subprotocol == subprotocol
        async def listen():
            try:
                async for text in socket:
                    heard.append(text)
            except websockets.ConnectionClosed:
                pass

        listening = asyncio.create_task(listen())
        for text in texts:
            await socket.send(text)
        if not closes:
            await socket.close()
        await asyncio.wait_for(listening, 30)
    return [json.loads(text) if isinstance(text, str) else text for text in heard]


class Dialects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    def call(self, name, stops=True, path=None):
        texts = transcript(name)
        messages = [json.loads(text) for text in texts]
        start = next(m for m in messages if m.get("event") == "start")
        heard = asyncio.run(play(self.server.ws(path or f"/media/{name}"), texts, stops))
        return messages, start["start"], heard

    def row(self, provider, call_id):
        query = (f"SELECT * FROM calls WHERE provider = '{provider}' AND provider_call_id = '{call_id}' "
                 "AND state = 'ended' ORDER BY started_at DESC")
        return wait_for("the final row", lambda: self.store.rows(query))[0]

    def expect(self, row, messages, encoding, silence, **expected):
        frames = audio_in_order(messages)
        expected["dtmf"] = digits(messages)
        expected["frames_lost"] = frames.count(None)
        self.assertEqual({key: row[key] for key in expected}, expected)
        self.assertEqual(row["bytes_in"], sum(len(base64.b64decode(m["media"]["payload"] + "==")) for m in messages
                                              if m.get("event") == "media"))
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        usual = len(next(frame for frame in frames if frame))
        sound = b"".join(silence * usual if frame is None else frame for frame in frames)
        self.assertEqual(wav(row["recording_path"]), (encoding, 1, row["sample_rate"], sound))

    def test_twilio(self):
        messages, start, _ = self.call("twilio")
        self.expect(self.row("twilio", start["callSid"]), messages, 7, b"\xff", end_reason="stop", codec="PCMU",
                    sample_rate=8000, stream_id=start["streamSid"], account_id=start["accountSid"],
                    custom=start["customParameters"])

    def test_signalwire(self):
        messages, start, _ = self.call("signalwire")
        self.expect(self.row("signalwire", start["callSid"]), messages, 1, b"\0", end_reason="stop", codec="L16",
                    sample_rate=16000, stream_id=start["streamSid"], account_id=start["accountSid"], custom=None)

    def test_telnyx(self):
        messages, start, _ = self.call("telnyx")
        stream = next(m for m in messages if m.get("event") == "start")["stream_id"]
        row = self.row("telnyx", start["call_control_id"])
        complaints = self.store.rows("SELECT data FROM call_events WHERE kind = 'error' AND "
                                     f"call_id = '{row['call_id']}'")
        self.assertEqual(len(complaints), sum(m.get("event") == "error" for m in messages))
        # Two messages came too early: what was put in order afterwards was never lost.
        self.expect(row, messages, 7, b"\xff", end_reason="stop", codec="PCMU", sample_rate=8000, stream_id=stream,
                    account_id=start["user_id"], from_number=start["from"], to_number=start["to"],
                    custom=start["custom_parameters"])

    def test_plivo(self):
        messages, start, _ = self.call("plivo", stops=False)
        self.expect(self.row("plivo", start["callId"]), messages, 7, b"\xff", end_reason="disconnect", codec="PCMU",
                    sample_rate=8000, stream_id=start["streamId"], account_id=start["accountId"],
                    custom={"X-PH-customer": "42", "X-PH-lang": "en"})

    def test_exotel(self):
        messages, start, _ = self.call("exotel")
        self.expect(self.row("exotel", start["call_sid"]), messages, 1, b"\0", end_reason="stop", codec="L16",
                    sample_rate=8000, stream_id=start["stream_sid"], account_id=start["account_sid"],
                    from_number=start["from"], to_number=start["to"], custom=start["custom_parameters"])

    def binary_call(self, name, rate, marks=(), subprotocol=None, sent=None, **expected):
        """A call whose audio is binary, said back: its row."""
        sent = sent or transcript(name)
        sound = b"".join(message for message in sent if isinstance(message, bytes))
        query = f"SELECT * FROM calls WHERE provider = '{name}' AND state = 'ended' ORDER BY started_at DESC"
        before = len(self.store.rows(query))
        heard = asyncio.run(play(self.server.ws(f"/media/{name}/echo"), sent, False, subprotocol))
        self.assertEqual(b"".join(heard), sound[: len(sound) // 2 * 2])
        row = wait_for("the final row", lambda: self.store.rows(query)[: -before or None])[0]
        expected.update({"codec": "L16", "sample_rate": rate, "frames_lost": 0, "bytes_in": len(sound),
                         "bytes_out": len(sound), "end_reason": "disconnect", "stream_id": None})
        self.assertEqual({key: row[key] for key in expected}, expected)
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        self.assertEqual(wav(row["recording_path"]), (1, 1, rate, sound))
        events = self.store.rows(f"SELECT data FROM call_events WHERE call_id = '{row['call_id']}' AND kind = 'mark'")
        self.assertEqual([event["data"]["name"] for event in events], list(marks))
        return row

    def test_vonage(self):
        self.binary_call("vonage", 16000, ["greeting"], dtmf="5#",
                         custom={"customer": "42", "caller-id": "447700900001", "lang": "en-GB"})

    def test_jambonz(self):
        data = json.loads(transcript("jambonz")[0])
        self.binary_call("jambonz", 8000, ["greeting", "menu start", "menu end"], "audio.jambonz.org", dtmf="1#",
                         custom=data, from_number=data["from"], to_number=data["to"], direction="inbound",
                         provider_call_id=data["callSid"], account_id=data["accountSid"])

    def test_freeswitch(self):
        sent = transcript("freeswitch")
        data = json.loads(sent[0])
        self.binary_call("freeswitch", 8000, (), "audio.drachtio.org", custom=data, provider_call_id=data["callId"],
                         from_number="1001", to_number="5000", dtmf="")
        samples = [message for message in sent if isinstance(message, bytes)]
        for words in ([], ["free text, no JSON"], ["[1, 2]"]):
            with self.subTest(words):
                self.binary_call("freeswitch", 8000, sent=words + samples + ["DTMF 5"] + samples,
                                 custom=None, provider_call_id=None)

    def test_plain(self):
        sound = bytes(range(256)) * 25
        for codec, rate, encoding in (("PCMU", 8000, 7), ("PCMA", 8000, 6), ("L16", 24000, 1)):
            with self.subTest(codec):
                start = {"event": "start", "start": {
                    "stream": "s1", "call": "c-" + codec, "account": "a1", "from": "+1", "to": "+2",
                    "custom": {"x": "y"}, "format": {"encoding": codec, "rate": rate}}}
                half = {"event": "media", "media": {"payload": base64.b64encode(sound[3200:]).decode()}}
                sent = [json.dumps(start), sound[:3200], json.dumps(half),
                        '{"event":"dtmf","dtmf":{"digit":"7"}}', '{"event":"stop"}']
                heard = asyncio.run(play(self.server.ws("/media/plain/echo"), sent, True))
                self.assertEqual(b"".join(heard), sound)
                row = self.row("plain", "c-" + codec)
                expected = {"codec": codec, "sample_rate": rate, "dtmf": "7", "from_number": "+1", "to_number": "+2",
                            "stream_id": "s1", "account_id": "a1", "custom": {"x": "y"}, "end_reason": "stop"}
                self.assertEqual({key: row[key] for key in expected}, expected)
                wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
                self.assertEqual(wav(row["recording_path"]), (encoding, 1, rate, sound))

    def test_what_is_heard_is_said_back_in_the_same_words(self):
        payload = {
            "twilio": lambda m: m["media"]["payload"] if m["event"] == "media" else None,
            "plivo": lambda m: m["media"]["payload"] if m["event"] == "playAudio" else None,
        }
        for name in ("twilio", "signalwire", "telnyx", "plivo", "exotel"):
            with self.subTest(name):
                messages, _, heard = self.call(name, stops=name != "plivo", path=f"/media/{name}/echo")
                said = b"".join(base64.b64decode(payload.get(name, payload["twilio"])(m)) for m in heard)
                sent = [base64.b64decode(m["media"]["payload"] + "==") for m in messages if m.get("event") == "media"]
                if name == "telnyx":  # out of order there: what came late was not said any more
                    self.assertGreaterEqual(len(said), len(b"".join(sent)) - 4 * 160)
                else:
                    self.assertEqual(said, b"".join(sent))


if __name__ == "__main__":
    unittest.main()
