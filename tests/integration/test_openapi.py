"""The description of the API: served, well made, whole, and true.

The API's own tests run here once more, with a proxy before the server that holds every request and answer to the
description. Proxy and linter come from npm, into a directory that goes with the test; without npm that part says
NOT RUN."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import test_api_calls
import test_api_sessions
import test_api_users
import test_live_calls
from server import Server, free_port, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
API = os.path.join(HERE, "../../server/control/api")
DOCUMENT = os.path.join(API, "openapi.json")
PACKAGES = ["@stoplight/prism-cli@5", "@stoplight/spectral-cli@6"]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def not_run(why):
    text = f"NOT RUN: the API was not held to its description ({why})"
    print(f"\n{'*' * 80}\n{text}\n{'*' * 80}", file=sys.stderr)
    raise unittest.SkipTest(text)


class Tools:
    """Linter and proxy, installed once for all tests of this file."""

    directory = None

    @classmethod
    def path(cls, name):
        if not cls.directory:
            cls.directory = tempfile.mkdtemp(prefix="holdline-openapi-")
            unittest.addModuleCleanup(shutil.rmtree, cls.directory, True)
            cls.install()
        path = os.path.join(cls.directory, "node_modules/.bin", name)
        if not os.path.exists(path):
            not_run("npm gave us no " + name)
        return path

    @classmethod
    def install(cls):
        if not shutil.which("npm"):
            not_run("there is no npm")
        try:
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", cls.directory,
                            *PACKAGES], capture_output=True, text=True, timeout=240, check=False)
        except subprocess.TimeoutExpired:
            pass  # path() says so


def document():
    with open(DOCUMENT, encoding="utf-8") as file:
        return json.load(file)


class Document(unittest.TestCase):
    def test_it_is_served_as_it_stands(self):
        with Server() as server:
            status, body = server.get("/api/openapi.json")
            self.assertEqual((status, json.loads(body)), (200, document()))

    def test_every_route_is_described_and_nothing_else(self):
        with open(os.path.join(API, "api_routes.c"), encoding="utf-8") as file:
            routes = re.findall(r'\{ HTTP_([A-Z]+), "([^"]+)",[^}]*?HTTP_([A-Z]+) \}', file.read())
        routed = {(method, path, role) for method, path, role in routes}
        self.assertGreater(len(routed), 15)
        described = {(method.upper(), path, self.role_of(operation)) for path, item in document()["paths"].items()
                     for method, operation in item.items() if method.upper() in METHODS}
        # A verb in the path is one route, and several words in the description.
        described = {("POST", "/api/dead-letters/{verb}", role) if path in (
            "/api/dead-letters/retry", "/api/dead-letters/drop") else (method, path, role)
                     for method, path, role in described}
        self.assertEqual(described, routed)

    def role_of(self, operation):
        if not operation["security"]:
            return "ANYBODY"
        return re.search(r"For (?:the role )?(viewer|operator|admin)", operation["description"]).group(1).upper()

    def test_a_linter_finds_nothing(self):
        linter = Tools.path("spectral")
        rules = os.path.join(Tools.directory, "rules.yaml")
        with open(rules, "w", encoding="utf-8") as file:
            file.write('extends: ["spectral:oas"]\n')
        done = subprocess.run([linter, "lint", "--fail-severity", "hint", "-r", rules, DOCUMENT], capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Proxied:
    """Before the server stands a proxy that answers itself, with 500, where one of the two breaks the contract."""

    def setUp(self):
        self.proxy = None
        super().setUp()
        self.watch(self.server)

    def watch(self, server):
        self.port = free_port()
        log = self.enterContext(tempfile.TemporaryFile("w+"))
        self.proxy = subprocess.Popen(
            [Tools.path("prism"), "proxy", "--errors", "--port", str(self.port), "--host", "127.0.0.1", DOCUMENT,
             f"http://127.0.0.1:{server.control}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.addCleanup(self.proxy.wait)
        self.addCleanup(self.proxy.kill)
        direct, server.control = server.control, self.port
        self.addCleanup(setattr, server, "control", direct)
        wait_for("the proxy", lambda: server.get("/health/live")[0] == 200)


class CallsThroughTheProxy(Proxied, test_api_calls.OfSqlite):
    # What is asked wrongly on purpose is refused by the proxy already.
    test_what_is_asked_wrongly_is_told_by_name = None

    def test_the_rest_of_what_can_be_asked(self):
        for path in ("/health/live", "/health/ready", "/health/db"):
            self.assertEqual(self.server.get(path)[0], 200)
        for path in ("/api/status", "/api/history", "/api/push", "/api/outbox", "/api/dead-letters",
                     "/api/dead-letters?limit=1", "/api/events", "/api/events?limit=1&type=call.ended", "/api/events/schema.json",
                     "/api/openapi.json"):
            status, body = self.server.api(path)
            self.assertEqual(status, 200, (path, body))
        status, body = self.server.api("/api/dead-letters/01980000-0000-7000-8000-000000000000")
        self.assertEqual((status, body["error"]), (404, "NOT_FOUND"))


class SessionsThroughTheProxy(Proxied, test_api_sessions.OfSqlite):
    # What is asked wrongly on purpose is refused by the proxy already.
    test_what_is_asked_wrongly_is_told_by_name = None


class LiveCallsThroughTheProxy(Proxied, test_live_calls.Listed):
    # What is asked wrongly on purpose is refused by the proxy already; the others are about the calls.
    test_what_is_asked_wrongly_is_told_by_name = None
    test_a_process_that_dies_takes_its_calls_off_the_list = None
    test_how_loud_it_is_while_somebody_looks = None

    def test_one_is_hung_up(self):
        _, call_id = self.call()
        ask = test_live_calls.admin(self.server).ask
        self.assertEqual(ask("GET", f"/api/live-calls/{call_id}/listen")[1]["channels"], 2)
        self.assertEqual(ask("DELETE", f"/api/calls/{call_id}")[0], 202)
        wait_for("its end", lambda: ask("GET", f"/api/live-calls/{call_id}")[0] == 404)
        self.assertEqual(ask("DELETE", f"/api/calls/{call_id}")[0], 409)
        self.assertEqual(ask("DELETE", f"/api/calls/{test_live_calls.UNKNOWN}")[0], 404)


class UsersThroughTheProxy(Proxied, test_api_users.OfSqlite):
    # These are about the connection to the server itself, or about what breaks the contract.
    test_a_cookie_is_for_our_own_page = None
    test_a_page_signs_in_by_the_admin_token = None
    test_answers_say_how_they_want_to_be_treated = None
    test_what_is_no_login_is_said_to_be_none = None
    test_users_come_change_and_go = None
    test_they_take_equally_long = None
    test_changes_leave_a_line_and_no_secret = None
    test_another_key_and_sighup_end_every_token = None
    test_holdctl_while_the_server_runs_and_when_it_does_not = None


def load_tests(loader, _tests, _pattern):
    """Not those that were only imported."""
    return unittest.TestSuite(loader.loadTestsFromTestCase(case)
                              for case in (Document, CallsThroughTheProxy, SessionsThroughTheProxy, LiveCallsThroughTheProxy,
                                           UsersThroughTheProxy))


if __name__ == "__main__":
    unittest.main()
