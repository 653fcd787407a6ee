"""Which line belongs to which request and which call, and to whose trace."""

import asyncio
import http.client
import json
import os
import secrets
import unittest

import websockets

from database import Postgres, Sqlite
from server import Server, wait_for
from twilio_caller import Caller, speech

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


def ask(server, method, path, headers=None, body=None, port=None):
    """(status, headers, body) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port or server.control, timeout=60)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    found = (answer.status, answer.headers, answer.read())
    connection.close()
    return found


def admin(server, **more):
    with open(os.path.join(server.data_dir, "admin.token"), encoding="ascii") as file:
        return {"Authorization": "Bearer " + file.read().strip(), **more}


def parent():
    """(trace id, a traceparent of it)"""
    trace = secrets.token_hex(16)
    return trace, f"00-{trace}-{secrets.token_hex(8)}-01"


def ended_row(store, caller):
    query = f"SELECT * FROM calls WHERE provider_call_id = '{caller.call}' AND state = 'ended'"
    return wait_for("the final row", lambda: store.rows(query))[0]


def lines(server, *words):
    """Those with all the words, of which there are some: the log is written by a thread of its own."""
    return wait_for(f"a line with {words}", lambda: [line for line in server.log().splitlines()
                                                     if all(word in line for word in words)])


class Requests(unittest.TestCase):
    def setUp(self):
        self.server = Server(**{"log.level": "debug", "media.trusted_proxies": "127.0.0.0/8"})
        self.server.start()
        self.addCleanup(self.server.stop)
        wait_for("the API", lambda: ask(self.server, "GET", "/api/calls", admin(self.server))[0] == 200)

    def test_a_request_has_an_id_in_its_answer_and_in_its_line(self):
        _, said, _ = ask(self.server, "GET", "/api/calls?number=%2B4915112345678", admin(self.server))
        self.assertRegex(said["X-Request-Id"], f"^{UUID}$")
        line, = lines(self.server, f"request={said['X-Request-Id']}")
        self.assertRegex(line, r'INFO \[HTTP\] method=GET route="/api/calls" status=200 ms=\d+ who=admin_token '
                               r"from=127\.0\.0\.1 request=\S+ trace=[0-9a-f]{32}$")
        self.assertNotIn("12345678", self.server.log())

    def test_every_answer_has_one(self):
        for method, path, headers, body in (
                ("GET", "/health/live", {}, None), ("GET", "/nothing", {}, None), ("GET", "/api/calls", {}, None),
                ("DELETE", "/metrics", {}, None), ("POST", "/api/users", {}, "x" * 100000),
                ("GET", "/" + "x" * 600, {}, None), ("GET", "/api/status", {"Upgrade": "h2c",
                                                                         "Connection": "Upgrade"}, None)):
            status, said, _ = ask(self.server, method, path, headers, body)
            with self.subTest(path=path[:20], status=status):
                self.assertRegex(said["X-Request-Id"], f"^{UUID}$")
                self.assertEqual(len(lines(self.server, "[HTTP]", f"request={said['X-Request-Id']}",
                                           f"status={status} ")), 1)

    def test_probes_are_told_at_debug(self):
        _, said, _ = ask(self.server, "GET", "/health/live")
        self.assertIn(" DEBUG [HTTP] ", lines(self.server, said["X-Request-Id"])[0])

    def test_a_trusted_proxy_says_the_id_and_nonsense_is_none(self):
        _, said, _ = ask(self.server, "GET", "/api/status", admin(self.server, **{"X-Request-Id": "edge-7_f.9"}))
        self.assertEqual(said["X-Request-Id"], "edge-7_f.9")
        self.assertEqual(len(lines(self.server, "request=edge-7_f.9 ")), 1)
        for wrong in ("two words", "a=b", 'quo"te', "x" * 65, "é"):
            _, said, _ = ask(self.server, "GET", "/api/status",
                             admin(self.server, **{"X-Request-Id": wrong.encode().decode("latin1")}))
            self.assertRegex(said["X-Request-Id"], f"^{UUID}$", wrong)

    def test_whose_trace_it_is(self):
        trace, header = parent()
        _, said, _ = ask(self.server, "GET", "/api/status", admin(self.server, traceparent=header))
        self.assertIn(f" trace={trace}", lines(self.server, said["X-Request-Id"])[0])
        for wrong in (header.upper(), header + "-x", "00-" + "0" * 32 + header[35:], "ff" + header[2:]):
            _, said, _ = ask(self.server, "GET", "/api/status", admin(self.server, traceparent=wrong))
            self.assertRegex(lines(self.server, said["X-Request-Id"])[0], r" trace=[0-9a-f]{32}$")
            self.assertNotIn(f" trace={trace}", lines(self.server, said["X-Request-Id"])[0], wrong)

    def test_other_threads_say_for_whom_they_work(self):
        """The drainer, for an operation and for a change; the worker that looks at a login."""
        _, said, _ = ask(self.server, "POST", "/api/outbox/pause", admin(self.server), "{}")
        self.assertEqual(len(lines(self.server, "[OUTBOX_OPERATION]", f"request={said['X-Request-Id']}")), 1)
        self.assertEqual(len(lines(self.server, "[AUDIT]", f"request={said['X-Request-Id']}")), 1)
        body = json.dumps({"email": "nobody@example.com", "password": "wrong horse battery"})
        status, said, _ = ask(self.server, "POST", "/api/auth/login", {}, body)
        self.assertEqual(status, 401)
        self.assertEqual(len(lines(self.server, "[AUDIT]", "login", f"request={said['X-Request-Id']}")), 1)
        _, said, _ = ask(self.server, "GET", "/health/live")
        self.assertNotIn("AUDIT", "".join(lines(self.server, said["X-Request-Id"])))


class Untrusted(unittest.TestCase):
    def test_a_strangers_id_is_not_taken(self):
        with Server() as server:
            _, said, _ = ask(server, "GET", "/health/live", {"X-Request-Id": "mine"})
            self.assertRegex(said["X-Request-Id"], f"^{UUID}$")


class CallsInSqlite(unittest.TestCase):
    def store(self):
        return Sqlite(self.server.data_dir)

    def url(self):
        return ""

    def serve(self):
        url = self.url()
        server = Server(**{"database.url": url} if url else {})
        self.server = server.__enter__()
        self.addCleanup(server.__exit__, None)
        return self.server

    def row_of(self, caller):
        return ended_row(self.store(), caller)

    def test_a_call_belongs_to_the_trace_of_its_handshake(self):
        trace, header = parent()
        server = self.serve()
        caller = Caller(server.ws())

        async def talk():
            caller.socket = await websockets.connect(caller.url, compression=None,
                                                     extra_headers={"traceparent": header})
            await caller.start()
            await caller.frames(speech(seconds=1))
            await caller.stop()
            return await caller.close_code()

        self.assertEqual(asyncio.run(talk()), 1000)
        row = self.row_of(caller)
        self.assertEqual(row["trace_id"], trace)
        for tag in ("CALL_START", "CALL_END"):
            line, = lines(server, f"[{tag}]", f"call={row['call_id']}")
            self.assertTrue(line.endswith(f" trace={trace}"), line)
        _, _, body = ask(server, "GET", f"/api/calls/{row['call_id']}", admin(server))
        self.assertEqual(json.loads(body)["trace_id"], trace)

    def test_a_call_without_one_begins_one(self):
        server = self.serve()
        caller = Caller(server.ws())
        self.assertEqual(asyncio.run(caller.talk(speech(seconds=1))), 1000)
        row = self.row_of(caller)
        self.assertRegex(row["trace_id"], r"^[0-9a-f]{32}$")
        self.assertTrue(lines(server, f"[CALL_START] call={row['call_id']}", f" trace={row['trace_id']}"))

    def test_who_is_refused_has_one_too(self):
        trace, header = parent()
        server = self.serve()

        async def knock():
            with self.assertRaises(websockets.InvalidStatusCode):
                await websockets.connect(server.ws("/media/nobody"), extra_headers={"traceparent": header})

        asyncio.run(knock())
        lines(server, "[CALL_REFUSED]", f"trace={trace}")


class CallsInPostgres(CallsInSqlite):
    def setUp(self):
        self.postgres = Postgres().start()
        self.addCleanup(self.postgres.close)

    def store(self):
        return self.postgres

    def url(self):
        return self.postgres.url


if __name__ == "__main__":
    unittest.main()
