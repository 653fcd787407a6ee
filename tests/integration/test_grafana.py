"""The Grafana dashboard: promtool reads each of its queries, a running server serves each metric and label in them."""

import json
import os
import re
import subprocess
import tempfile
import unittest

from server import HOLDLOAD, Server, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "..", "..", "tools", "grafana", "holdline.json")


class Grafana(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(FILE, encoding="utf-8") as file:
            cls.dashboard = json.load(file)
        cls.panels = [panel for panel in cls.dashboard["panels"] if panel["type"] != "row"]
        cls.queries = [target["expr"] for panel in cls.panels for target in panel["targets"]]
        cls.queries += [note["expr"] for note in cls.dashboard["annotations"]["list"]]

    def test_promtool_reads_every_query(self):
        self.assertGreater(len(self.queries), 25)
        rules = {"groups": [{"name": "dashboard", "rules": [
            {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m")}
            for number, query in enumerate(self.queries)]}]}
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump(rules, file)  # which is YAML as well
            file.flush()
            done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_metric_is_served(self):
        named = {re.sub("_bucket$", "", name) for name in re.findall("holdline_[a-z_]+", " ".join(self.queries))}
        named |= set(re.findall("holdline_[a-z_]+", json.dumps(self.dashboard["templating"])))
        with Server() as server:
            subprocess.run([HOLDLOAD, "--url", server.ws("/media/twilio/echo"), "--dialect", "twilio", "--echo",
                            "--calls", "2", "--duration", "200ms"], check=True, capture_output=True, timeout=60)
            ended = 'holdline_calls_total{provider="twilio",end_reason="stop"}'
            wait_for("the calls' end", lambda: server.metric(ended))
            served = server.get("/metrics")[1]
        self.assertEqual(named - set(re.findall(r"^# TYPE (\w+)", served, re.M)), set())
        # What is only counted when it happens cannot be seen here; what is there has the labels that are asked for.
        for metric, label in (("calls_total", "end_reason"), ("frames_total", "direction"),
                              ("frames_late_total", "direction")):
            self.assertRegex(served, rf'(?m)^holdline_{metric}\{{[^}}]*{label}="')

    def test_every_panel_says_what_it_shows_and_has_a_place(self):
        ids = [panel["id"] for panel in self.dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for panel in self.dashboard["panels"]:
            if panel["type"] != "row":
                self.assertTrue(panel["description"].endswith("."), panel["title"])
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertTrue(at["x"] + at["w"] <= 24 and not cells & taken, panel["title"])
            taken |= cells


if __name__ == "__main__":
    unittest.main()
