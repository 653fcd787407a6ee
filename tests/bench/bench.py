"""Holdline beside a bare epoll server, and beside the same job in Python, Node and Go: same load, same cores, one run.

All figures that mean anything are ratios of what stands in one table; absolute times are this machine's on this day.
"""

import argparse
import json
import os
import statistics
import sys
import time

import away
import tables
from database import Postgres
from load import Load, measure, measure_calmly
from servers import LOAD_CORE, Holdline, available, microseconds_to_make_a_file

SLOW = {"websockets", "fastapi"}  # what a core of Python cannot carry is not asked of it
LEVELS = [100, 200, 300, 400, 500, 600, 750, 900, 1050, 1200, 1400, 1600, 1800, 2000, 2250, 2500, 2750, 3000]
P99_MS = 40
SLOW_FILES_US = 200


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options):
        self.options = options
        self.servers, self.missing = available()
        self.postgres = Postgres(wrapper=["taskset", "-c", LOAD_CORE])
        self.results = {"missing": self.missing, "machine": tables.machine(), "rounds": options.rounds}

    def url(self):
        return self.postgres.url

    def cost(self):
        """Processor time a frame: each server in turn, and all of it again."""
        rows = []
        for echo in (False, True):
            for calls in self.options.calls:
                names = [s for s in self.servers if calls <= 300 or s.name not in SLOW]
                seen = {s.name: [] for s in names}
                for turn in range(self.options.rounds):
                    for s in names:
                        say(f"cost: {calls} {'echoed' if echo else 'recorded'} calls, round {turn + 1}: {s.what}")
                        seen[s.name].append(measure_calmly(lambda s=s: s(self.url(), echo), calls,
                                                           self.options.seconds))
                rows.append({"echo": echo, "calls": calls, "servers": [
                    {"name": s.name, "what": s.what, **summary(seen[s.name])} for s in names]})
        self.results["cost"] = rows

    def capacity(self):
        """The most paced echo calls on one core with a p99 below 40 ms, from due time, none lost."""
        rows = []
        for s in self.servers:
            low, high, best = -1, len(LEVELS), None
            while high - low > 1:
                middle = (low + high) // 2
                say(f"capacity: {LEVELS[middle]} echo calls: {s.what}")
                result = self.holds(s, LEVELS[middle])
                if result:
                    low, best = middle, result
                else:
                    high = middle
            rows.append({"name": s.name, "what": s.what, "calls": LEVELS[low] if low >= 0 else 0,
                         "core": best and best["core"], "p99_ms": best and best["p99_ms"]})
        self.results["capacity"] = rows

    def holds(self, s, calls):
        """Twice in vain is no."""
        for _ in range(2):
            with s(self.url(), True) as server:
                result = measure(server, calls, self.options.seconds)
            if result["completed"] == calls and result["lost"] == 0 and result["p99_ms"] < P99_MS:
                return result
        return None

    def away(self):
        """Holdline with the database and without it, 10,000 records buffered; and what becomes of the others' calls."""
        self.results["away"] = away.holdline(self.postgres, self.options, say)
        self.results["away_peers"] = [away.peer(self.postgres, s, say) for s in self.servers
                                      if s is not Holdline and not s.name.startswith("mini")]

    def run(self):
        self.postgres.start(options="-c max_connections=100")
        try:
            for name in self.options.only or ["cost", "away", "capacity"]:
                getattr(self, name)()
        finally:
            self.postgres.close()
        return self.results


def summary(runs):
    """Median and spread of the rounds."""
    costs = [run["us_per_frame"] for run in runs]
    return {
        "us_per_frame": statistics.median(costs), "least": min(costs), "most": max(costs),
        "core": statistics.median(run["core"] for run in runs),
        "memory": statistics.median(run["memory"] for run in runs),
        "p50_ms": statistics.median(run["p50_ms"] for run in runs),
        "p99_ms": statistics.median(run["p99_ms"] for run in runs),
        "failed": sum(run["calls"] - run["completed"] for run in runs),
        "lost": sum(run["lost"] + run["changed"] for run in runs),
        "disturbed": sum(run["disturbed"] for run in runs),
    }


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="examples:\n  tests/bench/run\n  tests/bench/run --quick --only cost\n"
                                            "  tests/bench/run --write docs/benchmarks.md")
    parser.add_argument("--quick", action="store_true", help="one short round: what is possible in some minutes")
    parser.add_argument("--only", action="append", choices=["cost", "away", "capacity"], help="may be repeated")
    parser.add_argument("--rounds", type=int, default=3, help="how often all of it (3)")
    parser.add_argument("--seconds", type=float, default=4, help="measured of each run (4)")
    parser.add_argument("--calls", type=int, nargs="+", default=[200, 1000], help="at once (200 1000)")
    parser.add_argument("--json", metavar="FILE", help="all figures")
    parser.add_argument("--write", metavar="FILE", help="replace the tables of this document")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 2
    return options


def main():
    options = parse(sys.argv[1:])
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("tests/bench/run: two cores are needed, one for the servers and one for the callers")
    made = microseconds_to_make_a_file()
    if made > SLOW_FILES_US:
        print(f"to make a file takes {made:.0f} us here, so many were removed of late: each recording will cost that. Wait"
              " some minutes, or set TMPDIR to a place elsewhere on the disk", file=sys.stderr)
    results = Bench(options).run()
    text = tables.render(results)
    print(text)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=2)
    if options.write:
        tables.write(options.write, text)


if __name__ == "__main__":
    main()
