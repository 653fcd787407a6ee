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
from sounds import wav

HERE = os.path.dirname(os.path.abspath(__file__))


def transcript(name):
    """What the provider sends: texts, and bytes."""
    with open(os.path.join(HERE, "..", "transcripts", name + ".jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [line["data"] if line["type"] == "text" else base64.b64decode(line["data"])
            for line in lines if line["dir"] == "in"]


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


async def play(url, texts, closes, subprotocol=None, headers=None, until=0):
    """Sends them all, then reads until the server closes, or closes itself when it has heard `until` bytes of
    samples. What the server said."""
    heard = []
    async with websockets.connect(url, compression=None, max_size=None, extra_headers=headers,
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
        while sum(len(text) for text in heard if isinstance(text, bytes)) < until:
            await asyncio.sleep(0.01)
        if not closes:
            await socket.close()
        await asyncio.wait_for(listening, 30)
    return [json.loads(text) if isinstance(text, str) and text.startswith("{") else text for text in heard]


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
        heard = asyncio.run(play(self.server.ws(f"/media/{name}/echo"), sent, False, subprotocol,
                                 until=len(sound)))
        self.assertEqual(b"".join(heard), sound)
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

    def asterisk_call(self, name, **expected):
        sent = transcript(name)
        sound = b"".join(message for message in sent if isinstance(message, bytes))
        query = "SELECT * FROM calls WHERE provider = 'asterisk' AND state = 'ended' ORDER BY started_at"
        before = len(self.store.rows(query))
        heard = asyncio.run(play(self.server.ws("/media/asterisk/echo"), sent, False, "media", until=len(sound)))
        self.assertEqual(b"".join(message for message in heard if isinstance(message, bytes)), sound)
        row = wait_for("the final row", lambda: self.store.rows(query)[before:])[0]
        self.assertEqual(row["provider_call_id"], "1767261600.17")
        expected.update({"codec": "PCMU", "sample_rate": 8000, "frames_lost": 0, "frames_in": 101, "frames_out": 101,
                         "bytes_in": len(sound), "dtmf": "5#", "end_reason": "disconnect", "stream_id": "holdline"})
        self.assertEqual({key: row[key] for key in expected}, expected)
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        self.assertEqual(wav(row["recording_path"]), (7, 1, 8000, sound))
        kinds = self.store.rows(f"SELECT kind, data FROM call_events WHERE call_id = '{row['call_id']}'")
        self.assertEqual([event["data"]["name"] for event in kinds if event["kind"] == "mark"][0], "greeting")
        self.assertEqual(sum(event["kind"] == "error" for event in kinds), 1)
        return heard

    def test_asterisk_is_answered_in_its_own_words(self):
        heard = self.asterisk_call("asterisk", custom={"customer": "42", "MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE": "160"})
        self.assertEqual(heard[0], {"command": "ANSWER"})
        heard = self.asterisk_call("asterisk-plain", custom=None)
        self.assertEqual(heard[0], "ANSWER")

    def genesys_call(self, name, path, conversation, until=0):
        sent = transcript(name)
        heard = asyncio.run(play(self.server.ws(path), sent, False, until=until))
        row = self.row("genesys", conversation)
        answers = [message for message in heard if isinstance(message, dict)]
        self.assertEqual([message["seq"] for message in answers], list(range(1, len(answers) + 1)))
        self.assertEqual({message["id"] for message in answers}, {row["stream_id"]})
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        return row, answers, [message for message in sent if isinstance(message, bytes)], heard

    def test_genesys_monitor_has_both_sides_and_its_holes(self):
        row, answers, samples, _ = self.genesys_call("audiohook", "/media/genesys",
                                                     "090eaa2f-72fa-480a-83e0-8667ff89c0ec")
        self.assertEqual([message["type"] for message in answers],
                         ["opened", "pong", "pong", "updated", "pong", "closed"])
        self.assertEqual(answers[0]["parameters"]["media"], [
            {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}])
        expected = {"end_reason": "stop", "codec": "PCMU", "frames_in": len(samples), "frames_lost": 0,
                    "from_number": "+1-555-555-1234", "max_gap_ms": 400}
        self.assertEqual({key: row[key] for key in expected}, expected)
        encoding, channels, rate, sound = wav(row["recording_path"])
        self.assertEqual((encoding, channels, rate), (7, 2, 8000))
        # 400 ms before the resumption, 200 ms at the end; a message has 200 ms of both sides, 3,200 bytes.
        paused = next(i for i, message in enumerate(transcript("audiohook")) if '"resumed"' in str(message))
        before = 3200 * sum(isinstance(message, bytes) for message in transcript("audiohook")[:paused])
        left_out = next(i for i, message in enumerate(transcript("audiohook")) if '"discarded","seq"' in str(message))
        until = 3200 * sum(isinstance(message, bytes) for message in transcript("audiohook")[:left_out])
        said = b"".join(samples)
        self.assertEqual(sound, said[:before] + b"\xff" * 6400 + said[before:until] + b"\xff" * 3200 + said[until:])

    def test_genesys_bot_is_spoken_to(self):
        samples = [message for message in transcript("audiohook-bot") if isinstance(message, bytes)]
        size = sum(map(len, samples))
        sent_before_close = size  # echoed in steps of at most 200 ms
        row, answers, samples, heard = self.genesys_call("audiohook-bot", "/media/genesys/echo",
                                                         "2c1d4b7a-5e6f-4a8b-9c0d-1e2f3a4b5c6d")
        said = [message for message in heard if isinstance(message, bytes)]
        self.assertLessEqual(max(map(len, said)), 1600)
        self.assertTrue(b"".join(samples).startswith(b"".join(said)))
        self.assertLessEqual(sum(map(len, said)), sent_before_close)
        self.assertEqual([message["type"] for message in answers], ["opened", "pong", "closed"])
        expected = {"end_reason": "stop", "dtmf": "5#", "frames_in": len(samples), "frames_lost": 0}
        self.assertEqual({key: row[key] for key in expected}, expected)
        self.assertEqual(wav(row["recording_path"]), (7, 1, 8000, b"".join(samples)))

    def test_genesys_is_told_why_its_session_ends(self):
        messages = [json.loads(text) for text in transcript("audiohook") if isinstance(text, str)]
        messages[0]["parameters"]["conversationId"] = "11111111-1111-4111-8111-111111111111"
        for change, reason in (({"seq": 3}, "error"), ({"id": "x"}, "error"), ({"serverseq": 99}, "error")):
            with self.subTest(change):
                second = dict(messages[1], **change)
                heard = asyncio.run(play(self.server.ws("/media/genesys"),
                                         [json.dumps(messages[0]), json.dumps(second)], True))
                self.assertEqual([message["type"] for message in heard], ["opened", "disconnect"])
                self.assertEqual(heard[1]["parameters"]["reason"], reason)

    def test_genesys_probes_make_no_row(self):
        messages = [json.loads(text) for text in transcript("audiohook") if isinstance(text, str)]
        null = "00000000-0000-0000-0000-000000000000"
        messages[0]["parameters"]["conversationId"] = null
        close = dict(messages[-1], seq=2, serverseq=1)
        heard = asyncio.run(play(self.server.ws("/media/genesys"), [json.dumps(messages[0]), json.dumps(close)], False))
        self.assertEqual([message["type"] for message in heard], ["opened", "closed"])
        self.assertEqual(self.store.rows(f"SELECT * FROM calls WHERE provider_call_id = '{null}'"), [])

    def test_azure(self):
        sound = bytes(range(256)) * 25
        def data(samples, who="4:+1555"):
            return json.dumps({"kind": "AudioData", "audioData": {
                "timestamp": "2026-05-13T10:00:00.000Z", "participantRawID": who, "silent": False,
                "data": base64.b64encode(samples).decode()}})
        sent = [json.dumps({"kind": "AudioMetadata", "audioMetadata": {
                    "subscriptionId": "sub-1", "encoding": "PCM", "sampleRate": 16000, "channels": 1,
                    "length": 640}})]
        sent += [data(sound[at : at + 640]) for at in range(0, len(sound), 640)]
        sent += [data(b"\1" * 640, "8:acs:other"), json.dumps({"kind": "DtmfData", "dtmfData": {"data": "7"}})]
        heard = asyncio.run(play(self.server.ws("/media/azure/echo"), sent, False,
                                 headers={"x-ms-call-connection-id": "acs-1"}))
        row = self.row("azure", "acs-1")
        self.assertEqual(b"".join(base64.b64decode(m["AudioData"]["Data"]) for m in heard), sound)
        expected = {"codec": "L16", "sample_rate": 16000, "frames_in": 10, "frames_lost": 0, "dtmf": "7",
                    "stream_id": "sub-1", "end_reason": "disconnect"}
        self.assertEqual({key: row[key] for key in expected}, expected)
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        self.assertEqual(wav(row["recording_path"]), (1, 1, 16000, sound))

    def test_samples_of_two_tracks_take_turns(self):
        pairs = b"".join(struct.pack("<hh", i, -i) for i in range(1600))
        data = json.dumps({"callSid": "stereo-1", "accountSid": "a", "sampleRate": 8000, "mixType": "stereo"})
        heard = asyncio.run(play(self.server.ws("/media/jambonz/echo"), [data, pairs], False, "audio.jambonz.org",
                                 until=len(pairs) // 2))
        # The caller's side alone is what echo hears.
        self.assertEqual(b"".join(heard), b"".join(struct.pack("<h", i) for i in range(1600)))
        row = self.row("jambonz", "stereo-1")
        self.assertEqual((row["frames_in"], row["frames_lost"]), (1, 0))
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        self.assertEqual(wav(row["recording_path"]), (1, 2, 8000, pairs))

    def test_media_without_a_name_knows_whose_call_it_is(self):
        cases = {name: (name, None, None) for name in (
            "twilio", "signalwire", "telnyx", "plivo", "exotel", "vonage", "asterisk", "jambonz", "freeswitch")}
        cases.update({"asterisk-plain": ("asterisk", None, None), "audiohook": ("genesys", None, None)})
        for name, (provider, subprotocol, headers) in cases.items():
            with self.subTest(name):
                query = (f"SELECT * FROM calls WHERE provider = '{provider}' AND state = 'ended' "
                         "ORDER BY started_at")
                before = len(self.store.rows(query))
                asyncio.run(play(self.server.ws("/media"), transcript(name), False, subprotocol, headers))
                row = wait_for("its row", lambda: self.store.rows(query)[before:])[0]
                self.assertEqual(row["frames_in"], self.frames_of(name))

    def frames_of(self, name):
        """How many frames the row of a sample call has: those that come again or before the start do not count."""
        sent = transcript(name)
        if any(isinstance(message, bytes) for message in sent):
            return sum(isinstance(message, bytes) and len(message) > 0 for message in sent)
        messages = [json.loads(text) for text in sent]
        begin = next(i for i, m in enumerate(messages) if m.get("event") == "start")
        return sum(m.get("event") == "media" for m in messages[begin:])

    def test_the_handshake_may_say_it_already(self):
        samples = [b"\1\2" * 160] * 3
        for provider, subprotocol, headers in (
                ("jambonz", "audio.jambonz.org", None), ("freeswitch", "audio.drachtio.org", None)):
            with self.subTest(provider):
                query = f"SELECT * FROM calls WHERE provider = '{provider}' AND state = 'ended' AND frames_in = 3"
                before = len(self.store.rows(query))
                data = json.dumps({"callSid": "x"} if provider == "jambonz" else {"any": "thing"})
                asyncio.run(play(self.server.ws("/media"), [data] + samples, False, subprotocol, headers))
                wait_for("its row", lambda: len(self.store.rows(query)) == before + 1)

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
