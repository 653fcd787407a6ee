"""Any process may die at any instant; every started call gets its one row."""

import asyncio
import os
import signal
import subprocess
import time
import unittest
import urllib.request

from database import Sqlite
from server import HOLDLINE, Server, report, wait_for
from twilio_caller import FRAME, Caller, speech, wav_audio

CALLS = 50


class Processes(unittest.TestCase):
    def begin_calls(self, server, *more, path="/media/twilio"):
        load = server.holdload("--calls", CALLS, "--duration", "60s", *more, path=path)
        wait_for("the calls", lambda: server.metric("holdline_calls_active") == CALLS)
        wait_for("their starts", lambda: server.log().count("[CALL_START]") >= CALLS)
        wait_for("a second of sound", lambda: (server.metric('holdline_frames_total{direction="in"}') or 0) > 50 * CALLS)
        return load

    def ended(self, server, result, reason):
        """One row a call, all of them with that reason."""
        store = Sqlite(server.data_dir)
        query = "SELECT * FROM calls WHERE state = 'ended'"
        rows = wait_for("the final rows", lambda: len(found := store.rows(query)) >= CALLS and found)
        said = {call["callSid"] for call in result["call_list"]}
        rows = [row for row in rows if row["provider_call_id"] in said]
        self.assertEqual({row["provider_call_id"] for row in rows}, said)
        self.assertEqual(len(rows), CALLS)
        self.assertEqual({row["end_reason"] for row in rows}, {reason})
        return rows

    def check_repaired(self, rows):
        sound = speech(seconds=60)
        for row in rows:
            wait_for("a repaired recording", lambda row=row: os.path.exists(row["recording_path"]))
            audio = wav_audio(row["recording_path"])[1]
            self.assertEqual(audio, sound[: len(audio)])
        self.assertGreater(sum(os.path.getsize(row["recording_path"]) for row in rows), 2000 * CALLS)

    def test_media_killed_its_calls_are_interrupted_and_new_ones_are_taken(self):
        with Server() as server:
            load = self.begin_calls(server)
            server.kill("media")
            # No retry: the new caller waits in the backlog until the role is back.
            after = report(server.holdload("--calls", 1, "--duration", "1s"))
            self.assertEqual(after["completed"], 1)
            result = report(load)
            self.assertEqual(result["dropped"], CALLS)
            self.check_repaired(self.ended(server, result, "interrupted"))
            self.assertIn("[PROCESS_EXIT] role=media", server.log())
            self.assertEqual(server.metric('holdline_process_restarts_total{role="media"}'), 1)
            wait_for("no call to be left", lambda: server.metric("holdline_calls_active") == 0)

    def test_everything_killed_the_next_start_settles_and_repairs(self):
        server = Server()
        server.start()
        load = self.begin_calls(server)
        server.kill_everything()
        result = report(load)
        os.unlink(server.log_path)
        with Server(data_dir=server.data_dir) as again:
            again.own_dir = True
            self.check_repaired(self.ended(again, result, "interrupted"))

    def test_the_supervisor_killed_its_roles_end_in_good_order(self):
        server = Server(drain_timeout="1s")
        server.start()
        load = self.begin_calls(server)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        result = report(load)
        with Server(data_dir=server.data_dir) as again:
            again.own_dir = True
            self.ended(again, result, "shutdown")
        os.unlink(server.log_path)

    def test_control_killed_calls_go_on(self):
        with Server() as server:
            load = server.holdload("--calls", CALLS, "--duration", "4s", "--echo", path="/media/twilio/echo")
            wait_for("the calls", lambda: server.metric("holdline_calls_active") == CALLS)
            server.kill("control")
            result = report(load)
            self.assertEqual((result["completed"], result["lost"]), (CALLS, 0))
            wait_for("control to be back", server.ready)
            self.ended(server, result, "stop")

    def test_sigterm_refuses_new_calls_lets_live_ones_finish_and_keeps_all(self):
        server = Server(drain_timeout="30s")
        with server:
            load = server.holdload("--calls", CALLS, "--duration", "5s")
            wait_for("the calls", lambda: server.metric("holdline_calls_active") == CALLS)
            server.process.send_signal(signal.SIGTERM)
            wait_for("ready to turn", lambda: server.get("/health/ready")[0] == 503)
            self.assertIn("draining", server.get("/health/ready")[1])
            late = report(server.holdload("--calls", 1, "--duration", "1s"))
            self.assertEqual(late["refused"], 1)
            result = report(load)
            self.assertEqual(result["completed"], CALLS)
            self.assertEqual(server.process.wait(60), 0)
            self.ended(server, result, "stop")

    def test_past_the_drain_timeout_calls_end_as_shutdown(self):
        with Server(drain_timeout="1s") as server:
            load = self.begin_calls(server)
            self.assertEqual(server.stop(), 0)
            self.ended(server, report(load), "shutdown")

    def test_a_second_sigterm_shortens_the_wait_never_the_records(self):
        with Server(drain_timeout="10min") as server:
            load = self.begin_calls(server)
            server.process.send_signal(signal.SIGTERM)
            wait_for("ready to turn", lambda: server.get("/health/ready")[0] == 503)
            self.assertEqual(server.stop(), 0)
            self.ended(server, report(load), "shutdown")

    def test_two_sigterms_that_arrive_as_one_are_two(self):
        """The kernel keeps one of a kind for a process that is busy."""
        with Server(drain_timeout="10min", watchdog_timeout="60s") as server:
            load = self.begin_calls(server)
            server.kill("media", signal.SIGSTOP)
            for count in 1, 2:
                server.process.send_signal(signal.SIGTERM)
                wait_for("the signal", lambda: server.log().count("[SERVER_DRAINING]") == count)
            server.kill("media", signal.SIGCONT)
            self.assertEqual(server.process.wait(60), 0)
            self.ended(server, report(load), "shutdown")

    def test_a_stopped_loop_is_noticed_and_its_role_restarted(self):
        with Server(watchdog_timeout="2s") as server:
            server.kill("media", signal.SIGSTOP)
            wait_for("the watchdog", lambda: "[WATCHDOG]" in server.log())
            self.assertEqual(report(server.holdload("--calls", 1, "--duration", "1s"))["completed"], 1)

    def test_a_crash_says_which_thread_it_was(self):
        with Server() as server:
            server.kill("control", signal.SIGSEGV)
            wait_for("the crash to be told", lambda: "[THREAD_CRASH] name=control err=SIGSEGV" in server.log()
                     or "Sanitizer" in server.log())
            wait_for("control to be back", server.ready)
            # A sanitizer reports the signal we sent; that is no finding.
            with open(server.log_path, "w") as log:
                log.truncate()

    def test_full_is_503_and_the_others_are_not_disturbed(self):
        with Server(media__max_calls=10) as server:
            result = report(server.holdload("--calls", 30, "--duration", "2s", "--echo", path="/media/twilio/echo"))
            self.assertEqual((result["completed"], result["refused"], result["lost"]), (10, 20, 0))
            self.assertIn('holdline_calls_refused_total{reason="max_calls"} 20', server.get("/metrics")[1])

    def test_other_paths_are_404_and_plain_requests_are_told(self):
        with Server() as server:
            self.assertEqual(report(server.holdload("--calls", 1, path="/nothing"))["refused"], 1)
            with self.assertRaises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(f"http://127.0.0.1:{server.media}/media/twilio", timeout=5)
            self.assertEqual(error.exception.code, 426)

    def test_sighup_changes_what_can_change(self):
        path = f"/tmp/holdline-test-{os.getpid()}.yaml"
        with open(path, "w") as file:
            file.write("log: { level: info }\nmedia: { idle_timeout: 1h }\n")
        self.addCleanup(os.unlink, path)
        server = Server()
        server.flags = lambda: ["-c", path] + Server.flags(server)
        with server:
            async def until_idle():
                caller = await Caller(server.ws()).connect()
                await caller.start()
                with open(path, "w") as file:
                    file.write("log: { level: info }\nmedia: { idle_timeout: 1s, threads: 1 }\n")
                server.process.send_signal(signal.SIGHUP)
                return await caller.close_code()
            self.assertEqual(asyncio.run(until_idle()), 1008)
            with open(path, "w") as file:
                file.write("nonsense: true\n")
            server.process.send_signal(signal.SIGHUP)
            wait_for("the refusal", lambda: "nonsense" in server.log())
            self.assertTrue(server.ready())

    def test_a_second_server_on_the_same_directory_or_port_is_refused(self):
        with Server() as server:
            second = Server(data_dir=server.data_dir)
            done = subprocess.run([HOLDLINE, "serve"] + second.flags(), capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(str(server.process.pid), done.stderr)
            second = Server()
            second.settings["media.listen"] = server.settings["media.listen"]
            done = subprocess.run([HOLDLINE, "serve"] + second.flags(), capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("media.listen", done.stderr)


if __name__ == "__main__":
    unittest.main()
