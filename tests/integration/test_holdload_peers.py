"""holdload against servers of the test's own: TLS, what is refused, and providers whose answers matter."""

import http
import json
import ssl
import subprocess
import tempfile
import unittest

from certificates import Authority
from hostile import Hostile
from server import HOLDLOAD


async def echo_twilio(socket):
    async for message in socket:
        said = json.loads(message)
        if said["event"] == "stop":
            return
        if said["event"] == "media":
            await socket.send(json.dumps({"event": "media", "streamSid": said["streamSid"],
                                          "media": {"payload": said["media"]["payload"]}}))


async def echo_genesys(socket):
    """Takes the offer of one channel or of two, and says the first one back; a stickler for numbers."""
    heard = said = sent = channels = width = 0
    session = socket.request_headers["Audiohook-Session-Id"]

    async def say(kind, parameters):
        nonlocal said
        said += 1
        await socket.send(json.dumps({"version": "2", "type": kind, "seq": said, "clientseq": heard, "id": session,
                                      "parameters": parameters}))

    async for message in socket:
        if isinstance(message, bytes):
            step = width * channels
            sent += len(message) / step / 8000
            await socket.send(b"".join(message[at : at + width] for at in range(0, len(message), step)))
            continue
        data = json.loads(message)
        heard += 1
        assert (data["version"], data["id"], data["seq"]) == ("2", session, heard), data
        assert data["serverseq"] <= said and float(data["position"][2:-1]) == round(sent, 3), (data, sent)
        if data["type"] == "open":
            media = data["parameters"]["media"][0 if socket.path == "/two" else 1]
            channels, width = len(media["channels"]), 1 if media["format"] == "PCMU" else 2
            await say("opened", {"media": [media]})
        elif data["type"] == "ping":
            await say("pong", {})
        elif data["type"] == "close":
            assert data["parameters"] == {"reason": "end"}, data
            await say("closed", {})


async def echo_asterisk(socket):
    plain = False
    async for message in socket:
        if isinstance(message, bytes):
            await socket.send(message)
        elif "MEDIA_START" in message:
            plain = message[0] != "{"
            await socket.send("ANSWER" if plain else '{"command":"ANSWER"}')
            await socket.send("MARK_MEDIA greeting" if plain else
                              '{"command":"MARK_MEDIA","correlation_id":"greeting"}')
        elif "MARK_PROCESSED" in message:
            assert message == "MEDIA_MARK_PROCESSED greeting" if plain else \
                json.loads(message)["correlation_id"] == "greeting"


async def fill_asterisk(socket):
    """Half a minute of audio at once, until it is told to stop; then it is taken back."""
    told = []
    await socket.recv()
    for _ in range(30):
        await socket.send(bytes(8000))
    async for message in socket:
        if isinstance(message, str):
            told.append(json.loads(message)["event"])
            if told == ["MEDIA_XOFF"]:
                await socket.send('{"command":"FLUSH_MEDIA"}')
            if told == ["MEDIA_XOFF", "MEDIA_XON"]:
                await socket.send('{"command":"MARK_MEDIA","correlation_id":"told"}')


async def echo_azure(socket):
    assert socket.request_headers["x-ms-call-connection-id"]
    async for message in socket:
        data = json.loads(message)
        if data["kind"] == "AudioData":
            await socket.send(json.dumps({"Kind": "AudioData", "AudioData": {"Data": data["audioData"]["data"]},
                                          "StopAudio": None}))


async def say_nothing(socket):
    await socket.wait_closed()


async def cut_otherwise(socket):
    """Says all back in pieces that are none of the caller's."""
    rest = b""
    async for message in socket:
        if isinstance(message, bytes):
            rest += message
            while len(rest) >= 500:
                await socket.send(rest[:500])
                rest = rest[500:]
        elif json.loads(message)["event"] == "stop":
            await socket.send(rest)
            return


