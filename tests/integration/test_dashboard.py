"""The dashboard's files: served by Holdline itself, with no way for anything of others to get in; and what it is told.

What it shows and does is tested in a browser: tests/browser."""

import asyncio
import http.client
import json
import os
import re
import unittest

import websockets

from server import Server
from twilio_caller import Caller

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../server/control/dashboard")
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())

    def ask(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.control, timeout=30)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    def test_every_file_is_served_as_it_stands(self):
        for name in os.listdir(FILES):
            with open(os.path.join(FILES, name), "rb") as file:
                content = file.read()
            answer, body = self.ask(f"/dashboard/{name}")
            self.assertEqual((answer.status, body), (200, content), name)
            self.assertEqual(answer.headers["content-type"], TYPES[os.path.splitext(name)[1]])
        self.assertEqual(self.ask("/")[1], self.ask("/dashboard/index.html")[1])

    def test_nothing_else_is(self):
        for path in ("/dashboard/", "/dashboard", "/dashboard/no.js", "/dashboard/..%2fopenapi.json",
                     "/index.html"):
            answer, _ = self.ask(path)
            self.assertIn(answer.status, (400, 403, 404), path)
        self.assertEqual(self.ask("/", "POST", **{"Content-Length": "0"})[0].status, 405)

    def test_what_has_not_changed_is_not_sent_again(self):
        answer, body = self.ask("/")
        self.assertEqual(answer.headers["cache-control"], "no-cache")
        again, nothing = self.ask("/", **{"If-None-Match": answer.headers["etag"]})
        self.assertEqual((again.status, nothing), (304, b""))
        head, nothing = self.ask("/", "HEAD")
        self.assertEqual((head.status, int(head.headers["content-length"]), nothing), (200, len(body), b""))

    def test_the_page_may_load_its_own_and_nothing_else(self):
        policy = self.ask("/")[0].headers["content-security-policy"]
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("*", policy)
        self.assertNotIn("http", policy)
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        self.assertEqual(rules["default-src"], "'none'")
        self.assertEqual(rules["script-src"], "'self'")
        self.assertEqual(rules["frame-ancestors"], "'none'")
        for path in ("/api/status", "/health/live", "/metrics", "/dashboard/no.js"):
            self.assertEqual(self.ask(path)[0].headers["content-security-policy"],
                             "default-src 'none'; frame-ancestors 'none'")
        headers = self.ask("/")[0].headers
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(headers["cross-origin-opener-policy"], "same-origin")
        self.assertEqual(headers["cross-origin-resource-policy"], "same-origin")
        self.assertIn("microphone=()", headers["permissions-policy"])

    def test_no_file_names_another_host_or_makes_markup_of_text(self):
        for name in os.listdir(FILES):
            with open(os.path.join(FILES, name), encoding="utf-8") as file:
                text = file.read().replace("http://www.w3.org/2000/svg", "")
            self.assertEqual(re.findall(r"https?://\S+|innerHTML|insertAdjacentHTML|document\.write|eval\(", text), [],
                             name)


class Push(unittest.TestCase):
    """GET /api/push, as the page has it."""

    def setUp(self):
        self.server = self.enterContext(Server())
        with open(os.path.join(self.server.data_dir, "admin.token"), encoding="ascii") as file:
            self.admin = {"Authorization": "Bearer " + file.read().strip()}

    def watch(self, **headers):
        return websockets.connect(f"ws://127.0.0.1:{self.server.control}/api/push", extra_headers=headers,
                                  max_size=2**20)

    async def told(self, socket, what):
        """The first state of which that is true."""
        async for text in socket:
            state = json.loads(text)
            if what(state):
                return state
        self.fail("the socket closed")

    def test_calls_are_told_as_they_come_and_go(self):
        async def story():
            async with self.watch(**self.admin) as first, self.watch(**self.admin) as second:
                state = await self.told(first, lambda state: True)
                self.assertEqual(set(state), {"at", "status", "live", "drained", "latest"})
                caller = await Caller(self.server.ws(), custom={"from": "+4930111"}).connect()
                await caller.start()
                for socket in (first, second):
                    state = await self.told(socket, lambda state: state["live"]["total"] == 1)
                    self.assertEqual(state["live"]["calls"][0]["from_number"], "+4930111")
                await self.told(first, lambda state: state["status"]["calls_active"] == 1)
                await caller.stop()
                await caller.close_code()
                await self.told(first, lambda state: state["status"]["calls_active"] == 0)
                await self.told(second, lambda state: state["drained"] > 0)
            async with self.watch(**self.admin) as third:  # nobody watched in between
                await self.told(third, lambda state: state["latest"])
                await self.told(third, lambda state: state["live"]["total"] == 0)
        asyncio.run(asyncio.wait_for(story(), 60))

    def test_who_does_not_read_holds_up_nobody(self):
        async def story():
            async with self.watch(**self.admin) as deaf, self.watch(**self.admin) as other:
                deaf.transport.pause_reading()
                seen = set()
                while len(seen) < 3:
                    seen.add((await self.told(other, lambda state: True))["at"])
                deaf.transport.resume_reading()
                await self.told(deaf, lambda state: state["at"] > max(seen))
        asyncio.run(asyncio.wait_for(story(), 60))

    def test_strangers_and_other_pages_are_told_nothing(self):
        def ask(method, path, body=None, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.control, timeout=30)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            connection.close()
            return answer

        def status(**headers):
            return ask("GET", "/api/push", **{
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", **headers}).status

        host = f"http://127.0.0.1:{self.server.control}"
        token = self.admin["Authorization"].split()[1]
        cookie = ask("POST", "/api/auth/login", json.dumps({"token": token, "cookie": True}),
                     Origin=host).headers["set-cookie"].split(";")[0]
        self.assertEqual(status(), 401)
        self.assertEqual(status(Cookie=cookie, Origin="http://evil.example"), 403)
        self.assertEqual(status(Cookie=cookie), 403)
        self.assertEqual(status(Cookie=cookie, Origin=host), 101)


if __name__ == "__main__":
    unittest.main()
