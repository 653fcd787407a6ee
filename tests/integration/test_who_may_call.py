"""Who may call: each check let in and refused by the real server, what the log says, and what it never says.

The signatures are made here, in Python, from the providers' documents."""

import asyncio
import base64
import hmac
import json
import os
import re
import signal
import socket
import struct
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import jwt
import websockets

from database import Sqlite
from server import Server, wait_for
from twilio_caller import Caller, speech

SECRETS = {
    "twilio": "twilio-hush-1f0e", "plivo": "plivo-hush-7a1b", "telnyx": "telnyx-hush-5c2d",
    "vonage": "vonage-hush-9e3f", "bearer": "bearer-hush-0a4c", "basic": "basic-hush-8b5d",
    "query": "query-hush-2c6e", "path": "path-hush-that-is-long-3d7f", "api": "api-hush-4e80",
    "genesys": base64.b64encode(b"genesys-hush-5f91").decode(), "old": "old-hush-6a02",
    "tokens": "token-secret-hush-7b13",
}
HOST = "media.example.com"
CONFIG = f"""
media:
  public_url: wss://{HOST}
  trusted_proxies: 127.0.0.2/32
  routes:
    - {{path: /open, provider: twilio}}
    - {{path: /twilio, provider: twilio, auth: {{twilio: {{secret: [{SECRETS["old"]}, {SECRETS["twilio"]}]}}}}}}
    - {{path: /lenient, provider: twilio, auth: {{twilio: {{secret: {SECRETS["twilio"]}, missing: if_present}}}}}}
    - {{path: /plivo, provider: plivo, auth: {{plivo: {{secret: {SECRETS["plivo"]}}}}}}}
    - {{path: /telnyx, provider: telnyx, auth: {{telnyx: {{secret: {SECRETS["telnyx"]}}}}}}}
    - {{path: /vonage, provider: vonage, auth: {{vonage: {{secret: {SECRETS["vonage"]}}}}}}}
    - {{path: /signalwire, provider: signalwire, auth: {{bearer: {{secret: {SECRETS["bearer"]}}}}}}}
    - {{path: /exotel, provider: exotel, auth: {{basic: {{user: exotel, secret: {SECRETS["basic"]}}}}}}}
    - {{path: /genesys, provider: vonage,
       auth: {{genesys: {{api_key: {SECRETS["api"]}, secret: "{SECRETS["genesys"]}"}}}}}}
    - {{path: /query, provider: twilio, auth: {{token: {{secret: {SECRETS["query"]}}}}}}}
    - {{path: "/path/{{token}}", provider: twilio, auth: {{token: {{secret: {SECRETS["path"]}}}}}}}
    - {{path: /near, provider: twilio, auth: {{networks: [127.0.0.0/30, "192.0.2.0/24"]}}}}
    - {{path: /browser, provider: twilio, auth: {{origins: "https://app.example.com"}}}}
    - {{path: /certificate, provider: twilio, auth: {{client_certificate: true}}}}
    - {{path: /once, provider: twilio, auth: {{one_time: }}}}
    - {{path: "/once/{{token}}", provider: twilio, auth: {{one_time: }}}}
    - {{path: /once-query, provider: twilio, auth: {{one_time: {{in: query}}}}}}
    - {{path: /many, provider: twilio, single_stream: false}}
    - {{path: /azure, provider: azure}}
auth:
  token_secret: {SECRETS["tokens"]}
"""


def knock(port, path, headers=(), source="127.0.0.1"):
    """The status of an upgrade, and the text of the answer."""
    request = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: Upgrade", "Upgrade: websocket",
               "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    request += [f"{name}: {value}" for name, value in dict(headers).items()]
    with socket.create_connection(("127.0.0.1", port), 10, (source, 0)) as line:
        line.sendall(("\r\n".join(request) + "\r\n\r\n").encode())
        answer = line.recv(4096).decode()
    return int(answer.split()[1]), answer


