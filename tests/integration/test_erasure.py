"""Whoever is to be forgotten is: rows, recordings and what was put aside; nothing of it comes back, and a trace
says that it was done."""

import asyncio
import json
import os
import signal
import sqlite3
import time
import unittest
import uuid

from database import Postgres, Sqlite
from server import Server, wait_for
from test_api_users import AWAY, admin, holdctl
from twilio_caller import Caller, speech

NUMBER = "+4915112345678"
COUNTS = ("calls", "call_events", "call_statuses", "recordings", "messages", "message_statuses", "message_notices",
          "sessions")


def iso(seconds_ago):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - seconds_ago)) + ".000000Z"


def sql(value):
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


class Erasure:
    """What holds for both databases; `execute` runs SQL that changes something."""

    def setUp(self):
        self.begin()
        self.recordings = os.path.join(self.server.data_dir, "recordings")
        wait_for("the API", lambda: self.ask("GET", "/api/erasures")[0] == 200)
        self.node = self.server.api("/api/status")[1]["node"]

    def ask(self, method, path, body=None):
        return admin(self.server).ask(method, path, body)

    def insert(self, table, **row):
        self.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(map(sql, row.values()))})")

    def call(self, number=NUMBER, ago=3600, file=True, **more):
        """A call that has ended, with an event, a status and a recording; its id and the recording's path."""
        call, sid, at = str(uuid.uuid4()), "CA" + uuid.uuid4().hex, iso(ago)
        path = os.path.join(self.recordings, at[:4], at[5:7], at[8:10], call + ".wav")
        row = {"call_id": call, "node_id": self.node, "provider": "twilio", "provider_call_id": sid, "state": "ended",
               "from_number": number, "to_number": "+15550009", "started_at": at, "rev": 2,
               "recording_path": path if file else None, **more}
        self.insert("calls", **row)
        self.insert("call_events", event_id=str(uuid.uuid4()), call_id=call, at=at, kind="dtmf")
        self.insert("call_statuses", status_id=str(uuid.uuid4()), provider="twilio", provider_call_id=sid, at=at,
                    stage=3, status="completed")
        if file:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as wav:
                wav.write(b"RIFF")
        return row

    def message(self, peer="4915112345678", ago=3600, **more):
        row = {"message_id": str(uuid.uuid4()), "session_id": str(uuid.uuid4()), "provider": "whatsapp",
               "channel": "whatsapp", "account_id": "1", "provider_message_id": "wamid." + uuid.uuid4().hex,
               "peer": peer, "peer_phone": peer, "direction": "inbound", "at": iso(ago), "kind": "text",
               "body": "see you at eight", "idle_ms": 900000, **more}
        self.insert("messages", **row)
        self.insert("message_statuses", status_id=str(uuid.uuid4()), provider="whatsapp", channel="whatsapp",
                    account_id="1", provider_message_id=row["provider_message_id"], status="read", rank=5,
                    at=iso(ago), peer=peer)
        return row

    def ids(self, table, key):
        return {row[key] for row in self.store.rows(f"SELECT {key} FROM {table}")}

    def erase(self, state="watching", **wish):
        status, erasure = self.ask("POST", "/api/erasures", wish)
        self.assertEqual(status, 202, erasure)
        return self.await_state(erasure["erasure_id"], state)

    def await_state(self, erasure, state):
        def look():
            found = self.ask("GET", "/api/erasures/" + erasure)[1]
            return found if found.get("state") == state else None
        return wait_for(f"the erasure to be {state}", look)

    def test_a_call_goes_with_all_it_has_and_others_stay(self):
        gone, kept = self.call(), self.call()
        erasure = self.erase(call_id=gone["call_id"])
        self.assertEqual({key: erasure[key] for key in COUNTS}, {
            "calls": 1, "call_events": 1, "call_statuses": 1, "recordings": 1, "messages": 0, "message_statuses": 0,
            "message_notices": 0, "sessions": 0})
        self.assertEqual((erasure["what"], erasure["requested_by"], erasure["waits_for"]), ("call", "admin_token", []))
        self.assertEqual(self.ids("calls", "call_id"), {kept["call_id"]})
        self.assertEqual(self.ids("call_events", "call_id"), {kept["call_id"]})
        self.assertEqual(self.ids("call_statuses", "provider_call_id"), {kept["provider_call_id"]})
        self.assertFalse(os.path.exists(gone["recording_path"]))
        self.assertTrue(os.path.exists(kept["recording_path"]))
        self.assertEqual(self.server.api("/api/calls/" + gone["call_id"])[0], 404)
        self.assertIn(f"[ERASURE] id={erasure['erasure_id']} what=call state=watching calls=1", self.server.log())

    def test_a_number_goes_in_every_spelling_and_what_came_of_it(self):
        spellings = ("+4915112345678", "004915112345678", "4915112345678", "whatsapp:+4915112345678")
        gone = [self.call(number) for number in spellings]
        gone.append(self.call("+15550001", to_number=NUMBER))
        gone.append(self.call(file=False))
        others = [self.call("+49151123456789"), self.call("+4915112345679"), self.call("+15112345678")]
        texts = [self.message(), self.message(peer="US.123", peer_phone="+4915112345678")]
        other_text = self.message("4915112345679")
        self.insert("message_notices", notice_id=str(uuid.uuid4()), provider="whatsapp", at=iso(60), kind="contact",
                    data=json.dumps({"wa_id": "4915112345678"}))
        self.insert("message_notices", notice_id=str(uuid.uuid4()), provider="whatsapp", at=iso(60), kind="other",
                    data=json.dumps({"wa_id": "4915112345679"}))
        # No row names this one: audio was lost of it.
        usual = gone[5]["started_at"]
        lost = os.path.join(self.recordings, usual[:4], usual[5:7], usual[8:10], gone[5]["call_id"] + ".wav")
        with open(lost, "wb") as wav:
            wav.write(b"RIFF")
        erasure = self.erase(number="+49 (151) 1234-5678")
        self.assertEqual({key: erasure[key] for key in COUNTS}, {
            "calls": 6, "call_events": 6, "call_statuses": 6, "recordings": 6, "messages": 2, "message_statuses": 2,
            "message_notices": 1, "sessions": erasure["sessions"]})
        self.assertGreaterEqual(erasure["sessions"], 1)
        self.assertEqual(self.ids("calls", "call_id"), {call["call_id"] for call in others})
        self.assertEqual(self.ids("messages", "message_id"), {other_text["message_id"]})
        self.assertEqual(len(self.ids("sessions", "session_id")), 1)
        self.assertEqual(len(self.ids("message_notices", "notice_id")), 1)
        self.assertFalse([row for row in gone if os.path.exists(row["recording_path"] or lost)])
        for text in texts:
            self.assertNotIn(text["body"], json.dumps(self.store.rows("SELECT * FROM messages WHERE peer <> "
                                                                      "'4915112345679'")))

    def test_the_trace_is_found_by_the_number_and_never_says_it(self):
        self.call()
        erasure = self.erase(number=NUMBER)
        for spelling in ("%2B4915112345678", "004915112345678", "whatsapp%3A%2B49%20151%2012345678"):
            status, found = self.ask("GET", f"/api/erasures?number={spelling}")
            self.assertEqual((status, [e["erasure_id"] for e in found["erasures"]]), (200, [erasure["erasure_id"]]))
        self.assertEqual(self.ask("GET", "/api/erasures?number=%2B4915112345679")[1]["erasures"], [])
        self.assertNotIn("target", erasure)
        self.assertNotIn("15112345678", json.dumps(found) + self.server.log())

    def test_after_its_time_the_number_is_forgotten(self):
        self.server.configure("retention.erasures: 0\n")
        self.server.process.send_signal(signal.SIGHUP)
        self.call()
        done = self.erase("done", number=NUMBER)
        self.assertEqual(done["calls"], 1)
        self.assertEqual(self.store.rows("SELECT target FROM erasures")[0]["target"], None)
        self.assertEqual(len(self.ask("GET", "/api/erasures?number=%2B4915112345678")[1]["erasures"]), 1)

    def test_what_began_after_the_request_is_no_part_of_it(self):
        self.erase(number=NUMBER)
        later = self.call(ago=-60)
        time.sleep(1)
        self.assertEqual(self.ids("calls", "call_id"), {later["call_id"]})

    def test_many_go_in_steps(self):
        rows = [self.call(file=n % 50 == 0) for n in range(120)]
        erasure = self.erase(number=NUMBER)
        self.assertEqual((erasure["calls"], erasure["recordings"]), (120, 3))
        self.assertFalse(self.ids("calls", "call_id"))
        self.assertFalse([row for row in rows if row["recording_path"] and os.path.exists(row["recording_path"])])

    def test_a_recording_is_removed_by_the_node_that_has_it(self):
        theirs = self.call(node_id="elsewhere")
        erasure = self.erase("erasing", number=NUMBER)
        wait_for("its row to go", lambda: not self.ids("calls", "call_id"))
        look = wait_for("the node to be named", lambda: [e for e in [
            self.ask("GET", "/api/erasures/" + erasure["erasure_id"])[1]] if e["waits_for"]])[0]
        self.assertEqual((look["state"], look["waits_for"], look["recordings"]), ("erasing", ["elsewhere"], 0))
        self.assertTrue(os.path.exists(theirs["recording_path"]))
        other = Server(**{"node.id": "elsewhere", "database.url": self.url(), "recording.dir": self.recordings})
        if not self.url():
            return  # SQLite has one node
        with other:
            done = self.await_state(erasure["erasure_id"], "watching")
        self.assertEqual((done["recordings"], done["waits_for"]), (1, []))
        self.assertFalse(os.path.exists(theirs["recording_path"]))

    def test_a_live_call_is_waited_for_and_does_not_come_back(self):
        caller = Caller(self.server.ws(), custom={"from": NUMBER, "to": "+15550009"})

        async def talk():
            await caller.connect()
            await caller.start()
            await caller.frames(speech(seconds=1))
            row = (await asyncio.to_thread(wait_for, "the row", lambda: self.store.rows("SELECT * FROM calls")))[0]
            erasure = (await asyncio.to_thread(self.ask, "POST", "/api/erasures", {"number": NUMBER}))[1]
            await asyncio.to_thread(wait_for, "a look at it", lambda: self.ids("erasures", "state") == {"erasing"})
            await caller.stop()
            await caller.close_code()
            return row, erasure

        row, erasure = asyncio.run(talk())
        wait_for("the call to go", lambda: not self.ids("calls", "call_id"))
        done = self.await_state(erasure["erasure_id"], "watching")
        self.assertEqual((done["calls"], done["recordings"]), (1, 1))
        self.assertFalse([name for _, _, names in os.walk(self.recordings) for name in names])
        # The records are still in the outbox: once more changes nothing.
        self.assertEqual(self.server.holdctl("outbox", "replay", "--all").returncode, 0)
        wait_for("an empty outbox", lambda: self.server.metric("holdline_outbox_records") == 0)
        other = Caller(self.server.ws())
        asyncio.run(other.talk(speech(seconds=1)))
        wait_for("the next call", lambda: self.ids("calls", "provider_call_id") == {other.call})
        self.assertNotIn(row["call_id"], self.ids("call_events", "call_id"))

    def test_what_waits_in_an_outage_is_erased_when_it_comes(self):
        self.assertEqual(self.server.holdctl("outbox", "pause").returncode, 0)
        caller = Caller(self.server.ws(), custom={"from": NUMBER})
        asyncio.run(caller.talk(speech(seconds=1)))
        erasure = self.erase(number=NUMBER)
        self.assertEqual(erasure["calls"], 0)
        self.assertEqual(self.server.holdctl("outbox", "resume").returncode, 0)
        wait_for("the late call to go", lambda: self.ask(
            "GET", "/api/erasures/" + erasure["erasure_id"])[1]["calls"] == 1, 90)
        self.assertFalse(self.ids("calls", "call_id"))

    def test_held_records_that_name_the_number_leave_the_shelf(self):
        self.assertEqual(self.server.holdctl("outbox", "pause").returncode, 0)
        for number in (NUMBER, "+15550001"):
            asyncio.run(Caller(self.server.ws(), custom={"from": number}).talk(speech(seconds=1)))
        self.assertEqual(self.server.holdctl("outbox", "hold", "--all").returncode, 0)
        before = self.server.metric("holdline_outbox_held")
        self.erase(number=NUMBER)
        wait_for("them to go", lambda: 0 < self.server.metric("holdline_outbox_held") < before)
        held = self.server.holdctl("--json", "outbox", "list", "--state", "held", check=False).stdout
        self.assertNotIn("15112345678", held)

    def test_it_goes_on_after_a_restart(self):
        for n in range(120):
            self.call(file=False)
        _, erasure = self.ask("POST", "/api/erasures", {"number": NUMBER})
        self.server.kill("control")
        wait_for("the API", lambda: self.reached())
        done = self.await_state(erasure["erasure_id"], "watching")
        self.assertEqual(done["calls"], 120)

    def reached(self):
        try:
            return self.ask("GET", "/api/erasures")[0] == 200
        except OSError:
            return False

    def test_what_is_no_call_and_no_number_is_refused(self):
        for body in ({}, {"number": ""}, {"number": "1234"}, {"number": 5}, {"call_id": "x"}, [], "x", None,
                     {"number": NUMBER, "call_id": str(uuid.uuid4())}, {"number": "x" * 80}):
            self.assertEqual(self.ask("POST", "/api/erasures", body)[0], 400, body)
        self.assertEqual(self.ask("GET", "/api/erasures/nonsense")[0], 400)
        self.assertEqual(self.ask("GET", f"/api/erasures/{uuid.uuid4()}")[0], 404)
        self.assertEqual(self.ask("GET", "/api/erasures?number=1")[0], 400)

    def test_pages(self):
        made = [self.ask("POST", "/api/erasures", {"call_id": str(uuid.uuid4())})[1]["erasure_id"] for _ in range(5)]
        seen, path = [], "/api/erasures?limit=2"
        while path:
            page = self.ask("GET", path)[1]
            seen += [erasure["erasure_id"] for erasure in page["erasures"]]
            path = page["next_cursor"] and f"/api/erasures?limit=2&cursor={page['next_cursor']}"
        self.assertEqual(seen, made[::-1])

    def test_holdctl_asks_for_it(self):
        call = self.call()
        done = holdctl(self.server, "--json", "erase", "number", NUMBER)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.await_state(json.loads(done.stdout)["erasure_id"], "watching")
        self.assertFalse(self.ids("calls", "call_id"))
        self.assertEqual(holdctl(self.server, "erase", "call", call["call_id"]).returncode, 0)
        self.assertEqual(holdctl(self.server, "erase", "call", "nonsense").returncode, 1)
        listed = holdctl(self.server, "erase", "list")
        self.assertEqual(len(listed.stdout.splitlines()), 3, listed.stdout)


