"""Debian's PgBouncer in front of a private PostgreSQL, in transaction mode: every transaction may get another
server connection, and nothing that a session sets up is there for the next."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile

from server import free_port, wait_for

PGBOUNCER = "/usr/sbin/pgbouncer"


class Pgbouncer:
    """Serves until close(). `settings` are lines of its [pgbouncer] section."""

    def __init__(self, store, **settings):
        self.port = free_port()
        self.url = f"postgresql://holdline@127.0.0.1:{self.port}/postgres"
        self.dir = tempfile.mkdtemp(prefix="holdline-pgbouncer-")
        given = {
            "listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "",
            "auth_type": "any", "pool_mode": "transaction", "default_pool_size": 3, "admin_users": "admin",
            "server_login_retry": 1, "server_check_delay": 0, **settings,
        }
        lines = "\n".join(f"{key} = {value}" for key, value in given.items())
        with open(self.dir + "/ini", "w") as file:
            file.write(f"[databases]\npostgres = host=127.0.0.1 port={store.port} user=holdline\n[pgbouncer]\n{lines}\n")
        self.log = open(self.dir + "/log", "wb")
        self.drop_root = []
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(self.dir, "postgres", "postgres")
            self.drop_root = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.serve()

    def serve(self):
        self.process = subprocess.Popen([*self.drop_root, PGBOUNCER, self.dir + "/ini"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, cwd="/tmp")
        wait_for("pgbouncer", self.answers)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def admin(self, command):
        subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "admin", "-Atc", command, "pgbouncer"],
                       check=True, capture_output=True)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
