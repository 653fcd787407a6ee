"""The operators' check list: it passes for our server, fails for a bad one, and knows when it cannot tell."""

import json
import os
import subprocess
import tempfile
import unittest

from server import BUILD, HOLDCTL, HOLDLINE, HOLDLOAD

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "verify-db-resilience")


def verify(*arguments):
    """(exit status, the report) of a small run."""
    done = subprocess.run([TOOL, "--json", "--calls", "12", "--hold", "1.5", *arguments],
                          capture_output=True, text=True, timeout=600)
    return done.returncode, json.loads(done.stdout)


class VerifyDbResilience(unittest.TestCase):
    def test_our_server_passes(self):
        status, report = verify("--build", BUILD)
        self.assertEqual([check for check in report["checks"] if not check["passed"]], [])
        self.assertEqual((status, report["passed"], report["error"]), (0, True, None))
        claims = {check["check"] for check in report["checks"]}
        for claim in ("the server stays up", "the background loops go on", "calls go on", "503, never 500",
                      "recovers without a restart", "nothing lost, nothing double", "no secret in log or configuration"):
            self.assertIn(claim, claims)
        self.assertTrue(all(check["evidence"] for check in report["checks"]))

    def test_a_server_that_writes_elsewhere_fails(self):
        """It is always well, and not one row comes to the database that it was given."""
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "holdline"), "w") as program:
                program.write(f'#!/bin/sh\nexec {HOLDLINE} "$@" --database.url sqlite:{folder}/elsewhere.db\n')
            os.chmod(program.name, 0o755)
            for path in (HOLDCTL, HOLDLOAD):
                os.symlink(path, os.path.join(folder, os.path.basename(path)))
            status, report = verify("--bin", folder, "--fault", "lost-commits")
        self.assertEqual((status, report["passed"], report["error"]), (1, False, None))
        failed = {check["check"] for check in report["checks"] if not check["passed"]}
        self.assertIn("nothing lost, nothing double", failed)
        self.assertIn("as many rows as calls", failed)

    def test_without_programs_it_has_no_verdict(self):
        status, report = verify("--bin", "/nonexistent")
        self.assertEqual((status, report["passed"]), (3, False))
        self.assertIn("/nonexistent/holdline is missing", report["error"])


if __name__ == "__main__":
    unittest.main()
