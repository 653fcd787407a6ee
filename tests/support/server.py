"""A real `holdline serve` for one test: its own directory, ports, log and end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BUILD = os.environ["TEST_BUILD"]
HOLDLINE = os.path.join(BUILD, "server", "holdline")
HOLDCTL = os.path.join(BUILD, "tools", "holdctl")
HOLDLOAD = os.path.join(BUILD, "tools", "holdload")
FIRST_PORT, LAST_PORT = map(int, os.environ.get("TEST_PORTS", "24000-24999").split("-"))


def reserve(port):
    """Ours until this process ends, also while the server that has it is stopped. Or None."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0holdline-test-port-{port}")  # a name in memory, which goes with us
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        name.close()
        return None
    return name


def free_port():
    """A port below the kernel's own range that nobody has, and no test beside us will take."""
    span = LAST_PORT - FIRST_PORT
    for offset in range(span):  # from a place of its own for each process that runs beside us
        port = FIRST_PORT + (os.getpid() * 61 + offset) % span
        name = reserve(port)
        if name:
            free_port.given.append(name)
            return port
    raise RuntimeError("no free port")


free_port.given = []


def wait_for(what, condition, seconds=30):
    """The first true value of the condition, or a failure that says what."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


class Server:
    """`with Server(...) as server:` serves, and ends with SIGTERM and exit 0."""

    def __init__(self, data_dir=None, wrapper=(), config=None, **settings):
        self.own_dir = data_dir is None
        self.data_dir = data_dir or tempfile.mkdtemp(prefix="holdline-test-")
        self.media, self.control = free_port(), free_port()
        self.settings = {
            "data_dir": self.data_dir,
            "media.listen": f"127.0.0.1:{self.media}",
            "control.listen": f"127.0.0.1:{self.control}",
            "recording.min_free_disk": "1MiB",
            "outbox.min_free_disk": "1MiB",
            "media.threads": "2",
            "database.retry.initial": "200ms",
            "database.retry.max": "1s",
        }
        self.settings.update({k.replace("__", "."): str(v) for k, v in settings.items()})
        self.wrapper = list(wrapper)
        self.config = config and os.path.join(self.data_dir, "holdline.yaml")
        if config:
            self.configure(config)
        self.trust = None  # an ssl.SSLContext, when the control listener speaks TLS
        self.log_path = os.path.join(tempfile.gettempdir(), f"holdline-test-{self.media}.log")
        if os.path.exists(self.log_path):  # of a test that was killed here, long ago
            os.unlink(self.log_path)
        self.process = None

    def configure(self, text):
        """Writes the settings file, which a SIGHUP makes the server read again."""
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def flags(self):
        return (["-c", self.config] if self.config else []) + [part for key, value in self.settings.items() for part in (f"--{key}", value)]

    def start(self, ready=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.wrapper + [HOLDLINE, "serve"] + self.flags(), stderr=log, stdout=log,
                stdin=subprocess.DEVNULL, start_new_session=True)
        if ready:
            wait_for("the server to be ready", lambda: self.ready() or self.process.poll() is not None)
            assert self.process.poll() is None, self.log()
        return self

    def stop(self, sig=signal.SIGTERM, seconds=90):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(seconds)
        return self.process.returncode

    def kill_everything(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for role in ("media", "control"):
            wait_for(f"{role} to be gone", lambda role=role: not self.pids(role))

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            status = self.stop()
        except subprocess.TimeoutExpired:
            self.kill_everything()
            status = "killed"
        log = self.log()
        if kind is not None:
            print(log[-8000:])
        if self.own_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)
        os.unlink(self.log_path)
        if kind is None:
            assert status == 0, f"exit status {status}\n{log[-4000:]}"
            for bad in ("Sanitizer", "runtime error", "RECORD_LOST"):
                assert bad not in log, log[-6000:]

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def ws(self, path="/media/twilio"):
        return f"ws://127.0.0.1:{self.media}{path}"

    def get(self, path, headers=None):
        """(status, body) of a GET on the control listener; (0, "") for none."""
        scheme = "https" if self.trust else "http"
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{self.control}{path}", headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.trust) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def api(self, path):
        """(status, parsed body) of a GET as admin; the token is the one in its file."""
        with open(os.path.join(self.data_dir, "admin.token"), encoding="ascii") as file:
            status, body = self.get(path, {"Authorization": "Bearer " + file.read().strip()})
        return status, json.loads(body) if body else None

    def ready(self):
        return self.get("/health/ready")[0] == 200

    def metric(self, name):
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None

    def pids(self, role):
        """Of the processes that ps shows as `holdline: ROLE` below this server."""
        found = subprocess.run(["ps", "-eo", "pid,pgid,args"], capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in found.stdout.splitlines()[1:]]
        return [int(pid) for pid, group, args in rows
                if int(group) == self.process.pid and args.strip() == f"holdline: {role}"]

    def kill(self, role, sig=signal.SIGKILL):
        for pid in self.pids(role):
            os.kill(pid, sig)

    def holdctl(self, *arguments, check=True, stdin=None):
        done = subprocess.run([HOLDCTL, *arguments, *self.flags()], capture_output=True, text=True, stdin=stdin)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def holdload(self, *arguments, path="/media/twilio"):
        """Starts holdload in the background; give it to `report`."""
        return subprocess.Popen(
            [HOLDLOAD, "--url", self.ws(path), "--provider", "twilio", "--json", "-", "--json-calls",
             *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report(load, seconds=120):
    """The JSON report of a holdload that Server.holdload started."""
    out, err = load.communicate(timeout=seconds)
    assert out, err
    return json.loads(out)
