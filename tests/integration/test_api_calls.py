"""GET /api/calls and /api/calls/{id}: what the database has, page by page, and an exact 503 while it is away."""

import sqlite3
import threading
import time
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor

from database import Postgres, Sqlite
from server import Server, report, wait_for

AWAY = {"error": "SERVICE_UNAVAILABLE", "detail": "Database temporarily unavailable", "status": 503}
FIRST_MS = 1790000000000  # of the calls that the tests write: September 2026


def call_id(n):
    """A UUIDv7 of the n-th second after FIRST_MS."""
    return str(uuid.UUID(int=(FIRST_MS + n * 1000) << 80 | 7 << 76 | 2 << 62 | n))


def iso(n):
    at = (FIRST_MS + n * 1000) / 1000
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".000000Z"


def row(n):
    """Every third call is from twilio, every second one was hung up, every fifth lives."""
    live = n % 5 == 0
    return {"call_id": call_id(n), "node_id": "n1", "provider": ("twilio", "telnyx", "plivo")[n % 3],
            "from_number": f"+1555000{n:04}", "to_number": "+4930123456" if n % 4 == 0 else "+4930999999",
            "state": "live" if live else "ended", "started_at": iso(n), "rev": 1,
            "end_reason": None if live else ("stop", "hangup")[n % 2]}


def insert(rows):
    names = list(rows[0])
    def literal(value):
        return "NULL" if value is None else repr(value)
    values = ", ".join("(" + ", ".join(literal(one[name]) for name in names) + ")" for one in rows)
    return f"INSERT INTO calls ({', '.join(names)}) VALUES {values}"


class Calls:
    """What holds for both databases; ROWS calls are in it."""

    ROWS = 120

    def ids(self, query=""):
        status, body = self.server.api("/api/calls" + query)
        self.assertEqual(status, 200, body)
        return [call["call_id"] for call in body["calls"]]

    def expected(self, chosen=lambda _: True):
        return [call_id(n) for n in reversed(range(self.ROWS)) if chosen(row(n))]

    def test_pages_follow_each_other_newest_first_and_meet_every_call_once(self):
        path, seen, pages = "/api/calls?limit=50", [], 0
        while path:
            status, body = self.server.api(path)
            self.assertEqual(status, 200, body)
            seen += [call["call_id"] for call in body["calls"]]
            self.assertLessEqual(len(body["calls"]), 50)
            path = body["next_cursor"] and f"/api/calls?limit=50&cursor={body['next_cursor']}"
            pages += 1
        self.assertEqual((pages, seen), (3, self.expected()))
        self.assertEqual(len(self.ids()), 50)
        status, body = self.server.api(f"/api/calls?limit={self.ROWS}")
        self.assertIsNone(body["next_cursor"])

    def test_each_filter_finds_what_it_says(self):
        cases = {
            "?state=live": lambda one: one["state"] == "live",
            "?provider=telnyx": lambda one: one["provider"] == "telnyx",
            "?end_reason=hangup": lambda one: one["end_reason"] == "hangup",
            "?number=%2B4930123456": lambda one: one["to_number"] == "+4930123456",
            "?number=%2B15550000007": lambda one: one["from_number"] == "+15550000007",
            f"?since={iso(100)}": lambda one: one["started_at"] >= iso(100),
            f"?before={iso(20)}": lambda one: one["started_at"] < iso(20),
            f"?since={iso(20)[:19]}%2B00:00&before={iso(40)}": lambda one: iso(20) <= one["started_at"] < iso(40),
            "?state=ended&provider=plivo&number=%2B4930123456&end_reason=stop": lambda one: (
                one["state"] == "ended" and one["provider"] == "plivo" and one["end_reason"] == "stop"
                and one["to_number"] == "+4930123456"),
            "?provider=nobody": lambda one: False,
        }
        for query, chosen in cases.items():
            with self.subTest(query):
                self.assertEqual(self.ids(query + "&limit=500"), self.expected(chosen))

    def test_what_is_asked_wrongly_is_told_by_name(self):
        for query, word in {"state=dead": "state: is one of live, ended", "limit=0": "limit:", "limit=501": "limit:",
                            "limit=": "limit:", "cursor=abc": "cursor: needs a UUID", "since=yesterday": "since:",
                            "before=2026-02-30": "before:", "number=": "number:", "colour=red": "no such parameter",
                            "limit=1&limit=2": "limit: was given twice", "number=" + "9" * 160: "number:",
                            "number=%ff": "number:"}.items():
            with self.subTest(query):
                status, body = self.server.api("/api/calls?" + query)
                self.assertEqual((status, body["error"], body["status"]), (400, "BAD_REQUEST", 400))
                self.assertIn(word, body["detail"])

    def test_one_call_comes_with_its_events_and_an_unknown_one_is_404(self):
        done = report(self.server.holdload("--calls", 1, "--duration", "500ms"))
        self.assertEqual(done["completed"], 1)
        sid = done["call_list"][0]["callSid"]
        found = wait_for("its final row", lambda: self.store.rows(
            f"SELECT call_id FROM calls WHERE provider_call_id = '{sid}' AND state = 'ended'"))
        status, call = self.server.api(f"/api/calls/{found[0]['call_id']}")
        self.assertEqual((status, call["provider_call_id"], call["state"]), (200, sid, "ended"))
        self.assertIsInstance(call["events"], list)
        self.assertEqual(call["frames_in"], done["call_list"][0]["frames_sent"])
        status, body = self.server.api(f"/api/calls/{call_id(999999)}")
        self.assertEqual((status, body["error"]), (404, "NOT_FOUND"))
        status, body = self.server.api("/api/calls/12345")
        self.assertEqual((status, body["error"]), (400, "BAD_REQUEST"))

    def test_without_a_token_nothing_is_told(self):
        for path in ("/api/calls", f"/api/calls/{call_id(1)}"):
            self.assertEqual(self.server.get(path)[0], 401)


