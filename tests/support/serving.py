"""A real `holdload serve` for one test: it says where it listens, and what it heard when it is told to end."""

import json
import signal
import subprocess
import tempfile

from server import HOLDLOAD, free_port


class Serving:
    def __init__(self, *arguments):
        self.report_file = tempfile.NamedTemporaryFile(prefix="holdload-serve-", suffix=".json")
        self.process = subprocess.Popen(
            [HOLDLOAD, "serve", "--listen", f"127.0.0.1:{free_port()}", "--json", self.report_file.name, "--json-calls",
             *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.url = self.process.stderr.readline().split()[-1]
        assert self.url.startswith("ws://"), self.url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.report_file.close()

    def end(self, sig=signal.SIGTERM, status=0):
        """Its report; without a signal it is left to end by itself. `complaints` has what it said besides."""
        if sig:
            self.process.send_signal(sig)
        _, self.complaints = self.process.communicate(timeout=60)
        assert self.process.returncode == status, (self.process.returncode, self.complaints)
        with open(self.report_file.name, encoding="utf-8") as file:
            return json.load(file)
