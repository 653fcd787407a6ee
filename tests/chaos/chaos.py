"""Calls stream, something breaks, it is mended: what do the callers and the rows say?

    class Network(Chaos):
        def test_N1_refused(self):
            self.play(self.store.stop, self.store.start)

`play` streams calls before the fault, through it (some began before, some begin and end within it) and
after it: a mass of them by holdload, and a crowd of independent callers (crowd.py) who come and go all the
time. Then what the callers know is held against the rows, column by column (reckoning.py), and the log, the
endpoints and the processes are asked whether anything happened that must not.

A test that is @slow is left to tests/chaos/campaign, which also varies the seed.
"""

import json
import os
import random
import re
import subprocess
import threading
import time
import unittest

import reckoning
from crowd import Crowd
from database import Postgres
from server import Server, free_port, report, wait_for

CALLS = int(os.environ.get("CHAOS_CALLS", "40"))
LINES = int(os.environ.get("CHAOS_LINES", "8"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
EVERYTHING = os.environ.get("CHAOS_EVERYTHING") == "1"
ECHO = "/media/twilio/echo"
USER, PASSWORD = "app", "s3cr3t-Pa55word"
BAD_WORDS = ("Sanitizer", "runtime error", "RECORD_LOST", "THREAD_CRASH", PASSWORD)
UNTOLD = (PASSWORD, "INSERT INTO", "jsonb_to_recordset", "relation \"", "postgresql://")  # in no answer


def slow(test):
    test.slow = True
    return test


def load_tests(_loader, tests, _pattern):
    """For each module here: without the slow ones, and it says so."""
    kept, left = unittest.TestSuite(), []
    for test in flat(tests):
        if not EVERYTHING and getattr(getattr(test, test._testMethodName, None), "slow", False):
            left.append(test._testMethodName)
        else:
            kept.addTest(test)
    if left:
        print(f"left to tests/chaos/campaign: {', '.join(left)}", flush=True)
    return kept


def flat(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


class Watcher(threading.Thread):
    """Asks every endpoint all the time, and keeps what must not be."""

    PATHS = {"/health/live": {200}, "/health/ready": {200, 503}, "/health/db": {200, 503}, "/metrics": {200},
             "/api/status": {200}, "/api/outbox": {200, 503}, "/no/such/path": {404}}

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.wrong, self.slowest, self.asked = server, [], 0.0, 0
        self.away_is_fine = False  # while the control process is being killed
        self.ended = threading.Event()
        with open(os.path.join(server.data_dir, "admin.token")) as file:
            self.headers = {"Authorization": "Bearer " + file.read().strip()}

    def run(self):
        while not self.ended.wait(0.1):
            for path, fine in self.PATHS.items():
                self.ask(path, fine)

    def ask(self, path, fine):
        begun = time.monotonic()
        try:
            status, body = self.server.get(path, self.headers)
        except Exception as error:  # such as an answer that ends in the middle
            status, body = 0, repr(error)
        self.slowest = max(self.slowest, time.monotonic() - begun)
        self.asked += 1
        if status not in fine and not (status == 0 and self.away_is_fine):
            self.wrong.append((path, status, body[:200]))
        self.wrong += [(path, status, f"tells {word}") for word in UNTOLD if word in body]

    def end(self):
        self.ended.set()
        self.join()


class Chaos(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.random = random.Random(SEED)
        self.calls = []  # what callers of holdload know of all calls
        self.numbers = {}  # for the report
        self.crowd = None
        self.broken = ()  # the ends that a call may have which the server broke off
        self.store = self.open_store()
        self.addCleanup(self.store.close)
        self.prepare_store()

    # ---- the stage

    def open_store(self):
        return Postgres()

    def prepare_store(self):
        """A database of an ordinary user, who is not its master."""
        self.store.start()
        self.store.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", f"GRANT ALL ON SCHEMA public TO {USER}",
                       f"GRANT ALL ON DATABASE postgres TO {USER}")

    def url_of(self, port, host="127.0.0.1"):
        return f"postgresql://{USER}:{PASSWORD}@{host}:{port}/postgres"

    def database_url(self):
        return self.url_of(self.store.port, self.store.address)

    def serve(self, **more):
        server = Server(**{"database__url": self.database_url(), **self.settings, **more})
        self.addCleanup(self.end, server)
        server.start()
        self.pids = {role: server.pids(role) for role in ("media", "control")}
        self.watcher = Watcher(server)
        self.watcher.start()
        self.server = server
        return server

    def end(self, server):
        told = self._outcome.result
        if any(test is self for test, _ in told.failures + told.errors):
            print(f"---- the log of {server.data_dir}:\n{self.events(server.log())[-12000:]}\n----", flush=True)
        if server.process.poll() is None:
            server.__exit__(None)

    def crowd_in(self, lines=LINES, **more):
        """Callers who come and go until finish()."""
        self.crowd = Crowd(self.server.ws(ECHO), lines, self.random.random(), **more)
        self.addCleanup(self.crowd.over.set)
        self.crowd.start()
        return self.crowd

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
        crowd = self.crowd_in()
        quiet = self.reap(self.stream(2))
        through = self.stream(lasting + 4)
        time.sleep(1.5)
        crowd.phase = "during"
        fault()
        within = self.stream(max(1.0, lasting - 2))
        time.sleep(lasting)
        self.during = server.log()
        self.db_status = server.get("/health/db")[0]
        heal()
        crowd.phase = "after"
        within, through = self.reap(within), self.reap(through)
        for result in (quiet, within, through):
            self.nobody_noticed(result)
        self.compare_echoes(quiet, within)
        self.finish()
        if recovers:
            self.logged(r"\[DB_RECOVERED\] op=outbox_drain")
        self.same_processes()

    def compare_echoes(self, quiet, within):
        """As ratios in this run. The machine is shared, so what is asserted is wide."""
        for part in ("p50", "p99"):
            before, during = quiet[f"echo_{part}_ms"], within[f"echo_{part}_ms"]
            self.numbers[f"echo_{part}_ratio"] = round(during / max(before, 0.1), 2)
        self.assertLess(within["echo_p50_ms"], 10 * quiet["echo_p50_ms"] + 100)

    def same_processes(self):
        self.assertEqual({role: self.server.pids(role) for role in self.pids}, self.pids)

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

    def wait_logged(self, pattern, seconds=30, since=0):
        wait_for(f"the log to say {pattern}", lambda: re.search(pattern, self.server.log()[since:]), seconds)

    # ---- the reckoning

    def rows(self):
        return self.store.rows("SELECT provider_call_id, state, end_reason, frames_in, frames_out, bytes_in, "
                               "started_at IS NOT NULL AND ended_at >= started_at AS timed FROM calls")

    def drained(self):
        return (self.server.metric("holdline_outbox_records") == 0
                and not self.store.rows("SELECT 1 AS n FROM calls WHERE state <> 'ended' LIMIT 1"))

    def missing(self):
        """Calls that went well and have no row yet."""
        said = self.crowd.calls if self.crowd else []
        known = {call["callSid"] for call in self.calls if call.get("started", True)}
        known |= {call.sid for call in said if call.how == "stop"}
        return known - {row["provider_call_id"] for row in self.rows()}

    def finish(self, dead=0, seconds=60, dead_calls=()):
        """Everything has arrived; it is what the callers know; nothing happened that must not.
        `dead`: how many calls have gone to the dead letters with all that there is of them."""
        if self.crowd:
            self.crowd.end()
        wait_for("the outbox to be empty", self.drained, seconds)
        wait_for("all rows", lambda: len(self.missing()) <= dead, seconds)
        self.watcher.end()
        self.assertEqual(self.watcher.wrong, [])
        self.assertGreater(self.watcher.asked, 0)
        self.compare(dead_calls)
        self.assertEqual(self.server.metric("holdline_dead_letters"), dead)
        self.assertEqual(self.server.metric("holdline_records_lost_total") or 0, 0)
        for word in BAD_WORDS:
            self.not_logged(word)
        self.tell()

    def problems(self, dead_calls=()):
        rows, events = self.store.rows(reckoning.CALLS), self.store.rows(reckoning.EVENTS)
        said = self.crowd.calls if self.crowd else []
        self.numbers.update(calls=len(self.calls) + len(said), rows=len(rows), events=len(events))
        return reckoning.problems(rows, events, self.calls, said, self.broken, set(dead_calls))

    def compare(self, dead_calls=(), seconds=10):
        """A drainer takes a moment to find an estate: what is wrong is wrong when it stays so."""
        deadline = time.monotonic() + seconds
        while (wrong := self.problems(dead_calls)) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.assertEqual(wrong[:10], [], f"{len(wrong)} in all")

    def tell(self):
        if self.crowd:
            before, during = self.crowd.quantile_ms("before", 0.5), self.crowd.quantile_ms("during", 0.5)
            if before and during:
                self.numbers["crowd_p50_ratio"] = round(during / before, 2)
        self.numbers["slowest_answer_s"] = round(self.watcher.slowest, 2)
        print(f"{self.id().split('.')[-1]}: {json.dumps(self.numbers)}", flush=True)


def network_tools():
    """Where the tests may make name spaces and rules of their own."""
    return os.geteuid() == 0 and subprocess.run(["sh", "-c", "command -v nft"], capture_output=True).returncode == 0


__all__ = ["CALLS", "Chaos", "ECHO", "EVERYTHING", "PASSWORD", "SEED", "Server", "Postgres", "USER", "free_port",
           "load_tests", "network_tools", "report", "slow", "wait_for"]