UPGRADE = {"Host": "h", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def ask(port, first, headers):
    """The status of a request whose first line is just that."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall("\r\n".join([first] + [f"{name}: {value}" for name, value in headers.items()]).encode() + b"\r\n\r\n")
        return int(line.recv(4096).split()[1])


def mac(algorithm, key, text):
    return base64.b64encode(hmac.new(key.encode(), text.encode(), algorithm).digest()).decode()


def twilio(url, secret=SECRETS["twilio"]):
    return {"X-Twilio-Signature": mac("sha1", secret, url)}


def plivo(url, nonce="12345678901234567890", secret=SECRETS["plivo"]):
    return {"X-Plivo-Signature-V3": mac("sha256", secret, f"{url}.{nonce}"), "X-Plivo-Signature-V3-Nonce": nonce}


def vonage(age=0, secret=SECRETS["vonage"], algorithm="HS256"):
    now = int(time.time()) - age
    claims = {"iss": "Vonage", "iat": now, "exp": now + 60, "jti": "x"}
    return {"Authorization": "Bearer " + jwt.encode(claims, secret, algorithm)}


def genesys(path="/genesys", nonce=None, age=0, secret=SECRETS["genesys"], key=SECRETS["api"], keyid=None):
    created = int(time.time()) - age
    nonce = nonce or base64.b64encode(os.urandom(16)).decode()
    headers = {"audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
               "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
               "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d", "x-api-key": key}
    values = {"@request-target": path, "@authority": HOST, **headers}
    params = (f"({' '.join(json.dumps(name) for name in values)});keyid=\"{keyid or key}\";nonce=\"{nonce}\";"
              f"alg=\"hmac-sha256\";created={created};expires={created + 60}")
    text = "\n".join(f'"{name}": {value}' for name, value in values.items()) + f'\n"@signature-params": {params}'
    digest = hmac.new(base64.b64decode(secret), text.encode(), "sha256").digest()
    return {**headers, "Signature-Input": f"sig1={params}", "Signature": f"sig1=:{base64.b64encode(digest).decode()}:"}


def one_time(provider="twilio", call="", life=60, secret=SECRETS["tokens"]):
    key = hmac.new(secret.encode(), b"holdline one-time token 1\0", "sha256").digest()
    tag = 0
    if call:
        tag = int.from_bytes(hmac.new(provider.encode(), call.encode(), "sha256").digest()[:8], "big") | 1
    body = struct.pack(">BHI", 1, *divmod(int((time.time() + life) * 1000), 1 << 32)) + os.urandom(9)
    body += struct.pack(">Q", tag)
    return (body + hmac.new(key, body + provider.encode(), "sha256").digest()[:16]).hex()


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class WhoMayCall(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(config=CONFIG, media__processes=2, media__refusals_per_minute=0).start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        log = cls.server.log()
        cls.server.__exit__(None)
        assert "hush" not in log, re.findall(".*hush.*", log)

    def refusals(self, since):
        return re.findall(r"\[CALL_REFUSED\] status=(\d+) reason=(\w+) check=(\w+) peer=(\S+) path=\"(\S+)\"",
                          self.server.log()[since:])

    def expect(self, rows):
        """Each row: what is sent, and the status with the check and the reason; 101 is let in."""
        for path, headers, status, check, reason in rows:
            with self.subTest(path=path, check=check, reason=reason):
                before = len(self.server.log())
                got, answer = knock(self.server.media, path, headers)
                self.assertEqual(got, status)
                if status == 101:
                    continue
                self.assertNotIn(check, answer)
                line = wait_for("the line", lambda before=before: self.refusals(before))
                self.assertEqual([(int(s), r, c) for s, r, c, _, _ in line], [(status, reason, check)])

    def test_the_signature_of_twilio(self):
        url = f"wss://{HOST}/twilio"
        self.expect([
            ("/twilio", twilio(url), 101, None, None),
            ("/twilio", twilio(url, SECRETS["old"]), 101, None, None),
            ("/twilio", twilio(f"wss://{HOST}:443/twilio"), 101, None, None),
            ("/twilio", {k.lower(): v for k, v in twilio(f"https://{HOST}/twilio/").items()}, 101, None, None),
            ("/twilio", twilio(url, "guess"), 403, "twilio_signature", "mismatch"),
            ("/twilio", twilio(f"wss://127.0.0.1:{self.server.media}/twilio"), 403, "twilio_signature", "mismatch"),
            ("/twilio", twilio(f"wss://{HOST}/lenient"), 403, "twilio_signature", "mismatch"),
            ("/twilio?x=1", twilio(url), 403, "twilio_signature", "mismatch"),
            ("/twilio", {"X-Twilio-Signature": "nonsense"}, 403, "twilio_signature", "malformed"),
            ("/twilio", {}, 403, "twilio_signature", "missing"),
            ("/lenient", {}, 101, None, None),
            ("/lenient", twilio(url), 403, "twilio_signature", "mismatch"),
        ])
        self.assertGreaterEqual(self.server.metric('holdline_calls_refused_total{reason="twilio_signature"}'), 6)

    def test_the_signature_of_plivo(self):
        url = f"https://{HOST}/plivo"
        two = plivo(url)
        two["X-Plivo-Signature-V3"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=," + two["X-Plivo-Signature-V3"]
        self.expect([
            ("/plivo", plivo(url), 101, None, None),
            ("/plivo", plivo(url.replace("https", "wss")), 101, None, None),
            ("/plivo", two, 101, None, None),
            ("/plivo?b=2&a=J%C3%B6rg+K", plivo(url + "?a=Jörg K&b=2"), 101, None, None),
            ("/plivo?a=2", plivo(url + "?a=1"), 403, "plivo_signature", "mismatch"),
            ("/plivo", plivo(url, secret="guess"), 403, "plivo_signature", "mismatch"),
            ("/plivo", {**plivo(url), "X-Plivo-Signature-V3-Nonce": "1"}, 403, "plivo_signature", "mismatch"),
            ("/plivo", {}, 403, "plivo_signature", "missing"),
        ])

    def test_the_token_of_vonage(self):
        self.expect([
            ("/vonage", vonage(), 101, None, None),
            ("/vonage", vonage(age=120), 401, "vonage_token", "expired"),
            ("/vonage", vonage(age=-120), 401, "vonage_token", "not_yet_valid"),
            ("/vonage", vonage(secret="guess"), 401, "vonage_token", "mismatch"),
            ("/vonage", vonage(algorithm="HS512"), 401, "vonage_token", "malformed"),
            ("/vonage", vonage(secret="", algorithm="none"), 401, "vonage_token", "malformed"),
            ("/vonage", {}, 401, "vonage_token", "missing"),
        ])

    def test_the_handshake_of_genesys(self):
        nonce = base64.b64encode(os.urandom(18)).decode()
        self.expect([
            ("/genesys", genesys(), 101, None, None),
            ("/genesys", genesys(nonce=nonce), 101, None, None),
            ("/genesys", genesys(nonce=nonce), 401, "genesys_signature", "replayed"),
            ("/genesys?a=b", genesys(path="/genesys?a=b"), 101, None, None),
            ("/genesys?a=b%20%C3%BC", genesys(path="/genesys?a=b%20%C3%BC"), 101, None, None),
            ("/genesys", genesys(path="/other"), 401, "genesys_signature", "mismatch"),
            ("/genesys", genesys(age=30), 401, "genesys_signature", "expired"),
            ("/genesys", genesys(age=-30), 401, "genesys_signature", "not_yet_valid"),
            ("/genesys", genesys(key="guess"), 401, "genesys_signature", "mismatch"),
            ("/genesys", genesys(keyid="another"), 401, "genesys_signature", "mismatch"),
            ("/genesys", genesys(secret="Z3Vlc3M="), 401, "genesys_signature", "mismatch"),
            ("/genesys", {"X-API-KEY": SECRETS["api"]}, 401, "genesys_signature", "missing"),
            ("/genesys", {}, 401, "genesys_signature", "missing"),
        ])

    def test_secrets_in_headers_query_and_path(self):
        bearer = {"Authorization": "Bearer " + SECRETS["bearer"]}
        self.expect([
            ("/signalwire", bearer, 101, None, None),
            ("/signalwire", {"Authorization": "Bearer guess"}, 401, "bearer", "mismatch"),
            ("/signalwire", {}, 401, "bearer", "missing"),
            ("/exotel", basic("exotel", SECRETS["basic"]), 101, None, None),
            ("/exotel", basic("exotel", "guess"), 401, "basic", "mismatch"),
            ("/exotel", basic("other", SECRETS["basic"]), 401, "basic", "mismatch"),
            ("/telnyx", {"x-telnyx-streaming-auth-token": SECRETS["telnyx"]}, 101, None, None),
            ("/telnyx", {"x-telnyx-streaming-auth-token": "guess"}, 401, "telnyx_token", "mismatch"),
            ("/telnyx", {}, 401, "telnyx_token", "missing"),
            (f"/query?a=1&token={SECRETS['query']}", {}, 101, None, None),
            (f"/query?token={SECRETS['query']}x", {}, 401, "token", "mismatch"),
            ("/query", {}, 401, "token", "missing"),
            (f"/path/{SECRETS['path']}", {}, 101, None, None),
            (f"/path/{SECRETS['path']}x", {}, 401, "token", "mismatch"),
        ])
        # A token that is sent to the wrong place is not in the log either: see tearDownClass.
        self.assertEqual(knock(self.server.media, f"/wrong/{SECRETS['path']}")[0], 404)
        self.assertEqual(knock(self.server.media, f"/path/{SECRETS['path']}/more")[0], 404)

    def test_networks_origins_and_certificates(self):
        self.expect([
            ("/near", {}, 101, None, None),
            ("/browser", {"Origin": "https://app.example.com"}, 101, None, None),
            ("/browser", {"Origin": "https://evil.example.com"}, 403, "origin", "elsewhere"),
            ("/browser", {}, 403, "origin", "missing"),
            ("/certificate", {}, 403, "client_certificate", "missing"),
        ])
        self.assertEqual(knock(self.server.media, "/near", source="127.0.0.9")[0], 403)

    def test_a_proxy_is_believed_only_where_it_is_trusted(self):
        def near(source, forwarded):
            return knock(self.server.media, "/near", {"X-Forwarded-For": forwarded}, source)[0]

        self.assertEqual(near("127.0.0.2", "192.0.2.7"), 101)
        self.assertEqual(near("127.0.0.2", "198.51.100.7"), 403)
        self.assertEqual(near("127.0.0.2", "192.0.2.7, 198.51.100.7"), 403)
        self.assertEqual(near("127.0.0.9", "192.0.2.7"), 403)
        for first, second, status in (("192.0.2.7", "198.51.100.7", 403), ("198.51.100.7", "192.0.2.7", 101)):
            got, _ = knock(self.server.media, "/near", {"X-Forwarded-For": first, "x-forwarded-for": second},
                           "127.0.0.2")
            self.assertEqual(got, status, "two headers are one list")
        near("127.0.0.2", "198.51.100.8")  # as nobody else; lines of those before may still be on their way
        wait_for("the line", lambda: "198.51.100.8" in [peer for _, _, _, peer, _ in self.refusals(0)])

    def test_what_is_no_upgrade_to_a_websocket_is_none(self):
        h2c = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
        for change, status in (({}, 101), (h2c, 426), ({"Sec-WebSocket-Version": "12"}, 426)):
            with self.subTest(change=change):
                self.assertEqual(ask(self.server.media, "GET /open HTTP/1.1", {**UPGRADE, **change}), status)
        self.assertEqual(ask(self.server.media, "POST /open HTTP/1.1", UPGRADE), 426)

    def test_a_request_that_is_none_is_refused_on_any_route(self):
        for path in ("/open", "/twilio"):
            good = {**UPGRADE, **twilio(f"wss://{HOST}{path}")}
            before = len(self.server.log())
            self.assertEqual(ask(self.server.media, f"GET {path} HTTP/1.1", good), 101)
            for first in (f"GET {path}%0ax-injected:1 HTTP/1.1", f"GET {path}%0d%0ax-injected:1 HTTP/1.1",
                          f"GET {path}?a=%0ax-injected:1 HTTP/1.1", f"GET {path} HTTP/2.0",
                          f"GET {path} HTTP/1.1\r\nHost: another"):
                with self.subTest(first=first):
                    self.assertEqual(ask(self.server.media, first, good), 400)
            wait_for("the five lines", lambda before=before: [row[:3] for row in self.refusals(before)].count(
                ("400", "malformed", "handshake")) == 5)

    def test_blanks_behind_a_header_are_not_part_of_it(self):
        bearer = f"Bearer {SECRETS['bearer']} \t"
        self.assertEqual(ask(self.server.media, "GET /signalwire HTTP/1.1", {**UPGRADE, "Authorization": bearer}), 101)

    def test_a_path_adds_nothing_to_its_line_in_the_log(self):
        self.assertEqual(knock(self.server.media, "/%22%20peer=1.2%5c")[0], 404)
        wait_for("the line", lambda: 'path="/? peer=1.2?"' in self.server.log())

    def test_of_those_that_come_at_once_with_a_token_one_gets_in_at_most(self):
        for _ in range(5):
            path = f"/once/{one_time()}"
            with ThreadPoolExecutor(8) as pool:
                got = [status for status, _ in pool.map(lambda _, path=path: knock(self.server.media, path), range(8))]
            self.assertLessEqual(got.count(101), 1)
            self.assertEqual(got.count(401) + got.count(101), 8)

    def test_a_header_that_is_too_long_is_refused(self):
        self.expect([("/signalwire?" + "&".join(f"a{n}=1" for n in range(40)),
                      {"Authorization": "Bearer " + SECRETS["bearer"]}, 403, "handshake", "too_long")])

    # ---- one-time tokens ----

    def close_code(self, path, custom=None, call=None):
        """Of a call that says its start, one frame, and stop."""
        caller = Caller(self.server.ws(path), custom=custom)
        if call:
            caller.call = call

        async def talk():
            await caller.connect()
            try:
                await caller.start()
                await caller.frames(speech(seconds=1)[:160])
                await caller.stop()
            except websockets.ConnectionClosed:
                pass
            return await caller.close_code()

        return asyncio.run(talk()), caller

    def rows(self, caller):
        return self.store.rows(f"SELECT * FROM calls WHERE provider_call_id = '{caller.call}'")

    def test_a_token_in_a_parameter_opens_one_call_once(self):
        token = one_time()
        code, caller = self.close_code("/once", {"holdline_token": token, "customer": "42"})
        self.assertEqual(code, 1000)
        row = wait_for("the row", lambda: self.rows(caller))[0]
        self.assertEqual(row["custom"], {"customer": "42"})
        for custom in ({"holdline_token": token}, {"holdline_token": one_time(life=-1)}, {"holdline_token": "x"},
                       {"holdline_token": one_time(secret="guess-hush")}, {"holdline_token": one_time("plivo")},
                       {"customer": "42"}, {}):
            with self.subTest(custom=custom):
                code, caller = self.close_code("/once", custom)
                self.assertEqual(code, 1008)
                self.assertEqual(self.rows(caller), [])
        self.assertNotIn(token, self.server.log())

    def test_a_token_may_be_for_a_call_of_the_provider(self):
        mine, theirs = Caller(None).call, Caller(None).call
        self.assertEqual(self.close_code("/once", {"holdline_token": one_time(call=mine)}, call=mine)[0], 1000)
        self.assertEqual(self.close_code("/once", {"holdline_token": one_time(call=mine)}, call=theirs)[0], 1008)
        self.assertEqual(self.close_code(f"/once/{one_time(call=theirs)}", call=theirs)[0], 1000)
        self.assertEqual(self.close_code(f"/once/{one_time(call=theirs)}", call=mine)[0], 1008)

    def test_a_token_in_path_or_query_opens_the_line_once_whichever_process_it_meets(self):
        for path in ("/once/%s", "/once-query?holdline_token=%s"):
            token = one_time()
            got = [knock(self.server.media, path % token)[0] for _ in range(12)]
            self.assertEqual(got, [101] + 11 * [401])
            self.assertEqual(knock(self.server.media, path % one_time(life=-1))[0], 401)
            self.assertNotIn(token, self.server.log())

    def test_the_name_is_gone_from_the_row_of_an_open_route_too(self):
        code, caller = self.close_code("/open", {"Holdline-Token": "x", "a": "b"})
        self.assertEqual(code, 1000)
        self.assertEqual(wait_for("the row", lambda: self.rows(caller))[0]["custom"], {"a": "b"})


class OneStream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(config=CONFIG, media__processes=3).start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    async def begin(self, path, call=None, tracks=("inbound",)):
        caller = Caller(self.server.ws(path), tracks=tracks)
        caller.call = call or caller.call
        await caller.connect()
        await caller.start()
        return caller

    def test_a_second_stream_of_a_live_call_is_refused(self):
        async def calls():
            first = await self.begin("/open")
            wait_for("the first", lambda: f"provider_call={first.call}" in self.server.log())
            for _ in range(12):  # whichever process it comes to
                second = await self.begin("/open", first.call)
                self.assertEqual(await second.close_code(), 1008)
            second = await self.begin("/open", first.call, ("inbound", "outbound"))
            self.assertEqual(await second.close_code(), 1008)
            other = await self.begin("/open", first.call, ("outbound",))
            await other.stop()
            self.assertEqual(await other.close_code(), 1000)
            await first.stop()
            self.assertEqual(await first.close_code(), 1000)
            again = await self.begin("/open", first.call)
            await again.stop()
            self.assertEqual(await again.close_code(), 1000)
            return first.call

        call = asyncio.run(calls())
        self.assertEqual(self.server.log().count("reason=live_already check=single_stream"), 13)
        wait_for("three rows", lambda: self.store.rows(
            f"SELECT count(*) AS n FROM calls WHERE provider_call_id = '{call}' AND state = 'ended'")[0]["n"] == 3)

    def test_an_id_in_the_handshake_counts_too(self):
        async def begin():
            header = {"x-ms-call-connection-id": "azure-1"}
            socket = await websockets.connect(self.server.ws("/azure"), extra_headers=header)
            await socket.send(json.dumps({"kind": "AudioMetadata", "audioMetadata": {
                "subscriptionId": "s", "encoding": "PCM", "sampleRate": 16000, "channels": 1, "length": 640}}))
            return socket

        async def calls():
            first = await begin()
            wait_for("the first", lambda: "provider_call=azure-1" in self.server.log())
            second = await begin()
            with self.assertRaises(websockets.ConnectionClosed):
                await asyncio.wait_for(second.recv(), 20)
            self.assertEqual(second.close_code, 1008)
            await first.close()

        asyncio.run(calls())

    def test_what_a_killed_process_held_is_free_again(self):
        async def calls():
            first = await self.begin("/open")
            wait_for("the first", lambda: f"provider_call={first.call}" in self.server.log())
            pids = self.server.pids("media")
            self.server.kill("media")
            wait_for("the next", lambda: self.server.ready() and len(set(self.server.pids("media")) - set(pids)) == 3)
            again = await self.begin("/open", first.call)
            await again.stop()
            self.assertEqual(await again.close_code(), 1000)

        asyncio.run(calls())

    def test_a_route_may_allow_it(self):
        async def calls():
            first = await self.begin("/many")
            second = await self.begin("/many", first.call)
            for caller in (first, second):
                await caller.stop()
                self.assertEqual(await caller.close_code(), 1000)

        asyncio.run(calls())


class Limits(unittest.TestCase):
    def test_who_guesses_or_floods_is_told_to_wait_and_nobody_else(self):
        config = CONFIG.replace("127.0.0.2/32", "127.0.0.1/32")
        with Server(config=config, media__refusals_per_minute=5, media__handshakes_per_second=20) as server:
            def knocks(count, path, source, headers=()):
                return [knock(server.media, path, {"X-Forwarded-For": source, **dict(headers)})[0]
                        for _ in range(count)]

            good = {"Authorization": "Bearer " + SECRETS["bearer"]}
            guesses = knocks(10, "/signalwire", "192.0.2.1")
            self.assertEqual(guesses, 5 * [401] + 5 * [429])
            self.assertEqual(knocks(1, "/signalwire", "192.0.2.1", good), [429])
            self.assertEqual(knocks(1, "/signalwire", "192.0.2.2", good), [101])
            self.assertEqual(knocks(8, "/nowhere", "192.0.2.3")[5:], 3 * [429])
            self.assertIn(429, knocks(200, "/open", "2001:db8::1"))
            self.assertEqual(knocks(1, "/open", "2001:db8:0:1::1"), [101])
            self.assertEqual({*knocks(40, "/open", "127.0.0.1")}, {101})  # our own machine
            log = server.log()
            self.assertEqual(len(re.findall(r"\[CALLER_LIMITED\] status=429 reason=refusal_rate peer=192\.0\.2\.1 ",
                                            log)), 1)
            self.assertIn("reason=handshake_rate peer=2001:db8::1", log)
            self.assertGreater(server.metric('holdline_calls_refused_total{reason="refusal_rate"}'), 5)


    def test_an_address_has_only_so_many_lines_that_wait_for_their_token(self):
        async def silent(server, count):
            return [await websockets.connect(server.ws("/once"), extra_headers={"X-Forwarded-For": "192.0.2.1"})
                    for _ in range(count)]

        async def calls(server):
            for _ in range(8):  # who shows a token is forgiven
                caller = Caller(server.ws("/once"), custom={"holdline_token": one_time()})
                caller.socket = (await silent(server, 1))[0]
                await caller.start()
                await caller.stop()
                self.assertEqual(await caller.close_code(), 1000)
            waiting = await silent(server, 4)
            with self.assertRaises(websockets.InvalidStatusCode) as refused:
                await silent(server, 5)
            self.assertEqual(refused.exception.status_code, 429)
            self.assertEqual(knock(server.media, "/open", {"X-Forwarded-For": "192.0.2.2"})[0], 101)
            for socket in waiting:
                await socket.close()

        with Server(config=CONFIG.replace("127.0.0.2/32", "127.0.0.1/32"), media__refusals_per_minute=5) as server:
            asyncio.run(calls(server))


class Secrets(unittest.TestCase):
    def test_a_secret_file_is_read_again_on_sighup(self):
        with Server(config="log: {level: info}") as server:
            path = os.path.join(server.data_dir, "secret")

            def write(*secrets):
                with open(path, "w", encoding="utf-8") as file:
                    file.write("\n".join(secrets) + "\n")

            def status(secret):
                return knock(server.media, "/a", {"Authorization": "Bearer " + secret})[0]

            def reload(first, then):
                server.process.send_signal(signal.SIGHUP)
                wait_for("the reload", lambda: [status(first[0]), status(then[0])] == [first[1], then[1]])

            write("one")
            server.configure("media: {routes: [{path: /a, provider: twilio, "
                             f"auth: {{bearer: {{secret_file: {path}}}}}}}]}}")
            reload(("one", 101), ("two", 401))
            write("two", "one")
            reload(("one", 101), ("two", 101))
            write("two")
            reload(("one", 401), ("two", 101))
            os.unlink(path)  # which is said, and changes nothing
            server.process.send_signal(signal.SIGHUP)
            wait_for("the complaint", lambda: "effect=\"nothing was changed\"" in server.log())
            self.assertEqual(status("two"), 101)

    def test_open_routes_are_told_where_others_can_reach_them(self):
        lenient = "auth: {twilio: {secret: a, missing: if_present}}"
        for listen, config, told in (("127.0.0.1", None, False), ("0.0.0.0", None, True),
                                     ("0.0.0.0", f"media: {{routes: [{{path: /a, provider: twilio, {lenient}}}]}}", True),
                                     ("0.0.0.0", "media: {routes: [{path: /a, provider: twilio, auth: none}]}", False)):
            with self.subTest(listen=listen, config=config):
                server = Server(config=config)
                server.settings["media.listen"] = f"{listen}:{server.media}"
                with server:
                    self.assertEqual("[OPEN_ROUTES]" in server.log(), told)


if __name__ == "__main__":
    unittest.main()
