"""The suite itself, with few calls: what it counts agrees with what was sent, and its tables say it."""

import unittest

import tables
from bench import summary
from database import Postgres
from load import measure
from servers import Holdline, Mini, MiniTick

CALLS, SECONDS = 10, 1


class Suite(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres().start()

    @classmethod
    def tearDownClass(cls):
        cls.postgres.close()

    def measured(self, kind, echo):
        with kind(self.postgres.url, echo) as server:
            self.assertEqual(server.connections(), 0)
            result = measure(server, CALLS, SECONDS)
        self.assertEqual((result["completed"], result["lost"], result["changed"]), (CALLS, 0, 0), kind.what)
        self.assertGreater(result["us_per_frame"], 0)
        self.assertEqual(result["p50_ms"] > 0, echo)
        return result

    def test_frames_and_calls_are_counted(self):
        blocks = []
        for echo in (False, True):
            servers = [{"name": kind.name, "what": kind.what, **summary([self.measured(kind, echo)])}
                       for kind in (Mini, MiniTick, Holdline)]
            self.assertEqual({s["failed"] + s["lost"] for s in servers}, {0})
            blocks.append({"echo": echo, "calls": CALLS, "servers": servers})
        self.assertEqual(self.postgres.rows("SELECT count(*) AS n FROM calls WHERE state = 'ended'")[0]["n"], 2 * CALLS)
        text = tables.render({"machine": tables.machine(), "rounds": 1, "missing": {"go": "no Go"}, "cost": blocks})
        self.assertIn("### 10 recorded calls", text)
        self.assertIn("### 10 echoed calls", text)
        self.assertIn("| bare epoll | ", text)
        self.assertIn("Not measured: go (no Go).", text)

    def test_a_call_that_failed_is_shown(self):
        run = {"us_per_frame": 1.0, "core": 0.1, "memory": 0, "p50_ms": 0, "p99_ms": 0, "calls": 10, "completed": 7,
               "lost": 2, "changed": 1, "disturbed": True}
        self.assertEqual({key: summary([run])[key] for key in ("failed", "lost", "disturbed")},
                         {"failed": 3, "lost": 3, "disturbed": 1})


if __name__ == "__main__":
    unittest.main()
