"""Operators at work while calls stream: they list, hold, export, replay and break off, and nothing is lost by it."""

import json
import signal
import subprocess
import time
import unittest

from chaos import CALLS, ECHO, Chaos, Server, load_tests, slow, wait_for
from server import HOLDCTL


class Operators(Chaos):
    def backlog(self, calls=3 * CALLS):
        """A server whose database is away, with records that wait."""
        server = self.serve()
        self.crowd_in()
        wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
        self.store.stop()
        self.nobody_noticed(self.reap(self.stream(1, calls)))
        return server

    def listed(self, server, *arguments):
        out = server.holdctl("--json", "outbox", "list", "--limit", "0", *arguments).stdout
        return [json.loads(line) for line in out.splitlines()]

    def test_O1_every_verb_while_records_pour_in(self):
        server = self.backlog()
        load = self.stream(6, 5 * CALLS)
        until, n = time.monotonic() + 5, 0
        while time.monotonic() < until:
            waiting = self.listed(server, "--kind", "call.ended")
            some = [row["id"] for row in self.random.sample(waiting, min(20, len(waiting)))]
            for verb in (["hold", *some], ["status"], ["list"], ["list", "--state", "held"], ["show", some[0]],
                         ["export"], ["verify"], ["pause"], ["release", *some], ["resume"], ["kick"], ["replay", "--all"]):
                server.holdctl("outbox", *verb)
                n += 1
        self.numbers["verbs"] = n
        self.store.start()
        self.nobody_noticed(self.reap(load))
        server.holdctl("outbox", "release", "--all")
        self.finish()
        self.same_processes()

    def test_O2_tools_killed_in_the_middle_and_repeated(self):
        """A verb that was cut short has been done for some, and repeating it does the rest."""
        server = self.backlog()

        def cut_short(*verb):
            tool = subprocess.Popen([HOLDCTL, *verb, *server.flags()], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
            time.sleep(self.random.uniform(0, 0.05))
            tool.send_signal(signal.SIGKILL)
            tool.wait()
        for _ in range(5):
            cut_short("outbox", "hold", "--all")
            cut_short("outbox", "release", "--all")
            cut_short("outbox", "replay", "--all")
        self.store.start()
        for _ in range(5):
            cut_short("outbox", "replay", "--all")
            cut_short("outbox", "hold", "--kind", "call.ended")
            cut_short("outbox", "release", "--all")
        server.holdctl("outbox", "release", "--all")
        self.finish()
        self.same_processes()

    @slow
    def test_O3_replay_and_retry_while_the_database_is_away(self):
        """What is replayed stays until the database has it."""
        server = self.serve()
        crowd = self.crowd_in()
        wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
        self.store.sql("ALTER TABLE calls ADD CONSTRAINT hex CHECK (right(provider_call_id, 1) <> '7') NOT VALID")
        self.nobody_noticed(self.reap(self.stream(1, 4 * CALLS)))
        wait_for("dead letters", lambda: server.metric("holdline_dead_letters"))
        crowd.end()
        wait_for("the outbox to be empty", lambda: server.metric("holdline_outbox_records") == 0, 60)
        self.store.sql("ALTER TABLE calls DROP CONSTRAINT hex", "TRUNCATE calls, call_events")  # a restore gone wrong
        self.store.stop()
        server.holdctl("dead", "retry", "--all")
        server.holdctl("outbox", "replay", "--all")
        server.holdctl("outbox", "replay", "--all")
        time.sleep(1)
        self.assertGreater(server.metric("holdline_outbox_records"), 0)
        server.kill("control")
        self.watcher.away_is_fine = True
        wait_for("another control", lambda: server.ready() and server.pids("control"))
        self.store.start()
        self.finish()

    def test_O4_the_same_export_is_imported_twice_here_and_elsewhere(self):
        server = self.backlog()
        exported = server.holdctl("outbox", "export").stdout
        self.assertGreater(len(exported.splitlines()), CALLS)
        elsewhere = Server(database__url=self.database_url(), node__id="elsewhere")
        self.addCleanup(self.end, elsewhere)
        elsewhere.start()
        for where in (server, elsewhere, elsewhere):
            subprocess.run([HOLDCTL, "outbox", "import", "-", *where.flags()], input=exported, text=True, check=True,
                           capture_output=True)
        load = elsewhere.holdload("--calls", CALLS, "--echo", "--duration", "2s", path=ECHO)
        self.store.start()
        self.nobody_noticed(self.reap(load))
        wait_for("the other one's outbox to be empty", lambda: elsewhere.metric("holdline_outbox_records") == 0, 60)
        self.finish()
        self.same_processes()


if __name__ == "__main__":
    unittest.main()
