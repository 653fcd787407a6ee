"""Calls and recordings go after their time, files first, and nothing else goes with them."""

import os
import signal
import sqlite3
import tempfile
import time
import unittest
import uuid

from database import Postgres, Sqlite
from server import Server, report, wait_for


def iso(days):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - days * 86400)) + ".000000Z"


class Retention:
    """What holds for both databases; `execute` runs SQL that changes something."""

    def setUp(self):
        self.begin()
        self.recordings = os.path.join(self.server.data_dir, "recordings")
        wait_for("the tables", lambda: self.server.api("/api/calls")[0] == 200)
        os.makedirs(self.recordings, exist_ok=True)
        self.node = self.server.api("/api/status")[1]["node"]

    def file(self, directory=None):
        handle, path = tempfile.mkstemp(dir=directory or self.recordings, suffix=".wav")
        os.close(handle)
        return path

    def calls(self, *wanted):
        """Rows of (days, recording path or None, more columns); their ids."""
        ids, values = [], []
        for days, path, more in wanted:
            call = {"call_id": str(uuid.uuid4()), "node_id": self.node, "provider": "twilio",
                    "provider_call_id": f"CA{len(ids)}{uuid.uuid4().hex[:8]}", "state": "ended",
                    "started_at": iso(days), "recording_path": path, "rev": 1, **more}
            ids.append(call["call_id"])
            values.append(call)
        names = list(values[0])
        rows = ", ".join("(" + ", ".join("NULL" if v[n] is None else repr(v[n]) for n in names) + ")" for v in values)
        self.execute(f"INSERT INTO calls ({', '.join(names)}) VALUES {rows}")
        events = ", ".join(f"('{uuid.uuid4()}', '{v['call_id']}', '{v['started_at']}', 'mark')" for v in values)
        self.execute(f"INSERT INTO call_events (event_id, call_id, at, kind) VALUES {events}")
        statuses = ", ".join(f"('{uuid.uuid4()}', 'twilio', '{v['provider_call_id']}', '{v['started_at']}', 3, 'done')"
                             for v in values)
        self.execute("INSERT INTO call_statuses (status_id, provider, provider_call_id, at, stage, status) "
                     f"VALUES {statuses}")
        return ids

    def left(self):
        """Each table's calls, as sets."""
        calls = {row["call_id"] for row in self.store.rows("SELECT call_id FROM calls")}
        events = {row["call_id"] for row in self.store.rows("SELECT call_id FROM call_events")}
        return calls, events

    def follow(self, **settings):
        self.server.configure("".join(f"{key}: {value}\n" for key, value in {
            "retention.interval": "200ms", **{f"retention.{k}": v for k, v in settings.items()}}.items()))
        self.server.process.send_signal(signal.SIGHUP)

    def test_what_is_old_goes_with_all_it_has_and_the_rest_stays(self):
        outside = self.file(tempfile.gettempdir())
        self.addCleanup(os.unlink, outside)
        old = [(40, self.file() if n % 2 else None, {}) for n in range(250)]
        gone = self.calls(*old, (31, "/nowhere/at/all.wav", {}), (33, None, {"node_id": "elsewhere"}),
                          (45, "/there/x.wav", {"node_id": "elsewhere"}))
        middle, young = (20, self.file(), {}), (5, self.file(), {})
        kept = self.calls(middle, young, (40, None, {"state": "live"}),
                          (30.5, "/there/y.wav", {"node_id": "elsewhere"}), (20, outside, {}))
        time.sleep(1)  # five looks, with nothing to do
        self.assertEqual(self.left()[0], set(gone + kept))
        self.follow(recordings=10, calls=30)
        wait_for("the old ones to go", lambda: self.left()[0] == set(kept))
        self.assertEqual(self.left()[1], set(kept))
        self.assertEqual(self.store.rows("SELECT count(*) AS n FROM call_statuses")[0]["n"], len(kept))
        paths = {row["call_id"]: row["recording_path"] for row in self.store.rows("SELECT * FROM calls")}
        self.assertEqual([paths[call] for call in kept], [None, young[1], None, "/there/y.wav", None])
        self.assertFalse([path for _, path, _ in old if path and os.path.exists(path)])
        self.assertFalse(os.path.exists(middle[1]))
        self.assertTrue(os.path.exists(young[1]))
        self.assertTrue(os.path.exists(outside))
        self.assertIn("[RETENTION] removed=100 what=calls", self.server.log())
        self.assertIn('holdline_removed_total{what="calls"}', self.server.get("/metrics")[1])

    def message(self, days, session=None, table="messages"):
        """A message or a status of one, with what its table needs."""
        row = {"messages": {"message_id": str(uuid.uuid4()), "session_id": session or str(uuid.uuid4()),
                            "direction": "inbound", "idle_ms": 900000, "body": "x", "kind": "text"},
               "message_statuses": {"status_id": str(uuid.uuid4()), "status": "read", "rank": 5},
               "message_notices": {"notice_id": str(uuid.uuid4()), "kind": "other"}}[table]
        row |= {"provider": "whatsapp", "account_id": "1", "at": iso(days)}
        if table != "message_notices":
            row |= {"channel": "whatsapp", "provider_message_id": uuid.uuid4().hex, "peer": uuid.uuid4().hex}
        self.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(map(repr, row.values()))})")
        return next(iter(row.values()))

    def test_events_go_before_their_calls(self):
        calls = self.calls((40, None, {}), (5, None, {}))
        self.execute("INSERT INTO call_statuses (status_id, provider, provider_call_id, at, stage) VALUES "
                     f"('{uuid.uuid4()}', 'plivo', 'no call of ours', '{iso(100)}', 3)")
        self.follow(events=30, calls=90)
        wait_for("the old event to go", lambda: self.left()[1] == {calls[1]})
        self.assertEqual(self.left()[0], set(calls))
        wait_for("the status that has no call to go",
                 lambda: self.store.rows("SELECT count(*) AS n FROM call_statuses")[0]["n"] == 2)
        self.assertIn('holdline_removed_total{what="call_events"} 1', self.server.get("/metrics")[1])

    def test_messages_go_with_their_sessions_and_young_ones_stay(self):
        for _ in range(120):
            self.message(40)
        tables = ("messages", "message_statuses", "message_notices")
        for table in tables[1:]:
            self.message(40, table=table)
        young = {table: self.message(5, table=table) for table in tables}
        self.execute("UPDATE sessions SET state = 'closed', closed_at = idle_at, close_reason = 'idle'")
        self.follow(messages=30)
        for table, key in zip(tables, ("message_id", "status_id", "notice_id")):
            wait_for(f"the old {table} to go", lambda table=table, key=key: [
                row[key] for row in self.store.rows(f"SELECT {key} FROM {table}")] == [young[table]])
        for table in ("sessions", "session_summaries"):
            wait_for(f"the {table} to go", lambda table=table: len(
                self.store.rows(f"SELECT session_id FROM {table}")) == 1)
        self.assertIn("[RETENTION] removed=100 what=messages", self.server.log())

    def test_a_file_that_cannot_go_keeps_its_row(self):
        directory = os.path.join(self.recordings, "kept")
        os.makedirs(os.path.join(directory, "x.wav"))  # a directory: unlink() fails, also for root
        call = self.calls((40, os.path.join(directory, "x.wav"), {}))
        self.follow(calls=30)
        wait_for("the complaint", lambda: "[RETENTION] file=" in self.server.log())
        self.assertEqual(self.left()[0], set(call))


