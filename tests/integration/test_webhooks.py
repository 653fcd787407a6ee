"""Webhooks: each provider asks what to do with a call, and the answer leads it to us, once.

The signatures are made here, in Python, from the providers' documents."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET

import jwt
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from database import Postgres, Sqlite
from server import Server, free_port, wait_for
from twilio_caller import Caller, speech

SECRETS = {"twilio": "twilio-hush-1f0e", "plivo": "plivo-hush-7a1b", "vonage": "vonage-hush-9e3f",
           "basic": "basic-hush-8b5d", "bearer": "bearer-hush-0a4c", "exotel": "exotel-hush-11"}
TELNYX = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TELNYX_PUBLIC = base64.b64encode(TELNYX.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
HOST = "hooks.example.com"
HOSTILE = '"/><Hangup/><x y="\'&]]>\\"}'


def config(media, extra=""):
    return f"""
media:
  public_url: ws://127.0.0.1:{media}
  routes:
    - {{path: /media/twilio, provider: twilio, auth: {{one_time: }}}}
    - {{path: /media/signalwire, provider: signalwire, auth: {{bearer: {{secret: {SECRETS["bearer"]}}}, one_time: }}}}
    - {{path: "/media/telnyx/{{token}}", provider: telnyx, auth: {{one_time: }}}}
    - {{path: /media/plivo, provider: plivo, auth: {{one_time: }}}}
    - {{path: /media/vonage, provider: vonage, auth: {{one_time: }}}}
    - {{path: /media/exotel, provider: exotel,
       auth: {{basic: {{user: exotel, secret: {SECRETS["exotel"]}}}, one_time: {{in: query}}}}}}
    - {{path: /media/jambonz, provider: jambonz, auth: {{one_time: }}}}
    - {{path: /open, provider: twilio}}
    - {{path: /media, provider: auto, auth: {{one_time: }}}}
webhooks:
  public_url: https://{HOST}
  answers:
    - {{provider: twilio, route: /media/twilio, auth: {{twilio: {{secret: {SECRETS["twilio"]}}}}}}}
    - {{name: listen-in, provider: twilio, route: /open, mode: start, track: both, status_callback: false,
       auth: {{token: {{secret: sesame}}}}}}
    - {{name: any, provider: twilio, route: /media, auth: {{token: {{secret: sesame}}}}}}
    - {{provider: signalwire, route: /media/signalwire, auth: {{twilio: {{secret: {SECRETS["twilio"]}}}}}}}
    - {{provider: telnyx, route: "/media/telnyx/{{token}}", auth: {{telnyx_signature: {{public_key: {TELNYX_PUBLIC}}}}}}}
    - {{provider: plivo, route: /media/plivo, auth: {{plivo: {{secret: {SECRETS["plivo"]}}}}}}}
    - {{provider: vonage, route: /media/vonage, auth: {{vonage: {{secret: {SECRETS["vonage"]}}}}}}}
    - {{provider: exotel, route: /media/exotel, auth: {{networks: [127.0.0.0/8]}}}}
    - {{provider: jambonz, route: /media/jambonz, auth: {{basic: {{user: jam, secret: {SECRETS["basic"]}}}}}}}
{extra}"""


class Hooks(Server):
    """A server with a listener for webhooks."""

    def __init__(self, extra="", **settings):
        self.hooks = free_port()
        super().__init__(webhooks__listen=f"127.0.0.1:{self.hooks}", config="#", **settings)
        self.configure(config(self.media, extra))

    def call(self, path, body=None, headers=()):
        """(status, body, headers) of a webhook; a body of None is a GET."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.hooks}{path}", body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def post(self, provider, what, values):
        """As that provider does it."""
        return self.call(*signed(provider, what, values))


def mac(algorithm, key, text):
    return base64.b64encode(hmac.new(key.encode(), text.encode(), algorithm).digest()).decode()


def tail(values):
    return "".join(name + values[name] for name in sorted(values))


