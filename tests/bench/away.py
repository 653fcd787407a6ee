"""The database goes away: what it costs Holdline, and what becomes of everybody's calls."""

import glob
import os
import statistics
import time

from load import Load, measure
from server import wait_for
from servers import Holdline

BUFFERED = 10_000  # records
SHORT_CALLS = 5_200  # two records each, at least


def make_records(server, say):
    """By real calls that start and end; their recordings are stored before anything is measured."""
    say("away: 10,000 records are made")
    Load(server, SHORT_CALLS, 0.2, ramp=2600, echo=False).start().finish()
    parts = os.path.join(server.dir, "data", "recordings", "**", "*.part")
    wait_for("all recordings to be stored", lambda: not glob.glob(parts, recursive=True), 120)


def one(postgres, options, echo, there, say):
    """Nothing but the database differs: the same calls come before, whether it is there or not."""
    with Holdline(postgres.url, echo) as server:
        if not there:
            postgres.stop()
        try:
            make_records(server, say)
            buffered = int(server.gauge("holdline_outbox_records"))
            assert there or buffered >= BUFFERED, buffered
            say(f"away: 1,000 {'echoed' if echo else 'recorded'} calls, the database is {'there' if there else 'away'}")
            result = measure(server, 1000, options.seconds)
        finally:
            if not there:
                postgres.start(options="-c max_connections=100")
        result["buffered"] = buffered
        wait_for("all records to be delivered", lambda: server.gauge("holdline_outbox_records") == 0, 120)
    return result


def holdline(postgres, options, say):
    rows = []
    for echo in (False, True):
        seen = {True: [], False: []}
        for _ in range(options.rounds):
            for there in (True, False):
                seen[there].append(one(postgres, options, echo, there, say))
        rows.append({"echo": echo, "buffered": min(run["buffered"] for run in seen[False]), **{
            key: {"us_per_frame": statistics.median(run["us_per_frame"] for run in seen[there]),
                  "p99_ms": statistics.median(run["p99_ms"] for run in seen[there]),
                  "failed": sum(run["calls"] - run["completed"] for run in seen[there])}
            for key, there in (("there", True), ("away", False))}})
    own = outage(postgres, Holdline, "SELECT count(*) AS n FROM calls WHERE state = 'ended'", say)
    return {"cost": rows, "calls": own}


def peer(postgres, server, say):
    return outage(postgres, server, "SELECT count(*) AS n FROM peer_calls WHERE ended_at IS NOT NULL", say)


def outage(postgres, kind, query, say):
    """50 calls are live when the database goes, 50 more come while it is away, then it is back."""
    say(f"away: 100 calls over an outage: {kind.what}")
    with kind(postgres.url, False) as server:
        before = count(postgres, query)
        live = Load(server, 50, 8).start()
        wait_for("all calls to be live", lambda: server.connections() == 50)
        postgres.stop()
        late = Load(server, 50, 2).start()
        reports = [late.finish()]
        postgres.start(options="-c max_connections=100")
        reports.append(live.finish())
        wait_until_still(lambda: count(postgres, query))
        return {"name": kind.name, "what": kind.what, "calls": 100,
                "completed": sum(report["completed"] for report in reports), "rows": count(postgres, query) - before}


def count(postgres, query):
    rows = postgres.rows(query)
    return rows[0]["n"] if rows else 0


def wait_until_still(value, seconds=3):
    """Until nothing has come for some seconds."""
    last, since = value(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.2)
        now = value()
        if now != last:
            last, since = now, time.monotonic()
