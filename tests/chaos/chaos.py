"""Calls stream, something breaks, it is mended: what do the callers and the rows say?

    class Network(Chaos):
        def test_N1_refused(self):
            self.play(self.store.stop, self.store.start)

`play` streams calls before the fault, through it (some began before, some begin and end within it) and
after it. Then it compares what the callers know they did with the rows, column by column, and asks the
log and the processes whether anything happened that must not.
"""

import os
import random
import re
import subprocess
import threading
import time
import unittest

from database import Postgres
from server import Server, free_port, report, wait_for

CALLS = int(os.environ.get("CHAOS_CALLS", "40"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
ECHO = "/media/twilio/echo"
PASSWORD = "s3cr3t-Pa55word"
BAD_WORDS = ("Sanitizer", "runtime error", "RECORD_LOST", "THREAD_CRASH", PASSWORD)


class Watcher(threading.Thread):
    """Asks every endpoint all the time, and keeps what must not be."""

    PATHS = {"/health/live": {200}, "/health/ready": {200, 503}, "/health/db": {200, 503}, "/metrics": {200}}

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.wrong, self.slowest, self.asked = server, [], 0.0, 0
        self.away_is_fine = False  # while the control process is being killed
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.1):
            for path, fine in self.PATHS.items():
                begun = time.monotonic()
                status, body = self.server.get(path)
                self.slowest = max(self.slowest, time.monotonic() - begun)
                self.asked += 1
                if status not in fine and not (status == 0 and self.away_is_fine):
                    self.wrong.append((path, status, body[:200]))

    def end(self):
        self.ended.set()
        self.join()


class Chaos(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.random = random.Random(SEED)
        self.store = Postgres()
        self.addCleanup(self.store.close)
        self.store.start()
        self.calls = []  # what callers know of all calls
        self.numbers = {}  # for the report

    # ---- the stage

    def database_url(self):
        return self.store.url.replace("holdline@", f"holdline:{PASSWORD}@")

    def serve(self, **more):
        server = Server(database__url=self.database_url(), **{**self.settings, **more})
        self.addCleanup(self.end, server)
        server.start()
        self.pids = {role: server.pids(role) for role in ("media", "control")}
        self.watcher = Watcher(server)
        self.watcher.start()
        self.server = server
        return server

    def end(self, server):
        if server.process.poll() is None:
            server.__exit__(None)

    def stream(self, seconds, calls=CALLS):
        return self.server.holdload("--calls", calls, "--ramp", calls, "--echo", "--duration", f"{seconds}s", path=ECHO)

    def reap(self, load, seconds=180):
        result = report(load, seconds)
        self.calls += result["call_list"]
        return result

    def nobody_noticed(self, result):
        """No call dropped, no frame lost on the way back."""
        self.assertEqual(result["completed"], result["calls"], {k: v for k, v in result.items() if k != "call_list"})
        self.assertEqual((result["lost"], result["changed"], result["garbage"]), (0, 0, 0))
        self.assertEqual(result["frames_echoed"], result["frames_sent"])

    def play(self, fault, heal, lasting=4.0, recovers=True, **settings):
        """The fault lasts that long with calls streaming, then heal() mends it."""
        server = self.serve(**settings)
        quiet = self.reap(self.stream(2))
        through = self.stream(lasting + 4)
        time.sleep(1.5)
        fault()
        within = self.stream(max(1.0, lasting - 2))
        time.sleep(lasting)
        self.during = server.log()
        self.db_status = server.get("/health/db")[0]
        heal()
        within, through = self.reap(within), self.reap(through)
        for result in (quiet, within, through):
            self.nobody_noticed(result)
        self.numbers["echo_p99_ratio"] = round(within["echo_p99_ms"] / max(quiet["echo_p99_ms"], 0.1), 2)
        self.assertLess(within["echo_p50_ms"], 10 * quiet["echo_p50_ms"] + 100)
        self.finish()
        if recovers:
            self.logged(r"\[DB_RECOVERED\] op=outbox_drain")
        self.assertEqual({role: server.pids(role) for role in self.pids}, self.pids)

    # ---- the log

    @staticmethod
    def events(log):
        """Without what each call says."""
        return "\n".join(line for line in log.splitlines() if "[CALL_" not in line)

    def logged(self, pattern, log=None):
        events = self.events(self.server.log() if log is None else log)
        self.assertTrue(re.search(pattern, events), f"not in the log: {pattern}\n{events[-6000:]}")

    def not_logged(self, pattern, log=None):
        events = self.server.log() if log is None else log
        found = re.search(".*" + pattern + ".*", events)
        self.assertIsNone(found, found and found.group(0))

    # ---- the reckoning

    def rows(self):
        return self.store.rows("SELECT provider_call_id, state, end_reason, frames_in, frames_out, bytes_in, "
                               "started_at IS NOT NULL AND ended_at >= started_at AS timed FROM calls")

    def drained(self):
        return (self.server.metric("holdline_outbox_records") == 0
                and not self.store.rows("SELECT 1 AS n FROM calls WHERE state <> 'ended' LIMIT 1"))

    def finish(self, dead=0, seconds=60):
        """Everything has arrived; it is what the callers know; nothing happened that must not."""
        wait_for("the outbox to be empty", self.drained, seconds)
        wait_for("all rows", lambda: len(self.rows()) >= len(self.calls) - dead, seconds)
        self.watcher.end()
        self.assertEqual(self.watcher.wrong, [])
        self.assertGreater(self.watcher.asked, 0)
        self.compare(dead)
        self.assertEqual(self.server.metric("holdline_dead_letters"), dead)
        self.assertEqual(self.server.metric("holdline_records_lost_total") or 0, 0)
        for word in BAD_WORDS:
            self.not_logged(word)
        self.numbers["calls"] = len(self.calls)
        print(f"{self.id().split('.')[-1]}: {self.numbers}", flush=True)

    def compare(self, dead):
        rows = {row["provider_call_id"]: row for row in self.rows()}
        self.assertEqual(len(rows), len(self.rows()))  # none twice
        said = {call["callSid"]: call for call in self.calls}
        self.assertEqual(set(rows) - set(said), set())
        self.assertEqual(len(set(said) - set(rows)), dead)
        for sid, row in rows.items():
            call = said[sid]
            self.assertEqual(
                row, {"provider_call_id": sid, "state": "ended", "end_reason": "stop",
                      "frames_in": call["frames_sent"], "frames_out": call["frames_echoed"],
                      "bytes_in": call["bytes_sent"], "timed": True})


def network_tools():
    """Where the tests may make name spaces and rules of their own."""
    return os.geteuid() == 0 and subprocess.run(["sh", "-c", "command -v nft"], capture_output=True).returncode == 0


__all__ = ["CALLS", "Chaos", "ECHO", "PASSWORD", "SEED", "Server", "Postgres", "free_port", "network_tools", "report",
           "wait_for"]
