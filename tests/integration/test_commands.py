"""The commands as a person types them: errors that help, statuses that mean something."""

import os
import subprocess
import tempfile
import unittest

from server import HOLDCTL, HOLDLINE, HOLDLOAD


def run(*command, **environment):
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment}, stdin=subprocess.DEVNULL)


class Commands(unittest.TestCase):
    def wrong(self, yaml, *expected):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(yaml)
            file.flush()
            done = run(HOLDLINE, "config", "-c", file.name)
        self.assertEqual(done.returncode, 2, done.stdout)
        for text in expected:
            self.assertIn(text, done.stderr)

    def test_a_wrong_file_is_told_with_key_line_and_what_would_be_right(self):
        self.wrong("media:\n  listn: x\n", ":2:", "media.listn", "media.listen")
        self.wrong("media:\n  idle_timeout: 30x\n", ":2:", "media.idle_timeout", "30x")
        self.wrong("media:\n\n  max_calls: 0\n", ":3:", "media.max_calls")
        self.wrong("media:\n\tlisten: x\n", ":2")
        self.wrong("log: { level: loud }\n", ":1:", "log.level", "debug")

    def test_an_unreadable_file_is_told(self):
        done = run(HOLDLINE, "config", "-c", "/nonexistent/holdline.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nonexistent/holdline.yaml", done.stderr)

    def test_flags_beat_variables_beat_the_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("drain_timeout: 1s\nmedia: { max_calls: 1, start_timeout: 1s }\n")
            file.flush()
            done = run(HOLDLINE, "config", "-c", file.name, "--media.max_calls", "3",
                       HOLDLINE_MEDIA_MAX_CALLS="2", HOLDLINE_MEDIA_START_TIMEOUT="2s")
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in ("drain_timeout: 1s", "max_calls: 3", "start_timeout: 2s"):
            self.assertIn(line, done.stdout)

    def test_what_config_prints_it_reads(self):
        first = run(HOLDLINE, "config")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(first.stdout)
            file.flush()
            again = run(HOLDLINE, "config", "-c", file.name)
        self.assertEqual((again.returncode, again.stdout), (0, first.stdout), again.stderr)

    def test_every_command_has_help_and_refuses_nonsense(self):
        for program in (HOLDLINE, HOLDCTL, HOLDLOAD):
            help_ = run(program, "--help")
            self.assertEqual(help_.returncode, 0, help_.stderr)
            self.assertIn("xamples:", help_.stdout)
            self.assertEqual(run(program, "--nonsense").returncode, 2)

    def test_nobody_there_is_status_3(self):
        self.assertEqual(run(HOLDLOAD, "--url", "ws://127.0.0.1:1/x", "--provider", "twilio").returncode, 3)
        with tempfile.TemporaryDirectory() as data_dir:
            self.assertEqual(run(HOLDCTL, "status", "--data_dir", data_dir,
                                 "--control.listen", "127.0.0.1:1").returncode, 3)

    def test_a_condition_sets_the_status_of_a_load(self):
        self.assertEqual(run(HOLDLOAD, "--url", "ws://127.0.0.1:1/x", "--provider", "twilio",
                             "--fail-if", "echo_p99>>1").returncode, 2)


if __name__ == "__main__":
    unittest.main()
