"""Callers that come and go while processes are killed under them, and the ledger of what they know.

Each caller is a Python one, none of our own wire code. A call whose process was killed ends as `interrupted`; one that
was heard (a frame came back) has a row, whatever happened."""

import asyncio
import json
import os
import signal
import time

import websockets

from chaos import ECHO, Chaos, wait_for
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


class Storm(Chaos):
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
