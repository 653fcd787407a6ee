"""The providers' own libraries say what a signature is: what they sign is let in, what they refuse is refused.

`twilio`, `plivo` and `@vonage/jwt` come from npm, into a directory that goes with the test. Telnyx signs nothing
on a WebSocket (its library has its token's name, and no more), so there is nothing of it to compare with."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

from server import Server
from test_who_may_call import knock, plivo

PACKAGES = ("twilio", "plivo", "@vonage/jwt", "jsonwebtoken")
TOKEN, SECRET = "12345", "a vonage signature secret"
CONFIG = f"""
media:
  trusted_proxies: 127.0.0.1/32
  routes:
    - {{path: /twilio, provider: twilio, auth: {{twilio: {{secret: "{TOKEN}"}}}}}}
    - {{path: "/calls/{{token}}", provider: twilio, auth: {{twilio: {{secret: "{TOKEN}"}},
       token: {{secret: sesame}}}}}}
    - {{path: /plivo, provider: plivo, auth: {{plivo: {{secret: "{TOKEN}"}}}}}}
    - {{path: /vonage, provider: vonage, auth: {{vonage: {{secret: "{SECRET}"}}}}}}
"""
# Reads a list of [function, arguments] and writes what each has returned.
SCRIPT = """
const twilio = require('twilio'), plivo = require('plivo');
const { verifySignature } = require('@vonage/jwt'), jsonwebtoken = require('jsonwebtoken');
const does = {
  sign_twilio: (token, url) => twilio.getExpectedTwilioSignature(token, url, {}),
  check_twilio: (token, signature, url) => twilio.validateRequest(token, signature, url, {}),
  check_plivo: (url, nonce, token, signature) => plivo.validateV3Signature('GET', url, nonce, token, signature),
  sign_vonage: (claims, secret, options) => jsonwebtoken.sign(claims, secret, options),
  check_vonage: (token, secret) => verifySignature(token, secret),
};
const asked = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(asked.map(([name, ...rest]) => {
  try { return does[name](...rest); } catch (error) { return false; }
})));
"""


def not_run(why):
    text = f"NOT RUN: the providers' own libraries were not asked ({why})"
    print(f"\n{'*' * 80}\n{text}\n{'*' * 80}", file=sys.stderr)
    raise unittest.SkipTest(text)


class Oracles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("npm"):
            not_run("there is no npm")
        cls.directory = tempfile.mkdtemp(prefix="holdline-oracles-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, True)
        try:
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix",
                                   cls.directory, *PACKAGES], capture_output=True, text=True, timeout=240)
        except subprocess.TimeoutExpired:
            not_run("npm did not finish")
        if done.returncode != 0:
            not_run("npm says " + " ".join(done.stderr.split())[-200:])
        with open(os.path.join(cls.directory, "ask.js"), "w", encoding="utf-8") as file:
            file.write(SCRIPT)
        cls.server = Server(config=CONFIG).start()
        cls.addClassCleanup(cls.server.__exit__, None)

    def ask(self, questions):
        done = subprocess.run(["node", "ask.js"], cwd=self.directory, input=json.dumps(questions), text=True,
                              capture_output=True, check=True, timeout=60)
        return json.loads(done.stdout)

    def status(self, url, headers, path=None):
        """Of an upgrade that comes through a proxy, for what the provider calls that URL."""
        parts = urllib.parse.urlsplit(url)
        path = path or url[url.index(parts.netloc) + len(parts.netloc) :]
        return knock(self.server.media, path, {
            "X-Forwarded-Proto": {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme),
            "X-Forwarded-Host": parts.netloc, **headers})[0]

    def test_twilio(self):
        urls = [f"{scheme}://{host}{port}{path}" for scheme in ("wss", "https")
                for host in ("media.example.com", "MEDIA.example.com", "192.0.2.7", "xn--mnchen-3ya.example")
                for port in ("", ":443", ":8443") for path in ("/twilio", "/calls/sesame")]
        signatures = self.ask([["sign_twilio", TOKEN, url] for url in urls])
        self.assertEqual(set(self.ask([["check_twilio", TOKEN, s, u] for s, u in zip(signatures, urls)])), {True})
        for url, signature in zip(urls, signatures):
            with self.subTest(url=url):
                self.assertEqual(self.status(url, {"X-Twilio-Signature": signature}), 101)
        # What the library does not take for the URL's, we do not: all pairs that differ in host or path.
        wrong = [(url, other) for url, other in zip(urls, signatures[7:] + signatures[:7])]
        verdicts = self.ask([["check_twilio", TOKEN, signature, url] for url, signature in wrong])
        self.assertEqual(set(verdicts), {False})
        for url, signature in wrong:
            with self.subTest(url=url):
                self.assertEqual(self.status(url, {"X-Twilio-Signature": signature}), 403)
        wrong = self.ask([["sign_twilio", TOKEN + "6", url] for url in urls[:4]])
        for url, signature in zip(urls, wrong):
            self.assertEqual(self.status(url, {"X-Twilio-Signature": signature}), 403)

    def test_plivo(self):
        dice = random.Random(20260801)
        names, values = ["a", "b", "ab", "X-PH-id", "z9"], ["1", "2", "", "a b", "50%", "x=y", "+49", "ü", "&;"]
        cases = []
        for n in range(120):
            query = [(name, dice.choice(values)) for name in dice.sample(names, n % 4)]
            url = dice.choice(["https", "wss", "http", "ws"]) + "://media.example.com/plivo"
            plain = url + ("?" + "&".join(f"{k}={v}" for k, v in sorted(query)) if query else "")
            sent = url + ("?" + urllib.parse.urlencode(query) if query else "")
            headers = plivo(plain, nonce=str(dice.getrandbits(64)), secret=TOKEN)
            if n % 3 == 2:
                headers["X-Plivo-Signature-V3-Nonce"] += "0"
            cases.append((sent, headers))
        verdicts = self.ask([["check_plivo", url, headers["X-Plivo-Signature-V3-Nonce"], TOKEN,
                              headers["X-Plivo-Signature-V3"]] for url, headers in cases])
        self.assertEqual(verdicts.count(True), 80)
        for (url, headers), verdict in zip(cases, verdicts):
            with self.subTest(url=url, headers=headers):
                self.assertEqual(self.status(url, headers), 101 if verdict else 403)

    def test_vonage(self):
        usual = {"iss": "Vonage", "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "jti": "1"}
        made = [["sign_vonage", claims, secret, options] for claims, secret, options in (
            (usual, SECRET, {"algorithm": "HS256", "expiresIn": 60}),
            (usual, SECRET, {"algorithm": "HS256"}),
            (usual, SECRET + "x", {"algorithm": "HS256", "expiresIn": 60}),
            (usual, SECRET, {"algorithm": "HS256", "expiresIn": -3600}),
            (usual, SECRET, {"algorithm": "HS256", "notBefore": 3600}),
            (usual, "", {"algorithm": "none", "expiresIn": 60}),
        )]
        tokens = self.ask(made)
        self.assertNotIn(False, tokens)
        head, body, tail = tokens[0].split(".")
        tokens += [f"{head}.{body}.", f"{head}.{body[:-2]}AA.{tail}", f"{head}.{body}.{tail[:-2]}AA"]
        verdicts = self.ask([["check_vonage", token, SECRET] for token in tokens])
        self.assertEqual(verdicts, 2 * [True] + 7 * [False])
        for token, verdict in zip(tokens, verdicts):
            with self.subTest(token=token):
                status = self.status("wss://h/vonage", {"Authorization": f"Bearer {token}"})
                self.assertEqual(status, 101 if verdict else 401)


if __name__ == "__main__":
    unittest.main()
