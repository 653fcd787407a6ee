"""TLS on all listeners: calls through it, who is let in, certificates renewed under live calls, clients that misbehave.

The clients are Python's ssl (OpenSSL) on sockets of its own, curl, and the openssl command."""

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import websockets
from websockets.frames import Frame, Opcode

from certificates import Authority, openssl
from database import Sqlite
from server import HOLDCTL, Server, free_port, wait_for
from twilio_caller import FRAME, Caller, speech, wav_audio

ROUTES = """
media:
  routes:
    - {path: /media/twilio, provider: twilio}
    - {path: /echo, provider: twilio, handler: echo, record: true}
    - {path: /any, provider: twilio, auth: {client_certificate: true}}
    - {path: /named, provider: twilio, auth: {client_certificate: [caller.example, other.example]}}
"""
FAILURES = "holdline_tls_handshake_failures_total"


def trusting(authority, own=None, **limits):
    context = ssl.create_default_context(cafile=authority.cert)
    if own:
        context.load_cert_chain(*own)
    for name, value in limits.items():
        setattr(context, name, value)
    return context


class TlsServer(Server):
    """Speaks TLS on both listeners, with files of its own that can be replaced."""

    def __init__(self, authority, directory, **settings):
        self.cert, self.key = authority.issue(os.path.basename(directory) + "-server")
        super().__init__(config=settings.pop("config", ROUTES), **{
            "media__tls__cert": self.cert, "media__tls__key": self.key,
            "control__tls__cert": self.cert, "control__tls__key": self.key, **settings})
        self.trust = trusting(authority)

    def ws(self, path="/media/twilio"):
        return super().ws(path).replace("ws://", "wss://")

    def tcp(self):
        return socket.create_connection(("127.0.0.1", self.media), 20)

    def failures(self, reason, listener="media"):
        return self.metric(f'{FAILURES}{{listener="{listener}",reason="{reason}"}}') or 0

    def reload(self):
        """Sends SIGHUP, and waits until the supervisor has told the roles."""
        done = self.log().count("[RELOAD] effect=done")
        self.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: self.log().count("[RELOAD] effect=done") > done)

    def shown(self, listener=None):
        """The serial number of the certificate that a new handshake sees."""
        with socket.create_connection(("127.0.0.1", listener or self.media), 20) as line:
            with self.trust.wrap_socket(line, server_hostname="localhost") as tls:
                return tls.getpeercert()["serialNumber"]


def serial_of(cert):
    return openssl("x509", "-in", cert, "-noout", "-serial").strip().split("=")[1]


def upgrade(path):
    return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()


def knock(server, path, context):
    with server.tcp() as line, context.wrap_socket(line, server_hostname="localhost") as tls:
        tls.sendall(upgrade(path))
        return int(tls.recv(4096).split()[1])


def frames_of(*messages):
    return b"".join(Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=True) for message in messages)


