"""Two things go wrong at once, as they do at three in the morning."""

import signal
import subprocess
import time
import unittest

from chaos import PASSWORD, free_port, wait_for
from neon import FakeNeon
from storm import STORM_SECONDS, Storm

SHORT_STORM = max(8, STORM_SECONDS / 2)


class DoubleFaults(Storm):
    port = None

    def database_url(self):
        return f"postgresql://holdline:{PASSWORD}@127.0.0.1:{self.neon.port}/postgres"

    def setUp(self):
        super().setUp()
        self.neon = FakeNeon(free_port(), self.store.port)
        self.addCleanup(self.neon.close)

    def mend(self):
        self.neon.allow()
        self.neon.cut()

    def settle(self, *told):
        self.mend()
        super().settle(*told)

    def test_database_down_and_media_killed(self):
        """Its calls end as interrupted, in the database that comes back."""
        def down_then_kill():
            self.neon.refuse("CannotConnectNow")
            self.neon.cut()
            return self.kill_one(["media"])
        self.storm(down_then_kill, SHORT_STORM)

    def test_endpoint_disabled_under_a_storm(self):
        def disable_then_kill():
            if self.random.random() < 0.3:
                self.mend()
            else:
                self.neon.refuse("NeonEndpointDisabled")
                self.neon.suspend()
            return self.kill_one(["media", "control"])
        self.storm(disable_then_kill, SHORT_STORM)

    def test_answers_to_commit_lost_under_a_storm(self):
        def lose_then_kill():
            self.neon.lose_commits(2)
            return self.kill_one(["media", "control"])
        self.storm(lose_then_kill, SHORT_STORM)

    def test_a_storm_of_refusals_and_control_killed(self):
        """What was buried before it was known for a storm is fetched back, by the drainer or by an operator."""
        server = self.serve()
        self.watcher.away_is_fine = True
        self.nobody_noticed(self.reap(self.stream(1)))
        wait_for("the first rows", self.rows)
        self.store.sql("ALTER TABLE calls ADD CONSTRAINT nobody CHECK (frames_in < 0) NOT VALID")
        load = self.stream(4)
        for _ in range(3):
            time.sleep(1)
            server.kill("control")
        self.nobody_noticed(self.reap(load))
        wait_for("control", server.ready)
        self.store.sql("ALTER TABLE calls DROP CONSTRAINT nobody")
        server.holdctl("outbox", "kick")
        wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0)
        server.holdctl("dead", "retry", "--all")
        wait_for("the dead to be delivered", lambda: server.metric("holdline_dead_letters") == 0)
        self.finish()

    def test_silence_and_an_end(self):
        """SIGTERM while the database swallows everything: it ends in time, and the next start has it all."""
        server = self.serve(database__statement_timeout="2s")
        self.neon.go_silent()
        self.nobody_noticed(self.reap(self.stream(2)))
        self.watcher.end()
        self.assertEqual(server.stop(signal.SIGTERM, seconds=30), 0)
        self.mend()
        data_dir, server.own_dir = server.data_dir, False
        self.addCleanup(subprocess.run, ["rm", "-rf", "--", data_dir], check=False)
        self.serve(data_dir=data_dir)
        self.finish()


if __name__ == "__main__":
    unittest.main()
