"""holdload plays each provider against the real server: every frame comes back, every call has its row."""

import base64
import json
import os
import subprocess
import tempfile
import unittest

from certificates import Authority
from database import Sqlite
from server import HOLDLOAD, Server, wait_for

CALLS = 5

# dialect: the provider in the row, how it ends; what there is: the call's id, digits, custom values
DIALECTS = {
    "twilio": ("twilio", "stop", "id dtmf custom"),
    "signalwire": ("signalwire", "stop", "id dtmf custom"),
    "telnyx": ("telnyx", "stop", "id dtmf custom"),
    "plivo": ("plivo", "disconnect", "id dtmf custom"),
    "exotel": ("exotel", "stop", "id dtmf custom"),
    "vonage": ("vonage", "disconnect", "dtmf custom"),
    "genesys": ("genesys", "stop", "id dtmf custom"),
    "asterisk": ("asterisk", "disconnect", "id dtmf custom"),
    "asterisk-plain": ("asterisk", "disconnect", "id dtmf"),
    "azure": ("azure", "disconnect", "id dtmf"),
    "jambonz": ("jambonz", "disconnect", "id dtmf custom"),
    "freeswitch": ("freeswitch", "disconnect", "id custom"),
    "plain": ("plain", "stop", "id dtmf custom"),
}
# Formats that a route's server side takes today.
OTHERS = [("signalwire", "L16/16000"), ("signalwire", "L16/24000"), ("plivo", "L16/16000"),
          ("plivo", "PCMU"), ("exotel", "L16/16000"), ("exotel", "L16/24000"), ("vonage", "L16/8000"),
          ("vonage", "L16/24000"), ("jambonz", "L16/16000"), ("freeswitch", "L16/24000"), ("plain", "PCMA"),
          ("plain", "L16/16000"), ("genesys", "L16/8000"), ("asterisk", "PCMA"), ("asterisk", "L16/8000"),
          ("asterisk", "L16/16000"), ("asterisk-plain", "L16/24000"), ("azure", "L16/16000")]


