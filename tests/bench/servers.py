"""The servers that are compared, all behind the same few words: start, where to call, what its processes used, stop."""

import atexit
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from server import BUILD, HOLDLINE, free_port, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
BUILT = os.path.join(BUILD, "tests", "bench")
SERVER_CORE, LOAD_CORE = "0", "1"


def tree(pid):
    """The process and all that it has started."""
    pids = [pid]
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            for child in file.read().split():
                pids += tree(int(child))
    except OSError:
        pass
    return pids


def scratch():
    """A directory of a run, removed when all runs are over.

    Not before: ext4 passes by the inodes of files that were removed within the last minutes, one after the other, and
    to make a file beside thousands of them takes a millisecond instead of some thirty microseconds."""
    path = tempfile.mkdtemp(prefix="holdline-bench-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def microseconds_to_make_a_file(count=200):
    """Which says whether something else has just removed many."""
    path = scratch()
    began = time.monotonic()
    for i in range(count):
        with open(os.path.join(path, str(i)), "xb"):
            pass
    return (time.monotonic() - began) / count * 1e6


class Server:
    """One run of one of them, pinned to the servers' core with all of its processes."""

    path = "/"

    def __init__(self, url=None, echo=False):
        self.url, self.echo = url, echo
        self.port = free_port()
        self.dir = scratch()
        self.process = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def __enter__(self):
        log = open(os.path.join(self.dir, "log"), "wb")
        with log:
            self.process = subprocess.Popen(
                ["taskset", "-c", SERVER_CORE, *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment()}, cwd=self.dir, start_new_session=True)
        wait_for(f"{self.name} to answer", self.answers, 30)
        time.sleep(0.5)  # what it still does at its start is none of a call's cost
        return self

    def answers(self):
        assert self.process.poll() is None, self.log()
        return os.path.exists(f"/proc/{self.process.pid}") and self.listens()

    def sockets(self, state):
        """How many at its port are in that state (include/net/tcp_states.h)."""
        with open("/proc/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] == state for row in rows)

    def listens(self):
        return self.sockets("0A") > 0

    def connections(self):
        return self.sockets("01")

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def log(self):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def address(self):
        return f"ws://127.0.0.1:{self.port}{self.path}"

    def seconds(self):
        """Processor time of all its threads so far, to the nanosecond."""
        total = 0
        for pid in tree(self.process.pid):
            for task in glob.glob(f"/proc/{pid}/task/*/schedstat"):
                try:
                    with open(task, encoding="ascii") as file:
                        total += int(file.read().split()[0])
                except OSError:
                    pass
        return total / 1e9

    def memory(self):
        """What its processes have for themselves, in bytes (Pss)."""
        total = 0
        for pid in tree(self.process.pid):
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    total += next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
            except (OSError, StopIteration):
                pass
        return total


class Mini(Server):
    name, what = "mini", "bare epoll"
    tick = None

    def command(self):
        return ([os.path.join(BUILT, "mini"), str(self.port)] + ["--echo"] * self.echo
                + (["--tick", self.tick] if self.tick else []))


class MiniTick(Mini):
    name, what = "mini-tick", "bare epoll, tick of 1 ms"
    tick = "1000"


class Holdline(Server):
    """One loop; limits that are about strangers are off, as all calls come from one address."""

    name, what = "holdline", "Holdline"

    def __init__(self, url=None, echo=False):
        super().__init__(url, echo)
        self.path = "/media/twilio/echo" if echo else "/media/twilio"
        self.control = free_port()

    def command(self):
        settings = {
            "data_dir": os.path.join(self.dir, "data"), "media.listen": f"127.0.0.1:{self.port}",
            "control.listen": f"127.0.0.1:{self.control}", "media.threads": "1", "media.max_calls": "20000",
            "media.handshakes_per_second": "100000", "recording.min_free_disk": "1MiB",
            "outbox.min_free_disk": "1MiB", "database.retry.initial": "200ms", "database.retry.max": "1s",
        }
        if self.url:
            settings["database.url"] = self.url
        return [HOLDLINE, "serve"] + [part for key, value in settings.items() for part in (f"--{key}", value)]

    def answers(self):
        assert self.process.poll() is None, self.log()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.control}/health/ready", timeout=2).status == 200
        except OSError:
            return False

    def gauge(self, name):
        """The sum of a metric's series."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.control}/metrics", timeout=5).read().decode()
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith((name + " ", name + "{")))


class Peer(Server):
    """One that does the same job in the usual way."""

    def arguments(self):
        return [str(self.port), self.url, self.dir] + ["--echo"] * self.echo


class Node(Peer):
    name, what = "node", "Node, ws + pg"

    def command(self):
        return ["node", os.path.join(BUILT, "node", "server.mjs"), *self.arguments()]


class Go(Peer):
    name, what = "go", "Go, gorilla + lib/pq"

    def command(self):
        return [os.path.join(BUILT, "go_server"), *self.arguments()]

    def arguments(self):
        port, url, *more = super().arguments()
        return [port, url + "?sslmode=disable", *more]

    def environment(self):
        return {"GOMAXPROCS": "1"}


class Websockets(Peer):
    name, what = "websockets", "Python, websockets + psycopg2"

    def command(self):
        return ["/usr/bin/python3", os.path.join(PEERS, "websockets_server.py"), *self.arguments()]


class FastApi(Peer):
    name, what = "fastapi", "Python, FastAPI + uvloop + psycopg2"

    def command(self):
        return ["/usr/bin/python3", os.path.join(PEERS, "fastapi_server.py"), *self.arguments()]


ALL = [Mini, MiniTick, Holdline, Node, Go, Websockets, FastApi]


def build_go():
    if not shutil.which("go"):
        return "there is no Go (golang-go)"
    done = subprocess.run(
        ["go", "build", "-o", os.path.join(BUILT, "go_server"), "."], cwd=os.path.join(PEERS, "go"),
        capture_output=True, text=True, check=False,
        env={**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "CGO_ENABLED": "0",
             "GOCACHE": os.path.join(BUILT, "go-cache")})
    return done.stderr.strip()


def build_node():
    directory = os.path.join(BUILT, "node")
    shutil.copytree(os.path.join(PEERS, "node"), directory, dirs_exist_ok=True)
    if not shutil.which("npm"):
        return "there is no npm"
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=directory, capture_output=True,
                          text=True, check=False)
    return "" if done.returncode == 0 else "npm ci failed: " + done.stderr.strip()


def find_python():
    done = subprocess.run(["/usr/bin/python3", "-c", "import fastapi, uvicorn, uvloop, psycopg2, websockets"],
                          capture_output=True, text=True, check=False)
    return done.stderr.strip().rpartition("\n")[2]


def available():
    """All that can be had here, and why the others cannot: {name: reason}."""
    python = find_python()
    missing = {"go": build_go(), "node": build_node(), "websockets": python, "fastapi": python}
    missing = {name: why for name, why in missing.items() if why}
    return [server for server in ALL if server.name not in missing], missing
