"""Holdline's own processes are killed, stopped and ended while calls stream."""

import asyncio
import json
import os
import signal
import time
import unittest

import websockets

from chaos import CALLS, ECHO, Chaos, Server, wait_for
from twilio_caller import Caller, speech

STORM_SECONDS = float(os.environ.get("CHAOS_STORM_SECONDS", "20"))
SOUND = speech(seconds=2)


class Ledger(dict):
    """What each caller knows: how many frames it sent and heard, and whether it said stop and saw the end."""

    async def call(self, url, frames):
        caller = Caller(url)
        known = {"sent": 0, "heard": 0, "stopped": False, "closed": False}

        async def listen():
            try:
                async for message in caller.socket:
                    known["heard"] += json.loads(message)["event"] == "media"
            except websockets.ConnectionClosed:
                pass
        try:
            await asyncio.wait_for(caller.connect(), 5)
        except (OSError, asyncio.TimeoutError, websockets.InvalidHandshake, websockets.ConnectionClosed, EOFError):
            await asyncio.sleep(0.05)  # nobody there just now
            return
        listener = asyncio.create_task(listen())
        try:
            await caller.start()
            self[caller.call] = known
            for i in range(frames):
                await caller.media(SOUND[i * 160 : i * 160 + 160])
                known["sent"] += 1
                await asyncio.sleep(0.02)
            await caller.stop()
            known["stopped"] = True
            await asyncio.wait_for(listener, 10)
            known["closed"] = caller.socket.close_code == 1000
        except (websockets.ConnectionClosed, asyncio.TimeoutError, OSError):
            pass
        finally:
            listener.cancel()
            await caller.socket.close()


class ProcessFaults(Chaos):
    def storm(self, kill, seconds, **settings):
        """Callers come and go while `kill` does its worst; then the ledger is compared with the rows."""
        server = self.serve(media__threads="2", **{"media.processes": "2"}, **settings)
        self.watcher.away_is_fine = True
        ledger = Ledger()

        async def play():
            until = time.monotonic() + seconds

            async def line():
                while time.monotonic() < until:
                    await ledger.call(server.ws(ECHO), self.random.randint(3, 90))
            lines = [asyncio.create_task(line()) for _ in range(30)]
            kills = 0
            while time.monotonic() < until:
                await asyncio.sleep(self.random.uniform(0.05, 1.0))
                kills += await asyncio.to_thread(kill)
            await asyncio.gather(*lines)
            return kills
        kills = asyncio.run(play())
        self.assertGreater(kills, 3)
        self.settle(server, ledger, kills)

    def settle(self, server, ledger, kills):
        wait_for("the server to be ready", server.ready, 60)
        wait_for("the estates to be settled", self.drained, 60)
        time.sleep(1.5)  # longer than a drainer takes to look around
        wait_for("the outbox to be empty", self.drained, 60)
        self.watcher.end()
        self.assertEqual(self.watcher.wrong, [])
        rows = {row["provider_call_id"]: row for row in self.rows()}
        self.assertEqual(len(rows), len(self.rows()))
        self.numbers = {"kills": kills, "calls": len(ledger), "rows": len(rows),
                        "rescued": server.log().count("[RECORDS_RESCUED]")}
        print(f"{self.id().split('.')[-1]}: {self.numbers}", flush=True)
        for sid, known in ledger.items():
            row = rows.get(sid)
            if not row:  # the start was still under way: it was never heard
                self.assertEqual(known["heard"], 0, sid)
                continue
            self.assertEqual(row["state"], "ended")
            if known["closed"]:
                self.assertEqual((row["end_reason"], row["frames_in"], known["heard"]),
                                 ("stop", known["sent"], known["sent"]), sid)
            elif not known["stopped"]:
                self.assertEqual(row["end_reason"], "interrupted", sid)
        self.assertNotIn("RECORD_LOST", server.log())

    def kill_one(self, roles):
        pids = [pid for role in roles for pid in self.server.pids(role)]
        if not pids:
            return 0
        try:
            os.kill(self.random.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            return 0
        return 1

    def test_P1_storm_on_media_and_control(self):
        self.storm(lambda: self.kill_one(["media", "control"]), STORM_SECONDS)

    def test_P1_storm_while_the_database_comes_and_goes(self):
        up = [True]

        def worst():
            if self.random.random() < 0.2:
                (self.store.stop if up[0] else self.store.start)()
                up[0] = not up[0]
            return self.kill_one(["media", "control"])

        settle = self.settle

        def start_and_settle(*told):
            if not up[0]:
                self.store.start()
            settle(*told)
        self.settle = start_and_settle
        self.storm(worst, STORM_SECONDS)

    def test_P3_end_with_the_database_away_and_begin_with_it_back(self):
        server = self.serve()
        self.store.stop()
        self.nobody_noticed(self.reap(self.stream(2)))
        self.watcher.end()
        self.assertEqual(server.stop(), 0)
        self.store.start()
        data_dir, server.own_dir = server.data_dir, False
        self.serve(**{"data_dir": data_dir})
        self.finish()

    def test_P4_control_stopped_for_a_while(self):
        """Its drainer and its endpoints stand still; calls and records do not."""
        server = self.serve(watchdog_timeout="60s")
        wait_for("the watcher to have asked", lambda: self.watcher.asked)
        self.watcher.end()
        for pid in server.pids("control"):
            os.kill(pid, signal.SIGSTOP)
        result = self.reap(self.stream(3))
        for pid in server.pids("control"):
            os.kill(pid, signal.SIGCONT)
        self.nobody_noticed(result)
        self.finish()

    def test_P6_a_second_server_on_the_same_data_is_refused(self):
        server = self.serve()
        second = Server(data_dir=server.data_dir, drain_timeout="1s")
        second.start(ready=False)
        self.assertNotEqual(second.process.wait(60), 0)
        self.assertIn(str(server.process.pid), second.log())
        os.unlink(second.log_path)
        self.nobody_noticed(self.reap(self.stream(1, CALLS)))
        self.finish()


if __name__ == "__main__":
    unittest.main()
