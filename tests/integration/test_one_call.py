"""One call of an independent client: its recording, its row, its end."""

import asyncio
import base64
import json
import os
import subprocess
import time
import unittest

from database import Postgres, Sqlite
from server import Server, wait_for
from twilio_caller import FRAME, Caller, speech, wav_audio


def ended_row(store, caller):
    query = f"SELECT * FROM calls WHERE provider_call_id = '{caller.call}' AND state = 'ended'"
    return wait_for("the final row", lambda: store.rows(query))[0]


class OneCall:
    """What holds in either store."""

    def test_real_speech_is_kept_bit_for_bit_and_its_row_is_true(self):
        sound = speech(seconds=3)
        caller = Caller(self.server.ws(), custom={"customer": "42", "name": "Zoë \"Zed\" \\ Ünal", "empty": "",
                                                  "from": "+15550001", "to": "+15550002"})

        async def call():
            await caller.connect()
            await caller.start()
            await caller.frames(sound[: 8000 * 2], paced=True)
            await caller.dtmf("5")
            await caller.mark("greeting")
            await caller.frames(sound[8000 * 2 :], paced=True)
            await caller.dtmf("#")
            await caller.stop()
            return await caller.close_code()

        before = time.time()
        self.assertEqual(asyncio.run(call()), 1000)
        row = ended_row(self.store, caller)
        expected = {
            "provider": "twilio", "provider_call_id": caller.call, "stream_id": caller.stream,
            "account_id": caller.account, "state": "ended", "end_reason": "stop", "codec": "PCMU",
            "sample_rate": 8000, "frames_in": len(sound) // FRAME, "bytes_in": len(sound), "frames_out": 0,
            "bytes_out": 0, "frames_lost": 0, "frames_late": 0, "frames_dropped": 0,
            "max_gap_ms": 0, "dtmf": "5#", "custom": caller.custom,
            "from_number": "+15550001", "to_number": "+15550002", "direction": None,
            "node_id": self.server.settings["node.id"],
        }
        self.assertEqual({key: row[key] for key in expected}, expected)
        self.assertAlmostEqual(row["duration_ms"], 3000, delta=2000)
        self.assertIn(time.strftime("%Y-%m-%d", time.gmtime(before)), row["started_at"])
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        self.assertEqual(wav_audio(row["recording_path"]), (1, sound))
        events = self.store.rows(f"SELECT kind, data FROM call_events WHERE call_id = '{row['call_id']}' ORDER BY at")
        self.assertEqual([event["kind"] for event in events], ["dtmf", "mark", "dtmf"])
        self.assertEqual(self.store.rows("SELECT count(*) AS n FROM calls WHERE state = 'live'")[0]["n"], 0)

    def test_two_tracks_are_two_channels_of_one_time(self):
        sound = speech(seconds=1)
        caller = Caller(self.server.ws(), tracks=("inbound", "outbound"))

        async def call():
            await caller.connect()
            await caller.start()
            for i in range(0, len(sound), FRAME):
                await caller.media(sound[i : i + FRAME])
                await caller.media(bytes(reversed(sound[i : i + FRAME])), track="outbound")
            await caller.stop()
            await caller.close_code()

        asyncio.run(call())
        row = ended_row(self.store, caller)
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        channels, audio = wav_audio(row["recording_path"])
        self.assertEqual((channels, audio[0::2]), (2, sound))
        for i in range(0, len(sound), FRAME):
            self.assertEqual(audio[1::2][i : i + FRAME], bytes(reversed(sound[i : i + FRAME])))

    def test_what_is_missing_is_counted_and_becomes_silence(self):
        sound = speech(seconds=1)
        caller = Caller(self.server.ws())

        async def call():
            await caller.connect()
            await caller.start()
            await caller.frames(sound[: 20 * FRAME])
            await caller.media(sound[23 * FRAME : 24 * FRAME], chunk=24)
            await caller.media(sound[23 * FRAME : 24 * FRAME], chunk=24)  # once more
            await caller.frames(sound[24 * FRAME :])
            await caller.stop()
            await caller.close_code()

        asyncio.run(call())
        row = ended_row(self.store, caller)
        self.assertEqual((row["frames_lost"], row["max_gap_ms"]), (3, 60))
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        silence = b"\xff" * (3 * FRAME)
        self.assertEqual(wav_audio(row["recording_path"])[1],
                         sound[: 20 * FRAME] + silence + sound[23 * FRAME :])

    def test_each_end_has_its_reason_and_its_close_code(self):
        async def ends(do, reason, code):
            caller = await Caller(self.server.ws()).connect()
            await caller.start()
            await caller.media(b"\xff" * FRAME)
            await do(caller)
            self.assertEqual(await caller.close_code(), code, reason)
            return caller, reason

        async def raw(caller, message):
            await caller.socket.send(message)

        async def hang_up(caller):
            caller.socket.transport.abort()

        async def all_of_them():
            bad = "protocol_error"
            return [
                await ends(lambda c: c.stop(), "stop", 1000),
                await ends(lambda c: c.socket.close(), "disconnect", 1000),
                await ends(hang_up, "disconnect", 1006),
                await ends(lambda c: raw(c, b"\x00\x01"), bad, 1003),
                await ends(lambda c: raw(c, "{"), bad, 1007),
                await ends(lambda c: raw(c, "[]"), bad, 1002),
                await ends(lambda c: raw(c, '{"event":1}'), bad, 1002),
                await ends(lambda c: raw(c, '{"event":"media","media":{"payload":"%%%%"}}'), bad, 1007),
                await ends(lambda c: raw(c, '{"event":"media","media":{}}'), bad, 1002),
                await ends(lambda c: raw(c, '{"event":"media","media":{"payload":"//8=","chunk":"x"}}'), bad, 1002),
                await ends(lambda c: c.start(), bad, 1002),
                await ends(lambda c: raw(c, '{"event":"mark","streamSid":"other","mark":{"name":"x"}}'), bad, 1002),
                await ends(lambda c: raw(c, json.dumps({"event": "mark", "x": "y" * 70000})), bad, 1009),
                await ends(lambda c: asyncio.sleep(0), "idle_timeout", 1008),
            ]

        for caller, reason in asyncio.run(all_of_them()):
            rows = self.store.rows(f"SELECT * FROM calls WHERE provider_call_id = '{caller.call}'")
            row = ended_row(self.store, caller)
            self.assertEqual(row["end_reason"], reason)
            self.assertEqual(len(rows), 1)
            if reason == "protocol_error":
                errors = self.store.rows(f"SELECT data FROM call_events WHERE call_id = '{row['call_id']}' "
                                         "AND kind = 'error'")
                self.assertEqual(len(errors), 1)

    def test_unknown_events_and_order_of_keys_disturb_nothing(self):
        sound = speech(seconds=0.5)
        caller = Caller(self.server.ws())

        async def call():
            await caller.connect()
            await caller.start()
            await caller.say({"event": "somethingNew", "streamSid": caller.stream, "x": {"a": 1}})
            for i in range(0, len(sound), FRAME):
                message = caller.numbered("media", media={"payload": "", "chunk": i // FRAME + 1, "timestamp": i // 8})
                message["media"]["payload"] = base64.b64encode(sound[i : i + FRAME]).decode()
                await caller.socket.send(json.dumps(dict(reversed(message.items())), indent=i % 3 or None))
            await caller.stop()
            return await caller.close_code()

        self.assertEqual(asyncio.run(call()), 1000)
        row = ended_row(self.store, caller)
        self.assertEqual((row["frames_in"], row["end_reason"]), (len(sound) // FRAME, "stop"))

    def test_without_a_start_there_is_no_row(self):
        before = self.store.rows("SELECT count(*) AS n FROM calls")

        async def silent():
            caller = await Caller(self.server.ws()).connect()
            return await caller.close_code()

        self.assertEqual(asyncio.run(silent()), 1008)
        self.assertEqual(self.store.rows("SELECT count(*) AS n FROM calls"), before)
        wait_for("it to be counted", lambda: "start_timeout" in self.server.get("/metrics")[1])

    def test_echo_says_back_the_same_frames(self):
        sound = speech(seconds=1)
        caller = Caller(self.server.ws("/media/twilio/echo"))
        asyncio.run(caller.talk(sound))
        heard = b"".join(base64.b64decode(m["media"]["payload"]) for m in caller.heard)
        self.assertEqual(heard, sound)
        self.assertTrue(all(set(m) == {"event", "streamSid", "media"} and m["streamSid"] == caller.stream
                            for m in caller.heard))
        row = ended_row(self.store, caller)
        self.assertEqual((row["frames_out"], row["bytes_out"]), (len(sound) // FRAME, len(sound)))

    def test_metrics_are_right_for_prometheus(self):
        text = self.server.get("/metrics")[1]
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        series = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual(len(series), len(set(series)))  # promtool lets duplicates pass

    def test_holdctl_shows_the_call(self):
        caller = Caller(self.server.ws())
        asyncio.run(caller.talk(speech(seconds=0.2)))
        row = ended_row(self.store, caller)
        self.assertIn(caller.call, self.server.holdctl("call", "show", row["call_id"]).stdout)
        listed = self.server.holdctl("--json", "call", "list", "--state", "ended").stdout.splitlines()
        self.assertIn(row["call_id"], [json.loads(line)["call_id"] for line in listed])
        self.assertEqual(self.server.holdctl("status").returncode, 0)
        self.assertEqual(self.server.get("/health/db"), (200, '{"status":"healthy"}'))


class InSqlite(OneCall, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(media__idle_timeout="2s", media__start_timeout="1s", node__id="test-node").start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)


class InPostgres(OneCall, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Postgres().start()
        cls.addClassCleanup(cls.store.close)
        cls.server = Server(media__idle_timeout="2s", media__start_timeout="1s", node__id="test-node",
                            database__url=cls.store.url).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)
