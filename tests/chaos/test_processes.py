"""Holdline's own processes are killed, stopped and ended while calls stream."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import unittest

import disks
from chaos import CALLS, ECHO, Chaos, Server, load_tests, slow, wait_for
from crowd import BROKEN, NOBODY, STOP
from injection import thread_ids
from server import HOLDCTL
from wire import Wire

STORM_SECONDS = float(os.environ.get("CHAOS_STORM_SECONDS", "15"))


class Killing(Chaos):
    """What those have in common who kill."""

    def may_be_killed(self):
        """From here on a call may be interrupted, and control may be away for a moment."""
        self.broken = {"interrupted"}
        self.watcher.away_is_fine = True

    def kill_one(self, *roles):
        pids = [pid for role in roles for pid in self.server.pids(role)]
        if not pids:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.random.choice(pids), signal.SIGKILL)
        return 1

    def settle(self, **more):
        wait_for("the server to be ready", self.server.ready, 60)
        self.crowd.end()
        self.finish(**more)
        self.numbers["rescued"] = self.server.log().count("[RECORDS_RESCUED]")

    def storm(self, worst, seconds=STORM_SECONDS, lines=30, **settings):
        """Callers come and go while `worst` does it; then all of them are counted."""
        self.serve(media__processes="2", **settings)
        self.may_be_killed()
        crowd = self.crowd_in(lines, longest=2.0)
        until, kills = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            time.sleep(self.random.uniform(0.05, 1.0))
            kills += worst()
        self.numbers["kills"] = kills
        self.assertGreater(kills, 3)
        self.settle()
        self.numbers.update({how: len(crowd.ended(how)) for how in (STOP, BROKEN, NOBODY)})
        self.assertGreater(len(crowd.ended(STOP)), 0)
        print(f"{self.id().split('.')[-1]}: {self.numbers}", flush=True)


class Storms(Killing):
    def test_P1_storm_on_media_and_control(self):
        self.storm(lambda: self.kill_one("media", "control"))

    @slow
    def test_P1_storm_on_control_alone_no_call_notices(self):
        self.storm(lambda: self.kill_one("control"))
        self.assertEqual([call for call in self.crowd.calls if call.how in (BROKEN, NOBODY)], [])

    @slow
    def test_P1_storm_while_the_database_comes_and_goes(self):
        up = [True]

        def worst():
            if self.random.random() < 0.3:
                (self.store.stop if up[0] else self.store.start)()
                up[0] = not up[0]
            return self.kill_one("media", "control")

        def settle(**more):
            if not up[0]:
                self.store.start()
            Killing.settle(self, **more)
        self.settle = settle
        self.storm(worst)

    @slow
    def test_P1_storm_over_connections_that_break(self):
        wire = Wire(self.store.port)
        self.addCleanup(wire.close)
        self.database_url = lambda: self.url_of(wire.port)

        def worst():
            wire.lose_answers = self.random.random() < 0.5
            if self.random.random() < 0.3:
                wire.cut()
            return self.kill_one("media", "control")
        self.storm(worst)

    @slow
    def test_P1_storm_on_a_journal_of_small_segments(self):
        """Sealing and removing happen all the time, too."""
        self.storm(lambda: self.kill_one("media", "control"), outbox__segment="2MiB", outbox__keep_delivered="1s",
                   media__checkpoint_interval="1s")


class KilledAt(Killing):
    """SIGKILL at chosen system calls: before a write, a sync, a rename; before a COMMIT is sent, an answer read."""

    POINTS = {
        ("media", "spooler"): ("pwrite64", "fdatasync", "fsync", "openat", "renameat,renameat2", "unlinkat", "fallocate",
                               "futex"),
        ("control", "drainer"): ("sendto", "recvfrom", "poll,ppoll", "pwrite64", "fdatasync", "openat", "unlinkat",
                                 "pread64", "connect"),
    }

    def setUp(self):
        disks.need_root(self)
        super().setUp()

    def kill_at(self, role, thread, calls, when):
        """True: it came to that, and the process is another one now."""
        pids = self.server.pids(role)
        tids = thread_ids(self.server, role, thread)
        if not tids:
            return False
        strace = subprocess.Popen(
            ["strace", "-q", "-p", str(tids[0]), "-o", "/dev/null", "-e", f"trace={calls}",
             "-e", f"inject={calls}:signal=KILL:when={when}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 2.5
        while self.server.pids(role) == pids and time.monotonic() < deadline:
            time.sleep(0.05)
        strace.terminate()
        strace.wait(30)
        return self.server.pids(role) != pids

    def points(self, role, thread, rounds):
        self.serve(outbox__segment="2MiB", media__checkpoint_interval="1s", outbox__keep_delivered="1s")
        self.may_be_killed()
        self.crowd_in(12, longest=1.0)
        hit = {}
        for calls in self.POINTS[role, thread]:
            for _ in range(rounds):
                hit[calls] = hit.get(calls, 0) + self.kill_at(role, thread, calls, self.random.randrange(1, 12))
                wait_for(f"another {role}", lambda: self.server.ready() and self.server.pids(role))
        self.numbers.update(kills=sum(hit.values()), hit=hit)
        self.assertGreater(sum(hit.values()), len(hit) // 2)
        self.settle()

    @slow
    def test_as_root_P2_the_spooler_dies_at_each_of_its_system_calls(self):
        self.points("media", "spooler", 3)

    @slow
    def test_as_root_P2_the_drainer_dies_at_each_of_its_system_calls(self):
        self.points("control", "drainer", 3)


class ProcessFaults(Killing):
    def restart(self):
        """Another server on what the last one left; the crowd does not go with it."""
        data_dir, self.server.own_dir = self.server.data_dir, False
        self.addCleanup(shutil.rmtree, data_dir, ignore_errors=True)
        return self.serve(data_dir=data_dir)

    def ended_while(self, fault, heal, seconds):
        """SIGTERM: exit 0 in good time, whatever the database does; nothing is lost."""
        server = self.serve(database__statement_timeout="2s", database__connect_timeout="1s")
        wait_for("the tables", lambda: self.store.rows("SELECT 1 FROM schema_migrations"))
        fault()
        self.nobody_noticed(self.reap(self.stream(2)))
        self.watcher.end()
        begun = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.numbers["ended_after_s"] = round(time.monotonic() - begun, 2)
        self.assertLess(self.numbers["ended_after_s"], seconds)
        heal()
        self.restart()
        self.finish()

    @slow
    def test_P3_end_with_the_database_there(self):
        self.ended_while(lambda: None, lambda: None, 10)

    def test_P3_end_with_the_database_away_and_begin_with_it_back(self):
        self.ended_while(self.store.stop, self.store.start, 10)

    @slow
    def test_P3_end_with_the_database_in_a_black_hole(self):
        wire = Wire(self.store.port)
        self.addCleanup(wire.close)
        self.database_url = lambda: self.url_of(wire.port)
        self.ended_while(wire.swallow, wire.pass_on, 20)

    @slow
    def test_P3_end_with_the_database_frozen(self):
        def signal_all(sig):
            with open(self.store.dir + "/data/postmaster.pid") as file:
                postmaster = file.readline().strip()
            children = subprocess.run(["pgrep", "-P", postmaster], capture_output=True, text=True).stdout.split()
            for pid in [postmaster, *children]:
                os.kill(int(pid), sig)
        self.ended_while(lambda: signal_all(signal.SIGSTOP), lambda: signal_all(signal.SIGCONT), 20)

    @slow
    def test_P3_end_under_live_calls_with_the_database_away(self):
        """Those that do not finish in time are told, and their rows say so."""
        server = self.serve(drain_timeout="1s")
        self.broken = {"shutdown"}
        self.watcher.away_is_fine = True
        crowd = self.crowd_in(longest=4.0)
        time.sleep(3)
        self.store.stop()
        time.sleep(1)
        self.watcher.end()
        crowd.over.set()
        self.assertEqual(server.stop(), 0)
        crowd.end()
        self.store.start()
        self.restart()
        self.finish()
        self.numbers["told_to_end"] = len(crowd.ended(BROKEN))

    def test_P4_control_stopped_for_a_while(self):
        """Its drainer and its endpoints stand still; calls and records do not."""
        server = self.serve(watchdog_timeout="60s")
        wait_for("the watcher to have asked", lambda: self.watcher.asked)
        self.watcher.end()
        self.crowd_in()
        for pid in server.pids("control"):
            os.kill(pid, signal.SIGSTOP)
        result = self.reap(self.stream(3))
        for pid in server.pids("control"):
            os.kill(pid, signal.SIGCONT)
        self.nobody_noticed(result)
        self.finish()
        self.same_processes()

    @slow
    def test_P4_all_of_it_stopped_for_a_while(self):
        """As by a suspended machine: calls wait, and nobody is killed for having stood still."""
        server = self.serve(watchdog_timeout="2s")
        self.watcher.away_is_fine = True
        crowd = self.crowd_in(patience=30)
        time.sleep(2)
        os.killpg(server.process.pid, signal.SIGSTOP)
        time.sleep(6)
        os.killpg(server.process.pid, signal.SIGCONT)
        time.sleep(3)
        crowd.end()
        self.assertEqual(len(crowd.ended(BROKEN, NOBODY)), 0)
        self.finish()
        self.same_processes()

    @slow
    def test_P4_an_operators_tool_stopped_in_the_middle(self):
        """Whatever it holds is nothing that the server needs."""
        server = self.serve()
        self.crowd_in()
        self.store.stop()
        self.nobody_noticed(self.reap(self.stream(1, 3 * CALLS)))
        tools = [subprocess.Popen([HOLDCTL, *verb, *server.flags()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                 for verb in (["outbox", "list", "--limit", "0"], ["outbox", "export"], ["outbox", "verify"])]
        time.sleep(0.02)
        for tool in tools:
            tool.send_signal(signal.SIGSTOP)
        self.nobody_noticed(self.reap(self.stream(2)))
        self.store.start()
        wait_for("rows", lambda: len(self.missing()) == 0, 60)
        for tool in tools:
            tool.kill()
            tool.communicate()
        self.finish()
        self.same_processes()

    def test_P6_a_second_server_on_the_same_data_is_refused(self):
        server = self.serve()
        second = Server(data_dir=server.data_dir, drain_timeout="1s")
        second.start(ready=False)
        self.assertNotEqual(second.process.wait(60), 0)
        self.assertIn(str(server.process.pid), second.log())
        os.unlink(second.log_path)
        self.nobody_noticed(self.reap(self.stream(1, CALLS)))
        self.finish()

    def test_P8_no_process_holds_what_is_not_its_own(self):
        """Media has no way to the database; control has none to the calls or their journals' locks."""
        server = self.serve()
        load = self.stream(2)
        wait_for("live rows", lambda: self.store.rows("SELECT 1 FROM calls WHERE state = 'live'"))
        peers = {role: self.connected_to(role, self.store.port) for role in ("media", "control")}
        self.assertEqual(peers["media"], [])
        self.assertNotEqual(peers["control"], [])
        self.assertEqual(self.connected_to("control", server.media), [])
        self.nobody_noticed(self.reap(load))
        self.finish()

    def connected_to(self, role, port):
        pids = self.server.pids(role)
        lines = subprocess.run(["ss", "-tnpH", "state", "established"], capture_output=True, text=True).stdout
        return [line for line in lines.splitlines()
                if f":{port} " in line + " " and any(f"pid={pid}," in line for pid in pids)]

    @slow
    def test_P9_the_supervisor_alone_is_killed(self):
        """Its roles end in good order, and the next one takes over what they leave."""
        server = self.serve(drain_timeout="2s")
        self.broken = {"shutdown", "interrupted"}
        self.watcher.away_is_fine = True
        crowd = self.crowd_in(longest=1.0)
        time.sleep(2)
        self.watcher.end()
        crowd.over.set()
        server.process.kill()
        server.process.wait()
        crowd.end()
        for role in ("media", "control"):
            wait_for(f"{role} to be gone", lambda role=role: not server.pids(role), 60)
        self.restart()
        self.finish()

    @slow
    def test_P9_twenty_servers_and_ten_connections(self):
        """N19: a herd that comes back at once to a database with less room than there are of them."""
        self.store.stop("fast")
        self.store.start(options="-c max_connections=10")
        self.serve(node__id="first", media__threads="1")
        servers = [self.server]
        for n in range(19):
            server = Server(database__url=self.database_url(), node__id=f"n{n}", media__threads="1",
                            recording__enabled="false", database__retry__max="5s")
            self.addCleanup(self.end, server)
            servers.append(server.start())
        self.store.stop()
        loads = [server.holdload("--calls", 4, "--echo", "--duration", "3s", path=ECHO) for server in servers]
        for load in loads:
            self.nobody_noticed(self.reap(load))
        self.store.start(options="-c max_connections=10")
        for server in servers:
            wait_for("its outbox to be empty", lambda server=server: server.metric("holdline_outbox_records") == 0, 120)
            self.assertEqual(server.metric("holdline_dead_letters"), 0)
        self.finish()


if __name__ == "__main__":
    unittest.main()
