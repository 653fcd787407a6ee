"""Messages find their sessions, whose end comes once, whatever the database and the other node do."""

import json
import os
import random
import re
import tempfile
import threading
import time
import unittest
import uuid

import jsonschema

from database import Postgres, Sqlite
from receiver import Receiver
from server import Server, wait_for
from test_messages import Inbox, envelope, value

IDLE_MS = 900_000
SPACE = uuid.UUID("019e0000-0000-7000-8000-000000000000")
with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "event.schema.json"), encoding="utf-8") as schema:
    FORM = jsonschema.Draft202012Validator(json.load(schema))
LOOP = {"sessions__interval": "200ms", "node__lease": "2s"}


def iso(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".000000Z"


def message(person, at, n=0, direction="inbound"):
    """What a webhook would tell: `at` in seconds since 1970."""
    wamid = f"wamid.{person}.{at}.{n}"
    row = {"message_id": str(uuid.uuid5(SPACE, wamid)), "provider": "meta", "channel": "whatsapp",
           "account_id": "1065", "provider_message_id": wamid, "peer": person, "peer_phone": person,
           "peer_user_id": None, "direction": direction, "at": iso(at), "kind": "text", "body": "hello",
           "data": {"id": wamid}, "idle_ms": IDLE_MS}
    return {"id": row["message_id"], "kind": "message.received", "entity": row["message_id"], "rev": 0,
            "created_at": iso(at), "payload": row}


def tell(server, records):
    """Into the server's outbox, as if its webhooks had."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", dir=server.data_dir, encoding="utf-8") as file:
        file.write("".join(json.dumps(record) + "\n" for record in records))
        file.flush()
        server.holdctl("outbox", "import", file.name)


class Sessions:
    """What holds for both databases."""

    def summaries(self):
        return self.store.rows("SELECT * FROM session_summaries ORDER BY session_id")

    def test_what_is_idle_is_closed_with_its_summary_and_what_is_not_stays_open(self):
        now = int(time.time())
        tell(self.server, [message("+1", now - 5000), message("+1", now - 4900, direction="outbound"),
                           message("+2", now - 10), message("+1", now - 5000)])
        wait_for("the summary", self.summaries)
        (summary,) = self.summaries()
        self.assertEqual((summary["message_count"], summary["inbound_count"], summary["outbound_count"]), (2, 1, 1))
        self.assertEqual((summary["duration_ms"], summary["close_reason"]), (100_000, "idle"))
        session = message("+1", now - 5000)["id"]
        self.assertEqual(summary["session_id"], session)
        self.assertIn(f"[SESSION_CLOSED] session={session} channel=whatsapp reason=idle messages=2", self.server.log())
        wait_for("it to be counted", lambda: self.server.metric('holdline_sessions_closed_total{reason="idle"}') == 1)
        wait_for("the rest", lambda: self.server.metric("holdline_sessions_open") == 1)
        wait_for("it to be told", lambda: self.store.rows("SELECT 1 AS n FROM session_summaries WHERE told"))
        wait_for("the lease", lambda: self.store.rows("SELECT * FROM nodes"))

    def test_a_backlog_in_order_makes_the_same_sessions_however_often_they_are_closed_meanwhile(self):
        begin = int(time.time()) - 86400
        told = [message("+1", begin + n * 600) for n in range(10)] + [message("+1", begin + 20_000)]
        for record in told:
            before = len(self.summaries())
            tell(self.server, [record])
            if record is told[0] or record is told[-1]:
                wait_for("a close", lambda before=before: len(self.summaries()) > before)
            else:
                wait_for("it", lambda r=record: self.store.rows(
                    f"SELECT 1 AS n FROM messages WHERE message_id = '{r['id']}'"))
        self.assertEqual([summary["message_count"] for summary in sorted(
            self.summaries(), key=lambda summary: -summary["message_count"])], [10, 1])
        states = {row["state"] for row in self.store.rows("SELECT state FROM sessions")}
        self.assertEqual(states, {"closed"})

    def test_any_order_and_repetition_among_closings_loses_and_doubles_nothing(self):
        begin, dice = int(time.time()) - 86400, random.Random(5)
        told = [message(f"+{n % 7}", begin + dice.randrange(200) * 200, n) for n in range(300)]
        twice = told + told
        dice.shuffle(twice)
        for first in range(0, len(twice), 50):
            tell(self.server, twice[first:first + 50])
        wait_for("all to be closed", lambda: self.store.rows("SELECT count(*) AS n FROM messages")[0]["n"] == 300
                 and not self.store.rows("SELECT 1 AS n FROM sessions WHERE state = 'open'"))
        counts = self.store.rows("SELECT s.message_count AS said, count(*) AS had FROM sessions AS s JOIN messages AS m "
                                 "ON m.session_id = s.session_id GROUP BY s.session_id, s.message_count")
        self.assertEqual([row for row in counts if row["said"] != row["had"]], [])
        self.assertEqual(sum(row["had"] for row in counts), 300)
        summaries = {row["session_id"]: row["message_count"] for row in self.summaries()}
        sessions = {row["session_id"]: row["message_count"] for row in self.store.rows("SELECT * FROM sessions")}
        self.assertEqual(summaries, sessions)
        self.assertEqual(len(self.summaries()), len(sessions))


class OfSqlite(Sessions, unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(**LOOP))
        self.store = Sqlite(self.server.data_dir)


class OfPostgres(Sessions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Postgres().start()
        cls.addClassCleanup(cls.store.close)

    def setUp(self):
        self.store.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        self.server = self.enterContext(Server(database__url=self.store.url, **LOOP))


class Told(unittest.TestCase):
    def test_each_end_is_told_once_whatever_dies_meanwhile(self):
        begin = int(time.time()) - 86400
        receiver = Receiver(keep_alive=True)
        self.addCleanup(receiver.close)
        with Server(**LOOP, events__webhook=receiver.url) as server:
            tell(server, [message(f"+{n}", begin + n) for n in range(300)])
            wait_for("the first", lambda: receiver.taken)
            server.kill("control")

            def closed():
                events = [json.loads(body) for _, body in list(receiver.taken)]
                return {event["id"]: event for event in events if event["type"] == "session.closed"}

            wait_for("all of them", lambda: len(closed()) >= 300)
            for event in closed().values():
                FORM.validate(event)
            sessions = [event["data"]["session_id"] for event in closed().values()]
            self.assertEqual((len(sessions), len(set(sessions))), (300, 300))
            self.assertEqual({event["data"]["message_count"] for event in closed().values()}, {1})


class Away(unittest.TestCase):
    def test_the_loop_outlives_its_database_and_closes_afterwards(self):
        store = Postgres().start()
        self.addCleanup(store.close)
        with Server(database__url=store.url, **LOOP) as server:
            wait_for("the lease", lambda: store.rows("SELECT * FROM nodes"))
            store.stop()
            for op in ("whatsapp_session_loop", "node_lease"):
                wait_for(f"{op} to say so", lambda op=op: re.search(
                    rf"\[DB_DOWN\] op={op} try=3 sleep=[\d.]+s reason=\w+", server.log()))
            wait_for("health to say so", lambda: server.get("/health/db")[0] == 503)
            self.assertRegex(server.get("/metrics")[1], r'holdline_db_down_total\{op="whatsapp_session_loop",reason=')
            tell(server, [message("+1", int(time.time()) - 5000)])
            store.start()
            for op in ("whatsapp_session_loop", "node_lease"):
                wait_for(f"{op} to recover", lambda op=op: re.search(
                    rf"\[DB_RECOVERED\] op={op} attempts=\d+ down_for=[\d.]+s", server.log()))
            wait_for("the close", lambda: store.rows("SELECT * FROM session_summaries"))
            wait_for("health", lambda: server.get("/health/db")[0] == 200)
            self.assertNotIn("THREAD_CRASH", server.log())


    def test_a_session_that_the_server_ends_is_no_outage(self):
        store = Postgres().start()
        self.addCleanup(store.close)
        with Server(database__url=store.url, **LOOP) as server:
            wait_for("the lease", lambda: store.rows("SELECT * FROM nodes"))
            sessions = "pg_stat_activity WHERE application_name LIKE 'holdline/%/sessions'"
            ended = store.rows(f"SELECT pid, pg_terminate_backend(pid) AS done FROM {sessions}")
            wait_for("another", lambda: [row for row in store.rows(f"SELECT pid FROM {sessions}")
                                         if row["pid"] not in [old["pid"] for old in ended]])
            self.assertNotIn("[DB_DOWN]", server.log())


class EndToEnd(unittest.TestCase):
    def test_what_meta_tells_of_one_person_is_one_session_that_ends(self):
        now = int(time.time())
        person = {"wa_id": "4915112345678", "user_id": "DE.13491208655302741918"}

        def told(wamid, at, **who):
            return {"id": wamid, "timestamp": str(at), "type": "text", "text": {"body": "hello"}, **who}

        messages = [told("wamid.1", now, **{"from": person["wa_id"]}),
                    told("wamid.2", now, **{"from": person["wa_id"], "from_user_id": person["user_id"]}),
                    told("wamid.3", now + 1, **{"from_user_id": person["user_id"]})]
        with Inbox(sessions__idle_timeout="1s", **LOOP) as server:
            for _ in range(2):
                self.assertEqual(server.meta(envelope(value(messages=messages)))[0], 200)
            session = wait_for("the end", lambda: server.api("/api/sessions?state=closed")[1].get("sessions"))[0]
            self.assertEqual((session["peer"], session["peer_phone"], session["message_count"], session["inbound_count"]),
                             (person["user_id"], person["wa_id"], 3, 3))
            self.assertEqual(session["window_expires_at"], iso(now + 1 + 86400))
            self.assertEqual(len(server.api("/api/sessions")[1]["sessions"]), 1)
            one = server.api("/api/sessions/" + session["session_id"])[1]
            self.assertEqual([m["provider_message_id"][:6] for m in one["messages"]], ["wamid."] * 3)
            self.assertEqual(one["summary"]["message_count"], 3)


class TwoNodes(unittest.TestCase):
    def setUp(self):
        self.store = Postgres().start()
        self.addCleanup(self.store.close)

    def test_a_thousand_sessions_are_closed_once_each(self):
        begin = int(time.time()) - 86400
        idle = {**LOOP, "database__url": self.store.url, "sessions__interval": "1h"}
        with Server(node__id="a", **idle) as one, Server(node__id="b", **idle) as other:
            for first in range(0, 1000, 250):
                tell((one, other)[first // 250 % 2], [message(f"+{n}", begin + n) for n in range(first, first + 250)])
            wait_for("the sessions", lambda: self.store.rows("SELECT count(*) AS n FROM sessions")[0]["n"] == 1000)
            servers = [Server(node__id=name, **{**idle, "sessions__interval": "100ms"}) for name in "cd"]
            starts = [threading.Thread(target=server.start) for server in servers]
            for start in starts:
                start.start()
            for start in starts:
                start.join()
            with_context = [self.enterContext(Running(server)) for server in servers]
            wait_for("all closes", lambda: self.store.rows(
                "SELECT count(*) AS n FROM session_summaries WHERE told")[0]["n"] == 1000)
            said = [line for server in with_context for line in re.findall(r"\[SESSION_CLOSED\] session=(\S+)", server.log())]
            self.assertEqual(len(said), 1000)
            self.assertEqual(len(set(said)), 1000)
            (row,) = self.store.rows("SELECT count(*) AS n, count(DISTINCT session_id) AS sessions FROM session_summaries")
            self.assertEqual((row["n"], row["sessions"]), (1000, 1000))

    def test_the_calls_of_a_killed_node_end_and_its_own_word_wins(self):
        settings = {**LOOP, "database__url": self.store.url, "recording__enabled": "false"}
        dead = Server(node__id="dead", **settings)
        dead.own_dir = False
        dead.start()
        load = dead.holdload("--calls", 3, "--duration", "60s")
        calls = "SELECT node_id, state, end_reason, ended_at, duration_ms, rev FROM calls ORDER BY call_id"
        wait_for("live calls", lambda: [row["state"] for row in self.store.rows(calls)] == ["live"] * 3)
        wait_for("its lease", lambda: self.store.rows("SELECT * FROM nodes WHERE node_id = 'dead'"))
        with Server(node__id="heir", **settings) as heir:
            live = heir.holdload("--calls", 2, "--duration", "8s")
            dead.kill_everything()
            load.kill()
            load.communicate()
            of_dead = f"SELECT * FROM ({calls}) AS c WHERE node_id = 'dead'"
            rows = wait_for("their end", lambda: (found := self.store.rows(of_dead)) and found[0]["state"] == "ended" and found)
            for row in rows:
                self.assertEqual((row["state"], row["end_reason"]), ("ended", "interrupted"))
                self.assertIsNotNone(row["ended_at"])
                self.assertGreaterEqual(row["duration_ms"], 0)
            self.assertEqual(len(re.findall(r"\[NODE_LOST\] call=\S+ node=dead", heir.log())), 3)
            self.assertEqual(heir.metric("holdline_lost_calls_ended_total"), 3)
            out, err = live.communicate(timeout=60)
            self.assertTrue(out, err)
            wait_for("its own calls to end by themselves", lambda: [row["end_reason"] for row in self.store.rows(
                f"SELECT * FROM ({calls}) AS c WHERE node_id = 'heir'")] == ["stop", "stop"])
            with Server(data_dir=dead.data_dir, node__id="dead", **settings) as back:
                wait_for("its estate", lambda: "[ESTATE_SETTLED]" in back.log())
                wait_for("the last word", lambda: all(new["rev"] > old["rev"] for new, old in zip(
                    self.store.rows(of_dead), rows)))
                back.own_dir = True
        os.path.exists(dead.log_path) and os.unlink(dead.log_path)


class Running:
    """A server that was started, until the end of a test."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        return self.server

    def __exit__(self, *error):
        self.server.__exit__(*error)


if __name__ == "__main__":
    unittest.main()
