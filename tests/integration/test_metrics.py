"""What Prometheus reads: every series once, every family told once, histograms that add up, and a scrape that says
as much however many calls there are."""

import asyncio
import collections
import re
import shutil
import subprocess
import unittest

from server import Server, report, wait_for
from test_api_users import admin
from twilio_caller import Caller, speech


def families(text):
    """(counts of HELP, counts of TYPE, counts of series)"""
    helps, types, series = collections.Counter(), collections.Counter(), collections.Counter()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helps[line.split()[2]] += 1
        elif line.startswith("# TYPE "):
            types[line.split()[2]] += 1
        elif line:
            series[line.rsplit(" ", 1)[0]] += 1
    return helps, types, series


def histograms(text):
    """{(name, labels): [(le, count), ...]}"""
    found = collections.defaultdict(list)
    for name, labels, le, count in re.findall(r'^(\w+)_bucket\{(?:(.*?),)?le="([^"]+)"\} (\S+)$', text, re.M):
        found[name, labels].append((float(le), float(count)))
    return found


class Metrics(unittest.TestCase):
    def scrape(self, server):
        status, text = server.get("/metrics")
        self.assertEqual(status, 200)
        return text

    def used(self, server):
        """Of all kinds something: calls, refusals, requests, operations, erasures."""
        wait_for("the API", lambda: admin(server).ask("GET", "/api/users")[0] == 200)
        asyncio.run(Caller(server.ws()).talk(speech(seconds=1)))
        for path in ("/api/calls", "/api/calls?limit=0", "/nothing"):
            admin(server).ask("GET", path)
        admin(server).ask("POST", "/api/outbox/kick", {})
        admin(server).ask("POST", "/api/erasures", {"number": "+15550001"})
        admin(server).login("nobody@example.com")

    def test_each_series_and_each_family_comes_once(self):
        with Server() as server:
            self.used(server)
            helps, types, series = families(self.scrape(server))
            for counts in (helps, types, series):
                self.assertFalse([name for name, count in counts.items() if count > 1])
            self.assertEqual(set(helps), set(types))

    def test_histograms_add_up(self):
        with Server() as server:
            self.used(server)
            text = self.scrape(server)
            found = histograms(text)
            self.assertTrue(found)
            for (name, labels), buckets in found.items():
                with self.subTest(name=name, labels=labels):
                    self.assertEqual(buckets, sorted(buckets))
                    counts = [count for _, count in buckets]
                    self.assertEqual(counts, sorted(counts))
                    self.assertEqual(buckets[-1][0], float("inf"))
                    shown = re.escape("{" + labels + "}") if labels else ""
                    total = float(re.search(rf"^{name}_count{shown} (\S+)$", text, re.M)[1])
                    self.assertEqual(total, counts[-1])
                    self.assertGreaterEqual(float(re.search(rf"^{name}_sum{shown} (\S+)$", text, re.M)[1]), 0)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is missing: install the package prometheus")
    def test_promtool_finds_nothing(self):
        with Server() as server:
            self.used(server)
            done = subprocess.run(["promtool", "check", "metrics"], input=self.scrape(server), capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_a_scrape_says_as_much_of_many_calls_as_of_few(self):
        with Server() as server:
            self.used(server)
            few = families(self.scrape(server))[2]
            load = server.holdload("--calls", 200, "--ramp", "200/s", "--duration", "10s")
            wait_for("the calls", lambda: server.metric("holdline_calls_active") == 200, 60)
            many = families(self.scrape(server))[2]
            self.assertLessEqual(len(set(many) - set(few)), 10)
            self.assertEqual(report(load)["completed"], 200)


if __name__ == "__main__":
    unittest.main()
