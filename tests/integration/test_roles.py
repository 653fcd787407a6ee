"""Every route by every role, as the OpenAPI document describes them: nobody gets further than the document says."""

import json
import os
import unittest
import uuid

from server import Server, wait_for
from test_api_users import PASSWORD, Peer, admin

DOCUMENT = os.path.join(os.path.dirname(__file__), "../../server/control/api/openapi.json")
ROLES = ("viewer", "operator", "admin")
METHODS = ("get", "post", "put", "patch", "delete")
# Who may, in the words of the descriptions; the rest is said in test_openapi.py.
NAMES = {"id": str(uuid.uuid4()), "email": "nobody@example.com", "verb": "release", "name": "x", "file": "x"}


def operations():
    """(METHOD, path with its parameters filled in, is it guarded?, the path as documented)"""
    with open(DOCUMENT, encoding="utf-8") as file:
        document = json.load(file)
    for path, item in document["paths"].items():
        filled = path
        for name, value in NAMES.items():
            filled = filled.replace("{" + name + "}", value)
        for method in METHODS:
            if method in item:
                yield method.upper(), filled, bool(item[method].get("security")), path, item[method]


def least(operation):
    """The least role that the document names."""
    text = operation["description"]
    return next((role for role in reversed(ROLES) if f"{role}s" in text or f"role {role}" in text), "viewer")


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.addClassCleanup(cls.server.__exit__, None)
        wait_for("the API", lambda: admin(cls.server).ask("GET", "/api/users")[0] == 200)
        cls.peers = {}
        for role in ROLES:
            body = {"email": f"{role}@example.com", "password": PASSWORD, "role": role}
            assert admin(cls.server).ask("POST", "/api/users", body)[0] == 201
            token = Peer(cls.server).login(body["email"])[1]["token"]
            cls.peers[role] = Peer(cls.server, token)

    def status(self, peer, method, path):
        try:
            return peer.ask(method, path, {} if method not in ("GET", "DELETE") else None)[0]
        except ValueError:
            return 200  # a page, or metrics: no JSON

    def test_without_a_token_only_what_is_open_answers(self):
        for method, path, guarded, *_ in operations():
            with self.subTest(method=method, path=path):
                if guarded:
                    self.assertEqual(self.status(Peer(self.server), method, path), 401)
                    self.assertEqual(self.status(Peer(self.server, "x" * 43), method, path), 401)
                    self.assertEqual(self.status(Peer(self.server, Cookie="holdline=x.y.z"), method, path), 401)
                else:
                    self.assertNotIn(self.status(Peer(self.server), method, path), (401, 403))

    def test_each_role_gets_as_far_as_the_document_says(self):
        for method, path, guarded, _, operation in operations():
            if not guarded:
                continue
            needs = ROLES.index(least(operation))
            for rank, role in enumerate(ROLES):
                with self.subTest(method=method, path=path, role=role):
                    status = self.status(self.peers[role], method, path)
                    if rank < needs:
                        self.assertEqual(status, 403)
                    else:
                        self.assertNotIn(status, (401, 403, 500))

    def test_other_methods_are_no_way_round(self):
        known = {}
        for method, path, *_ in operations():
            known.setdefault(path, set()).add(method)
        for path, methods in known.items():
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                if method in methods:
                    continue
                with self.subTest(method=method, path=path):
                    self.assertIn(self.status(self.peers["viewer"], method, path), (400, 403, 404, 405))

    def test_every_refusal_has_the_one_shape(self):
        for method, path in (("GET", "/api/calls"), ("GET", "/nothing"), ("DELETE", "/metrics"),
                             ("GET", "/api/calls?limit=0"), ("GET", "/api/calls/nonsense"),
                             ("POST", "/api/auth/login"), ("GET", "/api/erasures")):
            for peer in (Peer(self.server), self.peers["viewer"]):
                status, body = peer.ask(method, path)
                if status < 400:
                    continue
                with self.subTest(method=method, path=path):
                    self.assertEqual(set(body), {"error", "detail", "status"})
                    self.assertEqual(body["status"], status)
                    self.assertEqual(peer.said["Content-Type"], "application/json")

    def test_a_cookie_from_another_page_changes_nothing(self):
        peer = Peer(self.server, Origin=f"http://127.0.0.1:{self.server.control}")
        self.assertEqual(peer.login("admin@example.com", cookie=True)[0], 200)
        cookie = peer.said["Set-Cookie"]
        for word in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="):
            self.assertIn(word, cookie)
        cookie = cookie.split(";")[0]
        for method, path, guarded, *_ in operations():
            if not guarded or method == "GET":
                continue
            for origin in ("http://evil.example", f"http://127.0.0.1:{self.server.control + 1}", "null", "",
                           f"https://evil.example/http://127.0.0.1:{self.server.control}"):
                with self.subTest(method=method, path=path, origin=origin):
                    there = Peer(self.server, Cookie=cookie, Origin=origin)
                    self.assertEqual(self.status(there, method, path), 403)


if __name__ == "__main__":
    unittest.main()
