"""PostgreSQL comes and goes; the calls do not notice, and every row arrives."""

import os
import time
import unittest

from database import Postgres
from server import Server, report, wait_for
from twilio_caller import speech, wav_audio

CALLS = 200


def final_rows(store):
    return store.rows("SELECT provider_call_id, end_reason, frames_in, recording_path FROM calls WHERE state = 'ended'")


class DatabaseAway(unittest.TestCase):
    def setUp(self):
        self.store = Postgres()
        self.addCleanup(self.store.close)

    def check_rows(self, result):
        """As many rows as calls, each once, each saying what its caller knows."""
        rows = wait_for("all rows", lambda: len(found := final_rows(self.store)) >= CALLS and found, 60)
        said = {call["callSid"]: call["frames_sent"] for call in result["call_list"]}
        self.assertEqual({row["provider_call_id"]: row["frames_in"] for row in rows}, said)
        self.assertEqual(len(rows), CALLS)
        self.assertEqual(self.store.rows("SELECT count(*) AS n FROM calls")[0]["n"], CALLS)

    def test_200_calls_at_once_are_all_kept_with_their_sound(self):
        self.store.start()
        with Server(database__url=self.store.url) as server:
            result = report(server.holdload("--calls", CALLS))
            self.assertEqual(result["completed"], CALLS)
            self.check_rows(result)
            sound = speech()
            for row in final_rows(self.store):
                wait_for("a recording", lambda row=row: os.path.exists(row["recording_path"]))
                self.assertEqual(wav_audio(row["recording_path"])[1][: len(sound)], sound)

    def test_absent_at_the_start_the_server_serves_and_the_rows_come_later(self):
        with Server(database__url=self.store.url) as server:
            wait_for("the outage to be told", lambda: server.get("/health/db")[0] == 503)
            self.assertEqual(server.get("/health/db")[1], '{"status":"degraded","detail":"DB unavailable"}')
            result = report(server.holdload("--calls", CALLS, "--duration", "1s"))
            self.assertEqual(result["completed"], CALLS)
            self.assertIn("[DB_DOWN] op=outbox_drain", server.log())
            wait_for("the records to be counted", lambda: server.metric("holdline_outbox_records") >= CALLS)
            self.store.start()
            self.check_rows(result)
            wait_for("the end to be told", lambda: "[DB_RECOVERED] op=outbox_drain" in server.log())
            wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0)

    def test_stopped_in_the_middle_and_control_killed_five_times_no_call_notices(self):
        self.store.start()
        with Server(database__url=self.store.url, recording__enabled="false") as server:
            quiet = report(server.holdload("--calls", CALLS, "--echo", "--duration", "5s", path="/media/twilio/echo"))
            load = server.holdload("--calls", CALLS, "--echo", "--duration", "10s", path="/media/twilio/echo")
            wait_for("the calls", lambda: server.metric("holdline_calls_active") == CALLS)
            self.store.stop()
            for _ in range(5):
                old = wait_for("control", lambda: server.pids("control"))
                server.kill("control")
                wait_for("another control", lambda old=old: (new := server.pids("control")) and new != old)
            during = report(load)
            for result in (quiet, during):
                self.assertEqual((result["completed"], result["lost"], result["changed"]), (CALLS, 0, 0))
            # The same load in the same run; the machine is shared, so the margin is wide.
            self.assertLess(during["echo_p50_ms"], 5 * quiet["echo_p50_ms"] + 2)
            self.store.start()
            wait_for("all rows", lambda: len(final_rows(self.store)) == 2 * CALLS, 60)
            rows = {row["provider_call_id"]: row["frames_in"] for row in final_rows(self.store)}
            said = {c["callSid"]: c["frames_sent"] for r in (quiet, during) for c in r["call_list"]}
            self.assertEqual(rows, said)

    def test_what_waited_is_delivered_after_a_restart(self):
        server = Server(database__url=self.store.url)
        with server:
            result = report(server.holdload("--calls", CALLS, "--duration", "1s"))
            server.own_dir = False
        listed = server.holdctl("--json", "outbox", "list", "--limit", "0").stdout.splitlines()
        self.assertGreaterEqual(len(listed), 2 * CALLS)
        self.store.start()
        with Server(data_dir=server.data_dir, database__url=self.store.url) as again:
            self.check_rows(result)
            again.own_dir = True


if __name__ == "__main__":
    unittest.main()