class ErasureInSqlite(Erasure, unittest.TestCase):
    def begin(self):
        self.server = Server(config="{}\n").__enter__()
        self.addCleanup(self.server.__exit__, None)
        self.store = Sqlite(self.server.data_dir)

    def url(self):
        return ""

    def execute(self, statement):
        with sqlite3.connect(self.store.path, timeout=30) as database:
            database.execute(statement)


class ErasureInPostgres(Erasure, unittest.TestCase):
    def begin(self):
        self.store = Postgres().start()
        self.addCleanup(self.store.close)
        self.server = Server(config="{}\n", **{"database.url": self.store.url}).__enter__()
        self.addCleanup(self.server.__exit__, None)

    def url(self):
        return self.store.url

    def execute(self, statement):
        self.store.sql(statement)

    def test_an_outage_refuses_at_once_and_delays_what_was_begun(self):
        for _ in range(60):
            self.call(file=False)
        _, erasure = self.ask("POST", "/api/erasures", {"number": NUMBER})
        self.store.stop()
        wait_for("the outage to be seen", lambda: self.server.get("/health/db")[0] == 503)
        self.assertEqual(self.ask("POST", "/api/erasures", {"number": NUMBER}), (503, AWAY))
        self.assertEqual(self.ask("GET", "/api/erasures"), (503, AWAY))
        self.store.start()
        wait_for("the API", lambda: self.ask("GET", "/api/erasures")[0] == 200)
        self.assertEqual(self.await_state(erasure["erasure_id"], "watching")["calls"], 60)


del Erasure

if __name__ == "__main__":
    unittest.main()
