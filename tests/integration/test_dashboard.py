"""The dashboard's files: served by Holdline itself, with no way for anything of others to get in.

What it shows and does is tested in a browser: tests/browser."""

import http.client
import os
import re
import unittest

from server import Server

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


if __name__ == "__main__":
    unittest.main()
