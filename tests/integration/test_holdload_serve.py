"""holdload serve: what it makes of every dialect, from holdload's own calls, from independent clients, and from the
providers' sample calls.

The clients of its own say how it is used; python3-websockets is nobody's of ours, and knows what it said."""

import asyncio
import base64
import json
import signal
import socket
import subprocess
import unittest
import zlib

import websockets

from server import HOLDLOAD
from serving import Serving
from test_dialects import transcript
from twilio_caller import Caller, speech

CALLS = 3


def formats():
    """(dialect, format) of all there are."""
    listed = subprocess.run([HOLDLOAD, "--list-dialects"], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        if line[0] != " ":
            dialect = line.split()[0]
        else:
            for form in line.split():
                yield dialect, form


def load(url, dialect, *arguments):
    done = subprocess.run([HOLDLOAD, "--url", url, "--dialect", dialect, "--json", "-", "--json-calls",
                           *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def all_of(sound):
    return {"bytes": len(sound), "adler32": zlib.adler32(sound)}


class Echo(unittest.TestCase):
    def test_every_dialect_in_every_format_comes_back(self):
        with Serving("--mode", "echo") as server:
            expected = []
            for dialect, form in formats():
                with self.subTest(f"{dialect} {form}"):
                    digits = dialect != "freeswitch"
                    status, report, complaints = load(server.url, dialect, "--format", form, "--calls", CALLS, "--echo",
                                                      "--duration", "600ms", *(("--dtmf", "12#") if digits else ()))
                    self.assertEqual((status, complaints), (0, ""), report)
                    self.assertEqual(report["frames_echoed"], report["frames_sent"])
                    sent = report["bytes_sent"] // CALLS
                    expected += [(call["callSid"] if dialect not in ("vonage", "azure") else "", dialect, form,
                                  "completed", sent, 3 * digits) for call in report["call_list"]]
            report = server.end()
            rows = [(call["call"], call["dialect"], call["format"], call["outcome"], call["heard"]["bytes"],
                     call["digits"]) for call in report["call_list"]]
            self.assertEqual(sorted(rows), sorted(expected))
            self.assertEqual({key: report[key] for key in ("lost", "reordered", "garbage", "unknown", "unsaid",
                                                           "foreign_format", "missing_audio")},
                             dict.fromkeys(("lost", "reordered", "garbage", "unknown", "unsaid", "foreign_format",
                                            "missing_audio"), 0))
            self.assertEqual(report["frames_said"], report["frames_heard"])

    def test_the_path_or_an_option_says_whose_call_it_is(self):
        for arguments, path in (((), "/media/twilio/echo"), ((), "/twilio"), ((), "/twilio?x=/vonage"),
                                (("--dialect", "twilio"), "/vonage")):
            with self.subTest(path), Serving("--mode", "echo", "--calls", 1, *arguments) as server:
                self.assertEqual(load(server.url + path, "twilio", "--echo", "--duration", "200ms")[0], 0)
                self.assertEqual([call["dialect"] for call in server.end(None)["call_list"]], ["twilio"])

    def test_an_independent_caller_hears_what_it_said(self):
        sound = speech(seconds=1)

        async def call(url):
            caller = Caller(url)
            self.assertEqual(await caller.talk(sound), 1000)
            return caller

        with Serving("--mode", "echo") as server:
            caller = asyncio.run(call(server.url + "/twilio"))
            self.assertEqual(b"".join(base64.b64decode(said["media"]["payload"]) for said in caller.heard), sound)
            row, = server.end()["call_list"]
            self.assertEqual({key: row["heard"][key] for key in ("bytes", "adler32")}, all_of(sound))
            self.assertEqual((row["outcome"], row["call"], row["stream"]),
                             ("completed", caller.call, caller.stream))


class Sink(unittest.TestCase):
    def test_nothing_is_said_back(self):
        with Serving("--calls", CALLS) as server:
            _, report, _ = load(server.url, "twilio", "--calls", CALLS, "--duration", "400ms")
            self.assertEqual((report["completed"], report["frames_heard"]), (CALLS, 0))
            report = server.end(None)
            self.assertEqual((report["completed"], report["frames_heard"], report["frames_said"]), (CALLS, CALLS * 20, 0))

    def test_conditions_set_the_exit_status(self):
        with Serving("--calls", 1, "--fail-if", "frames_heard<5", "--fail-if", "gap_p50>10s") as server:
            load(server.url, "twilio", "--duration", "200ms")
            server.end(None)
        with Serving("--calls", 1, "--fail-if", "frames_heard>5", "--fail-if", "lost>0") as server:
            load(server.url, "twilio", "--duration", "200ms")
            server.end(None, status=1)
            self.assertIn("--fail-if frames_heard>5: 10", server.complaints)
            self.assertNotIn("lost", server.complaints)

    def test_what_is_lost_late_or_nonsense_is_counted(self):
        def media(seq, **more):
            return json.dumps({"event": "media", "sequenceNumber": str(seq), "streamSid": "MZ1", "media": {
                "track": "inbound", "timestamp": str(20 * (seq - 2)), "payload": base64.b64encode(bytes(160)).decode(),
                **more}})

        messages = [
            '{"event":"connected","protocol":"Call","version":"1.0.0"}',
            '{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","callSid":"CA1",'
            '"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}',
            media(2), media(3), media(6), media(5), media(7),  # 4 is lost, 5 is late
            '{"event":"news","sequenceNumber":"8","streamSid":"MZ1"}',
            media(9, payload="not*base64"), '{"event":"media"', b"\0" * 160,
            media(10).replace("MZ1", "MZ2"), '{"event":"stop","sequenceNumber":"11","streamSid":"MZ1"}',
        ]

        async def call(url):
            async with websockets.connect(url, compression=None) as socket:
                for message in messages:
                    await socket.send(message)
                await socket.wait_closed()
                self.assertEqual(socket.close_code, 1000)

        with Serving("--calls", 1) as server:
            asyncio.run(call(server.url))
            report = server.end(None)
        seen = {key: report[key] for key in ("lost", "reordered", "unknown", "garbage", "frames_heard", "completed",
                                             "missing_audio")}
        self.assertEqual(seen, {"lost": 1, "reordered": 1, "unknown": 1, "garbage": 4, "frames_heard": 5,
                                "completed": 1, "missing_audio": 40})

    def test_a_codec_that_is_none_of_the_dialects_is_told(self):
        async def call(url):
            async with websockets.connect(url, compression=None) as socket:
                await socket.send('{"event":"websocket:connected","content-type":"audio/opus"}')

        with Serving("--calls", 1) as server:
            asyncio.run(call(server.url))
            report = server.end(None)
        self.assertEqual((report["foreign_format"], report["call_list"][0]["format"]), (1, ""))


class Marks(unittest.TestCase):
    def test_they_come_back_and_are_timed(self):
        with Serving("--mode", "echo", "--calls", 1, "--mark", "100ms", "--fail-if", "mark_p50>10s") as server:
            _, report, _ = load(server.url, "twilio", "--echo", "--duration", "1s")
            heard = server.end(None)
        self.assertGreaterEqual(heard["marks_said"], 2)
        self.assertEqual((heard["marks_back"], report["marks"]), (heard["marks_said"], heard["marks_said"]))
        self.assertGreaterEqual(heard["mark_max_ms"], heard["mark_p50_ms"])
        self.assertEqual(heard["garbage"], 0)

    def test_one_that_was_never_sent_is_counted_apart(self):
        async def call(url):
            async with websockets.connect(url + "/twilio", compression=None) as line:
                await line.send('{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1",'
                                  '"callSid":"CA1","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}}}')
                await line.send('{"event":"mark","sequenceNumber":"2","streamSid":"MZ1","mark":{"name":"1"}}')

        with Serving("--calls", 1) as server:
            asyncio.run(call(server.url))
            self.assertEqual(server.end(None)["marks_unasked"], 1)


class Strangers(unittest.TestCase):
    """Nobody's bytes harm the calls beside them."""

    def say(self, url, *pieces):
        """To the server, byte for byte; what it answered until it closed."""
        host, port = url.removeprefix("ws://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as line:
            for piece in pieces:
                line.sendall(piece)
            answer = b""
            try:
                while got := line.recv(65536):
                    answer += got
            except ConnectionResetError:
                pass
        return answer

    def test_whatever_they_say_the_others_go_on(self):
        handshake = (b"GET /twilio HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        went_wrong = b"\x88\x02\x03\xea"  # 1002
        with Serving("--mode", "echo") as server:
            good = subprocess.Popen([HOLDLOAD, "--url", server.url, "--dialect", "twilio", "--calls", "20", "--echo",
                                     "--duration", "3s"], stdout=subprocess.PIPE, text=True)
            for said, begins, ends in (
                    (b"\r\n\r\n", b"HTTP/1.1 400", b""), (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 426", b""),
                    (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 405", b""),
                    (b"GET / HTTP/1.1\r\nX: " + b"x" * 20000, b"HTTP/1.1 431", b""),
                    (handshake + b"\x81\x02hi", b"HTTP/1.1 101", went_wrong),  # not masked
                    (handshake + b"\xf1\x80abcd", b"HTTP/1.1 101", went_wrong),  # reserved bits
                    (handshake + b"\x81\xff" + b"\0\0\0\0\4\0\0\0abcd", b"HTTP/1.1 101", went_wrong)):  # 64 MiB
                with self.subTest(said[-30:]):
                    answer = self.say(server.url, said)
                    self.assertTrue(answer.startswith(begins) and answer.endswith(ends), answer)
            output, _ = good.communicate(timeout=60)
            self.assertEqual(good.returncode, 0, output)
            report = server.end()
        self.assertEqual((report["completed"], report["broken_protocol"]), (20, 7))
        self.assertEqual(report["statuses"], {"400": 1, "426": 1, "405": 1, "431": 1})

    def test_who_is_silent_is_let_go(self):
        async def call(url):
            async with websockets.connect(url, compression=None) as silent:
                await silent.send('{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}')
                await silent.wait_closed()

        with Serving("--calls", 1, "--idle", "300ms") as server:
            asyncio.run(call(server.url))
            self.assertEqual(server.end(None)["timeout"], 1)

    def test_more_than_there_is_room_for_wait_their_turn(self):
        with Serving("--max-calls", 2, "--calls", 6) as server:
            status, report, _ = load(server.url, "twilio", "--calls", 6, "--duration", "200ms")
            self.assertEqual((status, report["completed"]), (0, 6))
            self.assertEqual(server.end(None)["completed"], 6)


class Usage(unittest.TestCase):
    def run_it(self, *arguments):
        done = subprocess.run([HOLDLOAD, "serve", *arguments], capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout, done.stderr

    def test_what_is_wrong_is_said(self):
        for arguments, complaint in ((("--mode", "loud"), "--mode: it is sink or echo"),
                                     (("--dialect", "morse"), "--dialect: there is none of that name"),
                                     (("--threads", "0"), "--threads: a number from 1 to 64"),
                                     (("--tick", "-1"), "--tick: a number from 0"),
                                     (("--fail-if", "luck<1"), "--fail-if: write NAME OP VALUE"),
                                     (("--listen", "nowhere:x"), "--listen: write HOST:PORT"),
                                     (("now",), "now: unexpected; see --help")):
            with self.subTest(arguments):
                status, _, said = self.run_it(*arguments)
                self.assertEqual(status, 2)
                self.assertIn(complaint, said)

    def test_a_port_that_is_taken_is_said_and_is_no_usage_error(self):
        with Serving() as server:
            address = server.url.removeprefix("ws://")
            self.assertEqual(self.run_it("--listen", address),
                             (3, "", f"holdload: serve: --listen: {address}: Address already in use\n"))

    def test_the_first_signal_lets_calls_end_in_good_order(self):
        async def call(server):
            async with websockets.connect(server.url + "/twilio", compression=None) as line:
                await line.send('{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1",'
                                '"callSid":"CA1","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}}}')
                await line.send('{"event":"media","sequenceNumber":"2","streamSid":"MZ1","media":{"payload":"//8="}}')
                await line.recv()
                server.process.send_signal(signal.SIGINT)
                await line.wait_closed()
                return line.close_code

        with Serving("--mode", "echo") as server:
            self.assertEqual(asyncio.run(call(server)), 1001)
            self.assertEqual(server.end(None)["cancelled"], 1)


class Transcripts(unittest.TestCase):
    """Each provider's sample call, byte for byte, played by a client of nobody's."""

    KINDS = {"twilio": {}, "signalwire": {}, "telnyx": {}, "plivo": {}, "exotel": {}, "vonage": {},
             "asterisk": {"subprotocol": "media"}, "asterisk-plain": {"subprotocol": "media"},
             "jambonz": {"subprotocol": "audio.jambonz.org"}, "freeswitch": {"subprotocol": "audio.drachtio.org"},
             "audiohook": {"dialect": "genesys"}, "audiohook-bot": {"dialect": "genesys"}}

    async def play(self, url, messages, subprotocol=None, **_):
        heard = []
        async with websockets.connect(url, compression=None, max_size=None,
                                      subprotocols=subprotocol and [subprotocol]) as socket:
            self.assertEqual(socket.subprotocol, subprotocol)
            for message in messages:
                await socket.send(message)
            await socket.close()
            try:
                async for message in socket:
                    heard.append(message)
            except websockets.ConnectionClosed:
                pass
        return heard

    def sound(self, messages):
        """All samples, in the order in which they came."""
        sound = b""
        for message in messages:
            if isinstance(message, bytes):
                sound += message
                continue
            try:
                said = json.loads(message)
            except json.JSONDecodeError:
                continue  # Asterisk's words
            if said.get("event") == "media":
                sound += base64.b64decode(said["media"]["payload"] + "==")
        return sound

    def test_all_of_it_is_heard(self):
        with Serving() as server:
            for name, kind in self.KINDS.items():
                with self.subTest(name):
                    asyncio.run(self.play(server.url, transcript(name), **kind))
            report = server.end()
        self.assertEqual(len(report["call_list"]), len(self.KINDS))
        for (name, kind), row in zip(self.KINDS.items(), report["call_list"]):
            with self.subTest(name):
                self.assertEqual(row["dialect"], kind.get("dialect", name))
                self.assertNotEqual(row["format"], "")
                sound = self.sound(transcript(name))
                self.assertEqual({key: row["heard"][key] for key in ("bytes", "adler32")}, all_of(sound), row)
                self.assertEqual((row["outcome"], row["garbage"]), ("completed", 0), row)


if __name__ == "__main__":
    unittest.main()
