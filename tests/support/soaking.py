"""A server under calls that come and go, and what its roles take meanwhile."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from database import Sqlite
from server import Server, report, wait_for

SETTLE = 30.0  # seconds at most until everything of the last call is gone


def pss_kib(pid):
    """What it has of memory, with its share of what it has together with others."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def slope(points):
    """Of the straight line with the least squares; points are (x, y)."""
    n = len(points)
    mean_x, mean_y = (sum(p[i] for p in points) / n for i in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


class Soak:
    def __init__(self, rate, length, **settings):
        # What is delivered goes soon, and the table of live calls, whose places are used in turn, is soon
        # used up: neither must pass for growth.
        self.settings = {"outbox__keep_delivered": "5s", "media__threads": 2,
                         "media__max_calls": 4 * rate * length, **settings}
        self.rate, self.length = rate, length
        self.seen = {}  # by role: (seconds, KiB, descriptors)

    def look(self, began):
        for role, pid in self.roles.items():
            self.seen.setdefault(role, []).append((time.monotonic() - began, pss_kib(pid), descriptors(pid)))

    def soak(self, server, seconds, every):
        began = time.monotonic()
        calls = max(1, int((seconds - self.length) * self.rate))
        load = server.holdload("--calls", calls, "--ramp", f"{self.rate}/s", "--duration", f"{self.length}s")
        with ThreadPoolExecutor() as aside:  # who reads a long report while it is written
            result = aside.submit(report, load, seconds + 120)
            while not result.done():
                self.look(began)
                time.sleep(every)
        return result.result(), calls

    def run(self, seconds, every, growth_kib):
        """Soaks for that long; a dict of what was seen, and whether it was flat."""
        with Server(**self.settings) as server:
            self.roles = {"supervisor": server.process.pid}
            self.roles.update((role, server.pids(role)[0]) for role in ("media", "control"))
            self.warm_up(server)
            before = {role: descriptors(pid) for role, pid in self.roles.items()}
            result, calls = self.soak(server, seconds, every)
            store = Sqlite(server.data_dir)
            rows = wait_for("the rows", lambda: (n := self.ended(store) - 1) >= result["completed"] and n)
            after = self.settled(before)
        return self.verdict(result, calls, rows, before, after, growth_kib)

    @staticmethod
    def ended(store):
        found = store.rows("SELECT count(*) AS n FROM calls WHERE state = 'ended'")
        return found[0]["n"] if found else 0

    def warm_up(self, server):
        """The first call makes what all others use."""
        report(server.holdload("--calls", 1, "--duration", "1s"))
        wait_for("no call", lambda: server.metric("holdline_calls_active") == 0)
        wait_for("its row", lambda: self.ended(Sqlite(server.data_dir)) == 1)
        time.sleep(1)  # until connections of ours have been closed on the other side, too

    def settled(self, before):
        """Descriptors once they are as before, or whatever they are after SETTLE seconds."""
        deadline = time.monotonic() + SETTLE
        while True:
            now = {role: descriptors(pid) for role, pid in self.roles.items()}
            if all(now[role] <= before[role] for role in now) or time.monotonic() > deadline:
                return now
            time.sleep(0.1)

    def verdict(self, result, calls, rows, before, after, growth_kib):
        roles, why = {}, []
        for role, seen in self.seen.items():
            late = seen[len(seen) // 4:]
            growth = slope([(at / 60, kib) for at, kib, _ in late])
            climb = slope([(at / 60, fds) for at, _, fds in late])
            roles[role] = {"pss_kib": seen[-1][1], "growth_kib_per_min": growth, "fds_before": before[role],
                           "fds_most": max(fds for _, _, fds in seen), "fds_per_min": climb,
                           "fds_after": after[role]}
            if growth > growth_kib:
                why.append(f"{role} grows by {growth:.0f} KiB a minute")
            if after[role] > before[role]:
                why.append(f"{role} keeps {after[role] - before[role]} descriptors")
        if result["completed"] != calls or rows != calls:
            why.append(f"{calls} calls, {result['completed']} completed, {rows} rows")
        return {"calls": calls, "rows": rows, "roles": roles, "flat": not why, "why": why}
