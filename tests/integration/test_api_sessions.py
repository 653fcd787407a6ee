"""GET /api/sessions and /api/sessions/{id}: what the database made of the messages, page by page."""

import time
import unittest

from database import Postgres, Sqlite
from server import Server, wait_for
from test_sessions import message, tell

PERSONS, HOURS = 3, 20
BEGIN = int(time.time()) // 3600 * 3600 - HOURS * 3600
AWAY = {"error": "SERVICE_UNAVAILABLE", "detail": "Database temporarily unavailable", "status": 503}


def status(of, word, rank, at):
    row = {"status_id": of["id"][:-4] + f"{rank:04x}", "provider": "meta", "channel": "whatsapp", "account_id": "1065",
           "provider_message_id": of["payload"]["provider_message_id"], "peer": of["payload"]["peer"], "status": word,
           "rank": rank, "at": at, "data": None}
    return {"id": row["status_id"], "kind": "message.status", "entity": of["id"], "rev": 0, "created_at": at, "payload": row}


class Sessions:
    """What holds for both databases: each person writes once an hour, which is a session each time."""

    def fill(self):
        self.told = [message(f"+{n % PERSONS}", BEGIN + n // PERSONS * 3600 + n % PERSONS) for n in range(PERSONS * HOURS)]
        self.chat = [message("+9", BEGIN + 100 + n // 2, n) for n in range(7)]
        sent = self.chat[3]
        self.statuses = [status(sent, "read", 5, sent["created_at"]), status(sent, "sent", 2, sent["created_at"])]
        tell(self.server, self.told + self.chat + self.statuses)
        wait_for("the sessions", lambda: self.server.api("/api/sessions?limit=500")[0] == 200
                 and len(self.ids("?limit=500")) == PERSONS * HOURS + 1)
        wait_for("the closes", lambda: len(self.ids("?limit=500&state=open&before=" + self.iso(BEGIN + 3600 * (HOURS - 2)))) == 0)

    def iso(self, at):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))

    def ids(self, query=""):
        code, body = self.server.api("/api/sessions" + query)
        self.assertEqual(code, 200, body)
        return [session["session_id"] for session in body["sessions"]]

    def test_pages_follow_each_other_newest_first_and_filters_hold(self):
        path, seen = "/api/sessions?limit=7", []
        while path:
            code, body = self.server.api(path)
            self.assertEqual(code, 200, body)
            seen += body["sessions"]
            path = body["next_cursor"] and f"/api/sessions?limit=7&cursor={body['next_cursor']}"
        self.assertEqual(len({session["session_id"] for session in seen}), PERSONS * HOURS + 1)
        self.assertEqual([session["opened_at"] for session in seen],
                         sorted((session["opened_at"] for session in seen), reverse=True))
        mine = self.ids("?peer=%2B1&limit=500&channel=whatsapp&account=1065")
        self.assertEqual(mine, [told["id"] for told in reversed(self.told) if told["payload"]["peer"] == "+1"])
        hour = f"?since={self.iso(BEGIN + 3600)}&before={self.iso(BEGIN + 7200)}"
        self.assertEqual(set(self.ids(hour)), {told["id"] for told in self.told[PERSONS:2 * PERSONS]})
        self.assertEqual(self.ids("?channel=sms"), [])
        self.assertEqual(self.ids("?peer=" + "x" * 135), [])

    def test_one_session_comes_with_its_summary_messages_and_their_statuses(self):
        first = min(self.chat[:2], key=lambda told: told["id"])
        path, seen = f"/api/sessions/{first['id']}?limit=3", []
        while path:
            code, body = self.server.api(path)
            self.assertEqual(code, 200, body)
            self.assertLessEqual(len(body["messages"]), 3)
            seen += body["messages"]
            path = body["next_cursor"] and f"/api/sessions/{first['id']}?limit=3&cursor={body['next_cursor']}"
        self.assertEqual({one["message_id"] for one in seen}, {told["id"] for told in self.chat})
        self.assertEqual(len(seen), 7)
        self.assertEqual((body["state"], body["message_count"], body["peer"]), ("closed", 7, "+9"))
        self.assertEqual((body["summary"]["message_count"], body["summary"]["duration_ms"]), (7, 3000))
        told = {one["message_id"]: one for one in seen}[self.chat[3]["id"]]
        self.assertEqual((told["status"], told["data"]), ("read", self.chat[3]["payload"]["data"]))
        self.assertEqual([one["status"] for one in told["statuses"]], ["sent", "read"])

    def test_what_is_asked_wrongly_is_told_by_name(self):
        for query, word in (("?state=live", "state: is one of open, closed"), ("?number=1", "no such parameter"),
                            ("?limit=0", "limit"), ("?cursor=1", "cursor"), ("?since=yesterday", "since")):
            code, body = self.server.api("/api/sessions" + query)
            self.assertEqual((code, body["error"]), (400, "BAD_REQUEST"))
            self.assertIn(word, body["detail"])
        self.assertEqual(self.server.api("/api/sessions/1")[0], 400)
        self.assertEqual(self.server.api("/api/sessions/" + self.told[0]["id"] + "?state=open")[0], 400)
        self.assertEqual(self.server.api("/api/sessions/00000000-0000-7000-8000-000000000000")[0], 404)
        for path in ("/api/sessions", "/api/sessions/" + self.told[0]["id"]):
            self.assertEqual(self.server.get(path)[0], 401)


class OfSqlite(Sessions, unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(sessions__interval="200ms"))
        self.store = Sqlite(self.server.data_dir)
        self.fill()


class OfPostgres(Sessions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Postgres().start()
        cls.addClassCleanup(cls.store.close)

    def setUp(self):
        self.store.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        self.server = self.enterContext(Server(database__url=self.store.url, sessions__interval="200ms"))
        self.fill()

    def test_while_the_database_is_away_the_answer_is_the_contracts(self):
        self.store.stop()
        self.addCleanup(self.store.start)
        wait_for("the outage", lambda: self.server.api("/api/sessions") == (503, AWAY))
        self.assertEqual(self.server.api("/api/sessions/" + self.told[0]["id"]), (503, AWAY))


if __name__ == "__main__":
    unittest.main()
