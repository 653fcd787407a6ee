"""System calls of one thread that fail: `strace` holds that thread alone, so all
others run as ever.

    with Injection(server, "media", "spooler", "fdatasync,fsync:error=EIO:when=1"):
        ...
"""

import os
import signal
import subprocess
import tempfile

from server import wait_for


def thread_ids(server, role, name):
    """Of the threads that bear that name in the processes of that role."""
    found = []
    for pid in server.pids(role):
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm") as file:
                if file.read().strip() == name:
                    found.append(int(tid))
    return found


def tracer(tid):
    with open(f"/proc/{tid}/status") as file:
        return int(next(line for line in file if line.startswith("TracerPid:")).split()[1])


class Injection:
    def __init__(self, server, role, thread, *faults):
        """Each fault as `strace --inject` has it: CALLS:error=EIO, CALLS:delay_enter=5s ..."""
        (self.tid,) = thread_ids(server, role, thread)
        calls = ",".join(fault.split(":")[0] for fault in faults)
        self.output = tempfile.NamedTemporaryFile("r", prefix="holdline-strace-")
        command = ["strace", "-q", "-p", str(self.tid), "-o", self.output.name, "-e", f"trace={calls}"]
        for fault in faults:
            command += ["-e", f"inject={fault}"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_for("strace to hold the thread", lambda: self.process.poll() is not None or tracer(self.tid))
        assert self.process.poll() is None, self.process.stderr.read()

    def count(self):
        """How many calls it has changed until now."""
        with open(self.output.name) as file:
            return sum(line.count("(INJECTED)") + line.count("(DELAYED)") for line in file)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
