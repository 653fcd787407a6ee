"""Who may sign in, what the tokens open, and what nobody gets by guessing."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from database import Postgres, Sqlite
from server import HOLDCTL, Server, wait_for

AWAY = {"error": "SERVICE_UNAVAILABLE", "detail": "Database temporarily unavailable", "status": 503}
WRONG = {"error": "UNAUTHORIZED", "detail": "the email or the password is wrong", "status": 401}
PASSWORD = "correct horse battery"
PEOPLE = {"viewer": "vera@example.com", "operator": "otto@example.com", "admin": "ada+boss@example.com"}


class Peer:
    """What one asks of the control listener, with headers of one's own."""

    def __init__(self, server, token=None, **headers):
        self.server, self.headers = server, {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            self.headers["Authorization"] = "Bearer " + token

    def ask(self, method, path, body=None):
        """(status, parsed body); what else was said is in self.said."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.control, timeout=60)
        text = None if body is None else json.dumps(body)
        if method != "GET" and text is None:
            text = ""
        headers = {**self.headers, "Content-Type": "application/json"} if text else self.headers
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        self.said, raw = answer.headers, answer.read()
        connection.close()
        return answer.status, json.loads(raw) if raw else None

    def login(self, email, password=PASSWORD, **more):
        return self.ask("POST", "/api/auth/login", {"email": email, "password": password, **more})


def admin(server):
    with open(os.path.join(server.data_dir, "admin.token"), encoding="ascii") as file:
        return Peer(server, file.read().strip())


def holdctl(server, *arguments, password=None):
    return subprocess.run([HOLDCTL, *arguments, *server.flags()], input=password, capture_output=True, text=True,
                          timeout=60)


class Users:
    """What holds for both databases."""

    def setUp(self):
        self.begin()
        wait_for("the API", lambda: admin(self.server).ask("GET", "/api/users")[0] == 200)
        for role, email in PEOPLE.items():
            self.assertEqual(admin(self.server).ask(
                "POST", "/api/users", {"email": email, "password": PASSWORD, "role": role})[0], 201)

    def sign_in(self, role):
        status, body = Peer(self.server).login(PEOPLE[role])
        self.assertEqual((status, body["role"]), (200, role), body)
        return Peer(self.server, body["token"])

    def test_each_role_may_what_it_may_and_no_more(self):
        doors = [("GET", "/api/calls", "viewer"), ("GET", "/api/status", "viewer"), ("GET", "/api/outbox", "viewer"),
                 ("POST", "/api/outbox/kick", "operator"), ("GET", "/api/users", "admin"),
                 ("DELETE", "/api/users/nobody@example.com", "admin")]
        roles = list(PEOPLE)
        for role in roles:
            peer = self.sign_in(role)
            self.assertEqual(peer.ask("GET", "/api/auth/me"), (200, {"who": PEOPLE[role], "role": role}))
            for method, path, least in doors:
                status, body = peer.ask(method, path, {} if method == "POST" else None)
                if roles.index(role) < roles.index(least):
                    self.assertEqual((status, body["error"]), (403, "FORBIDDEN"), (role, path))
                else:
                    self.assertIn(status, (200, 404), (role, path, body))
        for method, path, _ in doors:
            body = {} if method == "POST" else None
            self.assertEqual(Peer(self.server).ask(method, path, body)[0], 401)
            self.assertEqual(Peer(self.server, "a.b.c").ask(method, path, body)[0], 401)

    def test_a_wrong_password_and_an_unknown_user_are_told_the_same(self):
        peer = Peer(self.server)
        for email, password in ((PEOPLE["admin"], "wrong horse battery"), ("nobody@example.com", PASSWORD),
                                (PEOPLE["admin"], PASSWORD + " "), (PEOPLE["admin"], "x" * 5000),
                                (PEOPLE["admin"], "")):
            self.assertEqual(peer.login(email, password), (401, WRONG))
        self.assertEqual(peer.login(" VERA@example.com ")[0], 200)

    def test_they_take_equally_long(self):
        """Side by side in one run: the quickest of each differ by less than a hash."""
        def seconds(email):
            begun = time.monotonic()
            self.assertEqual(Peer(self.server).login(email, "wrong horse battery")[0], 401)
            return time.monotonic() - begun
        seconds("first@example.com")
        pairs = [(seconds(PEOPLE["viewer"]), seconds(f"nobody{n}@example.com")) for n in range(8)]
        known, unknown = (min(times) for times in zip(*pairs))
        self.assertLess(abs(known - unknown), max(known, unknown) / 2)

    def test_what_is_no_login_is_said_to_be_none(self):
        peer = Peer(self.server)
        for body in ({}, [], "x", {"email": "a@b"}, {"email": 1, "password": PASSWORD},
                     {"email": "a b@c", "password": "x"}):
            status, answer = peer.ask("POST", "/api/auth/login", body)
            self.assertEqual((status, answer["error"]), (400, "BAD_REQUEST"))

    def test_who_is_removed_or_changed_has_no_token_any_more(self):
        boss = admin(self.server)
        for ends in (lambda: boss.ask("DELETE", "/api/users/tim@example.com"),
                     lambda: boss.ask("PATCH", "/api/users/tim@example.com", {"role": "viewer"}),
                     lambda: boss.ask("PATCH", "/api/users/tim@example.com", {"password": PASSWORD + "!"})):
            boss.ask("DELETE", "/api/users/tim@example.com")
            self.assertEqual(boss.ask("POST", "/api/users", {"email": "tim@example.com", "password": PASSWORD,
                                                             "role": "operator"})[0], 201)
            tim = Peer(self.server, Peer(self.server).login("tim@example.com")[1]["token"])
            self.assertEqual(tim.ask("GET", "/api/status")[0], 200)
            self.assertEqual(ends()[0], 200)
            self.assertEqual(tim.ask("GET", "/api/status")[0], 401)
        again = Peer(self.server).login("tim@example.com", PASSWORD + "!")
        self.assertEqual(again[0], 200)
        self.assertEqual(Peer(self.server, again[1]["token"]).ask("GET", "/api/status")[0], 200)

    def test_what_another_node_changes_is_found_out(self):
        boss = admin(self.server)
        boss.ask("POST", "/api/users", {"email": "tom@example.com", "password": PASSWORD, "role": "operator"})
        tom = Peer(self.server, Peer(self.server).login("tom@example.com")[1]["token"])
        self.assertEqual(tom.ask("GET", "/api/status")[0], 200)
        self.execute("DELETE FROM users WHERE email = 'tom@example.com'")
        wait_for("the token to end", lambda: tom.ask("GET", "/api/status")[0] == 401)

    def test_users_come_change_and_go(self):
        boss = admin(self.server)
        status, user = boss.ask("POST", "/api/users", {
            "email": "New@Example.com", "password": PASSWORD, "role": "viewer"})
        self.assertEqual((status, user["email"], user["role"]), (201, "new@example.com", "viewer"))
        self.assertEqual(set(user), {"user_id", "email", "role", "created_at", "changed_at"})
        self.assertEqual(boss.ask("POST", "/api/users", {
            "email": "new@example.com", "password": PASSWORD, "role": "admin"})[0], 409)
        self.assertEqual(boss.ask("PATCH", "/api/users/new@example.com", {"role": "operator"})[1]["role"], "operator")
        self.assertEqual(Peer(self.server).login("new@example.com")[1]["role"], "operator")
        self.assertEqual(boss.ask("PATCH", "/api/users/new@example.com", {"password": "another horse"})[0], 200)
        self.assertEqual(Peer(self.server).login("new@example.com")[0], 401)
        self.assertEqual(Peer(self.server).login("new@example.com", "another horse")[0], 200)
        self.assertNotIn("hash", json.dumps(boss.ask("GET", "/api/users")))
        self.assertEqual(boss.ask("DELETE", "/api/users/new@example.com")[0], 200)
        self.assertEqual(boss.ask("DELETE", "/api/users/new@example.com")[0], 404)
        self.assertEqual(Peer(self.server).login("new@example.com", "another horse")[0], 401)
        for body in ({"email": "x@y", "password": "short", "role": "viewer"}, {"email": "x@y", "role": "viewer"},
                     {"email": "x@y", "password": PASSWORD, "role": "king"}, {"email": "x@y", "password": PASSWORD},
                     {"password": PASSWORD, "role": "viewer"},
                     {"email": "x@y", "password": "y" * 257, "role": "viewer"}):
            self.assertEqual(boss.ask("POST", "/api/users", body)[0], 400, body)
        self.assertEqual({row["email"] for row in self.store.rows("SELECT email FROM users")}, set(PEOPLE.values()))
        for row in self.store.rows("SELECT password_hash FROM users"):
            self.assertTrue(row["password_hash"].startswith("$argon2id$"))

    def test_holdctl_while_the_server_runs_and_when_it_does_not(self):
        for _ in range(2):
            done = holdctl(self.server, "user", "add", "Carl@example.com", "--role", "viewer",
                           password=PASSWORD + "\n")
            self.assertEqual((done.returncode, done.stdout), (0, "carl@example.com may sign in.\n"), done.stderr)
            self.assertIn("carl@example.com", holdctl(self.server, "user", "list").stdout)
            done = holdctl(self.server, "user", "add", "carl@example.com", "--role", "viewer", password=PASSWORD)
            self.assertEqual(done.returncode, 1)
            self.assertIn("already", done.stderr)
            done = holdctl(self.server, "user", "passwd", "carl@example.com", "--role", "admin")
            self.assertEqual(done.returncode, 0, done.stderr)
            done = holdctl(self.server, "user", "passwd", "carl@example.com", password="shorter")
            self.assertEqual(done.returncode, 2)
            done = holdctl(self.server, "--json", "user", "remove", "carl@example.com")
            self.assertEqual(json.loads(done.stdout)["role"], "admin")
            self.assertEqual(holdctl(self.server, "user", "remove", "carl@example.com").returncode, 1)
            self.assertEqual(holdctl(self.server, "user", "add", "carl", "--role", "viewer").returncode, 2)
            self.assertEqual(holdctl(self.server, "user", "add", "carl@example.com").returncode, 2)
            if self.server.process.poll() is None:
                self.assertEqual(self.server.stop(), 0)

    def test_changes_leave_a_line_and_no_secret(self):
        self.sign_in("operator").ask("POST", "/api/outbox/kick", {"who": "somebody@else"})
        with open(os.path.join(self.server.data_dir, "outbox", "operations.log"), encoding="utf-8") as file:
            self.assertEqual(json.loads(file.readlines()[-1])["who"], PEOPLE["operator"])  # nobody acts as another
        Peer(self.server).login(PEOPLE["viewer"], "my secret guess")
        for line in (r"who=admin_token role=admin action=\"POST /api/users\" from=127.0.0.1 status=201",
                     r"who=otto@example.com role=operator action=\"login\" from=127.0.0.1 status=200",
                     r"who=otto@example.com role=operator action=\"POST /api/outbox/kick\" from=127.0.0.1 status=200",
                     r"who=vera@example.com role=none action=\"login\" from=127.0.0.1 status=401"):
            wait_for(line, lambda line=line: "[AUDIT] " + line.replace("\\", "") in self.server.log())
        for secret in (PASSWORD, "my secret guess", "argon2"):
            self.assertNotIn(secret, self.server.log())

    def test_another_key_and_sighup_end_every_token(self):
        peer = self.sign_in("admin")
        with open(os.path.join(self.server.data_dir, "signing.key"), "w", encoding="ascii") as file:
            file.write("k" * 40 + "\n")
        self.assertEqual(peer.ask("GET", "/api/auth/me")[0], 200)
        self.server.process.send_signal(signal.SIGHUP)
        wait_for("the other key", lambda: peer.ask("GET", "/api/auth/me")[0] == 401)
        self.assertEqual(self.sign_in("admin").ask("GET", "/api/auth/me")[0], 200)

    def test_a_cookie_is_for_our_own_page(self):
        host = f"127.0.0.1:{self.server.control}"
        page = Peer(self.server, Origin=f"http://{host}")
        self.assertEqual(Peer(self.server).login(PEOPLE["operator"], cookie=True)[0], 403)
        self.assertEqual(Peer(self.server, Origin="http://evil.example").login(PEOPLE["operator"], cookie=True)[0], 403)
        self.assertEqual(page.login(PEOPLE["operator"], cookie=True)[0], 200)
        cookie = page.said["set-cookie"]
        for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(word, cookie)
        value = cookie.split(";")[0]
        self.assertEqual(Peer(self.server, Cookie=value).ask("GET", "/api/auth/me")[1]["who"], PEOPLE["operator"])
        kick = ("POST", "/api/outbox/kick", {})
        self.assertEqual(Peer(self.server, Cookie=value, Origin=f"http://{host}").ask(*kick)[0], 200)
        for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": f"http://{host}.evil"}):
            self.assertEqual(Peer(self.server, Cookie=value, **headers).ask(*kick)[0], 403)
        self.assertEqual(page.ask("POST", "/api/auth/logout")[0], 200)
        self.assertIn("Max-Age=0", page.said["set-cookie"])

    def test_answers_say_how_they_want_to_be_treated(self):
        peer = Peer(self.server)
        peer.login(PEOPLE["viewer"])
        self.assertEqual(peer.said["cache-control"], "no-store")
        self.assertEqual(peer.said["x-content-type-options"], "nosniff")
        self.assertEqual(peer.said["referrer-policy"], "no-referrer")
        self.assertIn("frame-ancestors 'none'", peer.said["content-security-policy"])
        self.assertEqual(peer.said["cross-origin-opener-policy"], "same-origin")
        self.assertIsNone(peer.said["server"])

    def test_a_page_signs_in_by_the_admin_token(self):
        with open(os.path.join(self.server.data_dir, "admin.token"), encoding="ascii") as file:
            token = file.read().strip()
        page = Peer(self.server, Origin=f"http://127.0.0.1:{self.server.control}")
        for wrong in (token[:-1], token + "x", "x" * 5000, PASSWORD):
            self.assertEqual(page.ask("POST", "/api/auth/login", {"token": wrong, "cookie": True})[0], 401)
            self.assertIsNone(page.said["set-cookie"])
        for body in ({"token": ""}, {"token": 7}, {"token": token, "email": PEOPLE["viewer"]},
                     {"token": token, "email": PEOPLE["viewer"], "password": PASSWORD}):
            self.assertEqual(page.ask("POST", "/api/auth/login", body)[0], 400)
        self.assertEqual(Peer(self.server).ask("POST", "/api/auth/login", {"token": token, "cookie": True})[0], 403)
        status, body = page.ask("POST", "/api/auth/login", {"token": token, "cookie": True})
        self.assertEqual((status, body["role"]), (200, "admin"))
        self.assertNotIn(token, json.dumps(body))
        cookie = page.said["set-cookie"].split(";")[0]
        self.assertEqual(Peer(self.server, Cookie=cookie).ask("GET", "/api/auth/me"),
                         (200, {"who": "admin_token", "role": "admin"}))
        self.assertNotIn(token, self.server.log())


class OfSqlite(Users, unittest.TestCase):
    def begin(self):
        self.server = Server(control__login_attempts=0)
        self.enterContext(self.server)
        self.store = Sqlite(self.server.data_dir)

    def execute(self, statement):
        with sqlite3.connect(self.store.path, timeout=30) as database:
            database.execute(statement)


class OfPostgres(Users, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Postgres().start()
        cls.addClassCleanup(cls.store.close)

    def begin(self):
        self.store.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        self.server = Server(database__url=self.store.url, control__login_attempts=0)
        self.enterContext(self.server)

    def execute(self, statement):
        self.store.sql(statement)


class Limits(unittest.TestCase):
    def test_an_account_is_not_guessed_at(self):
        with Server(control__login_attempts=5) as server:
            wait_for("the API", lambda: admin(server).ask("GET", "/api/users")[0] == 200)
            self.assertEqual(admin(server).ask("POST", "/api/users", {
                "email": "ada@example.com", "password": PASSWORD, "role": "admin"})[0], 201)
            peer = Peer(server)
            for _ in range(10):  # whoever succeeds has used nothing up
                self.assertEqual(peer.login("ada@example.com")[0], 200)
            answers = [peer.login("ada@example.com", f"guess number {n}")[0] for n in range(20)]
            self.assertEqual(answers[:5], [401] * 5)
            self.assertGreater(answers.count(429), 10)
            self.assertEqual(peer.login("ada@example.com")[0], 429)
            self.assertEqual(peer.said["retry-after"], "60")
            self.assertEqual(peer.login("otto@example.com")[0], 401)
            self.assertIn("[LOGIN_LIMIT] by=account", server.log())
            self.assertEqual(admin(server).ask("GET", "/api/users")[0], 200)


class Flood(unittest.TestCase):
    def test_a_flood_of_logins_leaves_workers_to_the_others(self):
        """Each for another account, through a proxy that is trusted: no limit of an address holds."""
        with Server(control__login_attempts=5, media__trusted_proxies="127.0.0.0/8") as server:
            wait_for("the API", lambda: admin(server).ask("GET", "/api/users")[0] == 200)
            with ThreadPoolExecutor(24) as crowd:
                flood = crowd.map(lambda n: Peer(server, X_Forwarded_For=f"198.51.100.{n}").login(
                    f"nobody{n}@example.com")[0], range(96))
                looks = [admin(server).ask("GET", "/api/calls")[0] for _ in range(50)]
                self.assertEqual(set(looks), {200})
                statuses = list(flood)
            self.assertLessEqual(set(statuses), {401, 503})
            self.assertIn(401, statuses)
            self.assertIn(503, statuses)
            self.assertEqual(Peer(server, X_Forwarded_For="203.0.113.9").login("nobody@example.com")[0], 401)


class Away(unittest.TestCase):
    def test_tokens_go_on_and_signing_in_waits(self):
        store = Postgres().start()
        self.addCleanup(store.close)
        with Server(database__url=store.url, database__retry__max="1s") as server:
            wait_for("the API", lambda: admin(server).ask("GET", "/api/users")[0] == 200)
            body = {"email": "ada@example.com", "password": PASSWORD, "role": "operator"}
            self.assertEqual(admin(server).ask("POST", "/api/users", body)[0], 201)
            peer = Peer(server, Peer(server).login("ada@example.com")[1]["token"])
            store.stop()
            wait_for("the outage", lambda: server.get("/health/db")[0] == 503)
            self.assertEqual(Peer(server).login("ada@example.com"), (503, AWAY))
            self.assertEqual(Peer(server).login("nobody@example.com"), (503, AWAY))
            self.assertEqual(admin(server).ask("GET", "/api/users"), (503, AWAY))
            self.assertEqual(admin(server).ask("DELETE", "/api/users/ada@example.com"), (503, AWAY))
            self.assertEqual(holdctl(server, "user", "remove", "ada@example.com").returncode, 3)
            self.assertEqual(peer.ask("GET", "/api/auth/me")[0], 200)
            self.assertEqual(peer.ask("GET", "/api/outbox")[0], 200)
            self.assertEqual(peer.ask("POST", "/api/outbox/kick", {})[0], 200)
            store.start()
            wait_for("signing in", lambda: Peer(server).login("ada@example.com")[0] == 200)


if __name__ == "__main__":
    unittest.main()
