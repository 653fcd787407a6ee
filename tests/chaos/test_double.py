"""Two or three things at once, as in bad nights. (Database away, disk full and control killed: test_disk.py.)"""

import json
import os
import shutil
import signal
import time
import unittest

from chaos import CALLS, Postgres, load_tests, slow, wait_for
from neon import FakeNeon
from test_processes import Killing
from wire import Wire

class Double(Killing):
    def calm_down(self):
        """The kills are over: from here on no call may be broken off."""
        wait_for("the server to be ready", self.server.ready, 60)

    def kill_media(self, times):
        """Each time with calls in the line."""
        for _ in range(times):
            wait_for("calls", lambda: (self.server.metric("holdline_calls_active") or 0) > 2, 30)
            time.sleep(self.random.uniform(0, 0.5))
            self.server.kill("media")
            self.calm_down()

    def test_database_away_and_media_killed(self):
        self.serve()
        self.may_be_killed()
        self.crowd_in(16)
        time.sleep(1.5)
        self.store.stop()
        self.kill_media(3)
        time.sleep(1)
        self.store.start()
        self.settle()
        self.assertGreater(len(self.crowd.ended("broken")), 0)

    @slow
    def test_database_away_and_everything_killed_and_started_with_it_away(self):
        server = self.serve()
        self.may_be_killed()
        self.crowd_in(16)
        time.sleep(1.5)
        self.store.stop()
        for _ in range(3):
            time.sleep(self.random.uniform(0.5, 1.5))
            server.kill_everything()
            server.start()
        time.sleep(1)
        self.store.start()
        self.settle()

    @slow
    def test_database_back_at_the_moment_control_is_killed(self):
        """The backlog is on its way when the drainer dies; the next one begins behind its acks."""
        self.serve()
        self.watcher.away_is_fine = True
        self.crowd_in()
        for _ in range(4):
            self.store.stop()
            self.nobody_noticed(self.reap(self.stream(1, 3 * CALLS)))
            self.store.start()
            for _ in range(3):
                time.sleep(self.random.uniform(0, 0.15))
                self.kill_one("control")
        self.finish()
        self.assertEqual(self.server.pids("media"), self.pids["media"])

    def test_answer_of_commit_lost_and_control_killed(self):
        neon = FakeNeon(upstream=self.store.port)
        self.addCleanup(neon.close)
        self.database_url = lambda: self.url_of(neon.port)
        self.serve()
        self.watcher.away_is_fine = True
        self.crowd_in(16)
        for _ in range(6):
            before = neon.lost_commits
            neon.lose_commits(1)
            wait_for("a lost answer", lambda before=before: neon.lost_commits > before, 30)
            self.kill_one("control")
            wait_for("another control", self.server.ready, 60)
        self.finish()
        self.assertEqual(self.server.pids("media"), self.pids["media"])

    @slow
    def test_black_hole_control_stopped_and_media_killed(self):
        wire = Wire(self.store.port)
        self.addCleanup(wire.close)
        self.database_url = lambda: self.url_of(wire.port)
        server = self.serve(watchdog_timeout="60s", database__statement_timeout="1s", database__connect_timeout="1s")
        self.may_be_killed()
        self.crowd_in(16)
        time.sleep(1.5)
        wire.swallow()
        stopped = server.pids("control")
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        for _ in range(3):
            time.sleep(1)
            server.kill("media")
        time.sleep(1)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        wire.pass_on()
        self.settle()

    @slow
    def test_poison_and_control_killed_while_it_is_buried(self):
        """What was refused is a dead letter once, what was not has a row once; all of it can be fetched back."""
        server = self.serve()
        self.watcher.away_is_fine = True
        crowd = self.crowd_in()
        wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
        self.store.sql("ALTER TABLE calls ADD CONSTRAINT hex CHECK (right(provider_call_id, 1) <> '7') NOT VALID")
        for _ in range(4):
            self.nobody_noticed(self.reap(self.stream(1, 2 * CALLS)))
            self.kill_one("control")
        crowd.end()
        poison = {call["callSid"] for call in self.calls if call["callSid"].endswith("7")}
        poison |= {call.sid for call in crowd.calls if call.sid.endswith("7")}
        wait_for("the others", lambda: self.missing() <= poison, 60)
        wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0, 60)
        dead = [row["id"] for row in map(json.loads, server.holdctl("--json", "dead", "list").stdout.splitlines())]
        self.assertEqual(len(dead), len(set(dead)))
        self.store.sql("ALTER TABLE calls DROP CONSTRAINT hex")
        server.holdctl("dead", "retry", "--all")
        wait_for("the count to say so", lambda: server.metric("holdline_dead_letters") == 0)
        self.finish()

    @slow
    def test_standby_promoted_and_everything_killed(self):
        standby = Postgres(copy_of=self.store)
        self.addCleanup(standby.close)
        standby.start()
        url = self.url_of(self.store.port).replace("/postgres", f",127.0.0.1:{standby.port}/postgres")
        self.database_url = lambda: url + "?target_session_attrs=read-write"
        server = self.serve(database__connect_timeout="1s")
        self.may_be_killed()
        self.crowd_in(16)
        time.sleep(2)
        standby.sql("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        time.sleep(1)
        self.store.stop()
        server.kill_everything()
        server.start()
        time.sleep(1)
        standby.run("pg_ctl", "-D", standby.dir + "/data", "-w", "promote")
        self.store = standby
        wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0, 60)
        server.holdctl("outbox", "replay", "--all")
        self.settle()

    @slow
    def test_table_locked_and_killed_all_the_time(self):
        """Sessions of dead drainers still hold what they had when the next one comes."""
        def worst():
            self.store.sql("BEGIN; LOCK TABLE calls IN SHARE MODE; SELECT pg_sleep(0.3); COMMIT")
            return self.kill_one("control", "media")
        self.storm(worst, 15, 16, database__statement_timeout="2s")

    @slow
    def test_moved_to_another_directory_after_everything_was_killed(self):
        """What a node left is taken over by another one that never saw a call of it."""
        server = self.serve()
        self.may_be_killed()
        crowd = self.crowd_in(16)
        time.sleep(1)
        self.store.stop()
        time.sleep(1.5)
        crowd.over.set()
        self.watcher.end()
        server.kill_everything()
        crowd.end()
        server.own_dir = False
        self.addCleanup(shutil.rmtree, server.data_dir, ignore_errors=True)
        moved = server.data_dir + "-moved"
        shutil.copytree(server.data_dir, moved)
        self.addCleanup(shutil.rmtree, moved, ignore_errors=True)
        self.store.start()
        self.serve(data_dir=moved, node__id="another")
        self.finish()


if __name__ == "__main__":
    unittest.main()
