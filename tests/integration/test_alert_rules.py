"""The Prometheus rules: promtool likes them, their stories come true, and every metric that they name is served."""

import os
import re
import shutil
import subprocess
import unittest

from server import Server

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ALERTS = os.path.join(TREE, "tools", "alerts")


def read(*path):
    with open(os.path.join(TREE, *path)) as file:
        return file.read()


class AlertRules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rules = read("tools", "alerts", "holdline.rules.yml")
        cls.alerts = re.findall(r"- alert: (\w+)", cls.rules)

    def promtool(self, *arguments):
        if not shutil.which("promtool"):
            self.fail("promtool is missing: install the package prometheus (tools/setup/packages.sh)")
        done = subprocess.run(["promtool", *arguments], cwd=ALERTS, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_promtool_accepts_the_rules(self):
        self.assertIn(f"{len(self.alerts)} rules found", self.promtool("check", "rules", "holdline.rules.yml"))

    def test_the_stories_come_true(self):
        self.assertIn("SUCCESS", self.promtool("test", "rules", "holdline.rules.test.yml"))

    def test_every_alert_has_a_story(self):
        stories = read("tools", "alerts", "holdline.rules.test.yml")
        self.assertEqual([alert for alert in self.alerts if alert not in stories], [])

    def test_every_metric_is_served_by_a_running_server(self):
        named = set(re.findall(r"holdline_[a-z_]+", "".join(
            re.findall(r"expr:(.*?)\n\s+(?:for|labels):", self.rules, re.S))))
        self.assertGreater(len(named), 20)
        with Server() as server:
            served = set(re.findall(r"^# TYPE (\w+)", server.get("/metrics")[1], re.M))
        self.assertEqual(named - served, set())

    def test_every_alert_says_what_to_do(self):
        guide = read("docs", "operations.md")
        headings = set(re.findall(r"^#+ (.*)$", guide, re.M))
        runbooks = re.findall(r'runbook: "(.*)"', self.rules)
        self.assertEqual(len(runbooks), len(self.alerts))
        self.assertEqual(set(runbooks) - headings, set())
        self.assertEqual(len(re.findall(r"severity: (page|ticket) ", self.rules)), len(self.alerts))


if __name__ == "__main__":
    unittest.main()
