"""One load on one server, and what was seen of it."""

import json
import os
import subprocess
import tempfile
import time

from server import HOLDLOAD
from servers import LOAD_CORE

DISTURBED_MS = 20  # the caller's own lateness, p99: beyond it the machine was busy with something else


class Load:
    """`calls` calls at once, each paced, from the other core."""

    def __init__(self, server, calls, seconds, ramp=None, echo=None):
        self.server, self.calls, self.seconds = server, calls, seconds
        self.ramp = ramp or max(200, calls // 2)
        self.echo = server.echo if echo is None else echo
        self.process = self.report = None

    def start(self):
        self.report = tempfile.NamedTemporaryFile(prefix="holdline-bench-", suffix=".json", delete=False)
        self.process = subprocess.Popen(
            ["taskset", "-c", LOAD_CORE, HOLDLOAD, "--url", self.server.address(), "--dialect", "twilio",
             "--calls", str(self.calls), "--ramp", f"{self.ramp}/s", "--duration", f"{int(self.seconds * 1000)}ms",
             "--json", self.report.name] + ["--echo"] * self.echo,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def finish(self):
        self.process.wait(self.seconds + 120)
        with open(self.report.name, encoding="utf-8") as file:
            report = json.load(file)
        os.unlink(self.report.name)
        return report


def measure(server, calls, seconds):
    """Processor time a frame in the middle of a run, memory a call, and the caller's own report."""
    before = server.memory()
    ramp_s = calls / max(200, calls // 2)
    load = Load(server, calls, ramp_s + 1 + seconds + 1).start()
    time.sleep(ramp_s + 1)
    began, used = time.monotonic(), server.seconds()
    time.sleep(seconds)
    used, took = server.seconds() - used, time.monotonic() - began
    memory = (server.memory() - before) / calls
    report = load.finish()
    return {
        "us_per_frame": used * 1e6 / (calls * 50 * took), "core": used / took, "memory": memory,
        "completed": report["completed"], "calls": calls, "lost": report["lost"], "changed": report["changed"],
        "p50_ms": report["echo_p50_ms"], "p99_ms": report["echo_p99_ms"],
        "disturbed": report["late_p99_ms"] > DISTURBED_MS,
    }


def measure_calmly(make, calls, seconds):
    """Once more, if something else on the machine was in the way."""
    for _ in range(2):
        with make() as server:
            result = measure(server, calls, seconds)
        if not result["disturbed"]:
            break
    return result
