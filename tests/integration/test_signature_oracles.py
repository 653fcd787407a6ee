"""The providers' own libraries say what a signature is: what they sign is let in, what they refuse is refused.

`twilio`, `plivo`, `@vonage/jwt` and `@jambonz/node-client` come from npm, into a directory that goes with the test. Telnyx signs nothing
on a WebSocket (its library has its token's name, and no more), so there is nothing of it to compare with."""

import hmac
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from server import Server, free_port
from test_who_may_call import knock, mac, plivo

PACKAGES = ("twilio", "plivo", "@vonage/jwt", "jsonwebtoken", "@jambonz/node-client")
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
    - {{path: /jambonz, provider: jambonz}}
"""
HOOKS = CONFIG.replace("media:", "media:\n  public_url: wss://media.example.com", 1) + f"""
webhooks:
  public_url: https://hooks.example.com
  answers:
    - {{provider: twilio, route: /twilio, auth: {{twilio: {{secret: "{TOKEN}"}}}}}}
    - {{provider: plivo, route: /plivo, auth: {{plivo: {{secret: "{TOKEN}"}}}}}}
    - {{provider: jambonz, route: /jambonz, auth: {{jambonz_signature: {{secret: [old, "{TOKEN}"]}}}}}}
"""
# Reads a list of [function, arguments] and writes what each has returned.
SCRIPT = """
const twilio = require('twilio'), plivo = require('plivo');
const { WebhookResponse } = require('@jambonz/node-client');
const { verifySignature } = require('@vonage/jwt'), jsonwebtoken = require('jsonwebtoken');
const does = {
  sign_twilio: (token, url) => twilio.getExpectedTwilioSignature(token, url, {}),
  check_twilio: (token, signature, url) => twilio.validateRequest(token, signature, url, {}),
  sign_twilio_form: (token, url, form) => twilio.getExpectedTwilioSignature(token, url, form),
  check_plivo_form: (url, nonce, token, signature, form) =>
    plivo.validateV3Signature('POST', url, nonce, token, signature, form),
  check_plivo: (url, nonce, token, signature) => plivo.validateV3Signature('GET', url, nonce, token, signature),
  sign_vonage: (claims, secret, options) => jsonwebtoken.sign(claims, secret, options),
  check_vonage: (token, secret) => verifySignature(token, secret),
  check_jambonz: (secret, header, body) => {
    let passed = false;
    WebhookResponse.verifyJambonzSignature(secret)({ get: () => header, body: JSON.parse(body) }, null, () => { passed = true; });
    return passed;
  },
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

    def post(self, hooks, provider, form, headers, query=""):
        request = urllib.request.Request(f"http://127.0.0.1:{hooks}/webhooks/{provider}/status{query}",
                                         urllib.parse.urlencode(form).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_webhooks(self):
        dice = random.Random(20261124)
        values = ["1", "", "a b", "50%", "x=y&z", "+14158675309", "Jörg", "<&>\"'", "日本"]
        forms = [{name: dice.choice(values) for name in dice.sample(["From", "To", "to", "A_b", "a-1", "CallerName", "z"], 4)}
                 for _ in range(30)]
        queries = ["", "?route=7", "?b=2&a=1"]
        hooks = free_port()
        with Server(config=HOOKS, webhooks__listen=f"127.0.0.1:{hooks}") as server:
            urls = [f"https://hooks.example.com/webhooks/twilio/status{queries[n % 3]}" for n in range(30)]
            signatures = self.ask([["sign_twilio_form", TOKEN, url, form] for url, form in zip(urls, forms)])
            for n, (signature, form) in enumerate(zip(signatures, forms)):
                with self.subTest(form=form):
                    headers = {"X-Twilio-Signature": signature}
                    self.assertEqual(self.post(hooks, "twilio", form, headers, queries[n % 3]), 200)
                    self.assertEqual(self.post(hooks, "twilio", {**form, "From": "x"}, headers, queries[n % 3]), 403)
            cases = []
            for n, form in enumerate(forms):
                url = f"https://hooks.example.com/webhooks/plivo/status{queries[n % 3]}"
                query = {"": "?", "?route=7": "?route=7.", "?b=2&a=1": "?a=1&b=2."}[queries[n % 3]]
                text = url.split("?")[0] + query + "".join(name + form[name] for name in sorted(form)) + ".77"
                signature = mac("sha256", TOKEN + "x" * (n % 5 == 4), text)
                cases.append((url, signature, form, queries[n % 3]))
            verdicts = self.ask([["check_plivo_form", url, "77", TOKEN, signature, form] for url, signature, form, _ in cases])
            self.assertEqual(verdicts.count(True), 24)
            for (_, signature, form, query), verdict in zip(cases, verdicts):
                with self.subTest(form=form, query=query):
                    headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": "77"}
                    self.assertEqual(self.post(hooks, "plivo", form, headers, query), 200 if verdict else 403)

    def test_jambonz(self):
        def sign(body, secret=TOKEN, age=0):
            at = int(time.time()) - age
            return f"t={at},v1={hmac.new(secret.encode(), f'{at}.{body}'.encode(), 'sha256').hexdigest()}"

        body, other = ('{"call_sid":"%s","from":"J\u00f6rg","sip_status":200}' % sid for sid in "ab")
        two = sign(body, "guess") + ",v1=" + sign(body).split("v1=")[1]
        cases = [(sign(body), body), (two, body), (sign(body, "old"), body), (sign(body, age=200), body),
                 (sign(body, age=400), body), (sign(body, "guess"), body), (sign(other), body),
                 (sign(body).replace("v1=", "v0="), body), (sign(body).split(",")[0], body), ("nonsense", body)]
        verdicts = self.ask([["check_jambonz", ["old", TOKEN], header, text] for header, text in cases])
        self.assertEqual(verdicts, [True] * 4 + [False] * 6)
        hooks = free_port()
        with Server(config=HOOKS, webhooks__listen=f"127.0.0.1:{hooks}"):
            for (header, text), verdict in zip(cases, verdicts):
                request = urllib.request.Request(f"http://127.0.0.1:{hooks}/webhooks/jambonz/status", text.encode(),
                                                 {"Jambonz-Signature": header, "Content-Type": "application/json"})
                with self.subTest(header=header):
                    try:
                        with urllib.request.urlopen(request, timeout=20) as answer:
                            status = answer.status
                    except urllib.error.HTTPError as error:
                        status = error.code
                    self.assertEqual(status, 200 if verdict else 403)

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
