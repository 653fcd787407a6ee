"""A real PostgreSQL that misbehaves in every way one machine can bring about (the names are those of the
fault list: N1 refused, N5 restarts, ...)."""

import os
import signal
import subprocess
import time
import unittest

import disks
from chaos import CALLS, PASSWORD, USER, Chaos, load_tests, slow, wait_for


class PostgresFaults(Chaos):
    def sql(self, *statements, **more):
        self.store.sql(*statements, **more)

    def terminate(self):
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'holdline/%'")

    def refused_with(self, sqlstate, tag):
        """While it lasted, the log gave this code; nothing was buried."""
        self.logged(rf"\[{tag}\] op=outbox_drain .*sqlstate={sqlstate}", self.during)
        self.assertEqual(self.db_status, 503)

    # ---- away

    def test_N1_refused(self):
        self.play(self.store.stop, self.store.start)
        self.assertEqual(self.db_status, 503)
        self.assertEqual(self.server.log().count("[DB_RECOVERED] op=outbox_drain"), 1)

    def test_N5_sessions_terminated_again_and_again(self):
        def terminate():
            for _ in range(10):
                self.terminate()
                time.sleep(self.random.uniform(0, 0.2))
        self.play(terminate, self.terminate, recovers=False)

    @slow
    def test_N5_restarts_in_a_row(self):
        def restart():
            for mode in ("immediate", "fast", "immediate"):
                self.store.stop(mode)
                self.store.start()
        self.play(restart, restart)

    def signal_all(self, sig):
        with open(self.store.dir + "/data/postmaster.pid") as file:
            postmaster = int(file.readline())
        children = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True).stdout.split()
        for pid in [postmaster, *map(int, children)]:
            os.kill(pid, sig)

    def test_N5_frozen(self):
        """Every process of it is stopped: sockets stay open, nothing answers."""
        self.play(lambda: self.signal_all(signal.SIGSTOP), lambda: self.signal_all(signal.SIGCONT), recovers=False,
                  database__statement_timeout="2s", database__connect_timeout="2s")

    @slow
    def test_N5_a_backend_is_killed_and_all_others_with_it(self):
        """57P02: the server throws everybody out and recovers."""
        def kill():
            rows = self.store.rows("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'holdline/%'")
            for row in rows[:1]:
                os.kill(row["pid"], signal.SIGKILL)
        self.play(kill, lambda: None, recovers=False)

    @slow
    def test_N5_starting_up_for_a_while(self):
        """57P03 to everybody, as during a long recovery."""
        data = self.store.dir + "/data"

        def recover():
            self.store.stop("fast")
            with open(data + "/postgresql.auto.conf", "a") as file:
                file.write("hot_standby = off\nrestore_command = '/bin/false'\n")
            with open(data + "/standby.signal", "w"):
                pass
            os.chmod(data + "/standby.signal", 0o644)
            self.store.start(wait=False)

        self.play(recover, lambda: self.store.run("pg_ctl", "-D", data, "-w", "promote"))
        self.refused_with("57P03", "DB_DOWN")

    # ---- set up wrong

    def demand_password(self):
        hba = self.store.dir + "/data/pg_hba.conf"
        with open(hba, "w") as file:
            file.write("local all all trust\nhost all all all scram-sha-256\n")
        self.sql("SELECT pg_reload_conf()")

    def test_N7_password_changed(self):
        self.demand_password()

        def change():
            self.sql(f"ALTER ROLE {USER} PASSWORD 'another'")
            self.terminate()
        self.play(change, lambda: self.sql(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'"))
        self.refused_with("28P01", "DB_PAUSED")

    @slow
    def test_N7_role_may_not_log_in(self):
        def lock_out():
            self.sql(f"ALTER ROLE {USER} NOLOGIN")
            self.terminate()
        self.play(lock_out, lambda: self.sql(f"ALTER ROLE {USER} LOGIN"))
        self.refused_with("28000", "DB_PAUSED")

    @slow
    def test_N7_database_renamed(self):
        def rename(old, new):
            self.sql(f"ALTER DATABASE {old} ALLOW_CONNECTIONS false", database="template1")
            self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{old}'",
                     f"ALTER DATABASE {old} RENAME TO {new}", f"ALTER DATABASE {new} ALLOW_CONNECTIONS true",
                     database="template1")
        self.play(lambda: rename("postgres", "elsewhere"), lambda: rename("elsewhere", "postgres"))
        self.logged(r"\[DB_PAUSED\] op=outbox_drain", self.during)

    def test_N7_database_dropped_made_anew_and_all_of_it_replayed(self):
        """Nothing of what was delivered is left but what the outbox keeps."""
        server = self.serve()
        crowd = self.crowd_in()
        self.nobody_noticed(self.reap(self.stream(1)))
        wait_for("rows", lambda: len(self.rows()) >= CALLS)
        crowd.phase = "during"
        self.sql("DROP DATABASE postgres WITH (FORCE)", database="template1")
        within = self.stream(3)
        self.wait_logged(r"\[DB_PAUSED\] op=outbox_drain .*sqlstate=3D000")
        self.sql(f"CREATE DATABASE postgres OWNER {USER}", database="template1")
        self.sql(f"GRANT ALL ON SCHEMA public TO {USER}")
        self.nobody_noticed(self.reap(within))
        crowd.end()
        wait_for("the new tables", lambda: self.rows())
        wait_for("the outbox to be empty", self.drained, 60)
        server.holdctl("outbox", "replay", "--all")
        self.finish()
        server.holdctl("outbox", "replay", "--all")  # once more changes nothing
        wait_for("the outbox to be empty", self.drained, 60)
        self.compare()
        self.same_processes()

    def test_N8_table_gone(self):
        self.play(lambda: self.sql("ALTER TABLE calls RENAME TO gone"),
                  lambda: self.sql("ALTER TABLE gone RENAME TO calls"))
        self.logged(r"\[DB_PAUSED\] op=outbox_drain reason=UndefinedTable sqlstate=42P01", self.during)

    @slow
    def test_N8_column_gone(self):
        self.play(lambda: self.sql("ALTER TABLE calls RENAME COLUMN dtmf TO tones"),
                  lambda: self.sql("ALTER TABLE calls RENAME COLUMN tones TO dtmf"))
        self.refused_with("42703", "DB_PAUSED")

    @slow
    def test_N8_privilege_revoked(self):
        self.play(lambda: self.sql(f"REVOKE INSERT, UPDATE ON calls FROM {USER}"),
                  lambda: self.sql(f"GRANT INSERT, UPDATE ON calls TO {USER}"))
        self.refused_with("42501", "DB_PAUSED")

    @slow
    def test_N8_schema_gone(self):
        self.play(lambda: self.sql("ALTER SCHEMA public RENAME TO private"),
                  lambda: self.sql("ALTER SCHEMA private RENAME TO public"))
        self.logged(r"\[DB_PAUSED\] op=outbox_drain", self.during)

    @slow
    def test_N8_the_table_of_events_alone_is_gone(self):
        self.play(lambda: self.sql("ALTER TABLE call_events RENAME TO gone"),
                  lambda: self.sql("ALTER TABLE gone RENAME TO call_events"))
        self.refused_with("42P01", "DB_PAUSED")

    @slow
    def test_N8_a_newer_schema(self):
        self.play(lambda: (self.sql("INSERT INTO schema_migrations SELECT 9999, now()"), self.terminate()),
                  lambda: self.sql("DELETE FROM schema_migrations WHERE version = 9999"))
        self.logged(r"\[DB_PAUSED\] op=outbox_drain", self.during)

    def test_N9_read_only(self):
        """What a failover leaves behind: the old primary takes sessions and refuses to write."""
        def make(read_only):
            self.sql(f"ALTER SYSTEM SET default_transaction_read_only = {read_only}", "SELECT pg_reload_conf()",
                     PGOPTIONS="-c default_transaction_read_only=off")
        self.play(lambda: make("on"), lambda: make("off"))
        self.refused_with("25006", "DB_DOWN")

    # ---- short of something

    @slow
    def test_N10_no_connection_is_free(self):
        def forbid():
            self.sql(f"ALTER ROLE {USER} CONNECTION LIMIT 0")
            self.terminate()
        self.play(forbid, lambda: self.sql(f"ALTER ROLE {USER} CONNECTION LIMIT -1"))
        self.refused_with("53300", "DB_DOWN")

    @slow
    def test_N10_the_disk_of_the_database_is_full_as_root(self):
        disks.need_root(self)
        small = disks.Tmpfs(self, "16m")
        space = os.path.join(small.path, "space")
        os.mkdir(space)
        os.chmod(small.path, 0o755)
        subprocess.run(["chown", "postgres:postgres", space], check=True)
        self.store.stop("fast")
        self.store.start()  # within our own name space of mounts
        filler = os.path.join(small.path, "filler")

        def fill():
            self.sql(f"CREATE TABLESPACE small LOCATION '{space}'", "ALTER TABLE calls SET TABLESPACE small")
            subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], capture_output=True)
        self.play(fill, lambda: os.unlink(filler), lasting=8)
        self.refused_with("53100", "DB_DOWN")

    # ---- slow

    def locker(self, held):
        """A session that stays, with these statements done."""
        psql = subprocess.Popen(self.store.psql(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, text=True)
        psql.stdin.write(held + "\n")
        psql.stdin.flush()
        return psql

    @slow
    def test_N11_table_locked(self):
        """Longer than lock_timeout: tried again, in smaller pieces."""
        locker = []
        self.play(lambda: locker.append(self.locker("BEGIN; LOCK TABLE calls IN ACCESS EXCLUSIVE MODE;")),
                  lambda: locker[0].communicate("ROLLBACK;\n", timeout=30), lasting=7, recovers=False,
                  database__statement_timeout="2s")

    @slow
    def test_N11_one_row_locked_by_somebody_else(self):
        """Its batch waits, and nothing is buried."""
        locker = []

        def lock():
            wait_for("live rows", lambda: self.store.rows("SELECT 1 FROM calls WHERE state = 'live'"))
            locker.append(self.locker("BEGIN; SELECT 1 FROM calls WHERE state = 'live' LIMIT 1 FOR UPDATE;"))
        self.play(lock, lambda: locker[0].communicate("ROLLBACK;\n", timeout=30), lasting=7, recovers=False,
                  database__statement_timeout="2s")

    def refuse(self, code, condition="true", first=""):
        """From now on a trigger raises that code for the rows of which the condition holds."""
        self.sql(f"""SET client_min_messages = error; CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN {first} IF {condition} THEN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END IF;
                 RETURN NEW; END$$;
                 CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION refuse()""")

    def accept(self):
        self.sql("DROP TRIGGER refuse ON calls")

    @slow
    def test_N11_every_row_takes_half_a_second(self):
        """No batch of many fits into the statement timeout: smaller ones do."""
        self.play(lambda: self.refuse("P0001", "false", "PERFORM pg_sleep(0.5);"), self.accept, lasting=8,
                  recovers=False, database__statement_timeout="1s")

    # ---- refusals by code: what passes, what is the set-up's, what is ours

    DOWN = ("08000", "08006", "40002", "53000", "53100", "53200", "53300", "53400", "55006", "57P01", "57P02", "57P03",
            "58000", "58030", "58P01", "72000", "HV000", "ZZ999", "XX000", "25006")
    PAUSED = ("42P01", "42703", "42883", "42501", "3F000", "3D000", "28000", "28P01", "57P04", "F0000", "XX001", "0A000")
    AT_ONCE = ("40001", "40P01", "55P03", "57014", "25P02", "26000")  # tried again without much ado
    STORM = ("22001", "22003", "22021", "22P02", "22P05", "23502", "23503", "23514", "P0001", "54000", "44000", "21000")

    def each_refused(self, codes, tag, calls=10):
        """One code after the other for all rows of calls, with calls streaming: all is kept, all arrives."""
        server = self.serve(log__level="info")
        self.crowd_in()
        wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
        for code in codes:
            seen = len(server.log())
            self.refuse(code)
            load = self.stream(1, calls)
            if tag:
                self.wait_logged(rf"\[{tag}\] op=outbox_drain .*sqlstate={code}", 30, seen)
            self.nobody_noticed(self.reap(load))
            self.accept()
            wait_for("the end of it", lambda: server.get("/health/db")[0] == 200, 60)
        self.finish(seconds=120)
        self.same_processes()

    @slow
    def test_N12_codes_that_pass(self):
        self.each_refused(self.DOWN, "DB_DOWN")

    @slow
    def test_N12_codes_of_a_wrong_set_up(self):
        self.each_refused(self.PAUSED, "DB_PAUSED")

    @slow
    def test_N12_codes_that_are_tried_again(self):
        self.each_refused(self.AT_ONCE, None)

    @slow
    def test_N12_codes_of_rows_that_all_rows_have(self):
        self.each_refused(self.STORM, "DB_PAUSED", 2 * CALLS)

    # ---- poison

    def test_N13_a_constraint_that_refuses_everything(self):
        """A storm: nothing is dead-lettered, all is kept, and it lands when the constraint goes."""
        self.play(lambda: self.sql("ALTER TABLE calls ADD CONSTRAINT nobody CHECK (frames_in < 0) NOT VALID"),
                  lambda: self.sql("ALTER TABLE calls DROP CONSTRAINT nobody"))
        self.logged(r"\[DB_PAUSED\] op=outbox_drain reason=PoisonStorm", self.during)

    def poison(self, percent):
        """Of some hundred calls that many in a hundred are refused. What is kept, lands once it can."""
        server = self.serve()
        crowd = self.crowd_in()
        wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
        self.refuse("23514", f"abs(hashtext(NEW.provider_call_id)) % 100 < {percent}")
        for _ in range(2):
            self.nobody_noticed(self.reap(self.stream(2, 3 * CALLS)))
        crowd.end()
        sids = [call["callSid"] for call in self.calls] + [call.sid for call in crowd.calls]
        hashes = self.store.rows(f"SELECT sid, abs(hashtext(sid)) % 100 AS h FROM unnest(ARRAY{sids}) AS sid")
        self.bad = {row["sid"] for row in hashes if row["h"] < percent}
        return server

    def buried_then_retried(self, percent):
        server = self.poison(percent)
        wait_for("the others", lambda: self.missing() <= self.bad, 60)
        wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0, 60)
        self.assertGreaterEqual(server.metric("holdline_dead_letters"), len(self.bad))
        self.assertEqual({row["provider_call_id"] for row in self.rows()} & self.bad, set())
        self.numbers["poison"] = len(self.bad)
        self.accept()
        server.holdctl("dead", "retry", "--all")
        wait_for("the count to say so", lambda: server.metric("holdline_dead_letters") == 0)
        self.finish()
        self.same_processes()

    def test_N13_one_percent_is_poison(self):
        self.buried_then_retried(1)

    @slow
    def test_N13_ten_percent_are_poison(self):
        self.buried_then_retried(10)

    def kept_then_landed(self, percent):
        server = self.poison(percent)
        self.wait_logged(r"\[DB_PAUSED\] op=outbox_drain reason=PoisonStorm", 60)
        self.numbers.update(poison=len(self.bad), dead=server.metric("holdline_dead_letters"))
        self.accept()
        wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0, 60)
        server.holdctl("dead", "retry", "--all")  # of what was buried before the storm was known as one
        wait_for("the count to say so", lambda: server.metric("holdline_dead_letters") == 0)
        self.finish()
        self.same_processes()

    @slow
    def test_N13_half_are_poison(self):
        self.kept_then_landed(50)

    @slow
    def test_N13_all_are_poison(self):
        self.kept_then_landed(100)

    # ---- changes under way

    @slow
    def test_N20_tables_altered_all_the_time(self):
        def alter():
            for n in range(8):
                self.sql(f"ALTER TABLE calls ADD COLUMN extra{n} text", f"ALTER TABLE calls DROP COLUMN extra{n}",
                         "ALTER TABLE calls ALTER COLUMN to_number TYPE varchar(200)",
                         "ALTER TABLE calls ALTER COLUMN to_number TYPE text")
                time.sleep(0.2)
        self.play(alter, alter, recovers=False)

    @slow
    def test_N20_the_table_is_rewritten_and_cleaned(self):
        def rewrite():
            for _ in range(4):
                self.sql("VACUUM FULL calls", "REINDEX TABLE calls", "CLUSTER calls USING calls_pkey", "VACUUM calls",
                         "ANALYZE calls")
        self.play(rewrite, rewrite, recovers=False)

    @slow
    def test_N20_the_table_is_replaced_by_one_with_a_column_more(self):
        self.play(lambda: self.sql("BEGIN; CREATE TABLE calls2 (LIKE calls INCLUDING ALL, extra text DEFAULT 'x'); "
                                   "INSERT INTO calls2 SELECT *, 'y' FROM calls; ALTER TABLE calls RENAME TO old; "
                                   f"ALTER TABLE calls2 RENAME TO calls; ALTER TABLE calls OWNER TO {USER}; "
                                   "DROP TABLE old; COMMIT"), lambda: None, recovers=False)


if __name__ == "__main__":
    unittest.main()
