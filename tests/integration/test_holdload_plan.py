"""holdload's plans against the real server: calls that misbehave, a steady state, a hold; and what is refused."""

import json
import os
import resource
import subprocess
import tempfile
import unittest

from hostile import Hostile
from server import HOLDLOAD, Server, report, wait_for

MISDEEDS = ("drop", "reset", "stall", "slow-reader", "flood", "half-open", "no-start", "wrong-order", "bad-json",
            "bad-audio", "bad-frame")


class Misbehaving(unittest.TestCase):
    def test_calls_that_misbehave_are_not_noticed_by_the_others(self):
        with Server() as server:
            load = server.holdload("--calls", 150, "--ramp", "300/s", "--duration", "3s", "--echo", "--misbehave",
                                   ",".join(f"{kind}=3%" for kind in MISDEEDS), path="/media/twilio/echo")
            result = report(load)
            self.assertEqual(load.returncode, 0, result)
            self.assertTrue(server.ready())
        good = result["calls"]
        self.assertGreaterEqual(good, 95)
        self.assertEqual([result[key] for key in ("completed", "failed", "lost", "changed", "garbage")],
                         [good, 0, 0, 0, 0], result)
        self.assertEqual(result["frames_echoed"], good * 150)
        self.assertEqual(set(result["misdeeds"]), set(MISDEEDS))
        self.assertEqual((result["misbehaved"], result["behaved_after_all"]), (150 - good, 0), result)
        for kind, deeds in result["misdeeds"].items():
            self.assertEqual(deeds["calls"], deeds["misbehaved"], kind)
            wanted = deeds["calls"] if kind in ("bad-json", "bad-audio", "bad-frame") else deeds["cut_off"]
            self.assertEqual(deeds["cut_off"], wanted, kind)  # what makes no sense ends the call
        for call in result["call_list"]:
            self.assertEqual(call["misbehaved"], call["misbehaves"] != "", call)
            if call["misbehaves"] in ("stall", "no-start", "half-open"):
                self.assertEqual(call["frames_sent"], 0, call)
            if call["misbehaves"] == "flood":
                self.assertGreater(call["frames_sent"], 1500, call)
            if call["misbehaves"] in ("drop", "reset", "half-open"):
                self.assertEqual(call["outcome"], "left", call)

    def test_silent_calls_stay_up_until_all_have_been(self):
        with Server() as server:
            load = server.holdload("--calls", 200, "--ramp", "2000/s", "--hold", "1s", "--stop", "400/s",
                                   "--misbehave", "stall=100%")
            wait_for("all to be up", lambda: server.metric("holdline_calls_active") == 200)
            result = report(load)
        self.assertEqual((load.returncode, result["calls"]), (0, 0), result)
        self.assertEqual(result["misdeeds"], {"stall": {"calls": 200, "misbehaved": 200, "cut_off": 0}})
        ended = sorted(call["ended"] for call in result["call_list"])
        started = max(call["started"] for call in result["call_list"])
        self.assertGreater(ended[0], started)
        self.assertEqual({call["outcome"] for call in result["call_list"]}, {"completed"})


class Scenario(unittest.TestCase):
    def test_a_file_says_all_of_it_and_the_command_line_prevails(self):
        with Server() as server, tempfile.NamedTemporaryFile("w", suffix=".yaml") as scenario:
            scenario.write(f"url: ws://127.0.0.1:{server.media}/media/twilio/echo\ndialect: twilio\ncalls: 50\n"
                           "ramp: 20/s\nduration: 1s\necho: true\nfail-if: [lost>0, echo_p99>20s]\n")
            scenario.flush()
            done = subprocess.run([HOLDLOAD, "--calls", "30", "--scenario", scenario.name, "--json", "-"],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.stderr, "")
            result = json.loads(done.stdout)
        self.assertEqual((done.returncode, result["completed"]), (0, 30))
        self.assertEqual([(c["condition"], c["holds"]) for c in result["conditions"]],
                         [("lost>0", False), ("echo_p99>20s", False)])
        series = result["series"]
        self.assertEqual([sum(series[key]) for key in ("begun", "ended", "failed", "frames_sent", "frames_heard", "lost")],
                         [30, 30, 0, result["frames_sent"], result["frames_heard"], 0])
        self.assertEqual((series["live"][-1], series["seconds"]), (0, 1))
        self.assertGreater(max(series["live"]), 0)
        self.assertLessEqual(max(worst or 0 for worst in series["echo_max_ms"]), result["echo_max_ms"])

    def test_what_is_wrong_in_it_is_named_with_its_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as scenario:
            scenario.write("dialect: twilio\ncalls: many\n")
            scenario.flush()
            done = subprocess.run([HOLDLOAD, "--scenario", scenario.name], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr),
                         (2, f"holdload: {scenario.name}:2: calls: a number from 1 to 100000 is needed\n"))


