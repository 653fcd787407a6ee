"""What a database or its proxy says is told apart: in the log, in /health/db, and in what happens to the rows."""

import unittest

from database import Postgres
from neon import ANSWERS, FakeNeon
from server import Server, report, wait_for

CALLS = 40
PASSWORD, ESCAPED = "s3cr@t/hidden", "s3cr%40t%2Fhidden"
PAUSING = {"NeonEndpointMissing", "NeonEndpointUnnamed", "InvalidPassword", "UnsupportedStartupParameter"}


class DatabaseErrors(unittest.TestCase):
    def setUp(self):
        self.store = Postgres().start()
        self.addCleanup(self.store.close)
        self.neon = FakeNeon(upstream=self.store.port)
        self.addCleanup(self.neon.close)
        self.url = f"postgresql://holdline:{ESCAPED}@127.0.0.1:{self.neon.port}/postgres"

    def rows(self):
        return self.store.rows("SELECT provider_call_id, frames_in FROM calls WHERE state = 'ended'")

    def check_rows(self, *results):
        said = {call["callSid"]: call["frames_sent"] for result in results for call in result["call_list"]}
        wait_for("all rows", lambda: len(self.rows()) >= len(said), 60)
        self.assertEqual({row["provider_call_id"]: row["frames_in"] for row in self.rows()}, said)
        self.assertEqual(len(self.rows()), len(said))

    def test_every_answer_of_a_proxy_has_its_name_and_costs_no_row(self):
        with Server(database__url=self.url, recording__enabled="false") as server:
            results = []
            for reason in ANSWERS:
                wait_for("the database", lambda: server.get("/health/db")[0] == 200)
                seen = len(server.log())
                self.neon.refuse(reason)
                self.neon.cut()
                results.append(report(server.holdload("--calls", 2, "--duration", "100ms")))
                tag = "DB_PAUSED" if reason in PAUSING else "DB_DOWN"
                line = wait_for(reason, lambda: [
                    line for line in server.log()[seen:].splitlines() if "op=outbox_drain" in line and f"reason={reason} " in line])[0]
                self.assertIn(f"[{tag}] op=outbox_drain", line)
                self.assertIn(f"sqlstate={ANSWERS[reason][0]}", line)
                self.assertEqual(server.get("/health/db")[0], 503)
                if reason.startswith("Neon") and tag == "DB_DOWN":
                    wait_for("the line for Neon", lambda: "[NEON] op=outbox_drain" in server.log()[seen:])
                self.neon.allow()
                self.assertEqual(server.get("/health/live")[0], 200)
            self.check_rows(*results)
            self.assertEqual(server.metric("holdline_dead_letters"), 0)
            self.assertNotIn(PASSWORD, server.log())
            self.assertNotIn(ESCAPED, server.log())

    def test_a_disabled_endpoint_is_told_as_the_contract_says_and_calls_go_on(self):
        self.neon.refuse("NeonEndpointDisabled")
        with Server(database__url=self.url) as server:
            wait_for("the outage", lambda: "reason=NeonEndpointDisabled sqlstate=XX000" in server.log())
            self.assertIn("[NEON] op=outbox_drain endpoint disabled or asleep", server.log())
            result = report(server.holdload("--calls", CALLS, "--duration", "1s"))
            self.assertEqual(result["completed"], CALLS)
            self.neon.allow()
            self.check_rows(result)
            wait_for("the end to be told", lambda: "[DB_RECOVERED] op=outbox_drain" in server.log())

    def test_a_compute_that_goes_to_sleep_is_woken_by_the_next_record(self):
        with Server(database__url=self.url, recording__enabled="false") as server:
            first = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            self.check_rows(first)
            for _ in range(5):
                self.neon.suspend()
            second = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            self.check_rows(first, second)

    def refuse_rows(self, code, condition="true"):
        """From now on the server raises that code for the rows of calls of which the condition holds."""
        self.store.sql(
            f"""CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN IF {condition} THEN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END IF; RETURN NEW; END$$;
            CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION refuse()""")

    def test_what_is_wrong_with_every_row_is_nobodys_fault_and_buries_nothing(self):
        # (the code, what the log calls it): one a plain fault of the set-up, one that could be a row's, one that passes
        codes = [("42804", "DatatypeMismatch"), ("P0002", "NoDataFound"), ("42501", "InsufficientPrivilege"),
                 ("XX000", "InternalError"), ("54000", "PoisonStorm"), ("57014", "QueryCanceled")]
        with Server(database__url=self.url, recording__enabled="false") as server:
            wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
            results = []
            for code, reason in codes:
                self.refuse_rows(code)
                seen = len(server.log())
                results.append(report(server.holdload("--calls", 8, "--duration", "100ms")))
                wait_for(reason, lambda: f"reason={reason} sqlstate={code}" in server.log()[seen:])
                self.store.sql("DROP TRIGGER refuse ON calls")
                self.check_rows(*results)
            self.assertEqual(server.metric("holdline_dead_letters"), 0)

    def test_a_row_that_breaks_the_server_is_buried_and_the_others_land(self):
        with Server(database__url=self.url, recording__enabled="false") as server:
            wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
            for code in ("XX000", "54001", "42501"):
                self.neon.refuse("NeonComputeUnreachable")
                self.neon.cut()
                before = server.metric("holdline_dead_letters")
                result = report(server.holdload("--calls", CALLS, "--duration", "100ms"))
                bad = result["call_list"][CALLS // 2]["callSid"]
                others = {call["callSid"] for call in result["call_list"]} - {bad}
                if code == "42501":
                    self.store.sql(
                        f"""CREATE ROLE pooled LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO pooled;
                        ALTER TABLE calls ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
                        CREATE POLICY p ON calls TO pooled USING (true) WITH CHECK (provider_call_id <> '{bad}');
                        DROP TRIGGER refuse ON calls; ALTER ROLE holdline SET role = pooled""")
                else:
                    self.refuse_rows(code, f"NEW.provider_call_id = '{bad}'")
                self.neon.allow()
                wait_for("the dead letters", lambda: server.metric("holdline_dead_letters") > before, 60)
                wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0, 60)
                landed = {row["provider_call_id"] for row in self.rows()}
                self.assertLessEqual(others, landed)
                self.assertNotIn(bad, landed)

    def test_a_collision_is_no_outage(self):
        with Server(database__url=self.url, recording__enabled="false") as server:
            wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
            self.store.sql("CREATE SEQUENCE tries")
            self.refuse_rows("40001", "nextval('tries') % 50 = 1")
            result = report(server.holdload("--calls", CALLS, "--duration", "200ms"))
            self.check_rows(result)
            self.assertNotIn("[DB_DOWN]", server.log())

    def test_no_error_of_a_row_tells_what_the_row_held(self):
        with Server(database__url=self.url, recording__enabled="false") as server:
            wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
            self.store.sql("ALTER TABLE calls ADD CONSTRAINT stranger CHECK (state <> 'ended')")
            result = report(server.holdload("--calls", 3, "--duration", "100ms"))
            wait_for("the refusal", lambda: "stranger" in server.log() or server.metric("holdline_dead_letters"))
            for call in result["call_list"]:
                for line in server.log().splitlines():
                    if "[DB_" in line or "[DEAD" in line:
                        self.assertNotIn(call["callSid"], line)
            self.assertNotIn("Failing row", server.log())


if __name__ == "__main__":
    unittest.main()