def signed(provider, what, values, wrong=False):
    """path, body and headers of a webhook that says these values; `wrong`: somebody else has signed it."""
    path = f"/webhooks/{provider}/{what}"
    url = f"https://{HOST}{path}"
    form = urllib.parse.urlencode(values).encode()
    text = json.dumps(values).encode()
    if provider in ("twilio", "signalwire"):
        name = "X-Twilio-Signature" if provider == "twilio" else "X-SignalWire-Signature"
        return path, form, {name: mac("sha1", "guess" if wrong else SECRETS["twilio"], url + tail(values))}
    if provider == "plivo":
        signature = mac("sha256", "guess" if wrong else SECRETS["plivo"], f"{url}?{tail(values)}.77")
        return path, form, {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": "77"}
    if provider == "telnyx":
        now = str(int(time.time()))
        key = Ed25519PrivateKey.generate() if wrong else TELNYX
        signature = key.sign(f"{now}|".encode() + form)
        return path, form, {"Telnyx-Signature-Ed25519": base64.b64encode(signature).decode(), "Telnyx-Timestamp": now}
    if provider == "vonage":
        claims = {"iss": "Vonage", "iat": int(time.time()), "jti": "x", "payload_hash": hashlib.sha256(text).hexdigest()}
        return path, text, {"Authorization": "Bearer " + jwt.encode(claims, "guess" if wrong else SECRETS["vonage"], "HS256")}
    if provider == "exotel":
        return path + "?" + urllib.parse.urlencode(values), None, {}
    password = "guess" if wrong else SECRETS["basic"]
    return path, text, {"Authorization": "Basic " + base64.b64encode(f"jam:{password}".encode()).decode()}


CALLS = {
    "twilio": {"CallSid": "CA1", "From": "+14158675309", "To": "+18005551212", "Direction": "inbound"},
    "signalwire": {"CallSid": "SW1", "From": "+14158675309", "To": "+18005551212", "Direction": "inbound"},
    "telnyx": {"CallSid": "v3:1", "From": "+14158675309", "To": "+18005551212"},
    "plivo": {"CallUUID": "PL1", "From": "14158675309", "To": "18005551212", "Direction": "inbound"},
    "vonage": {"uuid": "VO1", "from": "14158675309", "to": "18005551212", "conversation_uuid": "CON-1"},
    "exotel": {"CallSid": "EX1", "CallFrom": "09876543210", "CallTo": "08047491899", "Direction": "incoming"},
    "jambonz": {"call_sid": "JA1", "from": "+14158675309", "to": "+18005551212", "direction": "inbound"},
}


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Hooks().start()

    @classmethod
    def tearDownClass(cls):
        log = cls.server.log()
        cls.server.__exit__(None)
        assert "hush" not in log, re.findall(".*hush.*", log)

    def answer(self, provider, **more):
        status, body, headers = self.server.post(provider, "answer", {**CALLS[provider], **more})
        self.assertEqual(status, 200, body)
        return body, headers

    def test_every_provider_is_answered_in_its_own_words(self):
        token = "([0-9a-f]{80})"
        base = f"ws://127.0.0.1:{self.server.media}"
        head = '<\\?xml version="1.0" encoding="UTF-8"\\?>\n<Response>'
        three = ('<Parameter name="from" value="\\+14158675309"/><Parameter name="to" value="\\+18005551212"/>'
                 '<Parameter name="direction" value="inbound"/>')
        last = f'<Parameter name="holdline_token" value="{token}"/>'
        expected = {
            "twilio": f'{head}<Connect><Stream url="{base}/media/twilio" '
                      f'statusCallback="https://{HOST}/webhooks/twilio/status">{three}{last}</Stream></Connect></Response>\n',
            "signalwire": f'{head}<Connect><Stream url="{base}/media/signalwire" authBearerToken="{SECRETS["bearer"]}" '
                          f'statusCallback="https://{HOST}/webhooks/signalwire/status">{three}{last}</Stream></Connect></Response>\n',
            "telnyx": f'{head}<Connect><Stream url="{base}/media/telnyx/{token}" bidirectionalMode="rtp" '
                      f'statusCallback="https://{HOST}/webhooks/telnyx/status">'
                      '<Parameter name="from" value="\\+14158675309"/><Parameter name="to" value="\\+18005551212"/>'
                      '</Stream></Connect></Response>\n',
            "plivo": f'{head}<Stream bidirectional="true" audioTrack="inbound" keepCallAlive="true" '
                     'contentType="audio/x-mulaw;rate=8000" '
                     f'extraHeaders="from=14158675309,to=18005551212,direction=inbound,holdlinetoken={token}" '
                     f'statusCallbackUrl="https://{HOST}/webhooks/plivo/status" statusCallbackMethod="POST">'
                     f'{base}/media/plivo</Stream></Response>\n',
            "vonage": '\\[{"action":"connect","endpoint":\\[{"type":"websocket",'
                      f'"uri":"{base}/media/vonage","content-type":"audio/l16;rate=16000","headers":{{'
                      f'"from":"14158675309","to":"18005551212","holdline_token":"{token}","call_uuid":"VO1"}}}}\\],'
                      f'"eventUrl":\\["https://{HOST}/webhooks/vonage/status"\\]}}\\]',
            "exotel": '{"url":"' + base.replace("//", f'//exotel:{SECRETS["exotel"]}@')
                      + f'/media/exotel\\?holdline_token={token}"}}',
            "jambonz": '\\[{"verb":"listen","url":"' + base + '/media/jambonz","mixType":"mono","sampleRate":8000,'
                       '"passDtmf":true,"bidirectionalAudio":{"enabled":true,"streaming":true,"sampleRate":8000},'
                       '"metadata":{"from":"\\+14158675309","to":"\\+18005551212","direction":"inbound",'
                       f'"holdline_token":"{token}"}}}}\\]',
        }
        for provider, pattern in expected.items():
            with self.subTest(provider):
                body, headers = self.answer(provider)
                self.assertRegex(body, f"^{pattern}$")
                kind = "application/json" if body[0] in "[{" else "text/xml; charset=utf-8"
                self.assertEqual(headers["Content-Type"], kind)

    def test_one_way_streams_of_both_tracks_hold_the_line(self):
        status, body, _ = self.server.call("/webhooks/listen-in/answer?token=sesame&CallSid=CA9")
        self.assertEqual(status, 200)
        self.assertEqual(body.split("\n")[1], f'<Response><Start><Stream url="ws://127.0.0.1:{self.server.media}/open" '
                         'track="both_tracks"></Stream></Start><Pause length="14400"/></Response>')

    def test_who_has_not_signed_is_refused(self):
        for provider, values in CALLS.items():
            if provider == "exotel":
                continue  # which signs nothing; its networks are checked
            with self.subTest(provider):
                status, body, headers = self.server.call(*signed(provider, "answer", values, wrong=True))
                self.assertEqual(status, 401 if provider in ("vonage", "jambonz") else 403)
                self.assertNotIn("media", body)
                path, form, good = signed(provider, "answer", values)
                self.assertIn(self.server.call(path, form)[0], (401, 403))  # nothing is shown
                if provider == "jambonz":
                    self.assertEqual(headers["WWW-Authenticate"], 'Basic realm="webhooks"')
                    continue  # a password says nothing of the body
                self.assertIn(self.server.call(path, form.replace(b"867", b"868"), good)[0], (401, 403))
        self.assertIn("[WEBHOOK_REFUSED] status=403 reason=mismatch check=twilio_signature", self.server.log())
        self.assertIn("check=vonage_token", self.server.log())
        self.assertEqual(self.server.call("/webhooks/listen-in/answer?token=open")[0], 401)

    def test_a_token_for_a_body_is_good_for_no_other_and_for_none_without(self):
        path, body, headers = signed("vonage", "answer", CALLS["vonage"])
        self.assertEqual(self.server.call(path, body, headers)[0], 200)
        for query in ("", "?uuid=another&from=1"):
            for other in (None, b"", body + b" "):
                with self.subTest(query=query, body=other):
                    self.assertEqual(self.server.call(path + query, other, headers)[0], 401)
        self.assertIn("reason=another_payload check=vonage_token", self.server.log())
        self.assertNotIn('provider_call="another"', self.server.log())

    def test_a_stranger_adds_nothing_to_a_line_of_the_log(self):
        forged = urllib.parse.quote('EX" name=forged x="')
        self.assertEqual(self.server.call(f"/webhooks/exotel/answer?CallSid={forged}")[0], 200)
        self.assertEqual(self.server.call(f"/webhooks/exotel/status?CallSid={forged}&Status={forged}")[0], 200)
        for path in ("/webhooks/x%22%20a=b/answer", "/webhooks/a-token-sent-to-the-wrong-place/answer"):
            self.assertEqual(self.server.call(path)[0], 404)
        self.assertNotIn('" name=forged', self.server.log())
        self.assertNotIn("wrong-place", self.server.log())
        wait_for("the line of the log", lambda: "[WEBHOOK_REFUSED] status=404 reason=no_such_name peer=127.0.0.1 name=x??a?b "
                 in self.server.log())

    def test_a_route_of_any_dialect_is_answered_in_the_one_of_the_webhook(self):
        status, body, _ = self.server.call("/webhooks/any/answer?token=sesame", b"CallSid=CA-any")
        self.assertEqual(status, 200)
        token = ET.fromstring(body.split("\n", 1)[1]).find("Connect/Stream/Parameter").get("value")

        async def go(custom):
            caller = Caller(self.server.ws("/media"), custom=custom)
            caller.call = "CA-any"
            await caller.connect()
            await caller.start()
            await caller.stop()
            return await caller.close_code()

        self.assertEqual([asyncio.run(go({"holdline_token": token})) for _ in range(2)], [1000, 1008])

    def test_a_request_that_is_none_is_refused(self):
        path, form, headers = signed("twilio", "answer", CALLS["twilio"])
        for first in (f"POST {path}%0ax-injected:1 HTTP/1.1\r\nHost: a", f"POST {path} HTTP/1.1\r\nHost: a\r\nHost: b"):
            lines = [first, f"Content-Length: {len(form)}"] + [f"{name}: {value}" for name, value in headers.items()]
            with socket.create_connection(("127.0.0.1", self.server.hooks), 10) as line:
                line.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + form)
                self.assertEqual(line.recv(4096).split()[1], b"400", first)

    def test_a_body_that_drips_in_is_cut_off(self):
        with socket.create_connection(("127.0.0.1", self.server.hooks), 10) as line:
            line.sendall(b"POST /webhooks/exotel/answer HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
            line.settimeout(0.5)
            answer = b""
            for _ in range(120):  # the timeout is far from that
                try:
                    line.sendall(b"x")
                    answer = line.recv(4096)
                    break
                except TimeoutError:
                    continue
            self.assertEqual(answer.split()[1:2], [b"408"])

    def test_json_is_not_taken_where_a_form_is_signed(self):
        path, _, headers = signed("twilio", "answer", {})
        self.assertEqual(self.server.call(path, b'{"CallSid":"CA1"}', headers)[0], 403)

    def test_json_of_twilio_is_taken_with_its_digest_in_the_url(self):
        def ask(body, digest_of):
            query = "?bodySHA256=" + hashlib.sha256(digest_of).hexdigest()
            url = f"https://{HOST}/webhooks/twilio/status{query}"
            return self.server.call(f"/webhooks/twilio/status{query}", body,
                                    {"X-Twilio-Signature": mac("sha1", SECRETS["twilio"], url)})[0]

        body = b'{"CallSid":"CA-json","CallStatus":"completed"}'
        self.assertEqual(ask(body, body), 200)
        self.assertEqual(ask(body.replace(b"CA-", b"CB-"), body), 403)

    def test_what_a_stranger_says_stays_text(self):
        for provider in CALLS:
            name = "from" if provider in ("vonage", "jambonz") else "CallFrom" if provider == "exotel" else "From"
            with self.subTest(provider):
                body, headers = self.answer(provider, **{name: HOSTILE})
                if headers["Content-Type"] == "application/json":
                    document = json.loads(body)
                    sent = {"vonage": lambda d: d[0]["endpoint"][0]["headers"]["from"],
                            "jambonz": lambda d: d[0]["metadata"]["from"], "exotel": lambda d: HOSTILE}
                    self.assertEqual(sent[provider](document), HOSTILE)
                    continue
                tree = ET.fromstring(body.split("\n", 1)[1])
                self.assertEqual(tree.findall(".//Hangup"), [])
                values = [p.get("value") for p in tree.iter("Parameter") if p.get("name") == "from"]
                self.assertEqual(values, [] if provider == "plivo" else [HOSTILE])

    def test_only_webhooks_are_on_their_listener(self):
        for path in ("/health/live", "/metrics", "/api/status", "/webhooks/nobody/answer", "/webhooks/twilio", "/"):
            self.assertEqual(self.server.call(path)[0], 404, path)
        self.assertEqual(self.server.get("/webhooks/twilio/answer")[0], 404)

    def test_too_much_is_refused(self):
        path, _, headers = signed("twilio", "answer", {})
        self.assertEqual(self.server.call(path, b"a=" + b"x" * 70000, headers)[0], 413)
        self.assertEqual(self.server.call(path, b"&".join(b"a%d=1" % i for i in range(200)), headers)[0], 400)
        self.assertEqual(self.server.call(path, b"a=%00b", headers)[0], 400)
        self.assertEqual(self.server.call(path, b"a=%ff", headers)[0], 400)

    def test_the_answer_leads_to_a_call_once(self):
        sound = speech(seconds=0.5)

        async def go():
            body, _ = self.answer("twilio", CallSid="CA-once")
            stream = ET.fromstring(body.split("\n", 1)[1]).find(".//Stream")
            custom = {p.get("name"): p.get("value") for p in stream.iter("Parameter")}
            caller = Caller(stream.get("url"), custom=custom)
            caller.call = "CA-once"
            self.assertEqual(await caller.talk(sound), 1000)
            again = Caller(stream.get("url"), custom=custom)
            again.call = "CA-once"
            self.assertEqual(await again.talk(sound), 1008)

        asyncio.run(go())
        rows = wait_for("the row", lambda: Sqlite(self.server.data_dir).rows(
            "SELECT from_number, to_number, direction, custom FROM calls "
            "WHERE provider_call_id = 'CA-once' AND state = 'ended'"))
        self.assertEqual(len(rows), 1)
        self.assertIn("+14158675309", str(rows[0]))
        self.assertNotIn("holdline_token", str(rows[0]))


class Guessing(unittest.TestCase):
    def test_who_guesses_must_wait_and_nobody_else(self):
        with Hooks(media__trusted_proxies="127.0.0.1/32", media__refusals_per_minute=3) as server:
            def knock(address, wrong):
                path, form, headers = signed("twilio", "answer", CALLS["twilio"], wrong=wrong)
                return server.call(path, form, {**headers, "X-Forwarded-For": address})[0]

            self.assertEqual([knock("192.0.2.9", True) for _ in range(5)], [403, 403, 403, 429, 429])
            self.assertEqual(knock("192.0.2.9", False), 429)
            self.assertEqual(knock("192.0.2.10", False), 200)
            wait_for("the line of the log", lambda: "[CALLER_LIMITED] status=429 reason=refusal_rate peer=192.0.2.9" in server.log())

            def guess_a_name(number):
                return server.call(f"/webhooks/name-{number}/answer", None, {"X-Forwarded-For": "192.0.2.11"})[0]

            self.assertEqual([guess_a_name(n) for n in range(5)], [404, 404, 404, 429, 429])


class Busy(unittest.TestCase):
    def test_a_server_that_takes_no_calls_says_so_in_each_dialect(self):
        with Hooks(media__max_calls=1) as server:
            async def hold():
                async with websockets.connect(server.ws("/open")):
                    wait_for("the server to be full", lambda: not server.ready())
                    return {p: server.post(p, "answer", values)[:2] for p, values in CALLS.items()}

            answers = asyncio.run(hold())
        reject = '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Reject reason="busy"/></Response>\n'
        for provider in ("twilio", "signalwire", "telnyx"):
            self.assertEqual(answers[provider], (200, reject))
        self.assertEqual(answers["plivo"], (200, reject.replace("Reject", "Hangup")))
        self.assertEqual(answers["jambonz"], (200, '[{"verb":"sip:decline","status":486,"reason":"Busy Here"}]'))
        self.assertEqual([answers["vonage"][0], answers["exotel"][0]], [503, 503])


ENDS = {  # the last callback of each provider: what it says, and what the row has of it
    "twilio": ({"CallStatus": "completed", "CallDuration": "12", "SipResponseCode": "200"}, ("completed", 12000, "200", None)),
    "signalwire": ({"CallStatus": "busy", "CallDuration": "0", "SipResultCode": "486"}, ("busy", 0, "486", "486")),
    "telnyx": ({"CallStatus": "completed", "CallDuration": "3", "HangupCause": "normal_clearing"},
               ("completed", 3000, "normal_clearing", None)),
    "plivo": ({"CallStatus": "completed", "Duration": "7", "HangupCauseName": "Normal Hangup"},
              ("completed", 7000, "Normal Hangup", None)),
    "vonage": ({"status": "failed", "duration": "0", "detail": "unavailable", "sip_code": "503"},
               ("failed", 0, "unavailable", "503")),
    "exotel": ({"Status": "completed", "ConversationDuration": "31"}, ("completed", 31000, "completed", None)),
    "jambonz": ({"call_status": "completed", "duration": 9, "sip_status": 200, "sip_reason": "OK"},
                ("completed", 9000, "OK", None)),
}
ROW = "SELECT provider_status, provider_duration_ms, hangup_cause, provider_error FROM "


def rows(store, query):
    return [tuple(row.values()) for row in store.rows(query)]


def ident(provider, call):
    return {next(iter(CALLS[provider])): call}


async def talk(server, call, sound=speech(seconds=0.3)):
    """Asks for the answer as Twilio does, and calls where it says."""
    status, body, _ = server.post("twilio", "answer", {**CALLS["twilio"], "CallSid": call})
    assert status == 200, body
    stream = ET.fromstring(body.split("\n", 1)[1]).find(".//Stream")
    caller = Caller(stream.get("url"), custom={p.get("name"): p.get("value") for p in stream.iter("Parameter")})
    caller.call = call
    assert await caller.talk(sound) == 1000


class Statuses(unittest.TestCase):
    def completed(self, store, call, expected):
        row = ROW + f"calls WHERE provider = 'twilio' AND provider_call_id = '{call}' AND state = 'ended'"
        wait_for(f"the row of {call}", lambda: rows(store, row) == [expected])

    def say(self, server, call, status, **more):
        got = server.post("twilio", "status", {"CallSid": call, "CallStatus": status, **more})
        self.assertEqual(got[0], 200, got[1])

    def check_whole_way(self, server, store):
        """Before the call, after it, repeated, out of order, and for a call that never streamed."""
        end = {"CallDuration": "5", "SipResponseCode": "200"}
        expected = ("completed", 5000, "200", None)
        asyncio.run(talk(server, "CA-after"))
        self.completed(store, "CA-after", (None, None, None, None))
        for _ in range(3):
            self.say(server, "CA-after", "completed", **end)
        self.completed(store, "CA-after", expected)
        self.say(server, "CA-after", "ringing")  # late
        self.say(server, "CA-before", "completed", **end)
        self.say(server, "CA-before", "in-progress")
        asyncio.run(talk(server, "CA-before"))
        self.completed(store, "CA-before", expected)
        self.completed(store, "CA-after", expected)
        self.say(server, "CA-never", "busy", ErrorCode="13224")
        kept = ROW + "provider_calls WHERE provider_call_id = 'CA-never'"
        wait_for("the status", lambda: rows(store, kept) == [("busy", None, "busy", "13224")])
        self.assertEqual(rows(store, "SELECT count(*) FROM calls WHERE provider_call_id = 'CA-never'"), [(0,)])
        self.assertEqual(rows(store, "SELECT count(*) FROM call_statuses WHERE provider_call_id = 'CA-after'"), [(2,)])

    def test_the_whole_way_with_sqlite(self):
        with Hooks() as server:
            self.check_whole_way(server, Sqlite(server.data_dir))

    def test_the_whole_way_with_postgresql_and_while_it_is_away(self):
        database = Postgres()
        self.addCleanup(database.close)
        database.start()
        with Hooks(database__url=database.url) as server:
            self.check_whole_way(server, database)
            database.stop()
            wait_for("the outage", lambda: server.get("/health/db")[0] == 503 or self.say(server, "CA-x", "queued"))
            self.say(server, "CA-away", "completed", CallDuration="8", SipResponseCode="200")
            asyncio.run(talk(server, "CA-away"))
            asyncio.run(talk(server, "CA-away-2"))
            self.say(server, "CA-away-2", "completed", CallDuration="9", SipResponseCode="487")
            server.kill("control")  # what was acknowledged survives its process
            database.start()
            self.completed(database, "CA-away", ("completed", 8000, "200", None))
            self.completed(database, "CA-away-2", ("completed", 9000, "487", "487"))

    def test_two_nodes_cannot_write_a_call_and_its_status_past_each_other(self):
        database = Postgres()
        self.addCleanup(database.close)
        database.start()
        with Hooks(database__url=database.url) as server:
            wait_for("the tables", lambda: database.rows("SELECT count(*) FROM call_statuses"))
            call = ("INSERT INTO calls (call_id, node_id, provider, provider_call_id, state, started_at, rev) VALUES "
                    "(gen_random_uuid(), 'other', 'twilio', 'CA-race', 'ended', now(), 1)")
            with subprocess.Popen(database.psql(), stdin=subprocess.PIPE, text=True) as other:
                other.stdin.write(f"BEGIN;\n{call};\n\\! touch {server.data_dir}/written\n")
                other.stdin.flush()
                wait_for("the other node to have written", lambda: os.path.exists(f"{server.data_dir}/written"))
                self.say(server, "CA-race", "completed", CallDuration="3")  # which its drainer writes meanwhile
                wait_for("the drainer to wait", lambda: rows(database, "SELECT count(*) FROM pg_locks WHERE NOT granted")
                         != [(0,)])
                other.stdin.write("COMMIT;\n")
            self.completed(database, "CA-race", ("completed", 3000, "completed", None))

    def test_a_secret_is_changed_by_a_reload(self):
        with Hooks() as server:
            path, form, headers = signed("twilio", "answer", CALLS["twilio"])
            self.assertEqual(server.call(path, form, headers)[0], 200)
            server.configure(config(server.media).replace(SECRETS["twilio"], "another-hush-17"))
            server.process.send_signal(signal.SIGHUP)
            wait_for("the reload", lambda: server.call(path, form, headers)[0] == 403)
            server.configure(config(server.media))
            server.process.send_signal(signal.SIGHUP)
            wait_for("the reload", lambda: server.call(path, form, headers)[0] == 200)

    def test_each_provider_tells_how_a_call_ended(self):
        with Hooks() as server:
            store = Sqlite(server.data_dir)
            for provider, (values, expected) in ENDS.items():
                with self.subTest(provider):
                    status, body, _ = server.post(provider, "status", {**ident(provider, "C-" + provider), **values})
                    self.assertEqual((status, body), (200, ""))
                    row = ROW + f"provider_calls WHERE provider = '{provider}' AND provider_call_id = 'C-{provider}'"
                    wait_for("the status", lambda row=row, expected=expected: rows(store, row) == [expected])
            text = {"data": {"event_type": "call.hangup", "payload": {
                "call_control_id": "v3:9", "hangup_cause": "user_busy", "sip_hangup_cause": "486",
                "start_time": "2026-11-24T01:00:00.000000Z", "end_time": "2026-11-24T01:00:04.500000Z"}}}
            path, _, _ = signed("telnyx", "status", {})
            now, body = str(int(time.time())), json.dumps(text).encode()
            signature = base64.b64encode(TELNYX.sign(f"{now}|".encode() + body)).decode()
            headers = {"Telnyx-Signature-Ed25519": signature, "Telnyx-Timestamp": now}
            self.assertEqual(server.call(path, body, headers)[0], 200)
            wait_for("the status", lambda: rows(store, ROW + "provider_calls WHERE provider_call_id = 'v3:9'")
                     == [("call.hangup", 4500, "user_busy", "486")])

    def test_a_forged_status_changes_nothing(self):
        with Hooks() as server:
            for provider, (values, _) in ENDS.items():
                if provider != "exotel":
                    self.assertIn(server.call(*signed(provider, "status", values, wrong=True))[0], (401, 403))
            self.assertEqual(server.post("twilio", "status", {"CallSid": "CA1"})[0], 200)  # says nothing
            server.stop()
            self.assertEqual(rows(Sqlite(server.data_dir), "SELECT count(*) FROM call_statuses"), [(0,)])

    def test_a_full_outbox_asks_the_provider_to_come_again(self):
        server = Hooks(outbox__min_free_disk="900TiB").start(ready=False)
        with contextlib.ExitStack() as stack:
            stack.push(server.__exit__)
            wait_for("the server", lambda: "outbox_full" in server.get("/health/ready")[1])
            status, body, headers = server.post("twilio", "status", {"CallSid": "CA1", "CallStatus": "completed"})
            self.assertEqual((status, headers["Retry-After"]), (503, "1"))
            self.assertIn("outbox_full", body)
            self.assertIn("Reject", server.post("twilio", "answer", CALLS["twilio"])[1])


if __name__ == "__main__":
    unittest.main()
