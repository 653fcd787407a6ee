"""More than one PostgreSQL, or something in between: standbys that are promoted, old primaries that come back,
hosts that are dead, poolers that shuffle sessions."""

import time
import unittest

from chaos import Chaos, Postgres, free_port, load_tests, slow, wait_for
from pgbouncer import Pgbouncer

SHORT = {"database__statement_timeout": "2s", "database__connect_timeout": "1s"}


class Failover(Chaos):
    """A primary and its asynchronous standby, both in the URL."""

    def prepare_store(self):
        super().prepare_store()
        self.standby = Postgres(copy_of=self.store)
        self.addCleanup(self.standby.close)
        self.standby.start()
        wait_for("the standby to follow", lambda: self.store.rows("SELECT 1 FROM pg_stat_replication"))

    def database_url(self):
        return (self.url_of(self.store.port).replace("/postgres", f",127.0.0.1:{self.standby.port}/postgres")
                + "?target_session_attrs=read-write")

    def promote(self):
        """From here on the standby is what counts."""
        self.standby.run("pg_ctl", "-D", self.standby.dir + "/data", "-w", "promote")
        self.store, self.standby = self.standby, self.store

    def lag(self, on):
        self.standby.sql(f"ALTER SYSTEM SET recovery_min_apply_delay = '{'1h' if on else '0'}'",
                         "SELECT pg_reload_conf()")

    def test_N15_the_standby_is_promoted(self):
        def fail():
            wait_for("the standby to have it all", lambda: self.store.rows(
                "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"))
            self.store.stop("fast")
        self.play(fail, self.promote, **SHORT)
        self.assertEqual(self.db_status, 503)

    def test_N15_rows_that_the_standby_never_got_are_replayed(self):
        """It is cut off first; then the primary takes rows that nobody else has, and dies."""
        server = self.serve(**SHORT)
        crowd = self.crowd_in()
        self.nobody_noticed(self.reap(self.stream(1)))
        # It keeps nothing that comes from here on.
        self.standby.sql("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        wait_for("the standby to be alone", lambda: not self.store.rows("SELECT 1 FROM pg_stat_replication"))
        self.nobody_noticed(self.reap(self.stream(1)))
        wait_for("rows on the primary", lambda: not {call["callSid"] for call in self.calls} & self.missing())
        crowd.phase = "during"
        self.store.stop()
        within = self.stream(3)
        time.sleep(1)
        self.promote()
        self.nobody_noticed(self.reap(within))
        crowd.end()
        wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0, 60)
        self.numbers["lost_by_the_standby"] = len(self.missing())
        self.assertGreater(len(self.missing()), 0)
        server.holdctl("outbox", "replay", "--all")
        self.finish()
        self.same_processes()

    @slow
    def test_N15_the_old_primary_is_still_there_and_read_only(self):
        """Sessions to it go on; the rows must go to the new one."""
        def demote():
            self.store.sql("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
            wait_for("the standby to have it all", lambda: self.store.rows(
                "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"))
        self.play(demote, self.promote, **SHORT)

    @slow
    def test_N15_the_standby_has_no_room_for_us_while_it_is_one(self):
        """Only hosts that cannot be written to answer: that is an outage, and no fault of the set-up."""
        self.play(lambda: self.store.stop("fast"), self.store.start, **SHORT)
        self.not_logged("DB_PAUSED", self.during)


class SomeHostsDead(Chaos):
    def database_url(self):
        """Nobody listens at the first."""
        return self.url_of(free_port()).replace("/postgres", f",127.0.0.1:{self.store.port}/postgres")

    def test_N15_the_first_host_is_dead_from_the_start(self):
        self.play(self.store.stop, self.store.start)
        self.assertEqual(self.db_status, 503)


class Pooled(Chaos):
    """PgBouncer in transaction mode."""

    def prepare_store(self):
        super().prepare_store()
        self.pooler = Pgbouncer(self.store, query_wait_timeout=2)
        self.addCleanup(self.pooler.close)

    def database_url(self):
        return self.url_of(self.pooler.port)

    def test_N14_paused_then_resumed(self):
        self.play(lambda: self.pooler.admin("PAUSE"), lambda: self.pooler.admin("RESUME"))
        self.not_logged("DB_PAUSED", self.during)

    @slow
    def test_N14_reconnects_all_the_time(self):
        def shuffle():
            for _ in range(30):
                self.pooler.admin("RECONNECT")
                time.sleep(0.1)
        self.play(shuffle, shuffle, recovers=False)

    @slow
    def test_N14_killed_and_started_again(self):
        self.play(self.pooler.process.kill, self.pooler.serve)

    @slow
    def test_N14_the_database_behind_it_is_away(self):
        self.play(self.store.stop, self.store.start, **SHORT)
        self.not_logged("DB_PAUSED", self.during)


if __name__ == "__main__":
    unittest.main()