class Recorder(Caller):
    """A caller whose messages are kept, to be sent by other means than websockets."""

    def __init__(self):
        super().__init__("")
        self.said = []

    async def say(self, message):
        self.said.append(message)

    def script(self, sound):
        async def all_of_it():
            await self.start()
            await self.frames(sound)

        asyncio.run(all_of_it())
        return self.said


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="holdline-tls-")
        cls.authority = Authority(cls.directory)
        cls.callers = Authority(cls.directory, "callers")
        cls.alone, cls.middle = cls.authority.issue("alone"), Authority(cls.directory, "middle", cls.authority)
        with open(cls.callers.cert, "a", encoding="ascii") as believed:  # also one below another, and a caller himself
            for cert in (cls.middle.cert, cls.alone[0]):
                with open(cert, encoding="ascii") as part:
                    believed.write(part.read())
        cls.server = TlsServer(cls.authority, cls.directory, media__tls__client_ca=cls.callers.cert,
                               media__handshake_timeout="1s", media__send_ahead="10min",
                               log__level="debug").start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    def row(self, caller):
        query = f"SELECT * FROM calls WHERE provider_call_id = '{caller.call}' AND state = 'ended'"
        return wait_for("the final row", lambda: self.store.rows(query))[0]

    def talk(self, context, sound):
        """A whole echo call: the row, and what came back."""
        caller = Caller(self.server.ws("/echo"), ssl=context)
        self.assertEqual(asyncio.run(caller.talk(sound)), 1000)
        return self.row(caller), caller

    def test_a_call_is_kept_bit_for_bit_in_either_version(self):
        sound = speech(seconds=2)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version.name):
                label = f'holdline_tls_handshakes_total{{listener="media",version="{version.name[-3:].replace("_", ".")}"}}'
                before = self.server.metric(label) or 0
                row, caller = self.talk(trusting(self.authority, minimum_version=version, maximum_version=version), sound)
                self.assertEqual((row["frames_in"], row["frames_lost"], row["end_reason"]), (len(sound) // FRAME, 0, "stop"))
                wait_for("the recording", lambda row=row: os.path.exists(row["recording_path"]))
                self.assertEqual(wav_audio(row["recording_path"]), (1, sound))
                heard = [m["media"]["payload"] for m in caller.heard if m["event"] == "media"]
                self.assertEqual(b"".join(map(base64.b64decode, heard)), sound)
                self.assertEqual(self.server.metric(label), before + 1)

    def test_older_versions_and_weak_ciphers_are_refused(self):
        refused = [
            (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "protocol_version", "alert protocol version"),
            (["-tls1_2", "-cipher", "AES128-SHA"], "no_shared_cipher", "alert handshake failure"),
            (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], "no_shared_cipher", "alert handshake failure"),
        ]
        for flags, reason, words in refused:
            with self.subTest(flags=flags):
                before = self.server.failures(reason)
                done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.server.media}", *flags],
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
                self.assertIn(words, done.stderr)
                self.assertEqual(self.server.failures(reason), before + 1)

    def test_the_check_of_a_route_asks_for_the_certificate(self):
        def bearing(name, authority=self.callers, subject=None, days=30):
            return trusting(self.authority, own=authority.issue(name, subject, days))

        nobody, caller = trusting(self.authority), bearing("caller.example")
        rows = [
            (nobody, "/media/twilio", 101), (nobody, "/any", 403), (nobody, "/named", 403),
            (caller, "/media/twilio", 101), (caller, "/any", 101), (caller, "/named", 101),
            (bearing("stranger.example"), "/any", 101), (bearing("stranger.example"), "/named", 403),
            # A name within another field, two names, and none, are not the name.
            (bearing("sly", subject="/O=a\\/CN=caller.example/CN=sly"), "/named", 403),
            (bearing("two", subject="/CN=sly/CN=caller.example"), "/named", 403),
            (bearing("none", subject="/O=caller.example"), "/named", 403),
            (bearing("none", subject="/O=caller.example"), "/any", 101),
            (bearing("caller.example", self.middle), "/named", 101), (trusting(self.authority, own=self.alone), "/any", 101),
        ]
        for context, path, status in rows:
            with self.subTest(path=path, status=status):
                self.assertEqual(knock(self.server, path, context), status)
        impostors = [bearing("impostor", self.authority, "/CN=caller.example"),
                     bearing("late", subject="/CN=caller.example", days=-1)]
        for context in impostors:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context.maximum_version = version
                before = self.server.failures("client_certificate")
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    knock(self.server, "/media/twilio", context)
                self.assertEqual(self.server.failures("client_certificate"), before + 1)

    def test_who_asks_for_certificates_resumes_no_session(self):
        context = trusting(self.authority, maximum_version=ssl.TLSVersion.TLSv1_2)
        with self.server.tcp() as line, context.wrap_socket(line, server_hostname="localhost") as tls:
            session = tls.session
        with self.server.tcp() as line:
            with context.wrap_socket(line, server_hostname="localhost", session=session) as tls:
                self.assertFalse(tls.session_reused)

    def test_control_speaks_https(self):
        server = self.server
        for trust, status in (([], 60), (["--cacert", self.authority.cert], 0)):  # 60: not to be trusted
            done = subprocess.run(["curl", "-sS", *trust, f"https://127.0.0.1:{server.control}/health/ready"],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn("ready", done.stdout)
        wait_for("the failure", lambda: server.failures("our_certificate", "control") >= 1)
        body = subprocess.run(["curl", "-sS", "--cacert", self.authority.cert, "-w", "%{http_version}", "-o", os.devnull,
                               f"https://127.0.0.1:{server.control}/metrics"], capture_output=True, text=True, timeout=60)
        self.assertEqual(body.stdout, "1.1")

    def test_a_call_is_listened_to_over_wss(self):
        with open(os.path.join(self.server.data_dir, "admin.token"), encoding="ascii") as file:
            headers = {"Authorization": "Bearer " + file.read().strip()}

        async def listen():
            caller = await Caller(self.server.ws("/echo"), ssl=trusting(self.authority)).connect()
            await caller.start()
            found = await asyncio.to_thread(wait_for, "the call", lambda: [
                call["call_id"] for call in self.server.api("/api/live-calls")[1]["calls"]
                if call["provider_call_id"] == caller.call])
            async with websockets.connect(f"wss://127.0.0.1:{self.server.control}/api/live-calls/{found[0]}/listen",
                                          ssl=trusting(self.authority), extra_headers=headers) as ear:
                first = json.loads(await asyncio.wait_for(ear.recv(), 30))
                heard = b""
                while not any(heard):  # some of what is loud on either side
                    await caller.media(b"\x80" * 160)
                    heard = await asyncio.wait_for(ear.recv(), 30)
            await caller.stop()
            await caller.close_code()
            return first
        self.assertEqual(asyncio.run(listen())["sample_rate"], 8000)

    def test_a_long_request_is_read_to_its_end_and_another_behind_it(self):
        with open(os.path.join(self.server.data_dir, "admin.token"), encoding="ascii") as file:
            headers = {"Authorization": "Bearer " + file.read().strip(), "Content-Type": "application/json"}
        line = http.client.HTTPSConnection("127.0.0.1", self.server.control, timeout=20, context=self.server.trust)
        for length in (60000, 10, 60000):
            line.request("POST", "/api/outbox/dance", json.dumps({"x": "y" * length}), headers)
            answer = line.getresponse()
            self.assertEqual(answer.status, 404, answer.read())
            answer.read()
        line.close()

    def test_holdctl_knows_the_server_by_its_key(self):
        self.assertIn("live of at most", self.server.holdctl("status", check=False).stdout)
        impostor = self.authority.issue("impostor")
        settings = dict(self.server.settings, **{"control.tls.cert": impostor[0], "control.tls.key": impostor[1]})
        flags = [part for key, value in settings.items() for part in (f"--{key}", value)]
        done = subprocess.run([HOLDCTL, "outbox", "pause", *flags], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not the key of control.tls.cert; if that was renewed, send SIGHUP", done.stderr)

    def test_plain_http_is_told_and_ends_cleanly(self):
        for port, listener in ((self.server.media, "media"), (self.server.control, "control")):
            for request in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", upgrade("/media/twilio") + b"x" * 3000):
                before = self.server.failures("plain_http", listener)
                with socket.create_connection(("127.0.0.1", port), 20) as line:
                    line.sendall(request)
                    answer = b""
                    while part := line.recv(4096):
                        answer += part
                self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
                self.assertTrue(answer.endswith(b"\r\n\r\nthis port speaks TLS: wss:// or https:\n"), answer)
                self.assertEqual(self.server.failures("plain_http", listener), before + 1)

    def test_noise_costs_only_its_own_connection(self):
        for noise in (b"\x16\x03\x01\xff\xff" + b"\xff" * 70000, os.urandom(5000), b"\x00" * 20, b"\x15\x03\x03\x00\x02\x02\x28"):
            with self.server.tcp() as line:
                try:
                    line.sendall(noise)
                    while line.recv(4096):
                        pass
                except ConnectionError:
                    pass  # a reset will do
        self.assertEqual(knock(self.server, "/media/twilio", trusting(self.authority)), 101)
        self.assertNotIn("[LWS]", self.server.log())

    def test_stalled_handshakes_are_cut_and_cost_no_call_a_frame(self):
        sound, before = speech(seconds=4), self.server.failures("unfinished")
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            trusting(self.authority).wrap_bio(into, out, server_hostname="localhost").do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = out.read()
        silent = [self.server.tcp() for _ in range(150)]
        half = [self.server.tcp() for _ in range(150)]
        drip = self.server.tcp()
        for line in half:
            line.sendall(hello[: len(hello) // 2])

        async def call():
            caller = Caller(self.server.ws("/echo"), ssl=trusting(self.authority))
            talk = asyncio.create_task(caller.talk(sound, paced=True))
            for i in range(len(hello) - 1):  # never a whole one; much slower than the time it is given
                await asyncio.sleep(0.05)
                try:
                    drip.sendall(hello[i : i + 1])
                except ConnectionError:
                    break
            else:
                self.fail("a handshake that drips is never cut")
            self.assertEqual(await talk, 1000)
            return caller

        caller = asyncio.run(call())
        for line in silent + half:
            self.assertEqual(line.recv(1), b"")
            line.close()
        drip.close()
        row = self.row(caller)
        self.assertEqual((row["frames_in"], row["frames_lost"]), (len(sound) // FRAME, 0))
        self.assertEqual(sum(message["event"] == "media" for message in caller.heard), len(sound) // FRAME)
        wait_for("all to be counted", lambda: self.server.failures("unfinished") >= before + 301)

    def begin(self, path, sound):
        """A call over a socket of our own, its upgrade answered; what it would say."""
        caller = Recorder()
        script = caller.script(sound)
        line = trusting(self.authority).wrap_socket(self.server.tcp(), server_hostname="localhost")
        line.sendall(upgrade(path))
        self.assertIn(b" 101 ", line.recv(4096))
        return caller, script, line

    def test_a_burst_and_then_silence_is_read_to_its_end(self):
        sound = speech(seconds=8)
        frames, name = len(sound) // FRAME, 'holdline_frames_total{direction="in"}'
        caller, script, line = self.begin("/media/twilio", sound)
        before = self.server.metric(name) or 0
        burst = frames_of(*script)
        for i in range(0, len(burst), 16384):  # each a TLS record of the longest kind, of some eighty frames
            line.sendall(burst[i : i + 16384])
        wait_for("every frame to be read", lambda: self.server.metric(name) == before + frames, 10)
        line.close()
        row = self.row(caller)
        self.assertEqual((row["frames_in"], row["frames_lost"]), (frames, 0))
        wait_for("the recording", lambda: os.path.exists(row["recording_path"]))
        self.assertEqual(wav_audio(row["recording_path"])[1], sound)

    def test_a_slow_reader_gets_whole_messages_in_their_order(self):
        frames = [bytes([i % 256, i // 256]) * 4000 for i in range(400)]  # each a second of sound: 10 KB as a message
        name = "holdline_frames_dropped_total"
        before = self.server.metric(name) or 0

        async def call():
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.connect(("127.0.0.1", self.server.media))
            caller = Caller(self.server.ws("/echo"))
            caller.socket = await websockets.connect(
                "wss://localhost/echo", sock=plain, compression=None, max_size=None, max_queue=1, read_limit=4096,
                ssl=trusting(self.authority), server_hostname="localhost")
            await caller.start()
            for frame in frames:
                await caller.media(frame)
            await asyncio.sleep(0.5)
            await caller.stop()
            code = await caller.close_code()
            return code, caller

        code, caller = asyncio.run(call())
        self.assertEqual(code, 1000)
        heard = [base64.b64decode(message["media"]["payload"]) for message in caller.heard if message["event"] == "media"]
        order = [frame[0] + 256 * frame[1] for frame in heard]
        self.assertTrue(all(frame == frames[i] for frame, i in zip(heard, order)))
        self.assertEqual(order, sorted(set(order)))
        self.assertGreater(len(heard), 10)
        wait_for("the others to be counted", lambda: len(heard) + self.server.metric(name) - before == len(frames))

    def test_a_peer_that_ends_tls_has_hung_up_not_broken_the_protocol(self):
        caller, script, line = self.begin("/media/twilio", speech(seconds=1))
        line.sendall(frames_of(*script))
        try:
            line.unwrap()
        except (ssl.SSLError, OSError):
            pass
        self.assertEqual(self.row(caller)["end_reason"], "disconnect")
        line.close()


WEBHOOKS = """
media:
  public_url: wss://media.example.com
webhooks:
  answers:
    - {provider: twilio, route: /media/twilio}
    - {name: near, provider: twilio, route: /media/twilio, auth: {client_certificate: caller.example}}
"""


class Webhooks(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="holdline-tls-")
        self.addCleanup(place.cleanup)
        self.authority, self.callers = Authority(place.name), Authority(place.name, "callers")
        self.cert, self.key = self.authority.issue("webhooks")

    def ask(self, port, name, context):
        line = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
        line.request("POST", f"/webhooks/{name}/answer", "CallSid=CA1&From=%2B1&To=%2B2",
                     {"Content-Type": "application/x-www-form-urlencoded"})
        answer = line.getresponse()
        serial = line.sock and line.sock.getpeercert()["serialNumber"]
        text = answer.read().decode()
        line.close()
        return answer.status, text, serial

    def test_they_come_by_https_and_a_renewal_reaches_them(self):
        port = free_port()
        nobody = trusting(self.authority)
        caller = trusting(self.authority, own=self.callers.issue("caller.example"))
        with Server(config=WEBHOOKS, webhooks__listen=f"127.0.0.1:{port}", webhooks__tls__cert=self.cert,
                    webhooks__tls__key=self.key, webhooks__tls__client_ca=self.callers.cert) as server:
            status, text, _ = self.ask(port, "twilio", nobody)
            self.assertEqual(status, 200)
            self.assertIn("wss://media.example.com/media/twilio", text)
            self.assertEqual(self.ask(port, "near", nobody)[0], 403)
            self.assertEqual(self.ask(port, "near", caller)[0], 200)
            self.authority.issue("webhooks")
            server.process.send_signal(signal.SIGHUP)
            wait_for("the new one", lambda: self.ask(port, "twilio", nobody)[2] == serial_of(self.cert))
            self.assertIn('holdline_tls_handshakes_total{listener="webhooks",version="1.3"}', server.get("/metrics")[1])


class Reload(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="holdline-tls-")
        self.addCleanup(place.cleanup)
        self.directory = place.name
        self.authority = Authority(self.directory)

    def renew(self, server, **changes):
        self.authority.issue(os.path.basename(self.directory) + "-server", **changes)
        return serial_of(server.cert)

    def test_a_renewal_under_50_calls_loses_no_frame(self):
        sound = speech(seconds=5)
        with TlsServer(self.authority, self.directory, media__processes=2) as server:
            serials = [server.shown()]

            async def call():
                caller = Caller(server.ws(), ssl=server.trust)
                self.assertEqual(await caller.talk(sound, paced=True), 1000)
                return caller

            async def renewals():
                for kind in ("rsa", "ec", "ec"):
                    await asyncio.sleep(1)
                    serial = await asyncio.to_thread(self.renew, server, kind=kind)
                    await asyncio.to_thread(server.reload)
                    for port in (server.media, server.control):
                        await asyncio.to_thread(wait_for, "the new one everywhere", lambda port=port: all(
                            server.shown(port) == serial for _ in range(8)))  # of four loops
                    serials.append(serial)

            async def all_of_it():
                return (await asyncio.gather(renewals(), *(call() for _ in range(50))))[1:]

            callers = asyncio.run(all_of_it())
            self.assertEqual(len(set(serials)), 4)
            store = Sqlite(server.data_dir)
            rows = wait_for("the rows", lambda: len(found := store.rows(
                "SELECT * FROM calls WHERE state = 'ended'")) == len(callers) and found)
            self.assertEqual({(r["frames_in"], r["frames_lost"], r["end_reason"]) for r in rows},
                             {(len(sound) // FRAME, 0, "stop")})
            for row in rows:
                self.assertEqual(wav_audio(row["recording_path"])[1], sound)

    def test_a_bad_file_leaves_the_old_certificate_in_force(self):
        with TlsServer(self.authority, self.directory, media__processes=2) as server:
            first = server.shown()
            with open(server.key, encoding="ascii") as file:
                key = file.read()

            def replace_key(text):
                with open(server.key, "w", encoding="ascii") as file:
                    file.write(text)

            def complaints():
                return [line for line in server.log().splitlines() if "[TLS_RELOAD]" in line]

            self.renew(server)  # half of it, as when two files are being replaced
            with open(server.key, encoding="ascii") as file:
                new_key = file.read()
            for text, words in ((key, "does not belong to the certificate of"), ("", "no private key in it")):
                before = len(complaints())
                replace_key(text)
                server.reload()
                new = wait_for("both complaints", lambda before=before: len(
                    found := complaints()[before:]) >= 2 and sorted(found, key=lambda line: "=control." in line))
                self.assertEqual([line.split()[3] for line in new], ["setting=media.tls.key", "setting=control.tls.key"])
                self.assertIn(words, new[0])
                self.assertIn(f'file="{server.key}"', new[0])
                self.assertEqual({server.shown(), server.shown(server.control)}, {first})
            wait_for("both media processes", lambda: server.log().count("[MEDIA_READY]") == 2)
            server.kill("media")  # who is started again has the old one, too
            wait_for("the media processes to be back", lambda: server.log().count("[MEDIA_READY]") == 4)
            wait_for("it to answer", server.ready)
            self.assertEqual(server.shown(), first)
            replace_key(new_key)
            server.reload()
            wait_for("the new one", lambda: server.shown() == serial_of(server.cert))

    def test_what_is_wrong_at_the_start_is_named(self):
        good, key = self.authority.issue("good")
        _, other_key = self.authority.issue("other")
        weak, weak_key = self.authority.issue("weak", kind="weak")
        locked, locked_key = self.authority.issue("locked", password="hush-hush")
        nowhere = os.path.join(self.directory, "nowhere.pem")
        torn = os.path.join(self.directory, "torn.pem")
        with open(good, encoding="ascii") as whole, open(torn, "w", encoding="ascii") as part:
            text = whole.read()
            part.write(text + text[: len(text) // 2] + "!\n-----END CERTIFICATE-----\n")
        rows = [
            ({"cert": nowhere}, f"media.tls.cert: {nowhere}: No such file or directory; name a file with the certificate"),
            ({"cert": self.directory}, f"media.tls.cert: {self.directory}: not a file; "),
            ({"cert": key}, f"media.tls.cert: {key}: no certificate in it; "),
            ({"cert": torn}, f"media.tls.cert: {torn}: certificate 2 of it is damaged: "),
            ({"cert": "/dev/zero"}, "media.tls.cert: /dev/zero: not a file; "),
            ({"key": nowhere}, f"media.tls.key: {nowhere}: No such file or directory; name a file with the certificate's "),
            ({"key": good}, f"media.tls.key: {good}: no private key in it; "),
            ({"key": other_key}, f"media.tls.key: {other_key}: does not belong to the certificate of {good}; "),
            ({"cert": weak, "key": weak_key}, f"media.tls.cert: {weak}: cannot be served: ee key too small; "),
            ({"cert": locked, "key": locked_key}, f"media.tls.key: {locked_key}: has a password; "),
            ({"client_ca": nowhere}, f"media.tls.client_ca: {nowhere}: No such file or directory; "),
            ({"client_ca": key}, f"media.tls.client_ca: {key}: no certificate in it; "),
        ]
        for changes, words in rows:
            with self.subTest(**changes):
                files = {"cert": good, "key": key, **changes}
                server = Server(**{f"media__tls__{part}": path for part, path in files.items()})
                server.start(ready=False)
                self.assertEqual(server.process.wait(60), 2)
                self.assertIn(words, server.log())
                self.assertNotIn("hush-hush", server.log())
                os.unlink(server.log_path)

    def test_who_may_not_read_the_key_is_told(self):
        cert, key = self.authority.issue("good")
        os.chmod(key, 0)
        server = Server(wrapper=("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else (),
                        media__tls__cert=cert, media__tls__key=key)
        server.start(ready=False)
        self.assertEqual(server.process.wait(60), 2)
        self.assertIn(f"media.tls.key: {key}: Permission denied; ", server.log())
        os.unlink(server.log_path)

    def test_a_certificate_that_ends_is_warned_of_and_measured(self):
        name = 'holdline_tls_certificate_not_after_timestamp_seconds{listener="media"}'
        with TlsServer(self.authority, self.directory) as server:
            self.assertNotIn("[TLS_EXPIRY]", server.log())
            for days, words in ((13, "days=1[23] effect=\"then callers refuse it\""),
                                (-1, "days=-1 effect=\"it has ended: callers refuse it\"")):
                with self.subTest(days=days):
                    self.renew(server, days=days)
                    server.reload()
                    self.assertRegex(server.log(), rf"WARN \[TLS_EXPIRY\] listener=media file=\"{server.cert}\" .* {words}")
                    server.trust.check_hostname, server.trust.verify_mode = False, ssl.CERT_NONE
                    end = openssl("x509", "-in", server.cert, "-noout", "-enddate").strip().split("=")[1]
                    self.assertEqual(server.metric(name), ssl.cert_time_to_seconds(end))
            self.renew(server, days=20)
            server.reload()
            self.assertEqual(server.log().count("[TLS_EXPIRY]"), 4)  # two listeners, twice

    def test_without_certificates_all_is_plain(self):
        with Server() as server:
            caller = Caller(server.ws())
            self.assertEqual(asyncio.run(caller.talk(speech(seconds=0.2))), 1000)
            self.assertNotIn("holdline_tls_handshakes_total{", server.get("/metrics")[1])
            server.process.send_signal(signal.SIGHUP)
            wait_for("the reload", lambda: "[RELOAD] effect=done" in server.log())
            self.assertNotIn("[TLS_", server.log())


if __name__ == "__main__":
    unittest.main()