class SteadyState(unittest.TestCase):
    def test_calls_come_and_go_and_the_same_seed_is_the_same_run(self):
        plan = ("--rate", "60/s", "--time", "3s", "--arrivals", "poisson", "--duration", "exp:300ms", "--calls", 150,
                "--seed", 5)
        frames = []
        with Server() as server:
            for seed in (5, 5, 6):
                load = server.holdload(*plan[:-1], seed, "--echo", path="/media/twilio/echo")
                result = report(load)
                self.assertEqual((load.returncode, result["skipped"], result["seed"]), (0, 0, seed), result)
                self.assertEqual(result["completed"], result["calls"])
                self.assertEqual(len({call["callSid"] for call in result["call_list"]}), result["calls"])
                frames.append([call["frames_sent"] for call in result["call_list"]])
        self.assertEqual(frames[0], frames[1])
        self.assertNotEqual(frames[0], frames[2])
        self.assertTrue(120 < len(frames[0]) < 240, len(frames[0]))

    def test_a_call_that_finds_all_busy_is_skipped(self):
        with Server() as server:
            result = report(server.holdload("--rate", "20/s", "--time", "1s", "--duration", "2s", "--calls", 5))
        self.assertEqual((result["completed"], result["skipped"]), (5, 15), result)

    def test_an_interrupt_ends_it_in_good_order(self):
        with Server() as server:
            load = server.holdload("--rate", "20/s", "--time", "10min", "--duration", "10min")
            wait_for("calls", lambda: server.metric("holdline_calls_active") >= 5)
            load.terminate()
            result = report(load)
        self.assertEqual((load.returncode, result["cancelled"]), (1, result["calls"]), result)


class Addresses(unittest.TestCase):
    def test_calls_take_the_addresses_in_turn(self):
        came = []

        async def note(socket):
            came.append(socket.remote_address[0])
            await socket.wait_closed()

        server = Hostile(note)
        self.addCleanup(server.close)
        subprocess.run([HOLDLOAD, "--url", f"ws://127.0.0.1:{server.port}/", "--dialect", "twilio", "--calls", "6",
                        "--duration", "100ms", "--misbehave", "drop=100%", "--bind", "127.0.0.2", "--bind",
                        "127.0.0.3"], check=True, capture_output=True, timeout=60)
        self.assertEqual(sorted(came), ["127.0.0.2"] * 3 + ["127.0.0.3"] * 3)


class Refused(unittest.TestCase):
    def complaint(self, *arguments, **options):
        done = subprocess.run([HOLDLOAD, "--url", "ws://127.0.0.1:1/", "--dialect", "twilio", *arguments],
                              capture_output=True, text=True, timeout=60, **options)
        return done.returncode, done.stderr

    def test_plans_that_do_not_fit_together(self):
        rows = [(("--rate", "5/s"), "--time"), (("--time", "5s"), "--rate"), (("--stop", "5/s"), "--hold"),
                (("--hold", "5s", "--duration", "5s"), "--duration"), (("--arrivals", "poisson"), "--rate"),
                (("--rate", "5/s", "--time", "5s", "--ramp", "3/s"), "--ramp"), (("--misbehave", "nap=5%"), "--help"),
                (("--duration", "soon"), "exp:30s"), (("--bind", "nowhere"), "--bind"), (("--seed", "x"), "--seed")]
        for arguments, complaint in rows:
            with self.subTest(arguments):
                status, said = self.complaint(*arguments)
                self.assertEqual(status, 2, said)
                self.assertIn(complaint, said)

    def test_more_calls_than_open_files_are_refused_before_any_begins(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
            if os.geteuid() == 0:  # root could raise it
                os.setuid(65534)

        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            status, said = self.complaint("--calls", "500", cwd=directory, preexec_fn=few)
        self.assertEqual(status, 2, said)
        self.assertIn("ulimit -n 564", said)


if __name__ == "__main__":
    unittest.main()
