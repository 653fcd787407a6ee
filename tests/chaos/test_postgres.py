"""A real PostgreSQL that misbehaves in every way one machine can bring about (the names are those of the
fault list: N1 refused, N5 restarts, ...)."""

import os
import signal
import subprocess
import time
import unittest

from chaos import CALLS, Chaos, wait_for

BIN = "/usr/lib/postgresql/15/bin"


class PostgresFaults(Chaos):
    def sql(self, *statements, database="postgres", environment=None):
        """Past the server's own connection, as an operator would. Each statement is its own transaction."""
        for statement in statements:
            subprocess.run([os.path.join(BIN, "psql"), "-h", "127.0.0.1", "-p", str(self.store.port), "-U", "holdline",
                            "-v", "ON_ERROR_STOP=1", "-qAtc", statement, database],
                           check=True, capture_output=True, timeout=30, env=environment)

    def terminate(self):
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'holdline/%'")

    def test_N1_refused(self):
        self.play(self.store.stop, self.store.start)
        self.assertEqual(self.db_status, 503)
        self.assertEqual(self.server.log().count("[DB_RECOVERED]"), 1)

    def test_N5_sessions_terminated_again_and_again(self):
        def terminate():
            for _ in range(5):
                self.terminate()
                time.sleep(0.2)
        self.play(terminate, self.terminate, recovers=False)

    def test_N5_restarts_in_a_row(self):
        def restart():
            for mode in ("immediate", "fast", "immediate"):
                self.store.stop(mode)
                self.store.start()
        self.play(restart, restart)

    def test_N5_frozen(self):
        """Every process of it is stopped: sockets stay open, nothing answers."""
        def signal_all(sig):
            with open(self.store.dir + "/data/postmaster.pid") as file:
                postmaster = int(file.readline())
            children = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True).stdout.split()
            for pid in [postmaster, *map(int, children)]:
                os.kill(pid, sig)
        self.play(lambda: signal_all(signal.SIGSTOP), lambda: signal_all(signal.SIGCONT), recovers=False,
                  database__statement_timeout="2s", database__connect_timeout="2s")

    def test_N7_database_renamed(self):
        def rename(old, new):
            self.sql(f"ALTER DATABASE {old} ALLOW_CONNECTIONS false", database="template1")
            self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{old}'",
                     f"ALTER DATABASE {old} RENAME TO {new}", f"ALTER DATABASE {new} ALLOW_CONNECTIONS true",
                     database="template1")
        self.play(lambda: rename("postgres", "elsewhere"), lambda: rename("elsewhere", "postgres"))
        self.logged(r"\[DB_PAUSED\] op=outbox_drain", self.during)

    def test_N8_table_gone(self):
        self.play(lambda: self.sql("ALTER TABLE calls RENAME TO gone"),
                  lambda: self.sql("ALTER TABLE gone RENAME TO calls"))
        self.logged(r"\[DB_PAUSED\] op=outbox_drain reason=UndefinedTable sqlstate=42P01", self.during)

    def test_N8_column_gone(self):
        self.play(lambda: self.sql("ALTER TABLE calls RENAME COLUMN dtmf TO tones"),
                  lambda: self.sql("ALTER TABLE calls RENAME COLUMN tones TO dtmf"))
        self.logged("sqlstate=42703", self.during)

    def test_N9_read_only(self):
        """What a failover leaves behind: the old primary takes sessions and refuses to write."""
        def make(read_only, options=""):
            environment = {**os.environ, "PGOPTIONS": options}
            for statement in (f"ALTER SYSTEM SET default_transaction_read_only = {read_only}",
                              "SELECT pg_reload_conf()"):
                self.sql(statement, environment=environment)
        self.play(lambda: make("on"), lambda: make("off", "-c default_transaction_read_only=off"))
        self.logged(r"\[DB_DOWN\]", self.during)

    def psql(self):
        """A session that stays."""
        return subprocess.Popen(
            [os.path.join(BIN, "psql"), "-h", "127.0.0.1", "-p", str(self.store.port), "-U", "holdline", "-qAt",
             "postgres"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)

    def test_N11_table_locked(self):
        """Longer than lock_timeout: tried again, in smaller pieces."""
        locker = []

        def lock():
            locker.append(self.psql())
            locker[0].stdin.write("BEGIN; LOCK TABLE calls IN ACCESS EXCLUSIVE MODE;\n")
            locker[0].stdin.flush()

        def unlock():
            locker[0].communicate("ROLLBACK;\n", timeout=30)
        self.play(lock, unlock, lasting=7, recovers=False)

    def test_N13_a_constraint_that_refuses_everything(self):
        """A storm: nothing is dead-lettered, all is kept, and it lands when the constraint goes."""
        self.play(lambda: self.sql("ALTER TABLE calls ADD CONSTRAINT nobody CHECK (frames_in < 0) NOT VALID"),
                  lambda: self.sql("ALTER TABLE calls DROP CONSTRAINT nobody"))
        self.logged(r"\[DB_PAUSED\] op=outbox_drain reason=PoisonStorm", self.during)

    def test_N13_one_call_in_sixteen_is_poison_and_is_retried(self):
        server = self.serve()
        self.sql("ALTER TABLE calls ADD CONSTRAINT hex CHECK (right(provider_call_id, 1) <> '7') NOT VALID")
        result = self.reap(self.stream(3, 4 * CALLS))
        self.nobody_noticed(result)
        poison = [call for call in self.calls if call["callSid"].endswith("7")]
        wait_for("the others", lambda: len(self.rows()) == len(self.calls) - len(poison))
        wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0)
        self.assertGreaterEqual(server.metric("holdline_dead_letters"), len(poison))
        self.sql("ALTER TABLE calls DROP CONSTRAINT hex")
        server.holdctl("dead", "retry", "--all")
        wait_for("the dead to be delivered", lambda: len(self.rows()) == len(self.calls))
        wait_for("the count to say so", lambda: server.metric("holdline_dead_letters") == 0)
        self.finish()

    def test_N20_tables_altered_all_the_time(self):
        def alter():
            for n in range(8):
                self.sql(f"ALTER TABLE calls ADD COLUMN extra{n} text", f"ALTER TABLE calls DROP COLUMN extra{n}",
                         "ALTER TABLE calls ALTER COLUMN to_number TYPE varchar(200)",
                         "ALTER TABLE calls ALTER COLUMN to_number TYPE text")
                time.sleep(0.2)
        self.play(alter, alter, recovers=False)


if __name__ == "__main__":
    unittest.main()