async def swap_two(socket):
    """Says the third second back with one bit turned."""
    count = 0
    async for message in socket:
        if isinstance(message, bytes):
            count += 1
            await socket.send(bytes([message[0] ^ (count == 3)]) + message[1:])
        elif json.loads(message)["event"] == "stop":
            return


class Load(unittest.TestCase):
    def load(self, port, dialect, *arguments, scheme="ws", path="/", host="127.0.0.1"):
        done = subprocess.run(
            [HOLDLOAD, "--url", f"{scheme}://{host}:{port}{path}", "--dialect", dialect, "--json", "-", *arguments],
            capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def serve(self, behave, **options):
        server = Hostile(behave, **options)
        self.addCleanup(server.close)
        return server.port


class Peers(Load):
    def echo(self, behave, dialect, *arguments, path="/", **options):
        status, report, complaints = self.load(self.serve(behave, **options), dialect, "--calls", "3", "--echo",
                                               "--duration", "1s", *arguments, path=path)
        self.assertEqual((status, complaints), (0, ""), report)
        self.assertEqual([report[key] for key in ("completed", "lost", "changed", "garbage")], [3, 0, 0, 0])
        self.assertEqual(report["frames_echoed"], report["frames_sent"])
        return report

    def test_genesys_in_one_channel_and_in_two(self):
        for path, channels in (("/one", 1), ("/two", 2)):
            for form, width in (("PCMU", 1), ("L16/8000", 2)):
                with self.subTest(path + form):
                    report = self.echo(echo_genesys, "genesys", "--format", form, "--dtmf", "1#", path=path)
                    self.assertEqual(report["bytes_sent"], 3 * 8000 * channels * width)

    def test_asterisk_in_json_and_in_words(self):
        for dialect in ("asterisk", "asterisk-plain"):
            with self.subTest(dialect):
                report = self.echo(echo_asterisk, dialect, "--dtmf", "5", subprotocols=["media"])
                self.assertEqual(report["marks"], 3)

    def test_asterisk_says_that_its_queue_is_full(self):
        status, report, _ = self.load(self.serve(fill_asterisk, subprotocols=["media"]), "asterisk", "--duration", "1s")
        self.assertEqual((status, report["clears"], report["marks"]), (0, 1, 1), report)

    def test_azure(self):
        for form in ("L16/24000", "L16/16000"):
            with self.subTest(form):
                self.echo(echo_azure, "azure", "--format", form, "--dtmf", "5")

    def test_a_subprotocol_that_was_not_agreed_ends_the_call(self):
        status, report, _ = self.load(self.serve(say_nothing), "asterisk", "--duration", "1s")
        self.assertEqual((status, report["broken_protocol"]), (1, 1), report)

    def test_echoes_may_be_cut_otherwise(self):
        self.echo(cut_otherwise, "plain", "--format", "L16/16000")

    def test_one_bit_that_turned_is_seen(self):
        status, report, _ = self.load(self.serve(swap_two), "plain", "--echo", "--duration", "1s")
        self.assertEqual((status, report["changed"], report["lost"], report["frames_echoed"]), (0, 1, 1, 49), report)


class Tls(Load):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory(prefix="holdline-test-")
        cls.authority = Authority(cls.dir.name)
        cls.named = cls.authority.issue("named")
        cls.other = cls.authority.issue("other", names="DNS:other.example")
        cls.client = cls.authority.issue("client")

    @classmethod
    def tearDownClass(cls):
        cls.dir.cleanup()

    def context(self, name, wants_client=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*name)
        if wants_client:
            context.load_verify_locations(self.authority.cert)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def call(self, name, *arguments, wants_client=False, host="127.0.0.1"):
        port = self.serve(echo_twilio, ssl=self.context(name, wants_client))
        return self.load(port, "twilio", "--calls", "20", "--echo", "--duration", "1s", *arguments, scheme="wss",
                         host=host)

    def test_the_servers_certificate_is_judged(self):
        authority = ("--cacert", self.authority.cert)
        rows = [("trusted by address", self.named, authority, "127.0.0.1", None),
                ("trusted by name", self.named, authority, "localhost", None),
                ("another name", self.other, authority, "127.0.0.1", "IP address mismatch"),
                ("another name", self.other, authority, "localhost", "hostname mismatch"),
                ("nobody's", self.named, (), "127.0.0.1", "local issuer"),
                ("whatever", self.other, ("--insecure",), "127.0.0.1", None)]
        for what, name, arguments, host, complaint in rows:
            with self.subTest(what):
                status, report, complaints = self.call(name, *arguments, host=host)
                if complaint:
                    self.assertEqual((status, report["tls_failed"]), (1, 20), report)
                    self.assertRegex(complaints, complaint)
                    self.assertIn("--cacert", complaints)
                else:
                    self.assertEqual((status, complaints, report["completed"], report["changed"]), (0, "", 20, 0))
                    self.assertEqual(report["frames_echoed"], 1000)

    def test_our_own_certificate_is_shown(self):
        authority = ("--cacert", self.authority.cert)
        own = ("--cert", self.client[0], "--key", self.client[1])
        self.assertEqual(self.call(self.named, *authority, *own, wants_client=True)[0], 0)
        # In TLS 1.3 the server complains after the handshake, and its word may be lost when it closes at once.
        status, report, _ = self.call(self.named, *authority, wants_client=True)
        self.assertNotEqual(status, 0)
        self.assertEqual(report["tls_failed"] + report["connect_failed"], 20, report)

    def test_files_that_are_none_are_named(self):
        key = self.client[1]
        rows = [(("--cacert", key), "--cacert"), (("--cert", key), "--cert"), (("--key", key), "without --cert"),
                (("--cert", self.client[0], "--key", self.named[1]), "--key")]
        for arguments, complaint in rows:
            with self.subTest(complaint):
                status, _, complaints = self.load(1, "twilio", *arguments, scheme="wss")
                self.assertEqual(status, 2, complaints)
                self.assertIn(complaint, complaints)


class Refused(Load):
    def test_what_to_do_is_told_by_status(self):
        rows = [(401, "--sign"), (403, "--sign-url"), (404, "--url"), (429, "--ramp"), (503, "--calls")]
        for code, advice in rows:
            with self.subTest(code):
                async def refuse(path, headers, code=code):
                    return http.HTTPStatus(code), [], b""

                async def never(socket):
                    raise AssertionError("it was let in")

                port = self.serve(never, process_request=refuse)
                status, report, complaints = self.load(port, "vonage", "--calls", "4")
                self.assertEqual((status, report["refused"], report["statuses"]), (1, 4, {str(code): 4}), report)
                self.assertIn(f"HTTP {code}: ", complaints)
                self.assertIn(advice, complaints)

    def test_mistakes_are_named(self):
        rows = [(("nobody",), "--list-dialects"), (("vonage", "--format", "PCMU"), "L16/16000"),
                (("freeswitch", "--dtmf", "1"), "no digits"), (("twilio", "--custom", "a=" + "x" * 70000), "--custom"),
                (("plivo", "--custom", 'a="'), "--custom"), (("azure", "--custom", "a=1"), "no values"),
                (("twilio", "--sign", "/nowhere"), "/nowhere"),
                (("twilio", "--header", "nothing"), "--header"), (("twilio", "--insecure"), "wss://")]
        for arguments, complaint in rows:
            with self.subTest(arguments[0]):
                status, _, complaints = self.load(1, *arguments)
                self.assertEqual(status, 2, complaints)
                self.assertIn(complaint, complaints)

    def test_every_dialect_is_listed_with_its_formats(self):
        done = subprocess.run([HOLDLOAD, "--list-dialects"], capture_output=True, text=True, check=True)
        names = {line.split()[0] for line in done.stdout.splitlines() if line[0] != " "}
        self.assertEqual(names, {"twilio", "signalwire", "telnyx", "plivo", "exotel", "vonage", "genesys", "asterisk",
                                 "asterisk-plain", "azure", "jambonz", "freeswitch", "plain"})


if __name__ == "__main__":
    unittest.main()
