"""The stage of a browser test: a real server, a real PostgreSQL, real calls and messages.

Reads commands, one JSON object a line: {"do": NAME, ...}; answers each with {"ok": ...} or {"error": ...}. What it
began ends with it, and it ends with its input."""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import traceback

from database import Postgres
from server import report, wait_for
from test_messages import Inbox, envelope, text, value
from twilio_caller import Caller, speech

PASSWORD = "correct horse battery"


class Stage:
    def __init__(self):
        self.database = Postgres().start()
        self.server = Inbox(database__url=self.database.url, database__breaker__open_after="3s",
                            database__breaker__pause="1s")
        self.server.start()
        wait_for("the database", lambda: self.server.get("/health/db")[0] == 200)
        for role in ("viewer", "operator", "admin"):
            self.add_user(f"{role}@example.com", role)
        self.load = None

    def add_user(self, email, role):
        with tempfile.TemporaryFile("w+") as secret:
            secret.write(PASSWORD + "\n")
            secret.seek(0)
            done = self.server.holdctl("user", "add", email, "--role", role, stdin=secret)
        assert done.returncode == 0, done.stderr

    def about(self):
        with open(os.path.join(self.server.data_dir, "admin.token"), encoding="ascii") as file:
            token = file.read().strip()
        return {"url": f"http://127.0.0.1:{self.server.control}", "token": token, "password": PASSWORD}

    # ---- calls ----

    def calls_begin(self, calls, seconds):
        """Calls of real speech that say their audio back, until calls_end or their time is up."""
        self.load = self.server.holdload("--calls", calls, "--duration", f"{seconds}s")

    def calls_end(self):
        self.load.send_signal(signal.SIGINT)
        self.load.communicate(timeout=60)

    def calls_play(self, calls, seconds):
        return report(self.server.holdload("--calls", calls, "--duration", f"{seconds}s"))["completed"]

    def call_named(self, custom, tracks=("inbound",)):
        """One whole call, with parameters of its own."""
        caller = Caller(self.server.ws(), tracks, custom)
        asyncio.run(caller.talk(speech(seconds=0.5)))
        return caller.call

    def messages(self, words):
        """What somebody writes by WhatsApp, as Meta tells it."""
        now = int(time.time())
        told = [text(f"wamid.{now}.{n}", at=now, words=said) for n, said in enumerate(words)]
        status, answer = self.server.meta(envelope(value(told)))
        assert status == 200, answer

    # ---- the database ----

    def database_stop(self):
        self.database.stop()

    def database_start(self):
        self.database.start()

    def refuse(self, on):
        """A rule that nobody told us of: from now on each new call breaks it. Or it is mended."""
        self.database.sql("ALTER TABLE calls ADD CONSTRAINT no_such CHECK (coalesce(custom->>'poison', '') <> 'yes')"
                          if on else "ALTER TABLE calls DROP CONSTRAINT no_such")

    # ---- the server ----

    def server_stop(self):
        return self.server.stop()

    def server_start(self):
        self.server.start()

    def another_key(self):
        """Ends every token that was signed with the one before."""
        with open(os.path.join(self.server.data_dir, "signing.key"), "w", encoding="ascii") as file:
            file.write("k" * 40 + "\n")
        self.server.process.send_signal(signal.SIGHUP)

    def close(self):
        self.server.__exit__(None)
        self.database.close()


def main():
    stage = Stage()
    print(json.dumps({"ok": stage.about()}), flush=True)
    try:
        for line in sys.stdin:
            command = json.loads(line)
            try:
                answer = {"ok": getattr(stage, command.pop("do"))(**command)}
            except Exception:  # the test is told, and goes on or fails
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer), flush=True)
    finally:
        stage.close()


if __name__ == "__main__":
    main()