class OfSqlite(Retention, unittest.TestCase):
    def begin(self):
        self.server = self.enterContext(Server(config="retention.interval: 200ms\n"))
        self.store = Sqlite(self.server.data_dir)

    def execute(self, statement):
        with sqlite3.connect(self.store.path, timeout=30) as database:
            database.execute(statement)


class OfPostgres(Retention, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Postgres().start()
        cls.addClassCleanup(cls.store.close)

    def begin(self):
        self.store.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        self.server = self.enterContext(Server(config="retention.interval: 200ms\n", database__url=self.store.url))

    def execute(self, statement):
        self.store.sql(statement)

    def test_while_the_database_is_away_nothing_happens_and_nobody_waits(self):
        path = self.file()
        calls = self.calls((40, path, {}))
        self.store.stop()
        wait_for("the outage", lambda: self.server.get("/health/db")[0] == 503)
        self.follow(calls=30)
        self.assertEqual(report(self.server.holdload("--calls", 5, "--duration", "500ms"))["completed"], 5)
        self.assertTrue(os.path.exists(path))
        self.store.start()
        wait_for("it to go", lambda: not os.path.exists(path), 60)
        wait_for("its row to go", lambda: self.left()[0].isdisjoint(calls))


if __name__ == "__main__":
    unittest.main()
