"""Messages: what Meta and Twilio tell of WhatsApp and SMS is kept, each thing once, whatever happens meanwhile.

The signatures are made here, in Python, from the providers' documents."""

import asyncio
import concurrent.futures
import hashlib
import hmac
import json
import random
import signal
import socket
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from database import Postgres, Sqlite
from server import Server, free_port, wait_for
from test_webhooks import mac, tail
from twilio_caller import Caller, speech

SECRET, TOKEN = "app-hush-41c0", "verify-hush-77aa"
SHOP, TWILIO = "shop-hush-5d2e", "twilio-hush-90b1"
HOST = "hooks.example.com"
PHONE_ID = "106540352242922"
CONFIG = f"""
webhooks:
  public_url: https://{HOST}
  answers:
    - {{name: shop, provider: meta, auth: {{meta: {{secret: [{SHOP}, new-{SHOP}], verify_token: [shop-token]}}}}}}
    - {{provider: twilio, auth: {{twilio: {{secret: {TWILIO}}}}}}}
"""


class Inbox(Server):
    """A server that takes messages."""

    def __init__(self, **settings):
        self.hooks = free_port()
        super().__init__(webhooks__listen=f"127.0.0.1:{self.hooks}", config=CONFIG,
                         **{"whatsapp__verify_token": TOKEN, "whatsapp__app_secret": SECRET, **settings})

    def call(self, path, body=None, headers=()):
        """(status, body) of a webhook; a body of None is a GET, (0, reason): no answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.hooks}{path}", body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def meta(self, envelope, path="/webhooks/whatsapp", secret=SECRET):
        """As Meta does it: JSON with ASCII alone, signed as it is."""
        body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
        return self.call(path, body, sign(body, secret))

    def twilio(self, values, **more):
        url = f"https://{HOST}/webhooks/twilio/message"
        return self.call("/webhooks/twilio/message", urllib.parse.urlencode(values).encode(),
                         {"X-Twilio-Signature": mac("sha1", TWILIO, url + tail(values)), **more})


def sign(body, secret):
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
            "Content-Type": "application/json"}


def value(messages=(), statuses=(), contacts=(), phone_id=PHONE_ID, **more):
    return {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550783881", "phone_number_id": phone_id},
            **({"contacts": list(contacts)} if contacts else {}), **({"messages": list(messages)} if messages else {}),
            **({"statuses": list(statuses)} if statuses else {}), **more}


def envelope(*values, field="messages"):
    return {"object": "whatsapp_business_account",
            "entry": [{"id": "WABA1", "changes": [{"field": field, "value": v}]} for v in values]}


def text(wamid, sender="16505551234", at=1749416383, words="hello"):
    return {"from": sender, "id": wamid, "timestamp": str(at), "type": "text", "text": {"body": words}}


def status(wamid, word, at=1749416390, to="16505551234"):
    return {"id": wamid, "status": word, "timestamp": str(at), "recipient_id": to}


def kept(store, query):
    return [tuple(row.values()) for row in store.rows(query)]


def await_rows(store, query, expected):
    wait_for(f"{expected} of {query}", lambda: kept(store, query) == expected, seconds=120)


class Meta(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Inbox().start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        log = cls.server.log()
        cls.server.__exit__(None)
        for private in ("hush", "16505551234", "a secret of mine"):
            assert private not in log, private

    def say(self, *values, **more):
        self.assertEqual(self.server.meta(envelope(*values), **more), (200, ""))

    def test_the_handshake_is_answered_to_who_knows_the_token(self):
        def shake(path="/webhooks/whatsapp", **more):
            query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": TOKEN, **more}
            return self.server.call(f"{path}?" + urllib.parse.urlencode(query))

        self.assertEqual(shake(), (200, "1158201444"))
        self.assertEqual(shake("/webhooks/shop/whatsapp", **{"hub.verify_token": "shop-token"}), (200, "1158201444"))
        for wrong in ({"hub.verify_token": "guess"}, {"hub.verify_token": ""}, {"hub.mode": "unsubscribe"},
                      {"hub.challenge": "<script>"}, {"hub.challenge": "a" * 129}, {"hub.challenge": ""},
                      {"hub.verify_token": "shop-token"}):
            self.assertEqual(shake(**wrong)[0], 403, wrong)
        self.assertEqual(shake("/webhooks/twilio/whatsapp")[0], 404)
        self.assertEqual(self.server.call("/webhooks/whatsapp")[0], 403)

    def test_who_has_not_signed_is_refused_before_it_is_read(self):
        body = json.dumps(envelope(value([text("wamid.forged")]))).encode()
        good = sign(body, SECRET)["X-Hub-Signature-256"]
        for wrong in (sign(body, "guess"), sign(body, SHOP), sign(body + b" ", SECRET), {},
                      {"X-Hub-Signature-256": good[7:]}, {"X-Hub-Signature-256": good + "00"},
                      {"X-Hub-Signature-256": "sha256="}, {"X-Hub-Signature": good}):
            self.assertEqual(self.server.call("/webhooks/whatsapp", body, wrong)[0], 403, wrong)
        self.assertEqual(self.server.call("/webhooks/whatsapp", b"{" * 100000, sign(b"", SECRET))[0], 403)
        self.assertEqual(self.server.meta(envelope(), "/webhooks/nobody/whatsapp")[0], 404)
        self.assertEqual(self.server.meta(envelope(), "/webhooks/twilio/whatsapp")[0], 404)
        self.assertGreater(self.server.metric('holdline_webhooks_total{provider="meta",kind="whatsapp",result="bad_signature"}'), 0)
        self.say(value([text("wamid.after-forged")]))
        await_rows(self.store, "SELECT count(*) FROM messages WHERE provider_message_id = 'wamid.after-forged'", [(1,)])
        self.assertEqual(kept(self.store, "SELECT count(*) FROM messages WHERE provider_message_id = 'wamid.forged'"), [(0,)])

    def test_two_secrets_are_good_while_one_is_changed(self):
        for secret in (SHOP, "new-" + SHOP):
            self.assertEqual(self.server.meta(envelope(value([text("wamid.two-" + secret[:3])])), "/webhooks/shop/whatsapp", secret)[0], 200)
        await_rows(self.store, "SELECT count(*) FROM messages WHERE provider_message_id LIKE 'wamid.two-%'", [(2,)])

    def test_a_message_is_a_row_once_however_often_it_comes(self):
        contact = {"wa_id": "16505551234", "user_id": "US.13491208655302741918", "profile": {"name": "Zoë", "username": "zoe"}}
        for _ in range(3):
            self.say(value([text("wamid.once", words="Grüße \U0001f44b")], contacts=[contact]))
        query = ("SELECT provider, channel, account_id, peer, peer_phone, peer_user_id, direction, kind, body, data "
                 "FROM messages WHERE provider_message_id = 'wamid.once'")
        (row,) = wait_for("the row", lambda: self.store.rows(query))
        self.assertEqual(row["data"]["contact"], contact)
        self.assertEqual(row["data"]["message"]["text"]["body"], "Grüße \U0001f44b")
        self.assertEqual(list(row.values())[:-1], ["meta", "whatsapp", PHONE_ID, "US.13491208655302741918", "16505551234",
                         "US.13491208655302741918", "inbound", "text", "Grüße \U0001f44b"])
        self.assertEqual(kept(self.store, "SELECT at FROM messages WHERE provider_message_id = 'wamid.once'")[0][0][:19],
                         time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1749416383)))

    def test_who_shows_no_number_is_known_by_his_id(self):
        def say(wamid, contacts=(), **sender):
            message = {k: v for k, v in {**text(wamid), **sender}.items() if v is not None}
            self.say(value([message], contacts=contacts))

        say("wamid.bsuid-1", **{"from": "", "from_user_id": "DE.1"})
        say("wamid.bsuid-2", **{"from": None, "from_user_id": "DE.2"})
        say("wamid.bsuid-3", [{"user_id": "DE.3", "wa_id": ""}], **{"from": None})
        say("wamid.bsuid-4", [{"user_id": "DE.9"}, {"user_id": "DE.4", "wa_id": "494"}], **{"from": 494})
        say("wamid.bsuid-5", **{"from": None})  # nobody's: kept as a notice
        await_rows(self.store, "SELECT provider_message_id, peer, peer_phone FROM messages "
                   "WHERE provider_message_id LIKE 'wamid.bsuid-%' ORDER BY 1",
                   [("wamid.bsuid-1", "DE.1", None), ("wamid.bsuid-2", "DE.2", None), ("wamid.bsuid-3", "DE.3", None),
                    ("wamid.bsuid-4", "DE.4", "494")])
        await_rows(self.store, "SELECT count(*) FROM message_notices WHERE kind = 'message' AND data LIKE '%wamid.bsuid-5%'", [(1,)])
        await_rows(self.store, "SELECT count(*) FROM message_notices WHERE kind = 'contact' AND data LIKE '%DE.9%'", [(1,)])

    def test_each_type_shows_what_people_read(self):
        bodies = {"image": ({"id": "1", "caption": "look"}, "look"), "audio": ({"id": "2", "voice": True}, None),
                  "document": ({"id": "3", "filename": "a.pdf", "caption": "read"}, "read"), "button": ({"text": "Yes"}, "Yes"),
                  "interactive": ({"type": "list_reply", "list_reply": {"id": "r", "title": "Row"}}, "Row"),
                  "reaction": ({"message_id": "wamid.x", "emoji": "\U0001f44d"}, "\U0001f44d"), "location": ({"latitude": 1.5, "longitude": 2}, None),
                  "contacts": ([{"name": {"first_name": "A"}}], None), "hologram": ({"lens": 3}, None), "text": ([{"body": "in a list"}], None)}
        self.say(value([{**text(f"wamid.type-{kind}"), "text": None, "type": kind, kind: content} for kind, (content, _) in bodies.items()]))
        await_rows(self.store, "SELECT kind, body FROM messages WHERE provider_message_id LIKE 'wamid.type-%' ORDER BY kind",
                   sorted((kind, body) for kind, (_, body) in bodies.items()))
        self.assertEqual(self.server.metric('holdline_messages_unknown_type_total{provider="meta"}'), 1)

    def test_statuses_in_any_order_are_kept_and_lift_the_message(self):
        for word, at in (("read", 30), ("sent", 10), ("delivered", 20), ("read", 30), ("failed", 15)):
            self.say(value(statuses=[status("wamid.status", word, 1749416000 + at)]))
        await_rows(self.store, "SELECT status, rank FROM message_statuses WHERE provider_message_id = 'wamid.status' ORDER BY at",
                   [("sent", 2), ("failed", 3), ("delivered", 4), ("read", 5)])

    def test_what_is_not_understood_is_kept_as_it_came(self):
        odd = [envelope({"event": "FLAGGED"}, field="account_alerts"),
               {"object": "page", "entry": [{"id": "page-1"}]},
               envelope(value(["not an object"], [{"id": "no status"}], errors=[{"code": 131051}])),
               {"object": "whatsapp_business_account", "entry": {"id": 7, "changes": {"field": "messages", "value": value([text(4711)])}}},
               {"object": "whatsapp_business_account", "entry": [17, {"id": "e", "changes": ["odd change"], "extra": "odd entry"}]},
               envelope({**value(), "surprise": ["odd value"]}), "odd scalar", [envelope(value([text("wamid.in-a-list")]))],
               envelope(value([{"type": "text", "from": "1"}]))]
        for one in odd:
            self.assertEqual(self.server.meta(one), (200, ""), one)
        for raw in (b"{not json", b"\xff\xfe\x00 binary", b'{"half": "\\ud83d"}', b"[" * 5000):
            self.assertEqual(self.server.meta(raw)[0], 200, raw[:20])
        for word in ("FLAGGED", "page-1", "not an object", "no status", "131051", "odd change", "odd entry", "odd value",
                     "odd scalar", "{not json", "half", "base64", '"from":"1"'):
            wait_for(word, lambda word=word: any(word in json.dumps(row, ensure_ascii=False, separators=(",", ":")).replace('\\"', '"')
                                                 for row in self.store.rows("SELECT kind, data FROM message_notices")))
        await_rows(self.store, "SELECT count(*) FROM messages WHERE provider_message_id IN ('4711', 'wamid.in-a-list')", [(2,)])
        self.assertEqual(self.server.metric("holdline_dead_letters"), 0)

    def test_a_message_longer_than_a_record_is_kept_in_pieces(self):
        words = "a secret of mine, \U0001f600 and \"more\" " * 20000
        self.say(value([text("wamid.long", words=words)]))
        (row,) = wait_for("the row", lambda: self.store.rows("SELECT * FROM messages WHERE provider_message_id = 'wamid.long'"))
        self.assertTrue(words.startswith(row["body"]))
        self.assertGreater(len(row["body"]), 10000)
        pieces = wait_for("the pieces", lambda: (found := [r["data"] for r in self.store.rows("SELECT data FROM message_notices")
                                                           if r["data"].get("of") == row["message_id"]])
                          and len(found) == row["data"]["parts"] and found)
        whole = json.loads("".join(p["text"] for p in sorted(pieces, key=lambda p: p["part"])))
        self.assertEqual(whole["message"]["text"]["body"], words)

    def test_a_nul_does_not_stop_at_the_database(self):
        self.say(value([text("wamid.nul", words="a\0b")]))
        await_rows(self.store, "SELECT body FROM messages WHERE provider_message_id = 'wamid.nul'", [("a\ufffdb",)])

    def test_a_batch_of_three_megabytes_is_taken_and_a_longer_one_is_not(self):
        pad = "x" * 2700
        self.say(*[value([text(f"wamid.big-{n}", f"1650555{n:04}", words=pad)]) for n in range(1000)])
        await_rows(self.store, "SELECT count(*) FROM messages WHERE provider_message_id LIKE 'wamid.big-%'", [(1000,)])
        with socket.create_connection(("127.0.0.1", self.server.hooks), 10) as line:
            line.sendall(b"POST /webhooks/whatsapp HTTP/1.1\r\nHost: a\r\nContent-Length: 4194305\r\n\r\n")
            self.assertEqual(line.recv(4096).split()[1], b"413")
        self.assertEqual(self.server.call("/webhooks/twilio/message", b"x" * 70000)[0], 413)

    def test_who_asks_first_whether_a_body_is_wanted_is_told(self):
        body = json.dumps(envelope(value([text("wamid.expected")]))).encode()
        head = (f"POST /webhooks/whatsapp HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n"
                f"X-Hub-Signature-256: {sign(body, SECRET)['X-Hub-Signature-256']}\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", self.server.hooks), 10) as line:
            line.sendall(head)
            self.assertEqual(line.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
            line.sendall(body)
            self.assertEqual(line.recv(4096).split()[1], b"200")
            line.sendall(head.replace(b"Content-Length: ", b"Content-Length: 99999"))
            self.assertEqual(line.recv(4096).split()[1], b"413")


class Twilio(unittest.TestCase):
    RESPONSE = (200, '<?xml version="1.0" encoding="UTF-8"?>\n<Response/>\n')
    MESSAGE = {"MessageSid": "SM1", "SmsSid": "SM1", "AccountSid": "AC1", "From": "+14155550001", "To": "+18005550001",
               "Body": "Hi & hello", "NumMedia": "0"}

    def test_messages_and_statuses_of_sms_and_whatsapp(self):
        with Inbox() as server:
            store = Sqlite(server.data_dir)
            whatsapp = {**self.MESSAGE, "MessageSid": "SM2", "From": "whatsapp:+14155550002", "To": "whatsapp:+18005550001",
                        "ProfileName": "Zoë", "WaId": "14155550002", "MessageType": "image", "NumMedia": "1",
                        "MediaContentType0": "image/jpeg", "MediaUrl0": "https://api.twilio.com/1", "NewField": "kept"}
            for values in (self.MESSAGE, self.MESSAGE, whatsapp):
                self.assertEqual(server.twilio(values), self.RESPONSE)
            for word in ("delivered", "sent", "sent"):
                self.assertEqual(server.twilio({"MessageSid": "SM9", "MessageStatus": word, "From": "whatsapp:+18005550001",
                                                "To": "whatsapp:+14155550002"}), self.RESPONSE)
            anonymous = {k: v for k, v in self.MESSAGE.items() if not k.endswith("Sid")}
            for _ in range(2):
                self.assertEqual(server.twilio(anonymous, **{"I-Twilio-Idempotency-Token": "token-1"}), self.RESPONSE)
            self.assertEqual(server.twilio({"Surprise": "1"}), self.RESPONSE)
            await_rows(store, "SELECT provider_message_id, channel, account_id, peer, kind, body FROM messages ORDER BY 1",
                       [("SM1", "sms", "+18005550001", "+14155550001", "text", "Hi & hello"),
                        ("SM2", "whatsapp", "+18005550001", "+14155550002", "image", "Hi & hello"),
                        ("token-1", "sms", "+18005550001", "+14155550001", "text", "Hi & hello")])
            await_rows(store, "SELECT status, account_id, peer FROM message_statuses WHERE provider_message_id = 'SM9' ORDER BY rank",
                       [("sent", "+18005550001", "+14155550002"), ("delivered", "+18005550001", "+14155550002")])
            await_rows(store, "SELECT count(*) FROM message_notices", [(1,)])
            (row,) = store.rows("SELECT data FROM messages WHERE provider_message_id = 'SM2'")
            self.assertEqual(row["data"], whatsapp)
            self.assertEqual(server.twilio({**self.MESSAGE, "Body": "x"}, **{"X-Twilio-Signature": "AAAA"})[0], 403)
            self.assertEqual(server.call("/webhooks/twilio/answer", b"CallSid=1")[0], 403)
            self.assertNotIn("+14155550001", server.log())


def conversations(count, seed):
    """Webhooks that hold `count` messages and their like, batched, repeated and shuffled; and how many there are of each."""
    dice = random.Random(seed)
    messages = [text(f"wamid.{seed}-{n}", f"1650{n % 50:07}", 1749416000 + n, f"message {n}") for n in range(count)]
    statuses = [status(f"wamid.out-{seed}-{n}", word, 1749416000 + n) for n in range(count // 4)
                for word in ("sent", "delivered", "read")]
    values = [value([m]) for m in messages] + [value(statuses=[s]) for s in statuses]
    values += dice.sample(values, len(values) // 2)  # Meta repeats
    dice.shuffle(values)
    webhooks = []
    while values:
        size = dice.choice((1, 1, 1, 5, 40))
        webhooks.append(json.dumps(envelope(*values[:size])).encode())
        values = values[size:]
    return webhooks, len(messages), len(statuses)


class Flood(unittest.TestCase):
    """Meta's own patience: whatever is not told 200 is sent again, until it is."""

    def send(self, server, webhooks, workers=8, answers=None):
        answers = {} if answers is None else answers

        def deliver(body):
            while True:
                got = server.call("/webhooks/whatsapp", body, sign(body, SECRET))[0]
                answers[got] = answers.get(got, 0) + 1
                if got == 200:
                    return
                assert got in (0, 503), got

        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            list(pool.map(deliver, webhooks))
        return answers

    def check(self, store, messages, statuses):
        await_rows(store, "SELECT count(*) AS n, count(DISTINCT provider_message_id) AS d FROM messages", [(messages, messages)])
        await_rows(store, "SELECT count(*) FROM message_statuses", [(statuses,)])

    def check_kills(self, server, store):
        webhooks, messages, statuses = conversations(1500, "kill")
        answers = {}

        def kill():
            for part in (5, 3, 2):
                wait_for("some more", lambda part=part: answers.get(200, 0) > len(webhooks) // part)
                server.kill("control")

        killer = threading.Thread(target=kill)
        killer.start()
        self.send(server, webhooks, answers=answers)
        killer.join()
        self.assertGreater(answers.get(0, 0), 0, "nothing was cut off, so nothing was tried")
        self.check(store, messages, statuses)

    def test_control_is_killed_again_and_again_with_sqlite(self):
        with Inbox() as server:
            self.check_kills(server, Sqlite(server.data_dir))

    def test_control_is_killed_again_and_again_with_postgresql(self):
        database = Postgres()
        self.addCleanup(database.close)
        database.start()
        with Inbox(database__url=database.url) as server:
            self.check_kills(server, database)

    def test_the_database_is_away_while_they_come(self):
        database = Postgres()
        self.addCleanup(database.close)
        database.start()
        webhooks, messages, statuses = conversations(1000, "away")
        with Inbox(database__url=database.url) as server:
            wait_for("the tables", lambda: database.rows("SELECT count(*) FROM messages"))
            self.send(server, webhooks[: len(webhooks) // 3])
            database.stop()
            self.assertEqual(set(self.send(server, webhooks[len(webhooks) // 3:])), {200})
            database.start()
            self.check(database, messages, statuses)

    def test_live_calls_lose_nothing_beside_a_flood(self):
        sound = speech(seconds=6)
        pad = "x" * 2500

        async def calls(server):
            callers = [Caller(server.ws()) for _ in range(5)]
            self.assertEqual(await asyncio.gather(*(caller.talk(sound) for caller in callers)), [1000] * 5)

        with Inbox() as server:
            flood = threading.Thread(target=self.send, args=(server, [
                json.dumps(envelope(*[value([text(f"wamid.{b}-{n}", words=pad)]) for n in range(200)])).encode()
                for b in range(40)]))
            flood.start()
            asyncio.run(calls(server))
            flood.join()
            store = Sqlite(server.data_dir)
            await_rows(store, "SELECT count(*) AS n, sum(frames_lost) AS lost, sum(frames_in) AS came FROM calls WHERE state = 'ended'",
                       [(5, 0, 5 * len(sound) // 160)])
            await_rows(store, "SELECT count(*) FROM messages", [(40 * 200,)])


class Bounds(unittest.TestCase):
    def test_bodies_that_are_held_at_once_are_bounded(self):
        with Inbox(webhooks__body_memory="8MiB", webhooks__max_connections="64") as server:
            head = (f"POST /webhooks/whatsapp HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256={'0' * 64}\r\n"
                    f"Content-Length: {3 << 20}\r\n\r\n").encode()
            most = b"x" * ((2 << 20) + 1)
            lines = [socket.create_connection(("127.0.0.1", server.hooks), 10) for _ in range(2)]
            for line in lines:
                line.sendall(head + most)
            wait_for("both to be counted", lambda: server.metric("holdline_webhook_body_bytes") == 2 * (3 << 20))
            with socket.create_connection(("127.0.0.1", server.hooks), 10) as third:
                third.sendall(head + most)
                answer = third.recv(4096)
            self.assertEqual(answer.split()[1], b"503")
            self.assertIn(b"retry-after", answer)
            self.assertEqual(server.metric("holdline_webhook_bodies_refused_total"), 1)
            self.assertEqual(server.meta(envelope(value([text("wamid.small")])))[0], 200)
            for line in lines:
                line.close()
            wait_for("the room to be free", lambda: server.metric("holdline_webhook_body_bytes") == 0)

    def test_a_disk_that_refuses_is_told_and_nothing_is_promised(self):
        server = Inbox(outbox__min_free_disk="900TiB").start(ready=False)
        try:
            wait_for("the server", lambda: "outbox_full" in server.get("/health/ready")[1])
            self.assertEqual(server.meta(envelope(value([text("wamid.full")])))[0], 503)
            self.assertEqual(server.twilio(Twilio.MESSAGE)[0], 503)
        finally:
            server.__exit__(None)

    def test_secrets_come_from_files_and_are_changed_by_a_reload(self):
        with Inbox() as server:
            path = f"{server.data_dir}/app-secrets"
            server.settings["whatsapp.app_secret_file"] = path
            del server.settings["whatsapp.app_secret"]
            with open(path, "w", encoding="utf-8") as file:
                file.write("first-hush\nsecond-hush\n")
            server.stop()
            server.start()
            for secret in ("first-hush", "second-hush"):
                self.assertEqual(server.meta(envelope(), secret=secret)[0], 200)
            with open(path, "w", encoding="utf-8") as file:
                file.write("second-hush\nthird-hush\n")
            server.process.send_signal(signal.SIGHUP)
            wait_for("the new secret", lambda: server.meta(envelope(), secret="third-hush")[0] == 200)
            self.assertEqual(server.meta(envelope(), secret="second-hush")[0], 200)
            self.assertEqual(server.meta(envelope(), secret="first-hush")[0], 403)


if __name__ == "__main__":
    unittest.main()