class OfSqlite(Calls, unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.enterContext(self.server)
        self.store = Sqlite(self.server.data_dir)
        wait_for("the API", lambda: self.server.api("/api/calls")[0] == 200)
        with sqlite3.connect(self.store.path, timeout=30) as database:
            database.execute(insert([row(n) for n in range(self.ROWS)]))


class OfPostgres(Calls, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Postgres().start()
        cls.addClassCleanup(cls.store.close)

    def setUp(self):
        self.store.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        self.server = Server(database__url=self.store.url)
        self.enterContext(self.server)
        wait_for("the API", lambda: self.server.api("/api/calls")[0] == 200)
        self.store.sql(insert([row(n) for n in range(self.ROWS)]))


class Away(unittest.TestCase):
    def setUp(self):
        self.store = Postgres()
        self.addCleanup(self.store.close)

    def serve(self, **more):
        server = Server(database__url=self.store.url, database__retry__max="1s", **more)
        return self.enterContext(server)

    def serve_with_rows(self, **more):
        self.store.start()
        server = self.serve(**more)
        wait_for("the API", lambda: server.api("/api/calls")[0] == 200)
        self.store.sql(insert([row(n) for n in range(3)]))
        return server

    def test_before_it_was_ever_there_the_answer_is_the_contracts(self):
        server = self.serve()
        wait_for("the outage", lambda: server.get("/health/db")[0] == 503)
        self.assertEqual(server.api("/api/calls"), (503, AWAY))
        self.assertEqual(server.get("/api/calls")[0], 401)
        self.store.start()
        self.assertEqual(wait_for("the rows", lambda: (found := server.api("/api/calls"))[0] == 200 and found)[1],
                         {"calls": [], "next_cursor": None})

    def test_while_it_is_away_503_at_once_and_the_rest_answers(self):
        server = self.serve_with_rows()
        self.store.stop()
        wait_for("503", lambda: server.api("/api/calls")[0] == 503)
        with ThreadPoolExecutor(16) as crowd:
            answers = list(crowd.map(lambda _: server.api("/api/calls"), range(200)))
        self.assertEqual({status for status, _ in answers}, {503})
        self.assertTrue(all(body == AWAY for _, body in answers))
        self.assertEqual(server.api(f"/api/calls/{call_id(1)}"), (503, AWAY))
        self.assertEqual((server.get("/health/live")[0], server.get("/health/ready")[0]), (200, 200))
        self.assertEqual(server.api("/api/outbox")[0], 200)
        self.assertEqual(server.get("/health/db")[0], 503)
        self.assertIn("holdline_db_up 0", server.get("/metrics")[1])
        self.store.start()
        wait_for("the rows", lambda: server.api("/api/calls")[0] == 200)
        wait_for("health", lambda: server.get("/health/db")[0] == 200)
        self.assertEqual(len(server.api("/api/calls")[1]["calls"]), 3)
        wait_for("the end to be told", lambda: "[DB_RECOVERED] op=" in server.log())

    def test_sessions_that_were_cut_cost_one_answer_each_at_most(self):
        server = self.serve_with_rows()
        for _ in range(5):
            self.store.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                           "WHERE application_name LIKE 'holdline/%'")
            wait_for("the rows", lambda: server.api("/api/calls")[0] == 200)

    def lock_events(self, seconds):
        locked = threading.Thread(target=self.store.sql, args=(
            f"BEGIN; LOCK TABLE call_events IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT",))
        locked.start()
        self.addCleanup(locked.join)
        wait_for("the lock", lambda: self.store.rows(
            "SELECT 1 FROM pg_locks WHERE relation = 'call_events'::regclass AND mode = 'AccessExclusiveLock'"))
        return locked

    def test_a_table_that_is_locked_holds_up_neither_other_requests_nor_calls(self):
        server = self.serve_with_rows(control__query_timeout="500ms")
        locked = self.lock_events(4)
        self.assertEqual(server.api(f"/api/calls/{call_id(1)}"), (503, AWAY))
        with ThreadPoolExecutor(8) as crowd:
            slow = crowd.map(lambda _: server.api(f"/api/calls/{call_id(1)}"), range(8))
            self.assertEqual(server.get("/health/live")[0], 200)
            self.assertEqual(report(server.holdload("--calls", 5, "--duration", "500ms"))["completed"], 5)
            self.assertLessEqual({answer[0] for answer in slow}, {200, 503})
        locked.join()
        wait_for("the call", lambda: server.api(f"/api/calls/{call_id(1)}")[0] == 200)
        self.assertIn("[API_QUERY] op=api_query", server.log())

    def test_more_questions_than_may_wait_are_refused_and_all_are_answered(self):
        server = self.serve_with_rows(control__query_timeout="1s", control__query_queue=2, database__pool_size=3)
        locked = self.lock_events(3)
        with ThreadPoolExecutor(24) as crowd:
            details = [body.get("detail", "") for _, body in
                       crowd.map(lambda _: server.api(f"/api/calls/{call_id(1)}"), range(96))]
        locked.join()
        self.assertTrue([detail for detail in details if "too many requests wait" in detail], details)
        wait_for("the call", lambda: server.api(f"/api/calls/{call_id(1)}")[0] == 200)

    def test_control_ends_while_questions_hang(self):
        server = self.serve_with_rows(control__query_timeout="60s")
        self.lock_events(5)
        with ThreadPoolExecutor(4) as crowd:
            answers = [crowd.submit(server.api, f"/api/calls/{call_id(1)}") for _ in range(4)]
            wait_for("questions that hang", lambda: self.store.rows(
                "SELECT 1 FROM pg_stat_activity "
                "WHERE application_name LIKE 'holdline/%/api' AND wait_event_type = 'Lock'"))
            self.assertEqual(server.stop(), 0)
            for answer in answers:
                answer.exception()


if __name__ == "__main__":
    unittest.main()