def run(url, dialect, *arguments):
    """(exit status, report, what it complained of)"""
    load = subprocess.run([HOLDLOAD, "--url", url, "--dialect", dialect, "--json", "-", "--json-calls",
                           *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return load.returncode, json.loads(load.stdout) if load.stdout else None, load.stderr


class Dialects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.store = Sqlite(cls.server.data_dir)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    def rows(self, provider, count):
        query = f"SELECT * FROM calls WHERE provider = '{provider}' AND state = 'ended' ORDER BY started_at DESC"
        wait_for("the rows", lambda: len(self.store.rows(query)) >= count)
        return self.store.rows(query)

    def known(self, provider):
        return len(self.store.rows(f"SELECT call_id FROM calls WHERE provider = '{provider}'"))

    def echo(self, dialect, *arguments, duration="2s"):
        provider = DIALECTS[dialect][0]
        before = self.known(provider)
        status, report, complaints = run(self.server.ws(f"/media/{provider}/echo"), dialect, "--calls", CALLS,
                                         "--echo", "--duration", duration, *arguments)
        self.assertEqual((status, complaints), (0, ""), report)
        seen = {key: report[key] for key in ("completed", "lost", "changed", "garbage", "frames_unsent")}
        self.assertEqual(seen, {"completed": CALLS, "lost": 0, "changed": 0, "garbage": 0, "frames_unsent": 0})
        self.assertEqual(report["frames_echoed"], report["frames_sent"])
        rows = self.rows(provider, before + CALLS)
        self.assertEqual(len(rows), before + CALLS)
        return report, rows[:CALLS]

    def test_every_frame_of_every_dialect_comes_back(self):
        for dialect, (_, end, has) in DIALECTS.items():
            with self.subTest(dialect):
                arguments = ("--dtmf", "12#") * ("dtmf" in has) + ("--custom", "customer=42") * ("custom" in has)
                report, rows = self.echo(dialect, *arguments)
                codec, _, rate = report["format"].partition("/")
                sent = report["frames_sent"] // CALLS
                one_side = report["bytes_sent"] // CALLS // (2 if dialect == "genesys" else 1)
                expected = {"end_reason": end, "codec": codec, "sample_rate": int(rate or 8000), "frames_lost": 0,
                            "frames_in": sent, "bytes_in": one_side, "bytes_out": one_side,
                            "dtmf": "12#" if "dtmf" in has else ""}
                for row in rows:
                    self.assertEqual({key: row[key] for key in expected}, expected)
                    if "custom" in has:
                        self.assertIn("42", [row["custom"].get(key) for key in ("customer", "X-PH-customer")])
                if "id" in has:
                    said = {call["callSid"] for call in report["call_list"]}
                    self.assertEqual({row["provider_call_id"].removeprefix("v2:") for row in rows}, said)

    def test_other_formats_come_back_as_well(self):
        for dialect, form in OTHERS:
            with self.subTest(f"{dialect} {form}"):
                report, rows = self.echo(dialect, "--format", form, duration="600ms")
                codec, _, rate = form.partition("/")
                self.assertEqual(report["format"], form)
                self.assertEqual({(row["codec"], row["sample_rate"]) for row in rows}, {(codec, int(rate or 8000))})

    def test_telnyx_hears_what_the_route_sends(self):
        for form in ("PCMA", "L16/16000", "L16/24000"):
            with self.subTest(form), tempfile.TemporaryDirectory() as directory, Server(
                    directory, config=f"media: {{routes: [{{path: /media/telnyx/echo, provider: telnyx, handler: echo, "
                                      f"send_format: {form}}}]}}") as server:
                status, report, complaints = run(server.ws("/media/telnyx/echo"), "telnyx", "--calls", CALLS, "--echo",
                                                 "--format", form, "--duration", "600ms")
                self.assertEqual((status, complaints), (0, ""), report)
                self.assertEqual(report["frames_echoed"], report["frames_sent"])
                self.assertEqual((report["lost"], report["changed"], report["garbage"]), (0, 0, 0))

    def test_long_custom_values_get_through(self):
        _, rows = self.echo("twilio", "--custom", "text=" + "x" * 12000, duration="200ms")
        self.assertEqual([len(row["custom"]["text"]) for row in rows], [12000] * CALLS)


SECRETS = {
    "twilio": ("twilio", "auth-token"), "plivo": ("plivo", "auth-token"), "vonage": ("vonage", "signature-secret"),
    "telnyx": ("telnyx", "token"), "signalwire": ("bearer", "token"), "plain": ("bearer", "token"),
    "exotel": ("basic", "user:password"), "jambonz": ("basic", "user:password"),
    "freeswitch": ("basic", "user:password"),
}
PUBLIC = "wss://Media.Example.com"


def route(dialect, check, secret):
    user, _, secret = secret.rpartition(":")
    words = f"user: {user}, secret: {secret}" if user else f"secret: {secret}"
    return f"    - {{path: /{dialect}, provider: {dialect}, auth: {{{check}: {{{words}}}}}}}\n"


class Signed(unittest.TestCase):
    def knock(self, server, dialect, secret, *arguments, path=None):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(secret + "\n")
            file.flush()
            return run(server.ws(path or f"/{dialect}"), dialect, "--sign", file.name, "--duration", "100ms",
                       *arguments)

    def expect_one_secret_only(self, server, dialect, secret, *arguments):
        with self.subTest(dialect):
            status, report, complaints = self.knock(server, dialect, secret, *arguments)
            self.assertEqual((status, complaints), (0, ""), report)
            status, report, _ = self.knock(server, dialect, secret + "x", *arguments)
            self.assertEqual((status, report["refused"]), (1, 1), report)

    def test_each_provider_proves_who_it_is(self):
        routes = "".join(route(dialect, *words) for dialect, words in SECRETS.items())
        with Server(config="media:\n  routes:\n" + routes) as server:
            for dialect, (_, secret) in SECRETS.items():
                self.expect_one_secret_only(server, dialect, secret)
            for dialect in ("twilio", "plivo"):
                status, report, _ = self.knock(server, dialect, SECRETS[dialect][1], path=f"/{dialect}?b=2&a=1")
                self.assertEqual(status, 0, report)

    def test_the_url_that_was_told_may_be_another(self):
        routes = "".join(route(dialect, *SECRETS[dialect]) for dialect in ("twilio", "plivo"))
        with Server(config=f"media:\n  public_url: {PUBLIC}\n  routes:\n" + routes) as server:
            for dialect in ("twilio", "plivo"):
                self.assertEqual(self.knock(server, dialect, SECRETS[dialect][1])[0], 1)
                self.expect_one_secret_only(server, dialect, SECRETS[dialect][1], "--sign-url", f"{PUBLIC}/{dialect}")

    def test_genesys_signs_its_handshake(self):
        # What is judged here is the handshake; whose messages come after it is another matter.
        secret = base64.b64encode(b"client secret").decode()
        auth = f'    - {{path: /g, provider: vonage, auth: {{genesys: {{api_key: key, secret: "{secret}"}}}}}}\n'
        with Server(config="media:\n  routes:\n" + auth) as server:
            for words, refused in ((f"key\n{secret}", 0), (f"other\n{secret}", 1), ("key", 1),
                                   ("key\n" + base64.b64encode(b"another").decode(), 1)):
                with self.subTest(words):
                    _, report, _ = self.knock(server, "genesys", words, path="/g")
                    self.assertEqual(report["refused"], refused, report)

    def test_headers_of_the_users_own_are_sent(self):
        auth = "    - {path: /p, provider: plain, auth: {bearer: {secret: token}}}\n"
        with Server(config="media:\n  routes:\n" + auth) as server, tempfile.NamedTemporaryFile("w") as file:
            file.write("token\n")
            file.flush()
            for arguments in (("--bearer", file.name), ("--header", "Authorization: Bearer token")):
                self.assertEqual(run(server.ws("/p"), "plain", "--duration", "100ms", *arguments)[0], 0)


TLS_ROUTES = """
media:
  routes:
    - {path: /echo/vonage, provider: vonage, handler: echo, auth: {client_certificate: true}}
    - {path: /echo/genesys, provider: genesys, handler: echo, auth: {client_certificate: true}}
    - {path: /echo/twilio, provider: twilio, handler: echo, auth: {client_certificate: true, twilio: {secret: token}}}
"""


class Secure(unittest.TestCase):
    def test_calls_over_tls_come_back_and_show_a_certificate(self):
        with tempfile.TemporaryDirectory(prefix="holdline-test-") as directory:
            authority, callers = Authority(directory), Authority(directory, "callers")
            cert, key = authority.issue("server")
            own_cert, own_key = callers.issue("caller")
            secret = os.path.join(directory, "secret")
            with open(secret, "w", encoding="utf-8") as file:
                file.write("token\n")
            with Server(config=TLS_ROUTES, media__tls__cert=cert, media__tls__key=key,
                        media__tls__client_ca=callers.cert) as server:
                for dialect, *sign in (("vonage",), ("genesys",), ("twilio", "--sign", secret)):
                    url = server.ws(f"/echo/{dialect}").replace("ws://127.0.0.1", "wss://localhost")
                    arguments = ("--calls", CALLS, "--echo", "--duration", "1s", "--cacert", authority.cert, *sign)
                    with self.subTest(dialect):
                        status, report, complaints = run(url, dialect, *arguments, "--cert", own_cert, "--key", own_key)
                        self.assertEqual((status, complaints), (0, ""), report)
                        self.assertEqual(report["frames_echoed"], report["frames_sent"])
                        status, report, _ = run(url, dialect, *arguments)
                        self.assertEqual((status, report["statuses"]), (1, {"403": CALLS}), report)


if __name__ == "__main__":
    unittest.main()
