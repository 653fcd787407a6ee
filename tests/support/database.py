"""The two stores, asked the way an operator asks them: psql and sqlite3."""

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile

from server import free_port

BIN = "/usr/lib/postgresql/15/bin"


class Postgres:
    """A private PostgreSQL of its own directory and port; off until start()."""

    def __init__(self, wrapper=(), address="127.0.0.1", copy_of=None):
        """`wrapper` stands before each of its programs. `copy_of`: begins as a standby of another one."""
        self.dir = tempfile.mkdtemp(prefix="holdline-pg-")
        self.port, self.address, self.wrapper = free_port(), address, list(wrapper)
        self.url = f"postgresql://holdline@{address}:{self.port}/postgres"
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.dir, "postgres", "postgres")
        if copy_of:
            self.run("pg_basebackup", "-D", self.dir + "/data", "-R", "-h", copy_of.dir, "-p", str(copy_of.port),
                     "-U", "holdline", "-c", "fast")
        else:
            self.run("initdb", "-D", self.dir + "/data", "-A", "trust", "-U", "holdline", "--no-sync")

    def run(self, program, *arguments):
        command = [os.path.join(BIN, program), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + command
        subprocess.run(self.wrapper + command, check=True, stdin=subprocess.DEVNULL, cwd="/tmp",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self, wait=True, options=""):
        options = (f"-p {self.port} -k {self.dir} -c listen_addresses={self.address} "
                   f"-c fsync=off -c max_connections=20 {options}")
        self.run("pg_ctl", "-D", self.dir + "/data", "-o", options, "-l", self.dir + "/log",
                 "-w" if wait else "-W", "start")
        return self

    def stop(self, mode="immediate"):
        self.run("pg_ctl", "-D", self.dir + "/data", "-m", mode, "-w", "stop")

    def close(self):
        try:
            self.stop()
        except subprocess.CalledProcessError:
            pass  # it was off
        shutil.rmtree(self.dir, ignore_errors=True)

    def psql(self, database="postgres"):
        """As the owner of all, past every network."""
        return [os.path.join(BIN, "psql"), "-h", self.dir, "-p", str(self.port), "-U", "holdline", "-qAt",
                "-v", "ON_ERROR_STOP=1", "-d", database]

    def sql(self, *statements, database="postgres", **environment):
        """Each in a transaction of its own."""
        for statement in statements:
            subprocess.run([*self.psql(database), "-c", statement], check=True, capture_output=True, text=True,
                           timeout=60, env={**os.environ, **environment})

    def rows(self, query):
        """A list of dicts; an empty one while the tables are not there yet."""
        done = subprocess.run(
            [*self.psql(), "-c", f"SELECT row_to_json(t) FROM ({query}) t"], capture_output=True, text=True,
            timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()]


class Sqlite:
    """The embedded store of a server's data directory, read-only."""

    url = ""

    def __init__(self, data_dir):
        self.path = os.path.join(data_dir, "holdline.db")

    def rows(self, query):
        try:
            with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as database:
                database.row_factory = sqlite3.Row
                rows = [dict(row) for row in database.execute(query)]
        except sqlite3.OperationalError:
            return []
        for row in rows:
            for key in ("custom", "data"):
                if isinstance(row.get(key), str):
                    row[key] = json.loads(row[key])
        return rows
